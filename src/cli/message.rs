//! `postern send`: a message from an inbox, text from an argument or standard input.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::api::{self, Api};
use super::{Cli, Fault};

/// `postern send`
#[derive(Args, Debug)]
pub struct Send {
    /// The sending inbox: id or address.
    #[arg(long)]
    from: String,
    /// Recipients (again, or with commas).
    #[arg(long, required = true, value_delimiter = ',')]
    to: Vec<String>,
    /// Copies.
    #[arg(long, value_delimiter = ',')]
    cc: Vec<String>,
    /// Blind copies.
    #[arg(long, value_delimiter = ',')]
    bcc: Vec<String>,
    /// Subject.
    #[arg(long, default_value = "")]
    subject: String,
    /// The text; without it, standard input.
    #[arg(long)]
    text: Option<String>,
    /// Files to attach.
    #[arg(long = "attach")]
    attach: Vec<PathBuf>,
}

/// Sends it; prints its id.
pub fn send(cli: &Cli, send: &Send) -> Result<ExitCode, Fault> {
    let text = match &send.text {
        Some(text) => text.clone(),
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    let mut body = json!({"to": send.to, "subject": send.subject, "text": text});
    for (name, list) in [("cc", &send.cc), ("bcc", &send.bcc)] {
        if !list.is_empty() {
            body[name] = json!(list);
        }
    }
    let mut attachments = Vec::new();
    for path in &send.attach {
        let octets = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        attachments
            .push(json!({"filename": name, "content": data_encoding::BASE64.encode(&octets)}));
    }
    if !attachments.is_empty() {
        body["attachments"] = json!(attachments);
    }
    let mut api = Api::in_org(cli)?;
    let answer = api.post(
        &format!("/api/v1/inboxes/{}/messages", api::escape(&send.from)),
        &body,
    )?;
    if cli.json {
        super::show::line(answer);
    } else {
        super::show::line(format_args!(
            "{}  {}",
            answer["id"].as_str().unwrap_or_default(),
            answer["status"].as_str().unwrap_or_default()
        ));
    }
    Ok(ExitCode::SUCCESS)
}
