//! APPEND (RFC 3501 section 6.3.11): the octets of a message, gathered as they arrive under
//! the budget that all connections share, then parsed, then stored.
//!
//! If the command is refused before its octets come, a client that waits for a continuation
//! gets the refusal at once. Otherwise (LITERAL+) the octets are read and dropped first, so
//! that none of them is ever taken for a command.

use std::sync::Arc;

use super::{AppendLiteral, CommandContext, RunCommand};
use crate::call::{
    ArrivalPace, Bounded, Call, Charge, Flags, Holders, Intake, LOOK_MS, MemoryShortage, Metric,
    Noun, Now, Refusal, Reply, Route, Written,
};
use crate::engine::Output;
use crate::imap::server::{Denied, Pending, Reading, Server, Waits};
use crate::imap::wire::flag_list::FlagList;
use crate::imap::wire::frame;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::respond::{self, refusal_text};
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// APPEND up to its message literal, whose octets follow (see `FrameStep::Message`).
#[derive(Debug)]
pub struct AppendCommand {
    /// The mailbox that the message goes to.
    pub mailbox: MailboxName,
    /// Flags and keywords to set.
    pub flags: FlagList,
    /// INTERNALDATE, unix milliseconds.
    pub received_at: Option<i64>,
    /// Octets of the message.
    pub size: u64,
}

/// Up to and including the announcement of the message and its CRLF.
pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse(lexer)?;
    lexer.space()?;
    let flags = if lexer.peek() == Some(b'(') {
        let flags = FlagList::parse(lexer)?;
        lexer.space()?;
        flags
    } else {
        FlagList::default()
    };
    let mut received_at = None;
    if lexer.peek() == Some(b'"') {
        received_at = Some(lexer.date_time()?);
        lexer.space()?;
    }
    if lexer.peek() != Some(b'{') {
        return Err(SyntaxError::AppendWithoutMessage);
    }
    let size = lexer.announced()?;
    Ok(Box::new(AppendCommand {
        mailbox,
        flags,
        received_at,
        size,
    }))
}

impl RunCommand for AppendCommand {
    fn run(self: Box<Self>, server: &mut Server, context: CommandContext, out: &mut Output) {
        let Some(AppendLiteral { sync, .. }) = context.message else {
            return server.bad(SyntaxError::AppendWithoutMessage.words().2, out);
        };
        let size = self.size;
        let most = server.message_bytes_max();
        if size > most {
            server.opening.shared.metrics.count(Metric::RejectedSize);
            let why = Refusal::TooBig {
                what: Bounded::MessageOctets,
                max: most,
            };
            server.no(refusal_text(&why), out);
            if !sync {
                server.bye("The message would be too big", out);
            }
            return;
        }
        if sync {
            respond::continuation(&mut out.bytes, "Go on");
        }
        let target = AppendTarget {
            mailbox: self.mailbox.into_string(),
            flags: self.flags.flags,
            keywords: self.flags.keywords,
            received_at: self.received_at,
        };
        server.gather(context.now, size, Some(target), None);
    }

    fn deny(
        self: Box<Self>,
        server: &mut Server,
        context: CommandContext,
        why: Denied,
        out: &mut Output,
    ) {
        match context.message {
            Some(AppendLiteral { size, sync: false }) if size > server.message_bytes_max() => {
                server.bye("The message would be too big", out);
            }
            Some(AppendLiteral { size, sync: false }) => {
                server.gather(context.now, size, None, Some(why));
            }
            _ => server.denied(why, out),
        }
    }
}

/// The message that is coming in.
#[derive(Debug)]
struct IncomingMessage {
    /// Where it goes; `None` if its octets are dropped.
    target: Option<AppendTarget>,
    /// The answer at its end, if it will not be stored.
    refusal: Option<Denied>,
    /// The memory for it was used up, or others needed it more: the answer at its end.
    shortage: Option<MemoryShortage>,
    octets: Vec<u8>,
    /// Given back when the octets are dropped.
    charge: Option<Charge>,
    size: u64,
    received: u64,
    pace: ArrivalPace,
    /// While it holds memory: when that is looked after next.
    look_due_ms: u64,
}

#[derive(Debug)]
struct AppendTarget {
    mailbox: String,
    flags: Flags,
    keywords: Vec<String>,
    received_at: Option<i64>,
}

impl IncomingMessage {
    /// Takes octets. Memory grows with the octets that have come, never with the announcement.
    fn take(&mut self, now: Now, octets: &[u8]) -> Result<(), MemoryShortage> {
        self.received = self.received.saturating_add(octets.len() as u64);
        let Some(charge) = &mut self.charge else {
            return Ok(());
        };
        charge.record(octets.len(), now.mono_ms);
        let needed = self.octets.len() + octets.len();
        if needed > self.octets.capacity() {
            let size = usize::try_from(self.size).unwrap_or(usize::MAX);
            let more = needed
                .max(self.octets.capacity().saturating_mul(2))
                .max(FIRST_OCTETS)
                .min(size.max(needed));
            charge.hold(more, now.mono_ms)?;
            self.octets.reserve_exact(more - self.octets.len());
        }
        self.octets.extend_from_slice(octets);
        Ok(())
    }

    /// Drops the octets. The rest is read on, and the refusal comes at the end of the command.
    fn give_up(&mut self, shortage: MemoryShortage) {
        self.shortage = Some(shortage);
        self.octets = Vec::new();
        self.charge = None;
    }

    /// Drops the octets if others have taken their memory back.
    fn look_after(&mut self, server: &Server, now: Now) {
        self.look_due_ms = now.mono_ms.saturating_add(LOOK_MS);
        let taken = self.charge.as_ref().and_then(|c| c.check().err());
        if let Some(shortage) = taken {
            self.give_up(shortage);
            server.opening.shared.metrics.count(Metric::ArrivalsRevoked);
        }
    }

    /// All octets are there.
    fn store(self, server: &mut Server, out: &mut Output) {
        let IncomingMessage {
            target,
            refusal,
            mut shortage,
            octets,
            mut charge,
            ..
        } = self;
        if let Some(Err(taken)) = charge.as_mut().map(Charge::settle) {
            shortage = Some(taken);
        }
        if let Some(shortage) = shortage {
            server.opening.shared.metrics.count(Metric::RejectedMemory);
            return server.no(format!("[LIMIT] {shortage}, try again later"), out);
        }
        let access = server.access().cloned();
        match (refusal, target, access) {
            (Some(why), _, _) => server.denied(why, out),
            (None, Some(target), Some(access)) => {
                let Some(inbox) = access.inbox else {
                    return server.refused(&Refusal::NotFound(Noun::Inbox), out);
                };
                let route = Route::Append {
                    inbox,
                    mailbox: target.mailbox,
                    flags: target.flags,
                    keywords: target.keywords,
                    received_at: target.received_at,
                };
                let intake = Box::new(Intake {
                    route,
                    octets,
                    charge: charge.map(Arc::new),
                });
                server.ask(Call::Accept(intake), Box::new(AppendPending), out);
            }
            // It was answered when its line was read.
            (None, _, _) => {}
        }
    }
}

/// The parse and the delivery of the message.
#[derive(Debug)]
struct AppendPending;

impl Pending for AppendPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Delivered { placed, .. }, receipt) => match placed {
                Some((uidvalidity, uid)) => server.done(
                    receipt,
                    format!("[APPENDUID {uidvalidity} {uid}] Appended"),
                    out,
                ),
                None => server.done(receipt, "Appended", out),
            },
            Reply::Refused(why) => server.refused_target(&why, out),
            other => server.not_answered(other, out),
        }
    }
}

impl Server {
    fn message_bytes_max(&self) -> u64 {
        self.opening.shared.limits.message_bytes as u64
    }

    /// After a line that was wrong and has been answered: if it announced a message that comes
    /// without a continuation, its octets are dropped.
    pub(crate) fn skip_message(&mut self, context: CommandContext, out: &mut Output) {
        let Some(AppendLiteral { size, sync: false }) = context.message else {
            return;
        };
        if !self.is_reading() {
            return;
        }
        if size > self.message_bytes_max() {
            return self.bye("The message would be too big", out);
        }
        self.gather(context.now, size, None, None);
    }

    fn gather(
        &mut self,
        now: Now,
        size: u64,
        target: Option<AppendTarget>,
        refusal: Option<Denied>,
    ) {
        self.searched = 0;
        let holders = Holders::of_access(self.access(), self.opening.peer.ip());
        let shared = Arc::clone(&self.opening.shared);
        let charge = target
            .is_some()
            .then(|| shared.intake.arrival(holders, now.mono_ms));
        let pace = ArrivalPace::begin(now, shared.limits.data_bytes_per_s, FREE_MS);
        self.waits = Waits::Message(Box::new(IncomingMessage {
            target,
            refusal,
            shortage: None,
            octets: Vec::new(),
            charge,
            size,
            received: 0,
            pace,
            look_due_ms: 0,
        }));
    }
}

impl Reading for IncomingMessage {
    /// Octets of the message, then the end of the line of the command.
    fn read(
        mut self: Box<Self>,
        server: &mut Server,
        now: Now,
        unread: &[u8],
        out: &mut Output,
    ) -> usize {
        self.look_after(server, now);
        let left = usize::try_from(self.size.saturating_sub(self.received))
            .unwrap_or(usize::MAX)
            .min(unread.len());
        if left > 0 {
            self.pace.record(now, left);
            if let Err(shortage) = self.take(now, unread.get(..left).unwrap_or(unread)) {
                self.give_up(shortage);
            }
            server.waits = Waits::Message(self);
            return left;
        }
        if self.size > self.received {
            server.waits = Waits::Message(self);
            return 0;
        }
        match frame::line(unread, &mut server.searched, TAIL_BYTES_MAX) {
            Ok(None) => {
                server.waits = Waits::Message(self);
                0
            }
            Ok(Some((rest, used))) => {
                if rest.is_empty() {
                    self.store(server, out);
                } else {
                    // MULTIAPPEND is not offered.
                    server.bad(SyntaxError::Trailing.words().2, out);
                    if rest.ends_with(b"+}") {
                        server.bye("What follows cannot be told from commands", out);
                    }
                }
                used
            }
            Err(_) => {
                server.bad(SyntaxError::Trailing.words().2, out);
                server.bye("What follows cannot be told from commands", out);
                unread.len()
            }
        }
    }

    fn look(&mut self, server: &Server, now: Now) -> bool {
        self.look_after(server, now);
        now.mono_ms >= self.pace.due_ms()
    }

    fn due_ms(&self) -> u64 {
        let is_held = self.charge.as_ref().is_some_and(Charge::is_held);
        let pace = self.pace.due_ms();
        if is_held {
            pace.min(self.look_due_ms)
        } else {
            pace
        }
    }
}

/// The first minute of a message needs no octets.
const FREE_MS: u64 = 60_000;
/// The first octets that are charged to the budget.
const FIRST_OCTETS: usize = 16 * 1024;
/// Enough for a MULTIAPPEND, which is answered with BAD.
const TAIL_BYTES_MAX: usize = 8192;
