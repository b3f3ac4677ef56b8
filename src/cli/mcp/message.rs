//! A line of the client, and the header fields that its request needs: those of the modern revision
//! say what the body says (Streamable HTTP, "Request Metadata").

use data_encoding::BASE64;
use serde_json::Value;

/// What a line asks for.
pub(super) enum StdioLine {
    /// A notification, which changes nothing at the server, a response to nothing, an empty line.
    Nothing,
    /// The request with this id, as JSON, is of no use any more.
    Cancel(String),
    /// It cannot be carried on.
    Refused(&'static str),
    Request(StdioMessage),
}

/// A request, or octets whose fault the server tells.
pub(super) struct StdioMessage {
    /// Null where it has none.
    pub id: Value,
    pub method: String,
    /// The octets, as they came.
    pub body: Vec<u8>,
    /// The revision that it names itself: it is a modern one.
    pub version: Option<String>,
    /// The tool, the resource or the prompt that it is about.
    pub name: Option<String>,
}

/// Reads a line.
pub(super) fn read(line: &[u8]) -> StdioLine {
    if line.len() > super::LINE_BYTES_MAX {
        return StdioLine::Refused("The message has more than 1 MiB: send less at once.");
    }
    let body = line.trim_ascii();
    if body.is_empty() {
        return StdioLine::Nothing;
    }
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let params = &json["params"];
    let method = text(&json["method"]).unwrap_or_default();
    if json.is_object() && json.get("id").is_none() {
        return match &*method {
            "notifications/cancelled" => StdioLine::Cancel(params["requestId"].to_string()),
            _ => StdioLine::Nothing,
        };
    }
    if method.is_empty() && (json.get("result").is_some() || json.get("error").is_some()) {
        return StdioLine::Nothing;
    }
    let name = match &*method {
        "tools/call" | "prompts/get" => text(&params["name"]),
        "resources/read" => text(&params["uri"]),
        _ => None,
    };
    StdioLine::Request(StdioMessage {
        id: json["id"].clone(),
        version: text(&params["_meta"]["io.modelcontextprotocol/protocolVersion"]),
        method,
        name,
        body: body.to_vec(),
    })
}

impl StdioMessage {
    /// The fields of its request. `agreed` is the revision of a legacy client.
    pub fn fields(&self, agreed: Option<&str>) -> String {
        let field = |name: &str, value: &str| format!("{name}: {}\r\n", field_value(value));
        let Some(version) = &self.version else {
            let agreed = agreed.filter(|_| self.method != "initialize");
            return agreed.map_or(String::new(), |version| {
                field("MCP-Protocol-Version", version)
            });
        };
        let mut fields = field("MCP-Protocol-Version", version);
        fields += &field("Mcp-Method", &self.method);
        fields += &(self.name.as_deref()).map_or(String::new(), |name| field("Mcp-Name", name));
        fields
    }

    /// Whether it may be made again where its answer was lost.
    pub fn may_repeat(&self) -> bool {
        let tool = self.name.as_deref().unwrap_or_default();
        self.method != "tools/call" || crate::http::may_repeat(tool)
    }
}

/// A text as the value of a field: in base64 between marks where it cannot stand as it is.
fn field_value(text: &str) -> String {
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && text.trim() == text
        && !text.is_empty()
        && !text.starts_with("=?base64?");
    match is_plain {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", BASE64.encode(text.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(line: &str) -> StdioMessage {
        match read(line.as_bytes()) {
            StdioLine::Request(message) => message,
            _ => panic!("{line}"),
        }
    }

    #[test]
    fn a_modern_request_says_in_its_fields_what_its_body_says() {
        let message = request(
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"whoami",
            "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
        );
        assert_eq!(
            message.fields(Some("2025-06-18")),
            "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: whoami\r\n"
        );
        let message = request(
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"postern://\u00e4\r\nX: y",
            "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
        );
        let fields = message.fields(None);
        assert!(
            fields.ends_with("Mcp-Name: =?base64?cG9zdGVybjovL8OkDQpYOiB5?=\r\n"),
            "{fields}"
        );
    }

    #[test]
    fn a_legacy_request_has_the_revision_that_was_agreed_on() {
        let begin = request(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#);
        assert_eq!(begin.fields(Some("2025-06-18")), "");
        let list = request(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#);
        assert_eq!(
            list.fields(Some("2025-06-18")),
            "MCP-Protocol-Version: 2025-06-18\r\n"
        );
        assert_eq!(list.fields(None), "");
    }

    #[test]
    fn what_changes_nothing_goes_nowhere() {
        for line in [
            "",
            "  \r\n",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{}}"#,
        ] {
            assert!(
                matches!(read(line.as_bytes()), StdioLine::Nothing),
                "{line}"
            );
        }
        let line =
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#;
        let StdioLine::Cancel(id) = read(line.as_bytes()) else {
            panic!("{line}");
        };
        assert_eq!(id, r#""a""#);
        // Of what is no request the server says why.
        for line in [
            "{",
            "[]",
            "\u{0}",
            r#"{"id":1}"#,
            r#"{"id":null,"method":"ping"}"#,
        ] {
            assert_eq!(request(line).fields(None), "", "{line}");
        }
        let long = vec![b' '; super::super::LINE_BYTES_MAX + 1];
        assert!(matches!(read(&long), StdioLine::Refused(_)));
    }

    #[test]
    fn a_call_that_makes_a_thing_twice_is_not_repeated() {
        let call = |tool: &str| {
            request(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#
            ))
        };
        for tool in ["send", "whoami", "wait_for_message", "update_messages"] {
            assert!(call(tool).may_repeat(), "{tool}");
        }
        for tool in ["draft", "create_inbox"] {
            assert!(!call(tool).may_repeat(), "{tool}");
        }
        assert!(request(r#"{"id":1,"method":"tools/list"}"#).may_repeat());
    }
}
