//! Mail that leaves at a time which its sender has named, as rows. The message stands in Drafts,
//! and its recipients outside are rows of the queue with the status `Scheduled`.
//!
//! It decides nothing: `service/outgoing/schedule.rs` does. The rule: **what leaves Drafts
//! otherwise is cancelled here**, where entries leave a mailbox, so no protocol can forget it.

use core::ops::ControlFlow;

use rusqlite::{Row, params};

use super::approval::waiting_cost;
use super::outbound::ENDED_KEPT_MS;
use super::{Error, HeldEnvelope, Store, format, int, uint};
use crate::call::{
    Change, EntryId, EventKind, InboxId, Now, OrgId, OutboundId, OutboundNews, OutboundStatus,
};

/// A message that waits for its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredScheduled {
    /// The entry in Drafts.
    pub entry: EntryId,
    /// Its organization.
    pub org: OrgId,
    /// The inbox that sends.
    pub inbox: InboxId,
    /// What it needs to leave.
    pub envelope: HeldEnvelope,
    /// SHA-256 of the octets of the entry.
    pub sha256: [u8; 32],
    /// A decision was made on it: `hold` is satisfied.
    pub is_approved: bool,
    /// The time that its sender has named, unix milliseconds.
    pub send_at: i64,
    /// When it is looked at next, unix milliseconds.
    pub due_at: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT entry, org, inbox, envelope, sha256, approved, send_at, due_at FROM scheduled ",
            $rest
        )
    };
}

impl Store {
    /// Stores a message that waits for its time.
    pub fn insert_scheduled(&self, mail: &StoredScheduled) -> Result<(), Error> {
        let envelope = format::encode_held(&self.deepened(&mail.envelope))?;
        let cost = waiting_cost(&envelope);
        self.direct().run(
            "INSERT INTO scheduled (entry, org, inbox, envelope, sha256, approved, send_at, due_at,
                                    cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                mail.entry.0,
                mail.org.0,
                mail.inbox.0,
                envelope,
                mail.sha256,
                mail.is_approved,
                mail.send_at,
                mail.due_at,
                cost,
            ],
        )?;
        self.count_org_cost(mail.org, cost)
    }

    /// How many messages of an organization wait for their time, counted up to `max`.
    pub fn scheduled_len(&self, org: OrgId, max: u64) -> Result<u64, Error> {
        let n = self.direct().one(
            "SELECT count(*) FROM (SELECT 1 FROM scheduled WHERE org = ?1 LIMIT ?2)",
            [org.0, int(max)],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(uint(n.unwrap_or(0)))
    }

    /// A message that waits for its time.
    pub fn scheduled(&self, org: OrgId, entry: EntryId) -> Result<Option<StoredScheduled>, Error> {
        let found = self.direct().one(
            select!("WHERE entry = ?1 AND org = ?2"),
            [entry.0, org.0],
            |r| Ok(read_scheduled(r)),
        )?;
        found.transpose()
    }

    /// Up to `limit` messages whose time has come, those that wait longest first. A row that cannot
    /// be read is put off by an hour, so that it does not hold up the others; `verify` reports it.
    pub fn due_scheduled(&self, now: Now, limit: u32) -> Result<Vec<StoredScheduled>, Error> {
        let (mut due, mut unreadable) = (Vec::new(), Vec::new());
        let _ = self.direct().each(
            select!("WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2"),
            [now.unix_ms, limit.into()],
            |r| {
                match read_scheduled(r) {
                    Ok(mail) => due.push(mail),
                    Err(error) => unreadable.push((r.get::<_, i64>(0)?, error)),
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for (entry, error) in unreadable {
            log::error!("scheduled message cannot be read entry={entry} error=\"{error}\"");
            let later = now.unix_ms.saturating_add(UNREADABLE_MS);
            self.put_off_scheduled(EntryId(entry), later)?;
        }
        Ok(due)
    }

    /// When the next message is to be looked at; `None` when none waits.
    pub fn next_scheduled(&self) -> Result<Option<i64>, Error> {
        self.direct().one(
            "SELECT due_at FROM scheduled ORDER BY due_at LIMIT 1",
            [],
            |r| r.get(0),
        )
    }

    /// Has a message looked at again at this time.
    pub fn put_off_scheduled(&self, entry: EntryId, due_at: i64) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE scheduled SET due_at = ?2 WHERE entry = ?1",
                [entry.0, due_at],
            )
            .map(drop)
    }

    /// Has the messages of an organization looked at from the first of two times on that were put
    /// off to a time between them, up to `limit`.
    pub fn hasten_scheduled_of(
        &self,
        org: OrgId,
        (from, to): (i64, i64),
        limit: u32,
    ) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE scheduled SET due_at = ?2 WHERE entry IN
                     (SELECT entry FROM scheduled
                      WHERE org = ?1 AND due_at > ?2 AND due_at <= ?3 AND send_at <= ?2
                      LIMIT ?4)",
                params![org.0, from, to, limit],
            )
            .map(drop)
    }

    /// Writes the recipients of a message that waits for its time.
    pub fn set_scheduled_envelope(&self, mail: &StoredScheduled) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE scheduled SET envelope = ?2 WHERE entry = ?1",
                params![mail.entry.0, format::encode_held(&mail.envelope)?],
            )
            .map(drop)
    }

    /// The message waits no longer; `false` when it did not wait.
    pub fn delete_scheduled(&self, org: OrgId, entry: EntryId) -> Result<bool, Error> {
        let cost = self.direct().one(
            "SELECT cost FROM scheduled WHERE entry = ?1 AND org = ?2",
            [entry.0, org.0],
            |r| r.get::<_, i64>(0),
        )?;
        let Some(cost) = cost else {
            return Ok(false);
        };
        self.direct()
            .run("DELETE FROM scheduled WHERE entry = ?1", [entry.0])?;
        self.count_org_cost(org, -cost)?;
        Ok(true)
    }

    /// Cancels what waits of entries that leave Drafts otherwise than by a decision or at their
    /// time. Gives what is to be told of it.
    pub(super) fn cancel_waiting(
        &self,
        (org, at): (OrgId, i64),
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<Vec<Change>, Error> {
        let mut told = Vec::new();
        for entry in entries {
            let approval = self.cancel_approval((org, at), entry)?;
            let scheduled = self.scheduled(org, entry)?;
            let waited = match (&approval, &scheduled) {
                (Some(approval), _) => &approval.envelope,
                (None, Some(mail)) => &mail.envelope,
                (None, None) => continue,
            };
            let rows = self.waiting_outbound(org, entry)?;
            let metadata = self.metadata_of(entry)?;
            for recipient in &waited.recipients {
                if let Some(approval) = &approval {
                    told.push(approval.change(&recipient.address, metadata.clone()));
                }
                let row = (rows.iter()).find(|row| row.envelope.recipient == recipient.address);
                told.push(Change::Outbound(Box::new(OutboundNews {
                    kind: EventKind::MessageRejected,
                    message: Some(entry),
                    recipient: recipient.address.clone(),
                    // A recipient here has no row.
                    outbound: row.map_or(OutboundId(0), |row| row.id),
                    reason: "cancelled".to_owned(),
                    class: None,
                    code: None,
                    enhanced: None,
                    host: String::new(),
                    metadata: metadata.clone(),
                })));
            }
            self.delete_scheduled(org, entry)?;
            self.cancel_recipients((org, at), entry)?;
        }
        Ok(told)
    }

    /// Cancels the recipients outside of a message that waits.
    pub fn cancel_recipients(&self, place: (OrgId, i64), entry: EntryId) -> Result<(), Error> {
        self.end_recipients(place, entry, OutboundStatus::Cancelled)
    }

    /// Ends the recipients outside of a message that waits, with this status.
    pub fn end_recipients(
        &self,
        (org, at): (OrgId, i64),
        entry: EntryId,
        status: OutboundStatus,
    ) -> Result<(), Error> {
        for mut row in self.waiting_outbound(org, entry)? {
            row.status = status;
            self.end_outbound(&row, at.saturating_add(ENDED_KEPT_MS))?;
        }
        Ok(())
    }
}

fn read_scheduled(r: &Row<'_>) -> Result<StoredScheduled, Error> {
    Ok(StoredScheduled {
        entry: EntryId(r.get(0)?),
        org: OrgId(r.get(1)?),
        inbox: InboxId(r.get(2)?),
        envelope: format::decode_held(&r.get::<_, Vec<u8>>(3)?)?,
        sha256: r.get(4)?,
        is_approved: r.get(5)?,
        send_at: r.get(6)?,
        due_at: r.get(7)?,
    })
}

/// How long a row that cannot be read is put off: an hour.
const UNREADABLE_MS: i64 = 3_600_000;
