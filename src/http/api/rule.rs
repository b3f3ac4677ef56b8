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
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Answer, EntryId, InboxId, InboxRef, NewRule, PriorityLevel, RULE_NAME_BYTES_MAX,
    RULE_ONCE_PER_S, RULE_ONCE_PER_S_MAX, RULE_ONCE_PER_S_MIN, RULE_PRIORITY, RULE_PRIORITY_MAX,
    RULE_REPLY_BYTES_MAX, RULE_TEXT_BYTES_MAX, RuleAction, RuleCondition, RuleField, RuleId,
    RuleOp, RulePatch, RulePlace, RuleRead, RuleReply, RuleRow, RuleTrial, RuleTrialRow, RuleValue,
    RuleWhen, RuleWrite, Shared, Written,
};
use crate::http::wire::json::{self, Object as JsonObject};
use crate::http::wire::response::Response;

const NAME: TextBound = TextBound {
    min: 0,
    max: TextMax::Octets(RULE_NAME_BYTES_MAX),
};
const REPLY: TextBound = TextBound {
    min: 1,
    max: TextMax::Octets(RULE_REPLY_BYTES_MAX),
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

const FORWARD: BodyTable = BodyTable {
    name: "RuleForward",
    says: "Sends a message on. Policy and budgets of sending hold.",
    optional: false,
    example: "",
    fields: fields! {
        to: required LabelLines, r#"["ann@example.com"]"#, "The addresses, at most 10.";
    },
};

const AUTO_REPLY: BodyTable = BodyTable {
    name: "RuleAutoReply",
    says: "An answer (RFC 3834). Its texts may have `{{from.name}}`, `{{from.address}}`, \
           `{{subject}}` and `{{inbox.address}}` in them.",
    optional: false,
    example: "",
    fields: fields! {
        subject: optional Line(REPLY), r#""Auto: {{subject}}""#, "The subject.";
        text: optional Text(REPLY), r#""Hello {{from.name}}, we have got your message.""#,
            "The text; `text` or `html` is needed.";
        html: optional Text(REPLY), r#""<p>We have got your message.</p>""#, "The same as HTML.";
        once_per: optional Text(octets(10)), r#""24h""#,
            "How long a sender gets no other answer of the inbox: a number with `m`, `h` or `d`, \
             from 1 hour to 366 days." or r#""7d""#;
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
        forward: optional Nested(&FORWARD), r#"{"to":["ann@example.com"]}"#,
            "Sends it on as it is, from the inbox, with a copy in Sent.";
        auto_reply: optional Nested(&AUTO_REPLY), r#"{"text":"We have got {{subject}}."}"#,
            "Answers its sender, unless it is a machine, a list or spam. Of several rules the first \
             holds.";
    },
};

/// A list of actions.
pub(crate) const ACTIONS: super::fields::FieldKind = WordsOrObjects(RuleAction::WORDS, &ACTION);

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
        => |mut slot, row| write_actions(slot.octets(), &row.rule.then, true);
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

/// Writes a list of actions; the addresses of a forwarding only for those who may see them.
pub(crate) fn write_actions(out: &mut Vec<u8>, actions: &[RuleAction], open: bool) {
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
            RuleAction::Forward { to } => one(out, &|o| {
                if open {
                    o.texts("to", to);
                }
            }),
            RuleAction::AutoReply(reply) => one(out, &|o| {
                let texts = [
                    ("subject", &reply.subject),
                    ("text", &reply.text),
                    ("html", &reply.html),
                ];
                for (name, text) in texts {
                    if let Some(text) = text {
                        o.text(name, text);
                    }
                }
                o.text("once_per", &shown_duration(reply.once_per_s));
            }),
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
        if let Some(Some(mut of)) = values.nested("forward") {
            given.push(RuleAction::Forward {
                to: of.texts("to").unwrap_or_default(),
            });
        }
        if let Some(Some(mut of)) = values.nested("auto_reply") {
            let once_per_s = match of.text("once_per") {
                None => RULE_ONCE_PER_S,
                Some(text) => duration(&text).ok_or_else(|| {
                    let place = format!("{place}[{at}].auto_reply.once_per");
                    let why = "must be a number with m, h or d, from 1h to 366d";
                    Problem::invalid(&place, why)
                })?,
            };
            given.push(RuleAction::AutoReply(Box::new(RuleReply {
                subject: of.text("subject"),
                text: of.text("text"),
                html: of.text("html"),
                once_per_s,
            })));
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

/// Seconds of a text such as `24h`, within the bounds of `once_per`.
fn duration(text: &str) -> Option<u64> {
    let (digits, unit_s) = if let Some(digits) = text.strip_suffix('d') {
        (digits, 86_400)
    } else if let Some(digits) = text.strip_suffix('h') {
        (digits, 3600)
    } else {
        (text.strip_suffix('m')?, 60)
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok()).flatten()?;
    let seconds = number.checked_mul(unit_s)?;
    (RULE_ONCE_PER_S_MIN..=RULE_ONCE_PER_S_MAX)
        .contains(&seconds)
        .then_some(seconds)
}

fn shown_duration(seconds: u64) -> String {
    match seconds {
        s if s.is_multiple_of(86_400) => format!("{}d", s / 86_400),
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s => format!("{}m", s / 60),
    }
}

/// Reads a rule to make.
fn read_rule(body: &mut Values, prefix: &str) -> Result<NewRule, Box<Problem>> {
    let when = body.nested("when").flatten().unwrap_or_default();
    let then = body.words_or_objects("then").unwrap_or_default();
    Ok(NewRule {
        name: body.text("name").unwrap_or_default(),
        enabled: body.flag("enabled").unwrap_or(true),
        priority: priority(body).unwrap_or(RULE_PRIORITY),
        stop: body.flag("stop").unwrap_or(false),
        when: read_when(when, &format!("{prefix}when"))?,
        then: read_actions(then, &format!("{prefix}then"))?,
    })
}

fn priority(body: &mut Values) -> Option<u32> {
    let number = body.number("priority")?;
    u32::try_from(number).ok()
}

/// The errors of a rule that is saved.
const SAVE_ERRORS: &[&codes::ErrorCode] = &[
    codes::NOT_FOUND,
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
    TRY = "rules.test" "Try a rule"
        "Tries a rule over the stored mail of an inbox, newest first, and says which messages it \
         would match and what it would do. Nothing is stored, sent or counted. It looks at the \
         newest 1,000 messages, up to 64 MiB of them; mail that did not come in is left out."
        &[], Takes::Json(&TRIAL), TRIED, SAVE_ERRORS,
        |request| try_out(request, true);
    TRY_OF_ALL = "org_rules.test" "Try a rule of the organization"
        "Tries a rule over the stored mail of all inboxes, as for one inbox."
        &[], Takes::Json(&TRIAL), TRIED, SAVE_ERRORS,
        |request| try_out(request, false);
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

const TRIED: &[Gives] = &[Gives {
    status: 200,
    says: "The messages that it would match.",
    content: ResponseContent::Page(&TRIAL_ROW),
}];

const TRIAL: BodyTable = BodyTable {
    name: "RuleTrial",
    says: "A rule to try.",
    optional: false,
    example: r#"{"rule":{"when":{"all":[{"field":"subject","op":"contains","value":"invoice"}]},"then":["flag"]},"limit":10}"#,
    fields: fields! {
        rule: required Nested(&NEW_RULE),
            r#"{"when":{"all":[{"field":"subject","op":"contains","value":"invoice"}]},"then":["flag"]}"#,
            "The rule.";
        limit: optional Number { min: 1, max: PAGE_ROWS_MAX as u64 }, "10",
            "How many matches at most." or "50";
    },
};

static TRIAL_ROW: Shape<RuleTrialRow> = shape! {
    "RuleTrialRow", "A message that the rule would match.";
    message_id: always Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The message."
        => |slot, row| slot.shown(row.message);
    would: always ACTIONS, r#"["flag"]"#, "What the rule would do."
        => |mut slot, row| write_actions(slot.octets(), &row.would, true);
};

fn try_out(request: &mut RouteRequest<'_>, of_inbox: bool) -> RouteResult {
    let (place, _) = place_of(request, of_inbox)?;
    let body = &mut request.body;
    let mut rule = body.nested("rule").flatten().unwrap_or_default();
    let limit = body.number("limit").unwrap_or(50);
    let trial = Box::new(RuleTrial {
        rule: read_rule(&mut rule, "rule.")?,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        looked: 0,
        looked_octets: 0,
        rows: Vec::new(),
        cursor: None,
        is_end: false,
        list: Box::default(),
        waiting: Vec::new(),
    });
    Ok(RouteStep::Read(
        Box::new(RuleRead::Try { place, trial }.into()),
        |answer, _, _| match answer {
            Answer::RuleTrial(rows) => Some(TRIAL_ROW.page(&rows, None)),
            _ => None,
        },
    ))
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
    let new = Box::new(read_rule(&mut request.body, "")?);
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
