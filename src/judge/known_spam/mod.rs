//! Known spam: the hashes by which a message is found in the list of the server. Each is SHA-256
//! of octets that others can make from the message too:
//!
//! - **body**: the text that a reader sees (`text` of the API), its first 32 KiB, and of a page
//!   what stands in its first 96 KiB. A first line of at most six words that ends with a comma, a
//!   colon or `!` is a greeting and is left out. So is each word between white space that has a
//!   digit, an `@`, a `/`, or a full stop before another letter: numbers, addresses and links
//!   differ from copy to copy. Of the others the letters are taken (Unicode: alphabetic), each in
//!   lower case, without anything between them, in UTF-8. Fewer than [`LETTERS_MIN`] letters have
//!   no hash: short texts are written by many.
//! - **link**: the host and the path of an address of the web, in ASCII lower case, as
//!   `host/path`: without scheme, user, port, a leading `www.`, trailing `/`, query and fragment.
//!   A host alone has no hash, and neither has a page of a known host that is told apart by its
//!   query: ordinary mail has the same links. The first [`LINKS_MAX`] links of a message count.
//! - **attachment**: the decoded octets of a file of [`FILE_MIN`] to [`FILE_MAX`] octets. The first
//!   [`FILES_MAX`] files count, as long as their encoded octets are together no more than
//!   [`FILES_OCTETS_MAX`]: to hash more would cost a delivery too much.
//!
//! It stores nothing, and decides nothing: the rules `known_spam_…` do.

mod list;
mod set;

use super::domains::{self, BRANDS, FREE_PAGES};
use super::view::MailView;
use crate::call::{KnownSpamEntry, KnownSpamKind};
use crate::crypto::sha256;
use crate::mail::digest::{Analysis, Digest};
use crate::mail::parse::transfer;
use crate::mail::text;
use crate::mail::unicode;
use crate::pace;

pub use list::{line_of, read_line};
pub use set::KnownSpamSet;

/// A file of a message with its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedFile {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// Its entry in a list.
    pub entry: KnownSpamEntry,
}

/// The entry of the text of a message; `None` where it is too short for one.
pub fn body_entry(text: &str) -> Option<KnownSpamEntry> {
    let text = unicode::prefix(text, TEXT_MAX);
    pace::spend(text.len());
    let mut kept = String::with_capacity(text.len());
    let mut letters = 0_usize;
    for word in without_greeting(text).split_whitespace() {
        if differs(word) {
            continue;
        }
        for c in word.chars() {
            if c.is_ascii_alphabetic() {
                letters += 1;
                kept.push(c.to_ascii_lowercase());
            } else if c.is_alphabetic() {
                letters += 1;
                kept.extend(c.to_lowercase());
            }
        }
    }
    (letters >= LETTERS_MIN).then(|| KnownSpamEntry {
        kind: KnownSpamKind::Body,
        hash: sha256(kept.as_bytes()),
    })
}

/// A text without the line that greets its reader.
fn without_greeting(text: &str) -> &str {
    let text = text.trim_start();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end();
    let is_greeting = first.ends_with([',', ':', '!', '，', '：', '！'])
        && first.split_whitespace().nth(GREETING_WORDS_MAX).is_none();
    if is_greeting { rest } else { text }
}

/// Whether a word is of a kind that differs from copy to copy.
fn differs(word: &str) -> bool {
    let mut after_stop = false;
    for c in word.chars() {
        if c.is_numeric() || c == '@' || c == '/' || (after_stop && c.is_alphabetic()) {
            return true;
        }
        after_stop = c == '.';
    }
    false
}

/// The entry of a link.
///
/// # Errors
/// Why it has none, to be read behind the link.
pub fn link_entry(url: &str) -> Result<KnownSpamEntry, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or(NO_ADDRESS)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(NO_ADDRESS);
    }
    let host = domains::host_of(url).ok_or(NO_ADDRESS)?;
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let behind = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let behind = rest.get(behind..).unwrap_or_default();
    let end = behind.find(['?', '#']).unwrap_or(behind.len());
    let path = behind.get(..end).unwrap_or_default();
    let path = path.trim_matches(['/', '\\']);
    if path.is_empty() {
        return Err(HOST_ALONE);
    }
    let has_query = behind.get(end..).is_some_and(|rest| rest.starts_with('?'));
    if has_query && is_known_host(host) {
        return Err(TOLD_BY_QUERY);
    }
    let mut octets = Vec::with_capacity(host.len() + 1 + path.len());
    octets.extend_from_slice(host.as_bytes());
    octets.push(b'/');
    octets.extend_from_slice(path.as_bytes());
    octets.make_ascii_lowercase();
    Ok(KnownSpamEntry {
        kind: KnownSpamKind::Link,
        hash: sha256(&octets),
    })
}

/// Whether a host belongs to a brand, and has no pages that anyone may set up.
fn is_known_host(host: &str) -> bool {
    BRANDS.iter().any(|(_, own)| domains::is_within(host, own))
        && !domains::is_within(host, FREE_PAGES)
}

/// The files of a message that have a hash.
pub fn hashed_files(raw: &[u8], analysis: &Analysis) -> Vec<HashedFile> {
    let mut found = Vec::new();
    let Some(digest) = Digest::open(&analysis.digest) else {
        return found;
    };
    let mut left = FILES_OCTETS_MAX;
    let places = text::file_places(&digest)
        .into_iter()
        .map(|file| file.place);
    for place in places.take(FILES_MAX) {
        let body = raw.get(place.body).unwrap_or_default();
        if body.len() < FILE_MIN || body.len() > left {
            continue;
        }
        left -= body.len();
        pace::spend(body.len());
        let octets = transfer::decode(place.encoding, body);
        if (FILE_MIN..=FILE_MAX).contains(&octets.len()) {
            found.push(HashedFile {
                filename: place.filename,
                content_type: place.content_type,
                entry: KnownSpamEntry {
                    kind: KnownSpamKind::Attachment,
                    hash: sha256(&octets),
                },
            });
        }
    }
    found
}

/// The links of a message that have an entry, each with its address.
pub fn link_entries(view: &MailView) -> impl Iterator<Item = (&str, KnownSpamEntry)> {
    let links = view.links.iter().take(LINKS_MAX);
    links.filter_map(|link| Some((link.url.as_str(), link_entry(&link.url).ok()?)))
}

const NO_ADDRESS: &str = "is no address of the web";
const HOST_ALONE: &str = "names a host alone, and ordinary mail may link to it as well";
const TOLD_BY_QUERY: &str =
    "is a page of a known host that is told apart by its query, which is not hashed";

/// Octets of a text that are read for its hash.
const TEXT_MAX: usize = 32 << 10;
/// Words of a greeting.
const GREETING_WORDS_MAX: usize = 6;
/// Letters that a text has at least: two or three sentences. Two people write the same short text.
pub const LETTERS_MIN: usize = 128;
/// Links of a message that are looked up.
pub const LINKS_MAX: usize = 64;
/// Files of a message that are looked up.
pub const FILES_MAX: usize = 16;
/// Octets of the smallest file: a picture of one point is shared by all.
pub const FILE_MIN: usize = 128;
/// Octets of the largest file: programs and documents that come with spam are smaller.
pub const FILE_MAX: usize = 1 << 20;
/// Encoded octets of all files of a message that are decoded for their hashes.
pub const FILES_OCTETS_MAX: usize = 3 << 19;

#[cfg(test)]
mod tests;
