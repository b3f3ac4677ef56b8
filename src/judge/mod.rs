//! The filter: what a message is, by what stands in it and what is known of its sender.
//!
//! [`judge`] is a pure function of a [`MailView`], [`SenderFacts`], [`SpamSettings`] and
//! [`Models`]. `view` reads a message once, within bounds. `model` is the statistical part, which
//! learns. The weights are natural logarithms of odds, so that hits add.
//!
//! The rule: a hit says what makes a message bad in the world, in one sentence. All input is
//! hostile: every pass is linear in what the view keeps, and the view has bounds. No clock, no
//! random number, no I/O.

mod bait;
mod case;
mod decode;
mod domains;
mod facts;
mod fold;
mod injection;
pub mod known_spam;
mod lexicon;
pub mod model;
mod orders;
mod phrasebook;
mod phrases;
mod rules;
mod surroundings;
mod view;

use crate::call::{
    InjectionReport, InjectionSpan, RULE_HITS_MAX, RuleHit, SCORE_MAX, Score, SpamReport,
    SpamSettings, Verdict,
};
use case::JudgedCase;
pub use facts::{PastVerdicts, SenderFacts};
use fold::Folded;
pub use model::Models;
use phrasebook::FoundPhrases;
use phrases::PhraseHit;
use rules::RULES;
pub use view::{MailView, ViewFile, ViewHeader};

/// Judges a message.
pub fn judge(
    view: &MailView,
    facts: &SenderFacts,
    settings: &SpamSettings,
    models: &Models,
) -> SpamReport {
    let text = Folded::of(&view.text);
    let phrases = FoundPhrases::of(&text.text);
    let case = JudgedCase::of(view, facts, (&text, phrases.baits));
    let mut hits = HitList {
        settings,
        found: Vec::new(),
    };
    for rule in RULES {
        if (rule.test)(&case) {
            hits.push(rule.id, rule.weight, rule.why);
        }
    }
    let learned = models.score(view);
    hits.learned(match case.is_trusted() {
        // What others have taught does not outweigh that the inbox knows the sender.
        true => learned.min(LEARNED_OF_TRUSTED_MAX),
        // Deceit is written in the words of ordinary mail.
        false if hits.deceit() >= DECEIT => learned.max(LEARNED_OF_DECEIT_MIN),
        false => learned,
    });
    let injection = hits.injection(&case, (&text, phrases.orders));
    report(hits.found, injection, settings, view.is_sampled)
}

/// The names of all rules: those that an inbox may weigh, and that a report may have.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    let others = ["learned", "orders", "orders_weigh_alone", "open_to_people"];
    (RULES.iter().map(|rule| rule.id))
        .chain(injection::rule_names())
        .chain(others)
}

/// Octets of memory of all that the filter looks things up in: the shipped model and the phrases.
/// What an organization teaches comes to it.
pub fn tables_bytes() -> usize {
    let phrases = phrasebook::bytes() + orders::bytes() + bait::bytes();
    Models::default().start_bytes() + phrases + case::bytes()
}

/// The places of a shown text that give orders to an agent, in characters of it.
pub fn orders_in(text: &str) -> Vec<InjectionSpan> {
    injection::of_text(text)
}

struct HitList<'a> {
    settings: &'a SpamSettings,
    found: Vec<RuleHit>,
}

impl HitList<'_> {
    /// Adds a hit, with the weight that the inbox gives its rule. It returns that weight.
    fn push(&mut self, id: &'static str, weight: i32, why: &'static str) -> i32 {
        debug_assert!(rule_names().any(|name| name == id), "{id}");
        let own = self.settings.weights.iter().find(|(rule, _)| rule == id);
        let weight = own.map_or(weight, |(_, weight)| weight.0);
        if weight != 0 {
            self.found.push(RuleHit {
                id: id.into(),
                score: Score(weight),
                why: why.into(),
            });
        }
        weight
    }

    /// Adds what was learned. The weight that an inbox gives it is a factor.
    fn learned(&mut self, score: Score) {
        let own = self
            .settings
            .weights
            .iter()
            .find(|(rule, _)| rule == "learned");
        let factor = own.map_or(100, |(_, factor)| i64::from(factor.0));
        let weight = i64::from(score.0) * factor / 100;
        let most = i64::from(SCORE_MAX.0);
        let weight = i32::try_from(weight.clamp(-most, most)).unwrap_or_default();
        if weight != 0 {
            self.found.push(RuleHit {
                id: "learned".into(),
                score: Score(weight),
                why: LEARNED.into(),
            });
        }
    }

    /// What the rules about phishing add.
    fn deceit(&self) -> i32 {
        let deceit = self.found.iter().filter(|hit| hit.id.starts_with("phish_"));
        deceit.map(|hit| hit.score.0).sum()
    }

    /// Adds what speaks to an agent. Orders alone do not make spam of a message that people can
    /// see as it is; hidden ones do.
    fn injection(
        &mut self,
        case: &JudgedCase<'_>,
        text: (&Folded, Vec<PhraseHit>),
    ) -> InjectionReport {
        let found = injection::find(case.view, text);
        let (share, is_trusted) = match case.is_trusted() {
            true => (TRUSTED_SHARE, true),
            false => (100, false),
        };
        if found.traces > 0 {
            self.push(
                "orders",
                found.traces * share / 300,
                "It speaks as one does to a program.",
            );
        }
        let others: i32 = self.found.iter().map(|hit| hit.score.0).sum();
        let mut sum = 0;
        for (id, weight, why) in found.hits {
            sum += self.push(id, weight * share / 100, why);
        }
        let most = if found.is_hidden { 0 } else { -FRIENDLY };
        if sum > 0 && others < most && !is_trusted {
            // Friendly words around an order do not make up for it.
            self.push(
                "orders_weigh_alone",
                most - others,
                "It has orders, whatever stands around them.",
            );
        }
        let most = self.settings.spam.0 - 1 - others.max(0);
        if !found.is_hidden && sum > most && others < self.settings.suspicious.0 {
            self.push(
                "open_to_people",
                most - sum,
                "A person can see what it wants.",
            );
        }
        InjectionReport {
            score: Score(sum),
            spans: match is_trusted {
                true => Vec::new(),
                false => found.spans,
            },
        }
    }
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

const LEARNED: &str = "Its words are like those of mail that people have judged.";
/// What friendly words take at most from orders that a person can see.
const FRIENDLY: i32 = 200;
/// What was learned adds no more to a message of a known sender: as much as the least rule about
/// known senders takes away.
const LEARNED_OF_TRUSTED_MAX: Score = Score(250);
/// From this sum of the rules about phishing on, ordinary words take little away: two of the strong
/// ones, or one and its circumstances.
const DECEIT: i32 = 200;
/// What was learned takes at most from it.
const LEARNED_OF_DECEIT_MIN: Score = Score(-50);
/// What orders of a known sender weigh, in hundredths: the owner of an inbox gives them.
const TRUSTED_SHARE: i32 = 25;

#[cfg(test)]
mod tests;
