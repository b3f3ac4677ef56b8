//! The header fields of a request, and whether they say what its body says.
//!
//! A proxy may have acted by them, so a modern request whose fields are missing, twice, or other
//! than its body is refused (revision 2026-07-28, Streamable HTTP, "Request Metadata").

use std::borrow::Cow;

use data_encoding::BASE64;

use super::message::RpcMessage;
use super::reply::RpcError;
use crate::http::wire::head::{self, RpcFields};

/// Whether a response may be JSON as well as an event stream. What may be neither is refused
/// before the body is read.
pub(crate) fn accepts_both(fields: &RpcFields) -> bool {
    accepts(fields, "application/json") && accepts(fields, EVENTS)
}

/// Whether a response may be an event stream.
pub(crate) fn accepts_events(fields: &RpcFields) -> bool {
    accepts(fields, EVENTS)
}

fn accepts(fields: &RpcFields, wanted: &str) -> bool {
    let class = wanted.split('/').next().unwrap_or_default();
    fields.accept.split(',').any(|range| {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        let range = range.trim();
        // A quality of nothing is a refusal (RFC 9110 section 12.4.2).
        let is_refused = parameters.split(';').any(|parameter| {
            let value = parameter.trim().strip_prefix("q=").unwrap_or("1");
            value.starts_with('0') && value.bytes().all(|b| b == b'0' || b == b'.')
        });
        let is_class = range
            .strip_suffix("/*")
            .is_some_and(|name| name == "*" || name.eq_ignore_ascii_case(class));
        !is_refused && (is_class || range.eq_ignore_ascii_case(wanted))
    })
}

/// Whether a page of this origin may ask: the server's own, one of this machine, or one that the
/// configuration names. The field Host says nothing here: a page whose name was made to lead here
/// sends its own name in both (DNS rebinding).
pub(crate) fn is_allowed(origin: &str, own: &str, allowed: &[String]) -> bool {
    let authority = ["http://", "https://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme));
    authority.is_some_and(|authority| head::is_ours(authority, own))
        || allowed.iter().any(|one| one.eq_ignore_ascii_case(origin))
}

/// Compares the fields of a modern request or notification with its body.
///
/// # Errors
/// -32020.
pub(crate) fn compare(fields: &RpcFields, message: &RpcMessage<'_>) -> Result<(), RpcError> {
    if let Some(version) = message.version() {
        mirrors("MCP-Protocol-Version", fields.version.as_deref(), version)?;
    }
    mirrors("Mcp-Method", fields.method.as_deref(), &message.method)?;
    let named = match &*message.method {
        "tools/call" | "prompts/get" => message.text("name"),
        "resources/read" => message.text("uri"),
        _ => return Ok(()),
    };
    mirrors(
        "Mcp-Name",
        fields.name.as_deref(),
        named.unwrap_or_default(),
    )
}

fn mirrors(name: &str, field: Option<&str>, body: &str) -> Result<(), RpcError> {
    let Some(field) = field else {
        return Err(RpcError::mismatch(format!(
            "The header field {name} is missing."
        )));
    };
    match decoded(field) {
        Some(value) if value == body => Ok(()),
        _ => Err(RpcError::mismatch(format!(
            "The header field {name} is given twice, or is not what the body says."
        ))),
    }
}

/// The value of a field, which may be written in base64 between two marks.
fn decoded(field: &str) -> Option<Cow<'_, str>> {
    let marked = field.strip_prefix("=?base64?");
    match marked.and_then(|field| field.strip_suffix("?=")) {
        None => Some(Cow::Borrowed(field)),
        Some(encoded) => {
            let octets = BASE64.decode(encoded.as_bytes()).ok()?;
            String::from_utf8(octets).ok().map(Cow::Owned)
        }
    }
}

const EVENTS: &str = "text/event-stream";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn media_ranges() {
        for (accept, both) in [
            ("application/json, text/event-stream", true),
            (
                "text/event-stream;q=0.5, Application/JSON; charset=utf-8",
                true,
            ),
            ("*/*", true),
            ("application/*, text/*", true),
            ("text/html, */*;q=0.1", true),
            ("", false),
            ("application/json", false),
            ("text/event-stream", false),
            ("application/json, text/event-stream;q=0", false),
            ("application/json, text/event-stream; q=0.000", false),
            ("*", false),
            ("json/*", false),
        ] {
            let fields = RpcFields {
                accept: accept.to_owned(),
                ..RpcFields::default()
            };
            assert_eq!(accepts_both(&fields), both, "{accept}");
        }
    }

    #[test]
    fn origins() {
        let allowed = ["https://App.example".to_owned()];
        for (origin, is) in [
            ("https://mx.test", true),
            ("https://mx.test:8443", true),
            ("http://localhost:6274", true),
            ("http://127.0.0.1:3000", true),
            ("https://app.example", true),
            ("http://app.example", false),
            ("https://app.example:8443", false),
            ("https://evil.test", false),
            ("https://mx.test.evil.test", false),
            ("https://mx.test/", false),
            ("file://mx.test", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(origin, "mx.test", &allowed), is, "{origin}");
        }
    }

    #[test]
    fn base64_is_decoded_before_it_is_compared() {
        for (field, body, same) in [
            ("a", "a", true),
            ("=?base64?YQ==?=", "a", true),
            ("=?base64?w6k=?=", "é", true),
            ("=?base64??=", "", true),
            ("A", "a", false),
            ("=?BASE64?YQ==?=", "a", false),
            ("=?base64?YQ?=", "a", false),
            ("=?base64?/w==?=", "a", false),
            ("=?base64?YQ==?=", "=?base64?YQ==?=", false),
        ] {
            assert_eq!(mirrors("X", Some(field), body).is_ok(), same, "{field}");
        }
    }
}
