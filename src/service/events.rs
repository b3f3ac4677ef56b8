//! The log as clients read it: its window, a place in it by time, pages of it.
//!
//! A key that is bound to inboxes sees the rows of those inboxes alone, whatever it watches.
//! Which fields of a row it may see without `messages:read` is the rendering's business.

use super::context::{ReadContext, need};
use crate::call::{Access, Answer, InboxId, Noun, Refusal, Scopes, Topic};
use crate::store::LogState;

/// The window of the organization's log.
pub fn log_state(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    need(access, Scopes::EVENTS_READ)?;
    state(context, access).map(answer)
}

/// The number before the first row at or after a time. A time from which on rows may be
/// missing gets a number below the window, which a reader takes as "too old".
pub fn log_at(context: &ReadContext<'_>, access: &Access, unix_ms: i64) -> Result<Answer, Refusal> {
    need(access, Scopes::EVENTS_READ)?;
    let _moment = context.store.snapshot()?;
    let state = state(context, access)?;
    let first = context.store.log_at(access.org, unix_ms)?;
    let head = if first == state.oldest && state.oldest > 1 && is_cut_off(context, &state, unix_ms)
    {
        state.oldest.saturating_sub(2)
    } else {
        first.saturating_sub(1)
    };
    Ok(answer(LogState { head, ..state }))
}

/// Whether rows of that time may be gone: trimmed, which only rows older than the retention
/// ever are, or from before a restore.
fn is_cut_off(context: &ReadContext<'_>, state: &LogState, unix_ms: i64) -> bool {
    let days = i64::try_from(context.shared.limits.event_days).unwrap_or(i64::MAX);
    let kept_ms = days.saturating_mul(DAY_MS);
    unix_ms < context.now.unix_ms.saturating_sub(kept_ms) || unix_ms <= state.restored_at
}

/// A page of the log.
pub fn events_after(
    context: &ReadContext<'_>,
    access: &Access,
    topic: Topic,
    after: u64,
    limit: usize,
) -> Result<Answer, Refusal> {
    need(access, Scopes::EVENTS_READ)?;
    match topic {
        Topic::Org(org) if org != access.org => return Err(Refusal::NotFound(Noun::Organization)),
        Topic::Inbox(inbox) | Topic::Tree(inbox) => check_inbox(context, access, inbox)?,
        Topic::Key(key) if Some(key) != access.key => return Err(Refusal::NotFound(Noun::Key)),
        Topic::Org(_) | Topic::Key(_) => {}
    }
    let limit = limit.clamp(1, EVENTS_MAX);
    let page = context
        .store
        .events_after(access.org, topic, after, limit)?
        .ok_or(Refusal::NotFound(Noun::Organization))?;
    let mut events = page.events;
    events.retain(|event| event.is_visible_to(access));
    Ok(Answer::Events {
        events,
        scanned_to: page.scanned_to,
        head: page.state.head,
        oldest: page.state.oldest,
    })
}

fn check_inbox(context: &ReadContext<'_>, access: &Access, inbox: InboxId) -> Result<(), Refusal> {
    if access.sees(inbox) && context.store.place_of(access.org, inbox)?.is_some() {
        return Ok(());
    }
    Err(Refusal::NotFound(Noun::Inbox))
}

fn state(context: &ReadContext<'_>, access: &Access) -> Result<LogState, Refusal> {
    context
        .store
        .log_state(access.org)?
        .ok_or(Refusal::NotFound(Noun::Organization))
}

fn answer(state: LogState) -> Answer {
    Answer::LogState {
        head: state.head,
        oldest: state.oldest,
        epoch: state.epoch,
    }
}

/// Rows of one page, so that a page is some hundreds of KiB at most.
const EVENTS_MAX: usize = 500;

const DAY_MS: i64 = 86_400_000;
