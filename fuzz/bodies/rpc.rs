//! Bodies of JSON-RPC at `/mcp`, over the product. What must hold: no panic; the same octets whole,
//! singly and in thirds get the same answer; it is one response, whose JSON is a result or an error
//! with the id of the request; and the connection goes on behind it.

use std::net::IpAddr;

use serde_json::Value;

use postern::testing::call::{Limits, Listener, Scopes};

use super::rig::Rig;

/// A body. Its header fields say what it says, as far as it is JSON.
pub fn rpc_message(data: &[u8]) {
    let data = &data[..data.len().min(16 * 1024)];
    let whole = said(data, usize::MAX);
    assert_eq!(show(&whole), show(&said(data, 1)), "cut singly");
    let third = data.len().div_ceil(3).max(1);
    assert_eq!(show(&whole), show(&said(data, third)), "cut in thirds");
    check(data, &whole);
}

fn check(data: &[u8], said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    let (head, body) = said.split_once("\r\n\r\n").expect("a response");
    let status = head.split(' ').nth(1).unwrap_or_default();
    if body.is_empty() {
        assert_eq!(status, "202");
        return;
    }
    if head.contains("text/event-stream") {
        return check_stream(body);
    }
    let answer: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(answer["jsonrpc"], "2.0");
    assert_ne!(answer["result"].is_object(), answer["error"].is_object());
    match answer["error"]["code"].as_i64() {
        None => assert_eq!(status, "200"),
        Some(code) => assert!((-32_700..=-32_000).contains(&code)),
    }
    let asked: Value = serde_json::from_slice(data).unwrap_or_default();
    if answer["result"].is_object() {
        assert_eq!(answer["id"].to_string(), asked["id"].to_string());
    }
}

/// A call that waits, or a stream of notifications: comments and messages of JSON-RPC, of which the
/// first or the last belongs to the request.
fn check_stream(body: &str) {
    let mut messages = 0;
    for line in body.lines().filter(|line| !line.is_empty()) {
        if line.starts_with(':') {
            continue;
        }
        let json = line.strip_prefix("data: ").expect("data");
        let message: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(message["jsonrpc"], "2.0");
        messages += 1;
    }
    assert!(messages > 0, "{body}");
}

fn said(data: &[u8], piece: usize) -> Vec<u8> {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let id = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 1]));
    let fields = fields(&serde_json::from_slice(data).unwrap_or_default());
    rig.send(
        id,
        request(&key, &fields, data.len()).as_bytes(),
        usize::MAX,
    );
    rig.send(id, data, piece);
    rig.wait(400_000);
    let said = rig.take(id);
    // The connection goes on, unless it was idle for too long.
    let id = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 1]));
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    rig.send(
        id,
        request(&key, &fields, data.len()).as_bytes(),
        usize::MAX,
    );
    rig.send(id, data, usize::MAX);
    rig.take(id);
    rig.send(
        id,
        (request(&key, "", ping.len()) + ping).as_bytes(),
        usize::MAX,
    );
    let more = rig.take(id);
    let is_waiting = more.is_empty();
    assert!(is_waiting || more.ends_with(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n"));
    said
}

fn request(key: &str, fields: &str, length: usize) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nAccept: */*\r\n\
         Content-Length: {length}\r\n{fields}\r\n"
    )
}

fn fields(body: &Value) -> String {
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        format!(
            "=?base64?{}?=",
            data_encoding::BASE64.encode(text.as_bytes())
        )
    };
    let version = &body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    if version.is_null() {
        return String::new();
    }
    let name = match body["params"]["uri"].is_null() {
        true => &body["params"]["name"],
        false => &body["params"]["uri"],
    };
    format!(
        "MCP-Protocol-Version: {}\r\nMcp-Method: {}\r\nMcp-Name: {}\r\n",
        text(version),
        text(&body["method"]),
        text(name)
    )
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
