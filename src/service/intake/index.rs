//! The signature of a message for the index of searches: at its delivery, and when the index is
//! built again.

use super::plan::Plan;
use crate::call::{Signature, SignedFacts, UnsignedBody};
use crate::mail::Digest;
use crate::mail::text::grams::{prefix_grams, signature_of};

/// The signature of a stored message in an inbox; `None` when its digest cannot be read.
pub fn sign_again(unsigned: &UnsignedBody) -> Option<Signature> {
    let mut signature = signed(&unsigned.octets, &unsigned.digest, unsigned.facts)?;
    for prefix in &unsigned.prefixes {
        signature.add_all(&prefix_grams(prefix, &unsigned.digest));
    }
    Some(signature)
}

/// The signature of a message without what stands in front of it, with its facts.
fn signed(octets: &[u8], digest: &[u8], facts: SignedFacts) -> Option<Signature> {
    let mut signature = signature_of(octets, &Digest::open(digest)?);
    signature.add_facts(facts);
    Some(signature)
}

impl Plan {
    /// The plan with all that the index needs: the writer only puts it together. `None` when its
    /// digest cannot be read.
    pub(in crate::service) fn with_signature(self) -> Option<Plan> {
        let of_prefix = |prefix: &[u8]| prefix_grams(prefix, &self.digest);
        Some(Plan {
            signature: signed(&self.body, &self.digest, self.summary.signed_facts())?,
            prefix_grams: (self.placements())
                .filter(|placement| !placement.prefix.is_empty())
                .map(|placement| (placement.inbox, of_prefix(&placement.prefix)))
                .collect(),
            ..self
        })
    }
}
