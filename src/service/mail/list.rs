//! Lists of messages, as REST shows them: of one inbox, and of all inboxes of a key.
//!
//! A list is a scan that can be continued, in slices of some milliseconds. A page may be shorter
//! than asked for and still have a next page, because the scan for a rare match ends after a
//! bounded time.
//!
//! A list over many inboxes merges them by the ids of their messages, which rise with time: it
//! holds the newest id of every inbox, takes the highest, and reads the next one of that inbox. It
//! reads no message that it does not show or compare.

use core::ops::ControlFlow;

use super::mailbox;
use super::message::message_view;
use crate::call::bounds::{PAGE_ROWS_MAX, SEARCH_WORDS_MAX};
use crate::call::{
    Access, Answer, EntryId, Flags, InboxId, InboxRef, ListMerge, ListProgress, MailboxId,
    MessageFilter, NamedAddress, Noun, Refusal,
};
use crate::mail::Digest;
use crate::mail::text::search::{Needle, contains_all};
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{ListPosition, MessageRecord, Store};

/// The clock of a list: how long its slice and the whole of it may take.
struct SliceClock<'a> {
    clock: &'a dyn Fn() -> crate::call::Now,
    began_ms: u64,
    slice_ms: u64,
    /// The list has taken so long that it answers with the rows that it has.
    is_due: bool,
}

impl<'a> SliceClock<'a> {
    fn begin(context: &ReadContext<'a>, progress: &mut ListProgress) -> SliceClock<'a> {
        let began_ms = (context.clock)().mono_ms;
        if progress.since_ms == 0 {
            progress.since_ms = began_ms.max(1);
        }
        SliceClock {
            clock: context.clock,
            began_ms,
            slice_ms: context.shared.limits.search_slice_ms,
            is_due: began_ms.saturating_sub(progress.since_ms) >= LIST_MS,
        }
    }

    fn is_over(&self) -> bool {
        (self.clock)().mono_ms.saturating_sub(self.began_ms) >= self.slice_ms
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
    let with_special = with_special(filter);
    let folder = match &filter.folder {
        Some(text) if text != MessageFilter::EVERY_FOLDER => {
            let found = mailbox::find(store, &context.shared.limits, (access, inbox), text);
            Some(found?.id)
        }
        _ => None,
    };
    let below = parse_cursor(cursor.as_deref(), folder)?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut compiled = CompiledFilter::new(filter);
    let clock = SliceClock::begin(context, progress);
    let mut rows = core::mem::take(&mut progress.rows);
    let mut last = None;
    let (mut more, mut is_slice) = (false, false);
    let _moment = store.snapshot()?;
    store.messages_below((access.org, inbox), below, with_special, |at, view| {
        is_slice = clock.is_over() && last.is_some();
        if is_slice || (view.is_some() && rows.len() >= limit) {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        last = Some(at);
        if let Some(view) = view
            && compiled.passes(store, &view)?
        {
            rows.push(message_view(inbox, view));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let next = last.filter(|_| more).map(format_cursor);
    if is_slice && rows.len() < limit && !clock.is_due {
        *cursor = next;
        progress.rows = rows;
        return Ok(None);
    }
    Ok(Some(Answer::Messages { rows, next }))
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
    let below = parse_merge_cursor(cursor.as_deref())?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let clock = SliceClock::begin(context, progress);
    let _moment = store.snapshot()?;
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
    while rows.len() < limit
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
        if let Some(view) = view
            && wanted.as_ref().is_none_or(|wanted| *wanted == view.folder)
            && compiled.passes(store, &view)?
        {
            rows.push(message_view(inbox, view));
        }
    }
    let next = (!merge.heads.is_empty()).then(|| format!("a{last:x}"));
    if is_slice && !clock.is_due {
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
fn next_chunk(
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
fn wanted_folder(context: &ReadContext<'_>, filter: &MessageFilter) -> Option<String> {
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

/// Parses the cursor of a list over many inboxes: the id above what is left.
fn parse_merge_cursor(cursor: Option<&str>) -> Result<i64, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(i64::MAX);
    };
    let id = cursor.strip_prefix('a');
    id.and_then(|id| i64::from_str_radix(id, 16).ok())
        .ok_or_else(wrong_cursor)
}

fn wrong_cursor() -> Refusal {
    Refusal::Invalid {
        field: "cursor",
        why: "is not one that this list gave".to_owned(),
    }
}

/// A filter that is prepared for many messages. It checks the cheap conditions first.
struct CompiledFilter<'f> {
    filter: &'f MessageFilter,
    from: Option<Needle>,
    to: Option<Needle>,
    subject: Option<Needle>,
    /// Every word of `q`.
    anywhere: Vec<Needle>,
}

impl<'f> CompiledFilter<'f> {
    fn new(filter: &'f MessageFilter) -> CompiledFilter<'f> {
        let needle = |text: &Option<String>| text.as_deref().map(Needle::new);
        CompiledFilter {
            filter,
            from: needle(&filter.from),
            to: needle(&filter.to),
            subject: needle(&filter.subject),
            anywhere: filter
                .q
                .iter()
                .flat_map(|text| text.split_whitespace())
                .take(SEARCH_WORDS_MAX)
                .map(Needle::new)
                .collect(),
        }
    }

    fn passes(&mut self, store: &Store, view: &MessageRecord) -> Result<bool, crate::store::Error> {
        let filter = self.filter;
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
            && filter.thread.is_none_or(|thread| thread == view.thread);
        if !cheap {
            return Ok(false);
        }
        let summary = &view.summary;
        let named = |needle: &mut Needle, list: &[NamedAddress]| {
            list.iter()
                .any(|n| needle.is_in(&n.name) || needle.is_in(&n.address))
        };
        if let Some(needle) = &mut self.from
            && !named(needle, core::slice::from_ref(&summary.from))
        {
            return Ok(false);
        }
        if let Some(needle) = &mut self.to
            && !named(needle, &summary.to)
            && !named(needle, &summary.cc)
        {
            return Ok(false);
        }
        if let Some(needle) = &mut self.subject
            && !needle.is_in(&summary.subject)
        {
            return Ok(false);
        }
        if self.anywhere.is_empty() {
            return Ok(true);
        }
        let octets = store.body_octets(view.body.0, view.body.1)?;
        let digest = Digest::open(&view.digest).ok_or(crate::store::Error::Corrupt("digest"))?;
        Ok(contains_all(&octets, &digest, &mut self.anywhere))
    }
}

/// Milliseconds after which a list answers with the rows that it has, and a cursor.
const LIST_MS: u64 = 2000;

/// Inboxes whose heads are read between two looks at the clock.
const GATHERED_AT_ONCE: usize = 64;
