//! Own domains of an organization: added, checked and proven, listed, deleted, with the records to
//! publish and what the DNS has in their place.

use super::codes;
use super::fields::FieldKind::{DomainName, Flag, Id, InboxName, List, Object, OneOf, Text, Time};
use super::fields::{ANY, BodyTable, fields};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, DomainId, DomainRead, DomainRecord, DomainRef, DomainView, DomainWrite, InboxId,
    RecordPurpose, RecordStatus, Shared, Written,
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

static RECORD: Shape<DomainRecord> = shape! {
    "DomainRecord", "A record of the DNS that belongs to a domain.";
    purpose: always OneOf(RecordPurpose::NAMES), r#""ownership""#,
        "What it is for: `ownership` proves whose the domain is; the others are advice."
        => |slot, record| slot.text(record.purpose.name());
    type: always OneOf(&["TXT", "MX", "SRV"]), r#""TXT""#, "The type of the record."
        => |slot, record| slot.text(record.kind.name());
    name: always Text(ANY), r#""_postern.agents.example""#,
        "The name that it is published at, without a final dot."
        => |slot, record| slot.text(&record.name);
    value: always Text(ANY), r#""postern-verify=0a1b2c3d4e5f""#,
        "What it says; a long text is published in strings of at most 255 octets."
        => |slot, record| slot.text(&record.value);
    required: always Flag, "true", "Whether the domain does not work without it."
        => |slot, record| slot.flag(record.required);
    status: always OneOf(RecordStatus::NAMES), r#""unknown""#,
        "What the last check has found; `unknown` before one, and when the DNS gave no answer."
        => |slot, record| slot.text(record.status.name());
    found: or_null List(&Text(ANY)), "null", "What was seen at its name; null when nothing is known."
        => |slot, record| match &record.found {
            Some(found) => slot.texts(found),
            None => slot.null(),
        };
    fix: or_null Text(ANY), r#""Publish this record.""#, "What to do; null when nothing is to be done."
        => |slot, record| slot.text_or_null(record.fix.as_deref());
};

static DOMAIN: Shape<DomainView> = shape! {
    "Domain", "An own domain. It works only while it is verified.";
    id: always Id(DomainId::PREFIX), r#""dom_01Hq7Zk3VdX""#, "Its id."
        => |slot, domain| slot.shown(domain.row.id);
    name: always Text(ANY), r#""agents.example""#, "Its name in lower case, in punycode."
        => |slot, domain| slot.text(&domain.row.name);
    verified: always Flag, "false",
        "Whether it is proven to be yours. Until then there is no inbox on it and no mail passes."
        => |slot, domain| slot.flag(domain.row.verified_at.is_some());
    shared: always Flag, "false", "Whether it is the shared domain; only the operator sees that."
        => |slot, domain| slot.flag(domain.is_shared);
    catch_all: or_null Id(InboxId::PREFIX), "null",
        "The inbox that gets mail for names at the domain that no inbox has."
        => |slot, domain| slot.shown_or_null(domain.row.catch_all);
    records: always List(&Object(&RECORD)), "[]", "The records to publish."
        => |mut slot, domain| RECORD.write_list(slot.octets(), &domain.records);
    checked_at: or_null Time, "null",
        "When the DNS was last asked for the records; null when it was not since the last start."
        => |slot, domain| slot.time_or_null(domain.checked_at);
    created_at: or_null Time, r#""2026-01-31T12:00:00.000Z""#,
        "When it was added; null for the shared domain."
        => |slot, domain| slot.time_or_null(
            (!domain.is_shared).then_some(domain.row.created_at),
        );
};

pub(crate) static CREATE: Operation = Operation {
    id: "domains.create",
    summary: "Add a domain",
    says: "Adds an own domain, makes its signing keys, and gives the records to publish. It waits \
           until it is proven to be yours; then inboxes can have any free name at it. Another \
           organization may wait for the same name.",
    query: &[],
    takes: Takes::Json(&NEW_DOMAIN),
    gives: &[Gives {
        status: 201,
        says: "The domain, with the records to publish.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::ALREADY_EXISTS, codes::CONFLICT, codes::LIMIT_REACHED],
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

pub(crate) static RECORDS: Operation = Operation {
    id: "domains.records",
    summary: "List the records of a domain",
    says: "Lists the records to publish, with what the last check has found.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "All records.",
        content: ResponseContent::Page(&RECORD),
    }],
    errors: &[],
    run: records,
};

fn records(request: &mut RouteRequest<'_>) -> RouteResult {
    request.one_page();
    let domain = request.id(0, "domain", domain_ref)?;
    Ok(RouteStep::Read(
        Box::new(DomainRead::Get { domain }.into()),
        |answer, _, _| match answer {
            Answer::Domains(rows) => Some(RECORD.page(&rows.first()?.records, None)),
            _ => None,
        },
    ))
}

pub(crate) static VERIFY: Operation = Operation {
    id: "domains.verify",
    summary: "Verify a domain",
    says: "Asks the DNS for each record of the domain, past every cache of this server, and says \
           which differs and how. The domain is verified when its ownership record is there; an \
           organization that had it verified before waits again. New signing keys begin to sign \
           when both of their records are there. The answer takes up to 20 seconds when name \
           servers are silent.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The domain, verified or not, with what was found.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[],
    run: verify,
};

fn verify(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = DomainWrite::Verify {
        domain: request.id(0, "domain", domain_ref)?,
        seen: None,
        idempotency: request
            .idempotency(|written| shown(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written),
    ))
}

pub(crate) static ROTATE: Operation = Operation {
    id: "domains.rotate_dkim",
    summary: "Make new signing keys",
    says: "Makes new DKIM keys. Publish their records, then verify the domain: from then on the new \
           keys sign. The old records stay in the list for seven days, in which they stay \
           published.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The domain, with the records of the new keys and of the old.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::CONFLICT],
    run: rotate,
};

fn rotate(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = DomainWrite::RotateDkim {
        domain: request.id(0, "domain", domain_ref)?,
        idempotency: request
            .idempotency(|written| shown(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written),
    ))
}

const DOMAIN_PATCH: BodyTable = BodyTable {
    name: "DomainPatch",
    says: "A change of a domain.",
    optional: false,
    example: r#"{"catch_all":"support@agents.example"}"#,
    fields: fields! {
        catch_all: clearable InboxName, r#""inb_01Hq7Zk3VdX""#,
            "The inbox that gets mail for names at the domain that no inbox has; null: none does.";
    },
};

pub(crate) static PATCH: Operation = Operation {
    id: "domains.patch",
    summary: "Change a domain",
    says: "Names the inbox that gets mail for names at the domain that no inbox has.",
    query: &[],
    takes: Takes::Json(&DOMAIN_PATCH),
    gives: &[Gives {
        status: 200,
        says: "The domain as it is now.",
        content: ResponseContent::One(&DOMAIN),
    }],
    errors: &[codes::NOT_FOUND, codes::CONFLICT],
    run: patch,
};

fn patch(request: &mut RouteRequest<'_>) -> RouteResult {
    let domain = request.id(0, "domain", domain_ref)?;
    let Some(inbox) = request.body.clearable_inbox("catch_all") else {
        // Nothing is to be changed.
        let call = DomainRead::Get { domain };
        return Ok(RouteStep::Read(
            Box::new(call.into()),
            |answer, _, _| match answer {
                Answer::Domains(rows) => Some(DOMAIN.response(200, rows.first()?)),
                _ => None,
            },
        ));
    };
    let call = DomainWrite::CatchAll { domain, inbox };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written),
    ))
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
            .idempotency(|written| shown(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written),
    ))
}

fn shown(written: &Written) -> Option<Response> {
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
    says: "Lists the own domains, with their records. There are at most a hundred, so that one page \
           has all. The operator sees the shared domain first.",
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
