//! The DKIM keys of domains, as rows: a secret key, its selector, and the text of its record. Not
//! how a key signs (`mail/auth/dkim`), and not when it may: `service` says that.
//!
//! The shared domain has no row in `domain`; its keys have the domain 0.

use rusqlite::{Row, params};

use super::{Error, Store};
use crate::call::DomainId;

/// The keys of the shared domain.
pub const SHARED_DOMAIN_ID: DomainId = DomainId(0);

/// What a key is used for now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DkimKeyState {
    /// Its record is to be published; nothing is signed with it before it has been seen.
    Waiting,
    /// It signs.
    Active,
    /// It signs no more; its record stays until mail under way is delivered.
    Retiring,
}

impl DkimKeyState {
    const fn number(self) -> i64 {
        match self {
            DkimKeyState::Waiting => 0,
            DkimKeyState::Active => 1,
            DkimKeyState::Retiring => 2,
        }
    }

    fn of(number: i64) -> Option<DkimKeyState> {
        [Self::Waiting, Self::Active, Self::Retiring]
            .into_iter()
            .find(|state| state.number() == number)
    }
}

/// A key of a domain.
#[derive(Clone, PartialEq, Eq)]
pub struct DkimKeyRow {
    /// The name before `._domainkey.`.
    pub selector: String,
    /// The secret key (`crypto::SigningKey::to_stored`).
    pub secret: Vec<u8>,
    /// The text of its record: `v=DKIM1; k=…; p=…`.
    pub record: String,
    /// What it is used for.
    pub state: DkimKeyState,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When a retiring key goes, in unix milliseconds.
    pub ends_at: Option<i64>,
}

impl core::fmt::Debug for DkimKeyRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DkimKeyRow({}, {:?}, ..)", self.selector, self.state)
    }
}

impl Store {
    /// A new key of a domain.
    pub fn insert_dkim_key(&self, domain: DomainId, key: &DkimKeyRow) -> Result<(), Error> {
        self.run(
            "INSERT INTO dkim (domain, selector, secret, record, state, created_at, ends_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                domain.0,
                key.selector,
                key.secret,
                key.record,
                key.state.number(),
                key.created_at,
                key.ends_at
            ],
        )?;
        Ok(())
    }

    /// The keys of a domain: those that sign first, then those that wait, then those that retire.
    pub fn dkim_keys(&self, domain: DomainId) -> Result<Vec<DkimKeyRow>, Error> {
        self.all(
            "SELECT selector, secret, record, state, created_at, ends_at FROM dkim
             WHERE domain = ?1 ORDER BY state = 2, state = 0, created_at, selector DESC",
            [domain.0],
            read_key,
        )
    }

    /// Has the keys that wait sign from now on, and those that signed retire until `ends_at`.
    pub fn turn_dkim_keys(&self, domain: DomainId, ends_at: i64) -> Result<(), Error> {
        self.run(
            "UPDATE dkim SET state = 2, ends_at = ?2 WHERE domain = ?1 AND state = 1",
            [domain.0, ends_at],
        )?;
        self.run(
            "UPDATE dkim SET state = 1 WHERE domain = ?1 AND state = 0",
            [domain.0],
        )?;
        Ok(())
    }

    /// Removes the keys of a domain that wait: others take their place.
    pub fn delete_waiting_dkim_keys(&self, domain: DomainId) -> Result<(), Error> {
        self.run(
            "DELETE FROM dkim WHERE domain = ?1 AND state = 0",
            [domain.0],
        )?;
        Ok(())
    }

    /// Removes all keys of a domain.
    pub fn delete_dkim_keys(&self, domain: DomainId) -> Result<(), Error> {
        self.run("DELETE FROM dkim WHERE domain = ?1", [domain.0])?;
        Ok(())
    }

    /// Removes retiring keys whose time is over.
    pub fn delete_ended_dkim_keys(&self, now_ms: i64) -> Result<(), Error> {
        self.run("DELETE FROM dkim WHERE ends_at <= ?1", [now_ms])?;
        Ok(())
    }
}

fn read_key(r: &Row<'_>) -> rusqlite::Result<DkimKeyRow> {
    Ok(DkimKeyRow {
        selector: r.get(0)?,
        secret: r.get(1)?,
        record: r.get(2)?,
        state: DkimKeyState::of(r.get(3)?).ok_or(rusqlite::Error::InvalidQuery)?,
        created_at: r.get(4)?,
        ends_at: r.get(5)?,
    })
}
