//! The octets of a request. Pure writing. The rule: no value ends its line.

use core::fmt;

/// A POST with a body.
#[derive(Clone, Copy, Debug)]
pub struct PostRequest<'a> {
    /// `origin-form` (RFC 9112 section 3.2.1): a path, with a query where there is one.
    pub target: &'a str,
    /// The value of Host: a name or an address, with the port where it is not the usual one.
    pub host: &'a str,
    /// The value of Content-Type.
    pub content_type: &'a str,
    /// Further fields by name and value.
    pub fields: &'a [(&'a str, &'a str)],
    /// The body. It has a Content-Length, also when it is empty.
    pub body: &'a [u8],
}

/// A value that would change the framing of the request. Nothing of it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnsafeValue;

impl fmt::Display for UnsafeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the request has a control character or a space")
    }
}

impl PostRequest<'_> {
    /// Appends the request. The connection is kept for the next one (RFC 9112 section 9.3).
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), UnsafeValue> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let is_value = |text: &str| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let are_fields_safe = self
            .fields
            .iter()
            .all(|(name, value)| is_name(name) && is_value(value));
        let is_safe = is_word(self.target)
            && self.target.starts_with('/')
            && is_word(self.host)
            && is_value(self.content_type)
            && are_fields_safe;
        if !is_safe {
            return Err(UnsafeValue);
        }
        let (target, host, content_type) = (self.target, self.host, self.content_type);
        let length = self.body.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n\
             Accept: */*\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        );
        out.reserve(head.len() + length + 64 * self.fields.len() + 2);
        out.extend_from_slice(head.as_bytes());
        for (name, value) in self.fields {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
        Ok(())
    }
}

const USER_AGENT: &str = concat!("Postern/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: PostRequest<'_> = PostRequest {
        target: "/hook?a=b",
        host: "hooks.test:8443",
        content_type: "application/json",
        fields: &[("webhook-id", "17"), ("webhook-signature", "v1,a v1,b")],
        body: b"{}",
    };

    #[test]
    fn a_request_has_its_length() {
        let mut out = Vec::new();
        assert_eq!(PLAIN.write(&mut out), Ok(()));
        let expected = format!(
            "POST /hook?a=b HTTP/1.1\r\nHost: hooks.test:8443\r\nUser-Agent: {USER_AGENT}\r\n\
             Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
             webhook-id: 17\r\nwebhook-signature: v1,a v1,b\r\n\r\n{{}}"
        );
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn no_value_ends_its_line() {
        let odd = |post: PostRequest<'_>| {
            let mut out = Vec::new();
            let written = post.write(&mut out);
            assert!(out.is_empty());
            written
        };
        for target in ["", "hook", "/a b", "/a\r\nb: c", "/\u{e9}", "/\0"] {
            assert_eq!(
                odd(PostRequest { target, ..PLAIN }),
                Err(UnsafeValue),
                "{target:?}"
            );
        }
        for host in ["", "a b", "a\nb", "\u{e9}.test"] {
            assert_eq!(
                odd(PostRequest { host, ..PLAIN }),
                Err(UnsafeValue),
                "{host:?}"
            );
        }
        for field in [("a", "b\r\nc: d"), ("a:", "b"), ("", "b"), ("a", "\u{e9}")] {
            let fields = &[field];
            assert_eq!(
                odd(PostRequest { fields, ..PLAIN }),
                Err(UnsafeValue),
                "{field:?}"
            );
        }
    }
}
