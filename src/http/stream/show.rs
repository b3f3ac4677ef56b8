//! The public events: which type a row of the log is, and its payload. The one place where
//! `Change` becomes something that clients see; streams, the polled log and webhooks agree
//! because all of them come here.
//!
//! Rows about mailboxes and keys have no public type; they only move the cursor. A key without
//! `messages:read` is shown no subject, preview, address of a correspondent, or code.

use crate::call::{Access, Arrival, Arrived, Bulk, Change, EntryState, Event, Scopes};
use crate::http::api::json_message::{address, addresses, auth, labels_and_flags, priority};
use crate::http::wire::json::{self, Object};

/// Every public type of api.md, for the check of `?type=`. Some come with what will make them;
/// the last three are frames of a stream, which no filter holds back.
pub(crate) const TYPES: &[&str] = &[
    "message.received",
    "message.sent",
    "message.delivered",
    "message.deferred",
    "message.bounced",
    "message.rejected",
    "message.updated",
    "message.deleted",
    "message.auto_replied",
    "inbox.created",
    "inbox.updated",
    "inbox.deleted",
    "webhook.disabled",
    "ready",
    "reset",
    "closing",
];

/// The public type of a change, or `None` when it has none.
pub(crate) fn kind(change: &Change) -> Option<&'static str> {
    match change {
        Change::Arrived(arrived) => Some(match arrived.kind {
            Arrival::Received => "message.received",
            Arrival::Sent => "message.sent",
            Arrival::Appended | Arrival::Copied => "message.updated",
        }),
        // A MOVE is two rows; the one in the target mailbox tells where the messages are.
        Change::Expunged { moved_to, .. } => moved_to.is_none().then_some("message.deleted"),
        Change::Copied(_) | Change::Flagged(_) => Some("message.updated"),
        Change::InboxCreated => Some("inbox.created"),
        Change::InboxUpdated => Some("inbox.updated"),
        Change::InboxDeleted => Some("inbox.deleted"),
        Change::MailboxCreated { .. }
        | Change::MailboxRenamed { .. }
        | Change::MailboxDeleted { .. }
        | Change::KeyRevoked { .. } => None,
    }
}

/// Writes the payload of an event that has a type: one object in one line.
pub(crate) fn write(out: &mut Vec<u8>, kind: &str, event: &Event, access: &Access) {
    let open = access.scopes.allow(Scopes::MESSAGES_READ);
    json::object(out, |o| {
        o.number("seq", event.seq);
        o.text("type", kind);
        o.time("time", event.at);
        match event.inbox.as_deref() {
            Some(path) => o.object("inbox", |o| {
                o.shown("id", path.id);
                if open || access.scopes.allow(Scopes::INBOXES_READ) {
                    o.text("address", &path.address);
                }
                o.shown_or_null("parent", path.ancestors.first());
            }),
            None => o.null("inbox"),
        }
        match &event.change {
            Change::Arrived(arrived) if kind == "message.updated" => {
                o.text("folder", &arrived.folder);
                states(o, core::slice::from_ref(&arrived.state), 1);
            }
            Change::Arrived(arrived) => {
                o.object("message", |o| message(o, arrived, open));
                o.null("spam");
                auth(o, arrived.local);
                o.texts::<&str>("rules", []);
            }
            Change::Copied(Bulk {
                messages,
                count,
                folder,
            })
            | Change::Flagged(Bulk {
                messages,
                count,
                folder,
            }) => {
                o.text("folder", folder);
                states(o, messages, *count);
            }
            Change::Expunged {
                messages,
                count,
                folder,
                ..
            } => {
                o.text("folder", folder);
                json::list(o.value("messages"), messages, |out, id| {
                    json::object(out, |o| o.shown("id", id));
                });
                counts(o, messages.len(), *count);
            }
            Change::InboxCreated
            | Change::InboxUpdated
            | Change::InboxDeleted
            | Change::MailboxCreated { .. }
            | Change::MailboxRenamed { .. }
            | Change::MailboxDeleted { .. }
            | Change::KeyRevoked { .. } => {}
        }
    });
}

fn message(o: &mut Object<'_>, arrived: &Arrived, open: bool) {
    let summary = &arrived.summary;
    o.shown("id", arrived.state.id);
    o.shown("thread_id", arrived.thread);
    if open {
        address(o.value("from"), &summary.from);
        addresses(o, "to", &summary.to);
        o.text("subject", &summary.subject);
    }
    o.time_or_null("date", summary.date.map(|s| s.saturating_mul(1000)));
    o.number("size", u64::from(arrived.size));
    o.text("folder", &arrived.folder);
    labels_and_flags(o, &arrived.state);
    if open {
        o.text("preview", &summary.preview);
    }
    o.flag("has_attachments", summary.has_attachments);
    o.text("priority", priority(summary.priority));
    if open {
        o.texts("codes", &summary.codes);
    }
}

/// New states of up to 100 messages, and how many there are in all (decisions.md 2).
fn states(o: &mut Object<'_>, messages: &[EntryState], count: u32) {
    json::list(o.value("messages"), messages, |out, state| {
        json::object(out, |o| {
            o.shown("id", state.id);
            labels_and_flags(o, state);
        });
    });
    counts(o, messages.len(), count);
}

fn counts(o: &mut Object<'_>, shown: usize, count: u32) {
    o.number("count", u64::from(count));
    o.flag("more", (count as usize) > shown);
}
