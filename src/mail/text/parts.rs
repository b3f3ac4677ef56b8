//! Which parts of a message are its text, and which are attachments.
//!
//! It reads the digest, and octets only where the names of pictures and the sizes of attachments
//! need them. Every protocol and every list asks here, so that an attachment cannot be hidden from
//! one of them. A part that says it is an attachment is one, at any place.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use memchr::memmem;

use super::html::label_of;
use crate::mail::digest::{Digest, Pairs, Part, PartStep, Walk};
use crate::mail::parse::charset;
use crate::mail::parse::header::Headers;
use crate::mail::parse::mime::PartKind;
use crate::mail::parse::param::{self, ParamValue};
use crate::mail::parse::transfer::{self, Encoding};
use crate::mail::unicode::{self, file_name};
use crate::pace;

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
    /// Octets once decoded, as many as [`super::decode_part`] gives.
    pub size: usize,
    /// The octets of the message that it is decoded from, by a `transfer::Decoder` piece by piece.
    pub body: Range<usize>,
    /// How these octets are encoded.
    pub encoding: Encoding,
    /// Shown inside the text and not beside it.
    pub inline: bool,
    /// Without its brackets.
    pub content_id: Option<String>,
}

/// An attachment and where its octets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentPlace {
    /// As in [`Attachment`].
    pub filename: String,
    /// As in [`Attachment`].
    pub content_type: String,
    /// The transfer encoding of the octets.
    pub encoding: transfer::Encoding,
    /// The octets, from the beginning of the message.
    pub body: Range<usize>,
}

/// A file as a filter reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePlace {
    pub place: AttachmentPlace,
    /// Other names that its fields give it: which of them a client shows is not known.
    pub other_names: Vec<String>,
    /// The charset that it names.
    pub charset: Option<Vec<u8>>,
}

/// The attachments, in the order of the message. An attached message is one attachment with
/// everything inside it.
pub fn attachments(raw: &[u8], digest: &Digest<'_>) -> impl Iterator<Item = Attachment> {
    attached(digest)
        .enumerate()
        .map(|(index, found)| describe(index, raw, found))
}

/// The attachment that is the part of this index, without its octets.
pub fn find_attachment(digest: &Digest<'_>, part: usize) -> Option<AttachmentPlace> {
    let (index, found) = attached(digest)
        .enumerate()
        .find(|(_, found)| found.part.index == part)?;
    Some(AttachmentPlace {
        filename: name_of(index, &found.part),
        content_type: content_type(&found.part),
        encoding: found.part.encoding,
        body: found.part.body,
    })
}

/// All that a client may show as a file, without octets and sizes: the attachments as in their
/// list, and behind them the files in attached messages and the texts that have a name.
pub(crate) fn file_places(digest: &Digest<'_>) -> Vec<FilePlace> {
    let mut walk = PartWalk::new(digest);
    let (mut listed, mut others) = (Vec::new(), Vec::new());
    // The end of the attached message whose parts are walked.
    let mut inside = 0;
    while let Some((part, place, is_container)) = walk.next() {
        let is_listed = part.index >= inside;
        let is_file = match part.kind {
            PartKind::Message => true,
            _ => !is_container && is_attachment(&part, place),
        };
        if part.kind == PartKind::Message {
            inside = inside.max(part.subtree_end);
        }
        if is_file && is_listed {
            listed.push(part);
        } else if is_file || (!is_container && is_named(&part)) {
            others.push(part);
        }
    }
    let all = listed.iter().chain(&others).enumerate();
    all.map(|(index, part)| {
        let filename = name_of(index, part);
        FilePlace {
            other_names: other_names(part, &filename),
            charset: part.param("charset").map(<[u8]>::to_vec),
            place: AttachmentPlace {
                filename,
                content_type: content_type(part),
                encoding: part.encoding,
                body: part.body.clone(),
            },
        }
    })
    .collect()
}

/// The names of a part beside the one that is shown.
fn other_names(part: &Part<'_>, shown: &str) -> Vec<String> {
    let disposition = part.disposition.map(|(_, params)| params);
    let given = (disposition
        .unwrap_or_default()
        .map(|pair| ("filename", pair)))
    .chain(part.params.map(|pair| ("name", pair)));
    let mut names = Vec::new();
    for (wanted, pair) in given {
        if let Some(name) = param::decoded(std::iter::once(pair), wanted) {
            let name = file_name(&name);
            if !name.is_empty() && name != shown && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether the message has an attachment other than decoration of the text, signatures and the
/// machine parts of reports.
pub(crate) fn has_attachments(raw: &[u8], digest: &Digest<'_>) -> bool {
    let mut named = None;
    attached(digest).any(|Attached { part, place, .. }| {
        if is_protocol(&part, place) {
            return false;
        }
        let Some(id) = picture_of_page(&part) else {
            return true;
        };
        if place.in_related {
            return false;
        }
        let Some(id) = id else {
            return true;
        };
        !named
            .get_or_insert_with(|| pictures_named(raw, digest))
            .contains(&id)
    })
}

/// The names of the first attachments, as in their list.
pub(super) fn attachment_names(digest: &Digest<'_>, n_max: usize) -> Vec<String> {
    attached(digest)
        .take(n_max)
        .enumerate()
        .map(|(index, found)| name_of(index, &found.part))
        .collect()
}

/// A text part, or an attached message that may have text parts after it.
#[derive(Debug, Clone)]
pub(super) struct TextPart<'a> {
    pub part: Part<'a>,
    pub use_of: TextUse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextUse {
    /// It is shown.
    Shown,
    /// HTML of the multipart/alternative with this index, which also has plain text.
    Page(usize),
    /// The plain text of the multipart/alternative with this index, which also has HTML.
    Plain(usize),
    /// A text that is listed as an attachment: it is shown if there is no other text.
    Spare,
    /// An attached message. What follows, up to the next one, is its text. A leaf is a message in
    /// base64 or quoted-printable, which only its decoded octets show.
    Message,
}

/// The text parts of the message, and behind them those of each attached message, in their order
/// and at most [`TEXT_PARTS_MAX`]; whether there are more.
pub(super) fn text_parts<'a>(raw: &[u8], digest: &Digest<'a>) -> (Vec<TextPart<'a>>, bool) {
    let mut walk = PartWalk::new(digest);
    let mut own = Vec::new();
    let mut attached: Vec<(Option<usize>, TextPart<'a>)> = Vec::new();
    let mut choices: Vec<Choice> = Vec::new();
    let mut is_cut = false;
    while let Some((part, place, is_container)) = walk.next() {
        while choices
            .last()
            .is_some_and(|choice| part.index >= choice.whole.end)
        {
            choices.pop();
        }
        let choice = choices
            .last()
            .filter(|choice| choice.message == place.message);
        let use_of = if part.kind == PartKind::Message || is_encoded_message(raw, &part) {
            TextUse::Message
        } else if is_container {
            if choice.is_none() && part.is("multipart", "alternative") {
                choices.extend(Choice::of(digest, &part, place.message));
            }
            continue;
        } else if is_text(&part, place) {
            match choice {
                Some(choice) if part.is("text", "html") => TextUse::Page(choice.whole.start),
                Some(choice) if choice.plains.iter().any(|r| r.contains(&part.index)) => {
                    TextUse::Plain(choice.whole.start)
                }
                _ => TextUse::Shown,
            }
        } else if part.is_media("text") && !is_disposed(&part, "attachment") {
            TextUse::Spare
        } else {
            continue;
        };
        is_cut = own.len() + attached.len() >= TEXT_PARTS_MAX;
        if is_cut {
            break;
        }
        let found = TextPart { part, use_of };
        match place.message {
            // The parts of a message go on behind a message that is attached to it.
            Some(message) if use_of != TextUse::Message => attached.push((Some(message), found)),
            None if use_of != TextUse::Message => own.push(found),
            _ => attached.push((None, found)),
        }
    }
    own.extend(in_messages(attached));
    (own, is_cut)
}

/// Puts the text parts of each attached message directly behind it.
fn in_messages(found: Vec<(Option<usize>, TextPart<'_>)>) -> impl Iterator<Item = TextPart<'_>> {
    let mut found: Vec<(usize, TextPart<'_>)> = found
        .into_iter()
        .map(|(message, text)| (message.unwrap_or(text.part.index), text))
        .collect();
    // The sort is stable, and a message comes before its parts.
    found.sort_by_key(|(message, _)| *message);
    found.into_iter().map(|(_, text)| text)
}

/// A multipart/alternative with plain text and HTML; what is inside it belongs to the same choice.
struct Choice {
    /// The indices of its parts, its own one first.
    whole: Range<usize>,
    /// The branches that are plain text.
    plains: Vec<Range<usize>>,
    /// The attached message that it is in.
    message: Option<usize>,
}

impl Choice {
    fn of(digest: &Digest<'_>, alternative: &Part<'_>, message: Option<usize>) -> Option<Choice> {
        let plains = plain_branches(digest, alternative);
        (!plains.is_empty()).then_some(Choice {
            whole: alternative.index..alternative.subtree_end,
            plains,
            message,
        })
    }
}

/// The branches of an alternative that are plain text alone, if another branch has HTML. A branch
/// with both, such as HTML with the footer of a list, is no replacement for the HTML in it.
fn plain_branches(digest: &Digest<'_>, alternative: &Part<'_>) -> Vec<Range<usize>> {
    let mut plains = Vec::new();
    let mut has_page = false;
    let mut branch = alternative.index + 1;
    while branch < alternative.subtree_end {
        let mut end = branch + 1;
        let (mut is_plain, mut is_page) = (false, false);
        let mut index = branch;
        while index < end {
            let Some(part) = digest.part(index) else {
                return Vec::new();
            };
            if index == branch {
                end = part.subtree_end.min(alternative.subtree_end);
            }
            if part.kind == PartKind::Message {
                index = part.subtree_end;
                continue;
            }
            let is_text = part.kind == PartKind::Leaf && !is_disposed(&part, "attachment");
            is_plain |= is_text && part.is("text", "plain") && !part.body.is_empty();
            is_page |= is_text && part.is("text", "html");
            index += 1;
        }
        has_page |= is_page;
        if is_plain && !is_page {
            plains.push(branch..end);
        }
        branch = end;
    }
    if has_page { plains } else { Vec::new() }
}

/// A text part decoded, about `bytes_max` octets of it.
pub(super) fn decoded_text<'a>(raw: &'a [u8], part: &Part<'_>, bytes_max: usize) -> Cow<'a, str> {
    let body = raw.get(part.body.clone()).unwrap_or(b"");
    // Base64 has four octets for three, quoted-printable three for one at worst.
    let body = body.get(..bytes_max.saturating_mul(3)).unwrap_or(body);
    let (charset, is_page) = (part.param("charset"), part.is("text", "html"));
    match transfer::decode(part.encoding, body) {
        Cow::Borrowed(octets) => charset::decode(label_of(charset, is_page, octets), octets),
        Cow::Owned(octets) => {
            let label = label_of(charset, is_page, &octets);
            Cow::Owned(charset::decode(label, &octets).into_owned())
        }
    }
}

/// For a part without words in its body, the lines from the first one in its header that is no
/// field: its sender left out the empty line. The line of an mbox file stands before all fields.
pub(super) fn unseparated<'a>(raw: &[u8], part: &Part<'a>) -> Option<Part<'a>> {
    let header = raw.get(part.header.clone()).unwrap_or_default();
    let body = raw.get(part.body.clone()).unwrap_or_default();
    if !body.trim_ascii().is_empty() {
        return None;
    }
    let mut fields = Headers::parse(header).fields();
    fields.find(|field| !field.name.is_empty())?;
    let start = fields.find(|field| field.name.is_empty())?.start;
    let mut lines = part.clone();
    lines.body = part.header.start + start..part.header.end;
    Some(lines)
}

/// The file name that the sender gives, cleaned.
fn filename_of(part: &Part<'_>) -> Option<String> {
    let disposition = part
        .disposition
        .map(|(_, params)| params)
        .unwrap_or_default();
    // The charset of raw octets is looked up only if there are some.
    let mut values = disposition.chain(part.params);
    let charset = match values.any(|(_, value)| !value.is_ascii()) {
        true => part.header_charset(),
        false => None,
    };
    let given = |params: Pairs<'_>, name: &str| {
        let given = param::decoded_with(params, name, charset)?;
        Some(file_name(&given)).filter(|name| !name.is_empty())
    };
    given(disposition, "filename").or_else(|| given(part.params, "name"))
}

/// Where a part stands in its message.
#[derive(Debug, Clone, Copy)]
struct PartPlace {
    /// The root of the message, or of an attached one.
    is_root: bool,
    /// The multipart or message that it stands in directly.
    parent: LevelKind,
    /// Some multipart around it is a multipart/related.
    in_related: bool,
    /// It stands where a message has its body: first in its multipart, and so on outwards.
    leads: bool,
    /// The index of the attached message that it is in.
    message: Option<usize>,
}

/// A walk over the parts that knows the place of each.
struct PartWalk<'a> {
    walk: Walk<'a>,
    levels: Vec<Level>,
}

/// A multipart or message that is open.
struct Level {
    kind: LevelKind,
    parts: usize,
    place: PartPlace,
    index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LevelKind {
    Alternative,
    Message,
    Mixed,
    Related,
}

impl<'a> PartWalk<'a> {
    fn new(digest: &Digest<'a>) -> PartWalk<'a> {
        PartWalk {
            walk: digest.walk(),
            levels: Vec::new(),
        }
    }

    /// The next part, its place, and whether other parts are inside it.
    fn next(&mut self) -> Option<(Part<'a>, PartPlace, bool)> {
        loop {
            let (part, is_container) = match self.walk.next()? {
                PartStep::Close(_) => {
                    self.levels.pop();
                    continue;
                }
                PartStep::Leaf(part) => (part, false),
                PartStep::Open(part) => (part, true),
            };
            pace::spend(PART_WORK);
            let place = self.place();
            if is_container {
                self.levels.push(Level {
                    kind: LevelKind::of(&part),
                    parts: 0,
                    place,
                    index: part.index,
                });
            }
            return Some((part, place, is_container));
        }
    }

    /// The place of the next part in the innermost open one.
    fn place(&mut self) -> PartPlace {
        let Some(level) = self.levels.last_mut() else {
            return PartPlace::root(None);
        };
        let is_first = level.parts == 0;
        level.parts += 1;
        if level.kind == LevelKind::Message {
            return PartPlace::root(Some(level.index));
        }
        PartPlace {
            is_root: false,
            parent: level.kind,
            in_related: level.place.in_related || level.kind == LevelKind::Related,
            leads: match level.kind {
                LevelKind::Alternative => true,
                LevelKind::Related => is_first,
                LevelKind::Message | LevelKind::Mixed => is_first && level.place.leads,
            },
            message: level.place.message,
        }
    }
}

impl PartPlace {
    fn root(message: Option<usize>) -> PartPlace {
        PartPlace {
            is_root: true,
            parent: LevelKind::Message,
            in_related: false,
            leads: true,
            message,
        }
    }
}

impl LevelKind {
    fn of(part: &Part<'_>) -> LevelKind {
        if part.kind == PartKind::Message {
            LevelKind::Message
        } else if part.is("multipart", "alternative") {
            LevelKind::Alternative
        } else if part.is("multipart", "related") {
            LevelKind::Related
        } else {
            LevelKind::Mixed
        }
    }
}

struct Attached<'a> {
    part: Part<'a>,
    place: PartPlace,
    section: Vec<u32>,
}

/// The attachments without their description.
fn attached<'a>(digest: &Digest<'a>) -> impl Iterator<Item = Attached<'a>> {
    let mut walk = PartWalk::new(digest);
    // The end of the attached message whose parts are skipped.
    let mut skipped = 0;
    std::iter::from_fn(move || {
        loop {
            let (part, place, is_container) = walk.next()?;
            if part.index < skipped {
                continue;
            }
            if part.kind == PartKind::Message {
                skipped = part.subtree_end;
            } else if is_container || !is_attachment(&part, place) {
                continue;
            }
            return Some(Attached {
                part,
                place,
                section: walk.walk.path().to_vec(),
            });
        }
    })
}

fn describe(index: usize, raw: &[u8], found: Attached<'_>) -> Attachment {
    let Attached {
        part,
        place,
        section,
    } = found;
    Attachment {
        index,
        part: part.index,
        section,
        filename: name_of(index, &part),
        content_type: content_type(&part),
        size: transfer::decoded_len(
            part.encoding,
            raw.get(part.body.clone()).unwrap_or_default(),
        ),
        body: part.body.clone(),
        encoding: part.encoding,
        inline: is_inline(&part, place),
        content_id: content_id(&part).map(|id| unicode::one_line(&id, CONTENT_ID_MAX)),
    }
}

fn content_type(part: &Part<'_>) -> String {
    let written = format!(
        "{}/{}",
        String::from_utf8_lossy(part.media),
        String::from_utf8_lossy(part.subtype)
    );
    unicode::one_line(&written, CONTENT_TYPE_MAX).to_ascii_lowercase()
}

fn name_of(index: usize, part: &Part<'_>) -> String {
    filename_of(part).unwrap_or_else(|| {
        let ending = match content_type(part).as_str() {
            "message/rfc822" => ".eml",
            "text/calendar" => ".ics",
            "text/csv" => ".csv",
            "text/html" => ".html",
            "text/plain" => ".txt",
            "image/jpeg" => ".jpg",
            "image/png" => ".png",
            "image/gif" => ".gif",
            "application/pdf" => ".pdf",
            _ => "",
        };
        format!("attachment-{}{ending}", index + 1)
    })
}

/// The Content-ID without its brackets.
fn content_id(part: &Part<'_>) -> Option<String> {
    let id = String::from_utf8_lossy(part.id?);
    Some(id.trim_matches(['<', '>', ' ']).to_owned()).filter(|id| !id.is_empty())
}

fn is_disposed(part: &Part<'_>, name: &str) -> bool {
    part.disposition
        .is_some_and(|(disposition, _)| disposition.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether a part is a message/rfc822 in base64 or quoted-printable. RFC 2046 section 5.2.1 forbids
/// it, so the digest has octets of no type; many programs attach a message so.
fn is_encoded_message(raw: &[u8], part: &Part<'_>) -> bool {
    part.kind == PartKind::Leaf
        && part.encoding != Encoding::Identity
        && part.is("application", "octet-stream")
        && Headers::parse(raw.get(part.header.clone()).unwrap_or_default())
            .first("content-type")
            .map(|field| ParamValue::parse(field.value, 0))
            .is_some_and(|declared| {
                declared.first.eq_ignore_ascii_case(b"message")
                    && declared.second.eq_ignore_ascii_case(b"rfc822")
            })
}

/// Whether the sender says so, or gives a picture or a piece of a page an id by which the page
/// shows it.
fn is_inline(part: &Part<'_>, place: PartPlace) -> bool {
    !is_disposed(part, "attachment")
        && (is_disposed(part, "inline")
            || (part.id.is_some() && (part.is_media("image") || place.in_related)))
}

/// A name in its type or its disposition.
fn is_named(part: &Part<'_>) -> bool {
    has_param(part.params, "name") || has_filename(part)
}

fn has_filename(part: &Part<'_>) -> bool {
    (part.disposition).is_some_and(|(_, params)| has_param(params, "filename"))
}

fn has_param(mut params: Pairs<'_>, wanted: &str) -> bool {
    params.any(|(name, _)| {
        let name = name.split(|&b| b == b'*').next().unwrap_or(name);
        name.eq_ignore_ascii_case(wanted.as_bytes())
    })
}

/// Whether a reader takes the part for words of the message. The root is shown though it says that
/// it is an attachment: there is no other text. Behind the body, a text with a name is a file.
fn is_text(part: &Part<'_>, place: PartPlace) -> bool {
    if part.kind != PartKind::Leaf || !part.is_media("text") {
        return false;
    }
    if place.is_root {
        return true;
    }
    (part.is("text", "plain") || part.is("text", "html"))
        && !is_disposed(part, "attachment")
        && (place.leads || !is_named(part))
}

/// Some text is both: a file that is the whole message, and a file in the place of the body. Its
/// words are shown, and a client can fetch it by its name.
fn is_attachment(part: &Part<'_>, place: PartPlace) -> bool {
    if !is_text(part, place) {
        return true;
    }
    if place.is_root {
        let is_page = part.is("text", "plain") || part.is("text", "html");
        return is_disposed(part, "attachment") || (!is_page && is_named(part));
    }
    place.parent == LevelKind::Mixed && has_filename(part)
}

/// Signatures, the machine parts of reports, and forms of the body for particular programs.
fn is_protocol(part: &Part<'_>, place: PartPlace) -> bool {
    let is_one_of = |media: &str, subtypes: &[&str]| {
        part.is_media(media) && subtypes.iter().any(|subtype| part.is(media, subtype))
    };
    is_one_of(
        "application",
        &["pgp-signature", "pkcs7-signature", "x-pkcs7-signature"],
    ) || is_one_of(
        "message",
        &[
            "delivery-status",
            "disposition-notification",
            "feedback-report",
            "global-delivery-status",
            "global-disposition-notification",
            "global-headers",
        ],
    ) || is_one_of("text", &["rfc822-headers"])
        || (place.parent == LevelKind::Alternative
            && is_one_of("text", &["watch-html", "x-amp-html"]))
}

/// For a picture that may belong to a page, its Content-ID: `Some(None)` if it has none.
#[allow(clippy::option_option)]
fn picture_of_page(part: &Part<'_>) -> Option<Option<String>> {
    if !part.is_media("image") || is_disposed(part, "attachment") {
        return None;
    }
    let id = content_id(part);
    (id.is_some() || is_disposed(part, "inline")).then_some(id)
}

/// The ids that the HTML of the message names by `cid:` (RFC 2392), at most [`CIDS_MAX`] of each
/// page.
fn pictures_named(raw: &[u8], digest: &Digest<'_>) -> HashSet<String> {
    let mut named = HashSet::new();
    let mut room = HTML_MAX;
    let pages = (text_parts(raw, digest).0)
        .into_iter()
        .take_while(|text| text.use_of != TextUse::Message)
        .filter(|text| text.part.is("text", "html"));
    for text in pages {
        let page = decoded_text(raw, &text.part, room);
        room = room.saturating_sub(page.len());
        pace::spend(page.len());
        let lower = page.to_ascii_lowercase();
        for at in memmem::find_iter(lower.as_bytes(), b"cid:").take(CIDS_MAX) {
            let rest = unicode::prefix(page.get(at + 4..).unwrap_or(""), CONTENT_ID_MAX);
            let is_end = |c: char| c.is_whitespace() || "\"'<>()\\".contains(c);
            let id = rest.split(is_end).next().unwrap_or(rest);
            named.insert(unescaped(&id.replace("&amp;", "&")));
        }
    }
    named
}

/// A URL without its percent encoding.
fn unescaped(url: &str) -> String {
    let mut octets = Vec::with_capacity(url.len());
    let bytes = url.as_bytes();
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let digits = (
            bytes.get(at + 1).and_then(transfer::hex),
            bytes.get(at + 2).and_then(transfer::hex),
        );
        match (b, digits) {
            (b'%', (Some(high), Some(low))) => {
                octets.push(high << 4 | low);
                at += 3;
            }
            _ => {
                octets.push(b);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// HTML of newsletters stays below 200 KiB, and clients cut far earlier.
pub(crate) const HTML_MAX: usize = 4 << 20;
/// Text parts of one message that are read.
const TEXT_PARTS_MAX: usize = 100;
/// Nanoseconds of a part of the digest.
const PART_WORK: usize = 300;
const CONTENT_TYPE_MAX: usize = 200;
const CONTENT_ID_MAX: usize = 998;
/// Pictures of one page.
const CIDS_MAX: usize = 1_000;
