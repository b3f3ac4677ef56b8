//! Which messages have been told to some session as `\Recent` (RFC 3501 section 2.3.2): one
//! mark a mailbox, up to which UIDs are taken.
//!
//! Shared by all workers without a lock, so it forgets: two mailboxes that meet in one slot
//! take it from each other, and a start begins with nothing. Who cannot know whether it is the
//! first to be told treats the message as recent, which is what the RFC asks for. What a
//! SELECT has claimed is in the store as well and outlives this.

use core::sync::atomic::{AtomicU64, Ordering};

use super::MailboxId;

/// The marks. Each is 32 bits of the mailbox' hash above its last UID that is taken.
pub struct RecentMarks(Box<[AtomicU64]>);

impl Default for RecentMarks {
    fn default() -> Self {
        RecentMarks((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl core::fmt::Debug for RecentMarks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Recents")
    }
}

impl RecentMarks {
    /// UIDs of the mailbox up to this one have been told to a session; 0 when that is unknown.
    pub fn taken(&self, mailbox: MailboxId) -> u32 {
        let (slot, tag) = self.slot(mailbox);
        slot.map_or(0, |slot| told(slot.load(Ordering::Relaxed), tag))
    }

    /// Takes the UIDs up to `high` for the one who asks. Those up to the answer are another's.
    pub fn take(&self, mailbox: MailboxId, high: u32) -> u32 {
        let (slot, tag) = self.slot(mailbox);
        let Some(slot) = slot else {
            return 0;
        };
        let raise = |was| Some(tag | u64::from(high.max(told(was, tag))));
        match slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raise) {
            Ok(was) | Err(was) => told(was, tag),
        }
    }

    fn slot(&self, mailbox: MailboxId) -> (Option<&AtomicU64>, u64) {
        let hash = mailbox.0.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (self.0.get((hash >> 52) as usize), hash << 32)
    }
}

/// The UID in `slot` if it is of the mailbox with `tag`.
fn told(slot: u64, tag: u64) -> u32 {
    match slot & TAG == tag {
        true => (slot & !TAG) as u32,
        false => 0,
    }
}

/// 32 KiB, and as many mailboxes as get mail at once on a large server.
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
