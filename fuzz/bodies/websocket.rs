//! Octets of a WebSocket client, at the reader of frames and at a whole connection over the real
//! product. What must hold: no panic; the same octets whole, singly and in thirds are the same
//! messages, the same fault and the same answer; a message is UTF-8 and within its limit; and a
//! plain reader, which waits for the end of all octets, finds the same messages.

use std::net::IpAddr;

use postern::testing::call::{Limits, Listener, Scopes};
use postern::testing::http::websocket::{CloseCode, FromClient, MessageReader};

use super::rig::Rig;
use super::session::fill;

/// Small, so that few octets reach it.
const MESSAGE_MAX: usize = 200;

/// What a client has sent, and how it has failed.
type Heard = (Vec<FromClient>, Option<CloseCode>);

/// The octets behind the handshake.
pub fn websocket_frame(data: &[u8]) {
    let data = &data[..data.len().min(4096)];
    let whole = read(data, usize::MAX);
    assert_eq!(whole, read(data, 1), "cut singly");
    assert_eq!(
        whole,
        read(data, data.len().div_ceil(3).max(1)),
        "cut in thirds"
    );
    for message in &whole.0 {
        if let FromClient::Text(text) = message {
            assert!(text.len() <= MESSAGE_MAX);
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
    let texts = |heard: &[FromClient]| -> Vec<Vec<u8>> {
        let text = |message: &FromClient| match message {
            FromClient::Text(text) => Some(text.clone()),
            _ => None,
        };
        heard.iter().filter_map(text).collect()
    };
    let plain = plain_texts(data);
    let found = texts(&whole.0);
    assert!(plain.starts_with(&found), "{plain:?} {found:?}");
    if whole.1.is_none() {
        assert_eq!(plain, found);
    }
}

fn read(data: &[u8], piece: usize) -> Heard {
    let mut reader = MessageReader::default();
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for part in data.chunks(piece.max(1)) {
        unread.extend_from_slice(part);
        while !unread.is_empty() {
            match reader.read(&unread, MESSAGE_MAX) {
                Ok((0, _)) => break,
                Ok((used, heard)) => {
                    unread.drain(..used);
                    if heard != FromClient::Part {
                        all.push(heard);
                    }
                }
                Err(fault) => {
                    assert!(fault.why.len() <= 123, "it fits a control frame");
                    return (all, Some(fault.code));
                }
            }
        }
    }
    assert!(reader.is_within() || unread.is_empty());
    (all, None)
}

/// The texts of all whole messages, without any check.
fn plain_texts(data: &[u8]) -> Vec<Vec<u8>> {
    let (mut texts, mut text, mut rest) = (Vec::new(), Vec::new(), data);
    while let [first, second, tail @ ..] = rest {
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(extended) = tail.get(..wide) else {
            break;
        };
        let number = extended
            .iter()
            .fold(0u64, |n, octet| n << 8 | u64::from(*octet));
        let len = if wide == 0 {
            u64::from(second & 0x7f)
        } else {
            number
        };
        let Ok(len) = usize::try_from(len) else { break };
        let Some(mask) = tail.get(wide..wide + 4) else {
            break;
        };
        let begin = wide + 4;
        let Some(masked) = begin.checked_add(len).and_then(|end| tail.get(begin..end)) else {
            break;
        };
        let payload = masked
            .iter()
            .zip(mask.iter().cycle())
            .map(|(octet, key)| octet ^ key);
        if first & 0x08 == 0 {
            text.extend(payload);
            if first & 0x80 != 0 {
                texts.push(std::mem::take(&mut text));
            }
        }
        rest = &tail[begin + len..];
    }
    texts
}

/// The octets behind the handshake, over the product; `KEY` stands for a good key.
pub fn websocket_session(data: &[u8]) {
    let data = &data[..data.len().min(16 * 1024)];
    let whole = said(data, usize::MAX);
    assert_eq!(show(&whole), show(&said(data, 1)), "cut singly");
    let third = data.len().div_ceil(3).max(1);
    assert_eq!(show(&whole), show(&said(data, third)), "cut in thirds");
}

fn said(data: &[u8], piece: usize) -> Vec<u8> {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let id = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 1]));
    let head = format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    rig.send(id, head.as_bytes(), usize::MAX);
    assert!(rig.take(id).starts_with(b"HTTP/1.1 101 "));
    rig.send(id, &fill(data, &key), piece);
    let streams = rig.metric("streams_open");
    assert_eq!(streams, rig.metric("subscriptions_open"));
    rig.wait(20_000);
    rig.hang_up(id);
    let said = rig.take(id);
    assert_eq!(rig.metric("streams_open"), Some(0));
    assert_eq!(rig.metric("subscriptions_open"), Some(0));
    said
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
