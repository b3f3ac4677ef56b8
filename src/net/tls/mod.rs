//! TLS in both directions: `pump` moves records, `server` has the certificates and settings
//! of the listeners, `tickets` the keys of their sessions, `client` has the settings of outgoing
//! connections, `date` the clock of both.
//!
//! Only rustls decides what is valid; nothing here reads a certificate or a handshake.

mod client;
mod date;
mod pump;
mod server;
mod tickets;

pub use client::{CertificateNeed, ClientTls, TlsPeer};
pub(super) use pump::{Broken, Cipher, PLAIN_BYTES, Tls};
pub use server::TlsListeners;
#[cfg(test)]
pub(super) use server::tests;
pub(super) use tickets::Tickets;
