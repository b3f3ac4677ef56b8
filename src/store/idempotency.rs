//! Answers kept for `Idempotency-Key`, in the transaction of what they answer.

use rusqlite::params;

use super::{Error, Store, format};
use crate::call::OrgId;

/// What was kept for a key.
#[derive(Debug)]
pub struct KeptAnswer {
    /// Of the request that was carried out.
    pub fingerprint: Vec<u8>,
    /// What was answered.
    pub answer: Vec<u8>,
}

impl Store {
    /// The answer that is kept for `key`, unless it is from before `since` (unix ms). Ids count
    /// from 1; a row without an organization is the operator's and has 0 there.
    pub fn once(
        &self,
        org: Option<OrgId>,
        key: &str,
        since: i64,
    ) -> Result<Option<KeptAnswer>, Error> {
        let kept = self.direct().one(
            "SELECT fingerprint, answer FROM once WHERE org = ?1 AND key = ?2 AND at > ?3",
            params![org.map_or(0, |org| org.0), key, since],
            |r| {
                Ok(KeptAnswer {
                    fingerprint: r.get(0)?,
                    answer: r.get(1)?,
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

    /// Keeps an answer; one that had expired is replaced.
    pub fn keep_once(
        &self,
        org: Option<OrgId>,
        key: &str,
        kept: &KeptAnswer,
        at: i64,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT OR REPLACE INTO once (org, key, fingerprint, answer, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                org.map_or(0, |org| org.0),
                key,
                kept.fingerprint,
                format::encode_answer(&kept.answer),
                at
            ],
        )?;
        Ok(())
    }

    /// Forgets up to `limit` answers from before `before` (unix ms); gives how many.
    pub fn trim_once(&self, before: i64, limit: u32) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM once WHERE (org, key) IN
             (SELECT org, key FROM once WHERE at <= ?1 ORDER BY at LIMIT ?2)",
            [before, i64::from(limit)],
        )
    }
}
