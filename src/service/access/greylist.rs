//! Greylisting (RFC 6647): the first try of an unknown sender is put off, because a mail server
//! tries again and much other software does not. It is off unless the configuration asks for it.
//!
//! What is known of a triple of network, sender and recipient is kept in memory and in bounds, as
//! hashes with a secret of this process: after a restart the first try is put off once more. A
//! flood of triples that fills the table would keep out all that come anew, since their first try
//! is forgotten before the second: while that lasts, nothing is put off. Time is an argument and
//! monotonic.

use core::net::IpAddr;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::call::Now;

/// The triples of the last time.
#[derive(Debug, Default)]
pub struct Greylist {
    /// When each triple was tried first. A flood of them drops each other.
    waiting: Generations,
    /// When each triple passed last: a flood of triples that never come again drops none of these.
    passed: Generations,
    secret: RandomState,
    /// Nothing is put off before this time.
    flooded_until_ms: u64,
}

/// A bounded table of times. When half of it is used, the older half is dropped.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
    /// When the first one came into the younger half.
    young_since_ms: u64,
}

impl Greylist {
    /// Whether a recipient of a peer may be taken. Otherwise gives the milliseconds after which the
    /// same try passes.
    pub fn admit(
        &mut self,
        peer: IpAddr,
        sender: Option<&str>,
        recipient: &str,
        delay_ms: u64,
        now: Now,
    ) -> Result<(), u64> {
        let sender = sender.map(str::to_ascii_lowercase);
        let triple = self.secret.hash_one((network_of(peer), sender, recipient));
        let at = now.mono_ms;
        let is_recent = |then: &u64, most_ms: u64| at.saturating_sub(*then) <= most_ms;
        if self
            .passed
            .find(triple)
            .is_some_and(|then| is_recent(&then, PASSED_MS))
        {
            self.passed.insert(triple, at);
            return Ok(());
        }
        match self
            .waiting
            .find(triple)
            .filter(|then| is_recent(then, WAITING_MS))
        {
            None if at < self.flooded_until_ms => Ok(()),
            None => {
                if self.waiting.insert(triple, at) < RETRY_MS {
                    self.flooded_until_ms = at.saturating_add(RETRY_MS);
                }
                Err(delay_ms)
            }
            Some(first) => match first.saturating_add(delay_ms).saturating_sub(at) {
                0 => {
                    self.passed.insert(triple, at);
                    Ok(())
                }
                left_ms => Err(left_ms),
            },
        }
    }
}

impl Generations {
    fn find(&self, triple: u64) -> Option<u64> {
        self.young
            .get(&triple)
            .or_else(|| self.old.get(&triple))
            .copied()
    }

    /// Notes a time. Gives the milliseconds in which the half was filled that this one drops;
    /// `u64::MAX` when it drops none.
    fn insert(&mut self, triple: u64, at: u64) -> u64 {
        let mut filled_in_ms = u64::MAX;
        if self.young.len() >= TRIPLES_MAX / 2 && !self.young.contains_key(&triple) {
            filled_in_ms = at.saturating_sub(self.young_since_ms);
            self.old = core::mem::take(&mut self.young);
        }
        if self.young.is_empty() {
            self.young_since_ms = at;
        }
        self.young.insert(triple, at);
        filled_in_ms
    }
}

/// The network that counts as one sender: a provider tries again from a neighbour of the first host
/// (RFC 6647 section 2.3).
fn network_of(peer: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match peer.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            network[..4].copy_from_slice(&[4, a, b, c]);
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h, ..] = v6.octets();
            network = [a, b, c, d, e, f, g, h];
        }
    }
    network
}

/// Triples in each table: some megabytes.
const TRIPLES_MAX: usize = 1 << 16;
/// A mail server tries again within this time. A half that lives shorter is flooded.
const RETRY_MS: u64 = 3_600_000;
/// A try that comes again after a day is a first try.
const WAITING_MS: u64 = 86_400_000;
/// A triple that has passed is known for 36 days, so that a monthly letter is not put off again.
const PASSED_MS: u64 = 36 * 86_400_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            unix_ms: 0,
        }
    }

    #[test]
    fn the_first_try_is_put_off_and_the_second_passes() {
        let mut list = Greylist::default();
        let mut admit = |peer: &str, sender, recipient, ms| {
            list.admit(peer.parse().unwrap(), sender, recipient, 60_000, at(ms))
        };
        let a = Some("a@y.test");
        assert_eq!(admit("192.0.2.1", a, "b@x.test", 0), Err(60_000));
        assert_eq!(admit("192.0.2.1", a, "b@x.test", 59_000), Err(1000));
        // Another host of the network, and other capitals.
        assert_eq!(
            admit("192.0.2.77", Some("A@Y.test"), "b@x.test", 60_000),
            Ok(())
        );
        assert_eq!(admit("192.0.2.1", a, "b@x.test", 60_001), Ok(()));
        // Another network, sender or recipient is another triple.
        assert!(admit("192.0.3.1", a, "b@x.test", 60_002).is_err());
        assert!(admit("192.0.2.1", None, "b@x.test", 60_002).is_err());
        assert!(admit("192.0.2.1", a, "c@x.test", 60_002).is_err());
        assert!(admit("2001:db8::1", a, "b@x.test", 60_002).is_err());
        assert!(admit("2001:db8::9", a, "b@x.test", 130_000).is_ok());
        // It is known for 36 days from its last use, and a first try for a day.
        let day = 86_400_000;
        assert_eq!(admit("192.0.2.1", a, "b@x.test", 36 * day), Ok(()));
        assert_eq!(admit("192.0.2.1", a, "b@x.test", 72 * day), Ok(()));
        assert!(admit("192.0.2.1", a, "b@x.test", 109 * day).is_err());
        assert!(admit("192.0.3.1", a, "b@x.test", 2 * day).is_err());
    }

    #[test]
    fn a_flood_of_triples_is_bounded_and_drops_none_that_has_passed() {
        let mut list = Greylist::default();
        let peer = "192.0.2.1".parse().unwrap();
        assert!(list.admit(peer, None, "known", 1, at(0)).is_err());
        assert!(list.admit(peer, None, "known", 1, at(1)).is_ok());
        // One half an hour is no flood: each first try is known until its second.
        let half = TRIPLES_MAX / 2;
        let mut tried = 0;
        for hour in 1..7 {
            for n in 0..half {
                let (sender, now) = (format!("{hour} {n}"), hour * RETRY_MS);
                tried += usize::from(list.admit(peer, Some(&sender), "b", 1000, at(now)).is_err());
            }
            assert!(list.waiting.young.len() + list.waiting.old.len() <= TRIPLES_MAX);
        }
        assert_eq!(tried, 6 * half);
        assert!(list.admit(peer, None, "known", 1, at(7 * RETRY_MS)).is_ok());
        // A flood of them would keep out every sender that is new: they pass as long as it lasts.
        let now = 8 * RETRY_MS;
        let mut put_off = 0;
        for n in 0..TRIPLES_MAX * 3 {
            let admitted = list.admit(peer, Some(&n.to_string()), "b", 1000, at(now));
            put_off += usize::from(admitted.is_err());
        }
        assert!(put_off <= TRIPLES_MAX, "{put_off}");
        assert!(list.waiting.young.len() + list.waiting.old.len() <= TRIPLES_MAX);
        assert!(list.admit(peer, Some("new"), "b", 1000, at(now)).is_ok());
        let later = now + RETRY_MS;
        assert!(list.admit(peer, Some("new"), "b", 1000, at(later)).is_err());
        assert!(list.admit(peer, None, "known", 1, at(later)).is_ok());
    }
}
