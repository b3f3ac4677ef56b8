//! Webhooks lead to no address that is not allowed, with real sockets: canaries listen where a name
//! must not lead, and none of them sees a connection. All is on loopback addresses.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::Server;
use super::names::ask;

/// The addresses of each name, of which each question is told the next one with a TTL of 0; and how
/// often it was asked for.
type Addresses = Arc<Mutex<HashMap<String, (Vec<Vec<IpAddr>>, usize)>>>;

/// Answers questions for A and AAAA.
fn serve(socket: UdpSocket, table: Addresses) {
    let mut packet = [0; 512];
    while let Ok((n, from)) = socket.recv_from(&mut packet) {
        let query = &packet[..n];
        let mut at = 12;
        let mut labels = Vec::new();
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
            at = end;
        }
        let kind = query[at + 2];
        let mut out = query[..at + 5].to_vec();
        (out[2], out[3], out[11]) = (0x81, 0x80, 0);
        let mut table = table.lock().unwrap();
        if let Some((answers, asked)) = table.get_mut(&labels.join(".")) {
            let now = &answers[*asked % answers.len()];
            if kind == 1 {
                *asked += 1;
            }
            for address in now {
                let octets = match address {
                    IpAddr::V4(address) if kind == 1 => address.octets().to_vec(),
                    IpAddr::V6(address) if kind == 28 => address.octets().to_vec(),
                    _ => continue,
                };
                out[7] += 1;
                let length = u8::try_from(octets.len()).unwrap();
                out.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, length]);
                out.extend(octets);
            }
        } else {
            out[3] = 0x83;
        }
        socket.send_to(&out, from).unwrap();
    }
}

/// A server that asks a name server with this table, and sends by HTTP to any port.
fn start(name: &str, more: &str) -> (Server, Addresses) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let table = Addresses::default();
    let served = Arc::clone(&table);
    std::thread::spawn(move || serve(socket, served));
    let ports: Vec<String> = (1024..=u16::MAX).map(|port| port.to_string()).collect();
    let toml = format!(
        "[dns]\nresolvers = ['{at}']\n[webhooks]\nallow_http = true\nports = [{}]\n{more}",
        ports.join(",")
    );
    (Server::start(name, &toml), table)
}

/// A listener that must see nothing.
fn canary(at: SocketAddr) -> Option<TcpListener> {
    let canary = TcpListener::bind(at).ok()?;
    canary.set_nonblocking(true).unwrap();
    Some(canary)
}

fn saw_nothing(canary: &TcpListener) {
    let found = canary.accept().map(|(_, from)| from);
    let why = found.expect_err("a connection has come");
    assert_eq!(why.kind(), ErrorKind::WouldBlock);
}

/// Has the webhook with this URL tried.
fn try_url(server: &Server, url: &str) -> Value {
    let (status, made) = ask(
        server,
        "POST",
        "/webhooks",
        &format!(r#"{{"url":"{url}"}}"#),
    );
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap();
    let (status, tried) = ask(server, "POST", &format!("/webhooks/{id}/test"), "");
    assert_eq!(status, 200, "{tried}");
    assert_eq!(ask(server, "DELETE", &format!("/webhooks/{id}"), "").0, 204);
    tried
}

#[test]
fn no_name_leads_a_webhook_to_a_canary() {
    let (server, table) = start("canaries", "");
    let first = canary("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = first.local_addr().unwrap().port();
    let others = ["127.0.0.2", "127.255.255.254", "::1"];
    let others = others.map(|ip| canary((ip.parse::<IpAddr>().unwrap(), port).into()));
    let canaries: Vec<TcpListener> = others.into_iter().flatten().chain([first]).collect();
    assert!(canaries.len() >= 3);
    // 0.0.0.0 and :: are this host, too.
    for ips in [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "127.0.0.1 ::1 127.0.0.2",
    ] {
        let set: Vec<IpAddr> = ips.split(' ').map(|ip| ip.parse().unwrap()).collect();
        let name = "hooks.example".to_owned();
        table.lock().unwrap().insert(name, (vec![set], 0));
        let tried = try_url(&server, &format!("http://hooks.example:{port}/"));
        assert_eq!(tried["error"], "address_not_allowed", "{ips}: {tried}");
    }
    // A URL that says it itself is refused.
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "localhost",
    ] {
        let body = format!(r#"{{"url":"http://{host}:{port}/"}}"#);
        let (status, said) = ask(&server, "POST", "/webhooks", &body);
        assert_eq!((status, &said["error"]["field"]), (400, &"url".into()));
    }
    canaries.iter().for_each(saw_nothing);
}

/// Answers each request with `answer`, one for a connection. Counts them.
fn receiver(listener: TcpListener, answer: String) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut said = Vec::new();
            let mut octet = [0];
            while !said.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap() > 0 {
                said.push(octet[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    count
}

#[test]
fn no_redirect_and_no_second_answer_of_the_dns_leads_elsewhere() {
    // The addresses at which the server listens are not allowed in any case.
    let (server, table) = start("rebinding", "allow_private = true\n");
    let own = server.address("http");
    let port = own.port();
    let listener = TcpListener::bind(("127.0.0.2", port)).unwrap();
    let behind = canary((IpAddr::from([127, 0, 0, 3]), port).into()).unwrap();
    let gone = format!(
        "HTTP/1.1 307 There\r\nLocation: http://127.0.0.3:{port}/\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    let received = receiver(listener, gone);
    let (good, bad) = ("127.0.0.2".parse().unwrap(), own.ip());
    let url = format!("http://hooks.example:{port}/");
    let name = "hooks.example".to_owned();
    let answers = (vec![vec![good]], 0);
    table.lock().unwrap().insert(name.clone(), answers);
    let tried = try_url(&server, &url);
    assert_eq!(tried["status_code"], 307, "{tried}");
    saw_nothing(&behind);
    // Each question is told another address: the one that was judged is connected to.
    let answers = (vec![vec![good], vec![bad]], 0);
    table.lock().unwrap().insert(name.clone(), answers);
    let before = received.load(Ordering::Relaxed);
    for round in 0..6 {
        let tried = try_url(&server, &url);
        match round % 2 {
            0 => assert_eq!(tried["status_code"], 307, "{tried}"),
            _ => assert_eq!(tried["error"], "address_not_allowed", "{tried}"),
        }
    }
    assert_eq!(received.load(Ordering::Relaxed), before + 3);
    // One question for a connection: nothing was asked again behind the judgement.
    assert_eq!(table.lock().unwrap()[&name].1, 6);
    saw_nothing(&behind);
}
