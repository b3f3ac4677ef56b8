//! `postern folder`: the folders of an inbox, which are the mailboxes of IMAP.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern folder`
#[derive(Subcommand, Debug)]
pub enum FolderCommand {
    /// List the folders of an inbox
    List {
        /// The inbox: id or address
        inbox: String,
    },
    /// Make a folder
    Create {
        /// The inbox: id or address
        inbox: String,
        /// Its name, with `/` between levels
        name: String,
    },
    /// Rename a folder
    Rename {
        /// The inbox: id or address
        inbox: String,
        /// The folder
        folder: String,
        /// Its new name
        name: String,
    },
    /// Delete a folder; its messages move to Trash
    Delete {
        /// The inbox: id or address
        inbox: String,
        /// The folder
        folder: String,
    },
}

/// Carries the command out.
pub fn folders(cli: &Cli, folder: &FolderCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let all = |inbox: &str| format!("/api/v1/inboxes/{}/folders", api::escape(inbox));
    let one = |inbox: &str, folder: &str| format!("{}/{}", all(inbox), api::escape(folder));
    match folder {
        FolderCommand::List { inbox } => {
            let pages = api.pages(&all(inbox), &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::FOLDER);
        }
        FolderCommand::Create { inbox, name } => {
            show::one(cli, &api.post(&all(inbox), &json!({"name": name}))?);
        }
        FolderCommand::Rename {
            inbox,
            folder,
            name,
        } => show::one(
            cli,
            &api.patch(&one(inbox, folder), &json!({"name": name}))?,
        ),
        FolderCommand::Delete { inbox, folder } => {
            let reply = api.delete(&one(inbox, folder))?;
            show::done(
                cli,
                &reply,
                format_args!("{} is gone", show::one_line(folder)),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
