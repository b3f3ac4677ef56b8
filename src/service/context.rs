//! What a function of the service is given besides its arguments, and the questions that each
//! asks first: is the scope there, is the inbox there, may the key see it.
//!
//! "Not yours" and "not there" are one answer: an organization learns nothing of another
//! (DECISIONS.md, "Keys and scopes").

use super::Service;
use crate::call::{Access, ConnId, Event, InboxId, Noun, Now, Refusal, Scopes, Shared};
use crate::crypto::Random;
use crate::store::Store;

/// For a function that only reads.
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

/// For a function that writes: one call inside its savepoint. When the function refuses, its
/// caller rolls the savepoint back and cuts `events` to the length that it had.
pub struct WriteContext<'a> {
    /// What the threads share.
    pub service: &'a Service,
    /// Limits, counters, names.
    pub shared: &'a Shared,
    /// The writer's connection.
    pub store: &'a Store,
    /// Randomness for secrets and made-up addresses.
    pub random: &'a mut Random,
    /// When the writer took the group.
    pub now: Now,
    /// The connection that asked; `None` is the server itself.
    pub origin: Option<ConnId>,
    /// What is published after the commit.
    pub events: &'a mut Vec<Event>,
}

/// Checks that the key holds a scope; the refusal names it.
pub fn need(access: &Access, scope: Scopes) -> Result<(), Refusal> {
    if access.scopes.allow(scope) {
        return Ok(());
    }
    Err(Refusal::MissingScope(scope))
}

/// The inbox that was logged in to, for IMAP and SMTP.
pub fn own_inbox(access: &Access) -> Result<InboxId, Refusal> {
    access
        .inbox
        .filter(|inbox| access.sees(*inbox))
        .ok_or(Refusal::NotFound(Noun::Inbox))
}
