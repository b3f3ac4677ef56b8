//! Every error that a client sees: its status, code, message and hint, and the errors of HTTP
//! itself. What the product refuses has its words in `refused.rs`.
//!
//! A client learns what is wrong and what to do, and never how the server failed: `Internal` is
//! one sentence. A thing that the key may not see is not found.

use std::borrow::Cow;

use super::codes::{self, ErrorCode};
use super::fields::FieldKind::{List, Object, Text};
use super::fields::{ANY, FieldRow, fields};
use super::inbox::COUNT;
use super::shapes::{Shape, shape};
use crate::call::{Allowance, Now, RefusedRecipient};
use crate::http::wire::json::{self, Object as JsonObject};
use crate::http::wire::response::{MediaType, Response, ResponseFrame, request_id};

/// An error in the words of HTTP. It is boxed where it is returned, since it is rare and large.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    pub code: &'static ErrorCode,
    pub(super) message: Cow<'static, str>,
    pub(super) hint: Cow<'static, str>,
    field: Option<String>,
    retry_ms: Option<u64>,
    /// The rate that is used up, in place of the rate of requests.
    pub allowance: Option<Allowance>,
    /// The limit on a number of things that is reached.
    pub(super) max: Option<u64>,
    allow: Option<String>,
    /// The octets that there are, where a range begins behind them.
    size: Option<u64>,
    oldest: Option<u64>,
    /// The id of the rule that refuses.
    pub(super) rule: Option<String>,
    /// The recipients that policy refuses.
    pub(super) recipients: Vec<RefusedRecipient>,
    /// The connection must end: the beginning of the next request is unknown.
    pub fatal: bool,
}

impl Problem {
    /// A status with its code, what is wrong and what to do.
    pub fn new(
        code: &'static ErrorCode,
        message: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Box<Problem> {
        Box::new(Problem {
            code,
            message: message.into(),
            hint: hint.into(),
            field: None,
            retry_ms: None,
            allowance: None,
            max: None,
            allow: None,
            size: None,
            oldest: None,
            rule: None,
            recipients: Vec::new(),
            fatal: false,
        })
    }

    /// 400 for a request that is well framed but wrong.
    pub fn bad_request(code: &'static ErrorCode, message: &'static str) -> Box<Problem> {
        Problem::new(code, message, "Correct the request and send it again.")
    }

    /// 400 for a request whose end cannot be known; the connection ends.
    pub fn syntax(message: &'static str) -> Box<Problem> {
        Problem::bad_request(codes::BAD_REQUEST, message).and_close()
    }

    /// 400 for a field or parameter of the wrong kind; `why` goes on after its name.
    pub fn invalid(field: &str, why: &str) -> Box<Problem> {
        Problem::new(
            codes::INVALID_FIELD,
            format!("`{}` {why}.", printable(field)),
            "Correct the field and send the request again.",
        )
        .of(field)
    }

    /// 400 for a field or parameter that does not exist.
    pub fn unknown(noun: &'static str, name: &str) -> Box<Problem> {
        Problem::new(
            codes::UNKNOWN_FIELD,
            format!("There is no {noun} `{}` here.", printable(name)),
            "Check its spelling, or leave it out.",
        )
        .of(name)
    }

    /// 400 for a field that the API is to have and that is not built.
    pub fn not_supported(field: &str) -> Box<Problem> {
        Problem::new(
            codes::NOT_SUPPORTED,
            format!("`{}` is not supported yet.", printable(field)),
            "Leave it out.",
        )
        .of(field)
    }

    /// 400 for a text that would break the header field it goes into.
    pub fn header_value(field: &str) -> Box<Problem> {
        Problem::new(
            codes::INVALID_HEADER_VALUE,
            format!(
                "`{}` has a line break or another control character in it.",
                printable(field)
            ),
            "Send it as one line of text without control characters.",
        )
        .of(field)
    }

    /// 404, the same for a thing that does not exist and for one that the key may not see
    /// (DECISIONS.md, "API errors").
    pub fn not_found(what: &'static str) -> Box<Problem> {
        Problem::new(
            codes::NOT_FOUND,
            format!("There is no such {what}."),
            match what {
                "route" => {
                    "Check the path; the API is under /api/v1, and /api/v1/docs describes it."
                }
                _ => "Check the id and which key you use; a key sees only what is its own.",
            },
        )
    }

    /// 404 for a text that is not an id. Its message is plainer than that for an unused id.
    pub fn no_id(what: &'static str, text: &str) -> Box<Problem> {
        let mut problem = Problem::not_found(what);
        problem.message = format!("There is no {what} `{}`.", printable(text)).into();
        problem.hint = match what {
            "inbox" => "Use its id or its address.",
            "domain" => "Use its id or its name.",
            _ => "Use the id as the API gave it.",
        }
        .into();
        problem
    }

    /// 401: there is no key, or it is not valid.
    pub fn unauthorized(message: &'static str) -> Box<Problem> {
        Problem::new(
            codes::UNAUTHORIZED,
            message,
            "Send `Authorization: Bearer ap_sk_…` with a key that is valid and not revoked.",
        )
    }

    /// 401: credentials of inboxes are asked for with the operator's token, which logs in to none.
    pub(super) fn operator_is_no_password() -> Box<Problem> {
        Problem::new(
            codes::UNAUTHORIZED,
            "The operator's token logs in to no inbox, so it is not given as a password.",
            "Use a key, or make one for each inbox with POST /api/v1/inboxes/credentials/export.",
        )
    }

    /// 401: the ticket of a stream is not good, or not any more.
    pub fn bad_ticket() -> Box<Problem> {
        Problem::new(
            codes::UNAUTHORIZED,
            "The ticket is wrong, was used, or its 30 seconds are over.",
            "Make a new one with `POST /api/v1/events/ticket` right before you connect.",
        )
    }

    /// 403: the key is valid and lacks a scope.
    pub fn missing_scope(scope: &'static str) -> Box<Problem> {
        Problem::new(
            codes::MISSING_SCOPE,
            format!("The key lacks the scope `{scope}`."),
            match scope {
                "operator" => "Use the operator's token; it is in the server's data folder.",
                _ => "Use a key that has it; POST /api/v1/keys makes one.",
            },
        )
    }

    /// 421: the Host of the request is not ours (RFC 9110 section 15.5.20).
    pub fn host_not_ours() -> Box<Problem> {
        Problem::new(
            codes::HOST_NOT_OURS,
            "The Host of the request is no name of this server.",
            "Ask by `localhost`, a loopback address or the server's own name, or use the \
             operator's token.",
        )
    }

    /// 403: webhooks cause requests that cause webhooks.
    pub fn too_deep() -> Box<Problem> {
        Problem::new(
            codes::WEBHOOK_LOOP,
            "Too many webhooks stand between this request and its first cause.",
            "Look at what answers a webhook with mail or a change that makes the next one.",
        )
    }

    /// 403: a browser asks for a page of another origin.
    pub fn origin_not_ours() -> Box<Problem> {
        Problem::new(
            codes::ORIGIN_NOT_OURS,
            "The Origin of the request is not this server.",
            "Connect from a page of this server, or from a program, which sends no Origin.",
        )
    }

    /// 426: WebSocket is spoken here, and the request does not ask for it (RFC 6455 section 4.2.2).
    pub fn upgrade_required() -> Box<Problem> {
        Problem::new(
            codes::UPGRADE_REQUIRED,
            "This route speaks WebSocket, version 13.",
            "Send `Connection: Upgrade`, `Upgrade: websocket`, `Sec-WebSocket-Version: 13` and a \
             Sec-WebSocket-Key over HTTP/1.1.",
        )
    }

    /// 403: the operator's token is not taken there.
    pub(super) fn operator_elsewhere() -> Box<Problem> {
        Problem::new(
            codes::OPERATOR_ELSEWHERE,
            "The operator's token is not taken from this address.",
            "Use it on the server's machine, or name the network as `operator_from` in the \
             configuration.",
        )
    }

    /// 403: the key is bound to inboxes.
    pub(super) fn key_bound() -> Box<Problem> {
        Problem::new(
            codes::KEY_BOUND,
            "The key is bound to inboxes, and this concerns the organization or other inboxes.",
            "Use a key that is not bound. A key with `subtree` makes inboxes on the domain of \
             their `parent`, which it must name and cover.",
        )
    }

    /// 403: the domain waits for a proof.
    pub(super) fn not_verified(domain: &str) -> Box<Problem> {
        Problem::new(
            codes::DOMAIN_NOT_VERIFIED,
            format!("The domain `{}` is not verified.", printable(domain)),
            format!(
                "Publish the ownership record that GET /api/v1/domains/{domain} shows, then POST \
                 /api/v1/domains/{domain}/verify."
            ),
        )
    }

    /// 405 with the methods that the path has.
    pub fn method(allow: String) -> Box<Problem> {
        let mut problem = Problem::new(
            codes::METHOD_NOT_ALLOWED,
            "The path is right, the method is not.",
            format!("Use one of: {allow}."),
        );
        problem.allow = Some(allow);
        problem
    }

    /// 416: the range begins behind the end of so many octets.
    pub fn beyond(size: u64) -> Box<Problem> {
        let mut problem = Problem::new(
            codes::RANGE_NOT_SATISFIABLE,
            format!("There are {size} octets, and the range begins behind them."),
            "Ask for a range within them, or leave Range out.",
        );
        problem.size = Some(size);
        problem
    }

    /// 412: `If-Match` names other octets.
    pub fn other_octets() -> Box<Problem> {
        Problem::new(
            codes::PRECONDITION_FAILED,
            "These are not the octets that If-Match names.",
            "Ask for the whole again.",
        )
    }

    /// 429 after `retry_ms`, where there may be `limit` in all.
    pub fn too_many(retry_ms: u64, limit: u64) -> Box<Problem> {
        let mut problem = Problem::new(
            codes::RATE_LIMITED,
            "Too many requests.",
            "Wait for as long as Retry-After says.",
        );
        problem.retry_ms = Some(retry_ms);
        problem.allowance = Some(Allowance {
            limit,
            left: 0,
            reset_ms: retry_ms,
        });
        problem
    }

    /// 429: `max` event streams and waiting requests are open, of the key or of its organization.
    pub(super) fn too_many_open(max: u64) -> Box<Problem> {
        let mut problem = Problem::new(
            codes::TOO_MANY_STREAMS,
            format!("As many event streams and waiting requests are open as may be: {max}."),
            "Close one, or wait for as long as Retry-After says.",
        );
        problem.retry_ms = Some(UNAVAILABLE_RETRY_MS);
        problem.max = Some(max);
        problem
    }

    /// 410: the cursor is older than the log.
    pub fn expired(oldest: u64) -> Box<Problem> {
        let mut problem = Problem::new(
            codes::CURSOR_EXPIRED,
            "The log has no such cursor: it is too old, or of another log.",
            format!(
                "Read the messages afresh, then go on with after={}.",
                oldest.saturating_sub(1)
            ),
        );
        problem.oldest = Some(oldest);
        problem
    }

    /// 503: the request is right and the server cannot serve it now.
    pub fn unavailable(
        code: &'static ErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Box<Problem> {
        let mut problem = Problem::new(code, message, "Try again in a few seconds.");
        problem.retry_ms = Some(UNAVAILABLE_RETRY_MS);
        problem
    }

    /// 408, and the connection ends.
    pub fn timeout(message: &'static str) -> Box<Problem> {
        Problem::new(codes::TIMEOUT, message, "Send it again, faster.").and_close()
    }

    /// What is wrong, as a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same, with the field that it is about.
    pub fn of(mut self: Box<Self>, field: &str) -> Box<Problem> {
        self.field = Some(printable(field));
        self
    }

    /// The same, and the connection ends.
    pub fn and_close(mut self: Box<Self>) -> Box<Problem> {
        self.fatal = true;
        self
    }

    /// The fields that say what is wrong; the id of a request stands beside them.
    pub fn write(&self, error: &mut JsonObject<'_>) {
        error.text("code", self.code.word);
        error.text("message", &self.message);
        error.text("hint", &self.hint);
        if let Some(field) = &self.field {
            error.text("field", field);
        }
        if let Some(max) = self.max {
            error.number("limit", max);
        }
        if let Some(oldest) = self.oldest {
            error.number("oldest", oldest);
        }
        if let Some(rule) = &self.rule {
            error.text("rule", rule);
        }
        if !self.recipients.is_empty() {
            json::list(
                error.value("recipients"),
                &self.recipients,
                |out, refused| {
                    REFUSED_RECIPIENT.write(out, refused);
                },
            );
        }
    }

    /// The response.
    pub fn response(&self, request_id: &str) -> Response {
        let mut body = Vec::with_capacity(256);
        json::object(&mut body, |body| {
            body.object("error", |error| {
                self.write(error);
                error.text("request_id", request_id);
            });
        });
        body.push(b'\n');
        let mut response = Response::new(self.code.status, MediaType::Json, body);
        if self.code.status == 401 {
            response.add("WWW-Authenticate", "Bearer realm=\"postern\"");
        }
        if let Some(allow) = &self.allow {
            response.add("Allow", allow.clone());
        }
        if self.code.status == 426 {
            // RFC 9110 section 15.5.22, RFC 6455 section 4.2.2.
            response.add("Upgrade", "websocket");
            response.add("Connection", "Upgrade");
            response.add("Sec-WebSocket-Version", "13");
        }
        if let Some(size) = self.size {
            response.add("Content-Range", format!("bytes */{size}"));
        }
        if let Some(ms) = self.retry_ms {
            let seconds = ms.div_ceil(1000).max(1);
            response.add("Retry-After", seconds.to_string());
        }
        response
    }
}

/// Words with a capital letter and a full stop.
pub(super) fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).chain(['.']).collect()
}

/// The whole response to a peer whose connection is refused: 429 when it came too often, with the
/// milliseconds to wait and the connections that it may make in a minute; 503 when there are too
/// many connections. `seed` is for its id.
pub fn turned_away(too_often: Option<(u64, u64)>, now: Now, seed: u64) -> Vec<u8> {
    let problem = match too_often {
        Some((wait_ms, per_minute)) => {
            let mut problem = Problem::too_many(wait_ms, per_minute);
            problem.message = "Too many new connections came from this address.".into();
            problem.hint = "Keep connections open; wait for as long as Retry-After says.".into();
            problem
        }
        None => Problem::unavailable(
            codes::TOO_MANY_CONNECTIONS,
            "Too many connections are open, of this address or in all.",
        ),
    };
    let id = request_id(now.mono_ms, seed);
    let frame = ResponseFrame {
        now,
        request_id: &id,
        allowance: problem.allowance,
        close: true,
        head_only: false,
    };
    let mut out = Vec::new();
    problem.response(&id).write(frame, &mut out);
    out
}

/// The fields of `error` in every error, as [`Problem::response`] writes them.
pub(crate) static ERROR_FIELDS: &[FieldRow] = fields! {
    code: required Text(ANY), r#""invalid_field""#, "One word for programs; see the codes of each route.";
    message: required Text(ANY), r#""`limit` must be from 1 to 200.""#, "What is wrong.";
    hint: required Text(ANY), r#""Correct the field and send the request again.""#, "What to do.";
    field: sometimes Text(ANY), r#""limit""#, "The field, parameter or header field that it is about.";
    limit: sometimes COUNT, "100", "The limit that is reached, for `limit_reached` and `too_many_streams`.";
    oldest: sometimes COUNT, "1000", "The first event that the log has, for `cursor_expired`.";
    rule: sometimes Text(ANY), r#""flt_01Hq7Zk3VdX""#, "The rule that refuses, where it is one.";
    recipients: sometimes List(&Object(&REFUSED_RECIPIENT)), "[]",
        "The recipients that policy refuses; nothing was sent.";
    request_id: required Text(ANY), r#""req_0123456789abcdef""#, "The id of the request, as in the log.";
};

static REFUSED_RECIPIENT: Shape<RefusedRecipient> = shape! {
    "RefusedRecipient", "A recipient to whom policy lets nothing leave.";
    address: always Text(ANY), r#""ann@example.com""#, "The address."
        => |slot, refused| slot.text(&refused.address);
    reason: always Text(ANY), r#""send_off""#, "The code of the reason."
        => |slot, refused| slot.text(refused.reason.code());
    rule: always Text(ANY), r#""flt_01Hq7Zk3VdX""#, "The rule that refuses, where it is one."
        => |slot, refused| slot.text(refused.rule.as_deref().unwrap_or_default()),
            if |refused| refused.rule.is_some();
    fix: always Text(ANY), r#""Ask an administrator.""#, "What to do."
        => |slot, refused| slot.text(&sentence(refused.reason.fix()));
};

/// A text of a client, cut short and without control characters, for an error message.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(SHOWN_MAX)
        .collect()
}

/// Characters of a client's own text that an error repeats.
const SHOWN_MAX: usize = 100;
/// A full disk or a restart is over in seconds.
const UNAVAILABLE_RETRY_MS: u64 = 5000;
