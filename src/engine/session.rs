//! An engine and its unread bytes. Workers, tests and fuzzers all use an engine through this.
//!
//! It is not a connection: it has no socket and no timer. It keeps three rules so that no
//! engine can break them. One call at a time: while a call is out no bytes are fed. High
//! water: over 64 KiB of unsent output no bytes are fed. Unread bytes are kept only when they
//! must be: bytes that are used straight from the caller's buffer are never copied, and an
//! idle session holds no buffer.

use super::{DialError, Engine, HIGH_WATER, Input, Output, Trust};
use crate::call::{Event, Now, Reply};

/// One engine with the bytes that it has not used yet.
#[derive(Debug)]
pub struct Session<E> {
    engine: E,
    unread: Vec<u8>,
    /// How much of `unread` the engine has used already.
    used: usize,
    call_out: bool,
    /// The engine wants no bytes for now ([`Output::hold`]).
    held: bool,
    closing: bool,
    tls_wanted: bool,
    eof: Eof,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Eof {
    No,
    /// The peer has sent its last byte, and the engine has not used all bytes yet.
    Pending,
    Told,
}

impl<E: Engine> Session<E> {
    /// A session that has not begun; [`Session::open`] begins it.
    pub fn new(engine: E) -> Self {
        Session {
            engine,
            unread: Vec::new(),
            used: 0,
            call_out: false,
            held: false,
            closing: false,
            tls_wanted: false,
            eof: Eof::No,
        }
    }

    /// Connected (and TLS is up where it is implicit), or TLS is up after STARTTLS.
    pub fn open(&mut self, now: Now, out: &mut Output) {
        if self.tls_wanted {
            // RFC 3207 section 4.2: everything that came in clear is forgotten.
            self.tls_wanted = false;
            self.unread = Vec::new();
            self.used = 0;
        }
        self.tell(now, Input::Open, out);
        self.feed_kept(now, out);
    }

    /// Bytes from the peer.
    pub fn receive(&mut self, now: Now, bytes: &[u8], out: &mut Output) {
        if self.unread.is_empty() {
            let used = self.feed(now, bytes, out);
            if !self.closing {
                self.unread.extend_from_slice(&bytes[used..]);
            }
        } else {
            self.unread.extend_from_slice(bytes);
            self.feed_kept(now, out);
        }
    }

    /// The answer to the call that is out.
    pub fn answer(&mut self, now: Now, reply: Reply, out: &mut Output) {
        self.call_out = false;
        self.tell(now, Input::Reply(reply), out);
        self.feed_kept(now, out);
    }

    /// A watched topic has changed.
    pub fn notify(&mut self, now: Now, event: &Event, out: &mut Output) {
        self.tell(now, Input::Event(event), out);
        self.feed_kept(now, out);
    }

    /// The output has been written.
    pub fn drained(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Drained, out);
        self.feed_kept(now, out);
    }

    /// The deadline has come.
    pub fn deadline(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Deadline, out);
        self.feed_kept(now, out);
    }

    /// The peer has sent its last byte.
    pub fn eof(&mut self, now: Now, out: &mut Output) {
        if self.eof == Eof::No {
            self.eof = Eof::Pending;
            self.feed_kept(now, out);
        }
    }

    /// The server stops; the second time, what is under way has had its time.
    pub fn shutdown(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Shutdown, out);
        self.feed_kept(now, out);
    }

    /// The outgoing connection could not be made, or it was lost. The engine gets no further
    /// bytes; it may still make calls, and it closes when it is done.
    pub fn fail(&mut self, now: Now, error: DialError, out: &mut Output) {
        self.unread = Vec::new();
        self.used = 0;
        self.eof = Eof::Told;
        self.tell(now, Input::Failed(error), out);
    }

    /// The output has fallen below the high-water mark: goes on with the kept bytes.
    pub fn resume(&mut self, now: Now, out: &mut Output) {
        self.feed_kept(now, out);
    }

    /// Whether more input would be taken now. `pending` is the unsent output in bytes. A
    /// worker that reads nothing while this is `false` gives the peer backpressure.
    pub fn wants_read(&self, pending: usize) -> bool {
        !self.call_out && !self.held && !self.closing && !self.tls_wanted && pending <= HIGH_WATER
    }

    /// Whether the engine has said its last.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether a call is out.
    pub fn is_waiting(&self) -> bool {
        self.call_out
    }

    /// How much the peer is trusted.
    pub fn trust(&self) -> Trust {
        match self.call_out {
            true => Trust::Known,
            false => self.engine.trust(),
        }
    }

    /// Bytes kept for later.
    pub fn unread(&self) -> usize {
        self.unread.len() - self.used
    }

    fn feed_kept(&mut self, now: Now, out: &mut Output) {
        if self.used < self.unread.len() {
            let kept = core::mem::take(&mut self.unread);
            let from = self.used;
            let used = from + self.feed(now, &kept[from..], out);
            self.unread = kept;
            self.used = used;
            if self.closing || used == self.unread.len() {
                self.unread = Vec::new();
                self.used = 0;
            } else if used > self.unread.len() / 2 {
                self.unread.drain(..used);
                self.used = 0;
            }
        }
        if self.eof == Eof::Pending && self.wants_read(out.bytes.len()) {
            self.eof = Eof::Told;
            self.tell(now, Input::Eof, out);
        }
    }

    fn feed(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        let mut at = 0;
        while at < bytes.len() && self.wants_read(out.bytes.len()) {
            let used = self.tell(now, Input::Bytes(&bytes[at..]), out);
            debug_assert!(used <= bytes.len() - at);
            if used == 0 {
                break;
            }
            at += used.min(bytes.len() - at);
        }
        at
    }

    fn tell(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        if self.closing {
            return 0;
        }
        // A batch of events comes with one `out`: the call of the first of them is still in it.
        let asked = out.ask.take();
        let used = self.engine.handle(now, input, out);
        debug_assert!(!(self.call_out && out.ask.is_some()), "one call at a time");
        out.ask = out.ask.take().or(asked);
        self.call_out |= out.ask.is_some();
        self.held = out.hold.take().unwrap_or(self.held);
        self.closing |= out.close;
        self.tls_wanted |= out.start_tls;
        used
    }
}
