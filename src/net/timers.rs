//! Deadlines of connections: a heap with lazy deletion, in monotonic milliseconds.
//!
//! A connection has one earliest entry. When its deadline moves to later, nothing is done
//! until the entry comes up and is armed again; only an earlier deadline pushes. So a busy
//! connection that moves its idle timeout on every command costs the heap nothing. No clock is
//! read here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::call::ConnId;

/// No entry armed.
pub(super) const NEVER: u64 = u64::MAX;

/// The deadlines of one worker.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(u64, ConnId)>>,
    /// How many entries belong to connections that have ended, at most.
    stale: usize,
}

impl Timers {
    /// An entry for `id` at `at`.
    pub fn arm(&mut self, at: u64, id: ConnId) {
        self.heap.push(Reverse((at, id)));
    }

    /// When the next entry comes up.
    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next entry whose time has come: its time and its connection.
    pub fn due(&mut self, now: u64) -> Option<(u64, ConnId)> {
        let &Reverse((at, id)) = self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some((at, id))
    }

    /// A connection with an entry has ended. When most entries are such, they are removed, so
    /// that many short connections with long timeouts do not pile up.
    pub fn forget(&mut self, is_live: impl Fn(ConnId) -> bool) {
        self.stale += 1;
        if self.stale > SWEEP_MIN && self.stale > self.heap.len() / 2 {
            self.heap.retain(|Reverse((_, id))| is_live(*id));
            self.heap.shrink_to_fit();
            self.stale = 0;
        }
    }
}

/// With fewer entries than this a sweep costs more than it gives.
const SWEEP_MIN: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entries_come_up_in_order_and_those_of_ended_connections_are_swept() {
        let mut timers = Timers::default();
        for n in (1..=4000u64).rev() {
            timers.arm(n, ConnId(n));
        }
        assert_eq!(timers.next(), Some(1));
        assert_eq!(timers.due(0), None);
        assert_eq!(timers.due(2), Some((1, ConnId(1))));
        assert_eq!(timers.due(2), Some((2, ConnId(2))));
        assert_eq!(timers.due(2), None);
        for _ in 0..2000 {
            timers.forget(|id| id.0 > 3000);
        }
        assert_eq!(timers.heap.len(), 1000);
        assert_eq!(timers.next(), Some(3001));
    }
}
