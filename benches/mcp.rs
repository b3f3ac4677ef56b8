//! The figures of MCP: a release server in its own process, kept-alive connections over TLS 1.3 on
//! the same machine, one JSON line a figure. `cargo bench --bench mcp [-- --quick] [name…]`.
//!
//! Requests are those of revision 2026-07-28, with their header fields. `rig/load.rs` says what is
//! measured of them; of calls that wait, what each takes of memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::Duration;

use rig::{Server, Stream, load};
use serde_json::{Value, json};

/// The method and the parameters of a request about the message of that number.
type Asked = fn(&World, usize) -> (&'static str, Value);

/// Name, requests of a full run, and what is asked.
const BENCHES: &[(&str, usize, Asked)] = &[
    ("mcp_whoami", 200_000, |_, _| {
        ("tools/call", json!({"name": "whoami", "arguments": {}}))
    }),
    ("mcp_tools_list", 100_000, |_, _| ("tools/list", json!({}))),
    ("mcp_list_messages", 60_000, |world, _| {
        let arguments = json!({"inbox": world.inbox, "limit": 25});
        (
            "tools/call",
            json!({"name": "list_messages", "arguments": arguments}),
        )
    }),
    ("mcp_read_message", 100_000, |world, n| {
        let arguments = json!({"inbox": world.inbox, "id": world.ids[n]});
        (
            "tools/call",
            json!({"name": "read_message", "arguments": arguments}),
        )
    }),
    ("mcp_read_resource", 60_000, |world, n| {
        let uri = format!("postern://inbox/{}/message/{}", world.inbox, world.ids[n]);
        ("resources/read", json!({"uri": uri}))
    }),
];

struct World {
    server: Server,
    inbox: String,
    /// Its newest messages.
    ids: Vec<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = args.iter().any(|a| a == "--quick");
    let names: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|n| *n == name);
    let world = World::new();
    for (name, full, asked) in BENCHES.iter().filter(|(name, ..)| is_wanted(name)) {
        let total = if is_quick { full / 20 } else { *full };
        // They are made before: the clients share the cores of the server.
        let requests: Vec<Vec<u8>> = (0..world.ids.len())
            .map(|n| {
                let (method, params) = asked(&world, n);
                world.request(method, params)
            })
            .collect();
        let request = |conn: usize, round: usize| {
            requests[(conn * 7919 + round * 31) % requests.len()].clone()
        };
        // One client that waits for each answer, then as many as two cores keep busy.
        for (threads, connections) in [(1, 1), (2, 32)] {
            let each = match connections {
                1 => total / 10,
                _ => total / threads / connections,
            };
            let clients = (threads, connections);
            load::measure(&world.server, (name, "200"), clients, each, &request);
        }
    }
    if is_wanted("mcp_waiting") {
        // Each takes two descriptors of this program, which may have 20,000.
        waiting(&world, if is_quick { 1000 } else { 9_500 });
    }
}

/// Calls of `wait_for_message` that wait, each on a connection of its own.
fn waiting(world: &World, n: usize) {
    let arguments = json!({"inbox": world.inbox, "subject": "none", "timeout": 300});
    let params = json!({"name": "wait_for_message", "arguments": arguments});
    let request = world.request("tools/call", params);
    let open = || {
        let mut stream = Stream::connect(&world.server, "https");
        stream.send(&request);
        // The response begins when the call waits.
        assert!(stream.line().contains("200"));
        while !stream.line().is_empty() {}
        stream
    };
    // The first connections also fill what all share: caches, statements, buffers.
    let warm: Vec<Stream> = (0..100).map(|_| open()).collect();
    let before = world.server.memory();
    let held: Vec<Stream> = (0..n).map(|_| open()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let each = world.server.memory().saturating_sub(before) / n as u64;
    println!(
        "{}",
        json!({"bench": "mcp_waiting", "connections": n, "bytes_per_connection": each})
    );
    drop((warm, held));
}

impl World {
    fn new() -> World {
        let server = Server::start("mcp");
        let inbox = server.inbox().to_owned();
        let ids = load::fill(&server);
        World { server, inbox, ids }
    }

    fn request(&self, method: &str, mut params: Value) -> Vec<u8> {
        let named = ["name", "uri"]
            .iter()
            .find_map(|name| params[name].as_str());
        let named = named.map_or(String::new(), |name| format!("Mcp-Name: {name}\r\n"));
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (key, body) = (self.server.key(), body.to_string());
        let length = body.len();
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n\
             MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{named}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
