//! What ends by itself, as rows: messages and inboxes with a time of their own, and mail that an
//! inbox or its organization keeps for some days.
//!
//! It decides nothing: `service/mail/expiry.rs` does. The rules: **what is looked for costs as much
//! as what is due**, whatever else is stored; and **the row of a message goes with its entry**,
//! wherever entries are deleted; a move keeps it.
//!
//! The age of a message is that of its id, which ascends with the clock of this server. Its
//! internal date is what a client says (RFC 3501 section 6.3.11), so it ends nothing.

use rusqlite::params;

use super::quota::EXPIRING_BYTES;
use super::{Error, Store, int, uint32};
use crate::call::{EntryId, InboxId, MailboxId, OrgId};

/// A message that ends at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpiringMessage {
    /// The entry.
    pub entry: EntryId,
    /// Its organization.
    pub org: OrgId,
    /// Its inbox.
    pub inbox: InboxId,
}

/// An inbox that keeps mail for some days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetainingInbox {
    /// Its organization.
    pub org: OrgId,
    /// The inbox.
    pub inbox: InboxId,
    /// The stricter of its own days and those of its organization.
    pub days: u32,
}

/// A message that is older than its inbox keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OldEntry {
    /// The entry.
    pub entry: EntryId,
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: u32,
}

impl Store {
    /// Sets the time at which a message ends, or takes it away.
    pub fn set_expiring(
        &self,
        message: ExpiringMessage,
        expires_at: Option<i64>,
    ) -> Result<(), Error> {
        self.forget_expiring(message.org, [message.entry].into_iter())?;
        let Some(at) = expires_at else {
            return Ok(());
        };
        self.direct().run(
            "INSERT INTO expiring (entry, org, inbox, expires_at) VALUES (?1, ?2, ?3, ?4)",
            [message.entry.0, message.org.0, message.inbox.0, at],
        )?;
        self.count_org_cost(message.org, EXPIRING_BYTES)
    }

    /// When a message ends; `None` when it does not.
    pub fn expires_at(&self, entry: EntryId) -> Result<Option<i64>, Error> {
        self.direct().one(
            "SELECT expires_at FROM expiring WHERE entry = ?1",
            [entry.0],
            |r| r.get(0),
        )
    }

    /// Up to `limit` messages whose time is over, the first of them first.
    pub fn expired_messages(&self, now_ms: i64, limit: u32) -> Result<Vec<ExpiringMessage>, Error> {
        self.direct().all(
            "SELECT entry, org, inbox FROM expiring WHERE expires_at <= ?1
             ORDER BY expires_at LIMIT ?2",
            [now_ms, limit.into()],
            |r| {
                Ok(ExpiringMessage {
                    entry: EntryId(r.get(0)?),
                    org: OrgId(r.get(1)?),
                    inbox: InboxId(r.get(2)?),
                })
            },
        )
    }

    /// Up to `limit` inboxes whose time is over, of organizations that have not ended.
    pub fn expired_inboxes(&self, now_ms: i64, limit: u32) -> Result<Vec<(OrgId, InboxId)>, Error> {
        self.all(
            "SELECT org, id FROM inbox INDEXED BY inbox_expires
             WHERE expires_at <= ?1
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = inbox.org)
             ORDER BY expires_at LIMIT ?2",
            [now_ms, limit.into()],
            |r| Ok((OrgId(r.get(0)?), InboxId(r.get(1)?))),
        )
    }

    /// When the next message or inbox ends; `None` when none does.
    pub fn next_expiry(&self) -> Result<Option<i64>, Error> {
        let message = self.direct().one(
            "SELECT expires_at FROM expiring ORDER BY expires_at LIMIT 1",
            [],
            |r| r.get::<_, i64>(0),
        )?;
        let inbox = self.one(
            "SELECT expires_at FROM inbox INDEXED BY inbox_expires
             WHERE expires_at IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = inbox.org)
             ORDER BY expires_at LIMIT 1",
            [],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(message.into_iter().chain(inbox).min())
    }

    /// Up to `limit` inboxes after one that have days of their own, by id.
    pub fn retaining_inboxes(
        &self,
        after: InboxId,
        limit: u32,
    ) -> Result<Vec<RetainingInbox>, Error> {
        self.all(
            "SELECT i.org, i.id, min(i.retention_days, coalesce(o.retention_days, i.retention_days))
             FROM inbox i INDEXED BY inbox_retains JOIN org o ON o.id = i.org
             WHERE i.retention_days IS NOT NULL AND i.id > ?1 ORDER BY i.id LIMIT ?2",
            [after.0, limit.into()],
            read_retaining,
        )
    }

    /// The next organization after one whose inboxes keep mail for some days, with its days.
    pub fn next_retaining_org(&self, after: OrgId) -> Result<Option<(OrgId, u32)>, Error> {
        self.one(
            "SELECT id, retention_days FROM org INDEXED BY org_retains
             WHERE retention_days IS NOT NULL AND id > ?1
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)
             ORDER BY id LIMIT 1",
            [after.0],
            |r| Ok((OrgId(r.get(0)?), uint32(r.get(1)?))),
        )
    }

    /// Up to `limit` inboxes of such an organization after one, without those that have days of
    /// their own.
    pub fn inboxes_of_retaining(
        &self,
        (org, days): (OrgId, u32),
        after: InboxId,
        limit: u32,
    ) -> Result<Vec<RetainingInbox>, Error> {
        self.all(
            "SELECT org, id, ?4 FROM inbox
             WHERE org = ?1 AND id > ?2 AND retention_days IS NULL ORDER BY id LIMIT ?3",
            [org.0, after.0, limit.into(), days.into()],
            read_retaining,
        )
    }

    /// Up to `limit` messages of an inbox above an id that came before `before_ms`, the oldest
    /// first.
    pub fn old_entries(
        &self,
        (org, inbox): (OrgId, InboxId),
        after: EntryId,
        before_ms: i64,
        limit: u32,
    ) -> Result<Vec<OldEntry>, Error> {
        self.direct().all(
            "SELECT e.id, e.mailbox, e.uid FROM entry e INDEXED BY entry_id
                 JOIN mailbox m ON m.id = e.mailbox
             WHERE e.inbox = ?1 AND e.id > ?2 AND e.id < ?3 AND e.org = ?4
             ORDER BY e.id LIMIT ?5",
            params![
                inbox.0,
                after.0,
                super::ids::first_id_at(before_ms),
                org.0,
                limit
            ],
            |r| {
                Ok(OldEntry {
                    entry: EntryId(r.get(0)?),
                    mailbox: MailboxId(r.get(1)?),
                    uid: uint32(r.get(2)?),
                })
            },
        )
    }

    /// Whether a message waits for a decision or for its time.
    pub fn is_waiting(&self, org: OrgId, entry: EntryId) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT 1 FROM scheduled WHERE entry = ?2 AND org = ?1
             UNION ALL SELECT 1 FROM approval WHERE org = ?1 AND entry = ?2 AND status = 0 LIMIT 1",
            [org.0, entry.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Deletes what stands beside entries that are deleted. Most files have no such rows.
    pub(super) fn forget_expiring(
        &self,
        org: OrgId,
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<(), Error> {
        let any = (self.direct()).one("SELECT 1 FROM expiring LIMIT 1", [], |_| Ok(()))?;
        if any.is_none() {
            return Ok(());
        }
        for entry in entries {
            let gone = (self.direct()).run("DELETE FROM expiring WHERE entry = ?1", [entry.0])?;
            if gone > 0 {
                self.count_org_cost(org, -EXPIRING_BYTES.saturating_mul(int(gone as u64)))?;
            }
        }
        Ok(())
    }
}

fn read_retaining(r: &rusqlite::Row<'_>) -> rusqlite::Result<RetainingInbox> {
    Ok(RetainingInbox {
        org: OrgId(r.get(0)?),
        inbox: InboxId(r.get(1)?),
        days: uint32(r.get(2)?),
    })
}
