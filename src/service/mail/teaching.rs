//! What an owner says of mail by moving it or by setting a keyword. It notes a lesson for the
//! filter, in the same transaction, and nothing more.
//!
//! The rule: **only the change of a client teaches.** The filter, rules and retention do not come
//! through here. A message that is thrown away teaches nothing, and neither does what the inbox has
//! written itself.

use crate::call::{EntryState, FlagChange, SpecialUse, UidSet};
use crate::service::context::WriteContext;
use crate::service::intake::{JUNK_KEYWORD, NOT_JUNK_KEYWORD, PHISHING_KEYWORD};
use crate::store::{Error, MailboxRecord, PieceBound};

/// Notes that messages have come from one mailbox to another, where they have `uids` now.
pub(super) fn note_move(
    context: &WriteContext<'_>,
    (source, target): (&MailboxRecord, &MailboxRecord),
    uids: &UidSet,
) -> Result<(), Error> {
    match said_by_move(source.special, target.special) {
        Some(is_spam) => note(context, target, uids, is_spam),
        None => Ok(()),
    }
}

/// Takes back what a copy to `target`, where the messages have `uids`, has said of them.
pub(super) fn take_move_back(
    context: &WriteContext<'_>,
    target: &MailboxRecord,
    uids: &UidSet,
) -> Result<(), Error> {
    // A copy elsewhere may have come from Junk, and has said that they are wanted.
    let is_spam = target.special == Some(SpecialUse::Junk);
    context.store.take_lessons_back(target, uids, is_spam)
}

/// Notes what the owner of a mailbox says of messages in it.
pub(super) fn note(
    context: &WriteContext<'_>,
    mailbox: &MailboxRecord,
    uids: &UidSet,
    is_spam: bool,
) -> Result<(), Error> {
    let at = context.now.unix_ms;
    context.store.note_lessons(mailbox, uids, (is_spam, at))
}

/// What a move says: into Junk is spam, out of it is wanted.
fn said_by_move(source: Option<SpecialUse>, target: Option<SpecialUse>) -> Option<bool> {
    use SpecialUse::{Drafts, Junk, Sent, Trash};
    match (source, target) {
        (Some(Sent | Drafts), _) | (Some(Junk), Some(Junk | Trash | Sent | Drafts)) => None,
        (_, Some(Junk)) => Some(true),
        (Some(Junk), _) => Some(false),
        _ => None,
    }
}

/// A change of keywords that says what messages are, before it is made.
pub(super) struct SaidByKeyword {
    is_spam: bool,
    /// The messages that do not have such a keyword yet.
    uids: UidSet,
}

/// What a change of keywords is about to say of messages; `None` when it says nothing. A keyword
/// that a message has already says nothing anew: clients send all flags again.
pub(super) fn said_by_keywords(
    context: &WriteContext<'_>,
    mailbox: &MailboxRecord,
    (uids, bound): (&UidSet, PieceBound),
    (how, keywords): (FlagChange, &[String]),
) -> Result<Option<SaidByKeyword>, Error> {
    if how == FlagChange::Remove {
        return Ok(None);
    }
    let has_one = |is_spam| keywords.iter().any(|word| says(word) == Some(is_spam));
    let is_spam = match (has_one(true), has_one(false)) {
        (true, false) => true,
        (false, true) => false,
        _ => return Ok(None),
    };
    if matches!(mailbox.special, Some(SpecialUse::Sent | SpecialUse::Drafts)) {
        return Ok(None);
    }
    let (states, _) = context.store.states_within(mailbox, uids, bound, 0)?;
    let has = |state: &EntryState| (state.keywords.iter()).any(|word| says(word) == Some(is_spam));
    Ok(Some(SaidByKeyword {
        is_spam,
        uids: (states.iter().filter(|state| !has(state)))
            .map(|state| state.uid)
            .collect(),
    }))
}

impl SaidByKeyword {
    /// Notes it for the messages that were changed.
    pub fn note(
        &self,
        context: &WriteContext<'_>,
        mailbox: &MailboxRecord,
        changed: &[EntryState],
    ) -> Result<(), Error> {
        let changed: UidSet = changed.iter().map(|state| state.uid).collect();
        let uids = self.uids.intersection(&changed);
        note(context, mailbox, &uids, self.is_spam)
    }
}

/// What a keyword says: that a message is spam, or wanted.
fn says(word: &str) -> Option<bool> {
    let is = |known: &str| word.eq_ignore_ascii_case(known);
    if is(JUNK_KEYWORD) || is(PHISHING_KEYWORD) {
        return Some(true);
    }
    is(NOT_JUNK_KEYWORD).then_some(false)
}
