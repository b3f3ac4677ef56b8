//! The turns of the writer for mail that waits in Drafts: decisions that did not come in time, and
//! messages whose time has come. Each turn has a transaction of its own.

use super::writer::Writer;
use crate::call::{Event, Refusal};
use crate::service::context::WriteContext;
use crate::service::outgoing::{approval, due};
use crate::store::{Error, Store};

impl Writer {
    /// Declines held mail whose time is over. It looks at most once a second. Gives the events to
    /// publish.
    pub fn expire_approvals(&mut self, store: &Store) -> Result<Vec<Event>, Error> {
        let now = self.service.now();
        if now.mono_ms < self.approvals_at_ms {
            return Ok(Vec::new());
        }
        self.approvals_at_ms = now.mono_ms.saturating_add(APPROVALS_MS);
        if store.expired_approvals(now, 1)?.is_empty() {
            return Ok(Vec::new());
        }
        let (_, events) = self.in_transaction(store, |context, _| approval::expire(context))?;
        Ok(events)
    }

    /// Sends scheduled mail whose time has come, one step. Gives the milliseconds until the next
    /// step, if there is one, and the events to publish.
    pub fn release_scheduled(&mut self, store: &Store) -> Result<(Option<u64>, Vec<Event>), Error> {
        let now_ms = self.service.now().unix_ms;
        let wait = |at: i64| {
            let ms = u64::try_from(at.saturating_sub(now_ms)).unwrap_or(0);
            (at != i64::MAX).then_some(ms)
        };
        let at = self.service.scheduled_look();
        if at > now_ms {
            return Ok((wait(at), Vec::new()));
        }
        self.set_quota(store);
        match self.in_transaction(store, due::release_some) {
            Ok((next, events)) => {
                self.service.set_scheduled_look(next);
                Ok((wait(next), events))
            }
            Err(error) => {
                // What is stored of a large message is freed with the other leftovers.
                self.leaving = None;
                let again = now_ms.saturating_add(AFTER_ERROR_MS);
                self.service.set_scheduled_look(again);
                Err(error)
            }
        }
    }

    /// Runs `run` in a transaction of its own. Gives the events to publish.
    fn in_transaction<T>(
        &mut self,
        store: &Store,
        run: impl FnOnce(&mut WriteContext<'_>, &mut Option<due::Leaving>) -> Result<T, Refusal>,
    ) -> Result<(T, Vec<Event>), Error> {
        let mut events = Vec::new();
        store.begin()?;
        let mut context = WriteContext {
            service: &self.service,
            shared: &self.service.shared,
            store,
            random: &mut self.random,
            now: self.service.now(),
            origin: None,
            is_again: false,
            events: &mut events,
        };
        match run(&mut context, &mut self.leaving) {
            Ok(done) => store.commit().map(|_| (done, events)),
            Err(refusal) => {
                store.rollback();
                Err(refusal.into())
            }
        }
    }
}

/// Milliseconds between two looks at held mail whose time is over.
const APPROVALS_MS: u64 = 1000;

/// Milliseconds of rest after an error (a full disk, say).
const AFTER_ERROR_MS: i64 = 5000;
