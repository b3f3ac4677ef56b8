//! Policy of sending, as rows: the mode of an inbox and of its organization, and whether the
//! organization is paused.
//!
//! It decides nothing: `service/outgoing/` does.

use rusqlite::{Row, params};

use super::{Error, Store};
use crate::call::{InboxId, OrgId, OrgRow, SendMode};

/// What is set for the mail of an inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SenderPolicy {
    /// The stricter of the modes of the inbox and of its organization.
    pub mode: SendMode,
    /// The organization is paused.
    pub is_paused: bool,
    /// The domain of the inbox, when it waits for a proof.
    pub waiting_domain: Option<String>,
}

impl Store {
    /// What is set for the mail of an inbox of an organization. No counter is read, so the held
    /// ones need not be written first.
    pub fn sender_policy(&self, org: OrgId, inbox: InboxId) -> Result<Option<SenderPolicy>, Error> {
        self.direct().one(
            "SELECT max(inbox.send_mode, org.send_mode), org.paused_at IS NOT NULL, domain.name
             FROM inbox JOIN org ON org.id = inbox.org
                  LEFT JOIN domain ON domain.id = inbox.domain AND domain.verified_at IS NULL
             WHERE inbox.id = ?1 AND inbox.org = ?2",
            [inbox.0, org.0],
            |r| {
                Ok(SenderPolicy {
                    mode: read_send_mode(r, 0)?,
                    is_paused: r.get(1)?,
                    waiting_domain: r.get(2)?,
                })
            },
        )
    }

    /// Whether an organization is paused.
    pub fn is_paused(&self, org: OrgId) -> Result<bool, Error> {
        let paused = self.direct().one(
            "SELECT paused_at IS NOT NULL FROM org WHERE id = ?1",
            [org.0],
            |r| r.get(0),
        )?;
        Ok(paused.unwrap_or(false))
    }

    /// Sets the mode, the pause and the retention of an organization.
    pub fn set_org_policy(&self, row: &OrgRow) -> Result<(), Error> {
        self.run(
            "UPDATE org SET send_mode = ?2, paused_at = ?3, retention_days = ?4 WHERE id = ?1",
            params![
                row.id.0,
                send_mode_number(row.send_mode),
                row.paused_at,
                row.retention_days
            ],
        )?;
        Ok(())
    }
}

/// The number of a mode in its column.
pub(super) fn send_mode_number(mode: SendMode) -> i64 {
    match mode {
        SendMode::Direct => 0,
        SendMode::Hold => 1,
        SendMode::Draft => 2,
        SendMode::Off => 3,
    }
}

/// Reads a mode. A number that this program does not know is read as the strictest mode; `verify`
/// reports it.
pub(super) fn read_send_mode(r: &Row<'_>, column: usize) -> rusqlite::Result<SendMode> {
    Ok(match r.get::<_, i64>(column)? {
        0 => SendMode::Direct,
        1 => SendMode::Hold,
        2 => SendMode::Draft,
        _ => SendMode::Off,
    })
}
