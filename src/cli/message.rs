//! `postern send`: sends a message from an inbox. The text comes from an argument or from
//! standard input.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::api::{self, Api};
use super::{Cli, CliError};

/// `postern send`
#[derive(Args, Debug)]
pub struct SendCommand {
    /// The sending inbox: id or address
    #[arg(long)]
    from: String,
    /// Recipients; separate them by commas or repeat the option
    #[arg(long, required = true, value_delimiter = ',')]
    to: Vec<String>,
    /// Recipients of a copy
    #[arg(long, value_delimiter = ',')]
    cc: Vec<String>,
    /// Recipients of a blind copy
    #[arg(long, value_delimiter = ',')]
    bcc: Vec<String>,
    /// The subject
    #[arg(long, default_value = "")]
    subject: String,
    /// The text; without this option it is read from standard input
    #[arg(long)]
    text: Option<String>,
    /// Files to attach
    #[arg(long = "attach")]
    attach: Vec<PathBuf>,
}

/// Sends the message and prints its id.
pub fn send(cli: &Cli, send: &SendCommand) -> Result<ExitCode, CliError> {
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
