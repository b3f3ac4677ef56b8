//! What the server of an account tells of messages that are here: other flags are taken over, and
//! what is gone there is deleted here.
//!
//! The rule: **a change is what differs from what the server said before**, bit by bit. What was
//! changed here meanwhile differs from that too, and stays: a bit that both sides have changed has
//! one value on both. A message that is gone is deleted only when no mailbox has it: it may have
//! been moved.

use std::collections::BTreeMap;

use super::sync::{check_account, known as find_folder};
use crate::call::bounds::check_keyword;
use crate::call::{
    ComparedAt, FlagChange, Flags, MailboxId, Refusal, RemoteMessage, SCAN_MAX, UidSet,
    UpstreamAccount, UpstreamFolderId, Written, is_server_label,
};
use crate::service::context::WriteContext;
use crate::service::mail::entry;
use crate::store::{Entry, UpstreamPair};

/// A change of flags that several messages have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct FlagDifference {
    /// System flags, as bits.
    add: u8,
    remove: u8,
    /// In the order of the server.
    add_words: Vec<String>,
    remove_words: Vec<String>,
}

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
            context.store.part_upstream(pair.message)?;
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
        states.push((pair.message, row.flags, words));
    }
    for ((mailbox, difference), uids) in changes {
        take_over(context, (account, mailbox), &uids, &difference)?;
    }
    for (message, flags, words) in states {
        context.store.set_upstream_state(message, (flags, &words))?;
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
        add: flags.without(before.flags).without(here.state.flags).0,
        remove: before.flags.without(flags).0 & here.state.flags.0,
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
        if let Some(mailbox) = mailbox.filter(|_| flags != 0 || !words.is_empty()) {
            let how = (how, Flags(flags), words.as_slice());
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

/// Deletes messages that were found gone and that are in no other mailbox.
pub fn round(context: &mut WriteContext<'_>, account: UpstreamAccount) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let (org, inbox) = (account.org, account.inbox);
    let gone = context.store.upstream_gone(inbox, SCAN_MAX)?;
    let mut leaving: BTreeMap<MailboxId, UidSet> = BTreeMap::new();
    for pair in &gone {
        if let Some(here) = context.store.entry(org, inbox, pair.entry)? {
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
    let has_more = gone.len() == SCAN_MAX;
    Ok(Written::UpstreamEnded { has_more })
}

/// Keywords of a server that are keywords here too. Those that only this server sets say nothing
/// when another one has them.
pub fn kept_keywords(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let is_ours = check_keyword(word).is_ok() && !is_server_label(word);
        if is_ours && !has_word(&kept, word) {
            kept.push(word.clone());
        }
    }
    kept
}

fn has_word(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}
