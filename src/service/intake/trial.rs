//! A trial: what would become of a message that REST describes, for each recipient. Nothing is
//! stored and nothing is counted.

use super::parsed::{ParsedMessage, WayIn};
use crate::call::{Answer, Caller, Decision, Refusal, SendTrial, TrialRecipient, TrialVerdict};
use crate::service::Service;
use crate::service::context::ReadContext;
use crate::service::outgoing::budget::{self, Spending};
use crate::service::outgoing::{self, OutgoingMail};

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
    let WayIn::Send { inbox, .. } = parsed.way else {
        return Err(Refusal::Internal);
    };
    let access = caller.access()?;
    let recipients = &parsed.envelope.recipients;
    let mail = OutgoingMail {
        org: access.org,
        inbox,
        recipients,
    };
    let mut refused = Vec::new();
    let mut verdict = match outgoing::judge(service, context.store, &mail) {
        Ok(Decision::Send) => TrialVerdict::Send,
        Ok(Decision::Hold) => TrialVerdict::Hold,
        Ok(Decision::Draft) => TrialVerdict::Draft,
        Err(Refusal::Policy(policy)) => {
            refused = policy.recipients;
            TrialVerdict::Refuse
        }
        Err(other) => return Err(other),
    };
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
