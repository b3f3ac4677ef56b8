//! The receiving side of SMTP (RFC 5321): its states, lines, deadlines and endings.
//!
//! ```text
//!   Open ──► Greeting ──(silence)──► Command ◄──────────────┐
//!             (port 25)                │ ▲                   │
//!   Open ──────────────────────────────┤ │ reply of the      │ TLS is up, all is forgotten
//!             (587, 465)               │ │ service           │
//!              ┌──────────┬────────────┼─┴──────┬────────────┤
//!            Sasl       Data         Chunk    Answer     Handshake
//!          (AUTH)      (DATA)       (BDAT)   (a call)    (STARTTLS)
//! ```
//!
//! A state is named for what it waits for. At most one reply waits beside the state
//! (`DelayedReply`). Input waits with it, so that a delay costs the peer and not this server.
//!
//! The rules: of what a peer sent, only a parsed address is sent back. Every wrong command
//! counts, and too many of them end the connection. Every state has a deadline, except those
//! in which the peer waits for this server. The commands are in `table`.

mod auth;
mod received;
mod table;
mod transaction;

use crate::call::{
    Access, ArrivalPace, Ask, Call, Caller, Event, Limits, Listener, Metric, Now, Opening, Reply,
    RequestId, SessionEnd,
};
use crate::engine::sasl::SaslWait;
use crate::engine::{Input, Output, Trust};

use super::wire::command::{self, Verb};
use super::wire::data::DataBody;
use super::wire::reply;
use table::CommandInput;
use transaction::{PendingCall, Transaction};

/// One conversation with a client or another server.
#[derive(Debug)]
pub struct Server {
    opening: Opening,
    state: SmtpState,
    tls: bool,
    /// EHLO rather than HELO.
    extended: bool,
    helo: Option<Box<str>>,
    access: Option<Access>,
    transaction: Option<Box<Transaction>>,
    pace: ArrivalPace,
    /// While a message arrives: when its memory is looked after next.
    look_due_ms: u64,
    /// Messages on this connection that have come to their end.
    messages: usize,
    /// Commands since the last message that bring no message nearer.
    junk: usize,
    /// Wrong commands.
    errors: usize,
    /// Failed logins.
    tries: usize,
    later: Option<Box<DelayedReply>>,
    ending: Option<Ending>,
    /// How far the unread line has been searched for its end.
    searched: usize,
    /// Octets of a line that is too long, skipped so far.
    skipping: Option<usize>,
    /// The next command must have come by then.
    command_due_ms: u64,
    /// When the key ends, on the monotonic clock.
    expires_ms: Option<u64>,
    /// The deadline that has been asked for.
    told_ms: Option<u64>,
}

/// What the conversation waits for.
#[derive(Debug)]
enum SmtpState {
    /// Silence. On port 25 a mail server waits for the greeting; other clients often do not.
    Greeting { due_ms: u64 },
    /// A command line.
    Command,
    /// A line of the SASL exchange.
    Sasl(SaslWait),
    /// Octets behind DATA.
    Data(Box<DataBody>),
    /// Octets of a BDAT chunk; with `refusal` they are discarded.
    Chunk {
        left: usize,
        size: u64,
        last: bool,
        refusal: Option<&'static str>,
    },
    /// The answer of the service.
    Answer(PendingCall),
    /// TLS.
    Handshake,
    /// Nothing: the last reply has been sent.
    Closed,
}

/// A reply that is sent later.
#[derive(Debug)]
struct DelayedReply {
    due_ms: u64,
    bytes: Vec<u8>,
    close: bool,
}

/// Why the connection ends as soon as the running command has its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Expired,
    Revoked,
    OrgDeleted,
    Stopping,
}

impl Server {
    /// A new conversation.
    pub fn new(opening: Opening) -> Self {
        Server {
            tls: opening.listener.implicit_tls(),
            opening,
            state: SmtpState::Command,
            extended: false,
            helo: None,
            access: None,
            transaction: None,
            pace: ArrivalPace::default(),
            look_due_ms: 0,
            messages: 0,
            junk: 0,
            errors: 0,
            tries: 0,
            later: None,
            ending: None,
            searched: 0,
            skipping: None,
            command_due_ms: 0,
            expires_ms: None,
            told_ms: None,
        }
    }

    /// One input; returns how many bytes were used.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        let mut used = 0;
        match input {
            Input::Open => self.open(now, out),
            Input::Bytes(bytes) => used = self.bytes(now, bytes, out),
            Input::Reply(reply) => self.reply_came(now, reply, out),
            Input::Event(event) => self.event(event, out),
            Input::Deadline => self.deadline(now, out),
            // A message that is not whole is as if it had never begun (RFC 5321 section 4.1.1.4).
            Input::Eof => self.close(out),
            Input::Shutdown => self.stop(out),
            // For outgoing connections only.
            Input::Failed(_) => {}
            Input::Drained => {}
        }
        self.carry_out_ending(out);
        self.ask_deadline(now, out);
        used
    }

    /// How much the peer is trusted. A message on its way counts little: it can be sent again.
    pub fn trust(&self) -> Trust {
        match self.state {
            _ if self.access.is_some() => Trust::Known,
            SmtpState::Answer(_) => Trust::Known,
            SmtpState::Data(_) => Trust::Guest,
            _ if self.transaction.is_some() => Trust::Guest,
            _ => Trust::Stranger,
        }
    }

    fn limits(&self) -> &Limits {
        &self.opening.shared.limits
    }

    /// `usual`, or `stressed` for a client without login under stress, as in Postfix's
    /// STRESS_README.
    fn unless_stressed<T>(&self, usual: T, stressed: T) -> T {
        match self.access.is_none() && self.opening.shared.is_stressed() {
            true => stressed,
            false => usual,
        }
    }

    fn count(&self, metric: Metric) {
        self.opening.shared.metrics.count(metric);
    }

    fn enter(&mut self, next: SmtpState) {
        log::trace!(
            "conn={} state={:?} next={:?}",
            self.opening.conn.0,
            core::mem::discriminant(&self.state),
            core::mem::discriminant(&next)
        );
        self.state = next;
    }

    /// Waits for a command; its time begins now.
    fn await_command(&mut self, now: Now) {
        let seconds = match self.access {
            Some(_) => self.limits().submission_command_s,
            None => {
                let limits = self.limits();
                self.unless_stressed(limits.mx_command_s, limits.stress_command_s)
            }
        };
        self.command_due_ms = now.mono_ms.saturating_add(seconds.saturating_mul(1000));
        self.enter(SmtpState::Command);
    }

    fn open(&mut self, now: Now, out: &mut Output) {
        // The handshake had the connection's timer.
        self.told_ms = None;
        if matches!(self.state, SmtpState::Handshake) {
            // RFC 3207 section 4.2: everything before TLS is forgotten; no second greeting.
            self.tls = true;
            self.helo = None;
            self.extended = false;
            self.transaction = None;
            self.junk = 0;
            return self.await_command(now);
        }
        if self.opening.listener == Listener::Mx && self.unless_stressed(true, false) {
            let due_ms = now.mono_ms.saturating_add(self.limits().mx_greet_ms);
            return self.enter(SmtpState::Greeting { due_ms });
        }
        self.greet(now, out);
    }

    fn greet(&mut self, now: Now, out: &mut Output) {
        let line = format!("220 {} ESMTP", self.opening.shared.host);
        self.say(&line, out);
        self.await_command(now);
    }

    fn bytes(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        if self.later.is_some() {
            return 0;
        }
        match self.state {
            SmtpState::Greeting { .. } => {
                self.count(Metric::SyntaxErrors);
                self.end("554 5.5.1 You spoke before the greeting", out);
                bytes.len()
            }
            SmtpState::Command | SmtpState::Sasl(_) => self.line(now, bytes, out),
            SmtpState::Data(_) => self.text(now, bytes, out),
            SmtpState::Chunk { .. } => self.chunk(now, bytes, out),
            SmtpState::Answer(_) | SmtpState::Handshake | SmtpState::Closed => 0,
        }
    }

    /// Finds one line. Its length alone decides, in whatever pieces it comes.
    fn line(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        if let Some(skipped) = self.skipping {
            return self.skip(skipped, bytes, out);
        }
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            self.end_foreign(out);
            return bytes.len();
        }
        let max = self.line_max(bytes);
        let unsearched = bytes.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr(b'\n', unsearched).map(|n| self.searched + n + 1);
        match end {
            Some(end) if end <= max => {
                self.searched = 0;
                let line = bytes.get(..end).unwrap_or_default();
                self.run_line(now, line, bytes.len() > end, out);
                end
            }
            None if bytes.len() < max => {
                self.searched = bytes.len();
                0
            }
            _ => {
                self.searched = 0;
                self.skipping = Some(0);
                self.count(Metric::TooLong);
                let text = match self.state {
                    SmtpState::Sasl(_) => "500 5.5.6 Line too long",
                    _ => "500 5.5.2 Line too long",
                };
                self.await_command(now);
                self.fail(now, text, out);
                max.min(bytes.len())
            }
        }
    }

    /// Skips the rest of a line that is too long, up to a bound.
    fn skip(&mut self, skipped: usize, bytes: &[u8], out: &mut Output) -> usize {
        let room = SKIP_MAX.saturating_sub(skipped).min(bytes.len());
        let part = bytes.get(..room).unwrap_or_default();
        match memchr::memchr(b'\n', part) {
            Some(n) => {
                self.skipping = None;
                n + 1
            }
            None => {
                self.skipping = Some(skipped + part.len());
                if skipped + part.len() >= SKIP_MAX {
                    self.count(Metric::TooManyErrors);
                    self.say_goodbye("4.7.0", "Line too long", out);
                }
                part.len()
            }
        }
    }

    fn line_max(&self, bytes: &[u8]) -> usize {
        let auth = bytes
            .get(..5)
            .is_some_and(|b| b.eq_ignore_ascii_case(b"AUTH "));
        match (&self.state, auth) {
            (SmtpState::Sasl(_), _) | (_, true) => self.limits().smtp_auth_line_bytes,
            _ => self.limits().smtp_line_bytes,
        }
    }

    /// Carries out one whole line.
    fn run_line(&mut self, now: Now, line: &[u8], behind: bool, out: &mut Output) {
        self.await_again(now);
        if let SmtpState::Sasl(wait) = &mut self.state {
            let wait = core::mem::replace(wait, SaslWait::PlainMessage);
            self.await_command(now);
            return self.sasl_line(now, wait, line, out);
        }
        let (verb, args) = match command::command(line) {
            Ok(command) => command,
            Err(error) => return self.fail(now, reply::syntax(error, false), out),
        };
        self.count(Metric::SmtpCommands);
        if verb == Verb::Http {
            return self.end_foreign(out);
        }
        let Some(row) = table::row_of(verb) else {
            return self.fail(now, "500 5.5.1 Unknown command", out);
        };
        if row.junk && self.count_junk(out) {
            return;
        }
        let refusal = self.refusal_of(row, args);
        let mut command = CommandInput {
            now,
            args,
            behind,
            out,
        };
        match refusal {
            // Its octets come even if it is refused.
            Some(text) if verb == Verb::Bdat => self.begin_chunk(&mut command, Some(text)),
            Some(text) => self.fail(now, text, command.out),
            None => (row.run)(self, &mut command),
        }
    }

    /// Counts a command that brings no message nearer. `true`: the connection has ended.
    fn count_junk(&mut self, out: &mut Output) -> bool {
        self.junk += 1;
        let limits = self.limits();
        let over = self.junk > self.unless_stressed(limits.smtp_junk, limits.stress_junk);
        if over {
            self.count(Metric::TooManyErrors);
            self.say_goodbye("4.7.0", "Too many commands without a message", out);
        }
        over
    }

    /// A line has come in time; the next one has the same time.
    fn await_again(&mut self, now: Now) {
        if let SmtpState::Command = self.state {
            self.await_command(now);
        }
    }

    /// The client speaks another protocol, perhaps because it was sent here by an attacker
    /// (ALPACA). It gets two lines, and nothing of its input.
    fn end_foreign(&mut self, out: &mut Output) {
        self.count(Metric::SyntaxErrors);
        self.end("554 5.5.1 This is SMTP", out);
    }

    fn reply_came(&mut self, now: Now, reply: Reply, out: &mut Output) {
        if let SmtpState::Answer(_) = self.state {
            let SmtpState::Answer(asked) = core::mem::replace(&mut self.state, SmtpState::Command)
            else {
                return;
            };
            self.await_command(now);
            self.answered(now, asked, reply, out);
        }
    }

    fn event(&mut self, event: &Event, out: &mut Output) {
        if let Some(access) = &self.access
            && event.ends_access(access)
        {
            let ending = match event.ends() {
                Some(SessionEnd::Org(_)) => Ending::OrgDeleted,
                _ => Ending::Revoked,
            };
            self.end_with(ending, out);
        }
    }

    /// Ends the connection, but not before the answer of a call that is out.
    fn end_with(&mut self, ending: Ending, out: &mut Output) {
        match self.state {
            SmtpState::Answer(_) => self.ending = Some(ending),
            _ => self.end_now(ending, out),
        }
    }

    fn end_now(&mut self, ending: Ending, out: &mut Output) {
        if let Some(later) = self.later.take() {
            out.bytes.extend_from_slice(&later.bytes);
            if later.close {
                return self.close(out);
            }
        }
        match ending {
            Ending::Expired => self.say_goodbye("4.7.0", "The key has expired", out),
            Ending::Revoked => self.say_goodbye("4.7.0", "The key has been revoked", out),
            Ending::OrgDeleted => {
                self.say_goodbye("4.7.0", "The organization has been deleted", out);
            }
            Ending::Stopping => self.say_goodbye("4.3.2", "The server is stopping", out),
        }
    }

    /// The server stops. A message on its way may come to its end; other connections end now. When
    /// it is told again, the time for the message is over.
    fn stop(&mut self, out: &mut Output) {
        let is_over = self.ending == Some(Ending::Stopping);
        match self.state {
            SmtpState::Answer(_) | SmtpState::Closed if is_over => {}
            _ if is_over => self.end_now(Ending::Stopping, out),
            SmtpState::Data(_) | SmtpState::Chunk { .. } => self.ending = Some(Ending::Stopping),
            // No reply is possible between the last plain octet and TLS.
            SmtpState::Handshake => self.close(out),
            _ if self.has_octets() => self.ending = Some(Ending::Stopping),
            _ => self.end_with(Ending::Stopping, out),
        }
    }

    /// Carries out an ending that had to wait.
    fn carry_out_ending(&mut self, out: &mut Output) {
        let Some(ending) = self.ending else { return };
        let idle = matches!(self.state, SmtpState::Command | SmtpState::Sasl(_));
        let wait = ending == Ending::Stopping && self.has_octets();
        if idle && !wait {
            self.end_now(ending, out);
        }
    }

    fn has_octets(&self) -> bool {
        self.transaction.as_ref().is_some_and(|t| t.body.is_some())
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
        self.told_ms = None;
        self.look(now);
        if self.due_ms().is_none_or(|due| now.mono_ms < due) {
            return;
        }
        if self.later.as_ref().is_some_and(|l| l.due_ms <= now.mono_ms) {
            if let Some(later) = self.later.take() {
                out.bytes.extend_from_slice(&later.bytes);
                out.hold = Some(false);
                if later.close {
                    return self.close(out);
                }
                self.await_again(now);
            }
            return;
        }
        if self.expires_ms.is_some_and(|at| at <= now.mono_ms) {
            return self.end_with(Ending::Expired, out);
        }
        match self.state {
            SmtpState::Greeting { .. } => self.greet(now, out),
            _ => {
                self.count(Metric::TimedOut);
                self.say_goodbye("4.4.2", "Timed out", out);
            }
        }
    }

    /// The next deadline; `None` while the peer waits for this server.
    fn due_ms(&self) -> Option<u64> {
        let due = match (&self.later, &self.state) {
            (Some(later), _) => later.due_ms,
            (_, SmtpState::Greeting { due_ms }) => *due_ms,
            (_, SmtpState::Command) if self.has_octets() => {
                self.command_due_ms.min(self.arrival_due_ms())
            }
            (_, SmtpState::Command | SmtpState::Sasl(_)) => self.command_due_ms,
            (_, SmtpState::Data(_) | SmtpState::Chunk { .. }) => self.arrival_due_ms(),
            (_, SmtpState::Answer(_) | SmtpState::Handshake | SmtpState::Closed) => return None,
        };
        Some(self.expires_ms.map_or(due, |at| at.min(due)))
    }

    /// Moves the timer only if it would come too late. A timer that comes too early costs one
    /// look at the clock, and most timers never come.
    fn ask_deadline(&mut self, now: Now, out: &mut Output) {
        let Some(due) = self.due_ms() else { return };
        if self.told_ms.is_none_or(|told| told > due) {
            self.told_ms = Some(due);
            out.deadline = Some(Some(now.plus_ms(due.saturating_sub(now.mono_ms))));
        }
    }

    fn ask(&mut self, asked: PendingCall, call: impl Into<Call>, out: &mut Output) {
        let caller = match &self.access {
            Some(access) => Caller::Key(access.clone()),
            None => Caller::Anonymous,
        };
        out.ask = Some(Ask {
            request_id: Some(RequestId::smtp(self.opening.seed)),
            depth: 0,
            caller,
            call: call.into(),
        });
        self.enter(SmtpState::Answer(asked));
    }

    fn say(&self, line: &str, out: &mut Output) {
        out.bytes.extend_from_slice(line.as_bytes());
        out.bytes.extend_from_slice(b"\r\n");
    }

    /// Answers a wrong command.
    fn fail(&mut self, now: Now, text: &str, out: &mut Output) {
        self.fail_slowly(now, text, 0, out);
    }

    /// Answers a wrong command after `wait_ms`, or after a second if there have been many.
    /// One error too many ends the connection.
    fn fail_slowly(&mut self, now: Now, text: &str, wait_ms: u64, out: &mut Output) {
        log::debug!(
            "conn={} request_id={} refused={text:?}",
            self.opening.conn.0,
            RequestId::smtp(self.opening.seed)
        );
        self.count(Metric::SyntaxErrors);
        self.errors += 1;
        let limits = self.limits();
        let max = self.unless_stressed(limits.smtp_errors, limits.stress_errors);
        let wait_ms = match self.errors.saturating_mul(2) >= max {
            true => wait_ms.max(SOFT_DELAY_MS),
            false => wait_ms,
        };
        let over = self.errors >= max;
        let mut bytes = format!("{text}\r\n").into_bytes();
        if over {
            self.count(Metric::TooManyErrors);
            bytes.extend_from_slice(self.farewell("4.7.0", "Too many errors").as_bytes());
        }
        self.say_later(now, wait_ms, bytes, over, out);
    }

    fn say_later(&mut self, now: Now, wait_ms: u64, bytes: Vec<u8>, close: bool, out: &mut Output) {
        if wait_ms > 0 {
            let due_ms = now.mono_ms.saturating_add(wait_ms);
            let later = DelayedReply {
                due_ms,
                bytes,
                close,
            };
            self.later = Some(Box::new(later));
            out.hold = Some(true);
            return;
        }
        out.bytes.extend_from_slice(&bytes);
        if close {
            self.close(out);
        }
    }

    /// `421` with the name of the host (RFC 5321 section 4.2.3).
    fn farewell(&self, enhanced: &str, why: &str) -> String {
        format!("421 {enhanced} {} {why}\r\n", self.opening.shared.host)
    }

    fn say_goodbye(&mut self, enhanced: &str, why: &str, out: &mut Output) {
        out.bytes
            .extend_from_slice(self.farewell(enhanced, why).as_bytes());
        self.close(out);
    }

    /// Ends the connection after a refusal. RFC 5321 section 3.8: 421 goes before a close that the
    /// client did not ask for.
    fn end(&mut self, line: &str, out: &mut Output) {
        self.say(line, out);
        if line.starts_with("421 ") {
            return self.close(out);
        }
        self.say_goodbye("4.7.0", "Closing the connection", out);
    }

    fn close(&mut self, out: &mut Output) {
        self.transaction = None;
        self.later = None;
        self.ending = None;
        out.close = true;
        self.enter(SmtpState::Closed);
    }
}

/// The first octet of a TLS handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// Of a line that is too long, so many octets are skipped; then the connection ends.
const SKIP_MAX: usize = 64 * 1024;
/// Postfix's soft error delay.
const SOFT_DELAY_MS: u64 = 1000;
