//! Building the index of messages that have no signature: those of an older release, and all of
//! them after the command to build it again. It goes through one inbox after another, a slice at a
//! time, and keeps its place in the table `unsigned`. Until it is done with an inbox, a search
//! there reads every message.
//!
//! The store does not know how mail is read, so its caller makes the signatures.

use std::collections::BTreeSet;

use super::{Error, Store};
use crate::call::{BodyId, InboxId, Now, ReceivedBody, Signature, UnsignedBody};
use crate::store::{format, int, uint, uint32};

/// Makes the signature of a message; `None` if its envelope and structure cannot be read.
pub type SignBody<'a> = &'a dyn Fn(&UnsignedBody) -> Option<Signature>;

impl Store {
    /// Signs the next messages that have no signature, about `rows` of them or [`SLICE_OCTETS`]
    /// octets, inside a transaction; whether there may be more.
    pub fn sign_older(&self, now: Now, rows: usize, sign: SignBody<'_>) -> Result<bool, Error> {
        let next = self.direct().one(
            "SELECT inbox, after, below FROM unsigned ORDER BY inbox LIMIT 1",
            [],
            |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get::<_, i64>(1)?,
                    r.get::<_, i64>(2)?,
                ))
            },
        )?;
        let Some((inbox, after, below)) = next else {
            return Ok(false);
        };
        self.leftovers.set(true);
        let most = int(rows as u64).max(1);
        let found = self.direct().all(
            "SELECT id, received_at, body FROM entry INDEXED BY entry_id
             WHERE inbox = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            [inbox, after, most],
            |r| {
                let received_at = r.get(1)?;
                let body = BodyId(r.get(2)?);
                Ok((r.get::<_, i64>(0)?, ReceivedBody { received_at, body }))
            },
        )?;
        let is_end = int(found.len() as u64) < most;
        let (mut octets, mut last, mut is_full) = (0, after, false);
        for (entry, body) in found {
            if octets >= SLICE_OCTETS {
                is_full = true;
                break;
            }
            last = entry;
            if body.body.0 < below && self.is_first(InboxId(inbox), entry, body)? {
                octets += self.sign_body(now, (InboxId(inbox), body), sign)?;
            }
        }
        if is_end && !is_full {
            self.run("DELETE FROM unsigned WHERE inbox = ?1", [inbox])?;
        } else {
            self.run(
                "UPDATE unsigned SET after = ?2, sum = row_sum(inbox, ?2, below)
                 WHERE inbox = ?1",
                [inbox, last],
            )?;
        }
        Ok(true)
    }

    /// Whether an entry is the first one of its inbox with this body.
    fn is_first(&self, inbox: InboxId, entry: i64, body: ReceivedBody) -> Result<bool, Error> {
        let before = self.direct().one(
            "SELECT 1 FROM entry INDEXED BY entry_received
             WHERE inbox = ?1 AND received_at = ?2 AND id < ?3 AND body = ?4",
            [inbox.0, body.received_at, entry, body.body.0],
            |_| Ok(()),
        )?;
        Ok(before.is_none())
    }

    /// Signs one body; how many octets were read. A damaged one gets a signature that every needle
    /// finds, so that a search comes to it and tells.
    fn sign_body(
        &self,
        now: Now,
        (inbox, received): (InboxId, ReceivedBody),
        sign: SignBody<'_>,
    ) -> Result<usize, Error> {
        let body = received.body;
        let stored = self.direct().one(
            "SELECT size, digest, summary FROM body WHERE id = ?1",
            [body.0],
            |r| {
                let summary = r.get_ref(2)?.as_blob().unwrap_or_default();
                let summary = format::decode_summary(summary);
                Ok((uint32(r.get(0)?), r.get::<_, Vec<u8>>(1)?, summary))
            },
        )?;
        let Some((size, digest, summary)) = stored else {
            // `verify` tells of it.
            return Ok(0);
        };
        let prefixes = self.direct().all(
            "SELECT prefix FROM entry INDEXED BY entry_received
             WHERE inbox = ?1 AND received_at = ?2 AND body = ?3",
            [inbox.0, received.received_at, body.0],
            |r| Ok(r.get::<_, Option<Vec<u8>>>(0)?.unwrap_or_default()),
        )?;
        let prefixes: BTreeSet<Vec<u8>> = prefixes.into_iter().collect();
        let read = self.body_octets(body, size).ok();
        let unsigned = read
            .zip(format::decode_digest(digest).ok().zip(summary.ok()))
            .map(|(octets, (digest, summary))| UnsignedBody {
                inbox,
                body,
                prefixes: prefixes.into_iter().collect(),
                digest,
                facts: summary.signed_facts(),
                octets,
            });
        let signature = unsigned.as_ref().and_then(sign).unwrap_or_else(full);
        self.insert_signature((inbox, self.new_id(now)), received, &signature)?;
        Ok(size as usize)
    }

    /// Forgets all signatures, so that they are made again; the inboxes that have mail.
    pub fn forget_signatures(&self, now: Now) -> Result<u64, Error> {
        let below = self.new_id(now);
        self.run("DELETE FROM signature", [])?;
        self.run("DELETE FROM signature_cell", [])?;
        self.run("DELETE FROM signature_block", [])?;
        self.run("DELETE FROM unsigned", [])?;
        self.run(
            "INSERT INTO unsigned (inbox, after, below, sum)
             SELECT id, 0, ?1, row_sum(id, 0, ?1) FROM inbox WHERE messages > 0",
            [below],
        )?;
        *self.unsealed.borrow_mut() = super::UnsealedCounts::default();
        self.unsigned_inboxes()
    }

    /// How many inboxes have messages without a signature.
    pub fn unsigned_inboxes(&self) -> Result<u64, Error> {
        let n = self.one("SELECT count(*) FROM unsigned", [], |r| r.get::<_, i64>(0))?;
        Ok(uint(n.unwrap_or(0)))
    }
}

/// A signature with every bit.
fn full() -> Signature {
    let mut signature = Signature::default();
    (0..=u16::MAX).for_each(|gram| signature.add(gram));
    signature
}

/// Octets of messages that one slice reads.
const SLICE_OCTETS: usize = 256 << 10;
