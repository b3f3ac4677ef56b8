//! The stored form of what an organization has taught: at most [`LEARNED_BYTES_MAX`] octets.
//!
//! ```text
//! version, 1 octet: 1
//! key, 2 × 8; lessons, 2 × 4; turns, day and lessons of the day, 4 each
//! number of senders, 1; each: hash 4, lessons 1
//! weights, 2 × 16,384; paces, 16,384
//! two lists of messages: number, 1; each: id 4, start 2, number of buckets 1, buckets 2 each
//! ```
//!
//! Numbers are little-endian. What is not in this form is refused as a whole: then the organization
//! goes on with the shipped model.

use super::learned::{BUCKETS, KEPT_MAX, KEPT_TOKENS_MAX, KeptLesson, Learned, SOURCES_MAX};

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
        for kept in &self.kept {
            out.push(kept.len() as u8);
            for message in kept {
                out.extend(message.id.to_le_bytes());
                out.extend(message.start.to_le_bytes());
                out.push(message.buckets.len() as u8);
                out.extend(
                    message
                        .buckets
                        .iter()
                        .flat_map(|bucket| bucket.to_le_bytes()),
                );
            }
        }
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
        for kept in &mut learned.kept {
            let [count] = from.take()?;
            if usize::from(count) > KEPT_MAX {
                return None;
            }
            for _ in 0..count {
                kept.push(from.kept()?);
            }
        }
        from.0.is_empty().then_some(learned)
    }
}

/// LearnedReader that are still to be read.
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

    fn kept(&mut self) -> Option<KeptLesson> {
        let id = self.int()?;
        let start = i16::from_le_bytes(self.take()?);
        let [count] = self.take()?;
        if usize::from(count) > KEPT_TOKENS_MAX {
            return None;
        }
        let mut buckets = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let bucket = u16::from_le_bytes(self.take()?);
            if usize::from(bucket) >= BUCKETS {
                return None;
            }
            buckets.push(bucket);
        }
        Some(KeptLesson { id, start, buckets })
    }
}

const VERSION: u8 = 1;
/// LearnedReader of a stored model.
pub(super) const LEARNED_BYTES_MAX: usize = 64 * 1024;
const FIXED: usize = 1 + 16 + 20 + 1 + SOURCES_MAX * 5 + BUCKETS * 3 + 2;
const _: () = assert!(FIXED + 2 * KEPT_MAX * (7 + 2 * KEPT_TOKENS_MAX) <= LEARNED_BYTES_MAX);
const _: () = assert!(KEPT_TOKENS_MAX <= u8::MAX as usize);
const _: () = assert!(SOURCES_MAX <= u8::MAX as usize);
