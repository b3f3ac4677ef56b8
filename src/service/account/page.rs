//! Pages of lists: cursors, and lists of which a key sees a part, in slices.

use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{Refusal, SlicedList};
use crate::service::field::invalid;

/// Begins a list after a cursor, which is the id of the last row of the page before.
pub(in crate::service) fn begin_list<T>(
    cursor: Option<&str>,
    limit: usize,
    parse: impl Fn(&str) -> Option<i64>,
) -> Result<SlicedList<T>, Refusal> {
    let after = match cursor {
        None => 0,
        Some(text) => {
            parse(text).ok_or_else(|| invalid("cursor", "is not one that a list here gave"))?
        }
    };
    Ok(SlicedList {
        rows: Vec::new(),
        after,
        limit: limit.clamp(1, PAGE_ROWS_MAX),
        looked: 0,
    })
}

/// Some rows of a list, in the order of their ids.
#[derive(Debug)]
pub(in crate::service) struct RowsLookedAt<T> {
    /// Those that the key sees.
    pub rows: Vec<T>,
    /// The id of the last row, visible or not.
    pub last: i64,
    /// There are no more.
    pub is_end: bool,
    /// How much was looked at: rows, and inboxes that were compared for them.
    pub work: u64,
}

/// The rows of a page, and the cursor of the next one.
pub(super) type ListPage<T> = (Vec<T>, Option<String>);

/// Does a slice of a list; the page and the cursor of the next one when it is complete. `look`
/// looks at some rows after an id. A page for which `work_max` was looked at ends early: it has
/// fewer rows than its limit, and a cursor.
pub(in crate::service) fn list_slice<T, I: core::fmt::Display>(
    list: &mut SlicedList<T>,
    work_max: u64,
    id: impl Fn(&T) -> I,
    name: impl Fn(i64) -> I,
    mut look: impl FnMut(i64) -> Result<RowsLookedAt<T>, Refusal>,
) -> Result<Option<ListPage<T>>, Refusal> {
    let mut work = 0;
    while work < SLICE_WORK {
        let mut seen = look(list.after)?;
        list.rows.append(&mut seen.rows);
        list.after = seen.last;
        list.looked += seen.work.max(1);
        work += seen.work.max(1);
        let is_full = list.rows.len() > list.limit;
        if !is_full && !seen.is_end && list.looked < work_max {
            continue;
        }
        let mut rows = core::mem::take(&mut list.rows);
        rows.truncate(list.limit);
        let next = match (is_full, seen.is_end) {
            (true, _) => rows.last().map(|row| id(row).to_string()),
            (false, true) => None,
            (false, false) => Some(name(list.after).to_string()),
        };
        return Ok(Some((rows, next)));
    }
    Ok(None)
}

/// Rows and comparisons of one slice: a few milliseconds.
pub(super) const SLICE_WORK: u64 = 1000;

/// Rows that one call of a list looks at: an organization may have as many inboxes.
pub(in crate::service) const LIST_WORK: u64 = 100_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn list(limit: usize) -> SlicedList<i64> {
        SlicedList {
            rows: Vec::new(),
            after: 0,
            limit,
            looked: 0,
        }
    }

    /// Looks at one number at a time of `1..=end`; every `step`-th is visible and costs `work`.
    fn look(end: i64, step: i64, work: u64) -> impl Fn(i64) -> Result<RowsLookedAt<i64>, Refusal> {
        move |after| {
            let n = after + 1;
            Ok(RowsLookedAt {
                rows: (n <= end && n % step == 0)
                    .then_some(n)
                    .into_iter()
                    .collect(),
                last: n.min(end),
                is_end: n > end,
                work,
            })
        }
    }

    /// Slices until the page is complete; how many there were, and the page.
    fn run(
        list: &mut SlicedList<i64>,
        work_max: u64,
        look: impl Fn(i64) -> Result<RowsLookedAt<i64>, Refusal>,
    ) -> (usize, Vec<i64>, Option<String>) {
        for slices in 1.. {
            let done = list_slice(list, work_max, |row| *row, |after| after, &look).unwrap();
            if let Some((rows, next)) = done {
                return (slices, rows, next);
            }
        }
        unreachable!()
    }

    #[test]
    fn a_page_takes_as_many_slices_as_its_work_needs() {
        // Few rows are visible: 5000 are looked at for ten of them.
        let page = run(&mut list(10), LIST_WORK, look(5000, 500, 1));
        assert_eq!(page.0, 6);
        assert_eq!((page.1.len(), page.2), (10, None));
        // Each row is heavy: a slice has no more of them than its work allows.
        let page = run(&mut list(10), LIST_WORK, look(100, 1, SLICE_WORK / 2));
        assert_eq!((page.0, page.1.len()), (6, 10));
        assert_eq!(page.2.as_deref(), Some("10"));
    }

    #[test]
    fn a_page_ends_early_and_the_next_one_goes_on_there() {
        let mut seen = Vec::new();
        let mut after = 0;
        for _ in 0..10 {
            let mut list = SlicedList { after, ..list(10) };
            let (_, rows, next) = run(&mut list, 2000, look(5000, 500, 1));
            seen.extend(rows);
            match next {
                Some(next) => after = next.parse().unwrap(),
                None => break,
            }
        }
        assert_eq!(seen, (1..=10).map(|n| n * 500).collect::<Vec<i64>>());
    }

    #[test]
    fn no_row_is_lost_at_the_end_of_a_page() {
        let (_, rows, next) = run(&mut list(3), LIST_WORK, look(3, 1, 1));
        assert_eq!((rows, next), (vec![1, 2, 3], None));
        let (_, rows, next) = run(&mut list(3), LIST_WORK, look(4, 1, 1));
        assert_eq!((rows, next.as_deref()), (vec![1, 2, 3], Some("3")));
        assert!(begin_list::<i64>(Some("x"), 1, |text| text.parse().ok()).is_err());
    }
}
