//! The tables of the API against the reader: for every body and every field of it the example,
//! null, a wrong type, a text over its bound, and an unknown field.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};

use crate::call::Limits;
use crate::http::api::codes;
use crate::http::api::fields::{BodyTable, FieldKind, FieldRow, Presence};
use crate::http::api::operation::PATH_NAMES;
use crate::http::api::problems::{ERROR_FIELDS, Problem};
use crate::http::api::routes::{ROUTES, RouteRow};
use crate::http::api::values::Values;

/// Every table of a body, with those within it.
fn bodies() -> Vec<&'static BodyTable> {
    let mut all: Vec<&'static BodyTable> = Vec::new();
    let tables = ROUTES
        .iter()
        .filter_map(RouteRow::operation)
        .filter_map(|operation| operation.takes.table());
    for table in tables {
        all.push(table);
        all.extend(table.fields.iter().filter_map(|row| match row.kind {
            FieldKind::Objects(table)
            | FieldKind::Nested(table)
            | FieldKind::WordsOrObjects(_, table) => Some(table),
            _ => None,
        }));
    }
    all
}

fn read(table: &'static BodyTable, body: &Value) -> Result<Values, Box<Problem>> {
    Values::of_body(table, body.to_string().as_bytes(), &Limits::default(), None)
}

fn example(row: &FieldRow) -> Value {
    serde_json::from_str(row.example).expect(row.name)
}

/// What a table needs, and one field more.
fn with(table: &BodyTable, row: &FieldRow, value: Value) -> Value {
    let mut body = json!({});
    for needed in table.fields {
        if needed.presence == Presence::Always {
            body[needed.name] = example(needed);
        }
    }
    body[row.name] = value;
    body
}

/// The code and the field of the refusal of a body.
fn refusal(table: &'static BodyTable, body: &Value) -> (String, String) {
    let problem = read(table, body).expect_err(&body.to_string());
    let response = problem.response("r");
    let error: Value = serde_json::from_slice(&response.body.whole()).unwrap();
    let text = |name: &str| error["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("field"))
}

#[test]
fn every_row_does_what_it_says() {
    let strange = [
        json!(true),
        json!(7),
        json!("x"),
        json!([1]),
        json!({"a": 1}),
    ];
    for table in bodies() {
        for row in table.fields {
            let place = format!("{}.{}", table.name, row.name);
            let values = read(table, &with(table, row, example(row))).expect(&place);
            assert!(values.untaken().contains(&row.name), "{place}");
            let wrong = strange.iter().find(|value| {
                let body = with(table, row, (*value).clone());
                read(table, &body).is_err()
            });
            let body = with(table, row, wrong.expect(&place).clone());
            let (code, field) = refusal(table, &body);
            assert_eq!(code, "invalid_field", "{place}");
            assert!(field.starts_with(row.name), "{place}: {field}");
            let null = with(table, row, Value::Null);
            match row.presence {
                Presence::Always => {
                    let missing = ("invalid_field".to_owned(), row.name.to_owned());
                    assert_eq!(refusal(table, &null), missing, "{place}");
                }
                Presence::Maybe => {
                    assert!(!read(table, &null).unwrap().untaken().contains(&row.name))
                }
                Presence::Clears => {
                    assert!(read(table, &null).unwrap().untaken().contains(&row.name))
                }
            }
        }
    }
}

#[test]
fn bounds_are_told_with_their_unit() {
    let limits = Limits::default();
    let mut seen = 0;
    for table in bodies() {
        for row in table.fields {
            let bound = match row.kind {
                FieldKind::Text(bound) | FieldKind::Line(bound) => bound.max.bound(&limits),
                FieldKind::Label(max) => Some((max, "octets")),
                FieldKind::AnyObject(max) => Some((max, "octets")),
                _ => None,
            };
            let Some((max, unit)) = bound else {
                continue;
            };
            seen += 1;
            // In UTF-8 this letter has two octets.
            let letters = if unit == "octets" { max / 2 } else { max };
            let fits = |n: usize| match row.kind {
                FieldKind::AnyObject(_) => json!({"a": "ü".repeat(n)}),
                _ => json!("ü".repeat(n)),
            };
            let room = if let FieldKind::AnyObject(_) = row.kind {
                4
            } else {
                0
            };
            let good = with(table, row, fits(letters - room));
            assert!(read(table, &good).is_ok(), "{}.{}", table.name, row.name);
            let problem = read(table, &with(table, row, fits(letters + 1))).unwrap_err();
            let text = String::from_utf8(problem.response("r").body.whole().into_owned()).unwrap();
            let why = format!("`{}` must be at most {max} {unit} long.", row.name);
            assert!(text.contains(&why), "{text}");
        }
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn unknown_fields_are_named_and_examples_are_good() {
    for table in bodies() {
        let body = with(table, &table_row("zz"), json!(1));
        let unknown = ("unknown_field".to_owned(), "zz".to_owned());
        assert_eq!(refusal(table, &body), unknown, "{}", table.name);
    }
    for row in ROUTES.iter().filter_map(RouteRow::operation) {
        if let Some(table) = row.takes.table() {
            let example: Value = serde_json::from_str(table.example).expect(row.id);
            assert!(read(table, &example).is_ok(), "{}", row.id);
        }
    }
}

fn table_row(name: &'static str) -> FieldRow {
    crate::http::api::fields::optional(name, FieldKind::Flag, "true", "A row.")
}

/// Two statuses may share a word, but no row stands twice, and everything is a sentence.
#[test]
fn the_tables_are_complete() {
    let mut ids: Vec<&str> = Vec::new();
    let sentence = |says: &str| assert!(says.ends_with('.'), "{says}");
    for row in ROUTES {
        let Some(operation) = row.operation() else {
            continue;
        };
        assert!(!ids.contains(&operation.id), "{}", operation.id);
        ids.push(operation.id);
        sentence(operation.says);
        assert!(!operation.summary.ends_with('.'), "{}", operation.summary);
        assert!(!operation.gives.is_empty(), "{}", operation.id);
        for name in operation.query.iter().chain(PATH_NAMES) {
            sentence(name.says);
            if !name.example.is_empty() {
                example(name);
            }
        }
    }
    for code in codes::ALL {
        sentence(code.says);
        let same =
            |other: &&&codes::ErrorCode| other.word == code.word && other.status == code.status;
        assert_eq!(codes::ALL.iter().filter(same).count(), 1, "{}", code.word);
    }
    for row in ERROR_FIELDS {
        sentence(row.says);
    }
}
