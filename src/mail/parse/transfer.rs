//! Transfer encodings: base64 and quoted-printable to octets.
//!
//! Decoding is tolerant and never fails. A [`Decoder`] takes its input in pieces of any size and
//! gives the same octets, never more than the input has. [`decoded_len`] is their exact number for
//! every input, malformed ones too. Archives and uuencode are never unpacked. The inverse is
//! `write::encode`; charsets are in `charset`.

use std::borrow::Cow;

use memchr::memchr;

use crate::pace;

/// A Content-Transfer-Encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// `base64`
    Base64,
    /// `7bit`, `8bit`, `binary`, and every unknown name
    #[default]
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
}

impl Encoding {
    /// Its name (RFC 2045 section 6.1).
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Base64 => "base64",
            Encoding::Identity => "8bit",
            Encoding::QuotedPrintable => "quoted-printable",
        }
    }

    /// By its name.
    pub(crate) fn of(name: &[u8]) -> Encoding {
        let name = mechanism(name);
        if name.eq_ignore_ascii_case(b"base64") {
            Encoding::Base64
        } else if name.eq_ignore_ascii_case(b"quoted-printable") {
            Encoding::QuotedPrintable
        } else {
            Encoding::Identity
        }
    }
}

/// The word of a Content-Transfer-Encoding, without the comment that may stand beside it (RFC 2045
/// section 6.1) and without other octets after it.
pub(crate) fn mechanism(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    let end = value
        .iter()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b'(' | b';'));
    value.get(..end.unwrap_or(value.len())).unwrap_or(value)
}

/// Decodes a body piece by piece.
#[derive(Debug, Clone)]
pub struct Decoder {
    encoding: Encoding,
    /// Base64: up to three sextets, and their number.
    bits: u32,
    sextets: u8,
    /// Quoted-printable: the part of an escape that has been read.
    escape: Escape,
}

#[derive(Debug, Clone, Copy)]
enum Escape {
    None,
    Equals,
    High(u8),
    Cr,
    Space,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new(encoding: Encoding) -> Decoder {
        Decoder {
            encoding,
            bits: 0,
            sextets: 0,
            escape: Escape::None,
        }
    }

    /// Appends the decoded octets of `piece`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => out.extend_from_slice(piece),
            Encoding::Base64 => self.push_base64(piece, out),
            Encoding::QuotedPrintable => self.push_quoted(piece, out),
        }
    }

    /// Appends the octets that are still held at the end of the body.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.flush_base64(out);
        self.flush_quoted(out);
    }

    fn push_base64(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() / 4 * 3 + 3);
        while let Some((&b, tail)) = piece.split_first() {
            if self.sextets == 0
                && let Some((four, rest)) = piece.split_first_chunk::<4>()
            {
                let [a, b, c, d] = four.map(sextet);
                if (a | b | c | d) < NOT_BASE64 {
                    let bits =
                        u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
                    let [_, x, y, z] = bits.to_be_bytes();
                    out.extend_from_slice(&[x, y, z]);
                    piece = rest;
                    continue;
                }
            }
            piece = tail;
            let value = sextet(b);
            if value < NOT_BASE64 {
                self.bits = self.bits << 6 | u32::from(value);
                self.sextets += 1;
                if self.sextets == 4 {
                    let [_, x, y, z] = self.bits.to_be_bytes();
                    out.extend_from_slice(&[x, y, z]);
                    (self.bits, self.sextets) = (0, 0);
                }
            } else if b == b'=' {
                // Padding ends a quantum; some mailers write several base64 texts one after the
                // other.
                self.flush_base64(out);
            }
        }
    }

    fn flush_base64(&mut self, out: &mut Vec<u8>) {
        let [_, x, y, _] = (self.bits << (6 * (4 - u32::from(self.sextets.min(4))))).to_be_bytes();
        match self.sextets {
            2 => out.push(x),
            3 => out.extend_from_slice(&[x, y]),
            _ => {}
        }
        (self.bits, self.sextets) = (0, 0);
    }

    fn push_quoted(&mut self, mut piece: &[u8], out: &mut impl OctetSink) {
        while let Some((&b, tail)) = piece.split_first() {
            match self.escape {
                Escape::None => {
                    let Some(at) = memchr(b'=', piece) else {
                        out.put(piece);
                        return;
                    };
                    out.put(piece.get(..at).unwrap_or(b""));
                    piece = piece.get(at + 1..).unwrap_or(b"");
                    self.escape = Escape::Equals;
                    continue;
                }
                Escape::Equals => {
                    self.escape = match b {
                        b'\r' => Escape::Cr,
                        b'\n' => Escape::None,
                        b' ' | b'\t' => Escape::Space,
                        b if hex(&b).is_some() => Escape::High(b),
                        _ => {
                            out.put(b"=");
                            self.escape = Escape::None;
                            continue;
                        }
                    };
                }
                Escape::High(high) => {
                    self.escape = Escape::None;
                    match (hex(&high), hex(&b)) {
                        (Some(high), Some(low)) => out.put(&[high << 4 | low]),
                        _ => {
                            out.put(&[b'=', high]);
                            continue;
                        }
                    }
                }
                Escape::Cr => {
                    self.escape = Escape::None;
                    if b != b'\n' {
                        continue;
                    }
                }
                // White space that a gateway added between the `=` and the end of the line.
                Escape::Space => match b {
                    b' ' | b'\t' => {}
                    b'\r' => self.escape = Escape::Cr,
                    b'\n' => self.escape = Escape::None,
                    _ => {
                        out.put(b"= ");
                        self.escape = Escape::None;
                        continue;
                    }
                },
            }
            piece = tail;
        }
    }

    fn flush_quoted(&mut self, out: &mut impl OctetSink) {
        if let Escape::High(b) = self.escape {
            out.put(&[b'=', b]);
        }
        self.escape = Escape::None;
    }
}

/// A place for decoded octets. The decoder of quoted-printable writes to a body or only counts, so
/// that both always agree.
trait OctetSink {
    fn put(&mut self, octets: &[u8]);
}

impl OctetSink for Vec<u8> {
    fn put(&mut self, octets: &[u8]) {
        self.extend_from_slice(octets);
    }
}

struct OctetCount(usize);

impl OctetSink for OctetCount {
    fn put(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}

/// A whole body decoded; borrowed if the encoding is the identity.
pub fn decode(encoding: Encoding, body: &[u8]) -> Cow<'_, [u8]> {
    if encoding == Encoding::Identity {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let mut decoder = Decoder::new(encoding);
    for piece in body.chunks(PIECE_BYTES) {
        pace::spend(piece.len());
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    Cow::Owned(out)
}

/// The length of what [`decode`] gives, without decoding: the octets that a download has.
pub fn decoded_len(encoding: Encoding, body: &[u8]) -> usize {
    match encoding {
        Encoding::Identity => body.len(),
        Encoding::Base64 => base64_len(body),
        Encoding::QuotedPrintable => {
            let mut count = OctetCount(0);
            let mut decoder = Decoder::new(encoding);
            for piece in body.chunks(PIECE_BYTES) {
                pace::spend(piece.len());
                decoder.push_quoted(piece, &mut count);
            }
            decoder.flush_quoted(&mut count);
            count.0
        }
    }
}

/// Each `=` ends a quantum, as in the decoder; all other octets outside the alphabet are skipped.
fn base64_len(body: &[u8]) -> usize {
    // One sextet alone holds no octet.
    let octets_of = |sextets: usize| sextets / 4 * 3 + (sextets % 4).saturating_sub(1);
    let (mut octets, mut sextets) = (0, 0);
    for mut rest in body.chunks(PIECE_BYTES) {
        pace::spend(rest.len());
        while let Some(end) = memchr(b'=', rest) {
            sextets += base64_count(rest.get(..end).unwrap_or(rest));
            octets += octets_of(std::mem::take(&mut sextets));
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        sextets += base64_count(rest);
    }
    octets + octets_of(sextets)
}

/// How many octets are of the alphabet. The compiler turns the sum of a short run, which fits into
/// one octet, into wide comparisons.
fn base64_count(octets: &[u8]) -> usize {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() | matches!(*b, b'+' | b'/');
    octets
        .chunks(COUNT_RUN)
        .map(|run| usize::from(run.iter().map(|b| u8::from(is_digit(b))).sum::<u8>()))
        .sum()
}

/// Appends decoded base64; octets outside its alphabet are skipped.
pub(crate) fn base64_into(text: &[u8], out: &mut Vec<u8>) {
    let mut decoder = Decoder::new(Encoding::Base64);
    decoder.push(text, out);
    decoder.finish(out);
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: &u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn sextet(b: u8) -> u8 {
    SEXTETS.get(usize::from(b)).copied().unwrap_or(NOT_BASE64)
}

const fn sextets() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NOT_BASE64; 256];
    let mut i = 0;
    while i < 64 {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table
}

/// Octets between two counts of work.
const PIECE_BYTES: usize = 64 * 1024;
/// At most 255, so that a count of this many octets fits into one.
const COUNT_RUN: usize = 192;
static SEXTETS: [u8; 256] = sextets();
/// Larger than every sextet, so the `|` of four values shows whether one of them is invalid.
const NOT_BASE64: u8 = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn in_pieces(encoding: Encoding, body: &[u8], n: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut decoder = Decoder::new(encoding);
        for piece in body.chunks(n) {
            decoder.push(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    /// Numbers below their argument, the same at every run.
    fn numbers() -> impl FnMut(usize) -> usize {
        let mut seed = 7_u64;
        move |n| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % n
        }
    }

    /// The body decoded in pieces of different lengths.
    fn in_cuts(encoding: Encoding, body: &[u8], next: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), body);
        let mut decoder = Decoder::new(encoding);
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(next(rest.len().min(9)) + 1);
            decoder.push(piece, &mut out);
            rest = tail;
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn decoding_is_tolerant_and_the_same_in_any_pieces() {
        use Encoding::*;
        let cases: &[(Encoding, &[u8], &[u8])] = &[
            (Base64, b"aGVsbG8=", b"hello"),
            (Base64, b"aGVs\r\nbG8=\r\n", b"hello"),
            (Base64, b"aGVsbG8", b"hello"),
            (Base64, b"a G!V*s bG8=", b"hello"),
            (Base64, b"aGk=aGk=", b"hihi"),
            (Base64, b"aGVsbG8hIQ==", b"hello!!"),
            (Base64, b"a", b""),
            (Base64, b"====", b""),
            (Base64, b"", b""),
            (QuotedPrintable, b"a=3Db=C3=B6", b"a=b\xc3\xb6"),
            (QuotedPrintable, b"a=3db", b"a=b"),
            (QuotedPrintable, b"soft=\r\nbreak", b"softbreak"),
            (QuotedPrintable, b"soft=\nbreak", b"softbreak"),
            (QuotedPrintable, b"soft= \t\r\nbreak", b"softbreak"),
            (QuotedPrintable, b"bad=ZZ=4=", b"bad=ZZ=4"),
            (QuotedPrintable, b"==41", b"=A"),
            (QuotedPrintable, b"=4=41", b"=4A"),
            (QuotedPrintable, b"= x", b"= x"),
            (QuotedPrintable, b"end=", b"end"),
            (Identity, b"a=3D", b"a=3D"),
        ];
        for (encoding, body, expected) in cases {
            for n in [1, 2, 3, 5, 100] {
                let out = in_pieces(*encoding, body, n);
                assert_eq!(out, *expected, "{} by {n}", String::from_utf8_lossy(body));
                assert!(out.len() <= body.len());
            }
            assert_eq!(&*decode(*encoding, body), *expected);
        }
    }

    #[test]
    fn pieces_of_any_length_give_the_whole() {
        use Encoding::*;
        let alphabets: [&[u8]; 3] = [b"ABab09+/=", b"AB9/ =\r\n\xff", b"=aF0 \t\r\nzG"];
        let mut next = numbers();
        for round in 0..3_000 {
            let alphabet = alphabets[round % alphabets.len()];
            let body: Vec<u8> = (0..next(300))
                .map(|_| alphabet[next(alphabet.len())])
                .collect();
            for encoding in [Base64, Identity, QuotedPrintable] {
                let shown = String::from_utf8_lossy(&body);
                let cut = in_cuts(encoding, &body, &mut next);
                assert_eq!(cut, *decode(encoding, &body), "{encoding:?} {shown:?}");
            }
        }
        // A piece of `decode` ends between the two halves of an escape, and within a quantum.
        let long = "ab=C3=B6 =\r\n".repeat(30_000);
        let mut whole = Vec::new();
        let mut decoder = Decoder::new(QuotedPrintable);
        decoder.push(long.as_bytes(), &mut whole);
        assert_eq!(*decode(QuotedPrintable, long.as_bytes()), whole);
        assert_eq!(decoded_len(QuotedPrintable, long.as_bytes()), whole.len());
        let long = "aGVsbG8h\r\n".repeat(30_000);
        let (decoded, counted) = (
            decode(Base64, long.as_bytes()),
            decoded_len(Base64, long.as_bytes()),
        );
        assert_eq!(*decoded, *"hello!".repeat(30_000).as_bytes());
        assert_eq!(counted, decoded.len());
    }

    #[test]
    fn the_counted_length_is_the_decoded_one() {
        use Encoding::*;
        let alphabets: [&[u8]; 4] = [b"ABab09+/", b"ABab09+/=\r\n ", b"=aF0 \t\r\nzG\xff", b"="];
        let mut next = numbers();
        for round in 0..4_000 {
            let alphabet = alphabets[round % alphabets.len()];
            let body: Vec<u8> = (0..next(600))
                .map(|_| alphabet[next(alphabet.len())])
                .collect();
            for encoding in [Base64, Identity, QuotedPrintable] {
                let shown = String::from_utf8_lossy(&body);
                let decoded = decode(encoding, &body).len();
                assert_eq!(
                    decoded_len(encoding, &body),
                    decoded,
                    "{encoding:?} {shown:?}"
                );
            }
        }
        let any: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
        assert_eq!(decoded_len(Base64, &any), decode(Base64, &any).len());
    }
}
