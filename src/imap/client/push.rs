//! The connection of an account tells the server of changes that were made here, mailbox by
//! mailbox, behind the opening of each.

use super::step::SyncStep;
use super::sync::UpstreamClient;
use crate::call::{Now, PushOutcome, PushedChange, UpstreamOrder, UpstreamPush, UpstreamWrite};
use crate::engine::Output;

impl UpstreamClient {
    /// Asks for the next change to be told, in the open mailbox.
    pub(super) fn push(&mut self, out: &mut Output) {
        let Some((folder, opened)) = self.open_folder() else {
            return self.end(None, out);
        };
        let call = UpstreamWrite::NextChange {
            account: self.dial.account,
            folder,
            uidvalidity: opened.uidvalidity,
            permanent: self.dialogue.permanent().clone(),
            has_move: self.dialogue.has_move(),
            folders: self.folders.clone(),
        };
        self.ask(SyncStep::NextChange, call, out);
    }

    /// The service has said what is to be told.
    pub(super) fn next_change(
        &mut self,
        now: Now,
        push: Option<Box<UpstreamPush>>,
        has_more: bool,
        out: &mut Output,
    ) {
        let Some(push) = push.filter(|_| !self.is_stopping) else {
            return match has_more && !self.is_stopping {
                true => self.push(out),
                false => self.compare(now, false, out),
            };
        };
        let uids = push.uids.clone();
        let order = match &push.change {
            PushedChange::Flags(change) => UpstreamOrder::Flag {
                uids,
                change: change.clone(),
            },
            PushedChange::Deletion => UpstreamOrder::Expunge { uids },
            PushedChange::Move { name, .. } => {
                let to = name.clone();
                match self.dialogue.has_move() {
                    true => UpstreamOrder::Move { uids, to },
                    false => UpstreamOrder::Copy { uids, to },
                }
            }
        };
        self.pushing = Some(push);
        self.order(now, SyncStep::Push, order, out);
    }

    /// The server has answered to the change.
    pub(super) fn pushed(&mut self, outcome: PushOutcome, out: &mut Output) {
        let account = self.dial.account;
        let (Some((folder, opened)), Some(push)) = (self.open_folder(), self.pushing.take()) else {
            return self.end(None, out);
        };
        if let PushOutcome::Flagged { missing, .. } = &outcome {
            // They may be in other mailboxes: all are looked at.
            self.has_gone |= !missing.is_empty();
        }
        if let PushOutcome::Moved(Some(placed)) | PushOutcome::Copied(Some(placed)) = &outcome {
            self.has_gone |= !push.uids.difference(&placed.1).is_empty();
        }
        let call = UpstreamWrite::Pushed {
            account,
            folder,
            uidvalidity: opened.uidvalidity,
            push,
            outcome,
            folders: self.folders.clone(),
        };
        self.ask(SyncStep::Pushed, call, out);
    }
}
