//! A request from its head to the body: its route, its key, its rate, its scope.
//!
//! It frames nothing (`mod.rs`), and it does not carry the request out (`exchange.rs`). The rule:
//! a request is counted before it is answered, and its key is checked before its body is read.

use super::exchange::{Exchange, KnownKey};
use super::{Server, ServerState};
use crate::call::{
    Allowance, Answer, Caller, Look, Metric, Now, Refusal, Reply, RequestId, Secret, Topic,
};
use crate::crypto::sha256_parts;
use crate::engine::Output;
use crate::http::api::codes;
use crate::http::api::operation::{Takes, XML_BYTES_MAX};
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::api::routes::{self, Match, RouteNeed};
use crate::http::wire::body::BodyReader;
use crate::http::wire::head::{self, Credentials, Framing};
use crate::http::wire::response::Response;

impl Server {
    /// A head is there: finds its route, checks its body and query, and authenticates.
    pub(super) fn begin(&mut self, now: Now, head: head::RequestHead, out: &mut Output) {
        self.requests += 1;
        self.shared().metrics.count(Metric::HttpRequests);
        out.deadline = Some(None);
        let id = RequestId::http(self.opening.seed, self.requests);
        let mut exchange = Box::new(Exchange::new(id, head));
        self.stopping |= self.shared().is_stopping();
        if self.stopping && !routes::is_for_drain(&exchange.target.segments) {
            let problem = refused(&Refusal::Stopping, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        let is_change = !matches!(exchange.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let depth_max = self.shared().limits.webhook_depth.min(DEPTH_MAX);
        if is_change && usize::from(exchange.depth) > depth_max {
            self.shared().metrics.count(Metric::RejectedLoop);
            let problem = Problem::too_deep();
            return self.fail_counted(now, exchange, problem, out);
        }
        if exchange.rpc_fields.is_some() {
            return self.begin_rpc(now, exchange, out);
        }
        if exchange.method == "OPTIONS" {
            return self.options(now, exchange, out);
        }
        let segments = exchange.target.segments.as_slice();
        let (row, places) = match routes::find(&exchange.method, segments) {
            Match::Found(row, places) => (row, places),
            Match::Methods(allow) => {
                return self.fail_counted(now, exchange, Problem::method(allow), out);
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
        let checked = check_body(operation.takes, &exchange)
            .and_then(|()| operation.check_query(&exchange.target.query));
        if let Err(problem) = checked {
            if row.need != RouteNeed::Nothing {
                return self.fail_counted(now, exchange, problem, out);
            }
            exchange.fault = Some(problem);
        }
        self.authenticate(now, exchange, row.need, out);
    }

    fn options(&mut self, now: Now, mut exchange: Box<Exchange>, out: &mut Output) {
        let allow = match routes::find("OPTIONS", &exchange.target.segments) {
            Match::Methods(allow) => allow,
            _ if exchange.any_target => "GET, HEAD, POST, PATCH, DELETE, OPTIONS".to_owned(),
            _ => return self.fail_unknown(now, exchange, Problem::not_found("route"), out),
        };
        // There is no Access-Control field, so a page of another origin gets nothing.
        let mut response = Response::nothing();
        response.add("Allow", allow);
        exchange.close |= exchange.framing != Framing::None;
        match self.take_rate(now, &mut exchange) {
            Ok(()) => self.respond(now, exchange, response, out),
            Err(problem) => self.fail(now, exchange, &problem, out),
        }
    }

    /// Whether a route is open to programs on this machine, and the peer is one.
    fn is_near(&self, need: RouteNeed) -> bool {
        need == RouteNeed::Near && self.opening.peer.ip().is_loopback()
    }

    fn has_own_host(&self, exchange: &Exchange) -> bool {
        let host = exchange.host.as_deref();
        host.is_some_and(|host| head::is_ours(host, &self.shared().host))
    }

    pub(super) fn authenticate(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        need: RouteNeed,
        out: &mut Output,
    ) {
        let near = self.is_near(need);
        let credentials = core::mem::replace(&mut exchange.credentials, Credentials::None);
        if matches!(credentials, Credentials::None)
            && let Some(ticket) = exchange.ticket()
        {
            exchange.digest = sha256_parts([&b"\0\0"[..], ticket.expose()]);
            // It is looked at twice for each request, whatever this connection has shown before.
            self.known = None;
            return self.ask_ticket(exchange, ticket, false, out);
        }
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
                    return self.count(now, exchange, out);
                }
                exchange.digest = digest;
                out.ask = Some(exchange.ask(Look::Authenticate {
                    listener: self.opening.listener,
                    user: exchange.organization.clone(),
                    secret,
                }));
                self.state = ServerState::ExpectLogin(exchange);
            }
            // A page that a browser of this machine shows can be made to ask here.
            _ if near && !self.has_own_host(&exchange) => {
                self.fail(now, exchange, &Problem::host_not_ours(), out);
            }
            // Monitoring on the same machine is not counted.
            _ if near || (need == RouteNeed::Nothing && self.opening.peer.ip().is_loopback()) => {
                let limit = self.shared().limits.http_anonymous_per_minute;
                exchange.allowance = Some(Allowance::full(limit as u64));
                self.proceed(now, exchange, out);
            }
            _ if need == RouteNeed::Nothing => {
                self.count(now, exchange, out);
            }
            Credentials::None => {
                let problem = Problem::unauthorized("A key is needed here.");
                self.fail_unknown(now, exchange, problem, out);
            }
            _ => {
                let problem = Problem::unauthorized("Authorization is not a bearer token.");
                self.fail_unknown(now, exchange, problem, out);
            }
        }
    }

    /// Checks a ticket, which stands for a key.
    fn ask_ticket(
        &mut self,
        exchange: Box<Exchange>,
        ticket: Secret,
        spends: bool,
        out: &mut Output,
    ) {
        out.ask = Some(exchange.ask(Look::UseTicket { ticket, spends }));
        self.state = ServerState::ExpectLogin(exchange);
    }

    /// The answer to a login.
    pub(super) fn login(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        reply: Reply,
        out: &mut Output,
    ) {
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
                let lasts = exchange.will_last();
                // A stream relies on this check for its whole life. The check is made again now
                // that the watch is in place, so that no revocation is missed.
                if lasts
                    && !again
                    && exchange.secret.is_none()
                    && let Some(ticket) = exchange.ticket()
                {
                    return self.ask_ticket(exchange, ticket, true, out);
                }
                if lasts
                    && !again
                    && let Some(secret) = exchange.secret.clone()
                {
                    out.ask = Some(exchange.ask(Look::Authenticate {
                        listener: self.opening.listener,
                        user: exchange.organization.clone(),
                        secret,
                    }));
                    self.state = ServerState::ExpectLogin(exchange);
                    return;
                }
                exchange.caller = caller;
                self.count(now, exchange, out);
            }
            Reply::Refused(_)
                if (exchange.row).is_some_and(|row| row.need == RouteNeed::Nothing) =>
            {
                self.known = None;
                self.failures += 1;
                exchange.close |= self.failures >= self.shared().limits.login_tries;
                self.count(now, exchange, out);
            }
            Reply::Refused(Refusal::BadCredentials { .. }) if exchange.secret.is_none() => {
                self.known = None;
                self.fail_unknown(now, exchange, Problem::bad_ticket(), out);
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
    fn count(&mut self, now: Now, mut exchange: Box<Exchange>, out: &mut Output) {
        match self.take_rate(now, &mut exchange) {
            Ok(()) => self.proceed(now, exchange, out),
            Err(problem) => self.fail(now, exchange, &problem, out),
        }
    }

    /// Counts a request against the rate of its caller, and keeps what is left of it.
    fn take_rate(&self, now: Now, exchange: &mut Exchange) -> Result<(), Box<Problem>> {
        let shared = self.shared();
        let (limits, peer) = (&shared.limits, self.opening.peer.ip());
        match shared.requests.count(limits, &exchange.caller, peer, now) {
            Ok(left) => {
                exchange.allowance = Some(left);
                Ok(())
            }
            Err(refusal) => {
                shared.metrics.count(Metric::RateLimited);
                Err(match (refusal, &exchange.caller) {
                    (Refusal::RateLimited { retry_ms, .. }, Caller::Anonymous) => {
                        Problem::too_many(retry_ms, limits.http_anonymous_per_minute as u64)
                    }
                    (refusal, _) => refused(&refusal, limits),
                })
            }
        }
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
            // Here a key gives no less than none.
            _ if self.is_near(row.need) && self.has_own_host(&exchange) => Ok(()),
            _ => row.need.of_key().check(&exchange.caller),
        };
        if let Err(refusal) = checked {
            let problem = refused(&refusal, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        if exchange.framing == Framing::None {
            return self.run(now, exchange, Vec::new(), out);
        }
        let limits = &self.shared().limits;
        let max = match row.operation().map(|operation| operation.takes) {
            Some(Takes::Message(_)) => limits.http_send_bytes,
            Some(Takes::Xml) => XML_BYTES_MAX,
            Some(Takes::Octets) => limits.upload_bytes(),
            Some(Takes::MessageOctets) => limits.message_bytes,
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

    /// Fails an anonymous request. These have a rate limit for each address.
    pub(super) fn fail_unknown(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        problem: Box<Problem>,
        out: &mut Output,
    ) {
        let problem = self.take_rate(now, &mut exchange).err().unwrap_or(problem);
        self.fail(now, exchange, &problem, out);
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
            self.fail_unknown(now, exchange, problem, out);
        }
    }
}

/// Checks the body of a request against its route, as far as the head tells.
fn check_body(takes: Takes, exchange: &Exchange) -> Result<(), Box<Problem>> {
    if exchange.encoded {
        return Err(encoded());
    }
    if exchange.framing == Framing::None
        || matches!(takes, Takes::Xml | Takes::Octets | Takes::MessageOctets)
    {
        return Ok(());
    }
    if takes.table().is_none() {
        // A proxy may think that the request has no body, so the connection ends after it.
        return Err(Problem::new(
            codes::UNEXPECTED_BODY,
            "This request takes no body.",
            "Send it again without one.",
        )
        .and_close());
    }
    if exchange.media == head::ContentKind::Other {
        return Err(not_json());
    }
    Ok(())
}

/// 415 for a body in another coding.
pub(super) fn encoded() -> Box<Problem> {
    Problem::new(
        codes::UNSUPPORTED_ENCODING,
        "A Content-Encoding is not accepted.",
        "Send the body as it is.",
    )
    .and_close()
}

/// 415 for a body of another type.
pub(super) fn not_json() -> Box<Problem> {
    Problem::new(
        codes::UNSUPPORTED_MEDIA_TYPE,
        "The body must be JSON.",
        "Send it with Content-Type: application/json.",
    )
    .and_close()
}

/// No depth is higher than the next one.
const DEPTH_MAX: usize = 254;
