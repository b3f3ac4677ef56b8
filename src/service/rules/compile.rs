//! From stored rules to rules that can be asked.

use core::cmp::Ordering;

use super::pattern::RulePattern;
use crate::call::{
    NewRule, RuleAction, RuleCondition, RuleField, RuleId, RuleOp, RuleRow, RuleValue, RuleWhen,
};
use crate::mail::parse::address::parse_domain;
use crate::mail::unicode;

/// The rules of an inbox, or of an organization, in the order in which they are asked. Those that
/// are not enabled are left out.
#[derive(Debug, Default)]
pub struct CompiledRules {
    pub(super) rules: Vec<CompiledRule>,
    /// Octets that they take, about.
    pub(super) bytes: usize,
}

/// One rule.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub id: RuleId,
    pub name: String,
    /// Every condition must hold; otherwise one is enough.
    pub all: bool,
    pub conditions: Vec<CompiledCondition>,
    pub then: Vec<RuleAction>,
    pub stop: bool,
    /// Why it cannot be asked: a release of before has taken a pattern that this one does not.
    pub broken: Option<String>,
}

/// One condition.
#[derive(Debug)]
pub(super) struct CompiledCondition {
    pub field: RuleField,
    pub test: Test,
}

/// How a condition compares. Texts are in lower case, numbers in thousandths.
#[derive(Debug)]
pub(super) enum Test {
    Is(String),
    Contains(String),
    DomainIs(String),
    Matches(Box<RulePattern>),
    Number(Ordering, i64),
    Flag(bool),
    Word(String),
    Exists(bool),
}

impl CompiledRules {
    /// Compiles rules in their order.
    pub fn new(rows: Vec<RuleRow>) -> CompiledRules {
        let mut all = CompiledRules::default();
        for row in rows.into_iter().filter(|row| row.rule.enabled) {
            let (rule, bytes) = compiled(row.id, row.rule);
            all.bytes = all.bytes.saturating_add(bytes);
            all.rules.push(rule);
        }
        all
    }
}

/// Compiles a rule; also the octets that it takes.
pub(super) fn compiled(id: RuleId, rule: NewRule) -> (CompiledRule, usize) {
    let (conditions, bytes, broken) = match compile(&rule.when) {
        Ok((conditions, bytes)) => (conditions, bytes, None),
        Err(wrong) => (Vec::new(), 0, Some(wrong.why)),
    };
    let compiled = CompiledRule {
        id,
        name: rule.name,
        all: rule.when.all,
        conditions,
        then: rule.then,
        stop: rule.stop,
        broken,
    };
    (compiled, bytes.saturating_add(RULE_BYTES))
}

/// A condition that cannot be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WrongCondition {
    /// Its place in the list.
    pub at: usize,
    /// The field of it.
    pub field: &'static str,
    /// Completes a sentence that begins with the name of the field.
    pub why: String,
}

/// Compiles conditions; also the octets that they take.
pub(super) fn compile(when: &RuleWhen) -> Result<(Vec<CompiledCondition>, usize), WrongCondition> {
    let mut bytes = 0_usize;
    let mut conditions = Vec::with_capacity(when.conditions.len());
    for (at, condition) in when.conditions.iter().enumerate() {
        let test = test_of(condition).map_err(|(field, why)| WrongCondition { at, field, why })?;
        bytes = bytes.saturating_add(match &test {
            Test::Matches(pattern) => pattern.bytes(),
            Test::Is(text) | Test::Contains(text) | Test::DomainIs(text) | Test::Word(text) => {
                text.len()
            }
            Test::Number(..) | Test::Flag(_) | Test::Exists(_) => 0,
        });
        conditions.push(CompiledCondition {
            field: condition.field.clone(),
            test,
        });
    }
    Ok((conditions, bytes))
}

type WrongValue = (&'static str, String);

fn test_of(condition: &RuleCondition) -> Result<Test, WrongValue> {
    use crate::call::RuleFieldKind::{Addresses, Flag, Number, Text, Word};
    use RuleOp::{Contains, DomainIs, Exists, Greater, Is, Less, Matches};
    let RuleCondition { field, op, value } = condition;
    match (op, field.kind()) {
        (Exists, _) => match value {
            None => Ok(Test::Exists(true)),
            Some(RuleValue::Flag(wanted)) => Ok(Test::Exists(*wanted)),
            Some(_) => Err(("value", "must be true or false".to_owned())),
        },
        (Is, Addresses | Text) => Ok(Test::Is(unicode::lower(text_of(value)?))),
        (Contains, Addresses | Text) => Ok(Test::Contains(unicode::lower(text_of(value)?))),
        (DomainIs, Addresses) => {
            let text = text_of(value)?;
            match parse_domain(text) {
                Ok(domain) => Ok(Test::DomainIs(domain)),
                Err(_) => Err(("value", "is not a domain such as example.com".to_owned())),
            }
        }
        (Matches, Addresses | Text) => match RulePattern::new(text_of(value)?) {
            Ok(pattern) => Ok(Test::Matches(Box::new(pattern))),
            Err(why) => Err(("value", why)),
        },
        (Is | Greater | Less, Number) => {
            let order = match op {
                Greater => Ordering::Greater,
                Less => Ordering::Less,
                _ => Ordering::Equal,
            };
            match value {
                Some(RuleValue::Number(number)) => Ok(Test::Number(order, *number)),
                _ => Err(("value", "must be a number".to_owned())),
            }
        }
        (Is, Flag) => match value {
            Some(RuleValue::Flag(wanted)) => Ok(Test::Flag(*wanted)),
            _ => Err(("value", "must be true or false".to_owned())),
        },
        (Is, Word(words)) => {
            let text = unicode::lower(text_of(value)?);
            match words.contains(&text.as_str()) {
                true => Ok(Test::Word(text)),
                false => Err(("value", format!("must be {}", words.join(", ")))),
            }
        }
        (_, kind) => {
            let fits = match kind {
                Addresses => "is, contains, domain_is, matches or exists",
                Text => "is, contains, matches or exists",
                Number => "is, greater, less or exists",
                Flag | Word(_) => "is or exists",
            };
            Err((
                "op",
                format!("must be {fits} for the field {}", field.name()),
            ))
        }
    }
}

/// A text that says something.
fn text_of(value: &Option<RuleValue>) -> Result<&str, WrongValue> {
    match value {
        Some(RuleValue::Text(text)) if !text.is_empty() => Ok(text),
        Some(RuleValue::Text(_)) => Err(("value", "is empty".to_owned())),
        Some(_) => Err(("value", "must be a string".to_owned())),
        None => Err(("value", "is missing".to_owned())),
    }
}

/// Octets of a rule beside those of its patterns: its name, its actions and the list itself.
const RULE_BYTES: usize = 1024;
