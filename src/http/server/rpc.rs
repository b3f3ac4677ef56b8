//! A request of JSON-RPC within its connection: its checks in their order, and the requests of the
//! API that a tool makes.
//!
//! What a message means is in `http/mcp/`. The rule: a request that a tool makes has the caller of
//! its message, and goes the way of any request from its scope on; the message alone counts
//! against a rate.

use super::begin::{encoded, not_json};
use super::exchange::Exchange;
use super::{Server, ServerState};
use crate::call::{Now, Refusal};
use crate::crypto::sha256_parts;
use crate::engine::Output;
use crate::http::api::codes::ErrorCode;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::api::routes::{self, Match};
use crate::http::mcp::call::{CallStep, RpcCall};
use crate::http::mcp::era::MODERN;
use crate::http::mcp::header;
use crate::http::mcp::listen::ResourceListener;
use crate::http::mcp::method::{RpcContext, RpcNext, receive};
use crate::http::mcp::quiet::QuietStream;
use crate::http::mcp::tool::{ApiRequest, FenceId};
use crate::http::mcp::{self};
use crate::http::stream::EventStream;
use crate::http::wire::head::{ContentKind, Framing, RpcFields};
use crate::http::wire::response::{Length, MediaType, Response};
use crate::http::wire::target::{Query, RequestTarget};

/// No API gives it, since every route has one form of response.
static NOT_ACCEPTABLE: ErrorCode = ErrorCode {
    status: 406,
    word: "not_acceptable",
    says: "The client takes no form of response that there is.",
};

impl Server {
    /// A head is there: Origin, then the key, then the rest of it.
    pub(super) fn begin_rpc(&mut self, now: Now, mut exchange: Box<Exchange>, out: &mut Output) {
        let fields = exchange.rpc_fields.as_deref();
        let shared = self.shared();
        let is_foreign = fields
            .and_then(|fields| fields.origin.as_deref())
            .is_some_and(|origin| !header::is_allowed(origin, &shared.host, &shared.rpc_origins));
        if is_foreign {
            return self.fail_unknown(now, exchange, Problem::origin_not_ours(), out);
        }
        exchange.row = Some(&mcp::ROW);
        exchange.fault = check_head(&exchange).err();
        self.authenticate(now, exchange, mcp::ROW.need, out);
    }

    /// A message is whole, or a legacy client opens its stream.
    pub(super) fn run_rpc(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        body: &[u8],
        out: &mut Output,
    ) {
        if exchange.method == "GET" {
            return self.begin_quiet(now, exchange, None, out);
        }
        let Some(fields) = exchange.rpc_fields.as_deref() else {
            return self.fail_internal(now, exchange, out);
        };
        let context = RpcContext {
            fields,
            caller: &exchange.caller,
            limits: &self.shared().limits,
            fence: self.fence_id(),
        };
        match receive(body, context) {
            RpcNext::Respond(response) => self.respond(now, exchange, response, out),
            RpcNext::Call(call, step) => {
                let step = call.take(step);
                self.go_on_rpc(now, exchange, step, out);
            }
            RpcNext::Listen(call, listener) => {
                self.begin_listen(now, exchange, (call, listener), out)
            }
        }
    }

    /// Opens a stream of notifications, as one of the API is opened.
    fn begin_listen(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        (call, listener): (Box<RpcCall>, Box<ResourceListener>),
        out: &mut Output,
    ) {
        if listener.is_empty() {
            return self.begin_quiet(now, exchange, Some(listener), out);
        }
        exchange.rpc = Some(call);
        let Some(wanted) = exchange.caller.key().map(|access| listener.wanted(access)) else {
            let problem = Problem::unauthorized("A key is needed here.");
            return self.fail(now, exchange, &problem, out);
        };
        let place = (self.opening.conn, self.opening.seed);
        let stream = EventStream::new(wanted, self.opening.shared.clone(), place, out);
        let stream = Box::new(stream.in_form(listener));
        self.state = ServerState::Streaming(Some(exchange), stream);
    }

    /// The response to a request that a tool has made.
    pub(super) fn answer_rpc(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        call: Box<RpcCall>,
        response: Response,
        out: &mut Output,
    ) {
        let step = call.answer(response);
        self.go_on_rpc(now, exchange, step, out);
    }

    fn go_on_rpc(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        step: CallStep,
        out: &mut Output,
    ) {
        match step {
            CallStep::Respond(response) if exchange.streams => {
                write_event(response.body.whole().trim_ascii_end(), out);
                self.close(out);
            }
            CallStep::Respond(response) => {
                exchange.row = Some(&mcp::ROW);
                self.respond(now, exchange, response, out);
            }
            CallStep::Ask(call, request) => {
                exchange.rpc = Some(call);
                self.ask_api(now, exchange, *request, out);
            }
        }
    }

    /// A tool waits: its response begins as a stream, so that its client sees that it goes on. The
    /// client cancels the call when it closes the connection.
    pub(super) fn begin_call_stream(
        &self,
        now: Now,
        exchange: &mut Exchange,
        ends: Option<Now>,
        out: &mut Output,
    ) {
        exchange.close = true;
        exchange.streams = true;
        let response = Response::new(200, MediaType::Events, Vec::new());
        response.write_head(exchange.frame(now), Length::Close, &mut out.bytes);
        self.log(exchange, response.status);
        out.stream = true;
        self.schedule_beat(now, ends, out);
    }

    /// Says on the stream of a tool that waits that it goes on; `false` where its time is over, or
    /// where there is no such stream.
    pub(super) fn beat(&mut self, now: Now, out: &mut Output) -> bool {
        let seconds = self.shared().limits.heartbeat_s;
        let ServerState::Awaiting(exchange, wait) = &mut self.state else {
            return false;
        };
        let ends = wait.ends();
        if !exchange.streams || ends.is_none_or(|ends| ends <= now) {
            return false;
        }
        out.bytes.extend_from_slice(b": heartbeat\n");
        if let Some(progress) = exchange
            .rpc
            .as_mut()
            .and_then(|call| call.progress(seconds))
        {
            write_event(&progress, out);
        }
        self.schedule_beat(now, ends, out);
        true
    }

    fn schedule_beat(&self, now: Now, ends: Option<Now>, out: &mut Output) {
        let next = now.plus_ms(self.shared().limits.heartbeat_s.saturating_mul(1000));
        out.deadline = Some(Some(ends.map_or(next, |ends| ends.min(next))));
    }

    /// Carries out a request of the API for the caller of the message.
    fn ask_api(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        request: ApiRequest,
        out: &mut Output,
    ) {
        let mut segments = ["api", "v1"].map(str::to_owned).to_vec();
        segments.extend(request.path);
        let (row, places) = match routes::find(request.method, &segments) {
            Match::Found(row, places) => (row, places),
            _ => return self.fail(now, exchange, &Problem::not_found("route"), out),
        };
        let query = Query::of(request.query);
        let checked = match row.operation() {
            Some(operation) => operation.check_query(&query),
            None => Err(Problem::not_found("route")),
        };
        if let Err(problem) = checked {
            return self.fail(now, exchange, &problem, out);
        }
        if let Err(refusal) = row.need.of_key().check(&exchange.caller) {
            let problem = refused(&refusal, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        exchange.row = Some(row);
        exchange.places = places;
        exchange.method = request.method.to_owned();
        exchange.media = ContentKind::Json;
        exchange.repeat_key = request.repeat_key;
        // It is only looked at for what may come again.
        let is_kept = exchange.repeat_key.is_some();
        exchange.target = RequestTarget {
            raw: match is_kept {
                true => format!("{segments:?}{query:?}"),
                false => String::new(),
            },
            segments: Vec::new(),
            query,
        };
        self.run(now, exchange, request.body.unwrap_or_default(), out);
    }

    /// Opens a stream on which nothing is said.
    fn begin_quiet(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        listener: Option<Box<ResourceListener>>,
        out: &mut Output,
    ) {
        if self.stopping {
            let problem = refused(&Refusal::Stopping, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        // A stream ends with its connection.
        exchange.close = true;
        let response = Response::new(200, MediaType::Events, Vec::new());
        response.write_head(exchange.frame(now), Length::Close, &mut out.bytes);
        self.log(&exchange, response.status);
        let who = (&exchange.caller, listener);
        let stream = QuietStream::start(who, &self.opening.shared, now, out);
        self.state = ServerState::Quiet(stream);
    }

    /// Of the seed of the connection, so that a test can repeat it.
    fn fence_id(&self) -> FenceId {
        let digest = sha256_parts([
            &b"fence"[..],
            &self.opening.seed.to_be_bytes(),
            &self.requests.to_be_bytes(),
        ]);
        let mut id = FenceId::default();
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        id
    }
}

/// One event of a stream. JSON has no line end in it.
fn write_event(json: &[u8], out: &mut Output) {
    out.bytes.extend_from_slice(b"data: ");
    out.bytes.extend_from_slice(json);
    out.bytes.extend_from_slice(b"\n\n");
}

/// Checks a head: its method, then Accept, then what it says of its body.
fn check_head(exchange: &Exchange) -> Result<(), Box<Problem>> {
    let fields = exchange.rpc_fields.as_deref();
    let is_stream = |fields: &RpcFields| {
        let is_modern = fields.version.as_deref() == Some(MODERN);
        exchange.method == "GET" && header::accepts_events(fields) && !is_modern
    };
    let has_body = exchange.framing != Framing::None;
    if fields.is_some_and(is_stream) && !has_body {
        return exchange.target.query.check(|_| None);
    }
    if exchange.method != "POST" {
        let problem = Problem::method("POST".to_owned());
        return Err(match has_body {
            true => problem.and_close(),
            false => problem,
        });
    }
    if !fields.is_some_and(header::accepts_both) {
        return Err(Problem::new(
            &NOT_ACCEPTABLE,
            "Accept must name both `application/json` and `text/event-stream`.",
            "Send `Accept: application/json, text/event-stream`.",
        ));
    }
    if exchange.encoded {
        return Err(encoded());
    }
    if exchange.media == ContentKind::Other {
        return Err(not_json());
    }
    exchange.target.query.check(|_| None)
}
