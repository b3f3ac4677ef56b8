//! Budgets of a day: what an inbox, its organization and a key may send, and to how many addresses
//! outside an inbox may write for the first time in a while. SMTP, REST, approvals and scheduled
//! mail draw from the same.
//!
//! The rule: **a message is charged once, when it is accepted**, in the transaction of its answer.

use crate::call::{
    Access, BudgetsLeft, InboxId, KeyId, Limits, Noun, Now, OrgId, Rate, Recipient, Refusal,
};
use crate::mail::Address;
use crate::service::policy::{charge_sends, day_of, renews_at, used_up};
use crate::store::{DayCount, Store};

/// A message that draws from budgets.
#[derive(Clone, Copy, Debug)]
pub struct Spending<'a> {
    /// The sender.
    pub from: (OrgId, InboxId),
    /// The key that sends; `None` is the operator, or the server.
    pub key: Option<KeyId>,
    /// The recipients of the envelope.
    pub recipients: &'a [Recipient],
}

impl<'a> Spending<'a> {
    /// A message of a caller.
    pub fn of(access: &Access, inbox: InboxId, recipients: &'a [Recipient]) -> Spending<'a> {
        Spending {
            from: (access.org, inbox),
            key: access.key,
            recipients,
        }
    }
}

/// Charges a message, in the transaction that accepts it.
///
/// # Errors
/// `RateLimited` when a budget is used up. What is written only here is checked before.
pub fn charge(
    limits: &Limits,
    store: &Store,
    now: Now,
    spending: &Spending<'_>,
) -> Result<(), Refusal> {
    let strangers = check_own(limits, store, now, spending)?;
    let (org, inbox) = spending.from;
    charge_sends(limits, store, now, org, inbox, 1)?;
    let day = day_of(now);
    if let Some(key) = counted_key(limits, spending.key) {
        store.count_in_day(DayCount::KeySends(key), day, 1)?;
    }
    if strangers > 0 {
        store.count_in_day(DayCount::NewRecipients(inbox), day, strangers)?;
    }
    Ok(())
}

/// What [`charge`] would say, by what is committed. Nothing is counted.
pub fn check(
    limits: &Limits,
    store: &Store,
    now: Now,
    spending: &Spending<'_>,
) -> Result<(), Refusal> {
    check_own(limits, store, now, spending)?;
    let (org, inbox) = spending.from;
    let (of_inbox, of_org) = store.sent_on(org, inbox, day_of(now))?;
    let own = store.inbox_limits(org, inbox)?.sends_per_day;
    for (of, sent, max) in [
        (
            Noun::Inbox,
            of_inbox,
            stricter(limits.inbox_sends_per_day as u64, own),
        ),
        (Noun::Organization, of_org, limits.org_sends_per_day as u64),
    ] {
        if sent >= max {
            return Err(used_up(now, |renews_at| Rate::SentInDay {
                of,
                max,
                renews_at,
            }));
        }
    }
    Ok(())
}

/// What is left of the budgets that a message of this key draws from, by what is committed:
/// those of the inbox, of the key, and of the organization if it has sent `of_org` so far.
pub fn left(
    limits: &Limits,
    store: &Store,
    now: Now,
    access: &Access,
    (inbox, of_org): (Option<InboxId>, Option<u64>),
) -> Result<BudgetsLeft, Refusal> {
    let day = day_of(now);
    let mut left = BudgetsLeft {
        org_sends: of_org.map(|sent| (limits.org_sends_per_day as u64).saturating_sub(sent)),
        renews_at: renews_at(now),
        ..BudgetsLeft::default()
    };
    if let Some(key) = counted_key(limits, access.key) {
        let sent = store.day_count(DayCount::KeySends(key), day)?;
        left.key_sends = Some((limits.key_sends_per_day as u64).saturating_sub(sent));
    }
    if let Some(inbox) = inbox {
        let own = store.inbox_limits(access.org, inbox)?;
        let (sent, _) = store.sent_on(access.org, inbox, day)?;
        let max = stricter(limits.inbox_sends_per_day as u64, own.sends_per_day);
        left.inbox_sends = Some(max.saturating_sub(sent));
        let new = store.day_count(DayCount::NewRecipients(inbox), day)?;
        let of_all = limits.inbox_new_recipients_per_day as u64;
        let max = stricter(of_all, own.new_recipients_per_day);
        left.inbox_new_recipients = Some(max.saturating_sub(new));
    }
    Ok(left)
}

/// Checks the budgets that are counted here. Gives how many recipients are new.
fn check_own(
    limits: &Limits,
    store: &Store,
    now: Now,
    spending: &Spending<'_>,
) -> Result<u64, Refusal> {
    let day = day_of(now);
    if let Some(key) = counted_key(limits, spending.key) {
        let max = limits.key_sends_per_day as u64;
        if store.day_count(DayCount::KeySends(key), day)? >= max {
            let of = Noun::Key;
            return Err(used_up(now, |renews_at| Rate::SentInDay {
                of,
                max,
                renews_at,
            }));
        }
    }
    let strangers = strangers(store, now, spending)?;
    if strangers > 0 {
        let (org, inbox) = spending.from;
        let own = store.inbox_limits(org, inbox)?.new_recipients_per_day;
        let max = stricter(limits.inbox_new_recipients_per_day as u64, own);
        let before = store.day_count(DayCount::NewRecipients(inbox), day)?;
        if before.saturating_add(strangers) > max {
            return Err(used_up(now, |renews_at| Rate::NewRecipients {
                max,
                renews_at,
            }));
        }
    }
    Ok(strangers)
}

/// The stricter of a limit of every inbox and that of one.
pub fn stricter(of_all: u64, own: Option<u32>) -> u64 {
    own.map_or(of_all, |own| of_all.min(own.into()))
}

/// The key whose messages are counted. While a key may send as much as its organization, there is
/// nothing to count.
fn counted_key(limits: &Limits, key: Option<KeyId>) -> Option<KeyId> {
    let is_bound = limits.key_sends_per_day < limits.org_sends_per_day;
    key.filter(|_| is_bound)
}

/// Addresses outside that the inbox has not written to for a while, each once.
fn strangers(store: &Store, now: Now, spending: &Spending<'_>) -> Result<u64, Refusal> {
    let since = now.unix_ms.saturating_sub(REMEMBERED_MS);
    let (_, inbox) = spending.from;
    let mut new: Vec<String> = Vec::new();
    for recipient in spending.recipients.iter().filter(|to| to.inbox.is_none()) {
        let Ok(address) = Address::parse(&recipient.address) else {
            continue;
        };
        let address = address.canonical();
        if !new.contains(&address) && !store.has_written_to(inbox, &address, since)? {
            new.push(address);
        }
    }
    Ok(new.len() as u64)
}

const DAY_MS: i64 = 86_400_000;

/// Milliseconds for which an address is no new one: 90 days.
const REMEMBERED_MS: i64 = 90 * DAY_MS;
