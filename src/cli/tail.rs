//! `postern tail`: events as they happen, one on each line, or a command for each. After a broken
//! connection it goes on with the next event, until it is interrupted.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::acks::GroupAcks;
use super::api::{self, Api, QueryPairs};
use super::endpoint::Stream;
use super::exec::{EventCommand, StateFile, TailEvent};
use super::jobs::{Jobs, PlaceKeeper};
use super::response::ApiResponse;
use super::{Cli, CliError, show};
use crate::call::{GROUP_LEASE_S, GROUP_LEASE_S_MAX};

/// `postern tail`
#[derive(Args, Debug)]
pub struct TailCommand {
    /// Only events of this inbox: id or address; repeat the option for more inboxes
    #[arg(long)]
    inbox: Vec<String>,
    /// Only events of this inbox and of those under it: id or address. With --inbox only of those
    #[arg(long, value_name = "INBOX", visible_alias = "tree")]
    watch: Option<String>,
    /// Only events of these types, such as message.received; separate them by commas or
    /// repeat the option
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only mail from this address or domain
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Only mail with this label
    #[arg(long)]
    label: Option<String>,
    /// Only mail of this priority: high, normal or low
    #[arg(long)]
    priority: Option<String>,
    /// Only mail with this verdict: clean, suspicious or spam
    #[arg(long)]
    verdict: Option<String>,
    /// Begin after the event with this number, or at this RFC 3339 time
    #[arg(long)]
    since: Option<String>,
    /// Print what has happened and end, instead of waiting for more
    #[arg(long, conflicts_with_all = ["watch", "exec"])]
    no_follow: bool,
    /// Run this command for each event, with the event on its standard input
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Keep in this file up to which event all are done, and go on behind it
    #[arg(long, value_name = "FILE", requires = "exec")]
    state: Option<PathBuf>,
    /// Read as one of a consumer group: each event goes to one reader, until it is done
    #[arg(long, value_name = "NAME", conflicts_with_all = ["state", "no_follow"])]
    group: Option<String>,
    /// Seconds until an event of the group that is not done comes again: longer than a command
    /// takes
    #[arg(long, value_name = "SECONDS", requires = "group", default_value_t = GROUP_LEASE_S,
          value_parser = clap::value_parser!(u64).range(1..=GROUP_LEASE_S_MAX))]
    lease: u64,
    /// `inbox`: no event of an inbox comes before the earlier ones of it are done
    #[arg(long, requires = "group", value_parser = ["inbox"])]
    order: Option<String>,
    /// Run this many commands at once; those of one inbox still one after the other
    #[arg(long, value_name = "N", requires = "exec", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
}

/// Follows the stream until it is interrupted, or the server says that it has ended.
pub fn tail(cli: &Cli, tail: &TailCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    if tail.no_follow {
        return print_log(cli, &mut api, tail);
    }
    let state = tail.state.as_deref().map(StateFile::new);
    let last = state.as_ref().map_or(Ok(String::new()), StateFile::last)?;
    // A server that is not there is told at once; one that goes away is waited for.
    let first = api.connect()?;
    let acks = match &tail.group {
        Some(group) => Some(GroupAcks::new(group, &api)?),
        None => None,
    };
    let jobs = match &tail.exec {
        Some(line) => {
            let place: Box<dyn PlaceKeeper> = match (state, &acks) {
                (Some(file), _) => Box::new(file),
                (None, Some(acks)) => Box::new(acks.clone()),
                (None, None) => Box::new(NoPlace),
            };
            let command = EventCommand::new(line);
            let lease = (acks.is_some()).then(|| Duration::from_secs(tail.lease));
            Some(Jobs::begin(
                command,
                usize::from(tail.jobs),
                (place, lease),
            )?)
        }
        None => None,
    };
    let mut follower = Follower {
        cli,
        path: path(tail),
        jobs: jobs.clone(),
        acks,
        last,
        retry: FIRST_RETRY,
    };
    let ended = follower.follow(&mut api, first);
    if let Some(jobs) = jobs {
        jobs.end()?;
    }
    ended
}

/// Without `--state` no place is kept.
struct NoPlace;

impl PlaceKeeper for NoPlace {
    fn done_to(&mut self, _: &str) -> Result<(), CliError> {
        Ok(())
    }

    fn done(&mut self, _: &TailEvent) -> Result<(), CliError> {
        Ok(())
    }
}

impl PlaceKeeper for StateFile {
    fn done_to(&mut self, number: &str) -> Result<(), CliError> {
        self.keep(number)
    }

    fn done(&mut self, _: &TailEvent) -> Result<(), CliError> {
        Ok(())
    }
}

fn path(tail: &TailCommand) -> String {
    let mut query = QueryPairs::new();
    let path = match (&tail.watch, &tail.inbox[..]) {
        (Some(watch), _) => format!("/api/v1/inboxes/{}/watch", api::escape(watch)),
        (None, [inbox]) => format!("/api/v1/inboxes/{}/events", api::escape(inbox)),
        (None, _) => "/api/v1/events".to_owned(),
    };
    if tail.watch.is_some() || tail.inbox.len() != 1 {
        query.extend(tail.inbox.iter().map(|inbox| ("inbox", inbox.clone())));
    }
    filter(&mut query, tail);
    query.extend(tail.since.clone().map(|since| ("since", since)));
    if let Some(group) = &tail.group {
        query.push(("group", group.clone()));
        query.push(("lease_s", tail.lease.to_string()));
        query.extend(tail.order.clone().map(|order| ("order", order)));
        if tail.exec.is_some() {
            // What it holds and does not work on would miss its lease, and other readers wait.
            query.push(("prefetch", tail.jobs.to_string()));
        }
    }
    api::with_query(&path, &query)
}

/// The filter, which streams and the log have in common.
fn filter(query: &mut QueryPairs<'_>, tail: &TailCommand) {
    query.extend(tail.types.iter().map(|kind| ("type", kind.clone())));
    for (name, value) in [
        ("from", &tail.from),
        ("label", &tail.label),
        ("priority", &tail.priority),
        ("verdict", &tail.verdict),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
}

/// Prints the events that the log has.
fn print_log(cli: &Cli, api: &mut Api, tail: &TailCommand) -> Result<ExitCode, CliError> {
    let mut after: Option<String> = None;
    loop {
        let mut query = QueryPairs::new();
        query.extend(tail.inbox.iter().map(|inbox| ("inbox", inbox.clone())));
        filter(&mut query, tail);
        match &after {
            Some(after) => query.push(("cursor", after.clone())),
            None => query.extend(tail.since.clone().map(|since| ("since", since))),
        }
        query.push(("limit", "200".to_owned()));
        let reply = api.get(&api::with_query("/api/v1/events/log", &query))?;
        let page = reply.json();
        let events = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        let texts = rows_of(&reply.octets);
        for (event, text) in events.iter().zip(texts) {
            print_event(cli, &show::text(&event["type"]), text);
        }
        // The page says where to go on also when no event is left.
        let next = show::text(&page["next_cursor"]);
        if next.is_empty() || after.as_ref() == Some(&next) {
            return Ok(ExitCode::SUCCESS);
        }
        after = Some(next);
    }
}

/// One stream over as many connections as it takes.
struct Follower<'a> {
    cli: &'a Cli,
    path: String,
    jobs: Option<Arc<Jobs>>,
    acks: Option<GroupAcks>,
    /// The `id` of the last frame that was taken.
    last: String,
    /// How long the server has asked to wait after a break (HTML Standard, section 9.2.6).
    retry: Duration,
}

/// Why a connection has ended.
enum Break {
    /// The server has said when to come back: it stops, or it is busy.
    Asked(Duration),
    /// It was lost.
    Lost,
}

impl Follower<'_> {
    /// Follows until there is nothing to come back for.
    fn follow(&mut self, api: &mut Api, first: Box<dyn Stream>) -> Result<ExitCode, CliError> {
        let mut connected = Ok(first);
        let mut pause = Duration::ZERO;
        loop {
            let before = self.last.clone();
            let (ended, why) = match connected {
                Ok(stream) => (self.read(api, stream)?, String::new()),
                Err(CliError::Own(why)) => (Break::Lost, format!(": {why}")),
                Err(_) => (Break::Lost, String::new()),
            };
            pause = match ended {
                Break::Asked(pause) => pause,
                // The server has given each client another time, so that not all come at once.
                Break::Lost if pause.is_zero() || before != self.last => self.retry,
                Break::Lost => (pause * 2).min(RETRY_MAX),
            };
            if let Some(jobs) = &self.jobs {
                jobs.lose();
                jobs.check()?;
            }
            show::note(&format!(
                "postern: there is no connection; the next try is in {:.1} s{}",
                pause.as_secs_f64(),
                show::one_line(&why)
            ));
            std::thread::sleep(pause);
            connected = api.find_again(self.cli);
            if let Some(acks) = &self.acks {
                acks.moved(api);
            }
        }
    }

    /// Follows one connection to its end.
    fn read(&mut self, api: &Api, mut stream: Box<dyn Stream>) -> Result<Break, CliError> {
        let mut request = api.head("GET", &self.path, "text/event-stream");
        if !self.last.is_empty() {
            request += &format!("Last-Event-ID: {}\r\n", self.last);
        }
        let sent = stream
            .write_all(format!("{request}Connection: close\r\n\r\n").as_bytes())
            .and_then(|()| stream.flush());
        let Ok(answer) = sent
            .map_err(CliError::from)
            .and_then(|()| ApiResponse::read(stream))
        else {
            return Ok(Break::Lost);
        };
        match answer.status {
            200 => {}
            429 | 500.. => {
                let asked = answer.retry_after_s.map(Duration::from_secs);
                return Ok(asked.map_or(Break::Lost, |s| Break::Asked(s.min(RETRY_MAX))));
            }
            _ => {
                api::judge(answer)?;
                return Err("the server did not answer with a stream".into());
            }
        }
        let mut frame = EventFrame::default();
        let mut lines = BufReader::new(answer.body);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut lines).take(LINE_MAX).read_until(b'\n', &mut line);
            match (read, line.pop()) {
                (Ok(_), Some(b'\n')) => {}
                (Ok(n), _) if n as u64 >= LINE_MAX => {
                    return Err("the server has sent a line that is too long".into());
                }
                _ => return Ok(Break::Lost),
            }
            if let Some(jobs) = &self.jobs {
                jobs.check()?;
            }
            if let Some(event) = frame.take(&String::from_utf8_lossy(&line))
                && let Some(ended) = self.event(event)?
            {
                return Ok(ended);
            }
            if let Some(retry) = frame.retry.take() {
                self.retry = retry.min(RETRY_MAX);
            }
        }
    }

    /// Takes one event. `Some`: it is the last of this connection.
    fn event(&mut self, mut event: TailEvent) -> Result<Option<Break>, CliError> {
        if event.number.is_empty() {
            event.number.clone_from(&self.last);
        }
        self.last.clone_from(&event.number);
        let is_frame = matches!(&*event.kind, "ready" | "closing");
        let json: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        if event.kind == "reset" {
            show::note(&reset_says(&json));
        }
        match (&self.jobs, is_frame) {
            (Some(jobs), true) => jobs.pass(&event.number)?,
            (Some(jobs), false) => jobs.take(event.clone())?,
            (None, is_frame) => {
                print_event(self.cli, &event.kind, &event.data);
                if let (Some(acks), false) = (&self.acks, is_frame) {
                    acks.acknowledge(&event);
                }
            }
        }
        if event.kind != "closing" {
            return Ok(None);
        }
        match json["reconnect_after_ms"].as_u64() {
            Some(ms) => Ok(Some(Break::Asked(Duration::from_millis(ms).min(RETRY_MAX)))),
            None => {
                let why = show::one_line(json["reason"].as_str().unwrap_or("without a reason"));
                Err(format!("the server has ended the stream: {why}").into())
            }
        }
    }
}

/// A frame of an event stream while its lines come (HTML Standard, section 9.2.6).
#[derive(Default)]
struct EventFrame {
    kind: String,
    number: String,
    data: Option<String>,
    retry: Option<Duration>,
}

impl EventFrame {
    /// Takes one line. Gives the event at the end of a frame that has data.
    fn take(&mut self, line: &str) -> Option<TailEvent> {
        if line.is_empty() {
            let kind = core::mem::take(&mut self.kind);
            return self.data.take().map(|data| TailEvent {
                kind,
                number: self.number.clone(),
                data,
            });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            // Where it goes on; a server elsewhere does not get to write our header.
            "id" if value.bytes().all(|b| b.is_ascii_graphic()) => {
                value.clone_into(&mut self.number)
            }
            "event" => value.clone_into(&mut self.kind),
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis),
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

/// The texts of the rows of a page, as they came.
fn rows_of(page: &[u8]) -> Vec<&str> {
    let text = core::str::from_utf8(page).unwrap_or_default();
    let (_, mut rest) = text.split_once("\"data\":[").unwrap_or_default();
    let mut rows = Vec::new();
    while rest.starts_with('{') {
        let mut row = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        let Some(Ok(_)) = row.next() else {
            break;
        };
        let (text, behind) = rest.split_at(row.byte_offset());
        rows.push(text);
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    rows
}

/// What a `reset` says: where the log goes on, and why.
fn reset_says(reset: &Value) -> String {
    let oldest = reset["seq"].as_u64().unwrap_or(0);
    match reset["reason"].as_str() {
        Some("ahead") => format!(
            "postern: the log has not come as far as the event to begin behind: this is another log, \
             or a restored one; it goes on with event {oldest}"
        ),
        _ => format!(
            "postern: the log begins at event {oldest} now: the events before it are lost here; read \
             the messages afresh"
        ),
    }
}

fn print_event(cli: &Cli, kind: &str, data: &str) {
    if cli.json {
        show::json(data);
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
        let peer = match &json["recipient"] {
            Value::Null => &message["from"]["address"],
            recipient => recipient,
        };
        cells.push(text(&message["id"]));
        cells.push(text(peer));
        cells.push(text(&message["subject"]));
        cells.push(text(&json["spam"]["verdict"]));
    }
    show::event(kind, &cells);
}

/// Before the server has said how long to wait.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest pause before the next try.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Octets of one line of a stream: an event has far fewer.
const LINE_MAX: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_stand_as_they_came() {
        let page = r#"{"data":[{"z":-3.00,"a":["}",{}]},{"b":"\"data\":[{"}],"next_cursor":"7"}"#;
        let rows = rows_of(page.as_bytes());
        assert_eq!(
            rows,
            [r#"{"z":-3.00,"a":["}",{}]}"#, r#"{"b":"\"data\":[{"}"#]
        );
        for none in ["", "{}", r#"{"data":[]}"#, r#"{"data":[{"a":"#] {
            assert!(rows_of(none.as_bytes()).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_reset_says_why() {
        let said = |reason| reset_says(&json!({"seq": 7, "reason": reason}));
        assert!(said("too_old").contains("begins at event 7 now"));
        let ahead = said("ahead");
        assert!(
            ahead.contains("another log") && !ahead.contains("lost"),
            "{ahead}"
        );
    }

    #[test]
    fn frames_are_read_by_their_lines() {
        let lines = "retry: 3000\n\n: hello\nid: 7\nevent: message.received\ndata: {\"seq\":7}\n\n\
                     : \nid: 8\n\nid:9\nevent:closing\ndata:{}\n\nid: 1\u{7f}\ndata: a\ndata: b\n\n";
        let mut frame = EventFrame::default();
        let all: Vec<TailEvent> = lines.split('\n').filter_map(|l| frame.take(l)).collect();
        let event = |kind: &str, data: &str, number: &str| TailEvent {
            kind: kind.to_owned(),
            number: number.to_owned(),
            data: data.to_owned(),
        };
        assert_eq!(
            all,
            [
                event("message.received", "{\"seq\":7}", "7"),
                event("closing", "{}", "9"),
                event("", "a\nb", "9"),
            ]
        );
        assert_eq!(frame.retry, Some(Duration::from_secs(3)));
    }
}
