//! Whether a server has any of something that few servers have: filter rules, or inboxes that
//! screen. It is a note in memory, and the rows are the truth. The rule: it never says "none" after
//! the first row has been committed.

use core::sync::atomic::{AtomicU8, Ordering};

use crate::call::Refusal;
use crate::store::Error;

/// Whether a server has any of something that few have, so that the others pay one load for it.
#[derive(Debug, Default)]
pub struct Existence(AtomicU8);

impl Existence {
    /// Whether there is any; `probe` says so when it is not known yet.
    pub fn is_some(&self, probe: impl FnOnce() -> Result<bool, Error>) -> Result<bool, Refusal> {
        match self.0.load(Ordering::Relaxed) {
            NONE => Ok(false),
            SOME => Ok(true),
            _ => {
                let has = probe()?;
                let known = if has { SOME } else { NONE };
                // One may have been made meanwhile: that word holds.
                let _ =
                    self.0
                        .compare_exchange(UNKNOWN, known, Ordering::Relaxed, Ordering::Relaxed);
                Ok(has)
            }
        }
    }

    /// Says that there is one from now on. It comes before the commit of the first.
    pub fn begin(&self) {
        self.0.store(SOME, Ordering::Relaxed);
    }
}

// The values of [`Existence`].
const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_probes_once_and_a_first_one_holds() {
        let any = Existence::default();
        assert!(!any.is_some(|| Ok(false)).unwrap());
        assert!(!any.is_some(|| Ok(true)).unwrap(), "it is known already");
        any.begin();
        assert!(any.is_some(|| Ok(false)).unwrap());
        // One that is made while another reader probes.
        let any = Existence::default();
        let seen = any.is_some(|| {
            any.begin();
            Ok(false)
        });
        assert!(!seen.unwrap());
        assert!(any.is_some(|| Ok(false)).unwrap());
        // A probe that fails says nothing.
        let any = Existence::default();
        assert!(any.is_some(|| Err(Error::Corrupt("row"))).is_err());
        assert!(any.is_some(|| Ok(true)).unwrap());
    }
}
