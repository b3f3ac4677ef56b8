//! What a client does to a recipient in the queue: have it tried now, or take it back.

use super::outcome;
use crate::call::{
    Access, ConflictReason, Noun, OutboundId, OutboundRow, OutboundStatus, Refusal, Written,
};
use crate::service::access::admit::sees;
use crate::service::context::WriteContext;
use crate::service::outgoing::taken_back::leave_out;
use crate::store::{OutboundRecord, Store};

const GONE: Refusal = Refusal::NotFound(Noun::Outbound);

/// The row with this id, if `access` sees its inbox.
pub fn find(store: &Store, access: &Access, id: OutboundId) -> Result<OutboundRecord, Refusal> {
    let row = store.outbound_row(access.org, id)?.ok_or(GONE)?;
    if access.is_bound() && !sees(store, access, row.inbox)? {
        return Err(GONE);
    }
    Ok(row)
}

/// One row.
pub fn read(store: &Store, access: &Access, id: OutboundId) -> Result<OutboundRow, Refusal> {
    find(store, access, id).map(OutboundRecord::shown)
}

/// Has a recipient tried now, whatever rest its domain has.
pub fn retry(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: OutboundId,
) -> Result<Written, Refusal> {
    let mut row = find(context.store, access, id)?;
    match row.status {
        // It is tried now.
        OutboundStatus::Sending => {}
        OutboundStatus::Queued | OutboundStatus::Deferred => {
            row.due_at = context.now.unix_ms;
            context.store.defer_outbound(&row)?;
            let service = context.service;
            service.outbound.is_wanted_now(context, &row)?;
        }
        OutboundStatus::Held => return Err(Refusal::Conflict(ConflictReason::RecipientHeld)),
        OutboundStatus::Scheduled => {
            return Err(Refusal::Conflict(ConflictReason::RecipientScheduled));
        }
        OutboundStatus::Delivered
        | OutboundStatus::Bounced
        | OutboundStatus::Cancelled
        | OutboundStatus::Expired => return Err(Refusal::Conflict(ConflictReason::RecipientEnded)),
    }
    Ok(Written::Outbound(Box::new(row.shown())))
}

/// Takes a recipient back that has not left.
pub fn cancel(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: OutboundId,
) -> Result<Written, Refusal> {
    let row = find(context.store, access, id)?;
    if row.status.is_finished() || row.status == OutboundStatus::Sending {
        return Err(Refusal::Conflict(ConflictReason::NotCancellable));
    }
    if row.status.is_in_drafts() {
        leave_out(context, &row)?;
    }
    outcome::cancelled(context, row)?;
    let row = find(context.store, access, id)?;
    Ok(Written::Outbound(Box::new(row.shown())))
}
