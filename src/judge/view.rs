//! What the filter reads of a message: one bounded pass over its header, texts and names.
//!
//! A text that is longer than its bound is read at its beginning and its end, and the view says so.

use std::collections::HashSet;

use crate::mail::digest::{Analysis, Digest, Part, PartStep, analyse};
use crate::mail::parse::address_list::Mailbox;
use crate::mail::parse::header::Headers;
use crate::mail::parse::{charset, transfer};
use crate::mail::text::links::{self, MessageLink};
use crate::mail::text::{self, FilePlace, UnseenText};
use crate::mail::unicode;
use crate::mail::{Bounds, MimeReading};

/// A message as the filter reads it.
#[derive(Debug, Clone, Default)]
pub struct MailView {
    /// Decoded, as a client is shown it.
    pub subject: String,
    /// The first mailbox of From.
    pub from: Option<Mailbox>,
    /// The first mailbox of Reply-To.
    pub reply_to: Option<Mailbox>,
    /// Other facts of the header.
    pub header: ViewHeader,
    /// The beginning of the text, octet for octet as a client is shown it.
    pub text: String,
    /// The end of a text that is longer.
    pub tail: String,
    /// The form of the text that is not shown: plain text beside a page, or a page beside it.
    pub alternative: String,
    /// Texts of pages that are not seen.
    pub unseen: UnseenText,
    /// The links, each address once.
    pub links: Vec<MessageLink>,
    /// The attachments as a client lists them, and behind them what only some clients list: files
    /// in attached messages and texts with a name.
    pub files: Vec<ViewFile>,
    /// The texts of invitations.
    pub calendar: String,
    /// The beginnings of texts that are attached as files.
    pub attached: String,
    /// The text that other programs show of an ambiguous message, if it is another one.
    pub otherwise: String,
    /// The message has a page.
    pub has_page: bool,
    /// Two programs could find different parts in it.
    pub is_ambiguous: bool,
    /// It was too large to be read whole.
    pub is_sampled: bool,
    /// Octets of the whole message.
    pub size: u32,
    /// What of it is on the list of known spam.
    pub known_spam: KnownSpamHits,
}

/// What of a message is on the list of known spam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownSpamHits {
    /// Its text.
    pub body: bool,
    /// A link in it.
    pub link: bool,
    /// A file in it.
    pub attachment: bool,
}

/// An attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ViewFile {
    /// As a client is shown it.
    pub filename: String,
    /// Other names that its fields give it.
    pub other_names: Vec<String>,
    /// `type/subtype` in lower case.
    pub content_type: String,
    /// The first octets, decoded, at most [`FILE_HEAD_MAX`].
    pub head: Vec<u8>,
    /// It is a page that asks for a password or has a form.
    pub has_form: bool,
}

/// Facts of the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewHeader {
    /// The domain of the Message-ID, in lower case; `None` without the field.
    pub message_id_domain: Option<String>,
    /// The Date, unix seconds, if it can be read.
    pub date: Option<i64>,
    /// It has a Date field.
    pub has_date: bool,
    /// The number of From fields.
    pub from_fields: usize,
    /// The number of Subject fields.
    pub subject_fields: usize,
    /// Mailboxes of To and Cc together.
    pub recipients: usize,
    /// It has a To or Cc field.
    pub has_recipients_field: bool,
    /// It belongs to a mailing list or newsletter: List-Id or List-Unsubscribe.
    pub is_list: bool,
    /// It has List-Unsubscribe.
    pub has_unsubscribe: bool,
    /// Precedence bulk, junk or list.
    pub is_bulk: bool,
    /// A program has sent it without a person.
    pub is_automatic: bool,
    /// It names a message that it answers.
    pub is_answer: bool,
    /// X-Mailer or User-Agent.
    pub mailer: String,
    /// Raw octets over 127 in the header.
    pub has_raw_octets: bool,
    /// The texts of fields that a standard does not give a form.
    pub free: String,
}

impl MailView {
    /// Reads a message and what delivery knows of it.
    pub fn of(raw: &[u8], analysis: &Analysis) -> MailView {
        let mut view = MailView {
            subject: analysis.subject.clone(),
            from: analysis.from.first().cloned(),
            reply_to: analysis.reply_to.first().cloned(),
            header: ViewHeader::of(raw, analysis),
            is_ambiguous: analysis.is_ambiguous,
            is_sampled: analysis.is_truncated,
            size: analysis.size,
            ..MailView::default()
        };
        view.read_body(raw, analysis);
        if view.is_ambiguous {
            view.read_otherwise(raw);
        }
        view
    }

    /// Reads all that stands below the header.
    fn read_body(&mut self, raw: &[u8], analysis: &Analysis) {
        let Some(digest) = Digest::open(&analysis.digest) else {
            return;
        };
        let (body, apart) = text::apart_of(raw, &digest);
        self.links = links::links(&body.text, &body.links);
        self.text = body.text;
        self.is_sampled |= body.truncated;
        self.tail = apart.tail;
        self.alternative = apart.alternative;
        self.unseen = apart.unseen;
        let mut source_left = FILES_SOURCE_MAX;
        self.files = (text::file_places(&digest).into_iter())
            .map(|file| self.read_file(raw, file, &mut source_left))
            .collect();
        self.read_parts(raw, &digest);
    }

    /// Adds what other programs show of an ambiguous message: a filter that reads as this server
    /// does would miss what the reader behind another program gets.
    fn read_otherwise(&mut self, raw: &[u8]) {
        let bounds = Bounds {
            reading: MimeReading::Last,
            ..Bounds::default()
        };
        let Ok(analysis) = analyse(raw, &bounds) else {
            return;
        };
        let mut other = MailView::default();
        other.read_body(raw, &analysis);
        let known = [&self.text, &self.tail, &self.alternative, &self.attached];
        for text in [other.text, other.tail, other.alternative, other.attached] {
            if !known.contains(&&text) {
                append(&mut self.otherwise, &text, OTHERWISE_MAX);
            }
        }
        append(&mut self.calendar, &other.calendar, CALENDAR_MAX);
        self.unseen.add(&other.unseen);
        for link in other.links {
            if self.links.len() < 2 * links::LINKS_MAX
                && self.links.iter().all(|l| l.url != link.url)
            {
                self.links.push(link);
            }
        }
        let known: HashSet<ViewFile> = self.files.iter().cloned().collect();
        let files = other.files.into_iter();
        self.files
            .extend(files.filter(|file| !known.contains(file)));
        self.has_page |= other.has_page;
        self.is_sampled |= other.is_sampled;
    }

    /// Reads a file. Its words count against `source_left` octets of all files together.
    fn read_file(&mut self, raw: &[u8], file: FilePlace, source_left: &mut usize) -> ViewFile {
        let FilePlace {
            place,
            other_names,
            charset,
        } = file;
        let body = raw.get(place.body).unwrap_or_default();
        let is_page = place.content_type == "text/html" || has_ending(&place.filename, PAGES);
        let is_text = place.content_type.starts_with("text/") || has_ending(&place.filename, TEXTS);
        let is_read = (is_page || is_text) && *source_left >= FILE_TEXT_MAX * 2;
        let wanted = match is_read {
            true => FILE_TEXT_MAX,
            false => FILE_HEAD_MAX,
        };
        let taken = body.get(..wanted * 2).unwrap_or(body);
        self.is_sampled |= (is_page || is_text) && taken.len() < body.len();
        let octets = transfer::decode(place.encoding, taken);
        let mut has_form = false;
        if is_read {
            *source_left -= taken.len();
            let words = charset::decode(charset.as_deref(), &octets);
            if is_page {
                let (page, unseen) = text::html::read_apart(&words, FILE_TEXT_MAX);
                has_form = unseen.forms + unseen.password_fields > 0;
                self.attach(&page.text);
                self.unseen.add(&unseen);
            } else if !place.content_type.starts_with("text/calendar") {
                self.attach(&words);
            }
        }
        ViewFile {
            filename: place.filename,
            other_names,
            content_type: place.content_type,
            head: octets.get(..FILE_HEAD_MAX).unwrap_or(&octets).to_vec(),
            has_form,
        }
    }

    /// Keeps the words of a file.
    fn attach(&mut self, words: &str) {
        self.is_sampled |= self.attached.len() + words.trim().len() >= ATTACHED_MAX;
        append(&mut self.attached, words, ATTACHED_MAX);
    }

    /// Looks at the parts for pages and invitations, at most [`PARTS_MAX`] of them.
    fn read_parts(&mut self, raw: &[u8], digest: &Digest<'_>) {
        let parts = digest.walk().filter_map(|step| match step {
            PartStep::Leaf(part) => Some(part),
            PartStep::Open(_) | PartStep::Close(_) => None,
        });
        for part in parts.take(PARTS_MAX) {
            self.has_page |= part.is("text", "html");
            let is_calendar = part.is("text", "calendar") || part.is("application", "ics");
            if is_calendar {
                self.read_calendar(raw, &part);
            }
        }
    }

    /// Keeps the texts of an invitation (RFC 5545 section 3.8.1).
    fn read_calendar(&mut self, raw: &[u8], part: &Part<'_>) {
        let body = raw.get(part.body.clone()).unwrap_or_default();
        let body = body.get(..CALENDAR_MAX * 2).unwrap_or(body);
        let octets = transfer::decode(part.encoding, body);
        let text = charset::decode(part.param("charset"), &octets);
        // A line that begins with white space goes on with the one before (section 3.1).
        let unfolded = text
            .replace("\r\n", "\n")
            .replace("\n ", "")
            .replace("\n\t", "");
        for line in unfolded.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let property = name.split(';').next().unwrap_or(name);
            if CALENDAR_TEXTS
                .iter()
                .any(|known| property.eq_ignore_ascii_case(known))
            {
                let value = value
                    .replace("\\n", "\n")
                    .replace("\\N", "\n")
                    .replace("\\,", ",")
                    .replace("\\;", ";");
                append(&mut self.calendar, &value, CALENDAR_MAX);
            }
        }
    }
}

impl ViewFile {
    /// All of its names, the one that is shown first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.filename)
            .chain(&self.other_names)
            .map(String::as_str)
    }

    /// Whether one of its names ends so.
    pub(super) fn has_ending(&self, endings: &[&str]) -> bool {
        self.names().any(|name| has_ending(name, endings))
    }
}

impl ViewHeader {
    fn of(raw: &[u8], analysis: &Analysis) -> ViewHeader {
        let block = raw.get(..analysis.header_len as usize).unwrap_or(raw);
        let block = block.get(..HEADER_MAX).unwrap_or(block);
        let mut found = ViewHeader {
            date: analysis.date,
            recipients: analysis.to.len() + analysis.cc.len(),
            is_list: analysis.is_list,
            is_bulk: analysis.is_bulk,
            is_automatic: analysis.is_auto_submitted,
            is_answer: !analysis.in_reply_to.is_empty() || !analysis.references.is_empty(),
            has_raw_octets: analysis.has_non_ascii_headers,
            ..ViewHeader::default()
        };
        found.message_id_domain = analysis.message_id.as_ref().map(|id| {
            let domain = id.rsplit('@').next().unwrap_or(id);
            domain.trim_end_matches('>').to_ascii_lowercase()
        });
        for field in Headers::parse(block).fields().take(FIELDS_MAX) {
            let name = field.name.to_ascii_lowercase();
            match name.as_slice() {
                b"from" => found.from_fields += 1,
                b"subject" => found.subject_fields += 1,
                b"to" | b"cc" => found.has_recipients_field = true,
                b"date" => found.has_date = true,
                b"list-unsubscribe" => found.has_unsubscribe = true,
                b"x-mailer" | b"user-agent" => {
                    found.mailer = unicode::one_line(&field.decoded(), MAILER_MAX);
                }
                name if name.starts_with(b"x-")
                    || matches!(name, b"comments" | b"keywords" | b"organization") =>
                {
                    let is_sentence = memchr::memchr_iter(b' ', field.value).nth(4).is_some();
                    if is_sentence && found.free.len() < FREE_MAX {
                        let value = field.within(FREE_MAX).decoded();
                        append(&mut found.free, &value, FREE_MAX);
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// Whether a file name ends so. Windows leaves out dots and spaces at its end, and what stands
/// behind a colon.
fn has_ending(filename: &str, endings: &[&str]) -> bool {
    let before = filename.split(':').next().unwrap_or_default();
    [filename, before].iter().any(|name| {
        let name = name.trim_end_matches(['.', ' ']);
        let ending = name.rsplit('.').next().unwrap_or_default();
        name.len() > ending.len() && endings.iter().any(|e| ending.eq_ignore_ascii_case(e))
    })
}

/// Appends a text behind a line end, within the bound.
fn append(place: &mut String, text: &str, bytes_max: usize) {
    let room = bytes_max.saturating_sub(place.len());
    if room > 1 && !text.trim().is_empty() {
        place.push_str(unicode::prefix(text.trim(), room - 1));
        place.push('\n');
    }
}

/// Properties of an invitation that people read.
const CALENDAR_TEXTS: &[&str] = &[
    "SUMMARY",
    "DESCRIPTION",
    "LOCATION",
    "COMMENT",
    "CONTACT",
    "X-ALT-DESC",
];
const PAGES: &[&str] = &["htm", "html", "shtml", "xhtml", "svg"];
const TEXTS: &[&str] = &["txt", "md", "csv", "log", "json", "xml"];
/// Octets of files that are read for their words; a message of a thousand files has no more.
const FILES_SOURCE_MAX: usize = 256 * 1024;
/// Octets of a file that show its form.
pub const FILE_HEAD_MAX: usize = 64;
const FILE_TEXT_MAX: usize = 4 * 1024;
const ATTACHED_MAX: usize = 16 * 1024;
const CALENDAR_MAX: usize = 8 * 1024;
/// Octets of the texts of another reading: as many as of the first one.
const OTHERWISE_MAX: usize = 40 * 1024;
const PARTS_MAX: usize = 200;
const HEADER_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 300;
const FREE_MAX: usize = 4 * 1024;
const MAILER_MAX: usize = 100;
