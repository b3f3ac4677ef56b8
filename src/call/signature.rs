//! Signatures of messages: for each message the set of its grams, as bits. A gram is three
//! characters in a row, as a hash of 16 bits; `mail::text::grams` makes them.
//!
//! A signature never misses: a message that has a text has all grams of the text. It may have them
//! by chance too, so what it finds is compared with the message itself. Its length follows the
//! number of grams, so that about a quarter of its bits are set.

use super::{BodyId, InboxId};

/// The grams of a message as bits. The lengths are those of [`SIGNATURE_BITS`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signature(Vec<u8>);

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
    pub bodies: Vec<BodyId>,
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
    /// The octets.
    pub octets: Vec<u8>,
}

impl Signature {
    /// An empty signature that has space for `grams` different grams.
    pub fn for_grams(grams: usize) -> Signature {
        let wanted = grams.saturating_mul(BITS_PER_8_GRAMS) / 8;
        let bits = SIGNATURE_BITS.iter().find(|bits| **bits >= wanted);
        Signature(vec![0; bits.copied().unwrap_or(BITS_MAX) / 8])
    }

    /// The signature of stored octets; `None` if their length is that of none.
    pub fn of_octets(octets: &[u8]) -> Option<Signature> {
        let bits = octets.len().checked_mul(8)?;
        SIGNATURE_BITS
            .contains(&bits)
            .then(|| Signature(octets.to_vec()))
    }

    /// The number of its bits.
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }

    /// Its octets; the lowest bit of an octet comes first.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Adds a gram.
    pub fn add(&mut self, gram: u16) {
        let at = bit_of(gram, self.bits());
        if let Some(octet) = self.0.get_mut(at / 8) {
            *octet |= 1 << (at % 8);
        }
    }

    /// Whether it has the bit of a gram.
    pub fn has(&self, gram: u16) -> bool {
        let at = bit_of(gram, self.bits());
        (self.0.get(at / 8)).is_some_and(|octet| octet & (1 << (at % 8)) != 0)
    }

    /// Whether it has every bit of another one of the same length.
    pub fn covers(&self, other: &Signature) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a & b == *b)
    }
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

/// The bit of a gram in a signature of so many bits.
pub fn bit_of(gram: u16, bits: usize) -> usize {
    (usize::from(gram) * bits) >> 16
}

/// The lengths of signatures in bits, ascending: multiples of 64.
pub const SIGNATURE_BITS: [usize; 10] = [
    1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 32768, BITS_MAX,
];

/// The longest signature. A message with more grams is found by more needles than it has.
const BITS_MAX: usize = 65536;

/// Bits for each eight grams: with 2.75 bits a gram, 30 % of the bits are set.
const BITS_PER_8_GRAMS: usize = 22;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_signature_has_what_was_added() {
        for n in [0usize, 1, 300, 1_000, 5_000, 60_000] {
            let mut signature = Signature::for_grams(n);
            let grams: Vec<u16> = (0..n).map(|g| (g * 7919 % 65_536) as u16).collect();
            grams.iter().for_each(|gram| signature.add(*gram));
            assert!(grams.iter().all(|gram| signature.has(*gram)), "{n}");
            assert!(SIGNATURE_BITS.contains(&signature.bits()), "{n}");
            assert_eq!(Signature::of_octets(signature.octets()).unwrap(), signature);
        }
        assert_eq!(Signature::of_octets(&[0; 100]), None);
        assert!(!Signature::for_grams(10).has(7));
    }
}
