//! Calls for a reader, grouped by noun. Each states what it needs of its caller.
//!
//! To add a call: add a variant here, with its row in `need`, and its arm in the service. The crate
//! does not compile until both exist.

// The line above a variant explains it; its fields need no more than their names.
#![allow(missing_docs)]

use std::sync::Arc;

use super::webhook_call::need_of_webhooks;
use super::write::need_of_rules;
use super::{
    ApprovalId, ApprovalRow, ApprovalStatus, AuditRead, AwaitProgress, ContentAsk, Conversion,
    DkimKeySet, DomainRef, EntryId, FilterRuleId, FilterRuleRow, InboxId, InboxRef, InboxRow,
    KeyId, KeyRow, ListProgress, MailboxId, MailboxWalk, MessageFilter, Need, Octets, OctetsOf,
    OpenedPage, OrgId, OrgRow, OutboundFilter, OutboundId, OutboundLease, OutboundRow, RecentCount,
    RuleId, RulePlace, RuleTrial, Scopes, SearchKey, SearchProgress, SharePart, SlicedList,
    SuppressionId, SuppressionRow, ThreadId, ThreadProgress, Topic, UidSet, UploadId, UsageRow,
    WebhookRead,
};

/// A call that changes nothing, by noun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    Approval(ApprovalRead),
    Mailbox(MailboxRead),
    Entry(EntryRead),
    Message(MessageRead),
    Inbox(InboxRead),
    Key(KeyRead),
    Domain(DomainRead),
    Org(OrgRead),
    Outbound(OutboundRead),
    FilterRule(FilterRuleRead),
    Rule(RuleRead),
    Suppression(SuppressionRead),
    Event(EventRead),
    EventGroup(EventGroupRead),
    Upload(UploadRead),
    Audit(AuditRead),
    KnownSpam(KnownSpamRead),
    Webhook(WebhookRead),
}

/// The mailboxes of the inbox of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxRead {
    /// Every mailbox, with counters if asked. Only with `recent` the messages that are `\Recent`
    /// are counted, in slices. Answer: `Mailboxes`.
    List {
        counts: bool,
        recent: bool,
        progress: Box<RecentCount>,
    },
    /// One mailbox with its counters, as above. Answer: `Mailboxes` with one row.
    Status {
        mailbox: String,
        recent: bool,
        progress: Box<RecentCount>,
    },
    /// Opens one, in slices: everything that a client needs to know of it. Answer: `Selected`.
    Select {
        mailbox: String,
        progress: Box<MailboxWalk>,
    },
    /// A page of the mailboxes of an inbox that is named, with counters, by name. Answer:
    /// `Folders`.
    ListOf {
        inbox: InboxRef,
        cursor: Option<String>,
        limit: usize,
    },
    /// Names that are subscribed, whether or not their mailboxes exist. Answer: `Names`.
    Subscribed,
}

/// The entries of one mailbox, by UID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryRead {
    /// A page of entries in UID order: as many of `uids` as fit the page. Answer: `Entries`.
    Fetch {
        mailbox: MailboxId,
        uids: UidSet,
        digest: bool,
        octets: Octets,
        changed_since: u64,
    },
    /// `len` octets from `offset` of a message. Answer: `Octets`.
    Octets { of: OctetsOf, offset: u32, len: u32 },
    /// The UIDs of a mailbox that exist, and those that are new or changed after `since`, in
    /// slices. Answer: `Changes`.
    Changes {
        mailbox: MailboxId,
        since: u64,
        progress: Box<MailboxWalk>,
    },
    /// SEARCH in slices. Answer: `Found`.
    Search {
        mailbox: MailboxId,
        within: UidSet,
        key: Arc<SearchKey>,
        progress: Box<SearchProgress>,
    },
}

/// Messages, by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessageRead {
    /// A page, newest first, in slices, each of which moves `cursor`. Answer: `Messages`.
    List {
        inbox: InboxRef,
        filter: Box<MessageFilter>,
        cursor: Option<String>,
        limit: usize,
        progress: Box<ListProgress>,
    },
    /// The same over these inboxes, or without them over all that the key sees. Answer:
    /// `Messages`.
    ListAll {
        inboxes: Vec<InboxRef>,
        filter: Box<MessageFilter>,
        cursor: Option<String>,
        limit: usize,
        progress: Box<ListProgress>,
    },
    /// One with its content. Answer: `Message`.
    Get {
        inbox: InboxRef,
        id: EntryId,
        ask: ContentAsk,
    },
    /// A list with the content of each message, of at most `limit` rows; a page ends early when it
    /// has many octets. Answer: `Messages`.
    Opened {
        list: Box<MessageRead>,
        ask: ContentAsk,
        limit: usize,
        so_far: Box<OpenedPage>,
    },
    /// The newest message in INBOX or Junk that meets the filter, in slices; only `among` these if
    /// they are named. Answer: `Message`, or `Done` when there is none.
    Await {
        inbox: InboxRef,
        filter: Box<MessageFilter>,
        among: Option<Vec<EntryId>>,
        /// As in [`ContentAsk`].
        redacts: Option<bool>,
        progress: AwaitProgress,
    },
    /// A page of a folder with octets, from the first UID on. Answer: `Exported`.
    Export {
        inbox: InboxRef,
        folder: String,
        cursor: Option<String>,
        limit: usize,
    },
    /// A page of threads, the newest activity first, in slices. Answer: `Threads`.
    Threads {
        inbox: InboxRef,
        filter: Box<MessageFilter>,
        cursor: Option<String>,
        limit: usize,
        progress: Box<ThreadProgress>,
    },
    /// A thread and a page of its messages, oldest first, in slices; with `ask` each message has
    /// its content. Answer: `Thread`.
    Thread {
        inbox: InboxRef,
        id: ThreadId,
        folder: Option<String>,
        ask: Option<ContentAsk>,
        cursor: Option<String>,
        limit: usize,
        progress: Box<ThreadProgress>,
    },
    /// One that stands in Drafts, with its content. Answer: `Message`.
    Draft { inbox: InboxRef, id: EntryId },
    /// Its size, and where its octets are read. Answer: `Sized`.
    FindOctets { inbox: InboxRef, id: EntryId },
    /// One part that is an attachment, and where its octets are read. Answer: `Part`.
    FindPart {
        inbox: InboxRef,
        id: EntryId,
        part: usize,
    },
}

impl MessageRead {
    /// The inbox that the list of [`MessageRead::Opened`] names.
    fn named(&self) -> Option<SharePart> {
        match self {
            MessageRead::List { inbox, .. } => Some(inbox.into()),
            _ => None,
        }
    }
}

/// Inboxes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InboxRead {
    /// Answer: `Inboxes`.
    List {
        parent: Option<InboxRef>,
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest {
        parent: Option<InboxId>,
        list: Box<SlicedList<InboxRow>>,
    },
    /// Answer: `Inboxes` with one.
    Get { inbox: InboxRef },
    /// How it judges mail. Answer: `SpamSettings`.
    Spam { inbox: InboxRef },
}

/// Keys, without their secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyRead {
    /// Answer: `Keys`.
    List {
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest { list: Box<SlicedList<KeyRow>> },
    /// Answer: `Keys` with one.
    Get { key: KeyId },
}

/// Domains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainRead {
    /// Answer: `Domains`.
    List,
    /// Answer: `Domains` with one.
    Get { domain: DomainRef },
}

/// Organizations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrgRead {
    /// For the operator. Answer: `Orgs`.
    List {
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest { list: Box<SlicedList<OrgRow>> },
    /// One with its policy; for its own keys and the operator. Answer: `Orgs` with one.
    Get { org: OrgId },
    /// Counters of the caller's organization. Answer: `Usage`.
    Usage { inbox: Option<InboxRef> },
    /// The rest of them: what was counted so far, up to an inbox.
    UsageRest {
        after: InboxId,
        so_far: Box<UsageRow>,
    },
    /// What the organization or one inbox has used on each of the last days, today first. Answer:
    /// `UsageDays`.
    UsageByDay { inbox: Option<InboxRef>, days: u32 },
}

/// The queue to outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboundRead {
    /// Newest first. Answer: `Outbound`.
    List {
        filter: Box<OutboundFilter>,
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list. The inbox of the filter is an id.
    ListRest {
        filter: Box<OutboundFilter>,
        list: Box<SlicedList<OutboundRow>>,
    },
    /// Answer: `Outbound` with one.
    Get { id: OutboundId },
    /// The octets of a message as they go to a host, from `offset`: at most [`PIECE_MAX`], and
    /// fewer only at the end; none behind it. A call of the engine of an outgoing connection.
    /// Answer: `Octets`.
    Piece {
        lease: OutboundLease,
        conversion: Conversion,
        keys: Option<DkimKeySet>,
        offset: u64,
    },
}

/// Filter rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilterRuleRead {
    /// Answer: `FilterRules`.
    List {
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest {
        list: Box<SlicedList<FilterRuleRow>>,
    },
    /// Answer: `FilterRules` with one.
    Get { id: FilterRuleId },
}

/// Rules of delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleRead {
    /// In the order in which they are asked. Answer: `Rules`.
    List {
        place: RulePlace,
        cursor: Option<String>,
        limit: usize,
    },
    /// Answer: `Rules` with one.
    Get { place: RulePlace, id: RuleId },
    /// Tries a rule over the stored mail of an inbox, or of all that the key sees. Answer:
    /// `RuleTrial`.
    Try {
        place: RulePlace,
        trial: Box<RuleTrial>,
    },
}

/// Suppressed addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuppressionRead {
    /// Answer: `Suppressions`; with an address only its own.
    List {
        address: Option<String>,
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest {
        address: Option<String>,
        list: Box<SlicedList<SuppressionRow>>,
    },
    /// Answer: `Suppressions` with one.
    Get { id: SuppressionId },
}

/// Approvals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApprovalRead {
    /// Answer: `Approvals`, without their texts.
    List {
        status: Option<ApprovalStatus>,
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest {
        status: Option<ApprovalStatus>,
        list: Box<SlicedList<ApprovalRow>>,
    },
    /// Answer: `Approvals` with one.
    Get { approval: ApprovalId },
}

/// Uploaded files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UploadRead {
    /// Answer: `Upload`.
    Get { id: UploadId },
}

/// The list of known spam; for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KnownSpamRead {
    /// Answer: `KnownSpam`.
    Sources,
}

/// The log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventRead {
    /// Up to `limit` rows after `after` that concern `topic`. Answer: `Events`.
    After {
        topic: Topic,
        after: u64,
        limit: usize,
    },
}

/// Consumer groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventGroupRead {
    /// Answer: `EventGroups`, in the order of their names.
    List,
    /// Answer: `EventGroups` with one.
    Get { name: String },
}

/// Octets of one [`OutboundRead::Piece`].
pub const PIECE_MAX: usize = 256 << 10;

impl Read {
    /// What the call needs of its caller.
    pub fn need(&self) -> Need {
        match self {
            Read::Outbound(OutboundRead::Piece { .. }) => Need::Server,
            Read::Mailbox(_) | Read::Entry(_) | Read::Message(_) | Read::Outbound(_) => {
                Need::Inboxes(Scopes::MESSAGES_READ)
            }
            Read::Approval(_) => Need::Inboxes(Scopes::APPROVE),
            Read::Inbox(InboxRead::Spam { .. }) => Need::Inboxes(Scopes::RULES_WRITE),
            Read::Inbox(_) => Need::Inboxes(Scopes::INBOXES_READ),
            Read::Key(_) => Need::Inboxes(Scopes::KEYS_WRITE),
            Read::Domain(_) => Need::Organization(Scopes::DOMAINS_WRITE),
            Read::Org(OrgRead::List { .. } | OrgRead::ListRest { .. }) | Read::KnownSpam(_) => {
                Need::Operator
            }
            Read::FilterRule(_) => Need::Inboxes(Scopes::RULES_WRITE),
            Read::Rule(RuleRead::List { place, .. } | RuleRead::Get { place, .. }) => {
                need_of_rules(place)
            }
            Read::Rule(RuleRead::Try { place, .. }) => {
                let scopes = Scopes::RULES_WRITE.and(Scopes::MESSAGES_READ);
                match place {
                    Some(_) => Need::Inboxes(scopes),
                    None => Need::Organization(scopes),
                }
            }
            Read::Suppression(_) => Need::Organization(Scopes::RULES_WRITE),
            // Every key may read its own rights and the counters of its organization.
            Read::Org(
                OrgRead::Get { .. }
                | OrgRead::Usage { .. }
                | OrgRead::UsageRest { .. }
                | OrgRead::UsageByDay { .. },
            ) => Need::Key,
            Read::EventGroup(_) | Read::Event(_) => Need::Inboxes(Scopes::EVENTS_READ),
            // It is for those who attach it.
            Read::Upload(_) => Need::Inboxes(Scopes::MESSAGES_WRITE),
            Read::Audit(_) => Need::Organization(Scopes::ADMIN),
            Read::Webhook(call) => need_of_webhooks(call.place()),
        }
    }

    /// The inbox that the call names, as the part of its share. Calls of an IMAP session name
    /// none: the session has one.
    pub fn named(&self) -> Option<SharePart> {
        match self {
            Read::Message(MessageRead::Opened { list, .. }) => list.named(),
            Read::Mailbox(MailboxRead::ListOf { inbox, .. })
            | Read::Message(
                MessageRead::List { inbox, .. }
                | MessageRead::Get { inbox, .. }
                | MessageRead::Export { inbox, .. }
                | MessageRead::Await { inbox, .. }
                | MessageRead::Threads { inbox, .. }
                | MessageRead::Thread { inbox, .. }
                | MessageRead::Draft { inbox, .. }
                | MessageRead::FindOctets { inbox, .. }
                | MessageRead::FindPart { inbox, .. },
            )
            | Read::Inbox(InboxRead::Get { inbox } | InboxRead::Spam { inbox })
            | Read::Rule(
                RuleRead::List {
                    place: Some(inbox), ..
                }
                | RuleRead::Get {
                    place: Some(inbox), ..
                }
                | RuleRead::Try {
                    place: Some(inbox), ..
                },
            ) => Some(inbox.into()),
            Read::Entry(EntryRead::Octets { of, .. }) => Some(SharePart::Inbox(of.inbox)),
            Read::Event(EventRead::After { topic, .. }) => match topic {
                Topic::Inbox(inbox) | Topic::Tree(inbox) => Some(SharePart::Inbox(*inbox)),
                Topic::Org(_) | Topic::Key(_) | Topic::OrgEnd(_) | Topic::Reader(_) => None,
            },
            Read::Approval(_)
            | Read::Mailbox(_)
            | Read::Entry(_)
            | Read::Message(MessageRead::ListAll { .. })
            | Read::Inbox(InboxRead::List { .. } | InboxRead::ListRest { .. })
            | Read::Key(_)
            | Read::Domain(_)
            | Read::FilterRule(_)
            | Read::Rule(_)
            | Read::Suppression(_)
            | Read::EventGroup(_)
            | Read::Upload(_)
            | Read::Org(_)
            | Read::Audit(_)
            | Read::KnownSpam(_)
            | Read::Webhook(_)
            | Read::Outbound(_) => None,
        }
    }
}
