//! What was imported into an inbox, as rows: the ids that importers give to messages, so that an
//! import that is repeated stores no message twice.
//!
//! It reads no message. The rule: a row stays until its inbox ends, whatever becomes of the
//! message: one that was moved, or deleted, does not come again.

use rusqlite::params;

use super::quota::IMPORTED_BYTES;
use super::{Error, Store};
use crate::call::{ImportId, InboxId, OrgId};

impl Store {
    /// Notes that a message is imported into an inbox; `false` when it was there already.
    pub fn note_import(&self, org: OrgId, inbox: InboxId, id: &ImportId) -> Result<bool, Error> {
        let rows = self.direct().run(
            "INSERT OR IGNORE INTO imported (inbox, id, org) VALUES (?1, ?2, ?3)",
            params![inbox.0, id.0, org.0],
        )?;
        if rows == 0 {
            return Ok(false);
        }
        self.count_org_cost(org, IMPORTED_BYTES)?;
        Ok(true)
    }

    /// Whether a message was imported into an inbox.
    pub fn is_imported(&self, inbox: InboxId, id: &ImportId) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT 1 FROM imported WHERE inbox = ?1 AND id = ?2",
            params![inbox.0, id.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Forgets up to `rows` imports of an inbox that has ended. Gives how many those were.
    pub(super) fn forget_imports(&self, inbox: i64, rows: i64) -> Result<i64, Error> {
        let orgs = self.direct().all(
            "DELETE FROM imported WHERE inbox = ?1 AND id IN
                 (SELECT id FROM imported WHERE inbox = ?1 LIMIT ?2) RETURNING org",
            [inbox, rows],
            |r| r.get::<_, i64>(0),
        )?;
        for org in &orgs {
            self.count_org_cost(OrgId(*org), -IMPORTED_BYTES)?;
        }
        Ok(orgs.len() as i64)
    }
}
