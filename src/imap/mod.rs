//! IMAP4rev1 (RFC 3501) with the extensions that clients use today.
//!
//! `frame` finds where a command ends, `parse` says what it means (`types`), `server` decides
//! whether it may be and who does it; each family of commands has a file. `view` is what the
//! client knows of its mailbox, `tell` the one place where that changes. `respond`, `fetch`
//! and `structure` write.

mod append;
mod auth;
pub mod fetch;
pub mod frame;
mod idle;
mod list;
mod mailbox;
pub mod parse;
pub mod respond;
mod retrieve;
mod search;
mod select;
mod server;
mod state;
mod store;
pub mod structure;
mod table;
mod tell;
#[cfg(test)]
mod tests;
pub mod types;
pub mod view;

pub use server::Server;
