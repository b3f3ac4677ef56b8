//! WebSocket (RFC 6455), the serving side, without extensions: a message is never compressed.
//!
//! ```text
//! handshake.rs  whether a request may become a WebSocket, and the proof that it was read
//! frame.rs      heads of frames, in both directions; codes of closing
//! reader.rs     messages and control frames out of octets
//! ```
//!
//! It knows no event and no key. What is said in the messages is in `stream/socket/`.

pub mod frame;
pub(crate) mod handshake;
pub mod reader;
