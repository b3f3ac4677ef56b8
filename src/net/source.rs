//! What a worker's poll watches besides connections: a UDP socket, for example.
//!
//! A source reads and writes its own socket and is told when it is ready. It has no session,
//! no deadline and no place in the counts of connections.

use std::io;

use crate::call::Now;

/// Something that the poll watches and that is not a connection.
pub trait PolledSource: Send {
    /// Registers its socket under `token`.
    fn register(&mut self, registry: &mio::Registry, token: mio::Token) -> io::Result<()>;

    /// Its socket is ready. Readiness comes as edges: it reads until the socket would block.
    fn ready(&mut self, now: Now);
}
