//! Organizations and keys, as rows.
//!
//! It is not the access control: `service` decides which key may do what.

use rusqlite::{Row, params};

use super::outgoing::read_send_mode;
use super::quota::{KEY_BYTES, KEY_INBOX_BYTES, OrgDelta};
use super::{Error, Store, int, uint};
use crate::call::{BudgetsLeft, InboxId, KeyId, KeyRow, OrgId, OrgRow, Scopes, UsageRow};

/// A key as authentication needs it.
#[derive(Debug)]
pub struct StoredKey {
    /// Its id.
    pub id: KeyId,
    /// Its organization.
    pub org: OrgId,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// Whether it is bound to a set of inboxes.
    pub bound: bool,
    /// Whether it also covers the inboxes under those.
    pub subtree: bool,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds.
    pub revoked_at: Option<i64>,
}

impl Store {
    // ---- organizations ----

    /// A new organization; the first of all is the operator's.
    pub fn insert_org(&self, row: &OrgRow) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO meta (name, value) VALUES ('operator', ?1)",
            [row.id.0],
        )?;
        self.run(
            "INSERT INTO org (id, name, created_at) VALUES (?1, ?2, ?3)",
            params![row.id.0, row.name, row.created_at],
        )?;
        Ok(())
    }

    /// Organizations after an id, oldest first, for the operator, and whether each has ended.
    pub fn orgs(&self, after: OrgId, max: usize) -> Result<Vec<(OrgRow, bool)>, Error> {
        self.all(
            "SELECT id, name, created_at, send_mode, paused_at, retention_days,
                 EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)
             FROM org WHERE id > ?1 ORDER BY id LIMIT ?2",
            [after.0, int(max as u64)],
            |r| Ok((read_org(r)?, r.get(6)?)),
        )
    }

    /// One organization.
    pub fn org(&self, org: OrgId) -> Result<Option<OrgRow>, Error> {
        self.one(
            "SELECT id, name, created_at, send_mode, paused_at, retention_days FROM org
             WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)",
            [org.0],
            read_org,
        )
    }

    /// Whether there is any organization that has not ended.
    pub fn has_orgs(&self) -> Result<bool, Error> {
        let found = self.one(
            "SELECT 1 FROM org
             WHERE NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)
             LIMIT 1",
            [],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(found.is_some())
    }

    /// Whether there is an organization.
    pub fn has_org(&self, org: OrgId) -> Result<bool, Error> {
        Ok(self
            .one(
                "SELECT 1 FROM org WHERE id = ?1
                     AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)",
                [org.0],
                |_| Ok(()),
            )?
            .is_some())
    }

    /// Ends an organization. It is out of reach at once: no key of it logs in, no mail comes to it
    /// and its domains are free. [`Store::reclaim`] removes its rows later, its own row last. Its
    /// addresses stay taken.
    pub fn end_org(&self, org: OrgId) -> Result<(), Error> {
        self.run(
            "UPDATE domain SET verified_at = NULL WHERE org = ?1 AND verified_at IS NOT NULL",
            [org.0],
        )?;
        self.mark_org(org.0)
    }

    /// The organizations that have ended and have rows left.
    pub fn ended_orgs(&self) -> Result<Vec<OrgId>, Error> {
        self.all("SELECT id FROM doomed WHERE kind = 3", [], |r| {
            Ok(OrgId(r.get(0)?))
        })
    }

    /// Counters of an organization on the UTC day `day` (days since 1970).
    pub fn usage(&self, org: OrgId, day: i64) -> Result<Option<UsageRow>, Error> {
        self.one(
            "SELECT name, seq, CASE WHEN sent_day = ?2 THEN sent ELSE 0 END, inboxes, messages,
                    bytes, jobs, bytes + cost
             FROM org WHERE id = ?1",
            [org.0, day],
            |r| {
                Ok(UsageRow {
                    org_name: r.get(0)?,
                    head: uint(r.get(1)?),
                    sent_today: Some(uint(r.get(2)?)),
                    inboxes: uint(r.get(3)?),
                    messages: uint(r.get(4)?),
                    bytes: uint(r.get(5)?),
                    outbound: Some(uint(r.get(6)?)),
                    stored_bytes: Some(uint(r.get(7)?)),
                    addresses: None,
                    left: BudgetsLeft::default(),
                })
            },
        )
    }

    // ---- keys ----

    /// A new key. `row.public` is the public id alone, here and in every row that is read.
    /// Errors: the public id is taken, which does not happen with random ids.
    pub fn insert_key(&self, org: OrgId, row: &KeyRow, hash: &[u8; 32]) -> Result<(), Error> {
        self.run(
            "INSERT INTO key (id, org, public, hash, label, scopes, bound, subtree, created_at,
                              expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                row.id.0,
                org.0,
                row.public,
                hash,
                row.label,
                row.scopes.0,
                row.inboxes.is_some(),
                row.subtree,
                row.created_at,
                row.expires_at,
            ],
        )?;
        for inbox in row.inboxes.iter().flatten() {
            self.run(
                "INSERT INTO key_inbox (key, inbox) VALUES (?1, ?2)",
                [row.id.0, inbox.0],
            )?;
        }
        let bound = row.inboxes.as_ref().map_or(0, Vec::len) as i64;
        self.count_org(
            org,
            &OrgDelta {
                keys: 1,
                cost: KEY_BYTES + bound * KEY_INBOX_BYTES,
                ..OrgDelta::default()
            },
        )
    }

    /// The key with this public id, of any organization: the public id names the key.
    pub fn key_by_public(&self, public: &str) -> Result<Option<StoredKey>, Error> {
        self.one(
            "SELECT id, org, hash, scopes, bound, subtree, expires_at, revoked_at FROM key
             WHERE public = ?1
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = key.org)",
            [public],
            |r| {
                Ok(StoredKey {
                    id: KeyId(r.get(0)?),
                    org: OrgId(r.get(1)?),
                    hash: r.get(2)?,
                    scopes: Scopes(r.get(3)?),
                    bound: r.get(4)?,
                    subtree: r.get(5)?,
                    expires_at: r.get(6)?,
                    revoked_at: r.get(7)?,
                })
            },
        )
    }

    /// The inboxes that a key is bound to, sorted.
    pub fn key_inboxes(&self, key: KeyId) -> Result<Vec<InboxId>, Error> {
        self.all(
            "SELECT inbox FROM key_inbox WHERE key = ?1 ORDER BY inbox",
            [key.0],
            |r| Ok(InboxId(r.get(0)?)),
        )
    }

    /// A page of the keys of an organization after `after`, oldest first.
    pub fn keys(&self, org: OrgId, after: KeyId, limit: usize) -> Result<Vec<KeyRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.all(
            "SELECT id, public, label, scopes, bound, subtree, created_at, expires_at, revoked_at
             FROM key WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            [org.0, after.0, limit],
            read_key,
        )?;
        rows.into_iter()
            .map(|(row, bound)| self.with_inboxes(row, bound))
            .collect()
    }

    /// One key of an organization.
    pub fn key(&self, org: OrgId, key: KeyId) -> Result<Option<KeyRow>, Error> {
        let row = self.one(
            "SELECT id, public, label, scopes, bound, subtree, created_at, expires_at, revoked_at
             FROM key WHERE org = ?1 AND id = ?2",
            [org.0, key.0],
            read_key,
        )?;
        row.map(|(row, bound)| self.with_inboxes(row, bound))
            .transpose()
    }

    fn with_inboxes(&self, mut row: KeyRow, bound: bool) -> Result<KeyRow, Error> {
        if bound {
            row.inboxes = Some(self.key_inboxes(row.id)?);
        }
        Ok(row)
    }

    /// Revokes a key; whether it was valid before.
    pub fn revoke_key(&self, org: OrgId, key: KeyId, at: i64) -> Result<bool, Error> {
        let revoked = self.run(
            "UPDATE key SET revoked_at = ?3 WHERE org = ?1 AND id = ?2 AND revoked_at IS NULL",
            [org.0, key.0, at],
        )?;
        if revoked > 0 {
            let delta = OrgDelta {
                keys: -1,
                ..OrgDelta::default()
            };
            self.count_org(org, &delta)?;
        }
        Ok(revoked > 0)
    }

    /// Removes keys that were revoked before `before` (unix ms), at most about `rows` rows of
    /// them; whether there may be more. To a login such a key is as unknown as before.
    pub fn trim_keys(&self, before: i64, rows: usize) -> Result<bool, Error> {
        let mut left = rows;
        while left > 0 {
            let next = self.one(
                "SELECT id, org FROM key WHERE revoked_at <= ?1 ORDER BY revoked_at LIMIT 1",
                [before],
                |r| Ok((r.get::<_, i64>(0)?, OrgId(r.get(1)?))),
            )?;
            let Some((key, org)) = next else {
                return Ok(false);
            };
            left -= self.remove_key(key, org, left)?;
        }
        Ok(true)
    }

    /// Deletes a key that was never shown, if it is there.
    pub fn delete_key(&self, org: OrgId, key: KeyId) -> Result<(), Error> {
        if self.key(org, key)?.is_some() {
            while self.remove_key(key.0, org, KEY_ROWS)? == KEY_ROWS {}
        }
        Ok(())
    }

    /// Removes up to `rows` rows of a key, itself last; how many.
    pub(super) fn remove_key(&self, key: i64, org: OrgId, rows: usize) -> Result<usize, Error> {
        let unbound = self.run(
            "DELETE FROM key_inbox WHERE key = ?1 AND inbox IN
                 (SELECT inbox FROM key_inbox WHERE key = ?1 LIMIT ?2)",
            [key, rows as i64],
        )?;
        let mut cost = unbound as i64 * KEY_INBOX_BYTES;
        let mut live = 0;
        let is_last = unbound < rows;
        if is_last {
            let was_live = self.one(
                "DELETE FROM key WHERE id = ?1 RETURNING revoked_at IS NULL",
                [key],
                |r| r.get::<_, bool>(0),
            )?;
            live = i64::from(was_live == Some(true));
            cost += KEY_BYTES;
        }
        let delta = OrgDelta {
            keys: -live,
            cost: -cost,
            ..OrgDelta::default()
        };
        self.count_org(org, &delta)?;
        Ok(unbound + usize::from(is_last))
    }
}

/// Rows of a key that one statement removes.
const KEY_ROWS: usize = 1000;

fn read_key(r: &Row<'_>) -> rusqlite::Result<(KeyRow, bool)> {
    let row = KeyRow {
        id: KeyId(r.get(0)?),
        public: r.get(1)?,
        label: r.get(2)?,
        scopes: Scopes(r.get(3)?),
        inboxes: None,
        subtree: r.get(5)?,
        created_at: r.get(6)?,
        expires_at: r.get(7)?,
        revoked_at: r.get(8)?,
    };
    Ok((row, r.get(4)?))
}

fn read_org(r: &Row<'_>) -> rusqlite::Result<OrgRow> {
    Ok(OrgRow {
        id: OrgId(r.get(0)?),
        name: r.get(1)?,
        created_at: r.get(2)?,
        send_mode: read_send_mode(r, 3)?,
        paused_at: r.get(4)?,
        retention_days: r.get(5)?,
    })
}
