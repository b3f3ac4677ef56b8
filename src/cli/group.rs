//! `postern group`: consumer groups, and what their readers have done.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern group`
#[derive(Subcommand, Debug)]
pub enum GroupCommand {
    /// List the consumer groups
    List,
    /// Show a group with the events that it has set aside
    Show {
        /// Its name
        group: String,
    },
    /// Say that an event of a group is done
    Ack {
        /// The name of the group
        group: String,
        /// The number of the event
        id: u64,
    },
    /// Give events that were set aside to readers again
    Replay {
        /// The name of the group
        group: String,
        /// The numbers of the events [default: all that were set aside]
        ids: Vec<u64>,
    },
    /// Delete a group with its cursor and what waits in it
    Delete {
        /// Its name
        group: String,
    },
}

/// Carries out `postern group`.
pub fn groups(cli: &Cli, command: &GroupCommand) -> Result<ExitCode, CliError> {
    const PATH: &str = "/api/v1/events/groups";
    let mut api = Api::in_org(cli)?;
    let of = |group: &str| format!("{PATH}/{}", api::escape(group));
    match command {
        GroupCommand::List => {
            let pages = api.pages(PATH, &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::EVENT_GROUP);
        }
        GroupCommand::Show { group } => show::one(cli, &api.get(&of(group))?),
        GroupCommand::Ack { group, id } => {
            let reply = api.post("/api/v1/events/ack", &json!({"group": group, "id": id}))?;
            show::done(cli, &reply, format_args!("event {id} is done"));
        }
        GroupCommand::Replay { group, ids } => {
            let body = match ids.is_empty() {
                true => json!({}),
                false => json!({"ids": ids}),
            };
            show::one(cli, &api.post(&format!("{}/replay", of(group)), &body)?);
        }
        GroupCommand::Delete { group } => {
            let reply = api.delete(&of(group))?;
            show::done(cli, &reply, format_args!("{group} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
