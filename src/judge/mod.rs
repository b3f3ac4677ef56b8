//! The filter: what a message is, by what stands in it and what is known of its sender.
//!
//! [`judge`] is a pure function of a [`MailView`], [`SenderFacts`], [`SpamSettings`] and
//! [`Models`]. `view` reads a message once, within bounds. `model` is the statistical part, which
//! learns. The weights are natural logarithms of odds, so that hits add.
//!
//! The rule: a hit says what makes a message bad in the world, in one sentence. All input is
//! hostile: every pass is linear in what the view keeps, and the view has bounds. No clock, no
//! random number, no I/O.

mod facts;
pub mod model;
mod view;

use crate::call::{
    InjectionReport, RULE_HITS_MAX, RuleHit, Score, SpamReport, SpamSettings, Verdict,
};
pub use facts::{PastVerdicts, SenderFacts};
pub use model::Models;
pub use view::{MailView, ViewFile, ViewHeader};

/// Judges a message.
pub fn judge(
    view: &MailView,
    _facts: &SenderFacts,
    settings: &SpamSettings,
    models: &Models,
) -> SpamReport {
    let mut hits = Vec::new();
    let learned = models.score(view);
    if learned != Score(0) {
        hits.push(RuleHit {
            id: "learned".into(),
            score: learned,
            why: "The words are like those of mail that was judged before.".into(),
        });
    }
    report(hits, InjectionReport::default(), settings, view.is_sampled)
}

/// Adds the hits up.
fn report(
    mut hits: Vec<RuleHit>,
    injection: InjectionReport,
    settings: &SpamSettings,
    is_sampled: bool,
) -> SpamReport {
    let score = hits.iter().fold(Score(0), |sum, hit| sum.plus(hit.score));
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.score.0.unsigned_abs()));
    hits.truncate(RULE_HITS_MAX);
    let verdict = match score {
        score if score >= settings.spam => Verdict::Spam,
        score if score >= settings.suspicious => Verdict::Suspicious,
        _ => Verdict::Clean,
    };
    SpamReport {
        verdict,
        score,
        threshold: settings.spam,
        rules: hits,
        injection,
        is_sampled,
    }
}
