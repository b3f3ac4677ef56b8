//! Folders, as REST calls the mailboxes of an inbox that it names. The rules of names and the
//! events are those of IMAP (`mailbox.rs`), so an IMAP client sees each change as if another client
//! had made it. INBOX and special mailboxes stay as they are.

use super::entry::find_place;
use super::mailbox;
use crate::call::{
    Access, Answer, ConflictReason, Flags, INBOX, InboxRef, MailboxRow, Noun, Refusal, SpecialUse,
    UidSet, Written,
};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::policy;
use crate::store::{InboxPlace, MailboxRecord};

/// Lists every folder with its counts.
pub fn list(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
) -> Result<Answer, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let _moment = context.store.snapshot()?;
    let mut rows = Vec::new();
    for (mailbox, subscribed) in context.store.mailboxes(access.org, inbox)? {
        rows.push(mailbox.row(subscribed, Some(mailbox.counts())));
    }
    Ok(Answer::Mailboxes(rows))
}

/// Makes a folder with the levels above it that do not exist.
pub fn create(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    text: &str,
) -> Result<Written, Refusal> {
    let place = named_place(context, access, inbox)?;
    let name = mailbox::parse_name(text, &context.shared.limits)?;
    mailbox::create_with_parents(context, &place, &name)?;
    made(context, &place, &name)
}

/// Renames a folder and those below it.
pub fn rename(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (from, to): (&str, &str),
) -> Result<Written, Refusal> {
    let place = named_place(context, access, inbox)?;
    let source = own_folder(context, access, &place, from)?;
    let target = mailbox::parse_name(to, &context.shared.limits)?;
    if source.name != target {
        mailbox::rename_in(context, &place, &source, &target)?;
    }
    made(context, &place, &target)
}

/// Deletes a folder. Its messages move to Trash, or are deleted for good.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    text: &str,
    permanent: bool,
) -> Result<Written, Refusal> {
    let place = named_place(context, access, inbox)?;
    let folder = own_folder(context, access, &place, text)?;
    let (org, inbox) = (place.org, place.path.id);
    let all = UidSet::from(1..=u32::MAX);
    mailbox::check_no_children(context.store, &folder)?;
    if permanent {
        context.store.expunge(
            (context.now, context.origin),
            (&place, &folder),
            Some(&all),
            Flags::NONE,
            context.events,
        )?;
    } else {
        let trash = context
            .store
            .mailbox_special(org, inbox, SpecialUse::Trash)?
            .ok_or(Refusal::NotFound(Noun::Mailbox))?;
        context.store.copy(
            (context.now, context.origin),
            (&place, &folder, &trash),
            &all,
            (true, u64::MAX),
            context.events,
        )?;
    }
    // Its counters have changed, so it is read again.
    if let Some(folder) = context.store.mailbox(org, inbox, folder.id)? {
        mailbox::delete_in(context, &place, folder)?;
    }
    Ok(Written::Changed)
}

fn named_place(
    context: &WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
) -> Result<InboxPlace, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    find_place(context.store, access, inbox)
}

/// A folder that its owner may rename and delete.
fn own_folder(
    context: &WriteContext<'_>,
    access: &Access,
    place: &InboxPlace,
    text: &str,
) -> Result<MailboxRecord, Refusal> {
    let limits = &context.shared.limits;
    let found = mailbox::find(context.store, limits, (access, place.path.id), text)?;
    if found.name == INBOX {
        return Err(Refusal::Conflict(ConflictReason::InboxKept));
    }
    match found.special {
        Some(_) => Err(Refusal::Conflict(ConflictReason::SpecialMailboxKept)),
        None => Ok(found),
    }
}

/// The folder as it is now.
fn made(context: &WriteContext<'_>, place: &InboxPlace, name: &str) -> Result<Written, Refusal> {
    let found = context
        .store
        .mailbox_named(place.org, place.path.id, name)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))?;
    let row: MailboxRow = found.row(false, Some(found.counts()));
    Ok(Written::Mailbox(Box::new(row)))
}
