//! One change of many messages, by their ids, in slices of the writer.
//!
//! The messages of a slice are grouped by their mailbox, so that a slice writes a few rows of the
//! log and not one for each message. Not what one message's change is (`message.rs`). The rule:
//! each id is changed or refused for itself. A slice that is refused is undone, and its ids come
//! again one by one (`Write::undo`).

use std::collections::BTreeMap;

use super::entry::{check_labels, find_place, flag_some};
use super::mailbox;
use super::message::{check_waits_not, mailbox_of};
use super::slice::put;
use crate::call::{
    Access, BatchProgress, BatchRow, Deletion, EntryId, FlagChange, Flags, InboxRef, MailboxId,
    MessageBatch, Noun, Refusal, SpecialUse, UidSet, Written,
};
use crate::service::context::WriteContext;
use crate::service::policy;
use crate::store::{InboxPlace, MailboxRecord};

/// What a slice has come to.
#[derive(Debug)]
pub enum BatchStep {
    /// Every message has its answer.
    Done(Written),
    /// There are more.
    On(Box<BatchProgress>),
}

/// Carries out one slice.
pub fn change(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    batch: &MessageBatch,
    progress: &BatchProgress,
) -> Result<BatchStep, Refusal> {
    check_labels("add_labels", &batch.patch.add_labels)?;
    check_labels("remove_labels", &batch.patch.remove_labels)?;
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let place = find_place(context.store, access, inbox)?;
    let target = target_of(context, access, &place, batch)?;
    let from = progress.done.len();
    let len = batch.slice(progress, context.shared.limits.slice_rows);
    let slice = batch.ids.get(from..from + len).unwrap_or_default();
    let mut groups: BTreeMap<MailboxId, UidSet> = BTreeMap::new();
    let mut next = progress.clone();
    for id in slice {
        let refusal = match find(context, (&place, target.as_ref()), id) {
            Ok((mailbox, uid)) => {
                groups.entry(mailbox).or_default().insert(uid);
                None
            }
            Err(refusal @ (Refusal::NotFound(Noun::Message) | Refusal::Conflict(_))) => {
                Some(refusal)
            }
            Err(refusal) => return Err(refusal),
        };
        next.done.push(refusal);
    }
    for (mailbox, uids) in groups {
        let mailbox = mailbox_of(context.store, place.org, place.path.id, mailbox)?;
        change_in(context, (&place, &mailbox), &uids, (batch, target.as_ref()))?;
    }
    if next.done.len() < batch.ids.len() {
        return Ok(BatchStep::On(Box::new(next)));
    }
    let rows = batch.ids.iter().zip(next.done);
    let rows = rows.map(|(id, refusal)| BatchRow {
        id: id.clone(),
        refusal,
    });
    Ok(BatchStep::Done(Written::Batch(rows.collect())))
}

/// The mailbox that the messages move to.
fn target_of(
    context: &WriteContext<'_>,
    access: &Access,
    place: &InboxPlace,
    batch: &MessageBatch,
) -> Result<Option<MailboxRecord>, Refusal> {
    let (store, limits) = (context.store, &context.shared.limits);
    match (batch.delete, &batch.patch.folder) {
        (Some(Deletion::ToTrash), _) => store
            .mailbox_special(place.org, place.path.id, SpecialUse::Trash)?
            .ok_or(Refusal::NotFound(Noun::Mailbox))
            .map(Some),
        (None, Some(folder)) => {
            mailbox::find(store, limits, (access, place.path.id), folder).map(Some)
        }
        (Some(Deletion::Permanent), _) | (None, None) => Ok(None),
    }
}

/// Where a message is, if it may be changed.
fn find(
    context: &WriteContext<'_>,
    (place, target): (&InboxPlace, Option<&MailboxRecord>),
    id: &str,
) -> Result<(MailboxId, u32), Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Message);
    let (store, org, inbox) = (context.store, place.org, place.path.id);
    let id = EntryId::parse(id).ok_or(NONE)?;
    let entry = store.entry(org, inbox, id)?.ok_or(NONE)?;
    let mailbox = mailbox_of(store, org, inbox, entry.mailbox)?;
    if let Some(target) = target
        && mailbox.special == Some(SpecialUse::Drafts)
        && !matches!(target.special, Some(SpecialUse::Drafts | SpecialUse::Trash))
    {
        check_waits_not(store, org, id)?;
    }
    Ok((mailbox.id, entry.state.uid))
}

/// Changes messages of one mailbox.
fn change_in(
    context: &mut WriteContext<'_>,
    (place, mailbox): (&InboxPlace, &MailboxRecord),
    uids: &UidSet,
    (batch, target): (&MessageBatch, Option<&MailboxRecord>),
) -> Result<(), Refusal> {
    let patch = &batch.patch;
    for (how, labels) in [
        (FlagChange::Remove, &patch.remove_labels),
        (FlagChange::Add, &patch.add_labels),
    ] {
        let flags = patch.flags(how == FlagChange::Add);
        if flags != Flags::NONE || !labels.is_empty() {
            flag_some(context, (place, mailbox), uids, (how, flags, labels))?;
        }
    }
    if batch.delete == Some(Deletion::Permanent) {
        context.store.expunge(
            (context.now, context.origin),
            (place, mailbox),
            Some(uids),
            Flags::NONE,
            context.events,
        )?;
    } else if let Some(target) = target.filter(|target| target.id != mailbox.id) {
        // Its counters change with every mailbox that messages come from.
        let target = mailbox_of(context.store, place.org, place.path.id, target.id)?;
        put(context, (place, mailbox, &target), uids, true)?;
    }
    Ok(())
}
