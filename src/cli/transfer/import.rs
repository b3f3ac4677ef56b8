//! `postern import`: the messages of mbox files and Maildirs, into an inbox.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::patience;
use super::source::{self, Piece, Placed, SourceFolder, SourceReading};
use super::upload::{ImportCounts, Names, Upload, UploadMessage};
use crate::cli::api::{self, Api};
use crate::cli::progress::ProgressLine;
use crate::cli::{Cli, CliError, show};
use crate::mail::mailbox::mbox::MboxFormat;

/// `postern import`
#[derive(Subcommand, Debug)]
pub enum ImportCommand {
    /// Import an mbox file, or a folder of them (Thunderbird, Apple Mail, Gmail Takeout)
    Mbox {
        /// The file or the folder; `-` is standard input
        path: PathBuf,
        #[command(flatten)]
        how: ImportOptions,
        /// How lines that begin with `From ` are quoted
        #[arg(long, value_enum, default_value_t = Quoting::Mboxrd)]
        format: Quoting,
    },
    /// Import a Maildir with the folders in it (Maildir++ of Dovecot and Courier)
    Maildir {
        /// The folder that has `cur` and `new`
        path: PathBuf,
        #[command(flatten)]
        how: ImportOptions,
    },
}

/// What all imports can be told.
#[derive(Args, Debug)]
pub struct ImportOptions {
    /// The inbox: id or address
    #[arg(long)]
    inbox: String,
    /// The folder to import into; folders of the source come below it
    #[arg(long, default_value = "INBOX")]
    folder: String,
    /// Read everything and say what is new; import nothing
    #[arg(long)]
    dry_run: bool,
    /// A name for this import: messages that were imported under another name are imported again
    #[arg(long = "as", value_name = "NAME", default_value = "")]
    name: String,
}

/// The ways of quoting.
#[derive(Clone, Copy, ValueEnum, Debug)]
pub enum Quoting {
    /// `>From `, and one `>` more where there is one
    Mboxrd,
    /// `>From ` only; also mboxcl
    Mboxo,
    /// Nothing is quoted: Content-Length says where a message ends
    Mboxcl2,
}

/// A message that is not imported.
struct Trouble {
    folder: String,
    place: Placed,
    code: String,
    why: String,
}

/// What is told at the end.
#[derive(Default)]
struct ImportReport {
    counts: ImportCounts,
    folders: Vec<(String, ImportCounts)>,
    /// The first ones.
    troubles: Vec<Trouble>,
    /// Messages of the folder that could not be read.
    unreadable: u64,
}

impl ImportReport {
    fn keep(&mut self, trouble: Trouble) {
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(trouble);
        }
    }
}

/// Carries the command out. The exit code is 3 where some messages are not imported.
pub fn import(cli: &Cli, command: &ImportCommand) -> Result<ExitCode, CliError> {
    let (how, folders, format) = match command {
        ImportCommand::Mbox { path, how, format } => {
            let format = match format {
                Quoting::Mboxrd => MboxFormat::Rd,
                Quoting::Mboxo => MboxFormat::O,
                Quoting::Mboxcl2 => MboxFormat::Cl2,
            };
            (how, source::mbox_folders(path, &how.folder)?, format)
        }
        ImportCommand::Maildir { path, how } => {
            let folders = source::maildir_folders(path, &how.folder)?;
            (how, folders, MboxFormat::Rd)
        }
    };
    let api = Api::in_org(cli)?;
    let mut upload = Upload::new(cli, api, &how.inbox);
    let mut progress = ProgressLine::begin(!cli.json);
    let mut report = ImportReport::default();
    let mut known = known_folders(cli, upload.api(), &how.inbox)?;
    let mut ended = Ok(());
    for folder in &folders {
        ended = make_folder(&mut upload, how, &folder.mailbox, &mut known);
        if ended.is_ok() {
            ended = import_folder(
                cli,
                &mut upload,
                how,
                (folder, format),
                &mut progress,
                &mut report,
            );
        }
        if ended.is_err() {
            break;
        }
    }
    progress.clear();
    tell(cli, &report, &progress, &ended);
    ended?;
    Ok(match report.counts.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(NOT_ALL),
    })
}

/// The names of the folders of the inbox. A key that only writes is told none: then each is made,
/// and the answer says which were there.
fn known_folders(cli: &Cli, api: &mut Api, inbox: &str) -> Result<Vec<String>, CliError> {
    let path = format!("/api/v1/inboxes/{}/folders", api::escape(inbox));
    let folders = match patience::get(cli, api, path) {
        Ok(reply) => reply.json(),
        Err(error) if is_code(&error, "missing_scope") => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = folders["data"].as_array().into_iter().flatten();
    Ok(names.map(|folder| show::text(&folder["name"])).collect())
}

/// Makes a folder that is not there.
fn make_folder(
    upload: &mut Upload<'_>,
    how: &ImportOptions,
    mailbox: &str,
    known: &mut Vec<String>,
) -> Result<(), CliError> {
    let is_inbox = mailbox.eq_ignore_ascii_case("INBOX");
    if is_inbox || how.dry_run || known.iter().any(|name| name == mailbox) {
        return Ok(());
    }
    upload.finish()?;
    let path = format!("/api/v1/inboxes/{}/folders", api::escape(&how.inbox));
    match upload.api().post(&path, &json!({ "name": mailbox })) {
        Ok(_) => {}
        Err(error) if is_code(&error, "already_exists") => {}
        Err(error) => return Err(error),
    }
    known.push(mailbox.to_owned());
    Ok(())
}

/// Whether an answer of the API has this code.
fn is_code(error: &CliError, code: &str) -> bool {
    let CliError::Api { octets, .. } = error else {
        return false;
    };
    let json: Value = serde_json::from_slice(octets).unwrap_or(Value::Null);
    json["error"]["code"] == code
}

fn import_folder(
    cli: &Cli,
    upload: &mut Upload<'_>,
    how: &ImportOptions,
    (folder, format): (&SourceFolder, MboxFormat),
    progress: &mut ProgressLine,
    report: &mut ImportReport,
) -> Result<(), CliError> {
    let mut reading = folder.open(format)?;
    let before = upload.counts;
    let mut names = Names::default();
    // An import that goes on asks first: what is there need not be sent again.
    let mut asks = true;
    let done = loop {
        let mut part = Vec::new();
        let most = if asks { ASKED_OCTETS } else { SENT_OCTETS };
        let is_end = fill(&mut reading, &mut part, most, |piece| {
            collect(piece, how, &folder.mailbox, &mut names, report)
        });
        let asked = part.len();
        let missing = match asks && !part.is_empty() {
            true => upload.missing(part),
            false => Ok(part),
        };
        let sent = missing.and_then(|missing| {
            asks = how.dry_run || missing.len() < asked;
            match how.dry_run {
                true => {
                    upload.counts.absent += missing.len() as u64;
                    Ok(())
                }
                false => upload.send(&folder.mailbox, missing),
            }
        });
        let total = upload.counts.imported + upload.counts.present + upload.counts.absent;
        progress.tell(&folder.mailbox, total, reading.part());
        if let Err(error) = sent {
            break Err(error);
        }
        if is_end {
            break upload.finish();
        }
    };
    for refused in core::mem::take(&mut upload.refused) {
        report.keep(Trouble {
            folder: folder.mailbox.clone(),
            place: refused.place,
            code: refused.code,
            why: refused.why,
        });
    }
    upload.counts.failed += core::mem::take(&mut report.unreadable);
    if !cli.json {
        let new = report
            .troubles
            .iter()
            .filter(|t| t.folder == folder.mailbox);
        for trouble in new.take(TROUBLES_SHOWN) {
            progress.note(&format!("{}: {}", trouble.place.text(), trouble.why));
        }
    }
    report
        .folders
        .push((folder.mailbox.clone(), less(upload.counts, before)));
    report.counts = upload.counts;
    done
}

/// Reads messages into `part`; whether the folder has ended.
fn fill(
    reading: &mut SourceReading,
    part: &mut Vec<UploadMessage>,
    octets_max: usize,
    mut collect: impl FnMut(Piece) -> Option<UploadMessage>,
) -> bool {
    let mut octets = 0;
    while octets < octets_max && part.len() < PART_MESSAGES {
        let Some(piece) = reading.next() else {
            return true;
        };
        if let Some(one) = collect(piece) {
            octets += one.octets.len();
            part.push(one);
        }
    }
    false
}

/// A message with its id; a problem is kept for the report.
fn collect(
    piece: Piece,
    how: &ImportOptions,
    mailbox: &str,
    names: &mut Names,
    report: &mut ImportReport,
) -> Option<UploadMessage> {
    match piece {
        Piece::Message {
            place,
            octets,
            marks,
        } => Some(UploadMessage {
            id: names.next(&how.name, mailbox, &octets),
            place,
            octets,
            marks,
        }),
        Piece::Problem { place, why } => {
            report.unreadable += 1;
            report.keep(Trouble {
                folder: mailbox.to_owned(),
                place,
                code: "unreadable".to_owned(),
                why,
            });
            None
        }
    }
}

fn less(now: ImportCounts, before: ImportCounts) -> ImportCounts {
    ImportCounts {
        imported: now.imported - before.imported,
        present: now.present - before.present,
        absent: now.absent - before.absent,
        failed: now.failed - before.failed,
        octets: now.octets - before.octets,
    }
}

fn tell(cli: &Cli, report: &ImportReport, progress: &ProgressLine, ended: &Result<(), CliError>) {
    let took = progress.elapsed().as_secs_f64();
    if cli.json {
        let mut all = of_counts(&report.counts);
        all["seconds"] = json!((took * 1000.0).round() / 1000.0);
        all["complete"] = json!(ended.is_ok());
        all["folders"] = (report.folders.iter())
            .map(|(name, counts)| {
                let mut row = of_counts(counts);
                row["folder"] = json!(name);
                row
            })
            .collect();
        all["problems"] = (report.troubles.iter())
            .map(|trouble| {
                json!({
                    "folder": trouble.folder, "file": trouble.place.file,
                    "offset": trouble.place.offset, "code": trouble.code, "message": trouble.why,
                })
            })
            .collect();
        return show::line(all);
    }
    let counts = report.counts;
    let mut text = match counts.absent {
        0 => format!(
            "{} imported, {} there already",
            counts.imported, counts.present
        ),
        new => format!("{new} to import, {} there already", counts.present),
    };
    if counts.failed > 0 {
        text += &format!(", {} not imported", counts.failed);
    }
    if took > 0.0 && counts.imported > 0 {
        text += &format!("; {:.0} a second", counts.imported as f64 / took);
    }
    show::line(text);
}

fn of_counts(counts: &ImportCounts) -> Value {
    json!({
        "imported": counts.imported, "present": counts.present, "absent": counts.absent,
        "failed": counts.failed, "octets": counts.octets,
    })
}

/// The exit code when the end was reached and some messages are not imported.
const NOT_ALL: u8 = 3;
/// Messages that are read before they are sent.
const PART_MESSAGES: usize = 1000;
/// Octets that are read before the server is asked which of them it has.
const ASKED_OCTETS: usize = 16 << 20;
/// Octets that are read before they are sent.
const SENT_OCTETS: usize = 5 << 18;
/// Troubles of a folder that are printed, and those of all that are kept.
const TROUBLES_SHOWN: usize = 20;
const TROUBLES_MAX: usize = 1000;
