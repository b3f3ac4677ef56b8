//! Export: the messages of a folder with their octets, the oldest place first, in pages.
//!
//! It ends with the messages that were there when it began, so that new mail does not keep it
//! going.
//! A place is a UID: a message that is moved away meanwhile is missing, and none comes twice.

use super::mailbox;
use crate::call::{Access, Answer, ExportPage, InboxRef, Octets, Refusal, UidSet};
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::PageRequest;

/// Where a page begins and the export ends.
struct ExportPlace {
    uidvalidity: u32,
    after: u32,
    /// The last UID of the export; of the cursor of a message it is the last one that there is.
    until: Option<u32>,
}

/// A page of a folder. A message that is too large for it has no octets in it.
pub fn export(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (folder, cursor, limit): (&str, Option<&str>, usize),
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let limits = &context.shared.limits;
    let mailbox = mailbox::find(context.store, limits, (access, inbox), folder)?;
    let last = mailbox.uidnext.saturating_sub(1);
    let place = match cursor {
        None => ExportPlace {
            uidvalidity: mailbox.uidvalidity,
            after: 0,
            until: None,
        },
        Some(cursor) => parse(cursor).ok_or_else(wrong_cursor)?,
    };
    if place.uidvalidity != mailbox.uidvalidity {
        return Err(Refusal::Invalid {
            field: "cursor",
            why: "is of a folder that is gone: begin anew".into(),
        });
    }
    let until = place.until.unwrap_or(last).min(last);
    let first = place.after.saturating_add(1);
    if first > until {
        return Ok(page(Vec::new(), None));
    }
    let ask = PageRequest {
        digest: false,
        octets: Octets::UpTo(u32::try_from(limits.page_bytes).unwrap_or(u32::MAX)),
        changed_since: 0,
        bytes_max: limits.page_bytes,
    };
    let uids = UidSet::from_ranges([(first, until)]);
    let (mut rows, more) = context.store.page(&mailbox, &uids, &ask)?;
    let mut next = more.first();
    if rows.len() > limit {
        next = rows.get(limit).map(|row| row.state.uid);
        rows.truncate(limit);
    }
    let validity = mailbox.uidvalidity;
    let next = next.map(|next| format!("{validity}-{}-{until}", next.saturating_sub(1)));
    let rows = rows.into_iter().map(|row| {
        let place = format!("{validity}-{}", row.state.uid);
        (place, row)
    });
    Ok(page(rows.collect(), next))
}

fn page(rows: Vec<(String, crate::call::EntryRow)>, next: Option<String>) -> Answer {
    Answer::Exported(ExportPage { rows, next })
}

/// `7-19` behind a message, `7-19-400` behind a page.
fn parse(cursor: &str) -> Option<ExportPlace> {
    let mut numbers =
        cursor
            .split('-')
            .map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
                true => part.parse::<u32>().ok(),
                false => None,
            });
    let (uidvalidity, after) = (numbers.next()??, numbers.next()??);
    let until = match numbers.next() {
        None => None,
        Some(until) => Some(until?),
    };
    numbers.next().is_none().then_some(ExportPlace {
        uidvalidity,
        after,
        until,
    })
}

fn wrong_cursor() -> Refusal {
    Refusal::Invalid {
        field: "cursor",
        why: "is not one that this list has given".into(),
    }
}
