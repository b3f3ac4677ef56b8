//! What writes the events of a subscription for its client, and why a subscription ends. How events
//! are framed is not here (`sse.rs`).

use core::fmt;

use super::cursor::ResetReason;
use crate::call::{Access, Event, EventKind, InboxRow};

/// What writes the events of a subscription for its client.
pub(super) trait EventWriter {
    /// Whether it takes an event now. It always takes the others.
    fn has_room(&self) -> bool;
    /// Whether its client takes at once what there is: then some events may be kept for it.
    fn is_quick(&self) -> bool;
    /// The subscription is at the head of the log: all up to `seq` has been told.
    fn ready(&mut self, seq: u64, epoch: u64);
    /// An event that the filter wants and the key may see. In a consumer group, how often it was
    /// leased.
    fn event(&mut self, access: &Access, event: (EventKind, &Event), delivery: Option<u32>);
    /// The cursor is not in the log; the subscription goes on with `oldest`.
    fn reset(&mut self, oldest: u64, reason: ResetReason);
    /// The subscription ends here.
    fn end(&mut self, reason: EndReason);
}

/// Another form for the events of a stream than that of the API. Each function writes whole frames,
/// or none.
pub(crate) trait StreamForm: fmt::Debug + Send {
    /// The inboxes that were asked for, in their order.
    fn found(&mut self, rows: &[InboxRow]);
    /// All up to `seq` has been told.
    fn ready(&mut self, out: &mut Vec<u8>, seq: u64);
    fn event(&mut self, out: &mut Vec<u8>, event: &Event);
    /// Events up to `seq` may have been missed.
    fn reset(&mut self, out: &mut Vec<u8>, seq: u64);
    fn end(&mut self, out: &mut Vec<u8>, reason: EndReason);
}

/// Why a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EndReason {
    /// The server stops; the client comes back after so many milliseconds.
    Shutdown {
        reconnect_after_ms: u64,
    },
    KeyRevoked,
    KeyExpired,
    /// The organization was deleted, and the key with it.
    OrgDeleted,
    /// The inbox of the stream was deleted.
    InboxDeleted,
    /// The inbox of the stream was moved to where the key does not see it.
    InboxMoved,
    /// The consumer group was deleted.
    GroupDeleted,
    /// The server could not go on reading the log.
    Fault,
}
