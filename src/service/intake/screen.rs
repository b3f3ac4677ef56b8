//! Screening: what an inbox does with mail of a sender that it does not know.
//!
//! A sender is known to an inbox that has written to it, or whose owner has let it in, by a message
//! or by a rule; a client of the same organization always is. A From that may be forged is known to
//! no inbox. It stores nothing, and mail is refused only while its sender waits for the answer.

use crate::call::{
    InboxId, OrgId, PolicyReason, PolicyRefusal, ReceiveDefault, Recipient, Refusal, SenderAuth,
    SpecialUse,
};
use crate::service::context::ReadContext;
use crate::service::{Service, lists};

/// The sender of a message, as far as screening looks at it.
#[derive(Debug)]
pub(super) struct ScreenedSender {
    /// The organization and the inbox of a client here. The login proves the inbox: its address
    /// counts, whatever tag its From has.
    pub client: Option<(OrgId, InboxId)>,
    /// The canonical address of the author outside; `None` when From has none.
    pub author: Option<String>,
    /// What is known of it.
    pub auth: SenderAuth,
}

/// What becomes of a message in one inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Screened {
    /// It goes to INBOX.
    Taken,
    /// It goes to the mailbox of this name, with these keywords.
    Aside(String, Vec<String>),
    /// The inbox does not take it.
    Refused,
}

/// Screens a message for one recipient.
pub(super) fn screen(
    service: &Service,
    context: &ReadContext<'_>,
    sender: &ScreenedSender,
    recipient: &Recipient,
) -> Result<Screened, Refusal> {
    let (Some(inbox), Some(org)) = (recipient.inbox, recipient.org) else {
        return Ok(Screened::Taken);
    };
    if sender.client.is_some_and(|(of, _)| of == org) {
        return Ok(Screened::Taken);
    }
    let store = context.store;
    let mode = lists::receive_default(service, store, inbox)?;
    if mode == ReceiveDefault::Allow {
        return Ok(Screened::Taken);
    }
    let known_as = match (sender.client, may_be_forged(sender.auth)) {
        (Some(client), _) => lists::address_of(store, client)?,
        (None, true) => None,
        (None, false) => sender.author.clone(),
    };
    if let Some(author) = known_as
        && lists::knows(service, store, (org, inbox), &author)?
    {
        return Ok(Screened::Taken);
    }
    if mode == ReceiveDefault::Reject {
        return Ok(Screened::Refused);
    }
    let Some(junk) = store.mailbox_special(org, inbox, SpecialUse::Junk)? else {
        return Ok(Screened::Taken);
    };
    // A mailbox that has all the keywords it may have still takes the message.
    let keywords = vec![ReceiveDefault::SCREENED.to_owned()];
    let fits = store.check_keywords(junk.id, &keywords).is_ok();
    Ok(Screened::Aside(
        junk.name,
        if fits { keywords } else { Vec::new() },
    ))
}

/// The refusal of a message that some of its recipients do not take.
pub(super) fn refused(recipients: Vec<String>) -> Refusal {
    let reason = PolicyReason::SenderUnknown;
    Refusal::Policy(Box::new(PolicyRefusal::of(reason, recipients)))
}

/// Whether the author may be another one than From says: no check shows who it is.
pub(super) fn may_be_forged(auth: SenderAuth) -> bool {
    match auth {
        SenderAuth::Checked(found) => !found.aligned,
        SenderAuth::SpoofedLocal | SenderAuth::Unknown => true,
        SenderAuth::Client | SenderAuth::Neighbour => false,
    }
}
