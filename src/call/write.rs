//! Calls for the writer, grouped by noun. Each states what it needs of its caller. A call that
//! creates a row carries the `Idempotency-Key` of the request.
//!
//! To add a call: add a variant here and its arm in the service. The crate does not compile until
//! both exist. `need` goes by noun: a call with another scope gets an arm of its own there.

// The line above a variant explains it; its fields need no more than their names.
#![allow(missing_docs)]

use std::sync::Arc;

use super::{
    ApprovalId, BatchProgress, BulkProgress, ComparedAt, ConnId, CredentialsProgress, DnsAnswer,
    DomainRef, EntryId, ExportEnd, FilterRuleId, FlagChange, Flags, Forgetting, GroupClaim,
    Idempotency, InboxPatch, InboxRef, KeyId, KnownSpamDeletion, MailboxId, MessageBatch,
    MessagePatch, Need, NewDomain, NewFilterRule, NewInbox, NewKey, NewRule, OpenedFolder, OrgId,
    OrgPatch, OutboundId, OutboundLoss, PermanentFlags, PushOutcome, Question, Refusal,
    RemoteFolder, RemoteMessage, RemoteUse, Report, RouteId, RuleId, RulePatch, RulePlace, Scopes,
    SharePart, SpamSettings, SuppressionId, SyncedFolder, TokenOutcome, UidSet, UploadId,
    UpstreamAccount, UpstreamFolderId, UpstreamLoss, UpstreamPush, WebhookWrite,
};

/// A call that changes something, by noun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    Approval(ApprovalWrite),
    Mailbox(MailboxWrite),
    Entry(EntryWrite),
    Message(MessageWrite),
    Inbox(InboxWrite),
    Key(KeyWrite),
    Domain(DomainWrite),
    FilterRule(FilterRuleWrite),
    Rule(RuleWrite),
    Suppression(SuppressionWrite),
    Org(OrgWrite),
    Outbound(OutboundWrite),
    Upstream(UpstreamWrite),
    Upload(UploadWrite),
    KnownSpam(KnownSpamWrite),
    Webhook(WebhookWrite),
    EventGroup(EventGroupWrite),
}

/// Changes of the mailboxes of the inbox of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxWrite {
    /// Moves the `\Recent` watermark of a mailbox to its last UID, so that the next session does
    /// not see these messages as recent. It is sent only when SELECT has found a new message,
    /// because opening a mailbox is otherwise no write. Written: `Recent` with the watermark
    /// before.
    ClaimRecent { mailbox: MailboxId },
    /// CREATE, with missing parents. Written: `Changed`.
    Create { mailbox: String },
    /// DELETE. Written: `Changed`.
    Delete { mailbox: String },
    /// RENAME. The messages of INBOX move, in slices (RFC 3501 section 6.3.5). Written: `Changed`.
    Rename {
        from: String,
        to: String,
        progress: Box<BulkProgress>,
    },
    /// Creates one in an inbox that is named, with missing parents. Written: `Mailbox`.
    CreateIn {
        inbox: InboxRef,
        mailbox: String,
        idempotency: Option<Idempotency>,
    },
    /// Renames one of the owner's own in an inbox that is named. Written: `Mailbox`.
    RenameIn {
        inbox: InboxRef,
        from: String,
        to: String,
        /// What is done so far.
        progress: Box<BulkProgress>,
    },
    /// Deletes one of the owner's own in an inbox that is named. Its messages move to Trash, or are
    /// deleted for good, in slices. Written: `Changed`.
    DeleteIn {
        inbox: InboxRef,
        mailbox: String,
        permanent: bool,
        progress: Box<BulkProgress>,
    },
    /// SUBSCRIBE and UNSUBSCRIBE. Written: `Changed`.
    Subscribe { mailbox: String, on: bool },
}

/// Changes of entries of one mailbox, by UID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryWrite {
    /// STORE, on as many of `uids` as one answer may hold. Written: `Flagged`.
    SetFlags {
        mailbox: MailboxId,
        uids: UidSet,
        how: FlagChange,
        flags: Flags,
        keywords: Vec<String>,
        unchanged_since: Option<u64>,
    },
    /// EXPUNGE of entries with `\Deleted` (among `uids`, if given), in slices. Written:
    /// `Expunged`.
    Expunge {
        mailbox: MailboxId,
        uids: Option<Arc<UidSet>>,
        progress: Box<BulkProgress>,
    },
    /// COPY, or MOVE with `remove`, in slices. Written: `Copied`. With `all` nothing is copied
    /// when one of the messages is gone: `NotFound`. A COPY that is refused on its way takes back
    /// what it has copied before it answers; what MOVE has moved stays moved.
    Copy {
        mailbox: MailboxId,
        uids: Arc<UidSet>,
        to: String,
        remove: bool,
        all: bool,
        progress: Box<BulkProgress>,
    },
}

/// Changes of one message, by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessageWrite {
    /// Labels, seen, flagged, folder. Written: `Message`, or `MessageState` for a key that may not
    /// read messages.
    Patch {
        inbox: InboxRef,
        id: EntryId,
        patch: Box<MessagePatch>,
    },
    /// Lets its sender in, and moves it to INBOX. Written as for `Patch`.
    Admit {
        inbox: InboxRef,
        id: EntryId,
        idempotency: Option<Idempotency>,
    },
    /// Takes it for spam or for wanted, moves it, and has the filter remember it. Written: as for
    /// `Patch`.
    Teach {
        inbox: InboxRef,
        id: EntryId,
        is_spam: bool,
        idempotency: Option<Idempotency>,
    },
    /// Changes many, in slices, each id for itself. Written: `Batch`.
    Batch {
        inbox: InboxRef,
        batch: Arc<MessageBatch>,
        progress: Box<BatchProgress>,
        idempotency: Option<Idempotency>,
    },
    /// Moves it to Trash, or deletes it. Written: `Changed`.
    Delete {
        inbox: InboxRef,
        id: EntryId,
        permanent: bool,
    },
    /// The same for one that stands in Drafts. Written: `Changed`.
    DeleteDraft {
        inbox: InboxRef,
        id: EntryId,
        permanent: bool,
    },
}

/// Decisions on held mail. An approval comes by [`super::Route::Approve`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApprovalWrite {
    /// Written: `Approval`.
    Decline {
        approval: ApprovalId,
        reason: Option<String>,
        idempotency: Option<Idempotency>,
    },
}

/// Changes of inboxes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InboxWrite {
    /// Written: `Inbox`, or `InboxName` for a key that may not read inboxes.
    Create {
        new: Box<NewInbox>,
        idempotency: Option<Idempotency>,
    },
    /// Written: as for `Create`.
    Patch {
        inbox: InboxRef,
        patch: Box<InboxPatch>,
    },
    /// Deletes it with everything in it. Written: `Changed`.
    Delete { inbox: InboxRef },
    /// Changes how it judges mail. The version is that of the settings which are replaced.
    /// Written: `SpamSettings`.
    SetSpam {
        inbox: InboxRef,
        settings: Box<SpamSettings>,
    },
}

/// Changes of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyWrite {
    /// Written: `Key` with the secret, once.
    Create {
        new: Box<NewKey>,
        idempotency: Option<Idempotency>,
    },
    /// Revokes a key and ends its sessions. Written: `Changed`.
    Revoke { key: KeyId },
    /// Creates a key for each inbox that the key may see. Written: `Credentials`.
    CreateCredentials { idempotency: Option<Idempotency> },
    /// The rest of it.
    CredentialsRest {
        progress: Box<CredentialsProgress>,
        idempotency: Option<Idempotency>,
    },
}

/// Changes of domains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainWrite {
    /// Written: `Domain`.
    Create {
        new: NewDomain,
        idempotency: Option<Idempotency>,
    },
    /// Takes the operator's word for the proof of a domain. Written: `Domain`.
    Trust {
        domain: DomainRef,
        idempotency: Option<Idempotency>,
    },
    /// Asks the DNS for the records of a domain, and proves it when its ownership record is there.
    /// `seen` are the answers, when they have come. Written: `Domain`.
    Verify {
        domain: DomainRef,
        seen: Option<Arc<Vec<(Question, DnsAnswer)>>>,
        idempotency: Option<Idempotency>,
    },
    /// New DKIM keys for a domain; they sign when their records are seen. Written: `Domain`.
    RotateDkim {
        domain: DomainRef,
        idempotency: Option<Idempotency>,
    },
    /// Keys for the shared domain, if it has none. Only the server itself asks. Written: `Changed`.
    SharedKeys,
    /// Names the inbox that gets mail for names that no inbox has, or none. Written: `Domain`.
    CatchAll {
        domain: DomainRef,
        inbox: Option<InboxRef>,
    },
    /// Deletes a domain in which no inbox has an address. Written: `Changed`.
    Delete { domain: DomainRef },
}

/// Changes of filter rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FilterRuleWrite {
    /// Written: `FilterRule`.
    Create {
        new: Box<NewFilterRule>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Changed`.
    Delete { id: FilterRuleId },
}

/// Changes of rules of delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleWrite {
    /// Written: `Rule`.
    Create {
        place: RulePlace,
        new: Box<NewRule>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Rule`.
    Patch {
        place: RulePlace,
        id: RuleId,
        patch: Box<RulePatch>,
    },
    /// Written: `Changed`.
    Delete { place: RulePlace, id: RuleId },
}

impl RuleWrite {
    /// Which rules it is about.
    pub fn place(&self) -> &RulePlace {
        match self {
            RuleWrite::Create { place, .. }
            | RuleWrite::Patch { place, .. }
            | RuleWrite::Delete { place, .. } => place,
        }
    }
}

/// What a call about rules needs: those of the organization are not for a key that is bound to
/// inboxes.
pub(super) fn need_of_rules(place: &RulePlace) -> Need {
    match place {
        Some(_) => Need::Inboxes(Scopes::RULES_WRITE),
        None => Need::Organization(Scopes::RULES_WRITE),
    }
}

/// Changes of the suppression list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuppressionWrite {
    /// Written: `Suppression`.
    Create {
        address: String,
        source: Option<String>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Changed`.
    Delete { id: SuppressionId },
}

/// Changes of uploaded files. They come by [`super::Route::Upload`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UploadWrite {
    /// Written: `Changed`.
    Delete { id: UploadId },
}

/// Changes of the list of known spam; for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KnownSpamWrite {
    /// Adds the entries of a text, at most [`super::KNOWN_SPAM_LINES_MAX`] lines. Written:
    /// `KnownSpamImported`.
    Import {
        source: String,
        text: String,
        idempotency: Option<Idempotency>,
    },
    /// Deletes entries, in slices. Written: `KnownSpamDeleted`.
    Delete(Box<KnownSpamDeletion>),
}

/// Changes of consumer groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventGroupWrite {
    /// Leases events to a reader. Written: `Claimed`.
    Claim(GroupClaim),
    /// One event is done. Written: `Changed`.
    Acknowledge {
        name: String,
        seq: u64,
        idempotency: Option<Idempotency>,
    },
    /// The key has all events up to a number. While the server stops, its streams that were told
    /// no more than that end. Written: `Changed`.
    AcknowledgeAll {
        seq: u64,
        idempotency: Option<Idempotency>,
    },
    /// Events that were set aside come again: all, or these. Written: `Replayed`.
    Replay {
        name: String,
        seqs: Option<Vec<u64>>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Changed`.
    Delete { name: String },
    /// A connection has ended, or one subscription of it: its leases end. It is the server's own,
    /// so that no answer goes to the connection. Written: `Changed`.
    Leave { conn: ConnId, reader: Option<u32> },
}

/// Changes of organizations; for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrgWrite {
    /// Written: `Org` with a first key.
    Create {
        name: String,
        idempotency: Option<Idempotency>,
    },
    /// Changes its policy; also for an `admin` of it. Written: `OrgChanged`.
    Patch {
        org: OrgId,
        patch: OrgPatch,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Changed`.
    Delete { org: OrgId },
    /// Forgets what the filter has learned; for an `admin` of the organization. Written:
    /// `Forgotten`.
    ForgetLearned,
    /// The rest of it.
    ForgetRest(Box<Forgetting>),
}

/// Changes of the queue to outside. `Next` and `Lost` are calls of the engine of a connection that
/// an [`super::OutboundDial`] has asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboundWrite {
    /// Stores what became of the last transaction, and claims the next one for this connection:
    /// the attempt is on disk with the answer. While nothing is due, the answer waits for a bounded
    /// time; the engine takes `Input::Failed` meanwhile. A refusal ends the connection too.
    /// With `is_last` nothing is claimed, and the answer is `Quit` at once. Written: `Next`.
    Next {
        route: RouteId,
        report: Option<Box<Report>>,
        is_last: bool,
    },
    /// The connection could not be made, or has ended otherwise. The service decides what comes
    /// next: another address, another host, once more in clear text, or later. Written: `Changed`.
    Lost {
        route: RouteId,
        loss: Box<OutboundLoss>,
    },
    /// An answer of the DNS waits for the writer. Written: `Changed`.
    Wake,
    /// Has one recipient tried now. Written: `Outbound`.
    Retry {
        id: OutboundId,
        idempotency: Option<Idempotency>,
    },
    /// Takes one recipient back. Written: `Outbound`.
    Cancel {
        id: OutboundId,
        idempotency: Option<Idempotency>,
    },
}

/// A step of the connection of an account elsewhere, or its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamWrite {
    /// The mailboxes that the account has. Written: `UpstreamFolders`, those that are kept here.
    Folders {
        account: UpstreamAccount,
        folders: Vec<RemoteFolder>,
    },
    /// A mailbox was opened. Written: `UpstreamAt`.
    Opened {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        opened: OpenedFolder,
    },
    /// Messages of a mailbox: finds those that are here, under another number or in another
    /// mailbox. `has_looked`: what is gone in the other mailboxes is known. Written: `UpstreamNew`.
    Match {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        purpose: RemoteUse,
        uidvalidity: u32,
        messages: Vec<RemoteMessage>,
        has_looked: bool,
        folders: Vec<SyncedFolder>,
    },
    /// Which messages of a mailbox are known, before the row `before`. Written: `UpstreamKnown`.
    Known {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        before: Option<i64>,
    },
    /// The state of the messages in `asked`; those that have no row are gone. Without
    /// `takes_keywords` they stay as they are. Written: `UpstreamTold`.
    Told {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        uidvalidity: u32,
        asked: UidSet,
        messages: Arc<Vec<RemoteMessage>>,
        takes_keywords: bool,
    },
    /// The state of all messages of a mailbox has been told. Written: `Changed`.
    Compared {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        uidvalidity: u32,
        at: ComparedAt,
    },
    /// What the server is to be told of the messages of an open mailbox. Written: `UpstreamPush`.
    NextChange {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        uidvalidity: u32,
        permanent: PermanentFlags,
        /// Messages are moved at one stroke.
        has_move: bool,
        folders: Vec<SyncedFolder>,
    },
    /// The server has answered to a change. Written: `Changed`.
    Pushed {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        uidvalidity: u32,
        push: Box<UpstreamPush>,
        outcome: PushOutcome,
        folders: Vec<SyncedFolder>,
    },
    /// Which messages a round has found gone. Written: `UpstreamGone`, a part of them.
    Gone { account: UpstreamAccount },
    /// A round over all mailboxes has ended that began then, unix milliseconds: puts off what could
    /// not be told. `is_whole`: every mailbox could be opened, so what is gone is deleted, but for
    /// the messages in `archived`, the part of `UpstreamGone` that is in the archive. Written:
    /// `UpstreamEnded`.
    Round {
        account: UpstreamAccount,
        began: i64,
        is_whole: bool,
        archived: Vec<i64>,
        folders: Vec<SyncedFolder>,
    },
    /// What is up to this UID is done with, though it was not delivered: it is gone, too large, or
    /// refused for good. Written: `Changed`.
    Passed {
        account: UpstreamAccount,
        folder: UpstreamFolderId,
        uid: u32,
    },
    /// The connection has ended; `None` is in peace. Written: `Changed`.
    Ended {
        account: UpstreamAccount,
        loss: Option<UpstreamLoss>,
    },
    /// A token server has answered, or has not. Written: `Changed`.
    Token {
        account: UpstreamAccount,
        version: u32,
        outcome: TokenOutcome,
    },
}

impl OutboundWrite {
    /// The connection whose engine makes the call.
    pub fn route(&self) -> Option<RouteId> {
        match self {
            OutboundWrite::Next { route, .. } | OutboundWrite::Lost { route, .. } => Some(*route),
            OutboundWrite::Wake | OutboundWrite::Retry { .. } | OutboundWrite::Cancel { .. } => {
                None
            }
        }
    }
}

impl Write {
    /// What the call needs of its caller.
    pub fn need(&self) -> Need {
        match self {
            Write::Mailbox(_) | Write::Entry(_) | Write::Message(_) => {
                Need::Inboxes(Scopes::MESSAGES_WRITE)
            }
            Write::Approval(_) => Need::Inboxes(Scopes::APPROVE),
            Write::Inbox(InboxWrite::SetSpam { .. }) => Need::Inboxes(Scopes::RULES_WRITE),
            Write::Inbox(_) => Need::Inboxes(Scopes::INBOXES_WRITE),
            Write::Key(_) => Need::Inboxes(Scopes::KEYS_WRITE),
            Write::Domain(DomainWrite::Trust { .. }) => Need::AnyOperator,
            Write::Domain(DomainWrite::SharedKeys) => Need::Server,
            Write::Domain(_) => Need::Organization(Scopes::DOMAINS_WRITE),
            Write::Org(OrgWrite::Patch { .. }) => Need::OrgAdmin,
            Write::Org(OrgWrite::ForgetLearned | OrgWrite::ForgetRest(_)) => {
                Need::Organization(Scopes::ADMIN)
            }
            Write::Org(OrgWrite::Create { .. } | OrgWrite::Delete { .. }) | Write::KnownSpam(_) => {
                Need::Operator
            }
            Write::FilterRule(_) => Need::Inboxes(Scopes::RULES_WRITE),
            Write::Rule(call) => need_of_rules(call.place()),
            Write::Suppression(_) => Need::Organization(Scopes::RULES_WRITE),
            Write::Upload(_) => Need::Inboxes(Scopes::MESSAGES_WRITE),
            Write::Webhook(call) => call.need(),
            // It takes nothing but the connection's own, also when its key has ended.
            Write::EventGroup(EventGroupWrite::Leave { .. }) => Need::Nothing,
            Write::EventGroup(_) => Need::Inboxes(Scopes::EVENTS_READ),
            Write::Upstream(_) => Need::Server,
            Write::Outbound(call) => match call {
                OutboundWrite::Next { .. } | OutboundWrite::Lost { .. } | OutboundWrite::Wake => {
                    Need::Server
                }
                OutboundWrite::Retry { .. } | OutboundWrite::Cancel { .. } => {
                    Need::Inboxes(Scopes::MESSAGES_WRITE)
                }
            },
        }
    }

    /// The inbox that the call names, as the part of its share.
    pub fn named(&self) -> Option<SharePart> {
        match self {
            Write::Mailbox(
                MailboxWrite::CreateIn { inbox, .. }
                | MailboxWrite::RenameIn { inbox, .. }
                | MailboxWrite::DeleteIn { inbox, .. },
            )
            | Write::Message(
                MessageWrite::Patch { inbox, .. }
                | MessageWrite::Batch { inbox, .. }
                | MessageWrite::Admit { inbox, .. }
                | MessageWrite::Teach { inbox, .. }
                | MessageWrite::Delete { inbox, .. }
                | MessageWrite::DeleteDraft { inbox, .. },
            )
            | Write::Inbox(
                InboxWrite::Patch { inbox, .. }
                | InboxWrite::Delete { inbox }
                | InboxWrite::SetSpam { inbox, .. },
            ) => Some(inbox.into()),
            Write::Rule(call) => call.place().as_ref().map(SharePart::from),
            Write::Approval(_)
            | Write::Mailbox(_)
            | Write::Entry(_)
            | Write::Inbox(InboxWrite::Create { .. })
            | Write::Key(_)
            | Write::Domain(_)
            | Write::FilterRule(_)
            | Write::Suppression(_)
            | Write::Upload(_)
            | Write::KnownSpam(_)
            | Write::Webhook(_)
            | Write::EventGroup(_)
            | Write::Org(_)
            | Write::Outbound(_)
            | Write::Upstream(_) => None,
        }
    }

    /// The call that goes on after a slice of this one was refused. It takes back the slices that
    /// are committed: the copies of COPY (RFC 3501 section 6.4.7), the keys of an export. A batch
    /// finds out which of its messages is refused. `None` when there is no such call.
    pub fn undo(&self, why: &Refusal) -> Option<Write> {
        if let Write::Message(MessageWrite::Batch {
            inbox,
            batch,
            progress,
            idempotency,
        }) = self
        {
            let progress = Box::new(progress.after(why, batch.ids.len())?);
            return Some(Write::Message(MessageWrite::Batch {
                inbox: inbox.clone(),
                batch: Arc::clone(batch),
                progress,
                idempotency: idempotency.clone(),
            }));
        }
        let is_undone = match self {
            Write::Entry(EntryWrite::Copy {
                remove: false,
                progress,
                ..
            }) => !progress.to.is_empty() && progress.undo.is_none(),
            Write::Key(KeyWrite::CredentialsRest { progress, .. }) => {
                !progress.made.is_empty() && progress.undo.is_none()
            }
            _ => false,
        };
        let mut undo = is_undone.then(|| self.clone())?;
        match &mut undo {
            Write::Entry(EntryWrite::Copy { progress, .. }) => {
                progress.undo = Some(why.clone());
                progress.done_to = 0;
            }
            Write::Key(KeyWrite::CredentialsRest { progress, .. }) => {
                progress.undo = Some(ExportEnd::Refused(why.clone()));
            }
            _ => {}
        }
        Some(undo)
    }

    /// The call that takes back what is committed of this one, because another request with its
    /// `Idempotency-Key` was carried out meanwhile. Then the answer of that one is given.
    pub fn undo_repeated(&self) -> Option<Write> {
        let mut undo = self.undo(&Refusal::IdempotencyConflict)?;
        if let Write::Key(KeyWrite::CredentialsRest { progress, .. }) = &mut undo {
            progress.undo = Some(ExportEnd::Repeated);
        }
        Some(undo)
    }

    /// Whether this call takes back slices of a refused one, and some are left.
    pub fn takes_back(&self) -> bool {
        match self {
            Write::Entry(EntryWrite::Copy { progress, .. }) => {
                let last = progress.to.last();
                progress.undo.is_some() && last.is_some_and(|last| last > progress.done_to)
            }
            Write::Key(KeyWrite::CredentialsRest { progress, .. }) => {
                progress.undo.is_some() && !progress.made.is_empty()
            }
            _ => false,
        }
    }

    /// The `Idempotency-Key` of its request.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        match self {
            Write::Mailbox(MailboxWrite::CreateIn { idempotency, .. }) => idempotency.as_ref(),
            Write::Message(
                MessageWrite::Admit { idempotency, .. }
                | MessageWrite::Teach { idempotency, .. }
                | MessageWrite::Batch { idempotency, .. },
            ) => idempotency.as_ref(),
            Write::Mailbox(_) | Write::Entry(_) | Write::Message(_) => None,
            Write::Approval(ApprovalWrite::Decline { idempotency, .. }) => idempotency.as_ref(),
            Write::Inbox(call) => match call {
                InboxWrite::Create { idempotency, .. } => idempotency.as_ref(),
                InboxWrite::Patch { .. }
                | InboxWrite::Delete { .. }
                | InboxWrite::SetSpam { .. } => None,
            },
            Write::Key(call) => match call {
                // What is taken back is no repetition.
                KeyWrite::CredentialsRest { progress, .. } if progress.undo.is_some() => None,
                KeyWrite::Create { idempotency, .. }
                | KeyWrite::CreateCredentials { idempotency }
                | KeyWrite::CredentialsRest { idempotency, .. } => idempotency.as_ref(),
                KeyWrite::Revoke { .. } => None,
            },
            Write::Domain(call) => match call {
                DomainWrite::Create { idempotency, .. }
                | DomainWrite::Trust { idempotency, .. }
                | DomainWrite::Verify { idempotency, .. }
                | DomainWrite::RotateDkim { idempotency, .. } => idempotency.as_ref(),
                DomainWrite::CatchAll { .. }
                | DomainWrite::SharedKeys
                | DomainWrite::Delete { .. } => None,
            },
            Write::FilterRule(FilterRuleWrite::Create { idempotency, .. })
            | Write::Rule(RuleWrite::Create { idempotency, .. })
            | Write::Suppression(SuppressionWrite::Create { idempotency, .. }) => {
                idempotency.as_ref()
            }
            Write::FilterRule(FilterRuleWrite::Delete { .. })
            | Write::Rule(RuleWrite::Patch { .. } | RuleWrite::Delete { .. })
            | Write::Suppression(SuppressionWrite::Delete { .. })
            | Write::Upload(UploadWrite::Delete { .. }) => None,
            Write::KnownSpam(KnownSpamWrite::Import { idempotency, .. }) => idempotency.as_ref(),
            Write::KnownSpam(KnownSpamWrite::Delete(_)) | Write::Upstream(_) => None,
            Write::Webhook(call) => call.idempotency(),
            Write::EventGroup(call) => match call {
                EventGroupWrite::Acknowledge { idempotency, .. }
                | EventGroupWrite::AcknowledgeAll { idempotency, .. }
                | EventGroupWrite::Replay { idempotency, .. } => idempotency.as_ref(),
                EventGroupWrite::Claim(_)
                | EventGroupWrite::Delete { .. }
                | EventGroupWrite::Leave { .. } => None,
            },
            Write::Org(call) => match call {
                OrgWrite::Create { idempotency, .. } | OrgWrite::Patch { idempotency, .. } => {
                    idempotency.as_ref()
                }
                OrgWrite::Delete { .. } | OrgWrite::ForgetLearned | OrgWrite::ForgetRest(_) => None,
            },
            Write::Outbound(call) => match call {
                OutboundWrite::Retry { idempotency, .. }
                | OutboundWrite::Cancel { idempotency, .. } => idempotency.as_ref(),
                OutboundWrite::Next { .. } | OutboundWrite::Lost { .. } | OutboundWrite::Wake => {
                    None
                }
            },
        }
    }
}
