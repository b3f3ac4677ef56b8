//! Own domains of an organization: added, proven, listed, deleted. No look-up of records exists
//! yet, so the operator's word is the only proof, and each domain says so.

use super::codes;
use super::fields::FieldKind::{DomainName, Flag, Id, List, Object, OneOf, Text, Time};
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
        trusted: optional Flag, "false",
            "Verifies it at once, by the operator's word; only with the operator's token.";
    },
};

static RECORD: Shape<DomainRow> = shape! {
    "DomainRecord", "A record of the DNS that belongs to a domain.";
    purpose: always OneOf(&["ownership"]), r#""ownership""#,
        "What it is for: `ownership` proves whose the domain is."
        => |slot, _| slot.text("ownership");
    type: always OneOf(&["TXT"]), r#""TXT""#, "The type of the record."
        => |slot, _| slot.text("TXT");
    name: always Text(ANY), r#""_postern.agents.example""#, "The name that it is published at."
        => |slot, row| slot.text(&format!("_postern.{}", row.name));
    value: always Text(ANY), r#""postern-verify=0a1b2c3d4e5f""#, "What it says."
        => |slot, row| slot.text(&format!("postern-verify={}", row.token));
    required: always Flag, "true", "Whether the domain does not work without it."
        => |slot, _| slot.flag(true);
    status: always OneOf(&["ok", "missing", "differs", "unknown"]), r#""unknown""#,
        "Whether it was seen; `unknown` until this server looks records up."
        => |slot, _| slot.text("unknown");
    found: or_null List(&Text(ANY)), "null", "What was seen at its name; null before a look-up."
        => |slot, _| slot.null();
    fix: or_null Text(ANY), r#""Publish this record.""#, "What to do; null when nothing is to be done."
        => |slot, row| slot.text_or_null(fix(row).as_deref());
};

static DOMAIN: Shape<DomainRow> = shape! {
    "Domain", "An own domain. It works only while it is verified.";
    id: always Id(DomainId::PREFIX), r#""dom_01Hq7Zk3VdX""#, "Its id."
        => |slot, domain| slot.shown(domain.id);
    name: always Text(ANY), r#""agents.example""#, "Its name in lower case, in punycode."
        => |slot, domain| slot.text(&domain.name);
    verified: always Flag, "false",
        "Whether it is proven to be yours. Until then there is no inbox on it and no mail passes."
        => |slot, domain| slot.flag(domain.verified_at.is_some());
    records: always List(&Object(&RECORD)), "[]", "The records to publish."
        => |mut slot, domain| RECORD.write_list(slot.octets(), [domain]);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was added."
        => |slot, domain| slot.time(domain.created_at);
};

/// What the owner of a domain does about its ownership record. There are no look-ups yet.
fn fix(domain: &DomainRow) -> Option<String> {
    domain.verified_at.is_none().then(|| {
        format!(
            "Publish this record. Until this server looks records up, its operator says whose \
             domain it is: `postern domain trust {}`.",
            domain.name
        )
    })
}

pub(crate) static CREATE: Operation = Operation {
    id: "domains.create",
    summary: "Add a domain",
    says: "Adds an own domain. It waits until it is proven to be yours; then inboxes can have any \
           free name at it. Another organization may wait for the same name.",
    query: &[],
    takes: Takes::Json(&NEW_DOMAIN),
    gives: &[Gives {
        status: 201,
        says: "The domain, with the records to publish.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::ALREADY_EXISTS, codes::LIMIT_REACHED],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let new = crate::call::NewDomain {
        name: request.body.text("name").unwrap_or_default(),
        trusted: request.body.flag("trusted").unwrap_or(false),
    };
    let call = DomainWrite::Create {
        new,
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

pub(crate) static TRUST: Operation = Operation {
    id: "domains.trust",
    summary: "Trust a domain",
    says: "Takes the operator's word that a domain belongs to an organization that has added it: \
           to the one that `Postern-Organization` names, or to the only one. Another organization \
           that had it verified waits again.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The domain, verified.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::CONFLICT],
    run: trust,
};

fn trust(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = DomainWrite::Trust {
        domain: request.id(0, "domain", domain_ref)?,
        idempotency: request
            .idempotency(|written| trusted(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| trusted(written),
    ))
}

fn trusted(written: &Written) -> Option<Response> {
    match written {
        Written::Domain(row) => Some(DOMAIN.response(200, row)),
        _ => None,
    }
}

pub(crate) static READ: Operation = Operation {
    id: "domains.read",
    summary: "Read a domain",
    says: "Reads one own domain with the records to publish.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The domain.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let domain = request.id(0, "domain", domain_ref)?;
    Ok(RouteStep::Read(
        Box::new(DomainRead::Get { domain }.into()),
        |answer, _, _| match answer {
            Answer::Domains(rows) => Some(DOMAIN.response(200, rows.first()?)),
            _ => None,
        },
    ))
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
