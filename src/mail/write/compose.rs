//! Composes a message from its fields: RFC 5322 and MIME, in lines that every relay carries.
//!
//! The shape is mixed[ alternative[ text, related[ html, inline... ] ], attachments... ], each
//! level only where it is needed. Every header value is checked first: a control character or a
//! line separator in it is an error that names the field, and is never removed. There is no Bcc:
//! the envelope names blind recipients. Randomness comes as a seed, which becomes public with the
//! message.

use std::fmt;

use super::encode::{encode_base64, encode_quoted};
use super::field::{fold, is_value, may_set, param};
use super::submit::check_octets;
use super::word::{encode as encode_word, encode_always};
use crate::mail::parse::address::Address;
use crate::mail::parse::header::MESSAGE_ID_MAX;
use crate::mail::time;
use crate::mail::unicode::file_name;

/// The content of the message.
#[derive(Debug, Clone, Default)]
pub struct Compose<'a> {
    /// Display name of the author.
    pub from_name: Option<&'a str>,
    /// The author.
    pub from: Option<&'a Address>,
    /// Name and address.
    pub to: &'a [(Option<&'a str>, &'a Address)],
    /// Name and address.
    pub cc: &'a [(Option<&'a str>, &'a Address)],
    /// Name and address.
    pub reply_to: &'a [(Option<&'a str>, &'a Address)],
    /// Any text on one line.
    pub subject: &'a str,
    /// Plain text; line ends of any kind.
    pub text: Option<&'a str>,
    /// HTML; line ends of any kind.
    pub html: Option<&'a str>,
    /// Files, beside the text or inside the HTML.
    pub attachments: &'a [AttachedFile<'a>],
    /// Further fields, with names that [`may_set`] allows.
    pub headers: &'a [(&'a str, &'a str)],
    /// With its brackets.
    pub in_reply_to: Option<&'a str>,
    /// With their brackets, oldest first.
    pub references: &'a [&'a str],
    /// Unix milliseconds.
    pub date_ms: i64,
    /// With its brackets; see [`message_id`].
    pub message_id: &'a str,
    /// Fresh random octets, for the boundaries.
    pub seed: [u8; 16],
}

/// A file to attach.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttachedFile<'a> {
    /// Shown to the reader; folders are cut off.
    pub filename: &'a str,
    /// `type/subtype`, possibly with parameters.
    pub content_type: &'a str,
    /// Its octets.
    pub content: &'a [u8],
    /// The id by which the HTML shows the file, without brackets.
    pub content_id: Option<&'a str>,
    /// Whether it is meant to be shown within the text. Beside HTML, one with an id stands in one
    /// multipart with it.
    pub inline: bool,
}

/// A value that a header may not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidHeaderValue {
    /// The field of [`Compose`].
    pub field: &'static str,
}

impl fmt::Display for InvalidHeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of {} may not go into a header", self.field)
    }
}

impl std::error::Error for InvalidHeaderValue {}

/// A Message-ID from random octets and the domain: `<hex@domain>`.
pub(crate) fn message_id(seed: [u8; 16], domain: &str) -> String {
    format!("<{}@{domain}>", data_encoding::HEXLOWER.encode(&seed))
}

/// Writes only the MIME fields and the body of a message. `from` and `message_id` are not written.
///
/// # Errors
/// As [`compose`].
pub(crate) fn content(mail: &Compose<'_>) -> Result<Vec<u8>, InvalidHeaderValue> {
    check(mail)?;
    let mut out = b"MIME-Version: 1.0\r\n".to_vec();
    body(mail, &mut out);
    Ok(out)
}

/// Writes a field with a text of any characters.
pub(crate) fn text_field(name: &str, value: &str, out: &mut Vec<u8>) {
    fold(name, &encode_word(value), out);
}

/// Whether a text is a Message-ID with its brackets that may go into a header.
pub(super) fn is_message_id(id: &str) -> bool {
    let ends =
        id.starts_with('<') && id.ends_with('>') && id.len() > 2 && id.len() <= MESSAGE_ID_MAX;
    ends && is_value(id) && !id.contains(char::is_whitespace)
}

/// Writes the message.
///
/// # Errors
/// [`InvalidHeaderValue`] names the first field with such a value.
pub fn compose(mail: &Compose<'_>) -> Result<Vec<u8>, InvalidHeaderValue> {
    check(mail)?;
    let content: usize = mail.attachments.iter().map(|file| file.content.len()).sum();
    let texts = mail.text.map_or(0, str::len) + mail.html.map_or(0, str::len);
    let mut out = Vec::with_capacity(1_024 + content / 57 * 78 + texts + texts / 4);
    if let Some(from) = mail.from {
        addresses("From", &[(mail.from_name, from)], &mut out);
    }
    addresses("Reply-To", mail.reply_to, &mut out);
    addresses("To", mail.to, &mut out);
    addresses("Cc", mail.cc, &mut out);
    fold("Subject", &encode_word(mail.subject), &mut out);
    fold("Date", &time::rfc5322(mail.date_ms), &mut out);
    fold("Message-ID", mail.message_id, &mut out);
    if let Some(id) = mail.in_reply_to {
        fold("In-Reply-To", id, &mut out);
    }
    if !mail.references.is_empty() {
        fold("References", &mail.references.join(" "), &mut out);
    }
    for (name, value) in mail.headers {
        fold(name, &encode_word(value.trim()), &mut out);
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    body(mail, &mut out);
    Ok(out)
}

fn check(mail: &Compose<'_>) -> Result<(), InvalidHeaderValue> {
    let fail = |field| Err(InvalidHeaderValue { field });
    let are_names =
        |list: &[(Option<&str>, &Address)]| list.iter().all(|(name, _)| name.is_none_or(is_value));
    if !mail.from_name.is_none_or(is_value) {
        return fail("from");
    }
    for (field, list) in [
        ("to", mail.to),
        ("cc", mail.cc),
        ("reply_to", mail.reply_to),
    ] {
        if !are_names(list) {
            return fail(field);
        }
    }
    if !is_value(mail.subject) {
        return fail("subject");
    }
    if !mail
        .headers
        .iter()
        .all(|(name, value)| may_set(name) && is_value(value))
    {
        return fail("headers");
    }
    if !mail.in_reply_to.is_none_or(is_message_id) {
        return fail("in_reply_to");
    }
    if !mail.references.iter().all(|id| is_message_id(id)) {
        return fail("references");
    }
    if !is_message_id(mail.message_id) {
        return fail("message_id");
    }
    for file in mail.attachments {
        if !is_value(file.filename) {
            return fail("attachments.filename");
        }
        if !is_media_type(file.content_type) {
            return fail("attachments.content_type");
        }
        let is_content_id = |id: &str| {
            !id.is_empty()
                && id.len() <= MESSAGE_ID_MAX - 2
                && id
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
        };
        if !file.content_id.is_none_or(is_content_id) {
            return fail("attachments.content_id");
        }
    }
    Ok(())
}

/// `type/subtype`, and after it parameters only as visible ASCII.
fn is_media_type(value: &str) -> bool {
    let (media, params) = value.split_once(';').unwrap_or((value, ""));
    let is_token = |t: &str| {
        !t.is_empty()
            && t.len() <= 127
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let is_whole = media
        .trim_end()
        .split_once('/')
        .is_some_and(|(t, s)| is_token(t) && is_token(s));
    is_whole && params.len() <= 500 && params.bytes().all(|b| (b' '..=b'~').contains(&b))
}

pub(crate) fn addresses(name: &str, list: &[(Option<&str>, &Address)], out: &mut Vec<u8>) {
    if list.is_empty() {
        return;
    }
    let mut value = String::new();
    for (n, (display, address)) in list.iter().enumerate() {
        if n > 0 {
            value.push_str(", ");
        }
        match display.map(str::trim).filter(|d| !d.is_empty()) {
            Some(display) => {
                value.push_str(&phrase(display));
                value.push_str(" <");
                value.push_str(&address.to_string());
                value.push('>');
            }
            None => value.push_str(&address.to_string()),
        }
    }
    fold(name, &value, out);
}

/// A display name: atoms as they are, other ASCII quoted, all else in encoded words.
pub(super) fn phrase(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&b);
    let encoded = encode_word(name);
    if encoded != name || name.bytes().all(is_plain) {
        return encoded;
    }
    // A quoted string may be folded at its spaces, and must not lose one.
    if name.contains("  ") || name.len() > 200 {
        return encode_always(name);
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn body(mail: &Compose<'_>, out: &mut Vec<u8>) {
    let (inline, attached): (Vec<&AttachedFile<'_>>, Vec<&AttachedFile<'_>>) = mail
        .attachments
        .iter()
        .partition(|file| file.inline && file.content_id.is_some() && mail.html.is_some());
    let boundary = |n: u8| format!("=_{}_{n}", data_encoding::HEXLOWER.encode(&mail.seed));
    let (mixed, alternative, related) = (boundary(1), boundary(2), boundary(3));
    let is_mixed = !attached.is_empty();
    let is_alternative = mail.text.is_some() && mail.html.is_some();
    if is_mixed {
        open("mixed", &mixed, "", out);
        next(&mixed, out);
    }
    if is_alternative {
        open("alternative", &alternative, "", out);
        next(&alternative, out);
    }
    if let Some(text) = mail
        .text
        .or(if mail.html.is_none() { Some("") } else { None })
    {
        text_part("plain", text, out);
    }
    if let Some(html) = mail.html {
        if is_alternative {
            next(&alternative, out);
        }
        if !inline.is_empty() {
            open("related", &related, "; type=\"text/html\"", out);
            next(&related, out);
        }
        text_part("html", html, out);
        for file in &inline {
            next(&related, out);
            file_part(file, out);
        }
        if !inline.is_empty() {
            close(&related, out);
        }
    }
    if is_alternative {
        close(&alternative, out);
    }
    for file in &attached {
        next(&mixed, out);
        file_part(file, out);
    }
    if is_mixed {
        close(&mixed, out);
    }
}

fn open(kind: &str, boundary: &str, extra: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!("Content-Type: multipart/{kind}{extra};\r\n boundary=\"{boundary}\"\r\n\r\n")
            .as_bytes(),
    );
}

fn next(boundary: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
}

fn close(boundary: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
}

fn text_part(subtype: &str, text: &str, out: &mut Vec<u8>) {
    let lines = with_crlf(text);
    let longest = lines
        .split(|&b| b == b'\n')
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0);
    let is_plain = lines
        .iter()
        .all(|b| (b' '..=b'~').contains(b) || b"\r\n\t".contains(b));
    out.extend_from_slice(format!("Content-Type: text/{subtype}; charset=utf-8\r\n").as_bytes());
    // Relays still change "From " at the start of a line and spaces at the end; quoted-printable
    // protects both.
    let is_risky = lines
        .split(|&b| b == b'\n')
        .any(|l| l.starts_with(b"From ") || l.ends_with(b" \r") || l.ends_with(b" "));
    if is_plain && longest <= LINE_MAX + 1 && !is_risky {
        out.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
        out.extend_from_slice(&lines);
        return;
    }
    let escaped = lines
        .iter()
        .filter(|b| !(b' '..=b'~').contains(*b) && !b"\r\n\t".contains(b))
        .count();
    if escaped * 4 > lines.len() {
        out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
        encode_base64(&lines, out);
    } else {
        out.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        encode_quoted(&lines, out);
    }
}

/// Text with CRLF for every kind of line end, and one at its end.
fn with_crlf(text: &str) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 32 + 2);
    let bytes = text.as_bytes();
    for (at, &b) in bytes.iter().enumerate() {
        match b {
            b'\r' => lines.extend_from_slice(b"\r\n"),
            b'\n' if at.checked_sub(1).and_then(|i| bytes.get(i)) == Some(&b'\r') => {}
            b'\n' => lines.extend_from_slice(b"\r\n"),
            b => lines.push(b),
        }
    }
    if !lines.ends_with(b"\r\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

fn file_part(file: &AttachedFile<'_>, out: &mut Vec<u8>) {
    let lower = file.content_type.to_ascii_lowercase();
    // A message or a multipart may not be in base64 (RFC 2046 section 5.2.1): it is sent as it is,
    // or declared as octets.
    let is_composite = lower.starts_with("message/") || lower.starts_with("multipart/");
    let lines_fit = || {
        file.content
            .split(|&b| b == b'\n')
            .all(|line| line.len() <= 998)
    };
    let as_it_is =
        lower.starts_with("message/rfc822") && check_octets(file.content).is_ok() && lines_fit();
    let media = if is_composite && !as_it_is {
        "application/octet-stream"
    } else {
        file.content_type.trim()
    };
    let name = file_name(file.filename);
    let kind = if file.inline { "inline" } else { "attachment" };
    fold("Content-Type", media, out);
    out.extend_from_slice(format!("Content-Disposition: {kind}").as_bytes());
    if !name.is_empty() {
        param("filename", &name, out);
    }
    out.extend_from_slice(b"\r\n");
    if let Some(id) = file.content_id {
        fold("Content-ID", &format!("<{id}>"), out);
    }
    if as_it_is {
        let encoding = if file.content.is_ascii() {
            "7bit"
        } else {
            "8bit"
        };
        fold("Content-Transfer-Encoding", encoding, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(file.content);
        // The line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1).
        out.extend_from_slice(b"\r\n");
        return;
    }
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    encode_base64(file.content, out);
}

/// RFC 2045 section 6.7 rule 5.
const LINE_MAX: usize = 76;
