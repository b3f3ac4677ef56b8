//! The octets of a digest: a cursor that reads them, a writer, and the numbers that both share.
//!
//! Reading is checked at every step and gives `None` for damage. Writing bounds the stored size of
//! one message.

use super::AddressItem;
use crate::mail::parse::mime::PartKind;
use crate::mail::parse::transfer::Encoding;

/// The fixed part of one part's entry.
pub struct PartRecord {
    pub header_start: usize,
    pub body_start: usize,
    pub body_end: usize,
    pub lines: u32,
    /// Offset of its strings in the text.
    pub text: usize,
    pub subtree_end: usize,
    pub kind: PartKind,
    pub encoding: Encoding,
}

impl PartRecord {
    pub fn read(cursor: &mut Cursor<'_>) -> Option<PartRecord> {
        let header_start = cursor.offset()?;
        let body_start = cursor.offset()?;
        let body_end = cursor.offset()?;
        let lines = cursor.u32()?;
        // Older digests have an estimate of the decoded octets here. Nothing reads it.
        cursor.u32()?;
        let text = cursor.offset()?;
        let subtree_end = usize::from(cursor.u16()?);
        let kind = match cursor.byte()? {
            0 => PartKind::Leaf,
            1 => PartKind::Message,
            2 => PartKind::Multipart,
            _ => return None,
        };
        let encoding = match cursor.byte()? {
            0 => Encoding::Identity,
            1 => Encoding::Base64,
            2 => Encoding::QuotedPrintable,
            _ => return None,
        };
        let is_ordered = header_start <= body_start && body_start <= body_end;
        is_ordered.then_some(PartRecord {
            header_start,
            body_start,
            body_end,
            lines,
            text,
            subtree_end,
            kind,
            encoding,
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor<'a> {
    pub rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        let (&b, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(b)
    }

    pub fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*bytes))
    }

    pub fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    fn offset(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// A length in seven bits an octet, low ones first.
    fn length(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for shift in [0, 7, 14, 21] {
            let b = self.byte()?;
            value |= usize::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The outer `None` is damage; the inner `None` is NIL.
    #[allow(clippy::option_option)]
    pub fn string(&mut self) -> Option<Option<&'a [u8]>> {
        match self.length()? {
            0 => Some(None),
            n => self.take(n - 1).map(Some),
        }
    }

    pub fn list(&mut self) -> Option<&'a [u8]> {
        let n = self.offset()?;
        self.take(n)
    }

    pub fn address(&mut self) -> Option<AddressItem<'a>> {
        match self.byte()? {
            TAG_MAILBOX => Some(AddressItem::Mailbox {
                name: self.string()?,
                route: self.string()?,
                local: self.string()?.unwrap_or(b""),
                domain: self.string()?.unwrap_or(b""),
            }),
            TAG_GROUP => Some(AddressItem::GroupStart(self.string()?.unwrap_or(b""))),
            TAG_GROUP_END => Some(AddressItem::GroupEnd),
            _ => None,
        }
    }
}

/// Writes a digest: the text in the order of the parts, and the head and the records at the end.
pub struct BlobWriter {
    text: Vec<u8>,
    records: Vec<u8>,
    parts: u16,
}

impl BlobWriter {
    pub fn new() -> BlobWriter {
        BlobWriter {
            text: Vec::with_capacity(512),
            records: Vec::with_capacity(RECORD_BYTES),
            parts: 0,
        }
    }

    /// The offset of the next string.
    pub fn offset(&self) -> usize {
        self.text.len()
    }

    /// A string without CR, LF and NUL, which no IMAP string may hold, cut at [`STRING_MAX`].
    pub fn string(&mut self, value: Option<&[u8]>) {
        // Beyond the limit of all strings every further string is NIL, so that no message costs a
        // second copy of itself.
        let Some(value) = value.filter(|_| self.text.len() < TEXT_MAX) else {
            self.text.push(0);
            return;
        };
        let value = value.get(..STRING_MAX).unwrap_or(value);
        if memchr::memchr3(b'\r', b'\n', 0, value).is_none() {
            self.length(value.len() + 1);
            self.text.extend_from_slice(value);
            return;
        }
        let is_kept = |b: &u8| !matches!(b, b'\r' | b'\n' | 0);
        self.length(value.iter().copied().filter(|b| is_kept(b)).count() + 1);
        self.text
            .extend(value.iter().copied().filter(|b| is_kept(b)));
    }

    /// The output of `write`, with its length before it.
    pub fn list(&mut self, write: impl FnOnce(&mut BlobWriter)) {
        let start = self.text.len();
        self.text.extend_from_slice(&[0; 4]);
        write(self);
        let n = to_u32(self.text.len() - start - 4);
        if let Some(slot) = self.text.get_mut(start..start + 4) {
            slot.copy_from_slice(&n.to_le_bytes());
        }
    }

    pub fn mailbox(
        &mut self,
        name: Option<&[u8]>,
        route: Option<&[u8]>,
        local: &[u8],
        domain: &[u8],
    ) {
        self.text.push(TAG_MAILBOX);
        self.string(name);
        self.string(route);
        self.string(Some(local));
        self.string(Some(domain));
    }

    pub fn group(&mut self, name: &[u8]) {
        self.text.push(TAG_GROUP);
        self.string(Some(name));
    }

    pub fn group_end(&mut self) {
        self.text.push(TAG_GROUP_END);
    }

    pub fn record(&mut self, record: &PartRecord) {
        for n in [record.header_start, record.body_start, record.body_end] {
            self.records.extend_from_slice(&to_u32(n).to_le_bytes());
        }
        self.records.extend_from_slice(&record.lines.to_le_bytes());
        // The place of an estimate of the decoded octets. Nothing reads it.
        self.records.extend_from_slice(&[0; 4]);
        self.records
            .extend_from_slice(&to_u32(record.text).to_le_bytes());
        self.records.extend_from_slice(
            &u16::try_from(record.subtree_end)
                .unwrap_or(u16::MAX)
                .to_le_bytes(),
        );
        self.records.push(match record.kind {
            PartKind::Leaf => 0,
            PartKind::Message => 1,
            PartKind::Multipart => 2,
        });
        self.records.push(match record.encoding {
            Encoding::Identity => 0,
            Encoding::Base64 => 1,
            Encoding::QuotedPrintable => 2,
        });
        self.parts = self.parts.saturating_add(1);
    }

    pub fn finish(self, flags: u16, size: usize, header_len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.records.len() + self.text.len());
        bytes.extend_from_slice(&[MAGIC, VERSION]);
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&to_u32(size).to_le_bytes());
        bytes.extend_from_slice(&to_u32(header_len).to_le_bytes());
        bytes.extend_from_slice(&self.parts.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.records);
        bytes.extend_from_slice(&self.text);
        bytes
    }

    fn length(&mut self, n: usize) {
        let mut n = n;
        while n >= 0x80 {
            self.text.push(0x80 | u8::try_from(n & 0x7f).unwrap_or(0));
            n >>= 7;
        }
        self.text.push(u8::try_from(n).unwrap_or(0));
    }
}

/// Sets or clears a flag of a finished digest.
pub fn set_flag(digest: &mut [u8], flag: u16, is_set: bool) {
    if let Some([low, high]) = digest.get_mut(2..4) {
        let flags = u16::from_le_bytes([*low, *high]);
        let flags = if is_set { flags | flag } else { flags & !flag };
        [*low, *high] = flags.to_le_bytes();
    }
}

pub fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub const FLAG_ATTACHMENTS: u16 = 1;
pub const FLAG_AMBIGUOUS: u16 = 2;
pub const FLAG_TRUNCATED: u16 = 4;
pub const FLAG_EIGHT_BIT: u16 = 8;

/// The first octet. It is not a letter, so that a text is never taken for a digest.
pub const MAGIC: u8 = 0xD1;
/// It is raised when the form changes; an old digest is made again from the body.
pub const VERSION: u8 = 1;
pub const HEAD_BYTES: usize = 16;
pub const RECORD_BYTES: usize = 28;
pub const TAG_MAILBOX: u8 = 1;
pub const TAG_GROUP: u8 = 2;
pub const TAG_GROUP_END: u8 = 3;
/// Octets of one string. A longer subject is of no use in a list; the header itself has all of it.
pub const STRING_MAX: usize = 8 * 1024;
/// Octets of all strings together. Ordinary mail stays below, even with 1,000 addresses in each
/// envelope and 1,000 parts.
pub const TEXT_MAX: usize = 512 * 1024;
