//! A list of messages with the content of each: a list as `list.rs` makes it, whose rows are opened
//! one after the other.
//!
//! It finds no message itself. The rule: a page ends when its texts have [`OPENED_OCTETS`], and one
//! row may go over it. Each row is a slice, so other calls have their turn in between.

use super::message;
use crate::call::{Access, Answer, ContentAsk, MessageContent, MessageRead, OpenedPage, Refusal};
use crate::service::context::ReadContext;

/// Opens the row of a list of at most one row, and moves the list on. `None` when there is more to
/// do.
pub fn take(
    context: &ReadContext<'_>,
    access: &Access,
    (list, answer): (&mut MessageRead, Answer),
    (ask, limit): (ContentAsk, usize),
    so_far: &mut OpenedPage,
) -> Result<Option<Answer>, Refusal> {
    let Answer::Messages { rows, next } = answer else {
        return Err(Refusal::Internal);
    };
    let is_late = rows.is_empty();
    for row in rows {
        let id = row.state.id;
        let Some(record) = context.store.message(access.org, row.inbox, id)? else {
            continue;
        };
        if let Some(mut opened) = message::open(context.store, (row.inbox, record), ask)? {
            opened.snippet = row.snippet;
            so_far.octets += opened.content.as_deref().map_or(0, octets_of);
            so_far.rows.push(opened);
        }
    }
    let is_full = so_far.rows.len() >= limit || so_far.octets >= OPENED_OCTETS;
    if next.is_none() || is_full || is_late {
        let rows = core::mem::take(&mut so_far.rows);
        return Ok(Some(Answer::Messages { rows, next }));
    }
    match list {
        MessageRead::List {
            cursor, progress, ..
        }
        | MessageRead::ListAll {
            cursor, progress, ..
        } => {
            *cursor = next;
            **progress = Default::default();
        }
        _ => return Err(Refusal::Internal),
    }
    Ok(None)
}

/// About the octets of a message in an answer.
fn octets_of(content: &MessageContent) -> usize {
    let fields = content.headers.iter();
    let fields = fields.map(|(name, value)| name.len() + value.len() + FIELD_OCTETS);
    let links = content.links.iter();
    let links = links.map(|link| link.url.len() + link.text.len() + FIELD_OCTETS);
    fields.chain(links).sum::<usize>()
        + content.text.len()
        + content.extracted_text.len()
        + content.html.as_ref().map_or(0, String::len)
}

/// Octets of the texts of one page.
const OPENED_OCTETS: usize = 512 << 10;
/// Octets of a header field or a link beside its texts.
const FIELD_OCTETS: usize = 32;
