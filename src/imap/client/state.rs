//! The connection of an account compares the state of messages that are here with that on the
//! server: their flags, and which are gone.
//!
//! ```text
//!  Opened ─► Changes ──────────────────────────► Told ─► Compared ─► new messages
//!        └─► Known ─► State ─► Told ─┐                      ▲
//!              ▲                     └── up to 500 each ────┤
//!              └─────────────────────────────────────────────
//! ```
//!
//! A server with QRESYNC says in one answer what has changed since the last time. One with MODSEQs
//! says whether anything has. Of any other all messages are asked for, 500 at a time; on news of
//! the open mailbox only the newest 500, and the others in the next round.

use std::sync::Arc;

use super::comparison::{FolderTour, StateCompared};
use super::step::SyncStep;
use super::sync::UpstreamClient;
use crate::call::{ComparedAt, Now, RemoteMessage, UidSet, UpstreamOrder, UpstreamWrite};
use crate::engine::Output;

impl UpstreamClient {
    /// Compares the state of the messages that are known, and then looks for new ones.
    pub(super) fn compare(&mut self, now: Now, is_woken: bool, out: &mut Output) {
        self.dialogue.forget_changes();
        let compared = self.up_to.compared;
        let tells_vanished = self.dialogue.tells_vanished();
        self.state = StateCompared {
            is_woken,
            is_whole: !is_woken,
            since: compared.map(|at| at.modseq).filter(|_| tells_vanished),
            ..StateCompared::default()
        };
        let is_same = self.opened.is_some_and(|opened| {
            let here = compared.map(|at| (Some(at.modseq), at.uidnext, at.exists));
            opened.uidnext.is_some()
                && here == Some((opened.highest_modseq, opened.uidnext, opened.exists))
        });
        let last = self.up_to.last_uid.unwrap_or(0).max(self.seen);
        if last == 0 || (is_same && !is_woken) {
            return self.look_for_new(now, out);
        }
        match self.state.since {
            Some(since) => {
                let order = UpstreamOrder::Changes { last, since };
                self.order(now, SyncStep::Changes, order, out);
            }
            None => self.ask_known(out),
        }
    }

    fn ask_known(&mut self, out: &mut Output) {
        let Some(folder) = self.folders.get(self.at).map(|folder| folder.id) else {
            return self.end(None, out);
        };
        let call = UpstreamWrite::Known {
            account: self.dial.account,
            folder,
            before: self.state.before,
        };
        self.ask(SyncStep::Known, call, out);
    }

    /// The service has said which messages are known.
    pub(super) fn known(&mut self, now: Now, uids: UidSet, before: Option<i64>, out: &mut Output) {
        self.state.before = before;
        if uids.is_empty() {
            return self.go_on_comparing(now, out);
        }
        self.state.asked = uids.clone();
        self.order(now, SyncStep::State, UpstreamOrder::State { uids }, out);
    }

    /// The server has told the state of messages, with `vanished` those that are gone.
    pub(super) fn state_told(
        &mut self,
        now: Now,
        messages: Vec<RemoteMessage>,
        (is_whole, vanished, modseq): (bool, UidSet, Option<u64>),
        out: &mut Output,
    ) {
        if self.step == SyncStep::Changes {
            // All up to it is in this one answer; that of a step says nothing of the steps before.
            self.state.modseq = modseq;
            self.state.since = self.state.since.filter(|_| is_whole);
            if !is_whole {
                // So much has changed that all is asked for.
                self.state.is_whole = true;
                return self.ask_known(out);
            }
            self.state.is_whole = true;
            self.state.asked = vanished;
            for row in &messages {
                self.state.asked.insert(row.uid);
            }
        }
        self.state.told = Arc::new(messages);
        match self.state.asked.is_empty() {
            true => self.go_on_comparing(now, out),
            false => self.tell_state(out),
        }
    }

    fn tell_state(&mut self, out: &mut Output) {
        let Some((folder, opened)) = self.open_folder() else {
            return self.end(None, out);
        };
        let call = UpstreamWrite::Told {
            account: self.dial.account,
            folder,
            uidvalidity: opened.uidvalidity,
            asked: self.state.asked.clone(),
            messages: Arc::clone(&self.state.told),
            takes_keywords: !self.state.leaves_keywords,
        };
        self.ask(SyncStep::Told, call, out);
    }

    /// The service has taken it over.
    pub(super) fn state_taken(&mut self, now: Now, has_gone: bool, rest: UidSet, out: &mut Output) {
        self.has_gone |= has_gone;
        self.state.asked = rest;
        match self.state.asked.is_empty() {
            true => self.go_on_comparing(now, out),
            false => self.tell_state(out),
        }
    }

    /// The service has no room for the keywords of these messages. `false`: that is not why.
    pub(super) fn leave_keywords(&mut self, out: &mut Output) -> bool {
        let is_new = !core::mem::replace(&mut self.state.leaves_keywords, true);
        if is_new {
            self.tell_state(out);
        }
        is_new
    }

    fn go_on_comparing(&mut self, now: Now, out: &mut Output) {
        self.state.told = Arc::default();
        let is_stepwise = self.state.since.is_none();
        let has_more = is_stepwise && self.state.before.is_some();
        if self.is_stopping {
            return self.leave(now, out);
        }
        if has_more && self.state.is_whole {
            return self.ask_known(out);
        }
        let Some((folder, opened)) = self.open_folder() else {
            return self.end(None, out);
        };
        let told = self.state.modseq.max(self.state.since);
        let modseq = match self.state.is_woken {
            true => told,
            false => opened.highest_modseq.max(told),
        };
        let Some(modseq) = modseq.filter(|_| self.state.is_whole) else {
            return self.look_for_new(now, out);
        };
        let at = ComparedAt {
            modseq,
            uidnext: opened.uidnext,
            exists: opened.exists,
        };
        if self.up_to.compared.replace(at) == Some(at) {
            return self.look_for_new(now, out);
        }
        let call = UpstreamWrite::Compared {
            account: self.dial.account,
            folder,
            uidvalidity: opened.uidvalidity,
            at,
        };
        self.ask(SyncStep::Compared, call, out);
    }

    /// Looks for messages that are not known.
    pub(super) fn look_for_new(&mut self, now: Now, out: &mut Output) {
        if let FolderTour::Beyond(_) = self.tour {
            return self.go_on_tour(now, out);
        }
        let end = self.up_to.last_uid.and_then(|last| last.checked_add(1));
        let next = self.opened.and_then(|opened| opened.uidnext);
        match (end, next) {
            // Nothing is new.
            (Some(end), Some(next)) if next <= end && !self.state.is_woken => {
                self.is_up_to_date(now, out);
            }
            _ => self.scan(now, out),
        }
    }

    /// Looks at the other mailboxes, for what is gone there.
    pub(super) fn begin_tour(&mut self, now: Now, out: &mut Output) {
        self.tour = FolderTour::Beyond(self.at);
        self.at = self.folders.len();
        self.go_on_tour(now, out);
    }

    /// The next one of them, the last one first, or the mailbox that they are looked at for.
    pub(super) fn go_on_tour(&mut self, now: Now, out: &mut Output) {
        let FolderTour::Beyond(home) = self.tour else {
            return self.leave(now, out);
        };
        let before = (0..self.at).rev().find(|at| *at != home);
        match before {
            Some(at) => self.at = at,
            None => (self.at, self.tour) = (home, FolderTour::Over),
        }
        self.open(now, out);
    }
}
