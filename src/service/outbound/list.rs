//! The queue of recipients outside, as clients list it.

use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{Access, Answer, OutboundId, OutboundRow, Refusal, SlicedList};
use crate::service::access::admit::sees;
use crate::service::account::page::{LIST_WORK, RowsLookedAt, list_slice};
use crate::store::Store;

/// Does a slice of a list of the recipients outside that wait for delivery.
pub fn list(
    store: &Store,
    access: &Access,
    list: &mut SlicedList<OutboundRow>,
) -> Result<Option<Answer>, Refusal> {
    let look = |after: i64| -> Result<RowsLookedAt<OutboundRow>, Refusal> {
        let page = store.outbound(access.org, OutboundId(after), PAGE_ROWS_MAX)?;
        let (last, n) = (page.last().map_or(after, |row| row.id.0), page.len());
        let mut rows = Vec::with_capacity(n);
        for row in page {
            if !access.is_bound() || sees(store, access, row.inbox)? {
                rows.push(row);
            }
        }
        Ok(RowsLookedAt {
            rows,
            last,
            is_end: n < PAGE_ROWS_MAX,
            work: n as u64,
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, OutboundId, look)?;
    Ok(page.map(|(rows, next)| Answer::Outbound { rows, next }))
}
