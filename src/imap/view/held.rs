//! Events that come while SELECT or a comparison of the view is under way.
//!
//! Not the view itself: the number of each event says whether the answer includes it already.

use super::{Happening, View};
use crate::call::{Event, MailboxId, SessionEnd, UidSet};

/// Events that come while SELECT or a comparison is under way. `as_of` of its answer says
/// which of them the answer includes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeldEvents {
    events: Vec<(u64, MailboxId, Happening, UidSet)>,
    /// The first that did not fit.
    overflow: Option<u64>,
    /// Mailboxes that are gone.
    deleted: Vec<MailboxId>,
    /// Too many were deleted to keep their ids: every mailbox may be among them.
    many_deleted: bool,
}

impl HeldEvents {
    /// Keeps the part of an event that matters to a view.
    pub fn keep(&mut self, event: &Event) {
        if let Some(SessionEnd::Mailbox(mailbox)) = event.ends() {
            if self.deleted.len() < HELD_MAX {
                self.deleted.push(mailbox);
            } else {
                self.many_deleted = true;
            }
        }
        let (Some(mailbox), Some(what)) = (event.mailbox, Happening::of(&event.change)) else {
            return;
        };
        if self.overflow.is_some() {
            return;
        }
        if self.events.len() < HELD_MAX && event.uids.ranges().len() <= HELD_RANGES_MAX {
            self.events
                .push((event.seq, mailbox, what, event.uids.clone()));
        } else {
            self.overflow = Some(event.seq);
        }
    }

    /// Whether `mailbox` was deleted meanwhile.
    pub fn has_deleted(&self, mailbox: MailboxId) -> bool {
        self.many_deleted || self.deleted.contains(&mailbox)
    }

    /// Gives the view of `mailbox` the events that it does not include yet.
    pub fn release(self, mailbox: MailboxId, view: &mut View) {
        for (seq, at, what, uids) in self.events {
            if at == mailbox {
                view.happened(seq, what, &uids);
            }
        }
        if let Some(seq) = self.overflow {
            view.fall_behind(seq);
        }
    }
}

/// Events held while one call is under way; if more come, the store is asked again.
const HELD_MAX: usize = 64;
/// Ranges of one of them.
const HELD_RANGES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::call::Change;
    use crate::imap::view::tests::set;

    #[test]
    fn what_came_meanwhile_is_sorted_out_by_its_number() {
        let event = |seq, uids: &str| Event {
            org: crate::call::OrgId(1),
            depth: 0,
            seq,
            at: 0,
            inbox: None,
            mailbox: Some(MailboxId(7)),
            uids: set(uids),
            change: Change::Expunged {
                messages: Vec::new(),
                count: 1,
                moved_to: None,
                folder: String::new(),
                reason: None,
            },
            origin: None,
        };
        let mut held = HeldEvents::default();
        held.keep(&event(5, "1"));
        held.keep(&event(6, "2"));
        let mut view = View::new(set("1:3"), 4, 0, 5);
        held.clone().release(MailboxId(8), &mut view);
        assert!(!view.is_pending());
        held.release(MailboxId(7), &mut view);
        assert_eq!(view.take_gone(9), [2]);
        let mut many = HeldEvents::default();
        for seq in 0..100 {
            many.keep(&event(10 + seq, "3"));
        }
        many.release(MailboxId(7), &mut view);
        assert!(view.lag().is_some());
    }
}
