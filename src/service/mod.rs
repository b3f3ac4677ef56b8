//! The product: carries out calls against the store. All protocols use it. It knows no reply
//! code, no IMAP tag, no HTTP header and no JSON; it owns no clock, no thread and no socket.
//!
//! [`Service`] is what the threads share. [`Writer`] and [`Reader`] carry out calls,
//! [`executors`] runs them, and [`Inline`] is all of it in one thread, for tests. One call is
//! one function; `dispatch` leads from the call to it.

pub mod access;
pub mod account;
mod answer_rates;
mod audit;
mod checks;
pub mod context;
mod dispatch;
pub mod drive;
pub mod event_groups;
mod events;
pub mod executors;
mod existence;
mod field;
mod inline;
pub mod intake;
pub mod job;
mod known_spam;
mod learned;
mod lists;
pub mod mail;
pub mod outbound;
pub mod outgoing;
pub mod policy;
mod repeated;
mod returned;
pub mod rules;
pub mod spare_keys;
pub mod start;
mod state;
#[cfg(test)]
mod tests;
pub mod upstream;
pub mod webhook;

pub use dispatch::{DiskReserve, ReadTask, ReadTurn, Reader, WriteTask, Writer};
pub use inline::Inline;
pub use intake::{Finding, LookupId, Lookups, ParsedMessage, SenderLookups};
pub use state::{FreeBytes, ReadClock, Service, Setup};
