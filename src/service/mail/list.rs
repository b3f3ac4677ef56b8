//! Lists of messages, as REST shows them: of one inbox, and of all inboxes of a key.
//!
//! A list is a scan that can be continued, in slices of some milliseconds. A page may be shorter
//! than asked for and still have a next page, because the scan for a rare match ends after a
//! bounded time, and because a page ends when its rows have [`PAGE_OCTETS`]. A page without a row
//! is the last one: until it has a row, a list goes on to the deadline of a search. A list with `q`
//! is a search (`find.rs`).
//!
//! A list that has looked at [`WALKED_MAX`] messages and is not full gathers those that may meet
//! its filter, and goes on with them (`sparse.rs`).
//!
//! A list over many inboxes merges them by the ids of their messages, which rise with time: it
//! holds the newest id of every inbox, takes the highest, and reads the next one of that inbox. It
//! reads no message that it does not show or compare.

use core::ops::ControlFlow;
use std::sync::Arc;

use super::filter::CompiledFilter;
use super::gather::{ListOrder, SoughtFolders, WALKED_MAX};
use super::listed::row_octets;
use super::message::message_view;
use super::newest::{NewestPage, PageAsk};
use super::page::{
    PAGE_OCTETS, SliceClock, format_cursor, parse_cursor, parse_id_cursor, within_octets,
};
use super::{mailbox, sparse};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, EntryId, InboxId, InboxRef, ListMerge, ListProgress, MailboxId, MessageFilter,
    MessageView, Noun, Refusal, SpecialUse,
};
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{MessageRecord, Store};

/// Lists a page of an inbox or of one folder, newest first. Gives `None` when a slice of the work
/// is done and the page is not yet complete.
pub fn list(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    filter: &MessageFilter,
    (cursor, limit): (&mut Option<String>, usize),
    progress: &mut ListProgress,
) -> Result<Option<Answer>, Refusal> {
    let store = context.store;
    let inbox = policy::find_inbox(store, access, inbox)?;
    let folder = folder_of(context, (access, inbox), filter)?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let is_newest = cursor.is_none() && progress.since_ms == 0;
    let mut ask = None;
    if is_newest {
        let of = PageAsk {
            inbox,
            folder,
            filter: filter.clone(),
            limit,
        };
        // Read before the page: what is kept is never newer than its number.
        let head = store.log_head(access.org)?;
        if let Some((rows, next)) = context.service.newest.find(&of, head) {
            return Ok(Some(Answer::Messages { rows, next }));
        }
        ask = Some((of, head));
    }
    let at = (access, inbox, folder);
    let page = read_page(context, at, filter, (cursor, limit), progress)?;
    if let (Some((of, head)), Some(page)) = (ask, &page) {
        context.service.newest.keep(of, head, page);
    }
    Ok(page.map(|(rows, next)| Answer::Messages { rows, next }))
}

/// Reads a page of a list, or a slice of the work for it.
fn read_page(
    context: &ReadContext<'_>,
    (access, inbox, folder): (&Access, InboxId, Option<MailboxId>),
    filter: &MessageFilter,
    (cursor, mut limit): (&mut Option<String>, usize),
    progress: &mut ListProgress,
) -> Result<Option<NewestPage>, Refusal> {
    let store = context.store;
    let mut below = parse_cursor(cursor.as_deref(), folder)?;
    let mut compiled = CompiledFilter::new(filter);
    let clock = SliceClock::begin(context, progress);
    let place = (access.org, inbox);
    let sought = compiled.sought(folder, folder.map_or(ListOrder::Id, |_| ListOrder::Uid));
    if sparse::is_gathered(store, place, &sought, progress)? {
        let list = (&sought, &mut compiled, with_special(filter));
        return sparse::go_on(
            context,
            place,
            list,
            (cursor, below, limit),
            progress,
            &clock,
        );
    }
    let walked_max = match progress.gathered {
        None if !sought.is_open() => WALKED_MAX,
        _ => usize::MAX,
    };
    let listed = &context.service.listed;
    let mut rows = core::mem::take(&mut progress.rows);
    let (mut is_first, mut is_end) = (true, false);
    let (mut more, mut is_slice) = (false, false);
    while !is_end && !more && !is_slice {
        limit = within_octets(limit, &rows);
        let (mut found, mut octets) = (Vec::new(), 0);
        is_end = true;
        let moment = store.snapshot()?;
        store.messages_below(place, below, with_special(filter), |at, row| {
            let full = rows.len() + found.len();
            let is_full = full >= limit || found.len() >= BATCH_ROWS || octets >= PAGE_OCTETS;
            is_slice = (clock.is_over() || progress.looked >= walked_max) && !is_first;
            progress.looked += 1;
            more = row.is_some() && full >= limit;
            if is_slice || more || (is_full && row.is_some()) {
                more |= rows.len() >= limit;
                is_end = false;
                return Ok(ControlFlow::Break(()));
            }
            is_first = false;
            below = at;
            let Some(row) = row else {
                return Ok(ControlFlow::Continue(()));
            };
            if let Some(known) = listed.find(&row.entry) {
                if compiled.passes(&*known) {
                    octets += row_octets(&known);
                    found.push(FoundRow::Known(known));
                }
                return Ok(ControlFlow::Continue(()));
            }
            if !compiled.may_pass(&row.entry) {
                return Ok(ControlFlow::Continue(()));
            }
            if let Some(record) = row.read()?.filter(|record| compiled.passes(record)) {
                octets += record.digest.len() + record.entry.prefix.len();
                found.push(FoundRow::Read(Box::new(record)));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        drop(moment);
        for row in found {
            rows.push(match row {
                FoundRow::Known(row) => row,
                FoundRow::Read(record) => {
                    let entry = record.entry.clone();
                    let row = Arc::new(message_view(inbox, *record)?);
                    listed.keep(entry, &row);
                    row
                }
            });
        }
    }
    let next = (!is_end).then(|| format_cursor(below));
    if is_slice && rows.len() < limit && !clock.ends_page(rows.len())? {
        *cursor = next;
        progress.rows = rows;
        if progress.looked >= walked_max {
            progress.gathered = Some(Box::default());
        }
        return Ok(None);
    }
    Ok(Some((rows, next)))
}

/// The one folder of a filter.
fn folder_of(
    context: &ReadContext<'_>,
    (access, inbox): (&Access, InboxId),
    filter: &MessageFilter,
) -> Result<Option<MailboxId>, Refusal> {
    let found = match &filter.folder {
        Some(text) if text == MessageFilter::DRAFTS => {
            let drafts = SpecialUse::Drafts;
            let found = (context.store).mailbox_special(access.org, inbox, drafts)?;
            found.ok_or(Refusal::NotFound(Noun::Mailbox))?
        }
        Some(text) if text != MessageFilter::EVERY_FOLDER => {
            mailbox::find(context.store, &context.shared.limits, (access, inbox), text)?
        }
        _ => return Ok(None),
    };
    Ok(Some(found.id))
}

/// Lists a page over `inboxes`, or without them over every inbox that the key sees, newest first.
/// Gives `None` when a slice of the work is done and the page is not yet complete.
pub fn list_all(
    context: &ReadContext<'_>,
    access: &Access,
    inboxes: &[InboxRef],
    filter: &MessageFilter,
    (cursor, limit): (&mut Option<String>, usize),
    progress: &mut ListProgress,
) -> Result<Option<Answer>, Refusal> {
    let store = context.store;
    let below = parse_id_cursor(cursor.as_deref(), 'a', i64::MAX)?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let clock = SliceClock::begin(context, progress);
    let mut merge = progress.merge.take().unwrap_or_default();
    if !merge.is_gathered
        && !gather(
            context,
            access,
            (inboxes, filter),
            below,
            &mut merge,
            &clock,
        )?
    {
        progress.merge = Some(merge);
        return Ok(None);
    }
    let mut compiled = CompiledFilter::new(filter);
    let wanted = wanted_folder(context, filter);
    let mut sought = compiled.sought(None, ListOrder::Id);
    if let Some(name) = &wanted {
        sought.folders = SoughtFolders::Named(name.clone());
    }
    let mut rows = core::mem::take(&mut progress.rows);
    let mut last = below;
    let mut is_slice = false;
    while rows.len() < within_octets(limit, &rows) && !merge.heads.is_empty() && !is_slice {
        let (mut found, mut octets) = (Vec::new(), 0);
        let moment = store.snapshot()?;
        while found.len() < BATCH_ROWS.min(limit - rows.len())
            && octets < PAGE_OCTETS
            && let Some((id, inbox)) = merge.heads.last().copied()
        {
            is_slice = clock.is_over() && last < below;
            if is_slice {
                break;
            }
            let place = (access.org, inbox);
            if progress.looked >= WALKED_MAX
                && !sought.is_open()
                && !merge.listed.contains_key(&inbox)
            {
                let gathered = progress.gathered.get_or_insert_default();
                is_slice =
                    !sparse::gather_ids(store, place, (&sought, id), gathered, &mut merge, &clock)?;
                if is_slice {
                    break;
                }
                progress.gathered = None;
                continue;
            }
            merge.heads.pop_last();
            last = id;
            progress.looked += 1;
            let next = match merge.listed.get_mut(&inbox) {
                Some(Some(ids)) => {
                    ids.pop();
                    ids.last().copied()
                }
                _ => store.newest_below(place, id)?,
            };
            merge.heads.extend(next.map(|next| (next, inbox)));
            let view = store.message_in(place, EntryId(id), with_special(filter))?;
            if let Some(record) = view
                && wanted
                    .as_ref()
                    .is_none_or(|wanted| *wanted == record.entry.folder)
                && compiled.passes(&record)
            {
                octets += record.digest.len() + record.entry.prefix.len();
                found.push((inbox, record));
            }
        }
        drop(moment);
        for (inbox, record) in found {
            rows.push(Arc::new(message_view(inbox, record)?));
        }
    }
    let next = (!merge.heads.is_empty()).then(|| format!("a{last:x}"));
    if is_slice && !clock.ends_page(rows.len())? {
        // The heads are what is left, so the cursor is only for the next page.
        *cursor = next;
        progress.rows = rows;
        progress.merge = Some(merge);
        return Ok(None);
    }
    Ok(Some(Answer::Messages { rows, next }))
}

/// Reads the newest id of every inbox of a list; whether all have been read.
fn gather(
    context: &ReadContext<'_>,
    access: &Access,
    (inboxes, filter): (&[InboxRef], &MessageFilter),
    below: i64,
    merge: &mut ListMerge,
    clock: &SliceClock<'_>,
) -> Result<bool, Refusal> {
    let store = context.store;
    let folder = wanted_folder(context, filter);
    let _moment = store.snapshot()?;
    while !merge.is_gathered {
        let chunk = next_chunk(store, access, inboxes, merge)?;
        for inbox in chunk {
            if let Some(folder) = &folder {
                if store.mailbox_named(access.org, inbox, folder)?.is_none() {
                    continue;
                }
                merge.has_folder = true;
            }
            if let Some(id) = store.newest_below((access.org, inbox), below)? {
                merge.heads.insert((id, inbox));
            }
        }
        if !merge.is_gathered && clock.is_over() {
            return Ok(false);
        }
    }
    // A folder that no inbox has is a mistake of the client.
    if folder.is_some() && !merge.has_folder {
        return Err(Refusal::NotFound(Noun::Mailbox));
    }
    Ok(true)
}

/// The next inboxes of a list: those that are named, or those that the key sees, by id.
pub(super) fn next_chunk(
    store: &Store,
    access: &Access,
    named: &[InboxRef],
    merge: &mut ListMerge,
) -> Result<Vec<InboxId>, Refusal> {
    if !named.is_empty() {
        merge.is_gathered = true;
        let find = |name| policy::find_inbox(store, access, name);
        return named.iter().map(find).collect();
    }
    let after = merge.gathered_to.unwrap_or(InboxId(0));
    // What is looked at, and whether the key sees it.
    let looked_at: Vec<(InboxId, bool)> = match &access.inboxes {
        None => {
            let all = store.inboxes_with_mail(access.org, after, GATHERED_AT_ONCE)?;
            all.into_iter().map(|inbox| (inbox, true)).collect()
        }
        Some(_) if access.subtree => {
            let all = store.inboxes_with_ancestors(access.org, after, GATHERED_AT_ONCE)?;
            all.into_iter()
                .map(|(row, ancestors)| (row.id, access.sees(row.id, &ancestors)))
                .collect()
        }
        Some(bound) => {
            let rest = bound.iter().filter(|inbox| **inbox > after);
            rest.take(GATHERED_AT_ONCE)
                .map(|inbox| (*inbox, true))
                .collect()
        }
    };
    merge.is_gathered = looked_at.len() < GATHERED_AT_ONCE;
    merge.gathered_to = looked_at.last().map(|(inbox, _)| *inbox);
    let seen = looked_at.into_iter().filter(|(_, sees)| *sees);
    Ok(seen.map(|(inbox, _)| inbox).collect())
}

/// The name of the one folder of a filter, in the form in which it is stored.
pub(super) fn wanted_folder(context: &ReadContext<'_>, filter: &MessageFilter) -> Option<String> {
    let name = filter.folder.as_deref()?;
    if name == MessageFilter::EVERY_FOLDER {
        return None;
    }
    // A name that no mailbox can have is the name of none.
    let parsed = mailbox::parse_name(name, &context.shared.limits);
    Some(parsed.unwrap_or_default())
}

/// Whether a list shows special mailboxes.
fn with_special(filter: &MessageFilter) -> bool {
    filter.folder.is_some()
}

/// A row that a list has come to.
enum FoundRow {
    /// One that was made before.
    Known(Arc<MessageView>),
    /// One that was read.
    Read(Box<MessageRecord>),
}

/// Rows that one snapshot reads.
const BATCH_ROWS: usize = 32;

/// Inboxes whose heads are read between two looks at the clock.
const GATHERED_AT_ONCE: usize = 64;
