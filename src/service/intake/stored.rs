//! What a delivery has stored: its entries, its counts, and the answer to its message.

use super::plan::Plan;
use crate::call::{
    ApprovalId, Arrival, Decision, EntryId, InboxId, Metric, SendStatus, ThreadId, Written,
};
use crate::service::context::WriteContext;
use crate::service::policy;

/// An entry that was stored.
pub(super) struct StoredEntry {
    pub inbox: InboxId,
    pub entry: EntryId,
    pub thread: ThreadId,
    pub kind: Arrival,
    pub placed: (u32, u32),
}

/// The answer to a message that is stored: the best of its entries, and what has become of it.
pub(super) fn delivered(
    plan: &Plan,
    best: Option<&StoredEntry>,
    (held, queued): (Option<ApprovalId>, usize),
) -> Written {
    Written::Delivered {
        entry: best.map(|stored| stored.entry),
        thread: best.map(|stored| stored.thread),
        message_id: plan.message_id.clone(),
        placed: best.map(|stored| stored.placed),
        status: match (held, plan.decision, queued) {
            (Some(approval), ..) => SendStatus::Held(approval),
            (None, ..) if plan.waits.is_some() => SendStatus::Scheduled,
            (None, Decision::Draft, _) => SendStatus::Draft,
            (None, _, 0) => SendStatus::Delivered,
            (None, _, _) => SendStatus::Queued,
        },
    }
}

/// Counts a delivery for the rates of those who receive, and in the metrics.
pub(super) fn count_delivery(
    context: &WriteContext<'_>,
    plan: &Plan,
    (receivers, kind, queued): (Vec<(InboxId, u64)>, Option<Arrival>, usize),
) {
    policy::count_receive(context.service, context.now, receivers, plan.party);
    let metrics = &context.shared.metrics;
    match kind {
        Some(Arrival::Appended) if plan.sender.is_none() => metrics.count(Metric::Appends),
        _ => metrics.count(Metric::Messages),
    }
    if plan.waits.is_none() {
        metrics.add(Metric::OutboundQueued, queued as u64);
    }
}
