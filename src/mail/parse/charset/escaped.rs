//! Charsets of seven bits that switch between sets: ISO-2022-JP, -KR and -CN, and HZ.
//!
//! The decoders of the web report an error where mail has none: for two escapes with nothing
//! between them, which is what two joined encoded words have. This one follows the rules of mail
//! (RFC 1468, RFC 1554, RFC 1557, RFC 1843, RFC 1922): an escape only switches, and a line begins
//! in ASCII. The tables are those of `encoding_rs`: a run of one set becomes octets of its EUC
//! form.

use std::borrow::Cow;

use encoding_rs::{EUC_JP, EUC_KR, Encoding as WebEncoding, GBK, ISO_8859_7, WINDOWS_1252};

/// A family of such charsets. All members of one are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscapeFamily {
    /// ISO-2022-CN without the planes of CNS 11643.
    Chinese,
    /// HZ-GB-2312.
    Hz,
    /// ISO-2022-JP, -1, -2, -3.
    Japanese,
    /// ISO-2022-KR.
    Korean,
}

/// The family whose escapes are in octets of seven bits. These sequences are in no other text.
pub(super) fn family_of(octets: &[u8]) -> Option<EscapeFamily> {
    let mut at = memchr::memchr(ESC, octets)?;
    loop {
        match octets.get(at + 1..)? {
            [b'$', b'@' | b'B', ..] | [b'$', b'(', b'D' | b'O' | b'Q', ..] => {
                return Some(EscapeFamily::Japanese);
            }
            [b'$', b')', b'C', ..] => return Some(EscapeFamily::Korean),
            _ => {}
        }
        at += 1 + memchr::memchr(ESC, octets.get(at + 1..)?)?;
    }
}

/// Decodes octets piece by piece.
#[derive(Debug, Clone)]
pub(super) struct EscapedDecoder {
    family: EscapeFamily,
    /// The set of ordinary octets.
    g0: CodedSet,
    /// The set between SO and SI.
    g1: CodedSet,
    /// The set of the one octet after a single shift.
    g2: Option<&'static WebEncoding>,
    is_shifted: bool,
    /// The start of an escape or a character whose end the next piece has; at most three octets.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodedSet {
    Ascii,
    Gb2312,
    Jis0208,
    Jis0212,
    Katakana,
    Ksc5601,
    Roman,
    /// Two octets a character, and no table for them.
    Unknown,
}

/// What an escape does.
enum SetChange {
    G0(CodedSet),
    G1(CodedSet),
    G2(&'static WebEncoding),
    /// The next octet is of G2.
    Single,
    /// It designates a set that needs nothing here, or no set.
    Nothing,
}

impl EscapedDecoder {
    pub fn new(family: EscapeFamily) -> EscapedDecoder {
        EscapedDecoder {
            family,
            g0: CodedSet::Ascii,
            // Many mails lack the line that designates it.
            g1: match family {
                EscapeFamily::Japanese => CodedSet::Katakana,
                EscapeFamily::Korean => CodedSet::Ksc5601,
                EscapeFamily::Chinese | EscapeFamily::Hz => CodedSet::Gb2312,
            },
            g2: None,
            is_shifted: false,
            held: Vec::new(),
        }
    }

    /// Appends the text of `octets`; `is_last` says that nothing follows.
    pub fn push(&mut self, octets: &[u8], is_last: bool, out: &mut String) {
        let held = std::mem::take(&mut self.held);
        let all: Cow<'_, [u8]> = match held.is_empty() {
            true => Cow::Borrowed(octets),
            false => Cow::Owned([&held, octets].concat()),
        };
        let mut rest: &[u8] = &all;
        while let Some(&b) = rest.first() {
            let used = match b {
                ESC => self.escape(rest, is_last, out),
                b'~' if self.family == EscapeFamily::Hz => self.tilde(rest, is_last, out),
                0x21..=0x7e => self.graphic(rest, is_last, out),
                _ => {
                    self.control(b, out);
                    Some(1)
                }
            };
            let Some(used) = used else {
                self.held.extend_from_slice(rest);
                return;
            };
            rest = rest.get(used.max(1)..).unwrap_or(b"");
        }
    }

    /// White space, a shift, or an octet that has no place here.
    fn control(&mut self, b: u8, out: &mut String) {
        match b {
            SO if self.family != EscapeFamily::Hz => self.is_shifted = true,
            SI if self.family != EscapeFamily::Hz => self.is_shifted = false,
            b'\n' => {
                // A line begins in ASCII, also if the mailer has not switched back.
                self.g0 = CodedSet::Ascii;
                self.is_shifted = false;
                out.push('\n');
            }
            b if b.is_ascii() => out.push(char::from(b)),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }

    /// The octets of an escape; `None` if its end is in the next piece.
    fn escape(&mut self, rest: &[u8], is_last: bool, out: &mut String) -> Option<usize> {
        use CodedSet::{Ascii, Gb2312, Jis0208, Jis0212, Katakana, Ksc5601, Roman, Unknown};
        let (used, escape) = match rest.get(1..).unwrap_or(b"") {
            [b'(', b'B', ..] => (3, SetChange::G0(Ascii)),
            [b'(', b'J' | b'H', ..] => (3, SetChange::G0(Roman)),
            [b'(', b'I', ..] => (3, SetChange::G0(Katakana)),
            [b'$', b'@' | b'B', ..] => (3, SetChange::G0(Jis0208)),
            [b'$', b'A', ..] => (3, SetChange::G0(Gb2312)),
            [b'$', b'(', b'B' | b'@' | b'O' | b'Q', ..] => (4, SetChange::G0(Jis0208)),
            [b'$', b'(', b'A', ..] => (4, SetChange::G0(Gb2312)),
            [b'$', b'(', b'C', ..] => (4, SetChange::G0(Ksc5601)),
            [b'$', b'(', b'D', ..] => (4, SetChange::G0(Jis0212)),
            [b'$', b'(', b'P' | b'G' | b'H', ..] => (4, SetChange::G0(Unknown)),
            [b'$', b')', b'A', ..] => (4, SetChange::G1(Gb2312)),
            [b'$', b')', b'C', ..] => (4, SetChange::G1(Ksc5601)),
            [b'$', b')', b'E' | b'G', ..] => (4, SetChange::G1(Unknown)),
            [b'$', b'*', b'H', ..] => (4, SetChange::Nothing),
            [b'.', b'A', ..] => (3, SetChange::G2(WINDOWS_1252)),
            [b'.', b'F', ..] => (3, SetChange::G2(ISO_8859_7)),
            [b'N', ..] => (2, SetChange::Single),
            [] | [b'$' | b'(' | b'.'] | [b'$', b'(' | b')' | b'*'] if !is_last => return None,
            _ => {
                // A control like any other: its readers drop it.
                out.push(char::from(ESC));
                return Some(1);
            }
        };
        match escape {
            SetChange::G0(set) => self.g0 = set,
            SetChange::G1(set) => self.g1 = set,
            SetChange::G2(set) => self.g2 = Some(set),
            SetChange::Single => return self.single(rest, is_last, out),
            SetChange::Nothing => {}
        }
        Some(used)
    }

    /// `ESC N` and an octet of G2 (RFC 1554).
    fn single(&self, rest: &[u8], is_last: bool, out: &mut String) -> Option<usize> {
        let Some(&b) = rest.get(2) else {
            return is_last.then_some(2);
        };
        match self.g2 {
            Some(set) => {
                out.push_str(&set.decode_without_bom_handling(&[b | 0x80]).0);
                Some(3)
            }
            None => Some(2),
        }
    }

    /// `~{`, `~}`, `~~` and `~` at the end of a line (RFC 1843).
    fn tilde(&mut self, rest: &[u8], is_last: bool, out: &mut String) -> Option<usize> {
        match rest.get(1) {
            Some(b'{') => self.g0 = CodedSet::Gb2312,
            Some(b'}') => self.g0 = CodedSet::Ascii,
            Some(b'~') => out.push('~'),
            Some(b'\n') => {}
            None if !is_last => return None,
            _ => {
                out.push('~');
                return Some(1);
            }
        }
        Some(2)
    }

    /// A run of one set, at the start of `rest`.
    fn graphic(&self, rest: &[u8], is_last: bool, out: &mut String) -> Option<usize> {
        let set = if self.is_shifted { self.g1 } else { self.g0 };
        let is_end = |b: &u8| match self.family {
            EscapeFamily::Hz => !matches!(b, 0x21..=0x7d),
            _ => !matches!(b, 0x21..=0x7e),
        };
        let end = rest.iter().position(is_end);
        let run = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
        match set {
            CodedSet::Ascii => out.push_str(&String::from_utf8_lossy(run)),
            CodedSet::Roman => out.extend(run.iter().map(|b| match b {
                b'\\' => '\u{a5}',
                b'~' => '\u{203e}',
                b => char::from(*b),
            })),
            CodedSet::Katakana => out.extend(run.iter().map(|b| match b {
                0x21..=0x5f => char::from_u32(0xff40 + u32::from(*b)).unwrap_or_default(),
                _ => char::REPLACEMENT_CHARACTER,
            })),
            _ => return pairs(set, run, end.is_some() || is_last, out),
        }
        Some(run.len())
    }
}

/// A run of characters of two octets. An odd octet waits for the next piece, or is an error if the
/// run has ended.
fn pairs(set: CodedSet, run: &[u8], has_ended: bool, out: &mut String) -> Option<usize> {
    let (whole, odd) = run.as_chunks::<2>();
    let (lead, table): (&[u8], _) = match set {
        CodedSet::Gb2312 => (b"", GBK),
        CodedSet::Ksc5601 => (b"", EUC_KR),
        CodedSet::Jis0212 => (b"\x8f", EUC_JP),
        CodedSet::Jis0208 => (b"", EUC_JP),
        _ => {
            out.extend(whole.iter().map(|_| char::REPLACEMENT_CHARACTER));
            (b"", EUC_JP)
        }
    };
    if set != CodedSet::Unknown {
        let mut octets = Vec::with_capacity(whole.len() * 3);
        for [high, low] in whole {
            octets.extend_from_slice(lead);
            octets.extend_from_slice(&[high | 0x80, low | 0x80]);
        }
        out.push_str(&table.decode_without_bom_handling(&octets).0);
    }
    if odd.is_empty() {
        return Some(run.len());
    }
    if has_ended {
        out.push(char::REPLACEMENT_CHARACTER);
        return Some(run.len());
    }
    match whole.len() {
        0 => None,
        n => Some(n * 2),
    }
}

/// The octet that begins an escape.
pub(super) const ESC: u8 = 0x1b;
const SO: u8 = 0x0e;
const SI: u8 = 0x0f;
