//! Responses on their way out: status, kind of body, the few fields that every one carries,
//! and the form in which an answer is kept for `Idempotency-Key`.
//!
//! No header field has a value that a client chose unfiltered: names of attachments pass
//! `mail::write::field::content_disposition`, and the server makes all others.

use std::borrow::Cow;

use super::outgoing_body::OutgoingBody;
use crate::call::{Allowance, Now, RequestId};
use crate::mail::time;

/// One response without its frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub kind: MediaType,
    pub body: OutgoingBody,
    /// Seconds for which a cache may keep it; 0 is not at all.
    pub lasts_s: u32,
    extra: Vec<(&'static str, Cow<'static, str>)>,
}

/// The kind of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MediaType {
    /// No body, and no field about one (204).
    Nothing,
    Json,
    Csv,
    /// Prometheus text.
    Metrics,
    Events,
    Html,
    /// A document for a mail program.
    Xml,
    /// A configuration profile of Apple.
    AppleProfile,
    /// Octets of a message, with a media type that has been checked.
    Octets(String),
}

/// The media type of a configuration profile of Apple.
pub(crate) const APPLE_PROFILE: &str = "application/x-apple-aspen-config";

/// The facts beside a response that its frame depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFrame<'a> {
    pub now: Now,
    pub request_id: &'a str,
    /// What is left of the rate that the request counted against.
    pub allowance: Option<Allowance>,
    /// Whether to write `Connection: close`.
    pub close: bool,
    /// The request was HEAD: the length of the body is written and the body is not.
    pub head_only: bool,
}

/// How the end of a body is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    Known(u64),
    Chunked,
    /// Until the connection closes.
    Close,
}

impl Response {
    pub fn new(status: u16, kind: MediaType, body: impl Into<OutgoingBody>) -> Self {
        Response {
            status,
            kind,
            body: body.into(),
            lasts_s: 0,
            extra: Vec::new(),
        }
    }

    /// JSON, with the newline that ends it.
    pub fn json(status: u16, body: impl Into<OutgoingBody>) -> Self {
        let mut body = body.into();
        body.push(b'\n');
        Response::new(status, MediaType::Json, body)
    }

    /// 204.
    pub fn nothing() -> Self {
        Response::new(204, MediaType::Nothing, Vec::new())
    }

    /// One more field. A value with CR, LF or NUL is left out.
    pub fn add(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        let value = value.into();
        debug_assert!(!value.contains(['\r', '\n']));
        if !value.contains(['\r', '\n', '\0']) {
            self.extra.push((name, value));
        }
    }

    /// The value of an added field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.extra.iter().find(|(n, _)| *n == name);
        found.map(|(_, v)| v.as_ref())
    }

    /// The whole of it, body included.
    pub fn write(&self, frame: ResponseFrame<'_>, out: &mut Vec<u8>) {
        let length = self.body.len();
        out.reserve(512 + length);
        self.write_head(frame, Length::Known(length as u64), out);
        if !frame.head_only {
            self.body.write(out);
        }
    }

    /// Status line and fields, up to the empty line.
    pub fn write_head(&self, frame: ResponseFrame<'_>, length: Length, out: &mut Vec<u8>) {
        out.reserve(512);
        let mut line = |parts: &[&str]| {
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        };
        line(&[
            "HTTP/1.1 ",
            &self.status.to_string(),
            " ",
            reason(self.status),
        ]);
        line(&["Date: ", &time::imf_fixdate(frame.now.unix_ms)]);
        line(&["Server: postern"]);
        let kind = match &self.kind {
            MediaType::Nothing => "",
            MediaType::Json => "application/json",
            MediaType::Csv => "text/csv; charset=utf-8",
            MediaType::Metrics => "text/plain; version=0.0.4; charset=utf-8",
            MediaType::Events => "text/event-stream",
            MediaType::Html => "text/html; charset=utf-8",
            MediaType::Xml => "text/xml; charset=utf-8",
            MediaType::AppleProfile => APPLE_PROFILE,
            MediaType::Octets(kind) => kind,
        };
        if !kind.is_empty() {
            line(&["Content-Type: ", kind]);
            match length {
                Length::Known(n) => line(&["Content-Length: ", &n.to_string()]),
                Length::Chunked => line(&["Transfer-Encoding: chunked"]),
                Length::Close => {}
            }
        } else if !matches!(self.status, 101 | 204 | 304) {
            // Without it the body would last until the connection ends (RFC 9112 section 6.3).
            line(&["Content-Length: 0"]);
        }
        if self.kind == MediaType::Events {
            // nginx and others gather what is not said to be passed on at once.
            line(&["X-Accel-Buffering: no"]);
        }
        if matches!(self.kind, MediaType::Octets(_)) {
            // A browser must never run a part of a message as a page of this server (RFC 9110
            // section 8.3 on sniffing).
            line(&["X-Content-Type-Options: nosniff"]);
            line(&["Content-Security-Policy: sandbox; default-src 'none'"]);
        }
        match self.lasts_s {
            0 => line(&["Cache-Control: no-store"]),
            seconds => line(&["Cache-Control: public, max-age=", &seconds.to_string()]),
        }
        for (name, value) in &self.extra {
            line(&[name, ": ", value]);
        }
        if let Some(left) = frame.allowance {
            line(&["RateLimit-Limit: ", &left.limit.to_string()]);
            line(&["RateLimit-Remaining: ", &left.left.to_string()]);
            let seconds = left.reset_ms.div_ceil(1000);
            line(&["RateLimit-Reset: ", &seconds.to_string()]);
        }
        line(&["X-Request-Id: ", frame.request_id]);
        if frame.close {
            line(&["Connection: close"]);
        }
        line(&[]);
    }

    /// The octets to keep for a replay: status and kind in a line of their own, then the
    /// body. [`Response::replay`] reads them.
    pub fn keep(self) -> Vec<u8> {
        let kind = match self.kind {
            MediaType::Csv => "csv",
            _ => "json",
        };
        let mut kept = format!("{} {kind}\n", self.status).into_bytes();
        self.body.write(&mut kept);
        kept
    }

    /// What [`Response::keep`] kept; `None` if these are other octets.
    pub fn replay(kept: &[u8]) -> Option<Response> {
        let end = memchr::memchr(b'\n', kept)?;
        let line = core::str::from_utf8(kept.get(..end)?).ok()?;
        let (status, kind) = line.split_once(' ')?;
        let kind = match kind {
            "json" => MediaType::Json,
            "csv" => MediaType::Csv,
            _ => return None,
        };
        let body = kept.get(end + 1..)?.to_vec();
        let mut response = Response::new(status.parse().ok()?, kind, body);
        response.add("Idempotent-Replayed", "true");
        Some(response)
    }
}

/// The id of the `n`th request of a connection, as text.
pub(crate) fn request_id(seed: u64, n: u64) -> String {
    RequestId::http(seed, n).to_string()
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let first = Response::json(201, b"{\"a\":\"\\n\"}".to_vec());
        let body = first.body.clone();
        let again = Response::replay(&first.keep()).unwrap();
        assert_eq!((again.status, again.body), (201, body));
        assert!(Response::replay(b"").is_none());
        assert!(Response::replay(b"201 html\n").is_none());
    }

    #[test]
    fn ids_differ() {
        assert_ne!(request_id(1, 1), request_id(1, 2));
        assert_eq!(request_id(7, 3), request_id(7, 3));
        assert_eq!(request_id(7, 3).len(), 20);
    }
}
