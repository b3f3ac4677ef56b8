//! The list as text: one entry a line, its kind and its hash.
//!
//! ```text
//! # a line that begins so is a comment, and so is what stands behind an entry
//! body 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  # lottery of May
//! attachment 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
//! link https://win.example/claim?for=ann
//! ```
//!
//! The hash is SHA-256, in hexadecimal digits of either case. A link may stand there itself: then
//! its hash is made here.

use super::link_entry;
use crate::call::{KnownSpamEntry, KnownSpamKind};

/// Reads a line; `None` for an empty one and for a comment.
///
/// # Errors
/// What is wrong with the line, to be read behind its number.
pub fn read_line(line: &str) -> Result<Option<KnownSpamEntry>, &'static str> {
    if line.len() > LINE_MAX {
        return Err("is too long for an entry");
    }
    let mut words = line.trim_start_matches('\u{feff}').split_whitespace();
    let Some(kind) = words.next().filter(|word| !word.starts_with('#')) else {
        return Ok(None);
    };
    let kind = KnownSpamKind::named(kind).ok_or("must begin with body, link or attachment")?;
    let value = words.next().ok_or("has no hash")?;
    if words.next().is_some_and(|word| !word.starts_with('#')) {
        return Err("has more than a kind and a hash: a comment begins with #");
    }
    if kind == KnownSpamKind::Link && value.contains("://") {
        return link_entry(value).map(Some);
    }
    let hash = hash_of(value).ok_or("has no hash of 64 hexadecimal digits (SHA-256)")?;
    if hash == NOTHING {
        return Err("has the hash of nothing");
    }
    Ok(Some(KnownSpamEntry { kind, hash }))
}

/// An entry as a line, without its end.
pub fn line_of(entry: &KnownSpamEntry) -> String {
    let mut line = String::with_capacity(80);
    line.push_str(entry.kind.name());
    line.push(' ');
    for octet in entry.hash {
        for digit in [octet >> 4, octet & 15] {
            line.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    line
}

fn hash_of(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (octet, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in digits {
            let digit = char::from(*digit).to_digit(16)?;
            *octet = *octet << 4 | u8::try_from(digit).ok()?;
        }
    }
    Some(hash)
}

/// SHA-256 of no octets.
const NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
/// Octets of a line: a link of 2,048 and a comment.
const LINE_MAX: usize = 4096;
