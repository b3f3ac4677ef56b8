//! A request body on its way in: by length or chunked, bounded by its route, charged to the
//! budget that all connections share, and no slower than a kibibyte a second.
//!
//! Memory grows with the octets that have arrived, never with the length that was announced.

use super::chunked::{ChunkError, Chunked};
use super::head::Framing;
use crate::call::{Budget, Charge, Now};
use crate::http::api::codes;
use crate::http::api::problems::Problem;

/// One body, growing.
#[derive(Debug)]
pub(crate) struct BodyReader {
    octets: Vec<u8>,
    charge: Charge,
    coding: Coding,
    max: u64,
    began: Now,
    /// Octets off the wire, framing included.
    received: u64,
}

#[derive(Debug)]
enum Coding {
    Length(u64),
    Chunked(Chunked),
}

/// A whole body. Its charge on the budget ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Whole {
    pub octets: Vec<u8>,
    /// Kept for as long as the values that were read from the body live.
    pub charge: Charge,
}

impl BodyReader {
    /// `max` is the bound of the route; a length over it is refused at once.
    pub fn new(
        framing: Framing,
        max: usize,
        budget: &Budget,
        now: Now,
    ) -> Result<BodyReader, Box<Problem>> {
        let max = max as u64;
        let coding = match framing {
            Framing::None => Coding::Length(0),
            Framing::Length(n) if n > max => return Err(too_long(max)),
            Framing::Length(n) => Coding::Length(n),
            Framing::Chunked => Coding::Chunked(Chunked::new()),
        };
        Ok(BodyReader {
            octets: Vec::new(),
            charge: budget.charge(),
            coding,
            max,
            began: now,
            received: 0,
        })
    }

    /// Takes what belongs to the body from the front of `bytes`; how much that was, and
    /// whether the body is whole.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool), Box<Problem>> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let room = self.max.saturating_sub(self.octets.len() as u64);
            let (used, data, done) = match &mut self.coding {
                Coding::Length(left) => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= n as u64;
                    (n, rest.get(..n).unwrap_or_default(), *left == 0)
                }
                Coding::Chunked(chunked) => match chunked.step(rest, room) {
                    Ok((used, data)) => (used, data, chunked.is_done()),
                    Err(ChunkError::TooLong) => return Err(too_long(self.max)),
                    Err(ChunkError::Syntax) => {
                        return Err(Problem::syntax("The chunked body is malformed."));
                    }
                },
            };
            self.grow(data.len())?;
            self.octets.extend_from_slice(data);
            at += used;
            self.received += used as u64;
            if done || used == 0 || at == bytes.len() {
                return Ok((at, done));
            }
        }
    }

    /// When the peer must have sent more: after 30 s, and a second for each kibibyte so far.
    pub fn deadline(&self) -> Now {
        let earned = self.received.saturating_mul(1000) / BYTES_PER_S;
        self.began.plus_ms(GRACE_MS.saturating_add(earned))
    }

    /// The body, and the charge for it.
    pub fn whole(self) -> Whole {
        Whole {
            octets: self.octets,
            charge: self.charge,
        }
    }

    /// Doubles the buffer up to its bound, so that the charge is the memory that it takes.
    fn grow(&mut self, more: usize) -> Result<(), Box<Problem>> {
        let needed = self.octets.len() + more;
        if needed <= self.octets.capacity() {
            return Ok(());
        }
        let max = usize::try_from(self.max).unwrap_or(usize::MAX);
        let left = match &self.coding {
            Coding::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            Coding::Chunked(_) => max,
        };
        let ceiling = needed.saturating_add(left).min(max).max(needed);
        let capacity = (self.octets.capacity() * 2).clamp(needed, ceiling);
        if !self.charge.hold(capacity) {
            let message = "Too many large requests are under way.";
            return Err(Problem::unavailable(codes::BUSY, message).and_close());
        }
        self.octets.reserve_exact(capacity - self.octets.len());
        Ok(())
    }
}

fn too_long(max: u64) -> Box<Problem> {
    Problem::new(
        codes::BODY_TOO_LARGE,
        format!("The body is longer than the {max} octets that fit here."),
        "Send less, or in parts.",
    )
    .and_close()
}

/// The first half minute of a body needs no progress.
const GRACE_MS: u64 = 30_000;
/// The slowest connection that is served.
const BYTES_PER_S: u64 = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_body_ends_where_it_says() {
        let budget = Budget::new(100);
        let now = Now::default();
        let mut body = BodyReader::new(Framing::Length(5), 10, &budget, now).unwrap();
        assert_eq!(body.take(b"abc").unwrap(), (3, false));
        assert_eq!(body.take(b"deGET").unwrap(), (2, true));
        assert_eq!(body.whole().octets, b"abcde");
        let mut body = BodyReader::new(Framing::Chunked, 10, &budget, now).unwrap();
        assert_eq!(body.take(b"3\r\nabc\r\n0\r\n\r\nGET").unwrap(), (13, true));
        assert!(BodyReader::new(Framing::Length(11), 10, &budget, now).is_err());
    }

    #[test]
    fn memory_is_charged_as_it_grows_and_given_back() {
        let budget = Budget::new(10);
        let now = Now::default();
        let mut body = BodyReader::new(Framing::Length(20), 20, &budget, now).unwrap();
        assert!(body.take(b"0123456789").unwrap().0 == 10);
        assert_eq!(body.take(b"0").unwrap_err().code.status, 503);
        drop(body);
        let mut body = BodyReader::new(Framing::Length(10), 20, &budget, now).unwrap();
        assert!(body.take(b"0123456789").unwrap().1);
    }

    #[test]
    fn a_slow_body_earns_time_by_bytes() {
        let budget = Budget::new(10_000);
        let mut body =
            BodyReader::new(Framing::Length(5000), 5000, &budget, Now::default()).unwrap();
        assert_eq!(body.deadline().mono_ms, 30_000);
        body.take(&[b'x'; 2048]).unwrap();
        assert_eq!(body.deadline().mono_ms, 32_000);
    }
}
