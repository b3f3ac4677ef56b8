//! The flags that the command under way has told, so that its end does not tell them again.
//!
//! Not the view: it forgets all when the command ends. The rule: it may forget sooner, since flags
//! may be told twice.

/// Messages with the MODSEQ of the flags that were told of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ToldFlags {
    /// First and last UID, and the MODSEQ; ascending.
    runs: Vec<(u32, u32, u64)>,
}

impl ToldFlags {
    /// Remembers a message. UIDs come in ascending order; another is not remembered.
    pub(crate) fn remember(&mut self, uid: u32, modseq: u64) {
        match self.runs.last_mut() {
            Some(last) if uid <= last.1 => return,
            Some(last) if uid - 1 == last.1 && modseq == last.2 => return last.1 = uid,
            _ => {}
        }
        if self.runs.len() < RUNS_MAX {
            self.runs.push((uid, uid, modseq));
        }
    }

    /// Whether the flags of a message with this MODSEQ were told.
    pub(crate) fn has(&self, uid: u32, modseq: u64) -> bool {
        let at = self.runs.partition_point(|run| run.1 < uid);
        let run = self.runs.get(at);
        run.is_some_and(|run| run.0 <= uid && run.2 == modseq)
    }
}

/// 64 KiB.
const RUNS_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_and_bounded() {
        let mut told = ToldFlags::default();
        for (uid, modseq) in [(3, 7), (4, 7), (5, 8), (9, 8), (9, 9), (2, 7)] {
            told.remember(uid, modseq);
        }
        assert_eq!(told.runs, [(3, 4, 7), (5, 5, 8), (9, 9, 8)]);
        assert!(told.has(4, 7) && told.has(9, 8) && !told.has(9, 9) && !told.has(6, 8));
        for uid in 0..10_000 {
            told.remember(100 + 2 * uid, 7);
        }
        assert_eq!(told.runs.len(), RUNS_MAX);
    }
}
