//! A search of the API, prepared for many messages: the terms of `q` and the filters beside it.
//!
//! A text is compared in lower case, without composition: with the subject, with the names and
//! addresses of From, To and Cc, and with the text as it is shown (DECISIONS.md, "Message object").
//! The cheap conditions come first. It reads no store.

use memchr::memmem;

use super::filter::FilteredRow;
use super::gather::{ListOrder, Sought, SoughtFolders, is_folder};
use crate::call::{
    ATTACHMENT_GRAM, CODE_GRAM, Flags, GramQuery, MessageFilter, Refusal, SpecialUse, ThreadId,
    Verdict,
};
use crate::mail::Digest;
use crate::mail::digest::AddressItems;
use crate::mail::text::grams::{GramField, is_identity_text, lower_grams, shown_forms};
use crate::mail::text::query::{self, QueryPart, QueryTerm};
use crate::mail::text::shown_text;
use crate::mail::unicode::{lower, one_line};
use crate::pace;
use crate::store::{ColumnBounds, MessageRecord};

/// A query with the filters of its list.
pub(super) struct CompiledQuery {
    /// Conditions on what is stored beside the octets.
    facts: Vec<(FactTerm, bool)>,
    /// Texts in fields of the envelope, and whether they must be absent.
    fields: Vec<(GramField, LowerNeedle, bool)>,
    /// Texts anywhere.
    anywhere: Vec<(LowerNeedle, bool)>,
    /// A term or a filter names folders: those with a special use are shown too.
    names_folder: bool,
}

/// A condition on what is stored beside the octets.
enum FactTerm {
    Label(String),
    In(String),
    HasAttachment,
    HasCode,
    Seen,
    Flagged,
    Since(i64),
    Until(i64),
    Larger(u64),
    Smaller(u64),
    /// `None`: the id is none of a conversation.
    Thread(Option<ThreadId>),
    /// One of these.
    Verdict(Vec<Verdict>),
}

/// What a message shows, in lower case: made when a term asks for it.
pub(super) struct ShownMessage<'a> {
    octets: &'a [u8],
    digest: Digest<'a>,
    text: Option<String>,
    /// Its octets in lower case, if they are of ASCII and its text.
    plain: Option<Option<Vec<u8>>>,
}

/// A text to find, in lower case.
struct LowerNeedle {
    text: String,
    finder: memmem::Finder<'static>,
    /// Its runs without white space, if it is of ASCII: a plain message has them as they are.
    words: Vec<memmem::Finder<'static>>,
}

impl LowerNeedle {
    fn new(text: &str) -> LowerNeedle {
        let text = lower(text);
        let finder = |text: &str| memmem::Finder::new(text.as_bytes()).into_owned();
        LowerNeedle {
            finder: finder(&text),
            words: match text.is_ascii() {
                true => text.split_whitespace().map(finder).collect(),
                false => Vec::new(),
            },
            text,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        pace::spend(text.len() / 2);
        self.finder.find(lower(text).as_bytes()).is_some()
    }

    /// The octets of `text` that it is found in: the first ones.
    fn place_in(&self, text: &str) -> Option<core::ops::Range<usize>> {
        let start = self.finder.find(lower(text).as_bytes())?;
        let end = start + self.text.len();
        // Lower case can have another length than the text.
        let (mut at, mut place) = (0, text.len()..text.len());
        for (n, c) in text.char_indices() {
            if at <= start {
                place.start = n;
            }
            if at >= end {
                place.end = n;
                break;
            }
            at += lower(c.encode_utf8(&mut [0; 4])).len();
        }
        Some(place)
    }
}

impl CompiledQuery {
    /// Prepares a filter.
    ///
    /// # Errors
    /// `q` is no query.
    pub fn new(filter: &MessageFilter) -> Result<CompiledQuery, Refusal> {
        let text = filter.q.as_deref().unwrap_or_default();
        let parts = query::parse(text).map_err(|error| Refusal::Invalid {
            field: "q",
            why: error.to_string(),
        })?;
        let mut compiled = CompiledQuery {
            facts: Vec::new(),
            fields: Vec::new(),
            anywhere: Vec::new(),
            names_folder: filter.folder.is_some(),
        };
        for QueryPart { term, is_not } in parts {
            compiled.add(term, is_not);
        }
        compiled.add_filter(filter);
        Ok(compiled)
    }

    fn add(&mut self, term: QueryTerm, is_not: bool) {
        let needle = |text: &str| LowerNeedle::new(text);
        let day_ms = |day: i64| day.saturating_mul(DAY_MS);
        let fact = match term {
            QueryTerm::Anywhere(text) => return self.anywhere.push((needle(&text), is_not)),
            QueryTerm::From(text) => {
                return self.fields.push((GramField::From, needle(&text), is_not));
            }
            QueryTerm::To(text) => {
                return self.fields.push((GramField::To, needle(&text), is_not));
            }
            QueryTerm::Subject(text) => {
                return self
                    .fields
                    .push((GramField::Subject, needle(&text), is_not));
            }
            QueryTerm::Seen(seen) => return self.facts.push((FactTerm::Seen, is_not == seen)),
            QueryTerm::Label(label) => FactTerm::Label(label),
            QueryTerm::In(folder) => {
                self.names_folder |= !is_not;
                FactTerm::In(folder)
            }
            QueryTerm::HasAttachment => FactTerm::HasAttachment,
            QueryTerm::Flagged => FactTerm::Flagged,
            QueryTerm::After(day) => FactTerm::Since(day_ms(day)),
            QueryTerm::Before(day) => FactTerm::Until(day_ms(day)),
            QueryTerm::Larger(octets) => FactTerm::Larger(octets),
            QueryTerm::Smaller(octets) => FactTerm::Smaller(octets),
            QueryTerm::Thread(id) => FactTerm::Thread(ThreadId::parse(&id)),
        };
        self.facts.push((fact, is_not));
    }

    fn add_filter(&mut self, filter: &MessageFilter) {
        let fields = [
            (GramField::From, &filter.from),
            (GramField::To, &filter.to),
            (GramField::Subject, &filter.subject),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                self.fields.push((field, LowerNeedle::new(text), false));
            }
        }
        let mut add = |fact: Option<FactTerm>, is_not: bool| {
            self.facts.extend(fact.map(|fact| (fact, is_not)));
        };
        add(filter.label.clone().map(FactTerm::Label), false);
        add(filter.since.map(FactTerm::Since), false);
        add(filter.until.map(FactTerm::Until), false);
        add(
            filter.thread.map(|thread| FactTerm::Thread(Some(thread))),
            false,
        );
        add(
            filter.seen.map(|_| FactTerm::Seen),
            filter.seen == Some(false),
        );
        let code = filter.has_code;
        add(code.map(|_| FactTerm::HasCode), code == Some(false));
        let verdicts = &filter.verdicts;
        let verdict = (!verdicts.is_empty()).then(|| FactTerm::Verdict(verdicts.clone()));
        add(verdict, false);
        let has = filter.has_attachments;
        add(has.map(|_| FactTerm::HasAttachment), has == Some(false));
    }

    /// The grams that every match has.
    pub fn grams(&self) -> GramQuery {
        let anywhere = self.anywhere.iter().filter(|(_, is_not)| !is_not);
        let anywhere = anywhere.map(|(needle, _)| (GramField::Anywhere, needle));
        let fields = self.fields.iter().filter(|(.., is_not)| !is_not);
        let fields = fields.map(|(field, needle, _)| (*field, needle));
        let all = fields
            .chain(anywhere)
            .map(|(field, needle)| GramQuery::Grams(lower_grams(&needle.text, field)));
        let facts = self.facts.iter().filter_map(|fact| match fact {
            (FactTerm::HasAttachment, false) => Some(ATTACHMENT_GRAM),
            (FactTerm::HasCode, false) => Some(CODE_GRAM),
            _ => None,
        });
        let all = all.chain([GramQuery::Grams(facts.collect())]);
        GramQuery::All(all.filter(|query| !query.is_open()).collect())
    }

    /// What is stored beside every match, in one of its folders; `folder` is the name of the one
    /// folder of the list.
    pub fn sought(&self, folder: Option<&str>) -> Sought {
        let mut bounds = ColumnBounds::default();
        let (mut thread, mut named) = (None, None);
        for (fact, is_not) in &self.facts {
            match (fact, is_not) {
                (FactTerm::Seen, is_not) => bounds.flagged(Flags::SEEN, !is_not),
                (FactTerm::Flagged, is_not) => bounds.flagged(Flags::FLAGGED, !is_not),
                (FactTerm::Since(at), false) | (FactTerm::Until(at), true) => bounds.since(*at),
                (FactTerm::Until(at), false) | (FactTerm::Since(at), true) => bounds.until(*at),
                (FactTerm::Larger(octets), false) => bounds.larger(*octets),
                (FactTerm::Smaller(octets), false) => bounds.smaller(*octets),
                (FactTerm::Larger(octets), true) => bounds.smaller(octets.saturating_add(1)),
                (FactTerm::Label(word), false) => bounds.keyword(word),
                (FactTerm::Thread(id), false) => thread = thread.or(Some(*id)),
                (FactTerm::In(name), false) if name != MessageFilter::EVERY_FOLDER => {
                    named = named.or(Some(name.as_str()));
                }
                _ => {}
            }
        }
        Sought {
            bounds,
            folders: match folder.or(named) {
                Some(name) => SoughtFolders::Named(name.to_owned()),
                None if self.names_folder => SoughtFolders::Every,
                None => SoughtFolders::Usual,
            },
            grams: GramQuery::All(Vec::new()),
            thread,
            order: ListOrder::Received,
        }
    }

    /// Whether it must look into messages.
    pub fn has_texts(&self) -> bool {
        !self.anywhere.is_empty() || !self.fields.is_empty()
    }

    /// Whether it must look at what is stored beside messages before it looks into them.
    pub fn has_facts(&self) -> bool {
        !self.facts.is_empty()
    }

    /// Whether what is stored beside the octets meets the query; `folder` is the name of the one
    /// folder of the list.
    pub fn passes(&self, record: &MessageRecord, folder: Option<&str>) -> bool {
        let is_hidden = matches!(
            record.entry.special,
            Some(SpecialUse::Trash | SpecialUse::Junk)
        );
        if (is_hidden && !self.names_folder)
            || folder.is_some_and(|name| name != record.entry.folder)
        {
            return false;
        }
        self.facts
            .iter()
            .all(|(fact, is_not)| fact.holds(record) != *is_not)
    }

    /// Whether the texts of a message meet the query.
    pub fn matches(&self, message: &mut ShownMessage<'_>) -> bool {
        let envelope = message.digest.envelope();
        let is_in_field = |field: GramField, needle: &LowerNeedle| match field {
            GramField::From => is_named(needle, envelope.from),
            GramField::To => is_named(needle, envelope.to) || is_named(needle, envelope.cc),
            GramField::Subject => needle.is_in(&one_line(&envelope.subject_text(), usize::MAX)),
            GramField::Anywhere => message.has_in_envelope(needle),
        };
        let fields = &self.fields;
        if !fields
            .iter()
            .all(|(field, needle, is_not)| is_in_field(*field, needle) != *is_not)
        {
            return false;
        }
        self.anywhere.iter().all(|(needle, is_not)| {
            let found = message.has_in_envelope(needle) || message.has(needle);
            found != *is_not
        })
    }

    /// Whether the octets of a message show already, at little cost, that its texts do not meet the
    /// query.
    pub fn is_ruled_out(&self, message: &mut ShownMessage<'_>) -> bool {
        let wanted = self.anywhere.iter().filter(|(_, is_not)| !is_not);
        wanted
            .into_iter()
            .any(|(needle, _)| message.lacks(needle) && !message.has_in_envelope(needle))
    }

    /// Plain text around the first text of the query that the message shows: in its text, or else
    /// in its subject. Without one it is the beginning of the text.
    pub fn snippet(&self, message: &mut ShownMessage<'_>, preview: &str) -> String {
        let wanted = self.anywhere.iter().filter(|(_, is_not)| !is_not);
        let wanted: Vec<&LowerNeedle> = wanted.map(|(needle, _)| needle).collect();
        if !wanted.is_empty() {
            let text = message.text();
            let first = wanted.iter().filter_map(|needle| needle.place_in(text));
            if let Some(place) = first.min_by_key(|place| place.start) {
                return around(text, place);
            }
        }
        let subject = one_line(&message.digest.envelope().subject_text(), usize::MAX);
        let in_subject = self
            .fields
            .iter()
            .filter(|(field, _, is_not)| *field == GramField::Subject && !is_not);
        let in_subject = in_subject.map(|(_, needle, _)| needle);
        let mut first = wanted.into_iter().chain(in_subject);
        match first.find_map(|needle| needle.place_in(&subject)) {
            Some(place) => around(&subject, place),
            None => preview.to_owned(),
        }
    }
}

impl FactTerm {
    fn holds(&self, record: &MessageRecord) -> bool {
        let state = &record.entry.state;
        match self {
            FactTerm::Label(label) => {
                let words = &state.keywords;
                words.iter().any(|word| word.eq_ignore_ascii_case(label))
            }
            FactTerm::In(name) => {
                name == MessageFilter::EVERY_FOLDER
                    || is_folder(name, &record.entry.folder, record.entry.special)
            }
            FactTerm::HasAttachment => record.summary.has_attachments,
            FactTerm::HasCode => !record.summary.codes.is_empty(),
            FactTerm::Seen => state.flags.has(Flags::SEEN),
            FactTerm::Flagged => state.flags.has(Flags::FLAGGED),
            FactTerm::Since(unix_ms) => record.entry.received_at >= *unix_ms,
            FactTerm::Until(unix_ms) => record.entry.received_at < *unix_ms,
            FactTerm::Larger(octets) => u64::from(record.entry.size) > *octets,
            FactTerm::Smaller(octets) => u64::from(record.entry.size) < *octets,
            FactTerm::Thread(thread) => *thread == Some(record.entry.thread),
            FactTerm::Verdict(wanted) => FilteredRow::from(record).has_verdict(wanted),
        }
    }
}

impl<'a> ShownMessage<'a> {
    /// A message with its octets.
    pub fn new(octets: &'a [u8], digest: Digest<'a>) -> ShownMessage<'a> {
        ShownMessage {
            octets,
            digest,
            text: None,
            plain: None,
        }
    }

    fn text(&mut self) -> &str {
        let (octets, digest) = (self.octets, &self.digest);
        self.text.get_or_insert_with(|| shown_text(octets, digest))
    }

    /// Whether a needle is in the subject, or in a name or an address.
    fn has_in_envelope(&self, needle: &LowerNeedle) -> bool {
        let envelope = self.digest.envelope();
        needle.is_in(&one_line(&envelope.subject_text(), usize::MAX))
            || [envelope.from, envelope.to, envelope.cc]
                .into_iter()
                .any(|list| is_named(needle, list))
    }

    fn has(&mut self, needle: &LowerNeedle) -> bool {
        if self.text.is_none() && self.lacks(needle) {
            return false;
        }
        needle.is_in(self.text())
    }

    /// Whether the octets of a plain message show already that a needle is not in its text.
    fn lacks(&mut self, needle: &LowerNeedle) -> bool {
        if needle.words.is_empty() {
            return false;
        }
        let (octets, digest) = (self.octets, &self.digest);
        let plain = self.plain.get_or_insert_with(|| {
            let is_plain = is_identity_text(digest) && octets.is_ascii();
            pace::spend(octets.len() / 4);
            is_plain.then(|| octets.to_ascii_lowercase())
        });
        let Some(text) = plain else {
            return false;
        };
        pace::spend(text.len() / 4);
        // A control may stand within a word and is not shown. No octet ends the look early: that
        // is faster.
        let is_shown = |octet: &u8| {
            (*octet >= b' ' && *octet <= b'~')
                | (*octet == b'\r')
                | (*octet == b'\n')
                | (*octet == b'\t')
        };
        needle.words.iter().any(|word| word.find(text).is_none())
            && text.iter().fold(true, |all, octet| all & is_shown(octet))
    }
}

/// Whether a needle is in a name or an address of a list.
fn is_named(needle: &LowerNeedle, list: AddressItems<'_>) -> bool {
    list.mailboxes()
        .any(|mailbox| shown_forms(&mailbox).iter().any(|text| needle.is_in(text)))
}

/// The text around a place on one line, with an ellipsis where it goes on.
fn around(text: &str, place: core::ops::Range<usize>) -> String {
    let (before, rest) = text.split_at_checked(place.start).unwrap_or(("", text));
    let from = before
        .char_indices()
        .rev()
        .nth(SNIPPET_BEFORE - 1)
        .map_or(0, |(at, _)| at);
    let len = rest.char_indices().nth(SNIPPET_CHARS - SNIPPET_BEFORE);
    let to = len.map_or(text.len(), |(at, _)| place.start + at);
    let line = one_line(text.get(from..to).unwrap_or_default(), SNIPPET_CHARS);
    let begin = if from > 0 { "…" } else { "" };
    let end = if to < text.len() { "…" } else { "" };
    format!("{begin}{}{end}", line.trim())
}

/// Characters of a snippet, and how many of them stand before what was found.
const SNIPPET_CHARS: usize = 200;
const SNIPPET_BEFORE: usize = 60;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_has_the_words_around_the_first_hit() {
        let long = format!("{} needle {}", "é ".repeat(300), "x ".repeat(300));
        for (text, needle, want) in [
            ("one two", "TWO", "one two".to_owned()),
            ("İstanbul Straße", "straße", "İstanbul Straße".to_owned()),
            (
                &long,
                "needle",
                format!(
                    "…{} needle {}…",
                    "é ".repeat(29).trim(),
                    "x ".repeat(67).trim()
                ),
            ),
        ] {
            let place = LowerNeedle::new(needle).place_in(text);
            let found = place.map(|place| around(text, place)).unwrap_or_default();
            assert!(found.chars().count() <= SNIPPET_CHARS + 2);
            assert_eq!(found, want);
        }
        let place = LowerNeedle::new("STANBUL").place_in("İstanbul");
        assert_eq!(place, Some(2..9));
    }
}
