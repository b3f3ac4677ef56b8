//! The API as an OpenAPI 3.1 document: every route that exists, from the tables that the
//! server works by. The order is that of the tables, so that two runs give the same octets.
//! Planned routes are not in it.

use super::method::{method, noun};
use super::nouns::{SCOPES, about, rank};
use super::schema::{reference, write_kind, write_object, write_row};
use crate::call::bounds::IDEMPOTENCY_KEY_BYTES_MAX;
use crate::call::{Limits, Scopes};
use crate::http::api::codes::ErrorCode;
use crate::http::api::fields::{ANY, BodyTable, FieldKind, FieldRow, Presence, sometimes};
use crate::http::api::operation::{CURSOR, Gives, Operation, PATH_NAMES, ResponseContent, Takes};
use crate::http::api::problems::ERROR_FIELDS;
use crate::http::api::routes::{ROUTES, RouteNeed, RouteRow};
use crate::http::api::shapes::Described;
use crate::http::wire::json::{self, Object};

/// The document.
pub(crate) fn document(limits: &Limits) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 * 1024);
    json::object(&mut out, |o| {
        o.text("openapi", "3.1.0");
        o.object("info", |o| {
            o.text("title", "Postern");
            o.text("version", env!("CARGO_PKG_VERSION"));
            o.text("description", ABOUT);
            o.object("license", |o| {
                o.text("name", "MIT");
                o.text("identifier", "MIT");
            });
        });
        json::list(o.value("servers"), ["/"], |out, url| {
            json::object(out, |o| o.text("url", url));
        });
        json::list(o.value("tags"), nouns(), |out, noun| {
            json::object(out, |o| {
                o.text("name", noun);
                o.text("description", about(noun).1);
            });
        });
        o.object("paths", |o| paths(o, limits));
        o.object("components", |o| {
            o.object("schemas", |o| schemas(o, limits));
            o.object("securitySchemes", |o| {
                o.object("bearer", |o| {
                    o.text("type", "http");
                    o.text("scheme", "bearer");
                    o.text("description", BEARER);
                    o.object("x-scopes", |o| {
                        for (scope, says) in SCOPES {
                            o.text(scope, says);
                        }
                    });
                });
            });
            o.object("headers", answer_headers);
        });
    });
    out
}

/// Every row that does something.
pub(crate) fn rows() -> impl Iterator<Item = (&'static RouteRow, &'static Operation)> {
    ROUTES
        .iter()
        .filter_map(|row| Some((row, row.operation()?)))
}

/// The nouns of the operations, in the order of the table.
pub(crate) fn nouns() -> Vec<&'static str> {
    let mut nouns = Vec::new();
    for (_, operation) in rows() {
        let noun = noun(operation);
        if !nouns.contains(&noun) {
            nouns.push(noun);
        }
    }
    nouns.sort_by_key(|noun| rank(noun));
    nouns
}

fn paths(o: &mut Object<'_>, limits: &Limits) {
    let mut written: Vec<&str> = Vec::new();
    for (row, _) in rows() {
        if written.contains(&row.path) {
            continue;
        }
        written.push(row.path);
        o.object(row.path, |o| {
            for (row, operation) in rows().filter(|(other, _)| other.path == row.path) {
                o.object(&row.method.to_ascii_lowercase(), |o| {
                    write_operation(o, row, operation, limits);
                });
            }
        });
    }
}

fn write_operation(o: &mut Object<'_>, row: &RouteRow, operation: &Operation, limits: &Limits) {
    o.text("operationId", operation.id);
    o.text("x-method", &method(operation));
    o.texts("tags", [noun(operation)]);
    o.text("summary", operation.summary);
    let says = format!("{} {}", operation.says, need_words(row.need));
    o.text("description", &says);
    if let Some(scope) = scope(row.need) {
        o.text("x-scope", &scope);
    }
    security(o, row.need);
    parameters(o, row, operation, limits);
    match operation.takes {
        Takes::Nothing => {}
        Takes::Json(table) | Takes::Message(table) => request_body(o, table),
        Takes::Octets | Takes::MessageOctets => o.object("requestBody", |o| {
            o.flag("required", true);
            o.object("content", |o| {
                o.object("*/*", |o| o.object("schema", |_| {}));
            });
        }),
        Takes::Xml => o.object("requestBody", |o| {
            o.object("content", |o| {
                o.object("text/xml", |o| {
                    o.object("schema", |o| o.text("type", "string"))
                });
            });
        }),
    }
    o.object("responses", |o| {
        for gives in operation.gives {
            o.object(&gives.status.to_string(), |o| {
                write_gives(o, row, gives);
            });
        }
        let errors = row.errors();
        for status in statuses(&errors) {
            o.object(&status.to_string(), |o| write_errors(o, status, &errors));
        }
    });
}

/// What a caller must hold, as a sentence.
pub(crate) fn need_words(need: RouteNeed) -> String {
    match need {
        RouteNeed::Nothing => "No key is needed.".to_owned(),
        RouteNeed::Near => {
            "No key is needed on a loopback address; elsewhere only the token of the operator may \
             do it."
                .to_owned()
        }
        RouteNeed::Key => "Any key may do it.".to_owned(),
        RouteNeed::Operator | RouteNeed::AnyOperator => {
            "Only the token of the operator may do it.".to_owned()
        }
        RouteNeed::OrgAdmin => {
            "The key needs the scope `admin` and is bound to no inbox; the token of the operator \
             may do it too."
                .to_owned()
        }
        RouteNeed::Inboxes(scopes) => format!("The key needs {}.", scope_words(scopes)),
        RouteNeed::Organization(scopes) => format!(
            "The key needs {} and is bound to no inbox.",
            scope_words(scopes)
        ),
    }
}

fn scope_words(scopes: Scopes) -> String {
    let names: Vec<String> = scopes.names().map(|name| format!("`{name}`")).collect();
    match names.len() {
        1 => format!("the scope {}", names.concat()),
        _ => format!("the scopes {}", names.join(" and ")),
    }
}

/// The scopes that a route needs, with spaces between them.
pub(crate) fn scope(need: RouteNeed) -> Option<String> {
    match need {
        RouteNeed::Nothing | RouteNeed::Key => None,
        RouteNeed::OrgAdmin => Some("admin".to_owned()),
        RouteNeed::Near | RouteNeed::Operator | RouteNeed::AnyOperator => {
            Some("operator".to_owned())
        }
        RouteNeed::Inboxes(scopes) | RouteNeed::Organization(scopes) => {
            Some(scopes.names().collect::<Vec<_>>().join(" "))
        }
    }
}

fn security(o: &mut Object<'_>, need: RouteNeed) {
    let (without, with) = match need {
        RouteNeed::Nothing => (true, false),
        RouteNeed::Near => (true, true),
        _ => (false, true),
    };
    let ways = [(without, ""), (with, "bearer")];
    let ways = ways.iter().filter(|(is, _)| *is).map(|(_, name)| *name);
    json::list(o.value("security"), ways, |out, name| {
        json::object(out, |o| {
            if !name.is_empty() {
                o.texts::<&str>(name, []);
            }
        });
    });
}

fn parameters(o: &mut Object<'_>, row: &RouteRow, operation: &Operation, limits: &Limits) {
    let out = o.value("parameters");
    let mut all: Vec<(&str, FieldRow)> = Vec::new();
    for name in path_names(row.path) {
        all.push(("path", name));
    }
    all.extend(operation.query.iter().map(|row| ("query", *row)));
    all.extend(headers(row).into_iter().map(|row| ("header", row)));
    json::list(out, all, |out, (place, row)| {
        json::object(out, |o| {
            o.text("name", row.name);
            o.text("in", place);
            o.flag("required", row.presence == Presence::Always);
            o.text("description", row.says);
            o.object("schema", |o| {
                write_kind(o, row.kind, limits);
                if place == "query" && is_refused_empty(&row) {
                    o.number("minLength", 1);
                }
                if !row.default.is_empty() {
                    o.slot("default").raw_or_null(Some(row.default));
                }
            });
            if !row.example.is_empty() {
                example(o, &row);
            }
        });
    });
}

/// Whether an empty parameter is refused although its kind has empty texts.
fn is_refused_empty(row: &FieldRow) -> bool {
    matches!(row.kind, FieldKind::Plain(bound) if bound.min == 0) && row.name != CURSOR.name
}

/// The example of a parameter; one that repeats has a list.
fn example(o: &mut Object<'_>, row: &FieldRow) {
    let out = o.value("example");
    match row.repeats() {
        true => {
            out.push(b'[');
            out.extend_from_slice(row.example.as_bytes());
            out.push(b']');
        }
        false => out.extend_from_slice(row.example.as_bytes()),
    }
}

/// The rows of the `{name}`s of a path, in order.
pub(crate) fn path_names(path: &str) -> impl Iterator<Item = FieldRow> {
    path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        PATH_NAMES.iter().find(|row| row.name == name).copied()
    })
}

/// The header fields that a route reads beside the key.
pub(crate) fn headers(row: &RouteRow) -> Vec<FieldRow> {
    use crate::http::api::fields::{TextBound, TextMax};
    let mut all = Vec::new();
    if row.method == "POST" {
        let bound = TextBound {
            min: 1,
            max: TextMax::Octets(IDEMPOTENCY_KEY_BYTES_MAX),
        };
        all.push(sometimes(
            "Idempotency-Key",
            FieldKind::Token(bound),
            r#""order-17""#,
            "A second request with the same key and body within 24 hours gets the answer of the \
             first; another body is a 409.",
        ));
    }
    if row.is_lasting() {
        all.push(sometimes(
            "Last-Event-ID",
            FieldKind::Number {
                min: 0,
                max: u64::MAX,
            },
            "1234",
            "Go on behind this event.",
        ));
    }
    if row.operation().is_some_and(has_ranges) {
        all.extend(CONDITIONS);
    }
    all
}

/// Whether an operation is a download of which a range can be asked for.
fn has_ranges(operation: &Operation) -> bool {
    operation.gives.iter().any(|gives| gives.status == 206)
}

/// The header fields that a download reads. Any text is one: what is no range is ignored.
const CONDITIONS: [FieldRow; 4] = [
    sometimes(
        "Range",
        FieldKind::Text(ANY),
        r#""bytes=0-1023""#,
        "One range of octets. Several ranges, or another unit, get the whole.",
    ),
    sometimes(
        "If-Range",
        FieldKind::Text(ANY),
        r#""\"0123456789abcdef0123456789abcdef\"""#,
        "The `ETag` of the octets that `Range` is of; other octets come whole.",
    ),
    sometimes(
        "If-None-Match",
        FieldKind::Text(ANY),
        r#""\"0123456789abcdef0123456789abcdef\"""#,
        "The `ETag` of octets that you have: they are not sent again (304).",
    ),
    sometimes(
        "If-Match",
        FieldKind::Text(ANY),
        r#""\"0123456789abcdef0123456789abcdef\"""#,
        "The `ETag` of the octets that you want: no others are sent (412).",
    ),
];

fn request_body(o: &mut Object<'_>, table: &BodyTable) {
    o.object("requestBody", |o| {
        o.flag("required", !table.optional);
        o.object("content", |o| {
            o.object("application/json", |o| {
                o.object("schema", |o| reference(o, table.name));
                o.slot("example").raw_or_null(Some(table.example));
            });
        });
    });
}

fn write_gives(o: &mut Object<'_>, row: &RouteRow, gives: &Gives) {
    o.text("description", gives.says);
    o.object("headers", |o| {
        every_answer(o);
        if row.method == "POST" {
            header(o, "Idempotent-Replayed");
        }
        if row.operation().is_some_and(has_ranges) {
            header(o, "ETag");
            if gives.status != 304 {
                header(o, "Accept-Ranges");
            }
            if gives.status == 206 {
                header(o, "Content-Range");
            }
        }
    });
    let (media, shape): (&str, Option<&dyn Described>) = match gives.content {
        ResponseContent::Nothing => return,
        ResponseContent::One(shape)
        | ResponseContent::Either(shape, _)
        | ResponseContent::Page(shape)
        | ResponseContent::EventPage(shape) => ("application/json", Some(shape)),
        ResponseContent::Events(shape) => ("text/event-stream", Some(shape)),
        ResponseContent::Other(media) => (media, None),
    };
    o.object("content", |o| {
        o.object(media, |o| {
            let Some(shape) = shape else {
                return o.object("schema", |_| {});
            };
            o.object("schema", |o| match gives.content {
                ResponseContent::Page(_) => page(o, shape, false),
                ResponseContent::EventPage(_) => page(o, shape, true),
                ResponseContent::Either(_, other) => {
                    json::list(o.value("anyOf"), [shape, other], |out, shape| {
                        json::object(out, |o| reference(o, shape.name()));
                    });
                }
                // The frames are text; what their data are is said beside.
                ResponseContent::Events(_) => o.text("type", "string"),
                _ => reference(o, shape.name()),
            });
            if let ResponseContent::Events(_) = gives.content {
                o.object("x-event-data", |o| reference(o, shape.name()));
            }
        });
    });
}

fn page(o: &mut Object<'_>, shape: &dyn Described, has_seq: bool) {
    o.text("type", "object");
    o.object("properties", |o| {
        o.object("data", |o| {
            o.text("type", "array");
            o.object("items", |o| reference(o, shape.name()));
        });
        o.object("next_cursor", |o| match has_seq {
            true => {
                o.text("type", "string");
                o.text("description", "The number to go on after; always there.");
            }
            false => {
                o.texts("type", ["string", "null"]);
                let says = "`cursor` of the next page; null on the last.";
                o.text("description", says);
            }
        });
        if has_seq {
            o.object("seq", |o| {
                o.text("type", "integer");
                o.text("description", "The number to go on after.");
            });
        }
    });
    match has_seq {
        true => o.texts("required", ["data", "next_cursor", "seq"]),
        false => o.texts("required", ["data", "next_cursor"]),
    }
}

fn statuses(errors: &[&'static ErrorCode]) -> Vec<u16> {
    let mut statuses: Vec<u16> = errors.iter().map(|code| code.status).collect();
    statuses.dedup();
    statuses
}

fn write_errors(o: &mut Object<'_>, status: u16, errors: &[&'static ErrorCode]) {
    let of_status = || errors.iter().filter(|code| code.status == status);
    let words: Vec<String> = of_status().map(|code| format!("`{}`", code.word)).collect();
    o.text("description", &words.join(", "));
    o.texts("x-codes", of_status().map(|code| code.word));
    o.object("headers", |o| {
        every_answer(o);
        if matches!(status, 429 | 503 | 507) {
            header(o, "Retry-After");
        }
        if status == 401 {
            header(o, "WWW-Authenticate");
        }
        if status == 416 {
            header(o, "Content-Range");
        }
    });
    o.object("content", |o| {
        o.object("application/json", |o| {
            o.object("schema", |o| reference(o, "ErrorResponse"));
        });
    });
}

/// The header fields of answers, each once; a response names those that it has.
const ANSWER_HEADERS: &[(&str, &str)] = &[
    ("X-Request-Id", "The id of the request, as in errors."),
    (
        "RateLimit-Limit",
        "Requests that the key, or an address without a key, may make at once and in a minute; \
         another limit where the answer is about that one (wrong keys, a daily budget).",
    ),
    ("RateLimit-Remaining", "How many of them are left."),
    (
        "RateLimit-Reset",
        "Seconds until all of them are there again; with 429 the same as Retry-After.",
    ),
    (
        "Idempotent-Replayed",
        "`true` in the answer to a repeated request.",
    ),
    ("Retry-After", "Seconds to wait."),
    ("WWW-Authenticate", "`Bearer`."),
    ("ETag", "What names these octets; others have another one."),
    ("Accept-Ranges", "`bytes`."),
    (
        "Content-Range",
        "Which octets these are, and of how many: `bytes 0-1023/146515`; `bytes */146515` where \
         the range begins behind them.",
    ),
];

/// Those of every answer: the first ones.
const OF_EVERY_ANSWER: usize = 4;

fn every_answer(o: &mut Object<'_>) {
    for (name, _) in ANSWER_HEADERS.iter().take(OF_EVERY_ANSWER) {
        header(o, name);
    }
}

fn header(o: &mut Object<'_>, name: &str) {
    o.object(name, |o| {
        o.text("$ref", &format!("#/components/headers/{name}"));
    });
}

fn answer_headers(o: &mut Object<'_>) {
    for (name, says) in ANSWER_HEADERS {
        o.object(name, |o| {
            o.text("description", says);
            o.object("schema", |o| o.text("type", "string"));
        });
    }
}

/// Every schema that a route names, and those that they name, each once.
fn schemas(o: &mut Object<'_>, limits: &Limits) {
    let mut written: Vec<&str> = Vec::new();
    let mut left: Vec<(&dyn Described, bool)> = Vec::new();
    left.extend((ERROR_FIELDS.iter()).filter_map(|row| Some((inner(row.kind)?, false))));
    for (_, operation) in rows() {
        if let Some(table) = operation.takes.table() {
            left.push((table, true));
        }
        for gives in operation.gives {
            match gives.content {
                ResponseContent::One(shape)
                | ResponseContent::Page(shape)
                | ResponseContent::EventPage(shape)
                | ResponseContent::Events(shape) => left.push((shape, false)),
                ResponseContent::Either(shape, other) => {
                    left.extend([(shape, false), (other, false)]);
                }
                ResponseContent::Nothing | ResponseContent::Other(_) => {}
            }
        }
        left.reverse();
        while let Some((shape, closed)) = left.pop() {
            if written.contains(&shape.name()) {
                continue;
            }
            written.push(shape.name());
            o.object(shape.name(), |o| write_object(o, shape, closed, limits));
            for row in shape.fields() {
                left.extend(inner(row.kind).map(|shape| (shape, closed)));
            }
        }
    }
    o.object("ErrorResponse", |o| {
        o.text("type", "object");
        o.object("properties", |o| {
            o.object("error", |o| reference(o, "Error"));
        });
        o.texts("required", ["error"]);
    });
    o.object("Error", |o| write_error(o, limits));
}

/// Every code that a route can give, each word once, in the order of their statuses.
fn codes() -> Vec<&'static ErrorCode> {
    let mut all: Vec<&'static ErrorCode> = rows().flat_map(|(row, _)| row.errors()).collect();
    all.sort_by_key(|code| code.status);
    let mut words: Vec<&str> = Vec::new();
    all.retain(|code| {
        let is_new = !words.contains(&code.word);
        words.push(code.word);
        is_new
    });
    all
}

/// The shape within a kind.
pub(crate) fn inner(kind: FieldKind) -> Option<&'static dyn Described> {
    match kind {
        FieldKind::Object(shape) => Some(shape),
        FieldKind::Objects(table)
        | FieldKind::Nested(table)
        | FieldKind::WordsOrObjects(_, table) => Some(table),
        FieldKind::List(kind) => inner(*kind),
        _ => None,
    }
}

fn write_error(o: &mut Object<'_>, limits: &Limits) {
    o.text("type", "object");
    o.object("properties", |o| {
        for row in ERROR_FIELDS {
            o.object(row.name, |o| write_row(o, row, limits));
        }
    });
    o.object("x-codes", |o| {
        for code in codes() {
            o.text(code.word, code.says);
        }
    });
    let required = ERROR_FIELDS
        .iter()
        .filter(|row| row.presence == Presence::Always);
    o.texts("required", required.map(|row| row.name));
}

/// The API as a whole.
pub(crate) const ABOUT: &str = "The HTTP API of a Postern mail server. Bodies are JSON in UTF-8. \
    Times are RFC 3339 in UTC. A field or parameter that is not in this description is refused \
    by name; so is an empty parameter, but for an empty `cursor`, which is the first page. Lists are pages of up to 200 rows: `next_cursor` is the `cursor` of the next. \
    A page with large rows ends before its `limit`, so only `next_cursor` says whether there are more. \
    Every POST takes an `Idempotency-Key`. A GET never changes anything. HEAD does what GET \
    does, without the body. Every answer says in `RateLimit-Limit`, `RateLimit-Remaining` and \
    `RateLimit-Reset` what is left of the rate; too many requests are answered 429 with \
    `Retry-After`. A limit on a number of things is 409 `limit_reached` with the number. A \
    request that is made because of a webhook repeats its field `Postern-Depth`: then a loop of \
    them ends with 403 `webhook_loop`.";
/// How a caller says who it is.
pub(crate) const BEARER: &str = "`Authorization: Bearer ap_sk_…`, a key of an organization, or \
    the token of the operator. The operator acts inside the organization that the header \
    field `Postern-Organization` names.";
