//! What is listened to now: how many streams, waits, sessions and webhooks watch each topic.
//!
//! A listener is a value that its engine holds, or the service for an enabled webhook. It counts
//! from its making to its drop, so an end of any kind is counted, and no count can go wrong. A
//! listener to a part of the tree of inboxes counts under the topic that it watches; who asks about
//! one inbox asks about its ancestors too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{InboxId, InboxPath, OrgId, Topic};

/// The listeners of a server. The lock is held for a few instructions.
#[derive(Debug, Default)]
pub struct Listeners {
    counts: Mutex<HashMap<Topic, usize>>,
    changes: AtomicU64,
    /// Accounts elsewhere whose connections are to end.
    ending: Mutex<HashMap<InboxId, ConnectionEnd>>,
}

/// Why the connection of an account elsewhere is to end, whatever listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ConnectionEnd {
    /// Another account waits for its place.
    Turn,
    /// The account is gone, or has other settings: its calls are refused.
    Changed,
}

impl Listeners {
    /// Whether mail of an inbox is listened for.
    pub fn hear(&self, org: OrgId, path: &InboxPath) -> bool {
        let counts = self.counts();
        let has = |topic: Topic| counts.contains_key(&topic);
        has(Topic::Org(org))
            || has(Topic::Inbox(path.id))
            || has(Topic::Tree(path.id))
            || (path.ancestors.iter()).any(|above| has(Topic::Tree(*above)))
    }

    /// Grows when a topic gets its first listener or loses its last one.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The connection of an account elsewhere is to end, whatever listens: the account is gone, or
    /// has other settings.
    pub fn end_connection(&self, inbox: InboxId) {
        self.ending().insert(inbox, ConnectionEnd::Changed);
    }

    /// The connection of an account elsewhere is to end when it has nothing to do: another account
    /// waits for its place.
    pub fn end_turn(&self, inbox: InboxId) {
        self.ending().entry(inbox).or_insert(ConnectionEnd::Turn);
    }

    /// Whether the connection of an account elsewhere is to end, and counts for nothing by then.
    pub fn is_ending(&self, inbox: InboxId) -> bool {
        self.ending().get(&inbox) == Some(&ConnectionEnd::Changed)
    }

    /// Whether the connection of an account elsewhere is to end, for whatever reason.
    pub fn is_leaving(&self, inbox: InboxId) -> bool {
        self.ending().contains_key(&inbox)
    }

    /// The connection has ended; whether it counts for nothing.
    pub fn connection_ended(&self, inbox: InboxId) -> bool {
        self.ending().remove(&inbox) == Some(ConnectionEnd::Changed)
    }

    fn ending(&self) -> MutexGuard<'_, HashMap<InboxId, ConnectionEnd>> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Topic, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One listener to a topic, for as long as it lives.
#[derive(Debug)]
pub struct Listening {
    listeners: Arc<Listeners>,
    topic: Topic,
}

impl Listening {
    /// Counts a listener.
    pub fn to(listeners: &Arc<Listeners>, topic: Topic) -> Listening {
        let mut counts = listeners.counts();
        let count = counts.entry(topic).or_insert(0);
        *count += 1;
        if *count == 1 {
            listeners.changes.fetch_add(1, Ordering::AcqRel);
        }
        drop(counts);
        Listening {
            listeners: Arc::clone(listeners),
            topic,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let listeners = &self.listeners;
        let mut counts = listeners.counts();
        if let Some(count) = counts.get_mut(&self.topic) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.topic);
                listeners.changes.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_heard_while_anything_above_it_is() {
        let listeners = Arc::new(Listeners::default());
        let path = InboxPath {
            id: InboxId(5),
            address: String::new(),
            ancestors: vec![InboxId(7), InboxId(9)],
        };
        let heard = || listeners.hear(OrgId(1), &path);
        assert!(!heard());
        for topic in [
            Topic::Inbox(InboxId(5)),
            Topic::Tree(InboxId(5)),
            Topic::Tree(InboxId(9)),
            Topic::Org(OrgId(1)),
        ] {
            let before = listeners.changes();
            let first = Listening::to(&listeners, topic);
            let second = Listening::to(&listeners, topic);
            assert!(heard(), "{topic:?}");
            drop(first);
            assert!(heard(), "{topic:?}");
            assert_eq!(listeners.changes(), before + 1);
            drop(second);
            assert!(!heard(), "{topic:?}");
            assert_eq!(listeners.changes(), before + 2);
        }
        let _others = [
            Topic::Inbox(InboxId(7)),
            Topic::Tree(InboxId(6)),
            Topic::Org(OrgId(2)),
        ]
        .map(|topic| Listening::to(&listeners, topic));
        assert!(!heard());
    }
}
