//! Inboxes, their addresses and their tree. The row of an address stays when its inbox is
//! deleted, so that the address is never given to another organization.

use rusqlite::{Row, params};

use super::{Error, Store, format, uint};
use crate::call::{DomainId, InboxId, InboxPath, InboxRow, OrgId};

/// Where mail for an address goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// Its organization.
    pub org: OrgId,
    /// The inbox.
    pub inbox: InboxId,
    /// Octets that it stores already.
    pub bytes: u64,
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
                                client_id, metadata, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
            ],
        )?;
        self.run(
            "INSERT INTO address (canonical, org, inbox) VALUES (?1, ?2, ?3)
             ON CONFLICT (canonical) DO UPDATE SET inbox = excluded.inbox",
            params![canonical, org.0, row.id.0],
        )?;
        Ok(())
    }

    /// The organization that has or had an address, and the inbox if there is one.
    pub fn address_owner(
        &self,
        canonical: &str,
    ) -> Result<Option<(OrgId, Option<InboxId>)>, Error> {
        self.one(
            "SELECT org, inbox FROM address WHERE canonical = ?1",
            [canonical],
            |r| Ok((OrgId(r.get(0)?), r.get::<_, Option<i64>>(1)?.map(InboxId))),
        )
    }

    /// The inbox that receives mail for an address, of any organization.
    pub fn destination(&self, canonical: &str) -> Result<Option<Destination>, Error> {
        self.one(
            "SELECT inbox.org, inbox.id, inbox.bytes
             FROM address JOIN inbox ON inbox.id = address.inbox WHERE canonical = ?1",
            [canonical],
            read_destination,
        )
    }

    /// The oldest inbox of the operator's organization; `None` after that organization was
    /// deleted.
    pub fn operator_inbox(&self) -> Result<Option<Destination>, Error> {
        self.one(
            "SELECT org, id, bytes FROM inbox
             WHERE org = (SELECT value FROM meta WHERE name = 'operator') ORDER BY id LIMIT 1",
            [],
            read_destination,
        )
    }

    /// One inbox of an organization.
    pub fn inbox(&self, org: OrgId, inbox: InboxId) -> Result<Option<InboxRow>, Error> {
        self.one(
            "SELECT id, address, display_name, parent, client_id, metadata, created_at, bytes,
                    messages
             FROM inbox WHERE org = ?1 AND id = ?2",
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
                "SELECT id, address, display_name, parent, client_id, metadata, created_at, bytes,
                        messages
                 FROM inbox WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                [org.0, after.0, limit],
                read_inbox,
            ),
            Some(parent) => self.all(
                "SELECT id, address, display_name, parent, client_id, metadata, created_at, bytes,
                        messages
                 FROM inbox WHERE parent = ?4 AND org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                [org.0, after.0, limit, parent.0],
                read_inbox,
            ),
        }
    }

    /// How many inboxes an organization has.
    pub fn inboxes_len(&self, org: OrgId) -> Result<u64, Error> {
        let n = self.one("SELECT count(*) FROM inbox WHERE org = ?1", [org.0], |r| {
            r.get(0)
        })?;
        Ok(uint(n.unwrap_or(0)))
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
            "SELECT address, ancestors FROM inbox WHERE org = ?1 AND id = ?2",
            [org.0, inbox.0],
            |r| Ok((r.get(0)?, r.get::<_, Vec<u8>>(1)?)),
        )?;
        row.map(|(address, ancestors)| {
            Ok(InboxPath {
                id: inbox,
                address,
                ancestors: format::decode_ancestors(&ancestors)?,
            })
        })
        .transpose()
    }

    /// The ids of the inboxes right under one.
    pub fn inbox_children(&self, org: OrgId, parent: InboxId) -> Result<Vec<InboxId>, Error> {
        self.all(
            "SELECT id FROM inbox WHERE parent = ?2 AND org = ?1 ORDER BY id",
            [org.0, parent.0],
            |r| Ok(InboxId(r.get(0)?)),
        )
    }

    /// Changes the fields that a client may change.
    pub fn update_inbox(&self, org: OrgId, row: &InboxRow) -> Result<(), Error> {
        self.run(
            "UPDATE inbox SET display_name = ?3, parent = ?4, metadata = ?5
             WHERE org = ?1 AND id = ?2",
            params![
                org.0,
                row.id.0,
                row.display_name,
                row.parent.map(|p| p.0),
                row.metadata,
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

    /// Removes an inbox and all in it. Its address (`canonical`) stays taken, and its recipients
    /// outside stay queued. [`Store::reclaim`] removes the rows of its messages later.
    pub fn delete_inbox(&self, org: OrgId, inbox: InboxId, canonical: &str) -> Result<(), Error> {
        for (mailbox, _) in self.mailboxes(org, inbox)? {
            self.mark_mailbox(mailbox.id.0)?;
        }
        self.mark_inbox(inbox.0)?;
        for sql in [
            "DELETE FROM mailbox WHERE inbox = ?2 AND org = ?1",
            "DELETE FROM key_inbox WHERE inbox = ?2 AND (SELECT org FROM key WHERE id = key_inbox.key) = ?1",
        ] {
            self.run(sql, [org.0, inbox.0])?;
        }
        self.run(
            "UPDATE address SET inbox = NULL WHERE canonical = ?3 AND inbox = ?2 AND org = ?1",
            params![org.0, inbox.0, canonical],
        )?;
        self.run("DELETE FROM subscription WHERE inbox = ?1", [inbox.0])?;
        self.run(
            "DELETE FROM inbox WHERE id = ?2 AND org = ?1",
            [org.0, inbox.0],
        )?;
        Ok(())
    }
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
    })
}

fn read_destination(r: &Row<'_>) -> rusqlite::Result<Destination> {
    Ok(Destination {
        org: OrgId(r.get(0)?),
        inbox: InboxId(r.get(1)?),
        bytes: uint(r.get(2)?),
    })
}
