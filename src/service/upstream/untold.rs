//! Which accounts have changes that their servers are to be told, and when: in memory, so that a
//! look costs nothing while there is none. The commit of a change tells it.

use std::collections::BTreeMap;

use crate::call::InboxId;
use crate::store::{Error, Store};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct UntoldChanges {
    is_loaded: bool,
    /// When they were looked at, unix milliseconds.
    looked_at: i64,
    /// When the first change of each account is due, unix milliseconds: not later than that, since
    /// only a look at the rows sees that one was told or put off.
    due: BTreeMap<InboxId, i64>,
}

impl UntoldChanges {
    /// Takes in what was committed since the last time, at first all. Gives the accounts with
    /// changes that were committed or have become due since then.
    pub fn take(&mut self, store: &Store, now: i64) -> Result<Vec<InboxId>, Error> {
        let changed = store.take_changed_upstreams();
        if !self.is_loaded {
            self.due = store.upstreams_to_tell()?.into_iter().collect();
            self.is_loaded = true;
        }
        for inbox in &changed {
            self.due.insert(*inbox, now);
        }
        let before = core::mem::replace(&mut self.looked_at, now);
        let is_new = |inbox: &InboxId, at: i64| at > before || changed.contains(inbox);
        let new = (self.due.iter()).filter(|(inbox, at)| **at <= now && is_new(inbox, **at));
        Ok(new.map(|(inbox, _)| *inbox).collect())
    }

    /// Reads the rows of the accounts that are due.
    pub fn read_due(&mut self, store: &Store, now: i64) -> Result<(), Error> {
        let due: Vec<InboxId> = self.due(now).collect();
        for inbox in due {
            match store.next_upstream_change(inbox)? {
                Some(at) => self.due.insert(inbox, at),
                None => self.due.remove(&inbox),
            };
        }
        Ok(())
    }

    /// The accounts whose servers are to be told of something by now.
    pub fn due(&self, now: i64) -> impl Iterator<Item = InboxId> {
        let due = self.due.iter().filter(move |(_, at)| **at <= now);
        due.map(|(inbox, _)| *inbox)
    }

    /// Whether it is one of them.
    pub fn is_due(&self, inbox: InboxId, now: i64) -> bool {
        self.due.get(&inbox).is_some_and(|at| *at <= now)
    }
}
