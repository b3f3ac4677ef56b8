//! Listening sockets, and how many descriptors the process may have.
//!
//! Options that every connection needs are set on the listener: Linux hands them down to
//! accepted sockets, which saves two system calls a connection. Nothing is accepted here.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::call::Listener;

/// A socket that listens.
pub struct BoundListener {
    /// Its protocol, and how TLS begins.
    pub listener: Listener,
    /// Where; the port is the real one when 0 was asked for.
    pub address: SocketAddr,
    pub(super) socket: mio::net::TcpListener,
}

/// Opens a listener. The error says what to do about it.
pub fn bind(listener: Listener, address: SocketAddr) -> Result<BoundListener, String> {
    open(listener, address).map_err(|error| {
        let errno = error.raw_os_error();
        let is = |other: Errno| errno == Some(other.raw_os_error());
        let hint = if is(Errno::ADDRINUSE) {
            "another program listens there: stop it, choose another port in the configuration, \
             or use `--ports auto`"
        } else if is(Errno::ACCESS) || is(Errno::PERM) {
            "ports below 1024 need root (set `user` in the configuration to leave it after \
             binding) or the capability CAP_NET_BIND_SERVICE"
        } else if is(Errno::ADDRNOTAVAIL) {
            "this machine does not have that address"
        } else {
            "check the `listen` table of the configuration"
        };
        let name = listener.name();
        let what = if is(Errno::ADDRINUSE) {
            String::new()
        } else {
            format!("{error}; ")
        };
        format!("cannot listen on {address} (listen.{name}): {what}{hint}")
    })
}

fn open(listener: Listener, address: SocketAddr) -> std::io::Result<BoundListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // So that a restart does not wait for connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Without this, Postfix's client over TLS takes 48 ms instead of 4.
    socket.set_tcp_nodelay(true)?;
    if !matches!(
        listener,
        Listener::Mx | Listener::Submission | Listener::Submissions
    ) {
        // IDLE and event streams may be silent for half an hour; this finds lost peers.
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_AFTER)
            .with_interval(KEEPALIVE_EVERY);
        socket.set_tcp_keepalive(&keepalive)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = std::net::TcpListener::from(socket);
    let address = socket.local_addr()?;
    Ok(BoundListener {
        listener,
        address,
        socket: mio::net::TcpListener::from_std(socket),
    })
}

/// Raises the soft limit of descriptors to the hard one, and gives the number of connections
/// that leaves enough descriptors for everything else.
pub fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let mut raised = limit;
    raised.current = raised.maximum;
    let soft = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let all = soft.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    // With a tiny limit, half of it is for connections.
    all.saturating_sub(OTHER_DESCRIPTORS).max(all / 2)
}

/// Connections that may wait for accept(); the kernel lowers it to its own limit.
const BACKLOG: i32 = 1024;
const KEEPALIVE_AFTER: Duration = Duration::from_secs(120);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
/// Database, log, listeners, polls, and what libraries open for a moment.
const OTHER_DESCRIPTORS: usize = 256;
