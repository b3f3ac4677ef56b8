//! The header block: where it ends, and its fields.
//!
//! Stored mail may hold a bare LF, so reading accepts it. A line that is no field is kept as a
//! field without a name, so that every octet belongs to a field. The block ends at the first empty
//! line and nowhere else; all code that reads a message agrees on that. Nothing here decides
//! limits; `digest::analyse` does. Fields are written by `write::field`.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::charset::Charset;
use super::word;
use crate::pace;

/// The header block of a message or a part.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    block: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Finds the end of the block at the start of `raw`.
    pub fn parse(raw: &'a [u8]) -> Headers<'a> {
        Headers {
            block: raw.get(..block_end(raw)).unwrap_or(raw),
        }
    }

    /// A block whose end is known, or the rest of one behind a field.
    pub(crate) fn of_block(block: &'a [u8]) -> Headers<'a> {
        Headers { block }
    }

    /// Octets of the block with its empty line: the body starts there.
    pub fn body_start(&self) -> usize {
        self.block.len()
    }

    /// The fields in their order; a field with an empty name is a line that is no field.
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            block: self.block,
            at: 0,
        }
    }

    /// The fields whose name begins so, without regard to case. It looks only at the beginnings of
    /// the other lines, so a header of millions of short fields costs little.
    pub(crate) fn beginning<'n>(
        &self,
        name: &'n [u8],
    ) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        let mut fields = self.fields();
        std::iter::from_fn(move || {
            let mut skipped = 0;
            loop {
                let rest = fields
                    .block
                    .get(fields.at..)
                    .filter(|rest| !rest.is_empty())?;
                let head = rest.get(..name.len()).unwrap_or_default();
                if head.eq_ignore_ascii_case(name) {
                    pace::spend(skipped);
                    return fields.next();
                }
                let len = memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
                fields.at += len;
                skipped += len + LINE_WORK;
                if skipped > SKIPPED_WORK {
                    pace::spend(std::mem::take(&mut skipped));
                }
            }
        })
    }

    /// The first field of that name, without regard to case.
    pub fn first(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is(name))
    }

    /// All fields of that name.
    pub(crate) fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Field<'a>> + use<'a, 'n> {
        self.fields().filter(move |field| field.is(name))
    }
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// As written, without the colon; empty for a line that is no field.
    pub name: &'a [u8],
    /// All octets after the colon without the last line end, folds included.
    pub value: &'a [u8],
    /// Offset of the field in the block.
    pub start: usize,
    /// Offset after its last line end.
    pub end: usize,
}

impl<'a> Field<'a> {
    /// Whether it has that name, without regard to case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its octets in the block, line end included.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The value with its folds undone and without outer white space.
    pub(crate) fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }

    /// The value as text: unfolded, encoded words decoded, controls dropped.
    pub fn decoded(&self) -> String {
        word::decode(self.value)
    }

    /// As [`Field::decoded`]; raw octets that are no UTF-8 are of the `fallback`, if there is one.
    pub(crate) fn decoded_with(&self, fallback: Option<Charset>) -> String {
        word::decode_with(self.value, fallback)
    }

    /// The field with [`Field::value_within`] as its value, and its name as far as the bound.
    pub(crate) fn within(mut self, bytes_max: usize) -> Field<'a> {
        self.name = self.name.get(..bytes_max).unwrap_or(self.name);
        self.value = self.value_within(bytes_max);
        self
    }

    /// The value as far as the bound of one field, without the address or the word that the bound
    /// cuts. Of References the end counts: the newest ids stand there.
    pub(crate) fn value_within(&self, bytes_max: usize) -> &'a [u8] {
        let Some(over) = self.value.len().checked_sub(bytes_max).filter(|n| *n > 0) else {
            return self.value;
        };
        if self.is("references") {
            let tail = self.value.get(over..).unwrap_or(b"");
            let cut = memchr::memchr2(b' ', b'\n', tail).unwrap_or(0);
            return tail.get(cut..).unwrap_or(tail);
        }
        let head = self.value.get(..bytes_max).unwrap_or(self.value);
        let near = head.len().saturating_sub(CUT_BACK_MAX);
        let tail = head.get(near..).unwrap_or(b"");
        let cut = memchr::memrchr(b',', tail).or_else(|| memchr::memrchr2(b' ', b'\n', tail));
        cut.and_then(|cut| head.get(..near + cut)).unwrap_or(head)
    }
}

/// Iterator over fields. Each octet is looked at once.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.at;
        let rest = self.block.get(start..)?;
        if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut end = start;
        loop {
            let line = self.block.get(end..).unwrap_or(b"");
            let len = memchr(b'\n', line).map_or(line.len(), |n| n + 1);
            pace::spend(len + LINE_WORK);
            end += len;
            if !matches!(self.block.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        self.at = end;
        let whole = self.block.get(start..end)?;
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line
            .iter()
            .position(|&b| b == b':' || !matches!(b, b'\t' | b' '..=b'~'));
        let (name, value) = match colon.filter(|&n| line.get(n) == Some(&b':')) {
            Some(n) => (line.get(..n)?.trim_ascii_end(), line.get(n + 1..)?),
            None => (&b""[..], line),
        };
        // RFC 5322 section 4.5 allows white space before the colon, but not inside the name.
        if memchr::memchr2(b' ', b'\t', name).is_some() {
            return Some(Field {
                name: b"",
                value: line,
                start,
                end,
            });
        }
        Some(Field {
            name,
            value,
            start,
            end,
        })
    }
}

/// Where the body of a message starts: after the first empty line, or at the end of the message.
pub(crate) fn block_end(raw: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(rest) = raw.get(at..) else {
            return raw.len();
        };
        if rest.starts_with(b"\n") {
            return at + 1;
        }
        if rest.starts_with(b"\r\n") {
            return at + 2;
        }
        match memchr(b'\n', rest) {
            Some(n) => {
                pace::spend(n + LINE_WORK);
                at += n + 1;
            }
            None => return raw.len(),
        }
    }
}

/// A value without line ends and outer white space.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr2(b'\n', b'\r', value).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(
        value
            .iter()
            .copied()
            .filter(|&b| b != b'\r' && b != b'\n')
            .collect(),
    )
}

/// The ids of a References, In-Reply-To or Message-ID value, in order, with brackets. There are at
/// most [`MESSAGE_IDS_MAX`], the last ones, each of at most 998 octets.
///
/// A word with an `@` outside brackets, comments and quotes is an id, as scripts write it. White
/// space directly inside brackets and folds are dropped. Other white space, a control or a second
/// `<` inside ends the id without a result.
pub fn message_ids(value: &[u8]) -> Vec<String> {
    let mut ids = IdScanner::default();
    if memchr::memchr(b'<', value).is_none() && memchr::memmem::find(value, b"=?").is_some() {
        // Some programs encode a long id as if it were text.
        ids.scan(word::decode(value).as_bytes());
    } else {
        ids.scan(value);
    }
    ids.keep_newest();
    ids.found
}

#[derive(Default)]
struct IdScanner {
    found: Vec<String>,
    /// The octets of the id or word so far.
    id: Vec<u8>,
    /// Open comments.
    depth: usize,
    is_quoted: bool,
}

impl IdScanner {
    fn scan(&mut self, value: &[u8]) {
        let mut at = 0;
        while let Some(&b) = value.get(at) {
            at += 1;
            match b {
                b'<' => {
                    self.word();
                    at = self.bracketed(value, at);
                }
                b'(' if self.id.is_empty() => self.depth += 1,
                b')' if self.depth > 0 => self.depth -= 1,
                b'"' if self.id.is_empty() => self.is_quoted = !self.is_quoted,
                b'>' | b',' | b';' => self.word(),
                b if b.is_ascii_whitespace() => self.word(),
                _ if self.depth > 0 || self.is_quoted => {}
                b => self.id.push(b),
            }
        }
        self.word();
    }

    /// From behind `<` to behind its `>`, or to a second `<`. An id that lacks its `>` ends at
    /// white space.
    fn bracketed(&mut self, value: &[u8], start: usize) -> usize {
        let mut at = start;
        let mut is_broken = false;
        let mut has_space = false;
        while let Some(&b) = value.get(at) {
            match b {
                b'>' => {
                    if !is_broken {
                        self.add();
                    }
                    self.id.clear();
                    return at + 1;
                }
                b'<' => break,
                b'\r' | b'\n' => {
                    // The white space after a line end is a part of the fold.
                    let rest = value.get(at..).unwrap_or(b"");
                    at += rest.len() - rest.trim_ascii_start().len();
                    continue;
                }
                b if b.is_ascii_whitespace() => has_space |= !self.id.is_empty(),
                b if b < b' ' || b == 0x7f => is_broken = true,
                _ if has_space => is_broken = true,
                b => self.id.push(b),
            }
            at += 1;
        }
        if !is_broken && at > start {
            self.word();
        }
        self.id.clear();
        at
    }

    /// The end of a word that is no bracketed id.
    fn word(&mut self) {
        let at_sign = memchr::memchr(b'@', &self.id);
        let is_id = at_sign.is_some_and(|at| at > 0 && at + 1 < self.id.len());
        if is_id && !self.id.iter().any(u8::is_ascii_control) {
            self.add();
        }
        self.id.clear();
    }

    fn keep_newest(&mut self) {
        let surplus = self.found.len().saturating_sub(MESSAGE_IDS_MAX);
        self.found.drain(..surplus);
    }

    fn add(&mut self) {
        if !self.id.is_empty() && self.id.len() + 2 <= MESSAGE_ID_MAX {
            let id = String::from_utf8_lossy(&self.id);
            self.found.push(format!("<{id}>"));
            if self.found.len() >= 2 * MESSAGE_IDS_MAX {
                self.keep_newest();
            }
        }
    }
}

/// No line is longer (RFC 5322 section 2.1.1), so no valid id is.
pub const MESSAGE_ID_MAX: usize = 998;
/// Far more than any conversation has. Threading asks for the newest ones.
pub(crate) const MESSAGE_IDS_MAX: usize = 1_000;
/// Octets before the bound of a field in which the end of an address is looked for.
const CUT_BACK_MAX: usize = 4 * 1024;
/// Nanoseconds of a line beside its octets.
const LINE_WORK: usize = 10;
/// Nanoseconds of lines that are passed over between two counts of work.
const SKIPPED_WORK: usize = 20_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn shown(raw: &str) -> Vec<String> {
        let headers = Headers::parse(raw.as_bytes());
        let mut at = 0;
        let fields = headers
            .fields()
            .map(|f| {
                assert_eq!(f.start, at);
                at = f.end;
                format!(
                    "{}={}",
                    String::from_utf8_lossy(f.name),
                    String::from_utf8_lossy(&f.unfolded())
                )
            })
            .collect();
        assert!(headers.body_start() - at <= 2);
        fields
    }

    #[test]
    fn blocks_are_read_to_their_empty_line() {
        let cases: &[(&str, usize, &[&str])] = &[
            ("A: 1\r\nB: 2\r\n\r\nbody", 14, &["A=1", "B=2"]),
            ("A: 1\nB: 2\n\nbody", 11, &["A=1", "B=2"]),
            ("A: 1\r\n 2\r\n\t3\r\n\r\n", 16, &["A=1 2\t3"]),
            ("A: 1\r\n \r\nB: 2\r\n\r\n", 17, &["A=1", "B=2"]),
            (
                "A : 1\r\nno colon\r\nB C: 2\r\n\r\n",
                27,
                &["A=1", "=no colon", "=B C: 2"],
            ),
            ("\r\nbody", 2, &[]),
            ("\nbody", 1, &[]),
            ("A: 1", 4, &["A=1"]),
            ("A: 1\r\n", 6, &["A=1"]),
            ("", 0, &[]),
            (": x\r\n\r\n", 7, &["=x"]),
            ("A:\r\n\r\n", 6, &["A="]),
            (" lead\r\nA: 1\r\n\r\n", 15, &["=lead", "A=1"]),
            ("\u{e9}: 1\r\n\r\n", 9, &["=\u{e9}: 1"]),
        ];
        for (raw, len, fields) in cases {
            assert_eq!(Headers::parse(raw.as_bytes()).body_start(), *len, "{raw:?}");
            assert_eq!(shown(raw), *fields, "{raw:?}");
        }
        let headers = Headers::parse(b"To: a\r\nto: b\r\n\r\n");
        assert_eq!(headers.first("TO").unwrap().value, b" a");
        assert_eq!(headers.all("to").count(), 2);
    }

    #[test]
    fn ids_are_bounded() {
        let ids = |value: &str| message_ids(value.as_bytes()).join(" ");
        assert_eq!(ids("<a@b>\r\n <c@d>"), "<a@b> <c@d>");
        assert_eq!(ids("text <a@b> (c) <d"), "<a@b>");
        assert_eq!(ids("<a b@c> <<x@y> <> <z\0>"), "<x@y>");
        assert_eq!(ids("<a@\r\nb>"), "<a@b>");
        for (value, expected) in [
            // Without brackets.
            ("abc@example.test", "<abc@example.test>"),
            (" abc@example.test ", "<abc@example.test>"),
            ("\r\n abc@x\r\n", "<abc@x>"),
            ("a@b c@d\r\n\te@f", "<a@b> <c@d> <e@f>"),
            ("a@b, c@d", "<a@b> <c@d>"),
            ("<a@b>, c@d;<e@f>", "<a@b> <c@d> <e@f>"),
            ("a@b<c@d>", "<a@b> <c@d>"),
            ("<a@b", "<a@b>"),
            ("a@b>", "<a@b>"),
            ("<a@b <c@d>", "<a@b> <c@d>"),
            // White space inside.
            ("< a@b >", "<a@b>"),
            ("<\ta@b>", "<a@b>"),
            ("<plan-4711@\r\n example.test>", "<plan-4711@example.test>"),
            ("<\r\n\t plan@x\r\n >", "<plan@x>"),
            ("<other@x>\r\n\t<plan@\r\n x>", "<other@x> <plan@x>"),
            ("<a b@c>", ""),
            ("<a@b c>", ""),
            // No ids.
            ("Your message of Monday", ""),
            (
                "Your message of \"Mon, 6 May\" (from ann@x.test) <a@b>",
                "<a@b>",
            ),
            ("\"ann@x.test\" wrote", ""),
            ("@ a@ @b", ""),
            ("abc", ""),
            ("<>", ""),
            ("<abc>", "<abc>"),
            ("(unclosed a@b", ""),
            // An id as an encoded word.
            ("=?utf-8?q?=3Cplan=40x=3E?=", "<plan@x>"),
            ("=?utf-8?q?=3Cpl?=\r\n =?utf-8?q?an=40x=3E?=", "<plan@x>"),
        ] {
            assert_eq!(ids(value), expected, "{value:?}");
        }
        assert_eq!(ids(&format!("<{}>", "x".repeat(1 << 20))), "");
        assert_eq!(
            message_ids("<a@b>".repeat(100_000).as_bytes()).len(),
            MESSAGE_IDS_MAX
        );
    }
}
