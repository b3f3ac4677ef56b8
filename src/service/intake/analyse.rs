//! The bounds of a message: its size, which refuses it, and those of its header and its structure,
//! up to which it is read.

use crate::call::{Bounded, Metric, Refusal};
use crate::mail::digest::{self, Analysis, Refused};
use crate::mail::{Bounds, Headers};
use crate::service::context::ReadContext;

/// Checks the size of a message.
pub(super) fn check_size(context: &ReadContext<'_>, octets: &[u8]) -> Result<(), Refusal> {
    let max = context.shared.limits.message_bytes;
    if octets.len() > max {
        context.shared.metrics.count(Metric::RejectedSize);
        return Err(too_big(Bounded::Message, max));
    }
    Ok(())
}

/// Reads the octets that will be stored. The first `ours` octets are fields that this server has
/// put in front: they do not count against the bounds of the sender.
pub(super) fn analyse(
    context: &ReadContext<'_>,
    body: &[u8],
    ours: usize,
    hops: usize,
) -> Result<Analysis, Refusal> {
    let own = Headers::parse(body.get(..ours).unwrap_or_default());
    let bounds = Bounds::default();
    let widened = Bounds {
        header_bytes: bounds.header_bytes + own.body_start(),
        header_fields: bounds.header_fields + own.fields().count(),
        received_hops: hops.saturating_add(own.all("Received").count()),
        ..bounds
    };
    let metrics = &context.shared.metrics;
    let analysis = digest::analyse(body, &widened).map_err(|refused| match refused {
        Refused::Hops => {
            metrics.count(Metric::RejectedLoop);
            Refusal::Loop
        }
        Refused::Size => {
            metrics.count(Metric::RejectedSize);
            too_big(Bounded::Message, context.shared.limits.message_bytes)
        }
    })?;
    if analysis.is_truncated {
        metrics.count(Metric::MessagesTruncated);
    }
    Ok(analysis)
}

fn too_big(what: Bounded, max: usize) -> Refusal {
    Refusal::TooBig {
        what,
        max: max as u64,
    }
}
