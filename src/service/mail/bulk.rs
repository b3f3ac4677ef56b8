//! Commands on any number of messages, in slices: COPY, MOVE and EXPUNGE.
//!
//! A slice is bounded by rows, and each is committed with its group and has rows of its own in the
//! log. The position is in the call, so that other calls have their turn in between. What can be
//! known at the beginning is refused there. A COPY that is refused later is taken back, in slices
//! too (RFC 3501 section 6.4.7): `Write::undo` makes the call for that.

use super::entry::find_mailbox_to_change;
use super::mailbox::{find, find_own_place};
use super::slice::{BulkStep, put};
use super::teaching::take_move_back;
use crate::call::{Access, BulkProgress, Flags, MailboxId, Noun, Refusal, UidSet, Written};
use crate::service::context::WriteContext;
use crate::service::policy::check_messages;
use crate::store::{InboxPlace, MailboxRecord};

/// The arguments of COPY and MOVE.
#[derive(Clone, Copy, Debug)]
pub struct CopyAsk<'a> {
    /// The mailbox of the messages.
    pub mailbox: MailboxId,
    /// The messages.
    pub uids: &'a UidSet,
    /// The name of the mailbox that they go to.
    pub to: &'a str,
    /// MOVE.
    pub remove: bool,
    /// A message that is gone refuses the command.
    pub all: bool,
}

/// COPY, or MOVE with `remove`.
pub fn copy(
    context: &mut WriteContext<'_>,
    access: &Access,
    ask: CopyAsk<'_>,
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    if let Some(why) = &progress.undo {
        return take_back(context, access, why, progress);
    }
    let store = context.store;
    let (place, source) = find_mailbox_to_change(store, access, ask.mailbox)?;
    let limits = &context.shared.limits;
    let inbox = place.path.id;
    let target = match progress.target {
        None => find(store, limits, (access, inbox), ask.to)?,
        Some(id) => store.mailbox(access.org, inbox, id)?.ok_or(NO_MAILBOX)?,
    };
    if progress.target.is_none() {
        check_room(context, &ask, (&place, &source, &target))?;
    }
    let piece = ask.uids.first_above(progress.done_to, limits.slice_rows);
    let mut next = progress.clone();
    next.target = Some(target.id);
    let (from, to, modseq) = put(context, (&place, &source, &target), &piece, ask.remove)?;
    let missing = piece.difference(&from);
    if ask.all && !missing.is_empty() {
        return Err(Refusal::NotFound(Noun::Message));
    }
    next.missing.add(&missing);
    next.to.add(&to);
    next.modseq = next.modseq.max(modseq);
    next.done_to = piece.last().unwrap_or(u32::MAX);
    if ask.uids.last().is_some_and(|last| last > next.done_to) {
        return Ok(BulkStep::On(Box::new(next)));
    }
    let from = ask.uids.difference(&next.missing);
    let expunged = match ask.remove && from.ranges().len() <= TOLD_RANGES_MAX {
        true => from.clone(),
        false => UidSet::new(),
    };
    Ok(BulkStep::Done(Written::Copied {
        uidvalidity: target.uidvalidity,
        from,
        to: next.to,
        expunged,
        modseq: next.modseq.max(source.highest_modseq),
    }))
}

/// Refuses at the beginning what would be refused on the way.
fn check_room(
    context: &WriteContext<'_>,
    ask: &CopyAsk<'_>,
    (place, source, target): (&InboxPlace, &MailboxRecord, &MailboxRecord),
) -> Result<(), Refusal> {
    let limits = &context.shared.limits;
    let n = u32::try_from(ask.uids.len()).unwrap_or(u32::MAX);
    // A move within one mailbox adds none.
    if !ask.remove || source.id != target.id {
        check_messages(limits, target.messages, n.min(source.messages))?;
    }
    let is_whole = n >= source.messages;
    let max = limits.inbox_bytes.min(place.bounds.quota_bytes);
    if !ask.remove && is_whole && place.stored.saturating_add(source.bytes) > max {
        let of = Noun::Inbox;
        return Err(Refusal::OverQuota { of, max });
    }
    Ok(())
}

/// Takes back one slice of the copies. After the last one the command is refused.
fn take_back(
    context: &mut WriteContext<'_>,
    access: &Access,
    why: &Refusal,
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let rows = context.shared.limits.slice_rows;
    let piece = progress.to.first_above(progress.done_to, rows);
    let Some(last) = piece.last() else {
        return Err(why.clone());
    };
    let mut next = progress.clone();
    next.done_to = last;
    let place = match find_own_place(context.store, access) {
        Err(Refusal::NotFound(_)) => None,
        found => Some(found?),
    };
    let target = match (&place, progress.target) {
        (Some(place), Some(target)) => context.store.mailbox(access.org, place.path.id, target)?,
        _ => None,
    };
    let (Some(place), Some(target)) = (place, target) else {
        // The copies are gone with their mailbox.
        next.done_to = u32::MAX;
        return Ok(BulkStep::On(Box::new(next)));
    };
    take_move_back(context, &target, &piece)?;
    context.store.expunge(
        (context.now, context.origin),
        (&place, &target),
        Some(&piece),
        Flags::NONE,
        context.events,
    )?;
    Ok(BulkStep::On(Box::new(next)))
}

/// EXPUNGE and UID EXPUNGE.
pub fn expunge(
    context: &mut WriteContext<'_>,
    access: &Access,
    (mailbox, uids): (MailboxId, Option<&UidSet>),
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let (place, mailbox) = find_mailbox_to_change(context.store, access, mailbox)?;
    let rows = context.shared.limits.slice_rows;
    // Rows without the flag cost less than those that go.
    let looks = rows.saturating_mul(4);
    let mut next = progress.clone();
    if next.last == 0 {
        next.last = mailbox.uidnext.saturating_sub(1);
    }
    let piece = match uids {
        Some(uids) => uids.first_above(next.done_to, looks),
        None if next.done_to < next.last => UidSet::from(next.done_to + 1..=next.last),
        None => UidSet::new(),
    };
    let (gone, modseq, stopped) = context.store.expunge_some(
        (context.now, context.origin),
        (&place, &mailbox),
        (&piece, Flags::DELETED),
        (looks, rows),
        context.events,
    )?;
    if next.gone.ranges().len().saturating_add(gone.ranges().len()) <= TOLD_RANGES_MAX {
        next.gone.add(&gone);
    }
    next.modseq = modseq;
    next.done_to = match (stopped, piece.last()) {
        (Some(at), _) => at.saturating_sub(1),
        (None, last) => last.unwrap_or(u32::MAX),
    };
    let flagged = u64::from(mailbox.deleted).saturating_sub(gone.len() as u64);
    let end = uids.map_or(Some(next.last), UidSet::last);
    if flagged > 0 && end.is_some_and(|end| end > next.done_to) {
        return Ok(BulkStep::On(Box::new(next)));
    }
    Ok(BulkStep::Done(Written::Expunged {
        uids: next.gone,
        modseq,
    }))
}

const NO_MAILBOX: Refusal = Refusal::NotFound(Noun::Mailbox);

/// An answer names expunged messages if they are at most so many ranges (32 KiB); the view of a
/// client compares itself with the store beyond that.
const TOLD_RANGES_MAX: usize = 4096;
