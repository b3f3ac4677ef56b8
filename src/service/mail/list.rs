//! Lists of messages, as REST shows them: of one inbox, and of all inboxes of a key.
//!
//! A list is a scan that can be continued, in slices of some milliseconds. A page may be shorter
//! than asked for and still have a next page, because the scan for a rare match ends after a
//! bounded time, and because a page ends when its rows have [`PAGE_OCTETS`]. A page without a row
//! is the last one: until it has a row, a list goes on to the deadline of a search. A list with `q`
//! is a search (`find.rs`).
//!
//! A list over many inboxes merges them by the ids of their messages, which rise with time: it
//! holds the newest id of every inbox, takes the highest, and reads the next one of that inbox. It
//! reads no message that it does not show or compare.

use core::ops::ControlFlow;
use std::sync::Arc;

use super::listed::row_octets;
use super::mailbox;
use super::message::message_view;
use super::newest::{NewestPage, PageAsk};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, EntryId, EntryState, Flags, InboxId, InboxRef, ListMerge, ListProgress,
    MailboxId, MessageFilter, MessageView, Metric, NamedAddress, Noun, Refusal, SpecialUse,
    Summary, ThreadId, Verdict, is_from,
};
use crate::mail::text::search::Needle;
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{ListPosition, MessageRecord, Store};

/// The clock of a list: how long its slice and the whole of it may take.
pub(super) struct SliceClock<'a> {
    context: &'a ReadContext<'a>,
    began_ms: u64,
    /// Milliseconds that the slices before this one took.
    took_ms: u64,
}

impl<'a> SliceClock<'a> {
    pub(super) fn begin(
        context: &'a ReadContext<'a>,
        progress: &mut ListProgress,
    ) -> SliceClock<'a> {
        let began_ms = (context.clock)().mono_ms;
        if progress.since_ms == 0 {
            progress.since_ms = began_ms.max(1);
        }
        SliceClock {
            context,
            began_ms,
            took_ms: began_ms.saturating_sub(progress.since_ms),
        }
    }

    /// Whether a page ends with its rows though it is not full, because it has taken long. One
    /// without a row goes on.
    ///
    /// # Errors
    /// It has no row at the deadline.
    pub(super) fn ends_page(&self, rows: usize) -> Result<bool, Refusal> {
        let shared = &self.context.shared;
        if rows > 0 {
            return Ok(self.took_ms >= LIST_MS);
        }
        if self.took_ms > shared.limits.search_s.saturating_mul(1000) {
            shared.metrics.count(Metric::SearchesCut);
            return Err(Refusal::SearchDeadline);
        }
        Ok(false)
    }

    pub(super) fn is_over(&self) -> bool {
        let spent = (self.context.clock)().mono_ms.saturating_sub(self.began_ms);
        spent >= self.context.shared.limits.search_slice_ms
    }
}

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
    let folder = match &filter.folder {
        Some(text) if text == MessageFilter::DRAFTS => {
            let found = store.mailbox_special(access.org, inbox, SpecialUse::Drafts)?;
            Some(found.ok_or(Refusal::NotFound(Noun::Mailbox))?.id)
        }
        Some(text) if text != MessageFilter::EVERY_FOLDER => {
            let found = mailbox::find(store, &context.shared.limits, (access, inbox), text);
            Some(found?.id)
        }
        _ => None,
    };
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
    let listed = &context.service.listed;
    let mut rows = core::mem::take(&mut progress.rows);
    let (mut is_first, mut is_end) = (true, false);
    let (mut more, mut is_slice) = (false, false);
    while !is_end && !more && !is_slice {
        limit = within_octets(limit, &rows);
        let (mut found, mut octets) = (Vec::new(), 0);
        let place = (access.org, inbox);
        is_end = true;
        let moment = store.snapshot()?;
        store.messages_below(place, below, with_special(filter), |at, row| {
            let full = rows.len() + found.len();
            let is_full = full >= limit || found.len() >= BATCH_ROWS || octets >= PAGE_OCTETS;
            is_slice = clock.is_over() && !is_first;
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
        return Ok(None);
    }
    Ok(Some((rows, next)))
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
            merge.heads.pop_last();
            last = id;
            let place = (access.org, inbox);
            if let Some(next) = store.newest_below(place, id)? {
                merge.heads.insert((next, inbox));
            }
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

/// The rows of a page: `limit`, or those that are there if they have enough octets already.
fn within_octets(limit: usize, rows: &[Arc<MessageView>]) -> usize {
    let octets: usize = rows.iter().map(|row| row_octets(row)).sum();
    match octets >= PAGE_OCTETS {
        true => limit.min(rows.len()),
        false => limit,
    }
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

/// The public form of a position in a list.
fn format_cursor(below: ListPosition) -> String {
    match below {
        ListPosition::Id(id) => format!("i{id:x}"),
        ListPosition::Uid(mailbox, uid) => format!("u{uid:x}.{:x}", mailbox.0),
    }
}

/// Parses the text of [`format_cursor`], for the same list.
fn parse_cursor(cursor: Option<&str>, folder: Option<MailboxId>) -> Result<ListPosition, Refusal> {
    let wrong = wrong_cursor;
    let hex = |text: &str| i64::from_str_radix(text, 16).map_err(|_| wrong());
    let Some(cursor) = cursor else {
        return Ok(folder.map_or(ListPosition::Id(i64::MAX), |mailbox| {
            ListPosition::Uid(mailbox, u32::MAX)
        }));
    };
    match (folder, cursor.split_at_checked(1)) {
        (None, Some(("i", id))) => Ok(ListPosition::Id(hex(id)?)),
        (Some(mailbox), Some(("u", rest))) => {
            let (uid, of) = rest.split_once('.').ok_or_else(wrong)?;
            if hex(of)? != mailbox.0 {
                return Err(wrong());
            }
            let uid = u32::try_from(hex(uid)?).map_err(|_| wrong())?;
            Ok(ListPosition::Uid(mailbox, uid))
        }
        _ => Err(wrong()),
    }
}

/// Parses a cursor that is an id behind the letter of its kind of list; without one it is `first`.
pub(super) fn parse_id_cursor(
    cursor: Option<&str>,
    kind: char,
    first: i64,
) -> Result<i64, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(first);
    };
    let id = cursor.strip_prefix(kind);
    id.and_then(|id| i64::from_str_radix(id, 16).ok())
        .ok_or_else(wrong_cursor)
}

pub(super) fn wrong_cursor() -> Refusal {
    Refusal::Invalid {
        field: "cursor",
        why: "is not one that this list gave".to_owned(),
    }
}

/// A row that a list has come to.
enum FoundRow {
    /// One that was made before.
    Known(Arc<MessageView>),
    /// One that was read.
    Read(Box<MessageRecord>),
}

/// What a filter looks at.
#[derive(Clone, Copy)]
pub(super) struct FilteredRow<'v> {
    state: &'v EntryState,
    received_at: i64,
    thread: ThreadId,
    summary: &'v Summary,
    /// What the filter says of it.
    verdict: Option<Verdict>,
}

impl<'v> From<&'v MessageRecord> for FilteredRow<'v> {
    fn from(record: &'v MessageRecord) -> FilteredRow<'v> {
        FilteredRow {
            state: &record.entry.state,
            received_at: record.entry.received_at,
            thread: record.entry.thread,
            summary: &record.summary,
            verdict: record.entry.verdict,
        }
    }
}

impl<'v> From<&'v MessageView> for FilteredRow<'v> {
    fn from(view: &'v MessageView) -> FilteredRow<'v> {
        FilteredRow {
            state: &view.state,
            received_at: view.received_at,
            thread: view.thread,
            summary: &view.summary,
            verdict: view.spam.as_ref().map(|report| report.verdict),
        }
    }
}

impl FilteredRow<'_> {
    /// Whether it has one of these verdicts. A message that was not judged has none.
    pub(super) fn has_verdict(&self, wanted: &[Verdict]) -> bool {
        self.verdict
            .is_some_and(|verdict| wanted.contains(&verdict))
    }
}

/// A filter that is prepared for many messages. It checks the cheap conditions first.
pub(super) struct CompiledFilter<'f> {
    filter: &'f MessageFilter,
    from: Option<Needle>,
    to: Option<Needle>,
    subject: Option<Needle>,
}

impl<'f> CompiledFilter<'f> {
    pub(super) fn new(filter: &'f MessageFilter) -> CompiledFilter<'f> {
        let needle = |text: &Option<String>| text.as_deref().map(Needle::new);
        CompiledFilter {
            filter,
            from: needle(&filter.from),
            to: needle(&filter.to),
            subject: needle(&filter.subject),
        }
    }

    /// Whether what is stored beside the octets meets the filter.
    pub(super) fn passes<'v>(&mut self, row: impl Into<FilteredRow<'v>>) -> bool {
        let (filter, view) = (self.filter, row.into());
        let has_label = |label: &String| {
            let words = &view.state.keywords;
            words.iter().any(|word| word.eq_ignore_ascii_case(label))
        };
        let cheap = filter.label.as_ref().is_none_or(has_label)
            && filter
                .seen
                .is_none_or(|seen| seen == view.state.flags.has(Flags::SEEN))
            && filter.since.is_none_or(|since| view.received_at >= since)
            && filter.until.is_none_or(|until| view.received_at < until)
            && filter
                .has_attachments
                .is_none_or(|has| has == view.summary.has_attachments)
            && filter.thread.is_none_or(|thread| thread == view.thread)
            && (filter.has_code).is_none_or(|has| has != view.summary.codes.is_empty())
            && (filter.verdicts.is_empty() || view.has_verdict(&filter.verdicts))
            && (filter.sender.as_deref())
                .is_none_or(|sender| is_from(&view.summary.from.address, sender));
        if !cheap {
            return false;
        }
        let summary = view.summary;
        let is_named = |needle: &mut Option<Needle>, lists: [&[NamedAddress]; 2]| {
            needle.as_mut().is_none_or(|needle| {
                (lists.into_iter().flatten())
                    .any(|n| needle.is_in(&n.name) || needle.is_in(&n.address))
            })
        };
        is_named(&mut self.from, [core::slice::from_ref(&summary.from), &[]])
            && is_named(&mut self.to, [&summary.to, &summary.cc])
            && (self.subject.as_mut()).is_none_or(|needle| needle.is_in(&summary.subject))
    }
}

/// Milliseconds after which a list answers with the rows that it has, and a cursor.
const LIST_MS: u64 = 2000;

/// Octets of the rows of one page. A hundred usual rows have some 60 KiB; one row can have four
/// hundred addresses of hundreds of octets.
pub(super) const PAGE_OCTETS: usize = 256 << 10;

/// Rows that one snapshot reads.
const BATCH_ROWS: usize = 32;

/// Inboxes whose heads are read between two looks at the clock.
const GATHERED_AT_ONCE: usize = 64;
