//! `postern send`: sends a message from an inbox. The text comes from an argument, or from standard
//! input where there is neither text nor HTML.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::api::{self, Api};
use super::{Cli, CliError, show};

/// `postern send`
#[derive(Args, Debug)]
pub struct SendCommand {
    /// The sending inbox: id or address
    #[arg(long, value_name = "INBOX")]
    from: String,
    /// Recipients; separate them by commas or repeat the option
    #[arg(long, required = true, value_delimiter = ',', value_name = "ADDRESS")]
    to: Vec<String>,
    /// Recipients of a copy
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Recipients of a blind copy
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Where answers go
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// The subject
    #[arg(long, default_value = "")]
    subject: String,
    /// The text; without --text and --html it is read from standard input
    #[arg(long)]
    text: Option<String>,
    /// The same as HTML; `@FILE` reads it from a file
    #[arg(long, value_name = "HTML")]
    html: Option<String>,
    /// A file to attach; repeat the option for more
    #[arg(long = "attach", value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// A text of your choice: the same command with the same text sends once
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

/// Sends the message and prints its id.
pub fn send(cli: &Cli, send: &SendCommand) -> Result<ExitCode, CliError> {
    let body = body(send)?;
    let mut api = Api::in_org(cli)?;
    let path = format!("/api/v1/inboxes/{}/messages", api::escape(&send.from));
    let reply = api.post_once(&path, &body, send.idempotency_key.as_deref())?;
    let sent = reply.json();
    let id = show::text(&sent["id"]);
    let status = show::text(&sent["status"]);
    show::done(cli, &reply, format_args!("{id}\t{status}"));
    Ok(ExitCode::SUCCESS)
}

fn body(send: &SendCommand) -> Result<Value, CliError> {
    let mut body = json!({"to": send.to, "subject": send.subject});
    for (name, list) in [
        ("cc", &send.cc),
        ("bcc", &send.bcc),
        ("reply_to", &send.reply_to),
    ] {
        if !list.is_empty() {
            body[name] = json!(list);
        }
    }
    if let Some(html) = &send.html {
        body["html"] = match html.strip_prefix('@') {
            Some(path) => json!(text_of(Path::new(path))?),
            None => json!(html),
        };
    }
    match &send.text {
        Some(text) => body["text"] = json!(text),
        None if send.html.is_none() => body["text"] = json!(typed()?),
        None => {}
    }
    let mut attachments = Vec::new();
    for path in &send.attach {
        let octets = octets_of(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        attachments.push(json!({
            "filename": name,
            "content_type": media_type(path),
            "content": data_encoding::BASE64.encode(&octets),
        }));
    }
    if !attachments.is_empty() {
        body["attachments"] = json!(attachments);
    }
    Ok(body)
}

/// The text from standard input.
fn typed() -> Result<String, CliError> {
    if std::io::stdin().is_terminal() {
        show::note("Type the text, then Ctrl-D on a line of its own.");
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| format!("the text on standard input cannot be read: {error}"))?;
    Ok(text)
}

fn octets_of(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let octets = octets_of(path)?;
    String::from_utf8(octets).map_err(|_| format!("{}: is not UTF-8", path.display()).into())
}

/// The media type by the ending of the name, for the kinds that clients show.
fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let ending = ending.to_ascii_lowercase();
    let found = MEDIA_TYPES.iter().find(|(known, _)| *known == ending);
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

const MEDIA_TYPES: &[(&str, &str)] = &[
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    // `message/rfc822` may not be encoded in base64 (RFC 2046 section 5.2.1).
    ("eml", "application/octet-stream"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_types_by_their_names() {
        for (name, kind) in [
            ("a.PDF", "application/pdf"),
            ("a.tar.gz", "application/octet-stream"),
            ("README", "application/octet-stream"),
            (".txt", "application/octet-stream"),
            ("a.jpeg", "image/jpeg"),
        ] {
            assert_eq!(media_type(Path::new(name)), kind, "{name}");
        }
    }
}
