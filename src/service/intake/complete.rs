//! A delivery with what follows from it: the message is stored, the reports in it are carried out,
//! and its sender is told of recipients here where it asks for that. All of it is one transaction.

use super::deliver::deliver;
use super::enqueue::{envelope_of, split_body};
use super::plan::{Delivery, Plan};
use crate::call::{Caller, Decision, Refusal, Written};
use crate::mail::write::dsn::{DsnAction, ORIGINAL_BYTES_MAX};
use crate::mail::write::outgoing::without_private_fields;
use crate::service::context::WriteContext;
use crate::service::outbound::bounce;
use crate::service::outbound::failure::{DeliveryFailure, Lasting};
use crate::service::outbound::notice::{SentTo, tell_sender, wants};

/// Delivers a message, and does what follows.
pub fn complete(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    delivery: &Delivery,
) -> Result<Written, Refusal> {
    let written = deliver(context, caller, delivery)?;
    for report in &delivery.plan.reports {
        bounce::carry_out(context, report)?;
    }
    confirm(context, caller, (&delivery.plan, &written))?;
    Ok(written)
}

/// Tells the sender of the recipients here that have the message, where it has asked for that
/// (RFC 3461 section 5.2.4).
fn confirm(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    (plan, written): (&Plan, &Written),
) -> Result<(), Refusal> {
    let entry = match written {
        Written::Delivered { entry, .. } => *entry,
        _ => None,
    };
    let leaves = plan.decision == Decision::Send && plan.waits.is_none();
    let Some(sender) = plan.sender.filter(|_| leaves) else {
        return Ok(());
    };
    let from = (caller.access()?.org, sender);
    for recipient in &plan.recipients {
        if recipient.inbox.is_none() || recipient.notify == 0 {
            continue;
        }
        let envelope = envelope_of(plan, recipient);
        if !wants(&envelope, DsnAction::Delivered) {
            continue;
        }
        let (header, rest) = split_body(plan);
        let mut original = without_private_fields(header);
        if plan.ret_full == Some(true) && plan.body.len() <= ORIGINAL_BYTES_MAX {
            original.extend_from_slice(rest);
        }
        let sent = SentTo {
            from,
            envelope: &envelope,
            entry,
            created_at: context.now.unix_ms,
            last: None,
            original: &original,
        };
        let told = DeliveryFailure::of(Lasting::Temporary, (2, 0, 0), String::new());
        tell_sender(context, &sent, DsnAction::Delivered, (&told, None))?;
    }
    Ok(())
}
