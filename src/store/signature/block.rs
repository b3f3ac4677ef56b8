//! Blocks of signatures: rows become columns. A block is written once, read gram by gram, and
//! removed when it goes into a larger one or when its last message has ended.
//!
//! Its cells (`cell.rs`) have one page each; cell n of a block has the id block + n. The row of the
//! block has the first gram of each, so that one cell is read for a gram. It decides nothing about
//! a search.

use core::iter::Peekable;

use rusqlite::types::ValueRef;

use super::cell::{COLUMNS_MAX, CellReader, CellWriter, ColumnBits};
use super::{BlockRow, Error, Store, is_block, length, signature_of_row};
use crate::call::{BodyId, InboxId, Now, ReceivedBody};
use crate::store::int;
use crate::store::row_sum::row_sum;

impl Store {
    /// Makes a block of the first signatures of an inbox, if there are `least`; of at most `most`.
    /// Gives how many rows went into it.
    pub(in crate::store) fn seal(
        &self,
        now: Now,
        inbox: InboxId,
        (least, most): (usize, usize),
    ) -> Result<usize, Error> {
        let rows = self.direct().all(
            "SELECT id, body, received_at, grams,
                    coalesce(sum = row_sum(inbox, id, body, received_at, grams), 0)
             FROM signature WHERE inbox = ?1 ORDER BY id LIMIT ?2",
            [inbox.0, int(most.min(COLUMNS_MAX) as u64)],
            |r| {
                let (row, grams) = signature_of_row(r)?;
                Ok((r.get::<_, i64>(0)?, row, grams))
            },
        )?;
        let Some((last, ..)) = rows.last().filter(|_| rows.len() >= least) else {
            return Ok(0);
        };
        let words = rows.len().div_ceil(64);
        let mut matrix = vec![0u64; words * GRAMS];
        for (column, (.., grams)) in rows.iter().enumerate() {
            let mut set = |gram: u16| {
                if let Some(word) = matrix.get_mut(usize::from(gram) * words + column / 64) {
                    *word |= 1 << (column % 64);
                }
            };
            match grams {
                Some(grams) => grams.iter().copied().for_each(&mut set),
                // A damaged one may have every gram.
                None => (0..=u16::MAX).for_each(&mut set),
            }
        }
        let mut writer = CellWriter::new(rows.len());
        for (gram, row) in (0..=u16::MAX).zip(matrix.chunks(words)) {
            writer.push(gram, row);
        }
        let bodies: Vec<ReceivedBody> = rows.iter().map(|(_, body, _)| *body).collect();
        self.insert_block(now, inbox, &bodies, &writer.finish())?;
        self.direct().run(
            "DELETE FROM signature WHERE inbox = ?1 AND id <= ?2",
            [inbox.0, *last],
        )?;
        Ok(rows.len())
    }

    fn insert_block(
        &self,
        now: Now,
        inbox: InboxId,
        bodies: &[ReceivedBody],
        cells: &[(u16, Vec<u8>)],
    ) -> Result<(), Error> {
        let block = self.new_ids(now, u32::try_from(cells.len()).unwrap_or(u32::MAX));
        for (id, (_, octets)) in (block..).zip(cells) {
            self.direct().run(
                "INSERT INTO signature_cell (id, checksum, octets) VALUES (?1, ?2, ?3)",
                (id, crc32fast::hash(octets), octets),
            )?;
        }
        let starts: Vec<u8> = cells
            .iter()
            .flat_map(|(first, _)| first.to_le_bytes())
            .collect();
        let numbers = bodies.iter().flat_map(|of| [of.received_at, of.body.0]);
        let octets: Vec<u8> = numbers.flat_map(i64::to_le_bytes).collect();
        let n = int(bodies.len() as u64);
        let sum = row_sum(&[
            ValueRef::Integer(block),
            ValueRef::Integer(inbox.0),
            ValueRef::Integer(n),
            ValueRef::Blob(&starts),
            ValueRef::Blob(&octets),
        ]);
        self.direct()
            .run(
                "INSERT INTO signature_block (id, inbox, messages, starts, bodies, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (block, inbox.0, n, starts, octets, sum),
            )
            .map(drop)
    }

    /// Makes one block of the small ones of an inbox, if they have about as many messages as the
    /// `largest`; whether it did. So a message goes through two blocks, and an inbox has few.
    pub(super) fn merge_blocks(
        &self,
        now: Now,
        inbox: InboxId,
        largest: usize,
    ) -> Result<bool, Error> {
        let blocks = self.blocks_of(inbox)?;
        let enough = largest - largest / 8;
        let (mut sum, mut cells, mut chosen) = (0, 0, Vec::new());
        for block in blocks.iter().filter(|block| block.messages < enough) {
            let own = block.starts.len() / 2;
            if sum + block.messages <= largest && cells + own <= MERGED_CELLS_MAX {
                sum += block.messages;
                cells += own;
                chosen.push(block);
            }
        }
        match chosen.len() > 1 && sum >= enough {
            true => self.merge(now, inbox, &chosen),
            false => Ok(false),
        }
    }

    /// Makes one block of some; `false`, with nothing done, if one of them is damaged.
    fn merge(&self, now: Now, inbox: InboxId, blocks: &[&BlockRow]) -> Result<bool, Error> {
        let (mut bodies, mut sources) = (Vec::new(), Vec::new());
        for block in blocks {
            let (Ok(cells), Some(own)) =
                (self.block_cells(block.id)?, self.block_bodies(block.id)?)
            else {
                log::error!("store error=\"damaged block\" id={}", block.id);
                return Ok(false);
            };
            sources.push((bodies.len(), cells.rows().peekable()));
            bodies.extend(own);
        }
        let mut writer = CellWriter::new(bodies.len());
        while let Some(gram) = next_gram(&mut sources) {
            let mut row = [0; COLUMNS_MAX / 64];
            for (offset, rows) in &mut sources {
                if let Some((_, bits)) = rows.next_if(|(next, _)| *next == gram) {
                    add_shifted(&mut row, &bits, *offset);
                }
            }
            writer.push(gram, &row);
        }
        self.insert_block(now, inbox, &bodies, &writer.finish())?;
        for block in blocks {
            self.remove_block(block.id)?;
        }
        Ok(true)
    }

    /// Removes the oldest block of an inbox whose messages have all ended, if there is one.
    pub(super) fn drop_ended_block(&self, inbox: InboxId) -> Result<(), Error> {
        let from = self.ended_from.get();
        let after = if from.0 == inbox.0 { from.1 } else { 0 };
        let next = self.direct().one(
            "SELECT id FROM signature_block WHERE inbox = ?1 AND id > ?2 ORDER BY id LIMIT 1",
            [inbox.0, after],
            |r| r.get::<_, i64>(0),
        )?;
        let Some(block) = next else {
            self.ended_from.set((inbox.0, 0));
            return Ok(());
        };
        self.ended_from.set((inbox.0, block));
        for body in self.block_bodies(block)?.unwrap_or_default() {
            if self.is_named(inbox, body)? {
                return Ok(());
            }
        }
        self.remove_block(block)
    }

    /// Whether an entry of the inbox names the body.
    fn is_named(&self, inbox: InboxId, body: ReceivedBody) -> Result<bool, Error> {
        let named = self.direct().one(
            "SELECT 1 FROM entry INDEXED BY entry_received
             WHERE inbox = ?1 AND received_at = ?2 AND body = ?3",
            [inbox.0, body.received_at, body.body.0],
            |_| Ok(()),
        )?;
        Ok(named.is_some())
    }

    /// All cells of a block, or what is wrong with them.
    pub(in crate::store) fn block_cells(
        &self,
        block: i64,
    ) -> Result<Result<BlockCells, &'static str>, Error> {
        let size = self.one(
            "SELECT messages, length(bodies), starts FROM signature_block WHERE id = ?1",
            [block],
            |r| Ok((length(r, 0)?, length(r, 1)?, r.get::<_, Vec<u8>>(2)?)),
        )?;
        let Some((columns, octets, starts)) = size else {
            return Ok(Err("it is gone"));
        };
        if !is_block(columns, &starts) || octets != columns * 16 {
            return Ok(Err("it has a length of none"));
        }
        let n = starts.len() / 2;
        let read = self.all(
            "SELECT checksum, octets FROM signature_cell WHERE id >= ?1 AND id < ?2 ORDER BY id",
            [block, block.saturating_add(int(n as u64))],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)),
        )?;
        let is_right = |(sum, octets): &(i64, Vec<u8>)| *sum == i64::from(crc32fast::hash(octets));
        if read.len() != n || !read.iter().all(is_right) {
            return Ok(Err("a cell of it is missing or damaged"));
        }
        let firsts = starts.as_chunks::<2>().0.iter().copied();
        let is_own = |(first, (_, octets)): ([u8; 2], &(i64, Vec<u8>))| {
            let cell = CellReader::open(octets, columns);
            cell.is_some_and(|cell| cell.first == u16::from_le_bytes(first))
        };
        if !firsts.zip(&read).all(is_own) {
            return Ok(Err("a cell of it is that of another place"));
        }
        Ok(Ok(BlockCells {
            columns,
            cells: read.into_iter().map(|(_, octets)| octets).collect(),
        }))
    }

    /// The bodies of a block, in the order of its columns; `None` if they cannot be read.
    pub(in crate::store) fn block_bodies(
        &self,
        block: i64,
    ) -> Result<Option<Vec<ReceivedBody>>, Error> {
        let list = self.direct().one(
            "SELECT bodies, coalesce(sum = row_sum(id, inbox, messages, starts, bodies), 0)
             FROM signature_block WHERE id = ?1",
            [block],
            |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, bool>(1)?)),
        )?;
        let list = list.filter(|(_, is_right)| *is_right);
        Ok(list.map(|(list, _)| bodies_of(&list).collect()))
    }

    /// Removes a block with its cells.
    pub(super) fn remove_block(&self, block: i64) -> Result<(), Error> {
        let cells = self.direct().one(
            "SELECT length(starts) / 2 FROM signature_block WHERE id = ?1",
            [block],
            |r| r.get::<_, i64>(0),
        )?;
        let cells = cells.ok_or(Error::Corrupt("signature_block"))?;
        self.direct().run(
            "DELETE FROM signature_cell WHERE id >= ?1 AND id < ?2",
            [block, block.saturating_add(cells)],
        )?;
        self.direct()
            .run("DELETE FROM signature_block WHERE id = ?1", [block])
            .map(drop)
    }
}

/// The cells of a whole block.
pub(in crate::store) struct BlockCells {
    columns: usize,
    cells: Vec<Vec<u8>>,
}

impl BlockCells {
    /// The rows of all grams, ascending.
    pub fn rows(self) -> impl Iterator<Item = (u16, ColumnBits)> {
        let columns = self.columns;
        self.cells.into_iter().flat_map(move |octets| {
            let mut rows = Vec::new();
            let cell = CellReader::open(&octets, columns);
            let _ = cell.and_then(|cell| cell.each(|gram, bits| rows.push((gram, *bits))));
            rows
        })
    }
}

/// The bodies of a block, in the order of its columns.
pub(super) fn bodies_of(octets: &[u8]) -> impl Iterator<Item = ReceivedBody> {
    let number = |octets: &[u8]| i64::from_le_bytes(octets.try_into().unwrap_or_default());
    octets.as_chunks::<16>().0.iter().map(move |of| {
        let (at, body) = of.split_at(8);
        ReceivedBody {
            received_at: number(at),
            body: BodyId(number(body)),
        }
    })
}

/// The lowest gram that a source has next.
fn next_gram<I: Iterator<Item = (u16, ColumnBits)>>(
    sources: &mut [(usize, Peekable<I>)],
) -> Option<u16> {
    let next = sources.iter_mut();
    next.filter_map(|(_, rows)| rows.peek().map(|(gram, _)| *gram))
        .min()
}

/// Sets the columns of a row, `offset` columns further on.
fn add_shifted(row: &mut ColumnBits, bits: &ColumnBits, offset: usize) {
    let shift = offset % 64;
    for (at, word) in (offset / 64..).zip(bits) {
        if let Some(low) = row.get_mut(at) {
            *low |= word << shift;
        }
        if shift > 0
            && let Some(high) = row.get_mut(at + 1)
        {
            *high |= word >> (64 - shift);
        }
    }
}

/// Different grams.
const GRAMS: usize = 1 << 16;
/// Cells of the blocks that are merged at once: some milliseconds of work.
const MERGED_CELLS_MAX: usize = 400;
