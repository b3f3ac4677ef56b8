//! What the last checks of domains have found, in memory. Not the checking itself: that is
//! `account/check.rs`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::call::{DomainId, DomainRecord};

/// What checks have found.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<DomainId, Checked>>);

#[derive(Clone, Debug)]
struct Checked {
    at: i64,
    records: Vec<DomainRecord>,
}

impl Checks {
    /// Remembers a check.
    pub(super) fn keep(&self, domain: DomainId, at: i64, records: &[DomainRecord]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CHECKS_MAX && !all.contains_key(&domain) {
            let oldest = all.iter().min_by_key(|(_, checked)| checked.at);
            if let Some(oldest) = oldest.map(|(domain, _)| *domain) {
                all.remove(&oldest);
            }
        }
        let records = records.to_vec();
        all.insert(domain, Checked { at, records });
    }

    /// Puts what was found into records that are still the same; when that was.
    pub(super) fn apply(&self, domain: DomainId, records: &mut [DomainRecord]) -> Option<i64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = all.get(&domain)?;
        for record in records {
            let same = checked.records.iter().find(|found| {
                let found = (&found.name, &found.value, found.kind);
                found == (&record.name, &record.value, record.kind)
            });
            if let Some(found) = same {
                record.status = found.status;
                record.found.clone_from(&found.found);
                record.fix.clone_from(&found.fix);
            }
        }
        Some(checked.at)
    }
}

/// Domains whose last check is remembered.
const CHECKS_MAX: usize = 1000;
