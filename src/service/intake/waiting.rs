//! The messages that wait for a lookup outside: by its id, by their time, and by their connection.
//! Each is charged to the memory for arriving mail, so their number is bounded. It reads no clock.
//!
//! The rule: **each step costs the same however many wait**, so that a flood of mail whose sender
//! has a slow DNS takes nothing from the other work of a reader.

use std::collections::{BTreeSet, HashMap};

use super::inquiry::LookupId;
use super::parsed::ParsedMessage;
use crate::call::{ConnId, Request};

/// A message that waits.
pub type WaitingMessage = Request<Box<ParsedMessage>>;

/// The messages that wait.
#[derive(Debug, Default)]
pub struct WaitingMessages {
    /// Each with the monotonic milliseconds after which it goes on without an answer.
    messages: HashMap<LookupId, (u64, WaitingMessage)>,
    by_time: BTreeSet<(u64, LookupId)>,
    /// A connection waits for one answer at a time.
    by_conn: HashMap<ConnId, LookupId>,
}

impl WaitingMessages {
    /// A message waits from `now_ms` on.
    pub fn insert(&mut self, now_ms: u64, id: LookupId, message: WaitingMessage) {
        let until_ms = now_ms.saturating_add(message.call.lookup_ms);
        if let Some(conn) = message.conn {
            self.by_conn.insert(conn, id);
        }
        self.by_time.insert((until_ms, id));
        self.messages.insert(id, (until_ms, message));
    }

    /// Takes a message out.
    pub fn remove(&mut self, id: LookupId) -> Option<WaitingMessage> {
        let (until_ms, message) = self.messages.remove(&id)?;
        self.by_time.remove(&(until_ms, id));
        if let Some(conn) = message.conn {
            self.by_conn.remove(&conn);
        }
        Some(message)
    }

    /// The connection that waits for the answer to a message.
    pub fn conn(&self, id: LookupId) -> Option<ConnId> {
        self.messages.get(&id)?.1.conn
    }

    /// Drops the message of a connection that has closed. Its client has no answer, and sends it
    /// again.
    pub fn hang_up(&mut self, conn: ConnId) {
        if let Some(id) = self.by_conn.get(&conn).copied() {
            self.remove(id);
        }
    }

    /// When the first of them has waited long enough.
    pub fn next_ms(&self) -> Option<u64> {
        self.by_time.first().map(|&(until_ms, _)| until_ms)
    }

    /// A message that has waited long enough.
    pub fn late(&self, now_ms: u64) -> Option<LookupId> {
        let &(until_ms, id) = self.by_time.first()?;
        (until_ms <= now_ms).then_some(id)
    }

    /// The connections of all of them; nothing waits any more.
    pub fn drain(&mut self) -> Vec<ConnId> {
        self.by_time.clear();
        self.messages.clear();
        self.by_conn.drain().map(|(conn, _)| conn).collect()
    }
}
