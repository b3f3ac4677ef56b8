//! Which failures suppress an address, and the row that does it (DECISIONS.md, "Bounces").
//!
//! It does not ask the list: `lists.rs` does that when mail is accepted and when it leaves.

use super::failure::{DeliveryFailure, Lasting};
use crate::call::{Metric, Refusal, SuppressionId, SuppressionReason, SuppressionRow};
use crate::mail::{Address, unicode};
use crate::service::context::WriteContext;
use crate::store::OutboundRecord;

/// Whether a failure means that there is no such address. A refusal of this message, of its sender,
/// or for want of space does not.
pub fn is_no_address(failure: &DeliveryFailure) -> bool {
    match (failure.enhanced, failure.code) {
        _ if failure.lasting != Lasting::Permanent => false,
        // RFC 3463 section 3.2: 7 and 8 are about the address of the sender.
        (Some((5, 1, detail)), _) => !matches!(detail, 7 | 8),
        (Some(_), _) => false,
        (None, Some(550 | 551 | 553)) => failure.is_of_recipient,
        (None, _) => false,
    }
}

/// Suppresses the recipient of a row. An address that is there already stays as it is.
pub fn suppress(
    context: &mut WriteContext<'_>,
    row: &OutboundRecord,
    reason: SuppressionReason,
    told: &DeliveryFailure,
) -> Result<(), Refusal> {
    let Ok(address) = Address::parse(&row.envelope.recipient) else {
        return Ok(());
    };
    let (store, address) = (context.store, address.canonical());
    if store.suppression_of(row.org, &address)?.is_some() {
        return Ok(());
    }
    let max = context.shared.limits.suppressions;
    if store.suppression_count(row.org, max)? >= max {
        context.shared.metrics.count(Metric::RejectedQuota);
        log::warn!(
            "suppression list full org={} max={max}: a failed address is not added",
            row.org
        );
        return Ok(());
    }
    let source = match told.code {
        Some(code) => format!("{}: {code} {}", row.id, told.text),
        None => format!("{}: {}", row.id, told.text),
    };
    let new = SuppressionRow {
        id: SuppressionId(store.new_id(context.now)),
        address,
        reason,
        source: Some(unicode::prefix(&source, SOURCE_BYTES).to_owned()),
        created_at: context.now.unix_ms,
    };
    context.service.lists.begin();
    store.insert_suppression(row.org, &new)?;
    Ok(())
}

/// Octets of the words that a suppression keeps.
const SOURCE_BYTES: usize = 200;
