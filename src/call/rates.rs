//! Rates that are counted in memory, as buckets of tokens: requests over HTTP, which the engine
//! counts itself, and mail from outside, which the service counts.
//!
//! Time is an argument and monotonic, so a clock that jumps changes nothing. A table is bounded: a
//! full one drops the rows that mean nothing, and then all of them.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Allowance, Caller, KeyId, Limits, Network, Now, OrgId, Rate, Refusal};

/// The rates of requests over HTTP, of all connections, and how many there were. Every request
/// takes each lock for a few instructions; with lifted rates only that of the counts.
#[derive(Debug, Default)]
pub struct RequestRates {
    rates: Mutex<Rates>,
    /// Requests of each organization on a day that are not stored yet.
    counted: Mutex<HashMap<(OrgId, i64), u64>>,
}

impl RequestRates {
    /// Counts a request: that of a key for the key and for its organization, of which the answer
    /// names the one that has fewer left; without a key, that of the address. The operator's are
    /// not counted. A whole minute's requests may come at once.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`]: nothing was counted.
    pub fn count(
        &self,
        limits: &Limits,
        caller: &Caller,
        peer: IpAddr,
        now: Now,
    ) -> Result<Allowance, Refusal> {
        let of_key = limits.http_requests_per_minute;
        match (caller, caller.key().and_then(|access| access.key)) {
            (Caller::Key(access), Some(key)) => {
                let key = Payer::Key(key);
                let of_org = limits.org_requests_per_minute;
                let left = self.take(key, of_key, now)?;
                let org = self
                    .take(Payer::Org(access.org), of_org, now)
                    .inspect_err(|_| self.lock().give_back(key, of_key, 1))?;
                self.count_for_day(access.org, now);
                Ok(if org.left < left.left { org } else { left })
            }
            (Caller::Anonymous, _) => {
                let payer = Payer::Anonymous(Network::of(peer));
                self.take(payer, limits.http_anonymous_per_minute, now)
            }
            _ => Ok(Allowance::full(of_key as u64)),
        }
    }

    fn take(&self, payer: Payer, per_minute: usize, now: Now) -> Result<Allowance, Refusal> {
        if per_minute >= LIFTED {
            return Ok(Allowance::full(per_minute as u64));
        }
        let taken = (self.lock()).take(payer, per_minute, per_minute, 1, now);
        taken.map_err(|retry_ms| Refusal::RateLimited {
            rate: payer.rate(per_minute as u64),
            retry_ms,
        })
    }

    /// A panic while the lock was held can leave a count wrong by one, which is harmless, so a
    /// poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_counted(&self) -> MutexGuard<'_, HashMap<(OrgId, i64), u64>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request for the day of an organization.
    fn count_for_day(&self, org: OrgId, now: Now) {
        let key = (org, now.unix_ms.div_euclid(DAY_MS));
        let mut counted = self.lock_counted();
        if counted.len() < NETWORKS_MAX || counted.contains_key(&key) {
            *counted.entry(key).or_insert(0) += 1;
        }
    }

    /// Takes the requests that are not stored yet: organization, day and their number.
    pub fn take_counted(&self) -> Vec<(OrgId, i64, u64)> {
        let counted = core::mem::take(&mut *self.lock_counted());
        let rows = counted.into_iter();
        rows.map(|((org, day), n)| (org, day, n)).collect()
    }

    /// How many requests of an organization on a day are not stored yet.
    pub fn uncounted(&self, org: OrgId, day: i64) -> u64 {
        let counted = self.lock_counted();
        counted.get(&(org, day)).copied().unwrap_or(0)
    }
}

/// The owner of a rate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Payer {
    /// HTTP requests of a key.
    Key(KeyId),
    /// HTTP requests of all keys of an organization.
    Org(OrgId),
    /// HTTP requests of an address without a key.
    Anonymous(Network),
    /// Messages that an address sends to port 25.
    Mx(Network),
    /// Octets of messages that an address sends to port 25, in KiB.
    MxOctets(Network),
    /// Recipients that an address names on port 25 and sends no message to.
    Recipients(Network),
}

impl Payer {
    /// The rate that a refusal names, of `max` a minute.
    pub fn rate(self, max: u64) -> Rate {
        match self {
            Payer::Key(_) | Payer::Anonymous(_) => Rate::Requests,
            Payer::Org(_) => Rate::OrgRequests { max },
            Payer::Mx(_) => Rate::Messages { max },
            Payer::MxOctets(_) => Rate::Octets {
                max: max.saturating_mul(1024),
            },
            Payer::Recipients(_) => Rate::Recipients { max },
        }
    }
}

/// Token buckets.
#[derive(Debug, Default)]
pub struct Rates(HashMap<Payer, Bucket>);

/// A bucket. `owed_us` is the time until the bucket is full again at its rate.
#[derive(Debug)]
struct Bucket {
    at_ms: u64,
    /// In microseconds, because a token of a fast rate takes less than a millisecond.
    owed_us: u64,
}

impl Rates {
    /// Takes `n` tokens, or none, from a bucket of `burst` tokens that fills at `per_minute`; gives
    /// what is left. Otherwise gives the milliseconds until there are `n`.
    pub fn take(
        &mut self,
        payer: Payer,
        per_minute: usize,
        burst: usize,
        n: u64,
        now: Now,
    ) -> Result<Allowance, u64> {
        let limit = burst.max(1) as u64;
        if per_minute >= LIFTED {
            return Ok(Allowance {
                limit,
                left: limit,
                reset_ms: 0,
            });
        }
        if self.0.len() >= NETWORKS_MAX {
            // A full bucket and a missing bucket mean the same.
            self.0.retain(|_, b| b.left_us(now.mono_ms) > 0);
            clear_if_full(&mut self.0);
        }
        let token_us = token_us(per_minute);
        let full_us = token_us.saturating_mul(limit);
        let bucket = self.0.entry(payer).or_insert(Bucket {
            at_ms: now.mono_ms,
            owed_us: 0,
        });
        bucket.owed_us = bucket.left_us(now.mono_ms);
        bucket.at_ms = now.mono_ms;
        let wanted = bucket.owed_us.saturating_add(token_us.saturating_mul(n));
        if wanted > full_us {
            return Err((wanted - full_us).div_ceil(1000));
        }
        bucket.owed_us = wanted;
        Ok(Allowance {
            limit,
            left: (full_us - wanted) / token_us,
            reset_ms: wanted.div_ceil(1000),
        })
    }
}

impl Rates {
    /// Gives `n` tokens back that were taken from the bucket of `payer`.
    pub fn give_back(&mut self, payer: Payer, per_minute: usize, n: u64) {
        if let Some(bucket) = self.0.get_mut(&payer) {
            let back_us = token_us(per_minute).saturating_mul(n);
            bucket.owed_us = bucket.owed_us.saturating_sub(back_us);
        }
    }
}

/// Microseconds in which a bucket gets one token.
fn token_us(per_minute: usize) -> u64 {
    (MINUTE_MS * 1000 / (per_minute.max(1) as u64)).max(1)
}

impl Bucket {
    fn left_us(&self, now_ms: u64) -> u64 {
        let passed_us = now_ms.saturating_sub(self.at_ms).saturating_mul(1000);
        self.owed_us.saturating_sub(passed_us)
    }
}

/// Clears a table that is still nearly full after its expired rows were removed: during a flood
/// from 65,536 networks at once, no further network may cost a walk over the table.
pub fn clear_if_full<K, V>(table: &mut HashMap<K, V>) {
    if table.len() >= NETWORKS_MAX / 8 * 7 {
        table.clear();
    }
}

const MINUTE_MS: u64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Rows of a table: some megabytes at most.
pub const NETWORKS_MAX: usize = 65_536;
/// `--no-limits` sets the rates to this number. Then no bucket is kept at all.
pub const LIFTED: usize = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now {
            mono_ms: 1_000_000 + ms,
            unix_ms: 0,
        }
    }

    #[test]
    fn a_flood_of_networks_stays_bounded() {
        let mut rates = Rates::default();
        for n in 0..(NETWORKS_MAX as u32 * 2) {
            let payer = Payer::Mx(Network::of(IpAddr::from(n.to_be_bytes())));
            assert!(rates.take(payer, 1, 1, 1, at(0)).is_ok());
        }
        assert!(rates.0.len() <= NETWORKS_MAX);
    }

    #[test]
    fn a_bucket_fills_at_its_rate() {
        let mut rates = Rates::default();
        let payer = Payer::Mx(Network::V4([1; 4]));
        for _ in 0..5 {
            assert!(rates.take(payer, 60, 5, 1, at(0)).is_ok());
        }
        assert_eq!(rates.take(payer, 60, 5, 1, at(0)), Err(1000));
        assert_eq!(rates.take(payer, 60, 5, 1, at(400)), Err(600));
        assert!(rates.take(payer, 60, 5, 1, at(1000)).is_ok());
        assert!(rates.take(payer, 60, 5, 1, at(1000)).is_err());
        assert!(
            rates
                .take(Payer::Mx(Network::V4([2; 4])), 60, 5, 1, at(0))
                .is_ok()
        );
        // A clock that goes back gives no token and takes none.
        assert!(rates.take(payer, 60, 5, 1, at(0)).is_err());
        for _ in 0..1000 {
            assert!(rates.take(payer, LIFTED, 1, 1, at(0)).is_ok());
        }
    }

    #[test]
    fn requests_of_a_key_and_of_an_address() {
        use crate::call::{Access, Grant, Scopes};
        use std::sync::Arc;

        let limits = Limits {
            http_requests_per_minute: 60,
            org_requests_per_minute: 100,
            http_anonymous_per_minute: 2,
            ..Limits::default()
        };
        let rates = RequestRates::default();
        let caller = |key| {
            Caller::Key(Access(Arc::new(Grant {
                org: OrgId(1),
                key: Some(KeyId(key)),
                scopes: Scopes::ADMIN,
                inboxes: None,
                subtree: false,
                inbox: None,
                address: String::new(),
                expires_at: None,
            })))
        };
        let peer = IpAddr::from([192, 0, 2, 1]);
        let count = |caller: &Caller, ms| {
            let counted = rates.count(&limits, caller, peer, at(ms));
            counted.map(|left| (left.limit, left.left, left.reset_ms))
        };
        let first = caller(1);
        assert_eq!(count(&first, 0), Ok((60, 59, 1000)));
        for _ in 0..58 {
            assert!(count(&first, 0).is_ok());
        }
        // All requests of a minute may come at once.
        assert_eq!(count(&first, 0), Ok((60, 0, 60_000)));
        let refused = Refusal::RateLimited {
            rate: Rate::Requests,
            retry_ms: 1000,
        };
        assert_eq!(count(&first, 0), Err(refused));
        assert_eq!(count(&first, 1000), Ok((60, 0, 60_000)));
        // Another key has the rest of the organization, which one second has filled.
        let second = caller(2);
        for _ in 0..40 {
            assert!(count(&second, 1000).is_ok());
        }
        let refused = Refusal::RateLimited {
            rate: Rate::OrgRequests { max: 100 },
            retry_ms: 200,
        };
        assert_eq!(count(&second, 1000), Err(refused));
        assert_eq!(count(&Caller::Anonymous, 0), Ok((2, 1, 30_000)));
        assert_eq!(count(&Caller::Anonymous, 0), Ok((2, 0, 60_000)));
        assert!(count(&Caller::Anonymous, 0).is_err());
        for _ in 0..100 {
            assert_eq!(count(&Caller::Operator, 0), Ok((60, 60, 0)));
        }
    }
}
