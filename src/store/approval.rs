//! Approvals, as rows: mail that stands in Drafts until a decision is made on it, and the
//! decisions, which are kept for a month.
//!
//! A row has all that its message needs to leave besides the octets, which the entry in Drafts
//! keeps. It decides nothing: `service/outgoing/` does.

use core::ops::ControlFlow;

use rusqlite::{Row, params};

use super::quota::WAITING_BYTES;
use super::{Error, Store, format, int};
use crate::call::{
    ApprovalChange, ApprovalId, ApprovalRow, ApprovalStatus, Change, EntryId, InboxId, KeyId, Now,
    OrgId, Recipient,
};

/// What a held message needs to leave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeldEnvelope {
    /// MAIL FROM.
    pub reverse_path: Option<String>,
    /// Forward-paths. Whether one is local is looked up when the message leaves.
    pub recipients: Vec<Recipient>,
    /// `RET=` (RFC 3461): `Some(true)` is FULL.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
    /// The subject, decoded.
    pub subject: String,
    /// How many webhooks its cause is behind. It is set when it is stored.
    pub depth: u8,
}

/// An approval with the envelope of its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredApproval {
    /// The row.
    pub row: ApprovalRow,
    /// Its organization.
    pub org: OrgId,
    /// The envelope.
    pub envelope: HeldEnvelope,
}

impl StoredApproval {
    /// What the log tells of it to one recipient, with the metadata of its message.
    pub fn change(&self, recipient: &str, metadata: Option<String>) -> Change {
        Change::Approval(Box::new(ApprovalChange {
            approval: self.row.id,
            status: self.row.status,
            message: self.row.message,
            recipient: recipient.to_owned(),
            subject: self.envelope.subject.clone(),
            reason: self.row.reason.clone(),
            metadata,
        }))
    }
}

impl Store {
    /// Stores an approval that waits.
    pub fn insert_approval(&self, approval: &StoredApproval) -> Result<(), Error> {
        let row = &approval.row;
        let envelope = format::encode_held(&self.deepened(&approval.envelope))?;
        let cost = waiting_cost(&envelope);
        self.direct().run(
            "INSERT INTO approval (id, org, inbox, entry, status, envelope, sha256, created_at,
                                   expires_at, send_at, cost)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                row.id.0,
                approval.org.0,
                row.inbox.0,
                row.message.0,
                envelope,
                row.sha256,
                row.created_at,
                row.expires_at,
                row.send_at,
                cost,
            ],
        )?;
        self.count_org_cost(approval.org, cost)
    }

    /// How many messages of an organization wait for a decision, counted up to `max`.
    pub fn held_len(&self, org: OrgId, max: u64) -> Result<u64, Error> {
        let n = self.direct().one(
            "SELECT count(*) FROM (SELECT 1 FROM approval INDEXED BY approval_held
                                   WHERE org = ?1 AND status = 0 LIMIT ?2)",
            [org.0, int(max)],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(super::uint(n.unwrap_or(0)))
    }

    /// One approval of an organization.
    pub fn approval(
        &self,
        org: OrgId,
        approval: ApprovalId,
    ) -> Result<Option<StoredApproval>, Error> {
        let found = self.direct().one(
            "SELECT id, org, inbox, entry, status, envelope, sha256, created_at, expires_at,
                    decided_at, decided_by, reason, send_at
             FROM approval WHERE id = ?2 AND org = ?1",
            [org.0, approval.0],
            |r| Ok(read_approval(r)),
        )?;
        found.transpose()
    }

    /// Whether a message waits for a decision.
    pub fn is_held(&self, org: OrgId, entry: EntryId) -> Result<bool, Error> {
        Ok(self.held_approval(org, entry)?.is_some())
    }

    /// The approval that a message waits for.
    pub fn held_approval(&self, org: OrgId, entry: EntryId) -> Result<Option<ApprovalId>, Error> {
        self.direct().one(
            "SELECT id FROM approval WHERE org = ?1 AND entry = ?2 AND status = 0",
            [org.0, entry.0],
            |r| Ok(ApprovalId(r.get(0)?)),
        )
    }

    /// Writes the recipients of a message that waits for a decision.
    pub fn set_held_envelope(&self, approval: &StoredApproval) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE approval SET envelope = ?3 WHERE id = ?2 AND org = ?1",
                params![
                    approval.org.0,
                    approval.row.id.0,
                    format::encode_held(&approval.envelope)?
                ],
            )
            .map(drop)
    }

    /// A page of the approvals of an organization after `after`, oldest first.
    pub fn approvals(
        &self,
        org: OrgId,
        after: ApprovalId,
        limit: usize,
    ) -> Result<Vec<StoredApproval>, Error> {
        let mut rows = Vec::new();
        let _ = self.direct().each(
            "SELECT id, org, inbox, entry, status, envelope, sha256, created_at, expires_at,
                    decided_at, decided_by, reason, send_at
             FROM approval WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            [org.0, after.0, int(limit as u64)],
            |r| {
                rows.push(read_approval(r));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        rows.into_iter().collect()
    }

    /// Approvals whose time is over, at most `limit`.
    pub fn expired_approvals(&self, now: Now, limit: u32) -> Result<Vec<StoredApproval>, Error> {
        let mut rows = Vec::new();
        let _ = self.direct().each(
            "SELECT id, org, inbox, entry, status, envelope, sha256, created_at, expires_at,
                    decided_at, decided_by, reason, send_at
             FROM approval WHERE status = 0 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            [now.unix_ms, limit.into()],
            |r| {
                rows.push(read_approval(r));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        rows.into_iter().collect()
    }

    /// Writes a decision; `false` when there is one already, and then nothing has changed.
    pub fn decide_approval(&self, org: OrgId, decided: &ApprovalRow) -> Result<bool, Error> {
        let rows = self.direct().run(
            "UPDATE approval SET status = ?3, sha256 = ?4, decided_at = ?5, decided_by = ?6,
                 reason = ?7
             WHERE id = ?2 AND org = ?1 AND status = 0",
            params![
                org.0,
                decided.id.0,
                status_number(decided.status),
                decided.sha256,
                decided.decided_at,
                decided.decided_by.map(|key| key.0),
                decided.reason,
            ],
        )?;
        Ok(rows == 1)
    }

    /// Declines the approval of an entry that leaves Drafts otherwise than by a decision, if there
    /// is one that waits. Gives it as it is now.
    pub(super) fn cancel_approval(
        &self,
        (org, at): (OrgId, i64),
        entry: EntryId,
    ) -> Result<Option<StoredApproval>, Error> {
        let Some(id) = self.held_approval(org, entry)? else {
            return Ok(None);
        };
        let Some(mut found) = self.approval(org, id)? else {
            return Ok(None);
        };
        found.row.status = ApprovalStatus::Declined;
        found.row.decided_at = Some(at);
        found.row.reason = Some(ApprovalRow::DELETED.to_owned());
        self.decide_approval(org, &found.row)?;
        Ok(Some(found))
    }

    /// Deletes approvals that were decided before this time, at most `limit`; whether there may be
    /// more.
    pub fn trim_approvals(&self, before: i64, limit: u32) -> Result<bool, Error> {
        let old = self.direct().all(
            "SELECT id, org, cost FROM approval WHERE status > 0 AND decided_at < ?1 LIMIT ?2",
            [before, limit.into()],
            |r| Ok((r.get::<_, i64>(0)?, OrgId(r.get(1)?), r.get::<_, i64>(2)?)),
        )?;
        for (id, org, cost) in &old {
            self.direct()
                .run("DELETE FROM approval WHERE id = ?1", [*id])?;
            self.count_org_cost(*org, -cost)?;
        }
        Ok(old.len() as u64 == u64::from(limit))
    }
}

/// What a row costs whose message waits: its envelope has every recipient.
pub(super) fn waiting_cost(envelope: &[u8]) -> i64 {
    WAITING_BYTES.saturating_add(int(envelope.len() as u64))
}

fn status_number(status: ApprovalStatus) -> i64 {
    match status {
        ApprovalStatus::Held => 0,
        ApprovalStatus::Approved => 1,
        ApprovalStatus::Declined => 2,
        ApprovalStatus::Expired => 3,
    }
}

fn read_approval(r: &Row<'_>) -> Result<StoredApproval, Error> {
    let status = match r.get::<_, i64>(4)? {
        0 => ApprovalStatus::Held,
        1 => ApprovalStatus::Approved,
        2 => ApprovalStatus::Declined,
        3 => ApprovalStatus::Expired,
        _ => return Err(Error::Corrupt("approval")),
    };
    let envelope = format::decode_held(&r.get::<_, Vec<u8>>(5)?)?;
    Ok(StoredApproval {
        org: OrgId(r.get(1)?),
        row: ApprovalRow {
            id: ApprovalId(r.get(0)?),
            status,
            inbox: InboxId(r.get(2)?),
            message: EntryId(r.get(3)?),
            to: (envelope.recipients.iter())
                .map(|recipient| recipient.address.clone())
                .collect(),
            subject: envelope.subject.clone(),
            content: None,
            sha256: r.get(6)?,
            created_at: r.get(7)?,
            expires_at: r.get(8)?,
            decided_at: r.get(9)?,
            decided_by: r.get::<_, Option<i64>>(10)?.map(KeyId),
            reason: r.get(11)?,
            send_at: r.get(12)?,
        },
        envelope,
    })
}
