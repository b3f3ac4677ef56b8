//! What each inbox and each organization has done on each day: messages sent and received,
//! requests, events, and what they stored at its end.
//!
//! Counts are taken while a call is carried out, in memory, and written once for the group at its
//! commit: one row for each inbox and organization that it touches. The rule: **a savepoint that is
//! rolled back takes its counts back**, as those of `counter.rs`. Requests over HTTP are counted by
//! the workers and come here now and then; a crash loses those of the last minute.

use std::collections::BTreeMap;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::row_sum::row_sum;
use super::{Error, Store, int, uint};
use crate::call::{Arrival, Change, InboxId, OrgId, UsageDay};

/// The inbox that stands for its whole organization.
const WHOLE: InboxId = InboxId(0);

/// What is added to a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct UsageDelta {
    pub sent: u64,
    pub received: u64,
    pub requests: u64,
    pub events: u64,
}

type UsageKey = (InboxId, OrgId, i64);

/// A row: sent, received, requests, events, and what is stored.
type StoredDay = [i64; 5];

/// Counts that are not written yet.
#[derive(Debug, Default)]
pub(super) struct UsageCounts {
    days: BTreeMap<UsageKey, UsageDelta>,
    /// What the open call has added.
    past: Vec<(UsageKey, UsageDelta)>,
    in_savepoint: bool,
    /// Rows as they were written last, so that the next group reads none of them.
    held: BTreeMap<UsageKey, StoredDay>,
}

impl UsageDelta {
    fn add(&mut self, other: &UsageDelta) {
        self.sent += other.sent;
        self.received += other.received;
        self.requests += other.requests;
        self.events += other.events;
    }

    fn take_back(&mut self, other: &UsageDelta) {
        self.sent = self.sent.saturating_sub(other.sent);
        self.received = self.received.saturating_sub(other.received);
        self.requests = self.requests.saturating_sub(other.requests);
        self.events = self.events.saturating_sub(other.events);
    }
}

impl UsageCounts {
    pub(super) fn savepoint(&mut self) {
        self.in_savepoint = true;
        self.past.clear();
    }

    pub(super) fn release(&mut self) {
        self.in_savepoint = false;
        self.past.clear();
    }

    pub(super) fn rollback_to(&mut self) {
        for (key, delta) in self.past.drain(..) {
            if let Some(day) = self.days.get_mut(&key) {
                day.take_back(&delta);
            }
        }
        self.in_savepoint = false;
    }

    /// The transaction begins, or has ended with its counts on disk.
    pub(super) fn clear(&mut self) {
        self.days.clear();
        self.release();
    }

    /// The transaction is undone.
    pub(super) fn rollback(&mut self) {
        self.held.clear();
        self.clear();
    }

    /// A row as it was written last; `None` when that is not known.
    fn held(&self, key: &UsageKey) -> Option<StoredDay> {
        self.held.get(key).copied()
    }

    fn hold(&mut self, key: UsageKey, row: StoredDay) {
        if self.held.len() >= HELD_MAX {
            self.held.clear();
        }
        self.held.insert(key, row);
    }

    fn add(&mut self, key: UsageKey, delta: &UsageDelta) {
        self.days.entry(key).or_default().add(delta);
        if self.in_savepoint {
            self.past.push((key, *delta));
        }
    }
}

impl Store {
    /// Counts what an inbox, or none, has done on a day, also for its organization.
    pub(super) fn count_usage(
        &self,
        (org, inbox): (OrgId, Option<InboxId>),
        day: i64,
        delta: &UsageDelta,
    ) -> Result<(), Error> {
        {
            let mut counts = self.usage.borrow_mut();
            counts.add((WHOLE, org, day), delta);
            if let Some(inbox) = inbox {
                counts.add((inbox, org, day), delta);
            }
        }
        match self.open.get() {
            true => Ok(()),
            false => {
                self.write_usage()?;
                // Outside a transaction no row is held for longer than the call.
                self.write_counters()
            }
        }
    }

    /// Counts a row of the log, and the message that it tells of.
    pub(super) fn count_event(
        &self,
        (org, inbox): (OrgId, Option<InboxId>),
        at: i64,
        change: &Change,
    ) -> Result<(), Error> {
        let is_received =
            matches!(change, Change::Arrived(arrived) if arrived.kind == Arrival::Received);
        let delta = UsageDelta {
            received: u64::from(is_received),
            events: 1,
            ..UsageDelta::default()
        };
        self.count_usage((org, inbox), at.div_euclid(DAY_MS), &delta)
    }

    /// Counts requests over HTTP of an organization.
    pub fn count_requests(&self, org: OrgId, day: i64, n: u64) -> Result<(), Error> {
        let delta = UsageDelta {
            requests: n,
            ..UsageDelta::default()
        };
        self.count_usage((org, None), day, &delta)
    }

    /// Writes the counts of the group. An inbox or an organization that is gone by now has none.
    pub(super) fn write_usage(&self) -> Result<(), Error> {
        let days = core::mem::take(&mut self.usage.borrow_mut().days);
        for (key, delta) in days {
            if delta == UsageDelta::default() {
                continue;
            }
            let (inbox, org, _) = key;
            let stored = match inbox {
                WHOLE => self.stored_of_org(org)?,
                inbox => self.stored_of_inbox(inbox)?,
            };
            let Some(stored) = stored else { continue };
            let held = self.usage.borrow().held(&key);
            let known = match held {
                Some(row) => Some(row),
                None => self.usage_row(key)?,
            };
            let row = self.write_usage_row(key, known, (&delta, stored))?;
            self.usage.borrow_mut().hold(key, row);
        }
        Ok(())
    }

    fn usage_row(&self, (inbox, org, day): UsageKey) -> Result<Option<StoredDay>, Error> {
        self.direct().one(
            "SELECT sent, received, requests, events, stored_bytes FROM usage_day
             WHERE inbox = ?1 AND org = ?2 AND day = ?3",
            [inbox.0, org.0, day],
            |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?]),
        )
    }

    fn write_usage_row(
        &self,
        (inbox, org, day): UsageKey,
        known: Option<StoredDay>,
        (delta, stored): (&UsageDelta, i64),
    ) -> Result<StoredDay, Error> {
        let [sent, received, requests, events, _] = known.unwrap_or_default();
        let row = [
            sent.saturating_add(int(delta.sent)),
            received.saturating_add(int(delta.received)),
            requests.saturating_add(int(delta.requests)),
            events.saturating_add(int(delta.events)),
            stored,
        ];
        let [sent, received, requests, events, stored] = row;
        let values = [
            inbox.0, org.0, day, sent, received, requests, events, stored,
        ];
        let sum = row_sum(&values.map(ValueRef::Integer));
        let [inbox, org, day, ..] = values;
        let sql = match known {
            Some(_) => {
                "UPDATE usage_day SET sent = ?4, received = ?5, requests = ?6, events = ?7,
                     stored_bytes = ?8, sum = ?9
                 WHERE inbox = ?1 AND org = ?2 AND day = ?3"
            }
            None => {
                "INSERT INTO usage_day (inbox, org, day, sent, received, requests, events,
                                        stored_bytes, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            }
        };
        self.direct().run(
            sql,
            [
                inbox, org, day, sent, received, requests, events, stored, sum,
            ],
        )?;
        Ok(row)
    }

    /// The days of an inbox, or without one of its organization, from a day to another, the newest
    /// first. A day on which nothing was done has none.
    pub fn usage_days(
        &self,
        org: OrgId,
        inbox: Option<InboxId>,
        (first, last): (i64, i64),
    ) -> Result<Vec<UsageDay>, Error> {
        self.direct().all(
            "SELECT day, sent, received, requests, events, stored_bytes FROM usage_day
             WHERE inbox = ?1 AND org = ?2 AND day >= ?3 AND day <= ?4 ORDER BY day DESC",
            [inbox.unwrap_or(WHOLE).0, org.0, first, last],
            read_day,
        )
    }

    /// The newest day before one on which something was done.
    pub fn usage_before(
        &self,
        org: OrgId,
        inbox: Option<InboxId>,
        day: i64,
    ) -> Result<Option<UsageDay>, Error> {
        self.direct().one(
            "SELECT day, sent, received, requests, events, stored_bytes FROM usage_day
             WHERE inbox = ?1 AND org = ?2 AND day < ?3 ORDER BY day DESC LIMIT 1",
            [inbox.unwrap_or(WHOLE).0, org.0, day],
            read_day,
        )
    }

    /// Deletes days before this one, at most `limit`; whether there may be more.
    pub fn trim_usage(&self, day: i64, limit: u32) -> Result<bool, Error> {
        self.usage.borrow_mut().held.clear();
        let gone = self.direct().run(
            "DELETE FROM usage_day WHERE (inbox, org, day) IN
                 (SELECT inbox, org, day FROM usage_day WHERE day < ?1 LIMIT ?2)",
            [day, limit.into()],
        )?;
        Ok(gone as u64 >= u64::from(limit))
    }

    /// Deletes the days of an inbox that is gone.
    pub(super) fn reclaim_usage_of_inbox(&self, inbox: i64) -> Result<usize, Error> {
        self.usage.borrow_mut().held.clear();
        self.direct().run(
            "DELETE FROM usage_day WHERE inbox = ?1 AND inbox <> 0",
            [inbox],
        )
    }

    /// Deletes the days of an organization that has ended, whose inboxes are gone.
    pub(super) fn reclaim_usage_of_org(&self, org: OrgId) -> Result<usize, Error> {
        self.usage.borrow_mut().held.clear();
        self.direct().run(
            "DELETE FROM usage_day WHERE inbox = 0 AND org = ?1",
            [org.0],
        )
    }
}

fn read_day(r: &Row<'_>) -> rusqlite::Result<UsageDay> {
    Ok(UsageDay {
        day: r.get(0)?,
        sent: uint(r.get(1)?),
        received: uint(r.get(2)?),
        requests: Some(uint(r.get(3)?)),
        events: uint(r.get(4)?),
        stored_bytes: Some(uint(r.get(5)?)),
    })
}

const DAY_MS: i64 = 86_400_000;

/// Rows that are held in memory, of about 100 octets each: the inboxes that are busy at a time.
const HELD_MAX: usize = 10_000;
