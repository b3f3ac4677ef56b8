//! Signatures of messages: for each message the set of its grams. A gram is three characters in a
//! row, as a number of 16 bits; `mail::text::grams` makes them. The last numbers are facts about
//! the message that never change.
//!
//! A signature never misses: a message that has a text has all grams of the text. It may have them
//! by chance too, so what it finds is compared with the message itself.

use super::{BodyId, InboxId};

/// The gram of a message with an attachment.
pub const ATTACHMENT_GRAM: u16 = 0xffff;
/// The gram of a message with a one-time code.
pub const CODE_GRAM: u16 = 0xfffe;
/// The first number that is a fact and no text.
pub const FIRST_FACT_GRAM: u16 = 0xfff0;

/// What the index of searches says of a message beside its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignedFacts {
    /// It has a one-time code.
    pub has_code: bool,
    /// It has an attachment.
    pub has_attachments: bool,
}

/// The grams of a message. Its octets are the difference of each gram to the one before it, modulo
/// 65,536, seven bits an octet and the lowest ones first; the highest bit of an octet says that
/// another one follows. Grams may stand in any order and more than once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature {
    octets: Vec<u8>,
    last: u16,
}

/// What a search asks of a signature. The depth is that of the search, at most some tens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GramQuery {
    /// All of these grams. No gram at all is in every message.
    Grams(Vec<u16>),
    /// All of these.
    All(Vec<GramQuery>),
    /// One of these.
    Any(Vec<GramQuery>),
}

/// How far a walk through the signatures of an inbox has come; `Default` is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SignatureWalk {
    /// The last block that was asked.
    pub after: i64,
    /// The bodies that may match, so far.
    pub bodies: Vec<ReceivedBody>,
}

/// A body of an inbox, and when the inbox received it. They are in the order of search results,
/// the oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReceivedBody {
    /// Unix milliseconds, as each entry of the body in the inbox has them.
    pub received_at: i64,
    /// The body.
    pub body: BodyId,
}

/// A block of the index of searches, and when its newest and its oldest message were received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DatedBlock {
    /// Unix milliseconds.
    pub newest: i64,
    /// Unix milliseconds.
    pub oldest: i64,
    /// The block.
    pub id: i64,
}

/// A body of an inbox with the octets in front of it there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnsignedBody {
    /// The inbox.
    pub inbox: InboxId,
    /// The body.
    pub body: BodyId,
    /// The prefix of each entry of the body in the inbox.
    pub prefixes: Vec<Vec<u8>>,
    /// Envelope and structure.
    pub digest: Vec<u8>,
    /// What the index says of it beside its text.
    pub facts: SignedFacts,
    /// The octets.
    pub octets: Vec<u8>,
}

impl Signature {
    /// The signature of stored octets; `None` if they are none.
    pub fn of_octets(octets: &[u8]) -> Option<Signature> {
        let (mut last, mut left) = (0u16, octets);
        while !left.is_empty() {
            last = last.wrapping_add(next_step(&mut left)?);
        }
        Some(Signature {
            octets: octets.to_vec(),
            last,
        })
    }

    /// The signature of some grams.
    pub fn of_grams(grams: &[u16]) -> Signature {
        let mut octets = vec![0u8; 3 * grams.len() + 1];
        let (mut last, mut length) = (0u16, 0);
        for gram in grams {
            let step = u32::from(gram.wrapping_sub(last));
            last = *gram;
            // Three octets at most. All are written, because a processor cannot foresee how many
            // there are, and the next gram stands over those that are too many.
            let sevens = (step & 0x7f) | (step & 0x3f80) << 1 | (step & 0xc000) << 2;
            let (has_two, has_three) = (step > 0x7f, step > 0x3fff);
            let marks = u32::from(has_two) << 7 | u32::from(has_three) << 15;
            if let Some(four) = octets.get_mut(length..).and_then(<[u8]>::first_chunk_mut) {
                *four = (sevens | marks).to_le_bytes();
            }
            length += 1 + usize::from(has_two) + usize::from(has_three);
        }
        octets.truncate(length);
        octets.shrink_to_fit();
        Signature { octets, last }
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Adds a gram. Ascending grams take the fewest octets.
    pub fn add(&mut self, gram: u16) {
        let mut left = gram.wrapping_sub(self.last);
        while left > 0x7f {
            self.octets.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.octets.push(left as u8);
        self.last = gram;
    }

    /// Adds grams.
    pub fn add_all(&mut self, grams: &[u16]) {
        grams.iter().for_each(|gram| self.add(*gram));
    }

    /// Adds the facts of the message.
    pub fn add_facts(&mut self, facts: SignedFacts) {
        if facts.has_code {
            self.add(CODE_GRAM);
        }
        if facts.has_attachments {
            self.add(ATTACHMENT_GRAM);
        }
    }

    /// Its grams, ascending, each once.
    pub fn grams(&self) -> Vec<u16> {
        Signature::grams_of(&self.octets).unwrap_or_default()
    }

    /// The grams of stored octets, ascending, each once; `None` if they are no signature.
    pub fn grams_of(octets: &[u8]) -> Option<Vec<u16>> {
        let mut grams = Vec::with_capacity(octets.len());
        let (mut last, mut left) = (0u16, octets);
        let mut is_sorted = true;
        while !left.is_empty() {
            let gram = last.wrapping_add(next_step(&mut left)?);
            is_sorted &= grams.is_empty() || gram > last;
            grams.push(gram);
            last = gram;
        }
        if !is_sorted {
            grams.sort();
            grams.dedup();
        }
        Some(grams)
    }
}

/// Takes a number of at most 16 bits from the front.
fn next_step(left: &mut &[u8]) -> Option<u16> {
    let mut step = 0u32;
    for n in 0..3 {
        let (octet, rest) = left.split_first()?;
        *left = rest;
        step |= u32::from(octet & 0x7f) << (7 * n);
        if octet & 0x80 == 0 {
            return u16::try_from(step).ok();
        }
    }
    None
}

impl GramQuery {
    /// Whether every signature meets it, so that it helps nothing.
    pub fn is_open(&self) -> bool {
        match self {
            GramQuery::Grams(grams) => grams.is_empty(),
            GramQuery::All(all) => all.iter().all(GramQuery::is_open),
            GramQuery::Any(any) => any.iter().any(GramQuery::is_open),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_signature_has_what_was_added() {
        for n in [0usize, 1, 300, 5_000, 65_536] {
            let mut signature = Signature::default();
            let mut grams: Vec<u16> = (0..n).map(|g| (g * 7919 % 65_536) as u16).collect();
            grams.iter().for_each(|gram| signature.add(*gram));
            assert_eq!(Signature::of_grams(&grams), signature);
            // Again, in another order.
            grams
                .iter()
                .rev()
                .take(50)
                .for_each(|gram| signature.add(*gram));
            grams.sort_unstable();
            assert_eq!(signature.grams(), grams);
            assert_eq!(Signature::of_octets(signature.octets()).unwrap(), signature);
        }
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let mut signature = Signature::default();
        all.iter().for_each(|gram| signature.add(*gram));
        assert_eq!(Signature::of_grams(&all), signature);
        assert_eq!((signature.grams(), signature.octets().len()), (all, 65_536));
        for wrong in [&[0x80][..], &[0x80, 0x80, 0x80, 0], &[0xff, 0xff, 0x7f]] {
            assert_eq!(Signature::of_octets(wrong), None, "{wrong:?}");
            assert_eq!(Signature::grams_of(wrong), None, "{wrong:?}");
        }
    }
}
