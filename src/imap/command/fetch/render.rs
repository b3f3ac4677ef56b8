//! Answering FETCH: what has to be asked for, and one row at a time into the output.
//!
//! Not the loop over pages nor `\Seen` (`server`). A [`Rendering`] writes what the row has at
//! hand; where the row is too big to be, it announces the literal, says which octets it wants
//! next, and takes them as they come, so that no message is ever whole in memory for it.
//!
//! ```text
//! go ─► Done                     the answer to this row is complete
//!  └──► Read{offset, len} ─ EntryRead::Octets ─► feed(octets) ─► go ...
//! ```

use core::ops::Range;

use crate::call::{EntryRow, EntryState, Octets};
use crate::imap::respond::{flags, internal_date, literal_head, number, string};
use crate::imap::structure;
use crate::imap::types::{FetchItem, FetchItems, Section, SectionLabel, SectionText};
use crate::mail::Headers;

/// What `EntryRead::Fetch` has to bring with each row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Envelope and structure.
    pub digest: bool,
    /// Octets.
    pub octets: Octets,
}

impl FetchItems {
    /// What is needed for these; messages of up to `page_bytes` come with their row.
    pub fn needs(&self, page_bytes: u32) -> Needs {
        let mut needs = Needs {
            digest: false,
            octets: Octets::No,
        };
        for item in &self.0 {
            match item {
                FetchItem::Body | FetchItem::BodyStructure | FetchItem::Envelope => {
                    needs.digest = true;
                }
                FetchItem::Section(section) => {
                    needs.digest |= !section.path.is_empty();
                    let header_only = section.path.is_empty()
                        && !matches!(section.of, SectionText::Whole | SectionText::Text);
                    needs.octets = match needs.octets {
                        Octets::UpTo(_) => Octets::UpTo(page_bytes),
                        _ if header_only => Octets::Header,
                        _ => Octets::UpTo(page_bytes),
                    };
                }
                FetchItem::Flags
                | FetchItem::InternalDate
                | FetchItem::ModSeq
                | FetchItem::Size
                | FetchItem::Uid => {}
            }
        }
        needs
    }

    /// Whether fetching these sets `\Seen` (RFC 3501 section 6.4.5): where the mailbox is
    /// open for writing.
    pub fn marks_seen(&self) -> bool {
        self.0
            .iter()
            .any(|item| matches!(item, FetchItem::Section(section) if !section.peek))
    }
}

/// What the answer says beside the items asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// `\Recent` to this session.
    pub recent: bool,
    /// UID, even if it was not asked for.
    pub uid: bool,
    /// FLAGS, even if they were not asked for: they have just changed.
    pub flags: bool,
    /// MODSEQ, even if it was not asked for: flags are told and CONDSTORE is on.
    pub modseq: bool,
}

/// `* 3 FETCH (...)` with the state of an entry alone: after STORE, and when another session
/// has changed flags. FLAGS are always told.
pub fn state(out: &mut Vec<u8>, seq: u32, state: &EntryState, told: Told) {
    begin(out, seq);
    let mut first = true;
    extras(
        out,
        state,
        Told {
            flags: true,
            ..told
        },
        &[],
        &mut first,
    );
    out.extend_from_slice(b")\r\n");
}

/// How far a rendering has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The line is complete.
    Done,
    /// These octets of the entry come next: call `feed` with them, then `go` again.
    Read {
        /// From the beginning of the entry (prefix, then body).
        offset: u32,
        /// At most the page.
        len: u32,
    },
}

/// The entry has fewer octets than its row said (it was expunged meanwhile): the literal that
/// has been announced cannot be kept, so the connection has to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Short;

/// The answer to FETCH for one row, on its way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rendering {
    /// The next item.
    at: usize,
    begun: bool,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum State {
    /// Between two items.
    #[default]
    Ready,
    /// A literal has been announced, and these octets of it are still to come.
    Streaming(Range<u32>),
    /// A header is gathered, to be filtered: these octets are still to come.
    Gathering(Range<u32>, Vec<u8>),
}

impl Rendering {
    /// Writes as much as there is. The same `items`, `row` and `told` until it is `Done`;
    /// what `Read` asks for is at most `page_bytes`.
    pub fn go(
        &mut self,
        items: &FetchItems,
        (seq, row, told): (u32, &EntryRow, Told),
        page_bytes: u32,
        out: &mut Vec<u8>,
    ) -> Progress {
        if !self.begun {
            self.begun = true;
            begin(out, seq);
        }
        loop {
            match core::mem::take(&mut self.state) {
                State::Ready => {}
                State::Streaming(left) if !left.is_empty() => {
                    let wanted = wanted(&left, page_bytes);
                    self.state = State::Streaming(left);
                    return wanted;
                }
                State::Gathering(left, header) if !left.is_empty() => {
                    let wanted = wanted(&left, page_bytes);
                    self.state = State::Gathering(left, header);
                    return wanted;
                }
                State::Streaming(_) => self.at += 1,
                State::Gathering(_, header) => {
                    if let Some(FetchItem::Section(section)) = items.0.get(self.at) {
                        filtered(out, section, &header);
                    }
                    self.at += 1;
                }
            }
            let Some(item) = items.0.get(self.at) else {
                let mut first = items.0.is_empty();
                extras(out, &row.state, told, &items.0, &mut first);
                out.extend_from_slice(b")\r\n");
                *self = Rendering::default();
                return Progress::Done;
            };
            if self.at > 0 {
                out.push(b' ');
            }
            self.state = write_item(out, item, row, told);
            if self.state == State::Ready {
                self.at += 1;
            }
        }
    }

    /// The octets that `Read` asked for, or as many of them as one call brought.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), Short> {
        let (left, into) = match &mut self.state {
            State::Ready => return Ok(()),
            State::Streaming(left) => (left, out),
            State::Gathering(left, header) => (left, header),
        };
        let taken = octets.get(..left.len()).unwrap_or(octets);
        if taken.is_empty() {
            return Err(Short);
        }
        into.extend_from_slice(taken);
        left.start = left
            .start
            .saturating_add(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}

fn wanted(left: &Range<u32>, page_bytes: u32) -> Progress {
    Progress::Read {
        offset: left.start,
        len: (left.end - left.start).min(page_bytes.max(1)),
    }
}

fn begin(out: &mut Vec<u8>, seq: u32) {
    out.extend_from_slice(b"* ");
    number(out, u64::from(seq));
    out.extend_from_slice(b" FETCH (");
}

/// What is told though it was not asked for.
fn extras(
    out: &mut Vec<u8>,
    state: &EntryState,
    told: Told,
    asked: &[FetchItem],
    first: &mut bool,
) {
    for (wanted, item) in [
        (told.uid, FetchItem::Uid),
        (told.flags, FetchItem::Flags),
        (told.modseq, FetchItem::ModSeq),
    ] {
        if wanted && !asked.contains(&item) {
            if !*first {
                out.push(b' ');
            }
            *first = false;
            write_state(out, &item, state, told.recent);
        }
    }
}

fn write_state(out: &mut Vec<u8>, item: &FetchItem, state: &EntryState, recent: bool) {
    match item {
        FetchItem::Uid => {
            out.extend_from_slice(b"UID ");
            number(out, u64::from(state.uid));
        }
        FetchItem::ModSeq => {
            out.extend_from_slice(b"MODSEQ (");
            number(out, state.modseq);
            out.push(b')');
        }
        _ => {
            out.extend_from_slice(b"FLAGS ");
            flags(out, state.flags, recent, &state.keywords);
        }
    }
}

/// One item, or its beginning; the state says whether more has to come.
fn write_item(out: &mut Vec<u8>, item: &FetchItem, row: &EntryRow, told: Told) -> State {
    match item {
        FetchItem::Flags | FetchItem::Uid | FetchItem::ModSeq => {
            write_state(out, item, &row.state, told.recent);
        }
        FetchItem::InternalDate => {
            out.extend_from_slice(b"INTERNALDATE ");
            internal_date(out, row.received_at);
        }
        FetchItem::Size => {
            out.extend_from_slice(b"RFC822.SIZE ");
            number(out, u64::from(row.size));
        }
        FetchItem::Envelope => {
            out.extend_from_slice(b"ENVELOPE ");
            structure::envelope(out, row);
        }
        FetchItem::Body => {
            out.extend_from_slice(b"BODY ");
            structure::structure(out, row, false);
        }
        FetchItem::BodyStructure => {
            out.extend_from_slice(b"BODYSTRUCTURE ");
            structure::structure(out, row, true);
        }
        FetchItem::Section(section) => {
            label(out, section);
            return write_section(out, section, row);
        }
    }
    State::Ready
}

fn write_section(out: &mut Vec<u8>, section: &Section, row: &EntryRow) -> State {
    let Some(range) = structure::section(row, &section.path, &section.of) else {
        out.extend_from_slice(b"NIL");
        return State::Ready;
    };
    let at_hand = |range: &Range<u32>| {
        let octets = row.octets.as_deref().unwrap_or_default();
        octets.get(range.start as usize..range.end as usize)
    };
    if matches!(section.of, SectionText::HeaderFields { .. }) {
        let end = range.end.min(range.start.saturating_add(HEADER_BYTES));
        let range = range.start..end;
        return match at_hand(&range) {
            Some(header) => {
                filtered(out, section, header);
                State::Ready
            }
            None => State::Gathering(range, Vec::new()),
        };
    }
    let range = cut(range, section.partial);
    literal_head(out, range.len());
    match at_hand(&range) {
        Some(octets) => {
            out.extend_from_slice(octets);
            State::Ready
        }
        None => State::Streaming(range),
    }
}

/// The part of a range that `<offset.length>` asks for; empty behind its end.
fn cut(range: Range<u32>, partial: Option<(u32, u32)>) -> Range<u32> {
    let Some((offset, len)) = partial else {
        return range;
    };
    let start = range.start.saturating_add(offset).min(range.end);
    start..start.saturating_add(len).min(range.end)
}

/// `BODY[1.HEADER.FIELDS (From)]<0> ` and its like.
fn label(out: &mut Vec<u8>, section: &Section) {
    match section.label {
        SectionLabel::Body => {}
        SectionLabel::Rfc822 => return out.extend_from_slice(b"RFC822 "),
        SectionLabel::Rfc822Header => return out.extend_from_slice(b"RFC822.HEADER "),
        SectionLabel::Rfc822Text => return out.extend_from_slice(b"RFC822.TEXT "),
    }
    out.extend_from_slice(b"BODY[");
    for (i, &n) in section.path.iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        number(out, u64::from(n));
    }
    let text: &[u8] = match &section.of {
        SectionText::Whole => b"",
        SectionText::Header => b"HEADER",
        SectionText::HeaderFields { not: false, .. } => b"HEADER.FIELDS (",
        SectionText::HeaderFields { not: true, .. } => b"HEADER.FIELDS.NOT (",
        SectionText::Text => b"TEXT",
        SectionText::Mime => b"MIME",
    };
    if !section.path.is_empty() && !text.is_empty() {
        out.push(b'.');
    }
    out.extend_from_slice(text);
    if let SectionText::HeaderFields { names, .. } = &section.of {
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            field_name(out, name);
        }
        out.push(b')');
    }
    out.push(b']');
    if let Some((offset, _)) = section.partial {
        out.push(b'<');
        number(out, u64::from(offset));
        out.push(b'>');
    }
    out.push(b' ');
}

/// Field names come back as they are where that is an atom. `]` is one in an astring, but
/// clients look for it to find the end of the section.
fn field_name(out: &mut Vec<u8>, name: &str) {
    if name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        out.extend_from_slice(name.as_bytes());
    } else {
        string(out, name.as_bytes());
    }
}

/// The fields of a header that a section asks for, and the empty line where the header has
/// one (RFC 3501 section 6.4.5), as a literal.
fn filtered(out: &mut Vec<u8>, section: &Section, header: &[u8]) {
    let SectionText::HeaderFields { not, names } = &section.of else {
        return;
    };
    let mut chosen = Vec::with_capacity(header.len().min(1024));
    for field in Headers::parse(header).fields() {
        let is_named = names.iter().any(|name| field.is(name));
        if is_named != *not {
            chosen.extend_from_slice(header.get(field.range()).unwrap_or_default());
        }
    }
    let has_end = [&b"\r\n"[..], b"\n"].contains(&header)
        || header.ends_with(b"\n\r\n")
        || header.ends_with(b"\n\n");
    if has_end || header.len() >= HEADER_BYTES as usize {
        if !chosen.is_empty() && !chosen.ends_with(b"\n") {
            chosen.extend_from_slice(b"\r\n");
        }
        chosen.extend_from_slice(b"\r\n");
    }
    let all = 0..u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let range = cut(all, section.partial);
    literal_head(out, range.len());
    out.extend_from_slice(
        chosen
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default(),
    );
}

/// Of a header that is filtered: what a message may have (`mail::Bounds`), and its prefix.
/// Only the header of an embedded message can be longer; its rest is not looked at.
const HEADER_BYTES: u32 = 264 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::imap::parse;
    use crate::imap::structure::tests::{NESTED, PREFIX, assert_well_formed, row};
    use crate::imap::types::Command;

    fn items(text: &str) -> FetchItems {
        let line = format!("t FETCH 1 {text}\r\n");
        match parse::command(line.as_bytes()).unwrap().command {
            Command::Fetch(fetch) => fetch.items,
            other => panic!("{other:?}"),
        }
    }

    /// With the octets at hand, and with none at hand in pages of any size: the same answer.
    fn answer(text: &str, row: &EntryRow, told: Told) -> String {
        let items = items(text);
        let mut out = Vec::new();
        let mut rendering = Rendering::default();
        assert_eq!(
            rendering.go(&items, (3, row, told), 9, &mut out),
            Progress::Done
        );
        assert_well_formed(out.strip_suffix(b"\r\n").unwrap());
        let octets = row.octets.clone().unwrap();
        let bare = EntryRow {
            octets: None,
            ..row.clone()
        };
        for page in [1, 7, 100_000] {
            let (mut streamed, mut rendering) = (Vec::new(), Rendering::default());
            while let Progress::Read { offset, len } =
                rendering.go(&items, (3, &bare, told), page, &mut streamed)
            {
                assert!(len <= page);
                let page = &octets[offset as usize..(offset + len) as usize];
                rendering.feed(page, &mut streamed).unwrap();
            }
            assert_eq!(rendering, Rendering::default());
            assert_eq!(streamed, out, "{text} page {page}");
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_answered() {
        let row = row(NESTED);
        let header = format!("{PREFIX}From: A <a@x.test>\r\n\r\n");
        let none = Told::default();
        let all = Told {
            recent: true,
            uid: true,
            flags: true,
            modseq: true,
        };
        for (text, told, expected) in [
            ("UID", none, "UID 7".to_owned()),
            (
                "(UID FLAGS)",
                all,
                "UID 7 FLAGS (\\Seen \\Recent a) MODSEQ (12)".to_owned(),
            ),
            (
                "BODY.PEEK[1]",
                all,
                "BODY[1] {8}\r\none\r\ntwo UID 7 FLAGS (\\Seen \\Recent a) MODSEQ (12)".to_owned(),
            ),
            (
                "(INTERNALDATE RFC822.SIZE)",
                none,
                format!(
                    "INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" RFC822.SIZE {}",
                    row.size
                ),
            ),
            (
                "BODY[1]<4.2>",
                none,
                "BODY[1]<4> {2}\r\n\ntw".replace("\ntw", "\nt"),
            ),
            ("BODY[1]<99.2>", none, "BODY[1]<99> {0}\r\n".to_owned()),
            (
                "BODY[1]<4.4294967295>",
                none,
                "BODY[1]<4> {4}\r\n\ntwo".to_owned(),
            ),
            ("BODY[4]", none, "BODY[4] NIL".to_owned()),
            (
                "BODY[1.HEADER.FIELDS (From)]",
                none,
                "BODY[1.HEADER.FIELDS (From)] NIL".to_owned(),
            ),
            (
                "BODY[HEADER.FIELDS (return-path FROM \"x(\")]",
                none,
                format!(
                    "BODY[HEADER.FIELDS (return-path FROM \"x(\")] {{{}}}\r\n{header}",
                    header.len()
                ),
            ),
            (
                "BODY[HEADER.FIELDS (X)]",
                none,
                "BODY[HEADER.FIELDS (X)] {2}\r\n\r\n".to_owned(),
            ),
            (
                "BODY.PEEK[2.HEADER.FIELDS.NOT (Content-Type Subject)]<0.6>",
                none,
                "BODY[2.HEADER.FIELDS.NOT (Content-Type Subject)]<0> {6}\r\nFrom: ".to_owned(),
            ),
            ("(BODY[2.1.MIME] RFC822.HEADER)", none, {
                let octets = row.octets.clone().unwrap();
                let header = &octets[..(row.prefix_len + row.header_len) as usize];
                let header = String::from_utf8_lossy(header);
                format!(
                    "BODY[2.1.MIME] {{2}}\r\n\r\n RFC822.HEADER {{{}}}\r\n{header}",
                    header.len()
                )
            }),
        ] {
            assert_eq!(
                answer(text, &row, told),
                format!("* 3 FETCH ({expected})\r\n"),
                "{text}"
            );
        }
        for text in [
            "RFC822",
            "BODY[]",
            "BODY[TEXT]",
            "RFC822.TEXT",
            "FULL",
            "(BODYSTRUCTURE BODY[] ENVELOPE BODY[2])",
        ] {
            answer(text, &row, all);
        }
    }

    #[test]
    fn a_header_alone_is_at_hand() {
        let whole = row(NESTED);
        let header_len = (whole.prefix_len + whole.header_len) as usize;
        let bare = EntryRow {
            octets: whole
                .octets
                .as_ref()
                .map(|octets| octets[..header_len].to_vec()),
            ..whole
        };
        let items = items("(BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (From)])");
        assert_eq!(items.needs(9).octets, Octets::Header);
        let mut out = Vec::new();
        let done = Rendering::default().go(&items, (1, &bare, Told::default()), 9, &mut out);
        assert_eq!(done, Progress::Done);
    }

    #[test]
    fn what_is_needed() {
        for (text, digest, octets, seen) in [
            (
                "(FLAGS UID INTERNALDATE RFC822.SIZE MODSEQ)",
                false,
                Octets::No,
                false,
            ),
            ("ALL", true, Octets::No, false),
            ("BODYSTRUCTURE", true, Octets::No, false),
            ("BODY.PEEK[]", false, Octets::UpTo(9), false),
            ("RFC822.HEADER", false, Octets::Header, false),
            (
                "(BODY[HEADER] BODY.PEEK[TEXT])",
                false,
                Octets::UpTo(9),
                true,
            ),
            (
                "(BODY.PEEK[TEXT] BODY[HEADER])",
                false,
                Octets::UpTo(9),
                true,
            ),
            ("BODY.PEEK[1.MIME]", true, Octets::UpTo(9), false),
            ("RFC822", false, Octets::UpTo(9), true),
        ] {
            let items = items(text);
            assert_eq!(items.needs(9), Needs { digest, octets }, "{text}");
            assert_eq!(items.marks_seen(), seen, "{text}");
        }
    }

    #[test]
    fn a_message_that_went_away_is_noticed() {
        let bare = EntryRow {
            octets: None,
            ..row(NESTED)
        };
        let (mut out, mut rendering) = (Vec::new(), Rendering::default());
        let progress = rendering.go(&items("BODY[]"), (1, &bare, Told::default()), 9, &mut out);
        assert_eq!(progress, Progress::Read { offset: 0, len: 9 });
        assert_eq!(rendering.feed(b"", &mut out), Err(Short));
    }

    #[test]
    fn states_alone() {
        let row = row("\r\n");
        let mut out = Vec::new();
        state(
            &mut out,
            4,
            &row.state,
            Told {
                uid: true,
                ..Told::default()
            },
        );
        state(
            &mut out,
            5,
            &row.state,
            Told {
                modseq: true,
                ..Told::default()
            },
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "* 4 FETCH (UID 7 FLAGS (\\Seen a))\r\n* 5 FETCH (FLAGS (\\Seen a) MODSEQ (12))\r\n"
        );
    }
}
