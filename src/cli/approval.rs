//! `postern approval`: held mail, and the decisions on it.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

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
            let mut senders = SenderNames::new(&mut api);
            show::list_with(cli, &pages, show::APPROVAL, |row| senders.add(row));
        }
        ApprovalCommand::Show { id } => {
            let reply = api.get(&path(id))?;
            match cli.json {
                true => show::verbatim(&reply),
                false => {
                    let mut row = reply.json();
                    SenderNames::new(&mut api).add(&mut row);
                    show::fields(&row);
                }
            }
        }
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

/// The addresses of the inboxes whose mail is held.
struct SenderNames<'a> {
    api: &'a mut Api,
    known: HashMap<String, String>,
    /// The key may not see inboxes.
    is_refused: bool,
}

impl SenderNames<'_> {
    fn new(api: &mut Api) -> SenderNames<'_> {
        SenderNames {
            api,
            known: HashMap::new(),
            is_refused: false,
        }
    }

    /// Adds `from` to an approval: the address of its inbox, or its id where the key does not see
    /// that.
    fn add(&mut self, row: &mut Value) {
        let id = show::text(&row["inbox_id"]);
        let address = match self.known.get(&id) {
            Some(known) => known.clone(),
            None => {
                let address = self.find(&id).unwrap_or_else(|| id.clone());
                self.known.insert(id, address.clone());
                address
            }
        };
        if let Some(row) = row.as_object_mut() {
            row.insert("from".to_owned(), json!(address));
        }
    }

    fn find(&mut self, id: &str) -> Option<String> {
        if self.is_refused {
            return None;
        }
        let found = self
            .api
            .get(&format!("/api/v1/inboxes/{}", api::escape(id)));
        self.is_refused = found.is_err();
        found.ok().map(|reply| show::text(&reply.json()["address"]))
    }
}
