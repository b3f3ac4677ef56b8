//! The session: its states, its waits, its times, and the functions that every command uses.
//!
//! ```text
//!            LOGIN, AUTHENTICATE              SELECT, EXAMINE
//! NotAuthenticated ──────────► Authenticated ─────────────────► Selected
//!        │                       │      ▲                        │   │
//!        │                       │      └── CLOSE, UNSELECT, ────┘   │
//!        │                       │          a SELECT that failed     │
//!        └───────────────────────┴─── LOGOUT, BYE ───────────────────┘──► Logout
//! ```
//!
//! Not its inputs (`input`), nor the end of a command (`view::tell`). A variant or type is
//! named for the input that the session waits for. The wait for the answer to a call lies in
//! the file of the command that made the call, behind [`Pending`]; there is no list of them.

use core::fmt::Debug;

use super::partial::PartialCommand;
use super::view::held::HeldEvents;
use super::view::open::OpenMailbox;
use super::view::told::ToldFlags;
use super::wire::Condition;
use super::wire::frame::Frame;
use super::wire::respond::{self, ResponseLine};
use crate::call::{
    Access, Ask, Call, Caller, Metric, Now, Opening, Refusal, Reply, RequestId, Scopes,
};
use crate::engine::sasl::SaslWait;
use crate::engine::{HIGH_WATER, Output, Trust};

/// Every time that matters to a session, in monotonic milliseconds.
#[derive(Debug, Default)]
pub(crate) struct SessionClock {
    /// Login must be done by then.
    pub(crate) login_by: u64,
    /// The last octets of the client came then.
    pub(crate) active: u64,
    /// The key of the client ends then.
    pub(crate) expires: Option<u64>,
    /// The deadline that was asked for.
    pub(crate) told: Option<u64>,
    /// The rate of commands is level again then, in microseconds.
    pub(crate) rate_us: u64,
}

/// Not logged in: a bit of a set of states.
pub(crate) const OUT: u8 = 1;
/// Logged in, no mailbox open.
pub(crate) const IN: u8 = 2;
/// A mailbox is open.
pub(crate) const OPEN: u8 = 4;

/// The states of RFC 3501 section 3.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Waits for LOGIN.
    NotAuthenticated,
    /// Waits for SELECT.
    Authenticated(Access),
    /// Waits for commands about the open mailbox.
    Selected(Access, Box<OpenMailbox>),
    /// Waits for the end of the connection.
    Logout,
}

impl Stage {
    pub(crate) fn bit(&self) -> u8 {
        match self {
            Stage::NotAuthenticated => OUT,
            Stage::Authenticated(_) => IN,
            Stage::Selected(..) => OPEN,
            Stage::Logout => 0,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Stage::NotAuthenticated => "not-authenticated",
            Stage::Authenticated(_) => "authenticated",
            Stage::Selected(..) => "selected",
            Stage::Logout => "logout",
        }
    }
}

/// The input that the session waits for.
#[derive(Debug)]
pub(crate) enum Waits {
    /// A command.
    Command,
    /// TLS, after STARTTLS.
    Tls,
    /// The response to a SASL challenge.
    Sasl(SaslWait),
    /// The octets of an APPEND, and the line end behind them.
    Message(Box<dyn Reading>),
    /// DONE, and events. Nothing is written while `blocked`: the last lines have not gone out.
    Done { blocked: bool, still_at: u64 },
    /// The answer to a call.
    Reply(Box<dyn Pending>),
    /// The output to go out.
    Drain(Box<dyn Flow>),
    /// A time.
    Delay { until: u64, then: Delayed },
}

/// The wait of a command for the answer to its call.
pub(crate) trait Pending: Debug + Send {
    /// The answer has come.
    fn answered(self: Box<Self>, server: &mut Server, now: Now, reply: Reply, out: &mut Output);
}

/// The rest of a response that is longer than the output may hold.
pub(crate) trait Flow: Debug + Send {
    /// The output has gone out: more may be written.
    fn go_on(self: Box<Self>, server: &mut Server, out: &mut Output);
}

/// The octets that a command reads behind its line.
pub(crate) trait Reading: Debug + Send {
    /// Takes octets; returns how many were used. It waits again until it has all.
    fn read(
        self: Box<Self>,
        server: &mut Server,
        now: Now,
        unread: &[u8],
        out: &mut Output,
    ) -> usize;

    /// Its time has come: looks after the memory that it holds. `true`: it comes too slowly.
    fn look(&mut self, server: &Server, now: Now) -> bool;

    /// When to look next, in monotonic milliseconds.
    fn due_ms(&self) -> u64;
}

/// The reason why a command is not carried out.
#[derive(Clone, Copy, Debug)]
pub enum Denied {
    /// It cannot be given in this state.
    Bad(&'static str),
    /// The key or the mailbox does not allow it.
    No(&'static str),
}

/// The end of a delay.
#[derive(Debug)]
pub(crate) enum Delayed {
    /// A wrong key is answered.
    Login(Refusal),
    /// The next command is read.
    Rate,
}

/// One IMAP session.
#[derive(Debug)]
pub struct Server {
    pub(crate) opening: Opening,
    pub(crate) frame: Frame,
    /// The command that has come in part.
    pub(crate) partial: Option<Box<PartialCommand>>,
    /// How far a line that is not a command (DONE, a SASL response) has been searched.
    pub(crate) searched: usize,
    pub(crate) stage: Stage,
    pub(crate) waits: Waits,
    /// Of the command under way.
    pub(crate) tag: String,
    /// The command under way may tell of EXPUNGE (RFC 3501 section 7.4.1).
    pub(crate) may_expunge: bool,
    /// The flags that the command under way has told.
    pub(crate) told: ToldFlags,
    /// Events that came while a mailbox was being read.
    pub(crate) held: Option<Box<HeldEvents>>,
    /// TLS is up.
    pub(crate) tls: bool,
    /// The client has shown that it knows CONDSTORE (RFC 7162 section 3.1).
    pub(crate) condstore: bool,
    /// A line or a literal is half written: nothing else may be written.
    pub(crate) mid_line: bool,
    /// The server stops; goodbye when the command under way has ended.
    pub(crate) stopping: bool,
    /// Wrong commands since the last one that ended in OK.
    pub(crate) errors: usize,
    /// Wrong keys so far.
    pub(crate) tries: usize,
    /// Octets written since the output was last known to be empty.
    pub(crate) unflushed: usize,
    /// The last value of `out.hold`.
    pub(crate) holding: bool,
    pub(crate) clock: SessionClock,
}

impl Server {
    /// A new conversation.
    pub fn new(opening: Opening) -> Self {
        Server {
            tls: opening.listener.implicit_tls(),
            opening,
            frame: Frame::default(),
            partial: None,
            searched: 0,
            stage: Stage::NotAuthenticated,
            waits: Waits::Command,
            tag: String::new(),
            may_expunge: false,
            told: ToldFlags::default(),
            held: None,
            condstore: false,
            mid_line: false,
            stopping: false,
            errors: 0,
            tries: 0,
            unflushed: 0,
            holding: false,
            clock: SessionClock::default(),
        }
    }

    /// Moves to another state.
    pub(crate) fn enter(&mut self, next: Stage) {
        log::trace!(
            "conn={} {} -> {}",
            self.opening.conn.0,
            self.stage.name(),
            next.name()
        );
        self.stage = next;
    }

    /// How far the client is trusted.
    pub fn trust(&self) -> Trust {
        match self.access() {
            Some(_) => Trust::Known,
            None => Trust::Stranger,
        }
    }

    pub(crate) fn access(&self) -> Option<&Access> {
        match &self.stage {
            Stage::Authenticated(access) | Stage::Selected(access, _) => Some(access),
            Stage::NotAuthenticated | Stage::Logout => None,
        }
    }

    /// The open mailbox.
    pub(crate) fn open(&mut self) -> Option<&mut OpenMailbox> {
        match &mut self.stage {
            Stage::Selected(_, open) => Some(open),
            _ => None,
        }
    }

    pub(crate) fn may_write(&self) -> bool {
        self.access()
            .is_some_and(|access| access.scopes.allow(Scopes::MESSAGES_WRITE))
    }

    /// Makes a call; `pending` takes its answer.
    pub(crate) fn ask(
        &mut self,
        call: impl Into<Call>,
        pending: Box<dyn Pending>,
        out: &mut Output,
    ) {
        let caller = match self.access() {
            Some(access) => Caller::Key(access.clone()),
            None => Caller::Anonymous,
        };
        out.ask = Some(Ask {
            request_id: Some(RequestId::imap(self.opening.seed)),
            depth: 0,
            caller,
            call: call.into(),
        });
        self.waits = Waits::Reply(pending);
    }

    /// Whether the output holds as much as it may before the client has read it.
    pub(crate) fn is_full(&self, out: &Output) -> bool {
        self.unflushed.max(out.bytes.len()) > HIGH_WATER
    }

    /// Goes on when the output has gone out.
    pub(crate) fn after_drain(&mut self, flow: Box<dyn Flow>, out: &mut Output) {
        out.more = true;
        self.waits = Waits::Drain(flow);
    }

    /// The client made a mistake; too many of them end the session.
    pub(crate) fn bad(&mut self, text: &str, out: &mut Output) {
        self.write_tagged(Condition::Bad, text, out);
        self.waits = Waits::Command;
        self.count_error(out);
    }

    /// The tagged line of the command under way. A session may live for days, so a command that
    /// ended in OK forgives the wrong ones before it.
    pub(crate) fn write_tagged(&mut self, condition: Condition, text: &str, out: &mut Output) {
        if condition == Condition::Ok {
            self.errors = 0;
        }
        self.told = ToldFlags::default();
        respond::tagged(&mut out.bytes, &self.tag, condition, text);
    }

    pub(crate) fn count_error(&mut self, out: &mut Output) {
        self.errors += 1;
        let limits = &self.opening.shared.limits;
        let most = match self.stage {
            Stage::NotAuthenticated => limits.imap_login_errors,
            _ => limits.imap_errors,
        };
        if self.errors >= most {
            self.opening.shared.metrics.count(Metric::TooManyErrors);
            self.bye("Too many wrong commands", out);
        }
    }

    /// The server ends the session: with a BYE, unless a literal is half written.
    pub(crate) fn bye(&mut self, text: &str, out: &mut Output) {
        if matches!(self.stage, Stage::Logout) {
            return;
        }
        if !self.mid_line {
            let mut line = ResponseLine::untagged(&mut out.bytes);
            line.put("BYE ").text(text);
            line.end();
        }
        self.hang_up(out);
    }

    /// Whether the session goes on.
    pub(crate) fn is_reading(&self) -> bool {
        !matches!(self.stage, Stage::Logout)
    }

    pub(crate) fn hang_up(&mut self, out: &mut Output) {
        self.enter(Stage::Logout);
        self.waits = Waits::Command;
        self.held = None;
        self.partial = None;
        out.close = true;
    }
}
