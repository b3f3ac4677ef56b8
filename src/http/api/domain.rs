//! Own domains of an organization: made, listed, deleted.

use super::codes;
use super::fields::FieldKind::{DomainName, Id, Text, Time};
use super::fields::{ANY, BodyTable, fields};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, DomainId, DomainRead, DomainRef, DomainRow, DomainWrite, Shared, Written,
};
use crate::http::wire::response::Response;

const NEW_DOMAIN: BodyTable = BodyTable {
    name: "NewDomain",
    says: "An own domain to add.",
    optional: false,
    example: r#"{"name":"agents.example"}"#,
    fields: fields! {
        name: required DomainName, r#""agents.example""#,
            "Its name, in Unicode or punycode, with at least one dot.";
    },
};

static DOMAIN: Shape<DomainRow> = shape! {
    "Domain", "An own domain.";
    id: always Id(DomainId::PREFIX), r#""dom_01Hq7Zk3VdX""#, "Its id."
        => |slot, domain| slot.shown(domain.id);
    name: always Text(ANY), r#""agents.example""#, "Its name in lower case, in punycode."
        => |slot, domain| slot.text(&domain.name);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was added."
        => |slot, domain| slot.time(domain.created_at);
};

pub(crate) static CREATE: Operation = Operation {
    id: "domains.create",
    summary: "Add a domain",
    says: "Adds an own domain; inboxes can then have any free name at it.",
    query: &[],
    takes: Takes::Json(&NEW_DOMAIN),
    gives: &[Gives {
        status: 201,
        says: "The domain.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::ALREADY_EXISTS, codes::LIMIT_REACHED],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = DomainWrite::Create {
        name: request.body.text("name").unwrap_or_default(),
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
        Written::Domain(row) => Some(DOMAIN.response(201, row)),
        _ => None,
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "domains.list",
    summary: "List domains",
    says: "Lists the own domains. There are at most a hundred, so that one page has all.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "All domains.",
        content: ResponseContent::Page(&DOMAIN),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    request.one_page();
    let call = DomainRead::List;
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Domains(rows) => Some(DOMAIN.page(&rows, None)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "domains.delete",
    summary: "Delete a domain",
    says: "Deletes an own domain that no inbox is at any more.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[codes::CONFLICT],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let domain = request.id(0, "domain", domain_ref)?;
    let call = DomainWrite::Delete { domain };
    Ok(RouteStep::Write(Box::new(call.into()), gone))
}

/// An id, or a name: only a name has a dot in it.
fn domain_ref(text: &str) -> Option<DomainRef> {
    match DomainId::parse(text) {
        Some(id) => Some(DomainRef::Id(id)),
        None => text.contains('.').then(|| DomainRef::Name(text.to_owned())),
    }
}
