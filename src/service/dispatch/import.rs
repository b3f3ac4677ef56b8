//! The writer stores a slice of an import: several messages in one task, in their order.
//!
//! One that is refused is undone alone. It has no savepoint, like a message that is delivered: when
//! it is refused after it has written something, the group is carried out again with savepoints.

use super::group::{GroupRun, Undone};
use super::{Writer, count_refusal};
use crate::call::{Event, ImportOutcome, Refusal, Request, Written};
use crate::service::access::admit::admit;
use crate::service::context::WriteContext;
use crate::service::intake::{self, Delivery, ImportSlice, ImportStep};
use crate::store::Store;

impl Writer {
    /// Carries out a slice. What is stored before a refusal of the whole stays, and is found there
    /// when the request is repeated.
    pub(super) fn import(
        &mut self,
        store: &Store,
        request: &Request<Box<ImportSlice>>,
        run: GroupRun,
        events: &mut Vec<Event>,
    ) -> Result<Result<Written, Refusal>, Undone> {
        let admitted = admit(&self.service, &request.caller, ImportSlice::NEED, run.now);
        if let Err(refusal) = admitted {
            return Ok(Err(refusal));
        }
        let mut outcomes = Vec::with_capacity(request.call.steps.len());
        for step in &request.call.steps {
            outcomes.push(match step {
                ImportStep::Settled(outcome) => outcome.clone(),
                ImportStep::Deliver(delivery) => {
                    match self.import_one(store, request, delivery, run, events)? {
                        Ok(outcome) => outcome,
                        Err(why) if why.is_of_message() => ImportOutcome::Refused(why),
                        Err(why) => return Ok(Err(why)),
                    }
                }
            });
        }
        Ok(Ok(Written::Imported(outcomes)))
    }

    fn import_one(
        &mut self,
        store: &Store,
        request: &Request<Box<ImportSlice>>,
        delivery: &Delivery,
        run: GroupRun,
        events: &mut Vec<Event>,
    ) -> Result<Result<ImportOutcome, Refusal>, Undone> {
        let published = events.len();
        let sql = |e: crate::store::Error| Undone::Lost(e.to_string(), Refusal::from(e));
        let mark = match run.is_guarded {
            false => Some(store.write_mark()),
            true => {
                store.savepoint().map_err(sql)?;
                None
            }
        };
        let mut context = WriteContext {
            service: &self.service,
            shared: &self.service.shared,
            store,
            random: &mut self.random,
            now: run.now,
            origin: request.conn,
            is_again: run.is_again,
            events,
        };
        let written = intake::complete(&mut context, &request.caller, delivery);
        let result =
            written.and_then(|written| intake::outcome_of(&written).ok_or(Refusal::Internal));
        if store.is_transaction_gone() {
            let refusal = result.err().unwrap_or(Refusal::Internal);
            return Err(Undone::Lost("the transaction is gone".to_owned(), refusal));
        }
        match (&result, mark) {
            (Ok(_), Some(_)) => store.keep(),
            (Ok(_), None) => store.release().map_err(sql)?,
            (Err(_), Some(mark)) if !store.undo_unwritten(mark) => return Err(Undone::Refused),
            (Err(refusal), mark) => {
                count_refusal(&self.service, refusal);
                if mark.is_none() {
                    store.rollback_to().map_err(sql)?;
                }
                events.truncate(published);
            }
        }
        Ok(result)
    }
}
