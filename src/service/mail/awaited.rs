//! The message that a client waits for: the newest in INBOX or Junk that meets a filter.
//!
//! It holds no client up: it looks once, and the engine asks again for the messages of each event
//! (`http/stream/wait.rs`). The rule: a look without ids goes through every message that has come
//! since the filter's time, newest first, in slices; a look at ids goes through those alone.

use core::ops::ControlFlow;

use super::filter::CompiledFilter;
use super::message;
use crate::call::{
    Access, Answer, AwaitProgress, ContentAsk, EntryId, INBOX, InboxId, InboxRef, MessageFilter,
    Refusal, SpecialUse,
};
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{ListPosition, MessageRecord, id_at};

/// Looks for the message. `None` when a slice of the look is done.
pub fn find(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    ((filter, among), redacts): ((&MessageFilter, Option<&[EntryId]>), Option<bool>),
    progress: &mut AwaitProgress,
) -> Result<Option<Answer>, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let mut compiled = CompiledFilter::new(filter);
    let mut is_wanted = |record: &MessageRecord| is_awaited(record) && compiled.passes(record);
    let found = match among {
        Some(ids) => find_among(context, (access, inbox), ids, &mut is_wanted)?,
        None => {
            let place = (access, inbox);
            match find_newest(context, place, filter.since, &mut is_wanted, progress)? {
                LookResult::Unfinished => return Ok(None),
                LookResult::Found(found) => found,
            }
        }
    };
    let Some(record) = found else {
        return Ok(Some(Answer::Done));
    };
    // One that goes at this moment was not there.
    let ask = ContentAsk {
        redacts,
        ..ContentAsk::default()
    };
    match message::open(context.store, (inbox, *record), ask)? {
        Some(view) => Ok(Some(Answer::Message(Box::new(view)))),
        None => Ok(Some(Answer::Done)),
    }
}

/// The result of a slice.
enum LookResult {
    Unfinished,
    Found(Option<Box<MessageRecord>>),
}

fn find_newest(
    context: &ReadContext<'_>,
    (access, inbox): (&Access, InboxId),
    since: Option<i64>,
    is_wanted: &mut impl FnMut(&MessageRecord) -> bool,
    progress: &mut AwaitProgress,
) -> Result<LookResult, Refusal> {
    let began_ms = (context.clock)().mono_ms;
    let slice_ms = context.shared.limits.search_slice_ms;
    // Ids follow the clock: what came since a time has an id above it.
    let end = since.map_or(0, id_at);
    let (mut found, mut is_over, mut looked) = (None, true, 0_usize);
    let mut below = progress.below.unwrap_or(i64::MAX);
    let _moment = context.store.snapshot()?;
    let from = ListPosition::Id(below);
    let place = (access.org, inbox);
    context.store.messages_below(place, from, true, |at, row| {
        let ListPosition::Id(id) = at else {
            return Ok(ControlFlow::Break(()));
        };
        if id < end {
            return Ok(ControlFlow::Break(()));
        }
        let is_late = looked.is_multiple_of(LOOKS)
            && (context.clock)().mono_ms.saturating_sub(began_ms) >= slice_ms;
        if looked > 0 && is_late {
            is_over = false;
            return Ok(ControlFlow::Break(()));
        }
        (looked, below) = (looked + 1, id);
        let record = match row {
            Some(row) => row.read()?,
            None => None,
        };
        match record.filter(|record| is_wanted(record)) {
            Some(record) => {
                found = Some(Box::new(record));
                Ok(ControlFlow::Break(()))
            }
            None => Ok(ControlFlow::Continue(())),
        }
    })?;
    if !is_over {
        progress.below = Some(below);
        return Ok(LookResult::Unfinished);
    }
    Ok(LookResult::Found(found))
}

fn find_among(
    context: &ReadContext<'_>,
    (access, inbox): (&Access, InboxId),
    ids: &[EntryId],
    is_wanted: &mut impl FnMut(&MessageRecord) -> bool,
) -> Result<Option<Box<MessageRecord>>, Refusal> {
    let _moment = context.store.snapshot()?;
    for id in ids.iter().rev() {
        let record = context.store.message(access.org, inbox, *id)?;
        if let Some(record) = record.filter(|record| is_wanted(record)) {
            return Ok(Some(Box::new(record)));
        }
    }
    Ok(None)
}

/// Whether a message is where mail comes in.
fn is_awaited(record: &MessageRecord) -> bool {
    record.entry.folder == INBOX || record.entry.special == Some(SpecialUse::Junk)
}

/// Rows between two looks at the clock.
const LOOKS: usize = 16;
