//! What a request is answered: a result, an error, or nothing; and the id that belongs to it.

use std::borrow::Cow;

use super::era::Era;
use crate::http::wire::json::{self, Json, Object};
use crate::http::wire::response::{MediaType, Response};

/// A text or an integer, as JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RpcId(pub String);

impl RpcId {
    /// Of a value; `None` for one of another type.
    pub fn of(value: &Json<'_>) -> Option<RpcId> {
        let fits = match value {
            Json::Text(_) => true,
            Json::Number(digits) => is_integer(digits),
            _ => false,
        };
        let mut text = Vec::new();
        value.write(&mut text);
        let text = String::from_utf8(text).ok().filter(|_| fits)?;
        (text.len() <= ID_BYTES_MAX).then_some(RpcId(text))
    }
}

/// An error of JSON-RPC, with the status of HTTP that a modern client gets it with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RpcError {
    pub status: u16,
    pub code: i32,
    pub message: Cow<'static, str>,
    pub data: Option<Box<RpcErrorData>>,
    /// The scope that the key lacks.
    pub scope: Option<&'static str>,
}

/// What a program may read of an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RpcErrorData {
    /// The version that was asked for, and those that are served.
    Version(String, &'static [&'static str]),
    /// The resource that there is not.
    Uri(String),
    /// Seconds to wait before the request is made again.
    RetryAfter(u64),
}

impl RpcError {
    fn new(status: u16, code: i32, message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError {
            status,
            code,
            message: message.into(),
            data: None,
            scope: None,
        }
    }

    /// What is no JSON, or over the bounds of the reader.
    pub fn parse(message: &str) -> RpcError {
        RpcError::new(400, -32700, message.to_owned())
    }

    /// JSON that is no request.
    pub fn invalid(message: &'static str) -> RpcError {
        RpcError::new(400, -32600, message)
    }

    /// A header field that does not say what the body says.
    pub fn mismatch(message: String) -> RpcError {
        RpcError::new(400, -32020, message)
    }

    /// A version that is not served.
    pub fn version(requested: &str, served: &'static [&'static str]) -> RpcError {
        let mut error = RpcError::new(400, -32022, "This version of the protocol is not served.");
        let data = RpcErrorData::Version(requested.to_owned(), served);
        error.data = Some(Box::new(data));
        error
    }

    /// An entry of `_meta` that every modern request has.
    pub fn meta(name: &'static str) -> RpcError {
        let message = format!("`params._meta` has no `{name}` of the right type.");
        RpcError::new(400, -32602, message)
    }

    /// A method that there is not.
    pub fn method(name: &str) -> RpcError {
        let name = crate::http::api::problems::printable(name);
        RpcError::new(404, -32601, format!("There is no method `{name}`."))
    }

    /// Parameters that the method does not take.
    pub fn params(message: impl Into<Cow<'static, str>>) -> RpcError {
        RpcError::new(200, -32602, message)
    }

    /// A resource that there is not, or that the key does not see. Revision 2026-07-28 has taken
    /// its own code away.
    pub fn missing(uri: &str, era: Era) -> RpcError {
        let code = match era {
            Era::Modern => -32602,
            Era::Legacy | Era::Oldest => -32002,
        };
        let message = "There is no such resource, or the key does not see it.";
        let mut error = RpcError::new(200, code, message);
        error.data = Some(Box::new(RpcErrorData::Uri(uri.to_owned())));
        error
    }

    /// What is refused for another reason.
    pub fn refused(message: String, retry_after_s: Option<u64>) -> RpcError {
        let mut error = RpcError::new(200, -32000, message);
        error.data = retry_after_s.map(|seconds| Box::new(RpcErrorData::RetryAfter(seconds)));
        error
    }

    /// A scope that the key lacks.
    pub fn scope(scope: &'static str) -> RpcError {
        let message = format!("The key lacks the scope `{scope}`; use one that has it.");
        let mut error = RpcError::new(403, -32003, message);
        error.scope = Some(scope);
        error
    }

    /// Something that must not happen.
    pub fn internal() -> RpcError {
        RpcError::new(
            200,
            -32603,
            "Something failed in the server; its log says what.",
        )
    }

    /// The response. Without an id it has none, since the protocol has no null there.
    pub fn response(&self, id: Option<&RpcId>) -> Response {
        let mut body = Vec::with_capacity(256);
        json::object(&mut body, |o| {
            o.text("jsonrpc", "2.0");
            if let Some(id) = id {
                o.slot("id").raw_or_null(Some(&id.0));
            }
            o.object("error", |o| {
                o.slot("code").shown_raw(self.code);
                o.text("message", &self.message);
                match self.data.as_deref() {
                    None => {}
                    Some(RpcErrorData::Version(requested, served)) => o.object("data", |o| {
                        o.texts("supported", *served);
                        o.text("requested", requested);
                    }),
                    Some(RpcErrorData::Uri(uri)) => o.object("data", |o| o.text("uri", uri)),
                    Some(RpcErrorData::RetryAfter(seconds)) => {
                        o.object("data", |o| o.number("retry_after_s", *seconds));
                    }
                }
            });
        });
        let mut response = Response::json(self.status, body);
        if let Some(scope) = self.scope {
            // RFC 6750 section 3.1.
            let value = format!(
                "Bearer realm=\"postern\", error=\"insufficient_scope\", scope=\"{scope}\""
            );
            response.add("WWW-Authenticate", value);
        }
        response
    }
}

/// The response to a notification.
pub(crate) fn accepted() -> Response {
    Response::new(202, MediaType::Nothing, Vec::new())
}

/// A result as JSON. With `ttl_ms` a modern client may keep it for so long.
pub(crate) fn result(
    id: &RpcId,
    era: Era,
    ttl_ms: Option<u64>,
    fill: impl FnOnce(&mut Object<'_>),
) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    json::object(&mut body, |o| {
        o.text("jsonrpc", "2.0");
        o.slot("id").raw_or_null(Some(&id.0));
        o.object("result", |o| {
            fill(o);
            if era != Era::Modern {
                return;
            }
            o.text("resultType", "complete");
            if let Some(ttl_ms) = ttl_ms {
                o.number("ttlMs", ttl_ms);
                o.text("cacheScope", "private");
            }
            o.object("_meta", |o| {
                o.object(SERVER_INFO, server_info);
            });
        });
    });
    body
}

/// Name and version of this server.
pub(crate) fn server_info(o: &mut Object<'_>) {
    o.text("name", "postern");
    o.text("title", "Postern");
    o.text("version", env!("CARGO_PKG_VERSION"));
}

fn is_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The entry of `_meta` that says which server this is.
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Octets of an id as JSON. Clients count, or make UUIDs.
const ID_BYTES_MAX: usize = 256;
