//! `postern tail`: events as they happen, a line each; goes on where it was when the
//! connection breaks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::api::{self, Api};
use super::{Cli, Fault};

/// `postern tail`
#[derive(Args, Debug)]
pub struct Tail {
    /// Only this inbox: id or address.
    #[arg(long)]
    inbox: Option<String>,
    /// Begin behind this number, or at this RFC 3339 time.
    #[arg(long)]
    since: Option<String>,
}

/// Follows the stream until it is interrupted or there is no server any more.
pub fn tail(cli: &Cli, tail: &Tail) -> Result<ExitCode, Fault> {
    let api = Api::in_org(cli)?;
    let Some(address) = api.socket() else {
        return Err(Fault::Own(
            "no server runs on this folder: start one with `postern serve`".into(),
        ));
    };
    let mut path = match &tail.inbox {
        Some(inbox) => format!("/api/v1/inboxes/{}/events", api::escape(inbox)),
        None => "/api/v1/events".to_string(),
    };
    if let Some(since) = &tail.since {
        path += &format!("?since={}", api::escape(since));
    }
    let mut last = String::new();
    let mut stream = TcpStream::connect(address)
        .map_err(|e| format!("the server is said to listen on {address}, but: {e}"))?;
    loop {
        let closing = follow(cli, &api, stream, &path, &mut last)?;
        stream = match again(cli) {
            Some(next) => next,
            // It said that it stops, and nobody has started it again.
            None if closing => return Ok(ExitCode::SUCCESS),
            None => {
                return Err(Fault::Own(format!(
                    "the server is gone; go on with `postern tail --since {}` when it is back",
                    if last.is_empty() { "0" } else { &last }
                )));
            }
        };
    }
}

/// Finds the server again after its connection broke; it may be starting, at another port.
fn again(cli: &Cli) -> Option<TcpStream> {
    for _ in 0..TRIES {
        std::thread::sleep(BETWEEN_TRIES);
        if let Ok(address) = api::running(&cli.data)
            && let Ok(stream) = TcpStream::connect(address)
        {
            return Some(stream);
        }
    }
    None
}

/// One connection; whether the server said that it closes.
fn follow(
    cli: &Cli,
    api: &Api,
    mut stream: TcpStream,
    path: &str,
    last: &mut String,
) -> Result<bool, Fault> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut request = api.head("GET", path, "text/event-stream");
    if !last.is_empty() {
        request += &format!("Last-Event-ID: {last}\r\n");
    }
    stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    if !status.contains(" 200 ") {
        let mut refused = status.into_bytes();
        answer.read_to_end(&mut refused)?;
        api::read_answer(&refused)?;
        return Err(Fault::Own("the server answered with no stream".into()));
    }
    let lines = answer.lines();
    let mut kind = String::new();
    for line in lines {
        let Ok(line) = line else { return Ok(false) };
        if let Some(id) = line.strip_prefix("id: ") {
            *last = id.to_string();
        } else if let Some(name) = line.strip_prefix("event: ") {
            kind = name.to_string();
        } else if let Some(data) = line.strip_prefix("data: ") {
            print_event(cli, &kind, data);
            if kind == "closing" {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn print_event(cli: &Cli, kind: &str, data: &str) {
    if cli.json {
        super::show::line(data);
        return;
    }
    let json: Value = serde_json::from_str(data).unwrap_or(Value::Null);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let message = &json["message"];
    let about = if message.is_object() {
        format!(
            "{}  {}  {:?}",
            text(&json["inbox"]["address"]),
            text(&message["from"]["address"]),
            text(&message["subject"])
        )
    } else {
        text(&json["inbox"]["address"])
    };
    super::show::line(format_args!(
        "{}  {:>6}  {kind:18}  {about}",
        text(&json["time"]),
        json["seq"]
    ));
}

/// Ten seconds in all: a restart takes less.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
