//! `postern draft`: the drafts of an inbox, made, changed, sent and deleted.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::api::{self, Api, QueryPairs};
use super::compose::{ComposeOptions, LeaveOptions, addresses};
use super::{Cli, CliError, message, show};

/// `postern draft`
#[derive(Subcommand, Debug)]
pub enum DraftCommand {
    /// List drafts, the newest first
    List {
        /// The inbox: id or address
        inbox: String,
    },
    /// Make a draft; what is left out may come later
    Create(DraftCreateCommand),
    /// Show a draft: who, what, when, and its text
    Show {
        /// The inbox: id or address
        inbox: String,
        /// The id of the draft (msg_…)
        id: String,
    },
    /// Change a draft; what is left out stays
    Update(DraftUpdateCommand),
    /// Send a draft
    Send {
        /// The inbox: id or address
        inbox: String,
        /// The id of the draft (msg_…)
        id: String,
        #[command(flatten)]
        leave: LeaveOptions,
    },
    /// Move a draft to Trash
    Delete {
        /// The inbox: id or address
        inbox: String,
        /// The id of the draft (msg_…)
        id: String,
        /// Delete it for good
        #[arg(long)]
        permanent: bool,
    },
}

/// `postern draft create`
#[derive(Args, Debug)]
pub struct DraftCreateCommand {
    /// The inbox: id or address
    inbox: String,
    #[command(flatten)]
    heading: DraftHeading,
    /// The message (msg_…) that it answers
    #[arg(long, value_name = "ID")]
    in_reply_to: Option<String>,
    #[command(flatten)]
    message: ComposeOptions,
    /// A text of your choice: the same command with the same text makes one draft
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

/// `postern draft update`
#[derive(Args, Debug)]
pub struct DraftUpdateCommand {
    /// The inbox: id or address
    inbox: String,
    /// The id of the draft (msg_…)
    id: String,
    #[command(flatten)]
    heading: DraftHeading,
    #[command(flatten)]
    message: ComposeOptions,
}

/// The fields of a draft that every message has.
#[derive(Args, Debug)]
struct DraftHeading {
    /// Recipients; separate them by commas or repeat the option
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Where answers go
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// The subject
    #[arg(long)]
    subject: Option<String>,
}

impl DraftHeading {
    fn add(&self, body: &mut serde_json::Value) {
        for (name, given) in [("to", &self.to), ("reply_to", &self.reply_to)] {
            let list = addresses(given);
            if !list.is_empty() {
                body[name] = json!(list);
            }
        }
        if let Some(subject) = &self.subject {
            body["subject"] = json!(subject);
        }
    }
}

/// Carries out `postern draft`.
pub fn drafts(cli: &Cli, draft: &DraftCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match draft {
        DraftCommand::List { inbox } => {
            let pages = api.pages(&path(inbox), &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::MESSAGE);
        }
        DraftCommand::Create(create) => {
            let mut body = create.message.body(&mut api, false)?;
            create.heading.add(&mut body);
            if let Some(id) = &create.in_reply_to {
                body["in_reply_to"] = json!(id);
            }
            let key = create.idempotency_key.as_deref();
            let reply = api.post_once(&path(&create.inbox), &body, key)?;
            let id = show::text(&reply.json()["id"]);
            show::done(cli, &reply, id);
        }
        DraftCommand::Show { inbox, id } => {
            let reply = api.get(&of(inbox, id))?;
            match cli.json {
                true => show::verbatim(&reply),
                false => message::letter(&reply.json(), false),
            }
        }
        DraftCommand::Update(update) => {
            let mut body = update.message.body(&mut api, false)?;
            update.heading.add(&mut body);
            let reply = api.patch(&of(&update.inbox, &update.id), &body)?;
            show::done(cli, &reply, format_args!("{} is changed", update.id));
        }
        DraftCommand::Send { inbox, id, leave } => {
            let path = format!("{}/send", of(inbox, id));
            leave.send((cli, &mut api), &path, json!({}))?;
        }
        DraftCommand::Delete {
            inbox,
            id,
            permanent,
        } => {
            let end = if *permanent { "?permanent=true" } else { "" };
            let reply = api.delete(&format!("{}{end}", of(inbox, id)))?;
            let what = if *permanent { "is gone" } else { "is in Trash" };
            show::done(cli, &reply, format_args!("{id} {what}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(inbox: &str) -> String {
    format!("/api/v1/inboxes/{}/drafts", api::escape(inbox))
}

fn of(inbox: &str, id: &str) -> String {
    format!("{}/{}", path(inbox), api::escape(id))
}
