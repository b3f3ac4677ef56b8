//! The messages that some session has seen as `\Recent` (RFC 3501 section 2.3.2): one mark for each
//! mailbox, and the UIDs up to the mark are taken.
//!
//! All workers share the marks without a lock, so marks can be lost: two mailboxes with the same
//! slot overwrite each other, and a new process has no marks. A session that cannot know whether
//! another has seen a message treats it as recent, as the RFC asks. The marks that SELECT claims
//! are also in the store and are not lost.

use core::sync::atomic::{AtomicU64, Ordering};

use super::MailboxId;

/// The marks. Each has 32 bits of the hash of the mailbox above its last taken UID.
pub struct RecentMarks(Box<[AtomicU64]>);

impl Default for RecentMarks {
    fn default() -> Self {
        RecentMarks((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl core::fmt::Debug for RecentMarks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecentMarks")
    }
}

impl RecentMarks {
    /// Some session has seen the UIDs of the mailbox up to this one; 0 when there is no mark.
    pub fn taken(&self, mailbox: MailboxId) -> u32 {
        let (slot, tag) = self.slot(mailbox);
        slot.map_or(0, |slot| taken_in(slot.load(Ordering::Relaxed), tag))
    }

    /// Takes the UIDs up to `high` for the session that calls. The UIDs up to the result belong to
    /// other sessions.
    pub fn take(&self, mailbox: MailboxId, high: u32) -> u32 {
        let (slot, tag) = self.slot(mailbox);
        let Some(slot) = slot else {
            return 0;
        };
        let raise = |was| Some(tag | u64::from(high.max(taken_in(was, tag))));
        match slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raise) {
            Ok(was) | Err(was) => taken_in(was, tag),
        }
    }

    fn slot(&self, mailbox: MailboxId) -> (Option<&AtomicU64>, u64) {
        let hash = mailbox.0.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (self.0.get((hash >> 52) as usize), hash << 32)
    }
}

/// The UID in `slot` if the slot belongs to the mailbox with `tag`.
fn taken_in(slot: u64, tag: u64) -> u32 {
    match slot & TAG == tag {
        true => (slot & !TAG) as u32,
        false => 0,
    }
}

/// 32 KiB, enough for the mailboxes that get mail at once on a large server.
const SLOTS: usize = 1 << 12;
const TAG: u64 = 0xffff_ffff << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uid_is_taken_once() {
        let recent_marks = RecentMarks::default();
        let (a, b) = (MailboxId(7), MailboxId(8));
        assert_eq!(recent_marks.taken(a), 0);
        assert_eq!(recent_marks.take(a, 3), 0);
        assert_eq!(recent_marks.take(a, 5), 3);
        assert_eq!(recent_marks.take(a, 4), 5, "a mark does not fall");
        assert_eq!((recent_marks.taken(a), recent_marks.taken(b)), (5, 0));
        assert_eq!(recent_marks.take(b, u32::MAX), 0);
        assert_eq!(
            (recent_marks.take(b, 1), recent_marks.taken(a)),
            (u32::MAX, 5)
        );
    }

    #[test]
    fn mailboxes_that_meet_forget_each_other() {
        let recent_marks = RecentMarks::default();
        let slot = |id| {
            MailboxId(id)
                .0
                .unsigned_abs()
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                >> 52
        };
        let other = (2..).find(|id| slot(*id) == slot(1)).map(MailboxId);
        recent_marks.take(MailboxId(1), 9);
        assert_eq!(other.map(|id| recent_marks.take(id, 4)), Some(0));
        assert_eq!(recent_marks.take(MailboxId(1), 9), 0);
    }
}
