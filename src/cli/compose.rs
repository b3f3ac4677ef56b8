//! The options of every message that the command line has composed, and the JSON that they become.
//! `send.rs`, `message.rs` and `draft.rs` add the fields of their own.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::api::{Api, ApiReply};
use super::upload::{octets_of, upload};
use super::{Cli, CliError, show};

/// What a message says and carries, and how it leaves.
#[derive(Args, Debug)]
pub struct ComposeOptions {
    /// Recipients of a copy
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Recipients of a blind copy
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// The text [default: standard input, where a message is sent or answered without --html and
    /// --markdown]
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
    pub fn body(&self, api: &mut Api, asks: bool) -> Result<Value, CliError> {
        let mut body = json!({});
        for (name, list) in [
            ("cc", addresses(&self.cc)),
            ("bcc", addresses(&self.bcc)),
            ("labels", self.labels.clone()),
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
        let attachments: Result<Vec<Value>, CliError> = (self.attach.iter())
            .map(|path| attachment(api, path))
            .collect();
        let attachments = attachments?;
        if !attachments.is_empty() {
            body["attachments"] = json!(attachments);
        }
        Ok(body)
    }
}

/// The addresses of an option, which commas separate: those within quotes are of a name. The server
/// checks each.
pub fn addresses(given: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for text in given {
        let (mut is_quoted, mut is_escaped, mut from) = (false, false, 0);
        for (at, c) in text.char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => {
                    all.push(text.get(from..at).unwrap_or_default().trim().to_owned());
                    from = at + 1;
                }
                _ => {}
            }
        }
        all.push(text.get(from..).unwrap_or_default().trim().to_owned());
    }
    all
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

fn attachment(api: &mut Api, path: &Path) -> Result<Value, CliError> {
    let octets = octets_of(path)?;
    if octets.len() > SENT_WITHIN_BYTES {
        // Its octets go as they are, without base64 in JSON.
        let reply = upload(api, path, &octets)?;
        return Ok(json!({"upload_id": reply.json()["id"]}));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(json!({
        "filename": name,
        "content": data_encoding::BASE64.encode(&octets),
    }))
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let octets = octets_of(path)?;
    String::from_utf8(octets).map_err(|_| format!("{}: is not UTF-8", path.display()).into())
}

/// Octets of a file that goes within the request: a larger one is uploaded first.
const SENT_WITHIN_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn commas_separate_addresses_and_stand_in_quoted_names() {
        let split = |text: &str| addresses(&[text.to_owned()]).join("|");
        for (text, all) in [
            ("a@b.test", "a@b.test"),
            ("a@b.test, Ann <c@d.test>", "a@b.test|Ann <c@d.test>"),
            (
                r#""Smith, \"J\"," <a@b.test>,c@d.test"#,
                r#""Smith, \"J\"," <a@b.test>|c@d.test"#,
            ),
            ("Smith, Ann <a@b.test>", "Smith|Ann <a@b.test>"),
            ("a@b.test,", "a@b.test|"),
        ] {
            assert_eq!(split(text), all, "{text}");
        }
    }
}
