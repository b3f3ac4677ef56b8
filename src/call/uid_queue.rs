//! UIDs that a command works on piece by piece, the lowest first.
//!
//! Not a set: nothing can be looked up in it. The rule: a piece costs its own size, whatever the
//! number of UIDs behind it.

use std::collections::VecDeque;

use super::UidSet;

/// The UIDs that are left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UidQueue(VecDeque<(u32, u32)>);

impl UidQueue {
    /// Whether no UID is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the lowest UIDs: at most `max` of them.
    pub fn take(&mut self, max: usize) -> UidSet {
        let mut piece = Vec::new();
        let mut left = u32::try_from(max).unwrap_or(u32::MAX);
        while left > 0 {
            let Some(&(low, high)) = self.0.front() else {
                break;
            };
            // The range has one UID more than this.
            let after_first = high - low;
            if after_first < left {
                left -= after_first + 1;
                piece.push((low, high));
                self.0.pop_front();
            } else {
                let last = low + (left - 1);
                piece.push((low, last));
                if let Some(front) = self.0.front_mut() {
                    front.0 = last + 1;
                }
                break;
            }
        }
        UidSet::from_ranges(piece)
    }

    /// Puts UIDs back that are below all that are left: the rest of a piece.
    pub fn put_back(&mut self, rest: &UidSet) {
        for &range in rest.ranges().iter().rev() {
            self.0.push_front(range);
        }
    }

    /// All that are left, as a set.
    pub fn into_set(self) -> UidSet {
        UidSet::from_ranges(self.0)
    }
}

impl From<UidSet> for UidQueue {
    fn from(uids: UidSet) -> Self {
        UidQueue(uids.into_ranges().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_in_order() {
        let all = UidSet::from_ranges([(1, 5), (7, 7), (9, 30), (u32::MAX - 1, u32::MAX)]);
        for max in [1, 2, 3, 6, 29, 30, 99] {
            let mut queue = UidQueue::from(all.clone());
            let mut seen = UidSet::new();
            while !queue.is_empty() {
                let piece = queue.take(max);
                assert!(piece.len() <= max && !piece.is_empty());
                assert!(seen.last() < piece.first());
                seen.add(&piece);
            }
            assert_eq!(seen, all);
        }
        let mut queue = UidQueue::from(all.clone());
        let piece = queue.take(8);
        queue.put_back(&piece.difference(&UidSet::from(1..=3)));
        assert_eq!(queue.take(3).to_string(), "4:5,7");
        assert_eq!(queue.into_set().to_string(), "9:30,4294967294:4294967295");
        assert!(UidQueue::default().take(5).is_empty());
    }
}
