//! The reasons of refusals. Each protocol has its own words for each of them.

use super::access::Scopes;
use super::noun::{Bounded, ConflictReason, Countable, FromFault, Noun};
use super::outgoing::{PolicyReason, PolicyRefusal};

/// The reason of a refusal. A new reason does not compile until every protocol has words for it.
// The line above a variant explains it; its fields need no more than their names.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Wrong user or key. The answer waits for `delay_ms`. `allowance` counts the different wrong
    /// keys that the address may still try, where they are counted.
    BadCredentials {
        delay_ms: u64,
        allowance: Option<Allowance>,
    },
    /// Wrong user or key, after too many failures from this address. The answer waits for
    /// `delay_ms`; the count begins anew in `retry_ms`. A right key never gets it.
    LoginLimited { delay_ms: u64, retry_ms: u64 },
    /// The operator's token is not taken from this address; whether it is right is not said.
    OperatorElsewhere,
    /// The key was right when the session began, and has expired since.
    KeyExpired,
    /// The organization of the session was deleted, and the key with it.
    OrgDeleted,
    /// The key is valid and lacks this scope.
    MissingScope(Scopes),
    /// The key is bound to inboxes, and this concerns the organization or other inboxes.
    KeyBound,
    /// The key is bound to inboxes, and this would make a bound looser: the field that has it.
    Loosens { field: &'static str },
    /// The domain of the organization waits for a proof.
    DomainNotVerified { domain: String },
    /// It does not exist, or the key does not see it.
    NotFound(Noun),
    /// It exists already.
    Exists(Noun),
    /// The address is not local and the sender may not relay.
    RelayDenied,
    /// No such local recipient.
    NoSuchInbox,
    /// The same for a recipient of a draft: its place (`to[3]`) and the address.
    NoSuchRecipient { field: String, address: String },
    /// The key may not send as this address.
    SenderNotAllowed,
    /// From is missing, double or a group.
    BadFrom(FromFault),
    /// A field of the request is wrong: its name, and the reason.
    Invalid { field: &'static str, why: String },
    /// A part of a field of a draft is wrong: its place (`attachments[0].content`), and the reason.
    InvalidPlace { field: String, why: String },
    /// A text that a request gives as a recipient is not one address: its place (`to[3]`), and the
    /// text.
    BadAddress { field: String, text: String },
    /// It is larger than `max`.
    TooBig { what: Bounded, max: u64 },
    /// Too many Received fields.
    Loop,
    /// DMARC fails for the domain in From, and its owner wants such mail refused.
    DmarcPolicy { domain: String },
    /// Bare CR, bare LF or NUL.
    StrayOctets,
    /// An inbox or the organization of the caller is full: which, and the octets that it may store
    /// with what its rows cost on disk. One of a recipient is [`PolicyReason::RecipientFull`].
    OverQuota { of: Noun, max: u64 },
    /// Policy keeps it from leaving.
    Policy(Box<PolicyRefusal>),
    /// A rate or a budget is used up.
    RateLimited { rate: Rate, retry_ms: u64 },
    /// Too many of them; `max` are allowed.
    Limit { what: Countable, max: u64 },
    /// The idempotency key was used with another request.
    IdempotencyConflict,
    /// It cannot be done in this state (mailbox has children, INBOX, parent cycle ...).
    Conflict(ConflictReason),
    /// The cursor is older than what is kept.
    Expired { oldest: u64 },
    /// The search took too long.
    SearchDeadline,
    /// The memory for messages on their way in is short, and this one was made larger than what
    /// came.
    MemoryShort,
    /// The disk is too full to take mail.
    NoSpace,
    /// A fault of the server; its log has the reason.
    Internal,
    /// What is stored is damaged; the log has the row.
    Damaged,
    /// The server is stopping.
    Stopping,
}

/// The kind of the rate or budget that is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// Requests: of a key, or of an address without one.
    Requests,
    /// Requests of all keys of an organization together.
    OrgRequests {
        /// In a minute.
        max: u64,
    },
    /// Messages that an address sends on port 25.
    Messages {
        /// In a minute.
        max: u64,
    },
    /// Octets of messages that an address sends on port 25.
    Octets {
        /// In a minute.
        max: u64,
    },
    /// Recipients that an address names on port 25 without a message for them.
    Recipients {
        /// In a minute.
        max: u64,
    },
    /// The first try of a sender that is new to a recipient.
    FirstTry,
    /// Messages that an inbox receives, and a sender's share of them.
    Received {
        /// In a minute, from all senders together.
        max: u64,
    },
    /// Addresses outside that an inbox writes to for the first time in a while, in a UTC day.
    NewRecipients {
        /// The budget.
        max: u64,
        /// When it begins anew, unix milliseconds.
        renews_at: i64,
    },
    /// Messages that an inbox, an organization or a key sends in a UTC day.
    SentInDay {
        /// Which of them.
        of: Noun,
        /// The budget.
        max: u64,
        /// When it begins anew, unix milliseconds.
        renews_at: i64,
    },
}

/// What a rate still allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// How many there may be at once.
    pub limit: u64,
    /// How many are left of them.
    pub left: u64,
    /// Milliseconds until all of them are there again.
    pub reset_ms: u64,
}

impl Allowance {
    /// Of a rate that is not counted down.
    pub const fn full(limit: u64) -> Allowance {
        Allowance {
            limit,
            left: limit,
            reset_ms: 0,
        }
    }
}

impl Refusal {
    /// Whether it is about one message of several: the others may be taken. Any other is about the
    /// request or its caller, or passes.
    pub const fn is_of_message(&self) -> bool {
        matches!(
            self,
            Refusal::Invalid { .. }
                | Refusal::InvalidPlace { .. }
                | Refusal::TooBig { .. }
                | Refusal::StrayOctets
                | Refusal::Loop
                | Refusal::OverQuota { .. }
                | Refusal::Limit { .. }
                | Refusal::NotFound(Noun::Mailbox)
        )
    }

    /// Whether an inbox or an organization is full, of the caller or of a recipient.
    pub fn is_over_quota(&self) -> bool {
        match self {
            Refusal::OverQuota { .. } => true,
            Refusal::Policy(policy) => policy.reason == PolicyReason::RecipientFull,
            _ => false,
        }
    }

    /// A wrong key that no limiter has counted.
    pub const UNKNOWN_KEY: Refusal = Refusal::BadCredentials {
        delay_ms: 0,
        allowance: None,
    };
}
