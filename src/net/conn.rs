//! One connection: its stream, its session, what it watches, its deadlines.
//!
//! ```text
//!   Handshake ──done──► Open ──close──► Draining ──peer's end, or 2 s──► removed
//!      ▲                  │
//!      └─────STARTTLS─────┘
//! ```
//!
//! [`Conn::touch`] is the only way to a session. The driver (`engine/drive.rs`) then does
//! everything that follows while the session talks; this file does the TLS handshake before
//! it and the drain after it, and moves the timer.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;

use super::listen::{Accepted, Slot};
use super::timers::NEVER;
use super::transport::{Lost, Transport};
use super::worker::WorkerContext;
use crate::call::{Ask, Call, Caller, ConnId, Event, Listener, Metric, Now, Opening, Topic};
use crate::engine::drive::{Driver, Environment, READS_PER_TURN, Settled};
use crate::engine::{Output, Session, Trust};
use crate::protocol::Protocol;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// The TLS handshake is under way.
    Handshake,
    /// The session talks.
    Open,
    /// Everything is sent; the peer has some time to read it.
    Draining,
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
    listener: Listener,
    /// For STARTTLS.
    config: Option<Arc<ServerConfig>>,
    /// The watched topics, as the worker's table has them.
    topics: Box<[Topic]>,
    /// The engine's own deadline.
    deadline: u64,
    /// When the handshake or the drain must have ended.
    limit: u64,
    /// When it began.
    since: u64,
    /// When the output last moved, or began to wait.
    moved: u64,
    /// The earliest entry in the timers.
    armed: u64,
    flags: ConnFlags,
    /// Gives the place back to the acceptor.
    slot: Slot,
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

/// The connection has ended; why, for the log.
#[derive(Debug)]
pub(super) struct ConnEnd(pub &'static str);

/// Why the driver cannot go on with a connection.
enum Failure {
    /// It has ended.
    Ended(ConnEnd),
    /// TLS failed on a read; the alert is to be sent.
    Tls(String),
}

impl From<ConnEnd> for Failure {
    fn from(end: ConnEnd) -> Self {
        Failure::Ended(end)
    }
}

impl Conn {
    /// A new connection; its first `touch` begins it.
    pub fn new(accepted: Accepted, context: &mut WorkerContext) -> Result<Self, ConnEnd> {
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
        let mut channel = Channel {
            id,
            phase: Phase::Open,
            transport: Transport::new(stream),
            peer,
            listener,
            config: tls,
            topics: Box::default(),
            deadline: NEVER,
            limit: NEVER,
            since: at,
            moved: context.now.mono_ms,
            armed: NEVER,
            flags: ConnFlags::default(),
            slot,
        };
        if listener.implicit_tls() {
            channel.begin_tls(context, at)?;
        }
        let driver = Driver::new(engine);
        Ok(Conn { driver, channel })
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

    /// The stream, for the poll.
    pub fn transport(&mut self) -> &mut Transport {
        &mut self.channel.transport
    }

    /// Begins: greets, or waits for a ClientHello.
    pub fn begin(&mut self, context: &mut WorkerContext) -> Result<(), ConnEnd> {
        self.touch(context, Session::open)
    }

    /// Gives the session one input, if it is there, and does everything that follows from it.
    pub fn touch(
        &mut self,
        context: &mut WorkerContext,
        act: impl FnOnce(&mut Session<Protocol>, Now, &mut Output),
    ) -> Result<(), ConnEnd> {
        self.channel.flags.enqueued = false;
        let mut out = self.driver.begin(&mut context.spare);
        let waited = !self.channel.is_sent(&out.bytes);
        if self.channel.phase == Phase::Open {
            act(self.driver.session_mut(), context.now, &mut out);
        }
        let result = self.drive(context, &mut out);
        if !waited && !self.channel.is_sent(&out.bytes) {
            self.channel.moved = context.now.mono_ms;
        }
        if self.channel.phase == Phase::Draining {
            out.bytes.clear();
        }
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
            if self.channel.phase == Phase::Handshake {
                context.shared.metrics.count(Metric::HandshakesFailed);
                return Err(ConnEnd("handshake timed out"));
            }
            return Err(ConnEnd("drained"));
        }
        if now >= self.stall_at(context) {
            context.shared.metrics.count(Metric::Stalled);
            return Err(ConnEnd("peer does not read"));
        }
        if self.channel.phase == Phase::Open && now >= self.channel.deadline {
            self.channel.deadline = NEVER;
            return self.touch(context, Session::deadline);
        }
        self.schedule(context);
        Ok(())
    }

    /// Whether this waits for the service: a stop gives it time to end what is under way.
    pub fn is_waiting(&self) -> bool {
        self.channel.phase == Phase::Open && self.driver.session().is_waiting()
    }

    /// The listener that it came in by.
    pub fn listener(&self) -> Listener {
        self.channel.listener
    }

    /// Milliseconds since it began.
    pub fn age_ms(&self, now: u64) -> u64 {
        now.saturating_sub(self.channel.since)
    }

    /// How much the peer is trusted.
    pub fn trust(&self) -> Trust {
        match self.channel.phase {
            Phase::Open => self.driver.session().trust(),
            Phase::Handshake | Phase::Draining => Trust::Stranger,
        }
    }

    /// Leaves the worker: takes back everything that others know of it.
    pub fn leave(&mut self, context: &mut WorkerContext, why: &'static str) {
        let channel = &self.channel;
        log::debug!(
            "conn={} listener={:?} closed: {why}",
            channel.id.0,
            channel.listener
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
                    caller: Caller::System,
                    call: Call::Hangup,
                },
            );
        }
    }

    /// Every touch ends here: the driver while the session talks, else the handshake or the
    /// drain.
    fn drive(&mut self, context: &mut WorkerContext, out: &mut Output) -> Result<(), ConnEnd> {
        let mut reads = READS_PER_TURN;
        loop {
            if self.channel.phase == Phase::Open {
                let mut turn = Turn {
                    channel: &mut self.channel,
                    context,
                };
                match self.driver.settle(&mut turn, out) {
                    Ok(Settled::Idle) => return Ok(()),
                    Ok(Settled::Again) => {
                        self.channel.enqueue(context);
                        return Ok(());
                    }
                    Ok(Settled::TlsBegun | Settled::Closed) => {}
                    Err(Failure::Ended(end)) => return Err(end),
                    Err(Failure::Tls(error)) => self.channel.break_off(context, out, &error)?,
                }
                continue;
            }
            let is_sent = self.channel.flush(context, &mut out.bytes)?;
            if self.channel.phase == Phase::Draining && is_sent {
                self.channel.end_drain()?;
            }
            if !self.channel.transport.readable {
                return Ok(());
            }
            if reads == 0 {
                self.channel.enqueue(context);
                return Ok(());
            }
            reads -= 1;
            if self.channel.phase == Phase::Draining {
                let transport = &mut self.channel.transport;
                transport.discard(&mut context.scratch).map_err(lost)?;
            } else {
                self.shake(context, out)?;
            }
        }
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
            Err(Lost::Tls(error)) => return channel.break_off(context, out, &error),
            Err(error) => return Err(lost(error)),
        }
        if !channel.transport.is_handshaking() {
            context.handshakes.end(channel.id);
            context.shared.metrics.count(Metric::Handshakes);
            channel.limit = NEVER;
            channel.phase = Phase::Open;
            if !open {
                session.open(now, out);
            }
        }
        if channel.transport.eof {
            if channel.phase == Phase::Handshake {
                context.shared.metrics.count(Metric::HandshakesFailed);
                return Err(ConnEnd("left in the handshake"));
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
        let limits = &context.shared.limits;
        let s = match self.driver.is_stream() {
            true => limits.stream_stall_s,
            false => limits.stall_s,
        };
        self.channel.moved.saturating_add(s.saturating_mul(1000))
    }

    fn schedule(&mut self, context: &mut WorkerContext) {
        let own = match self.channel.phase {
            Phase::Open => self.channel.deadline,
            Phase::Handshake | Phase::Draining => NEVER,
        };
        let next = own.min(self.channel.limit).min(self.stall_at(context));
        if next < self.channel.armed {
            self.channel.armed = next;
            context.timers.arm(next, self.channel.id);
        }
    }
}

impl Channel {
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
        let Some(config) = self.config.take() else {
            return Err(ConnEnd("no TLS here"));
        };
        self.transport.begin_tls(config).map_err(lost)?;
        self.phase = Phase::Handshake;
        let prefix = self.slot.prefix();
        context.handshakes.begin(self.id, prefix, since);
        let ms = context.shared.limits.handshake_s.saturating_mul(1000);
        self.limit = since.saturating_add(ms);
        Ok(())
    }

    /// TLS has failed: the alert is sent, and nothing else.
    fn break_off(
        &mut self,
        context: &mut WorkerContext,
        out: &mut Output,
        error: &str,
    ) -> Result<(), ConnEnd> {
        log::debug!(
            "conn={} listener={:?} tls: {error}",
            self.id.0,
            self.listener
        );
        if self.phase == Phase::Handshake {
            context.handshakes.end(self.id);
            context.shared.metrics.count(Metric::HandshakesFailed);
        }
        out.bytes.clear();
        out.ask = None;
        out.watch = None;
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
            true => Err(ConnEnd("done")),
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
struct Turn<'a> {
    channel: &'a mut Channel,
    context: &'a mut WorkerContext,
}

impl Environment for Turn<'_> {
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
            Err(Lost::Tls(error)) => Err(Failure::Tls(error)),
            Err(error) => Err(lost(error).into()),
        }
    }

    fn begin_tls(&mut self) -> Result<(), Failure> {
        let now = self.context.now.mono_ms;
        Ok(self.channel.begin_tls(self.context, now)?)
    }

    fn close(&mut self) -> Result<(), Failure> {
        Ok(self.channel.begin_drain(self.context)?)
    }
}

fn lost(lost: Lost) -> ConnEnd {
    match lost {
        Lost::Socket(error) => {
            log::trace!("socket: {error}");
            ConnEnd("socket failed")
        }
        Lost::Tls(error) => {
            log::debug!("tls: {error}");
            ConnEnd("tls failed")
        }
    }
}

/// How long a peer has to read our last bytes. DECISIONS.md, "Fairness and limits".
const DRAIN_MS: u64 = 2000;
