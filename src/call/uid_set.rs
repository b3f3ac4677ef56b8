//! A set of UIDs as sorted, disjoint, non-adjacent ranges. Views, events, searches and the store
//! exchange it. Its operations are linear in the number of ranges, never in the number of UIDs.

use core::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A set of `u32` UIDs. Invariant: ranges ascend, and between two there is a gap.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UidSet(Vec<(u32, u32)>);

impl UidSet {
    /// The empty set.
    pub const fn new() -> Self {
        UidSet(Vec::new())
    }

    /// One UID.
    pub fn one(uid: u32) -> Self {
        UidSet(vec![(uid, uid)])
    }

    /// Makes a set of ranges in any order, overlapping or not, each with its ends in any order (RFC
    /// 3501 `seq-range`).
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut all: Vec<(u32, u32)> = ranges
            .into_iter()
            .map(|(a, b)| if a <= b { (a, b) } else { (b, a) })
            .collect();
        all.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        UidSet(merged)
    }

    /// Adds a UID; constant time when UIDs come in ascending order.
    pub fn insert(&mut self, uid: u32) {
        match self.0.last_mut() {
            Some(last) if uid > last.1 && uid - 1 == last.1 => return last.1 = uid,
            Some(last) if uid <= last.1 => {}
            _ => return self.0.push((uid, uid)),
        }
        // The first range that ends at `uid` or later, or just before it.
        let at = self
            .0
            .partition_point(|&(_, high)| high < uid.saturating_sub(1));
        match self.0.get(at) {
            Some(&(low, high)) if low <= uid && uid <= high => {}
            Some(&(low, high))
                if uid.checked_add(1) == Some(low) || high.checked_add(1) == Some(uid) =>
            {
                self.0[at] = (low.min(uid), high.max(uid));
                if let (Some(&(_, end)), Some(&(low, high))) = (self.0.get(at), self.0.get(at + 1))
                    && end.checked_add(1) == Some(low)
                {
                    self.0[at].1 = high;
                    self.0.remove(at + 1);
                }
            }
            _ => self.0.insert(at, (uid, uid)),
        }
    }

    /// Adds all of `more`: constant time for each range when they are above the others.
    pub fn add(&mut self, more: &UidSet) {
        match (self.last(), more.first()) {
            (_, None) => {}
            (Some(last), Some(first)) if first <= last.saturating_add(1) => {
                *self = self.union(more);
            }
            _ => self.0.extend_from_slice(&more.0),
        }
    }

    /// Removes a UID. Gives whether it was in the set.
    pub fn remove(&mut self, uid: u32) -> bool {
        let Some(at) = self.position(uid) else {
            return false;
        };
        let (low, high) = self.0[at];
        match (low == uid, high == uid) {
            (true, true) => {
                self.0.remove(at);
            }
            (true, false) => self.0[at].0 = uid + 1,
            (false, true) => self.0[at].1 = uid - 1,
            (false, false) => {
                self.0[at].1 = uid - 1;
                self.0.insert(at + 1, (uid + 1, high));
            }
        }
        true
    }

    /// Whether `uid` is in the set; logarithmic.
    pub fn contains(&self, uid: u32) -> bool {
        self.position(uid).is_some()
    }

    fn position(&self, uid: u32) -> Option<usize> {
        let at = self.0.partition_point(|&(_, high)| high < uid);
        (at < self.0.len() && self.0[at].0 <= uid).then_some(at)
    }

    /// The number of UIDs.
    pub fn len(&self) -> usize {
        self.0
            .iter()
            .map(|&(low, high)| (high - low) as usize + 1)
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest UID.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|r| r.0)
    }

    /// The largest UID.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|r| r.1)
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// The ranges alone.
    pub(super) fn into_ranges(self) -> Vec<(u32, u32)> {
        self.0
    }

    /// Every UID, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|&(low, high)| low..=high)
    }

    /// UIDs in both. With few ranges on one side the others are skipped by a search.
    pub fn intersection(&self, other: &UidSet) -> UidSet {
        let (mut a, mut b) = (0, 0);
        let mut both = Vec::new();
        while let (Some(&(al, ah)), Some(&(bl, bh))) = (self.0.get(a), other.0.get(b)) {
            if ah < bl {
                a = seek(&self.0, a, bl);
                continue;
            }
            if bh < al {
                b = seek(&other.0, b, al);
                continue;
            }
            both.push((al.max(bl), ah.min(bh)));
            if ah < bh { a += 1 } else { b += 1 }
        }
        UidSet(both)
    }

    /// The first `n` UIDs above `uid`. It costs the logarithm of what it passes over.
    pub fn first_above(&self, uid: u32, n: usize) -> UidSet {
        let Some(from) = uid.checked_add(1) else {
            return UidSet::new();
        };
        let mut left = u32::try_from(n).unwrap_or(u32::MAX);
        let mut first = Vec::new();
        for &(low, high) in &self.0[seek(&self.0, 0, from)..] {
            if left == 0 {
                break;
            }
            let low = low.max(from);
            let high = high.min(low.saturating_add(left - 1));
            left -= high - low + 1;
            first.push((low, high));
        }
        UidSet(first)
    }

    /// UIDs in either.
    pub fn union(&self, other: &UidSet) -> UidSet {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut either: Vec<(u32, u32)> = Vec::with_capacity(self.0.len() + other.0.len());
        loop {
            let is_a = match (a.peek(), b.peek()) {
                (Some(a), Some(b)) => a.0 <= b.0,
                (a, _) => a.is_some(),
            };
            let Some(&(low, high)) = (if is_a { a.next() } else { b.next() }) else {
                return UidSet(either);
            };
            match either.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => either.push((low, high)),
            }
        }
    }

    /// UIDs here and not in `other`.
    pub fn difference(&self, other: &UidSet) -> UidSet {
        let mut left = Vec::new();
        let (mut a, mut b) = (0, 0);
        while let Some(&(mut low, high)) = self.0.get(a) {
            b = seek(&other.0, b, low);
            let Some(&(next, _)) = other.0.get(b) else {
                left.extend_from_slice(&self.0[a..]);
                break;
            };
            if next > high {
                // All ranges that end before the next one of `other` stay as they are.
                let end = seek(&self.0, a, next);
                left.extend_from_slice(&self.0[a..end]);
                a = end;
                continue;
            }
            let mut done = false;
            for &(bl, bh) in &other.0[b..] {
                if bl > high {
                    break;
                }
                if bl > low {
                    left.push((low, bl - 1));
                }
                if bh >= high {
                    done = true;
                    break;
                }
                low = bh + 1;
            }
            if !done {
                left.push((low, high));
            }
            a += 1;
        }
        UidSet(left)
    }

    /// The number of UIDs below `uid`: its sequence number less one when it is in the set.
    pub fn rank(&self, uid: u32) -> usize {
        let mut n = 0;
        for &(low, high) in &self.0 {
            if uid <= low {
                break;
            }
            n += (high.min(uid - 1) - low) as usize + 1;
        }
        n
    }

    /// The UID with `rank` UIDs below it.
    pub fn nth(&self, rank: usize) -> Option<u32> {
        let mut left = rank;
        for &(low, high) in &self.0 {
            let n = (high - low) as usize + 1;
            if left < n {
                return Some(low + left as u32);
            }
            left -= n;
        }
        None
    }
}

/// The first range at or after `from` that ends at `uid` or later. It costs the logarithm of the
/// number of ranges that it skips.
fn seek(ranges: &[(u32, u32)], from: usize, uid: u32) -> usize {
    let (mut low, mut step) = (from, 1);
    while ranges
        .get(low + step - 1)
        .is_some_and(|range| range.1 < uid)
    {
        low += step;
        step *= 2;
    }
    let high = ranges.len().min(low + step);
    let rest = ranges.get(low..high).unwrap_or_default();
    low + rest.partition_point(|range| range.1 < uid)
}

impl FromIterator<u32> for UidSet {
    fn from_iter<T: IntoIterator<Item = u32>>(iter: T) -> Self {
        let mut set = UidSet::new();
        let mut stray = Vec::new();
        for uid in iter {
            match set.0.last() {
                Some(last) if uid < last.1 => stray.push((uid, uid)),
                _ => set.insert(uid),
            }
        }
        if stray.is_empty() {
            set
        } else {
            Self::from_ranges(set.0.into_iter().chain(stray))
        }
    }
}

impl From<RangeInclusive<u32>> for UidSet {
    fn from(range: RangeInclusive<u32>) -> Self {
        UidSet::from_ranges([(*range.start(), *range.end())])
    }
}

/// `1:3,7`, as IMAP writes a set.
impl core::fmt::Display for UidSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (i, &(low, high)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            if low == high {
                write!(f, "{low}")?
            } else {
                write!(f, "{low}:{high}")?
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every operation against the obvious model, over a cheap pseudo-random sequence.
    #[test]
    fn behaves_like_a_set_of_numbers() {
        let mut x = 12345u32;
        let mut next = move || {
            x = x.wrapping_mul(1664525).wrapping_add(1013904223);
            (x >> 24) % 64 + 1
        };
        for _ in 0..200 {
            let (mut a, mut b) = (UidSet::new(), UidSet::new());
            let (mut ma, mut mb) = (BTreeSet::new(), BTreeSet::new());
            for _ in 0..40 {
                let (p, q, r) = (next(), next(), next());
                a.insert(p);
                ma.insert(p);
                b.insert(q);
                mb.insert(q);
                assert_eq!(a.remove(r), ma.remove(&r));
            }
            let plain = |s: &UidSet| s.iter().collect::<Vec<_>>();
            assert_eq!(plain(&a), ma.iter().copied().collect::<Vec<_>>());
            assert_eq!(
                plain(&a.union(&b)),
                ma.union(&mb).copied().collect::<Vec<_>>()
            );
            assert_eq!(
                plain(&a.intersection(&b)),
                ma.intersection(&mb).copied().collect::<Vec<_>>()
            );
            assert_eq!(
                plain(&a.difference(&b)),
                ma.difference(&mb).copied().collect::<Vec<_>>()
            );
            assert_eq!(
                a.difference(&b),
                plain(&a.difference(&b)).into_iter().collect()
            );
            for (rank, uid) in ma.iter().enumerate() {
                assert_eq!(a.rank(*uid), rank);
                assert_eq!(a.nth(rank), Some(*uid));
            }
            assert_eq!(a.len(), ma.len());
            for n in [0, 1, 3, 99] {
                let above = ma.iter().filter(|uid| **uid > 30).take(n);
                assert_eq!(a.first_above(30, n), above.copied().collect());
            }
            let mut grown = a.clone();
            grown.add(&b);
            assert_eq!(grown, a.union(&b));
            assert!(a.0.windows(2).all(|w| w[0].1 + 1 < w[1].0), "{a:?}");
        }
        assert_eq!(
            UidSet::from_ranges([(5, 3), (6, 9), (1, 1), (u32::MAX, 12)]).to_string(),
            "1,3:9,12:4294967295"
        );
    }
}
