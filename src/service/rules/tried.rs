//! A rule that is tried, and not stored.

use super::apply::brief;
use super::check::check_rule;
use super::compile::{CompiledRule, compiled};
use super::matching::{MatchWork, matches};
use super::subject::RuleSubject;
use crate::call::{Limits, NewRule, Refusal, RuleAction, RuleId};

/// A rule that is tried.
#[derive(Debug)]
pub struct TriedRule(CompiledRule);

impl TriedRule {
    /// Checks and compiles it as if it were saved.
    pub fn new(limits: &Limits, mut rule: NewRule, prefix: &str) -> Result<TriedRule, Refusal> {
        check_rule(limits, &mut rule, prefix)?;
        rule.then = rule.then.iter().map(brief).collect();
        Ok(TriedRule(compiled(RuleId(0), rule).0))
    }

    /// Whether it would match a message.
    pub fn matches(&self, message: &RuleSubject<'_>) -> bool {
        matches(&self.0, message, &mut MatchWork::of_message()).unwrap_or(false)
    }

    /// What it would do, as events show it.
    pub fn actions(&self) -> &[RuleAction] {
        &self.0.then
    }
}
