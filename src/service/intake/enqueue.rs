//! The row of the queue for each recipient outside, written with the message.
//!
//! It sends nothing: the queue does (`service/outbound`). The rule: a message that waits for a
//! decision or for its time has its rows from the beginning, and they are not due.

use super::plan::{Plan, WaitsFor};
use crate::call::{BodyId, EntryId, OrgId, OutboundStatus, Recipient, Refusal};
use crate::mail::write::outgoing::without_private_fields;
use crate::service::context::WriteContext;
use crate::service::outgoing::approval;
use crate::service::policy;
use crate::store::{Backlog, NewOutbound, OutboundContent, OutboundRecord, SmtpJob};

/// The state and the times of a recipient outside: when it is due, when it is given up, and when
/// its sender is told that it is late. What waits in Drafts is not late.
fn times_of(context: &WriteContext<'_>, plan: &Plan) -> (OutboundStatus, [i64; 3]) {
    let outbound = &context.service.outbound;
    match plan.waits.as_ref().map(|waits| waits.until) {
        Some(WaitsFor::Decision(_)) => {
            let at = approval::expires_at(context);
            (OutboundStatus::Held, [at; 3])
        }
        Some(WaitsFor::Time(at)) => {
            let until = outbound.expires_after(at);
            (OutboundStatus::Scheduled, [at, until, until])
        }
        None => {
            let now = context.now.unix_ms;
            let times = [now, outbound.expires_after(now), outbound.late_at(now)];
            (OutboundStatus::Queued, times)
        }
    }
}

/// Queues the message for a recipient outside; `row` is that of a message that has waited.
pub(super) fn enqueue(
    context: &WriteContext<'_>,
    plan: &Plan,
    (org, entry): (OrgId, Option<EntryId>),
    (body, content): (BodyId, OutboundContent),
    (recipient, holds): (&Recipient, usize),
    row: Option<&OutboundRecord>,
) -> Result<(), Refusal> {
    let envelope = envelope_of(plan, recipient);
    let outbound = &context.service.outbound;
    let (status, [due_at, expires_at, late_at]) = times_of(context, plan);
    // A message that has waited keeps its end, and so does a draft.
    let was_there = plan.released.is_some() || plan.draft.is_some();
    let ends_at = match (plan.expires_at, entry) {
        (None, Some(entry)) if was_there => context.store.expires_at(entry)?,
        (ends_at, _) => ends_at,
    };
    let expires_at = ends_at.map_or(expires_at, |at| at.min(expires_at));
    let inbox = plan.sender.ok_or(Refusal::RelayDenied)?;
    let domain = match policy::lives_elsewhere(context.service, context.store, inbox)? {
        true => Backlog::of_account(inbox),
        false => envelope.domain(),
    };
    let new = NewOutbound {
        org,
        inbox,
        entry,
        body,
        domain: &domain,
        envelope: &envelope,
        metadata: None,
        content,
        status,
        due_at,
        expires_at,
        late_at,
        holds: holds as u64,
    };
    match row {
        Some(row) => outbound.release(context.store, context.now, row, &new),
        None => outbound.enqueue(context.store, context.now, &new),
    }
}

/// The envelope of one recipient.
pub(super) fn envelope_of(plan: &Plan, recipient: &Recipient) -> SmtpJob {
    SmtpJob {
        reverse_path: plan.reverse_path.clone(),
        recipient: recipient.address.clone(),
        notify: recipient.notify,
        orcpt: recipient.orcpt.clone(),
        ret_full: plan.ret_full,
        envid: plan.envid.clone(),
    }
}

/// The header of the message, and the rest.
pub(super) fn split_body(plan: &Plan) -> (&[u8], &[u8]) {
    let header_len = plan.header_len as usize;
    (plan.body.split_at_checked(header_len)).unwrap_or((&plan.body, &[]))
}

/// What the message needs of another server.
pub(super) fn content_of(plan: &Plan) -> OutboundContent {
    let (header, rest) = split_body(plan);
    let size = without_private_fields(header)
        .len()
        .saturating_add(rest.len());
    OutboundContent {
        has_8bit: !rest.is_ascii(),
        has_utf8_header: !header.is_ascii(),
        is_unknown: false,
        size: size as u64,
    }
}
