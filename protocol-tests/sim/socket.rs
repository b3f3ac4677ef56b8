//! The WebSocket of a simulated client (RFC 6455): its handshake, and messages of both sides.

use serde_json::Value;

use crate::rig::Rig;

/// The request that begins it.
pub fn handshake(key: &str) -> String {
    format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A frame of the client; a mask of zeros leaves its text as it is.
pub fn frame(first: u8, text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).ok().filter(|len| *len < 126);
    let len = 0x80 | len.expect("a short message");
    [&[first, len, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// A message of the client.
pub fn message(text: &str) -> Vec<u8> {
    frame(0x81, text)
}

/// The messages that the server has sent, without what it says first. Each ping is answered.
pub fn listen(rig: &mut Rig, conn: u64) -> Vec<Value> {
    let said = rig.take(conn);
    let mut rest = said.as_slice();
    if rest.starts_with(b"HTTP/") {
        let head = rest.windows(4).position(|part| part == b"\r\n\r\n");
        let head = &rest[..head.expect("a whole head") + 4];
        let text = String::from_utf8_lossy(head);
        assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
        rest = &rest[head.len()..];
    }
    let mut messages = Vec::new();
    while let [first, second, after @ ..] = rest {
        let (len, from) = match second {
            126 => (usize::from(u16::from_be_bytes([after[0], after[1]])), 2),
            127 => panic!("a message of more than 64 KiB"),
            len => (usize::from(*len), 0),
        };
        let payload = &after[from..from + len];
        rest = &after[from + len..];
        match first {
            0x81 => messages.push(serde_json::from_slice(payload).unwrap()),
            0x89 => rig.send(conn, &frame(0x8a, ""), usize::MAX),
            0x88 => {}
            other => panic!("a frame {other:02x}"),
        }
    }
    messages
}
