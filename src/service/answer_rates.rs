//! How fast pairs of addresses answer each other: a table in memory, counted by the writer alone
//! (`outgoing/velocity.rs` asks it).
//!
//! The rule: **a pair that is not answering costs nothing, and the table has a bound.** A start
//! forgets it, and a loop is found again soon.

use std::collections::{HashMap, VecDeque};

/// Two parties, the lower first: an inbox by its id, an address outside by its hash.
pub type AnswerPair = ((u8, i64), (u8, i64));

/// The answers of one pair.
#[derive(Debug, Default)]
struct PairAnswers {
    /// When the last ones were sent, monotonic milliseconds, the oldest first.
    sent_ms: VecDeque<u64>,
    /// A loop is suspected since then.
    suspected_ms: Option<u64>,
}

/// The answers of all pairs.
#[derive(Debug, Default)]
pub struct AnswerRates {
    pairs: HashMap<AnswerPair, PairAnswers>,
    swept_ms: u64,
}

impl AnswerRates {
    /// Whether a loop of this pair is suspected.
    pub fn is_suspected(&self, pair: AnswerPair, now_ms: u64) -> bool {
        let since = self.pairs.get(&pair).and_then(|found| found.suspected_ms);
        since.is_some_and(|since| now_ms < since.saturating_add(WINDOW_MS))
    }

    /// Counts an answer; whether it is the one that makes a loop suspected.
    pub fn count(&mut self, pair: AnswerPair, (now_ms, max): (u64, usize)) -> bool {
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&pair) {
            self.sweep(now_ms);
            if self.pairs.len() >= PAIRS_MAX {
                return false;
            }
        }
        let found = self.pairs.entry(pair).or_default();
        let from = now_ms.saturating_sub(WINDOW_MS);
        while found.sent_ms.front().is_some_and(|at| *at < from) {
            found.sent_ms.pop_front();
        }
        found.sent_ms.push_back(now_ms);
        if found.sent_ms.len() <= max {
            return false;
        }
        found.sent_ms.clear();
        found.suspected_ms = Some(now_ms);
        true
    }

    /// Forgets the pairs that have been quiet for the window, at most once a minute.
    fn sweep(&mut self, now_ms: u64) {
        if now_ms < self.swept_ms.saturating_add(SWEEP_MS) {
            return;
        }
        self.swept_ms = now_ms;
        let from = now_ms.saturating_sub(WINDOW_MS);
        self.pairs.retain(|_, found| {
            let last = found.sent_ms.back().copied();
            last.max(found.suspected_ms)
                .is_some_and(|last| last >= from)
        });
    }
}

/// Milliseconds in which answers are counted, and for which a suspicion lasts.
const WINDOW_MS: u64 = 600_000;

/// Pairs that are remembered: some two megabytes.
const PAIRS_MAX: usize = 10_000;

/// Milliseconds between two looks for pairs that are quiet.
const SWEEP_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_suspected_once_and_for_ten_minutes() {
        let mut rates = AnswerRates::default();
        let pair = |n| ((0, 1), (0, n));
        for n in 0..20 {
            assert!(!rates.count(pair(2), (n * 1000, 20)), "{n}");
            assert!(!rates.is_suspected(pair(2), n * 1000));
        }
        assert!(rates.count(pair(2), (20_000, 20)));
        assert!(rates.is_suspected(pair(2), 619_999) && !rates.is_suspected(pair(2), 620_000));
        assert!(!rates.is_suspected(pair(3), 20_000));
        // Twenty in each window are no loop.
        for n in 0..100 {
            assert!(!rates.count(pair(4), (n * 30_001, 20)), "{n}");
        }
    }

    #[test]
    fn the_table_has_a_bound_and_forgets_quiet_pairs() {
        let mut rates = AnswerRates::default();
        for n in 0..PAIRS_MAX as i64 + 10 {
            rates.count(((0, 1), (1, n)), (100_000, 20));
        }
        assert_eq!(rates.pairs.len(), PAIRS_MAX);
        rates.count(((0, 1), (2, 1)), (100_000 + WINDOW_MS + 1, 20));
        assert_eq!(rates.pairs.len(), 1);
    }
}
