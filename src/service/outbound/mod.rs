//! Mail on its way to other servers: the queue, the routes, and how clients see both.
//!
//! A recipient outside is a row from the commit that accepts the message (`store/outbound.rs`). The
//! writer claims it for a connection, and stores what became of it. Which connections there are is
//! decided by the routes, in memory (`routes.rs`); they are made by a dialer and speak through
//! engines that this module does not know.

mod account;
pub mod bounce;
pub mod change;
mod converted;
pub mod failure;
mod hosts;
mod leave;
mod list;
pub mod notice;
mod outcome;
pub mod path;
mod piece;
mod queue;
pub mod report;
mod routes;
mod schedule;
mod signatures;
pub mod signing;
mod state;
mod suppress;
mod unsaved;

pub use list::{list, normalize_filter};
pub use piece::{PieceAsk, piece};
pub use state::{Answers, Outbound, WaysOut};
