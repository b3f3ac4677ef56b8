//! The texts of a message as its author wrote them, to be written again: whole, without the
//! attached messages, and nothing made from the other.
//!
//! It is not what a reader is shown (`body.rs`), which is clean and bounded.

use super::flowed;
use super::parts::{TextUse, decoded_text, text_parts};
use crate::mail::digest::Digest;
use crate::pace;

/// The two texts of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WrittenTexts {
    /// Its plain text.
    pub text: Option<String>,
    /// Its HTML.
    pub html: Option<String>,
}

/// The texts of a message. Several parts of one kind are joined.
pub fn written_of(raw: &[u8], digest: &Digest<'_>) -> WrittenTexts {
    let mut found = WrittenTexts::default();
    for text in text_parts(raw, digest).0 {
        match text.use_of {
            // What follows is theirs.
            TextUse::Message => break,
            TextUse::Spare => continue,
            TextUse::Shown | TextUse::Page(_) | TextUse::Plain(_) => {}
        }
        pace::spend(text.part.body.len());
        let words = decoded_text(raw, &text.part, raw.len());
        let (into, words) = match text.part.is("text", "html") {
            true => (&mut found.html, words),
            false => (&mut found.text, flowed::unwrapped(&text.part, words)),
        };
        into.get_or_insert_default().push_str(&words);
    }
    found
}
