//! Stored octets: chunks of 256 KiB, each with a checksum that every read compares, counted
//! references, and beside them what was parsed once.
//!
//! Chunk n of a body has the id body + n, so that a body needs no table of its chunks. A read
//! gives the right octets or [`Error::Corrupt`], never wrong ones.

use core::ops::ControlFlow;

use super::reclaim::{SLICE_OCTETS, SLICE_ROWS};
use super::{Error, Store, format, uint32};
use crate::call::{BodyId, Now, OrgId, Summary};

/// What is stored of a message whatever the number of its entries.
#[derive(Clone, Copy, Debug)]
pub struct NewBody<'a> {
    /// The octets.
    pub octets: &'a [u8],
    /// Length of the header block, blank line included.
    pub header_len: u32,
    /// With its brackets; empty when there is none.
    pub message_id: &'a str,
    /// As `mail::digest` wrote it.
    pub digest: &'a [u8],
    /// What lists and events show.
    pub summary: &'a Summary,
}

impl Store {
    /// Stores a body that `refs` entries and jobs will name.
    pub fn put_body(
        &self,
        now: Now,
        org: OrgId,
        refs: u32,
        body: &NewBody<'_>,
    ) -> Result<BodyId, Error> {
        let chunks = body.octets.chunks(CHUNK_BYTES);
        let id = self.mint_ids(now, u32::try_from(chunks.len()).unwrap_or(u32::MAX));
        let summary = format::encode_summary(body.summary)?;
        self.direct().run(
            "INSERT INTO body (id, org, refs, size, header_len, message_id, digest, summary)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                id,
                org.0,
                refs,
                body.octets.len() as i64,
                body.header_len,
                body.message_id,
                body.digest,
                &summary,
            ),
        )?;
        for (n, octets) in (id..).zip(chunks) {
            self.direct().run(
                "INSERT INTO chunk (id, checksum, octets) VALUES (?1, ?2, ?3)",
                (n, crc32fast::hash(octets), octets),
            )?;
        }
        Ok(BodyId(id))
    }

    /// Appends up to `len` octets from `offset` of a body that has `size` to `out`. The caller
    /// has found body and size by an entry of its own organization.
    pub fn read_body(
        &self,
        (body, size): (BodyId, u32),
        offset: u32,
        len: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        // Never past the end: the next chunk can be another organization's.
        let len = len.min(size.saturating_sub(offset));
        if len == 0 {
            return Ok(());
        }
        let wanted = out.len().saturating_add(len as usize);
        let (start, end) = (
            offset as usize,
            (offset as usize).saturating_add(len as usize),
        );
        let (first, last) = (start / CHUNK_BYTES, (end - 1) / CHUNK_BYTES);
        let mut expected = first;
        let _ = self.direct().each(
            "SELECT id, checksum, octets FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            [
                body.0.saturating_add(first as i64),
                body.0.saturating_add(last as i64),
            ],
            |r| {
                let octets = r
                    .get_ref(2)?
                    .as_blob()
                    .map_err(|_| Error::Corrupt("body"))?;
                let id: i64 = r.get(0)?;
                if id != body.0.saturating_add(expected as i64)
                    || u32::try_from(r.get::<_, i64>(1)?) != Ok(crc32fast::hash(octets))
                {
                    return Err(Error::Corrupt("body"));
                }
                let at = expected * CHUNK_BYTES;
                let from = start.saturating_sub(at).min(octets.len());
                let to = end.saturating_sub(at).min(octets.len());
                out.extend_from_slice(octets.get(from..to).unwrap_or_default());
                expected += 1;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        if out.len() == wanted {
            Ok(())
        } else {
            Err(Error::Corrupt("body"))
        }
    }

    /// All octets of a body that has `size` of them.
    pub fn body_octets(&self, body: BodyId, size: u32) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::with_capacity(size as usize);
        self.read_body((body, size), 0, size, &mut octets)?;
        Ok(octets)
    }

    /// How many octets a body of `org` has.
    pub fn body_size(&self, org: OrgId, body: BodyId) -> Result<Option<u32>, Error> {
        self.direct().one(
            "SELECT size FROM body WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
            |r| Ok(uint32(r.get(0)?)),
        )
    }

    /// The digest of a body of `org`.
    pub fn digest(&self, org: OrgId, body: BodyId) -> Result<Vec<u8>, Error> {
        let stored = self.direct().one(
            "SELECT digest FROM body WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
            |r| r.get(0),
        )?;
        format::decode_digest(stored.ok_or(Error::Corrupt("body"))?)
    }

    /// The summary of a body of `org`.
    pub fn summary(&self, org: OrgId, body: BodyId) -> Result<Summary, Error> {
        let stored: Vec<u8> = self
            .one(
                "SELECT summary FROM body WHERE id = ?1 AND org = ?2",
                [body.0, org.0],
                |r| r.get(0),
            )?
            .ok_or(Error::Corrupt("body"))?;
        format::decode_summary(&stored)
    }

    /// One more entry or job names the body.
    pub(super) fn hold_body(&self, org: OrgId, body: BodyId) -> Result<(), Error> {
        let held = self.direct().run(
            "UPDATE body SET refs = refs + 1 WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
        )?;
        if held == 1 {
            Ok(())
        } else {
            Err(Error::Corrupt("body"))
        }
    }

    /// One entry or job less names the body. With `free` the octets of an unnamed body go at
    /// once unless somebody may be reading them page by page; [`Store::reap`] takes the others
    /// later.
    pub fn drop_body(&self, org: OrgId, body: BodyId, free: bool) -> Result<(), Error> {
        let held = self.direct().one(
            "SELECT refs, size FROM body WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
        )?;
        let (refs, size) = held.ok_or(Error::Corrupt("body"))?;
        if refs == 1 && free && size <= PAGED_BYTES && !self.is_recounted(body)? {
            return self.free_body(body, uint32(size));
        }
        if refs == 1 {
            self.leftovers.set(true);
        }
        self.direct()
            .run("UPDATE body SET refs = refs - 1 WHERE id = ?1", [body.0])
            .map(drop)
    }

    /// Frees some bodies that nothing names; how much work that was, in rows. Large ones,
    /// which are read in many calls, stay for [`linger_ms`] after this has first seen them so,
    /// but not when room `is_short`, and not when many are on their way out at once. That is
    /// known to this process only: after a start it counts anew.
    pub(super) fn sweep_bodies(&self, now: Now, is_short: bool) -> Result<i64, Error> {
        let mut lingering = self.lingering.borrow_mut();
        let most = SWEPT_BODIES.saturating_add(lingering.len() as i64);
        let unnamed = self.direct().all(
            "SELECT id, size FROM body WHERE refs = 0 ORDER BY id LIMIT ?1",
            [most],
            |r| Ok((BodyId(r.get(0)?), r.get::<_, i64>(1)?)),
        )?;
        let (mut octets, mut any) = (0, false);
        for (body, size) in &unnamed {
            if octets >= SLICE_OCTETS {
                break;
            }
            if *size > PAGED_BYTES && !is_short {
                let until = lingering.get(body).copied().unwrap_or_else(|| {
                    let is_many = lingering.len() >= LINGERING_MAX;
                    now.mono_ms
                        .saturating_add(if is_many { 0 } else { linger_ms(*size) })
                });
                if until > now.mono_ms {
                    lingering.insert(*body, until);
                    continue;
                }
            }
            lingering.remove(body);
            octets += *size;
            any = true;
            self.free_body(*body, uint32(*size))?;
        }
        // Freeing is heavier than other work: this is a slice.
        Ok(if any { SLICE_ROWS } else { 0 })
    }

    fn free_body(&self, body: BodyId, size: u32) -> Result<(), Error> {
        let chunks = (size as usize).div_ceil(CHUNK_BYTES) as i64;
        self.direct().run(
            "DELETE FROM chunk WHERE id >= ?1 AND id < ?2",
            [body.0, body.0.saturating_add(chunks)],
        )?;
        self.direct()
            .run("DELETE FROM body WHERE id = ?1", [body.0])?;
        Ok(())
    }
}

/// Bodies that one slice of [`Store::reap`] frees.
const SWEPT_BODIES: i64 = 100;

/// Bodies of up to so many octets go at once: they come in one answer, unless the limit
/// `page_bytes` is set lower than this.
const PAGED_BYTES: i64 = 64 << 10;

/// Bodies that are kept so: each slice looks past them.
const LINGERING_MAX: usize = 500;

/// How long a large body can still be read when nothing names it any more: longer than a
/// client may stand still while it reads (RFC 2180 section 4.1.1), and as long as it takes at
/// [`LINGER_PACE`]. Who is slower can find the rest of it gone.
fn linger_ms(size: i64) -> u64 {
    LINGER_MS.saturating_add(size.unsigned_abs().saturating_mul(1000) / LINGER_PACE)
}

const LINGER_MS: u64 = 180_000;

/// Octets a second: a poor mobile network. 25 MiB then take less than half an hour.
const LINGER_PACE: u64 = 16 << 10;

/// Octets of a chunk: a page of FETCH reads one or two.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
