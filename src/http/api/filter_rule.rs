//! Filter rules: the allow and block lists of an organization and of its inboxes.

use super::codes;
use super::fields::FieldKind::{Id, InboxName, OneOf, Text, Time};
use super::fields::{ANY, BodyTable, fields, octets};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, FilterAction, FilterDirection, FilterRuleId, FilterRuleRead, FilterRuleRow,
    FilterRuleWrite, InboxId, MatchType, NewFilterRule, Shared, Written,
};
use crate::http::wire::response::Response;

const NEW_RULE: BodyTable = BodyTable {
    name: "NewFilterRule",
    says: "A filter rule to make.",
    optional: false,
    example: r#"{"direction":"receive","action":"block","match_type":"domain","value":"spam.example"}"#,
    fields: fields! {
        direction: required OneOf(FilterDirection::WORDS), r#""receive""#,
            "`send`: mail that leaves for the address. `receive`: mail that comes from it.";
        action: required OneOf(FilterAction::WORDS), r#""block""#,
            "`block` refuses the mail. `allow` lets it pass where a wider rule blocks.";
        match_type: required OneOf(MatchType::WORDS), r#""domain""#,
            "`domain` is the domain exactly; `subdomain_wildcard` is every domain below it.";
        value: required Text(octets(320)), r#""spam.example""#, "An address or a domain.";
        inbox: optional InboxName, r#""inb_01Hq7Zk3VdX""#,
            "The inbox that it holds for; without it, every inbox of the organization.";
    },
};

static RULE: Shape<FilterRuleRow> = shape! {
    "FilterRule", "A filter rule. The most specific one wins: an address before a domain before a \
     wildcard; then a rule of the inbox before one of the organization; then `block`.";
    id: always Id(FilterRuleId::PREFIX), r#""flt_01Hq7Zk3VdX""#, "Its id."
        => |slot, rule| slot.shown(rule.id);
    direction: always OneOf(FilterDirection::WORDS), r#""receive""#, "Which mail it is about."
        => |slot, rule| slot.text(rule.direction.word());
    action: always OneOf(FilterAction::WORDS), r#""block""#, "What it does."
        => |slot, rule| slot.text(rule.action.word());
    match_type: always OneOf(MatchType::WORDS), r#""domain""#, "What the value is compared with."
        => |slot, rule| slot.text(rule.match_type.word());
    value: always Text(ANY), r#""spam.example""#, "The address or the domain, in lower case."
        => |slot, rule| slot.text(&rule.value);
    inbox_id: or_null Id(InboxId::PREFIX), "null",
        "The inbox that it holds for; null is every inbox of the organization."
        => |slot, rule| slot.shown_or_null(rule.inbox);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, rule| slot.time(rule.created_at);
};

pub(crate) static CREATE: Operation = Operation {
    id: "filter_rules.create",
    summary: "Make a filter rule",
    says: "Makes an allow or a block rule. It holds from the next message on. Mail that a rule \
           blocks is refused in the session, with the id of the rule.",
    query: &[],
    takes: Takes::Json(&NEW_RULE),
    gives: &[Gives {
        status: 201,
        says: "The rule.",
        content: ResponseContent::One(&RULE),
    }],
    errors: &[
        codes::NOT_FOUND,
        codes::KEY_BOUND,
        codes::ALREADY_EXISTS,
        codes::LIMIT_REACHED,
    ],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let body = &mut request.body;
    let text = |word: Option<String>| word.unwrap_or_default();
    let new = NewFilterRule {
        direction: FilterDirection::named(&text(body.text("direction")))
            .unwrap_or(FilterDirection::Receive),
        action: FilterAction::named(&text(body.text("action"))).unwrap_or(FilterAction::Block),
        match_type: MatchType::named(&text(body.text("match_type"))).unwrap_or(MatchType::Address),
        value: text(body.text("value")),
        inbox: body.inbox("inbox"),
    };
    let call = FilterRuleWrite::Create {
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
        Written::FilterRule(row) => Some(RULE.response(201, row)),
        _ => None,
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "filter_rules.list",
    summary: "List filter rules",
    says: "Lists the filter rules by id. A key that is bound to inboxes sees those of its inboxes.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of rules.",
        content: ResponseContent::Page(&RULE),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = FilterRuleRead::List {
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::FilterRules { rows, next } => Some(RULE.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "filter_rules.read",
    summary: "Read a filter rule",
    says: "Reads one filter rule.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The rule.",
        content: ResponseContent::One(&RULE),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "filter rule", FilterRuleId::parse)?;
    Ok(RouteStep::Read(
        Box::new(FilterRuleRead::Get { id }.into()),
        |answer, _, _| match answer {
            Answer::FilterRules { rows, .. } => Some(RULE.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "filter_rules.delete",
    summary: "Delete a filter rule",
    says: "Deletes a filter rule. It holds no more from the next message on.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "filter rule", FilterRuleId::parse)?;
    Ok(RouteStep::Write(
        Box::new(FilterRuleWrite::Delete { id }.into()),
        gone,
    ))
}
