//! The entries that a search found: a set, or a list in an order of its own.

use core::fmt;

use super::UidSet;

/// The UIDs, or for a client the sequence numbers, of the entries found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Matches {
    /// In ascending order (SEARCH).
    Set(UidSet),
    /// In the order of the answer, each once (SORT).
    Ordered(Vec<u32>),
}

impl Matches {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match self {
            Matches::Set(set) => set.is_empty(),
            Matches::Ordered(list) => list.is_empty(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Matches::Set(set) => set.len(),
            Matches::Ordered(list) => list.len(),
        }
    }

    /// The first in the order.
    pub fn first(&self) -> Option<u32> {
        match self {
            Matches::Set(set) => set.first(),
            Matches::Ordered(list) => list.first().copied(),
        }
    }

    /// The last in the order.
    pub fn last(&self) -> Option<u32> {
        match self {
            Matches::Set(set) => set.last(),
            Matches::Ordered(list) => list.last().copied(),
        }
    }

    /// All but the first `n`.
    pub fn after(&self, n: usize) -> Matches {
        match self {
            Matches::Set(set) => Matches::Set(match set.nth(n) {
                Some(first) => set.intersection(&UidSet::from(first..=u32::MAX)),
                None => UidSet::new(),
            }),
            Matches::Ordered(list) => Matches::Ordered(list.get(n..).unwrap_or_default().to_vec()),
        }
    }

    /// In the order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (set, list) = match self {
            Matches::Set(set) => (Some(set), None),
            Matches::Ordered(list) => (None, Some(list)),
        };
        let in_set = set.into_iter().flat_map(UidSet::iter);
        in_set.chain(list.into_iter().flatten().copied())
    }

    /// In the order, as ranges: each as long as the numbers ascend by one.
    pub fn ranges(&self) -> Vec<(u32, u32)> {
        let list = match self {
            Matches::Set(set) => return set.ranges().to_vec(),
            Matches::Ordered(list) => list,
        };
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for &n in list {
            match ranges.last_mut() {
                Some((_, high)) if high.checked_add(1) == Some(n) => *high = n,
                _ => ranges.push((n, n)),
            }
        }
        ranges
    }
}

impl From<UidSet> for Matches {
    fn from(set: UidSet) -> Self {
        Matches::Set(set)
    }
}

impl Default for Matches {
    fn default() -> Self {
        Matches::Set(UidSet::new())
    }
}

/// `1:3,7`
impl fmt::Display for Matches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (low, high)) in self.ranges().into_iter().enumerate() {
            f.write_str(if i > 0 { "," } else { "" })?;
            match low == high {
                true => write!(f, "{low}")?,
                false => write!(f, "{low}:{high}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_kept() {
        let set = Matches::from(UidSet::from_ranges([(1, 3), (7, 7)]));
        let list = Matches::Ordered(vec![7, 2, 3, 1]);
        for (matches, text, ends, behind) in [
            (&set, "1:3,7", (Some(1), Some(7)), "3,7"),
            (&list, "7,2:3,1", (Some(7), Some(1)), "3,1"),
        ] {
            assert_eq!(matches.to_string(), text);
            assert_eq!((matches.first(), matches.last()), ends);
            assert_eq!((matches.len(), matches.is_empty()), (4, false));
            assert_eq!(matches.after(2).to_string(), behind);
            assert!(matches.after(4).is_empty());
            assert_eq!(matches.iter().count(), 4);
        }
        assert_eq!(list.iter().collect::<Vec<_>>(), [7, 2, 3, 1]);
        assert_eq!(Matches::default().first(), None);
    }
}
