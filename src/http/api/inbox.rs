//! Inboxes: made, listed, read, changed, deleted.

use super::fields::FieldKind::{
    AnyObject, DomainName, Id, InboxName, Label, Line, Nested, Number, Object, OneOf, Text, Time,
};
use super::fields::{ANY, BodyTable, fields, octets, sometimes};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use super::values::Values;
use super::{codes, upstream};
use crate::call::bounds::{
    CLIENT_ID_BYTES_MAX, LABEL_BYTES_MAX, METADATA_BYTES_MAX, RETENTION_DAYS_MAX,
};
use crate::call::{
    Answer, InboxBoundsPatch, InboxId, InboxLimits, InboxPatch, InboxRead, InboxRow, InboxWrite,
    ReceiveDefault, SendMode, Shared, Written,
};
use crate::http::wire::response::Response;

const NEW_INBOX: BodyTable = BodyTable {
    name: "NewInbox",
    says: "An inbox to make. Every field may be left out.",
    optional: false,
    example: r#"{"username":"support","display_name":"Support","client_id":"agent-7"}"#,
    fields: fields! {
        username: optional Line(octets(LOCAL_PART_BYTES_MAX)), r#""support""#,
            "What stands before the @: exactly this on an own domain, and with a hyphen and six \
             random characters behind it on the shared one.";
        domain: optional DomainName, r#""agents.example""#,
            "An own domain that is verified; without it the shared domain of the server.";
        display_name: optional Line(octets(LABEL_BYTES_MAX)), r#""Support""#,
            "Shown as the name of the sender.";
        parent: optional InboxName, r#""inb_01Hq7Zk3VdX""#,
            "Makes it a sub-agent of this inbox; at most eight levels.";
        client_id: optional Label(CLIENT_ID_BYTES_MAX), r#""agent-7""#,
            "Your own id for it. A second request with the same one gets the inbox that exists.";
        metadata: optional AnyObject(METADATA_BYTES_MAX), r#"{"team":7}"#,
            "Your own object, given back with the inbox.";
        send_mode: optional OneOf(SendMode::NAMES), r#""direct""#,
            "What happens to mail that it sends: it leaves, waits for an approval when a recipient is outside the organization, \
             becomes a draft, or is refused. That of \
             the organization may be stricter. To make it less strict needs `approve`.";
        receive_default: optional OneOf(ReceiveDefault::NAMES), r#""screen""#,
            "What happens to mail of senders that it does not know: `allow` takes it, `screen` puts \
             it into Junk with the label `$Screened`, `reject` refuses it. It knows those that it \
             has written to, those that were admitted, and its own organization.";
        expires_at: optional Time, r#""2030-01-31T12:00:00Z""#,
            "When it ends with all of its mail and everything under it.";
        retention_days: optional Number { min: 1, max: RETENTION_DAYS_MAX as u64 }, "30",
            "How many days it keeps a message; not more than its organization. Without it what \
             the organization has, or for ever.";
        quota_bytes: optional Number { min: 1, max: MAX_SAFE }, "1073741824",
            "How many octets it may store; not more than `inbox_bytes` of the limits.";
        limits: optional Nested(&INBOX_LIMITS_PATCH), r#"{"sends_per_day":100}"#,
            "Limits of its own, each stricter than what holds for every inbox. What is left out is that of `parent`.";
        upstream: optional Nested(&upstream::NEW_UPSTREAM),
            r#"{"host":"imap.example.com","port":993,"tls":"implicit","user":"ann@example.com","password":"correct horse"}"#,
            "The account elsewhere that the inbox is. Its address is that of the account.";
    },
};

const INBOX_PATCH: BodyTable = BodyTable {
    name: "InboxPatch",
    says: "A change of an inbox. What is left out stays; null clears.",
    optional: false,
    example: r#"{"display_name":"Support","metadata":{"team":7}}"#,
    fields: fields! {
        display_name: clearable Line(octets(LABEL_BYTES_MAX)), r#""Support""#,
            "Shown as the name of the sender.";
        parent: clearable InboxName, r#""inb_01Hq7Zk3VdX""#,
            "The inbox that it is a sub-agent of.";
        metadata: clearable AnyObject(METADATA_BYTES_MAX), r#"{"team":7}"#,
            "Your own object, which replaces the one before.";
        send_mode: optional OneOf(SendMode::NAMES), r#""off""#,
            "What happens to mail that it sends: it leaves, waits for an approval when a recipient is outside the organization, \
             becomes a draft, or is refused. That of \
             the organization may be stricter. To make it less strict needs `approve`.";
        receive_default: optional OneOf(ReceiveDefault::NAMES), r#""screen""#,
            "What happens to mail of senders that it does not know: `allow` takes it, `screen` puts \
             it into Junk with the label `$Screened`, `reject` refuses it. It knows those that it \
             has written to, those that were admitted, and its own organization.";
        expires_at: clearable Time, r#""2030-01-31T12:00:00Z""#,
            "When it ends with all of its mail and everything under it.";
        retention_days: clearable Number { min: 1, max: RETENTION_DAYS_MAX as u64 }, "30",
            "How many days it keeps a message; not more than its organization. Without it what \
             the organization has, or for ever.";
        quota_bytes: clearable Number { min: 1, max: MAX_SAFE }, "1073741824",
            "How many octets it may store; not more than `inbox_bytes` of the limits.";
        limits: clearable Nested(&INBOX_LIMITS_PATCH), r#"{"sends_per_day":100}"#,
            "Limits of its own, each stricter than what holds for every inbox. Null takes all of them away.";
        upstream: optional Nested(&upstream::UPSTREAM_PATCH), r#"{"password":"correct horse"}"#,
            "A change of its account elsewhere. An inbox gets one only when it is made.";
    },
};

const INBOX_LIMITS_PATCH: BodyTable = BodyTable {
    name: "InboxLimitsPatch",
    says: "A change of the limits of an inbox. What is left out stays; null takes what holds for \
           every inbox.",
    optional: false,
    example: "",
    fields: fields! {
        sends_per_day: clearable LIMIT_NUMBER, "100", "Messages that it may send in a day.";
        new_recipients_per_day: clearable LIMIT_NUMBER, "20",
            "Addresses outside that it may write to in a day and has not written to in 90 days.";
        receives_per_minute: clearable LIMIT_NUMBER, "10",
            "Messages that it may receive in a minute, in bursts of ten times as many.";
        imap_sessions: clearable LIMIT_NUMBER, "2", "IMAP sessions that it may have at once.";
    },
};

const LIMIT_NUMBER: super::fields::FieldKind = Number {
    min: 1,
    max: u32::MAX as u64,
};

/// The highest whole number that every reader of JSON keeps (RFC 8259 section 6).
const MAX_SAFE: u64 = (1 << 53) - 1;

static INBOX_LIMITS: Shape<InboxLimits> = shape! {
    "InboxLimits", "Limits that an inbox has of its own; null is what holds for every inbox.";
    sends_per_day: or_null COUNT, "100", "Messages that it may send in a day."
        => |slot, limits| slot.number_or_null(limits.sends_per_day.map(u64::from));
    new_recipients_per_day: or_null COUNT, "20",
        "Addresses outside that it may write to in a day and has not written to in 90 days."
        => |slot, limits| slot.number_or_null(limits.new_recipients_per_day.map(u64::from));
    receives_per_minute: or_null COUNT, "10", "Messages that it may receive in a minute."
        => |slot, limits| slot.number_or_null(limits.receives_per_minute.map(u64::from));
    imap_sessions: or_null COUNT, "2", "IMAP sessions that it may have at once."
        => |slot, limits| slot.number_or_null(limits.imap_sessions.map(u64::from));
};

/// What a body says of what an inbox keeps and may do.
fn bounds_of(body: &mut Values) -> InboxBoundsPatch {
    let mut patch = InboxBoundsPatch {
        retention_days: body.clearable_number("retention_days"),
        quota_bytes: body.clearable_number("quota_bytes"),
        ..InboxBoundsPatch::default()
    };
    match body.nested("limits") {
        None => {}
        Some(None) => patch.clears_limits = true,
        Some(Some(mut limits)) => {
            patch.sends_per_day = limits.clearable_number("sends_per_day");
            patch.new_recipients_per_day = limits.clearable_number("new_recipients_per_day");
            patch.receives_per_minute = limits.clearable_number("receives_per_minute");
            patch.imap_sessions = limits.clearable_number("imap_sessions");
        }
    }
    patch
}

static INBOX: Shape<InboxRow> = shape! {
    "Inbox", "An inbox: one address with everything under it.";
    id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "Its id."
        => |slot, inbox| slot.shown(inbox.id);
    address: always Text(ANY), r#""support@agents.example""#, "Its address."
        => |slot, inbox| slot.text(&inbox.address);
    display_name: or_null Text(ANY), r#""Support""#, "Shown as the name of the sender."
        => |slot, inbox| slot.text_or_null(inbox.display_name.as_deref());
    parent: or_null Id(InboxId::PREFIX), "null", "The inbox that it is a sub-agent of."
        => |slot, inbox| slot.shown_or_null(inbox.parent);
    client_id: or_null Text(ANY), r#""agent-7""#, "Your own id for it."
        => |slot, inbox| slot.text_or_null(inbox.client_id.as_deref());
    metadata: or_null AnyObject(METADATA_BYTES_MAX), r#"{"team":7}"#, "Your own object."
        => |slot, inbox| slot.raw_or_null(inbox.metadata.as_deref());
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, inbox| slot.time(inbox.created_at);
    messages: always COUNT, "3", "How many messages it has, those in Trash too."
        => |slot, inbox| slot.number(inbox.messages);
    bytes: always COUNT, "9216", "How many octets they take."
        => |slot, inbox| slot.number(inbox.bytes);
    send_mode: always OneOf(SendMode::NAMES), r#""direct""#,
        "What happens to mail that it sends; that of the organization may be stricter."
        => |slot, inbox| slot.text(inbox.send_mode.name());
    receive_default: always OneOf(ReceiveDefault::NAMES), r#""allow""#,
        "What happens to mail of senders that it does not know."
        => |slot, inbox| slot.text(inbox.receive_default.name());
    expires_at: or_null Time, "null", "When it ends with all of its mail and everything under it."
        => |slot, inbox| slot.time_or_null(inbox.expires_at);
    retention_days: or_null COUNT, "null",
        "How many days it keeps a message; null is what its organization has."
        => |slot, inbox| slot.number_or_null(inbox.retention_days.map(u64::from));
    quota_bytes: or_null COUNT, "null",
        "How many octets it may store; null is `inbox_bytes` of the limits."
        => |slot, inbox| slot.number_or_null(inbox.quota_bytes);
    limits: always Object(&INBOX_LIMITS), "{}", "Limits of its own."
        => |mut slot, inbox| INBOX_LIMITS.write(slot.octets(), &inbox.limits);
    upstream: always Object(&upstream::UPSTREAM), "{}",
        "The account elsewhere that it is, without secrets; absent for an inbox of this server."
        => |mut slot, inbox| match &inbox.upstream {
            Some(account) => upstream::UPSTREAM.write(slot.octets(), account),
            None => slot.null(),
        },
        if |inbox| inbox.upstream.is_some();
};

/// What a key that may not read inboxes is told of one that it has made or changed.
struct NamedInbox {
    id: InboxId,
    address: String,
}

static INBOX_NAME: Shape<NamedInbox> = shape! {
    "NamedInbox", "An inbox as a key sees it that may change inboxes and not read them.";
    id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "Its id."
        => |slot, inbox| slot.shown(inbox.id);
    address: always Text(ANY), r#""support@agents.example""#, "Its address."
        => |slot, inbox| slot.text(&inbox.address);
};

pub(crate) static CREATE: Operation = Operation {
    id: "inboxes.create",
    summary: "Make an inbox",
    says: "Makes an inbox with its standard folders. A key that is bound to inboxes can only if \
           it has `subtree`, under a `parent` that it covers; on an own domain then only on that \
           of the parent, and no name such as `postmaster`.",
    query: &[],
    takes: Takes::Json(&NEW_INBOX),
    gives: &[
        Gives {
            status: 201,
            says: "The inbox that was made. A key without `inboxes:read` is told its name only.",
            content: ResponseContent::Either(&INBOX, &INBOX_NAME),
        },
        Gives {
            status: 200,
            says: "The inbox that has this `client_id` already; nothing was made.",
            content: ResponseContent::Either(&INBOX, &INBOX_NAME),
        },
    ],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::ALREADY_EXISTS,
        codes::KEY_BOUND,
        codes::DOMAIN_NOT_VERIFIED,
        codes::LIMIT_REACHED,
    ],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let body = &mut request.body;
    let new = crate::call::NewInbox {
        username: body.text("username"),
        domain: body.text("domain"),
        display_name: body.text("display_name"),
        parent: body.inbox("parent"),
        client_id: body.text("client_id"),
        metadata: body.text("metadata"),
        send_mode: body
            .text("send_mode")
            .and_then(|name| SendMode::named(&name)),
        receive_default: body
            .text("receive_default")
            .and_then(|name| ReceiveDefault::named(&name)),
        expires_at: body.time("expires_at"),
        upstream: upstream::read(body, true),
        bounds: bounds_of(body),
    };
    let call = InboxWrite::Create {
        new: Box::new(new),
        idempotency: request
            .idempotency(|written| made(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| made(written),
    ))
}

fn made(written: &Written) -> Option<Response> {
    match written {
        // The same `client_id` got the inbox that exists: nothing was made.
        Written::Inbox { row, existed } => {
            Some(INBOX.response(if *existed { 200 } else { 201 }, row))
        }
        Written::InboxName {
            id,
            address,
            existed,
        } => Some(named(if *existed { 200 } else { 201 }, *id, address)),
        _ => None,
    }
}

fn named(status: u16, id: InboxId, address: &str) -> Response {
    let address = address.to_owned();
    INBOX_NAME.response(status, &NamedInbox { id, address })
}

pub(crate) static LIST: Operation = Operation {
    id: "inboxes.list",
    summary: "List inboxes",
    says: "Lists the inboxes that the key may see, by id.",
    query: &[
        LIMIT,
        CURSOR,
        sometimes(
            "parent",
            InboxName,
            r#""inb_01Hq7Zk3VdX""#,
            "Only the sub-agents directly under this inbox.",
        ),
    ],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of inboxes.",
        content: ResponseContent::Page(&INBOX),
    }],
    errors: &[codes::NOT_FOUND],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = InboxRead::List {
        parent: request.parameters.inbox("parent"),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Inboxes { rows, next } => Some(INBOX.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "inboxes.read",
    summary: "Read an inbox",
    says: "Reads one inbox with its counters.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The inbox.",
        content: ResponseContent::One(&INBOX),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let call = InboxRead::Get { inbox };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Inboxes { rows, .. } => Some(INBOX.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static PATCH: Operation = Operation {
    id: "inboxes.patch",
    summary: "Change an inbox",
    says: "Changes the name, the place in the tree, the metadata, what happens to mail that it \
           sends and receives, when it ends, how long it keeps mail, and its limits. A key that is \
           bound to inboxes makes no limit looser.",
    query: &[],
    takes: Takes::Json(&INBOX_PATCH),
    gives: &[Gives {
        status: 200,
        says: "The inbox as it is now. A key without `inboxes:read` is told its name only.",
        content: ResponseContent::Either(&INBOX, &INBOX_NAME),
    }],
    errors: &[codes::INVALID_HEADER_VALUE, codes::KEY_BOUND],
    run: patch,
};

fn patch(request: &mut RouteRequest<'_>) -> RouteResult {
    let body = &mut request.body;
    let patch = InboxPatch {
        display_name: body.clearable_text("display_name"),
        parent: body.clearable_inbox("parent"),
        metadata: body.clearable_text("metadata"),
        send_mode: body
            .text("send_mode")
            .and_then(|name| SendMode::named(&name)),
        receive_default: body
            .text("receive_default")
            .and_then(|name| ReceiveDefault::named(&name)),
        expires_at: body.clearable_time("expires_at"),
        upstream: upstream::read(body, false),
        bounds: bounds_of(body),
    };
    let call = InboxWrite::Patch {
        inbox: request.inbox()?,
        patch: Box::new(patch),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::Inbox { row, .. } => Some(INBOX.response(200, row)),
            Written::InboxName { id, address, .. } => Some(named(200, *id, address)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "inboxes.delete",
    summary: "Delete an inbox",
    says: "Deletes an inbox with its mail for good. Its sub-agents must be deleted or moved first.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[codes::CONFLICT],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let call = InboxWrite::Delete { inbox };
    Ok(RouteStep::Write(Box::new(call.into()), gone))
}

/// Any number from 0.
pub(crate) const COUNT: super::fields::FieldKind = Number {
    min: 0,
    max: u64::MAX,
};

/// RFC 5321 section 4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
