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

/// Follows the stream until it is interrupted or the server stops.
pub fn tail(cli: &Cli, tail: &Tail) -> Result<ExitCode, Fault> {
    let api = Api::in_org(cli)?;
    let Some(address) = api.socket().map(str::to_string) else {
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
    loop {
        let closing = follow(cli, &api, &address, &path, &mut last)?;
        if closing {
            // The server stops: wait for the next one, or end when there is none.
            std::thread::sleep(Duration::from_secs(2));
            if !api::is_running(&cli.data) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// One connection; whether the server said that it closes.
fn follow(
    cli: &Cli,
    api: &Api,
    address: &str,
    path: &str,
    last: &mut String,
) -> Result<bool, Fault> {
    let mut stream = TcpStream::connect(address)
        .map_err(|e| format!("the server is said to listen on {address}, but: {e}"))?;
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
        println!("{data}");
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
    println!(
        "{}  {:>6}  {kind:18}  {about}",
        text(&json["time"]),
        json["seq"]
    );
}
