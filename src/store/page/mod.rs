//! Checksums of the pages of the database file, in the file `postern.sums` beside it
//! (DECISIONS.md, "Damage"). With them `verify` notices each octet that has changed, also in an
//! index, in room that no row uses and in free pages.
//!
//! SQLite copies pages from the write-ahead log into the database at a checkpoint, and only the
//! writer makes one, or has one made up to where it holds the log. Before it, the checksums of the
//! pages in the log are written here and made durable. So a page in the file has the checksum that
//! stands here, or it is in the log still.
//!
//! It is no truth: nothing is lost without the file, and it is made again. The rule: **no frame of
//! the log is copied into the database before its page has its checksum here.** So a connection of
//! a reader makes no checkpoint when it is closed, and a log that another program has emptied makes
//! the file void.

mod check;
mod file;
mod octets;
mod wal;

use std::path::{Path, PathBuf};

use self::file::{SumState, SumsFile};
use self::wal::{LogSalts, WriteAheadLog};
use super::{Error, Store, uint32};
use crate::dir::DirHandle;

pub(super) use self::check::{PageReport, check};
pub use self::file::SUMS_FILE;

/// The checksums, as the writer keeps them.
#[derive(Debug)]
pub(super) struct PageSums {
    file: SumsFile,
    log: WriteAheadLog,
    /// Frames of the log with these salts have their checksums: so many.
    done: Option<(LogSalts, u32)>,
    /// What was written is synced.
    is_durable: bool,
    /// The log may have frames without checksums.
    is_uncovered: bool,
    /// Rows that the connection had changed by the last commit: one that changes none has no frame.
    changes: u64,
    /// The page at which [`Store::fill_page_sums`] goes on; `None` when every page is covered.
    next: Option<u32>,
}

impl PageSums {
    /// Opens the checksums of a database, or begins them anew: when there are none, or when they
    /// cannot be those of the file.
    pub fn open(dir: &DirHandle, database: &Path) -> std::io::Result<PageSums> {
        let mut log = WriteAheadLog::of(database);
        let salts = log.salts()?;
        let mut file = SumsFile::open(dir)?;
        if !file.head().belongs_to(salts) {
            file.begin()?;
        }
        let next = (!file.head().is_complete).then_some(1);
        let mut sums = PageSums {
            file,
            log,
            done: None,
            is_durable: true,
            is_uncovered: salts.is_some(),
            changes: 0,
            next,
        };
        sums.file.set_state(SumState::Open, salts)?;
        Ok(sums)
    }

    /// Remembers which log belongs to the checksums. A log that begins again has other salts. Gives
    /// whether all checksums are void: the log before had frames without one, and it begins again
    /// only when all of them are copied, so another program has copied them.
    fn note_log(&mut self, changes: u64) -> std::io::Result<bool> {
        let salts = self.log.salts()?;
        let noted = self.file.head().salts;
        let is_other = salts != noted;
        let is_void = match noted {
            Some(noted) if is_other && self.is_uncovered => self.has_lost(noted)?,
            _ => false,
        };
        if is_void {
            self.file.begin()?;
            self.done = None;
            self.next = Some(1);
        }
        if is_other || is_void {
            self.file.set_state(SumState::Open, salts)?;
        }
        self.is_uncovered |= changes != self.changes;
        self.changes = changes;
        Ok(is_void)
    }

    /// Whether the log before this one, with salts `before`, had more frames than have a checksum.
    /// Its frames stand in the file until others are written over them.
    fn has_lost(&mut self, before: LogSalts) -> std::io::Result<bool> {
        let covered = match self.done {
            Some((salts, frames)) if salts == before => frames,
            _ => 0,
        };
        let now = self.log.salts()?;
        let next = self.log.salts_of(covered)?;
        Ok(next.is_some() && (next == Some(before) || next == now) || now.is_none())
    }

    /// Writes the checksums of the frames up to `frames`, which are committed.
    fn write(&mut self, frames: u32) -> std::io::Result<()> {
        let Some(salts) = self.log.salts()? else {
            return Ok(());
        };
        let from = match self.done {
            Some((known, done)) if known == salts => done.min(frames),
            _ => 0,
        };
        let mut after = from;
        while after < frames {
            let upto = frames.min(after.saturating_add(FRAMES_AT_ONCE));
            let pages = self.log.sums(salts, after, upto)?;
            self.is_durable = false;
            self.file.write(&pages)?;
            after = upto;
        }
        if from < frames {
            self.done = Some((salts, frames));
        }
        self.is_uncovered = false;
        Ok(())
    }

    /// Makes the checksums of the frames up to `frames` durable.
    fn cover(&mut self, frames: u32) -> std::io::Result<()> {
        self.write(frames)?;
        if self.is_durable {
            return Ok(());
        }
        self.note_salts()?;
        self.file.sync()?;
        self.is_durable = true;
        Ok(())
    }

    /// The log to which the checksums belong.
    fn note_salts(&mut self) -> std::io::Result<()> {
        let salts = self.log.salts()?;
        match salts == self.file.head().salts {
            true => Ok(()),
            false => self.file.set_state(SumState::Open, salts),
        }
    }

    /// Reads some pages that have no checksum yet; whether there may be more.
    fn fill(&mut self, database: &std::fs::File) -> std::io::Result<bool> {
        let Some(next) = self.next else {
            return Ok(false);
        };
        let upto = self.file.fill(database, next, PAGES_AT_ONCE)?;
        self.next = match upto {
            Some(upto) => Some(upto),
            None => {
                self.file.sync()?;
                self.file.set_complete()?;
                None
            }
        };
        Ok(self.next.is_some())
    }
}

impl Store {
    /// Opens the checksums of pages. A writer whose disk refuses them goes on without, and removes
    /// the file: the pages that it writes would be taken for damage.
    pub(super) fn open_page_sums(&self, dir: &DirHandle) {
        let Some(path) = &self.file else { return };
        match PageSums::open(dir, path) {
            Ok(sums) => *self.page_sums.borrow_mut() = Some(sums),
            Err(error) => {
                log_error("open", &error);
                if let Err(error) = dir.remove(SUMS_FILE) {
                    log_error("remove", &error);
                }
            }
        }
        // A small database is covered from its first moment on.
        let is_small = std::fs::metadata(path).is_ok_and(|m| m.len() <= SMALL_BYTES);
        while is_small && self.fill_page_sums() {}
    }

    /// After a commit or a truncation: the log may be another one than before.
    pub(super) fn note_log(&self) {
        let mut is_void = false;
        self.with_page_sums("note", |sums| {
            is_void = sums.note_log(self.sql.total_changes())?;
            Ok(())
        });
        if is_void {
            log::warn!("another program has copied the log, so page checksums are made again");
            self.leftovers.set(true);
        }
    }

    /// Between two checkpoints: writes the checksums of the first `frames` of the log, so that a
    /// checkpoint, during which every call waits, has few of them to write.
    pub(super) fn cover_ahead(&self, frames: i64) {
        self.with_page_sums("cover", |sums| sums.write(uint32(frames)));
    }

    /// Before a checkpoint: the checksum of each page in the log.
    pub(super) fn cover_log(&self) -> Result<(), Error> {
        self.with_log_frames(|sums, frames| sums.cover(frames))
    }

    /// Before a copy of the log beside the writer: writes the checksum of each page in the log.
    /// Gives the file, which must be made durable before the copy; `None` when there are no
    /// checksums.
    pub(super) fn write_page_sums(&self) -> Result<Option<std::fs::File>, Error> {
        let mut file = None;
        self.with_log_frames(|sums, frames| {
            sums.write(frames)?;
            sums.note_salts()?;
            file = Some(sums.file.handle()?);
            Ok(())
        })?;
        Ok(file)
    }

    /// Runs with the number of frames in the log, when there are checksums.
    fn with_log_frames(
        &self,
        run: impl FnOnce(&mut PageSums, u32) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        if self.page_sums.borrow().is_none() {
            return Ok(());
        }
        let frames = uint32(self.log_frames()?.0);
        self.with_page_sums("cover", |sums| run(sums, frames));
        Ok(())
    }

    /// The checksums could not be made durable: there are none until the next start.
    pub(super) fn lose_page_sums(&self, error: std::io::Error) {
        self.with_page_sums("cover", |_| Err(error));
    }

    /// Before the log is truncated: no log belongs to the checksums.
    pub(super) fn leave_log(&self) {
        self.with_page_sums("leave", |sums| sums.file.set_state(SumState::Open, None));
    }

    /// Reads some pages that have no checksum yet, when the writer is idle; whether there may be
    /// more.
    pub(super) fn fill_page_sums(&self) -> bool {
        if !matches!(&*self.page_sums.borrow(), Some(sums) if sums.next.is_some()) {
            return false;
        }
        let mut more = false;
        match self.database_file() {
            Ok(database) => self.with_page_sums("fill", |sums| {
                more = sums.fill(database)?;
                Ok(())
            }),
            Err(error) => log_error("fill", &error),
        }
        more
    }

    /// The checksums are complete, and the next owner of the file may rely on them. Whether the log
    /// may be copied now.
    pub(super) fn close_page_sums(&self) -> bool {
        if self.cover_log().is_err() {
            return false;
        }
        self.with_page_sums("close", |sums| {
            let salts = sums.log.salts()?;
            sums.file.set_state(SumState::Closed, salts)?;
            sums.file.sync()
        });
        true
    }

    /// The database file as plain octets. It is opened once and closed after SQLite has closed it:
    /// to close a file ends every POSIX lock that the process has on it.
    pub(super) fn database_file(&self) -> std::io::Result<&std::fs::File> {
        if let Some(file) = self.octets.get() {
            return Ok(file);
        }
        let path = self.file.as_deref().unwrap_or(Path::new(""));
        let file = std::fs::File::open(path)?;
        Ok(self.octets.get_or_init(|| file))
    }

    fn with_page_sums(&self, what: &str, run: impl FnOnce(&mut PageSums) -> std::io::Result<()>) {
        let mut held = self.page_sums.borrow_mut();
        let Some(sums) = held.as_mut() else { return };
        if let Err(error) = run(sums) {
            log_error(what, &error);
            // Half of them would be taken for damage.
            sums.file.remove();
            *held = None;
        }
    }
}

fn log_error(what: &str, error: &std::io::Error) {
    log::error!("page checksums are off until the next start step={what} error=\"{error}\"");
}

/// The file of the checksums of a database.
pub(super) fn sums_path(database: &Path) -> PathBuf {
    database.with_file_name(SUMS_FILE)
}

/// Frames whose checksums are made at once: 4 MiB of pages.
const FRAMES_AT_ONCE: u32 = 1024;

/// Pages that one slice of the filling reads: 1 MiB, less than a millisecond.
const PAGES_AT_ONCE: u32 = 256;

/// A database of up to this size is covered when it is opened.
const SMALL_BYTES: u64 = 4 << 20;
