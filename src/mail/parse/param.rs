//! Content-Type and Content-Disposition: a token or two and parameters, with RFC 2231.
//!
//! Continuations (`name*0`, `name*1*`) are joined, as RFC 2231 section 6 asks of IMAP servers.
//! Charset and percent encoding stay in the value of a parameter whose name ends with `*` until
//! [`decoded`] decodes it. At most `Bounds::params` parameters are read, segments counted, and each
//! octet is copied once.

use std::borrow::Cow;

use super::charset::{self, Charset};
use super::{transfer, word};

/// A parsed value: `first/second; params`, or `first; params`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParamValue<'a> {
    /// `text` of `text/plain`, `attachment` of a disposition. As written.
    pub first: &'a [u8],
    /// `plain`; empty if there is no slash.
    pub second: &'a [u8],
    /// In the order of first appearance.
    pub params: Vec<Param<'a>>,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param<'a> {
    /// As written, without the segment number; ends with `*` if the value is RFC 2231 encoded.
    pub name: Cow<'a, [u8]>,
    /// Without quotes.
    pub value: Cow<'a, [u8]>,
}

impl<'a> ParamValue<'a> {
    /// Reads the body of a field, folded or not. It never fails: unreadable parts are left out.
    pub fn parse(body: &'a [u8], params_max: usize) -> ParamValue<'a> {
        let mut scanner = Scanner { bytes: body, at: 0 };
        scanner.space();
        let mut first = scanner.token();
        scanner.space();
        let mut second: &[u8] = b"";
        let mut is_param = false;
        if scanner.peek() == Some(b'=') {
            // The value is missing, and a parameter stands in its place.
            (first, scanner.at, is_param) = (b"", 0, true);
        }
        if scanner.peek() == Some(b'/') {
            scanner.at += 1;
            scanner.space();
            second = scanner.token();
        }
        let mut segments: Vec<Segment<'a>> = Vec::new();
        let mut n = 0;
        while n < params_max && (std::mem::take(&mut is_param) || scanner.next_param()) {
            n += 1;
            if let Some(segment) = scanner.param() {
                segments.push(segment);
            }
        }
        ParamValue {
            first,
            second,
            params: join(segments),
        }
    }

    /// The raw value of a parameter without RFC 2231 encoding; the first one counts.
    pub(crate) fn raw(&self, name: &str) -> Option<&[u8]> {
        self.params
            .iter()
            .find(|p| p.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|p| &*p.value)
    }

    /// The octets of a parameter: the plain form first, then the one of RFC 2231 without its
    /// charset and percent encoding.
    pub(crate) fn octets(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(plain) = self.raw(name) {
            return Some(Cow::Borrowed(plain));
        }
        let mut all = self.params.iter();
        all.find_map(|p| extended_octets(p, name))
    }

    /// As [`octets`](Self::octets); of several the last one counts, in whatever form.
    pub(crate) fn last_octets(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut all = self.params.iter().rev();
        all.find_map(|p| {
            if p.name.eq_ignore_ascii_case(name.as_bytes()) {
                return Some(Cow::Borrowed(&*p.value));
            }
            extended_octets(p, name)
        })
    }

    /// How often a parameter is given, in any form: more than once is ambiguous.
    pub(crate) fn count(&self, name: &str) -> usize {
        let is_it = |p: &&Param<'_>| {
            p.name.eq_ignore_ascii_case(name.as_bytes()) || is_extended(&p.name, name)
        };
        self.params.iter().filter(is_it).count()
    }
}

/// Whether a written name is the RFC 2231 form of `name`.
fn is_extended(written: &[u8], name: &str) -> bool {
    written
        .strip_suffix(b"*")
        .is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
}

/// The octets of a parameter, if it is the RFC 2231 form of `name`.
fn extended_octets<'p>(param: &Param<'_>, name: &str) -> Option<Cow<'p, [u8]>> {
    let is_it = is_extended(&param.name, name);
    is_it.then(|| Cow::Owned(percent_decoded(split_extended(&param.value).1)))
}

/// The text of a parameter from raw pairs, the RFC 2231 form first. Controls are dropped.
pub fn decoded<'p>(
    pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone,
    name: &str,
) -> Option<String> {
    decoded_with(pairs, name, None)
}

/// As [`decoded`]; raw octets that are no UTF-8 are of the `fallback`, if there is one.
pub(crate) fn decoded_with<'p>(
    pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone,
    name: &str,
    fallback: Option<Charset>,
) -> Option<String> {
    if let Some((_, value)) = pairs.clone().find(|(n, _)| is_extended(n, name)) {
        return Some(decode_extended(value, fallback));
    }
    let (_, value) = pairs
        .into_iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
    // The standard forbids encoded words in a parameter, but many mailers write them.
    Some(word::decode_with(value, fallback))
}

/// `charset'language'percent-encoded`.
fn decode_extended(value: &[u8], fallback: Option<Charset>) -> String {
    let (charset, text) = split_extended(value);
    charset::decode_with(charset, &percent_decoded(text), fallback)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// The charset and the text of `charset'language'text`; a value without the quotes is all text.
pub(crate) fn split_extended(value: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut pieces = value.splitn(3, |&b| b == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (Some(charset), text),
        _ => (None, value),
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        at += 1;
        match (
            b,
            text.get(at).and_then(transfer::hex),
            text.get(at + 1).and_then(transfer::hex),
        ) {
            (b'%', Some(high), Some(low)) => {
                octets.push(high << 4 | low);
                at += 2;
            }
            _ => octets.push(b),
        }
    }
    octets
}

struct Segment<'a> {
    /// Without `*`s and number.
    base: &'a [u8],
    number: Option<usize>,
    extended: bool,
    value: Cow<'a, [u8]>,
}

/// Joins numbered segments in order, from 0 up to the first gap. There are at most `params_max` of
/// them.
fn join(segments: Vec<Segment<'_>>) -> Vec<Param<'_>> {
    let mut params = Vec::with_capacity(segments.len());
    for (i, segment) in segments.iter().enumerate() {
        let (extended, value) = match segment.number {
            None => (segment.extended, segment.value.clone()),
            // A second segment 0 of the same name adds nothing; joining once keeps this linear.
            Some(0) if is_first_of(&segments, i, segment.base) => {
                let chain = chain_of(&segments, segment);
                let extended = chain.iter().any(|part| part.extended);
                let mut value = Vec::new();
                for part in chain {
                    append(&mut value, part, extended);
                }
                (extended, Cow::Owned(value))
            }
            Some(_) => continue,
        };
        let mut name = Cow::Borrowed(segment.base);
        if extended {
            name.to_mut().push(b'*');
        }
        params.push(Param { name, value });
    }
    params
}

fn is_first_of(segments: &[Segment<'_>], i: usize, base: &[u8]) -> bool {
    segments
        .iter()
        .position(|s| s.number == Some(0) && s.base.eq_ignore_ascii_case(base))
        == Some(i)
}

/// Segments 0, 1, 2 ... of one parameter, up to the first gap.
fn chain_of<'s, 'a>(segments: &'s [Segment<'a>], start: &'s Segment<'a>) -> Vec<&'s Segment<'a>> {
    let mut chain = vec![start];
    while let Some(next) = segments
        .iter()
        .find(|s| s.number == Some(chain.len()) && s.base.eq_ignore_ascii_case(start.base))
    {
        chain.push(next);
    }
    chain
}

fn append(value: &mut Vec<u8>, part: &Segment<'_>, whole_is_extended: bool) {
    if !whole_is_extended || part.extended {
        value.extend_from_slice(&part.value);
        return;
    }
    if part.number == Some(0) {
        value.extend_from_slice(b"''");
    }
    // A plain segment of an encoded value may hold a literal `%`.
    for &b in part.value.iter() {
        if b == b'%' {
            value.extend_from_slice(b"%25");
        } else {
            value.push(b);
        }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or(b"")
    }

    /// White space and comments.
    fn space(&mut self) {
        let mut depth = 0_usize;
        while let Some(b) = self.peek() {
            match b {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                b'\\' if depth > 0 => self.at += 1,
                _ if depth > 0 || b.is_ascii_whitespace() => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    fn token(&mut self) -> &'a [u8] {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|b| b > b' ' && b != 0x7f && !b"()<>@,;:\\\"/[]?=".contains(&b))
        {
            self.at += 1;
        }
        self.since(start)
    }

    /// Moves past the next `;`.
    fn next_param(&mut self) -> bool {
        while let Some(b) = self.peek() {
            self.at += 1;
            match b {
                b';' => return true,
                b'"' => drop(self.quoted()),
                _ => {}
            }
        }
        false
    }

    fn param(&mut self) -> Option<Segment<'a>> {
        self.space();
        let name = self.token();
        self.space();
        if name.is_empty() || name.len() > NAME_MAX || self.peek() != Some(b'=') {
            return None;
        }
        self.at += 1;
        self.space();
        let value = if self.peek() == Some(b'"') {
            self.at += 1;
            self.quoted()
        } else {
            Cow::Borrowed(self.unquoted())
        };
        let (name, extended) = match name.strip_suffix(b"*") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let numbered = name.iter().rposition(|&b| b == b'*').and_then(|star| {
            let (base, digits) = (name.get(..star)?, name.get(star + 1..)?);
            segment_number(digits).map(|number| (base, number))
        });
        Some(match numbered {
            Some((base, number)) => Segment {
                base,
                number: Some(number),
                extended,
                value,
            },
            None => Segment {
                base: name,
                number: None,
                extended,
                value,
            },
        })
    }

    /// After the opening quote.
    fn quoted(&mut self) -> Cow<'a, [u8]> {
        let start = self.at;
        let end = self
            .bytes
            .get(start..)
            .and_then(|tail| memchr::memchr3(b'"', b'\\', b'\r', tail));
        if let Some(end) = end.map(|n| start + n)
            && self.bytes.get(end) == Some(&b'"')
        {
            self.at = end;
            let whole = self.since(start);
            self.at += 1;
            if !whole.contains(&b'\n') {
                return Cow::Borrowed(whole);
            }
            self.at = start;
        }
        let mut value = Vec::new();
        while let Some(b) = self.peek() {
            self.at += 1;
            match b {
                b'"' => break,
                b'\r' | b'\n' => {}
                // The second octet of a raw character of Shift_JIS or Big5 may be a backslash.
                b'\\'
                    if value.last().is_some_and(|lead| *lead >= 0x80)
                        && !matches!(self.peek(), Some(b'"' | b'\\')) =>
                {
                    value.push(b);
                }
                b'\\' => {
                    value.extend(self.peek());
                    self.at += 1;
                }
                b => value.push(b),
            }
        }
        Cow::Owned(value)
    }

    /// Up to the `;`, spaces included, because unquoted file names have spaces. A comment after a
    /// space ends it.
    fn unquoted(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut before = b'=';
        while let Some(b) = self.peek() {
            if b == b';' || b == b'\r' || b == b'\n' || (b == b'(' && before == b' ') {
                break;
            }
            before = b;
            self.at += 1;
        }
        self.since(start).trim_ascii_end()
    }
}

/// RFC 2231 section 3: digits without leading zeros.
fn segment_number(digits: &[u8]) -> Option<usize> {
    let plain = !digits.is_empty() && digits.len() <= 4 && digits.iter().all(u8::is_ascii_digit);
    if !plain || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    Some(digits.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0')))
}

/// Longer than any registered parameter. It bounds the comparison of names.
const NAME_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn shown(body: &str) -> String {
        let value = ParamValue::parse(body.as_bytes(), 64);
        let mut text = format!(
            "{}/{}",
            String::from_utf8_lossy(value.first),
            String::from_utf8_lossy(value.second)
        );
        for p in &value.params {
            text += &format!(
                "; {}={}",
                String::from_utf8_lossy(&p.name),
                String::from_utf8_lossy(&p.value)
            );
        }
        text
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        for (body, expected) in [
            ("text/plain", "text/plain"),
            (
                " TEXT / Plain ; charset = utf-8 ",
                "TEXT/Plain; charset=utf-8",
            ),
            ("text/plain; charset=\"utf-8\"", "text/plain; charset=utf-8"),
            (
                "text/plain;\r\n\tcharset=utf-8;\r\n format=flowed",
                "text/plain; charset=utf-8; format=flowed",
            ),
            (
                "text/plain (comment); charset=us-ascii (Plain text)",
                "text/plain; charset=us-ascii",
            ),
            (
                "multipart/mixed; boundary=\"a;b\\\"c\"",
                "multipart/mixed; boundary=a;b\"c",
            ),
            (
                "multipart/mixed; boundary==_a=b",
                "multipart/mixed; boundary==_a=b",
            ),
            ("a/b; name=my file.pdf; x=y", "a/b; name=my file.pdf; x=y"),
            ("a/b; name=\"unclosed", "a/b; name=unclosed"),
            ("a/b; name=\"fold\r\n ed\"", "a/b; name=fold ed"),
            ("attachment; filename=x", "attachment/; filename=x"),
            ("text", "text/"),
            ("", "/"),
            (";;;", "/"),
            ("a/b; ; =x; y; z=1", "a/b; z=1"),
            ("a/b; x*0=1; x*1=2", "a/b; x=12"),
            ("a/b; x*1=2; x*0=1", "a/b; x=12"),
            ("a/b; x*0=1; x*2=3", "a/b; x=1"),
            (
                "a/b; x*0*=utf-8''a%20; x*1=b%c; x*2*=%41",
                "a/b; x*=utf-8''a%20b%25c%41",
            ),
            ("a/b; x*=utf-8''%41", "a/b; x*=utf-8''%41"),
            ("a/b; x*00=1", "a/b; x*00=1"),
            ("charset=koi8-r; x=1", "/; charset=koi8-r; x=1"),
            (" name = \"x.pdf\"", "/; name=x.pdf"),
            ("; name=\"x.zip\"", "/; name=x.zip"),
            ("application; name=x", "application/; name=x"),
            ("/pdf; name=x", "/pdf; name=x"),
        ] {
            assert_eq!(shown(body), expected, "{body:?}");
        }
    }

    #[test]
    fn file_names_are_decoded() {
        for (body, expected) in [
            ("a; filename=\"x.pdf\"", Some("x.pdf")),
            (
                "a; filename*=utf-8''J%C3%B6rg.pdf; filename=J.pdf",
                Some("Jörg.pdf"),
            ),
            (
                "a; filename*0*=iso-8859-1'de'J%F6; filename*1=rg.pdf",
                Some("Jörg.pdf"),
            ),
            (
                "a; filename=\"=?utf-8?q?J=C3=B6rg.pdf?=\"",
                Some("Jörg.pdf"),
            ),
            ("a; filename*=J%C3%B6rg", Some("Jörg")),
            ("a; filename*=utf-8''a%0d%0ab%00", Some("ab")),
            ("a; name=x", None),
            (
                "a; filename=\"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\r\n =?ISO-2022-JP?B?GyRCJE8bKEIucGRm?=\"",
                Some("会議は.pdf"),
            ),
            (
                "a; filename=\"=?utf-8?Q?Who?_W=C3=A9.pdf?=\"",
                Some("Who? Wé.pdf"),
            ),
            ("a; filename*=cp932''%89%EF%8Bc.pdf", Some("会議.pdf")),
            ("a; filename*=iso-8859-1''J%C3%B6rg.pdf", Some("Jörg.pdf")),
        ] {
            let value = ParamValue::parse(body.as_bytes(), 64);
            let pairs = value.params.iter().map(|p| (&*p.name, &*p.value));
            assert_eq!(decoded(pairs, "filename").as_deref(), expected, "{body:?}");
        }
    }

    #[test]
    fn octets_are_read_in_every_form() {
        for (body, expected, count) in [
            ("m/m; boundary=a", Some("a"), 1),
            ("m/m; boundary*=us-ascii'en'%3D_b", Some("=_b"), 1),
            ("m/m; boundary*=''b", Some("b"), 1),
            ("m/m; boundary*=b", Some("b"), 1),
            ("m/m; boundary*0=\"ab\"; boundary*1=cd", Some("abcd"), 1),
            (
                "m/m; boundary*0*=us-ascii''a%2B; boundary*1=\"%20d\"",
                Some("a+%20d"),
                1,
            ),
            ("m/m; boundary=a; boundary*=''b", Some("a"), 2),
            ("m/m; x=a", None, 0),
        ] {
            let value = ParamValue::parse(body.as_bytes(), 64);
            let octets = value.octets("boundary");
            let text = octets.as_deref().map(String::from_utf8_lossy);
            assert_eq!(text.as_deref(), expected, "{body}");
            assert_eq!(value.count("boundary"), count, "{body}");
        }
    }

    #[test]
    fn floods_of_parameters_stop_at_the_bound() {
        let mut body = String::from("a/b");
        for n in 0..100_000 {
            body += &format!("; name*{n}=x");
        }
        let value = ParamValue::parse(body.as_bytes(), 64);
        assert_eq!(value.params.len(), 1);
        assert_eq!(value.raw("name").unwrap().len(), 64);
    }
}
