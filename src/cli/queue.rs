//! `postern queue`: the recipients on other servers, what became of them, and what can be done.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;

use super::api::{self, Api, ApiReply, QueryPairs};
use super::{Cli, CliError, show};

/// `postern queue`
#[derive(Subcommand, Debug)]
pub enum QueueCommand {
    /// List the recipients on other servers, newest first
    List {
        /// Only those in this state: held, scheduled, queued, deferred, sending, delivered,
        /// bounced, cancelled or expired
        #[arg(long)]
        status: Option<String>,
        /// Only those that this inbox has sent: id or address
        #[arg(long)]
        inbox: Option<String>,
        /// Only those to this address
        #[arg(long)]
        recipient: Option<String>,
        /// Only those at this domain
        #[arg(long)]
        domain: Option<String>,
    },
    /// Show a recipient with every attempt
    Show {
        /// Its id (out_…)
        id: String,
    },
    /// Try a recipient now, whatever rest its server has
    Retry {
        /// Its id (out_…)
        id: String,
    },
    /// Take a recipient back that has not left
    Cancel {
        /// Its id (out_…)
        id: String,
    },
    /// Try every recipient now that waits for another attempt
    Flush {
        /// Only those at this domain
        #[arg(long)]
        domain: Option<String>,
    },
}

/// Carries the command out.
pub fn queue(cli: &Cli, command: &QueueCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let one = |id: &str| format!("{PATH}/{}", api::escape(id));
    match command {
        QueueCommand::List {
            status,
            inbox,
            recipient,
            domain,
        } => {
            let mut query = QueryPairs::new();
            for (name, value) in [
                ("status", status),
                ("inbox", inbox),
                ("recipient", recipient),
                ("domain", domain),
            ] {
                if let Some(value) = value {
                    query.push((name, value.into()));
                }
            }
            show::list(cli, &api.pages(PATH, &query, None)?, show::OUTBOUND);
        }
        QueueCommand::Show { id } => show_one(cli, &api.get(&one(id))?),
        QueueCommand::Retry { id } => {
            let reply = api.act(&format!("{}/retry", one(id)))?;
            show::done(cli, &reply, format_args!("{id} is tried now"));
        }
        QueueCommand::Cancel { id } => {
            let reply = api.act(&format!("{}/cancel", one(id)))?;
            show::done(cli, &reply, format_args!("{id} is not sent"));
        }
        QueueCommand::Flush { domain } => flush(cli, &mut api, domain.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Has every deferred recipient tried now. One that has left meanwhile is no error.
fn flush(cli: &Cli, api: &mut Api, domain: Option<&str>) -> Result<(), CliError> {
    let mut query = QueryPairs::new();
    query.push(("status", "deferred".into()));
    if let Some(domain) = domain {
        query.push(("domain", domain.into()));
    }
    let mut tried = 0;
    for page in api.pages(PATH, &query, None)? {
        let page = page.json();
        let rows = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        for id in rows.iter().filter_map(|row| row["id"].as_str()) {
            match api.act(&format!("{PATH}/{}/retry", api::escape(id))) {
                Ok(_) => tried += 1,
                Err(CliError::Api { octets, .. }) if is_conflict(&octets) => {}
                Err(error) => return Err(error),
            }
        }
    }
    match cli.json {
        true => show::line(serde_json::json!({ "tried": tried })),
        false => show::line(format_args!("{tried} recipients are tried now")),
    }
    Ok(())
}

/// Whether the answer is that the recipient has ended.
fn is_conflict(octets: &[u8]) -> bool {
    let error: Value = serde_json::from_slice(octets).unwrap_or_default();
    error["error"]["code"] == "not_retryable" || error["error"]["code"] == "not_found"
}

/// Prints a recipient: its fields, then a line for each attempt.
fn show_one(cli: &Cli, reply: &ApiReply) {
    if cli.json {
        return show::verbatim(reply);
    }
    let mut row = reply.json();
    let history = row["history"].take();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("history");
    }
    show::fields(&row);
    for attempt in history.as_array().map_or(&[][..], Vec::as_slice) {
        let said = |name: &str| show::text(&attempt[name]);
        let names = [
            "at", "outcome", "host", "address", "tls", "code", "enhanced", "text",
        ];
        let words: Vec<String> = names.iter().map(|name| said(name)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        show::line(format_args!(
            "attempt: {}",
            show::one_line(&words.join(" "))
        ));
    }
}

const PATH: &str = "/api/v1/outbound";
