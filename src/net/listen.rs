//! The doors: accepts on the main thread, keeps the limits per address and in all, deals
//! connections to the workers, and hears the signals.
//!
//! A refused peer hears one line in its protocol if that can be said in clear, and is closed
//! without a TLS handshake. When the process has no descriptor left, a kept one is given up
//! to take a peer off the queue and say so, and the listener rests: accept() is never called
//! in a circle.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::io::Errno;
use rustls::ServerConfig;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use super::bind::Listener;
use super::clock::Clock;
use super::hub::{Hub, Short};
use super::memory::{Level, Memory};
use super::tls::TlsDoors;
use crate::call::{ConnId, Door, House, Limits, Metric, Now};
use crate::http;

/// A connection on its way to a worker.
pub(super) struct Accepted {
    pub id: ConnId,
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// When, in monotonic milliseconds.
    pub at: u64,
    pub door: Door,
    pub tls: Option<Arc<ServerConfig>>,
    pub slot: Slot,
}

/// A connection's place in the counts of its address; gives it back when it is dropped.
pub(super) struct Slot {
    key: Place,
    gone: Sender<Place>,
    house: Arc<House>,
}

impl Slot {
    /// The address that it is counted for.
    pub fn prefix(&self) -> Prefix {
        self.key.0
    }
}

#[cfg(test)]
impl Slot {
    /// A place that nobody counts.
    pub fn uncounted(house: &Arc<House>, prefix: Prefix) -> Self {
        house.metrics.add(Metric::ConnectionsOpen, 1);
        Slot {
            key: (prefix, Door::Mx),
            gone: channel().0,
            house: Arc::clone(house),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.house.metrics.sub(Metric::ConnectionsOpen, 1);
        // The acceptor has ended when the process stops; nobody counts then.
        let _ = self.gone.send(self.key);
    }
}

/// The main thread's loop.
pub struct Acceptor {
    poll: Poll,
    signals: Signals,
    clock: Clock,
    doors: Vec<Gate>,
    tls: TlsDoors,
    hub: Hub,
    house: Arc<House>,
    counts: Counts,
    gone: (Sender<Place>, Receiver<Place>),
    alarm: Receiver<Alarm>,
    bell: Bell,
    /// Held to be given up when there is no other.
    reserve: Option<File>,
    next: u64,
    most: usize,
    memory: Memory,
    /// Before this no room is made again.
    evicted_until: u64,
    /// Peers that have been turned away in the last second, until then: a socket that is
    /// closed while its request is on the way takes the answer with it.
    leaving: VecDeque<(u64, TcpStream)>,
}

struct Gate {
    listener: Listener,
    /// There may be somebody in the queue.
    ready: bool,
    /// Resting until then, after a failure of accept().
    rest_until: Option<u64>,
}

/// What other threads have to tell the main one.
#[derive(Debug)]
pub enum Alarm {
    /// A thread cannot go on, and neither can the process: what happened.
    Fatal(String),
}

/// Wakes the main thread with an [`Alarm`].
#[derive(Clone)]
pub struct Bell {
    sender: Sender<Alarm>,
    waker: Arc<Waker>,
}

impl Bell {
    /// Rings.
    pub fn ring(&self, alarm: Alarm) {
        if self.sender.send(alarm).is_err() || self.waker.wake().is_err() {
            log::error!("the main thread cannot be reached");
        }
    }
}

/// Why the acceptor has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// SIGTERM or SIGINT.
    Asked,
    /// Something is broken.
    Fatal(String),
}

impl Acceptor {
    /// Takes the listeners over. `most` is the number of connections that the process can
    /// hold.
    pub fn new(
        listeners: Vec<Listener>,
        tls: TlsDoors,
        hub: Hub,
        house: Arc<House>,
        clock: Clock,
        most: usize,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let registry = poll.registry();
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, BELL)?);
        let mut doors = Vec::new();
        for (at, mut listener) in listeners.into_iter().enumerate() {
            registry.register(&mut listener.socket, Token(at), Interest::READABLE)?;
            doors.push(Gate {
                listener,
                ready: true,
                rest_until: None,
            });
        }
        let (sender, alarm) = channel();
        let memory = Memory::new(house.limits.memory_mb);
        Ok(Acceptor {
            poll,
            signals,
            clock,
            doors,
            tls,
            hub,
            house,
            counts: Counts::default(),
            gone: channel(),
            alarm,
            bell: Bell { sender, waker },
            reserve: reserve(),
            next: 1,
            most,
            memory,
            evicted_until: 0,
            leaving: VecDeque::new(),
        })
    }

    /// For the threads that may have something to tell.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Accepts until a signal or an alarm. `reload` is called on SIGHUP and gives new
    /// certificates, or says why the old ones stay. The listeners are closed at the end.
    pub fn run(mut self, mut reload: impl FnMut() -> Result<TlsDoors, String>) -> Ended {
        let mut events = Events::with_capacity(64);
        loop {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Ended::Fatal(format!("cannot poll: {error}"));
            }
            for event in &events {
                if let Some(gate) = self.doors.get_mut(event.token().0) {
                    gate.ready = true;
                }
            }
            for signal in self.signals.pending() {
                match signal {
                    SIGHUP => match reload() {
                        Ok(tls) => {
                            self.tls = tls;
                            log::info!("certificates reloaded");
                        }
                        Err(error) => {
                            self.house.metrics.count(Metric::CertificatesFailed);
                            log::error!("certificates not reloaded, the old ones stay: {error}");
                        }
                    },
                    _ => return Ended::Asked,
                }
            }
            if let Ok(Alarm::Fatal(what)) = self.alarm.try_recv() {
                return Ended::Fatal(what);
            }
            let now = self.clock.now().mono_ms;
            for (key, door) in self.gone.1.try_iter() {
                self.counts.leave(key, door);
            }
            self.counts.sweep(now);
            while self.leaving.front().is_some_and(|(until, _)| now >= *until) {
                self.leaving.pop_front();
            }
            self.memory.look(now, &self.house.metrics);
            if self.is_short() == Level::Dire {
                self.make_room(now, Short::Memory);
            }
            for at in 0..self.doors.len() {
                self.accept(at, now);
            }
        }
    }

    fn timeout(&self) -> Duration {
        let now = self.clock.now().mono_ms;
        let open = self.house.metrics.value(Metric::ConnectionsOpen);
        let mut ms = match self.memory.level() {
            Level::Calm if open < MANY => TICK_MS,
            _ => EVICT_EVERY_MS,
        };
        for gate in &self.doors {
            match gate.rest_until {
                Some(at) => ms = ms.min(at.saturating_sub(now)),
                None if gate.ready => ms = 0,
                None => {}
            }
        }
        Duration::from_millis(ms)
    }

    /// Some connections of one listener; the rest after the others have had their turn.
    fn accept(&mut self, at: usize, now: u64) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(gate) = self.doors.get_mut(at) else {
                return;
            };
            if gate.rest_until.is_some_and(|until| now < until) {
                return;
            }
            gate.rest_until = None;
            if !gate.ready {
                return;
            }
            match gate.listener.socket.accept() {
                Ok((stream, peer)) => {
                    let door = gate.listener.door;
                    self.welcome(door, stream, peer, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => gate.ready = false,
                Err(error) if is_shortage(&error) => {
                    // Readiness comes as edges: nobody will say again that there is a queue,
                    // so the gate stays ready and is tried after its rest.
                    gate.rest_until = Some(now + REST_MS);
                    self.turn_away(at, &error);
                    return;
                }
                // The peer has left the queue, or the call was interrupted.
                Err(_) => {}
            }
        }
    }

    /// How short of memory we are on account of connections. With few of them it is not
    /// theirs, so that closing them would free nothing and turning others away would not end.
    fn is_short(&self) -> Level {
        match self.house.metrics.value(Metric::ConnectionsOpen) {
            ..MANY => Level::Calm,
            _ => self.memory.level(),
        }
    }

    /// Has the oldest strangers closed, some at a time.
    fn make_room(&mut self, now: u64, short: Short) {
        if now >= self.evicted_until {
            self.evicted_until = now.saturating_add(EVICT_EVERY_MS);
            self.hub.evict(short);
        }
    }

    fn welcome(&mut self, door: Door, stream: TcpStream, peer: SocketAddr, now: u64) {
        let open = self.house.metrics.value(Metric::ConnectionsOpen);
        // The last places are for those who log in: strangers make room, the oldest first.
        let reserve = (self.most / RESERVE_SHARE).max(1);
        // Plain HTTP is for this machine alone (config.rs): whoever looks after it gets in when
        // memory is short, and then above all.
        let is_short = door != Door::Http && self.is_short() != Level::Calm;
        // Where memory is short nobody would leave of themselves for whoever is turned away.
        if is_short || open.saturating_add(reserve as u64) >= self.most as u64 {
            self.make_room(now, Short::Places);
        }
        let limits = &self.house.limits;
        let metrics = &self.house.metrics;
        let key = prefix(peer.ip());
        let full = if is_short {
            Some(Metric::RefusedForMemory)
        } else if open >= self.most as u64 {
            Some(Metric::RefusedGlobal)
        } else {
            self.counts.enter(key, door, now, limits).err()
        };
        if let Some(metric) = full {
            metrics.count(metric);
            log::debug!("peer={peer} door={door:?} refused: {metric:?}");
            let line = farewell(door, metric == Metric::RefusedRate, self.clock.now(), peer);
            if let Some(stream) = dismiss(stream, &line)
                && matches!(door, Door::Http)
            {
                if self.leaving.len() >= LEAVING_MAX {
                    self.leaving.pop_front();
                }
                self.leaving
                    .push_back((now.saturating_add(LEAVE_MS), stream));
            }
            return;
        }
        metrics.count(Metric::Connections);
        metrics.add(Metric::ConnectionsOpen, 1);
        let id = ConnId(self.next);
        self.next += 1;
        log::debug!("conn={} door={door:?} peer={peer}", id.0);
        self.hub.deal(Accepted {
            id,
            stream,
            peer,
            at: now,
            door,
            tls: self.tls.of(door),
            slot: Slot {
                key: (key, door),
                gone: self.gone.0.clone(),
                house: Arc::clone(&self.house),
            },
        });
    }

    /// No descriptor is left: with the reserve, one peer is told so rather than left to wait.
    fn turn_away(&mut self, at: usize, error: &io::Error) {
        self.house.metrics.count(Metric::AcceptErrors);
        log::warn!("accept: {error}");
        if self.reserve.take().is_some()
            && let Some(gate) = self.doors.get(at)
            && let Ok((stream, peer)) = gate.listener.socket.accept()
        {
            let line = farewell(gate.listener.door, false, self.clock.now(), peer);
            dismiss(stream, &line);
        }
        self.reserve = reserve();
    }
}

/// What connections are counted by.
type Place = (Prefix, Door);

/// IPv4 address, or the first half of an IPv6 one: what one customer of a network has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Prefix {
    V4([u8; 4]),
    V6([u8; 8]),
}

fn prefix(address: IpAddr) -> Prefix {
    match address.to_canonical() {
        IpAddr::V4(v4) => Prefix::V4(v4.octets()),
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h, ..] = v6.octets();
            Prefix::V6([a, b, c, d, e, f, g, h])
        }
    }
}

/// How many connections each address has, and how many it has made in this minute.
#[derive(Debug, Default)]
struct Counts {
    open: HashMap<(Prefix, Door), usize>,
    /// HTTP apart from the rest: neither takes from what the other may.
    made: HashMap<(Prefix, bool), usize>,
    minute: u64,
}

impl Counts {
    /// One more, unless that is too many: then the metric that counts the refusal.
    fn enter(&mut self, key: Prefix, door: Door, now: u64, limits: &Limits) -> Result<(), Metric> {
        self.sweep(now);
        let is_http = matches!(door, Door::Http | Door::Https);
        let made = self.made.entry((key, is_http)).or_default();
        *made = made.saturating_add(1);
        let most = match is_http {
            true => limits.http_connects_per_minute,
            false => limits.connects_per_minute,
        };
        if *made > most {
            return Err(Metric::RefusedRate);
        }
        let most = match door {
            Door::Mx => limits.mx_connections_per_ip,
            Door::Submission | Door::Submissions => limits.submission_connections_per_ip,
            _ => limits.connections_per_ip,
        };
        let open = self.open.entry((key, door)).or_default();
        if *open >= most {
            return Err(Metric::RefusedPerAddress);
        }
        *open += 1;
        Ok(())
    }

    fn leave(&mut self, key: Prefix, door: Door) {
        if let Some(open) = self.open.get_mut(&(key, door)) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&(key, door));
            }
        }
    }

    /// Forgets the last minute; also when more addresses came than are worth the memory.
    fn sweep(&mut self, now: u64) {
        if now / MINUTE_MS != self.minute || self.made.len() > ADDRESSES_MAX {
            self.minute = now / MINUTE_MS;
            self.made = HashMap::new();
        }
    }
}

/// What can be said in clear to a peer that is not let in: that it came too often in this
/// minute, or that there is no room.
fn farewell(door: Door, too_often: bool, now: Now, peer: SocketAddr) -> Vec<u8> {
    match door {
        Door::Mx | Door::Submission => {
            b"421 4.7.0 Too many connections, try again later\r\n".into()
        }
        Door::Imap => b"* BYE Too many connections, try again later\r\n".into(),
        Door::Http => {
            let wait = MINUTE_MS - now.mono_ms % MINUTE_MS;
            http::turned_away(too_often.then_some(wait), now, u64::from(peer.port()))
        }
        Door::Submissions | Door::Imaps | Door::Https => Vec::new(),
    }
}

/// Says it, and that nothing follows; a fresh socket takes a line. The socket comes back if
/// it was said.
fn dismiss(mut stream: TcpStream, line: &[u8]) -> Option<TcpStream> {
    // The peer is turned away whether or not it hears why.
    let said = !line.is_empty() && stream.write(line).is_ok();
    let ended = said && stream.shutdown(std::net::Shutdown::Write).is_ok();
    ended.then_some(stream)
}

fn is_shortage(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

const SIGNALS: Token = Token(usize::MAX - 1);
const BELL: Token = Token(usize::MAX - 2);
/// How often the acceptor looks up when nothing happens: counts are brought up to date.
const TICK_MS: u64 = 1000;
/// With so many connections memory may be gone within a tick, so that it is looked at more
/// often; with fewer it is not what they have.
const MANY: u64 = 64;
/// How long a listener rests after a failure (reliability.md R03).
const REST_MS: u64 = 100;
/// One place in so many is kept free by closing strangers' connections.
const RESERVE_SHARE: usize = 20;
/// Looking for strangers costs a walk over all connections, so not for each that comes.
const EVICT_EVERY_MS: u64 = 100;
/// Connections of one listener before another has its turn.
const ACCEPTS_PER_TURN: usize = 64;
/// How long a peer that was turned away over HTTP has to read why.
const LEAVE_MS: u64 = 1000;
/// Sockets that are kept for that at once, out of the descriptors that are spare.
const LEAVING_MAX: usize = 64;
const MINUTE_MS: u64 = 60_000;
/// Addresses remembered in a minute, about 2 MiB of memory.
const ADDRESSES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::hub::ToWorker;
    use super::*;
    use crate::call::PublicDoors;

    #[test]
    fn short_of_memory_the_machine_gets_in_and_strangers_go() {
        let house = Arc::new(House::new(
            "mx.test",
            Limits::default(),
            PublicDoors::default(),
        ));
        house.metrics.add(Metric::ConnectionsOpen, MANY);
        let (hub, inboxes) = Hub::new(1).unwrap();
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), BELL).unwrap());
        let (sender, alarm) = channel();
        let mut acceptor = Acceptor {
            poll,
            signals: Signals::new([0; 0]).unwrap(),
            clock: Clock::new(),
            doors: Vec::new(),
            tls: super::super::tls::tests::doors("listen").0,
            hub,
            house: Arc::clone(&house),
            counts: Counts::default(),
            gone: channel(),
            alarm,
            bell: Bell { sender, waker },
            reserve: None,
            next: 1,
            most: 1000,
            memory: Memory::at(Level::Full),
            evicted_until: 0,
            leaving: VecDeque::new(),
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut comes = |door| {
            let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, address) = listener.accept().unwrap();
            acceptor.welcome(door, TcpStream::from_std(stream), address, 5000);
            drop(peer);
            inboxes[0].queue.try_iter().collect::<Vec<_>>()
        };
        let dealt = comes(Door::Http);
        assert!(matches!(dealt[..], [ToWorker::Conn(_)]));
        assert_eq!(house.metrics.value(Metric::RefusedForMemory), 0);
        for door in [Door::Mx, Door::Https] {
            let refused = house.metrics.value(Metric::RefusedForMemory);
            let told = comes(door);
            assert_eq!(house.metrics.value(Metric::RefusedForMemory), refused + 1);
            match door {
                Door::Mx => assert!(matches!(told[..], [ToWorker::Evict(Short::Places)])),
                // Not for each of those that come in the same moment.
                _ => assert!(told.is_empty()),
            }
        }
    }

    #[test]
    fn an_address_is_a_customer() {
        let p = |text: &str| prefix(text.parse().unwrap());
        assert_eq!(p("192.0.2.1"), p("::ffff:192.0.2.1"));
        assert_ne!(p("192.0.2.1"), p("192.0.2.2"));
        assert_eq!(p("2001:db8:1:2::1"), p("2001:db8:1:2:ffff::9"));
        assert_ne!(p("2001:db8:1:2::1"), p("2001:db8:1:3::1"));
    }

    #[test]
    fn counts_hold_their_limits() {
        let limits = Limits {
            connections_per_ip: 2,
            submission_connections_per_ip: 1,
            mx_connections_per_ip: 1,
            connects_per_minute: 5,
            http_connects_per_minute: 1,
            ..Limits::default()
        };
        let mut counts = Counts::default();
        let a = prefix("192.0.2.1".parse().unwrap());
        let b = prefix("192.0.2.2".parse().unwrap());
        let mut enter = |key, door, now| counts.enter(key, door, now, &limits);
        assert_eq!(enter(a, Door::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Door::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Door::Imaps, 0), Err(Metric::RefusedPerAddress));
        // Each listener has its own count; another address has all of its own.
        assert_eq!(enter(a, Door::Mx, 0), Ok(()));
        assert_eq!(enter(a, Door::Mx, 0), Err(Metric::RefusedPerAddress));
        assert_eq!(enter(b, Door::Submissions, 0), Ok(()));
        assert_eq!(
            enter(b, Door::Submissions, 0),
            Err(Metric::RefusedPerAddress)
        );
        assert_eq!(enter(b, Door::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Door::Imaps, 0), Err(Metric::RefusedRate));
        // HTTP has a count of its own.
        assert_eq!(enter(a, Door::Https, 0), Ok(()));
        assert_eq!(enter(a, Door::Https, 0), Err(Metric::RefusedRate));
        assert_eq!(enter(a, Door::Https, MINUTE_MS), Ok(()));
        counts.leave(a, Door::Imaps);
        assert_eq!(counts.enter(a, Door::Imaps, MINUTE_MS, &limits), Ok(()));
        counts.leave(b, Door::Imaps);
        counts.leave(b, Door::Submissions);
        assert_eq!(counts.open.len(), 3);
    }

    #[test]
    fn a_peer_over_http_hears_why() {
        let peer = "192.0.2.1:5".parse().unwrap();
        let now = Now {
            mono_ms: MINUTE_MS + 20_000,
            unix_ms: 0,
        };
        for (too_often, status, retry, code) in [
            (
                true,
                "429 Too Many Requests",
                "Retry-After: 40\r\n",
                "rate_limited",
            ),
            (
                false,
                "503 Service Unavailable",
                "Retry-After: 5\r\n",
                "too_many_connections",
            ),
        ] {
            let said = String::from_utf8(farewell(Door::Http, too_often, now, peer)).unwrap();
            assert!(
                said.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{said}"
            );
            assert!(
                said.contains(retry) && said.contains("\r\nConnection: close\r\n"),
                "{said}"
            );
            assert!(
                said.contains(&format!("\"error\":{{\"code\":\"{code}\"")),
                "{said}"
            );
        }
        assert!(farewell(Door::Https, true, now, peer).is_empty());
    }
}
