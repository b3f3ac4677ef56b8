//! The command line. Every command except `serve` and those for the data folder is a client of the
//! REST API. It asks the server of `--url`, or the running server over its loopback listener. If
//! none runs, it asks the same engine and service in this process, over the data folder. So all
//! ways give the same answers.
//!
//! An error says what is wrong and what to do. `--json` prints the answer of the API to the letter.

mod account;
mod acks;
mod api;
mod approval;
mod check;
mod compose;
mod doctor;
mod draft;
mod endpoint;
mod examples;
mod exec;
mod folder;
mod group;
mod jobs;
mod known_spam;
mod lists;
mod local;
mod mailbox;
mod manual;
mod mcp;
mod message;
mod presets;
mod progress;
mod queue;
mod resolve;
mod response;
mod rule;
mod send;
mod show;
mod spam;
mod tail;
mod thread;
mod transfer;
mod upload;
mod upstream;
mod webhook;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};
use serde_json::{Value, json};

use crate::config::{Config, DEFAULT_DATA, ServeFlags};
use crate::store::Depth;

/// A mail server for AI agents in one small binary.
#[derive(Parser, Debug)]
#[command(
    name = "postern",
    version,
    about,
    arg_required_else_help = true,
    after_help = examples::ROOT
)]
pub struct Cli {
    /// The data folder [default: ./postern-data]
    #[arg(
        long,
        global = true,
        env = "POSTERN_DATA",
        value_name = "FOLDER",
        help_heading = SHARED_HEADING
    )]
    data: Option<PathBuf>,
    /// A server elsewhere, such as https://mail.example.com; it needs a key
    #[arg(
        long,
        global = true,
        env = "POSTERN_URL",
        value_name = "URL",
        help_heading = SHARED_HEADING
    )]
    url: Option<String>,
    /// The API key to use [default: the operator's token of the data folder]
    #[arg(
        long,
        global = true,
        env = "POSTERN_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = SHARED_HEADING
    )]
    key: Option<String>,
    /// Trust the authorities of this PEM file besides the public ones
    #[arg(
        long,
        global = true,
        env = "POSTERN_CA",
        value_name = "FILE",
        help_heading = SHARED_HEADING
    )]
    ca: Option<PathBuf>,
    /// Print the JSON of the API as it came
    #[arg(long, global = true, help_heading = SHARED_HEADING)]
    json: bool,
    /// The organization that the operator acts in [default: the first one]
    #[arg(long, global = true, value_name = "ORG_ID", help_heading = SHARED_HEADING)]
    org: Option<String>,
    #[command(subcommand)]
    command: CliCommand,
}

impl Cli {
    /// The data folder.
    fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(DEFAULT_DATA))
    }
}

/// The commands.
#[derive(Subcommand, Debug)]
enum CliCommand {
    /// Run the server; it needs no configuration
    Serve(ServeFlags),
    /// Organizations: the tenants of this server
    #[command(subcommand, after_help = examples::ORG)]
    Org(account::OrgCommand),
    /// Inboxes: one address each
    #[command(subcommand, after_help = examples::INBOX)]
    Inbox(Box<account::InboxCommand>),
    /// Messages of an inbox
    #[command(subcommand, after_help = examples::MESSAGE)]
    Message(message::MessageCommand),
    /// Threads of an inbox: its conversations
    #[command(subcommand, after_help = examples::THREAD)]
    Thread(thread::ThreadCommand),
    /// Drafts of an inbox
    #[command(subcommand, after_help = examples::DRAFT)]
    Draft(draft::DraftCommand),
    /// Folders of an inbox
    #[command(subcommand, after_help = examples::FOLDER)]
    Folder(mailbox::FolderCommand),
    /// API keys
    #[command(subcommand, after_help = examples::KEY)]
    Key(account::KeyCommand),
    /// Domains of an organization
    #[command(subcommand, after_help = examples::DOMAIN)]
    Domain(account::DomainCommand),
    /// Filter rules: whose mail is refused, coming or leaving
    #[command(subcommand, after_help = examples::FILTER)]
    Filter(lists::FilterCommand),
    /// Rules of delivery: what is done with mail that comes
    #[command(subcommand, after_help = examples::RULE)]
    Rule(rule::RuleCommand),
    /// How an inbox judges mail
    #[command(subcommand, after_help = examples::SPAM)]
    Spam(spam::SpamCommand),
    /// Addresses that get no more mail
    #[command(subcommand, after_help = examples::SUPPRESSION)]
    Suppression(lists::SuppressionCommand),
    /// Endpoints that get events
    #[command(subcommand, after_help = examples::WEBHOOK)]
    Webhook(webhook::WebhookCommand),
    /// Consumer groups of events
    #[command(subcommand, after_help = examples::GROUP)]
    Group(group::GroupCommand),
    /// Mail that waits for an approval
    #[command(subcommand, after_help = examples::APPROVAL)]
    Approval(approval::ApprovalCommand),
    /// Send a message
    #[command(after_help = examples::SEND)]
    Send(send::SendCommand),
    /// Upload a file, to attach it to messages by its id within 24 hours
    #[command(after_help = examples::UPLOAD)]
    Upload(upload::UploadCommand),
    /// Import mail of another program: mbox files or a Maildir; run it again to go on
    #[command(subcommand, after_help = examples::IMPORT)]
    Import(transfer::ImportCommand),
    /// Export mail as mbox files or a Maildir; run it again to go on
    #[command(subcommand, after_help = examples::EXPORT)]
    Export(transfer::ExportCommand),
    /// Print events as they happen
    #[command(after_help = examples::TAIL)]
    Tail(tail::TailCommand),
    /// Speak MCP over standard input and output, for clients that start a program
    #[command(after_help = examples::MCP)]
    Mcp(mcp::McpCommand),
    /// Print what to paste into a client of MCP
    #[command(after_help = examples::MCP_CONFIG)]
    McpConfig(mcp::McpConfigCommand),
    /// Recipients on other servers: what waits and what became of it
    #[command(subcommand, after_help = examples::QUEUE)]
    Queue(queue::QueueCommand),
    /// The same as `queue list`
    #[command(hide = true)]
    Outbound,
    /// Print what the organization has used, and its limits; with --days or --inbox day by day
    #[command(after_help = examples::USAGE)]
    Usage(account::UsageCommand),
    /// List who has changed what with which key, and who has sent what; newest first
    #[command(after_help = examples::AUDIT)]
    Audit(lists::AuditCommand),
    /// Check the data folder for damage; also while the server runs
    Verify {
        /// Read every message and every page of the file
        #[arg(long, conflicts_with = "quick")]
        deep: bool,
        /// Skip the octets of messages
        #[arg(long)]
        quick: bool,
    },
    /// Make the index of searches again; the server must not run
    RebuildIndex,
    /// Copy the data folder into a new file; also while the server runs
    Backup {
        /// The file to write; it must not exist
        to: PathBuf,
    },
    /// Make a data folder from a backup; clients see a new UIDVALIDITY and a `reset`
    Restore {
        /// The file that `backup` wrote
        from: PathBuf,
    },
    /// Check a configuration file, and the files and the user that it names
    CheckConfig {
        /// The configuration file (TOML)
        file: PathBuf,
    },
    /// Look for what keeps mail from passing: DNS, ports, TLS, disk, clock; with what to do
    Doctor,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of all commands or of one, in roff; or write a page for each
    Man(manual::ManCommand),
}

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// A reason of the command line itself.
    Own(String),
    /// An answer of the API that has an `error`.
    Api {
        /// The answer, as it came.
        octets: Vec<u8>,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
}

impl<E: core::fmt::Display> From<E> for CliError {
    fn from(error: E) -> Self {
        CliError::Own(error.to_string())
    }
}

/// Runs the command of the command line.
pub fn run() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| only_typed(error).exit());
    match carry_out(&cli) {
        Ok(code) => code,
        Err(fault) => {
            complain(&cli, fault);
            ExitCode::FAILURE
        }
    }
}

/// An error of the command line whose usage does not show options as needed that are only in the
/// environment: clap takes those for options that were typed.
fn only_typed(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return error;
    };
    let mut usage = usage.to_string();
    let typed: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    for option in [
        "--data <FOLDER>",
        "--url <URL>",
        "--key <KEY>",
        "--ca <FILE>",
    ] {
        let name = option.split(' ').next().unwrap_or_default();
        if !typed.iter().any(|arg| arg.starts_with(name)) {
            usage = usage.replace(&format!(" {option}"), "");
        }
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage.into()));
    error
}

/// Says why a command failed: on standard error, or with `--json` as the API does.
fn complain(cli: &Cli, fault: CliError) {
    match fault {
        CliError::Own(why) if cli.json => show::line(json!({"error": {"message": why}})),
        CliError::Own(why) => show::note(&format!("postern: {why}")),
        CliError::Api { octets, .. } if cli.json => show::verbatim(&api::ApiReply { octets }),
        CliError::Api {
            octets,
            retry_after_s,
        } => {
            let json: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
            let words = words::of_error(&json["error"], retry_after_s);
            show::note(&format!("postern: {words}"));
        }
    }
}

fn carry_out(cli: &Cli) -> Result<ExitCode, CliError> {
    match &cli.command {
        CliCommand::Serve(flags) => Ok(serve(cli, flags)),
        CliCommand::Verify { deep, quick } => folder::verify(
            cli,
            match (deep, quick) {
                (true, _) => Depth::Deep,
                (_, true) => Depth::Rows,
                _ => Depth::Sample,
            },
        ),
        CliCommand::RebuildIndex => folder::rebuild_index(cli),
        CliCommand::Backup { to } => folder::backup(cli, to),
        CliCommand::Restore { from } => folder::restore(cli, from),
        CliCommand::Org(org) => account::orgs(cli, org),
        CliCommand::Inbox(inbox) => account::inboxes(cli, inbox),
        CliCommand::Key(key) => account::keys(cli, key),
        CliCommand::Domain(domain) => account::domains(cli, domain),
        CliCommand::Filter(filter) => lists::filters(cli, filter),
        CliCommand::Rule(rule) => rule::rules(cli, rule),
        CliCommand::Spam(spam) => spam::spam(cli, spam),
        CliCommand::Webhook(webhook) => webhook::webhooks(cli, webhook),
        CliCommand::Suppression(suppression) => lists::suppressions(cli, suppression),
        CliCommand::Group(command) => group::groups(cli, command),
        CliCommand::Queue(command) => queue::queue(cli, command),
        CliCommand::Approval(approval) => approval::approvals(cli, approval),
        CliCommand::Outbound => account::outbound(cli),
        CliCommand::Usage(usage) => account::usage(cli, usage),
        CliCommand::Audit(audit) => lists::audit(cli, audit),
        CliCommand::Thread(thread) => thread::threads(cli, thread),
        CliCommand::Folder(folder) => mailbox::folders(cli, folder),
        CliCommand::Message(message) => message::messages(cli, message),
        CliCommand::Draft(draft) => draft::drafts(cli, draft),
        CliCommand::Send(send) => send::send(cli, send),
        CliCommand::Upload(command) => upload::uploads(cli, command),
        CliCommand::Import(import) => transfer::import(cli, import),
        CliCommand::Export(export) => transfer::export(cli, export),
        CliCommand::Tail(tail) => tail::tail(cli, tail),
        CliCommand::Mcp(command) => mcp::mcp(cli, command),
        CliCommand::McpConfig(command) => mcp::mcp_config(cli, command),
        CliCommand::CheckConfig { file } => check::check_config(cli, file),
        CliCommand::Doctor => doctor::doctor(cli),
        CliCommand::Completions { shell } => Ok(manual::completions(*shell)),
        CliCommand::Man(man) => manual::man(cli, man),
    }
}

/// `postern serve`: its errors go to standard error, also with `--json`.
fn serve(cli: &Cli, flags: &ServeFlags) -> ExitCode {
    if flags.print_config {
        show::write(&[crate::serve::EXAMPLE_CONFIG.as_bytes()]);
        return ExitCode::SUCCESS;
    }
    if flags.print_unit {
        show::write(&[crate::serve::unit(flags, cli.data.as_deref()).as_bytes()]);
        return ExitCode::SUCCESS;
    }
    match Config::load(flags, cli.data.as_deref(), cli.json) {
        Ok(config) => crate::serve::serve(&config),
        Err(why) => {
            show::note(&format!("postern: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// Above the options that every command has.
const SHARED_HEADING: &str = "Options of every command";
