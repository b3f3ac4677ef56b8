//! The positions of calls that are carried out in slices: reads that walk over all messages of a
//! mailbox (SELECT, the comparison of a view, the count of recent messages), and commands that
//! change many messages.
//!
//! A walk is of one moment, although its slices are not: it begins with the head of the log, and
//! ends at the last UID of that moment. What a later slice sees of later changes is told again by
//! their events, which change nothing the second time.

use std::collections::BTreeSet;

use super::{MailboxId, MailboxRow, Refusal, UidSet};

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

/// The position of a command that copies, moves or expunges many messages; `Default` is the
/// beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BulkProgress {
    /// All messages up to this UID are done.
    pub done_to: u32,
    /// The last UID of the mailbox when the command began; 0 is not yet.
    pub last: u32,
    /// The mailbox that the messages leave, once it was found by its name.
    pub source: Option<MailboxId>,
    /// The mailbox that they go to.
    pub target: Option<MailboxId>,
    /// Messages that were not there.
    pub missing: UidSet,
    /// UIDs of the copies in the target.
    pub to: UidSet,
    /// UIDs that were expunged, as long as they are few ranges: the events tell of them, too.
    pub gone: UidSet,
    /// The number of the last row of the log.
    pub modseq: u64,
    /// The copies are taken back, for this reason.
    pub undo: Option<Refusal>,
}
