//! Memory of idle WebSockets over TLS.

use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::json;

use super::Scale;
use super::readers::{client_text, read_head, upgrade};
use super::rig::Server;

type Socket = StreamOwned<ClientConnection, TcpStream>;

/// 18,000 WebSockets with one subscription each, or as many as a process may have sockets.
pub fn sockets(scale: &Scale) {
    let server = Server::start("sockets");
    let wanted = scale.of(18_000, 1000);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let n = wanted.min(limit.unwrap_or(u64::MAX) as usize - 400);
    let warm: Vec<Socket> = (0..100).map(|_| open(&server)).collect();
    let before = server.memory();
    let held: Vec<Socket> = (0..n).map(|_| open(&server)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let after = server.memory();
    assert_eq!(server.metric("postern_subscriptions_open"), n as u64 + 100);
    println!(
        "{}",
        json!({
            "bench": "sockets",
            "sockets": n,
            "bytes_each": after.saturating_sub(before) / n as u64,
        })
    );
    drop((warm, held));
}

/// Connects over TLS 1.3 and subscribes to all that the key sees.
fn open(server: &Server) -> Socket {
    let tcp = TcpStream::connect(("127.0.0.1", server.port("https"))).unwrap();
    tcp.set_nodelay(true).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::clone(&server.tls), name).unwrap();
    let mut socket = StreamOwned::new(tls, tcp);
    let send = |socket: &mut Socket, octets: &[u8]| {
        std::io::Write::write_all(socket, octets).unwrap();
    };
    send(&mut socket, &upgrade(server.key()));
    read_head(&mut socket);
    send(&mut socket, &client_text(r#"{"op":"subscribe","id":"a"}"#));
    let mut head = [0; 2];
    socket.read_exact(&mut head).unwrap();
    assert!(head[0] == 0x81 && head[1] < 126, "{head:?}");
    let mut text = vec![0; usize::from(head[1])];
    socket.read_exact(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("subscribed"), "{text}");
    socket
}
