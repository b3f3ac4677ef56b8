//! Loops that only their speed shows: two addresses that answer each other faster than people do.
//! Answers are counted for each pair, in memory; the writer alone does it.
//!
//! It is not the hop count of `intake/analyse.rs`: two programs that answer each other send new
//! messages each time. The table is `answer_rates.rs`.

use crate::call::{
    Change, EntryId, EventKind, FailureClass, InboxId, Metric, OrgId, OutboundId, OutboundNews,
    PolicyReason, PolicyRefusal, Recipient, Refusal, UidSet,
};
use crate::mail::Address;
use crate::service::answer_rates::AnswerPair;
use crate::service::context::WriteContext;
use crate::store::{NewEvent, Store};

/// Refuses an answer to those with whom a loop is suspected. Nothing is counted.
pub fn check(
    context: &WriteContext<'_>,
    inbox: InboxId,
    recipients: &[Recipient],
) -> Result<(), Refusal> {
    if context.is_again {
        return Ok(());
    }
    let now_ms = context.now.mono_ms;
    let mut refused = Vec::new();
    for recipient in recipients {
        let Some(pair) = pair_of(context.store, inbox, recipient)? else {
            continue;
        };
        if context.service.answers().is_suspected(pair, now_ms) {
            refused.push(recipient.address.clone());
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    context.shared.metrics.count(Metric::RejectedLoop);
    let reason = PolicyReason::LoopSuspected;
    Err(Refusal::Policy(Box::new(PolicyRefusal::of(
        reason, refused,
    ))))
}

/// Counts an answer that is stored, and tells of a loop once.
pub fn count(
    context: &mut WriteContext<'_>,
    (org, inbox): (OrgId, InboxId),
    recipients: &[Recipient],
    entry: Option<EntryId>,
) -> Result<(), Refusal> {
    let at = (context.now.mono_ms, context.shared.limits.pair_answers);
    for recipient in recipients {
        let Some(pair) = pair_of(context.store, inbox, recipient)? else {
            continue;
        };
        let is_first = match context.is_again {
            // It was counted, and what it has told was undone.
            true => context.service.answers().is_suspected(pair, at.0),
            false => context.service.answers().count(pair, at),
        };
        if is_first {
            tell(context, (org, inbox), recipient, entry)?;
        }
    }
    Ok(())
}

fn tell(
    context: &mut WriteContext<'_>,
    (org, inbox): (OrgId, InboxId),
    recipient: &Recipient,
    entry: Option<EntryId>,
) -> Result<(), Refusal> {
    let Some(place) = context.store.place_of(org, inbox)? else {
        return Ok(());
    };
    log::warn!("loop suspected inbox={inbox}");
    let news = OutboundNews {
        kind: EventKind::LoopSuspected,
        message: entry,
        recipient: recipient.address.clone(),
        outbound: OutboundId(0),
        reason: PolicyReason::LoopSuspected.says().to_owned(),
        class: Some(FailureClass::Policy),
        code: None,
        enhanced: None,
        host: String::new(),
        metadata: None,
    };
    let new = NewEvent {
        inbox: Some(place.path),
        mailbox: None,
        uids: UidSet::new(),
        change: Change::Outbound(Box::new(news)),
    };
    (context.store).append_event(context.now, org, context.origin, new, context.events)?;
    Ok(())
}

fn pair_of(
    store: &Store,
    inbox: InboxId,
    recipient: &Recipient,
) -> Result<Option<AnswerPair>, Refusal> {
    let own = (0, inbox.0);
    let other = match recipient.inbox {
        Some(other) => (0, other.0),
        None => match Address::parse(&recipient.address) {
            Ok(address) => (1, store.reference_hash(&address.canonical())?),
            Err(_) => return Ok(None),
        },
    };
    Ok((own != other).then_some((own.min(other), own.max(other))))
}
