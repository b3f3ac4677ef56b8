//! The number of a socket, between the resolver and the owner of the sockets.

/// The number of a socket; no two sockets of a resolver have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketNumber(pub u64);
