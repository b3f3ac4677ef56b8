//! The schema of the arguments of a tool: JSON Schema in few words, since every model reads it in
//! every conversation. What a value must be like is in the error of a wrong one.

use crate::http::api::fields::{FieldKind, FieldRow, Presence};
use crate::http::wire::json::{self, Object};

/// Writes the schema of an object with these fields.
pub(crate) fn write(out: &mut Vec<u8>, rows: &[FieldRow]) {
    json::object(out, |o| table(o, rows));
}

fn table(o: &mut Object<'_>, rows: &[FieldRow]) {
    o.text("type", "object");
    o.object("properties", |o| {
        for row in rows {
            o.object(row.name, |o| {
                kind(o, row.kind);
                if !row.says.is_empty() {
                    o.text("description", row.says);
                }
            });
        }
    });
    let needed = rows.iter().filter(|row| row.presence == Presence::Always);
    let needed: Vec<&str> = needed.map(|row| row.name).collect();
    if !needed.is_empty() {
        o.texts("required", needed);
    }
}

fn kind(o: &mut Object<'_>, kind: FieldKind) {
    match kind {
        FieldKind::Flag => o.text("type", "boolean"),
        FieldKind::Number { max, .. } => {
            o.text("type", "integer");
            if max <= NAMED_NUMBER_MAX {
                o.number("maximum", max);
            }
        }
        FieldKind::OneOf(words) => o.texts("enum", words),
        FieldKind::Addresses | FieldKind::Labels | FieldKind::Ids(_) => {
            o.text("type", "array");
            o.object("items", |o| o.text("type", "string"));
        }
        FieldKind::Objects(of) => {
            o.text("type", "array");
            o.object("items", |o| table(o, of.fields));
        }
        FieldKind::AnyObject(_) => o.text("type", "object"),
        FieldKind::Time => {
            o.text("type", "string");
            o.text("format", "date-time");
        }
        _ => o.text("type", "string"),
    }
}

/// A higher bound tells a model nothing.
const NAMED_NUMBER_MAX: u64 = 50_000;
