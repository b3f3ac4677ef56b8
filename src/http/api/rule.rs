//! Rules of delivery, of an inbox and of the organization: their JSON in both directions.

use super::codes;
use super::fields::FieldKind::{
    Flag, FolderName, Id, LabelLines, Line, Nested, Number, Object, Objects, OneOf, Scalar, Text,
    Time, WordsOrObjects,
};
use super::fields::{ANY, BodyTable, TextBound, TextMax, fields, octets};
use super::numbers::ScalarValue;
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use super::values::{Values, any_of};
use crate::call::{
    Answer, InboxId, InboxRef, NewRule, PriorityLevel, RULE_NAME_BYTES_MAX, RULE_PRIORITY,
    RULE_PRIORITY_MAX, RULE_TEXT_BYTES_MAX, RuleAction, RuleCondition, RuleField, RuleId, RuleOp,
    RulePatch, RulePlace, RuleRead, RuleRow, RuleValue, RuleWhen, RuleWrite, Shared, Written,
};
use crate::http::wire::json::{self, Object as JsonObject};
use crate::http::wire::response::Response;

const NAME: TextBound = TextBound {
    min: 0,
    max: TextMax::Octets(RULE_NAME_BYTES_MAX),
};
const PRIORITY: super::fields::FieldKind = Number {
    min: 0,
    max: RULE_PRIORITY_MAX as u64,
};

const CONDITION: BodyTable = BodyTable {
    name: "RuleCondition",
    says: "One condition. Texts compare without regard to case, on decoded values; of a field that \
           stands several times, or has several addresses, one is enough.",
    optional: false,
    example: "",
    fields: fields! {
        field: required Text(octets(100)), r#""subject""#,
            "`from`, `to`, `cc`, `subject`, `body`, `header:NAME`, `size` (octets), \
             `has_attachment`, `list_id`, `verdict`, `score` or `auth.dmarc`.";
        op: required OneOf(RuleOp::NAMES), r#""contains""#,
            "`matches` is a regular expression. `exists` with `false` is the contrary.";
        value: optional Scalar(RULE_TEXT_BYTES_MAX), r#""invoice""#,
            "A text, a number or true or false, as the field and `op` need it; only `exists` needs \
             none.";
    },
};

const WHEN: BodyTable = BodyTable {
    name: "RuleWhen",
    says: "When a rule matches: `all` or `any` of some conditions. `all` of none matches every \
           message.",
    optional: false,
    example: "",
    fields: fields! {
        all: optional Objects(&CONDITION), r#"[{"field":"subject","op":"contains","value":"invoice"}]"#,
            "Every condition must hold.";
        any: optional Objects(&CONDITION), r#"[{"field":"size","op":"greater","value":1000000}]"#,
            "One condition is enough.";
    },
};

const MOVE: BodyTable = BodyTable {
    name: "RuleMove",
    says: "Stores a message in another folder.",
    optional: false,
    example: "",
    fields: fields! {
        folder: required FolderName, r#""Invoices""#, "The folder.";
        create: optional Flag, "true",
            "Whether it is made when it does not exist; without it the message stays in INBOX, and \
             the event says why." or "false";
    },
};

const LABEL: BodyTable = BodyTable {
    name: "RuleLabel",
    says: "Changes the labels of a message.",
    optional: false,
    example: "",
    fields: fields! {
        add: optional LabelLines, r#"["invoice"]"#, "Labels that it gets.";
        remove: optional LabelLines, "[]", "Labels that it loses.";
    },
};

const ACTION: BodyTable = BodyTable {
    name: "RuleAction",
    says: "One action that has arguments: exactly one of these.",
    optional: false,
    example: "",
    fields: fields! {
        move: optional Nested(&MOVE), r#"{"folder":"Invoices","create":true}"#,
            "Stores it in another folder. Of several rules the first holds.";
        label: optional Nested(&LABEL), r#"{"add":["invoice"]}"#, "Changes its labels.";
        priority: optional OneOf(PriorityLevel::NAMES), r#""high""#,
            "The priority in its event. Of several rules the first holds.";
        forward: optional super::fields::FieldKind::Later, "", "Sends it on.";
        auto_reply: optional super::fields::FieldKind::Later, "", "Answers it.";
    },
};

/// A list of actions.
const ACTIONS: super::fields::FieldKind = WordsOrObjects(RuleAction::WORDS, &ACTION);

const NEW_RULE: BodyTable = BodyTable {
    name: "NewRule",
    says: "A rule to make.",
    optional: false,
    example: r#"{"name":"Invoices","when":{"all":[{"field":"subject","op":"contains","value":"invoice"}]},"then":[{"move":{"folder":"Invoices","create":true}},"mark_seen"]}"#,
    fields: fields! {
        name: optional Line(NAME), r#""Invoices""#, "A line for people.";
        enabled: optional Flag, "true", "Whether it is asked." or "true";
        priority: optional PRIORITY, "100",
            "Rules with a smaller number are asked first; of equal ones the older." or "100";
        stop: optional Flag, "false",
            "No later rule is asked when it has matched, as with the action `stop`." or "false";
        when: required Nested(&WHEN),
            r#"{"all":[{"field":"subject","op":"contains","value":"invoice"}]}"#,
            "When it matches.";
        then: required ACTIONS, r#"["mark_seen",{"move":{"folder":"Invoices","create":true}}]"#,
            "What it does then: `mark_seen`, `flag`, `delete` (to Trash), `stop`, or an action with \
             arguments.";
    },
};

const RULE_PATCH: BodyTable = BodyTable {
    name: "RulePatch",
    says: "A change of a rule. What is absent stays.",
    optional: false,
    example: r#"{"enabled":false}"#,
    fields: fields! {
        name: optional Line(NAME), r#""Invoices""#, "A line for people.";
        enabled: optional Flag, "false", "Whether it is asked.";
        priority: optional PRIORITY, "50",
            "Rules with a smaller number are asked first; of equal ones the older.";
        stop: optional Flag, "true", "No later rule is asked when it has matched.";
        when: optional Nested(&WHEN),
            r#"{"any":[{"field":"from","op":"domain_is","value":"shop.example"}]}"#,
            "When it matches.";
        then: optional ACTIONS, r#"["flag"]"#, "What it does then.";
    },
};

static RULE: Shape<RuleRow> = shape! {
    "Rule", "A rule of delivery. The rules of an inbox are asked before those of its organization.";
    id: always Id(RuleId::PREFIX), r#""rul_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    inbox_id: or_null Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#,
        "Its inbox; null is every inbox of the organization."
        => |slot, row| slot.shown_or_null(row.inbox);
    name: always Text(ANY), r#""Invoices""#, "A line for people."
        => |slot, row| slot.text(&row.rule.name);
    enabled: always Flag, "true", "Whether it is asked."
        => |slot, row| slot.flag(row.rule.enabled);
    priority: always PRIORITY, "100", "Rules with a smaller number are asked first."
        => |slot, row| slot.number(u64::from(row.rule.priority));
    stop: always Flag, "false", "No later rule is asked when it has matched."
        => |slot, row| slot.flag(row.rule.stop);
    when: always Object(&WHEN),
        r#"{"all":[{"field":"subject","op":"contains","value":"invoice"}]}"#, "When it matches."
        => |mut slot, row| write_when(slot.octets(), &row.rule.when);
    then: always ACTIONS, r#"["mark_seen",{"move":{"folder":"Invoices","create":true}}]"#,
        "What it does then."
        => |mut slot, row| write_actions(slot.octets(), &row.rule.then);
    hits: always Number { min: 0, max: u64::MAX }, "17", "Messages that it has matched."
        => |slot, row| slot.number(row.hits.count);
    last_hit_at: or_null Time, r#""2026-01-31T12:00:00.000Z""#, "The last of them."
        => |slot, row| slot.time_or_null(row.hits.last_at);
    last_error: or_null Text(ANY), "null", "Why an action was not carried out, the last time."
        => |slot, row| slot.text_or_null(row.hits.error.as_ref().map(|(why, _)| why.as_str()));
    last_error_at: or_null Time, "null", "When that was."
        => |slot, row| slot.time_or_null(row.hits.error.as_ref().map(|(_, at)| *at));
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was made."
        => |slot, row| slot.time(row.created_at);
    updated_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was last changed."
        => |slot, row| slot.time(row.updated_at);
};

/// Writes when a rule matches.
fn write_when(out: &mut Vec<u8>, when: &RuleWhen) {
    json::object(out, |o| {
        let name = if when.all { "all" } else { "any" };
        json::list(o.value(name), &when.conditions, |out, condition| {
            json::object(out, |o| {
                o.text("field", &condition.field.name());
                o.text("op", condition.op.name());
                match &condition.value {
                    Some(RuleValue::Text(text)) => o.text("value", text),
                    Some(RuleValue::Number(number)) => {
                        let text = thousandths(*number);
                        o.value("value").extend_from_slice(text.as_bytes());
                    }
                    Some(RuleValue::Flag(on)) => o.flag("value", *on),
                    None => {}
                }
            });
        });
    });
}

/// A number that is kept in thousandths.
fn thousandths(number: i64) -> String {
    let (sign, of) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
    let text = format!("{sign}{}.{:03}", of / 1000, of % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes a list of actions.
pub(crate) fn write_actions(out: &mut Vec<u8>, actions: &[RuleAction]) {
    json::list(out, actions, |out, action| {
        let one = |out: &mut Vec<u8>, fill: &dyn Fn(&mut JsonObject<'_>)| {
            json::object(out, |o| o.object(action.name(), fill));
        };
        match action {
            RuleAction::Move { folder, create } => one(out, &|o| {
                o.text("folder", folder);
                o.flag("create", *create);
            }),
            RuleAction::Label { add, remove } => one(out, &|o| {
                o.texts("add", add);
                o.texts("remove", remove);
            }),
            RuleAction::Priority(level) => {
                json::object(out, |o| o.text("priority", level.name()));
            }
            RuleAction::MarkSeen | RuleAction::Flag | RuleAction::Delete | RuleAction::Stop => {
                json::quote(out, action.name());
            }
        }
    });
}

/// Reads the `when` of a body; `place` is where it stands.
fn read_when(mut values: Values, place: &str) -> Result<RuleWhen, Box<Problem>> {
    let (all, any) = (values.given_objects("all"), values.given_objects("any"));
    let (is_all, rows) = match (all, any) {
        (Some(rows), None) => (true, rows),
        (None, Some(rows)) => (false, rows),
        _ => return Err(Problem::invalid(place, "must have either `all` or `any`")),
    };
    let list = if is_all { "all" } else { "any" };
    let mut conditions = Vec::with_capacity(rows.len());
    for (at, mut row) in rows.into_iter().enumerate() {
        let text = row.text("field").unwrap_or_default();
        let field = RuleField::named(&text).ok_or_else(|| {
            let place = format!("{place}.{list}[{at}].field");
            let why = format!("must be {}", any_of(RuleField::NAMES));
            Problem::invalid(&place, &why)
        })?;
        let op = row.text("op").and_then(|word| RuleOp::named(&word));
        conditions.push(RuleCondition {
            field,
            op: op.unwrap_or(RuleOp::Is),
            value: row.scalar("value").map(|value| match value {
                ScalarValue::Text(text) => RuleValue::Text(text),
                ScalarValue::Thousandths(number) => RuleValue::Number(number),
                ScalarValue::Flag(on) => RuleValue::Flag(on),
            }),
        });
    }
    Ok(RuleWhen {
        all: is_all,
        conditions,
    })
}

/// Reads the `then` of a body: a word alone, or an object with one field.
fn read_actions(
    rows: Vec<Result<&'static str, Values>>,
    place: &str,
) -> Result<Vec<RuleAction>, Box<Problem>> {
    let mut actions = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let mut values = match row {
            Ok("mark_seen") => {
                actions.push(RuleAction::MarkSeen);
                continue;
            }
            Ok("flag") => {
                actions.push(RuleAction::Flag);
                continue;
            }
            Ok("delete") => {
                actions.push(RuleAction::Delete);
                continue;
            }
            Ok(_) => {
                actions.push(RuleAction::Stop);
                continue;
            }
            Err(values) => values,
        };
        let mut given = Vec::new();
        if let Some(Some(mut of)) = values.nested("move") {
            given.push(RuleAction::Move {
                folder: of.text("folder").unwrap_or_default(),
                create: of.flag("create").unwrap_or(false),
            });
        }
        if let Some(Some(mut of)) = values.nested("label") {
            given.push(RuleAction::Label {
                add: of.texts("add").unwrap_or_default(),
                remove: of.texts("remove").unwrap_or_default(),
            });
        }
        if let Some(word) = values.text("priority") {
            let level = PriorityLevel::named(&word).unwrap_or(PriorityLevel::Normal);
            given.push(RuleAction::Priority(level));
        }
        match (given.pop(), given.is_empty()) {
            (Some(action), true) => actions.push(action),
            _ => {
                let place = format!("{place}[{at}]");
                return Err(Problem::invalid(&place, "must have exactly one action"));
            }
        }
    }
    Ok(actions)
}

/// Reads a rule to make.
fn read_rule(body: &mut Values) -> Result<NewRule, Box<Problem>> {
    let when = body.nested("when").flatten().unwrap_or_default();
    let then = body.words_or_objects("then").unwrap_or_default();
    Ok(NewRule {
        name: body.text("name").unwrap_or_default(),
        enabled: body.flag("enabled").unwrap_or(true),
        priority: priority(body).unwrap_or(RULE_PRIORITY),
        stop: body.flag("stop").unwrap_or(false),
        when: read_when(when, "when")?,
        then: read_actions(then, "then")?,
    })
}

fn priority(body: &mut Values) -> Option<u32> {
    let number = body.number("priority")?;
    u32::try_from(number).ok()
}

/// The errors of a rule that is saved.
const SAVE_ERRORS: &[&codes::ErrorCode] = &[
    codes::NOT_FOUND,
    codes::NOT_SUPPORTED,
    codes::INVALID_HEADER_VALUE,
    codes::LIMIT_REACHED,
];

const RULE_IN_ANSWER: &[Gives] = &[Gives {
    status: 200,
    says: "The rule.",
    content: ResponseContent::One(&RULE),
}];

const RULE_MADE: &[Gives] = &[Gives {
    status: 201,
    says: "The rule.",
    content: ResponseContent::One(&RULE),
}];

const RULES: &[Gives] = &[Gives {
    status: 200,
    says: "A page of rules.",
    content: ResponseContent::Page(&RULE),
}];

/// The operations on the rules of one place: `inbox` says whether the path names an inbox.
macro_rules! operations {
    ($($name:ident = $id:literal $summary:literal $says:literal $query:expr, $takes:expr,
        $gives:expr, $errors:expr, $run:expr;)*) => {$(
        pub(crate) static $name: Operation = Operation {
            id: $id,
            summary: $summary,
            says: $says,
            query: $query,
            takes: $takes,
            gives: $gives,
            errors: $errors,
            run: $run,
        };
    )*};
}

operations! {
    CREATE = "rules.create" "Make a rule"
        "Makes a rule of an inbox. It holds from the next message on. A pattern is compiled when \
         the rule is saved; one that does not compile is refused with the reason."
        &[], Takes::Json(&NEW_RULE), RULE_MADE, SAVE_ERRORS,
        |request| create(request, true);
    LIST = "rules.list" "List the rules of an inbox"
        "Lists the rules of an inbox in the order in which they are asked."
        &[LIMIT, CURSOR], Takes::Nothing, RULES, &[],
        |request| list(request, true);
    READ = "rules.read" "Read a rule" "Reads one rule of an inbox."
        &[], Takes::Nothing, RULE_IN_ANSWER, &[],
        |request| read(request, true);
    PATCH = "rules.update" "Change a rule" "Changes a rule of an inbox. What is absent stays."
        &[], Takes::Json(&RULE_PATCH), RULE_IN_ANSWER, SAVE_ERRORS,
        |request| patch(request, true);
    DELETE = "rules.delete" "Delete a rule"
        "Deletes a rule of an inbox. It holds no more from the next message on."
        &[], Takes::Nothing, GONE, &[],
        |request| delete(request, true);
    CREATE_OF_ALL = "org_rules.create" "Make a rule of the organization"
        "Makes a rule that each inbox of the organization asks after its own."
        &[], Takes::Json(&NEW_RULE), RULE_MADE, SAVE_ERRORS,
        |request| create(request, false);
    LIST_OF_ALL = "org_rules.list" "List the rules of the organization"
        "Lists the rules of the organization in the order in which they are asked."
        &[LIMIT, CURSOR], Takes::Nothing, RULES, &[],
        |request| list(request, false);
    READ_OF_ALL = "org_rules.read" "Read a rule of the organization"
        "Reads one rule of the organization."
        &[], Takes::Nothing, RULE_IN_ANSWER, &[],
        |request| read(request, false);
    PATCH_OF_ALL = "org_rules.update" "Change a rule of the organization"
        "Changes a rule of the organization. What is absent stays."
        &[], Takes::Json(&RULE_PATCH), RULE_IN_ANSWER, SAVE_ERRORS,
        |request| patch(request, false);
    DELETE_OF_ALL = "org_rules.delete" "Delete a rule of the organization"
        "Deletes a rule of the organization."
        &[], Takes::Nothing, GONE, &[],
        |request| delete(request, false);
}

/// The place of a path; also where its rule stands in it.
fn place_of(
    request: &RouteRequest<'_>,
    of_inbox: bool,
) -> Result<(RulePlace, usize), Box<Problem>> {
    match of_inbox {
        true => Ok((Some(request.inbox()?), 1)),
        false => Ok((None::<InboxRef>, 0)),
    }
}

fn create(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let (place, _) = place_of(request, of_inbox)?;
    let new = Box::new(read_rule(&mut request.body)?);
    let call = RuleWrite::Create {
        place,
        new,
        idempotency: request
            .idempotency(|written| shown(written, 201).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written, 201),
    ))
}

fn shown(written: &Written, status: u16) -> Option<Response> {
    match written {
        Written::Rule(row) => Some(RULE.response(status, row)),
        _ => None,
    }
}

fn list(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let call = RuleRead::List {
        place: place_of(request, of_inbox)?.0,
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Rules { rows, next } => Some(RULE.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

fn read(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let (place, at) = place_of(request, of_inbox)?;
    let id = request.id(at, "rule", RuleId::parse)?;
    Ok(RouteStep::Read(
        Box::new(RuleRead::Get { place, id }.into()),
        |answer, _, _| match answer {
            Answer::Rules { rows, .. } => Some(RULE.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

fn patch(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let (place, at) = place_of(request, of_inbox)?;
    let id = request.id(at, "rule", RuleId::parse)?;
    let body = &mut request.body;
    let when = body.nested("when").flatten();
    let then = body.words_or_objects("then");
    let patch = Box::new(RulePatch {
        name: body.text("name"),
        enabled: body.flag("enabled"),
        priority: priority(body),
        stop: body.flag("stop"),
        when: when.map(|when| read_when(when, "when")).transpose()?,
        then: then.map(|then| read_actions(then, "then")).transpose()?,
    });
    let call = RuleWrite::Patch { place, id, patch };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _: &Shared| shown(written, 200),
    ))
}

fn delete(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let (place, at) = place_of(request, of_inbox)?;
    let id = request.id(at, "rule", RuleId::parse)?;
    Ok(RouteStep::Write(
        Box::new(RuleWrite::Delete { place, id }.into()),
        gone,
    ))
}
