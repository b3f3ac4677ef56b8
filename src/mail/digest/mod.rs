//! Envelope and body structure in stored form: made once at delivery, rendered many times.
//!
//! The form is compact, versioned and independent of protocols. Values are raw (folds and NUL
//! removed, encoded words unchanged), so IMAP can show them unchanged, and `text` decodes them for
//! JSON. A fixed record for each part comes first, so a section is found without reading the
//! strings; the strings follow in the order in which they are rendered. Rendering allocates only a
//! stack of as many numbers as the depth of the parts.
//!
//! ```text
//! magic version flags(2) size(4) header_len(4) parts(2) 0(2) | parts * record(28) | envelope |
//! strings of part 0 | ...
//! ```
//!
//! [`Digest::open`] and all accessors are safe on any octets: damage ends an iteration or leaves
//! something out, and never panics.

mod analyse;
mod blob;

use std::ops::Range;

use super::parse::address_list::Mailbox;
use super::parse::charset::{self, Charset};
use super::parse::mime::PartKind;
use super::parse::transfer::Encoding;
use super::parse::{param, word};
use blob::{
    Cursor, FLAG_ATTACHMENTS, FLAG_EIGHT_BIT, FLAG_TRUNCATED, MAGIC, PartRecord, RECORD_BYTES,
    VERSION,
};

pub(crate) use analyse::digest_of;
pub use analyse::{Analysis, PREVIEW_CHARS_MAX, Priority, Refused, analyse};

/// A stored digest, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Digest<'a> {
    head: DigestHead,
    records: &'a [u8],
    text: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct DigestHead {
    flags: u16,
    size: u32,
    header_len: u32,
}

impl<'a> Digest<'a> {
    /// Reads the head; `None` if the octets are no digest, or one of another version.
    pub fn open(bytes: &'a [u8]) -> Option<Digest<'a>> {
        let mut head = Cursor { rest: bytes };
        if head.byte()? != MAGIC || head.byte()? != VERSION {
            return None;
        }
        let flags = head.u16()?;
        let size = head.u32()?;
        let header_len = head.u32()?;
        let parts = usize::from(head.u16()?);
        head.u16()?;
        let (records, text) = head.rest.split_at_checked(parts * RECORD_BYTES)?;
        (parts > 0).then_some(Digest {
            head: DigestHead {
                flags,
                size,
                header_len,
            },
            records,
            text,
        })
    }

    /// Octets of the whole message.
    pub fn size(&self) -> u32 {
        self.head.size
    }

    /// Octets of its header, with the empty line.
    pub fn header_len(&self) -> u32 {
        self.head.header_len
    }

    /// Whether the message has an attachment, as a reader understands the word.
    pub fn has_attachments(&self) -> bool {
        self.head.flags & FLAG_ATTACHMENTS != 0
    }

    /// Whether the message reached a bound: a part of its header was not read, or a part of its
    /// body is opaque.
    pub fn is_truncated(&self) -> bool {
        self.head.flags & FLAG_TRUNCATED != 0
    }

    /// The charset of raw octets in the header, which names none: that of the first text part with
    /// a charset of eight bits. `None` leaves the guess of [`charset::decode`].
    pub(crate) fn header_charset(&self) -> Option<Charset> {
        if self.head.flags & FLAG_EIGHT_BIT == 0 {
            return None;
        }
        (0..self.part_count().min(TEXT_PARTS_ASKED))
            .filter_map(|index| self.part(index))
            .filter(|part| part.is_media("text"))
            .find_map(|part| charset::named(part.param("charset")))
            .filter(|charset| charset.is_eight_bit())
    }

    /// The number of parts, multiparts included.
    pub fn part_count(&self) -> usize {
        self.records.len() / RECORD_BYTES
    }

    /// The envelope of the message itself.
    pub fn envelope(&self) -> DigestEnvelope<'a> {
        let mut envelope =
            DigestEnvelope::read(&mut Cursor { rest: self.text }).unwrap_or_default();
        envelope.digest = Some(*self);
        for list in [
            &mut envelope.from,
            &mut envelope.sender,
            &mut envelope.reply_to,
            &mut envelope.to,
            &mut envelope.cc,
            &mut envelope.bcc,
            &mut envelope.own_reply_to,
        ] {
            list.digest = envelope.digest;
        }
        envelope
    }

    /// A part by its index in depth-first order.
    pub fn part(&self, index: usize) -> Option<Part<'a>> {
        let record = self.record(index)?;
        let mut cursor = Cursor {
            rest: self.text.get(record.text..)?,
        };
        let mut part = Part::read(index, &record, &mut cursor)?;
        part.digest = Some(*self);
        Some(part)
    }

    /// The parts in depth-first order; a part with parts inside has a step before them and a step
    /// after them.
    pub fn walk(&self) -> Walk<'a> {
        Walk {
            digest: *self,
            next: 0,
            open: Vec::new(),
            path: Vec::new(),
        }
    }

    /// The part of a section number, as in `BODY[1.2]`. An empty path is the whole message.
    pub fn section(&self, path: &[u32]) -> Option<Part<'a>> {
        let mut index = 0;
        // Whether `index` is the root of a message: a root that is no multipart is also its own
        // part 1.
        let mut is_root = true;
        for &number in path {
            let record = self.record(index)?;
            if record.kind == PartKind::Multipart {
                index = self.child(index, &record, number)?;
                is_root = false;
            } else if is_root {
                if number != 1 {
                    return None;
                }
                is_root = false;
            } else if record.kind == PartKind::Message {
                // Numbers below a message are those of its root; the root has no number itself.
                index += 1;
                let root = self.record(index)?;
                if root.kind == PartKind::Multipart {
                    index = self.child(index, &root, number)?;
                } else if number != 1 {
                    return None;
                }
            } else {
                return None;
            }
        }
        self.part(index)
    }

    /// The root of the message that a message/rfc822 part holds. Its header is `BODY[n.HEADER]`,
    /// its body `BODY[n.TEXT]`; neither reaches behind the part. Older digests count the line end
    /// before a boundary that cuts a header short as a piece of the header.
    pub(crate) fn embedded(&self, part: &Part<'a>) -> Option<Part<'a>> {
        if part.kind != PartKind::Message {
            return None;
        }
        let mut root = self.part(part.index + 1)?;
        let within = |at: usize| at.clamp(part.body.start, part.body.end);
        root.header = within(root.header.start)..within(root.header.end);
        root.body = within(root.body.start)..within(root.body.end);
        Some(root)
    }

    fn child(&self, parent: usize, record: &PartRecord, number: u32) -> Option<usize> {
        let mut index = parent + 1;
        let mut n = 1;
        while index < record.subtree_end {
            if n == number {
                return Some(index);
            }
            index = self.record(index)?.subtree_end.max(index + 1);
            n += 1;
        }
        None
    }

    fn record(&self, index: usize) -> Option<PartRecord> {
        let start = index.checked_mul(RECORD_BYTES)?;
        let bytes = self.records.get(start..start + RECORD_BYTES)?;
        PartRecord::read(&mut Cursor { rest: bytes })
    }
}

/// An envelope as RFC 3501 section 7.4.2 defines it. Texts are raw; Sender and Reply-To fall back
/// to From.
#[derive(Debug, Clone, Copy, Default)]
pub struct DigestEnvelope<'a> {
    /// Date as written.
    pub date: Option<&'a [u8]>,
    /// Subject, encoded words undecoded.
    pub subject: Option<&'a [u8]>,
    /// From.
    pub from: AddressItems<'a>,
    /// Sender, or From.
    pub sender: AddressItems<'a>,
    /// Reply-To, or From.
    pub reply_to: AddressItems<'a>,
    /// To.
    pub to: AddressItems<'a>,
    /// Cc.
    pub cc: AddressItems<'a>,
    /// Bcc.
    pub bcc: AddressItems<'a>,
    /// In-Reply-To as written.
    pub in_reply_to: Option<&'a [u8]>,
    /// Message-ID as written.
    pub message_id: Option<&'a [u8]>,
    own_reply_to: AddressItems<'a>,
    /// The digest that knows the charset of raw octets.
    digest: Option<Digest<'a>>,
}

impl<'a> DigestEnvelope<'a> {
    /// Reply-To without the fallback.
    pub(crate) fn own_reply_to(&self) -> AddressItems<'a> {
        self.own_reply_to
    }

    /// The subject as text for a reader.
    pub(crate) fn subject_text(&self) -> String {
        self.subject
            .map(|subject| text_of_raw(subject, self.digest))
            .unwrap_or_default()
    }

    fn read(cursor: &mut Cursor<'a>) -> Option<DigestEnvelope<'a>> {
        let mut envelope = DigestEnvelope {
            date: cursor.string()?,
            subject: cursor.string()?,
            ..DigestEnvelope::default()
        };
        for list in [
            &mut envelope.from,
            &mut envelope.sender,
            &mut envelope.reply_to,
            &mut envelope.to,
            &mut envelope.cc,
            &mut envelope.bcc,
        ] {
            *list = AddressItems {
                items: cursor.list()?,
                digest: None,
            };
        }
        envelope.in_reply_to = cursor.string()?;
        envelope.message_id = cursor.string()?;
        envelope.own_reply_to = envelope.reply_to;
        for list in [&mut envelope.sender, &mut envelope.reply_to] {
            if list.is_empty() {
                *list = envelope.from;
            }
        }
        Some(envelope)
    }
}

/// A list of addresses.
#[derive(Debug, Clone, Copy, Default)]
pub struct AddressItems<'a> {
    items: &'a [u8],
    /// The digest that knows the charset of raw octets.
    digest: Option<Digest<'a>>,
}

/// One item of a list of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressItem<'a> {
    /// End of a group: `(NIL NIL NIL NIL)`.
    GroupEnd,
    /// Start of a group: `(NIL NIL name NIL)`.
    GroupStart(&'a [u8]),
    /// `(name route local domain)`.
    Mailbox {
        /// Display name.
        name: Option<&'a [u8]>,
        /// Obsolete source route.
        route: Option<&'a [u8]>,
        /// Local part without quotes.
        local: &'a [u8],
        /// Domain; empty if there is none.
        domain: &'a [u8],
    },
}

impl<'a> AddressItems<'a> {
    /// Whether the list is empty: `NIL`.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The mailboxes alone, decoded.
    pub(crate) fn mailboxes(self) -> impl Iterator<Item = Mailbox> + 'a {
        let digest = self.digest;
        self.filter_map(move |item| match item {
            AddressItem::Mailbox {
                name,
                local,
                domain,
                ..
            } => Some(Mailbox {
                name: (name.map(|name| text_of_raw(name, digest))).filter(|name| !name.is_empty()),
                local: String::from_utf8_lossy(local).into_owned(),
                domain: String::from_utf8_lossy(domain).into_owned(),
            }),
            AddressItem::GroupStart(_) | AddressItem::GroupEnd => None,
        })
    }
}

impl<'a> Iterator for AddressItems<'a> {
    type Item = AddressItem<'a>;

    fn next(&mut self) -> Option<AddressItem<'a>> {
        let mut cursor = Cursor { rest: self.items };
        let item = cursor.address();
        self.items = if item.is_some() { cursor.rest } else { b"" };
        item
    }
}

/// The text of a raw value. The charset of its raw octets is looked up only if it has some.
fn text_of_raw(value: &[u8], digest: Option<Digest<'_>>) -> String {
    let digest = digest.filter(|_| !value.is_ascii());
    word::decode_with(value, digest.and_then(|digest| digest.header_charset()))
}

/// One part with all its strings.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// Index in depth-first order; the message itself is 0.
    pub index: usize,
    /// Index after its last descendant.
    pub subtree_end: usize,
    /// Its content.
    pub kind: PartKind,
    /// Octets of its header in the message.
    pub header: Range<usize>,
    /// Octets of its body in the message.
    pub body: Range<usize>,
    /// Line feeds in the body.
    pub lines: u32,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// `text` of `text/plain`, as written.
    pub media: &'a [u8],
    /// `plain`.
    pub subtype: &'a [u8],
    /// Parameters of the type. Names ending in `*` have RFC 2231 values.
    pub params: Pairs<'a>,
    /// Content-ID.
    pub id: Option<&'a [u8]>,
    /// Content-Description.
    pub description: Option<&'a [u8]>,
    /// Content-Transfer-Encoding as written, `7bit` if there is none.
    pub encoding_name: &'a [u8],
    /// Content-MD5.
    pub md5: Option<&'a [u8]>,
    /// Content-Disposition and its parameters.
    pub disposition: Option<(&'a [u8], Pairs<'a>)>,
    /// Content-Language, tag by tag.
    pub languages: Strings<'a>,
    /// Content-Location.
    pub location: Option<&'a [u8]>,
    /// Envelope of the message that a message/rfc822 part holds.
    pub envelope: Option<DigestEnvelope<'a>>,
    /// The digest that knows the charset of raw octets.
    digest: Option<Digest<'a>>,
}

impl<'a> Part<'a> {
    /// Whether it has that type, without regard to case.
    pub(crate) fn is(&self, media: &str, subtype: &str) -> bool {
        self.is_media(media) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether it has that top-level type, without regard to case.
    pub(crate) fn is_media(&self, media: &str) -> bool {
        self.media.eq_ignore_ascii_case(media.as_bytes())
    }

    /// Octets of the body as stored; IMAP calls this the size.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// The raw value of a parameter of the type; of one in the form of RFC 2231, the text behind
    /// its charset and language. Tokens such as the name of a charset need no percent encoding.
    pub(crate) fn param(&self, name: &str) -> Option<&'a [u8]> {
        let (mut plain, mut extended) = (self.params, self.params);
        let is_it = |written: &[u8]| written.eq_ignore_ascii_case(name.as_bytes());
        plain
            .find(|(written, _)| is_it(written))
            .map(|(_, value)| value)
            .or_else(|| {
                extended
                    .find(|(written, _)| written.strip_suffix(b"*").is_some_and(is_it))
                    .map(|(_, value)| param::split_extended(value).1)
            })
    }

    /// The charset of raw octets in its header, as [`Digest::header_charset`] has it.
    pub(crate) fn header_charset(&self) -> Option<Charset> {
        self.digest?.header_charset()
    }

    fn read(index: usize, record: &PartRecord, cursor: &mut Cursor<'a>) -> Option<Part<'a>> {
        let media = cursor.string()?.unwrap_or(b"");
        let subtype = cursor.string()?.unwrap_or(b"");
        let params = Pairs::read(cursor)?;
        let id = cursor.string()?;
        let description = cursor.string()?;
        let encoding_name = cursor.string()?.unwrap_or(b"7bit");
        let md5 = cursor.string()?;
        let disposition = match cursor.string()? {
            Some(name) => Some((name, Pairs::read(cursor)?)),
            None => None,
        };
        let languages = Strings {
            cursor: Cursor {
                rest: cursor.list()?,
            },
        };
        let location = cursor.string()?;
        let envelope = if record.kind == PartKind::Message {
            Some(DigestEnvelope::read(cursor)?)
        } else {
            None
        };
        Some(Part {
            index,
            subtree_end: record.subtree_end.max(index + 1),
            kind: record.kind,
            header: record.header_start..record.body_start,
            body: record.body_start..record.body_end,
            lines: record.lines,
            encoding: record.encoding,
            media,
            subtype,
            params,
            id,
            description,
            encoding_name,
            md5,
            disposition,
            languages,
            location,
            envelope,
            digest: None,
        })
    }
}

/// An iterator over names and values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pairs<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Pairs<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Pairs<'a>> {
        Some(Pairs {
            cursor: Cursor {
                rest: cursor.list()?,
            },
        })
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.cursor.string()??;
        let value = self.cursor.string()??;
        Some((name, value))
    }
}

/// An iterator over strings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strings<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.cursor.string()?
    }
}

/// One step through the parts.
#[derive(Debug, Clone)]
pub enum PartStep<'a> {
    /// The end of a multipart or message; the same part again.
    Close(Part<'a>),
    /// A part without parts.
    Leaf(Part<'a>),
    /// A multipart, or a message/rfc822 part whose root comes next.
    Open(Part<'a>),
}

/// Iterator over the parts.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    digest: Digest<'a>,
    next: usize,
    open: Vec<OpenLevel>,
    path: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct OpenLevel {
    index: usize,
    end: usize,
    /// Whether the numbers of its parts have its own number before them.
    counts: bool,
    number: u32,
    /// The length of its own section number.
    path_len: usize,
}

impl Walk<'_> {
    /// The section number of the part of the last step. It is empty for a multipart that is the
    /// root of the message; for a multipart that is the root of an embedded message it is the
    /// number of that message.
    pub fn path(&self) -> &[u32] {
        &self.path
    }

    fn number(&mut self, is_multipart: bool) {
        match self.open.last_mut() {
            Some(level) if level.counts => {
                level.number = level.number.saturating_add(1);
                self.path.truncate(level.path_len);
                self.path.push(level.number);
            }
            last => {
                self.path.truncate(last.map_or(0, |level| level.path_len));
                if !is_multipart {
                    self.path.push(1);
                }
            }
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = PartStep<'a>;

    fn next(&mut self) -> Option<PartStep<'a>> {
        if let Some(level) = self.open.last()
            && self.next >= level.end
        {
            let part = self.digest.part(level.index)?;
            self.path.truncate(level.path_len);
            self.open.pop();
            return Some(PartStep::Close(part));
        }
        let index = self.next;
        let record = self.digest.record(index)?;
        let part = self.digest.part(index)?;
        self.next += 1;
        self.number(record.kind == PartKind::Multipart);
        if record.kind == PartKind::Leaf {
            return Some(PartStep::Leaf(part));
        }
        let outer = self
            .open
            .last()
            .map_or(self.digest.part_count(), |level| level.end);
        self.open.push(OpenLevel {
            index,
            end: record.subtree_end.clamp(self.next, outer.max(self.next)),
            counts: record.kind == PartKind::Multipart,
            number: 0,
            path_len: self.path.len(),
        });
        Some(PartStep::Open(part))
    }
}

/// Parts that are asked for the charset of raw octets in the header.
const TEXT_PARTS_ASKED: usize = 64;

#[cfg(test)]
mod tests;
