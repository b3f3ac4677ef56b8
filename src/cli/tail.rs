//! `postern tail`: events as they happen, one on each line. After a broken connection it goes
//! on with the next event.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::api::{self, Api, QueryPairs};
use super::endpoint::Stream;
use super::exec::EventCommand;
use super::response::ApiResponse;
use super::{Cli, CliError, show};

/// `postern tail`
#[derive(Args, Debug)]
pub struct TailCommand {
    /// Only events of this inbox: id or address; repeat the option for more inboxes
    #[arg(long)]
    inbox: Vec<String>,
    /// Only events of this inbox and of those under it: id or address
    #[arg(long, value_name = "INBOX", conflicts_with = "inbox")]
    tree: Option<String>,
    /// Only events of these types, such as message.received; separate them by commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only mail from this address or domain
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Begin after the event with this number, or at this RFC 3339 time
    #[arg(long)]
    since: Option<String>,
    /// Print what has happened and end, instead of waiting for more
    #[arg(long, conflicts_with_all = ["tree", "exec"])]
    no_follow: bool,
    /// Run this command for each event, with the event on its standard input
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Keep in this file which event was done last, and go on behind it
    #[arg(long, value_name = "FILE", requires = "exec")]
    state: Option<PathBuf>,
}

/// Follows the stream until it is interrupted or the server is gone.
pub fn tail(cli: &Cli, tail: &TailCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    if tail.no_follow {
        return print_log(cli, &mut api, tail);
    }
    let path = path(tail);
    let command = tail
        .exec
        .as_deref()
        .map(|line| EventCommand::new(line, tail.state.as_deref()));
    let mut last = match &command {
        Some(command) => command.last()?,
        None => String::new(),
    };
    let mut stream = api.connect()?;
    loop {
        let closing = follow(cli, &api, stream, (&path, command.as_ref()), &mut last)?;
        stream = match again(cli, &mut api) {
            Some(next) => next,
            // The server has said that it stops, and it has not been started again.
            None if closing => return Ok(ExitCode::SUCCESS),
            None => {
                return Err(CliError::Own(format!(
                    "the server is gone; go on with `postern tail --since {}` when it is back",
                    if last.is_empty() { "0" } else { &last }
                )));
            }
        };
    }
}

fn path(tail: &TailCommand) -> String {
    let mut query = QueryPairs::new();
    let path = match &tail.inbox[..] {
        [] if tail.tree.is_some() => {
            let tree = tail.tree.as_deref().unwrap_or_default();
            format!("/api/v1/inboxes/{}/watch", api::escape(tree))
        }
        [inbox] => format!("/api/v1/inboxes/{}/events", api::escape(inbox)),
        several => {
            query.extend(several.iter().map(|inbox| ("inbox", inbox.clone())));
            "/api/v1/events".to_owned()
        }
    };
    query.extend(tail.types.iter().map(|kind| ("type", kind.clone())));
    query.extend(tail.from.clone().map(|from| ("from", from)));
    query.extend(tail.since.clone().map(|since| ("since", since)));
    api::with_query(&path, &query)
}

/// Prints the events that the log has.
fn print_log(cli: &Cli, api: &mut Api, tail: &TailCommand) -> Result<ExitCode, CliError> {
    let mut after: Option<String> = None;
    loop {
        let mut query = QueryPairs::new();
        query.extend(tail.inbox.iter().map(|inbox| ("inbox", inbox.clone())));
        query.extend(tail.types.iter().map(|kind| ("type", kind.clone())));
        query.extend(tail.from.clone().map(|from| ("from", from)));
        match &after {
            Some(after) => query.push(("cursor", after.clone())),
            None => query.extend(tail.since.clone().map(|since| ("since", since))),
        }
        query.push(("limit", "200".to_owned()));
        let page = api
            .get(&api::with_query("/api/v1/events/log", &query))?
            .json();
        for event in page["data"].as_array().into_iter().flatten() {
            print_event(cli, &show::text(&event["type"]), &event.to_string());
        }
        // The page says where to go on also when no event is left.
        let next = show::text(&page["next_cursor"]);
        if next.is_empty() || after.as_ref() == Some(&next) {
            return Ok(ExitCode::SUCCESS);
        }
        after = Some(next);
    }
}

/// Finds the server again after a broken connection.
fn again(cli: &Cli, api: &mut Api) -> Option<Box<dyn Stream>> {
    for _ in 0..TRIES {
        std::thread::sleep(BETWEEN_TRIES);
        if let Ok(stream) = api.find_again(cli) {
            return Some(stream);
        }
    }
    None
}

/// Follows one connection; `true`: the server has said that it closes.
fn follow(
    cli: &Cli,
    api: &Api,
    mut stream: Box<dyn Stream>,
    (path, command): (&str, Option<&EventCommand>),
    last: &mut String,
) -> Result<bool, CliError> {
    let mut request = api.head("GET", path, "text/event-stream");
    if !last.is_empty() {
        request += &format!("Last-Event-ID: {last}\r\n");
    }
    let sent = stream
        .write_all(format!("{request}Connection: close\r\n\r\n").as_bytes())
        .and_then(|()| stream.flush());
    if sent.is_err() {
        return Ok(false);
    }
    let answer = ApiResponse::read(stream)?;
    if answer.status != 200 {
        api::judge(answer)?;
        return Err(CliError::Own(
            "the server did not answer with a stream".into(),
        ));
    }
    let mut frame = EventFrame::default();
    // The event that is read; it is the last one when it is done.
    let mut number = last.clone();
    for line in BufReader::new(answer.body).lines() {
        let Ok(line) = line else { return Ok(false) };
        match (frame.take(&line, &mut number), command) {
            (Some((kind, _)), Some(_)) if kind == "closing" => return Ok(true),
            (Some((kind, data)), Some(command)) => command.carry_out(&kind, &number, &data)?,
            (Some((kind, data)), None) => {
                print_event(cli, &kind, &data);
                if kind == "closing" {
                    return Ok(true);
                }
            }
            (None, _) if !line.is_empty() => continue,
            (None, _) => {}
        }
        last.clone_from(&number);
    }
    Ok(false)
}

/// A frame of an event stream while its lines come (HTML Standard, section 9.2.6).
#[derive(Default)]
struct EventFrame {
    kind: String,
    data: Option<String>,
}

impl EventFrame {
    /// Takes one line. Gives type and data at the end of a frame that has data.
    fn take(&mut self, line: &str, last: &mut String) -> Option<(String, String)> {
        if line.is_empty() {
            let kind = core::mem::take(&mut self.kind);
            return self.data.take().map(|data| (kind, data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            // Where it goes on; a server elsewhere does not get to write our header.
            "id" if value.bytes().all(|b| b.is_ascii_graphic()) => *last = value.to_owned(),
            "event" => self.kind = value.to_owned(),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }
}

fn print_event(cli: &Cli, kind: &str, data: &str) {
    if cli.json {
        show::line(data);
        return;
    }
    let json: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    let text = |value: &Value| show::one_line(value.as_str().unwrap_or_default());
    let message = &json["message"];
    let mut cells = vec![
        text(&json["time"]),
        json["seq"].to_string(),
        show::one_line(kind),
        text(&json["inbox"]["address"]),
    ];
    if message.is_object() {
        cells.push(text(&message["id"]));
        cells.push(text(&message["from"]["address"]));
        cells.push(text(&message["subject"]));
    }
    show::event(&cells);
}

/// Ten seconds together: a restart takes less.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_by_their_lines() {
        let lines = "retry: 3000\n\n: hello\nid: 7\nevent: message.received\ndata: {\"seq\":7}\n\n\
                     : \nid: 8\n\nid:9\nevent:closing\ndata:{}\n\nid: 1\u{7f}\ndata: a\ndata: b\n\n";
        let (mut frame, mut last, mut all) = (EventFrame::default(), String::new(), Vec::new());
        for line in lines.split('\n') {
            all.extend(
                frame
                    .take(line, &mut last)
                    .map(|(kind, data)| (kind, data, last.clone())),
            );
        }
        let owned = |kind: &str, data: &str, last: &str| {
            (kind.to_owned(), data.to_owned(), last.to_owned())
        };
        assert_eq!(
            all,
            [
                owned("message.received", "{\"seq\":7}", "7"),
                owned("closing", "{}", "9"),
                owned("", "a\nb", "9"),
            ]
        );
    }
}
