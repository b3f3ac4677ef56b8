//! Message octets on their way in: DATA with its dots, BDAT with its counts.
//!
//! Only `CRLF . CRLF` ends DATA (RFC 5321 section 4.1.1.4). A bare CR, a bare LF or a NUL
//! never ends a line and never a message; it makes the message one to refuse, and the server
//! then closes, so that nothing behind it can be taken for commands. Octets are copied once,
//! from the read buffer into the message, and memory is charged as it grows by what arrived.

use crate::call::{Budget, Charge};

/// Why a message that has been read will be refused; the gravest is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DataFault {
    /// The budget that all messages share is used up.
    Memory,
    /// A line of text is too long.
    ReplyLine,
    /// More octets than a message may have.
    Size,
    /// A bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8).
    Stray,
}

/// What bounds a message.
#[derive(Clone, Copy, Debug)]
pub struct DataBounds {
    /// Octets of the message, dots unstuffed.
    pub octets: usize,
    /// Octets of one line without its CRLF.
    pub line: usize,
}

/// A message as far as it has come.
#[derive(Debug)]
pub struct DataBody {
    octets: Vec<u8>,
    charge: Option<Charge>,
    bound: DataBounds,
    at: LinePosition,
    /// Octets of the current line, its CRLF not counted.
    line: usize,
    /// Octets that came in, kept or not.
    seen: usize,
    fault: Option<DataFault>,
}

/// Where in a line the last octet was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LinePosition {
    /// Behind CRLF, or at the very beginning: the command's own CRLF counts.
    LineStart,
    /// Behind `CRLF .`
    Dot,
    /// Behind `CRLF . CR`
    DotCr,
    /// Inside a line.
    Text,
    /// Behind a CR inside a line.
    Cr,
}

impl DataBody {
    /// An empty message that draws from `budget`.
    pub fn new(bound: DataBounds, budget: &Budget) -> Self {
        DataBody {
            octets: Vec::new(),
            charge: Some(budget.charge()),
            bound,
            at: LinePosition::LineStart,
            line: 0,
            seen: 0,
            fault: None,
        }
    }

    /// Takes octets behind DATA. `Some(used)` when the end was among them: what follows are
    /// commands again. `None`: all were used and more must come.
    pub fn unstuff(&mut self, input: &[u8]) -> Option<usize> {
        let mut from = 0;
        let mut pos = 0;
        while let Some(&byte) = input.get(pos) {
            match self.at {
                LinePosition::LineStart if byte == b'.' => {
                    self.keep(input.get(from..pos).unwrap_or_default());
                    pos += 1;
                    from = pos;
                    self.at = LinePosition::Dot;
                }
                LinePosition::Dot if byte == b'\r' => {
                    // Not kept: either it belongs to the end, or the message is refused.
                    pos += 1;
                    from = pos;
                    self.at = LinePosition::DotCr;
                }
                LinePosition::DotCr if byte == b'\n' => {
                    self.seen = self.seen.saturating_add(pos + 1);
                    self.at = LinePosition::LineStart;
                    return Some(pos + 1);
                }
                LinePosition::DotCr => {
                    self.fail(DataFault::Stray);
                    self.at = LinePosition::Cr;
                }
                _ => pos += self.step(input.get(pos..).unwrap_or_default()),
            }
        }
        self.keep(input.get(from..).unwrap_or_default());
        self.seen = self.seen.saturating_add(input.len());
        None
    }

    /// Takes octets of a BDAT chunk (RFC 3030): dots mean nothing, line ends must be CRLF
    /// all the same, and one may be cut in two by the end of a chunk.
    pub fn take(&mut self, input: &[u8]) {
        let mut pos = 0;
        while pos < input.len() {
            pos += self.step(input.get(pos..).unwrap_or_default());
        }
        self.keep(input);
        self.seen = self.seen.saturating_add(input.len());
    }

    /// Looks at one octet, or at a run of text; returns how many it has looked at.
    fn step(&mut self, input: &[u8]) -> usize {
        let Some(&byte) = input.first() else { return 0 };
        match (self.at, byte) {
            (LinePosition::Cr, b'\n') => {
                self.line = 0;
                self.at = LinePosition::LineStart;
                1
            }
            (LinePosition::Cr, b'\r') => {
                self.fail(DataFault::Stray);
                1
            }
            (LinePosition::Cr, _) => {
                self.fail(DataFault::Stray);
                self.at = LinePosition::Text;
                0
            }
            (LinePosition::Text, _) => {
                let run = memchr::memchr3(b'\r', b'\n', 0, input);
                self.line = self.line.saturating_add(run.unwrap_or(input.len()));
                if self.line > self.bound.line {
                    self.fail(DataFault::ReplyLine);
                }
                let Some(run) = run else { return input.len() };
                match input.get(run..) {
                    // The usual end of a line, in one go.
                    Some([b'\r', b'\n', ..]) => {
                        self.line = 0;
                        self.at = LinePosition::LineStart;
                        return run + 2;
                    }
                    Some([b'\r', ..]) => self.at = LinePosition::Cr,
                    _ => self.fail(DataFault::Stray),
                }
                run + 1
            }
            (LinePosition::LineStart, b'\r') => {
                self.at = LinePosition::Cr;
                1
            }
            (LinePosition::LineStart | LinePosition::Dot | LinePosition::DotCr, _) => {
                self.at = LinePosition::Text;
                0
            }
        }
    }

    /// The chunk that brings the message to its end has come: a CR at the very end is bare,
    /// and a last line without its CRLF gets one.
    pub fn close(&mut self) {
        match self.at {
            LinePosition::Cr => self.fail(DataFault::Stray),
            LinePosition::Text => self.keep(b"\r\n"),
            LinePosition::LineStart | LinePosition::Dot | LinePosition::DotCr => {}
        }
    }

    /// Marks the message as one to refuse and gives its memory back.
    pub fn fail(&mut self, fault: DataFault) {
        self.fault = self.fault.max(Some(fault));
        self.octets = Vec::new();
        self.charge = None;
    }

    /// Why it will be refused, if it will.
    pub fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// How much more will be read before the peer is cut off: a message that is too big is
    /// read to its end so that it can be answered, but not for ever.
    pub fn octets_allowed(&self) -> usize {
        self.bound
            .octets
            .saturating_mul(2)
            .saturating_add(PATIENCE_BYTES)
            .saturating_sub(self.seen)
    }

    /// The octets, and the charge that is held until they are stored.
    pub fn into_parts(self) -> (Vec<u8>, Option<Charge>) {
        (self.octets, self.charge)
    }

    fn hold(&mut self, total: usize) -> bool {
        self.charge.as_mut().is_some_and(|c| c.hold(total))
    }

    fn keep(&mut self, run: &[u8]) {
        if run.is_empty() || self.fault.is_some() {
            return;
        }
        let need = self.octets.len().saturating_add(run.len());
        if need > self.bound.octets {
            return self.fail(DataFault::Size);
        }
        let capacity = self.octets.capacity();
        if need > capacity {
            let double = capacity.saturating_mul(2).min(self.bound.octets).max(need);
            // Near the end of the budget what is needed now may fit where twice it does not.
            let Some(target) = [double, need].into_iter().find(|n| self.hold(*n)) else {
                return self.fail(DataFault::Memory);
            };
            self.octets.reserve_exact(target - self.octets.len());
        }
        self.octets.extend_from_slice(run);
    }
}

/// Read beyond twice the size limit, so that small limits leave room for an answer.
const PATIENCE_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[path = "../tests/data.rs"]
mod tests;
