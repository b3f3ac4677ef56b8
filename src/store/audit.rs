//! The audit of each organization, as rows: written with the act, listed from the newest, deleted
//! after their days.
//!
//! It decides nothing: `service/audit.rs` says which call is an act. The rules: **a row is in the
//! savepoint of its act**, so that neither is without the other; and **rows go from the oldest
//! on**, so that their numbers have no gap, which `verify` checks.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::ids::first_id_at;
use super::row_sum::row_sum;
use super::{Error, Store, int};
use crate::call::{AuditAction, AuditId, AuditRow, AuditTarget, KeyId, Now, OrgId, RequestId};

impl Store {
    /// Writes the row of an act, and gives its id: the first of its time, or the next one of its
    /// organization. So it needs no gap, and no number of the ids that others see. The id in `row`
    /// does not count.
    pub fn insert_audit(&self, org: OrgId, row: &AuditRow) -> Result<AuditId, Error> {
        let newest = self.direct().one(
            "SELECT nth, id FROM audit WHERE org = ?1 ORDER BY id DESC LIMIT 1",
            [org.0],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
        )?;
        let (nth, last) = newest.unwrap_or((0, 0));
        let id = first_id_at(row.at).max(last.saturating_add(1));
        let (target_kind, target) = row.target.map_or((0, 0), AuditTarget::numbers);
        let (request_kind, request) = row.request_id.map_or((0, 0), RequestId::numbers);
        let values = [
            org.0,
            id,
            nth.saturating_add(1),
            row.at,
            row.action.number(),
            row.key.map_or(0, |key| key.0),
            target_kind,
            target,
            request_kind,
            request,
        ];
        let [org, id, nth, at, action, key, ..] = values;
        let sum = row_sum(&values.map(ValueRef::Integer));
        self.direct().run(
            "INSERT INTO audit (org, id, nth, at, action, key, target_kind, target, request_kind,
                                request, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            [
                org,
                id,
                nth,
                at,
                action,
                key,
                target_kind,
                target,
                request_kind,
                request,
                sum,
            ],
        )?;
        Ok(AuditId(id))
    }

    /// Up to `limit` acts of an organization before one, the newest first; `AuditId(0)` is before
    /// none. They are from `since` on and before `until`, unix milliseconds.
    pub fn audit_page(
        &self,
        org: OrgId,
        before: AuditId,
        (since, until): (Option<i64>, Option<i64>),
        limit: usize,
    ) -> Result<Vec<AuditRow>, Error> {
        let before = if before.0 == 0 { i64::MAX } else { before.0 };
        let before = until.map_or(before, |until| before.min(first_id_at(until)));
        let rows = self.direct().all(
            "SELECT id, at, action, key, target_kind, target, request_kind, request FROM audit
             WHERE org = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4",
            [
                org.0,
                before,
                since.map_or(0, first_id_at),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ],
            |r| Ok(read_act(r)),
        )?;
        rows.into_iter().collect()
    }

    /// Deletes acts that are older than `keep_ms` or more than an organization keeps, at most
    /// `limit`; whether there may be more. Each call goes on where the last one ended.
    pub fn trim_audit(&self, now: Now, keep_ms: i64, limit: u32) -> Result<bool, Error> {
        let before = first_id_at(now.unix_ms.saturating_sub(keep_ms));
        for _ in 0..TRIMMED_AUDITS {
            let next = self.direct().one(
                "SELECT org FROM audit WHERE org > ?1 ORDER BY org LIMIT 1",
                [self.audit_from.get()],
                |r| r.get::<_, i64>(0),
            )?;
            let Some(org) = next else {
                self.audit_from.set(0);
                return Ok(false);
            };
            let newest = self.direct().one(
                "SELECT nth FROM audit WHERE org = ?1 ORDER BY id DESC LIMIT 1",
                [org],
                |r| r.get::<_, i64>(0),
            )?;
            let crowded = newest.unwrap_or(0).saturating_sub(int(ACTS_KEPT_MAX));
            let gone = self.direct().run(
                "DELETE FROM audit WHERE org = ?1 AND id IN
                     (SELECT id FROM
                         (SELECT id, nth FROM audit WHERE org = ?1 ORDER BY id LIMIT ?4)
                      WHERE id < ?2 OR nth <= ?3)",
                [org, before, crowded, limit.into()],
            )?;
            if gone as u64 >= u64::from(limit) {
                return Ok(true);
            }
            self.audit_from.set(org);
        }
        Ok(true)
    }

    /// Deletes some acts of an organization that has ended; how many.
    pub(super) fn reclaim_audit(&self, org: OrgId, limit: i64) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM audit WHERE org = ?1 AND id IN
                 (SELECT id FROM audit WHERE org = ?1 ORDER BY id LIMIT ?2)",
            [org.0, limit],
        )
    }
}

fn read_act(r: &Row<'_>) -> Result<AuditRow, Error> {
    const BAD: Error = Error::Corrupt("audit");
    let (key, target_kind, request_kind): (i64, i64, i64) = (r.get(3)?, r.get(4)?, r.get(6)?);
    let target = match target_kind {
        0 => None,
        kind => Some(AuditTarget::numbered(kind, r.get(5)?).ok_or(BAD)?),
    };
    let request_id = match request_kind {
        0 => None,
        kind => Some(RequestId::numbered(kind, r.get(7)?).ok_or(BAD)?),
    };
    Ok(AuditRow {
        id: AuditId(r.get(0)?),
        at: r.get(1)?,
        action: AuditAction::numbered(r.get(2)?).ok_or(BAD)?,
        key: (key != 0).then_some(KeyId(key)),
        target,
        request_id,
    })
}

/// Organizations that one call of [`Store::trim_audit`] looks at.
const TRIMMED_AUDITS: usize = 50;

/// The most acts of an organization, whatever their age: about 100 octets each. It is more than its
/// messages of 90 days.
const ACTS_KEPT_MAX: u64 = 1_000_000;
