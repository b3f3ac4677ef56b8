//! The signature of a message for the index of searches: at its delivery, and when the index is
//! built again.

use crate::call::{Signature, UnsignedBody};
use crate::mail::Digest;
use crate::mail::text::grams::{sign_prefix, signature_of};

/// The signature of a stored message in an inbox; `None` when its digest cannot be read.
pub fn sign_again(unsigned: &UnsignedBody) -> Option<Signature> {
    let mut signature = signed(&unsigned.octets, &unsigned.digest)?;
    for prefix in &unsigned.prefixes {
        sign_prefix(&mut signature, prefix, &unsigned.digest);
    }
    Some(signature)
}

/// The signature of a message without what stands in front of it.
pub(in crate::service) fn signed(octets: &[u8], digest: &[u8]) -> Option<Signature> {
    Some(signature_of(octets, &Digest::open(digest)?))
}
