//! A domain is proven by its record in the DNS, from the request to the packet: a fake name server
//! on loopback, and the server with its address in the configuration.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Server, rest, say};

/// Texts by name, in lower case.
type Texts = Arc<Mutex<HashMap<String, String>>>;

/// Answers questions for TXT from a table; all other names do not exist.
fn serve(socket: UdpSocket, texts: Texts) {
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
        let text = texts.lock().unwrap().get(&labels.join(".")).cloned();
        let is_text = query[at + 1..at + 3] == [0, 16];
        let mut out = query[..at + 5].to_vec();
        (out[2], out[3], out[11]) = (0x81, 0x83, 0);
        if let Some(text) = text.filter(|_| is_text) {
            (out[3], out[7]) = (0x80, 1);
            let length = u8::try_from(text.len()).unwrap();
            out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
            out.extend(text.as_bytes());
        }
        socket.send_to(&out, from).unwrap();
    }
}

pub(super) fn ask(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = server.plain("http");
    let key = server.key();
    let fields = match body {
        "" => String::new(),
        body => format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
    };
    say(
        &mut stream,
        &format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Connection: close\r\n{fields}\r\n{body}"
        ),
    );
    let said = rest(&mut stream);
    let status = said.split(' ').nth(1).unwrap().parse().unwrap();
    let body = said.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn a_domain_is_proven_by_its_record() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let texts = Texts::default();
    let table = Arc::clone(&texts);
    std::thread::spawn(move || serve(socket, table));
    let server = Server::start("names", &format!("[dns]\nresolvers = ['{at}']\n"));
    let (status, made) = ask(&server, "POST", "/domains", r#"{"name":"agents.example"}"#);
    assert_eq!(status, 201, "{made}");
    let keys = made["records"].as_array().unwrap().iter();
    let keys = keys.filter(|record| record["purpose"] == "dkim");
    let kinds: Vec<&str> = keys
        .map(|record| {
            let value = record["value"].as_str().unwrap();
            value.split(';').nth(1).unwrap().trim()
        })
        .collect();
    assert_eq!(kinds, ["k=rsa", "k=ed25519"]);
    let (status, checked) = ask(&server, "POST", "/domains/agents.example/verify", "");
    assert_eq!((status, &checked["verified"]), (200, &json!(false)));
    assert_eq!(checked["records"][0]["status"], "missing");
    let record = &made["records"][0];
    let [name, value] = ["name", "value"].map(|field| record[field].as_str().unwrap().to_owned());
    texts.lock().unwrap().insert(name, value);
    let (status, checked) = ask(&server, "POST", "/domains/agents.example/verify", "");
    assert_eq!((status, &checked["verified"]), (200, &json!(true)));
    assert_eq!(checked["records"][0]["status"], "ok");
    let body = r#"{"username":"bot","domain":"agents.example"}"#;
    assert_eq!(ask(&server, "POST", "/inboxes", body).0, 201);
}
