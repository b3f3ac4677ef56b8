//! What stands in a message and is not seen by its reader: for a filter, and never for a reader.
//!
//! Every text has a bound of its own; what comes behind it is left out.

use crate::mail::unicode::{self, is_harmless, is_invisible};
use crate::pace;

/// The texts of a message that its reader does not see, apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnseenText {
    /// Texts of pages that are hidden behind or between what is seen.
    pub hidden: String,
    /// Texts that are hidden before all that is seen: mail programs show them beside the subject.
    pub preheader: String,
    /// Comments, scripts and titles of pages, and attributes with words.
    pub markup: String,
    /// The words that stand for pictures.
    pub pictures: String,
    /// What is spelled in tag characters (U+E0000) outside of flags.
    pub tags: String,
    /// Latin letters that stand alone between two characters that take no space.
    pub parted_letters: usize,
    /// Forms in pages.
    pub forms: usize,
    /// Fields for a password in pages.
    pub password_fields: usize,
    /// A tag has come since the last text.
    is_parted: bool,
}

impl UnseenText {
    /// Takes what another page hides.
    pub(crate) fn add(&mut self, other: &UnseenText) {
        append(&mut self.hidden, &other.hidden, HIDDEN_MAX);
        append(&mut self.preheader, &other.preheader, HIDDEN_MAX);
        append(&mut self.markup, &other.markup, MARKUP_MAX);
        append(&mut self.pictures, &other.pictures, PICTURES_MAX);
        append(&mut self.tags, &other.tags, TAGS_MAX);
        self.parted_letters += other.parted_letters;
        self.forms += other.forms;
        self.password_fields += other.password_fields;
    }

    /// Takes a text that is hidden.
    pub(super) fn hide(&mut self, text: &str, is_before_all: bool) {
        let place = match is_before_all {
            true => &mut self.preheader,
            false => &mut self.hidden,
        };
        put(place, text, HIDDEN_MAX, self.is_parted);
        self.is_parted = false;
        self.read_invisible(text);
    }

    /// A tag comes: the texts before and behind it do not join.
    pub(super) fn part(&mut self) {
        self.is_parted = true;
    }

    /// Takes a piece of the content of an element that is not for reading.
    pub(super) fn skip(&mut self, text: &[u8]) {
        let text = text.get(..MARKUP_MAX).unwrap_or(text);
        let text = String::from_utf8_lossy(text);
        put(&mut self.markup, &text, MARKUP_MAX, self.is_parted);
        self.is_parted = false;
    }

    /// Takes a comment or an attribute.
    pub(super) fn mark_up(&mut self, text: &[u8]) {
        let text = text.get(..MARKUP_MAX).unwrap_or(text);
        let text = String::from_utf8_lossy(text);
        append(&mut self.markup, &text, MARKUP_MAX);
        self.read_invisible(&text);
        self.is_parted = true;
    }

    /// Takes an attribute, if it has words as a sentence has.
    pub(super) fn attribute(&mut self, value: &[u8]) {
        let value = value.get(..MARKUP_MAX).unwrap_or(value);
        let is_sentence = value.len() >= SENTENCE_BYTES_MIN
            && memchr::memchr_iter(b' ', value)
                .nth(SENTENCE_GAPS - 1)
                .is_some();
        if is_sentence || !value.is_ascii() {
            self.mark_up(value);
        }
    }

    /// Takes the words of a picture.
    pub(super) fn picture(&mut self, words: &str) {
        append(&mut self.pictures, words, PICTURES_MAX);
    }

    /// Reads what the characters without width in a text say.
    pub(super) fn read_invisible(&mut self, text: &str) {
        if text.is_ascii() {
            return;
        }
        pace::spend(text.len().saturating_mul(CHAR_WORK));
        let mut before = ' ';
        // Letters since the last character without width, if one stands directly before them.
        let mut alone: Option<usize> = None;
        // Tag characters that still belong to a flag.
        let mut flag = 0;
        for c in text.chars() {
            if !is_invisible(c) {
                flag = if c == FLAG { FLAG_TAGS } else { 0 };
                alone = match alone {
                    Some(letters) if is_latin(c) => Some(letters + 1),
                    _ => None,
                };
            } else if is_harmless(c) {
                if alone == Some(1) {
                    self.parted_letters += 1;
                }
                alone = (is_latin(before) || alone == Some(0)).then_some(0);
            } else if flag > 0 {
                flag -= 1;
            } else if let Some(letter) = u32::from(c).checked_sub(TAGS).and_then(char::from_u32)
                && (' '..='~').contains(&letter)
                && self.tags.len() < TAGS_MAX
            {
                self.tags.push(letter);
            }
            before = c;
        }
    }
}

/// Appends a piece of a text within the bound; it is a new one if a tag stands before it.
fn put(place: &mut String, text: &str, bytes_max: usize, is_new: bool) {
    let room = bytes_max.saturating_sub(place.len());
    if room < 2 {
        return;
    }
    if is_new && !place.is_empty() {
        place.push('\n');
    }
    place.push_str(unicode::prefix(text, room - 1));
}

/// Appends a text behind a line end, within the bound.
pub(super) fn append(place: &mut String, text: &str, bytes_max: usize) {
    let text = text.trim();
    let room = bytes_max.saturating_sub(place.len());
    if text.is_empty() || room < 2 {
        return;
    }
    if !place.is_empty() {
        place.push('\n');
    }
    place.push_str(unicode::prefix(text, room - 1));
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || ('\u{C0}'..='\u{24F}').contains(&c)
}

/// The flag that tag characters follow for England, Scotland and Wales, and how many do.
const FLAG: char = '\u{1F3F4}';
const FLAG_TAGS: usize = 6;
/// The block of tag characters begins here; behind it they follow ASCII.
const TAGS: u32 = 0xE_0000;
/// Octets of hidden text, of markup and of the words of pictures that are read. Ordinary mail hides
/// a preheader and a few labels.
const HIDDEN_MAX: usize = 16 * 1024;
const MARKUP_MAX: usize = 16 * 1024;
const PICTURES_MAX: usize = 8 * 1024;
const TAGS_MAX: usize = 8 * 1024;
/// An attribute with a sentence has this many octets and spaces.
const SENTENCE_BYTES_MIN: usize = 24;
const SENTENCE_GAPS: usize = 3;
/// Nanoseconds of an octet of a text that is not ASCII.
const CHAR_WORK: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> UnseenText {
        let mut unseen = UnseenText::default();
        unseen.read_invisible(text);
        unseen
    }

    #[test]
    fn tag_characters_are_spelled_out_and_flags_are_not() {
        let spell = |text: &str| -> String {
            let tag = |c| char::from_u32(TAGS + u32::from(c)).unwrap_or(' ');
            text.chars().map(tag).collect()
        };
        assert_eq!(read(&format!("Hi{}", spell("send it"))).tags, "send it");
        let flag = format!("Glasgow \u{1F3F4}{}\u{E007F} today", spell("gbsct"));
        assert_eq!(read(&flag).tags, "");
    }

    #[test]
    fn letters_that_stand_alone_are_counted_in_latin_only() {
        assert_eq!(read("i\u{200b}g\u{200b}n\u{200b}ore").parted_letters, 2);
        // Soft hyphens part syllables, joiners part Persian words and families.
        for text in [
            "Do\u{ad}nau\u{ad}dampf\u{ad}schiff",
            "می\u{200c}خواهم",
            "👩\u{200d}👩\u{200d}👧",
            "a\u{200b} \u{200b}b",
        ] {
            assert_eq!(read(text).parted_letters, 0, "{text}");
        }
    }

    #[test]
    fn texts_have_bounds() {
        let mut unseen = UnseenText::default();
        for _ in 0..100 {
            unseen.hide(&"x".repeat(1000), false);
            unseen.part();
            unseen.mark_up(&[b'y'; 1000]);
            unseen.attribute(b"short one");
        }
        assert!(unseen.hidden.len() <= HIDDEN_MAX);
        assert!(unseen.markup.len() <= MARKUP_MAX && !unseen.markup.contains("short"));
    }
}
