//! Request targets: a path in decoded segments and a query, both bounded and read once.
//!
//! Borrowed bytes come in and owned text goes out, since it ends in calls. A target that two
//! readers could take for different things (bad percent signs, octets that are not UTF-8,
//! control characters) is refused and not repaired.

use crate::call::InboxId;
use crate::call::InboxRef;
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::http::api::codes;
use crate::http::api::problems::Problem;

/// Path and query of one request.
#[derive(Debug, Default)]
pub(crate) struct RequestTarget {
    /// Path and query as they came, for the fingerprint of `Idempotency-Key`.
    pub raw: String,
    /// Between the slashes, decoded.
    pub segments: Vec<String>,
    /// Behind the question mark, decoded.
    pub query: Query,
}

/// Name and value pairs in their order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl RequestTarget {
    /// Reads `origin-form` (RFC 9112 section 3.2.1): the path must begin with a slash.
    pub fn parse(text: &str) -> Result<RequestTarget, Box<Problem>> {
        let bad = |what| Problem::bad_request(codes::BAD_TARGET, what);
        if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains('#') {
            return Err(bad(
                "The request target has characters that must be percent-encoded.",
            ));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let Some(path) = path.strip_prefix('/') else {
            return Err(bad("The request target must begin with a slash."));
        };
        let mut segments = Vec::new();
        for part in path.split('/') {
            if segments.len() == SEGMENTS_MAX {
                return Err(Problem::not_found("route"));
            }
            let part = decode(part, false);
            segments.push(part.ok_or_else(|| bad(BAD_PATH))?);
        }
        let mut pairs = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            if pairs.len() == PARAMETERS_MAX {
                return Err(bad("The query has more than 64 parameters."));
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let pair = decode(name, true).zip(decode(value, true));
            pairs.push(pair.ok_or_else(|| bad(BAD_QUERY))?);
        }
        Ok(RequestTarget {
            raw: text.to_owned(),
            segments,
            query: Query(pairs),
        })
    }
}

impl Query {
    /// Of names and values that have not come in a target.
    pub fn of(pairs: Vec<(String, String)>) -> Query {
        Query(pairs)
    }

    /// Refuses a parameter that `known` does not have, and one that is there twice unless
    /// `known` says that it repeats.
    pub fn check(&self, known: impl Fn(&str) -> Option<bool>) -> Result<(), Box<Problem>> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            let Some(repeats) = known(name) else {
                return Err(Problem::unknown("parameter", name));
            };
            let twice = self.0.iter().take(at).any(|(other, _)| other == name);
            if twice && !repeats {
                return Err(Problem::invalid(name, "is given twice"));
            }
        }
        Ok(())
    }

    /// The value of a parameter, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Whether a parameter is there, also when it is empty.
    pub fn is_given(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Every value that is not empty, split at commas too.
    pub fn each(&self, name: &str) -> impl Iterator<Item = &str> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .filter(|value| !value.is_empty())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// A decimal number: digits only.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Box<Problem>> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match digits(text) {
            Some(n) => Ok(Some(n)),
            None => Err(Problem::invalid(name, "must be a number")),
        }
    }

    /// `limit`: 1 to 200, 50 when it is not there.
    pub fn limit(&self) -> Result<usize, Box<Problem>> {
        match self.number("limit")? {
            None => Ok(LIMIT_DEFAULT),
            Some(n) => match usize::try_from(n) {
                Ok(n) if (1..=PAGE_ROWS_MAX).contains(&n) => Ok(n),
                _ => Err(Problem::invalid("limit", "must be from 1 to 200")),
            },
        }
    }
}

/// The number that digits (and nothing else) make; `None` beyond 2^63, which no log reaches.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|n| i64::try_from(*n).is_ok())
}

/// An inbox by id or by address; `None` for a text that cannot be either.
pub(crate) fn inbox_ref(text: &str) -> Option<InboxRef> {
    if let Some(id) = InboxId::parse(text) {
        return Some(InboxRef::Id(id));
    }
    let fits = text.len() <= ADDRESS_BYTES_MAX && text.contains('@');
    fits.then(|| InboxRef::Address(text.to_owned()))
}

/// A segment of a path without its escapes; `None` for wrong ones, and for controls.
pub(crate) fn decode_segment(text: &str) -> Option<String> {
    decode(text, false)
}

/// Percent-decoding (RFC 3986 section 2.1); in a query `+` is a space, as forms write it.
fn decode(text: &str, plus: bool) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let octet = match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus => b' ',
            other => other,
        };
        octets.push(octet);
    }
    let text = String::from_utf8(octets).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

const BAD_PATH: &str = "The path is not percent-encoded UTF-8, or has a control character in it.";
const BAD_QUERY: &str = "The query is not percent-encoded UTF-8, or has a control character in it.";
/// Segments of a path. The deepest route has seven.
const SEGMENTS_MAX: usize = 16;
/// Parameters of a query. Every route has fewer, even with repeated filters.
const PARAMETERS_MAX: usize = 64;
/// Octets of an address (RFC 5321 section 4.5.3.1): 64 + 1 + 255.
pub(crate) const ADDRESS_BYTES_MAX: usize = 320;
/// Rows of a page when the client does not say.
const LIMIT_DEFAULT: usize = 50;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        let target = RequestTarget::parse("/a/b%2Fc/%C3%A4?x=1+2&y=%2B&z&=&x2=").unwrap();
        assert_eq!(target.segments, ["a", "b/c", "ä"]);
        assert_eq!(target.query.text("x"), Some("1 2"));
        assert_eq!(target.query.text("y"), Some("+"));
        assert_eq!(target.query.text("z"), None);
    }

    #[test]
    fn what_is_refused() {
        for bad in [
            "", "a", "*", "http:/x", "/%", "/%2", "/%zz", "/%ff", "/%00", "/%0d%0a", "/a b",
            "/a#b", "/a?x=%0a", "/a?x=%80", "/\u{e4}", "/%+1", "/a\x7f",
        ] {
            assert!(RequestTarget::parse(bad).is_err(), "{bad}");
        }
        assert!(RequestTarget::parse(&"/x".repeat(17)).is_err());
        assert!(RequestTarget::parse(&format!("/?{}", "a=1&".repeat(65))).is_err());
    }

    #[test]
    fn parameters() {
        let query = |text: &str| RequestTarget::parse(&format!("/?{text}")).unwrap().query;
        let known = |name: &str| match name {
            "once" => Some(false),
            "often" => Some(true),
            _ => None,
        };
        assert!(query("once=1&often=2").check(known).is_ok());
        assert!(query("once=1&once=2").check(known).is_err());
        assert!(query("often=1&often=2").check(known).is_ok());
        assert!(query("c=1").check(known).is_err());
        assert_eq!(query("limit=200").limit().unwrap(), 200);
        for bad in [
            "0",
            "201",
            "-1",
            "+1",
            "1e3",
            "0x10",
            "99999999999999999999",
        ] {
            assert!(query(&format!("limit={bad}")).limit().is_err(), "{bad}");
        }
        assert_eq!(digits("9223372036854775807"), Some(i64::MAX as u64));
        assert_eq!(digits("9223372036854775808"), None);
        assert_eq!(
            query("t=a,b&t=c,").each("t").collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }
}
