//! What a program writes to use an operation, and what it gets: a command line, the two SDKs, and
//! an answer. All are made of the examples of the tables; none is written by hand, so none is of
//! another version.

use serde_json::Value;

use super::method::method;
use super::openapi::path_names;
use crate::http::api::fields::{FieldKind, FieldRow, Presence};
use crate::http::api::operation::{Operation, ResponseContent, Takes};
use crate::http::api::routes::{RouteNeed, RouteRow};
use crate::http::api::shapes::Described;

/// Columns of a line that is not broken.
const COLUMNS: usize = 62;
/// How deep an answer shows the objects in it.
const DEPTH_MAX: usize = 4;

/// A command line.
pub(crate) fn curl(row: &RouteRow, operation: &Operation) -> String {
    let mut path = row.path.to_owned();
    for name in path_names(row.path) {
        path = path.replace(
            &format!("{{{}}}", name.name),
            name.example.trim_matches('"'),
        );
    }
    for (at, (name, value)) in required_query(operation).into_iter().enumerate() {
        let mark = if at == 0 { '?' } else { '&' };
        path += &format!("{mark}{name}={}", value.trim_matches('"'));
    }
    let mut line = "curl".to_owned();
    if row.is_lasting() {
        line += " -N";
    }
    if row.method != "GET" {
        line += &format!(" -X {}", row.method);
    }
    if !matches!(row.need, RouteNeed::Nothing) {
        line += " -H \"Authorization: Bearer $KEY\"";
    }
    match operation.takes {
        Takes::Nothing => {}
        Takes::Json(table) | Takes::Message(table) => {
            line += &format!(
                " \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'",
                table.example
            );
        }
        _ => line += " \\\n  --data-binary @FILE",
    }
    let gap = match line.len() + path.len() < 55 {
        true => " ",
        false => " \\\n  ",
    };
    format!("{line}{gap}'http://localhost:8080{path}'")
}

/// A call in Python.
pub(crate) fn python(row: &RouteRow, operation: &Operation) -> String {
    let mut arguments: Vec<String> = path_names(row.path)
        .map(|name| name.example.to_owned())
        .collect();
    if operation.id == "events.tree" {
        arguments.push("tree=True".to_owned());
    }
    if is_raw(operation) {
        arguments.push("content=octets".to_owned());
    }
    for (name, value) in required_query(operation) {
        arguments.push(format!("{}={value}", python_name(name)));
    }
    for (name, value) in body(operation) {
        arguments.push(format!("{}={}", python_name(name), python_value(&value)));
    }
    let call = format!("client.{}({})", method(operation), broken(&arguments));
    match kind(operation) {
        Given::Many => format!("for row in {call}:\n    print(row)"),
        Given::Nothing => call,
        Given::One => format!("found = {call}"),
    }
}

/// A call in TypeScript.
pub(crate) fn typescript(row: &RouteRow, operation: &Operation) -> String {
    let mut arguments: Vec<String> = path_names(row.path)
        .map(|name| name.example.to_owned())
        .collect();
    let mut fields: Vec<String> = Vec::new();
    if row.is_lasting() {
        // The stream takes its inbox among the others.
        fields.extend(arguments.pop().map(|inbox| format!("inbox: {inbox}")));
        if operation.id == "events.tree" {
            fields.push("tree: true".to_owned());
        }
    }
    if is_raw(operation) {
        arguments.push("octets".to_owned());
    }
    fields.extend(
        required_query(operation)
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    for (name, value) in body(operation) {
        fields.push(format!("{name}: {}", typescript_value(&value)));
    }
    if !fields.is_empty() {
        let line = fields.join(", ");
        arguments.push(match line.len() < COLUMNS - 20 {
            true => format!("{{ {line} }}"),
            false => format!("{{\n  {},\n}}", fields.join(",\n  ")),
        });
    }
    let name = camel(&method(operation));
    let call = format!("client.{name}({})", arguments.join(", "));
    match kind(operation) {
        Given::Many => format!("for await (const row of {call}) {{\n  console.log(row);\n}}"),
        Given::Nothing => format!("await {call};"),
        Given::One => format!("const found = await {call};"),
    }
}

/// What a call gives.
enum Given {
    Nothing,
    One,
    Many,
}

fn kind(operation: &Operation) -> Given {
    match operation.gives.first().map(|gives| gives.content) {
        Some(
            ResponseContent::Page(_) | ResponseContent::EventPage(_) | ResponseContent::Events(_),
        ) => Given::Many,
        Some(ResponseContent::Nothing) | None => Given::Nothing,
        Some(_) => Given::One,
    }
}

fn is_raw(operation: &Operation) -> bool {
    !matches!(operation.takes, Takes::Nothing) && operation.takes.table().is_none()
}

/// The fields of the example of its body, in the order of the table.
fn body(operation: &Operation) -> Vec<(&'static str, Value)> {
    let Some(table) = operation.takes.table() else {
        return Vec::new();
    };
    let Ok(Value::Object(mut example)) = serde_json::from_str(table.example) else {
        return Vec::new();
    };
    let rows = table.fields.iter();
    rows.filter_map(|row| Some((row.name, example.remove(row.name)?)))
        .collect()
}

fn required_query(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let rows = operation.query.iter();
    let rows = rows.filter(|row| row.presence == Presence::Always);
    rows.map(|row| (row.name, row.example)).collect()
}

/// Arguments on one line, or each on its own.
fn broken(arguments: &[String]) -> String {
    let line = arguments.join(", ");
    match line.len() < COLUMNS - 20 {
        true => line,
        false => format!("\n    {},\n", arguments.join(",\n    ")),
    }
}

fn python_name(name: &str) -> String {
    match name {
        "from" | "in" | "is" | "not" | "or" | "and" | "as" => format!("{name}_"),
        _ => name.replace('-', "_"),
    }
}

fn python_value(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("\"{name}\": {}", python_value(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn typescript_value(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(typescript_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let is_plain =
                |name: &str| name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
            let fields = fields.iter().map(|(name, value)| match is_plain(name) {
                true => format!("{name}: {}", typescript_value(value)),
                false => format!("\"{name}\": {}", typescript_value(value)),
            });
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn camel(name: &str) -> String {
    let mut is_next = false;
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' => is_next = true,
            c if core::mem::take(&mut is_next) => out.push(c.to_ascii_uppercase()),
            c => out.push(c),
        }
    }
    out
}

/// An answer of an operation, as JSON with line breaks; none where it is not JSON.
pub(crate) fn answer(content: ResponseContent) -> Option<String> {
    let mut out = String::new();
    match content {
        ResponseContent::One(shape)
        | ResponseContent::Either(shape, _)
        | ResponseContent::Events(shape) => object(&mut out, shape, 0),
        ResponseContent::Page(shape) => {
            out.push_str("{\n  \"data\": [");
            object(&mut out, shape, 1);
            out.push_str("],\n  \"next_cursor\": null\n}");
        }
        ResponseContent::EventPage(shape) => {
            out.push_str("{\n  \"data\": [");
            object(&mut out, shape, 1);
            out.push_str("],\n  \"next_cursor\": \"1234\",\n  \"seq\": 1234\n}");
        }
        ResponseContent::Nothing | ResponseContent::Other(_) => return None,
    }
    Some(out)
}

/// An object with a field a line, in the order of its table.
fn object(out: &mut String, shape: &dyn Described, depth: usize) {
    let mut is_first = true;
    out.push('{');
    for row in shape.fields() {
        if row.example.is_empty() {
            continue;
        }
        if !core::mem::take(&mut is_first) {
            out.push(',');
        }
        line(out, depth + 1);
        out.push_str(&format!("\"{}\": ", row.name));
        field(out, row, depth + 1);
    }
    if !is_first {
        line(out, depth);
    }
    out.push('}');
}

/// The value of a field: what is inside it where it has objects, else its example.
fn field(out: &mut String, row: &FieldRow, depth: usize) {
    match row.kind {
        _ if row.example == "null" || depth > DEPTH_MAX => out.push_str(row.example),
        FieldKind::Object(shape) => object(out, shape, depth),
        FieldKind::List(FieldKind::Object(shape)) => {
            out.push('[');
            object(out, *shape, depth);
            out.push(']');
        }
        _ => out.push_str(row.example),
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}
