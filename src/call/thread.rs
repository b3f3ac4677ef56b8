//! A thread as the API shows it: the messages of one inbox that answer one another, in a few words.
//!
//! It is no row: it is made of the messages each time. The rule: at most [`THREAD_MESSAGES_MAX`] of
//! them are counted, the newest ones.

use std::collections::BTreeSet;

use super::{EntryId, InboxId, ListProgress, NamedAddress, ThreadId};

/// A thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ThreadView {
    /// Its id.
    pub id: ThreadId,
    /// The inbox that it is in.
    pub inbox: InboxId,
    /// The subject of its oldest message that was counted.
    pub subject: String,
    /// Who is in From, To and Cc, each once, the newest first; at most
    /// [`THREAD_PARTICIPANTS_MAX`].
    pub participants: Vec<NamedAddress>,
    /// How many messages it has.
    pub messages: u32,
    /// How many of them have no `\Seen`.
    pub unread: u32,
    /// The labels of its messages, each once; at most [`THREAD_LABELS_MAX`].
    pub labels: Vec<String>,
    /// The folders of its messages, each once; at most [`THREAD_LABELS_MAX`].
    pub folders: Vec<String>,
    /// The beginning of the text of its newest message.
    pub preview: String,
    /// Whether a message has an attachment.
    pub has_attachments: bool,
    /// When its oldest message was received, unix milliseconds.
    pub first_at: i64,
    /// When its newest message was received, unix milliseconds.
    pub last_at: i64,
    /// Its newest message.
    pub last: EntryId,
}

/// The position of a list of threads, or of the messages of a thread, that takes more than one
/// slice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThreadProgress {
    /// When it began, and the messages of the page so far.
    pub list: ListProgress,
    /// The threads of the page so far; of one thread, the thread itself.
    pub threads: Vec<ThreadView>,
    /// The newest message of each thread that may meet the filter, and the thread, if these are
    /// gathered.
    pub heads: Option<BTreeSet<(i64, ThreadId)>>,
}

/// The most messages that are counted in a thread.
pub const THREAD_MESSAGES_MAX: u32 = 500;
/// The most people that are shown of it.
pub const THREAD_PARTICIPANTS_MAX: usize = 50;
/// The most labels, and the most folders, that are shown of it.
pub const THREAD_LABELS_MAX: usize = 50;
