//! Recipients that are taken back from a message in Drafts, before it has left.

use super::approval::{self, DECLINED_LABEL};
use super::waiting::{relabel, waiting_entry};
use crate::call::{ApprovalStatus, HELD_LABEL, Refusal, SCHEDULED_LABEL};
use crate::service::context::WriteContext;
use crate::store::{HeldEnvelope, OutboundRecord};

/// Takes a recipient out of the message that waits, because its sender cancels it. A message
/// without a recipient waits no longer: it is a draft again, or its approval is declined.
pub fn leave_out(context: &mut WriteContext<'_>, row: &OutboundRecord) -> Result<(), Refusal> {
    let (store, org) = (context.store, row.org);
    let Some(entry) = row.entry else {
        return Ok(());
    };
    if let Some(mut mail) = store.scheduled(org, entry)? {
        remove(&mut mail.envelope, &row.envelope.recipient);
        if !mail.envelope.recipients.is_empty() {
            return Ok(store.set_scheduled_envelope(&mail)?);
        }
        store.delete_scheduled(org, entry)?;
        if let Some(found) = waiting_entry(store, (org, row.inbox), entry)? {
            relabel(context, &found, (SCHEDULED_LABEL, None))?;
        }
        return Ok(());
    }
    let Some(approval) = store.held_approval(org, entry)? else {
        return Ok(());
    };
    let Some(mut found) = store.approval(org, approval)? else {
        return Ok(());
    };
    let is_last = found.envelope.recipients.len() == 1;
    if !is_last {
        remove(&mut found.envelope, &row.envelope.recipient);
        return Ok(store.set_held_envelope(&found)?);
    }
    found.row.status = ApprovalStatus::Declined;
    found.row.reason = Some("cancelled".to_owned());
    found.row.decided_at = Some(context.now.unix_ms);
    store.decide_approval(org, &found.row)?;
    if let Some(waiting) = waiting_entry(store, (org, row.inbox), entry)? {
        relabel(context, &waiting, (HELD_LABEL, Some(DECLINED_LABEL)))?;
    }
    approval::tell(context, &found)
}

/// Removes one recipient with this address.
fn remove(envelope: &mut HeldEnvelope, address: &str) {
    let recipients = &mut envelope.recipients;
    if let Some(at) = recipients.iter().position(|known| known.address == address) {
        recipients.remove(at);
    }
}
