//! Lists whose filter few messages meet: they are gathered (`gather.rs`), then looked at in the
//! order of the list. The cursors are those of a list that walks, so a page may go on either way.
//!
//! The rule: a message is shown only when the filter passes it as it is stored now.

use core::ops::ControlFlow;
use std::sync::Arc;

use super::filter::CompiledFilter;
use super::gather::{ListOrder, Sought, SoughtFolders, gather, is_few};
use super::message::message_view;
use super::newest::NewestPage;
use super::page::{SliceClock, format_cursor, within_octets};
use crate::call::{
    GatheredKeys, InboxId, ListKey, ListMerge, ListProgress, MailboxId, MessageView, OrgId,
    Refusal, ThreadId, ThreadProgress,
};
use crate::service::context::ReadContext;
use crate::store::{ListPosition, Store, ThreadFolders};

/// Whether a list goes on with what it gathers. It begins with that if there is little to gather.
pub(super) fn is_gathered(
    store: &Store,
    place: (OrgId, InboxId),
    sought: &Sought,
    progress: &mut ListProgress,
) -> Result<bool, Refusal> {
    if let Some(gathered) = &progress.gathered {
        return Ok(!gathered.is_unknown);
    }
    if progress.looked == 0 && !sought.is_open() {
        let _moment = store.snapshot()?;
        if is_few(store, place, sought)? {
            progress.gathered = Some(Box::default());
            return Ok(true);
        }
    }
    Ok(false)
}

/// Goes on with a page of one inbox or folder below a position.
pub(super) fn go_on(
    context: &ReadContext<'_>,
    place: (OrgId, InboxId),
    (sought, compiled, with_special): (&Sought, &mut CompiledFilter<'_>, bool),
    (cursor, mut below, limit): (&mut Option<String>, ListPosition, usize),
    progress: &mut ListProgress,
    clock: &SliceClock<'_>,
) -> Result<Option<NewestPage>, Refusal> {
    let store = context.store;
    let mut rows = core::mem::take(&mut progress.rows);
    let mut gathered = progress.gathered.take().unwrap_or_default();
    let mut is_first = true;
    let next = loop {
        let is_over = if gathered.is_done {
            clock.is_over() && !is_first
        } else {
            let _moment = store.snapshot()?;
            let from = key_of(below);
            !gather(store, place, sought, from, &mut gathered, || {
                clock.is_over()
            })?
        };
        is_first = false;
        let is_full = rows.len() >= within_octets(limit, &rows);
        if gathered.keys.is_empty() && gathered.is_done && !gathered.is_unknown {
            if !gathered.is_cut {
                break None;
            }
            *gathered = GatheredKeys::default();
        } else if is_full {
            break Some(format_cursor(below));
        }
        if is_over || gathered.is_unknown {
            if clock.ends_page(rows.len())? {
                break Some(format_cursor(below));
            }
            *cursor = Some(format_cursor(below));
            progress.rows = rows;
            progress.gathered = Some(gathered);
            return Ok(None);
        }
        if !gathered.is_done {
            continue;
        }
        if let Some(key) = gathered.keys.pop_last() {
            below = position_of(key, sought);
            rows.extend(read(context, place, below, (&mut *compiled, with_special))?);
        }
    };
    Ok(Some((rows, next)))
}

/// The key at a position of a list.
fn key_of(below: ListPosition) -> ListKey {
    match below {
        ListPosition::Id(id) => (id, i64::MIN),
        ListPosition::Uid(_, uid) => (uid.into(), i64::MIN),
    }
}

/// The position of a message of the list.
fn position_of(key: ListKey, sought: &Sought) -> ListPosition {
    match (&sought.folders, sought.order) {
        (SoughtFolders::One(mailbox), ListOrder::Uid) => {
            ListPosition::Uid(*mailbox, u32::try_from(key.0).unwrap_or(0))
        }
        _ => ListPosition::Id(key.0),
    }
}

/// The row of the message at a position, if it meets the filter.
fn read(
    context: &ReadContext<'_>,
    place: (OrgId, InboxId),
    at: ListPosition,
    (compiled, with_special): (&mut CompiledFilter<'_>, bool),
) -> Result<Option<Arc<MessageView>>, Refusal> {
    let listed = &context.service.listed;
    let above = match at {
        ListPosition::Id(id) => ListPosition::Id(id.saturating_add(1)),
        ListPosition::Uid(mailbox, uid) => ListPosition::Uid(mailbox, uid.saturating_add(1)),
    };
    let (mut known, mut record) = (None, None);
    let moment = context.store.snapshot()?;
    let store = context.store;
    store.messages_below(place, above, with_special, |found, row| {
        if let Some(row) = row.filter(|_| found == at) {
            known = listed.find(&row.entry);
            if known.is_none() && compiled.may_pass(&row.entry) {
                record = row.read()?;
            }
        }
        Ok(ControlFlow::Break(()))
    })?;
    drop(moment);
    if let Some(known) = known {
        return Ok(compiled.passes(&*known).then_some(known));
    }
    let Some(record) = record.filter(|record| compiled.passes(record)) else {
        return Ok(None);
    };
    let entry = record.entry.clone();
    let row = Arc::new(message_view(place.1, record)?);
    listed.keep(entry, &row);
    Ok(Some(row))
}

/// Gathers the ids of an inbox, whose newest one is `head`, in a list over many inboxes; whether it
/// is done. The caller holds a snapshot.
pub(super) fn gather_ids(
    store: &Store,
    place: (OrgId, InboxId),
    (sought, head): (&Sought, i64),
    gathered: &mut GatheredKeys,
    merge: &mut ListMerge,
    clock: &SliceClock<'_>,
) -> Result<bool, Refusal> {
    let below = (head.saturating_add(1), i64::MIN);
    if !gather(store, place, sought, below, gathered, || clock.is_over())? {
        return Ok(false);
    }
    let inbox = place.1;
    if gathered.is_unknown || gathered.is_cut {
        merge.listed.insert(inbox, None);
        return Ok(true);
    }
    let ids: Vec<i64> = gathered.keys.iter().map(|key| key.0).collect();
    merge.heads.remove(&(head, inbox));
    merge.heads.extend(ids.last().map(|id| (*id, inbox)));
    merge.listed.insert(inbox, Some(ids));
    Ok(true)
}

/// Gathers the threads that may have a message that meets the filter, with their newest messages;
/// whether it is done. `progress.heads` is `None` afterwards if there is no cheap way.
pub(super) fn gather_threads(
    store: &Store,
    place: (OrgId, InboxId),
    (sought, folders): (&Sought, ThreadFolders),
    progress: &mut ThreadProgress,
    clock: &SliceClock<'_>,
) -> Result<bool, Refusal> {
    let Some(gathered) = &mut progress.list.gathered else {
        return Ok(true);
    };
    let _moment = store.snapshot()?;
    let below = (i64::MAX, i64::MAX);
    if !gather(store, place, sought, below, gathered, || clock.is_over())? {
        return Ok(false);
    }
    if gathered.is_unknown || gathered.is_cut {
        return Ok(true);
    }
    let heads = progress.heads.get_or_insert_default();
    while let Some((_, thread)) = gathered.keys.pop_last() {
        let thread = ThreadId(thread);
        // Messages of one thread often stand together.
        let last = heads.iter().next_back();
        if last.is_none_or(|(_, last)| *last != thread)
            && let Some(head) = store.thread_head(place, thread, folders)?
        {
            heads.insert((head.0, thread));
        }
        if clock.is_over() && !gathered.keys.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The folders in which messages of threads count.
pub(super) fn folders_sought(folders: ThreadFolders, one: Option<MailboxId>) -> SoughtFolders {
    match (one, folders) {
        (Some(mailbox), _) => SoughtFolders::One(mailbox),
        (None, ThreadFolders::Every) => SoughtFolders::Every,
        (None, _) => SoughtFolders::Usual,
    }
}
