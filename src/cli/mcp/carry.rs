//! One request of a client of MCP, from here to its answer: over a connection that is free or new,
//! or to the engine over the folder. A server that stops and starts again is waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::message::StdioMessage;
use super::{Bridge, CallState, INTERNAL, IdleConnection, lock};
use crate::cli::api::{Api, ApiSender, Way, running};
use crate::cli::endpoint::Endpoint;
use crate::cli::response::ApiResponse;
use crate::cli::{CliError, words};

/// Why a request has no answer.
enum NoAnswer {
    /// It has not reached a server.
    NotSent(CliError),
    /// It was lost on a connection that had been idle, before the first octet of an answer.
    Stale,
    /// The server stops: it has not carried it out.
    Stopping,
    /// The connection ended before the answer.
    Cut(String),
    /// The client has been told.
    Told,
}

impl From<CliError> for NoAnswer {
    fn from(error: CliError) -> Self {
        NoAnswer::NotSent(error)
    }
}

impl Bridge<'_> {
    /// Carries a request to its answer, which is written to the client.
    pub(super) fn carry(&self, message: &StdioMessage, call: &CallState) {
        let mut until = None;
        let mut waits = 0;
        let mut pause = FIRST_PAUSE;
        let mut is_fresh = !message.may_repeat();
        loop {
            let began = Instant::now();
            let tried = self.try_once(message, call, is_fresh);
            // What has gone on for long before it was lost has all the time again.
            if until.is_none() || began.elapsed() > self.patience && waits < WAITS_MAX {
                until = Some(Instant::now() + self.patience);
                pause = FIRST_PAUSE;
                waits += 1;
            }
            let is_late = until.is_some_and(|until| Instant::now() + pause > until)
                || self.ends.load(Ordering::Relaxed);
            let is_known = self.has_answered.load(Ordering::Relaxed);
            let why = match tried {
                Ok(()) => return self.has_answered.store(true, Ordering::Relaxed),
                Err(NoAnswer::Told) => return,
                _ if call.is_cancelled() => return,
                Err(NoAnswer::Stale) => {
                    is_fresh = true;
                    continue;
                }
                Err(NoAnswer::Stopping | NoAnswer::NotSent(CliError::Own(_)))
                    if is_known && !is_late =>
                {
                    None
                }
                Err(NoAnswer::Cut(_)) if message.may_repeat() && !is_late => None,
                Err(NoAnswer::Cut(why)) if message.may_repeat() => {
                    Some(format!("{why}. Call again."))
                }
                Err(NoAnswer::Cut(why)) => Some(format!(
                    "{why}. It is not known whether it was done: look before you call again."
                )),
                Err(NoAnswer::Stopping) => Some("The server stops. Call again later.".to_owned()),
                Err(NoAnswer::NotSent(_)) if self.is_served.swap(false, Ordering::Relaxed) => {
                    // It does not come back: the folder is asked, or says why not.
                    continue;
                }
                Err(NoAnswer::NotSent(error)) => Some(reason(&error)),
            };
            if let Some(why) = why {
                return self.say_error(&message.id, INTERNAL, &why);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn try_once(
        &self,
        message: &StdioMessage,
        call: &CallState,
        is_fresh: bool,
    ) -> Result<(), NoAnswer> {
        let sender = self.sender()?;
        // The folder is free again before the next request looks for it.
        let folder = self.cli.url.is_none().then(|| lock(&self.folder));
        let way = self.way()?;
        let version = lock(&self.version).clone();
        let mut request = way.head(&sender, "POST", "/mcp", ACCEPTED);
        request += &message.fields(version.as_deref());
        request += &format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            message.body.len()
        );
        let request = [request.as_bytes(), &message.body].concat();
        let octets = match way {
            Way::Server(endpoint) => {
                let is_near = folder.is_some();
                drop(folder);
                self.is_served.store(is_near, Ordering::Relaxed);
                return self.ask_server(&endpoint, &request, (message, call), is_fresh);
            }
            // The lock is given back before the client knows: it may start a server next.
            Way::Folder(mut local) => local.exchange(&request),
        };
        drop(folder);
        match self.take(ApiResponse::read(&octets[..])?, message, call) {
            // Nothing comes in while no server runs, so there is nothing to wait for.
            Err(NoAnswer::Cut(_)) => {
                self.say_error(&message.id, INTERNAL, NO_SERVER);
                Err(NoAnswer::Told)
            }
            taken => taken,
        }
    }

    /// The server or the folder; that of `--url` is looked up once.
    fn way(&self) -> Result<Way, CliError> {
        if self.cli.url.is_none() {
            return match self.is_served.load(Ordering::Relaxed) {
                true => Ok(Way::Server(running(self.cli.data())?)),
                false => Way::find(self.cli),
            };
        }
        let mut known = lock(&self.elsewhere);
        if known.is_none()
            && let Way::Server(endpoint) = Way::find(self.cli)?
        {
            *known = Some(endpoint);
        }
        let endpoint = known.clone().ok_or("there is no server")?;
        Ok(Way::Server(endpoint))
    }

    /// The party that asks.
    fn sender(&self) -> Result<ApiSender, CliError> {
        let mut known = lock(&self.sender);
        if let Some(sender) = &*known {
            return Ok(sender.clone());
        }
        let of_file = self.key_file.as_ref().map(|file| {
            let text = std::fs::read_to_string(file);
            text.map_err(|error| format!("--key-file {}: {error}", file.display()))
        });
        let key = match of_file.transpose()? {
            Some(key) => Some(key),
            None => self
                .cli
                .key
                .clone()
                .or_else(|| std::env::var(KEY_VARIABLE).ok()),
        };
        let _folder = lock(&self.folder);
        let mut api = Api::with_key(self.cli, key.as_deref())?;
        api.choose_org()?;
        *known = Some(api.sender().clone());
        Ok(api.sender().clone())
    }

    fn ask_server(
        &self,
        endpoint: &Endpoint,
        request: &[u8],
        (message, call): (&StdioMessage, &CallState),
        is_fresh: bool,
    ) -> Result<(), NoAnswer> {
        let authority = endpoint.authority();
        let found = match is_fresh {
            true => None,
            false => self.idle_connection(&authority),
        };
        let was_idle = found.is_some();
        let (mut stream, socket) = match found {
            Some(idle) => (idle.stream, idle.socket),
            None => endpoint.connect_to_end()?,
        };
        *lock(&call.socket) = socket.try_clone().ok();
        if call.is_cancelled() {
            return Err(NoAnswer::Told);
        }
        // A server that refuses a body answers before it has read the whole.
        let sent = stream.write_all(request).and_then(|()| stream.flush());
        let answer = match ApiResponse::read(&mut stream) {
            Ok(answer) => answer,
            Err(_) if was_idle => return Err(NoAnswer::Stale),
            Err(error) => match sent {
                Err(error) => return Err(NoAnswer::Cut(format!("The connection broke: {error}"))),
                Ok(()) => return Err(NoAnswer::Cut(reason(&error))),
            },
        };
        let is_kept = answer.is_kept && sent.is_ok();
        self.take(answer, message, call)?;
        if is_kept && lock(&call.socket).take().is_some() && !call.is_cancelled() {
            lock(&self.idle).push(IdleConnection {
                stream,
                socket,
                authority,
                since: Instant::now(),
            });
        }
        Ok(())
    }

    /// A connection to this server that was used a moment ago.
    fn idle_connection(&self, authority: &str) -> Option<IdleConnection> {
        let mut idle = lock(&self.idle);
        idle.retain(|one| one.since.elapsed() < IDLE_MAX && one.authority == authority);
        idle.pop()
    }

    /// Takes a response: writes the messages that it has to the client.
    fn take(
        &self,
        mut answer: ApiResponse<impl Read>,
        message: &StdioMessage,
        call: &CallState,
    ) -> Result<(), NoAnswer> {
        let media = answer.media_type.clone().unwrap_or_default();
        if media.starts_with("text/event-stream") {
            return self.take_stream(answer, call);
        }
        let octets = answer
            .octets()
            .map_err(|error| NoAnswer::Cut(reason(&error)))?;
        let json: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
        if json["jsonrpc"].is_string() {
            if message.method == "initialize"
                && let Some(version) = json["result"]["protocolVersion"].as_str()
            {
                *lock(&self.version) = Some(version.to_owned());
            }
            self.say(&octets);
            return Ok(());
        }
        if json["error"]["code"] == "shutting_down" {
            return Err(NoAnswer::Stopping);
        }
        let status = answer.status;
        let why = match &json["error"] {
            error @ Value::Object(_) if error["code"] == "unauthorized" => format!(
                "{} Give a valid one in {KEY_VARIABLE} or with --key-file.",
                error["message"].as_str().unwrap_or_default()
            ),
            error @ Value::Object(_) => words::of_error(error, answer.retry_after_s),
            _ => format!(
                "The server answered {status} without a reason: is --url the address of a Postern \
                 server?"
            ),
        };
        self.say_error(&message.id, INTERNAL, &why);
        Err(NoAnswer::Told)
    }

    /// Takes the messages of a stream up to the response.
    fn take_stream(
        &self,
        answer: ApiResponse<impl Read>,
        call: &CallState,
    ) -> Result<(), NoAnswer> {
        call.streams.store(true, Ordering::Relaxed);
        if self.ends.load(Ordering::Relaxed) {
            return Err(NoAnswer::Told);
        }
        let cut = || NoAnswer::Cut("The connection broke before the answer".to_owned());
        let mut lines = BufReader::new(answer.body);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut lines)
                .take(EVENT_BYTES_MAX)
                .read_until(b'\n', &mut line);
            if read.is_err() || !line.ends_with(b"\n") {
                return Err(cut());
            }
            let Some(data) = line.strip_prefix(b"data:") else {
                continue;
            };
            if call.is_cancelled() {
                return Err(NoAnswer::Told);
            }
            self.say(data);
            let json: Value = serde_json::from_slice(data).unwrap_or(Value::Null);
            if json.get("method").is_none() {
                return Ok(());
            }
        }
    }
}

/// The reason as a sentence.
fn reason(error: &CliError) -> String {
    match error {
        CliError::Own(why) => {
            let mut letters = why.chars();
            let first = letters.next().map(|c| c.to_uppercase().collect::<String>());
            format!("{}{}", first.unwrap_or_default(), letters.as_str())
        }
        CliError::Api {
            octets,
            retry_after_s,
        } => {
            let json: Value = serde_json::from_slice(octets).unwrap_or(Value::Null);
            words::of_error(&json["error"], *retry_after_s)
        }
    }
}

/// How often a request may have all of that time.
const WAITS_MAX: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long a connection may be idle. Servers close those that are idle for longer.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Octets of an event: a page of an answer with images.
const EVENT_BYTES_MAX: u64 = 16 << 20;
const ACCEPTED: &str = "application/json, text/event-stream";
/// Where clients put the key, as in the SDKs.
pub(super) const KEY_VARIABLE: &str = "POSTERN_API_KEY";
const NO_SERVER: &str = "No server runs on this folder, so no mail comes in: start one with \
                         `postern serve`, then wait again.";
