//! One slice of a command on many messages, and what it comes to.
//!
//! Not the commands, which keep their position (`bulk`, `mailbox`, `folder`). The rule: a slice
//! changes at most `slice_rows` messages.

use super::teaching::note_move;
use crate::call::{BulkProgress, Flags, Refusal, UidSet, Written};
use crate::service::context::WriteContext;
use crate::service::policy::check_messages;
use crate::store::{InboxPlace, MailboxRecord};

/// What a slice of a command has come to.
#[derive(Debug)]
pub enum BulkStep {
    /// The command is carried out.
    Done(Written),
    /// There is more to do.
    On(Box<BulkProgress>),
}

/// Copies or moves one slice: the UIDs in the source and in the target, and the last row of the
/// log.
pub(super) fn put(
    context: &mut WriteContext<'_>,
    (place, source, target): (&InboxPlace, &MailboxRecord, &MailboxRecord),
    piece: &UidSet,
    remove: bool,
) -> Result<(UidSet, UidSet, u64), Refusal> {
    let limits = &context.shared.limits;
    let copied = context.store.copy(
        (context.now, context.origin),
        (place, source, target),
        piece,
        (remove, limits.inbox_bytes.min(place.bounds.quota_bytes)),
        context.events,
    )?;
    note_move(context, (source, target), &copied.to)?;
    if !remove || source.id != target.id {
        // A refusal undoes the savepoint, and so this slice.
        let n = u32::try_from(copied.from.len()).unwrap_or(u32::MAX);
        check_messages(limits, target.messages, n)?;
    }
    Ok((copied.from, copied.to, copied.modseq))
}

/// Moves one slice of all messages of `source` to `target`, or with `None` deletes them for good.
/// Gives whether there may be more.
pub(super) fn empty(
    context: &mut WriteContext<'_>,
    (place, source): (&InboxPlace, &MailboxRecord),
    target: Option<&MailboxRecord>,
) -> Result<bool, Refusal> {
    let rows = context.shared.limits.slice_rows;
    let piece = context.store.first_uids(source, rows)?;
    if !piece.is_empty() {
        match target {
            Some(target) => {
                put(context, (place, source, target), &piece, true)?;
            }
            None => {
                context.store.expunge(
                    (context.now, context.origin),
                    (place, source),
                    Some(&piece),
                    Flags::NONE,
                    context.events,
                )?;
            }
        }
    }
    Ok(piece.len() >= rows)
}
