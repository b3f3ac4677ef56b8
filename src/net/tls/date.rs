//! The date and the session tickets for rustls, under a clock that may leap.
//!
//! The clock of rustls panics before 1970, and its tickets change their keys by the date: after a
//! leap ahead and back, a key would stay for all the years between. Here the date begins in 1970,
//! and keys change by the monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::crypto::ring as provider;
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
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

/// Makes session tickets that hold for six to twelve hours.
#[derive(Debug)]
pub struct Tickets {
    keys: Mutex<TicketKeys>,
}

#[derive(Debug)]
struct TicketKeys {
    since: Instant,
    current: Arc<dyn ProducesTickets>,
    previous: Option<Arc<dyn ProducesTickets>>,
}

impl Tickets {
    /// With keys of its own. Error: no randomness.
    pub fn new() -> Result<Tickets, rustls::Error> {
        Ok(Tickets {
            keys: Mutex::new(TicketKeys {
                since: Instant::now(),
                current: provider::Ticketer::new()?,
                previous: None,
            }),
        })
    }

    /// The current key and the one before it.
    fn keys(&self, now: Instant) -> [Option<Arc<dyn ProducesTickets>>; 2] {
        // The keys of rustls panic before 1970.
        if SystemTime::now() < UNIX_EPOCH {
            return [None, None];
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(keys.since) >= CHANGE
            && let Ok(new) = provider::Ticketer::new()
        {
            let old = core::mem::replace(&mut keys.current, new);
            keys.previous = Some(old);
            keys.since = now;
        }
        [Some(Arc::clone(&keys.current)), keys.previous.clone()]
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        2 * CHANGE_S
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let [current, _] = self.keys(Instant::now());
        current?.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys(Instant::now());
        keys.into_iter()
            .flatten()
            .find_map(|key| key.decrypt(cipher))
    }
}

const CHANGE_S: u32 = 6 * 3600;
const CHANGE: Duration = Duration::from_secs(CHANGE_S as u64);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_ticket_holds_for_one_change_of_keys() {
        let tickets = Tickets::new().unwrap();
        let ticket = tickets.encrypt(b"state").unwrap();
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(tickets.decrypt(b"not a ticket"), None);
        let later = |n: u32| Instant::now() + CHANGE * n;
        tickets.keys(later(1));
        assert_eq!(tickets.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        tickets.keys(later(3));
        assert_eq!(tickets.decrypt(&ticket), None);
    }
}
