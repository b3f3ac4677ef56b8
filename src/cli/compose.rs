//! The options of every message that the command line has composed, and the JSON that they become.
//! `send.rs`, `message.rs` and `draft.rs` add the fields of their own.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::api::{Api, ApiReply};
use super::{Cli, CliError, show};

/// What a message says and carries, and how it leaves.
#[derive(Args, Debug)]
pub struct ComposeOptions {
    /// Recipients of a copy
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Recipients of a blind copy
    #[arg(long, value_delimiter = ',', value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// The text
    #[arg(long)]
    text: Option<String>,
    /// The same as HTML; `@FILE` reads it from a file
    #[arg(long, value_name = "HTML")]
    html: Option<String>,
    /// The text in Markdown, which makes the text and the HTML; `@FILE` reads it from a file
    #[arg(long, value_name = "MARKDOWN", conflicts_with_all = ["text", "html"])]
    markdown: Option<String>,
    /// A file to attach; repeat the option for more
    #[arg(long = "attach", value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// A header field `X-*` or `List-*`; repeat the option for more
    #[arg(long = "header", value_name = "NAME:VALUE")]
    headers: Vec<String>,
    /// A label of the copy in Sent; repeat the option for more
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Your own JSON object
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

/// When and how often a message leaves.
#[derive(Args, Debug)]
pub struct LeaveOptions {
    /// The RFC 3339 time at which it leaves
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// Only say what would become of it
    #[arg(long)]
    dry_run: bool,
    /// A text of your choice: the same command with the same text sends once
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

impl ComposeOptions {
    /// The fields of the body. Without a text in any form it is read from standard input where
    /// `asks` says so.
    pub fn body(&self, asks: bool) -> Result<Value, CliError> {
        let mut body = json!({});
        for (name, list) in [
            ("cc", &self.cc),
            ("bcc", &self.bcc),
            ("labels", &self.labels),
        ] {
            if !list.is_empty() {
                body[name] = json!(list);
            }
        }
        for (name, value) in [("html", &self.html), ("markdown", &self.markdown)] {
            if let Some(value) = value {
                body[name] = match value.strip_prefix('@') {
                    Some(path) => json!(text_of(Path::new(path))?),
                    None => json!(value),
                };
            }
        }
        match &self.text {
            Some(text) => body["text"] = json!(text),
            None if asks && self.html.is_none() && self.markdown.is_none() => {
                body["text"] = json!(typed()?);
            }
            None => {}
        }
        if let Some(metadata) = &self.metadata {
            body["metadata"] = serde_json::from_str(metadata)
                .map_err(|error| format!("--metadata is no JSON: {error}"))?;
        }
        for header in &self.headers {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| format!("--header {header}: is not NAME:VALUE"))?;
            body["headers"][name.trim()] = json!(value.trim());
        }
        let attachments: Result<Vec<Value>, CliError> =
            self.attach.iter().map(|path| attachment(path)).collect();
        let attachments = attachments?;
        if !attachments.is_empty() {
            body["attachments"] = json!(attachments);
        }
        Ok(body)
    }
}

impl LeaveOptions {
    /// Sends the message and prints its id and its state, or what would become of it.
    pub fn send(
        &self,
        (cli, api): (&Cli, &mut Api),
        path: &str,
        mut body: Value,
    ) -> Result<(), CliError> {
        if let Some(send_at) = &self.send_at {
            body["send_at"] = json!(send_at);
        }
        let path = match self.dry_run {
            true => format!("{path}?dry_run=true"),
            false => path.to_owned(),
        };
        let reply = api.post_once(&path, &body, self.idempotency_key.as_deref())?;
        print(cli, &reply, self.dry_run);
        Ok(())
    }
}

fn print(cli: &Cli, reply: &ApiReply, is_trial: bool) {
    let said = reply.json();
    if !is_trial {
        let (id, status) = (show::text(&said["id"]), show::text(&said["status"]));
        return show::done(cli, reply, format_args!("{id}\t{status}"));
    }
    show::done(cli, reply, show::text(&said["decision"]));
    if cli.json {
        return;
    }
    for recipient in said["recipients"].as_array().into_iter().flatten() {
        let [address, decision, reason, fix] = ["address", "decision", "reason", "fix"]
            .map(|name| show::one_line(&show::text(&recipient[name])));
        show::line(format_args!("{address}\t{decision}\t{reason}\t{fix}"));
    }
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

fn attachment(path: &Path) -> Result<Value, CliError> {
    let octets = octets_of(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(json!({
        "filename": name,
        "content_type": media_type(path),
        "content": data_encoding::BASE64.encode(&octets),
    }))
}

/// The octets of a file.
pub fn octets_of(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let octets = octets_of(path)?;
    String::from_utf8(octets).map_err(|_| format!("{}: is not UTF-8", path.display()).into())
}

/// The media type by the ending of the name, for the kinds that clients show.
pub fn media_type(path: &Path) -> &'static str {
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
