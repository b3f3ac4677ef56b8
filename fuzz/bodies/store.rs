//! Fuzz body of `postern::testing::store`: the forms that the store keeps search in.
//!
//! The checks: what is written is read as it was; damaged octets give nothing, or rows of the
//! columns that the block has.

use postern::testing::store::cell::{COLUMNS_MAX, CellReader, CellWriter, ColumnBits, all_columns};

/// The octets as a cell of a block, and as the rows of a block that is written.
pub fn search_cell(data: &[u8]) {
    let Some((&[a, b], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let columns = usize::from(u16::from_le_bytes([a, b])) % (COLUMNS_MAX + 1);
    read_any(data, columns);
    write_and_read(rest, columns);
}

fn read_any(octets: &[u8], columns: usize) {
    let Some(cell) = CellReader::open(octets, columns) else {
        return;
    };
    let all = all_columns(columns);
    let is_within = |row: &ColumnBits| row.iter().zip(all).all(|(row, all)| row & !all == 0);
    let _ = cell.each(|_, row| assert!(is_within(row)));
    for gram in [0, cell.first, u16::MAX] {
        if let Some(row) = cell.row(gram) {
            assert!(is_within(&row));
        }
    }
}

/// Each four octets are a row: the gap to the gram before, and what repeats as its columns.
fn write_and_read(rest: &[u8], columns: usize) {
    let all = all_columns(columns);
    let (mut gram, mut rows) = (0u16, Vec::new());
    for [gap, shift, low, high] in rest.as_chunks::<4>().0 {
        let Some(next) = gram.checked_add(u16::from(*gap) + 1) else {
            break;
        };
        gram = next;
        let word = u64::from_le_bytes([*low, *high, *low, 0, *high, *low & *high, 0, *low]);
        let mut row = [0; COLUMNS_MAX / 64];
        for (at, bits) in row.iter_mut().enumerate() {
            let bits_of_word = match *shift {
                0 => u64::MAX,
                shift if usize::from(shift) % 17 == at => word,
                shift if shift > 128 => word.rotate_left(u32::from(shift) * at as u32),
                _ => 0,
            };
            *bits = bits_of_word & all.get(at).copied().unwrap_or_default();
        }
        rows.push((gram, row));
    }
    let mut writer = CellWriter::new(columns);
    for (gram, row) in &rows {
        writer.push(*gram, row);
    }
    let cells = writer.finish();
    let is_set = |row: &ColumnBits| row.iter().any(|word| *word != 0);
    let mut wanted = rows.iter().filter(|(_, row)| is_set(row));
    for (first, octets) in &cells {
        let cell = CellReader::open(octets, columns).expect("a written cell");
        assert_eq!(cell.first, *first);
        cell.each(|gram, row| assert_eq!(wanted.next(), Some(&(gram, *row))))
            .expect("whole rows");
    }
    assert_eq!(wanted.next(), None);
    for (gram, row) in rows.iter().step_by(9) {
        let at = cells.partition_point(|(first, _)| first <= gram);
        let cell = at.checked_sub(1).and_then(|at| cells.get(at));
        let (_, octets) = cell.expect("the cell of a gram");
        let cell = CellReader::open(octets, columns).expect("a written cell");
        assert_eq!(cell.row(*gram), Some(*row));
    }
}
