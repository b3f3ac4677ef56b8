//! What the models look at: the tokens of a message, as hashes.
//!
//! A token is a word with the kind of its place, or a property of the form of a message. One pass
//! over the bounded [`MailView`] finds them. Each counts once, however often it stands there.
//! What tells the age of a message or the program that wrote it is no token: the names of programs,
//! the tags and charsets of pages, encodings, dates and years.

use super::kind::TokenKind;
use super::shape::each_shape;
use super::words::each_word;
use crate::crypto::siphash;
use crate::judge::view::MailView;
use crate::mail::unicode;

/// The tokens of a message: hashes in ascending order, each once, at most [`TOKENS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    hashes: Vec<u64>,
}

impl Tokens {
    /// Reads a message.
    pub fn of(view: &MailView) -> Tokens {
        let mut hashes = Vec::with_capacity(1024);
        let mut recent = [0; RECENT];
        each_token(view, |kind, octets| {
            if kind == TokenKind::Word && is_recent(&mut recent, octets) {
                return;
            }
            hashes.push(hash(kind, octets));
            // A message of many words is thinned out before it takes memory.
            if hashes.len() >= 4 * TOKENS_MAX {
                reduce(&mut hashes);
            }
        });
        reduce(&mut hashes);
        Tokens { hashes }
    }

    /// The hashes.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }
}

/// Whether a short word was met lately: most words that come again come again soon, and need no
/// hash then.
fn is_recent(recent: &mut [u64; RECENT], octets: &[u8]) -> bool {
    let mut word = [0; 8];
    let Some(place) = word.get_mut(..octets.len()) else {
        return false;
    };
    place.copy_from_slice(octets);
    let word = u64::from_le_bytes(word);
    let slot = word.wrapping_mul(SPREAD) >> (u64::BITS - RECENT.ilog2());
    match recent.get_mut(slot as usize) {
        Some(known) if *known == word => word != 0,
        Some(known) => {
            *known = word;
            false
        }
        None => false,
    }
}

/// Keeps each once, and the least of too many: which these are does not depend on their order in
/// the message.
fn reduce(hashes: &mut Vec<u64>) {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(TOKENS_MAX);
}

/// The hash of a token. The key is part of the shipped model and no secret: the model of an
/// organization hashes it again, with a key of its own.
pub fn hash(kind: TokenKind, octets: &[u8]) -> u64 {
    siphash((HASH_KEY, u64::from(kind.letter())), octets)
}

/// Calls `found` with each token, as often as it stands there.
pub fn each_token(view: &MailView, mut found: impl FnMut(TokenKind, &[u8])) {
    let subject = unicode::prefix(&view.subject, SUBJECT_MAX);
    each_word(subject, |word| {
        found(TokenKind::Word, word);
        found(TokenKind::Subject, word);
    });
    let texts = [
        (&view.text, TEXT_READ_MAX),
        (&view.tail, TAIL_READ_MAX),
        (&view.alternative, ALTERNATIVE_READ_MAX),
        (&view.unseen.pictures, TAIL_READ_MAX),
    ];
    for (text, octets_max) in texts {
        each_word(unicode::prefix(text, octets_max), |word| {
            found(TokenKind::Word, word);
        });
    }
    if let Some(from) = &view.from {
        let name = from.name.as_deref().unwrap_or_default();
        each_word(unicode::prefix(name, SUBJECT_MAX), |word| {
            found(TokenKind::Name, word);
        });
    }
    each_shape(view, &mut found);
}

/// Tokens of a message: a page of a book has 300 different words.
pub(super) const TOKENS_MAX: usize = 5_000;
/// Places for words that were met lately.
const RECENT: usize = 512;
/// An odd number with bits everywhere (the golden ratio), for a product that mixes.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const HASH_KEY: u64 = 0x706f_7374_6572_6e31;
const SUBJECT_MAX: usize = 1_000;
/// Spam says what it wants in its first pages, and a long letter is like its beginning.
const TEXT_READ_MAX: usize = 24 * 1024;
const ALTERNATIVE_READ_MAX: usize = 8 * 1024;
const TAIL_READ_MAX: usize = 4 * 1024;
