//! The text and the HTML of a stored message.
//!
//! It works on the octets and their [`Digest`], so that every protocol shows the same parts; which
//! of them are text, `parts` says. The text of a message is its text/plain parts and the text of
//! its HTML, where no plain text stands beside it. The texts of attached messages follow, each
//! behind a line of its own. A mail with a body never has an empty text. Invisible characters are
//! left out and reported.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::choice::{Choices, Words};
use super::flowed;
use super::html::{self, Addresses, HtmlPage, PageLink};
use super::parts::{self, HTML_MAX, TextPart, TextUse, decoded_text};
use super::reply;
use super::unseen::{UnseenText, append};
use crate::mail::Bounds;
use crate::mail::digest::{Digest, DigestEnvelope, Part, digest_of};
use crate::mail::parse::mime::PartKind;
use crate::mail::parse::{transfer, word};
use crate::mail::unicode::{self, Visibility, visibility};
use crate::pace;

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
    /// The visible links of its HTML, in order.
    pub links: Vec<PageLink>,
    /// The message has text of substance that a person does not see.
    pub hidden_content: bool,
    /// The text or the HTML was cut.
    pub truncated: bool,
    /// A page was read. Without one the text is its own Markdown.
    pub has_pages: bool,
}

/// The text and the HTML of a message.
pub fn text_of(raw: &[u8], digest: &Digest<'_>) -> TextBody {
    collect(raw, digest, TEXT_MAX, BodyForm::Whole)
}

/// The text as Markdown, with the same bound: its HTML where it has words, else its plain text as
/// it stands. Whether it was cut.
pub fn markdown_of(raw: &[u8], digest: &Digest<'_>) -> (String, bool) {
    let body = collect(raw, digest, TEXT_MAX, BodyForm::Markdown);
    (body.text, body.truncated)
}

/// The text alone, as [`text_of`] gives it.
pub(crate) fn shown_text(raw: &[u8], digest: &Digest<'_>) -> String {
    text_of(raw, digest).text
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
/// read the HTML for display, and names no addresses of links.
pub(crate) fn beginning_of(raw: &[u8], digest: &Digest<'_>, bytes_max: usize) -> TextBody {
    collect(raw, digest, bytes_max, BodyForm::Beginning)
}

/// What a filter reads beside the text that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApartText {
    /// What no one sees.
    pub unseen: UnseenText,
    /// The form of the text that is not shown: plain text, or the text of a page.
    pub alternative: String,
    /// The end of a text that was cut.
    pub tail: String,
}

/// The beginning of the text as [`text_of`] gives it, without the HTML, and what is read beside it.
/// Both have bounds, so that the cost does not grow with the message.
pub(crate) fn apart_of(raw: &[u8], digest: &Digest<'_>) -> (TextBody, ApartText) {
    let (body, apart) = collect_apart(raw, digest, APART_MAX, BodyForm::Apart);
    let mut apart = apart.unwrap_or_default();
    if body.truncated {
        let (parts, _) = parts::text_parts(raw, digest);
        let last = own_and_attached(&parts).0.last();
        apart.tail = last.map_or_else(String::new, |last| tail_of(raw, &last.part));
    }
    (body, apart)
}

/// The text of the last octets of a part, from the beginning of a line on.
fn tail_of(raw: &[u8], part: &Part<'_>) -> String {
    let mut end = part.clone();
    let from = end.body.end.saturating_sub(TAIL_MAX).max(end.body.start);
    let octets = raw.get(from..end.body.end).unwrap_or_default();
    let line = memchr::memchr(b'\n', octets).map_or(0, |at| at + 1);
    end.body.start = from + line;
    let text = decoded_text(raw, &end, TAIL_MAX);
    match part.is("text", "html") {
        true => html::read(&text, TAIL_MAX, Addresses::Omitted).text,
        false => unicode::prefix(&text, TAIL_MAX).to_owned(),
    }
}

/// The octets of a part without its transfer encoding. A multipart or message is returned as it is.
pub fn decode_part<'a>(raw: &'a [u8], part: &Part<'_>) -> Cow<'a, [u8]> {
    transfer::decode(part.encoding, raw.get(part.body.clone()).unwrap_or(b""))
}

fn collect(raw: &[u8], digest: &Digest<'_>, bytes_max: usize, form: BodyForm) -> TextBody {
    collect_apart(raw, digest, bytes_max, form).0
}

fn collect_apart(
    raw: &[u8],
    digest: &Digest<'_>,
    bytes_max: usize,
    form: BodyForm,
) -> (TextBody, Option<ApartText>) {
    let (parts, is_cut) = parts::text_parts(raw, digest);
    let (own, attached) = own_and_attached(&parts);
    let mut body = TextBuilder {
        found: TextBody {
            truncated: is_cut,
            ..TextBody::default()
        },
        bytes_max,
        form,
        last: None,
        apart: (form == BodyForm::Apart).then(ApartText::default),
        source_left: match form {
            BodyForm::Whole | BodyForm::Markdown => HTML_MAX,
            BodyForm::Apart => APART_SOURCE_MAX,
            BodyForm::Beginning => bytes_max.saturating_mul(3),
        },
    };
    let pages = body.words(raw, own);
    body.found.attached_at = body.found.text.len();
    let mut encoded = VecDeque::new();
    body.attached(raw, attached, &mut encoded);
    for _ in 0..ENCODED_MAX {
        let Some(octets) = encoded.pop_front() else {
            break;
        };
        body.encoded(&octets, &mut encoded);
    }
    body.found.truncated |= !encoded.is_empty();
    let mut found = body.found;
    let has_body = || {
        raw.get(digest.header_len() as usize..)
            .is_some_and(|b| !b.trim_ascii().is_empty())
    };
    if found.text.trim().is_empty() && has_body() {
        found.text = stand_in(digest);
        found.attached_at = found.text.len();
    }
    found.html = (form == BodyForm::Whole && !pages.is_empty()).then(|| joined(pages));
    (found, body.apart)
}

/// The text parts of a message, and the messages attached to it with theirs.
fn own_and_attached<'p, 'a>(parts: &'p [TextPart<'a>]) -> (&'p [TextPart<'a>], &'p [TextPart<'a>]) {
    let is_message = |text: &TextPart<'_>| text.use_of == TextUse::Message;
    let first = parts.iter().position(is_message).unwrap_or(parts.len());
    parts.split_at_checked(first).unwrap_or_default()
}

/// One text of all pages. A page alone, which may be large, is not copied.
fn joined(mut pages: Vec<Cow<'_, str>>) -> String {
    match pages.len() {
        1 => pages.pop().unwrap_or_default().into_owned(),
        _ => pages.concat(),
    }
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
fn attached_line(envelope: &DigestEnvelope<'_>) -> String {
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

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyForm {
    /// For a reader, with the HTML beside it.
    Whole,
    /// The first words: no addresses of links, no HTML.
    Beginning,
    /// As Markdown, without the HTML.
    Markdown,
    /// For a filter, without the HTML.
    Apart,
}

impl BodyForm {
    /// Reads a page.
    fn read(self, html: &str, bytes_max: usize) -> HtmlPage {
        match self {
            BodyForm::Whole | BodyForm::Apart => html::read(html, bytes_max, Addresses::Shown),
            BodyForm::Beginning => html::read(html, bytes_max, Addresses::Omitted),
            BodyForm::Markdown => html::read_markdown(html, bytes_max),
        }
    }
}

struct TextBuilder {
    found: TextBody,
    bytes_max: usize,
    form: BodyForm,
    last: Option<char>,
    /// What a filter reads beside it, if one asks.
    apart: Option<ApartText>,
    /// Octets of HTML and of encoded messages that may still be read. All share one limit: a
    /// message of a hundred pages costs as much as one.
    source_left: usize,
}

impl TextBuilder {
    /// Appends the texts of attached messages, each behind its line. Those that are encoded are
    /// left for later.
    fn attached(&mut self, raw: &[u8], parts: &[TextPart<'_>], encoded: &mut VecDeque<Vec<u8>>) {
        // A message and its parts, one after the other.
        for text in parts.chunk_by(|_, next| next.use_of != TextUse::Message) {
            let Some((TextPart { part, .. }, words)) = text.split_first() else {
                continue;
            };
            if part.kind == PartKind::Leaf {
                let body = raw.get(part.body.clone()).unwrap_or_default();
                let taken = body.get(..self.source_left).unwrap_or(body);
                self.found.truncated |= taken.len() < body.len();
                self.source_left -= taken.len();
                encoded.push_back(transfer::decode(part.encoding, taken).into_owned());
                continue;
            }
            self.attached_line(&part.envelope.unwrap_or_default());
            self.words(raw, words);
        }
    }

    /// Appends the text of an attached message that was encoded.
    fn encoded(&mut self, octets: &[u8], encoded: &mut VecDeque<Vec<u8>>) {
        let bounds = Bounds {
            received_hops: usize::MAX,
            ..Bounds::default()
        };
        let Ok(blob) = digest_of(octets, &bounds) else {
            return;
        };
        let Some(digest) = Digest::open(&blob) else {
            return;
        };
        let (parts, is_cut) = parts::text_parts(octets, &digest);
        self.found.truncated |= is_cut;
        let (own, attached) = own_and_attached(&parts);
        self.attached_line(&digest.envelope());
        self.words(octets, own);
        self.attached(octets, attached, encoded);
    }

    fn attached_line(&mut self, envelope: &DigestEnvelope<'_>) {
        if !self.found.text.is_empty() {
            self.plain("\n");
        }
        self.plain(&attached_line(envelope));
    }

    /// Appends the words of the parts of one message, and gives its HTML.
    fn words<'a>(&mut self, raw: &'a [u8], parts: &[TextPart<'_>]) -> Vec<Cow<'a, str>> {
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
                if let Some(apart) = &mut self.apart {
                    apart.unseen.read_invisible(&text);
                }
                read.push((*use_of, Words::Plain(flowed::unwrapped(part, text))));
                continue;
            }
            let mut source = decoded_text(raw, part, self.source_left);
            if source.len() > self.source_left {
                self.found.truncated = true;
                let cut = unicode::prefix(&source, self.source_left).len();
                source = match source {
                    Cow::Borrowed(text) => Cow::Borrowed(text.get(..cut).unwrap_or("")),
                    Cow::Owned(mut text) => {
                        text.truncate(cut);
                        Cow::Owned(text)
                    }
                };
            }
            self.source_left = self.source_left.saturating_sub(source.len());
            self.found.has_pages = true;
            let mut page = self.read_page(&source);
            self.found.hidden_content |= page.hidden_content;
            self.found.links.append(&mut page.links);
            read.push((*use_of, Words::Page(page)));
            pages.push(source);
        }
        let start = self.found.text.len();
        let choices = match self.form {
            BodyForm::Markdown => Choices::of_pages(&read),
            BodyForm::Whole | BodyForm::Beginning | BodyForm::Apart => Choices::of(&read),
        };
        for (use_of, words) in read {
            let text = match &words {
                Words::Plain(text) => text,
                Words::Page(page) => page.text.as_str(),
            };
            if choices.shows(use_of) {
                self.plain(text);
            } else if let Some(apart) = &mut self.apart {
                append(&mut apart.alternative, text, APART_MAX);
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
        if is_empty(&self.found.text) {
            self.found.text.truncate(start);
            for TextPart { part, .. } in parts {
                let Some(part) = parts::unseparated(raw, part) else {
                    continue;
                };
                let room = self.bytes_max.saturating_sub(self.found.text.len());
                let text = decoded_text(raw, &part, room);
                if part.is("text", "html") {
                    self.found.has_pages = true;
                    self.plain(&self.form.read(&text, room).text);
                } else {
                    self.plain(&text);
                }
            }
        }
        pages
    }

    /// Reads a page, and what is not seen of it if a filter asks.
    fn read_page(&mut self, source: &str) -> HtmlPage {
        let Some(apart) = &mut self.apart else {
            return self.form.read(source, self.bytes_max);
        };
        let (page, unseen) = html::read_apart(source, self.bytes_max);
        apart.unseen.add(&unseen);
        page
    }

    /// Appends text without its invisible characters, with `\n` for every kind of line end.
    fn plain(&mut self, text: &str) {
        let out = &mut self.found.text;
        if text.is_empty() {
            return;
        }
        if out.is_empty() {
            // No more than the text: it may be a megabyte, and have come from a third of that.
            out.reserve_exact(text.len().min(self.bytes_max));
        }
        if !out.is_empty() && !out.ends_with('\n') && out.len() < self.bytes_max {
            out.push('\n');
        }
        let mut rest = text;
        while !rest.is_empty() {
            let Some(room) = self
                .bytes_max
                .checked_sub(self.found.text.len())
                .filter(|room| *room > 0)
            else {
                self.found.truncated = true;
                return;
            };
            let lines = self.plain_lines(rest, room);
            if lines > 0 {
                rest = rest.get(lines..).unwrap_or("");
                continue;
            }
            let out = &mut self.found.text;
            let plain = plain_run(rest.as_bytes());
            pace::spend(plain / 4 + CHAR_WORK);
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

impl TextBuilder {
    /// Appends the beginning of a text while it is plain ASCII in lines that end with LF or CRLF,
    /// as most of most mail is. How many of its octets that were; it fits.
    fn plain_lines(&mut self, text: &str, room: usize) -> usize {
        let octets = text.as_bytes();
        let (blocks, _) = octets.get(..room).unwrap_or(octets).as_chunks::<BLOCK>();
        let is_plain = |b: &u8| (b' '..=b'~').contains(b) | matches!(b, b'\n' | b'\t' | b'\r');
        let found = &mut self.found.text;
        let all_plain = |block: &&[u8; BLOCK]| block.iter().fold(true, |all, b| all & is_plain(b));
        let plain = blocks.iter().take(BLOCKS_MAX).take_while(all_plain);
        let (mut begin, mut end) = (0, plain.count() * BLOCK);
        for at in memchr::memchr_iter(b'\r', octets.get(..end).unwrap_or_default()) {
            if octets.get(at + 1) != Some(&b'\n') {
                end = at;
                break;
            }
            found.push_str(text.get(begin..at).unwrap_or(""));
            begin = at + 1;
        }
        found.push_str(text.get(begin..end).unwrap_or(""));
        if end > 0 {
            pace::spend(end / 4 + CHAR_WORK);
            let last = octets.get(..end).unwrap_or_default().iter();
            let last = last.rev().find(|b| **b != b'\r');
            self.last = last.map(|b| char::from(*b)).or(self.last);
        }
        end
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
/// Octets that are tested at once, and blocks of them in one step. A bare carriage return ends a
/// step, and what was tested behind it is tested again: so a step is short.
const BLOCK: usize = 64;
const BLOCKS_MAX: usize = 8;
/// Nanoseconds of a character that is no plain ASCII.
const CHAR_WORK: usize = 12;
/// The most text in one response of the API.
pub(crate) const TEXT_MAX: usize = 1 << 20;
/// Octets of text that a filter reads, of the HTML that it comes from, and of the end of a text
/// that is longer. Newsletters have up to 100 KiB of HTML.
const APART_MAX: usize = 32 * 1024;
const APART_SOURCE_MAX: usize = 96 * 1024;
const TAIL_MAX: usize = 8 * 1024;
/// Characters of a field in the line above an attached message.
const ATTACHED_FIELD_MAX: usize = 200;
/// Encoded messages of one message that are read, those within others included.
const ENCODED_MAX: usize = 100;
/// Names that stand in for a text.
const STAND_IN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn by_characters(text: &str, bytes_max: usize) -> String {
        let (mut out, mut last) = (String::new(), None);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c.len_utf8() > bytes_max - out.len() {
                break;
            }
            if c == '\r' {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
                continue;
            }
            if visibility(last, c) == Visibility::Keep {
                out.push(c);
            }
            last = Some(c);
        }
        out
    }

    /// Blocks of plain lines are appended at once; the text is the same as octet by octet.
    #[test]
    fn blocks_of_lines_are_the_text_that_characters_make() {
        let pieces = [
            "a",
            " ",
            "some words of a line",
            "\r\n",
            "\n",
            "\r",
            "\t",
            "\u{e9}",
            "\u{200b}",
            "\r\r\n",
            "\u{1}",
            "e\u{301}",
            "- ",
            "\u{ad}",
        ];
        let mut seed = 7_u64;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % n
        };
        for round in 0..3_000 {
            // From lines alone to anything.
            let kinds = 2 + round % (pieces.len() - 1);
            let text: String = (0..next(120)).map(|_| pieces[next(kinds)]).collect();
            for bytes_max in [usize::MAX, 1 + next(300), 64, 128] {
                let mut body = TextBuilder {
                    found: TextBody::default(),
                    bytes_max,
                    form: BodyForm::Beginning,
                    last: None,
                    apart: None,
                    source_left: 0,
                };
                body.plain(&text);
                let expected = by_characters(&text, bytes_max);
                assert_eq!(body.found.text, expected, "{text:?} {bytes_max}");
            }
        }
    }
}
