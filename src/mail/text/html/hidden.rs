//! Whether what a person does not see is of substance.
//!
//! Ordinary mail hides text: a preheader, which mail programs show beside the subject, spacers,
//! and blocks for another screen. These are no sign of anything. Words hidden elsewhere are: they
//! speak to a program.

use crate::mail::unicode::{Visibility, visibility};

/// Counts the hidden words of a page.
#[derive(Default)]
pub struct HiddenWords {
    /// Letters that are of substance.
    substance: usize,
    /// Letters before the first visible text, in elements that hold nothing else.
    preheader: usize,
    /// Letters before the first visible text, in elements that are still open and may hold
    /// visible text too.
    pending: usize,
    /// Elements that hide their text and are still open.
    open: usize,
    has_visible: bool,
}

impl HiddenWords {
    /// Visible text or an image comes. Words directly in an element that also holds visible text
    /// are no preheader.
    pub fn show(&mut self) {
        if !self.has_visible {
            self.has_visible = true;
            self.substance += std::mem::take(&mut self.pending);
        }
    }

    /// Hidden text comes. `is_away`: nothing around it in its element can be seen either.
    pub fn hide(&mut self, text: &str, is_away: bool) {
        let letters = letters(text);
        match (self.has_visible, is_away) {
            (true, _) => self.substance += letters,
            (false, true) => self.preheader += letters,
            (false, false) => self.pending += letters,
        }
    }

    /// Whether visible text or an image has come.
    pub fn has_visible(&self) -> bool {
        self.has_visible
    }

    /// An element that hides its text begins.
    pub fn open(&mut self) {
        self.open += 1;
    }

    /// It ends.
    pub fn close(&mut self) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 && !self.has_visible {
            self.preheader += std::mem::take(&mut self.pending);
        }
    }

    /// Whether the page has hidden text of substance. A page without anything to see has no
    /// preheader.
    pub fn is_of_substance(&self) -> bool {
        let before = self.preheader + self.pending;
        let is_preheader = self.has_visible && self.preheader <= PREHEADER_LETTERS_MAX;
        self.substance + if is_preheader { 0 } else { before } >= LETTERS_MIN
    }
}

/// The letters of a text. One of another script than Latin counts twice: a word has fewer.
fn letters(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            c if c.is_ascii() => usize::from(c.is_ascii_alphabetic()),
            c => match visibility(None, c) {
                Visibility::Hide => LETTERS_MIN,
                Visibility::Drop => 0,
                Visibility::Keep => usize::from(c.is_alphabetic()) * 2,
            },
        })
        .sum()
}

/// Mail programs show up to 140 characters of a preheader; senders write some more.
const PREHEADER_LETTERS_MAX: usize = 200;
/// The letters of a short word.
const LETTERS_MIN: usize = 4;
