//! Mail of an account elsewhere: a message that the engine of its connection has fetched. New mail
//! goes to the filter and the rules of its inbox; what lies in another mailbox there is placed in
//! the one of the same use here. It comes once: the row that says so is written with it.

use super::analyse::{analyse, check_size};
use super::parsed::{ParsedMessage, WayIn};
use super::plan::{Effect, Placement};
use crate::call::{
    Arrival, Envelope, Flags, Noun, Recipient, Refusal, RemoteUse, SpecialUse, UpstreamMessage,
};
use crate::service::context::ReadContext;
use crate::service::upstream;

/// Parses a message. Octets of an account are kept as they are, but for NUL, which no protocol of
/// ours can carry.
pub(super) fn parse(
    context: &ReadContext<'_>,
    from: Box<UpstreamMessage>,
    mut octets: Vec<u8>,
) -> Result<ParsedMessage, Refusal> {
    check_size(context, &octets)?;
    for octet in octets.iter_mut().filter(|octet| **octet == 0) {
        *octet = b'?';
    }
    let account = from.account;
    let place = context.store.place_of(account.org, account.inbox)?;
    let place = place.ok_or(Refusal::NotFound(Noun::Inbox))?;
    let mut envelope = Envelope::default();
    if from.purpose == RemoteUse::Inbox {
        envelope.recipients.push(Recipient {
            address: place.path.address.clone(),
            inbox: Some(account.inbox),
            org: Some(account.org),
            notify: 0,
            orcpt: None,
        });
    }
    // An old message may have passed many servers.
    let analysis = analyse(context, &octets, 0, usize::MAX)?;
    Ok(ParsedMessage::new(
        WayIn::Elsewhere(from),
        octets,
        analysis,
        envelope,
    ))
}

/// The entry of a message that lies in another mailbox than INBOX.
pub(super) fn placed(
    context: &ReadContext<'_>,
    from: &UpstreamMessage,
) -> Result<Option<Effect>, Refusal> {
    let special = match from.purpose {
        RemoteUse::Inbox | RemoteUse::All | RemoteUse::Archive => return Ok(None),
        RemoteUse::Drafts => SpecialUse::Drafts,
        RemoteUse::Junk => SpecialUse::Junk,
        RemoteUse::Sent => SpecialUse::Sent,
        RemoteUse::Trash => SpecialUse::Trash,
    };
    let account = from.account;
    let found = context
        .store
        .mailbox_special(account.org, account.inbox, special)?;
    let mailbox = found.ok_or(Refusal::NotFound(Noun::Mailbox))?;
    Ok(Some(Effect::Place(Placement {
        id: None,
        inbox: account.inbox,
        mailbox: mailbox.name,
        prefix: Vec::new(),
        flags: Flags::NONE,
        keywords: Vec::new(),
        kind: Arrival::Copied,
        received_at: None,
        ruled: None,
        spam: None,
    })))
}

/// Gives the entries of a message of an account the state that it has there.
pub(super) fn take_over(
    context: &ReadContext<'_>,
    from: Option<&UpstreamMessage>,
    effects: &mut [Effect],
) {
    let Some(from) = from else {
        return;
    };
    let row = &from.row;
    let latest = context.now.unix_ms;
    for effect in effects {
        let Effect::Place(placement) = effect else {
            continue;
        };
        // Its octets are those of the account: nothing stands in front of them.
        placement.prefix = Vec::new();
        placement.flags = placement.flags.with(row.flags);
        let mut keywords = upstream::kept_keywords(&row.keywords);
        keywords.retain(|word| {
            let is_it = |known: &String| known.eq_ignore_ascii_case(word);
            !placement.keywords.iter().any(is_it)
        });
        placement.keywords.extend(keywords);
        placement.received_at = row.received_at.map(|at| at.clamp(0, latest));
    }
}
