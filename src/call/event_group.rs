//! Consumer groups: readers that share the events of one cursor, which the server keeps.
//!
//! An event of a group is leased to one reader. It is done when it is acknowledged, and comes again
//! when its lease has ended before.

use std::sync::Arc;

use super::{Event, EventFilter, EventKind, Topic};

/// The row of a group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventGroupId(pub i64);

/// What the readers of a group agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupTerms {
    /// Its name within the organization, at most [`EVENT_GROUP_NAME_BYTES`] octets.
    pub name: String,
    /// What is watched: an organization, an inbox or a tree.
    pub topic: Topic,
    /// Which events of it.
    pub filter: EventFilter,
    /// No event of an inbox is leased while an earlier one of it is not acknowledged.
    pub is_ordered: bool,
}

/// Where a group begins at its first use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupStart {
    /// With the event that comes next.
    Now,
    /// Behind the event of this number.
    After(u64),
    /// With the first event at or after this time, unix milliseconds.
    Time(i64),
}

/// A reader's demand for events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupClaim {
    /// The group, and what the reader thinks it is.
    pub terms: Arc<GroupTerms>,
    /// The row of the group as the first answer has named it. The first claim has none: it makes
    /// the group where there is none of that name.
    pub joined: Option<EventGroupId>,
    /// Where a new group begins.
    pub start: GroupStart,
    /// The subscription of the connection that reads; `None` for a request that polls. A connection
    /// is told by [`Topic::Reader`] when there is something for a subscription that got nothing.
    pub reader: Option<u32>,
    /// How long the events are leased, milliseconds.
    pub lease_ms: u64,
    /// How many events at most; of long ones fewer.
    pub max: usize,
    /// How many events the reader holds at most, with those that it holds already.
    pub held_max: usize,
}

/// The answer to a [`GroupClaim`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedEvents {
    /// The row of the group.
    pub group: EventGroupId,
    /// The events that are leased now, in the order of their numbers.
    pub events: Vec<LeasedEvent>,
    /// Events behind the group's cursor were gone: the oldest that is kept. Nothing is leased with
    /// it; the next claim goes on there.
    pub reset: Option<GroupReset>,
    /// Another claim may bring more at once. Without it a reader that got nothing is told when
    /// there is something.
    pub more: bool,
    /// Every event up to this number was leased once or is not for the group.
    pub seq: u64,
    /// As in [`super::Answer::LogState`].
    pub epoch: u64,
    /// The next end of a lease of the group, monotonic milliseconds: then another claim may bring
    /// what was not acknowledged.
    pub next_end_ms: Option<u64>,
}

impl ClaimedEvents {
    /// Whether there is anything for the client in it.
    pub fn tells(&self) -> bool {
        self.reset.is_some() || !self.events.is_empty()
    }
}

/// Where a group goes on whose next events are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupReset {
    /// The oldest event that is kept.
    pub oldest: u64,
    /// Its cursor was above the head, and not below the log.
    pub is_ahead: bool,
}

/// An event that is leased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeasedEvent {
    /// The event.
    pub event: Event,
    /// Its public type.
    pub kind: EventKind,
    /// How often it was leased with this time.
    pub delivery: u32,
}

/// A group as clients see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventGroupView {
    /// Its name.
    pub name: String,
    /// As in [`ClaimedEvents::seq`].
    pub seq: u64,
    /// Events that are leased or wait to be, of those up to `seq`.
    pub pending: u64,
    /// Streams that read it now.
    pub readers: u64,
    /// Events that were set aside.
    pub poisoned: Vec<PoisonedEvent>,
}

/// An event that was leased [`GROUP_DELIVERIES_MAX`] times and never acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoisonedEvent {
    /// Its number.
    pub seq: u64,
    /// Its public type.
    pub kind: EventKind,
    /// How often it was leased.
    pub deliveries: u32,
}

/// Octets of the name of a group.
pub const EVENT_GROUP_NAME_BYTES: usize = 64;
/// How long an event is leased where a reader does not say, seconds: longer than an agent needs to
/// take an event on, short enough for another to go on when it has died.
pub const GROUP_LEASE_S: u64 = 60;
/// The longest lease, seconds.
pub const GROUP_LEASE_S_MAX: u64 = 3600;
/// The most events that a reader may ask to hold at once; the configuration may have it hold fewer.
pub const GROUP_PREFETCH_MAX: u64 = 100;
/// An event that was leased this often is set aside: it would stop its readers for ever.
pub const GROUP_DELIVERIES_MAX: u32 = 10;

/// Whether a text can be the name of a group: letters, digits, `.`, `_` and `-`.
pub fn is_group_name(text: &str) -> bool {
    let is_sign = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    (1..=EVENT_GROUP_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_sign)
}
