//! Webhooks: endpoints that get the events of an organization, and what became of each delivery.

use super::codes;
use super::fields::FieldKind::{
    AnyObject, Flag, Id, InboxName, List, Number, Object, OneOf, SomeOf, Text, Time,
};
use super::fields::{ANY, BodyTable, FieldKind, FieldRow, fields, octets, sometimes};
use super::key::{NOT_REPEATED, secret};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::bounds::METADATA_BYTES_MAX;
use crate::call::{
    Answer, DeliveryId, DeliveryRow, DeliveryStatus, DisabledReason, EventKind, HookAnswer,
    HookAttempt, HookName, HookPlace, HookTest, InboxId, NewWebhook, REMOTE_URL_BYTES_MAX, Secret,
    Shared, Verdict, WebhookId, WebhookPatch, WebhookRead, WebhookRow, WebhookWrite, Written,
};
use crate::http::wire::response::Response;

const URL: FieldKind = Text(octets(REMOTE_URL_BYTES_MAX));
const MS: FieldKind = Number {
    min: 0,
    max: u64::MAX,
};
const STATUS_CODE: FieldKind = Number { min: 0, max: 999 };
const INCLUDE: &[&str] = &["summary", "full"];

pub(super) const NEW_WEBHOOK: BodyTable = BodyTable {
    name: "NewWebhook",
    says: "A webhook to make.",
    optional: false,
    example: r#"{"url":"https://hooks.example.com/postern","types":["message.received"]}"#,
    fields: fields! {
        url: required URL, r#""https://hooks.example.com/postern""#,
            "Where events are sent by POST: https, a public host, port 443 or 8443.";
        types: optional SomeOf(EventKind::LOGGED), r#"["message.received"]"#,
            "Only events of these types.";
        inbox: optional InboxName, r#""inb_01Hq7Zk3VdX""#, "Only events of this inbox; below one, it can be no other.";
        from: optional Text(octets(320)), r#""example.com""#,
            "Only messages from this address or this domain; needs `messages:read`.";
        label: optional Text(octets(64)), r#""urgent""#, "Only messages with this label.";
        verdict: optional OneOf(Verdict::NAMES), r#""clean""#, "Only messages with this verdict.";
        include: optional OneOf(INCLUDE), r#""full""#,
            "`full` puts the message object in, with up to 16,384 characters of each text; it needs \
             `messages:read`." or r#""summary""#;
        metadata: optional AnyObject(METADATA_BYTES_MAX), r#"{"team":"ops"}"#, "Your own object.";
    },
};

pub(super) const WEBHOOK_PATCH: BodyTable = BodyTable {
    name: "WebhookPatch",
    says: "A change of a webhook. What is absent stays.",
    optional: false,
    example: r#"{"enabled":true}"#,
    fields: fields! {
        url: optional URL, r#""https://hooks.example.com/postern""#, "Where events are sent.";
        types: optional SomeOf(EventKind::LOGGED), "[]", "Only events of these types; none is all.";
        inbox: clearable InboxName, r#""inb_01Hq7Zk3VdX""#, "Only events of this inbox; null is all.";
        from: clearable Text(octets(320)), r#""example.com""#, "Only messages from there; null is all.";
        label: clearable Text(octets(64)), r#""urgent""#, "Only messages with this label; null is all.";
        verdict: clearable OneOf(Verdict::NAMES), r#""clean""#, "Only messages with this verdict.";
        include: optional OneOf(INCLUDE), r#""full""#, "`summary` or `full`.";
        metadata: clearable AnyObject(METADATA_BYTES_MAX), r#"{"team":"ops"}"#, "Your own object.";
        enabled: optional Flag, "true",
            "`true` revives one that was disabled: what has waited in the log is sent.";
    },
};

static WEBHOOK: Shape<WebhookRow> = shape! {
    "Webhook", "An endpoint that gets events.";
    id: always Id(WebhookId::PREFIX), r#""whk_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    url: always URL, r#""https://hooks.example.com/postern""#, "Where events are sent."
        => |slot, row| slot.text(&row.url);
    types: always List(&OneOf(EventKind::NAMES)), r#"["message.received"]"#,
        "Only events of these types; none is all."
        => |slot, row| slot.texts(row.kinds.iter().map(|kind| kind.name()));
    inbox: or_null Id(InboxId::PREFIX), "null", "Only events of this inbox; null is all."
        => |slot, row| slot.shown_or_null(row.inbox);
    from: or_null Text(ANY), r#""example.com""#, "Only messages from there; null is all."
        => |slot, row| slot.text_or_null(row.from.as_deref());
    label: or_null Text(ANY), r#""urgent""#, "Only messages with this label; null is all."
        => |slot, row| slot.text_or_null(row.label.as_deref());
    verdict: or_null OneOf(Verdict::NAMES), r#""clean""#, "Only messages with this verdict."
        => |slot, row| slot.text_or_null(row.verdict.map(Verdict::name));
    include: always OneOf(INCLUDE), r#""summary""#, "Whether the message object goes with an event."
        => |slot, row| slot.text(if row.is_full { "full" } else { "summary" });
    metadata: or_null AnyObject(METADATA_BYTES_MAX), "null", "Your own object."
        => |slot, row| slot.raw_or_null(row.metadata.as_deref());
    enabled: always Flag, "true", "Whether events are sent."
        => |slot, row| slot.flag(row.is_enabled);
    disabled_reason: or_null OneOf(DisabledReason::NAMES), "null",
        "Why it was disabled: `gone`, it has answered 410; `failing`, it has failed for 120 hours."
        => |slot, row| slot.text_or_null(row.disabled_reason.map(DisabledReason::name));
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, row| slot.time(row.created_at);
};

/// A webhook with a new secret. Without it this is what a replay says.
struct MadeWebhook {
    row: WebhookRow,
    secret: Option<Secret>,
}

static MADE_WEBHOOK: Shape<MadeWebhook> = shape! {
    "MadeWebhook", "A webhook with its new secret.";
    ..WEBHOOK of |object, made| WEBHOOK.write_fields(object, &made.row);
    secret: or_null Text(ANY), r#""whsec_MfKQ…""#,
        "The secret that signs its requests, shown here and never again; null in a replay."
        => |slot, made| secret(slot, made.secret.as_ref());
    note: always Text(ANY), r#""…""#, "Why the secret is not here."
        => |slot, _| slot.text(NOT_REPEATED), if |made| made.secret.is_none();
};

static ATTEMPT: Shape<HookAttempt> = shape! {
    "DeliveryAttempt", "One attempt of a delivery.";
    at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it ended."
        => |slot, attempt| slot.time(attempt.at);
    status_code: or_null STATUS_CODE, "200", "The status of the answer."
        => |slot, attempt| slot.number_or_null(attempt.answer.status().map(u64::from));
    duration_ms: always MS, "120", "How long it took."
        => |slot, attempt| slot.number(attempt.duration_ms);
    response: or_null Text(ANY), r#""ok""#, "The start of the answer."
        => |slot, attempt| slot.text_or_null(response(&attempt.answer));
    error: or_null Text(ANY), "null",
        "Why there was none; `address_not_allowed` where the host leads to an address that webhooks \
         do not go to."
        => |slot, attempt| slot.text_or_null(error(&attempt.answer));
};

static DELIVERY: Shape<DeliveryRow> = shape! {
    "Delivery", "An event that was sent to a webhook at least once.";
    id: always Id(DeliveryId::PREFIX), r#""dlv_00000000017""#, "Its id, unique for its webhook."
        => |slot, row| slot.shown(row.id);
    event_id: always Text(ANY), r#""evt_01Hq7Zk3VdX_7""#,
        "The id of its event, which is its `webhook-id`: its organization, and its number in the log."
        => |slot, row| slot.shown(row.event());
    type: always OneOf(EventKind::NAMES), r#""message.received""#, "The type of its event."
        => |slot, row| slot.text(row.kind.name());
    status: always OneOf(DeliveryStatus::NAMES), r#""delivered""#, "What has become of it."
        => |slot, row| slot.text(row.status.name());
    attempts: always List(&Object(&ATTEMPT)), "[]", "The newest 20 attempts, oldest first."
        => |mut slot, row| ATTEMPT.write_list(slot.octets(), &row.attempts);
    next_attempt_at: or_null Time, "null", "When a pending one is tried next."
        => |slot, row| slot.time_or_null(row.next_attempt_at);
};

static TESTED: Shape<HookTest> = shape! {
    "WebhookTest", "What an endpoint has answered to a test.";
    status_code: or_null STATUS_CODE, "200", "The status of the answer."
        => |slot, test| slot.number_or_null(test.answer.status().map(u64::from));
    duration_ms: always MS, "120", "How long it took."
        => |slot, test| slot.number(test.duration_ms);
    response: or_null Text(ANY), r#""ok""#, "The start of the answer."
        => |slot, test| slot.text_or_null(response(&test.answer));
    error: or_null Text(ANY), "null", "Why there was none."
        => |slot, test| slot.text_or_null(error(&test.answer));
};

static REDELIVERING: Shape<u64> = shape! {
    "Redelivering", "What is sent again.";
    count: always MS, "17", "How many events, without those that wait in any case."
        => |slot, count| slot.number(*count);
};

fn response(answer: &HookAnswer) -> Option<&str> {
    match answer {
        HookAnswer::Status(_, text) => Some(text),
        HookAnswer::Error(_) => None,
    }
}

fn error(answer: &HookAnswer) -> Option<&str> {
    match answer {
        HookAnswer::Status(..) => None,
        HookAnswer::Error(why) => Some(why),
    }
}

/// The inbox of the path, where it names one.
fn place_of(request: &RouteRequest<'_>, of_inbox: bool) -> Result<HookPlace, Box<Problem>> {
    of_inbox.then(|| request.inbox()).transpose()
}

/// The webhook of the path.
fn named(request: &RouteRequest<'_>, of_inbox: bool) -> Result<HookName, Box<Problem>> {
    Ok(HookName {
        place: place_of(request, of_inbox)?,
        id: request.id(usize::from(of_inbox), "webhook", WebhookId::parse)?,
    })
}

fn delivery_id(text: &str) -> Option<DeliveryId> {
    DeliveryId::parse(text)
}

fn made(written: &Written, status: u16) -> Option<Response> {
    match written {
        Written::Webhook(row, secret) => {
            let made = MadeWebhook {
                row: (**row).clone(),
                secret: secret.clone(),
            };
            Some(MADE_WEBHOOK.response(status, &made))
        }
        _ => None,
    }
}

/// What is kept of an answer with a secret: all but the secret.
fn keep(written: &Written, status: u16) -> Vec<u8> {
    let Written::Webhook(row, _) = written else {
        return Vec::new();
    };
    let shown = Written::Webhook(row.clone(), None);
    made(&shown, status).map_or_else(Vec::new, Response::keep)
}

pub(super) const MADE: &[Gives] = &[Gives {
    status: 201,
    says: "The webhook, with its secret.",
    content: ResponseContent::One(&MADE_WEBHOOK),
}];

pub(super) const LISTED: &[Gives] = &[Gives {
    status: 200,
    says: "A page of webhooks.",
    content: ResponseContent::Page(&WEBHOOK),
}];

pub(super) const READ_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "The webhook.",
    content: ResponseContent::One(&WEBHOOK),
}];

pub(super) const PATCHED: &[Gives] = &[Gives {
    status: 200,
    says: "The webhook as it is now.",
    content: ResponseContent::One(&WEBHOOK),
}];

pub(super) const ROTATED: &[Gives] = &[Gives {
    status: 200,
    says: "The webhook, with its new secret.",
    content: ResponseContent::One(&MADE_WEBHOOK),
}];

pub(super) const TESTED_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "What the endpoint has answered, or why it did not.",
    content: ResponseContent::One(&TESTED),
}];

pub(super) const DELIVERIES_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "A page of deliveries.",
    content: ResponseContent::Page(&DELIVERY),
}];

pub(super) const REDELIVERED: &[Gives] = &[Gives {
    status: 202,
    says: "The delivery, pending.",
    content: ResponseContent::One(&DELIVERY),
}];

pub(super) const REDELIVERING_GIVES: &[Gives] = &[Gives {
    status: 202,
    says: "How many begin again.",
    content: ResponseContent::One(&REDELIVERING),
}];

pub(crate) static CREATE: Operation = Operation {
    id: "webhooks.create",
    summary: "Make a webhook",
    says: "Makes a webhook. It gets the events from now on, signed as Standard Webhooks say, one \
           after the other; an event that is not answered with 2xx is tried again for about 76 \
           hours. The secret is in this response only.",
    query: &[],
    takes: Takes::Json(&NEW_WEBHOOK),
    gives: MADE,
    errors: &[codes::NOT_FOUND, codes::KEY_BOUND, codes::LIMIT_REACHED],
    run: |request| create(request, false),
};

pub(super) fn create(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let place = place_of(request, of_inbox)?;
    let body = &mut request.body;
    let new = NewWebhook {
        url: body.text("url").unwrap_or_default(),
        kinds: body.words("types", EventKind::named).unwrap_or_default(),
        inbox: body.inbox("inbox"),
        from: body.text("from"),
        label: body.text("label"),
        verdict: body.text("verdict").and_then(|word| Verdict::named(&word)),
        is_full: body.text("include").is_some_and(|word| word == "full"),
        metadata: body.text("metadata"),
    };
    let call = WebhookWrite::Create {
        place,
        new: Box::new(new),
        idempotency: request.idempotency(|written| keep(written, 201)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| made(written, 201),
    ))
}

pub(crate) static LIST: Operation = Operation {
    id: "webhooks.list",
    summary: "List webhooks",
    says: "Lists the webhooks of the organization by id, all of them in one page.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: LISTED,
    errors: &[],
    run: |request| list(request, false),
};

pub(super) fn list(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    request.one_page();
    let place = place_of(request, of_inbox)?;
    Ok(RouteStep::Read(
        Box::new(WebhookRead::List { place }.into()),
        |answer, _, _| match answer {
            Answer::Webhooks(rows) => Some(WEBHOOK.page(&rows, None)),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "webhooks.read",
    summary: "Read a webhook",
    says: "Reads one webhook, without its secret.",
    query: &[],
    takes: Takes::Nothing,
    gives: READ_GIVES,
    errors: &[],
    run: |request| read(request, false),
};

pub(super) fn read(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let hook = named(request, of_inbox)?;
    Ok(RouteStep::Read(
        Box::new(WebhookRead::Get { hook }.into()),
        |answer, _, _| match answer {
            Answer::Webhooks(rows) => Some(WEBHOOK.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static PATCH: Operation = Operation {
    id: "webhooks.patch",
    summary: "Change a webhook",
    says: "Changes a webhook, or revives one that was disabled. A key without `messages:read` \
           takes the content of messages out of its events.",
    query: &[],
    takes: Takes::Json(&WEBHOOK_PATCH),
    gives: PATCHED,
    errors: &[],
    run: |request| patch(request, false),
};

pub(super) fn patch(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let hook = named(request, of_inbox)?;
    let body = &mut request.body;
    let verdict = body.clearable_text("verdict");
    let patch = WebhookPatch {
        url: body.text("url"),
        kinds: body.words("types", EventKind::named),
        inbox: body.clearable_inbox("inbox"),
        from: body.clearable_text("from"),
        label: body.clearable_text("label"),
        verdict: verdict.map(|word| word.and_then(|word| Verdict::named(&word))),
        is_full: body.text("include").map(|word| word == "full"),
        metadata: body.clearable_text("metadata"),
        is_enabled: body.flag("enabled"),
    };
    let call = WebhookWrite::Patch {
        hook,
        patch: Box::new(patch),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| match written {
            Written::Webhook(row, _) => Some(WEBHOOK.response(200, row)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "webhooks.delete",
    summary: "Delete a webhook",
    says: "Deletes a webhook with its deliveries. A request that is under way comes to its end.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: |request| delete(request, false),
};

pub(super) fn delete(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let hook = named(request, of_inbox)?;
    Ok(RouteStep::Write(
        Box::new(WebhookWrite::Delete { hook }.into()),
        gone,
    ))
}

pub(crate) static ROTATE: Operation = Operation {
    id: "webhooks.rotate_secret",
    summary: "Make a new secret",
    says: "Makes a new secret, which is in this response only. For a day requests have two \
           signatures: the new one first, and that of the old secret.",
    query: &[],
    takes: Takes::Nothing,
    gives: ROTATED,
    errors: &[],
    run: |request| rotate(request, false),
};

pub(super) fn rotate(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let call = WebhookWrite::Rotate {
        hook: named(request, of_inbox)?,
        idempotency: request.idempotency(|written| keep(written, 200)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| made(written, 200),
    ))
}

pub(crate) static TEST: Operation = Operation {
    id: "webhooks.test",
    summary: "Test a webhook",
    says: "Sends an event of the type `webhook.test` now, also to one that is disabled, and waits \
           for the answer: 15 seconds. It is not in the log and not repeated. A request that is sent \
           again with its `Idempotency-Key` makes another test.",
    query: &[],
    takes: Takes::Nothing,
    gives: TESTED_GIVES,
    errors: &[],
    run: |request| test(request, false),
};

pub(super) fn test(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let hook = named(request, of_inbox)?;
    Ok(RouteStep::Write(
        Box::new(WebhookWrite::Test { hook }.into()),
        |written, _: &Shared| match written {
            Written::WebhookTested(test) => Some(TESTED.response(200, test)),
            _ => None,
        },
    ))
}

pub(super) const STATUS: FieldRow = sometimes(
    "status",
    OneOf(DeliveryStatus::NAMES),
    r#""failed""#,
    "Only deliveries with this status.",
);

pub(crate) static DELIVERIES: Operation = Operation {
    id: "webhooks.deliveries",
    summary: "List deliveries",
    says: "Lists the events that were sent to a webhook, the newest first, as long as the log keeps \
           them.",
    query: &[STATUS, LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: DELIVERIES_GIVES,
    errors: &[],
    run: |request| deliveries(request, false),
};

pub(super) fn deliveries(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let hook = named(request, of_inbox)?;
    let query = &mut request.parameters;
    let cursor = match query.text("cursor") {
        None => None,
        Some(text) => Some(
            delivery_id(&text)
                .ok_or_else(|| Problem::invalid("cursor", "is not one that a list here gave"))?,
        ),
    };
    let call = WebhookRead::Deliveries {
        hook,
        status: query
            .text("status")
            .and_then(|word| DeliveryStatus::named(&word)),
        cursor,
        limit: query.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Deliveries { rows, next } => Some(DELIVERY.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static REDELIVER: Operation = Operation {
    id: "webhooks.redeliver",
    summary: "Send one event again",
    says: "Sends one event again, with the same `webhook-id`, before those that wait.",
    query: &[],
    takes: Takes::Nothing,
    gives: REDELIVERED,
    errors: &[],
    run: |request| redeliver(request, false),
};

pub(super) fn redeliver(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let call = WebhookWrite::Redeliver {
        hook: named(request, of_inbox)?,
        delivery: request.id(1 + usize::from(of_inbox), "delivery", delivery_id)?,
        idempotency: request
            .idempotency(|written| redelivered(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| redelivered(written),
    ))
}

fn redelivered(written: &Written) -> Option<Response> {
    match written {
        Written::Delivery(row) => Some(DELIVERY.response(202, row)),
        _ => None,
    }
}

pub(super) const SINCE: BodyTable = BodyTable {
    name: "RedeliverSince",
    says: "From when on events are sent again.",
    optional: false,
    example: r#"{"since":"2026-01-31T12:00:00Z"}"#,
    fields: fields! {
        since: required Time, r#""2026-01-31T12:00:00Z""#, "Events at or after this time.";
    },
};

pub(crate) static REDELIVER_SINCE: Operation = Operation {
    id: "webhooks.redeliver_since",
    summary: "Send all events since a time again",
    says: "Goes back in the log to a time: every event since that the webhook wants is sent, in \
           order, with the same `webhook-id`, also one that it has not been sent before.",
    query: &[],
    takes: Takes::Json(&SINCE),
    gives: REDELIVERING_GIVES,
    errors: &[],
    run: |request| redeliver_since(request, false),
};

pub(super) fn redeliver_since(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let call = WebhookWrite::RedeliverSince {
        hook: named(request, of_inbox)?,
        since: request.body.time("since").unwrap_or_default(),
        progress: None,
        idempotency: request
            .idempotency(|written| redelivering(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| redelivering(written),
    ))
}

fn redelivering(written: &Written) -> Option<Response> {
    match written {
        Written::Redelivering(count) => Some(REDELIVERING.response(202, count)),
        _ => None,
    }
}
