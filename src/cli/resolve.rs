//! Questions to the DNS from the command line: the resolver of the server over sockets that block,
//! one question at a time.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{DnsAnswer, DnsError, Limits, PublicEndpoints, Question, Shared};
use crate::crypto::Random;
use crate::dns::{DATAGRAM_MAX, DnsEffect, Resolver, ResolverSettings, SocketNumber};

/// Asks one question of `servers`, or without one of the servers of `/etc/resolv.conf`, and waits
/// for its answer, at most for the time of a question.
pub fn resolve(question: &Question, servers: &[SocketAddr]) -> DnsAnswer {
    let limits = Limits::default();
    let shared = Shared::new("localhost", limits, PublicEndpoints::default());
    let settings = match servers.is_empty() {
        true => {
            let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            ResolverSettings::from_text(&text)
        }
        false => ResolverSettings::of(servers.to_vec()),
    };
    let mut asking = BlockingResolver {
        resolver: Resolver::new(settings, Arc::new(shared), Random::system()),
        udp: HashMap::new(),
        begun: Instant::now(),
        effects: Vec::new(),
        answer: None,
    };
    let effects = &mut asking.effects;
    asking.resolver.ask(0, question, false, (), effects);
    asking.run()
}

struct BlockingResolver {
    resolver: Resolver<()>,
    udp: HashMap<SocketNumber, UdpSocket>,
    begun: Instant,
    effects: Vec<DnsEffect<()>>,
    answer: Option<DnsAnswer>,
}

impl BlockingResolver {
    fn run(mut self) -> DnsAnswer {
        loop {
            for effect in core::mem::take(&mut self.effects) {
                self.carry_out(effect);
            }
            if let Some(answer) = self.answer.take() {
                return answer;
            }
            if !self.effects.is_empty() {
                continue;
            }
            let Some(due_ms) = self.resolver.deadline() else {
                return Err(DnsError::Temporary("no name server could be asked"));
            };
            self.receive(due_ms);
            let now_ms = self.now_ms();
            if now_ms >= due_ms {
                self.resolver.expire(now_ms, &mut self.effects);
            }
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn carry_out(&mut self, effect: DnsEffect<()>) {
        let (socket, done) = match effect {
            DnsEffect::Answer(_, answer) => {
                self.answer = Some(answer);
                return;
            }
            DnsEffect::Close(socket) => {
                self.udp.remove(&socket);
                return;
            }
            DnsEffect::Send {
                socket,
                server,
                octets,
            } => (socket, self.send(socket, server, &octets)),
            DnsEffect::Connect {
                socket,
                server,
                octets,
            } => (socket, self.exchange(socket, server, &octets)),
        };
        if done.is_err() {
            let now_ms = self.now_ms();
            (self.resolver).socket_ended(now_ms, socket, &mut self.effects);
        }
    }

    fn send(&mut self, number: SocketNumber, server: SocketAddr, octets: &[u8]) -> io::Result<()> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        socket.send(octets)?;
        self.udp.insert(number, socket);
        Ok(())
    }

    /// One question over TCP.
    fn exchange(
        &mut self,
        number: SocketNumber,
        server: SocketAddr,
        octets: &[u8],
    ) -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&server, TCP_WAIT)?;
        stream.set_read_timeout(Some(TCP_WAIT))?;
        stream.write_all(octets)?;
        let mut some = [0; DATAGRAM_MAX];
        let before = self.effects.len();
        while self.effects.len() == before {
            let n = stream.read(&mut some)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let now_ms = self.now_ms();
            (self.resolver).octets(now_ms, number, &some[..n], &mut self.effects);
        }
        Ok(())
    }

    /// Waits for a datagram until something is due.
    fn receive(&mut self, due_ms: u64) {
        let left = due_ms.saturating_sub(self.now_ms()).max(1);
        let Some((&number, socket)) = self.udp.iter().next() else {
            std::thread::sleep(Duration::from_millis(left));
            return;
        };
        let mut octets = [0; DATAGRAM_MAX + 1];
        let wait = socket.set_read_timeout(Some(Duration::from_millis(left)));
        let read = wait.and_then(|()| socket.recv(&mut octets));
        let now_ms = self.now_ms();
        match read {
            Ok(n) => (self.resolver).datagram(now_ms, number, &octets[..n], &mut self.effects),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(_) => (self.resolver).socket_ended(now_ms, number, &mut self.effects),
        }
    }
}

/// As long as the resolver gives a connection.
const TCP_WAIT: Duration = Duration::from_secs(5);
