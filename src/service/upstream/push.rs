//! What is to be told the server of an account: how messages here differ from what it is known to
//! say of them. Messages with the same difference are told in one command.
//!
//! The rule: **what the server is known to say changes only when it has answered.** So a change is
//! told again after any break, and telling it twice is telling it once. A copy is no such change:
//! on a server without MOVE, a message that is about to be copied is marked, and is not copied
//! again before every mailbox was looked at without finding the copy.

use super::keywords::{has_word, kept_keywords};
use super::places::use_of;
use super::sync::{check_account, known as find_folder};
use crate::call::{
    FlagDifference, Flags, PUSH_RANGES_MAX, PermanentFlags, PushOutcome, PushedChange, Refusal,
    SyncedFolder, UidSet, UpstreamAccount, UpstreamFolderId, UpstreamPush, Written,
};
use crate::service::context::WriteContext;
use crate::store::{Entry, UpstreamPair};

/// The next change to be told of the messages of an open mailbox, and whether there may be more.
pub fn next_change(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    at: (UpstreamFolderId, u32),
    ((permanent, has_move), folders): ((&PermanentFlags, bool), &[SyncedFolder]),
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let (mut push, mut chosen): (Option<UpstreamPush>, _) = (None, Vec::new());
    let now = context.now.unix_ms;
    // The account may have got another server meanwhile.
    let pairs = match find_folder(context, account, at.0)?.uidvalidity == at.1 {
        true => context.store.upstream_changes(at, (now, PAIRS))?,
        false => Vec::new(),
    };
    let has_more = pairs.len() == PAIRS;
    for pair in pairs {
        let here = context
            .store
            .entry(account.org, account.inbox, pair.entry)?;
        let change = change_of(
            context,
            account,
            (here.as_ref(), &pair),
            (permanent, folders),
        )?;
        let Some(change) = change else {
            // What the server cannot take stays as it is here.
            match here {
                Some(_) => context.store.forget_upstream_change(pair.message)?,
                None => context.store.part_upstream(pair.message)?,
            }
            continue;
        };
        let push = push.get_or_insert_with(|| UpstreamPush {
            uids: UidSet::new(),
            change: change.clone(),
        });
        if push.change == change {
            push.uids.insert(pair.uid);
            chosen.push(pair.message);
        }
        if push.uids.ranges().len() >= PUSH_RANGES_MAX {
            break;
        }
    }
    if let (Some(PushedChange::Move { .. }), false) = (push.as_ref().map(|p| &p.change), has_move) {
        for message in chosen {
            context.store.begin_upstream_copy(message)?;
        }
    }
    let push = push.map(Box::new);
    Ok(Written::UpstreamPush { push, has_more })
}

/// How a message differs from what its server is known to say; `None` when it does not, or when
/// the server keeps no such difference.
fn change_of(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (here, there): (Option<&Entry>, &UpstreamPair),
    (permanent, folders): (&PermanentFlags, &[SyncedFolder]),
) -> Result<Option<PushedChange>, Refusal> {
    if permanent.is_read_only {
        return Ok(None);
    }
    let Some(here) = here else {
        return Ok(Some(PushedChange::Deletion));
    };
    let kept = |flags: Flags| Flags(flags.0 & permanent.flags.0);
    let words = kept_keywords(&here.state.keywords);
    let new = |words: &[String], known: &[String]| -> Vec<String> {
        let words = words.iter().filter(|word| permanent.keep(word));
        words
            .filter(|word| !has_word(known, word))
            .cloned()
            .collect()
    };
    let difference = FlagDifference {
        add: kept(here.state.flags.without(there.flags)),
        remove: kept(there.flags.without(here.state.flags)),
        add_words: new(&words, &there.keywords),
        remove_words: new(&there.keywords, &words),
    };
    if difference != FlagDifference::default() {
        return Ok(Some(PushedChange::Flags(difference)));
    }
    // A mailbox that the account does not have changes nothing there.
    let to = moved_to(context, account, here, (there, folders))?;
    Ok(to.map(|folder| PushedChange::Move {
        folder: folder.id,
        name: folder.name.clone(),
    }))
}

/// The mailbox of an account to which a message is to go.
pub(super) fn moved_to<'f>(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    here: &Entry,
    (there, folders): (&UpstreamPair, &'f [SyncedFolder]),
) -> Result<Option<&'f SyncedFolder>, Refusal> {
    let mailbox = (context.store).mailbox(account.org, account.inbox, here.mailbox)?;
    let purpose = mailbox.as_ref().and_then(use_of);
    let to = folders
        .iter()
        .find(|folder| Some(folder.purpose) == purpose);
    Ok(to.filter(|folder| folder.id != there.folder))
}

/// The server has answered: it has taken the change, or has refused it.
pub fn pushed(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    at: (UpstreamFolderId, u32),
    (push, outcome, folders): (&UpstreamPush, &PushOutcome, &[SyncedFolder]),
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    if find_folder(context, account, at.0)?.uidvalidity != at.1 {
        return Ok(Written::Changed);
    }
    let (pairs, _) = context.store.upstream_pairs(at, &push.uids, usize::MAX)?;
    for pair in pairs {
        match outcome {
            PushOutcome::Refused => {
                put_off(context, account, pair.message)?;
                continue;
            }
            PushOutcome::Flagged { refused, .. } if refused.contains(pair.uid) => {
                put_off(context, account, pair.message)?;
                continue;
            }
            // The change waits for the message to be found.
            PushOutcome::Flagged { missing, .. } if missing.contains(pair.uid) => {
                context.store.set_upstream_gone(pair.message)?;
                continue;
            }
            _ => {}
        }
        match &push.change {
            PushedChange::Flags(change) => {
                let flags = pair.flags.with(change.add).without(change.remove);
                let mut words = pair.keywords;
                words.retain(|word| !has_word(&change.remove_words, word));
                let mut more = change.add_words.clone();
                more.retain(|word| !has_word(&words, word));
                words.extend(more);
                let store = context.store;
                store.set_upstream_flags(pair.message, (flags, &words))?;
            }
            PushedChange::Deletion => context.store.part_upstream(pair.message)?,
            PushedChange::Move { folder, .. } => {
                let (placed, is_copy) = match outcome {
                    PushOutcome::Moved(placed) => (placed.as_ref(), false),
                    PushOutcome::Copied(placed) => (placed.as_ref(), true),
                    _ => (None, false),
                };
                let placed = placed.filter(|(_, from, to)| from.len() == to.len());
                if placed.is_some_and(|(_, from, _)| !from.contains(pair.uid)) {
                    // It was not there. The change waits for it to be found.
                    context.store.set_upstream_gone(pair.message)?;
                    let now = context.now.unix_ms;
                    context.store.set_upstream_change_due(pair.message, now)?;
                    continue;
                }
                let at = placed.and_then(|(uidvalidity, from, to)| {
                    let uid = to.nth(from.rank(pair.uid));
                    uid.map(|uid| (*uidvalidity, uid))
                });
                match is_copy {
                    true => settle_copy(context, account, (&pair, *folder, at), folders)?,
                    false => settle_move(context, account, (&pair, *folder, at), folders)?,
                }
            }
        }
    }
    Ok(Written::Changed)
}

/// A message is in another mailbox of its account now, under this number if that is known.
fn settle_move(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (pair, folder, at): (&UpstreamPair, UpstreamFolderId, Option<(u32, u32)>),
    folders: &[SyncedFolder],
) -> Result<(), Refusal> {
    let store = context.store;
    if !store.move_upstream(pair.message, folder, at)? {
        return Ok(store.part_upstream(pair.message)?);
    }
    if !differs(context, account, (pair, folder), folders)? {
        store.forget_upstream_change(pair.message)?;
    }
    Ok(())
}

/// A message has a copy in another mailbox of its account, under this number if that is known. The
/// copy is the message from now on, and the server is told to delete the original.
pub(super) fn settle_copy(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (pair, folder, at): (&UpstreamPair, UpstreamFolderId, Option<(u32, u32)>),
    folders: &[SyncedFolder],
) -> Result<(), Refusal> {
    let (store, now) = (context.store, context.now.unix_ms);
    let copy = store.split_upstream(pair, (account, folder), at)?;
    store.set_upstream_change_due(pair.message, now)?;
    if copy.is_some() && differs(context, account, (pair, folder), folders)? {
        store.note_upstream_changes((account.inbox, now), [pair.entry].into_iter())?;
    }
    Ok(())
}

/// Whether a message that is in this mailbox of its account differs from what is known there.
fn differs(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (pair, folder): (&UpstreamPair, UpstreamFolderId),
    folders: &[SyncedFolder],
) -> Result<bool, Refusal> {
    let there = UpstreamPair {
        folder,
        ..pair.clone()
    };
    let all = PermanentFlags {
        takes_any: true,
        ..PermanentFlags::default()
    };
    let here = (context.store).entry(account.org, account.inbox, pair.entry)?;
    let change = change_of(context, account, (here.as_ref(), &there), (&all, folders))?;
    Ok(change.is_some())
}

/// What could not be told in a round is told later, as what a server has refused. A message that
/// may have been copied waits on, unless all mailboxes were looked at.
pub(super) fn put_off_untold(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (before, is_whole): (i64, bool),
) -> Result<bool, Refusal> {
    let at = (account.inbox, before);
    let untold = context.store.untold_upstream_changes(at, PAIRS)?;
    let mut settled = 0;
    for (message, is_copying) in untold {
        put_off(context, account, message)?;
        match is_copying && !is_whole {
            true => context.store.begin_upstream_copy(message)?,
            false => settled += 1,
        }
    }
    Ok(settled == PAIRS)
}

/// Tells a change again later. After many tries the two sides stay different.
fn put_off(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    message: i64,
) -> Result<(), Refusal> {
    let store = context.store;
    let now = context.now.unix_ms;
    let tries = store.put_off_upstream_change(message, now.saturating_add(FIRST_REST_MS))?;
    if tries >= TRIES_MAX {
        let inbox = account.inbox;
        log::warn!("upstream inbox={inbox}: its server does not take the change of a message");
        store.forget_upstream_change(message)?;
    } else if tries > 1 {
        let rest_ms = FIRST_REST_MS << (tries - 1).min(REST_DOUBLINGS);
        store.set_upstream_change_due(message, now.saturating_add(rest_ms))?;
    }
    Ok(())
}

/// Messages that are looked at for one command.
const PAIRS: usize = 1_000;
/// How often a change is told that the server refuses: over about eight hours.
const TRIES_MAX: u32 = 10;
/// The first rest behind a refusal; each further one doubles it.
const FIRST_REST_MS: i64 = 60_000;
const REST_DOUBLINGS: u32 = 8;
