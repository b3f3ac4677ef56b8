//! Searching in the API: a list with `q`, of one inbox or of all inboxes of a key, in the order of
//! the time at which messages were received and of their ids, newest first.
//!
//! The index of searches names the bodies that may match. If they are few, their entries are looked
//! up and put in order; if they are many, the entries are walked in order and the others passed
//! over. Where the index does not help, and where few of the entries that it names match, those
//! that may match by their columns are gathered (`gather.rs`). A page is full, or it is the last: a
//! search goes on in slices of some milliseconds, and is refused at its deadline if it has found
//! nothing by then. No snapshot is held while a message is searched.

use std::collections::VecDeque;
use std::sync::Arc;

use super::gather::{Sought, WALKED_MAX, gather, is_few};
use super::list::{next_chunk, wanted_folder};
use super::listed::row_octets;
use super::message::message_view;
use super::opened::OpenedMessage;
use super::page::{PAGE_OCTETS, SliceClock, wrong_cursor};
use super::query::{CompiledQuery, ShownMessage};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, DatedBlock, EntryId, FindProgress, FindSource, GramQuery, InboxId, InboxRef,
    ListMerge, ListProgress, MessageFilter, MessageView, Metric, Noun, OrgId, ReceivedBody,
    Refusal,
};
use crate::mail::Digest;
use crate::service::context::ReadContext;
use crate::service::policy;
use crate::store::{Error, MessageRecord, Store};

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
    let folder = wanted_folder(context, filter);
    let sought = query.sought(folder.as_deref());
    let mut below = parse_cursor(cursor)?;
    if let Some(end) = sought.bounds.received.end().checked_add(1) {
        below = below.min((end, i64::MIN));
    }
    let mut search = Search {
        context,
        access,
        folder,
        sought,
        grams: query.grams(),
        query,
        limit: limit.clamp(1, PAGE_ROWS_MAX),
        clock: SliceClock::begin(context, progress),
        since_ms: progress.since_ms,
        ahead: VecDeque::new(),
        ahead_n: 0,
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
    /// What the columns of every match say.
    sought: Sought,
    limit: usize,
    clock: SliceClock<'a>,
    since_ms: u64,
    /// Messages that were opened ahead, and how many are opened at once.
    ahead: VecDeque<OpenedAhead>,
    ahead_n: usize,
}

/// An entry, and its message if it was there.
type OpenedAhead = ((InboxId, EntryId), Option<OpenedMessage>);

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
                let newest = store.received_below((org, inbox), below)?;
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
            if position.0 < *self.sought.bounds.received.start() {
                // All that is left of the inbox is older still.
                continue;
            }
            match self.gather_now(inbox, position, found)? {
                GatherStep::Walk => {}
                GatherStep::Gathered => continue,
                GatherStep::Later => {
                    found.heads.insert((position, inbox));
                    return Ok(false);
                }
            }
            let step = self.next_of(inbox, position, found)?;
            if matches!(step, NextStep::Candidate) {
                found.last = Some(position);
                found.looked += 1;
                if let Some(row) = self.evaluate((inbox, EntryId(position.1)), found)? {
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
        if let Some(FindSource::Some { positions, .. } | FindSource::Listed { positions, .. }) =
            found.sources.get_mut(&inbox)
            && let [.., next, last] = positions.as_slice()
            && *last == position
        {
            let next = *next;
            positions.pop();
            found.heads.insert((next, inbox));
            return Ok(NextStep::Candidate);
        }
        let store = self.context.store;
        let _moment = store.snapshot()?;
        if !found.sources.contains_key(&inbox) {
            let source = self.source_of(inbox, position, found)?;
            found.sources.insert(inbox, source);
        }
        let (next, step) = match found.sources.get_mut(&inbox) {
            Some(FindSource::Some {
                blocks,
                bodies,
                positions,
            }) => {
                let step = match positions.pop_if(|last| *last == position) {
                    Some(_) => NextStep::Candidate,
                    None => NextStep::Moved,
                };
                let looked_up = self.look_up(inbox, position, (blocks, bodies, positions))?;
                if looked_up == LookedUp::Unknown {
                    // It is asked again, from the first entry that was not looked at.
                    found.sources.remove(&inbox);
                    let place = (self.access.org, inbox);
                    let next = match step {
                        NextStep::Candidate => store.received_below(place, position)?,
                        NextStep::Moved => Some(position),
                    };
                    (next, step)
                } else {
                    // Of those that are not looked up yet, the newest may be at any id.
                    let newest = bodies.last().map(|of| of.received_at);
                    let newest = newest.max(blocks.last().map(|block| block.newest));
                    let later = newest.map(|at| (at, i64::MAX).min(position));
                    (positions.last().copied().or(later), step)
                }
            }
            Some(FindSource::Listed { positions, is_cut }) => {
                positions.pop();
                if positions.is_empty() && *is_cut {
                    // The older ones are gathered next.
                    found.sources.remove(&inbox);
                    let place = (self.access.org, inbox);
                    let next = self.store().received_below(place, position)?;
                    (next, NextStep::Candidate)
                } else {
                    (positions.last().copied(), NextStep::Candidate)
                }
            }
            _ => {
                let place = (self.access.org, inbox);
                let next = self.store().received_below(place, position)?;
                (next, NextStep::Candidate)
            }
        };
        found.heads.extend(next.map(|next| (next, inbox)));
        Ok(step)
    }

    /// Gathers what may match in an inbox, from its head on, if the search has looked at many
    /// messages or there are few to gather.
    fn gather_now(
        &self,
        inbox: InboxId,
        head: Position,
        found: &mut FindProgress,
    ) -> Result<GatherStep, Refusal> {
        let source = found.sources.get(&inbox);
        if self.sought.is_open()
            || found.walked.contains(&inbox)
            || matches!(source, Some(FindSource::Listed { .. }))
            || (source.is_some() && found.looked < WALKED_MAX)
        {
            return Ok(GatherStep::Walk);
        }
        let place = (self.access.org, inbox);
        let is_gathering = found.gathering.as_ref().is_some_and(|(of, _)| *of == inbox);
        let _moment = self.store().snapshot()?;
        if !is_gathering {
            if found.looked < WALKED_MAX && !is_few(self.store(), place, &self.sought)? {
                return Ok(GatherStep::Walk);
            }
            found.gathering = Some((inbox, Box::default()));
        }
        let Some((_, gathered)) = &mut found.gathering else {
            return Ok(GatherStep::Walk);
        };
        let below = (head.0, head.1.saturating_add(1));
        let is_over = || self.clock.is_over();
        if !gather(self.store(), place, &self.sought, below, gathered, is_over)? {
            return Ok(GatherStep::Later);
        }
        let gathered = found.gathering.take().map(|(_, gathered)| *gathered);
        let gathered = gathered.unwrap_or_default();
        // The texts of so many are looked for by their index.
        let is_walked = gathered.is_unknown || (gathered.is_cut && !self.grams.is_open());
        if is_walked {
            found.walked.insert(inbox);
            return Ok(GatherStep::Walk);
        }
        let positions: Vec<Position> = gathered.keys.into_iter().collect();
        found
            .heads
            .extend(positions.last().map(|newest| (*newest, inbox)));
        let is_cut = gathered.is_cut;
        found
            .sources
            .insert(inbox, FindSource::Listed { positions, is_cut });
        Ok(GatherStep::Gathered)
    }

    /// Removes bodies of which the octets show that they do not match: an index of trigrams names
    /// many of those for a rare word of common syllables. Gives how much work that was, in bodies
    /// of 4 KiB.
    fn rule_out(&self, bodies: &mut Vec<ReceivedBody>) -> Result<usize, Refusal> {
        if !self.query.has_texts() {
            return Ok(0);
        }
        let (mut failed, mut work) = (None, 0);
        bodies.retain(|of| {
            let looked = self
                .store()
                .look_at_body(self.access.org, of.body, |octets, digest| {
                    work += octets.len() / 4096;
                    let digest = Digest::open(&digest);
                    digest.is_some_and(|digest| {
                        self.query
                            .is_ruled_out(&mut ShownMessage::new(octets, digest))
                    })
                });
            match looked {
                Ok(is_out) => is_out != Some(true),
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        });
        failed.map_or(Ok(work), |error| Err(error.into()))
    }

    /// Begins to ask the index about an inbox.
    fn source_of(
        &mut self,
        inbox: InboxId,
        below: Position,
        found: &FindProgress,
    ) -> Result<FindSource, Refusal> {
        if self.grams.is_open() {
            return Ok(FindSource::All);
        }
        let (mut bodies, mut positions) = (Vec::new(), Vec::new());
        let begun = self
            .context
            .store
            .begin_signatures(inbox, &self.grams, &mut bodies)?;
        let Some(mut blocks) = begun else {
            return Ok(FindSource::All);
        };
        bodies.truncate(bodies.partition_point(|of| of.received_at <= below.0));
        let held: usize = found.sources.values().map(FindSource::held).sum();
        if held > 0 && bodies.len() + blocks.len() + held > HELD_MAX {
            return Ok(FindSource::All);
        }
        let source = (&mut blocks, &mut bodies, &mut positions);
        match self.look_up(inbox, below, source)? {
            LookedUp::Known => Ok(FindSource::Some {
                blocks,
                bodies,
                positions,
            }),
            // Its blocks were listed in this snapshot, so it would be so again.
            LookedUp::Unknown => Ok(FindSource::All),
        }
    }

    /// Looks up the positions of the newest bodies, if none is left: some at or below `head`, or
    /// none if many bodies have no entry there. Blocks are asked when their newest message is the
    /// next.
    fn look_up(
        &mut self,
        inbox: InboxId,
        head: Position,
        (blocks, bodies, positions): BodySource<'_>,
    ) -> Result<LookedUp, Refusal> {
        if !positions.is_empty() {
            return Ok(LookedUp::Known);
        }
        let (mut looked, mut asked) = (0, 0);
        while positions.len() < AHEAD_MAX && looked < LOOKED_UP_MAX {
            let newest = bodies.last().map(|of| of.received_at);
            if let Some(block) = blocks.pop_if(|block| Some(block.newest) >= newest) {
                if block.oldest > head.0 {
                    continue;
                }
                // One is asked in any case, so that each slice comes further.
                if asked > 0 && self.clock.is_over() {
                    blocks.push(block);
                    break;
                }
                asked += 1;
                let store = self.context.store;
                if store.ask_dated(block, &mut self.grams, bodies)?.is_none() {
                    return Ok(LookedUp::Unknown);
                }
                continue;
            }
            let Some(newest) = newest else { break };
            let same = bodies.partition_point(|of| of.received_at < newest);
            let mut same = bodies.split_off(same);
            looked += same.len();
            if newest > head.0 {
                continue;
            }
            if same.len() > LOOKED_UP_MAX {
                return Ok(LookedUp::Unknown);
            }
            looked += self.rule_out(&mut same)?;
            let own = self.store().positions_of(inbox, &same)?;
            // Those above the head were passed over by the cursor.
            let own = own.into_iter().rev().filter(|position| *position <= head);
            positions.extend(own);
        }
        positions.reverse();
        Ok(LookedUp::Known)
    }

    /// The row of an entry that matches.
    fn evaluate(
        &mut self,
        (inbox, id): (InboxId, EntryId),
        found: &FindProgress,
    ) -> Result<Option<MessageView>, Refusal> {
        let place = (self.access.org, inbox);
        let mut record = None;
        if self.query.has_facts() || !self.query.has_texts() {
            record = self.passing(place, id)?;
            if record.is_none() {
                return Ok(None);
            }
        }
        if let Some(record) = record.take_if(|_| !self.query.has_texts()) {
            let snippet = Some(record.summary.preview.clone());
            let row = message_view(inbox, record)?;
            return Ok(Some(MessageView { snippet, ..row }));
        }
        let Some(opened) = self.open((inbox, id), found)? else {
            return Ok(None);
        };
        let digest = Digest::open(&opened.digest).ok_or(Error::Corrupt("digest"))?;
        let mut shown = ShownMessage::new(&opened.octets, digest);
        if !self.query.matches(&mut shown) {
            return Ok(None);
        }
        let record = match record {
            Some(record) => Some(record),
            None => self.passing(place, id)?,
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

impl Search<'_> {
    /// What is stored beside the octets of an entry, if that meets the query.
    fn passing(
        &self,
        place: (OrgId, InboxId),
        id: EntryId,
    ) -> Result<Option<MessageRecord>, Refusal> {
        let record = self.store().message_in(place, id, true)?;
        Ok(record.filter(|record| self.query.passes(record, self.folder.as_deref())))
    }

    /// Opens a message, and with it those that are looked at next: more and more of them, as long
    /// as the page is not full.
    fn open(
        &mut self,
        (inbox, id): (InboxId, EntryId),
        found: &FindProgress,
    ) -> Result<Option<OpenedMessage>, Refusal> {
        let known = self.ahead.iter().position(|(of, _)| *of == (inbox, id));
        if let Some((_, opened)) = known.and_then(|at| self.ahead.remove(at)) {
            return Ok(opened);
        }
        self.ahead_n = (self.ahead_n * 2).clamp(1, AHEAD_MAX);
        let mut ids = vec![(inbox, id)];
        if let Some(FindSource::Some { positions, .. } | FindSource::Listed { positions, .. }) =
            found.sources.get(&inbox)
        {
            // Those of another inbox that are newer come first.
            let mut others = found.heads.iter().rev().filter(|(_, of)| *of != inbox);
            let bound = others.next().map(|(position, _)| *position);
            let next = positions.iter().rev().take(self.ahead_n - 1);
            let next = next.take_while(|position| Some(**position) > bound);
            ids.extend(next.map(|(_, id)| (inbox, EntryId(*id))));
        }
        let opened = OpenedMessage::read_some(self.store(), self.access.org, ids.iter().copied())?;
        self.ahead = ids.into_iter().zip(opened).collect();
        Ok(self.ahead.pop_front().and_then(|(_, opened)| opened))
    }
}

/// What became of gathering.
enum GatherStep {
    /// Nothing is gathered.
    Walk,
    /// All is known, and the head is there.
    Gathered,
    /// The slice is over.
    Later,
}

/// What became of the head of an inbox.
enum NextStep {
    /// Its entry may match; the next head is there.
    Candidate,
    /// Its entry does not match; the next head is there.
    Moved,
}

/// What became of a look-up.
#[derive(PartialEq, Eq)]
enum LookedUp {
    /// Some of the positions are known, or there is none.
    Known,
    /// The index cannot tell: a block went into a larger one, or one is damaged, or more bodies
    /// were received in one millisecond than are looked up at once. The inbox is asked again from
    /// the first entry that was not looked at; if the index still cannot tell, it is walked.
    Unknown,
}

/// Blocks, bodies and positions of an inbox, the newest last.
type BodySource<'s> = (
    &'s mut Vec<DatedBlock>,
    &'s mut Vec<ReceivedBody>,
    &'s mut Vec<Position>,
);

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
        .ok_or_else(wrong_cursor)
}

/// Messages that are opened at once.
const AHEAD_MAX: usize = 16;
/// Bodies that are looked up between two looks at the clock.
const LOOKED_UP_MAX: usize = 256;
/// Bodies and positions that a search over many inboxes holds; those of one inbox it always holds.
const HELD_MAX: usize = 65_536;
