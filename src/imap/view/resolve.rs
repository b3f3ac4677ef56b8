//! Sequence sets of a command as UIDs, by the numbers that this client counts.

use crate::call::UidSet;
use crate::engine::Output;
use crate::imap::server::{Server, Stage};
use crate::imap::wire::sequence::SequenceSet;

impl Server {
    /// The UIDs of a set. `None` if a BAD has been written: a sequence number beyond the last
    /// message (RFC 3501 section 9, `seq-number`).
    pub(crate) fn resolve(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        out: &mut Output,
    ) -> Option<UidSet> {
        let Stage::Selected(_, open) = &self.stage else {
            return None;
        };
        let view = &open.view;
        if uid {
            return Some(set.resolve(view.largest()).intersection(view.known()));
        }
        let exists = view.exists();
        // `1:*` of an empty mailbox names no message and is not an error: clients send it.
        if exists > 0 && set.largest_named() > exists {
            self.bad("Sequence number beyond the last message", out);
            return None;
        }
        Some(view.uids(&set.resolve(exists)))
    }

    /// Whether a command by sequence number names messages that are gone.
    pub(crate) fn misses(&self, uid: bool, uids: &UidSet) -> bool {
        !uid && matches!(&self.stage, Stage::Selected(_, open) if open.view.misses(uids))
    }
}

/// RFC 5530: another session has expunged a message that the command names.
pub(crate) const GONE: &str = "[EXPUNGEISSUED] Some of the messages are gone";
