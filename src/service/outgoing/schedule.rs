//! Scheduled mail: it stands in Drafts until the time that its sender has named. Here it is stored
//! with that time, and taken out of Drafts. `due.rs` sends it.

use super::waiting::{self, waiting_entry};
use crate::call::{Countable, EntryId, Noun, OrgId, Refusal, SpecialUse};
use crate::service::context::WriteContext;
use crate::store::StoredScheduled;

/// Milliseconds after which a message is tried again that could not leave.
pub const AGAIN_MS: i64 = 60_000;

/// Stores that a message waits for its time.
pub fn schedule(context: &WriteContext<'_>, mail: &StoredScheduled) -> Result<(), Refusal> {
    let max = context.shared.limits.org_scheduled as u64;
    if context.store.scheduled_len(mail.org, max)? >= max {
        return Err(Refusal::Limit {
            what: Countable::ScheduledMessages,
            max,
        });
    }
    context.store.insert_scheduled(mail)?;
    context.service.looks_at_scheduled_by(mail.due_at);
    Ok(())
}

/// The pause of an organization has ended: its mail whose time has come leaves.
pub fn is_resumed(context: &WriteContext<'_>, org: OrgId) -> Result<(), Refusal> {
    let now = context.now.unix_ms;
    let times = (now, now.saturating_add(AGAIN_MS));
    (context.store).hasten_scheduled_of(org, times, RESUMED_MESSAGES)?;
    context.service.looks_at_scheduled_by(now);
    Ok(())
}

/// Takes a message whose time has come out of Drafts, on its way to Sent.
pub fn take_out(context: &mut WriteContext<'_>, org: OrgId, entry: EntryId) -> Result<(), Refusal> {
    let gone = Refusal::NotFound(Noun::Message);
    let Some(mail) = context.store.scheduled(org, entry)? else {
        return Err(gone);
    };
    let found = waiting_entry(context.store, (org, mail.inbox), entry)?.ok_or(gone)?;
    // Before the entry leaves Drafts, so that this cancels nothing.
    context.store.delete_scheduled(org, entry)?;
    waiting::take_out(context, (org, mail.inbox), &found, SpecialUse::Sent)
}

/// Messages of an organization that leave at once when its pause ends.
const RESUMED_MESSAGES: u32 = 10_000;
