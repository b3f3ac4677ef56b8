//! What organizations have taught the filter, kept in memory: the models that were asked for
//! lately. The rows are the truth.
//!
//! A model is kept with its version. The writer says which version is the newest after the commit
//! that stored it, and an older one is read again. A server on which nothing was learned pays one
//! load of a flag.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::existence::Existence;
use crate::call::{Forgetting, OrgId, Refusal};
use crate::judge::Models;
use crate::judge::model::Learned;
use crate::store::Store;

/// Models that are kept.
#[derive(Debug, Default)]
pub struct KeptModels {
    any: Existence,
    state: Mutex<KeptModelState>,
}

/// The model of an organization and its version, or 0 and none.
type KeptModel = (i64, Option<Arc<Learned>>);

#[derive(Debug, Default)]
struct KeptModelState {
    /// The newest version of each organization that has learned since the start.
    newest: HashMap<OrgId, i64>,
    /// Those that were used lately, and those that go next.
    young: HashMap<OrgId, KeptModel>,
    old: HashMap<OrgId, KeptModel>,
    young_bytes: usize,
}

impl KeptModels {
    /// The shipped model with what an organization has taught. A model that cannot be read counts
    /// as none: mail comes without it rather than not at all.
    pub fn of_org(&self, store: &Store, org: OrgId) -> Result<Models, Refusal> {
        let shipped = Models::default();
        if !self.any.is_some(|| store.has_any_learned())? {
            return Ok(shipped);
        }
        let known = self.lock().find(org);
        let (_, learned) = match known {
            Some(known) => known,
            None => self.read(store, org)?,
        };
        Ok(match learned {
            Some(learned) => shipped.with_learned(learned),
            None => shipped,
        })
    }

    fn read(&self, store: &Store, org: OrgId) -> Result<KeptModel, Refusal> {
        let stored = match store.learned(org) {
            Ok(stored) => stored,
            Err(error) if error.is_disk_failure() => return Err(error.into()),
            Err(error) => {
                log::error!("what was learned cannot be read org={org} error=\"{error}\"");
                None
            }
        };
        let model = match stored {
            None => (0, None),
            Some(stored) => {
                let learned = Learned::decode(&stored.octets).map(Arc::new);
                if learned.is_none() {
                    log::error!("what was learned has another form org={org}");
                }
                (stored.version, learned)
            }
        };
        self.lock().keep(org, model.clone());
        Ok(model)
    }

    /// The writer is about to commit the first model.
    pub fn begin(&self) {
        self.any.begin();
    }

    /// The writer has committed a slice of forgetting.
    pub fn note_forgotten(&self, forgetting: &Forgetting) {
        if forgetting.is_model_gone {
            // The version of no model.
            self.replace(forgetting.org, 0);
        }
    }

    /// The writer has committed this version of a model.
    pub fn replace(&self, org: OrgId, version: i64) {
        self.lock().newest.insert(org, version);
    }

    /// A panic under the lock can leave a count wrong, which is harmless.
    fn lock(&self) -> MutexGuard<'_, KeptModelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptModelState {
    fn find(&mut self, org: OrgId) -> Option<KeptModel> {
        let newest = self.newest.get(&org).copied();
        let is_new = |model: &KeptModel| newest.is_none_or(|newest| newest == model.0);
        if let Some(model) = self.young.get(&org) {
            return is_new(model).then(|| model.clone());
        }
        let model = self.old.remove(&org).filter(is_new)?;
        self.keep(org, model.clone());
        Some(model)
    }

    fn keep(&mut self, org: OrgId, model: KeptModel) {
        let bytes = bytes_of(&model);
        if self.young_bytes.saturating_add(bytes) > YOUNG_BYTES_MAX {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(bytes);
        if let Some(before) = self.young.insert(org, model) {
            self.young_bytes = self.young_bytes.saturating_sub(bytes_of(&before));
        }
    }
}

fn bytes_of(model: &KeptModel) -> usize {
    match model.1 {
        Some(_) => MODEL_BYTES,
        None => NONE_BYTES,
    }
}

/// Octets of a model in memory, about: those of its stored form.
const MODEL_BYTES: usize = 50 << 10;
/// Octets of the word that an organization has learned nothing.
const NONE_BYTES: usize = 128;
/// Octets of models in one of the two halves: with the shipped model 2 MiB in all.
const YOUNG_BYTES_MAX: usize = 15 * MODEL_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    fn model(version: i64) -> KeptModel {
        (version, Some(Arc::new(Learned::new((1, 2)))))
    }

    #[test]
    fn an_older_version_is_read_again() {
        let kept = KeptModels::default();
        kept.lock().keep(OrgId(1), (0, None));
        assert_eq!(kept.lock().find(OrgId(1)).map(|m| m.0), Some(0));
        kept.replace(OrgId(1), 7);
        assert!(kept.lock().find(OrgId(1)).is_none());
        // A reader whose snapshot began before the commit keeps what is old at once.
        kept.lock().keep(OrgId(1), model(6));
        assert!(kept.lock().find(OrgId(1)).is_none());
        kept.lock().keep(OrgId(1), model(7));
        assert_eq!(kept.lock().find(OrgId(1)).map(|m| m.0), Some(7));
        assert!(kept.lock().find(OrgId(2)).is_none());
    }

    #[test]
    fn the_octets_of_kept_models_are_bounded() {
        let kept = KeptModels::default();
        for n in 0..200 {
            kept.lock().keep(OrgId(n), model(1));
            // One that is asked for often stays.
            assert!(kept.lock().find(OrgId(0)).is_some(), "{n}");
            let state = kept.lock();
            let models = state.young.len() + state.old.len();
            assert!(models * MODEL_BYTES <= 2 * YOUNG_BYTES_MAX, "{n}");
        }
        assert!(kept.lock().find(OrgId(100)).is_none());
    }
}
