//! Messages that a scan has found, and that are here already: under another number, or because they
//! were moved to the mailbox, here or elsewhere.
//!
//! A message is known by its Message-ID and size. One that is gone in another mailbox has been
//! moved, and is moved here too. While it is not known whether it is gone there, it waits: the
//! other mailboxes are looked at first. One that is in both was copied, and comes like a new one.

use super::places::{mailbox_for, use_of};
use super::push::settle_copy;
use super::sync::{check_account, ident, known as find_folder};
use crate::call::{
    Refusal, RemoteMessage, RemoteUse, SyncedFolder, UidSet, UpstreamAccount, UpstreamFolderId,
    Written,
};
use crate::service::context::WriteContext;
use crate::service::mail::message;
use crate::store::UpstreamPair;

/// What a message is that has been found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FoundAs {
    Here,
    /// It is in another mailbox, or has been.
    Elsewhere,
    New,
}

/// The messages of a mailbox that are to come.
pub fn matched(
    context: &mut WriteContext<'_>,
    account: UpstreamAccount,
    (folder, purpose, uidvalidity): (UpstreamFolderId, RemoteUse, u32),
    (messages, has_looked, folders): (&[RemoteMessage], bool, &[SyncedFolder]),
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let up_to = find_folder(context, account, folder)?;
    let (mut uids, mut may_have_moved) = (UidSet::new(), false);
    let mut waits_from = None;
    for row in messages.iter().filter(|_| up_to.uidvalidity == uidvalidity) {
        let is_new = row.uid > up_to.compare_to;
        let at = (uidvalidity, row.uid);
        if context
            .store
            .match_upstream((folder, !is_new), at, ident(row))?
        {
            continue;
        }
        let there = (folder, purpose, uidvalidity);
        match find_moved(context, account, (there, folders), row)? {
            FoundAs::Here => continue,
            FoundAs::Elsewhere if !has_looked => {
                may_have_moved = true;
                waits_from = Some(row.uid);
                break;
            }
            FoundAs::Elsewhere | FoundAs::New => {}
        }
        // What was there before the account stays there.
        let begun_at = up_to.begun_at.saturating_sub(CLOCKS_MS);
        let is_old = row.received_at.is_some_and(|at| at < begun_at);
        if is_new || !is_old {
            uids.insert(row.uid);
        }
    }
    // All before the first one that is to come is done with.
    let done = match (uids.first(), waits_from) {
        (Some(first), _) | (None, Some(first)) => Some(first.saturating_sub(1)),
        (None, None) => messages.last().map(|row| row.uid),
    };
    if let Some(uid) = done.filter(|_| up_to.uidvalidity == uidvalidity) {
        context.store.pass_upstream(folder, uid)?;
    }
    Ok(Written::UpstreamNew {
        uids,
        may_have_moved,
    })
}

/// Looks for a message in the other mailboxes, and takes over that it was moved.
fn find_moved(
    context: &mut WriteContext<'_>,
    account: UpstreamAccount,
    ((folder, purpose, uidvalidity), folders): (
        (UpstreamFolderId, RemoteUse, u32),
        &[SyncedFolder],
    ),
    row: &RemoteMessage,
) -> Result<FoundAs, Refusal> {
    let at = (account.inbox, folder);
    if let Some(pair) = context.store.find_copied_upstream(at, ident(row))? {
        // The connection has broken behind the copy.
        let there = Some((uidvalidity, row.uid));
        settle_copy(context, account, (&pair, folder, there), folders)?;
        let now = context.now.unix_ms;
        (context.store).tell_upstream_change(account.inbox, pair.message, now)?;
        return Ok(FoundAs::Here);
    }
    // Without a Message-ID, too many messages look like each other.
    if row.message_id.is_none() {
        return Ok(FoundAs::New);
    }
    let found = context.store.find_moved_upstream(at, ident(row))?;
    let Some(pair) = found else {
        return Ok(FoundAs::New);
    };
    if !pair.is_gone {
        return Ok(FoundAs::Elsewhere);
    }
    let there = Some((uidvalidity, row.uid));
    if !context.store.move_upstream(pair.message, folder, there)? {
        return Ok(FoundAs::New);
    }
    let before = folders.iter().find(|known| known.id == pair.folder);
    let before = before.map(|folder| folder.purpose);
    follow(context, account, (&pair, before, purpose))?;
    let (store, now) = (context.store, context.now.unix_ms);
    if store.has_upstream_change(pair.message)? {
        store.tell_upstream_change(account.inbox, pair.message, now)?;
    }
    Ok(FoundAs::Here)
}

/// Moves a message here that was moved there from the mailbox of the use `before`, unless it was
/// moved here meanwhile. Other changes that were made here are still told.
fn follow(
    context: &mut WriteContext<'_>,
    account: UpstreamAccount,
    (pair, before, purpose): (&UpstreamPair, Option<RemoteUse>, RemoteUse),
) -> Result<(), Refusal> {
    let is_changed = context.store.has_upstream_change(pair.message)?;
    let (org, inbox) = (account.org, account.inbox);
    let Some(here) = context.store.entry(org, inbox, pair.entry)? else {
        return context
            .store
            .part_upstream(pair.message)
            .map_err(Into::into);
    };
    let place = context.store.place_of(org, inbox)?;
    let source = context.store.mailbox(org, inbox, here.mailbox)?;
    let target = mailbox_for(context, account, purpose)?;
    let (Some(place), Some(source), Some(target)) = (place, source, target) else {
        return Ok(());
    };
    let here_is = use_of(&source);
    // A move that was made here goes before.
    let is_moved = is_changed && here_is != before;
    if here_is == Some(purpose) || is_moved {
        return Ok(());
    }
    message::move_one(context, &place, &source, &target, here.state.uid)?;
    if !is_changed {
        // What was taken over is not told back.
        context.store.forget_upstream_change(pair.message)?;
    }
    Ok(())
}

/// How much the clock of a server may be behind: INTERNALDATE is its time, in seconds.
const CLOCKS_MS: i64 = 5 * 60_000;
