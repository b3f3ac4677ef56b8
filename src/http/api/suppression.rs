//! The suppression list of an organization: addresses that get no more of its mail.

use super::codes;
use super::fields::FieldKind::{Id, Line, OneOf, Plain, Text, Time};
use super::fields::{ANY, BodyTable, FieldRow, fields, octets, sometimes};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, Shared, SuppressionId, SuppressionRead, SuppressionReason, SuppressionRow,
    SuppressionWrite, Written,
};
use crate::http::wire::response::Response;

const NEW_SUPPRESSION: BodyTable = BodyTable {
    name: "NewSuppression",
    says: "An address to suppress.",
    optional: false,
    example: r#"{"address":"ann@example.com"}"#,
    fields: fields! {
        address: required Text(octets(320)), r#""ann@example.com""#, "The address.";
        source: optional Line(octets(500)), r#""asked us to stop""#, "Why, in your words.";
    },
};

const ADDRESS: FieldRow = sometimes(
    "address",
    Plain(ANY),
    r#""ann@example.com""#,
    "Only the suppression of this address.",
);

static SUPPRESSION: Shape<SuppressionRow> = shape! {
    "Suppression", "An address that gets no more mail of the organization.";
    id: always Id(SuppressionId::PREFIX), r#""sup_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    address: always Text(ANY), r#""ann@example.com""#, "The address."
        => |slot, row| slot.text(&row.address);
    reason: always OneOf(SuppressionReason::WORDS), r#""bounce""#,
        "`bounce`: a server said that the address does not exist. `complaint`: its reader has \
         complained. `manual`: a client has put it there."
        => |slot, row| slot.text(row.reason.word());
    source: or_null Text(ANY), r#""550 5.1.1 No such user""#,
        "The answer of the other server, or the words of the client."
        => |slot, row| slot.text_or_null(row.source.as_deref());
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, row| slot.time(row.created_at);
};

pub(crate) static CREATE: Operation = Operation {
    id: "suppressions.create",
    summary: "Suppress an address",
    says: "Puts an address on the suppression list of the organization. Mail to it is refused. An \
           address that is on the list already stays there as it is.",
    query: &[],
    takes: Takes::Json(&NEW_SUPPRESSION),
    gives: &[Gives {
        status: 201,
        says: "The suppression.",
        content: ResponseContent::One(&SUPPRESSION),
    }],
    errors: &[codes::LIMIT_REACHED],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = SuppressionWrite::Create {
        address: request.body.text("address").unwrap_or_default(),
        source: request.body.text("source"),
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
        Written::Suppression(row) => Some(SUPPRESSION.response(201, row)),
        _ => None,
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "suppressions.list",
    summary: "List suppressions",
    says: "Lists the suppressed addresses of the organization by id.",
    query: &[LIMIT, CURSOR, ADDRESS],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of suppressions.",
        content: ResponseContent::Page(&SUPPRESSION),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = SuppressionRead::List {
        address: request.parameters.text("address"),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Suppressions { rows, next } => Some(SUPPRESSION.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "suppressions.read",
    summary: "Read a suppression",
    says: "Reads one suppression.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The suppression.",
        content: ResponseContent::One(&SUPPRESSION),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "suppression", SuppressionId::parse)?;
    Ok(RouteStep::Read(
        Box::new(SuppressionRead::Get { id }.into()),
        |answer, _, _| match answer {
            Answer::Suppressions { rows, .. } => Some(SUPPRESSION.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "suppressions.delete",
    summary: "Remove a suppression",
    says: "Takes an address off the list. Mail to it leaves again.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "suppression", SuppressionId::parse)?;
    Ok(RouteStep::Write(
        Box::new(SuppressionWrite::Delete { id }.into()),
        gone,
    ))
}
