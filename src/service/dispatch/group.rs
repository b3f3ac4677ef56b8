//! What the files of the writer share about a group: how it is carried out, where one of its
//! requests begins and ends, and why it is undone.

use crate::call::{Event, Metric, Now, Refusal};
use crate::service::Service;
use crate::store::{Store, WriteMark};

/// How a group is carried out.
#[derive(Clone, Copy)]
pub(super) struct GroupRun {
    /// Its time.
    pub now: Now,
    /// Each message has a savepoint.
    pub is_guarded: bool,
    /// The task was carried out before, in a group that was undone.
    pub is_again: bool,
}

/// Why a group is undone before its commit.
pub(super) enum Undone {
    /// SQLite has rolled the transaction back or cannot go on: every request is refused.
    Lost(String, Refusal),
    /// A message that has no savepoint was refused after it had written something.
    Refused,
}

impl From<crate::store::Error> for Undone {
    fn from(error: crate::store::Error) -> Undone {
        Undone::Lost(error.to_string(), Refusal::from(error))
    }
}

/// Where one request of a group begins, so that its refusal undoes it alone.
pub(super) struct RequestMark {
    /// `None`: it has a savepoint. Otherwise it must have written nothing when it is refused.
    unwritten: Option<WriteMark>,
    published: usize,
    /// Where its changes to the leases of consumer groups begin.
    leases: usize,
}

impl RequestMark {
    /// A request begins; `has_savepoint` or not.
    pub fn begin(
        (service, store): (&Service, &Store),
        has_savepoint: bool,
        events: &[Event],
    ) -> Result<RequestMark, Undone> {
        if has_savepoint {
            store.savepoint()?;
        }
        Ok(RequestMark {
            unwritten: (!has_savepoint).then(|| store.write_mark()),
            published: events.len(),
            leases: service.event_groups().mark(),
        })
    }

    /// It ends: what it wrote stays, or is undone with its events.
    pub fn end<T>(
        self,
        service: &Service,
        store: &Store,
        result: &Result<T, Refusal>,
        events: &mut Vec<Event>,
    ) -> Result<(), Undone> {
        match (result, self.unwritten) {
            // After some errors SQLite rolls the whole transaction back, not only the savepoint.
            (result, _) if store.is_transaction_gone() => {
                let refusal = result.as_ref().err().cloned().unwrap_or(Refusal::Internal);
                return Err(Undone::Lost("the transaction is gone".to_owned(), refusal));
            }
            (Ok(_), Some(_)) => store.keep(),
            (Ok(_), None) => store.release()?,
            (Err(_), Some(mark)) if !store.undo_unwritten(mark) => return Err(Undone::Refused),
            (Err(refusal), mark) => {
                count_refusal(service, refusal);
                if mark.is_none() {
                    store.rollback_to()?;
                }
                events.truncate(self.published);
                service.event_groups().undo_to(self.leases);
            }
        }
        Ok(())
    }
}

/// Counts a refusal of the writer: damage, so that an operator is told of it, and full quotas.
fn count_refusal(service: &Service, refusal: &Refusal) {
    if *refusal == Refusal::Damaged {
        service.shared.metrics.count(Metric::Damaged);
    }
    let is_limit = matches!(refusal, Refusal::Limit { .. } | Refusal::TooBig { .. });
    if is_limit || refusal.is_over_quota() {
        service.shared.metrics.count(Metric::RejectedQuota);
    }
}
