//! Events over HTTP: streams, the polled log, and the JSON of an event.
//!
//! ```text
//! wanted.rs  what a client asks for: place, start, filter
//! subscription.rs  opens, holds the cursor, ends with the key or the inbox
//! cursor.rs  log and live events as one sequence without gaps; knows no HTTP
//! group.rs   the place of one reader in a consumer group
//! sse.rs     frames and heartbeats of a stream
//! writer.rs  what writes events for a client
//! log.rs     the polled log
//! socket/    the same over WebSocket, several subscriptions a connection
//! show.rs    the JSON of every event
//! wait.rs    one request that waits for a message
//! ```
//!
//! What an event means (its type, what ends with it, which filter admits it) is not here: it
//! is in `call/event/`.

pub mod cursor;
mod group;
mod log;
pub(in crate::http) mod show;
mod socket;
mod sse;
mod subscription;
#[cfg(test)]
mod tests;
mod unsent;
mod wait;
mod wanted;
mod writer;

pub(crate) use log::{LogStep, PolledPage, log};
pub(crate) use socket::{EventSocket, socket};
pub(crate) use sse::EventStream;
pub(crate) use wait::{MessageWait, WaitEnd, WaitStep};
pub(crate) use wanted::{GROUP_NAME_RULE, GROUP_ORDER, INBOXES_MAX, Wanted, all, one, tree};
pub(crate) use writer::{EndReason, StreamForm};
