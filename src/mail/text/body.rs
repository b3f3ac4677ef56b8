//! The text and the HTML of a stored message.
//!
//! It works on the octets and their [`Digest`], so that every protocol shows the same parts; which
//! of them are text, `parts` says. The text of a message is its text/plain parts and the text of
//! its HTML, where no plain text stands beside it. The texts of attached messages follow, each
//! behind a line of its own. A mail with a body never has an empty text. Invisible characters are
//! left out and reported.

use std::borrow::Cow;

use super::choice::{Choices, Words};
use super::flowed;
use super::html;
use super::parts::{self, HTML_MAX, TextPart, TextUse, decoded_text};
use super::reply;
use crate::mail::digest::{Digest, Part};
use crate::mail::parse::{transfer, word};
use crate::mail::unicode::{self, Visibility, visibility};

/// A message as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextBody {
    /// Never empty for a mail with a body. Lines end with `\n`; it has at most [`TEXT_MAX`] octets.
    pub text: String,
    /// Where the texts of attached messages begin in `text`; its end if there are none.
    pub attached_at: usize,
    /// The HTML as sent, decoded. It is not safe to show without a sanitiser. It has at most
    /// [`HTML_MAX`] octets.
    pub html: Option<String>,
    /// The message has content that a reader does not see.
    pub hidden_content: bool,
    /// The text or the HTML was cut.
    pub truncated: bool,
}

/// The text and the HTML of a message.
pub fn text_of(raw: &[u8], digest: &Digest<'_>) -> TextBody {
    collect(raw, digest, TEXT_MAX, true)
}

/// The text without quoted history and signature. Attached messages are what the author hands on,
/// so all of their text stays.
pub fn extracted_of<'a>(subject: &str, body: &'a TextBody) -> Cow<'a, str> {
    let (own, attached) = body
        .text
        .split_at_checked(body.attached_at)
        .unwrap_or((&body.text, ""));
    let attached = attached.trim_matches('\n');
    if attached.is_empty() {
        return reply::extracted_text(subject, own);
    }
    if own.trim().is_empty() {
        return Cow::Borrowed(attached);
    }
    let own = reply::extracted_text(subject, own);
    Cow::Owned(format!("{}\n\n{attached}", own.trim_end()))
}

/// The beginning of the text, at most `bytes_max` octets, for previews and filters. It does not
/// read the HTML for display.
pub(crate) fn beginning_of(raw: &[u8], digest: &Digest<'_>, bytes_max: usize) -> TextBody {
    collect(raw, digest, bytes_max, false)
}

/// The text and the visible links of a page. The links of a message are [`super::links`].
pub(crate) fn page_of(html_text: &str) -> html::HtmlPage {
    html::read(html_text, TEXT_MAX)
}

/// The octets of a part without its transfer encoding. A multipart or message is returned as it is.
pub fn decode_part<'a>(raw: &'a [u8], part: &Part<'_>) -> Cow<'a, [u8]> {
    transfer::decode(part.encoding, raw.get(part.body.clone()).unwrap_or(b""))
}

fn collect(raw: &[u8], digest: &Digest<'_>, bytes_max: usize, wants_html: bool) -> TextBody {
    let parts = parts::text_parts(digest);
    let is_message = |text: &TextPart<'_>| text.use_of == TextUse::Message;
    let first_message = parts.iter().position(is_message).unwrap_or(parts.len());
    let (own, attached) = parts.split_at_checked(first_message).unwrap_or_default();
    let mut body = TextBuilder {
        found: TextBody::default(),
        bytes_max,
        last: None,
    };
    let mut pages_left = if wants_html {
        HTML_MAX
    } else {
        bytes_max.saturating_mul(3)
    };
    let pages = body.words(raw, own, &mut pages_left);
    body.found.attached_at = body.found.text.len();
    // An attached message and its parts, one after the other.
    for text in attached.chunk_by(|_, next| !is_message(next)) {
        let Some((message, words)) = text.split_first() else {
            continue;
        };
        if !body.found.text.is_empty() {
            body.plain("\n");
        }
        body.plain(&attached_line(&message.part));
        body.words(raw, words, &mut pages_left);
    }
    let mut found = body.found;
    let has_body = || {
        raw.get(digest.header_len() as usize..)
            .is_some_and(|b| !b.trim_ascii().is_empty())
    };
    if found.text.trim().is_empty() && has_body() {
        found.text = stand_in(digest);
        found.attached_at = found.text.len();
    }
    found.html =
        (wants_html && own.iter().any(|text| text.part.is("text", "html"))).then(|| pages.concat());
    found
}

/// The text of mail without words: the names of its attachments.
fn stand_in(digest: &Digest<'_>) -> String {
    let names = parts::attachment_names(digest, STAND_IN_MAX);
    if names.is_empty() {
        return "[no text]".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("[{name}]")).collect();
    names.join("\n")
}

/// The line above the text of an attached message.
fn attached_line(message: &Part<'_>) -> String {
    let envelope = message.envelope.unwrap_or_default();
    let from = envelope.from.mailboxes().next().map(|from| {
        let address = from.to_string();
        match from.name {
            Some(name) => format!("From: {name} <{address}>"),
            None => format!("From: {address}"),
        }
    });
    let date = envelope
        .date
        .map(|date| format!("Date: {}", word::decode(date)));
    let subject = Some(envelope.subject_text())
        .filter(|subject| !subject.is_empty())
        .map(|subject| format!("Subject: {subject}"));
    let fields: Vec<String> = [from, date, subject]
        .into_iter()
        .flatten()
        .map(|field| unicode::one_line(&field, ATTACHED_FIELD_MAX))
        .collect();
    match fields.is_empty() {
        true => "[Attached message]\n".to_owned(),
        false => format!("[Attached message: {}]\n", fields.join("; ")),
    }
}

struct TextBuilder {
    found: TextBody,
    bytes_max: usize,
    last: Option<char>,
}

impl TextBuilder {
    /// Appends the words of the parts of one message, and gives its HTML. All pages share one
    /// limit: a message of a hundred pages costs as much as one.
    fn words<'a>(
        &mut self,
        raw: &'a [u8],
        parts: &[TextPart<'_>],
        pages_left: &mut usize,
    ) -> Vec<Cow<'a, str>> {
        let mut pages = Vec::new();
        let mut room = self.bytes_max.saturating_sub(self.found.text.len());
        let mut read = Vec::with_capacity(parts.len());
        for TextPart { part, use_of } in parts {
            if *use_of == TextUse::Spare {
                continue;
            }
            if !part.is("text", "html") {
                let text = decoded_text(raw, part, room);
                self.found.truncated |= part.body.len() > room.saturating_mul(3);
                room = room.saturating_sub(text.len());
                read.push((*use_of, Words::Plain(flowed::unwrapped(part, text))));
                continue;
            }
            let mut source = decoded_text(raw, part, *pages_left);
            if source.len() > *pages_left {
                self.found.truncated = true;
                let cut = unicode::prefix(&source, *pages_left).len();
                source = match source {
                    Cow::Borrowed(text) => Cow::Borrowed(text.get(..cut).unwrap_or("")),
                    Cow::Owned(mut text) => {
                        text.truncate(cut);
                        Cow::Owned(text)
                    }
                };
            }
            *pages_left = pages_left.saturating_sub(source.len());
            let page = html::read(&source, self.bytes_max);
            self.found.hidden_content |= page.hidden_content;
            read.push((*use_of, Words::Page(page)));
            pages.push(source);
        }
        let start = self.found.text.len();
        let choices = Choices::of(&read);
        for (use_of, words) in &read {
            if choices.shows(*use_of) {
                self.plain(match words {
                    Words::Plain(text) => text,
                    Words::Page(page) => &page.text,
                });
            }
        }
        let is_empty = |text: &str| text.get(start..).is_none_or(|new| new.trim().is_empty());
        if is_empty(&self.found.text) {
            self.found.text.truncate(start);
            for text in parts.iter().filter(|text| text.use_of == TextUse::Spare) {
                let room = self.bytes_max.saturating_sub(self.found.text.len());
                self.plain(&decoded_text(raw, &text.part, room));
            }
        }
        pages
    }

    /// Appends text without its invisible characters, with `\n` for every kind of line end.
    fn plain(&mut self, text: &str) {
        let out = &mut self.found.text;
        if text.is_empty() {
            return;
        }
        if !out.is_empty() && !out.ends_with('\n') && out.len() < self.bytes_max {
            out.push('\n');
        }
        let mut rest = text;
        while !rest.is_empty() {
            let Some(room) = self
                .bytes_max
                .checked_sub(out.len())
                .filter(|room| *room > 0)
            else {
                self.found.truncated = true;
                return;
            };
            let plain = plain_run(rest.as_bytes());
            let (run, tail) = rest.split_at_checked(plain.min(room)).unwrap_or((rest, ""));
            out.push_str(run);
            self.last = run.chars().next_back().or(self.last);
            rest = tail;
            let Some(c) = rest.chars().next().filter(|_| plain < room) else {
                continue;
            };
            if c.len_utf8() > room.saturating_sub(plain) {
                self.found.truncated = true;
                return;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            if c == '\r' {
                // A bare CR ends a line too, but CRLF ends only one.
                if !rest.starts_with('\n') {
                    out.push('\n');
                }
                continue;
            }
            match visibility(self.last, c) {
                Visibility::Keep => out.push(c),
                Visibility::Hide => self.found.hidden_content = true,
                Visibility::Drop => {}
            }
            self.last = Some(c);
        }
    }
}

/// How many octets at the start are plain ASCII and line feeds. The compiler turns the test of a
/// whole window into wide comparisons; only a window with another octet is searched for it.
fn plain_run(bytes: &[u8]) -> usize {
    let is_plain = |b: &u8| (b' '..=b'~').contains(b) || *b == b'\n' || *b == b'\t';
    if !bytes.first().is_some_and(is_plain) {
        return 0;
    }
    let window = bytes.get(..PLAIN_RUN).unwrap_or(bytes);
    let line = memchr::memchr(b'\r', window).unwrap_or(window.len());
    let line = window.get(..line).unwrap_or(window);
    if line.iter().fold(true, |all, b| all & is_plain(b)) {
        return line.len();
    }
    line.iter().position(|b| !is_plain(b)).unwrap_or(line.len())
}

/// Octets of one step. A small window keeps the octets before a character that is not plain from
/// being read twice many times.
const PLAIN_RUN: usize = 256;
/// The most text in one response of the API.
pub(crate) const TEXT_MAX: usize = 1 << 20;
/// Characters of a field in the line above an attached message.
const ATTACHED_FIELD_MAX: usize = 200;
/// Names that stand in for a text.
const STAND_IN_MAX: usize = 10;
