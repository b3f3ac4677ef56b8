//! `postern approval`: held mail, and the decisions on it.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern approval`
#[derive(Subcommand, Debug)]
pub enum ApprovalCommand {
    /// List held mail and decisions, the oldest first
    List {
        /// Only those of this status: held, approved, declined or expired
        #[arg(long)]
        status: Option<String>,
    },
    /// Show an approval with the texts of its message
    Show {
        /// Its id (apr_…)
        id: String,
    },
    /// Let a held message leave, as it is or with other words
    Approve {
        /// Its id (apr_…)
        id: String,
        /// Another subject
        #[arg(long)]
        subject: Option<String>,
        /// Another text; without --html the HTML part goes
        #[arg(long)]
        text: Option<String>,
        /// Another HTML part; without --text the plain text goes
        #[arg(long)]
        html: Option<String>,
        /// The hash that you were shown; another message is refused
        #[arg(long)]
        sha256: Option<String>,
    },
    /// Keep a held message from leaving
    Decline {
        /// Its id (apr_…)
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Carries out `postern approval`.
pub fn approvals(cli: &Cli, approval: &ApprovalCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let path = |id: &str| format!("/api/v1/approvals/{}", api::escape(id));
    match approval {
        ApprovalCommand::List { status } => {
            let mut query = QueryPairs::new();
            query.extend(status.clone().map(|status| ("status", status)));
            let pages = api.pages("/api/v1/approvals", &query, None)?;
            show::list(cli, &pages, show::APPROVAL);
        }
        ApprovalCommand::Show { id } => show::one(cli, &api.get(&path(id))?),
        ApprovalCommand::Approve {
            id,
            subject,
            text,
            html,
            sha256,
        } => {
            let mut body = json!({});
            for (name, value) in [
                ("subject", subject),
                ("text", text),
                ("html", html),
                ("sha256", sha256),
            ] {
                if let Some(value) = value {
                    body[name] = json!(value);
                }
            }
            show::one(cli, &api.post(&format!("{}/approve", path(id)), &body)?);
        }
        ApprovalCommand::Decline { id, reason } => {
            let body = match reason {
                Some(reason) => json!({"reason": reason}),
                None => json!({}),
            };
            show::one(cli, &api.post(&format!("{}/decline", path(id)), &body)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}
