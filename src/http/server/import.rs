//! An import: its slices are calls one after another, so others have their turn between them, and
//! its response comes after the last.

use super::exchange::{Exchange, Waiting};
use super::{Server, ServerState};
use crate::call::{Answer, Call, ImportOutcome, Now, Refusal, Reply, Written};
use crate::engine::Output;
use crate::http::api::import::ImportBatch;
use crate::http::api::refused::refused;

impl Server {
    /// Asks for the next slice, or responds.
    pub(crate) fn import(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut batch: Box<ImportBatch>,
        out: &mut Output,
    ) {
        match batch.slice() {
            Some(slice) => {
                out.ask = Some(exchange.ask(Call::Accept(Box::new(slice))));
                self.state = ServerState::ExpectAnswer(exchange, Waiting::Import(batch));
            }
            None => {
                let response = batch.report(&self.shared().limits);
                self.respond(now, exchange, response, out);
            }
        }
    }

    /// A slice is done.
    pub(crate) fn imported(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut batch: Box<ImportBatch>,
        reply: Reply,
        out: &mut Output,
    ) {
        let taken = match reply {
            Reply::Answer(Answer::Imported(outcomes))
            | Reply::Written(Written::Imported(outcomes), _) => {
                batch.take(outcomes);
                Ok(())
            }
            Reply::Written(
                Written::Delivered {
                    entry: Some(entry), ..
                },
                _,
            ) => {
                batch.take(vec![ImportOutcome::Imported(entry)]);
                Ok(())
            }
            Reply::Written(Written::Present, _) => {
                batch.take(vec![ImportOutcome::Present]);
                Ok(())
            }
            Reply::Refused(refusal) => batch.refuse(refusal),
            Reply::Answer(_) | Reply::Written(..) => Err(Refusal::Internal),
        };
        match taken {
            Ok(()) => self.import(now, exchange, batch, out),
            Err(refusal) => {
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
        }
    }
}
