//! Plain octets of files, and the checksum of a page.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::FileExt;

use crate::store::open::PAGE_BYTES;

/// Up to `n` pages of a database from `first` on.
pub(super) fn read_pages(database: &File, first: u32, n: u32) -> Result<Vec<u8>> {
    let mut octets = vec![0; n as usize * PAGE];
    let at = u64::from(first.saturating_sub(1)) * PAGE as u64;
    let len = read_up_to(database, &mut octets, at)?;
    octets.truncate(len);
    Ok(octets)
}

/// Reads until the buffer is full or the file ends; how many octets.
pub(super) fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> Result<usize> {
    let mut len = 0;
    while let Some(space) = buffer.get_mut(len..).filter(|space| !space.is_empty()) {
        match file.read_at(space, at + len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// The checksum of a page, in the way of a frame of the write-ahead log: two sums over the words of
/// its number, of a size that a commit has, and of its octets, from a beginning on. A log gives it
/// for each of its pages, so none of those has to be read for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PageSum {
    pub order: WordOrder,
    /// What the frame says of a commit: pages of the database, or 0.
    pub commit: u32,
    pub begin: [u32; 2],
    pub end: [u32; 2],
}

/// How the octets of a word are ordered, as the head of a log says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WordOrder {
    LittleEndian,
    BigEndian,
}

impl PageSum {
    /// Of a page that is in no log.
    pub fn of(page: u32, octets: &[u8]) -> PageSum {
        let sum = PageSum {
            order: WordOrder::LittleEndian,
            commit: 0,
            begin: [0, 0],
            end: [0, 0],
        };
        PageSum {
            end: sum.end_of(page, octets),
            ..sum
        }
    }

    /// Whether these are the octets of the page.
    pub fn holds(&self, page: u32, octets: &[u8]) -> bool {
        self.end_of(page, octets) == self.end
    }

    fn end_of(&self, page: u32, octets: &[u8]) -> [u32; 2] {
        let mut head = [0; 8];
        head[..4].copy_from_slice(&page.to_be_bytes());
        head[4..].copy_from_slice(&self.commit.to_be_bytes());
        let word = match self.order {
            WordOrder::LittleEndian => u32::from_le_bytes,
            WordOrder::BigEndian => u32::from_be_bytes,
        };
        let [mut first, mut second] = self.begin;
        for octets in [&head[..], octets] {
            for two in octets.chunks_exact(8) {
                if let &[a, b, c, d, e, f, g, h] = two {
                    first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
                    second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
                }
            }
        }
        [first, second]
    }

    /// As it stands in the file of the checksums.
    pub fn encode(&self) -> [u8; SUM_BYTES] {
        let order = match self.order {
            WordOrder::LittleEndian => 1,
            WordOrder::BigEndian => 2,
        };
        let words = [order, self.commit, self.begin[0], self.begin[1]];
        let mut octets = [0; SUM_BYTES];
        let all = words.into_iter().chain(self.end);
        for (place, word) in octets.chunks_exact_mut(4).zip(all) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        octets
    }

    /// The checksum that stands there; `None` for a page without one.
    pub fn decode(octets: &[u8]) -> Option<PageSum> {
        let word = |n: usize| {
            let four = octets.get(n * 4..n * 4 + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(four))
        };
        Some(PageSum {
            order: match word(0)? {
                1 => WordOrder::LittleEndian,
                2 => WordOrder::BigEndian,
                _ => return None,
            },
            commit: word(1)?,
            begin: [word(2)?, word(3)?],
            end: [word(4)?, word(5)?],
        })
    }
}

/// Octets of a checksum in the file.
pub(super) const SUM_BYTES: usize = 24;

/// Octets of a page.
pub(super) const PAGE: usize = PAGE_BYTES as usize;
