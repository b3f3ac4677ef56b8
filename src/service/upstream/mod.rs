//! Mailboxes that live elsewhere: when an account has a connection, and how far its mailboxes have
//! been fetched. The account itself, with its secrets, is in `account/upstream.rs`.
//!
//! A connection is made by a dialer and speaks through an engine that this module does not know.
//! The engine asks at each step (`sync.rs`); `connections.rs` says when there is one. `tokens.rs`
//! keeps the access tokens of accounts that log in by OAuth, and `refresh.rs` fetches them.

mod account;
mod accounts;
mod connections;
mod keywords;
mod moved;
mod places;
mod push;
mod refresh;
mod state;
mod sync;
mod tokens;
mod told;
mod untold;

pub use keywords::kept_keywords;
pub use moved::matched;
pub use push::{next_change, pushed};
pub use state::{UpstreamWays, Upstreams};
pub use sync::{folders, ident, opened, passed};
pub use tokens::{TokenAnswer, UpstreamTokens};
pub use told::{compared, gone, known, round, told};
