//! Canonical forms (RFC 6376 section 3.4): what is hashed in place of the octets, so that small
//! changes on the way break nothing. Not which fields are hashed.
//!
//! A body comes in pieces, cut anywhere. Its form depends on the octets alone. Only CRLF ends a
//! line; a CR or LF by itself is an octet like any other.

use memchr::memchr3;

use crate::crypto::Sha256;
use crate::mail::parse::header::Field;
use crate::pace;

/// How much may change on the way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Canonicalization {
    /// Almost nothing.
    #[default]
    Simple,
    /// White space, and the case of field names.
    Relaxed,
}

impl Canonicalization {
    /// The word of `c=`.
    pub const fn name(self) -> &'static str {
        match self {
            Canonicalization::Simple => "simple",
            Canonicalization::Relaxed => "relaxed",
        }
    }

    /// The inverse of [`Canonicalization::name`].
    pub fn parse(name: &[u8]) -> Option<Canonicalization> {
        match name {
            b"simple" => Some(Canonicalization::Simple),
            b"relaxed" => Some(Canonicalization::Relaxed),
            _ => None,
        }
    }

    /// Adds a field of the header `block` in its canonical form, with its CRLF.
    pub fn field(self, block: &[u8], field: &Field<'_>, out: &mut Vec<u8>) {
        match self {
            Canonicalization::Simple => {
                let octets = block.get(field.range()).unwrap_or_default();
                out.extend_from_slice(octets);
                if !octets.ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
            Canonicalization::Relaxed => {
                relaxed(field.name, field.value, out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// A field in relaxed form, without its CRLF (RFC 6376 section 3.4.2).
pub(in crate::mail::auth) fn relaxed(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let mut has_space = false;
    for &octet in value {
        match octet {
            b'\r' | b'\n' => {}
            b' ' | b'\t' => has_space = true,
            octet => {
                if core::mem::take(&mut has_space) && out.len() > start {
                    out.push(b' ');
                }
                out.push(octet);
            }
        }
    }
}

/// A body on its way into its canonical form. The form goes out in slices, and its octets are
/// counted.
#[derive(Clone, Debug)]
struct BodyCanon {
    form: Canonicalization,
    /// Line ends that are not given out yet: at the end of a body only one of them counts.
    line_ends: u64,
    /// A CR whose next octet is not known.
    has_cr: bool,
    /// White space that is not given out yet, of the relaxed form.
    has_space: bool,
    octets: u64,
}

impl BodyCanon {
    fn new(form: Canonicalization) -> Self {
        BodyCanon {
            form,
            line_ends: 0,
            has_cr: false,
            has_space: false,
            octets: 0,
        }
    }

    fn push(&mut self, piece: &[u8], out: &mut impl FnMut(&[u8])) {
        let mut rest = piece;
        while let Some(&first) = rest.first() {
            if core::mem::take(&mut self.has_cr) {
                if first == b'\n' {
                    self.has_space = false;
                    self.line_ends += 1;
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                self.content(b"\r", out);
            }
            let is_relaxed = self.form == Canonicalization::Relaxed;
            match first {
                b'\r' => self.has_cr = true,
                b' ' | b'\t' if is_relaxed => self.has_space = true,
                _ => {
                    let end = match is_relaxed {
                        true => memchr3(b'\r', b' ', b'\t', rest),
                        false => memchr::memchr(b'\r', rest),
                    };
                    let (content, after) = rest.split_at(end.unwrap_or(rest.len()));
                    self.content(content, out);
                    rest = after;
                    continue;
                }
            }
            rest = rest.get(1..).unwrap_or_default();
        }
    }

    /// Gives out octets of a line, and first what was kept back.
    fn content(&mut self, octets: &[u8], out: &mut impl FnMut(&[u8])) {
        const LINE_ENDS: &[u8] =
            b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
        let mut left = core::mem::take(&mut self.line_ends).saturating_mul(2);
        self.octets += left + octets.len() as u64;
        while left > 0 {
            let now = left.min(LINE_ENDS.len() as u64);
            out(LINE_ENDS.get(..now as usize).unwrap_or_default());
            left -= now;
        }
        if core::mem::take(&mut self.has_space) {
            self.octets += 1;
            out(b" ");
        }
        out(octets);
    }

    /// The end of the body. Gives the number of octets of the form.
    fn finish(mut self, out: &mut impl FnMut(&[u8])) -> u64 {
        if core::mem::take(&mut self.has_cr) {
            self.content(b"\r", out);
        }
        // Without a line end one is added. An empty body is a line end in the simple form only
        // (RFC 6376 sections 3.4.3 and 3.4.4).
        if self.octets > 0 || self.form == Canonicalization::Simple {
            self.octets += 2;
            out(b"\r\n");
        }
        self.octets
    }
}

/// The hash of a body that comes in pieces.
#[derive(Clone, Debug)]
pub struct BodyHash {
    canon: BodyCanon,
    hash: Sha256,
    /// Short slices are collected: the hash is slow for each of them.
    gathered: Vec<u8>,
}

impl BodyHash {
    /// For a body in this form.
    pub fn new(form: Canonicalization) -> BodyHash {
        BodyHash {
            canon: BodyCanon::new(form),
            hash: Sha256::default(),
            gathered: Vec::with_capacity(GATHERED_BYTES),
        }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &[u8]) {
        for part in piece.chunks(PIECE_BYTES) {
            pace::spend(part.len() * OCTET_WORK);
            let (hash, gathered) = (&mut self.hash, &mut self.gathered);
            self.canon
                .push(part, &mut |slice| gather(hash, gathered, slice));
        }
    }

    /// The SHA-256 of the canonical body, and its octets.
    pub fn finish(mut self) -> ([u8; 32], u64) {
        let (hash, gathered) = (&mut self.hash, &mut self.gathered);
        let octets = self
            .canon
            .finish(&mut |slice| gather(hash, gathered, slice));
        self.hash.update(&self.gathered);
        (self.hash.finish(), octets)
    }
}

fn gather(hash: &mut Sha256, gathered: &mut Vec<u8>, slice: &[u8]) {
    if gathered.len() + slice.len() > GATHERED_BYTES {
        hash.update(gathered);
        gathered.clear();
    }
    match slice.len() {
        ..=GATHERED_BYTES => gathered.extend_from_slice(slice),
        _ => hash.update(slice),
    }
}

/// Octets that are collected before they are hashed.
const GATHERED_BYTES: usize = 512;
/// Octets between two counts of work.
const PIECE_BYTES: usize = 16 * 1024;
/// Nanoseconds of an octet of a body: it is looked at, copied and hashed.
pub(super) const OCTET_WORK: usize = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::Headers;

    fn body(form: Canonicalization, octets: &[u8], cut: usize) -> Vec<u8> {
        let mut canon = BodyCanon::new(form);
        let mut found = Vec::new();
        for piece in octets.chunks(cut) {
            canon.push(piece, &mut |slice| found.extend_from_slice(slice));
        }
        let octets = canon.finish(&mut |slice| found.extend_from_slice(slice));
        assert_eq!(octets as usize, found.len());
        found
    }

    #[test]
    fn bodies_in_both_forms() {
        let cases: &[(&str, &str, &str)] = &[
            ("", "\r\n", ""),
            ("\r\n\r\n", "\r\n", ""),
            ("a", "a\r\n", "a\r\n"),
            ("a\r\n", "a\r\n", "a\r\n"),
            // RFC 6376 section 3.4.5.
            (
                " C \r\nD \t E\r\n\r\n\r\n",
                " C \r\nD \t E\r\n",
                " C\r\nD E\r\n",
            ),
            ("a\r\n\r\nb", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"),
            ("a\r\n \t\r\n", "a\r\n \t\r\n", "a\r\n"),
            (" \t ", " \t \r\n", ""),
            ("\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"),
            ("a\rb\nc \r\n", "a\rb\nc \r\n", "a\rb\nc\r\n"),
            ("a \rb\r", "a \rb\r\r\n", "a \rb\r\r\n"),
            ("\r\r\n", "\r\r\n", "\r\r\n"),
        ];
        let long = format!("x{}y  z", "\r\n".repeat(100));
        let longer = (
            long.as_str(),
            format!("{long}\r\n"),
            long.replace("  ", " ") + "\r\n",
        );
        let cases = cases.iter().copied();
        for (text, simple, relaxed) in cases.chain([(longer.0, &*longer.1, &*longer.2)]) {
            for cut in [1, 2, 3, 1_000] {
                let of = |form| String::from_utf8(body(form, text.as_bytes(), cut)).unwrap();
                assert_eq!(of(Canonicalization::Simple), simple, "{text:?}");
                assert_eq!(of(Canonicalization::Relaxed), relaxed, "{text:?}");
            }
        }
    }

    #[test]
    fn hashes_of_empty_bodies() {
        // RFC 6376 sections 3.4.3 and 3.4.4.
        let of = |form| data_encoding::BASE64.encode(&BodyHash::new(form).finish().0);
        let simple = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=";
        assert_eq!(of(Canonicalization::Simple), simple);
        let relaxed = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(of(Canonicalization::Relaxed), relaxed);
        let mut hash = BodyHash::new(Canonicalization::Simple);
        let text = "word ".repeat(1_000) + &"y".repeat(2_000);
        hash.push(text.as_bytes());
        let (found, octets) = hash.finish();
        assert_eq!(found, crate::crypto::sha256((text + "\r\n").as_bytes()));
        assert_eq!(octets, 7_002);
    }

    #[test]
    fn fields_in_both_forms() {
        // RFC 6376 section 3.4.5.
        let block = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n";
        let headers = Headers::parse(block);
        let of = |form: Canonicalization| {
            let mut out = Vec::new();
            for field in headers.fields() {
                form.field(block, &field, &mut out);
            }
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of(Canonicalization::Relaxed), "a:X\r\nb:Y Z\r\n");
        assert_eq!(of(Canonicalization::Simple), "A: X\r\nB : Y\t\r\n\tZ  \r\n");
    }
}
