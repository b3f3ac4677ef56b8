//! Output on a terminal: one line for each object, in aligned columns; or the JSON itself.

use core::fmt::Display;
use std::io::{ErrorKind, Write};

use serde_json::{Value, json};

use super::Cli;

/// The fields on a line, in order.
pub type Columns = &'static [&'static str];

/// An organization.
pub const ORG: Columns = &["id", "name", "created_at"];
/// An inbox.
pub const INBOX: Columns = &["address", "id", "display_name", "messages", "created_at"];
/// A key.
pub const KEY: Columns = &[
    "id",
    "label",
    "scopes",
    "inboxes",
    "expires_at",
    "revoked_at",
];
/// A domain.
pub const DOMAIN: Columns = &["name", "id", "created_at"];

/// Prints an object that was made: one line for each field.
pub fn one(cli: &Cli, value: &Value, _columns: Columns) {
    if cli.json {
        line(value);
        return;
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in fields.iter().filter(|(_, v)| !v.is_null()) {
        line(format_args!("{name:width$}  {}", text(value)));
    }
    if fields.contains_key("secret")
        || fields.contains_key("api_key")
        || fields.get("key").is_some_and(Value::is_string)
    {
        line(format_args!(
            "\nThe key is shown this once. Keep it where you keep secrets."
        ));
    }
}

/// Prints a list: one line for each object.
pub fn list(cli: &Cli, values: &[Value], columns: Columns) {
    if cli.json {
        line(json!({"data": values}));
        return;
    }
    let rows: Vec<Vec<String>> = values
        .iter()
        .map(|v| columns.iter().map(|c| text(&v[*c])).collect())
        .collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0))
        .collect();
    let heading = std::io::IsTerminal::is_terminal(&std::io::stdout()) && !rows.is_empty();
    if heading {
        let names: Vec<String> = columns
            .iter()
            .zip(&widths)
            .map(|(name, w)| format!("{name:w$}"))
            .collect();
        line(format_args!(
            "\x1b[2m{}\x1b[0m",
            names.join("  ").trim_end()
        ));
    }
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(c, w)| format!("{c:w$}"))
            .collect();
        line(cells.join("  ").trim_end());
    }
}

/// Prints that an object has been deleted.
pub fn deleted(cli: &Cli, what: &str) {
    if cli.json {
        line(json!({"id": what, "deleted": true}));
    } else {
        line(format_args!("{what} is gone"));
    }
}

/// Prints a line to standard output. If its reader has ended (`| head`), the program ends with
/// success. Any other failure to write is an error.
pub fn line(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("postern: cannot write to standard output: {error}");
    std::process::exit(1);
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
