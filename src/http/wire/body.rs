//! A request body on its way in: by length or chunked, bounded by its route, charged to the
//! budget that all connections share, and no slower than a kibibyte a second after 30 seconds.
//!
//! Memory grows with the octets that have arrived, never with the length that was announced.

use super::chunked::{ChunkError, Chunked};
use super::head::Framing;
use crate::call::{ArrivalPace, Charge, LOOK_MS, MemoryShortage, Now};
use crate::http::api::codes;
use crate::http::api::problems::Problem;

/// One body, growing.
#[derive(Debug)]
pub(crate) struct BodyReader {
    octets: Vec<u8>,
    charge: Charge,
    coding: Coding,
    max: u64,
    pace: ArrivalPace,
    /// The time of the last octets, or of the last look.
    now: Now,
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
    /// `max` is the bound of the route; a length over it is refused at once. `charge` counts the
    /// octets.
    pub fn new(
        framing: Framing,
        max: usize,
        charge: Charge,
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
            charge,
            coding,
            max,
            // The framing counts too: the pace is that of the octets off the wire.
            pace: ArrivalPace::begin(now.plus_ms(FREE_MS), BYTES_PER_S, 0),
            now,
        })
    }

    /// Takes what belongs to the body from the front of `bytes`; how much that was, and
    /// whether the body is whole.
    pub fn take(&mut self, now: Now, bytes: &[u8]) -> Result<(usize, bool), Box<Problem>> {
        self.now = now;
        self.charge.check().map_err(no_memory)?;
        let result = self.take_on(bytes);
        if let Ok((used, done)) = &result {
            self.pace.record(now, *used);
            self.charge.record(*used, now.mono_ms);
            if *done {
                self.charge.settle().map_err(no_memory)?;
            }
        }
        result
    }

    fn take_on(&mut self, bytes: &[u8]) -> Result<(usize, bool), Box<Problem>> {
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
            if done || used == 0 || at == bytes.len() {
                return Ok((at, done));
            }
        }
    }

    /// When it must be looked at again: the peer must have sent more by then, or others may have
    /// taken its memory back.
    pub fn deadline(&self) -> Now {
        let mut due_ms = self.pace.due_ms();
        if self.charge.is_held() {
            due_ms = due_ms.min(self.now.mono_ms.saturating_add(LOOK_MS));
        }
        self.now.plus_ms(due_ms.saturating_sub(self.now.mono_ms))
    }

    /// The deadline has come. Errors: the body comes too slowly, or its memory was taken back.
    pub fn look(&mut self, now: Now) -> Result<(), Box<Problem>> {
        self.now = now;
        self.charge.check().map_err(no_memory)?;
        match now.mono_ms >= self.pace.due_ms() {
            true => Err(Problem::timeout("The request body took too long.")),
            false => Ok(()),
        }
    }

    /// Whether others have taken its memory back.
    pub fn is_revoked(&self) -> bool {
        self.charge.is_revoked()
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
        let held = self.charge.hold(capacity, self.now.mono_ms);
        held.map_err(no_memory)?;
        self.octets.reserve_exact(capacity - self.octets.len());
        Ok(())
    }
}

fn no_memory(shortage: MemoryShortage) -> Box<Problem> {
    Problem::unavailable(codes::BUSY, format!("{shortage}.")).and_close()
}

fn too_long(max: u64) -> Box<Problem> {
    Problem::new(
        codes::BODY_TOO_LARGE,
        format!("The body is longer than the {max} octets that fit here."),
        "Send less, or in parts.",
    )
    .and_close()
}

/// The pace begins after so long.
const FREE_MS: u64 = 30_000;
/// The slowest connection that is served.
const BYTES_PER_S: u64 = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::call::{Budget, Holders};

    fn reader(framing: Framing, max: usize, budget: &Budget) -> BodyReader {
        let charge = budget.arrival(Holders::NONE, 0);
        BodyReader::new(framing, max, charge, Now::default()).unwrap()
    }

    #[test]
    fn a_body_ends_where_it_says() {
        let budget = Budget::new("messages", 100, 100);
        let now = Now::default();
        let mut body = reader(Framing::Length(5), 10, &budget);
        assert_eq!(body.take(now, b"abc").unwrap(), (3, false));
        assert_eq!(body.take(now, b"deGET").unwrap(), (2, true));
        assert_eq!(body.whole().octets, b"abcde");
        let mut body = reader(Framing::Chunked, 10, &budget);
        let chunks = b"3\r\nabc\r\n0\r\n\r\nGET";
        assert_eq!(body.take(now, chunks).unwrap(), (13, true));
        let charge = budget.charge(Holders::NONE);
        assert!(BodyReader::new(Framing::Length(11), 10, charge, now).is_err());
    }

    #[test]
    fn memory_is_charged_as_it_grows_and_given_back() {
        let budget = Budget::new("messages", 10, 10);
        let now = Now::default();
        let mut body = reader(Framing::Length(20), 20, &budget);
        assert!(body.take(now, b"0123456789").unwrap().0 == 10);
        assert_eq!(body.take(now, b"0").unwrap_err().code.status, 503);
        drop(body);
        let mut body = reader(Framing::Length(10), 20, &budget);
        assert!(body.take(now, b"0123456789").unwrap().1);
    }

    #[test]
    fn a_slow_body_earns_time_by_bytes() {
        let budget = Budget::new("messages", 10_000, 10_000);
        let mut body = reader(Framing::Length(5000), 5000, &budget);
        assert_eq!(body.deadline().mono_ms, 30_000);
        let now = Now::default().plus_ms(20_000);
        body.take(now, &[b'x'; 2048]).unwrap();
        assert_eq!(body.deadline().mono_ms, 21_000, "it holds memory");
        let at = |ms| Now::default().plus_ms(ms);
        assert!(body.look(at(31_999)).is_ok());
        let problem = body.look(at(32_000)).unwrap_err();
        assert_eq!(problem.code.status, 408);
    }
}
