//! Jobs: work for outside, as rows. A row is there before anything is sent and stays until its
//! work is done, so that a crash loses no work.
//!
//! ```text
//! enqueue ──► queued ──claim──► leased ──finish──► (the row is gone)
//!               ▲                 │
//!               └── retry, lease expired
//! ```
//!
//! It is not a scheduler: it has no back-off and runs nothing. A claim counts the attempt and
//! sets a lease: until when the holder may work. When the lease ends, the job is given again, and
//! a late answer for the lease before changes nothing. So a job can run twice, and is never lost.
//!
//! A row that is not due costs pages of an index, and neither memory nor time at the start.

use core::ops::ControlFlow;

use rusqlite::{Row, params};

use super::payload::{JobKind, JobPayload};
use super::quota::{JOB_BYTES, OrgDelta};
use super::{Error, Store, format, int, uint32};
use crate::call::{BodyId, EntryId, InboxId, Now, OrgId};

/// The number of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobId(pub i64);

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Its organization.
    pub org: OrgId,
    /// The inbox that it is for.
    pub inbox: Option<InboxId>,
    /// What it is about, so that jobs can be grouped: a domain, a host, an endpoint.
    pub subject: &'a str,
    /// The entry that it belongs to.
    pub entry: Option<EntryId>,
    /// Octets that it needs. The caller counts this reference in `body.refs`.
    pub body: Option<BodyId>,
    /// What is to be done.
    pub payload: JobPayload,
    /// Not before this time, unix milliseconds.
    pub due_at: i64,
    /// Octets that the organization pays for besides the row, while the job waits.
    pub holds: u64,
}

/// A job that was claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedJob {
    /// Its number.
    pub id: JobId,
    /// Its organization.
    pub org: OrgId,
    /// The inbox that it is for.
    pub inbox: Option<InboxId>,
    /// What it is about.
    pub subject: String,
    /// The entry that it belongs to.
    pub entry: Option<EntryId>,
    /// Octets that it needs.
    pub body: Option<BodyId>,
    /// What is to be done.
    pub payload: JobPayload,
    /// Claims so far, this one included.
    pub attempts: u32,
    /// When it was queued, unix milliseconds.
    pub created_at: i64,
    /// Until when it may be worked on, and by which process.
    pub lease: JobLease,
}

/// The right to work on a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobLease {
    /// Unix milliseconds. After it the job is given to another.
    pub until: i64,
    /// The number that the process chose at its start.
    pub holder: i64,
}

impl Store {
    /// Queues a job.
    pub fn enqueue(&self, now: Now, job: &NewJob<'_>) -> Result<JobId, Error> {
        let id = JobId(self.new_id(now));
        let cost = JOB_BYTES.saturating_add(int(job.holds));
        self.direct().run(
            "INSERT INTO job (id, org, inbox, kind, subject, entry, body, payload, state, due_at,
                              created_at, cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11)",
            params![
                id.0,
                job.org.0,
                job.inbox.map(|id| id.0),
                job.payload.kind().name(),
                job.subject,
                job.entry.map(|id| id.0),
                job.body.map(|id| id.0),
                format::encode_job(&job.payload)?,
                job.due_at,
                now.unix_ms,
                cost,
            ],
        )?;
        let delta = OrgDelta {
            jobs: 1,
            cost,
            ..OrgDelta::default()
        };
        self.count_org_if_there(job.org, &delta)?;
        Ok(id)
    }

    /// Leases up to `limit` jobs of a kind that are due; the job that has been due for the
    /// longest comes first. A job with a payload that cannot be read is put off and not given, so
    /// that it does not hold up the others. `verify` reports it.
    pub fn claim(
        &self,
        now: Now,
        kind: JobKind,
        lease: JobLease,
        limit: u32,
    ) -> Result<Vec<ClaimedJob>, Error> {
        // A clock that was ahead has put these off by years.
        self.direct().run(
            "UPDATE job SET due_at = ?2 WHERE state = 0 AND kind = ?1 AND due_at > ?3",
            params![kind.name(), now.unix_ms, now.unix_ms.saturating_add(FAR_MS)],
        )?;
        let mut due = Vec::new();
        let _ = self.direct().each(
            "SELECT id, org, inbox, subject, entry, body, payload, attempts, created_at FROM job
             WHERE state = 0 AND kind = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3",
            params![kind.name(), now.unix_ms, limit],
            |r| {
                due.push(read_job(r, kind, lease)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut claimed = Vec::with_capacity(due.len());
        for (id, job) in due {
            match job {
                Ok(job) => {
                    self.direct().run(
                        "UPDATE job SET state = 1, attempts = ?2, lease_until = ?3, lease_by = ?4
                         WHERE id = ?1",
                        params![id.0, job.attempts, lease.until, lease.holder],
                    )?;
                    claimed.push(job);
                }
                Err(error) => {
                    log::error!("job cannot be read id={} error=\"{error}\"", id.0);
                    self.direct().run(
                        "UPDATE job SET due_at = ?2 WHERE id = ?1",
                        [id.0, now.unix_ms.saturating_add(UNREADABLE_MS)],
                    )?;
                }
            }
        }
        Ok(claimed)
    }

    /// Ends a job that is done or given up: its row goes. `false` when the job no longer has this
    /// lease; then nothing has changed.
    pub fn finish(&self, job: &ClaimedJob) -> Result<bool, Error> {
        let cost = self.direct().one(
            "DELETE FROM job WHERE id = ?1 AND org = ?2 AND state = 1 AND lease_by = ?3
                 AND attempts = ?4 RETURNING cost",
            params![job.id.0, job.org.0, job.lease.holder, job.attempts],
            |r| r.get::<_, i64>(0),
        )?;
        let Some(cost) = cost else {
            return Ok(false);
        };
        let delta = OrgDelta {
            jobs: -1,
            cost: -cost,
            ..OrgDelta::default()
        };
        self.count_org_if_there(job.org, &delta)?;
        if let Some(body) = job.body {
            self.drop_body(job.org, body, true)?;
        }
        Ok(true)
    }

    /// Makes the job due again at `due_at`. `false` when the job no longer has this lease; then
    /// nothing has changed.
    pub fn retry(&self, job: &ClaimedJob, due_at: i64) -> Result<bool, Error> {
        let queued = self.direct().run(
            "UPDATE job SET state = 0, due_at = ?5, lease_until = NULL, lease_by = NULL
             WHERE id = ?1 AND org = ?2 AND state = 1 AND lease_by = ?3 AND attempts = ?4",
            params![job.id.0, job.org.0, job.lease.holder, job.attempts, due_at],
        )?;
        Ok(queued == 1)
    }

    /// Queues up to `limit` jobs again whose lease has ended; how many.
    pub fn release_leases(&self, now: Now, limit: u32) -> Result<usize, Error> {
        // No lease is that long: the clock was ahead when it was made.
        self.direct().run(
            "UPDATE job SET lease_until = ?1 WHERE state = 1 AND lease_until > ?2",
            [now.unix_ms, now.unix_ms.saturating_add(FAR_MS)],
        )?;
        self.direct().run(
            "UPDATE job SET state = 0, lease_until = NULL, lease_by = NULL WHERE id IN
                 (SELECT id FROM job WHERE state = 1 AND lease_until <= ?1
                  ORDER BY lease_until LIMIT ?2)",
            params![now.unix_ms, limit],
        )
    }

    /// When the next job of these kinds is due or the next lease ends, unix milliseconds.
    pub fn next_due(&self, kinds: &[JobKind]) -> Result<Option<i64>, Error> {
        let mut next: Option<i64> = None;
        for kind in kinds {
            // Two look-ups at the beginning of an index each, whatever the number of rows.
            let of_kind = self.direct().one(
                "SELECT (SELECT due_at FROM job WHERE state = 0 AND kind = ?1
                         ORDER BY due_at LIMIT 1),
                        (SELECT lease_until FROM job WHERE state = 1
                         ORDER BY lease_until LIMIT 1)",
                [kind.name()],
                |r| Ok([r.get::<_, Option<i64>>(0)?, r.get(1)?]),
            )?;
            for at in of_kind.into_iter().flatten().flatten() {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        Ok(next)
    }
}

/// A row of [`Store::claim`], as the claim will leave it.
fn read_job(
    r: &Row<'_>,
    kind: JobKind,
    lease: JobLease,
) -> Result<(JobId, Result<ClaimedJob, Error>), Error> {
    let id = JobId(r.get(0)?);
    let payload = match read_payload(r, 6, kind) {
        Ok(payload) => payload,
        Err(error) => return Ok((id, Err(error))),
    };
    let job = ClaimedJob {
        id,
        org: OrgId(r.get(1)?),
        inbox: r.get::<_, Option<i64>>(2)?.map(InboxId),
        subject: r.get(3)?,
        entry: r.get::<_, Option<i64>>(4)?.map(EntryId),
        body: r.get::<_, Option<i64>>(5)?.map(BodyId),
        payload,
        attempts: uint32(r.get(7)?).saturating_add(1),
        created_at: r.get(8)?,
        lease,
    };
    Ok((id, Ok(job)))
}

fn read_payload(r: &Row<'_>, column: usize, kind: JobKind) -> Result<JobPayload, Error> {
    let octets = r.get_ref(column)?.as_blob();
    format::decode_job(kind, octets.map_err(|_| Error::Corrupt("job"))?)
}

/// A month: no job is put off for so long, and no lease lasts so long.
const FAR_MS: i64 = 30 * 86_400_000;

/// How long a job with a payload that cannot be read is put off: an hour.
const UNREADABLE_MS: i64 = 3_600_000;
