//! mbox: many messages in one file, each behind a line that begins with `From ` (RFC 4155 appendix
//! A).
//!
//! A line of a message that begins like that is quoted. Writers differ, so the caller says how:
//!
//! | format | quoted line | reading |
//! |---|---|---|
//! | mboxrd | `>From `, and one `>` more for a line that is quoted already | one `>` is taken off |
//! | mboxo | `>From `; a line that is quoted already stays | `>From ` becomes `From ` |
//! | mboxcl2 | nothing; `Content-Length` says where the message ends | nothing is taken off |
//!
//! A `Content-Length` counts for mboxcl2 alone: a sender could write one that reaches over the
//! messages behind its own. It is believed where a message or the end of the file follows.
//!
//! The reader takes a file in pieces of any size and gives the same messages. It holds one message
//! of at most `max` octets, and reads on behind a larger one.

use super::marks::{Marks, write_block};
use crate::mail::Headers;
use crate::mail::parse::date;

/// How lines that begin with `From ` are quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MboxFormat {
    /// `>From `, `>>From `, …
    Rd,
    /// `>From ` only.
    O,
    /// By `Content-Length`.
    Cl2,
}

/// What the reader has found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MboxItem {
    /// A message.
    Message(MboxMessage),
    /// A message of more than `max` octets.
    TooBig {
        /// Where its `From ` line begins.
        at: u64,
        /// Octets that it has in the file.
        size: u64,
    },
    /// Octets in front of the first message that are none.
    Stray {
        /// Where they begin.
        at: u64,
        /// How many.
        size: u64,
    },
}

/// A message of an mbox file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MboxMessage {
    /// Where its `From ` line begins.
    pub at: u64,
    /// That line without its end.
    pub from_line: Vec<u8>,
    /// The message, not quoted any more, with the line ends of the file.
    pub octets: Vec<u8>,
}

/// Reads a file in pieces.
#[derive(Debug)]
pub struct MboxReader {
    format: MboxFormat,
    max: usize,
    /// Octets that are not read yet, from `used` on.
    unread: Vec<u8>,
    used: usize,
    /// The place of `unread[used]` in the file.
    at: u64,
    current: Open,
    /// The line that is being read goes on: its beginning was taken.
    is_mid_line: bool,
    /// The line before was empty, or there is none.
    is_after_blank: bool,
    /// Lengths that were wrong. After some, none is believed: each costs a second reading.
    wrong_lengths: u32,
}

/// What is being read.
#[derive(Debug)]
enum Open {
    /// Octets before the first message.
    Before {
        at: u64,
        size: u64,
        is_blank: bool,
    },
    Message(OpenMessage),
}

#[derive(Debug)]
struct OpenMessage {
    at: u64,
    from_line: Vec<u8>,
    octets: Vec<u8>,
    /// Octets in the file; `octets` is empty when there are more than `max`.
    size: u64,
    header: HeaderState,
    last_line: LastLine,
}

/// How far the header of a message is read, for its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HeaderState {
    Open,
    /// The body ends at this length of `octets`; the header ends at the other.
    Length {
        end: usize,
        header: usize,
    },
    Done,
}

/// The line that a message ends with so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LastLine {
    Text,
    /// An empty line of this many octets.
    Blank(usize),
}

impl MboxReader {
    /// A reader of messages of at most `max` octets.
    pub fn new(format: MboxFormat, max: usize) -> MboxReader {
        MboxReader {
            format,
            max,
            unread: Vec::new(),
            used: 0,
            at: 0,
            current: Open::Before {
                at: 0,
                size: 0,
                is_blank: true,
            },
            is_mid_line: false,
            is_after_blank: true,
            wrong_lengths: 0,
        }
    }

    /// Takes the next octets of the file.
    pub fn take(&mut self, octets: &[u8]) {
        self.unread.drain(..self.used);
        self.used = 0;
        self.unread.extend_from_slice(octets);
    }

    /// How far the file is read.
    pub fn place(&self) -> u64 {
        self.at
    }

    /// The next message, if all of it has come. `is_end`: the file has no more octets; then `None`
    /// is the end.
    pub fn next(&mut self, is_end: bool) -> Option<MboxItem> {
        loop {
            let step = match self.counted() {
                Some(left) => self.take_counted(left, is_end),
                None => self.take_line(is_end),
            };
            match step {
                Step::Again => {}
                Step::More => break,
                Step::Found(item) => return Some(item),
            }
        }
        if !is_end || self.used < self.unread.len() {
            return None;
        }
        let at = self.at;
        let before = Open::Before {
            at,
            size: 0,
            is_blank: true,
        };
        item_of(core::mem::replace(&mut self.current, before), self.format)
    }

    /// Octets that the length of the message says are left of it.
    fn counted(&self) -> Option<usize> {
        match &self.current {
            Open::Message(OpenMessage {
                header: HeaderState::Length { end, .. },
                octets,
                ..
            }) => Some(end.saturating_sub(octets.len())),
            _ => None,
        }
    }

    /// Takes octets that a length covers, and sees whether a message follows.
    fn take_counted(&mut self, left: usize, is_end: bool) -> Step {
        let here = self.unread.len() - self.used;
        if left > 0 && here > 0 {
            let n = left.min(here);
            self.consume(n);
            return Step::Again;
        }
        if left > 0 {
            return match is_end {
                true => self.distrust(),
                false => Step::More,
            };
        }
        let rest = self.unread.get(self.used..).unwrap_or_default();
        // The writer ends the last line, and one more where the body had no end of line.
        let ends = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
        let ends = ends.take(4).count();
        let after = rest.get(ends..).unwrap_or_default();
        if !is_end && (ends == rest.len() || (after.len() < LINE_HEAD && !has_line(after))) {
            return Step::More;
        }
        let follows = match is_end && after.is_empty() {
            true => true,
            false => match self.postmark(after, true, is_end) {
                Postmark::More => return Step::More,
                Postmark::Yes(_) => true,
                Postmark::No => false,
            },
        };
        if !follows {
            return self.distrust();
        }
        self.used += ends;
        self.at += ends as u64;
        self.is_mid_line = false;
        self.is_after_blank = true;
        if let Open::Message(message) = &mut self.current {
            message.header = HeaderState::Done;
            message.last_line = LastLine::Text;
        }
        match is_end && self.used == self.unread.len() {
            true => Step::More,
            false => Step::Again,
        }
    }

    /// A length was wrong: the message is read again by its lines, from the end of its header.
    fn distrust(&mut self) -> Step {
        self.wrong_lengths += 1;
        if let Open::Message(message) = &mut self.current
            && let HeaderState::Length { header, .. } = message.header
        {
            let again = message.octets.split_off(header.min(message.octets.len()));
            message.header = HeaderState::Done;
            message.last_line = LastLine::Blank(0);
            message.size = message.size.saturating_sub(again.len() as u64);
            self.at = self.at.saturating_sub(again.len() as u64);
            self.unread.drain(..self.used);
            self.used = 0;
            self.unread.splice(..0, again);
            self.is_mid_line = false;
            self.is_after_blank = true;
        }
        Step::Again
    }

    /// Takes a line, or as much of it as there is.
    fn take_line(&mut self, is_end: bool) -> Step {
        let rest = self.unread.get(self.used..).unwrap_or_default();
        if rest.is_empty() {
            return Step::More;
        }
        let end = memchr::memchr(b'\n', rest).map(|at| at + 1);
        if self.is_mid_line {
            self.is_mid_line = end.is_none();
            let n = end.unwrap_or(rest.len());
            self.consume(n);
            self.is_after_blank = false;
            return Step::Again;
        }
        if end.is_none() && rest.len() < LINE_HEAD && !is_end {
            return Step::More;
        }
        if rest.starts_with(b"From ") {
            match self.postmark(rest, self.is_after_blank, is_end) {
                Postmark::More => return Step::More,
                Postmark::Yes(length) => return self.begin(length),
                Postmark::No => {}
            }
        }
        let n = end.unwrap_or(rest.len());
        let line = rest.get(..n).unwrap_or_default();
        let is_blank = matches!(line, b"\n" | b"\r\n");
        self.is_mid_line = end.is_none();
        self.is_after_blank = is_blank;
        self.consume(n);
        if is_blank {
            self.end_header(n);
        }
        Step::Again
    }

    /// Whether a message begins at a line: it has a time, or the line before is empty and a header
    /// follows. Quoting leaves no other line that begins like this.
    fn postmark(&self, rest: &[u8], is_after_blank: bool, is_end: bool) -> Postmark {
        let head = rest.get(..LINE_HEAD.min(rest.len())).unwrap_or_default();
        if !head.starts_with(b"From ") {
            return match head.len() < 5 && !is_end && b"From ".starts_with(head) {
                true => Postmark::More,
                false => Postmark::No,
            };
        }
        let Some(end) = memchr::memchr(b'\n', head).map(|at| at + 1) else {
            return match rest.len() < LINE_HEAD && !is_end {
                true => Postmark::More,
                // The file ends with this line, or the line is too long.
                false if is_end && rest.len() < LINE_HEAD && has_time(head) => {
                    Postmark::Yes(rest.len())
                }
                false => Postmark::No,
            };
        };
        let line = head.get(..end).unwrap_or_default();
        let next = rest.get(end..).unwrap_or_default();
        let next = next.get(..NEXT_HEAD.min(next.len())).unwrap_or_default();
        if next.len() < NEXT_HEAD && !has_line(next) && !is_end {
            return Postmark::More;
        }
        let (is_timed, is_header) = (has_time(line), begins_header(next));
        match (is_after_blank, is_timed, is_header) {
            (true, true, _) | (true, _, true) | (false, true, true) => Postmark::Yes(end),
            _ => Postmark::No,
        }
    }

    /// Begins the message behind a `From ` line of `length` octets.
    fn begin(&mut self, length: usize) -> Step {
        let line = self.unread.get(self.used..self.used + length);
        let from_line = line.unwrap_or_default().trim_ascii_end().to_vec();
        let message = OpenMessage {
            at: self.at,
            from_line,
            octets: Vec::new(),
            size: 0,
            header: match self.format {
                MboxFormat::Cl2 if self.wrong_lengths < WRONG_LENGTHS_MAX => HeaderState::Open,
                _ => HeaderState::Done,
            },
            last_line: LastLine::Text,
        };
        let whole = core::mem::replace(&mut self.current, Open::Message(message));
        self.used += length;
        self.at += length as u64;
        self.is_after_blank = false;
        item_of(whole, self.format).map_or(Step::Again, Step::Found)
    }

    /// Moves octets from `unread` to what is being read.
    fn consume(&mut self, n: usize) {
        let octets = self.unread.get(self.used..self.used + n);
        let octets = octets.unwrap_or_default();
        match &mut self.current {
            Open::Before { size, is_blank, .. } => {
                *size += n as u64;
                *is_blank &= octets.iter().all(u8::is_ascii_whitespace);
            }
            Open::Message(message) => {
                message.size += n as u64;
                if message.size > self.max as u64 {
                    message.octets = Vec::new();
                } else {
                    message.octets.extend_from_slice(octets);
                }
                message.last_line = match octets {
                    b"\n" | b"\r\n" if !self.is_mid_line => LastLine::Blank(n),
                    _ => LastLine::Text,
                };
            }
        }
        self.used += n;
        self.at += n as u64;
    }

    /// An empty line was read: it ends the header of a message of which the length counts.
    fn end_header(&mut self, _line: usize) {
        let (max, format) = (self.max, self.format);
        if let Open::Message(message) = &mut self.current
            && message.header == HeaderState::Open
        {
            let header = message.octets.len();
            let length = Headers::parse(&message.octets)
                .first("Content-Length")
                .and_then(|field| str::from_utf8(field.value.trim_ascii()).ok()?.parse().ok());
            message.header = match (format, length) {
                (MboxFormat::Cl2, Some(length)) if header.saturating_add(length) <= max => {
                    HeaderState::Length {
                        end: header + length,
                        header,
                    }
                }
                _ => HeaderState::Done,
            };
        }
    }
}

enum Step {
    Again,
    /// There is too little to go on.
    More,
    Found(MboxItem),
}

enum Postmark {
    /// The line has this many octets.
    Yes(usize),
    No,
    More,
}

/// What was read, if it is anything.
fn item_of(open: Open, format: MboxFormat) -> Option<MboxItem> {
    match open {
        Open::Before { size: 0, .. } | Open::Before { is_blank: true, .. } => None,
        Open::Before { at, size, .. } => Some(MboxItem::Stray { at, size }),
        Open::Message(OpenMessage {
            at, size, octets, ..
        }) if octets.len() as u64 != size => Some(MboxItem::TooBig { at, size }),
        Open::Message(mut message) => {
            if let LastLine::Blank(n) = message.last_line {
                let end = message.octets.len().saturating_sub(n);
                message.octets.truncate(end);
            }
            Some(MboxItem::Message(MboxMessage {
                at: message.at,
                from_line: message.from_line,
                octets: unquoted(message.octets, format),
            }))
        }
    }
}

/// Whether the octets have a whole line.
fn has_line(octets: &[u8]) -> bool {
    memchr::memchr(b'\n', octets).is_some()
}

/// Whether a line has a time of day and a year in it.
fn has_time(line: &[u8]) -> bool {
    let mut words = line.split(|b| b.is_ascii_whitespace());
    let is_time = |word: &[u8]| {
        let mut parts = word.split(|b| *b == b':');
        let is_part = |part: Option<&[u8]>| {
            part.is_some_and(|p| (1..=2).contains(&p.len()) && p.iter().all(u8::is_ascii_digit))
        };
        is_part(parts.next()) && is_part(parts.next())
    };
    let is_year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    let (mut time, mut year) = (false, false);
    for word in words.by_ref() {
        time |= is_time(word);
        year |= is_year(word);
    }
    time && year
}

/// Whether a line begins a header: a name and a colon, the empty line of an empty header, or a
/// `From ` line of an older file that is quoted.
fn begins_header(line: &[u8]) -> bool {
    if matches!(line, [b'\n', ..] | [b'\r', b'\n', ..]) || line.starts_with(b">From ") {
        return true;
    }
    let name = line
        .iter()
        .take_while(|b| (b'!'..=b'~').contains(*b) && **b != b':');
    let length = name.count();
    length > 0 && line.get(length) == Some(&b':')
}

/// Takes the quotes off.
fn unquoted(octets: Vec<u8>, format: MboxFormat) -> Vec<u8> {
    let is_quoted = |line: &[u8]| {
        let marks = line.iter().take_while(|b| **b == b'>').count();
        let is_from = line.get(marks..).unwrap_or_default().starts_with(b"From ");
        is_from
            && match format {
                MboxFormat::Rd => marks >= 1,
                MboxFormat::O => marks == 1,
                MboxFormat::Cl2 => false,
            }
    };
    each_line(octets, is_quoted, |out, line| {
        out.extend_from_slice(line.get(1..).unwrap_or_default());
    })
}

/// Puts quotes in front of lines that begin with `From `, with or without quotes: mboxrd.
fn quoted(octets: Vec<u8>) -> Vec<u8> {
    let is_from = |line: &[u8]| {
        let marks = line.iter().take_while(|b| **b == b'>').count();
        line.get(marks..).unwrap_or_default().starts_with(b"From ")
    };
    each_line(octets, is_from, |out, line| {
        out.push(b'>');
        out.extend_from_slice(line);
    })
}

/// The octets with `change` in place of each line for which `is_one`. Without one they are not
/// copied.
fn each_line(
    octets: Vec<u8>,
    is_one: impl Fn(&[u8]) -> bool,
    change: impl Fn(&mut Vec<u8>, &[u8]),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..end).unwrap_or_default();
        if matches!(line.first(), Some(b'>' | b'F')) && is_one(line) {
            out.extend_from_slice(octets.get(copied..at).unwrap_or_default());
            change(&mut out, line);
            copied = at + end;
        }
        at += end;
    }
    if copied == 0 {
        return octets;
    }
    out.extend_from_slice(octets.get(copied..).unwrap_or_default());
    out
}

/// The time of a `From ` line, unix milliseconds. Without a zone it is UTC.
pub fn postmark_time(from_line: &[u8]) -> Option<i64> {
    let rest = from_line.strip_prefix(b"From ")?.trim_ascii();
    let sender = rest.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    let date = date::parse(rest.get(sender..)?)?;
    Some(date.unix_s.saturating_mul(1000))
}

/// Writes a message as mboxrd, behind the fields that hold what the file has no other place for
/// (`marks.rs`), and `place`, where it stood. With `line_feeds` its line ends are those of
/// Unix where that can be undone.
pub fn write(out: &mut Vec<u8>, octets: Vec<u8>, (marks, place): (&Marks, &str), line_feeds: bool) {
    let at = marks.received_at.unwrap_or(0);
    out.extend_from_slice(b"From MAILER-DAEMON ");
    out.extend_from_slice(crate::mail::time::asctime(at).as_bytes());
    out.push(b'\n');
    let length = octets.len();
    let (octets, is_short) = match line_feeds.then(|| without_cr(&octets)).flatten() {
        Some(short) => (short, true),
        None => (octets, false),
    };
    let is_ended = octets.last() == Some(&b'\n');
    write_block(out, marks, place, (length, is_short));
    out.extend_from_slice(&quoted(octets));
    if !is_ended {
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// The octets with LF for CRLF; `None` where a bare LF, or a CR in front of a CRLF, could not be
/// told from these.
fn without_cr(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(octets.len());
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', octets) {
        let before = at.checked_sub(1).filter(|before| *before >= from)?;
        let is_cr = |at: Option<usize>| at.and_then(|at| octets.get(at)) == Some(&b'\r');
        if !is_cr(Some(before)) || is_cr(before.checked_sub(1)) {
            return None;
        }
        out.extend_from_slice(octets.get(from..before)?);
        out.push(b'\n');
        from = at + 1;
    }
    out.extend_from_slice(octets.get(from..)?);
    Some(out)
}

/// Octets of a line that are looked at: a `From ` line is shorter.
const LINE_HEAD: usize = 1024;
/// Octets of the line behind it: a field name is shorter.
const NEXT_HEAD: usize = 256;
/// Wrong lengths of a file after which none is believed.
const WRONG_LENGTHS_MAX: u32 = 16;
