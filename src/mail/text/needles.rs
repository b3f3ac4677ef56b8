//! Many texts to find in one pass, without regard to case.
//!
//! [`Needles`] are folded once. [`Needles::find`] folds a text once and looks for all of them: for
//! a few of them each in its own pass, which is at memory speed; for more in one pass of an
//! automaton (Aho and Corasick, 1975), whose cost does not depend on how many there are. What is
//! found is kept in [`Hits`], so that a text may come in pieces. It knows no message; `search` cuts
//! one into pieces.

use std::collections::HashMap;

use memchr::memmem;

use crate::mail::unicode::fold;
use crate::pace;

/// Texts to find, prepared once for many messages.
#[derive(Debug)]
pub struct Needles {
    /// For each text that was given, its place in the set and whether that is the ASCII one.
    places: Vec<NeedlePlace>,
    /// Texts of ASCII. They are sought in a text whose ASCII letters are in lower case.
    ascii: NeedleSet,
    /// The others. They are sought in folded text.
    folded: NeedleSet,
    /// One of them is of ASCII when it is folded, as `Straße` is. Only then a text of ASCII can
    /// have it.
    folds_to_ascii: bool,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NeedlePlace {
    Ascii(usize),
    Folded(usize),
}

/// Which of the needles have been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    ascii: Vec<bool>,
    folded: Vec<bool>,
    /// Needles that have not been found.
    left: usize,
}

impl Needles {
    /// Folds the texts. Each should have at most [`super::search::NEEDLE_MAX`] octets; a longer one
    /// may be missed between two pieces of a text. Equal ones cost as much as one.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Needles {
        let (mut ascii, mut folded) = (NeedleSet::default(), NeedleSet::default());
        let mut known: HashMap<(String, bool), NeedlePlace> = HashMap::new();
        let mut folds_to_ascii = false;
        let places: Vec<NeedlePlace> = texts
            .into_iter()
            .map(|text| {
                let key = (fold(text), text.is_ascii());
                *known.entry(key).or_insert_with_key(|(text, is_ascii)| {
                    if *is_ascii {
                        return NeedlePlace::Ascii(ascii.add(text));
                    }
                    folds_to_ascii |= text.is_ascii();
                    NeedlePlace::Folded(folded.add(text))
                })
            })
            .collect();
        Needles {
            places,
            ascii,
            folded,
            folds_to_ascii,
            buffer: Vec::new(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Nothing is found yet.
    pub fn no_hits(&self) -> Hits {
        Hits {
            ascii: vec![false; self.ascii.texts.len()],
            folded: vec![false; self.folded.texts.len()],
            left: self.ascii.texts.len() + self.folded.texts.len(),
        }
    }

    /// Looks in a text for those that have not been found; whether it has found one of them.
    pub fn find(&mut self, text: &str, hits: &mut Hits) -> bool {
        let before = hits.left;
        if hits.ascii.contains(&false) {
            self.buffer.clear();
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.make_ascii_lowercase();
            pace::spend(text.len() / 4);
            hits.left -= self.ascii.find(&self.buffer, &mut hits.ascii);
        }
        let is_ascii = text.is_ascii();
        if (!is_ascii || self.folds_to_ascii) && hits.folded.contains(&false) {
            pace::spend(text.len().saturating_mul(FOLD_WORK));
            hits.left -= self.folded.find(fold(text).as_bytes(), &mut hits.folded);
        }
        hits.left < before
    }

    /// Whether the text at `index` of those that were given has been found.
    pub fn has(&self, hits: &Hits, index: usize) -> bool {
        let found = match self.places.get(index) {
            Some(NeedlePlace::Ascii(at)) => hits.ascii.get(*at),
            Some(NeedlePlace::Folded(at)) => hits.folded.get(*at),
            None => None,
        };
        found.copied().unwrap_or(false)
    }
}

impl Hits {
    /// Every needle has been found.
    pub fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.ascii.fill(false);
        self.folded.fill(false);
        self.left = self.ascii.len() + self.folded.len();
    }
}

/// Folded texts of one alphabet.
#[derive(Debug, Default)]
struct NeedleSet {
    texts: Vec<Box<[u8]>>,
    /// Made when the first text is looked at.
    finder: Option<SetFinder>,
}

#[derive(Debug)]
enum SetFinder {
    Each(Vec<memmem::Finder<'static>>),
    All(Automaton),
}

impl NeedleSet {
    fn add(&mut self, text: &str) -> usize {
        self.texts.push(text.as_bytes().into());
        self.texts.len() - 1
    }

    /// Marks those that are in `text`; how many of them were not marked.
    fn find(&mut self, text: &[u8], found: &mut [bool]) -> usize {
        let finder = self
            .finder
            .get_or_insert_with(|| match self.texts.len() > EACH_MAX {
                true => SetFinder::All(Automaton::new(&self.texts)),
                false => SetFinder::Each(
                    (self.texts.iter())
                        .map(|text| memmem::Finder::new(text).into_owned())
                        .collect(),
                ),
            });
        match finder {
            SetFinder::All(automaton) => {
                pace::spend(text.len().saturating_mul(AUTOMATON_WORK));
                automaton.find(text, found)
            }
            SetFinder::Each(finders) => {
                let mut n = 0;
                for (finder, found) in finders.iter().zip(found).filter(|(_, found)| !**found) {
                    pace::spend(text.len() / 4 + 20);
                    *found = finder.find(text).is_some();
                    n += usize::from(*found);
                }
                n
            }
        }
    }
}

/// An automaton that follows all texts at once. Its states are the beginnings of the texts, the
/// shorter ones first; the children of a state stand in one row, by their octets.
#[derive(Debug)]
struct Automaton {
    states: Vec<AutomatonState>,
    /// The state of each octet behind the empty text, the root; 0 if no text begins with it.
    first: Box<[u32]>,
    /// An empty text, which is in every text.
    empty: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct AutomatonState {
    /// Where its children begin. They end where those of the next state begin.
    children: u32,
    /// Its longest end that is a beginning of a text too.
    suffix: u32,
    /// The longest of such ends that is a whole text; 0 if there is none.
    inner: u32,
    /// The text that it is, or [`NO_TEXT`].
    text: u32,
    octet: u8,
}

impl Automaton {
    /// The cost is linear in the octets of the texts.
    fn new(texts: &[Box<[u8]>]) -> Automaton {
        let mut sorted: Vec<(usize, &[u8])> =
            texts.iter().map(|text| &**text).enumerate().collect();
        sorted.sort_unstable_by_key(|(_, text)| *text);
        let empty = sorted.first().filter(|(_, text)| text.is_empty());
        let mut automaton = Automaton {
            states: vec![AutomatonState::behind(0)],
            first: vec![0; 256].into(),
            empty: empty.map(|(index, _)| *index),
        };
        let parents = automaton.grow(&sorted);
        automaton.link(&parents);
        automaton
    }

    /// Makes the states, level by level, and gives their parents.
    fn grow(&mut self, sorted: &[(usize, &[u8])]) -> Vec<u32> {
        // The texts that begin with a state stand in one row.
        let mut rows = vec![(0, sorted.len())];
        let mut parents = vec![0];
        let (mut at, mut level_end, mut depth) = (0, 1, 0);
        while let Some((mut start, row_end)) = rows.get(at).copied() {
            if at == level_end {
                (level_end, depth) = (rows.len(), depth + 1);
            }
            pace::spend(STATE_WORK);
            let children = as_u32(rows.len());
            let mut own = None;
            while start < row_end {
                let octet = sorted.get(start).and_then(|(_, text)| text.get(depth));
                let Some(&octet) = octet else {
                    own = sorted.get(start).map(|(index, _)| as_u32(*index));
                    start += 1;
                    continue;
                };
                let same = sorted.get(start..row_end).unwrap_or_default();
                let is_same = |(_, text): &&(usize, &[u8])| text.get(depth) == Some(&octet);
                let end = start + same.iter().take_while(is_same).count();
                pace::spend(end - start);
                rows.push((start, end));
                parents.push(as_u32(at));
                self.states.push(AutomatonState::behind(octet));
                start = end;
            }
            if let Some(state) = self.states.get_mut(at) {
                state.children = children;
                state.text = own.filter(|_| at > 0).unwrap_or(NO_TEXT);
            }
            at += 1;
        }
        parents
    }

    /// Finds for each state its longest end that is a state. That of a shorter one is known.
    fn link(&mut self, parents: &[u32]) {
        let roots = self.children(0);
        for at in roots.clone() {
            if let Some(state) = self.states.get(at)
                && let Some(first) = self.first.get_mut(usize::from(state.octet))
            {
                *first = as_u32(at);
            }
        }
        for at in roots.end..self.states.len() {
            pace::spend(STATE_WORK);
            let octet = self.state(at as u32).octet;
            let parent = parents.get(at).copied().unwrap_or(0);
            let suffix = self.step(self.state(parent).suffix, octet);
            let end = self.state(suffix);
            let inner = if end.text == NO_TEXT {
                end.inner
            } else {
                suffix
            };
            if let Some(state) = self.states.get_mut(at) {
                (state.suffix, state.inner) = (suffix, inner);
            }
        }
    }

    fn state(&self, at: u32) -> AutomatonState {
        let state = self.states.get(at as usize).copied();
        state.unwrap_or(AutomatonState::behind(0))
    }

    fn children(&self, at: u32) -> std::ops::Range<usize> {
        let start = self.state(at).children as usize;
        let next = self.states.get(at as usize + 1);
        start..next.map_or(self.states.len(), |next| next.children as usize)
    }

    /// The state behind an octet.
    fn step(&self, from: u32, octet: u8) -> u32 {
        let mut at = from;
        while at != 0 {
            let children = self.children(at);
            let row = self.states.get(children.clone()).unwrap_or_default();
            let found = match row {
                [] => None,
                [only] => (only.octet == octet).then_some(0),
                row => row.binary_search_by_key(&octet, |child| child.octet).ok(),
            };
            if let Some(n) = found {
                return as_u32(children.start + n);
            }
            at = self.state(at).suffix;
        }
        self.first.get(usize::from(octet)).copied().unwrap_or(0)
    }

    /// Marks the texts that are in `text`; how many of them were not marked.
    fn find(&self, text: &[u8], found: &mut [bool]) -> usize {
        let mut n = 0;
        let mut mark = |text: usize| {
            let is_new = found.get_mut(text).filter(|found| !**found);
            is_new.is_some_and(|found| {
                *found = true;
                n += 1;
                true
            })
        };
        if let Some(empty) = self.empty {
            mark(empty);
        }
        let mut at = 0;
        for &octet in text {
            at = self.step(at, octet);
            if at == 0 {
                continue;
            }
            let state = self.state(at);
            let mut whole = if state.text == NO_TEXT {
                state.inner
            } else {
                at
            };
            // Where a text was found before, those that are its ends were found too.
            while whole != 0 {
                let state = self.state(whole);
                if !mark(state.text as usize) {
                    break;
                }
                whole = state.inner;
            }
        }
        n
    }
}

impl AutomatonState {
    fn behind(octet: u8) -> AutomatonState {
        AutomatonState {
            children: u32::MAX,
            suffix: 0,
            inner: 0,
            text: NO_TEXT,
            octet,
        }
    }
}

/// There are fewer states than octets of all texts, which are few.
fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Texts that are sought one after the other. That is faster for so few of them.
const EACH_MAX: usize = 12;
const NO_TEXT: u32 = u32::MAX;
/// Nanoseconds of an octet that the automaton reads.
const AUTOMATON_WORK: usize = 4;
/// Nanoseconds of an octet that is folded.
const FOLD_WORK: usize = 6;
/// Nanoseconds of a state that is made.
const STATE_WORK: usize = 40;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::mail::text::search::Needle;

    /// Numbers below their argument, the same at every run.
    fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
        move |n| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % n.max(1)
        }
    }

    #[test]
    fn one_pass_finds_what_a_pass_for_each_needle_finds() {
        let mut next = numbers(3);
        let alphabets: [&[&str]; 3] = [
            &["a", "b"],
            &["a", "B", "c", " ", "é", "E\u{301}", "ß", "SS", "中", "Я"],
            &["ab", "ba", "aa", "x"],
        ];
        for round in 0..2_000 {
            let alphabet = alphabets[round % alphabets.len()];
            let mut word = |most: usize| -> String {
                (0..next(most + 1))
                    .map(|_| alphabet[next(alphabet.len())])
                    .collect()
            };
            let texts: Vec<String> = (0..(round % 40)).map(|_| word(6)).collect();
            let pieces = [word(30), word(0), word(200)];
            let mut needles = Needles::new(texts.iter().map(String::as_str));
            let mut hits = needles.no_hits();
            let mut seen = vec![false; texts.len()];
            for piece in &pieces {
                let before = seen.clone();
                for (seen, text) in seen.iter_mut().zip(&texts) {
                    *seen |= Needle::new(text).is_in(piece);
                }
                assert_eq!(needles.find(piece, &mut hits), seen != before);
                for (n, text) in texts.iter().enumerate() {
                    assert_eq!(needles.has(&hits, n), seen[n], "{text:?} in {piece:?}");
                }
                assert_eq!(hits.is_complete(), !seen.contains(&false));
            }
            hits.clear();
            assert_eq!(hits, needles.no_hits());
        }
    }

    #[test]
    fn an_automaton_has_a_state_for_each_beginning() {
        let texts: Vec<String> = (1..=100).map(|n| "a".repeat(n)).collect();
        let mut needles = Needles::new(texts.iter().map(String::as_str));
        let mut hits = needles.no_hits();
        assert!(needles.find(&"A".repeat(60), &mut hits));
        assert!(needles.has(&hits, 59) && !needles.has(&hits, 60));
        assert!(!needles.find(&"A".repeat(60), &mut hits));
        let Some(SetFinder::All(automaton)) = &needles.ascii.finder else {
            panic!("a hundred texts are found in one pass");
        };
        assert_eq!(automaton.states.len(), 101);
    }
}
