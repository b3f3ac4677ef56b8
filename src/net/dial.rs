//! Outgoing connections: what is asked for, and the attempts to connect.
//!
//! The addresses are tried in order, each with its own deadline. The engine learns of the
//! end of the last attempt ([`crate::engine::Input::Failed`]); a log line alone would leave
//! its work undone. Name resolution is not here: the caller brings addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::tls::TlsPeer;
use crate::call::{Metric, Shared};
use crate::engine::{DialError, Engine};

/// A request for an outgoing connection. [`super::Hub::dial`] brings it to a worker.
pub struct Dial {
    /// Where, in the order in which they are tried.
    pub addresses: Vec<SocketAddr>,
    /// The address to connect from; `None` leaves it to the system.
    pub bind: Option<IpAddr>,
    /// How long one address has to answer.
    pub connect_ms: u64,
    /// Whether and when TLS begins.
    pub tls: DialTls,
    /// The engine of the connection. It is told [`crate::engine::Input::Open`] when the
    /// connection is up.
    pub engine: Box<dyn Engine + Send>,
}

/// When TLS begins on an outgoing connection.
#[derive(Clone, Debug)]
pub enum DialTls {
    /// Never.
    Never,
    /// Before the first byte.
    Implicit(TlsPeer),
    /// When the engine asks for it ([`crate::engine::Output::start_tls`]).
    StartTls(TlsPeer),
}

/// The outgoing end of a connection: what is left to be tried.
pub(super) struct DialLink {
    left: std::vec::IntoIter<SocketAddr>,
    bind: Option<IpAddr>,
    connect_ms: u64,
    tls: Option<TlsPeer>,
    is_implicit: bool,
    /// Why the last attempt has failed.
    error: DialError,
    _count: DialCount,
}

/// Counts an outgoing connection while it is there.
struct DialCount(Arc<Shared>);

impl Drop for DialCount {
    fn drop(&mut self) {
        self.0.metrics.sub(Metric::DialsOpen, 1);
    }
}

impl DialLink {
    /// Before the first attempt. The engine goes to the connection's session.
    pub fn new(dial: Dial, shared: &Arc<Shared>) -> (Self, Box<dyn Engine + Send>) {
        shared.metrics.count(Metric::Dials);
        shared.metrics.add(Metric::DialsOpen, 1);
        let (tls, is_implicit) = match dial.tls {
            DialTls::Never => (None, false),
            DialTls::Implicit(peer) => (Some(peer), true),
            DialTls::StartTls(peer) => (Some(peer), false),
        };
        let link = DialLink {
            left: dial.addresses.into_iter(),
            bind: dial.bind,
            connect_ms: dial.connect_ms,
            tls,
            is_implicit,
            error: DialError::NoAddress,
            _count: DialCount(Arc::clone(shared)),
        };
        (link, dial.engine)
    }

    /// Begins to connect to the next address. `None` when there is none left.
    pub fn connect_next(&mut self) -> Option<(SocketAddr, TcpStream)> {
        for address in self.left.by_ref() {
            let connected = match self.bind {
                None => TcpStream::connect(address),
                Some(from) => connect_from(from, address),
            };
            match connected {
                Ok(stream) => {
                    // A request in two small writes would wait for a delayed ACK. A socket
                    // that refuses the option is only slower.
                    let _ = stream.set_nodelay(true);
                    return Some((address, stream));
                }
                Err(error) => self.error = dial_error(&error),
            }
        }
        None
    }

    /// The attempt under way has failed.
    pub fn record(&mut self, error: DialError) {
        self.error = error;
    }

    /// Why the last attempt has failed.
    pub fn last_error(&self) -> DialError {
        self.error.clone()
    }

    /// How long one address has to answer.
    pub fn connect_ms(&self) -> u64 {
        self.connect_ms
    }

    /// Whether TLS begins before the first byte.
    pub fn is_implicit(&self) -> bool {
        self.is_implicit
    }

    /// The TLS peer, once: TLS begins one time.
    pub fn take_tls(&mut self) -> Option<TlsPeer> {
        self.tls.take()
    }
}

/// Begins to connect from one of our own addresses.
fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// What a failed connect, or a lost connection, is called.
pub(super) fn dial_error(error: &io::Error) -> DialError {
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    if is(Errno::CONNREFUSED) {
        DialError::Refused
    } else if is(Errno::TIMEDOUT) {
        DialError::TimedOut
    } else if is(Errno::NETUNREACH) || is(Errno::HOSTUNREACH) {
        DialError::Unreachable(error.to_string())
    } else {
        DialError::Socket(error.to_string())
    }
}
