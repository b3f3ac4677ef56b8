//! Reads a request by its table: a JSON body or a query becomes values, each checked against
//! its row. Reading is strict: an unknown field, a wrong type and a text over its bound are
//! refused by name, with the place of the field in the body.
//!
//! A route takes each value by its name, once. In debug builds a name that is not in the table
//! and a value that no route takes are panics, so that every test finds them.

use super::fields::{BodyTable, FieldKind, FieldRow, Presence, TextBound};
use super::numbers::{FieldResult, ScalarValue, must_be_number, number, scalar, score, scores};
use super::operation::CURSOR;
use super::problems::{Problem, printable};
use super::recipients::addresses;
use super::refused::refused;
use crate::call::bounds::{check_keyword, check_line, is_one_line};
use crate::call::{
    Countable, DraftAddress, InboxRef, Limits, Refusal, Scopes, Score, ThreadId, sender_filter,
};
use crate::crypto::Sha256;
use crate::http::wire::json::{Json, JsonFields};
use crate::http::wire::target::{Query, digits, inbox_ref};
use crate::mail::text::query;
use crate::mail::time::parse_rfc3339;
use crate::mail::write::field;

/// The values of one object or query, by the names of its table.
#[derive(Debug, Default)]
pub(crate) struct Values {
    left: Vec<(&'static str, FieldValue)>,
    table: &'static [FieldRow],
}

/// One value.
#[derive(Debug)]
enum FieldValue {
    /// Null where it clears.
    Null,
    Text(String),
    Flag(bool),
    Number(u64),
    Numbers(Vec<u64>),
    Score(Score),
    Scores(Vec<(String, Score)>),
    /// Unix milliseconds.
    Time(i64),
    Texts(Vec<String>),
    Addresses(Vec<DraftAddress>),
    Scopes(Scopes),
    Inbox(InboxRef),
    Inboxes(Vec<InboxRef>),
    Thread(ThreadId),
    /// Names and values.
    Members(Vec<(String, String)>),
    Objects(Vec<Values>),
    Scalar(ScalarValue),
    WordsOrObjects(Vec<Result<&'static str, Values>>),
}

impl Values {
    /// Of a whole body. An empty one is an object without fields where the table allows it. What
    /// the body says is added to `digest`.
    pub fn of_body(
        table: &'static BodyTable,
        body: &[u8],
        limits: &Limits,
        digest: Option<&mut Sha256>,
    ) -> FieldResult<Values> {
        if table.optional && body.is_empty() {
            return Ok(Values::default());
        }
        let fields = JsonFields::of_body(body)?;
        if let Some(digest) = digest {
            fields.digest(digest);
        }
        Values::of_object(table.fields, fields, limits)
    }

    /// Of an object that has been read.
    pub fn of_object(
        table: &'static [FieldRow],
        mut fields: JsonFields<'_>,
        limits: &Limits,
    ) -> FieldResult<Values> {
        let mut left = Vec::with_capacity(table.len());
        let mut missing = None;
        for row in table {
            match fields.take(row.name) {
                Some(Json::Null) if row.presence == Presence::Clears => {
                    left.push((row.name, FieldValue::Null));
                }
                None | Some(Json::Null) => {
                    if row.presence == Presence::Always {
                        missing = missing.or_else(|| Some(fields.name(row.name)));
                    }
                }
                Some(value) => {
                    let place = fields.name(row.name);
                    left.push((row.name, of_json(row.kind, &place, value, limits)?));
                }
            }
        }
        fields.end()?;
        match missing {
            Some(place) => Err(Problem::invalid(&place, "is missing")),
            None => Ok(Values { left, table }),
        }
    }

    /// Of a query whose names have been checked. An empty value is refused: a program that lacks a
    /// value must not get a list of all. But an empty `cursor` is the first page.
    pub fn of_query(table: &'static [FieldRow], query: &Query) -> FieldResult<Values> {
        let mut left = Vec::new();
        for row in table {
            if let Some(value) = query.text(row.name) {
                left.push((row.name, of_parameter(row, query, value)?));
            } else if query.is_given(row.name) && row.name != CURSOR.name {
                let why = "is empty: give it a value or leave it out";
                return Err(Problem::invalid(row.name, why));
            } else if let Ok(number) = row.default.parse() {
                left.push((row.name, FieldValue::Number(number)));
            }
        }
        Ok(Values { left, table })
    }

    /// The names of the values that have not been taken.
    pub fn untaken(&self) -> Vec<&'static str> {
        self.left.iter().map(|(name, _)| *name).collect()
    }

    fn take(&mut self, name: &str) -> Option<FieldValue> {
        debug_assert!(
            self.table.is_empty() || self.table.iter().any(|row| row.name == name),
            "{name} is not in the table"
        );
        let at = self.left.iter().position(|(n, _)| *n == name)?;
        Some(self.left.swap_remove(at).1)
    }

    /// Null is `Some(None)`.
    pub fn clearable_text(&mut self, name: &str) -> Option<Option<String>> {
        self.take(name).map(|value| match value {
            FieldValue::Text(text) => Some(text),
            other => null(name, &other),
        })
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.clearable_text(name).flatten()
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.take(name).and_then(|value| match value {
            FieldValue::Flag(on) => Some(on),
            other => null(name, &other),
        })
    }

    pub fn number(&mut self, name: &str) -> Option<u64> {
        self.take(name).and_then(|value| match value {
            FieldValue::Number(number) => Some(number),
            other => null(name, &other),
        })
    }

    pub fn numbers(&mut self, name: &str) -> Option<Vec<u64>> {
        self.take(name).and_then(|value| match value {
            FieldValue::Numbers(numbers) => Some(numbers),
            other => null(name, &other),
        })
    }

    pub fn score(&mut self, name: &str) -> Option<Score> {
        self.take(name).and_then(|value| match value {
            FieldValue::Score(score) => Some(score),
            other => null(name, &other),
        })
    }

    /// None where the field is absent.
    pub fn scores(&mut self, name: &str) -> Vec<(String, Score)> {
        let scores = self.take(name).and_then(|value| match value {
            FieldValue::Scores(scores) => Some(scores),
            other => null(name, &other),
        });
        scores.unwrap_or_default()
    }

    /// Null is `Some(None)`.
    pub fn clearable_number<N: TryFrom<u64>>(&mut self, name: &str) -> Option<Option<N>> {
        self.take(name).map(|value| match value {
            FieldValue::Number(number) => N::try_from(number).ok(),
            other => null(name, &other),
        })
    }

    /// Null is `Some(None)`.
    pub fn clearable_time(&mut self, name: &str) -> Option<Option<i64>> {
        self.take(name).map(|value| match value {
            FieldValue::Time(ms) => Some(ms),
            other => null(name, &other),
        })
    }

    /// One object; null is `Some(None)`.
    pub fn nested(&mut self, name: &str) -> Option<Option<Values>> {
        self.take(name).map(|value| match value {
            FieldValue::Objects(mut objects) => objects.pop(),
            other => null(name, &other),
        })
    }

    /// Unix milliseconds.
    pub fn time(&mut self, name: &str) -> Option<i64> {
        self.take(name).and_then(|value| match value {
            FieldValue::Time(ms) => Some(ms),
            other => null(name, &other),
        })
    }

    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.take(name).and_then(|value| match value {
            FieldValue::Texts(texts) => Some(texts),
            other => null(name, &other),
        })
    }

    /// Words that each name something. Without a word it is absent.
    pub fn words<T>(&mut self, name: &str, named: fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let words = self.texts(name)?;
        Some(words.iter().filter_map(|word| named(word)).collect())
    }

    /// None where the field is absent.
    pub fn addresses(&mut self, name: &str) -> Vec<DraftAddress> {
        self.given_addresses(name).unwrap_or_default()
    }

    /// The same, where absence is not an empty list.
    pub fn given_addresses(&mut self, name: &str) -> Option<Vec<DraftAddress>> {
        self.take(name).and_then(|value| match value {
            FieldValue::Addresses(addresses) => Some(addresses),
            other => null(name, &other),
        })
    }

    pub fn scopes(&mut self, name: &str) -> Option<Scopes> {
        self.take(name).and_then(|value| match value {
            FieldValue::Scopes(scopes) => Some(scopes),
            other => null(name, &other),
        })
    }

    /// Null is `Some(None)`.
    pub fn clearable_inbox(&mut self, name: &str) -> Option<Option<InboxRef>> {
        self.take(name).map(|value| match value {
            FieldValue::Inbox(inbox) => Some(inbox),
            other => null(name, &other),
        })
    }

    pub fn inbox(&mut self, name: &str) -> Option<InboxRef> {
        self.clearable_inbox(name).flatten()
    }

    pub fn inboxes(&mut self, name: &str) -> Option<Vec<InboxRef>> {
        self.take(name).and_then(|value| match value {
            FieldValue::Inboxes(inboxes) => Some(inboxes),
            other => null(name, &other),
        })
    }

    pub fn conversation(&mut self, name: &str) -> Option<ThreadId> {
        self.take(name).and_then(|value| match value {
            FieldValue::Thread(id) => Some(id),
            other => null(name, &other),
        })
    }

    /// Names and values, in their order.
    pub fn members(&mut self, name: &str) -> Vec<(String, String)> {
        let members = self.take(name).and_then(|value| match value {
            FieldValue::Members(members) => Some(members),
            other => null(name, &other),
        });
        members.unwrap_or_default()
    }

    pub fn objects(&mut self, name: &str) -> Vec<Values> {
        self.given_objects(name).unwrap_or_default()
    }

    /// The same, where absence is not an empty list.
    pub fn given_objects(&mut self, name: &str) -> Option<Vec<Values>> {
        self.take(name).and_then(|value| match value {
            FieldValue::Objects(objects) => Some(objects),
            other => null(name, &other),
        })
    }

    /// A text, a number, or true or false.
    pub fn scalar(&mut self, name: &str) -> Option<ScalarValue> {
        self.take(name).and_then(|value| match value {
            FieldValue::Scalar(value) => Some(value),
            other => null(name, &other),
        })
    }

    /// Words as they are, and objects.
    pub fn words_or_objects(&mut self, name: &str) -> Option<Vec<Result<&'static str, Values>>> {
        self.take(name).and_then(|value| match value {
            FieldValue::WordsOrObjects(all) => Some(all),
            other => null(name, &other),
        })
    }

    /// `limit`: how many rows a page has.
    pub fn limit(&mut self) -> usize {
        let limit = self.number("limit").unwrap_or_default();
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

/// What is no value of the kind that was asked for is null, or a row of another kind.
fn null<T>(name: &str, value: &FieldValue) -> Option<T> {
    debug_assert!(
        matches!(value, FieldValue::Null),
        "{name} is not of the kind that its route takes"
    );
    None
}

/// A list of numbers from 1 on.
fn numbers(place: &str, value: &Json<'_>, max: usize) -> FieldResult<Vec<u64>> {
    match value {
        Json::List(items) if (1..=max).contains(&items.len()) => {
            let read = |item: &Json<'_>| number(place, item, (1, u64::MAX));
            items.iter().map(read).collect()
        }
        _ => Err(Problem::invalid(
            place,
            &format!("must have 1 to {max} numbers"),
        )),
    }
}

/// One value of a body.
fn of_json(
    kind: FieldKind,
    place: &str,
    value: Json<'_>,
    limits: &Limits,
) -> FieldResult<FieldValue> {
    let wrong = |why: &str| Err(Problem::invalid(place, why));
    match kind {
        FieldKind::Text(_)
        | FieldKind::Line(_)
        | FieldKind::Label(_)
        | FieldKind::DomainName
        | FieldKind::FolderName
        | FieldKind::Base64
        | FieldKind::MediaType
        | FieldKind::Time
        | FieldKind::OneOf(_)
        | FieldKind::Id(_)
        | FieldKind::AttachmentId
        | FieldKind::InboxName => match value {
            Json::Text(text) => of_text(kind, place, text.into_owned(), limits),
            _ => wrong("must be a string"),
        },
        FieldKind::Flag => match value {
            Json::Bool(on) => Ok(FieldValue::Flag(on)),
            _ => wrong("must be true or false"),
        },
        FieldKind::AnyObject(max) => any_object(place, &value, max),
        FieldKind::Scopes => scopes(place, lines(place, value)?),
        FieldKind::InboxNames => {
            let texts = lines(place, value)?;
            let all: Option<Vec<InboxRef>> = texts.iter().map(|text| inbox_ref(text)).collect();
            match all {
                Some(all) => Ok(FieldValue::Inboxes(all)),
                None => wrong("must have inbox ids or addresses"),
            }
        }
        FieldKind::Addresses => addresses(place, value, limits).map(FieldValue::Addresses),
        FieldKind::Labels | FieldKind::LabelLines => lines(place, value).map(FieldValue::Texts),
        FieldKind::Ids(max) => {
            let ids = lines(place, value)?;
            match ids.len() {
                0 => wrong("must have at least one id"),
                n if n > max => wrong(&format!("has {n} ids and must have at most {max}")),
                _ => Ok(FieldValue::Texts(ids)),
            }
        }
        FieldKind::EventNumbers(max) => numbers(place, &value, max).map(FieldValue::Numbers),
        FieldKind::HeaderFields => header_fields(place, value),
        FieldKind::SomeOf(words) => {
            let all = lines(place, value)?;
            for word in &all {
                is_one_of(place, words, word)?;
            }
            Ok(FieldValue::Texts(all))
        }
        FieldKind::Objects(table) => match value {
            Json::List(items) if items.len() > limits.http_list_items => {
                let what = Countable::ListItems;
                let max = limits.http_list_items as u64;
                Err(refused(&Refusal::Limit { what, max }, limits).of(place))
            }
            Json::List(items) => {
                let read = |(at, item)| {
                    let fields = JsonFields::of(item, &format!("{place}[{at}]"))?;
                    Values::of_object(table.fields, fields, limits)
                };
                let all: FieldResult<Vec<Values>> =
                    items.into_iter().enumerate().map(read).collect();
                all.map(FieldValue::Objects)
            }
            _ => wrong("must be a list"),
        },
        FieldKind::Scalar(max) => scalar(place, value, max).map(FieldValue::Scalar),
        FieldKind::WordsOrObjects(words, table) => {
            let Json::List(items) = value else {
                return wrong("must be a list");
            };
            let read = |(at, item)| {
                words_or_object((words, table), &format!("{place}[{at}]"), item, limits)
            };
            let all: FieldResult<Vec<_>> = items.into_iter().enumerate().map(read).collect();
            all.map(FieldValue::WordsOrObjects)
        }
        FieldKind::Nested(table) => {
            let fields = members(table, value, place)?;
            let values = Values::of_object(table.fields, fields, limits)?;
            Ok(FieldValue::Objects(vec![values]))
        }
        FieldKind::Number { min, max } => number(place, &value, (min, max)).map(FieldValue::Number),
        FieldKind::Score => score(place, &value).map(FieldValue::Score),
        FieldKind::Scores(max) => scores(place, value, max).map(FieldValue::Scores),
        // These are kinds of queries, paths and responses.
        FieldKind::Plain(_)
        | FieldKind::Keyword
        | FieldKind::Sender
        | FieldKind::Token(_)
        | FieldKind::DomainRef
        | FieldKind::EventOrTime
        | FieldKind::TimeOrAll
        | FieldKind::SearchWords(_)
        | FieldKind::Object(_)
        | FieldKind::List(_) => Err(Problem::not_supported(place)),
    }
}

/// An object of the client's own, of so many octets at most.
fn any_object(place: &str, value: &Json<'_>, max: usize) -> FieldResult<FieldValue> {
    let Json::Object(_) = value else {
        return Err(Problem::invalid(place, "must be an object"));
    };
    let mut text = Vec::new();
    value.write(&mut text);
    if text.len() > max {
        let why = format!("must be at most {max} octets long");
        return Err(Problem::invalid(place, &why));
    }
    let text = String::from_utf8(text).unwrap_or_default();
    Ok(FieldValue::Text(text))
}

/// One of these words, or an object by this table.
fn words_or_object(
    (words, table): (&'static [&'static str], &'static BodyTable),
    place: &str,
    item: Json<'_>,
    limits: &Limits,
) -> FieldResult<Result<&'static str, Values>> {
    match item {
        Json::Text(text) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Ok(word)),
            None => {
                let why = format!("must be {}, or an object", words.join(", "));
                Err(Problem::invalid(place, &why))
            }
        },
        item => {
            let fields = members(table, item, place)?;
            Values::of_object(table.fields, fields, limits).map(Err)
        }
    }
}

/// The fields of an object by this table. The error for another value has an object of what the
/// table needs, or of its first field.
fn members<'a>(
    table: &'static BodyTable,
    value: Json<'a>,
    place: &str,
) -> FieldResult<JsonFields<'a>> {
    if let Json::Object(_) = value {
        return JsonFields::of(value, place);
    }
    let show = |field: &FieldRow| format!("\"{}\":{}", field.name, field.example);
    let needed = table.fields.iter();
    let needed = needed.filter(|field| field.presence == Presence::Always);
    let mut shown: Vec<String> = needed.map(show).collect();
    if shown.is_empty() {
        shown.extend(table.fields.first().map(show));
    }
    let why = format!("must be an object such as {{{}}}", shown.join(","));
    Err(Problem::invalid(place, &why))
}

/// Words in a sentence: `` `a`, `b` or `c` ``.
pub(crate) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [all @ .., last] => format!("`{}` or `{last}`", all.join("`, `")),
    }
}

/// One value that is a text in JSON.
fn of_text(kind: FieldKind, place: &str, text: String, limits: &Limits) -> FieldResult<FieldValue> {
    let fits = |bound: TextBound, text: &str| match bound.refusal(text, limits) {
        Some(why) => Err(Problem::invalid(place, &why)),
        None => Ok(()),
    };
    let is_line = |text: &str| match is_one_line(text) {
        true => Ok(()),
        false => Err(Problem::header_value(place)),
    };
    match kind {
        FieldKind::Line(bound) => {
            fits(bound, &text)?;
            is_line(&text)?;
        }
        FieldKind::Label(max) => {
            check_line(&text, max).map_err(|why| Problem::invalid(place, &why))?;
        }
        FieldKind::DomainName => {
            fits(super::fields::characters(DOMAIN_CHARACTERS_MAX), &text)?;
            is_line(&text)?;
        }
        FieldKind::FolderName => {
            fits(super::fields::FOLDER_NAME, &text)?;
            is_line(&text)?;
            folder_name(place, &text, limits)?;
        }
        FieldKind::MediaType => {
            fits(super::fields::characters(MEDIA_TYPE_CHARACTERS_MAX), &text)?;
            is_line(&text)?;
            let essence = text.split(';').next().unwrap_or_default().trim();
            if !text.is_empty() && !is_media_type(essence) {
                let why = "must be a media type such as text/plain";
                return Err(Problem::invalid(place, why));
            }
        }
        FieldKind::Time => return time(place, &text),
        FieldKind::OneOf(words) => is_one_of(place, words, &text)?,
        FieldKind::InboxName => return inbox(place, &text),
        FieldKind::Text(bound) => fits(bound, &text)?,
        _ => {}
    }
    Ok(FieldValue::Text(text))
}

/// One value of a query.
fn of_parameter(row: &FieldRow, query: &Query, text: &str) -> FieldResult<FieldValue> {
    let name = row.name;
    let wrong = |why: &str| Err(Problem::invalid(name, why));
    match row.kind {
        FieldKind::Flag => match text {
            "true" | "1" => Ok(FieldValue::Flag(true)),
            "false" | "0" => Ok(FieldValue::Flag(false)),
            _ => wrong("must be true or false"),
        },
        FieldKind::Number { min, max } => match digits(text) {
            Some(number) if (min..=max).contains(&number) => Ok(FieldValue::Number(number)),
            _ => wrong(&must_be_number(min, max)),
        },
        FieldKind::Time => time(name, text),
        FieldKind::InboxName => match inbox_ref(text) {
            Some(inbox) => Ok(FieldValue::Inbox(inbox)),
            None => Err(Problem::not_found("inbox")),
        },
        FieldKind::Id(ThreadId::PREFIX) => match ThreadId::parse(text) {
            Some(id) => Ok(FieldValue::Thread(id)),
            None => wrong("must be the id of a thread"),
        },
        FieldKind::OneOf(words) => {
            is_one_of(name, words, text)?;
            Ok(FieldValue::Text(text.to_owned()))
        }
        FieldKind::SomeOf(words) => {
            let all: Vec<String> = query.each(name).map(str::to_owned).collect();
            match !all.is_empty() && all.iter().all(|word| words.contains(&word.as_str())) {
                true => Ok(FieldValue::Texts(all)),
                false => wrong(&format!("must be {}", any_of(words))),
            }
        }
        FieldKind::InboxNames => {
            let all: Option<Vec<InboxRef>> = query.each(name).map(inbox_ref).collect();
            match all {
                Some(all) if !all.is_empty() => Ok(FieldValue::Inboxes(all)),
                _ => wrong("must be an inbox id or address"),
            }
        }
        FieldKind::SearchWords(_) => match query::parse(text) {
            Ok(terms) if terms.is_empty() => wrong("is empty: it must be what to look for"),
            Ok(_) => Ok(FieldValue::Text(text.to_owned())),
            Err(error) => wrong(&error.to_string()),
        },
        FieldKind::TimeOrAll if text == "0" => Ok(FieldValue::Time(0)),
        FieldKind::TimeOrAll => match parse_rfc3339(text) {
            Some(unix_ms) => Ok(FieldValue::Time(unix_ms)),
            None => wrong("must be 0, or an RFC 3339 time such as 2026-01-31T12:00:00Z"),
        },
        FieldKind::EventOrTime if digits(text).is_none() => match parse_rfc3339(text) {
            Some(_) => Ok(FieldValue::Text(text.to_owned())),
            None => wrong("must be the number of an event or an RFC 3339 time"),
        },
        FieldKind::Sender => match sender_filter(text) {
            Some(sender) => Ok(FieldValue::Text(sender)),
            None => wrong("must be an address or a domain: `ann@example.com`, `example.com`"),
        },
        FieldKind::Keyword => match check_keyword(text) {
            Ok(()) => Ok(FieldValue::Text(text.to_owned())),
            Err(why) => wrong(&why),
        },
        _ => Ok(FieldValue::Text(text.to_owned())),
    }
}

fn is_one_of(place: &str, words: &[&str], text: &str) -> FieldResult<()> {
    match words.contains(&text) {
        true => Ok(()),
        false => Err(Problem::invalid(
            place,
            &format!("must be {}", any_of(words)),
        )),
    }
}

fn time(place: &str, text: &str) -> FieldResult<FieldValue> {
    match parse_rfc3339(text) {
        Some(ms) => Ok(FieldValue::Time(ms)),
        None => Err(Problem::invalid(
            place,
            "must be an RFC 3339 time such as 2026-01-31T12:00:00Z",
        )),
    }
}

fn inbox(place: &str, text: &str) -> FieldResult<FieldValue> {
    match inbox_ref(text) {
        Some(inbox) => Ok(FieldValue::Inbox(inbox)),
        None => Err(Problem::invalid(place, "must be an inbox id or address")),
    }
}

fn scopes(place: &str, names: Vec<String>) -> FieldResult<FieldValue> {
    let mut scopes = Scopes::NONE;
    for name in &names {
        let scope = Scopes::named(name).ok_or_else(|| {
            let all: Vec<&str> = Scopes::NAMES.iter().map(|(name, _)| *name).collect();
            let why = format!(
                "names `{}`, which is no scope: each must be {}",
                printable(name),
                any_of(&all)
            );
            Problem::invalid(place, &why)
        })?;
        scopes = scopes.and(scope);
    }
    match names.is_empty() {
        true => Err(Problem::invalid(place, "must have at least one scope")),
        false => Ok(FieldValue::Scopes(scopes)),
    }
}

/// A list of lines.
fn lines(place: &str, value: Json<'_>) -> FieldResult<Vec<String>> {
    let Json::List(items) = value else {
        return Err(Problem::invalid(place, "must be a list of strings"));
    };
    let mut texts = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let place = || format!("{place}[{at}]");
        match item {
            Json::Text(text) if is_one_line(&text) => texts.push(text.into_owned()),
            Json::Text(_) => return Err(Problem::header_value(&place())),
            _ => return Err(Problem::invalid(&place(), "must be a string")),
        }
    }
    Ok(texts)
}

/// The rules of a mailbox name, which the service checks too.
fn folder_name(place: &str, text: &str, limits: &Limits) -> FieldResult<()> {
    let depth = limits.mailbox_depth;
    let why = if text.contains(['*', '%']) {
        "may have no * and no %".to_owned()
    } else if text.split('/').any(str::is_empty) {
        "has a level without a name".to_owned()
    } else if text.split('/').count() > depth {
        format!("must have at most {depth} levels")
    } else {
        return Ok(());
    };
    Err(Problem::invalid(place, &why))
}

/// `X-*` and `List-*` only, so that nothing structural can be forged. An object, or a list of
/// `{name, value}` as messages show them.
fn header_fields(place: &str, value: Json<'_>) -> FieldResult<FieldValue> {
    let mut members = Vec::new();
    match value {
        Json::Object(all) => {
            let named = all.into_iter().map(|(name, value)| {
                let place = format!("{place}.{name}");
                (place, name.into_owned(), value)
            });
            members.extend(named);
        }
        Json::List(items) => {
            for (at, item) in items.into_iter().enumerate() {
                members.push(named_field(&format!("{place}[{at}]"), item)?);
            }
        }
        _ => {
            let why = "must be an object, or a list of {name, value}";
            return Err(Problem::invalid(place, why));
        }
    }
    let mut own = Vec::with_capacity(members.len());
    for (place, name, value) in members {
        if !field::may_set(&name) {
            return Err(Problem::invalid(
                &place,
                "cannot be set; X-* and List-* can",
            ));
        }
        match value {
            Json::Text(text) if !is_one_line(&text) => return Err(Problem::header_value(&place)),
            Json::Text(text) if text.len() <= FIELD_VALUE_BYTES_MAX => {
                own.push((name, text.into_owned()));
            }
            Json::Text(_) => return Err(Problem::invalid(&place, "is too long")),
            _ => return Err(Problem::invalid(&place, "must be a string")),
        }
    }
    Ok(FieldValue::Members(own))
}

/// `{name, value}`: where it stands, its name, its value.
fn named_field<'a>(place: &str, item: Json<'a>) -> FieldResult<(String, String, Json<'a>)> {
    let mut one = JsonFields::of(item, place)?;
    let name_place = one.name("name");
    let name = match one.take("name") {
        None | Some(Json::Null) => None,
        Some(Json::Text(name)) => Some(name.into_owned()),
        Some(_) => return Err(Problem::invalid(&name_place, "must be a string")),
    };
    let value = one.take("value").unwrap_or(Json::Null);
    one.end()?;
    let name = name.ok_or_else(|| Problem::invalid(&name_place, "is missing"))?;
    Ok((place.to_owned(), name, value))
}

/// Two tokens with a slash between them (RFC 9110 section 8.3.1).
pub(crate) fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let parts = text.split_once('/');
    text.len() <= MEDIA_TYPE_CHARACTERS_MAX
        && parts.is_some_and(|(kind, sub)| token(kind) && token(sub))
}

/// RFC 5321 section 4.5.3.1.2; the form in punycode is checked by the product.
pub(crate) const DOMAIN_CHARACTERS_MAX: usize = 255;
/// Longer than any registered type.
pub(crate) const MEDIA_TYPE_CHARACTERS_MAX: usize = 255;
/// Octets of the value of a header field that a client sets: one line of RFC 5322 section
/// 2.1.1.
pub(crate) const FIELD_VALUE_BYTES_MAX: usize = 998;
