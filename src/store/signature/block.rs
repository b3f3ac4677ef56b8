//! Blocks of signatures: rows become columns. A block is written once, read bit by bit, and removed
//! when its last message has ended.
//!
//! Its rows of bits stand in cells of one page, as many as fit; cell n of a block has the id block
//! + n. It decides nothing about a search.

use rusqlite::types::ValueRef;

use super::{Error, Store, block_signatures, is_block, length};
use crate::call::{BodyId, InboxId, Now, SIGNATURE_BITS, Signature};
use crate::store::int;
use crate::store::sum::row_sum;

/// The place of a row of bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BitRow {
    /// The cell, counted from the first of its block.
    pub cell: i64,
    /// Octets of the cell before the row.
    pub at: usize,
    /// Octets of the row.
    pub len: usize,
}

impl BitRow {
    /// The row of a bit in a block of so many signatures.
    pub fn of(bit: usize, signatures: usize) -> BitRow {
        let len = signatures / 8;
        let rows = CELL_BYTES / len.max(1);
        BitRow {
            cell: int((bit / rows) as u64),
            at: bit % rows * len,
            len,
        }
    }
}

/// Cells of a block of so many signatures of so many bits.
pub(super) fn cells_of(bits: usize, signatures: usize) -> usize {
    bits.div_ceil(CELL_BYTES / (signatures / 8).max(1))
}

impl Store {
    /// Makes a block of the first signatures of a length that has enough of them, at most `most`.
    /// Gives how many rows are left, and whether more may be done.
    pub(in crate::store) fn seal(
        &self,
        now: Now,
        inbox: InboxId,
        most: usize,
    ) -> Result<(u32, bool), Error> {
        let rows = self.direct().all(
            "SELECT id, body, length(bits) FROM signature WHERE inbox = ?1 ORDER BY id",
            [inbox.0],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, length(r, 2)?)),
        )?;
        let mut left = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        for bits in SIGNATURE_BITS {
            let size = block_signatures(bits).min(most);
            let same = || rows.iter().filter(|(_, _, len)| len * 8 == bits);
            if same().count() < size {
                continue;
            }
            // Signatures of messages that have ended meanwhile go no further.
            let mut live = Vec::with_capacity(size);
            for (id, body, _) in same() {
                if live.len() == size {
                    break;
                }
                if self.is_named(inbox, *body)? {
                    live.push((*id, *body));
                } else {
                    self.remove_signature(inbox, *id)?;
                    left -= 1;
                }
            }
            if live.len() == size && self.make_block(now, (inbox, bits), &live)? {
                return Ok((left - u32::try_from(size).unwrap_or(0), true));
            }
        }
        Ok((left, false))
    }

    fn remove_signature(&self, inbox: InboxId, id: i64) -> Result<(), Error> {
        self.direct()
            .run(
                "DELETE FROM signature WHERE inbox = ?1 AND id = ?2",
                [inbox.0, id],
            )
            .map(drop)
    }

    /// Turns the signatures of `rows` (ids and bodies) into a block. `false`, with nothing done, if
    /// one of them is damaged.
    pub(in crate::store) fn make_block(
        &self,
        now: Now,
        (inbox, bits): (InboxId, usize),
        rows: &[(i64, i64)],
    ) -> Result<bool, Error> {
        let mut signatures = Vec::with_capacity(rows.len());
        for (id, _) in rows {
            match self.signature(inbox, *id)? {
                Some((signature, true)) => signatures.push(signature),
                _ => return Ok(false),
            }
        }
        let cells = turned(&signatures, bits);
        let block = self.new_ids(now, u32::try_from(cells.len()).unwrap_or(u32::MAX));
        for (cell, octets) in (block..).zip(&cells) {
            self.direct().run(
                "INSERT INTO signature_cell (id, checksum, octets) VALUES (?1, ?2, ?3)",
                (cell, crc32fast::hash(octets), octets),
            )?;
        }
        let bodies: Vec<u8> = rows
            .iter()
            .flat_map(|(_, body)| body.to_le_bytes())
            .collect();
        let (bits, n) = (int(bits as u64), int(rows.len() as u64));
        let sum = row_sum(&[
            ValueRef::Integer(block),
            ValueRef::Integer(inbox.0),
            ValueRef::Integer(bits),
            ValueRef::Integer(n),
            ValueRef::Blob(&bodies),
        ]);
        self.direct().run(
            "INSERT INTO signature_block (id, inbox, bits, signatures, bodies, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (block, inbox.0, bits, n, bodies, sum),
        )?;
        for (id, _) in rows {
            self.remove_signature(inbox, *id)?;
        }
        Ok(true)
    }

    /// A signature, and whether its row is as its checksum says.
    fn signature(&self, inbox: InboxId, id: i64) -> Result<Option<(Signature, bool)>, Error> {
        let row = self.direct().one(
            "SELECT bits, coalesce(sum = row_sum(inbox, id, body, bits), 0)
             FROM signature WHERE inbox = ?1 AND id = ?2",
            [inbox.0, id],
            |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, bool>(1)?)),
        )?;
        Ok(row.and_then(|(bits, is_right)| Some((Signature::of_octets(&bits)?, is_right))))
    }

    /// Removes the oldest block of an inbox whose messages have all ended, if there is one.
    pub(super) fn drop_ended_block(&self, inbox: InboxId) -> Result<(), Error> {
        let from = self.ended_from.get();
        let after = if from.0 == inbox.0 { from.1 } else { 0 };
        let next = self.direct().one(
            "SELECT id, bodies FROM signature_block WHERE inbox = ?1 AND id > ?2
             ORDER BY id LIMIT 1",
            [inbox.0, after],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)),
        )?;
        let Some((block, bodies)) = next else {
            self.ended_from.set((inbox.0, 0));
            return Ok(());
        };
        self.ended_from.set((inbox.0, block));
        for body in bodies_of(&bodies) {
            if self.is_named(inbox, body)? {
                return Ok(());
            }
        }
        self.remove_block(block)
    }

    /// All cells of a block, or what is wrong with them.
    pub(in crate::store) fn block_cells(
        &self,
        block: i64,
    ) -> Result<Result<BlockCells, &'static str>, Error> {
        let size = self.one(
            "SELECT bits, signatures, length(bodies) FROM signature_block WHERE id = ?1",
            [block],
            |r| Ok([length(r, 0)?, length(r, 1)?, length(r, 2)?]),
        )?;
        let Some([bits, signatures, octets]) = size else {
            return Ok(Err("it is gone"));
        };
        if !is_block(bits, signatures) || octets != signatures * 8 {
            return Ok(Err("it has a length of none"));
        }
        let n = cells_of(bits, signatures);
        let read = self.all(
            "SELECT checksum, octets FROM signature_cell WHERE id >= ?1 AND id < ?2 ORDER BY id",
            [block, block.saturating_add(int(n as u64))],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?)),
        )?;
        let is_right = |(sum, octets): &(i64, Vec<u8>)| *sum == i64::from(crc32fast::hash(octets));
        if read.len() != n || !read.iter().all(is_right) {
            return Ok(Err("a cell of it is missing or damaged"));
        }
        Ok(Ok(BlockCells {
            bits,
            signatures,
            cells: read.into_iter().map(|(_, octets)| octets).collect(),
        }))
    }

    /// The bodies of a block, in the order of its columns.
    pub(in crate::store) fn block_bodies(&self, block: i64) -> Result<Vec<BodyId>, Error> {
        let list = self.one(
            "SELECT bodies FROM signature_block WHERE id = ?1",
            [block],
            |r| r.get::<_, Vec<u8>>(0),
        )?;
        Ok(bodies_of(&list.unwrap_or_default()).map(BodyId).collect())
    }

    /// Removes a block with its cells.
    pub(super) fn remove_block(&self, block: i64) -> Result<(), Error> {
        let size = self.direct().one(
            "SELECT bits, signatures FROM signature_block WHERE id = ?1",
            [block],
            |r| Ok((length(r, 0)?, length(r, 1)?)),
        )?;
        let (bits, signatures) = size.ok_or(Error::Corrupt("signature_block"))?;
        let end = block.saturating_add(int(cells_of(bits, signatures) as u64));
        self.direct().run(
            "DELETE FROM signature_cell WHERE id >= ?1 AND id < ?2",
            [block, end],
        )?;
        self.direct()
            .run("DELETE FROM signature_block WHERE id = ?1", [block])
            .map(drop)
    }
}

/// The cells of a whole block.
pub(in crate::store) struct BlockCells {
    /// Bits of each signature.
    pub bits: usize,
    signatures: usize,
    cells: Vec<Vec<u8>>,
}

impl BlockCells {
    /// Whether the signature at a column has every bit of another one of its length.
    pub fn covers(&self, column: usize, other: &Signature) -> bool {
        let is_set = |bit: usize| {
            let row = BitRow::of(bit, self.signatures);
            let cell = usize::try_from(row.cell)
                .ok()
                .and_then(|cell| self.cells.get(cell));
            cell.and_then(|octets| octets.get(row.at + column / 8))
                .is_some_and(|octet| octet >> (column % 8) & 1 == 1)
        };
        (0..self.bits).all(|bit| {
            let octet = other.octets().get(bit / 8).copied().unwrap_or(0);
            octet >> (bit % 8) & 1 == 0 || is_set(bit)
        })
    }
}

/// The bodies of a block, in the order of its columns.
pub(super) fn bodies_of(octets: &[u8]) -> impl Iterator<Item = i64> {
    let bodies = octets.as_chunks::<8>().0.iter();
    bodies.map(|body| i64::from_le_bytes(*body))
}

/// The cells of a block: for each bit a row with that bit of every signature. Squares of 64 rows
/// and 64 columns are turned at once.
fn turned(signatures: &[Signature], bits: usize) -> Vec<Vec<u8>> {
    let n = signatures.len();
    let row_len = n / 8;
    let mut rows = vec![0u8; bits * row_len];
    for (group, columns) in signatures.chunks(64).enumerate() {
        for word in 0..bits / 64 {
            let mut square = [0u64; 64];
            for (line, signature) in square.iter_mut().zip(columns) {
                let octets = signature.octets().get(word * 8..word * 8 + 8);
                let octets = octets.and_then(|octets| octets.try_into().ok());
                *line = u64::from_le_bytes(octets.unwrap_or_default());
            }
            turn(&mut square);
            for (bit, line) in square.iter().enumerate() {
                let at = (word * 64 + bit) * row_len + group * 8;
                if let Some(place) = rows.get_mut(at..at + 8) {
                    place.copy_from_slice(&line.to_le_bytes());
                }
            }
        }
    }
    let cell_len = CELL_BYTES / row_len.max(1) * row_len;
    rows.chunks(cell_len.max(1)).map(<[u8]>::to_vec).collect()
}

/// Turns a square of bits: bit `b` of line `l` becomes bit `l` of line `b`.
fn turn(square: &mut [u64; 64]) {
    let (mut width, mut mask) = (32usize, 0x0000_0000_ffff_ffffu64);
    while width > 0 {
        let mut at = 0;
        while at < 64 {
            let (low, high) = (square.get(at).copied(), square.get(at + width).copied());
            if let (Some(low), Some(high)) = (low, high) {
                let other = ((low >> width) ^ high) & mask;
                if let Some(line) = square.get_mut(at + width) {
                    *line = high ^ other;
                }
                if let Some(line) = square.get_mut(at) {
                    *line = low ^ (other << width);
                }
            }
            at = (at + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

/// Octets of the rows of bits in a cell: with the rest of its row it fills a page.
const CELL_BYTES: usize = 3968;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_block_has_every_bit_of_its_signatures() {
        for bits in SIGNATURE_BITS {
            let n = block_signatures(bits);
            let mut signatures = vec![Signature::for_grams(bits * 8 / 22); n];
            assert_eq!(signatures[0].bits(), bits);
            for (column, signature) in signatures.iter_mut().enumerate() {
                for gram in 0..200u32 {
                    let mixed = (column as u32 * 31 + gram).wrapping_mul(2_654_435_761);
                    signature.add((mixed >> 16) as u16);
                }
            }
            let cells = turned(&signatures, bits);
            assert_eq!(cells.len(), cells_of(bits, n));
            for (column, signature) in signatures.iter().enumerate() {
                for bit in (0..bits).step_by(if column < 3 { 1 } else { 97 }) {
                    let row = BitRow::of(bit, n);
                    let octet = cells[row.cell as usize][row.at + column / 8];
                    let is_set = signature.octets()[bit / 8] >> (bit % 8) & 1;
                    assert_eq!(octet >> (column % 8) & 1, is_set, "{bits} {column} {bit}");
                }
            }
        }
    }
}
