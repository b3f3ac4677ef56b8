//! Which accounts elsewhere have changes to be told by a connection that is there: the writer says
//! so, and the engine of the connection asks from time to time.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::InboxId;

/// The accounts. The lock is held for a few instructions.
#[derive(Debug, Default)]
pub struct UpstreamWakes {
    inboxes: Mutex<HashSet<InboxId>>,
}

impl UpstreamWakes {
    /// The connection of an account has something to tell.
    pub fn wake(&self, inbox: InboxId) {
        self.inboxes().insert(inbox);
    }

    /// Whether it has; it is told once.
    pub fn take(&self, inbox: InboxId) -> bool {
        self.inboxes().remove(&inbox)
    }

    fn inboxes(&self) -> MutexGuard<'_, HashSet<InboxId>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
