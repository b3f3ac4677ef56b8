//! Threads: an inbox listed by conversation, and one conversation with its messages.
//!
//! A thread is made of its messages each time it is asked for; nothing of it is stored. A list goes
//! down the ids of the inbox and stops at each message that is the newest of its thread. The rule:
//! a thread counts at most [`THREAD_MESSAGES_MAX`] messages, the newest ones, each snapshot ends
//! after one thread or one message, and a page is sliced as lists are.

use core::ops::ControlFlow;
use std::sync::Arc;

use super::filter::CompiledFilter;
use super::full::{OPENED_OCTETS, octets_of};
use super::gather::{ListOrder, WALKED_MAX};
use super::listed::row_octets;
use super::page::{PAGE_OCTETS, SliceClock, parse_id_cursor};
use super::{mailbox, message, sparse};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, ContentAsk, EntryId, Flags, InboxId, InboxRef, MailboxId, MessageFilter,
    MessageView, NamedAddress, Noun, OrgId, Refusal, THREAD_LABELS_MAX, THREAD_MESSAGES_MAX,
    THREAD_PARTICIPANTS_MAX, ThreadId, ThreadProgress, ThreadView,
};
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{MessageRecord, Store, ThreadFolders};

/// Lists a page of threads, the newest activity first. A thread is listed when one of its messages
/// meets the filter. Gives `None` when a slice of the work is done and the page is not complete.
pub fn list(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    filter: &MessageFilter,
    (cursor, limit): (&mut Option<String>, usize),
    progress: &mut ThreadProgress,
) -> Result<Option<Answer>, Refusal> {
    let store = context.store;
    let inbox = policy::find_inbox(store, access, inbox)?;
    let place = (access.org, inbox);
    let (folders, folder) = folders_of(context, (access, inbox), filter.folder.as_deref())?;
    let mut below = parse_id_cursor(cursor.as_deref(), 't', i64::MAX)?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut compiled = CompiledFilter::new(filter);
    let clock = SliceClock::begin(context, &mut progress.list);
    let mut sought = compiled.sought(None, ListOrder::Id);
    sought.folders = sparse::folders_sought(folders, folder);
    if sparse::is_gathered(store, place, &sought, &mut progress.list)?
        && !sparse::gather_threads(store, place, (&sought, folders), progress, &clock)?
    {
        clock.ends_page(progress.threads.len())?;
        return Ok(None);
    }
    let walked_max = match progress.list.gathered {
        None if !sought.is_open() => WALKED_MAX,
        _ => usize::MAX,
    };
    let mut passes = |record: &MessageRecord| {
        folder.is_none_or(|folder| folder == record.entry.mailbox) && compiled.passes(record)
    };
    let mut rows = core::mem::take(&mut progress.threads);
    let (mut is_first, mut is_slice, mut is_end) = (true, false, false);
    loop {
        let octets: usize = rows.iter().map(octets_shown).sum();
        let is_full = rows.len() >= limit || octets >= PAGE_OCTETS;
        let _moment = store.snapshot()?;
        let mut head = None;
        let mut is_over = || {
            is_slice = (clock.is_over() || progress.list.looked >= walked_max) && !is_first;
            is_first = false;
            progress.list.looked += 1;
            is_slice
        };
        match &progress.heads {
            Some(heads) => {
                let next = heads.range(..(below, ThreadId(i64::MIN))).next_back();
                let next = next.map(|(id, thread)| (EntryId(*id), *thread));
                head = next.filter(|_| !is_over());
            }
            None => {
                store.thread_heads_below(place, below, folders, |id, thread, is_head| {
                    if is_over() {
                        return Ok(ControlFlow::Break(()));
                    }
                    if is_head {
                        head = Some((id, thread));
                        return Ok(ControlFlow::Break(()));
                    }
                    below = id.0;
                    Ok(ControlFlow::Continue(()))
                })?;
            }
        }
        let Some((id, thread)) = head else {
            is_end = !is_slice;
            break;
        };
        if is_full {
            break;
        }
        below = id.0;
        rows.extend(made(store, place, (thread, id), folders, &mut passes)?);
    }
    let next = (!is_end).then(|| format!("t{below:x}"));
    if is_slice && rows.len() < limit && !clock.ends_page(rows.len())? {
        *cursor = next;
        progress.threads = rows;
        if progress.list.looked >= walked_max {
            progress.list.gathered = Some(Box::default());
        }
        return Ok(None);
    }
    Ok(Some(Answer::Threads { rows, next }))
}

/// A thread, and a page of its messages from the oldest on; with `ask` each has its content. One
/// that has messages only in Trash and Junk is shown with them. Gives `None` when a slice of the
/// work is done.
pub fn read(
    context: &ReadContext<'_>,
    access: &Access,
    (inbox, id, folder): (&InboxRef, ThreadId, Option<&str>),
    ask: Option<ContentAsk>,
    (cursor, limit): (&mut Option<String>, usize),
    progress: &mut ThreadProgress,
) -> Result<Option<Answer>, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Thread);
    let store = context.store;
    let inbox = policy::find_inbox(store, access, inbox)?;
    let place = (access.org, inbox);
    let (mut folders, _) = folders_of(context, (access, inbox), folder)?;
    let mut after = parse_id_cursor(cursor.as_deref(), 'm', 0)?;
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let clock = SliceClock::begin(context, &mut progress.list);
    let moment = store.snapshot()?;
    let mut head = store.thread_head(place, id, folders)?;
    if head.is_none() && folder.is_none() {
        folders = ThreadFolders::Every;
        head = store.thread_head(place, id, folders)?;
    }
    let head = head.ok_or(NONE)?;
    let mut everything = |_: &MessageRecord| true;
    let thread = match progress.threads.pop() {
        Some(thread) => thread,
        None => made(store, place, (id, head), folders, &mut everything)?.ok_or(NONE)?,
    };
    drop(moment);
    let mut rows = core::mem::take(&mut progress.list.rows);
    let page_octets = if ask.is_some() {
        OPENED_OCTETS
    } else {
        PAGE_OCTETS
    };
    let (mut is_first, mut is_end) = (true, false);
    loop {
        let octets: usize = rows.iter().map(|row| whole_octets(row)).sum();
        let is_full = rows.len() >= limit || octets >= page_octets;
        let is_slice = clock.is_over() && !is_first;
        if is_slice && !is_full {
            if clock.ends_page(rows.len())? {
                break;
            }
            *cursor = Some(format!("m{after:x}"));
            progress.list.rows = rows;
            progress.threads.push(thread);
            return Ok(None);
        }
        is_first = false;
        match next_message(store, place, (id, &mut after), folders, (is_full, &clock))? {
            NextMessage::End => is_end = true,
            NextMessage::Later if !is_full => continue,
            NextMessage::Found(record) if !is_full => match ask {
                None => rows.push(Arc::new(message::message_view(inbox, *record)?)),
                // It may have been deleted meanwhile.
                Some(ask) => {
                    rows.extend(message::open(store, (inbox, *record), ask)?.map(Arc::new))
                }
            },
            NextMessage::Found(_) | NextMessage::Later => {}
        }
        if is_end || is_full {
            break;
        }
    }
    let next = (!is_end).then(|| format!("m{after:x}"));
    let thread = Box::new(thread);
    Ok(Some(Answer::Thread { thread, rows, next }))
}

/// What comes next in a thread.
enum NextMessage {
    /// A message that counts.
    Found(Box<MessageRecord>),
    /// The slice is over, and there are messages left to look at.
    Later,
    /// Nothing.
    End,
}

/// The next message of a thread that counts. It moves `after` to it, unless it only looks.
fn next_message(
    store: &Store,
    place: (OrgId, InboxId),
    (thread, after): (ThreadId, &mut i64),
    folders: ThreadFolders,
    (only_look, clock): (bool, &SliceClock<'_>),
) -> Result<NextMessage, Refusal> {
    let _moment = store.snapshot()?;
    let mut next = NextMessage::End;
    store.thread_above(place, thread, *after, folders, |id, record| {
        if record.is_none() || !only_look {
            *after = id.0;
        }
        next = match record {
            Some(record) => NextMessage::Found(Box::new(record)),
            None if clock.is_over() => NextMessage::Later,
            None => return Ok(ControlFlow::Continue(())),
        };
        Ok(ControlFlow::Break(()))
    })?;
    Ok(next)
}

/// The folders that count, and the one that a message must be in.
fn folders_of(
    context: &ReadContext<'_>,
    (access, inbox): (&Access, InboxId),
    name: Option<&str>,
) -> Result<(ThreadFolders, Option<MailboxId>), Refusal> {
    let Some(name) = name else {
        return Ok((ThreadFolders::Usual, None));
    };
    if name == MessageFilter::EVERY_FOLDER {
        return Ok((ThreadFolders::Every, None));
    }
    let limits = &context.shared.limits;
    let found = mailbox::find(context.store, limits, (access, inbox), name)?;
    Ok((ThreadFolders::With(found.id), Some(found.id)))
}

/// Makes a thread of its messages from `head` on, which is the newest one that counts. `None` when
/// none of them passes.
fn made(
    store: &Store,
    place: (OrgId, InboxId),
    (thread, head): (ThreadId, EntryId),
    folders: ThreadFolders,
    passes: &mut impl FnMut(&MessageRecord) -> bool,
) -> Result<Option<ThreadView>, Refusal> {
    let mut view: Option<ThreadView> = None;
    let (mut is_wanted, mut octets, mut looked_at) = (false, 0, 0);
    let below = head.0.saturating_add(1);
    let is_whole = store.thread_below(place, thread, below, folders, |record| {
        looked_at += 1;
        let Some(record) = record else {
            return Ok(match looked_at >= LOOKED_AT_MAX {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
        };
        is_wanted = is_wanted || passes(&record);
        octets += record.digest.len() + record.entry.prefix.len();
        let view = view.get_or_insert_with(|| begun(place.1, &record));
        add(view, record);
        Ok(
            match view.messages >= THREAD_MESSAGES_MAX || octets >= READ_OCTETS {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            },
        )
    })?;
    let Some(mut view) = view.filter(|_| is_wanted) else {
        return Ok(None);
    };
    if !is_whole {
        looked_at = 0;
        store.thread_above(place, thread, 0, folders, |_, record| {
            looked_at += 1;
            let Some(record) = record.filter(|_| looked_at < LOOKED_AT_MAX) else {
                return Ok(match looked_at >= LOOKED_AT_MAX {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                });
            };
            view.first_at = record.entry.received_at;
            Ok(ControlFlow::Break(()))
        })?;
    }
    Ok(Some(view))
}

/// A thread that has no message yet but names its newest one.
fn begun(inbox: InboxId, newest: &MessageRecord) -> ThreadView {
    ThreadView {
        id: newest.entry.thread,
        inbox,
        subject: String::new(),
        participants: Vec::new(),
        messages: 0,
        unread: 0,
        labels: Vec::new(),
        folders: Vec::new(),
        preview: newest.summary.preview.clone(),
        has_attachments: false,
        first_at: newest.entry.received_at,
        last_at: newest.entry.received_at,
        last: newest.entry.state.id,
    }
}

/// Adds a message that is older than those before.
fn add(view: &mut ThreadView, record: MessageRecord) {
    let summary = record.summary;
    view.messages += 1;
    view.unread += u32::from(!record.entry.state.flags.has(Flags::SEEN));
    view.has_attachments |= summary.has_attachments;
    view.first_at = record.entry.received_at;
    view.subject = summary.subject;
    add_people(&mut view.participants, [summary.from]);
    for list in [summary.to, summary.cc] {
        add_people(
            &mut view.participants,
            list.into_iter().take(ADDRESSES_LOOKED_AT),
        );
    }
    for label in record.entry.state.keywords {
        let is_known = (view.labels.iter()).any(|known| known.eq_ignore_ascii_case(&label));
        if !is_known && view.labels.len() < THREAD_LABELS_MAX {
            view.labels.push(label);
        }
    }
    if !view.folders.contains(&record.entry.folder) && view.folders.len() < THREAD_LABELS_MAX {
        view.folders.push(record.entry.folder);
    }
}

/// Adds those that are not known yet. A name comes in where there was none.
fn add_people(known: &mut Vec<NamedAddress>, people: impl IntoIterator<Item = NamedAddress>) {
    for one in people {
        if one.address.is_empty() {
            continue;
        }
        let is_same = |of: &&mut NamedAddress| of.address.eq_ignore_ascii_case(&one.address);
        if let Some(of) = known.iter_mut().find(is_same) {
            if of.name.is_empty() {
                of.name = one.name;
            }
        } else if known.len() < THREAD_PARTICIPANTS_MAX {
            known.push(one);
        }
    }
}

/// About the octets of a thread as it is shown.
fn octets_shown(view: &ThreadView) -> usize {
    let people = view.participants.iter();
    let people = people.map(|of| of.name.len() + of.address.len() + TEXT_OCTETS);
    let words = view.labels.iter().chain(&view.folders);
    let words = words.map(|word| word.len() + TEXT_OCTETS);
    people.chain(words).sum::<usize>() + view.subject.len() + view.preview.len() + VIEW_OCTETS
}

/// About the octets of a message as it is shown, with its content if it has one.
fn whole_octets(view: &MessageView) -> usize {
    row_octets(view) + view.content.as_deref().map_or(0, octets_of)
}

/// Octets of stored structure that one thread reads, about 4 ms of a reader. The message that comes
/// to it is the last one that counts.
const READ_OCTETS: usize = 4 << 20;

/// Messages that one thread reads, with those that do not count.
const LOOKED_AT_MAX: usize = 5_000;

/// Addresses of To and of Cc that are looked at in one message.
const ADDRESSES_LOOKED_AT: usize = 20;

/// Octets of a text and of a thread beside their texts.
const TEXT_OCTETS: usize = 24;
const VIEW_OCTETS: usize = 400;
