//! The end of every command, and IDLE: the only place where the view of a client moves.
//!
//! The order is: flags that other sessions changed, EXISTS and RECENT, EXPUNGE if the command
//! allows it, the tagged line. The client is told of all that is pending when this begins. An
//! event that comes meanwhile waits for the next command, so that a busy mailbox cannot delay
//! the answer without end.

use std::borrow::Cow;

use super::held::HeldEvents;
use crate::call::{
    Answer, EntryRead, EntryState, Now, Octets, Receipt, Refusal, Reply, UidQueue, UidSet,
};
use crate::engine::{HIGH_WATER, Output};
use crate::imap::command::fetch::render::{self, Told};
use crate::imap::server::{Denied, Flow, Pending, Server, Stage, Waits};
use crate::imap::wire::Condition;
use crate::imap::wire::respond::{self, refusal_text, target_refusal_text};

/// The last step, after everything has been told.
#[derive(Debug)]
pub(crate) enum End {
    /// The tagged line, with its text.
    Tagged(Condition, Cow<'static, str>),
    /// IDLE goes on; the next `Still here` is due then.
    Idle { still_at: u64 },
}

/// The progress of telling.
#[derive(Debug)]
pub(crate) struct Telling {
    end: End,
    /// The view was compared with the store, or need not be.
    compared: bool,
    /// The messages whose flags are still to be told; `None` before the first look.
    flags: Option<UidQueue>,
    /// The first event behind these flags.
    first: u64,
}

/// The comparison of the view with the store.
#[derive(Debug)]
struct ComparePending(Telling);

/// The flags that other sessions changed, of these messages.
#[derive(Debug)]
struct FlagsPending(Telling, UidSet);

impl Pending for ComparePending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        server.compared(self.0, reply, out);
    }
}

impl Pending for FlagsPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        server.flags_read(self.0, &self.1, reply, out);
    }
}

impl Flow for Telling {
    fn go_on(self: Box<Self>, server: &mut Server, out: &mut Output) {
        server.tell_on(*self, out);
    }
}

impl Server {
    /// Tells all that may be told, then ends the command.
    pub(crate) fn tell(&mut self, end: End, out: &mut Output) {
        if let (End::Tagged(condition, text), false) = (&end, self.is_pending()) {
            self.write_tagged(*condition, text, out);
            self.waits = Waits::Command;
            return;
        }
        self.tell_on(
            Telling {
                end,
                compared: false,
                flags: None,
                first: 0,
            },
            out,
        );
    }

    /// The command succeeded and had nothing to store.
    pub(crate) fn ok(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.tell(End::Tagged(Condition::Ok, text.into()), out);
    }

    /// The command succeeded and changed something: only a commit gives the receipt.
    pub(crate) fn done(
        &mut self,
        _proof: Receipt,
        text: impl Into<Cow<'static, str>>,
        out: &mut Output,
    ) {
        self.tell(End::Tagged(Condition::Ok, text.into()), out);
    }

    /// The command failed, without a mistake of the client.
    pub(crate) fn no(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.tell(End::Tagged(Condition::No, text.into()), out);
    }

    /// The service refused the call.
    pub(crate) fn refused(&mut self, why: &Refusal, out: &mut Output) {
        if self.mid_line {
            return self.hang_up(out);
        }
        self.no(refusal_text(why), out);
    }

    /// As [`Server::refused`], for a command that names a mailbox which the client could
    /// create (RFC 3501 sections 6.3.11 and 6.4.7).
    pub(crate) fn refused_target(&mut self, why: &Refusal, out: &mut Output) {
        if self.mid_line {
            return self.hang_up(out);
        }
        self.no(target_refusal_text(why), out);
    }

    /// A reply that does not answer the call: a refusal, or a fault of ours.
    pub(crate) fn not_answered(&mut self, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Refused(why) => self.refused(&why, out),
            Reply::Answer(_) | Reply::Written(..) => {
                log::error!("conn={} answer to another call", self.opening.conn.0);
                self.refused(&Refusal::Internal, out);
            }
        }
    }

    /// Says why a command is not allowed.
    pub(crate) fn denied(&mut self, why: Denied, out: &mut Output) {
        match why {
            Denied::Bad(text) => self.bad(text, out),
            Denied::No(text) => self.no(text, out),
        }
    }

    /// Whether there is anything to tell.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(&self.stage, Stage::Selected(_, open) if open.view.is_pending())
    }

    /// Goes on telling.
    fn tell_on(&mut self, mut telling: Telling, out: &mut Output) {
        let expunge = self.may_expunge;
        if let Stage::Selected(_, open) = &mut self.stage {
            let view = &mut open.view;
            if let (Some(since), true, false) = (view.lag(), expunge, telling.compared) {
                let call = EntryRead::Changes {
                    mailbox: open.id,
                    since,
                    progress: Box::default(),
                };
                telling.compared = true;
                self.held = Some(Box::new(HeldEvents::default()));
                return self.ask(call, Box::new(ComparePending(telling)), out);
            }
            if telling.flags.is_none() {
                telling.first = view.first_pending();
            }
            let flags = telling
                .flags
                .get_or_insert_with(|| view.take_changed().into());
            if !flags.is_empty() {
                let asked = flags.take(FLAGS_AT_ONCE);
                let call = EntryRead::Fetch {
                    mailbox: open.id,
                    uids: asked.clone(),
                    digest: false,
                    octets: Octets::No,
                    changed_since: 0,
                };
                return self.ask(call, Box::new(FlagsPending(telling, asked)), out);
            }
            let recent_marks = &self.opening.shared.recent_marks;
            if view.take_arrived(|last| match open.read_only {
                true => recent_marks.taken(open.id),
                false => recent_marks.take(open.id, last),
            }) {
                let recent = view.recent().len() as u64;
                respond::counted(&mut out.bytes, u64::from(view.exists()), "EXISTS");
                respond::counted(&mut out.bytes, recent, "RECENT");
            }
            if expunge {
                loop {
                    let gone = view.take_gone(EXPUNGES_AT_ONCE);
                    if gone.is_empty() {
                        break;
                    }
                    for number in gone {
                        respond::counted(&mut out.bytes, u64::from(number), "EXPUNGE");
                    }
                    if out.bytes.len() > HIGH_WATER {
                        return self.after_drain(Box::new(telling), out);
                    }
                }
            }
        }
        match telling.end {
            End::Tagged(condition, text) => {
                self.write_tagged(condition, &text, out);
                self.waits = Waits::Command;
            }
            End::Idle { still_at } => {
                // The next events are told after these lines have gone out. So a client that
                // does not read costs the ranges of its view and no queue of lines.
                let blocked = !out.bytes.is_empty();
                out.more |= blocked;
                self.waits = Waits::Done { blocked, still_at };
            }
        }
    }

    /// The state of the store, for a view that lags.
    fn compared(&mut self, telling: Telling, reply: Reply, out: &mut Output) {
        let held = self.held.take().unwrap_or_default();
        if let Stage::Selected(_, open) = &mut self.stage
            && let Reply::Answer(Answer::Changes {
                changed,
                uids,
                as_of,
            }) = &reply
        {
            open.view.compared(uids, changed, *as_of);
            held.release(open.id, &mut open.view);
        }
        // If the call was refused, the view still lags, and the end of the next command
        // compares it again.
        self.tell_on(telling, out);
    }

    /// A page of the flags that other sessions changed.
    fn flags_read(&mut self, mut telling: Telling, asked: &UidSet, reply: Reply, out: &mut Output) {
        let mut left = telling.flags.take().unwrap_or_default();
        if let Reply::Answer(Answer::Entries { rows, more }) = reply {
            let told = &self.told;
            let is_told = |state: &EntryState| told.has(state.uid, state.modseq);
            let states = rows.into_iter().map(|row| row.state);
            let states: Vec<EntryState> = states.filter(|state| !is_told(state)).collect();
            self.write_states(&states, true, true, out);
            if more != *asked {
                left.put_back(&more);
            }
        } else if let Stage::Selected(_, open) = &mut self.stage {
            // Refused: they are told at the end of the next command.
            let mut untold = asked.clone();
            untold.add(&core::mem::take(&mut left).into_set());
            open.view.put_back_changed(&untold, telling.first);
        }
        telling.flags = Some(left);
        if self.is_full(out) {
            return self.after_drain(Box::new(telling), out);
        }
        self.tell_on(telling, out);
    }

    /// `* n FETCH (UID u FLAGS (...) MODSEQ (m))` for each message that the client knows.
    pub(crate) fn write_states(
        &mut self,
        states: &[EntryState],
        uid: bool,
        flags: bool,
        out: &mut Output,
    ) {
        let modseq = self.condstore;
        let Some(open) = self.open() else {
            return;
        };
        if flags {
            open.announce(states.iter(), out);
        }
        let uids: UidSet = states.iter().map(|state| state.uid).collect();
        let known = uids.intersection(open.view.known());
        let numbers = open.view.numbers(&known);
        let mut states: Vec<&EntryState> = states.iter().collect();
        states.sort_unstable_by_key(|state| state.uid);
        states.dedup_by_key(|state| state.uid);
        let known_states = states.into_iter().filter(|s| known.contains(s.uid));
        for (number, state) in numbers.iter().zip(known_states) {
            let told = Told {
                recent: open.view.recent().contains(state.uid),
                uid,
                flags,
                modseq,
            };
            render::state(&mut out.bytes, number, state, told);
        }
    }
}

/// So many EXPUNGE lines (some 60 KiB) are written before the output is looked at.
const EXPUNGES_AT_ONCE: usize = 4096;

/// The flags of so many messages are asked for at once.
const FLAGS_AT_ONCE: usize = 1000;
