//! Work for outside as rows: recipients on other servers that wait for delivery.

use rusqlite::params;

use super::{Error, Store};
use crate::call::{BodyId, EntryId, InboxId, Now, OrgId, OutboundId, OutboundRow, Recipient};

/// A recipient outside, to be queued.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Whose.
    pub org: OrgId,
    /// The sending inbox.
    pub inbox: InboxId,
    /// The copy in Sent.
    pub entry: Option<EntryId>,
    /// What to send; the caller counts this reference in `body.refs`.
    pub body: BodyId,
    /// MAIL FROM; `None` is the null path.
    pub reverse_path: Option<&'a str>,
    /// RCPT TO with its DSN parameters.
    pub recipient: &'a Recipient,
    /// `RET=` (RFC 3461).
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<&'a str>,
}

impl Store {
    /// Queues one recipient, due at once.
    pub fn insert_job(&self, now: Now, job: &NewJob<'_>) -> Result<OutboundId, Error> {
        let id = OutboundId(self.mint_id(now));
        let dsn = (
            job.recipient.notify,
            job.recipient.orcpt.as_deref(),
            job.ret_full,
            job.envid,
        );
        let dsn = postcard::to_stdvec(&dsn).unwrap_or_default();
        self.apart().run(
            "INSERT INTO job (id, org, inbox, kind, entry, body, reverse_path, recipient, dsn,
                              state, due_at, created_at)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?9)",
            params![
                id.0,
                job.org.0,
                job.inbox.0,
                job.entry.map(|e| e.0),
                job.body.0,
                job.reverse_path,
                job.recipient.address,
                dsn,
                now.unix_ms,
            ],
        )?;
        Ok(id)
    }

    /// A page of the queue of an organization after `after`, oldest first.
    pub fn outbound(
        &self,
        org: OrgId,
        after: OutboundId,
        limit: usize,
    ) -> Result<Vec<OutboundRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.all(
            "SELECT id, inbox, entry, recipient, attempts, due_at, created_at FROM job
             WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            [org.0, after.0, limit],
            |r| {
                Ok(OutboundRow {
                    id: OutboundId(r.get(0)?),
                    inbox: InboxId(r.get(1)?),
                    message: r.get::<_, Option<i64>>(2)?.map(EntryId),
                    recipient: r.get(3)?,
                    status: "queued",
                    attempts: r.get(4)?,
                    due_at: r.get(5)?,
                    created_at: r.get(6)?,
                })
            },
        )
    }
}
