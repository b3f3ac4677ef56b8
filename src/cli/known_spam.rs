//! `postern spam signatures`: the list of known spam of the server, and entries for it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{self, Api, QueryPairs};
use super::upload::octets_of;
use super::{Cli, CliError, show};
use crate::call::KNOWN_SPAM_LINES_MAX;
use crate::judge::MailView;
use crate::judge::known_spam::{body_entry, hashed_files, line_of, link_entries};
use crate::mail::Bounds;
use crate::mail::digest::analyse;

/// `postern spam signatures`
#[derive(Subcommand, Debug)]
pub enum SignaturesCommand {
    /// Add the entries of a file to the list
    Import {
        /// The file: one entry a line; - is standard input
        file: PathBuf,
        /// The name of the list that they come from
        #[arg(long, default_value = "local")]
        source: String,
        /// Delete the entries of this source that the file does not have
        #[arg(long)]
        replace: bool,
    },
    /// List the sources with the numbers of their entries
    List,
    /// Delete all entries, or those of one source
    Clear {
        /// The source
        #[arg(long)]
        source: Option<String>,
    },
    /// Print the entries of a message of a file: what a list needs to know it again
    Of {
        /// The file: a message as it is (.eml)
        file: PathBuf,
    },
}

/// Carries out `postern spam signatures`.
pub fn signatures(cli: &Cli, command: &SignaturesCommand) -> Result<ExitCode, CliError> {
    match command {
        SignaturesCommand::Import {
            file,
            source,
            replace,
        } => return import(cli, file, (source, *replace)),
        SignaturesCommand::List => {
            let reply = Api::open(cli)?.get(PATH)?;
            show::list(cli, &[reply], show::KNOWN_SPAM);
        }
        SignaturesCommand::Clear { source } => {
            let query = source.iter().map(|name| ("source", name.clone()));
            let path = api::with_query(PATH, &query.collect());
            let reply = Api::open(cli)?.delete(&path)?;
            let deleted = show::text(&reply.json()["deleted"]);
            show::done(cli, &reply, format_args!("deleted: {deleted}"));
        }
        SignaturesCommand::Of { file } => print_entries(&octets_of(file)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of the parts of an import.
#[derive(Default)]
struct ImportSum {
    added: u64,
    present: u64,
    refused: Vec<Value>,
    /// The stamp of the first part.
    began_at: Option<String>,
}

/// Imports a file in parts. With `replace` the old entries go when all new ones are there, so that
/// the list is never without either.
fn import(cli: &Cli, file: &Path, (source, replace): (&str, bool)) -> Result<ExitCode, CliError> {
    let octets = match file == Path::new("-") {
        false => octets_of(file)?,
        true => {
            let mut octets = Vec::new();
            let read = std::io::stdin().read_to_end(&mut octets);
            read.map_err(|e| format!("standard input: {e}"))?;
            octets
        }
    };
    let text = String::from_utf8_lossy(&octets);
    let lines: Vec<&str> = text.lines().collect();
    let mut api = Api::open(cli)?;
    let mut sum = ImportSum::default();
    for (nth, part) in lines.chunks(KNOWN_SPAM_LINES_MAX).enumerate() {
        let body = json!({"source": source, "entries": part.join("\n")});
        let reply = api.post(PATH, &body);
        sum.add(&reply?.json(), nth * KNOWN_SPAM_LINES_MAX);
    }
    let has_some = sum.added + sum.present > 0;
    let mut deleted = 0;
    // A file without any entry is more likely a wrong file than a list that has become empty.
    if let (true, true, Some(began_at)) = (replace, has_some, &sum.began_at) {
        let query: QueryPairs<'_> = vec![
            ("source", source.to_owned()),
            ("before", began_at.to_owned()),
        ];
        let reply = api.delete(&api::with_query(PATH, &query))?;
        deleted = reply.json()["deleted"].as_u64().unwrap_or(0);
    }
    sum.show(cli, deleted);
    Ok(match has_some || sum.refused.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

impl ImportSum {
    fn add(&mut self, part: &Value, lines_before: usize) {
        let count = |name: &str| part[name].as_u64().unwrap_or(0);
        self.added += count("added");
        self.present += count("present");
        if self.began_at.is_none() {
            self.began_at = part["imported_at"].as_str().map(str::to_owned);
        }
        for refused in part["refused"].as_array().into_iter().flatten() {
            let line = refused["line"].as_u64().unwrap_or(0) + lines_before as u64;
            self.refused
                .push(json!({"line": line, "why": refused["why"]}));
        }
    }

    fn show(&self, cli: &Cli, deleted: u64) {
        if cli.json {
            return show::line(json!({
                "added": self.added,
                "present": self.present,
                "deleted": deleted,
                "refused": self.refused,
            }));
        }
        for refused in &self.refused {
            let (line, why) = (&refused["line"], show::text(&refused["why"]));
            show::note(&format!("line {line}: {}", show::one_line(&why)));
        }
        show::line(format_args!(
            "added: {}, present: {}, deleted: {deleted}, refused: {}",
            self.added,
            self.present,
            self.refused.len()
        ));
    }
}

/// Prints the entries of a message. Those of pictures are comments: ordinary mail has the same
/// logos.
fn print_entries(octets: &[u8]) -> Result<(), CliError> {
    let analysis = analyse(octets, &Bounds::default())
        .map_err(|_| "the message is too large, or it has gone round in circles")?;
    let view = MailView::of(octets, &analysis);
    let shown = |text: &str| show::one_line(text);
    match body_entry(&view.text) {
        Some(entry) => show::line(format_args!(
            "{}  # {}",
            line_of(&entry),
            shown(&view.subject)
        )),
        None => show::line("# its text is too short to be known again"),
    }
    for (url, entry) in link_entries(&view) {
        show::line(format_args!("{}  # {}", line_of(&entry), shown(url)));
    }
    for file in hashed_files(octets, &analysis) {
        let before = match file.content_type.starts_with("image/") {
            true => "# ",
            false => "",
        };
        let name = shown(&file.filename);
        show::line(format_args!("{before}{}  # {name}", line_of(&file.entry)));
    }
    Ok(())
}

const PATH: &str = "/api/v1/spam/signatures";
