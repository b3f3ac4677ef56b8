//! The rate of messages that each inbox receives, with a share for each sender.
//!
//! It counts messages that are delivered. A recipient that is only named costs its sender, not the
//! inbox (`Payer::Recipients`). A bucket for each inbox is divided by two rules, so that no sender
//! can use up what others need, and no share has to be configured:
//!
//! - A sender may hold as much of the bucket as is left free. One alone gets half of it, two get a
//!   third each; there is always room for one that has sent little.
//! - Senders that hold something give it back at equal speed. One that sends little holds nothing
//!   and never waits for one that sends much.
//!
//! Time is an argument and monotonic. Both tables are bounded.

use core::net::IpAddr;
use std::collections::HashMap;

use crate::call::{Caller, InboxId, Network, Now, OrgId};

/// The party that a message comes from: it pays for the messages that it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendingParty {
    /// The network of a peer without a key.
    Network(Network),
    /// An organization: its keys have one share together.
    Org(OrgId),
    /// The server itself.
    Server,
}

impl SendingParty {
    /// The party that `caller` sends for; `peer` is its address.
    pub fn of(caller: &Caller, peer: IpAddr) -> SendingParty {
        match caller {
            Caller::Key(access) => SendingParty::Org(access.org),
            Caller::Anonymous => SendingParty::Network(Network::of(peer)),
            Caller::Operator | Caller::System => SendingParty::Server,
        }
    }
}

/// The rate of an inbox: tokens in a minute, and tokens of a full bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceiveRate {
    per_minute: usize,
    burst: usize,
}

impl ReceiveRate {
    /// `per_minute` messages in a minute. A sender that is alone may send those of five minutes at
    /// once, all together those of ten.
    pub fn new(per_minute: usize) -> Self {
        ReceiveRate {
            per_minute,
            burst: per_minute.saturating_mul(BURST_MINUTES),
        }
    }

    /// Messages in a minute.
    pub fn per_minute(self) -> usize {
        self.per_minute
    }

    fn token_us(self) -> u64 {
        (MINUTE_US / (self.per_minute.max(1) as u64)).max(1)
    }
}

/// The buckets of all inboxes that have received something lately.
#[derive(Debug, Default)]
pub struct Receives(HashMap<InboxId, InboxBucket>);

#[derive(Debug, Default)]
struct InboxBucket {
    at_ms: u64,
    /// Microseconds until the bucket is full again.
    owed_us: u64,
    /// The parts of it that the senders hold.
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    party: SendingParty,
    owed_us: u64,
}

impl Receives {
    /// Checks whether `inbox` may receive one more message of `party`, and takes nothing. Otherwise
    /// gives the milliseconds until it may.
    pub fn check(
        &mut self,
        inbox: InboxId,
        party: SendingParty,
        rate: ReceiveRate,
        now: Now,
    ) -> Result<(), u64> {
        let Some(bucket) = self.0.get_mut(&inbox) else {
            return Ok(());
        };
        bucket.drain(now.mono_ms);
        bucket.check(party, rate)
    }

    /// Counts a message that was delivered. It is counted also over the rate: the check was before.
    pub fn count(&mut self, inbox: InboxId, party: SendingParty, rate: ReceiveRate, now: Now) {
        if self.0.len() >= INBOXES_MAX {
            self.0.retain(|_, bucket| {
                bucket.drain(now.mono_ms);
                bucket.owed_us > 0
            });
            // No further inbox may cost a walk over the table.
            if self.0.len() >= INBOXES_MAX / 8 * 7 {
                self.0.clear();
            }
        }
        let bucket = self.0.entry(inbox).or_default();
        bucket.drain(now.mono_ms);
        bucket.count(party, rate);
    }
}

impl InboxBucket {
    /// Gives back what time has brought since the last call: to the senders that hold something in
    /// equal parts.
    fn drain(&mut self, now_ms: u64) {
        let passed_us = now_ms.saturating_sub(self.at_ms).saturating_mul(1000);
        // A clock that goes back gives nothing and takes nothing.
        self.at_ms = now_ms;
        self.owed_us = self.owed_us.saturating_sub(passed_us);
        let mut left_us = passed_us;
        while left_us > 0 && !self.held.is_empty() {
            let holders = self.held.len() as u64;
            let least = self.held.iter().map(|held| held.owed_us).min().unwrap_or(0);
            let each = (left_us / holders).min(least);
            if each == 0 && least > 0 {
                break;
            }
            for held in &mut self.held {
                held.owed_us -= each;
            }
            self.held.retain(|held| held.owed_us > 0);
            left_us = left_us.saturating_sub(each.saturating_mul(holders));
        }
    }

    fn check(&self, party: SendingParty, rate: ReceiveRate) -> Result<(), u64> {
        let token_us = rate.token_us();
        let full_us = token_us.saturating_mul(rate.burst.max(1) as u64);
        let own = self.held.iter().find(|held| held.party == party);
        let own_us = own.map_or(0, |held| held.owed_us);
        // What it holds then, and what all hold then.
        let wanted = own_us.saturating_add(self.owed_us);
        let wanted = wanted.saturating_add(token_us.saturating_mul(2));
        if wanted <= full_us {
            return Ok(());
        }
        // Each microsecond frees one of the bucket, and one of `holders` of them is its own.
        let holders = self.held.len().max(1) as u64;
        let over = wanted - full_us;
        let wait_us = match own {
            Some(_) => over.saturating_mul(holders) / (holders + 1),
            None => over,
        };
        Err(wait_us.div_ceil(1000).max(1))
    }

    fn count(&mut self, party: SendingParty, rate: ReceiveRate) {
        let token_us = rate.token_us();
        self.owed_us = self.owed_us.saturating_add(token_us);
        if let Some(held) = self.held.iter_mut().find(|held| held.party == party) {
            held.owed_us = held.owed_us.saturating_add(token_us);
            return;
        }
        if self.held.len() >= SENDERS_MAX {
            // The one that holds least loses least by being forgotten. The bucket keeps its part.
            let least = (0..self.held.len()).min_by_key(|at| self.held.get(*at).map(|h| h.owed_us));
            if let Some(least) = least {
                self.held.swap_remove(least);
            }
        }
        self.held.push(Held {
            party,
            owed_us: token_us,
        });
    }
}

const MINUTE_US: u64 = 60_000_000;
/// Minutes whose messages a full bucket holds. A sender that is alone gets half.
const BURST_MINUTES: usize = 10;
/// Senders of one inbox that are told apart.
const SENDERS_MAX: usize = 64;
/// Inboxes that are remembered: 25 MB if each had as many senders as it can.
const INBOXES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    const INBOX: InboxId = InboxId(1);
    const RATE: ReceiveRate = ReceiveRate {
        per_minute: 60,
        burst: 600,
    };

    fn at(ms: u64) -> Now {
        Now {
            mono_ms: 1_000_000 + ms,
            unix_ms: 0,
        }
    }

    fn network(n: u32) -> SendingParty {
        SendingParty::Network(Network::V4(n.to_be_bytes()))
    }

    /// Sends until it is refused; gives how many were taken, and the wait.
    fn burst(receives: &mut Receives, party: SendingParty, now: Now) -> (usize, u64) {
        for n in 0..1000 {
            if let Err(wait) = receives.check(INBOX, party, RATE, now) {
                return (n, wait);
            }
            receives.count(INBOX, party, RATE, now);
        }
        (1000, 0)
    }

    #[test]
    fn one_sender_alone_gets_half_and_then_the_whole_rate() {
        let mut receives = Receives::default();
        assert_eq!(burst(&mut receives, network(1), at(0)), (300, 1000));
        assert!(receives.check(INBOX, network(1), RATE, at(999)).is_err());
        // One each second from then on.
        let taken: usize = (1..=100)
            .map(|s| burst(&mut receives, network(1), at(s * 1000)).0)
            .sum();
        assert_eq!(taken, 100);
        // Another inbox is not affected.
        assert_eq!(receives.check(InboxId(2), network(1), RATE, at(0)), Ok(()));
    }

    #[test]
    fn a_flood_takes_nothing_from_one_that_sends_little() {
        let mut receives = Receives::default();
        let mut refused = 0;
        let mut flood = 0;
        // Ten networks try a hundred times a second each, for an hour; another sends a message
        // every twenty seconds.
        for s in 0..3600 {
            for n in 1..=10 {
                flood += burst(&mut receives, network(n), at(s * 1000)).0;
            }
            if s % 20 == 7 {
                match receives.check(INBOX, network(99), RATE, at(s * 1000)) {
                    Ok(()) => receives.count(INBOX, network(99), RATE, at(s * 1000)),
                    Err(_) => refused += 1,
                }
            }
        }
        assert_eq!(refused, 0);
        // The flood has what is left of the rate, and no more.
        assert!((3600..3600 + 600).contains(&flood), "{flood}");
    }

    #[test]
    fn two_that_want_all_get_equal_parts() {
        let mut receives = Receives::default();
        let mut taken = [0; 2];
        for s in 0..3600 {
            // One asks much more often, and always first.
            taken[0] += burst(&mut receives, network(1), at(s * 1000)).0;
            if receives
                .check(INBOX, network(2), RATE, at(s * 1000))
                .is_ok()
            {
                receives.count(INBOX, network(2), RATE, at(s * 1000));
                taken[1] += 1;
            }
        }
        let [first, second] = taken;
        assert!(first + second <= 3600 + 600);
        assert!(second * 10 >= first * 8, "{taken:?}");
    }

    #[test]
    fn a_wait_that_is_told_is_enough_and_not_too_long() {
        let mut receives = Receives::default();
        burst(&mut receives, network(1), at(0));
        burst(&mut receives, network(2), at(0));
        let wait = receives.check(INBOX, network(1), RATE, at(0));
        let Err(wait) = wait else {
            return assert!(wait.is_err());
        };
        assert!(
            receives
                .check(INBOX, network(1), RATE, at(wait - 2))
                .is_err()
        );
        assert_eq!(
            receives.check(INBOX, network(1), RATE, at(wait + 1)),
            Ok(())
        );
    }

    #[test]
    fn tables_stay_bounded() {
        let mut receives = Receives::default();
        for n in 0..1000 {
            receives.count(INBOX, network(n), RATE, at(0));
        }
        let held = receives.0.get(&INBOX).map(|bucket| bucket.held.len());
        assert_eq!(held, Some(SENDERS_MAX));
        for n in 0..(INBOXES_MAX as i64 * 2) {
            receives.count(InboxId(n), network(1), RATE, at(0));
        }
        assert!(receives.0.len() <= INBOXES_MAX);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut receives = Receives::default();
        burst(&mut receives, network(1), at(10_000));
        assert!(receives.check(INBOX, network(1), RATE, at(0)).is_err());
        // A leap ahead empties the bucket, and does no more.
        let end = Now {
            mono_ms: u64::MAX,
            unix_ms: 0,
        };
        assert_eq!(burst(&mut receives, network(1), end).0, 300);
    }
}
