//! The write-ahead log of SQLite as plain octets: which pages its frames hold. The layout is that
//! of "The WAL File Format" in SQLite's documentation of its file format.
//!
//! ```text
//! 0   32 octets  head; 3: the order of octets in a word, 16: two salts, which change when the log
//!                begins again, 24: the beginning of the checksums
//! 32  frames: 24 octets (0 the page, 4 pages of the database at the end of a commit or 0,
//!             8 the salts, 16 the checksum of all up to the end of this frame), then the page
//! ```
//!
//! It is not a reader of the log: SQLite says how many frames are committed, and it checks them.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use super::octets::{PAGE, PageSum, WordOrder, read_up_to};

/// The two salts of a log, as they stand in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LogSalts(pub [u8; 8]);

impl LogSalts {
    /// Whether the log with these salts began when the one with `before` was copied whole.
    pub fn follows(self, before: LogSalts) -> bool {
        let first = |salts: LogSalts| {
            let [a, b, c, d, ..] = salts.0;
            u32::from_be_bytes([a, b, c, d])
        };
        first(self) == first(before).wrapping_add(1)
    }
}

/// The log of a database. It is opened when it is there; SQLite keeps the same file as long as a
/// connection is open.
#[derive(Debug)]
pub(super) struct WriteAheadLog {
    path: PathBuf,
    file: Option<File>,
}

impl WriteAheadLog {
    pub fn of(database: &Path) -> WriteAheadLog {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        WriteAheadLog {
            path: path.into(),
            file: None,
        }
    }

    fn open(&mut self) -> Result<Option<&File>> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.file.as_ref())
    }

    /// The salts; `None` for a log that is not there or empty.
    pub fn salts(&mut self) -> Result<Option<LogSalts>> {
        let Some(file) = self.open()? else {
            return Ok(None);
        };
        let mut octets = [0; LOG_HEAD_BYTES];
        if read_up_to(file, &mut octets, 0)? < LOG_HEAD_BYTES {
            return Ok(None);
        }
        let salts = octets.get(16..24).and_then(|salts| salts.try_into().ok());
        Ok(salts.map(LogSalts))
    }

    /// The salts of a frame, counted from 0, whatever log it belongs to; `None` behind the end of
    /// the file.
    pub fn salts_of(&mut self, frame: u32) -> Result<Option<LogSalts>> {
        let Some(file) = self.open()? else {
            return Ok(None);
        };
        let mut head = [0; FRAME_HEAD_BYTES];
        let at = LOG_HEAD_BYTES as u64 + u64::from(frame) * FRAME_BYTES as u64;
        if read_up_to(file, &mut head, at)? < FRAME_HEAD_BYTES {
            return Ok(None);
        }
        let salts = head.get(8..16).and_then(|salts| salts.try_into().ok());
        Ok(salts.map(LogSalts))
    }

    /// The checksums of the pages in the frames after `after` up to `upto`, by page: of each page
    /// the newest. The heads of the frames have them, so none is computed. Errors: a frame has
    /// other salts, so the log is not what SQLite has said.
    pub fn sums(&mut self, salts: LogSalts, after: u32, upto: u32) -> Result<Vec<(u32, PageSum)>> {
        let Some(file) = self.open()? else {
            return Err(torn());
        };
        let mut head = [0; LOG_HEAD_BYTES];
        read_whole(file, &mut head, 0)?;
        let order = match word_of(&head, 0) & 1 {
            0 => WordOrder::LittleEndian,
            _ => WordOrder::BigEndian,
        };
        let mut begin = [word_of(&head, 24), word_of(&head, 28)];
        let mut sums: Vec<(u32, PageSum)> = Vec::with_capacity((upto - after.min(upto)) as usize);
        // A copy of the pages between costs less than a call of the system for each head.
        let mut frames = vec![0; FRAMES_READ * FRAME_BYTES];
        // The checksum of a frame begins with that of the frame before it.
        let mut next = after.saturating_sub(1);
        while next < upto {
            let count = FRAMES_READ.min((upto - next) as usize);
            let octets = (count - 1) * FRAME_BYTES + FRAME_HEAD_BYTES;
            let read = frames.get_mut(..octets).unwrap_or_default();
            let at = LOG_HEAD_BYTES as u64 + u64::from(next) * FRAME_BYTES as u64;
            read_whole(file, read, at)?;
            for (frame, head) in (next..).zip(read.chunks(FRAME_BYTES)) {
                if head.get(8..16) != Some(&salts.0) {
                    return Err(torn());
                }
                let end = [word_of(head, 16), word_of(head, 20)];
                if frame >= after {
                    let commit = word_of(head, 4);
                    let sum = PageSum {
                        order,
                        commit,
                        begin,
                        end,
                    };
                    sums.push((page_of(head), sum));
                }
                begin = end;
            }
            next += count as u32;
        }
        // Of the frames of one page, the order of which the sort keeps, the last is the newest.
        sums.sort_by_key(|(page, _)| *page);
        sums.reverse();
        sums.dedup_by_key(|(page, _)| *page);
        sums.reverse();
        Ok(sums)
    }

    /// Every page that has a frame with the salts of the log, in the order of pages. It can have
    /// pages of a commit that was not finished.
    pub fn pages(&mut self) -> Result<Vec<u32>> {
        let Some(salts) = self.salts()? else {
            return Ok(Vec::new());
        };
        let Some(file) = self.open()? else {
            return Ok(Vec::new());
        };
        let mut pages = Vec::new();
        let mut head = [0; FRAME_HEAD_BYTES];
        for n in 0u64.. {
            let at = LOG_HEAD_BYTES as u64 + n * FRAME_BYTES as u64;
            if read_up_to(file, &mut head, at)? < FRAME_HEAD_BYTES
                || head.get(8..16) != Some(&salts.0)
            {
                break;
            }
            pages.push(page_of(&head));
        }
        pages.sort_unstable();
        pages.dedup();
        Ok(pages)
    }
}

fn page_of(head: &[u8]) -> u32 {
    word_of(head, 0)
}

fn word_of(head: &[u8], at: usize) -> u32 {
    let word = head.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

fn read_whole(file: &File, buffer: &mut [u8], at: u64) -> Result<()> {
    match read_up_to(file, buffer, at)? == buffer.len() {
        true => Ok(()),
        false => Err(torn()),
    }
}

fn torn() -> Error {
    Error::new(
        ErrorKind::InvalidData,
        "the write-ahead log has not the frames that SQLite counts",
    )
}

const LOG_HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const FRAME_BYTES: usize = FRAME_HEAD_BYTES + PAGE;
/// Frames that are read at once: they fit into the nearest caches of a processor.
const FRAMES_READ: usize = 16;
