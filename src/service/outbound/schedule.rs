//! When a recipient is tried again, and how long a domain rests after it could not be reached.

use crate::call::OutboundSettings;

/// When a recipient is due after attempt number `attempt` (from 1), in unix milliseconds: the time
/// of the schedule, 10 % more or less, so that what has failed together does not come back
/// together. `random` is any number.
pub fn next_attempt(settings: &OutboundSettings, now_ms: i64, attempt: u32, random: u64) -> i64 {
    let step = step_ms(settings, attempt);
    let tenth = step / 10;
    let jitter = random % (tenth.saturating_mul(2).saturating_add(1));
    let after = step.saturating_sub(tenth).saturating_add(jitter);
    now_ms.saturating_add(i64::try_from(after).unwrap_or(i64::MAX))
}

/// Until when a domain rests whose hosts could not be reached `failures` times (from 1) one after
/// the other. It is never longer than the shortest wait of a recipient of the same number, and
/// bounded, so that new mail is tried soon after the domain has come back.
pub fn rest_until(settings: &OutboundSettings, now_ms: i64, failures: u32) -> i64 {
    let step = step_ms(settings, failures);
    let rest = (step - step / 10).min(REST_MAX_MS);
    now_ms.saturating_add(i64::try_from(rest).unwrap_or(i64::MAX))
}

fn step_ms(settings: &OutboundSettings, n: u32) -> u64 {
    let at = usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let step = settings.retry_ms.get(at).or(settings.retry_ms.last());
    step.copied().unwrap_or(REST_MAX_MS)
}

/// The longest rest of a domain: a quarter of an hour.
const REST_MAX_MS: u64 = 15 * 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_tried_again_by_the_schedule() {
        let settings = OutboundSettings::default();
        let minutes = [1, 5, 15, 30, 60, 120, 240, 240, 240];
        for (n, minutes) in (1..).zip(minutes) {
            let step = minutes * 60_000;
            for random in [0, 1, 77_777, u64::MAX] {
                let due = next_attempt(&settings, 1000, n, random) - 1000;
                assert!((step * 9 / 10..=step * 11 / 10).contains(&due), "{n} {due}");
                assert!(rest_until(&settings, 1000, n) - 1000 <= due);
            }
        }
        assert_eq!(rest_until(&settings, 0, 1), 54_000);
        assert_eq!(rest_until(&settings, 0, 9), 15 * 60_000);
        let spread: std::collections::BTreeSet<i64> = (0..100)
            .map(|n| next_attempt(&settings, 0, 1, n * 7919))
            .collect();
        assert!(spread.len() > 90, "{}", spread.len());
    }
}
