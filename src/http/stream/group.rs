//! The place of one reader in a consumer group: when it claims events, and what it does with them.
//! The cursor of the group is the server's (`service/event_groups/`).
//!
//! ```text
//! Claiming --> Paused   events are given; `resume` claims when they have left
//!     ^  |       |
//!     |  v       v
//!     Resting <--+      nothing was there: news or the end of a lease has it claim again
//! ```
//!
//! The rule: **it claims only while the client has taken all that it was given**, so that a slow
//! client leaves the other events to other readers.

use std::sync::Arc;

use super::cursor::ResetReason;
use super::writer::EventWriter;
use crate::call::{
    Access, ClaimedEvents, EventGroupId, GroupClaim, GroupStart, GroupTerms, Listening, Now,
};

/// The place of a reader.
#[derive(Debug)]
pub(super) struct GroupCursor {
    terms: Arc<GroupTerms>,
    start: GroupStart,
    lease_ms: u64,
    /// As in [`GroupClaim::held_max`].
    held_max: usize,
    /// The subscription of the connection.
    number: u32,
    /// How many events the next claim asks for.
    batch: usize,
    joined: Option<EventGroupId>,
    state: GroupState,
    /// As in [`ClaimedEvents::seq`].
    seq: u64,
    /// While it rests: when a lease of the group ends, monotonic milliseconds.
    wake_ms: Option<u64>,
    is_ready_told: bool,
    /// It waits for mail, and its connection watches another topic.
    _listening: Listening,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum GroupState {
    /// A claim is out. `news`: there may be more than it finds.
    Claiming { news: bool },
    /// Events are on their way to the client.
    Paused,
    /// The last claim found nothing.
    Resting,
    /// The group was deleted.
    Ended,
}

impl GroupCursor {
    /// A reader with its first claim.
    pub fn open(
        terms: GroupTerms,
        start: GroupStart,
        (lease_ms, held_max, number): (u64, usize, u32),
        listening: Listening,
    ) -> (GroupCursor, GroupClaim) {
        let mut cursor = GroupCursor {
            terms: Arc::new(terms),
            start,
            lease_ms,
            held_max,
            number,
            batch: CLAIM_EVENTS_MIN,
            joined: None,
            state: GroupState::Resting,
            seq: 0,
            wake_ms: None,
            is_ready_told: false,
            _listening: listening,
        };
        let claim = cursor.claim();
        (cursor, claim)
    }

    /// Every event up to this number was leased once, or is not for the group.
    pub fn at(&self) -> u64 {
        self.seq
    }

    /// When [`GroupCursor::wake`] is due, monotonic milliseconds.
    pub fn wake_ms(&self) -> Option<u64> {
        self.wake_ms
    }

    /// The answer to the claim that is out; gives the next one.
    pub fn answer(
        &mut self,
        access: &Access,
        claimed: &ClaimedEvents,
        writer: &mut impl EventWriter,
    ) -> Option<GroupClaim> {
        let GroupState::Claiming { news } = self.state else {
            return None;
        };
        self.joined = Some(claimed.group);
        self.seq = claimed.seq;
        if let Some(reset) = claimed.reset {
            let reason = match reset.is_ahead {
                true => ResetReason::Ahead,
                false => ResetReason::TooOld,
            };
            writer.reset(reset.oldest, reason);
            self.is_ready_told = false;
        }
        for leased in &claimed.events {
            let event = (leased.kind, &leased.event);
            writer.event(access, event, Some(leased.delivery));
        }
        if !claimed.events.is_empty() {
            self.state = GroupState::Paused;
            return None;
        }
        if news || claimed.more {
            return Some(self.claim());
        }
        self.state = GroupState::Resting;
        self.wake_ms = claimed.next_end_ms;
        if !self.is_ready_told {
            self.is_ready_told = true;
            writer.ready(claimed.seq, claimed.epoch);
        }
        None
    }

    /// There is something for subscription `number` of the connection.
    pub fn news(&mut self, number: u32) -> Option<GroupClaim> {
        if number != self.number {
            return None;
        }
        match self.state {
            GroupState::Resting => Some(self.claim()),
            GroupState::Claiming { .. } => {
                self.state = GroupState::Claiming { news: true };
                None
            }
            GroupState::Paused | GroupState::Ended => None,
        }
    }

    /// The client has taken all. One that `is_quick` is given more at once: each claim is a commit.
    pub fn resume(&mut self, is_quick: bool) -> Option<GroupClaim> {
        if self.state != GroupState::Paused {
            return None;
        }
        self.batch = match is_quick {
            true => (self.batch * 2).min(CLAIM_EVENTS_MAX),
            false => CLAIM_EVENTS_MIN,
        };
        Some(self.claim())
    }

    /// Claims again if a lease of the group has ended.
    pub fn wake(&mut self, now: Now) -> Option<GroupClaim> {
        let is_due = self.wake_ms.is_some_and(|at| at <= now.mono_ms);
        (is_due && self.state == GroupState::Resting).then(|| self.claim())
    }

    /// The group was deleted.
    pub fn end(&mut self) {
        self.state = GroupState::Ended;
    }

    /// Whether the group was deleted.
    pub fn has_ended(&self) -> bool {
        self.state == GroupState::Ended
    }

    fn claim(&mut self) -> GroupClaim {
        self.state = GroupState::Claiming { news: false };
        self.wake_ms = None;
        GroupClaim {
            terms: Arc::clone(&self.terms),
            joined: self.joined,
            start: self.start,
            reader: Some(self.number),
            lease_ms: self.lease_ms,
            max: self.batch,
            held_max: self.held_max,
        }
    }
}

/// Events of one claim: those that a client has unsent which has stopped to read. Usual ones have
/// about 1,400 octets.
const CLAIM_EVENTS_MIN: usize = 8;
/// The same for a client that takes them at once.
const CLAIM_EVENTS_MAX: usize = 32;
