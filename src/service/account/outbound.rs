//! The queue of recipients outside, as clients list it.

use super::page::{filtered_page, parse_cursor};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{Access, Answer, OutboundId, Refusal};
use crate::service::access::admit::sees;
use crate::store::Store;

/// Lists the recipients outside that wait for delivery.
pub fn list_outbound(
    store: &Store,
    access: &Access,
    after: Option<&str>,
    limit: usize,
) -> Result<Answer, Refusal> {
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let after = parse_cursor(after, OutboundId::parse)?.unwrap_or(OutboundId(0));
    let (rows, next) = filtered_page(
        after,
        limit,
        |after, n| Ok(store.outbound(access.org, after, n)?),
        |row| row.id,
        |row| sees(store, access, row.inbox),
    )?;
    Ok(Answer::Outbound { rows, next })
}
