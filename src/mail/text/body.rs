//! The text, the HTML and the attachments of a stored message.
//!
//! It works on the octets and their [`Digest`], so that every protocol shows the same parts. The
//! text of a message is its inline text/plain parts and, if an alternative has none, the text of
//! its HTML. A mail with a body never has an empty text. Invisible characters are left out and
//! reported.

use std::borrow::Cow;

use super::html;
use crate::mail::digest::{Digest, Part, PartStep, Walk};
use crate::mail::parse::mime::PartKind;
use crate::mail::parse::{charset, param, transfer};
use crate::mail::unicode::{self, Visibility, file_name, visibility};

/// A message as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextBody {
    /// Never empty for a mail with a body. Lines end with `\n`; it has at most [`TEXT_MAX`] octets.
    pub text: String,
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

/// The beginning of the text, at most `bytes_max` octets, for previews and filters. It does not
/// read the HTML for display.
pub(crate) fn beginning_of(raw: &[u8], digest: &Digest<'_>, bytes_max: usize) -> TextBody {
    collect(raw, digest, bytes_max, false)
}

/// The text and the visible links of a page. The links of a message are [`super::links`].
pub(crate) fn page_of(html_text: &str) -> html::HtmlPage {
    html::read(html_text, TEXT_MAX)
}

/// An attachment as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Position in the list, from 0.
    pub index: usize,
    /// Index of its part in the digest, for [`Digest::part`].
    pub part: usize,
    /// Section number in IMAP.
    pub section: Vec<u32>,
    /// Decoded, without folders and controls; made up if the sender gives none.
    pub filename: String,
    /// `type/subtype` in lower case.
    pub content_type: String,
    /// Octets once decoded; exact for well-formed base64.
    pub size: u32,
    /// Shown inside the text and not beside it.
    pub inline: bool,
    /// Without its brackets.
    pub content_id: Option<String>,
}

/// The attachments, in the order of the message. An attached message is one attachment with
/// everything inside it.
pub fn attachments(digest: &Digest<'_>) -> impl Iterator<Item = Attachment> {
    let mut walk = AttachmentWalk {
        walk: digest.walk(),
        within: None,
    };
    let mut index = 0;
    std::iter::from_fn(move || {
        loop {
            let part = walk.next()?;
            if is_attachment(&part) {
                let found = describe(index, &part, walk.walk.path().to_vec());
                index += 1;
                return Some(found);
            }
        }
    })
}

/// Whether the message has an attachment other than decoration of the text, signatures and delivery
/// reports.
pub(crate) fn has_attachments(digest: &Digest<'_>) -> bool {
    let mut walk = AttachmentWalk {
        walk: digest.walk(),
        within: None,
    };
    std::iter::from_fn(|| walk.next()).any(|part| {
        is_attachment(&part)
            && !is_inline(&part)
            && !part.is("application", "pgp-signature")
            && !part.is("application", "pkcs7-signature")
            && !part.is("application", "x-pkcs7-signature")
            && !part.is("message", "delivery-status")
            && !part.is("message", "disposition-notification")
            && !part.is("text", "rfc822-headers")
    })
}

/// The octets of a part without its transfer encoding. A multipart or message is returned as it is.
pub fn decode_part<'a>(raw: &'a [u8], part: &Part<'_>) -> Cow<'a, [u8]> {
    transfer::decode(part.encoding, raw.get(part.body.clone()).unwrap_or(b""))
}

/// The file name that the sender gives, cleaned.
pub(crate) fn filename_of(part: &Part<'_>) -> Option<String> {
    let disposition = part
        .disposition
        .map(|(_, params)| params)
        .unwrap_or_default();
    let given =
        param::decoded(disposition, "filename").or_else(|| param::decoded(part.params, "name"))?;
    Some(file_name(&given)).filter(|name| !name.is_empty())
}

/// A walk over leaves and attached messages that skips the parts inside attached messages.
struct AttachmentWalk<'a> {
    walk: Walk<'a>,
    /// The attached message whose parts are skipped.
    within: Option<usize>,
}

impl<'a> AttachmentWalk<'a> {
    fn next(&mut self) -> Option<Part<'a>> {
        loop {
            match self.walk.next()? {
                PartStep::Close(part) if self.within == Some(part.index) => self.within = None,
                _ if self.within.is_some() => {}
                PartStep::Open(part) if part.kind == PartKind::Message => {
                    self.within = Some(part.index);
                    return Some(part);
                }
                PartStep::Leaf(part) => return Some(part),
                PartStep::Open(_) | PartStep::Close(_) => {}
            }
        }
    }
}

fn describe(index: usize, part: &Part<'_>, section: Vec<u32>) -> Attachment {
    let content_type = format!(
        "{}/{}",
        String::from_utf8_lossy(part.media),
        String::from_utf8_lossy(part.subtype)
    );
    let filename = filename_of(part).unwrap_or_else(|| {
        let ending = match content_type.to_ascii_lowercase().as_str() {
            "message/rfc822" => ".eml",
            "text/calendar" => ".ics",
            "text/html" => ".html",
            "text/plain" => ".txt",
            "image/jpeg" => ".jpg",
            "image/png" => ".png",
            "image/gif" => ".gif",
            "application/pdf" => ".pdf",
            _ => "",
        };
        format!("attachment-{}{ending}", index + 1)
    });
    let id = part.id.map(|id| {
        String::from_utf8_lossy(id)
            .trim_matches(['<', '>', ' '])
            .to_owned()
    });
    Attachment {
        index,
        part: part.index,
        section,
        filename,
        content_type: unicode::one_line(&content_type, CONTENT_TYPE_MAX).to_ascii_lowercase(),
        size: part.decoded_bytes,
        inline: is_inline(part),
        content_id: id
            .map(|id| unicode::one_line(&id, CONTENT_ID_MAX))
            .filter(|id| !id.is_empty()),
    }
}

fn is_disposed(part: &Part<'_>, name: &str) -> bool {
    part.disposition
        .is_some_and(|(disposition, _)| disposition.eq_ignore_ascii_case(name.as_bytes()))
}

fn is_inline(part: &Part<'_>) -> bool {
    !is_disposed(part, "attachment") && (part.id.is_some() || is_disposed(part, "inline"))
}

fn is_body_text(part: &Part<'_>) -> bool {
    let is_named = part.disposition.is_some_and(|(_, mut params)| {
        params.any(|(name, _)| {
            name.get(..8)
                .is_some_and(|n| n.eq_ignore_ascii_case(b"filename"))
        })
    });
    let is_text = part.is_media("text") && (part.is("text", "plain") || part.is("text", "html"));
    part.kind == PartKind::Leaf && is_text && !is_disposed(part, "attachment") && !is_named
}

/// A message that consists of one text of another kind (text/csv, say) is shown and has no
/// attachment.
fn is_attachment(part: &Part<'_>) -> bool {
    let is_shown = is_body_text(part) || (part.index == 0 && part.is_media("text"));
    !is_shown
}

fn collect(raw: &[u8], digest: &Digest<'_>, bytes_max: usize, wants_html: bool) -> TextBody {
    let mut parts = body_parts(digest, false);
    if parts.is_empty() {
        // The message is only an attached message: its text is the text of that message.
        parts = body_parts(digest, true);
    }
    let mut body = TextBuilder {
        found: TextBody::default(),
        bytes_max,
        last: None,
    };
    let source_max = if wants_html {
        HTML_MAX
    } else {
        bytes_max.saturating_mul(3)
    };
    let mut pages = String::new();
    for (part, is_shown) in &parts {
        let is_html = part.is("text", "html");
        if !is_html {
            let room = bytes_max.saturating_sub(body.found.text.len());
            body.found.truncated |= room == 0;
            body.plain(&decoded_text(raw, part, room));
            continue;
        }
        // All pages share one limit: a message of a hundred pages costs as much as one.
        let room = source_max.saturating_sub(pages.len());
        let source = decoded_text(raw, part, room);
        body.found.truncated |= source.len() > room;
        let source = unicode::prefix(&source, room);
        let page = html::read(source, bytes_max);
        body.found.hidden_content |= page.hidden_content;
        if *is_shown {
            body.plain(&page.text);
        }
        pages.push_str(source);
    }
    let mut found = body.found;
    if found.text.trim().is_empty() {
        found.text = html::read(&pages, bytes_max).text;
    }
    let has_body = || {
        raw.get(digest.header_len() as usize..)
            .is_some_and(|b| !b.trim_ascii().is_empty())
    };
    if found.text.trim().is_empty() && has_body() {
        found.text = stand_in(digest);
    }
    found.html =
        (wants_html && parts.iter().any(|(part, _)| part.is("text", "html"))).then_some(pages);
    found
}

/// The text of mail without words: the names of its attachments.
fn stand_in(digest: &Digest<'_>) -> String {
    let names: Vec<String> = attachments(digest)
        .take(STAND_IN_MAX)
        .map(|a| format!("[{}]", a.filename))
        .collect();
    if names.is_empty() {
        "[no text]".to_owned()
    } else {
        names.join("\n")
    }
}

/// The text parts in order, each with whether it is shown. HTML is not shown if its alternative has
/// plain text.
fn body_parts<'a>(digest: &Digest<'a>, with_messages: bool) -> Vec<(Part<'a>, bool)> {
    let mut parts = Vec::new();
    // For each open part, whether plain text replaces HTML.
    let mut has_plain: Vec<bool> = Vec::new();
    let mut within = None;
    for step in digest.walk() {
        match step {
            PartStep::Close(part) if within == Some(part.index) => within = None,
            _ if within.is_some() => {}
            PartStep::Open(part)
                if part.kind == PartKind::Message && part.index > 0 && !with_messages =>
            {
                within = Some(part.index);
            }
            PartStep::Open(part) => {
                let above = has_plain.last().copied().unwrap_or(false);
                let is_message = part.kind == PartKind::Message;
                let here =
                    part.is("multipart", "alternative") && (above || offers_plain(digest, &part));
                has_plain.push(!is_message && (above || here));
            }
            PartStep::Close(_) => drop(has_plain.pop()),
            PartStep::Leaf(part)
                if is_body_text(&part) || (part.index == 0 && part.is_media("text")) =>
            {
                let is_shown =
                    !(part.is("text", "html") && has_plain.last().copied().unwrap_or(false));
                parts.push((part, is_shown));
                if parts.len() >= TEXT_PARTS_MAX {
                    break;
                }
            }
            PartStep::Leaf(_) => {}
        }
    }
    parts
}

fn offers_plain(digest: &Digest<'_>, alternative: &Part<'_>) -> bool {
    let mut index = alternative.index + 1;
    while index < alternative.subtree_end {
        let Some(part) = digest.part(index) else {
            return false;
        };
        if part.kind == PartKind::Message {
            index = part.subtree_end;
            continue;
        }
        if is_body_text(&part) && part.is("text", "plain") && !part.body.is_empty() {
            return true;
        }
        index += 1;
    }
    false
}

/// A text part decoded, about `bytes_max` octets of it.
pub(super) fn decoded_text<'a>(raw: &'a [u8], part: &Part<'_>, bytes_max: usize) -> Cow<'a, str> {
    let body = raw.get(part.body.clone()).unwrap_or(b"");
    // Base64 has four octets for three, quoted-printable three for one at worst.
    let body = body.get(..bytes_max.saturating_mul(3)).unwrap_or(body);
    let charset = part.param("charset");
    match transfer::decode(part.encoding, body) {
        Cow::Borrowed(octets) => charset::decode(charset, octets),
        Cow::Owned(octets) => Cow::Owned(match charset::decode(charset, &octets) {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => text.to_owned(),
        }),
    }
}

struct TextBuilder {
    found: TextBody,
    bytes_max: usize,
    last: Option<char>,
}

impl TextBuilder {
    /// Appends text without its invisible characters, with `\n` for every kind of line end.
    fn plain(&mut self, text: &str) {
        let out = &mut self.found.text;
        if !out.is_empty() && !out.ends_with('\n') {
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
/// HTML of newsletters stays below 200 KiB, and clients cut far earlier.
pub(crate) const HTML_MAX: usize = 4 << 20;
/// Text parts of one message that are read.
const TEXT_PARTS_MAX: usize = 100;
const CONTENT_TYPE_MAX: usize = 200;
const CONTENT_ID_MAX: usize = 998;
/// Names that stand in for a text.
const STAND_IN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::mail::Bounds;
    use crate::mail::digest::analyse;

    fn body(raw: &str) -> TextBody {
        let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
        text_of(raw.as_bytes(), &Digest::open(&analysis.digest).unwrap())
    }

    const ALT: &str = "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\n%1\n--a\nContent-Type: text/html\n\n%2\n--a--\n";

    #[test]
    fn the_text_is_what_a_reader_sees() {
        let alt = |plain: &str, html: &str| ALT.replace("%1", plain).replace("%2", html);
        for (raw, text, html, hidden) in [
            ("\nhello\r\nyou\r\n".to_owned(), "hello\nyou\n", None, false),
            ("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nJ=F6rg".to_owned(), "Jörg", None, false),
            ("Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+aGk8L2I+".to_owned(), "hi", Some("<b>hi</b>"), false),
            (alt("plain", "<b>html</b>"), "plain", Some("<b>html</b>"), false),
            (alt("", "<b>html</b>"), "html", Some("<b>html</b>"), false),
            (alt(" \n ", "<p>html"), "html", Some("<p>html"), false),
            (alt("plain", "x<i hidden>evil</i>"), "plain", Some("x<i hidden>evil</i>"), true),
            ("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<b>body</b>\n--m\n\nfooter\n--m--".to_owned(), "body\nfooter", Some("<b>body</b>"), false),
            (format!("Content-Type: multipart/mixed; boundary=m\n\n--m\n{}--m\n\nfooter\n--m--", alt("plain", "<b>html</b>")), "plain\nfooter", Some("<b>html</b>"), false),
            ("Content-Type: application/pdf; name=x.pdf\n\n%PDF".to_owned(), "[x.pdf]", None, false),
            ("Content-Type: text/html\n\n<img src=x>".to_owned(), "[no text]", Some("<img src=x>"), false),
            ("Content-Type: message/rfc822\n\nSubject: x\n\ninner".to_owned(), "inner", None, false),
            ("Subject: x\n\n".to_owned(), "", None, false),
            ("\na\u{200b}b\u{e0041}c \u{1b}[31m".to_owned(), "abc [31m", None, true),
            ("Content-Type: text/csv\n\na,b".to_owned(), "a,b", None, false),
        ] {
            let found = body(&raw);
            assert_eq!((found.text.as_str(), found.html.as_deref(), found.hidden_content), (text, html, hidden), "{raw}");
        }
    }

    #[test]
    fn attachments_are_listed_once_and_cleaned() {
        let raw = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\ntext\r\n--m\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n\
            Content-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\naGVs\r\nbG8=\r\n--m\r\nContent-Type: application/pdf; name=ignored\r\n\
            Content-Disposition: attachment; filename*=utf-8''..%2F..%2FJ%C3%B6rg%00.pdf\r\n\r\nx\r\n--m\r\nContent-Type: message/rfc822\r\n\r\n\
            Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\nContent-Disposition: attachment; filename=inner\r\n\r\nx\r\n--n--\r\n--m\r\n\
            Content-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a\"\r\n\r\nnotes\r\n--m--\r\n";
        let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
        let digest = Digest::open(&analysis.digest).unwrap();
        let shown: Vec<String> = attachments(&digest)
            .map(|a| {
                format!(
                    "{} {:?} {} {} {} {} {:?}",
                    a.index, a.section, a.filename, a.content_type, a.size, a.inline, a.content_id
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "0 [2] attachment-1.png image/png 5 true Some(\"logo\")",
                "1 [3] Jörg.pdf application/pdf 1 false None",
                "2 [4] attachment-3.eml message/rfc822 109 false None",
                "3 [5] a text/plain 5 false None",
            ]
        );
        assert!(analysis.has_attachments && digest.has_attachments());
        let png = digest.section(&[2]).unwrap();
        assert_eq!(&*decode_part(raw.as_bytes(), &png), b"hello");
        assert_eq!(text_of(raw.as_bytes(), &digest).text, "text");
    }

    #[test]
    fn long_texts_are_cut() {
        let raw = format!("\n{}", "é".repeat(TEXT_MAX));
        let found = body(&raw);
        assert!(found.truncated && found.text.len() <= TEXT_MAX + 4);
        let raw = format!("\n{}", "word ".repeat(TEXT_MAX));
        assert!(body(&raw).text.len() <= TEXT_MAX);
    }
}
