//! The reasons to say no. Each protocol has its own words for every one of them.

use super::access::Scopes;
use super::noun::{Bounded, ConflictReason, Countable, FromFault, Noun};

/// Why not. Closed: a new reason does not compile until every protocol has its words.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Wrong user or key; answer after `delay_ms`.
    BadCredentials { delay_ms: u64 },
    /// Too many failures from this address.
    LoginLimited { retry_ms: u64 },
    /// The key is good but lacks a scope; which one is named.
    MissingScope(Scopes),
    /// It does not exist, or the key does not see it.
    NotFound(Noun),
    /// It exists already.
    Exists(Noun),
    /// The address is not local and the sender may not relay.
    RelayDenied,
    /// No such local recipient.
    NoSuchInbox,
    /// The same for a recipient of a draft: where it stands (`to[3]`), and the address.
    NoSuchRecipient { field: String, address: String },
    /// The key may not send as this address.
    SenderNotAllowed,
    /// From is missing, double or a group.
    BadFrom(FromFault),
    /// A field of the request is wrong: name and what is expected.
    Invalid { field: &'static str, why: String },
    /// Something inside a field of a draft is wrong: where (`attachments[0].content`), and
    /// what is expected.
    InvalidPlace { field: String, why: String },
    /// It is larger than `max`.
    TooBig { what: Bounded, max: u64 },
    /// Too many Received fields.
    Loop,
    /// Bare CR, bare LF or NUL.
    StrayOctets,
    /// The inbox is full.
    OverQuota,
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
    /// The disk is too full to take mail.
    NoSpace,
    /// Our fault; the log has the reason.
    Internal,
    /// The server is stopping.
    Stopping,
}

/// Whose rate or budget is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// Requests: of a key, or of an address without one.
    Requests,
    /// Messages: of an address, an inbox or an organization.
    Messages,
}
