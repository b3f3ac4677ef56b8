//! What keys and inboxes have used of budgets of a day, as rows: one for each that has used any,
//! which goes after its day. The budgets that every message draws from have columns of their own
//! (`counter.rs`).

use rusqlite::params;

use super::{Error, Store, int, uint};
use crate::call::{InboxId, KeyId, OrgId};

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DayCount {
    /// Messages that a key sends.
    KeySends(KeyId),
    /// Addresses outside that an inbox writes to for the first time in a while.
    NewRecipients(InboxId),
    /// Answers of rules that an inbox writes.
    AutoReplies(InboxId),
}

impl DayCount {
    fn key(self) -> (i64, i64) {
        match self {
            DayCount::KeySends(key) => (1, key.0),
            DayCount::NewRecipients(inbox) => (2, inbox.0),
            DayCount::AutoReplies(inbox) => (3, inbox.0),
        }
    }
}

impl Store {
    /// How much was used on a day.
    pub fn day_count(&self, what: DayCount, day: i64) -> Result<u64, Error> {
        let (kind, id) = what.key();
        let n = self.direct().one(
            "SELECT n FROM day_count WHERE kind = ?1 AND id = ?2 AND day = ?3",
            [kind, id, day],
            |r| r.get(0),
        )?;
        Ok(uint(n.unwrap_or(0)))
    }

    /// Uses `n` more on a day.
    pub fn count_in_day(&self, what: DayCount, day: i64, n: u64) -> Result<(), Error> {
        let (kind, id) = what.key();
        self.direct()
            .run(
                "INSERT INTO day_count (kind, id, day, n) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, id) DO UPDATE SET day = excluded.day,
                     n = CASE WHEN day = excluded.day THEN n ELSE 0 END + excluded.n",
                params![kind, id, day, int(n)],
            )
            .map(drop)
    }

    /// What an inbox and its organization have sent on a day, as it was committed.
    pub fn sent_on(&self, org: OrgId, inbox: InboxId, day: i64) -> Result<(u64, u64), Error> {
        let found = self.one(
            "SELECT CASE WHEN inbox.sent_day = ?3 THEN inbox.sent ELSE 0 END,
                    CASE WHEN org.sent_day = ?3 THEN org.sent ELSE 0 END
             FROM inbox JOIN org ON org.id = inbox.org WHERE inbox.id = ?2 AND org.id = ?1",
            [org.0, inbox.0, day],
            |r| Ok((uint(r.get(0)?), uint(r.get(1)?))),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Deletes counts of days before this one, at most `limit`; whether there may be more.
    pub fn trim_day_counts(&self, day: i64, limit: u32) -> Result<bool, Error> {
        let gone = self.direct().run(
            "DELETE FROM day_count WHERE (kind, id) IN
                 (SELECT kind, id FROM day_count WHERE day < ?1 LIMIT ?2)",
            [day, limit.into()],
        )?;
        Ok(gone as u64 == u64::from(limit))
    }
}
