//! The messages of an inbox that may meet a filter, without a look at each: by their columns, their
//! conversation, and the index of searches. A list walks first, because what many messages meet is
//! found soon. When it has walked for a while, what it looks for is rare, and it gathers.
//!
//! It leaves out no message that meets the filter, and decides about none: the list compares each
//! that it names. What is held has a bound ([`HELD_MAX`]); behind the messages that are held it
//! gathers again.

use core::ops::ControlFlow;

use crate::call::{
    Flags, GatheredKeys, GramQuery, INBOX, InboxId, ListKey, MailboxId, OrgId, SpecialUse, ThreadId,
};
use crate::store::{ColumnBounds, Error, FoundEntry, FoundStep, MailboxRecord, Store};

/// The order of a list, and so its places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ListOrder {
    /// By the time of receipt, then by id.
    Received,
    /// By id; the conversation stands beside it.
    Id,
    /// By UID, in one mailbox.
    Uid,
}

impl ListOrder {
    fn key(self, found: &FoundEntry) -> ListKey {
        match self {
            ListOrder::Received => (found.received_at, found.id.0),
            ListOrder::Id => (found.id.0, found.thread.0),
            ListOrder::Uid => (found.uid.into(), 0),
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    pub bounds: ColumnBounds,
    pub folders: SoughtFolders,
    /// The grams that every match has.
    pub grams: GramQuery,
    /// The conversation of every match; `Some(None)`: there is none.
    pub thread: Option<Option<ThreadId>>,
    pub order: ListOrder,
}

/// The mailboxes in which it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SoughtFolders {
    /// Every one.
    Every,
    /// All without a special use.
    Own,
    /// All but Trash and Junk.
    Usual,
    /// The one with this name.
    Named(String),
    /// This one.
    One(MailboxId),
}

impl SoughtFolders {
    fn has(&self, mailbox: &MailboxRecord) -> bool {
        match self {
            SoughtFolders::Every => true,
            SoughtFolders::Own => mailbox.special.is_none(),
            SoughtFolders::Usual => {
                !matches!(mailbox.special, Some(SpecialUse::Trash | SpecialUse::Junk))
            }
            SoughtFolders::Named(name) => is_folder(name, &mailbox.name, mailbox.special),
            SoughtFolders::One(id) => mailbox.id == *id,
        }
    }
}

/// Whether a name means this folder.
pub(super) fn is_folder(name: &str, folder: &str, special: Option<SpecialUse>) -> bool {
    name == folder || ((folder == INBOX || special.is_some()) && name.eq_ignore_ascii_case(folder))
}

impl Sought {
    /// Whether there is nothing to gather by: every message may meet the filter.
    pub fn is_open(&self) -> bool {
        !matches!(self.folders, SoughtFolders::Named(_))
            && self.bounds.is_open()
            && self.grams.is_open()
            && self.thread.is_none()
    }
}

/// Whether to gather at once: there are few messages to look at.
pub(super) fn is_few(
    store: &Store,
    place: (OrgId, InboxId),
    sought: &Sought,
) -> Result<bool, Error> {
    if sought.is_open() {
        return Ok(false);
    }
    if sought.thread.is_some() {
        return Ok(true);
    }
    let is_unseen =
        sought.bounds.flags.0.has(Flags::SEEN) && !sought.bounds.flags.1.has(Flags::SEEN);
    let mut sum = 0;
    for mailbox in mailboxes_of(store, place, sought)? {
        let mut most = u64::from(mailbox.messages);
        if is_unseen {
            most = most.min(mailbox.unseen.into());
        }
        if let Some(word) = &sought.bounds.keyword {
            most = most.min(store.keyword_uses(mailbox.id, word)?);
        }
        sum += most;
    }
    Ok(sum <= FEW)
}

/// Goes on gathering places below one, until all is known or `is_over`. Whether all is known. The
/// caller holds a snapshot.
pub(super) fn gather(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    sought: &Sought,
    below: ListKey,
    gathered: &mut GatheredKeys,
    mut is_over: impl FnMut() -> bool,
) -> Result<bool, Error> {
    if gathered.is_done {
        return Ok(true);
    }
    let mailboxes = mailboxes_of(store, (org, inbox), sought)?;
    let order = sought.order;
    let has = |found: &FoundEntry| {
        let own = mailboxes.binary_search_by_key(&found.mailbox, |mailbox| mailbox.id);
        own.is_ok() && order.key(found) < below
    };
    gathered.is_done = mailboxes.is_empty() || sought.thread == Some(None);
    if let Some(Some(thread)) = sought.thread
        && let Some(found) = store.entries_of_thread((org, inbox), thread, THREAD_MAX)?
    {
        for found in found.iter().filter(|found| has(found)) {
            gathered.add(order.key(found), HELD_MAX);
        }
        gathered.is_done = true;
    }
    if gathered.is_done {
        return Ok(true);
    }
    if !gathered.is_asked && !sought.grams.is_open() {
        match store.ask_signatures(inbox, &sought.grams, &mut gathered.walk, &mut is_over)? {
            Some(false) => return Ok(false),
            Some(true) if gathered.walk.bodies.len() <= HELD_MAX => {
                let bodies = core::mem::take(&mut gathered.walk).bodies;
                store.entries_of_bodies(inbox, &bodies, |found| {
                    if has(&found) {
                        gathered.add(order.key(&found), HELD_MAX);
                    }
                })?;
                gathered.is_done = true;
                return Ok(true);
            }
            Some(true) | None => gathered.walk = Default::default(),
        }
    }
    gathered.is_asked = true;
    if sought.bounds.is_open() && !matches!(sought.folders, SoughtFolders::Named(_)) {
        (gathered.is_unknown, gathered.is_done) = (true, true);
        return Ok(true);
    }
    if gathered.at.is_none() && sought.bounds.is_marked() {
        let from = match order {
            ListOrder::Received => below,
            ListOrder::Id | ListOrder::Uid => (i64::MAX, i64::MAX),
        };
        let marked = (&sought.bounds, MARKED_MAX);
        let is_whole = store.marked_below((org, inbox), from, marked, |found| {
            if has(&found) {
                gathered.add(order.key(&found), HELD_MAX);
            }
            ControlFlow::Continue(())
        })?;
        if is_whole {
            gathered.is_done = true;
            return Ok(true);
        }
        gathered.keys.clear();
        gathered.is_cut = false;
    }
    walk_columns(store, &mailboxes, sought, below, gathered, is_over)
}

/// Goes through the rows of the mailboxes.
fn walk_columns(
    store: &Store,
    mailboxes: &[MailboxRecord],
    sought: &Sought,
    below: ListKey,
    gathered: &mut GatheredKeys,
    mut is_over: impl FnMut() -> bool,
) -> Result<bool, Error> {
    let order = sought.order;
    for mailbox in mailboxes {
        let mut uid_below = match gathered.at {
            Some((at, _)) if mailbox.id < at => continue,
            Some((at, below)) if mailbox.id == at => below,
            _ => u32::MAX,
        };
        if order == ListOrder::Uid {
            uid_below = uid_below.min(u32::try_from(below.0).unwrap_or(u32::MAX));
        }
        loop {
            let bounds = &sought.bounds;
            let step = store.kept_below(mailbox, uid_below, bounds, |found| {
                let key = order.key(&found);
                if key < below {
                    gathered.add(key, HELD_MAX);
                }
            })?;
            match step {
                // Those below have lower UIDs.
                FoundStep::Below(_) if order == ListOrder::Uid && gathered.is_cut => break,
                FoundStep::Below(uid) => uid_below = uid,
                FoundStep::End => break,
            }
            gathered.at = Some((mailbox.id, uid_below));
            if is_over() {
                return Ok(false);
            }
        }
        gathered.at = Some((MailboxId(mailbox.id.0.saturating_add(1)), u32::MAX));
    }
    gathered.is_done = true;
    Ok(true)
}

/// The mailboxes in which a match may be, by id.
fn mailboxes_of(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    sought: &Sought,
) -> Result<Vec<MailboxRecord>, Error> {
    let mut mailboxes = Vec::new();
    for (mailbox, _) in store.mailboxes(org, inbox)? {
        if mailbox.messages == 0 || !sought.folders.has(&mailbox) {
            continue;
        }
        if let Some(word) = &sought.bounds.keyword
            && store.keyword_uses(mailbox.id, word)? == 0
        {
            continue;
        }
        mailboxes.push(mailbox);
    }
    mailboxes.sort_unstable_by_key(|mailbox| mailbox.id);
    Ok(mailboxes)
}

/// Messages that a list looks at before it gathers: less work than gathering is in a large inbox.
pub(super) const WALKED_MAX: usize = 256;
/// Messages that are gathered at once and not walked through first.
const FEW: u64 = 64;
/// Places that are held at once: of 16 octets.
const HELD_MAX: usize = 4096;
/// Messages of a conversation that are gathered by its index.
const THREAD_MAX: usize = 4096;
/// Rows of the index of marked messages that are looked at. Where more are marked, a walk through
/// all columns costs less.
const MARKED_MAX: usize = 4096;
