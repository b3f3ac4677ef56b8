//! The index of searches: for each inbox the signatures of its messages.
//!
//! New signatures are rows, one for each body and inbox, written in the transaction of the
//! delivery. When enough of one length are there, they become a block: the same bits turned, so
//! that the bits of all its messages at one place stand together. A needle then reads one row of
//! bits for each of its grams (`find.rs`). A copy or a move changes nothing here, because its inbox
//! knows the body already.
//!
//! A signature of a deleted message stays until its row becomes part of a block, or until all
//! messages of its block have ended. What a signature finds is looked up and read, so that is no
//! wrong answer. Signatures are not charged to a quota: they are bounded by the mail.
//!
//! The rule: **a body that an entry of an inbox names has a signature in that inbox, unless the
//! table `unsigned` names the inbox.** `verify` holds it.

mod block;
mod build;
mod find;

use std::collections::{HashMap, VecDeque};

use rusqlite::Row;
use rusqlite::types::ValueRef;

pub(super) use find::TailCache;

use super::sum::row_sum;
use super::{Error, Store};
use crate::call::{BodyId, InboxId, Now, SIGNATURE_BITS, Signature};

/// How many signatures each inbox has as rows, and which of them may make a block. It is in
/// memory: after a start it is counted again.
#[derive(Debug, Default)]
pub(super) struct UnsealedCounts {
    /// Rows of an inbox, and the number at which they are looked at.
    counts: HashMap<i64, (u32, u32)>,
    due: VecDeque<i64>,
}

impl Store {
    /// Stores the signature of a body that entries of an inbox name from now on.
    pub fn sign(
        &self,
        now: Now,
        inbox: InboxId,
        body: BodyId,
        signature: &Signature,
    ) -> Result<(), Error> {
        // The id of a body that is new here is above all ids before. One that has arrived in pieces
        // began earlier.
        let id = match body.0 >= self.last_signed.get() {
            true => body.0,
            false => self.new_id(now),
        };
        self.insert_signature((inbox, id), body, signature)
    }

    fn insert_signature(
        &self,
        (inbox, id): (InboxId, i64),
        body: BodyId,
        signature: &Signature,
    ) -> Result<(), Error> {
        self.last_signed.set(id.max(self.last_signed.get()));
        let sum = row_sum(&[
            ValueRef::Integer(inbox.0),
            ValueRef::Integer(id),
            ValueRef::Integer(body.0),
            ValueRef::Blob(signature.octets()),
        ]);
        self.direct().run(
            "INSERT INTO signature (inbox, id, body, bits, sum) VALUES (?1, ?2, ?3, ?4, ?5)",
            (inbox.0, id, body.0, signature.octets(), sum),
        )?;
        self.count_unsealed(inbox)
    }

    fn count_unsealed(&self, inbox: InboxId) -> Result<(), Error> {
        let mut unsealed = self.unsealed.borrow_mut();
        if let Some((rows, due_at)) = unsealed.counts.get_mut(&inbox.0) {
            *rows += 1;
            if *rows >= *due_at {
                *due_at = rows.saturating_add(LOOK_EVERY);
                unsealed.due.push_back(inbox.0);
                self.leftovers.set(true);
            }
            return Ok(());
        }
        let rows = self.direct().one(
            "SELECT count(*) FROM signature WHERE inbox = ?1",
            [inbox.0],
            |r| r.get::<_, u32>(0),
        )?;
        let rows = rows.unwrap_or(0);
        if unsealed.counts.len() >= COUNTS_MAX {
            unsealed.counts.clear();
        }
        let due_at = rows.saturating_add(1).max(LOOK_EVERY);
        unsealed.counts.insert(inbox.0, (rows, due_at));
        Ok(())
    }

    /// Makes one block of an inbox that has enough signatures, or removes blocks without a message;
    /// how much work that was, in rows. 0: nothing is due.
    pub(super) fn tend_signatures(&self, now: Now) -> Result<i64, Error> {
        let next = self.unsealed.borrow_mut().due.pop_front();
        let Some(inbox) = next else {
            return Ok(0);
        };
        let (left, more) = self.seal(now, InboxId(inbox), usize::MAX)?;
        let mut unsealed = self.unsealed.borrow_mut();
        if more {
            unsealed.due.push_front(inbox);
        }
        let due_at = left.saturating_add(LOOK_EVERY);
        unsealed.counts.insert(inbox, (left, due_at));
        drop(unsealed);
        if !more {
            self.drop_ended_block(InboxId(inbox))?;
        }
        Ok(super::reclaim::SLICE_ROWS)
    }

    /// Makes a block of 64 signatures, in a transaction of its own, if there are as many.
    #[cfg(test)]
    pub fn seal_small(&self, inbox: InboxId) {
        self.begin().unwrap_or_default();
        let _ = self.seal(Now::default(), inbox, 64);
        let _ = self.commit();
    }

    /// Removes some signatures of an inbox that is deleted; how much work that was, in rows.
    pub(super) fn reclaim_signatures(&self, inbox: i64) -> Result<i64, Error> {
        let block = self.direct().one(
            "SELECT id FROM signature_block WHERE inbox = ?1 LIMIT 1",
            [inbox],
            |r| r.get::<_, i64>(0),
        )?;
        if let Some(block) = block {
            self.remove_block(block)?;
            return Ok(super::reclaim::SLICE_ROWS);
        }
        let rows = self.direct().run(
            "DELETE FROM signature WHERE inbox = ?1 AND id IN
                 (SELECT id FROM signature WHERE inbox = ?1 ORDER BY id LIMIT ?2)",
            [inbox, super::reclaim::SLICE_ROWS],
        )? + self
            .direct()
            .run("DELETE FROM unsigned WHERE inbox = ?1", [inbox])?;
        Ok(rows as i64)
    }

    /// Whether an entry of the inbox names the body.
    fn is_named(&self, inbox: InboxId, body: i64) -> Result<bool, Error> {
        let named = self.direct().one(
            "SELECT 1 FROM entry INDEXED BY entry_body WHERE body = ?1 AND inbox = ?2",
            [body, inbox.0],
            |_| Ok(()),
        )?;
        Ok(named.is_some())
    }
}

/// Signatures of a block of so many bits: 1,024, and fewer of the long ones, so that a block has at
/// most 512 KiB. A multiple of 64.
fn block_signatures(bits: usize) -> usize {
    (BLOCK_BITS / bits.max(1) / 64 * 64).clamp(64, 1024)
}

/// Whether a block can have so many signatures of so many bits.
fn is_block(bits: usize, signatures: usize) -> bool {
    SIGNATURE_BITS.contains(&bits)
        && signatures.is_multiple_of(64)
        && (64..=block_signatures(bits)).contains(&signatures)
}

/// A length or a number that a row has; none is negative.
fn length(r: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    Ok(super::uint32(r.get(column)?) as usize)
}

/// Bits of a block.
const BLOCK_BITS: usize = 1 << 22;
/// The rows of an inbox are looked at after so many new ones: each look reads all of them.
const LOOK_EVERY: u32 = 512;
/// Inboxes whose rows are counted in memory.
const COUNTS_MAX: usize = 100_000;
