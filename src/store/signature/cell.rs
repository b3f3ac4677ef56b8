//! The cells of a block: for each gram the columns, that is the messages, that have it. It is pure:
//! octets in, octets out.
//!
//! ```text
//! cell   = columns first groups *index rows       ; 16 bits each, little endian
//! index  = gram offset                            ; of a group: its first gram, bits before it
//! row    = gap count form places                  ; bits, the lowest of an octet first
//! ```
//!
//! A gram without a column has no row. Rows ascend by gram. Some of them are a group, and the gap
//! to the gram before stands in each but the first of a group. The columns that have the gram are
//! written, or those that lack it where these are fewer: as gaps, or as one bit a column
//! where that is shorter. Numbers are Rice codes, the count is an Elias gamma code. So a gram that
//! few messages have costs some bits, and one that half of them have a bit a message.

/// A bit for each column of a block.
pub type ColumnBits = [u64; COLUMNS_MAX / 64];

/// The bits of so many columns.
pub fn all_columns(columns: usize) -> ColumnBits {
    let mut bits = [0; COLUMNS_MAX / 64];
    for (at, word) in bits.iter_mut().enumerate() {
        let left = columns.saturating_sub(at * 64);
        *word = match left {
            0 => 0,
            1..=63 => (1 << left) - 1,
            _ => u64::MAX,
        };
    }
    bits
}

/// Writes the cells of a block.
pub struct CellWriter {
    columns: usize,
    /// The cells that are full, and the first gram of each.
    done: Vec<(u16, Vec<u8>)>,
    first: u16,
    index: Vec<(u16, u16)>,
    rows: BitWriter,
    /// The last gram, and where its group began.
    last: u16,
    group_at: usize,
}

impl CellWriter {
    /// Begins a block of at most [`COLUMNS_MAX`] columns.
    pub fn new(columns: usize) -> CellWriter {
        CellWriter {
            columns,
            done: Vec::new(),
            first: 0,
            index: Vec::new(),
            rows: BitWriter::default(),
            last: 0,
            group_at: 0,
        }
    }

    /// Adds the row of a gram. Grams ascend.
    pub fn push(&mut self, gram: u16, row: &[u64]) {
        if row.iter().all(|word| *word == 0) {
            return;
        }
        let before = self.rows.mark();
        let begins_group = self.index.is_empty() || self.rows.bits() - self.group_at >= GROUP_BITS;
        self.write(gram, row, begins_group);
        if self.octets() > CELL_BYTES {
            // The row begins the next cell.
            self.rows.undo_to(before);
            if begins_group {
                self.index.pop();
            }
            self.close();
            self.first = gram;
            self.write(gram, row, true);
        }
        self.last = gram;
    }

    fn write(&mut self, gram: u16, row: &[u64], begins_group: bool) {
        if begins_group {
            let offset = u16::try_from(self.rows.bits()).unwrap_or(u16::MAX);
            self.group_at = self.rows.bits();
            self.index.push((gram, offset));
        } else {
            let gap = gram.wrapping_sub(self.last).wrapping_sub(1);
            self.rows.put_rice(gap.into(), GAP_BITS);
        }
        write_row(&mut self.rows, row, self.columns);
    }

    fn octets(&self) -> usize {
        HEAD_BYTES + 4 * self.index.len() + self.rows.octets()
    }

    fn close(&mut self) {
        let numbers = [self.columns, usize::from(self.first), self.index.len()];
        let numbers = numbers.map(|n| u16::try_from(n).unwrap_or(u16::MAX));
        let index = self.index.drain(..).flat_map(|(gram, at)| [gram, at]);
        let mut octets: Vec<u8> = numbers
            .into_iter()
            .chain(index)
            .flat_map(u16::to_le_bytes)
            .collect();
        octets.append(&mut core::mem::take(&mut self.rows).finish());
        self.done.push((self.first, octets));
    }

    /// The cells, and the first gram of each: the first is that of gram 0.
    pub fn finish(mut self) -> Vec<(u16, Vec<u8>)> {
        self.close();
        self.done
    }
}

/// Reads the rows of one cell.
pub struct CellReader<'a> {
    columns: usize,
    /// The first gram of its range.
    pub first: u16,
    index: &'a [[u8; 4]],
    rows: &'a [u8],
}

impl<'a> CellReader<'a> {
    /// Opens a cell of a block with so many columns; `None` if the octets are none.
    pub fn open(octets: &'a [u8], columns: usize) -> Option<CellReader<'a>> {
        let (head, rest) = octets.split_at_checked(HEAD_BYTES)?;
        let number = |at: usize| Some(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
        let groups = usize::from(number(4)?);
        let (index, rows) = rest.split_at_checked(groups * 4)?;
        let is_own = usize::from(number(0)?) == columns && columns <= COLUMNS_MAX;
        is_own.then_some(CellReader {
            columns,
            first: number(2)?,
            index: index.as_chunks::<4>().0,
            rows,
        })
    }

    fn group(&self, n: usize) -> Option<(u16, usize)> {
        let [a, b, c, d] = *self.index.get(n)?;
        let offset = u16::from_le_bytes([c, d]);
        Some((u16::from_le_bytes([a, b]), offset.into()))
    }

    /// The columns that have a gram; `None` if the cell is damaged.
    pub fn row(&self, gram: u16) -> Option<ColumnBits> {
        let after = (self.index).partition_point(|[a, b, ..]| u16::from_le_bytes([*a, *b]) <= gram);
        let Some(group) = after.checked_sub(1) else {
            return Some([0; COLUMNS_MAX / 64]);
        };
        let mut found = [0; COLUMNS_MAX / 64];
        self.each_of_group(group, gram, |at, bits| {
            if at == gram {
                found = *bits;
            }
        })?;
        Some(found)
    }

    /// Every row; `None` if the cell is damaged.
    pub fn each(&self, mut see: impl FnMut(u16, &ColumnBits)) -> Option<()> {
        (0..self.index.len()).try_for_each(|group| self.each_of_group(group, u16::MAX, &mut see))
    }

    /// The rows of a group up to that of `last`.
    fn each_of_group(
        &self,
        group: usize,
        last: u16,
        mut see: impl FnMut(u16, &ColumnBits),
    ) -> Option<()> {
        let (mut gram, offset) = self.group(group)?;
        let next = self.group(group + 1).map(|(gram, _)| gram);
        let end = self
            .group(group + 1)
            .map_or(self.rows.len() * 8, |(_, at)| at);
        let mut rows = BitReader {
            octets: self.rows,
            at: offset,
        };
        loop {
            see(gram, &read_row(&mut rows, self.columns)?);
            // A cell ends with less than an octet of zeros.
            if gram >= last || rows.at + 8 > end && rows.is_over(end) {
                return Some(());
            }
            let gap = u16::try_from(rows.rice(GAP_BITS)?).ok()?;
            gram = gram.checked_add(gap)?.checked_add(1)?;
            if next.is_some_and(|next| gram >= next) {
                return None;
            }
            if gram > last {
                return Some(());
            }
        }
    }
}

/// The bits of a Rice code for the gaps between `count` of `columns` columns.
fn rice_bits(count: usize, columns: usize) -> u32 {
    (columns * 11 / 16 / count.max(1)).max(1).ilog2()
}

fn write_row(out: &mut BitWriter, row: &[u64], columns: usize) {
    let count: usize = row.iter().map(|word| word.count_ones() as usize).sum();
    let bits = u32::BITS - 1 - (count as u32).leading_zeros();
    out.put_unary(bits.into());
    out.put(count as u64 & ((1 << bits) - 1), bits);
    let is_lack = count * 2 > columns;
    let written = if is_lack { columns - count } else { count };
    let rice = rice_bits(written, columns);
    let words = columns.div_ceil(64);
    // At most so many bits.
    let cost = written * (rice as usize + 1) + ((columns - written) >> rice);
    let is_map = cost > columns;
    out.put(is_map.into(), 1);
    if is_map {
        for (at, word) in row.iter().take(words).enumerate() {
            let left = (columns - at * 64).min(64) as u32;
            out.put(*word & 0xffff_ffff, left.min(32));
            if left > 32 {
                out.put(*word >> 32, left - 32);
            }
        }
        return;
    }
    let mut next = 0;
    for (at, word) in row.iter().take(words).enumerate() {
        let mut left = if is_lack { !*word } else { *word };
        while left != 0 {
            let place = at * 64 + left.trailing_zeros() as usize;
            if place >= columns {
                break;
            }
            out.put_rice((place - next) as u64, rice);
            next = place + 1;
            left &= left - 1;
        }
    }
}

fn read_row(rows: &mut BitReader<'_>, columns: usize) -> Option<ColumnBits> {
    let mut row = [0u64; COLUMNS_MAX / 64];
    let bits = u32::try_from(rows.unary()?)
        .ok()
        .filter(|bits| *bits <= 10)?;
    let count = (1usize << bits) | rows.take(bits)? as usize;
    let is_map = rows.take(1)? == 1;
    if count > columns {
        return None;
    }
    if is_map {
        for (at, word) in row.iter_mut().take(columns.div_ceil(64)).enumerate() {
            let left = (columns - at * 64).min(64) as u32;
            *word = rows.take(left.min(32))?;
            if left > 32 {
                *word |= rows.take(left - 32)? << 32;
            }
        }
        return Some(row);
    }
    let is_lack = count * 2 > columns;
    let written = if is_lack { columns - count } else { count };
    let rice = rice_bits(written, columns);
    if is_lack {
        row = all_columns(columns);
    }
    let mut next = 0usize;
    for _ in 0..written {
        let place = next + usize::try_from(rows.rice(rice)?).ok()?;
        if place >= columns {
            return None;
        }
        if let Some(word) = row.get_mut(place / 64) {
            *word ^= 1 << (place % 64);
        }
        next = place + 1;
    }
    Some(row)
}

#[derive(Default)]
struct BitWriter {
    octets: Vec<u8>,
    word: u64,
    used: u32,
}

impl BitWriter {
    /// Appends the low bits of a value, at most 32.
    fn put(&mut self, value: u64, bits: u32) {
        self.word |= value << self.used;
        self.used += bits;
        if self.used >= 32 {
            self.octets.extend((self.word as u32).to_le_bytes());
            self.word >>= 32;
            self.used -= 32;
        }
    }

    /// So many zeros and a one.
    fn put_unary(&mut self, mut zeros: u64) {
        while zeros >= 31 {
            self.put(0, 31);
            zeros -= 31;
        }
        self.put(1 << zeros, zeros as u32 + 1);
    }

    fn put_rice(&mut self, value: u64, bits: u32) {
        let (high, low) = (value >> bits, value & ((1 << bits) - 1));
        if high + 1 + u64::from(bits) <= 32 {
            return self.put((low << 1 | 1) << high, high as u32 + 1 + bits);
        }
        self.put_unary(high);
        self.put(low, bits);
    }

    fn bits(&self) -> usize {
        self.octets.len() * 8 + self.used as usize
    }

    fn octets(&self) -> usize {
        self.bits().div_ceil(8)
    }

    fn mark(&self) -> (usize, u64, u32) {
        (self.octets.len(), self.word, self.used)
    }

    fn undo_to(&mut self, (len, word, used): (usize, u64, u32)) {
        self.octets.truncate(len);
        (self.word, self.used) = (word, used);
    }

    fn finish(mut self) -> Vec<u8> {
        let len = self.octets();
        self.octets.extend(self.word.to_le_bytes());
        self.octets.truncate(len);
        self.octets
    }
}

struct BitReader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    /// The next bits: at least 57 of them are those of the octets, or zeros behind their end.
    fn peek(&self) -> u64 {
        let from = self.at / 8;
        let word = match self.octets.get(from..from + 8) {
            Some(octets) => u64::from_le_bytes(octets.try_into().unwrap_or_default()),
            None => {
                let left = self.octets.get(from..).unwrap_or_default();
                (left.iter().rev()).fold(0, |word, octet| word << 8 | u64::from(*octet))
            }
        };
        word >> (self.at % 8)
    }

    /// Whether only zeros are left before `end`.
    fn is_over(&self, end: usize) -> bool {
        let left = end.saturating_sub(self.at).min(57);
        self.peek() & ((1 << left) - 1) == 0
    }

    fn take(&mut self, bits: u32) -> Option<u64> {
        let value = self.peek() & ((1 << bits) - 1);
        self.at += bits as usize;
        (self.at <= self.octets.len() * 8).then_some(value)
    }

    fn unary(&mut self) -> Option<u64> {
        let mut zeros = 0;
        loop {
            let word = self.peek() & ((1 << 57) - 1);
            if word != 0 {
                let n = word.trailing_zeros();
                self.at += n as usize + 1;
                return Some(zeros + u64::from(n));
            }
            zeros += 57;
            self.at += 57;
            if self.at >= self.octets.len() * 8 {
                return None;
            }
        }
    }

    fn rice(&mut self, bits: u32) -> Option<u64> {
        let word = self.peek();
        let high = word.trailing_zeros();
        let len = high + 1 + bits;
        if len <= 57 {
            self.at += len as usize;
            let low = word >> high >> 1 & ((1 << bits) - 1);
            let is_there = self.at <= self.octets.len() * 8;
            return is_there.then_some(u64::from(high) << bits | low);
        }
        let high = self.unary()?;
        Some(high.checked_mul(1 << bits)? | self.take(bits)?)
    }
}

/// The most columns of a block.
pub const COLUMNS_MAX: usize = 1024;
/// Octets of a cell: with the rest of its row it fills a page.
pub const CELL_BYTES: usize = 3968;
const HEAD_BYTES: usize = 6;
/// Bits of the rows of a group: half of them are passed over to find one.
const GROUP_BITS: usize = 1024;
/// Bits of the Rice code of the gap between two grams.
const GAP_BITS: u32 = 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn cells_have_the_columns_of_every_gram() {
        for columns in [1, 2, 63, 64, 65, 100, 128, 513, 1000, 1024] {
            let mut state = columns as u64;
            let mut random = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state >> 33
            };
            let mut rows: Vec<(u16, ColumnBits)> = Vec::new();
            let mut writer = CellWriter::new(columns);
            for gram in (0..=u16::MAX).step_by(if columns > 200 { 7 } else { 3 }) {
                // Of every density, from none to all.
                let share = random() % 11;
                let mut row = [0u64; COLUMNS_MAX / 64];
                if share == 1 {
                    let column = random() as usize % columns;
                    row[column / 64] |= 1 << (column % 64);
                }
                for column in 0..columns {
                    let is_set = share == 10 || share > 1 && random() % 9 < share - 1;
                    row[column / 64] |= u64::from(is_set) << (column % 64);
                }
                writer.push(gram, &row);
                rows.push((gram, row));
            }
            let cells = writer.finish();
            assert!(cells.iter().all(|(_, cell)| cell.len() <= CELL_BYTES));
            assert_eq!(cells[0].0, 0);
            let mut want = rows
                .iter()
                .filter(|(_, row)| row.iter().any(|word| *word != 0));
            for (first, cell) in &cells {
                let cell = CellReader::open(cell, columns).unwrap();
                assert_eq!(cell.first, *first);
                cell.each(|gram, row| assert_eq!(Some(&(gram, *row)), want.next()))
                    .unwrap();
            }
            assert_eq!(want.next(), None);
            for (gram, row) in rows.iter().step_by(5) {
                let at = cells.partition_point(|(first, _)| first <= gram) - 1;
                let cell = CellReader::open(&cells[at].1, columns).unwrap();
                assert_eq!(cell.row(*gram), Some(*row), "{columns} {gram}");
                if let Some(between) = gram.checked_add(1) {
                    assert_eq!(cell.row(between), Some(Default::default()));
                }
            }
        }
    }

    #[test]
    fn damaged_cells_give_nothing_or_a_row() {
        let mut writer = CellWriter::new(100);
        for gram in 0..500 {
            writer.push(gram * 9, &[u64::from(gram) * 77, 1, 0]);
        }
        let (_, cell) = writer.finish().remove(0);
        for at in 0..cell.len() {
            for bit in 0..8 {
                let mut damaged = cell.clone();
                damaged[at] ^= 1 << bit;
                if let Some(cell) = CellReader::open(&damaged, 100) {
                    let _ = cell.each(|_, row| assert_eq!(row[1] >> 36, 0));
                    let _ = cell.row(300);
                }
            }
            if let Some(cell) = CellReader::open(&cell[..at], 100) {
                let _ = cell.each(|_, _| {});
            }
        }
    }
}
