//! The queue to outside: one row a recipient, what became of its attempts, and what a client does
//! to it.

use super::codes;
use super::fields::FieldKind::{
    AnyObject, Id, InboxName, List, Number, Object, OneOf, Plain, Text, Time,
};
use super::fields::{ANY, FieldRow, sometimes};
use super::inbox::COUNT;
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
use crate::call::{
    Answer, EntryId, InboxId, OutboundAttempt, OutboundFilter, OutboundId, OutboundRead,
    OutboundRow, OutboundStatus, OutboundWrite, TransactionOutcome, Written,
};

static ATTEMPT: Shape<OutboundAttempt> = shape! {
    "OutboundAttempt", "One attempt that has ended.";
    at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it ended."
        => |slot, attempt| slot.time(attempt.at);
    host: or_null Text(ANY), r#""mx1.example.com""#, "The host; null when none was found."
        => |slot, attempt| slot.text_or_null(some(&attempt.host));
    address: or_null Text(ANY), r#""203.0.113.25""#, "Its address; null before a connection."
        => |slot, attempt| slot.shown_or_null(attempt.address);
    tls: always OneOf(&["none", "unverified", "verified"]), r#""verified""#,
        "Whether it was encrypted, and to a host that its certificate names."
        => |slot, attempt| slot.text(attempt.tls.name());
    code: or_null CODE, "250", "The code of the reply that decided it; null when none came."
        => |slot, attempt| slot.number_or_null(attempt.code.map(u64::from));
    enhanced: or_null Text(ANY), r#""2.0.0""#, "The enhanced code (RFC 3463)."
        => |slot, attempt| slot.text_or_null(enhanced(attempt.enhanced).as_deref());
    text: always Text(ANY), r#""Ok: queued as 1A2B3C""#, "The text of the reply, or what happened."
        => |slot, attempt| slot.text(&attempt.text);
    outcome: always OneOf(&["delivered", "deferred", "bounced"]), r#""delivered""#,
        "What became of it."
        => |slot, attempt| slot.text(match attempt.outcome {
            TransactionOutcome::Delivered => "delivered",
            TransactionOutcome::Deferred => "deferred",
            TransactionOutcome::Bounced => "bounced",
        });
};

const CODE: super::fields::FieldKind = Number { min: 200, max: 599 };

/// An enhanced code as text.
pub(crate) fn enhanced(code: Option<(u8, u16, u16)>) -> Option<String> {
    code.map(|(class, subject, detail)| format!("{class}.{subject}.{detail}"))
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

static ROW: Shape<OutboundRow> = shape! {
    "Outbound", "One recipient outside.";
    id: always Id(OutboundId::PREFIX), r#""out_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    inbox_id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "The inbox that sent it."
        => |slot, row| slot.shown(row.inbox);
    message_id: or_null Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The copy in Sent."
        => |slot, row| slot.shown_or_null(row.message);
    message: or_null Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The same, by its older name."
        => |slot, row| slot.shown_or_null(row.message);
    recipient: always Text(ANY), r#""ann@example.com""#, "The address."
        => |slot, row| slot.text(&row.recipient);
    status: always OneOf(OutboundStatus::NAMES), r#""queued""#,
        "`queued` waits for its first attempt and `deferred` for another; `sending` is under way; \
         the last four are the end. A row stays for a week after its end."
        => |slot, row| slot.text(row.status.name());
    attempts: always COUNT, "0", "How often it was tried."
        => |slot, row| slot.number(u64::from(row.attempts));
    next_attempt_at: or_null Time, r#""2026-01-31T12:00:00.000Z""#,
        "When the next attempt is due; null when none is."
        => |slot, row| slot.time_or_null(row.next_attempt_at);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was accepted."
        => |slot, row| slot.time(row.created_at);
    expires_at: always Time, r#""2026-02-03T12:00:00.000Z""#, "When it is given up."
        => |slot, row| slot.time(row.expires_at);
    metadata: or_null AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#, "The sender's own object."
        => |slot, row| slot.raw_or_null(row.metadata.as_deref());
};

static WHOLE: Shape<OutboundRow> = shape! {
    "OutboundWithHistory", "One recipient outside, with its attempts.";
    ..ROW of |object, row| ROW.write_fields(object, row);
    history: always List(&Object(&ATTEMPT)), "[]",
        "The attempts that have ended, oldest first; at most 40, of which those in the middle may \
         have lost their text."
        => |mut slot, row| ATTEMPT.write_list(slot.octets(), &row.history);
};

const STATUS: FieldRow = sometimes(
    "status",
    OneOf(OutboundStatus::NAMES),
    r#""deferred""#,
    "Only those in this state.",
);
const INBOX: FieldRow = sometimes(
    "inbox",
    InboxName,
    r#""agent@agents.example""#,
    "Only those that this inbox has sent.",
);
const RECIPIENT: FieldRow = sometimes(
    "recipient",
    Plain(ANY),
    r#""ann@example.com""#,
    "Only those to this address.",
);
const DOMAIN: FieldRow = sometimes(
    "domain",
    Plain(ANY),
    r#""example.com""#,
    "Only those at this domain, not below it.",
);

pub(crate) static LIST: Operation = Operation {
    id: "outbound.list",
    summary: "List the queue to outside",
    says: "Lists recipients outside this server, newest first, of the inboxes that the key may \
           see: those that wait, and those that have ended in the last week.",
    query: &[LIMIT, CURSOR, STATUS, INBOX, RECIPIENT, DOMAIN],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of recipients.",
        content: ResponseContent::Page(&ROW),
    }],
    errors: &[codes::NOT_FOUND],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let parameters = &mut request.parameters;
    let status = parameters.text("status");
    let filter = OutboundFilter {
        status: status.as_deref().and_then(OutboundStatus::named),
        inbox: parameters.inbox("inbox"),
        recipient: parameters.text("recipient"),
        domain: parameters.text("domain"),
    };
    let call = OutboundRead::List {
        filter: Box::new(filter),
        cursor: parameters.text("cursor"),
        limit: parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Outbound { rows, next } => Some(ROW.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "outbound.read",
    summary: "Read one recipient of the queue",
    says: "Reads one recipient outside, with every attempt: the host, TLS and its answer.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The recipient.",
        content: ResponseContent::One(&WHOLE),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "recipient in the queue", OutboundId::parse)?;
    let call = OutboundRead::Get { id };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Outbound { rows, .. } => Some(WHOLE.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static RETRY: Operation = Operation {
    id: "outbound.retry",
    summary: "Try a recipient now",
    says: "Makes a recipient that waits due now, whatever rest its server has.",
    query: &[],
    takes: Takes::Nothing,
    gives: CHANGED,
    errors: &[codes::NOT_RETRYABLE],
    run: retry,
};

pub(crate) static CANCEL: Operation = Operation {
    id: "outbound.cancel",
    summary: "Take a recipient back",
    says: "Takes a recipient back that has not left: the message is not sent to it. The event is \
           `message.rejected` with the reason `cancelled`.",
    query: &[],
    takes: Takes::Nothing,
    gives: CHANGED,
    errors: &[codes::NOT_CANCELLABLE],
    run: cancel,
};

const CHANGED: &[Gives] = &[Gives {
    status: 200,
    says: "The recipient as it is now.",
    content: ResponseContent::One(&WHOLE),
}];

fn retry(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "recipient in the queue", OutboundId::parse)?;
    let idempotency = request.idempotency(keep);
    change(OutboundWrite::Retry { id, idempotency })
}

fn cancel(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "recipient in the queue", OutboundId::parse)?;
    let idempotency = request.idempotency(keep);
    change(OutboundWrite::Cancel { id, idempotency })
}

fn change(call: OutboundWrite) -> RouteResult {
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::Outbound(row) => Some(WHOLE.response(200, row)),
            _ => None,
        },
    ))
}

fn keep(written: &Written) -> Vec<u8> {
    match written {
        Written::Outbound(row) => WHOLE.response(200, row).keep(),
        _ => Vec::new(),
    }
}
