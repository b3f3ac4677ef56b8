//! A message with what every rule asks of it, found once.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Match, MatchKind};

use super::bait::BaitSet;
use super::domains::{self, BRANDS, Brand};
use super::facts::SenderFacts;
use super::fold::Folded;
use super::phrasebook::FoundPhrases;
use super::view::MailView;
use crate::mail::auth::organizational_domain;
use crate::mail::text::links::LinkKind;

/// A message before the rules.
pub struct JudgedCase<'a> {
    /// What stands in it.
    pub view: &'a MailView,
    /// What is known of its sender.
    pub facts: &'a SenderFacts,
    /// The domain of From, in lower case; empty without one.
    pub from: String,
    /// The display name, folded.
    pub name: String,
    /// What the subject and the text speak of.
    pub baits: BaitSet,
    /// The links to the web.
    pub links: Vec<CaseLink<'a>>,
    /// A brand that the display name, the subject or the beginning of the text names.
    pub brand: Option<&'static Brand>,
    /// Letters of the text.
    pub letters: usize,
    /// Letters of another alphabet that stand for those that they look like.
    pub disguised: usize,
}

/// A link to the web.
pub struct CaseLink<'a> {
    /// Its host.
    pub host: Cow<'a, str>,
    /// Its address.
    pub url: &'a str,
    /// The words that stand for it.
    pub words: &'a str,
    /// It ends a subscription.
    pub is_unsubscribe: bool,
    /// It leads to another owner than the sender, and ends no subscription.
    pub is_foreign: bool,
}

impl<'a> JudgedCase<'a> {
    /// Prepares a message. `text` is its folded text, with what that speaks of.
    pub fn of(
        view: &'a MailView,
        facts: &'a SenderFacts,
        (text, mut baits): (&Folded, BaitSet),
    ) -> JudgedCase<'a> {
        let from = view.from.as_ref();
        let from = from.map(|from| from.domain.to_ascii_lowercase());
        let from = from.unwrap_or_default();
        let name = view.from.as_ref().and_then(|from| from.name.as_deref());
        let name = Folded::of(name.unwrap_or_default()).text;
        let subject = Folded::of(&view.subject);
        let disguised = text.disguised + subject.disguised;
        let subject = subject.text;
        baits.add(FoundPhrases::of(&subject).baits);
        let own = organizational_domain(&from);
        let links = view.links.iter().take(LINKS_MAX).filter_map(|link| {
            let host = domains::host_of(&link.url)?;
            let is_unsubscribe = link.kind == LinkKind::Unsubscribe;
            Some(CaseLink {
                is_foreign: !is_unsubscribe && organizational_domain(&host) != own,
                host,
                url: &link.url,
                words: &link.text,
                is_unsubscribe,
            })
        });
        let links = links.collect();
        let opening = crate::mail::unicode::prefix(&text.text, OPENING_BYTES);
        JudgedCase {
            view,
            facts,
            brand: brand_in(&name, &subject, opening),
            from,
            name,
            baits,
            links,
            disguised,
            letters: text.text.bytes().filter(u8::is_ascii_alphabetic).count(),
        }
    }

    /// Whether the sender is shown to be one that the inbox knows.
    pub fn is_trusted(&self) -> bool {
        let is_client = self.facts.auth == crate::call::SenderAuth::Client;
        let is_allowed = self.facts.listed == Some(crate::call::FilterAction::Allow);
        is_client || is_allowed || self.facts.is_own_organization || self.facts.is_correspondent
    }

    /// The links that lead to another owner than the sender's.
    pub fn foreign_links(&self) -> impl Iterator<Item = &CaseLink<'a>> {
        self.links.iter().filter(|link| link.is_foreign)
    }

    /// The hosts of those links, each once, at most [`HOSTS_MAX`].
    pub fn foreign_hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = Vec::new();
        for link in self.foreign_links() {
            if hosts.len() < HOSTS_MAX && !hosts.contains(&&*link.host) {
                hosts.push(&link.host);
            }
        }
        hosts
    }

    /// The brand that is named though neither the sender nor one of its links is of it.
    pub fn false_brand(&self) -> Option<&'static str> {
        let (brand, own) = self.brand?;
        let is_own = domains::is_within(&self.from, own)
            || organizational_domain(&self.from).split('.').next()
                == Some(brand.replace(' ', "").as_str());
        (!is_own).then_some(*brand)
    }
}

/// The first brand of the table that the name or the subject has as a word, or else the first that
/// the beginning of the text has twice: there a brand is only a sender's where it is named often.
fn brand_in(name: &str, subject: &str, opening: &str) -> Option<&'static Brand> {
    let named = [name, subject]
        .into_iter()
        .flat_map(|text| names_in(text).filter(|hit| stands_alone(text, hit.start(), hit.end())));
    let first = named.map(|hit| hit.pattern().as_usize()).min();
    let first = first.or_else(|| {
        let mut seen = [0_u8; BRANDS.len()];
        for hit in names_in(opening) {
            if let Some(count) = seen.get_mut(hit.pattern().as_usize()) {
                *count = count.saturating_add(1);
            }
        }
        seen.iter().position(|count| *count >= 2)
    });
    BRANDS.get(first?)
}

/// Octets of memory of the names.
pub fn bytes() -> usize {
    NAMES.iter().map(AhoCorasick::memory_usage).sum()
}

/// Each place where the name of a brand stands.
fn names_in(text: &str) -> impl Iterator<Item = Match> {
    NAMES
        .iter()
        .flat_map(move |names| names.find_overlapping_iter(text))
}

/// The names of the brands, in their order. `None` if they are too many, which a test rules out.
static NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(BRANDS.iter().map(|(brand, _)| brand));
    built.ok()
});

/// Whether a word or words stand in a folded text with no letter beside them.
pub fn has_word(text: &str, word: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), word)
        .any(|at| stands_alone(text, at, at + word.len()))
}

/// Whether no letter is beside a range of a folded text.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_letter = |at: Option<&u8>| at.is_some_and(|b| b.is_ascii_alphanumeric());
    let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
    !is_letter(before) && !is_letter(text.as_bytes().get(end))
}

/// Hosts that are compared with known ones.
const HOSTS_MAX: usize = 12;
/// Links that are looked at.
const LINKS_MAX: usize = 60;
/// Octets of the text in which a brand is looked for.
const OPENING_BYTES: usize = 1_500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_brand_is_found_as_a_word_or_twice_in_the_text() {
        for brand in BRANDS {
            let (name, _) = brand;
            assert_eq!(brand_in(name, "", ""), Some(brand));
            assert_eq!(brand_in("", &format!("your {name}: it"), ""), Some(brand));
            assert_eq!(
                brand_in(&format!("x{name}"), "", &format!(" {name}!")),
                None
            );
        }
        let of = |opening: &str| brand_in("", "", opening).map(|(name, _)| *name);
        assert_eq!(of("dhl and mydhl"), Some("dhl"));
        assert_eq!(of("dhl and fedex, fedex and dhl"), Some("dhl"));
    }
}
