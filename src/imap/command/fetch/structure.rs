//! ENVELOPE, BODY and BODYSTRUCTURE of a stored digest (RFC 3501 section 7.4.2), and the
//! octets that a section names.
//!
//! Nothing is parsed here: `mail::digest` has found the parts at delivery, and this writes
//! them in one pass. FETCH leaves out a message whose digest cannot be read. Where a part of a
//! digest is damaged, NIL stands in its place, so the response is always well formed.
//!
//! Ranges count from the beginning of the entry: its own prefix, then the body. Digests
//! count from behind the prefix.

use core::ops::Range;

use super::item::SectionText;
use crate::call::EntryRow;
use crate::imap::wire::respond::ResponseLine;
use crate::mail::digest::{AddressItem, AddressItems, Digest, DigestEnvelope, Part, PartStep};
use crate::mail::parse::mime::PartKind;

/// How many fields of an ENVELOPE have been written.
pub type EnvelopeProgress = usize;

/// How far a BODY or BODYSTRUCTURE has been written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StructureProgress {
    /// The steps of the walk that are done.
    steps: usize,
    open_parts: Vec<OpenStructure>,
    has_part: bool,
}

/// Writes the ENVELOPE of the message, field by field, until the output has more than
/// `output_max` octets. `None`: all of it is written.
pub fn envelope(
    line: &mut ResponseLine<'_>,
    row: &EntryRow,
    mut progress: EnvelopeProgress,
    output_max: usize,
) -> Option<EnvelopeProgress> {
    let envelope = open(row).map(|digest| digest.envelope());
    let envelope = envelope.unwrap_or_default();
    while envelope_field(line, &envelope, progress) {
        progress += 1;
        if line.output_bytes() > output_max {
            return Some(progress);
        }
    }
    None
}

/// Writes the BODY of the message, or with `extended` its BODYSTRUCTURE, part by part, until the
/// output has more than `output_max` octets; whether all of it is written.
pub fn structure(
    line: &mut ResponseLine<'_>,
    row: &EntryRow,
    extended: bool,
    progress: &mut StructureProgress,
    output_max: usize,
) -> bool {
    let steps = open(row).into_iter().flat_map(|digest| digest.walk());
    for step in steps.skip(progress.steps) {
        if line.output_bytes() > output_max {
            return false;
        }
        progress.steps += 1;
        match step {
            PartStep::Open(part) => {
                count_part(&mut progress.open_parts);
                progress.has_part = true;
                line.put("(");
                if part.kind == PartKind::Message {
                    single_head(line, &part);
                    line.put(" ");
                    write_envelope(line, &part.envelope.unwrap_or_default());
                    line.put(" ");
                }
                progress.open_parts.push(OpenStructure {
                    kind: part.kind,
                    parts: 0,
                });
            }
            PartStep::Leaf(part) => {
                count_part(&mut progress.open_parts);
                progress.has_part = true;
                leaf(line, &part, extended);
            }
            PartStep::Close(part) => {
                if let Some(opened) = progress.open_parts.pop() {
                    close(line, opened, Some(&part), extended);
                }
            }
        }
    }
    while let Some(opened) = progress.open_parts.pop() {
        close(line, opened, None, extended);
    }
    if !progress.has_part {
        let size = row.size.saturating_sub(row.prefix_len);
        plain_text(line, size.saturating_sub(row.header_len));
    }
    true
}

/// The octets that a section names, within `0..row.size`; `None` if there is no such part
/// (the answer is NIL). For HEADER.FIELDS it is the whole header. A path needs the digest.
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct OpenStructure {
    kind: PartKind,
    parts: usize,
}

fn count_part(open_parts: &mut [OpenStructure]) {
    if let Some(outer) = open_parts.last_mut() {
        outer.parts += 1;
    }
}

/// The end of a multipart or a message; `part` is `None` if the digest is cut off.
fn close(
    line: &mut ResponseLine<'_>,
    opened: OpenStructure,
    part: Option<&Part<'_>>,
    extended: bool,
) {
    if opened.parts == 0 {
        plain_text(line, 0);
    }
    line.put(" ");
    if opened.kind == PartKind::Message {
        line.number(part.map_or(0, |part| u64::from(part.lines)));
        if let (Some(part), true) = (part, extended) {
            single_extension(line, part);
        }
    } else {
        line.string(part.map_or(&b"MIXED"[..], |part| part.subtype));
        if let (Some(part), true) = (part, extended) {
            line.put(" ");
            pairs(line, part.params);
            common_extension(line, part);
        }
    }
    line.put(")");
}

fn leaf(line: &mut ResponseLine<'_>, part: &Part<'_>, extended: bool) {
    line.put("(");
    single_head(line, part);
    if part.is_media("text") {
        line.put(" ").number(u64::from(part.lines));
    }
    if extended {
        single_extension(line, part);
    }
    line.put(")");
}

/// Type, parameters, id, description, encoding, size.
fn single_head(line: &mut ResponseLine<'_>, part: &Part<'_>) {
    // The answer for a message has its envelope, and a message that was not parsed has none:
    // it is shown as octets. So is a multipart that was not parsed.
    let is_compound = part.is("message", "rfc822") || part.is_media("multipart");
    let (media, subtype) = if is_compound && part.kind == PartKind::Leaf {
        (&b"APPLICATION"[..], &b"OCTET-STREAM"[..])
    } else {
        (part.media, part.subtype)
    };
    line.string(media).put(" ").string(subtype).put(" ");
    pairs(line, part.params);
    line.put(" ")
        .nstring(part.id)
        .put(" ")
        .nstring(part.description)
        .put(" ")
        .string(part.encoding_name)
        .put(" ")
        .number(part.size() as u64);
}

fn single_extension(line: &mut ResponseLine<'_>, part: &Part<'_>) {
    line.put(" ").nstring(part.md5);
    common_extension(line, part);
}

/// Disposition, language, location.
fn common_extension(line: &mut ResponseLine<'_>, part: &Part<'_>) {
    line.put(" ");
    match part.disposition {
        Some((name, params)) => {
            line.put("(");
            line.string(name).put(" ");
            pairs(line, params);
            line.put(")");
        }
        None => {
            line.put("NIL");
        }
    }
    line.put(" ");
    let mut languages = part.languages;
    match (languages.next(), languages.next()) {
        (first, None) => {
            line.nstring(first);
        }
        _ => list(line, part.languages),
    }
    line.put(" ").nstring(part.location);
}

fn pairs<'a>(line: &mut ResponseLine<'_>, pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    list(line, pairs.flat_map(|(name, value)| [name, value]));
}

/// Strings in parentheses, or NIL if there is none.
fn list<'a>(line: &mut ResponseLine<'_>, strings: impl Iterator<Item = &'a [u8]>) {
    let mut gap = "(";
    for text in strings {
        line.put(gap).string(text);
        gap = " ";
    }
    line.put(if gap == "(" { "NIL" } else { ")" });
}

fn plain_text(line: &mut ResponseLine<'_>, size: u32) {
    line.put("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" ");
    line.number(u64::from(size));
    line.put(" 0)");
}

/// An envelope whole.
fn write_envelope(line: &mut ResponseLine<'_>, envelope: &DigestEnvelope<'_>) {
    let mut n = 0;
    while envelope_field(line, envelope, n) {
        n += 1;
    }
}

/// The field `n` of an envelope, with the parentheses around all fields; whether one follows.
fn envelope_field(line: &mut ResponseLine<'_>, envelope: &DigestEnvelope<'_>, n: usize) -> bool {
    line.put(if n == 0 { "(" } else { " " });
    match n {
        0 => line.nstring(envelope.date),
        1 => line.nstring(envelope.subject),
        2 => addresses(line, envelope.from),
        3 => addresses(line, envelope.sender),
        4 => addresses(line, envelope.reply_to),
        5 => addresses(line, envelope.to),
        6 => addresses(line, envelope.cc),
        7 => addresses(line, envelope.bcc),
        8 => line.nstring(envelope.in_reply_to),
        _ => {
            line.nstring(envelope.message_id).put(")");
            return false;
        }
    };
    true
}

fn addresses<'l, 'o>(
    line: &'l mut ResponseLine<'o>,
    list: AddressItems<'_>,
) -> &'l mut ResponseLine<'o> {
    let mut any = false;
    for item in list {
        line.put(if any { "" } else { "(" });
        any = true;
        match item {
            AddressItem::GroupStart(name) => {
                line.put("(NIL NIL ");
                line.string(name);
                line.put(" NIL)");
            }
            AddressItem::GroupEnd => {
                line.put("(NIL NIL NIL NIL)");
            }
            AddressItem::Mailbox {
                name,
                route,
                local,
                domain,
            } => {
                line.put("(");
                line.nstring(name).put(" ").nstring(route).put(" ");
                // NIL here means that a group begins or ends.
                line.string(local).put(" ").string(domain);
                line.put(")");
            }
        }
    }
    line.put(if any { ")" } else { "NIL" })
}

#[cfg(test)]
pub(crate) mod tests {
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
        String::from_utf8(structure_of(row, extended)).unwrap()
    }

    /// Whole, and the same in steps that each end as soon as they may.
    fn structure_of(row: &EntryRow, extended: bool) -> Vec<u8> {
        let (mut whole, mut stepped) = (Vec::new(), Vec::new());
        let mut line = ResponseLine::resume(&mut whole);
        let mut progress = StructureProgress::default();
        assert!(structure(
            &mut line,
            row,
            extended,
            &mut progress,
            usize::MAX
        ));
        let mut progress = StructureProgress::default();
        loop {
            let max = stepped.len();
            let mut line = ResponseLine::resume(&mut stepped);
            if structure(&mut line, row, extended, &mut progress, max) {
                break;
            }
        }
        assert_eq!(whole, stepped);
        whole
    }

    fn envelope_of(row: &EntryRow) -> Vec<u8> {
        let (mut whole, mut stepped) = (Vec::new(), Vec::new());
        let mut line = ResponseLine::resume(&mut whole);
        assert_eq!(envelope(&mut line, row, 0, usize::MAX), None);
        let mut progress = Some(0);
        while let Some(at) = progress {
            progress = envelope(&mut ResponseLine::resume(&mut stepped), row, at, 0);
        }
        assert_eq!(whole, stepped);
        whole
    }

    /// Parentheses outside strings and literals balance, and no control octet is outside a
    /// literal.
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
        assert_eq!(
            String::from_utf8(envelope_of(&row)).unwrap(),
            concat!(
                "(\"Mon, 1 Jan 2024 00:00:00 +0000\" \"a \\\"b\\\"\" ",
                "((\"N\" NIL \"a\" \"x.test\")) ((\"N\" NIL \"a\" \"x.test\")) ((\"N\" NIL \"a\" \"x.test\")) ",
                "((NIL NIL \"g\" NIL)(NIL NIL \"b\" \"x.test\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"x.test\")) ",
                "NIL NIL NIL \"<1@x>\")"
            )
        );
    }

    #[test]
    fn text_of_a_message_is_never_syntax() {
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
            assert_well_formed(&envelope_of(&row));
            assert_well_formed(&structure_of(&row, true));
            assert_well_formed(&structure_of(&row, false));
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
                assert_well_formed(&envelope_of(&whole));
                assert_well_formed(&structure_of(&whole, true));
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
