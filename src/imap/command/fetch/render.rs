//! The answers of FETCH: the data that they need, and one row at a time into the output.
//!
//! Not the loop over pages nor `\Seen` (the file above). A [`Rendering`] writes the octets that
//! come with the row. If the message is too big for that, it announces the literal, says which
//! octets it needs next, and takes them as they come, so that no message is ever whole in
//! memory for FETCH.
//!
//! ```text
//! go ─► Done                     the answer to this row is complete
//!  └──► Read{offset, len} ─ EntryRead::Octets ─► feed(octets) ─► go ...
//! ```

use core::ops::Range;

use super::item::{FetchItem, FetchItems, Section, SectionLabel, SectionText};
use super::structure;
use crate::call::{EntryRow, EntryState, Octets};
use crate::imap::wire::respond::ResponseLine;
use crate::mail::Headers;

/// The data that the call has to bring with each row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Envelope and structure.
    pub digest: bool,
    /// Octets.
    pub octets: Octets,
}

impl FetchItems {
    /// The data for these items; messages of up to `page_bytes` come with their row.
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

    /// Whether fetching these sets `\Seen` (RFC 3501 section 6.4.5), if the mailbox is open for
    /// writing.
    pub fn marks_seen(&self) -> bool {
        self.0
            .iter()
            .any(|item| matches!(item, FetchItem::Section(section) if !section.peek))
    }
}

/// The data of the answer beside the items asked for.
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
/// has changed flags.
pub(crate) fn state(out: &mut Vec<u8>, seq: u32, state: &EntryState, told: Told) {
    let mut line = begin(out, seq);
    let mut first = true;
    extras(&mut line, state, told, &[], &mut first);
    line.put(")");
    line.end();
}

/// `* 3 FETCH (UID 7)`
pub(crate) fn uid(out: &mut Vec<u8>, seq: u32, uid: u32) {
    let mut line = begin(out, seq);
    line.put("UID ").number(u64::from(uid)).put(")");
    line.end();
}

fn begin(out: &mut Vec<u8>, seq: u32) -> ResponseLine<'_> {
    let mut line = ResponseLine::untagged(out);
    line.number(u64::from(seq)).put(" FETCH (");
    line
}

/// The progress of a rendering.
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

/// The entry has fewer octets than its row said (it was expunged meanwhile). The literal that
/// was announced cannot be completed, so the connection has to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MissingOctets;

/// The answer to FETCH for one row, on its way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rendering {
    /// The next item.
    at: usize,
    begun: bool,
    state: RenderState,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum RenderState {
    /// Between two items.
    #[default]
    Ready,
    /// A literal has been announced, and these octets of it are still to come.
    Streaming(Range<u32>),
    /// A header is gathered, to be filtered: these octets are still to come.
    Gathering(Range<u32>, Vec<u8>),
}

impl Rendering {
    /// Writes as much as there is. The caller gives the same `items`, `row` and `told` until it
    /// is `Done`; `Read` asks for at most `page_bytes`.
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
        let mut line = ResponseLine::resume(out);
        loop {
            match core::mem::take(&mut self.state) {
                RenderState::Ready => {}
                RenderState::Streaming(left) if !left.is_empty() => {
                    let wanted = wanted(&left, page_bytes);
                    self.state = RenderState::Streaming(left);
                    return wanted;
                }
                RenderState::Gathering(left, header) if !left.is_empty() => {
                    let wanted = wanted(&left, page_bytes);
                    self.state = RenderState::Gathering(left, header);
                    return wanted;
                }
                RenderState::Streaming(_) => self.at += 1,
                RenderState::Gathering(_, header) => {
                    if let Some(FetchItem::Section(section)) = items.0.get(self.at) {
                        filtered(&mut line, section, &header);
                    }
                    self.at += 1;
                }
            }
            let Some(item) = items.0.get(self.at) else {
                let mut first = items.0.is_empty();
                extras(&mut line, &row.state, told, &items.0, &mut first);
                line.put(")");
                line.end();
                *self = Rendering::default();
                return Progress::Done;
            };
            if self.at > 0 {
                line.put(" ");
            }
            self.state = write_item(&mut line, item, row, told);
            if self.state == RenderState::Ready {
                self.at += 1;
            }
        }
    }

    /// The octets that `Read` asked for, or as many of them as one call brought.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), MissingOctets> {
        let left = match &mut self.state {
            RenderState::Ready => return Ok(()),
            RenderState::Streaming(left) | RenderState::Gathering(left, _) => left,
        };
        let taken = octets.get(..left.len()).unwrap_or(octets);
        if taken.is_empty() {
            return Err(MissingOctets);
        }
        left.start = left
            .start
            .saturating_add(u32::try_from(taken.len()).unwrap_or(u32::MAX));
        match &mut self.state {
            RenderState::Gathering(_, header) => header.extend_from_slice(taken),
            _ => {
                ResponseLine::resume(out).literal_octets(taken);
            }
        }
        Ok(())
    }
}

fn wanted(left: &Range<u32>, page_bytes: u32) -> Progress {
    Progress::Read {
        offset: left.start,
        len: (left.end - left.start).min(page_bytes.max(1)),
    }
}

/// The data that is told though it was not asked for.
fn extras(
    line: &mut ResponseLine<'_>,
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
                line.put(" ");
            }
            *first = false;
            write_state(line, &item, state, told.recent);
        }
    }
}

fn write_state(line: &mut ResponseLine<'_>, item: &FetchItem, state: &EntryState, recent: bool) {
    match item {
        FetchItem::Uid => {
            line.put("UID ").number(u64::from(state.uid));
        }
        FetchItem::ModSeq => {
            line.put("MODSEQ (").number(state.modseq).put(")");
        }
        _ => {
            line.put("FLAGS ")
                .flags(state.flags, recent, &state.keywords);
        }
    }
}

/// One item, or its beginning; the state says whether more has to come.
fn write_item(
    line: &mut ResponseLine<'_>,
    item: &FetchItem,
    row: &EntryRow,
    told: Told,
) -> RenderState {
    match item {
        FetchItem::Flags | FetchItem::Uid | FetchItem::ModSeq => {
            write_state(line, item, &row.state, told.recent);
        }
        FetchItem::InternalDate => {
            line.put("INTERNALDATE ").internal_date(row.received_at);
        }
        FetchItem::Size => {
            line.put("RFC822.SIZE ").number(u64::from(row.size));
        }
        FetchItem::Envelope => {
            line.put("ENVELOPE ");
            structure::envelope(line, row);
        }
        FetchItem::Body => {
            line.put("BODY ");
            structure::structure(line, row, false);
        }
        FetchItem::BodyStructure => {
            line.put("BODYSTRUCTURE ");
            structure::structure(line, row, true);
        }
        FetchItem::Section(section) => {
            label(line, section);
            return write_section(line, section, row);
        }
    }
    RenderState::Ready
}

fn write_section(line: &mut ResponseLine<'_>, section: &Section, row: &EntryRow) -> RenderState {
    let Some(range) = structure::section(row, &section.path, &section.of) else {
        line.put("NIL");
        return RenderState::Ready;
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
                filtered(line, section, header);
                RenderState::Ready
            }
            None => RenderState::Gathering(range, Vec::new()),
        };
    }
    let range = cut(range, section.partial);
    line.literal_head(range.len());
    match at_hand(&range) {
        Some(octets) => {
            line.literal_octets(octets);
            RenderState::Ready
        }
        None => RenderState::Streaming(range),
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

/// The name of a section in the answer: `BODY[1.HEADER.FIELDS (From)]<0> `.
fn label(line: &mut ResponseLine<'_>, section: &Section) {
    match section.label {
        SectionLabel::Body => {}
        SectionLabel::Rfc822 => {
            line.put("RFC822 ");
            return;
        }
        SectionLabel::Rfc822Header => {
            line.put("RFC822.HEADER ");
            return;
        }
        SectionLabel::Rfc822Text => {
            line.put("RFC822.TEXT ");
            return;
        }
    }
    line.put("BODY[");
    for (i, &n) in section.path.iter().enumerate() {
        if i > 0 {
            line.put(".");
        }
        line.number(u64::from(n));
    }
    let text = match &section.of {
        SectionText::Whole => "",
        SectionText::Header => "HEADER",
        SectionText::HeaderFields { not: false, .. } => "HEADER.FIELDS (",
        SectionText::HeaderFields { not: true, .. } => "HEADER.FIELDS.NOT (",
        SectionText::Text => "TEXT",
        SectionText::Mime => "MIME",
    };
    if !section.path.is_empty() && !text.is_empty() {
        line.put(".");
    }
    line.put(text);
    if let SectionText::HeaderFields { names, .. } = &section.of {
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                line.put(" ");
            }
            line.field_name(name);
        }
        line.put(")");
    }
    line.put("]");
    if let Some((offset, _)) = section.partial {
        line.put("<").number(u64::from(offset)).put(">");
    }
    line.put(" ");
}

/// The fields of a header that a section asks for, and the empty line if the header has one
/// (RFC 3501 section 6.4.5), as a literal.
fn filtered(line: &mut ResponseLine<'_>, section: &Section, header: &[u8]) {
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
    line.literal_head(range.len());
    line.literal_octets(
        chosen
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default(),
    );
}

/// Octets of a header that is filtered: as much as is read of a header (`mail::Bounds`), and its
/// prefix. What is behind them is not looked at.
const HEADER_BYTES: u32 = 264 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::imap::command::fetch::FetchCommand;
    use crate::imap::command::fetch::structure::tests::{NESTED, PREFIX, assert_well_formed, row};
    use crate::imap::table::Command;

    fn items(text: &str) -> FetchItems {
        let line = format!("t FETCH 1 {text}\r\n");
        let command = Command::parse(line.as_bytes()).unwrap();
        command.into_args::<FetchCommand>().unwrap().items
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
        assert_eq!(rendering.feed(b"", &mut out), Err(MissingOctets));
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
                flags: true,
                ..Told::default()
            },
        );
        state(
            &mut out,
            5,
            &row.state,
            Told {
                flags: true,
                modseq: true,
                ..Told::default()
            },
        );
        uid(&mut out, 6, 9);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "* 4 FETCH (UID 7 FLAGS (\\Seen a))\r\n* 5 FETCH (FLAGS (\\Seen a) MODSEQ (12))\r\n\
             * 6 FETCH (UID 9)\r\n"
        );
    }
}
