//! Turns: which of the waiting tasks is carried out next.
//!
//! A queue for each owner of a share, and in it a queue for each part, both by deficit round robin:
//! a share is served while it has credit, and what its work has cost is taken off afterwards,
//! because no cost is known before. So a tenant with a thousand long tasks delays a task of another
//! by one slice. A share that gets work after a pause comes before those that have much of it; it
//! keeps its row until the round has come to it once, so it cannot come first again and again.
//!
//! It is a pure structure: it knows no thread and no clock. Every operation costs the same whatever
//! waits, averaged over the work that is charged. A share without work leaves no row behind once
//! its turn has come.

use core::hash::Hash;
use std::collections::{HashMap, VecDeque};

use crate::call::{Share, ShareOwner, SharePart};

/// Tasks that wait. A task that has begun and holds a thread stands before the tasks of its part
/// that have not begun.
#[derive(Debug)]
pub(super) struct Turns<T> {
    owners: Ring<ShareOwner, OwnerQueue<T>>,
    /// Owners of tasks that have begun, one entry for each such task, in the order in which they
    /// stopped.
    begun: VecDeque<ShareOwner>,
    len: usize,
}

/// The tasks of one owner.
#[derive(Debug)]
struct OwnerQueue<T> {
    parts: Ring<SharePart, PartQueue<T>>,
    /// Parts with a task that has begun, in the order in which they stopped.
    begun: VecDeque<SharePart>,
}

/// The tasks of one part of an owner.
#[derive(Debug)]
struct PartQueue<T> {
    begun: VecDeque<T>,
    waiting: VecDeque<T>,
}

/// Whether a queue has work.
trait Queue: Default {
    fn has_work(&self) -> bool;
}

/// One level of the round robin.
#[derive(Debug)]
struct Ring<K, Q> {
    rows: HashMap<K, Row<Q>>,
    /// Keys that got work after a pause, and have not been served to the end of their credit.
    fresh: VecDeque<K>,
    /// All other keys with a row.
    round: VecDeque<K>,
    /// Rows whose queue has work.
    busy: usize,
    /// Tasks of fresh keys since the last one of another: ever new keys must not keep the round
    /// waiting.
    fresh_run: u8,
}

#[derive(Debug)]
struct Row<Q> {
    queue: Q,
    /// Microseconds of work that it may still have in this round. Below 0 it has had too much.
    credit: i64,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Turns {
            owners: Ring::default(),
            begun: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Turns<T> {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of tasks that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Queues a task behind the others of its share.
    pub(super) fn push(&mut self, share: Share, task: T) {
        self.len += 1;
        self.owners.change(share.owner, |owner| {
            owner
                .parts
                .change(share.part, |part| part.waiting.push_back(task));
        });
    }

    /// Queues a task again that has begun and holds a thread. It is the next of its part.
    pub(super) fn push_begun(&mut self, share: Share, task: T) {
        self.len += 1;
        self.begun.push_back(share.owner);
        self.owners.change(share.owner, |owner| {
            owner.begun.push_back(share.part);
            owner
                .parts
                .change(share.part, |part| part.begun.push_back(task));
        });
    }

    /// Takes the task whose turn it is. `threads` is the number of threads that could begin another
    /// task: with 0 only a task goes on that has begun, and the last one is kept for an owner of
    /// which no task has begun, so that no tenant can hold all threads. `None` when no task may go
    /// on.
    pub(super) fn pop(&mut self, threads: usize) -> Option<(Share, T)> {
        let taken = match threads {
            0 => {
                let owner = *self.begun.front()?;
                self.take(owner, false)
            }
            _ => {
                let owner = self.owners.next()?;
                let begun = self.owners.rows.get(&owner)?.queue.begun.len();
                self.take(owner, begun == 0 || (threads > 1 && begun < BEGUN_MAX))
            }
        };
        self.len -= usize::from(taken.is_some());
        taken
    }

    /// Puts a task back that was taken and has not begun: it is the next of its part.
    pub(super) fn put_back(&mut self, share: Share, task: T) {
        self.len += 1;
        self.owners.change(share.owner, |owner| {
            let put = |part: &mut PartQueue<T>| part.waiting.push_front(task);
            owner.parts.change(share.part, put);
        });
    }

    /// Takes what work has cost off the credit of its share, in microseconds.
    pub(super) fn charge(&mut self, share: Share, micros: u64) {
        if let Some(row) = self.owners.rows.get_mut(&share.owner) {
            row.charge(micros);
            if let Some(row) = row.queue.parts.rows.get_mut(&share.part) {
                row.charge(micros);
            }
        }
    }

    /// All tasks that wait, in no order.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let all = core::mem::take(self);
        let owners = all.owners.rows.into_values();
        let parts = owners.flat_map(|owner| owner.queue.parts.rows.into_values());
        parts
            .flat_map(|part| part.queue.begun.into_iter().chain(part.queue.waiting))
            .collect()
    }

    /// Takes a task of `owner`. Without `may_begin` it is one that has begun.
    fn take(&mut self, owner: ShareOwner, may_begin: bool) -> Option<(Share, T)> {
        let (part, task, had_begun) = self.owners.change(owner, |queue| {
            let part = match may_begin {
                true => queue.parts.next()?,
                false => *queue.begun.front()?,
            };
            let begun = queue.parts.change(part, |tasks| tasks.begun.pop_front());
            match begun {
                Some(task) => {
                    remove_first(&mut queue.begun, &part);
                    Some((part, task, true))
                }
                None => {
                    let next = queue.parts.change(part, |tasks| tasks.waiting.pop_front());
                    next.map(|task| (part, task, false))
                }
            }
        })?;
        if had_begun {
            remove_first(&mut self.begun, &owner);
        }
        Some((Share { owner, part }, task))
    }
}

/// Removes the first `item` of a list of at most a few.
fn remove_first<K: PartialEq>(list: &mut VecDeque<K>, item: &K) {
    if let Some(at) = list.iter().position(|found| found == item) {
        list.remove(at);
    }
}

impl<K: Copy + Eq + Hash, Q: Queue> Ring<K, Q> {
    /// Changes the queue of a key, which is made if there is none.
    fn change<R>(&mut self, key: K, change: impl FnOnce(&mut Q) -> R) -> R {
        let row = self.rows.entry(key).or_insert_with(|| {
            self.fresh.push_back(key);
            Row {
                queue: Q::default(),
                credit: QUANTUM_US,
            }
        });
        let before = usize::from(row.queue.has_work());
        let changed = change(&mut row.queue);
        let after = usize::from(row.queue.has_work());
        self.busy = (self.busy + after).saturating_sub(before);
        changed
    }

    /// The key whose turn it is; `None` when no queue has work.
    fn next(&mut self) -> Option<K> {
        if self.busy == 0 {
            // No task waits, so nothing is owed.
            *self = Ring::default();
            return None;
        }
        loop {
            let is_fresh =
                !self.fresh.is_empty() && (self.round.is_empty() || self.fresh_run < FRESH_RUN_MAX);
            let line = match is_fresh {
                true => &mut self.fresh,
                false => &mut self.round,
            };
            let key = *line.front()?;
            let row = self.rows.get_mut(&key)?;
            let has_work = row.queue.has_work();
            if has_work && row.credit > 0 {
                self.fresh_run = match is_fresh {
                    true => self.fresh_run.saturating_add(1),
                    false => 0,
                };
                return Some(key);
            }
            line.pop_front();
            if !has_work && !is_fresh && row.credit > 0 {
                self.rows.remove(&key);
                continue;
            }
            if row.credit <= 0 {
                row.credit += QUANTUM_US;
            }
            self.round.push_back(key);
        }
    }
}

impl<Q> Row<Q> {
    fn charge(&mut self, micros: u64) {
        let micros = i64::try_from(micros).unwrap_or(i64::MAX).max(1);
        self.credit = self.credit.saturating_sub(micros).max(-DEBT_MAX_US);
    }
}

impl<K, Q> Default for Ring<K, Q> {
    fn default() -> Self {
        Ring {
            rows: HashMap::new(),
            fresh: VecDeque::new(),
            round: VecDeque::new(),
            busy: 0,
            fresh_run: 0,
        }
    }
}

impl<T> Default for OwnerQueue<T> {
    fn default() -> Self {
        OwnerQueue {
            parts: Ring::default(),
            begun: VecDeque::new(),
        }
    }
}

impl<T> Queue for OwnerQueue<T> {
    fn has_work(&self) -> bool {
        self.parts.busy > 0
    }
}

impl<T> Default for PartQueue<T> {
    fn default() -> Self {
        PartQueue {
            begun: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }
}

impl<T> Queue for PartQueue<T> {
    fn has_work(&self) -> bool {
        !self.begun.is_empty() || !self.waiting.is_empty()
    }
}

/// Microseconds of work that a share may have in one round.
const QUANTUM_US: i64 = 1000;

/// Tasks of keys that had a pause, before one of those that wait in the round.
const FRESH_RUN_MAX: u8 = 4;

/// The most that a share can owe: a single long step is paid back within this many rounds of
/// [`QUANTUM_US`], so that no search for the next task is long.
const DEBT_MAX_US: i64 = 100 * QUANTUM_US;

/// Tasks of one owner that may hold a thread while they wait.
const BEGUN_MAX: usize = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::call::{InboxId, OrgId};

    fn share(org: i64, inbox: i64) -> Share {
        Share {
            owner: ShareOwner::Org(OrgId(org)),
            part: SharePart::Inbox(InboxId(inbox)),
        }
    }

    /// Serves `n` tasks of `cost` microseconds each; the organization of each.
    fn serve(turns: &mut Turns<i64>, n: usize, cost: u64) -> Vec<i64> {
        let mut served = Vec::new();
        for _ in 0..n {
            let (share, _) = turns.pop(9).unwrap();
            turns.charge(share, cost);
            match share.owner {
                ShareOwner::Org(org) => served.push(org.0),
                other => panic!("{other:?}"),
            }
        }
        served
    }

    #[test]
    fn ever_new_shares_keep_no_other_waiting() {
        let mut turns = Turns::default();
        // The share has been served to the end of its credit, and has one more task.
        turns.push(share(1, 1), 0);
        turns.push(share(1, 1), 0);
        let (first, _) = turns.pop(9).unwrap();
        turns.charge(first, 2000);
        turns.push(share(1, 2), 1);
        turns.push(share(1, 3), 1);
        let mut served = 0;
        for n in 4..1000 {
            let (next, _) = turns.pop(9).unwrap();
            turns.charge(next, 100);
            served += usize::from(next == first);
            turns.push(share(1, n), 1);
        }
        assert_eq!(served, 1);
        let rows = turns.owners.rows.values();
        let parts: usize = rows.map(|row| row.queue.parts.rows.len()).sum();
        assert!(parts < 20, "{parts} rows");
    }

    #[test]
    fn a_thousand_long_tasks_delay_another_by_one_slice() {
        let mut turns = Turns::default();
        for n in 0..1000 {
            turns.push(share(1, 1), n);
        }
        assert_eq!(serve(&mut turns, 10, 5000), [1; 10]);
        turns.push(share(2, 1), 0);
        assert_eq!(serve(&mut turns, 2, 5000), [2, 1]);
        // One call after the other, each in its pause: still at most one slice before each.
        for _ in 0..10 {
            turns.push(share(2, 1), 0);
            let served = serve(&mut turns, 2, 2000);
            assert!(served.contains(&2), "{served:?}");
        }
    }

    #[test]
    fn owners_get_the_same_and_in_each_its_parts_do() {
        let mut turns = Turns::default();
        for n in 0..400 {
            turns.push(share(1, 1), n);
            turns.push(share(2, n % 4), n);
        }
        // The tasks of the first cost ten times as much.
        let mut cost = [0u64; 3];
        let mut parts = [0u64; 4];
        for _ in 0..220 {
            let (share, _) = turns.pop(9).unwrap();
            let (ShareOwner::Org(org), SharePart::Inbox(inbox)) = (share.owner, share.part) else {
                panic!("{share:?}")
            };
            let micros = if org.0 == 1 { 1000 } else { 100 };
            turns.charge(share, micros);
            cost[org.0 as usize] += micros;
            if org.0 == 2 {
                parts[inbox.0 as usize] += micros;
            }
        }
        assert!(cost[1].abs_diff(cost[2]) <= 2000, "{cost:?}");
        assert!(
            parts.iter().all(|part| part.abs_diff(parts[0]) <= 2000),
            "{parts:?}"
        );
    }

    #[test]
    fn a_share_that_pauses_does_not_come_first_again_and_again() {
        let mut turns = Turns::default();
        for n in 0..100 {
            turns.push(share(1, 1), n);
        }
        serve(&mut turns, 1, 5000);
        let mut others = 0;
        for n in 0..100 {
            turns.push(share(2 + n % 2, 1), 0);
            others += serve(&mut turns, 1, 5000)
                .iter()
                .filter(|org| **org != 1)
                .count();
        }
        // Two that never have more than one task, and one that always has: a third for each.
        assert!((60..=70).contains(&others), "{others}");
    }

    #[test]
    fn an_idle_share_leaves_no_row() {
        let mut turns = Turns::default();
        for n in 0..1000 {
            turns.push(share(n, 1), n);
        }
        turns.push(share(7, 1), 1000);
        serve(&mut turns, 1001, 3000);
        assert!(turns.is_empty() && turns.pop(9).is_none());
        assert!(turns.owners.rows.is_empty() && turns.owners.round.is_empty());
        // Also while another always has work.
        for n in 0..3000 {
            turns.push(share(1, 1), n);
            turns.push(share(n + 2, 1), n);
            serve(&mut turns, 2, 500);
        }
        assert!(turns.owners.rows.len() < 10, "{}", turns.owners.rows.len());
    }

    #[test]
    fn tasks_that_hold_a_thread_leave_threads_for_others() {
        let mut turns = Turns::default();
        for inbox in 0..9 {
            turns.push(share(1, inbox), inbox);
        }
        // A task that stops is pushed again; its organization may have two of them.
        let mut begun = Vec::new();
        for _ in 0..20 {
            let (share, task) = turns.pop(9).unwrap();
            turns.charge(share, 2000);
            turns.push_begun(share, task);
            if !begun.contains(&task) {
                begun.push(task);
            }
        }
        assert_eq!(begun.len(), 2);
        // The last thread is for an owner that has none, and without a thread only those go on
        // that have begun.
        turns.push(share(2, 0), 20);
        turns.push(share(2, 1), 21);
        let mut seen = Vec::new();
        for threads in [1, 1, 1, 1, 0, 0, 0, 0] {
            let (share, task) = turns.pop(threads).unwrap();
            turns.charge(share, 2000);
            turns.push_begun(share, task);
            if !seen.contains(&task) {
                seen.push(task);
            }
        }
        seen.sort_unstable();
        begun.push(20);
        assert_eq!(seen, begun);
        // A task that has begun comes before the others of its part.
        turns.push(share(2, 0), 30);
        let order: Vec<i64> = (0..50)
            .filter_map(|_| turns.pop(9))
            .map(|(_, n)| n)
            .collect();
        let at = |n: i64| order.iter().position(|task| *task == n).unwrap();
        assert!(at(20) < at(30) && order.len() == 12);
        assert!(turns.is_empty());
    }
}
