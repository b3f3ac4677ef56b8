//! The command line. Everything but `serve` is a client of the REST surface: of the running
//! server over its loopback listener, or, when none runs, of the same engine and service
//! over the folder in this process. So both ways give the same answers.
//!
//! Errors say what is wrong and what to do; `--json` prints what the API said.

mod api;
mod local;
mod message;
mod show;
mod tail;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::ServeFlags;
use api::Api;
pub use local::SHARED_DOMAIN;

/// A mail server for AI agents in one small binary.
#[derive(Parser, Debug)]
#[command(name = "postern", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// The data folder
    #[arg(
        long,
        global = true,
        default_value = "./postern-data",
        value_name = "FOLDER"
    )]
    pub data: PathBuf,
    /// Print JSON, as the API answers it.
    #[arg(long, global = true)]
    pub json: bool,
    /// Act in this organization (default: the first one).
    #[arg(long, global = true, value_name = "ORG_ID")]
    pub org: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the server. Needs no configuration.
    Serve(ServeFlags),
    /// Organizations: the tenants of this server.
    #[command(subcommand)]
    Org(Org),
    /// Inboxes: one address each.
    #[command(subcommand)]
    Inbox(Inbox),
    /// API keys.
    #[command(subcommand)]
    Key(Key),
    /// Domains of an organization.
    #[command(subcommand)]
    Domain(Domain),
    /// Send a message.
    Send(message::Send),
    /// Print events as they happen.
    Tail(tail::Tail),
    /// Check everything that must hold in the data folder. Safe while the server runs.
    Verify {
        /// Skip the checksums of stored messages.
        #[arg(long)]
        quick: bool,
    },
    /// Copy the data folder's database into a new file, while the server runs.
    Backup {
        /// The file to write; it must not exist.
        to: PathBuf,
    },
    /// Make a data folder from a backup. Clients will see a new UIDVALIDITY and a `reset`.
    Restore {
        /// The file that `backup` wrote.
        from: PathBuf,
    },
}

/// `postern org`
#[derive(Subcommand, Debug)]
pub enum Org {
    /// Make one; prints its first key, once.
    Create {
        /// For people.
        name: String,
    },
    /// All of them.
    List,
    /// Delete one with everything in it.
    Delete {
        /// org_…
        id: String,
    },
}

/// `postern inbox`
#[derive(Subcommand, Debug)]
pub enum Inbox {
    /// Make one.
    Create {
        /// The beginning of the address (shared domain) or its local part (own domain).
        username: Option<String>,
        /// An own domain.
        #[arg(long)]
        domain: Option<String>,
        /// Shown as the sender's name.
        #[arg(long)]
        display_name: Option<String>,
        /// The inbox above it: id or address.
        #[arg(long)]
        parent: Option<String>,
    },
    /// All of them.
    List,
    /// Delete one with everything in it.
    Delete {
        /// Id or address.
        inbox: String,
    },
}

/// `postern key`
#[derive(Subcommand, Debug)]
pub enum Key {
    /// Make one; prints it, once.
    Create {
        /// For people.
        #[arg(long)]
        label: Option<String>,
        /// What it may do, with commas between: messages:read,messages:write …
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "messages:read,messages:write"
        )]
        scopes: Vec<String>,
        /// Bind it to this inbox (again for more): id or address.
        #[arg(long = "inbox")]
        inboxes: Vec<String>,
        /// When it ends, RFC 3339.
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// All of them, without their secrets.
    List,
    /// End one, and its connections.
    #[command(alias = "delete")]
    Revoke {
        /// key_…
        id: String,
    },
}

/// `postern domain`
#[derive(Subcommand, Debug)]
pub enum Domain {
    /// Add one.
    Create {
        /// example.org
        name: String,
    },
    /// All of them.
    List,
    /// Remove one that no inbox uses.
    Delete {
        /// dom_…
        id: String,
    },
}

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub enum Fault {
    /// Ours, in words.
    Own(String),
    /// The `error` object that the API answered with.
    Api(Value),
}

impl Fault {
    /// What is wrong and what to do, in words.
    fn words(&self) -> String {
        match self {
            Fault::Own(why) => why.clone(),
            Fault::Api(error) => {
                let text = |name: &str| error[name].as_str().unwrap_or_default();
                format!("{} {}", text("message"), text("hint"))
                    .trim()
                    .to_owned()
            }
        }
    }
}

impl<E: core::fmt::Display> From<E> for Fault {
    fn from(error: E) -> Self {
        Fault::Own(error.to_string())
    }
}

/// Runs any command but `serve`.
pub fn run(cli: &Cli) -> ExitCode {
    match carry_out(cli) {
        Ok(code) => code,
        Err(fault) => {
            if cli.json {
                let error = match &fault {
                    Fault::Own(why) => json!({"message": why}),
                    Fault::Api(error) => error.clone(),
                };
                show::line(json!({"error": error}));
            } else {
                eprintln!("postern: {}", fault.words());
            }
            ExitCode::FAILURE
        }
    }
}

fn carry_out(cli: &Cli) -> Result<ExitCode, Fault> {
    match &cli.command {
        Command::Serve(_) => Err(Fault::Own("serve is started by main".into())),
        Command::Verify { quick } => local::verify(cli, !quick),
        Command::Backup { to } => local::backup(cli, to),
        Command::Restore { from } => local::restore(cli, from),
        Command::Org(org) => orgs(cli, org),
        Command::Inbox(inbox) => inboxes(cli, inbox),
        Command::Key(key) => keys(cli, key),
        Command::Domain(domain) => domains(cli, domain),
        Command::Send(send) => message::send(cli, send),
        Command::Tail(tail) => tail::tail(cli, tail),
    }
}

fn orgs(cli: &Cli, org: &Org) -> Result<ExitCode, Fault> {
    let mut api = Api::open(cli)?;
    match org {
        Org::Create { name } => show::one(
            cli,
            &api.post("/api/v1/orgs", &json!({"name": name}))?,
            show::ORG,
        ),
        Org::List => show::list(cli, &api.all("/api/v1/orgs")?, show::ORG),
        Org::Delete { id } => {
            api.delete(&format!("/api/v1/orgs/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn inboxes(cli: &Cli, inbox: &Inbox) -> Result<ExitCode, Fault> {
    let mut api = Api::in_org(cli)?;
    match inbox {
        Inbox::Create {
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
        Inbox::List => show::list(cli, &api.all("/api/v1/inboxes")?, show::INBOX),
        Inbox::Delete { inbox } => {
            let path = format!("/api/v1/inboxes/{}", api::escape(inbox));
            api.delete(&path)?;
            show::deleted(cli, inbox);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn keys(cli: &Cli, key: &Key) -> Result<ExitCode, Fault> {
    let mut api = Api::in_org(cli)?;
    match key {
        Key::Create {
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
        Key::List => show::list(cli, &api.all("/api/v1/keys")?, show::KEY),
        Key::Revoke { id } => {
            api.delete(&format!("/api/v1/keys/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn domains(cli: &Cli, domain: &Domain) -> Result<ExitCode, Fault> {
    let mut api = Api::in_org(cli)?;
    match domain {
        Domain::Create { name } => {
            show::one(
                cli,
                &api.post("/api/v1/domains", &json!({"name": name}))?,
                show::DOMAIN,
            );
        }
        Domain::List => show::list(cli, &api.all("/api/v1/domains")?, show::DOMAIN),
        Domain::Delete { id } => {
            api.delete(&format!("/api/v1/domains/{}", api::escape(id)))?;
            show::deleted(cli, id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An object of the fields that were given.
fn given(fields: &[(&str, &Option<String>)]) -> Value {
    let mut body = json!({});
    for (name, value) in fields {
        if let Some(value) = value {
            body[*name] = json!(value);
        }
    }
    body
}
