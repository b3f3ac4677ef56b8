//! The routes of events: three streams, their tickets and the polled log, with the shape of an
//! event. What they do is in `stream/`.

use super::address::ADDRESS;
use super::codes::{self, ErrorCode};
use super::event_group::{GROUP, LEASE_S, ORDER, PREFETCH};
use super::fields::FieldKind::{
    AnyObject, EventOrTime, Flag, Id, InboxNames, Keyword, List, Object, OneOf, Plain, Sender,
    SomeOf, Text, Time,
};
use super::fields::{ANY, BodyTable, FieldRow, fields, octets, sometimes};
use super::inbox::COUNT;
use super::message::{AUTH, FLAGS};
use super::operation::{Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::RouteStep;
use super::rule::ACTIONS;
use super::shapes::{Shape, shape};
use super::spam::SPAM;
use crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
use crate::call::{
    Answer, ApprovalId, AutoReplyRefusal, AutoReplyStatus, DomainId, EntryId, EventKind,
    FailureClass, InboxId, Look, MadeTicket, OutboundId, PriorityLevel, RuleId, ThreadId, Verdict,
};
use crate::http::stream;

static EVENT_INBOX: BodyTable = BodyTable {
    name: "EventInbox",
    says: "The inbox of an event.",
    optional: false,
    example: "",
    fields: fields! {
        id: required Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "Its id.";
        address: sometimes Text(ANY), r#""support@agents.example""#,
            "Its address, for a key with `messages:read` or `inboxes:read`.";
        parent: nullable Id(InboxId::PREFIX), "null", "The inbox that it is a sub-agent of.";
        path: required List(&Id(InboxId::PREFIX)), r#"["inb_01Hq7Zk3VdX"]"#,
            "Its place in the tree: the inboxes above it from the root on, then itself.";
    },
};

static EVENT_DOMAIN: BodyTable = BodyTable {
    name: "EventDomain",
    says: "The domain of an event.",
    optional: false,
    example: "",
    fields: fields! {
        id: required Id(DomainId::PREFIX), r#""dom_01Hq7Zk3VdX""#, "Its id.";
        name: required Text(ANY), r#""agents.example""#, "Its name.";
    },
};

static EVENT_MESSAGE: BodyTable = BodyTable {
    name: "EventMessage",
    says: "The message of an event; of what became of one that was sent, only its id and subject. A key without `messages:read` is shown no sender, recipient, \
           subject, preview or code.",
    optional: false,
    example: "",
    fields: fields! {
        id: required Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "Its id.";
        thread_id: sometimes Id(ThreadId::PREFIX), r#""thr_01Hq7Zk3VdX""#, "The conversation.";
        from: sometimes Object(&ADDRESS), "{}", "The first address of From.";
        to: sometimes List(&Object(&ADDRESS)), "[]", "To, up to 100 addresses.";
        subject: sometimes Text(ANY), r#""Hello""#, "The subject, decoded.";
        date: optional Time, r#""2026-01-31T12:00:00.000Z""#, "Date, as the sender wrote it.";
        size: sometimes COUNT, "2048", "Its octets.";
        folder: sometimes Text(ANY), r#""INBOX""#, "The folder that it came into.";
        labels: sometimes List(&Text(ANY)), "[]", "Its labels.";
        flags: sometimes List(&OneOf(&FLAGS)), "[]", "Its system flags.";
        preview: sometimes Text(ANY), r#""Hello, here is the report.""#, "The beginning of its text.";
        has_attachments: sometimes Flag, "true", "Whether it has an attachment.";
        priority: sometimes OneOf(PriorityLevel::NAMES), r#""normal""#, "What X-Priority and Importance say.";
        codes: sometimes List(&Text(ANY)), "[]", "One-time codes found in it.";
        untrusted: sometimes Flag, "true", "Whether it came from outside of the organization.";
        in_reply_to_metadata: sometimes AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object of the message that it answers.";
    },
};

static EVENT_STATE: BodyTable = BodyTable {
    name: "EventState",
    says: "The new state of one message. Where it has come into INBOX, all is told of it as of a \
           message that was received, up to 64 KiB of messages in one event.",
    optional: false,
    example: "",
    fields: fields! {
        id: required Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "Its id.";
        labels: sometimes List(&Text(ANY)), "[]", "Its labels, unless it was deleted.";
        flags: sometimes List(&OneOf(&FLAGS)), r#"["seen"]"#, "Its system flags, likewise.";
        thread_id: sometimes Id(ThreadId::PREFIX), r#""thr_01Hq7Zk3VdX""#, "The conversation.";
        from: sometimes Object(&ADDRESS), "{}", "The first address of From.";
        to: sometimes List(&Object(&ADDRESS)), "[]", "To, up to 100 addresses.";
        subject: sometimes Text(ANY), r#""Hello""#, "The subject, decoded.";
        date: optional Time, r#""2026-01-31T12:00:00.000Z""#, "Date, as the sender wrote it.";
        size: sometimes COUNT, "2048", "Its octets.";
        folder: sometimes Text(ANY), r#""INBOX""#, "The folder that it came into.";
        preview: sometimes Text(ANY), r#""Hello, here is the report.""#, "The beginning of its text.";
        has_attachments: sometimes Flag, "true", "Whether it has an attachment.";
        priority: sometimes OneOf(PriorityLevel::NAMES), r#""normal""#, "What X-Priority and Importance say.";
        codes: sometimes List(&Text(ANY)), "[]", "One-time codes found in it.";
        untrusted: sometimes Flag, "true", "Whether it came from outside of the organization.";
        spam: sometimes Object(&SPAM), "{}", "What the filter says of the message, if it was judged.";
        auth: optional Object(&AUTH), "null", "What is known of the sender.";
    },
};

static EVENT_RULE: BodyTable = BodyTable {
    name: "EventRule",
    says: "What a rule has done with a message.",
    optional: false,
    example: "",
    fields: fields! {
        id: required Id(RuleId::PREFIX), r#""rul_01Hq7Zk3VdX""#, "The rule.";
        name: nullable Text(ANY), r#""Invoices""#, "Its name, if it has one.";
        actions: required ACTIONS, r#"["mark_seen"]"#, "The actions that were carried out.";
        error: sometimes Text(ANY), r#""there is no folder \"Old\"""#, "Why one was not.";
    },
};

static EVENT_REPLY: BodyTable = BodyTable {
    name: "EventAutoReply",
    says: "What became of the answer of a rule.",
    optional: false,
    example: "",
    fields: fields! {
        status: required OneOf(AutoReplyStatus::NAMES), r#""queued""#, "What became of it.";
        reason: nullable OneOf(AutoReplyRefusal::NAMES), "null", "Why there is none.";
        rule_id: required Id(RuleId::PREFIX), r#""rul_01Hq7Zk3VdX""#, "The rule.";
        to: sometimes Text(ANY), r#""ann@example.com""#,
            "The sender of the message, for a key with `messages:read`.";
        message_id: nullable Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "Its copy in Sent.";
    },
};

/// Written in `stream/show.rs`. A test of `stream/` compares what is written with this table.
pub(in crate::http) static EVENT: BodyTable = BodyTable {
    name: "Event",
    says: "An event of the log. Every event has the first three fields; what follows depends on \
           its type.",
    optional: false,
    example: "",
    fields: fields! {
        seq: required COUNT, "1234", "Its number in the log of the organization. Numbers rise; not every one is an event.";
        type: required OneOf(EventKind::NAMES), r#""message.received""#, "What happened.";
        time: required Time, r#""2026-01-31T12:00:01.000Z""#, "When it was committed.";
        inbox: optional Object(&EVENT_INBOX), "{}",
            "The inbox that it is about; absent in `ready`, `reset` and `closing`.";
        message: optional Object(&EVENT_MESSAGE), "{}",
            "The message that came or was sent, or the one that a client has put into INBOX.";
        spam: optional Object(&SPAM), "null",
            "What the filter says of the message; null for one that was not judged. Reasons are empty for a key without `messages:read`.";
        auth: optional Object(&AUTH), "null", "What is known of the sender.";
        rules: sometimes List(&Object(&EVENT_RULE)), "[]",
            "The rules that have matched it or failed for it, in the order in which they were asked.";
        auto_reply: sometimes Object(&EVENT_REPLY), "{}",
            "What became of the answer of a rule, if there was to be one.";
        folder: sometimes Text(ANY), r#""INBOX""#, "The folder of the messages that changed.";
        messages: sometimes List(&Object(&EVENT_STATE)), "[]", "Up to 100 messages that changed, fewer if they have many labels.";
        count: sometimes COUNT, "1", "How many messages changed.";
        more: sometimes Flag, "false", "Whether there are more than `messages` shows.";
        recipient: sometimes Text(ANY), r#""ann@example.com""#,
            "The recipient of the message that it is about, for a key with `messages:read`.";
        reason: optional Text(ANY), "null", "Why a held message was declined, or `expired` or `retention` where messages ended by themselves.";
        outbound: optional Id(OutboundId::PREFIX), "null",
            "The row of the queue that it is about; null for a recipient here.";
        class: optional OneOf(FailureClass::NAMES), "null", "What kind of failure it is; null when it is none.";
        code: optional COUNT, "null", "The code of the other server's reply.";
        enhanced: optional Text(ANY), "null", "Its enhanced status code (RFC 3463), as 5.1.1.";
        host: optional Text(ANY), "null", "The other server.";
        domain: sometimes Object(&EVENT_DOMAIN), "{}", "The domain that was verified.";
        delivery: sometimes COUNT, "1",
            "For a reader of a consumer group: how often the event was given to one with this time.";
        epoch: sometimes COUNT, "1", "In `ready`: another number after a backup was restored.";
        reconnect_after_ms: optional COUNT, "null",
            "In `closing`: when to come back; null where that is of no use.";
        approval: sometimes Id(ApprovalId::PREFIX), r#""apr_01Hq7Zk3VdX""#,
            "The approval that the message waits for or has waited for.";
        metadata: optional AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object of the message that it is about.";
    },
};

const SINCE: FieldRow = sometimes(
    "since",
    EventOrTime,
    "1234",
    "Begin behind this event, or with the first event at this time. `Last-Event-ID` is obeyed \
     before it.",
);
const INBOX: FieldRow = sometimes(
    "inbox",
    InboxNames,
    r#""inb_01Hq7Zk3VdX""#,
    "Only events of these inboxes, at most 100; one that is not there, or that is not among those \
     that are watched, is 404.",
);
const TYPE: FieldRow = sometimes(
    "type",
    SomeOf(EventKind::NAMES),
    r#""message.received""#,
    "Only events of these types.",
);
const FROM: FieldRow = sometimes(
    "from",
    Sender,
    r#""example.com""#,
    "Only mail from this address or domain (`example.com` or `@example.com`); whole, in any case. \
     Needs `messages:read`.",
);
const LABEL: FieldRow = sometimes(
    "label",
    Keyword,
    r#""urgent""#,
    "Only messages with this label; no message need have it yet.",
);
const PRIORITY: FieldRow = sometimes(
    "priority",
    OneOf(PriorityLevel::NAMES),
    r#""high""#,
    "Only mail of this priority.",
);
const VERDICT: FieldRow = sometimes(
    "verdict",
    OneOf(Verdict::NAMES),
    r#""clean""#,
    "Only mail of this verdict.",
);

const TICKET_OF_STREAM: FieldRow = sometimes(
    "ticket",
    Plain(octets(TICKET_BYTES_MAX)),
    r#""tkt_0123456789abcdef0123456789abcdef""#,
    "In place of a key, where a client cannot send Authorization, as `EventSource` of a browser: \
     `POST /events/ticket` makes one, and it opens one stream within 30 seconds. With \
     Authorization it is not looked at.",
);
const TICKET_BYTES_MAX: usize = 64;

pub(in crate::http) const STREAM_QUERY: &[FieldRow] = &[
    TICKET_OF_STREAM,
    SINCE,
    INBOX,
    TYPE,
    FROM,
    LABEL,
    PRIORITY,
    VERDICT,
    GROUP,
    LEASE_S,
    ORDER,
    PREFETCH,
];

const STREAM_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "The stream, as long as the connection lasts. Each frame has `id` (the number of the \
           event), `event` (its type) and `data` (one line of JSON); the first frame has `retry` \
           too. `ready` says that all up to its `seq` has been told and the stream is at the head \
           of the log: it comes first on a stream without a cursor, after the replay on one with a \
           cursor, and now and then while a filter holds all events back, so that the cursor \
           moves on. `reset` says that the cursor is not in the log. `closing` is the last frame; \
           its `reason` is `shutdown`, `key_revoked`, `key_expired`, `org_deleted`, \
           `inbox_deleted`, `inbox_moved`, `group_deleted` or `fault`, and `reconnect_after_ms` says when to come back, or is null where that is of no use. A \
           line of comment comes every 15 seconds.",
    content: ResponseContent::Events(&EVENT),
}];

const STREAM_ERRORS: &[&ErrorCode] = &[
    codes::TOO_MANY_STREAMS,
    codes::NOT_FOUND,
    codes::CONFLICT,
    codes::LIMIT_REACHED,
];

pub(crate) static ALL: Operation = Operation {
    id: "events.stream",
    summary: "Stream events",
    says: "A stream of the events of every inbox that the key may see.",
    query: STREAM_QUERY,
    takes: Takes::Nothing,
    gives: STREAM_GIVES,
    errors: STREAM_ERRORS,
    run: |request| stream::all(request),
};

pub(crate) static ONE: Operation = Operation {
    id: "events.inbox",
    summary: "Stream events of an inbox",
    says: "A stream of the events of one inbox.",
    query: STREAM_QUERY,
    takes: Takes::Nothing,
    gives: STREAM_GIVES,
    errors: STREAM_ERRORS,
    run: |request| stream::one(request),
};

pub(crate) static TREE: Operation = Operation {
    id: "events.tree",
    summary: "Stream events of an inbox and its sub-agents",
    says: "A stream of the events of one inbox and of everything under it, as the tree is then. \
           Each event names its inbox and its path. An inbox that leaves is told of by \
           `inbox.updated` with its new path, an inbox that comes by `inbox.created` or \
           `inbox.updated`.",
    query: STREAM_QUERY,
    takes: Takes::Nothing,
    gives: STREAM_GIVES,
    errors: STREAM_ERRORS,
    run: |request| stream::tree(request),
};

pub(crate) static SOCKET: Operation = Operation {
    id: "events.socket",
    summary: "Events over WebSocket",
    says: "A WebSocket (RFC 6455, version 13, no extensions) with several subscriptions. Each message \
           is one JSON object in a text frame. `{\"op\":\"subscribe\",\"id\":\"a\"}` begins a subscription, whose \
           `id` you choose; `inbox` and `type` (a string or a list), `from`, `label`, `priority`, \
           `verdict` and `since` are those of the streams, and `watch` names an inbox that is watched \
           with its sub-agents. With `group` (`lease_s`, `order`, `prefetch`) the subscription reads a consumer group, and \
           `{\"op\":\"ack\",\"group\",\"id\":1234}` is answered by `{\"op\":\"acked\",\"group\",\"id\"}`. The answer is `{\"op\":\"subscribed\",\"id\",\"seq\"}`, then each event is \
           `{\"op\":\"event\",\"id\",\"event\"}` with the object that the streams have, `ready` and `reset` \
           too. `{\"op\":\"unsubscribe\",\"id\"}` ends it, and `unsubscribed` answers; with a `reason` it has \
           ended by itself. A wrong message is answered by `{\"op\":\"error\",\"id\",\"error\"}`, and the \
           connection stays. The last message is `{\"op\":\"closing\",\"seq\",\"time\",\"reason\",\
           \"reconnect_after_ms\"}`. It is closed with 1001 when the server stops or the client does not \
           answer a ping, 1002 for a wrong frame, 1003 for binary data, 1007 for a text that is not UTF-8, \
           1008 when the key ends, for more than ten pings in ten seconds and for a message that takes \
           more than 30 seconds, 1009 for a message of more than 64 KiB.",
    query: &[TICKET_OF_STREAM],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 101,
        says: "The connection is a WebSocket from here on.",
        content: ResponseContent::Nothing,
    }],
    errors: &[
        codes::BAD_REQUEST,
        codes::ORIGIN_NOT_OURS,
        codes::UPGRADE_REQUIRED,
    ],
    run: |request| stream::socket(request),
};

static TICKET: Shape<MadeTicket> = shape! {
    "Ticket", "A ticket for one event stream.";
    ticket: always Text(ANY), r#""tkt_0123456789abcdef0123456789abcdef""#,
        "For `?ticket=` of a stream, once."
        => |slot, made| slot.text(&String::from_utf8_lossy(made.ticket.expose()));
    expires_at: always Time, r#""2026-01-31T12:00:30.000Z""#, "When it ends: after 30 seconds."
        => |slot, made| slot.time(made.expires_at);
};

pub(crate) static MAKE_TICKET: Operation = Operation {
    id: "events.ticket",
    summary: "Make a ticket for a stream",
    says: "Makes a ticket, which opens one event stream in place of the key, with all that the key \
           may see. A page gets it from its own server, so that the key stays there.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 201,
        says: "The ticket. It is shown once.",
        content: ResponseContent::One(&TICKET),
    }],
    errors: &[codes::LIMIT_REACHED],
    run: |_| {
        Ok(RouteStep::Read(
            Box::new(Look::MakeTicket.into()),
            |answer, _, _| match answer {
                Answer::Ticket(made) => Some(TICKET.response(201, &made)),
                _ => None,
            },
        ))
    },
};

const AFTER: FieldRow = sometimes(
    "after",
    COUNT,
    "1234",
    "Begin behind this event; without it, with the oldest that the log has.",
);
const LOG_SINCE: FieldRow = sometimes(
    "since",
    EventOrTime,
    "1234",
    "The same as `after`, or begin with the first event at this time. `after` is obeyed before it.",
);
const LOG_CURSOR: FieldRow = sometimes(
    "cursor",
    COUNT,
    "1234",
    "Where to go on: `next_cursor` of the page before. It is obeyed before `after` and `since`.",
);

pub(crate) static LOG: Operation = Operation {
    id: "events.log",
    summary: "Poll the log",
    says: "The same events as the streams, page by page. `next_cursor` is always there: it is the \
           number to go on after, also when no event is left for now. `seq` is the same as a \
           number. A start that the log does not have is 410.",
    query: &[
        AFTER, LOG_SINCE, LOG_CURSOR, LIMIT, INBOX, TYPE, FROM, LABEL, PRIORITY, VERDICT, GROUP,
        LEASE_S, ORDER, PREFETCH,
    ],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of events.",
        content: ResponseContent::EventPage(&EVENT),
    }],
    errors: &[
        codes::CURSOR_EXPIRED,
        codes::NOT_FOUND,
        codes::CONFLICT,
        codes::LIMIT_REACHED,
    ],
    run: |request| stream::log(request),
};
