//! What pages of lists have in common: the clock of a list and its slices, the octets of a page,
//! and cursors. It reads no store.

use std::sync::Arc;

use super::listed::row_octets;
use crate::call::{ListProgress, MailboxId, MessageView, Metric, Refusal};
use crate::service::context::ReadContext;
use crate::store::ListPosition;

/// The clock of a list: how long its slice and the whole of it may take.
pub(super) struct SliceClock<'a> {
    context: &'a ReadContext<'a>,
    began_ms: u64,
    /// Milliseconds that the slices before this one took.
    took_ms: u64,
}

impl<'a> SliceClock<'a> {
    pub(super) fn begin(
        context: &'a ReadContext<'a>,
        progress: &mut ListProgress,
    ) -> SliceClock<'a> {
        let began_ms = (context.clock)().mono_ms;
        if progress.since_ms == 0 {
            progress.since_ms = began_ms.max(1);
        }
        SliceClock {
            context,
            began_ms,
            took_ms: began_ms.saturating_sub(progress.since_ms),
        }
    }

    /// Whether a page ends with its rows though it is not full, because it has taken long. One
    /// without a row goes on.
    ///
    /// # Errors
    /// It has no row at the deadline.
    pub(super) fn ends_page(&self, rows: usize) -> Result<bool, Refusal> {
        let shared = &self.context.shared;
        if rows > 0 {
            return Ok(self.took_ms >= LIST_MS);
        }
        if self.took_ms > shared.limits.search_s.saturating_mul(1000) {
            shared.metrics.count(Metric::SearchesCut);
            return Err(Refusal::SearchDeadline);
        }
        Ok(false)
    }

    pub(super) fn is_over(&self) -> bool {
        let spent = (self.context.clock)().mono_ms.saturating_sub(self.began_ms);
        spent >= self.context.shared.limits.search_slice_ms
    }
}

/// The rows of a page: `limit`, or those that are there if they have enough octets already.
pub(super) fn within_octets(limit: usize, rows: &[Arc<MessageView>]) -> usize {
    let octets: usize = rows.iter().map(|row| row_octets(row)).sum();
    match octets >= PAGE_OCTETS {
        true => limit.min(rows.len()),
        false => limit,
    }
}

/// The public form of a position in a list.
pub(super) fn format_cursor(below: ListPosition) -> String {
    match below {
        ListPosition::Id(id) => format!("i{id:x}"),
        ListPosition::Uid(mailbox, uid) => format!("u{uid:x}.{:x}", mailbox.0),
    }
}

/// Parses the text of [`format_cursor`], for the same list.
pub(super) fn parse_cursor(
    cursor: Option<&str>,
    folder: Option<MailboxId>,
) -> Result<ListPosition, Refusal> {
    let wrong = wrong_cursor;
    let hex = |text: &str| i64::from_str_radix(text, 16).map_err(|_| wrong());
    let Some(cursor) = cursor else {
        return Ok(folder.map_or(ListPosition::Id(i64::MAX), |mailbox| {
            ListPosition::Uid(mailbox, u32::MAX)
        }));
    };
    match (folder, cursor.split_at_checked(1)) {
        (None, Some(("i", id))) => Ok(ListPosition::Id(hex(id)?)),
        (Some(mailbox), Some(("u", rest))) => {
            let (uid, of) = rest.split_once('.').ok_or_else(wrong)?;
            if hex(of)? != mailbox.0 {
                return Err(wrong());
            }
            let uid = u32::try_from(hex(uid)?).map_err(|_| wrong())?;
            Ok(ListPosition::Uid(mailbox, uid))
        }
        _ => Err(wrong()),
    }
}

/// Parses a cursor that is an id behind the letter of its kind of list; without one it is `first`.
pub(super) fn parse_id_cursor(
    cursor: Option<&str>,
    kind: char,
    first: i64,
) -> Result<i64, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(first);
    };
    let id = cursor.strip_prefix(kind);
    id.and_then(|id| i64::from_str_radix(id, 16).ok())
        .ok_or_else(wrong_cursor)
}

pub(super) fn wrong_cursor() -> Refusal {
    Refusal::Invalid {
        field: "cursor",
        why: "is not one that this list gave".to_owned(),
    }
}

/// Milliseconds after which a list answers with the rows that it has, and a cursor.
const LIST_MS: u64 = 2000;

/// Octets of the rows of one page. A hundred usual rows have some 60 KiB; one row can have four
/// hundred addresses of hundreds of octets.
pub(super) const PAGE_OCTETS: usize = 256 << 10;
