//! Compiled rules, kept in memory: those that were asked about lately. The rows are the truth.
//!
//! Rules are kept with the version of their organization, which the writer raises after each commit
//! that has changed a rule. A reader takes the version before it reads the rows, so what it keeps
//! is never older than its version says. A server without rules pays one load of a flag.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::compile::CompiledRules;
use crate::call::{InboxId, OrgId, Refusal};
use crate::service::existence::Existence;
use crate::store::Store;

/// The rules of an inbox, or with `None` those of the organization.
type RulesKey = (OrgId, Option<InboxId>);

/// Compiled rules that are kept.
#[derive(Debug, Default)]
pub struct KeptRules {
    any: Existence,
    /// Rules have changed in the open transaction.
    is_changing: AtomicBool,
    /// Deliveries of the writer that are open inside one another.
    nested: AtomicUsize,
    /// What the rules of the outermost one and of those inside it have sent.
    sent: AtomicUsize,
    /// Rules send nothing.
    is_quiet: AtomicBool,
    state: Mutex<KeptState>,
}

#[derive(Debug, Default)]
struct KeptState {
    /// How often the rules of an organization have changed since the start.
    versions: HashMap<OrgId, u64>,
    changing: Vec<OrgId>,
    /// Those that were used lately, and those that go next.
    young: HashMap<RulesKey, (u64, Arc<CompiledRules>)>,
    old: HashMap<RulesKey, (u64, Arc<CompiledRules>)>,
    young_bytes: usize,
}

impl KeptRules {
    /// Whether any organization has a rule.
    pub fn is_some(&self, store: &Store) -> Result<bool, Refusal> {
        self.any.is_some(|| store.has_any_rule())
    }

    /// How often the rules of an organization have changed since the start.
    pub fn version(&self, org: OrgId) -> u64 {
        self.lock().version(org)
    }

    /// The rules of an inbox and those of its organization, in this order, and their version.
    pub fn of_inbox(
        &self,
        store: &Store,
        (org, inbox): (OrgId, InboxId),
    ) -> Result<(u64, [Arc<CompiledRules>; 2]), Refusal> {
        let (version, own, common) = {
            let mut state = self.lock();
            (
                state.version(org),
                state.find((org, Some(inbox))),
                state.find((org, None)),
            )
        };
        let read = |known: Option<Arc<CompiledRules>>, key: RulesKey| match known {
            Some(rules) => Ok(rules),
            None => self.read(store, version, key),
        };
        let own = read(own, (org, Some(inbox)))?;
        Ok((version, [own, read(common, (org, None))?]))
    }

    fn read(
        &self,
        store: &Store,
        version: u64,
        key: RulesKey,
    ) -> Result<Arc<CompiledRules>, Refusal> {
        let rows = match store.rules(key.0, key.1) {
            Ok(rows) => rows,
            Err(error) if error.is_disk_failure() => return Err(error.into()),
            Err(error) => {
                // Mail comes without its rules rather than not at all.
                log::error!("rules cannot be read org={} error=\"{error}\"", key.0);
                Vec::new()
            }
        };
        let rules = Arc::new(CompiledRules::new(rows));
        self.lock().keep(key, version, &rules);
        Ok(rules)
    }

    /// The open transaction changes rules of an organization.
    pub fn begin_change(&self, org: OrgId) {
        self.any.begin();
        self.lock().changing.push(org);
        self.is_changing.store(true, Ordering::Relaxed);
    }

    /// The writer begins a delivery. One inside it is of a message that its rules send.
    pub fn begin_delivery(&self) {
        if self.nested.fetch_add(1, Ordering::Relaxed) == 0 {
            self.sent.store(0, Ordering::Relaxed);
        }
    }

    /// It has ended, and is done or refused.
    pub fn end_delivery(&self, is_done: bool) {
        if self.nested.fetch_sub(1, Ordering::Relaxed) == 1 && is_done {
            self.sent.store(0, Ordering::Relaxed);
        }
    }

    /// Takes one of the messages that rules may send because of one message.
    pub fn take_send(&self) -> bool {
        self.sent.fetch_add(1, Ordering::Relaxed) < SENDS_MAX
    }

    /// Whether rules send nothing now.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Relaxed)
    }

    /// Whether the rules of the last delivery have sent anything, and it was refused; asked once.
    pub fn take_sent(&self) -> bool {
        self.sent.swap(0, Ordering::Relaxed) > 0
    }

    /// Whether rules send nothing in the deliveries that follow.
    pub fn set_quiet(&self, on: bool) {
        self.is_quiet.store(on, Ordering::Relaxed);
    }

    /// The transaction has ended: what was read before is read again. The writer calls it before
    /// it answers.
    pub fn settle(&self) {
        self.nested.store(0, Ordering::Relaxed);
        if !self.is_changing.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut state = self.lock();
        for org in core::mem::take(&mut state.changing) {
            *state.versions.entry(org).or_default() += 1;
        }
    }

    /// A panic under the lock can leave a count wrong, which is harmless.
    fn lock(&self) -> MutexGuard<'_, KeptState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptState {
    fn version(&self, org: OrgId) -> u64 {
        self.versions.get(&org).copied().unwrap_or_default()
    }

    fn find(&mut self, key: RulesKey) -> Option<Arc<CompiledRules>> {
        let version = self.version(key.0);
        if let Some((of, rules)) = self.young.get(&key) {
            return (*of == version).then(|| Arc::clone(rules));
        }
        let (of, rules) = self.old.remove(&key)?;
        if of != version {
            return None;
        }
        self.keep(key, of, &rules);
        Some(rules)
    }

    fn keep(&mut self, key: RulesKey, version: u64, rules: &Arc<CompiledRules>) {
        let bytes = rules.bytes.saturating_add(KEPT_BYTES);
        if self.young_bytes.saturating_add(bytes) > YOUNG_BYTES_MAX {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if let Some((_, before)) = self.young.insert(key, (version, Arc::clone(rules))) {
            let before = before.bytes.saturating_add(KEPT_BYTES);
            self.young_bytes = self.young_bytes.saturating_sub(before);
        }
        self.young_bytes = self.young_bytes.saturating_add(bytes);
    }
}

/// Octets of compiled rules in one of the two halves: 16 MiB in all.
const YOUNG_BYTES_MAX: usize = 8 << 20;
/// Messages that rules send because of one message, with those that its forwardings cause: they
/// leave in one transaction.
const SENDS_MAX: usize = 20;
/// Octets of an entry beside its rules.
const KEPT_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(bytes: usize) -> Arc<CompiledRules> {
        Arc::new(CompiledRules {
            bytes,
            ..CompiledRules::default()
        })
    }

    #[test]
    fn a_change_makes_kept_rules_old_when_its_transaction_has_ended() {
        let kept = KeptRules::default();
        let key = (OrgId(1), Some(InboxId(2)));
        kept.lock().keep(key, 0, &rules(0));
        assert!(kept.lock().find(key).is_some());
        kept.begin_change(OrgId(1));
        kept.begin_change(OrgId(3));
        assert!(kept.lock().find(key).is_some());
        kept.settle();
        kept.settle();
        assert!(kept.lock().find(key).is_none());
        assert_eq!((kept.version(OrgId(1)), kept.version(OrgId(2))), (1, 0));
        // A reader that took the version before the commit keeps what is old at once.
        kept.lock().keep(key, 0, &rules(0));
        assert!(kept.lock().find(key).is_none());
        kept.lock().keep(key, 1, &rules(0));
        assert!(kept.lock().find(key).is_some());
    }

    #[test]
    fn the_octets_of_kept_rules_are_bounded() {
        let kept = KeptRules::default();
        let key = |n| (OrgId(1), Some(InboxId(n)));
        for n in 0..1000 {
            kept.lock().keep(key(n), 0, &rules(1 << 20));
            // One that is asked for often stays.
            assert!(n == 0 || kept.lock().find(key(0)).is_some(), "{n}");
            let state = kept.lock();
            assert!(state.young.len() + state.old.len() <= 16, "{n}");
            assert!(state.young_bytes <= YOUNG_BYTES_MAX);
        }
        assert!(kept.lock().find(key(500)).is_none());
    }
}
