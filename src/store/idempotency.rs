//! Answers that are kept for `Idempotency-Key`, in the transaction of the change that they
//! answer.
//!
//! It is not the rule for repeats: the service compares fingerprints.

use rusqlite::params;

use super::{Error, Store, format};
use crate::call::OrgId;

/// What was kept for a key.
#[derive(Debug)]
pub struct KeptAnswer {
    /// SHA-256 of the request that was carried out.
    pub fingerprint: Vec<u8>,
    /// The octets of the answer.
    pub answer: Vec<u8>,
}

impl Store {
    /// The answer that is kept for `key`. Answers from before `since` (unix ms) are not found. An
    /// answer to the operator has no organization: its row has 0 there, and ids count from 1.
    pub fn kept_answer(
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

    /// Keeps an answer. It replaces one that has expired.
    pub fn keep_answer(
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

    /// Removes up to `limit` answers from before `before` (unix ms); how many.
    pub fn trim_answers(&self, before: i64, limit: u32) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM once WHERE (org, key) IN
             (SELECT org, key FROM once WHERE at <= ?1 ORDER BY at LIMIT ?2)",
            [before, i64::from(limit)],
        )
    }
}
