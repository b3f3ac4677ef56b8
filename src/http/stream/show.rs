//! The JSON of events: one object in one line for every public type, and for the frames that
//! a stream makes itself. Streams, the polled log and webhooks write the same, because all of
//! them come here. Which type an event has is the matter of `call/event/`.
//!
//! A key without `messages:read` is shown no subject, preview, address of a correspondent, or
//! code (DECISIONS.md, "Events and cursors").

use super::cursor::ResetReason;
use super::writer::EndReason;
use crate::call::{
    Access, ApprovalChange, Arrival, Arrived, AutoReplyNote, AutoReplyRefusal, Bulk, Change,
    EntryState, Event, EventKind, EventSight, FailureClass, INBOX, InboxId, MessageView, Now,
    OutboundId, OutboundNews, PriorityLevel, RuleNote, SenderAuth, SpamReport, Summary, ThreadId,
};
use crate::engine::{RenderingKey, Renderings};
use crate::http::api::address::{address, addresses};
use crate::http::api::message::{MESSAGE, auth, labels_and_flags};
use crate::http::api::outbound::enhanced;
use crate::http::api::rule::write_actions;
use crate::http::api::spam::SPAM;
use crate::http::wire::json::{self, Object};

/// Writes an event of the type `kind`. It knows nothing of its reader but the sight.
pub(super) fn event(out: &mut Vec<u8>, kind: EventKind, event: &Event, sight: EventSight) {
    event_with(out, kind, (event, EventExtra::default()), sight);
}

/// What only some readers are shown of an event.
#[derive(Clone, Copy, Default)]
pub(in crate::http) struct EventExtra<'a> {
    /// How often it was leased to a reader of a consumer group with this time.
    pub delivery: Option<u32>,
    /// The whole message object, which stands in the event of one message.
    pub view: Option<&'a MessageView>,
}

impl EventExtra<'_> {
    /// Of an event of a consumer group.
    pub(super) fn leased(delivery: u32) -> Self {
        EventExtra {
            delivery: Some(delivery),
            view: None,
        }
    }
}

/// The same, with more.
pub(in crate::http) fn event_with(
    out: &mut Vec<u8>,
    kind: EventKind,
    (event, extra): (&Event, EventExtra<'_>),
    sight: EventSight,
) {
    let open = sight.shows_mail;
    json::object(out, |o| {
        o.number("seq", event.seq);
        o.text("type", kind.name());
        o.time("time", event.at);
        if let Some(delivery) = extra.delivery {
            o.number("delivery", u64::from(delivery));
        }
        match event.inbox.as_deref() {
            Some(path) => o.object("inbox", |o| {
                o.shown("id", path.id);
                if sight.shows_addresses {
                    o.text("address", &path.address);
                }
                // An inbox that has left is shown without the place where the key does not see it.
                let above: &[InboxId] = match sight.has_left {
                    true => &[],
                    false => &path.ancestors,
                };
                o.shown_or_null("parent", above.first());
                let path = above.iter().rev().chain([&path.id]);
                json::list(o.value("path"), path, json::shown);
            }),
            None => o.null("inbox"),
        }
        match &event.change {
            Change::Arrived(arrived) => match arrived.kind {
                Arrival::Received | Arrival::Sent => {
                    let told = WholeMessage {
                        view: extra.view,
                        ..WholeMessage::of(arrived)
                    };
                    whole(o, &told, open);
                }
                Arrival::Appended | Arrival::Copied => {
                    let told = (arrived.folder == INBOX).then(|| WholeMessage::of(arrived));
                    if let Some(told) = &told {
                        whole(o, told, open);
                    }
                    o.text("folder", &arrived.folder);
                    let state = core::slice::from_ref(&arrived.state);
                    states(o, (state, 1), told.as_slice(), open);
                }
            },
            Change::Copied(bulk) | Change::Flagged(bulk) => {
                let told = WholeMessage::all(bulk);
                if let ([told], 1) = (told.as_slice(), bulk.count) {
                    whole(o, told, open);
                }
                o.text("folder", &bulk.folder);
                states(o, (&bulk.messages, bulk.count), &told, open);
            }
            Change::Expunged {
                messages,
                count,
                folder,
                moved_to: _,
                reason,
            } => {
                o.text("folder", folder);
                if let Some(reason) = reason {
                    o.text("reason", reason.name());
                }
                json::list(o.value("messages"), messages, |out, id| {
                    json::object(out, |o| o.shown("id", id));
                });
                counts(o, messages.len(), *count);
            }
            Change::DomainVerified { domain, name } => o.object("domain", |o| {
                o.shown("id", domain);
                o.text("name", name);
            }),
            Change::WebhookDisabled(note) => {
                o.object("webhook", |o| {
                    o.shown("id", note.webhook);
                    o.text("url", &note.url);
                });
                o.text("reason", note.reason.name());
            }
            Change::Approval(change) => approval(o, change, open),
            Change::InboxCreated
            | Change::InboxUpdated
            | Change::InboxMoved { .. }
            | Change::InboxDeleted => {}
            Change::Outbound(news) => outbound(o, news, open),
            Change::AutoReplied { message, note } => {
                o.object("message", |o| o.shown("id", message));
                o.object("auto_reply", |o| reply(o, note, open));
            }
            // These have no public type, so they are never shown.
            Change::MailboxCreated { .. }
            | Change::MailboxRenamed { .. }
            | Change::MailboxDeleted { .. }
            | Change::KeyRevoked { .. }
            | Change::GroupReady { .. }
            | Change::Acknowledged { .. }
            | Change::OrgDeleted => {}
        }
    });
}

/// Writes the same, once for the readers of a worker that see the same.
pub(super) fn shared_event(
    (out, renderings): (&mut Vec<u8>, &mut Renderings),
    kind: EventKind,
    (event, delivery): (&Event, Option<u32>),
    access: &Access,
) {
    let sight = event.sight(access);
    if let Some(delivery) = delivery {
        return event_with(out, kind, (event, EventExtra::leased(delivery)), sight);
    }
    let key = RenderingKey {
        org: event.org,
        seq: event.seq,
        kind,
        sight,
    };
    renderings.write(key, out, |out| self::event(out, kind, event, key.sight));
}

/// What became of a sent message for one recipient outside.
fn outbound(o: &mut Object<'_>, news: &OutboundNews, open: bool) {
    match news.message {
        Some(id) => o.object("message", |o| o.shown("id", id)),
        None => o.null("message"),
    }
    if open {
        o.text("recipient", &news.recipient);
    }
    match news.outbound {
        // A recipient here has no row in the queue.
        OutboundId(0) => o.null("outbound"),
        id => o.shown("outbound", id),
    }
    if open {
        // A reply may have the address of the recipient in it.
        o.text("reason", &news.reason);
    }
    o.text_or_null("class", news.class.map(FailureClass::name));
    match news.code {
        Some(code) => o.number("code", u64::from(code)),
        None => o.null("code"),
    }
    o.text_or_null("enhanced", enhanced(news.enhanced).as_deref());
    o.text_or_null("host", Some(&*news.host).filter(|host| !host.is_empty()));
    o.slot("metadata").raw_or_null(news.metadata.as_deref());
}

/// What became of a held message, for one recipient.
fn approval(o: &mut Object<'_>, change: &ApprovalChange, open: bool) {
    o.object("message", |o| {
        o.shown("id", change.message);
        if open {
            o.text("subject", &change.subject);
        }
    });
    if open {
        o.text("recipient", &change.recipient);
    }
    o.text_or_null("reason", change.reason.as_deref().filter(|_| open));
    o.shown("approval", change.approval);
    if let Some(json) = &change.metadata {
        o.slot("metadata").raw_or_null(Some(json));
    }
}

/// Writes the frame of a stream that is at the head of the log.
pub(super) fn ready(out: &mut Vec<u8>, now: Now, seq: u64, epoch: u64) {
    json::object(out, |o| {
        o.number("seq", seq);
        o.text("type", EventKind::Ready.name());
        o.time("time", now.unix_ms);
        o.number("epoch", epoch);
    });
}

/// Writes the frame of a stream whose cursor is not in the log.
pub(super) fn reset(out: &mut Vec<u8>, now: Now, oldest: u64, reason: ResetReason) {
    json::object(out, |o| {
        o.number("seq", oldest);
        o.text("type", EventKind::Reset.name());
        o.time("time", now.unix_ms);
        o.text(
            "reason",
            match reason {
                ResetReason::TooOld => "too_old",
                ResetReason::Ahead => "ahead",
            },
        );
    });
}

/// Writes the last frame of a stream. It says when to come back, if that is of use.
pub(super) fn closing(out: &mut Vec<u8>, now: Now, seq: u64, reason: EndReason) {
    json::object(out, |o| {
        o.number("seq", seq);
        o.text("type", EventKind::Closing.name());
        closing_rest(o, now, reason);
    });
}

/// Writes the last message of a WebSocket. `seq` is the number behind which its subscriptions have
/// all to go on; none where it had none.
pub(super) fn closing_fields(o: &mut Object<'_>, now: Now, seq: Option<u64>, reason: EndReason) {
    match seq {
        Some(seq) => o.number("seq", seq),
        None => o.null("seq"),
    }
    closing_rest(o, now, reason);
}

fn closing_rest(o: &mut Object<'_>, now: Now, reason: EndReason) {
    let (word, reconnect_after_ms) = end_words(reason);
    o.time("time", now.unix_ms);
    o.text("reason", word);
    match reconnect_after_ms {
        Some(ms) => o.number("reconnect_after_ms", ms),
        None => o.null("reconnect_after_ms"),
    }
}

/// Why a stream ends, in one word, and after how many milliseconds to come back.
pub(super) fn end_words(reason: EndReason) -> (&'static str, Option<u64>) {
    match reason {
        EndReason::Shutdown { reconnect_after_ms } => ("shutdown", Some(reconnect_after_ms)),
        EndReason::KeyRevoked => ("key_revoked", None),
        EndReason::OrgDeleted => ("org_deleted", None),
        EndReason::KeyExpired => ("key_expired", None),
        EndReason::InboxDeleted => ("inbox_deleted", None),
        EndReason::InboxMoved => ("inbox_moved", None),
        EndReason::GroupDeleted => ("group_deleted", None),
        EndReason::Fault => ("fault", Some(FAULT_RETRY_MS)),
    }
}

/// Milliseconds before a client comes back after a fault of the server.
const FAULT_RETRY_MS: u64 = 5000;

/// Octets of the states of one event. A hundred messages of which all is told have fewer; with
/// many long labels they can have half a megabyte, and each stream has its own copy.
const STATES_BYTES: usize = 128 << 10;

/// A message of which all is told.
struct WholeMessage<'a> {
    state: &'a EntryState,
    thread: ThreadId,
    folder: &'a str,
    size: u32,
    summary: &'a Summary,
    auth: SenderAuth,
    answered: Option<&'a str>,
    rules: &'a [RuleNote],
    spam: Option<&'a SpamReport>,
    auto_reply: Option<&'a AutoReplyNote>,
    /// The message object, where it is told whole.
    view: Option<&'a MessageView>,
}

impl<'a> WholeMessage<'a> {
    fn of(arrived: &'a Arrived) -> WholeMessage<'a> {
        WholeMessage {
            state: &arrived.state,
            thread: arrived.thread,
            folder: &arrived.folder,
            size: arrived.size,
            summary: &arrived.summary,
            auth: arrived.auth,
            answered: arrived.in_reply_to_metadata.as_deref(),
            rules: &arrived.rules,
            spam: arrived.spam.as_deref(),
            auto_reply: arrived.auto_reply.as_deref(),
            view: None,
        }
    }

    fn all(bulk: &'a Bulk) -> Vec<WholeMessage<'a>> {
        let pairs = bulk.messages.iter().zip(&bulk.details);
        let told = pairs.map(|(state, detail)| WholeMessage {
            state,
            thread: detail.thread,
            folder: &bulk.folder,
            size: detail.size,
            summary: &detail.summary,
            auth: detail.auth,
            answered: None,
            rules: &[],
            spam: detail.spam.as_deref(),
            auto_reply: None,
            view: None,
        });
        told.collect()
    }
}

/// The message of an event that is about one, and the verdicts on it.
fn whole(o: &mut Object<'_>, told: &WholeMessage<'_>, open: bool) {
    o.object("message", |o| {
        match told.view {
            Some(view) => MESSAGE.write_fields(o, view),
            None => message(o, told, open),
        }
        if let Some(json) = told.answered {
            o.slot("in_reply_to_metadata").raw_or_null(Some(json));
        }
    });
    spam(o, told.spam, open);
    auth(o, told.auth);
    json::list(o.value("rules"), told.rules, |out, note| {
        rule(out, note, open)
    });
    if let Some(note) = told.auto_reply {
        o.object("auto_reply", |o| reply(o, note, open));
    }
}

/// What became of the answer of a rule.
fn reply(o: &mut Object<'_>, note: &AutoReplyNote, open: bool) {
    o.text("status", note.status.name());
    o.text_or_null("reason", note.reason.map(AutoReplyRefusal::name));
    o.shown("rule_id", note.rule);
    if open {
        o.text("to", &note.to);
    }
    o.shown_or_null("message_id", note.message);
}

/// What a rule has done.
fn rule(out: &mut Vec<u8>, note: &RuleNote, open: bool) {
    json::object(out, |o| {
        o.shown("id", note.id);
        // A rule need not have a name.
        let name = Some(note.name.as_str()).filter(|name| !name.is_empty());
        o.text_or_null("name", name);
        write_actions(o.value("actions"), &note.actions, open);
        if let Some(error) = &note.error {
            o.text("error", error);
        }
    });
}

/// What the filter says. Its reasons may have words of the message.
fn spam(o: &mut Object<'_>, report: Option<&SpamReport>, open: bool) {
    let mut slot = o.slot("spam");
    match report {
        None => slot.null(),
        Some(report) if open => SPAM.write(slot.octets(), report),
        Some(report) => SPAM.write(slot.octets(), &report.without_reasons()),
    }
}

fn message(o: &mut Object<'_>, told: &WholeMessage<'_>, open: bool) {
    let summary = told.summary;
    o.shown("id", told.state.id);
    o.shown("thread_id", told.thread);
    if open {
        address(o.value("from"), &summary.from);
        addresses(o, "to", &summary.to);
        o.text("subject", &summary.subject);
    }
    o.time_or_null("date", summary.date.map(|s| s.saturating_mul(1000)));
    o.number("size", u64::from(told.size));
    o.text("folder", told.folder);
    labels_and_flags(o, told.state);
    if open {
        o.text("preview", &summary.preview);
    }
    o.flag("has_attachments", summary.has_attachments);
    o.text("priority", PriorityLevel::of(summary.priority).name());
    if open {
        o.texts("codes", &summary.codes);
    }
    o.flag("untrusted", told.auth.is_untrusted());
}

/// The new states of up to 100 messages, of at most [`STATES_BYTES`], and how many there are in
/// all. Of the first of them all is told where they have come into INBOX.
fn states(
    o: &mut Object<'_>,
    (messages, count): (&[EntryState], u32),
    told: &[WholeMessage<'_>],
    open: bool,
) {
    let told = told.iter().map(Some).chain(core::iter::repeat(None));
    let out = o.value("messages");
    let end = out.len().saturating_add(STATES_BYTES);
    let mut shown = 0;
    out.push(b'[');
    for (state, told) in messages.iter().zip(told) {
        if out.len() >= end {
            break;
        }
        if shown > 0 {
            out.push(b',');
        }
        shown += 1;
        json::object(out, |o| match told {
            Some(told) => {
                message(o, told, open);
                if told.spam.is_some() {
                    spam(o, told.spam, open);
                }
                auth(o, told.auth);
            }
            None => {
                o.shown("id", state.id);
                labels_and_flags(o, state);
            }
        });
    }
    out.push(b']');
    counts(o, shown, count);
}

fn counts(o: &mut Object<'_>, shown: usize, count: u32) {
    o.number("count", u64::from(count));
    o.flag("more", (count as usize) > shown);
}
