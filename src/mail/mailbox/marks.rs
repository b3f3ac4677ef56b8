//! What a mailbox knows of a message besides its octets: flags, labels, the time of arrival. And
//! how files of mail hold it in header fields.
//!
//! Other programs put `Status`, `X-Status`, `X-Keywords`, `X-Mozilla-Status` and `X-Gmail-Labels`
//! into the header. These are read, and they stay: they are octets of the file. Our own block
//! stands in front of the header, begins with [`OWN_FIELD`], and is taken off again, so the octets
//! behind it come back as they were.

use crate::call::Flags;
use crate::call::bounds::{KEYWORD_BYTES_MAX, check_keyword};
use crate::mail::Headers;
use crate::mail::parse::date;
use crate::mail::time::{parse_rfc3339, rfc3339};

/// What a mailbox knows of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marks {
    /// Its flags.
    pub flags: Flags,
    /// Its labels: keywords of IMAP.
    pub labels: Vec<String>,
    /// When it arrived, unix milliseconds.
    pub received_at: Option<i64>,
}

impl Default for Marks {
    fn default() -> Self {
        Marks {
            flags: Flags::NONE,
            labels: Vec::new(),
            received_at: None,
        }
    }
}

impl Marks {
    /// Adds a label as a keyword of IMAP: what a keyword cannot have becomes `_`.
    pub fn add_label(&mut self, text: &str) {
        let is_plain = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
        let word: String = text
            .trim()
            .chars()
            .map(|c| if is_plain(c) { c } else { '_' })
            .take(KEYWORD_BYTES_MAX)
            .collect();
        let is_new = !self.labels.iter().any(|l| l.eq_ignore_ascii_case(&word));
        if is_new && self.labels.len() < LABELS_MAX && check_keyword(&word).is_ok() {
            self.labels.push(word);
        }
    }
}

/// Writes our own block in front of a message of `length` octets. `place` is one word, where the
/// message stood. `is_short`: its CRLF are written as LF.
pub fn write_block(
    out: &mut Vec<u8>,
    marks: &Marks,
    place: &str,
    (length, is_short): (usize, bool),
) {
    let at = rfc3339(marks.received_at.unwrap_or(0));
    let ends = if is_short { "; lf" } else { "" };
    let flag = |flag: Flags, letter: &'static str| match marks.flags.has(flag) {
        true => letter,
        false => "",
    };
    let text = format!(
        "{OWN_FIELD} {at}; octets={length}; at={place}{ends}\nStatus: {}O\nX-Status: {}{}{}{}\nX-Keywords: {}\n",
        flag(Flags::SEEN, "R"),
        flag(Flags::ANSWERED, "A"),
        flag(Flags::DELETED, "D"),
        flag(Flags::FLAGGED, "F"),
        flag(Flags::DRAFT, "T"),
        marks.labels.join(" "),
    );
    out.extend_from_slice(text.as_bytes());
}

/// Reads a message out of a file: its octets with CRLF, and its marks. One that has changed
/// since we wrote it is read like that of another program.
pub fn read(octets: Vec<u8>, fallback: Marks) -> (Vec<u8>, Marks) {
    if let Some(own) = own(&octets) {
        return (own.octets, own.marks);
    }
    let marks = of_fields(&octets, fallback);
    (with_crlf(octets), marks)
}

/// A message that we wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnMessage {
    /// Its marks.
    pub marks: Marks,
    /// Its octets, as they were.
    pub octets: Vec<u8>,
    /// Where it stood.
    pub place: String,
}

/// Takes our own block off; `None` where there is none, or not all of the message.
pub fn own(octets: &[u8]) -> Option<OwnMessage> {
    let mut rest = octets;
    let mut line = |name: &str| {
        let (line, after) = rest.split_at(memchr::memchr(b'\n', rest)? + 1);
        let value = str::from_utf8(line).ok()?.strip_prefix(name)?.trim();
        rest = after;
        Some(value)
    };
    let about = line(OWN_FIELD)?;
    let mut marks = Marks::default();
    let (status, state) = (line("Status:")?, line("X-Status:")?);
    take_status(&mut marks, status, state);
    for word in line("X-Keywords:")?.split_ascii_whitespace() {
        marks.add_label(word);
    }
    let mut about = about.split("; ");
    marks.received_at = Some(parse_rfc3339(about.next()?)?);
    let length: usize = about.next()?.strip_prefix("octets=")?.parse().ok()?;
    let place = about.next()?.strip_prefix("at=")?.to_owned();
    let mut body = match about.next() {
        Some("lf") => with_crlf(rest.to_vec()),
        _ => rest.to_vec(),
    };
    // What the file adds behind a message is an end of line.
    let surplus = body.get(length..)?;
    if !surplus.iter().all(|b| matches!(b, b'\r' | b'\n')) {
        return None;
    }
    body.truncate(length);
    Some(OwnMessage {
        marks,
        octets: body,
        place,
    })
}

/// Whether a message is no mail: UW IMAP keeps what it knows of an mbox file in one like this.
pub fn is_folder_data(octets: &[u8]) -> bool {
    let headers = Headers::parse(octets);
    let has = |name: &str| headers.first(name).is_some();
    (has("X-IMAP") || has("X-IMAPbase"))
        && headers
            .first("Subject")
            .is_some_and(|field| field.decoded().ends_with("FOLDER INTERNAL DATA"))
}

fn take_status(marks: &mut Marks, status: &str, state: &str) {
    for (letters, letter, flag) in [
        (status, 'R', Flags::SEEN),
        (state, 'A', Flags::ANSWERED),
        (state, 'D', Flags::DELETED),
        (state, 'F', Flags::FLAGGED),
        (state, 'T', Flags::DRAFT),
    ] {
        if letters.contains(letter) {
            marks.flags = marks.flags.with(flag);
        }
    }
}

/// The marks that other programs have put into the header, with the time of the file, or else of
/// the last server that took the message, or else of its writer.
fn of_fields(octets: &[u8], mut marks: Marks) -> Marks {
    let headers = Headers::parse(octets);
    let text = |name: &str| headers.first(name).map(|field| field.decoded());
    let status = text("Status").unwrap_or_default();
    take_status(&mut marks, &status, &text("X-Status").unwrap_or_default());
    for word in text("X-Keywords")
        .unwrap_or_default()
        .split_ascii_whitespace()
    {
        marks.add_label(word);
    }
    if let Some(bits) =
        text("X-Mozilla-Status").and_then(|t| u16::from_str_radix(t.trim(), 16).ok())
    {
        for (bit, flag) in [
            (1, Flags::SEEN),
            (2, Flags::ANSWERED),
            (4, Flags::FLAGGED),
            (8, Flags::DELETED),
        ] {
            if bits & bit != 0 {
                marks.flags = marks.flags.with(flag);
            }
        }
    }
    if let Some(labels) = text("X-Gmail-Labels") {
        take_gmail(&mut marks, &labels);
    }
    if marks.received_at.is_none() {
        let received = headers.first("Received").and_then(|field| {
            let at = memchr::memrchr(b';', field.value)?;
            date::parse(field.value.get(at + 1..)?)
        });
        let date = || {
            headers
                .first("Date")
                .and_then(|field| date::parse(field.value))
        };
        marks.received_at = (received.or_else(date)).map(|date| date.unix_s.saturating_mul(1000));
    }
    marks
}

/// Labels of Gmail: some of them are flags of IMAP.
fn take_gmail(marks: &mut Marks, labels: &str) {
    let mut is_unread = false;
    for label in labels.split(',') {
        let label = label.trim().trim_matches('"');
        match label.to_ascii_lowercase().as_str() {
            "unread" => is_unread = true,
            "starred" => marks.flags = marks.flags.with(Flags::FLAGGED),
            "drafts" | "draft" => marks.flags = marks.flags.with(Flags::DRAFT),
            "inbox" | "sent" | "opened" | "archived" | "spam" | "trash" | "" => {}
            _ => marks.add_label(label),
        }
    }
    if !is_unread {
        marks.flags = marks.flags.with(Flags::SEEN);
    }
}

/// The octets with CRLF for each bare LF; a bare CR stays. Without a bare LF they are not copied.
pub fn with_crlf(octets: Vec<u8>) -> Vec<u8> {
    let is_bare = |at: usize| at.checked_sub(1).and_then(|b| octets.get(b)) != Some(&b'\r');
    let bare = memchr::memchr_iter(b'\n', &octets)
        .filter(|at| is_bare(*at))
        .count();
    if bare == 0 {
        return octets;
    }
    let mut out = Vec::with_capacity(octets.len() + bare);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', &octets) {
        if is_bare(at) {
            out.extend_from_slice(octets.get(from..at).unwrap_or_default());
            out.push(b'\r');
            from = at;
        }
    }
    out.extend_from_slice(octets.get(from..).unwrap_or_default());
    out
}

/// The field that our own block begins with.
pub const OWN_FIELD: &str = "X-Postern-Received:";
/// Labels of a message that are kept: as many as a server takes that is not configured otherwise.
const LABELS_MAX: usize = 64;
