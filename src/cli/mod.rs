//! The command line. Every command except `serve` is a client of the REST API. It asks the
//! running server over its loopback listener. If none runs, it asks the same engine and service
//! in this process, over the data folder. So both ways give the same answers.
//!
//! An error says what is wrong and what to do. `--json` prints the answer of the API.

mod api;
mod local;
mod message;
mod show;
mod tail;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::{Config, DEFAULT_DATA, ServeFlags};
use api::Api;

/// A mail server for AI agents in one small binary.
#[derive(Parser, Debug)]
#[command(name = "postern", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// The data folder
    #[arg(
        long,
        global = true,
        default_value = DEFAULT_DATA,
        value_name = "FOLDER"
    )]
    pub data: PathBuf,
    /// Print the JSON of the API
    #[arg(long, global = true)]
    pub json: bool,
    /// The organization to act in [default: the first one]
    #[arg(long, global = true, value_name = "ORG_ID")]
    pub org: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: CliCommand,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum CliCommand {
    /// Run the server; it needs no configuration
    Serve(ServeFlags),
    /// Organizations: the tenants of this server
    #[command(subcommand)]
    Org(OrgCommand),
    /// Inboxes: one address each
    #[command(subcommand)]
    Inbox(InboxCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Domains of an organization
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Send a message
    Send(message::SendCommand),
    /// Print events as they happen
    Tail(tail::TailCommand),
    /// Check the data folder for damage; also while the server runs
    Verify {
        /// Skip the checksums of stored messages
        #[arg(long)]
        quick: bool,
    },
    /// Copy the database of the data folder into a new file; also while the server runs
    Backup {
        /// The file to write; it must not exist
        to: PathBuf,
    },
    /// Make a data folder from a backup; clients see a new UIDVALIDITY and a `reset`
    Restore {
        /// The file that `backup` wrote
        from: PathBuf,
    },
}

/// `postern org`
#[derive(Subcommand, Debug)]
pub enum OrgCommand {
    /// Make an organization and print its first key; the key is not shown again
    Create {
        /// A name of your choice
        name: String,
    },
    /// List the organizations
    List,
    /// Delete an organization and everything in it
    Delete {
        /// Its id (org_…)
        id: String,
    },
}

/// `postern inbox`
#[derive(Subcommand, Debug)]
pub enum InboxCommand {
    /// Make an inbox
    Create {
        /// The start of the address on the shared domain, or its local part on an own domain
        username: Option<String>,
        /// An own domain of the organization
        #[arg(long)]
        domain: Option<String>,
        /// The name of the sender in messages
        #[arg(long)]
        display_name: Option<String>,
        /// The parent inbox: id or address
        #[arg(long)]
        parent: Option<String>,
    },
    /// List the inboxes
    List,
    /// Delete an inbox and everything in it
    Delete {
        /// Its id or address
        inbox: String,
    },
}

/// `postern key`
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key and print it; it is not shown again
    Create {
        /// A name of your choice
        #[arg(long)]
        label: Option<String>,
        /// The scopes of the key, separated by commas
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "messages:read,messages:write"
        )]
        scopes: Vec<String>,
        /// Bind the key to this inbox, id or address; repeat the option for more inboxes
        #[arg(long = "inbox")]
        inboxes: Vec<String>,
        /// The end of the key, RFC 3339
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// List the keys, without their secrets
    List,
    /// End a key and close its connections
    #[command(alias = "delete")]
    Revoke {
        /// Its id (key_…)
        id: String,
    },
}

/// `postern domain`
#[derive(Subcommand, Debug)]
pub enum DomainCommand {
    /// Add a domain
    Create {
        /// The name of the domain
        name: String,
    },
    /// List the domains
    List,
    /// Remove a domain that no inbox uses
    Delete {
        /// Its id (dom_…)
        id: String,
    },
}

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// A reason of the command line itself.
    Own(String),
    /// The `error` object of the API.
    Api(Value),
}

impl CliError {
    /// The reason and the remedy, in words.
    fn words(&self) -> String {
        match self {
            CliError::Own(why) => why.clone(),
            CliError::Api(error) => {
                let text = |name: &str| error[name].as_str().unwrap_or_default();
                format!("{} {}", text("message"), text("hint"))
                    .trim()
                    .to_owned()
            }
        }
    }
}

impl<E: core::fmt::Display> From<E> for CliError {
    fn from(error: E) -> Self {
        CliError::Own(error.to_string())
    }
}

/// Runs the command of the command line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(&cli) {
        Ok(code) => code,
        Err(fault) => {
            if cli.json {
                let error = match &fault {
                    CliError::Own(why) => json!({"message": why}),
                    CliError::Api(error) => error.clone(),
                };
                show::line(json!({"error": error}));
            } else {
                eprintln!("postern: {}", fault.words());
            }
            ExitCode::FAILURE
        }
    }
}

fn carry_out(cli: &Cli) -> Result<ExitCode, CliError> {
    match &cli.command {
        CliCommand::Serve(flags) => Ok(serve(cli, flags)),
        CliCommand::Verify { quick } => local::verify(cli, !quick),
        CliCommand::Backup { to } => local::backup(cli, to),
        CliCommand::Restore { from } => local::restore(cli, from),
        CliCommand::Org(org) => orgs(cli, org),
        CliCommand::Inbox(inbox) => inboxes(cli, inbox),
        CliCommand::Key(key) => keys(cli, key),
        CliCommand::Domain(domain) => domains(cli, domain),
        CliCommand::Send(send) => message::send(cli, send),
        CliCommand::Tail(tail) => tail::tail(cli, tail),
    }
}

/// `postern serve`: its errors go to standard error, also with `--json`.
fn serve(cli: &Cli, flags: &ServeFlags) -> ExitCode {
    match Config::load(flags, &cli.data, cli.json) {
        Ok(config) => crate::serve::serve(&config),
        Err(why) => {
            eprintln!("postern: {why}");
            ExitCode::FAILURE
        }
    }
}

fn orgs(cli: &Cli, org: &OrgCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::open(cli)?;
    match org {
        OrgCommand::Create { name } => show::one(
            cli,
            &api.post("/api/v1/orgs", &json!({"name": name}))?,
            show::ORG,
        ),
        OrgCommand::List => show::list(cli, &api.all("/api/v1/orgs")?, show::ORG),
        OrgCommand::Delete { id } => {
            api.delete(&format!("/api/v1/orgs/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn inboxes(cli: &Cli, inbox: &InboxCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match inbox {
        InboxCommand::Create {
            username,
            domain,
            display_name,
            parent,
        } => {
            let body = given(&[
                ("username", username),
                ("domain", domain),
                ("display_name", display_name),
                ("parent", parent),
            ]);
            show::one(cli, &api.post("/api/v1/inboxes", &body)?, show::INBOX);
        }
        InboxCommand::List => show::list(cli, &api.all("/api/v1/inboxes")?, show::INBOX),
        InboxCommand::Delete { inbox } => {
            let path = format!("/api/v1/inboxes/{}", api::escape(inbox));
            api.delete(&path)?;
            show::deleted(cli, inbox);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn keys(cli: &Cli, key: &KeyCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match key {
        KeyCommand::Create {
            label,
            scopes,
            inboxes,
            expires_at,
        } => {
            let mut body = given(&[("label", label), ("expires_at", expires_at)]);
            body["scopes"] = json!(scopes);
            if !inboxes.is_empty() {
                body["inboxes"] = json!(inboxes);
            }
            show::one(cli, &api.post("/api/v1/keys", &body)?, show::KEY);
        }
        KeyCommand::List => show::list(cli, &api.all("/api/v1/keys")?, show::KEY),
        KeyCommand::Revoke { id } => {
            api.delete(&format!("/api/v1/keys/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn domains(cli: &Cli, domain: &DomainCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match domain {
        DomainCommand::Create { name } => {
            show::one(
                cli,
                &api.post("/api/v1/domains", &json!({"name": name}))?,
                show::DOMAIN,
            );
        }
        DomainCommand::List => show::list(cli, &api.all("/api/v1/domains")?, show::DOMAIN),
        DomainCommand::Delete { id } => {
            api.delete(&format!("/api/v1/domains/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An object of the fields that have a value.
fn given(fields: &[(&str, &Option<String>)]) -> Value {
    let mut body = json!({});
    for (name, value) in fields {
        if let Some(value) = value {
            body[*name] = json!(value);
        }
    }
    body
}
