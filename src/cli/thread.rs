//! `postern thread`: the conversations of an inbox, listed, and shown with their messages.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::api::{self, Api, QueryPairs};
use super::{Cli, CliError, show};

/// `postern thread`
#[derive(Subcommand, Debug)]
pub enum ThreadCommand {
    /// List threads, the newest activity first
    List(ThreadListCommand),
    /// Show a thread and its messages, the oldest first
    Show {
        /// The inbox: id or address
        inbox: String,
        /// The id of the thread (thr_…)
        id: String,
        /// Also its messages in this folder, such as Trash; `all` is every one
        #[arg(long)]
        folder: Option<String>,
        /// At most so many messages
        #[arg(long, default_value_t = ROWS, value_name = "NUMBER",
            value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

/// `postern thread list`
#[derive(Args, Debug)]
pub struct ThreadListCommand {
    /// The inbox: id or address
    inbox: String,
    /// Only threads with a message in this folder; `all` is every one [default: all but Trash and
    /// Junk]
    #[arg(long)]
    folder: Option<String>,
    /// Only threads with a message that has this label
    #[arg(long)]
    label: Option<String>,
    /// Only threads with an unread message
    #[arg(long)]
    unread: bool,
    /// Text within the names and addresses of From
    #[arg(long)]
    from: Option<String>,
    /// Text within the names and addresses of To and Cc
    #[arg(long)]
    to: Option<String>,
    /// Text within the subject
    #[arg(long)]
    subject: Option<String>,
    /// Received at this RFC 3339 time or later
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Received before this RFC 3339 time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many threads
    #[arg(long, default_value_t = ROWS, value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Carries the command out.
pub fn threads(cli: &Cli, thread: &ThreadCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    let all = |inbox: &str| format!("/api/v1/inboxes/{}/threads", api::escape(inbox));
    match thread {
        ThreadCommand::List(wanted) => {
            let rows_max = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
            let pages = api.pages(&all(&wanted.inbox), &query(wanted), Some(rows_max))?;
            show::list(cli, &pages, show::THREAD);
        }
        ThreadCommand::Show {
            inbox,
            id,
            folder,
            limit,
        } => {
            let path = format!("{}/{}", all(inbox), api::escape(id));
            show_thread((cli, &mut api), &path, folder.as_deref(), *limit)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn query(wanted: &ThreadListCommand) -> QueryPairs<'static> {
    let mut query = QueryPairs::new();
    for (name, value) in [
        ("folder", &wanted.folder),
        ("label", &wanted.label),
        ("from", &wanted.from),
        ("to", &wanted.to),
        ("subject", &wanted.subject),
        ("since", &wanted.since),
        ("until", &wanted.until),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    if wanted.unread {
        query.push(("unread", "true".into()));
    }
    query
}

/// Prints the fields of a thread, an empty line, and a line for each message. The messages come in
/// pages; the fields of the first one are shown.
fn show_thread(
    (cli, api): (&Cli, &mut Api),
    path: &str,
    folder: Option<&str>,
    limit: u32,
) -> Result<(), CliError> {
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut cursor: Option<String> = None;
    let mut messages = Vec::new();
    let mut is_first = true;
    loop {
        let mut query = QueryPairs::new();
        query.push(("limit", left.min(PAGE_ROWS).to_string()));
        query.extend(folder.map(|folder| ("folder", folder.to_owned())));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let reply = api.get(&api::with_query(path, &query))?;
        let mut page = reply.json();
        let rows = page["messages"].take();
        let rows = rows.as_array().cloned().unwrap_or_default();
        left = left.saturating_sub(rows.len());
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if cli.json {
            show::verbatim(&reply);
        } else {
            if let (true, Some(fields)) = (is_first, page.as_object_mut()) {
                fields.remove("messages");
                fields.remove("next_cursor");
                show::fields(&page);
            }
            messages.extend(rows);
        }
        is_first = false;
        match next {
            Some(next) if left > 0 => cursor = Some(next),
            Some(_) if !cli.json => {
                finish(&messages);
                show::note("There are more: ask for them with a larger --limit.");
                return Ok(());
            }
            _ => break,
        }
    }
    if !cli.json {
        finish(&messages);
    }
    Ok(())
}

fn finish(messages: &[serde_json::Value]) {
    show::line("");
    show::rows(messages, show::MESSAGE);
}

/// Rows that a list has if it is not said.
const ROWS: u32 = 50;
/// The most messages of one page.
const PAGE_ROWS: usize = 200;
