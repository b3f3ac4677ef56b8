//! Bodies: their stored forms, their octets, and whether envelope and structure belong to the
//! octets.

use core::ops::ControlFlow;

use super::{Fault, Findings};
use crate::call::{BodyId, Signature, Summary};
use crate::store::body::CHUNK_BYTES;
use crate::store::{Error, Store, format, uint32};

/// What is computed of the octets of a message at its delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadBody {
    /// Length of the header block, blank line included.
    pub header_len: u32,
    /// `Message-ID` with its brackets; empty when there is none.
    pub message_id: String,
    /// Envelope and structure, and what lists show; `None` where they cannot be compared.
    pub parts: Option<(Vec<u8>, Summary)>,
    /// Its signature, without the grams of what an entry has in front of it.
    pub signature: Signature,
}

/// Computes it again. The store does not know how mail is read, so its caller gives this. `None`:
/// the octets are refused as a message.
pub type ReadAgain<'a> = &'a dyn Fn(&[u8]) -> Option<ReadBody>;

/// Every body's summary, and the version of its digest.
pub(super) fn encodings(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let _ = store.each("SELECT id, summary, digest, org FROM body", [], |r| {
        let summary = r.get_ref(1)?.as_blob().unwrap_or_default();
        let digest = r.get_ref(2)?.as_blob().unwrap_or_default();
        let read = format::decode_summary(summary).map(drop);
        let read = read.and(format::decode_digest(digest.to_vec()).map(drop));
        if let Err(error) = read {
            let fault = Fault::of("body", error.to_string())
                .at(format!("id={}", r.get::<_, i64>(0)?))
                .in_org(r.get(3)?);
            found.add_error(fault, error);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// Compares every chunk with its checksum and its place.
pub(super) fn octets(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let mut last = None;
        let _ = store.each(
            "SELECT id, checksum, octets FROM chunk WHERE id > ?1 ORDER BY id LIMIT 64",
            [after],
            |r| {
                let id: i64 = r.get(0)?;
                let octets = r.get_ref(2)?.as_blob().unwrap_or_default();
                let checksum: i64 = r.get(1)?;
                if checksum != i64::from(crc32fast::hash(octets)) || octets.len() > CHUNK_BYTES {
                    found.add(
                        Fault::of("chunk", "stored octets are damaged").at(format!("id={id}")),
                    );
                }
                last = Some(id);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        match last {
            Some(id) => after = id,
            None => return Ok(()),
        }
    }
}

/// A body as it is stored.
struct StoredBody {
    id: BodyId,
    org: i64,
    size: u32,
    header_len: u32,
    message_id: String,
    digest: Vec<u8>,
    summary: Vec<u8>,
    /// Whether its checksum is there and right.
    is_sound: bool,
}

/// Computes envelope, structure and summary of bodies again and compares them with what is stored:
/// of `all`, or of a sample that is the same each time.
pub(super) fn read_again(
    store: &Store,
    reader: ReadAgain<'_>,
    all: bool,
    found: &mut Findings,
) -> Result<(), Error> {
    let bodies = store.one("SELECT count(*) FROM body", [], |r| r.get::<_, i64>(0))?;
    // One of so many: at most about SAMPLE of them.
    let one_of = match all {
        true => 1,
        false => u64::try_from(bodies.unwrap_or(0)).unwrap_or(0) / SAMPLE + 1,
    };
    let (mut after, mut others) = (0, 0u64);
    loop {
        let page = store.all(
            // What was uploaded is no message.
            "SELECT b.id FROM body b WHERE b.id > ?1 AND b.refs <> 0
                 AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.body = b.id)
             ORDER BY b.id LIMIT 1000",
            [after],
            |r| r.get::<_, i64>(0),
        )?;
        let Some(last) = page.last() else { break };
        after = *last;
        for id in page.into_iter().filter(|id| is_chosen(*id, one_of)) {
            let stored = match stored_body(store, id) {
                Ok(Some(stored)) => stored,
                Ok(None) => continue,
                // A column of it has a value of another type.
                Err(error) => {
                    found.add(Fault::of("body", error.to_string()).at(format!("id={id}")));
                    continue;
                }
            };
            // A message that is gone meanwhile is no damage: its row is looked at again.
            let octets = match store.body_octets(stored.id, stored.size) {
                Ok(octets) => octets,
                Err(error) => {
                    if stored_body(store, id)?.is_some() {
                        found.add(fault(&stored, error.to_string()));
                    }
                    continue;
                }
            };
            others += u64::from(compare(&stored, reader(&octets), found));
        }
    }
    if others > 0 {
        found.notes.push(format!(
            "{others} messages have another envelope, structure or summary than this release \
             computes; their checksums are right, so an older release has made them"
        ));
    }
    Ok(())
}

fn stored_body(store: &Store, id: i64) -> Result<Option<StoredBody>, Error> {
    store.one(
        "SELECT id, org, size, header_len, message_id, digest, summary,
             coalesce(sum = row_sum(id, org, size, header_len, message_id, digest, summary), 0)
         FROM body WHERE id = ?1",
        [id],
        |r| {
            Ok(StoredBody {
                id: BodyId(r.get(0)?),
                org: r.get(1)?,
                size: uint32(r.get(2)?),
                header_len: uint32(r.get(3)?),
                message_id: r.get(4)?,
                digest: r.get(5)?,
                summary: r.get(6)?,
                is_sound: r.get(7)?,
            })
        },
    )
}

/// Compares a body with what its octets give; whether it differs in a way that is no damage. A row
/// with a right checksum is as it was written. Then another release has read the message in another
/// way. But no release disagrees on where the header ends and on the Message-ID: then the octets
/// are those of another message.
fn compare(stored: &StoredBody, read: Option<ReadBody>, found: &mut Findings) -> bool {
    let Some(read) = read else {
        found.add(fault(stored, "its octets are not a message"));
        return false;
    };
    let mut wrong = Vec::new();
    if read.header_len != stored.header_len {
        wrong.push("the length of its header");
    }
    if read.message_id != stored.message_id {
        wrong.push("its Message-ID");
    }
    let mut unlike = Vec::new();
    if let Some((digest, summary)) = &read.parts {
        if *digest != stored.digest {
            unlike.push("its envelope or structure");
        }
        let stored = format::decode_summary(&stored.summary).ok();
        if stored.as_ref() != Some(summary) {
            unlike.push("its summary");
        }
    }
    let is_other_release = wrong.is_empty() && !unlike.is_empty() && stored.is_sound;
    if !is_other_release {
        wrong.append(&mut unlike);
    }
    if !wrong.is_empty() {
        let what = format!("{} differs from its octets", wrong.join(" and "));
        found.add(fault(stored, what));
    }
    is_other_release
}

fn fault(stored: &StoredBody, what: impl Into<String>) -> Fault {
    Fault::of("body", what)
        .at(format!("id={}", stored.id.0))
        .in_org(Some(stored.org))
}

/// Whether a body is in the sample of one of `one_of`. Ids of neighbours are mixed, so that a
/// sample has messages of all times and organizations.
fn is_chosen(id: i64, one_of: u64) -> bool {
    let mixed = id.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    mixed.is_multiple_of(one_of)
}

/// About how many messages a sample has.
const SAMPLE: u64 = 1000;
