//! A message for a server that takes less than it has: bodies of 7 bits for one without 8BITMIME
//! (RFC 6152 section 3), header fields of ASCII for one without SMTPUTF8 (RFC 6531).
//!
//! It is pure, and changes the form only: every part decodes to the same octets as before, and
//! every field to the same text. A boundary line stays where it is. Signatures of the sender
//! (multipart/signed) cannot survive a change of form, so ours are made behind it. Whether an
//! address of the envelope can be sent at all is not decided here.

use super::compose::phrase;
use super::encode::{encode_base64, encode_quoted};
use super::field::{encoded_param, fold, param};
use super::submit::append;
use super::word;
use crate::mail::Bounds;
use crate::mail::parse::address_list::{AddressEntry, Mailbox, parse_list};
use crate::mail::parse::header::{Field, Headers};
use crate::mail::parse::mime::{self, Media, PartKind, RawPart};
use crate::mail::parse::param::{ParamValue, split_extended};
use crate::mail::parse::transfer::{Encoding, decode};
use crate::mail::parse::word::decode as decode_words;
use crate::pace;

/// What the server does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NarrowForm {
    /// UTF-8 in the header: fields become ASCII. Bodies stay as they are, messages in them too.
    AsciiHeader,
    /// Octets of 0x80 or more anywhere.
    SevenBit,
}

/// The message in that form.
pub fn narrow(raw: &[u8], form: NarrowForm) -> Vec<u8> {
    let structure = mime::parse(raw, &Bounds::default());
    let mut rewriter = Rewriter {
        raw,
        form,
        at: 0,
        out: Vec::with_capacity(raw.len() + raw.len() / 8 + 1024),
    };
    // An embedded message is a body: its fields are only changed with the bodies.
    let mut embedded_end = 0;
    for (index, part) in structure.parts.iter().enumerate() {
        let is_embedded = index < embedded_end;
        let has_mime_version = index == 0 || is_message_root(&structure.parts, index);
        if form == NarrowForm::SevenBit || !is_embedded {
            rewriter.part(part, has_mime_version);
        }
        if part.kind == PartKind::Message {
            embedded_end = embedded_end.max(part.subtree_end);
        }
    }
    rewriter.copy_up_to(raw.len());
    rewriter.out
}

/// Whether a part is the root of an embedded message.
fn is_message_root(parts: &[RawPart], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|above| parts.get(above));
    before.is_some_and(|above| above.kind == PartKind::Message)
}

/// Whether octets go through a server of 7 bits as they are: ASCII without NUL, in lines that RFC
/// 5321 section 4.5.3.1.6 allows.
fn is_narrow(body: &[u8]) -> bool {
    body.chunks(PIECE_BYTES).all(|piece| {
        pace::spend(piece.len() / 4);
        piece.is_ascii() && !piece.contains(&0)
    }) && body.split(|&b| b == b'\n').all(|line| {
        pace::spend(line.len() / 16 + 5);
        line.len() < LINE_MAX
    })
}

struct Rewriter<'a> {
    raw: &'a [u8],
    form: NarrowForm,
    /// How much of the message is written.
    at: usize,
    out: Vec<u8>,
}

impl Rewriter<'_> {
    fn part(&mut self, part: &RawPart, is_root: bool) {
        self.copy_up_to(part.header_start);
        let body_start = part.body_start.max(self.at);
        let block = self.raw.get(self.at..body_start).unwrap_or_default();
        let body_end = part.body_end.max(body_start);
        let body = self.raw.get(body_start..body_end).unwrap_or_default();
        let is_leaf = part.kind == PartKind::Leaf;
        let encoding = match self.form {
            NarrowForm::SevenBit if is_leaf && !is_narrow(body) => Some(new_encoding(part, block)),
            _ => None,
        };
        self.header(block, part, encoding, is_root);
        self.at = body_start;
        match encoding {
            Some(encoding) => {
                let octets = decode(part.encoding, body);
                match encoding {
                    Encoding::QuotedPrintable => encode_quoted(&octets, &mut self.out),
                    _ => encode_base64(&octets, &mut self.out),
                }
                self.at = body_end;
            }
            None if is_leaf => self.copy_up_to(body_end),
            None => {}
        }
    }

    /// Writes a header block up to its empty line; `encoding` is the new one of the body.
    fn header(&mut self, block: &[u8], part: &RawPart, encoding: Option<Encoding>, is_root: bool) {
        let headers = Headers::parse(block);
        let begin = self.out.len();
        let mut fields_end = 0;
        let mut has_version = false;
        for field in headers.fields() {
            fields_end = field.end;
            has_version |= field.is("mime-version");
            if field.is("content-transfer-encoding") {
                if encoding.is_some() {
                    continue;
                }
                // What is inside has 7 bits now (RFC 2045 section 6.4).
                if self.form == NarrowForm::SevenBit && part.kind != PartKind::Leaf {
                    fold("Content-Transfer-Encoding", "7bit", &mut self.out);
                    continue;
                }
            }
            if encoding.is_some() && is_composite(&field) {
                // It has no parts that can be read, and a multipart or a message may not be
                // encoded (RFC 2045 section 6.4): it gets the type by which it is shown.
                let shown = match part.media {
                    Media::Text | Media::DeclaredText => "text/plain",
                    _ => "application/octet-stream",
                };
                fold("Content-Type", shown, &mut self.out);
                continue;
            }
            let octets = block.get(field.range()).unwrap_or_default();
            match octets.is_ascii() {
                true => append(&mut self.out, octets),
                false => ascii_field(&field, &mut self.out),
            }
        }
        if let Some(encoding) = encoding {
            if self.out.len() > begin && !self.out.ends_with(b"\n") {
                self.out.extend_from_slice(b"\r\n");
            }
            if is_root && !has_version {
                fold("MIME-Version", "1.0", &mut self.out);
            }
            let name = encoding.name();
            fold("Content-Transfer-Encoding", name, &mut self.out);
        }
        let empty_line = block.get(fields_end..).unwrap_or_default();
        self.out.extend_from_slice(empty_line);
    }

    /// Copies what no part has changed: boundary lines, and text that no reader shows.
    fn copy_up_to(&mut self, end: usize) {
        let octets = self.raw.get(self.at..end).unwrap_or_default();
        if self.form == NarrowForm::AsciiHeader || octets.is_ascii() {
            append(&mut self.out, octets);
        } else {
            pace::spend(octets.len());
            self.out.extend(octets.iter().map(|&b| ascii_or_mark(b)));
        }
        self.at = self.at.max(end);
    }
}

/// Whether it is the type of a multipart or of a message.
fn is_composite(field: &Field<'_>) -> bool {
    let begins = |name: &[u8]| {
        let value = field.value.trim_ascii_start();
        let head = value.get(..name.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(name))
    };
    field.is("content-type") && (begins(b"multipart/") || begins(b"message/"))
}

/// Text keeps its shape in quoted-printable where most of it is ASCII.
fn new_encoding(part: &RawPart, block: &[u8]) -> Encoding {
    if part.encoding != Encoding::Identity {
        return part.encoding;
    }
    let declared = Headers::parse(block).first("content-type");
    let is_text = declared.is_none_or(|field| {
        let value = field.value.trim_ascii_start();
        value
            .get(..5)
            .is_some_and(|head| head.eq_ignore_ascii_case(b"text/"))
    });
    match is_text {
        true => Encoding::QuotedPrintable,
        false => Encoding::Base64,
    }
}

/// Writes a field that has other octets than ASCII, by the grammar of its value.
fn ascii_field(field: &Field<'_>, out: &mut Vec<u8>) {
    pace::spend(field.value.len().saturating_mul(20));
    let name = String::from_utf8_lossy(field.name).into_owned();
    let is_one_of = |names: &[&str]| names.iter().any(|known| field.is(known));
    if name.is_empty() || is_one_of(&TRACE_FIELDS) {
        let octets = [field.name, b":", field.value, b"\r\n"];
        let octets = match name.is_empty() {
            true => octets.get(2..).unwrap_or_default().concat(),
            false => octets.concat(),
        };
        out.extend(octets.iter().map(|&b| ascii_or_mark(b)));
    } else if is_one_of(&ADDRESS_FIELDS) {
        fold(&name, &address_value(field.value), out);
    } else if is_one_of(&PARAMETER_FIELDS) {
        parameters(&name, field.value, out);
    } else if is_one_of(&ID_FIELDS) {
        // RFC 6857 section 3.1.10: an id of UTF-8 has no form in ASCII.
        let text = word::encode_always(&field.decoded());
        fold(&format!("Downgraded-{name}"), &text, out);
    } else {
        fold(&name, &word::encode(&field.decoded()), out);
    }
}

/// Names in encoded words. A mailbox with an address of UTF-8 becomes an empty group that has it
/// for its name (RFC 6857 section 3.1.8): it can be read, and not be written to.
fn address_value(value: &[u8]) -> String {
    let all = Bounds {
        addresses: usize::MAX,
        ..Bounds::default()
    };
    let list = parse_list(value, &all);
    let entries: Vec<String> = list.entries.iter().map(entry).collect();
    entries.join(", ")
}

fn entry(entry: &AddressEntry) -> String {
    match entry {
        AddressEntry::Mailbox(mailbox) => mailbox_value(mailbox),
        AddressEntry::Group { name, members } => {
            let members: Vec<String> = members.iter().map(mailbox_value).collect();
            // A group has no groups inside.
            let is_nested = members.iter().any(|member| member.ends_with(":;"));
            let members = members.join(", ");
            match is_nested {
                true => members,
                false => format!("{}: {members};", phrase(name)),
            }
        }
    }
}

fn mailbox_value(mailbox: &Mailbox) -> String {
    let address = mailbox.to_string();
    let name = mailbox.name.as_deref().map(str::trim).unwrap_or_default();
    match (address.is_ascii(), name.is_empty()) {
        (true, true) => address,
        (true, false) => format!("{} <{address}>", phrase(name)),
        (false, true) => format!("{}:;", word::encode_always(&address)),
        (false, false) => format!("{}:;", word::encode_always(&format!("{name} {address}"))),
    }
}

/// A value with parameters (RFC 2045 section 5.1), those of UTF-8 in the form of RFC 2231.
fn parameters(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let parsed = ParamValue::parse(value, usize::MAX);
    let ascii = |octets: &[u8]| -> String {
        let octets = octets.iter().map(|&b| char::from(ascii_or_mark(b)));
        octets.filter(|c| !c.is_ascii_control()).collect()
    };
    out.extend_from_slice(format!("{name}: {}", ascii(parsed.first)).as_bytes());
    if !parsed.second.is_empty() {
        out.extend_from_slice(format!("/{}", ascii(parsed.second)).as_bytes());
    }
    for pair in &parsed.params {
        let key = ascii(&pair.name);
        if let Some(base) = key.strip_suffix('*') {
            let (charset, text) = split_extended(&pair.value);
            let charset = format!("{}''", ascii(charset.unwrap_or_default()));
            encoded_param(base, &charset, &ascii(text), out);
        } else if key.eq_ignore_ascii_case("boundary") {
            // As its lines are written.
            out.extend_from_slice(format!(";\r\n {key}=\"{}\"", ascii(&pair.value)).as_bytes());
        } else {
            param(&key, &decode_words(&pair.value), out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn ascii_or_mark(octet: u8) -> u8 {
    match octet {
        0..=0x7f => octet,
        _ => b'?',
    }
}

/// Values of addresses (RFC 5322 section 3.6).
const ADDRESS_FIELDS: [&str; 13] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "resent-bcc",
    "resent-reply-to",
    "disposition-notification-to",
];
/// Values with parameters.
const PARAMETER_FIELDS: [&str; 2] = ["content-type", "content-disposition"];
/// Values that are ids or a date: no word of them can be encoded.
const ID_FIELDS: [&str; 6] = [
    "message-id",
    "in-reply-to",
    "references",
    "resent-message-id",
    "content-id",
    "date",
];
/// They stay under their name, since servers count them and judge by them.
const TRACE_FIELDS: [&str; 6] = [
    "received",
    "return-path",
    "dkim-signature",
    "arc-seal",
    "arc-message-signature",
    "content-transfer-encoding",
];
/// Octets of a line with its CR: 1,000 with CRLF.
const LINE_MAX: usize = 1000;
/// Octets between two counts of work.
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[path = "tests/seven_bit.rs"]
mod tests;
