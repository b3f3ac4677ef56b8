//! The parts of a message: where each header and body begins and ends.
//!
//! One pass over the lines, with a stack of open parts instead of recursion. Parts are an array in
//! depth-first order, and `subtree_end` says where the descendants of a part end, so the form
//! cannot contain a cycle. Every line that starts with `--` is compared with the open boundaries,
//! innermost first, as a whole: a boundary that is a prefix of another never matches its lines.
//!
//! A part beyond a bound, and a multipart without usable parts, is a leaf. It is never an error and
//! never skipped.

use memchr::{memchr, memchr_iter, memmem};

use super::header::Headers;
use super::param::ParamValue;
use super::transfer::Encoding;
use crate::mail::{Bounds, MimeReading};
use crate::pace;

/// The content of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Octets.
    Leaf,
    /// One part: the root of an embedded message (message/rfc822).
    Message,
    /// One part or more.
    Multipart,
}

/// The source of a part's media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// The Content-Type of its header.
    Declared,
    /// application/octet-stream with the parameters of its header: the part is a file, and the
    /// header declares no whole type, or a message in an encoding.
    DeclaredOctets,
    /// text/plain with the parameters of its header: the header declares no whole type.
    DeclaredText,
    /// message/rfc822, the default within multipart/digest (RFC 2046 section 5.1.5).
    Message,
    /// application/octet-stream: a multipart or message whose content was not parsed.
    Opaque,
    /// text/plain: the header declares nothing usable (RFC 2045 section 5.2), or a multipart has no
    /// parts.
    Text,
}

/// One part as the octets have it. Offsets are from the start of the whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawPart {
    /// Its content.
    pub kind: PartKind,
    /// Its type.
    pub media: Media,
    /// How its body is encoded.
    pub encoding: Encoding,
    /// Start of its header.
    pub header_start: usize,
    /// End of its header, after the empty line.
    pub body_start: usize,
    /// End of its body, before the line end that belongs to the next boundary.
    pub body_end: usize,
    /// Index after its last descendant.
    pub subtree_end: usize,
    /// Line feeds in the body.
    pub lines: usize,
}

/// All parts, depth first; the first one is the message itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Structure {
    /// Never empty.
    pub parts: Vec<RawPart>,
    /// Two programs could see different parts here: doubled Content fields, doubled or unusable
    /// boundaries.
    pub ambiguous: bool,
    /// A bound was reached, and the rest is opaque.
    pub truncated: bool,
}

/// Finds the parts of a message.
pub fn parse(raw: &[u8], bounds: &Bounds) -> Structure {
    let mut parser = Parser {
        raw,
        bounds,
        needle: memmem::Finder::new(b"\n--"),
        frames: Vec::new(),
        lengths: 0,
        found: Structure::default(),
    };
    parser.run();
    parser.count_lines();
    parser.found
}

struct Parser<'a> {
    raw: &'a [u8],
    bounds: &'a Bounds,
    needle: memmem::Finder<'static>,
    frames: Vec<OpenPart>,
    /// A bit for each length that a boundary line may have; bits are only ever added.
    lengths: u128,
    found: Structure,
}

/// A part that is open.
struct OpenPart {
    part: usize,
    /// `None` in a message, and after the closing boundary.
    boundary: Option<Vec<u8>>,
    is_digest: bool,
}

/// A boundary line.
struct Delimiter {
    start: usize,
    end: usize,
    frame: usize,
    closes: bool,
}

impl Parser<'_> {
    fn run(&mut self) {
        let mut at = 0;
        loop {
            let (mut body_start, cut) = self.header_end(at);
            let in_message = (self.frames.last())
                .and_then(|frame| self.found.parts.get(frame.part))
                .is_some_and(|part| part.kind == PartKind::Message);
            if in_message && (cut.is_some() || self.is_delimiter(body_start)) {
                // The line end before the boundary belongs to the boundary, be it the empty line
                // of the header. The header of an attached message ends with the message, and
                // never behind it.
                body_start = self.before_line_end(body_start).max(at);
            }
            let part = self.found.parts.len();
            let kind = self.open(at, body_start, cut.is_some());
            if kind == PartKind::Message {
                at = body_start;
                continue;
            }
            let mut leaf = (kind == PartKind::Leaf).then_some(part);
            let mut delimiter = cut.or_else(|| self.next_delimiter(body_start));
            loop {
                let Some(found) = delimiter else {
                    self.close(leaf, 0, self.raw.len());
                    return;
                };
                self.close(
                    leaf.take(),
                    found.frame + 1,
                    self.before_line_end(found.start),
                );
                at = found.end;
                if !found.closes {
                    break;
                }
                if let Some(frame) = self.frames.get_mut(found.frame) {
                    frame.boundary = None;
                }
                delimiter = self.next_delimiter(at);
            }
            if self.found.parts.len() + 1 >= self.bounds.mime_parts {
                self.rest_is_opaque(at);
                return;
            }
        }
    }

    /// Adds a part; it stays open if other parts are inside it.
    fn open(&mut self, header_start: usize, body_start: usize, is_cut: bool) -> PartKind {
        let header = self.raw.get(header_start..body_start).unwrap_or(b"");
        let mut content = Content::read(header, self.bounds);
        self.found.ambiguous |= content.is_ambiguous;
        if let Class::Multipart { boundary, .. } = &mut content.class
            && boundary.is_none()
            && self.bounds.reading == MimeReading::Last
        {
            *boundary = self.likely_boundary(body_start);
        }
        let mut section = RawPart {
            kind: PartKind::Leaf,
            media: Media::Declared,
            encoding: content.encoding,
            header_start,
            body_start,
            body_end: self.raw.len(),
            subtree_end: self.found.parts.len() + 1,
            lines: 0,
        };
        let may_nest = self.frames.len() < self.bounds.mime_depth
            && self.found.parts.len() + 2 < self.bounds.mime_parts;
        let in_digest = self.frames.last().is_some_and(|frame| frame.is_digest);
        let mut frame = OpenPart {
            part: self.found.parts.len(),
            boundary: None,
            is_digest: false,
        };
        match content.class {
            Class::Missing if in_digest && !is_cut => {
                section.media = Media::Message;
                section.kind = PartKind::Message;
            }
            Class::Missing => section.media = Media::Text,
            Class::File => section.media = Media::DeclaredOctets,
            Class::Text => section.media = Media::DeclaredText,
            Class::Message if content.encoding == Encoding::Identity && !is_cut => {
                section.kind = PartKind::Message
            }
            Class::Multipart {
                boundary: Some(boundary),
                is_digest,
            } => {
                let nested = self
                    .frames
                    .iter()
                    .any(|f| f.boundary.as_ref() == Some(&boundary));
                self.found.ambiguous |= nested || content.encoding != Encoding::Identity;
                section.kind = PartKind::Multipart;
                section.encoding = Encoding::Identity;
                self.lengths |= 0b101_u128
                    .checked_shl(u32::try_from(boundary.len()).unwrap_or(0))
                    .unwrap_or(0);
                frame.boundary = Some(boundary);
                frame.is_digest = is_digest;
            }
            Class::Multipart { boundary: None, .. } => {
                self.found.ambiguous = true;
                section.media = Media::Text;
            }
            // RFC 2046 section 5.2.1 forbids a message in base64, so its octets are not parsed
            // here. Its type may name its file.
            Class::Message => section.media = Media::DeclaredOctets,
            Class::Other => {}
        }
        if section.kind != PartKind::Leaf && !may_nest {
            self.found.truncated = true;
            section.kind = PartKind::Leaf;
            section.media = Media::Opaque;
        }
        self.found.parts.push(section);
        if section.kind != PartKind::Leaf {
            self.frames.push(frame);
        }
        section.kind
    }

    /// What stands in the first line that looks like a boundary.
    fn likely_boundary(&self, body_start: usize) -> Option<Vec<u8>> {
        let body = self.raw.get(body_start..).unwrap_or(b"");
        let body = body.get(..PIECE_BYTES).unwrap_or(body);
        let mut lines = body.split(|octet| *octet == b'\n');
        lines.find_map(|line| {
            let boundary = line.strip_prefix(b"--")?.trim_ascii_end();
            (1..=self.bounds.boundary_bytes)
                .contains(&boundary.len())
                .then(|| boundary.to_vec())
        })
    }

    /// Ends the open leaf and all frames from `keep` on.
    fn close(&mut self, leaf: Option<usize>, keep: usize, end: usize) {
        if let Some(leaf) = leaf {
            self.end_part(leaf, end);
        }
        while self.frames.len() > keep {
            if let Some(frame) = self.frames.pop() {
                self.end_part(frame.part, end);
            }
        }
    }

    fn end_part(&mut self, part: usize, end: usize) {
        let subtree_end = self.found.parts.len();
        let Some(section) = self.found.parts.get_mut(part) else {
            return;
        };
        section.body_end = end.max(section.body_start);
        section.subtree_end = subtree_end;
        if section.kind == PartKind::Multipart && subtree_end == part + 1 {
            // IMAP's grammar has no multipart without parts, and the text in it must stay visible.
            section.kind = PartKind::Leaf;
            section.media = Media::Text;
            self.found.ambiguous = true;
        }
    }

    fn rest_is_opaque(&mut self, at: usize) {
        self.found.truncated = true;
        let end = self.raw.len();
        let part = self.found.parts.len();
        self.found.parts.push(RawPart {
            kind: PartKind::Leaf,
            media: Media::Opaque,
            encoding: Encoding::Identity,
            header_start: at,
            body_start: at,
            body_end: end,
            subtree_end: part + 1,
            lines: 0,
        });
        self.close(None, 0, end);
    }

    /// Where the body of the part at `at` starts; a boundary line within the header cuts it short.
    fn header_end(&self, at: usize) -> (usize, Option<Delimiter>) {
        let mut at = at;
        loop {
            let line = self.raw.get(at..).unwrap_or(b"");
            if line.starts_with(b"\n") {
                return (at + 1, None);
            }
            if line.starts_with(b"\r\n") {
                return (at + 2, None);
            }
            if line.starts_with(b"--")
                && let Some(delimiter) = self.delimiter_at(at)
            {
                return (at, Some(delimiter));
            }
            match memchr(b'\n', line) {
                Some(n) => {
                    pace::spend(n + LINE_WORK);
                    at += n + 1;
                }
                None => return (self.raw.len(), None),
            }
        }
    }

    /// The next boundary line that starts at `from` or later.
    fn next_delimiter(&self, from: usize) -> Option<Delimiter> {
        let mut at = from.saturating_sub(1);
        if self.frames.iter().all(|frame| frame.boundary.is_none()) {
            return None;
        }
        loop {
            // One piece after the other; a needle that a piece cuts is found in the next one.
            let rest = self.raw.get(at..)?;
            let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
            let Some(found) = self.needle.find(piece) else {
                pace::spend(piece.len() / 8);
                if piece.len() == rest.len() {
                    return None;
                }
                at += piece.len() - 2;
                continue;
            };
            pace::spend(found / 8 + LINE_WORK);
            at += found + 1;
            if let Some(delimiter) = self.delimiter_at(at) {
                return Some(delimiter);
            }
        }
    }

    /// Whether the line at `start` is the boundary of an open multipart.
    fn is_delimiter(&self, start: usize) -> bool {
        let line = self.raw.get(start..).unwrap_or(b"");
        line.starts_with(b"--") && self.delimiter_at(start).is_some()
    }

    /// The boundary of an open multipart at `start`, where a line begins with `--`.
    fn delimiter_at(&self, start: usize) -> Option<Delimiter> {
        let text_start = start + 2;
        let rest = self.raw.get(text_start..)?;
        // Only the start of the line can be a boundary; white space after it is transport padding.
        let window = rest
            .get(..rest.len().min(self.bounds.boundary_bytes + PADDING_MAX))
            .unwrap_or(rest);
        let line_end = memchr(b'\n', window);
        if line_end.is_none() && window.len() < rest.len() {
            return None;
        }
        let end = line_end.unwrap_or(window.len());
        let text = window.get(..end)?.trim_ascii_end();
        let end = text_start + line_end.map_or(end, |n| n + 1);
        // Most lines with dashes are no boundary; their length shows that at once.
        if 1_u128
            .checked_shl(u32::try_from(text.len()).ok()?)
            .is_some_and(|bit| self.lengths & bit == 0)
        {
            return None;
        }
        self.frames
            .iter()
            .enumerate()
            .rev()
            .find_map(|(frame, open)| {
                let boundary = open.boundary.as_deref()?;
                let closes =
                    text.len() == boundary.len() + 2 && text.strip_suffix(b"--") == Some(boundary);
                (closes || text == boundary).then_some(Delimiter {
                    start,
                    end,
                    frame,
                    closes,
                })
            })
    }

    fn before_line_end(&self, line_start: usize) -> usize {
        let before = self.raw.get(..line_start).unwrap_or(b"");
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        before.strip_suffix(b"\r").unwrap_or(before).len()
    }

    /// Counts line feeds in one pass over the message, at any depth of its parts.
    fn count_lines(&mut self) {
        let mut marks: Vec<(usize, usize)> = Vec::with_capacity(self.found.parts.len() * 2);
        marks.extend(
            self.found
                .parts
                .iter()
                .flat_map(|p| [(p.body_start, 0), (p.body_end, 0)]),
        );
        marks.sort_unstable();
        let (mut at, mut lines) = (0, 0);
        for (mark, count) in &mut marks {
            for piece in self.raw.get(at..*mark).unwrap_or(b"").chunks(PIECE_BYTES) {
                pace::spend(piece.len() / 8);
                lines += memchr_iter(b'\n', piece).count();
            }
            (at, *count) = (*mark, lines);
        }
        let before = |offset: usize| {
            let found = marks.binary_search_by_key(&offset, |mark| mark.0);
            found
                .ok()
                .and_then(|i| marks.get(i))
                .map_or(0, |mark| mark.1)
        };
        for part in &mut self.found.parts {
            part.lines = before(part.body_end).saturating_sub(before(part.body_start));
        }
    }
}

#[derive(PartialEq, Eq)]
enum Class {
    /// The type is not whole, and the part is no text.
    File,
    Message,
    /// There is no Content-Type.
    Missing,
    Multipart {
        boundary: Option<Vec<u8>>,
        is_digest: bool,
    },
    Other,
    /// The type is not whole, and the part is text.
    Text,
}

/// The facts of one part's header that decide the structure.
struct Content {
    class: Class,
    encoding: Encoding,
    is_ambiguous: bool,
    /// The type is text, and only its subtype is missing.
    is_text_named: bool,
}

impl Content {
    fn read(header: &[u8], bounds: &Bounds) -> Content {
        let mut content = Content {
            class: Class::Missing,
            encoding: Encoding::Identity,
            is_ambiguous: false,
            is_text_named: false,
        };
        let mut seen = (0, 0);
        for field in Headers::of_block(header).beginning(b"content-") {
            if field.is("content-type") {
                seen.0 += 1;
                if bounds.reading.takes(seen.0 == 1) {
                    let value = field.value_within(bounds.header_field_bytes);
                    content.class = content.classify(value, bounds);
                }
            } else if field.is("content-transfer-encoding") {
                seen.1 += 1;
                if bounds.reading.takes(seen.1 == 1) {
                    content.encoding = Encoding::of(&field.unfolded());
                }
            }
        }
        content.is_ambiguous |= seen.0 > 1 || seen.1 > 1;
        // A file name says that it is a file; so does base64, which no program writes for text
        // that it does not declare.
        if content.class == Class::Text && !content.is_text_named {
            let is_file = content.encoding == Encoding::Base64 || names_file(header, bounds);
            content.class = if is_file { Class::File } else { Class::Text };
        }
        content
    }

    fn classify(&mut self, value: &[u8], bounds: &Bounds) -> Class {
        pace::spend(value.len().saturating_mul(PARAM_WORK));
        let value = ParamValue::parse(value, bounds.params);
        let is_multipart = value.first.eq_ignore_ascii_case(b"multipart");
        let boundary = match bounds.reading {
            MimeReading::First => value.octets("boundary"),
            MimeReading::Last => value.last_octets("boundary"),
        };
        let boundary = boundary.filter(|_| is_multipart);
        let boundary = boundary.as_deref().map(<[u8]>::trim_ascii_end);
        let boundary = boundary.filter(|b| (1..=bounds.boundary_bytes).contains(&b.len()));
        // A multipart without a subtype has parts nevertheless (RFC 2046 section 5.1.3).
        let is_whole = !value.first.is_empty() && !value.second.is_empty();
        self.is_text_named = false;
        if !is_whole && boundary.is_none() {
            self.is_text_named = value.first.eq_ignore_ascii_case(b"text");
            let is_other = (MEDIA.iter()).any(|media| value.first.eq_ignore_ascii_case(media));
            return if is_other { Class::File } else { Class::Text };
        }
        if value.first.eq_ignore_ascii_case(b"message")
            && value.second.eq_ignore_ascii_case(b"rfc822")
        {
            return Class::Message;
        }
        if !is_multipart {
            return Class::Other;
        }
        self.is_ambiguous |= value.count("boundary") > 1;
        Class::Multipart {
            boundary: boundary.map(<[u8]>::to_vec),
            is_digest: value.second.eq_ignore_ascii_case(b"digest"),
        }
    }
}

/// Whether a part without a whole type has a file name.
fn names_file(header: &[u8], bounds: &Bounds) -> bool {
    Headers::of_block(header)
        .beginning(b"content-")
        .any(|field| {
            let name = match &field.name {
                name if name.eq_ignore_ascii_case(b"content-type") => "name",
                name if name.eq_ignore_ascii_case(b"content-disposition") => "filename",
                _ => return false,
            };
            let value = field.value_within(bounds.header_field_bytes);
            ParamValue::parse(value, bounds.params).count(name) > 0
        })
}

/// The top-level types other than text (RFC 2046, RFC 2077, RFC 8081). A word that is none of them
/// says nothing.
const MEDIA: [&[u8]; 8] = [
    b"application",
    b"audio",
    b"font",
    b"image",
    b"message",
    b"model",
    b"multipart",
    b"video",
];
/// Relays put white space after a boundary; 80 octets, `--` included, cover it.
const PADDING_MAX: usize = 80;
/// Octets between two counts of work.
const PIECE_BYTES: usize = 64 * 1024;
/// Nanoseconds of a line beside its octets.
const LINE_WORK: usize = 10;
/// Nanoseconds of an octet of parameters.
const PARAM_WORK: usize = 5;
