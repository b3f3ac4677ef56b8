//! Output: aligned columns on a terminal, columns with a tab between them in a pipe, or the JSON of
//! the API as it came.
//!
//! What mail says is shown, and never obeyed: no control character of a subject or a text reaches a
//! terminal, and none ends a column or a line.

use core::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::Cli;
use super::api::ApiReply;

/// The fields on a line, in order. `usage.bytes` is a field of a field.
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
pub const DOMAIN: Columns = &["name", "id", "verified", "created_at"];
/// A message.
pub const MESSAGE: Columns = &["id", "received_at", "folder", "flags", "from", "subject"];
/// A message in a list of several inboxes.
pub const MESSAGE_OF_INBOX: Columns = &[
    "id",
    "inbox_id",
    "received_at",
    "folder",
    "flags",
    "from",
    "subject",
];
/// A thread.
pub const THREAD: Columns = &[
    "id",
    "last_message_at",
    "message_count",
    "unread_count",
    "participants",
    "subject",
];
/// A folder.
pub const FOLDER: Columns = &["name", "special_use", "messages", "unread", "size"];
/// A recipient outside.
pub const OUTBOUND: Columns = &[
    "id",
    "status",
    "attempts",
    "next_attempt_at",
    "recipient",
    "message",
];

/// A filter rule.
pub const FILTER_RULE: Columns = &[
    "id",
    "direction",
    "action",
    "match_type",
    "value",
    "inbox_id",
];
/// A source of known spam.
pub const KNOWN_SPAM: Columns = &["source", "bodies", "links", "attachments", "imported_at"];
/// A rule of delivery.
pub const RULE: Columns = &[
    "id",
    "priority",
    "enabled",
    "name",
    "hits",
    "last_hit_at",
    "last_error",
];
/// A message that a rule would match.
pub const RULE_TRIAL: Columns = &["message_id", "would"];
/// A webhook.
pub const WEBHOOK: Columns = &["id", "url", "types", "enabled", "disabled_reason"];
/// A delivery of a webhook.
pub const DELIVERY: Columns = &["id", "event_id", "type", "status", "next_attempt_at"];
/// A consumer group.
pub const EVENT_GROUP: Columns = &["name", "seq", "pending", "readers"];

/// A suppressed address.
pub const SUPPRESSION: Columns = &["address", "reason", "source", "created_at", "id"];

/// A day of what was used.
pub const USAGE_DAY: Columns = &[
    "day",
    "sent",
    "received",
    "requests",
    "events",
    "stored_bytes",
];

/// An act of the audit.
pub const AUDIT: Columns = &["time", "action", "actor", "key", "target", "request_id"];

/// An approval.
pub const APPROVAL: Columns = &[
    "id",
    "status",
    "from",
    "to",
    "subject",
    "created_at",
    "expires_at",
];

/// Prints one object: a line for each field.
pub fn one(cli: &Cli, reply: &ApiReply) {
    if cli.json {
        return verbatim(reply);
    }
    fields(&reply.json());
}

/// Prints an object with a key that is not shown again.
pub fn made_key(cli: &Cli, reply: &ApiReply) {
    one(cli, reply);
    if !cli.json {
        note("The key is shown this once. Keep it where you keep secrets.");
    }
}

/// Prints a domain: a line for each field and each record to publish, and what to do about them.
pub fn domain(cli: &Cli, reply: &ApiReply) {
    if cli.json {
        return verbatim(reply);
    }
    let mut value = reply.json();
    let records = value["records"].take();
    let records = records.as_array().map_or(&[][..], Vec::as_slice);
    let shown: Vec<String> = records
        .iter()
        .map(|record| {
            let [name, kind, says] = ["name", "type", "value"].map(|field| text(&record[field]));
            format!("{name} {kind} \"{says}\"")
        })
        .collect();
    value["records"] = shown.into();
    fields(&value);
    fixes(records);
}

/// Prints records to publish, one a line, and what to do about them.
pub fn records(cli: &Cli, reply: &ApiReply) {
    if cli.json {
        return verbatim(reply);
    }
    let json = reply.json();
    let records = json["data"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |record: &Value| RECORD.iter().map(|field| text(&record[*field])).collect();
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    table(Some(RECORD), &rows);
    fixes(records);
}

/// A record of a domain.
const RECORD: Columns = &["status", "purpose", "type", "name", "value"];

fn fixes(records: &[Value]) {
    for fix in records.iter().filter_map(|record| record["fix"].as_str()) {
        note(fix);
    }
}

/// Prints the fields of an object, those of objects in it too.
pub fn fields(value: &Value) {
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    rows.retain(|row| row.iter().all(|cell| !cell.is_empty()));
    table(None, &rows);
}

fn flatten(prefix: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            // The depth is bound by the parser of JSON.
            Value::Object(_) => flatten(&format!("{prefix}{name}."), value, rows),
            value => rows.push(vec![format!("{prefix}{name}"), text(value)]),
        }
    }
}

/// Prints a list: one line for each object. With `--json` each page is a line, as it came.
pub fn list(cli: &Cli, pages: &[ApiReply], columns: Columns) {
    list_with(cli, pages, columns, |_| ());
}

/// The same, where `add` gives an object more to show.
pub fn list_with(cli: &Cli, pages: &[ApiReply], columns: Columns, mut add: impl FnMut(&mut Value)) {
    if cli.json {
        for page in pages {
            verbatim(page);
        }
        return;
    }
    let mut pages: Vec<Value> = pages.iter().map(ApiReply::json).collect();
    let objects = pages
        .iter_mut()
        .flat_map(|page| page.get_mut("data").and_then(Value::as_array_mut))
        .flatten();
    let objects = objects.map(|object| {
        add(object);
        &*object
    });
    let rows: Vec<Vec<String>> = objects
        .map(|object| columns.iter().map(|c| text(member(object, c))).collect())
        .collect();
    if rows.is_empty() && std::io::stdout().is_terminal() {
        note("There is nothing to list.");
    }
    table(Some(columns), &rows);
    if pages
        .last()
        .is_some_and(|page| page["next_cursor"].is_string())
    {
        note("There are more: ask for them with a larger --limit.");
    }
}

/// Prints objects, a line for each.
pub fn rows(objects: &[Value], columns: Columns) {
    let row = |object: &Value| columns.iter().map(|c| text(member(object, c))).collect();
    let rows: Vec<Vec<String>> = objects.iter().map(row).collect();
    table(Some(columns), &rows);
}

fn member<'a>(object: &'a Value, column: &str) -> &'a Value {
    column.split('.').fold(object, |value, name| &value[name])
}

/// Prints rows. The names of the columns stand above them on a terminal only.
fn table(names: Option<Columns>, rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    if !std::io::stdout().is_terminal() {
        for row in rows {
            line(row.join("\t"));
        }
        return;
    }
    if let (Some(names), false) = (names, rows.is_empty()) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let widths = widths(rows.iter().chain([&names]));
        let names = aligned(&names, &widths);
        match has_colours() {
            true => line(format_args!("\x1b[2m{names}\x1b[0m")),
            false => line(names),
        }
        for row in &rows {
            line(aligned(row, &widths));
        }
        return;
    }
    let widths = widths(rows.iter());
    for row in &rows {
        line(aligned(row, &widths));
    }
}

/// Prints the cells of an event of the type `kind`. Events come one by one, so the columns have
/// fixed widths.
pub fn event(kind: &str, cells: &[String]) {
    match std::io::stdout().is_terminal() {
        true => line(event_line(kind, cells, has_colours())),
        false => line(cells.join("\t")),
    }
}

/// The line of an event on a terminal. The columns are those of the cells without their colours.
fn event_line(kind: &str, cells: &[String], has_colours: bool) -> String {
    let shown = aligned(cells, &EVENT_WIDTHS);
    let colour = match cells.get(EVENT_WIDTHS.len() - 1).map(String::as_str) {
        Some("spam") => "31",
        Some("suspicious") => "33",
        _ => match kind {
            "message.received" => "32",
            "message.sent" | "message.delivered" | "message.auto_replied" => "36",
            "message.deferred" | "message.held" | "closing" => "33",
            "message.bounced" | "message.rejected" | "message.declined" | "loop.suspected"
            | "webhook.disabled" | "reset" => "31",
            _ => return shown,
        },
    };
    match has_colours {
        true => format!("\x1b[{colour}m{shown}\x1b[0m"),
        false => shown,
    }
}

/// Whether a terminal is shown colours: not with `NO_COLOR` (no-color.org), and not where it has
/// none.
fn has_colours() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Prints a JSON text in one line. On a terminal, what would steer it is escaped: it stands in
/// strings alone, so the JSON says the same.
pub fn json(text: &str) {
    match std::io::stdout().is_terminal() {
        true => line(escaped(text)),
        false => line(text),
    }
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control(c) || is_direction(c) {
            true => shown += &format!("\\u{:04x}", u32::from(c)),
            false => shown.push(c),
        }
    }
    shown
}

/// The width of each column, in columns of the terminal.
fn widths<'a>(rows: impl Iterator<Item = &'a Vec<String>>) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    widths
}

/// A row with each cell as wide as its column.
fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line += cell;
        line.extend(core::iter::repeat_n(
            ' ',
            width.saturating_sub(cell.width()) + 2,
        ));
    }
    line.truncate(line.trim_end().len());
    line
}

/// A text of mail as one line: a control character is a space, and one that changes the direction
/// of what follows is left out.
pub fn one_line(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_direction(*c));
    shown.map(|c| if is_control(c) { ' ' } else { c }).collect()
}

/// A text of mail in lines, for a terminal: the same, but lines and tabs stay.
pub fn lines(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_direction(*c) && *c != '\r');
    shown
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_control(c) => ' ',
            c => c,
        })
        .collect()
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The embeddings, overrides and isolates of the bidirectional algorithm (UAX #9).
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints an answer of the API as it came; one without a body prints nothing.
pub fn verbatim(reply: &ApiReply) {
    let octets = reply.octets.trim_ascii_end();
    if !octets.is_empty() {
        write(&[octets, b"\n"]);
    }
}

/// Prints that something has been done; with `--json` the answer of the API.
pub fn done(cli: &Cli, reply: &ApiReply, text: impl Display) {
    if cli.json {
        verbatim(reply);
    } else {
        line(text);
    }
}

/// A remark for people, beside the output.
pub fn note(text: &str) {
    // A broken standard error does not stop a command.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a line.
pub fn line(text: impl Display) {
    write(&[format!("{text}\n").as_bytes()]);
}

/// Writes to standard output. If its reader has ended (`| head`), the program ends with success.
/// Any other failure to write is an error.
pub fn write(parts: &[&[u8]]) {
    let mut out = std::io::stdout().lock();
    let written = parts.iter().try_for_each(|part| out.write_all(part));
    let Err(error) = written.and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    note(&format!(
        "postern: cannot write to standard output: {error}"
    ));
    std::process::exit(1);
}

/// A value as a cell: lists have commas, an address is itself.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(_) if value["address"].is_string() => text(&value["address"]),
        other => other.to_string(),
    }
}

/// Time, number, type, inbox, message, sender or recipient, subject, verdict.
const EVENT_WIDTHS: [usize; 8] = [24, 6, 16, 24, 16, 24, 40, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_line_up_in_every_script() {
        let rows = [
            row(&["a", "x"]),
            row(&["日本語", "x"]),
            row(&["cafe\u{301}", "x"]),
            row(&["", "x"]),
        ];
        let widths = widths(rows.iter());
        for row in &rows {
            let line = aligned(row, &widths);
            assert_eq!(line.strip_suffix('x').map(str::width), Some(8), "{line:?}");
        }
        assert_eq!(aligned(&row(&["a", ""]), &widths), "a");
    }

    #[test]
    fn mail_does_not_steer_the_terminal() {
        for (text, line, many) in [
            ("a\x1b[2Jb", "a [2Jb", "a [2Jb"),
            ("a\tb\r\nc", "a b  c", "a\tb\nc"),
            ("a\u{9b}31mb\u{7f}\0", "a 31mb  ", "a 31mb  "),
            ("\u{202e}evil\u{2066}", "evil", "evil"),
            ("one\u{2028}two\u{85}", "one two ", "one two "),
            ("日本語 ✓", "日本語 ✓", "日本語 ✓"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
            assert_eq!(lines(text), many, "{text:?}");
        }
    }

    #[test]
    fn events_have_colours_where_they_are_wanted() {
        let cells = row(&["t", "1", "message.received", "a@x", "msg_1", "b@y", "Hi"]);
        let plain = event_line("message.received", &cells, false);
        assert!(plain.ends_with("b@y                       Hi"), "{plain:?}");
        assert_eq!(
            event_line("message.received", &cells, true),
            format!("\x1b[32m{plain}\x1b[0m")
        );
        assert_eq!(
            event_line("inbox.created", &cells[..4], true),
            aligned(&cells[..4], &EVENT_WIDTHS)
        );
        let spam = [&cells[..], &row(&["spam"])].concat();
        let line = event_line("message.received", &spam, true);
        assert!(
            line.starts_with("\x1b[31m") && line.ends_with(" spam\x1b[0m"),
            "{line:?}"
        );
    }

    #[test]
    fn json_on_a_terminal_says_the_same() {
        let json = "{\"a\":\"x\u{9b}2J\u{202e}\u{7f}é\\n\"}";
        let shown = escaped(json);
        assert_eq!(shown, "{\"a\":\"x\\u009b2J\\u202e\\u007fé\\n\"}");
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        assert_eq!(read(&shown), read(json));
    }

    #[test]
    fn values_are_cells() {
        for (value, cell) in [
            (json!(null), ""),
            (json!("a"), "a"),
            (json!(3), "3"),
            (json!(true), "true"),
            (json!(["a", "b"]), "a,b"),
            (json!([]), ""),
            (
                json!({"name": "Ann", "address": "ann@a.example"}),
                "ann@a.example",
            ),
        ] {
            assert_eq!(text(&value), cell);
        }
        let mut rows = Vec::new();
        flatten("", &json!({"a": {"b": 1}, "c": null}), &mut rows);
        assert_eq!(rows, [row(&["a.b", "1"]), row(&["c", ""])]);
    }
}
