//! The check of a rule before it is saved or tried: bounds, the fit of fields, comparisons and
//! values, patterns, folders, labels.
//!
//! An error names the field, as in `when.all[2].value`.

use super::compile::compile;
use crate::call::bounds::check_line;
use crate::call::{
    Limits, NewRule, RULE_ACTIONS_MAX, RULE_CONDITIONS_MAX, RULE_FORWARDS_MAX, RULE_LABELS_MAX,
    RULE_NAME_BYTES_MAX, RULE_NUMBER_MAX, RULE_PATTERN_BYTES_MAX, RULE_PATTERNS_MAX,
    RULE_REPLY_BYTES_MAX, RULE_TEXT_BYTES_MAX, Refusal, RuleAction, RuleOp, RuleReply, RuleValue,
    RuleWhen, check_label,
};
use crate::mail::Address;
use crate::mail::write::{field, template};
use crate::service::mail::mailbox::parse_name;

/// Checks a rule and brings the names of its folders into the form in which they are stored; the
/// octets of its compiled patterns. `prefix` stands in front of the names of fields.
pub fn check_rule(limits: &Limits, rule: &mut NewRule, prefix: &str) -> Result<usize, Refusal> {
    let wrong = |field: &str, why: String| Refusal::InvalidPlace {
        field: format!("{prefix}{field}"),
        why,
    };
    if !rule.name.is_empty() {
        check_line(&rule.name, RULE_NAME_BYTES_MAX).map_err(|why| wrong("name", why))?;
    }
    let bytes = check_when(&rule.when).map_err(|(field, why)| wrong(&field, why))?;
    if rule.then.is_empty() {
        return Err(wrong("then", "must have at least one action".to_owned()));
    }
    if rule.then.len() > RULE_ACTIONS_MAX {
        let why = format!("must have at most {RULE_ACTIONS_MAX} actions");
        return Err(wrong("then", why));
    }
    for (at, action) in rule.then.iter_mut().enumerate() {
        check_action(limits, action)
            .map_err(|(field, why)| wrong(&format!("then[{at}].{field}"), why))?;
    }
    Ok(bytes)
}

type WrongPart = (String, String);

fn check_when(when: &RuleWhen) -> Result<usize, WrongPart> {
    let list = if when.all { "when.all" } else { "when.any" };
    let count = when.conditions.len();
    if count > RULE_CONDITIONS_MAX {
        let why = format!("must have at most {RULE_CONDITIONS_MAX} conditions");
        return Err((list.to_owned(), why));
    }
    if count == 0 && !when.all {
        let why = "must have at least one condition; `all` of none matches every message";
        return Err((list.to_owned(), why.to_owned()));
    }
    let mut patterns = 0;
    for (at, condition) in when.conditions.iter().enumerate() {
        let is_pattern = condition.op == RuleOp::Matches;
        patterns += usize::from(is_pattern);
        let max = match is_pattern {
            true => RULE_PATTERN_BYTES_MAX,
            false => RULE_TEXT_BYTES_MAX,
        };
        let why = match &condition.value {
            Some(RuleValue::Text(text)) if text.len() > max => {
                format!("must be at most {max} octets long")
            }
            Some(RuleValue::Number(number))
                if number.unsigned_abs() > RULE_NUMBER_MAX.saturating_mul(1000) =>
            {
                format!("must be from -{RULE_NUMBER_MAX} to {RULE_NUMBER_MAX}")
            }
            _ => continue,
        };
        return Err((format!("{list}[{at}].value"), why));
    }
    if patterns > RULE_PATTERNS_MAX {
        let why = format!("must have at most {RULE_PATTERNS_MAX} conditions with `matches`");
        return Err((list.to_owned(), why));
    }
    match compile(when) {
        Ok((_, bytes)) => Ok(bytes),
        Err(wrong) => {
            let (at, field) = (wrong.at, wrong.field);
            Err((format!("{list}[{at}].{field}"), wrong.why))
        }
    }
}

fn check_action(limits: &Limits, action: &mut RuleAction) -> Result<(), WrongPart> {
    match action {
        RuleAction::Move { folder, .. } => match parse_name(folder, limits) {
            Ok(name) => *folder = name,
            Err(refusal) => {
                let why = match refusal {
                    Refusal::Invalid { why, .. } => format!("is no name of a folder: {why}"),
                    _ => "is too long, or has too many levels".to_owned(),
                };
                return Err(("move.folder".to_owned(), why));
            }
        },
        RuleAction::Label { add, remove } => {
            for (name, labels) in [("label.add", &add), ("label.remove", &remove)] {
                if labels.len() > RULE_LABELS_MAX {
                    let why = format!("must have at most {RULE_LABELS_MAX} labels");
                    return Err((name.to_owned(), why));
                }
                for (at, label) in labels.iter().enumerate() {
                    check_label(label).map_err(|why| (format!("{name}[{at}]"), why))?;
                }
            }
            if add.is_empty() && remove.is_empty() {
                let why = "must add or remove a label".to_owned();
                return Err(("label".to_owned(), why));
            }
        }
        RuleAction::MarkSeen
        | RuleAction::Flag
        | RuleAction::Priority(_)
        | RuleAction::Delete
        | RuleAction::Stop => {}
        RuleAction::Forward { to } => {
            if to.is_empty() || to.len() > RULE_FORWARDS_MAX {
                let why = format!("must have 1 to {RULE_FORWARDS_MAX} addresses");
                return Err(("forward.to".to_owned(), why));
            }
            for (at, address) in to.iter_mut().enumerate() {
                match Address::parse(address.trim()) {
                    Ok(parsed) => *address = parsed.to_string(),
                    Err(_) => {
                        let why = "is not an address".to_owned();
                        return Err((format!("forward.to[{at}]"), why));
                    }
                }
            }
        }
        RuleAction::AutoReply(reply) => check_reply(reply)?,
    }
    Ok(())
}

/// Checks the texts of an answer. Its times are checked where they are read.
fn check_reply(reply: &RuleReply) -> Result<(), WrongPart> {
    let wrong = |name: &str, why: String| Err((format!("auto_reply.{name}"), why));
    if reply.text.is_none() && reply.html.is_none() {
        return wrong(
            "text",
            "is missing: an answer has `text`, `html` or both".to_owned(),
        );
    }
    let bodies = [("text", &reply.text), ("html", &reply.html)];
    for (name, text) in bodies.into_iter().chain([("subject", &reply.subject)]) {
        let Some(text) = text else { continue };
        if text.len() > RULE_REPLY_BYTES_MAX {
            return wrong(
                name,
                format!("must be at most {RULE_REPLY_BYTES_MAX} octets long"),
            );
        }
        if let Err(why) = template::check(text) {
            return wrong(name, why);
        }
    }
    match &reply.subject {
        Some(subject) if !field::is_value(subject) => {
            let why = "must be one line, not too long and without control characters";
            wrong("subject", why.to_owned())
        }
        _ => Ok(()),
    }
}
