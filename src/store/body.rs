//! Stored octets of messages: chunks of 256 KiB, counted references, and the parts of a message
//! that were parsed at delivery.
//!
//! Each chunk has a checksum, and every read compares it. A read gives the right octets or
//! [`Error::Corrupt`], never wrong octets. Chunk n of a body has the id body + n, so a body needs
//! no table of its chunks.
//!
//! It is not the message as a client sees it: an entry puts a prefix of its own before it (see
//! `entry.rs`).

use core::ops::ControlFlow;

use rusqlite::types::ValueRef;

use super::reclaim::{SLICE_OCTETS, SLICE_ROWS};
use super::row_sum::row_sum;
use super::{Error, Store, format, uint32};
use crate::call::{BodyId, InboxId, Now, OrgId, Summary};

/// What is stored once for a message, for all its entries.
#[derive(Clone, Copy, Debug)]
pub struct NewBody<'a> {
    /// The octets.
    pub octets: &'a [u8],
    /// Length of the header block, blank line included.
    pub header_len: u32,
    /// `Message-ID` with its brackets; empty when there is none.
    pub message_id: &'a str,
    /// The Message-IDs that it refers to.
    pub references: &'a [String],
    /// The inboxes that it is delivered to, one for each entry that is made now.
    pub inboxes: &'a [InboxId],
    /// The sender, and keys of subject and recipient by which answers are found.
    pub noted: Option<(InboxId, &'a [String])>,
    /// As `mail::digest` wrote it.
    pub digest: &'a [u8],
    /// What lists and events show.
    pub summary: &'a Summary,
}

impl Store {
    /// Stores a body. `refs` entries and jobs will name it.
    pub fn put_body(
        &self,
        now: Now,
        org: OrgId,
        refs: u32,
        body: &NewBody<'_>,
    ) -> Result<BodyId, Error> {
        let chunks = body.octets.len().div_ceil(CHUNK_BYTES);
        let id = self.new_ids(now, u32::try_from(chunks).unwrap_or(u32::MAX));
        self.insert_body(id, (org, refs), body)?;
        self.put_piece(BodyId(id), body.octets, (0, body.octets.len()))?;
        Ok(BodyId(id))
    }

    /// The row of a body, without its octets.
    pub(super) fn insert_body(
        &self,
        id: i64,
        (org, refs): (OrgId, u32),
        body: &NewBody<'_>,
    ) -> Result<(), Error> {
        let summary = format::encode_summary(body.summary)?;
        let size = body.octets.len() as i64;
        let sum = row_sum(&[
            ValueRef::Integer(id),
            ValueRef::Integer(org.0),
            ValueRef::Integer(size),
            ValueRef::Integer(body.header_len.into()),
            ValueRef::Text(body.message_id.as_bytes()),
            ValueRef::Blob(body.digest),
            ValueRef::Blob(&summary),
        ]);
        self.direct().run(
            "INSERT INTO body (id, org, refs, size, header_len, message_id, digest, summary, links,
                 sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            (
                id,
                org.0,
                refs,
                size,
                body.header_len,
                body.message_id,
                body.digest,
                &summary,
                self.links_of(body)?,
                sum,
            ),
        )?;
        Ok(())
    }

    /// Appends up to `len` octets from `offset` of a body to `out`. The body has `size` octets.
    /// The caller has found body and size through an entry of its own organization.
    pub fn read_body(
        &self,
        (body, size): (BodyId, u32),
        offset: u32,
        len: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        // The read ends at the end of the body: the next chunk can be of another organization.
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

    /// How many octets a body of `org` has, and how many of them its header has.
    pub fn body_lengths(&self, org: OrgId, body: BodyId) -> Result<Option<(u32, u32)>, Error> {
        self.direct().one(
            "SELECT size, header_len FROM body WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
            |r| Ok((uint32(r.get(0)?), uint32(r.get(1)?))),
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

    /// Shows a small body of `org` and its digest, in one statement; `None` if it has more than one
    /// chunk, is not there, or is damaged.
    pub fn look_at_body<T>(
        &self,
        org: OrgId,
        body: BodyId,
        look: impl FnOnce(&[u8], Vec<u8>) -> T,
    ) -> Result<Option<T>, Error> {
        let looked = self.direct().one(
            "SELECT b.size, b.digest, c.checksum, c.octets
             FROM body b CROSS JOIN chunk c ON c.id = b.id
             WHERE b.id = ?1 AND b.org = ?2 AND b.size <= ?3",
            [body.0, org.0, CHUNK_BYTES as i64],
            |r| {
                let octets = r.get_ref(3)?.as_blob().unwrap_or_default();
                let is_whole = u32::try_from(octets.len()) == Ok(uint32(r.get(0)?))
                    && r.get::<_, i64>(2)? == i64::from(crc32fast::hash(octets));
                let digest = format::decode_digest(r.get(1)?).ok();
                Ok(digest
                    .filter(|_| is_whole)
                    .map(|digest| look(octets, digest)))
            },
        )?;
        Ok(looked.flatten())
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

    /// Counts one more entry or job that names the body.
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

    /// Counts one entry or job less that names the body. With `free`, the octets of a body that
    /// has no name left go at once. A large body stays, because a session may be reading it page
    /// by page; [`Store::reclaim`] frees it later.
    pub fn drop_body(&self, org: OrgId, body: BodyId, free: bool) -> Result<(), Error> {
        let held = self.direct().one(
            "SELECT refs, size, coalesce(length(links), 0) FROM body WHERE id = ?1 AND org = ?2",
            [body.0, org.0],
            |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get::<_, i64>(1)?,
                    r.get::<_, i64>(2)?,
                ))
            },
        )?;
        let (refs, size, links) = held.ok_or(Error::Corrupt("body"))?;
        let is_small = size <= PAGED_BYTES && links <= FEW_LINKS_BYTES;
        if refs == 1 && free && is_small && !self.is_recounted(body)? {
            self.release_links(body, i64::MAX)?;
            return self.free_body(body, size).map(drop);
        }
        if refs == 1 {
            self.leftovers.set(true);
        }
        self.direct()
            .run("UPDATE body SET refs = refs - 1 WHERE id = ?1", [body.0])
            .map(drop)
    }

    /// Frees some bodies that have no reference left; how much work that was, in rows.
    ///
    /// Large bodies are read in many calls, so they stay for [`linger_ms`] after this function
    /// has first seen them. They go at once when disk space `is_short`, when [`LINGERING_MAX`]
    /// bodies stay already, or when some of their octets are not there, so that no client can read
    /// them. These times are in memory: after a start they begin again. A body that still arrives
    /// stays.
    pub(super) fn sweep_bodies(&self, now: Now, is_short: bool) -> Result<i64, Error> {
        let mut lingering = self.lingering.borrow_mut();
        let mut arriving = self.arriving.borrow_mut();
        let passed = lingering.len().saturating_add(arriving.len());
        let most = SWEPT_BODIES.saturating_add(passed as i64);
        let unnamed = self.direct().all(
            "SELECT id, size FROM body WHERE refs = 0 ORDER BY id LIMIT ?1",
            [most],
            |r| Ok((BodyId(r.get(0)?), r.get::<_, i64>(1)?)),
        )?;
        let (mut octets, mut any, mut rows) = (0, false, 0);
        for (body, size) in &unnamed {
            if octets >= SLICE_OCTETS || rows >= SWEPT_LINKS {
                break;
            }
            let arrives = arriving.arrives(*body);
            if arrives == Some(true) {
                continue;
            }
            let was_placed = arrives.is_none();
            if *size > PAGED_BYTES && !is_short && was_placed && self.is_whole(*body, *size)? {
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
            any = true;
            let (changed, is_done) = self.release_links(*body, SWEPT_LINKS - rows)?;
            rows += changed;
            if !is_done {
                break;
            }
            octets += self.free_body(*body, *size)?;
            arriving.remove(*body);
        }
        // Freeing is heavier than other work: one round of it is a whole slice.
        Ok(if any { SLICE_ROWS } else { 0 })
    }

    /// Frees a body, or of a large one the last octets that it still has, about [`SLICE_OCTETS`]
    /// of them; how many. Its links are released already.
    fn free_body(&self, body: BodyId, size: i64) -> Result<i64, Error> {
        let chunk_bytes = CHUNK_BYTES as i64;
        let chunks = size.saturating_add(chunk_bytes - 1) / chunk_bytes;
        let end = body.0.saturating_add(chunks);
        let mut first = body.0;
        if size > SLICE_OCTETS {
            let last = self.direct().one(
                "SELECT max(id) FROM chunk WHERE id >= ?1 AND id < ?2",
                [body.0, end],
                |r| r.get::<_, Option<i64>>(0),
            )?;
            let last = last.flatten().unwrap_or(body.0);
            first = (last + 1 - SLICE_OCTETS / chunk_bytes).max(body.0);
        }
        self.direct()
            .run("DELETE FROM chunk WHERE id >= ?1 AND id < ?2", [first, end])?;
        if first > body.0 {
            self.direct()
                .run("UPDATE body SET links = NULL WHERE id = ?1", [body.0])?;
            return Ok(SLICE_OCTETS);
        }
        self.direct()
            .run("DELETE FROM body WHERE id = ?1", [body.0])?;
        self.forget_lesson(body)?;
        Ok(size.min(SLICE_OCTETS))
    }
}

/// Bodies that one slice of [`Store::reclaim`] frees.
const SWEPT_BODIES: i64 = 100;

/// Rows of conversations that one slice changes for them, about.
const SWEPT_LINKS: i64 = 500;

/// Bodies whose links take more octets are freed later: they are in many conversations or inboxes.
const FEW_LINKS_BYTES: i64 = 100;

/// Bodies of up to this size are freed at once: a client gets them in one answer, unless the
/// limit `page_bytes` is lower than this.
const PAGED_BYTES: i64 = 64 << 10;

/// The most bodies that stay for readers: each slice has to pass over them.
const LINGERING_MAX: usize = 500;

/// How long a large body can still be read after its last reference is gone: a fixed time that is
/// longer than a client may pause while it reads (RFC 2180 section 4.1.1), and the time that its
/// octets take at [`LINGER_PACE`]. A slower client can find the rest of it gone.
fn linger_ms(size: i64) -> u64 {
    LINGER_MS.saturating_add(size.unsigned_abs().saturating_mul(1000) / LINGER_PACE)
}

const LINGER_MS: u64 = 180_000;

/// Octets a second, as on a poor mobile network. 25 MiB then take less than half an hour.
const LINGER_PACE: u64 = 16 << 10;

/// Octets of a chunk: a page of FETCH reads one or two.
pub const CHUNK_BYTES: usize = 256 << 10;
