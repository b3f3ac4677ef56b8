//! The change log: one row a command and mailbox, numbered without gaps within an
//! organization. The number is the SSE id, the poll cursor and the IMAP MODSEQ.
//!
//! A row is stored in the transaction that makes the change and published after its commit;
//! what is published is the row itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Arrival, ConnId, EntryId, EntryState, InboxId, KeyId, MailboxId, OrgId, Summary, ThreadId,
    UidSet,
};

/// What a session may watch. A set of these replaces the one before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Everything in one inbox.
    Inbox(InboxId),
    /// Everything in an inbox and the inboxes under it.
    Tree(InboxId),
    /// Everything in an organization.
    Org(OrgId),
    /// The end of a key.
    Key(KeyId),
}

/// One row of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Whose log.
    pub org: OrgId,
    /// Its number there.
    pub seq: u64,
    /// max(previous, now) when the writer took the call, unix milliseconds.
    pub at: i64,
    /// The inbox, its address and its ancestors; `None` for what concerns no inbox.
    pub inbox: Option<Arc<InboxPath>>,
    /// The mailbox.
    pub mailbox: Option<MailboxId>,
    /// The UIDs concerned.
    pub uids: UidSet,
    /// What happened.
    pub change: Change,
    /// The connection whose call made it, so that it can tell its own changes; not stored.
    pub origin: ConnId,
}

impl Event {
    /// Every topic that this reaches.
    pub fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        let inbox = self.inbox.as_deref();
        let key = match &self.change {
            Change::KeyRevoked { key } => Some(Topic::Key(*key)),
            _ => None,
        };
        [
            Some(Topic::Org(self.org)),
            inbox.map(|p| Topic::Inbox(p.id)),
            inbox.map(|p| Topic::Tree(p.id)),
            key,
        ]
        .into_iter()
        .flatten()
        .chain(
            inbox
                .into_iter()
                .flat_map(|p| p.ancestors.iter().map(|id| Topic::Tree(*id))),
        )
    }
}

/// Where in the tree of inboxes an event is; in the row, so that a watcher looks up nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InboxPath {
    /// The inbox.
    pub id: InboxId,
    /// Its address.
    pub address: String,
    /// Its parent first, then the parent's parent; at most 8.
    pub ancestors: Vec<InboxId>,
}

/// What happened. The names of public event types are made from these in one place
/// (`http/json.rs`); a superset of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// An entry came to be, with all that its event shows.
    Arrived(Box<Arrived>),
    /// Many entries came to be by one COPY or MOVE.
    Copied(Bulk),
    /// Flags or keywords changed.
    Flagged(Bulk),
    /// Entries are gone from the mailbox.
    Expunged {
        /// Up to 100 ids.
        messages: Vec<EntryId>,
        /// How many in all.
        count: u32,
        /// The mailbox they are in now, when this was a MOVE.
        moved_to: Option<MailboxId>,
        /// The mailbox's name.
        folder: String,
    },
    /// A mailbox was made.
    MailboxCreated {
        /// Its name.
        name: String,
    },
    /// A mailbox has another name.
    MailboxRenamed {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A mailbox is gone with all in it.
    MailboxDeleted {
        /// Its name.
        name: String,
    },
    /// An inbox was made.
    InboxCreated,
    /// Its name, metadata or place changed.
    InboxUpdated,
    /// It is gone with all in it.
    InboxDeleted,
    /// A key ended; its sessions end now.
    KeyRevoked {
        /// Which.
        key: KeyId,
    },
}

/// Everything that `message.received` and `message.sent` show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Arrived {
    /// How.
    pub kind: Arrival,
    /// UID, id, MODSEQ, flags, labels.
    pub state: EntryState,
    /// The conversation.
    pub thread: ThreadId,
    /// The mailbox's name.
    pub folder: String,
    /// Octets.
    pub size: u32,
    /// `Message-ID` with its brackets.
    pub message_id: String,
    /// From, To, subject, preview, codes.
    pub summary: Summary,
    /// The sender logged in to this server (decisions.md 32).
    pub local: bool,
}

/// A change of many entries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bulk {
    /// New state of up to 100 entries.
    pub messages: Vec<EntryState>,
    /// How many in all.
    pub count: u32,
    /// The mailbox's name.
    pub folder: String,
}

/// The most entries that one row names; beyond it `count` tells how many there are.
pub const BULK_MESSAGES_MAX: usize = 100;
