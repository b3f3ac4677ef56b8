//! Faults that a test asks for: the disk fails, is full, or the process stops, at a statement or
//! at a commit. Only tests and the simulation ask.
//!
//! It is not a simulated disk: what SQLite writes is real. The rule: a statement that fails here
//! has done nothing, as one that SQLite refuses.

use rusqlite::ffi;

use super::{Error, Store};

/// A fault to come. It comes once, but for [`StoreFault::Stop`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreFault {
    /// The next commit fails; nothing of the group is there.
    Commit,
    /// The disk is full at the next commit (`SQLITE_FULL`).
    CommitFull,
    /// The n-th statement from now on fails; 1 is the next. `SAVEPOINT` and the like count.
    Statement(u32),
    /// The disk is full at the n-th statement from now on.
    StatementFull(u32),
    /// The process stops at the n-th statement from now on: that one and all after it fail, the
    /// commit too. Dropping the store then is the end of the process; what was not committed is
    /// gone.
    Stop(u32),
}

impl Store {
    /// Asks for a fault, in place of one that has not come yet.
    pub fn fail(&self, fault: StoreFault) {
        self.fault.set(Some(fault));
    }

    /// The next commit fails, as a disk would make it fail.
    pub fn fail_next_commit(&self) {
        self.fail(StoreFault::Commit);
    }

    /// Whether a commit may begin.
    pub(super) fn commit_fault(&self) -> Result<(), Error> {
        let error = match self.fault.get() {
            Some(StoreFault::Commit) => Error::Injected,
            Some(StoreFault::CommitFull) => full(),
            _ => return Ok(()),
        };
        self.fault.set(None);
        Err(error)
    }

    /// Whether the next statement may run.
    pub(super) fn statement_fault(&self) -> Result<(), Error> {
        use StoreFault::{Commit, CommitFull, Statement, StatementFull, Stop};
        let (next, result) = match self.fault.get() {
            None | Some(Commit | CommitFull) => return Ok(()),
            Some(Statement(0 | 1)) => (None, Err(Error::Injected)),
            Some(StatementFull(0 | 1)) => (None, Err(full())),
            Some(Stop(0 | 1)) => (Some(Stop(1)), Err(Error::Injected)),
            Some(Statement(n)) => (Some(Statement(n - 1)), Ok(())),
            Some(StatementFull(n)) => (Some(StatementFull(n - 1)), Ok(())),
            Some(Stop(n)) => (Some(Stop(n - 1)), Ok(())),
        };
        self.fault.set(next);
        result
    }
}

fn full() -> Error {
    Error::Sqlite(rusqlite::Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_FULL),
        None,
    ))
}
