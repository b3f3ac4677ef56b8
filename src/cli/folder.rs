//! The commands for the data folder itself: verify, backup, restore, and the
//! index of searches. They ask no server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::{Cli, CliError, api, progress, show};
use crate::config::{FOLDER_FILES, KEPT_FILES, LAST_CONFIG_FILE, SEALING_FILE};
use crate::crypto::Random;
use crate::service::intake::{read_again, sign_again};
use crate::store::{
    Checkpoint, Depth, FILE, Findings, Folder, Role, Store, WRITER_COPIES_AT, verify_folder,
};

/// The data folder of this machine. A server elsewhere cannot be asked for its folder.
fn folder_here(cli: &Cli) -> Result<&Path, CliError> {
    match &cli.url {
        None => Ok(cli.data()),
        Some(_) => Err(
            "this command works on a data folder: run it on the server's machine, without --url \
             and POSTERN_URL"
                .into(),
        ),
    }
}

/// `postern verify`: reads without the lock, so that it also works while the server runs.
pub fn verify(cli: &Cli, depth: Depth) -> Result<ExitCode, CliError> {
    let data = folder_here(cli)?;
    api::must_be_there(data)?;
    let found = progress::during(
        !cli.json,
        "verify",
        || (0, 0),
        || verify_folder(data, depth, Some(&read_again)),
    )?;
    if cli.json {
        show_json(&found);
    } else {
        show_text(&found, cli.data());
    }
    Ok(if found.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show_json(found: &Findings) {
    let findings: Vec<_> = (found.faults.iter())
        .map(|fault| {
            json!({
                "table": fault.table,
                "row": fault.row,
                "organization": fault.org,
                "what": fault.what,
                "advice": fault.advice(),
            })
        })
        .collect();
    show::line(json!({
        "ok": findings.is_empty(),
        "findings": findings,
        "notes": found.notes,
    }));
}

/// The first faults, and once for each table what to do.
fn show_text(found: &Findings, data: &Path) {
    for fault in found.faults.iter().take(FAULTS_SHOWN) {
        show::line(fault);
    }
    let more = found.faults.len().saturating_sub(FAULTS_SHOWN);
    if more > 0 {
        show::line(format_args!("and {more} more; --json has them all"));
    }
    let mut told: Vec<&str> = Vec::new();
    for fault in &found.faults {
        if !told.contains(&fault.table) {
            told.push(fault.table);
            show::line(format_args!(
                "what to do: {}: {}",
                fault.table,
                fault.advice()
            ));
        }
    }
    for note in &found.notes {
        show::line(format_args!("note: {note}"));
    }
    match found.faults.len() {
        0 => show::line(format_args!("{}: everything holds", data.display())),
        n => eprintln!("postern: {n} faults in {}", data.display()),
    }
}

/// The most faults on a terminal.
const FAULTS_SHOWN: usize = 100;

/// `postern backup`: reads on a connection of its own, so that it also works while the server
/// runs.
pub fn backup(cli: &Cli, to: &Path) -> Result<ExitCode, CliError> {
    let data = folder_here(cli)?;
    api::must_be_there(data)?;
    let size = |path: &Path| path.metadata().map_or(0, |about| about.len());
    let making = PathBuf::from(format!("{}.making", to.display()));
    let part = || (size(&making), size(&data.join(FILE)));
    let bytes = progress::during(!cli.json, "backup", part, || {
        crate::store::backup(data, KEPT_FILES, to, None)
    })?;
    let key = data.join(SEALING_FILE);
    let key = key.exists().then_some(key);
    if cli.json {
        show::line(json!({"file": to, "bytes": bytes, "not_in_it": key}));
        return Ok(ExitCode::SUCCESS);
    }
    show::line(format_args!(
        "{0}: {bytes} bytes; `postern restore {0} --data NEW_FOLDER` makes a data folder of it",
        to.display()
    ));
    if let Some(key) = key {
        show::line(format_args!(
            "not in it: {}, which opens the secrets in it, such as passwords of mailboxes \
             elsewhere; keep a copy of that file in another place",
            key.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// `postern rebuild-index`: forgets the signatures of all messages and makes them again. If it is
/// interrupted, the server goes on with it; until then searches read every message.
pub fn rebuild_index(cli: &Cli) -> Result<ExitCode, CliError> {
    let data = folder_here(cli)?;
    api::must_be_there(data)?;
    let folder = Folder::lock(data)?;
    let store = Store::open(folder.path(), Role::Writer, Random::system().u64())?;
    let clock = super::local::clock();
    store.begin()?;
    let inboxes = store.forget_signatures(clock())?;
    store.commit()?;
    let mut told = inboxes;
    loop {
        store.begin()?;
        let more = store.sign_older(clock(), SIGNED_AT_ONCE, &sign_again)?;
        store.commit()?;
        while store.reclaim(clock(), false)? {}
        if store.checkpoint_due(WRITER_COPIES_AT)?.is_some() {
            store.checkpoint(Checkpoint::Truncate)?;
        }
        let left = store.unsigned_inboxes()?;
        if told.saturating_sub(left) >= TOLD_INBOXES && !cli.json {
            show::note(&format!(
                "{} of {inboxes} inboxes",
                inboxes.saturating_sub(left)
            ));
            told = left;
        }
        if !more {
            break;
        }
    }
    if cli.json {
        show::line(json!({"inboxes": inboxes}));
    } else {
        show::line(format_args!(
            "the index of searches is made again (inboxes: {inboxes})"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Messages of one transaction.
const SIGNED_AT_ONCE: usize = 500;

/// Inboxes between two lines of progress.
const TOLD_INBOXES: u64 = 100;

/// `postern restore`: makes a data folder that does not exist yet.
pub fn restore(cli: &Cli, from: &Path) -> Result<ExitCode, CliError> {
    if !from.is_file() {
        return Err(CliError::Own(format!(
            "there is no backup at {}",
            from.display()
        )));
    }
    let folder = Folder::lock(folder_here(cli)?)?;
    let seed = Random::system().u64();
    let now = super::local::clock()();
    let restored = progress::during(
        !cli.json,
        "restore",
        || (0, 0),
        || crate::store::restore(&folder, KEPT_FILES, from, seed, now),
    );
    if let Err(error) = restored {
        if !folder.dir().has(FILE) {
            folder.abandon(FOLDER_FILES);
        }
        return Err(error.into());
    }
    let config = cli.data().join(LAST_CONFIG_FILE);
    let key = cli.data().join(SEALING_FILE);
    let missing = (!key.exists()).then_some(key);
    if cli.json {
        show::line(json!({"data": cli.data(), "missing": missing}));
    } else {
        let with = match config.exists() {
            true => format!(" --config {}", config.display()),
            false => String::new(),
        };
        show::line(format_args!(
            "{0} is ready: start it with `postern serve --data {0}{with}`",
            cli.data().display()
        ));
        if let Some(key) = missing {
            show::line(format_args!(
                "{}: put the file of the older folder there before the start; without it the \
                 secrets, such as passwords of mailboxes elsewhere, have to be given again",
                key.display()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}
