//! Webhooks: events of the log that are sent to endpoints of their owner.
//!
//! An endpoint is a place in the log with a filter. It has one connection and one request under
//! way, so its events come in order, and a slow one delays no other. What is due is found by the
//! writer, in transactions of its own (`run.rs`); which connections there are is decided in memory
//! (`routes.rs`), and what becomes of an answer in `outcome.rs`. Connections speak through engines
//! that this module does not know.
//!
//! The rule: **what is in memory may be lost.** A request whose answer is not stored is made again.

pub mod change;
mod due;
mod outcome;
mod routes;
mod run;
mod state;

pub use state::{HookWays, Webhooks};
