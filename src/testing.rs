//! The parts of the inside that tests, benches and fuzzers outside the crate may use.
//!
//! This is a facade: it adds nothing of its own, and the server does not use it. A name that
//! a test needs is exported here once, so that the modules themselves can be private, and the
//! compiler can find code that nothing uses.

pub use crate::engine::drive::{Driver, Environment, Settled};
pub use crate::engine::{DialError, Engine, Input, Output, Session, Trust};
pub use crate::net::{
    Acceptor, Alarm, Bell, BoundListener, Certified, ClientTls, Dial, DialTls, Ended, Hub,
    PolledSource, Submit, SystemClock, TlsListeners, TlsPeer, Worker, WorkerQueue, bind,
    provide_certificate, raise_descriptors,
};
pub use crate::protocol::Protocol;
