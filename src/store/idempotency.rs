//! Answers that are kept for `Idempotency-Key`, in the transaction of the change that they
//! answer.
//!
//! It is not the rule for repeats: the service compares fingerprints.

use rusqlite::params;

use super::quota::{KEPT_BYTES, OrgDelta};
use super::{Error, Store, format};
use crate::call::OrgId;

/// What was kept for a key.
#[derive(Debug)]
pub struct KeptAnswer {
    /// SHA-256 of the request that was carried out.
    pub fingerprint: Vec<u8>,
    /// The octets of the answer.
    pub answer: Vec<u8>,
    /// Milliseconds for which it is kept, at most a day.
    pub kept_ms: i64,
}

impl Store {
    /// The answer that is kept for `key`. One whose time is over at `now` (unix ms) is not found.
    /// An answer to the operator has no organization: its row has 0 there, and ids count from 1.
    pub fn kept_answer(
        &self,
        org: Option<OrgId>,
        key: &str,
        now: i64,
    ) -> Result<Option<KeptAnswer>, Error> {
        let kept = self.direct().one(
            "SELECT fingerprint, answer, kept_ms FROM once
             WHERE org = ?1 AND key = ?2 AND at + kept_ms > ?3",
            params![org.map_or(0, |org| org.0), key, now],
            |r| {
                Ok(KeptAnswer {
                    fingerprint: r.get(0)?,
                    answer: r.get(1)?,
                    kept_ms: r.get(2)?,
                })
            },
        )?;
        kept.map(|kept| {
            Ok(KeptAnswer {
                answer: format::decode_answer(kept.answer)?,
                ..kept
            })
        })
        .transpose()
    }

    /// Keeps an answer. It replaces one that has expired.
    pub fn keep_answer(
        &self,
        org: Option<OrgId>,
        key: &str,
        kept: &KeptAnswer,
        at: i64,
    ) -> Result<(), Error> {
        let of = org.map_or(0, |org| org.0);
        let old = self.direct().one(
            "DELETE FROM once WHERE org = ?1 AND key = ?2 RETURNING length(key) + length(answer)",
            params![of, key],
            |r| r.get::<_, i64>(0),
        )?;
        let answer = format::encode_answer(&kept.answer);
        let octets = KEPT_BYTES + (key.len() + answer.len()) as i64;
        self.direct().run(
            "INSERT INTO once (org, key, fingerprint, answer, at, kept_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![of, key, kept.fingerprint, answer, at, kept.kept_ms],
        )?;
        let Some(org) = org else {
            return Ok(());
        };
        let before = old.map_or(0, |old| old + KEPT_BYTES);
        let delta = of_answers(i64::from(old.is_none()), octets - before);
        self.count_org(org, &delta)
    }

    /// Removes up to `limit` answers whose time is over at `now` (unix ms); how many.
    pub fn trim_answers(&self, now: i64, limit: u32) -> Result<usize, Error> {
        // The clock was ahead when these were kept: their time begins now.
        self.direct().run(
            "UPDATE once SET at = ?1 WHERE at > ?2",
            [now, now.saturating_add(30 * DAY_MS)],
        )?;
        let old = self.direct().all(
            "SELECT org, key, length(key) + length(answer) FROM once
             WHERE at + kept_ms <= ?1 ORDER BY at + kept_ms LIMIT ?2",
            [now, i64::from(limit)],
            |r| {
                let (org, key): (i64, String) = (r.get(0)?, r.get(1)?);
                Ok((org, key, r.get::<_, i64>(2)?))
            },
        )?;
        for (org, key, octets) in &old {
            self.direct().run(
                "DELETE FROM once WHERE org = ?1 AND key = ?2",
                params![org, key],
            )?;
            let delta = of_answers(-1, -octets - KEPT_BYTES);
            self.count_org_if_there(OrgId(*org), &delta)?;
        }
        Ok(old.len())
    }
}

fn of_answers(kept: i64, octets: i64) -> OrgDelta {
    OrgDelta {
        kept,
        kept_bytes: octets,
        cost: octets,
        ..OrgDelta::default()
    }
}

const DAY_MS: i64 = 86_400_000;
