//! Domains, as rows. Several organizations may name the same domain; at most one of them has proven
//! it, and only that row makes mail for the domain local (DECISIONS.md, "Domains").
//!
//! It is not the rule of who may name or prove a domain: `service` has it.

use rusqlite::{Row, params};

use super::inbox::{Destination, read_destination};
use super::{Error, Store};
use crate::call::{DomainId, DomainRow, InboxId, OrgId};

impl Store {
    /// A new domain. The caller has checked that a row with `verified_at` is the only one of its
    /// name.
    pub fn insert_domain(&self, org: OrgId, row: &DomainRow) -> Result<(), Error> {
        self.run(
            "INSERT INTO domain (id, org, name, token, verified_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.id.0,
                org.0,
                row.name,
                row.token,
                row.verified_at,
                row.created_at
            ],
        )?;
        Ok(())
    }

    /// The organization that has proven this domain. Mail for the domain is local for every sender.
    pub fn proven_domain(&self, name: &str) -> Result<Option<(OrgId, DomainId)>, Error> {
        self.one(
            "SELECT org, id FROM domain WHERE name = ?1 AND verified_at IS NOT NULL",
            [name],
            |r| Ok((OrgId(r.get(0)?), DomainId(r.get(1)?))),
        )
    }

    /// The domain of this name as an organization has named it, proven or not.
    pub fn domain_named(&self, org: OrgId, name: &str) -> Result<Option<DomainRow>, Error> {
        self.one(
            "SELECT id, name, token, verified_at, created_at, catch_all FROM domain
             WHERE org = ?1 AND name = ?2",
            params![org.0, name],
            read_domain,
        )
    }

    /// One domain of an organization.
    pub fn domain(&self, org: OrgId, id: DomainId) -> Result<Option<DomainRow>, Error> {
        self.one(
            "SELECT id, name, token, verified_at, created_at, catch_all FROM domain
             WHERE org = ?1 AND id = ?2",
            [org.0, id.0],
            read_domain,
        )
    }

    /// Up to two organizations that have named a domain: for the operator, who wants to know
    /// whether there is only one.
    pub fn domain_orgs(&self, name: &str) -> Result<Vec<OrgId>, Error> {
        self.all(
            "SELECT org FROM domain WHERE name = ?1
                 AND org NOT IN (SELECT id FROM doomed WHERE kind = 3)
             ORDER BY id LIMIT 2",
            [name],
            |r| Ok(OrgId(r.get(0)?)),
        )
    }

    /// The organization of a domain, by the id of the domain.
    pub fn domain_org(&self, id: DomainId) -> Result<Option<OrgId>, Error> {
        self.one(
            "SELECT org FROM domain WHERE id = ?1
                 AND org NOT IN (SELECT id FROM doomed WHERE kind = 3)",
            [id.0],
            |r| Ok(OrgId(r.get(0)?)),
        )
    }

    /// The domains of an organization. Their number is bounded by a limit of the product.
    pub fn domains(&self, org: OrgId) -> Result<Vec<DomainRow>, Error> {
        self.all(
            "SELECT id, name, token, verified_at, created_at, catch_all FROM domain
             WHERE org = ?1 ORDER BY id",
            [org.0],
            read_domain,
        )
    }

    /// The names of up to `limit` proven domains of an organization.
    pub fn proven_domains(&self, org: OrgId, limit: u32) -> Result<Vec<String>, Error> {
        self.direct().all(
            "SELECT name FROM domain WHERE org = ?1 AND verified_at IS NOT NULL LIMIT ?2",
            [org.0, limit.into()],
            |r| r.get(0),
        )
    }

    /// Marks a domain as proven, and every other row of its name as waiting.
    pub fn prove_domain(&self, row: &DomainRow, at: i64) -> Result<(), Error> {
        self.run(
            "UPDATE domain SET verified_at = NULL
             WHERE name = ?1 AND verified_at IS NOT NULL AND id <> ?2",
            params![row.name, row.id.0],
        )?;
        self.run(
            "UPDATE domain SET verified_at = ?2 WHERE id = ?1 AND verified_at IS NULL",
            [row.id.0, at],
        )?;
        Ok(())
    }

    /// Names the inbox that gets mail for names at a domain that no inbox has.
    pub fn set_catch_all(
        &self,
        org: OrgId,
        domain: DomainId,
        inbox: Option<InboxId>,
    ) -> Result<(), Error> {
        self.run(
            "UPDATE domain SET catch_all = ?3 WHERE org = ?1 AND id = ?2",
            params![org.0, domain.0, inbox.map(|inbox| inbox.0)],
        )?;
        Ok(())
    }

    /// The inbox that gets mail for names at a proven domain that no inbox has. It gets none while
    /// the domain of its own address waits for a proof.
    pub fn catch_all(&self, name: &str) -> Result<Option<Destination>, Error> {
        self.one(
            "SELECT inbox.org, inbox.id, inbox.bytes + inbox.cost, org.bytes + org.cost,
                 (SELECT messages FROM mailbox WHERE mailbox.inbox = inbox.id AND name = 'INBOX'),
                 inbox.receive_default, inbox.quota_bytes, inbox.sends_per_day,
                 inbox.receives_per_minute
             FROM domain JOIN inbox ON inbox.id = domain.catch_all AND inbox.org = domain.org
                  JOIN org ON org.id = inbox.org
                  LEFT JOIN domain own ON own.id = inbox.domain
             WHERE domain.name = ?1 AND domain.verified_at IS NOT NULL
                 AND (inbox.domain IS NULL OR own.verified_at IS NOT NULL)
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = inbox.org)",
            [name],
            read_destination,
        )
    }

    /// Whether any inbox has an address in the domain.
    pub fn is_domain_used(&self, org: OrgId, domain: DomainId) -> Result<bool, Error> {
        Ok(self
            .one(
                "SELECT 1 FROM inbox WHERE domain = ?2 AND +org = ?1 LIMIT 1",
                [org.0, domain.0],
                |_| Ok(()),
            )?
            .is_some())
    }

    /// Up to a hundred domains that wait for a proof and have inboxes, with their organizations.
    pub fn waiting_domains_in_use(&self) -> Result<Vec<(OrgId, String)>, Error> {
        self.all(
            "SELECT domain.org, domain.name FROM domain
             WHERE domain.verified_at IS NULL
                 AND EXISTS (SELECT 1 FROM inbox WHERE inbox.domain = domain.id)
                 AND domain.org NOT IN (SELECT id FROM doomed WHERE kind = 3)
             ORDER BY domain.id LIMIT 100",
            [],
            |r| Ok((OrgId(r.get(0)?), r.get(1)?)),
        )
    }

    /// Removes a domain; whether it was there.
    pub fn delete_domain(&self, org: OrgId, domain: DomainId) -> Result<bool, Error> {
        Ok(self.run(
            "DELETE FROM domain WHERE org = ?1 AND id = ?2",
            [org.0, domain.0],
        )? > 0)
    }
}

fn read_domain(r: &Row<'_>) -> rusqlite::Result<DomainRow> {
    Ok(DomainRow {
        id: DomainId(r.get(0)?),
        name: r.get(1)?,
        token: r.get(2)?,
        verified_at: r.get(3)?,
        created_at: r.get(4)?,
        catch_all: r.get::<_, Option<i64>>(5)?.map(InboxId),
    })
}
