//! What the files of the writer share about a group: how it is carried out, and why it is undone.

use crate::call::{Now, Refusal};

/// How a group is carried out.
#[derive(Clone, Copy)]
pub(super) struct GroupRun {
    /// Its time.
    pub now: Now,
    /// Each message has a savepoint.
    pub is_guarded: bool,
    /// The task was carried out before, in a group that was undone.
    pub is_again: bool,
}

/// Why a group is undone before its commit.
pub(super) enum Undone {
    /// SQLite has rolled the transaction back or cannot go on: every request is refused.
    Lost(String, Refusal),
    /// A message that has no savepoint was refused after it had written something.
    Refused,
}
