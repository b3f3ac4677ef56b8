//! What was written for a client and has not gone yet: how much more may be.
//!
//! A client that takes all at once gets more at once, so that a replay needs fewer pages and a
//! consumer group fewer commits. One that does not is given little again: there may be a thousand
//! clients that have stopped to read.

use crate::call::Now;
use crate::engine::HIGH_WATER;

/// The output of a stream, or of all subscriptions of a WebSocket.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Octets written since the output was last empty.
    bytes: usize,
    /// When the first of them was written, in monotonic milliseconds.
    since_ms: u64,
    /// It takes an event while no more than this is unsent, beside [`BYTES_MIN`].
    room_bytes: usize,
}

impl Unsent {
    /// Something may be written now.
    pub fn begin(&mut self, now: Now) {
        if self.is_empty() {
            self.since_ms = now.mono_ms;
        }
    }

    /// So many octets were written.
    pub fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether all has gone.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether an event may be written.
    pub fn has_room(&self) -> bool {
        self.bytes <= self.room_bytes.max(BYTES_MIN)
    }

    /// Whether the client has taken at once what there was.
    pub fn is_quick(&self) -> bool {
        self.room_bytes > 0
    }

    /// When it has not, monotonic milliseconds, if what was written has not gone by then.
    pub fn slow_at_ms(&self) -> u64 {
        self.since_ms.saturating_add(QUICK_MS).saturating_add(1)
    }

    /// All has gone. Gives whether the client took it at once.
    pub fn drain(&mut self, now: Now) -> bool {
        let is_quick = now.mono_ms.saturating_sub(self.since_ms) <= QUICK_MS;
        if !is_quick {
            self.room_bytes = 0;
        } else if self.bytes >= BYTES_MIN {
            self.room_bytes = self.bytes.saturating_mul(2).min(BYTES_QUICK_MAX);
        }
        self.bytes = 0;
        is_quick
    }
}

/// Octets that a client has unsent before it waits: the memory that it costs when it has stopped to
/// read. Other responses may have more, because there may be a thousand such streams.
const BYTES_MIN: usize = 8 * 1024;
/// The same for a client that takes them at once, as other responses have it.
const BYTES_QUICK_MAX: usize = HIGH_WATER;
/// What has gone within so many milliseconds was taken at once.
const QUICK_MS: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now {
            unix_ms: 0,
            mono_ms,
        }
    }

    /// Fills the room with frames of 1,000 octets from `begin`, and empties it at `end`; what was
    /// unsent.
    fn filled(unsent: &mut Unsent, begin: u64, end: u64) -> usize {
        unsent.begin(at(begin));
        while unsent.has_room() {
            unsent.add(1000);
        }
        let bytes = unsent.bytes;
        unsent.drain(at(end));
        bytes
    }

    #[test]
    fn a_client_that_takes_all_at_once_gets_more_at_once() {
        let mut unsent = Unsent::default();
        assert_eq!(filled(&mut unsent, 0, QUICK_MS), 9000);
        assert_eq!(filled(&mut unsent, 50, 50), 19_000);
        assert_eq!(filled(&mut unsent, 100, 100), 39_000);
        for n in 0..5 {
            assert_eq!(filled(&mut unsent, 200 + n, 200 + n), 66_000);
        }
        // Once slow, it has little again; a stopped one has what its room was.
        assert_eq!(filled(&mut unsent, 300, 301 + QUICK_MS), 66_000);
        assert_eq!(filled(&mut unsent, 400, 401 + QUICK_MS), 9000);
        assert_eq!(filled(&mut unsent, 500, 501 + QUICK_MS), 9000);
    }
}
