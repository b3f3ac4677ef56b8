//! Files that clients have uploaded, as rows. The octets of each are a body that the row holds, so
//! they are stored, checked and freed like those of a message.
//!
//! It is no message: nothing lists it, searches it or reads it as mail. The rule: **a row goes at
//! its time**, whether messages have been made with it or not; each message has octets of its own.

use core::ops::ControlFlow;

use rusqlite::{Row, params};

use super::quota::UPLOAD_BYTES;
use super::{Error, Store, int, uint};
use crate::call::{BodyId, KeyId, OrgId, UploadId, UploadRow};

/// A stored upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredUpload {
    /// What its client sees.
    pub row: UploadRow,
    /// The key that has made it; `None` is the operator.
    pub key: Option<KeyId>,
    /// Its octets.
    pub body: BodyId,
}

impl Store {
    /// Stores an upload. Its body has one reference already, which is this row.
    pub fn insert_upload(&self, org: OrgId, upload: &StoredUpload) -> Result<(), Error> {
        let row = &upload.row;
        let texts = row.filename.len().saturating_add(row.content_type.len());
        let cost = UPLOAD_BYTES
            .saturating_add(int(row.size))
            .saturating_add(int(texts as u64));
        self.direct().run(
            "INSERT INTO upload (id, org, key, body, size, filename, content_type, created_at,
                                 expires_at, cost)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                row.id.0,
                org.0,
                upload.key.map(|key| key.0),
                upload.body.0,
                int(row.size),
                row.filename,
                row.content_type,
                row.created_at,
                row.expires_at,
                cost,
            ],
        )?;
        self.count_org_cost(org, cost)
    }

    /// An upload of an organization, also one whose time is over and that has not gone yet.
    pub fn upload(&self, org: OrgId, id: UploadId) -> Result<Option<StoredUpload>, Error> {
        self.direct().one(
            "SELECT id, key, body, size, filename, content_type, created_at, expires_at
             FROM upload WHERE id = ?1 AND org = ?2",
            [id.0, org.0],
            read_upload,
        )
    }

    /// How many uploads a key has made that have not gone, counted up to `max`.
    pub fn uploads_len(&self, org: OrgId, key: Option<KeyId>, max: u64) -> Result<u64, Error> {
        let n = self.direct().one(
            "SELECT count(*) FROM (SELECT 1 FROM upload WHERE org = ?1 AND key IS ?2 LIMIT ?3)",
            params![org.0, key.map(|key| key.0), int(max)],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(uint(n.unwrap_or(0)))
    }

    /// Deletes an upload; `false` when there is none.
    pub fn delete_upload(&self, org: OrgId, id: UploadId) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT body, cost FROM upload WHERE id = ?1 AND org = ?2",
            [id.0, org.0],
            |r| Ok((BodyId(r.get(0)?), r.get::<_, i64>(1)?)),
        )?;
        let Some((body, cost)) = found else {
            return Ok(false);
        };
        self.direct()
            .run("DELETE FROM upload WHERE id = ?1", [id.0])?;
        self.drop_body(org, body, true)?;
        self.count_org_cost(org, -cost)?;
        Ok(true)
    }

    /// Deletes up to `limit` uploads whose time is over, the oldest first; whether there may be
    /// more. One whose body is not there goes too; `verify` reports the damage.
    pub fn trim_uploads(&self, now_ms: i64, limit: u32) -> Result<bool, Error> {
        let mut ended = Vec::new();
        let _ = self.direct().each(
            "SELECT id, org FROM upload WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            params![now_ms, limit],
            |r| {
                ended.push((UploadId(r.get(0)?), OrgId(r.get(1)?)));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for (id, org) in &ended {
            match self.delete_upload(*org, *id) {
                Err(Error::Corrupt(_)) => {
                    log::error!("an upload has no octets id={} org={org}", id.0);
                }
                done => {
                    done?;
                }
            }
        }
        Ok(ended.len() == limit as usize)
    }
}

fn read_upload(r: &Row<'_>) -> rusqlite::Result<StoredUpload> {
    Ok(StoredUpload {
        row: UploadRow {
            id: UploadId(r.get(0)?),
            filename: r.get(4)?,
            content_type: r.get(5)?,
            size: uint(r.get(3)?),
            created_at: r.get(6)?,
            expires_at: r.get(7)?,
        },
        key: r.get::<_, Option<i64>>(1)?.map(KeyId),
        body: BodyId(r.get(2)?),
    })
}
