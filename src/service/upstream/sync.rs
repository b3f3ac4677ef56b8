//! How far the mailboxes of an account have been fetched: the answers to the steps of its
//! connection.
//!
//! From the first connection on, what is new comes: mail that was there before stays there. When a
//! mailbox is renumbered (a new UIDVALIDITY), or when the account gets it later, its messages are
//! told apart by Message-ID and size; one that is not known comes if it is not older than the
//! account (see DECISIONS.md, "Accounts elsewhere").

use std::collections::HashSet;

use crate::call::{
    FetchedUpTo, Noun, OpenedFolder, Refusal, RemoteFolder, RemoteMessage, RemoteUse, SyncedFolder,
    SyncedFolders, UpstreamAccount, UpstreamFolderId, Written,
};
use crate::crypto;
use crate::service::context::WriteContext;
use crate::store::StoredUpTo;

/// The mailboxes that are kept the same here, INBOX first, then one for each use; and the archive.
pub fn folders(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    told: &[RemoteFolder],
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let mut chosen: Vec<(&RemoteFolder, RemoteUse)> = Vec::new();
    let named = |f: &RemoteFolder| f.purpose;
    let guessed = |f: &RemoteFolder| RemoteUse::guess(&f.name, f.delimiter);
    // What a server says goes before what a name means.
    for purpose_of in [
        &named as &dyn Fn(&RemoteFolder) -> Option<RemoteUse>,
        &guessed,
    ] {
        for folder in told.iter().filter(|folder| folder.is_selectable) {
            let Some(purpose) = purpose_of(folder) else {
                continue;
            };
            if !chosen.iter().any(|(_, known)| *known == purpose) {
                chosen.push((folder, purpose));
            }
        }
    }
    // One with all messages has those of the archive and of every other mailbox.
    let archive = [RemoteUse::All, RemoteUse::Archive]
        .into_iter()
        .find_map(|wanted| chosen.iter().find(|(_, purpose)| *purpose == wanted))
        .map(|(folder, _)| folder.name.clone());
    chosen.retain(|(_, purpose)| !matches!(purpose, RemoteUse::All | RemoteUse::Archive));
    chosen.sort_by_key(|(_, purpose)| *purpose);
    if chosen.first().map(|(_, purpose)| *purpose) != Some(RemoteUse::Inbox) {
        return Err(Refusal::NotFound(Noun::Mailbox));
    }
    let begun_at = context.store.upstream_begun_at(account)?;
    let mut folders = Vec::with_capacity(chosen.len());
    for (folder, purpose) in chosen {
        folders.push(SyncedFolder {
            id: context.store.upstream_folder(account, &folder.name)?,
            name: folder.name.clone(),
            purpose,
        });
    }
    if let Some(begun_at) = begun_at {
        // Mail that lies in a mailbox which was not there at first is new.
        (context.store).begin_late_upstream_folders(account, begun_at)?;
    }
    let selectable = told.iter().filter(|folder| folder.is_selectable);
    let names: HashSet<&[u8]> = selectable.map(|folder| &folder.name[..]).collect();
    context.store.keep_upstream_folders(account, &names)?;
    let kept = folders;
    Ok(Written::UpstreamFolders(SyncedFolders { kept, archive }))
}

/// A mailbox was opened: what is fetched of it.
pub fn opened(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (folder, opened): (UpstreamFolderId, &OpenedFolder),
) -> Result<Written, Refusal> {
    check_account(context, account)?;
    let mut up_to = known(context, account, folder)?;
    let end = opened.uidnext.map(|next| next.saturating_sub(1));
    let known = core::mem::replace(&mut up_to.uidvalidity, opened.uidvalidity);
    // Without a UID, the first connection has not found its end.
    if known != opened.uidvalidity || up_to.last_uid.is_none() {
        if known == 0 && up_to.last_uid.is_none() {
            up_to.last_uid = end;
            up_to.begun_at = context.now.unix_ms;
        } else {
            let inbox = account.inbox;
            log::info!("upstream inbox={inbox}: all messages of a mailbox are looked at");
            up_to.last_uid = Some(0);
            up_to.compare_to = end.unwrap_or(u32::MAX);
        }
        context.store.set_upstream_up_to(folder, up_to)?;
    }
    let at = (folder, opened.uidvalidity);
    Ok(Written::UpstreamAt(FetchedUpTo {
        compared: context.store.upstream_compared(at)?,
        last_uid: up_to.last_uid,
        is_renumbered: (up_to.last_uid).is_some_and(|last| last < up_to.compare_to),
    }))
}

/// What is up to this UID is done with.
pub fn passed(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    (folder, uid): (UpstreamFolderId, u32),
) -> Result<Written, Refusal> {
    known(context, account, folder)?;
    context.store.pass_upstream(folder, uid)?;
    Ok(Written::Changed)
}

/// The hash by which a message is found again when its mailbox is renumbered.
pub fn ident(row: &RemoteMessage) -> i64 {
    let size = row.size.unwrap_or(0).to_be_bytes();
    // Without a Message-ID the time tells it from others of its size.
    let time = match row.message_id {
        Some(_) => 0,
        None => row.received_at.unwrap_or(0),
    };
    let id = row.message_id.as_deref().unwrap_or_default();
    let hash = crypto::sha256_parts([&size[..], &time.to_be_bytes(), id.as_bytes()]);
    let [a, b, c, d, e, f, g, h, ..] = hash;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn known(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    folder: UpstreamFolderId,
) -> Result<StoredUpTo, Refusal> {
    let found = context.store.upstream_up_to(account, folder)?;
    found.ok_or(Refusal::NotFound(Noun::Mailbox))
}

/// Checks that the account is still there, as it was: it may have been deleted or changed while it
/// was connected.
pub(super) fn check_account(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
) -> Result<(), Refusal> {
    let place = context.store.place_of(account.org, account.inbox)?;
    let found = context.store.upstream(account.org, account.inbox)?;
    let is_ending = context.shared.listeners.is_ending(account.inbox);
    match (place, found) {
        (Some(_), Some(_)) if !is_ending => Ok(()),
        _ => Err(Refusal::NotFound(Noun::Inbox)),
    }
}
