//! The handshakes under way on one worker, and who makes room for whom when they are too many.
//!
//! A handshake that does not go on costs its peer nothing and holds a place of the few. So
//! places are shared by address: the address that holds the most gives one up to whoever holds
//! fewer, and only among equals does age decide.

use std::collections::HashMap;

use crate::call::{ConnId, Network};

/// Handshakes under way, in no order: one that has waited for its place began before others
/// that are here already.
#[derive(Debug, Default)]
pub(super) struct HandshakeSlots {
    under_way: Vec<Handshake>,
    /// How many of them each address has.
    held: HashMap<Network, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Handshake {
    id: ConnId,
    prefix: Network,
    since: u64,
}

/// What a newcomer finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SlotOffer {
    /// A place.
    Free,
    /// The place of another, which is to end.
    Of(ConnId),
    /// None: it waits.
    None,
}

impl HandshakeSlots {
    /// `id` begins a handshake, whose time counts from `since` in monotonic milliseconds.
    pub fn begin(&mut self, id: ConnId, prefix: Network, since: u64) {
        self.under_way.push(Handshake { id, prefix, since });
        *self.held.entry(prefix).or_default() += 1;
    }

    /// The handshake of `id` is over, in whichever way.
    pub fn end(&mut self, id: ConnId) {
        let Some(at) = self.under_way.iter().position(|other| other.id == id) else {
            return;
        };
        let prefix = self.under_way.swap_remove(at).prefix;
        if let Some(held) = self.held.get_mut(&prefix) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&prefix);
            }
        }
    }

    /// Where one more from `newcomer` may go when `most` may be under way.
    pub fn room(&self, newcomer: Network, most: usize, now: u64) -> SlotOffer {
        if self.under_way.len() < most {
            return SlotOffer::Free;
        }
        let fair = self.held.get(&newcomer).map_or(1, |count| count + 1);
        let largest = self.held.iter().max_by_key(|(_, count)| **count);
        let all = self.under_way.iter();
        let victim = match largest {
            Some((prefix, count)) if *count > fair => all
                .filter(|other| other.prefix == *prefix)
                .min_by_key(|other| other.since),
            // An honest handshake is over in the time of two round trips.
            _ => all
                .min_by_key(|other| other.since)
                .filter(|other| now.saturating_sub(other.since) >= SLOW_MS),
        };
        victim.map_or(SlotOffer::None, |other| SlotOffer::Of(other.id))
    }
}

/// A handshake that has taken this long is ended when another needs its place.
const SLOW_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const A: Network = Network::V4([192, 0, 2, 1]);
    const B: Network = Network::V4([192, 0, 2, 2]);
    const C: Network = Network::V4([192, 0, 2, 3]);

    fn handshakes(of: &[Network]) -> HandshakeSlots {
        let mut handshakes = HandshakeSlots::default();
        for (prefix, id) in of.iter().zip(1..) {
            handshakes.begin(ConnId(id), *prefix, id);
        }
        handshakes
    }

    #[test]
    fn the_address_with_the_most_makes_room() {
        let crowd = handshakes(&[B, A, A, B, A]);
        assert_eq!(crowd.room(C, 6, 10), SlotOffer::Free);
        assert_eq!(crowd.room(C, 5, 10), SlotOffer::Of(ConnId(2)));
        assert_eq!(crowd.room(A, 5, 10), SlotOffer::None, "not for its own");
        assert_eq!(
            crowd.room(B, 5, 10),
            SlotOffer::None,
            "it would only change sides"
        );
        let mut crowd = handshakes(&[A, A, A, A, B]);
        assert_eq!(crowd.room(B, 5, 10), SlotOffer::Of(ConnId(1)));
        crowd.end(ConnId(1));
        assert_eq!(crowd.room(B, 5, 10), SlotOffer::Free);
        assert_eq!(crowd.room(B, 4, 10), SlotOffer::Of(ConnId(2)));
    }

    #[test]
    fn among_equals_the_oldest_makes_room_when_it_is_slow() {
        let crowd = handshakes(&[A, B]);
        assert_eq!(crowd.room(C, 2, SLOW_MS), SlotOffer::None);
        assert_eq!(crowd.room(C, 2, SLOW_MS + 1), SlotOffer::Of(ConnId(1)));
        assert_eq!(handshakes(&[]).room(A, 0, 0), SlotOffer::None);
    }

    #[test]
    fn who_has_waited_is_older_than_its_place_among_the_others() {
        let mut crowd = HandshakeSlots::default();
        for (id, prefix, since) in [(1, A, 500), (2, B, 400), (3, A, 300)] {
            crowd.begin(ConnId(id), prefix, since);
        }
        assert_eq!(crowd.room(C, 3, 500), SlotOffer::Of(ConnId(3)));
        crowd.end(ConnId(3));
        crowd.end(ConnId(3));
        assert_eq!(crowd.room(C, 2, 400 + SLOW_MS), SlotOffer::Of(ConnId(2)));
        crowd.end(ConnId(1));
        crowd.end(ConnId(2));
        assert!(crowd.held.is_empty());
    }
}
