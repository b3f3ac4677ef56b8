//! Webhooks of one inbox: the operations of `webhook.rs` for keys that are bound to inboxes too.

use super::codes;
use super::operation::{CURSOR, GONE, LIMIT, Operation, Takes};
use super::webhook::{
    DELIVERIES_GIVES, LISTED, MADE, NEW_WEBHOOK, PATCHED, READ_GIVES, REDELIVERED,
    REDELIVERING_GIVES, ROTATED, SINCE, STATUS, TESTED_GIVES, WEBHOOK_PATCH, create, delete,
    deliveries, list, patch, read, redeliver, redeliver_since, rotate, test,
};

macro_rules! operations {
    ($($name:ident = $id:literal $summary:literal $says:literal
        $query:expr, $takes:expr, $gives:expr, $errors:expr, $run:ident;)*) => {$(
        pub(crate) static $name: Operation = Operation {
            id: $id,
            summary: $summary,
            says: $says,
            query: $query,
            takes: $takes,
            gives: $gives,
            errors: $errors,
            run: |request| $run(request, true),
        };
    )*};
}

operations! {
    CREATE = "inbox_webhooks.create" "Make a webhook of an inbox"
        "Makes a webhook that gets the events of one inbox, from now on. It is one of the \
         organization in all else."
        &[], Takes::Json(&NEW_WEBHOOK), MADE, &[codes::LIMIT_REACHED], create;
    LIST = "inbox_webhooks.list" "List the webhooks of an inbox"
        "Lists the webhooks of an inbox by id, all of them in one page."
        &[LIMIT, CURSOR], Takes::Nothing, LISTED, &[], list;
    READ = "inbox_webhooks.read" "Read a webhook of an inbox"
        "Reads one webhook of an inbox, without its secret."
        &[], Takes::Nothing, READ_GIVES, &[], read;
    PATCH = "inbox_webhooks.patch" "Change a webhook of an inbox"
        "Changes a webhook, or revives one that was disabled. It stays one of the inbox. A key \
         without `messages:read` takes the content of messages out of its events."
        &[], Takes::Json(&WEBHOOK_PATCH), PATCHED, &[], patch;
    DELETE = "inbox_webhooks.delete" "Delete a webhook of an inbox"
        "Deletes a webhook with its deliveries. A request that is under way comes to its end."
        &[], Takes::Nothing, GONE, &[], delete;
    ROTATE = "inbox_webhooks.rotate_secret" "Make a new secret of a webhook of an inbox"
        "Makes a new secret, which is in this response only. The old one signs too for a day."
        &[], Takes::Nothing, ROTATED, &[], rotate;
    TEST = "inbox_webhooks.test" "Test a webhook of an inbox"
        "Sends an event of the type `webhook.test` now, and waits for the answer: 15 seconds."
        &[], Takes::Nothing, TESTED_GIVES, &[], test;
    DELIVERIES = "inbox_webhooks.deliveries" "List deliveries of a webhook of an inbox"
        "Lists the events that were sent to a webhook, the newest first, as long as the log keeps \
         them."
        &[STATUS, LIMIT, CURSOR], Takes::Nothing, DELIVERIES_GIVES, &[], deliveries;
    REDELIVER = "inbox_webhooks.redeliver" "Send one event to a webhook of an inbox again"
        "Sends one event again, with the same `webhook-id`, before those that wait."
        &[], Takes::Nothing, REDELIVERED, &[], redeliver;
    REDELIVER_SINCE = "inbox_webhooks.redeliver_since"
        "Send all events since a time to a webhook of an inbox again"
        "Goes back in the log to a time: every event since that the webhook wants is sent, in \
         order, with the same `webhook-id`."
        &[], Takes::Json(&SINCE), REDELIVERING_GIVES, &[], redeliver_since;
}
