//! `postern spam`: how an inbox judges mail, and what the filter says of a message.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{self, Api, QueryPairs};
use super::known_spam::{self, SignaturesCommand};
use super::upload::octets_of;
use super::{Cli, CliError, show};

/// `postern spam`
#[derive(Subcommand, Debug)]
pub enum SpamCommand {
    /// Show the thresholds, the weights and the policy of an inbox
    Show {
        /// The inbox: id or address
        inbox: String,
    },
    /// Judge a message of a file: what the filter says, and why
    Check {
        /// The file: a message as it is (.eml)
        file: PathBuf,
        /// Judge by the settings of this inbox: id or address
        #[arg(long)]
        inbox: Option<String>,
    },
    /// Change them; what is not named stays as it is
    Set(SpamSetCommand),
    /// Forget what the filter of the organization has learned
    Forget,
    /// The list of known spam of the server: for its operator
    #[command(subcommand)]
    Signatures(SignaturesCommand),
}

/// `postern spam set`
#[derive(clap::Args, Debug)]
pub struct SpamSetCommand {
    /// The inbox: id or address
    inbox: String,
    /// What becomes of spam: tag, junk or reject
    #[arg(long, value_name = "POLICY", value_parser = ["tag", "junk", "reject"])]
    policy: Option<String>,
    /// The score from which a message is suspicious
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    suspicious: Option<f64>,
    /// The score from which it is spam
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    spam: Option<f64>,
    /// The weight of a rule, as learned=1.5; RULE= takes the usual one again (repeat it for more)
    #[arg(long = "weight", value_name = "RULE=SCORE")]
    weights: Vec<String>,
    /// Whether texts leave out what tries to give orders to an agent: true or false
    #[arg(long, value_name = "BOOL")]
    redact: Option<bool>,
}

/// Carries out `postern spam`.
pub fn spam(cli: &Cli, spam: &SpamCommand) -> Result<ExitCode, CliError> {
    let path = |inbox: &str| format!("/api/v1/inboxes/{}/spam", api::escape(inbox));
    if let SpamCommand::Signatures(command) = spam {
        return known_spam::signatures(cli, command);
    }
    let mut api = Api::in_org(cli)?;
    match spam {
        SpamCommand::Signatures(_) => {}
        SpamCommand::Forget => {
            let reply = api.delete("/api/v1/spam/learned")?;
            show::done(cli, &reply, "what the filter has learned is forgotten");
        }
        SpamCommand::Show { inbox } => show::one(cli, &api.get(&path(inbox))?),
        SpamCommand::Check { file, inbox } => {
            let query: QueryPairs<'_> = (inbox.iter())
                .map(|inbox| ("inbox", inbox.clone()))
                .collect();
            let path = api::with_query("/api/v1/spam/check", &query);
            let reply = api.post_octets(&path, Some("message/rfc822"), &octets_of(file)?)?;
            match cli.json {
                true => show::verbatim(&reply),
                false => print_report(&reply.json()),
            }
        }
        SpamCommand::Set(set) => {
            let path = path(&set.inbox);
            // The version is that of what is read here, so no change of another is lost.
            let mut settings = api.get(&path)?.json();
            set.change(&mut settings)?;
            show::one(cli, &api.put(&path, &settings)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a report for people: the verdict, then a line for each rule.
fn print_report(report: &Value) {
    let text = |value: &Value| show::one_line(&show::text(value));
    show::line(format_args!(
        "{}: {} of {}",
        text(&report["verdict"]),
        text(&report["score"]),
        text(&report["threshold"]),
    ));
    for rule in report["rules"].as_array().into_iter().flatten() {
        let (score, id, why) = (text(&rule["score"]), text(&rule["id"]), text(&rule["why"]));
        show::line(format_args!("{score:>8}  {id}: {why}"));
    }
    for span in report["injection"]["spans"]
        .as_array()
        .into_iter()
        .flatten()
    {
        show::line(format_args!(
            "orders to an agent in {}: characters {} to {}",
            text(&span["place"]),
            text(&span["start"]),
            text(&span["end"]),
        ));
    }
}

impl SpamSetCommand {
    fn change(&self, settings: &mut Value) -> Result<(), CliError> {
        for (name, score) in [("suspicious", self.suspicious), ("spam", self.spam)] {
            if let Some(score) = score {
                settings[name] = json!(score);
            }
        }
        if let Some(policy) = &self.policy {
            settings["policy"] = json!(policy);
        }
        if let Some(redact) = self.redact {
            settings["redact"] = json!(redact);
        }
        for weight in &self.weights {
            let (rule, score) = weight
                .split_once('=')
                .ok_or_else(|| format!("--weight {weight} is not RULE=SCORE"))?;
            let Some(weights) = settings["weights"].as_object_mut() else {
                return Err("the server has answered without weights".into());
            };
            if score.is_empty() {
                weights.remove(rule);
                continue;
            }
            let score: f64 = (score.parse())
                .map_err(|_| format!("--weight {weight}: {score} is not a number"))?;
            weights.insert(rule.to_owned(), json!(score));
        }
        Ok(())
    }
}
