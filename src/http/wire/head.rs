//! Request heads: found whole, then parsed by httparse, then judged by stricter rules than
//! RFC 9112 asks for, since a head that two readers could frame differently is an attack.
//!
//! The search looks at each octet once, however the bytes are cut. Every error from here ends
//! the connection: octets behind a doubtful head are never read as a request.

use memchr::memchr;

use super::range::Conditions;
use super::target::RequestTarget;
use crate::call::bounds::IDEMPOTENCY_KEY_BYTES_MAX;
use crate::call::{Limits, Secret};
use crate::http::api::codes::{self, ErrorCode};
use crate::http::api::problems::Problem;
use crate::http::mcp;

/// The progress of the search for the end of a head.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    /// Every octet before this has been looked at.
    searched: usize,
    /// Where the current line begins.
    line: usize,
    /// An empty line in front of the request line has been skipped.
    skipped: bool,
}

/// The result of a search.
#[derive(Debug)]
pub(crate) enum HeadSearch {
    /// More is needed.
    Partial,
    /// An empty line of two octets in front of the request (RFC 9112 section 2.2).
    Empty,
    /// A head of so many octets, its empty line included.
    Complete(usize),
}

impl Finder {
    /// Looks for the end of the head at the beginning of `bytes`, which is the same as the
    /// last time with more behind it.
    pub fn find(&mut self, bytes: &[u8], limits: &Limits) -> Result<HeadSearch, Box<Problem>> {
        match bytes {
            [] | [b'\r'] => return Ok(HeadSearch::Partial),
            [b'\r', b'\n', ..] if !self.skipped => {
                *self = Finder {
                    skipped: true,
                    ..Finder::default()
                };
                return Ok(HeadSearch::Empty);
            }
            [first, ..] if !first.is_ascii_alphabetic() => {
                return Err(Problem::syntax("This is not an HTTP request."));
            }
            _ => {}
        }
        loop {
            let found = bytes.get(self.searched..).and_then(|b| memchr(b'\n', b));
            let end = found.map(|n| self.searched + n + 1);
            let end_or_all = end.unwrap_or(bytes.len());
            if self.line == 0 && end_or_all > limits.http_line_bytes {
                return Err(too_long(codes::URI_TOO_LONG, "The request line"));
            }
            if end_or_all - self.line > limits.http_line_bytes
                || end_or_all > limits.http_head_bytes
            {
                return Err(too_long(codes::HEADER_TOO_LARGE, "The header"));
            }
            self.searched = end_or_all;
            let Some(end) = end else {
                return Ok(HeadSearch::Partial);
            };
            let line = bytes.get(self.line..end).unwrap_or_default();
            if !line.ends_with(b"\r\n") {
                return Err(Problem::syntax("A line ends without CR."));
            }
            self.line = end;
            if line.len() == 2 {
                *self = Finder::default();
                return Ok(HeadSearch::Complete(end));
            }
        }
    }
}

fn too_long(code: &'static ErrorCode, what: &str) -> Box<Problem> {
    Problem::new(code, format!("{what} is too long."), "Send less of it.").and_close()
}

/// One request head, owned.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub method: String,
    /// `None` for `OPTIONS *`.
    pub target: Option<RequestTarget>,
    pub framing: Framing,
    /// The connection ends after the response.
    pub close: bool,
    /// HTTP/1.0: no chunked response, no `100 Continue`.
    pub old: bool,
    /// `Expect: 100-continue`.
    pub expects: bool,
    pub credentials: Credentials,
    pub media: ContentKind,
    /// Content-Type as it came, where it is of another kind than JSON.
    pub content_type: Option<String>,
    /// A Content-Encoding other than identity.
    pub encoded: bool,
    pub idempotency_key: Option<String>,
    /// `Postern-Organization`: where the operator's token acts.
    pub organization: Option<String>,
    /// `Postern-Depth`: how many webhooks the cause of the request is behind.
    pub depth: u8,
    pub last_event_id: Option<String>,
    /// The range and the conditions of a download, where there are any.
    pub conditions: Option<Box<Conditions>>,
    /// Host, as it came.
    pub host: Option<String>,
    /// What a request for another protocol says, where there is an Upgrade.
    pub upgrade: Option<Box<UpgradeFields>>,
    /// What a request of `/mcp` says beside its body; `None` on other paths.
    pub rpc: Option<Box<RpcFields>>,
}

/// The fields of a request that carries JSON-RPC, as they came. One that is there twice, or is not
/// ASCII, is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RpcFields {
    /// All of Accept, with commas between.
    pub accept: String,
    pub origin: Option<String>,
    /// MCP-Protocol-Version.
    pub version: Option<String>,
    /// Mcp-Method.
    pub method: Option<String>,
    /// Mcp-Name.
    pub name: Option<String>,
}

/// The fields of a request for another protocol (RFC 9110 section 7.8, RFC 6455 section 4.1), as
/// they came. One that is there twice, or is not ASCII, is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct UpgradeFields {
    /// Upgrade, where Connection names it.
    pub protocols: Option<String>,
    /// Sec-WebSocket-Key.
    pub key: Option<String>,
    /// Sec-WebSocket-Version.
    pub version: Option<String>,
    pub origin: Option<String>,
}

/// How the body is delimited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// The content of Authorization.
#[derive(Debug)]
pub(crate) enum Credentials {
    None,
    /// Another scheme, or nothing that could be a token.
    Other,
    Bearer(Secret),
}

/// The content of Content-Type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContentKind {
    None,
    Json,
    Other,
}

/// Parses a complete head, as [`Finder::find`] cut it.
pub(crate) fn parse(octets: &[u8], limits: &Limits) -> Result<RequestHead, Box<Problem>> {
    let mut fields = vec![httparse::EMPTY_HEADER; limits.http_fields];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(octets) {
        Ok(httparse::Status::Complete(n)) if n == octets.len() => {}
        Ok(_) => return Err(Problem::syntax("The request head is malformed.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(too_long(
                codes::HEADER_TOO_LARGE,
                "The list of header fields",
            ));
        }
        Err(httparse::Error::Version) => {
            return Err(Problem::syntax(
                "Only HTTP/1.1 and HTTP/1.0 are spoken here.",
            ));
        }
        Err(_) => return Err(Problem::syntax("The request head is malformed.")),
    }
    let old = request.version == Some(0);
    let fields = HeadFields::of(request.headers)?;
    let content_type = fields.text(HeadField::ContentType)?;
    let media = media(content_type);
    let mut head = RequestHead {
        method: request.method.unwrap_or_default().to_owned(),
        target: None,
        framing: framing(&fields, old)?,
        close: old || fields.has_token(HeadField::Connection, "close"),
        old,
        expects: false,
        credentials: credentials(fields.text(HeadField::Authorization)?),
        media,
        content_type: content_type
            .filter(|_| media == ContentKind::Other)
            .map(str::to_owned),
        encoded: fields
            .text(HeadField::ContentEncoding)?
            .is_some_and(|v| !v.eq_ignore_ascii_case("identity")),
        idempotency_key: fields.text(HeadField::IdempotencyKey)?.map(str::to_owned),
        organization: fields.text(HeadField::Organization)?.map(str::to_owned),
        depth: depth(fields.text(HeadField::Depth)?)?,
        last_event_id: fields.text(HeadField::LastEventId)?.map(str::to_owned),
        conditions: fields.conditions(),
        host: None,
        upgrade: fields.upgrade(old),
        rpc: None,
    };
    match fields.text(HeadField::Expect)? {
        None => {}
        Some(text) if text.eq_ignore_ascii_case("100-continue") => head.expects = !old,
        Some(_) => {
            let message = "Only 100-continue can be expected.";
            return Err(
                Problem::new(codes::EXPECTATION_FAILED, message, "Leave Expect out.").and_close(),
            );
        }
    }
    if let Some(key) = &head.idempotency_key
        && !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len())
    {
        return Err(
            Problem::invalid("Idempotency-Key", "must be 1 to 255 characters of ASCII").and_close(),
        );
    }
    let host = fields.text(HeadField::Host)?;
    if host.is_none() && !old {
        return Err(Problem::syntax("Host is missing."));
    }
    if host.is_some_and(|h| {
        !h.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~:[]%".contains(&b))
    }) {
        return Err(Problem::syntax("Host is not a host."));
    }
    head.host = host.map(str::to_owned);
    let path = request.path.unwrap_or_default();
    if path == "*" && head.method == "OPTIONS" {
        return Ok(head);
    }
    let origin = origin_form(path, host)?;
    let target = RequestTarget::parse(origin).map_err(Problem::and_close)?;
    head.rpc = (target.segments == [mcp::SEGMENT]).then(|| fields.rpc());
    head.target = Some(target);
    Ok(head)
}

/// Whether a Host names this machine: `localhost`, a loopback address, or the server's own name. A
/// page of a browser whose name was made to lead here (DNS rebinding) has another one.
pub(crate) fn is_ours(host: &str, own: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let address = match literal {
        Some(v6) => v6.parse().ok().map(core::net::IpAddr::V6),
        None => name.parse().ok().map(core::net::IpAddr::V4),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    match address {
        Some(address) => address.is_loopback(),
        None => ["localhost", own]
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(name)),
    }
}

/// The path and query of `absolute-form` (RFC 9112 section 3.2.2), whose authority must be
/// the one in Host; `origin-form` is itself.
fn origin_form<'a>(target: &'a str, host: Option<&str>) -> Result<&'a str, Box<Problem>> {
    let Some((scheme, rest)) = target.split_once("://") else {
        return Ok(target);
    };
    if target.starts_with('/') {
        return Ok(target);
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !known || !host.is_some_and(|h| h.eq_ignore_ascii_case(authority)) {
        return Err(Problem::syntax("The request target is not of this host."));
    }
    Ok(if path.is_empty() { "/" } else { path })
}

/// RFC 9112 section 6.3. Every doubtful framing is refused: two lengths (even equal ones), a
/// length and a coding, any coding but one `chunked`, a coding in HTTP/1.0, a length that is
/// not digits.
fn framing(fields: &HeadFields<'_>, old: bool) -> Result<Framing, Box<Problem>> {
    let length = fields.text(HeadField::ContentLength)?;
    let coding = fields.text(HeadField::TransferEncoding)?;
    match (length, coding) {
        (None, None) => Ok(Framing::None),
        (Some(_), Some(_)) => Err(Problem::syntax(
            "Content-Length and Transfer-Encoding exclude each other.",
        )),
        (None, Some(_)) if old => Err(Problem::syntax("HTTP/1.0 has no Transfer-Encoding.")),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (None, Some(_)) => Err(Problem::syntax("Transfer-Encoding can only be chunked.")),
        (Some(length), None) => match super::target::digits(length) {
            Some(0) => Ok(Framing::None),
            Some(n) => Ok(Framing::Length(n)),
            None => Err(Problem::syntax("Content-Length is not a number.")),
        },
    }
}

fn credentials(value: Option<&str>) -> Credentials {
    let Some(value) = value else {
        return Credentials::None;
    };
    let Some((scheme, token)) = value.split_once(' ') else {
        return Credentials::Other;
    };
    let token = token.trim_start_matches(' ');
    // RFC 6750 section 2.1.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let fits = (1..=TOKEN_MAX).contains(&token.len()) && token.bytes().all(is_token);
    if !scheme.eq_ignore_ascii_case("bearer") || !fits {
        return Credentials::Other;
    }
    Credentials::Bearer(Secret::new(token.as_bytes()))
}

/// The depth of a request. One that is higher than a number here can be is the highest.
fn depth(value: Option<&str>) -> Result<u8, Box<Problem>> {
    match value.map(super::target::digits) {
        None => Ok(0),
        Some(Some(depth)) => Ok(u8::try_from(depth).unwrap_or(u8::MAX)),
        Some(None) => Err(Problem::invalid("Postern-Depth", "must be a number").and_close()),
    }
}

fn media(value: Option<&str>) -> ContentKind {
    let Some(value) = value else {
        return ContentKind::None;
    };
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return ContentKind::Other;
    }
    for parameter in parameters.split(';').map(str::trim) {
        let (name, charset) = parameter.split_once('=').unwrap_or((parameter, ""));
        let charset = charset.trim_matches('"');
        if name.eq_ignore_ascii_case("charset") && !charset.eq_ignore_ascii_case("utf-8") {
            return ContentKind::Other;
        }
    }
    ContentKind::Json
}

/// The fields that are read. Each may be there once; Connection and Accept may be there more often.
/// The conditions of a download and the fields of an upgrade and of JSON-RPC, which are the last
/// ones, do not count where they are there twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HeadField {
    Authorization,
    Connection,
    ContentEncoding,
    ContentLength,
    ContentType,
    Expect,
    Host,
    IdempotencyKey,
    LastEventId,
    Organization,
    Depth,
    TransferEncoding,
    IfMatch,
    IfNoneMatch,
    IfRange,
    Range,
    Origin,
    SecWebSocketKey,
    SecWebSocketVersion,
    Upgrade,
    ProtocolVersion,
    RpcMethod,
    RpcName,
    /// May be there more often, as Connection.
    Accept,
}

/// In the order of [`HeadField`].
const KNOWN: [&str; 24] = [
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Host",
    "Idempotency-Key",
    "Last-Event-ID",
    "Postern-Organization",
    "Postern-Depth",
    "Transfer-Encoding",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Range",
    "Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Upgrade",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Accept",
];

/// The values of the known fields.
struct HeadFields<'a> {
    values: [Option<&'a [u8]>; KNOWN.len()],
    connection: Vec<&'a [u8]>,
    accept: Vec<&'a [u8]>,
}

impl<'a> HeadFields<'a> {
    fn of(fields: &[httparse::Header<'a>]) -> Result<Self, Box<Problem>> {
        let mut read = HeadFields {
            values: [None; KNOWN.len()],
            connection: Vec::new(),
            accept: Vec::new(),
        };
        for field in fields {
            let known = KNOWN
                .iter()
                .position(|n| n.eq_ignore_ascii_case(field.name));
            let Some(at) = known else {
                // X-Forwarded-For and the like are among these: no proxy is trusted.
                continue;
            };
            if at == HeadField::Connection as usize {
                read.connection.push(field.value);
            } else if at == HeadField::Accept as usize {
                read.accept.push(field.value);
            } else if let Some(value) = read.values.get_mut(at)
                && value.replace(field.value.trim_ascii()).is_some()
            {
                if at >= HeadField::IfMatch as usize {
                    *value = Some(b"");
                    continue;
                }
                return Err(Problem::syntax(
                    "A header field that may be there once is there twice.",
                ));
            }
        }
        Ok(read)
    }

    fn text(&self, known: HeadField) -> Result<Option<&'a str>, Box<Problem>> {
        let Some(value) = self.values.get(known as usize).copied().flatten() else {
            return Ok(None);
        };
        let clean = value.iter().all(|b| (b' '..0x7f).contains(b));
        match core::str::from_utf8(value) {
            Ok(text) if clean => Ok(Some(text)),
            _ => Err(Problem::syntax(
                "A header field has octets in it that are not ASCII.",
            )),
        }
    }

    /// A field that says nothing where it is not ASCII.
    fn text_or_empty(&self, field: HeadField) -> Option<String> {
        self.values.get(field as usize).copied().flatten()?;
        Some(
            self.text(field)
                .ok()
                .flatten()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    /// The fields of an upgrade. HTTP/1.0 has none, and Connection must name it (RFC 9110 section
    /// 7.8).
    fn upgrade(&self, old: bool) -> Option<Box<UpgradeFields>> {
        self.values
            .get(HeadField::Upgrade as usize)
            .copied()
            .flatten()?;
        let is_named = !old && self.has_token(HeadField::Connection, "upgrade");
        let protocols = self.text_or_empty(HeadField::Upgrade);
        Some(Box::new(UpgradeFields {
            protocols: protocols.filter(|_| is_named),
            key: self.text_or_empty(HeadField::SecWebSocketKey),
            version: self.text_or_empty(HeadField::SecWebSocketVersion),
            origin: self.text_or_empty(HeadField::Origin),
        }))
    }

    /// The fields that JSON-RPC looks at.
    fn rpc(&self) -> Box<RpcFields> {
        let accept: Vec<_> = (self.accept.iter())
            .map(|value| String::from_utf8_lossy(value))
            .collect();
        Box::new(RpcFields {
            accept: accept.join(","),
            origin: self.text_or_empty(HeadField::Origin),
            version: self.text_or_empty(HeadField::ProtocolVersion),
            method: self.text_or_empty(HeadField::RpcMethod),
            name: self.text_or_empty(HeadField::RpcName),
        })
    }

    /// The conditions of a download. What is not ASCII is as good as empty.
    fn conditions(&self) -> Option<Box<Conditions>> {
        let known = [
            HeadField::Range,
            HeadField::IfRange,
            HeadField::IfNoneMatch,
            HeadField::IfMatch,
        ];
        let there = |field: &HeadField| self.values.get(*field as usize).copied().flatten();
        if known.iter().all(|field| there(field).is_none()) {
            return None;
        }
        let [range, if_range, if_none_match, if_match] =
            known.map(|field| self.text_or_empty(field));
        Some(Box::new(Conditions {
            range,
            if_range,
            if_none_match,
            if_match,
        }))
    }

    fn has_token(&self, known: HeadField, token: &str) -> bool {
        debug_assert_eq!(known, HeadField::Connection);
        self.connection
            .iter()
            .flat_map(|value| value.split(|b| *b == b','))
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// Octets of a bearer token. An API key has about 90.
const TOKEN_MAX: usize = 512;
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_end_is_found_once_however_it_is_cut() {
        let limits = Limits::default();
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
        for cut in [1, 2, 7, head.len()] {
            let mut finder = Finder::default();
            let mut end = 0;
            let found = loop {
                end = (end + cut).min(head.len());
                match finder.find(&head[..end], &limits).unwrap() {
                    HeadSearch::Complete(n) => break n,
                    _ => assert!(end < head.len()),
                }
            };
            assert_eq!(found, 27);
        }
    }

    #[test]
    fn a_host_is_ours_or_is_not() {
        for (host, ours) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.", true),
            ("127.0.0.1", true),
            ("127.0.0.1:8080", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("mx.test", true),
            ("Mx.Test:1", true),
            ("", false),
            ("::1", false),
            ("192.0.2.1", false),
            ("[2001:db8::1]:80", false),
            ("evil.test", false),
            ("localhost.evil.test", false),
            ("mx.test.evil.test:80", false),
            ("localhost:80:80", false),
            ("127.0.0.1.evil.test", false),
        ] {
            assert_eq!(is_ours(host, "mx.test"), ours, "{host}");
        }
    }

    #[test]
    fn fields_are_read() {
        let limits = Limits::default();
        let text = "POST /a?b=1 HTTP/1.1\r\nhost: x.test:8080\r\nCONTENT-LENGTH: 5\r\n\
            authorization: bearer ap_sk_x\r\nContent-Type: application/json; charset=UTF-8\r\n\
            Connection: keep-alive, Close\r\nExpect: 100-Continue\r\nIdempotency-Key: k 1\r\n\r\n";
        let head = parse(text.as_bytes(), &limits).unwrap();
        assert_eq!(head.framing, Framing::Length(5));
        assert!(head.close && head.expects && !head.encoded);
        assert!(matches!(head.credentials, Credentials::Bearer(s) if s.expose() == b"ap_sk_x"));
        assert_eq!(head.media, ContentKind::Json);
        assert_eq!(head.idempotency_key.as_deref(), Some("k 1"));
        assert_eq!(head.target.unwrap().raw, "/a?b=1");
        assert_eq!(head.conditions, None);
        let text = "GET /a HTTP/1.1\r\nHost: x.test\r\nRange: bytes=0-\r\nIf-Range: a\r\n\
            IF-RANGE: a\r\n\r\n";
        let conditions = parse(text.as_bytes(), &limits).unwrap().conditions.unwrap();
        assert_eq!(conditions.range.as_deref(), Some("bytes=0-"));
        assert_eq!(conditions.if_range.as_deref(), Some(""));
        assert_eq!(conditions.if_none_match, None);
        let text = "GET http://X.test/a HTTP/1.1\r\nHost: x.test\r\n\r\n";
        let head = parse(text.as_bytes(), &limits).unwrap();
        assert_eq!(head.target.unwrap().raw, "/a");
    }
}
