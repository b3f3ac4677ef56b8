//! The serving side of IMAP4rev1: connection states, the table of commands, and what a
//! session waits for.
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
//! Not the grammar (`parse`), not what is written (`respond`, `fetch`). One command is under
//! way at a time; what it does is in the file of its family, and every one of them ends in
//! `tell`, where alone the client's view moves.

use std::borrow::Cow;

use crate::call::{
    Access, Ask, Call, Caller, Event, Metric, Now, Opening, Receipt, Refusal, Reply, Scopes,
    SessionEnd,
};
use crate::engine::{HIGH_WATER, Input, Output, Trust};
use crate::imap::frame::{self, Bounds, Frame, Step};
use crate::imap::parse;
use crate::imap::respond;
use crate::imap::select::Open;
use crate::imap::state::{Clock, Delayed, Flow, Job, Stage, Waits};
use crate::imap::table::{CHANGES, Denied, OUT, Row, WRITE, row};
use crate::imap::tell::End;
use crate::imap::types::{Command, Fault, SyntaxError, Tagged};
use crate::imap::view::{Happening, Held};

/// One IMAP session.
#[derive(Debug)]
pub struct Server {
    pub(in crate::imap) opening: Opening,
    frame: Frame,
    /// How far a line that is no command has been looked at.
    pub(in crate::imap) searched: usize,
    pub(in crate::imap) stage: Stage,
    pub(in crate::imap) waits: Waits,
    /// Of the command under way.
    pub(in crate::imap) tag: String,
    /// The command under way may be told of EXPUNGE (RFC 3501 section 7.4.1).
    pub(in crate::imap) may_expunge: bool,
    /// Events that came while a mailbox was being read.
    pub(in crate::imap) held: Option<Box<Held>>,
    /// TLS is up.
    pub(in crate::imap) tls: bool,
    /// The client has shown that it knows CONDSTORE (RFC 7162 section 3.1).
    pub(in crate::imap) condstore: bool,
    /// A line or a literal is half written: nothing else may be.
    pub(in crate::imap) mid_line: bool,
    /// The server stops; goodbye when the command under way has ended.
    stopping: bool,
    /// Wrong commands so far.
    errors: usize,
    /// Wrong keys so far.
    pub(in crate::imap) tries: usize,
    /// Octets written since the output was last known to be empty.
    unflushed: usize,
    /// `out.hold` as it was told last.
    holding: bool,
    pub(in crate::imap) clock: Clock,
}

impl Server {
    /// A new conversation.
    pub fn new(opening: Opening) -> Self {
        Server {
            tls: opening.listener.implicit_tls(),
            opening,
            frame: Frame::default(),
            searched: 0,
            stage: Stage::NotAuthenticated,
            waits: Waits::Command,
            tag: String::new(),
            may_expunge: false,
            held: None,
            condstore: false,
            mid_line: false,
            stopping: false,
            errors: 0,
            tries: 0,
            unflushed: 0,
            holding: false,
            clock: Clock::default(),
        }
    }

    /// One input; returns how many bytes were used.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        let before = out.bytes.len();
        let mut used = 0;
        if !matches!(self.stage, Stage::Logout) {
            match input {
                Input::Open => self.opened(now, out),
                Input::Bytes(unread) => used = self.bytes(now, unread, out),
                Input::Reply(reply) => self.replied(now, reply, out),
                Input::Event(event) => self.happened(event, out),
                Input::Drained => self.drained(out),
                Input::Deadline => self.deadline(now, out),
                Input::Eof => self.hang_up(out),
                Input::Shutdown => self.stopping = true,
                // For outgoing connections only.
                Input::Failed(_) => {}
            }
        }
        if self.stopping && self.is_idle() {
            self.bye("Server is stopping, come back soon", out);
        }
        self.unflushed += out.bytes.len().saturating_sub(before);
        self.schedule(now, out);
        used
    }

    fn opened(&mut self, now: Now, out: &mut Output) {
        if matches!(self.waits, Waits::Tls) {
            self.tls = true;
            self.waits = Waits::Command;
            self.frame = Frame::default();
            return;
        }
        let limits = &self.opening.shared.limits;
        self.clock.login_by = now
            .mono_ms
            .saturating_add(limits.imap_login_s.saturating_mul(1000));
        self.clock.active = now.mono_ms;
        out.bytes.extend_from_slice(b"* OK [CAPABILITY ");
        self.write_capability(out);
        out.bytes.extend_from_slice(b"] Postern ready\r\n");
    }

    fn bytes(&mut self, now: Now, unread: &[u8], out: &mut Output) -> usize {
        self.clock.active = now.mono_ms;
        match &mut self.waits {
            Waits::Command => self.command_bytes(now, unread, out),
            Waits::Sasl(_) => self.sasl_bytes(unread, out),
            Waits::Message(_) => self.message_bytes(unread, out),
            Waits::Done { .. } => self.done_bytes(unread, out),
            Waits::Tls | Waits::Reply(_) | Waits::Drain(_) | Waits::Delay { .. } => 0,
        }
    }

    /// Looks for the end of a command; carries it out.
    fn command_bytes(&mut self, now: Now, unread: &[u8], out: &mut Output) -> usize {
        if self.frame.is_empty()
            && let Some(until) = self.too_fast(now)
        {
            self.opening.shared.metrics.count(Metric::RateLimited);
            self.waits = Waits::Delay {
                until,
                then: Delayed::Rate,
            };
            return 0;
        }
        let limits = &self.opening.shared.limits;
        let bounds = match self.stage {
            Stage::NotAuthenticated => Bounds::before_login(limits),
            _ => Bounds::after_login(limits),
        };
        loop {
            let step = self.frame.step(unread, &bounds);
            if let Step::Command { len: used } | Step::Refused { used, .. } = step
                && matches!(self.stage, Stage::NotAuthenticated)
                && frame::is_http(unread.get(..used).unwrap_or(unread))
            {
                self.opening.shared.metrics.count(Metric::SyntaxErrors);
                self.bye("This is IMAP", out);
                return unread.len();
            }
            match step {
                Step::More => return 0,
                Step::Continue => respond::continuation(&mut out.bytes, "Go on"),
                Step::Skip { used } => return used,
                Step::Command { len } => {
                    let line = unread.get(..len).unwrap_or(unread);
                    let behind = unread.len() > len;
                    self.count_command(now);
                    match parse::command(line) {
                        Ok(tagged) => self.command(now, tagged, behind, out),
                        Err(fault) => self.fault(fault, out),
                    }
                    return line.len();
                }
                Step::Message { len, size, sync } => {
                    let line = unread.get(..len).unwrap_or(unread);
                    self.count_command(now);
                    match parse::command(line) {
                        Ok(tagged) => self.append(now, tagged, size, sync, out),
                        Err(fault) => {
                            self.fault(fault, out);
                            self.skip_message(size, sync, now, out);
                        }
                    }
                    return line.len();
                }
                Step::Refused { used, error, fatal } => {
                    let used = used.min(unread.len());
                    let tag = frame::tag(unread);
                    self.fault(Fault { tag, error }, out);
                    if fatal {
                        self.bye("What follows cannot be told from commands", out);
                    }
                    return used;
                }
            }
        }
    }

    /// May this command be given now? Then does it.
    fn command(&mut self, now: Now, tagged: Tagged<'_>, behind: bool, out: &mut Output) {
        self.tag.clear();
        self.tag.push_str(tagged.tag);
        let row = row(&tagged.command);
        log::trace!(
            "conn={} command={} stage={}",
            self.opening.conn.0,
            row.name,
            self.stage.name()
        );
        self.may_expunge = row.may_expunge();
        if let Err(why) = self.allowed(&row) {
            return self.denied(why, out);
        }
        use Command::*;
        match tagged.command {
            Capability => self.capability(out),
            Noop | Check => self.ok(row.done, out),
            Logout => self.log_out(out),
            StartTls => self.start_tls(behind, out),
            Login { user, password } => self.log_in(&user, &password.0, out),
            Authenticate { mechanism, initial } => self.authenticate(mechanism, initial, out),
            Enable(names) => self.enable(&names, out),
            Id(_) => self.id(out),
            Namespace => {
                out.bytes
                    .extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
                self.ok(row.done, out);
            }
            Select {
                mailbox,
                read_only,
                condstore,
            } => self.select(mailbox, read_only, condstore, out),
            Create { mailbox, special } => self.create(mailbox, &special, out),
            Delete(mailbox) => self.delete(mailbox, out),
            Rename { from, to } => self.rename(from, to, out),
            Subscribe(mailbox) => self.subscribe(mailbox, true, out),
            Unsubscribe(mailbox) => self.subscribe(mailbox, false, out),
            List(list) => self.list(list, out),
            Lsub { pattern } => self.lsub(pattern, out),
            Status { mailbox, items } => self.status(mailbox, items, out),
            Append { .. } => self.bad(SyntaxError::AppendWithoutMessage.words().2, out),
            Close => self.close(out),
            Unselect => self.unselect(out),
            Expunge(set) => self.expunge(set, out),
            Search(search) => self.search(search, out),
            Fetch(fetch) => self.fetch(fetch, out),
            Store(store) => self.store(store, out),
            Copy {
                uid,
                set,
                to,
                remove,
            } => self.copy(uid, &set, to, remove, out),
            Idle => self.idle(now, out),
        }
    }

    /// "May I?", apart from "do it".
    pub(in crate::imap) fn allowed(&self, row: &Row) -> Result<(), Denied> {
        if row.stages & self.stage.bit() == 0 {
            return Err(Denied::Bad(match self.stage {
                Stage::NotAuthenticated => "Log in first",
                _ if row.stages == OUT => "Already logged in",
                _ => "Select a mailbox first",
            }));
        }
        if row.flags & WRITE != 0 && !self.may_write() {
            return Err(Denied::No("[NOPERM] The key lacks messages:write"));
        }
        if let Stage::Selected(_, open) = &self.stage
            && row.flags & CHANGES != 0
            && open.read_only
        {
            return Err(Denied::No("[NOPERM] The mailbox is open read-only"));
        }
        Ok(())
    }

    pub(in crate::imap) fn denied(&mut self, why: Denied, out: &mut Output) {
        match why {
            Denied::Bad(text) => self.bad(text, out),
            Denied::No(text) => self.no(text, out),
        }
    }

    /// Gives the answer to the command, or the part of one, that asked.
    fn replied(&mut self, now: Now, reply: Reply, out: &mut Output) {
        let job = match core::mem::replace(&mut self.waits, Waits::Command) {
            Waits::Reply(job) => job,
            other => {
                log::error!("conn={} reply without a call", self.opening.conn.0);
                self.waits = other;
                return;
            }
        };
        match job {
            Job::Login => self.logged_in(now, reply, out),
            Job::Select {
                read_write,
                condstore,
            } => self.selected(reply, read_write, condstore, out),
            Job::Claim {
                selected,
                condstore,
            } => self.claimed(reply, *selected, condstore, out),
            Job::Change(text) => self.changed(text, reply, out),
            Job::List(list) => self.listed(list, reply, out),
            Job::ListNames(list, rows) => self.list_named(&list, &rows, reply, out),
            Job::Lsub(pattern) => self.lsub_named(&pattern, reply, out),
            Job::Status(items) => self.status_read(&items, reply, out),
            Job::Append(charge) => self.appended(charge, reply, out),
            Job::Close => self.closed(reply, out),
            Job::Expunge => self.expunged(reply, out),
            Job::Copy { remove } => self.copied(remove, reply, out),
            Job::Search(search) => self.found(search, reply, out),
            Job::Retrieve(job) => self.retrieved(job, reply, out),
            Job::Store(job) => self.stored(job, reply, out),
            Job::Compare(telling) => self.compared(*telling, reply, out),
            Job::Flags(telling) => self.flags_read(*telling, reply, out),
        }
    }

    fn drained(&mut self, out: &mut Output) {
        self.unflushed = 0;
        match core::mem::replace(&mut self.waits, Waits::Command) {
            Waits::Drain(Flow::Retrieve(job)) => self.retrieve_on(job, out),
            Waits::Drain(Flow::Uids(left)) => self.write_uids(left, out),
            Waits::Drain(Flow::Search(search)) => self.write_found(search, out),
            Waits::Drain(Flow::Store(job)) => self.write_stored(job, out),
            Waits::Drain(Flow::Tell(telling)) => self.tell_on(*telling, out),
            Waits::Done { still_at, .. } => self.idle_on(still_at, out),
            other => self.waits = other,
        }
    }

    /// Takes in an event; tells it at once only to a client in IDLE.
    fn happened(&mut self, event: &Event, out: &mut Output) {
        let Some(access) = self.access() else {
            return;
        };
        let ours = event.inbox.as_ref().map(|path| path.id) == access.inbox;
        match event.ends() {
            Some(SessionEnd::Key(key)) if Some(key) == access.key => {
                return self.bye("The key has been revoked", out);
            }
            Some(SessionEnd::Inbox(_)) if ours => {
                return self.bye("The inbox has been deleted", out);
            }
            _ if !ours => return,
            _ => {}
        }
        let own = event.origin == Some(self.opening.conn);
        if let Stage::Selected(_, open) = &self.stage
            && event.ends() == Some(SessionEnd::Mailbox(open.id))
        {
            return if own {
                self.unselected();
            } else {
                self.bye("The selected mailbox has been deleted", out);
            };
        }
        if let Some(held) = &mut self.held {
            return held.keep(event);
        }
        let Stage::Selected(_, open) = &mut self.stage else {
            return;
        };
        if event.mailbox != Some(open.id) {
            return;
        }
        match Happening::of(&event.change) {
            // What this session changes itself is told by the answer to its command.
            None => return,
            Some(Happening::Changed) if own => return,
            Some(what) => {
                open.highest_modseq = open.highest_modseq.max(event.seq);
                open.view.happened(event.seq, what, &event.uids);
            }
        }
        if let Waits::Done {
            blocked: false,
            still_at,
        } = self.waits
        {
            self.idle_on(still_at, out);
        }
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
        self.clock.told = None;
        let at = now.mono_ms;
        let limits = &self.opening.shared.limits;
        let silent = self.silence_ends(limits.imap_idle_min);
        if matches!(self.stage, Stage::NotAuthenticated) && at >= self.clock.login_by {
            self.opening.shared.metrics.count(Metric::TimedOut);
            return self.bye("Login took too long", out);
        }
        if self.clock.expires.is_some_and(|end| at >= end) {
            return self.bye("The key has expired", out);
        }
        match &mut self.waits {
            Waits::Delay { until, .. } if at >= *until => {
                if let Waits::Delay { then, .. } =
                    core::mem::replace(&mut self.waits, Waits::Command)
                {
                    match then {
                        Delayed::Rate => {}
                        Delayed::Login(why) => self.login_refused(&why, out),
                    }
                }
            }
            Waits::Command | Waits::Sasl(_) | Waits::Message(_) | Waits::Done { .. }
                if at >= silent && !matches!(self.stage, Stage::NotAuthenticated) =>
            {
                self.opening.shared.metrics.count(Metric::TimedOut);
                self.bye("Autologout, silent for too long", out);
            }
            Waits::Message(message) if at >= message.due_by(limits.data_bytes_per_s) => {
                self.opening.shared.metrics.count(Metric::TimedOut);
                self.bye("The message came too slowly", out);
            }
            Waits::Done { blocked, still_at } if at >= *still_at => {
                *still_at = at.saturating_add(limits.imap_still_here_s.saturating_mul(1000));
                if !*blocked {
                    out.bytes.extend_from_slice(b"* OK Still here\r\n");
                }
            }
            _ => {}
        }
    }

    /// Asks for the one deadline that the state needs, and holds input back where nothing
    /// can be done with it.
    fn schedule(&mut self, now: Now, out: &mut Output) {
        let limits = &self.opening.shared.limits;
        let holding = matches!(self.waits, Waits::Drain(_) | Waits::Delay { .. });
        if holding != self.holding {
            self.holding = holding;
            out.hold = Some(holding);
        }
        let mut next = self.clock.expires;
        let mut sooner = |at: u64| next = Some(next.map_or(at, |n: u64| n.min(at)));
        match &self.stage {
            Stage::Logout => return,
            Stage::NotAuthenticated => sooner(self.clock.login_by),
            Stage::Authenticated(_) | Stage::Selected(..) => match &self.waits {
                Waits::Reply(_) | Waits::Drain(_) | Waits::Delay { .. } => {}
                _ => sooner(self.silence_ends(limits.imap_idle_min)),
            },
        }
        match &self.waits {
            Waits::Delay { until, .. } => sooner(*until),
            Waits::Done { still_at, .. } => sooner(*still_at),
            Waits::Message(message) => sooner(message.due_by(limits.data_bytes_per_s)),
            _ => {}
        }
        // A deadline that comes too early is asked for again then; moving it with every
        // command would cost more.
        if let Some(next) = next
            && self.clock.told.is_none_or(|told| next < told)
        {
            self.clock.told = Some(next);
            out.deadline = Some(Some(now.plus_ms(next.saturating_sub(now.mono_ms))));
        }
    }

    fn silence_ends(&self, idle_min: u64) -> u64 {
        self.clock
            .active
            .saturating_add(idle_min.saturating_mul(60_000))
    }

    /// Until when the next command must wait, if there were too many in the last minute.
    fn too_fast(&self, now: Now) -> Option<u64> {
        let ahead = self
            .clock
            .rate_us
            .saturating_sub(now.mono_ms.saturating_mul(1000));
        // A minute's worth may come at once.
        ahead.checked_sub(MINUTE_US).filter(|over| *over > 0)?;
        Some((self.clock.rate_us - MINUTE_US).div_ceil(1000))
    }

    fn count_command(&mut self, now: Now) {
        let per_minute = self.opening.shared.limits.imap_commands_per_minute as u64;
        self.clock.rate_us = self
            .clock
            .rate_us
            .max(now.mono_ms.saturating_mul(1000))
            .saturating_add(MINUTE_US / per_minute.max(1));
        self.opening.shared.metrics.count(Metric::ImapCommands);
    }

    // ---- what every family uses ----

    pub(in crate::imap) fn enter(&mut self, next: Stage) {
        log::trace!(
            "conn={} {} -> {}",
            self.opening.conn.0,
            self.stage.name(),
            next.name()
        );
        self.stage = next;
    }

    /// Who is there.
    pub fn trust(&self) -> Trust {
        match self.access() {
            Some(_) => Trust::Known,
            None => Trust::Stranger,
        }
    }

    pub(in crate::imap) fn access(&self) -> Option<&Access> {
        match &self.stage {
            Stage::Authenticated(access) | Stage::Selected(access, _) => Some(access),
            Stage::NotAuthenticated | Stage::Logout => None,
        }
    }

    pub(in crate::imap) fn open(&mut self) -> Option<&mut Open> {
        match &mut self.stage {
            Stage::Selected(_, open) => Some(open),
            _ => None,
        }
    }

    pub(in crate::imap) fn may_write(&self) -> bool {
        self.access()
            .is_some_and(|access| access.scopes.allow(Scopes::MESSAGES_WRITE))
    }

    /// Asks the product; `job` takes the answer.
    pub(in crate::imap) fn ask(&mut self, call: impl Into<Call>, job: Job, out: &mut Output) {
        let caller = match self.access() {
            Some(access) => Caller::Key(access.clone()),
            None => Caller::Anonymous,
        };
        out.ask = Some(Ask {
            caller,
            call: call.into(),
        });
        self.waits = Waits::Reply(job);
    }

    /// Whether as much has been written as may be before the client has read it.
    pub(in crate::imap) fn is_full(&self, out: &Output) -> bool {
        self.unflushed.max(out.bytes.len()) > HIGH_WATER
    }

    /// Goes on when the output has gone.
    pub(in crate::imap) fn after_drain(&mut self, flow: Flow, out: &mut Output) {
        out.more = true;
        self.waits = Waits::Drain(flow);
    }

    /// The command did nothing that had to be stored, and succeeded.
    pub(in crate::imap) fn ok(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.finish("OK ", text.into(), out);
    }

    /// The command changed something: only a commit gives the receipt.
    pub(in crate::imap) fn done(
        &mut self,
        _proof: Receipt,
        text: impl Into<Cow<'static, str>>,
        out: &mut Output,
    ) {
        self.finish("OK ", text.into(), out);
    }

    /// No, and that is correct.
    pub(in crate::imap) fn no(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.finish("NO ", text.into(), out);
    }

    fn finish(&mut self, kind: &'static str, text: Cow<'static, str>, out: &mut Output) {
        self.tell(End::Tagged(kind, text), out);
    }

    /// The client's mistake; too many end the session.
    pub(in crate::imap) fn bad(&mut self, text: &str, out: &mut Output) {
        self.write_tagged("BAD ", text, out);
        self.waits = Waits::Command;
        self.count_error(out);
    }

    pub(in crate::imap) fn write_tagged(&mut self, kind: &str, text: &str, out: &mut Output) {
        for piece in [self.tag.as_str(), " ", kind, text, "\r\n"] {
            out.bytes.extend_from_slice(piece.as_bytes());
        }
    }

    /// The product said no.
    pub(in crate::imap) fn refused(&mut self, why: &Refusal, out: &mut Output) {
        if self.mid_line {
            return self.hang_up(out);
        }
        self.no(refusal_text(why), out);
    }

    /// As [`Server::refused`], where a mailbox that is not there could be made (RFC 3501
    /// sections 6.3.11 and 6.4.7).
    pub(in crate::imap) fn refused_target(&mut self, why: &Refusal, out: &mut Output) {
        match why {
            Refusal::NotFound("mailbox") => self.no("[TRYCREATE] No such mailbox", out),
            why => self.refused(why, out),
        }
    }

    /// A reply that is no answer to what was asked: refused, or our own mistake.
    pub(in crate::imap) fn otherwise(&mut self, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Refused(why) => self.refused(&why, out),
            Reply::Answer(_) | Reply::Written(..) => {
                log::error!("conn={} answer to another call", self.opening.conn.0);
                self.refused(&Refusal::Internal, out);
            }
        }
    }

    fn fault(&mut self, fault: Fault<'_>, out: &mut Output) {
        let (bad, code, text) = fault.error.words();
        let metrics = &self.opening.shared.metrics;
        metrics.count(match fault.error {
            SyntaxError::Depth
            | SyntaxError::KeywordTooLong
            | SyntaxError::LineTooLong
            | SyntaxError::LiteralTooLong
            | SyntaxError::MailboxNameTooLong
            | SyntaxError::NeedleTooLong
            | SyntaxError::TooMany => Metric::TooLong,
            _ => Metric::SyntaxErrors,
        });
        self.tag.clear();
        self.tag.push_str(fault.tag.unwrap_or("*"));
        let gap = if code.is_empty() { "" } else { " " };
        let words = [code, gap, text].concat();
        if bad {
            self.bad(&words, out);
        } else {
            self.write_tagged("NO ", &words, out);
        }
    }

    pub(in crate::imap) fn count_error(&mut self, out: &mut Output) {
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

    /// The server ends the session, in words unless a literal is half written.
    pub(in crate::imap) fn bye(&mut self, text: &str, out: &mut Output) {
        if matches!(self.stage, Stage::Logout) {
            return;
        }
        if !self.mid_line {
            for piece in ["* BYE ", text, "\r\n"] {
                out.bytes.extend_from_slice(piece.as_bytes());
            }
        }
        self.hang_up(out);
    }

    /// The session goes on.
    pub(in crate::imap) fn is_reading(&self) -> bool {
        !matches!(self.stage, Stage::Logout)
    }

    pub(in crate::imap) fn hang_up(&mut self, out: &mut Output) {
        self.enter(Stage::Logout);
        self.waits = Waits::Command;
        self.held = None;
        out.close = true;
    }

    /// Nothing is under way that a stop should let finish.
    fn is_idle(&self) -> bool {
        !matches!(
            self.waits,
            Waits::Reply(_) | Waits::Drain(_) | Waits::Message(_)
        )
    }
}

/// Code and words of a refusal as one text.
pub(in crate::imap) fn refusal_text(why: &Refusal) -> String {
    let (code, words) = respond::refusal_words(why);
    [code, " ", &words].concat()
}

const MINUTE_US: u64 = 60_000_000;
