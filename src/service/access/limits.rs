//! Limits that are counted in memory: failed logins of an address, and leases of sessions and
//! streams. They stand behind one lock, which is held for a few instructions.
//!
//! Time is an argument and monotonic, so a clock that jumps changes nothing. Every table is
//! bounded: a full table drops the least important rows. An account is never locked, and no address
//! is: otherwise any peer could lock out an account, or all that share its address.

use core::hash::Hash;
use core::net::IpAddr;
use std::collections::HashMap;

use crate::call::{
    Allowance, ConnId, InboxId, KeyId, NETWORKS_MAX, Network, Now, OrgId, clear_if_full,
};

/// Failed logins, counted for all listeners together, so that an attacker does not get a share on
/// each listener. They slow down wrong keys alone: a right one is never looked up here.
#[derive(Debug, Default)]
pub struct Failures(HashMap<Network, Failed>);

#[derive(Debug, Default)]
struct Failed {
    minute: Window,
    day: Window,
    until_ms: u64,
    /// Fingerprints of the last wrong keys. A client that repeats one wrong key is misconfigured
    /// and does not guess, so the key counts once.
    seen: [u64; SEEN],
    next: usize,
}

/// The number of failures since a time.
#[derive(Debug, Default)]
struct Window {
    since_ms: u64,
    n: usize,
}

impl Window {
    fn count(&mut self, now_ms: u64, length_ms: u64) -> usize {
        if now_ms.saturating_sub(self.since_ms) >= length_ms || self.n == 0 {
            *self = Window {
                since_ms: now_ms,
                n: 0,
            };
        }
        self.n = self.n.saturating_add(1);
        self.n
    }
}

impl Failures {
    /// Checks that another wrong key of this address is counted. Otherwise there were too many;
    /// gives the milliseconds until the count begins anew.
    pub fn admit(&self, peer: IpAddr, now: Now) -> Result<(), u64> {
        match self.0.get(&Network::of(peer)) {
            Some(failed) if failed.until_ms > now.mono_ms => Err(failed.until_ms - now.mono_ms),
            _ => Ok(()),
        }
    }

    /// Counts a failure; gives the milliseconds to wait before the answer, and the different wrong
    /// keys that are left of this minute. `fingerprint` stands for the key.
    pub fn record(
        &mut self,
        peer: IpAddr,
        fingerprint: u64,
        per_minute: usize,
        per_day: usize,
        now: Now,
    ) -> (u64, Allowance) {
        let now_ms = now.mono_ms;
        if self.0.len() >= NETWORKS_MAX {
            self.0
                .retain(|_, f| f.until_ms > now_ms || now_ms < f.minute.since_ms + MINUTE_MS);
            clear_if_full(&mut self.0);
        }
        let failed = self.0.entry(Network::of(peer)).or_default();
        if failed.seen.contains(&fingerprint) && failed.minute.n > 0 {
            return (
                delay_ms(failed.minute.n),
                failed.allowance(per_minute, now_ms),
            );
        }
        if let Some(slot) = failed.seen.get_mut(failed.next % SEEN) {
            *slot = fingerprint;
        }
        failed.next = (failed.next + 1) % SEEN;
        let in_minute = failed.minute.count(now_ms, MINUTE_MS);
        let in_day = failed.day.count(now_ms, DAY_MS);
        if in_minute >= per_minute || in_day >= per_day {
            failed.until_ms = now_ms.saturating_add(PAUSE_MS);
        }
        (delay_ms(in_minute), failed.allowance(per_minute, now_ms))
    }
}

impl Failed {
    fn allowance(&self, per_minute: usize, now_ms: u64) -> Allowance {
        let minute_ends = self.minute.since_ms.saturating_add(MINUTE_MS);
        Allowance {
            limit: per_minute as u64,
            left: per_minute.saturating_sub(self.minute.n) as u64,
            reset_ms: self.until_ms.max(minute_ends).saturating_sub(now_ms),
        }
    }
}

fn delay_ms(failures: usize) -> u64 {
    let last = DELAYS_MS.len() - 1;
    DELAYS_MS[failures.saturating_sub(1).min(last)]
}

/// A lease of a connection. It ends with the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lease {
    Session(InboxId, OrgId),
    Stream(Option<KeyId>, OrgId),
}

/// Sessions of an inbox, streams of a key and of an organization.
#[derive(Debug, Default)]
pub struct Leases {
    held: HashMap<ConnId, Vec<Lease>>,
    sessions: HashMap<InboxId, usize>,
    org_sessions: HashMap<OrgId, usize>,
    /// `None` is the operator.
    of_key: HashMap<Option<KeyId>, usize>,
    of_org: HashMap<OrgId, usize>,
}

/// The bound of sessions that is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionBound {
    /// That of the inbox.
    Inbox,
    /// That of the organization.
    Org,
}

impl Leases {
    /// Takes the lease of a session of an inbox and its organization for `conn`. Otherwise gives
    /// the bound that is reached.
    pub fn take_session(
        &mut self,
        conn: ConnId,
        (inbox, inbox_max): (InboxId, usize),
        (org, org_max): (OrgId, usize),
    ) -> Result<(), SessionBound> {
        let of_inbox = self.sessions.get(&inbox).copied().unwrap_or(0);
        let of_org = self.org_sessions.get(&org).copied().unwrap_or(0);
        if of_inbox >= inbox_max {
            return Err(SessionBound::Inbox);
        }
        if of_org >= org_max {
            return Err(SessionBound::Org);
        }
        self.sessions.insert(inbox, of_inbox + 1);
        self.org_sessions.insert(org, of_org + 1);
        self.held
            .entry(conn)
            .or_default()
            .push(Lease::Session(inbox, org));
        Ok(())
    }

    /// How many sessions an inbox has.
    #[cfg(test)]
    pub fn sessions_of(&self, inbox: InboxId) -> usize {
        self.sessions.get(&inbox).copied().unwrap_or(0)
    }

    /// Takes the lease of a stream of `key` for `conn`. Otherwise gives the bound that is reached.
    pub fn take_stream(
        &mut self,
        conn: ConnId,
        key: Option<KeyId>,
        org: OrgId,
        key_max: usize,
        org_max: usize,
    ) -> Result<(), usize> {
        let of_key = self.of_key.get(&key).copied().unwrap_or(0);
        let of_org = self.of_org.get(&org).copied().unwrap_or(0);
        if of_key >= key_max {
            return Err(key_max);
        }
        if of_org >= org_max {
            return Err(org_max);
        }
        self.of_key.insert(key, of_key + 1);
        self.of_org.insert(org, of_org + 1);
        self.held
            .entry(conn)
            .or_default()
            .push(Lease::Stream(key, org));
        Ok(())
    }

    /// Ends one lease of a stream of a connection; whether there was one. All of its streams are of
    /// one key.
    pub fn release_stream(&mut self, conn: ConnId) -> bool {
        let Some(held) = self.held.get_mut(&conn) else {
            return false;
        };
        let is_stream = |lease: &Lease| matches!(lease, Lease::Stream(..));
        let Some(at) = held.iter().rposition(is_stream) else {
            return false;
        };
        if let Lease::Stream(key, org) = held.swap_remove(at) {
            decrement(&mut self.of_key, key);
            decrement(&mut self.of_org, org);
        }
        if held.is_empty() {
            self.held.remove(&conn);
        }
        true
    }

    /// Ends all leases of a connection, and gives the number of its streams.
    pub fn release(&mut self, conn: ConnId) -> u64 {
        let mut streams = 0;
        for lease in self.held.remove(&conn).unwrap_or_default() {
            match lease {
                Lease::Session(inbox, org) => {
                    decrement(&mut self.sessions, inbox);
                    decrement(&mut self.org_sessions, org);
                }
                Lease::Stream(key, org) => {
                    streams += 1;
                    decrement(&mut self.of_key, key);
                    decrement(&mut self.of_org, org);
                }
            }
        }
        streams
    }
}

fn decrement<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(n) = counts.get_mut(&key) {
        *n = n.saturating_sub(1);
        if *n == 0 {
            counts.remove(&key);
        }
    }
}

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
/// Milliseconds for which an address at its limit hears that there were too many.
const PAUSE_MS: u64 = 15 * MINUTE_MS;
/// Milliseconds before the answer to the first, second ... failure within a minute.
const DELAYS_MS: [u64; 6] = [0, 1000, 2000, 4000, 8000, 15_000];
/// Fingerprints kept for each address.
const SEEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            mono_ms: 1_000_000 + ms,
            unix_ms: 0,
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap_or(IpAddr::from([0; 4]))
    }

    #[test]
    fn failures_slow_an_address_and_then_stop_it() {
        let mut failures = Failures::default();
        let bad = ip("192.0.2.1");
        let delays: Vec<u64> = (1..=10)
            .map(|n| {
                assert!(failures.admit(bad, at(n)).is_ok());
                failures.record(bad, n, 10, 50, at(n)).0
            })
            .collect();
        assert_eq!(
            delays,
            [0, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000]
        );
        assert_eq!(failures.admit(bad, at(10)), Err(PAUSE_MS));
        assert!(failures.admit(ip("192.0.2.2"), at(10)).is_ok());
        assert!(failures.admit(bad, at(10 + PAUSE_MS)).is_ok());
        // A minute later the delays begin again.
        assert_eq!(failures.record(bad, 99, 10, 50, at(11 + PAUSE_MS)).0, 0);
    }

    #[test]
    fn the_day_has_its_own_bound() {
        let mut failures = Failures::default();
        let bad = ip("192.0.2.1");
        for n in 1..=50u64 {
            assert!(failures.admit(bad, at(n * MINUTE_MS)).is_ok(), "{n}");
            failures.record(bad, n, 10, 50, at(n * MINUTE_MS));
        }
        assert!(failures.admit(bad, at(50 * MINUTE_MS)).is_err());
        assert!(failures.admit(bad, at(51 * MINUTE_MS + DAY_MS)).is_ok());
    }

    #[test]
    fn the_same_wrong_key_counts_once() {
        let mut failures = Failures::default();
        let peer = ip("192.0.2.1");
        for n in 0..1000 {
            assert_eq!(failures.record(peer, 5, 10, 50, at(n)).0, 0);
        }
        assert!(failures.admit(peer, at(1000)).is_ok());
    }

    #[test]
    fn a_flood_of_networks_stays_bounded() {
        let mut failures = Failures::default();
        for n in 0..(NETWORKS_MAX as u32 * 2) {
            let peer = IpAddr::from(n.to_be_bytes());
            failures.record(peer, 1, 10, 50, at(0));
        }
        assert!(failures.0.len() <= NETWORKS_MAX);
    }

    #[test]
    fn leases_end_with_their_connection() {
        let mut leases = Leases::default();
        let (key, org) = (Some(KeyId(1)), OrgId(1));
        let session = |leases: &mut Leases, conn, inbox| {
            leases.take_session(ConnId(conn), (InboxId(inbox), 2), (org, 3))
        };
        assert_eq!(session(&mut leases, 1, 1), Ok(()));
        assert_eq!(session(&mut leases, 2, 1), Ok(()));
        assert_eq!(session(&mut leases, 3, 1), Err(SessionBound::Inbox));
        assert_eq!(session(&mut leases, 8, 2), Ok(()));
        assert_eq!(session(&mut leases, 9, 2), Err(SessionBound::Org));
        assert_eq!(leases.release(ConnId(8)), 0);
        assert_eq!(leases.release(ConnId(1)), 0);
        assert_eq!(session(&mut leases, 3, 1), Ok(()));

        assert!(leases.take_stream(ConnId(4), key, org, 1, 2).is_ok());
        assert_eq!(leases.take_stream(ConnId(5), key, org, 1, 2), Err(1));
        assert!(
            leases
                .take_stream(ConnId(5), Some(KeyId(2)), org, 1, 2)
                .is_ok()
        );
        assert_eq!(
            leases.take_stream(ConnId(6), Some(KeyId(3)), org, 1, 2),
            Err(2)
        );
        assert_eq!(
            (leases.release(ConnId(5)), leases.release(ConnId(5))),
            (1, 0)
        );
        assert!(
            leases
                .take_stream(ConnId(6), Some(KeyId(3)), org, 1, 2)
                .is_ok()
        );
        for conn in 1..10 {
            leases.release(ConnId(conn));
        }
        assert!(
            leases.held.is_empty()
                && leases.sessions.is_empty()
                && leases.org_sessions.is_empty()
                && leases.of_org.is_empty()
        );
    }
}
