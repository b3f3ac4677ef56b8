//! Sequence sets (RFC 3501 section 9): `1`, `2:4`, `5:*`, with commas between.
//!
//! Not their meaning for a client: `view` turns sequence numbers into UIDs.

use super::lexer::Lexer;
use super::syntax::{Parsed, SyntaxError};
use crate::call::UidSet;

/// A sequence set as ranges in the order given, at most 1,000; 0 stands for `*`, since 0 is
/// not a valid number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SequenceSet(pub(crate) Vec<(u32, u32)>);

impl SequenceSet {
    pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        let mut ranges = Vec::new();
        loop {
            let low = sequence_number(lexer)?;
            let high = if lexer.eat(b':') {
                sequence_number(lexer)?
            } else {
                low
            };
            if ranges.len() == RANGES_MAX {
                return Err(SyntaxError::TooMany);
            }
            ranges.push((low, high));
            if !lexer.eat(b',') {
                return Ok(SequenceSet(ranges));
            }
        }
    }

    /// The numbers, with `*` as `largest`: the largest UID or the number of messages. Empty
    /// if `largest` is 0 (no messages) and only `*` was given; `9:*` includes `largest` even
    /// if it is below 9. Numbers above `largest` are kept.
    pub fn resolve(&self, largest: u32) -> UidSet {
        let star = |n: u32| if n == 0 { largest } else { n };
        UidSet::from_ranges(
            self.0
                .iter()
                .map(|&(a, b)| (star(a), star(b)))
                .filter(|&(a, b)| a != 0 || b != 0)
                .map(|(a, b)| (a.max(1), b.max(1))),
        )
    }

    /// The largest number named, not counting `*`: a sequence number above the number of
    /// messages is an error of the client (RFC 3501 section 9, `seq-number`).
    pub fn largest_named(&self) -> u32 {
        self.0.iter().map(|&(a, b)| a.max(b)).max().unwrap_or(0)
    }
}

/// 0 is `*`.
fn sequence_number(lexer: &mut Lexer<'_>) -> Parsed<u32> {
    if lexer.eat(b'*') {
        return Ok(0);
    }
    match lexer.number() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(SyntaxError::SequenceSet),
    }
}

/// Ranges of a sequence set: clients compress a mailbox of tens of thousands of messages into
/// fewer.
const RANGES_MAX: usize = 1_000;
