//! Many phrases, found in one pass over a folded text.
//!
//! A phrase that begins with a letter or digit of ASCII begins a word, so it is looked for at the
//! beginnings of words alone: most words are left after two or three letters. A phrase with another
//! beginning is found wherever it stands. No phrase is looked at for longer than the longest is.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;

use crate::pace;

/// A set of phrases.
#[derive(Debug)]
pub struct PhraseSet {
    /// With its beginning. `None` if the phrases are too many, which tests of the lists rule out.
    trie: Option<(NFA, StateID)>,
    /// The octets with which one may begin where no word does.
    openings: [bool; 256],
    /// A bit for each [`head_of`] of three octets of a phrase that has fewer than [`HEAD`].
    short: Vec<u64>,
    /// A bit for each [`head_of`] of [`HEAD`] octets of another.
    long: Vec<u64>,
}

/// A place where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhraseHit {
    /// Behind its last octet.
    pub end: u32,
    /// Its first octet.
    pub start: u32,
    /// Which one it is, in the order of the set.
    pub phrase: usize,
}

impl PhraseSet {
    /// A set of phrases that are not empty.
    pub fn of(phrases: impl Iterator<Item = &'static str> + Clone) -> PhraseSet {
        let mut openings = [false; 256];
        for first in phrases.clone().filter_map(|phrase| phrase.bytes().next()) {
            if let Some(opens) = openings.get_mut(usize::from(first)) {
                *opens = !first.is_ascii_alphanumeric();
            }
        }
        let (mut short, mut long) = (vec![0; HEADS / 64], vec![0; HEADS / 64]);
        for phrase in phrases.clone() {
            match *phrase.as_bytes() {
                [a, b, c, d, e, f, ..] => mark(&mut long, head_of(&[a, b, c, d, e, f])),
                [a, b, c, ..] => mark(&mut short, head_of(&[a, b, c])),
                [a, b] => (0..=u8::MAX).for_each(|c| mark(&mut short, head_of(&[a, b, c]))),
                _ => short.fill(u64::MAX),
            }
        }
        let trie = NFA::new(phrases).ok();
        PhraseSet {
            short,
            long,
            trie: trie.and_then(|trie| {
                let start = trie.start_state(Anchored::Yes).ok()?;
                Some((trie, start))
            }),
            openings,
        }
    }

    /// Calls `found` with each place where a phrase stands, in the order of their beginnings.
    pub fn each(&self, text: &str, mut found: impl FnMut(PhraseHit)) {
        pace::spend(text.len().saturating_mul(OCTET_WORK));
        let Some((trie, start)) = &self.trie else {
            return;
        };
        let octets = text.as_bytes();
        let mut is_behind_word = false;
        for (at, octet) in octets.iter().enumerate() {
            let is_word = octet.is_ascii_alphanumeric();
            let may_open = match is_word {
                true => !is_behind_word,
                false => self.openings.get(usize::from(*octet)) == Some(&true),
            };
            is_behind_word = is_word;
            if may_open && self.may_begin(octets.get(at..).unwrap_or_default()) {
                each_from(at, octets, (trie, *start), &mut found);
            }
        }
    }

    /// Octets of memory.
    pub fn bytes(&self) -> usize {
        let trie = self
            .trie
            .as_ref()
            .map_or(0, |(trie, _)| trie.memory_usage());
        trie + (self.short.len() + self.long.len()) * 8 + self.openings.len()
    }

    /// Whether a phrase may begin so. Most words are left here.
    fn may_begin(&self, octets: &[u8]) -> bool {
        let (Some(three), Some(head)) = (octets.first_chunk::<3>(), octets.first_chunk::<HEAD>())
        else {
            return true;
        };
        has(&self.long, head_of(head)) || has(&self.short, head_of(three))
    }

    /// The same, in the order of their ends; of those with one end the longest is first.
    pub fn by_end(&self, text: &str) -> Vec<PhraseHit> {
        let mut hits = Vec::new();
        self.each(text, |hit| {
            pace::spend(HIT_WORK);
            hits.push(hit);
        });
        hits.sort_unstable();
        hits
    }
}

/// A number for the first octets of a text.
fn head_of<const N: usize>(octets: &[u8; N]) -> usize {
    let mut word = 0_u64;
    for octet in octets {
        word = (word << 8) | u64::from(*octet);
    }
    (word.wrapping_mul(SPREAD) >> (u64::BITS - HEAD_BITS)) as usize
}

fn mark(heads: &mut [u64], head: usize) {
    if let Some(word) = heads.get_mut(head / 64) {
        *word |= 1 << (head % 64);
    }
}

fn has(heads: &[u64], head: usize) -> bool {
    heads
        .get(head / 64)
        .is_some_and(|word| word >> (head % 64) & 1 == 1)
}

/// Finds the phrases that begin at a place.
fn each_from(
    start: usize,
    octets: &[u8],
    (trie, mut state): (&NFA, StateID),
    found: &mut impl FnMut(PhraseHit),
) {
    for (len, octet) in (1..).zip(octets.get(start..).unwrap_or_default()) {
        state = trie.next_state(Anchored::Yes, state, *octet);
        if !trie.is_special(state) {
            continue;
        }
        if trie.is_dead(state) {
            return;
        }
        if !trie.is_match(state) {
            continue;
        }
        for index in 0..trie.match_len(state) {
            let phrase = trie.match_pattern(state, index);
            // The state also knows the phrases that end there and begin later.
            if trie.pattern_len(phrase) == len {
                found(PhraseHit {
                    end: u32::try_from(start + len).unwrap_or(u32::MAX),
                    start: u32::try_from(start).unwrap_or(u32::MAX),
                    phrase: phrase.as_usize(),
                });
            }
        }
    }
}

/// Octets by which most words are told from the beginnings of phrases.
const HEAD: usize = 6;
const HEAD_BITS: u32 = 16;
const HEADS: usize = 1 << HEAD_BITS;
/// An odd number with bits everywhere (the golden ratio), for a product that mixes.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Nanoseconds of an octet.
const OCTET_WORK: usize = 2;
/// Nanoseconds of a phrase that is found.
const HIT_WORK: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_begin_words_and_are_told_by_their_ends() {
        let set = PhraseSet::of(["send", "end it", "it", "(8", "漢字", "字", "send"].into_iter());
        let all = |text: &str| -> Vec<usize> {
            let hits = set.by_end(text);
            hits.iter().map(|hit| hit.phrase).collect()
        };
        assert_eq!(all("send it"), [0, 6, 2]);
        assert_eq!(all("resend item"), [2]);
        assert_eq!(all("end it(8 ((8"), [1, 2, 3, 3]);
        assert_eq!(all("x漢字"), [4, 5]);
        assert!(all("").is_empty());
    }
}
