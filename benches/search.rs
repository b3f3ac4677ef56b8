//! The figures of searches: a release server in its own process, one JSON line a figure.
//! `cargo bench --bench search [-- --quick]`.
//!
//! An inbox has 200,000 messages of 4 KiB (20,000 with `--quick`) of words whose frequency falls as
//! in a language, each with a word of its own. `q` asks for words of all frequencies, for words
//! that are not there, and for what only columns say; the time is that of the client. A second
//! inbox has 1,000 messages for SEARCH in IMAP; there the processor time of the server is counted,
//! protocol and TLS included.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::{Duration, Instant};

use postern::testing::mail::Bounds;
use postern::testing::mail::digest::{Digest, analyse};
use postern::testing::mail::text::grams::signature_of;
use rig::{Server, Stream, ms, percentile};
use serde_json::json;

/// Octets of a message.
const SIZE: usize = 4096;
/// Different words.
const WORDS: usize = 20_000;
/// Messages of the inbox that IMAP searches.
const FEW: usize = 1_000;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    /// A word as common as its rank says.
    fn rank(&mut self) -> usize {
        let exponent = self.below(1_000_000) as f64 / 1_000_000.0;
        ((WORDS as f64).powf(exponent) as usize).clamp(1, WORDS) - 1
    }
}

/// The word of a rank: syllables, longer ones for rare words.
fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 40] = [
        "an", "be", "cor", "da", "el", "fin", "ga", "hou", "in", "jo", "ka", "lo", "men", "no",
        "or", "per", "qui", "re", "sta", "ti", "un", "ver", "wo", "ya", "ze", "tion", "ing", "ed",
        "al", "is", "ma", "po", "su", "tor", "li", "ra", "ten", "der", "ous", "ly",
    ];
    let mut left = rank;
    let mut text = String::new();
    loop {
        text += SYLLABLES[left % SYLLABLES.len()];
        left /= SYLLABLES.len();
        if left == 0 {
            break;
        }
    }
    text
}

fn message(inbox: &str, n: usize) -> Vec<u8> {
    let mut random = Random(n as u64 + 1);
    let mut text = format!(
        "From: Sender {} <s{}@senders.test>\r\nTo: <{inbox}>\r\nSubject: {} {} {n}\r\nDate: Thu, 01 \
         Jan 2026 00:00:00 +0000\r\nMessage-ID: <{n}.{inbox}>\r\nMIME-Version: 1.0\r\nContent-Type: \
         text/plain; charset=utf-8\r\n\r\nReference kq{n}z.\r\n",
        word(n % 500),
        n % 500,
        word(random.rank()),
        word(random.rank()),
    );
    let mut line = 0;
    while text.len() + 24 < SIZE {
        let next = word(random.rank());
        text += &next;
        line += next.len() + 1;
        text += if line > 70 { "\r\n" } else { " " };
        line = if line > 70 { 0 } else { line };
    }
    text += "\r\n";
    text.into_bytes()
}

fn fill(server: &Server, inbox: &str, messages: usize) {
    let mut s = Stream::imap(server, inbox, false);
    for start in (0..messages).step_by(32) {
        let end = (start + 32).min(messages);
        for n in start..end {
            let text = message(inbox, n);
            s.send(format!("c APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
            s.send(&text);
            s.send(b"\r\n");
        }
        for _ in start..end {
            s.ok("c");
        }
    }
}

/// Processor time of this thread: others may run beside it.
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let ns = text.split_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(ns.unwrap())
}

fn figure(name: &str, value: serde_json::Value, goal: &str) {
    println!("{}", json!({"name": name, "value": value, "goal": goal}));
}

/// What making a signature costs, of messages of 4 KiB.
fn signature_cost() {
    let all: Vec<(Vec<u8>, Vec<u8>)> = (0..500)
        .map(|n| {
            let raw = message("bot@localhost", n);
            let digest = analyse(&raw, &Bounds::default()).unwrap().digest;
            (raw, digest)
        })
        .collect();
    let mut octets = 0;
    let before = thread_cpu();
    for _ in 0..10 {
        for (raw, digest) in &all {
            octets += signature_of(raw, &Digest::open(digest).unwrap())
                .octets()
                .len();
        }
    }
    let each = (thread_cpu() - before).as_secs_f64() * 1e6 / 5_000.0;
    figure(
        "signature_us",
        json!((each * 10.0).round() / 10.0),
        "20 us with its row",
    );
    figure("signature_octets", json!(octets / 5_000), "");
}

/// The part of the file that the index takes, of the octets of mail in it.
fn size_of_index(server: &Server, messages: usize) {
    let file = server.data().join("postern.db");
    let sql = rusqlite::Connection::open(file).unwrap();
    let pages = |names: &str| -> f64 {
        let sql_text = format!("SELECT sum(pgsize) FROM dbstat WHERE name IN ({names})");
        let octets: Option<i64> = sql.query_row(&sql_text, [], |r| r.get(0)).unwrap();
        octets.unwrap_or(0) as f64
    };
    let text = (messages * SIZE) as f64;
    let index = pages("'signature', 'signature_block', 'signature_block_inbox', 'signature_cell'");
    let order = pages("'entry_received'");
    let percent = |octets: f64| json!((octets / text * 1000.0).round() / 10.0);
    figure("index_percent_of_text", percent(index), "15");
    figure("index_percent_with_order", percent(index + order), "");
}

/// Makes a query for an inbox with so many messages.
type MakeQuery = fn(&mut Random, usize) -> String;

fn queries(server: &Server, messages: usize, rounds: usize) {
    let mut s = Stream::connect(server, "https");
    let mut random = Random(99);
    let kinds: [(&str, MakeQuery); 5] = [
        ("word", |random, _| word(random.rank())),
        ("rare", |random, _| {
            word(WORDS / 2 + random.below(WORDS / 2))
        }),
        ("own", |random, messages| {
            format!("kq{}z", random.below(messages))
        }),
        ("absent", |random, _| format!("{}qx", word(random.rank()))),
        ("from", |random, _| {
            format!("from:s{}@senders", random.below(500))
        }),
    ];
    let mut all = Vec::new();
    for (name, make) in kinds {
        let mut samples = Vec::new();
        for _ in 0..rounds {
            let q = make(&mut random, messages);
            let target = format!("/api/v1/inboxes/{}/messages?limit=20&q={q}", server.inbox());
            let begin = Instant::now();
            let (status, _) = s.get(&target, server.key()).unwrap();
            samples.push(begin.elapsed());
            assert!(status.contains("200"), "{status}");
        }
        all.extend(samples.iter().copied());
        let (p50, p99) = (
            percentile(&mut samples, 0.5),
            percentile(&mut samples, 0.99),
        );
        figure(
            &format!("q_{name}_ms"),
            json!({"p50": ms(p50), "p99": ms(p99)}),
            "",
        );
    }
    let (p50, p99) = (percentile(&mut all, 0.5), percentile(&mut all, 0.99));
    figure("q_ms", json!({"p50": ms(p50), "p99": ms(p99)}), "5 and 20");
    columns(server, &mut s, rounds);
}

/// Queries that no message meets, and that its text does not decide.
fn columns(server: &Server, s: &mut Stream, rounds: usize) {
    const QUERIES: [&str; 8] = [
        "is:flagged",
        "is:unread",
        "label:none",
        "larger:1000000",
        "before:2001-01-01",
        "has:attachment",
        "in:Archive",
        "thread:thr_none",
    ];
    let mut samples = Vec::new();
    for n in 0..rounds.max(QUERIES.len()) {
        let q = QUERIES[n % QUERIES.len()];
        let target = format!("/api/v1/inboxes/{}/messages?limit=20&q={q}", server.inbox());
        let begin = Instant::now();
        let (status, _) = s.get(&target, server.key()).unwrap();
        samples.push(begin.elapsed());
        assert!(status.contains("200"), "{q} {status}");
    }
    let (p50, p99) = (
        percentile(&mut samples, 0.5),
        percentile(&mut samples, 0.99),
    );
    figure(
        "q_columns_ms",
        json!({"p50": ms(p50), "p99": ms(p99)}),
        "5 and 20",
    );
}

fn imap_searches(server: &Server) {
    let inbox = server.make_inboxes(1).remove(0);
    fill(server, &inbox, FEW);
    let mut s = Stream::imap(server, &inbox, true);
    s.send(b"c STORE 1:990 +FLAGS.SILENT (\\Seen)\r\n");
    s.ok("c");
    for (name, key, goal) in [
        ("unseen", "UNSEEN", "150"),
        ("from", "FROM \"s77@senders\"", "150"),
        ("text_present", "TEXT \"kq500z\"", "200"),
        ("text_absent", "TEXT \"kq5000z\"", "100"),
    ] {
        let command = format!("c SEARCH {key}\r\n");
        let mut run = |n: usize| {
            for _ in 0..n {
                s.send(command.as_bytes());
                s.ok("c");
            }
        };
        run(50);
        let before = server.cpu();
        run(500);
        let each = (server.cpu() - before).as_secs_f64() * 1e6 / 500.0;
        figure(&format!("search_{name}_cpu_us"), json!(each.round()), goal);
    }
}

fn main() {
    let is_quick = std::env::args().any(|arg| arg == "--quick");
    let (messages, rounds) = if is_quick {
        (20_000, 40)
    } else {
        (200_000, 200)
    };
    signature_cost();
    let server = Server::start("search");
    imap_searches(&server);
    let (begin, before) = (Instant::now(), server.cpu());
    fill(&server, server.inbox(), messages);
    let each = (server.cpu() - before).as_secs_f64() * 1e6 / messages as f64;
    figure("append_cpu_us", json!(each.round()), "");
    figure(
        "append_per_second",
        json!((messages as f64 / begin.elapsed().as_secs_f64()).round()),
        "",
    );
    // Blocks are made while nothing else waits.
    std::thread::sleep(Duration::from_secs(2));
    size_of_index(&server, messages);
    queries(&server, messages, rounds);
}
