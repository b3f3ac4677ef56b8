//! Ends of attempts that could not be stored: the disk was full, say. They are kept in memory and
//! stored by a later transaction, so that a message which another server has taken is not sent
//! again, and a recipient does not wait for the end of its lease.
//!
//! The connections that told them have ended, so there are no more of them than connections. An end
//! that cannot be stored five times is left to the end of the lease.

use super::failure::{DeliveryFailure, Lasting};
use super::outcome;
use super::state::{OutboundState, UnsavedEnd};
use crate::call::{Now, OutboundWrite, Refusal};
use crate::service::context::WriteContext;
use crate::store::Backlog;

impl OutboundState {
    /// Keeps what a call of a connection tells, since it could not be stored.
    pub(super) fn keep_unsaved(&mut self, now: Now, call: &OutboundWrite) {
        let (lease, report) = match call {
            OutboundWrite::Next {
                report: Some(report),
                ..
            } => (report.lease, Some(report.clone())),
            OutboundWrite::Lost { loss, .. } => match loss.lease {
                Some(lease) => (lease, None),
                None => return,
            },
            _ => return,
        };
        self.unsaved.push(UnsavedEnd {
            lease,
            report,
            tries: 0,
        });
        self.save_at_ms = now.mono_ms.saturating_add(SAVE_AFTER_MS);
    }

    /// Whether ends of attempts are to be stored now.
    pub(super) fn has_unsaved(&self, now: Now) -> bool {
        !self.unsaved.is_empty() && self.save_at_ms <= now.mono_ms
    }

    /// Stores ends of attempts, each in a savepoint. An error means that the transaction is lost.
    pub(super) fn save(
        &mut self,
        context: &mut WriteContext<'_>,
        ends: &[UnsavedEnd],
    ) -> Result<(), Refusal> {
        for end in ends {
            let events = context.events.len();
            context.store.savepoint()?;
            match self.save_one(context, end) {
                Ok(()) => context.store.release()?,
                Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
                Err(refusal) => {
                    context.store.rollback_to()?;
                    context.events.truncate(events);
                    self.save_again(context.now, end, &refusal);
                }
            }
        }
        Ok(())
    }

    fn save_again(&mut self, now: Now, end: &UnsavedEnd, refusal: &Refusal) {
        let mut end = end.clone();
        end.tries += 1;
        if end.tries >= TRIES_MAX {
            let id = end.lease.id;
            log::error!("end of an attempt cannot be stored id={id} error=\"{refusal:?}\"");
            return;
        }
        self.unsaved.push(end);
        self.save_at_ms = now.mono_ms.saturating_add(SAVE_AFTER_MS);
    }

    fn save_one(
        &mut self,
        context: &mut WriteContext<'_>,
        end: &UnsavedEnd,
    ) -> Result<(), Refusal> {
        let Some(row) = context.store.leased_outbound(end.lease, self.holder)? else {
            return Ok(());
        };
        let backlog = Backlog {
            org: row.org,
            domain: row.domain.clone(),
        };
        let due_at = match &end.report {
            Some(report) => {
                let random = self.routes.random();
                outcome::reported(context, &self.routes.settings, row, report, random)?
            }
            None => {
                let why = "the connection was lost while this server could not store anything; \
                           the other server may have the message";
                let failure = DeliveryFailure::of(Lasting::Temporary, (4, 3, 0), why.to_owned());
                let random = self.routes.random();
                outcome::failed(context, &self.routes.settings, row, &failure, random)?
            }
        };
        match due_at {
            Some(due_at) => self.come_back(context, &backlog, due_at),
            None => Ok(()),
        }
    }
}

/// Milliseconds until it is tried again.
const SAVE_AFTER_MS: u64 = 5000;

/// How often it is tried.
const TRIES_MAX: u8 = 5;
