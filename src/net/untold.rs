//! Events that connections of a worker have still to be told, by organization.
//!
//! Knows connections by number only: the worker tells them. The rule: organizations take turns, a
//! connection at a time, so that one with a thousand streams delays another by one of them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::conn_map::ConnMap;
use crate::call::{ConnId, Event, OrgId};

/// A batch that was published, in the hands of one worker. All workers count on the events at the
/// same time; a worker counts the connections that are to be told on its own batch.
#[derive(Debug)]
pub(super) struct UntoldBatch(pub Arc<[Event]>);

/// An event of a batch.
#[derive(Clone, Debug)]
pub(super) struct UntoldEvent {
    batch: Arc<UntoldBatch>,
    at: usize,
}

impl UntoldEvent {
    /// The event; `None` cannot be, because the batch never changes.
    pub fn event(&self) -> Option<&Event> {
        self.batch.0.get(self.at)
    }
}

/// The events that are still to be told. A connection without any takes no room.
#[derive(Debug, Default)]
pub(super) struct Untold {
    of_conn: ConnMap<Vec<UntoldEvent>>,
    /// The connections of each organization in the order in which their first event came. One that
    /// was told meanwhile is passed over.
    of_org: HashMap<OrgId, VecDeque<ConnId>>,
    /// Each organization that has connections above, once.
    turns: VecDeque<OrgId>,
    len: usize,
}

impl Untold {
    /// Whether nothing is to be told.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many events are to be told, counted once for each connection.
    pub fn len(&self) -> usize {
        self.len
    }

    /// `id` is to be told the event at `at` of a batch, after those that it is to be told already.
    pub fn push(&mut self, id: ConnId, batch: &Arc<UntoldBatch>, at: usize) {
        let Some(event) = batch.0.get(at) else { return };
        self.len += 1;
        let event_of = UntoldEvent {
            batch: Arc::clone(batch),
            at,
        };
        match self.of_conn.entry(id) {
            Entry::Occupied(mut untold) => untold.get_mut().push(event_of),
            Entry::Vacant(place) => {
                place.insert(vec![event_of]);
                let conns = self.of_org.entry(event.org).or_default();
                if conns.is_empty() {
                    self.turns.push_back(event.org);
                }
                conns.push_back(id);
            }
        }
    }

    /// The events of one connection, in their order.
    pub fn take(&mut self, id: ConnId) -> Vec<UntoldEvent> {
        let taken = self.of_conn.remove(&id).unwrap_or_default();
        self.len -= taken.len();
        taken
    }

    /// The connection whose turn it is.
    pub fn next(&mut self) -> Option<ConnId> {
        while let Some(org) = self.turns.pop_front() {
            let Some(conns) = self.of_org.get_mut(&org) else {
                continue;
            };
            let next = loop {
                match conns.pop_front() {
                    Some(id) if self.of_conn.contains_key(&id) => break Some(id),
                    Some(_) => {}
                    None => break None,
                }
            };
            match conns.is_empty() {
                true => drop(self.of_org.remove(&org)),
                false => self.turns.push_back(org),
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Change, UidSet};

    fn batch(orgs: &[i64]) -> Arc<UntoldBatch> {
        let event = |(seq, org): (usize, &i64)| Event {
            org: OrgId(*org),
            depth: 0,
            seq: seq as u64,
            at: 0,
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::MailboxDeleted {
                name: String::new(),
            },
            origin: None,
        };
        Arc::new(UntoldBatch(orgs.iter().enumerate().map(event).collect()))
    }

    fn seqs(taken: &[UntoldEvent]) -> Vec<u64> {
        let events = taken.iter().filter_map(UntoldEvent::event);
        events.map(|event| event.seq).collect()
    }

    #[test]
    fn organizations_take_turns_and_a_connection_keeps_its_order() {
        let mut untold = Untold::default();
        let batch = batch(&[1, 1, 2]);
        for id in 0..100 {
            untold.push(ConnId(id), &batch, 0);
            untold.push(ConnId(id), &batch, 1);
        }
        untold.push(ConnId(200), &batch, 2);
        assert_eq!(untold.len(), 201);
        assert_eq!(untold.next(), Some(ConnId(0)));
        assert_eq!(seqs(&untold.take(ConnId(0))), [0, 1]);
        assert_eq!(
            untold.next(),
            Some(ConnId(200)),
            "waits for one of the other"
        );
        assert_eq!(seqs(&untold.take(ConnId(200))), [2]);
        // Something else happens to a connection before its turn.
        assert_eq!(untold.take(ConnId(1)).len(), 2);
        for id in 2..100 {
            assert_eq!(untold.next(), Some(ConnId(id)));
            untold.take(ConnId(id));
        }
        assert!(untold.next().is_none() && untold.is_empty());
        assert!(untold.of_org.is_empty() && untold.turns.is_empty());
    }
}
