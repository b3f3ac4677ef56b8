//! The audit: who has changed what with which key, and who has sent what.

use super::fields::ANY;
use super::fields::FieldKind::{Id, OneOf, Plain, Text, Time};
use super::fields::{FieldRow, sometimes};
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, AuditAction, AuditFilter, AuditId, AuditRead, AuditRow, AuditTarget, KeyId,
};

const ACTION: FieldRow = sometimes(
    "action",
    OneOf(AuditAction::WORDS),
    r#""key.created""#,
    "Only this action.",
);
const KEY: FieldRow = sometimes(
    "key",
    Id(KeyId::PREFIX),
    r#""key_01Hq7Zk3VdX""#,
    "Only what this key has done; it may be revoked by now.",
);
const TARGET: FieldRow = sometimes(
    "target",
    Plain(ANY),
    r#""inb_01Hq7Zk3VdX""#,
    "Only what was done to this: the id of an inbox, a key, a message, a domain, a filter rule, a \
     suppression, a recipient in the queue, an approval or the organization.",
);
const SINCE: FieldRow = sometimes(
    "since",
    Time,
    r#""2026-01-01T00:00:00Z""#,
    "Done at this time or later.",
);
const UNTIL: FieldRow = sometimes(
    "until",
    Time,
    r#""2026-02-01T00:00:00Z""#,
    "Done before this time.",
);

/// Who has done it.
const ACTORS: &[&str] = &["key", "operator"];

static ACT: Shape<AuditRow> = shape! {
    "AuditEntry", "An act: a change of keys, inboxes, domains, lists, approvals or the \
     organization, or a message that was sent.";
    id: always Id(AuditId::PREFIX), r#""aud_01Hq7Zk3VdX""#, "Its id."
        => |slot, act| slot.shown(act.id);
    time: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was done."
        => |slot, act| slot.time(act.at);
    action: always OneOf(AuditAction::WORDS), r#""key.created""#, "What was done."
        => |slot, act| slot.text(act.action.word());
    actor: always OneOf(ACTORS), r#""key""#,
        "Who has done it: a key of the organization, or the operator of the server."
        => |slot, act| slot.text(match act.key {
            Some(_) => "key",
            None => "operator",
        });
    key: or_null Id(KeyId::PREFIX), r#""key_01Hq7Zk3VdX""#,
        "The key that has done it; null for the operator."
        => |slot, act| slot.shown_or_null(act.key);
    target: or_null Text(ANY), r#""inb_01Hq7Zk3VdX""#,
        "The id of what it was done to; null where it was done to many things. A message that was \
         sent without a copy has the id of its inbox."
        => |slot, act| slot.shown_or_null(act.target);
    request_id: or_null Text(ANY), r#""req_0123456789abcdef""#,
        "The request, as its `X-Request-Id` says; `smtp_` and `imap_` are sessions of these; null \
         for a command on the data folder."
        => |slot, act| slot.shown_or_null(act.request_id);
};

pub(crate) static LIST: Operation = Operation {
    id: "audit.list",
    summary: "List who has done what",
    says: "Lists the acts of the organization, newest first: changes of keys, inboxes, domains, \
           lists, approvals and of the organization itself, and each message that was sent, over \
           REST, SMTP or from a draft, with its key. What is done with the messages of an inbox is \
           in the log of events. A row is there if and only if its act is done. Rows are kept for \
           90 days, if the server is not set otherwise, and at most a million of them. A page for \
           which very many rows were looked at ends early, and `next_cursor` goes on.",
    query: &[LIMIT, CURSOR, ACTION, KEY, TARGET, SINCE, UNTIL],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of acts.",
        content: ResponseContent::Page(&ACT),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let query = &mut request.parameters;
    let action = query.text("action");
    let filter = AuditFilter {
        action: action.and_then(|word| AuditAction::named(&word)),
        key: id_of("key", query.text("key"), KeyId::parse)?,
        target: id_of("target", query.text("target"), AuditTarget::parse)?,
        since: query.time("since"),
        until: query.time("until"),
    };
    let call = AuditRead::List {
        filter: Box::new(filter),
        cursor: query.text("cursor"),
        limit: query.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Audit { rows, next } => Some(ACT.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

/// An id of a parameter, if it is there.
fn id_of<T>(
    name: &str,
    text: Option<String>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Box<Problem>> {
    match text {
        None => Ok(None),
        Some(text) => match parse(&text) {
            Some(id) => Ok(Some(id)),
            None => Err(Problem::invalid(name, "must be an id")),
        },
    }
}
