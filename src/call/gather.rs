//! What a list knows of the messages that may meet its filter, before it looks at them: their
//! places in its order, gathered in slices from columns and from the index of searches.

use std::collections::BTreeSet;

use super::{MailboxId, SignatureWalk};

/// A place in the order of a list: the time of receipt and the id, or the id or UID and a number
/// that the list wants beside it.
pub type ListKey = (i64, i64);

/// The messages that may meet a filter; `Default` is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GatheredKeys {
    /// The places of the newest of them.
    pub keys: BTreeSet<ListKey>,
    /// There are more than are held: older ones were left out.
    pub is_cut: bool,
    /// All is known.
    pub is_done: bool,
    /// There is no cheap way to know: the list walks on.
    pub is_unknown: bool,
    /// The index of searches has nothing more to say.
    pub is_asked: bool,
    /// The walk through the index of searches.
    pub walk: SignatureWalk,
    /// The mailbox whose columns are looked at now, and the UID below which.
    pub at: Option<(MailboxId, u32)>,
}

impl GatheredKeys {
    /// Adds a place, and leaves out the oldest one if there are more than `most`.
    pub fn add(&mut self, key: ListKey, most: usize) {
        if self.is_cut && self.keys.first().is_some_and(|oldest| key < *oldest) {
            return;
        }
        self.keys.insert(key);
        if self.keys.len() > most {
            self.keys.pop_first();
            self.is_cut = true;
        }
    }
}
