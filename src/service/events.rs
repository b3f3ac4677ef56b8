//! The log as clients read it: its window, a position in it by time, and pages of it.
//!
//! A key that is bound to inboxes sees only the rows of those inboxes, whatever topic it reads. The
//! protocol that renders a row decides which fields a key without `messages:read` may see.

use std::collections::HashMap;

use super::access::admit::sees;
use super::context::ReadContext;
use crate::call::{Access, Answer, Change, Event, InboxId, Noun, Refusal, Topic};
use crate::store::LogState;

/// The window of the organization's log.
pub fn read_log_state(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    read_state(context, access).map(answer)
}

/// The number before the first row at or after a time. When rows of that time may be missing, the
/// number lies below the window, and the client learns that its position is too old.
pub fn find_log_position(
    context: &ReadContext<'_>,
    access: &Access,
    unix_ms: i64,
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let state = read_state(context, access)?;
    let first = context.store.log_at(access.org, unix_ms)?;
    let head = if first == state.oldest && state.oldest > 1 && is_cut_off(context, &state, unix_ms)
    {
        state.oldest.saturating_sub(2)
    } else {
        first.saturating_sub(1)
    };
    Ok(answer(LogState { head, ..state }))
}

/// Whether rows of that time may be missing. Rows are trimmed only when they are older than the
/// retention, and a restore loses the rows before it.
fn is_cut_off(context: &ReadContext<'_>, state: &LogState, unix_ms: i64) -> bool {
    let days = i64::try_from(context.shared.limits.event_days).unwrap_or(i64::MAX);
    let kept_ms = days.saturating_mul(DAY_MS);
    unix_ms < context.now.unix_ms.saturating_sub(kept_ms) || unix_ms <= state.restored_at
}

/// A page of the log.
pub fn list_events(
    context: &ReadContext<'_>,
    access: &Access,
    topic: Topic,
    after: u64,
    limit: usize,
) -> Result<Answer, Refusal> {
    match topic {
        Topic::Org(org) if org != access.org => return Err(Refusal::NotFound(Noun::Organization)),
        Topic::Inbox(inbox) | Topic::Tree(inbox) => check_inbox(context, access, inbox)?,
        Topic::Key(key) if Some(key) != access.key => return Err(Refusal::NotFound(Noun::Key)),
        Topic::Org(_) | Topic::Key(_) | Topic::OrgEnd(_) => {}
    }
    let limit = limit.clamp(1, EVENTS_MAX);
    let page = context
        .store
        .events_after(access.org, topic, after, limit)?
        .ok_or(Refusal::NotFound(Noun::Organization))?;
    let mut events = page.events;
    events.retain(|event| event.is_visible_to(access));
    if access.subtree {
        retain_covered(context, access, &mut events)?;
    }
    Ok(Answer::Events {
        events,
        scanned_to: page.scanned_to,
        head: page.state.head,
        oldest: page.state.oldest,
        epoch: page.state.epoch,
    })
}

fn check_inbox(context: &ReadContext<'_>, access: &Access, inbox: InboxId) -> Result<(), Refusal> {
    match context.store.place_of(access.org, inbox)? {
        Some(place) if access.sees(inbox, &place.path.ancestors) => Ok(()),
        _ => Err(Refusal::NotFound(Noun::Inbox)),
    }
}

/// Keeps the events of inboxes that the key covers today, too: the row of an event has the place of
/// its inbox at that time. Of an inbox that was deleted or
/// has left, only that is shown.
fn retain_covered(
    context: &ReadContext<'_>,
    access: &Access,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let mut known: HashMap<InboxId, bool> = HashMap::new();
    for event in events.iter() {
        if let Some(path) = event.inbox.as_deref()
            && !known.contains_key(&path.id)
        {
            known.insert(path.id, sees(context.store, access, path.id)?);
        }
    }
    events.retain(|event| {
        let covered = event.inbox.as_deref().and_then(|path| known.get(&path.id));
        let is_end = event.change == Change::InboxDeleted || event.has_left(access);
        covered.is_none_or(|covered| *covered || is_end)
    });
    Ok(())
}

fn read_state(context: &ReadContext<'_>, access: &Access) -> Result<LogState, Refusal> {
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

/// Rows of one page. A page has some hundreds of KiB at most.
const EVENTS_MAX: usize = 500;

const DAY_MS: i64 = 86_400_000;
