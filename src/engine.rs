//! The contract between a protocol and everything else: one input in; bytes, at most one
//! call and a deadline out. An engine owns no socket, no clock, no thread and no randomness.
//!
//! [`crate::session::Session`] keeps the rules that engines cannot get wrong: one call at a
//! time, no input above the high-water mark, nothing unread kept unless it must be.

use crate::call::{Call, Event, Now, Reply, Topic};

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
    /// Something we watch has changed; comes also while a call is out.
    Event(&'a Event),
    /// The output has been written and `Output::more` was set: a long response may go on.
    Drained,
    /// The deadline we asked for has come.
    Deadline,
    /// The peer has sent its last byte (half-close); everything before it has been given.
    Eof,
    /// The server stops: say goodbye in your own words, then close.
    Shutdown,
}

/// What an engine wants done. Fields are left as they are by an engine that wants nothing.
#[derive(Debug, Default)]
pub struct Output {
    /// Append only: what goes to the peer.
    pub bytes: Vec<u8>,
    /// At most one in flight; setting it stops input until its reply.
    pub call: Option<Call>,
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
    /// The connection holds a lease: the worker sends `Call::Hangup` when it is gone.
    pub lease: bool,
    /// This stream may be cut after `Limits::stream_stall_s` instead of `stall_s`.
    pub stream: bool,
}

/// Who is there, in the order in which connections are closed when there is too little room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trust {
    /// Nobody whom we know, doing nothing that would be lost.
    Stranger,
    /// Nobody whom we know, bringing a message that will be brought again.
    Guest,
    /// Somebody who has logged in, or who waits for us.
    Known,
}

/// Over this much unsent output a session is fed no input (decisions.md 27).
pub const HIGH_WATER: usize = 64 * 1024;
