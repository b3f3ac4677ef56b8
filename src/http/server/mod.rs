//! The serving side of HTTP/1.1: one request at a time, each from head to last octet.
//!
//! ```text
//! ExpectHead -> ExpectLogin -> (rate) -> ExpectBody -> ExpectAnswer -> (response) -> ExpectHead
//!     |                                                  |
//!     |                                                  +-> Streaming (until it closes)
//!     |                                                  +-> Socket (until it closes)
//!     |                                                  +-> Awaiting -> (response)
//!     +-> (any doubt: rate, response, close)             +-> Paging <-> ExpectDrained
//! ```
//!
//! Anything that two readers could frame differently ends the connection after its response;
//! the octets behind it are never interpreted. Keys are checked before a body is read, so that
//! a client without a key cannot fill memory. A key is checked a second time, while its
//! revocation is watched for, before the connection relies on the check.
//!
//! Every request is counted against a rate before it is answered, also one that is refused: of
//! its key, or of its address where it has none. What is left stands in every response.

mod awaiting;
mod begin;
mod download;
mod exchange;
mod import;
mod paging;
mod rpc;
mod socket;

use crate::call::{
    Event, Holders, LONG_ANSWER_BYTES, Metric, Now, Opening, RaisedGauge, Refusal, Reply, RequestId,
};
use crate::engine::{HIGH_WATER, Input, Output, Trust};
use crate::http::api::codes;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::mcp::quiet::QuietStream;
use crate::http::stream::{EndReason, EventSocket, EventStream, MessageWait};
use crate::http::wire::body::BodyReader;
use crate::http::wire::head::{self, Finder, Framing, HeadSearch};
use crate::http::wire::response::{Length, MediaType, Response};
use exchange::{Exchange, KnownKey, Waiting};
use paging::Paging;

/// The serving side.
#[derive(Debug)]
pub struct Server {
    pub(crate) opening: Opening,
    pub(crate) state: ServerState,
    finder: Finder,
    /// Requests so far; the seed of request ids.
    requests: u64,
    /// The key that this connection used last.
    known: Option<KnownKey>,
    /// Wrong keys so far.
    failures: usize,
    /// The server stops: the response under way is the last.
    pub(crate) stopping: bool,
    /// In the gauge of streams, for as long as the service holds a lease of the connection.
    held: Option<RaisedGauge>,
}

/// Each state is named for the event that it waits for.
#[derive(Debug)]
pub(crate) enum ServerState {
    /// A request; `true` once its first octet is there.
    ExpectHead(bool),
    ExpectLogin(Box<Exchange>),
    ExpectBody(Box<Exchange>, Box<BodyReader>),
    /// The rest of a small body whose request has been refused.
    Skip(u64),
    /// The answer to a call of a request.
    ExpectAnswer(Box<Exchange>, Waiting),
    /// The departure of a page of a long response.
    ExpectDrained(Box<Exchange>, Box<Paging>),
    /// A message, for a request that waits for one.
    Awaiting(Box<Exchange>, Box<MessageWait>),
    /// The request is kept until its response has begun.
    Streaming(Option<Box<Exchange>>, Box<EventStream>),
    /// Frames of a WebSocket.
    Socket(Box<EventSocket>),
    /// The end of a stream on which nothing is said.
    Quiet(QuietStream),
    /// Nothing: the connection ends.
    Closed,
}

impl Server {
    /// A new conversation.
    pub fn new(opening: Opening) -> Self {
        Server {
            opening,
            state: ServerState::ExpectHead(false),
            finder: Finder::default(),
            requests: 0,
            known: None,
            failures: 0,
            stopping: false,
            held: None,
        }
    }

    /// The trust in the peer: none while no key has been shown and no request is under way.
    pub fn trust(&self) -> Trust {
        match (&self.known, &self.state) {
            (None, ServerState::ExpectHead(_) | ServerState::Closed) => Trust::Stranger,
            _ => Trust::Known,
        }
    }

    /// One input; returns how many bytes were used.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        match input {
            Input::Open => out.deadline = Some(Some(self.head_deadline(now))),
            Input::Bytes(bytes) => return self.bytes(now, bytes, out),
            Input::Reply(reply) => self.reply(now, reply, out),
            Input::Event(event) => self.event(now, event, out),
            Input::Drained => self.drained(now, out),
            Input::Deadline => self.deadline(now, out),
            Input::Eof => self.eof(now, out),
            Input::Shutdown => self.shutdown(now, out),
            // For outgoing connections only.
            Input::Failed(_) => {}
        }
        0
    }

    fn bytes(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectHead(begun) => self.head_bytes(now, begun, bytes, out),
            ServerState::ExpectBody(exchange, body) => {
                self.body_bytes(now, exchange, body, bytes, out)
            }
            // The connection ends with the stream, so octets behind its request are dropped.
            ServerState::Streaming(exchange, stream) => {
                self.state = ServerState::Streaming(exchange, stream);
                bytes.len()
            }
            ServerState::Quiet(stream) => {
                self.state = ServerState::Quiet(stream);
                bytes.len()
            }
            ServerState::Closed => bytes.len(),
            ServerState::Socket(mut socket) => {
                let used = socket.bytes(now, bytes, &self.opening, out);
                self.state = ServerState::Socket(socket);
                used
            }
            state @ ServerState::Awaiting(..) => {
                self.state = state;
                self.await_bytes(bytes, out)
            }
            ServerState::Skip(left) => {
                let used = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.skip(now, left.saturating_sub(used as u64), out);
                used
            }
            other => {
                self.state = other;
                0
            }
        }
    }

    fn head_bytes(&mut self, now: Now, begun: bool, bytes: &[u8], out: &mut Output) -> usize {
        if !begun {
            out.deadline = Some(Some(self.head_deadline(now)));
        }
        self.state = ServerState::ExpectHead(true);
        let limits = &self.opening.shared.limits;
        let end = match self.finder.find(bytes, limits) {
            Ok(HeadSearch::Partial) => return 0,
            Ok(HeadSearch::Empty) => return 2,
            Ok(HeadSearch::Complete(end)) => end,
            Err(problem) => {
                self.refuse_head(now, problem, out);
                return bytes.len();
            }
        };
        match head::parse(bytes.get(..end).unwrap_or_default(), limits) {
            Ok(head) => self.begin(now, head, out),
            Err(problem) => {
                self.refuse_head(now, problem, out);
                return bytes.len();
            }
        }
        end
    }

    /// Answers octets that are not a request, and closes.
    fn refuse_head(&mut self, now: Now, problem: Box<Problem>, out: &mut Output) {
        self.requests += 1;
        self.shared().metrics.count(Metric::HttpRequests);
        let exchange = Exchange::broken(RequestId::http(self.opening.seed, self.requests));
        if self.stopping {
            return self.fail(now, Box::new(exchange), &problem, out);
        }
        out.deadline = Some(None);
        self.fail_unknown(now, Box::new(exchange), problem, out);
    }

    fn body_bytes(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        mut body: Box<BodyReader>,
        bytes: &[u8],
        out: &mut Output,
    ) -> usize {
        let result = body.take(now, bytes);
        self.count_revoked(&body);
        match result {
            Ok((used, false)) => {
                out.deadline = Some(Some(body.deadline()));
                self.state = ServerState::ExpectBody(exchange, body);
                used
            }
            Ok((used, true)) => {
                out.deadline = Some(None);
                exchange.framing = Framing::None;
                let whole = body.whole();
                exchange.charge = Some(whole.charge);
                self.run(now, exchange, whole.octets, out);
                used
            }
            Err(problem) => {
                self.fail(now, exchange, &problem, out);
                bytes.len()
            }
        }
    }

    fn reply(&mut self, now: Now, reply: Reply, out: &mut Output) {
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectLogin(exchange) => self.login(now, exchange, reply, out),
            ServerState::ExpectAnswer(exchange, waiting) => {
                self.answer(now, exchange, waiting, reply, out);
            }
            ServerState::Awaiting(exchange, wait) => {
                self.await_reply(now, exchange, wait, reply, out);
            }
            ServerState::Streaming(exchange, stream) => {
                self.stream_reply(now, exchange, stream, reply, out);
            }
            ServerState::Socket(mut socket) => {
                socket.reply(now, reply, &self.opening, out);
                self.state = ServerState::Socket(socket);
            }
            other => self.state = other,
        }
    }

    fn stream_reply(
        &mut self,
        now: Now,
        exchange: Option<Box<Exchange>>,
        mut stream: Box<EventStream>,
        reply: Reply,
        out: &mut Output,
    ) {
        let result = stream.reply(now, reply, out);
        if stream.is_open() && self.held.is_none() {
            self.held = Some(RaisedGauge::new(&self.opening.shared, Metric::Streams));
        }
        let Some(mut exchange) = exchange else {
            match result {
                Ok(_) if out.close => self.close(out),
                Ok(_) => self.state = ServerState::Streaming(None, stream),
                Err(problem) => {
                    stream.fail(now, &problem, out);
                    self.close(out);
                }
            }
            return;
        };
        match result {
            Ok(None) => self.state = ServerState::Streaming(Some(exchange), stream),
            Ok(Some(_)) if self.stopping => {
                exchange.close = true;
                let problem = refused(&Refusal::Stopping, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            Ok(Some(first)) => {
                // A stream ends with its connection.
                exchange.close = true;
                let response = Response::new(200, MediaType::Events, Vec::new());
                response.write_head(exchange.frame(now), Length::Close, &mut out.bytes);
                self.log(&exchange, response.status);
                if exchange.head_only {
                    return self.close(out);
                }
                stream.start(now, first, out);
                self.state = ServerState::Streaming(None, stream);
            }
            Err(problem) => {
                // A lease ends with its connection.
                exchange.close |= stream.is_open();
                self.fail(now, exchange, &problem, out);
            }
        }
    }

    fn event(&mut self, now: Now, event: &Event, out: &mut Output) {
        let known = self.known.as_ref();
        let revoked = known
            .and_then(|known| known.caller.key())
            .is_some_and(|access| event.ends_access(access));
        if revoked {
            self.known = None;
        }
        match &mut self.state {
            ServerState::Awaiting(..) => return self.await_event(now, event, out),
            ServerState::Streaming(_, stream) => stream.event(now, event, out),
            ServerState::Socket(socket) => return socket.event(now, event, out),
            // A download ends at once when its key is revoked.
            ServerState::Quiet(stream) if revoked => stream.end(EndReason::KeyRevoked, out),
            ServerState::ExpectDrained(..) if revoked => out.close = true,
            ServerState::ExpectAnswer(_, waiting) if revoked && waiting.is_page() => {
                out.close = true
            }
            _ => {}
        }
        if out.close {
            self.state = ServerState::Closed;
        }
    }

    fn drained(&mut self, now: Now, out: &mut Output) {
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectDrained(exchange, paging) => {
                self.next_page(now, exchange, paging, out)
            }
            ServerState::Streaming(exchange, mut stream) => {
                stream.drained(now, out);
                self.state = ServerState::Streaming(exchange, stream);
            }
            ServerState::Socket(mut socket) => {
                socket.drained(now, out);
                self.state = ServerState::Socket(socket);
            }
            other => self.state = other,
        }
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
        if matches!(self.state, ServerState::Awaiting(..)) {
            return self.await_deadline(now, out);
        }
        if self.with_socket(|socket, opening| socket.deadline(now, opening, out)) {
            return;
        }
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectHead(true) => {
                self.shared().metrics.count(Metric::TimedOut);
                let problem = Problem::timeout("The request head took too long.");
                self.refuse_head(now, problem, out);
            }
            ServerState::ExpectBody(exchange, mut body) => match body.look(now) {
                Ok(()) => {
                    out.deadline = Some(Some(body.deadline()));
                    self.state = ServerState::ExpectBody(exchange, body);
                }
                Err(problem) => {
                    self.count_revoked(&body);
                    if problem.code == codes::TIMEOUT {
                        self.shared().metrics.count(Metric::TimedOut);
                    }
                    self.fail(now, exchange, &problem, out);
                }
            },
            ServerState::Streaming(exchange, mut stream) => {
                stream.deadline(now, out);
                if !out.close {
                    self.state = ServerState::Streaming(exchange, stream);
                }
            }
            ServerState::Quiet(mut stream) => {
                stream.deadline(now, out);
                if !out.close {
                    self.state = ServerState::Quiet(stream);
                }
            }
            ServerState::ExpectHead(false) => {
                self.shared().metrics.count(Metric::TimedOut);
                self.close(out);
            }
            ServerState::Skip(_) | ServerState::Closed => self.close(out),
            other => self.state = other,
        }
    }

    /// The peer sends no more. A request that is under way is answered; nothing follows it.
    fn eof(&mut self, now: Now, out: &mut Output) {
        if self.with_socket(|_, _| out.close = true) {
            return;
        }
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectBody(exchange, _) => {
                let problem = Problem::syntax("The request ends within its body.");
                self.fail(now, exchange, &problem, out);
            }
            ServerState::ExpectDrained(mut exchange, paging) => {
                exchange.close = true;
                self.state = ServerState::ExpectDrained(exchange, paging);
            }
            _ => self.close(out),
        }
    }

    fn shutdown(&mut self, now: Now, out: &mut Output) {
        self.stopping = true;
        if matches!(self.state, ServerState::Awaiting(..)) {
            return self.await_shutdown(now, out);
        }
        if self.with_socket(|socket, opening| socket.shutdown(now, opening, out)) {
            return;
        }
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectHead(false) | ServerState::Skip(_) | ServerState::Closed => {
                self.close(out)
            }
            ServerState::Quiet(mut stream) => {
                let reconnect_after_ms = 0;
                stream.end(EndReason::Shutdown { reconnect_after_ms }, out);
                self.close(out);
            }
            ServerState::ExpectHead(true) => {
                let problem = refused(&Refusal::Stopping, &self.shared().limits);
                self.refuse_head(now, problem, out);
            }
            ServerState::ExpectBody(exchange, _) => {
                let problem = refused(&Refusal::Stopping, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            ServerState::Streaming(exchange, mut stream) => {
                if stream.is_started() {
                    stream.shutdown(now, out);
                }
                if !out.close {
                    self.state = ServerState::Streaming(exchange, stream);
                }
            }
            other => self.state = other,
        }
    }

    fn head_deadline(&self, now: Now) -> Now {
        now.plus_ms(self.shared().limits.http_head_s.saturating_mul(1000))
    }
}

impl Server {
    /// The response to a request has been written whole: the next one, or the end.
    pub(crate) fn finish(&mut self, now: Now, exchange: &Exchange, out: &mut Output) {
        if exchange.close || self.stopping {
            return self.close(out);
        }
        if let Framing::Length(left) = exchange.framing {
            out.deadline = Some(Some(self.head_deadline(now)));
            self.state = ServerState::Skip(left);
            return;
        }
        self.await_head(now, out);
    }

    fn skip(&mut self, now: Now, left: u64, out: &mut Output) {
        match left {
            0 => self.await_head(now, out),
            left => self.state = ServerState::Skip(left),
        }
    }

    fn await_head(&mut self, now: Now, out: &mut Output) {
        self.state = ServerState::ExpectHead(false);
        let idle_ms = self.shared().limits.http_keep_alive_s.saturating_mul(1000);
        out.deadline = Some(Some(now.plus_ms(idle_ms)));
    }

    pub(crate) fn close(&mut self, out: &mut Output) {
        out.close = true;
        out.deadline = Some(None);
        self.state = ServerState::Closed;
    }

    /// A whole response. A long one goes out piece by piece; it stays in memory for as long as the
    /// peer takes to read it, so it is charged.
    pub(crate) fn respond(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        mut response: Response,
        out: &mut Output,
    ) {
        if let Some(call) = exchange.rpc.take() {
            return self.answer_rpc(now, exchange, call, response, out);
        }
        exchange.close |= self.stopping;
        let size = response.body.len();
        if size <= LONG_BODY || exchange.head_only {
            response.write(exchange.frame(now), &mut out.bytes);
            self.log(&exchange, response.status);
            return self.finish(now, &exchange, out);
        }
        let holders = self.holders(&exchange);
        let held = response.body.held().min(LONG_ANSWER_BYTES);
        let mut charge = self.shared().outgoing.charge(holders);
        if let Err(shortage) = charge.hold(held, now.mono_ms) {
            let problem = Problem::unavailable(codes::BUSY, format!("{shortage}."));
            return self.fail(now, exchange, &problem, out);
        }
        let body = core::mem::take(&mut response.body);
        let paging = Paging::Body {
            pieces: body.into_pieces(),
            _charge: charge,
        };
        self.send_pages(now, exchange, (&response, size as u64), paging, out);
    }

    /// An error. A small body that is on its way is skipped. After any other body that has not
    /// been read the connection ends.
    pub(crate) fn fail(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        problem: &Problem,
        out: &mut Output,
    ) {
        let metrics = &self.shared().metrics;
        match problem.code.status {
            400 if problem.fatal || problem.code == codes::INVALID_JSON => {
                metrics.count(Metric::SyntaxErrors);
            }
            413 | 414 | 431 => metrics.count(Metric::TooLong),
            503 if problem.code == codes::BUSY => metrics.count(Metric::RejectedMemory),
            _ => {}
        }
        let skips = match exchange.framing {
            Framing::None => true,
            Framing::Length(n) => n <= SKIP_MAX && !exchange.expects,
            Framing::Chunked => false,
        };
        exchange.close |= problem.fatal || !skips;
        exchange.allowance = problem.allowance.or(exchange.allowance);
        let response = problem.response(&exchange.id);
        self.respond(now, exchange, response, out);
    }

    /// The line of a request, once its response has begun.
    pub(crate) fn log(&self, exchange: &Exchange, status: u16) {
        // What failed here is of interest without the line of every request.
        let level = match status {
            500.. => log::Level::Info,
            _ => log::Level::Debug,
        };
        log::log!(
            level,
            "conn={} request_id={} method={} route={} status={status}",
            self.opening.conn.0,
            exchange.id,
            exchange.row.map_or("-", |row| row.method),
            exchange.row.map_or("-", |row| row.path),
        );
    }

    pub(crate) fn fail_internal(&mut self, now: Now, exchange: Box<Exchange>, out: &mut Output) {
        log::error!(
            "conn={} request_id={} an answer that does not fit its call",
            self.opening.conn.0,
            exchange.id
        );
        let problem = refused(&Refusal::Internal, &self.shared().limits);
        self.fail(now, exchange, &problem, out);
    }

    /// Those to whom the memory of a request belongs.
    pub(crate) fn holders(&self, exchange: &Exchange) -> Holders {
        Holders::of(&exchange.caller, self.opening.peer.ip())
    }

    fn count_revoked(&self, body: &BodyReader) {
        if body.is_revoked() {
            self.shared().metrics.count(Metric::ArrivalsRevoked);
        }
    }

    pub(crate) fn shared(&self) -> &crate::call::Shared {
        &self.opening.shared
    }
}

/// Octets of the body of a refused request that are read so that the connection can go on.
const SKIP_MAX: u64 = 65_536;

/// Longer responses are charged, and go out piece by piece.
const LONG_BODY: usize = HIGH_WATER;
