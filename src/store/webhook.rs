//! Webhooks and their deliveries, as rows. An endpoint is a place in the log: an event that it was
//! not sent yet has no row here.

use rusqlite::{Row, params};

use super::{Error, Store, format, int, uint};
use crate::call::{
    DeliveryId, DeliveryRow, DeliveryStatus, DisabledReason, EventKind, OrgId, WebhookId,
    WebhookRow,
};

/// A webhook with what its owner does not see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredWebhook {
    /// What its owner sees.
    pub row: WebhookRow,
    /// Its organization.
    pub org: OrgId,
    /// The content of messages is shown to it.
    pub is_open: bool,
    /// It was made as one of its inbox, and ends with it.
    pub is_of_inbox: bool,
    /// Its secret, sealed.
    pub secret: Vec<u8>,
    /// The secret before the last rotation, sealed, and until when it signs (unix milliseconds).
    pub old_secret: Option<(Vec<u8>, i64)>,
    /// Every event up to this number has been looked at.
    pub seq: u64,
    /// The first failure since the last success, unix milliseconds.
    pub failing_since: Option<i64>,
}

impl Store {
    /// A new webhook.
    pub fn insert_webhook(&self, hook: &StoredWebhook) -> Result<(), Error> {
        self.write_webhook(
            "INSERT INTO webhook (id, org, url, spec, metadata, enabled, reason, secret, old_secret,
                                  old_until, seq, failing_since, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            hook,
        )
    }

    /// A webhook that is there has changed.
    pub fn update_webhook(&self, hook: &StoredWebhook) -> Result<(), Error> {
        self.write_webhook(
            "UPDATE webhook SET url = ?3, spec = ?4, metadata = ?5, enabled = ?6, reason = ?7,
                                secret = ?8, old_secret = ?9, old_until = ?10, seq = ?11,
                                failing_since = ?12, created_at = ?13
             WHERE id = ?1 AND org = ?2",
            hook,
        )
    }

    fn write_webhook(&self, sql: &'static str, hook: &StoredWebhook) -> Result<(), Error> {
        let row = &hook.row;
        let old = hook.old_secret.as_ref();
        self.run(
            sql,
            params![
                row.id.0,
                hook.org.0,
                row.url,
                format::encode_spec(row, (hook.is_open, hook.is_of_inbox))?,
                row.metadata,
                row.is_enabled,
                row.disabled_reason.map(|reason| reason as i64),
                hook.secret,
                old.map(|(secret, _)| secret),
                old.map(|(_, until)| *until),
                int(hook.seq),
                hook.failing_since,
                row.created_at,
            ],
        )?;
        Ok(())
    }

    /// Moves the place of a webhook in the log.
    pub fn move_webhook(&self, id: WebhookId, seq: u64) -> Result<(), Error> {
        self.run(
            "UPDATE webhook SET seq = ?2 WHERE id = ?1",
            [id.0, int(seq)],
        )?;
        Ok(())
    }

    /// The first failure of a webhook since its last success, unix milliseconds; `None`: it works.
    pub fn set_webhook_failing(&self, id: WebhookId, since: Option<i64>) -> Result<(), Error> {
        self.run(
            "UPDATE webhook SET failing_since = ?2 WHERE id = ?1",
            params![id.0, since],
        )?;
        Ok(())
    }

    /// The organization of a webhook, for the server itself.
    pub fn webhook_org(&self, id: WebhookId) -> Result<Option<OrgId>, Error> {
        self.one("SELECT org FROM webhook WHERE id = ?1", [id.0], |r| {
            r.get(0).map(OrgId)
        })
    }

    /// One webhook.
    pub fn webhook(&self, org: OrgId, id: WebhookId) -> Result<Option<StoredWebhook>, Error> {
        let found = self.one(
            "SELECT id, org, url, spec, metadata, enabled, reason, secret, old_secret, old_until,
                    seq, failing_since, created_at
             FROM webhook WHERE id = ?1 AND org = ?2",
            [id.0, org.0],
            |r| Ok(read_webhook(r)),
        )?;
        found.transpose()
    }

    /// The webhooks of an organization by id. A limit bounds their number.
    pub fn webhooks(&self, org: OrgId) -> Result<Vec<StoredWebhook>, Error> {
        let rows = self.all(
            "SELECT id, org, url, spec, metadata, enabled, reason, secret, old_secret, old_until,
                    seq, failing_since, created_at
             FROM webhook WHERE org = ?1 ORDER BY id",
            [org.0],
            |r| Ok(read_webhook(r)),
        )?;
        rows.into_iter().collect()
    }

    /// The organization and the id of every webhook that is enabled, or was disabled because it
    /// fails or is gone.
    pub fn enabled_or_failed_webhooks(&self) -> Result<Vec<(OrgId, WebhookId)>, Error> {
        self.all(
            "SELECT org, id FROM webhook WHERE enabled <> 0 OR reason IS NOT NULL
             ORDER BY id",
            [],
            |r| Ok((OrgId(r.get(0)?), WebhookId(r.get(1)?))),
        )
    }

    /// Removes a webhook with its deliveries.
    pub fn delete_webhook(&self, org: OrgId, id: WebhookId) -> Result<(), Error> {
        self.run(
            "DELETE FROM webhook_delivery WHERE webhook =
                 (SELECT id FROM webhook WHERE id = ?1 AND org = ?2)",
            [id.0, org.0],
        )?;
        self.run(
            "DELETE FROM webhook WHERE id = ?1 AND org = ?2",
            [id.0, org.0],
        )?;
        Ok(())
    }

    /// Writes what became of a delivery, in place of what was there.
    pub fn put_delivery(&self, hook: WebhookId, row: &DeliveryRow) -> Result<(), Error> {
        self.run(
            "INSERT INTO webhook_delivery (webhook, seq, kind, status, tries, due_at, attempts, org)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (webhook, seq) DO UPDATE SET status = excluded.status,
                 tries = excluded.tries, due_at = excluded.due_at, attempts = excluded.attempts",
            params![
                hook.0,
                row.id.0,
                row.kind.name(),
                row.status as i64,
                row.tries,
                row.next_attempt_at,
                format::encode_attempts(&row.attempts)?,
                row.org.0,
            ],
        )?;
        Ok(())
    }

    /// One delivery.
    pub fn delivery(&self, hook: WebhookId, id: DeliveryId) -> Result<Option<DeliveryRow>, Error> {
        let found = self.one(
            "SELECT seq, kind, status, tries, due_at, attempts, org FROM webhook_delivery
             WHERE webhook = ?1 AND seq = ?2",
            [hook.0, id.0],
            |r| Ok(read_delivery(r)),
        )?;
        found.transpose()
    }

    /// The oldest delivery of a webhook that is pending.
    pub fn pending_delivery(&self, hook: WebhookId) -> Result<Option<DeliveryRow>, Error> {
        let found = self.one(
            "SELECT seq, kind, status, tries, due_at, attempts, org FROM webhook_delivery
             WHERE webhook = ?1 AND status = 0 ORDER BY seq LIMIT 1",
            [hook.0],
            |r| Ok(read_delivery(r)),
        )?;
        found.transpose()
    }

    /// Deliveries of a webhook before `before`, the newest first.
    pub fn deliveries(
        &self,
        hook: WebhookId,
        status: Option<DeliveryStatus>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let of = params![
            hook.0,
            before,
            limit,
            status.map_or(-1, |status| status as i64)
        ];
        // The index has those that are not delivered.
        let sql = match status {
            None => {
                "SELECT seq, kind, status, tries, due_at, attempts, org FROM webhook_delivery
                 WHERE webhook = ?1 AND seq < ?2 AND ?4 = -1 ORDER BY seq DESC LIMIT ?3"
            }
            Some(DeliveryStatus::Delivered) => {
                "SELECT seq, kind, status, tries, due_at, attempts, org FROM webhook_delivery
                 WHERE webhook = ?1 AND seq < ?2 AND status = ?4 ORDER BY seq DESC LIMIT ?3"
            }
            Some(DeliveryStatus::Pending | DeliveryStatus::Failed) => {
                "SELECT seq, kind, status, tries, due_at, attempts, org FROM webhook_delivery
                 WHERE webhook = ?1 AND seq < ?2 AND status = ?4 AND status <> 1
                 ORDER BY seq DESC LIMIT ?3"
            }
        };
        let rows = self.all(sql, of, |r| Ok(read_delivery(r)))?;
        rows.into_iter().collect()
    }

    /// Removes the pending state of deliveries after an event: the log has them again.
    pub fn end_pending_after(&self, hook: WebhookId, seq: u64) -> Result<(), Error> {
        self.run(
            "UPDATE webhook_delivery SET status = 2, due_at = NULL
             WHERE webhook = ?1 AND status = 0 AND seq > ?2",
            [hook.0, int(seq)],
        )?;
        Ok(())
    }

    /// Removes deliveries of events that the log of `org` does not have any more.
    pub(super) fn trim_deliveries(&self, org: OrgId, oldest: u64) -> Result<(), Error> {
        self.run(
            "DELETE FROM webhook_delivery
             WHERE webhook IN (SELECT id FROM webhook WHERE org = ?1) AND seq < ?2",
            [org.0, int(oldest)],
        )?;
        Ok(())
    }

    /// Removes some of the webhooks of an organization that is gone, with their deliveries.
    pub(super) fn reclaim_webhooks(&self, org: OrgId, rows: i64) -> Result<usize, Error> {
        let gone = self.direct().run(
            "DELETE FROM webhook_delivery WHERE (webhook, seq) IN
                 (SELECT d.webhook, d.seq FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook
                  WHERE w.org = ?1 LIMIT ?2)",
            [org.0, rows],
        )?;
        match gone {
            0 => self
                .direct()
                .run("DELETE FROM webhook WHERE org = ?1", [org.0]),
            gone => Ok(gone),
        }
    }
}

fn read_webhook(r: &Row<'_>) -> Result<StoredWebhook, Error> {
    const REASON: Error = Error::Corrupt("webhook");
    let spec: Vec<u8> = r.get(3)?;
    let reason = match r.get::<_, Option<i64>>(6)? {
        None => None,
        Some(0) => Some(DisabledReason::Gone),
        Some(1) => Some(DisabledReason::Failing),
        Some(_) => return Err(REASON),
    };
    let mut row = WebhookRow {
        id: WebhookId(r.get(0)?),
        url: r.get(2)?,
        kinds: Vec::new(),
        inbox: None,
        from: None,
        label: None,
        verdict: None,
        is_full: false,
        metadata: r.get(4)?,
        is_enabled: r.get(5)?,
        disabled_reason: reason,
        created_at: r.get(12)?,
    };
    let (is_open, is_of_inbox) = format::decode_spec(&spec, &mut row)?;
    let old_secret: Option<Vec<u8>> = r.get(8)?;
    let old_until: Option<i64> = r.get(9)?;
    Ok(StoredWebhook {
        row,
        org: OrgId(r.get(1)?),
        is_open,
        is_of_inbox,
        secret: r.get(7)?,
        old_secret: old_secret.zip(old_until),
        seq: uint(r.get(10)?),
        failing_since: r.get(11)?,
    })
}

fn read_delivery(r: &Row<'_>) -> Result<DeliveryRow, Error> {
    const ROW: Error = Error::Corrupt("webhook delivery");
    let kind: String = r.get(1)?;
    let attempts: Vec<u8> = r.get(5)?;
    let status = match r.get::<_, i64>(2)? {
        0 => DeliveryStatus::Pending,
        1 => DeliveryStatus::Delivered,
        2 => DeliveryStatus::Failed,
        _ => return Err(ROW),
    };
    Ok(DeliveryRow {
        org: OrgId(r.get(6)?),
        id: DeliveryId(r.get(0)?),
        kind: EventKind::named(&kind).ok_or(ROW)?,
        status,
        attempts: format::decode_attempts(&attempts)?,
        tries: r.get(3)?,
        next_attempt_at: r.get(4)?,
    })
}
