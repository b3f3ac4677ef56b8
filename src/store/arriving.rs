//! A large body that arrives in pieces: the writer stores some of its octets in each of many
//! groups, so that no call waits for all of them, and places it in one.
//!
//! Until it is placed, nothing names it: it has no reference, and no reader can find it. What is
//! left of it after a crash or a refusal is freed like every body without a reference. The rule: a
//! body that still arrives is never freed, and one that does not arrive any more is freed soon. So
//! the store keeps a weak reference to each, and the delivery holds the other end.

use std::sync::{Arc, Weak};

use super::body::{CHUNK_BYTES, NewBody};
use super::{Error, Store, int};
use crate::call::{BodyId, Now, OrgId};

/// A body whose octets are being stored. It arrives until every copy of this is dropped.
#[derive(Clone, Debug)]
pub struct ArrivingBody {
    /// The organization that will have it.
    pub org: OrgId,
    /// Its id.
    pub id: BodyId,
    _alive: Arc<()>,
}

impl PartialEq for ArrivingBody {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ArrivingBody {}

/// The bodies that arrive, and those that have been given up and are not freed yet.
#[derive(Debug, Default)]
pub(super) struct ArrivingBodies(Vec<(BodyId, Weak<()>)>);

impl ArrivingBodies {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a body still arrives; `None` when it is none of these.
    pub(super) fn arrives(&self, body: BodyId) -> Option<bool> {
        let found = self.0.iter().find(|(id, _)| *id == body);
        found.map(|(_, alive)| alive.strong_count() > 0)
    }

    /// Forgets a body that is placed or freed.
    pub(super) fn remove(&mut self, body: BodyId) {
        self.0.retain(|(id, _)| *id != body);
    }

    fn add(&mut self, body: BodyId, alive: &Arc<()>) {
        if self.0.len() >= KEPT_MAX {
            self.0.retain(|(_, alive)| alive.strong_count() > 0);
        }
        self.0.push((body, Arc::downgrade(alive)));
    }
}

impl Store {
    /// Begins a body that no entry names yet, without its octets. The next id that is given out is
    /// beyond its chunks.
    pub fn begin_body(
        &self,
        now: Now,
        org: OrgId,
        body: &NewBody<'_>,
    ) -> Result<ArrivingBody, Error> {
        let chunks = body.octets.len().div_ceil(CHUNK_BYTES);
        let id = self.new_ids(now, u32::try_from(chunks).unwrap_or(u32::MAX));
        self.insert_body(id, (org, 0), body)?;
        let alive = Arc::new(());
        self.arriving.borrow_mut().add(BodyId(id), &alive);
        Ok(ArrivingBody {
            org,
            id: BodyId(id),
            _alive: alive,
        })
    }

    /// Stores up to `len` octets of a body from `offset`, both multiples of [`CHUNK_BYTES`].
    /// `octets` are those of the whole body.
    pub fn put_piece(
        &self,
        body: BodyId,
        octets: &[u8],
        (offset, len): (usize, usize),
    ) -> Result<(), Error> {
        let end = offset.saturating_add(len).min(octets.len());
        let piece = octets.get(offset..end).unwrap_or_default();
        let first = body.0.saturating_add(int((offset / CHUNK_BYTES) as u64));
        for (n, octets) in (first..).zip(piece.chunks(CHUNK_BYTES)) {
            self.direct().run(
                "INSERT INTO chunk (id, checksum, octets) VALUES (?1, ?2, ?3)",
                (n, crc32fast::hash(octets), octets),
            )?;
        }
        Ok(())
    }

    /// Places a body of which all octets are stored: `refs` entries and jobs name it from now on.
    pub fn place_body(
        &self,
        arriving: &ArrivingBody,
        refs: u32,
        body: &NewBody<'_>,
    ) -> Result<(), Error> {
        let links = self.links_of(body)?;
        let placed = self.direct().run(
            "UPDATE body SET refs = ?3, links = ?4 WHERE id = ?1 AND org = ?2 AND refs = 0",
            (arriving.id.0, arriving.org.0, refs, links),
        )?;
        if placed != 1 {
            return Err(Error::Corrupt("body"));
        }
        self.arriving.borrow_mut().remove(arriving.id);
        Ok(())
    }

    /// A delivery has ended before its bodies were placed, or their placing was taken back: what is
    /// stored of them can be freed at once.
    pub fn abandon_bodies(&self, bodies: &[ArrivingBody]) {
        let mut arriving = self.arriving.borrow_mut();
        for body in bodies {
            if arriving.arrives(body.id).is_none() {
                arriving.add(body.id, &body._alive);
            }
        }
        self.leftovers.set(true);
    }

    /// Whether a body has all its octets. Without them it has never been placed, or a part of it is
    /// freed already.
    pub(super) fn is_whole(&self, body: BodyId, size: i64) -> Result<bool, Error> {
        let last = (size.unsigned_abs() as usize).div_ceil(CHUNK_BYTES).max(1) - 1;
        let found = self.direct().one(
            "SELECT 1 FROM chunk WHERE id = ?1",
            [body.0.saturating_add(int(last as u64))],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}

/// Bodies that are remembered after they were given up: beyond, they go a little later, like every
/// body without a reference.
const KEPT_MAX: usize = 256;
