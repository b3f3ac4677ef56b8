//! A trial: what would become of a message that REST describes, for each recipient. Nothing is
//! stored and nothing is counted.

use super::parsed::{ParsedMessage, Trial, WayIn};
use crate::call::{
    Access, Answer, Caller, Decision, Refusal, RefusedRecipient, SendTrial, TrialRecipient,
    TrialVerdict,
};
use crate::service::context::ReadContext;
use crate::service::outgoing::budget::{self, Spending};
use crate::service::outgoing::{self, OutgoingMail};
use crate::service::{Service, policy};

/// Judges a message as a send would.
///
/// # Errors
/// What refuses the whole message without a word about policy: the send answers the same.
pub(super) fn try_out(
    service: &Service,
    context: &ReadContext<'_>,
    caller: &Caller,
    parsed: &ParsedMessage,
) -> Result<Answer, Refusal> {
    let WayIn::Send {
        inbox,
        trial: Some(Trial { full }),
        ..
    } = &parsed.way
    else {
        return Err(Refusal::Internal);
    };
    let inbox = *inbox;
    let access = caller.access()?;
    let recipients = &parsed.envelope.recipients;
    let mail = OutgoingMail {
        org: access.org,
        inbox,
        recipients,
    };
    let mut refused = full.clone();
    refused.extend(without_room(context, access, parsed)?);
    let mut verdict = match outgoing::judge(service, context.store, &mail) {
        Ok(Decision::Send) => TrialVerdict::Send,
        Ok(Decision::Hold) => TrialVerdict::Hold,
        Ok(Decision::Draft) => TrialVerdict::Draft,
        Err(Refusal::Policy(policy)) => {
            refused.extend(policy.recipients);
            TrialVerdict::Refuse
        }
        Err(other) => return Err(other),
    };
    if !refused.is_empty() {
        verdict = TrialVerdict::Refuse;
    }
    if matches!(verdict, TrialVerdict::Send | TrialVerdict::Hold) {
        let spending = Spending::of(access, inbox, recipients);
        let limits = &context.shared.limits;
        match budget::check(limits, context.store, context.now, &spending) {
            Ok(()) => {}
            Err(Refusal::RateLimited { .. }) => verdict = TrialVerdict::OverBudget,
            Err(other) => return Err(other),
        }
    }
    let rows = recipients.iter().map(|recipient| {
        let found = refused
            .iter()
            .find(|refused| refused.address == recipient.address);
        TrialRecipient {
            address: recipient.address.clone(),
            refused: found.map(|refused| (refused.reason, refused.rule.clone())),
        }
    });
    Ok(Answer::Trial(Box::new(SendTrial {
        verdict,
        recipients: rows.collect(),
    })))
}

/// The recipients whose inbox has no room for the message. Its prefix there is not known yet, so an
/// inbox with room for the octets alone counts as one with room.
fn without_room(
    context: &ReadContext<'_>,
    access: &Access,
    parsed: &ParsedMessage,
) -> Result<Vec<RefusedRecipient>, Refusal> {
    let mut full = Vec::new();
    for recipient in &parsed.envelope.recipients {
        let Some(inbox) = recipient.inbox else {
            continue;
        };
        let place = context.store.place(inbox)?.ok_or(Refusal::NoSuchInbox)?;
        let max = (context.shared.limits.inbox_bytes).min(place.bounds.quota_bytes);
        if place.stored.saturating_add(parsed.body.len() as u64) <= max {
            continue;
        }
        let named = (vec![recipient.address.clone()], max);
        let at = (place.org, Some(inbox));
        if let Refusal::Policy(policy) =
            policy::recipient_full(context.store, Some(access), at, named)?
        {
            full.extend(policy.recipients);
        }
    }
    Ok(full)
}
