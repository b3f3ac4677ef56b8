//! TLS in both directions: `pump` moves records, `server` has the certificates and settings
//! of the listeners, `client` those of outgoing connections, `date` the clock of both.
//!
//! Only rustls decides what is valid; nothing here reads a certificate or a handshake.

mod client;
mod date;
mod pump;
mod server;

pub use client::{CertificateNeed, ClientTls, TlsPeer};
pub(super) use date::Tickets;
pub(super) use pump::{Broken, Cipher, PLAIN_BYTES, Tls};
pub use server::TlsListeners;
#[cfg(test)]
pub(super) use server::tests;
