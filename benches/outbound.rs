//! Mail to other servers: a release server in its own process, and a mail server, silent servers
//! and a name server in this one. One JSON line a figure. `cargo bench --bench outbound [--
//! --quick] [name…]`.
//!
//! The other side runs on the same cores, so the rate is that of both; `server_cpu_us` is of the
//! server alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "outbound/sink.rs"]
mod outside;
mod rig;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use outside::Outside;
use postern::testing::call::{Now, OrgId, OutboundId, OutboundStatus};
use postern::testing::crypto::{Random, SigningAlgorithm, SigningKey};
use postern::testing::mail::Headers;
use postern::testing::mail::auth::dkim::{BodyHash, DkimSigner, SelectorKey};
use postern::testing::store::{
    Backlog, NewOutbound, OutboundContent, Role, SmtpJob, Store, WRITER_COPIES_AT,
};
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
    ("signing", signing),
    ("deliveries", deliveries),
    ("latency", latency),
    ("silent", silent),
    ("queued", queued),
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

/// A server that sends to `outside`.
fn server(name: &str, outside: &Outside) -> Server {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("bench-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, outside.config()).unwrap();
    let path = path.to_str().unwrap();
    Server::start_with(name, &["--no-limits", "--config", path])
}

/// The two signatures of a message of 4 KiB, and each of them alone.
fn signing(scale: &Scale) {
    let mut random = Random::seeded(1);
    let mut key = |algorithm| SelectorKey {
        selector: "s1".to_owned(),
        key: SigningKey::generate(algorithm, &mut random).unwrap(),
    };
    let text = message("bot@bench.test", "x@good.test", SIZE, 1);
    let (header, body) = text.split_at(Headers::parse(&text).body_start());
    let n = scale.of(1000, 100);
    for (name, algorithms) in [
        ("rsa", &[SigningAlgorithm::Rsa][..]),
        ("ed25519", &[SigningAlgorithm::Ed25519]),
        ("both", &[SigningAlgorithm::Rsa, SigningAlgorithm::Ed25519]),
    ] {
        let signer = DkimSigner {
            domain: "bench.test".to_owned(),
            keys: algorithms.iter().map(|one| key(*one)).collect(),
        };
        let begin = Instant::now();
        for at in 0..n {
            let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
            hash.push(body);
            let signed = signer.sign(header, &hash.finish().0, at as i64);
            assert!(!signed.is_empty());
        }
        let us = begin.elapsed().as_secs_f64() * 1e6 / n as f64;
        println!(
            "{}",
            json!({"bench": "signing", "keys": name, "us": (us * 10.0).round() / 10.0})
        );
    }
}

/// From the queue to a mail server over TLS on 16 connections that are used again. First each
/// message has one recipient and is signed for it, then it has fifty and is signed once.
fn deliveries(scale: &Scale) {
    for recipients in [1, 50] {
        let outside = Outside::start();
        let server = server("deliveries", &outside);
        let n = scale.of(20_000, 2_000);
        fill(&server, n, recipients);
        let before = server.cpu();
        let begin = Instant::now();
        outside.open();
        let end = outside.wait(n, Duration::from_secs(120));
        let wall = end - begin;
        // The last reports are stored.
        std::thread::sleep(Duration::from_millis(300));
        let cpu = server.cpu() - before;
        let (connections, handshakes) = outside.connections();
        println!(
            "{}",
            json!({
                "bench": "deliveries",
                "recipients_of_a_message": recipients,
                "connections": connections,
                "handshakes": handshakes,
                "deliveries": n,
                "per_second": (n as f64 / wall.as_secs_f64()).round(),
                "server_cpu_us": (cpu.as_secs_f64() * 1e7 / n as f64).round() / 10.0,
            })
        );
    }
}

/// Queues recipients at four domains, while the mail server does not greet.
fn fill(server: &Server, n: usize, recipients: usize) {
    const SENDERS: usize = 8;
    let inboxes = server.make_inboxes(SENDERS);
    let each = n / recipients / SENDERS;
    std::thread::scope(|scope| {
        for (sender, inbox) in inboxes.iter().enumerate() {
            scope.spawn(move || {
                let mut s = Stream::smtp(server, inbox);
                for i in 0..each {
                    let to = (0..recipients)
                        .map(|r| format!("u{sender}.{i}.{r}@d{}.good.test", (i + r) % 4));
                    submit(
                        &mut s,
                        inbox,
                        &to.collect::<Vec<_>>(),
                        sender * 1_000_000 + i,
                    );
                }
            });
        }
    });
}

/// Submits a message of 4 KiB; when its last octet was given to the system.
fn submit(s: &mut Stream, from: &str, to: &[String], n: usize) -> Instant {
    let mut text = format!("MAIL FROM:<{from}>\r\n");
    for to in to {
        text += &format!("RCPT TO:<{to}>\r\n");
    }
    text += "DATA\r\n";
    s.send(text.as_bytes());
    (0..=to.len()).for_each(|_| drop(s.reply("250")));
    s.reply("354");
    let mut octets = message(from, &to[0], SIZE, n);
    octets.extend_from_slice(b".\r\n");
    let begin = Instant::now();
    s.send(&octets);
    s.reply("250");
    begin
}

/// From the last octet of a submission until the idle mail server has the last octet: over a
/// connection that is there.
fn latency(scale: &Scale) {
    let outside = Outside::start();
    outside.open();
    let server = server("latency", &outside);
    let inbox = server.inbox().to_string();
    let mut s = Stream::smtp(&server, &inbox);
    let n = scale.of(1000, 100);
    let mut samples = Vec::new();
    for i in 0..n {
        let begin = submit(&mut s, &inbox, &["x@d0.good.test".to_owned()], i);
        let end = outside.wait(i + 1, Duration::from_secs(60));
        // The first makes the connection.
        if i > 0 {
            samples.push(end - begin);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    println!(
        "{}",
        json!({
            "bench": "submission_to_delivered",
            "messages": samples.len(),
            "p50_ms": ms(percentile(&mut samples, 0.5)),
            "p99_ms": ms(percentile(&mut samples, 0.99)),
        })
    );
}

/// A message to a new domain, beside mail to thousands of domains of which one half has no name
/// server that answers and the other half no mail server that does.
fn silent(scale: &Scale) {
    let outside = Outside::start();
    outside.open();
    let server = server("silent", &outside);
    let inbox = server.inbox().to_string();
    let domains = scale.of(10_000, 1_000);
    let mut s = Stream::smtp(&server, &inbox);
    let mut alone = new_domains(&outside, (&mut s, &inbox), Duration::from_secs(4));
    for first in (0..domains).step_by(100) {
        let to = (first..first + 100).map(|n| match n % 2 {
            0 => format!("x@d{n}.silent.test"),
            _ => format!("x@d{n}.dead.test"),
        });
        submit(&mut s, &inbox, &to.collect::<Vec<_>>(), first);
    }
    let length = Duration::from_secs(scale.of(70, 8) as u64);
    let mut samples = new_domains(&outside, (&mut s, &inbox), length);
    println!(
        "{}",
        json!({
            "bench": "beside_silent_domains",
            "domains": domains,
            "connections": server.metric("postern_outbound_connections"),
            "messages": samples.len(),
            "p50_alone_ms": ms(percentile(&mut alone, 0.5)),
            "p99_alone_ms": ms(percentile(&mut alone, 0.99)),
            "p50_ms": ms(percentile(&mut samples, 0.5)),
            "p99_ms": ms(percentile(&mut samples, 0.99)),
            "max_ms": ms(percentile(&mut samples, 1.0)),
        })
    );
}

/// Sends a message to a new domain again and again: how long each took to the mail server.
fn new_domains(
    outside: &Outside,
    (s, inbox): (&mut Stream, &str),
    length: Duration,
) -> Vec<Duration> {
    let begin = Instant::now();
    let mut samples = Vec::new();
    while begin.elapsed() < length {
        let n = outside.taken();
        let sent = submit(s, inbox, &[format!("x@h{n}.good.test")], n);
        samples.push(outside.wait(n + 1, Duration::from_secs(60)) - sent);
        std::thread::sleep(Duration::from_millis(200));
    }
    samples
}

/// Start and memory beside a million recipients that wait for another attempt.
fn queued(scale: &Scale) {
    let outside = Outside::start();
    let server = server("queued", &outside);
    let inbox = server.inbox().to_string();
    let mut s = Stream::smtp(&server, &inbox);
    submit(&mut s, &inbox, &["x@d0.later.test".to_owned()], 0);
    drop(s);
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.metric("postern_outbound_deferred_total") > 0);
    // One start before, with the one recipient.
    let server = server.restart(|_| {});
    let (start, memory) = at_rest(&server);
    let rows = scale.of(1_000_000, 50_000);
    let server = server.restart(|folder| defer(folder, rows));
    let (start_full, memory_full) = at_rest(&server);
    let mib = |octets: u64| (octets as f64 / 104_857.6).round() / 10.0;
    println!(
        "{}",
        json!({
            "bench": "queued",
            "rows": rows,
            "start_ms": ms(start_full),
            "start_without_ms": ms(start),
            "memory_mib": mib(memory_full),
            "more_memory_mib": mib(memory_full) - mib(memory),
        })
    );
}

fn at_rest(server: &Server) -> (Duration, u64) {
    std::thread::sleep(Duration::from_secs(3));
    (server.start, server.memory())
}

/// Copies the one recipient that waits: `rows` of them, at ten thousand domains.
fn defer(folder: &std::path::Path, rows: usize) {
    const DOMAINS: usize = 10_000;
    let store = Store::open(folder, Role::Writer, 1).unwrap();
    let now_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64;
    let now = Now {
        mono_ms: 0,
        unix_ms: now_ms,
    };
    let org = store.orgs(OrgId(0), 1).unwrap().remove(0).0.id;
    let page = store.outbound_page(org, OutboundId(0), 1);
    let row = page.unwrap().remove(0);
    for first in (0..rows).step_by(10_000) {
        store.begin().unwrap();
        for n in first..rows.min(first + 10_000) {
            let domain = format!("d{}.later.test", n % DOMAINS);
            let envelope = SmtpJob {
                recipient: format!("u{n}@{domain}"),
                ..row.envelope.clone()
            };
            let body = row.body.unwrap();
            let due_at = now_ms + 3_600_000 + (n % DOMAINS) as i64;
            let new = NewOutbound {
                org: row.org,
                inbox: row.inbox,
                entry: row.entry,
                body,
                domain: &domain,
                envelope: &envelope,
                metadata: None,
                content: OutboundContent::default(),
                status: OutboundStatus::Deferred,
                due_at,
                expires_at: row.expires_at,
                late_at: row.expires_at,
                holds: 0,
            };
            store.queue_outbound(now, &new).unwrap();
            if n < DOMAINS {
                let backlog = Backlog {
                    org: row.org,
                    domain,
                };
                store.set_backlog(&backlog, due_at).unwrap();
            }
        }
        store.commit().unwrap();
        if let Some(how) = store.checkpoint_due(WRITER_COPIES_AT).unwrap() {
            store.checkpoint(how).unwrap();
        }
    }
}
