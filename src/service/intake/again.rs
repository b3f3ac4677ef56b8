//! Reads a stored message once more, for `verify`: what its octets give must be what was stored at
//! delivery.

use super::decide::summary_of;
use crate::mail::text::grams::signature_of;
use crate::mail::{Bounds, Digest, digest};
use crate::store::ReadBody;

/// What would be stored beside these octets of a body; `None` when they are not a message.
pub fn read_again(octets: &[u8]) -> Option<ReadBody> {
    let bounds = Bounds {
        received_hops: usize::MAX,
        ..Bounds::default()
    };
    let mut analysis = digest::analyse(octets, &bounds).ok()?;
    let digest = core::mem::take(&mut analysis.digest);
    let signature = signature_of(octets, &Digest::open(&digest)?);
    Some(ReadBody {
        signature,
        header_len: analysis.header_len,
        message_id: analysis.message_id.clone().unwrap_or_default(),
        // At delivery the fields that this server has put in front did not count against the
        // bounds. Where they are reached, the parts cannot be compared.
        parts: (!analysis.is_truncated).then(|| (digest, summary_of(analysis))),
    })
}
