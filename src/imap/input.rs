//! The inputs of a session: bytes, answers, events and times.
//!
//! Not the session itself (`server`), nor the grammar, run or answer of a command (`command`).
//! One command is under way at a time.

use super::command::{AppendLiteral, CommandContext};
use super::partial::PartialCommand;
use super::server::{Delayed, Server, Stage, Waits};
use super::table::Command;
use super::view::Happening;
use super::wire::Condition;
use super::wire::frame::{self, Frame, FrameBounds, FrameStep};
use super::wire::respond;
use super::wire::syntax::SyntaxFault;
use crate::call::{Event, MemoryShortage, Metric, Now, Reply, SessionEnd};
use crate::engine::{Input, Output};

impl Server {
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
                Input::Shutdown => self.stop(out),
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
        let greeting = format!("OK [CAPABILITY {}] Postern ready", self.capability());
        respond::untagged(&mut out.bytes, &greeting);
    }

    fn bytes(&mut self, now: Now, unread: &[u8], out: &mut Output) -> usize {
        self.clock.active = now.mono_ms;
        match &mut self.waits {
            Waits::Command => self.command_bytes(now, unread, out),
            Waits::Sasl(_) => self.sasl_bytes(unread, out),
            Waits::Message(_) => match core::mem::replace(&mut self.waits, Waits::Command) {
                Waits::Message(reading) => reading.read(self, now, unread, out),
                _ => 0,
            },
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
            Stage::NotAuthenticated => FrameBounds::before_login(limits),
            _ => FrameBounds::after_login(limits),
        };
        loop {
            let step = self.frame.step(unread, &bounds);
            if let FrameStep::Command { len: used } | FrameStep::Refused { used, .. } = step
                && matches!(self.stage, Stage::NotAuthenticated)
                && frame::is_http(unread.get(..used).unwrap_or(unread))
            {
                self.opening.shared.metrics.count(Metric::SyntaxErrors);
                self.bye("This is IMAP", out);
                return unread.len();
            }
            let (len, message) = match step {
                FrameStep::More => return self.wait_for_rest(now, unread, out),
                FrameStep::Continue => {
                    respond::continuation(&mut out.bytes, "Go on");
                    continue;
                }
                FrameStep::Skip { used } => {
                    self.partial = None;
                    return used;
                }
                FrameStep::Command { len } => (len, None),
                FrameStep::Message { len, size, sync } => (len, Some(AppendLiteral { size, sync })),
                FrameStep::Refused { used, error, fatal } => {
                    self.partial = None;
                    let used = used.min(unread.len());
                    let tag = frame::tag(unread);
                    self.fault(SyntaxFault { tag, error }, out);
                    if fatal {
                        self.bye("What follows cannot be told from commands", out);
                    }
                    return used;
                }
            };
            self.partial = None;
            let context = CommandContext {
                now,
                behind: unread.len() > len,
                message,
            };
            let line = unread.get(..len).unwrap_or(unread);
            self.count_command(now);
            match Command::parse(line) {
                Ok(command) => self.command(command, context, out),
                Err(fault) => {
                    self.fault(fault, out);
                    self.skip_message(context, out);
                }
            }
            return line.len();
        }
    }

    /// More octets of a command have come, and it is not whole.
    fn wait_for_rest(&mut self, now: Now, unread: &[u8], out: &mut Output) -> usize {
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => Box::new(PartialCommand::begin(now, &self.opening, self.access())),
        };
        match partial.grow(now, unread.len()) {
            Ok(()) => {
                self.partial = Some(partial);
                0
            }
            Err(shortage) => {
                let is_revoked = partial.is_revoked();
                self.refuse_rest(frame::tag(unread), &shortage, is_revoked, out);
                unread.len()
            }
        }
    }

    /// The time of a command that is not whole has come.
    fn look_at_partial(&mut self, now: Now, out: &mut Output) {
        match self.partial.as_mut().map(|partial| partial.look(now)) {
            Some(Err(shortage)) => self.refuse_rest(None, &shortage, true, out),
            Some(Ok(true)) => {
                self.opening.shared.metrics.count(Metric::TimedOut);
                self.bye("The command came too slowly", out);
            }
            Some(Ok(false)) | None => {}
        }
    }

    /// The rest of the command could be taken for commands, so the session ends.
    fn refuse_rest(
        &mut self,
        tag: Option<&str>,
        shortage: &MemoryShortage,
        is_revoked: bool,
        out: &mut Output,
    ) {
        self.partial = None;
        self.opening.shared.metrics.count(match is_revoked {
            true => Metric::ArrivalsRevoked,
            false => Metric::RejectedMemory,
        });
        let text = format!("[LIMIT] {shortage}, try again later");
        let Some(tag) = tag else {
            return self.bye(&text, out);
        };
        self.tag.clear();
        self.tag.push_str(tag);
        self.write_tagged(Condition::No, &text, out);
        self.bye("What follows cannot be told from commands", out);
    }

    /// Carries out a command, or says why it is not allowed.
    fn command(&mut self, command: Command<'_>, context: CommandContext, out: &mut Output) {
        self.tag.clear();
        self.tag.push_str(command.tag);
        log::trace!(
            "conn={} command={} stage={}",
            self.opening.conn.0,
            command.row.name,
            self.stage.name()
        );
        self.may_expunge = command.may_expunge();
        let read_only = matches!(&self.stage, Stage::Selected(_, open) if open.read_only);
        let allowed = command
            .row
            .allowed(self.stage.bit(), self.may_write(), read_only);
        match allowed {
            Ok(()) => command.run.run(self, context, out),
            Err(why) => command.run.deny(self, context, why, out),
        }
    }

    /// Gives the answer to the command, or to the end of one, that made the call.
    fn replied(&mut self, now: Now, reply: Reply, out: &mut Output) {
        match core::mem::replace(&mut self.waits, Waits::Command) {
            Waits::Reply(pending) => pending.answered(self, now, reply, out),
            other => {
                log::error!("conn={} reply without a call", self.opening.conn.0);
                self.waits = other;
            }
        }
    }

    fn drained(&mut self, out: &mut Output) {
        self.unflushed = 0;
        match core::mem::replace(&mut self.waits, Waits::Command) {
            Waits::Drain(flow) => flow.go_on(self, out),
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
            Some(SessionEnd::Org(org)) if org == access.org => {
                return self.bye("The organization has been deleted", out);
            }
            Some(SessionEnd::Inbox(_)) if ours => {
                return self.bye("The inbox has been deleted", out);
            }
            _ if !ours => return,
            _ if access
                .inbox
                .is_some_and(|inbox| event.ends_session_in(inbox, access)) =>
            {
                return self.bye("The key does not cover the inbox any more", out);
            }
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
            // The answer to its own command tells the client of its own changes.
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
            Waits::Command if self.partial.as_ref().is_some_and(|p| at >= p.due_ms()) => {
                self.look_at_partial(now, out);
            }
            Waits::Message(message) if at >= message.due_ms() => self.look_at_message(now, out),
            Waits::Done { blocked, still_at } if at >= *still_at => {
                *still_at = at.saturating_add(limits.imap_still_here_s.saturating_mul(1000));
                if !*blocked {
                    respond::untagged(&mut out.bytes, "OK Still here");
                }
            }
            _ => {}
        }
    }

    fn look_at_message(&mut self, now: Now, out: &mut Output) {
        let mut waits = core::mem::replace(&mut self.waits, Waits::Command);
        let is_slow = match &mut waits {
            Waits::Message(message) => message.look(self, now),
            _ => false,
        };
        self.waits = waits;
        if is_slow {
            self.opening.shared.metrics.count(Metric::TimedOut);
            self.bye("The message came too slowly", out);
        }
    }

    /// Asks for the one deadline that the state needs, and holds input back while nothing
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
            Waits::Message(message) => sooner(message.due_ms()),
            Waits::Command => {
                if let Some(partial) = &self.partial {
                    sooner(partial.due_ms());
                }
            }
            _ => {}
        }
        // A deadline that comes too early is asked for again when it comes. To move it with
        // every command would cost more.
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

    /// The time until which the next command must wait, if there were too many in the last
    /// minute.
    fn too_fast(&self, now: Now) -> Option<u64> {
        let ahead = self
            .clock
            .rate_us
            .saturating_sub(now.mono_ms.saturating_mul(1000));
        // The commands of one minute may come at once.
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

    fn fault(&mut self, fault: SyntaxFault<'_>, out: &mut Output) {
        self.opening
            .shared
            .metrics
            .count(match fault.error.is_bound() {
                true => Metric::TooLong,
                false => Metric::SyntaxErrors,
            });
        self.tag.clear();
        self.tag.push_str(fault.tag.unwrap_or("*"));
        respond::syntax_error(&mut out.bytes, &self.tag, fault.error);
        if fault.error.words().0 == Condition::Bad {
            self.waits = Waits::Command;
            self.count_error(out);
        }
    }

    /// The server stops. A message on its way may come to its end. When it is told again, the time
    /// for that is over.
    fn stop(&mut self, out: &mut Output) {
        if self.stopping && matches!(self.waits, Waits::Message(_)) {
            return self.bye("Server is stopping, the message was not stored", out);
        }
        self.stopping = true;
    }

    /// Whether a stop may end the session now: no command is under way.
    fn is_idle(&self) -> bool {
        !matches!(
            self.waits,
            Waits::Reply(_) | Waits::Drain(_) | Waits::Message(_)
        )
    }
}

const MINUTE_US: u64 = 60_000_000;
