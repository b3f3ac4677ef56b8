//! Encoded words of header fields, read (RFC 2047).
//!
//! Reading is lenient and never fails. A text that is no encoded word stays as it is. Octets that
//! are no UTF-8 are read as windows-1252. Controls, which an encoded word can hide, are dropped.
//! Neighbouring words of one charset are joined before they are decoded, because many mailers split
//! characters between words. The inverse is `write::word`.

use memchr::{memchr, memmem};

use super::{charset, transfer};

/// The text of an unstructured or phrase value: folds undone, words decoded, controls dropped. It
/// is at most four times as long as the value.
pub(crate) fn decode(value: &[u8]) -> String {
    if memmem::find(value, b"=?").is_none() && value.iter().all(|b| (b' '..=b'~').contains(b)) {
        return String::from_utf8_lossy(value).trim().to_owned();
    }
    let mut out = DecodedWords {
        text: String::with_capacity(value.len()),
        charset: Vec::new(),
        octets: Vec::new(),
    };
    let mut rest = value;
    let mut literal = 0;
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|tail| memmem::find(tail, b"=?")) {
        at += found;
        let Some(word) = rest.get(at..).and_then(EncodedWord::parse) else {
            at += 2;
            continue;
        };
        let between = rest.get(literal..at).unwrap_or(b"");
        // White space between two encoded words only separates them (RFC 2047 section 6.2).
        if out.octets.is_empty() || !between.iter().all(u8::is_ascii_whitespace) {
            out.flush();
            out.literal(between);
        }
        out.word(&word);
        rest = rest.get(at + word.bytes..).unwrap_or(b"");
        (literal, at) = (0, 0);
    }
    out.flush();
    out.literal(rest);
    out.text.trim().to_owned()
}

struct DecodedWords {
    text: String,
    charset: Vec<u8>,
    octets: Vec<u8>,
}

impl DecodedWords {
    fn word(&mut self, word: &EncodedWord<'_>) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
            self.charset.extend_from_slice(word.charset);
        }
        if word.base64 {
            transfer::base64_into(word.text, &mut self.octets);
        } else {
            q_into(word.text, &mut self.octets);
        }
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            let text = charset::decode(Some(&self.charset), &self.octets);
            push_clean(&text, &mut self.text);
        }
        self.octets.clear();
        self.charset.clear();
    }

    fn literal(&mut self, octets: &[u8]) {
        push_clean(&charset::decode(None, octets), &mut self.text);
    }
}

fn push_clean(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}

struct EncodedWord<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// Length of the whole word.
    bytes: usize,
}

impl<'a> EncodedWord<'a> {
    /// A word at the start of `bytes`, which begin with `=?`. It reads no further than the third
    /// `?`.
    fn parse(bytes: &'a [u8]) -> Option<EncodedWord<'a>> {
        let rest = bytes.get(2..)?;
        let charset_end = memchr(b'?', rest.get(..rest.len().min(CHARSET_MAX))?)?;
        let charset = rest.get(..charset_end)?;
        // RFC 2231 section 5 allows a language after the charset.
        let charset = charset.split(|&b| b == b'*').next()?;
        let base64 = match rest.get(charset_end + 1)? {
            b'B' | b'b' => true,
            b'Q' | b'q' => false,
            _ => return None,
        };
        if charset.is_empty() || rest.get(charset_end + 2) != Some(&b'?') {
            return None;
        }
        let tail = rest.get(charset_end + 3..)?;
        let text_end = memchr(b'?', tail)?;
        let text = tail.get(..text_end)?;
        if tail.get(text_end + 1) != Some(&b'=') || memchr::memchr2(b'\r', b'\n', text).is_some() {
            return None;
        }
        Some(EncodedWord {
            charset,
            base64,
            text,
            bytes: 2 + charset_end + 3 + text_end + 2,
        })
    }
}

fn q_into(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        match b {
            b'_' => out.push(b' '),
            b'=' => match (
                text.get(at).and_then(transfer::hex),
                text.get(at + 1).and_then(transfer::hex),
            ) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 2;
                }
                _ => out.push(b'='),
            },
            b => out.push(b),
        }
    }
}

/// IANA's longest charset name has 45 characters, and a language may follow it.
const CHARSET_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_decoded_leniently() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            (b"", ""),
            (b"=?utf-8?q?J=C3=B6rg?=", "Jörg"),
            (b"=?UTF-8?B?SsO2cmc=?=", "Jörg"),
            (b"=?iso-8859-1?Q?J=F6rg_B?= x", "Jörg B x"),
            (b"=?iso-8859-1*de?Q?J=F6rg?=", "Jörg"),
            (b"a =?utf-8?q?b?= c", "a b c"),
            (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
            (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
            (b"=?utf-8?q?=C3?= =?utf-8?q?=B6?=", "ö"),
            (b"=?utf-8?b?w7?= =?utf-8?b?Y=?=", "\u{fffd}"),
            (b"=?utf-8?q?a?= =?iso-8859-1?q?=F6?=", "aö"),
            (b"=?utf-8?q?a?=x=?utf-8?q?b?=", "axb"),
            (b"=?koi8-r?B?8NLJ18XU?=", "Привет"),
            (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
            (b"=?unknown-x?q?a=C3=B6?=", "aö"),
            (b"=?utf-8?q?a=0D=0ABcc:_x?=", "aBcc: x"),
            (b"=?utf-8?q?a=00=1B?=", "a"),
            (b"=?utf-8?q?=ZZ=4?=", "=ZZ=4"),
            (
                b"=?utf-8?x?a?=",
                "=?x?a?=".replace("=?x", "=?utf-8?x").leak(),
            ),
            (b"=?utf-8?q?a", "=?utf-8?q?a"),
            (b"=?utf-8?q?", "=?utf-8?q?"),
            (b"=?", "=?"),
            (b"=??q?a?=", "=??q?a?="),
            (b"J\xc3\xb6rg", "Jörg"),
            (b"J\xf6rg", "Jörg"),
            (b"a\r\n\tb", "a b"),
            (b"\xff\xfe\0", "ÿþ"),
        ];
        for (value, text) in cases {
            assert_eq!(decode(value), *text, "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn bombs_grow_by_a_fixed_factor_only() {
        for bomb in [
            "=?".repeat(30_000),
            "=?a?q?".repeat(10_000),
            "=?utf-8?q?=FF?=".repeat(4_000),
            "=?x?b?/w==?= ".repeat(5_000),
            "\u{1}".repeat(60_000),
        ] {
            assert!(decode(bomb.as_bytes()).len() <= bomb.len() * 4);
        }
        assert!(decode(&[0xff; 60_000]).len() <= 240_000);
    }
}
