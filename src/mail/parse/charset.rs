//! Charsets: octets to text.
//!
//! `encoding_rs` decodes and never fails: invalid octets become the replacement character. A text
//! is at most three times as long as its octets.

use std::borrow::Cow;

use encoding_rs::{Encoding as Charset, UTF_8, WINDOWS_1252};

/// Octets as text. Without a charset, with an unknown one, and for ASCII (a label that is often
/// wrong) the text is UTF-8 if it is valid UTF-8, and windows-1252 otherwise.
pub fn decode<'a>(label: Option<&[u8]>, octets: &'a [u8]) -> Cow<'a, str> {
    match named(label) {
        Some(charset) => charset.decode(octets).0,
        None => match std::str::from_utf8(octets) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
        },
    }
}

/// The charset of a label. `None` if the label decides nothing: it is missing, unknown or ASCII.
pub fn named(label: Option<&[u8]>) -> Option<&'static Charset> {
    let label = label?.trim_ascii();
    if label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii") {
        return None;
    }
    // The web maps some labels to "replacement" (iso-2022-kr, hz-gb-2312); that would lose the
    // whole text.
    Charset::for_label_no_replacement(label)
}

/// Whether octets of this charset can be searched and shown unchanged if they are valid UTF-8.
pub fn is_utf8_like(label: Option<&[u8]>) -> bool {
    named(label).is_none_or(|charset| charset == UTF_8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_never_fail() {
        for (label, octets, text) in [
            (Some("utf-8"), &b"\xc3\xb6"[..], "ö"),
            (Some(" ISO-8859-1 "), b"\xf6", "ö"),
            (Some("us-ascii"), b"\xc3\xb6", "ö"),
            (Some("us-ascii"), b"\xf6", "ö"),
            (None, b"\xf6", "ö"),
            (Some("no-such"), b"\xf6", "ö"),
            (Some("iso-2022-kr"), b"abc", "abc"),
            (Some("utf-8"), b"\xf6x", "\u{fffd}x"),
            (Some("gb18030"), b"\xc4\xe3", "你"),
            (Some("utf-16le"), b"a\0\x00\xd8", "a\u{fffd}"),
            (Some("windows-1251"), b"\xcf", "П"),
        ] {
            assert_eq!(decode(label.map(str::as_bytes), octets), text, "{label:?}");
        }
    }
}
