//! APPEND: the octets of a message, gathered as they arrive under the budget that all
//! connections share, then parsed, then stored.
//!
//! What is refused before its octets come is refused at once if the client waits for a
//! continuation; else (LITERAL+) the octets are swallowed first, so that none of them is
//! ever taken for a command.

use crate::call::{Call, Charge, Flags, Intake, Metric, Now, Refusal, Reply, Route, Written};
use crate::engine::Output;
use crate::imap::frame;
use crate::imap::respond;
use crate::imap::server::{Server, refusal_text};
use crate::imap::state::{Job, Waits};
use crate::imap::table::{Denied, row};
use crate::imap::types::{Command, SyntaxError, Tagged};

/// The message that is coming in.
#[derive(Debug)]
pub(in crate::imap) struct Appending {
    /// Where it goes; `None` when its octets are only swallowed.
    target: Option<Target>,
    /// What is said when it is all there: it will not be stored.
    refusal: Option<Denied>,
    octets: Vec<u8>,
    charge: Charge,
    size: u64,
    received: u64,
    began: u64,
}

#[derive(Debug)]
struct Target {
    mailbox: String,
    flags: Flags,
    keywords: Vec<String>,
    received_at: Option<i64>,
}

impl Appending {
    /// When more octets than these must have come: after a minute's grace, at a least rate.
    pub(in crate::imap) fn due_by(&self, octets_per_s: u64) -> u64 {
        let earned = self.received.saturating_mul(1000) / octets_per_s.max(1);
        self.began.saturating_add(GRACE_MS).saturating_add(earned)
    }

    /// Takes octets; memory grows with what has come, never with what was announced.
    fn take(&mut self, octets: &[u8]) {
        self.received = self.received.saturating_add(octets.len() as u64);
        if self.target.is_none() {
            return;
        }
        let needed = self.octets.len() + octets.len();
        if needed > self.octets.capacity() {
            let size = usize::try_from(self.size).unwrap_or(usize::MAX);
            let more = needed
                .max(self.octets.capacity().saturating_mul(2))
                .max(FIRST_OCTETS)
                .min(size.max(needed));
            if !self.charge.hold(more) {
                self.octets = Vec::new();
                self.target = None;
                self.refusal = Some(Denied::No(
                    "[LIMIT] Too much mail is coming in, try again later",
                ));
                return;
            }
            self.octets.reserve_exact(more - self.octets.len());
        }
        self.octets.extend_from_slice(octets);
    }
}

impl Server {
    /// An APPEND whose message begins behind it.
    pub(in crate::imap) fn append(
        &mut self,
        now: Now,
        tagged: Tagged<'_>,
        size: u64,
        sync: bool,
        out: &mut Output,
    ) {
        self.tag.clear();
        self.tag.push_str(tagged.tag);
        let row = row(&tagged.command);
        self.may_expunge = row.may_expunge();
        let allowed = self.allowed(&row);
        let Command::Append {
            mailbox,
            flags,
            received_at,
            ..
        } = tagged.command
        else {
            return self.bad(SyntaxError::AppendWithoutMessage.words().2, out);
        };
        let most = self.opening.shared.limits.message_bytes as u64;
        if size > most && allowed.is_ok() {
            self.opening.shared.metrics.count(Metric::RejectedSize);
            let text = refusal_text(&Refusal::TooBig {
                what: "octets of a message",
                max: most,
            });
            self.no(text, out);
        }
        if size > most && !sync {
            return self.bye("The message would be too big", out);
        }
        match allowed {
            Ok(()) if size > most => {}
            Ok(()) => {
                let target = Target {
                    mailbox: mailbox.into_string(),
                    flags: flags.flags,
                    keywords: flags.keywords,
                    received_at,
                };
                if sync {
                    respond::continuation(&mut out.bytes, "Go on");
                }
                self.gather(now, size, Some(target), None);
            }
            Err(why) if sync => self.denied(why, out),
            Err(why) => self.gather(now, size, None, Some(why)),
        }
    }

    /// The line of an APPEND was wrong and that has been said; its octets may come anyway.
    pub(in crate::imap) fn skip_message(
        &mut self,
        size: u64,
        sync: bool,
        now: Now,
        out: &mut Output,
    ) {
        if sync || !self.is_reading() {
            return;
        }
        if size > self.opening.shared.limits.message_bytes as u64 {
            return self.bye("The message would be too big", out);
        }
        self.gather(now, size, None, None);
    }

    fn gather(&mut self, now: Now, size: u64, target: Option<Target>, refusal: Option<Denied>) {
        self.searched = 0;
        self.waits = Waits::Message(Box::new(Appending {
            target,
            refusal,
            octets: Vec::new(),
            charge: self.opening.shared.intake.charge(),
            size,
            received: 0,
            began: now.mono_ms,
        }));
    }

    /// Octets of the message, then the end of the command's line.
    pub(in crate::imap) fn message_bytes(&mut self, unread: &[u8], out: &mut Output) -> usize {
        let Waits::Message(message) = &mut self.waits else {
            return 0;
        };
        let left = usize::try_from(message.size.saturating_sub(message.received))
            .unwrap_or(usize::MAX)
            .min(unread.len());
        if left > 0 {
            let stored = message.target.is_some();
            message.take(unread.get(..left).unwrap_or(unread));
            if stored && message.target.is_none() {
                self.opening.shared.metrics.count(Metric::RejectedMemory);
            }
            return left;
        }
        if message.size > message.received {
            return 0;
        }
        match frame::line(unread, &mut self.searched, TAIL_BYTES_MAX) {
            Ok(None) => 0,
            Ok(Some((rest, used))) => {
                let is_end = rest.is_empty();
                let more_follows = rest.ends_with(b"+}");
                if is_end {
                    self.gathered(out);
                } else {
                    // MULTIAPPEND is not offered.
                    self.waits = Waits::Command;
                    self.bad(SyntaxError::Trailing.words().2, out);
                    if more_follows {
                        self.bye("What follows cannot be told from commands", out);
                    }
                }
                used
            }
            Err(_) => {
                self.bad(SyntaxError::Trailing.words().2, out);
                self.bye("What follows cannot be told from commands", out);
                unread.len()
            }
        }
    }

    fn gathered(&mut self, out: &mut Output) {
        let Waits::Message(message) = core::mem::replace(&mut self.waits, Waits::Command) else {
            return;
        };
        let Appending {
            target,
            refusal,
            octets,
            charge,
            ..
        } = *message;
        let access = self.access().cloned();
        match (refusal, target, access) {
            (Some(why), _, _) => self.denied(why, out),
            (None, Some(target), Some(access)) => {
                let Some(inbox) = access.inbox else {
                    return self.refused(&Refusal::NotFound("inbox"), out);
                };
                let route = Route::Append {
                    inbox,
                    mailbox: target.mailbox,
                    flags: target.flags,
                    keywords: target.keywords,
                    received_at: target.received_at,
                };
                let intake = Box::new(Intake { route, octets });
                self.ask(Call::Accept(intake), Job::Append(charge), out);
            }
            // It was answered when its line was read.
            (None, _, _) => {}
        }
    }

    pub(in crate::imap) fn appended(&mut self, charge: Charge, reply: Reply, out: &mut Output) {
        drop(charge);
        match reply {
            Reply::Written(Written::Delivered { placed, .. }, receipt) => match placed {
                Some((uidvalidity, uid)) => self.done(
                    receipt,
                    format!("[APPENDUID {uidvalidity} {uid}] Appended"),
                    out,
                ),
                None => self.done(receipt, "Appended", out),
            },
            Reply::Refused(why) => self.refused_target(&why, out),
            other => self.otherwise(other, out),
        }
    }
}

/// Time to begin in.
const GRACE_MS: u64 = 60_000;
/// The first that is charged to the budget.
const FIRST_OCTETS: usize = 16 * 1024;
/// Enough to answer a MULTIAPPEND with BAD.
const TAIL_BYTES_MAX: usize = 8192;
