//! A full inbox in the words of a delivery: its sender is told which recipients get no mail.
//!
//! The store knows inboxes and organizations, and refuses with their octets. The rule: **what
//! belongs to a recipient is told as the recipient**, and its octets only to a caller that sees the
//! inbox.

use super::plan::Plan;
use crate::call::{Arrival, Caller, InboxId, Noun, OrgId, PolicyRefusal, Refusal};
use crate::service::policy;
use crate::store::Store;

/// The refusal of a message for its sender, where `refusal` is that of one place for it.
pub(super) fn told(
    store: &Store,
    caller: &Caller,
    plan: &Plan,
    (org, inbox, kind): (OrgId, Option<InboxId>, Arrival),
    refusal: Refusal,
) -> Refusal {
    let Refusal::OverQuota { of, max } = refusal else {
        return refusal;
    };
    if kind != Arrival::Received {
        return refusal;
    }
    let inbox = inbox.filter(|_| of != Noun::Organization);
    let recipients = plan.recipients.iter().filter(|recipient| match inbox {
        Some(_) => recipient.inbox == inbox,
        None => recipient.org == Some(org),
    });
    let addresses = recipients.map(|to| to.address.clone()).collect();
    policy::recipient_full(store, caller.key(), (org, inbox), (addresses, max))
        .unwrap_or_else(|fault| fault)
}

/// Adds the recipients of one refusal to those of others, so that all are named.
///
/// # Errors
/// A refusal for what is the sender's own.
pub(super) fn add(all: &mut Option<Box<PolicyRefusal>>, one: Refusal) -> Result<(), Refusal> {
    match (all, one) {
        (Some(all), Refusal::Policy(one)) => all.recipients.extend(one.recipients),
        (none, Refusal::Policy(one)) => *none = Some(one),
        (_, own) => return Err(own),
    }
    Ok(())
}
