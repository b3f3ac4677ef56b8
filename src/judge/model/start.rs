//! The model that ships: what the filter knows before an organization has taught it anything.
//!
//! `benches/judgement/train.py` makes `start.model`; its head says from which mail. It is never
//! changed at run time. It holds words, words of subjects and the form of messages, and neither
//! names nor domains: those are of one place and one time.

use std::sync::LazyLock;

use super::tokens::Tokens;
use crate::crypto::sha256;

/// The shipped model. `None` if its octets are not in their form, which a test rules out.
pub(super) static START: LazyLock<Option<StartModel<'static>>> =
    LazyLock::new(|| StartModel::open(include_bytes!("start.model")));

/// A model of one weight for each value of the first 16 bits of a token's hash.
#[derive(Debug, Clone, Copy)]
pub struct StartModel<'a> {
    /// One signed octet for each bucket.
    weights: &'a [u8],
    /// What one step of a weight is.
    scale: f32,
    /// What a message without tokens has.
    bias: f32,
}

impl<'a> StartModel<'a> {
    /// Reads its form: `PSTM1`, three octets of 0, `scale` and `bias` as little-endian floats, the
    /// first 8 octets of the SHA-256 of the weights, and the weights. `None` if it has another.
    pub fn open(octets: &'a [u8]) -> Option<StartModel<'a>> {
        let (head, weights) = octets.split_at_checked(HEAD)?;
        let float = |at: usize| Some(f32::from_le_bytes(*head.get(at..)?.first_chunk()?));
        let (scale, bias) = (float(8)?, float(12)?);
        let is_whole = head.starts_with(b"PSTM1\0\0\0")
            && weights.len() == BUCKETS
            && scale.is_finite()
            && bias.is_finite()
            && head.get(16..) == sha256(weights).get(..8);
        is_whole.then_some(StartModel {
            weights,
            scale,
            bias,
        })
    }

    /// The logarithm of the odds that a message is spam; 0 says nothing.
    pub fn log_odds(&self, tokens: &Tokens) -> f32 {
        let sum: i32 = tokens.hashes().iter().map(|hash| self.weight(*hash)).sum();
        let size = tokens.hashes().len() as f32 + 1.0;
        self.bias + self.scale * sum as f32 / size.sqrt()
    }

    /// Octets of memory.
    pub fn bytes(&self) -> usize {
        self.weights.len()
    }

    /// The weight of a token, in steps.
    pub fn weight(&self, hash: u64) -> i32 {
        let bucket = (hash >> (64 - BITS)) as usize;
        let octet = self.weights.get(bucket).copied().unwrap_or_default();
        i32::from(octet.cast_signed())
    }
}

const HEAD: usize = 24;
const BITS: u32 = 16;
const BUCKETS: usize = 1 << BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_model_is_whole() {
        let octets = include_bytes!("start.model");
        assert!(StartModel::open(octets).is_some());
        assert!(START.is_some());
        assert!(StartModel::open(&octets[..octets.len() - 1]).is_none());
        assert!(StartModel::open(&octets[..10]).is_none());
        assert!(StartModel::open(&[]).is_none());
        let mut broken = octets.to_vec();
        if let Some(last) = broken.last_mut() {
            *last ^= 1;
        }
        assert!(StartModel::open(&broken).is_none());
    }
}
