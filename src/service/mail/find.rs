//! Searching in the API: a list with `q`, of one inbox or of all inboxes of a key, in the order of
//! the time at which messages were received and of their ids, newest first.
//!
//! The index of searches names the bodies that may match. If they are few, their entries are looked
//! up and put in order; if they are many, the entries are walked in order and the others passed
//! over. Where the index does not help, every entry is read. A page is full, or it is the last: a
//! search goes on in slices of some milliseconds, and is refused at its deadline if it has found
//! nothing by then. No snapshot is held while a message is searched.

use std::sync::Arc;

use super::list::{SliceClock, next_chunk, wanted_folder};
use super::listed::row_octets;
use super::message::message_view;
use super::opened::OpenedMessage;
use super::query::{CompiledQuery, ShownMessage};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, EntryId, FindProgress, FindSource, GramQuery, InboxId, InboxRef, ListMerge,
    ListProgress, MessageFilter, MessageView, Metric, Noun, Refusal,
};
use crate::mail::Digest;
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{Error, Store};

/// The inboxes of a search.
#[derive(Clone, Copy)]
pub enum FindIn<'a> {
    /// One.
    Inbox(&'a InboxRef),
    /// These, or without them all that the key sees.
    Inboxes(&'a [InboxRef]),
}

/// A position in the order of a search: received at, and the id.
type Position = (i64, i64);

/// Finds a page of messages. Gives `None` when a slice of the work is done and the page is not yet
/// complete.
pub fn find(
    context: &ReadContext<'_>,
    access: &Access,
    place: FindIn<'_>,
    filter: &MessageFilter,
    (cursor, limit): (Option<&str>, usize),
    progress: &mut ListProgress,
) -> Result<Option<Answer>, Refusal> {
    let query = CompiledQuery::new(filter)?;
    let below = parse_cursor(cursor)?;
    let mut search = Search {
        context,
        access,
        folder: wanted_folder(context, filter),
        grams: query.grams(),
        query,
        limit: limit.clamp(1, PAGE_ROWS_MAX),
        clock: SliceClock::begin(context, progress),
        since_ms: progress.since_ms,
    };
    let mut found = progress.find.take().unwrap_or_default();
    let rows = &mut progress.rows;
    let is_done = search.gather(place, below, &mut found)? && search.go_on(rows, &mut found)?;
    if !is_done && !search.is_late(rows)? {
        progress.find = Some(found);
        return Ok(None);
    }
    let next = found.last.filter(|_| !found.heads.is_empty());
    Ok(Some(Answer::Messages {
        rows: core::mem::take(rows),
        next: next.map(format_cursor),
    }))
}

struct Search<'a> {
    context: &'a ReadContext<'a>,
    access: &'a Access,
    query: CompiledQuery,
    grams: GramQuery,
    /// The one folder of the list.
    folder: Option<String>,
    limit: usize,
    clock: SliceClock<'a>,
    since_ms: u64,
}

impl Search<'_> {
    fn store(&self) -> &Store {
        self.context.store
    }

    /// Whether the search has taken so long that it ends with what it has.
    fn is_late(&self, rows: &[Arc<MessageView>]) -> Result<bool, Refusal> {
        let took_ms = (self.context.clock)().mono_ms.saturating_sub(self.since_ms);
        if took_ms <= self.context.shared.limits.search_s.saturating_mul(1000) {
            return Ok(false);
        }
        self.context.shared.metrics.count(Metric::SearchesCut);
        match rows.is_empty() {
            true => Err(Refusal::SearchDeadline),
            false => Ok(true),
        }
    }

    /// Reads the newest position of every inbox of the search; whether all have been read.
    fn gather(
        &self,
        place: FindIn<'_>,
        below: Position,
        found: &mut FindProgress,
    ) -> Result<bool, Refusal> {
        if found.gathered.is_gathered {
            return Ok(true);
        }
        let (store, org) = (self.store(), self.access.org);
        let _moment = store.snapshot()?;
        while !found.gathered.is_gathered {
            for inbox in self.next_inboxes(place, &mut found.gathered)? {
                if let Some(folder) = &self.folder {
                    if store.mailbox_named(org, inbox, folder)?.is_none() {
                        continue;
                    }
                    found.gathered.has_folder = true;
                }
                let newest = store.received_below((org, inbox), below, |_| true)?;
                if let Some(position) = newest {
                    found.heads.insert((position, inbox));
                }
            }
            if !found.gathered.is_gathered && self.clock.is_over() {
                return Ok(false);
            }
        }
        // A folder that no inbox has is a mistake of the client.
        if self.folder.is_some() && !found.gathered.has_folder {
            return Err(Refusal::NotFound(Noun::Mailbox));
        }
        Ok(true)
    }

    fn next_inboxes(
        &self,
        place: FindIn<'_>,
        gathered: &mut ListMerge,
    ) -> Result<Vec<InboxId>, Refusal> {
        match place {
            FindIn::Inboxes(named) => next_chunk(self.store(), self.access, named, gathered),
            FindIn::Inbox(inbox) => {
                gathered.is_gathered = true;
                Ok(vec![policy::find_inbox(self.store(), self.access, inbox)?])
            }
        }
    }

    /// Fills the page, newest first; whether it is full or complete.
    fn go_on(
        &mut self,
        rows: &mut Vec<Arc<MessageView>>,
        found: &mut FindProgress,
    ) -> Result<bool, Refusal> {
        let mut octets: usize = rows.iter().map(|row| row_octets(row)).sum();
        while let Some((position, inbox)) = found.heads.pop_last() {
            if rows.len() >= self.limit || octets >= PAGE_OCTETS {
                found.heads.insert((position, inbox));
                return Ok(true);
            }
            let is_candidate = match self.next_of(inbox, position, found)? {
                NextStep::Later => {
                    found.heads.insert((position, inbox));
                    return Ok(false);
                }
                NextStep::Moved => false,
                NextStep::Candidate => true,
            };
            if is_candidate {
                found.last = Some(position);
                if let Some(row) = self.evaluate(inbox, EntryId(position.1))? {
                    octets += row_octets(&row);
                    rows.push(Arc::new(row));
                }
            }
            if self.clock.is_over() && !found.heads.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves the head of an inbox to its next position. Tells whether the entry at `position` may
    /// match.
    fn next_of(
        &mut self,
        inbox: InboxId,
        position: Position,
        found: &mut FindProgress,
    ) -> Result<NextStep, Refusal> {
        let _moment = self.store().snapshot()?;
        if !found.sources.contains_key(&inbox) {
            let Some(source) = self.source_of(inbox, position, found)? else {
                return Ok(NextStep::Later);
            };
            found.sources.insert(inbox, source);
        }
        let place = (self.access.org, inbox);
        let next = match found.sources.get_mut(&inbox) {
            Some(FindSource::Positions(positions)) => {
                let is_first = positions.last() == Some(&position);
                if is_first {
                    positions.pop();
                }
                let next = positions.last().copied();
                found.heads.extend(next.map(|next| (next, inbox)));
                return Ok(match is_first {
                    true => NextStep::Candidate,
                    false => NextStep::Moved,
                });
            }
            Some(FindSource::Bodies(bodies)) => {
                let mut looked = 0;
                self.context.store.received_below(place, position, |body| {
                    looked += 1;
                    looked >= WALKED_AT_ONCE || bodies.binary_search(&body).is_ok()
                })?
            }
            _ => self.store().received_below(place, position, |_| true)?,
        };
        found.heads.extend(next.map(|next| (next, inbox)));
        let Some(FindSource::Bodies(bodies)) = found.sources.get(&inbox) else {
            return Ok(NextStep::Candidate);
        };
        // The position is one of the walk, whose body may be none of those.
        let body = self.store().entry(place.0, inbox, EntryId(position.1))?;
        Ok(
            match body.is_some_and(|entry| bodies.binary_search(&entry.body).is_ok()) {
                true => NextStep::Candidate,
                false => NextStep::Moved,
            },
        )
    }

    /// Asks the index about an inbox; `None` when the slice is over before all is known.
    fn source_of(
        &self,
        inbox: InboxId,
        below: Position,
        found: &mut FindProgress,
    ) -> Result<Option<FindSource>, Refusal> {
        if self.grams.is_open() {
            return Ok(Some(FindSource::All));
        }
        let walk = &mut found.walk;
        match self
            .store()
            .ask_signatures(inbox, &self.grams, walk, || self.clock.is_over())?
        {
            Some(true) => {}
            Some(false) => return Ok(None),
            None => {
                found.walk = Default::default();
                return Ok(Some(FindSource::All));
            }
        }
        let bodies = core::mem::take(&mut found.walk).bodies;
        let held: usize = found.sources.values().map(FindSource::held).sum();
        if bodies.len() > LOOKED_UP_MAX {
            let is_room = bodies.len() + held <= HELD_MAX;
            return Ok(Some(match is_room || held == 0 {
                true => FindSource::Bodies(bodies),
                false => FindSource::All,
            }));
        }
        let mut positions = self
            .store()
            .positions_of((self.access.org, inbox), &bodies)?;
        // The head itself may be one of them.
        positions.retain(|position| *position <= below);
        positions.sort_unstable();
        Ok(Some(FindSource::Positions(positions)))
    }

    /// The row of an entry that matches.
    fn evaluate(&self, inbox: InboxId, id: EntryId) -> Result<Option<MessageView>, Refusal> {
        let place = (self.access.org, inbox);
        let read = || self.store().message_in(place, id, true);
        let passes = |record: &_| self.query.passes(record, self.folder.as_deref());
        let mut record = None;
        if self.query.has_facts() || !self.query.has_texts() {
            record = read()?.filter(passes);
            if record.is_none() {
                return Ok(None);
            }
        }
        if let Some(record) = record.take_if(|_| !self.query.has_texts()) {
            let snippet = Some(record.summary.preview.clone());
            let row = message_view(inbox, record)?;
            return Ok(Some(MessageView { snippet, ..row }));
        }
        let opened = OpenedMessage::read(self.store(), place, id)?;
        let Some(opened) = opened else {
            return Ok(None);
        };
        let digest = Digest::open(&opened.digest).ok_or(Error::Corrupt("digest"))?;
        let mut shown = ShownMessage::new(&opened.octets, digest);
        if !self.query.matches(&mut shown) {
            return Ok(None);
        }
        let record = match record {
            Some(record) => Some(record),
            None => read()?.filter(passes),
        };
        let Some(record) = record else {
            return Ok(None);
        };
        let snippet = self.query.snippet(&mut shown, &record.summary.preview);
        let mut row = message_view(inbox, record)?;
        row.snippet = Some(snippet);
        Ok(Some(row))
    }
}

/// What became of the head of an inbox.
enum NextStep {
    /// Its entry may match; the next head is there.
    Candidate,
    /// Its entry does not match; the next head is there.
    Moved,
    /// The index was not asked to its end: the head stays.
    Later,
}

/// The cursor of the rows behind this one.
pub(super) fn cursor_behind(row: &MessageView) -> String {
    format_cursor((row.received_at, row.state.id.0))
}

fn format_cursor((at, id): Position) -> String {
    format!("s{at:x}.{id:x}")
}

/// Parses the text of [`format_cursor`].
fn parse_cursor(cursor: Option<&str>) -> Result<Position, Refusal> {
    let Some(cursor) = cursor else {
        return Ok((i64::MAX, i64::MAX));
    };
    let hex = |text: &str| i64::from_str_radix(text, 16).ok();
    let parts = cursor
        .strip_prefix('s')
        .and_then(|rest| rest.split_once('.'));
    parts
        .and_then(|(at, id)| hex(at).zip(hex(id)))
        .ok_or_else(super::list::wrong_cursor)
}

/// Octets of the rows of one page.
const PAGE_OCTETS: usize = 256 << 10;
/// Bodies whose entries are looked up and put in order. Of more, the entries are walked in order.
const LOOKED_UP_MAX: usize = 2_048;
/// Bodies and positions that a search over many inboxes holds; those of one inbox it always holds.
const HELD_MAX: usize = 65_536;
/// Entries that a walk passes over between two looks at the clock.
const WALKED_AT_ONCE: usize = 2_048;
