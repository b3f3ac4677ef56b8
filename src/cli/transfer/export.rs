//! `postern export`: the mail of an inbox or of one folder, as mbox files or as a Maildir.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::patience;
use super::sink::{Exported, MaildirSink, MboxSink, Sink, mbox_path};
use super::upload::flags_of;
use crate::cli::api::{self, Api, QueryPairs};
use crate::cli::progress::ProgressLine;
use crate::cli::{Cli, CliError, show};
use crate::mail::mailbox::Marks;
use crate::mail::time::parse_rfc3339;

/// `postern export`
#[derive(Subcommand, Debug)]
pub enum ExportCommand {
    /// Export as mbox files (mboxrd)
    Mbox {
        /// The file for --folder; otherwise a folder, with a file for each folder of the inbox
        path: PathBuf,
        #[command(flatten)]
        what: ExportOptions,
        /// Write the line ends of Unix; without it the octets are those of the server
        #[arg(long)]
        lf: bool,
    },
    /// Export as a Maildir (Maildir++)
    Maildir {
        /// The folder to write; it is made where it is missing
        path: PathBuf,
        #[command(flatten)]
        what: ExportOptions,
    },
}

/// What to export.
#[derive(Args, Debug)]
pub struct ExportOptions {
    /// The inbox: id or address
    #[arg(long)]
    inbox: String,
    /// Only this folder [default: all of them]
    #[arg(long)]
    folder: Option<String>,
}

/// What was exported of a folder.
#[derive(Default)]
struct FolderReport {
    folder: String,
    exported: u64,
    octets: u64,
    /// Messages that were moved or deleted while they were read.
    gone: u64,
}

/// Carries the command out.
pub fn export(cli: &Cli, command: &ExportCommand) -> Result<ExitCode, CliError> {
    let (ExportCommand::Mbox { what, .. } | ExportCommand::Maildir { what, .. }) = command;
    let mut api = Api::in_org(cli)?;
    let folders = folders(cli, &mut api, what)?;
    let mut progress = ProgressLine::begin(!cli.json);
    let mut reports = Vec::new();
    let mut ended = Ok(());
    for (folder, messages) in folders {
        let mut report = FolderReport {
            folder: folder.clone(),
            ..FolderReport::default()
        };
        ended = open(command, &folder).and_then(|mut sink| {
            let mut source = ExportSource {
                cli,
                api: &mut api,
                inbox: &what.inbox,
                folder: &folder,
            };
            export_folder(&mut source, &mut sink, messages, &mut progress, &mut report)?;
            sink.close()
        });
        reports.push(report);
        if ended.is_err() {
            break;
        }
    }
    progress.clear();
    tell(cli, &reports, &progress, ended.is_ok());
    ended.map(|()| ExitCode::SUCCESS)
}

/// The folders to export, with how many messages each has.
fn folders(cli: &Cli, api: &mut Api, what: &ExportOptions) -> Result<Vec<(String, u64)>, CliError> {
    let path = format!("/api/v1/inboxes/{}/folders", api::escape(&what.inbox));
    let all = patience::get(cli, api, path)?.json();
    let all = all["data"].as_array().into_iter().flatten();
    let all: Vec<(String, u64)> = all
        .map(|row| {
            (
                show::text(&row["name"]),
                row["messages"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    let Some(wanted) = &what.folder else {
        return Ok(all);
    };
    let is_wanted = |name: &str| match name {
        "INBOX" => wanted.eq_ignore_ascii_case(name),
        name => name == wanted,
    };
    match all.into_iter().find(|(name, _)| is_wanted(name)) {
        Some(found) => Ok(vec![found]),
        None => {
            Err(format!("there is no folder {wanted}: `postern folder list` shows them").into())
        }
    }
}

fn open(command: &ExportCommand, folder: &str) -> Result<Sink, CliError> {
    match command {
        ExportCommand::Mbox { path, what, lf } => {
            let file = match what.folder {
                Some(_) => path.clone(),
                None => mbox_path(path, folder),
            };
            MboxSink::open(&file, *lf).map(Sink::Mbox)
        }
        ExportCommand::Maildir { path, what } => {
            let place = if what.folder.is_some() {
                "INBOX"
            } else {
                folder
            };
            MaildirSink::open(Path::new(path), place).map(Sink::Maildir)
        }
    }
}

/// Where messages come from.
struct ExportSource<'a> {
    cli: &'a Cli,
    api: &'a mut Api,
    inbox: &'a str,
    folder: &'a str,
}

impl ExportSource<'_> {
    fn get(&mut self, path: String) -> Result<api::ApiReply, CliError> {
        patience::get(self.cli, self.api, path)
    }

    fn page(&mut self, cursor: Option<&str>) -> Result<Value, CliError> {
        let mut query = QueryPairs::new();
        query.push(("folder", self.folder.to_owned()));
        query.push(("limit", "200".to_owned()));
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let path = format!("/api/v1/inboxes/{}/export", api::escape(self.inbox));
        Ok(self.get(api::with_query(&path, &query))?.json())
    }

    /// The octets of a large message; `None` when it is gone.
    fn raw(&mut self, id: &str) -> Result<Option<Vec<u8>>, CliError> {
        let (inbox, id) = (api::escape(self.inbox), api::escape(id));
        match self.get(format!("/api/v1/inboxes/{inbox}/messages/{id}/raw")) {
            Ok(reply) => Ok(Some(reply.octets)),
            Err(CliError::Api { octets, .. }) if is_gone(&octets) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The cursor that was found in a file is none of this folder.
fn is_other_folder(octets: &[u8]) -> bool {
    let json: Value = serde_json::from_slice(octets).unwrap_or(Value::Null);
    json["error"]["field"] == "cursor"
}

fn is_gone(octets: &[u8]) -> bool {
    let json: Value = serde_json::from_slice(octets).unwrap_or(Value::Null);
    json["error"]["code"] == "not_found"
}

fn export_folder(
    source: &mut ExportSource<'_>,
    sink: &mut Sink,
    messages: u64,
    progress: &mut ProgressLine,
    report: &mut FolderReport,
) -> Result<(), CliError> {
    let mut cursor = sink.place().map(str::to_owned);
    loop {
        let page = match source.page(cursor.as_deref()) {
            Ok(page) => page,
            // It was deleted while the others were read.
            Err(CliError::Api { octets, .. }) if is_gone(&octets) && report.exported == 0 => {
                return Ok(());
            }
            Err(CliError::Api { octets, .. }) if is_other_folder(&octets) => {
                return Err(CliError::Own(format!(
                    "what is there holds another folder than {} of this inbox, or is older than a \
                     restore: export to another place",
                    source.folder
                )));
            }
            Err(error) => return Err(error),
        };
        for row in page["data"].as_array().into_iter().flatten() {
            let id = show::text(&row["id"]);
            let octets = match row["raw"].as_str() {
                Some(raw) => data_encoding::BASE64.decode(raw.as_bytes()).ok(),
                None => source.raw(&id)?,
            };
            let Some(octets) = octets else {
                report.gone += 1;
                continue;
            };
            report.exported += 1;
            report.octets += octets.len() as u64;
            sink.put(Exported {
                place: show::text(&row["cursor"]),
                marks: marks_of(row),
                octets,
                id,
            })?;
            progress.tell(source.folder, report.exported, (report.exported, messages));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
}

fn marks_of(row: &Value) -> Marks {
    let texts = |name: &str| -> Vec<String> {
        let all = row[name].as_array().into_iter().flatten();
        all.map(show::text).collect()
    };
    Marks {
        flags: flags_of(&texts("flags")),
        labels: texts("labels"),
        received_at: row["received_at"].as_str().and_then(parse_rfc3339),
    }
}

fn tell(cli: &Cli, reports: &[FolderReport], progress: &ProgressLine, is_complete: bool) {
    let took = progress.elapsed().as_secs_f64();
    let sum = |of: fn(&FolderReport) -> u64| reports.iter().map(of).sum::<u64>();
    let (exported, octets) = (sum(|r| r.exported), sum(|r| r.octets));
    if cli.json {
        let folders: Vec<Value> = reports
            .iter()
            .map(|r| {
                json!({"folder": r.folder, "exported": r.exported, "octets": r.octets, "gone": r.gone})
            })
            .collect();
        return show::line(json!({
            "exported": exported, "octets": octets, "gone": sum(|r| r.gone),
            "complete": is_complete, "seconds": (took * 1000.0).round() / 1000.0,
            "folders": folders,
        }));
    }
    let mut text = format!("{exported} exported");
    let gone = sum(|r| r.gone);
    if gone > 0 {
        text += &format!(", {gone} were moved or deleted meanwhile");
    }
    if took > 0.0 && exported > 0 {
        text += &format!("; {:.0} a second", exported as f64 / took);
    }
    show::line(text);
}
