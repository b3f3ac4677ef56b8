//! Listening sockets, and how many descriptors the process may have.
//!
//! Options that every connection needs are set on the listener: Linux hands them down to
//! accepted sockets, which saves two system calls a connection. Nothing is accepted here.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::call::Listener;
use crate::config::{ListenPlace, WantedListener};

/// A socket that listens.
pub struct BoundListener {
    /// Its protocol, and how TLS begins.
    pub listener: Listener,
    /// Where; the port is the real one when 0 was asked for.
    pub address: SocketAddr,
    pub(super) socket: mio::net::TcpListener,
}

/// Opens the sockets of a listener, the one for IPv4 first. The error says what to do about it.
pub fn bind(wanted: WantedListener) -> Result<Vec<BoundListener>, String> {
    let WantedListener { listener, place } = wanted;
    match place {
        ListenPlace::Address(address) => one(listener, address).map(|bound| vec![bound]),
        ListenPlace::Loopback(port) => loopback(listener, port),
    }
}

/// Both loopback addresses with one port: `localhost` is either, as the client's machine likes it.
fn loopback(listener: Listener, port: u16) -> Result<Vec<BoundListener>, String> {
    for _ in 0..FREE_PORT_TRIES {
        let first = one(listener, (Ipv4Addr::LOCALHOST, port).into())?;
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, first.address.port()));
        match open(listener, address) {
            Ok(second) => return Ok(vec![first, second]),
            // A machine without IPv6.
            Err(error) if is_any(&error, &[Errno::ADDRNOTAVAIL, Errno::AFNOSUPPORT]) => {
                return Ok(vec![first]);
            }
            // The port is free in IPv4 alone: the next one may be free in both.
            Err(error) if port == 0 && is_any(&error, &[Errno::ADDRINUSE]) => {}
            Err(error) => return Err(reason(listener, address, &error)),
        }
    }
    Err(format!(
        "cannot find a port for listen.{} that is free in IPv4 and IPv6",
        listener.name()
    ))
}

fn is_any(error: &io::Error, errnos: &[Errno]) -> bool {
    let errno = error.raw_os_error();
    errnos
        .iter()
        .any(|known| errno == Some(known.raw_os_error()))
}

fn one(listener: Listener, address: SocketAddr) -> Result<BoundListener, String> {
    open(listener, address).map_err(|error| reason(listener, address, &error))
}

/// Why a socket cannot be opened, and what to do.
fn reason(listener: Listener, address: SocketAddr, error: &io::Error) -> String {
    let is = |other: Errno| is_any(error, &[other]);
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
}

fn open(listener: Listener, address: SocketAddr) -> io::Result<BoundListener> {
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

/// How many free ports are tried for both loopback addresses.
const FREE_PORT_TRIES: usize = 20;
/// Connections that may wait for accept(); the kernel lowers it to its own limit.
const BACKLOG: i32 = 1024;
const KEEPALIVE_AFTER: Duration = Duration::from_secs(120);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
/// Database, log, listeners, polls, and what libraries open for a moment.
const OTHER_DESCRIPTORS: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wanted(place: ListenPlace) -> WantedListener {
        WantedListener {
            listener: Listener::Mx,
            place,
        }
    }

    #[test]
    fn loopback_is_one_port_on_every_address_that_there_is() {
        let bound = bind(wanted(ListenPlace::Loopback(0))).unwrap();
        let [first, rest @ ..] = &bound[..] else {
            panic!("nothing is bound");
        };
        assert_eq!(first.address.ip(), Ipv4Addr::LOCALHOST);
        assert_ne!(first.address.port(), 0);
        let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
        assert_eq!(rest.len(), usize::from(has_ipv6));
        for other in rest {
            assert_eq!(other.address.ip(), Ipv6Addr::LOCALHOST);
            assert_eq!(other.address.port(), first.address.port());
        }
        // The port is taken now: the reason names it and the remedy.
        let why = bind(wanted(ListenPlace::Loopback(first.address.port())));
        let why = why.err().unwrap();
        assert!(
            why.contains(&first.address.to_string()) && why.contains("--ports auto"),
            "{why}"
        );
    }

    #[test]
    fn a_port_that_is_taken_in_ipv6_alone_is_not_half_opened() {
        let Ok(other) = std::net::TcpListener::bind("[::1]:0") else {
            return; // A machine without IPv6.
        };
        let port = other.local_addr().unwrap().port();
        let why = bind(wanted(ListenPlace::Loopback(port))).err().unwrap();
        assert!(why.contains(&format!("[::1]:{port}")), "{why}");
        let Some(address) = bind(wanted(ListenPlace::Address(other.local_addr().unwrap()))).err()
        else {
            panic!("two listeners on one port");
        };
        assert!(address.contains("listen.mx"), "{address}");
    }
}
