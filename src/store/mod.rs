//! The store: SQLite, and the only module with SQL. A [`Store`] is one connection: that of the
//! writer, that of a reader, or one in memory that does both.
//!
//! It is not the product: it knows no scope, no policy and no protocol. It keeps rows consistent
//! with each other. Its rules: every statement is a constant with bound parameters and names its
//! organization; counters are columns that change in the savepoint of the call; [`Store::commit`]
//! alone makes a [`Receipt`]; stored encodings are read and written in `format.rs` only.

mod account;
mod answered;
mod approval;
mod arrival;
mod arriving;
mod audit;
mod backup;
mod body;
mod column;
mod conversation;
mod copier;
mod copy;
mod counter;
mod day_count;
mod dkim;
mod domain;
mod entry;
mod error;
mod event;
mod event_group;
mod expiring;
mod expunge;
mod fault;
mod filter_rule;
mod flag;
mod folder;
mod format;
mod idempotency;
mod ids;
mod imported;
mod inbox;
mod job;
mod kept;
mod keyword;
mod known_sender;
mod known_spam;
mod lesson;
mod mailbox;
mod message;
mod metadata;
mod open;
mod outbound;
mod outgoing;
mod page;
mod payload;
mod quota;
mod reclaim;
mod row_sum;
mod rule;
mod scheduled;
mod sender_past;
mod signature;
mod spam_setting;
mod sum;
mod summed;
mod thread;
mod upload;
mod upstream;
mod upstream_change;
mod upstream_state;
mod upstream_sync;
mod usage;
mod verify;
mod webhook;

use core::cell::{Cell, OnceCell, RefCell};
use core::ops::ControlFlow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{CachedStatement, Connection, Params, Row};

use crate::call::{BodyId, InboxId, Receipt};
use crate::pace;

pub use approval::{HeldEnvelope, StoredApproval};
pub use arriving::ArrivingBody;
pub use backup::{backup, restore};
pub use body::{CHUNK_BYTES, NewBody};
pub use column::{ColumnBounds, FoundEntry, FoundStep, ScanWant, Scanned};
pub use conversation::ConversationHints;
pub use copier::LogCopier;
pub use day_count::DayCount;
pub use dkim::{DkimKeyRow, DkimKeyState, SHARED_DOMAIN_ID};
pub use entry::{Entry, NewEntry, PageRequest, PieceBound};
pub use error::Error;
pub use event::{LogState, NewEvent, told_octets};
pub use event_group::{EventGroupRow, PendingEvent};
pub use expiring::{ExpiringMessage, RetainingInbox};
pub use fault::StoreFault;
pub use flag::{FlagUpdate, Flagged};
pub use folder::{Folder, FolderError, LOCK_FILE};
pub use idempotency::KeptAnswer;
pub use ids::id_at;
pub use inbox::Destination;
#[cfg(test)]
pub use job::NewJob;
pub use job::{ClaimedJob, JobLease};
pub use known_sender::KnownBy;
pub use known_spam::KnownSpamRow;
pub use lesson::{DueLesson, StoredLesson, StoredModel};
pub use mailbox::{InboxPlace, MailboxRecord};
pub use message::{ListPosition, ListedEntry, MessageRecord};
pub use metadata::SentMetadata;
pub use open::{FILE, Role};
pub use outbound::{
    Backlog, ENDED_KEPT_MS, LOOKED_AT_NOW, NewOutbound, OutboundContent, OutboundRecord,
};
pub use outgoing::SenderPolicy;
pub use page::SUMS_FILE;
#[cfg(test)]
pub use payload::JobPayload;
pub use payload::{JobKind, SmtpJob};
pub use quota::Quota;
pub use scheduled::StoredScheduled;
pub use sender_past::SenderPast;
pub use signature::cell;
pub use thread::ThreadFolders;
pub use upload::StoredUpload;
pub use upstream::{SealedOAuth, UpstreamRecord};
pub use upstream_state::UpstreamPair;
pub use upstream_sync::{StoredUpTo, UpstreamStanding};
#[cfg(test)]
pub use verify::examine;
pub use verify::{Depth, Findings, ReadBody, state, verify, verify_folder};
pub use webhook::StoredWebhook;

/// One connection to the database. `Send`, not `Sync`: it belongs to one thread.
#[derive(Debug)]
pub struct Store {
    sql: Connection,
    role: Role,
    /// The database file; `None` in memory.
    file: Option<PathBuf>,
    /// The last id that was given. It only grows, also when a call is rolled back.
    last_id: Cell<i64>,
    /// A commit may have made ids up to this one durable (`meta.id` on disk).
    kept_id: Cell<i64>,
    random: Cell<u64>,
    /// Whether a group is open: [`Store::begin`] was called, and neither commit nor rollback.
    open: Cell<bool>,
    counters: RefCell<counter::CounterCache>,
    usage: RefCell<usage::UsageCounts>,
    /// The fault that a test has asked for (see `fault.rs`).
    fault: Cell<Option<StoreFault>>,
    /// The greatest length of the write-ahead log since it was truncated.
    wal_length: Cell<u64>,
    /// Commits since SQLite was last asked which part of the log is not copied yet.
    unchecked: Cell<u32>,
    /// The key of [`Store::reference_hash`], after it was read.
    hash_key: Cell<Option<(u64, u64)>>,
    /// The organization at which [`Store::trim_events`] goes on.
    trim_from: Cell<i64>,
    /// The depth of the events of the call that is carried out.
    depth: Cell<u8>,
    /// The mailbox at which [`Store::trim_expunged`] goes on.
    expunged_from: Cell<i64>,
    /// The organization at which [`Store::trim_audit`] goes on.
    audit_from: Cell<i64>,
    /// The organization whose lessons were learned last.
    lessons_from: Cell<i64>,
    /// Whether deletions may have left work for [`Store::reclaim`].
    leftovers: Cell<bool>,
    /// Inboxes of accounts elsewhere with changes that were noted since they were taken.
    upstreams_changed: RefCell<BTreeSet<InboxId>>,
    /// Large bodies without a reference, and until when they stay (monotonic ms).
    lingering: RefCell<HashMap<BodyId, u64>>,
    /// Large bodies whose octets are being stored.
    arriving: RefCell<arriving::ArrivingBodies>,
    /// How far [`Store::fill_sums`] has come, once it was read.
    sum_fill: Cell<Option<sum::SumFill>>,
    /// How many signatures wait for a block.
    unsealed: RefCell<signature::UnsealedCounts>,
    /// The id of the newest signature since the start.
    last_signed: Cell<i64>,
    /// The inbox and the block at which [`Store::tend_signatures`] looks for ended ones next.
    ended_from: Cell<(i64, i64)>,
    /// The newest signatures of some inboxes.
    tails: RefCell<signature::TailCache>,
    /// The heads of blocks of signatures.
    heads: RefCell<signature::HeadCache>,
    /// The quotas that changes must keep.
    quota: Cell<Quota>,
    /// The checksums of pages; a writer of a file has them.
    page_sums: RefCell<Option<page::PageSums>>,
    /// The file as plain octets, once it was asked for. It stands behind `sql`, so that it is
    /// closed later (see [`Store::database_file`]).
    octets: OnceCell<File>,
}

/// How many rows the connection has written at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriteMark(u64);

/// How far [`Store::checkpoint`] goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checkpoint {
    /// As far as readers allow, without waiting for them.
    Passive,
    /// All of it, and the write-ahead log is truncated. Does nothing while a reader reads.
    Truncate,
}

/// Tells `verify` of a row that is wrong: its table, its id, its organization, and what is wrong.
type Tell<'a> = &'a mut dyn FnMut(&'static str, i64, Option<i64>, String);

/// Statements that touch no row of an organization, inbox or mailbox. They do not need the
/// counters that are held in memory (see `counter.rs`).
#[derive(Clone, Copy)]
struct Direct<'a>(&'a Store);

/// Ends a read transaction when it goes out of scope. Until then the work is not held up for
/// others.
#[derive(Debug)]
pub struct Snapshot<'a>(Option<&'a Store>, pace::Hold);

impl Store {
    /// Opens the database of `folder`, and makes it if there is none. A writer brings an older
    /// file up to date; a reader refuses it. Errors: a file of another program, a damaged file, a
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

    /// Begins a group. It takes the write lock now, so that no later statement can fail for it.
    pub fn begin(&self) -> Result<(), Error> {
        self.run("BEGIN IMMEDIATE", [])?;
        self.counters.borrow_mut().clear();
        self.usage.borrow_mut().clear();
        self.open.set(true);
        Ok(())
    }

    /// Begins one call of the group.
    pub fn savepoint(&self) -> Result<(), Error> {
        self.direct().run("SAVEPOINT call", [])?;
        self.counters.borrow_mut().savepoint();
        self.usage.borrow_mut().savepoint();
        Ok(())
    }

    /// Ends the call and keeps its changes as part of the group.
    pub fn release(&self) -> Result<(), Error> {
        self.direct().run("RELEASE call", [])?;
        self.counters.borrow_mut().release();
        self.usage.borrow_mut().release();
        Ok(())
    }

    /// Undoes the call, its counters included.
    pub fn rollback_to(&self) -> Result<(), Error> {
        self.direct().run("ROLLBACK TO call", [])?;
        self.direct().run("RELEASE call", [])?;
        self.counters.borrow_mut().rollback_to();
        self.usage.borrow_mut().rollback_to();
        Ok(())
    }

    /// Begins one call of the group without a savepoint. What it writes can be undone with its
    /// group alone. Gives a mark for [`Store::undo_unwritten`].
    pub fn write_mark(&self) -> WriteMark {
        self.counters.borrow_mut().savepoint();
        self.usage.borrow_mut().savepoint();
        WriteMark(self.sql.total_changes())
    }

    /// Ends such a call and keeps its changes as part of the group.
    pub fn keep(&self) {
        self.counters.borrow_mut().release();
        self.usage.borrow_mut().release();
    }

    /// Undoes the call that began with `mark`, its counters included, if it has written no row;
    /// whether that is so.
    pub fn undo_unwritten(&self, mark: WriteMark) -> bool {
        let is_unwritten = mark == WriteMark(self.sql.total_changes());
        if is_unwritten {
            self.counters.borrow_mut().rollback_to();
            self.usage.borrow_mut().rollback_to();
        }
        is_unwritten
    }

    /// Undoes the group. SQLite may have undone it already.
    pub fn rollback(&self) {
        self.open.set(false);
        self.depth.set(0);
        self.counters.borrow_mut().clear();
        self.usage.borrow_mut().rollback();
        if !self.sql.is_autocommit()
            && let Err(error) = self.direct().run("ROLLBACK", [])
        {
            log::error!("store rollback failed: {error}");
        }
    }

    /// Makes the group durable. After an error nothing of it is stored, and every call of it must
    /// be refused.
    pub fn commit(&self) -> Result<Receipt, Error> {
        match self.commit_inner() {
            Ok(()) => {
                self.open.set(false);
                self.depth.set(0);
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
        self.write_usage()?;
        self.write_counters()?;
        let kept = self.keep_ids()?;
        self.direct().run("COMMIT", [])?;
        self.counters.borrow_mut().clear();
        self.usage.borrow_mut().clear();
        self.kept_id.set(kept);
        self.note_log();
        Ok(())
    }

    /// Whether SQLite has undone the open transaction by itself after an error. Then the whole
    /// group is lost and must be refused (DECISIONS.md, "Commit and receipts").
    pub fn is_transaction_gone(&self) -> bool {
        self.open.get() && self.sql.is_autocommit()
    }

    /// Whether no transaction is open.
    pub fn is_autocommit(&self) -> bool {
        self.sql.is_autocommit()
    }

    // ---- reading ----

    /// Everything that is read until the snapshot is dropped is of one moment. Inside a
    /// transaction of the writer it is of that transaction. Keep it short: a checkpoint waits for
    /// it.
    pub fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        if !self.sql.is_autocommit() {
            return Ok(Snapshot(None, pace::hold()));
        }
        self.run("BEGIN DEFERRED", [])?;
        Ok(Snapshot(Some(self), pace::hold()))
    }

    // ---- the write-ahead log ----

    /// Which checkpoint is due after a commit: one is when `at_bytes` of the write-ahead log are
    /// not copied ([`WRITER_COPIES_AT`], [`COPIER_COPIES_AT`]).
    pub fn checkpoint_due(&self, at_bytes: u64) -> Result<Option<Checkpoint>, Error> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        // The length is one cheap system call, but it does not fall when the log starts over. To
        // ask SQLite costs a prepared statement, so it is asked when the log has grown, and every
        // few commits.
        let mut wal = file.clone().into_os_string();
        wal.push("-wal");
        let length = std::fs::metadata(wal).map_or(0, |m| m.len());
        let commits = self.unchecked.get() + 1;
        let (seen, grown) = (self.wal_length.get(), length > self.wal_length.get());
        self.wal_length.set(length.max(seen));
        if length < at_bytes || (!grown && commits < CHECK_COMMITS) {
            self.unchecked.set(commits);
            return Ok(None);
        }
        self.unchecked.set(0);
        let (all, copied) = self.log_frames()?;
        if log_bytes(all - copied) < at_bytes {
            self.cover_ahead(all);
            return Ok(None);
        }
        Ok(Some(if length > TRUNCATE_AT_BYTES {
            Checkpoint::Truncate
        } else {
            Checkpoint::Passive
        }))
    }

    /// The octets of the write-ahead log that are in use, copied or not.
    pub fn log_bytes(&self) -> Result<u64, Error> {
        Ok(log_bytes(self.log_frames()?.0))
    }

    /// The frames of the write-ahead log, and how many of them are copied. NOOP copies nothing.
    fn log_frames(&self) -> Result<(i64, i64), Error> {
        let frames = self.direct().one("PRAGMA wal_checkpoint=NOOP", [], |r| {
            Ok((r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
        })?;
        Ok(frames.unwrap_or((0, 0)))
    }

    /// Holds the write-ahead log at the last commit until [`Store::let_log_go`]: no frame behind it
    /// is copied, and the log does not begin anew.
    fn hold_log(&self) -> Result<(), Error> {
        self.run("BEGIN DEFERRED", [])?;
        // The read begins with the first row.
        self.meta("epoch").map(drop)
    }

    /// Ends what [`Store::hold_log`] has begun.
    fn let_log_go(&self) -> Result<(), Error> {
        match self.sql.is_autocommit() {
            true => Ok(()),
            false => self.run("COMMIT", []).map(drop),
        }
    }

    /// Copies the write-ahead log as far as readers allow; whether all of it was copied. Its pages
    /// must have their checksums.
    fn copy_log(&self) -> Result<bool, Error> {
        let moved = self.one("PRAGMA wal_checkpoint=PASSIVE", [], |r| {
            Ok((r.get::<_, i64>(1)?, r.get::<_, i64>(2)?))
        })?;
        Ok(moved.is_none_or(|(all, copied)| all <= copied))
    }

    /// Copies the write-ahead log into the database; whether all of it was copied. Never waits
    /// for readers.
    pub fn checkpoint(&self, how: Checkpoint) -> Result<bool, Error> {
        if self.file.is_none() {
            return Ok(true);
        }
        self.cover_log()?;
        let is_whole = self.copy_log()?;
        if how == Checkpoint::Passive {
            return Ok(is_whole);
        }
        // When everything is copied, TRUNCATE only needs a moment without a reader of the log.
        self.leave_log();
        self.sql.busy_timeout(core::time::Duration::ZERO)?;
        let busy = self.one("PRAGMA wal_checkpoint=TRUNCATE", [], |r| r.get::<_, i64>(0));
        self.wal_length.set(0);
        self.note_log();
        self.sql.busy_timeout(open::BUSY)?;
        Ok(busy? == Some(0))
    }

    /// Free octets inside the database file. New mail uses them first.
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

    /// Every row. For queries that are bounded by their LIMIT or by a limit of the product.
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
        let _held = pace::hold();
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

impl Drop for Store {
    /// The last connection copies the log into the database when it is closed. It may do so when
    /// every page in the log has its checksum.
    fn drop(&mut self) {
        if self.role != Role::Writer || self.file.is_none() {
            return;
        }
        if !self.sql.is_autocommit() {
            self.rollback();
        }
        let may_copy = self.close_page_sums();
        if let Err(error) = open::set_copy_at_close(&self.sql, may_copy) {
            log::error!("store close failed: {error}");
        }
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

/// A number as SQLite stores it. It saturates; no count or size here is that large.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The octets of so many pages in the write-ahead log.
fn log_bytes(frames: i64) -> u64 {
    uint(frames.saturating_mul(open::PAGE_BYTES))
}

/// A stored number that is never negative.
fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A stored number that fits 32 bits: UIDs, UIDVALIDITY, sizes of messages.
fn uint32(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

/// The writer makes a passive checkpoint at this size of the write-ahead log: small enough that the
/// log stays in the page cache of the system, and large enough that of single deliveries, of which
/// each writes about twelve pages, fewer than one in a hundred waits for a checkpoint.
pub const WRITER_COPIES_AT: u64 = 8 << 20;
/// The copier begins at this size: no call waits for it, but a commit on the same disk waits while
/// its pages are made durable, and so they are few.
pub const COPIER_COPIES_AT: u64 = 1 << 20;
/// SQLite is asked after this many commits even when the log has not grown. A group is at most 8
/// MiB, so the log stays below the mark for TRUNCATE.
const CHECK_COMMITS: u32 = 8;

/// Above this size a reader has held up checkpoints for long. The file is truncated at the first
/// chance.
const TRUNCATE_AT_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests;
