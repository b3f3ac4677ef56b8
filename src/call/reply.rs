//! The replies of the service, and the proof that written data is on disk.

use std::sync::Arc;

use super::{
    ApprovalRow, AuditRow, BatchRow, Caller, ClaimedEvents, DeliveryRow, DomainView, EntryId,
    EntryRow, EntryState, Event, EventGroupView, ExportPage, FetchedUpTo, FilterRuleRow,
    Forgetting, GoneMessage, HookTest, ImportOutcome, InboxId, InboxRow, KeyRow, KnownSpamDeletion,
    KnownSpamImported, KnownSpamSource, MadeTicket, MailboxRow, Matches, MessageView, NextDelivery,
    NextTransaction, OctetsOf, OrgId, OrgRow, OutboundRow, PartSource, Refusal, RuleRow,
    RuleTrialRow, Secret, Selected, SendStatus, SendTrial, ShownSpamSettings, SpamReport,
    SuppressionRow, SyncedFolders, ThreadId, ThreadView, UidSet, UploadRow, UpstreamPush,
    UsageDays, UsageRow, WebhookRow,
};

/// The reply to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// The call was refused and has changed nothing.
    Refused(Refusal),
    /// The data that was read.
    Answer(Answer),
    /// The change that was made, and the proof that it is on disk.
    Written(Written, Receipt),
}

/// The proof of a commit. It has no public constructor: only `store` makes it, after COMMIT has
/// returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt(());

impl Receipt {
    /// Only for the function in `store` that has just committed. `protocol-tests/tidy` checks that
    /// no other file names it.
    pub(crate) const fn after_commit() -> Self {
        Receipt(())
    }
}

/// The data that a call gives that only reads.
// The line above a variant explains it; its fields need no more than their names.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Done,
    Authenticated(Caller),
    Recipient {
        inbox: Option<InboxId>,
        org: Option<OrgId>,
        /// It takes a message of its own: the answer at the end of the message is about it alone.
        apart: bool,
    },
    Mailboxes(Vec<MailboxRow>),
    /// A page of the mailboxes of an inbox, and the cursor of the next one.
    Folders {
        rows: Vec<MailboxRow>,
        next: Option<String>,
    },
    Names(Vec<String>),
    Selected(Box<Selected>),
    /// `more` is the part of the requested set that did not fit into the page.
    Entries {
        rows: Vec<EntryRow>,
        more: UidSet,
    },
    Octets(Vec<u8>),
    /// `changed` are the UIDs with a MODSEQ above the requested one, `uids` all that exist, and
    /// `as_of` the head of the log when the call began: later changes may be in it or not.
    Changes {
        changed: UidSet,
        uids: UidSet,
        as_of: u64,
    },
    Found {
        uids: Matches,
        modseq: u64,
    },
    Messages {
        rows: Vec<Arc<MessageView>>,
        next: Option<String>,
    },
    Message(Box<MessageView>),
    Threads {
        rows: Vec<ThreadView>,
        next: Option<String>,
    },
    /// `rows` are a page of its messages.
    Thread {
        thread: Box<ThreadView>,
        rows: Vec<Arc<MessageView>>,
        next: Option<String>,
    },
    Exported(ExportPage),
    /// No message of the import has anything to store.
    Imported(Vec<ImportOutcome>),
    /// `of` is for [`super::EntryRead::Octets`]; `octets` are all of them if they fit a page.
    Sized {
        size: u32,
        of: OctetsOf,
        octets: Option<Vec<u8>>,
    },
    Part(Box<PartSource>),
    Inboxes {
        rows: Vec<InboxRow>,
        next: Option<String>,
    },
    Keys {
        rows: Vec<KeyRow>,
        next: Option<String>,
    },
    Trial(Box<SendTrial>),
    Approvals {
        rows: Vec<ApprovalRow>,
        next: Option<String>,
    },
    Domains(Vec<DomainView>),
    Orgs {
        rows: Vec<OrgRow>,
        next: Option<String>,
    },
    FilterRules {
        rows: Vec<FilterRuleRow>,
        next: Option<String>,
    },
    RuleTrial(Vec<RuleTrialRow>),
    Rules {
        rows: Vec<RuleRow>,
        next: Option<String>,
    },
    Webhooks(Vec<WebhookRow>),
    Deliveries {
        rows: Vec<DeliveryRow>,
        next: Option<String>,
    },
    Suppressions {
        rows: Vec<SuppressionRow>,
        next: Option<String>,
    },
    Upload(UploadRow),
    /// What the filter says of a message.
    Judged(Box<SpamReport>),
    SpamSettings(Box<ShownSpamSettings>),
    /// In the order of their names.
    KnownSpam(Vec<KnownSpamSource>),
    Audit {
        rows: Vec<AuditRow>,
        next: Option<String>,
    },
    Usage(Box<UsageRow>),
    UsageDays(Box<UsageDays>),
    Ticket(MadeTicket),
    EventGroups(Vec<EventGroupView>),
    /// The inbox whose mail is waited for.
    Waits(InboxId),
    Outbound {
        rows: Vec<OutboundRow>,
        next: Option<String>,
    },
    LogState {
        head: u64,
        oldest: u64,
        epoch: u64,
    },
    /// All rows up to `scanned_to` were read; `oldest` is the first that is kept.
    Events {
        events: Vec<Event>,
        scanned_to: u64,
        head: u64,
        oldest: u64,
        epoch: u64,
    },
}

/// The change that a call has made that writes.
// The line above a variant explains it; its fields need no more than their names.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    Changed,
    Recent {
        above: u32,
    },
    /// A message that has come in. `entry`, also the id of `250 Ok: queued as`, is the sender's
    /// copy, the appended entry or the first delivered one; `placed` is (UIDVALIDITY, UID) of it.
    Delivered {
        entry: Option<EntryId>,
        thread: Option<ThreadId>,
        message_id: String,
        placed: Option<(u32, u32)>,
        status: SendStatus,
    },
    /// `modified` failed `UNCHANGEDSINCE`. `rest` is the part of the set that is still to be
    /// asked for: one call changes as much as one answer may hold.
    Flagged {
        rows: Vec<EntryState>,
        modified: UidSet,
        rest: UidSet,
    },
    /// `uids` are told if they are few ranges; the events before the reply tell of all.
    Expunged {
        uids: UidSet,
        modseq: u64,
    },
    /// UIDs in the source and their UIDs in the target, in the same order. `expunged` is as in
    /// `Expunged`.
    Copied {
        uidvalidity: u32,
        from: UidSet,
        to: UidSet,
        expunged: UidSet,
        modseq: u64,
    },
    Message(Box<MessageView>),
    /// One for each message of the import, in their order.
    Imported(Vec<ImportOutcome>),
    /// The one message of an import was imported before.
    Present,
    /// What became of each message of a batch, in the order of the request.
    Batch(Vec<BatchRow>),
    /// What a key is told of its own change that may not read messages.
    MessageState {
        inbox: InboxId,
        folder: String,
        state: EntryState,
    },
    Mailbox(Box<MailboxRow>),
    Inbox {
        row: Box<InboxRow>,
        existed: bool,
    },
    /// The same for a key that may not read inboxes.
    InboxName {
        id: InboxId,
        address: String,
        existed: bool,
    },
    Credentials(Vec<(InboxRow, KeyRow, Secret)>),
    Key(Box<KeyRow>, Secret),
    Domain(Box<DomainView>),
    FilterRule(FilterRuleRow),
    Rule(Box<RuleRow>),
    Suppression(SuppressionRow),
    Upload(UploadRow),
    SpamSettings(Box<ShownSpamSettings>),
    /// What was learned is forgotten, as far as this says.
    Forgotten(Box<Forgetting>),
    KnownSpamImported(Box<KnownSpamImported>),
    KnownSpamDeleted(Box<KnownSpamDeletion>),
    Org(OrgRow, Box<KeyRow>, Secret),
    Next(NextTransaction),
    /// With the secret where it is new.
    Webhook(Box<WebhookRow>, Option<Secret>),
    WebhookTested(Box<HookTest>),
    Delivery(Box<DeliveryRow>),
    /// So many deliveries begin again.
    Redelivering(u64),
    NextDelivery(NextDelivery),
    UpstreamFolders(SyncedFolders),
    UpstreamAt(FetchedUpTo),
    /// The UIDs of messages that are to come. `may_have_moved`: one behind them may be a message of
    /// another mailbox, which is to be looked at first.
    UpstreamNew {
        uids: UidSet,
        may_have_moved: bool,
    },
    /// UIDs, and where to go on; `None` at the end.
    UpstreamKnown(UidSet, Option<i64>),
    /// Whether messages are gone, and the UIDs that are still to be told.
    UpstreamTold {
        has_gone: bool,
        rest: UidSet,
    },
    /// `None`: nothing of what was looked at.
    UpstreamPush {
        push: Option<Box<UpstreamPush>>,
        has_more: bool,
    },
    /// Those of the next messages to be deleted that may be in the archive.
    UpstreamGone(Vec<GoneMessage>),
    /// Whether there is more to delete.
    UpstreamEnded {
        has_more: bool,
    },
    OrgChanged(OrgRow),
    Outbound(Box<OutboundRow>),
    Approval(Box<ApprovalRow>),
    Claimed(Box<ClaimedEvents>),
    /// How many events come again.
    Replayed(u64),
    /// The `Idempotency-Key` and the request are the same as before: the octets that
    /// [`super::Idempotency::render`] has made of the first answer.
    Again(Vec<u8>),
}
