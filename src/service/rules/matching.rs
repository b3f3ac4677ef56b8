//! Whether a compiled rule matches a message, within a budget of work for all rules together.

use super::compile::{CompiledCondition, CompiledRule, Test};
use super::pattern::PatternScratch;
use super::subject::{RuleSubject, RuleText};
use crate::call::RuleField;
use crate::pace;

/// What the rules of one message may still do.
#[derive(Debug)]
pub(super) struct MatchWork {
    left: usize,
    scratch: PatternScratch,
}

/// Why a rule could not be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MatchError {
    /// The work of all rules together is over its bound.
    Spent,
    /// A pattern is too costly in this message.
    Pattern,
}

impl MatchError {
    /// A sentence for people.
    pub const fn says(self) -> &'static str {
        match self {
            MatchError::Spent => "the rules need too much work for this message",
            MatchError::Pattern => "a pattern needs too much memory for this message",
        }
    }
}

impl MatchWork {
    /// The budget of one message.
    pub fn of_message() -> MatchWork {
        MatchWork {
            left: WORK_MAX,
            scratch: PatternScratch::default(),
        }
    }

    fn spend(&mut self, work: usize) -> Result<(), MatchError> {
        pace::spend(work);
        self.left = self.left.checked_sub(work).ok_or(MatchError::Spent)?;
        Ok(())
    }
}

/// Whether a rule matches.
pub(super) fn matches(
    rule: &CompiledRule,
    message: &RuleSubject<'_>,
    work: &mut MatchWork,
) -> Result<bool, MatchError> {
    for condition in &rule.conditions {
        work.spend(CONDITION_WORK)?;
        if holds(condition, message, work)? != rule.all {
            return Ok(!rule.all);
        }
    }
    Ok(rule.all)
}

fn holds(
    condition: &CompiledCondition,
    message: &RuleSubject<'_>,
    work: &mut MatchWork,
) -> Result<bool, MatchError> {
    let number = || match condition.field {
        RuleField::Size => i64::try_from(message.size().saturating_mul(1000)).ok(),
        _ => message.score(),
    };
    Ok(match &condition.test {
        Test::Exists(wanted) => exists(&condition.field, message) == *wanted,
        Test::Number(order, than) => number().is_some_and(|of| of.cmp(than) == *order),
        Test::Flag(wanted) => message.has_attachment() == *wanted,
        Test::Word(word) => match condition.field {
            RuleField::Verdict => message.verdict().is_some_and(|of| of.name() == word),
            _ => message.dmarc().is_some_and(|of| of.name() == word),
        },
        Test::Is(value) => any(condition, message, work, |text| {
            text.lower == *value
                || (text.address.as_ref()).is_some_and(|(address, _)| address == value)
        })?,
        Test::DomainIs(domain) => any(condition, message, work, |text| {
            (text.address.as_ref()).is_some_and(|(_, of)| of == domain)
        })?,
        Test::Contains(part) => any(condition, message, work, |text| {
            text.lower.contains(part.as_str())
        })?,
        Test::Matches(pattern) => {
            for text in message.texts(&condition.field).iter() {
                work.spend(text.shown.len())?;
                let (found, steps) = pattern.is_in(&mut work.scratch, &text.shown);
                work.spend(steps)?;
                if found.map_err(|_| MatchError::Pattern)? {
                    return Ok(true);
                }
            }
            false
        }
    })
}

/// Whether one of the values passes.
fn any(
    condition: &CompiledCondition,
    message: &RuleSubject<'_>,
    work: &mut MatchWork,
    passes: impl Fn(&RuleText) -> bool,
) -> Result<bool, MatchError> {
    for text in message.texts(&condition.field).iter() {
        work.spend(text.lower.len() / OCTETS_A_STEP + 1)?;
        if passes(text) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn exists(field: &RuleField, message: &RuleSubject<'_>) -> bool {
    match field {
        RuleField::Size => true,
        RuleField::HasAttachment => message.has_attachment(),
        RuleField::Verdict => message.verdict().is_some(),
        RuleField::Score => message.score().is_some(),
        RuleField::Dmarc => message.dmarc().is_some(),
        text => !message.texts(text).is_empty(),
    }
}

/// Steps that all rules of one message take together, in units of about a nanosecond: 15 ms.
const WORK_MAX: usize = 15_000_000;
/// Steps of one condition beside those of its text.
const CONDITION_WORK: usize = 50;
/// Octets that a comparison without a pattern reads in a step.
const OCTETS_A_STEP: usize = 2;
