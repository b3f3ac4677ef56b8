//! `postern tail`: events as they happen, one on each line. After a broken connection it goes
//! on with the next event.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::api::{self, Api};
use super::{Cli, CliError};

/// `postern tail`
#[derive(Args, Debug)]
pub struct TailCommand {
    /// Only events of this inbox: id or address
    #[arg(long)]
    inbox: Option<String>,
    /// Begin after the event with this number, or at this RFC 3339 time
    #[arg(long)]
    since: Option<String>,
}

/// Follows the stream until it is interrupted or the server is gone.
pub fn tail(cli: &Cli, tail: &TailCommand) -> Result<ExitCode, CliError> {
    let api = Api::in_org(cli)?;
    let Some(address) = api.socket() else {
        return Err(CliError::Own(
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
        .map_err(|e| format!("cannot connect to the server on {address}: {e}"))?;
    loop {
        let closing = follow(cli, &api, stream, &path, &mut last)?;
        stream = match again(cli) {
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

/// Finds the server again after a broken connection; it may be starting on another port.
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

/// Follows one connection; `true`: the server has said that it closes.
fn follow(
    cli: &Cli,
    api: &Api,
    mut stream: TcpStream,
    path: &str,
    last: &mut String,
) -> Result<bool, CliError> {
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
        return Err(CliError::Own(
            "the server did not answer with a stream".into(),
        ));
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

/// Ten seconds together: a restart takes less.
const TRIES: usize = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
