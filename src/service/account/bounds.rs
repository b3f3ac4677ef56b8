//! What one inbox keeps and may do: days of retention, quota, limits. Each is stricter than what
//! holds for every inbox of its organization, or is refused.
//!
//! It enforces nothing: those who send, receive and store ask for the number of the inbox. The
//! rule: **a key that is bound to inboxes makes nothing looser**, since an agent must not lift what
//! keeps it in.

use crate::call::bounds::RETENTION_DAYS_MAX;
use crate::call::{Access, InboxBoundsPatch, InboxLimits, InboxRow, Limits, OrgId, Refusal};
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::store::Store;

/// One bound: its field, what the inbox has and is to have, and the most that it may have.
struct BoundChange {
    field: &'static str,
    old: Option<u64>,
    new: Option<u64>,
    max: u64,
}

/// Writes a change into the row of an inbox, after checking it.
///
/// # Errors
/// `Invalid` for a number of 0 and for one that is looser than that of every inbox; `Loosens` when
/// a key that is bound to inboxes makes one looser.
pub fn change(
    context: &WriteContext<'_>,
    access: &Access,
    row: &mut InboxRow,
    patch: &InboxBoundsPatch,
) -> Result<(), Refusal> {
    let before = row.clone();
    apply(row, patch);
    let days_max = retention_of(context.store, access.org)?;
    for bound in changes(&before, row, &context.shared.limits, days_max) {
        check(access, &bound)?;
    }
    Ok(())
}

fn apply(row: &mut InboxRow, patch: &InboxBoundsPatch) {
    row.retention_days = patch.retention_days.unwrap_or(row.retention_days);
    row.quota_bytes = patch.quota_bytes.unwrap_or(row.quota_bytes);
    if patch.clears_limits {
        row.limits = InboxLimits::default();
    }
    let limits = &mut row.limits;
    for (limit, new) in [
        (&mut limits.sends_per_day, patch.sends_per_day),
        (
            &mut limits.new_recipients_per_day,
            patch.new_recipients_per_day,
        ),
        (&mut limits.receives_per_minute, patch.receives_per_minute),
        (&mut limits.imap_sessions, patch.imap_sessions),
    ] {
        *limit = new.unwrap_or(*limit);
    }
}

fn changes(
    before: &InboxRow,
    after: &InboxRow,
    limits: &Limits,
    days_max: u32,
) -> [BoundChange; 6] {
    let bound = |field, of: fn(&InboxRow) -> Option<u64>, max| BoundChange {
        field,
        old: of(before),
        new: of(after),
        max,
    };
    [
        bound(
            "retention_days",
            |row| row.retention_days.map(u64::from),
            days_max.into(),
        ),
        bound("quota_bytes", |row| row.quota_bytes, limits.inbox_bytes),
        bound(
            "limits.sends_per_day",
            |row| row.limits.sends_per_day.map(u64::from),
            limits.inbox_sends_per_day as u64,
        ),
        bound(
            "limits.new_recipients_per_day",
            |row| row.limits.new_recipients_per_day.map(u64::from),
            limits.inbox_new_recipients_per_day as u64,
        ),
        bound(
            "limits.receives_per_minute",
            |row| row.limits.receives_per_minute.map(u64::from),
            limits.inbox_receives_per_minute as u64,
        ),
        bound(
            "limits.imap_sessions",
            |row| row.limits.imap_sessions.map(u64::from),
            limits.imap_sessions_per_inbox as u64,
        ),
    ]
}

fn check(access: &Access, bound: &BoundChange) -> Result<(), Refusal> {
    let BoundChange {
        field,
        old,
        new,
        max,
    } = *bound;
    if new == old {
        return Ok(());
    }
    match new {
        Some(0) => return Err(invalid(field, "must be at least 1")),
        Some(new) if new > max => {
            let why = format!(
                "must be at most {max}, which holds for every inbox of the organization; null \
                 takes that"
            );
            return Err(invalid(field, why));
        }
        _ => {}
    }
    let is_looser = new.unwrap_or(u64::MAX) > old.unwrap_or(u64::MAX);
    match is_looser && access.is_bound() {
        true => Err(Refusal::Loosens { field }),
        false => Ok(()),
    }
}

/// Days for which the inboxes of an organization keep messages, at most.
fn retention_of(store: &Store, org: OrgId) -> Result<u32, Refusal> {
    let row = store.org(org)?;
    Ok(row
        .and_then(|row| row.retention_days)
        .unwrap_or(RETENTION_DAYS_MAX))
}

/// Checks the days of an organization.
pub fn check_retention(days: Option<u32>) -> Result<(), Refusal> {
    match days {
        Some(0) => Err(invalid("retention_days", "must be at least 1")),
        Some(days) if days > RETENTION_DAYS_MAX => Err(invalid(
            "retention_days",
            format!("must be at most {RETENTION_DAYS_MAX}; null keeps mail for ever"),
        )),
        _ => Ok(()),
    }
}

/// Checks the time at which something ends by itself.
pub fn check_end(expires_at: Option<i64>, now_ms: i64) -> Result<(), Refusal> {
    match expires_at {
        Some(at) if at <= now_ms => Err(invalid("expires_at", "must be a time to come")),
        _ => Ok(()),
    }
}

/// Checks that a message does not end before it leaves.
pub fn check_ends_later(expires_at: Option<i64>, send_at: Option<i64>) -> Result<(), Refusal> {
    match expires_at.zip(send_at) {
        Some((ends, leaves)) if ends <= leaves => {
            Err(invalid("expires_at", "must be after send_at"))
        }
        _ => Ok(()),
    }
}
