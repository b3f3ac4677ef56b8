//! Whether a recipient whose turn has come may leave: policy is asked again, because what it says
//! may have changed since the message was accepted.
//!
//! A message that was accepted is not lost by a pause, and an approval counts: `hold` is satisfied.

use super::failure::{DeliveryFailure, Lasting};
use crate::call::{PolicyReason, Recipient, Refusal};
use crate::service::context::WriteContext;
use crate::service::outgoing::{self, OutgoingMail};
use crate::store::OutboundRecord;

/// What policy says of a recipient that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leave {
    /// It leaves.
    Yes,
    /// It waits until the pause of its organization ends.
    Paused,
    /// It does not leave.
    Refused(DeliveryFailure),
}

/// Asks policy.
pub fn judge(context: &WriteContext<'_>, row: &OutboundRecord) -> Result<Leave, Refusal> {
    let recipient = Recipient {
        address: row.envelope.recipient.clone(),
        inbox: None,
        org: None,
        notify: 0,
        orcpt: None,
    };
    let mail = OutgoingMail {
        org: row.org,
        inbox: row.inbox,
        recipients: core::slice::from_ref(&recipient),
    };
    let refusal = match outgoing::judge_approved(context.service, context.store, &mail) {
        // The mail of an inbox that was deleted meanwhile was accepted, so it leaves.
        Ok(()) | Err(Refusal::NotFound(_)) => return Ok(Leave::Yes),
        Err(refusal) => refusal,
    };
    Ok(match refusal {
        Refusal::Policy(refused) if refused.reason == PolicyReason::OrgPaused => Leave::Paused,
        Refusal::Policy(refused) => {
            let why = refused.reason.says().to_owned();
            Leave::Refused(DeliveryFailure::of(Lasting::Permanent, (5, 7, 1), why))
        }
        Refusal::DomainNotVerified { domain } => {
            let why = format!("the domain {domain} of the sender is not verified");
            Leave::Refused(DeliveryFailure::of(Lasting::Temporary, (4, 7, 1), why))
        }
        other => return Err(other),
    })
}

/// The stored message cannot be read: another attempt may find it restored.
pub fn unreadable(refusal: &Refusal) -> DeliveryFailure {
    log::error!("a message that is due cannot be read: {refusal:?}");
    let why = "the message cannot be read on this server".to_owned();
    DeliveryFailure::of(Lasting::Temporary, (4, 3, 0), why)
}
