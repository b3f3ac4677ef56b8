//! Ranges of octets and the conditions of a download, as a request names them (RFC 9110 sections
//! 13 and 14).
//!
//! It knows no download: `server/download.rs` sends the octets. The rule: what is not understood
//! is ignored, so that the client gets the whole, which is always right (RFC 9110 section 14.2).

use core::ops::Range;

/// The conditions of a request, as they came. A field that stands there twice is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Conditions {
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub if_none_match: Option<String>,
    pub if_match: Option<String>,
}

/// One range of octets (RFC 9110 section 14.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteRange {
    /// From the first position to the last one, which belongs to it; without one, to the end.
    From(u64, Option<u64>),
    /// So many octets at the end.
    Last(u64),
}

/// What a range is of octets of a known number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extent {
    /// All of them.
    Whole,
    /// Some of them, at least one.
    Part(Range<u64>),
    /// None of them: the range begins behind the end (416).
    Beyond,
}

impl Conditions {
    /// Whether the client has the octets of this entity tag already (RFC 9110 section 13.1.2). The
    /// comparison is the weak one.
    pub fn is_unchanged(&self, tag: &str) -> bool {
        let Some(known) = &self.if_none_match else {
            return false;
        };
        names(known, |one| one.strip_prefix("W/").unwrap_or(one) == tag)
    }

    /// Whether the client wants other octets than those of this entity tag (RFC 9110 section
    /// 13.1.1). The comparison is the strong one.
    pub fn is_other(&self, tag: &str) -> bool {
        (self.if_match.as_ref()).is_some_and(|wanted| !names(wanted, |one| one == tag))
    }

    /// The range that is asked for, if it is asked for the octets of this entity tag (RFC 9110
    /// section 13.1.5). A date in If-Range matches nothing, since there is no Last-Modified.
    pub fn range(&self, tag: &str) -> Option<ByteRange> {
        match &self.if_range {
            Some(wanted) if wanted.trim() != tag => None,
            _ => parse(self.range.as_deref()?),
        }
    }
}

/// Whether a list of entity tags has one that is meant, or is `*`.
fn names(list: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    list.trim() == "*" || list.split(',').any(|one| is_meant(one.trim()))
}

/// Reads the value of Range; `None` for what is to be ignored: another unit, several ranges, a last
/// position before the first, and what is no range.
pub fn parse(text: &str) -> Option<ByteRange> {
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    // Empty elements of a list are none (RFC 9110 section 5.6.1.2).
    let mut all = set.split(',').map(str::trim).filter(|one| !one.is_empty());
    let (one, None) = (all.next()?, all.next()) else {
        return None;
    };
    let (first, last) = one.split_once('-')?;
    match (first, last) {
        ("", last) => Some(ByteRange::Last(number(last)?)),
        (first, "") => Some(ByteRange::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::From(first, Some(last)))
        }
    }
}

impl ByteRange {
    /// What it is of `size` octets.
    pub fn of(self, size: u64) -> Extent {
        match self {
            ByteRange::From(first, _) if first >= size => Extent::Beyond,
            ByteRange::From(first, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                Extent::Part(first..end)
            }
            ByteRange::Last(0) => Extent::Beyond,
            // There is no Content-Range of nothing.
            ByteRange::Last(_) if size == 0 => Extent::Whole,
            ByteRange::Last(n) => Extent::Part(size.saturating_sub(n)..size),
        }
    }
}

/// A number of digits; one that is too large is the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        use ByteRange::{From, Last};
        for (text, want) in [
            ("bytes=0-0", Some(From(0, Some(0)))),
            ("bytes=0-499", Some(From(0, Some(499)))),
            ("BYTES=7-", Some(From(7, None))),
            ("bytes=-5", Some(Last(5))),
            ("bytes=-0", Some(Last(0))),
            ("bytes= 1-2 ", Some(From(1, Some(2)))),
            ("bytes=,1-2,,", Some(From(1, Some(2)))),
            ("bytes=007-8", Some(From(7, Some(8)))),
            ("bytes=99999999999999999999999-", Some(From(u64::MAX, None))),
            (
                "bytes=1-99999999999999999999999",
                Some(From(1, Some(u64::MAX))),
            ),
            ("bytes=2-1", None),
            ("bytes=0-1,3-4", None),
            ("bytes=", None),
            ("bytes=-", None),
            ("bytes=,", None),
            ("bytes=1", None),
            ("bytes=+1-2", None),
            ("bytes=1 -2", None),
            ("bytes=1-2-3", None),
            ("bytes=--1", None),
            ("bytes=a-b", None),
            ("bytes=1-\u{661}", None),
            ("items=0-1", None),
            ("bytes 0-1", None),
            ("bytes", None),
            ("", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }

    #[test]
    fn a_range_is_a_part_of_some_octets() {
        use ByteRange::{From, Last};
        use Extent::{Beyond, Part, Whole};
        for (range, size, want) in [
            (From(0, None), 10, Part(0..10)),
            (From(9, None), 10, Part(9..10)),
            (From(10, None), 10, Beyond),
            (From(0, None), 0, Beyond),
            (From(2, Some(4)), 10, Part(2..5)),
            (From(2, Some(99)), 10, Part(2..10)),
            (From(0, Some(u64::MAX)), 10, Part(0..10)),
            (From(u64::MAX, None), 10, Beyond),
            (Last(3), 10, Part(7..10)),
            (Last(10), 10, Part(0..10)),
            (Last(u64::MAX), 10, Part(0..10)),
            (Last(0), 10, Beyond),
            (Last(0), 0, Beyond),
            (Last(1), 0, Whole),
        ] {
            assert_eq!(range.of(size), want, "{range:?} of {size}");
        }
    }

    #[test]
    fn tags_are_compared() {
        let text = |text: &str| Some(text.to_owned());
        for (known, unchanged) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("w/\"a\"", false),
            ("", false),
        ] {
            let conditions = Conditions {
                if_none_match: text(known),
                ..Conditions::default()
            };
            assert_eq!(conditions.is_unchanged("\"a\""), unchanged, "{known}");
        }
        for (wanted, is_other) in [
            ("\"a\"", false),
            ("\"b\", \"a\"", false),
            ("*", false),
            ("\"b\"", true),
            ("W/\"a\"", true),
            ("", true),
        ] {
            let conditions = Conditions {
                if_match: text(wanted),
                ..Conditions::default()
            };
            assert_eq!(conditions.is_other("\"a\""), is_other, "{wanted}");
        }
        assert!(!Conditions::default().is_other("\"a\""));
        for (wanted, has_range) in [
            (None, true),
            (text("\"a\""), true),
            (text("\"b\""), false),
            (text("W/\"a\""), false),
            (text("Thu, 01 Jan 2026 00:00:00 GMT"), false),
            (text(""), false),
        ] {
            let conditions = Conditions {
                range: text("bytes=0-"),
                if_range: wanted.clone(),
                ..Conditions::default()
            };
            assert_eq!(conditions.range("\"a\"").is_some(), has_range, "{wanted:?}");
        }
    }
}
