//! Asking the index: the bodies of an inbox that may have what a search wants, first from the
//! blocks, then from the rows that are in no block yet. The rows of an inbox are kept in memory,
//! turned like a block, and only new ones are read again.
//!
//! It never leaves out a body that matches. Damage makes it give more bodies, and is logged:
//! `verify` names the row, and the command that builds the index again repairs it.

use core::ops::ControlFlow;
use std::collections::VecDeque;

use super::block::{BitRow, bodies_of};
use super::{Error, Store, is_block, length};
use crate::call::{BodyId, GramQuery, InboxId, SIGNATURE_BITS, SignatureWalk, bit_of};
use crate::store::{MailboxRecord, uint32};

impl Store {
    /// Goes on with a walk through the signatures of an inbox until its end or until `is_over`.
    /// Whether it is at its end; `None`: the inbox has messages without a signature, so all of
    /// them must be read. The caller holds a snapshot.
    pub fn ask_signatures(
        &self,
        inbox: InboxId,
        query: &GramQuery,
        walk: &mut SignatureWalk,
        mut is_over: impl FnMut() -> bool,
    ) -> Result<Option<bool>, Error> {
        let unsigned =
            self.direct()
                .one("SELECT 1 FROM unsigned WHERE inbox = ?1", [inbox.0], |_| {
                    Ok(())
                })?;
        if unsigned.is_some() {
            return Ok(None);
        }
        let blocks = self.direct().all(
            "SELECT id, bits, signatures FROM signature_block WHERE inbox = ?1 ORDER BY id",
            [inbox.0],
            |r| {
                Ok(AskedBlock {
                    id: r.get(0)?,
                    bits: length(r, 1)?,
                    signatures: length(r, 2)?,
                })
            },
        )?;
        let newest = blocks.last().map_or(0, |block| block.id);
        if !blocks
            .iter()
            .all(|block| is_block(block.bits, block.signatures))
        {
            log::error!(
                "store error=\"damaged row table=signature_block inbox={}\"",
                inbox.0
            );
            return Ok(None);
        }
        let after = walk.after;
        for block in blocks.iter().filter(|block| block.id > after) {
            if walk.after != 0 && is_over() {
                return Ok(Some(false));
            }
            if !self.ask_block(block, query, &mut walk.bodies)? {
                return Ok(None);
            }
            walk.after = block.id;
        }
        let mut tail = self.tails.borrow_mut().take(inbox, newest);
        self.read_tail(inbox, &mut tail)?;
        tail.ask(query, &mut walk.bodies);
        self.tails.borrow_mut().keep(tail);
        walk.bodies.sort_unstable();
        walk.bodies.dedup();
        Ok(Some(true))
    }

    /// Appends the bodies of a block that may match; `false` if its bodies cannot be read.
    fn ask_block(
        &self,
        block: &AskedBlock,
        query: &GramQuery,
        bodies: &mut Vec<BodyId>,
    ) -> Result<bool, Error> {
        let mut bits = vec![u64::MAX; block.signatures.div_ceil(64)];
        narrow(query, &mut bits, &mut |gram, bits| {
            self.and_row(block, gram, bits)
        })?;
        if bits.iter().all(|word| *word == 0) {
            return Ok(true);
        }
        let list = self.direct().one(
            "SELECT bodies, coalesce(sum = row_sum(id, inbox, bits, signatures, bodies), 0)
             FROM signature_block WHERE id = ?1",
            [block.id],
            |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, bool>(1)?)),
        )?;
        let Some((list, true)) = list else {
            log::error!(
                "store error=\"damaged row table=signature_block id={}\"",
                block.id
            );
            return Ok(false);
        };
        let all = bodies_of(&list).enumerate();
        bodies.extend(
            all.filter(|(at, _)| has(&bits, *at))
                .map(|(_, body)| BodyId(body)),
        );
        Ok(true)
    }

    /// Keeps the bits of a block that its row for a gram has.
    fn and_row(&self, block: &AskedBlock, gram: u16, bits: &mut [u64]) -> Result<(), Error> {
        let row = BitRow::of(bit_of(gram, block.bits), block.signatures);
        let cell = block.id.saturating_add(row.cell);
        let is_read = self.direct().one(
            "SELECT checksum, octets FROM signature_cell WHERE id = ?1",
            [cell],
            |r| {
                let octets = r.get_ref(1)?.as_blob().unwrap_or_default();
                let is_right = r.get::<_, i64>(0)? == i64::from(crc32fast::hash(octets));
                let line = octets.get(row.at..row.at + row.len);
                let line = line.filter(|line| is_right && line.len() == bits.len() * 8);
                if let Some(line) = line {
                    for (word, line) in bits.iter_mut().zip(line.as_chunks::<8>().0) {
                        *word &= u64::from_le_bytes(*line);
                    }
                }
                Ok(line.is_some())
            },
        )?;
        if is_read != Some(true) {
            log::error!("store error=\"damaged row table=signature_cell id={cell}\"");
        }
        Ok(())
    }

    /// Reads the rows of an inbox that its tail does not have yet.
    fn read_tail(&self, inbox: InboxId, tail: &mut InboxTail) -> Result<(), Error> {
        let _ = self.direct().each(
            "SELECT id, body, bits, coalesce(sum = row_sum(inbox, id, body, bits), 0)
             FROM signature WHERE inbox = ?1 AND id > ?2 ORDER BY id",
            [inbox.0, tail.last],
            |r| {
                tail.last = r.get(0)?;
                let body = BodyId(r.get(1)?);
                let bits = r.get_ref(2)?.as_blob().unwrap_or_default();
                if !r.get::<_, bool>(3)? || !tail.add(body, bits) {
                    log::error!(
                        "store error=\"damaged row table=signature id={}\"",
                        tail.last
                    );
                    tail.always.push(body);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(())
    }

    /// The bodies of an inbox that have no signature, of those that entries name; at most `most`.
    pub(in crate::store) fn missing_signatures(
        &self,
        inbox: InboxId,
        most: usize,
    ) -> Result<Vec<i64>, Error> {
        let mut known = std::collections::HashSet::new();
        let _ = self.each(
            "SELECT bodies FROM signature_block WHERE inbox = ?1",
            [inbox.0],
            |r| {
                known.extend(bodies_of(r.get_ref(0)?.as_blob().unwrap_or_default()));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let _ = self.each(
            "SELECT body FROM signature WHERE inbox = ?1",
            [inbox.0],
            |r| {
                known.insert(r.get(0)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut missing = Vec::new();
        let _ = self.each(
            "SELECT e.body FROM entry e INDEXED BY entry_id JOIN mailbox m ON m.id = e.mailbox
             WHERE e.inbox = ?1",
            [inbox.0],
            |r| {
                let body: i64 = r.get(0)?;
                if !known.contains(&body) && missing.len() < most {
                    missing.push(body);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(missing)
    }

    /// Appends the UIDs of the entries of a mailbox that have one of these bodies.
    pub fn uids_of_bodies(
        &self,
        mailbox: &MailboxRecord,
        bodies: &[BodyId],
        uids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        for body in bodies {
            let _ = self.direct().each(
                "SELECT uid FROM entry INDEXED BY entry_body WHERE body = ?1 AND mailbox = ?2",
                [body.0, mailbox.id.0],
                |r| {
                    uids.push(uint32(r.get(0)?));
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        Ok(())
    }
}

/// A block of the index.
struct AskedBlock {
    id: i64,
    bits: usize,
    signatures: usize,
}

/// Keeps the bits of columns that have a gram.
type AndGram<'a> = &'a mut dyn FnMut(u16, &mut [u64]) -> Result<(), Error>;

/// Clears the bits of `bits` that do not meet the query. `and` keeps those that have a gram.
fn narrow(query: &GramQuery, bits: &mut [u64], and: AndGram<'_>) -> Result<(), Error> {
    let is_empty = |bits: &[u64]| bits.iter().all(|word| *word == 0);
    match query {
        GramQuery::Grams(grams) => {
            for gram in grams {
                if is_empty(bits) {
                    break;
                }
                and(*gram, bits)?;
            }
        }
        GramQuery::All(all) => {
            for query in all {
                if is_empty(bits) {
                    break;
                }
                narrow(query, bits, and)?;
            }
        }
        GramQuery::Any(any) => {
            let mut found = vec![0; bits.len()];
            for query in any {
                let mut own = bits.to_vec();
                narrow(query, &mut own, and)?;
                for (found, own) in found.iter_mut().zip(own) {
                    *found |= own;
                }
            }
            bits.copy_from_slice(&found);
        }
    }
    Ok(())
}

fn has(bits: &[u64], at: usize) -> bool {
    (bits.get(at / 64)).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

/// The rows of some inboxes, turned.
#[derive(Debug, Default)]
pub(in crate::store) struct TailCache {
    /// The one that was asked last stands last.
    tails: VecDeque<InboxTail>,
}

#[derive(Debug)]
struct InboxTail {
    inbox: InboxId,
    /// The newest block when it was read. A newer one has taken some of the rows.
    newest: i64,
    /// The last row that was read.
    last: i64,
    columns: Vec<BitColumns>,
    /// Bodies of damaged rows: they may have everything.
    always: Vec<BodyId>,
}

/// Signatures of one length, turned.
#[derive(Debug)]
struct BitColumns {
    bits: usize,
    bodies: Vec<BodyId>,
    /// Words of 64 columns in each row of bits.
    words: usize,
    rows: Vec<u64>,
}

impl TailCache {
    /// Takes the tail of an inbox out; it is empty if it is not known or not of now.
    fn take(&mut self, inbox: InboxId, newest: i64) -> InboxTail {
        let known = self.tails.iter().position(|tail| tail.inbox == inbox);
        let known = known.and_then(|at| self.tails.remove(at));
        known
            .filter(|tail| tail.newest == newest)
            .unwrap_or(InboxTail {
                inbox,
                newest,
                last: i64::MIN,
                columns: Vec::new(),
                always: Vec::new(),
            })
    }

    /// Keeps a tail, and forgets those that were asked longest ago while all have too many octets.
    fn keep(&mut self, tail: InboxTail) {
        self.tails.push_back(tail);
        let octets = |tail: &InboxTail| -> usize {
            let columns = tail.columns.iter();
            let columns = columns.map(|of| of.rows.len() * 8 + of.bodies.len() * 8);
            columns.sum::<usize>() + TAIL_BYTES
        };
        let mut all: usize = self.tails.iter().map(octets).sum();
        while all > CACHE_BYTES
            && let Some(tail) = self.tails.pop_front()
        {
            all -= octets(&tail);
        }
    }
}

impl InboxTail {
    /// Adds a signature; `false` if it is none.
    fn add(&mut self, body: BodyId, octets: &[u8]) -> bool {
        let bits = octets.len() * 8;
        if !SIGNATURE_BITS.contains(&bits) {
            return false;
        }
        let known = self.columns.iter().position(|of| of.bits == bits);
        let at = known.unwrap_or_else(|| {
            self.columns.push(BitColumns {
                bits,
                bodies: Vec::new(),
                words: 0,
                rows: Vec::new(),
            });
            self.columns.len() - 1
        });
        if let Some(columns) = self.columns.get_mut(at) {
            columns.add(body, octets);
        }
        true
    }

    fn ask(&self, query: &GramQuery, bodies: &mut Vec<BodyId>) {
        bodies.extend(&self.always);
        for columns in &self.columns {
            columns.ask(query, bodies);
        }
    }
}

impl BitColumns {
    fn add(&mut self, body: BodyId, octets: &[u8]) {
        let column = self.bodies.len();
        if column / 64 >= self.words {
            let words = (self.words * 2).max(1);
            let mut rows = vec![0; words * self.bits];
            if self.words > 0 {
                for (new, old) in rows.chunks_mut(words).zip(self.rows.chunks(self.words)) {
                    for (new, old) in new.iter_mut().zip(old) {
                        *new = *old;
                    }
                }
            }
            (self.words, self.rows) = (words, rows);
        }
        for (word, octets) in octets.as_chunks::<8>().0.iter().enumerate() {
            let mut left = u64::from_le_bytes(*octets);
            while left != 0 {
                let bit = word * 64 + left.trailing_zeros() as usize;
                if let Some(word) = self.rows.get_mut(bit * self.words + column / 64) {
                    *word |= 1 << (column % 64);
                }
                left &= left - 1;
            }
        }
        self.bodies.push(body);
    }

    fn ask(&self, query: &GramQuery, bodies: &mut Vec<BodyId>) {
        let mut bits = vec![u64::MAX; self.bodies.len().div_ceil(64)];
        let asked = narrow(query, &mut bits, &mut |gram, bits| {
            let at = bit_of(gram, self.bits) * self.words;
            let row = self.rows.get(at..at + self.words).unwrap_or_default();
            for (word, row) in bits.iter_mut().zip(row) {
                *word &= *row;
            }
            Ok(())
        });
        let all = self.bodies.iter().enumerate();
        bodies.extend(
            all.filter(|(at, _)| asked.is_err() || has(&bits, *at))
                .map(|(_, body)| *body),
        );
    }
}

/// Octets of a tail without its signatures.
const TAIL_BYTES: usize = 200;
/// Octets of the tails that a connection keeps.
const CACHE_BYTES: usize = 8 << 20;
