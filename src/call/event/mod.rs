//! The change log: one row for each command and mailbox, numbered without gaps within an
//! organization. The number is the SSE id, the poll cursor and the IMAP MODSEQ
//! (DECISIONS.md, "Events and cursors").
//!
//! The row is stored in the transaction that makes the change, and is published after the
//! commit: the published event is the stored row. This file has the types alone. `meaning.rs`
//! says what an event means to clients, `kind.rs` has the public names, `filter.rs` compares.

mod filter;
mod kind;
mod meaning;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use filter::{EventFilter, EventReach, InboxSet, is_from, sender_filter};
pub(super) use kind::words;
pub use kind::{DisabledReason, EventKind, FailureClass, KindSet, PriorityLevel, Verdict};
pub use meaning::{EventSight, SessionEnd};

use super::{
    Access, ApprovalChange, Arrival, AutoReplyNote, ConnId, DomainId, EntryId, EntryState, InboxId,
    KeyId, MailboxId, OrgId, OutboundId, RuleNote, SenderAuth, SpamReport, Summary, ThreadId,
    UidSet, WebhookId,
};

/// A set of events that a session can watch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Everything in one inbox.
    Inbox(InboxId),
    /// Everything in an inbox and the inboxes under it.
    Tree(InboxId),
    /// Everything in an organization.
    Org(OrgId),
    /// The end of one key.
    Key(KeyId),
    /// The end of an organization.
    OrgEnd(OrgId),
    /// What the subscriptions of a connection to consumer groups wait for. Nothing of it is stored.
    Reader(ConnId),
}

impl Topic {
    /// Whether events of mail come with it, and not only the end of something.
    pub fn is_of_mail(&self) -> bool {
        match self {
            Topic::Inbox(_) | Topic::Tree(_) | Topic::Org(_) => true,
            Topic::Key(_) | Topic::OrgEnd(_) | Topic::Reader(_) => false,
        }
    }

    /// What a session of `access` watches for the end of its key and of its organization.
    pub fn ends_of(access: &Access) -> impl Iterator<Item = Topic> + use<> {
        let key = access.key.map(Topic::Key);
        key.into_iter().chain([Topic::OrgEnd(access.org)])
    }
}

/// One row of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The organization whose log it is in.
    pub org: OrgId,
    /// Its number in that log.
    pub seq: u64,
    /// max(previous, now) when the writer took the call, unix milliseconds.
    pub at: i64,
    /// The inbox, its address and its ancestors; `None` for an event of no inbox.
    pub inbox: Option<Arc<InboxPath>>,
    /// The mailbox; `None` for an event of no mailbox.
    pub mailbox: Option<MailboxId>,
    /// The UIDs of the messages in the mailbox.
    pub uids: UidSet,
    /// What happened.
    pub change: Change,
    /// How many webhooks its cause is behind; 0 for what no webhook has caused.
    pub depth: u8,
    /// The connection whose call made it, so that it can tell its own changes; `None`
    /// is the server itself. Not stored.
    pub origin: Option<ConnId>,
}

/// The place of an inbox in the tree of inboxes. The row holds it, so that a watcher needs no
/// look-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboxPath {
    /// The inbox.
    pub id: InboxId,
    /// Its address.
    pub address: String,
    /// Its parent first, then the parent's parent; at most 8.
    pub ancestors: Vec<InboxId>,
}

/// What happened. `meaning.rs` gives the public type of each; some have none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// One new entry, with all that its event shows.
    Arrived(Box<Arrived>),
    /// Many new entries by one COPY or MOVE.
    Copied(Bulk),
    /// Flags or keywords changed.
    Flagged(Bulk),
    /// Entries are gone from the mailbox.
    Expunged {
        /// Up to [`BULK_MESSAGES_MAX`] ids.
        messages: Vec<EntryId>,
        /// How many in all.
        count: u32,
        /// The mailbox that they are in now, when this was a MOVE.
        moved_to: Option<MailboxId>,
        /// The mailbox's name.
        folder: String,
        /// Why they ended by themselves; `None` when a client has deleted them.
        reason: Option<ExpiryReason>,
    },
    /// There is a new mailbox.
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
    /// A message waits for a decision, or there is one.
    Approval(Box<ApprovalChange>),
    /// There is a new inbox.
    InboxCreated,
    /// The name or the metadata of an inbox has changed.
    InboxUpdated,
    /// An inbox, or one above it, has another parent. The row has its new place.
    InboxMoved {
        /// Its ancestors before, as in [`InboxPath::ancestors`].
        from: Vec<InboxId>,
    },
    /// An inbox is gone with all in it.
    InboxDeleted,
    /// A key has ended; its sessions end now.
    KeyRevoked {
        /// The key.
        key: KeyId,
    },
    /// The organization has ended; the sessions of all its keys end now.
    OrgDeleted,
    /// A domain of the organization is proven.
    DomainVerified {
        /// The domain.
        domain: DomainId,
        /// Its name.
        name: String,
    },
    /// A reader of a consumer group that got nothing may claim again. It is published and never
    /// stored; its number is 0.
    GroupReady {
        /// The connection.
        conn: ConnId,
        /// The subscription of it.
        reader: u32,
    },
    /// A key has all events up to a number: its streams need not wait any longer. It is published
    /// while the server stops, and never stored; its own number is 0.
    Acknowledged {
        /// The key; `None` is the operator.
        key: Option<KeyId>,
        /// The number.
        upto: u64,
    },
    /// Something has become of a recipient outside.
    Outbound(Box<OutboundNews>),
    /// A webhook gets nothing any more.
    WebhookDisabled(Box<DisabledWebhook>),
    /// A rule has answered a message.
    AutoReplied {
        /// The message.
        message: EntryId,
        /// The answer.
        note: Box<AutoReplyNote>,
    },
}

/// A webhook that was disabled, as its event tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisabledWebhook {
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it sent.
    pub url: String,
    /// Why.
    pub reason: DisabledReason,
}

/// Why a message has ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpiryReason {
    /// Its own time is over.
    Expired,
    /// Its inbox keeps messages no longer.
    Retention,
}

impl ExpiryReason {
    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            ExpiryReason::Expired => "expired",
            ExpiryReason::Retention => "retention",
        }
    }
}

/// What has become of a sent message for one recipient outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundNews {
    /// `MessageDelivered`, `MessageDeferred`, `MessageBounced`, `MessageRejected` or
    /// `LoopSuspected`.
    pub kind: EventKind,
    /// The copy in Sent.
    pub message: Option<EntryId>,
    /// Forward-path.
    pub recipient: String,
    /// Its row in the queue.
    pub outbound: OutboundId,
    /// The text of the other server's reply, or one sentence.
    pub reason: String,
    /// What kind of failure it is; `None` when it is none.
    pub class: Option<FailureClass>,
    /// The code of the reply.
    pub code: Option<u16>,
    /// Class, subject, detail (RFC 3463).
    pub enhanced: Option<(u8, u16, u16)>,
    /// The host; empty when none was found.
    pub host: String,
    /// The sender's own JSON object.
    pub metadata: Option<String>,
}

/// Everything that `message.received` and `message.sent` show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The way in which it came.
    pub kind: Arrival,
    /// UID, id, MODSEQ, flags, labels.
    pub state: EntryState,
    /// The conversation.
    pub thread: ThreadId,
    /// The mailbox's name.
    pub folder: String,
    /// Size in octets.
    pub size: u32,
    /// `Message-ID` with its brackets.
    pub message_id: String,
    /// From, To, subject, preview, codes.
    pub summary: Summary,
    /// What is known of the sender.
    pub auth: SenderAuth,
    /// The client's own JSON of the message that this one answers.
    pub in_reply_to_metadata: Option<String>,
    /// What each rule has done with it that matched or failed.
    pub rules: Vec<RuleNote>,
    /// The judgement of the filter; `None` when it was not judged.
    pub spam: Option<Box<SpamReport>>,
    /// What became of the answer of a rule, if there was to be one.
    pub auto_reply: Option<Box<AutoReplyNote>>,
}

/// A change of many entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bulk {
    /// The new state of up to [`BULK_MESSAGES_MAX`] entries.
    pub messages: Vec<EntryState>,
    /// How many in all.
    pub count: u32,
    /// The mailbox's name.
    pub folder: String,
    /// More of the first of `messages`, in their order, where they have come into INBOX: a client
    /// is told of them as of a delivery. At most [`BULK_DETAIL_BYTES_MAX`] in all.
    pub details: Vec<MessageDetail>,
}

/// What an event tells of a message beside its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageDetail {
    /// The conversation.
    pub thread: ThreadId,
    /// Size in octets.
    pub size: u32,
    /// From, To, subject, preview, codes.
    pub summary: Summary,
    /// What is known of the sender.
    pub auth: SenderAuth,
    /// The judgement of the filter.
    pub spam: Option<Box<SpamReport>>,
}

/// The most entries that one row names. `count` says how many there are in all.
pub const BULK_MESSAGES_MAX: usize = 100;

/// Octets of the stored summaries that one row has for its entries: those of a hundred usual
/// messages. The entries behind them are told by their state alone.
pub const BULK_DETAIL_BYTES_MAX: usize = 64 * 1024;
