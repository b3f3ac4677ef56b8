//! A message with what every rule asks of it, found once.

use std::borrow::Cow;

use super::bait::{self, BaitSet};
use super::domains::{self, BRANDS};
use super::facts::SenderFacts;
use super::fold::Folded;
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
    pub brand: Option<&'static (&'static str, &'static [&'static str])>,
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
}

impl<'a> JudgedCase<'a> {
    /// Prepares a message. `text` is its folded text.
    pub fn of(view: &'a MailView, facts: &'a SenderFacts, text: &Folded) -> JudgedCase<'a> {
        let from = view
            .from
            .as_ref()
            .map(|from| from.domain.to_ascii_lowercase());
        let name = view.from.as_ref().and_then(|from| from.name.as_deref());
        let name = Folded::of(name.unwrap_or_default()).text;
        let subject = Folded::of(&view.subject);
        let disguised = text.disguised + subject.disguised;
        let subject = subject.text;
        let mut baits = bait::read(&text.text);
        baits.add(bait::read(&subject));
        let links = view.links.iter().take(LINKS_MAX).filter_map(|link| {
            Some(CaseLink {
                host: domains::host_of(&link.url)?,
                url: &link.url,
                words: &link.text,
                is_unsubscribe: link.kind == LinkKind::Unsubscribe,
            })
        });
        let opening = crate::mail::unicode::prefix(&text.text, OPENING_BYTES);
        let brand = BRANDS
            .iter()
            .find(|(brand, _)| has_word(&name, brand) || has_word(&subject, brand));
        let brand = brand.or_else(|| {
            // In the text a brand is only a sender's where it is named often.
            BRANDS
                .iter()
                .find(|(brand, _)| opening.matches(brand).count() >= 2)
        });
        JudgedCase {
            view,
            facts,
            from: from.unwrap_or_default(),
            name,
            baits,
            links: links.collect(),
            brand,
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
        let own = organizational_domain(&self.from);
        self.links
            .iter()
            .filter(move |link| !link.is_unsubscribe && organizational_domain(&link.host) != own)
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

/// Whether a word or words stand in a folded text with no letter beside them.
pub fn has_word(text: &str, word: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), word).any(|at| {
        let is_letter = |at: Option<&u8>| at.is_some_and(|b| b.is_ascii_alphanumeric());
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        !is_letter(before) && !is_letter(text.as_bytes().get(at + word.len()))
    })
}

/// Hosts that are compared with known ones.
const HOSTS_MAX: usize = 12;
/// Links that are looked at.
const LINKS_MAX: usize = 60;
/// Octets of the text in which a brand is looked for.
const OPENING_BYTES: usize = 1_500;
