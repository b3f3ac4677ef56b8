//! The things that a refusal names, and their plain names in English.
//!
//! Not here: the sentence around a name, which belongs to each protocol, and a name that one
//! protocol has for itself (a mailbox is a folder of the REST API).

/// A thing that is missing or that exists already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Noun {
    Approval,
    Attachment,
    Domain,
    /// A consumer group.
    EventGroup,
    FilterRule,
    Inbox,
    Key,
    Mailbox,
    Message,
    Organization,
    /// A rule of delivery.
    Rule,
    Suppression,
    Upload,
    Webhook,
    WebhookDelivery,
    Thread,
    /// A recipient in the queue to outside.
    Outbound,
}

impl Noun {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Noun::Approval => "approval",
            Noun::Attachment => "attachment",
            Noun::Domain => "domain",
            Noun::EventGroup => "consumer group",
            Noun::FilterRule => "filter rule",
            Noun::Inbox => "inbox",
            Noun::Key => "key",
            Noun::Mailbox => "mailbox",
            Noun::Message => "message",
            Noun::Organization => "organization",
            Noun::Rule => "rule",
            Noun::Suppression => "suppression",
            Noun::Upload => "upload",
            Noun::Webhook => "webhook",
            Noun::WebhookDelivery => "delivery",
            Noun::Thread => "thread",
            Noun::Outbound => "recipient in the queue",
        }
    }
}

/// Things whose number is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Countable {
    Domains,
    EventGroups,
    /// Messages of an organization that wait for a decision.
    HeldMessages,
    ScheduledMessages,
    FilterRules,
    Inboxes,
    /// Inboxes whose credentials one request may export.
    InboxesInExport,
    /// Inboxes that one request moves in the tree, with those under them.
    InboxesInMove,
    /// Octets of the answers that are kept for `Idempotency-Key`.
    KeptOctets,
    Keys,
    /// Keywords of one message.
    Keywords,
    KnownSpam,
    KnownSpamSources,
    /// Objects in one list of a request.
    ListItems,
    Mailboxes,
    /// UIDVALIDITY values are never used again, so mailboxes are counted over all time.
    MailboxesEverMade,
    /// Different keywords of one mailbox.
    MailboxKeywords,
    /// Messages of one mailbox.
    Messages,
    /// IMAP sessions of an organization.
    OrgSessions,
    Recipients,
    /// Rules of an inbox, or of an organization.
    Rules,
    /// Octets of the compiled patterns of these rules.
    RulePatternOctets,
    Sessions,
    Streams,
    Subscriptions,
    /// Suppressed addresses of an organization.
    Suppressions,
    Tickets,
    /// Files that one key has uploaded.
    Uploads,
    /// Inboxes of an organization that live elsewhere.
    UpstreamAccounts,
    Uids,
    Webhooks,
}

impl Countable {
    /// Its name, in the plural.
    pub const fn name(self) -> &'static str {
        match self {
            Countable::Domains => "domains",
            Countable::EventGroups => "consumer groups",
            Countable::HeldMessages => "held messages",
            Countable::ScheduledMessages => "scheduled messages",
            Countable::FilterRules => "filter rules",
            Countable::Inboxes => "inboxes",
            Countable::InboxesInExport => "inboxes in one export",
            Countable::InboxesInMove => "inboxes in one move",
            Countable::KeptOctets => "octets of kept answers",
            Countable::Keys => "keys",
            Countable::Keywords => "keywords",
            Countable::KnownSpam => "entries of known spam",
            Countable::KnownSpamSources => "sources of known spam",
            Countable::ListItems => "objects in one list",
            Countable::Mailboxes => "mailboxes",
            Countable::MailboxesEverMade => "mailboxes ever made",
            Countable::MailboxKeywords => "keywords in a mailbox",
            Countable::Messages => "messages in a mailbox",
            Countable::OrgSessions => "sessions of the organization",
            Countable::Recipients => "recipients",
            Countable::Rules => "rules",
            Countable::RulePatternOctets => "octets of compiled patterns of rules",
            Countable::Sessions => "sessions",
            Countable::Streams => "streams",
            Countable::Subscriptions => "subscriptions",
            Countable::Suppressions => "suppressed addresses",
            Countable::Tickets => "tickets of the key",
            Countable::Uploads => "uploads of the key",
            Countable::UpstreamAccounts => "inboxes that live elsewhere",
            Countable::Uids => "uids",
            Countable::Webhooks => "webhooks",
        }
    }
}

/// Things whose size is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Bounded {
    /// Levels of a mailbox name.
    MailboxDepth,
    MailboxName,
    Message,
    /// The announced size of an IMAP APPEND.
    MessageOctets,
}

impl Bounded {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Bounded::MailboxDepth => "mailbox depth",
            Bounded::MailboxName => "mailbox name",
            Bounded::Message => "message",
            Bounded::MessageOctets => "octets of a message",
        }
    }
}

/// Why the From of a message is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FromFault {
    Group,
    Malformed,
    Missing,
    /// A Resent-From or Resent-Sender field.
    Resent,
    /// The Sender field.
    Sender,
    SeveralFields,
    SeveralMailboxes,
}

impl FromFault {
    /// The reason, to be read behind `From:`.
    pub const fn reason(self) -> &'static str {
        match self {
            FromFault::Group => "a group",
            FromFault::Malformed => "not a valid address",
            FromFault::Missing => "missing",
            FromFault::Resent => "a Resent field is not one valid address",
            FromFault::Sender => "Sender is not one valid address",
            FromFault::SeveralFields => "more than one field",
            FromFault::SeveralMailboxes => "more than one address",
        }
    }
}

/// Why a change does not fit the present state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ConflictReason {
    /// The message is not as it was shown.
    ApprovalChanged,
    /// Another has decided meanwhile.
    ApprovalDecided,
    ApprovalApproved,
    ApprovalDeclined,
    ApprovalExpired,
    /// The held message was deleted.
    ApprovalWithoutMessage,
    /// A recipient of a held message was taken back while the decision was made.
    RecipientsChanged,
    DomainInUse,
    /// Its readers read another place of the log, or filter in another way.
    GroupDiffers,
    /// Its readers want another order.
    GroupOrderDiffers,
    /// Its readers see other inboxes.
    GroupOfOtherInboxes,
    /// No reader holds the event.
    EventNotHeld,
    /// INBOX cannot be deleted.
    InboxDeleted,
    InboxHasChildren,
    /// Several organizations wait for the domain, and the operator has named none.
    DomainOfSeveral,
    /// New signing keys are not ready.
    KeysBeingMade,
    /// An inbox that lives elsewhere has no server to send by.
    AccountWithoutSmtp,
    /// The shared domain stays.
    SharedDomain,
    /// INBOX keeps its name.
    InboxKept,
    MailboxBelowItself,
    /// The message names no sender whose mail could be let in.
    NoSenderAddress,
    /// The message has no address to answer to.
    NoAnswerAddress,
    /// The inbox has sent or written the message itself.
    NotReceived,
    MailboxHasChildren,
    /// The recipient has left, or its attempt is under way.
    NotCancellable,
    /// A recipient that has ended is not tried again.
    RecipientEnded,
    /// Nor one that waits for an approval.
    RecipientHeld,
    /// Nor one that waits for its time.
    RecipientScheduled,
    /// The settings were changed by another client meanwhile.
    SettingsChanged,
    /// The draft was changed by another client meanwhile.
    DraftChanged,
    /// It waits for a decision.
    MessageHeld,
    /// It waits for its time.
    MessageScheduled,
    SpecialMailboxDeleted,
    /// A special mailbox keeps its name.
    SpecialMailboxKept,
}

impl ConflictReason {
    /// The reason in words.
    pub const fn reason(self) -> &'static str {
        match self {
            ConflictReason::ApprovalChanged => "the message is not the one with that sha256",
            ConflictReason::ApprovalDecided => "the approval is decided already",
            ConflictReason::ApprovalApproved => "the approval is approved already",
            ConflictReason::ApprovalDeclined => "the approval is declined already",
            ConflictReason::ApprovalExpired => {
                "the approval has expired, which has declined its message"
            }
            ConflictReason::ApprovalWithoutMessage => "the message of the approval was deleted",
            ConflictReason::RecipientsChanged => {
                "a recipient was taken back meanwhile: read the approval, and decide again"
            }
            ConflictReason::DomainInUse => "an inbox has an address in the domain",
            ConflictReason::GroupDiffers => {
                "the consumer group reads another part of the log, or has other filters"
            }
            ConflictReason::GroupOrderDiffers => "the consumer group has another `order`",
            ConflictReason::GroupOfOtherInboxes => {
                "the consumer group is one of keys that see other inboxes"
            }
            ConflictReason::EventNotHeld => "no reader of the consumer group holds the event now",
            ConflictReason::InboxDeleted => "INBOX cannot be deleted",
            ConflictReason::InboxHasChildren => {
                "the inbox has sub-agents: delete or move them first"
            }
            ConflictReason::DomainOfSeveral => {
                "several organizations have added the domain, and none of them is named"
            }
            ConflictReason::KeysBeingMade => {
                "new signing keys are being made: they are ready in a second"
            }
            ConflictReason::AccountWithoutSmtp => {
                "the inbox lives elsewhere and has no server to send by"
            }
            ConflictReason::SharedDomain => "the shared domain is the server's own",
            ConflictReason::InboxKept => "INBOX cannot be renamed or deleted",
            ConflictReason::NoSenderAddress => "From of the message has no address",
            ConflictReason::NoAnswerAddress => "the message has no address to answer to",
            ConflictReason::NotReceived => "the message is the inbox's own",
            ConflictReason::MailboxBelowItself => "a mailbox cannot go below itself",
            ConflictReason::MailboxHasChildren => "the mailbox has mailboxes below it",
            ConflictReason::NotCancellable => {
                "the recipient has ended, or the message is leaving for it now"
            }
            ConflictReason::RecipientEnded => "the recipient has ended",
            ConflictReason::RecipientHeld => "the message waits for an approval",
            ConflictReason::RecipientScheduled => "the message waits for its time",
            ConflictReason::SettingsChanged => {
                "the settings have another version by now: read them again"
            }
            ConflictReason::DraftChanged => {
                "the draft was changed or sent meanwhile: read it again"
            }
            ConflictReason::MessageHeld => {
                "the message is held for approval: delete it, or have it decided on"
            }
            ConflictReason::MessageScheduled => {
                "the message is scheduled: delete it, or wait until it leaves"
            }
            ConflictReason::SpecialMailboxDeleted => "a special mailbox cannot be deleted",
            ConflictReason::SpecialMailboxKept => {
                "a folder with a special use cannot be renamed or deleted"
            }
        }
    }
}
