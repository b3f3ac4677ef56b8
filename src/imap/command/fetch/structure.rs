//! ENVELOPE, BODY and BODYSTRUCTURE of a stored digest (RFC 3501 section 7.4.2), and which
//! octets a section names.
//!
//! Nothing is parsed here: `mail::digest` has found the parts at delivery, and this renders
//! them in one pass. A digest that is missing or damaged renders as an envelope of NILs and
//! one plain text, with its parentheses closed: never as something that is no answer.
//!
//! Ranges count from the beginning of the entry: its own prefix, then the body. Digests
//! count from behind the prefix.

use core::ops::Range;

use crate::call::EntryRow;
use crate::imap::respond::{nstring, number, string};
use crate::imap::types::SectionText;
use crate::mail::digest::{AddressItem, AddressItems, Digest, DigestEnvelope, Part, PartStep};
use crate::mail::parse::mime::PartKind;

/// Writes the ENVELOPE of the message.
pub fn envelope(out: &mut Vec<u8>, row: &EntryRow) {
    let envelope = open(row).map(|digest| digest.envelope());
    write_envelope(out, &envelope.unwrap_or_default());
}

/// Writes the BODY of the message, or with `extended` its BODYSTRUCTURE.
pub fn structure(out: &mut Vec<u8>, row: &EntryRow, extended: bool) {
    let mut open_parts: Vec<Opened> = Vec::new();
    let mut written = false;
    for step in open(row).iter().flat_map(Digest::walk) {
        match step {
            PartStep::Open(part) => {
                note_part(&mut open_parts);
                written = true;
                out.push(b'(');
                if part.kind == PartKind::Message {
                    single_head(out, &part);
                    out.push(b' ');
                    write_envelope(out, &part.envelope.unwrap_or_default());
                    out.push(b' ');
                }
                open_parts.push(Opened {
                    kind: part.kind,
                    parts: 0,
                });
            }
            PartStep::Leaf(part) => {
                note_part(&mut open_parts);
                written = true;
                leaf(out, &part, extended);
            }
            PartStep::Close(part) => {
                if let Some(opened) = open_parts.pop() {
                    close(out, opened, Some(&part), extended);
                }
            }
        }
    }
    while let Some(opened) = open_parts.pop() {
        close(out, opened, None, extended);
    }
    if !written {
        let size = row.size.saturating_sub(row.prefix_len);
        plain_text(out, size.saturating_sub(row.header_len));
    }
}

/// The octets that a section names, within `0..row.size`; `None` if there is no such part
/// (the answer is NIL). Of HEADER.FIELDS it is the whole header. A path needs the digest.
pub fn section(row: &EntryRow, path: &[u32], of: &SectionText) -> Option<Range<u32>> {
    if path.is_empty() {
        let body_start = row.prefix_len.saturating_add(row.header_len).min(row.size);
        return Some(match of {
            SectionText::Whole => 0..row.size,
            SectionText::Text => body_start..row.size,
            SectionText::Header | SectionText::HeaderFields { .. } | SectionText::Mime => {
                0..body_start
            }
        });
    }
    let digest = open(row)?;
    let part = digest.section(path)?;
    let within = match of {
        SectionText::Whole => part.body,
        SectionText::Mime => part.header,
        SectionText::Text => digest.embedded(&part)?.body,
        SectionText::Header | SectionText::HeaderFields { .. } => digest.embedded(&part)?.header,
    };
    let at = |offset: usize| {
        u32::try_from(offset)
            .unwrap_or(u32::MAX)
            .saturating_add(row.prefix_len)
            .min(row.size)
    };
    let (start, end) = (at(within.start), at(within.end));
    Some(start..end.max(start))
}

fn open(row: &EntryRow) -> Option<Digest<'_>> {
    Digest::open(row.digest.as_deref()?)
}

/// A multipart or message whose parts are being written.
#[derive(Clone, Copy)]
struct Opened {
    kind: PartKind,
    parts: usize,
}

fn note_part(open_parts: &mut [Opened]) {
    if let Some(outer) = open_parts.last_mut() {
        outer.parts += 1;
    }
}

/// The end of a multipart or a message; `part` is missing where the digest broke off.
fn close(out: &mut Vec<u8>, opened: Opened, part: Option<&Part<'_>>, extended: bool) {
    if opened.parts == 0 {
        plain_text(out, 0);
    }
    out.push(b' ');
    if opened.kind == PartKind::Message {
        number(out, part.map_or(0, |part| u64::from(part.lines)));
        if let (Some(part), true) = (part, extended) {
            single_extension(out, part);
        }
    } else {
        string(out, part.map_or(&b"MIXED"[..], |part| part.subtype));
        if let (Some(part), true) = (part, extended) {
            out.push(b' ');
            pairs(out, part.params);
            common_extension(out, part);
        }
    }
    out.push(b')');
}

fn leaf(out: &mut Vec<u8>, part: &Part<'_>, extended: bool) {
    out.push(b'(');
    single_head(out, part);
    if part.is_media("text") {
        out.push(b' ');
        number(out, u64::from(part.lines));
    }
    if extended {
        single_extension(out, part);
    }
    out.push(b')');
}

/// Type, parameters, id, description, encoding, size.
fn single_head(out: &mut Vec<u8>, part: &Part<'_>) {
    // A message that was not looked into would owe its envelope: it is shown as octets. So is
    // a multipart, of which nothing else could be said.
    let owes = part.is("message", "rfc822") || part.is_media("multipart");
    let (media, subtype) = if owes && part.kind == PartKind::Leaf {
        (&b"APPLICATION"[..], &b"OCTET-STREAM"[..])
    } else {
        (part.media, part.subtype)
    };
    string(out, media);
    out.push(b' ');
    string(out, subtype);
    out.push(b' ');
    pairs(out, part.params);
    out.push(b' ');
    nstring(out, part.id);
    out.push(b' ');
    nstring(out, part.description);
    out.push(b' ');
    string(out, part.encoding_name);
    out.push(b' ');
    number(out, part.size() as u64);
}

fn single_extension(out: &mut Vec<u8>, part: &Part<'_>) {
    out.push(b' ');
    nstring(out, part.md5);
    common_extension(out, part);
}

/// Disposition, language, location.
fn common_extension(out: &mut Vec<u8>, part: &Part<'_>) {
    out.push(b' ');
    match part.disposition {
        Some((name, params)) => {
            out.push(b'(');
            string(out, name);
            out.push(b' ');
            pairs(out, params);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    let mut languages = part.languages;
    match (languages.next(), languages.next()) {
        (first, None) => nstring(out, first),
        _ => list(out, part.languages),
    }
    out.push(b' ');
    nstring(out, part.location);
}

fn pairs<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    list(out, pairs.flat_map(|(name, value)| [name, value]));
}

/// Strings in parentheses, or NIL if there is none.
fn list<'a>(out: &mut Vec<u8>, strings: impl Iterator<Item = &'a [u8]>) {
    let start = out.len();
    for text in strings {
        out.push(if out.len() == start { b'(' } else { b' ' });
        string(out, text);
    }
    if out.len() == start {
        out.extend_from_slice(b"NIL");
    } else {
        out.push(b')');
    }
}

fn plain_text(out: &mut Vec<u8>, size: u32) {
    out.extend_from_slice(b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" ");
    number(out, u64::from(size));
    out.extend_from_slice(b" 0)");
}

fn write_envelope(out: &mut Vec<u8>, envelope: &DigestEnvelope<'_>) {
    out.push(b'(');
    nstring(out, envelope.date);
    out.push(b' ');
    nstring(out, envelope.subject);
    for list in [
        envelope.from,
        envelope.sender,
        envelope.reply_to,
        envelope.to,
        envelope.cc,
        envelope.bcc,
    ] {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    nstring(out, envelope.in_reply_to);
    out.push(b' ');
    nstring(out, envelope.message_id);
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, list: AddressItems<'_>) {
    let start = out.len();
    for item in list {
        if out.len() == start {
            out.push(b'(');
        }
        match item {
            AddressItem::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(out, name);
                out.extend_from_slice(b" NIL)");
            }
            AddressItem::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
            AddressItem::Mailbox {
                name,
                route,
                local,
                domain,
            } => {
                out.push(b'(');
                nstring(out, name);
                out.push(b' ');
                nstring(out, route);
                out.push(b' ');
                // NIL here would say that a group begins or ends.
                string(out, local);
                out.push(b' ');
                string(out, domain);
                out.push(b')');
            }
        }
    }
    if out.len() == start {
        out.extend_from_slice(b"NIL");
    } else {
        out.push(b')');
    }
}

#[cfg(test)]
pub(in crate::imap) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::call::{EntryId, EntryState, Flags, ThreadId};
    use crate::mail::Bounds;
    use crate::mail::digest::analyse;

    pub(crate) const PREFIX: &str = "Return-Path: <a@x.test>\r\n";

    /// A row of a message, all octets in it.
    pub(crate) fn row(message: &str) -> EntryRow {
        let analysis = analyse(message.as_bytes(), &Bounds::default()).unwrap();
        let octets = [PREFIX, message].concat().into_bytes();
        EntryRow {
            state: EntryState {
                uid: 7,
                id: EntryId(1),
                modseq: 12,
                flags: Flags::SEEN,
                keywords: vec!["a".to_owned()],
            },
            thread: ThreadId(1),
            received_at: 0,
            size: octets.len() as u32,
            prefix_len: PREFIX.len() as u32,
            header_len: analysis.header_len,
            digest: Some(analysis.digest),
            octets: Some(octets),
            rest: None,
        }
    }

    pub(crate) const NESTED: &str = "From: A <a@x.test>\r\nSubject: =?utf-8?Q?x?=\r\n\
        Content-Type: multipart/mixed; boundary=o\r\n\r\nhello\r\n\
        --o\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\ntwo\r\n\
        --o\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"a\\\"b\"\r\n\r\n\
        From: b@x.test\r\nSubject: in\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n\
        --i\r\n\r\nplain\r\n--i\r\nContent-Type: text/html\r\nContent-Language: de, en\r\n\r\n<p>\r\n--i--\r\n\
        --o--\r\n";

    fn rendered(row: &EntryRow, extended: bool) -> String {
        let mut out = Vec::new();
        structure(&mut out, row, extended);
        String::from_utf8(out).unwrap()
    }

    /// Parentheses outside strings and literals balance, and no raw control octet is outside
    /// a literal: what a reference parser would stumble over.
    pub(crate) fn assert_well_formed(answer: &[u8]) {
        let (mut at, mut depth) = (0, 0i32);
        while at < answer.len() {
            match answer[at] {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'"' => {
                    at += 1;
                    while answer[at] != b'"' {
                        assert!(matches!(answer[at], b' '..=b'~'));
                        at += if answer[at] == b'\\' { 2 } else { 1 };
                    }
                }
                b'{' => {
                    let end = at + answer[at..].iter().position(|&b| b == b'}').unwrap();
                    let n: usize = std::str::from_utf8(&answer[at + 1..end])
                        .unwrap()
                        .parse()
                        .unwrap();
                    assert_eq!(&answer[end + 1..end + 3], b"\r\n");
                    at = end + 2 + n;
                }
                b => assert!(matches!(b, b' '..=b'~'), "{b} at {at}"),
            }
            assert!(depth >= 0);
            at += 1;
        }
        assert_eq!(depth, 0, "{}", String::from_utf8_lossy(answer));
    }

    #[test]
    fn one_part() {
        let row = row("Content-Type: text/plain; charset=utf-8\r\n\r\na\r\nb\r\n");
        assert_eq!(
            rendered(&row, false),
            "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 6 2)"
        );
        assert_eq!(
            rendered(&row, true),
            "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 6 2 NIL NIL NIL NIL)"
        );
    }

    #[test]
    fn parts_within_parts() {
        assert_eq!(
            rendered(&row(NESTED), true),
            concat!(
                "((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 8 1 NIL NIL NIL NIL)",
                "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 162 ",
                "(NIL \"in\" ((NIL NIL \"b\" \"x.test\")) ((NIL NIL \"b\" \"x.test\")) ((NIL NIL \"b\" \"x.test\")) NIL NIL NIL NIL NIL) ",
                "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)",
                "(\"text\" \"html\" NIL NIL NIL \"7bit\" 3 0 NIL NIL (\"de\" \"en\") NIL)",
                " \"alternative\" (\"boundary\" \"i\") NIL NIL NIL) 12 NIL ",
                "(\"attachment\" (\"filename\" \"a\\\"b\")) NIL NIL)",
                " \"mixed\" (\"boundary\" \"o\") NIL NIL NIL)",
            )
        );
    }

    #[test]
    fn envelopes() {
        let row = row(
            "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nSubject: a \"b\"\r\nFrom: \"N\" <a@x.test>\r\n\
            To: g: b@x.test;, c@x.test\r\nMessage-ID: <1@x>\r\n\r\n",
        );
        let mut out = Vec::new();
        envelope(&mut out, &row);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                "(\"Mon, 1 Jan 2024 00:00:00 +0000\" \"a \\\"b\\\"\" ",
                "((\"N\" NIL \"a\" \"x.test\")) ((\"N\" NIL \"a\" \"x.test\")) ((\"N\" NIL \"a\" \"x.test\")) ",
                "((NIL NIL \"g\" NIL)(NIL NIL \"b\" \"x.test\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"x.test\")) ",
                "NIL NIL NIL \"<1@x>\")"
            )
        );
    }

    #[test]
    fn what_a_stranger_wrote_is_never_syntax() {
        for message in [
            "Subject: x\r\n * BYE\r\n\r\n",
            "Subject: \"\\\r\n\r\n",
            "Subject: \u{fc}\u{0}\u{1b}\u{7f}\r\n\r\n",
            "From: \"a\\\"\r\n ) (\" <x@y>\r\n\r\n",
            "From: a\rb <x@y>\r\nTo: {9}\r\n\r\n",
            "Content-Type: text/\"x; a=\"\r\n* BYE\"\r\n\r\n",
            "Content-Type: text/plain; name=\"\u{1}\u{fc}){3}\"\r\n\r\n",
            "Content-Disposition: attachment; filename=\"a\r\n b\"\r\nContent-ID: <(>\r\n\r\n",
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n",
            "Content-Type: multipart/mixed\r\n\r\nx\r\n",
            "Content-Type: multipart/mixed; boundary=x\r\n\r\nno part\r\n",
            "Content-Type: message/rfc822\r\n\r\n",
            "",
            "\r\n",
        ] {
            let row = row(message);
            let mut out = Vec::new();
            envelope(&mut out, &row);
            structure(&mut out, &row, true);
            structure(&mut out, &row, false);
            assert_well_formed(&out);
        }
    }

    #[test]
    fn a_damaged_digest_still_renders() {
        let mut whole = row(NESTED);
        let digest = whole.digest.clone().unwrap();
        for at in 0..digest.len() {
            for damaged in [digest[..at].to_vec(), {
                let mut flipped = digest.clone();
                flipped[at] ^= 0x41;
                flipped
            }] {
                whole.digest = Some(damaged);
                let mut out = Vec::new();
                envelope(&mut out, &whole);
                structure(&mut out, &whole, true);
                assert_well_formed(&out);
                for path in [&[1][..], &[2], &[2, 1], &[9]] {
                    let range = section(&whole, path, &SectionText::Whole);
                    assert!(range.is_none_or(|r| r.start <= r.end && r.end <= whole.size));
                }
            }
        }
        whole.digest = None;
        assert!(rendered(&whole, true).starts_with("(\"TEXT\" \"PLAIN\""));
    }

    #[test]
    fn sections_are_ranges() {
        let row = row(NESTED);
        let octets = row.octets.clone().unwrap();
        let text = |path: &[u32], of: SectionText| {
            section(&row, path, &of).map(|range| {
                let slice = &octets[range.start as usize..range.end as usize];
                String::from_utf8(slice.to_vec()).unwrap()
            })
        };
        use SectionText::{Header, Mime, Text, Whole};
        assert_eq!(text(&[], Whole).unwrap().len(), octets.len());
        let header = text(&[], Header).unwrap();
        assert!(header.starts_with("Return-Path") && header.ends_with("boundary=o\r\n\r\n"));
        assert!(text(&[], Text).unwrap().starts_with("hello\r\n--o"));
        assert_eq!(text(&[1], Whole).as_deref(), Some("one\r\ntwo"));
        assert_eq!(
            text(&[1], Mime).as_deref(),
            Some("Content-Type: text/plain; charset=utf-8\r\n\r\n")
        );
        assert_eq!(text(&[1], Header), None);
        assert_eq!(text(&[1], Text), None);
        assert!(text(&[2], Whole).unwrap().starts_with("From: b@x.test\r\n"));
        assert!(
            text(&[2], Mime)
                .unwrap()
                .starts_with("Content-Type: message/rfc822\r\n")
        );
        assert!(text(&[2], Header).unwrap().ends_with("boundary=i\r\n\r\n"));
        assert!(text(&[2], Text).unwrap().starts_with("--i\r\n"));
        assert_eq!(text(&[2, 1], Whole).as_deref(), Some("plain"));
        assert_eq!(text(&[2, 2], Whole).as_deref(), Some("<p>"));
        for path in [&[3][..], &[2, 3], &[1, 1], &[0], &[1, 1, 1, 1]] {
            assert_eq!(text(path, Whole), None, "{path:?}");
        }
    }
}
