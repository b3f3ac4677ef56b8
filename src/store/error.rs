//! Errors of the store. Most are our fault: a disk, a defect, damage. One is not: a refusal that
//! only the store can decide, such as a quota. A refusal for a peer is made from an error in one
//! place.

use core::fmt;
use std::path::PathBuf;

use crate::call::Refusal;

/// Why the store did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// SQLite or the disk under it.
    Sqlite(rusqlite::Error),
    /// A file of the data folder.
    Io(PathBuf, std::io::Error),
    /// Stored octets are damaged: which.
    Corrupt(&'static str),
    /// A row is damaged.
    DamagedRow {
        /// Its table.
        table: &'static str,
        /// Its id.
        row: i64,
        /// Its organization.
        org: i64,
        /// What is wrong.
        what: &'static str,
    },
    /// A row has an encoding of a version that this program does not know. It is not damage: a
    /// newer Postern has written the row.
    UnknownVersion {
        /// Which encoding.
        what: &'static str,
        /// The version of the row.
        found: u8,
        /// The highest version that this program reads.
        known: u8,
    },
    /// The queue has jobs of a kind that this program does not know: its name.
    UnknownKind(String),
    /// The file is not a Postern database, or it is damaged.
    Damaged(PathBuf, String),
    /// The file was written by a newer Postern: the version of the file, and the highest version
    /// that this program knows.
    Newer(i64, i64),
    /// The file was written by an older Postern, and this connection only reads: the version of
    /// the file, and the version of this program.
    Older(i64, i64),
    /// The SQLite library has a defect that loses data: its version.
    Library(&'static str),
    /// SQLite has undone the transaction: the whole group is lost.
    TransactionLost,
    /// A test asked for this failure.
    Injected,
    /// The request is refused; nothing is wrong.
    Refused(Refusal),
}

impl Error {
    /// Whether the disk itself failed. Then the pages in memory can no longer be trusted, and the
    /// process must stop (DECISIONS.md, "Commit and receipts").
    pub fn is_disk_failure(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, SystemIoFailure};
        match self {
            _ if self.is_full() => false,
            Error::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(SystemIoFailure | DatabaseCorrupt | NotADatabase | CannotOpen)
            ),
            Error::Io(..) | Error::Damaged(..) => true,
            _ => false,
        }
    }

    /// Whether the disk is full. It is not broken then.
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Sqlite(error) if is_full(error))
    }

    /// Whether SQLite may have undone the whole transaction at this error. [`super::Store`] knows
    /// whether it did.
    pub fn is_transaction_gone(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, OperationInterrupted, OutOfMemory, SystemIoFailure};
        match self {
            Error::TransactionLost => true,
            Error::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(DiskFull | OperationInterrupted | OutOfMemory | SystemIoFailure)
            ),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Sqlite(error) => write!(f, "database: {error}"),
            Error::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Error::Corrupt(what) => write!(f, "stored {what} is damaged"),
            Error::DamagedRow {
                table,
                row,
                org,
                what,
            } => write!(
                f,
                "damaged: {table} id={row}, organization {org}: {what}; `postern verify` finds all"
            ),
            Error::UnknownVersion { what, found, known } => write!(
                f,
                "stored {what} has the unknown version {found}, this Postern reads versions up to {known}: run a newer Postern"
            ),
            Error::UnknownKind(kind) => write!(
                f,
                "the queue has jobs of the unknown kind {kind:?}: run a newer Postern"
            ),
            Error::Damaged(path, why) => write!(
                f,
                "{} is not a Postern database or is damaged ({why}); nothing was changed in it: use a backup, or an empty folder to begin anew",
                path.display()
            ),
            Error::Newer(found, known) => write!(
                f,
                "the database has version {found}, this Postern knows versions up to {known}: run a newer Postern"
            ),
            Error::Older(found, known) => write!(
                f,
                "the database has version {found}, this Postern reads version {known}: start `postern serve` once, which brings it up to date"
            ),
            Error::Library(version) => write!(
                f,
                "SQLite {version} can lose committed data; 3.51.3 or 3.53.4 and later cannot"
            ),
            Error::TransactionLost => {
                f.write_str("database: the transaction was rolled back by SQLite")
            }
            Error::Injected => f.write_str("database: a failure that a test asked for"),
            Error::Refused(refusal) => write!(f, "refused: {refusal:?}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::Sqlite(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

/// The peer is told that the fault is ours, and no more. The reason is in the log, once.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal,
            Error::Sqlite(e) if is_full(&e) => {
                log::error!("store error=\"{e}\"");
                Refusal::NoSpace
            }
            Error::Corrupt(_)
            | Error::DamagedRow { .. }
            | Error::Sqlite(
                rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::FromSqlConversionFailure(..),
            ) => {
                log::error!("store error=\"{error}\"");
                Refusal::Damaged
            }
            error => {
                log::error!("store error=\"{error}\"");
                Refusal::Internal
            }
        }
    }
}

/// Whether the disk is full. The index of the write-ahead log may be the file that could not
/// grow.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || error
            .sqlite_error()
            .is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}
