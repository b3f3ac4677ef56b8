//! Charsets: octets to text.
//!
//! Nothing here fails: octets that a charset does not have become the replacement character. A text
//! is at most three times as long as its octets. Most decoding is done by `encoding_rs`; `escaped`,
//! `unicode_forms` and `code_page` have the charsets of mail that the web has given up, and `name`
//! has the names.
//!
//! A label is a claim. [`Charset::of`] follows it, but for octets that contradict it where the
//! answer is safe (DECISIONS.md, "Charsets").

mod code_page;
mod escaped;
mod name;
mod unicode_forms;

use std::borrow::Cow;

use crate::pace;

use encoding_rs::{self as web, CoderResult, DecoderResult, Encoding as WebEncoding};

use code_page::UpperHalf;
use escaped::{EscapeFamily, EscapedDecoder};
use unicode_forms::{Utf7Decoder, Utf32Decoder};

/// A charset that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// ASCII, and another 128 characters.
    CodePage(&'static UpperHalf),
    /// Seven bits that switch between sets.
    Escaped(EscapeFamily),
    /// UTF-16 whose order the label leaves open.
    Utf16,
    /// UTF-32; a byte order mark counts more.
    Utf32 {
        /// The lowest octet comes first.
        is_little: bool,
    },
    /// UTF-7.
    Utf7,
    /// A charset of the web's Encoding Standard.
    Web(&'static WebEncoding),
}

/// Octets as text, by [`Charset::of`].
pub fn decode<'a>(label: Option<&[u8]>, octets: &'a [u8]) -> Cow<'a, str> {
    decode_with(label, octets, None)
}

/// As [`decode`]; octets whose charset is unknown are of the `fallback`, if there is one.
pub fn decode_with<'a>(
    label: Option<&[u8]>,
    octets: &'a [u8],
    fallback: Option<Charset>,
) -> Cow<'a, str> {
    let named = named(label);
    // The common case, in one pass.
    if named.is_none()
        && memchr::memchr(escaped::ESC, octets).is_none()
        && let Ok(text) = std::str::from_utf8(octets)
    {
        return Cow::Borrowed(text);
    }
    match choose(named, octets, fallback) {
        // A guess takes no octet for a byte order mark.
        Charset::Web(charset) if named.is_none() && octets.len() <= PIECE_BYTES => {
            charset.decode_without_bom_handling(octets).0
        }
        Charset::Web(charset) if named.is_none() => {
            let decoder = Box::new(charset.new_decoder_without_bom_handling());
            Cow::Owned(CharsetDecoder(DecoderKind::Web(decoder)).all(octets))
        }
        charset => charset.decode(octets),
    }
}

/// The charset of a label. `None` if the label decides nothing: it is missing, unknown or ASCII.
pub fn named(label: Option<&[u8]>) -> Option<Charset> {
    name::find(label?)
}

/// Whether a label is a name of ASCII.
pub fn is_ascii_name(label: &[u8]) -> bool {
    name::is_ascii(label)
}

impl Charset {
    /// UTF-8.
    pub const UTF_8: Charset = Charset::Web(web::UTF_8);

    /// The charset by which octets with this label are read. A label that decides nothing leaves
    /// UTF-8 if the octets are valid UTF-8, and windows-1252 otherwise.
    pub fn of(label: Option<&[u8]>, octets: &[u8]) -> Charset {
        choose(named(label), octets, None)
    }

    /// Whether octets over 127 can be of it, so that it can be the charset of a raw header field.
    pub fn is_eight_bit(self) -> bool {
        match self {
            Charset::CodePage(_) => true,
            Charset::Web(charset) => charset != web::UTF_8 && charset.is_ascii_compatible(),
            Charset::Escaped(_) | Charset::Utf16 | Charset::Utf32 { .. } | Charset::Utf7 => false,
        }
    }

    /// Whether an octet is the first of two whose second may be a sign of ASCII, such as `\`.
    pub fn is_lead(self, octet: u8) -> bool {
        match self {
            Charset::Web(charset) if charset == web::SHIFT_JIS => {
                matches!(octet, 0x81..=0x9f | 0xe0..=0xfc)
            }
            Charset::Web(charset) => {
                matches!(octet, 0x81..=0xfe)
                    && [web::BIG5, web::GB18030, web::GBK].contains(&charset)
            }
            _ => false,
        }
    }

    /// Whether nearly all of its text has octets of zero.
    pub fn is_wide(self) -> bool {
        match self {
            Charset::Utf16 | Charset::Utf32 { .. } => true,
            Charset::Web(charset) => !charset.is_ascii_compatible(),
            Charset::CodePage(_) | Charset::Escaped(_) | Charset::Utf7 => false,
        }
    }

    /// Whether mailers split its characters between two encoded words. A word of the others begins
    /// anew.
    pub fn is_split(self) -> bool {
        self != Charset::Utf7 && self != Charset::Escaped(EscapeFamily::Hz)
    }

    /// All octets as text.
    pub fn decode(self, octets: &[u8]) -> Cow<'_, str> {
        if self == Charset::UTF_8 && !octets.starts_with(UTF_8_MARK) {
            pace::spend(octets.len() / 4);
            if let Ok(text) = std::str::from_utf8(octets) {
                return Cow::Borrowed(text);
            }
        }
        match self {
            Charset::Web(charset) if octets.len() <= PIECE_BYTES => charset.decode(octets).0,
            charset => Cow::Owned(CharsetDecoder::new(charset).all(octets)),
        }
    }

    /// The order of UTF-16 that the label leaves open: that of its byte order mark, or the one in
    /// which the zeros of Latin letters stand first.
    fn in_order(self, octets: &[u8]) -> Charset {
        if self != Charset::Utf16 {
            return self;
        }
        let (pairs, _) = octets.as_chunks::<2>();
        let is_big = match pairs {
            [[0xfe, 0xff], ..] => true,
            [[0xff, 0xfe], ..] => false,
            _ => {
                let pairs = pairs.get(..ORDER_PAIRS).unwrap_or(pairs);
                let high = pairs.iter().filter(|pair| pair[0] == 0).count();
                let low = pairs.iter().filter(|pair| pair[1] == 0).count();
                high > low
            }
        };
        Charset::Web(if is_big { web::UTF_16BE } else { web::UTF_16LE })
    }
}

/// The charset that decodes octets whose label names `named`.
fn choose(named: Option<Charset>, octets: &[u8], fallback: Option<Charset>) -> Charset {
    let Some(charset) = named else {
        return match escaped_ascii(octets) {
            Some(charset) => charset,
            None if is_utf8(octets) => Charset::UTF_8,
            None => fallback.unwrap_or(Charset::Web(web::WINDOWS_1252)),
        };
    };
    if charset == Charset::UTF_8 {
        return escaped_ascii(octets).unwrap_or(charset);
    }
    let is_overruled = match charset {
        charset if charset.is_wide() => is_narrow(octets),
        // Seven bits have no octet over 127.
        Charset::Escaped(_) | Charset::Utf7 => utf8_weight(octets) > 0,
        _ => {
            if octets.is_ascii() {
                return escaped_ascii(octets).unwrap_or(charset);
            }
            let weight = utf8_weight(octets);
            weight > 0 && weight >= weight_needed(charset, octets)
        }
    };
    if is_overruled {
        Charset::UTF_8
    } else {
        charset.in_order(octets)
    }
}

/// The charset of text of seven bits with the escapes of ISO-2022. Nearly all text has none, which
/// one fast look shows.
fn escaped_ascii(octets: &[u8]) -> Option<Charset> {
    let family = escaped::family_of(octets)?;
    octets.is_ascii().then_some(Charset::Escaped(family))
}

/// Whether octets are UTF-8. At the end of a long text a character may be cut, because only its
/// beginning is decoded.
fn is_utf8(octets: &[u8]) -> bool {
    std::str::from_utf8(octets).map_or_else(
        |error| error.error_len().is_none() && octets.len() >= CUT_BYTES,
        |_| true,
    )
}

/// Whether octets are text of one octet a character although the label says two or four: text of
/// two or four has zeros, and a line end or an odd length shows the shortest one.
fn is_narrow(octets: &[u8]) -> bool {
    let is_sure = octets.len() >= NARROW_SURE
        || octets.len() % 2 == 1
        || memchr::memmem::find(octets, b"\r\n").is_some();
    is_sure && memchr::memchr(0, octets).is_none() && is_utf8(octets)
}

/// How much the octets speak for UTF-8: one for a character of two octets, more for a longer one;
/// none if they are no UTF-8. It counts no further than [`WEIGHT_SURE`].
fn utf8_weight(octets: &[u8]) -> usize {
    if octets.is_ascii() || !is_utf8(octets) {
        return 0;
    }
    let mut weight = 0;
    for b in octets.iter().filter(|b| **b >= 0xc2) {
        weight += 1 + usize::from(*b >= 0xe0) + usize::from(*b >= 0xf0);
        if weight >= WEIGHT_SURE {
            break;
        }
    }
    weight
}

/// The weight from which UTF-8 is safe against a charset of eight bits.
fn weight_needed(charset: Charset, octets: &[u8]) -> usize {
    let Charset::Web(web) = charset else {
        return 1;
    };
    // In a charset of one octet a character, UTF-8 would be a capital letter and then a sign, each
    // time. In Thai it can be a syllable, and pairs of octets can be both; these need more of it.
    let is_single = web.is_single_byte() && web != web::WINDOWS_874;
    if is_single || !is_valid(web, octets) {
        return 1;
    }
    // Kana and common kanji of Shift_JIS begin with octets that begin nothing in UTF-8, and the
    // common characters of these others have no octet from 0x80 to 0xA0.
    let is_high = [web::BIG5, web::EUC_KR, web::GB18030, web::GBK].contains(&web);
    let is_uncommon = is_high && octets.iter().any(|b| (0x80..0xa1).contains(b));
    if is_uncommon || web == web::SHIFT_JIS {
        return WEIGHT_LIKELY;
    }
    WEIGHT_SURE
}

/// Whether a charset has all of the octets.
fn is_valid(charset: &'static WebEncoding, octets: &[u8]) -> bool {
    let mut decoder = charset.new_decoder_without_bom_handling();
    let mut text = String::new();
    let mut rest = octets;
    loop {
        let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
        rest = rest.get(piece.len()..).unwrap_or_default();
        pace::spend(piece.len().saturating_mul(OCTET_WORK));
        text.clear();
        let room = decoder.max_utf8_buffer_length_without_replacement(piece.len());
        text.reserve(room.unwrap_or(piece.len() * 3) + 16);
        let (result, _) =
            decoder.decode_to_string_without_replacement(piece, &mut text, rest.is_empty());
        match result {
            DecoderResult::Malformed(..) => return false,
            _ if rest.is_empty() => return true,
            _ => {}
        }
    }
}

/// Decodes octets piece by piece.
pub struct CharsetDecoder(DecoderKind);

enum DecoderKind {
    CodePage(&'static UpperHalf),
    Escaped(EscapedDecoder),
    Utf32(Utf32Decoder),
    Utf7(Utf7Decoder),
    Web(Box<web::Decoder>),
}

impl CharsetDecoder {
    /// A decoder at the start of a text.
    pub fn new(charset: Charset) -> CharsetDecoder {
        CharsetDecoder(match charset {
            Charset::CodePage(upper) => DecoderKind::CodePage(upper),
            Charset::Escaped(family) => DecoderKind::Escaped(EscapedDecoder::new(family)),
            Charset::Utf16 => DecoderKind::Web(Box::new(web::UTF_16LE.new_decoder())),
            Charset::Utf32 { is_little } => DecoderKind::Utf32(Utf32Decoder::new(is_little)),
            Charset::Utf7 => DecoderKind::Utf7(Utf7Decoder::default()),
            Charset::Web(charset) => DecoderKind::Web(Box::new(charset.new_decoder())),
        })
    }

    /// All octets as text, piece by piece.
    fn all(mut self, octets: &[u8]) -> String {
        let mut text = String::with_capacity(octets.len());
        let mut rest = octets;
        while rest.len() > PIECE_BYTES {
            let (piece, tail) = rest.split_at_checked(PIECE_BYTES).unwrap_or_default();
            pace::spend(piece.len().saturating_mul(OCTET_WORK));
            self.push(piece, false, &mut text);
            // The text of the rest is mostly as long for each octet as that of what is read.
            let octets_read = octets.len() - tail.len();
            let more = text.len() / (octets_read / 1024) * tail.len() / 1024;
            if text.capacity() - text.len() < more + PIECE_BYTES * 4 {
                text.reserve_exact(more + more / 16 + PIECE_BYTES * 4);
            }
            rest = tail;
        }
        pace::spend(rest.len().saturating_mul(OCTET_WORK));
        self.push(rest, true, &mut text);
        text.shrink_to_fit();
        text
    }

    /// Appends the text of `octets`; `is_last` says that nothing follows.
    pub fn push(&mut self, octets: &[u8], is_last: bool, out: &mut String) {
        match &mut self.0 {
            DecoderKind::CodePage(upper) => out.extend(octets.iter().map(|&b| {
                match b {
                    0..0x80 => char::from(b),
                    _ => upper
                        .get(usize::from(b - 0x80))
                        .copied()
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                }
            })),
            DecoderKind::Escaped(decoder) => decoder.push(octets, is_last, out),
            DecoderKind::Utf32(decoder) => decoder.push(octets, is_last, out),
            DecoderKind::Utf7(decoder) => decoder.push(octets, is_last, out),
            DecoderKind::Web(decoder) => {
                let room = decoder.max_utf8_buffer_length(octets.len());
                out.reserve(room.unwrap_or(octets.len().saturating_mul(3)) + 16);
                let (result, _, _) = decoder.decode_to_string(octets, out, is_last);
                debug_assert!(
                    result == CoderResult::InputEmpty,
                    "the room is what the decoder asked for"
                );
            }
        }
    }
}

/// Octets between two counts of work.
const PIECE_BYTES: usize = 16 * 1024;
/// Nanoseconds of an octet that becomes text.
const OCTET_WORK: usize = 4;
/// The byte order mark of UTF-8, which is no text.
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
/// The weight from which UTF-8 is sure against a charset of several octets a character.
const WEIGHT_SURE: usize = 8;
/// The weight that is enough where the octets are uncommon in the charset.
const WEIGHT_LIKELY: usize = 4;
/// Octets from which text without a zero is no UTF-16.
const NARROW_SURE: usize = 32;
/// The shortest text that may be the beginning of a longer one.
const CUT_BYTES: usize = 4 * 1024;
/// Characters from which the order of UTF-16 is taken.
const ORDER_PAIRS: usize = 1_024;

#[cfg(test)]
mod tests;
