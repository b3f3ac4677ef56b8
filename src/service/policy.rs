//! Policy: which addresses a key may send from, which recipients are accepted, the rates and
//! budgets of messages, and the space on the disk. SMTP, REST and IMAP use the same functions.
//!
//! This file decides and stores nothing, except for the count of messages sent in a day.

use super::Service;
use super::access::admit::sees;
use super::access::receives::{ReceiveRate, SendingParty};
use crate::call::{
    Access, Answer, Bounded, ConflictReason, Countable, InboxId, InboxRef, LIFTED, Limits, Metric,
    Network, Noun, Now, OrgId, Payer, PolicyRefusal, Rate, ReceiveDefault, Recipient, Refusal,
};
use crate::mail::Address;
use crate::mail::write::return_path::is_reserved;
use crate::service::outbound::path::row_at;
use crate::store::{Destination, Store};
use core::net::IpAddr;

/// Parses an address of a request. The refusal names its field.
pub fn parse_address(text: &str, field: &'static str) -> Result<Address, Refusal> {
    Address::parse(text).map_err(|e| Refusal::Invalid {
        field,
        why: e.to_string(),
    })
}

/// The inbox that a client names, if it belongs to the organization and the key may see it. An
/// inbox of another organization and an inbox that does not exist give the same answer.
pub fn find_inbox(store: &Store, access: &Access, name: &InboxRef) -> Result<InboxId, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Inbox);
    let path = match name {
        InboxRef::Id(id) => store.inbox_path(access.org, *id)?,
        InboxRef::Address(text) => {
            let canonical = Address::parse(text).map_err(|_| NONE)?.canonical();
            store.inbox_path_at(access.org, &canonical)?
        }
    };
    let path = path.ok_or(NONE)?;
    match access.sees(path.id, &path.ancestors) {
        true => Ok(path.id),
        false => Err(NONE),
    }
}

/// The inbox that a key sends for when it sends as `address`. `user+tag` sends for `user`. Only
/// addresses of the key's own organization count, and only while their domain is proven.
pub fn find_sender_inbox(
    store: &Store,
    access: &Access,
    address: &Address,
) -> Result<InboxId, Refusal> {
    let canonical = address.canonical();
    let inbox = match access.inbox {
        // The usual case first: the address of the login.
        Some(inbox) if access.address == canonical => inbox,
        _ => find_own(store, access, address, &canonical)?.ok_or(Refusal::SenderNotAllowed)?,
    };
    if !sees(store, access, inbox)? {
        return Err(Refusal::SenderNotAllowed);
    }
    check_domain(store, inbox)?;
    Ok(inbox)
}

fn find_own(
    store: &Store,
    access: &Access,
    address: &Address,
    canonical: &str,
) -> Result<Option<InboxId>, Refusal> {
    if let Some(found) = store.inbox_at(access.org, canonical)? {
        return Ok(Some(found));
    }
    match address.without_plus() {
        Some(plain) => Ok(store.inbox_at(access.org, &plain.canonical())?),
        None => Ok(None),
    }
}

/// Checks that the domain of an inbox is proven, or that it has a server of its own to send by:
/// mail leaves it only then.
pub fn check_domain(store: &Store, inbox: InboxId) -> Result<(), Refusal> {
    if store.upstream_sends(inbox)? == Some(false) {
        return Err(Refusal::Conflict(ConflictReason::AccountWithoutSmtp));
    }
    match store.waiting_domain(inbox)? {
        Some(domain) => Err(Refusal::DomainNotVerified { domain }),
        None => Ok(()),
    }
}

/// Whether an inbox lives elsewhere.
pub fn lives_elsewhere(service: &Service, store: &Store, inbox: InboxId) -> Result<bool, Refusal> {
    let is_any = service.upstreams.is_some(|| store.has_any_upstream())?;
    Ok(is_any && store.upstream_sends(inbox)?.is_some())
}

/// Mail of an inbox that lives elsewhere goes by the server of its account, to every recipient:
/// this server does not know whether the address is its organization's, and vouches for nothing.
pub fn send_by_account(
    service: &Service,
    store: &Store,
    inbox: InboxId,
    recipients: &mut [Recipient],
) -> Result<(), Refusal> {
    if lives_elsewhere(service, store, inbox)? {
        for recipient in recipients {
            (recipient.inbox, recipient.org) = (None, None);
        }
    }
    Ok(())
}

/// The inbox that has an address: that of the exact address first, then that of the address without
/// its `+tag` (DECISIONS.md, "Addresses").
pub fn find_destination(store: &Store, address: &Address) -> Result<Option<Destination>, Refusal> {
    if let Some(found) = store.destination(&address.canonical())? {
        return Ok(Some(found));
    }
    match address.without_plus() {
        Some(plain) => Ok(store.destination(&plain.canonical())?),
        None => Ok(None),
    }
}

/// The catch-all of the domain of an address that no inbox has. A return path is no such address:
/// one that names nothing is forged, or its time is over.
fn find_catch_all(store: &Store, address: &Address) -> Result<Option<Destination>, Refusal> {
    match is_reserved(address.local()) {
        true => Ok(None),
        false => Ok(store.catch_all(address.domain())?),
    }
}

/// The same, and for a return path the inbox that has sent the mail.
fn find_return_or(
    service: &Service,
    store: &Store,
    address: &Address,
) -> Result<Option<Destination>, Refusal> {
    let Some(row) = row_at(service, store, address)? else {
        return find_destination(store, address);
    };
    let sender = row.envelope.reverse_path.as_deref().map(Address::parse);
    let Some(Ok(sender)) = sender else {
        return Ok(None);
    };
    let found = find_destination(store, &sender)?;
    Ok(found.filter(|found| found.inbox == row.inbox && found.org == row.org))
}

/// MAIL FROM: checks the path, the announced size, the disk, and on port 25 the rate of the
/// address.
pub fn check_sender(
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
    check_space(service)?;
    match access {
        None => {
            let per_minute = limits.mx_messages_per_minute;
            service.take(Payer::Mx(Network::of(peer)), per_minute, per_minute, now)?;
        }
        Some(access) => {
            // The null path is for notifications, which only servers send. A client must give an
            // address.
            let path = reverse_path.ok_or(Refusal::SenderNotAllowed)?;
            let path = Address::parse(path).map_err(|_| Refusal::SenderNotAllowed)?;
            find_sender_inbox(store, access, &path)?;
        }
    }
    Ok(Answer::Done)
}

/// RCPT TO: finds the inbox, and checks that the sender may reach it, that it has space, and that
/// the sender's share of its rate is not used up. Nothing is counted for the inbox.
pub fn check_recipient(
    service: &Service,
    store: &Store,
    now: Now,
    (access, party): (Option<&Access>, SendingParty),
    text: &str,
) -> Result<Answer, Refusal> {
    let address = parse_address(text, "recipient")?;
    let metrics = &service.shared.metrics;
    let found = match find_return_or(service, store, &address)? {
        None if is_postmaster(service, &address) => store.operator_inbox()?,
        None => find_catch_all(store, &address)?,
        found => found,
    };
    let Some(found) = found else {
        return if is_local(service, store, address.domain())? {
            metrics.count(Metric::RejectedUnknown);
            Err(Refusal::NoSuchInbox)
        } else if access.is_some() {
            Ok(Answer::Recipient {
                inbox: None,
                org: None,
                apart: false,
            })
        } else {
            metrics.count(Metric::RejectedRelay);
            Err(Refusal::RelayDenied)
        };
    };
    let limits = &service.shared.limits;
    for (of, stored, max) in [
        (
            Noun::Inbox,
            found.stored,
            limits.inbox_bytes.min(found.bounds.quota_bytes),
        ),
        (Noun::Organization, found.org_stored, limits.org_bytes),
    ] {
        if stored >= max {
            metrics.count(Metric::RejectedQuota);
            let at = (found.org, Some(found.inbox).filter(|_| of == Noun::Inbox));
            return Err(recipient_full(
                store,
                access,
                at,
                (vec![text.to_owned()], max),
            )?);
        }
    }
    // A message may be put into another mailbox later, but it comes in here.
    if let Some(messages) = found.messages {
        check_messages(limits, messages, 1)
            .inspect_err(|_| metrics.count(Metric::RejectedQuota))?;
    }
    let receiver = (found.inbox, found.bounds.receives_per_minute);
    check_receive(service, now, [receiver], party)?;
    Ok(Answer::Recipient {
        inbox: Some(found.inbox),
        org: Some(found.org),
        apart: found.receives == ReceiveDefault::Reject,
    })
}

/// The refusal of recipients in an inbox that is full, or in an organization that is. A caller of
/// another organization learns only that they get no mail for now.
pub fn recipient_full(
    store: &Store,
    access: Option<&Access>,
    (org, inbox): (OrgId, Option<InboxId>),
    (addresses, max): (Vec<String>, u64),
) -> Result<Refusal, Refusal> {
    let own = access.filter(|access| access.org == org);
    let octets_max = match (own, inbox) {
        (Some(_), None) => {
            let of = Noun::Organization;
            return Ok(Refusal::OverQuota { of, max });
        }
        (Some(access), Some(inbox)) if sees(store, access, inbox)? => Some(max),
        _ => None,
    };
    let refusal = PolicyRefusal::full(addresses, octets_max);
    Ok(Refusal::Policy(Box::new(refusal)))
}

/// Looks up again the recipients of a message that an organization has sent and that has waited:
/// inboxes may have come and gone since.
///
/// # Errors
/// What refuses one of them now.
pub fn find_recipients_again(
    service: &Service,
    store: &Store,
    now: Now,
    access: &Access,
    recipients: &mut [Recipient],
) -> Result<(), Refusal> {
    let sender = (Some(access), SendingParty::Org(access.org));
    for recipient in recipients {
        match check_recipient(service, store, now, sender, &recipient.address)? {
            Answer::Recipient { inbox, org, .. } => (recipient.inbox, recipient.org) = (inbox, org),
            _ => return Err(Refusal::Internal),
        }
    }
    Ok(())
}

/// Puts off the first try of a sender that a recipient does not know, where the operator wants it.
/// It comes after every other check of the recipient: what is refused for good is refused at once.
/// A report that comes to a return path is never put off: the inbox has written to its sender. Nor
/// is mail of a reverse-path that `inbox` knows; forged, that costs the delay and no more.
pub fn check_first_try(
    service: &Service,
    store: &Store,
    (peer, now): (IpAddr, Now),
    from: Option<&str>,
    (recipient, inbox): (&str, Option<InboxId>),
) -> Result<(), Refusal> {
    if !service.shared.inbound.greylist {
        return Ok(());
    }
    let recipient = parse_address(recipient, "recipient")?;
    if is_reserved(recipient.local()) {
        return Ok(());
    }
    if let (Some(from), Some(inbox)) = (from, inbox)
        && let Ok(from) = Address::parse(from)
        && store.known_sender(inbox, &from.canonical())?.is_some()
    {
        return Ok(());
    }
    // Its names with a tag are one recipient.
    let recipient = recipient.without_plus().unwrap_or(recipient).canonical();
    let delay_ms = service.shared.limits.greylist_s.saturating_mul(1000);
    let admitted = (service.counters().greylist).admit(peer, from, &recipient, delay_ms, now);
    admitted.map_err(|retry_ms| {
        service.shared.metrics.count(Metric::Greylisted);
        Refusal::RateLimited {
            rate: Rate::FirstTry,
            retry_ms,
        }
    })
}

/// Refuses `more` messages than the `messages` of a mailbox that it may not have.
pub fn check_messages(limits: &Limits, messages: u32, more: u32) -> Result<(), Refusal> {
    let max = limits.mailbox_messages;
    if u64::from(messages) + u64::from(more) <= max {
        return Ok(());
    }
    Err(Refusal::Limit {
        what: Countable::Messages,
        max,
    })
}

/// Whether an address is the postmaster of this server (RFC 5321 section 4.5.1). On a domain of an
/// organization, the organization decides which inbox has that name.
fn is_postmaster(service: &Service, address: &Address) -> bool {
    let ours = [&service.shared_domain, &service.shared.host];
    address.local().eq_ignore_ascii_case("postmaster")
        && ours
            .iter()
            .any(|name| name.eq_ignore_ascii_case(address.domain()))
}

/// Whether mail for this domain stays on this server, for any organization. A domain that waits for
/// a proof is foreign, for its own organization too.
pub fn is_local(service: &Service, store: &Store, domain: &str) -> Result<bool, Refusal> {
    Ok(domain == service.shared_domain || store.proven_domain(domain)?.is_some())
}

/// Checks that each of these inboxes, with the rate of its own, may receive one more message of
/// `party`. Nothing is counted:
/// [`count_receive`] does that when the message is delivered.
pub fn check_receive(
    service: &Service,
    now: Now,
    inboxes: impl IntoIterator<Item = (InboxId, u64)>,
    party: SendingParty,
) -> Result<(), Refusal> {
    let mut counters = service.counters();
    for (inbox, own) in inboxes {
        let Some(rate) = receive_rate(service, own) else {
            continue;
        };
        if let Err(retry_ms) = counters.receives.check(inbox, party, rate, now) {
            service.shared.metrics.count(Metric::RateLimited);
            return Err(Refusal::RateLimited {
                rate: Rate::Received {
                    max: rate.per_minute() as u64,
                },
                retry_ms,
            });
        }
    }
    Ok(())
}

/// Counts a message of `party` that each of these inboxes has received.
pub fn count_receive(
    service: &Service,
    now: Now,
    inboxes: impl IntoIterator<Item = (InboxId, u64)>,
    party: SendingParty,
) {
    let mut counters = service.counters();
    for (inbox, own) in inboxes {
        if let Some(rate) = receive_rate(service, own) {
            counters.receives.count(inbox, party, rate, now);
        }
    }
}

/// The rate at which an inbox receives: the stricter of its own and that of every inbox. `None`
/// when it has none.
fn receive_rate(service: &Service, own: u64) -> Option<ReceiveRate> {
    let own = usize::try_from(own).unwrap_or(usize::MAX);
    let per_minute = service.shared.limits.inbox_receives_per_minute.min(own);
    (per_minute < LIFTED).then(|| ReceiveRate::new(per_minute))
}

/// Counts `n` messages that `inbox` sends, in the transaction that queues them. When the daily
/// budget of the inbox or of its organization is used up, it refuses, and the rollback of the
/// savepoint takes the count back.
pub fn charge_sends(
    limits: &Limits,
    store: &Store,
    now: Now,
    org: OrgId,
    inbox: InboxId,
    n: u64,
) -> Result<(), Refusal> {
    let day = day_of(now);
    let (of_inbox, of_org, own) = store.count_sends(org, inbox, day, n)?;
    let of_all = limits.inbox_sends_per_day as u64;
    let budgets = [
        (Noun::Inbox, of_inbox, of_all.min(own)),
        (Noun::Organization, of_org, limits.org_sends_per_day as u64),
    ];
    if let Some((of, _, max)) = budgets.into_iter().find(|(_, sent, max)| sent > max) {
        return Err(used_up(now, |renews_at| Rate::SentInDay {
            of,
            max,
            renews_at,
        }));
    }
    Ok(())
}

/// The refusal of a message by a budget of the day; `rate` is told when the budget begins anew.
pub fn used_up(now: Now, rate: impl FnOnce(i64) -> Rate) -> Refusal {
    let renews_at = renews_at(now);
    let retry_ms = u64::try_from(renews_at.saturating_sub(now.unix_ms)).unwrap_or(0);
    Refusal::RateLimited {
        rate: rate(renews_at),
        retry_ms,
    }
}

/// When the budgets of this day begin anew, unix milliseconds.
pub fn renews_at(now: Now) -> i64 {
    day_of(now).saturating_add(1).saturating_mul(DAY_MS)
}

/// The UTC day, counted from 1970.
pub fn day_of(now: Now) -> i64 {
    now.unix_ms.div_euclid(DAY_MS)
}

/// Checks that the disk has space for more mail: 1.5 times the largest message or 64 MiB, whichever
/// is more. Reading, deleting and delivering to outside go on without that space.
pub fn check_space(service: &Service) -> Result<(), Refusal> {
    let wanted = space_wanted(service);
    // When the probe fails, mail is accepted: a full disk then fails the commit.
    if service.free_bytes().is_some_and(|free| free < wanted) {
        service.shared.metrics.count(Metric::RejectedDisk);
        return Err(Refusal::NoSpace);
    }
    Ok(())
}

/// Whether mail may be refused soon for want of space. Then deleted rows are reclaimed at once.
pub fn is_space_short(service: &Service) -> bool {
    let wanted = space_wanted(service).saturating_mul(SPACE_SHORT_TIMES);
    service.free_bytes().is_some_and(|free| free < wanted)
}

fn space_wanted(service: &Service) -> u64 {
    let message = service.shared.limits.message_bytes as u64;
    SPACE_BYTES_MIN.max(message.saturating_add(message / 2))
}

const DAY_MS: i64 = 86_400_000;
/// With less free space SQLite itself may fail to commit a deletion.
const SPACE_BYTES_MIN: u64 = 64 << 20;
/// Space is short below this many times the wanted space.
const SPACE_SHORT_TIMES: u64 = 4;
