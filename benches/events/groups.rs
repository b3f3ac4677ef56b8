//! Consumer groups: events a second through one, each with an acknowledgement of its own, and the
//! memory of readers that have stopped to read.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use super::readers::Readers;
use super::rig::{Server, Stream};
use super::{Scale, deliver};

/// Eight readers of one group that acknowledge each event over REST, on a connection of their own.
pub fn groups(scale: &Scale) {
    let server = Server::start("groups");
    let inbox = server.make_inboxes(1).remove(0);
    let (readers, events) = (8, scale.of(10_000, 1600));
    deliver(&server, &inbox, 8, events / 8);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received&{GROUP}");
    let done = AtomicUsize::new(0);
    let (cpu, begin) = (server.cpu(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| work(&server, &path, events, &done));
        }
    });
    let (wall, cpu) = (begin.elapsed(), server.cpu() - cpu);
    println!(
        "{}",
        json!({
            "bench": "groups",
            "readers": readers,
            "events": events,
            "per_second": (events as f64 / wall.as_secs_f64()).round(),
            "server_cpu_us": (cpu.as_secs_f64() * 1e8 / events as f64).round() / 100.0,
        })
    );
}

/// Takes events until the group has ended. Who acknowledges the last one ends it.
fn work(server: &Server, path: &str, events: usize, done: &AtomicUsize) {
    let mut stream = Stream::connect_plain(server.port("http"));
    let mut acks = Stream::connect_plain(server.port("http"));
    let fields = format!(
        "Host: localhost\r\nAuthorization: Bearer {}\r\n",
        server.key()
    );
    stream.send(format!("GET {path} HTTP/1.1\r\n{fields}\r\n").as_bytes());
    let mut id = String::new();
    loop {
        let line = stream.line();
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.to_owned();
        }
        match line.as_str() {
            "event: closing" => return,
            "event: message.received" => {}
            _ => continue,
        }
        let body = format!("{{\"group\":\"workers\",\"id\":{id}}}");
        let head = format!(
            "POST /api/v1/events/ack HTTP/1.1\r\n{fields}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        acks.send(format!("{head}{body}").as_bytes());
        let (status, _) = acks.http_answer().unwrap();
        assert!(status.starts_with("HTTP/1.1 204"), "{status}");
        if done.fetch_add(1, Ordering::Relaxed) + 1 == events {
            let end = "DELETE /api/v1/events/groups/workers HTTP/1.1\r\n";
            acks.send(format!("{end}{fields}\r\n").as_bytes());
            acks.http_answer().unwrap();
        }
    }
}

/// What 100 readers of a group add to memory whose clients do not read.
pub fn stalled_group(scale: &Scale) {
    let server = Server::start("stalled-group");
    let inbox = server.make_inboxes(1).remove(0);
    let streams = 100;
    deliver(&server, &inbox, 8, scale.of(4000, 2400) / 8);
    let path = format!("/api/v1/inboxes/{inbox}/events?type=message.received&{GROUP}");
    // The first readers of all kinds bring what all share.
    let mut warm = Readers::with_window(4096);
    (0..10).for_each(|_| warm.ask(server.port("http"), &path, server.key()));
    super::settle(&server, 10);
    let before = server.memory();
    let mut readers = Readers::with_window(4096);
    (0..streams).for_each(|_| readers.ask(server.port("http"), &path, server.key()));
    super::settle(&server, streams + 10);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = server.memory();
    println!(
        "{}",
        json!({
            "bench": "stalled_group",
            "streams": streams,
            "bytes_per_stream": after.saturating_sub(before) / streams,
        })
    );
}

const GROUP: &str = "group=workers&since=0";
