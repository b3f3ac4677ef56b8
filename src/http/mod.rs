//! HTTP: the REST surface and the event streams (api.md sections 4 and 5).
//!
//! `server.rs` frames requests and `exchange.rs` answers them; `route.rs` is the API as a
//! table, whose rows lead to `account.rs`, `message.rs`, `export.rs`, `watch.rs` and
//! `plain.rs`; `json_*.rs` hold every shape that clients see, `error.rs` every way of saying
//! no, `sse.rs` one stream. There is no CORS, no cookie, no compression and no HTTP/2: a key
//! in a header is the only way in.

mod account;
mod body;
mod chunked;
mod clock;
#[cfg(test)]
mod drive;
mod error;
mod exchange;
mod export;
mod filter;
mod head;
#[cfg(test)]
mod hostile;
mod json;
mod json_account;
mod json_event;
mod json_message;
mod message;
mod plain;
#[cfg(test)]
mod replay;
mod response;
mod route;
mod server;
mod sse;
mod target;
mod watch;
#[cfg(test)]
mod who;

pub use error::turned_away;
pub use server::Server;
