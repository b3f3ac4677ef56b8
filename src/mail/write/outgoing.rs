//! The header of a message as it leaves: without the fields that are for this server and for its
//! client alone.
//!
//! `Bcc` names recipients that the others must not learn of (RFC 5322 section 3.6.3); `Return-Path`
//! is for final delivery alone (RFC 5321 section 4.4). No other octet changes, so that signatures
//! of the sender stay good.

use memchr::memchr2;

/// Names of fields that never leave, in lower case.
const PRIVATE: &[&[u8]] = &[b"bcc", b"resent-bcc", b"return-path", IDEMPOTENCY_KEY];

/// The field of a client that submits a message with a key.
const IDEMPOTENCY_KEY: &[u8] = b"x-idempotency-key";

/// The beginning of the names of our own fields, which never leave either.
const PRIVATE_PREFIX: &[u8] = b"x-postern-";

/// A header block without its private fields. It ends as `header` does, with or without the empty
/// line.
pub fn without_private_fields(header: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(header.len());
    let mut left = header;
    let mut is_private = false;
    while !left.is_empty() {
        let (line, rest) = left.split_at(line_end(left));
        left = rest;
        // A folded line belongs to the field above it.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            is_private = is_private_field(line);
        }
        if !is_private {
            kept.extend_from_slice(line);
        }
    }
    kept
}

/// The end of the first line, behind its CRLF. A bare CR and a bare LF end a line too, because each
/// of them leaves as CRLF.
fn line_end(text: &[u8]) -> usize {
    match memchr2(b'\r', b'\n', text) {
        Some(at) if text.get(at..at + 2) == Some(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    }
}

fn is_private_field(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|c| *c == b':') else {
        return false;
    };
    // White space before the colon is obsolete syntax, and programs read it (RFC 5322 section 4.5).
    is_private_name(line.get(..colon).unwrap_or_default().trim_ascii_end())
}

/// Whether a field is for this server alone: one of ours, or the key of a submission.
pub fn is_own_name(name: &[u8]) -> bool {
    let name = name.trim_ascii_end();
    let begins = (name.get(..PRIVATE_PREFIX.len()))
        .is_some_and(|begin| begin.eq_ignore_ascii_case(PRIVATE_PREFIX));
    begins || name.eq_ignore_ascii_case(IDEMPOTENCY_KEY)
}

/// Whether a field with this name never leaves.
pub fn is_private_name(name: &[u8]) -> bool {
    is_own_name(name)
        || PRIVATE
            .iter()
            .any(|private| name.eq_ignore_ascii_case(private))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::Headers;

    fn is_private_field_name(name: &[u8]) -> bool {
        let name = name.to_ascii_lowercase();
        PRIVATE.contains(&name.trim_ascii_end()) || name.starts_with(PRIVATE_PREFIX)
    }

    #[test]
    fn private_fields_go_and_nothing_else_changes() {
        for (header, left) in [
            ("From: a\r\nBcc: b\r\n\r\n", "From: a\r\n\r\n"),
            ("BCC : b,\r\n c,\r\n\td\r\nTo: e\r\n\r\n", "To: e\r\n\r\n"),
            ("Return-Path: <a@b>\r\nX-Postern-Run: 1\r\n\r\n", "\r\n"),
            (
                "X-Idempotency-Key: k\r\nSubject: Bcc: b\r\n\r\n",
                "Subject: Bcc: b\r\n\r\n",
            ),
            (
                "Subject: a\r\n Bcc: b\r\n\r\n",
                "Subject: a\r\n Bcc: b\r\n\r\n",
            ),
            ("X-Bcc: b\r\nBccs: c\r\n\r\n", "X-Bcc: b\r\nBccs: c\r\n\r\n"),
            ("resent-bcc: b\r\nno colon\r\n\r\n", "no colon\r\n\r\n"),
            (
                "Subject: a\rBcc: b\r\nTo: c\r\n\r\n",
                "Subject: a\rTo: c\r\n\r\n",
            ),
            ("Subject: a\r\rBcc: b\n\r\n", "Subject: a\r\r\r\n"),
            ("Bcc: b", ""),
            ("", ""),
        ] {
            let kept = without_private_fields(header.as_bytes());
            assert_eq!(kept, left.as_bytes(), "{header:?}");
        }
    }

    /// Every header of up to seven of these parts: no reader finds a private field in what leaves,
    /// and every other field is there as it was.
    #[test]
    fn no_hidden_recipient_is_on_a_wire_copy() {
        let parts: [&[u8]; 6] = [
            b"Bcc:",
            b" x@y\r\n",
            b"\tz\r\n",
            b"To: a\r\n",
            b"bcc \t: q\r\n",
            b"\r\n",
        ];
        let mut seen = 0;
        for number in 0..6_usize.pow(7) {
            let mut header = Vec::new();
            let mut left = number;
            for _ in 0..7 {
                header.extend_from_slice(parts[left % 6]);
                left /= 6;
            }
            let kept = without_private_fields(&header);
            let headers = Headers::parse(&kept);
            for field in headers.fields() {
                assert!(!is_private_field_name(field.name), "{header:?}");
            }
            seen += kept.len();
        }
        assert!(seen > 0);
    }
}
