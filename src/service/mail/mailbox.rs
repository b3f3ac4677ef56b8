//! Mailboxes: their names, listing, opening, creating, renaming and deleting them.
//!
//! This file checks a name once, where it comes in; the store takes it as it is. Every change is a
//! row of the log, except a subscription, which changes no mail.

use std::collections::HashSet;

use super::slice::{self, BulkStep};
use crate::call::{
    Access, Answer, Bounded, BulkProgress, Change, ConflictReason, Countable, INBOX, InboxId,
    Limits, MailboxId, MailboxRow, MailboxWalk, Noun, RecentCount, Refusal, Selected, UidSet,
    WalkStart, Written,
};
use crate::service::context::{ReadContext, WriteContext, own_inbox};
use crate::store::{InboxPlace, MailboxRecord, NewEvent, Store};

/// The form in which a mailbox name is stored: INBOX in capitals where it is the first level, and
/// no `/` at the end (RFC 3501 section 6.3.3 allows one in CREATE).
pub fn parse_name(text: &str, limits: &Limits) -> Result<String, Refusal> {
    let invalid = |why: &str| Refusal::Invalid {
        field: "mailbox",
        why: why.to_owned(),
    };
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Err(invalid("the name is empty"));
    }
    if text.len() > limits.mailbox_name_bytes {
        return Err(Refusal::TooBig {
            what: Bounded::MailboxName,
            max: limits.mailbox_name_bytes as u64,
        });
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '*' | '%'))
    {
        return Err(invalid("no control characters, no * and no %"));
    }
    if text.split('/').any(str::is_empty) {
        return Err(invalid("a level of the name is empty"));
    }
    if text.split('/').count() > limits.mailbox_depth {
        return Err(Refusal::TooBig {
            what: Bounded::MailboxDepth,
            max: limits.mailbox_depth as u64,
        });
    }
    let (first, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
    if first.eq_ignore_ascii_case(INBOX) {
        return Ok(format!("{INBOX}{rest}"));
    }
    Ok(text.to_owned())
}

/// The mailbox of an inbox with this name. A name that no mailbox can have is not found.
pub(in crate::service) fn find(
    store: &Store,
    limits: &Limits,
    (access, inbox): (&Access, InboxId),
    text: &str,
) -> Result<MailboxRecord, Refusal> {
    let name = parse_name(text, limits).map_err(|_| NONE)?;
    store.mailbox_named(access.org, inbox, &name)?.ok_or(NONE)
}

/// The inbox of the session, in the form that events and quota need.
pub(in crate::service) fn find_own_place(
    store: &Store,
    access: &Access,
) -> Result<InboxPlace, Refusal> {
    let inbox = own_inbox(store, access)?;
    store
        .place_of(access.org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))
}

/// LIST and STATUS of all. Gives `None` when there is more to count.
pub fn list(
    context: &ReadContext<'_>,
    access: &Access,
    (counts, recent): (bool, bool),
    progress: &mut RecentCount,
) -> Result<Option<Answer>, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    if progress.rows.is_none() {
        let mailboxes = context.store.mailboxes(access.org, inbox)?;
        let rows = mailboxes.into_iter().map(|(mailbox, subscribed)| {
            let row = mailbox.row(subscribed, counts.then(|| mailbox.counts()));
            (mailbox, row)
        });
        begin_count(context, rows, counts && recent, progress);
    }
    count_recent(context, access, progress)
}

/// STATUS. Gives `None` when there is more to count.
pub fn read_status(
    context: &ReadContext<'_>,
    access: &Access,
    (text, recent): (&str, bool),
    progress: &mut RecentCount,
) -> Result<Option<Answer>, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    if progress.rows.is_none() {
        let limits = &context.shared.limits;
        let mailbox = find(context.store, limits, (access, inbox), text)?;
        let subscribed = context.store.is_subscribed(inbox, &mailbox.name)?;
        let row = mailbox.row(subscribed, Some(mailbox.counts()));
        begin_count(context, [(mailbox, row)].into_iter(), recent, progress);
    }
    count_recent(context, access, progress)
}

/// Takes the rows, and finds out what of them is to be counted.
fn begin_count(
    context: &ReadContext<'_>,
    mailboxes: impl Iterator<Item = (MailboxRecord, MailboxRow)>,
    recent: bool,
    progress: &mut RecentCount,
) {
    let mut rows = Vec::new();
    for (mailbox, mut row) in mailboxes {
        // The messages that open sessions have claimed are left out, as the next SELECT does.
        let taken = context.shared.recent_marks.taken(mailbox.id);
        let above = mailbox.recent_above.max(taken);
        let last = mailbox.uidnext.saturating_sub(1);
        match &mut row.counts {
            Some(counts) if recent && above == 0 => counts.recent = counts.messages,
            Some(_) if recent && above < last && mailbox.messages > 0 => {
                progress.left.push((rows.len(), mailbox.id, above, last));
            }
            _ => {}
        }
        rows.push(row);
    }
    progress.rows = Some(rows);
}

/// Counts one slice of the recent messages.
fn count_recent(
    context: &ReadContext<'_>,
    access: &Access,
    progress: &mut RecentCount,
) -> Result<Option<Answer>, Refusal> {
    let mut rows_left = read_slice(&context.shared.limits);
    while let Some((at, mailbox, after, last)) = progress.left.pop() {
        if rows_left == 0 {
            progress.left.push((at, mailbox, after, last));
            return Ok(None);
        }
        let of = (access.org, mailbox);
        let (n, more_after) = context.store.count_entries(of, (after, last), rows_left)?;
        // A look-up costs as much as some rows.
        rows_left = rows_left.saturating_sub((n as usize).saturating_add(LOOK_UP_ROWS));
        let rows = progress.rows.as_mut();
        if let Some(counts) = rows.and_then(|rows| rows.get_mut(at)?.counts.as_mut()) {
            counts.recent = counts.recent.saturating_add(n);
        }
        if let Some(after) = more_after {
            progress.left.push((at, mailbox, after, last));
        }
    }
    let rows = progress.rows.take().unwrap_or_default();
    Ok(Some(Answer::Mailboxes(rows)))
}

/// The rows that a slice of a walk reads: it does much less with a row than a command that
/// writes.
pub(super) fn read_slice(limits: &Limits) -> usize {
    limits.slice_rows.saturating_mul(4)
}

/// SELECT and EXAMINE: walks over the mailbox. Gives `None` when there is more to read.
pub fn select(
    context: &ReadContext<'_>,
    access: &Access,
    text: &str,
    progress: &mut MailboxWalk,
) -> Result<Option<Answer>, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    let limits = &context.shared.limits;
    let mailbox = match &progress.start {
        None => find(context.store, limits, (access, inbox), text)?,
        // It may have another name by now.
        Some(start) => context
            .store
            .mailbox(access.org, inbox, start.mailbox.id)?
            .ok_or(NONE)?,
    };
    let keywords = limits.mailbox_keywords;
    if !walk(context, &mailbox, (u64::MAX, keywords), progress)? {
        return Ok(None);
    }
    let walk = core::mem::take(progress);
    let start = walk.start.ok_or(NONE)?;
    let counts = start.mailbox.counts.unwrap_or_default();
    Ok(Some(Answer::Selected(Box::new(Selected {
        mailbox: start.mailbox,
        uids: walk.uids,
        recent_above: start.recent_above,
        first_unseen: walk.first_unseen,
        keywords: walk.keywords,
        highest_modseq: counts.highest_modseq,
        as_of: start.as_of,
    }))))
}

/// Goes on with a walk for one slice; whether it has come to the end. `keywords` of them are
/// gathered.
pub(super) fn walk(
    context: &ReadContext<'_>,
    mailbox: &MailboxRecord,
    (since, keywords): (u64, usize),
    progress: &mut MailboxWalk,
) -> Result<bool, Refusal> {
    let store = context.store;
    if progress.start.is_none() {
        let subscribed = store.is_subscribed(mailbox.inbox, &mailbox.name)?;
        progress.start = Some(Box::new(WalkStart {
            mailbox: mailbox.row(subscribed, Some(mailbox.counts())),
            recent_above: mailbox.recent_above,
            last: mailbox.uidnext.saturating_sub(1),
            as_of: store.log_state(mailbox.org)?.map_or(0, |log| log.head),
        }));
    }
    let last = progress.start.as_ref().map_or(0, |start| start.last);
    let rows = read_slice(&context.shared.limits);
    Ok(store.walk(mailbox, (last, since), (rows, keywords), progress)?)
}

/// Marks the messages of a mailbox as told, so that they are not `\Recent` to the next session.
pub fn claim_recent(
    context: &mut WriteContext<'_>,
    access: &Access,
    mailbox: MailboxId,
) -> Result<Written, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let found = context.store.mailbox(access.org, inbox, mailbox)?;
    let mailbox = found.ok_or(Refusal::NotFound(Noun::Mailbox))?;
    context.store.claim_recent(&mailbox)?;
    Ok(Written::Recent {
        above: mailbox.recent_above,
    })
}

/// CREATE, with missing parents.
pub fn create(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Written, Refusal> {
    let place = find_own_place(context.store, access)?;
    let name = parse_name(text, &context.shared.limits)?;
    create_with_parents(context, &place, &name)?;
    Ok(Written::Changed)
}

/// Creates a mailbox and the levels above it that do not exist. `Exists` when the mailbox exists.
pub(in crate::service) fn create_with_parents(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    name: &str,
) -> Result<(), Refusal> {
    let (org, inbox) = (place.org, place.path.id);
    if context.store.mailbox_named(org, inbox, name)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    let parents = name.match_indices('/').map(|(at, _)| &name[..at]);
    let mut missing = Vec::new();
    for level in parents {
        if context.store.mailbox_named(org, inbox, level)?.is_none() {
            missing.push(level);
        }
    }
    missing.push(name);
    let max = context.shared.limits.mailboxes;
    if context
        .store
        .mailbox_count(org, inbox)?
        .saturating_add(missing.len())
        > max
    {
        return Err(Refusal::Limit {
            what: Countable::Mailboxes,
            max: max as u64,
        });
    }
    for level in missing {
        let stamp = context.store.next_seq(org, context.now)?;
        let made = context
            .store
            .make_mailbox(context.now, org, inbox, level, None, stamp.seq)?;
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(made),
            uids: UidSet::new(),
            change: Change::MailboxCreated {
                name: level.to_owned(),
            },
        };
        context
            .store
            .put_event(stamp, context.origin, event, context.events)?;
    }
    Ok(())
}

/// DELETE. INBOX, a special mailbox and a mailbox with children cannot be deleted.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Written, Refusal> {
    let place = find_own_place(context.store, access)?;
    let inbox = place.path.id;
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    if mailbox.name == INBOX {
        return Err(Refusal::Conflict(ConflictReason::InboxDeleted));
    }
    if mailbox.special.is_some() {
        return Err(Refusal::Conflict(ConflictReason::SpecialMailboxDeleted));
    }
    check_no_children(context.store, &mailbox)?;
    delete_in(context, &place, mailbox)?;
    Ok(Written::Changed)
}

/// Refuses to delete a mailbox that has others below it.
pub(super) fn check_no_children(store: &Store, mailbox: &MailboxRecord) -> Result<(), Refusal> {
    let below = store.children(mailbox.org, mailbox.inbox, &mailbox.name, 1)?;
    match below.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Conflict(ConflictReason::MailboxHasChildren)),
    }
}

/// Deletes a mailbox with all in it.
pub(super) fn delete_in(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    mailbox: MailboxRecord,
) -> Result<(), Refusal> {
    let org = place.org;
    context.store.delete_mailbox(&mailbox)?;
    let event = NewEvent {
        inbox: Some(place.path.clone()),
        mailbox: Some(mailbox.id),
        uids: UidSet::new(),
        change: Change::MailboxDeleted { name: mailbox.name },
    };
    context
        .store
        .append_event(context.now, org, context.origin, event, context.events)?;
    Ok(())
}

/// RENAME, with everything below it, in slices. INBOX itself stays, and its messages move (RFC 3501
/// section 6.3.5).
pub fn rename(
    context: &mut WriteContext<'_>,
    access: &Access,
    (from, to): (&str, &str),
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let place = find_own_place(context.store, access)?;
    let (org, inbox) = (place.org, place.path.id);
    let limits = &context.shared.limits;
    if let Some(target) = progress.target {
        return move_inbox_messages(context, (access, &place), target, progress);
    }
    let source = match progress.source {
        None => find(context.store, limits, (access, inbox), from)?,
        Some(id) => context.store.mailbox(org, inbox, id)?.ok_or(NONE)?,
    };
    let target = parse_name(to, limits)?;
    if source.name != INBOX {
        return match rename_in(context, &place, &source, &target, progress)? {
            None => Ok(BulkStep::Done(Written::Changed)),
            Some(next) => Ok(BulkStep::On(next)),
        };
    }
    if context.store.mailbox_named(org, inbox, &target)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    create_with_parents(context, &place, &target)?;
    let target = context.store.mailbox_named(org, inbox, &target)?;
    move_inbox_messages(context, (access, &place), target.ok_or(NONE)?.id, progress)
}

/// Renames a slice of what is below a mailbox that is not INBOX, and at last the mailbox itself;
/// the position of the next slice. A rename that a crash has cut can so be sent again: the mailbox
/// has its old name until everything below it has the new one.
pub(super) fn rename_in(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &str,
    progress: &BulkProgress,
) -> Result<Option<Box<BulkProgress>>, Refusal> {
    let (org, inbox) = (place.org, place.path.id);
    // A rename costs about three times as much as a change of flags.
    let rows = (context.shared.limits.slice_rows / 3).max(1);
    if progress.source.is_none() {
        check_rename(context, place, source, target)?;
    }
    let mut renamed = context
        .store
        .children(org, inbox, &source.name, rows.saturating_add(1))?;
    let is_last = renamed.len() <= rows;
    renamed.truncate(rows);
    if is_last {
        renamed.push((source.id, source.name.clone()));
    }
    for (id, old) in renamed {
        let below = old.get(source.name.len()..).unwrap_or_default();
        // The names of the children get longer too, so each is checked.
        let new = parse_name(&format!("{target}{below}"), &context.shared.limits)?;
        context.store.rename_mailbox(org, inbox, id, &new)?;
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(id),
            uids: UidSet::new(),
            change: Change::MailboxRenamed { from: old, to: new },
        };
        context
            .store
            .append_event(context.now, org, context.origin, event, context.events)?;
    }
    Ok((!is_last).then(|| {
        Box::new(BulkProgress {
            source: Some(source.id),
            ..BulkProgress::default()
        })
    }))
}

/// Refuses a rename before its first slice if any name of it is taken or too long, and makes the
/// levels above the new name.
fn check_rename(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &str,
) -> Result<(), Refusal> {
    let (org, inbox) = (place.org, place.path.id);
    let store = context.store;
    if store.mailbox_named(org, inbox, target)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    let below = |name: &str, above: &str| {
        let below = name.strip_prefix(above).filter(|b| b.starts_with('/'));
        below.map(str::to_owned)
    };
    if below(target, &source.name).is_some() {
        return Err(Refusal::Conflict(ConflictReason::MailboxBelowItself));
    }
    let max = context.shared.limits.mailboxes;
    let taken: HashSet<String> = store
        .children(org, inbox, target, max)?
        .iter()
        .filter_map(|(_, name)| below(name, target))
        .collect();
    for (_, name) in store.children(org, inbox, &source.name, max)? {
        let Some(below) = below(&name, &source.name) else {
            continue;
        };
        parse_name(&format!("{target}{below}"), &context.shared.limits)?;
        if taken.contains(&below) {
            return Err(Refusal::Exists(Noun::Mailbox));
        }
    }
    match target.rsplit_once('/') {
        Some((parent, _)) if store.mailbox_named(org, inbox, parent)?.is_none() => {
            create_with_parents(context, place, parent)
        }
        _ => Ok(()),
    }
}

/// Moves one slice of the messages of INBOX. Those that come meanwhile move, too, or stay.
fn move_inbox_messages(
    context: &mut WriteContext<'_>,
    (access, place): (&Access, &InboxPlace),
    target: MailboxId,
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let store = context.store;
    let inbox = place.path.id;
    let source = store.mailbox_named(access.org, inbox, INBOX)?.ok_or(NONE)?;
    let target = store.mailbox(access.org, inbox, target)?.ok_or(NONE)?;
    if !slice::empty(context, (place, &source), Some(&target))? {
        return Ok(BulkStep::Done(Written::Changed));
    }
    let mut next = progress.clone();
    next.target = Some(target.id);
    Ok(BulkStep::On(Box::new(next)))
}

/// SUBSCRIBE and UNSUBSCRIBE. The mailbox need not exist (RFC 3501 section 6.3.6).
pub fn subscribe(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
    on: bool,
) -> Result<Written, Refusal> {
    let inbox = find_own_place(context.store, access)?.path.id;
    let name = parse_name(text, &context.shared.limits)?;
    // Twice the number of mailboxes, because the names of deleted mailboxes stay subscribed.
    let max = context.shared.limits.mailboxes.saturating_mul(2);
    if on && context.store.subscribed(inbox)?.len() >= max {
        return Err(Refusal::Limit {
            what: Countable::Subscriptions,
            max: max as u64,
        });
    }
    context.store.subscribe(inbox, &name, on)?;
    Ok(Written::Changed)
}

/// LSUB.
pub fn list_subscribed(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    if context.store.place_of(access.org, inbox)?.is_none() {
        return Err(Refusal::NotFound(Noun::Inbox));
    }
    Ok(Answer::Names(context.store.subscribed(inbox)?))
}

const NONE: Refusal = Refusal::NotFound(Noun::Mailbox);

/// A look-up is as much work as so many rows of a walk.
const LOOK_UP_ROWS: usize = 8;
