//! One request between its head and its response: the calls that it makes, and the response
//! that their answers become.
//!
//! It does no framing; `server/mod.rs` does. Here a request already has a route, a caller and
//! a whole body. Long responses go out in pages (`paging.rs`).

use std::sync::Arc;

use super::paging::{GatheredPart, Paging};
use super::{Server, ServerState};
use crate::call::{
    Allowance, Answer, Ask, Call, Caller, Charge, Intake, MessageRead, Metric, Now, OctetsOf,
    PartSource, RepeatKey, Reply, RequestId, Secret, Written,
};
use crate::crypto::Sha256;
use crate::engine::Output;
use crate::http::api::codes;
use crate::http::api::credentials;
use crate::http::api::import::ImportBatch;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::api::routes::{
    RouteRequest, RouteResult, RouteRow, RouteStep, ShowAnswer, ShowWritten,
};
use crate::http::api::send;
use crate::http::api::values::Values;
use crate::http::mcp::call::RpcCall;
use crate::http::stream::{EventStream, LogStep, PolledPage, WaitEnd};
use crate::http::websocket::handshake;
use crate::http::wire::head::{
    ContentKind, Credentials, Framing, RequestHead, RpcFields, UpgradeFields,
};
use crate::http::wire::range::{ByteRange, Conditions};
use crate::http::wire::response::{MediaType, Response, ResponseFrame};
use crate::http::wire::target::RequestTarget;

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub request: RequestId,
    /// The same as text.
    pub id: String,
    pub method: String,
    pub target: RequestTarget,
    /// `OPTIONS *`.
    pub any_target: bool,
    pub row: Option<&'static RouteRow>,
    /// The segments of the path in place of the `{name}`s of the route.
    pub places: Vec<String>,
    pub credentials: Credentials,
    pub secret: Option<Secret>,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    pub caller: Caller,
    /// What is left of its rate, once that was asked for.
    pub allowance: Option<Allowance>,
    /// Its fault, told when the caller is known and has been counted.
    pub fault: Option<Box<Problem>>,
    /// The framing of the part of the request that has not been read.
    pub framing: Framing,
    pub media: ContentKind,
    /// Content-Type, where it is of another kind than JSON.
    pub content_type: Option<String>,
    pub encoded: bool,
    pub expects: bool,
    pub head_only: bool,
    /// HTTP/1.0.
    pub old: bool,
    /// The connection ends after the response.
    pub close: bool,
    /// What a repetition of it is known by.
    pub repeat_key: Option<RepeatKey>,
    pub organization: Option<String>,
    /// How many webhooks its cause is behind.
    pub depth: u8,
    pub last_event_id: Option<String>,
    /// The range and the conditions of a download.
    pub conditions: Option<Box<Conditions>>,
    pub host: Option<String>,
    /// The fields of a request for another protocol.
    pub upgrade: Option<Box<UpgradeFields>>,
    /// The fields of a request of JSON-RPC.
    pub rpc_fields: Option<Box<RpcFields>>,
    /// The call of a tool that asks for what this exchange does.
    pub rpc: Option<Box<RpcCall>>,
    /// The response to that call has begun as a stream of events.
    pub streams: bool,
    /// What has been gathered for that call.
    pub gathered: Option<Box<GatheredPart>>,
    /// The charge of the body on the budget of memory, until the answer. That of a message goes
    /// with it.
    pub charge: Option<Charge>,
}

/// The key that a connection used last.
#[derive(Debug)]
pub(crate) struct KnownKey {
    pub digest: [u8; 32],
    pub caller: Caller,
    /// It was checked again after the watch for its revocation began.
    pub confirmed: bool,
}

/// The purpose of the call that is out.
#[derive(Debug)]
pub(crate) enum Waiting {
    Read(ShowAnswer),
    Write(ShowWritten),
    /// A message was sent.
    Sent,
    /// The size of a raw message.
    Size,
    /// The place of a part of a message.
    Part,
    /// What a page of the log needs before it, then the page.
    Log(Box<PolledPage>),
    Page(Box<Paging>),
    /// A slice of an import.
    Import(Box<ImportBatch>),
    /// The lease of a request that has waited; then this ends it.
    Closing(Box<WaitEnd>),
}

impl KnownKey {
    /// Whether this is the same token, it has not ended, and its check may be relied on.
    pub fn serves(&self, digest: &[u8; 32], now: Now) -> bool {
        let end = self.caller.key().and_then(|access| access.expires_at);
        let ended = end.is_some_and(|end| end <= now.unix_ms);
        self.confirmed && !ended && self.digest == *digest
    }
}

impl Waiting {
    /// Whether the answer continues a response that has begun.
    pub fn is_page(&self) -> bool {
        matches!(self, Waiting::Page(_))
    }
}

impl Exchange {
    /// Of a head.
    pub fn new(id: RequestId, head: RequestHead) -> Exchange {
        Exchange {
            request: id,
            id: id.to_string(),
            head_only: head.method == "HEAD",
            method: head.method,
            any_target: head.target.is_none(),
            target: head.target.unwrap_or_default(),
            row: None,
            places: Vec::new(),
            credentials: head.credentials,
            secret: None,
            digest: [0; 32],
            caller: Caller::Anonymous,
            allowance: None,
            fault: None,
            framing: head.framing,
            media: head.media,
            content_type: head.content_type,
            encoded: head.encoded,
            expects: head.expects,
            old: head.old,
            close: head.close,
            repeat_key: head.idempotency_key.map(RepeatKey::Client),
            organization: head.organization,
            depth: head.depth,
            last_event_id: head.last_event_id,
            conditions: head.conditions,
            host: head.host,
            upgrade: head.upgrade,
            rpc_fields: head.rpc,
            rpc: None,
            streams: false,
            gathered: None,
            charge: None,
        }
    }

    /// Of octets that are not a request.
    pub fn broken(id: RequestId) -> Exchange {
        let head = RequestHead {
            method: String::new(),
            target: None,
            framing: Framing::None,
            close: true,
            old: false,
            expects: false,
            credentials: Credentials::None,
            media: ContentKind::None,
            content_type: None,
            encoded: false,
            idempotency_key: None,
            organization: None,
            depth: 0,
            last_event_id: None,
            conditions: None,
            host: None,
            upgrade: None,
            rpc: None,
        };
        Exchange::new(id, head)
    }

    /// A call of the request's caller.
    pub fn ask(&self, call: impl Into<Call>) -> Ask {
        Ask {
            request_id: Some(self.request),
            depth: self.depth,
            caller: self.caller.clone(),
            call: call.into(),
        }
    }

    /// What asks for another protocol. HEAD never does (RFC 6455 section 4.1).
    fn upgrade(&self) -> Option<&UpgradeFields> {
        self.upgrade.as_deref().filter(|_| !self.head_only)
    }

    /// Whether its connection will be a WebSocket, as far as the fields of its head say.
    fn may_become_socket(&self) -> bool {
        handshake::accept(self.upgrade(), self.host.as_deref()).is_ok()
    }

    /// Whether it will rely on the check of its key for longer than a moment.
    pub fn will_last(&self) -> bool {
        let row = self.row.filter(|row| row.relies_on_login());
        let may_last = |row: &RouteRow| !row.is_socket() || self.may_become_socket();
        self.fault.is_none() && row.is_some_and(may_last)
    }

    /// The ticket in the query of a stream or a WebSocket.
    pub fn ticket(&self) -> Option<Secret> {
        let takes_one = |row: &RouteRow| row.is_lasting() || row.is_socket();
        let is_stream = self.row.is_some_and(takes_one);
        let text = self.target.query.text("ticket").filter(|_| is_stream);
        text.map(Secret::new)
    }

    /// The facts that the frame of its response depends on.
    pub fn frame(&self, now: Now) -> ResponseFrame<'_> {
        ResponseFrame {
            now,
            request_id: &self.id,
            allowance: self.allowance,
            close: self.close,
            head_only: self.head_only,
        }
    }

    /// Whether the client has the octets of this entity tag already.
    pub fn is_unchanged(&self, tag: &str) -> bool {
        (self.conditions.as_ref()).is_some_and(|conditions| conditions.is_unchanged(tag))
    }

    /// Whether the client wants other octets than those of this entity tag.
    pub fn is_other(&self, tag: &str) -> bool {
        (self.conditions.as_ref()).is_some_and(|conditions| conditions.is_other(tag))
    }

    /// The range that it asks for of the octets of this entity tag. HEAD has none (RFC 9110 section
    /// 14.2).
    pub fn range(&self, tag: &str) -> Option<ByteRange> {
        let conditions = self.conditions.as_ref().filter(|_| !self.head_only)?;
        conditions.range(tag)
    }

    /// The beginning of the fingerprint of this request, if it is a POST with a key for its
    /// repetition: method, path and query.
    fn fingerprint(&self) -> Option<Sha256> {
        self.repeat_key.as_ref().filter(|_| self.method == "POST")?;
        let mut digest = Sha256::default();
        for part in [&self.method, " ", &self.target.raw, "\n"] {
            digest.update(part.as_bytes());
        }
        Some(digest)
    }
}

impl Server {
    /// A request is whole: carries out the step of its route.
    pub(crate) fn run(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        body: Vec<u8>,
        out: &mut Output,
    ) {
        if exchange.row.is_some_and(RouteRow::is_rpc) {
            return self.run_rpc(now, exchange, &body, out);
        }
        let step = match self.step(now, &exchange, &body) {
            Some(step) => step,
            None => return self.fail_internal(now, exchange, out),
        };
        let waiting = match step {
            Err(problem) => return self.fail(now, exchange, &problem, out),
            Ok(RouteStep::Respond(response)) => return self.respond(now, exchange, response, out),
            Ok(RouteStep::Read(call, show)) => {
                out.ask = Some(exchange.ask(*call));
                Waiting::Read(show)
            }
            Ok(RouteStep::Write(call, show)) => {
                out.ask = Some(exchange.ask(*call));
                Waiting::Write(show)
            }
            Ok(step) => match step {
                RouteStep::Accept(intake, show) => {
                    return self.accept(exchange, intake, Waiting::Write(show), out);
                }
                RouteStep::Upload(mut intake, show) => {
                    intake.octets = body;
                    return self.accept(exchange, intake, Waiting::Write(show), out);
                }
                RouteStep::Check(mut intake, show) => {
                    intake.octets = body;
                    return self.accept(exchange, intake, Waiting::Read(show), out);
                }
                RouteStep::Send(intake) => {
                    return self.accept(exchange, intake, Waiting::Sent, out);
                }
                RouteStep::Import(mut batch) => {
                    batch.charge = exchange.charge.take().map(Arc::new);
                    return self.import(now, exchange, batch, out);
                }
                RouteStep::Raw(inbox, id) => {
                    out.ask = Some(exchange.ask(MessageRead::FindOctets { inbox, id }));
                    Waiting::Size
                }
                RouteStep::Part(inbox, id, part) => {
                    out.ask = Some(exchange.ask(MessageRead::FindPart { inbox, id, part }));
                    Waiting::Part
                }
                RouteStep::Export(secret) => {
                    let paging = Paging::Export {
                        secret,
                        cursor: None,
                        begun: false,
                    };
                    return self.next_page(now, exchange, Box::new(paging), out);
                }
                RouteStep::Log(page) => {
                    out.ask = Some(exchange.ask(page.call()));
                    Waiting::Log(page)
                }
                RouteStep::Wait(wait) => return self.begin_wait(now, exchange, wait, out),
                RouteStep::Stream(wanted) => {
                    let seed = self.opening.seed;
                    let shared = self.opening.shared.clone();
                    let stream = EventStream::new(*wanted, shared, (self.opening.conn, seed), out);
                    self.state = ServerState::Streaming(Some(exchange), Box::new(stream));
                    return;
                }
                RouteStep::Socket(access, accept) => {
                    return self.begin_socket(now, exchange, access, accept, out);
                }
                RouteStep::Respond(_) | RouteStep::Read(..) | RouteStep::Write(..) => {
                    return self.fail_internal(now, exchange, out);
                }
            },
        };
        self.state = ServerState::ExpectAnswer(exchange, waiting);
    }

    /// Hands a message on, with its charge.
    fn accept(
        &mut self,
        mut exchange: Box<Exchange>,
        mut intake: Box<Intake>,
        waiting: Waiting,
        out: &mut Output,
    ) {
        intake.charge = exchange.charge.take().map(Arc::new);
        out.ask = Some(exchange.ask(Call::Accept(intake)));
        self.state = ServerState::ExpectAnswer(exchange, waiting);
    }

    /// The step of the route of a request, after its tables have read query and body. `None`
    /// when there is no route.
    fn step(&self, now: Now, exchange: &Exchange, body: &[u8]) -> Option<RouteResult> {
        let operation = exchange.row?.operation()?;
        let query = &exchange.target.query;
        let content_type = match exchange.media {
            ContentKind::None => None,
            ContentKind::Json => Some("application/json"),
            ContentKind::Other => exchange.content_type.as_deref(),
        };
        let mut fingerprint = exchange.fingerprint();
        let read = Values::of_query(operation.query, query).and_then(|parameters| {
            let values = match operation.takes.table() {
                Some(table) => {
                    let digest = fingerprint.as_mut();
                    Values::of_body(table, body, &self.shared().limits, digest)?
                }
                None => {
                    if let Some(digest) = &mut fingerprint {
                        // The media type says what the octets are.
                        digest.update(content_type.unwrap_or_default().as_bytes());
                        digest.update(b"\n");
                        digest.update(body);
                    }
                    Values::default()
                }
            };
            Ok((parameters, values))
        });
        let (parameters, values) = match read {
            Ok(read) => read,
            Err(problem) => {
                // What a body may have many of, the service counts; this list was not read.
                if problem.code == codes::LIMIT_REACHED {
                    self.shared().metrics.count(Metric::RateLimited);
                }
                return Some(Err(problem));
            }
        };
        let mut request = RouteRequest {
            caller: &exchange.caller,
            now,
            places: &exchange.places,
            query,
            parameters,
            body: values,
            octets: body,
            content_type,
            idempotency: exchange
                .repeat_key
                .clone()
                .zip(fingerprint.map(Sha256::finish)),
            last_event_id: exchange.last_event_id.as_deref(),
            upgrade: exchange.upgrade(),
            host: exchange.host.as_deref(),
            secret: exchange.secret.as_ref(),
            shared: self.shared(),
        };
        let step = (operation.run)(&mut request);
        debug_assert!(
            step.is_err() || request.body.untaken().is_empty(),
            "{} leaves {:?}",
            operation.id,
            request.body.untaken()
        );
        Some(step)
    }

    /// The answer to a call of a request.
    pub(crate) fn answer(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        waiting: Waiting,
        reply: Reply,
        out: &mut Output,
    ) {
        match (waiting, reply) {
            (Waiting::Page(paging), reply) => self.page(now, exchange, *paging, reply, out),
            (Waiting::Import(batch), reply) => self.imported(now, exchange, batch, reply, out),
            (Waiting::Closing(end), reply) => {
                match reply {
                    Reply::Answer(Answer::Done) => self.held = None,
                    // The lease ends with its connection then.
                    _ => exchange.close = true,
                }
                self.end_wait(now, exchange, *end, out);
            }
            (_, Reply::Refused(refusal)) => {
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            (Waiting::Read(show), Reply::Answer(answer)) => {
                match show(answer, &exchange.caller, self.shared()) {
                    Some(response) => self.respond(now, exchange, response, out),
                    None => self.fail_internal(now, exchange, out),
                }
            }
            (Waiting::Write(_) | Waiting::Sent, Reply::Written(Written::Again(kept), _)) => {
                match Response::replay(&kept) {
                    Some(mut response) => {
                        if response.kind == MediaType::Csv {
                            response.body = credentials::complete(
                                &response.body.whole(),
                                &self.shared().endpoints,
                            )
                            .into();
                        }
                        self.respond(now, exchange, response, out);
                    }
                    None => self.fail_internal(now, exchange, out),
                }
            }
            (Waiting::Write(show), Reply::Written(written, _receipt)) => {
                match show(&written, self.shared()) {
                    Some(response) => self.respond(now, exchange, response, out),
                    None => self.fail_internal(now, exchange, out),
                }
            }
            (Waiting::Sent, Reply::Answer(Answer::Trial(trial))) => {
                self.respond(now, exchange, send::tried(&trial), out);
            }
            (Waiting::Sent, Reply::Written(written, _receipt)) => match send::sent(&written) {
                Some(response) => self.respond(now, exchange, response, out),
                None => self.fail_internal(now, exchange, out),
            },
            (Waiting::Size, Reply::Answer(Answer::Sized { size, of, octets })) => {
                self.send_part(now, exchange, whole_message(of, size, octets), out);
            }
            (Waiting::Part, Reply::Answer(Answer::Part(place))) => {
                self.send_part(now, exchange, place, out);
            }
            (Waiting::Log(mut page), reply) => match page.reply(reply) {
                Ok(LogStep::Ask(call)) => {
                    out.ask = Some(exchange.ask(call));
                    self.state = ServerState::ExpectAnswer(exchange, Waiting::Log(page));
                }
                Ok(LogStep::Respond(response)) => self.respond(now, exchange, response, out),
                Ok(LogStep::OutOfStep) => self.fail_internal(now, exchange, out),
                Err(problem) => self.fail(now, exchange, &problem, out),
            },
            _ => self.fail_internal(now, exchange, out),
        }
    }
}

/// A whole message as a part of itself: its octets as they are.
fn whole_message(of: OctetsOf, size: u32, octets: Option<Vec<u8>>) -> Box<PartSource> {
    Box::new(PartSource {
        of,
        offset: 0,
        len: size,
        encoding: "8bit",
        content_type: "message/rfc822".to_owned(),
        filename: "message.eml".to_owned(),
        octets,
    })
}
