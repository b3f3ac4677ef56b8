//! `postern mcp`: MCP over standard input and output, for clients that start a program. Each line
//! is a message of JSON-RPC. It carries requests to `POST /mcp` of a server, or to the engine over
//! the folder, and what is answered back.
//!
//! `message.rs` reads a line and makes the header fields that belong to it, `carry.rs` takes one
//! request to its answer, `config.rs` prints what a client needs to start this or to ask the server
//! itself. The rule: nothing but messages goes to standard output.

mod carry;
mod config;
mod message;

pub use config::{McpConfigCommand, mcp_config};

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::api::ApiSender;
use super::endpoint::{Endpoint, Stream};
use super::{Cli, CliError};
use message::{StdioLine, StdioMessage};

/// `postern mcp`
#[derive(Args, Debug)]
pub struct McpCommand {
    /// A file with the API key [default: POSTERN_API_KEY, else the operator's token of the folder]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// How long a call waits for a server that has gone
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=3600))]
    patience: u64,
}

/// What the requests of one client share.
struct Bridge<'a> {
    cli: &'a Cli,
    key_file: Option<PathBuf>,
    /// How long a server that has answered before may take to come back.
    patience: Duration,
    /// Known from the first request on that found it.
    sender: Mutex<Option<ApiSender>>,
    /// The revision that a legacy client has agreed on.
    version: Mutex<Option<String>>,
    /// The server of `--url`, once its certificates have been read.
    elsewhere: Mutex<Option<Endpoint>>,
    /// One request at a time has the lock of the folder.
    folder: Mutex<()>,
    /// Connections that wait for the next request.
    idle: Mutex<Vec<IdleConnection>>,
    under_way: Mutex<HashMap<String, Arc<CallState>>>,
    is_done: Condvar,
    /// Something was answered before: a server that is gone may come back.
    has_answered: AtomicBool,
    /// There was a server on the folder. While it is gone the folder is left alone: it could not
    /// start again while this has the lock.
    is_served: AtomicBool,
    /// The client has closed standard input.
    ends: AtomicBool,
}

/// A connection without a request.
struct IdleConnection {
    stream: Box<dyn Stream>,
    socket: TcpStream,
    authority: String,
    since: Instant,
}

/// A request that is under way.
#[derive(Default)]
struct CallState {
    is_cancelled: AtomicBool,
    /// Its answer comes as a stream, so it may take long.
    streams: AtomicBool,
    socket: Mutex<Option<TcpStream>>,
}

impl CallState {
    /// Ends its connection, which cancels what the server does for it.
    fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
        if let Some(socket) = lock(&self.socket).take() {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}

/// Carries out `postern mcp`.
pub fn mcp(cli: &Cli, command: &McpCommand) -> Result<ExitCode, CliError> {
    let bridge = Bridge {
        cli,
        key_file: command.key_file.clone(),
        patience: Duration::from_secs(command.patience),
        sender: Mutex::default(),
        version: Mutex::default(),
        elsewhere: Mutex::default(),
        folder: Mutex::default(),
        idle: Mutex::default(),
        under_way: Mutex::default(),
        is_done: Condvar::new(),
        has_answered: AtomicBool::new(false),
        is_served: AtomicBool::new(false),
        ends: AtomicBool::new(false),
    };
    let mut input = std::io::stdin().lock();
    std::thread::scope(|scope| {
        let mut line = Vec::new();
        loop {
            line.clear();
            match read_line(&mut input, &mut line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(CliError::from(error)),
            }
            match message::read(&line) {
                StdioLine::Nothing => {}
                StdioLine::Cancel(id) => {
                    if let Some(call) = lock(&bridge.under_way).get(&id) {
                        call.cancel();
                    }
                }
                StdioLine::Refused(why) => bridge.say_error(&Value::Null, INVALID, why),
                StdioLine::Request(message) => match bridge.begin(&message) {
                    // What follows depends on the revision that is agreed on.
                    Some(call) if message.method == "initialize" => {
                        bridge.carry(&message, &call);
                        bridge.end(&message, &call);
                    }
                    Some(call) => {
                        let bridge = &bridge;
                        scope.spawn(move || {
                            bridge.carry(&message, &call);
                            bridge.end(&message, &call);
                        });
                    }
                    None => bridge.say_error(&message.id, INTERNAL, BUSY),
                },
            }
        }
        bridge.finish();
        Ok(ExitCode::SUCCESS)
    })
}

/// Reads a line of at most [`LINE_BYTES_MAX`] octets and its end; the rest of a longer one is
/// passed over, and its one octet too many tells it. `false` at the end.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    let max = LINE_BYTES_MAX as u64 + 1;
    if input.by_ref().take(max).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() as u64 == max && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

impl Bridge<'_> {
    /// Notes that a request is under way; `None` where there are too many.
    fn begin(&self, message: &StdioMessage) -> Option<Arc<CallState>> {
        let mut all = lock(&self.under_way);
        if all.len() >= UNDER_WAY_MAX {
            return None;
        }
        let call = Arc::new(CallState::default());
        all.insert(message.id.to_string(), Arc::clone(&call));
        Some(call)
    }

    fn end(&self, message: &StdioMessage, call: &Arc<CallState>) {
        let mut all = lock(&self.under_way);
        let id = message.id.to_string();
        // Another one may have the same id.
        if all.get(&id).is_some_and(|known| Arc::ptr_eq(known, call)) {
            all.remove(&id);
        }
        self.is_done.notify_all();
    }

    /// The client has gone: nothing that waits goes on, the rest has a moment.
    fn finish(&self) {
        self.ends.store(true, Ordering::Relaxed);
        let mut all = lock(&self.under_way);
        for call in all
            .values()
            .filter(|call| call.streams.load(Ordering::Relaxed))
        {
            call.cancel();
        }
        let until = Instant::now() + LAST_ANSWERS;
        while !all.is_empty() && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            let waited = self.is_done.wait_timeout(all, left);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        for call in all.values() {
            call.cancel();
        }
    }

    /// Writes a message to the client. JSON has a line end between its values alone.
    fn say(&self, message: &[u8]) {
        let mut line: Vec<u8> = message.trim_ascii().to_vec();
        for octet in &mut line {
            if matches!(octet, b'\r' | b'\n') {
                *octet = b' ';
            }
        }
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
            // Without a reader there is nothing left to do.
            std::process::exit(0);
        }
    }

    fn say_error(&self, id: &Value, code: i32, why: &str) {
        let mut error = json!({"jsonrpc": "2.0", "error": {"code": code, "message": why}});
        if !id.is_null() {
            error["id"] = id.clone();
        }
        self.say(error.to_string().as_bytes());
    }
}

/// A thread that has panicked leaves values that are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests under way at once. A model makes some calls at a time; each is a thread here.
const UNDER_WAY_MAX: usize = 64;
/// Octets of a message: what the server takes as a body.
const LINE_BYTES_MAX: usize = 1 << 20;
/// How long requests may still take when the client has closed standard input.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// JSON-RPC 2.0 section 5.1: no valid request; an error within.
const INVALID: i32 = -32600;
const INTERNAL: i32 = -32603;
const BUSY: &str = "64 requests are under way. Wait for one of them, then call again.";
