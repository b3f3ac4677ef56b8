//! The handshakes under way on one worker, and who makes room for whom when they are too many.
//!
//! A handshake that does not go on costs its peer nothing and holds a place of the few. So
//! places are shared by address: the address that holds the most gives one up to whoever holds
//! fewer, and only among equals does age decide.

use std::collections::{HashMap, VecDeque};

use super::listen::Prefix;
use crate::call::ConnId;

/// Handshakes under way, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shaking {
    under_way: VecDeque<Handshake>,
}

#[derive(Clone, Copy, Debug)]
struct Handshake {
    id: ConnId,
    prefix: Prefix,
    since: u64,
}

/// What a newcomer finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// A place.
    Free,
    /// The place of another, which is to end.
    Of(ConnId),
    /// None: it waits.
    None,
}

impl Shaking {
    /// `id` begins a handshake at `now`, in monotonic milliseconds.
    pub fn begin(&mut self, id: ConnId, prefix: Prefix, now: u64) {
        self.under_way.push_back(Handshake {
            id,
            prefix,
            since: now,
        });
    }

    /// The handshake of `id` is over, in whichever way; most that end are among the oldest.
    pub fn end(&mut self, id: ConnId) {
        if let Some(at) = self.under_way.iter().position(|other| other.id == id) {
            self.under_way.remove(at);
        }
    }

    /// Where one more from `newcomer` may go when `most` may be under way.
    pub fn room(&self, newcomer: Prefix, most: usize, now: u64) -> Room {
        if self.under_way.len() < most {
            return Room::Free;
        }
        let mut held: HashMap<Prefix, usize> = HashMap::new();
        for handshake in &self.under_way {
            *held.entry(handshake.prefix).or_default() += 1;
        }
        let fair = held.get(&newcomer).copied().unwrap_or(0) + 1;
        let largest = held.into_iter().max_by_key(|(_, count)| *count);
        let victim = match largest {
            Some((prefix, count)) if count > fair => {
                self.under_way.iter().find(|other| other.prefix == prefix)
            }
            // An honest handshake is over in the time of two round trips.
            _ => {
                let oldest = self.under_way.front();
                oldest.filter(|other| now.saturating_sub(other.since) >= SLOW_MS)
            }
        };
        victim.map_or(Room::None, |other| Room::Of(other.id))
    }
}

/// A handshake that has taken this long is ended when another needs its place.
const SLOW_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const A: Prefix = Prefix::V4([192, 0, 2, 1]);
    const B: Prefix = Prefix::V4([192, 0, 2, 2]);
    const C: Prefix = Prefix::V4([192, 0, 2, 3]);

    fn shaking(of: &[Prefix]) -> Shaking {
        let mut shaking = Shaking::default();
        for (prefix, id) in of.iter().zip(1..) {
            shaking.begin(ConnId(id), *prefix, id);
        }
        shaking
    }

    #[test]
    fn the_address_with_the_most_makes_room() {
        let crowd = shaking(&[B, A, A, B, A]);
        assert_eq!(crowd.room(C, 6, 10), Room::Free);
        assert_eq!(crowd.room(C, 5, 10), Room::Of(ConnId(2)));
        assert_eq!(crowd.room(A, 5, 10), Room::None, "not for its own");
        assert_eq!(
            crowd.room(B, 5, 10),
            Room::None,
            "it would only change sides"
        );
        let mut crowd = shaking(&[A, A, A, A, B]);
        assert_eq!(crowd.room(B, 5, 10), Room::Of(ConnId(1)));
        crowd.end(ConnId(1));
        assert_eq!(crowd.room(B, 5, 10), Room::Free);
        assert_eq!(crowd.room(B, 4, 10), Room::Of(ConnId(2)));
    }

    #[test]
    fn among_equals_the_oldest_makes_room_when_it_is_slow() {
        let crowd = shaking(&[A, B]);
        assert_eq!(crowd.room(C, 2, SLOW_MS), Room::None);
        assert_eq!(crowd.room(C, 2, SLOW_MS + 1), Room::Of(ConnId(1)));
        assert_eq!(shaking(&[]).room(A, 0, 0), Room::None);
    }
}
