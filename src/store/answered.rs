//! Senders that a rule has answered, as rows: until when each gets no other answer of an inbox.

use rusqlite::params;

use super::{Error, Store};
use crate::call::{InboxId, OrgId};

impl Store {
    /// Until when a sender gets no other answer of an inbox, unix milliseconds.
    pub fn answered_until(&self, inbox: InboxId, canonical: &str) -> Result<Option<i64>, Error> {
        self.direct().one(
            "SELECT expires_at FROM answered WHERE inbox = ?1 AND address = ?2",
            params![inbox.0, canonical],
            |r| r.get(0),
        )
    }

    /// A sender is answered.
    pub fn set_answered(
        &self,
        (org, inbox): (OrgId, InboxId),
        canonical: &str,
        expires_at: i64,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO answered (inbox, address, org, expires_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (inbox, address) DO UPDATE SET expires_at = excluded.expires_at",
            params![inbox.0, canonical, org.0, expires_at],
        )?;
        Ok(())
    }

    /// Removes rows whose time is over, at most `limit`; whether there may be more.
    pub fn trim_answered(&self, before: i64, limit: u32) -> Result<bool, Error> {
        let gone = self.direct().run(
            "DELETE FROM answered WHERE (inbox, address) IN
                 (SELECT inbox, address FROM answered WHERE expires_at < ?1 LIMIT ?2)",
            [before, limit.into()],
        )?;
        Ok(gone as u64 == u64::from(limit))
    }

    /// Removes rows of an inbox that is gone, at most `limit`; how many.
    pub(super) fn reclaim_answered(&self, inbox: InboxId, limit: i64) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM answered WHERE inbox = ?1 AND address IN
                 (SELECT address FROM answered WHERE inbox = ?1 LIMIT ?2)",
            [inbox.0, limit],
        )
    }
}
