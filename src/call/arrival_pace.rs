//! The pace that a message on its way in must keep, at every door.
//!
//! Each octet pays for time at the least rate, and never for more than three minutes ahead: a
//! message whose first half came fast has no hours left for the second. The whole has an end too.
//! Not the memory that it holds (`budget`).

use super::Now;

/// When the next octets of a message must have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArrivalPace {
    began_ms: u64,
    free_ms: u64,
    /// The time that is paid for, in nanoseconds: a single octet pays something at every rate.
    paid_ns: u64,
    octets: u64,
    bytes_per_s: u64,
}

impl ArrivalPace {
    /// Begins now. The first `free_ms` need no octets; from then on so many a second.
    pub fn begin(now: Now, bytes_per_s: u64, free_ms: u64) -> ArrivalPace {
        ArrivalPace {
            began_ms: now.mono_ms,
            free_ms,
            paid_ns: nanoseconds(now.mono_ms),
            octets: 0,
            bytes_per_s,
        }
    }

    /// Octets have come.
    pub fn record(&mut self, now: Now, octets: usize) {
        let octets = octets as u64;
        self.octets = self.octets.saturating_add(octets);
        let paid = octets.saturating_mul(1_000_000_000) / self.bytes_per_s.max(1);
        let most = nanoseconds(now.mono_ms.saturating_add(AHEAD_MS));
        self.paid_ns = self.paid_ns.saturating_add(paid).min(most);
    }

    /// The message is too slow then, on the monotonic clock, if nothing more comes.
    pub fn due_ms(&self) -> u64 {
        let paid = self.octets.saturating_mul(1000) / WHOLE_BYTES_PER_S;
        let whole = WHOLE_MS.saturating_add(paid).min(LONGEST_MS);
        let free = self.began_ms.saturating_add(self.free_ms);
        free.max(self.paid_ns / 1_000_000)
            .min(self.began_ms.saturating_add(whole))
    }
}

fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// Octets pay for so much time ahead: the silence that RFC 5321 section 4.5.3.2.5 grants a block
/// of data.
const AHEAD_MS: u64 = 180_000;
/// A message may take ten minutes, and longer at [`WHOLE_BYTES_PER_S`].
const WHOLE_MS: u64 = 600_000;
/// At this rate a message may take longer than [`WHOLE_MS`].
const WHOLE_BYTES_PER_S: u64 = 2048;
/// No message takes longer. 25 MiB come in an hour at 58 kbit/s.
const LONGEST_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::default().plus_ms(ms)
    }

    #[test]
    fn octets_pay_for_time_and_never_for_hours() {
        let mut pace = ArrivalPace::begin(at(1000), 500, 60_000);
        assert_eq!(pace.due_ms(), 61_000);
        pace.record(at(2000), 10_000);
        assert_eq!(pace.due_ms(), 61_000, "the first minute is free");
        pace.record(at(3000), 25 << 20);
        assert_eq!(
            pace.due_ms(),
            183_000,
            "a fast first half buys three minutes"
        );
        for ms in (103_000..183_000).step_by(20_000) {
            pace.record(at(ms), 1);
        }
        assert_eq!(pace.due_ms(), 183_008, "an octet pays for 2 ms");
    }

    #[test]
    fn one_octet_pays_at_every_rate() {
        let mut pace = ArrivalPace::begin(at(0), 1_000_000, 1);
        for _ in 0..2000 {
            pace.record(at(1), 1);
        }
        assert_eq!(pace.due_ms(), 2);
    }

    #[test]
    fn the_whole_has_an_end() {
        for (octets, end_ms) in [(10_000, 1_180_000), (100_000, 3_600_000)] {
            let mut pace = ArrivalPace::begin(at(0), 500, 60_000);
            let mut ms = 0;
            while pace.due_ms() > ms {
                pace.record(at(ms), octets);
                ms += 10_000;
            }
            assert_eq!(ms, end_ms);
        }
    }
}
