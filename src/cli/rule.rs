//! `postern rule`: the rules of delivery of an inbox, or of the organization.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern rule`
#[derive(Subcommand, Debug)]
pub enum RuleCommand {
    /// List rules in the order in which they are asked
    List {
        #[command(flatten)]
        place: RulePlaceOption,
    },
    /// Make a rule
    Create {
        #[command(flatten)]
        place: RulePlaceOption,
        #[command(flatten)]
        rule: RuleOptions,
    },
    /// Show a rule, what it has matched, and its last error
    Show {
        /// Its id (rul_…)
        id: String,
        #[command(flatten)]
        place: RulePlaceOption,
    },
    /// Change a rule; what is left out stays
    Update {
        /// Its id (rul_…)
        id: String,
        #[command(flatten)]
        place: RulePlaceOption,
        #[command(flatten)]
        rule: RuleOptions,
        /// Ask it again
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
    },
    /// Say which stored messages a rule would match, and what it would do
    Test {
        #[command(flatten)]
        place: RulePlaceOption,
        #[command(flatten)]
        rule: RuleOptions,
        /// At most so many matches
        #[arg(long, default_value_t = 50, value_name = "NUMBER",
            value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
    },
    /// Delete a rule
    Delete {
        /// Its id (rul_…)
        id: String,
        #[command(flatten)]
        place: RulePlaceOption,
    },
}

/// Whose rules.
#[derive(Args, Debug)]
pub struct RulePlaceOption {
    /// The inbox: id or address [default: the rules of the organization]
    #[arg(long, value_name = "INBOX")]
    inbox: Option<String>,
}

/// What a rule is.
#[derive(Args, Debug)]
pub struct RuleOptions {
    /// A line for people
    #[arg(long)]
    name: Option<String>,
    /// When it matches, as JSON: {"all":[{"field":"subject","op":"contains","value":"invoice"}]}
    #[arg(long, value_name = "JSON")]
    when: Option<String>,
    /// What it does, as JSON: ["mark_seen",{"move":{"folder":"Invoices","create":true}}]
    #[arg(long, value_name = "JSON")]
    then: Option<String>,
    /// Rules with a smaller number are asked first
    #[arg(long)]
    priority: Option<u32>,
    /// Whether later rules are not asked when it has matched
    #[arg(long)]
    stop: Option<bool>,
    /// Do not ask it
    #[arg(long)]
    disable: bool,
}

/// Carries out `postern rule`.
pub fn rules(cli: &Cli, rule: &RuleCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    match rule {
        RuleCommand::List { place } => {
            let pages = api.pages(&path(place, None), &QueryPairs::new(), None)?;
            show::list(cli, &pages, show::RULE);
        }
        RuleCommand::Create { place, rule } => {
            let body = Value::Object(fields(rule)?);
            show::one(cli, &api.post(&path(place, None), &body)?);
        }
        RuleCommand::Show { id, place } => show::one(cli, &api.get(&path(place, Some(id)))?),
        RuleCommand::Update {
            id,
            place,
            rule,
            enable,
        } => {
            let mut body = fields(rule)?;
            if *enable {
                body.insert("enabled".into(), json!(true));
            }
            let reply = api.patch(&path(place, Some(id)), &Value::Object(body))?;
            show::one(cli, &reply);
        }
        RuleCommand::Test { place, rule, limit } => {
            let path = format!("{}/test", path(place, None));
            let body = json!({"rule": fields(rule)?, "limit": limit});
            let reply = api.post(&path, &body)?;
            show::list(cli, &[reply], show::RULE_TRIAL);
        }
        RuleCommand::Delete { id, place } => {
            let reply = api.delete(&path(place, Some(id)))?;
            show::done(cli, &reply, format_args!("{id} is gone"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(place: &RulePlaceOption, id: Option<&str>) -> String {
    let all = match &place.inbox {
        Some(inbox) => format!("/api/v1/inboxes/{}/rules", api::escape(inbox)),
        None => "/api/v1/rules".to_owned(),
    };
    match id {
        Some(id) => format!("{all}/{}", api::escape(id)),
        None => all,
    }
}

/// The fields that are given.
fn fields(rule: &RuleOptions) -> Result<Map<String, Value>, CliError> {
    let mut fields = Map::new();
    if let Some(name) = &rule.name {
        fields.insert("name".into(), json!(name));
    }
    for (name, text) in [("when", &rule.when), ("then", &rule.then)] {
        if let Some(text) = text {
            let value: Value = serde_json::from_str(text)
                .map_err(|error| format!("--{name}: this is no JSON: {error}"))?;
            fields.insert(name.into(), value);
        }
    }
    if let Some(priority) = rule.priority {
        fields.insert("priority".into(), json!(priority));
    }
    if let Some(stop) = rule.stop {
        fields.insert("stop".into(), json!(stop));
    }
    if rule.disable {
        fields.insert("enabled".into(), json!(false));
    }
    Ok(fields)
}
