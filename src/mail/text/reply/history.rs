//! Where quoted history or a forwarded message begins: "On ... wrote:", a block of header lines,
//! and the lines that clients draw.
//!
//! Each question is asked at one line and reads a bounded number of lines around it.

use std::ops::Range;
use std::sync::LazyLock;

use super::words::{self, kind};
use crate::mail::text::stems::Stems;
use crate::mail::unicode::fold;
use crate::pace;

/// The lines of a text, each with what tells in a moment that most of them begin nothing. Behind
/// [`LINES_MAX`] the rest of the text is one line, which begins nothing.
pub(super) struct Lines<'a> {
    text: &'a str,
    lines: Vec<Line>,
}

/// A line, as small as it can be: a text may have one for each octet.
#[derive(Clone, Copy)]
struct Line {
    start: u32,
    len: u32,
    /// Its first and last octet that is no white space; 0 for a blank line.
    first: u8,
    last: u8,
    /// A colon or tab stands where the name of a header line ends.
    has_name: bool,
}

impl Line {
    fn of(start: usize, text: &str) -> Line {
        let bare = text.as_bytes().trim_ascii();
        let head = bare.get(..HEADER_NAME_MAX).unwrap_or(bare);
        Line {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            len: u32::try_from(text.len()).unwrap_or(0),
            first: bare.first().copied().unwrap_or(0),
            last: bare.last().copied().unwrap_or(0),
            has_name: has_name(head),
        }
    }

    /// Whether it may be the last line of "On ... wrote:".
    fn may_attribute<'a>(&self, text: impl Fn() -> &'a str) -> bool {
        match self.last {
            b':' | b'-' => true,
            b'>' => memchr::memchr(b'@', text().as_bytes()).is_some(),
            // Without a colon it has a date.
            b'e' | b'b' => {
                let line = text().trim_end();
                (line.ends_with("wrote") || line.ends_with("schrieb"))
                    && line.bytes().any(|b| b.is_ascii_digit() || b == b'@')
            }
            last if last >= 0x80 => {
                let line = text().trim_end();
                line.ends_with('：') || words::WROTE_AT_END.iter().any(|end| line.ends_with(end))
            }
            _ => false,
        }
    }

    /// Whether it may begin history or a forwarded message.
    fn may_begin<'a>(&self, text: impl Fn() -> &'a str) -> bool {
        self.has_name
            || matches!(self.first, b'>' | b'-' | b'_' | b'=' | 0xE2)
            || self.may_attribute(text)
    }
}

/// Whether the beginning of a line has a colon or tab behind a name, and not the one of an address.
/// Without an early exit the compiler tests many octets at a time.
fn has_name(head: &[u8]) -> bool {
    // The last is the first octet of the wide colon.
    let is_end = |b: &u8| matches!(b, b':' | b'\t' | 0xEF);
    head.iter().fold(false, |found, b| found | is_end(b))
        && (head.iter().position(is_end)).is_some_and(|at| head.get(at + 1) != Some(&b'/'))
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Lines<'a> {
        let count = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let mut lines = Vec::with_capacity(count.min(LINES_MAX));
        let mut start = 0;
        while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
            if lines.len() + 1 == LINES_MAX {
                let mut rest = Line::of(start, rest);
                (rest.first, rest.last, rest.has_name) = (b'.', b'.', false);
                lines.push(rest);
                break;
            }
            let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or("");
            pace::spend(end / 4 + LINE_WORK);
            lines.push(Line::of(start, line.strip_suffix('\r').unwrap_or(line)));
            start += end + 1;
        }
        Lines { text, lines }
    }

    fn text(&self, line: &Line) -> &'a str {
        let start = line.start as usize;
        let text = self.text.get(start..start + line.len as usize);
        text.unwrap_or("")
    }

    pub fn get(&self, at: usize) -> Option<&'a str> {
        self.lines.get(at).map(|line| self.text(line))
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The lines from one on.
    pub fn from(&self, at: usize) -> impl Iterator<Item = &'a str> {
        self.lines.iter().skip(at).map(|line| self.text(line))
    }

    /// The first octet of a line that is no white space; 0 if it is blank.
    pub fn first_octet(&self, at: usize) -> u8 {
        self.lines.get(at).map_or(0, |line| line.first)
    }

    /// Whether a line may begin history, a forwarded message or a signature. Most lines do not.
    pub fn may_begin(&self, at: usize) -> bool {
        (self.lines.get(at)).is_some_and(|line| line.may_begin(|| self.text(line)))
    }

    /// Whether it may be the last line of "On ... wrote:".
    fn may_attribute(&self, at: usize) -> bool {
        (self.lines.get(at)).is_some_and(|line| line.may_attribute(|| self.text(line)))
    }

    /// Whether one of some lines may begin history, a forwarded message or a signature.
    pub fn may_begin_in(&self, range: Range<usize>) -> bool {
        (range.start..range.end.min(self.len())).any(|at| self.may_begin(at))
    }

    /// The place of the first line with text at or behind `at`, if it is near.
    pub fn next_text(&self, at: usize) -> Option<usize> {
        let near = self.lines.iter().skip(at).take(BLANK_LINES_MAX);
        near.enumerate()
            .find(|(_, line)| line.first != 0)
            .map(|(n, _)| at + n)
    }

    /// Whether quoted lines follow a line.
    pub fn is_quoted_below(&self, at: usize) -> bool {
        self.next_text(at + 1)
            .is_some_and(|next| self.first_octet(next) == b'>')
    }
}

/// What the subject says that a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MailKind {
    Reply,
    Forward,
    Unknown,
}

impl MailKind {
    /// By the first prefix of a subject: "Re:", "AW:", "WG:", "转发：".
    pub fn of(subject: &str) -> MailKind {
        MailKind::and_rest(subject).0
    }

    /// The same, with what stands behind that prefix; without one, the whole subject.
    pub fn and_rest(subject: &str) -> (MailKind, &str) {
        let whole = subject;
        let mut subject = subject.trim_start();
        // "[list] Re: x"
        if let Some((_, rest)) = subject.strip_prefix('[').and_then(|s| s.split_once(']')) {
            subject = rest.trim_start();
        }
        let Some((prefix, rest)) = subject.split_once([':', '：']) else {
            return (MailKind::Unknown, whole);
        };
        if prefix.len() > PREFIX_MAX {
            return (MailKind::Unknown, whole);
        }
        // "Re[2]:", "AW (3):"
        let prefix = prefix.split(['[', '(', '^']).next().unwrap_or("").trim();
        let prefix = fold(prefix.trim_end_matches(|c: char| c.is_ascii_digit()));
        if words::REPLY_PREFIXES.contains(&prefix.as_str()) {
            (MailKind::Reply, rest)
        } else if words::FORWARD_PREFIXES.contains(&prefix.as_str()) {
            (MailKind::Forward, rest)
        } else {
            (MailKind::Unknown, whole)
        }
    }
}

/// Whether a forwarded message begins: "---------- Forwarded message ---------", "Begin forwarded
/// message:" with header lines below.
pub(super) fn starts_forward(lines: &Lines<'_>, at: usize) -> bool {
    let line = lines.get(at).map_or("", str::trim);
    if line.len() > RULE_MAX {
        return false;
    }
    let has_dashes = line.starts_with("--") || line.starts_with("——") || line.starts_with("==");
    let has_colon = line.ends_with([':', '：']);
    if !has_dashes && !has_colon {
        return false;
    }
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric());
    let folded = fold(bare);
    if !FORWARD_WORDS.is_in(&folded) {
        return false;
    }
    let is_drawn = has_dashes && line.ends_with(['-', '—', '=', ':']) && bare.chars().count() <= 60;
    is_drawn || (has_colon && has_header_line(lines, at + 1))
}

/// Whether a header line stands among the next lines.
fn has_header_line(lines: &Lines<'_>, from: usize) -> bool {
    let next = lines.from(from).take(BLANK_LINES_MAX).filter(|line| {
        let bare = line.trim_matches(['>', ' ', '\t']);
        !bare.is_empty()
    });
    next.take(2)
        .any(|line| header_kind(line.trim_start_matches(['>', ' '])) != 0)
}

/// Whether history begins: a line such as `-----Original Message-----`, or a block of header lines.
pub(super) fn starts_history(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    let line = lines.get(at).map_or("", str::trim);
    if line.starts_with("--") || line.starts_with("——") {
        return is_original_rule(line);
    }
    let is_ruled = is_rule(line);
    let from = if is_ruled {
        // A line of underscores counts with header lines below it.
        match lines.next_text(at + 1).filter(|next| *next <= at + 3) {
            Some(next) => next,
            None => return false,
        }
    } else {
        at
    };
    let kinds = header_kinds(lines, from);
    if kinds & kind::FROM == 0 {
        return false;
    }
    let n = (kinds & (kind::DATE | kind::TO | kind::SUBJECT)).count_ones();
    let has_address = || lines.from(from).take(4).any(|line| line.contains('@'));
    match mail {
        _ if is_ruled => n >= 1,
        MailKind::Reply | MailKind::Forward => {
            n >= 2 && (kinds & kind::SUBJECT != 0 || has_address())
        }
        // A form that a page sends has such lines too, but not all of them.
        MailKind::Unknown => n == 3,
    }
}

fn is_rule(line: &str) -> bool {
    line.len() >= 10 && line.bytes().all(|b| b == b'_')
}

/// `-----Original Message-----` in one of many languages.
fn is_original_rule(line: &str) -> bool {
    if line.len() > RULE_MAX || !line.ends_with(['-', '—', ':']) {
        return false;
    }
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric());
    if bare.chars().count() > 40 {
        return false;
    }
    let folded = fold(bare);
    ORIGINAL_WORDS.is_in(&folded)
}

/// The kinds of the header lines of a block that begins at a line, as bits; 0 if none begins there.
/// Long lists of recipients go on in the next lines, and pages leave empty lines between.
fn header_kinds(lines: &Lines<'_>, from: usize) -> u8 {
    let mut kinds = lines.get(from).map_or(0, header_kind);
    if kinds == 0 {
        return 0;
    }
    let (mut others, mut is_blank) = (0, false);
    for line in lines.from(from + 1).take(BLOCK_LINES_MAX) {
        if line.trim().is_empty() {
            is_blank = true;
            continue;
        }
        let found = header_kind(line);
        if found == 0 {
            others += 1;
            if is_blank || others > 2 {
                break;
            }
        } else {
            others = 0;
        }
        // A block has each line once.
        if found != kind::OTHER && found != kind::TO && kinds & found != 0 {
            break;
        }
        kinds |= found;
        is_blank = false;
    }
    kinds
}

/// The kind of a header line such as `From: Ann`, `*Von:* Ann`, `发件人：宾`; 0 for other lines.
fn header_kind(line: &str) -> u8 {
    let line = line.trim_start();
    let head = crate::mail::unicode::prefix(line, HEADER_NAME_MAX);
    let Some(end) = head.find([':', '：', '\t']) else {
        return 0;
    };
    let name = head.get(..end).unwrap_or("");
    let name = name.trim_matches(|c: char| c == '*' || c == '|' || c == '_' || c.is_whitespace());
    // No name has a digit or more words.
    let is_other = |b: u8| b.is_ascii_digit() || b == b'/';
    if name.is_empty()
        || name.bytes().any(is_other)
        || name.bytes().filter(|b| *b == b' ').count() > 2
    {
        return 0;
    }
    if name.is_ascii() {
        let named = |all: &&(&str, u8)| all.0.eq_ignore_ascii_case(name);
        let first = name.bytes().next().map_or(0, |b| b.to_ascii_lowercase());
        let names = HEADER_NAMES.get(usize::from(first)).into_iter().flatten();
        return names.clone().find(named).map_or(0, |(_, kind)| *kind);
    }
    let folded = fold(name);
    let first = folded.bytes().next().map_or(0, usize::from);
    let mut names = HEADER_NAMES.get(first).into_iter().flatten();
    names
        .find(|(known, _)| *known == folded)
        .map_or(0, |(_, kind)| *kind)
}

/// How many lines "On ... wrote:" has if it ends at a line. Clients wrap it.
pub(super) fn attribution(lines: &Lines<'_>, at: usize) -> Option<usize> {
    if !lines.may_attribute(at) {
        return None;
    }
    let last = lines.get(at)?.trim();
    let ends_so = last.ends_with([':', '：', '>'])
        || words::WROTE_AT_END.iter().any(|end| last.ends_with(end));
    if !ends_so || last.len() > ATTRIBUTION_MAX {
        return None;
    }
    let is_quoted = lines.is_quoted_below(at);
    if last.ends_with('>') && !is_quoted {
        return None;
    }
    let mut joined = String::new();
    let (mut undated, mut fallback) = (None, None);
    for n in 1..=ATTRIBUTION_LINES_MAX.min(at + 1) {
        let first = lines.get(at + 1 - n)?.trim();
        if first.is_empty()
            || first.starts_with('>')
            || first.len() + joined.len() > ATTRIBUTION_MAX
        {
            break;
        }
        joined = if n == 1 {
            first.to_owned()
        } else {
            format!("{first} {joined}")
        };
        let line = Attribution::read(&joined);
        // Lines above the last one belong to it only if it begins with them.
        if line.is_one(is_quoted) && (n == 1 || line.begins_so || first.contains('@')) {
            if line.has_date {
                return Some(n);
            }
            undated = undated.or(Some(n));
        }
        // "<a@x.test> wrote:" alone, if no line above it has the date.
        if fallback.is_none() && line.says_so && line.has_address {
            fallback = Some(n);
        }
    }
    undated.or(fallback.filter(|_| is_quoted))
}

/// What a line has that may be "On ... wrote:".
struct Attribution {
    folded: String,
    says_so: bool,
    has_address: bool,
    has_date: bool,
    begins_so: bool,
    ends_with_address: bool,
    is_own: bool,
}

impl Attribution {
    fn read(line: &str) -> Attribution {
        let folded = fold(line);
        let mut groups = 0;
        let mut has_year = false;
        let mut digits = 0;
        for c in folded.chars().chain([' ']) {
            if c.is_numeric() {
                digits += 1;
                continue;
            }
            groups += usize::from(digits > 0);
            has_year |= digits == 4;
            digits = 0;
        }
        let first = folded.chars().next();
        let bare = folded.trim_end_matches([':', '：', ' ']);
        Attribution {
            says_so: WROTE.is_in(&folded),
            has_address: folded.contains('@'),
            has_date: groups >= 3 || (has_year && groups >= 2),
            begins_so: first.is_some_and(char::is_numeric) || ON.starts(&folded),
            ends_with_address: bare.ends_with(['>', ')'])
                && bare
                    .rfind(['<', '('])
                    .is_some_and(|open| bare.get(open..).is_some_and(|tail| tail.contains('@'))),
            is_own: OWN_WORDS.is_in(&folded),
            folded,
        }
    }

    /// Whether it is one; `is_quoted` says that lines with quotation marks follow.
    fn is_one(&self, is_quoted: bool) -> bool {
        let ends_with_colon = self.folded.ends_with([':', '：']);
        if is_quoted {
            return (self.says_so && (self.has_date || (self.has_address && self.begins_so)))
                || (self.has_date
                    && self.has_address
                    && (ends_with_colon || self.ends_with_address));
        }
        if self.is_own && !self.has_address {
            return false;
        }
        let is_signed = self.says_so
            && (self.begins_so || self.has_address)
            && (self.has_date || self.has_address);
        is_signed && (self.begins_so || self.has_date)
            || (self.has_date && self.begins_so && ends_with_colon && self.ends_with_address)
    }
}

static WROTE: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::WROTE));
static ON: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::ON));
static OWN_WORDS: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::OWN_WORDS));
static FORWARD_WORDS: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::FORWARD_WORDS));
static ORIGINAL_WORDS: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::ORIGINAL_WORDS));
/// Names of header lines by their first octet.
static HEADER_NAMES: LazyLock<Vec<Vec<(&'static str, u8)>>> = LazyLock::new(|| {
    let mut by_octet = vec![Vec::new(); 256];
    for (kind, names) in words::HEADER_NAMES {
        for name in *names {
            let octet = name.bytes().next().map(usize::from);
            if let Some(slot) = octet.and_then(|octet| by_octet.get_mut(octet)) {
                slot.push((*name, *kind));
            }
        }
    }
    by_octet
});

/// Lines that are looked at, so that what is kept of them stays below 128 KiB. They are 400 KiB of
/// common text, and history begins near the start or the end of what its author wrote.
const LINES_MAX: usize = 6_000;
/// Nanoseconds of a line beside its octets.
const LINE_WORK: usize = 40;
const ATTRIBUTION_LINES_MAX: usize = 4;
/// Octets of "On ... wrote:"; longer text is the author's.
const ATTRIBUTION_MAX: usize = 400;
/// Octets of a line that a client draws.
const RULE_MAX: usize = 160;
/// Octets of the name of a header line.
const HEADER_NAME_MAX: usize = 40;
/// Lines of a block of header lines.
const BLOCK_LINES_MAX: usize = 14;
/// Empty lines that are passed over in search of a line with text.
const BLANK_LINES_MAX: usize = 32;
/// Octets of "Re" and its relatives.
const PREFIX_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_folded() {
        let tables = [
            words::REPLY_PREFIXES,
            words::FORWARD_PREFIXES,
            words::FORWARD_WORDS,
            words::ORIGINAL_WORDS,
            words::WROTE,
            words::ON,
            words::OWN_WORDS,
            words::SENT_FROM,
            words::SENT_FROM_AT_END,
            words::DEVICES,
        ];
        let names = words::HEADER_NAMES.iter().map(|(_, names)| *names);
        for word in tables.into_iter().chain(names).flatten() {
            assert_eq!(fold(word), *word);
        }
    }
}
