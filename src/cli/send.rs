//! `postern send`: sends a message from an inbox, or an answer. The text comes from an option, or
//! from standard input where there is none.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::api::{self, Api};
use super::compose::{ComposeOptions, LeaveOptions, addresses};
use super::{Cli, CliError};

/// `postern send`
#[derive(Args, Debug)]
pub struct SendCommand {
    /// The sending inbox: id or address
    #[arg(long, value_name = "INBOX")]
    from: String,
    /// Recipients; separate them by commas or repeat the option
    #[arg(
        long,
        required_unless_present = "reply_to_message",
        value_name = "ADDRESS"
    )]
    to: Vec<String>,
    /// Where answers go
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// The subject
    #[arg(long, default_value = "")]
    subject: String,
    /// The message (msg_…) that this one answers; its sender gets the answer
    #[arg(long, value_name = "ID", conflicts_with_all = ["to", "subject", "reply_to"])]
    reply_to_message: Option<String>,
    #[command(flatten)]
    message: ComposeOptions,
    #[command(flatten)]
    leave: LeaveOptions,
}

/// Sends the message and prints its id.
pub fn send(cli: &Cli, send: &SendCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let mut body = send.message.body(&mut api, true)?;
    let messages = format!("/api/v1/inboxes/{}/messages", api::escape(&send.from));
    let path = match &send.reply_to_message {
        Some(id) => format!("{messages}/{}/reply", api::escape(id)),
        None => {
            body["to"] = json!(addresses(&send.to));
            body["subject"] = json!(send.subject);
            if !send.reply_to.is_empty() {
                body["reply_to"] = json!(addresses(&send.reply_to));
            }
            messages
        }
    };
    send.leave.send((cli, &mut api), &path, body)?;
    Ok(ExitCode::SUCCESS)
}
