//! The lists that mail is compared with: filter rules in both directions, suppressed addresses
//! (DECISIONS.md, "Filter rules"), and the senders that an inbox knows. `outgoing` asks for mail
//! that leaves an inbox, `intake` for mail that comes.
//!
//! It decides about one sender and one recipient, and stores nothing. A server without any list
//! pays one load of a flag; an organization without any, one look-up.

use super::Service;
use crate::call::{
    Answer, FilterAction, FilterDirection, FilterRuleRow, InboxId, Metric, OrgId, PolicyReason,
    PolicyRefusal, ReceiveDefault, Recipient, Refusal,
};
use crate::mail::Address;
use crate::store::Store;

/// Who sends a message, as far as the rules of a receiver look at it.
#[derive(Clone, Copy, Debug)]
pub struct SenderIdentity<'a> {
    /// The reverse-path; `None` is the null path.
    pub reverse_path: Option<&'a str>,
    /// The addresses in From.
    pub authors: &'a [String],
    /// Whether an `allow` counts: From is proven, or is not known yet.
    pub may_be_allowed: bool,
}

/// Whether any organization has a rule or a suppressed address.
pub fn has_lists(service: &Service, store: &Store) -> Result<bool, Refusal> {
    service.lists.is_some(|| store.has_any_list())
}

/// What an inbox does with mail of senders that it does not know.
pub fn receive_default(
    service: &Service,
    store: &Store,
    inbox: InboxId,
) -> Result<ReceiveDefault, Refusal> {
    match service.screens.is_some(|| store.has_any_screen())? {
        true => Ok(store.receive_default(inbox)?),
        false => Ok(ReceiveDefault::Allow),
    }
}

/// Which lists an organization has.
#[derive(Clone, Copy, Default, Debug)]
pub struct OrgLists {
    has_rules: bool,
    has_suppressions: bool,
}

/// Looks up which lists an organization has: one statement for all recipients of a message.
pub fn lists_of(service: &Service, store: &Store, org: OrgId) -> Result<OrgLists, Refusal> {
    if !has_lists(service, store)? {
        return Ok(OrgLists::default());
    }
    let (has_rules, has_suppressions) = store.has_lists(org)?;
    Ok(OrgLists {
        has_rules,
        has_suppressions,
    })
}

/// The rule of a receiver that refuses a sender. Either of its two addresses can be blocked.
pub fn receive_block(
    service: &Service,
    store: &Store,
    receiver: (OrgId, InboxId),
    sender: &SenderIdentity<'_>,
) -> Result<Option<FilterRuleRow>, Refusal> {
    match lists_of(service, store, receiver.0)?.has_rules {
        true => block_of(store, receiver, sender),
        false => Ok(None),
    }
}

/// The same for a receiver whose organization has rules.
fn block_of(
    store: &Store,
    receiver: (OrgId, InboxId),
    sender: &SenderIdentity<'_>,
) -> Result<Option<FilterRuleRow>, Refusal> {
    let authors = sender.authors.iter().map(String::as_str);
    for address in sender.reverse_path.into_iter().chain(authors) {
        let allows_count = sender.may_be_allowed;
        let rule = rule_for(
            store,
            receiver,
            FilterDirection::Receive,
            address,
            allows_count,
        )?;
        if rule
            .as_ref()
            .is_some_and(|r| r.action == FilterAction::Block)
        {
            return Ok(rule);
        }
    }
    Ok(None)
}

/// What the first rule of a receiver that meets a sender does; of its two addresses, the
/// reverse-path comes first.
pub fn receive_action(
    service: &Service,
    store: &Store,
    receiver: (OrgId, InboxId),
    sender: &SenderIdentity<'_>,
) -> Result<Option<FilterAction>, Refusal> {
    if !lists_of(service, store, receiver.0)?.has_rules {
        return Ok(None);
    }
    let authors = sender.authors.iter().map(String::as_str);
    for address in sender.reverse_path.into_iter().chain(authors) {
        let allows_count = sender.may_be_allowed;
        let direction = FilterDirection::Receive;
        if let Some(rule) = rule_for(store, receiver, direction, address, allows_count)? {
            return Ok(Some(rule.action));
        }
    }
    Ok(None)
}

/// Whether an inbox knows the author with this canonical address: it has written to it, its owner
/// has let it in, or a rule allows it. The caller knows that From is no forgery.
pub fn knows(
    service: &Service,
    store: &Store,
    receiver: (OrgId, InboxId),
    author: &str,
) -> Result<bool, Refusal> {
    if store.known_sender(receiver.1, author)?.is_some() {
        return Ok(true);
    }
    if !lists_of(service, store, receiver.0)?.has_rules {
        return Ok(false);
    }
    let rule = rule_for(store, receiver, FilterDirection::Receive, author, true)?;
    Ok(rule.is_some_and(|rule| rule.action == FilterAction::Allow))
}

/// Whether a recipient of another organization here takes mail of senders that it knows alone, and
/// does not know the sending inbox.
pub fn is_unknown_neighbour(
    service: &Service,
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    recipient: &Recipient,
) -> Result<bool, Refusal> {
    let (Some(of), Some(receiver)) = (recipient.org, recipient.inbox) else {
        return Ok(false);
    };
    if of == org || receive_default(service, store, receiver)? != ReceiveDefault::Reject {
        return Ok(false);
    }
    Ok(match address_of(store, (org, inbox))? {
        Some(sender) => !knows(service, store, (of, receiver), &sender)?,
        None => true,
    })
}

/// The canonical address of an inbox.
pub fn address_of(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
) -> Result<Option<String>, Refusal> {
    let row = store.inbox(org, inbox)?;
    let address = row.and_then(|row| Address::parse(&row.address).ok());
    Ok(address.map(|address| address.canonical()))
}

/// Why an address may not be written to, with the id of the rule or of the suppression. `lists` are
/// those of the sender's organization.
pub fn send_block(
    store: &Store,
    lists: OrgLists,
    sender: (OrgId, InboxId),
    recipient: &str,
) -> Result<Option<(PolicyReason, String)>, Refusal> {
    if lists.has_rules
        && let Some(rule) = rule_for(store, sender, FilterDirection::Send, recipient, true)?
        && rule.action == FilterAction::Block
    {
        return Ok(Some((PolicyReason::SendBlocked, rule.id.to_string())));
    }
    if lists.has_suppressions
        && let Ok(address) = Address::parse(recipient)
        && let Some(row) = store.suppression_of(sender.0, &address.canonical())?
    {
        return Ok(Some((PolicyReason::Suppressed, row.id.to_string())));
    }
    Ok(None)
}

/// The same for a recipient on this server: its rules are asked about the sending inbox, whose
/// address is proven by the login.
pub fn neighbour_block(
    service: &Service,
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    recipient: &Recipient,
) -> Result<Option<(PolicyReason, String)>, Refusal> {
    let (Some(of), Some(receiver)) = (recipient.org, recipient.inbox) else {
        return Ok(None);
    };
    if !lists_of(service, store, of)?.has_rules {
        return Ok(None);
    }
    let Some(row) = store.inbox(org, inbox)? else {
        return Ok(None);
    };
    let sender = SenderIdentity {
        reverse_path: None,
        authors: &[row.address],
        may_be_allowed: true,
    };
    let rule = block_of(store, (of, receiver), &sender)?;
    Ok(rule.map(|rule| (PolicyReason::ReceiveBlocked, rule.id.to_string())))
}

/// RCPT on port 25: refuses the recipient when its rules block the reverse-path, whatever comes.
pub fn check_envelope(
    service: &Service,
    store: &Store,
    reverse_path: Option<&str>,
    found: &Answer,
) -> Result<(), Refusal> {
    let Answer::Recipient {
        inbox: Some(inbox),
        org: Some(org),
        ..
    } = *found
    else {
        return Ok(());
    };
    let sender = SenderIdentity {
        reverse_path,
        authors: &[],
        may_be_allowed: true,
    };
    match receive_block(service, store, (org, inbox), &sender)? {
        Some(rule) => Err(receive_blocked(service, &rule)),
        None => Ok(()),
    }
}

fn rule_for(
    store: &Store,
    of: (OrgId, InboxId),
    direction: FilterDirection,
    address: &str,
    allows_count: bool,
) -> Result<Option<FilterRuleRow>, Refusal> {
    // A sender from outside may be no address of ours: its domain still counts.
    let (canonical, domain) = match Address::parse(address) {
        Ok(address) => (address.canonical(), address.domain().to_owned()),
        Err(_) => {
            let lower = address.to_lowercase();
            let domain = lower.rsplit_once('@').map_or("", |(_, domain)| domain);
            (lower.clone(), domain.to_owned())
        }
    };
    Ok(store.filter_rule_for(of, direction, (&canonical, &domain), allows_count)?)
}

/// The refusal of mail that a rule of the receiver blocks.
pub fn receive_blocked(service: &Service, rule: &FilterRuleRow) -> Refusal {
    service.shared.metrics.count(Metric::RejectedPolicy);
    Refusal::Policy(Box::new(PolicyRefusal {
        reason: PolicyReason::ReceiveBlocked,
        rule: Some(rule.id.to_string()),
        recipients: Vec::new(),
    }))
}
