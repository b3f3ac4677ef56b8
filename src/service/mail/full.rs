//! A list of messages with the content of each: a list as `list.rs` makes it, whose rows are opened
//! one after the other.
//!
//! It finds no message itself. The rule: a page ends when its texts have [`OPENED_OCTETS`], and one
//! row may go over it. Each row is a slice, so other calls have their turn in between. A search is
//! carried out once for a page, and its rows are opened then; a list without one gives a row at a
//! time.

use std::sync::Arc;

use super::{find, message};
use crate::call::{
    Access, Answer, ContentAsk, ListProgress, MessageContent, MessageRead, MessageView, OpenedPage,
    Refusal,
};
use crate::service::context::ReadContext;

/// Opens the rows of a list, and moves it on. `None` when there is more to do.
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
    if is_search(list) {
        (so_far.found, so_far.next) = (rows.into(), next);
        return open_found(context, access, (list, ask), so_far);
    }
    for row in rows {
        open(context, access, (&row, ask), so_far)?;
    }
    let is_full = so_far.rows.len() >= limit || so_far.octets >= OPENED_OCTETS;
    if next.is_none() || is_full {
        let rows = core::mem::take(&mut so_far.rows);
        return Ok(Some(Answer::Messages { rows, next }));
    }
    move_on(list, next)
}

/// The answer with the rows of a page so far: its list has come to its deadline without another
/// one. `None` if there is no row yet.
pub fn cut(list: &MessageRead, so_far: &mut OpenedPage) -> Option<Answer> {
    let (MessageRead::List { cursor, .. } | MessageRead::ListAll { cursor, .. }) = list else {
        return None;
    };
    let rows = core::mem::take(&mut so_far.rows);
    (!rows.is_empty()).then(|| Answer::Messages {
        rows,
        next: cursor.clone(),
    })
}

/// Opens the next row that a search has found. `None` when there is more to do.
pub fn open_found(
    context: &ReadContext<'_>,
    access: &Access,
    (list, ask): (&mut MessageRead, ContentAsk),
    so_far: &mut OpenedPage,
) -> Result<Option<Answer>, Refusal> {
    let row = so_far.found.pop_front();
    if let Some(row) = &row {
        open(context, access, (row, ask), so_far)?;
    }
    let next = match row.filter(|_| !so_far.found.is_empty()) {
        Some(_) if so_far.octets < OPENED_OCTETS => return Ok(None),
        Some(last) => {
            so_far.found.clear();
            Some(find::cursor_behind(&last))
        }
        None => so_far.next.take(),
    };
    if so_far.rows.is_empty() && next.is_some() {
        // All that it had found has gone since.
        return move_on(list, next);
    }
    let rows = core::mem::take(&mut so_far.rows);
    Ok(Some(Answer::Messages { rows, next }))
}

/// Whether a list is a search.
fn is_search(list: &MessageRead) -> bool {
    match list {
        MessageRead::List { filter, .. } | MessageRead::ListAll { filter, .. } => {
            filter.q.is_some()
        }
        _ => false,
    }
}

/// Opens a row, unless its message has gone.
fn open(
    context: &ReadContext<'_>,
    access: &Access,
    (row, ask): (&MessageView, ContentAsk),
    so_far: &mut OpenedPage,
) -> Result<(), Refusal> {
    let id = row.state.id;
    let Some(record) = context.store.message(access.org, row.inbox, id)? else {
        return Ok(());
    };
    if let Some(mut opened) = message::open(context.store, (row.inbox, record), ask)? {
        opened.snippet.clone_from(&row.snippet);
        so_far.octets += opened.content.as_deref().map_or(0, octets_of);
        so_far.rows.push(Arc::new(opened));
    }
    Ok(())
}

/// Has the list go on behind its rows.
fn move_on(list: &mut MessageRead, next: Option<String>) -> Result<Option<Answer>, Refusal> {
    match list {
        MessageRead::List {
            cursor, progress, ..
        }
        | MessageRead::ListAll {
            cursor, progress, ..
        } => {
            *cursor = next;
            **progress = ListProgress {
                since_ms: progress.since_ms,
                ..ListProgress::default()
            };
            Ok(None)
        }
        _ => Err(Refusal::Internal),
    }
}

/// About the octets of a message in an answer.
pub(super) fn octets_of(content: &MessageContent) -> usize {
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
pub(super) const OPENED_OCTETS: usize = 512 << 10;
/// Octets of a header field or a link beside its texts.
const FIELD_OCTETS: usize = 32;
