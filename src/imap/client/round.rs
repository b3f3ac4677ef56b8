//! The end of a round of the connection of an account: what was found gone is deleted here, unless
//! it is in the archive there.
//!
//! ```text
//!  last mailbox ─► Gone ─► OpenArchive ─► Find ─► Round ─► INBOX
//!                   └─────────────────────────────▲
//! ```
//!
//! The archive is searched, one Message-ID after the other, and not kept the same: it may have all
//! messages of ten years. An archive that cannot be searched keeps everything here.

use super::step::SyncStep;
use super::sync::UpstreamClient;
use crate::call::{GoneMessage, Now, UpstreamOrder, UpstreamOutcome, UpstreamWrite};
use crate::engine::Output;

impl UpstreamClient {
    /// Each mailbox has been looked at: what is gone is deleted, or searched for before.
    pub(super) fn finish_round(&mut self, out: &mut Output) {
        let account = self.dial.account;
        match self.archive.is_some() && !self.has_missed {
            true => self.ask(SyncStep::Gone, UpstreamWrite::Gone { account }, out),
            false => self.ask_round(Vec::new(), out),
        }
    }

    fn ask_round(&mut self, archived: Vec<i64>, out: &mut Output) {
        let account = self.dial.account;
        let call = UpstreamWrite::Round {
            account,
            began: self.began,
            is_whole: !self.has_missed,
            archived,
            folders: self.folders.clone(),
        };
        self.ask(SyncStep::Round, call, out);
    }

    /// The service has said what is gone.
    pub(super) fn look_in_archive(&mut self, now: Now, gone: Vec<GoneMessage>, out: &mut Output) {
        if self.is_stopping {
            return self.leave(now, out);
        }
        let Some(name) = self.archive.clone().filter(|_| !gone.is_empty()) else {
            return self.ask_round(Vec::new(), out);
        };
        (self.gone, self.opened) = (gone, None);
        self.order(
            now,
            SyncStep::OpenArchive,
            UpstreamOrder::Open { name },
            out,
        );
    }

    pub(super) fn archive_opened(&mut self, now: Now, outcome: &UpstreamOutcome, out: &mut Output) {
        if let UpstreamOutcome::Refused { text, .. } = outcome {
            return self.archive_refused(text, out);
        }
        let ids = self.gone.iter().map(|gone| gone.message_id.clone());
        let message_ids = ids.collect();
        self.order(
            now,
            SyncStep::Find,
            UpstreamOrder::Find { message_ids },
            out,
        );
    }

    pub(super) fn archive_searched(&mut self, outcome: UpstreamOutcome, out: &mut Output) {
        match outcome {
            UpstreamOutcome::Found(found) => {
                let gone = core::mem::take(&mut self.gone);
                let archived = gone.iter().zip(found).filter(|(_, is_there)| *is_there);
                self.ask_round(archived.map(|(gone, _)| gone.message).collect(), out);
            }
            UpstreamOutcome::Refused { text, .. } => self.archive_refused(&text, out),
            _ => self.end(None, out),
        }
    }

    /// What is gone may be there: it stays here until the archive can be searched.
    fn archive_refused(&mut self, text: &str, out: &mut Output) {
        log::info!(
            "upstream inbox={}: archive: {text}",
            self.dial.account.inbox
        );
        self.gone.clear();
        self.has_missed = true;
        self.ask_round(Vec::new(), out);
    }

    /// The round is over: waits in INBOX.
    pub(super) fn end_round(&mut self, now: Now, out: &mut Output) {
        (self.has_gone, self.has_missed) = (false, false);
        if self.at == 0 && self.opened.is_some() {
            return self.wait_for_news(now, out);
        }
        (self.at, self.is_back, self.state.is_woken) = (0, true, false);
        self.open(now, out);
    }
}
