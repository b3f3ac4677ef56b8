//! `postern filter`, `postern suppression` and `postern audit`: the lists of an organization.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern filter`
#[derive(Subcommand, Debug)]
pub enum FilterCommand {
    /// Refuse mail from or to an address, a domain, or all domains below one
    Block(FilterPlace),
    /// Let mail pass where a wider rule blocks it
    Allow(FilterPlace),
    /// List the rules
    List,
    /// Show a rule
    Show {
        /// Its id (flt_…)
        id: String,
    },
    /// Delete a rule
    Delete {
        /// Its id (flt_…)
        id: String,
    },
}

/// What a rule is about.
#[derive(clap::Args, Debug)]
pub struct FilterPlace {
    /// An address, a domain such as example.com, or *.example.com for the domains below it
    value: String,
    /// The rule is about mail that leaves, not about mail that comes
    #[arg(long)]
    send: bool,
    /// Only for this inbox [default: every inbox of the organization]
    #[arg(long, value_name = "INBOX")]
    inbox: Option<String>,
}

/// `postern suppression`
#[derive(Subcommand, Debug)]
pub enum SuppressionCommand {
    /// Send no more mail to an address
    Add {
        /// The address
        address: String,
        /// Why, in your words
        #[arg(long, value_name = "TEXT")]
        source: Option<String>,
    },
    /// List the addresses that get no more mail
    List,
    /// Show why an address gets no more mail
    Show {
        /// The address, or its id (sup_…)
        address: String,
    },
    /// Take an address off the list
    Delete {
        /// The address, or its id (sup_…)
        address: String,
    },
}

/// `postern audit`
#[derive(clap::Args, Debug)]
pub struct AuditCommand {
    /// Only this action, such as message.sent, key.created or inbox.deleted
    #[arg(long)]
    action: Option<String>,
    /// Only what this key has done (key_…)
    #[arg(long = "by", value_name = "KEY_ID")]
    by: Option<String>,
    /// Only what was done to this: the id of an inbox, a key, a message and so on
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only what was done at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what was done before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Carries out `postern audit`.
pub fn audit(cli: &Cli, audit: &AuditCommand) -> Result<ExitCode, CliError> {
    let mut query = QueryPairs::new();
    for (name, value) in [
        ("action", &audit.action),
        ("key", &audit.by),
        ("target", &audit.target),
        ("since", &audit.since),
        ("until", &audit.until),
    ] {
        if let Some(value) = value {
            query.push((name, value.clone()));
        }
    }
    let mut api = Api::in_org(cli)?;
    let pages = api.pages("/api/v1/audit", &query, Some(audit.limit))?;
    show::list(cli, &pages, show::AUDIT);
    Ok(ExitCode::SUCCESS)
}

/// Carries out `postern filter`.
pub fn filters(cli: &Cli, filter: &FilterCommand) -> Result<ExitCode, CliError> {
    const PATH: &str = "/api/v1/filter-rules";
    let mut api = Api::in_org(cli)?;
    match filter {
        FilterCommand::Block(place) => create(cli, &mut api, place, "block")?,
        FilterCommand::Allow(place) => create(cli, &mut api, place, "allow")?,
        FilterCommand::List => {
            let pages = api.pages(PATH, &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::FILTER_RULE);
        }
        FilterCommand::Show { id } => {
            show::one(cli, &api.get(&format!("{PATH}/{}", api::escape(id)))?);
        }
        FilterCommand::Delete { id } => {
            let reply = api.delete(&format!("{PATH}/{}", api::escape(id)))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(cli: &Cli, api: &mut Api, place: &FilterPlace, action: &str) -> Result<(), CliError> {
    let (match_type, value) = match place.value.strip_prefix("*.") {
        Some(below) => ("subdomain_wildcard", below),
        None if place.value.contains('@') => ("address", place.value.as_str()),
        None => ("domain", place.value.as_str()),
    };
    let direction = if place.send { "send" } else { "receive" };
    let mut body = json!({
        "direction": direction,
        "action": action,
        "match_type": match_type,
        "value": value,
    });
    if let Some(inbox) = &place.inbox {
        body["inbox"] = json!(inbox);
    }
    show::one(cli, &api.post("/api/v1/filter-rules", &body)?);
    Ok(())
}

/// Carries out `postern suppression`.
pub fn suppressions(cli: &Cli, suppression: &SuppressionCommand) -> Result<ExitCode, CliError> {
    const PATH: &str = "/api/v1/suppressions";
    let mut api = Api::in_org(cli)?;
    match suppression {
        SuppressionCommand::Add { address, source } => {
            let mut body = json!({"address": address});
            if let Some(source) = source {
                body["source"] = json!(source);
            }
            show::one(cli, &api.post(PATH, &body)?);
        }
        SuppressionCommand::List => {
            let pages = api.pages(PATH, &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::SUPPRESSION);
        }
        SuppressionCommand::Show { address } => {
            let id = id_of(&mut api, address)?;
            show::one(cli, &api.get(&format!("{PATH}/{}", api::escape(&id)))?);
        }
        SuppressionCommand::Delete { address } => {
            let id = id_of(&mut api, address)?;
            let reply = api.delete(&format!("{PATH}/{}", api::escape(&id)))?;
            show::done(cli, &reply, format_args!("{address} gets mail again"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The id of the suppression of an address; an id is itself.
fn id_of(api: &mut Api, address: &str) -> Result<String, CliError> {
    if !address.contains('@') {
        return Ok(address.to_owned());
    }
    let path = format!("/api/v1/suppressions?address={}", api::escape(address));
    let found = api.get(&path)?.json();
    let id = found["data"][0]["id"].as_str();
    id.map(str::to_owned)
        .ok_or_else(|| format!("{address} is not on the list").into())
}
