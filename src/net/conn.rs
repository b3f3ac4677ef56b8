//! One connection: its stream, its session, what it watches, its deadlines.
//!
//! ```text
//!   Shaking ──handshake done──► Open ──close──► Draining ──peer's end, or 2 s──► gone
//!      ▲                         │
//!      └────────STARTTLS─────────┘
//! ```
//!
//! `touch` is the only way to a session. Whatever was done in it, it ends by writing what
//! the socket takes, handing out the call, moving the watch and the timer, and reading on
//! while the session wants it. So nothing can be forgotten in a buffer.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;

use super::listen::{Accepted, Slot};
use super::timer::NEVER;
use super::transport::{Lost, Transport};
use super::worker::Desk;
use crate::call::{Call, ConnId, Listener, Metric, Now, Opening, Queue, Topic};
use crate::engine::{HIGH_WATER, Output, Trust};
use crate::session::Session;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// TLS is being agreed on.
    Shaking,
    /// The session talks.
    Open,
    /// Everything is said; waiting for the peer to have read it.
    Draining,
}

/// One connection of a worker.
pub(super) struct Conn {
    pub id: ConnId,
    pub phase: Phase,
    transport: Transport,
    session: Session,
    peer: SocketAddr,
    listener: Listener,
    /// For STARTTLS.
    config: Option<Arc<ServerConfig>>,
    /// Written by the engine, not yet taken by the socket.
    pending: Vec<u8>,
    /// What it watches, as the worker's table has it.
    topics: Box<[Topic]>,
    /// The engine's own deadline.
    deadline: u64,
    /// Handshake or drain: when it is over.
    limit: u64,
    /// When it began.
    since: u64,
    /// When the output last moved, or began to wait.
    moved: u64,
    /// The earliest entry in the timers.
    pub armed: u64,
    flags: Flags,
    /// Gives the place back to the acceptor.
    slot: Slot,
}

/// Wishes of the engine that outlive the call that made them, and notes of the worker's.
#[derive(Clone, Copy, Default)]
struct Flags {
    more: bool,
    start_tls: bool,
    closing: bool,
    lease: bool,
    stream: bool,
    /// Input was held back by the high-water mark.
    choked: bool,
    /// The call that is out is a short look-up.
    brief: bool,
    /// In the worker's list of connections to go on with.
    listed: bool,
    /// The write side is shut.
    shut: bool,
    /// TLS broke: there is no close_notify to say.
    broken: bool,
}

/// The connection is over; why, for the log.
#[derive(Debug)]
pub(super) struct Gone(pub &'static str);

impl Conn {
    /// A new connection; its first `touch` begins it.
    pub fn new(accepted: Accepted, desk: &mut Desk) -> Result<Self, Gone> {
        let Accepted {
            id,
            stream,
            peer,
            at,
            listener,
            tls,
            slot,
        } = accepted;
        let session = Session::new(Opening {
            conn: id,
            peer,
            listener,
            seed: desk.seed(id),
            shared: Arc::clone(&desk.shared),
        });
        let mut conn = Conn {
            id,
            phase: Phase::Open,
            transport: Transport::new(stream),
            session,
            peer,
            listener,
            config: tls,
            pending: Vec::new(),
            topics: Box::default(),
            deadline: NEVER,
            limit: NEVER,
            since: at,
            moved: desk.now.mono_ms,
            armed: NEVER,
            flags: Flags::default(),
            slot,
        };
        if listener.implicit_tls() {
            conn.begin_tls(desk, at)?;
        }
        Ok(conn)
    }

    /// The stream, for the poll.
    pub fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Begins: greets, or waits for a ClientHello.
    pub fn begin(&mut self, desk: &mut Desk) -> Result<(), Gone> {
        self.touch(desk, Session::open)
    }

    /// Does something with the session, if it is there, and everything that follows from it.
    pub fn touch(
        &mut self,
        desk: &mut Desk,
        act: impl FnOnce(&mut Session, Now, &mut Output),
    ) -> Result<(), Gone> {
        self.flags.listed = false;
        let mut out = Output {
            bytes: self.lend(desk),
            ..Output::default()
        };
        let waited = !self.pending_is_empty(&out);
        if self.phase == Phase::Open {
            act(&mut self.session, desk.now, &mut out);
        }
        let result = self.drive(desk, &mut out);
        if !waited && !self.pending_is_empty(&out) {
            self.moved = desk.now.mono_ms;
        }
        self.keep(desk, out.bytes);
        self.schedule(desk);
        result
    }

    /// A timer of this connection has come up: whose is it?
    pub fn expire(&mut self, desk: &mut Desk) -> Result<(), Gone> {
        self.armed = NEVER;
        let now = desk.now.mono_ms;
        if now >= self.limit {
            if self.phase == Phase::Shaking {
                desk.shared.metrics.count(Metric::HandshakesFailed);
                return Err(Gone("handshake timed out"));
            }
            return Err(Gone("drained"));
        }
        if now >= self.stall_at(desk) {
            desk.shared.metrics.count(Metric::Stalled);
            return Err(Gone("peer does not read"));
        }
        if self.phase == Phase::Open && now >= self.deadline {
            self.deadline = NEVER;
            return self.touch(desk, Session::deadline);
        }
        self.schedule(desk);
        Ok(())
    }

    /// Whether this waits for the service: a stop gives it time to end what is under way.
    pub fn is_waiting(&self) -> bool {
        self.phase == Phase::Open && self.session.is_waiting()
    }

    /// The listener that it came in by.
    pub fn listener(&self) -> Listener {
        self.listener
    }

    /// Milliseconds since it began.
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.since)
    }

    /// Who is there.
    pub fn trust(&self) -> Trust {
        match self.phase {
            Phase::Open => self.session.trust(),
            Phase::Shaking | Phase::Draining => Trust::Stranger,
        }
    }

    /// Leaves the worker: what others know of it is taken back.
    pub fn leave(&mut self, desk: &mut Desk, why: &'static str) {
        log::debug!(
            "conn={} listener={:?} closed: {why}",
            self.id.0,
            self.listener
        );
        if self.phase == Phase::Shaking {
            desk.shaking.end(self.id);
        }
        desk.watchers.replace(self.id, &self.topics, &[]);
        if self.flags.lease || self.session.is_waiting() {
            // Nobody is there to hear that this could not be done.
            let _ = desk.submit(self.id, self.peer, Call::Hangup);
        }
    }

    /// The shape that every touch ends in.
    fn drive(&mut self, desk: &mut Desk, out: &mut Output) -> Result<(), Gone> {
        let mut reads = READS_PER_TURN;
        let mut rounds = ROUNDS_PER_TURN;
        loop {
            self.apply(desk, out);
            self.flags.choked |= out.bytes.len() > HIGH_WATER;
            if !self.expects_more(out) {
                self.flush(desk, out)?;
            }
            let flushed = self.pending_is_empty(out);
            if self.phase == Phase::Draining {
                if flushed && !self.flags.shut {
                    self.flags.shut = true;
                    self.transport.shut().map_err(lost)?;
                }
                if self.transport.eof && flushed {
                    return Err(Gone("done"));
                }
            }
            if self.phase == Phase::Open {
                if flushed && self.flags.start_tls {
                    self.flags.start_tls = false;
                    self.begin_tls(desk, desk.now.mono_ms)?;
                    continue;
                }
                if flushed && self.flags.closing {
                    self.begin_drain(desk)?;
                    continue;
                }
                let unchoked = self.flags.choked && out.bytes.len() <= HIGH_WATER;
                if (flushed && self.flags.more) || unchoked {
                    if rounds == 0 {
                        self.list(desk);
                        return Ok(());
                    }
                    rounds -= 1;
                    self.flags.choked = false;
                    if flushed && self.flags.more {
                        self.flags.more = false;
                        self.session.drained(desk.now, out);
                    } else {
                        self.session.resume(desk.now, out);
                    }
                    continue;
                }
            }
            if !self.transport.readable || !self.wants_read(out) {
                return Ok(());
            }
            if reads == 0 {
                self.list(desk);
                return Ok(());
            }
            reads -= 1;
            self.read(desk, out)?;
        }
    }

    /// Whether pipelined commands wait behind a short look-up: their replies will follow in
    /// microseconds and go out together with what is there (RFC 2920 section 3.2).
    fn expects_more(&self, out: &Output) -> bool {
        self.phase == Phase::Open
            && self.flags.brief
            && self.session.is_waiting()
            && self.session.unread() > 0
            && out.bytes.len() <= TOGETHER_BYTES
    }

    /// Hands out what the engine has asked for.
    fn apply(&mut self, desk: &mut Desk, out: &mut Output) {
        // Watch first, ask second: an event between the two is heard twice, never missed.
        if let Some(topics) = out.watch.take() {
            desk.watchers.replace(self.id, &self.topics, &topics);
            let ended = desk.watchers.ended(&topics);
            self.topics = topics.into();
            for event in ended {
                self.session.notify(desk.now, &event, out);
            }
        }
        if let Some(call) = out.call.take() {
            self.flags.brief = call.queue() == Queue::Lookup;
            desk.call(self.id, self.peer, call);
        }
        if let Some(deadline) = out.deadline.take() {
            self.deadline = deadline.map_or(NEVER, |at| at.mono_ms);
        }
        self.flags.more |= core::mem::take(&mut out.more);
        self.flags.start_tls |= core::mem::take(&mut out.start_tls);
        self.flags.closing |= core::mem::take(&mut out.close);
        self.flags.lease |= core::mem::take(&mut out.lease);
        if core::mem::take(&mut out.stream) {
            self.flags.stream = true;
            self.transport.narrow();
        }
    }

    fn flush(&mut self, desk: &mut Desk, out: &mut Output) -> Result<(), Gone> {
        match self.transport.flush(&mut out.bytes, &mut desk.cipher) {
            Ok(progress) => {
                if progress {
                    self.moved = desk.now.mono_ms;
                }
                Ok(())
            }
            Err(error) => Err(lost(error)),
        }
    }

    fn read(&mut self, desk: &mut Desk, out: &mut Output) -> Result<(), Gone> {
        if self.phase == Phase::Draining {
            self.transport.discard(&mut desk.scratch).map_err(lost)?;
            return Ok(());
        }
        let was_shaking = self.phase == Phase::Shaking;
        let mut open = !was_shaking;
        let now = desk.now;
        let session = &mut self.session;
        let result = self
            .transport
            .read(&mut desk.scratch, &mut desk.cipher, &mut |bytes| {
                if !open {
                    // The first data may come with the last message of the handshake.
                    open = true;
                    session.open(now, out);
                }
                session.receive(now, bytes, out);
            });
        match result {
            Ok(()) => {}
            Err(Lost::Tls(error)) => return self.break_off(desk, out, &error),
            Err(error) => return Err(lost(error)),
        }
        if was_shaking && !self.transport.is_handshaking() {
            desk.shaking.end(self.id);
            desk.shared.metrics.count(Metric::Handshakes);
            self.limit = NEVER;
            self.phase = Phase::Open;
            if !open {
                self.session.open(now, out);
            }
        }
        if self.transport.eof {
            if self.phase == Phase::Shaking {
                desk.shared.metrics.count(Metric::HandshakesFailed);
                return Err(Gone("left in the handshake"));
            }
            self.session.eof(now, out);
        }
        Ok(())
    }

    /// TLS from here on, with a deadline counted from `since`. Whatever has been read in clear
    /// is forgotten by `Session::open`.
    fn begin_tls(&mut self, desk: &mut Desk, since: u64) -> Result<(), Gone> {
        let Some(config) = self.config.take() else {
            return Err(Gone("no TLS here"));
        };
        self.transport.begin_tls(config).map_err(lost)?;
        self.phase = Phase::Shaking;
        let prefix = self.slot.prefix();
        desk.shaking.begin(self.id, prefix, since);
        let ms = desk.shared.limits.handshake_s.saturating_mul(1000);
        self.limit = since.saturating_add(ms);
        Ok(())
    }

    /// TLS has failed: the alert goes out, nothing else.
    fn break_off(&mut self, desk: &mut Desk, out: &mut Output, error: &str) -> Result<(), Gone> {
        log::debug!(
            "conn={} listener={:?} tls: {error}",
            self.id.0,
            self.listener
        );
        if self.phase == Phase::Shaking {
            desk.shaking.end(self.id);
            desk.shared.metrics.count(Metric::HandshakesFailed);
        }
        out.bytes.clear();
        out.call = None;
        out.watch = None;
        self.flags.broken = true;
        self.begin_drain(desk)
    }

    /// The last word has been written: wait for the peer's.
    fn begin_drain(&mut self, desk: &mut Desk) -> Result<(), Gone> {
        self.phase = Phase::Draining;
        self.limit = desk.now.mono_ms.saturating_add(DRAIN_MS);
        desk.watchers.replace(self.id, &self.topics, &[]);
        self.topics = Box::default();
        if !self.flags.broken {
            // RFC 8446 section 6.1: our end is an end, not a cut.
            self.transport.say_closed(&mut desk.cipher).map_err(lost)?;
        }
        Ok(())
    }

    fn wants_read(&self, out: &Output) -> bool {
        match self.phase {
            Phase::Open => !self.flags.closing && self.session.wants_read(out.bytes.len()),
            Phase::Shaking | Phase::Draining => true,
        }
    }

    fn pending_is_empty(&self, out: &Output) -> bool {
        out.bytes.is_empty() && self.transport.is_flushed()
    }

    /// Goes on in the next turn, after everybody else.
    fn list(&mut self, desk: &mut Desk) {
        if !self.flags.listed {
            self.flags.listed = true;
            desk.ready.push_back(self.id);
        }
    }

    /// As `list`, for what the poll says.
    pub fn note(&mut self, desk: &mut Desk, event: &mio::event::Event) {
        self.transport.note(event);
        self.list(desk);
    }

    /// The buffer that an engine appends to: its own backlog, else the worker's spare one.
    fn lend(&mut self, desk: &mut Desk) -> Vec<u8> {
        if self.pending.is_empty() {
            core::mem::take(&mut desk.spare)
        } else {
            core::mem::take(&mut self.pending)
        }
    }

    fn keep(&mut self, desk: &mut Desk, mut bytes: Vec<u8>) {
        if self.phase == Phase::Draining {
            bytes.clear();
        }
        if !bytes.is_empty() {
            bytes.shrink_to(bytes.len().saturating_mul(2));
            self.pending = bytes;
        } else if bytes.capacity() <= SPARE_MAX {
            desk.spare = bytes;
        }
    }

    fn stall_at(&self, desk: &Desk) -> u64 {
        if self.pending.is_empty() && self.transport.is_flushed() {
            return NEVER;
        }
        let limits = &desk.shared.limits;
        let s = match self.flags.stream {
            true => limits.stream_stall_s,
            false => limits.stall_s,
        };
        self.moved.saturating_add(s.saturating_mul(1000))
    }

    fn schedule(&mut self, desk: &mut Desk) {
        let own = match self.phase {
            Phase::Open => self.deadline,
            Phase::Shaking | Phase::Draining => NEVER,
        };
        let next = own.min(self.limit).min(self.stall_at(desk));
        if next < self.armed {
            self.armed = next;
            desk.timers.arm(next, self.id);
        }
    }
}

fn lost(lost: Lost) -> Gone {
    match lost {
        Lost::Socket(error) => {
            log::trace!("socket: {error}");
            Gone("socket failed")
        }
        Lost::Tls(error) => {
            log::debug!("tls: {error}");
            Gone("tls failed")
        }
    }
}
/// Replies to pipelined commands are gathered up to this many octets: about one segment.
const TOGETHER_BYTES: usize = 1024;

/// Reads of one connection before others get their turn: 256 KiB.
const READS_PER_TURN: usize = 4;
/// Pages of a long response before others get their turn.
const ROUNDS_PER_TURN: usize = 16;
/// How long a peer has to take our last words (decisions.md 24).
const DRAIN_MS: u64 = 2000;
/// A larger buffer is given back rather than kept for the next connection.
const SPARE_MAX: usize = 512 * 1024;
