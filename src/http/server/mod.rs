//! The serving side of HTTP/1.1: one request at a time, each from head to last octet.
//!
//! ```text
//! ExpectHead -> ExpectLogin -> (rate) -> ExpectBody -> ExpectAnswer -> (response) -> ExpectHead
//!     |                                                  |
//!     |                                                  +-> Streaming (until it closes)
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

mod download;
mod exchange;
mod paging;

use crate::call::{
    Allowance, Answer, Ask, Caller, Event, Holders, LONG_ANSWER_BYTES, Look, Metric, Now, Opening,
    Refusal, Reply, Topic,
};
use crate::crypto::sha256_parts;
use crate::engine::{HIGH_WATER, Input, Output, Trust};
use crate::http::api::codes;
use crate::http::api::operation::Takes;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::api::routes::{self, Match, RouteNeed, RouteRow};
use crate::http::stream::EventStream;
use crate::http::wire::body::BodyReader;
use crate::http::wire::head::{self, Credentials, Finder, Framing, HeadSearch};
use crate::http::wire::response::{Length, MediaType, Response, request_id};
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
    /// The request is kept until its response has begun.
    Streaming(Option<Box<Exchange>>, Box<EventStream>),
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
            ServerState::Closed => bytes.len(),
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
        let exchange = Exchange::broken(request_id(self.opening.seed, self.requests));
        if self.stopping {
            return self.fail(now, Box::new(exchange), &problem, out);
        }
        out.deadline = Some(None);
        self.fail_unknown(Box::new(exchange), problem, out);
    }

    /// A head is there: finds its route, checks its body and query, and authenticates.
    fn begin(&mut self, now: Now, head: head::RequestHead, out: &mut Output) {
        self.requests += 1;
        self.shared().metrics.count(Metric::HttpRequests);
        out.deadline = Some(None);
        let id = request_id(self.opening.seed, self.requests);
        let mut exchange = Box::new(Exchange::new(id, head));
        if exchange.method == "OPTIONS" {
            self.options(exchange, out);
            return;
        }
        let segments = exchange.target.segments.as_slice();
        let (row, places) = match routes::find(&exchange.method, segments) {
            Match::Found(row, places) => (row, places),
            Match::Methods(allow) => {
                return self.fail_counted(now, exchange, Problem::method(allow), out);
            }
            Match::Later => {
                return self.fail_counted(now, exchange, Problem::later(), out);
            }
            Match::None => {
                return self.fail_counted(now, exchange, Problem::not_found("route"), out);
            }
        };
        exchange.row = Some(row);
        exchange.places = places;
        let Some(operation) = row.operation() else {
            return self.fail_internal(now, exchange, out);
        };
        let known = |name: &str| {
            let row = operation.query.iter().find(|row| row.name == name)?;
            Some(row.repeats())
        };
        let checked = check_body(operation.takes, &exchange)
            .and_then(|()| exchange.target.query.check(known));
        if let Err(problem) = checked {
            if row.need != RouteNeed::Nothing {
                return self.fail_counted(now, exchange, problem, out);
            }
            exchange.fault = Some(problem);
        }
        self.authenticate(now, exchange, row.need, out);
    }

    fn options(&mut self, mut exchange: Box<Exchange>, out: &mut Output) {
        let allow = match routes::find("OPTIONS", &exchange.target.segments) {
            Match::Methods(allow) => allow,
            Match::Later => return self.fail_unknown(exchange, Problem::later(), out),
            _ if exchange.any_target => "GET, HEAD, POST, PATCH, DELETE, OPTIONS".to_owned(),
            _ => return self.fail_unknown(exchange, Problem::not_found("route"), out),
        };
        // There is no Access-Control field, so a page of another origin gets nothing.
        let mut response = Response::nothing();
        response.add("Allow", allow);
        exchange.close |= exchange.framing != Framing::None;
        out.ask = Some(Ask::anonymous(Look::RequestRate));
        self.state = ServerState::ExpectAnswer(exchange, Waiting::Stranger(Ok(response)));
    }

    fn authenticate(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        need: RouteNeed,
        out: &mut Output,
    ) {
        let near = need == RouteNeed::Near && self.opening.peer.ip().is_loopback();
        let credentials = core::mem::replace(&mut exchange.credentials, Credentials::None);
        match credentials {
            // With a right key a request counts against the key on every route, so that the rate
            // of its address does not stop it.
            Credentials::Bearer(secret)
                if need != RouteNeed::Nothing || !self.opening.peer.ip().is_loopback() =>
            {
                let org = exchange.organization.as_deref().unwrap_or_default();
                let digest = sha256_parts([secret.expose(), &b"\0"[..], org.as_bytes()]);
                exchange.secret = Some(secret.clone());
                let known = self
                    .known
                    .as_ref()
                    .filter(|known| known.serves(&digest, now));
                if let Some(known) = known {
                    exchange.caller = known.caller.clone();
                    return self.count(exchange, out);
                }
                exchange.digest = digest;
                out.ask = Some(Ask::anonymous(Look::Authenticate {
                    listener: self.opening.listener,
                    user: exchange.organization.clone(),
                    secret,
                }));
                self.state = ServerState::ExpectLogin(exchange);
            }
            // A page that a browser of this machine shows can be made to ask here.
            _ if near
                && !(exchange.host.as_deref())
                    .is_some_and(|host| head::is_ours(host, &self.shared().host)) =>
            {
                self.fail(now, exchange, &Problem::host_not_ours(), out);
            }
            // Monitoring on the same machine is not counted.
            _ if near || (need == RouteNeed::Nothing && self.opening.peer.ip().is_loopback()) => {
                let limit = self.shared().limits.http_anonymous_per_minute;
                exchange.allowance = Some(Allowance::full(limit as u64));
                self.proceed(now, exchange, out);
            }
            _ if need == RouteNeed::Nothing => {
                self.count(exchange, out);
            }
            Credentials::None => {
                let problem = Problem::unauthorized("A key is needed here.");
                self.fail_unknown(exchange, problem, out);
            }
            _ => {
                let problem = Problem::unauthorized("Authorization is not a bearer token.");
                self.fail_unknown(exchange, problem, out);
            }
        }
    }

    /// The answer to a login.
    fn login(&mut self, now: Now, mut exchange: Box<Exchange>, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Answer(Answer::Authenticated(caller)) => {
                let same =
                    |known: &KnownKey| known.digest == exchange.digest && known.caller == caller;
                let again = self.known.as_ref().is_some_and(same);
                let topics = caller.key().into_iter().flat_map(Topic::ends_of);
                out.watch = Some(topics.collect());
                self.known = Some(KnownKey {
                    digest: exchange.digest,
                    caller: caller.clone(),
                    confirmed: again,
                });
                let lasts =
                    exchange.fault.is_none() && exchange.row.is_some_and(RouteRow::is_lasting);
                if lasts
                    && !again
                    && let Some(secret) = exchange.secret.clone()
                {
                    // A stream relies on this check for its whole life. The check is made again
                    // now that the watch is in place, so that no revocation is missed.
                    out.ask = Some(Ask::anonymous(Look::Authenticate {
                        listener: self.opening.listener,
                        user: exchange.organization.clone(),
                        secret,
                    }));
                    self.state = ServerState::ExpectLogin(exchange);
                    return;
                }
                exchange.caller = caller;
                self.count(exchange, out);
            }
            Reply::Refused(_)
                if (exchange.row).is_some_and(|row| row.need == RouteNeed::Nothing) =>
            {
                self.known = None;
                self.failures += 1;
                exchange.close |= self.failures >= self.shared().limits.login_tries;
                self.count(exchange, out);
            }
            Reply::Refused(refusal) => {
                self.known = None;
                let mut problem = refused(&refusal, &self.shared().limits);
                if let Refusal::BadCredentials { .. } | Refusal::LoginLimited { .. } = refusal {
                    self.failures += 1;
                    if self.failures >= self.shared().limits.login_tries {
                        self.shared().metrics.count(Metric::TooManyErrors);
                        problem.fatal = true;
                    }
                }
                self.fail(now, exchange, &problem, out);
            }
            _ => self.fail_internal(now, exchange, out),
        }
    }

    /// The caller is known, or none is needed: counts the request.
    fn count(&mut self, exchange: Box<Exchange>, out: &mut Output) {
        out.ask = Some(exchange.ask(Look::RequestRate));
        self.state = ServerState::ExpectAnswer(exchange, Waiting::Rate);
    }

    /// The request is counted: checks the scope, then reads the body.
    pub(crate) fn proceed(&mut self, now: Now, mut exchange: Box<Exchange>, out: &mut Output) {
        if let Some(problem) = exchange.fault.take() {
            return self.fail(now, exchange, &problem, out);
        }
        let Some(row) = exchange.row else {
            return self.fail_internal(now, exchange, out);
        };
        let checked = match exchange.caller {
            // A route that needs a key has refused this request before.
            Caller::Anonymous => Ok(()),
            _ => row.need.of_key().check(&exchange.caller),
        };
        if let Err(refusal) = checked {
            let problem = refused(&refusal, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        if exchange.framing == Framing::None {
            return self.run(now, exchange, &[], out);
        }
        let limits = &self.shared().limits;
        let max = match row.operation().map(|operation| operation.takes) {
            Some(Takes::Message(_)) => limits.http_send_bytes,
            _ => limits.http_body_bytes,
        };
        let holders = self.holders(&exchange);
        let charge = self.shared().intake.arrival(holders, now.mono_ms);
        match BodyReader::new(exchange.framing, max, charge, now) {
            Err(problem) => self.fail(now, exchange, &problem, out),
            Ok(body) => {
                if exchange.expects {
                    out.bytes
                        .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                out.deadline = Some(Some(body.deadline()));
                self.state = ServerState::ExpectBody(exchange, Box::new(body));
            }
        }
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
                self.run(now, exchange, &whole.octets, out);
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
            ServerState::Streaming(exchange, stream) => {
                self.stream_reply(now, exchange, stream, reply, out);
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
            Err(problem) => self.fail(now, exchange, &problem, out),
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
            ServerState::Streaming(_, stream) => stream.event(now, event, out),
            // A download ends at once when its key is revoked.
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
                stream.drained(out);
                self.state = ServerState::Streaming(exchange, stream);
            }
            other => self.state = other,
        }
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
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
        match core::mem::replace(&mut self.state, ServerState::Closed) {
            ServerState::ExpectHead(false) | ServerState::Skip(_) | ServerState::Closed => {
                self.close(out)
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
                } else {
                    self.state = ServerState::Streaming(exchange, stream);
                }
            }
            other => self.state = other,
        }
    }

    /// Fails an anonymous request. These have a rate limit for each address.
    fn fail_unknown(&mut self, exchange: Box<Exchange>, problem: Box<Problem>, out: &mut Output) {
        out.ask = Some(Ask::anonymous(Look::RequestRate));
        self.state = ServerState::ExpectAnswer(exchange, Waiting::Stranger(Err(problem)));
    }

    /// Fails a request whose caller is not known yet. With a key it counts against the rate of
    /// the key, so the key is checked first.
    fn fail_counted(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        problem: Box<Problem>,
        out: &mut Output,
    ) {
        if matches!(exchange.credentials, Credentials::Bearer(_)) {
            exchange.fault = Some(problem);
            self.authenticate(now, exchange, RouteNeed::Key, out);
        } else {
            self.fail_unknown(exchange, problem, out);
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
    fn holders(&self, exchange: &Exchange) -> Holders {
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

/// Checks the body of a request against its route, as far as the head tells.
fn check_body(takes: Takes, exchange: &Exchange) -> Result<(), Box<Problem>> {
    if exchange.encoded {
        let message = "A Content-Encoding is not accepted.";
        return Err(Problem::new(
            codes::UNSUPPORTED_ENCODING,
            message,
            "Send the body as it is.",
        )
        .and_close());
    }
    if exchange.framing == Framing::None {
        return Ok(());
    }
    if takes.table().is_none() {
        // A proxy may think that the request has no body, so the connection ends after it.
        return Err(
            Problem::bad_request(codes::UNEXPECTED_BODY, "This request takes no body.").and_close(),
        );
    }
    if exchange.media == head::ContentKind::Other {
        return Err(Problem::new(
            codes::UNSUPPORTED_MEDIA_TYPE,
            "The body must be JSON.",
            "Send it with Content-Type: application/json.",
        )
        .and_close());
    }
    Ok(())
}

/// Octets of the body of a refused request that are read so that the connection can go on.
const SKIP_MAX: u64 = 65_536;

/// Longer responses are charged, and go out piece by piece.
const LONG_BODY: usize = HIGH_WATER;
