//! Reading JSON that this server has written itself: the responses of the API, for tools of MCP.
//!
//! It has no bounds but its depth, since what it reads was bounded when it was written, and it does
//! not look for names that stand twice. What comes from a client goes through `json.rs`. It reads
//! any JSON, also what clients have stored as they wrote it; the octets are passed once.

use std::borrow::Cow;

use super::json::Json;
use super::outgoing_body::LongText;

/// Reads one value; `None` for what is no JSON, or nested too deep. Each of the texts stands for an
/// empty string of the body, in the order of their places.
pub(crate) fn read_own<'a>(body: &'a [u8], texts: &'a [LongText]) -> Option<Json<'a>> {
    let mut reader = OwnReader {
        text: core::str::from_utf8(body).ok()?,
        at: 0,
        texts,
    };
    let value = reader.value(DEPTH_MAX)?;
    reader.skip_space();
    (reader.at == body.len()).then_some(value)
}

struct OwnReader<'a> {
    text: &'a str,
    /// Behind what has been read. It stands between two characters.
    at: usize,
    /// The texts that are still to come.
    texts: &'a [LongText],
}

impl<'a> OwnReader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this octet behind white space; `false` leaves it.
    fn takes(&mut self, octet: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(octet);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        self.skip_space();
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string().map(Json::Text)
            }
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            b'-' | b'0'..=b'9' => {
                let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let rest = self.text.get(self.at..)?;
                let len = rest.bytes().take_while(is_part).count();
                self.at += len;
                rest.get(..len).map(Json::Number)
            }
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Json<'a>> {
        let rest = self.text.get(self.at..)?;
        let words = [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
        ];
        let (word, value) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
        self.at += word.len();
        Some(value)
    }

    fn list(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Some(Json::List(items));
            }
            self.takes(b',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json<'a>> {
        self.at += 1;
        // The outermost one is a resource, of many fields.
        let is_outermost = depth + 1 == DEPTH_MAX;
        let mut fields = Vec::with_capacity(if is_outermost { USUAL_FIELDS } else { 0 });
        if self.takes(b'}') {
            return Some(Json::Object(fields));
        }
        loop {
            self.takes(b'"').then_some(())?;
            let name = self.string()?;
            self.takes(b':').then_some(())?;
            fields.push((name, self.value(depth)?));
            if self.takes(b'}') {
                return Some(Json::Object(fields));
            }
            self.takes(b',').then_some(())?;
        }
    }

    /// The rest of a string, behind its quote.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let mut run = self.run()?;
        if let Some((long, texts)) = self.texts.split_first()
            && long.at == self.at
        {
            run = &long.text;
            self.texts = texts;
        }
        if self.takes_end()? {
            return Some(Cow::Borrowed(run));
        }
        // It goes on to the next quote at least: a long text grows no more than once or twice.
        let rest = self.text.as_bytes().get(self.at..)?;
        let more = memchr::memchr(b'"', rest)?;
        let mut text = String::with_capacity(run.len() + more + 1);
        text.push_str(run);
        loop {
            text.push(self.escaped()?);
            text.push_str(self.run()?);
            if self.takes_end()? {
                return Some(Cow::Owned(text));
            }
        }
    }

    /// The text up to the next quote or backslash.
    fn run(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let len = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
        self.at += len;
        rest.get(..len)
    }

    /// Takes the quote or the backslash; whether it was the quote.
    fn takes_end(&mut self) -> Option<bool> {
        let octet = self.peek()?;
        self.at += 1;
        Some(octet == b'"')
    }

    /// The character of an escape, behind its backslash (RFC 8259 section 7).
    fn escaped(&mut self) -> Option<char> {
        let octet = self.peek()?;
        self.at += 1;
        Some(match octet {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code(),
            _ => return None,
        })
    }

    /// The character of four hexadecimal digits, or of eight in two escapes.
    fn code(&mut self) -> Option<char> {
        let first = self.digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        let is_pair = self.text.get(self.at..)?.starts_with("\\u");
        self.at += 2;
        let second = self.digits().filter(|_| is_pair)?;
        let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)
    }

    fn digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at.checked_add(4)?)?;
        self.at += 4;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    }
}

/// Lists and objects that may stand in each other: a client's own object, which has at most 32 of
/// them, stands in others here.
const DEPTH_MAX: usize = 48;
/// As many fields as a message has.
const USUAL_FIELDS: usize = 48;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::http::wire::json::parse;

    fn read(body: &[u8]) -> Option<Json<'_>> {
        read_own(body, &[])
    }

    fn written(value: &Json<'_>) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_reads_what_the_reader_of_clients_reads() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-1.5e+10",
            r#""""#,
            r#""plain ä 👩""#,
            r#""a\"\\\/\b\f\n\r\tb\u00e4\ud83d\udc69""#,
            "[]",
            "[ ]",
            "{}",
            r#"[1,"a",[null,{}],{"b":[]}]"#,
            "{ \"a\" : 1 ,\n\t\"b\\n\" : { \"c\" : \"d\" } }",
        ] {
            let own = read(text.as_bytes()).unwrap();
            assert_eq!(own, parse(text.as_bytes()).unwrap(), "{text}");
            assert_eq!(read(written(&own).as_bytes()).unwrap(), own, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in [
            "",
            " ",
            "nul",
            "tru",
            "{",
            "[",
            "[1",
            "[1,",
            "[1 2]",
            "{1:2}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":1"#,
            "\"",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u+123\"",
            "\"\\ud83d\"",
            "\"\\ud83d\\u0041\"",
            "\"\\udc69\"",
            "1 2",
            "{}}",
            "x",
            "\"\\u12ä4\"",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"\"\xff\""), None);
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(deep(DEPTH_MAX).as_bytes()).is_some());
        assert_eq!(read(deep(DEPTH_MAX + 1).as_bytes()), None);
        assert_eq!(read(deep(1 << 20).as_bytes()), None);
    }

    #[test]
    fn a_text_beside_the_octets_stands_in_its_place() {
        let long = |at, text: &str| LongText {
            at,
            text: text.to_owned(),
        };
        let texts = [long(6, "a \"quote\"\n"), long(21, ""), long(29, "ä\\")];
        let body = br#"{"a":"","b":"b","c":"","d":[""]}"#;
        let whole = r#"{"a":"a \"quote\"\n","b":"b","c":"","d":["ä\\"]}"#;
        assert_eq!(read_own(body, &texts), read(whole.as_bytes()));
        assert!(read(whole.as_bytes()).is_some());
    }

    /// At every octet at which it may be cut.
    #[test]
    fn a_part_of_an_object_is_none() {
        let text = "{\"a\":[\"b\\u00e4\\\\ä\",-1.5,true],\"c\":{}}";
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert_eq!(read(&text.as_bytes()[..end]), None, "{end}");
        }
    }
}
