//! Inboxes, their addresses and their tree. The row of an address stays when its inbox is
//! deleted, so that an address of the shared domain is never given to another organization.

use rusqlite::{Row, params};

use super::known_sender::{read_receive, receive_number};
use super::mailbox::{InboxBounds, read_bounds};
use super::outgoing::{read_send_mode, send_mode_number};
use super::quota::{ADDRESS_BYTES, INBOX_BYTES, OrgDelta};
use super::{Error, Store, format, int, uint, uint32};
use crate::call::{DomainId, InboxId, InboxLimits, InboxPath, InboxRow, OrgId, ReceiveDefault};

/// Where mail for an address goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// Its organization.
    pub org: OrgId,
    /// The inbox.
    pub inbox: InboxId,
    /// Octets that it stores already, with what its rows cost on disk.
    pub stored: u64,
    /// The same of its organization.
    pub org_stored: u64,
    /// What happens to mail of senders that it does not know.
    pub receives: ReceiveDefault,
    /// Messages in its INBOX; `None` without one.
    pub messages: Option<u32>,
    /// Bounds that are stricter than those of every inbox.
    pub bounds: InboxBounds,
}

// The columns of `read_inbox`.
macro_rules! inboxes {
    ($rest:literal) => {
        concat!(
            "SELECT id, address, display_name, parent, client_id, metadata, created_at, bytes,
                    messages, send_mode, receive_default, expires_at, retention_days, quota_bytes,
                    sends_per_day, new_recipients_per_day, receives_per_minute, imap_sessions",
            $rest
        )
    };
}

impl Store {
    /// A new inbox with its address and its ancestors, parent first. `canonical` is the unique
    /// form of the address. The caller has checked all of it.
    pub fn insert_inbox(
        &self,
        org: OrgId,
        row: &InboxRow,
        canonical: &str,
        domain: Option<DomainId>,
        ancestors: &[InboxId],
    ) -> Result<(), Error> {
        self.run(
            "INSERT INTO inbox (id, org, address, domain, display_name, parent, ancestors,
                                client_id, metadata, created_at, send_mode,
                                receive_default, expires_at, retention_days, quota_bytes,
                                sends_per_day, new_recipients_per_day, receives_per_minute,
                                imap_sessions)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19)",
            params![
                row.id.0,
                org.0,
                row.address,
                domain.map(|d| d.0),
                row.display_name,
                row.parent.map(|p| p.0),
                format::encode_ancestors(ancestors),
                row.client_id,
                row.metadata,
                row.created_at,
                send_mode_number(row.send_mode),
                receive_number(row.receive_default),
                row.expires_at,
                row.retention_days,
                row.quota_bytes.map(int),
                row.limits.sends_per_day,
                row.limits.new_recipients_per_day,
                row.limits.receives_per_minute,
                row.limits.imap_sessions,
            ],
        )?;
        let known = self.run(
            "UPDATE address SET inbox = ?3 WHERE canonical = ?1 AND org = ?2",
            params![canonical, org.0, row.id.0],
        )?;
        let mut cost = INBOX_BYTES;
        if known == 0 {
            cost += ADDRESS_BYTES;
            self.run(
                "INSERT INTO address (canonical, org, inbox) VALUES (?1, ?2, ?3)",
                params![canonical, org.0, row.id.0],
            )?;
        }
        self.count_org(
            org,
            &OrgDelta {
                inboxes: 1,
                cost,
                ..OrgDelta::default()
            },
        )
    }

    /// The inbox that an organization has at an address. It is found while its domain waits for a
    /// proof, too: its owner still reads it.
    pub fn inbox_at(&self, org: OrgId, canonical: &str) -> Result<Option<InboxId>, Error> {
        let found = self.one(
            "SELECT inbox FROM address WHERE canonical = ?1 AND org = ?2",
            params![canonical, org.0],
            |r| Ok(r.get::<_, Option<i64>>(0)?.map(InboxId)),
        )?;
        Ok(found.flatten())
    }

    /// Whether any organization has or had an address.
    pub fn is_address_known(&self, canonical: &str) -> Result<bool, Error> {
        let found = self.one(
            "SELECT 1 FROM address WHERE canonical = ?1 LIMIT 1",
            [canonical],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// The inbox that receives mail for an address, of any organization: none while the domain of
    /// the inbox waits for a proof, and none that lives elsewhere: mail for it goes there.
    pub fn destination(&self, canonical: &str) -> Result<Option<Destination>, Error> {
        self.one(
            "SELECT inbox.org, inbox.id, inbox.bytes + inbox.cost, org.bytes + org.cost,
                 (SELECT messages FROM mailbox WHERE mailbox.inbox = inbox.id AND name = 'INBOX'),
                 inbox.receive_default, inbox.quota_bytes, inbox.sends_per_day,
                 inbox.receives_per_minute
             FROM address JOIN inbox ON inbox.id = address.inbox JOIN org ON org.id = inbox.org
                  LEFT JOIN domain ON domain.id = inbox.domain
             WHERE canonical = ?1 AND (inbox.domain IS NULL OR domain.verified_at IS NOT NULL)
                 AND NOT EXISTS (SELECT 1 FROM upstream WHERE upstream.inbox = inbox.id)
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = inbox.org)",
            [canonical],
            read_destination,
        )
    }

    /// The domain of an inbox when it waits for a proof: nothing is sent from the inbox then.
    pub fn waiting_domain(&self, inbox: InboxId) -> Result<Option<String>, Error> {
        // No counter is read, so the held ones need not be written first.
        self.direct().one(
            "SELECT domain.name FROM inbox JOIN domain ON domain.id = inbox.domain
             WHERE inbox.id = ?1 AND domain.verified_at IS NULL",
            [inbox.0],
            |r| r.get(0),
        )
    }

    /// The oldest inbox of the operator's organization; `None` after that organization was
    /// deleted.
    pub fn operator_inbox(&self) -> Result<Option<Destination>, Error> {
        self.one(
            "SELECT org.id, inbox.id, inbox.bytes + inbox.cost, org.bytes + org.cost,
                 (SELECT messages FROM mailbox WHERE mailbox.inbox = inbox.id AND name = 'INBOX'),
                 inbox.receive_default, inbox.quota_bytes, inbox.sends_per_day,
                 inbox.receives_per_minute
             FROM org JOIN inbox ON inbox.org = org.id
             WHERE org.id = (SELECT value FROM meta WHERE name = 'operator')
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)
             ORDER BY inbox.id LIMIT 1",
            [],
            read_destination,
        )
    }

    /// One inbox of an organization.
    pub fn inbox(&self, org: OrgId, inbox: InboxId) -> Result<Option<InboxRow>, Error> {
        self.one(
            inboxes!(" FROM inbox WHERE org = ?1 AND id = ?2"),
            [org.0, inbox.0],
            read_inbox,
        )
    }

    /// A page of the inboxes of an organization after `after`, oldest first. With `parent`, only
    /// the inboxes right under it.
    pub fn inboxes(
        &self,
        org: OrgId,
        parent: Option<InboxId>,
        after: InboxId,
        limit: usize,
    ) -> Result<Vec<InboxRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match parent {
            None => self.all(
                inboxes!(" FROM inbox WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3"),
                [org.0, after.0, limit],
                read_inbox,
            ),
            Some(parent) => self.all(
                inboxes!(
                    " FROM inbox WHERE parent = ?4 AND org = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
                ),
                [org.0, after.0, limit, parent.0],
                read_inbox,
            ),
        }
    }

    /// The address of an inbox of an organization that has this display name, in any case of ASCII
    /// letters.
    pub fn inbox_with_display_name(&self, org: OrgId, name: &str) -> Result<Option<String>, Error> {
        self.direct().one(
            "SELECT address FROM inbox INDEXED BY inbox_display_name
             WHERE org = ?1 AND display_name = ?2 COLLATE NOCASE LIMIT 1",
            params![org.0, name],
            |r| r.get(0),
        )
    }

    /// Inboxes of an organization that have messages, by id.
    pub fn inboxes_with_mail(
        &self,
        org: OrgId,
        after: InboxId,
        limit: usize,
    ) -> Result<Vec<InboxId>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(
            "SELECT id FROM inbox WHERE org = ?1 AND id > ?2 AND messages > 0
             ORDER BY id LIMIT ?3",
            [org.0, after.0, limit],
            |r| Ok(InboxId(r.get(0)?)),
        )
    }

    /// The same page as [`Store::inboxes`] of the whole organization, each row with its ancestors,
    /// parent first.
    pub fn inboxes_with_ancestors(
        &self,
        org: OrgId,
        after: InboxId,
        limit: usize,
    ) -> Result<Vec<(InboxRow, Vec<InboxId>)>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.all(
            inboxes!(", ancestors FROM inbox WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3"),
            [org.0, after.0, limit],
            |r| Ok((read_inbox(r)?, r.get::<_, Vec<u8>>(18)?)),
        )?;
        rows.into_iter()
            .map(|(row, ancestors)| Ok((row, format::decode_ancestors(&ancestors)?)))
            .collect()
    }

    /// The limits that an inbox has of its own.
    pub fn inbox_limits(&self, org: OrgId, inbox: InboxId) -> Result<InboxLimits, Error> {
        // No counter is read, so the held ones need not be written first.
        let found = self.direct().one(
            "SELECT sends_per_day, new_recipients_per_day, receives_per_minute, imap_sessions
             FROM inbox WHERE id = ?2 AND org = ?1",
            [org.0, inbox.0],
            |r| read_limits(r, 0),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// The inbox that was made with this `client_id`.
    pub fn inbox_by_client_id(
        &self,
        org: OrgId,
        client_id: &str,
    ) -> Result<Option<InboxId>, Error> {
        self.one(
            "SELECT id FROM inbox WHERE org = ?1 AND client_id = ?2",
            params![org.0, client_id],
            |r| Ok(InboxId(r.get(0)?)),
        )
    }

    /// The place of an inbox in the tree, as events carry it.
    pub fn inbox_path(&self, org: OrgId, inbox: InboxId) -> Result<Option<InboxPath>, Error> {
        let row = self.one(
            "SELECT id, address, ancestors FROM inbox WHERE org = ?1 AND id = ?2",
            [org.0, inbox.0],
            |r| Ok(read_path(r)),
        )?;
        row.transpose()
    }

    /// The same of the inbox that an organization has at an address.
    pub fn inbox_path_at(&self, org: OrgId, canonical: &str) -> Result<Option<InboxPath>, Error> {
        let row = self.one(
            "SELECT i.id, i.address, i.ancestors
             FROM address a JOIN inbox i ON i.id = a.inbox AND i.org = a.org
             WHERE a.canonical = ?1 AND a.org = ?2",
            params![canonical, org.0],
            |r| Ok(read_path(r)),
        )?;
        row.transpose()
    }

    /// The ids of up to `limit` inboxes right under one.
    pub fn inboxes_under(
        &self,
        org: OrgId,
        parent: InboxId,
        limit: usize,
    ) -> Result<Vec<InboxId>, Error> {
        self.all(
            "SELECT id FROM inbox WHERE parent = ?2 AND org = ?1 ORDER BY id LIMIT ?3",
            [org.0, parent.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            |r| Ok(InboxId(r.get(0)?)),
        )
    }

    /// Changes the fields that a client may change.
    pub fn update_inbox(&self, org: OrgId, row: &InboxRow) -> Result<(), Error> {
        self.run(
            "UPDATE inbox SET display_name = ?3, parent = ?4, metadata = ?5, send_mode = ?6,
                 receive_default = ?7, expires_at = ?8, retention_days = ?9, quota_bytes = ?10,
                 sends_per_day = ?11, new_recipients_per_day = ?12, receives_per_minute = ?13,
                 imap_sessions = ?14
             WHERE org = ?1 AND id = ?2",
            params![
                org.0,
                row.id.0,
                row.display_name,
                row.parent.map(|p| p.0),
                row.metadata,
                send_mode_number(row.send_mode),
                receive_number(row.receive_default),
                row.expires_at,
                row.retention_days,
                row.quota_bytes.map(int),
                row.limits.sends_per_day,
                row.limits.new_recipients_per_day,
                row.limits.receives_per_minute,
                row.limits.imap_sessions,
            ],
        )?;
        Ok(())
    }

    /// Writes the ancestors of an inbox, after it or one above it has moved.
    pub fn set_ancestors(
        &self,
        org: OrgId,
        inbox: InboxId,
        ancestors: &[InboxId],
    ) -> Result<(), Error> {
        self.run(
            "UPDATE inbox SET ancestors = ?3 WHERE org = ?1 AND id = ?2",
            params![org.0, inbox.0, format::encode_ancestors(ancestors)],
        )?;
        Ok(())
    }

    /// Removes an inbox, which has none under it. It is out of reach at once, and its address
    /// stays known. [`Store::reclaim`] removes its mailboxes and all else of it later. Its
    /// recipients outside stay queued.
    pub fn delete_inbox(&self, org: OrgId, inbox: InboxId) -> Result<(), Error> {
        let held = self.one(
            "SELECT bytes, cost, messages FROM inbox WHERE id = ?2 AND org = ?1",
            [org.0, inbox.0],
            |r| Ok([r.get::<_, i64>(0)?, r.get(1)?, r.get(2)?]),
        )?;
        let Some([bytes, cost, messages]) = held else {
            return Ok(());
        };
        self.mark_inbox(inbox.0)?;
        self.run(
            "UPDATE address SET inbox = NULL WHERE inbox = ?2 AND org = ?1",
            [org.0, inbox.0],
        )?;
        self.run(
            "UPDATE domain SET catch_all = NULL WHERE org = ?1 AND catch_all = ?2",
            [org.0, inbox.0],
        )?;
        self.run(
            "DELETE FROM inbox WHERE id = ?2 AND org = ?1",
            [org.0, inbox.0],
        )?;
        self.count_org(
            org,
            &OrgDelta {
                bytes: -bytes,
                cost: -cost - INBOX_BYTES,
                messages: -messages,
                inboxes: -1,
                ..OrgDelta::default()
            },
        )
    }
}

fn read_path(r: &Row<'_>) -> Result<InboxPath, Error> {
    Ok(InboxPath {
        id: InboxId(r.get(0)?),
        address: r.get(1)?,
        ancestors: format::decode_ancestors(&r.get::<_, Vec<u8>>(2)?)?,
    })
}

fn read_inbox(r: &Row<'_>) -> rusqlite::Result<InboxRow> {
    Ok(InboxRow {
        id: InboxId(r.get(0)?),
        address: r.get(1)?,
        display_name: r.get(2)?,
        parent: r.get::<_, Option<i64>>(3)?.map(InboxId),
        client_id: r.get(4)?,
        metadata: r.get(5)?,
        created_at: r.get(6)?,
        bytes: uint(r.get(7)?),
        messages: uint(r.get(8)?),
        send_mode: read_send_mode(r, 9)?,
        receive_default: read_receive(r, 10)?,
        expires_at: r.get(11)?,
        retention_days: r.get(12)?,
        quota_bytes: r.get::<_, Option<i64>>(13)?.map(uint),
        limits: read_limits(r, 14)?,
        upstream: None,
    })
}

pub(super) fn read_destination(r: &Row<'_>) -> rusqlite::Result<Destination> {
    Ok(Destination {
        org: OrgId(r.get(0)?),
        inbox: InboxId(r.get(1)?),
        stored: uint(r.get(2)?),
        org_stored: uint(r.get(3)?),
        receives: read_receive(r, 5)?,
        messages: r.get::<_, Option<i64>>(4)?.map(uint32),
        bounds: read_bounds(r, 6)?,
    })
}

fn read_limits(r: &Row<'_>, column: usize) -> rusqlite::Result<InboxLimits> {
    Ok(InboxLimits {
        sends_per_day: r.get(column)?,
        new_recipients_per_day: r.get(column + 1)?,
        receives_per_minute: r.get(column + 2)?,
        imap_sessions: r.get(column + 3)?,
    })
}
