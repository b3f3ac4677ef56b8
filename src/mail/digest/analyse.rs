//! The pass over a message at delivery: limits, digest, and the facts that delivery decides by.
//!
//! A header beyond the bounds is read up to the bound, and MIME beyond its bounds becomes opaque;
//! [`Analysis::is_truncated`] says so. [`analyse`] refuses only loops and messages that offsets
//! cannot address. It reads the message from front to back a fixed number of times and keeps only
//! strings of it.

use std::fmt;

use super::Digest;
use super::blob::{self, BlobWriter, PartRecord, to_u32};
use crate::mail::parse::address_list::{self, Mailbox, RawEntry};
use crate::mail::parse::charset::Charset;
use crate::mail::parse::date;
use crate::mail::parse::header::{Field, Headers, message_ids};
use crate::mail::parse::mime::{self, Media, PartKind, RawPart};
use crate::mail::parse::param::ParamValue;
use crate::mail::parse::transfer::{self, Encoding};
use crate::mail::text::{self, codes, reply};
use crate::mail::{Bounds, unicode};
use crate::pace;

/// The facts that delivery knows of a message. Texts are decoded and clean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analysis {
    /// The stored form, which [`Digest::open`] reads.
    pub digest: Vec<u8>,
    /// Octets of the header with its empty line.
    pub header_len: u32,
    /// Octets of the whole message.
    pub size: u32,
    /// At most 1,000 characters.
    pub subject: String,
    /// From.
    pub from: Vec<Mailbox>,
    /// Reply-To as written; empty if there is none.
    pub reply_to: Vec<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Bcc, if the sender left it in.
    pub bcc: Vec<Mailbox>,
    /// With its brackets.
    pub message_id: Option<String>,
    /// With their brackets.
    pub in_reply_to: Vec<String>,
    /// With their brackets, oldest first.
    pub references: Vec<String>,
    /// The Date of the sender, unix seconds.
    pub date: Option<i64>,
    /// The start of the text on one line, at most 200 characters.
    pub preview: String,
    /// It has an attachment other than decoration and signatures.
    pub has_attachments: bool,
    /// The number of Received fields.
    pub hops: usize,
    /// Values of Delivered-To, as written.
    pub delivered_to: Vec<String>,
    /// It has a Bcc field, empty or not.
    pub has_bcc: bool,
    /// X-Priority, Importance or Priority.
    pub priority: Priority,
    /// One-time codes in the subject and the text, likeliest first.
    pub codes: Vec<String>,
    /// The id of the mailing list, without brackets.
    pub list_id: Option<String>,
    /// It has a field whose name begins with `List-`.
    pub is_list: bool,
    /// Auto-Submitted other than `no`, or an older sign of a machine (RFC 3834).
    pub is_auto_submitted: bool,
    /// Precedence bulk, junk or list.
    pub is_bulk: bool,
    /// The sender asks for no automatic answers.
    pub suppresses_replies: bool,
    /// Some octet of the message is over 127.
    pub is_eight_bit: bool,
    /// Some octet of the header is over 127.
    pub has_non_ascii_headers: bool,
    /// Two programs could find different parts in it.
    pub is_ambiguous: bool,
    /// It reached a bound: a part of its header was not read, or a part of its body is opaque.
    pub is_truncated: bool,
    /// Its text has hidden content.
    pub has_hidden_content: bool,
}

/// The urgency that the sender gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// X-Priority 1 or 2, `high`, `urgent`
    High,
    /// X-Priority 4 or 5, `low`, `non-urgent`
    Low,
    /// No such field, or another value
    #[default]
    Normal,
}

/// The limit that a message exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many Received fields as a mail loop makes.
    Hops,
    /// 4 GiB or more; offsets have 32 bits.
    Size,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Hops => "too many hops: the message is looping",
            Refused::Size => "the message is too long",
        })
    }
}

impl std::error::Error for Refused {}

/// Reads a whole message, header and body.
///
/// # Errors
/// [`Refused`] names the exceeded limit.
pub fn analyse(raw: &[u8], bounds: &Bounds) -> Result<Analysis, Refused> {
    let mut found = read_structure(raw, bounds, None)?;
    if found.has_non_ascii_headers
        && let Some(charset) = Digest::open(&found.digest).and_then(|d| d.header_charset())
        && (0x80..=0xff).any(|octet| charset.is_lead(octet))
    {
        // Only the parts tell the charset in which the addresses must be read.
        found = read_structure(raw, bounds, Some(charset))?;
    }
    found.read_digest(raw);
    Ok(found)
}

/// The digest of a message that is no delivery: one that another message holds in an encoding.
///
/// # Errors
/// [`Refused`] names the exceeded limit.
pub(crate) fn digest_of(raw: &[u8], bounds: &Bounds) -> Result<Vec<u8>, Refused> {
    read_structure(raw, bounds, None).map(|found| found.digest)
}

/// The facts that the octets give, without those of the text. Raw octets in addresses are of that
/// charset, if there is one.
fn read_structure(
    raw: &[u8],
    bounds: &Bounds,
    charset: Option<Charset>,
) -> Result<Analysis, Refused> {
    if u32::try_from(raw.len()).is_err() {
        return Err(Refused::Size);
    }
    let headers = Headers::parse(raw);
    let mut found = Analysis {
        size: to_u32(raw.len()),
        header_len: to_u32(headers.body_start()),
        ..Analysis::default()
    };
    let mut fields = EnvelopeFields::default();
    let mut bytes_left = bounds.header_bytes;
    for (n, whole) in headers.fields().enumerate() {
        let field = whole.within(bounds.header_field_bytes);
        let is_over = n >= bounds.header_fields || bytes_left == 0;
        found.is_truncated |= is_over || field.value.len() < whole.value.len();
        // A flood of fields must not hide the sender and the subject that stand behind it.
        if is_over && !fields.lacks(&field) {
            continue;
        }
        bytes_left = bytes_left.saturating_sub(field.value.len());
        pace::spend(field.value.len().saturating_mul(FIELD_OCTET_WORK));
        found.take(&field, &mut fields);
    }
    // A message with fifty hops is in a loop; this server would add the next one.
    if found.hops >= bounds.received_hops {
        return Err(Refused::Hops);
    }
    found.has_non_ascii_headers = !is_ascii(raw.get(..headers.body_start()).unwrap_or(raw));
    found.is_eight_bit = found.has_non_ascii_headers || !is_ascii(raw);

    let structure = mime::parse(raw, bounds);
    found.is_ambiguous = structure.ambiguous;
    found.is_truncated |= structure.truncated;
    let mut writer = BlobWriter::new();
    let mut addresses_left = bounds.addresses;
    found.is_truncated |= !fields.write(&mut writer, charset, &mut addresses_left);
    for (index, section) in structure.parts.iter().enumerate() {
        let header_end = if index == 0 {
            headers.body_start()
        } else {
            section.body_start
        };
        let header = raw.get(section.header_start..header_end).unwrap_or(b"");
        let offset = writer.offset();
        write_part(&mut writer, header, section, bounds);
        if section.kind == PartKind::Message {
            let nested =
                Headers::parse(raw.get(section.body_start..section.body_end).unwrap_or(b""));
            EnvelopeFields::of(&nested, bounds).write(&mut writer, charset, &mut addresses_left);
        }
        writer.record(&PartRecord {
            header_start: section.header_start,
            body_start: section.body_start,
            body_end: section.body_end,
            lines: to_u32(section.lines),
            text: offset,
            subtree_end: section.subtree_end,
            kind: section.kind,
            encoding: section.encoding,
        });
    }
    let mut flags = 0;
    for (is_set, flag) in [
        (structure.ambiguous, blob::FLAG_AMBIGUOUS),
        (found.is_truncated, blob::FLAG_TRUNCATED),
        (found.is_eight_bit, blob::FLAG_EIGHT_BIT),
    ] {
        flags |= if is_set { flag } else { 0 };
    }
    let bytes = writer.finish(flags, raw.len(), headers.body_start());
    found.digest = bytes;
    Ok(found)
}

impl Analysis {
    /// The mailbox of From that a reader means: the first one with a domain, because a comma in a
    /// name without quotes makes a mailbox of its own; without any, the first one.
    pub fn author(&self) -> Option<&Mailbox> {
        (self.from.iter().find(|mailbox| !mailbox.domain.is_empty())).or(self.from.first())
    }

    /// One field of the message's own header.
    fn take<'a>(&mut self, field: &Field<'a>, fields: &mut EnvelopeFields<'a>) {
        let mut lower = [0_u8; NAME_MAX];
        let Some(name) = lower.get_mut(..field.name.len()) else {
            return;
        };
        name.copy_from_slice(field.name);
        name.make_ascii_lowercase();
        match &*name {
            b"received" => self.hops += 1,
            b"delivered-to" => self
                .delivered_to
                .push(unicode::one_line(&field.decoded(), DELIVERED_TO_MAX)),
            b"date" if fields.date.is_none() => {
                self.date = date::parse(field.value).map(|date| date.unix_s)
            }
            b"bcc" => self.has_bcc = true,
            b"message-id" if fields.message_id.is_none() => {
                self.message_id = message_ids(field.value).into_iter().next();
            }
            b"in-reply-to" if self.in_reply_to.is_empty() => {
                self.in_reply_to = message_ids(field.value)
            }
            b"references" if self.references.is_empty() => {
                self.references = message_ids(field.value)
            }
            b"x-priority" | b"importance" | b"priority" | b"x-msmail-priority" => {
                if self.priority == Priority::Normal {
                    self.priority = priority(&field.unfolded());
                }
            }
            b"list-id" => {
                self.is_list = true;
                self.list_id = Some(list_id(&field.decoded()));
            }
            b"auto-submitted" => {
                let value = field.unfolded();
                let first = value
                    .split(|&b| b == b';' || b == b' ')
                    .next()
                    .unwrap_or(b"");
                self.is_auto_submitted |= !first.eq_ignore_ascii_case(b"no");
            }
            b"x-autoreply" | b"x-autorespond" | b"x-autogenerated" => self.is_auto_submitted = true,
            b"x-auto-response-suppress" => self.suppresses_replies = true,
            b"precedence" => {
                let value = field.unfolded();
                let words: [&[u8]; 3] = [b"bulk", b"junk", b"list"];
                self.is_bulk |= words.iter().any(|word| value.eq_ignore_ascii_case(word));
                self.is_auto_submitted |= value.eq_ignore_ascii_case(b"auto_reply");
            }
            name => self.is_list |= name.starts_with(b"list-"),
        }
        fields.take(field, name);
    }

    /// The facts that the digest and the text give.
    fn read_digest(&mut self, raw: &[u8]) {
        let Some(digest) = Digest::open(&self.digest) else {
            return;
        };
        let envelope = digest.envelope();
        pace::spend(self.digest.len().saturating_mul(FIELD_OCTET_WORK));
        self.subject = unicode::one_line(&envelope.subject_text(), SUBJECT_CHARS_MAX);
        self.from = envelope.from.mailboxes().collect();
        self.to = envelope.to.mailboxes().collect();
        self.cc = envelope.cc.mailboxes().collect();
        self.bcc = envelope.bcc.mailboxes().collect();
        self.reply_to = envelope.own_reply_to().mailboxes().collect();
        self.has_attachments = text::has_attachments(raw, &digest);
        let beginning = text::beginning_of(raw, &digest, TEXT_LOOKED_AT);
        self.has_hidden_content = beginning.hidden_content;
        let new = text::extracted_of(&self.subject, &beginning);
        let words = reply::without_addresses(&new);
        self.preview = unicode::one_line(&words, PREVIEW_CHARS_MAX);
        let found = codes::find_in_mail(&self.subject, &words);
        self.codes = found.into_iter().map(|found| found.code).collect();
        let has_attachments = self.has_attachments;
        blob::set_flag(&mut self.digest, blob::FLAG_ATTACHMENTS, has_attachments);
    }
}

/// The raw fields of an envelope. An address field may be repeated; all of its copies count, so
/// that every address is visible.
#[derive(Default)]
struct EnvelopeFields<'a> {
    date: Option<&'a [u8]>,
    subject: Option<&'a [u8]>,
    /// From, Sender, Reply-To, To, Cc, Bcc.
    addresses: [Vec<&'a [u8]>; 6],
    in_reply_to: Option<&'a [u8]>,
    message_id: Option<&'a [u8]>,
}

impl<'a> EnvelopeFields<'a> {
    fn of(headers: &Headers<'a>, bounds: &Bounds) -> EnvelopeFields<'a> {
        let mut fields = EnvelopeFields::default();
        for field in headers.fields().take(bounds.header_fields) {
            let mut lower = [0_u8; NAME_MAX];
            let Some(name) = lower.get_mut(..field.name.len()) else {
                continue;
            };
            name.copy_from_slice(field.name);
            name.make_ascii_lowercase();
            fields.take(&field.within(bounds.header_field_bytes), name);
        }
        fields
    }

    fn take(&mut self, field: &Field<'a>, name: &[u8]) {
        let [from, sender, reply_to, to, cc, bcc] = &mut self.addresses;
        match name {
            b"date" => self.date = self.date.or(Some(field.value)),
            b"subject" => self.subject = self.subject.or(Some(field.value)),
            b"in-reply-to" => self.in_reply_to = self.in_reply_to.or(Some(field.value)),
            b"message-id" => self.message_id = self.message_id.or(Some(field.value)),
            b"from" => from.push(field.value),
            b"sender" => sender.push(field.value),
            b"reply-to" => reply_to.push(field.value),
            b"to" => to.push(field.value),
            b"cc" => cc.push(field.value),
            b"bcc" => bcc.push(field.value),
            _ => {}
        }
    }

    /// Whether the envelope has no field of that name yet.
    fn lacks(&self, field: &Field<'_>) -> bool {
        let texts = [
            ("date", self.date),
            ("subject", self.subject),
            ("in-reply-to", self.in_reply_to),
            ("message-id", self.message_id),
        ];
        let names = ["from", "sender", "reply-to", "to", "cc", "bcc"];
        let mut lists = names.iter().zip(&self.addresses);
        (texts.iter()).any(|(name, value)| value.is_none() && field.is(name))
            || lists.any(|(name, bodies)| bodies.is_empty() && field.is(name))
    }

    /// Writes the envelope; false if it has more addresses than `addresses_left`, which are left
    /// out.
    fn write(
        &self,
        writer: &mut BlobWriter,
        charset: Option<Charset>,
        addresses_left: &mut usize,
    ) -> bool {
        writer.string(self.date.map(<[u8]>::trim_ascii));
        writer.string(self.subject.map(<[u8]>::trim_ascii));
        let mut fits = true;
        for bodies in &self.addresses {
            writer.list(|writer| {
                for body in bodies {
                    pace::spend(body.len().saturating_mul(ADDRESS_OCTET_WORK));
                    address_list::walk_with(body, charset, &mut |entry| {
                        // The end of a group that has begun is no address.
                        let is_end = entry == RawEntry::GroupEnd;
                        fits &= *addresses_left > 0 || is_end;
                        if !fits {
                            return false;
                        }
                        *addresses_left = addresses_left.saturating_sub(1);
                        match entry {
                            RawEntry::GroupStart(name) => writer.group(name),
                            RawEntry::GroupEnd => writer.group_end(),
                            RawEntry::Mailbox(m) => {
                                writer.mailbox(m.name, m.route, m.local, m.domain)
                            }
                        }
                        true
                    });
                }
            });
        }
        writer.string(self.in_reply_to.map(<[u8]>::trim_ascii));
        writer.string(self.message_id.map(<[u8]>::trim_ascii));
        fits
    }
}

/// The strings of one part, in the order that `Part::read` expects.
fn write_part(writer: &mut BlobWriter, header: &[u8], section: &RawPart, bounds: &Bounds) {
    let mut content_type = None;
    let mut disposition = None;
    let mut languages = None;
    // Content-ID, -Description, -Transfer-Encoding, -MD5, -Location.
    let mut plain: [Option<&[u8]>; 5] = [None; 5];
    for field in Headers::of_block(header).beginning(b"content-") {
        let [id, description, encoding, md5, location] = &mut plain;
        let slot = match field
            .name
            .get(8..)
            .unwrap_or(b"")
            .to_ascii_lowercase()
            .as_slice()
        {
            b"type" => &mut content_type,
            b"disposition" => &mut disposition,
            b"language" => &mut languages,
            b"id" => id,
            b"description" => description,
            b"transfer-encoding" => encoding,
            b"md5" => md5,
            b"location" => location,
            _ => continue,
        };
        if bounds.reading.takes(slot.is_none()) {
            *slot = Some(field.value_within(bounds.header_field_bytes));
        }
    }
    let params = content_type.map_or(0, <[u8]>::len) + disposition.map_or(0, <[u8]>::len);
    pace::spend(params.saturating_mul(FIELD_OCTET_WORK));
    let declared = ParamValue::parse(content_type.unwrap_or(b""), bounds.params);
    let (media, subtype): (&[u8], &[u8]) = match section.media {
        // Only a multipart may lack its subtype here.
        Media::Declared if declared.second.is_empty() => (declared.first, b"mixed"),
        Media::Declared => (declared.first, declared.second),
        Media::DeclaredOctets => (b"application", b"octet-stream"),
        Media::DeclaredText => (b"text", b"plain"),
        Media::Message => (b"message", b"rfc822"),
        Media::Opaque => (b"application", b"octet-stream"),
        Media::Text => (b"text", b"plain"),
    };
    writer.string(Some(media));
    writer.string(Some(subtype));
    writer.list(|writer| match section.media {
        Media::Declared | Media::DeclaredOctets | Media::DeclaredText => {
            write_params(writer, &declared);
        }
        // RFC 2045 section 5.2.
        Media::Text => {
            writer.string(Some(b"charset"));
            writer.string(Some(b"us-ascii"));
        }
        Media::Message | Media::Opaque => {}
    });
    let [id, description, encoding, md5, location] =
        plain.map(|value| value.map(<[u8]>::trim_ascii));
    writer.string(id);
    writer.string(description);
    // A multipart has no encoding, even if its header names one. A multipart that became text has
    // none either.
    writer.string(
        encoding
            .map(transfer::mechanism)
            .filter(|e| !e.is_empty() && Encoding::of(e) == section.encoding),
    );
    writer.string(md5);
    match disposition {
        Some(body) => {
            let value = ParamValue::parse(body, bounds.params);
            // A disposition that is not known is an attachment (RFC 2183 section 2.8). One that
            // cannot be read, and gives a file name, is none that is known.
            let word = match value.first {
                b"" if value.count("filename") > 0 => b"attachment",
                first => first,
            };
            writer.string(Some(word).filter(|word| !word.is_empty()));
            if !word.is_empty() {
                writer.list(|writer| write_params(writer, &value));
            }
        }
        None => writer.string(None),
    }
    writer.list(|writer| {
        let tags = languages
            .unwrap_or(b"")
            .split(|&b| b == b',')
            .map(<[u8]>::trim_ascii);
        for tag in tags.filter(|tag| !tag.is_empty()).take(LANGUAGES_MAX) {
            writer.string(Some(tag));
        }
    });
    writer.string(location);
}

/// Whether all octets are ASCII, in pieces.
fn is_ascii(octets: &[u8]) -> bool {
    octets.chunks(PIECE_BYTES).all(|piece| {
        pace::spend(piece.len() / 16);
        piece.is_ascii()
    })
}

fn write_params(writer: &mut BlobWriter, value: &ParamValue<'_>) {
    for param in &value.params {
        writer.string(Some(&param.name));
        writer.string(Some(&param.value));
    }
}

fn priority(value: &[u8]) -> Priority {
    let word = value
        .split(|b| b" (;".contains(b))
        .next()
        .unwrap_or(b"")
        .to_ascii_lowercase();
    match word.as_slice() {
        b"1" | b"2" | b"high" | b"urgent" => Priority::High,
        b"4" | b"5" | b"low" | b"non-urgent" => Priority::Low,
        _ => Priority::Normal,
    }
}

/// `Name <id>` as `id`.
fn list_id(value: &str) -> String {
    let id = value.rsplit_once('<').map_or(value, |(_, id)| id);
    unicode::one_line(id.split('>').next().unwrap_or(""), LIST_ID_MAX)
}

/// No name in the matches above is longer.
const NAME_MAX: usize = 32;
/// The limit of RFC 2919 section 2.
const LIST_ID_MAX: usize = 255;
/// The length of an address.
const DELIVERED_TO_MAX: usize = 320;
/// A line of RFC 5322 has at most 998 characters.
const SUBJECT_CHARS_MAX: usize = 1_000;
/// The length that lists of messages show.
pub const PREVIEW_CHARS_MAX: usize = 200;
/// Octets of text from which the preview and the codes are taken. A mail with a code has it near
/// its start.
const TEXT_LOOKED_AT: usize = 64 * 1024;
/// Octets between two counts of work.
const PIECE_BYTES: usize = 256 * 1024;
/// Nanoseconds of an octet of a field, and of one of addresses.
const FIELD_OCTET_WORK: usize = 4;
const ADDRESS_OCTET_WORK: usize = 15;
/// Tags of one Content-Language.
const LANGUAGES_MAX: usize = 16;
