//! Keys of an organization: made, listed, read, revoked. A secret is in one response only, the
//! first one to the request that made it.

use super::codes;
use super::fields::FieldKind::{Flag, Id, InboxNames, Label, List, Scopes, Text, Time};
use super::fields::{ANY, BodyTable, fields};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::bounds::LABEL_BYTES_MAX;
use crate::call::{self, Answer, InboxId, KeyId, KeyRead, KeyRow, KeyWrite, Secret, Written};
use crate::http::wire::json::ValueSlot;

const NEW_KEY: BodyTable = BodyTable {
    name: "NewKey",
    says: "A key to make.",
    optional: false,
    example: r#"{"label":"night shift","scopes":["messages:read","messages:write"]}"#,
    fields: fields! {
        label: optional Label(LABEL_BYTES_MAX), r#""night shift""#, "A name for people.";
        scopes: required Scopes, r#"["messages:read","messages:write"]"#,
            "What the key may do; only scopes that the key of the request has itself.";
        inboxes: optional InboxNames, r#"["inb_01Hq7Zk3VdX"]"#,
            "Binds the key to these inboxes, 1 to 1,000. Without it the key sees what the key of \
             the request sees.";
        subtree: optional Flag, "true",
            "Whether the key also covers the sub-agents of these inboxes, present and future. \
             With `inboxes:write` it then makes inboxes under them.";
        expires_at: optional Time, r#""2030-01-31T12:00:00Z""#,
            "When the key ends; never later than the key of the request.";
    },
};

static KEY: Shape<KeyRow> = shape! {
    "Key", "A key, without its secret.";
    id: always Id(KeyId::PREFIX), r#""key_01Hq7Zk3VdX""#, "Its id."
        => |slot, key| slot.shown(key.id);
    prefix: always Text(ANY), r#""ap_sk_1a2b3c""#, "The beginning of its text, which is no secret."
        => |slot, key| slot.text(&key.public);
    label: or_null Text(ANY), r#""night shift""#, "A name for people."
        => |slot, key| slot.text_or_null(key.label.as_deref());
    scopes: always Scopes, r#"["messages:read","messages:write"]"#, "What it may do."
        => |slot, key| slot.texts(key.scopes.names());
    inboxes: or_null List(&Id(InboxId::PREFIX)), r#"["inb_01Hq7Zk3VdX"]"#,
        "The inboxes that it is bound to; null when it sees all of the organization."
        => |slot, key| bound_inboxes(slot, key.inboxes.as_deref());
    subtree: always Flag, "false", "Whether it also covers the sub-agents of these inboxes."
        => |slot, key| slot.flag(key.subtree);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, key| slot.time(key.created_at);
    expires_at: or_null Time, r#""2030-01-31T12:00:00.000Z""#, "When it ends."
        => |slot, key| slot.time_or_null(key.expires_at);
    revoked_at: or_null Time, "null", "When it was revoked; it is kept for the record."
        => |slot, key| slot.time_or_null(key.revoked_at);
};

/// The inboxes of a key, or null.
pub(crate) fn bound_inboxes(slot: ValueSlot<'_>, inboxes: Option<&[InboxId]>) {
    match inboxes {
        Some(bound) => slot.texts(bound.iter().map(ToString::to_string)),
        None => slot.null(),
    }
}

/// A key that has just been made. Without its secret this is what a replay says.
struct MadeKey {
    row: KeyRow,
    secret: Option<Secret>,
}

static MADE_KEY: Shape<MadeKey> = shape! {
    "MadeKey", "A key that has just been made, with its secret.";
    ..KEY of |object, made| KEY.write_fields(object, &made.row);
    key: or_null Text(ANY), r#""ap_sk_1a2b3c…""#,
        "The key itself, shown here and never again; null in a replay."
        => |slot, made| secret(slot, made.secret.as_ref());
    note: always Text(ANY), r#""…""#, "Why the key is not here."
        => |slot, _| slot.text(NOT_REPEATED), if |made| made.secret.is_none();
};

/// The text of a secret, or null.
pub(crate) fn secret(slot: ValueSlot<'_>, secret: Option<&Secret>) {
    match secret {
        Some(secret) => slot.text(&String::from_utf8_lossy(secret.expose())),
        None => slot.null(),
    }
}

/// Stands in a replay in place of a secret.
pub(crate) const NOT_REPEATED: &str =
    "The key was shown in the first answer to this Idempotency-Key and is not repeated.";

pub(crate) static CREATE: Operation = Operation {
    id: "keys.create",
    summary: "Make a key",
    says: "Makes a key with scopes, inboxes and an end that the key of the request has itself. \
           A key that is bound to inboxes, whatever its scopes, does nothing that concerns the \
           organization. The secret is in this response only.",
    query: &[],
    takes: Takes::Json(&NEW_KEY),
    gives: &[Gives {
        status: 201,
        says: "The key, with its secret.",
        content: ResponseContent::One(&MADE_KEY),
    }],
    errors: &[codes::NOT_FOUND, codes::KEY_BOUND, codes::LIMIT_REACHED],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let body = &mut request.body;
    let new = call::NewKey {
        label: body.text("label"),
        scopes: body.scopes("scopes").unwrap_or_default(),
        inboxes: body.inboxes("inboxes"),
        subtree: body.flag("subtree"),
        expires_at: body.time("expires_at"),
    };
    let call = KeyWrite::Create {
        new: Box::new(new),
        idempotency: request.idempotency(keep),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::Key(row, secret) => Some(MADE_KEY.response(201, &made(row, Some(secret)))),
            _ => None,
        },
    ))
}

fn made(row: &KeyRow, secret: Option<&Secret>) -> MadeKey {
    MadeKey {
        row: row.clone(),
        secret: secret.cloned(),
    }
}

/// A secret is never kept: the replay names the key and says that it is not repeated.
fn keep(written: &Written) -> Vec<u8> {
    match written {
        Written::Key(row, _) => MADE_KEY.response(201, &made(row, None)).keep(),
        _ => Vec::new(),
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "keys.list",
    summary: "List keys",
    says: "Lists the keys of the organization, revoked ones too, by id. A key that is bound to \
           inboxes sees itself and the keys that it could have made.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of keys.",
        content: ResponseContent::Page(&KEY),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = KeyRead::List {
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Keys { rows, next } => Some(KEY.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "keys.read",
    summary: "Read a key",
    says: "Reads one key, without its secret.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The key.",
        content: ResponseContent::One(&KEY),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let key = request.id(0, "key", KeyId::parse)?;
    let call = KeyRead::Get { key };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Keys { rows, .. } => Some(KEY.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static REVOKE: Operation = Operation {
    id: "keys.revoke",
    summary: "Revoke a key",
    says: "Ends a key at once, with every session and stream that it has open. The row is kept.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: revoke,
};

fn revoke(request: &mut RouteRequest<'_>) -> RouteResult {
    let key = request.id(0, "key", KeyId::parse)?;
    Ok(RouteStep::Write(
        Box::new(KeyWrite::Revoke { key }.into()),
        gone,
    ))
}
