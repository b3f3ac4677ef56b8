//! One connection: its stream, its session, what it watches, its deadlines.
//!
//! ```text
//!   in:                Handshake ──done──► Open ──close──► Draining ──peer's end, or 2 s──►
//! removed
//!                        ▲    ▲             │
//!   out: Connecting ─────┘    └──STARTTLS───┘
//!            │ (in clear: to Open)
//!            └── any of these fails, going out ──► Failed ──engine closes──► removed
//! ```
//!
//! [`Conn::touch`] is the only way to a session. The driver (`engine/drive.rs`) then does
//! everything that follows while the session talks; this file does the connect and the TLS
//! handshake before it and the drain after it, and moves the timer.
//!
//! The engine of an outgoing connection is told every failure and outlives the socket: it may
//! still have a call to make, so that its work is tried again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::Interest;

use super::dial::{Dial, DialLink, dial_error};
use super::link::Link;
use super::listen::Accepted;
use super::timers::NEVER;
use super::tls::Broken;
use super::token::Ready;
use super::transport::{Lost, Transport};
use super::worker::WorkerContext;
use crate::call::{
    Ask, Call, Caller, ConnId, Event, Listener, Metric, Network, Now, Opening, Topic,
};
use crate::engine::drive::{Driver, Environment, READS_PER_TURN, Settled};
use crate::engine::{DialError, Output, Session, Trust};
use crate::protocol::Protocol;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Going out: one of the addresses has not answered yet.
    Connecting,
    /// The TLS handshake is under way.
    Handshake,
    /// The session talks.
    Open,
    /// Everything is sent; the peer has some time to read it.
    Draining,
    /// Going out: there is no socket any more, and the engine ends its work.
    Failed,
}

/// One connection of a worker.
pub(super) struct Conn {
    driver: Driver<Protocol>,
    channel: Channel,
}

/// A connection without its session: what the session's wishes are carried out on.
struct Channel {
    id: ConnId,
    phase: Phase,
    transport: Transport,
    peer: SocketAddr,
    link: Link,
    /// The watched topics, as the worker's table has them.
    topics: Box<[Topic]>,
    /// The engine's own deadline.
    deadline: u64,
    /// When the connect, the handshake or the drain must have ended.
    limit: u64,
    /// When it began.
    since: u64,
    /// When the output last moved, or began to wait.
    moved: u64,
    /// The earliest entry in the timers.
    armed: u64,
    flags: ConnFlags,
}

/// What the worker remembers of a connection from turn to turn.
#[derive(Clone, Copy, Default)]
struct ConnFlags {
    /// In the worker's queue of connections to go on with.
    enqueued: bool,
    /// The write side is shut.
    shut: bool,
    /// TLS failed: no close_notify can be sent.
    broken: bool,
}

/// The connection has ended.
#[derive(Debug)]
pub(super) struct ConnEnd {
    /// Why, for the log.
    pub why: &'static str,
    /// Why, for the engine of an outgoing connection.
    cause: Option<DialError>,
}

impl ConnEnd {
    /// The log's words are all there is to say.
    pub fn new(why: &'static str) -> Self {
        ConnEnd { why, cause: None }
    }

    /// The server stops.
    pub fn stopping() -> Self {
        ConnEnd::of(DialError::Stopping, "shutdown")
    }

    fn of(cause: DialError, why: &'static str) -> Self {
        ConnEnd {
            why,
            cause: Some(cause),
        }
    }
}

/// Why the driver cannot go on with a connection.
enum Failure {
    /// It has ended.
    Ended(ConnEnd),
    /// TLS failed on a read; the alert is to be sent.
    Tls(Broken),
}

impl From<ConnEnd> for Failure {
    fn from(end: ConnEnd) -> Self {
        Failure::Ended(end)
    }
}

impl Conn {
    /// A connection that has come in; its first `touch` begins it.
    pub fn accept(accepted: Accepted, context: &mut WorkerContext) -> Result<Self, ConnEnd> {
        let Accepted {
            id,
            stream,
            peer,
            at,
            listener,
            tls,
            slot,
        } = accepted;
        let engine = Protocol::serve(Opening {
            conn: id,
            peer,
            listener,
            seed: context.seed(id),
            shared: Arc::clone(&context.shared),
        });
        let link = Link::In { config: tls, slot };
        let transport = Transport::new(stream);
        let mut channel = Channel::new(id, peer, link, transport, at);
        channel.moved = context.now.mono_ms;
        channel.register(context)?;
        if channel.link.is_implicit_tls() {
            channel.begin_tls(context, at)?;
        }
        let driver = Driver::new(engine);
        Ok(Conn { driver, channel })
    }

    /// A connection that goes out; its first `touch` connects to the first address.
    pub fn dial(id: ConnId, dial: Dial, context: &mut WorkerContext) -> Self {
        let (link, engine) = DialLink::new(dial, &context.shared);
        let link = Link::Out(Box::new(link));
        let now = context.now.mono_ms;
        let mut channel = Channel::new(id, NO_PEER, link, Transport::none(), now);
        channel.phase = Phase::Connecting;
        let driver = Driver::new(Protocol::dial(engine));
        Conn { driver, channel }
    }

    /// Its number.
    pub fn id(&self) -> ConnId {
        self.channel.id
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        self.channel.phase
    }

    /// When its earliest entry in the timers comes up.
    pub fn armed(&self) -> u64 {
        self.channel.armed
    }

    /// Begins: connects, or greets, or waits for a ClientHello.
    pub fn begin(&mut self, context: &mut WorkerContext) -> Result<(), ConnEnd> {
        self.turn(context, |conn, context, out| match conn.channel.phase {
            Phase::Connecting => conn.channel.connect_next(context),
            Phase::Open => {
                conn.driver.session_mut().open(context.now, out);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    /// Ends the connection from outside. The engine of an outgoing one is told why.
    pub fn interrupt(&mut self, context: &mut WorkerContext, end: ConnEnd) -> Result<(), ConnEnd> {
        self.turn(context, |_, _, _| Err(end))
    }

    /// Gives the session one input, if it is there, and does everything that follows from it.
    pub fn touch(
        &mut self,
        context: &mut WorkerContext,
        act: impl FnOnce(&mut Session<Protocol>, Now, &mut Output),
    ) -> Result<(), ConnEnd> {
        self.turn(context, |conn, context, out| {
            if conn.has_session() {
                act(conn.driver.session_mut(), context.now, out);
            }
            Ok(())
        })
    }

    /// Does something with the connection, and everything that follows from it.
    fn turn(
        &mut self,
        context: &mut WorkerContext,
        act: impl FnOnce(&mut Self, &mut WorkerContext, &mut Output) -> Result<(), ConnEnd>,
    ) -> Result<(), ConnEnd> {
        self.channel.flags.enqueued = false;
        let mut out = self.driver.begin(&mut context.spare);
        out.renderings = core::mem::take(&mut context.renderings);
        let waited = !self.channel.is_sent(&out.bytes);
        let result = match act(self, context, &mut out) {
            Ok(()) => self.drive(context, &mut out),
            Err(end) => self
                .fail(context, &mut out, end)
                .and_then(|()| self.drive(context, &mut out)),
        };
        self.channel.transport.keep(&mut context.cipher);
        if !waited && !self.channel.is_sent(&out.bytes) {
            self.channel.moved = context.now.mono_ms;
        }
        if self.channel.phase == Phase::Draining {
            out.bytes.clear();
        }
        context.renderings = out.renderings;
        self.driver.finish(out.bytes, &mut context.spare);
        self.schedule(context);
        result
    }

    /// A timer of this connection has come up: ends what has had its time, or tells the
    /// session its deadline.
    pub fn expire(&mut self, context: &mut WorkerContext) -> Result<(), ConnEnd> {
        self.channel.armed = NEVER;
        let now = context.now.mono_ms;
        if now >= self.channel.limit {
            let end = match self.channel.phase {
                Phase::Connecting => ConnEnd::of(DialError::TimedOut, "connect timed out"),
                Phase::Handshake => {
                    self.channel.count_failed_handshake(context);
                    ConnEnd::of(DialError::HandshakeTimedOut, "handshake timed out")
                }
                Phase::Failed if self.driver.session().is_waiting() => {
                    self.channel.limit = now.saturating_add(FAILED_MS);
                    self.schedule(context);
                    return Ok(());
                }
                _ => ConnEnd::new("drained"),
            };
            return self.interrupt(context, end);
        }
        if now >= self.stall_at(context) {
            context.shared.metrics.count(Metric::Stalled);
            return self.interrupt(context, ConnEnd::new("peer does not read"));
        }
        if self.has_session() && now >= self.channel.deadline {
            self.channel.deadline = NEVER;
            return self.touch(context, Session::deadline);
        }
        self.schedule(context);
        Ok(())
    }

    /// Whether this waits for the service: a stop gives it time to end what is under way.
    pub fn is_waiting(&self) -> bool {
        self.has_session() && self.driver.session().is_waiting()
    }

    /// Whether its last bytes are on their way to the peer.
    pub fn is_leaving(&self) -> bool {
        self.channel.phase == Phase::Draining || self.driver.session().is_closing()
    }

    /// Whether the session takes input.
    fn has_session(&self) -> bool {
        matches!(self.channel.phase, Phase::Open | Phase::Failed)
    }

    /// How it came about: the listener's name, or that it was dialed.
    pub fn link_name(&self) -> &'static str {
        self.channel.link.name()
    }

    /// Whether we have connected to the peer.
    pub fn is_out(&self) -> bool {
        self.channel.link.is_out()
    }

    /// Whether it came in from this network at this listener.
    pub fn is_from(&self, network: Network, listener: Listener) -> bool {
        self.channel.link.is_from(network, listener)
    }

    /// Milliseconds since it began.
    pub fn age_ms(&self, now: u64) -> u64 {
        now.saturating_sub(self.channel.since)
    }

    /// How much the peer is trusted. We have chosen the peers that we connect to.
    pub fn trust(&self) -> Trust {
        match self.channel.phase {
            _ if self.is_out() => Trust::Known,
            Phase::Open => self.driver.session().trust(),
            _ => Trust::Stranger,
        }
    }

    /// Leaves the worker: takes back everything that others know of it.
    pub fn leave(&mut self, context: &mut WorkerContext, why: &'static str) {
        let channel = &self.channel;
        log::debug!(
            "conn={} listener={} closed: {why}",
            channel.id.0,
            channel.link.name()
        );
        if channel.phase == Phase::Handshake {
            context.handshakes.end(channel.id);
        }
        context.watchers.replace(channel.id, &channel.topics, &[]);
        if self.driver.owes_hangup() {
            // When the service takes no calls any more, the lease has ended with it.
            let _ = context.submit(
                channel.id,
                channel.peer,
                Ask {
                    request_id: None,
                    depth: 0,
                    caller: Caller::System,
                    call: Call::Hangup,
                },
            );
        }
    }

    /// Every turn ends here: the driver while there is a session, else the connect, the
    /// handshake or the drain.
    fn drive(&mut self, context: &mut WorkerContext, out: &mut Output) -> Result<(), ConnEnd> {
        let mut reads = READS_PER_TURN;
        loop {
            match self.step(context, out, &mut reads) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(end) => self.fail(context, out, end)?,
            }
        }
    }

    /// One step of it; whether another one follows.
    fn step(
        &mut self,
        context: &mut WorkerContext,
        out: &mut Output,
        reads: &mut usize,
    ) -> Result<bool, ConnEnd> {
        match self.channel.phase {
            Phase::Connecting => return self.connect(context, out),
            Phase::Open | Phase::Failed => return self.converse(context, out),
            Phase::Handshake | Phase::Draining => {}
        }
        let is_sent = self.channel.flush(context, &mut out.bytes)?;
        if self.channel.phase == Phase::Draining && is_sent {
            self.channel.end_drain()?;
        }
        if !self.channel.transport.readable {
            return Ok(false);
        }
        if *reads == 0 {
            self.channel.enqueue(context);
            return Ok(false);
        }
        *reads -= 1;
        if self.channel.phase == Phase::Draining {
            let transport = &mut self.channel.transport;
            transport.discard(&mut context.scratch).map_err(lost)?;
        } else {
            self.shake(context, out)?;
        }
        Ok(true)
    }

    /// The session's part, by the one driver.
    fn converse(&mut self, context: &mut WorkerContext, out: &mut Output) -> Result<bool, ConnEnd> {
        let mut turn = ConnTurn {
            channel: &mut self.channel,
            context,
        };
        match self.driver.settle(&mut turn, out) {
            Ok(Settled::Idle) => Ok(false),
            Ok(Settled::Again) => {
                self.channel.enqueue(context);
                Ok(false)
            }
            Ok(Settled::TlsBegun | Settled::Closed) => Ok(true),
            Err(Failure::Ended(end)) => Err(end),
            Err(Failure::Tls(broken)) => {
                self.channel.break_off(context, out, broken)?;
                Ok(true)
            }
        }
    }

    /// Looks whether the address has answered.
    fn connect(&mut self, context: &mut WorkerContext, out: &mut Output) -> Result<bool, ConnEnd> {
        match self.channel.transport.connected() {
            None => Ok(false),
            Some(Err(error)) => Err(ConnEnd::of(dial_error(&error), "cannot connect")),
            Some(Ok(())) if self.channel.link.is_implicit_tls() => {
                self.channel.begin_tls(context, context.now.mono_ms)?;
                Ok(true)
            }
            Some(Ok(())) => {
                self.channel.phase = Phase::Open;
                self.channel.limit = NEVER;
                self.driver.session_mut().open(context.now, out);
                Ok(true)
            }
        }
    }

    /// The connection has ended. An outgoing one tries its next address, or else tells its
    /// engine, which goes on without a socket.
    fn fail(
        &mut self,
        context: &mut WorkerContext,
        out: &mut Output,
        end: ConnEnd,
    ) -> Result<(), ConnEnd> {
        let phase = self.channel.phase;
        let mut error = match end {
            ConnEnd { cause: None, why } => DialError::Lost(why.into()),
            ConnEnd {
                cause: Some(ref error),
                ..
            } => error.clone(),
        };
        match (&mut self.channel.link, phase) {
            (Link::In { .. }, _) | (_, Phase::Draining | Phase::Failed) => return Err(end),
            (Link::Out(dial), Phase::Connecting) if error != DialError::Stopping => {
                dial.record(error);
                match self.channel.connect_next(context) {
                    Ok(()) => return Ok(()),
                    Err(ConnEnd { cause, .. }) => error = cause.unwrap_or(DialError::NoAddress),
                }
            }
            (Link::Out(_), Phase::Handshake) if matches!(error, DialError::Lost(_)) => {
                error = DialError::ClosedInHandshake;
            }
            _ => {}
        }
        if phase != Phase::Open {
            context.shared.metrics.count(Metric::DialsFailed);
        }
        let id = self.channel.id.0;
        log::debug!("conn={id} listener=dial failed: {error}");
        self.channel.phase = Phase::Failed;
        self.channel.transport = Transport::none();
        self.channel.limit = context.now.mono_ms.saturating_add(FAILED_MS);
        self.driver.session_mut().fail(context.now, error, out);
        Ok(())
    }

    /// One read of the handshake. The session opens when it has ended.
    fn shake(&mut self, context: &mut WorkerContext, out: &mut Output) -> Result<(), ConnEnd> {
        let now = context.now;
        let mut open = false;
        let session = self.driver.session_mut();
        let channel = &mut self.channel;
        let (scratch, cipher) = (&mut context.scratch, &mut context.cipher);
        let result = channel.transport.read(scratch, cipher, &mut |bytes| {
            if !open {
                // The first data may come with the last message of the handshake.
                open = true;
                session.open(now, out);
            }
            session.receive(now, bytes, out);
        });
        match result {
            Ok(()) => {}
            Err(Lost::Tls(broken)) => return channel.break_off(context, out, broken),
            Err(error) => return Err(lost(error)),
        }
        if !channel.transport.is_handshaking() {
            if !channel.link.is_out() {
                context.handshakes.end(channel.id);
                context.shared.metrics.count(Metric::Handshakes);
            }
            channel.limit = NEVER;
            channel.phase = Phase::Open;
            if !open {
                session.open(now, out);
            }
        }
        if channel.transport.eof {
            if channel.phase == Phase::Handshake {
                channel.count_failed_handshake(context);
                let cause = DialError::ClosedInHandshake;
                return Err(ConnEnd::of(cause, "left in the handshake"));
            }
            session.eof(now, out);
        }
        Ok(())
    }

    /// Goes on in the next turn, after all others, with what the poll says.
    pub fn record_readiness(&mut self, context: &mut WorkerContext, event: &mio::event::Event) {
        self.channel.transport.record_readiness(event);
        self.channel.enqueue(context);
    }

    fn stall_at(&self, context: &WorkerContext) -> u64 {
        if self.driver.unsent_bytes() == 0 && self.channel.transport.is_flushed() {
            return NEVER;
        }
        let stall_ms = match self.is_out() {
            true => OUT_STALL_MS,
            false => self.driver.stall_ms(&context.shared.limits),
        };
        self.channel.moved.saturating_add(stall_ms)
    }

    fn schedule(&mut self, context: &mut WorkerContext) {
        let own = match self.has_session() {
            true => self.channel.deadline,
            false => NEVER,
        };
        let next = own.min(self.channel.limit).min(self.stall_at(context));
        if next < self.channel.armed {
            self.channel.armed = next;
            context.timers.arm(next, self.channel.id);
        }
    }
}

impl Channel {
    fn new(id: ConnId, peer: SocketAddr, link: Link, transport: Transport, since: u64) -> Self {
        Channel {
            id,
            phase: Phase::Open,
            transport,
            peer,
            link,
            topics: Box::default(),
            deadline: NEVER,
            limit: NEVER,
            since,
            moved: since,
            armed: NEVER,
            flags: ConnFlags::default(),
        }
    }

    /// Tells the poll of the socket.
    fn register(&mut self, context: &WorkerContext) -> Result<(), ConnEnd> {
        let Some(source) = self.transport.source() else {
            return Ok(());
        };
        let token = Ready::Conn(self.id).token();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = context.registry.register(source, token, interest);
        registered.map_err(|error| {
            log::warn!("conn={} cannot be polled: {error}", self.id.0);
            ConnEnd::of(DialError::Socket(error.to_string()), "not polled")
        })
    }

    /// Begins to connect to the next address.
    fn connect_next(&mut self, context: &mut WorkerContext) -> Result<(), ConnEnd> {
        let Link::Out(dial) = &mut self.link else {
            return Err(ConnEnd::new("not a dial"));
        };
        let Some((address, stream)) = dial.connect_next() else {
            return Err(ConnEnd::of(dial.last_error(), "no address left"));
        };
        let connect_ms = dial.connect_ms();
        self.peer = address;
        self.transport = Transport::new(stream);
        self.limit = context.now.mono_ms.saturating_add(connect_ms);
        self.register(context)
    }

    /// A peer's handshake with us has failed.
    fn count_failed_handshake(&self, context: &WorkerContext) {
        if !self.link.is_out() {
            context.shared.metrics.count(Metric::HandshakesFailed);
        }
    }

    /// Sends what the socket takes; whether everything has gone.
    fn flush(&mut self, context: &mut WorkerContext, bytes: &mut Vec<u8>) -> Result<bool, ConnEnd> {
        let cipher = &mut context.cipher;
        if self.transport.flush(bytes, cipher).map_err(lost)? {
            self.moved = context.now.mono_ms;
        }
        Ok(self.is_sent(bytes))
    }

    fn is_sent(&self, bytes: &[u8]) -> bool {
        bytes.is_empty() && self.transport.is_flushed()
    }

    /// TLS from here on, with a deadline counted from `since`. Bytes that were read in clear
    /// are forgotten by `Session::open`.
    fn begin_tls(&mut self, context: &mut WorkerContext, since: u64) -> Result<(), ConnEnd> {
        let Some(tls) = self.link.take_tls() else {
            let cause = DialError::Tls("no TLS is set up".into());
            return Err(ConnEnd::of(cause, "no TLS here"));
        };
        let tls = tls.map_err(|broken| lost(broken.into()))?;
        let cipher = &mut context.cipher;
        self.transport.begin_tls(tls, cipher).map_err(lost)?;
        self.phase = Phase::Handshake;
        if let Some(network) = self.link.handshake_network() {
            context.handshakes.begin(self.id, network, since);
        }
        let ms = context.shared.limits.handshake_s.saturating_mul(1000);
        self.limit = since.saturating_add(ms);
        Ok(())
    }

    /// TLS has failed: the alert is sent, and nothing else. Going out it is sent once, without
    /// waiting for the peer.
    fn break_off(
        &mut self,
        context: &mut WorkerContext,
        out: &mut Output,
        broken: Broken,
    ) -> Result<(), ConnEnd> {
        let (id, name) = (self.id.0, self.link.name());
        log::debug!("conn={id} listener={name} tls: {broken}");
        out.bytes.clear();
        out.ask = None;
        out.watch = None;
        if self.link.is_out() {
            self.flush(context, &mut out.bytes)?;
            return Err(ConnEnd::of(broken.into(), "tls failed"));
        }
        if self.phase == Phase::Handshake {
            context.handshakes.end(self.id);
            self.count_failed_handshake(context);
        }
        self.flags.broken = true;
        self.begin_drain(context)
    }

    /// The last byte is sent: waits until the peer closes too.
    fn begin_drain(&mut self, context: &mut WorkerContext) -> Result<(), ConnEnd> {
        self.phase = Phase::Draining;
        self.limit = context.now.mono_ms.saturating_add(DRAIN_MS);
        context.watchers.replace(self.id, &self.topics, &[]);
        self.topics = Box::default();
        if !self.flags.broken {
            // RFC 8446 section 6.1: the peer can tell our end from a cut.
            let cipher = &mut context.cipher;
            self.transport.say_closed(cipher).map_err(lost)?;
        }
        Ok(())
    }

    /// Everything has gone: shuts the write side, and ends when the peer has closed.
    fn end_drain(&mut self) -> Result<(), ConnEnd> {
        if !self.flags.shut {
            self.flags.shut = true;
            self.transport.shut().map_err(lost)?;
        }
        match self.transport.eof {
            true => Err(ConnEnd::new("done")),
            false => Ok(()),
        }
    }

    /// Goes on in the next turn, after all others.
    fn enqueue(&mut self, context: &mut WorkerContext) {
        if !self.flags.enqueued {
            self.flags.enqueued = true;
            context.ready.push_back(self.id);
        }
    }
}

/// A connection in its turn, with what the worker lends it.
struct ConnTurn<'a> {
    channel: &'a mut Channel,
    context: &'a mut WorkerContext,
}

impl Environment for ConnTurn<'_> {
    type Failure = Failure;

    fn now(&self) -> Now {
        self.context.now
    }

    fn watch(&mut self, topics: Vec<Topic>) -> Vec<Event> {
        let watchers = &mut self.context.watchers;
        watchers.replace(self.channel.id, &self.channel.topics, &topics);
        let ended = watchers.ended(&topics);
        self.channel.topics = topics.into();
        ended
    }

    fn submit(&mut self, ask: Ask) {
        let (id, peer) = (self.channel.id, self.channel.peer);
        self.context.call(id, peer, ask);
    }

    fn set_deadline(&mut self, at: Option<Now>) {
        self.channel.deadline = at.map_or(NEVER, |at| at.mono_ms);
    }

    fn begin_stream(&mut self) {
        self.channel.transport.narrow();
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Failure> {
        Ok(self.channel.flush(self.context, bytes)?)
    }

    fn is_readable(&self) -> bool {
        self.channel.transport.readable
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, Failure> {
        let (scratch, cipher) = (&mut self.context.scratch, &mut self.context.cipher);
        match self.channel.transport.read(scratch, cipher, take) {
            Ok(()) => Ok(self.channel.transport.eof),
            Err(Lost::Tls(broken)) => Err(Failure::Tls(broken)),
            Err(error) => Err(lost(error).into()),
        }
    }

    fn begin_tls(&mut self) -> Result<(), Failure> {
        if self.channel.phase == Phase::Failed {
            return Ok(());
        }
        let now = self.context.now.mono_ms;
        Ok(self.channel.begin_tls(self.context, now)?)
    }

    fn close(&mut self) -> Result<(), Failure> {
        if self.channel.phase == Phase::Failed {
            return Err(ConnEnd::new("failed").into());
        }
        Ok(self.channel.begin_drain(self.context)?)
    }
}

fn lost(lost: Lost) -> ConnEnd {
    match lost {
        Lost::Socket(error) => {
            log::trace!("socket: {error}");
            ConnEnd::of(DialError::Lost(error.to_string()), "socket failed")
        }
        Lost::Tls(broken) => {
            log::debug!("tls: {broken}");
            ConnEnd::of(broken.into(), "tls failed")
        }
    }
}

/// How long a peer has to read our last bytes. DECISIONS.md, "Fairness and limits".
const DRAIN_MS: u64 = 2000;
/// How long a peer that we have connected to may take nothing. Engines have shorter times for what
/// they say: SMTP has three minutes for a piece of a message (RFC 5321 section 4.5.3.2.5).
const OUT_STALL_MS: u64 = 300_000;
/// How long the engine of a failed connection may go on without a call.
const FAILED_MS: u64 = 60_000;
/// The peer of a connection that has not found one yet.
const NO_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
