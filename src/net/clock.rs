//! The one clock: a monotonic count of milliseconds since the process began, and the date.
//!
//! Timers use the first, header fields and rows the second. A worker reads it once a turn, and
//! once after each connection's part of it to measure that part.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::call::Now;

/// Tells the time. Copies count from the same moment.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that counts from now.
    #[allow(clippy::new_without_default)] // a default that reads the time would be a surprise
    pub fn new() -> Self {
        SystemClock {
            origin: Instant::now(),
        }
    }

    /// Microseconds since the process began, for measuring how long something took.
    pub fn micros(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The time. The date may jump either way when an operator sets it; the monotonic part
    /// never goes back. A date before 1970 is 0.
    pub fn now(&self) -> Now {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        Now {
            mono_ms: u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX),
            unix_ms: unix,
        }
    }
}
