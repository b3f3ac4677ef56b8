//! Pages of lists: cursors, and lists of which a key sees a part.

use crate::call::Refusal;
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::service::field::invalid;

/// Reads a cursor: the id of the last row of the page before.
pub(super) fn parse_cursor<T>(
    text: Option<&str>,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    match text {
        None => Ok(None),
        Some(text) => parse(text)
            .map(Some)
            .ok_or_else(|| invalid("cursor", "is not one that a list here gave")),
    }
}

/// Cuts a page that was read with at least one row more than `limit`. Gives the cursor of the
/// next page; `None` after the last row.
pub(super) fn next_cursor<T>(
    rows: &mut Vec<T>,
    limit: usize,
    name: impl Fn(&T) -> String,
) -> Option<String> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(name)
}

/// Up to `limit` rows after `after` that `is_visible` accepts, and the cursor of the next page.
/// `read` reads up to so many rows after an id.
pub(super) fn filtered_page<T, I: Copy + core::fmt::Display>(
    mut after: I,
    limit: usize,
    read: impl Fn(I, usize) -> Result<Vec<T>, Refusal>,
    id: impl Fn(&T) -> I,
    is_visible: impl Fn(&T) -> Result<bool, Refusal>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let mut rows = Vec::new();
    for _ in 0..FILTERED_PAGES_MAX {
        let page = read(after, PAGE_ROWS_MAX + 1)?;
        let last = page.last().map(&id);
        let is_end = page.len() <= PAGE_ROWS_MAX;
        for row in page {
            if is_visible(&row)? {
                rows.push(row);
            }
        }
        match last {
            Some(last) if !is_end && rows.len() <= limit => after = last,
            _ => break,
        }
    }
    let next = next_cursor(&mut rows, limit, |row| id(row).to_string());
    Ok((rows, next))
}

/// Pages that a list reads for a key that sees few of their rows. After them the list ends: it
/// may end early, but it never shows a row that the key may not see.
const FILTERED_PAGES_MAX: usize = 500;
