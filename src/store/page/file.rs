//! The file `postern.sums`: a head, then the checksum of each page, all little endian. 24 octets
//! of 0 are a page without one.
//!
//! ```text
//! 0   8 octets   "PostSums"
//! 8   u32        version, 1
//! 12  u32        octets of a page
//! 16  8 octets   the salts of the write-ahead log, 0 for none
//! 24  u8         0 open, 1 closed
//! 25  u8         1: every page of the database has its checksum
//! 26  2 octets   0
//! 28  u32        CRC-32 of the octets before
//! 32  …          0 up to 64; the checksum of page n is at 64 + 24 * (n - 1): the order of words
//!                (1 little endian, 2 big endian), the size of a commit, the two sums at the
//!                beginning of the page, the two at its end
//! ```

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::FileExt;

use super::octets::{PAGE, PageSum, SUM_BYTES, read_pages, read_up_to};
use super::wal::LogSalts;
use crate::dir::DirHandle;

/// Its name in the data folder.
pub const SUMS_FILE: &str = "postern.sums";

/// Whether a writer has it open, or was stopped while it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SumState {
    Open,
    Closed,
}

/// The head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SumsHead {
    pub salts: Option<LogSalts>,
    pub state: SumState,
    pub is_complete: bool,
}

/// The open file.
#[derive(Debug)]
pub(super) struct SumsFile {
    file: File,
    dir: DirHandle,
    head: SumsHead,
}

impl SumsHead {
    /// Whether the checksums are those of a database whose log has these salts. A writer that was
    /// stopped leaves a log that it has noted, or one that began again after all before it was
    /// copied: SQLite counts the first salt up then. Any other log, or none, was left by another
    /// program, which has copied frames that have no checksum here.
    pub fn belongs_to(&self, log: Option<LogSalts>) -> bool {
        match (self.state, self.salts, log) {
            (SumState::Closed, ..) | (SumState::Open, None, _) => true,
            (SumState::Open, Some(_), None) => false,
            (SumState::Open, Some(noted), Some(log)) => log == noted || log.follows(noted),
        }
    }

    fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut octets = [0; HEAD_BYTES];
        let mut put = |at: usize, value: &[u8]| {
            if let Some(place) = octets.get_mut(at..at + value.len()) {
                place.copy_from_slice(value);
            }
        };
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(12, &(PAGE as u32).to_le_bytes());
        put(16, &self.salts.map_or([0; 8], |salts| salts.0));
        put(24, &[u8::from(self.state == SumState::Closed)]);
        put(25, &[u8::from(self.is_complete)]);
        let sum = crc32fast::hash(octets.get(..28).unwrap_or_default());
        if let Some(place) = octets.get_mut(28..32) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        octets
    }

    fn decode(octets: &[u8; HEAD_BYTES]) -> Option<SumsHead> {
        let number = |at: usize| {
            let four = octets.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(four))
        };
        let is_known = octets.get(..8) == Some(MAGIC)
            && number(8) == Some(VERSION)
            && number(12) == Some(PAGE as u32)
            && number(28) == Some(crc32fast::hash(octets.get(..28)?));
        let salts: [u8; 8] = octets.get(16..24)?.try_into().ok()?;
        is_known.then_some(SumsHead {
            salts: (salts != [0; 8]).then_some(LogSalts(salts)),
            state: match octets.get(24)? {
                1 => SumState::Closed,
                _ => SumState::Open,
            },
            is_complete: *octets.get(25)? == 1,
        })
    }
}

impl SumsFile {
    /// Opens the file of a folder, and makes an empty one if there is none.
    pub fn open(dir: &DirHandle) -> Result<SumsFile> {
        let file = dir.open_or_make(SUMS_FILE)?;
        let head = read_head(&file)?;
        let mut file = SumsFile {
            file,
            dir: dir.clone(),
            head: head.unwrap_or(NOTHING),
        };
        if head.is_none() {
            file.begin()?;
        }
        Ok(file)
    }

    /// Forgets every checksum.
    pub fn begin(&mut self) -> Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(&NOTHING.encode(), 0)?;
        self.head = NOTHING;
        Ok(())
    }

    pub fn head(&self) -> &SumsHead {
        &self.head
    }

    /// It is written and not made durable: the checksums count, and those are.
    pub fn set_state(&mut self, state: SumState, salts: Option<LogSalts>) -> Result<()> {
        self.set_head(SumsHead {
            state,
            salts,
            ..self.head
        })
    }

    pub fn set_complete(&mut self) -> Result<()> {
        self.set_head(SumsHead {
            is_complete: true,
            ..self.head
        })
    }

    fn set_head(&mut self, head: SumsHead) -> Result<()> {
        if head != self.head {
            self.file.write_all_at(&head.encode(), 0)?;
            self.head = head;
        }
        Ok(())
    }

    pub fn sync(&self) -> Result<()> {
        self.file.sync_data()
    }

    /// The file, to be synced elsewhere.
    pub fn handle(&self) -> Result<File> {
        self.file.try_clone()
    }

    /// Writes checksums of pages, which ascend. Those of neighbours are written at once.
    pub fn write(&self, pages: &[(u32, PageSum)]) -> Result<()> {
        for block in pages.chunk_by(|(a, _), (b, _)| a / BLOCK_PAGES == b / BLOCK_PAGES) {
            let (Some((first, _)), Some((last, _))) = (block.first(), block.last()) else {
                continue;
            };
            let mut octets = self.read(*first, last - first + 1)?;
            for (page, sum) in block {
                let at = (page - first) as usize * SUM_BYTES;
                if let Some(place) = octets.get_mut(at..at + SUM_BYTES) {
                    place.copy_from_slice(&sum.encode());
                }
            }
            self.file.write_all_at(&octets, offset(*first))?;
        }
        Ok(())
    }

    /// The checksums of `n` pages from `first` on as octets; 0 behind the end of the file.
    fn read(&self, first: u32, n: u32) -> Result<Vec<u8>> {
        read_sums(&self.file, first, n)
    }

    /// Makes the missing checksums of `n` pages from `first` on from the database; the page at
    /// which to go on, or `None` at its end.
    pub fn fill(&self, database: &File, first: u32, n: u32) -> Result<Option<u32>> {
        let octets = read_pages(database, first, n)?;
        let known = self.read(first, n)?;
        let mut new = Vec::new();
        let pages = octets.chunks_exact(PAGE).zip(known.chunks_exact(SUM_BYTES));
        for (page, (octets, known)) in (first..).zip(pages) {
            if known == [0; SUM_BYTES] {
                new.push((page, PageSum::of(page, octets)));
            }
        }
        self.write(&new)?;
        let is_end = octets.len() < n as usize * PAGE;
        Ok((!is_end).then_some(first.saturating_add(n)))
    }

    /// Removes the file: it is of no use any more.
    pub fn remove(&self) {
        let _ = self.dir.remove(SUMS_FILE);
    }
}

/// The head of an open file; `None` when it is not one that this program knows.
pub(super) fn read_head(file: &File) -> Result<Option<SumsHead>> {
    let mut octets = [0; HEAD_BYTES];
    match file.read_exact_at(&mut octets, 0) {
        Ok(()) => Ok(SumsHead::decode(&octets)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The checksums of `n` pages from `first` on, as they stand there; 0 behind the end of the file.
pub(super) fn read_sums(file: &File, first: u32, n: u32) -> Result<Vec<u8>> {
    let mut octets = vec![0; n as usize * SUM_BYTES];
    let len = read_up_to(file, &mut octets, offset(first))?;
    octets.get_mut(len..).unwrap_or_default().fill(0);
    Ok(octets)
}

fn offset(page: u32) -> u64 {
    HEAD_BYTES as u64 + u64::from(page.saturating_sub(1)) * SUM_BYTES as u64
}

/// Pages whose checksums are read and written together: 4 KiB of this file.
const BLOCK_PAGES: u32 = 170;

/// The head of a file without checksums.
const NOTHING: SumsHead = SumsHead {
    salts: None,
    state: SumState::Open,
    is_complete: false,
};

const HEAD_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"PostSums";
const VERSION: u32 = 1;
