//! The end of every command, and IDLE: the one place where a client's view moves.
//!
//! In this order: what others did to flags, EXISTS and RECENT, EXPUNGE where the command
//! allows it, the tagged line. What is pending when this begins is told; what comes while it
//! is being told waits for the next command, so that a busy mailbox cannot keep a client
//! from its answer.

use std::borrow::Cow;
use std::io::Write as _;

use crate::call::{Answer, EntryRead, EntryState, Octets, Reply, UidSet};
use crate::engine::{HIGH_WATER, Output};
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::{Flow, Job, Stage, Waits};
use crate::imap::view::Held;

/// What comes when all has been told.
#[derive(Debug)]
pub(in crate::imap) enum End {
    /// `OK `, `NO ` or `BAD `, and the text.
    Tagged(&'static str, Cow<'static, str>),
    /// IDLE goes on; the next `Still here` is due then.
    Idle { still_at: u64 },
}

/// How far the telling is.
#[derive(Debug)]
pub(in crate::imap) struct Telling {
    end: End,
    /// The view was compared with the store, or need not be.
    compared: bool,
    /// Whose flags are still to be told; `None` before the first look.
    flags: Option<UidSet>,
}

impl Server {
    /// Tells what may be told, then ends the command.
    pub(in crate::imap) fn tell(&mut self, end: End, out: &mut Output) {
        if let (End::Tagged(kind, text), false) = (&end, self.is_pending()) {
            self.write_tagged(kind, text, out);
            self.waits = Waits::Command;
            return;
        }
        self.tell_on(
            Telling {
                end,
                compared: false,
                flags: None,
            },
            out,
        );
    }

    pub(in crate::imap) fn is_pending(&self) -> bool {
        matches!(&self.stage, Stage::Selected(_, open) if open.view.is_pending())
    }

    /// Goes on telling.
    pub(in crate::imap) fn tell_on(&mut self, mut telling: Telling, out: &mut Output) {
        let expunge = self.may_expunge;
        if let Stage::Selected(_, open) = &mut self.stage {
            let view = &mut open.view;
            if let (Some(since), true, false) = (view.lag(), expunge, telling.compared) {
                let call = EntryRead::Changes {
                    mailbox: open.id,
                    since,
                };
                telling.compared = true;
                self.held = Some(Box::new(Held::default()));
                return self.ask(call, Job::Compare(Box::new(telling)), out);
            }
            let flags = telling.flags.get_or_insert_with(|| view.take_changed());
            if !flags.is_empty() {
                let call = EntryRead::Fetch {
                    mailbox: open.id,
                    uids: core::mem::take(flags),
                    digest: false,
                    octets: Octets::No,
                    changed_since: 0,
                };
                return self.ask(call, Job::Flags(Box::new(telling)), out);
            }
            let recent_marks = &self.opening.shared.recent_marks;
            if view.take_arrived(|last| match open.read_only {
                true => recent_marks.taken(open.id),
                false => recent_marks.take(open.id, last),
            }) {
                let (exists, recent) = (view.exists(), view.recent().len());
                let _ = write!(out.bytes, "* {exists} EXISTS\r\n* {recent} RECENT\r\n");
            }
            if expunge {
                loop {
                    let gone = view.take_gone(EXPUNGES_AT_ONCE);
                    if gone.is_empty() {
                        break;
                    }
                    for number in gone {
                        let _ = write!(out.bytes, "* {number} EXPUNGE\r\n");
                    }
                    if out.bytes.len() > HIGH_WATER {
                        return self.after_drain(Flow::Tell(Box::new(telling)), out);
                    }
                }
            }
        }
        match telling.end {
            End::Tagged(kind, text) => {
                self.write_tagged(kind, &text, out);
                self.waits = Waits::Command;
            }
            End::Idle { still_at } => {
                // The next events are told when these have gone: a client that does not
                // read costs its view's ranges, not a queue of lines.
                let blocked = !out.bytes.is_empty();
                out.more |= blocked;
                self.waits = Waits::Done { blocked, still_at };
            }
        }
    }

    /// What the store has, for a view that lags.
    pub(in crate::imap) fn compared(&mut self, telling: Telling, reply: Reply, out: &mut Output) {
        let held = self.held.take().unwrap_or_default();
        if let Stage::Selected(_, open) = &mut self.stage
            && let Reply::Answer(Answer::Changes {
                rows, uids, as_of, ..
            }) = &reply
        {
            let changed: UidSet = rows.iter().map(|row| row.uid).collect();
            open.view.compared(uids, &changed, *as_of);
            held.release(open.id, &mut open.view);
        }
        // Refused: it still lags, and is compared again at the end of the next command.
        self.tell_on(telling, out);
    }

    /// A page of the flags that others changed.
    pub(in crate::imap) fn flags_read(
        &mut self,
        mut telling: Telling,
        reply: Reply,
        out: &mut Output,
    ) {
        if let Reply::Answer(Answer::Entries { rows, more }) = reply {
            let states: Vec<EntryState> = rows.into_iter().map(|row| row.state).collect();
            self.write_states(&states, true, true, out);
            telling.flags = Some(if states.is_empty() {
                UidSet::new()
            } else {
                more
            });
        }
        if self.is_full(out) {
            return self.after_drain(Flow::Tell(Box::new(telling)), out);
        }
        self.tell_on(telling, out);
    }

    /// `* n FETCH (UID u FLAGS (...) MODSEQ (m))` for each that the client knows of.
    pub(in crate::imap) fn write_states(
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
            let _ = write!(out.bytes, "* {number} FETCH (");
            let mut gap = "";
            if uid {
                let _ = write!(out.bytes, "UID {}", state.uid);
                gap = " ";
            }
            if flags {
                let _ = write!(out.bytes, "{gap}FLAGS ");
                let recent = open.view.recent().contains(state.uid);
                respond::flags(&mut out.bytes, state.flags, recent, &state.keywords);
                gap = " ";
            }
            if modseq {
                let _ = write!(out.bytes, "{gap}MODSEQ ({})", state.modseq);
            }
            out.bytes.extend_from_slice(b")\r\n");
        }
    }
}

/// So many EXPUNGE lines (some 60 KiB) before the output is looked at.
const EXPUNGES_AT_ONCE: usize = 4096;
