//! Fuzz body of `postern::testing::service::rules`: a rule with one condition, and a message.
//!
//! The checks: a rule that is saved can be asked about any message; a field is there or is not;
//! what is the same contains itself; a template never adds a line.

use postern::testing::call::{
    Limits, NewRule, RuleAction, RuleCondition, RuleField, RuleOp, RuleValue, RuleWhen, SenderAuth,
};
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::{Digest, analyse};
use postern::testing::mail::write::template::{TemplateValues, check, render};
use postern::testing::service::rules::{RuleSubject, TriedRule};

/// The first three lines are the field, the comparison and the value; the rest is the message.
pub fn rules(data: &[u8]) {
    let mut lines = data.splitn(4, |b| *b == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (field, op, value) = (text(), text(), text());
    let message = lines.next().unwrap_or_default();
    template(&value);
    let (Some(field), Some(op)) = (RuleField::named(&field), RuleOp::named(&op)) else {
        return;
    };
    let value = match value.as_str() {
        "" => None,
        "true" => Some(RuleValue::Flag(true)),
        "false" => Some(RuleValue::Flag(false)),
        other => Some(match other.parse() {
            Ok(number) => RuleValue::Number(number),
            Err(_) => RuleValue::Text(other.to_owned()),
        }),
    };
    let Ok(analysis) = analyse(message, &Bounds::default()) else {
        return;
    };
    let digest = Digest::open(&analysis.digest).unwrap();
    let subject = RuleSubject::new(message, digest, (SenderAuth::Unknown, None));
    let holds = |op, value| {
        let rule = rule(field.clone(), op, value);
        let rule = TriedRule::new(&Limits::default(), rule, "rule.").ok();
        rule.map(|rule| rule.matches(&subject))
    };
    let first = holds(op, value.clone());
    assert_eq!(holds(op, value.clone()), first, "a second time");
    let there = holds(RuleOp::Exists, None).unwrap();
    let missing = holds(RuleOp::Exists, Some(RuleValue::Flag(false))).unwrap();
    assert_ne!(there, missing);
    if first == Some(true) && op == RuleOp::Is {
        assert_ne!(holds(RuleOp::Contains, value), Some(false));
    }
}

fn rule(field: RuleField, op: RuleOp, value: Option<RuleValue>) -> NewRule {
    NewRule {
        name: String::new(),
        enabled: true,
        priority: 0,
        stop: false,
        when: RuleWhen {
            all: true,
            conditions: vec![RuleCondition { field, op, value }],
        },
        then: vec![RuleAction::Flag],
    }
}

/// The value as a template, and as what stands in one.
fn template(value: &str) {
    let values = TemplateValues {
        from_name: value.to_owned(),
        from_address: value.to_owned(),
        subject: value.to_owned(),
        inbox_address: value.to_owned(),
    };
    let line = render("{{from.name}}{{subject}}", &values, false);
    assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    let page = render("{{from.name}}", &values, true);
    assert!(!page.contains(['<', '>', '"', '\'']), "{page:?}");
    if check(value).is_ok() {
        let _ = render(value, &values, true);
    }
}
