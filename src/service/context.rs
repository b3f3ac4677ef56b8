//! What a function of the service is given besides its arguments, and the questions that each
//! asks first: is the scope there, is the inbox there and the key's to see.
//!
//! "Not yours" and "not there" are one answer (decisions.md 30).

use crate::call::{Access, ConnId, Event, InboxId, Now, Refusal, Scopes, Shared};
use crate::store::Store;

/// For what only reads.
#[derive(Clone, Copy)]
pub struct ReadContext<'a> {
    /// A reader's connection.
    pub store: &'a Store,
    /// Limits, counters, names.
    pub shared: &'a Shared,
    /// When the call was taken.
    pub now: Now,
    /// Reads the clock, for work in slices.
    pub clock: &'a dyn Fn() -> Now,
    /// Fresh random octets for this call: boundaries and Message-IDs are made from them.
    pub seed: [u8; 16],
}

/// For what writes: one call inside its savepoint. When it refuses, its caller rolls the
/// savepoint back and cuts `events` to the length that it had.
pub struct WriteContext<'a> {
    /// The writer's connection.
    pub store: &'a Store,
    /// Limits, counters, names.
    pub shared: &'a Shared,
    /// When the writer took the call.
    pub now: Now,
    /// Whose call it is.
    pub origin: ConnId,
    /// What will be published after the commit.
    pub events: &'a mut Vec<Event>,
}

/// Whether the key holds a scope; the refusal names it.
pub fn need(access: &Access, scope: Scopes) -> Result<(), Refusal> {
    if access.scopes.allow(scope) {
        return Ok(());
    }
    Err(Refusal::MissingScope(
        scope.names().next().unwrap_or("admin"),
    ))
}

/// The inbox that was logged in to, for IMAP and SMTP.
pub fn own_inbox(access: &Access) -> Result<InboxId, Refusal> {
    access
        .inbox
        .filter(|inbox| access.sees(*inbox))
        .ok_or(Refusal::NotFound("inbox"))
}
