//! The changes that turn a submission into mail: fields that it lacks, fields that must not leave,
//! stray octets.
//!
//! It is pure: the caller gives the time and the Message-ID. Ranges are offsets into the message as
//! it came, so the caller can send it in pieces without a copy.

use std::fmt;
use std::ops::Range;

use super::field;
use super::outgoing::is_private_name;
use crate::mail::Bounds;
use crate::mail::parse::address::Address;
use crate::mail::parse::address_list::parse_list;
use crate::mail::parse::header::{Field, Headers};
use crate::mail::time;
use crate::pace;

/// An octet that SMTP does not carry (RFC 5321 section 2.3.8), with the offset of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// CR without LF.
    BareCr(usize),
    /// LF without CR.
    BareLf(usize),
    /// NUL.
    Nul(usize),
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stray::BareCr(_) => "a carriage return without a line feed",
            Stray::BareLf(_) => "a line feed without a carriage return",
            Stray::Nul(_) => "a NUL octet",
        })
    }
}

impl std::error::Error for Stray {}

/// Looks for bare CR, bare LF and NUL; SMTP smuggling uses them.
///
/// # Errors
/// The first of them.
pub fn check_octets(raw: &[u8]) -> Result<(), Stray> {
    let pieces = raw.len().div_ceil(PIECE_BYTES);
    let is_clean = (0..pieces).all(|n| {
        pace::spend(PIECE_BYTES / 8);
        let start = n * PIECE_BYTES;
        let end = raw.len().min(start + PIECE_BYTES + 1);
        is_piece_clean(raw.get(start..end).unwrap_or_default())
    });
    let is_edge_clean = raw.first() != Some(&b'\n') && !matches!(raw.last(), Some(b'\r' | 0));
    if is_edge_clean && is_clean {
        return Ok(());
    }
    find_stray(raw)
}

/// Whether each CR in a piece stands before an LF, each LF after a CR, and no octet is NUL. The
/// first and the last octet count for their neighbours within only.
fn is_piece_clean(piece: &[u8]) -> bool {
    // Nearly all mail is clean, and a test of many octets at a time shows it.
    let pairs = piece.iter().zip(piece.get(1..).unwrap_or_default());
    !pairs.fold(false, |odd, (&a, &b)| {
        odd | ((a == b'\r') != (b == b'\n')) | (a == 0)
    })
}

/// The first stray octet.
fn find_stray(raw: &[u8]) -> Result<(), Stray> {
    let mut at = 0;
    while let Some(found) = raw
        .get(at..)
        .and_then(|rest| memchr::memchr3(b'\r', b'\n', 0, rest))
    {
        pace::spend(found + 5);
        at += found;
        match raw.get(at) {
            Some(b'\r') if raw.get(at + 1) == Some(&b'\n') => at += 2,
            Some(b'\r') => return Err(Stray::BareCr(at)),
            Some(b'\n') => return Err(Stray::BareLf(at)),
            _ => return Err(Stray::Nul(at)),
        }
    }
    Ok(())
}

/// The changes of a submitted message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fixups {
    /// Fields to put before it, each with CRLF: Date and Message-ID if they are missing.
    pub prepend: Vec<u8>,
    /// Octets to leave out, in order: the private fields.
    pub remove: Vec<Range<usize>>,
    /// The addresses that Bcc and Resent-Bcc held.
    pub bcc: Vec<Address>,
}

impl Fixups {
    /// Leaves out further fields. Of a message that changes it leaves out the signatures too: they
    /// cover what was there before, and a signature that is wrong helps no receiver.
    pub fn leave_out(&mut self, headers: &Headers<'_>, further: Vec<Range<usize>>) {
        self.remove.extend(further);
        if !self.prepend.is_empty() || !self.remove.is_empty() {
            let is_signature = |field: &Field<'_>| SIGNATURES.iter().any(|name| field.is(name));
            let signatures = headers.fields().filter(is_signature);
            self.remove.extend(signatures.map(|field| field.range()));
        }
        self.remove.sort_by_key(|range| range.start);
        self.remove.dedup();
    }

    /// The message after the changes.
    pub fn apply(&self, raw: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.prepend.len() + raw.len());
        out.extend_from_slice(&self.prepend);
        let mut at = 0;
        for range in &self.remove {
            append(&mut out, raw.get(at..range.start).unwrap_or(b""));
            at = range.end;
        }
        append(&mut out, raw.get(at..).unwrap_or(b""));
        out
    }
}

/// Copies a message behind other octets, in pieces.
pub(crate) fn append(out: &mut Vec<u8>, octets: &[u8]) {
    for piece in octets.chunks(PIECE_BYTES) {
        pace::spend(piece.len() / 4);
        out.extend_from_slice(piece);
    }
}

/// Octets between two counts of work.
const PIECE_BYTES: usize = 256 * 1024;

/// Fields that sign others: DKIM (RFC 6376) and a set of ARC (RFC 8617), which is of no use without
/// one of its fields.
const SIGNATURES: [&str; 4] = [
    "dkim-signature",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
];

/// Finds the fields that a submission lacks (RFC 6409 section 8) and those that must not leave with
/// it (RFC 5322 section 3.6.3). `message_id_if_missing` is an id with its brackets, `now` unix
/// milliseconds.
pub fn submission_fixups(raw: &[u8], message_id_if_missing: &str, now: i64) -> Fixups {
    let mut fixups = Fixups::default();
    let (mut has_date, mut has_id) = (false, false);
    let bounds = Bounds::default();
    for field in Headers::parse(raw).fields() {
        has_date |= field.is("date");
        has_id |= field.is("message-id");
        if !is_private_name(field.name) {
            continue;
        }
        fixups.remove.push(field.range());
        if (field.is("bcc") || field.is("resent-bcc")) && fixups.bcc.len() < bounds.addresses {
            pace::spend(field.value.len().saturating_mul(15));
            fixups.bcc.extend(
                parse_list(field.value, &bounds)
                    .mailboxes()
                    .filter_map(|m| m.address()),
            );
        }
    }
    if !has_date {
        field::fold("Date", &time::rfc5322(now), &mut fixups.prepend);
    }
    if !has_id {
        field::fold("Message-ID", message_id_if_missing, &mut fixups.prepend);
    }
    fixups
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn stray_octets_are_found() {
        for (raw, expected) in [
            (&b""[..], Ok(())),
            (b"a\r\nb\r\n", Ok(())),
            (b"\r\n.\r\n", Ok(())),
            (b"a\rb", Err(Stray::BareCr(1))),
            (b"a\r", Err(Stray::BareCr(1))),
            (b"\r\r\n", Err(Stray::BareCr(0))),
            (b"a\nb", Err(Stray::BareLf(1))),
            (b"\r\n\n", Err(Stray::BareLf(2))),
            (b"ab\0", Err(Stray::Nul(2))),
        ] {
            assert_eq!(check_octets(raw), expected, "{raw:?}");
        }
    }

    #[test]
    fn submissions_get_what_they_lack_and_lose_their_bcc() {
        let raw = b"Return-Path: <r@b>\r\nFrom: a@b\r\nBcc: x@y.test,\r\n \"Z\" <z@y.test>\r\nTo: c@d\r\nbcc : hidden@y.test\r\nResent-BCC\t: r@y.test\r\nX-Bcc: stays\r\n\r\nBcc: body\r\n";
        let fixups = submission_fixups(raw, "<id@x>", 0);
        let sent = String::from_utf8(fixups.apply(raw)).unwrap();
        assert_eq!(
            sent,
            "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <id@x>\r\nFrom: a@b\r\nTo: c@d\r\nX-Bcc: stays\r\n\r\nBcc: body\r\n"
        );
        let bcc: Vec<String> = fixups.bcc.iter().map(Address::to_string).collect();
        assert_eq!(bcc, ["x@y.test", "z@y.test", "hidden@y.test", "r@y.test"]);
        let whole = b"Date: x\r\nMESSAGE-ID: <y>\r\n\r\n";
        assert_eq!(submission_fixups(whole, "<id@x>", 0), Fixups::default());
    }

    #[test]
    fn a_signature_stays_on_a_message_that_does_not_change_and_on_no_other() {
        let signed = "DKIM-Signature: v=1;\r\n b=x\r\nDate: x\r\nMessage-ID: <y>\r\n";
        for (fields, left) in [
            ("", signed.to_owned()),
            ("X-A: b\r\n", format!("{signed}X-A: b\r\n")),
            (
                "X-Idempotency-Key: 1\r\n",
                "Date: x\r\nMessage-ID: <y>\r\n".into(),
            ),
            (
                "ARC-Seal: a\r\nBcc: b@c.test\r\n",
                "Date: x\r\nMessage-ID: <y>\r\n".into(),
            ),
        ] {
            let raw = format!("{signed}{fields}\r\nbody\r\n");
            let mut fixups = submission_fixups(raw.as_bytes(), "<id@x>", 0);
            fixups.leave_out(&Headers::parse(raw.as_bytes()), Vec::new());
            let sent = String::from_utf8(fixups.apply(raw.as_bytes())).unwrap();
            assert_eq!(sent, format!("{left}\r\nbody\r\n"), "{fields}");
        }
    }
}
