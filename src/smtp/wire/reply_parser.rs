//! Replies of another server, strict and bounded: lines to one reply with its code.
//!
//! Not here: what a reply means for a transaction (`client`), and our own replies (`reply`). The
//! rule: a reply that breaks the grammar is a fault of the server, and nothing behind it is read
//! any more. A line has at most 1,000 octets and a reply at most 100 lines, so a server that never
//! ends its reply costs little. Text that is kept is free of control characters: it goes into
//! reports, events and logs.

use crate::call::{REMOTE_TEXT_MAX, RemoteReply};

/// One whole reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerReply {
    /// Three digits; the first is 2 to 5 (RFC 5321 section 4.2).
    pub code: u16,
    /// The enhanced code of the first line that has one of the same class (RFC 2034 section 4).
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of each line without code, enhanced code and control characters. Never empty.
    pub lines: Vec<String>,
}

/// How a reply breaks the grammar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyFault {
    /// A line does not begin with a code, or no blank and no `-` stands behind it.
    NoCode,
    /// The lines of one reply have different codes (RFC 5321 section 4.2.1).
    CodeChanged,
    /// A bare CR or a bare LF (RFC 5321 section 2.3.8).
    LineEnd,
    /// A line of more than [`REPLY_LINE_BYTES_MAX`].
    LineTooLong,
    /// More than [`REPLY_LINES_MAX`] lines.
    TooManyLines,
}

/// What the parser has found in its input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyStep {
    /// The reply is not whole. The octets that were not used come again with more behind them.
    Incomplete,
    /// A reply; what follows belongs to the next one.
    Whole(ServerReply),
    /// No reply of SMTP. The parser gives nothing else from here on.
    Bad(ReplyFault),
}

/// Gathers the lines of one reply after another.
#[derive(Clone, Debug, Default)]
pub struct ReplyParser {
    code: u16,
    enhanced: Option<(u8, u16, u16)>,
    lines: Vec<String>,
    /// Octets of the unread line that have no LF.
    searched: usize,
    fault: Option<ReplyFault>,
}

impl ReplyParser {
    /// Reads up to the end of one reply. Gives the number of octets that were used: whole lines.
    pub fn take(&mut self, input: &[u8]) -> (usize, ReplyStep) {
        let mut used = 0;
        while self.fault.is_none() {
            let rest = input.get(used..).unwrap_or_default();
            let unsearched = rest.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', unsearched) else {
                self.searched = rest.len();
                if rest.len() < REPLY_LINE_BYTES_MAX {
                    return (used, ReplyStep::Incomplete);
                }
                self.fault = Some(ReplyFault::LineTooLong);
                break;
            };
            let end = self.searched + found + 1;
            self.searched = 0;
            used += end;
            match self.line(rest.get(..end).unwrap_or_default()) {
                Ok(false) => {}
                Ok(true) => {
                    let reply = ServerReply {
                        code: self.code,
                        enhanced: self.enhanced.take(),
                        lines: core::mem::take(&mut self.lines),
                    };
                    return (used, ReplyStep::Whole(reply));
                }
                Err(fault) => self.fault = Some(fault),
            }
        }
        let fault = self.fault.unwrap_or(ReplyFault::NoCode);
        (input.len(), ReplyStep::Bad(fault))
    }

    /// Whether lines of an unfinished reply are kept.
    pub fn is_inside(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Takes one line with its LF; whether the reply ends with it.
    fn line(&mut self, line: &[u8]) -> Result<bool, ReplyFault> {
        if line.len() > REPLY_LINE_BYTES_MAX {
            return Err(ReplyFault::LineTooLong);
        }
        let text = line.strip_suffix(b"\r\n").ok_or(ReplyFault::LineEnd)?;
        if text.contains(&b'\r') {
            return Err(ReplyFault::LineEnd);
        }
        let (digits, text) = text.split_at_checked(3).ok_or(ReplyFault::NoCode)?;
        let code = code(digits).ok_or(ReplyFault::NoCode)?;
        // RFC 5321 section 4.2: a line that ends behind its code is the last one, too.
        let (is_last, text) = match text.split_first() {
            None => (true, text),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(ReplyFault::NoCode),
        };
        if !self.lines.is_empty() && code != self.code {
            return Err(ReplyFault::CodeChanged);
        }
        if self.lines.len() >= REPLY_LINES_MAX {
            return Err(ReplyFault::TooManyLines);
        }
        self.code = code;
        let text = clean(text);
        let (word, behind) = text.split_once(' ').unwrap_or((&text, ""));
        let enhanced = enhanced_code(word);
        let text = if enhanced.is_some() { behind } else { &text };
        // RFC 2034 section 4: the classes agree.
        let enhanced = enhanced.filter(|(class, ..)| u16::from(*class) == code / 100);
        self.enhanced = self.enhanced.or(enhanced);
        self.lines.push(text.to_owned());
        Ok(is_last)
    }
}

impl ServerReply {
    /// The first digit of the code.
    pub fn class(&self) -> u16 {
        self.code / 100
    }

    /// 2yz: the command was carried out.
    pub fn is_positive(&self) -> bool {
        self.class() == 2
    }

    /// The reply as it is reported: its lines as one text of bounded length.
    pub fn report(&self) -> RemoteReply {
        let mut text = String::new();
        for line in self.lines.iter().map(|line| line.trim()) {
            if !text.is_empty() && !line.is_empty() {
                text.push(' ');
            }
            text.push_str(line);
            if text.len() > REMOTE_TEXT_MAX {
                break;
            }
        }
        let mut end = text.len().min(REMOTE_TEXT_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        RemoteReply {
            code: self.code,
            enhanced: self.enhanced,
            text,
        }
    }
}

impl ReplyFault {
    /// What is wrong, for reports and the log.
    pub const fn reason(self) -> &'static str {
        match self {
            ReplyFault::NoCode => "a line without a reply code",
            ReplyFault::CodeChanged => "a reply with different codes",
            ReplyFault::LineEnd => "a line that does not end in CRLF",
            ReplyFault::LineTooLong => "a line of more than 1000 octets",
            ReplyFault::TooManyLines => "a reply of more than 100 lines",
        }
    }
}

/// Reads `class.subject.detail` and nothing else (RFC 3463 section 2).
fn enhanced_code(word: &str) -> Option<(u8, u16, u16)> {
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !matches!(class, "2" | "4" | "5") {
        return None;
    }
    Some((class.parse().ok()?, number(subject)?, number(detail)?))
}

/// RFC 5321 section 4.2: `%x32-35 %x30-35 %x30-39`.
fn code(digits: &[u8]) -> Option<u16> {
    match digits {
        [a @ b'2'..=b'5', b @ b'0'..=b'5', c @ b'0'..=b'9'] => {
            let digit = |d: &u8| u16::from(d - b'0');
            Some(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => None,
    }
}

/// RFC 3463 section 2: one to three digits.
fn number(text: &str) -> Option<u16> {
    let fits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// Text that may stand in a report. A reply may have UTF-8 (RFC 6531 section 3.7.4.2).
fn clean(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let is_odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    match text.contains(is_odd) {
        true => text.replace(is_odd, "?"),
        false => text.into_owned(),
    }
}

/// Octets of one line with its CRLF. RFC 5321 section 4.5.3.1.5 has 512; some servers put
/// addresses of web pages into longer ones.
pub const REPLY_LINE_BYTES_MAX: usize = 1000;
/// Lines of one reply. No server has so many extensions.
pub const REPLY_LINES_MAX: usize = 100;

#[cfg(test)]
#[path = "../tests/reply_parser.rs"]
mod tests;
