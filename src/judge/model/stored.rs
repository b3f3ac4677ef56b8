//! The stored form of what an organization has taught: at most [`LEARNED_BYTES_MAX`] octets,
//! which are 49,510.
//!
//! ```text
//! version, 1 octet: 1
//! key, 2 × 8; lessons, 2 × 4; turns, day and lessons of the day, 4 each
//! number of senders, 1; each: hash 4, lessons 1
//! weights, 2 × 16,384; paces, 16,384
//! ```
//!
//! Numbers are little-endian. What is not in this form is refused as a whole: then the organization
//! goes on with the shipped model.

use super::learned::{Learned, SOURCES_MAX};
use super::lesson::BUCKETS;

impl Learned {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LEARNED_BYTES_MAX);
        out.push(VERSION);
        out.extend(self.key.0.to_le_bytes());
        out.extend(self.key.1.to_le_bytes());
        let [wanted, spam] = self.lessons;
        for number in [wanted, spam, self.turns, self.day, self.day_lessons] {
            out.extend(number.to_le_bytes());
        }
        out.push(self.sources.len() as u8);
        for (source, lessons) in &self.sources {
            out.extend(source.to_le_bytes());
            out.push(*lessons);
        }
        out.extend(self.weights.iter().flat_map(|weight| weight.to_le_bytes()));
        out.extend(&self.paces);
        out
    }

    /// Reads the stored form. `None` if it has another, or a number that its bound forbids.
    pub fn decode(octets: &[u8]) -> Option<Learned> {
        let mut from = LearnedReader(octets);
        if from.take::<1>()? != [VERSION] {
            return None;
        }
        let key = (from.long()?, from.long()?);
        let mut learned = Learned::new(key);
        learned.lessons = [from.int()?, from.int()?];
        learned.turns = from.int()?;
        learned.day = from.int()?;
        learned.day_lessons = from.int()?;
        let [sources] = from.take()?;
        if usize::from(sources) > SOURCES_MAX {
            return None;
        }
        for _ in 0..sources {
            let source = from.int()?;
            let [lessons] = from.take()?;
            learned.sources.push((source, lessons));
        }
        for weight in &mut learned.weights {
            *weight = i16::from_le_bytes(from.take()?);
        }
        for pace in &mut learned.paces {
            [*pace] = from.take()?;
        }
        from.0.is_empty().then_some(learned)
    }
}

/// Octets that are still to be read.
struct LearnedReader<'a>(&'a [u8]);

impl LearnedReader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn int(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

const VERSION: u8 = 1;
/// Octets of a stored model.
pub(super) const LEARNED_BYTES_MAX: usize = 1 + 16 + 20 + 1 + SOURCES_MAX * 5 + BUCKETS * 3;
const _: () = assert!(SOURCES_MAX <= u8::MAX as usize);
