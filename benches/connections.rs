//! The figures of the README: a release server in its own process, clients over TLS 1.3 on
//! the same machine, one JSON line a figure. `cargo bench --bench connections [-- --quick]
//! [name…]`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::{Duration, Instant};

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
    ("rest", rest),
    ("submission", submission),
    ("filter", filter),
    ("handshake", handshake),
    ("append", append),
    ("import", import),
    ("fetch", fetch),
    ("idle_imap", idle_imap),
    ("idle_sse", idle_sse),
    ("latency", latency),
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

/// Memory at rest, start until listening, size of the binary.
fn rest(_: &Scale) {
    let server = Server::start("rest");
    std::thread::sleep(Duration::from_millis(500));
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_postern"))
        .unwrap()
        .len();
    println!(
        "{}",
        json!({"bench": "rest", "memory_mib": server.memory() as f64 / 1048576.0, "binary_mb": binary as f64 / 1e6, "first_start_ms": ms(server.start)})
    );
}

/// Durable 4 KiB submissions from an inbox to itself: a copy in INBOX, one in Sent.
fn submission(scale: &Scale) {
    let counts: &[usize] = if scale.quick {
        &[64]
    } else {
        &[1, 8, 32, 64, 128]
    };
    for &connections in counts {
        let server = Server::start("submission");
        let inboxes = server.make_inboxes(8);
        let each = scale
            .of(24_000, 4_000)
            .div_ceil(connections)
            .clamp(20, 2000);
        let (wall, cpu) = submit(&server, &inboxes, connections, each);
        figure("submission", connections, each * connections, wall, cpu);
    }
}

/// Sends `each` messages on each of `connections`, from each inbox to itself.
fn submit(
    server: &Server,
    inboxes: &[String],
    connections: usize,
    each: usize,
) -> (Duration, Duration) {
    measure(server, connections, |n| {
        let inbox = inboxes[n % inboxes.len()].clone();
        let mut s = Stream::smtp(server, &inbox);
        move || {
            let envelope =
                format!("MAIL FROM:<{inbox}> SIZE={SIZE}\r\nRCPT TO:<{inbox}>\r\nDATA\r\n");
            s.send(envelope.as_bytes());
            for i in 0..each {
                s.reply("250");
                s.reply("250");
                s.reply("354");
                let mut bytes = message(&inbox, &inbox, SIZE, n * 1_000_000 + i);
                bytes.extend_from_slice(b".\r\n");
                bytes.extend_from_slice(if i + 1 < each {
                    envelope.as_bytes()
                } else {
                    b"QUIT\r\n"
                });
                s.send(&bytes);
                s.reply("250");
            }
        }
    })
}

/// The same submissions without the filter, with it, and with it and 50 rules that no message
/// meets, in turns. The last line has the share of the rate that the filter takes.
fn filter(scale: &Scale) {
    let config = std::env::temp_dir().join(format!("postern-filter-{}.toml", std::process::id()));
    let kinds = [
        ("filter_off", false, 0),
        ("filter_on", true, 0),
        ("filter_on_50_rules", true, 50),
    ];
    let mut servers = kinds.map(|(name, is_on, rules)| {
        std::fs::write(&config, format!("[filter]\nenabled = {is_on}\n")).unwrap();
        let words = ["--no-limits", "--config", config.to_str().unwrap()];
        let server = Server::start_with(name, &words);
        let inboxes = server.make_inboxes(8);
        make_rules(&server, rules);
        (name, server, inboxes, [Duration::ZERO; 2])
    });
    std::fs::remove_file(&config).unwrap();
    let (connections, each) = (64, 24);
    let rounds = scale.of(16, 5);
    // The first round fills the caches.
    for round in 0..=rounds {
        for (_, server, inboxes, [wall, cpu]) in &mut servers {
            let (took, used) = submit(server, inboxes, connections, each);
            if round > 0 {
                (*wall, *cpu) = (*wall + took, *cpu + used);
            }
        }
    }
    for (name, _, _, [wall, cpu]) in &servers {
        let n = connections * each * rounds;
        figure(name, connections, n, *wall, *cpu);
    }
    let [off, on, _] = servers.map(|(_, _, _, [wall, _])| wall.as_secs_f64());
    let fall = (1.0 - off / on) * 100.0;
    println!(
        "{}",
        json!({"bench": "filter", "rate_falls_by_percent": (fall * 10.0).round() / 10.0})
    );
}

/// Rules of the organization about the header and the body.
fn make_rules(server: &Server, count: usize) {
    let mut stream = Stream::connect_plain(server.port("http"));
    for n in 0..count {
        let field = ["from", "subject", "body", "to", "body"][n % 5];
        let condition = json!({"field": field, "op": "contains", "value": format!("word {n}")});
        let rule =
            json!({"name": format!("rule {n}"), "when": {"all": [condition]}, "then": ["flag"]});
        let made = stream.post("/api/v1/rules", server.key(), &rule.to_string());
        assert!(made["id"].is_string(), "{made}");
    }
}

/// Connect, full TLS handshake, LOGIN, LOGOUT, one after the other.
fn handshake(scale: &Scale) {
    let server = Server::start("handshake");
    let n = scale.of(2000, 300);
    let (wall, cpu) = measure(&server, 2, |_| {
        let (server, inbox) = (&server, server.inbox().to_string());
        move || {
            for _ in 0..n {
                let mut s = Stream::imap(server, &inbox, false);
                s.send(b"z LOGOUT\r\n");
                s.ok("z");
            }
        }
    });
    figure("handshake_login", 2, n * 2, wall, cpu);
}

/// Durable APPEND of 4 KiB, LITERAL+.
fn append(scale: &Scale) {
    let server = Server::start("append");
    let inboxes = server.make_inboxes(8);
    let connections = 32;
    let each = scale.of(600, 100);
    let (wall, cpu) = measure(&server, connections, |n| {
        let inbox = inboxes[n % inboxes.len()].clone();
        let mut s = Stream::imap(&server, &inbox, false);
        move || {
            for i in 0..each {
                let text = message(&inbox, &inbox, SIZE, n * 1_000_000 + i);
                let mut bytes = format!("c APPEND INBOX {{{}+}}\r\n", text.len()).into_bytes();
                bytes.extend_from_slice(&text);
                bytes.extend_from_slice(b"\r\n");
                s.send(&bytes);
                s.ok("c");
            }
        }
    });
    figure("append", connections, each * connections, wall, cpu);
}

/// `postern import` of an mbox file of messages of 4 KiB, with a key, then the same file again,
/// then `postern export`. The time is that of the whole command, its client included.
fn import(scale: &Scale) {
    let server = Server::start("import");
    let folder = std::env::temp_dir().join(format!("postern-import-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, copy) = (folder.join("in.mbox"), folder.join("out.mbox"));
    let n = scale.of(50_000, 5_000);
    let mut mail = Vec::with_capacity(n * (SIZE + 64));
    for i in 0..n {
        mail.extend_from_slice(b"From a@bench.test Thu Jan  1 00:00:10 2015\n");
        mail.extend(
            message("a@bench.test", server.inbox(), SIZE, i)
                .iter()
                .filter(|b| **b != b'\r'),
        );
        mail.extend_from_slice(b"\n");
    }
    std::fs::write(&file, mail).unwrap();
    for (name, words) in [
        ("import", ["import", "mbox", file.to_str().unwrap()]),
        ("import_again", ["import", "mbox", file.to_str().unwrap()]),
        ("export", ["export", "mbox", copy.to_str().unwrap()]),
    ] {
        let (begin, cpu) = (Instant::now(), server.cpu());
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_postern"))
            .args(["--url", server.ready["http"].as_str().unwrap()])
            .args(["--key", server.key(), "--json"])
            .args(words)
            .args(["--inbox", server.inbox(), "--folder", "INBOX"])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        figure(name, 1, n, begin.elapsed(), server.cpu() - cpu);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// FETCH BODY.PEEK[] of one message at a time, and of a range of 1,000.
fn fetch(scale: &Scale) {
    let server = Server::start("fetch");
    let inbox = server.inbox().to_string();
    let mut s = Stream::imap(&server, &inbox, false);
    for i in 0..1000 {
        let text = message(&inbox, &inbox, SIZE, i);
        s.send(format!("c APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
        s.send(&text);
        s.send(b"\r\n");
        s.ok("c");
    }
    let rounds = scale.of(10, 2);
    let (wall, cpu) = measure(&server, 1, |_| {
        let mut s = Stream::imap(&server, &inbox, true);
        move || {
            for i in 0..1000 * rounds {
                s.send(format!("d FETCH {} BODY.PEEK[]\r\n", i % 1000 + 1).as_bytes());
                s.ok("d");
            }
        }
    });
    figure("fetch_one", 1, 1000 * rounds, wall, cpu);
    let (wall, cpu) = measure(&server, 1, |_| {
        let mut s = Stream::imap(&server, &inbox, true);
        move || {
            for _ in 0..rounds * 5 {
                s.send(b"d FETCH 1:1000 BODY.PEEK[]\r\n");
                s.ok("d");
            }
        }
    });
    figure("fetch_range", 1, 5000 * rounds, wall, cpu);
}

/// Memory of an idle TLS connection in IMAP IDLE.
fn idle_imap(scale: &Scale) {
    let server = Server::start("idle-imap");
    let n = scale.of(10_000, 1000);
    let inbox = server.inbox().to_string();
    idle(&server, "idle_imap", n, || {
        let mut s = Stream::imap(&server, &inbox, true);
        s.send(b"i IDLE\r\n");
        assert!(s.line().starts_with('+'));
        s
    });
}

/// Memory of an idle TLS connection with an event stream.
fn idle_sse(scale: &Scale) {
    let server = Server::start("idle-sse");
    let n = scale.of(10_000, 1000);
    idle(&server, "idle_sse", n, || sse(&server));
}

fn idle(server: &Server, name: &str, n: usize, open: impl Fn() -> Stream) {
    // The first connections also fill what all share: caches, statements, buffers.
    let warm: Vec<Stream> = (0..100).map(|_| open()).collect();
    let before = server.memory();
    let held: Vec<Stream> = (0..n).map(|_| open()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let after = server.memory();
    println!(
        "{}",
        json!({"bench": name, "connections": n, "bytes_per_connection": (after.saturating_sub(before)) / n as u64, "memory_mib": after as f64 / 1048576.0})
    );
    drop((warm, held));
}

fn sse(server: &Server) -> Stream {
    let mut s = Stream::connect(server, "https");
    s.send(
        format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\r\n",
            server.key()
        )
        .as_bytes(),
    );
    while !s.line().starts_with("event: ready") {}
    while !s.line().is_empty() {}
    s
}

/// From the end of DATA until `* EXISTS`, and until the SSE frame.
fn latency(scale: &Scale) {
    let server = Server::start("latency");
    let inbox = server.inbox().to_string();
    let n = scale.of(1000, 200);
    for name in ["exists", "sse"] {
        let mut watcher = if name == "sse" {
            sse(&server)
        } else {
            let mut s = Stream::imap(&server, &inbox, true);
            s.send(b"i IDLE\r\n");
            s.line();
            s
        };
        let mut sender = Stream::smtp(&server, &inbox);
        let mut samples = Vec::new();
        for i in 0..n {
            sender.send(format!("MAIL FROM:<{inbox}>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n").as_bytes());
            sender.reply("250");
            sender.reply("250");
            sender.reply("354");
            let mut bytes = message(&inbox, &inbox, SIZE, i);
            bytes.extend_from_slice(b".\r\n");
            let begin = Instant::now();
            sender.send(&bytes);
            loop {
                let line = watcher.line();
                if line.ends_with(" EXISTS") || line.starts_with("event: message.received") {
                    break;
                }
            }
            samples.push(begin.elapsed());
            sender.reply("250");
            // Without this pause the figure would be the length of the queue.
            std::thread::sleep(Duration::from_millis(1));
        }
        println!(
            "{}",
            json!({"bench": format!("delivery_to_{name}"), "messages": n, "p50_ms": ms(percentile(&mut samples, 0.5)), "p99_ms": ms(percentile(&mut samples, 0.99))})
        );
    }
}

/// Opens `connections`, then runs them all at once. It gives the wall time and the processor
/// time of the server for the run, without the time for opening.
fn measure<'a, R: FnOnce() + Send + 'a>(
    server: &Server,
    connections: usize,
    mut open: impl FnMut(usize) -> R,
) -> (Duration, Duration) {
    let runs: Vec<R> = (0..connections).map(&mut open).collect();
    let cpu = server.cpu();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for run in runs {
            scope.spawn(run);
        }
    });
    (begin.elapsed(), server.cpu() - cpu)
}

fn figure(name: &str, connections: usize, n: usize, wall: Duration, cpu: Duration) {
    println!(
        "{}",
        json!({
            "bench": name,
            "connections": connections,
            "operations": n,
            "per_second": (n as f64 / wall.as_secs_f64()).round(),
            "server_cpu_us": (cpu.as_secs_f64() * 1e7 / n as f64).round() / 10.0,
        })
    );
}
