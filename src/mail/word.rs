//! RFC 2047: encoded words, read and written.
//!
//! Reading is lenient and never fails: what is no encoded word stays as it is, octets that are no UTF-8 are
//! taken for windows-1252, controls (which an encoded word can smuggle in) are dropped. Neighbouring words
//! of one charset are joined before they are decoded, since many mailers split characters between them.

use memchr::{memchr, memmem};

use super::encode;

/// The text of an unstructured or phrase value: folds undone, words decoded, controls dropped.
/// At most four times as long as the value.
pub fn decode(value: &[u8]) -> String {
    if memmem::find(value, b"=?").is_none() && value.iter().all(|b| (b' '..=b'~').contains(b)) {
        return String::from_utf8_lossy(value).trim().to_owned();
    }
    let mut out = Decoded {
        text: String::with_capacity(value.len()),
        charset: Vec::new(),
        octets: Vec::new(),
    };
    let mut rest = value;
    let mut literal = 0;
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|tail| memmem::find(tail, b"=?")) {
        at += found;
        let Some(word) = rest.get(at..).and_then(Word::parse) else {
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

/// Text for an unstructured or phrase value: itself if it is plain ASCII, else encoded words of at most 75
/// characters with single spaces between them, ready for [`super::header::fold`].
pub fn encode(text: &str) -> String {
    let long = text.split(' ').any(|run| run.len() > PLAIN_RUN_MAX);
    let outer_space = text.starts_with(' ') || text.ends_with(' ');
    if text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && !text.contains("=?")
        && !long
        && !outer_space
    {
        return text.to_owned();
    }
    encode_always(text)
}

/// As [`encode`], but in encoded words even if plain.
pub fn encode_always(text: &str) -> String {
    let plain = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let quoted = plain * 2 > text.len();
    let mut out = String::with_capacity(text.len() * 2 + 16);
    let mut word = String::new();
    let mut octets: Vec<u8> = Vec::new();
    let mut buffer = [0_u8; 4];
    for c in text.chars() {
        let utf8 = c.encode_utf8(&mut buffer).as_bytes();
        if quoted {
            let cost: usize = utf8
                .iter()
                .map(|&b| if is_q_plain(b) || b == b' ' { 1 } else { 3 })
                .sum();
            if word.len() + cost > WORD_TEXT_MAX {
                push_word(&mut out, 'q', &word);
                word.clear();
            }
            for &b in utf8 {
                push_q(&mut word, b);
            }
        } else {
            if octets.len() + utf8.len() > WORD_TEXT_MAX / 4 * 3 {
                push_word(&mut out, 'b', &data_encoding::BASE64.encode(&octets));
                octets.clear();
            }
            octets.extend_from_slice(utf8);
        }
    }
    if quoted && !word.is_empty() {
        push_word(&mut out, 'q', &word);
    }
    if !quoted && !octets.is_empty() {
        push_word(&mut out, 'b', &data_encoding::BASE64.encode(&octets));
    }
    out
}

struct Decoded {
    text: String,
    charset: Vec<u8>,
    octets: Vec<u8>,
}

impl Decoded {
    fn word(&mut self, word: &Word<'_>) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
            self.charset.extend_from_slice(word.charset);
        }
        if word.base64 {
            encode::base64_into(word.text, &mut self.octets);
        } else {
            q_into(word.text, &mut self.octets);
        }
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            let text = encode::charset(Some(&self.charset), &self.octets);
            push_clean(&text, &mut self.text);
        }
        self.octets.clear();
        self.charset.clear();
    }

    fn literal(&mut self, octets: &[u8]) {
        push_clean(&encode::charset(None, octets), &mut self.text);
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

struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// Length of the whole word.
    bytes: usize,
}

impl<'a> Word<'a> {
    /// A word at the start of `bytes`, which begin with `=?`. Looks no further than the third `?`.
    fn parse(bytes: &'a [u8]) -> Option<Word<'a>> {
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
        Some(Word {
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
                text.get(at).and_then(encode::hex),
                text.get(at + 1).and_then(encode::hex),
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

/// What needs no escape in a phrase (RFC 2047 section 5 rule 3), the strictest of the three places.
fn is_q_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'!' | b'*' | b'+' | b'-' | b'/')
}

fn push_q(word: &mut String, b: u8) {
    match b {
        b' ' => word.push('_'),
        b if is_q_plain(b) => word.push(char::from(b)),
        b => {
            word.push('=');
            word.push(encode::upper_hex(b >> 4));
            word.push(encode::upper_hex(b));
        }
    }
}

fn push_word(out: &mut String, encoding: char, text: &str) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str("=?utf-8?");
    out.push(encoding);
    out.push('?');
    out.push_str(text);
    out.push_str("?=");
}

/// A word has 75 characters at most and its line 76 (RFC 2047 section 2); twelve are `=?utf-8?q??=`, the name of
/// the field takes some, and 48 is a multiple of four.
const WORD_TEXT_MAX: usize = 48;
/// Charset names end somewhere; IANA's longest has 45 characters, and a language may follow.
const CHARSET_MAX: usize = 80;
/// A run without a space cannot be folded; beyond this it is encoded, so that lines stay below 998 octets.
const PLAIN_RUN_MAX: usize = 400;

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
    fn what_is_encoded_comes_back() {
        for text in [
            "plain",
            "Jörg",
            "日本語のとても長い件名です。日本語のとても長い件名です。",
            " outer ",
            "=?utf-8?q?x?=",
            "emoji 😀 and more 👩‍👩‍👧 text that is long enough to need a second word in the header field",
        ] {
            let encoded = encode(text);
            assert!(
                encoded.split(' ').all(|w| w.len() <= 75) || encoded == text,
                "{encoded}"
            );
            assert!(encoded.is_ascii());
            assert_eq!(decode(encoded.as_bytes()), text.trim(), "{encoded}");
        }
        let long = "x".repeat(5_000);
        assert!(encode(&long).split(' ').all(|w| w.len() <= 75));
        assert_eq!(decode(encode(&long).as_bytes()), long);
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
