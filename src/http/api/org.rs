//! Organizations, which only the operator makes, lists and deletes.

use super::fields::FieldKind::{Id, Line, Number, OneOf, Text, Time};
use super::fields::{ANY, BodyTable, fields, octets};
use super::inbox::COUNT;
use super::key::{NOT_REPEATED, secret};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::bounds::{LABEL_BYTES_MAX, RETENTION_DAYS_MAX};
use crate::call::{
    Answer, KeyId, OrgId, OrgPatch, OrgRead, OrgRow, OrgWrite, Secret, SendMode, Written,
};
use crate::http::wire::response::Response;

const NEW_ORG: BodyTable = BodyTable {
    name: "NewOrganization",
    says: "An organization to make.",
    optional: false,
    example: r#"{"name":"Example Inc."}"#,
    fields: fields! {
        name: required Line(octets(LABEL_BYTES_MAX)), r#""Example Inc.""#, "A name for people.";
    },
};

static ORG: Shape<OrgRow> = shape! {
    "Organization", "An organization.";
    id: always Id(OrgId::PREFIX), r#""org_01Hq7Zk3VdX""#, "Its id."
        => |slot, org| slot.shown(org.id);
    name: always Text(ANY), r#""Example Inc.""#, "A name for people."
        => |slot, org| slot.text(&org.name);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, org| slot.time(org.created_at);
    send_mode: always OneOf(SendMode::NAMES), r#""direct""#,
        "The least strict mode of sending of its inboxes."
        => |slot, org| slot.text(org.send_mode.name());
    paused_at: or_null Time, "null", "Since when all its sending is stopped; null when it is not."
        => |slot, org| slot.time_or_null(org.paused_at);
    retention_days: or_null COUNT, "null",
        "How many days its inboxes keep a message; null is for ever."
        => |slot, org| slot.number_or_null(org.retention_days.map(u64::from));
};

/// An organization with its first key. Without the secret this is what a replay says.
struct MadeOrg {
    row: OrgRow,
    first: KeyId,
    secret: Option<Secret>,
}

static MADE_ORG: Shape<MadeOrg> = shape! {
    "MadeOrganization", "An organization that has just been made, with its first key.";
    ..ORG of |object, made| ORG.write_fields(object, &made.row);
    key_id: always Id(KeyId::PREFIX), r#""key_01Hq7Zk3VdX""#, "The id of its first key."
        => |slot, made| slot.shown(made.first);
    key: or_null Text(ANY), r#""ap_sk_1a2b3c…""#,
        "The first key, with the scope `admin`, shown here and never again; null in a replay."
        => |slot, made| secret(slot, made.secret.as_ref());
    note: always Text(ANY), r#""…""#, "Why the key is not here."
        => |slot, _| slot.text(NOT_REPEATED), if |made| made.secret.is_none();
};

pub(crate) static CREATE: Operation = Operation {
    id: "orgs.create",
    summary: "Make an organization",
    says: "Makes an organization with a first key of the scope `admin`.",
    query: &[],
    takes: Takes::Json(&NEW_ORG),
    gives: &[Gives {
        status: 201,
        says: "The organization, with its first key.",
        content: ResponseContent::One(&MADE_ORG),
    }],
    errors: &[],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = OrgWrite::Create {
        name: request.body.text("name").unwrap_or_default(),
        idempotency: request.idempotency(keep),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::Org(row, key, secret) => {
                Some(MADE_ORG.response(201, &made(row, key.id, Some(secret))))
            }
            _ => None,
        },
    ))
}

fn made(row: &OrgRow, first: KeyId, secret: Option<&Secret>) -> MadeOrg {
    MadeOrg {
        row: row.clone(),
        first,
        secret: secret.cloned(),
    }
}

fn keep(written: &Written) -> Vec<u8> {
    match written {
        Written::Org(row, key, _) => MADE_ORG.response(201, &made(row, key.id, None)).keep(),
        _ => Vec::new(),
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "orgs.list",
    summary: "List organizations",
    says: "Lists the organizations of the server, oldest first.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of organizations.",
        content: ResponseContent::Page(&ORG),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = OrgRead::List {
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Orgs { rows, next } => Some(ORG.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "orgs.delete",
    summary: "Delete an organization",
    says: "Deletes an organization with its keys, inboxes and mail; every session of it ends.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let org = request.id(0, "organization", OrgId::parse)?;
    Ok(RouteStep::Write(
        Box::new(OrgWrite::Delete { org }.into()),
        gone,
    ))
}

const ORG_PATCH: BodyTable = BodyTable {
    name: "OrganizationPatch",
    says: "A change of the policy of an organization.",
    optional: false,
    example: r#"{"send_mode":"draft"}"#,
    fields: fields! {
        send_mode: optional OneOf(SendMode::NAMES), r#""draft""#,
            "The least strict mode of its inboxes: an inbox keeps its own mode where that is \
             stricter.";
        retention_days: clearable Number { min: 1, max: RETENTION_DAYS_MAX as u64 }, "90",
            "How many days its inboxes keep a message; an inbox may keep it for less. Null is for \
             ever.";
    },
};

const CHANGED: &[Gives] = &[Gives {
    status: 200,
    says: "The organization as it is now.",
    content: ResponseContent::One(&ORG),
}];

pub(crate) static READ: Operation = Operation {
    id: "orgs.read",
    summary: "Read an organization",
    says: "Reads the organization of the key with its policy.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The organization.",
        content: ResponseContent::One(&ORG),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let org = request.id(0, "organization", OrgId::parse)?;
    Ok(RouteStep::Read(
        Box::new(OrgRead::Get { org }.into()),
        |answer, _, _| match answer {
            Answer::Orgs { rows, .. } => Some(ORG.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static PATCH: Operation = Operation {
    id: "orgs.patch",
    summary: "Change the policy of an organization",
    says: "Sets the least strict mode of sending of all inboxes of the organization, and how long \
           they keep mail. An `admin` of it may, and the operator of the server.",
    query: &[],
    takes: Takes::Json(&ORG_PATCH),
    gives: CHANGED,
    errors: &[],
    run: |request| {
        let mode = request.body.text("send_mode");
        let patch = OrgPatch {
            retention_days: request.body.clearable_number("retention_days"),
            send_mode: mode.and_then(|name| SendMode::named(&name)),
            ..OrgPatch::default()
        };
        change(request, patch)
    },
};

pub(crate) static PAUSE: Operation = Operation {
    id: "orgs.pause",
    summary: "Stop all sending",
    says: "Stops all sending of the organization at once: new mail is refused, and what is queued \
           waits. It is no error when it is paused already.",
    query: &[],
    takes: Takes::Nothing,
    gives: CHANGED,
    errors: &[],
    run: |request| change(request, pause(true)),
};

pub(crate) static RESUME: Operation = Operation {
    id: "orgs.resume",
    summary: "Let mail leave again",
    says: "Ends a pause: what is queued leaves, and new mail is accepted.",
    query: &[],
    takes: Takes::Nothing,
    gives: CHANGED,
    errors: &[],
    run: |request| change(request, pause(false)),
};

fn pause(paused: bool) -> OrgPatch {
    OrgPatch {
        paused: Some(paused),
        ..OrgPatch::default()
    }
}

fn change(request: &mut RouteRequest<'_>, patch: OrgPatch) -> RouteResult {
    let call = OrgWrite::Patch {
        org: request.id(0, "organization", OrgId::parse)?,
        patch,
        idempotency: request
            .idempotency(|written| changed(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        changed(written)
    }))
}

fn changed(written: &Written) -> Option<Response> {
    match written {
        Written::OrgChanged(row) => Some(ORG.response(200, row)),
        _ => None,
    }
}
