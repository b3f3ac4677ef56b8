//! The kinds of fields in JSON Schema (draft 2020-12, which OpenAPI 3.1 uses), and in a few
//! words for people. Both say the same of a kind, side by side.

use crate::call::{Limits, SCORE_MAX, Scopes};
use crate::http::api::fields::{FOLDER_NAME, FieldKind, FieldRow, Presence, TextBound};
use crate::http::api::shapes::Described;
use crate::http::api::values::{
    DOMAIN_CHARACTERS_MAX, FIELD_VALUE_BYTES_MAX, MEDIA_TYPE_CHARACTERS_MAX,
};
use crate::http::wire::json::{self, Object};
use crate::http::wire::target::ADDRESS_BYTES_MAX;
use crate::mail::text::query::OPERATORS;

/// Writes the schema of a kind into an object that has begun. Null is added by the row.
pub(crate) fn write_kind(o: &mut Object<'_>, kind: FieldKind, limits: &Limits) {
    match kind {
        FieldKind::Text(bound) => text(o, bound, limits),
        FieldKind::Line(bound) => {
            text(o, bound, limits);
            o.text("pattern", ONE_LINE);
        }
        FieldKind::Plain(bound) => {
            text(o, bound, limits);
            o.text("pattern", PLAIN);
        }
        FieldKind::Token(bound) => {
            text(o, bound, limits);
            o.text("pattern", "^[!-~]([ -~]*[!-~])?$");
        }
        FieldKind::Label(max) => {
            text(o, crate::http::api::fields::octets(max), limits);
            o.text("pattern", ONE_LINE);
        }
        FieldKind::DomainName => {
            o.text("type", "string");
            o.text("format", "idn-hostname");
            o.number("minLength", 1);
            o.number("maxLength", DOMAIN_CHARACTERS_MAX as u64);
        }
        FieldKind::FolderName => {
            text(o, FOLDER_NAME, limits);
            o.text("pattern", &folder_name(limits.mailbox_depth));
        }
        FieldKind::Base64 => {
            o.text("type", "string");
            o.text("contentEncoding", "base64");
        }
        FieldKind::MediaType => {
            o.text("type", "string");
            o.number("maxLength", MEDIA_TYPE_CHARACTERS_MAX as u64);
            o.text("pattern", MEDIA_TYPE);
        }
        FieldKind::Flag => o.text("type", "boolean"),
        FieldKind::Number { min, max } => {
            o.text("type", "integer");
            o.number("minimum", min);
            o.number("maximum", max.min(i64::MAX as u64));
        }
        FieldKind::Score => score(o),
        FieldKind::Scores(max) => {
            o.text("type", "object");
            o.number("maxProperties", max as u64);
            o.object("additionalProperties", score);
        }
        FieldKind::Time => {
            o.text("type", "string");
            o.text("format", "date-time");
        }
        FieldKind::AnyObject(_) => o.text("type", "object"),
        FieldKind::Id(prefix) => {
            o.text("type", "string");
            o.text("pattern", &format!("^{prefix}{ID_DIGITS}$"));
        }
        FieldKind::InboxName => {
            o.text("type", "string");
            o.number("maxLength", ADDRESS_BYTES_MAX as u64);
            o.text("pattern", INBOX_NAME);
        }
        FieldKind::DomainRef => pattern(o, DOMAIN_REF),
        FieldKind::AttachmentId => pattern(o, "^att_(0|[1-9][0-9]{0,4})$"),
        FieldKind::OneOf(words) => one_of(o, words),
        // Any value but null is refused.
        FieldKind::Object(shape) => reference(o, shape.name()),
        FieldKind::SearchWords(max) => search_words(o, max),
        FieldKind::HeaderFields => header_fields(o),
        FieldKind::Addresses => addresses(o),
        FieldKind::EventOrTime => event_or_time(o, i64::MAX as u64),
        FieldKind::TimeOrAll => event_or_time(o, 0),
        FieldKind::Ids(max) => ids(o, max),
        FieldKind::EventNumbers(max) => {
            o.number("minItems", 1);
            o.number("maxItems", max as u64);
            let (min, max) = (1, u64::MAX);
            array(o, |o| write_kind(o, FieldKind::Number { min, max }, limits));
        }
        FieldKind::SomeOf(words) => array(o, |o| write_kind(o, FieldKind::OneOf(words), limits)),
        FieldKind::InboxNames => array(o, |o| write_kind(o, FieldKind::InboxName, limits)),
        FieldKind::Scopes => {
            o.number("minItems", 1);
            array(o, |o| {
                o.text("type", "string");
                o.texts("enum", Scopes::NAMES.map(|(name, _)| name));
            });
        }
        FieldKind::LabelLines => array(o, one_line),
        FieldKind::Labels => array(o, |o| pattern(o, LABEL)),
        FieldKind::Keyword => pattern(o, LABEL),
        FieldKind::Scalar(max) => scalar(o, max),
        FieldKind::WordsOrObjects(words, table) => array(o, |o| {
            words_or_object(o, words, table.name);
        }),
        FieldKind::Sender => pattern(o, SENDER),
        FieldKind::Objects(table) => array(o, |o| reference(o, table.name)),
        FieldKind::Nested(table) => reference(o, table.name),
        FieldKind::List(kind) => array(o, |o| write_kind(o, *kind, limits)),
    }
}

fn one_of(o: &mut Object<'_>, words: &[&str]) {
    o.text("type", "string");
    o.texts("enum", words);
}

/// One of these words, or an object of this name.
fn words_or_object(o: &mut Object<'_>, words: &[&str], table: &str) {
    json::list(o.value("anyOf"), [true, false], |out, is_word| {
        json::object(out, |o| match is_word {
            true => one_of(o, words),
            false => reference(o, table),
        });
    });
}

fn pattern(o: &mut Object<'_>, pattern: &str) {
    o.text("type", "string");
    o.text("pattern", pattern);
}

fn text(o: &mut Object<'_>, bound: TextBound, limits: &Limits) {
    o.text("type", "string");
    if bound.min > 0 {
        o.number("minLength", bound.min as u64);
    }
    if let Some((max, _)) = bound.max.bound(limits) {
        o.number("maxLength", max as u64);
    }
}

/// A text, a number, or true or false.
fn scalar(o: &mut Object<'_>, max: usize) {
    json::list(
        o.value("anyOf"),
        ["string", "number", "boolean"],
        |out, name| {
            json::object(out, |o| {
                o.text("type", name);
                if name == "string" {
                    o.number("maxLength", max as u64);
                }
            });
        },
    );
}

/// A number between the largest scores of both signs.
fn score(o: &mut Object<'_>) {
    o.text("type", "number");
    let most = SCORE_MAX.0 / 100;
    o.slot("minimum").shown_raw(-most);
    o.slot("maximum").shown_raw(most);
}

fn ids(o: &mut Object<'_>, max: usize) {
    o.number("minItems", 1);
    o.number("maxItems", max as u64);
    array(o, one_line);
}

fn array(o: &mut Object<'_>, item: impl FnOnce(&mut Object<'_>)) {
    o.text("type", "array");
    o.object("items", item);
}

/// A whole number up to `max`, or a time.
fn event_or_time(o: &mut Object<'_>, max: u64) {
    json::list(o.value("anyOf"), [true, false], |out, is_number| {
        json::object(out, |o| match is_number {
            true => {
                o.text("type", "integer");
                o.number("minimum", 0);
                o.number("maximum", max);
            }
            false => {
                o.text("type", "string");
                o.text("format", "date-time");
            }
        });
    });
}

fn addresses(o: &mut Object<'_>) {
    json::list(o.value("anyOf"), [true, false], |out, is_one| {
        json::object(out, |o| match is_one {
            true => address(o),
            false => array(o, address),
        });
    });
}

/// A text, or an object as messages show it.
fn address(o: &mut Object<'_>) {
    json::list(o.value("anyOf"), [true, false], |out, is_text| {
        json::object(out, |o| match is_text {
            true => one_line(o),
            false => {
                o.text("type", "object");
                o.object("properties", |o| {
                    o.object("name", |o| {
                        o.texts("type", ["string", "null"]);
                        o.text("pattern", ONE_LINE);
                    });
                    o.object("address", one_line);
                });
                o.texts("required", ["address"]);
                o.flag("additionalProperties", false);
            }
        });
    });
}

/// A query as a pattern: what `mail::text::query` reads.
fn search_words(o: &mut Object<'_>, max: usize) {
    o.text("type", "string");
    let more = max.saturating_sub(1);
    let name = |name: &str| -> String {
        let letters = name.chars();
        letters
            .map(|c| format!("[{}{c}]", c.to_ascii_uppercase()))
            .collect()
    };
    let names = |all: &[&str]| -> String {
        let all: Vec<String> = all.iter().map(|one| name(one)).collect();
        format!("({})", all.join("|"))
    };
    let phrase = r#""[^"]+""#;
    let value = format!(r#"({phrase}|[^\s"]\S*)"#);
    let texts = names(&["from", "to", "subject", "label", "in", "thread"]);
    let has = format!("{}:{}", name("has"), name("attachment"));
    let is = format!("{}:{}", name("is"), names(&["unread", "read", "flagged"]));
    let days = format!("{}:{SCHEMA_DAY}", names(&["after", "before"]));
    let sizes = format!("{}:[0-9]{{1,12}}[kKmM]?", names(&["larger", "smaller"]));
    let word = format!(r#"(?!-?("|{}:))[^\s"]\S*"#, names(&OPERATORS));
    let term = format!("(-?({texts}:{value}|{has}|{is}|{days}|{sizes}|{phrase})|{word})");
    o.text(
        "pattern",
        &format!("^\\s*{term}(\\s+{term}){{0,{more}}}\\s*$"),
    );
}

/// A day of a query. The leap day is left out, which a pattern cannot tell.
const SCHEMA_DAY: &str = "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))";

/// Levels with a slash between them, none of them empty.
fn folder_name(depth: usize) -> String {
    let more = depth.saturating_sub(1);
    format!("^{FOLDER_LEVEL}(/{FOLDER_LEVEL}){{0,{more}}}$")
}

fn one_line(o: &mut Object<'_>) {
    o.text("type", "string");
    o.text("pattern", ONE_LINE);
}

fn header_fields(o: &mut Object<'_>) {
    let value = |o: &mut Object<'_>| {
        o.text("type", "string");
        o.number("maxLength", FIELD_VALUE_BYTES_MAX as u64);
        o.text("pattern", ONE_LINE);
    };
    json::list(o.value("anyOf"), [true, false], |out, is_object| {
        json::object(out, |o| match is_object {
            true => {
                o.text("type", "object");
                o.object("patternProperties", |o| o.object(FIELD_NAME, value));
                o.flag("additionalProperties", false);
            }
            false => {
                o.text("type", "array");
                o.object("items", |o| {
                    o.text("type", "object");
                    o.object("properties", |o| {
                        o.object("name", |o| {
                            o.text("type", "string");
                            o.text("pattern", FIELD_NAME);
                        });
                        o.object("value", value);
                    });
                    o.texts("required", ["name", "value"]);
                    o.flag("additionalProperties", false);
                });
            }
        });
    });
}

/// Writes `$ref` to a schema of the document.
pub(crate) fn reference(o: &mut Object<'_>, name: &str) {
    o.text("$ref", &format!("#/components/schemas/{name}"));
}

/// Writes the schema of a row, with what null, absence and the sentence add.
pub(crate) fn write_row(o: &mut Object<'_>, row: &FieldRow, limits: &Limits) {
    if row.null {
        json::list(o.value("anyOf"), [false, true], |out, is_null| {
            json::object(out, |o| match is_null {
                true => o.text("type", "null"),
                false => write_kind(o, row.kind, limits),
            });
        });
    } else {
        write_kind(o, row.kind, limits);
    }
    o.text("description", row.says);
    if !row.default.is_empty() {
        o.slot("default").raw_or_null(Some(row.default));
    }
}

/// Writes the schema of an object. Requests are closed, since unknown fields are refused;
/// responses may have more fields in later versions.
pub(crate) fn write_object(
    o: &mut Object<'_>,
    shape: &dyn Described,
    closed: bool,
    limits: &Limits,
) {
    let fields = shape.fields();
    o.text("type", "object");
    o.text("description", shape.says());
    o.object("properties", |o| {
        for row in &fields {
            o.object(row.name, |o| write_row(o, row, limits));
        }
    });
    let required = fields
        .iter()
        .filter(|row| row.presence == Presence::Always)
        .map(|row| row.name);
    o.texts("required", required);
    if closed {
        o.flag("additionalProperties", false);
    }
}

/// The kind in a few words for people.
pub(crate) fn words(kind: FieldKind, limits: &Limits) -> String {
    let bounded = |noun: &str, bound: TextBound| match bound.max.bound(limits) {
        Some((max, unit)) => format!("{noun}, at most {max} {unit}"),
        None => noun.to_owned(),
    };
    match kind {
        FieldKind::Text(bound) => bounded("string", bound),
        FieldKind::Line(bound) => bounded("string of one line", bound),
        FieldKind::Plain(bound) => bounded("string", bound),
        FieldKind::Token(bound) => bounded("visible ASCII", bound),
        FieldKind::Label(max) => format!("string of one line, 1 to {max} octets"),
        FieldKind::DomainName => "domain name".to_owned(),
        FieldKind::FolderName => bounded("folder name", FOLDER_NAME),
        FieldKind::Base64 => "base64".to_owned(),
        FieldKind::MediaType => "media type".to_owned(),
        FieldKind::Flag => "true or false".to_owned(),
        FieldKind::Number { min, max: u64::MAX } => format!("integer from {min}"),
        FieldKind::Number { min, max } => format!("integer, {min} to {max}"),
        FieldKind::Score => format!("number, -{SCORE_MAX} to {SCORE_MAX}"),
        FieldKind::Scores(max) => format!("object of at most {max} numbers"),
        FieldKind::Time => "RFC 3339 time".to_owned(),
        FieldKind::AnyObject(max) => format!("object, at most {max} octets"),
        FieldKind::Id(prefix) => format!("id {prefix}…"),
        FieldKind::InboxName => "inbox id or address".to_owned(),
        FieldKind::DomainRef => "domain id or name".to_owned(),
        FieldKind::AttachmentId => "id att_…".to_owned(),
        FieldKind::EventOrTime => "event number or RFC 3339 time".to_owned(),
        FieldKind::TimeOrAll => "RFC 3339 time, or 0".to_owned(),
        FieldKind::Ids(max) => format!("1 to {max} ids"),
        FieldKind::EventNumbers(max) => format!("1 to {max} numbers of events"),
        FieldKind::OneOf(words) => words.join(" | "),
        FieldKind::Scalar(max) => {
            format!("string of at most {max} octets, number, or true or false")
        }
        FieldKind::WordsOrObjects(words, table) => {
            format!("list of {}, or {} objects", words.join(", "), table.name)
        }
        FieldKind::SomeOf(words) => format!("any of {}", words.join(", ")),
        FieldKind::InboxNames => "list of inbox ids or addresses".to_owned(),
        FieldKind::Scopes => {
            let names: Vec<&str> = Scopes::NAMES.iter().map(|(name, _)| *name).collect();
            format!("list of {}", names.join(", "))
        }
        FieldKind::Addresses => {
            "address, or list of addresses; each a string or {name, address}".to_owned()
        }
        FieldKind::Labels | FieldKind::LabelLines => "list of labels".to_owned(),
        FieldKind::Keyword => "label".to_owned(),
        FieldKind::Sender => "address or domain".to_owned(),
        FieldKind::HeaderFields => "object, or list of {name, value}".to_owned(),
        FieldKind::SearchWords(max) => format!("1 to {max} words"),
        FieldKind::Objects(table) => format!("list of {}", table.name),
        FieldKind::Nested(table) => table.name.to_owned(),
        FieldKind::Object(shape) => shape.name().to_owned(),
        FieldKind::List(kind) => format!("list of {}", self::words(*kind, limits)),
    }
}

/// No control character and no separator that some reader takes for the end of a line.
const ONE_LINE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$";
/// One level of the name of a folder.
const FOLDER_LEVEL: &str = "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029*%/]+";
/// What follows the prefix of an id.
const ID_DIGITS: &str = "[0-9A-Za-z]{11}";
/// No control character: percent-encoding cannot bring one in.
const PLAIN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// An id, or anything with an at sign.
const INBOX_NAME: &str =
    "^(inb_[0-9A-Za-z]{11}|[^\\u0000-\\u001f\\u007f-\\u009f]*@[^\\u0000-\\u001f\\u007f-\\u009f]*)$";
/// An id, or anything with a dot.
const DOMAIN_REF: &str = "^(dom_[0-9A-Za-z]{11}|[^\\u0000-\\u001f\\u007f-\\u009f]*[.][^\\u0000-\\u001f\\u007f-\\u009f]*)$";
/// Two tokens with a slash between them, and parameters.
const MEDIA_TYPE: &str = "^([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(;[ -~]*)?)?$";
/// An atom of IMAP of up to 64 octets (RFC 3501 section 9).
const LABEL: &str = "^[!#$&'+-\\[^-z|}~]{1,64}$";
/// An address, a domain behind an `@`, or a domain with a dot in it; no white space, no controls.
const SENDER: &str = "^([^\\s\\u0000-\\u001f\\u007f-\\u009f]*@[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+\
                      |[^@\\s\\u0000-\\u001f\\u007f-\\u009f]*[^@.\\s\\u0000-\\u001f\\u007f-\\u009f]\\.\
                      [^@.\\s\\u0000-\\u001f\\u007f-\\u009f][^@\\s\\u0000-\\u001f\\u007f-\\u009f]*)$";
/// `X-*` and `List-*`.
const FIELD_NAME: &str = "^([Xx]-|[Ll][Ii][Ss][Tt]-)[A-Za-z0-9_-]{1,70}$";
