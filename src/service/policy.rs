//! Who may send as whom and to whom, how much, and whether there is room: one code path for
//! SMTP, REST and IMAP. It decides; storing is done elsewhere.

use super::Service;
use super::access::limits::Payer;
use crate::call::{
    Access, Answer, Bounded, InboxId, InboxRef, Limits, Metric, Network, Noun, Now, OrgId, Rate,
    Refusal,
};
use crate::mail::Address;
use crate::store::{Destination, Store};
use core::net::IpAddr;

/// Reads an address of a request; the refusal names its field.
pub fn address(text: &str, field: &'static str) -> Result<Address, Refusal> {
    Address::parse(text).map_err(|e| Refusal::Invalid {
        field,
        why: e.to_string(),
    })
}

/// The inbox that a client names, if it is of the organization and the key may see it.
/// Another's and none are the same answer.
pub fn named_inbox(store: &Store, access: &Access, name: &InboxRef) -> Result<InboxId, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Inbox);
    let inbox = match name {
        InboxRef::Id(id) => *id,
        InboxRef::Address(text) => {
            let canonical = Address::parse(text).map_err(|_| NONE)?.canonical();
            match store.address_owner(&canonical)? {
                Some((org, Some(inbox))) if org == access.org => inbox,
                _ => return Err(NONE),
            }
        }
    };
    if !access.sees(inbox) || store.inbox_path(access.org, inbox)?.is_none() {
        return Err(NONE);
    }
    Ok(inbox)
}

/// The inbox that a key sends for when it sends as `address`. `user+tag` sends for `user`.
pub fn sender_inbox(store: &Store, access: &Access, address: &Address) -> Result<InboxId, Refusal> {
    let canonical = address.canonical();
    // The usual case first: the address that was logged in with.
    if let Some(inbox) = access.inbox
        && access.address == canonical
    {
        return Ok(inbox);
    }
    let found = destination(store, address)?;
    match found {
        Some(d) if d.org == access.org && access.sees(d.inbox) => Ok(d.inbox),
        _ => Err(Refusal::SenderNotAllowed),
    }
}

/// The inbox that an address belongs to: exactly, else without its `+tag` (DECISIONS.md,
/// "Addresses").
pub fn destination(store: &Store, address: &Address) -> Result<Option<Destination>, Refusal> {
    if let Some(found) = store.destination(&address.canonical())? {
        return Ok(Some(found));
    }
    match address.without_plus() {
        Some(plain) => Ok(store.destination(&plain.canonical())?),
        None => Ok(None),
    }
}

/// MAIL FROM: the path, the announced size, the disk, and on port 25 the address's rate.
pub fn sender(
    service: &Service,
    store: &Store,
    peer: IpAddr,
    now: Now,
    access: Option<&Access>,
    reverse_path: Option<&str>,
    size: Option<u64>,
) -> Result<Answer, Refusal> {
    let limits = &service.shared.limits;
    if size.is_some_and(|n| n > limits.message_bytes as u64) {
        service.shared.metrics.count(Metric::RejectedSize);
        return Err(Refusal::TooBig {
            what: Bounded::Message,
            max: limits.message_bytes as u64,
        });
    }
    space(service)?;
    match access {
        None => {
            let per_minute = limits.mx_messages_per_minute;
            service.take(Payer::Mx(Network::of(peer)), per_minute, per_minute, now)?;
        }
        Some(access) => {
            // The null path is for notifications that servers make; a client has an address.
            let path = reverse_path.ok_or(Refusal::SenderNotAllowed)?;
            let path = Address::parse(path).map_err(|_| Refusal::SenderNotAllowed)?;
            sender_inbox(store, access, &path)?;
        }
    }
    Ok(Answer::Done)
}

/// RCPT TO: where it goes, whether it may, whether there is room.
pub fn recipient(
    service: &Service,
    store: &Store,
    now: Now,
    access: Option<&Access>,
    text: &str,
) -> Result<Answer, Refusal> {
    let address = address(text, "recipient")?;
    let metrics = &service.shared.metrics;
    let found = match destination(store, &address)? {
        None if is_postmaster(service, &address) => store.operator_inbox()?,
        found => found,
    };
    let Some(found) = found else {
        return if is_local(service, store, address.domain())? {
            metrics.count(Metric::RejectedUnknown);
            Err(Refusal::NoSuchInbox)
        } else if access.is_some() {
            Ok(Answer::Recipient { inbox: None })
        } else {
            metrics.count(Metric::RejectedRelay);
            Err(Refusal::RelayDenied)
        };
    };
    if found.bytes >= service.shared.limits.inbox_bytes {
        metrics.count(Metric::RejectedQuota);
        return Err(Refusal::OverQuota);
    }
    charge_receive(service, now, found.inbox)?;
    Ok(Answer::Recipient {
        inbox: Some(found.inbox),
    })
}

/// Whether it is for the operator of this server (RFC 5321 section 4.5.1). On an organization's
/// own domain that name is the organization's to give.
fn is_postmaster(service: &Service, address: &Address) -> bool {
    let ours = [&service.shared_domain, &service.shared.host];
    address.local().eq_ignore_ascii_case("postmaster")
        && ours
            .iter()
            .any(|name| name.eq_ignore_ascii_case(address.domain()))
}

/// Whether mail for this domain stays here, for any organization.
pub fn is_local(service: &Service, store: &Store, domain: &str) -> Result<bool, Refusal> {
    Ok(domain == service.shared_domain || store.domain_by_name(domain)?.is_some())
}

/// Counts a message that `inbox` is to receive: 60 a minute, in bursts of five times as many.
pub fn charge_receive(service: &Service, now: Now, inbox: InboxId) -> Result<(), Refusal> {
    let per_minute = service.shared.limits.inbox_receives_per_minute;
    let burst = per_minute.saturating_mul(BURST_MINUTES);
    service.take(Payer::Inbox(inbox), per_minute, burst, now)
}

/// Counts `n` messages that `inbox` sends, in the transaction that queues them. Over the
/// day's budget of the inbox or its organization it refuses, and the savepoint takes the
/// count back.
pub fn charge_sends(
    limits: &Limits,
    store: &Store,
    now: Now,
    org: OrgId,
    inbox: InboxId,
    n: u64,
) -> Result<(), Refusal> {
    let day = day_of(now);
    let (of_inbox, of_org) = store.count_sends(org, inbox, day, n)?;
    if of_inbox > limits.inbox_sends_per_day as u64 || of_org > limits.org_sends_per_day as u64 {
        let next = (day + 1).saturating_mul(DAY_MS);
        let retry_ms = u64::try_from(next.saturating_sub(now.unix_ms)).unwrap_or(0);
        return Err(Refusal::RateLimited {
            rate: Rate::Messages,
            retry_ms,
        });
    }
    Ok(())
}

/// The UTC day, counted from 1970.
pub fn day_of(now: Now) -> i64 {
    now.unix_ms.div_euclid(DAY_MS)
}

/// Whether the disk has room for more mail: 1.5 times the largest message or 64 MiB,
/// whichever is more. Reading, deleting and delivering to outside go on without it.
pub fn space(service: &Service) -> Result<(), Refusal> {
    let wanted = space_wanted(service);
    // A probe that fails must not stop the mail: the commit will tell.
    if service.free_bytes().is_some_and(|free| free < wanted) {
        service.shared.metrics.count(Metric::RejectedDisk);
        return Err(Refusal::NoSpace);
    }
    Ok(())
}

/// Whether mail may be refused before long: what is deleted must make room at once.
pub fn is_space_short(service: &Service) -> bool {
    let wanted = space_wanted(service).saturating_mul(SPACE_SHORT_TIMES);
    service.free_bytes().is_some_and(|free| free < wanted)
}

fn space_wanted(service: &Service) -> u64 {
    let message = service.shared.limits.message_bytes as u64;
    SPACE_BYTES_MIN.max(message.saturating_add(message / 2))
}

const DAY_MS: i64 = 86_400_000;
const BURST_MINUTES: usize = 5;
/// Below this SQLite itself may find no room to commit a deletion.
const SPACE_BYTES_MIN: u64 = 64 << 20;
/// Below this many times what is wanted, space is short.
const SPACE_SHORT_TIMES: u64 = 4;
