//! The store: SQLite, and the only place that knows SQL. One [`Store`] is one connection: the
//! writer's, a reader's, or (in memory) both at once.
//!
//! It is not the product: it knows no scope, no policy and no protocol, only rows that stay
//! in step with each other. Its rules: every statement is a constant with bound parameters
//! and names its organization; counters are columns moved in the savepoint of the call that
//! changes them; [`Store::commit`] alone makes a [`Receipt`].

mod account;
mod backup;
mod body;
mod conversation;
mod copy;
mod counter;
mod entry;
mod error;
mod event;
mod expunge;
mod fault;
mod flag;
mod folder;
mod format;
mod idempotency;
mod ids;
mod inbox;
mod job;
mod mailbox;
mod message;
mod open;
mod payload;
mod reclaim;
mod verify;

use core::cell::{Cell, RefCell};
use core::ops::ControlFlow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{CachedStatement, Connection, Params, Row};

use crate::call::{BodyId, Receipt};

pub use account::StoredKey;
pub use backup::{backup, restore};
pub use body::NewBody;
pub use copy::Copied;
pub use entry::{Entry, Glance, NewEntry, PageRequest, Scanned};
pub use error::Error;
pub use event::{EventPage, LogState, NewEvent, Stamp};
pub use fault::StoreFault;
pub use flag::{FlagUpdate, KEYWORDS_MAX};
pub use folder::{Folder, FolderError};
pub use idempotency::KeptAnswer;
pub use inbox::Destination;
pub use job::{ClaimedJob, JobId, JobLease, NewJob};
pub use mailbox::{InboxPlace, MailboxRecord};
pub use message::{ListPosition, MessageRecord};
pub use open::{FILE, Role};
pub use payload::{JobKind, JobPayload, SmtpJob};
pub use verify::verify;

// The names of before, until the service has taken the new ones.
pub use body::NewBody as Body;
pub use entry::PageRequest as PageAsk;
pub use flag::FlagUpdate as FlagAsk;
pub use idempotency::KeptAnswer as Kept;
pub use mailbox::{InboxPlace as Place, MailboxRecord as Mailbox};
pub use message::{ListPosition as Below, MessageRecord as View};

/// One connection to the database. `Send`, not `Sync`: it belongs to one thread.
#[derive(Debug)]
pub struct Store {
    sql: Connection,
    role: Role,
    /// The database file; `None` in memory.
    file: Option<PathBuf>,
    /// The last id that was minted; only ever grows, whatever is rolled back.
    last_id: Cell<i64>,
    /// Ids up to this one may have been given out by a commit (`meta.id` on disk).
    kept_id: Cell<i64>,
    random: Cell<u64>,
    /// Whether [`Store::begin`] has been called without its end.
    open: Cell<bool>,
    counters: RefCell<counter::CounterCache>,
    /// What a test has asked for (see `fault`).
    fault: Cell<Option<StoreFault>>,
    /// The longest that the write-ahead log was since it was cut back.
    wal_length: Cell<u64>,
    /// Commits since SQLite was last asked how much of the log waits to be copied.
    unchecked: Cell<u32>,
    /// The key of [`Store::reference_hash`], once it was read.
    hash_key: Cell<Option<(u64, u64)>>,
    /// Where the trimming of the log goes on, an organization's id.
    trim_from: Cell<i64>,
    /// Whether deletions may have left something for [`Store::reap`].
    leftovers: Cell<bool>,
    /// Large bodies that nothing names, and until when they are kept (monotonic ms).
    lingering: RefCell<HashMap<BodyId, u64>>,
}

/// How far [`Store::checkpoint`] goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    /// As far as readers allow, without waiting for any.
    Passive,
    /// All of it, and the write-ahead log back to nothing; does nothing while a reader reads.
    Truncate,
}

/// Statements that touch no organization, inbox or mailbox row, and so need not know of
/// counters that are held in memory (see `counters`).
#[derive(Clone, Copy)]
struct Direct<'a>(&'a Store);

/// Ends a read transaction when it goes out of scope.
#[derive(Debug)]
pub struct Snapshot<'a>(Option<&'a Store>);

impl Store {
    /// Opens the database of `folder`, making it if there is none. A writer brings an older
    /// file up to date; a reader refuses it. Errors: another program's or a damaged file, a
    /// file of a newer version, a SQLite library with a known defect.
    pub fn open(folder: &Path, role: Role, seed: u64) -> Result<Store, Error> {
        open::open(folder, role, seed)
    }

    /// A database in memory whose one connection reads and writes.
    pub fn in_memory(seed: u64) -> Result<Store, Error> {
        open::in_memory(seed)
    }

    /// What this connection may do.
    pub fn role(&self) -> Role {
        self.role
    }

    // ---- transactions of the writer ----

    /// Begins a group: takes the write lock now, so that nothing later can fail for it.
    pub fn begin(&self) -> Result<(), Error> {
        self.run("BEGIN IMMEDIATE", [])?;
        self.counters.borrow_mut().clear();
        self.open.set(true);
        Ok(())
    }

    /// Marks the beginning of one call of the group.
    pub fn savepoint(&self) -> Result<(), Error> {
        self.direct().run("SAVEPOINT call", [])?;
        self.counters.borrow_mut().savepoint();
        Ok(())
    }

    /// Keeps what the call did, as part of the group.
    pub fn release(&self) -> Result<(), Error> {
        self.direct().run("RELEASE call", [])?;
        self.counters.borrow_mut().release();
        Ok(())
    }

    /// Undoes what the call did, counters included.
    pub fn rollback_to(&self) -> Result<(), Error> {
        self.direct().run("ROLLBACK TO call", [])?;
        self.direct().run("RELEASE call", [])?;
        self.counters.borrow_mut().rollback_to();
        Ok(())
    }

    /// Undoes the group. Also right when SQLite has undone it already.
    pub fn rollback(&self) {
        self.open.set(false);
        self.counters.borrow_mut().clear();
        if !self.sql.is_autocommit()
            && let Err(error) = self.direct().run("ROLLBACK", [])
        {
            log::error!("store rollback failed: {error}");
        }
    }

    /// Makes the group durable. After an error nothing of it is there, and whoever asked for
    /// any of it must be refused.
    pub fn commit(&self) -> Result<Receipt, Error> {
        match self.commit_inner() {
            Ok(()) => {
                self.open.set(false);
                Ok(Receipt::after_commit())
            }
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    fn commit_inner(&self) -> Result<(), Error> {
        if self.is_transaction_gone() {
            return Err(Error::TransactionLost);
        }
        self.commit_fault()?;
        self.write_counters()?;
        let kept = self.keep_ids()?;
        self.direct().run("COMMIT", [])?;
        self.counters.borrow_mut().clear();
        self.kept_id.set(kept);
        Ok(())
    }

    /// Whether SQLite has undone the open transaction by itself after an error: then the
    /// whole group is lost and must be refused (decisions.md 10).
    pub fn is_transaction_gone(&self) -> bool {
        self.open.get() && self.sql.is_autocommit()
    }

    /// Whether no transaction is open.
    pub fn is_autocommit(&self) -> bool {
        self.sql.is_autocommit()
    }

    // ---- reading ----

    /// What is read until the snapshot is dropped is of one moment. Inside a transaction of
    /// the writer it is of that transaction. Keep it short: it holds up checkpoints.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        if !self.sql.is_autocommit() {
            return Ok(Snapshot(None));
        }
        self.run("BEGIN DEFERRED", [])?;
        Ok(Snapshot(Some(self)))
    }

    // ---- the write-ahead log ----

    /// Which checkpoint is due after a commit, by the size of the write-ahead log.
    pub fn checkpoint_due(&self) -> Result<Option<Checkpoint>, Error> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        // The length is one cheap system call, but it does not fall when the log starts over,
        // and asking SQLite costs a prepared statement: so only when it has grown, and now
        // and then.
        let mut wal = file.clone().into_os_string();
        wal.push("-wal");
        let length = std::fs::metadata(wal).map_or(0, |m| m.len());
        let commits = self.unchecked.get() + 1;
        let (seen, grown) = (self.wal_length.get(), length > self.wal_length.get());
        self.wal_length.set(length.max(seen));
        if length < PASSIVE_AT_BYTES.unsigned_abs() || (!grown && commits < CHECK_COMMITS) {
            self.unchecked.set(commits);
            return Ok(None);
        }
        self.unchecked.set(0);
        // NOOP moves nothing and says how many frames there are and how many are copied.
        let frames = self.one("PRAGMA wal_checkpoint=NOOP", [], |r| {
            Ok((r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
        })?;
        let (all, copied) = frames.unwrap_or((0, 0));
        let waiting = (all - copied).max(0) * open::PAGE_BYTES;
        if waiting < PASSIVE_AT_BYTES {
            return Ok(None);
        }
        Ok(Some(if length > TRUNCATE_AT_BYTES {
            Checkpoint::Truncate
        } else {
            Checkpoint::Passive
        }))
    }

    /// Copies the write-ahead log into the database; whether all of it went. Never waits for
    /// readers.
    pub fn checkpoint(&self, how: Checkpoint) -> Result<bool, Error> {
        if self.file.is_none() {
            return Ok(true);
        }
        let passive = |r: &Row<'_>| Ok((r.get::<_, i64>(1)?, r.get::<_, i64>(2)?));
        let moved = self.one("PRAGMA wal_checkpoint=PASSIVE", [], passive)?;
        if how == Checkpoint::Passive {
            return Ok(moved.is_none_or(|(all, copied)| all <= copied));
        }
        // With everything copied TRUNCATE needs only that nobody reads the log at this moment.
        self.sql.busy_timeout(core::time::Duration::ZERO)?;
        let busy = self.one("PRAGMA wal_checkpoint=TRUNCATE", [], |r| r.get::<_, i64>(0));
        self.wal_length.set(0);
        self.sql.busy_timeout(open::BUSY)?;
        Ok(busy? == Some(0))
    }

    /// Octets of the database file that hold nothing: new mail goes there first.
    pub fn vacant_bytes(&self) -> Result<u64, Error> {
        let pages = self
            .direct()
            .one("PRAGMA freelist_count", [], |r| r.get::<_, i64>(0))?;
        Ok(uint(pages.unwrap_or(0).saturating_mul(open::PAGE_BYTES)))
    }

    // ---- statements ----

    fn direct(&self) -> Direct<'_> {
        Direct(self)
    }

    /// Runs one statement; how many rows it changed.
    fn run(&self, sql: &'static str, params: impl Params) -> Result<usize, Error> {
        self.write_counters()?;
        self.direct().run(sql, params)
    }

    /// The first row, or `None`.
    fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.write_counters()?;
        self.direct().one(sql, params, read)
    }

    /// Every row; for queries that are bounded by their LIMIT or by a limit of the product.
    fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.write_counters()?;
        self.direct().all(sql, params, read)
    }

    /// Row by row until `read` breaks.
    fn each(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        self.write_counters()?;
        self.direct().each(sql, params, read)
    }
}

impl<'a> Direct<'a> {
    fn prepare(self, sql: &'static str) -> Result<CachedStatement<'a>, Error> {
        self.0.statement_fault()?;
        Ok(self.0.sql.prepare_cached(sql)?)
    }

    fn run(self, sql: &'static str, params: impl Params) -> Result<usize, Error> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    fn one<T>(
        self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        Ok(match rows.next()? {
            Some(row) => Some(read(row)?),
            None => None,
        })
    }

    fn all<T>(
        self,
        sql: &'static str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(row)?);
        }
        Ok(all)
    }

    fn each(
        self,
        sql: &'static str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if read(row)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Some(store) = self.0
            && let Err(error) = store.run("COMMIT", [])
        {
            log::error!("store end of read failed: {error}");
        }
    }
}

/// A number of ours as SQLite stores it; saturates, which no count or size here reaches.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A stored number that is never negative.
fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A stored number that fits 32 bits: UIDs, UIDVALIDITY, sizes of messages.
fn uint32(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

/// A passive checkpoint is due at this much write-ahead log: small enough that the log stays
/// in the page cache of the system.
const PASSIVE_AT_BYTES: i64 = 4 << 20;
/// SQLite is asked after this many commits even when the log has not grown: a group is at
/// most 8 MiB, so the log stays below the mark for TRUNCATE.
const CHECK_COMMITS: u32 = 8;

/// Over this a reader has held up checkpoints for long; the file is cut back at the first
/// chance.
const TRUNCATE_AT_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests;
