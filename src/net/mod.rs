//! Sockets, TLS, timers and threads' mail: everything that touches the outside world, and the
//! only place that does.
//!
//! `listen` accepts on the main thread and deals connections to workers; a `worker` runs one
//! poll loop a core over its `conn`s; a conn is a `transport` (plain or `tls`) and a session.
//! `hub` brings replies and events in from the service's threads, `timers` brings the time,
//! `memory` says when there is no more room for anonymous peers.
//! Nothing here knows a protocol's words except the goodbye at a full door.

mod bind;
mod cert;
mod clock;
mod conn;
mod conn_map;
mod dial;
mod dialer;
mod dns;
mod handshakes;
mod hub;
mod link;
mod listen;
mod memory;
mod timers;
mod tls;
mod to_resolver;
mod token;
mod transport;
mod untold;
mod watchers;
mod worker;

pub use bind::{BoundListener, bind, raise_descriptors};
pub use cert::{Certified, provide as provide_certificate};
pub use clock::SystemClock;
pub use dial::{Dial, DialTls};
pub use dialer::{EndpointDialer, HubDialer};
pub use dns::{DnsHandle, DnsSockets};
pub use hub::Hub;
pub use listen::{Acceptor, Alarm, Bell, Ended};
pub use memory::memory_mb;
pub use tls::{ClientTls, TlsListeners, TlsPeer};
pub use worker::Worker;
