//! What the server of an account tells of messages that are here: other flags are taken over, and
//! what is gone there is deleted here, unless it was filed away in the archive.
//!
//! The rule: **a change is what differs from what the server said before**, bit by bit. What was
//! changed here meanwhile differs from that too, and stays: a bit that both sides have changed has
//! one value on both. A message that is gone is deleted only when no mailbox has it: it may have
//! been moved.

use std::collections::BTreeMap;

use super::keywords::{has_word, kept_keywords};
use super::push::{moved_to, put_off_untold};
use super::sync::{check_account, known as find_folder};
use crate::call::{
    ComparedAt, FlagChange, FlagDifference, Flags, GoneMessage, MailboxId, Refusal, RemoteMessage,
    SCAN_MAX, SyncedFolder, UidSet, UpstreamAccount, UpstreamFolderId, Written,
};
use crate::service::context::WriteContext;
use crate::service::mail::entry;
use crate::store::{Entry, UpstreamPair};

/// Which messages of a mailbox are known.
pub fn known(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    folder: UpstreamFolderId,
    before: Option<i64>,
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let at = (folder, find_folder(context, account, folder)?.uidvalidity);
    let (uids, before) = context.store.upstream_known(at, before, SCAN_MAX)?;
    Ok(Written::UpstreamKnown(uids, before))
}

/// The state of messages as their server has told it.
pub fn told(
    context: &mut WriteContext<'_>,
    account: UpstreamAccount,
    at: (UpstreamFolderId, u32),
    (asked, messages, takes_keywords): (&UidSet, &[RemoteMessage], bool),
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let (mut has_gone, mut rest) = (false, UidSet::new());
    if find_folder(context, account, at.0)?.uidvalidity != at.1 {
        return Ok(Written::UpstreamTold { has_gone, rest });
    }
    let (pairs, left) = context.store.upstream_pairs(at, asked, SCAN_MAX)?;
    rest.add(&left);
    let mut changes: BTreeMap<(MailboxId, FlagDifference), UidSet> = BTreeMap::new();
    let mut states = Vec::new();
    for pair in pairs {
        let Some(here) = context
            .store
            .entry(account.org, account.inbox, pair.entry)?
        else {
            // It was deleted here. The server is told, if that is still to be done.
            if !context.store.has_upstream_change(pair.message)? {
                context.store.part_upstream(pair.message)?;
            }
            continue;
        };
        let row = messages.binary_search_by_key(&pair.uid, |row| row.uid);
        let Some(row) = row.ok().and_then(|at| messages.get(at)) else {
            has_gone = true;
            context.store.set_upstream_gone(pair.message)?;
            continue;
        };
        let words = match takes_keywords {
            true => kept_keywords(&row.keywords),
            false => pair.keywords.clone(),
        };
        if (row.flags, &words, false) == (pair.flags, &pair.keywords, pair.is_gone) {
            continue;
        }
        let difference = difference(&here, &pair, (row.flags, &words));
        if difference != FlagDifference::default() {
            let uids = changes.entry((here.mailbox, difference)).or_default();
            uids.insert(here.state.uid);
        }
        let is_changed_here = context.store.has_upstream_change(pair.message)?;
        states.push((pair.message, row.flags, words, is_changed_here));
    }
    for ((mailbox, difference), uids) in changes {
        take_over(context, (account, mailbox), &uids, &difference)?;
    }
    for (message, flags, words, is_changed_here) in states {
        context.store.set_upstream_state(message, (flags, &words))?;
        if !is_changed_here {
            // What was taken over is not told back.
            context.store.forget_upstream_change(message)?;
        }
    }
    Ok(Written::UpstreamTold { has_gone, rest })
}

/// What the server has changed of a message since it was asked last, as far as it is not so here.
fn difference(
    here: &Entry,
    before: &UpstreamPair,
    (flags, words): (Flags, &[String]),
) -> FlagDifference {
    let new = |words: &[String], known: &[String], is_here: bool| -> Vec<String> {
        let words = words.iter().filter(|word| !has_word(known, word));
        let words = words.filter(|word| has_word(&here.state.keywords, word) == is_here);
        words.cloned().collect()
    };
    FlagDifference {
        add: flags.without(before.flags).without(here.state.flags),
        remove: Flags(before.flags.without(flags).0 & here.state.flags.0),
        add_words: new(words, &before.keywords, false),
        remove_words: new(&before.keywords, words, true),
    }
}

fn take_over(
    context: &mut WriteContext<'_>,
    (account, mailbox): (UpstreamAccount, MailboxId),
    uids: &UidSet,
    change: &FlagDifference,
) -> Result<(), Refusal> {
    let (org, inbox) = (account.org, account.inbox);
    let place = context.store.place_of(org, inbox)?;
    let Some(place) = place else {
        return Ok(());
    };
    for (how, flags, words) in [
        (FlagChange::Add, change.add, &change.add_words),
        (FlagChange::Remove, change.remove, &change.remove_words),
    ] {
        // Its counters have changed with the change before.
        let mailbox = context.store.mailbox(org, inbox, mailbox)?;
        if let Some(mailbox) = mailbox.filter(|_| flags != Flags::NONE || !words.is_empty()) {
            let how = (how, flags, words.as_slice());
            entry::flag_some(context, (&place, &mailbox), uids, how)?;
        }
    }
    Ok(())
}

/// The state of all messages of a mailbox has been told.
pub fn compared(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    folder: (UpstreamFolderId, u32),
    at: ComparedAt,
) -> Result<Written, Refusal> {
    if find_folder(context, account, folder.0)?.uidvalidity == folder.1 {
        context.store.set_upstream_compared(account, folder, at)?;
    }
    Ok(Written::Changed)
}

/// Those of the next messages to be deleted at the end of a round that the archive is searched for:
/// the ones with a Message-ID that every server can search for.
pub fn gone(context: &WriteContext<'_>, account: UpstreamAccount) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let (org, inbox) = (account.org, account.inbox);
    let mut gone = Vec::new();
    for pair in context.store.upstream_gone(inbox, GONE)? {
        let Some(here) = context.store.message(org, inbox, pair.entry)? else {
            continue;
        };
        let id = here.message_id;
        let is_plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic());
        if is_plain && id.len() <= SEARCHED_MAX {
            gone.push(GoneMessage {
                message: pair.message,
                message_id: id,
            });
        }
    }
    Ok(Written::UpstreamGone(gone))
}

/// Every mailbox has been looked at. Deletes messages that were found gone and that are in no
/// other mailbox, if all could be opened, and puts off what could not be told. Those that are in
/// the archive, `archived`, stay.
pub fn round(
    context: &mut WriteContext<'_>,
    account: UpstreamAccount,
    (began, is_whole, archived): (i64, bool, &[i64]),
    folders: &[SyncedFolder],
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let (org, inbox) = (account.org, account.inbox);
    let mut has_more = put_off_untold(context, account, (began, is_whole))?;
    if !is_whole {
        return Ok(Written::UpstreamEnded { has_more });
    }
    let gone = context.store.upstream_gone(inbox, GONE)?;
    let mut leaving: BTreeMap<MailboxId, UidSet> = BTreeMap::new();
    for pair in &gone {
        let is_archived = archived.contains(&pair.message);
        let here = context.store.entry(org, inbox, pair.entry)?;
        if let Some(here) = here.filter(|_| !is_archived) {
            // One that was moved here meanwhile stays.
            let is_changed = context.store.has_upstream_change(pair.message)?;
            let to = moved_to(context, account, &here, (pair, folders))?;
            if is_changed && to.is_some() {
                context.store.part_upstream(pair.message)?;
                continue;
            }
            let uids = leaving.entry(here.mailbox).or_default();
            uids.insert(here.state.uid);
        }
        context.store.part_upstream(pair.message)?;
    }
    for (mailbox, uids) in leaving {
        // Its counters change with each mailbox.
        let place = context.store.place_of(org, inbox)?;
        let mailbox = context.store.mailbox(org, inbox, mailbox)?;
        if let (Some(place), Some(mailbox)) = (place, mailbox) {
            context.store.expunge(
                (context.now, context.origin),
                (&place, &mailbox),
                Some(&uids),
                Flags::NONE,
                context.events,
            )?;
        }
    }
    has_more |= gone.len() == GONE;
    Ok(Written::UpstreamEnded { has_more })
}

/// Messages that one call deletes. Each may be searched for before, with a command of its own.
const GONE: usize = 100;
/// Octets of a Message-ID that is searched for; it stands in a quoted string.
const SEARCHED_MAX: usize = 250;
