//! The incoming handshakes under way on one worker, and which of them is ended for another
//! when there are too many.
//!
//! A handshake that does not go on costs its peer nothing and holds one of few slots. So
//! slots are shared by network: the network that holds the most gives one to a network that
//! holds fewer. Only among equals the oldest handshake is ended.

use std::collections::HashMap;

use crate::call::{ConnId, Network};

/// Handshakes under way, in no order: one that has waited for its slot began before others
/// that are here already.
#[derive(Debug, Default)]
pub(super) struct HandshakeSlots {
    under_way: Vec<Handshake>,
    /// How many of them each network has.
    held: HashMap<Network, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Handshake {
    id: ConnId,
    network: Network,
    since: u64,
}

/// What a new handshake is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SlotOffer {
    /// A slot that is free.
    Free,
    /// The slot of another, which is to end.
    TakenFrom(ConnId),
    /// No slot: it waits.
    None,
}

impl HandshakeSlots {
    /// `id` begins a handshake. Its time counts from `since`, in monotonic milliseconds.
    pub fn begin(&mut self, id: ConnId, network: Network, since: u64) {
        self.under_way.push(Handshake { id, network, since });
        *self.held.entry(network).or_default() += 1;
    }

    /// The handshake of `id` has ended, well or not.
    pub fn end(&mut self, id: ConnId) {
        let Some(at) = self.under_way.iter().position(|other| other.id == id) else {
            return;
        };
        let network = self.under_way.swap_remove(at).network;
        if let Some(held) = self.held.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&network);
            }
        }
    }

    /// The slot for one more handshake from `newcomer` when `most` may be under way.
    pub fn offer(&self, newcomer: Network, most: usize, now: u64) -> SlotOffer {
        if self.under_way.len() < most {
            return SlotOffer::Free;
        }
        let fair = self.held.get(&newcomer).map_or(1, |count| count + 1);
        let largest = self.held.iter().max_by_key(|(_, count)| **count);
        let all = self.under_way.iter();
        let victim = match largest {
            Some((network, count)) if *count > fair => all
                .filter(|other| other.network == *network)
                .min_by_key(|other| other.since),
            // An honest handshake takes the time of two round trips.
            _ => all
                .min_by_key(|other| other.since)
                .filter(|other| now.saturating_sub(other.since) >= SLOW_MS),
        };
        victim.map_or(SlotOffer::None, |other| SlotOffer::TakenFrom(other.id))
    }
}

/// A handshake that has taken this long is ended when another needs its slot.
const SLOW_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    const A: Network = Network::V4([192, 0, 2, 1]);
    const B: Network = Network::V4([192, 0, 2, 2]);
    const C: Network = Network::V4([192, 0, 2, 3]);

    fn handshakes(of: &[Network]) -> HandshakeSlots {
        let mut handshakes = HandshakeSlots::default();
        for (network, id) in of.iter().zip(1..) {
            handshakes.begin(ConnId(id), *network, id);
        }
        handshakes
    }

    #[test]
    fn the_network_with_the_most_gives_a_slot() {
        let crowd = handshakes(&[B, A, A, B, A]);
        assert_eq!(crowd.offer(C, 6, 10), SlotOffer::Free);
        assert_eq!(crowd.offer(C, 5, 10), SlotOffer::TakenFrom(ConnId(2)));
        assert_eq!(crowd.offer(A, 5, 10), SlotOffer::None, "not for its own");
        assert_eq!(
            crowd.offer(B, 5, 10),
            SlotOffer::None,
            "it would only change sides"
        );
        let mut crowd = handshakes(&[A, A, A, A, B]);
        assert_eq!(crowd.offer(B, 5, 10), SlotOffer::TakenFrom(ConnId(1)));
        crowd.end(ConnId(1));
        assert_eq!(crowd.offer(B, 5, 10), SlotOffer::Free);
        assert_eq!(crowd.offer(B, 4, 10), SlotOffer::TakenFrom(ConnId(2)));
    }

    #[test]
    fn among_equals_the_oldest_is_ended_when_it_is_slow() {
        let crowd = handshakes(&[A, B]);
        assert_eq!(crowd.offer(C, 2, SLOW_MS), SlotOffer::None);
        assert_eq!(
            crowd.offer(C, 2, SLOW_MS + 1),
            SlotOffer::TakenFrom(ConnId(1))
        );
        assert_eq!(handshakes(&[]).offer(A, 0, 0), SlotOffer::None);
    }

    #[test]
    fn a_handshake_that_has_waited_counts_from_its_arrival() {
        let mut crowd = HandshakeSlots::default();
        for (id, network, since) in [(1, A, 500), (2, B, 400), (3, A, 300)] {
            crowd.begin(ConnId(id), network, since);
        }
        assert_eq!(crowd.offer(C, 3, 500), SlotOffer::TakenFrom(ConnId(3)));
        crowd.end(ConnId(3));
        crowd.end(ConnId(3));
        assert_eq!(
            crowd.offer(C, 2, 400 + SLOW_MS),
            SlotOffer::TakenFrom(ConnId(2))
        );
        crowd.end(ConnId(1));
        crowd.end(ConnId(2));
        assert!(crowd.held.is_empty());
    }
}
