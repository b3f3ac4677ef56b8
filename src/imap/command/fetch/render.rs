//! The answers of FETCH: the data that they need, and one row at a time into the output.
//!
//! Not the loop over pages nor `\Seen` (the file above). A [`Rendering`] writes the octets that
//! come with the row. If the message is too big for that, it announces the literal, says which
//! octets it needs next, and takes them as they come, so that no message is ever whole in
//! memory for FETCH. The rule: it stops between two items and inside one when the output holds
//! enough or when it has worked for long enough, and goes on there.
//!
//! ```text
//! go ─► Done                     the answer to this row is complete
//!  ├──► Full ─ the output goes out ─► go ...
//!  └──► Read{offset, len} ─ EntryRead::Octets ─► feed(octets) ─► go ...
//! ```

use core::ops::Range;

use super::filter::{Filtering, HEADER_BYTES};
use super::item::{FetchItem, FetchItems, Section, SectionLabel, SectionText};
use super::structure::{self, EnvelopeProgress, StructureProgress};
use crate::call::{EntryRow, EntryState, Octets};
use crate::imap::wire::respond::ResponseLine;

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
    /// There is more to write: call `go` again when the output has gone out.
    Full,
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

/// How far one `go` goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RenderBounds {
    /// The octets that `Read` asks for at most.
    pub page_bytes: u32,
    /// It stops when the output has more octets.
    pub output_bytes: usize,
    /// The work that is left, which it takes from; a unit is about a nanosecond.
    pub work: usize,
}

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
    /// A literal has been announced, and these octets of the entry are still to come.
    Literal(Range<u32>),
    /// The same, of a header that was filtered.
    Chosen(Range<u32>, Vec<u8>),
    /// A header is gathered, to be filtered: these octets are still to come.
    Gathering(Range<u32>, Vec<u8>),
    /// A header is filtered.
    Filtering(Box<Filtering>),
    /// An envelope is half written.
    Envelope(EnvelopeProgress),
    /// A structure is half written, with extension data if that was asked for.
    Structure(Box<StructureProgress>, bool),
}

impl Rendering {
    /// Writes as much as there is and as `bounds` allow. The caller gives the same `items`, `row`
    /// and `told` until it is `Done`.
    pub fn go(
        &mut self,
        items: &FetchItems,
        (seq, row, told): (u32, &EntryRow, Told),
        bounds: &mut RenderBounds,
        out: &mut Vec<u8>,
    ) -> Progress {
        if !self.begun {
            self.begun = true;
            begin(out, seq);
        }
        let mut line = ResponseLine::resume(out);
        loop {
            if line.output_bytes() > bounds.output_bytes || bounds.work == 0 {
                return Progress::Full;
            }
            let (before, mut work) = (line.output_bytes(), 0);
            let item = items.0.get(self.at);
            self.state = match (core::mem::take(&mut self.state), item) {
                (RenderState::Ready, None) => {
                    let mut first = items.0.is_empty();
                    extras(&mut line, &row.state, told, &items.0, &mut first);
                    line.put(")");
                    line.end();
                    *self = Rendering::default();
                    return Progress::Done;
                }
                (RenderState::Ready, Some(item)) => {
                    if self.at > 0 {
                        line.put(" ");
                    }
                    work = cost(item, row);
                    write_item(&mut line, item, row, told)
                }
                (RenderState::Literal(left), _) => match at_hand(row, &left) {
                    Some(octets) => RenderState::Literal(literal_piece(&mut line, left, octets)),
                    None => {
                        let wanted = wanted(&left, bounds.page_bytes);
                        self.state = RenderState::Literal(left);
                        return wanted;
                    }
                },
                (RenderState::Chosen(left, chosen), _) => {
                    let octets = slice(&chosen, &left);
                    RenderState::Chosen(literal_piece(&mut line, left, octets), chosen)
                }
                (RenderState::Gathering(left, header), _) if !left.is_empty() => {
                    let wanted = wanted(&left, bounds.page_bytes);
                    self.state = RenderState::Gathering(left, header);
                    return wanted;
                }
                (RenderState::Gathering(range, header), _) => {
                    RenderState::Filtering(Filtering::new(range, Some(header)))
                }
                (RenderState::Filtering(mut filtering), Some(FetchItem::Section(section))) => {
                    let at_hand = at_hand(row, &filtering.range).unwrap_or_default();
                    let (done, spent) = filtering.go_on(section, at_hand, bounds.work);
                    work = spent;
                    match done {
                        true => announce(&mut line, section, filtering.into_chosen()),
                        false => RenderState::Filtering(filtering),
                    }
                }
                (RenderState::Filtering(_), _) => RenderState::Ready,
                (RenderState::Envelope(progress), _) => {
                    let max = bounds.output_bytes;
                    structure::envelope(&mut line, row, progress, max)
                        .map_or(RenderState::Ready, RenderState::Envelope)
                }
                (RenderState::Structure(mut progress, extended), _) => {
                    let max = bounds.output_bytes;
                    match structure::structure(&mut line, row, extended, &mut progress, max) {
                        true => RenderState::Ready,
                        false => RenderState::Structure(progress, extended),
                    }
                }
            };
            work += line.output_bytes() - before;
            bounds.work = bounds.work.saturating_sub(work);
            if let RenderState::Literal(left) | RenderState::Chosen(left, _) = &self.state
                && left.is_empty()
            {
                self.state = RenderState::Ready;
            }
            if self.state == RenderState::Ready {
                self.at += 1;
            }
        }
    }

    /// The octets that `Read` asked for, or as many of them as one call brought.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Result<(), MissingOctets> {
        let (RenderState::Literal(left) | RenderState::Gathering(left, _)) = &mut self.state else {
            return Ok(());
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
        if matches!(&self.state, RenderState::Literal(left) if left.is_empty()) {
            self.state = RenderState::Ready;
            self.at += 1;
        }
        Ok(())
    }
}

/// Octets of the entry that came with the row.
fn at_hand<'r>(row: &'r EntryRow, range: &Range<u32>) -> Option<&'r [u8]> {
    let octets = row.octets.as_deref().unwrap_or_default();
    octets.get(range.start as usize..range.end as usize)
}

fn slice<'o>(octets: &'o [u8], range: &Range<u32>) -> &'o [u8] {
    octets
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
}

/// Writes the next octets of a literal; the range that is left.
fn literal_piece(line: &mut ResponseLine<'_>, left: Range<u32>, octets: &[u8]) -> Range<u32> {
    let piece = octets.get(..LITERAL_PIECE).unwrap_or(octets);
    line.literal_octets(piece);
    let n = u32::try_from(piece.len()).unwrap_or(u32::MAX);
    left.start.saturating_add(n.max(1)).min(left.end)..left.end
}

/// What it costs to find the place of an item in the digest.
fn cost(item: &FetchItem, row: &EntryRow) -> usize {
    let digest_bytes = row.digest.as_ref().map_or(0, Vec::len);
    match item {
        FetchItem::Section(section) if section.path.is_empty() => ITEM_WORK,
        FetchItem::Section(_) => ITEM_WORK + digest_bytes / 4,
        FetchItem::Body | FetchItem::BodyStructure => ITEM_WORK + digest_bytes,
        _ => ITEM_WORK,
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
            return RenderState::Envelope(EnvelopeProgress::default());
        }
        FetchItem::Body => {
            line.put("BODY ");
            return RenderState::Structure(Box::default(), false);
        }
        FetchItem::BodyStructure => {
            line.put("BODYSTRUCTURE ");
            return RenderState::Structure(Box::default(), true);
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
    if matches!(section.of, SectionText::HeaderFields { .. }) {
        let end = range.end.min(range.start.saturating_add(HEADER_BYTES));
        let range = range.start..end;
        return match at_hand(row, &range) {
            Some(_) => RenderState::Filtering(Filtering::new(range, None)),
            None => RenderState::Gathering(range, Vec::new()),
        };
    }
    let range = cut(range, section.partial);
    line.literal_head(range.len());
    RenderState::Literal(range)
}

/// Announces the literal of the fields that were chosen.
fn announce(line: &mut ResponseLine<'_>, section: &Section, chosen: Vec<u8>) -> RenderState {
    let all = 0..u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let range = cut(all, section.partial);
    line.literal_head(range.len());
    RenderState::Chosen(range, chosen)
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

/// Octets of a literal that are written before the output is looked at.
const LITERAL_PIECE: usize = 64 * 1024;

/// The work of a small item, in units of [`RenderBounds::work`].
const ITEM_WORK: usize = 100;
