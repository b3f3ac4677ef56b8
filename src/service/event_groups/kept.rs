//! What is kept in memory of consumer groups: who holds which event until when, and which readers
//! wait for news. Nothing of it is stored: after a restart every event that is not acknowledged is
//! free again.
//!
//! Only the writer changes it, within a transaction. When that is undone, [`KeptGroups::undo_to`]
//! gives back the leases of before. Time is an argument, and monotonic.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::call::{
    Access, Change, ConnId, Event, EventGroupId, GroupTerms, KeyId, OrgId, Topic, UidSet,
};

/// A reader of a group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ReaderId {
    /// A subscription of a connection.
    Stream(ConnId, u32),
    /// The requests of a key that poll; `None` is the operator.
    Poll(Option<KeyId>),
}

/// The lease of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupLease {
    /// The reader that has it.
    pub reader: ReaderId,
    /// When it ends, monotonic milliseconds.
    pub ends_ms: u64,
}

/// What a stream that reads a group does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReaderState {
    /// It has events to send, or its next claim is on its way.
    Busy,
    /// Its last claim found nothing. It claims again at this time, monotonic milliseconds.
    Hungry(Option<u64>),
    /// It holds as many events as it may.
    Full,
}

impl ReaderState {
    fn is_hungry(self) -> bool {
        matches!(self, ReaderState::Hungry(_))
    }
}

#[derive(Debug)]
struct KeptGroup {
    org: OrgId,
    terms: Arc<GroupTerms>,
    /// That of any of its readers: all see the same.
    access: Access,
    leases: BTreeMap<u64, GroupLease>,
    readers: BTreeMap<ReaderId, ReaderState>,
    /// The reader that was told last: the next one is told next, so that all get work.
    told: Option<ReaderId>,
    /// It reads no further in the log because too much waits.
    is_held_back: bool,
}

/// A change that can be undone.
#[derive(Debug)]
enum Undo {
    Lease(EventGroupId, u64, Option<GroupLease>),
    State(EventGroupId, ReaderId, ReaderState),
}

/// The groups that are read now.
#[derive(Debug, Default)]
pub struct KeptGroups {
    groups: HashMap<EventGroupId, KeptGroup>,
    of_org: HashMap<OrgId, BTreeSet<EventGroupId>>,
    of_conn: HashMap<ConnId, BTreeSet<EventGroupId>>,
    undo: Vec<Undo>,
}

impl KeptGroups {
    /// A reader has come, or claims again.
    pub fn join(
        &mut self,
        id: EventGroupId,
        (terms, access): (&Arc<GroupTerms>, &Access),
        reader: ReaderId,
    ) {
        let group = self.groups.entry(id).or_insert_with(|| KeptGroup {
            org: access.org,
            terms: Arc::clone(terms),
            access: access.clone(),
            leases: BTreeMap::new(),
            readers: BTreeMap::new(),
            told: None,
            is_held_back: false,
        });
        self.of_org.entry(access.org).or_default().insert(id);
        if let ReaderId::Stream(conn, _) = reader {
            group.readers.insert(reader, ReaderState::Busy);
            self.of_conn.entry(conn).or_default().insert(id);
        }
    }

    /// Ends the leases whose time is over.
    pub fn end_leases(&mut self, id: EventGroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let undo = &mut self.undo;
        group.leases.retain(|seq, lease| {
            let lasts = lease.ends_ms > now_ms;
            if !lasts {
                undo.push(Undo::Lease(id, *seq, Some(*lease)));
            }
            lasts
        });
    }

    /// Whether an event is leased.
    pub fn is_leased(&self, id: EventGroupId, seq: u64) -> bool {
        let group = self.groups.get(&id);
        group.is_some_and(|group| group.leases.contains_key(&seq))
    }

    /// Whether an event is leased at this time.
    pub fn is_leased_at(&self, id: EventGroupId, seq: u64, now_ms: u64) -> bool {
        let lease = self
            .groups
            .get(&id)
            .and_then(|group| group.leases.get(&seq));
        lease.is_some_and(|lease| lease.ends_ms > now_ms)
    }

    /// How many events a reader holds.
    pub fn held(&self, id: EventGroupId, reader: ReaderId) -> usize {
        let leases = self.groups.get(&id).map(|group| group.leases.values());
        let own = |lease: &&GroupLease| lease.reader == reader;
        leases.map_or(0, |leases| leases.filter(own).count())
    }

    /// The next end of a lease, monotonic milliseconds.
    pub fn next_end(&self, id: EventGroupId) -> Option<u64> {
        let group = self.groups.get(&id)?;
        group.leases.values().map(|lease| lease.ends_ms).min()
    }

    /// How many streams read a group.
    pub fn readers(&self, id: EventGroupId) -> u64 {
        let group = self.groups.get(&id);
        group.map_or(0, |group| group.readers.len() as u64)
    }

    /// Leases an event.
    pub fn lease(&mut self, id: EventGroupId, seq: u64, lease: GroupLease) {
        if let Some(group) = self.groups.get_mut(&id) {
            let before = group.leases.insert(seq, lease);
            self.undo.push(Undo::Lease(id, seq, before));
        }
    }

    /// Ends the lease of an event that is done; wakes the reader that can take another. Gives
    /// `false` when no reader holds it.
    pub fn release(&mut self, id: EventGroupId, seq: u64, events: &mut Vec<Event>) -> bool {
        let Some(group) = self.groups.get_mut(&id) else {
            return false;
        };
        let Some(lease) = group.leases.remove(&seq) else {
            return false;
        };
        self.undo.push(Undo::Lease(id, seq, Some(lease)));
        let is_full = group.readers.get(&lease.reader) == Some(&ReaderState::Full);
        if is_full {
            self.wake(id, lease.reader, events);
        } else if group.terms.is_ordered || group.is_held_back {
            group.is_held_back = false;
            self.wake_one(id, events);
        }
        true
    }

    /// What a reader does after a claim. `got`: it was given something, or is told to claim again.
    /// `is_full`: it holds as many as it may.
    pub fn rest(&mut self, id: EventGroupId, reader: ReaderId, (got, is_full): (bool, bool)) {
        let state = match (got, is_full) {
            (true, _) => ReaderState::Busy,
            (false, true) => ReaderState::Full,
            (false, false) => ReaderState::Hungry(self.next_end(id)),
        };
        self.set_state(id, reader, state);
        if let ReaderId::Poll(_) = reader {
            self.forget_idle(id);
        }
    }

    /// Whether a group reads no further in the log.
    pub fn hold_back(&mut self, id: EventGroupId, is_held_back: bool) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.is_held_back = is_held_back;
        }
    }

    /// Tells one reader that waits, if there is one, that there is something.
    pub fn wake_one(&mut self, id: EventGroupId, events: &mut Vec<Event>) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        let behind = match group.told {
            Some(told) => (Bound::Excluded(told), Bound::Unbounded),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let mut all = group.readers.range(behind).chain(&group.readers);
        let found = all.find(|(_, state)| state.is_hungry());
        if let Some((reader, _)) = found {
            let reader = *reader;
            group.told = Some(reader);
            self.wake(id, reader, events);
        }
    }

    /// Events were leased: has one reader that waits claim again, unless one does so by itself when
    /// the next lease ends. The reader that has the lease may be gone by then.
    pub fn watch_leases(&mut self, id: EventGroupId, events: &mut Vec<Event>) {
        let Some(group) = self.groups.get(&id) else {
            return;
        };
        let next = self.next_end(id);
        let watches = |state: &ReaderState| match (state, next) {
            (ReaderState::Hungry(Some(at)), Some(next)) => *at <= next,
            _ => false,
        };
        if next.is_none() || group.readers.values().any(watches) {
            return;
        }
        let mut waiting = group.readers.iter().filter(|(_, state)| state.is_hungry());
        if let Some(reader) = waiting.next().map(|(reader, _)| *reader) {
            self.wake(id, reader, events);
        }
    }

    /// Tells every reader of a group to claim again: it has ended.
    pub fn wake_all(&mut self, id: EventGroupId, events: &mut Vec<Event>) {
        let Some(group) = self.groups.get(&id) else {
            return;
        };
        for reader in group.readers.keys().copied().collect::<Vec<_>>() {
            self.wake(id, reader, events);
        }
    }

    /// Tells readers of groups of what was committed: one reader of each group that wants an event.
    /// When the inbox of a group has ended, all its readers are told.
    pub fn tell(&mut self, committed: &mut Vec<Event>) {
        self.undo.clear();
        let mut news = Vec::new();
        for event in committed.iter() {
            let Some(ids) = self.of_org.get(&event.org) else {
                continue;
            };
            for id in ids.clone() {
                let Some(group) = self.groups.get(&id) else {
                    continue;
                };
                let (topic, access) = (group.terms.topic, &group.access);
                let ends = match topic {
                    Topic::Inbox(inbox) | Topic::Tree(inbox) => {
                        event.ends_session_in(inbox, access)
                    }
                    _ => false,
                };
                if ends {
                    self.wake_all(id, &mut news);
                } else if event.topics().any(|own| own == topic)
                    && group.terms.filter.admit(event, access).is_some()
                {
                    self.wake_one(id, &mut news);
                }
            }
        }
        committed.append(&mut news);
        self.undo.clear();
    }

    /// A connection has ended, or one subscription of it: its events are free.
    pub fn leave(&mut self, conn: ConnId, number: Option<u32>, events: &mut Vec<Event>) {
        let ids = self.of_conn.get(&conn).cloned().unwrap_or_default();
        let is_own = |reader: &ReaderId| match reader {
            ReaderId::Stream(other, n) => *other == conn && number.is_none_or(|own| own == *n),
            ReaderId::Poll(_) => false,
        };
        for id in ids {
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            let before = (group.readers.len(), group.leases.len());
            group.readers.retain(|reader, _| !is_own(reader));
            group.leases.retain(|_, lease| !is_own(&lease.reader));
            let is_here =
                |reader: &ReaderId| matches!(reader, ReaderId::Stream(c, _) if *c == conn);
            if !group.readers.keys().any(is_here)
                && let Some(own) = self.of_conn.get_mut(&conn)
            {
                own.remove(&id);
                if own.is_empty() {
                    self.of_conn.remove(&conn);
                }
            }
            if before != (group.readers.len(), group.leases.len()) {
                // It may have been told of something that it has not claimed.
                self.wake_one(id, events);
            }
            self.forget_idle(id);
        }
    }

    /// A group has ended with all its leases.
    pub fn forget(&mut self, id: EventGroupId) {
        if let Some(group) = self.groups.get_mut(&id) {
            let ended = core::mem::take(&mut group.leases).into_iter();
            let ended = ended.map(|(seq, lease)| Undo::Lease(id, seq, Some(lease)));
            self.undo.extend(ended);
        }
    }

    /// Forgets a group without readers and leases.
    fn forget_idle(&mut self, id: EventGroupId) {
        let Some(group) = self.groups.get(&id) else {
            return;
        };
        if !group.readers.is_empty() || !group.leases.is_empty() {
            return;
        }
        if let Some(ids) = self.of_org.get_mut(&group.org) {
            ids.remove(&id);
            if ids.is_empty() {
                self.of_org.remove(&group.org);
            }
        }
        self.groups.remove(&id);
    }

    /// Where the changes of a call begin.
    pub fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Takes back what has changed behind a mark.
    pub fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            match self.undo.pop() {
                Some(Undo::Lease(id, seq, before)) => {
                    let Some(group) = self.groups.get_mut(&id) else {
                        continue;
                    };
                    // The lease of a reader that has left meanwhile is not given back.
                    let is_here = |lease: &GroupLease| match lease.reader {
                        ReaderId::Poll(_) => true,
                        stream @ ReaderId::Stream(..) => group.readers.contains_key(&stream),
                    };
                    match before.filter(is_here) {
                        Some(lease) => group.leases.insert(seq, lease),
                        None => group.leases.remove(&seq),
                    };
                }
                Some(Undo::State(id, reader, before)) => {
                    let group = self.groups.get_mut(&id);
                    if let Some(state) = group.and_then(|group| group.readers.get_mut(&reader)) {
                        *state = before;
                    }
                }
                None => {}
            }
        }
    }

    /// Takes back all that has changed since the last commit, because the next has failed. What
    /// told readers meanwhile is not published, so every reader that waits is told to claim again.
    pub fn undo_all(&mut self) -> Vec<Event> {
        self.undo_to(0);
        let mut events = Vec::new();
        for id in self.groups.keys().copied().collect::<Vec<_>>() {
            let Some(group) = self.groups.get(&id) else {
                continue;
            };
            let waits = group
                .readers
                .iter()
                .filter(|(_, s)| **s != ReaderState::Busy);
            for reader in waits.map(|(reader, _)| *reader).collect::<Vec<_>>() {
                self.wake(id, reader, &mut events);
            }
        }
        self.undo.clear();
        events
    }

    fn wake(&mut self, id: EventGroupId, reader: ReaderId, events: &mut Vec<Event>) {
        self.set_state(id, reader, ReaderState::Busy);
        let (ReaderId::Stream(conn, number), Some(group)) = (reader, self.groups.get(&id)) else {
            return;
        };
        events.push(Event {
            org: group.org,
            depth: 0,
            seq: 0,
            at: 0,
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::GroupReady {
                conn,
                reader: number,
            },
            origin: None,
        });
    }

    fn set_state(&mut self, id: EventGroupId, reader: ReaderId, state: ReaderState) {
        let group = self.groups.get_mut(&id);
        let Some(own) = group.and_then(|group| group.readers.get_mut(&reader)) else {
            return;
        };
        self.undo.push(Undo::State(id, reader, *own));
        *own = state;
    }
}
