//! A request that waits for a message, within its connection.
//!
//! What it waits for is in `stream/wait.rs`. Here it has its deadline, its watch and its response.
//! The rule: its lease is given back before its response is written, so that the next request of
//! the connection finds it free.

use super::exchange::{Exchange, Waiting};
use super::{Server, ServerState};
use crate::call::{Ask, Event, Look, Metric, Now, RaisedGauge, Reply, Topic};
use crate::engine::{HIGH_WATER, Output};
use crate::http::api::message;
use crate::http::api::refused::refused;
use crate::http::stream::{MessageWait, WaitEnd, WaitStep};
use crate::http::wire::response::Response;
use crate::http::wire::target::RequestTarget;

impl Server {
    /// A request begins to wait.
    pub(super) fn begin_wait(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        mut wait: Box<MessageWait>,
        out: &mut Output,
    ) {
        // Thousands may wait, so none keeps what it has no use for.
        exchange.target = RequestTarget::default();
        exchange.places = Vec::new();
        exchange.secret = None;
        exchange.rpc_fields = None;
        exchange.host = None;
        exchange.content_type = None;
        exchange.charge = None;
        let (ask, ends) = wait.begin(now);
        out.ask = Some(ask);
        out.lease = true;
        out.deadline = Some(Some(ends));
        self.state = ServerState::Awaiting(exchange, wait);
    }

    /// The answer to a call of a request that waits.
    pub(super) fn await_reply(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut wait: Box<MessageWait>,
        reply: Reply,
        out: &mut Output,
    ) {
        let had_lease = wait.has_lease();
        let step = wait.reply(now, reply);
        if !had_lease && wait.has_lease() {
            // Watch first, look second: from here on no message is missed.
            out.watch = Some(wait.topics());
            self.held = Some(RaisedGauge::new(&self.opening.shared, Metric::Streams));
        }
        self.go_on_waiting(now, exchange, wait, step, out);
    }

    /// An event, for a request that waits.
    pub(super) fn await_event(&mut self, now: Now, event: &Event, out: &mut Output) {
        self.with_wait(now, out, |wait| wait.event(event));
    }

    /// The deadline of a request that waits.
    pub(super) fn await_deadline(&mut self, now: Now, out: &mut Output) {
        if !self.beat(now, out) {
            self.with_wait(now, out, |wait| wait.deadline(now));
        }
    }

    /// The server stops while a request waits.
    pub(super) fn await_shutdown(&mut self, now: Now, out: &mut Output) {
        self.with_wait(now, out, MessageWait::shutdown);
    }

    /// Octets of a later request are kept; with many of them no more are read.
    pub(super) fn await_bytes(&mut self, bytes: &[u8], out: &mut Output) -> usize {
        if bytes.len() >= HIGH_WATER {
            out.hold = Some(true);
        }
        0
    }

    fn with_wait(
        &mut self,
        now: Now,
        out: &mut Output,
        act: impl FnOnce(&mut MessageWait) -> WaitStep,
    ) {
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::Awaiting(exchange, mut wait) => {
                let step = act(&mut wait);
                self.go_on_waiting(now, exchange, wait, step, out);
            }
            other => self.state = other,
        }
    }

    fn go_on_waiting(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        wait: Box<MessageWait>,
        step: WaitStep,
        out: &mut Output,
    ) {
        let end = match step {
            WaitStep::Ask(ask) => {
                out.ask = Some(ask);
                self.state = ServerState::Awaiting(exchange, wait);
                return;
            }
            WaitStep::Park => {
                if exchange.rpc.is_some() && !exchange.streams {
                    self.begin_call_stream(now, &mut exchange, wait.ends(), out);
                }
                self.state = ServerState::Awaiting(exchange, wait);
                return;
            }
            WaitStep::End(end) => end,
        };
        out.deadline = Some(None);
        out.hold = Some(false);
        if !wait.has_lease() {
            return self.end_wait(now, exchange, end, out);
        }
        let ends = exchange.caller.key().into_iter().flat_map(Topic::ends_of);
        out.watch = Some(ends.collect());
        out.ask = Some(Ask {
            request_id: None,
            depth: 0,
            caller: exchange.caller.clone(),
            call: Look::CloseWait.into(),
        });
        self.state = ServerState::ExpectAnswer(exchange, Waiting::Closing(Box::new(end)));
    }

    /// Writes the response of a request that has waited.
    pub(super) fn end_wait(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        end: WaitEnd,
        out: &mut Output,
    ) {
        match end {
            WaitEnd::Found(view) => self.respond(now, exchange, message::opened(*view), out),
            WaitEnd::Nothing => self.respond(now, exchange, Response::nothing(), out),
            WaitEnd::Refused(refusal) => {
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            WaitEnd::OutOfStep => self.fail_internal(now, exchange, out),
        }
    }
}
