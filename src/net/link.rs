//! How a connection came about: in through a listener, or out by a dial.

use std::sync::Arc;

use rustls::ServerConfig;

use super::dial::DialLink;
use super::listen::Slot;
use super::tls::{Broken, Tls};
use crate::call::{Listener, Network};

/// The origin of a connection, and what depends on it.
pub(super) enum Link {
    /// A peer has connected to a listener.
    In {
        /// For implicit TLS or STARTTLS; taken when TLS begins.
        config: Option<Arc<ServerConfig>>,
        /// Its listener, and its place in the acceptor's counts.
        slot: Slot,
    },
    /// We have connected to a peer. Boxed: most connections come in.
    Out(Box<DialLink>),
}

impl Link {
    /// For the log.
    pub fn name(&self) -> &'static str {
        match self {
            Link::In { slot, .. } => slot.listener().name(),
            Link::Out(_) => "dial",
        }
    }

    /// Whether we have connected to the peer.
    pub fn is_out(&self) -> bool {
        matches!(self, Link::Out(_))
    }

    /// Whether TLS begins before the first byte.
    pub fn is_implicit_tls(&self) -> bool {
        match self {
            Link::In { slot, .. } => slot.listener().implicit_tls(),
            Link::Out(dial) => dial.is_implicit(),
        }
    }

    /// The network that a handshake is counted for. Outgoing handshakes are not counted: the
    /// bound is against floods.
    pub fn handshake_network(&self) -> Option<Network> {
        match self {
            Link::In { slot, .. } => Some(slot.network()),
            Link::Out(_) => None,
        }
    }

    /// Whether it came in from this network at this listener.
    pub fn is_from(&self, network: Network, listener: Listener) -> bool {
        match self {
            Link::In { slot, .. } => slot.network() == network && slot.listener() == listener,
            Link::Out(_) => false,
        }
    }

    /// Our end of TLS; `None` where no TLS was set up, or when it has begun already.
    pub fn take_tls(&mut self) -> Option<Result<Tls, Broken>> {
        match self {
            Link::In { config, .. } => config.take().map(Tls::accept),
            Link::Out(dial) => dial.take_tls().map(Tls::connect),
        }
    }
}
