//! The contract between a protocol and everything else: one input in; bytes, at most one
//! call and a deadline out. An engine owns no socket, no clock, no thread and no randomness.
//!
//! [`Session`] keeps the rules that engines cannot get wrong: one call at a time, no input
//! above the high-water mark, nothing unread kept unless it must be. [`drive`] carries out
//! what an engine asks for. No file here knows a protocol.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::call::{Ask, Event, Now, Reply, Topic};

pub mod drive;
mod renderings;
pub mod sasl;
mod session;

pub use renderings::{RenderingKey, Renderings};
pub use session::Session;

/// A protocol as a state machine.
pub trait Engine: fmt::Debug {
    /// Takes one input and appends to `out`. Gives how many bytes of [`Input::Bytes`] it has
    /// used, and 0 for every other input.
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize;

    /// How much the peer is trusted now.
    fn trust(&self) -> Trust;
}

/// What an engine is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// Connected, and TLS is up where TLS is implicit. After STARTTLS: TLS is up now.
    Open,
    /// Everything unread, from its first byte; the engine returns how much it used. 0 means
    /// that more is needed (or that a call is out). It is called again while it uses some.
    /// Bytes that were not used come again with more behind them: an engine remembers how
    /// far it has searched.
    Bytes(&'a [u8]),
    /// The answer to the one outstanding call.
    Reply(Reply),
    /// A watched topic has changed; comes also while a call is out.
    Event(&'a Event),
    /// The output has been written and `Output::more` was set: a long response may go on.
    Drained,
    /// The deadline we asked for has come.
    Deadline,
    /// The peer has sent its last byte (half-close); everything before it has been given.
    Eof,
    /// The server stops: say goodbye in your own words, then close. What is under way may come to
    /// its end. When this comes again, the time for that is over.
    Shutdown,
    /// Outgoing connections only: it could not be made, or it was lost. No bytes follow. The
    /// engine may still make calls; it sets `Output::close` when it is done.
    Failed(DialError),
}

/// What an engine wants done. Fields are left as they are by an engine that wants nothing.
#[derive(Debug, Default)]
pub struct Output {
    /// Append only: what goes to the peer.
    pub bytes: Vec<u8>,
    /// A call and its caller. At most one is in flight; setting it stops input until its reply.
    pub ask: Option<Ask>,
    /// Replaces the set of topics watched; may be empty.
    pub watch: Option<Vec<Topic>>,
    /// `Some(Some(t))` moves the one deadline, `Some(None)` clears it.
    pub deadline: Option<Option<Now>>,
    /// `Some(true)`: feed no bytes until `Some(false)`, so that a delay holds the peer up and
    /// nothing gathers meanwhile. Other inputs still come.
    pub hold: Option<bool>,
    /// Begin TLS when `bytes` has gone. Unread input is discarded by then: an engine that
    /// sets this has refused input behind STARTTLS itself.
    pub start_tls: bool,
    /// Send [`Input::Drained`] when `bytes` has gone.
    pub more: bool,
    /// Close when `bytes` has gone.
    pub close: bool,
    /// The connection holds a lease: the worker sends `Call::Hangup` when it has ended.
    pub lease: bool,
    /// Lent by the worker: the JSON of events that was written for connections before this one.
    pub renderings: Renderings,
    /// This stream may be cut after `Limits::stream_stall_s` instead of `stall_s`.
    pub stream: bool,
}

/// How much a peer is trusted. When room is short, connections are closed in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trust {
    /// Not logged in, and nothing would be lost.
    Stranger,
    /// Not logged in, and brings a message that its sender would send again.
    Guest,
    /// Logged in, or waiting for our answer.
    Known,
}

/// Why an outgoing connection could not be made, or was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DialError {
    /// No address was given.
    NoAddress,
    /// The last of the addresses refused the connection.
    Refused,
    /// The connect deadline has passed, or the kernel's.
    TimedOut,
    /// The network or the host cannot be reached; the system's words.
    Unreachable(String),
    /// The socket could not be made or used; the system's words.
    Socket(String),
    /// The certificate is not signed by a trusted authority, or its time is over.
    CertificateNotTrusted(String),
    /// The certificate is for another name.
    CertificateWrongName,
    /// The peer closed the connection in the TLS handshake.
    ClosedInHandshake,
    /// The TLS handshake has not ended in its time.
    HandshakeTimedOut,
    /// The connection was there and was lost: the system's words, or ours.
    Lost(String),
    /// TLS failed in another way: an alert, a protocol error.
    Tls(String),
    /// This server is stopping.
    Stopping,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::NoAddress => f.write_str("no address"),
            DialError::Refused => f.write_str("connection refused"),
            DialError::TimedOut => f.write_str("connect timed out"),
            DialError::Unreachable(why) => write!(f, "unreachable: {why}"),
            DialError::Socket(why) => write!(f, "socket: {why}"),
            DialError::CertificateNotTrusted(why) => write!(f, "certificate not trusted: {why}"),
            DialError::CertificateWrongName => f.write_str("certificate is for another name"),
            DialError::ClosedInHandshake => f.write_str("closed in the TLS handshake"),
            DialError::HandshakeTimedOut => f.write_str("TLS handshake timed out"),
            DialError::Lost(why) => write!(f, "connection lost: {why}"),
            DialError::Tls(why) => write!(f, "TLS: {why}"),
            DialError::Stopping => f.write_str("the server is stopping"),
        }
    }
}

/// What TLS has found out about the peer of an outgoing connection. TLS writes it before
/// [`Input::Open`]; the engine reads it from there on.
#[derive(Debug, Default)]
pub struct CertificateCheck(AtomicBool);

impl CertificateCheck {
    /// The certificate is trusted, and it is for the name that was dialed.
    pub fn pass(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was verified. Without that a peer over TLS may be anyone (RFC 7435).
    pub fn has_passed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Over this much unsent output a session is fed no input. DECISIONS.md, "Fairness and limits".
pub const HIGH_WATER: usize = 64 * 1024;
