//! The product: carries out calls against the store, whatever protocol asked. It knows no
//! reply code, no tag, no header and no JSON; it owns no clock, no thread and no socket.
//!
//! [`Service`] is what the threads share, [`Writer`] and [`Reader`] carry out what they are
//! given, [`executors`] runs them, [`Inline`] is all of it in one thread for tests. One call is
//! one function, and the lists that lead there are whole (`dispatch`).

pub mod access;
pub mod account;
pub mod context;
mod dispatch;
pub mod drive;
pub mod events;
pub mod executors;
mod inline;
pub mod intake;
pub mod job;
pub mod mail;
pub mod policy;
pub mod start;
#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{Metric, Network, Now, Refusal, Shared};
use access::limits;

pub use dispatch::{DiskReserve, ReadTask, ReadTurn, Reader, WriteTask, Writer};
pub use inline::Inline;
pub use intake::{Finding, LookupId, Lookups};

/// Reads the clock; `main` has one, a test another.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// Free octets where the database is; `None` when that cannot be told.
pub type FreeBytes = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// What a service is made of.
pub struct Setup {
    /// Limits, counters, names.
    pub shared: Arc<Shared>,
    /// The clock.
    pub clock: Clock,
    /// The probe of the disk.
    pub free_bytes: FreeBytes,
    /// The domain on which any organization may have inboxes, as `mail::parse::address` writes it.
    pub shared_domain: String,
    /// The hash of the operator's token (`crypto::OperatorToken::hash`).
    pub operator: Option<[u8; 32]>,
    /// What messages wait for outside before they are judged; `None` is nothing.
    pub lookups: Option<Arc<dyn Lookups>>,
}

/// What all threads of the service share. Its one lock is held for a few instructions.
pub struct Service {
    /// Limits, counters, names.
    pub shared: Arc<Shared>,
    /// The domain on which any organization may have inboxes.
    pub shared_domain: String,
    operator: Option<[u8; 32]>,
    lookups: Option<Arc<dyn Lookups>>,
    clock: Clock,
    /// When the service began, on both clocks.
    began: Now,
    free_bytes: FreeBytes,
    /// Octets inside the database file that hold nothing, as the writer last saw it.
    vacant_bytes: AtomicU64,
    stopping: AtomicBool,
    counters: Mutex<Counters>,
}

/// What is counted in memory.
#[derive(Debug, Default)]
struct Counters {
    failures: limits::Failures,
    rates: limits::Rates,
    leases: limits::Leases,
}

impl Service {
    /// A service without any connection yet.
    pub fn new(setup: Setup) -> Arc<Service> {
        Arc::new(Service {
            shared: setup.shared,
            shared_domain: setup.shared_domain,
            operator: setup.operator,
            lookups: setup.lookups,
            began: (setup.clock)(),
            clock: setup.clock,
            free_bytes: setup.free_bytes,
            vacant_bytes: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            counters: Mutex::default(),
        })
    }

    /// The time.
    pub fn now(&self) -> Now {
        (self.clock)()
    }

    /// The unix time that nothing kept may be judged older by: the wall clock, unless it has
    /// jumped ahead of the monotonic one. A jump of years must not empty the log.
    fn steady_ms(&self, now: Now) -> i64 {
        let passed = now.mono_ms.saturating_sub(self.began.mono_ms);
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        now.unix_ms.min(self.began.unix_ms.saturating_add(passed))
    }

    /// The clock itself, for work in slices.
    pub fn clock(&self) -> &(dyn Fn() -> Now + Send + Sync) {
        &*self.clock
    }

    /// The server stops: it is not ready any more. Calls under way are carried out.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Service::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Room for mail: what is free on the disk and, as long as the write-ahead log has room
    /// there, what is free inside the database, which never gives back what it has.
    fn free_bytes(&self) -> Option<u64> {
        let free = (self.free_bytes)()?;
        if free < LOG_BYTES {
            return Some(free);
        }
        Some(free.saturating_add(self.vacant_bytes.load(Ordering::Relaxed)))
    }

    /// A panic while the lock was held leaves counts behind that are at worst a little off.
    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(
        &self,
        payer: limits::Payer,
        per_minute: usize,
        burst: usize,
        now: Now,
    ) -> Result<(), Refusal> {
        let taken = self.counters().rates.take(payer, per_minute, burst, now);
        taken.map_err(|retry_ms| {
            self.shared.metrics.count(Metric::RateLimited);
            Refusal::RateLimited {
                rate: payer.rate(),
                retry_ms,
            }
        })
    }
}

impl Service {
    /// Counts the octets of a message that an address brings on port 25.
    fn take_octets(&self, peer: core::net::IpAddr, octets: usize, now: Now) -> Result<(), Refusal> {
        let most = self.shared.limits.mx_bytes_per_minute;
        if most >= limits::LIFTED {
            return Ok(());
        }
        let per_minute = (most / 1024).max(1);
        // A message that is larger than the whole bucket may still come alone.
        let n = (octets / 1024).clamp(1, per_minute) as u64;
        let payer = limits::Payer::MxOctets(Network::of(peer));
        let taken = self
            .counters()
            .rates
            .take_many(payer, per_minute, per_minute, n, now);
        taken.map_err(|retry_ms| {
            self.shared.metrics.count(Metric::RateLimited);
            Refusal::RateLimited {
                rate: payer.rate(),
                retry_ms,
            }
        })
    }
}

impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Service(..)")
    }
}

/// What the write-ahead log grows to between checkpoints, several times over.
const LOG_BYTES: u64 = 32 << 20;
