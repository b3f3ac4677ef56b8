//! Sequence sets (RFC 3501 section 9): `1`, `2:4`, `5:*`, with commas between.
//!
//! Not their meaning for a client: `view` turns sequence numbers into UIDs.

use super::lexer::Lexer;
use super::syntax::{Parsed, SyntaxError};
use crate::call::UidSet;

/// A sequence set, merged while it is read. A client that joins every number of a mailbox with
/// commas costs a few ranges. A set in which no two numbers follow each other costs about what its
/// line costs. The bound of the line is the only bound.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SequenceSet {
    /// The ranges without `*`, ascending and apart.
    ranges: Vec<(u32, u32)>,
    /// The smallest and the largest number beside `*` (`9:*`); `None` without `*`. All ranges with
    /// `*` meet in the largest message, so together they are one range.
    star: Option<(u32, u32)>,
    /// The largest number of all.
    largest_named: u32,
}

impl SequenceSet {
    pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        let mut set = SequenceSet::default();
        // Unsorted ranges behind the sorted ones are sorted in when they are as many again.
        let mut sorted = 0;
        loop {
            let low = sequence_number(lexer)?;
            let high = if lexer.eat(b':') {
                sequence_number(lexer)?
            } else {
                low
            };
            set.largest_named = set.largest_named.max(low).max(high);
            match (low.min(high), low.max(high)) {
                (STAR, STAR) => set.star = set.star.or(Some((u32::MAX, 0))),
                (STAR, n) => {
                    let (least, most) = set.star.unwrap_or((n, n));
                    set.star = Some((least.min(n), most.max(n)));
                }
                (low, high) => match set.ranges.last_mut() {
                    Some(last) if low >= last.0 && low <= last.1.saturating_add(1) => {
                        last.1 = last.1.max(high);
                    }
                    _ => set.ranges.push((low, high)),
                },
            }
            if set.ranges.len() >= sorted * 2 + UNSORTED_RANGES {
                set.merge();
                sorted = set.ranges.len();
            }
            if !lexer.eat(b',') {
                set.merge();
                return Ok(set);
            }
        }
    }

    /// Puts the ranges in order and joins those that meet.
    fn merge(&mut self) {
        let is_ordered = |pair: &[(u32, u32)]| match pair {
            [a, b] => a.1.saturating_add(1) < b.0,
            _ => true,
        };
        if self.ranges.windows(2).all(is_ordered) {
            return;
        }
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, last| {
            let meet = next.0 <= last.1.saturating_add(1);
            if meet {
                last.1 = last.1.max(next.1);
            }
            meet
        });
    }

    /// The numbers, with `*` as `largest`: the largest UID or the number of messages. Empty
    /// if `largest` is 0 (no messages) and only `*` was given; `9:*` includes `largest` even
    /// if it is below 9. Numbers above `largest` are kept.
    pub fn resolve(&self, largest: u32) -> UidSet {
        let star = self.star.map(|(least, most)| {
            let (low, high) = (least.min(largest), most.max(largest));
            (low.max(1), high)
        });
        let star = star.filter(|(_, high)| *high > 0);
        UidSet::from_ranges(self.ranges.iter().copied().chain(star))
    }

    /// The largest number named, not counting `*`: a sequence number above the number of
    /// messages is an error of the client (RFC 3501 section 9, `seq-number`).
    pub fn largest_named(&self) -> u32 {
        self.largest_named
    }
}

fn sequence_number(lexer: &mut Lexer<'_>) -> Parsed<u32> {
    if lexer.eat(b'*') {
        return Ok(STAR);
    }
    match lexer.number() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(SyntaxError::SequenceSet),
    }
}

/// `*`: 0 is not a valid number.
const STAR: u32 = 0;
/// So many ranges may come out of order before they are merged for the first time.
const UNSORTED_RANGES: usize = 1_024;

#[cfg(test)]
#[path = "../tests/sequence.rs"]
mod tests;
