//! The grams of a message: what its signature must have, so that a search finds it.
//!
//! A gram is three characters in a row without white space, in lower case, in 16 bits: three
//! letters of ASCII have a number of their own, and all else is hashed to the numbers behind those.
//! So a word of such letters that is not there is not mistaken for others. White space is left out,
//! because it makes nearly half of all grams and tells little. So a needle without three such
//! characters in a row has no gram, and is sought in every message.
//!
//! The rule: **whatever a search may look at, its grams are in the signature.** That is each field
//! and text of [`searchable`], the text as it is shown, and the names and addresses of the
//! envelope; each in lower case, and folded where that differs. Of the fields that are asked for by
//! name the grams are there a second time, as grams of that field. `signatures_never_miss` holds
//! the rule.

use super::body::shown_text;
use super::search::searchable;
use crate::call::{FIRST_FACT_GRAM, Signature};
use crate::mail::Bounds;
use crate::mail::digest::{AddressItems, Digest};
use crate::mail::parse::address_list::{Mailbox, parse_list_with};
use crate::mail::parse::charset::Charset;
use crate::mail::parse::header::{Field, Headers};
use crate::mail::parse::transfer::Encoding;
use crate::mail::unicode::{fold, lower, one_line};
use crate::pace;

/// A field whose grams are kept apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GramField {
    /// Every place of the message.
    Anywhere,
    /// From.
    From,
    /// To and Cc together.
    To,
    /// Subject.
    Subject,
}

impl GramField {
    /// The field of a name, as IMAP has it.
    pub fn of_name(name: &[u8]) -> GramField {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("from") {
            GramField::From
        } else if is("to") || is("cc") {
            GramField::To
        } else if is("subject") {
            GramField::Subject
        } else {
            GramField::Anywhere
        }
    }

    fn salt(self) -> u64 {
        match self {
            GramField::Anywhere => 0,
            GramField::From => 0x3c6e_f372_fe94_f82b,
            GramField::To => 0x510e_527f_ade6_82d1,
            GramField::Subject => 0x1f83_d9ab_fb41_bd6b,
        }
    }
}

/// The grams of a needle for SEARCH, which folds it; at most [`NEEDLE_GRAMS_MAX`].
pub fn folded_grams(needle: &str, field: GramField) -> Vec<u16> {
    needle_grams(&fold(needle), field)
}

/// The grams of a needle of the API, which is compared in lower case; at most as many.
pub fn lower_grams(needle: &str, field: GramField) -> Vec<u16> {
    needle_grams(&lower(needle), field)
}

fn needle_grams(needle: &str, field: GramField) -> Vec<u16> {
    let mut grams = Vec::new();
    each_gram(needle, field, |gram, is_whole| {
        if is_whole && grams.len() < NEEDLE_GRAMS_MAX && !grams.contains(&gram) {
            grams.push(gram);
        }
    });
    grams
}

/// The signature of a message, without the octets that an entry has in front of it.
pub fn signature_of(raw: &[u8], digest: &Digest<'_>) -> Signature {
    let mut grams = GramSet::new();
    grams.add_message(raw, digest);
    grams.signature()
}

/// The grams of the fields in front of a message, ascending; `digest` is that of the message.
pub fn prefix_grams(prefix: &[u8], digest: &[u8]) -> Vec<u16> {
    if prefix.is_empty() {
        return Vec::new();
    }
    // SEARCH reads them in the charset of the header behind them.
    let charset = match prefix.is_ascii() {
        true => None,
        false => Digest::open(digest).and_then(|digest| digest.header_charset()),
    };
    let mut grams = GramSet::new();
    for field in Headers::parse(prefix).fields() {
        each_text_of(&field, charset, |text, of| grams.add(text, of));
        // TEXT reads this form of the prefix.
        let text = format!(
            "{}: {}",
            String::from_utf8_lossy(field.name),
            field.decoded()
        );
        grams.add(&text, GramField::Anywhere);
    }
    grams.grams()
}

/// A set of grams.
struct GramSet {
    words: Box<[u64; 1024]>,
}

impl GramSet {
    fn new() -> GramSet {
        GramSet {
            words: Box::new([0; 1024]),
        }
    }

    fn add(&mut self, text: &str, field: GramField) {
        pace::spend(text.len().saturating_mul(GRAM_WORK));
        if text.is_ascii() {
            // The grams are those of lower case already.
            return each_ascii_gram(text.as_bytes(), field, |gram| self.insert(gram, true));
        }
        // Without a branch: a processor cannot foresee where words end.
        each_form(text, |text| {
            each_gram(text, field, |gram, is_whole| self.insert(gram, is_whole));
        });
    }

    /// Adds the gram, if it is one.
    fn insert(&mut self, gram: u16, is_whole: bool) {
        // Ten bits of sixteen name a word, so this index is always within.
        if let Some(word) = self.words.get_mut(usize::from(gram >> 6)) {
            *word |= u64::from(is_whole) << (gram & 63);
        }
    }

    /// Its grams, ascending. Most words have no gram or one: those with any are found by bits, and
    /// two grams are taken at once, because a processor cannot foresee how many there are.
    fn grams(&self) -> Vec<u16> {
        let mut grams = vec![0u16; 1024];
        let mut count = 0;
        for (of, words) in (0u16..).zip(self.words.as_chunks::<64>().0) {
            let mut filled = 0u64;
            for (n, word) in words.iter().enumerate() {
                filled |= u64::from(*word != 0) << n;
            }
            while filled != 0 {
                let n = filled.trailing_zeros();
                filled &= filled - 1;
                let mut left = words.get(n as usize).copied().unwrap_or(0);
                if grams.len() < count + 64 {
                    grams.resize(2 * count + 64, 0);
                }
                let high = of << 12 | (n as u16) << 6;
                // The highest bit is seen where no gram is left, and that one is not counted.
                let next = |left: u64| high | (left | 1 << 63).trailing_zeros() as u16;
                if let Some([first, second]) = grams.get_mut(count..count + 2) {
                    *first = next(left);
                    left &= left.wrapping_sub(1);
                    *second = next(left);
                    count += 1 + usize::from(left != 0);
                    left &= left.wrapping_sub(1);
                }
                while left != 0 {
                    if let Some(slot) = grams.get_mut(count) {
                        *slot = next(left);
                    }
                    count += 1;
                    left &= left - 1;
                }
            }
        }
        grams.truncate(count);
        grams
    }

    fn signature(&self) -> Signature {
        Signature::of_grams(&self.grams())
    }

    fn add_message(&mut self, raw: &[u8], digest: &Digest<'_>) {
        let charset = digest.header_charset();
        let mut is_plain = is_plain_text(digest);
        let mut has_text = false;
        for chunk in searchable(raw, digest) {
            self.add(&chunk.text, GramField::Anywhere);
            if !chunk.is_header {
                is_plain &= is_shown_as_it_is(&chunk.text);
                has_text |= !chunk.text.trim().is_empty();
            }
        }
        for field in Headers::parse(raw).fields() {
            let name = GramField::of_name(field.name);
            if name != GramField::Anywhere || is_address(&field) {
                let field = field.within(Bounds::default().header_field_bytes);
                each_text_of(&field, charset, |text, of| self.add(text, of));
            }
        }
        let envelope = digest.envelope();
        self.add_addresses(envelope.from, GramField::From);
        self.add_addresses(envelope.to, GramField::To);
        self.add_addresses(envelope.cc, GramField::To);
        let subject = one_line(&envelope.subject_text(), usize::MAX);
        self.add(&subject, GramField::Subject);
        self.add(&subject, GramField::Anywhere);
        // The text of a plain message is shown with all of its words as they are.
        if !is_plain || !has_text {
            self.add(&shown_text(raw, digest), GramField::Anywhere);
        }
    }

    /// Names and addresses as the API shows them.
    fn add_addresses(&mut self, list: AddressItems<'_>, field: GramField) {
        for mailbox in list.mailboxes() {
            for text in shown_forms(&mailbox) {
                self.add(&text, field);
                self.add(&text, GramField::Anywhere);
            }
        }
    }
}

/// The name and the address of a mailbox as the API shows them.
pub fn shown_forms(mailbox: &Mailbox) -> [String; 2] {
    let address = match mailbox.address() {
        Some(address) => address.to_string(),
        None if mailbox.domain.is_empty() => mailbox.local.clone(),
        None => format!("{}@{}", mailbox.local, mailbox.domain),
    };
    [mailbox.name.clone().unwrap_or_default(), address]
}

/// Whether the message is one text/plain part whose characters are in ASCII octets, if they are
/// ASCII at all.
fn is_plain_text(digest: &Digest<'_>) -> bool {
    let Some(part) = digest.part(0).filter(|_| digest.part_count() == 1) else {
        return false;
    };
    let is_known = part.param("charset").is_none_or(|charset| {
        (PLAIN_CHARSETS.iter()).any(|known| charset.eq_ignore_ascii_case(known.as_bytes()))
    });
    is_known && part.is("text", "plain") && part.param("format").is_none()
}

/// Whether the message is such a part whose octets are its text.
pub(crate) fn is_identity_text(digest: &Digest<'_>) -> bool {
    is_plain_text(digest)
        && digest
            .part(0)
            .is_some_and(|part| part.encoding == Encoding::Identity)
}

/// Whether all characters are shown, as they are: none is a control, and no CR stands alone.
fn is_shown_as_it_is(text: &str) -> bool {
    let octets = text.as_bytes();
    // No octet ends this look early: that is faster.
    let is_shown = octets.iter().fold(true, |all, octet| {
        let is_printed = (*octet >= b' ') & (*octet <= b'~');
        all & (is_printed | (*octet == b'\n') | (*octet == b'\t') | (*octet == b'\r'))
    });
    is_shown
        && memchr::memchr_iter(b'\r', octets)
            .all(|at| octets.get(at + 1).is_none_or(|next| *next == b'\n'))
}

/// The texts of a field that HEADER compares: its value, and each address without comments, folds
/// and quotes.
fn each_text_of(field: &Field<'_>, charset: Option<Charset>, mut see: impl FnMut(&str, GramField)) {
    let of = GramField::of_name(field.name);
    let value = field.decoded_with(charset);
    see(&value, of);
    if is_address(field) {
        for mailbox in parse_list_with(field.value, &Bounds::default(), charset).mailboxes() {
            let name = mailbox.name.as_deref().unwrap_or_default();
            let text = format!("{name} <{}@{}>", mailbox.local, mailbox.domain);
            see(&text, of);
            if of != GramField::Anywhere {
                see(&text, GramField::Anywhere);
            }
        }
    }
}

/// Whether a field is one of addresses.
pub(crate) fn is_address(field: &Field<'_>) -> bool {
    ADDRESS_FIELDS.iter().any(|name| field.is(name))
}

/// The forms in which a text is compared: in lower case, and folded where that is another text.
fn each_form(text: &str, mut see: impl FnMut(&str)) {
    let lower = lower(text);
    let folded = fold(text);
    if folded != lower {
        see(&folded);
    }
    see(&lower);
}

/// The grams of a text of ASCII, those of [`each_gram`] in fewer steps: the octets of a block that
/// are no white space are marked together, and only places with three of them in a row are visited,
/// those of three letters first.
fn each_ascii_gram(text: &[u8], field: GramField, mut see: impl FnMut(u16)) {
    let salt = field.salt();
    let mut rest = text;
    while rest.len() >= 3 {
        let block = rest.get(..BLOCK_BYTES).unwrap_or(rest);
        // Three octets are read as four.
        let mut octets = [0; BLOCK_BYTES + 1];
        if let Some(own) = octets.get_mut(..block.len()) {
            own.copy_from_slice(block);
        }
        octets.make_ascii_lowercase();
        let (solid, letters) = marked_octets(&octets);
        let within = u64::MAX >> (BLOCK_BYTES - block.len());
        let [solid, letters] = [solid, letters].map(|marks| {
            let marks = marks & within;
            (marks & (marks >> 1)) & (marks >> 2)
        });
        let lettered = if salt == 0 { letters } else { 0 };
        each_three(&octets, lettered, |[a, b, c]| {
            let digit = |letter: u8| u16::from(letter.wrapping_sub(b'a'));
            see((digit(a) * LETTERS + digit(b)) * LETTERS + digit(c));
        });
        each_three(&octets, solid & !lettered, |[a, b, c]| {
            see(gram_of(
                (u64::from(a) << 42) | (u64::from(b) << 21) | u64::from(c),
                salt,
            ));
        });
        rest = rest.get(BLOCK_BYTES - 2..).unwrap_or_default();
    }
}

/// Shows the three octets at each place of a block that has a bit, the first in the lowest one.
fn each_three(octets: &[u8; BLOCK_BYTES + 1], mut places: u64, mut see: impl FnMut([u8; 3])) {
    while places != 0 {
        let at = places.trailing_zeros() as usize;
        places &= places - 1;
        let Some(&[a, b, c, _]) = octets.get(at..).and_then(<[u8]>::first_chunk) else {
            break;
        };
        see([a, b, c]);
    }
}

/// A bit for each octet of a block of ASCII in lower case that is no white space, and for each that
/// is a letter; the first octet has the lowest one.
fn marked_octets(octets: &[u8]) -> (u64, u64) {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES * 0x80;
    let (mut solid, mut letters) = (0, 0);
    // The product moves the highest bits of eight octets together.
    let together = |marks: u64| (marks & HIGHEST).wrapping_mul(0x0002_0408_1020_4081) >> 56;
    for (n, eight) in octets.as_chunks().0.iter().enumerate() {
        // The highest bit of an octet of ASCII is free: a sum sets it from some octet on.
        let eight = u64::from_le_bytes(*eight);
        let is_from = |octet: u8| eight + ONES * (0x80 - u64::from(octet));
        let is_no_space = (eight ^ (ONES * u64::from(b' '))) + ONES * 0x7f;
        solid |= together(is_no_space & (!is_from(b'\t') | is_from(b'\r' + 1))) << (8 * n);
        letters |= together(is_from(b'a') & !is_from(b'z' + 1)) << (8 * n);
    }
    (solid, letters)
}

/// The number of each three characters of a text in lower case, and whether they are a gram: none
/// of them is white space. Letters of ASCII may be capitals.
fn each_gram(text: &str, field: GramField, mut see: impl FnMut(u16, bool)) {
    let salt = field.salt();
    // The last three characters, 21 bits each, and a bit for each that is no white space.
    let (mut last, mut solid) = (0u64, 0u8);
    // The last letters of ASCII as digits of base 26, and a bit for each character that is one.
    let (mut letter, mut pair, mut letters) = (0u16, 0u16, 0u8);
    let are_lettered = salt == 0;
    let mut step = |c: u64, is_space: bool| {
        last = (last << 21 | c) & CHARS_MASK;
        solid = (solid << 1 | u8::from(!is_space)) & 0b111;
        let digit = c.wrapping_sub(u64::from(b'a'));
        let is_letter = digit < LETTERS.into();
        let digit = if is_letter { digit as u16 } else { 0 };
        letters = (letters << 1 | u8::from(is_letter)) & 0b111;
        let number = pair * LETTERS + digit;
        (pair, letter) = (letter * LETTERS + digit, digit);
        let hashed = gram_of(last, salt);
        let gram = if (letters == 0b111) & are_lettered {
            number
        } else {
            hashed
        };
        see(gram, solid == 0b111);
    };
    if text.is_ascii() {
        for octet in text.bytes() {
            let c = LOWER.get(usize::from(octet)).copied().unwrap_or(octet);
            step(c.into(), c == b' ');
        }
        return;
    }
    for c in text.chars() {
        step(u32::from(c.to_ascii_lowercase()).into(), c.is_whitespace());
    }
}

/// A number behind those of letters and before those of facts.
fn gram_of(chars: u64, salt: u64) -> u16 {
    let mixed = (chars ^ salt).wrapping_mul(GRAM_MULTIPLIER);
    let hash = (mixed ^ (mixed >> 32)).wrapping_mul(GRAM_MULTIPLIER) >> 32;
    (u64::from(LETTER_GRAMS) + ((hash * HASHED_GRAMS) >> 32)) as u16
}

/// Octets of ASCII in lower case, and a space for white space.
const LOWER: [u8; 256] = {
    let mut lower = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        lower[octet] = match octet as u8 {
            b'\t'..=b'\r' => b' ',
            octet => octet.to_ascii_lowercase(),
        };
        octet += 1;
    }
    lower
};

/// Octets of ASCII that are looked at together: a bit each.
const BLOCK_BYTES: usize = 64;
/// Letters of ASCII, and the grams of three of them.
const LETTERS: u16 = 26;
const LETTER_GRAMS: u16 = LETTERS * LETTERS * LETTERS;
/// Grams that are hashed: all others but those of facts.
const HASHED_GRAMS: u64 = FIRST_FACT_GRAM as u64 - LETTER_GRAMS as u64;
/// Three characters.
const CHARS_MASK: u64 = (1 << 63) - 1;
/// Spreads three characters over 32 bits.
const GRAM_MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Grams of a needle that are looked up: more hardly ever tell more.
const NEEDLE_GRAMS_MAX: usize = 12;

/// Nanoseconds of an octet of text.
const GRAM_WORK: usize = 3;

/// Charsets in which octets of ASCII are that text.
const PLAIN_CHARSETS: [&str; 5] = [
    "us-ascii",
    "utf-8",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
];

const ADDRESS_FIELDS: [&str; 6] = ["from", "sender", "reply-to", "to", "cc", "bcc"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::digest::analyse;

    /// The grams of a text, one after the other.
    fn plain_grams(text: &str, field: GramField) -> Vec<u16> {
        let mut grams = std::collections::BTreeSet::new();
        let mut see = |text: &str| {
            each_gram(text, field, |gram, is_whole| {
                if is_whole {
                    grams.insert(gram);
                }
            });
        };
        match text.is_ascii() {
            true => see(text),
            false => each_form(text, see),
        }
        grams.into_iter().collect()
    }

    #[test]
    fn blocks_change_no_gram() {
        let mut random = 1u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % below
        };
        let spaces: Vec<char> = (0..0x80u8)
            .map(char::from)
            .filter(|c| c.is_whitespace())
            .collect();
        for round in 0..4_000 {
            // Lengths around those of blocks, few and many spaces, each octet of ASCII, and texts
            // that are not in ASCII.
            let length = match round % 4 {
                0 => next(8),
                1 => 60 + next(10),
                2 => 120 + next(14),
                _ => next(5_000),
            };
            let (often, few) = (1 + next(12), next(3) == 0);
            let text: String = (0..length)
                .map(|_| match next(often) {
                    0 => spaces[next(spaces.len() as u64) as usize],
                    _ if few => char::from(b'a' + next(4) as u8),
                    _ if round % 7 == 6 => char::from_u32(next(0x500) as u32).unwrap(),
                    _ => char::from(next(0x80) as u8),
                })
                .collect();
            let fields = [
                GramField::Anywhere,
                GramField::From,
                GramField::To,
                GramField::Subject,
            ];
            let field = fields[next(4) as usize];
            let mut set = GramSet::new();
            set.add(&text, field);
            let grams = plain_grams(&text, field);
            assert_eq!(set.grams(), grams, "{text:?}");
            let mut plain = Signature::default();
            grams.iter().for_each(|gram| plain.add(*gram));
            assert_eq!(set.signature(), plain, "{text:?}");
        }
        let mut all = GramSet::new();
        all.words.fill(u64::MAX);
        assert_eq!(all.grams(), (0..=u16::MAX).collect::<Vec<u16>>());
    }

    #[test]
    fn a_stored_signature_is_as_it_was() {
        let raw = "From: \"Anna M\u{fc}ller\" <anna@example.org>\r\nTo: b@example.net\r\nSubject: \
            =?utf-8?q?Gr=C3=BC=C3=9Fe?= from Ulm\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
            The QUICK brown\tfox jumps over 13 lazy dogs.\r\nStra\u{df}e \u{3a3}\u{3a9} ok\r\n";
        let digest = analyse(raw.as_bytes(), &Bounds::default()).unwrap().digest;
        let signature = signature_of(raw.as_bytes(), &Digest::open(&digest).unwrap());
        let checksum = crc32fast::hash(signature.octets());
        assert_eq!((signature.octets().len(), checksum), (246, 2_055_541_216));
    }
}
