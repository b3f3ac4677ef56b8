//! SMTP: port 25 for mail from outside, 587 and 465 for clients, and the way to other servers.
//!
//! `wire` reads commands, replies and message octets, and writes them. `server` has the states,
//! the table of commands and the transaction of the receiving side, from MAIL to the receipt;
//! `client` is the sending side. The service decides what an address, a key or a message means,
//! and where and when a message is sent.

mod client;
mod server;
mod wire;

pub use client::Client;
pub use server::Server;

/// For fuzzers.
pub mod testing {
    pub use super::client::testing::{Extensions, SendPlan, write_mail, write_rcpt};
    pub use super::wire::command::{SenderOf, mail as read_mail, rcpt as read_rcpt};
    pub use super::wire::outgoing::{WireBody, WireForm};
    pub use super::wire::reply_parser::{ReplyParser, ReplyStep};
}
