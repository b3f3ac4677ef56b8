//! A WebSocket over TLS and a socket: events, a ping, and a stop that says where to go on.

use std::io::{Read, Write};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Server, Tls, line, reply, say};

/// The next frame of the server: its first octet and its payload.
fn frame(tls: &mut Tls) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    tls.read_exact(&mut head).unwrap();
    let mut len = usize::from(head[1]);
    assert!(len < 127, "a short frame without a mask");
    if len == 126 {
        let mut wide = [0; 2];
        tls.read_exact(&mut wide).unwrap();
        len = usize::from(u16::from_be_bytes(wide));
    }
    let mut payload = vec![0; len];
    tls.read_exact(&mut payload).unwrap();
    (head[0], payload)
}

fn message(tls: &mut Tls) -> Value {
    let (first, payload) = frame(tls);
    assert_eq!(first, 0x81, "{}", payload.escape_ascii());
    serde_json::from_slice(&payload).unwrap()
}

/// A mask of zeros leaves the payload as it is.
fn send(tls: &mut Tls, first: u8, payload: &[u8]) {
    let len = u8::try_from(payload.len()).unwrap();
    assert!(len < 126);
    let head = [first, 0x80 | len, 0, 0, 0, 0];
    tls.write_all(&[&head, payload].concat()).unwrap();
}

fn upgraded(server: &Server) -> Tls {
    let mut tls = server.tls("https");
    let request = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.key()
    );
    say(&mut tls, &request);
    let mut head = String::new();
    loop {
        let next = line(&mut tls);
        if next.trim_end().is_empty() {
            break;
        }
        head += &next;
    }
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    tls
}

#[test]
fn a_websocket_hears_of_mail_and_of_the_stop() {
    let mut server = Server::start("websocket", "");
    let mut tls = upgraded(&server);
    send(&mut tls, 0x81, br#"{"op":"subscribe","id":"a"}"#);
    assert_eq!(message(&mut tls)["op"], json!("subscribed"));
    let mut mail = server.submission();
    let inbox = server.inbox().to_owned();
    let text =
        format!("From: {inbox}\r\nTo: {inbox}\r\nSubject: over the wire\r\n\r\nHello.\r\n.\r\n");
    for (words, code) in [
        (format!("MAIL FROM:<{inbox}>\r\n"), "250"),
        (format!("RCPT TO:<{inbox}>\r\n"), "250"),
        ("DATA\r\n".to_owned(), "354"),
        (text, "250"),
    ] {
        say(&mut mail, &words);
        let said = reply(&mut mail);
        assert!(said.starts_with(code), "{said}");
    }
    let mut last = 0;
    loop {
        let said = message(&mut tls);
        assert_eq!(said["id"], json!("a"), "{said}");
        last = said["event"]["seq"].as_u64().unwrap().max(last);
        if said["event"]["type"] == json!("message.received") {
            assert_eq!(said["event"]["message"]["subject"], json!("over the wire"));
            break;
        }
    }
    send(&mut tls, 0x89, b"there?");
    assert_eq!(frame(&mut tls), (0x8a, b"there?".to_vec()));
    drop(mail);
    server.signal(Signal::TERM);
    let closing = message(&mut tls);
    assert_eq!(closing["op"], json!("closing"), "{closing}");
    assert_eq!(closing["reason"], json!("shutdown"), "{closing}");
    assert!(closing["seq"].as_u64().unwrap() >= last, "{closing}");
    let (first, payload) = frame(&mut tls);
    assert_eq!((first, &payload[..2]), (0x88, &1001u16.to_be_bytes()[..]));
    let mut rest = Vec::new();
    let _ = tls.read_to_end(&mut rest);
    assert!(rest.is_empty());
    assert_eq!(server.wait(10), 0);
}
