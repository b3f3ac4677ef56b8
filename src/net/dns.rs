//! The sockets of the resolver: UDP and TCP on the poll of the first worker, and the handle by
//! which any thread asks. What is sent when, and what an answer means, is decided in `dns/`.
//!
//! A question costs one message to that worker, and its answer is given there. A UDP socket is
//! bound to a random port by the kernel and connected, so that nothing from another address comes
//! in, and a server that is not there is told at once.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry};

use super::hub::Hub;
use super::to_resolver::{AnswerTo, ToResolver};
use super::token::Ready;
use crate::call::{DnsAnswer, Now, Question, Resolve, Shared};
use crate::crypto::Random;
use crate::dns::{DATAGRAM_MAX, DnsEffect, Resolver, ResolverSettings, SocketNumber};

/// Asks the resolver from any thread.
#[derive(Clone)]
pub struct DnsHandle(Hub);

impl DnsHandle {
    /// A handle for the resolver of this hub's first worker.
    pub fn new(hub: &Hub) -> DnsHandle {
        DnsHandle(hub.clone())
    }

    /// Has other servers asked from now on.
    pub fn configure(&self, settings: ResolverSettings) {
        self.0.send_to_resolver(ToResolver::Settings(settings));
    }

    fn send(&self, question: Question, is_fresh: bool, answer: AnswerTo) {
        self.0.send_to_resolver(ToResolver::Question {
            question,
            is_fresh,
            answer,
        });
    }
}

impl fmt::Debug for DnsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DnsHandle(..)")
    }
}

impl Resolve for DnsHandle {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        self.send(question, false, AnswerTo::new(answer));
    }

    fn ask_fresh(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        self.send(question, true, AnswerTo::new(answer));
    }
}

/// The resolver with its sockets.
pub struct DnsSockets {
    resolver: Resolver<AnswerTo>,
    sockets: HashMap<SocketNumber, OpenSocket>,
    effects: Vec<DnsEffect<AnswerTo>>,
    scratch: Box<[u8]>,
}

enum OpenSocket {
    Udp(UdpSocket),
    Tcp { stream: TcpStream, unsent: Vec<u8> },
}

impl DnsSockets {
    /// A resolver without sockets yet. `random` makes the ids of queries.
    pub fn new(settings: ResolverSettings, shared: Arc<Shared>, random: Random) -> Self {
        DnsSockets {
            resolver: Resolver::new(settings, shared, random),
            sockets: HashMap::new(),
            effects: Vec::new(),
            // One octet more than is read as an answer: a longer datagram shows.
            scratch: vec![0; DATAGRAM_MAX + 1].into_boxed_slice(),
        }
    }

    /// What another thread has sent.
    pub(super) fn take(&mut self, now: Now, registry: &Registry, what: ToResolver) {
        match what {
            ToResolver::Question {
                question,
                is_fresh,
                answer,
            } => {
                let effects = &mut self.effects;
                (self.resolver).ask(now.mono_ms, &question, is_fresh, answer, effects);
            }
            ToResolver::Settings(settings) => {
                (self.resolver).configure(now.mono_ms, settings, &mut self.effects);
            }
        }
        self.carry_out(now, registry);
    }

    /// A socket is ready. Readiness comes as edges: it is read until it would block.
    pub(super) fn ready(&mut self, now: Now, registry: &Registry, number: SocketNumber) {
        loop {
            let read = match self.sockets.get_mut(&number) {
                None => return,
                Some(OpenSocket::Udp(socket)) => socket.recv(&mut self.scratch),
                Some(OpenSocket::Tcp { stream, unsent }) => {
                    send_rest(stream, unsent).and_then(|()| stream.read(&mut self.scratch))
                }
            };
            let is_udp = matches!(self.sockets.get(&number), Some(OpenSocket::Udp(_)));
            let effects = &mut self.effects;
            match read {
                Ok(n) if is_udp => {
                    let octets = &self.scratch[..n];
                    (self.resolver).datagram(now.mono_ms, number, octets, effects);
                }
                Ok(n @ 1..) => {
                    let octets = &self.scratch[..n];
                    (self.resolver).octets(now.mono_ms, number, octets, effects);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => (self.resolver).socket_ended(now.mono_ms, number, effects),
            }
            self.carry_out(now, registry);
        }
    }

    /// The tries whose time is over end.
    pub(super) fn expire(&mut self, now: Now, registry: &Registry) {
        if self.deadline().is_some_and(|at| at <= now.mono_ms) {
            self.resolver.expire(now.mono_ms, &mut self.effects);
            self.carry_out(now, registry);
        }
    }

    /// When [`DnsSockets::expire`] has something to do.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.resolver.deadline()
    }

    /// Ends all questions under way with a temporary failure.
    pub(super) fn reset(&mut self) {
        self.resolver.reset();
        self.sockets.clear();
        self.effects.clear();
    }

    fn carry_out(&mut self, now: Now, registry: &Registry) {
        while !self.effects.is_empty() {
            for effect in core::mem::take(&mut self.effects) {
                match effect {
                    DnsEffect::Send {
                        socket,
                        server,
                        octets,
                    } => {
                        let sent = self.send(registry, socket, server, &octets);
                        self.end_if_failed(now, socket, sent);
                    }
                    DnsEffect::Connect {
                        socket,
                        server,
                        octets,
                    } => {
                        let begun = self.connect(registry, socket, server, octets);
                        self.end_if_failed(now, socket, begun);
                    }
                    // Dropping a socket closes it, and takes it from the poll.
                    DnsEffect::Close(socket) => drop(self.sockets.remove(&socket)),
                    DnsEffect::Answer(waiters, answer) => {
                        for waiter in waiters {
                            waiter.give(answer.clone());
                        }
                    }
                }
            }
        }
    }

    fn end_if_failed(&mut self, now: Now, socket: SocketNumber, done: io::Result<()>) {
        if let Err(error) = done {
            log::debug!("dns socket={} {error}", socket.0);
            (self.resolver).socket_ended(now.mono_ms, socket, &mut self.effects);
        }
    }

    fn send(
        &mut self,
        registry: &Registry,
        number: SocketNumber,
        server: SocketAddr,
        octets: &[u8],
    ) -> io::Result<()> {
        let open = match self.sockets.entry(number) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let any = match server {
                    SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                };
                let mut socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
                socket.connect(server)?;
                registry.register(&mut socket, Ready::Dns(number).token(), Interest::READABLE)?;
                place.insert(OpenSocket::Udp(socket))
            }
        };
        match open {
            OpenSocket::Udp(socket) => match socket.send(octets) {
                // A datagram that the kernel has no room for is lost, as on any other way.
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
                sent => sent.map(drop),
            },
            OpenSocket::Tcp { .. } => Ok(()),
        }
    }

    fn connect(
        &mut self,
        registry: &Registry,
        number: SocketNumber,
        server: SocketAddr,
        unsent: Vec<u8>,
    ) -> io::Result<()> {
        let mut stream = TcpStream::connect(server)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Ready::Dns(number).token(), interest)?;
        self.sockets
            .insert(number, OpenSocket::Tcp { stream, unsent });
        Ok(())
    }
}

/// Sends what is left of a query; the connection may not be up yet.
fn send_rest(stream: &mut TcpStream, unsent: &mut Vec<u8>) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => drop(unsent.drain(..n)),
            // Not connected yet; the poll tells when it is.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                return Err(ErrorKind::WouldBlock.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/dns.rs"]
mod tests;
