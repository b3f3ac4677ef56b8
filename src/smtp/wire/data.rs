//! Message octets on their way in: DATA with its dots, BDAT with its counts.
//!
//! Only `CRLF . CRLF` ends DATA (RFC 5321 section 4.1.1.4). A bare CR, a bare LF or a NUL
//! never ends a line or a message. The message is refused then, and behind DATA the connection
//! ends, so that no octet behind it can count as a command. Lines have any length: RFC 5321
//! section 4.5.3.1.6 asks for no limit where one can be avoided, and a sender whose message is
//! refused for a line can do nothing about it. Octets are copied once, from the read buffer into
//! the message, and memory is charged for octets that have come.

use crate::call::{Charge, MemoryShortage};

/// Why a message is refused at its end, in order of weight; the heaviest reason is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DataFault {
    /// The memory for messages is used up, or others needed it more.
    Memory(MemoryShortage),
    /// More octets than a message may have.
    Size,
    /// A bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8).
    Stray,
}

/// A message as far as it has come.
#[derive(Debug)]
pub struct DataBody {
    octets: Vec<u8>,
    charge: Option<Charge>,
    /// Octets that the message may have, dots unstuffed.
    octets_max: usize,
    at: LinePosition,
    /// Octets that came in, kept or not.
    seen: usize,
    /// Milliseconds of the monotonic clock at the last octets.
    now_ms: u64,
    fault: Option<DataFault>,
}

/// The place of the last octet in its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LinePosition {
    /// Behind CRLF, also that of the DATA command.
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
    /// An empty message of at most `octets_max` octets, which `charge` counts.
    pub fn new(octets_max: usize, charge: Charge) -> Self {
        DataBody {
            octets: Vec::new(),
            charge: Some(charge),
            octets_max,
            at: LinePosition::LineStart,
            seen: 0,
            now_ms: 0,
            fault: None,
        }
    }

    /// Takes octets behind DATA. `Some(used)`: the end was among them, and commands follow.
    /// `None`: all octets were used and more must come. `now_ms` is the monotonic clock.
    pub fn unstuff(&mut self, input: &[u8], now_ms: u64) -> Option<usize> {
        self.record(input.len(), now_ms);
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
                    // Not kept: it belongs to the end, or else the message is refused.
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

    /// Takes octets of a BDAT chunk (RFC 3030). Dots have no meaning. Line ends must be CRLF
    /// here too, and the end of a chunk may cut one in two. `now_ms` is the monotonic clock.
    pub fn take(&mut self, input: &[u8], now_ms: u64) {
        self.record(input.len(), now_ms);
        let mut pos = 0;
        while pos < input.len() {
            pos += self.step(input.get(pos..).unwrap_or_default());
        }
        self.keep(input);
        self.seen = self.seen.saturating_add(input.len());
    }

    /// Looks at one octet or at a run of text; returns the number of octets.
    fn step(&mut self, input: &[u8]) -> usize {
        let Some(&byte) = input.first() else { return 0 };
        match (self.at, byte) {
            (LinePosition::Cr, b'\n') => {
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
                let Some(run) = run else { return input.len() };
                match input.get(run..) {
                    // The usual end of a line, in one step.
                    Some([b'\r', b'\n', ..]) => {
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

    /// The last chunk has come. A CR at its end is bare; a last line without CRLF gets one.
    pub fn close(&mut self) {
        match self.at {
            LinePosition::Cr => self.fail(DataFault::Stray),
            LinePosition::Text => self.keep(b"\r\n"),
            LinePosition::LineStart | LinePosition::Dot | LinePosition::DotCr => {}
        }
    }

    /// Notes why the message will be refused, and gives its memory back.
    pub fn fail(&mut self, fault: DataFault) {
        self.fault = self.fault.max(Some(fault));
        self.octets = Vec::new();
        self.charge = None;
    }

    fn record(&mut self, octets: usize, now_ms: u64) {
        self.now_ms = now_ms;
        if let Some(charge) = &mut self.charge {
            charge.record(octets, now_ms);
        }
    }

    /// Whether it holds memory that others may take back.
    pub fn is_held(&self) -> bool {
        self.charge.as_ref().is_some_and(Charge::is_held)
    }

    /// Frees the memory if others have taken it back. `true`: they have, since the last look.
    pub fn look(&mut self) -> bool {
        let taken = self.charge.as_ref().and_then(|c| c.check().err());
        if let Some(shortage) = taken {
            self.fail(DataFault::Memory(shortage));
        }
        taken.is_some()
    }

    /// The message is whole: its memory is its own until it is stored.
    pub fn settle(&mut self) {
        if let Some(Err(shortage)) = self.charge.as_mut().map(Charge::settle) {
            self.fail(DataFault::Memory(shortage));
        }
    }

    /// Why the message will be refused; `None` so far if it will not.
    pub fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// So many more octets are read before the connection is closed. A message that is too
    /// big is read on, so that its sender gets a reply, up to twice the limit.
    pub fn octets_allowed(&self) -> usize {
        self.octets_max
            .saturating_mul(2)
            .saturating_add(PATIENCE_BYTES)
            .saturating_sub(self.seen)
    }

    /// The octets, and the charge that is held until they are stored.
    pub fn into_parts(self) -> (Vec<u8>, Option<Charge>) {
        (self.octets, self.charge)
    }

    fn hold(&mut self, total: usize) -> Result<(), MemoryShortage> {
        let now_ms = self.now_ms;
        self.charge
            .as_mut()
            .map_or(Ok(()), |c| c.hold(total, now_ms))
    }

    fn keep(&mut self, run: &[u8]) {
        if run.is_empty() || self.fault.is_some() {
            return;
        }
        let need = self.octets.len().saturating_add(run.len());
        if need > self.octets_max {
            return self.fail(DataFault::Size);
        }
        let capacity = self.octets.capacity();
        if need > capacity {
            let double = capacity.saturating_mul(2).min(self.octets_max).max(need);
            // Near the end of the budget, twice the size may not fit while the size itself does.
            let held = self.hold(double).map(|()| double);
            match held.or_else(|_| self.hold(need).map(|()| need)) {
                Ok(target) => self.octets.reserve_exact(target - self.octets.len()),
                Err(shortage) => return self.fail(DataFault::Memory(shortage)),
            }
        }
        self.octets.extend_from_slice(run);
    }
}

/// Read beyond twice the size limit, so that a message just over a small limit gets a reply.
const PATIENCE_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[path = "../tests/data.rs"]
mod tests;
