//! Where a response of another server ends: lines, and literals between them.
//!
//! Every octet is looked at once and used at once, so a cut anywhere gives the same responses, and
//! nothing is searched again. A short literal stays where it stands in the text. A long one is kept
//! apart, if the caller awaits a message, or is dropped while it comes. A line over its bound is
//! read to its end and told as cut: no server can make this grow.

/// One response, complete.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpstreamResponse {
    /// Its lines, without the last CRLF, with short literals in place (`{3}`, CRLF, three octets).
    /// A long literal is announced here, and none of its octets follow.
    pub text: Vec<u8>,
    /// The first long literal that was kept.
    pub message: Option<Vec<u8>>,
    /// A long literal was dropped: none was awaited, or it was over its bound.
    pub has_dropped: bool,
    /// The text was over its bound: its end is missing.
    pub is_cut: bool,
}

/// What is read of the response under way.
#[derive(Debug, Default)]
pub struct ResponseReader {
    response: UpstreamResponse,
    /// Where the line under way begins in the text.
    line_start: usize,
    /// The last octets of a line that is cut: a literal may be announced there.
    tail: Vec<u8>,
    literal: LiteralLeft,
}

/// The literal under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum LiteralLeft {
    #[default]
    None,
    /// So many octets are still to come, for the text.
    Inline(u64),
    /// For the message.
    Kept(u64),
    /// It is passed over.
    Dropped(u64),
}

impl ResponseReader {
    /// Takes octets up to the end of a response. Gives how many were used, and the response if it
    /// is complete. `message_max` is how many octets an awaited message may have; 0: none is
    /// awaited.
    pub fn take(&mut self, bytes: &[u8], message_max: u64) -> (usize, Option<UpstreamResponse>) {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if self.literal != LiteralLeft::None {
                used += self.take_literal(rest);
                continue;
            }
            match memchr::memchr(b'\n', rest) {
                None => {
                    self.push_line(rest);
                    used = bytes.len();
                }
                Some(at) => {
                    self.push_line(rest.get(..=at).unwrap_or(rest));
                    used += at + 1;
                    if let Some(response) = self.end_line(message_max) {
                        return (used, Some(response));
                    }
                }
            }
        }
        (used, None)
    }

    /// Octets of the message that have come so far.
    pub fn message_len(&self) -> usize {
        self.response.message.as_ref().map_or(0, Vec::len)
    }

    /// Whether a response has begun and is not complete.
    pub fn is_midway(&self) -> bool {
        !self.response.text.is_empty() || self.response.is_cut
    }

    fn take_literal(&mut self, rest: &[u8]) -> usize {
        let take = |left: u64| rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (len, left) = match self.literal {
            LiteralLeft::None => return 0,
            LiteralLeft::Inline(left) | LiteralLeft::Kept(left) | LiteralLeft::Dropped(left) => {
                (take(left), left)
            }
        };
        let part = rest.get(..len).unwrap_or(rest);
        let left = left.saturating_sub(len as u64);
        self.literal = match self.literal {
            LiteralLeft::Inline(_) => {
                self.response.text.extend_from_slice(part);
                LiteralLeft::Inline(left)
            }
            LiteralLeft::Kept(_) => {
                let message = self.response.message.get_or_insert_default();
                message.extend_from_slice(part);
                LiteralLeft::Kept(left)
            }
            _ => LiteralLeft::Dropped(left),
        };
        if left == 0 {
            self.literal = LiteralLeft::None;
            self.line_start = self.response.text.len();
        }
        len
    }

    fn push_line(&mut self, part: &[u8]) {
        let room = TEXT_MAX.saturating_sub(self.response.text.len());
        let (fits, over) = part.split_at(part.len().min(room));
        self.response.text.extend_from_slice(fits);
        if over.is_empty() {
            return;
        }
        if !self.response.is_cut {
            self.response.is_cut = true;
            let text = &self.response.text;
            let from = text.len().saturating_sub(TAIL_MAX).max(self.line_start);
            self.tail = text.get(from..).unwrap_or_default().to_vec();
        }
        let over = over.get(over.len().saturating_sub(TAIL_MAX)..);
        self.tail.extend_from_slice(over.unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(TAIL_MAX);
        self.tail.drain(..surplus);
    }

    /// A line has ended: the response has, or a literal follows.
    fn end_line(&mut self, message_max: u64) -> Option<UpstreamResponse> {
        let line = match self.response.is_cut {
            true => self.tail.as_slice(),
            false => self
                .response
                .text
                .get(self.line_start..)
                .unwrap_or_default(),
        };
        let end = line.strip_suffix(b"\n").unwrap_or(line);
        let end = end.strip_suffix(b"\r").unwrap_or(end);
        let ending = line.len() - end.len();
        let Some(size) = announced(end) else {
            let mut response = core::mem::take(&mut self.response);
            if !response.is_cut {
                response.text.truncate(response.text.len() - ending);
            }
            *self = ResponseReader::default();
            return Some(response);
        };
        // The grammar reads one form of an announcement: with CRLF behind it.
        if ending == 1 && !self.response.is_cut {
            self.response.text.pop();
            self.response.text.extend_from_slice(b"\r\n");
        }
        self.tail.clear();
        let is_short = size <= INLINE_MAX && !self.response.is_cut;
        let is_first = self.response.message.is_none();
        self.literal = if is_short && self.response.text.len() as u64 + size <= TEXT_MAX as u64 {
            LiteralLeft::Inline(size)
        } else if !is_short && size > INLINE_MAX && size <= message_max && is_first {
            LiteralLeft::Kept(size)
        } else {
            // The grammar takes no octets of a long literal; those of a short one are missing.
            self.response.is_cut |= size <= INLINE_MAX;
            self.response.has_dropped = true;
            LiteralLeft::Dropped(size)
        };
        if size == 0 {
            self.literal = LiteralLeft::None;
        }
        self.line_start = self.response.text.len();
        None
    }
}

/// The size of a literal that a line without its end announces: `{n}`, also `{n+}` and `~{n}`.
fn announced(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit());
    let digits = digits.count();
    let at = inner.len().checked_sub(digits + 1)?;
    if digits == 0 || inner.get(at) != Some(&b'{') {
        return None;
    }
    // A number that does not fit is dropped for longer than any connection lasts.
    let number = inner.get(at + 1..)?.iter().fold(0u64, |n, digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(number)
}

/// Octets of the text of a response. The longest that is used is a list of capabilities, or the
/// flags of a message with many keywords.
pub const TEXT_MAX: usize = 32 * 1024;
/// Octets of a literal that stays in the text: names of mailboxes, strings, small messages.
pub const INLINE_MAX: u64 = 4 * 1024;
/// A literal is announced by at most so many octets at the end of a line.
const TAIL_MAX: usize = 32;
