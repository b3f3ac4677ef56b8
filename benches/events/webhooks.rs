//! Deliveries to endpoints over TLS: the server sends what is behind a time again, and a receiver
//! on this machine answers each at once.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::rig::{Server, Stream};
use super::{Scale, deliver};

/// Endpoints of one organization at most.
const ENDPOINTS: usize = 20;

/// A receiver: a thread for each connection.
struct Receiver {
    port: u16,
    taken: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// Starts it. Its certificate is the authority that it writes to `ca`.
    fn start(ca: &Path) -> Receiver {
        let config = own_certificate(ca);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Receiver {
            port: listener.local_addr().unwrap().port(),
            taken: Arc::default(),
            connections: Arc::default(),
        };
        let (taken, connections) = (
            Arc::clone(&receiver.taken),
            Arc::clone(&receiver.connections),
        );
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::Relaxed);
                let (config, taken) = (Arc::clone(&config), Arc::clone(&taken));
                std::thread::spawn(move || answer_all(config, socket, &taken));
            }
        });
        receiver
    }

    /// Waits for so many deliveries.
    fn wait(&self, n: usize) {
        let end = Instant::now() + Duration::from_secs(120);
        while self.taken.load(Ordering::Relaxed) < n {
            let taken = self.taken.load(Ordering::Relaxed);
            assert!(Instant::now() < end, "{taken} of {n} deliveries came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// TLS for a server on this machine. Its certificate is the authority that is written to `ca`.
pub fn own_certificate(ca: &Path) -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(ca, made.cert.pem()).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
        .unwrap();
    Arc::new(config)
}

/// Answers every request of a connection.
fn answer_all(config: Arc<ServerConfig>, socket: TcpStream, taken: &AtomicUsize) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(tls, socket));
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().map_err(io::Error::other)?;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
        taken.fetch_add(1, Ordering::Relaxed);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.get_mut().write_all(answer)?;
        stream.get_mut().flush()?;
    }
}

/// 1,000 messages to 1 endpoint, to 20 of one organization, and those of five organizations.
pub fn webhooks(scale: &Scale) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let of_process = |name: &str| folder.join(format!("{name}-{}", std::process::id()));
    let (ca, path) = (of_process("hooks-ca.pem"), of_process("hooks.toml"));
    let receiver = Receiver::start(&ca);
    let (port, ca_text) = (receiver.port, ca.display());
    std::fs::write(
        &path,
        format!(
            "[webhooks]\nallow_private = true\nca = \"{ca_text}\"\nports = [{port}]\n\
             [dns]\nresolvers = [\"127.0.0.1:9\"]\n"
        ),
    )
    .unwrap();
    let server = Server::start_with(
        "webhooks",
        &["--no-limits", "--config", path.to_str().unwrap()],
    );
    let mut rest = Stream::connect_plain(server.port("http"));
    let operator = server.operator_token();
    let events = scale.of(1000, 200);
    let mut first = server.make_inboxes(1);
    let mut owners = vec![(server.key().to_owned(), first.remove(0))];
    for n in 1..5 {
        let body = json!({"name": format!("org{n}")}).to_string();
        let made = rest.post("/api/v1/orgs", &operator, &body);
        let key = made["key"].as_str().unwrap().to_owned();
        let inbox = server.make_inboxes_of(&key, 1).remove(0);
        owners.push((key, inbox));
    }
    for (_, inbox) in &owners {
        deliver(&server, inbox, 8, events / 8);
    }
    let url = format!("https://127.0.0.1:{port}/");
    let mut hooks = Vec::new();
    for (key, _) in &owners {
        for n in 0..ENDPOINTS {
            let body = json!({"url": format!("{url}{n}"), "types": ["message.received"]});
            let made = rest.post("/api/v1/webhooks", key, &body.to_string());
            hooks.push((key.as_str(), made["id"].as_str().expect("an id").to_owned()));
        }
    }
    for endpoints in [1, ENDPOINTS, hooks.len()] {
        let wanted = receiver.taken.load(Ordering::Relaxed) + endpoints * events;
        let before = receiver.connections.load(Ordering::Relaxed);
        let (cpu, begin) = (server.cpu(), Instant::now());
        for (key, id) in &hooks[..endpoints] {
            let since = json!({"since": "2020-01-01T00:00:00Z"}).to_string();
            let path = format!("/api/v1/webhooks/{id}/redeliver");
            let made = rest.post(&path, key, &since);
            assert!(made["count"].is_u64(), "{made}");
        }
        receiver.wait(wanted);
        let (wall, cpu) = (begin.elapsed(), server.cpu() - cpu);
        let deliveries = endpoints * events;
        println!(
            "{}",
            json!({
                "bench": "webhooks",
                "endpoints": endpoints,
                "deliveries": deliveries,
                "connections": receiver.connections.load(Ordering::Relaxed) - before,
                "per_second": (deliveries as f64 / wall.as_secs_f64()).round(),
                "server_cpu_us": (cpu.as_secs_f64() * 1e7 / deliveries as f64).round() / 10.0,
            })
        );
    }
    drop(server);
    let _ = (std::fs::remove_file(ca), std::fs::remove_file(path));
}
