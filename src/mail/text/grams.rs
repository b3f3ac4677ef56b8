//! The grams of a message: what its signature must have, so that a search finds it.
//!
//! A gram is three characters in a row without white space, in lower case, as a hash of 16 bits.
//! White space is left out, because it makes nearly half of all grams and tells little. So a needle
//! without three such characters in a row has no gram, and is sought in every message.
//!
//! The rule: **whatever a search may look at, its grams are in the signature.** That is each field
//! and text of [`searchable`], the text as it is shown, and the names and addresses of the
//! envelope; each in lower case, and folded where that differs. Of the fields that are asked for by
//! name the grams are there a second time, as grams of that field. `signatures_never_miss` holds
//! the rule.

use super::body::shown_text;
use super::search::searchable;
use crate::call::Signature;
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

/// Adds the fields in front of a message to its signature; `digest` is that of the message.
pub fn sign_prefix(signature: &mut Signature, prefix: &[u8], digest: &[u8]) {
    if prefix.is_empty() {
        return;
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
    grams.each(|gram| signature.add(gram));
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
        each_form(text, |text| {
            each_gram(text, field, |gram, is_whole| {
                // Without a branch: a processor cannot foresee where words end. Ten bits of sixteen
                // name a word, so this index is always within.
                if let Some(word) = self.words.get_mut(usize::from(gram >> 6)) {
                    *word |= u64::from(is_whole) << (gram & 63);
                }
            });
        });
    }

    /// Its grams, ascending.
    fn each(&self, mut see: impl FnMut(u16)) {
        for (at, word) in (0u16..).zip(self.words.iter()) {
            let mut left = *word;
            while left != 0 {
                see((at << 6) | left.trailing_zeros() as u16);
                left &= left - 1;
            }
        }
    }

    fn signature(&self) -> Signature {
        let mut signature = Signature::default();
        self.each(|gram| signature.add(gram));
        signature
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
    if text.is_ascii() {
        // The grams do the rest: they are those of lower case.
        return see(text);
    }
    let lower = lower(text);
    let folded = fold(text);
    if folded != lower {
        see(&folded);
    }
    see(&lower);
}

/// The hash of each three characters of a text in lower case, and whether they are a gram: none of
/// them is white space. Letters of ASCII may be capitals.
fn each_gram(text: &str, field: GramField, mut see: impl FnMut(u16, bool)) {
    let salt = field.salt();
    // The last three characters, 21 bits each, and a bit for each that is no white space.
    let (mut last, mut solid) = (0u64, 0u8);
    let mut step = |c: u64, is_space: bool| {
        last = (last << 21 | c) & CHARS_MASK;
        solid = (solid << 1 | u8::from(!is_space)) & 0b111;
        see(gram_of(last, salt), solid == 0b111);
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

fn gram_of(chars: u64, salt: u64) -> u16 {
    let mixed = (chars ^ salt).wrapping_mul(GRAM_MULTIPLIER);
    ((mixed ^ (mixed >> 32)).wrapping_mul(GRAM_MULTIPLIER) >> 48) as u16
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

/// Three characters.
const CHARS_MASK: u64 = (1 << 63) - 1;
/// Spreads three characters over 16 bits.
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
