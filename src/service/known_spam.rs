//! The list of known spam, kept in memory while there is one. The rows are the truth.
//!
//! The list is read when the first message asks for it. After that the writer applies what it has
//! committed: an import in many parts costs no delivery a new reading. The list is kept with its
//! version, and an older one is read again. A server without a list pays one load of a flag.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::existence::Existence;
use crate::call::{KnownSpamEntry, KnownSpamWrite, Refusal, Write, Written};
use crate::judge::known_spam::KnownSpamSet;
use crate::store::Store;

/// The list that is kept.
#[derive(Debug, Default)]
pub struct KeptKnownSpam {
    any: Existence,
    state: Mutex<KeptList>,
}

#[derive(Debug, Default)]
struct KeptList {
    /// The version that the writer has committed last; `None` when it has changed nothing since
    /// the start.
    newest: Option<i64>,
    set: Option<(i64, Arc<KnownSpamSet>)>,
}

impl KeptKnownSpam {
    /// The list; `None` where there is none. A list that cannot be read counts as none: mail comes
    /// without it rather than not at all.
    pub fn set(&self, store: &Store) -> Result<Option<Arc<KnownSpamSet>>, Refusal> {
        if !self.any.is_some(|| store.has_any_known_spam())? {
            return Ok(None);
        }
        if let Some(set) = self.lock().find() {
            return Ok(Some(set));
        }
        match store.known_spam() {
            Ok((version, entries)) => {
                let set = Arc::new(KnownSpamSet::of(entries));
                log::info!("known spam is read entries_bytes={}", set.bytes());
                self.lock().set = Some((version, Arc::clone(&set)));
                Ok(Some(set))
            }
            Err(error) if error.is_disk_failure() => Err(error.into()),
            Err(error) => {
                log::error!("known spam cannot be read error=\"{error}\"");
                Ok(None)
            }
        }
    }

    /// The writer is about to commit entries.
    pub fn begin(&self) {
        self.any.begin();
    }

    /// The writer has committed what a call has written.
    pub fn note_written(&self, written: &Written) {
        match written {
            Written::KnownSpamImported(done) => {
                self.lock().change(done.version, &done.fresh, &[]);
            }
            Written::KnownSpamDeleted(done) => self.lock().change(done.version, &[], &done.gone),
            _ => {}
        }
    }

    /// The writer has committed a slice of a call, of which this is the rest.
    pub fn note_part(&self, rest: &Write) {
        if let Write::KnownSpam(KnownSpamWrite::Delete(done)) = rest {
            self.lock().change(done.version, &[], &done.gone);
        }
    }

    /// A panic under the lock can leave an old list, which its version tells.
    fn lock(&self) -> MutexGuard<'_, KeptList> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptList {
    /// The list, if it is the newest.
    fn find(&self) -> Option<Arc<KnownSpamSet>> {
        let (version, set) = self.set.as_ref()?;
        let is_new = self.newest.is_none_or(|newest| newest == *version);
        is_new.then(|| Arc::clone(set))
    }

    /// Applies a change, if the list is the one before it.
    fn change(&mut self, version: i64, fresh: &[KnownSpamEntry], gone: &[KnownSpamEntry]) {
        self.newest = Some(version);
        match &mut self.set {
            Some((known, set)) if known.checked_add(1) == Some(version) => {
                *set = Arc::new(set.changed(fresh, gone));
                *known = version;
            }
            // A reader that was under way has the change already.
            Some((known, _)) if *known == version => {}
            _ => self.set = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::KnownSpamKind;

    fn entry(n: u8) -> KnownSpamEntry {
        KnownSpamEntry {
            kind: KnownSpamKind::Link,
            hash: [n; 32],
        }
    }

    #[test]
    fn a_change_is_applied_to_the_list_before_it_alone() {
        let set = |entries: &[u8]| Arc::new(KnownSpamSet::of(entries.iter().map(|n| entry(*n))));
        let mut list = KeptList {
            newest: None,
            set: Some((4, set(&[1, 2]))),
        };
        assert_eq!(list.find(), Some(set(&[1, 2])));
        list.change(5, &[entry(9), entry(2)], &[]);
        assert_eq!(list.find(), Some(set(&[1, 2, 9])));
        list.change(6, &[], &[entry(1), entry(7)]);
        assert_eq!(list.find(), Some(set(&[2, 9])));
        // A reader whose moment was before a commit keeps what is old at once.
        list.set = Some((5, set(&[1, 2, 9])));
        assert_eq!(list.find(), None);
        list.change(7, &[entry(3)], &[]);
        assert_eq!(list.find(), None);
        // One whose moment was behind it has the change.
        list.set = Some((8, set(&[3])));
        list.change(8, &[entry(3)], &[]);
        assert_eq!(list.find(), Some(set(&[3])));
    }
}
