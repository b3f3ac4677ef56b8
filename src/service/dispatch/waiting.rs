//! The turns of the writer for what happens at a time: decisions that did not come, mail that
//! leaves, and what ends by itself. Each turn has a transaction of its own.

use super::writer::Writer;
use crate::call::{Event, Refusal};
use crate::service::context::WriteContext;
use crate::service::mail::expiry::{self, RetentionStep};
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

    /// Ends what ends by itself, one step: messages and inboxes whose time is over, then mail that
    /// inboxes keep no longer. Gives the milliseconds until the next step, if there is one, and the
    /// events to publish.
    pub fn end_expired(&mut self, store: &Store) -> Result<(Option<u64>, Vec<Event>), Error> {
        let now = self.service.now();
        let rest_ms = self.expiry_rests_ms.saturating_sub(now.mono_ms);
        if rest_ms > 0 {
            return Ok((Some(rest_ms), Vec::new()));
        }
        let steady_ms = self.service.steady_ms(now);
        let mut events = Vec::new();
        let (expires_at, retains_at) =
            (self.service.expiry_look(), self.service.retention_look_ms());
        let done = if expires_at <= steady_ms {
            self.end_due(store, steady_ms).map(|ended| events = ended)
        } else if retains_at <= now.mono_ms {
            (self.end_old(store, steady_ms)).map(|ended| events = ended)
        } else {
            Ok(())
        };
        if let Err(error) = done {
            self.expiry_rests_ms = now.mono_ms.saturating_add(AFTER_ERROR_MS.unsigned_abs());
            return Err(error);
        }
        if !events.is_empty() {
            self.expiry_rests_ms = now.mono_ms.saturating_add(BETWEEN_STEPS_MS);
        }
        let expires_at = self.service.expiry_look();
        let expiry = u64::try_from(expires_at.saturating_sub(steady_ms)).unwrap_or(0);
        let retention = self.service.retention_look_ms();
        let next = [
            (expires_at != i64::MAX).then_some(expiry),
            (retention != u64::MAX).then_some(retention.saturating_sub(now.mono_ms)),
        ];
        let next = next.into_iter().flatten().min();
        let rest_ms = self.expiry_rests_ms.saturating_sub(now.mono_ms);
        Ok((next.map(|ms| ms.max(rest_ms)), events))
    }

    fn end_due(&mut self, store: &Store, steady_ms: i64) -> Result<Vec<Event>, Error> {
        // Most looks find nothing, and need no transaction.
        let next = store.next_expiry()?.unwrap_or(i64::MAX);
        if next > steady_ms {
            self.service.set_expiry_look(next);
            return Ok(Vec::new());
        }
        let run = |context: &mut WriteContext<'_>, _: &mut _| expiry::end_due(context, steady_ms);
        let (next, events) = self.in_transaction(store, run)?;
        self.service.set_expiry_look(next);
        Ok(events)
    }

    fn end_old(&mut self, store: &Store, steady_ms: i64) -> Result<Vec<Event>, Error> {
        let mut walk = core::mem::take(&mut self.retention);
        let run =
            |context: &mut WriteContext<'_>, _: &mut _| expiry::walk(context, &mut walk, steady_ms);
        let (step, events) = self.in_transaction(store, run)?;
        self.retention = walk;
        let next = match step {
            RetentionStep::On => 0,
            RetentionStep::Done(true) => {
                (self.service.now().mono_ms).saturating_add(RETENTION_EVERY_MS)
            }
            RetentionStep::Done(false) => u64::MAX,
        };
        self.service.set_retention_look(next);
        Ok(events)
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
            request_id: None,
            depth: 0,
            is_again: false,
            events: &mut events,
        };
        match run(&mut context, &mut self.leaving) {
            Ok(done) => {
                store.commit()?;
                self.service.tell_event_groups(&mut events);
                Ok((done, events))
            }
            Err(refusal) => {
                store.rollback();
                Err(refusal.into())
            }
        }
    }
}

/// Milliseconds between two looks at held mail whose time is over.
const APPROVALS_MS: u64 = 1000;

/// Milliseconds between two steps that end something: other calls have most of the time.
const BETWEEN_STEPS_MS: u64 = 20;

/// Milliseconds between two walks over the inboxes that keep mail for some days.
const RETENTION_EVERY_MS: u64 = 600_000;

/// Milliseconds of rest after an error (a full disk, say).
const AFTER_ERROR_MS: i64 = 5000;
