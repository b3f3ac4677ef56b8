//! HTTP: the REST surface and the event streams.
//!
//! `wire/` reads and writes the octets of HTTP and JSON, `server/` frames requests and answers
//! them, `api/` is the API as a table with one file a noun, `stream/` carries events, and
//! `pages/` shows the API itself. `mcp/` is the same for models. `client/` asks other servers.
//! There is no CORS, no cookie, no compression and no HTTP/2: a key in a header is the only
//! way in.

mod api;
pub mod client;
mod mcp;
mod pages;
mod server;
mod stream;
#[cfg(test)]
mod tests;
pub mod websocket;
mod wire;

pub use api::problems::turned_away;
#[cfg(test)]
pub(crate) use api::routes::ROUTES;
pub(crate) use mcp::may_repeat;
pub use server::Server;
pub use stream::cursor;
pub(crate) use wire::chunked::Chunked;
pub use wire::{range, xml};
