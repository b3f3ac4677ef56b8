//! The answers of the product, and the proof that what was written is on disk.

use super::{
    Caller, DomainRow, EntryId, EntryRow, EntryState, Event, InboxId, InboxRow, KeyRow, MailboxRow,
    Matches, MessageView, OctetsOf, OrgRow, OutboundRow, Refusal, Secret, Selected, ThreadId,
    UidSet, UsageRow,
};

/// The answer to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// No, and that is correct.
    Refused(Refusal),
    /// What was read.
    Answer(Answer),
    /// What was done, and the proof that it is on disk.
    Written(Written, Receipt),
}

/// The proof of a commit. It has no public constructor: `store` makes it when COMMIT has
/// returned, and no other module can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt(());

impl Receipt {
    /// Only for the function in `store` that has just committed (`protocol-tests/tidy.rs`
    /// holds that it is named nowhere else).
    pub(crate) const fn after_commit() -> Self {
        Receipt(())
    }
}

/// What a call that only reads gives.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Done,
    Authenticated(Caller),
    Recipient {
        inbox: Option<InboxId>,
    },
    Mailboxes(Vec<MailboxRow>),
    Names(Vec<String>),
    Selected(Box<Selected>),
    /// `more` is the part of the asked set that did not fit the page.
    Entries {
        rows: Vec<EntryRow>,
        more: UidSet,
    },
    Octets(Vec<u8>),
    /// `rows` are entries with a MODSEQ above the asked one; `gone` UIDs that were expunged
    /// since; `uids` all that are there; `as_of` the log's head.
    Changes {
        rows: Vec<EntryState>,
        gone: UidSet,
        uids: UidSet,
        as_of: u64,
    },
    Found {
        uids: Matches,
        modseq: u64,
    },
    Messages {
        rows: Vec<MessageView>,
        next: Option<String>,
    },
    Message(Box<MessageView>),
    /// `of` is for [`super::EntryRead::Octets`].
    Sized {
        size: u32,
        of: OctetsOf,
    },
    Part {
        octets: Vec<u8>,
        content_type: String,
        filename: String,
        inline: bool,
    },
    Inboxes {
        rows: Vec<InboxRow>,
        next: Option<String>,
    },
    Keys {
        rows: Vec<KeyRow>,
        next: Option<String>,
    },
    Domains(Vec<DomainRow>),
    Orgs(Vec<OrgRow>),
    Usage(Box<UsageRow>),
    Outbound {
        rows: Vec<OutboundRow>,
        next: Option<String>,
    },
    LogState {
        head: u64,
        oldest: u64,
        epoch: u64,
    },
    /// Every row up to `scanned_to` has been looked at; `oldest` is the first that is kept.
    Events {
        events: Vec<Event>,
        scanned_to: u64,
        head: u64,
        oldest: u64,
    },
}

/// What a call that writes did.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    Changed,
    Recent {
        above: u32,
    },
    /// `entry`, also the id of `250 Ok: queued as`, is the Sent copy, the appended entry or
    /// the first delivered one; `placed` is (UIDVALIDITY, UID) of it.
    Delivered {
        entry: Option<EntryId>,
        thread: Option<ThreadId>,
        message_id: String,
        placed: Option<(u32, u32)>,
        outbound: usize,
    },
    /// `modified` failed `UNCHANGEDSINCE`.
    Flagged {
        rows: Vec<EntryState>,
        modified: UidSet,
    },
    Expunged {
        uids: UidSet,
        modseq: u64,
    },
    /// UIDs in the source, and those that they got in the target, in the same order.
    Copied {
        uidvalidity: u32,
        from: UidSet,
        to: UidSet,
        expunged: UidSet,
        modseq: u64,
    },
    Message(Box<MessageView>),
    Inbox {
        row: Box<InboxRow>,
        existed: bool,
    },
    Credentials(Vec<(InboxRow, KeyRow, Secret)>),
    Key(Box<KeyRow>, Secret),
    Domain(DomainRow),
    Org(OrgRow, Box<KeyRow>, Secret),
    /// The same `Idempotency-Key` and body as before: the octets that
    /// [`super::Idempotency::render`] made.
    Again(Vec<u8>),
}
