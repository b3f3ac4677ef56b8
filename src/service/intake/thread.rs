//! The conversation of a message in each inbox that stores it.
//!
//! It decides nothing: the store does, by what the plan says. The rule: what a request has named
//! holds for the inbox of the request, the subject of an answer for inboxes that receive it, and
//! only the sender notes its subject.

use super::plan::Plan;
use crate::call::{Arrival, InboxId, Refusal, ThreadId};
use crate::service::context::WriteContext;
use crate::store::ConversationHints;

/// The conversation that the message joins in an inbox; `known` has those of the inboxes before.
/// All copies of the message in one inbox are asked for at once.
pub(super) fn thread_of(
    context: &WriteContext<'_>,
    plan: &Plan,
    inbox: InboxId,
    known: &mut Vec<(InboxId, ThreadId)>,
) -> Result<ThreadId, Refusal> {
    if let Some((_, thread)) = known.iter().find(|(known, _)| *known == inbox) {
        return Ok(*thread);
    }
    let copies = || plan.placements().filter(|copy| copy.inbox == inbox);
    let entries = (inbox, u32::try_from(copies().count()).unwrap_or(u32::MAX));
    let is_received = copies().all(|copy| copy.kind == Arrival::Received);
    let hints = ConversationHints {
        joins: plan.joins.filter(|_| !is_received),
        sought: plan.subject.sought.as_deref().filter(|_| is_received),
        noted: noted_in(plan, inbox),
    };
    let ids = (plan.message_id.as_str(), plan.references.as_slice());
    let thread = context
        .store
        .conversation_of(context.now, entries, ids, &hints)?;
    known.push((inbox, thread));
    Ok(thread)
}

/// What an inbox notes of the subject of a message: only its sender does.
fn noted_in(plan: &Plan, inbox: InboxId) -> &[String] {
    match plan.sender == Some(inbox) {
        true => &plan.subject.noted,
        false => &[],
    }
}
