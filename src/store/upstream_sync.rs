//! How far the mailboxes of accounts elsewhere have been fetched, as rows. A row of a message is
//! written in the transaction that delivers it, so that whatever breaks, it comes once.
//!
//! It reads no message. The rule: the row of a message stays until its inbox ends, whatever becomes
//! of the message: one that was moved, or deleted, does not come again.

use std::collections::HashSet;

use rusqlite::{Row, params};

use super::{Error, Store};
use crate::call::{InboxId, OrgId, UpstreamAccount, UpstreamFolderId, UpstreamMessage};

/// How far a mailbox of an account has been fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredUpTo {
    /// 0 before the mailbox was opened for the first time, and when it is gone.
    pub uidvalidity: u32,
    /// All up to this UID is here or was passed over.
    pub last_uid: Option<u32>,
    /// What came before was there before, unix milliseconds: the account was begun then.
    pub begun_at: i64,
    /// What is up to this UID may be old, or here already. 0 is none.
    pub compare_to: u32,
}

/// What of an account decides whether it has a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpstreamStanding {
    /// It must not be tried before its owner changes it.
    pub is_stopped: bool,
    /// Its mailboxes were looked at once.
    pub is_begun: bool,
    /// Grows with each change by its owner.
    pub version: u32,
}

impl Store {
    /// Every account, by its inbox.
    pub fn upstream_accounts(&self) -> Result<Vec<(UpstreamAccount, UpstreamStanding)>, Error> {
        let sql = "SELECT is_stopped, EXISTS (SELECT 1 FROM upstream_folder f
                       WHERE f.inbox = u.inbox AND f.last_uid IS NOT NULL), version, org, inbox
                   FROM upstream u ORDER BY inbox";
        self.direct().all(sql, [], |r| {
            let account = UpstreamAccount {
                org: OrgId(r.get(3)?),
                inbox: InboxId(r.get(4)?),
            };
            Ok((account, read_standing(r)?))
        })
    }

    /// The same of one account.
    pub fn upstream_standing(
        &self,
        account: UpstreamAccount,
    ) -> Result<Option<UpstreamStanding>, Error> {
        let sql = "SELECT is_stopped, EXISTS (SELECT 1 FROM upstream_folder f
                       WHERE f.inbox = u.inbox AND f.last_uid IS NOT NULL), version
                   FROM upstream u WHERE inbox = ?2 AND org = ?1";
        (self.direct()).one(sql, [account.org.0, account.inbox.0], read_standing)
    }

    /// The mailbox of an account with this name; it is made when there is none.
    pub fn upstream_folder(
        &self,
        account: UpstreamAccount,
        name: &[u8],
    ) -> Result<UpstreamFolderId, Error> {
        self.direct().run(
            "INSERT OR IGNORE INTO upstream_folder
                 (inbox, org, name, uidvalidity, last_uid, begun_at, compare_to)
             VALUES (?1, ?2, ?3, 0, NULL, 0, 0)",
            params![account.inbox.0, account.org.0, name],
        )?;
        let found = self.direct().one(
            "SELECT id FROM upstream_folder WHERE inbox = ?1 AND name = ?2",
            params![account.inbox.0, name],
            |r| r.get(0),
        )?;
        found
            .map(UpstreamFolderId)
            .ok_or(Error::Corrupt("upstream_folder"))
    }

    /// When the first mailbox of an account was opened, unix milliseconds.
    pub fn upstream_begun_at(&self, account: UpstreamAccount) -> Result<Option<i64>, Error> {
        let sql = "SELECT min(begun_at) FROM upstream_folder WHERE inbox = ?1 AND begun_at > 0";
        let found = self.direct().one(sql, [account.inbox.0], |r| r.get(0))?;
        Ok(found.flatten())
    }

    /// Has the mailboxes of an account that were never opened fetched from their first message on.
    pub fn begin_late_upstream_folders(
        &self,
        account: UpstreamAccount,
        begun_at: i64,
    ) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_folder SET last_uid = 0, begun_at = ?2
             WHERE inbox = ?1 AND uidvalidity = 0 AND last_uid IS NULL",
            [account.inbox.0, begun_at],
        )?;
        Ok(())
    }

    /// The server has none of the mailboxes of an account but these. The messages of the others
    /// are found again in mailboxes that are opened for the first time.
    pub fn keep_upstream_folders(
        &self,
        account: UpstreamAccount,
        names: &HashSet<&[u8]>,
    ) -> Result<(), Error> {
        let sql = "SELECT id, name FROM upstream_folder WHERE inbox = ?1";
        let known: Vec<(i64, Vec<u8>)> =
            (self.direct()).all(sql, [account.inbox.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
        for (id, _) in known.iter().filter(|(_, name)| !names.contains(&name[..])) {
            self.direct().run(
                "DELETE FROM upstream_folder WHERE id = ?1
                     AND NOT EXISTS (SELECT 1 FROM upstream_message WHERE folder = ?1)",
                [id],
            )?;
            self.direct()
                .run("DELETE FROM upstream_compared WHERE folder = ?1", [id])?;
            self.direct().run(
                "UPDATE upstream_folder SET uidvalidity = 0, last_uid = 0
                 WHERE id = ?1 AND uidvalidity <> 0",
                [id],
            )?;
        }
        Ok(())
    }

    /// An account has another server or another user: its mailboxes are other ones, whatever their
    /// names and numbers.
    pub fn part_from_upstream_folders(&self, inbox: InboxId) -> Result<(), Error> {
        // No name of IMAP has the octet 0.
        self.direct().run(
            "UPDATE upstream_folder SET name = CAST(x'00' || id AS BLOB), uidvalidity = 0,
                 last_uid = 0 WHERE inbox = ?1",
            [inbox.0],
        )?;
        Ok(())
    }

    /// How far a mailbox of an account has been fetched.
    pub fn upstream_up_to(
        &self,
        account: UpstreamAccount,
        folder: UpstreamFolderId,
    ) -> Result<Option<StoredUpTo>, Error> {
        self.direct().one(
            "SELECT uidvalidity, last_uid, begun_at, compare_to FROM upstream_folder
             WHERE id = ?1 AND inbox = ?2 AND org = ?3",
            params![folder.0, account.inbox.0, account.org.0],
            |r| {
                Ok(StoredUpTo {
                    uidvalidity: r.get(0)?,
                    last_uid: r.get(1)?,
                    begun_at: r.get(2)?,
                    compare_to: r.get(3)?,
                })
            },
        )
    }

    /// Stores how far a mailbox has been fetched.
    pub fn set_upstream_up_to(
        &self,
        folder: UpstreamFolderId,
        up_to: StoredUpTo,
    ) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_folder SET uidvalidity = ?2, last_uid = ?3, begun_at = ?4,
                 compare_to = ?5 WHERE id = ?1",
            params![
                folder.0,
                up_to.uidvalidity,
                up_to.last_uid,
                up_to.begun_at,
                up_to.compare_to,
            ],
        )?;
        Ok(())
    }

    /// Notes that a message is here; `false` when it was there already, or when its mailbox has
    /// been renumbered or forgotten meanwhile.
    pub fn note_upstream(&self, from: &UpstreamMessage, ident: i64) -> Result<bool, Error> {
        let (account, row) = (from.account, &from.row);
        let Some(up_to) = self.upstream_up_to(account, from.folder)? else {
            return Ok(false);
        };
        if up_to.uidvalidity != from.uidvalidity {
            return Ok(false);
        }
        let rows = self.direct().run(
            "INSERT OR IGNORE INTO upstream_message (folder, inbox, org, uidvalidity, uid, ident)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                from.folder.0,
                account.inbox.0,
                account.org.0,
                from.uidvalidity,
                row.uid,
                ident
            ],
        )?;
        self.pass_upstream(from.folder, row.uid)?;
        Ok(rows > 0)
    }

    /// All up to this UID is done with.
    pub fn pass_upstream(&self, folder: UpstreamFolderId, uid: u32) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_folder SET last_uid = max(coalesce(last_uid, 0), ?2) WHERE id = ?1",
            params![folder.0, uid],
        )?;
        Ok(())
    }

    /// Gives a message that is here the UID that it has in a mailbox which was renumbered, or which
    /// has come for one that is gone, or to which it was moved from here; `false` when it is not
    /// here. One that has its new UID already
    /// counts for no other.
    pub fn match_upstream(
        &self,
        (folder, may_be_renumbered): (UpstreamFolderId, bool),
        (uidvalidity, uid): (u32, u32),
        ident: i64,
    ) -> Result<bool, Error> {
        let known = self.direct().one(
            "SELECT 1 FROM upstream_message WHERE folder = ?1 AND uidvalidity = ?2 AND uid = ?3",
            params![folder.0, uidvalidity, uid],
            |_| Ok(()),
        )?;
        if known.is_some() {
            return Ok(true);
        }
        let rows = self.direct().run(
            "UPDATE upstream_message SET uidvalidity = ?2, uid = ?3 WHERE id =
                 (SELECT id FROM upstream_message
                  WHERE folder = ?1 AND ident = ?4 AND uidvalidity <> ?2
                      AND (?5 OR uidvalidity = 0) LIMIT 1)",
            params![folder.0, uidvalidity, uid, ident, may_be_renumbered],
        )?;
        let found = "UPDATE upstream_state SET folder = ?1, is_gone = 0 WHERE message =
                 (SELECT id FROM upstream_message
                  WHERE folder = ?1 AND uidvalidity = ?2 AND uid = ?3)";
        let at = params![folder.0, uidvalidity, uid];
        if rows > 0 {
            self.direct().run(found, at)?;
        }
        if rows > 0 || !may_be_renumbered {
            return Ok(rows > 0);
        }
        // The mailboxes that are not opened and have messages are gone.
        let rows = self.direct().run(
            "UPDATE upstream_message SET folder = ?1, uidvalidity = ?2, uid = ?3 WHERE id =
                 (SELECT m.id FROM upstream_folder f
                  JOIN upstream_folder g ON g.inbox = f.inbox AND g.uidvalidity = 0 AND g.id <> ?1
                  JOIN upstream_message m ON m.folder = g.id AND m.ident = ?4
                  WHERE f.id = ?1 LIMIT 1)",
            params![folder.0, uidvalidity, uid, ident],
        )?;
        if rows > 0 {
            self.direct().run(found, at)?;
        }
        Ok(rows > 0)
    }

    /// Forgets up to `rows` messages of an account whose inbox has ended, and its mailboxes.
    pub(super) fn forget_upstream(&self, inbox: i64, rows: i64) -> Result<usize, Error> {
        let messages = self.direct().run(
            "DELETE FROM upstream_message WHERE id IN
                 (SELECT id FROM upstream_message WHERE inbox = ?1 LIMIT ?2)",
            [inbox, rows],
        )?;
        let folders = self
            .direct()
            .run("DELETE FROM upstream_folder WHERE inbox = ?1", [inbox])?;
        Ok(messages + folders)
    }
}

fn read_standing(r: &Row<'_>) -> rusqlite::Result<UpstreamStanding> {
    Ok(UpstreamStanding {
        is_stopped: r.get(0)?,
        is_begun: r.get(1)?,
        version: r.get(2)?,
    })
}
