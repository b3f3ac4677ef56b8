//! The writer stores a slice of an import: several messages in one task, in their order.
//!
//! One that is refused is undone alone. It has no savepoint, like a message that is delivered: when
//! it is refused after it has written something, the group is carried out again with savepoints.

use super::Writer;
use super::group::{GroupRun, RequestMark, Undone};
use crate::call::{Event, ImportOutcome, Refusal, Request, Written};
use crate::service::access::admit::admit;
use crate::service::audit;
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
        audit::note_import(store, request, &outcomes, run.now)
            .map_err(|e| Undone::Lost(e.to_string(), Refusal::from(e)))?;
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
        let mark = RequestMark::begin((&self.service, store), run.is_guarded, events)?;
        let mut context = self.context(store, run, (request.conn, request.cause()), events);
        let written = intake::complete(&mut context, &request.caller, delivery);
        let result =
            written.and_then(|written| intake::outcome_of(&written).ok_or(Refusal::Internal));
        mark.end(&self.service, store, &result, events)?;
        Ok(result)
    }
}
