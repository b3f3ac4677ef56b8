//! Requests over HTTP by many connections, as fast as they are answered.
//!
//! The clients run on the cores of the server, so `per_second` is what both do together;
//! `server_cpu_us` is the processor time of all threads of the server alone, for each request, and
//! `client_cpu_us` that of this program.
//! Every client thread has several connections with one request under way on each.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Server, Stream, message};

/// The clock of a program in `/proc`.
const TICK_MS: u64 = 10;
/// Octets of a message that is read.
const SIZE: usize = 4096;
/// Messages in the inbox that is read.
const MESSAGES: usize = 1000;
/// Rounds before the clock begins: caches, statements and keys are then known.
const WARM_ROUNDS: usize = 20;

/// The octets of a request, for the connection of that number, in that round.
pub type Request<'a> = &'a (dyn Fn(usize, usize) -> Vec<u8> + Sync);

/// Runs one figure, whose answers have this status, and prints it.
pub fn measure(
    server: &Server,
    (name, status): (&str, &str),
    (threads, connections): (usize, usize),
    rounds: usize,
    request: Request<'_>,
) {
    let mut clients: Vec<Client<'_>> = (0..threads)
        .map(|n| Client::new(server, n * connections, connections, request))
        .collect();
    for client in &mut clients {
        client.run(0..WARM_ROUNDS, status);
    }
    let (cpu, own, begin) = (server.cpu(), own_cpu(), Instant::now());
    std::thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(move || client.run(WARM_ROUNDS..WARM_ROUNDS + rounds, status));
        }
    });
    let wall = begin.elapsed();
    let (cpu, own) = (server.cpu() - cpu, own_cpu() - own);
    let n = threads * connections * rounds;
    let figure = json!({
        "bench": name,
        "connections": threads * connections,
        "operations": n,
        "per_second": (n as f64 / wall.as_secs_f64()).round(),
        "server_cpu_us": (cpu.as_secs_f64() * 1e7 / n as f64).round() / 10.0,
        "client_cpu_us": (own.as_secs_f64() * 1e7 / n as f64).round() / 10.0,
    });
    println!("{figure}");
}

/// The processor time of this program, with that of its threads that have ended.
fn own_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields 14 and 15, counted behind the name, which may have spaces (proc_pid_stat(5)).
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks = fields.skip(11).take(2).map(|n| n.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * TICK_MS)
}

/// The connections of one thread.
struct Client<'a> {
    first: usize,
    streams: Vec<Stream>,
    request: Request<'a>,
}

impl<'a> Client<'a> {
    fn new(server: &Server, first: usize, connections: usize, request: Request<'a>) -> Client<'a> {
        let open = |_| Stream::connect(server, "https");
        let streams = (0..connections).map(open).collect();
        Client {
            first,
            streams,
            request,
        }
    }

    /// Sends a request on every connection, then reads every answer, and begins anew.
    fn run(&mut self, rounds: core::ops::Range<usize>, status: &str) {
        for round in rounds {
            for (n, stream) in self.streams.iter_mut().enumerate() {
                stream.send(&(self.request)(self.first + n, round));
            }
            for stream in &mut self.streams {
                let (line, body) = stream.http_answer().unwrap();
                let body = String::from_utf8_lossy(&body);
                assert!(line.split(' ').nth(1) == Some(status), "{line} {body}");
                assert!(!body.contains("\"isError\":true"), "{body}");
            }
        }
    }
}

/// Fills the first inbox with messages that are read, and gives their ids.
pub fn fill(server: &Server) -> Vec<String> {
    let inbox = server.inbox();
    let mut s = Stream::imap(server, inbox, false);
    for i in 0..MESSAGES {
        let text = message(inbox, inbox, SIZE, i);
        s.send(format!("c APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
        s.send(&text);
        s.send(b"\r\n");
        s.ok("c");
    }
    let mut s = Stream::connect(server, "https");
    let target = format!("/api/v1/inboxes/{inbox}/messages?limit=100");
    let (_, body) = s.get(&target, server.key()).unwrap();
    let page: Value = serde_json::from_slice(&body).unwrap();
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    page["data"].as_array().unwrap().iter().map(id).collect()
}
