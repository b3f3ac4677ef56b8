//! The checksum of a row: how it is made of its values. Which rows have one says `sum.rs`.

use rusqlite::types::ValueRef;

/// The checksum that the SQL function `row_sum` makes of these values, for a statement whose values
/// are all at hand: a call of the function costs as much as a step of SQLite for each of them.
pub(super) fn row_sum(values: &[ValueRef<'_>]) -> i64 {
    let mut sum = RowSum::new();
    for value in values {
        sum.add(*value);
    }
    i64::from(sum.finish())
}

/// A checksum in the making: CRC-32 of a version, and of each value as its type, its length and its
/// octets. A row with another value, another type or another border between two values has another
/// checksum, but for one in four thousand million.
pub(super) struct RowSum {
    crc: crc32fast::Hasher,
    /// Short values are put together: a checksum of few octets at once is slow.
    waiting: [u8; WAITING],
    len: usize,
}

impl RowSum {
    /// One without values.
    pub fn new() -> RowSum {
        let mut sum = RowSum {
            crc: crc32fast::Hasher::new(),
            waiting: [0; WAITING],
            len: 0,
        };
        sum.octets(&[VERSION]);
        sum
    }

    /// Adds a value.
    pub fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.octets(&[0]),
            ValueRef::Integer(n) => {
                self.octets(&[1]);
                self.octets(&n.to_le_bytes());
            }
            ValueRef::Real(x) => {
                self.octets(&[2]);
                self.octets(&x.to_bits().to_le_bytes());
            }
            ValueRef::Text(text) => self.long(3, text),
            ValueRef::Blob(octets) => self.long(4, octets),
        }
    }

    fn long(&mut self, kind: u8, octets: &[u8]) {
        self.octets(&[kind]);
        self.octets(&(octets.len() as u64).to_le_bytes());
        self.octets(octets);
    }

    fn octets(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        if let Some(space) = self.waiting.get_mut(self.len..end) {
            space.copy_from_slice(octets);
            self.len = end;
            return;
        }
        self.flush();
        match self.waiting.get_mut(..octets.len()) {
            Some(space) => {
                space.copy_from_slice(octets);
                self.len = octets.len();
            }
            None => self.crc.update(octets),
        }
    }

    fn flush(&mut self) {
        self.crc
            .update(self.waiting.get(..self.len).unwrap_or_default());
        self.len = 0;
    }

    /// The checksum.
    pub fn finish(mut self) -> u32 {
        self.flush();
        self.crc.finalize()
    }
}

/// The first octet of what a checksum covers. Another way to make it has another version, and a
/// step of the schema that makes all checksums anew.
const VERSION: u8 = 1;

/// Octets that are put together.
const WAITING: usize = 256;
