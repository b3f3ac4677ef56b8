//! The date for rustls, under a clock that may leap: its own panics before 1970. Here the date
//! begins in 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The date; 1970 if the clock is before that.
#[derive(Debug)]
pub struct RustlsClock;

impl TimeProvider for RustlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Some(UnixTime::since_unix_epoch(since.unwrap_or_default()))
    }
}
