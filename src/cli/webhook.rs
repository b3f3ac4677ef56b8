//! `postern webhook`: endpoints that get the events of the organization.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern webhook`
#[derive(Subcommand, Debug)]
pub enum WebhookCommand {
    /// List webhooks
    List,
    /// Make a webhook, and show its secret
    Create {
        /// Where events are sent by POST: an https URL
        #[arg(value_name = "URL")]
        endpoint: String,
        #[command(flatten)]
        wanted: WebhookOptions,
    },
    /// Show a webhook
    Show {
        /// Its id (whk_…)
        id: String,
    },
    /// Change a webhook; what is left out stays
    Update {
        /// Its id (whk_…)
        id: String,
        /// Where events are sent
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
        #[command(flatten)]
        wanted: WebhookOptions,
        /// Send again to one that was disabled
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Send nothing for now
        #[arg(long)]
        disable: bool,
    },
    /// Delete a webhook with its deliveries
    Delete {
        /// Its id (whk_…)
        id: String,
    },
    /// Send a test event now, and show what the endpoint answers
    Test {
        /// Its id (whk_…)
        id: String,
    },
    /// List what was sent, the newest first
    Deliveries {
        /// Its id (whk_…)
        id: String,
        /// Only these: pending, delivered or failed
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
    },
    /// Send one delivery again, or all since a time
    Redeliver {
        /// Its id (whk_…)
        id: String,
        /// The delivery (whd_…)
        #[arg(required_unless_present = "since", conflicts_with = "since")]
        delivery: Option<String>,
        /// All at or after this time, as 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Make a new secret; the old one signs for another day
    RotateSecret {
        /// Its id (whk_…)
        id: String,
    },
}

/// Which events.
#[derive(Args, Debug)]
pub struct WebhookOptions {
    /// Only events of this type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events of this inbox: id or address
    #[arg(long, value_name = "INBOX")]
    inbox: Option<String>,
    /// Only messages from this address or domain
    #[arg(long, value_name = "SENDER")]
    from: Option<String>,
    /// Only messages with this label
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Only messages with this verdict: clean, suspicious or spam
    #[arg(long, value_name = "VERDICT")]
    verdict: Option<String>,
    /// summary, or full for the message object
    #[arg(long, value_name = "WHAT")]
    include: Option<String>,
    /// Your own object, as JSON
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

/// Carries out `postern webhook`.
pub fn webhooks(cli: &Cli, webhook: &WebhookCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match webhook {
        WebhookCommand::List => {
            let pages = api.pages(PATH, &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::WEBHOOK);
        }
        WebhookCommand::Create { endpoint, wanted } => {
            let mut body = fields(wanted)?;
            body.insert("url".into(), json!(endpoint));
            show::one(cli, &api.post(PATH, &Value::Object(body))?);
        }
        WebhookCommand::Show { id } => show::one(cli, &api.get(&path(id, ""))?),
        WebhookCommand::Update {
            id,
            endpoint,
            wanted,
            enable,
            disable,
        } => {
            let mut body = fields(wanted)?;
            if let Some(endpoint) = endpoint {
                body.insert("url".into(), json!(endpoint));
            }
            if *enable || *disable {
                body.insert("enabled".into(), json!(*enable));
            }
            show::one(cli, &api.patch(&path(id, ""), &Value::Object(body))?);
        }
        WebhookCommand::Delete { id } => {
            let reply = api.delete(&path(id, ""))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
        WebhookCommand::Test { id } => {
            show::one(cli, &api.act(&path(id, "/test"))?);
        }
        WebhookCommand::Deliveries { id, status } => {
            let mut query = QueryPairs::new();
            if let Some(status) = status {
                query.push(("status", status.clone()));
            }
            let pages = api.pages(&path(id, "/deliveries"), &query, None)?;
            show::list(cli, &pages, show::DELIVERY);
        }
        WebhookCommand::Redeliver {
            id,
            delivery,
            since,
        } => {
            let reply = match (delivery, since) {
                (Some(delivery), _) => {
                    let of = format!("/deliveries/{}/redeliver", api::escape(delivery));
                    api.act(&path(id, &of))?
                }
                (None, since) => api.post(&path(id, "/redeliver"), &json!({"since": since}))?,
            };
            show::one(cli, &reply);
        }
        WebhookCommand::RotateSecret { id } => {
            show::one(cli, &api.act(&path(id, "/rotate-secret"))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(id: &str, tail: &str) -> String {
    format!("{PATH}/{}{tail}", api::escape(id))
}

/// The fields that are given.
fn fields(wanted: &WebhookOptions) -> Result<Map<String, Value>, CliError> {
    let mut fields = Map::new();
    if !wanted.types.is_empty() {
        fields.insert("types".into(), json!(wanted.types));
    }
    for (name, text) in [
        ("inbox", &wanted.inbox),
        ("from", &wanted.from),
        ("label", &wanted.label),
        ("verdict", &wanted.verdict),
        ("include", &wanted.include),
    ] {
        if let Some(text) = text {
            fields.insert(name.into(), json!(text));
        }
    }
    if let Some(text) = &wanted.metadata {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("--metadata: this is no JSON: {error}"))?;
        fields.insert("metadata".into(), value);
    }
    Ok(fields)
}

const PATH: &str = "/api/v1/webhooks";
