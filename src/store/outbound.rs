//! The queue of recipients on other servers: a row for each, from the commit that accepts the
//! message until a week after its end.
//!
//! ```text
//! scheduled ◄─┐            ┌──────────── deferred ◄───────────┐
//!    │   ▲    │            ▼                                  │
//!    ▼   └─ held ─► queued ──claim──► sending ──settle──► delivered
//! queued              ▲                 │    ├──────────► bounced
//!                     └─ lease expired ─┘    └──────────► (not now) ──► deferred
//!   any that waits ──► cancelled, expired
//! ```
//!
//! It is not a scheduler: the service says when a row is due again and what its end is. A claim
//! counts the attempt and sets a lease, in the transaction that the engine's answer waits for. When
//! the process ends, its leases end with it, so an attempt can happen twice and none is lost.
//!
//! What is due is found by **backlog**: the rows of one organization for one domain, with the time
//! at which the service looks at them next. So a domain that is backed off is one row of an index,
//! whatever number of recipients waits for it, and rows that are not due cost neither memory nor
//! time at the start.

use core::ops::ControlFlow;

use rusqlite::{Row, params};

use super::payload::SmtpJob;
use super::quota::{OUTBOUND_BYTES, OUTBOUND_ENDED_BYTES, OrgDelta};
use super::{Error, Store, format, int, uint, uint32};
use crate::call::{
    BodyId, EntryId, InboxId, Now, OrgId, OutboundAttempt, OutboundId, OutboundLease, OutboundRow,
    OutboundStatus,
};

/// A recipient to be queued.
#[derive(Clone, Debug)]
pub struct NewOutbound<'a> {
    /// Its organization.
    pub org: OrgId,
    /// The sender.
    pub inbox: InboxId,
    /// The copy in Sent.
    pub entry: Option<EntryId>,
    /// The message. The caller counts this reference in `body.refs`.
    pub body: BodyId,
    /// The recipient's domain, ASCII in lower case, or [`Backlog::of_account`].
    pub domain: &'a str,
    /// The envelope.
    pub envelope: &'a SmtpJob,
    /// The sender's own JSON.
    pub metadata: Option<&'a str>,
    /// What the message needs of the other server.
    pub content: OutboundContent,
    /// `Held`, `Scheduled` or `Queued`.
    pub status: OutboundStatus,
    /// Not before this time, unix milliseconds.
    pub due_at: i64,
    /// When it is given up, unix milliseconds.
    pub expires_at: i64,
    /// When its sender is told that it is late, unix milliseconds.
    pub late_at: i64,
    /// Octets that the organization pays for besides the row, while it waits.
    pub holds: u64,
}

/// What a message needs of another server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutboundContent {
    /// Its body has octets of 0x80 or more.
    pub has_8bit: bool,
    /// Its header has.
    pub has_utf8_header: bool,
    /// Nothing of it was looked for: the row is from an older release.
    pub is_unknown: bool,
    /// Octets of the message as it leaves.
    pub size: u64,
}

impl OutboundContent {
    fn stored(self) -> i64 {
        i64::from(self.has_8bit)
            | i64::from(self.has_utf8_header) << 1
            | i64::from(self.is_unknown) << 2
    }

    fn load(stored: i64, size: i64) -> Self {
        OutboundContent {
            has_8bit: stored & 1 != 0,
            has_utf8_header: stored & 2 != 0,
            is_unknown: stored & 4 != 0,
            size: uint(size),
        }
    }
}

/// A row with all that an attempt or its end needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundRecord {
    /// Its number.
    pub id: OutboundId,
    /// Its organization.
    pub org: OrgId,
    /// The sender.
    pub inbox: InboxId,
    /// The copy in Sent.
    pub entry: Option<EntryId>,
    /// The message; `None` when finished.
    pub body: Option<BodyId>,
    /// The recipient's domain, or [`Backlog::of_account`].
    pub domain: String,
    /// The envelope.
    pub envelope: SmtpJob,
    /// The sender's own JSON.
    pub metadata: Option<String>,
    /// What the message needs.
    pub content: OutboundContent,
    /// Its state.
    pub status: OutboundStatus,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When it is due, or until when the attempt may take.
    pub due_at: i64,
    /// When it was accepted.
    pub created_at: i64,
    /// When it is given up.
    pub expires_at: i64,
    /// The attempts that have ended, oldest first.
    pub history: Vec<OutboundAttempt>,
    /// How many webhooks its cause is behind.
    pub depth: u8,
    /// Its cost.
    cost: i64,
}

impl OutboundRecord {
    /// The right to the attempt that was begun last.
    pub fn lease(&self) -> OutboundLease {
        OutboundLease {
            id: self.id,
            attempt: self.attempts,
        }
    }

    /// Whether it goes by the server of an account elsewhere.
    pub fn is_of_account(&self) -> bool {
        account_in(&self.domain).is_some()
    }

    /// As a client sees it.
    pub fn shown(self) -> OutboundRow {
        OutboundRow {
            id: self.id,
            inbox: self.inbox,
            message: self.entry,
            recipient: self.envelope.recipient,
            status: self.status,
            attempts: self.attempts,
            next_attempt_at: self.status.has_due_time().then_some(self.due_at),
            created_at: self.created_at,
            expires_at: self.expires_at,
            metadata: self.metadata,
            history: self.history,
        }
    }
}

/// The rows of one organization for one domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Backlog {
    /// The organization.
    pub org: OrgId,
    /// The domain, ASCII in lower case, or [`Backlog::of_account`].
    pub domain: String,
}

impl Backlog {
    /// What stands in place of a domain for the mail of an inbox that lives elsewhere: it goes by
    /// the server of its account, whatever the domain of its recipient is. No domain begins so.
    pub fn of_account(inbox: InboxId) -> String {
        format!("{ACCOUNT_MARK}{}", inbox.0)
    }

    /// The inbox whose account the mail goes by.
    pub fn account(&self) -> Option<InboxId> {
        account_in(&self.domain)
    }
}

fn account_in(domain: &str) -> Option<InboxId> {
    let number = domain.strip_prefix(ACCOUNT_MARK)?;
    number.parse().ok().map(InboxId)
}

const ACCOUNT_MARK: char = ':';

/// The time of a backlog that the service looks at now.
pub const LOOKED_AT_NOW: i64 = i64::MAX;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, org, inbox, entry, body, domain, recipient, envelope,
                    coalesce(metadata,
                        (SELECT json FROM metadata AS m WHERE m.entry = outbound.entry)),
                    content, status, attempts, due_at, created_at, expires_at, history, cost,
                    size FROM outbound ",
            $rest
        )
    };
}

impl Store {
    /// Queues a recipient.
    pub fn queue_outbound(&self, now: Now, new: &NewOutbound<'_>) -> Result<OutboundId, Error> {
        let id = OutboundId(self.new_id(now));
        let cost = OUTBOUND_BYTES.saturating_add(int(new.holds));
        self.direct().run(
            "INSERT INTO outbound (id, org, inbox, entry, body, domain, recipient, envelope,
                 metadata, content, size, status, due_at, created_at, expires_at, sweep_at, cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                id.0,
                new.org.0,
                new.inbox.0,
                new.entry.map(|id| id.0),
                new.body.0,
                new.domain,
                new.envelope.recipient,
                format::encode_envelope(new.envelope, self.depth.get())?,
                new.metadata,
                new.content.stored(),
                int(new.content.size),
                new.status.stored(),
                new.due_at,
                now.unix_ms,
                new.expires_at,
                new.late_at.min(new.expires_at),
                cost,
            ],
        )?;
        let delta = OrgDelta {
            jobs: 1,
            cost,
            ..OrgDelta::default()
        };
        self.count_org_if_there(new.org, &delta)?;
        Ok(id)
    }

    /// Sets the time of a backlog.
    pub fn set_backlog(&self, backlog: &Backlog, due_at: i64) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO outbound_backlog (org, domain, due_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org, domain) DO UPDATE SET due_at = excluded.due_at
                 WHERE due_at <> excluded.due_at",
                params![backlog.org.0, backlog.domain, due_at],
            )
            .map(drop)
    }

    /// Moves the time of a backlog forward to `due_at`, if it is later.
    pub fn hasten_backlog(&self, backlog: &Backlog, due_at: i64) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO outbound_backlog (org, domain, due_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org, domain) DO UPDATE SET due_at = excluded.due_at
                 WHERE due_at > excluded.due_at",
                params![backlog.org.0, backlog.domain, due_at],
            )
            .map(drop)
    }

    /// Sets the time of a backlog to that of its first row, not before `not_before`. A backlog
    /// without a row that waits goes.
    pub fn settle_backlog(&self, backlog: &Backlog, not_before: i64) -> Result<(), Error> {
        match self.backlog_due(backlog)? {
            Some(due_at) => self.set_backlog(backlog, due_at.max(not_before)),
            None => self
                .direct()
                .run(
                    "DELETE FROM outbound_backlog WHERE org = ?1 AND domain = ?2",
                    params![backlog.org.0, backlog.domain],
                )
                .map(drop),
        }
    }

    /// When the first row of a backlog is due.
    pub fn backlog_due(&self, backlog: &Backlog) -> Result<Option<i64>, Error> {
        self.direct().one(
            "SELECT due_at FROM outbound WHERE org = ?1 AND domain = ?2
                 AND status BETWEEN 2 AND 3 ORDER BY due_at LIMIT 1",
            params![backlog.org.0, backlog.domain],
            |r| r.get(0),
        )
    }

    /// Up to `limit` backlogs that are due: half of them those that wait longest, half those that
    /// came last, so that new mail is not behind a great number of old.
    pub fn due_backlogs(&self, now: Now, limit: u32) -> Result<Vec<Backlog>, Error> {
        let half = limit.div_ceil(2);
        let read = |r: &Row<'_>| {
            Ok(Backlog {
                org: OrgId(r.get(0)?),
                domain: r.get(1)?,
            })
        };
        let mut due = self.direct().all(
            "SELECT org, domain FROM outbound_backlog WHERE due_at <= ?1
             ORDER BY due_at LIMIT ?2",
            params![now.unix_ms, half],
            read,
        )?;
        if due.len() < half as usize {
            return Ok(due);
        }
        let newest = self.direct().all(
            "SELECT org, domain FROM outbound_backlog WHERE due_at <= ?1
             ORDER BY due_at DESC LIMIT ?2",
            params![now.unix_ms, limit - half],
            read,
        )?;
        for backlog in newest {
            if !due.contains(&backlog) {
                due.push(backlog);
            }
        }
        Ok(due)
    }

    /// Has the backlogs looked at again that the process before was looking at.
    pub fn reopen_backlogs(&self, now: Now) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE outbound_backlog SET due_at = ?1 WHERE due_at = ?2",
                [now.unix_ms, LOOKED_AT_NOW],
            )
            .map(drop)
    }

    /// When the next backlog is to be looked at; `None` when none waits.
    pub fn next_backlog(&self) -> Result<Option<i64>, Error> {
        let next = self.direct().one(
            "SELECT due_at FROM outbound_backlog ORDER BY due_at LIMIT 1",
            [],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(next.filter(|at| *at != LOOKED_AT_NOW))
    }

    /// Up to `limit` backlogs, behind `after`, that the service looks at now.
    pub fn backlogs_looked_at(&self, after: &Backlog, limit: u32) -> Result<Vec<Backlog>, Error> {
        self.direct().all(
            "SELECT org, domain FROM outbound_backlog
             WHERE due_at = ?1 AND (org, domain) > (?2, ?3) ORDER BY org, domain LIMIT ?4",
            params![LOOKED_AT_NOW, after.org.0, after.domain, limit],
            |r| {
                Ok(Backlog {
                    org: OrgId(r.get(0)?),
                    domain: r.get(1)?,
                })
            },
        )
    }

    /// Has up to `limit` backlogs of an organization looked at from the first of two times on that
    /// were put off to a time between them.
    pub fn hasten_backlogs_of(
        &self,
        org: OrgId,
        (from, to): (i64, i64),
        limit: u32,
    ) -> Result<usize, Error> {
        self.direct().run(
            "UPDATE outbound_backlog SET due_at = ?2 WHERE org = ?1 AND domain IN
                 (SELECT domain FROM outbound_backlog
                  WHERE org = ?1 AND due_at > ?2 AND due_at <= ?3 LIMIT ?4)",
            params![org.0, from, to, limit],
        )
    }

    /// A clock that was ahead has put these off by more than a row may wait: up to `limit` of them
    /// are due now.
    pub fn hasten_far_backlogs(&self, now: Now, limit: u32) -> Result<usize, Error> {
        self.direct().run(
            "UPDATE outbound_backlog SET due_at = ?1 WHERE (org, domain) IN
                 (SELECT org, domain FROM outbound_backlog WHERE due_at > ?2 AND due_at < ?3
                  ORDER BY due_at LIMIT ?4)",
            params![
                now.unix_ms,
                now.unix_ms.saturating_add(FAR_MS),
                LOOKED_AT_NOW,
                limit
            ],
        )
    }

    /// Up to `limit` rows of a backlog that are due, those that wait longest first. A row that
    /// cannot be read is put off, so that it does not hold up the others; `verify` reports it.
    pub fn due_outbound(
        &self,
        now: Now,
        backlog: &Backlog,
        limit: u32,
    ) -> Result<Vec<OutboundRecord>, Error> {
        let mut due = Vec::new();
        let mut unreadable = Vec::new();
        let _ = self.direct().each(
            select!(
                "WHERE org = ?1 AND domain = ?2 AND status BETWEEN 2 AND 3 AND due_at <= ?3
                 ORDER BY due_at LIMIT ?4"
            ),
            params![backlog.org.0, backlog.domain, now.unix_ms, limit],
            |r| {
                match read_outbound(r) {
                    Ok(row) => due.push(row),
                    Err(error) => unreadable.push((r.get::<_, i64>(0)?, error)),
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for (id, error) in unreadable {
            log::error!("queued recipient cannot be read id={id} error=\"{error}\"");
            self.direct().run(
                "UPDATE outbound SET due_at = ?2 WHERE id = ?1",
                [id, now.unix_ms.saturating_add(UNREADABLE_MS)],
            )?;
        }
        Ok(due)
    }

    /// Begins an attempt: counts it, and leases the row until `until` to the process `holder`.
    pub fn lease_outbound(
        &self,
        row: &mut OutboundRecord,
        until: i64,
        holder: i64,
    ) -> Result<(), Error> {
        row.status = OutboundStatus::Sending;
        row.attempts = row.attempts.saturating_add(1);
        row.due_at = until;
        self.direct()
            .run(
                "UPDATE outbound SET status = ?2, attempts = ?3, due_at = ?4, lease_by = ?5
                 WHERE id = ?1",
                params![
                    row.id.0,
                    row.status.stored(),
                    row.attempts,
                    row.due_at,
                    holder
                ],
            )
            .map(drop)
    }

    /// The row of an attempt that is under way in the process `holder`.
    pub fn leased_outbound(
        &self,
        lease: OutboundLease,
        holder: i64,
    ) -> Result<Option<OutboundRecord>, Error> {
        self.one_outbound(
            select!("WHERE id = ?1 AND status = 4 AND attempts = ?2 AND lease_by = ?3"),
            params![lease.id.0, lease.attempt, holder],
        )
    }

    /// The row of an attempt that is under way.
    pub fn sending_outbound(&self, lease: OutboundLease) -> Result<Option<OutboundRecord>, Error> {
        self.one_outbound(
            select!("WHERE id = ?1 AND status = 4 AND attempts = ?2"),
            params![lease.id.0, lease.attempt],
        )
    }

    /// One row.
    pub fn outbound_row(
        &self,
        org: OrgId,
        id: OutboundId,
    ) -> Result<Option<OutboundRecord>, Error> {
        self.one_outbound(select!("WHERE id = ?1 AND org = ?2"), params![id.0, org.0])
    }

    /// The row with this number, of any organization: for a number that this server has proven.
    pub fn outbound_of_any(&self, id: OutboundId) -> Result<Option<OutboundRecord>, Error> {
        self.one_outbound(select!("WHERE id = ?1"), params![id.0])
    }

    fn one_outbound(
        &self,
        sql: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<Option<OutboundRecord>, Error> {
        self.direct()
            .one(sql, params, |r| Ok(read_outbound(r)))?
            .transpose()
    }

    /// The recipients of a message that waits for a decision or for its time.
    pub fn waiting_outbound(
        &self,
        org: OrgId,
        entry: EntryId,
    ) -> Result<Vec<OutboundRecord>, Error> {
        self.rows_outbound(
            select!("WHERE org = ?1 AND entry = ?2 AND status < 2 ORDER BY id"),
            [org.0, entry.0],
        )
    }

    /// Writes a row that has waited for a decision or for its time, and its message as it is now.
    /// The caller counts the reference to `new.body`; that to the message before is given back. It
    /// costs what a new row of this message does: a decision may have changed its text, and the row
    /// that has paid for its octets may be taken back.
    pub fn release_outbound(
        &self,
        row: &OutboundRecord,
        new: &NewOutbound<'_>,
    ) -> Result<(), Error> {
        let cost = OUTBOUND_BYTES.saturating_add(int(new.holds));
        self.direct().run(
            "UPDATE outbound SET body = ?2, content = ?3, size = ?4, status = ?5, due_at = ?6,
                 expires_at = ?7, sweep_at = ?8, cost = ?9
             WHERE id = ?1",
            params![
                row.id.0,
                new.body.0,
                new.content.stored(),
                int(new.content.size),
                new.status.stored(),
                new.due_at,
                new.expires_at,
                new.late_at.min(new.expires_at),
                cost,
            ],
        )?;
        self.count_org_cost(row.org, cost.saturating_sub(row.cost))?;
        match row.body {
            Some(body) => self.drop_body(row.org, body, true),
            None => Ok(()),
        }
    }

    /// Writes the state and the times of a row that waits on, and nothing of its message.
    pub fn set_waiting(
        &self,
        row: &OutboundRecord,
        status: OutboundStatus,
        (due_at, expires_at): (i64, i64),
    ) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE outbound SET status = ?2, due_at = ?3, expires_at = ?4, sweep_at = ?4
                 WHERE id = ?1",
                [row.id.0, status.stored(), due_at, expires_at],
            )
            .map(drop)
    }

    /// Writes a row that waits on: `status`, `attempts`, `due_at` and `history` of it.
    pub fn defer_outbound(&self, row: &OutboundRecord) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE outbound SET status = ?2, attempts = ?3, due_at = ?4, lease_by = NULL,
                     history = ?5
                 WHERE id = ?1",
                params![
                    row.id.0,
                    row.status.stored(),
                    row.attempts,
                    row.due_at,
                    format::encode_history(&row.history)?,
                ],
            )
            .map(drop)
    }

    /// Writes a row that has ended: it needs its message no longer, and goes at `gone_at`.
    pub fn end_outbound(&self, row: &OutboundRecord, gone_at: i64) -> Result<(), Error> {
        let history = format::encode_history(&row.history)?;
        let cost = OUTBOUND_ENDED_BYTES.saturating_add(int(history.len() as u64));
        self.direct().run(
            "UPDATE outbound SET status = ?2, attempts = ?3, due_at = ?4, lease_by = NULL,
                 history = ?5, body = NULL, sweep_at = ?4, cost = ?6
             WHERE id = ?1",
            params![
                row.id.0,
                row.status.stored(),
                row.attempts,
                gone_at,
                history,
                cost,
            ],
        )?;
        if row.body.is_some() {
            let delta = OrgDelta {
                jobs: -1,
                cost: cost.saturating_sub(row.cost),
                ..OrgDelta::default()
            };
            self.count_org_if_there(row.org, &delta)?;
        }
        match row.body {
            Some(body) => self.drop_body(row.org, body, true),
            None => Ok(()),
        }
    }

    /// Writes what was learned of a row after its end: `status` and `history` of it. It goes when
    /// it would have gone.
    pub fn amend_outbound(&self, row: &OutboundRecord) -> Result<(), Error> {
        let history = format::encode_history(&row.history)?;
        let cost = OUTBOUND_ENDED_BYTES.saturating_add(int(history.len() as u64));
        self.direct().run(
            "UPDATE outbound SET status = ?2, history = ?3, cost = ?4 WHERE id = ?1",
            params![row.id.0, row.status.stored(), history, cost],
        )?;
        self.count_org_cost(row.org, cost.saturating_sub(row.cost))
    }

    /// Up to `limit` rows of which the lease has ended, or is of another process.
    pub fn lost_outbound(
        &self,
        now: Now,
        holder: i64,
        limit: u32,
    ) -> Result<Vec<OutboundRecord>, Error> {
        self.rows_outbound(
            select!(
                "WHERE status = 4 AND (due_at <= ?1 OR lease_by <> ?2) ORDER BY due_at LIMIT ?3"
            ),
            params![now.unix_ms, holder, limit],
        )
    }

    /// Up to `limit` rows that are to be given up, or that have ended a week ago.
    pub fn old_outbound(&self, now_ms: i64, limit: u32) -> Result<Vec<OutboundRecord>, Error> {
        self.rows_outbound(
            select!("WHERE sweep_at <= ?1 ORDER BY sweep_at LIMIT ?2"),
            params![now_ms, limit],
        )
    }

    fn rows_outbound(
        &self,
        sql: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<OutboundRecord>, Error> {
        let mut rows = Vec::new();
        let _ = self.direct().each(sql, params, |r| {
            match read_outbound(r) {
                Ok(row) => rows.push(row),
                Err(error) => {
                    log::error!("queued recipient cannot be read error=\"{error}\"");
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// When [`Store::old_outbound`] has the next row, and when the next lease ends.
    pub fn next_old_outbound(&self) -> Result<Option<i64>, Error> {
        let next = self.direct().one(
            "SELECT (SELECT sweep_at FROM outbound ORDER BY sweep_at LIMIT 1),
                    (SELECT due_at FROM outbound WHERE status = 4 ORDER BY due_at LIMIT 1)",
            [],
            |r| Ok([r.get::<_, Option<i64>>(0)?, r.get(1)?]),
        )?;
        Ok(next.into_iter().flatten().flatten().min())
    }

    /// Puts off the sweep of a row.
    pub fn put_off_sweep(&self, id: OutboundId, at: i64) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE outbound SET sweep_at = ?2 WHERE id = ?1",
                [id.0, at],
            )
            .map(drop)
    }

    /// Deletes a row that has ended.
    pub fn delete_outbound(&self, row: &OutboundRecord) -> Result<(), Error> {
        self.direct()
            .run("DELETE FROM outbound WHERE id = ?1", [row.id.0])?;
        let delta = OrgDelta {
            jobs: if row.body.is_some() { -1 } else { 0 },
            cost: -row.cost,
            ..OrgDelta::default()
        };
        self.count_org_if_there(row.org, &delta)?;
        match row.body {
            Some(body) => self.drop_body(row.org, body, true),
            None => Ok(()),
        }
    }

    /// A page of the rows of an organization with an id below `before` (0 is no bound), newest
    /// first.
    pub fn outbound_page(
        &self,
        org: OrgId,
        before: OutboundId,
        limit: usize,
    ) -> Result<Vec<OutboundRecord>, Error> {
        let before = match before.0 {
            0 => i64::MAX,
            id => id,
        };
        let mut rows = Vec::new();
        let _ = self.direct().each(
            select!("WHERE org = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"),
            params![org.0, before, i64::try_from(limit).unwrap_or(i64::MAX)],
            |r| {
                rows.push(read_outbound(r)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(rows)
    }
}

fn read_outbound(r: &Row<'_>) -> Result<OutboundRecord, Error> {
    let corrupt = |_| Error::Corrupt("outbound");
    let recipient: String = r.get(6)?;
    let (envelope, depth) = format::decode_envelope(r.get_ref(7)?.as_blob().map_err(corrupt)?)?;
    let history = match r.get_ref(15)?.as_blob_or_null().map_err(corrupt)? {
        Some(octets) => format::decode_history(octets)?,
        None => Vec::new(),
    };
    Ok(OutboundRecord {
        id: OutboundId(r.get(0)?),
        org: OrgId(r.get(1)?),
        inbox: InboxId(r.get(2)?),
        entry: r.get::<_, Option<i64>>(3)?.map(EntryId),
        body: r.get::<_, Option<i64>>(4)?.map(BodyId),
        domain: r.get(5)?,
        envelope: SmtpJob {
            recipient,
            ..envelope
        },
        metadata: r.get(8)?,
        content: OutboundContent::load(r.get(9)?, r.get(17)?),
        status: OutboundStatus::load(r.get(10)?).ok_or(Error::Corrupt("outbound"))?,
        attempts: uint32(r.get(11)?),
        due_at: r.get(12)?,
        created_at: r.get(13)?,
        expires_at: r.get(14)?,
        history,
        depth,
        cost: r.get(16)?,
    })
}

/// Milliseconds for which a row that has ended is kept: a week.
pub const ENDED_KEPT_MS: i64 = 7 * 86_400_000;

/// Two years: a row is scheduled for a year ahead at most, and waits for less after it.
const FAR_MS: i64 = 2 * 366 * 86_400_000;

/// How long a row that cannot be read is put off: an hour.
const UNREADABLE_MS: i64 = 3_600_000;
