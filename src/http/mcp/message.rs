//! One message of JSON-RPC 2.0: a request or a notification.
//!
//! The reader of bodies bounds it (`wire/json.rs`). A list of messages, a response and an id that
//! is null are refused in both eras.

use std::borrow::Cow;

use super::reply::{RpcError, RpcId};
use crate::http::wire::json::{self, Json};

/// A request, or a notification, which has no id.
#[derive(Debug)]
pub(crate) struct RpcMessage<'a> {
    pub id: Option<RpcId>,
    pub method: Cow<'a, str>,
    /// The members of `params`.
    pub params: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> RpcMessage<'a> {
    /// Reads a body. An error comes with the id of the request, as far as that was read.
    ///
    /// # Errors
    /// -32700 for what is no JSON or over the bounds of the reader, -32600 for JSON that is no
    /// request and no notification.
    pub fn parse(body: &'a [u8]) -> Result<RpcMessage<'a>, (Option<RpcId>, RpcError)> {
        let members = match json::parse(body) {
            Err(problem) => return Err((None, RpcError::parse(problem.message()))),
            Ok(Json::Object(members)) => members,
            Ok(_) => {
                return Err((
                    None,
                    RpcError::invalid("The body must be one JSON-RPC object; lists are not taken."),
                ));
            }
        };
        let mut message = RpcMessage {
            id: None,
            method: Cow::Borrowed(""),
            params: Vec::new(),
        };
        let (mut version, mut method, mut id, mut params) = (None, None, None, None);
        for (name, value) in members {
            match &*name {
                "jsonrpc" => version = Some(value),
                "method" => method = Some(value),
                "id" => id = Some(value),
                "params" => params = Some(value),
                _ => {}
            }
        }
        if let Some(id) = id {
            match RpcId::of(&id) {
                Some(id) => message.id = Some(id),
                None => {
                    let why = "`id` must be a string or an integer of at most 256 octets.";
                    return Err((None, RpcError::invalid(why)));
                }
            }
        }
        let invalid = |message: RpcMessage<'_>, why| Err((message.id, RpcError::invalid(why)));
        if version != Some(Json::Text("2.0".into())) {
            return invalid(message, "`jsonrpc` must be \"2.0\".");
        }
        match method {
            Some(Json::Text(method)) => message.method = method,
            Some(_) => return invalid(message, "`method` must be a string."),
            None => return invalid(message, "There is no `method`; responses are not taken."),
        }
        match params {
            None => {}
            Some(Json::Object(params)) => message.params = params,
            Some(_) => return invalid(message, "`params` must be an object."),
        }
        Ok(message)
    }

    /// A parameter.
    pub fn param(&self, name: &str) -> Option<&Json<'a>> {
        member(&self.params, name)
    }

    /// A parameter that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        text(self.param(name)?)
    }

    /// An entry of `params._meta`.
    pub fn meta(&self, name: &str) -> Option<&Json<'a>> {
        match self.param("_meta")? {
            Json::Object(entries) => member(entries, name),
            _ => None,
        }
    }

    /// The version that `params._meta` names. One of another type than text is empty.
    pub fn version(&self) -> Option<&str> {
        self.meta(PROTOCOL_VERSION)
            .map(|value| text(value).unwrap_or_default())
    }
}

/// A member of an object.
fn member<'b, 'a>(members: &'b [(Cow<'a, str>, Json<'a>)], name: &str) -> Option<&'b Json<'a>> {
    let found = members.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value)
}

/// The text of a value that is one.
fn text<'b>(value: &'b Json<'_>) -> Option<&'b str> {
    match value {
        Json::Text(text) => Some(text),
        _ => None,
    }
}

/// The entry of `_meta` with the version of a modern request.
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The entry of `_meta` with what a modern client can do.
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_request() {
        let nested = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{}1{}}}"#,
            r#"{"a":"#.repeat(32),
            "}".repeat(32)
        );
        for (body, code) in [
            ("", -32700),
            ("{", -32700),
            ("nul", -32700),
            (r#"{"jsonrpc":"2.0","jsonrpc":"2.0","method":"a"}"#, -32700),
            (nested.as_str(), -32700),
            ("\u{feff}{}", -32700),
            ("[]", -32600),
            ("1", -32600),
            ("{}", -32600),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
            (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1.0,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1e3,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#, -32600),
            (r#"{"id":1,"method":"a"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, -32600),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#,
                -32600,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#,
                -32600,
            ),
        ] {
            let (_, error) = RpcMessage::parse(body.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.status), (code, 400), "{body}");
        }
        let long = format!(
            r#"{{"jsonrpc":"2.0","id":"{}","method":"a"}}"#,
            "x".repeat(255)
        );
        assert!(RpcMessage::parse(long.as_bytes()).is_err());
    }

    #[test]
    fn an_id_comes_back_as_it_is() {
        for id in [
            "1",
            "-7",
            "123456789012345678901234567890",
            r#""a\n""#,
            r#""""#,
        ] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#);
            let message = RpcMessage::parse(body.as_bytes()).unwrap();
            assert_eq!(message.id.unwrap().0, id);
        }
        let body = br#"{"jsonrpc":"2.0","id":5,"method":7}"#;
        assert_eq!(RpcMessage::parse(body).unwrap_err().0.unwrap().0, "5");
    }
}
