//! Signing keys that are ready before a domain needs them. Which domain gets them is not decided
//! here.
//!
//! An RSA key takes some tens of milliseconds, which the writer does not have: a thread of its own
//! keeps a few ready.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::call::{ConflictReason, Now, Refusal};
use crate::crypto::{Random, SigningAlgorithm, SigningKey};

/// The two keys of a domain.
#[derive(Debug)]
pub struct DomainKeys {
    /// RSA with 2,048 bits.
    pub rsa: SigningKey,
    /// Ed25519.
    pub ed25519: SigningKey,
}

impl DomainKeys {
    /// Makes both. `None` without good randomness.
    fn generate(random: &mut Random) -> Option<DomainKeys> {
        Some(DomainKeys {
            rsa: SigningKey::generate(SigningAlgorithm::Rsa, random)?,
            ed25519: SigningKey::generate(SigningAlgorithm::Ed25519, random)?,
        })
    }
}

/// Keys that are ready for the next domains.
#[derive(Debug, Default)]
pub struct SpareKeys {
    ready: Mutex<Vec<DomainKeys>>,
    changed: Condvar,
    stopping: AtomicBool,
    /// When keys were last made while a call waited, in monotonic milliseconds and one more.
    made_at: AtomicU64,
}

impl SpareKeys {
    /// Takes keys. Without spare ones they are made at once, but only once a second: the caller
    /// holds up the writer meanwhile.
    pub(super) fn take(&self, now: Now) -> Result<DomainKeys, Refusal> {
        let spare = self.ready().pop();
        self.changed.notify_all();
        if let Some(keys) = spare {
            return Ok(keys);
        }
        let last = self.made_at.load(Ordering::Relaxed);
        if last > 0 && now.mono_ms < last.saturating_add(MADE_EVERY_MS) {
            return Err(Refusal::Conflict(ConflictReason::KeysBeingMade));
        }
        let at = now.mono_ms.saturating_add(1);
        self.made_at.store(at, Ordering::Relaxed);
        DomainKeys::generate(&mut Random::system()).ok_or(Refusal::Internal)
    }

    /// Keeps keys ready until [`SpareKeys::stop`]. `when_ready` is called once, with the first.
    pub fn run(&self, random: &mut Random, when_ready: impl FnOnce()) {
        let mut when_ready = Some(when_ready);
        while !self.stopping.load(Ordering::Acquire) {
            let ready = self.ready();
            let is_enough = |ready: &mut Vec<DomainKeys>| {
                ready.len() >= SPARES && !self.stopping.load(Ordering::Acquire)
            };
            let waited = self.changed.wait_while(ready, is_enough);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            let Some(keys) = DomainKeys::generate(random) else {
                log::error!("no keys could be made");
                return;
            };
            self.ready().push(keys);
            if let Some(tell) = when_ready.take() {
                tell();
            }
        }
    }

    /// Ends [`SpareKeys::run`].
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // With the lock, so that the thread is not between its look and its wait.
        let _ready = self.ready();
        self.changed.notify_all();
    }

    /// Puts keys there: for tests, in which nothing makes them.
    pub fn give(&self, rsa: SigningKey, ed25519: SigningKey) {
        self.ready().push(DomainKeys { rsa, ed25519 });
    }

    /// Whether none is ready.
    pub fn is_empty(&self) -> bool {
        self.ready().is_empty()
    }

    fn ready(&self) -> MutexGuard<'_, Vec<DomainKeys>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys that are ready.
const SPARES: usize = 2;
/// Milliseconds between two pairs that are made while a call waits.
const MADE_EVERY_MS: u64 = 1000;
