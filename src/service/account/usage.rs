//! What an organization or an inbox has used, day by day, and the limits that hold for it.
//!
//! Days on which nothing was done are filled in here; `store/usage.rs` has no rows for them.

use crate::call::{
    Access, Answer, InboxId, InboxRef, InboxRow, Limits, Noun, Refusal, UsageDay, UsageDays,
    UsageLimits,
};
use crate::service::context::ReadContext;
use crate::service::policy::{day_of, find_inbox};

/// Reads the last `days` days, today first. A key that is bound to inboxes names one of them.
///
/// # Errors
/// `KeyBound` for such a key without an inbox.
pub fn read_days(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: Option<&InboxRef>,
    days: u32,
) -> Result<Answer, Refusal> {
    let (store, org) = (context.store, access.org);
    let inbox = match inbox {
        Some(inbox) => Some(find_inbox(store, access, inbox)?),
        None if access.is_bound() => return Err(Refusal::KeyBound),
        None => None,
    };
    let today = day_of(context.now);
    let limits = &context.shared.limits;
    let (stored, held) = match inbox {
        None => {
            let usage = store.usage(org, today)?;
            let usage = usage.ok_or(Refusal::NotFound(Noun::Organization))?;
            (usage.stored_bytes, of_org(limits))
        }
        Some(id) => {
            let row = store.inbox(org, id)?;
            let row = row.ok_or(Refusal::NotFound(Noun::Inbox))?;
            let place = store.place_of(org, id)?;
            (place.map(|place| place.stored), of_inbox(limits, &row))
        }
    };
    let mut rows = filled(context, access, inbox, (today, days))?;
    if let Some(first) = rows.first_mut() {
        first.stored_bytes = stored;
        if inbox.is_none() {
            let uncounted = context.shared.requests.uncounted(org, today);
            first.requests = first.requests.map(|n| n.saturating_add(uncounted));
        }
    }
    Ok(Answer::UsageDays(Box::new(UsageDays {
        rows,
        limits: held,
    })))
}

/// The days with those on which nothing was done.
fn filled(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: Option<InboxId>,
    (today, days): (i64, u32),
) -> Result<Vec<UsageDay>, Refusal> {
    let (store, org) = (context.store, access.org);
    let first = today.saturating_sub(i64::from(days.max(1)) - 1);
    let mut found = store
        .usage_days(org, inbox, (first, today))?
        .into_iter()
        .rev();
    let mut next = found.next();
    let before = store.usage_before(org, inbox, first)?;
    let mut stored = before.and_then(|day| day.stored_bytes);
    let mut rows = Vec::with_capacity(days as usize);
    for day in first..=today {
        let mut row = match next.take() {
            Some(row) if row.day == day => {
                next = found.next();
                stored = row.stored_bytes;
                row
            }
            later => {
                next = later;
                UsageDay {
                    day,
                    sent: 0,
                    received: 0,
                    requests: Some(0),
                    events: 0,
                    stored_bytes: stored,
                }
            }
        };
        if inbox.is_some() {
            // Requests are those of keys, which are of no one inbox.
            row.requests = None;
        }
        rows.push(row);
    }
    rows.reverse();
    Ok(rows)
}

fn of_org(limits: &Limits) -> UsageLimits {
    UsageLimits {
        sends_per_day: limits.org_sends_per_day as u64,
        stored_bytes: limits.org_bytes,
        requests_per_minute: Some(limits.org_requests_per_minute as u64),
        receives_per_minute: None,
        new_recipients_per_day: None,
    }
}

/// The stricter of the limits of every inbox and its own.
fn of_inbox(limits: &Limits, row: &InboxRow) -> UsageLimits {
    let stricter = |of_all: usize, own: Option<u32>| {
        let of_all = of_all as u64;
        own.map_or(of_all, |own| of_all.min(own.into()))
    };
    let own = &row.limits;
    UsageLimits {
        sends_per_day: stricter(limits.inbox_sends_per_day, own.sends_per_day),
        stored_bytes: row
            .quota_bytes
            .map_or(limits.inbox_bytes, |own| limits.inbox_bytes.min(own)),
        requests_per_minute: None,
        receives_per_minute: Some(stricter(
            limits.inbox_receives_per_minute,
            own.receives_per_minute,
        )),
        new_recipients_per_day: Some(stricter(
            limits.inbox_new_recipients_per_day,
            own.new_recipients_per_day,
        )),
    }
}
