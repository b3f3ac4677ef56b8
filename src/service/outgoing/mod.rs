//! Policy of mail that leaves an inbox: one function judges it, whatever the way out. It is asked
//! when mail is accepted (at RCPT, on the reader that decides on a message, and again by the
//! writer in the transaction of the answer) and when it leaves.
//!
//! It sends nothing and stores nothing. The order of the checks is the order of the answers: what
//! concerns the sender comes first, then each recipient.

pub mod approval;
pub mod budget;
pub mod drafts;
pub mod due;
pub mod reasons;
pub mod schedule;
pub mod taken_back;
pub mod velocity;
pub mod waiting;

use crate::call::{
    Access, Answer, Decision, InboxId, Metric, Noun, OrgId, PolicyReason, PolicyRefusal, Recipient,
    Refusal, RefusedRecipient, SendMode,
};
use crate::mail::Address;
use crate::service::lists::OrgLists;
use crate::service::policy::find_sender_inbox;
use crate::service::{Service, lists};
use crate::store::{SenderPolicy, Store};

/// A message on its way out, as far as policy looks at it.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingMail<'a> {
    /// The organization that sends.
    pub org: OrgId,
    /// The inbox that sends.
    pub inbox: InboxId,
    /// The recipients of the envelope; at RCPT the one that is named.
    pub recipients: &'a [Recipient],
}

/// Judges a message. It is refused as a whole; the refusal names every recipient that is refused.
///
/// # Errors
/// `DomainNotVerified`, `Policy`; `NotFound` when the inbox is gone.
pub fn judge(
    service: &Service,
    store: &Store,
    mail: &OutgoingMail<'_>,
) -> Result<Decision, Refusal> {
    let policy = store
        .sender_policy(mail.org, mail.inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    if let Some(domain) = policy.waiting_domain {
        return Err(Refusal::DomainNotVerified { domain });
    }
    let lists = lists::lists_of(service, store, mail.org)?;
    let mut refused = Vec::new();
    for recipient in mail.recipients {
        let of_sender = (&policy, lists, mail);
        if let Some((reason, rule)) = refuses(service, store, of_sender, recipient)? {
            refused.push(RefusedRecipient {
                address: recipient.address.clone(),
                reason,
                rule,
                octets_max: None,
            });
        }
    }
    if let Some(first) = refused.first() {
        service.shared.metrics.count(Metric::RejectedPolicy);
        return Err(Refusal::Policy(Box::new(PolicyRefusal {
            reason: first.reason,
            rule: first.rule.clone(),
            recipients: refused,
        })));
    }
    Ok(match policy.mode {
        SendMode::Draft => Decision::Draft,
        SendMode::Hold if (mail.recipients.iter()).any(|to| to.org != Some(mail.org)) => {
            Decision::Hold
        }
        SendMode::Direct | SendMode::Hold | SendMode::Off => Decision::Send,
    })
}

/// Judges a message that is approved: `hold` is satisfied, everything else holds.
pub fn judge_approved(
    service: &Service,
    store: &Store,
    mail: &OutgoingMail<'_>,
) -> Result<(), Refusal> {
    match judge(service, store, mail)? {
        Decision::Send | Decision::Hold => Ok(()),
        Decision::Draft => Err(changed(mail)),
    }
}

/// Judges one recipient of a submission, before its message has come. `from` is the reverse-path,
/// `found` what [`crate::service::policy::check_recipient`] has found.
pub fn judge_recipient(
    service: &Service,
    store: &Store,
    (access, from): (&Access, &str),
    (address, found): (&str, &Answer),
) -> Result<(), Refusal> {
    let from = Address::parse(from).map_err(|_| Refusal::SenderNotAllowed)?;
    let Answer::Recipient { inbox, org, .. } = *found else {
        return Err(Refusal::Internal);
    };
    let recipient = Recipient {
        address: address.to_owned(),
        inbox,
        org,
        notify: 0,
        orcpt: None,
    };
    let mail = OutgoingMail {
        org: access.org,
        inbox: find_sender_inbox(store, access, &from)?,
        recipients: core::slice::from_ref(&recipient),
    };
    judge(service, store, &mail).map(drop)
}

/// Why policy refuses a recipient, with the id of the rule if it is one; `None` when it does not.
fn refuses(
    service: &Service,
    store: &Store,
    (policy, lists, mail): (&SenderPolicy, OrgLists, &OutgoingMail<'_>),
    recipient: &Recipient,
) -> Result<Option<(PolicyReason, Option<String>)>, Refusal> {
    match policy.mode {
        SendMode::Off => return Ok(Some((PolicyReason::SendOff, None))),
        // A draft goes nowhere.
        SendMode::Draft => return Ok(None),
        SendMode::Direct | SendMode::Hold if policy.is_paused => {
            return Ok(Some((PolicyReason::OrgPaused, None)));
        }
        SendMode::Direct | SendMode::Hold => {}
    }
    let sender = (mail.org, mail.inbox);
    let listed = match lists::send_block(store, lists, sender, &recipient.address)? {
        None => lists::neighbour_block(service, store, sender, recipient)?,
        listed => listed,
    };
    if listed.is_none() && lists::is_unknown_neighbour(service, store, sender, recipient)? {
        return Ok(Some((PolicyReason::SenderUnknown, None)));
    }
    Ok(listed.map(|(reason, rule)| (reason, Some(rule))))
}

/// The refusal when the writer decides otherwise than the reader did.
pub fn changed(mail: &OutgoingMail<'_>) -> Refusal {
    let refused = |recipient: &Recipient| RefusedRecipient {
        address: recipient.address.clone(),
        reason: PolicyReason::Changed,
        rule: None,
        octets_max: None,
    };
    Refusal::Policy(Box::new(PolicyRefusal {
        reason: PolicyReason::Changed,
        rule: None,
        recipients: mail.recipients.iter().map(refused).collect(),
    }))
}
