//! Shapes of messages in JSON (api.md section 4): one opened, a list of them, what a send
//! says, and the queue to outside.
//!
//! Lists carry no content. What only a filter can know (`spam`, `auth`) is null until there
//! is one.

use super::json_account::page;
use crate::call::{
    Arrival, EntryState, Flags, MessageContent, MessageView, NamedAddress, OutboundRow,
    PriorityLevel, Written, attachment_id,
};
use crate::http::wire::json::{self, Object};
use crate::http::wire::response::Response;

pub(crate) fn messages(rows: &[MessageView], next: Option<&str>) -> Response {
    page(rows, next, message)
}

pub(crate) fn one_message(view: &MessageView) -> Response {
    let mut body = Vec::new();
    json::object(&mut body, |o| message(o, view));
    Response::json(200, body)
}

fn message(o: &mut Object<'_>, view: &MessageView) {
    let summary = &view.summary;
    o.shown("id", view.state.id);
    o.shown("inbox_id", view.inbox);
    o.shown("thread_id", view.thread);
    o.text("message_id", &view.message_id);
    o.text("folder", &view.folder);
    labels_and_flags(o, &view.state);
    let sent = view.arrival == Arrival::Sent;
    o.text("direction", if sent { "outbound" } else { "inbound" });
    address(o.value("from"), &summary.from);
    addresses(o, "to", &summary.to);
    addresses(o, "cc", &summary.cc);
    if sent {
        addresses(o, "bcc", &view.bcc);
    }
    addresses(o, "reply_to", &view.reply_to);
    o.text("subject", &summary.subject);
    o.time_or_null("date", summary.date.map(|s| s.saturating_mul(1000)));
    o.time("received_at", view.received_at);
    o.number("size", u64::from(view.size));
    o.text("preview", &summary.preview);
    o.text("priority", PriorityLevel::of(summary.priority).name());
    o.flag("has_attachments", summary.has_attachments);
    o.texts("codes", &summary.codes);
    if let Some(content) = &view.content {
        opened(o, content);
    }
    o.null("spam");
    auth(o, view.local);
}

/// What is known of the sender, the same in events: a client of this server is sure to be
/// who it says; of mail from outside nothing is known yet.
pub(crate) fn auth(o: &mut Object<'_>, local: bool) {
    match local {
        true => o.object("auth", |o| o.flag("local", true)),
        false => o.null("auth"),
    }
}

fn opened(o: &mut Object<'_>, content: &MessageContent) {
    o.text("text", &content.text);
    o.text("extracted_text", &content.extracted_text);
    o.text_or_null("html", content.html.as_deref());
    json::list(o.value("attachments"), &content.attachments, |out, row| {
        json::object(out, |o| {
            o.text("id", &attachment_id(row.part));
            o.text("filename", &row.filename);
            o.text("content_type", &row.content_type);
            o.number("size", row.size);
            o.flag("inline", row.inline);
            o.text_or_null("content_id", row.content_id.as_deref());
        });
    });
    json::list(
        o.value("headers"),
        &content.headers,
        |out, (name, value)| {
            json::object(out, |o| {
                o.text("name", name);
                o.text("value", value);
            });
        },
    );
    o.texts("links", &content.links);
    o.flag("hidden_content", content.hidden_content);
    o.flag("truncated", content.truncated);
}

/// `{"name":…,"address":…}`.
pub(crate) fn address(out: &mut Vec<u8>, named: &NamedAddress) {
    json::object(out, |o| {
        o.text("name", &named.name);
        o.text("address", &named.address);
    });
}

/// A list of addresses.
pub(crate) fn addresses(o: &mut Object<'_>, field: &str, all: &[NamedAddress]) {
    json::list(o.value(field), all, address);
}

/// `labels` are the keywords of IMAP, `flags` its system flags without their backslash.
pub(crate) fn labels_and_flags(o: &mut Object<'_>, state: &EntryState) {
    o.texts("labels", &state.keywords);
    let set = Flags::NAMES
        .iter()
        .filter(|(_, flag)| state.flags.has(*flag));
    o.texts(
        "flags",
        set.map(|(name, _)| name.trim_start_matches('\\').to_ascii_lowercase()),
    );
}

/// 202 for a message that has been committed.
pub(crate) fn sent(written: &Written) -> Option<Response> {
    let Written::Delivered {
        entry,
        thread,
        message_id,
        outbound,
        ..
    } = written
    else {
        return None;
    };
    let mut body = Vec::new();
    json::object(&mut body, |o| {
        o.shown_or_null("id", *entry);
        o.text("message_id", message_id);
        o.shown_or_null("thread_id", *thread);
        // Local recipients have it with the commit; others wait in the queue.
        o.text("status", if *outbound > 0 { "queued" } else { "delivered" });
    });
    Some(Response::json(202, body))
}

/// What is kept of it for a replay.
pub(crate) fn keep_sent(written: &Written) -> Vec<u8> {
    sent(written).map(Response::keep).unwrap_or_default()
}

pub(crate) fn outbound(rows: &[OutboundRow], next: Option<&str>) -> Response {
    page(rows, next, |o, row| {
        o.shown("id", row.id);
        o.shown("inbox_id", row.inbox);
        o.shown_or_null("message", row.message);
        o.text("recipient", &row.recipient);
        o.text("status", row.status);
        o.number("attempts", u64::from(row.attempts));
        o.time("next_attempt_at", row.due_at);
        o.time("created_at", row.created_at);
    })
}
