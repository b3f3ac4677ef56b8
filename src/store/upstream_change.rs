//! Changes of messages here that the servers of their accounts have not been told yet, as rows that
//! are written in the transaction of the change.
//!
//! A row says that a message may differ from what its server is known to say, and not how: what is
//! told is the difference at the time when it is told. So many changes of a message are one, and a
//! change that was taken back is none. The row ends when the server has answered and nothing
//! differs any more.
//!
//! A message that is being copied to another mailbox, on a server without MOVE, has [`COPYING`] in
//! place of a time. Whether the copy was made is not known behind a break: it is told nothing more
//! before the copy is found, or every mailbox has been looked at without it.

use std::collections::BTreeSet;

use super::upstream_state::{UpstreamPair, read_pair};
use super::{Error, Store, int};
use crate::call::{EntryId, InboxId, UpstreamFolderId};

impl Store {
    /// Notes that entries of an inbox have changed. It does nothing for an inbox that lives here.
    pub fn note_upstream_changes(
        &self,
        (inbox, at): (InboxId, i64),
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<(), Error> {
        if !self.lives_elsewhere(inbox)? {
            return Ok(());
        }
        for entry in entries {
            let rows = self.direct().run(
                "INSERT INTO upstream_change (message, inbox, org, tries, due_at)
                 SELECT message, inbox, org, 0, ?2 FROM upstream_state WHERE entry = ?1
                 ON CONFLICT (message) DO UPDATE SET tries = 0,
                     due_at = CASE WHEN due_at < 0 THEN due_at ELSE ?2 END",
                [entry.0, at],
            )?;
            if rows > 0 {
                self.upstreams_changed.borrow_mut().insert(inbox);
            }
        }
        Ok(())
    }

    /// The inboxes with changes that were noted since the last call, also by a transaction that was
    /// rolled back.
    pub fn take_changed_upstreams(&self) -> BTreeSet<InboxId> {
        self.upstreams_changed.take()
    }

    /// Entries of an inbox have ended by themselves: those of the account stay.
    pub(super) fn part_upstream_entries(
        &self,
        inbox: InboxId,
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<(), Error> {
        if !self.lives_elsewhere(inbox)? {
            return Ok(());
        }
        for entry in entries {
            let sql = "SELECT message FROM upstream_state WHERE entry = ?1";
            if let Some(message) = self.direct().one(sql, [entry.0], |r| r.get(0))? {
                self.part_upstream(message)?;
            }
        }
        Ok(())
    }

    fn lives_elsewhere(&self, inbox: InboxId) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM upstream WHERE inbox = ?1";
        Ok(self.direct().one(sql, [inbox.0], |_| Ok(()))?.is_some())
    }

    /// The inboxes whose servers are to be told of changes, and when the first of them is due.
    pub fn upstreams_to_tell(&self) -> Result<Vec<(InboxId, i64)>, Error> {
        let all = self.direct().all(
            "SELECT inbox, (SELECT min(due_at) FROM upstream_change c WHERE c.inbox = u.inbox)
             FROM upstream u ORDER BY inbox",
            [],
            |r| Ok((InboxId(r.get(0)?), r.get::<_, Option<i64>>(1)?)),
        )?;
        let due = all.into_iter();
        Ok(due.filter_map(|(inbox, at)| Some((inbox, at?))).collect())
    }

    /// When the server of an account is to be told of its next change; `None`: there is none.
    pub fn next_upstream_change(&self, inbox: InboxId) -> Result<Option<i64>, Error> {
        let sql = "SELECT min(due_at) FROM upstream_change WHERE inbox = ?1";
        Ok(self.direct().one(sql, [inbox.0], |r| r.get(0))?.flatten())
    }

    /// Whether a change of a message waits to be told.
    pub fn has_upstream_change(&self, message: i64) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM upstream_change WHERE message = ?1";
        Ok(self.direct().one(sql, [message], |_| Ok(()))?.is_some())
    }

    /// Up to `most` changed messages of a mailbox that are due. One that is gone waits until it is
    /// found in another one, or its round ends.
    pub fn upstream_changes(
        &self,
        (folder, uidvalidity): (UpstreamFolderId, u32),
        (now, most): (i64, usize),
    ) -> Result<Vec<UpstreamPair>, Error> {
        self.direct().all(
            "SELECT s.message, m.uid, s.entry, s.flags, s.keywords, s.is_gone, s.folder
             FROM upstream_folder f CROSS JOIN upstream_change c ON c.inbox = f.inbox
                 CROSS JOIN upstream_state s ON s.message = c.message AND s.folder = f.id
                 CROSS JOIN upstream_message m ON m.id = s.message AND m.uidvalidity = ?2
             WHERE f.id = ?1 AND c.due_at BETWEEN 0 AND ?3 AND s.is_gone = 0
             ORDER BY c.message LIMIT ?4",
            (folder.0, uidvalidity, now, int(most as u64)),
            read_pair,
        )
    }

    /// Nothing of a message is to be told.
    pub fn forget_upstream_change(&self, message: i64) -> Result<(), Error> {
        self.direct()
            .run("DELETE FROM upstream_change WHERE message = ?1", [message])?;
        Ok(())
    }

    /// A message is about to be copied.
    pub fn begin_upstream_copy(&self, message: i64) -> Result<(), Error> {
        self.set_upstream_change_due(message, COPYING)
    }

    /// The message of an account with this hash that may have been copied, from another mailbox
    /// than this.
    pub fn find_copied_upstream(
        &self,
        (inbox, folder): (InboxId, UpstreamFolderId),
        ident: i64,
    ) -> Result<Option<UpstreamPair>, Error> {
        self.direct().one(
            "SELECT s.message, m.uid, s.entry, s.flags, s.keywords, s.is_gone, s.folder
             FROM upstream_change c CROSS JOIN upstream_message m ON m.id = c.message
                 CROSS JOIN upstream_state s ON s.message = m.id
             WHERE c.inbox = ?1 AND c.due_at < 0 AND m.ident = ?3 AND s.folder <> ?2 LIMIT 1",
            [inbox.0, folder.0, ident],
            read_pair,
        )
    }

    /// A server has refused the change of a message: it is told again then. Gives how often it was
    /// refused.
    pub fn put_off_upstream_change(&self, message: i64, due_at: i64) -> Result<u32, Error> {
        let tries = self.direct().one(
            "UPDATE upstream_change SET tries = tries + 1, due_at = ?2 WHERE message = ?1
             RETURNING tries",
            [message, due_at],
            |r| r.get(0),
        )?;
        Ok(tries.unwrap_or(0))
    }

    /// The change of a message is told as soon as the round is over in which it was found at
    /// another place.
    pub fn tell_upstream_change(
        &self,
        inbox: InboxId,
        message: i64,
        found_at: i64,
    ) -> Result<(), Error> {
        // A round puts off what was due before it.
        self.set_upstream_change_due(message, found_at.saturating_add(1))?;
        self.upstreams_changed.borrow_mut().insert(inbox);
        Ok(())
    }

    /// When the change of a message is told again.
    pub fn set_upstream_change_due(&self, message: i64, due_at: i64) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_change SET due_at = ?2 WHERE message = ?1",
            [message, due_at],
        )?;
        Ok(())
    }

    /// The changes of an account that were due before a round and could not be told in it, up to
    /// `most`: their numbers, and whether the message may have been copied.
    pub fn untold_upstream_changes(
        &self,
        (inbox, before): (InboxId, i64),
        most: usize,
    ) -> Result<Vec<(i64, bool)>, Error> {
        self.direct().all(
            "SELECT message, due_at < 0 FROM upstream_change
             WHERE inbox = ?1 AND due_at <= ?2 LIMIT ?3",
            [inbox.0, before, int(most as u64)],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
    }

    /// Forgets up to `rows` changes of an account whose inbox has ended.
    pub(super) fn forget_upstream_changes(&self, inbox: i64, rows: i64) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM upstream_change WHERE message IN
                 (SELECT message FROM upstream_change WHERE inbox = ?1 LIMIT ?2)",
            [inbox, rows],
        )
    }
}

/// See the module.
const COPYING: i64 = -1;
