//! How far the connection of an account is with comparing states of messages: `state.rs` does it.

use std::sync::Arc;

use crate::call::{RemoteMessage, UidSet};

/// A comparison under way.
#[derive(Debug, Default)]
pub struct StateCompared {
    /// News of the mailbox have begun it.
    pub is_woken: bool,
    /// All messages are looked at, so that the next comparison can begin at its end.
    pub is_whole: bool,
    /// The server is asked only for what has changed after this MODSEQ.
    pub since: Option<u64>,
    /// The largest MODSEQ that the server has told.
    pub modseq: Option<u64>,
    /// The row at which the next known messages begin; `None` is the newest, and then the end.
    pub before: Option<i64>,
    /// What was asked for, what was told of it, and whether its keywords can be taken.
    pub asked: UidSet,
    pub told: Arc<Vec<RemoteMessage>>,
    pub leaves_keywords: bool,
}

/// A message has come that may have been moved: the other mailboxes are looked at before it is
/// fetched, since what is gone there is known then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FolderTour {
    None,
    /// For the mailbox at this place.
    Beyond(usize),
    /// They have been looked at.
    Over,
}
