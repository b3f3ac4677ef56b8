//! Opening a database: settings, the check of the version of SQLite, and the steps from one
//! version of the file to the next. A file that cannot be read is an error, and never replaced by
//! a new one.
//!
//! A new file is made under another name and renamed when it is complete. So an empty or
//! truncated file under the real name is damage, and is refused as damage.

use core::cell::{Cell, OnceCell, RefCell};
use core::time::Duration;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::payload::{JobKind, JobPayload};
use super::{Error, Store, conversation, format, ids, keyword, page, quota, sum};
use crate::dir::DirHandle;

/// The database's name in the data folder.
pub const FILE: &str = "postern.db";

/// Every file that SQLite makes or opens there.
const FILES: &[&str] = &[
    FILE,
    "postern.db-wal",
    "postern.db-shm",
    "postern.db-journal",
    MAKING,
    "postern.db.making-journal",
];

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The one connection that changes anything.
    Writer,
    /// It only reads. SQLite itself refuses changes.
    Reader,
}

pub(super) fn open(folder: &Path, role: Role, seed: u64) -> Result<Store, Error> {
    check_library()?;
    let path = folder.join(FILE);
    let dir = DirHandle::open(folder).map_err(|e| Error::Io(folder.to_owned(), e))?;
    // SQLite opens its files by path. None of them may be a link.
    match role {
        Role::Writer => dir.secure(FILES),
        // The writer has secured them, and may have them open.
        Role::Reader => dir.refuse_links(FILES),
    }
    .map_err(|(path, e)| Error::Io(path, e))?;
    if role == Role::Writer && !dir.has(FILE) {
        create(&dir, &path, seed)?;
    }
    let damaged = |e: rusqlite::Error| match e.sqlite_error_code() {
        Some(
            rusqlite::ErrorCode::NotADatabase
            | rusqlite::ErrorCode::DatabaseCorrupt
            | rusqlite::ErrorCode::CannotOpen,
        ) => Error::Damaged(path.clone(), e.to_string()),
        _ => Error::Sqlite(e),
    };
    let mut sql = Connection::open_with_flags(&path, FLAGS).map_err(damaged)?;
    set(&sql).map_err(damaged)?;
    let id: i64 = sql
        .pragma_query_value(None, "application_id", |r| r.get(0))
        .map_err(damaged)?;
    if id != APPLICATION {
        return Err(Error::Damaged(path, "its mark is missing".into()));
    }
    sql.pragma_update(None, "journal_mode", "WAL")
        .map_err(damaged)?;
    match role {
        Role::Writer => {
            migrate(&mut sql, STEPS)?;
            sum::add_triggers(&sql)?;
            sql.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
        }
        Role::Reader => {
            let found = check_version(&sql, STEPS)?;
            if found < STEPS.len() {
                return Err(Error::Older(found as i64, STEPS.len() as i64));
            }
            sql.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
            sql.pragma_update(None, "query_only", true)?;
            set_copy_at_close(&sql, false)?;
        }
    }
    let store = finish(sql, role, Some(path.clone()), seed).map_err(|e| match e {
        Error::Sqlite(e) => damaged(e),
        e => e,
    })?;
    if role == Role::Writer {
        // The write-ahead log exists by now. SQLite ignores it when the name of the log cannot be
        // made durable. Without the name, every later commit would be lost.
        dir.sync().map_err(|e| Error::Io(folder.to_owned(), e))?;
        store.open_page_sums(&dir);
    }
    Ok(store)
}

pub(super) fn in_memory(seed: u64) -> Result<Store, Error> {
    check_library()?;
    let mut sql = Connection::open_in_memory()?;
    set(&sql)?;
    migrate(&mut sql, STEPS)?;
    ids::insert_meta(&sql, seed)?;
    begin_summed(&sql)?;
    sum::add_triggers(&sql)?;
    finish(sql, Role::Writer, None, seed)
}

/// Whether the last connection of all copies the log into the database when it is closed. A
/// connection that only reads does not: pages need their checksums first (see `page/mod.rs`).
pub(super) fn set_copy_at_close(sql: &Connection, on: bool) -> rusqlite::Result<()> {
    sql.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on)?;
    Ok(())
}

/// Settings of every connection (DECISIONS.md, "Commit and receipts").
fn set(sql: &Connection) -> rusqlite::Result<()> {
    sum::add_function(sql)?;
    sql.busy_timeout(BUSY)?;
    sql.set_prepared_statement_cache_capacity(STATEMENTS);
    sql.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    sql.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A plan does not depend on a bound value. Without this, SQLite prepares a statement on a
    // table with a partial index again for each new parameter.
    sql.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    sql.pragma_update(None, "synchronous", "FULL")?;
    sql.pragma_update(None, "wal_autocheckpoint", 0)?;
    sql.pragma_update(None, "mmap_size", 0)?;
    sql.pragma_update(None, "cell_size_check", true)?;
    sql.pragma_update(None, "foreign_keys", true)?;
    sql.pragma_update(None, "temp_store", "MEMORY")?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, 64 << 20),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
    ] {
        sql.set_limit(limit, value)?;
    }
    Ok(())
}

pub(super) fn finish(
    sql: Connection,
    role: Role,
    file: Option<std::path::PathBuf>,
    seed: u64,
) -> Result<Store, Error> {
    let store = Store {
        sql,
        role,
        file,
        last_id: Cell::new(0),
        kept_id: Cell::new(0),
        random: Cell::new(seed),
        open: Cell::new(false),
        counters: RefCell::default(),
        usage: RefCell::default(),
        fault: Cell::new(None),
        wal_length: Cell::new(0),
        unchecked: Cell::new(0),
        hash_key: Cell::new(None),
        trim_from: Cell::new(0),
        depth: Cell::new(0),
        expunged_from: Cell::new(0),
        audit_from: Cell::new(0),
        lessons_from: Cell::new(0),
        leftovers: Cell::new(true),
        upstreams_changed: RefCell::default(),
        lingering: RefCell::default(),
        arriving: RefCell::default(),
        sum_fill: Cell::new(None),
        unsealed: RefCell::default(),
        last_signed: Cell::new(0),
        ended_from: Cell::new((0, 0)),
        tails: RefCell::default(),
        heads: RefCell::default(),
        quota: Cell::new(quota::Quota::NONE),
        page_sums: RefCell::new(None),
        octets: OnceCell::new(),
    };
    let kept = store.meta("id")?;
    store.last_id.set(kept);
    store.kept_id.set(kept);
    Ok(store)
}

/// Refuses a SQLite that can lose a commit when the write-ahead log is reset under a second
/// connection; fixed in 3.51.3 and 3.53.4.
fn check_library() -> Result<(), Error> {
    let version = rusqlite::version_number();
    if version >= 3_053_004 || (3_051_003..3_052_000).contains(&version) {
        Ok(())
    } else {
        Err(Error::Library(rusqlite::version()))
    }
}

/// Makes a complete database under another name, then renames it.
fn create(dir: &DirHandle, path: &Path, seed: u64) -> Result<(), Error> {
    let folder = dir.path();
    let io = |path: &Path| {
        let path = path.to_owned();
        move |e| Error::Io(path, e)
    };
    for left in ["postern.db-wal", "postern.db-shm", "postern.db-journal"] {
        if dir.has(left) {
            return Err(Error::Damaged(
                path.to_owned(),
                format!("it is missing, but {left} is there"),
            ));
        }
    }
    dir.remove(page::SUMS_FILE).map_err(io(path))?;
    let making = folder.join(MAKING);
    for left in [MAKING, "postern.db.making-journal"] {
        dir.remove(left).map_err(io(&making))?;
    }
    // Made here and not by SQLite: an empty file is a new database for it.
    dir.make_file(MAKING).map_err(io(&making))?;
    let mut sql = Connection::open_with_flags(&making, FLAGS | OpenFlags::SQLITE_OPEN_CREATE)?;
    sql.pragma_update(None, "page_size", PAGE_BYTES)?;
    set(&sql)?;
    migrate(&mut sql, STEPS)?;
    ids::insert_meta(&sql, seed)?;
    begin_summed(&sql)?;
    sql.close().map_err(|(_, e)| e)?;
    dir.take_in(dir, MAKING, FILE).map_err(io(path))?;
    dir.sync().map_err(io(folder))
}

/// Every row of a new database has its checksums.
fn begin_summed(sql: &Connection) -> Result<(), Error> {
    sql.execute(
        "UPDATE meta SET value = ?1, sum = NULL WHERE name = ?2",
        (sum::all_summed(), sum::SUMMED),
    )?;
    Ok(sum::fill(sql)?)
}

fn check_version(sql: &Connection, steps: &[SchemaStep]) -> Result<usize, Error> {
    let found: i64 = sql.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let known = steps.len() as i64;
    match usize::try_from(found) {
        Ok(version) if version <= steps.len() => Ok(version),
        _ => Err(Error::Newer(found, known)),
    }
}

/// Takes the steps that the file has not had, all in one transaction: a crash in the middle
/// leaves the old version.
pub(super) fn migrate(sql: &mut Connection, steps: &[SchemaStep]) -> Result<(), Error> {
    let version = check_version(sql, steps)?;
    if version == steps.len() {
        return Ok(());
    }
    // A step may replace a table that others refer to. SQLite changes this setting only outside of
    // a transaction.
    sql.pragma_update(None, "foreign_keys", false)?;
    let all = sql.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for step in &steps[version..] {
        all.execute_batch(step.sql)?;
        (step.move_rows)(&all)?;
    }
    // The checksums are those of the newest version, so they are made when all columns are there.
    if steps.len() >= STEPS.len() {
        sum::fill(&all)?;
    }
    if all.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(Error::Corrupt("foreign keys"));
    }
    all.pragma_update(None, "application_id", APPLICATION)?;
    all.pragma_update(None, "user_version", steps.len() as i64)?;
    all.commit()?;
    Ok(sql.pragma_update(None, "foreign_keys", true)?)
}

/// A step from one version of the file to the next: SQL, then the part that SQL alone cannot do.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchemaStep {
    pub sql: &'static str,
    pub move_rows: fn(&Connection) -> Result<(), Error>,
}

impl SchemaStep {
    /// A step that is SQL alone.
    pub const fn sql(sql: &'static str) -> SchemaStep {
        SchemaStep {
            sql,
            move_rows: |_| Ok(()),
        }
    }
}

/// Step n takes a file from version n to n + 1.
pub(super) const STEPS: &[SchemaStep] = &[
    SchemaStep::sql(include_str!("schema.sql")),
    SchemaStep::sql(include_str!("step2.sql")),
    SchemaStep {
        sql: include_str!("step3.sql"),
        move_rows: move_jobs,
    },
    SchemaStep::sql(include_str!("step4.sql")),
    SchemaStep {
        sql: include_str!("step5.sql"),
        move_rows: count_rows,
    },
    SchemaStep::sql(include_str!("step6.sql")),
    SchemaStep {
        sql: include_str!("step7.sql"),
        move_rows: keyword::count_all,
    },
    SchemaStep::sql(include_str!("step8.sql")),
    SchemaStep::sql(include_str!("step9.sql")),
    SchemaStep::sql(include_str!("step10.sql")),
    SchemaStep {
        sql: include_str!("step11.sql"),
        move_rows: move_recipients,
    },
    SchemaStep::sql(include_str!("step12.sql")),
    SchemaStep::sql(include_str!("step13.sql")),
    SchemaStep::sql(include_str!("step14.sql")),
    SchemaStep::sql(include_str!("step15.sql")),
    SchemaStep::sql(include_str!("step16.sql")),
    SchemaStep::sql(include_str!("step17.sql")),
    SchemaStep::sql(include_str!("step18.sql")),
    SchemaStep::sql(include_str!("step19.sql")),
    SchemaStep::sql(include_str!("step20.sql")),
    SchemaStep::sql(include_str!("step21.sql")),
    SchemaStep::sql(include_str!("step22.sql")),
    SchemaStep::sql(include_str!("step23.sql")),
    SchemaStep::sql(include_str!("step24.sql")),
    SchemaStep::sql(include_str!("step25.sql")),
    SchemaStep::sql(include_str!("step26.sql")),
    SchemaStep::sql(include_str!("step27.sql")),
    SchemaStep::sql(include_str!("step28.sql")),
    SchemaStep::sql(include_str!("step29.sql")),
    SchemaStep::sql(include_str!("step30.sql")),
    SchemaStep::sql(include_str!("step31.sql")),
    SchemaStep::sql(include_str!("step32.sql")),
    SchemaStep::sql(include_str!("step33.sql")),
    SchemaStep::sql(include_str!("step34.sql")),
    SchemaStep::sql(include_str!("step35.sql")),
    SchemaStep::sql(include_str!("step36.sql")),
    SchemaStep::sql(include_str!("step37.sql")),
    SchemaStep::sql(include_str!("step38.sql")),
    SchemaStep::sql(include_str!("step39.sql")),
    SchemaStep::sql(include_str!("step40.sql")),
];

/// Step 5: finds the mail that each conversation depends on, and counts what rows cost.
fn count_rows(sql: &Connection) -> Result<(), Error> {
    conversation::link_all(sql)?;
    quota::count_all(sql)
}

/// Step 3: recipients that wait for delivery become jobs of the kind `smtp`, with the ids and
/// times that they had.
fn move_jobs(sql: &Connection) -> Result<(), Error> {
    let mut old = sql.prepare(
        "SELECT id, org, inbox, entry, body, reverse_path, recipient, dsn, attempts, due_at,
                created_at
         FROM job_2 ORDER BY id",
    )?;
    let mut insert = sql.prepare(
        "INSERT INTO job (id, org, inbox, kind, subject, entry, body, payload, state, attempts,
                          due_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11)",
    )?;
    let mut rows = old.query([])?;
    while let Some(r) = rows.next()? {
        let dsn: Vec<u8> = r.get(7)?;
        let job = format::plain_smtp_job(r.get(5)?, r.get(6)?, &dsn);
        let subject = job.domain();
        let payload = JobPayload::Smtp(job);
        insert.execute(rusqlite::params![
            r.get::<_, i64>(0)?,
            r.get::<_, i64>(1)?,
            r.get::<_, i64>(2)?,
            JobKind::Smtp.name(),
            subject,
            r.get::<_, Option<i64>>(3)?,
            r.get::<_, i64>(4)?,
            format::encode_job(&payload)?,
            r.get::<_, i64>(8)?,
            r.get::<_, i64>(9)?,
            r.get::<_, i64>(10)?,
        ])?;
    }
    drop(rows);
    drop(old);
    Ok(sql.execute_batch("DROP TABLE job_2")?)
}

/// Step 10: jobs of the kind `smtp` become recipients outside, with the ids, times and costs that
/// they had, besides the cost of the longer row. A job that cannot be read stays.
fn move_recipients(sql: &Connection) -> Result<(), Error> {
    let mut old = sql.prepare(
        "SELECT id, org, inbox, entry, body, payload, attempts, due_at, created_at, cost
         FROM job WHERE kind = 'smtp' AND inbox IS NOT NULL AND body IS NOT NULL ORDER BY id",
    )?;
    let mut insert = sql.prepare(
        "INSERT INTO outbound (id, org, inbox, entry, body, domain, recipient, envelope, content,
                               size, status, attempts, due_at, created_at, expires_at, sweep_at, cost)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 4, 0, 2, ?9, ?10, ?11, ?12, ?12, ?13)",
    )?;
    let mut backlog = sql.prepare(
        "INSERT INTO outbound_backlog (org, domain, due_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (org, domain) DO UPDATE SET due_at = min(due_at, excluded.due_at)",
    )?;
    let mut remove = sql.prepare("DELETE FROM job WHERE id = ?1")?;
    let mut moved = Vec::new();
    let mut rows = old.query([])?;
    while let Some(r) = rows.next()? {
        let id: i64 = r.get(0)?;
        let payload: Vec<u8> = r.get(5)?;
        let Ok(JobPayload::Smtp(job)) = format::decode_job(JobKind::Smtp, &payload) else {
            log::error!("queued recipient cannot be read and stays a job: id={id}");
            continue;
        };
        let (org, due_at, created_at): (i64, i64, i64) = (r.get(1)?, r.get(7)?, r.get(8)?);
        let domain = job.domain();
        insert.execute(rusqlite::params![
            id,
            org,
            r.get::<_, i64>(2)?,
            r.get::<_, Option<i64>>(3)?,
            r.get::<_, i64>(4)?,
            domain,
            job.recipient,
            format::encode_envelope(&job, 0)?,
            r.get::<_, i64>(6)?,
            due_at,
            created_at,
            created_at.saturating_add(EXPIRE_MS),
            r.get::<_, i64>(9)?
                .saturating_add(quota::OUTBOUND_BYTES - quota::JOB_BYTES),
        ])?;
        backlog.execute(rusqlite::params![org, domain, due_at])?;
        moved.push((id, org));
    }
    drop(rows);
    drop(old);
    let mut count = sql.prepare("UPDATE org SET cost = cost + ?2 WHERE id = ?1")?;
    for (id, org) in moved {
        remove.execute([id])?;
        count.execute([org, quota::OUTBOUND_BYTES - quota::JOB_BYTES])?;
    }
    Ok(())
}

/// How long a recipient of an older release waits in all, as the default of a new one.
const EXPIRE_MS: i64 = 72 * 3_600_000;

/// How long to wait for the lock of a tool outside this process.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Measured with messages of 4 KiB: pages of 8192 octets take the same time and half as much disk
/// again, since a page that one message fills by more than half has no space for a second.
pub(super) const PAGE_BYTES: i64 = 4096;

/// `Post` in ASCII. It marks the file as a Postern database.
const APPLICATION: i64 = 0x506F_7374;

const MAKING: &str = "postern.db.making";

/// More than the number of statements in this folder, so that each is prepared once.
const STATEMENTS: usize = 256;

/// Negative is KiB. A group of 8 MiB stays in memory until its commit.
const WRITER_CACHE_KIB: i64 = -12_000;

/// Readers share the page cache of the system. Their own caches only need to hold inner pages.
const READER_CACHE_KIB: i64 = -2_000;

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
    .union(OpenFlags::SQLITE_OPEN_NOFOLLOW)
    .union(OpenFlags::SQLITE_OPEN_EXRESCODE);
