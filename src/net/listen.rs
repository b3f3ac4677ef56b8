//! Accepts on the main thread: keeps the limits per network and in all, deals connections to
//! the workers, and takes the signals. It reads nothing from a peer.
//!
//! A refused peer is sent one line in its protocol if that can be sent in clear, and is closed
//! without a TLS handshake. When the process has no descriptor left, a kept one is given up to
//! accept one peer and tell it, and the listener rests: accept() is never called in a circle.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::io::Errno;
use rustls::ServerConfig;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use super::bind::BoundListener;
use super::clock::SystemClock;
use super::hub::{Hub, Shortage};
use super::memory::{Memory, Pressure};
use super::tls::TlsListeners;
use crate::call::{ConnId, Limits, Listener, Metric, Network, Now, Shared};
use crate::http;

/// A connection on its way to a worker.
pub(super) struct Accepted {
    pub id: ConnId,
    pub stream: TcpStream,
    pub peer: SocketAddr,
    /// When it was accepted, in monotonic milliseconds.
    pub at: u64,
    pub listener: Listener,
    pub tls: Option<Arc<ServerConfig>>,
    pub slot: Slot,
}

/// A connection's place in the counts of its network; gives it back when it is dropped.
pub(super) struct Slot {
    key: CountKey,
    left: Sender<CountKey>,
    shared: Arc<Shared>,
}

impl Slot {
    /// The network that it is counted for.
    pub fn network(&self) -> Network {
        self.key.0
    }

    /// The listener that the peer has connected to.
    pub fn listener(&self) -> Listener {
        self.key.1
    }
}

#[cfg(test)]
impl Slot {
    /// A place that is in no count.
    pub fn uncounted(shared: &Arc<Shared>, network: Network) -> Self {
        shared.metrics.add(Metric::ConnectionsOpen, 1);
        Slot {
            key: (network, Listener::Mx),
            left: channel().0,
            shared: Arc::clone(shared),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.metrics.sub(Metric::ConnectionsOpen, 1);
        // When the process stops, the acceptor ends first, and its counts with it.
        let _ = self.left.send(self.key);
    }
}

/// The main thread's loop.
pub struct Acceptor {
    poll: Poll,
    signals: Signals,
    clock: SystemClock,
    sockets: Vec<ListenSocket>,
    tls: TlsListeners,
    hub: Hub,
    shared: Arc<Shared>,
    counts: Counts,
    left: (Sender<CountKey>, Receiver<CountKey>),
    alarm: Receiver<Alarm>,
    bell: Bell,
    /// A descriptor that is given up when there is no other.
    reserve: Option<File>,
    connections_max: usize,
    memory: Memory,
    /// When the certificate is looked at again.
    certificate_at: u64,
    /// Before this no more anonymous peers are closed.
    evicted_until: u64,
    /// The same for those of a network that has as many connections as it may.
    evicted_of_network_until: u64,
    /// Peers that were refused in the last second, with the time at which they are closed: a
    /// socket that is closed while its request is on the way loses the answer.
    leaving: VecDeque<(u64, TcpStream)>,
}

struct ListenSocket {
    bound: BoundListener,
    /// There may be a peer in its queue.
    ready: bool,
    /// It rests until then, after a failure of accept().
    rest_until: Option<u64>,
}

/// A message of another thread to the main one.
#[derive(Debug)]
pub enum Alarm {
    /// A thread cannot go on, and so the process cannot: what happened.
    Fatal(String),
}

/// Wakes the main thread with an [`Alarm`].
#[derive(Clone)]
pub struct Bell {
    sender: Sender<Alarm>,
    waker: Arc<Waker>,
}

impl Bell {
    /// Sends the alarm and wakes the main thread.
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
    /// The process cannot go on: why.
    Fatal(String),
}

impl Acceptor {
    /// Takes the listeners over. `connections_max` is the number of connections that the process
    /// can
    /// hold.
    pub fn new(
        listeners: Vec<BoundListener>,
        tls: TlsListeners,
        hub: Hub,
        shared: Arc<Shared>,
        clock: SystemClock,
        connections_max: usize,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let registry = poll.registry();
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, BELL)?);
        let mut sockets = Vec::new();
        for (at, mut bound) in listeners.into_iter().enumerate() {
            registry.register(&mut bound.socket, Token(at), Interest::READABLE)?;
            sockets.push(ListenSocket {
                bound,
                ready: true,
                rest_until: None,
            });
        }
        let (sender, alarm) = channel();
        let memory = Memory::new(shared.limits.memory_mb);
        Ok(Acceptor {
            poll,
            signals,
            clock,
            sockets,
            tls,
            hub,
            shared,
            counts: Counts::default(),
            left: channel(),
            alarm,
            bell: Bell { sender, waker },
            reserve: reserve(),
            connections_max,
            memory,
            certificate_at: CERTIFICATE_EVERY_MS,
            evicted_until: 0,
            evicted_of_network_until: 0,
            leaving: VecDeque::new(),
        })
    }

    /// For the threads that may have to send an alarm.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Accepts until a signal or an alarm. `reload` is called on SIGHUP and gives new
    /// certificates, or the reason why the old ones stay. `renew` is called each minute and gives
    /// new ones when our own had to be made again: it ends soon, or the clock was set to other
    /// years.
    pub fn run(
        &mut self,
        mut reload: impl FnMut() -> Result<TlsListeners, String>,
        mut renew: impl FnMut() -> Option<TlsListeners>,
    ) -> Ended {
        let mut events = Events::with_capacity(64);
        loop {
            let timeout = self.timeout();
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Ended::Fatal(format!("cannot poll: {error}"));
            }
            for event in &events {
                if let Some(socket) = self.sockets.get_mut(event.token().0) {
                    socket.ready = true;
                }
            }
            for signal in self.signals.pending() {
                match signal {
                    SIGHUP => match reload() {
                        Ok(tls) => {
                            self.tls = tls;
                            log::info!("server reloaded certificates");
                        }
                        Err(error) => {
                            self.shared.metrics.count(Metric::CertificatesFailed);
                            log::error!("server not reloaded, the old certificates stay: {error}");
                        }
                    },
                    _ => return Ended::Asked,
                }
            }
            if let Ok(Alarm::Fatal(what)) = self.alarm.try_recv() {
                return Ended::Fatal(what);
            }
            let now = self.clock.now().mono_ms;
            if now >= self.certificate_at {
                self.certificate_at = now.saturating_add(CERTIFICATE_EVERY_MS);
                if let Some(tls) = renew() {
                    self.tls = tls;
                    log::info!("server renewed its certificate");
                }
            }
            for (key, listener) in self.left.1.try_iter() {
                self.counts.leave(key, listener);
            }
            self.counts.sweep(now);
            while self.leaving.front().is_some_and(|(until, _)| now >= *until) {
                self.leaving.pop_front();
            }
            self.memory.look(now, &self.shared.metrics);
            if self.is_short() == Pressure::Critical {
                self.close_strangers(now, Shortage::Memory);
            }
            for at in 0..self.sockets.len() {
                self.accept(at, now);
            }
        }
    }

    /// Accepts during a stop until it `has_ended`: only over HTTP, where a client may acknowledge
    /// events, and is told of anything else that the server stops. The other listeners are closed.
    pub fn drain(mut self, has_ended: impl Fn() -> bool) {
        let is_http = |listener| matches!(listener, Listener::Http | Listener::Https);
        self.sockets.retain(|socket| is_http(socket.bound.listener));
        let mut events = Events::with_capacity(64);
        while !has_ended() {
            // The places of the sockets are not those of their tokens any more: each is tried.
            if let Err(error) = self.poll.poll(&mut events, Some(DRAIN_TURN))
                && error.kind() != io::ErrorKind::Interrupted
            {
                log::error!("cannot poll: {error}");
                return;
            }
            for (key, listener) in self.left.1.try_iter() {
                self.counts.leave(key, listener);
            }
            let now = self.clock.now().mono_ms;
            for at in 0..self.sockets.len() {
                if let Some(socket) = self.sockets.get_mut(at) {
                    socket.ready = true;
                }
                self.accept(at, now);
            }
        }
    }

    fn timeout(&self) -> Duration {
        let now = self.clock.now().mono_ms;
        let open = self.shared.metrics.value(Metric::ConnectionsOpen);
        let mut ms = match self.memory.pressure() {
            Pressure::Normal if open < MANY => TICK_MS,
            _ => EVICT_EVERY_MS,
        };
        for socket in &self.sockets {
            match socket.rest_until {
                Some(at) => ms = ms.min(at.saturating_sub(now)),
                None if socket.ready => ms = 0,
                None => {}
            }
        }
        Duration::from_millis(ms)
    }

    /// Some connections of one listener; the rest after the others have had their turn.
    fn accept(&mut self, at: usize, now: u64) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(socket) = self.sockets.get_mut(at) else {
                return;
            };
            if socket.rest_until.is_some_and(|until| now < until) {
                return;
            }
            socket.rest_until = None;
            if !socket.ready {
                return;
            }
            match socket.bound.socket.accept() {
                Ok((stream, peer)) => {
                    let listener = socket.bound.listener;
                    self.admit(listener, stream, peer, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.ready = false,
                Err(error) if is_shortage(&error) => {
                    // Readiness comes as edges: the poll will not report this queue again, so
                    // the socket stays ready and is tried after its rest.
                    socket.rest_until = Some(now + REST_MS);
                    self.refuse_one(at, &error);
                    return;
                }
                // The peer has left the queue, or the call was interrupted.
                Err(_) => {}
            }
        }
    }

    /// How short memory is because of connections. With few of them the memory is not theirs:
    /// closing them would free nothing, and refusing others would never end.
    fn is_short(&self) -> Pressure {
        match self.shared.metrics.value(Metric::ConnectionsOpen) {
            ..MANY => Pressure::Normal,
            _ => self.memory.pressure(),
        }
    }

    /// Has the oldest anonymous peers' connections closed, some at a time.
    fn close_strangers(&mut self, now: u64, short: Shortage) {
        if now >= self.evicted_until {
            self.evicted_until = now.saturating_add(EVICT_EVERY_MS);
            self.hub.evict(short);
        }
    }

    fn admit(&mut self, listener: Listener, stream: TcpStream, peer: SocketAddr, now: u64) {
        // The bound is on descriptors, and an outgoing connection has one too.
        let metrics = &self.shared.metrics;
        let open = metrics.value(Metric::ConnectionsOpen) + metrics.value(Metric::DialsOpen);
        // The last places are for peers that log in: old anonymous peers are closed for them.
        let reserve = (self.connections_max / RESERVE_SHARE).max(1);
        // Plain HTTP is for this machine alone (config.rs): its operator gets in when memory is
        // short, and then above all.
        let is_short = listener != Listener::Http && self.is_short() != Pressure::Normal;
        // Where memory is short, no connection would end by itself for the one that is refused.
        if is_short || open.saturating_add(reserve as u64) >= self.connections_max as u64 {
            self.close_strangers(now, Shortage::Places);
        }
        let limits = &self.shared.limits;
        let metrics = &self.shared.metrics;
        let key = Network::of(peer.ip());
        let full = if is_short {
            Some(Metric::RefusedForMemory)
        } else if open >= self.connections_max as u64 {
            Some(Metric::RefusedGlobal)
        } else {
            self.counts
                .enter(key, listener, now, limits, self.connections_max)
                .err()
        };
        if full == Some(Metric::RefusedPerAddress)
            && listener != Listener::Mx
            && now >= self.evicted_of_network_until
        {
            self.evicted_of_network_until = now.saturating_add(EVICT_EVERY_MS);
            self.hub.evict(Shortage::PlacesOf(key, listener));
        }
        if let Some(metric) = full {
            metrics.count(metric);
            log::debug!("peer={peer} listener={listener:?} refused: {metric:?}");
            let line = refusal_line(
                listener,
                (metric == Metric::RefusedRate).then_some(limits.http_connects_per_minute),
                self.clock.now(),
                peer,
            );
            if let Some(stream) = refuse(stream, &line)
                && matches!(listener, Listener::Http)
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
        let id = self.hub.next_id();
        log::debug!("conn={} listener={listener:?} peer={peer}", id.0);
        self.hub.deal(Accepted {
            id,
            stream,
            peer,
            at: now,
            listener,
            tls: self.tls.of(listener),
            slot: Slot {
                key: (key, listener),
                left: self.left.0.clone(),
                shared: Arc::clone(&self.shared),
            },
        });
    }

    /// No descriptor is left: with the reserve, one peer is told so and does not have to wait.
    fn refuse_one(&mut self, at: usize, error: &io::Error) {
        self.shared.metrics.count(Metric::AcceptErrors);
        log::warn!("accept: {error}");
        if self.reserve.take().is_some()
            && let Some(socket) = self.sockets.get(at)
            && let Ok((stream, peer)) = socket.bound.socket.accept()
        {
            let line = refusal_line(socket.bound.listener, None, self.clock.now(), peer);
            refuse(stream, &line);
        }
        self.reserve = reserve();
    }
}

/// What connections are counted by.
type CountKey = (Network, Listener);

/// How many connections each network has, and how many it has made in this minute.
#[derive(Debug, Default)]
struct Counts {
    open: HashMap<(Network, Listener), usize>,
    /// HTTP is counted apart from the rest: each has a limit of its own.
    made: HashMap<(Network, bool), usize>,
    minute: u64,
}

impl Counts {
    /// One more, unless that is too many: then the metric that counts the refusal. On plain HTTP,
    /// which is for this machine alone (config.rs), one address stands for all programs here, or
    /// for all clients of a proxy: it has no rate, and an eighth of all connections.
    fn enter(
        &mut self,
        key: Network,
        listener: Listener,
        now: u64,
        limits: &Limits,
        all_max: usize,
    ) -> Result<(), Metric> {
        self.sweep(now);
        let is_http = matches!(listener, Listener::Http | Listener::Https);
        let made = self.made.entry((key, is_http)).or_default();
        *made = made.saturating_add(1);
        let connections_max = match is_http {
            true if listener == Listener::Http => usize::MAX,
            true => limits.http_connects_per_minute,
            false => limits.connects_per_minute,
        };
        if *made > connections_max {
            return Err(Metric::RefusedRate);
        }
        let connections_max = match listener {
            Listener::Mx => limits.mx_connections_per_ip,
            Listener::Submission | Listener::Submissions => limits.submission_connections_per_ip,
            Listener::Http => limits.connections_per_ip.max(all_max / NEAR_SHARE),
            Listener::Imap | Listener::Imaps | Listener::Https => limits.connections_per_ip,
        };
        let open = self.open.entry((key, listener)).or_default();
        if *open >= connections_max {
            return Err(Metric::RefusedPerAddress);
        }
        *open += 1;
        Ok(())
    }

    fn leave(&mut self, key: Network, listener: Listener) {
        if let Some(open) = self.open.get_mut(&(key, listener)) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&(key, listener));
            }
        }
    }

    /// Forgets the last minute; also when so many networks came that they take too much memory.
    fn sweep(&mut self, now: u64) {
        if now / MINUTE_MS != self.minute || self.made.len() > ADDRESSES_MAX {
            self.minute = now / MINUTE_MS;
            self.made = HashMap::new();
        }
    }
}

/// The line in clear for a peer that is refused: it made more than so many connections in this
/// minute, or there are too many connections.
fn refusal_line(
    listener: Listener,
    too_often: Option<usize>,
    now: Now,
    peer: SocketAddr,
) -> Vec<u8> {
    match listener {
        Listener::Mx | Listener::Submission => {
            b"421 4.7.0 Too many connections, try again later\r\n".into()
        }
        Listener::Imap => b"* BYE Too many connections, try again later\r\n".into(),
        Listener::Http => {
            let wait = MINUTE_MS - now.mono_ms % MINUTE_MS;
            let too_often = too_often.map(|per_minute| (wait, per_minute as u64));
            http::turned_away(too_often, now, u64::from(peer.port()))
        }
        Listener::Submissions | Listener::Imaps | Listener::Https => Vec::new(),
    }
}

/// How long a stop waits between two looks at what has come.
const DRAIN_TURN: Duration = Duration::from_millis(20);

/// Sends the line and shuts the write side; a fresh socket takes a line. Gives the socket back
/// if the line was sent.
fn refuse(mut stream: TcpStream, line: &[u8]) -> Option<TcpStream> {
    // The peer is refused also when the line cannot be sent.
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
/// How often the acceptor wakes when nothing happens, to bring its counts up to date.
const TICK_MS: u64 = 1000;
/// With so many connections memory may be used up within a tick, so that it is looked at more
/// often. With fewer, the memory in use is not theirs.
const MANY: u64 = 64;
/// How long a listener rests after a failure. DECISIONS.md, "Fairness and limits".
const REST_MS: u64 = 100;
/// The part of all connections that plain HTTP from one address of this machine may have.
const NEAR_SHARE: usize = 8;
/// One connection in so many is kept free by closing anonymous peers' connections.
const RESERVE_SHARE: usize = 20;
/// A look costs a part of a millisecond.
const CERTIFICATE_EVERY_MS: u64 = 60_000;
/// To look for anonymous peers costs a walk over all connections, so it is not done for each
/// connection that comes.
const EVICT_EVERY_MS: u64 = 100;
/// Connections of one listener before another has its turn.
const ACCEPTS_PER_TURN: usize = 64;
/// How long a peer that was refused over HTTP has to read why.
const LEAVE_MS: u64 = 1000;
/// Sockets that are kept for that at once, out of the spare descriptors.
const LEAVING_MAX: usize = 64;
const MINUTE_MS: u64 = 60_000;
/// Networks remembered in a minute, about 2 MiB of memory.
const ADDRESSES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::hub::ToWorker;
    use super::*;
    use crate::call::PublicEndpoints;

    #[test]
    fn short_of_memory_plain_http_is_accepted_and_strangers_are_closed() {
        let shared = Arc::new(Shared::new(
            "mx.test",
            Limits::default(),
            PublicEndpoints::default(),
        ));
        shared.metrics.add(Metric::ConnectionsOpen, MANY);
        let (hub, mut queues) = Hub::new(1).unwrap();
        let (queue, _) = queues.remove(0).split();
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), BELL).unwrap());
        let (sender, alarm) = channel();
        let mut acceptor = Acceptor {
            poll,
            signals: Signals::new([0; 0]).unwrap(),
            clock: SystemClock::new(),
            sockets: Vec::new(),
            tls: super::super::tls::tests::listeners("listen").0,
            hub,
            shared: Arc::clone(&shared),
            counts: Counts::default(),
            left: channel(),
            alarm,
            bell: Bell { sender, waker },
            reserve: None,
            connections_max: 1000,
            memory: Memory::at(Pressure::High),
            certificate_at: CERTIFICATE_EVERY_MS,
            evicted_until: 0,
            evicted_of_network_until: 0,
            leaving: VecDeque::new(),
        };
        let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut comes = |listener| {
            let peer = std::net::TcpStream::connect(bound.local_addr().unwrap()).unwrap();
            let (stream, address) = bound.accept().unwrap();
            acceptor.admit(listener, TcpStream::from_std(stream), address, 5000);
            drop(peer);
            queue.messages.try_iter().collect::<Vec<_>>()
        };
        let dealt = comes(Listener::Http);
        assert!(matches!(dealt[..], [ToWorker::Conn(_)]));
        assert_eq!(shared.metrics.value(Metric::RefusedForMemory), 0);
        for listener in [Listener::Mx, Listener::Https] {
            let refused = shared.metrics.value(Metric::RefusedForMemory);
            let told = comes(listener);
            assert_eq!(shared.metrics.value(Metric::RefusedForMemory), refused + 1);
            match listener {
                Listener::Mx => assert!(matches!(told[..], [ToWorker::Evict(Shortage::Places)])),
                // Not again for each that comes in the same moment.
                _ => assert!(told.is_empty()),
            }
        }
    }

    #[test]
    fn an_address_is_a_customer() {
        let p = |text: &str| Network::of(text.parse().unwrap());
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
        let a = Network::of("192.0.2.1".parse().unwrap());
        let b = Network::of("192.0.2.2".parse().unwrap());
        let mut enter = |key, listener, now| counts.enter(key, listener, now, &limits, 24);
        assert_eq!(enter(a, Listener::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Listener::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Listener::Imaps, 0), Err(Metric::RefusedPerAddress));
        // Each listener has its own count; another address has all of its own.
        assert_eq!(enter(a, Listener::Mx, 0), Ok(()));
        assert_eq!(enter(a, Listener::Mx, 0), Err(Metric::RefusedPerAddress));
        assert_eq!(enter(b, Listener::Submissions, 0), Ok(()));
        assert_eq!(
            enter(b, Listener::Submissions, 0),
            Err(Metric::RefusedPerAddress)
        );
        assert_eq!(enter(b, Listener::Imaps, 0), Ok(()));
        assert_eq!(enter(a, Listener::Imaps, 0), Err(Metric::RefusedRate));
        // HTTP has a count of its own.
        assert_eq!(enter(a, Listener::Https, 0), Ok(()));
        assert_eq!(enter(a, Listener::Https, 0), Err(Metric::RefusedRate));
        assert_eq!(enter(a, Listener::Https, MINUTE_MS), Ok(()));
        // Programs of this machine have no rate, and an eighth of all connections.
        assert_eq!(enter(b, Listener::Http, MINUTE_MS), Ok(()));
        assert_eq!(enter(b, Listener::Http, MINUTE_MS), Ok(()));
        assert_eq!(enter(b, Listener::Http, MINUTE_MS), Ok(()));
        let refused = enter(b, Listener::Http, MINUTE_MS);
        assert_eq!(refused, Err(Metric::RefusedPerAddress));
        counts.leave(a, Listener::Imaps);
        let again = counts.enter(a, Listener::Imaps, MINUTE_MS, &limits, 24);
        assert_eq!(again, Ok(()));
        counts.leave(b, Listener::Imaps);
        counts.leave(b, Listener::Submissions);
        assert_eq!(counts.open.len(), 4);
    }

    #[test]
    fn a_refused_peer_over_http_is_told_why() {
        let peer = "192.0.2.1:5".parse().unwrap();
        let now = Now {
            mono_ms: MINUTE_MS + 20_000,
            unix_ms: 0,
        };
        for (too_often, status, retry, code) in [
            (
                Some(1200),
                "429 Too Many Requests",
                "Retry-After: 40\r\n",
                "rate_limited",
            ),
            (
                None,
                "503 Service Unavailable",
                "Retry-After: 5\r\n",
                "too_many_connections",
            ),
        ] {
            let said =
                String::from_utf8(refusal_line(Listener::Http, too_often, now, peer)).unwrap();
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
        assert!(refusal_line(Listener::Https, Some(1), now, peer).is_empty());
    }
}
