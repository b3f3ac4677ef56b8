//! The figures of the REST API: a release server in its own process, kept-alive connections over
//! TLS 1.3 on the same machine, one JSON line a figure. `cargo bench --bench rest [-- --quick]
//! [name…]`.
//!
//! The clients run on the cores of the server, so `per_second` is what both do together;
//! `server_cpu_us` is the processor time of all threads of the server alone, for each request.
//! Every client thread has several connections with one request under way on each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use rig::{Server, load};
use serde_json::json;

/// One figure: the requests of a round, for the connection of that number.
type Requests = fn(&World, usize, usize) -> Vec<u8>;

/// Name, the status of every answer, requests of a full run, and the requests.
const BENCHES: &[(&str, &str, usize, Requests)] = &[
    ("rest_me", "200", 200_000, |world, _, _| {
        world.get("/api/v1/me")
    }),
    ("rest_get", "200", 200_000, |world, conn, round| {
        let id = &world.ids[(conn * 7919 + round * 31) % world.ids.len()];
        world.get(&format!("/api/v1/inboxes/{}/messages/{id}", world.inbox))
    }),
    ("rest_list_50", "200", 60_000, |world, _, _| {
        world.get(&format!(
            "/api/v1/inboxes/{}/messages?limit=50",
            world.inbox
        ))
    }),
    ("rest_patch", "200", 20_000, |world, conn, round| {
        let id = &world.ids[(conn * 7919 + round * 31) % world.ids.len()];
        let seen = round.is_multiple_of(2);
        let path = format!("/api/v1/inboxes/{}/messages/{id}", world.inbox);
        world.with_body("PATCH", &path, &json!({"seen": seen}))
    }),
    ("rest_send", "202", 20_000, |world, conn, round| {
        let inbox = &world.others[conn % world.others.len()];
        let path = format!("/api/v1/inboxes/{inbox}/messages");
        let text = "agents write to each other about orders and the weather. ".repeat(70);
        let subject = format!("Message {round} of connection {conn}");
        world.with_body(
            "POST",
            &path,
            &json!({"to": [inbox], "subject": subject, "text": text}),
        )
    }),
];

struct World {
    server: Server,
    /// The inbox that is read.
    inbox: String,
    /// Its newest messages.
    ids: Vec<String>,
    /// The inboxes that send.
    others: Vec<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = args.iter().any(|a| a == "--quick");
    let names: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
    let world = World::new();
    for (name, status, full, requests) in BENCHES {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let total = if is_quick { full / 20 } else { *full };
        // One client that waits for each answer, then as many as two cores keep busy.
        for (threads, connections) in [(1, 1), (2, 32)] {
            let each = match connections {
                1 => total / 10,
                _ => total / threads / connections,
            };
            let request = |conn, round| requests(&world, conn, round);
            let clients = (threads, connections);
            load::measure(&world.server, (name, status), clients, each, &request);
        }
    }
}

impl World {
    fn new() -> World {
        let server = Server::start("rest-api");
        let inbox = server.inbox().to_owned();
        let ids = load::fill(&server);
        let others = server.make_inboxes(8);
        World {
            server,
            inbox,
            ids,
            others,
        }
    }

    fn get(&self, target: &str) -> Vec<u8> {
        let key = self.server.key();
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n")
            .into_bytes()
    }

    fn with_body(&self, method: &str, target: &str, body: &serde_json::Value) -> Vec<u8> {
        let (key, body) = (self.server.key(), body.to_string());
        let length = body.len();
        format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
