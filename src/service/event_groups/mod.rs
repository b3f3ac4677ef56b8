//! Consumer groups: readers that share one cursor in the log, which the server keeps.
//!
//! ```text
//! mod.rs    the calls: claim, acknowledge, replay, delete, leave; and what clients are shown
//! kept.rs   who holds which event, in memory
//! ```
//!
//! An event of a group is leased to one reader at a time, and comes again until it is acknowledged.
//! The row of an event is written when the cursor passes it, in the same transaction, so a crash
//! loses none. A group whose readers are gone costs nothing: its cursor stays where it is.
//!
//! The rule: **all readers of a group see the same events.** A group is bound to the inboxes of the
//! key that made it. A key that sees other inboxes does not read it and is told nothing of it; a
//! key of the whole organization may look at it.

mod kept;

use std::collections::HashSet;

pub use kept::KeptGroups;
use kept::{GroupLease, ReaderId};

use super::Service;
use super::context::{ReadContext, WriteContext};
use super::events;
use crate::call::{
    Access, Answer, Change, ClaimedEvents, ConflictReason, ConnId, Countable, Event, EventGroupId,
    EventGroupView, GROUP_DELIVERIES_MAX, GroupClaim, GroupReset, GroupStart, GroupTerms, InboxId,
    LeasedEvent, Metric, Noun, OrgId, PoisonedEvent, Refusal, Topic, UidSet, Written,
};
use crate::crypto::sha256;
use crate::store::{self, EventGroupRow, LogState, PendingEvent, Store};

const NOT_FOUND: Refusal = Refusal::NotFound(Noun::EventGroup);

/// Leases events to a reader.
pub fn claim(
    context: &mut WriteContext<'_>,
    access: &Access,
    claim: &GroupClaim,
) -> Result<Written, Refusal> {
    let terms = &claim.terms;
    events::check_topic(context.store, access, terms.topic)?;
    let state =
        (context.store.log_state(access.org)?).ok_or(Refusal::NotFound(Noun::Organization))?;
    let group = find_or_make(context, access, claim, &state)?;
    let reader = match (context.origin, claim.reader) {
        (Some(conn), Some(number)) => ReaderId::Stream(conn, number),
        _ => ReaderId::Poll(access.key),
    };
    let now_ms = context.now.mono_ms;
    let most = (context.shared.limits.group_leases).min(claim.held_max);
    let mut kept = context.service.event_groups();
    kept.join(group.id, (terms, access), reader);
    kept.end_leases(group.id, now_ms);
    let room = most.saturating_sub(kept.held(group.id, reader));
    drop(kept);
    let mut pending = context.store.pending_events(group.id)?;
    if let Some(claimed) = reset(context.store, &group, &state, &pending)? {
        return Ok(Written::Claimed(Box::new(claimed)));
    }
    let mut step = ClaimStep {
        room: room.min(claim.max),
        octets: claim.max.saturating_mul(EVENT_OCTETS),
        chosen: Vec::new(),
        busy: HashSet::new(),
        seq: group.seq,
        waits: 0,
        is_held_back: false,
    };
    // The reset has deleted what is gone from the log.
    pending.retain(|row| row.seq >= state.oldest);
    step.take_pending(context, access, (group.id, terms), pending)?;
    step.take_new(context, access, (group.id, terms), &state)?;
    Ok(Written::Claimed(Box::new(step.lease(
        context,
        (group.id, reader),
        (claim, room == 0),
        &state,
    )?)))
}

/// The group of a claim. The first claim of a name makes it.
fn find_or_make(
    context: &WriteContext<'_>,
    access: &Access,
    claim: &GroupClaim,
    state: &LogState,
) -> Result<EventGroupRow, Refusal> {
    let store = context.store;
    if let Some(id) = claim.joined {
        return store.event_group_of(access.org, id)?.ok_or(NOT_FOUND);
    }
    let (terms, bound) = (hash_terms(&claim.terms, access), hash_bound(access));
    if let Some(found) = store.event_group(access.org, &claim.terms.name)? {
        return match split_terms(&found.terms).0 == terms {
            true => Ok(found),
            false => {
                let of = ((*claim.terms).clone(), bound.as_deref());
                Err(Refusal::Conflict(difference(&found, of, access)))
            }
        };
    }
    let max = context.shared.limits.event_groups as u64;
    if store.count_event_groups(access.org)? >= max {
        return Err(Refusal::Limit {
            what: Countable::EventGroups,
            max,
        });
    }
    let seq = match claim.start {
        GroupStart::Now => state.head,
        GroupStart::After(seq) => seq,
        GroupStart::Time(unix_ms) => events::before_time(
            context.store,
            (context.shared, context.now),
            access.org,
            unix_ms,
        )?,
    };
    let row = EventGroupRow {
        id: EventGroupId(store.new_id(context.now)),
        name: claim.terms.name.clone(),
        terms: join_terms(terms, claim.terms.topic),
        bound,
        seq,
    };
    let described = (
        row.name.as_str(),
        row.terms.as_slice(),
        row.bound.as_deref(),
    );
    store.insert_event_group(access.org, described, (row.id, seq))?;
    Ok(row)
}

/// When events that the group has not seen, or that are not acknowledged, are gone from the log:
/// moves it on, and says so.
fn reset(
    store: &Store,
    group: &EventGroupRow,
    state: &LogState,
    pending: &[PendingEvent],
) -> Result<Option<ClaimedEvents>, Refusal> {
    let is_ahead = group.seq > state.head;
    let is_old = group.seq.saturating_add(1) < state.oldest;
    let before = state.oldest.saturating_sub(1);
    let is_lost =
        |row: &PendingEvent| row.seq < state.oldest && row.deliveries < GROUP_DELIVERIES_MAX;
    let has_lost = pending.iter().any(is_lost);
    if pending.first().is_some_and(|row| row.seq < state.oldest) {
        store.delete_pending_events(group.id, (0, before))?;
    }
    if is_ahead {
        store.delete_pending_events(group.id, (0, i64::MAX.unsigned_abs()))?;
    }
    if !is_ahead && !is_old && !has_lost {
        return Ok(None);
    }
    let seq = match is_ahead || is_old {
        true => before,
        false => group.seq,
    };
    store.set_event_group_seq(group.id, seq)?;
    Ok(Some(ClaimedEvents {
        group: group.id,
        events: Vec::new(),
        reset: Some(GroupReset {
            oldest: state.oldest,
            is_ahead,
        }),
        more: true,
        seq,
        epoch: state.epoch,
        next_end_ms: None,
    }))
}

/// What a claim takes.
struct ClaimStep {
    /// How many more events it takes.
    room: usize,
    /// How many octets of them more. The last one may have any number.
    octets: usize,
    chosen: Vec<(LeasedEvent, PendingEvent)>,
    /// Inboxes with an event that is not acknowledged, in a group that keeps their order.
    busy: HashSet<InboxId>,
    /// The cursor of the group.
    seq: u64,
    /// Events that are leased or wait, with those that this claim adds.
    waits: usize,
    /// Too much waits for the group to read on.
    is_held_back: bool,
}

impl ClaimStep {
    /// Takes what was leased before and is free again.
    fn take_pending(
        &mut self,
        context: &WriteContext<'_>,
        access: &Access,
        (id, terms): (EventGroupId, &GroupTerms),
        pending: Vec<PendingEvent>,
    ) -> Result<(), Refusal> {
        let most = context.shared.limits.group_poisoned;
        let mut poisoned = 0;
        for row in pending {
            let is_leased = context.service.event_groups().is_leased(id, row.seq);
            if !is_leased && row.deliveries >= GROUP_DELIVERIES_MAX {
                poisoned += 1;
                if poisoned <= most {
                    continue;
                }
                context.shared.metrics.count(Metric::GroupsHeldBack);
            }
            self.waits += 1;
            let is_first = self.is_first(terms, row.inbox);
            if is_leased || !is_first || self.room == 0 {
                continue;
            }
            match find_event(context.store, access, terms, row.seq)? {
                Some(event) => self.choose(event, row)?,
                None => {
                    // Its readers see it no more: its inbox has left what they see.
                    context
                        .store
                        .delete_pending_events(id, (row.seq, row.seq))?;
                    self.waits -= 1;
                    if let Some(inbox) = row.inbox.filter(|_| terms.is_ordered) {
                        self.busy.remove(&inbox);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes the next events of the log.
    fn take_new(
        &mut self,
        context: &WriteContext<'_>,
        access: &Access,
        (id, terms): (EventGroupId, &GroupTerms),
        state: &LogState,
    ) -> Result<(), Refusal> {
        let most = context.shared.limits.group_pending;
        if self.room == 0 || self.seq >= state.head {
            return Ok(());
        }
        let page = events::list_events(context.store, access, terms.topic, self.seq, PAGE_ROWS)?;
        let Answer::Events {
            events: page,
            scanned_to,
            ..
        } = page
        else {
            return Err(Refusal::Internal);
        };
        for event in page {
            if self.room == 0 {
                return Ok(());
            }
            let Some(kind) = terms.filter.admit(&event, access) else {
                self.seq = event.seq;
                continue;
            };
            if self.waits >= most {
                self.is_held_back = true;
                context.shared.metrics.count(Metric::GroupsHeldBack);
                return Ok(());
            }
            self.seq = event.seq;
            self.waits += 1;
            let row = PendingEvent {
                seq: event.seq,
                inbox: event.inbox.as_deref().map(|path| path.id),
                kind,
                deliveries: 0,
            };
            match self.is_first(terms, row.inbox) {
                true => {
                    let (event, delivery) = (event, 1);
                    let leased = LeasedEvent {
                        event,
                        kind,
                        delivery,
                    };
                    self.choose(leased, row)?;
                }
                false => context.store.put_pending_event(id, &row)?,
            }
        }
        self.seq = self.seq.max(scanned_to);
        Ok(())
    }

    /// Whether an event may go out: nothing of its inbox before it waits. From here on its inbox
    /// has something that waits.
    fn is_first(&mut self, terms: &GroupTerms, inbox: Option<InboxId>) -> bool {
        let inbox = inbox.filter(|_| terms.is_ordered);
        inbox.is_none_or(|inbox| self.busy.insert(inbox))
    }

    fn choose(&mut self, mut event: LeasedEvent, mut row: PendingEvent) -> Result<(), Refusal> {
        row.deliveries = row.deliveries.saturating_add(1);
        event.delivery = row.deliveries;
        self.octets = (self.octets).saturating_sub(store::told_octets(&event.event)?);
        self.room = match self.octets {
            0 => 0,
            _ => self.room - 1,
        };
        self.chosen.push((event, row));
        Ok(())
    }

    /// Writes what was chosen, and leases it.
    fn lease(
        self,
        context: &mut WriteContext<'_>,
        (id, reader): (EventGroupId, ReaderId),
        (claim, is_full): (&GroupClaim, bool),
        state: &LogState,
    ) -> Result<ClaimedEvents, Refusal> {
        for (_, row) in &self.chosen {
            context.store.put_pending_event(id, row)?;
        }
        context.store.set_event_group_seq(id, self.seq)?;
        let ends_ms = context.now.mono_ms.saturating_add(claim.lease_ms);
        let mut kept = context.service.event_groups();
        for (_, row) in &self.chosen {
            kept.lease(id, row.seq, GroupLease { reader, ends_ms });
        }
        // With a full hand more may be free; with an empty one the log may go on behind its page.
        let goes_on = self.seq < state.head && !self.is_held_back;
        let more = !is_full && goes_on;
        let got = !self.chosen.is_empty() || more;
        kept.hold_back(id, self.is_held_back);
        if goes_on || (self.room == 0 && !is_full) {
            kept.wake_one(id, context.events);
        }
        if !self.chosen.is_empty() {
            kept.watch_leases(id, context.events);
        }
        let next_end_ms = kept.next_end(id);
        kept.rest(id, reader, (got, is_full));
        Ok(ClaimedEvents {
            group: id,
            events: self.chosen.into_iter().map(|(event, _)| event).collect(),
            reset: None,
            more,
            seq: self.seq,
            epoch: state.epoch,
            next_end_ms,
        })
    }
}

/// An event of a group, if its readers see it still.
fn find_event(
    store: &Store,
    access: &Access,
    terms: &GroupTerms,
    seq: u64,
) -> Result<Option<LeasedEvent>, Refusal> {
    let Some(event) = store.event_at(access.org, seq)? else {
        return Ok(None);
    };
    let mut seen: Vec<Event> = vec![event];
    if access.subtree {
        events::retain_covered(store, access, &mut seen)?;
    }
    let event = seen.pop().filter(|event| event.is_visible_to(access));
    Ok(event.and_then(|event| {
        let kind = terms.filter.admit(&event, access)?;
        Some(LeasedEvent {
            event,
            kind,
            delivery: 0,
        })
    }))
}

/// An event is done.
pub fn acknowledge(
    context: &mut WriteContext<'_>,
    access: &Access,
    (name, seq): (&str, u64),
) -> Result<Written, Refusal> {
    let group = find_group(context.store, access, name)?;
    let not_held = Refusal::Conflict(ConflictReason::EventNotHeld);
    if !context.store.is_event_pending(group.id, seq)? {
        return match seq <= group.seq {
            true => Ok(Written::Changed),
            false => Err(not_held),
        };
    }
    let mut kept = context.service.event_groups();
    kept.end_leases(group.id, context.now.mono_ms);
    if !kept.is_leased(group.id, seq) {
        return Err(not_held);
    }
    drop(kept);
    context.store.delete_pending_events(group.id, (seq, seq))?;
    let mut kept = context.service.event_groups();
    kept.release(group.id, seq, context.events);
    Ok(Written::Changed)
}

/// A key has all events up to a number. Only streams that are asked to leave listen to it.
pub fn acknowledge_all(context: &mut WriteContext<'_>, access: &Access, upto: u64) -> Written {
    if context.shared.is_stopping() {
        let key = access.key;
        context.events.push(Event {
            org: access.org,
            depth: 0,
            seq: 0,
            at: 0,
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::Acknowledged { key, upto },
            origin: None,
        });
    }
    Written::Changed
}

/// Events that were set aside come again, as if they had never been leased.
pub fn replay(
    context: &mut WriteContext<'_>,
    access: &Access,
    (name, seqs): (&str, Option<&[u64]>),
) -> Result<Written, Refusal> {
    let group = find_group(context.store, access, name)?;
    let mut replayed = 0;
    for mut row in context.store.pending_events(group.id)? {
        let is_wanted = seqs.is_none_or(|seqs| seqs.contains(&row.seq));
        if is_wanted && is_poisoned(context.service, group.id, &row) {
            row.deliveries = 0;
            context.store.put_pending_event(group.id, &row)?;
            replayed += 1;
        }
    }
    if replayed > 0 {
        let mut kept = context.service.event_groups();
        kept.wake_one(group.id, context.events);
    }
    Ok(Written::Replayed(replayed))
}

/// Deletes a group. The streams that read it end.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &str,
) -> Result<Written, Refusal> {
    let group = find_group(context.store, access, name)?;
    end(context, group.id)?;
    Ok(Written::Changed)
}

/// An inbox is deleted: the groups of its streams end with it, and those of keys that see no other.
pub fn end_with_inbox(
    context: &mut WriteContext<'_>,
    org: OrgId,
    inbox: InboxId,
) -> Result<(), Refusal> {
    let alone = [false, true].map(|subtree| hash_inboxes(subtree, &[inbox]));
    for group in context.store.event_groups(org)? {
        let is_own = split_terms(&group.terms).1 == Some(inbox);
        if is_own || group.bound.is_some_and(|bound| alone.contains(&bound)) {
            end(context, group.id)?;
        }
    }
    Ok(())
}

fn end(context: &mut WriteContext<'_>, id: EventGroupId) -> Result<(), Refusal> {
    context.store.delete_event_group(id)?;
    let mut kept = context.service.event_groups();
    kept.wake_all(id, context.events);
    kept.forget(id);
    Ok(())
}

/// A connection has ended, or one subscription of it.
pub fn leave(context: &mut WriteContext<'_>, (conn, number): (ConnId, Option<u32>)) -> Written {
    let mut kept = context.service.event_groups();
    kept.leave(conn, number, context.events);
    Written::Changed
}

/// The groups that a key may see.
pub fn list_groups(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let mut rows = context.store.event_groups(access.org)?;
    rows.retain(|row| is_visible(row, access));
    let views = rows.iter().map(|row| view(context, access, row));
    Ok(Answer::EventGroups(views.collect::<Result<_, _>>()?))
}

/// One group.
pub fn read_group(
    context: &ReadContext<'_>,
    access: &Access,
    name: &str,
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let row = find_group(context.store, access, name)?;
    Ok(Answer::EventGroups(vec![view(context, access, &row)?]))
}

fn view(
    context: &ReadContext<'_>,
    access: &Access,
    row: &EventGroupRow,
) -> Result<EventGroupView, Refusal> {
    let oldest = (context.store.log_state(access.org)?).map_or(0, |state| state.oldest);
    let mut pending = 0;
    let mut poisoned = Vec::new();
    for event in context.store.pending_events(row.id)? {
        // What the log has no more is gone with the next claim.
        if event.seq < oldest {
            continue;
        }
        match is_poisoned(context.service, row.id, &event) {
            true => poisoned.push(PoisonedEvent {
                seq: event.seq,
                kind: event.kind,
                deliveries: event.deliveries,
            }),
            false => pending += 1,
        }
    }
    Ok(EventGroupView {
        name: row.name.clone(),
        seq: row.seq,
        pending,
        readers: context.service.event_groups().readers(row.id),
        poisoned,
    })
}

/// Whether an event was leased for the last time, and that lease has ended.
fn is_poisoned(service: &Service, id: EventGroupId, event: &PendingEvent) -> bool {
    event.deliveries >= GROUP_DELIVERIES_MAX && {
        let now_ms = service.now().mono_ms;
        !service.event_groups().is_leased_at(id, event.seq, now_ms)
    }
}

fn find_group(store: &Store, access: &Access, name: &str) -> Result<EventGroupRow, Refusal> {
    let found = store.event_group(access.org, name)?;
    found.filter(|row| is_visible(row, access)).ok_or(NOT_FOUND)
}

fn is_visible(row: &EventGroupRow, access: &Access) -> bool {
    !access.is_bound() || row.bound == hash_bound(access)
}

/// The inboxes that a key is bound to, as a hash; `None` for one that is not bound.
fn hash_bound(access: &Access) -> Option<Vec<u8>> {
    let inboxes = access.inboxes.as_ref()?;
    Some(hash_inboxes(access.subtree, inboxes))
}

fn hash_inboxes(subtree: bool, inboxes: &[InboxId]) -> Vec<u8> {
    let mut octets = vec![u8::from(subtree)];
    for inbox in inboxes {
        octets.extend_from_slice(&inbox.0.to_be_bytes());
    }
    sha256(&octets).to_vec()
}

/// What is stored of the terms of a group: their hash, and the inbox that its readers read.
fn join_terms(mut hash: Vec<u8>, topic: Topic) -> Vec<u8> {
    if let Topic::Inbox(inbox) | Topic::Tree(inbox) = topic {
        hash.extend_from_slice(&inbox.0.to_be_bytes());
    }
    hash
}

/// The hash and the inbox. A group of an older version has the hash alone.
fn split_terms(stored: &[u8]) -> (&[u8], Option<InboxId>) {
    let (hash, inbox) = stored
        .split_at_checked(HASH_OCTETS)
        .unwrap_or((stored, &[]));
    let inbox = inbox.try_into().ok().map(i64::from_be_bytes);
    (hash, inbox.map(InboxId))
}

/// In what a claim differs from a group. The group keeps a hash of its terms, so that the order is
/// tried the other way round.
fn difference(
    group: &EventGroupRow,
    (mut terms, bound): (GroupTerms, Option<&[u8]>),
    access: &Access,
) -> ConflictReason {
    if group.bound.as_deref() != bound {
        return ConflictReason::GroupOfOtherInboxes;
    }
    terms.is_ordered = !terms.is_ordered;
    match hash_terms(&terms, access) == split_terms(&group.terms).0 {
        true => ConflictReason::GroupOrderDiffers,
        false => ConflictReason::GroupDiffers,
    }
}

/// What the readers of a group agree on, as a hash.
fn hash_terms(terms: &GroupTerms, access: &Access) -> Vec<u8> {
    let (place, id) = match terms.topic {
        Topic::Inbox(inbox) => (1, inbox.0),
        Topic::Tree(inbox) => (2, inbox.0),
        _ => (0, 0),
    };
    let filter = &terms.filter;
    let mut octets = vec![place, u8::from(terms.is_ordered)];
    octets.extend_from_slice(&id.to_be_bytes());
    let mut put = |part: &[u8]| {
        octets.extend_from_slice(&(part.len() as u64).to_be_bytes());
        octets.extend_from_slice(part);
    };
    put(&hash_bound(access).unwrap_or_default());
    let kinds = filter.kinds.names();
    put(kinds.join(",").as_bytes());
    let ids: Vec<u8> = (filter.inboxes.ids().iter())
        .flat_map(|inbox| inbox.0.to_be_bytes())
        .collect();
    put(&ids);
    put(filter.from.as_deref().unwrap_or_default().as_bytes());
    let label = filter.label.as_deref().unwrap_or_default();
    put(label.to_ascii_lowercase().as_bytes());
    put(filter.priority.map_or("", |word| word.name()).as_bytes());
    put(filter.verdict.map_or("", |word| word.name()).as_bytes());
    sha256(&octets).to_vec()
}

/// Octets of a SHA-256.
const HASH_OCTETS: usize = 32;
/// Rows of the log that one claim reads.
const PAGE_ROWS: usize = 64;

/// Octets of the log for each event that a claim may take. Usual ones have fewer. A reader that has
/// stopped holds a whole claim in memory, and some events are a hundred times as long.
const EVENT_OCTETS: usize = 1024;
