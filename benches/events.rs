//! Events to many readers: a server in its own process, and readers over plain HTTP on one thread
//! of this one. One JSON line a figure. `cargo bench --bench events [-- --quick] [name…]`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "events/bare.rs"]
mod bare;
#[path = "events/groups.rs"]
mod groups;
#[path = "events/readers.rs"]
mod readers;
mod rig;
#[path = "events/sockets.rs"]
mod sockets;
#[path = "events/upstream.rs"]
mod upstream;
#[path = "events/webhooks.rs"]
mod webhooks;

use std::collections::HashMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use readers::Readers;
use rig::{Server, Stream, message, ms, percentile};
use serde_json::json;

const SIZE: usize = 4096;

struct Scale {
    quick: bool,
}

impl Scale {
    fn of(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

type Bench = fn(&Scale);

const BENCHES: &[(&str, Bench)] = &[
    ("fan_out", fan_out),
    ("fan_out_sockets", fan_out_sockets),
    ("one_inbox", one_inbox),
    ("tree", tree),
    ("stalled", stalled),
    ("replay", replay),
    ("waits", waits),
    ("streams", streams),
    ("sockets", sockets::sockets),
    ("webhooks", webhooks::webhooks),
    ("groups", groups::groups),
    ("stalled_group", groups::stalled_group),
    ("upstream", upstream::upstream),
    ("upstream_large", upstream::upstream_large),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let scale = Scale {
        quick: args.iter().any(|a| a == "--quick"),
    };
    let names: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
    for (name, bench) in BENCHES {
        if names.is_empty() || names.iter().any(|n| n == name) {
            bench(&scale);
        }
    }
}

/// Opens streams of one inbox.
fn open(server: &Server, n: usize, path: &str) -> Readers {
    let mut readers = Readers::new();
    for _ in 0..n {
        readers.ask(server.port("http"), path, server.key());
    }
    readers.until(|r| r.ready >= n);
    readers
}

/// Sends messages to an inbox on connections of its own, as fast as they are taken.
fn deliver(server: &Server, inbox: &str, connections: usize, each: usize) {
    std::thread::scope(|scope| {
        for n in 0..connections {
            let mut sender = Sender::new(server, inbox);
            scope.spawn(move || {
                for i in 0..each {
                    sender.send(n * 1_000_000 + i);
                }
            });
        }
    });
}

/// A connection that submits messages to one inbox.
struct Sender {
    stream: Stream,
    from: String,
    to: String,
}

impl Sender {
    fn new(server: &Server, to: &str) -> Sender {
        Sender {
            stream: Stream::smtp(server, server.inbox()),
            from: server.inbox().to_owned(),
            to: to.to_owned(),
        }
    }

    /// Sends one; when the end of DATA was sent, and when the answer came, which is behind the
    /// commit.
    fn send(&mut self, n: usize) -> (Instant, Instant) {
        let s = &mut self.stream;
        let envelope = format!(
            "MAIL FROM:<{}>\r\nRCPT TO:<{}>\r\nDATA\r\n",
            self.from, self.to
        );
        s.send(envelope.as_bytes());
        s.reply("250");
        s.reply("250");
        s.reply("354");
        let mut bytes = message(&self.from, &self.to, SIZE, n);
        bytes.extend_from_slice(b".\r\n");
        let sent = Instant::now();
        s.send(&bytes);
        s.reply("250");
        (sent, Instant::now())
    }
}

/// 1,000 streams of one inbox, and mail to it as fast as it is taken: frames in a second.
fn fan_out(scale: &Scale) {
    let server = Server::start("fan-out");
    let inbox = server.make_inboxes(1).remove(0);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received");
    let streams = scale.of(1000, 500);
    let readers = open(&server, streams, &path);
    fan_out_to("fan_out", scale, (&server, &inbox), readers);
}

/// The same with WebSockets.
fn fan_out_sockets(scale: &Scale) {
    let server = Server::start("fan-out-sockets");
    let inbox = server.make_inboxes(1).remove(0);
    let mut readers = Readers::of_sockets();
    let n = scale.of(1000, 500);
    for _ in 0..n {
        readers.subscribe(server.port("http"), &inbox, server.key());
    }
    readers.until(|r| r.ready >= n);
    fan_out_to("fan_out_sockets", scale, (&server, &inbox), readers);
}

fn fan_out_to(bench: &str, scale: &Scale, (server, inbox): (&Server, &str), mut readers: Readers) {
    let streams = readers.ready;
    let (connections, each) = (8, scale.of(100, 25));
    let frames = streams * connections * each;
    let cpu = server.cpu();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| deliver(server, inbox, connections, each));
        readers.until(|r| r.received >= frames);
    });
    let wall = begin.elapsed();
    let cpu = server.cpu() - cpu;
    println!(
        "{}",
        json!({
            "bench": bench,
            "streams": streams,
            "frames": frames,
            "per_second": (frames as f64 / wall.as_secs_f64()).round(),
            "server_cpu_us": (cpu.as_secs_f64() * 1e8 / frames as f64).round() / 100.0,
        })
    );
}

/// With 1,000 streams of the inbox, from the end of DATA to the frame of each, and from the first
/// frame of a message to each. Beside it what a commit costs on this disk, and what two bare
/// threads reach on this machine.
fn one_inbox(scale: &Scale) {
    let server = Server::start("one-inbox");
    let inbox = server.make_inboxes(1).remove(0);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received");
    let streams = scale.of(1000, 200);
    let mut readers = open(&server, streams, &path);
    readers.arrivals = Some(Vec::new());
    let mut sender = Sender::new(&server, &inbox);
    let mut disk = Disk::of(&server);
    let (mut all, mut first, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..scale.of(200, 50) {
        disk.commit();
        let wanted = readers.received + streams;
        let sending = &mut sender;
        let begin = std::thread::scope(|scope| {
            let sent = scope.spawn(move || sending.send(n).0);
            readers.until(|r| r.received >= wanted);
            sent.join().unwrap()
        });
        let arrivals = readers.arrivals.as_mut().unwrap();
        let earliest = arrivals.iter().map(|(_, at)| *at).min().unwrap();
        first.push(earliest.saturating_duration_since(begin));
        for (_, at) in arrivals.drain(..) {
            all.push(at.saturating_duration_since(begin));
            behind.push(at.saturating_duration_since(earliest));
        }
    }
    let mut bare = bare::told(streams);
    println!(
        "{}",
        json!({
            "bench": "one_inbox",
            "streams": streams,
            "disk_p50_ms": ms(percentile(&mut disk.took, 0.5)),
            "first_p50_ms": ms(percentile(&mut first, 0.5)),
            "bare_p50_ms": ms(percentile(&mut bare, 0.5)),
            "bare_p99_ms": ms(percentile(&mut bare, 0.99)),
            "behind_first_p50_ms": ms(percentile(&mut behind, 0.5)),
            "behind_first_p99_ms": ms(percentile(&mut behind, 0.99)),
            "p50_ms": ms(percentile(&mut all, 0.5)),
            "p99_ms": ms(percentile(&mut all, 0.99)),
        })
    );
}

/// Writes as a commit of one message does, beside the data of a server.
struct Disk {
    file: std::fs::File,
    took: Vec<Duration>,
}

impl Disk {
    fn of(server: &Server) -> Disk {
        let file = std::fs::File::create(server.data().join("disk")).unwrap();
        Disk {
            file,
            took: Vec::new(),
        }
    }

    fn commit(&mut self) {
        let begin = Instant::now();
        self.file.write_all(&[7; COMMIT_BYTES]).unwrap();
        self.file.sync_all().unwrap();
        self.took.push(begin.elapsed());
    }
}

/// Octets that a commit of one message writes: 28 pages.
const COMMIT_BYTES: usize = 28 * 4096;

/// One watcher of a tree of 10,000 inboxes, with 500 messages a second to them.
fn tree(scale: &Scale) {
    let server = Server::start("tree");
    let inboxes = scale.of(10_000, 500);
    let mut rest = Stream::connect_plain(server.port("http"));
    let parent = server.inbox().to_owned();
    let made: Vec<String> = (0..inboxes)
        .map(|i| {
            let body = json!({"username": format!("sub{i}"), "parent": parent}).to_string();
            let json = rest.post("/api/v1/inboxes", server.key(), &body);
            json["address"]
                .as_str()
                .unwrap_or_else(|| panic!("{json}"))
                .to_owned()
        })
        .collect();
    let path = format!("/api/v1/inboxes/{parent}/watch?type=message.received");
    let mut readers = open(&server, 1, &path);
    readers.arrivals = Some(Vec::new());
    let (connections, each) = (8, scale.of(500, 60));
    let pace = Duration::from_micros(1_000_000 * connections as u64 / 500);
    let begun: HashMap<usize, (Instant, Instant)> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|n| {
                let mut sender = Sender::new(&server, &parent);
                let made = &made;
                scope.spawn(move || {
                    let mut begun = Vec::new();
                    let mut next = Instant::now() + pace * n as u32 / connections as u32;
                    for i in 0..each {
                        std::thread::sleep(next.saturating_duration_since(Instant::now()));
                        next += pace;
                        let number = n * 1_000_000 + i;
                        sender.to.clone_from(&made[(n * each + i) * 7 % made.len()]);
                        let (sent, answered) = sender.send(number);
                        begun.push((number, (sent, answered)));
                    }
                    begun
                })
            })
            .collect();
        readers.until(|r| r.received >= connections * each);
        let all = senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap());
        all.collect()
    });
    let arrivals = readers.arrivals.take().unwrap();
    let of = |since: fn(&(Instant, Instant)) -> Instant| -> Vec<Duration> {
        let took = arrivals.iter();
        took.map(|(number, at)| at.saturating_duration_since(since(&begun[number])))
            .collect()
    };
    let (mut told, mut behind) = (of(|times| times.0), of(|times| times.1));
    let mut answered: Vec<Duration> = (begun.values())
        .map(|(sent, answered)| answered.saturating_duration_since(*sent))
        .collect();
    println!(
        "{}",
        json!({
            "bench": "tree",
            "inboxes": inboxes,
            "messages": told.len(),
            "answered_p50_ms": ms(percentile(&mut answered, 0.5)),
            "answered_p99_ms": ms(percentile(&mut answered, 0.99)),
            "behind_answer_p99_ms": ms(percentile(&mut behind, 0.99)),
            "p50_ms": ms(percentile(&mut told, 0.5)),
            "p99_ms": ms(percentile(&mut told, 0.99)),
        })
    );
}

/// What 1,000 streams whose clients do not read add to memory, and to the time of a delivery.
fn stalled(scale: &Scale) {
    let server = Server::start("stalled");
    let inbox = server.make_inboxes(1).remove(0);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received");
    let streams = scale.of(1000, 200);
    let deliveries = scale.of(300, 60);
    let time = |server: &Server| -> Vec<Duration> {
        let mut sender = Sender::new(server, &inbox);
        (0..deliveries)
            .map(|n| sender.send(n).0.elapsed())
            .collect()
    };
    // What all deliveries share is there before it is counted.
    time(&server);
    let mut without = time(&server);
    let before = server.memory();
    // The system keeps some for a client; its window is small, so that the server has the rest.
    let mut readers = Readers::with_window(4096);
    for _ in 0..streams {
        readers.ask(server.port("http"), &path, server.key());
    }
    readers.until(|r| r.ready >= streams);
    let mut with = time(&server);
    let after = server.memory();
    println!(
        "{}",
        json!({
            "bench": "stalled",
            "streams": streams,
            "bytes_per_stream": after.saturating_sub(before) / streams as u64,
            "delivery_p99_ms": ms(percentile(&mut with, 0.99)),
            "delivery_p50_ms": ms(percentile(&mut with, 0.5)),
            "without_p99_ms": ms(percentile(&mut without, 0.99)),
            "without_p50_ms": ms(percentile(&mut without, 0.5)),
        })
    );
}

/// How often the same events are replayed: the figure is that in the middle.
const REPLAYS: usize = 9;

/// A stream that begins 100,000 events ago.
fn replay(scale: &Scale) {
    let server = Server::start("replay");
    let inbox = server.make_inboxes(1).remove(0);
    let connections = 32;
    let events = scale.of(100_000, 6_400);
    deliver(&server, &inbox, connections, events / connections);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received&since=0");
    let (mut took, mut used) = (Vec::new(), Vec::new());
    for _ in 0..scale.of(REPLAYS, 1) {
        let cpu = server.cpu();
        let begin = Instant::now();
        let mut readers = Readers::new();
        readers.ask(server.port("http"), &path, server.key());
        readers.until(|r| r.received >= events);
        took.push(begin.elapsed());
        used.push(server.cpu() - cpu);
    }
    let (wall, cpu) = (percentile(&mut took, 0.5), percentile(&mut used, 0.5));
    println!(
        "{}",
        json!({
            "bench": "replay",
            "events": events,
            "per_second": (events as f64 / wall.as_secs_f64()).round(),
            "server_cpu_us": (cpu.as_secs_f64() * 1e8 / events as f64).round() / 100.0,
        })
    );
}

/// Requests that wait for a message: the memory of each, and how soon all have the message.
fn waits(scale: &Scale) {
    let server = Server::start("waits");
    let inbox = server.make_inboxes(1).remove(0);
    let path = format!("/api/v1/inboxes/{inbox}/messages/wait?timeout=300");
    let n = scale.of(10_000, 1000);
    let mut warm = Readers::new();
    (0..100).for_each(|_| warm.ask(server.port("http"), &path, server.key()));
    settle(&server, 100);
    let before = server.memory();
    let mut readers = Readers::new();
    (0..n).for_each(|_| readers.ask(server.port("http"), &path, server.key()));
    settle(&server, n as u64 + 100);
    let after = server.memory();
    let begin = Instant::now();
    Sender::new(&server, &inbox).send(1);
    readers.until(|r| r.answers >= n);
    println!(
        "{}",
        json!({
            "bench": "waits",
            "waits": n,
            "bytes_each": after.saturating_sub(before) / n as u64,
            "all_answered_ms": ms(begin.elapsed()),
        })
    );
}

/// Waits until so many subscriptions are open.
fn settle(server: &Server, subscriptions: u64) {
    for _ in 0..600 {
        if server.metric("postern_subscriptions_open") >= subscriptions {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!(
        "{} subscriptions",
        server.metric("postern_subscriptions_open")
    );
}

/// Memory of idle streams over TLS 1.3: 18,000, or as many as this process may have sockets.
fn streams(scale: &Scale) {
    let server = Server::start("streams");
    let wanted = scale.of(18_000, 1000);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    // The client's end has two descriptors a stream.
    let n = wanted.min(limit.unwrap_or(u64::MAX) as usize / 2 - 200);
    let path = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n";
    let request = format!("{path}Authorization: Bearer {}\r\n\r\n", server.key());
    let open = || {
        let mut s = Stream::connect(&server, "https");
        s.send(request.as_bytes());
        while !s.line().starts_with("event: ready") {}
        while !s.line().is_empty() {}
        s
    };
    let warm: Vec<Stream> = (0..100).map(|_| open()).collect();
    let before = server.memory();
    let held: Vec<Stream> = (0..n).map(|_| open()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let after = server.memory();
    assert_eq!(server.metric("postern_streams_open"), n as u64 + 100);
    println!(
        "{}",
        json!({"bench": "streams", "streams": n, "bytes_per_stream": after.saturating_sub(before) / n as u64})
    );
    drop((warm, held));
}
