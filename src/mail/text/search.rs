//! Searching the decoded text of a message without decoding all of it at once.
//!
//! [`searchable`] yields a message in chunks of bounded size, with headers and text parts decoded,
//! so that a caller can stop between two chunks. Chunks of one part overlap, so a needle of up to
//! [`NEEDLE_MAX`] octets is never cut in two. Parts in UTF-8 are borrowed and not copied. `needles`
//! finds many texts in a chunk; a [`Needle`] is one.

use std::borrow::Cow;

use memchr::memmem;

use super::html::label_of;
use crate::mail::Bounds;
use crate::mail::digest::{Digest, Part, PartStep, Walk};
use crate::mail::parse::charset::{self, Charset, CharsetDecoder};
use crate::mail::parse::header::{Fields, Headers};
use crate::mail::parse::transfer::{Decoder, Encoding};
use crate::mail::unicode::fold;
use crate::pace;

/// The text to find, prepared once for many messages.
#[derive(Debug, Clone)]
pub struct Needle {
    folded: String,
    /// It was of ASCII before it was folded.
    is_ascii: bool,
    finder: memmem::Finder<'static>,
    buffer: Vec<u8>,
}

impl Needle {
    /// Folds the text. It should have at most [`NEEDLE_MAX`] octets; a longer text may miss a
    /// match.
    pub fn new(text: &str) -> Needle {
        let folded = fold(text);
        Needle {
            finder: memmem::Finder::new(folded.as_bytes()).into_owned(),
            folded,
            is_ascii: text.is_ascii(),
            buffer: Vec::new(),
        }
    }

    /// Whether the text contains the needle, without regard to case. The cost is linear; the buffer
    /// for folding is kept.
    pub fn is_in(&mut self, text: &str) -> bool {
        if self.folded.is_empty() {
            return true;
        }
        if self.is_ascii || text.is_ascii() {
            self.buffer.clear();
            self.buffer.extend_from_slice(text.as_bytes());
            self.buffer.make_ascii_lowercase();
            return self.finder.find(&self.buffer).is_some();
        }
        self.finder.find(fold(text).as_bytes()).is_some()
    }
}

/// The part of a message in which to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything: SEARCH TEXT.
    All,
    /// Everything but the header of the message itself: SEARCH BODY.
    Body,
}

/// A piece of the decoded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChunk<'a> {
    /// Index of its part in the digest; 0 is the message itself.
    pub part: usize,
    /// A field of the part's header, as `Name: value`.
    pub is_header: bool,
    /// The decoded text.
    pub text: Cow<'a, str>,
}

impl TextChunk<'_> {
    /// Whether a search in that scope looks at it.
    pub fn is_in(&self, scope: Scope) -> bool {
        scope == Scope::All || self.part > 0 || !self.is_header
    }
}

/// The headers of all parts and the bodies of the text parts, decoded: each field, and the text in
/// pieces of about 16 KiB. Everything is decoded once, and its work is counted.
pub fn searchable<'a>(raw: &'a [u8], digest: &Digest<'a>) -> Searchable<'a> {
    Searchable {
        raw,
        walk: digest.walk(),
        part: 0,
        fields: None,
        body: None,
        header_charset: digest.header_charset(),
    }
}

/// Iterator of [`searchable`].
pub struct Searchable<'a> {
    raw: &'a [u8],
    walk: Walk<'a>,
    part: usize,
    fields: Option<Fields<'a>>,
    body: Option<PartText<'a>>,
    /// The charset of raw octets in headers.
    header_charset: Option<Charset>,
}

impl<'a> Iterator for Searchable<'a> {
    type Item = TextChunk<'a>;

    fn next(&mut self) -> Option<TextChunk<'a>> {
        loop {
            if let Some(field) = self.fields.as_mut().and_then(Iterator::next) {
                let field = field.within(Bounds::default().header_field_bytes);
                pace::spend(field.value.len().saturating_mul(DECODE_WORK) + FIELD_WORK);
                let name = String::from_utf8_lossy(field.name);
                let value = field.decoded_with(self.header_charset);
                let text = Cow::Owned(format!("{name}: {value}"));
                return Some(TextChunk {
                    part: self.part,
                    is_header: true,
                    text,
                });
            }
            self.fields = None;
            if let Some(text) = self.body.as_mut().and_then(PartText::next) {
                return Some(TextChunk {
                    part: self.part,
                    is_header: false,
                    text,
                });
            }
            self.body = None;
            pace::spend(FIELD_WORK);
            let part = match self.walk.next()? {
                PartStep::Close(_) => continue,
                PartStep::Open(part) => part,
                PartStep::Leaf(part) => {
                    if part.is_media("text") || part.is_media("message") {
                        self.body = Some(PartText::new(self.raw, &part));
                    }
                    part
                }
            };
            self.part = part.index;
            self.fields = Some(Headers::parse(self.raw.get(part.header).unwrap_or(b"")).fields());
        }
    }
}

enum PartText<'a> {
    /// UTF-8, used as it is.
    Plain {
        rest: &'a [u8],
        charset: Option<&'a [u8]>,
    },
    /// Text that is decoded piece by piece.
    Encoded(Box<TextStream<'a>>),
}

struct TextStream<'a> {
    rest: &'a [u8],
    transfer: Decoder,
    label: Option<&'a [u8]>,
    is_page: bool,
    /// Made from the label and the octets of the first piece.
    charset: Option<CharsetDecoder>,
    /// Octets without their transfer encoding, and how many of them are text already.
    octets: Vec<u8>,
    taken: usize,
    is_done: bool,
    /// The end of the last piece.
    overlap: String,
}

impl<'a> PartText<'a> {
    fn new(raw: &'a [u8], part: &Part<'a>) -> PartText<'a> {
        let rest = raw.get(part.body.clone()).unwrap_or(b"");
        let (charset, is_page) = (part.param("charset"), part.is("text", "html"));
        let first = rest.get(..PIECE_BYTES).unwrap_or(rest);
        let charset = match part.encoding {
            Encoding::Identity => label_of(charset, is_page, first),
            _ => charset,
        };
        if part.encoding == Encoding::Identity && Charset::of(charset, first) == Charset::UTF_8 {
            return PartText::Plain { rest, charset };
        }
        PartText::Encoded(Box::new(TextStream {
            rest,
            transfer: Decoder::new(part.encoding),
            label: charset,
            is_page,
            charset: None,
            octets: Vec::new(),
            taken: 0,
            is_done: false,
            overlap: String::new(),
        }))
    }

    fn next(&mut self) -> Option<Cow<'a, str>> {
        match self {
            PartText::Plain { rest, charset } => {
                if rest.is_empty() {
                    return None;
                }
                let end = boundary_before(rest, CHUNK_BYTES);
                let piece = rest.get(..end).unwrap_or(rest);
                let step = if end == rest.len() {
                    end
                } else {
                    boundary_before(rest, end.saturating_sub(OVERLAP))
                };
                *rest = rest.get(step.max(1)..).unwrap_or(b"");
                pace::spend(piece.len());
                Some(charset::decode(*charset, piece))
            }
            PartText::Encoded(stream) => stream.next().map(Cow::Owned),
        }
    }
}

impl TextStream<'_> {
    fn next(&mut self) -> Option<String> {
        if self.is_done {
            return None;
        }
        if self.taken == self.octets.len() {
            self.decode_piece();
        }
        let left = self.octets.get(self.taken..).unwrap_or_default();
        let octets = left.get(..CHUNK_BYTES).unwrap_or(left);
        self.taken += octets.len();
        self.is_done = self.rest.is_empty() && self.taken == self.octets.len();
        pace::spend(octets.len().saturating_mul(DECODE_WORK));
        let (label, is_page) = (self.label, self.is_page);
        let charset = self.charset.get_or_insert_with(|| {
            CharsetDecoder::new(Charset::of(
                label_of(label, is_page, &self.octets),
                &self.octets,
            ))
        });
        let mut text = std::mem::take(&mut self.overlap);
        charset.push(octets, self.is_done, &mut text);
        let tail = text.len().saturating_sub(OVERLAP);
        let tail = (tail..=text.len())
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(text.len());
        self.overlap.push_str(text.get(tail..).unwrap_or(""));
        Some(text)
    }

    fn decode_piece(&mut self) {
        let (piece, rest) = self
            .rest
            .split_at_checked(PIECE_BYTES)
            .unwrap_or((self.rest, b""));
        pace::spend(piece.len());
        self.rest = rest;
        self.octets.clear();
        self.taken = 0;
        self.transfer.push(piece, &mut self.octets);
        if rest.is_empty() {
            self.transfer.finish(&mut self.octets);
        }
    }
}

/// An offset of at most `at`, between two characters if this is UTF-8.
fn boundary_before(octets: &[u8], at: usize) -> usize {
    if at >= octets.len() {
        return octets.len();
    }
    let back = (0..4).find(|back| {
        octets
            .get(at.saturating_sub(*back))
            .is_some_and(|b| b & 0xc0 != 0x80)
    });
    at.saturating_sub(back.unwrap_or(0))
}

/// The longest needle that is found at every place.
pub(crate) const NEEDLE_MAX: usize = 256;
/// Octets of a piece: small enough to stop soon, and large enough to search at full speed.
const CHUNK_BYTES: usize = 16 * 1024;
/// Octets whose transfer encoding is undone at once. The first of them show the charset.
const PIECE_BYTES: usize = 64 * 1024;
/// Nanoseconds of an octet whose charset is decoded.
const DECODE_WORK: usize = 4;
/// Nanoseconds of a field or part, without its octets.
const FIELD_WORK: usize = 200;
/// Folding can change the length of a text by a factor of four.
const OVERLAP: usize = NEEDLE_MAX * 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::mail::digest::analyse;
    use crate::mail::text::needles::Needles;
    use crate::mail::write::encode;

    fn finds(raw: &[u8], needle: &str, scope: Scope) -> bool {
        let analysis = analyse(raw, &Bounds::default()).unwrap();
        let digest = Digest::open(&analysis.digest).unwrap();
        let mut alone = Needle::new(needle);
        // With others it is found in one pass, and that must change nothing.
        let others: Vec<String> = (0..20).map(|n| format!("other {n}")).collect();
        let texts = others.iter().map(String::as_str).chain([needle]);
        let mut needles = Needles::new(texts);
        let mut hits = needles.no_hits();
        let mut is_found = false;
        for chunk in searchable(raw, &digest).filter(|chunk| chunk.is_in(scope)) {
            is_found |= alone.is_in(&chunk.text);
            needles.find(&chunk.text, &mut hits);
        }
        assert_eq!(needles.has(&hits, others.len()), is_found, "{needle}");
        is_found
    }

    #[test]
    fn decoded_text_is_found_without_regard_to_case() {
        let raw = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
            Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nJ=F6rg Stra=DFe sa=\r\ngt Hallo\r\n--b\r\n\
            Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+w5xCRVI8L2I+\r\n--b\r\n\
            Content-Type: application/pdf; name=Report.pdf\r\n\r\nsecretpdf\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: nested one\r\n\r\ninner text\r\n--b--";
        for (needle, all, body) in [
            ("GRÜSSE", true, false),
            ("subject: gr", true, false),
            ("Grüße", true, false),
            ("Straße", true, true),
            ("STRAßE", true, true),
            ("jörg", true, true),
            ("sagt hallo", true, true),
            ("über", true, true),
            ("report.PDF", true, true),
            ("secretpdf", false, false),
            ("nested ONE", true, true),
            ("Inner Text", true, true),
            ("absent", false, false),
            ("", true, true),
        ] {
            assert_eq!(finds(raw.as_bytes(), needle, Scope::All), all, "{needle}");
            assert_eq!(finds(raw.as_bytes(), needle, Scope::Body), body, "{needle}");
        }
    }

    #[test]
    fn a_page_is_searched_in_the_charset_that_it_names() {
        let page = b"<html><head><meta charset=windows-1251></head><p>\xe2\xf1\xf2\xf0\xe5\xf7\xe0";
        for encoding in ["8bit", "base64", "quoted-printable"] {
            let mut raw =
                format!("Content-Type: text/html\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n")
                    .into_bytes();
            match encoding {
                "base64" => encode::encode_base64(page, &mut raw),
                "quoted-printable" => encode::encode_quoted(page, &mut raw),
                _ => raw.extend_from_slice(page),
            }
            assert!(finds(&raw, "ВСТРЕЧА", Scope::Body), "{encoding}");
        }
    }

    #[test]
    fn no_needle_is_lost_between_chunks() {
        let needle = "Nädel".repeat(30);
        for encoding in ["8bit", "quoted-printable", "base64"] {
            for before in [65_300, 65_400, 65_450, 65_536, 131_000, 200_000] {
                let text = format!("{}{needle}{}", "é".repeat(before / 2), "x".repeat(3_000));
                let mut raw = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").into_bytes();
                match encoding {
                    "base64" => encode::encode_base64(text.as_bytes(), &mut raw),
                    "quoted-printable" => encode::encode_quoted(text.as_bytes(), &mut raw),
                    _ => raw.extend_from_slice(text.as_bytes()),
                }
                assert!(
                    finds(&raw, &needle.to_uppercase(), Scope::Body),
                    "{encoding} {before}"
                );
                assert!(!finds(&raw, "absent", Scope::Body));
            }
        }
        let odd: Vec<u8> = b"\n"
            .iter()
            .copied()
            .chain(std::iter::repeat_n(0x80, 300_000))
            .chain(*b"needle")
            .collect();
        assert!(finds(&odd, "needle", Scope::Body));
    }
}
