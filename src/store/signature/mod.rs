//! The index of searches: for each inbox the signatures of its messages.
//!
//! New signatures are rows, one for each body and inbox, written in the transaction of the
//! delivery. When enough of them are there, they become a block: for each gram the messages that
//! have it (`cell.rs`). Small blocks become larger ones. A needle then reads one cell of a block
//! for each of its grams (`find.rs`). A copy or a move changes nothing here, because its inbox
//! knows the body already, and the entry keeps the time at which it was received.
//!
//! A signature of a deleted message stays until all messages of its block have ended. What a
//! signature finds is looked up and read, so that is no wrong answer. Signatures are not charged to
//! a quota: they are bounded by the mail.
//!
//! The rule: **a body that an entry of an inbox names has a signature in that inbox, with the time
//! at which the entry was received, unless the table `unsigned` names the inbox.** `verify` holds
//! it.

mod block;
mod build;
pub mod cell;
mod find;

use std::collections::{HashMap, VecDeque};

use rusqlite::Row;
use rusqlite::types::ValueRef;

pub(super) use find::{HeadCache, TailCache};

use super::row_sum::row_sum;
use super::{Error, Store};
use crate::call::{InboxId, Now, ReceivedBody, Signature};

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
        body: ReceivedBody,
        signature: &Signature,
    ) -> Result<(), Error> {
        // The id of a body that is new here is above all ids before. One that has arrived in pieces
        // began earlier.
        let id = match body.body.0 > self.last_signed.get() {
            true => body.body.0,
            false => self.new_id(now),
        };
        self.insert_signature((inbox, id), body, signature)
    }

    fn insert_signature(
        &self,
        (inbox, id): (InboxId, i64),
        body: ReceivedBody,
        signature: &Signature,
    ) -> Result<(), Error> {
        self.last_signed.set(id.max(self.last_signed.get()));
        let sum = row_sum(&[
            ValueRef::Integer(inbox.0),
            ValueRef::Integer(id),
            ValueRef::Integer(body.body.0),
            ValueRef::Integer(body.received_at),
            ValueRef::Blob(signature.octets()),
        ]);
        self.direct().run(
            "INSERT INTO signature (inbox, id, body, received_at, grams, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                inbox.0,
                id,
                body.body.0,
                body.received_at,
                signature.octets(),
                sum,
            ),
        )?;
        self.count_unsealed(inbox)
    }

    fn count_unsealed(&self, inbox: InboxId) -> Result<(), Error> {
        let mut unsealed = self.unsealed.borrow_mut();
        if let Some((rows, due_at)) = unsealed.counts.get_mut(&inbox.0) {
            *rows += 1;
            if *rows >= *due_at {
                *due_at = rows.saturating_add(SEAL_ROWS_U32);
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
        let due_at = rows.saturating_add(1).max(SEAL_ROWS_U32);
        unsealed.counts.insert(inbox.0, (rows, due_at));
        Ok(())
    }

    /// Makes one block of an inbox that has enough signatures or enough small blocks, or removes a
    /// block without a message; how much work that was, in rows. 0: nothing is due.
    pub(super) fn tend_signatures(&self, now: Now) -> Result<i64, Error> {
        let next = self.unsealed.borrow_mut().due.pop_front();
        let Some(inbox) = next else {
            return Ok(0);
        };
        let waiting = self.unsealed.borrow().counts.get(&inbox).map(|of| of.0);
        // A busy writer comes here seldom, so it takes more at once when many wait.
        let most = match waiting.is_some_and(|rows| rows as usize >= SEAL_ROWS_MANY) {
            true => SEAL_ROWS_MANY,
            false => SEAL_ROWS,
        };
        let sealed = self.seal(now, InboxId(inbox), (SEAL_ROWS, most))?;
        let more = sealed > 0 || self.merge_blocks(now, InboxId(inbox), cell::COLUMNS_MAX)?;
        if !more {
            self.drop_ended_block(InboxId(inbox))?;
        }
        let mut unsealed = self.unsealed.borrow_mut();
        if more {
            unsealed.due.push_front(inbox);
        }
        if let Some((rows, due_at)) = unsealed.counts.get_mut(&inbox) {
            *rows = rows.saturating_sub(u32::try_from(sealed).unwrap_or(u32::MAX));
            *due_at = rows.saturating_add(1).max(SEAL_ROWS_U32);
        }
        Ok(super::reclaim::SLICE_ROWS)
    }

    /// Makes the writer look at the index of an inbox next.
    #[cfg(test)]
    pub fn make_due(&self, inbox: InboxId) {
        self.unsealed.borrow_mut().due.push_back(inbox.0);
        self.leftovers.set(true);
    }

    /// Makes a block of at least 16 signatures, in a transaction of its own.
    #[cfg(test)]
    pub fn seal_rows(&self, inbox: InboxId) {
        self.begin().unwrap_or_default();
        let _ = self.seal(Now::default(), inbox, (16, SEAL_ROWS));
        let _ = self.commit();
    }

    /// Makes a block of at least 16 signatures, and of small blocks, in a transaction of its own.
    #[cfg(test)]
    pub fn seal_small(&self, inbox: InboxId) {
        self.begin().unwrap_or_default();
        let _ = self.seal(Now::default(), inbox, (16, SEAL_ROWS));
        let _ = self.merge_blocks(Now::default(), inbox, 128);
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
}

/// A block of the index, without its bodies.
pub(super) struct BlockRow {
    id: i64,
    messages: usize,
    /// The first gram of each cell, two octets each.
    starts: Vec<u8>,
}

/// Whether a block can have so many messages, and cells that begin there.
fn is_block(messages: usize, starts: &[u8]) -> bool {
    (1..=cell::COLUMNS_MAX).contains(&messages)
        && starts.len().is_multiple_of(2)
        && starts.starts_with(&[0, 0])
}

/// The body and the grams of a row of `signature` with the columns id, body, received_at, grams and
/// whether its checksum is right. A damaged row has no grams, and the log says so.
fn signature_of_row(r: &Row<'_>) -> rusqlite::Result<(ReceivedBody, Option<Vec<u16>>)> {
    let body = ReceivedBody {
        received_at: r.get(2)?,
        body: crate::call::BodyId(r.get(1)?),
    };
    let octets = r.get_ref(3)?.as_blob().unwrap_or_default();
    let grams = Signature::grams_of(octets).filter(|_| r.get(4).unwrap_or(false));
    if grams.is_none() {
        let id: i64 = r.get(0)?;
        log::error!("store error=\"damaged row table=signature id={id}\"");
    }
    Ok((body, grams))
}

/// A length or a number that a row has; none is negative.
fn length(r: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    Ok(super::uint32(r.get(column)?) as usize)
}

/// Signatures that become a block: few, because each search reads those that are in none.
const SEAL_ROWS: usize = 128;
const SEAL_ROWS_U32: u32 = SEAL_ROWS as u32;
/// As many at once when more wait: some milliseconds of work.
const SEAL_ROWS_MANY: usize = 512;
/// Inboxes whose rows are counted in memory.
const COUNTS_MAX: usize = 100_000;
