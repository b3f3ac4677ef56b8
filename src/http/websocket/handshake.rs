//! The opening handshake (RFC 6455 section 4.2): whether a request may become a WebSocket, and the
//! proof that it was read.
//!
//! It checks no key; a request without one is refused before this (`server/begin.rs`). A page of
//! another origin is refused even with a ticket, so that a ticket that leaks into one is of no use
//! there.

use data_encoding::BASE64;

use crate::crypto::sha1;
use crate::http::api::codes;
use crate::http::api::problems::Problem;
use crate::http::wire::head::UpgradeFields;

/// Checks the fields of a request; gives the value of Sec-WebSocket-Accept.
///
/// # Errors
/// 426 for another protocol or version, 403 for a page of another origin, 400 for a key that is
/// none.
pub(crate) fn accept(
    upgrade: Option<&UpgradeFields>,
    host: Option<&str>,
) -> Result<String, Box<Problem>> {
    let Some(fields) = upgrade else {
        return Err(Problem::upgrade_required());
    };
    let protocols = fields.protocols.as_deref().unwrap_or_default();
    let asks = protocols
        .split(',')
        .any(|name| name.trim().eq_ignore_ascii_case("websocket"));
    if !asks || fields.version.as_deref() != Some("13") {
        return Err(Problem::upgrade_required());
    }
    if let Some(origin) = &fields.origin
        && !host.is_some_and(|host| is_own(origin, host))
    {
        return Err(Problem::origin_not_ours());
    }
    let key = fields.key.as_deref().unwrap_or_default();
    let nonce = BASE64.decode(key.as_bytes());
    if nonce.map(|nonce| nonce.len()) != Ok(NONCE_BYTES) {
        return Err(Problem::bad_request(
            codes::BAD_REQUEST,
            "Sec-WebSocket-Key is not 16 octets in base64.",
        ));
    }
    Ok(BASE64.encode(&sha1(&[key.as_bytes(), GUID].concat())))
}

/// Whether an origin is that of a page of this server: a scheme of HTTP, and the host and port
/// that the request was sent to. A port that is usual for the scheme may stand there or not.
fn is_own(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let usual = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| {
        text.strip_suffix(usual)
            .unwrap_or(text)
            .to_ascii_lowercase()
    };
    !authority.is_empty() && bare(authority) == bare(host)
}

/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// RFC 6455 section 4.1.
const NONCE_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields() -> UpgradeFields {
        UpgradeFields {
            protocols: Some("websocket".to_owned()),
            key: Some("dGhlIHNhbXBsZSBub25jZQ==".to_owned()),
            version: Some("13".to_owned()),
            origin: None,
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let accepted = accept(Some(&fields()), Some("a.test"));
        assert_eq!(accepted.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_octets() {
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j",
            "x y",
            "AAAA",
        ] {
            let mut fields = fields();
            fields.key = Some(key.to_owned());
            let refused = accept(Some(&fields), None).unwrap_err();
            assert_eq!(refused.code.status, 400, "{key}");
        }
    }

    #[test]
    fn origins() {
        for (origin, host, own) in [
            ("https://a.test", "a.test", true),
            ("https://A.test:443", "a.test", true),
            ("http://a.test", "a.test:80", true),
            ("http://localhost:8080", "localhost:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("https://a.test", "a.test:8443", false),
            ("https://a.test.evil.test", "a.test", false),
            ("https://evil.test", "a.test", false),
            ("null", "null", false),
            ("", "", false),
            ("https://", "", false),
            ("file://a.test", "a.test", false),
        ] {
            assert_eq!(is_own(origin, host), own, "{origin} {host}");
        }
    }
}
