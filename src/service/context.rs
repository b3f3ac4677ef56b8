//! The arguments that every function of the service gets, and the inbox of a session.
//!
//! A row of another organization and a row that does not exist give the same answer: an
//! organization learns nothing of another (DECISIONS.md, "Keys and scopes").

use super::Service;
use super::access::admit::sees;
use crate::call::{
    Access, ConnId, Event, InboxId, Noun, Now, Refusal, Reply, RequestId, Shared, Write, Written,
};
use crate::crypto::Random;
use crate::store::{Error, Store};

/// For a function that only reads.
#[derive(Clone, Copy)]
pub struct ReadContext<'a> {
    /// The state that all threads share.
    pub service: &'a Service,
    /// A reader's connection.
    pub store: &'a Store,
    /// Limits, counters, names.
    pub shared: &'a Shared,
    /// The time at which the call was taken.
    pub now: Now,
    /// Reads the clock, for work in slices.
    pub clock: &'a dyn Fn() -> Now,
    /// Fresh random octets for this call: boundaries and Message-IDs are made from them.
    pub seed: [u8; 16],
}

/// For a function that writes: one call of a group. When the function refuses, its caller undoes
/// what it has written and cuts `events` to their earlier length.
pub struct WriteContext<'a> {
    /// The state that all threads share.
    pub service: &'a Service,
    /// Limits, counters, names.
    pub shared: &'a Shared,
    /// The writer's connection.
    pub store: &'a Store,
    /// Randomness for secrets and for generated addresses.
    pub random: &'a mut Random,
    /// The time at which the writer took the group.
    pub now: Now,
    /// The connection that made the request; `None` is the server itself.
    pub origin: Option<ConnId>,
    /// The id of the request or session; `None` is the server itself.
    pub request_id: Option<RequestId>,
    /// How many webhooks its cause is behind.
    pub depth: u8,
    /// The call was carried out before, in a group that was undone: its rates and metrics are
    /// counted.
    pub is_again: bool,
    /// Events to publish after the commit.
    pub events: &'a mut Vec<Event>,
}

impl<'a> WriteContext<'a> {
    /// Does something whose cause is behind at least so many webhooks.
    pub fn behind<T>(&mut self, depth: u8, run: impl FnOnce(&mut WriteContext<'a>) -> T) -> T {
        let before = self.store.deepen(depth);
        let done = run(self);
        self.store.set_depth(before);
        done
    }
}

/// What is left after a turn of work that the server does by itself: mail to outside, webhooks.
#[derive(Debug, Default)]
pub struct LoneTurn {
    /// Milliseconds until the next turn; `None` when nothing waits for a time.
    pub next_ms: Option<u64>,
    /// The answers to calls. They are given after the events are published.
    pub replies: Vec<(ConnId, Reply)>,
    /// Rows could not be read or written; nothing of the transaction is stored.
    pub error: Option<Error>,
}

/// The part of a call that one group carries out. A call that touches many rows keeps to a slice of
/// about 5 ms: other calls are carried out between its parts.
#[derive(Debug)]
pub enum Carried {
    /// The call is carried out.
    Done(Written),
    /// A slice is committed with its group. The rest is a call of its own, with its progress in it.
    /// It is carried out in a later group, also when the connection has closed meanwhile. A refusal
    /// of the rest takes back only the rest.
    Rest(Box<Write>),
    /// The connection waits for its answer. The service has the call carried out again.
    Held,
}

/// The inbox of an IMAP or SMTP session: the one that the client logged in to, if its key still
/// sees it.
pub fn own_inbox(store: &Store, access: &Access) -> Result<InboxId, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Inbox);
    let inbox = access.inbox.ok_or(NONE)?;
    match sees(store, access, inbox)? {
        true => Ok(inbox),
        false => Err(NONE),
    }
}
