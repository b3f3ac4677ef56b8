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
    List {
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Make a webhook, and show its secret
    Create {
        /// Where events are sent by POST: an https URL
        #[arg(value_name = "URL")]
        endpoint: String,
        #[command(flatten)]
        wanted: WebhookOptions,
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Show a webhook
    Show {
        /// Its id (whk_…)
        id: String,
        #[command(flatten)]
        place: HookPlaceOption,
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
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Delete a webhook with its deliveries
    Delete {
        /// Its id (whk_…)
        id: String,
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Send a test event now, and show what the endpoint answers
    Test {
        /// Its id (whk_…)
        id: String,
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// List what was sent, the newest first
    Deliveries {
        /// Its id (whk_…)
        id: String,
        /// Only these: pending, delivered or failed
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Send one delivery again, or all since a time
    Redeliver {
        /// Its id (whk_…)
        id: String,
        /// The delivery (dlv_…)
        #[arg(required_unless_present = "since", conflicts_with = "since")]
        delivery: Option<String>,
        /// All at or after this time, as 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        place: HookPlaceOption,
    },
    /// Make a new secret; the old one signs for another day
    RotateSecret {
        /// Its id (whk_…)
        id: String,
        #[command(flatten)]
        place: HookPlaceOption,
    },
}

/// Whose webhooks.
#[derive(Args, Debug)]
pub struct HookPlaceOption {
    /// Those of this inbox, id or address: for a key that is bound to inboxes [default: all of the
    /// organization]
    #[arg(long, value_name = "INBOX")]
    of: Option<String>,
}

/// Which events.
#[derive(Args, Debug)]
pub struct WebhookOptions {
    /// Only events of these types; separate them by commas or repeat the option
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
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
        WebhookCommand::List { place } => {
            let pages = api.pages(&path(place, None), &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::WEBHOOK);
        }
        WebhookCommand::Create {
            endpoint,
            wanted,
            place,
        } => {
            let mut body = fields(wanted)?;
            body.insert("url".into(), json!(endpoint));
            show::one(cli, &api.post(&path(place, None), &Value::Object(body))?);
        }
        WebhookCommand::Show { id, place } => {
            show::one(cli, &api.get(&path(place, Some((id, ""))))?);
        }
        WebhookCommand::Update {
            id,
            endpoint,
            wanted,
            enable,
            disable,
            place,
        } => {
            let mut body = fields(wanted)?;
            if let Some(endpoint) = endpoint {
                body.insert("url".into(), json!(endpoint));
            }
            if *enable || *disable {
                body.insert("enabled".into(), json!(*enable));
            }
            let path = path(place, Some((id, "")));
            show::one(cli, &api.patch(&path, &Value::Object(body))?);
        }
        WebhookCommand::Delete { id, place } => {
            let reply = api.delete(&path(place, Some((id, ""))))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
        WebhookCommand::Test { id, place } => {
            show::one(cli, &api.act(&path(place, Some((id, "/test"))))?);
        }
        WebhookCommand::Deliveries { id, status, place } => {
            let mut query = QueryPairs::new();
            if let Some(status) = status {
                query.push(("status", status.clone()));
            }
            let path = path(place, Some((id, "/deliveries")));
            let pages = api.pages(&path, &query, None)?;
            show::list(cli, &pages, show::DELIVERY);
        }
        WebhookCommand::Redeliver {
            id,
            delivery,
            since,
            place,
        } => {
            let reply = match (delivery, since) {
                (Some(delivery), _) => {
                    let of = format!("/deliveries/{}/redeliver", api::escape(delivery));
                    api.act(&path(place, Some((id, &of))))?
                }
                (None, since) => {
                    let path = path(place, Some((id, "/redeliver")));
                    api.post(&path, &json!({"since": since}))?
                }
            };
            show::one(cli, &reply);
        }
        WebhookCommand::RotateSecret { id, place } => {
            show::one(cli, &api.act(&path(place, Some((id, "/rotate-secret"))))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(place: &HookPlaceOption, of: Option<(&str, &str)>) -> String {
    let all = match &place.of {
        Some(inbox) => format!("/api/v1/inboxes/{}/webhooks", api::escape(inbox)),
        None => "/api/v1/webhooks".to_owned(),
    };
    match of {
        Some((id, tail)) => format!("{all}/{}{tail}", api::escape(id)),
        None => all,
    }
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
