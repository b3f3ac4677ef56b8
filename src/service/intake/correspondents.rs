//! Whom an inbox has written to, noted with the message that it sends. It stores no message; the
//! screen of arriving mail (`screen.rs`) reads what is noted here.

use super::plan::Plan;
use crate::call::{Caller, Refusal};
use crate::mail::Address;
use crate::service::context::WriteContext;
use crate::service::lists;
use crate::store::KnownBy;

/// Notes whom an inbox has written to: their mail is not screened. Mail of the own organization
/// never is. An answer of a rule, which has no return path, makes its recipient no better known.
pub(super) fn note_correspondents(
    context: &WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
) -> Result<(), Refusal> {
    let (Some(inbox), Some(access)) = (plan.sender, caller.key()) else {
        return Ok(());
    };
    if plan.reverse_path.is_none() {
        return Ok(());
    }
    let others = plan.recipients.iter().filter(|r| r.org != Some(access.org));
    for recipient in others {
        // An inbox here answers as itself, whatever name of it was written to.
        let address = match recipient.org.zip(recipient.inbox) {
            Some(neighbour) => lists::address_of(context.store, neighbour)?,
            None => Address::parse(&recipient.address)
                .ok()
                .map(|address| address.canonical()),
        };
        if let Some(address) = address {
            let (by, now) = (KnownBy::Written, context.now.unix_ms);
            context.store.note_sender(inbox, &address, by, now)?;
        }
    }
    Ok(())
}
