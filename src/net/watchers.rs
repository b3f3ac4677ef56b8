//! Which connections of one worker watch which topics, and which topics have ended lately.
//!
//! Knows connections by number only: the worker tells them the events. What is in its table is what
//! is listened to ([`Listening`]): a watcher cannot come or go without being counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::call::{ConnId, Event, Listening, SessionEnd, Shared, Topic};

/// The watched topics of one worker.
pub(super) struct Watchers {
    shared: Arc<Shared>,
    watched: HashMap<Topic, WatchedTopic>,
    /// The events of the last keys, inboxes and organizations to end. A login that was checked
    /// before such an event and answered after it begins to watch too late for it.
    ended: VecDeque<Event>,
}

/// Who watches a topic, and the note that it is listened to.
struct WatchedTopic {
    ids: Vec<ConnId>,
    _listening: Option<Listening>,
}

impl Watchers {
    /// No watcher yet. What is watched is noted in `shared`.
    pub fn new(shared: &Arc<Shared>) -> Watchers {
        Watchers {
            shared: Arc::clone(shared),
            watched: HashMap::new(),
            ended: VecDeque::new(),
        }
    }

    /// `id` watched `old` and watches `new` from now on.
    pub fn replace(&mut self, id: ConnId, old: &[Topic], new: &[Topic]) {
        for topic in old {
            if let Some(watched) = self.watched.get_mut(topic) {
                watched.ids.retain(|other| *other != id);
                if watched.ids.is_empty() {
                    self.watched.remove(topic);
                }
            }
        }
        for topic in new {
            let listeners = &self.shared.listeners;
            let watched = (self.watched.entry(*topic)).or_insert_with(|| WatchedTopic {
                ids: Vec::new(),
                _listening: topic.is_of_mail().then(|| Listening::to(listeners, *topic)),
            });
            if watched.ids.last() != Some(&id) {
                watched.ids.push(id);
            }
        }
    }

    /// Keeps the events that end a session, for connections that are about to watch.
    pub fn remember(&mut self, events: &[Event]) {
        let is_end = |event: &&Event| match event.ends() {
            Some(SessionEnd::Key(_) | SessionEnd::Inbox(_) | SessionEnd::Org(_)) => true,
            // A session selects a mailbox long after it has begun to watch.
            Some(SessionEnd::Mailbox(_)) | None => false,
        };
        for event in events.iter().filter(is_end) {
            if self.ended.len() == ENDED_MAX {
                self.ended.pop_front();
            }
            self.ended.push_back(event.clone());
        }
    }

    /// The events that have ended one of these topics lately.
    pub fn ended(&self, topics: &[Topic]) -> Vec<Event> {
        let concerns = |event: &&Event| event.topics().any(|topic| topics.contains(&topic));
        self.ended.iter().filter(concerns).cloned().collect()
    }

    /// Every connection with every event that it watches: each once, those of one connection
    /// together and in the order of the batch.
    pub fn reached(&self, events: &[Event]) -> Vec<(ConnId, usize)> {
        let mut reached = Vec::new();
        for (at, event) in events.iter().enumerate() {
            for topic in event.topics() {
                if let Some(watched) = self.watched.get(&topic) {
                    reached.extend(watched.ids.iter().map(|id| (*id, at)));
                }
            }
        }
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    /// Whether no topic is watched.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }
}

/// How many ends are kept: a login is answered milliseconds after it was checked.
const ENDED_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::call::{Change, InboxId, InboxPath, KeyId, Limits, OrgId, PublicEndpoints, UidSet};

    fn watchers() -> Watchers {
        let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
        Watchers::new(&Arc::new(shared))
    }

    fn event(seq: u64, inbox: i64, parent: i64) -> Event {
        Event {
            org: OrgId(1),
            depth: 0,
            seq,
            at: 0,
            inbox: Some(Arc::new(InboxPath {
                id: InboxId(inbox),
                address: String::new(),
                ancestors: vec![InboxId(parent)],
            })),
            mailbox: None,
            uids: UidSet::new(),
            change: Change::InboxCreated,
            origin: None,
        }
    }

    #[test]
    fn a_new_watcher_is_told_what_has_just_ended() {
        let mut watchers = watchers();
        let mut revoked = event(1, 5, 7);
        revoked.inbox = None;
        revoked.change = Change::KeyRevoked { key: KeyId(3) };
        let mut deleted = event(2, 5, 7);
        deleted.change = Change::InboxDeleted;
        watchers.remember(&[event(0, 5, 7), revoked, deleted]);
        let heard = |topic| -> Vec<u64> {
            let ended = watchers.ended(&[topic]);
            ended.iter().map(|event| event.seq).collect()
        };
        assert_eq!(heard(Topic::Key(KeyId(3))), [1]);
        assert_eq!(heard(Topic::Key(KeyId(4))), [0u64; 0]);
        assert_eq!(heard(Topic::Inbox(InboxId(5))), [2]);
        for seq in 0..1000 {
            watchers.remember(&[event(seq, 5, 7), watchers.ended[0].clone()]);
        }
        assert_eq!(watchers.ended.len(), ENDED_MAX);
    }

    #[test]
    fn a_watcher_is_told_each_event_once_and_in_order() {
        let mut watchers = watchers();
        let all = [Topic::Org(OrgId(1)), Topic::Tree(InboxId(7))];
        watchers.replace(ConnId(1), &[], &all);
        watchers.replace(ConnId(2), &[], &[Topic::Inbox(InboxId(5))]);
        watchers.replace(ConnId(3), &[], &[Topic::Tree(InboxId(7))]);
        let events = [event(1, 5, 7), event(2, 6, 7)];
        let pairs = |list: &[(u64, usize)]| -> Vec<(ConnId, usize)> {
            list.iter().map(|&(id, at)| (ConnId(id), at)).collect()
        };
        assert_eq!(
            watchers.reached(&events),
            pairs(&[(1, 0), (1, 1), (2, 0), (3, 0), (3, 1)])
        );
        watchers.replace(ConnId(1), &all, &[]);
        watchers.replace(ConnId(3), &[Topic::Tree(InboxId(7))], &[]);
        assert_eq!(watchers.reached(&events), pairs(&[(2, 0)]));
        assert_eq!(watchers.watched.len(), 1);
    }

    /// While a connection of any worker watches for its mail, an inbox is listened for.
    #[test]
    fn what_is_watched_is_listened_to() {
        let mut one = watchers();
        let path = InboxPath {
            id: InboxId(5),
            address: String::new(),
            ancestors: vec![InboxId(7)],
        };
        let shared = Arc::clone(&one.shared);
        let mut other = Watchers::new(&shared);
        let is_heard = || shared.listeners.hear(OrgId(1), &path);
        one.replace(
            ConnId(1),
            &[],
            &[Topic::Key(KeyId(3)), Topic::OrgEnd(OrgId(1))],
        );
        assert!(!is_heard());
        one.replace(ConnId(2), &[], &[Topic::Tree(InboxId(7))]);
        other.replace(ConnId(3), &[], &[Topic::Tree(InboxId(7))]);
        one.replace(ConnId(2), &[Topic::Tree(InboxId(7))], &[]);
        assert!(is_heard());
        drop(other);
        assert!(!is_heard());
    }
}
