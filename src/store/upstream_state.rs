//! The state of messages of accounts elsewhere, as rows: what the server of each is known to say of
//! its flags. A change is told from what differs from that, on either side.
//!
//! A row is there for as long as the message is here and is the same message there. One that was
//! refused by a rule has none, and neither has one that is gone on either side.

use core::ops::ControlFlow;

use rusqlite::Row;

use super::entry::{pack_keywords, read_flags, unpack_keywords};
use super::{Error, Store, int, uint, uint32};
use crate::call::{
    ComparedAt, EntryId, Flags, InboxId, UidSet, UpstreamAccount, UpstreamFolderId, UpstreamMessage,
};

/// A message of an account, here and there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamPair {
    /// The number of its row.
    pub message: i64,
    /// Its mailbox there, and its UID in it.
    pub folder: UpstreamFolderId,
    /// The same.
    pub uid: u32,
    /// The message here.
    pub entry: EntryId,
    /// What the server is known to say.
    pub flags: Flags,
    /// The same.
    pub keywords: Vec<String>,
    /// It is not in its mailbox any more.
    pub is_gone: bool,
}

impl Store {
    /// Notes that an entry is the message that was fetched, and its state there.
    pub fn pair_upstream(
        &self,
        from: &UpstreamMessage,
        entry: EntryId,
        keywords: &[String],
    ) -> Result<(), Error> {
        let (account, row) = (from.account, &from.row);
        self.direct().run(
            "INSERT OR IGNORE INTO upstream_state
                 (message, folder, inbox, org, entry, flags, keywords, is_gone)
             SELECT id, folder, ?4, ?5, ?6, ?7, ?8, 0 FROM upstream_message
             WHERE folder = ?1 AND uidvalidity = ?2 AND uid = ?3",
            (
                from.folder.0,
                from.uidvalidity,
                row.uid,
                account.inbox.0,
                account.org.0,
                entry.0,
                row.flags.0,
                pack_keywords(keywords),
            ),
        )?;
        Ok(())
    }

    /// Up to `most` messages of a mailbox that are here, the newest before the row `before`, with
    /// their UIDs; and the row at which the next ones begin, if there are more.
    pub fn upstream_known(
        &self,
        (folder, uidvalidity): (UpstreamFolderId, u32),
        before: Option<i64>,
        most: usize,
    ) -> Result<(UidSet, Option<i64>), Error> {
        let (mut uids, mut looked, mut last) = (UidSet::new(), 0, None);
        let end = self.direct().each(
            "SELECT s.message, m.uid, m.uidvalidity FROM upstream_state s
                 CROSS JOIN upstream_message m ON m.id = s.message
             WHERE s.folder = ?1 AND s.message < ?2 ORDER BY s.message DESC",
            [folder.0, before.unwrap_or(i64::MAX)],
            |r| {
                if looked == most {
                    return Ok(ControlFlow::Break(()));
                }
                looked += 1;
                last = Some(r.get::<_, i64>(0)?);
                if uint32(r.get(2)?) == uidvalidity {
                    uids.insert(uint32(r.get(1)?));
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok((uids, last.filter(|_| end.is_break())))
    }

    /// The messages in `uids` that are here, up to `most`, and the UIDs behind them.
    pub fn upstream_pairs(
        &self,
        (folder, uidvalidity): (UpstreamFolderId, u32),
        uids: &UidSet,
        most: usize,
    ) -> Result<(Vec<UpstreamPair>, UidSet), Error> {
        let mut pairs: Vec<UpstreamPair> = Vec::new();
        for &(low, high) in uids.ranges() {
            let end = self.direct().each(
                "SELECT s.message, m.uid, s.entry, s.flags, s.keywords, s.is_gone, s.folder
                 FROM upstream_message m CROSS JOIN upstream_state s ON s.message = m.id
                 WHERE m.folder = ?1 AND m.uidvalidity = ?2 AND m.uid BETWEEN ?3 AND ?4
                 ORDER BY m.uid",
                [folder.0, uidvalidity.into(), low.into(), high.into()],
                |r| {
                    if pairs.len() == most {
                        return Ok(ControlFlow::Break(()));
                    }
                    pairs.push(read_pair(r)?);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            if end.is_break() {
                break;
            }
        }
        let rest = match pairs.last().filter(|_| pairs.len() == most) {
            Some(last) => uids.difference(&UidSet::from(1..=last.uid)),
            None => UidSet::new(),
        };
        Ok((pairs, rest))
    }

    /// Stores what the server is known to say of a message.
    pub fn set_upstream_state(
        &self,
        message: i64,
        (flags, keywords): (Flags, &[String]),
    ) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_state SET flags = ?2, keywords = ?3, is_gone = 0 WHERE message = ?1",
            (message, flags.0, pack_keywords(keywords)),
        )?;
        Ok(())
    }

    /// The same for a message that may be gone.
    pub fn set_upstream_flags(
        &self,
        message: i64,
        (flags, keywords): (Flags, &[String]),
    ) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_state SET flags = ?2, keywords = ?3 WHERE message = ?1",
            (message, flags.0, pack_keywords(keywords)),
        )?;
        Ok(())
    }

    /// A message is not in its mailbox any more.
    pub fn set_upstream_gone(&self, message: i64) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_state SET is_gone = 1 WHERE message = ?1",
            [message],
        )?;
        Ok(())
    }

    /// A message here and one there have nothing to do with each other any more.
    pub fn part_upstream(&self, message: i64) -> Result<(), Error> {
        self.forget_upstream_change(message)?;
        self.direct()
            .run("DELETE FROM upstream_state WHERE message = ?1", [message])?;
        Ok(())
    }

    /// Up to `most` messages of an account that are gone. One that has a change to be told is
    /// looked for in a second round: it may have come to a mailbox behind the look at that one.
    pub fn upstream_gone(&self, inbox: InboxId, most: usize) -> Result<Vec<UpstreamPair>, Error> {
        self.direct().all(
            "SELECT s.message, m.uid, s.entry, s.flags, s.keywords, s.is_gone, s.folder
             FROM upstream_state s CROSS JOIN upstream_message m ON m.id = s.message
             WHERE s.inbox = ?1 AND s.is_gone = 1
                 AND NOT EXISTS (SELECT 1 FROM upstream_change c
                                 WHERE c.message = s.message AND c.tries < 2)
             ORDER BY s.message LIMIT ?2",
            [inbox.0, int(most as u64)],
            read_pair,
        )
    }

    /// What the server said of a mailbox when its messages were compared last.
    pub fn upstream_compared(
        &self,
        (folder, uidvalidity): (UpstreamFolderId, u32),
    ) -> Result<Option<ComparedAt>, Error> {
        self.direct().one(
            "SELECT modseq, uidnext, messages FROM upstream_compared
             WHERE folder = ?1 AND uidvalidity = ?2",
            [folder.0, uidvalidity.into()],
            |r| {
                Ok(ComparedAt {
                    modseq: uint(r.get(0)?),
                    uidnext: r.get::<_, Option<i64>>(1)?.map(uint32),
                    exists: uint32(r.get(2)?),
                })
            },
        )
    }

    /// Stores it.
    pub fn set_upstream_compared(
        &self,
        account: UpstreamAccount,
        (folder, uidvalidity): (UpstreamFolderId, u32),
        at: ComparedAt,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO upstream_compared (folder, inbox, org, uidvalidity, modseq, uidnext, messages)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (folder) DO UPDATE SET uidvalidity = ?4, modseq = ?5, uidnext = ?6,
                 messages = ?7",
            (
                folder.0,
                account.inbox.0,
                account.org.0,
                uidvalidity,
                int(at.modseq),
                at.uidnext,
                at.exists,
            ),
        )?;
        Ok(())
    }

    /// A message is in another mailbox now. Without `at`, its UIDVALIDITY and UID there, it is
    /// found by what it is. `false`: another one has that UID.
    pub fn move_upstream(
        &self,
        message: i64,
        folder: UpstreamFolderId,
        at: Option<(u32, u32)>,
    ) -> Result<bool, Error> {
        // No mailbox has the UIDVALIDITY 0.
        let (uidvalidity, uid) = match at {
            Some((uidvalidity, uid)) => (i64::from(uidvalidity), i64::from(uid)),
            None => (0, message),
        };
        let rows = self.direct().run(
            "UPDATE OR IGNORE upstream_message SET folder = ?2, uidvalidity = ?3, uid = ?4
             WHERE id = ?1",
            [message, folder.0, uidvalidity, uid],
        )?;
        if rows > 0 {
            self.direct().run(
                "UPDATE upstream_state SET folder = ?2, is_gone = 0 WHERE message = ?1",
                [message, folder.0],
            )?;
        }
        Ok(rows > 0)
    }

    /// A message has a copy in another mailbox, under this UIDVALIDITY and UID if they are known.
    /// The copy is the message from now on, and the original is none that is here. Gives the number
    /// of the copy; `None`: another message has that UID.
    pub fn split_upstream(
        &self,
        pair: &UpstreamPair,
        (account, folder): (UpstreamAccount, UpstreamFolderId),
        at: Option<(u32, u32)>,
    ) -> Result<Option<i64>, Error> {
        let (uidvalidity, uid) = match at {
            Some((uidvalidity, uid)) => (i64::from(uidvalidity), i64::from(uid)),
            None => (0, pair.message),
        };
        let copy: Option<i64> = self.direct().one(
            "INSERT OR IGNORE INTO upstream_message (folder, inbox, org, uidvalidity, uid, ident)
             SELECT ?2, inbox, org, ?3, ?4, ident FROM upstream_message WHERE id = ?1
             RETURNING id",
            [pair.message, folder.0, uidvalidity, uid],
            |r| r.get(0),
        )?;
        // No entry has a number below 0.
        self.direct().run(
            "UPDATE upstream_state SET entry = -message WHERE message = ?1",
            [pair.message],
        )?;
        if let Some(copy) = copy {
            self.direct().run(
                "INSERT INTO upstream_state
                     (message, folder, inbox, org, entry, flags, keywords, is_gone)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
                (
                    copy,
                    folder.0,
                    account.inbox.0,
                    account.org.0,
                    pair.entry.0,
                    pair.flags.0,
                    pack_keywords(&pair.keywords),
                ),
            )?;
        }
        Ok(copy)
    }

    /// The message of an account with this hash that is gone from its mailbox, or else is in
    /// another one than `folder`.
    pub fn find_moved_upstream(
        &self,
        (inbox, folder): (InboxId, UpstreamFolderId),
        ident: i64,
    ) -> Result<Option<UpstreamPair>, Error> {
        self.direct().one(
            "SELECT s.message, m.uid, s.entry, s.flags, s.keywords, s.is_gone, s.folder
             FROM upstream_folder f CROSS JOIN upstream_message m ON m.folder = f.id
                 CROSS JOIN upstream_state s ON s.message = m.id
             WHERE f.inbox = ?1 AND m.ident = ?3 AND (f.id <> ?2 OR s.is_gone = 1)
             ORDER BY s.is_gone DESC, m.id LIMIT 1",
            [inbox.0, folder.0, ident],
            read_pair,
        )
    }

    /// Forgets up to `rows` states of messages of an account whose inbox has ended, and how far its
    /// mailboxes were compared.
    pub(super) fn forget_upstream_states(&self, inbox: i64, rows: i64) -> Result<usize, Error> {
        let states = self.direct().run(
            "DELETE FROM upstream_state WHERE message IN
                 (SELECT message FROM upstream_state WHERE inbox = ?1 LIMIT ?2)",
            [inbox, rows],
        )?;
        let compared = self
            .direct()
            .run("DELETE FROM upstream_compared WHERE inbox = ?1", [inbox])?;
        Ok(states + compared)
    }
}

pub(super) fn read_pair(r: &Row<'_>) -> rusqlite::Result<UpstreamPair> {
    Ok(UpstreamPair {
        message: r.get(0)?,
        uid: uint32(r.get(1)?),
        entry: EntryId(r.get(2)?),
        flags: read_flags(r, 3)?,
        keywords: match r.get::<_, Option<String>>(4)? {
            Some(words) => unpack_keywords(words.as_bytes()),
            None => Vec::new(),
        },
        is_gone: r.get(5)?,
        folder: UpstreamFolderId(r.get(6)?),
    })
}
