//! What is known of the sender of a message beside the message, for the filter: the history of the
//! inbox, and the lists. It judges nothing.
//!
//! The rule: **a From that may be forged makes its author no better known.** Where no check shows
//! that the author is the one that From names, the inbox knows no correspondent, allows none, and
//! remembers apart what was sent under that name.

use super::screen::{ScreenedSender, may_be_forged};
use crate::call::{InboxId, OrgId, Refusal, SenderAuth};
use crate::judge::{PastVerdicts, SenderFacts};
use crate::mail::Address;
use crate::mail::digest::Analysis;
use crate::mail::parse::address_list::Mailbox;
use crate::service::Service;
use crate::service::context::ReadContext;
use crate::service::lists::{self, SenderIdentity};
use crate::store::{SenderPast, Store};

/// The author of a message, as an inbox remembers it.
#[derive(Debug)]
pub(super) struct Author {
    /// The canonical address; `None` when From has none.
    pub address: Option<String>,
    /// What is known of it.
    pub auth: SenderAuth,
    /// The organization, of a client here.
    pub org: Option<OrgId>,
    /// The address, then the domain of a proven one, by the hash under which each is remembered.
    keys: Vec<i64>,
}

impl Author {
    /// The author of a message that comes in.
    pub fn of(store: &Store, from: &ScreenedSender) -> Result<Author, Refusal> {
        let address = match from.client {
            Some(client) => lists::address_of(store, client)?,
            None => from.author.clone(),
        };
        let mut keys = Vec::new();
        if let Some(address) = &address {
            keys.push(address_key(store, address, from.auth)?);
            let is_forged = may_be_forged(from.auth);
            if let (false, Some((_, domain))) = (is_forged, address.rsplit_once('@')) {
                keys.push(store.sender_key(&format!("{PROVEN}{domain}"))?);
            }
        }
        Ok(Author {
            address,
            auth: from.auth,
            org: from.client.map(|(org, _)| org),
            keys,
        })
    }

    /// The hashes under which an inbox remembers it.
    pub fn into_keys(self) -> Vec<i64> {
        self.keys
    }
}

/// The hash under which an inbox remembers the author of a stored message.
pub(in crate::service) fn author_key(
    store: &Store,
    address: &str,
    auth: SenderAuth,
) -> Result<Option<i64>, Refusal> {
    let Ok(address) = Address::parse(address) else {
        return Ok(None);
    };
    address_key(store, &address.canonical(), auth).map(Some)
}

/// The hash under which an inbox remembers an address.
fn address_key(store: &Store, canonical: &str, auth: SenderAuth) -> Result<i64, Refusal> {
    let mark = match may_be_forged(auth) {
        true => UNPROVEN,
        false => PROVEN,
    };
    Ok(store.sender_key(&format!("{mark}{canonical}"))?)
}

/// What one inbox knows of an author.
pub(super) fn facts_for(
    service: &Service,
    context: &ReadContext<'_>,
    (author, analysis, reverse_path): (&Author, &Analysis, Option<&str>),
    (org, inbox): (OrgId, InboxId),
) -> Result<SenderFacts, Refusal> {
    let store = context.store;
    let is_own = author.org == Some(org);
    let auth = match author.auth {
        SenderAuth::Client if !is_own => SenderAuth::Neighbour,
        auth => auth,
    };
    let proven = author.address.as_deref().filter(|_| !may_be_forged(auth));
    let mut pasts = Vec::with_capacity(author.keys.len());
    for key in &author.keys {
        pasts.push(store.sender_past(inbox, *key)?);
    }
    let past = |at: usize| pasts.get(at).copied().flatten().map(past_verdicts);
    let is_correspondent = match proven {
        Some(address) => store.known_sender(inbox, address)?.is_some(),
        None => false,
    };
    let authors: Vec<String> = (analysis.from.iter())
        .map(|mailbox| format!("{}@{}", mailbox.local, mailbox.domain))
        .collect();
    let sender = SenderIdentity {
        reverse_path,
        authors: &authors,
        may_be_allowed: proven.is_some(),
    };
    Ok(SenderFacts {
        auth,
        is_correspondent,
        is_answer: store.answers_own(inbox, &analysis.in_reply_to)?,
        is_first: (author.address.is_some()).then(|| pasts.iter().all(Option::is_none)),
        of_sender: past(0).unwrap_or_default(),
        of_domain: past(1).unwrap_or_default(),
        listed: lists::receive_action(service, store, (org, inbox), &sender)?,
        is_own_organization: is_own,
        namesake: namesake_of(store, org, (analysis, author))?,
        // The own domain imitates none of them.
        own_domains: match is_own {
            true => Vec::new(),
            false => store.proven_domains(org, OWN_DOMAINS_MAX)?,
        },
    })
}

fn past_verdicts(past: SenderPast) -> PastVerdicts {
    PastVerdicts {
        clean: past.clean,
        spam: past.spam,
    }
}

/// The address of the inbox of the organization whose display name the author has, where that is
/// another address.
fn namesake_of(
    store: &Store,
    org: OrgId,
    (analysis, author): (&Analysis, &Author),
) -> Result<Option<String>, Refusal> {
    let named = analysis
        .author()
        .and_then(|mailbox| mailbox.name.as_deref());
    let Some(name) = named.map(str::trim).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if author.org == Some(org) {
        return Ok(None);
    }
    let address = analysis.author().and_then(Mailbox::address);
    let own = store.inbox_with_display_name(org, name)?;
    Ok(own.filter(|own| address.is_none_or(|address| address.to_string() != *own)))
}

/// Marks in front of what is remembered: the address is proven, or may be forged.
const PROVEN: char = '=';
const UNPROVEN: char = '~';

/// Domains of an organization that an address is compared with.
const OWN_DOMAINS_MAX: u32 = 100;
