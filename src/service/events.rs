//! The log as clients read it: its window, a position in it by time, and pages of it.
//!
//! A key that is bound to inboxes sees only the rows of those inboxes, whatever topic it reads. The
//! protocol that renders a row decides which fields a key without `messages:read` may see.

use std::collections::HashMap;

use super::access::admit::sees;
use super::context::ReadContext;
use crate::call::{
    Access, Answer, Change, Event, InboxId, Noun, Now, OrgId, Refusal, Shared, Topic,
};
use crate::store::{LogState, Store};

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
    let head = before_time(
        context.store,
        (context.shared, context.now),
        access.org,
        unix_ms,
    )?;
    Ok(answer(LogState { head, ..state }))
}

/// The number before the first row at or after a time; below the window when rows of that time may
/// be missing.
pub fn before_time(
    store: &Store,
    (shared, now): (&Shared, Now),
    org: OrgId,
    unix_ms: i64,
) -> Result<u64, Refusal> {
    let state = store.log_state(org)?;
    let state = state.ok_or(Refusal::NotFound(Noun::Organization))?;
    let first = store.log_at(org, unix_ms)?;
    let is_first = first == state.oldest && state.oldest > 1;
    Ok(
        match is_first && is_cut_off((shared, now), &state, unix_ms) {
            true => state.oldest.saturating_sub(2),
            false => first.saturating_sub(1),
        },
    )
}

/// Whether rows of that time may be missing. Rows are trimmed only when they are older than the
/// retention, and a restore loses the rows before it.
fn is_cut_off((shared, now): (&Shared, Now), state: &LogState, unix_ms: i64) -> bool {
    let days = i64::try_from(shared.limits.event_days).unwrap_or(i64::MAX);
    let kept_ms = days.saturating_mul(DAY_MS);
    unix_ms < now.unix_ms.saturating_sub(kept_ms) || unix_ms <= state.restored_at
}

/// A page of the log.
pub fn list_events(
    store: &Store,
    access: &Access,
    topic: Topic,
    after: u64,
    limit: usize,
) -> Result<Answer, Refusal> {
    check_topic(store, access, topic)?;
    let limit = limit.clamp(1, EVENTS_MAX);
    let page = store
        .events_after(access.org, topic, after, limit)?
        .ok_or(Refusal::NotFound(Noun::Organization))?;
    let mut events = page.events;
    events.retain(|event| event.is_visible_to(access));
    if access.subtree {
        retain_covered(store, access, &mut events)?;
    }
    Ok(Answer::Events {
        events,
        scanned_to: page.scanned_to,
        head: page.state.head,
        oldest: page.state.oldest,
        epoch: page.state.epoch,
    })
}

/// Checks that the key may watch a topic.
pub fn check_topic(store: &Store, access: &Access, topic: Topic) -> Result<(), Refusal> {
    match topic {
        Topic::Org(org) if org != access.org => Err(Refusal::NotFound(Noun::Organization)),
        Topic::Inbox(inbox) | Topic::Tree(inbox) => check_inbox(store, access, inbox),
        Topic::Key(key) if Some(key) != access.key => Err(Refusal::NotFound(Noun::Key)),
        Topic::Org(_) | Topic::Key(_) | Topic::OrgEnd(_) | Topic::Reader(_) => Ok(()),
    }
}

/// Checks that the key sees an inbox as the tree is now.
fn check_inbox(store: &Store, access: &Access, inbox: InboxId) -> Result<(), Refusal> {
    match store.place_of(access.org, inbox)? {
        Some(place) if access.sees(inbox, &place.path.ancestors) => Ok(()),
        _ => Err(Refusal::NotFound(Noun::Inbox)),
    }
}

/// Keeps the events of inboxes that the key covers today, too: the row of an event has the place of
/// its inbox at that time. Of an inbox that was deleted or
/// has left, only that is shown.
pub(super) fn retain_covered(
    store: &Store,
    access: &Access,
    events: &mut Vec<Event>,
) -> Result<(), Refusal> {
    let mut known: HashMap<InboxId, bool> = HashMap::new();
    for event in events.iter() {
        if let Some(path) = event.inbox.as_deref()
            && !known.contains_key(&path.id)
        {
            known.insert(path.id, sees(store, access, path.id)?);
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
