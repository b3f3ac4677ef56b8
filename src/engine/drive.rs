//! The one driver of [`Output`]: it carries out what an engine has asked for.
//!
//! The worker, the test rig and the command line's own process drive an engine through this.
//! Each of them implements [`Environment`]: how bytes are sent, where a call goes, what a
//! close means. The driver owns the order in which these happen, and nothing else:
//!
//! 1. Replace the watch, then hand out the call: an event between the two is told twice and
//!    never missed.
//! 2. Send.
//! 3. When all bytes have gone: begin TLS, or close, or ask the engine for more.
//! 4. When the unsent bytes fall to the high-water mark: feed what was kept.
//! 5. Read on while the session takes input.
//!
//! Every touch of a session ends in these steps, so nothing stays forgotten in a buffer.

use super::{Engine, HIGH_WATER, Output, Session};
use crate::call::{Ask, Call, Event, Limits, Now, Topic};

/// What surrounds a session: a worker's connection, a test, a process without sockets.
pub trait Environment {
    /// Why the connection cannot go on.
    type Failure;

    /// The time of this touch.
    fn now(&self) -> Now;

    /// Replaces the watched topics. Gives the events that ended one of them a moment ago: the
    /// session began to watch too late for these.
    fn watch(&mut self, topics: Vec<Topic>) -> Vec<Event>;

    /// Hands out a call; its reply comes in a later touch.
    fn submit(&mut self, ask: Ask);

    /// Moves the one deadline, or clears it.
    fn set_deadline(&mut self, at: Option<Now>);

    /// The output is a stream of events from here on.
    fn begin_stream(&mut self) {}

    /// Sends as many bytes as the peer takes now, and removes them from `bytes`. Gives `true`
    /// when nothing waits to be sent any more, here or below.
    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Self::Failure>;

    /// Whether a read may bring something.
    fn is_readable(&self) -> bool;

    /// Reads once and gives the bytes to `take`. Gives `true` when the peer has sent its last
    /// byte.
    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, Self::Failure>;

    /// Everything is sent: begins TLS. [`Session::open`] follows when it is up.
    fn begin_tls(&mut self) -> Result<(), Self::Failure>;

    /// Everything is sent: closes. The session gets no further input.
    fn close(&mut self) -> Result<(), Self::Failure>;
}

/// Where a touch has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// Nothing can be done until the next input.
    Idle,
    /// There is more to do, and other connections have their turn first.
    Again,
    /// [`Environment::begin_tls`] was called.
    TlsBegun,
    /// [`Environment::close`] was called.
    Closed,
}

/// A session, its unsent bytes and the wishes of its engine that are still open.
#[derive(Debug)]
pub struct Driver<E> {
    session: Session<E>,
    /// Written by the engine and not yet sent.
    unsent: Vec<u8>,
    wishes: Wishes,
}

/// Wishes of the engine that outlive the touch that made them.
#[derive(Clone, Copy, Default, Debug)]
struct Wishes {
    more: bool,
    start_tls: bool,
    close: bool,
    lease: bool,
    stream: bool,
    /// Input was held back by the high-water mark.
    choked: bool,
    /// The call that is out is a short look-up.
    short_call: bool,
}

impl<E: Engine> Driver<E> {
    /// A driver of an engine that has not begun.
    pub fn new(engine: E) -> Self {
        Driver {
            session: Session::new(engine),
            unsent: Vec::new(),
            wishes: Wishes::default(),
        }
    }

    /// Gives the session one input, and does everything that follows from it.
    pub fn touch<P: Environment>(
        &mut self,
        environment: &mut P,
        act: impl FnOnce(&mut Session<E>, Now, &mut Output),
    ) -> Result<Settled, P::Failure> {
        let mut spare = Vec::new();
        let mut out = self.begin(&mut spare);
        act(&mut self.session, environment.now(), &mut out);
        let settled = self.settle(environment, &mut out);
        self.finish(out.bytes, &mut spare);
        settled
    }

    /// The output that a touch begins with: the unsent bytes in it, or else the buffer that
    /// the caller lends.
    pub fn begin(&mut self, spare: &mut Vec<u8>) -> Output {
        let lent = match self.unsent.is_empty() {
            true => spare,
            false => &mut self.unsent,
        };
        Output {
            bytes: core::mem::take(lent),
            ..Output::default()
        }
    }

    /// Keeps the bytes of a touch that are not sent, or gives the buffer back. An idle
    /// connection owns no buffer.
    pub fn finish(&mut self, mut bytes: Vec<u8>, spare: &mut Vec<u8>) {
        if !bytes.is_empty() {
            // Little waits for a client that has stopped to read, and there may be many of them.
            let spare = match bytes.len() <= SMALL_OUTPUT {
                true => bytes.len() / 8,
                false => bytes.len(),
            };
            bytes.shrink_to(bytes.len().saturating_add(spare));
            self.unsent = bytes;
        } else if bytes.capacity() <= SPARE_MAX {
            *spare = bytes;
        }
    }

    /// Does what the engine has asked for, until nothing can be done or others have their
    /// turn.
    pub fn settle<P: Environment>(
        &mut self,
        environment: &mut P,
        out: &mut Output,
    ) -> Result<Settled, P::Failure> {
        let mut reads = READS_PER_TURN;
        let mut rounds = ROUNDS_PER_TURN;
        loop {
            self.apply(environment, out);
            self.wishes.choked |= out.bytes.len() > HIGH_WATER;
            let is_sent = !self.expects_more(out) && environment.send(&mut out.bytes)?;
            if is_sent && core::mem::take(&mut self.wishes.start_tls) {
                environment.begin_tls()?;
                return Ok(Settled::TlsBegun);
            }
            if is_sent && self.wishes.close {
                environment.close()?;
                return Ok(Settled::Closed);
            }
            let is_drained = is_sent && self.wishes.more;
            if is_drained || (self.wishes.choked && out.bytes.len() <= HIGH_WATER) {
                if rounds == 0 {
                    return Ok(Settled::Again);
                }
                rounds -= 1;
                self.wishes.choked = false;
                if is_drained {
                    self.wishes.more = false;
                    self.session.drained(environment.now(), out);
                } else {
                    self.session.resume(environment.now(), out);
                }
                continue;
            }
            if !environment.is_readable() || !self.wants_read(out.bytes.len()) {
                return Ok(Settled::Idle);
            }
            if reads == 0 {
                return Ok(Settled::Again);
            }
            reads -= 1;
            let now = environment.now();
            let session = &mut self.session;
            if environment.read(&mut |bytes| session.receive(now, bytes, out))? {
                session.eof(now, out);
            }
        }
    }

    /// Hands out what the engine has asked for.
    fn apply<P: Environment>(&mut self, environment: &mut P, out: &mut Output) {
        if let Some(topics) = out.watch.take() {
            for event in environment.watch(topics) {
                self.session.notify(environment.now(), &event, out);
            }
        }
        if let Some(ask) = out.ask.take() {
            self.wishes.short_call = matches!(ask.call, Call::Look(_));
            environment.submit(ask);
        }
        if let Some(deadline) = out.deadline.take() {
            environment.set_deadline(deadline);
        }
        self.wishes.more |= core::mem::take(&mut out.more);
        self.wishes.start_tls |= core::mem::take(&mut out.start_tls);
        self.wishes.close |= core::mem::take(&mut out.close);
        self.wishes.lease |= core::mem::take(&mut out.lease);
        if core::mem::take(&mut out.stream) {
            self.wishes.stream = true;
            environment.begin_stream();
        }
    }

    /// Whether pipelined commands wait behind a short look-up: their replies will follow in
    /// microseconds and go out together with the bytes that are there (RFC 2920 section 3.2).
    fn expects_more(&self, out: &Output) -> bool {
        self.wishes.short_call
            && self.session.is_waiting()
            && self.session.unread() > 0
            && out.bytes.len() <= TOGETHER_BYTES
    }

    /// Whether input would be taken with so many bytes unsent.
    pub fn wants_read(&self, unsent: usize) -> bool {
        !self.wishes.close && self.session.wants_read(unsent)
    }

    /// Bytes that wait to be sent.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent.len()
    }

    /// How many milliseconds a peer may take nothing while bytes wait for it. Then the connection
    /// is cut off, by the caller, which has the clock.
    pub fn stall_ms(&self, limits: &Limits) -> u64 {
        let seconds = match self.wishes.stream {
            true => limits.stream_stall_s,
            false => limits.stall_s,
        };
        seconds.saturating_mul(1000)
    }

    /// Whether the service must be told when this connection ends: it holds a lease, or a
    /// call of it is out.
    pub fn owes_hangup(&self) -> bool {
        self.wishes.lease || self.session.is_waiting()
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session<E> {
        &self.session
    }

    /// The session, for an input in the middle of a touch.
    pub fn session_mut(&mut self) -> &mut Session<E> {
        &mut self.session
    }
}

/// Replies to pipelined commands are gathered up to this many octets: about one segment.
const TOGETHER_BYTES: usize = 1024;
/// Reads of one connection before others have their turn: 256 KiB.
pub const READS_PER_TURN: usize = 4;
/// Pages of a long response before others have their turn.
const ROUNDS_PER_TURN: usize = 4;
/// A larger buffer is given back rather than kept for the next connection.
const SPARE_MAX: usize = 512 * 1024;
/// Unsent octets that are kept without much room behind them.
const SMALL_OUTPUT: usize = 16 * 1024;
