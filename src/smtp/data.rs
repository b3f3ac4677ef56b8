//! Message octets on their way in: DATA with its dots, BDAT with its counts.
//!
//! Only `CRLF . CRLF` ends DATA (RFC 5321 section 4.1.1.4). A bare CR, a bare LF or a NUL
//! never ends a line and never a message; it makes the message one to refuse, and the server
//! then closes, so that nothing behind it can be taken for commands. Octets are copied once,
//! from the read buffer into the message, and memory is charged as it grows by what arrived.

use crate::call::{Budget, Charge};

/// Why a message that has been read will be refused; the gravest is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// The budget that all messages share is used up.
    Memory,
    /// A line of text is too long.
    Line,
    /// More octets than a message may have.
    Size,
    /// A bare CR, a bare LF or a NUL (RFC 5321 section 2.3.8).
    Stray,
}

/// What bounds a message.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Octets of the message, dots unstuffed.
    pub octets: usize,
    /// Octets of one line without its CRLF.
    pub line: usize,
}

/// A message as far as it has come.
#[derive(Debug)]
pub struct Body {
    octets: Vec<u8>,
    charge: Option<Charge>,
    bound: Bound,
    at: At,
    /// Octets of the current line, its CRLF not counted.
    line: usize,
    /// Octets that came in, kept or not.
    seen: usize,
    fault: Option<Fault>,
}

/// Where in a line the last octet was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
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

impl Body {
    /// An empty message that draws from `budget`.
    pub fn new(bound: Bound, budget: &Budget) -> Self {
        Body {
            octets: Vec::new(),
            charge: Some(budget.charge()),
            bound,
            at: At::LineStart,
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
                At::LineStart if byte == b'.' => {
                    self.keep(input.get(from..pos).unwrap_or_default());
                    pos += 1;
                    from = pos;
                    self.at = At::Dot;
                }
                At::Dot if byte == b'\r' => {
                    // Not kept: either it belongs to the end, or the message is refused.
                    pos += 1;
                    from = pos;
                    self.at = At::DotCr;
                }
                At::DotCr if byte == b'\n' => {
                    self.seen = self.seen.saturating_add(pos + 1);
                    self.at = At::LineStart;
                    return Some(pos + 1);
                }
                At::DotCr => {
                    self.fail(Fault::Stray);
                    self.at = At::Cr;
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
            (At::Cr, b'\n') => {
                self.line = 0;
                self.at = At::LineStart;
                1
            }
            (At::Cr, b'\r') => {
                self.fail(Fault::Stray);
                1
            }
            (At::Cr, _) => {
                self.fail(Fault::Stray);
                self.at = At::Text;
                0
            }
            (At::Text, _) => {
                let run = memchr::memchr3(b'\r', b'\n', 0, input);
                self.line = self.line.saturating_add(run.unwrap_or(input.len()));
                if self.line > self.bound.line {
                    self.fail(Fault::Line);
                }
                let Some(run) = run else { return input.len() };
                match input.get(run..) {
                    // The usual end of a line, in one go.
                    Some([b'\r', b'\n', ..]) => {
                        self.line = 0;
                        self.at = At::LineStart;
                        return run + 2;
                    }
                    Some([b'\r', ..]) => self.at = At::Cr,
                    _ => self.fail(Fault::Stray),
                }
                run + 1
            }
            (At::LineStart, b'\r') => {
                self.at = At::Cr;
                1
            }
            (At::LineStart | At::Dot | At::DotCr, _) => {
                self.at = At::Text;
                0
            }
        }
    }

    /// The chunk that brings the message to its end has come: a CR at the very end is bare,
    /// and a last line without its CRLF gets one.
    pub fn close(&mut self) {
        match self.at {
            At::Cr => self.fail(Fault::Stray),
            At::Text => self.keep(b"\r\n"),
            At::LineStart | At::Dot | At::DotCr => {}
        }
    }

    /// Marks the message as one to refuse and gives its memory back.
    pub fn fail(&mut self, fault: Fault) {
        self.fault = self.fault.max(Some(fault));
        self.octets = Vec::new();
        self.charge = None;
    }

    /// Why it will be refused, if it will.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// How much more will be read before the peer is cut off: a message that is too big is
    /// read to its end so that it can be answered, but not for ever.
    pub fn patience(&self) -> usize {
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
            return self.fail(Fault::Size);
        }
        let capacity = self.octets.capacity();
        if need > capacity {
            let double = capacity.saturating_mul(2).min(self.bound.octets).max(need);
            // Near the end of the budget what is needed now may fit where twice it does not.
            let Some(target) = [double, need].into_iter().find(|n| self.hold(*n)) else {
                return self.fail(Fault::Memory);
            };
            self.octets.reserve_exact(target - self.octets.len());
        }
        self.octets.extend_from_slice(run);
    }
}

/// Read beyond twice the size limit, so that small limits leave room for an answer.
const PATIENCE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn body(octets: usize) -> Body {
        let bound = Bound {
            octets,
            line: 65_536,
        };
        Body::new(bound, &Budget::new(1 << 20))
    }

    /// What came of DATA: the message or its fault, and how much was used.
    fn read(input: &[u8], cut: usize) -> (Result<Vec<u8>, Fault>, Option<usize>) {
        let mut body = body(1 << 16);
        let (a, b) = input.split_at(cut);
        let end = body
            .unstuff(a)
            .or_else(|| body.unstuff(b).map(|used| used + a.len()));
        let got = body.fault().map_or(Ok(body.octets), Err);
        (got, end)
    }

    /// The rule in its plainest form, to compare with: find CRLF.CRLF, look for strays.
    fn model(input: &[u8]) -> (Result<Vec<u8>, Fault>, Option<usize>) {
        let mut text = b"\r\n".to_vec();
        text.extend_from_slice(input);
        let found = text.windows(5).position(|w| w == b"\r\n.\r\n");
        let inside = found.map_or(&text[..], |n| &text[..n + 2]);
        let stray = inside.iter().enumerate().any(|(i, b)| match b {
            0 => true,
            b'\n' => i == 0 || inside[i - 1] != b'\r',
            b'\r' => inside.get(i + 1).map_or(found.is_some(), |n| *n != b'\n'),
            _ => false,
        });
        let mut message = Vec::new();
        let mut i = 2;
        while i < inside.len() {
            let dot = inside[i] == b'.' && inside[..i].ends_with(b"\r\n");
            if !dot {
                message.push(inside[i]);
            }
            i += 1;
        }
        let got = if stray {
            Err(Fault::Stray)
        } else {
            Ok(message)
        };
        (got, found.map(|n| n + 3))
    }

    #[test]
    fn every_sequence_of_cr_lf_nul_dot_ends_only_where_crlf_dot_crlf_stands() {
        const SET: [u8; 4] = *b"\r\n\0.";
        for len in 0..=6u32 {
            for n in 0..4usize.pow(len) {
                let mut odd: Vec<u8> = Vec::new();
                let mut left = n;
                for _ in 0..len {
                    odd.push(SET[left % 4]);
                    left /= 4;
                }
                for (before, behind) in [(&b"a"[..], &b"b\r\n.\r\n"[..]), (b"", b"\r\n.\r\n")] {
                    let input = [before, &odd, behind].concat();
                    let expected = model(&input);
                    for cut in 0..=input.len() {
                        let got = read(&input, cut);
                        assert_eq!(got, expected, "{:?} cut at {cut}", input.escape_ascii());
                    }
                }
            }
        }
    }

    #[test]
    fn dots_are_unstuffed_and_the_rest_is_left() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b".\r\n", b""),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"...a\r\n.\r\n", b"..a\r\n"),
            (b".a\r\n.\r\n", b"a\r\n"),
            (b"a.\r\n.b.\r\n.\r\n", b"a.\r\nb.\r\n"),
            (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
        ];
        for (input, message) in cases {
            let all = [input, b"QUIT\r\n"].concat();
            for cut in 0..all.len() {
                let (got, end) = read(&all, cut);
                assert_eq!(got.unwrap(), message, "{}", input.escape_ascii());
                assert_eq!(end, Some(input.len()));
            }
        }
    }

    #[test]
    fn a_chunk_may_cut_a_line_end_in_two_but_not_leave_it_bare() {
        let whole = b"a\r\n.\r\n..b\r\n";
        for cut in 0..=whole.len() {
            let mut body = body(100);
            body.take(&whole[..cut]);
            body.take(&whole[cut..]);
            body.close();
            assert_eq!((body.fault(), &body.octets[..]), (None, &whole[..]));
        }
        for (input, fault, octets) in [
            (&b"a\r"[..], Some(Fault::Stray), &b""[..]),
            (b"a\nb", Some(Fault::Stray), b""),
            (b"a\rb", Some(Fault::Stray), b""),
            (b"a\0", Some(Fault::Stray), b""),
            (b"a", None, b"a\r\n"),
            (b"", None, b""),
        ] {
            let mut body = body(100);
            body.take(input);
            body.close();
            assert_eq!((body.fault(), &body.octets[..]), (fault, octets));
        }
    }

    #[test]
    fn bounds_hold_and_give_memory_back() {
        let budget = Budget::new(1000);
        let bound = Bound {
            octets: 600,
            line: 50,
        };
        let line = [&[b'x'; 48][..], b"\r\n"].concat();
        let mut a = Body::new(bound, &budget);
        for _ in 0..12 {
            assert_eq!(a.unstuff(&line), None);
        }
        assert_eq!((a.fault(), a.octets.len()), (None, 600));
        let mut b = Body::new(bound, &budget);
        for _ in 0..12 {
            b.take(&line);
        }
        assert_eq!(b.fault(), Some(Fault::Memory));
        assert_eq!(a.unstuff(b"."), None);
        assert_eq!(a.unstuff(b"x"), None);
        assert_eq!(a.fault(), Some(Fault::Size));
        let mut c = Body::new(bound, &budget);
        c.take(&[b'x'; 51]);
        assert_eq!(c.fault(), Some(Fault::Line));
        let mut d = Body::new(bound, &budget);
        for _ in 0..12 {
            d.take(&line);
        }
        assert_eq!(d.fault(), None, "what the others held is free again");
    }
}
