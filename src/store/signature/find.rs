//! Asking the index: the bodies of an inbox that may have what a search wants, first from the
//! blocks, then from the rows that are in no block yet. The rows of an inbox are kept in memory,
//! and only new ones are read again. A search for the newest messages asks the blocks in that
//! order, and only as many as it needs.
//!
//! It never leaves out a body that matches. Damage makes it give more bodies, and is logged:
//! `verify` names the row, and the command that builds the index again repairs it.

use core::ops::ControlFlow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::block::bodies_of;
use super::cell::{CellReader, all_columns};
use super::{BlockRow, Error, Store, is_block, length, signature_of_row};
use crate::call::{DatedBlock, GramQuery, InboxId, ReceivedBody, SignatureWalk};
use crate::store::{MailboxRecord, int};

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
        let Some(blocks) = self.blocks_to_ask(inbox)? else {
            return Ok(None);
        };
        let newest = blocks.last().map_or(0, |block| block.id);
        let mut query = query.clone();
        let after = walk.after;
        for block in blocks.iter().filter(|block| block.id > after) {
            if walk.after != 0 && is_over() {
                return Ok(Some(false));
            }
            if !self.ask_block(block, &mut query, &mut walk.bodies)? {
                return Ok(None);
            }
            walk.after = block.id;
        }
        self.ask_tail((inbox, newest), &query, &mut walk.bodies)?;
        Ok(Some(true))
    }

    /// Begins to ask the signatures of an inbox block by block: appends the bodies that are in no
    /// block and may match, and gives the blocks, those with the newest message last. `None` as for
    /// [`Store::ask_signatures`]. The caller holds a snapshot.
    pub fn begin_signatures(
        &self,
        inbox: InboxId,
        query: &GramQuery,
        bodies: &mut Vec<ReceivedBody>,
    ) -> Result<Option<Vec<DatedBlock>>, Error> {
        let Some(blocks) = self.blocks_to_ask(inbox)? else {
            return Ok(None);
        };
        let newest = blocks.last().map_or(0, |block| block.id);
        self.ask_tail((inbox, newest), query, bodies)?;
        let dated = |block: &Arc<BlockHead>| DatedBlock {
            newest: block.newest,
            oldest: block.oldest,
            id: block.id,
        };
        let mut dated: Vec<DatedBlock> = blocks.iter().map(dated).collect();
        dated.sort_unstable();
        Ok(Some(dated))
    }

    /// Appends the bodies of a block that may match, and sorts all. It moves the rarest grams of
    /// the query to its front. `None`: the block is gone, because it went into a larger one or its
    /// messages have ended.
    pub fn ask_dated(
        &self,
        block: DatedBlock,
        query: &mut GramQuery,
        bodies: &mut Vec<ReceivedBody>,
    ) -> Result<Option<()>, Error> {
        let Some(head) = self.block_head(block.id)? else {
            return Ok(None);
        };
        let is_there = self.direct().one(
            "SELECT 1 FROM signature_block WHERE id = ?1",
            [block.id],
            |_| Ok(()),
        )?;
        if is_there.is_none() || !self.ask_block(&head, query, bodies)? {
            return Ok(None);
        }
        // Messages were received in about this order: that is little work for this sort.
        bodies.sort();
        bodies.dedup();
        Ok(Some(()))
    }

    /// The blocks of an inbox, by id; `None` if they do not have all of its messages, or one of
    /// them is damaged.
    fn blocks_to_ask(&self, inbox: InboxId) -> Result<Option<Vec<Arc<BlockHead>>>, Error> {
        let unsigned =
            self.direct()
                .one("SELECT 1 FROM unsigned WHERE inbox = ?1", [inbox.0], |_| {
                    Ok(())
                })?;
        if unsigned.is_some() {
            return Ok(None);
        }
        let ids = self.direct().all(
            "SELECT id FROM signature_block WHERE inbox = ?1 ORDER BY id",
            [inbox.0],
            |r| r.get::<_, i64>(0),
        )?;
        let heads = ids.into_iter().map(|id| self.block_head(id));
        let heads: Result<Option<Vec<_>>, Error> = heads.collect();
        heads
    }

    /// The blocks of an inbox without their bodies, ascending by id.
    pub(super) fn blocks_of(&self, inbox: InboxId) -> Result<Vec<BlockRow>, Error> {
        self.direct().all(
            "SELECT id, messages, starts FROM signature_block WHERE inbox = ?1 ORDER BY id",
            [inbox.0],
            |r| {
                Ok(BlockRow {
                    id: r.get(0)?,
                    messages: length(r, 1)?,
                    starts: r.get(2)?,
                })
            },
        )
    }

    /// What is known of a block; `None` if it is damaged or gone. A block never changes, and its id
    /// has no second use, so it is read once.
    fn block_head(&self, id: i64) -> Result<Option<Arc<BlockHead>>, Error> {
        if let Some(known) = self.heads.borrow().heads.get(&id) {
            return Ok(Some(Arc::clone(known)));
        }
        let read = self.direct().one(
            "SELECT messages, starts, bodies,
                    coalesce(sum = row_sum(id, inbox, messages, starts, bodies), 0)
             FROM signature_block WHERE id = ?1",
            [id],
            |r| {
                let received = |of: ReceivedBody| of.received_at;
                let list = r.get_ref(2)?.as_blob().unwrap_or_default();
                let head = BlockHead {
                    id,
                    messages: length(r, 0)?,
                    starts: r.get::<_, Vec<u8>>(1)?.into(),
                    newest: bodies_of(list).map(received).max().unwrap_or(i64::MIN),
                    oldest: bodies_of(list).map(received).min().unwrap_or(i64::MAX),
                };
                let is_right = r.get::<_, bool>(3)? && is_block(head.messages, &head.starts);
                Ok(is_right.then(|| Arc::new(head)))
            },
        )?;
        match read {
            Some(Some(head)) => {
                self.heads.borrow_mut().keep(&head);
                Ok(Some(head))
            }
            Some(None) => {
                log::error!("store error=\"damaged row table=signature_block id={id}\"");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Appends the bodies of a block that may match; `false` if its bodies cannot be read.
    fn ask_block(
        &self,
        block: &BlockHead,
        query: &mut GramQuery,
        bodies: &mut Vec<ReceivedBody>,
    ) -> Result<bool, Error> {
        let mut bits = all_columns(block.messages);
        narrow(query, &mut bits, &mut |gram, bits| {
            self.and_row(block, gram, bits)
        })?;
        if bits.iter().all(|word| *word == 0) {
            return Ok(true);
        }
        let list = self.direct().one(
            "SELECT bodies, coalesce(sum = row_sum(id, inbox, messages, starts, bodies), 0)
             FROM signature_block WHERE id = ?1",
            [block.id],
            |r| {
                let list = r.get_ref(0)?.as_blob().unwrap_or_default();
                let all = bodies_of(list).enumerate();
                bodies.extend(all.filter(|(at, _)| has(&bits, *at)).map(|(_, body)| body));
                r.get::<_, bool>(1)
            },
        )?;
        if list != Some(true) {
            log::error!(
                "store error=\"damaged row table=signature_block id={}\"",
                block.id
            );
        }
        Ok(list == Some(true))
    }

    /// Keeps the bits of the columns of a block that have a gram; how many have it.
    fn and_row(&self, block: &BlockHead, gram: u16, bits: &mut [u64]) -> Result<u32, Error> {
        let starts = block.starts.as_chunks::<2>().0;
        let after = starts.partition_point(|start| u16::from_le_bytes(*start) <= gram);
        let at = after.saturating_sub(1);
        let first = starts.get(at).copied().map(u16::from_le_bytes);
        let cell = block.id.saturating_add(int(at as u64));
        let read = self.direct().one(
            "SELECT checksum, octets FROM signature_cell WHERE id = ?1",
            [cell],
            |r| {
                let octets = r.get_ref(1)?.as_blob().unwrap_or_default();
                let is_right = r.get::<_, i64>(0)? == i64::from(crc32fast::hash(octets));
                let read = CellReader::open(octets, block.messages);
                let read = read.filter(|cell| is_right && Some(cell.first) == first);
                let row = read.and_then(|cell| cell.row(gram));
                Ok(row.map(|row| {
                    for (word, row) in bits.iter_mut().zip(row) {
                        *word &= row;
                    }
                    row.iter().map(|word| word.count_ones()).sum::<u32>()
                }))
            },
        )?;
        let read = read.flatten();
        if read.is_none() {
            log::error!("store error=\"damaged row table=signature_cell id={cell}\"");
        }
        Ok(read.unwrap_or(u32::MAX))
    }

    /// Appends the bodies that are in no block and may match, and sorts all.
    fn ask_tail(
        &self,
        (inbox, newest): (InboxId, i64),
        query: &GramQuery,
        bodies: &mut Vec<ReceivedBody>,
    ) -> Result<(), Error> {
        let mut tail = self.tails.borrow_mut().take(inbox, newest);
        self.read_tail(inbox, &mut tail)?;
        tail.ask(query, bodies);
        self.tails.borrow_mut().keep(tail);
        bodies.sort();
        bodies.dedup();
        Ok(())
    }

    /// Reads the rows of an inbox that its tail does not have yet.
    fn read_tail(&self, inbox: InboxId, tail: &mut InboxTail) -> Result<(), Error> {
        let _ = self.direct().each(
            "SELECT id, body, received_at, grams,
                    coalesce(sum = row_sum(inbox, id, body, received_at, grams), 0)
             FROM signature WHERE inbox = ?1 AND id > ?2 ORDER BY id",
            [inbox.0, tail.last],
            |r| {
                tail.last = r.get(0)?;
                let (body, grams) = signature_of_row(r)?;
                match grams {
                    Some(grams) => tail.rows.push((body, grams.into())),
                    None => tail.always.push(body),
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
                let bodies = bodies_of(r.get_ref(0)?.as_blob().unwrap_or_default());
                known.extend(bodies.map(|of| (of.received_at, of.body.0)));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let _ = self.each(
            "SELECT received_at, body FROM signature WHERE inbox = ?1",
            [inbox.0],
            |r| {
                known.insert((r.get(0)?, r.get(1)?));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut missing = Vec::new();
        let _ = self.each(
            "SELECT e.received_at, e.body FROM entry e INDEXED BY entry_id JOIN mailbox m ON m.id = e.mailbox
             WHERE e.inbox = ?1",
            [inbox.0],
            |r| {
                let (received_at, body) = (r.get::<_, i64>(0)?, r.get::<_, i64>(1)?);
                if !known.contains(&(received_at, body)) && missing.len() < most {
                    missing.push(body);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(missing)
    }

    /// Appends the UIDs of the entries of a mailbox that have one of these bodies, which are in
    /// their order.
    pub fn uids_of_bodies(
        &self,
        mailbox: &MailboxRecord,
        bodies: &[ReceivedBody],
        uids: &mut Vec<u32>,
    ) -> Result<(), Error> {
        self.entries_of_bodies(mailbox.inbox, bodies, |found| {
            if found.mailbox == mailbox.id {
                uids.push(found.uid);
            }
        })
    }
}

/// Keeps the bits of columns that have a gram; how many columns have it.
type AndGram<'a> = &'a mut dyn FnMut(u16, &mut [u64]) -> Result<u32, Error>;

/// Clears the bits of `bits` that do not meet the query. `and` keeps those that have a gram. The
/// rarest gram comes to the front: in the next block it will be rare too, and perhaps decide alone.
fn narrow(query: &mut GramQuery, bits: &mut [u64], and: AndGram<'_>) -> Result<(), Error> {
    let is_empty = |bits: &[u64]| bits.iter().all(|word| *word == 0);
    match query {
        GramQuery::Grams(grams) => {
            let (mut rarest, mut fewest) = (0, u32::MAX);
            for (at, gram) in grams.iter().enumerate() {
                if is_empty(bits) {
                    break;
                }
                let columns = and(*gram, bits)?;
                if columns < fewest {
                    (rarest, fewest) = (at, columns);
                }
            }
            if let Some(front) = grams.get_mut(..=rarest) {
                front.rotate_right(1);
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

/// What is known of a block without a look at its cells.
#[derive(Debug)]
pub(in crate::store) struct BlockHead {
    id: i64,
    messages: usize,
    /// The first gram of each cell, two octets each.
    starts: Box<[u8]>,
    /// When its newest and its oldest message were received.
    newest: i64,
    oldest: i64,
}

/// The heads of blocks that were asked.
#[derive(Debug, Default)]
pub(in crate::store) struct HeadCache {
    heads: HashMap<i64, Arc<BlockHead>>,
    octets: usize,
}

impl HeadCache {
    /// Keeps a head, and forgets all others when they have too many octets: blocks that are gone
    /// leave with them.
    fn keep(&mut self, head: &Arc<BlockHead>) {
        let octets = head.starts.len() + HEAD_BYTES;
        if self.octets + octets > HEADS_BYTES {
            *self = HeadCache::default();
        }
        self.octets += octets;
        self.heads.insert(head.id, Arc::clone(head));
    }
}

/// The rows of some inboxes.
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
    /// Bodies with their grams, ascending.
    rows: Vec<(ReceivedBody, Box<[u16]>)>,
    /// Bodies of damaged rows: they may have everything.
    always: Vec<ReceivedBody>,
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
                rows: Vec::new(),
                always: Vec::new(),
            })
    }

    /// Keeps a tail, and forgets those that were asked longest ago while all have too many octets.
    fn keep(&mut self, tail: InboxTail) {
        self.tails.push_back(tail);
        let octets = |tail: &InboxTail| -> usize {
            let rows = tail.rows.iter();
            let rows = rows.map(|(_, grams)| grams.len() * 2 + ROW_BYTES);
            rows.sum::<usize>() + TAIL_BYTES
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
    fn ask(&self, query: &GramQuery, bodies: &mut Vec<ReceivedBody>) {
        bodies.extend(&self.always);
        let found = self.rows.iter().filter(|(_, grams)| meets(grams, query));
        bodies.extend(found.map(|(body, _)| *body));
    }
}

/// Whether a message with these grams, ascending, may match.
fn meets(grams: &[u16], query: &GramQuery) -> bool {
    match query {
        GramQuery::Grams(all) => all.iter().all(|gram| grams.binary_search(gram).is_ok()),
        GramQuery::All(all) => all.iter().all(|query| meets(grams, query)),
        GramQuery::Any(any) => any.iter().any(|query| meets(grams, query)),
    }
}

/// Octets of a row of a tail without its grams.
const ROW_BYTES: usize = 32;
/// Octets of a tail without its rows.
const TAIL_BYTES: usize = 200;
/// Octets of a head without its starts.
const HEAD_BYTES: usize = 128;
/// Octets of the heads that a connection keeps: those of some thousand blocks.
const HEADS_BYTES: usize = 4 << 20;
/// Octets of the tails that a connection keeps.
const CACHE_BYTES: usize = 8 << 20;
