//! Folders, as REST calls the mailboxes of an inbox that it names. The rules of names and the
//! events are those of IMAP (`mailbox.rs`), so an IMAP client sees each change as if another client
//! had made it. INBOX and special mailboxes stay as they are.

use super::entry::find_place;
use super::mailbox;
use super::page::wrong_cursor;
use super::slice::{self, BulkStep};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, BulkProgress, ConflictReason, INBOX, InboxRef, MailboxRow, Noun, Refusal,
    SpecialUse, Written,
};
use crate::mail::parse::transfer;
use crate::service::context::{ReadContext, WriteContext};
use crate::service::policy;
use crate::store::{InboxPlace, MailboxRecord};

/// Lists a page of the folders with their counts, by name.
pub fn list(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (cursor, limit): (Option<&str>, usize),
) -> Result<Answer, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let after = match cursor {
        Some(cursor) => parse_cursor(cursor).ok_or_else(wrong_cursor)?,
        None => String::new(),
    };
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let place = (access.org, inbox);
    let page = context.store.mailboxes_after(place, &after, limit + 1)?;
    let is_more = page.len() > limit;
    let rows: Vec<MailboxRow> = (page.into_iter().take(limit))
        .map(|(mailbox, subscribed)| mailbox.row(subscribed, Some(mailbox.counts())))
        .collect();
    let last = rows.last().filter(|_| is_more);
    let next = last.map(|row| format_cursor(&row.name));
    Ok(Answer::Folders { rows, next })
}

/// The public form of the position behind a folder: its name in hexadecimal digits, which a query
/// takes as they are.
fn format_cursor(name: &str) -> String {
    let digits = name.bytes().map(|octet| format!("{octet:02x}"));
    core::iter::once("f".to_owned()).chain(digits).collect()
}

/// Parses the text of [`format_cursor`].
fn parse_cursor(cursor: &str) -> Option<String> {
    let digits = cursor.strip_prefix('f')?.as_bytes();
    let octet = |pair: &[u8]| match pair {
        [high, low] => Some(transfer::hex(high)? << 4 | transfer::hex(low)?),
        _ => None,
    };
    let octets: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
    String::from_utf8(octets?).ok()
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

/// Renames a folder and those below it, in slices.
pub fn rename(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (from, to): (&str, &str),
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let place = named_place(context, access, inbox)?;
    let source = match progress.source {
        None => own_folder(context, access, &place, from)?,
        Some(id) => context
            .store
            .mailbox(place.org, place.path.id, id)?
            .ok_or(NO_MAILBOX)?,
    };
    let target = mailbox::parse_name(to, &context.shared.limits)?;
    if source.name != target
        && let Some(next) = mailbox::rename_in(context, &place, &source, &target, progress)?
    {
        return Ok(BulkStep::On(next));
    }
    Ok(BulkStep::Done(made(context, &place, &target)?))
}

/// Deletes a folder. Its messages move to Trash, or are deleted for good, in slices.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (text, permanent): (&str, bool),
    progress: &BulkProgress,
) -> Result<BulkStep, Refusal> {
    let place = named_place(context, access, inbox)?;
    let store = context.store;
    let (org, inbox) = (place.org, place.path.id);
    let folder = match progress.source {
        None => own_folder(context, access, &place, text)?,
        Some(id) => store.mailbox(org, inbox, id)?.ok_or(NO_MAILBOX)?,
    };
    mailbox::check_no_children(store, &folder)?;
    let trash = match permanent {
        true => None,
        false => Some(
            store
                .mailbox_special(org, inbox, SpecialUse::Trash)?
                .ok_or(NO_MAILBOX)?,
        ),
    };
    if let (None, Some(trash)) = (progress.source, &trash) {
        policy::check_messages(&context.shared.limits, trash.messages, folder.messages)?;
    }
    if slice::empty(context, (&place, &folder), trash.as_ref())? {
        let mut next = progress.clone();
        next.source = Some(folder.id);
        return Ok(BulkStep::On(Box::new(next)));
    }
    // Its counters have changed, so it is read again.
    if let Some(folder) = context.store.mailbox(org, inbox, folder.id)? {
        mailbox::delete_in(context, &place, folder)?;
    }
    Ok(BulkStep::Done(Written::Changed))
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

const NO_MAILBOX: Refusal = Refusal::NotFound(Noun::Mailbox);
