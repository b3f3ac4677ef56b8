//! The words that announce codes, and what the words beside them make of them.
//!
//! `words` has the tables. A label is found by its octets; what it means is asked only when a
//! number stands near it, because most texts with such words have no code.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::words::{self, AnnouncingWord, WordEdge, WordKind};
use crate::mail::text::stems::Stems;
use crate::mail::unicode::fold;

/// An announcing word in a text.
#[derive(Debug)]
pub(super) struct Label {
    /// Where it begins.
    pub start: usize,
    /// Where it ends; the word that it is part of may go on.
    pub end: usize,
    /// How surely it announces a code.
    pub weight: i32,
    /// How it does so.
    pub kind: WordKind,
    sense: OnceCell<LabelSense>,
}

/// What a label says with the words beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelSense {
    /// A one-time code.
    Code,
    /// Something else that is called a code.
    Other,
    /// Nothing: a password that stays.
    Nothing,
}

/// All announcing words in some ranges of a text, in order; of two at one place the heavier one.
/// The ranges are in order and begin and end between characters.
pub(super) fn labels(text: &str, ranges: &[Range<usize>]) -> Vec<Label> {
    let mut found = Vec::new();
    for range in ranges {
        search_range(
            text,
            range.start,
            text.get(range.clone()).unwrap_or(""),
            &mut found,
        );
    }
    found.sort_unstable_by_key(|label: &Label| (label.start, -label.weight));
    let mut labels: Vec<Label> = Vec::with_capacity(found.len());
    for label in found {
        match labels.last_mut() {
            Some(last) if label.start < last.end => {
                if label.weight > last.weight {
                    *last = label;
                }
            }
            _ => labels.push(label),
        }
    }
    labels
}

/// The announcing words of the part of a text that begins at `base`.
fn search_range(text: &str, base: usize, part: &str, found: &mut Vec<Label>) {
    let lower = part.to_ascii_lowercase();
    let searched = Searched {
        text,
        base,
        part,
        lower: &lower,
    };
    searched.search(&ASCII_FINDERS, found);
    if !part.is_ascii() {
        let has = part.bytes().fold([false; 3], |[latin, middle, east], b| {
            [
                latin | (0xC3..=0xCF).contains(&b) | (b == 0xE1),
                middle | (0xD0..=0xE0).contains(&b),
                east | (b == 0xE0) | (0xE3..=0xED).contains(&b),
            ]
        });
        for (is_there, finders) in
            has.into_iter()
                .zip([&LATIN_FINDERS, &MIDDLE_FINDERS, &EAST_FINDERS])
        {
            if is_there {
                searched.search(finders, found);
            }
        }
    }
}

/// A part of a text in which words are looked for.
struct Searched<'a> {
    text: &'a str,
    /// Where the part begins in the text.
    base: usize,
    part: &'a str,
    /// The part with ASCII in lower case.
    lower: &'a str,
}

impl Searched<'_> {
    fn search(&self, finders: &Finders, found: &mut Vec<Label>) {
        for (finder, AnnouncingWord(word, weight, kind, edge)) in finders.iter() {
            // "TAN" is written so; "tan" is a colour.
            let is_upper = word.bytes().any(|b| b.is_ascii_uppercase());
            let part = if is_upper { self.part } else { self.lower };
            for at in finder.find_iter(part.as_bytes()).take(WORDS_MAX) {
                let start = self.base + at;
                let end = start + word.trim_end().len();
                if !self.is_part(start, end, *edge) {
                    found.push(Label {
                        start,
                        end,
                        weight: *weight,
                        kind: *kind,
                        sense: OnceCell::new(),
                    });
                }
            }
        }
    }

    /// Whether a find is only a part of a longer word.
    fn is_part(&self, start: usize, end: usize, edge: WordEdge) -> bool {
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = || {
            joins(
                self.text
                    .get(..start)
                    .and_then(|head| head.chars().next_back()),
            )
        };
        let after = || joins(self.text.get(end..).and_then(|tail| tail.chars().next()));
        match edge {
            WordEdge::Any => false,
            WordEdge::Start => before(),
            WordEdge::Whole => before() || after(),
        }
    }
}

impl Label {
    /// What it says with the words beside it.
    pub fn sense(&self, text: &str) -> LabelSense {
        *self.sense.get_or_init(|| self.read_sense(text))
    }

    fn read_sense(&self, text: &str) -> LabelSense {
        match self.kind {
            WordKind::Sure | WordKind::Weak => LabelSense::Code,
            WordKind::Password => {
                let around = around(text, self.start, self.end, SENTENCE_MAX / 2);
                if ONE_TIME.is_in(&fold(around)) {
                    LabelSense::Code
                } else {
                    LabelSense::Nothing
                }
            }
            WordKind::Code if self.is_verb(text) => LabelSense::Nothing,
            WordKind::Code if self.is_other_code(text) => LabelSense::Other,
            WordKind::Code => LabelSense::Code,
        }
    }

    /// "pin the message": what is done and not what is given.
    fn is_verb(&self, text: &str) -> bool {
        let is_pin = self.end - self.start == "pin".len();
        let tail = head_of(text, self.end, " these ".len());
        is_pin
            && [" the ", " a ", " this ", " it ", " these "]
                .iter()
                .any(|next| {
                    tail.get(..next.len())
                        .is_some_and(|head| head.eq_ignore_ascii_case(next))
                })
    }

    /// Whether a word beside it gives it another meaning: "zip code", "código postal",
    /// "Rabattcode".
    fn is_other_code(&self, text: &str) -> bool {
        let head = tail_of(text, self.start, BESIDE_MAX);
        let own = head.trim_end_matches(char::is_alphanumeric);
        let prefix = head.get(own.len()..).unwrap_or("");
        let compound = fold(text.get(self.start - prefix.len()..self.end).unwrap_or(""));
        // The start of a compound, or any part of a word without spaces between words.
        let is_compound = OTHER_CODES.starts(&compound)
            || (!compound.is_ascii()
                && compound.char_indices().any(|(at, c)| {
                    !c.is_ascii() && OTHER_CODES.starts(compound.get(at..).unwrap_or(""))
                }));
        if is_compound || (prefix.is_empty() && self.starts_other_word(text)) {
            return true;
        }
        let own = own.trim_end_matches([' ', '-', '\u{2019}', '\'']);
        let before = own
            .rsplit(|c: char| !c.is_alphanumeric() && c != '.')
            .next()
            .unwrap_or("");
        let before = fold(before);
        if !before.is_empty()
            && (OTHER_CODES.starts(&before)
                || words::OTHER_CODES_WHOLE.contains(&before.as_str()) && before != "of")
        {
            return true;
        }
        self.is_followed_by_other_word(text)
    }

    /// Whether the word that it begins is another: "codec".
    fn starts_other_word(&self, text: &str) -> bool {
        let word = text.get(self.start..).unwrap_or("");
        word.get(..5).is_some_and(|head| {
            head.eq_ignore_ascii_case("codec")
                || head.eq_ignore_ascii_case("codex")
                || head.eq_ignore_ascii_case("kodak")
        })
    }

    /// "código de reserva", "код бронирования", "mã đơn hàng", "رمز الحجز"
    fn is_followed_by_other_word(&self, text: &str) -> bool {
        let tail = head_of(text, self.end, BESIDE_MAX);
        let tail = tail.trim_start_matches(char::is_alphanumeric);
        let tail = fold(
            tail.get(
                ..tail
                    .find(['.', ':', '\n', ',', ';', '!', '?'])
                    .unwrap_or(tail.len()),
            )
            .unwrap_or(""),
        );
        let mut rest = tail.trim_start();
        for _ in 0..2 {
            let is_other = OTHER_CODES.starts(rest)
                || words::OTHER_CODES_WHOLE
                    .iter()
                    .any(|word| first_word(rest) == *word);
            if is_other && !rest.is_empty() {
                return true;
            }
            let word = first_word(rest);
            if !words::OF.contains(&word) {
                return false;
            }
            rest = rest
                .get(word.len()..)
                .unwrap_or("")
                .trim_start_matches([' ', '\'', '\u{2019}', '-']);
        }
        false
    }
}

/// Whether the word before a number gives the number another meaning: "order 123456", "invoice no.
/// 4711". `labels` are those before it; one of them directly before it is stronger.
pub(super) fn is_named_otherwise(text: &str, start: usize, labels: &[Label]) -> bool {
    let window = tail_of(text, start, BESIDE_MAX);
    let folded = fold(window);
    let mut rest = folded.as_str();
    for _ in 0..4 {
        rest = rest.trim_end_matches(|c: char| c.is_whitespace() || NAME_MARKS.contains(c));
        let at = start.saturating_sub(folded.len().saturating_sub(rest.len()));
        let is_label = labels.iter().rev().take(3).any(|label| {
            label.start < at
                && label.end + WORD_END_MAX >= at
                && label.end <= at
                && label.kind != WordKind::Weak
                && {
                    let end = text.get(label.end..at).unwrap_or(" ");
                    end.chars().all(char::is_alphanumeric)
                }
        });
        if is_label {
            return false;
        }
        let rest_bare = rest.trim_end_matches(is_sentence_end);
        if rest_bare.len() < rest.len() {
            // "no." goes on, other sentences end.
            let word = last_words(rest_bare, 1);
            if word.len() > 4 && !NOT_CODES.contains(word) {
                return false;
            }
            rest = rest_bare;
        }
        let is_named = (1..=3).any(|n| NOT_CODES.contains(last_words(rest, n)))
            || words::NOT_CODES_END.iter().any(|end| rest.ends_with(end));
        if is_named {
            // In the line above, the name of a number is all that the line says.
            let line = rest.rsplit('\n').next().unwrap_or(rest);
            let is_above = folded
                .get(rest.len()..)
                .is_some_and(|gap| gap.contains('\n'));
            return !is_above || line.split_whitespace().count() <= NAME_WORDS_MAX;
        }
        let word = last_words(rest, 1);
        if word.is_empty() || !words::FILLERS.contains(&word) {
            let filler = words::FILLERS
                .iter()
                .find(|f| !f.is_ascii() && rest.ends_with(**f));
            match filler {
                Some(filler) => rest = rest.get(..rest.len() - filler.len()).unwrap_or(""),
                None => return false,
            }
            continue;
        }
        rest = rest.get(..rest.len() - word.len()).unwrap_or("");
    }
    false
}

/// Whether a unit or currency follows.
pub(super) fn is_measured(text: &str, end: usize) -> bool {
    let tail = head_of(text, end, 24);
    let tail = fold(tail.strip_prefix(' ').unwrap_or(tail));
    words::UNITS.iter().any(|unit| {
        tail.strip_prefix(unit).is_some_and(|rest| {
            !unit.ends_with(|c: char| c.is_alphanumeric() && (c as u32) < 0x2E80)
                || !rest.starts_with(char::is_alphanumeric)
        })
    })
}

/// Whether a place is a postcode by what stands beside it: "CA 94104", ", 10115 Berlin".
pub(super) fn is_postcode(text: &str, start: usize, end: usize) -> bool {
    let (before, after) = (tail_of(text, start, 12), head_of(text, end, 12));
    if !(4..=6).contains(&(end - start)) {
        return false;
    }
    let mut back = before.chars().rev();
    let region = matches!((back.next(), back.next(), back.next(), back.next()),
        (Some(' '), Some(b), Some(a), Some(' ' | ',')) if a.is_ascii_uppercase() && b.is_ascii_uppercase());
    let mut ahead = after.chars();
    let is_town = ahead.next() == Some(' ')
        && ahead.next().is_some_and(char::is_uppercase)
        && ahead.next().is_some_and(char::is_lowercase);
    region || (is_town && before.ends_with(", "))
}

/// Whether a sentence ends within a text: a mark with white space behind it, or an empty line.
pub(super) fn has_break(text: &str) -> bool {
    let mut last = '\0';
    let mut before = '\0';
    for c in text.chars() {
        let ends = matches!(last, '。' | '！' | '？')
            || (c.is_whitespace()
                && matches!(last, '.' | '!' | '?' | '؟' | '।')
                && before != 'o'
                && before != 'r')
            || (c == '\n' && last == '\n');
        if ends {
            return true;
        }
        if c == ' ' && last == '\n' || c == '\r' {
            continue;
        }
        before = last;
        last = c;
    }
    matches!(last, '。' | '！' | '？')
}

/// Whether the number has a name of its own in its line: "Amount: 2500".
pub(super) fn has_own_name(gap: &str) -> bool {
    gap.rsplit_once('\n').is_some_and(|(_, line)| {
        let line = line.trim_end();
        line.ends_with(':') && line.chars().any(char::is_alphabetic)
    })
}

/// The words from the start of the sentence that holds `label`, but not from before `floor`, to
/// `end`, as one line without marks at its ends.
pub(super) fn sentence_before(text: &str, floor: usize, label: usize, end: usize) -> String {
    let from = sentence_start(text, label).max(floor.min(label));
    clean(text.get(from..end).unwrap_or(""))
}

/// The words from `start` to the end of the sentence that goes on behind `label`.
pub(super) fn sentence_after(text: &str, start: usize, label: usize) -> String {
    let tail = head_of(text, label, SENTENCE_MAX);
    let mut end = label;
    for (at, c) in tail.char_indices() {
        if c == '\n' || is_sentence_end(c) {
            break;
        }
        end = label + at + c.len_utf8();
    }
    clean(text.get(start..end).unwrap_or(""))
}

fn clean(words: &str) -> String {
    let line = crate::mail::unicode::one_line(words, WORDS_CHARS_MAX);
    line.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Where the sentence that holds `at` begins.
fn sentence_start(text: &str, at: usize) -> usize {
    let head = tail_of(text, at, SENTENCE_MAX);
    let mut start = at - head.len();
    let (mut last, mut line) = ('\0', 0);
    for (n, c) in head.char_indices() {
        let next = at - head.len() + n + c.len_utf8();
        // A short line was not wrapped.
        let is_wrapped = last.is_alphabetic() && n - line >= WRAPPED_MIN;
        let ends_line = c == '\n' && !is_wrapped;
        line = if c == '\n' { n + 1 } else { line };
        let ends = ends_line
            || (c.is_whitespace() && is_sentence_end(last))
            || matches!(c, '。' | '！' | '？');
        if ends {
            start = next;
        }
        last = c;
    }
    start
}

fn is_sentence_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '。' | '！' | '？' | '؟' | '।')
}

/// At most `max` octets before a place.
pub(super) fn tail_of(text: &str, end: usize, max: usize) -> &str {
    crate::mail::unicode::suffix(text.get(..end).unwrap_or(""), max)
}

/// At most `max` octets behind a place.
pub(super) fn head_of(text: &str, start: usize, max: usize) -> &str {
    crate::mail::unicode::prefix(text.get(start..).unwrap_or(""), max)
}

/// A range with at most `max` octets on each side.
pub(super) fn around(text: &str, start: usize, end: usize, max: usize) -> &str {
    let from = start - tail_of(text, start, max).len();
    text.get(from..end + head_of(text, end, max).len())
        .unwrap_or("")
}

fn first_word(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

/// The last `n` words of a text with what stands between them.
pub(super) fn last_words(text: &str, n: usize) -> &str {
    let mut start = text.len();
    for _ in 0..n {
        let head = text.get(..start).unwrap_or("");
        let head = head.trim_end_matches([' ', '.', '-', '\n', '\'']);
        let word = head.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| {
            at + head
                .get(at..)
                .and_then(|t| t.chars().next())
                .map_or(1, char::len_utf8)
        });
        start = word;
    }
    text.get(start..).unwrap_or("")
}

type Finders = Vec<(Finder<'static>, &'static AnnouncingWord)>;

fn finders(words: &'static [AnnouncingWord]) -> Finders {
    words
        .iter()
        .map(|word| (Finder::new(word.0.as_bytes()), word))
        .collect()
}

static ASCII_FINDERS: LazyLock<Finders> = LazyLock::new(|| finders(words::ASCII_WORDS));
static LATIN_FINDERS: LazyLock<Finders> = LazyLock::new(|| finders(words::LATIN_WORDS));
static MIDDLE_FINDERS: LazyLock<Finders> = LazyLock::new(|| finders(words::MIDDLE_WORDS));
static EAST_FINDERS: LazyLock<Finders> = LazyLock::new(|| finders(words::EAST_WORDS));
pub(super) static VALIDITY: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::VALIDITY));
pub(super) static BACKUP: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::BACKUP));
pub(super) static FORMER: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::FORMER));
pub(super) static PROOF: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::PROOF));
pub(super) static TRAVEL: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::TRAVEL));
pub(super) static SALES: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::SALES));
static ONE_TIME: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::ONE_TIME));
static OTHER_CODES: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::OTHER_CODES));
static NOT_CODES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| words::NOT_CODES.iter().copied().collect());

/// Occurrences of one announcing word that are collected.
const WORDS_MAX: usize = 200;
/// Octets beside a word or number in which its neighbours are read.
const BESIDE_MAX: usize = 48;
/// Octets of a sentence that are read on each side.
const SENTENCE_MAX: usize = 120;
/// Characters of the words by which a code was found.
const WORDS_CHARS_MAX: usize = 100;
/// Marks between the name of a number and the number. A comma ends what is named before it.
const NAME_MARKS: &str = ":：#*\"'([「【“-–=_|>•№º°";
/// Words of a line that only names the number below it.
const NAME_WORDS_MAX: usize = 4;
/// Octets of a line that a client wrapped.
const WRAPPED_MIN: usize = 50;
/// Octets by which a word may go on behind its label: "kodunuz".
const WORD_END_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_folded() {
        let tables = [
            words::ONE_TIME,
            words::OTHER_CODES,
            words::OTHER_CODES_WHOLE,
            words::OF,
            words::NOT_CODES,
            words::NOT_CODES_END,
            words::FILLERS,
            words::UNITS,
            words::VALIDITY,
            words::BACKUP,
            words::FORMER,
            words::PROOF,
            words::ENTER,
            words::TRAVEL,
            words::SALES,
        ];
        for word in tables.into_iter().flatten() {
            assert_eq!(fold(word), *word);
        }
    }
}
