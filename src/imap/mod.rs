//! IMAP4rev1 (RFC 3501) with the extensions that clients use today.
//!
//! `frame` finds where a command ends, `parse` says what it means (`types`), `server` decides
//! whether it may be and who does it; each family of commands has a file. `view` is what the
//! client knows of its mailbox, `tell` the one place where that changes. `respond`, `fetch`
//! and `structure` write.

pub mod command;
mod server;
mod state;
mod table;
#[cfg(test)]
mod tests;
pub mod types;
pub mod view;
pub mod wire;

use command::fetch as retrieve;
use command::fetch::structure;
use command::{append, search, select, store};
pub use command::{fetch::render as fetch, parse};
pub use server::Server;
use view::tell;
pub use wire::{frame, respond};
