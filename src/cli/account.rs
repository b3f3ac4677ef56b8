//! `postern org|inbox|key|domain`: who uses the server.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{self, Api, ApiReply, QueryPairs};
use super::upstream::UpstreamOptions;
use super::{Cli, CliError, presets, show};

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
    /// Show an organization with its policy
    Show {
        /// Its id (org_…)
        id: String,
    },
    /// Stop all sending of an organization at once; what is queued waits
    Pause {
        /// Its id (org_…)
        id: String,
    },
    /// Let its mail leave again
    Resume {
        /// Its id (org_…)
        id: String,
    },
    /// Set for how many days all its inboxes keep a message
    Retention {
        /// Its id (org_…)
        id: String,
        /// Days, or `forever`
        days: String,
    },
    /// Set the least strict mode of sending of all its inboxes
    SendMode {
        /// Its id (org_…)
        id: String,
        /// direct, hold, draft or off
        mode: String,
    },
    /// Delete an organization and everything in it
    Delete {
        /// Its id (org_…)
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
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
        /// Your own id for it: the same id gets the same inbox again
        #[arg(long)]
        client_id: Option<String>,
        /// Your own JSON object
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
        /// What happens to mail that it sends: direct, hold, draft or off [default: that of its
        /// parent, or direct]
        #[arg(long)]
        send_mode: Option<String>,
        /// What happens to mail of senders that it does not know: allow, screen or reject
        #[arg(long)]
        receive_default: Option<String>,
        /// The address of an account elsewhere, where it is not its user
        #[arg(long, value_name = "ADDRESS", requires = "upstream")]
        upstream_address: Option<String>,
        #[command(flatten)]
        upstream: UpstreamOptions,
        #[command(flatten)]
        bounds: BoundOptions,
    },
    /// List the inboxes
    List,
    /// Show an inbox, and how mail programs are set up for it
    Show {
        /// Its id or address
        inbox: String,
    },
    /// Print how mail programs log in to every inbox, as CSV; the password is your own key, of
    /// --key or POSTERN_KEY, or one that is made for it
    Credentials {
        /// Make a new key for each inbox, bound to it, and print that; none is shown again
        #[arg(long)]
        mint: bool,
    },
    /// Print a profile that sets Apple Mail up for an inbox; no password is in it
    Profile {
        /// Its id or address
        inbox: String,
    },
    /// Change an inbox; an empty text clears a field
    Update {
        /// Its id or address
        inbox: String,
        /// The name of the sender in messages
        #[arg(long)]
        display_name: Option<String>,
        /// The parent inbox: id or address
        #[arg(long)]
        parent: Option<String>,
        /// Your own JSON object, which replaces the one before
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
        /// What happens to mail that it sends: direct, hold, draft or off; a less strict mode needs
        /// a key with `approve`
        #[arg(long)]
        send_mode: Option<String>,
        /// What happens to mail of senders that it does not know: allow, screen or reject
        #[arg(long)]
        receive_default: Option<String>,
        #[command(flatten)]
        upstream: UpstreamOptions,
        #[command(flatten)]
        bounds: BoundOptions,
    },
    /// Delete an inbox and everything in it
    Delete {
        /// Its id or address
        inbox: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What an inbox keeps and may do.
#[derive(clap::Args, Debug)]
pub struct BoundOptions {
    /// When it ends with all of its mail, RFC 3339
    #[arg(long)]
    expires_at: Option<String>,
    /// How many days it keeps a message
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<String>,
    /// How many octets it may store
    #[arg(long, value_name = "OCTETS")]
    quota_bytes: Option<String>,
    /// A limit of its own, such as sends_per_day=100; new_recipients_per_day, receives_per_minute
    /// and imap_sessions too. Without a number it is that of every inbox
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<String>,
}

impl BoundOptions {
    /// Puts what was given into a body.
    fn put(&self, body: &mut Value) -> Result<(), CliError> {
        if let Some(at) = &self.expires_at {
            body["expires_at"] = json!(at);
        }
        for (name, text) in [
            ("retention_days", &self.retention_days),
            ("quota_bytes", &self.quota_bytes),
        ] {
            match text.as_deref() {
                None => {}
                Some("") => body[name] = json!(""),
                Some(text) => body[name] = json!(number(text, name)?),
            }
        }
        for limit in &self.limits {
            let (name, text) = limit
                .split_once('=')
                .ok_or_else(|| format!("--limit {limit}: write NAME=NUMBER"))?;
            body["limits"][name] = match text {
                "" => Value::Null,
                text => json!(number(text, "--limit")?),
            };
        }
        Ok(())
    }
}

/// The whole number that a text is.
fn number(text: &str, what: &str) -> Result<u64, CliError> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("{what}: {text} is no whole number").into())
}

/// `postern key`
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key and print it; it is not shown again
    Create {
        /// A name of your choice
        #[arg(long)]
        label: Option<String>,
        /// The scopes of the key, separated by commas [default: messages:read,messages:write, and
        /// inboxes:read with --inbox]
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<String>,
        /// Bind the key to this inbox, id or address; repeat the option for more inboxes
        #[arg(long = "inbox")]
        inboxes: Vec<String>,
        /// Cover the sub-agents of these inboxes too, also those that are made later
        #[arg(long, requires = "inboxes")]
        subtree: bool,
        /// The end of the key, RFC 3339
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// List the keys, without their secrets
    List,
    /// Show a key, without its secret
    Show {
        /// Its id (key_…)
        id: String,
    },
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
    /// Add a domain and print the records to publish; it works when it is verified
    #[command(alias = "add")]
    Create {
        /// The name of the domain
        name: String,
        /// It belongs to the organization, by your word: no proof is needed
        #[arg(long)]
        trusted: bool,
    },
    /// Show a domain and the records to publish
    Show {
        /// Its name or id (dom_…)
        domain: String,
    },
    /// Print the records to publish, with what the last check has found
    Records {
        /// Its name or id (dom_…)
        domain: String,
    },
    /// Ask the DNS for the records of a domain, and verify it when its ownership record is there
    Verify {
        /// Its name or id (dom_…)
        domain: String,
    },
    /// Make new signing keys; they sign when their records are published and verified
    RotateDkim {
        /// Its name or id (dom_…)
        domain: String,
    },
    /// Verify a domain by your word, for the one organization that has added it or for --org
    Trust {
        /// Its name or id (dom_…)
        domain: String,
    },
    /// Name the inbox that gets mail for names at a domain that no inbox has
    CatchAll {
        /// Its name or id (dom_…)
        domain: String,
        /// The inbox: id or address; left out, none gets it
        inbox: Option<String>,
    },
    /// List the domains
    List,
    /// Remove a domain that no inbox uses
    Delete {
        /// Its name or id (dom_…)
        id: String,
    },
}

/// Carries out `postern org`.
pub fn orgs(cli: &Cli, org: &OrgCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::open(cli)?;
    let path = |id: &str| format!("/api/v1/orgs/{}", api::escape(id));
    match org {
        OrgCommand::Create { name } => {
            show::made_key(cli, &api.post("/api/v1/orgs", &json!({"name": name}))?);
        }
        OrgCommand::List => list(cli, &mut api, "/api/v1/orgs", show::ORG)?,
        OrgCommand::Show { id } => show::one(cli, &api.get(&path(id))?),
        OrgCommand::Pause { id } => {
            show::one(cli, &api.act(&format!("{}/pause", path(id)))?);
        }
        OrgCommand::Resume { id } => {
            show::one(cli, &api.act(&format!("{}/resume", path(id)))?);
        }
        OrgCommand::SendMode { id, mode } => {
            show::one(cli, &api.patch(&path(id), &json!({"send_mode": mode}))?);
        }
        OrgCommand::Retention { id, days } => {
            let days = match days.as_str() {
                "forever" => Value::Null,
                days => json!(number(days, "DAYS")?),
            };
            show::one(
                cli,
                &api.patch(&path(id), &json!({"retention_days": days}))?,
            );
        }
        OrgCommand::Delete { id, yes } => {
            sure(
                *yes,
                &format!("the organization {id} with its inboxes and mail"),
            )?;
            let reply = api.delete(&path(id))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows an inbox that was made, and says when its name is not as it was given.
fn show_made(cli: &Cli, reply: &ApiReply, username: Option<&str>, is_shared: bool) {
    show::one(cli, reply);
    let address = show::text(&reply.json()["address"]);
    let local = address.split('@').next();
    if !cli.json && is_shared && local != username {
        show::note(&format!(
            "The address is {address}: one of the shared domain has six characters added, so that \
             no name is taken."
        ));
    }
}

/// Carries out `postern inbox`.
pub fn inboxes(cli: &Cli, inbox: &InboxCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let path = |inbox: &str| format!("/api/v1/inboxes/{}", api::escape(inbox));
    match inbox {
        InboxCommand::Create {
            username,
            domain,
            display_name,
            parent,
            client_id,
            metadata,
            send_mode,
            receive_default,
            upstream_address,
            upstream,
            bounds,
        } => {
            let mut body = given(&[
                ("username", username),
                ("domain", domain),
                ("display_name", display_name),
                ("parent", parent),
                ("client_id", client_id),
                ("send_mode", send_mode),
                ("receive_default", receive_default),
            ]);
            if let Some(metadata) = metadata {
                body["metadata"] = metadata_of(metadata)?;
            }
            bounds.put(&mut body)?;
            upstream.put(&mut body, upstream_address.as_ref())?;
            let is_shared = domain.is_none() && body["upstream"].is_null();
            let reply = api.post("/api/v1/inboxes", &body)?;
            show_made(cli, &reply, username.as_deref(), is_shared);
        }
        InboxCommand::List => list(cli, &mut api, "/api/v1/inboxes", show::INBOX)?,
        InboxCommand::Show { inbox } => {
            let reply = api.get(&path(inbox))?;
            show::one(cli, &reply);
            if !cli.json {
                let me = api.get("/api/v1/me")?.json();
                let address = show::text(&reply.json()["address"]);
                show::write(&[presets::of(&address, &me["endpoints"]).as_bytes()]);
            }
        }
        InboxCommand::Credentials { mint } => {
            const PATH: &str = "/api/v1/inboxes/credentials/export";
            let reply = match mint {
                true => api.act(PATH)?,
                false => api.get(PATH)?,
            };
            show::write(&[&reply.octets]);
        }
        InboxCommand::Profile { inbox } => {
            show::verbatim(&api.get(&format!("{}/mobileconfig", path(inbox)))?);
        }
        InboxCommand::Update {
            inbox,
            display_name,
            parent,
            metadata,
            send_mode,
            receive_default,
            upstream,
            bounds,
        } => {
            let mut body = given(&[
                ("display_name", display_name),
                ("parent", parent),
                ("send_mode", send_mode),
                ("receive_default", receive_default),
            ]);
            bounds.put(&mut body)?;
            upstream.put(&mut body, None)?;
            complete_change(&mut body, metadata.as_deref())?;
            show::one(cli, &api.patch(&path(inbox), &body)?);
        }
        InboxCommand::Delete { inbox, yes } => {
            if !*yes {
                let found = api.get(&path(inbox))?.json();
                let address = show::one_line(&show::text(&found["address"]));
                sure(
                    false,
                    &format!("the inbox {address} with {} messages", found["messages"]),
                )?;
            }
            let reply = api.delete(&path(inbox))?;
            show::done(cli, &reply, format_args!("{inbox} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The object of `--metadata`.
fn metadata_of(text: &str) -> Result<Value, CliError> {
    let value = serde_json::from_str(text);
    value.map_err(|error| format!("--metadata: this is no JSON: {error}").into())
}

/// Puts metadata into a change of an inbox, and null where a text is empty.
fn complete_change(body: &mut Value, metadata: Option<&str>) -> Result<(), CliError> {
    match metadata {
        None => {}
        Some("") => body["metadata"] = json!(""),
        Some(text) => body["metadata"] = metadata_of(text)?,
    }
    let mut count = 0;
    for (_, value) in body.as_object_mut().into_iter().flatten() {
        count += 1;
        if value == "" {
            *value = Value::Null;
        }
    }
    if count == 0 {
        return Err(
            "nothing to change: give --display-name, --parent, --metadata, --send-mode, \
             --receive-default, --expires-at, --retention-days, --quota-bytes, --limit or one of \
             --upstream"
                .into(),
        );
    }
    Ok(())
}

/// Carries out `postern key`.
pub fn keys(cli: &Cli, key: &KeyCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match key {
        KeyCommand::Create {
            label,
            scopes,
            inboxes,
            subtree,
            expires_at,
        } => {
            let mut body = given(&[("label", label), ("expires_at", expires_at)]);
            body["scopes"] = match scopes.as_slice() {
                [] if inboxes.is_empty() => json!(["messages:read", "messages:write"]),
                [] => json!(["messages:read", "messages:write", "inboxes:read"]),
                named => json!(named),
            };
            if !inboxes.is_empty() {
                body["inboxes"] = json!(inboxes);
                body["subtree"] = json!(subtree);
            }
            show::made_key(cli, &api.post("/api/v1/keys", &body)?);
        }
        KeyCommand::List => list(cli, &mut api, "/api/v1/keys", show::KEY)?,
        KeyCommand::Show { id } => {
            show::one(cli, &api.get(&format!("/api/v1/keys/{}", api::escape(id)))?);
        }
        KeyCommand::Revoke { id } => {
            let reply = api.delete(&format!("/api/v1/keys/{}", api::escape(id)))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Carries out `postern domain`.
pub fn domains(cli: &Cli, domain: &DomainCommand) -> Result<ExitCode, CliError> {
    let mut api = match domain {
        // Without --org the server looks for the one organization that has added it.
        DomainCommand::Trust { .. } => Api::open(cli)?,
        _ => Api::in_org(cli)?,
    };
    let path = |domain: &str| format!("/api/v1/domains/{}", api::escape(domain));
    match domain {
        DomainCommand::Create { name, trusted } => {
            let mut body = json!({"name": name});
            if *trusted {
                body["trusted"] = json!(true);
            }
            show::domain(cli, &api.post("/api/v1/domains", &body)?);
        }
        DomainCommand::Show { domain } => show::domain(cli, &api.get(&path(domain))?),
        DomainCommand::Records { domain } => {
            show::records(cli, &api.get(&format!("{}/dns-records", path(domain)))?);
        }
        DomainCommand::Verify { domain } => {
            let reply = api.act(&format!("{}/verify", path(domain)))?;
            show::domain(cli, &reply);
            return Ok(match reply.json()["verified"].as_bool() {
                Some(true) => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            });
        }
        DomainCommand::RotateDkim { domain } => {
            show::domain(cli, &api.act(&format!("{}/rotate-dkim", path(domain)))?);
            if !cli.json {
                show::note(
                    "Publish the records of the new keys, then run `postern domain verify`: from \
                     then on they sign. Keep the old records for seven days after that.",
                );
            }
        }
        DomainCommand::Trust { domain } => {
            show::domain(cli, &api.act(&format!("{}/trust", path(domain)))?);
        }
        DomainCommand::CatchAll { domain, inbox } => {
            show::domain(
                cli,
                &api.patch(&path(domain), &json!({"catch_all": inbox}))?,
            );
        }
        DomainCommand::List => list(cli, &mut api, "/api/v1/domains", show::DOMAIN)?,
        DomainCommand::Delete { id } => {
            let reply = api.delete(&path(id))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Carries out `postern outbound`, the older name of `postern queue list`.
pub fn outbound(cli: &Cli) -> Result<ExitCode, CliError> {
    list(
        cli,
        &mut Api::in_org(cli)?,
        "/api/v1/outbound",
        show::OUTBOUND,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// `postern usage`
#[derive(clap::Args, Debug)]
pub struct UsageCommand {
    /// Show the last days, at most 90 [default with --inbox: 30]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Only what this inbox has used: id or address
    #[arg(long, value_name = "INBOX")]
    inbox: Option<String>,
}

/// Carries out `postern usage`: what the API says of the caller, or the days.
pub fn usage(cli: &Cli, usage: &UsageCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    if usage.days.is_some() || usage.inbox.is_some() {
        let mut query = QueryPairs::new();
        if let Some(days) = usage.days {
            query.push(("days", days.to_string()));
        }
        if let Some(inbox) = &usage.inbox {
            query.push(("inbox", inbox.clone()));
        }
        let reply = api.get(&api::with_query("/api/v1/usage", &query))?;
        show::list(cli, &[reply], show::USAGE_DAY);
        return Ok(ExitCode::SUCCESS);
    }
    let reply = api.get("/api/v1/me")?;
    match cli.json {
        true => show::verbatim(&reply),
        false => {
            let me = reply.json();
            show::fields(
                &json!({"org": me["org"], "usage": me["usage"], "left": me["left"], "limits": me["limits"]}),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cli: &Cli, api: &mut Api, path: &str, columns: show::Columns) -> Result<(), CliError> {
    show::list(cli, &api.pages(path, &QueryPairs::new(), None)?, columns);
    Ok(())
}

/// Asks whether to delete what cannot be had back. Without a terminal there is no answer, and
/// nothing is deleted.
fn sure(yes: bool, what: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!("this deletes {what} for good: add --yes if you mean it").into());
    }
    let mut out = std::io::stderr().lock();
    write!(out, "This deletes {what} for good. Go on? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err("nothing was deleted".into()),
    }
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
