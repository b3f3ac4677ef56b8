//! Encoded words of header fields, read (RFC 2047).
//!
//! Reading is lenient and never fails. A text that is no encoded word stays as it is. Octets that
//! are no UTF-8 are of the charset that the caller gives, or windows-1252. Controls, which an
//! encoded word can hide, are dropped. Neighbouring words of one charset are joined before they are
//! decoded, because many mailers split characters between words. The inverse is `write::word`.

use memchr::{memchr, memmem};

use super::charset::{self, Charset};
use super::transfer;
use crate::pace;

/// The text of an unstructured or phrase value: folds undone, words decoded, controls dropped. It
/// is at most four times as long as the value.
pub(crate) fn decode(value: &[u8]) -> String {
    decode_with(value, None)
}

/// As [`decode`]; octets outside words that are no UTF-8 are of the `fallback`, if there is one.
pub(crate) fn decode_with(value: &[u8], fallback: Option<Charset>) -> String {
    if memmem::find(value, b"=?").is_none() && value.iter().all(|b| (b' '..=b'~').contains(b)) {
        return String::from_utf8_lossy(value).trim().to_owned();
    }
    pace::spend(value.len().saturating_mul(OCTET_WORK));
    let mut out = DecodedWords {
        text: String::with_capacity(value.len()),
        charset: Vec::new(),
        octets: Vec::new(),
        fallback,
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
    fallback: Option<Charset>,
}

impl DecodedWords {
    fn word(&mut self, word: &EncodedWord<'_>) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush();
            self.charset.extend_from_slice(word.charset);
        } else if !charset::named(Some(word.charset)).is_none_or(Charset::is_split) {
            self.flush_text();
        }
        if word.base64 {
            transfer::base64_into(word.text, &mut self.octets);
        } else {
            q_into(word.text, &mut self.octets);
        }
    }

    fn flush(&mut self) {
        self.flush_text();
        self.charset.clear();
    }

    fn flush_text(&mut self) {
        if !self.octets.is_empty() {
            let text = charset::decode_with(Some(&self.charset), &self.octets, self.fallback);
            push_clean(&text, &mut self.text);
        }
        self.octets.clear();
    }

    fn literal(&mut self, octets: &[u8]) {
        let text = charset::decode_with(None, octets, self.fallback);
        push_clean(&text, &mut self.text);
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

/// One encoded word as it is written.
pub(super) struct EncodedWord<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// Length of the whole word.
    pub bytes: usize,
}

impl<'a> EncodedWord<'a> {
    /// A word at the start of `bytes`, which begin with `=?`. It reads no further than the head of
    /// the next word.
    pub fn parse(bytes: &'a [u8]) -> Option<EncodedWord<'a>> {
        let (charset, base64, head) = read_head(bytes)?;
        let tail = bytes.get(head..)?;
        let text_end = if base64 {
            let end = memchr(b'?', tail)?;
            (tail.get(end + 1) == Some(&b'=')).then_some(end)?
        } else {
            quoted_end(tail)?
        };
        let text = tail.get(..text_end)?;
        // A line end is a fold if white space follows; anything else ends the field.
        let mut line_ends = memchr::memchr_iter(b'\n', text);
        if line_ends.any(|at| !matches!(text.get(at + 1), Some(b' ' | b'\t'))) {
            return None;
        }
        Some(EncodedWord {
            charset,
            base64,
            text,
            bytes: head + text_end + 2,
        })
    }
}

/// `=?charset?B?`: the charset without its language, whether the word is base64, and the length.
fn read_head(bytes: &[u8]) -> Option<(&[u8], bool, usize)> {
    let rest = bytes.strip_prefix(b"=?")?;
    let charset_end = memchr(b'?', rest.get(..rest.len().min(CHARSET_MAX))?)?;
    let charset = rest.get(..charset_end)?;
    // RFC 2231 section 5 allows a language after the charset.
    let charset = charset.split(|&b| b == b'*').next()?.trim_ascii();
    let base64 = match rest.get(charset_end + 1)? {
        b'B' | b'b' => true,
        b'Q' | b'q' => false,
        _ => return None,
    };
    let is_name = !charset.is_empty() && charset.iter().all(u8::is_ascii_graphic);
    let is_head = is_name && rest.get(charset_end + 2) == Some(&b'?');
    is_head.then_some((charset, base64, 2 + charset_end + 3))
}

/// Where the text of a Q word ends. Many mailers leave a `?` in it, so the end is the first `?=`
/// behind which a word can end, or else the first `?=`. A search for a better end than the first
/// one stops at white space and at the head of another word.
fn quoted_end(tail: &[u8]) -> Option<usize> {
    let mut first = None;
    let mut before = 0;
    for at in memchr::memchr_iter(b'?', tail) {
        let since = tail.get(before..at)?;
        if first.is_some() && since.iter().any(u8::is_ascii_whitespace) {
            return first;
        }
        before = at;
        if at > 0 && tail.get(at - 1) == Some(&b'=') && read_head(tail.get(at - 1..)?).is_some() {
            return first;
        }
        if tail.get(at + 1) != Some(&b'=') {
            continue;
        }
        match tail.get(at + 2) {
            None => return Some(at),
            Some(b) if b.is_ascii_whitespace() || b"\"(),:;<>@[\\]".contains(b) => return Some(at),
            Some(b'=') if tail.get(at + 3) == Some(&b'?') => return Some(at),
            Some(_) => first = first.or(Some(at)),
        }
    }
    first
}

fn q_into(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        match b {
            b'_' => out.push(b' '),
            // A fold is the white space that follows its line end.
            b'\r' | b'\n' => {}
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

/// Nanoseconds of an octet that is decoded.
const OCTET_WORK: usize = 8;
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
            // A question mark within a Q word.
            (b"=?UTF-8?Q?Are_you_there?_Caf=C3=A9?=", "Are you there? Café"),
            (b"=?utf-8?Q?Wirklich_f=C3=BCr_dich??=", "Wirklich für dich?"),
            (b"=?utf-8?Q?Wirklich_f=C3=BCr_dich??= Ja", "Wirklich für dich? Ja"),
            (b"=?utf-8?Q?Who?_W=C3=A9?= <w@x>", "Who? Wé <w@x>"),
            (b"(=?utf-8?Q?Who?_W=C3=A9?=)", "(Who? Wé)"),
            (b"\"=?utf-8?Q?Who?_W=C3=A9?=\"", "\"Who? Wé\""),
            (b"=?utf-8?Q?=3D?=", "="),
            (b"=?utf-8?Q??=3F?=", "??"),
            (b"=?utf-8?Q?a?=C3=B6_b?=", "a?ö b"),
            (b"=?utf-8?Q?what?=_=?utf-8?Q?_now?=", "what_ now"),
            (b"=?utf-8?Q?a??==?utf-8?Q?b?=", "a?b"),
            (b"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?_c?=", "ab? c"),
            (b"=?utf-8?Q?a?=x y?=", "ax y?="),
            (b"=?utf-8?Q?why? oh?=", "why? oh"),
            (b"=?utf-8?Q??=", ""),
            (b"=?utf-8?Q?never ends? =?utf-8?Q?b?=", "=?utf-8?Q?never ends? b"),
            (b"=?utf-8?B?SGk??=", "=?utf-8?B?SGk??="),
            // A fold within a word.
            (b"=?utf-8?Q?long\r\n word?=", "long word"),
            (b"=?utf-8?B?SsO2\r\n\tcmc=?=", "Jörg"),
            // Names that only mail uses, and labels that are wrong.
            (b"=?cp932?B?ie+LY4LNi+CXapP6gsWCt4FC?=", "会議は金曜日です。"),
            (b"=?utf-7?Q?Gr+APwA3w-e?= =?utf-7?Q?+APwA?=", "Grüßeü"),
            (b"=?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            (b"=?us-ascii?B?GyRCRnxLXBsoQg==?=", "日本"),
            (
                b"=?ISO-2022-JP?B?GyRCMnE1REZ8RHgkTiQqQ04kaSQ7GyhC?=\r\n =?ISO-2022-JP?B?GyRCQmhGczJzGyhC?=",
                "会議日程のお知らせ第二回",
            ),
            (b"=?gb2312?B?xA==?= =?gb2312?B?47rD?=", "你好"),
            (b"\x1b$B2q5D\x1b(B\x1b$B$O\x1b(B: x", "会議は: x"),
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
