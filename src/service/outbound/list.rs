//! The queue of recipients outside, as clients list it: newest first.

use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, InboxRef, OutboundFilter, OutboundId, OutboundRow, Refusal, SlicedList,
};
use crate::mail::Address;
use crate::mail::parse::address::parse_domain;
use crate::service::access::admit::sees;
use crate::service::account::page::{LIST_WORK, RowsLookedAt, list_slice};
use crate::store::{OutboundRecord, Store};

/// Does a slice of a list.
pub fn list(
    store: &Store,
    access: &Access,
    filter: &OutboundFilter,
    list: &mut SlicedList<OutboundRow>,
) -> Result<Option<Answer>, Refusal> {
    let look = |before: i64| -> Result<RowsLookedAt<OutboundRow>, Refusal> {
        let page = store.outbound_page(access.org, OutboundId(before), PAGE_ROWS_MAX)?;
        let (last, n) = (page.last().map_or(before, |row| row.id.0), page.len());
        let mut rows = Vec::new();
        for row in page {
            let is_wanted = matches(filter, &row);
            if is_wanted && (!access.is_bound() || sees(store, access, row.inbox)?) {
                rows.push(row.shown());
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

/// Brings the domain and the recipient of a filter into the form of the queue. A text that is
/// neither matches nothing.
pub fn normalize_filter(filter: &mut OutboundFilter) {
    if let Some(domain) = &mut filter.domain
        && let Ok(known) = parse_domain(domain)
    {
        *domain = known;
    }
    if let Some(recipient) = &mut filter.recipient
        && let Ok(known) = Address::parse(recipient)
    {
        *recipient = known.to_string();
    }
}

/// Whether a list has a row. The inbox of the filter is an id by now.
fn matches(filter: &OutboundFilter, row: &OutboundRecord) -> bool {
    let OutboundFilter {
        status,
        inbox,
        recipient,
        domain,
    } = filter;
    let is_inbox = match inbox {
        Some(InboxRef::Id(id)) => *id == row.inbox,
        Some(InboxRef::Address(_)) => false,
        None => true,
    };
    is_inbox
        && status.is_none_or(|status| status == row.status)
        && (recipient.as_ref())
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(&row.envelope.recipient))
        && (domain.as_ref()).is_none_or(|wanted| *wanted == row.domain)
}
