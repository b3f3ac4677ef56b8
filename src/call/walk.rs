//! The positions of reads that walk over all messages of a mailbox in slices: SELECT, the
//! comparison of a view, and the count of recent messages.
//!
//! A walk is of one moment, although its slices are not: it begins with the head of the log, and
//! ends at the last UID of that moment. What a later slice sees of later changes is told again by
//! their events, which change nothing the second time.

use std::collections::BTreeSet;

use super::{MailboxId, MailboxRow, UidSet};

/// The position of a walk; `Default` is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailboxWalk {
    /// What was read first; `None` before that.
    pub start: Option<Box<WalkStart>>,
    /// All entries up to this UID were read.
    pub done_to: u32,
    /// UIDs so far.
    pub uids: UidSet,
    /// Those of them with a MODSEQ above the one that was asked for.
    pub changed: UidSet,
    /// The first without `\Seen`.
    pub first_unseen: Option<u32>,
    /// Keywords in use, in the order of first use.
    pub keywords: Vec<String>,
    /// The same in lower case.
    pub known: BTreeSet<String>,
}

/// The beginning of a walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalkStart {
    /// The mailbox at that time, with its counters.
    pub mailbox: MailboxRow,
    /// UIDs above this were `\Recent`.
    pub recent_above: u32,
    /// The last UID that was given.
    pub last: u32,
    /// The head of the log.
    pub as_of: u64,
}

/// The position of a count of recent messages in one mailbox or many; `Default` is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecentCount {
    /// The mailboxes with their other counters; `None` before they were read.
    pub rows: Option<Vec<MailboxRow>>,
    /// What is still to be counted, the last first: the place in `rows`, the mailbox, and the UIDs
    /// between these two, the first left out.
    pub left: Vec<(usize, MailboxId, u32, u32)>,
}
