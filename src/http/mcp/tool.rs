//! A tool: its row in the table, what it asks of the API, and what it shows of the answers.
//!
//! A tool does nothing itself. It makes requests of the API out of its arguments, and content for
//! a model out of their responses. The engine carries the requests out as it does those of any
//! client, with the same routes, scopes, rates and policy. The rule: nothing here reads a clock,
//! does I/O or knows JSON-RPC.

use core::fmt;
use std::borrow::Cow;

use super::resource::ResourceAnswer;
use crate::call::{Caller, RepeatKey, Scopes};
use crate::http::api::fields::FieldRow;
use crate::http::wire::json::{self, Json};
use crate::http::wire::outgoing_body::LongText;
use crate::http::wire::own_json::read_own;

/// One row of the table of tools.
#[derive(Debug)]
pub(crate) struct Tool {
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For the model: when to use it, and what it gives.
    pub says: &'static str,
    /// Its arguments, named as in the API. `says` of a row stands in the schema unless it is
    /// empty.
    pub arguments: &'static [FieldRow],
    pub hints: ToolHints,
    /// A key without these neither sees the tool nor may call it.
    pub need: Scopes,
    /// Makes the first step out of arguments that fit the table.
    pub run: fn(&ToolArguments<'_>) -> ToolStep,
}

/// What a client may know of a tool before it asks its user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolHints {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    /// It reaches people or servers outside.
    pub open_world: bool,
}

/// How a call of a tool, or of a method about resources, goes on.
#[derive(Debug)]
pub(crate) enum ToolStep {
    /// With a request of the API, and what follows from its response.
    Ask(Box<ApiRequest>, ToolNext),
    /// It has ended with this.
    Tell(ToolContent),
    /// A method about resources has ended with this.
    Give(ResourceAnswer),
}

/// Makes the next step of the response to a request. A status from 400 on is a response as well.
pub(crate) struct ToolNext(Box<dyn FnOnce(ApiAnswer, FenceId) -> ToolStep + Send>);

/// A request of the API.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiRequest {
    pub method: &'static str,
    /// The segments behind `/api/v1/`, not encoded.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// What a repetition of it is known by.
    pub repeat_key: Option<RepeatKey>,
}

/// Random octets of one answer, which no mail can know. They mark the words of others in it.
pub(crate) type FenceId = [u8; 16];

/// The response to a request of the API.
#[derive(Debug)]
pub(crate) struct ApiAnswer {
    pub status: u16,
    /// Content-Type; empty without a body.
    pub media_type: String,
    /// Seconds to wait before the request is made again.
    pub retry_after_s: Option<u64>,
    pub body: Vec<u8>,
    /// Its long texts, not escaped; their strings are empty in it.
    pub texts: Vec<LongText>,
}

/// What the model gets.
#[derive(Debug, Default)]
pub(crate) struct ToolContent {
    pub parts: Vec<ContentPart>,
    /// A JSON object.
    pub structured: Option<Vec<u8>>,
    pub is_error: bool,
}

/// One piece of content.
#[derive(Debug)]
pub(crate) enum ContentPart {
    Text(String),
    /// An image as it is, not in base64.
    Image {
        media_type: String,
        octets: Vec<u8>,
    },
    /// A resource that the client can read. None of the texts may come from a mail.
    Link {
        uri: String,
        name: String,
        media_type: Option<String>,
        size: Option<u64>,
    },
}

/// The arguments of a call, and who makes it. They fit the table of the tool; null is as good as
/// absence.
#[derive(Debug)]
pub(crate) struct ToolArguments<'a> {
    pub fields: Vec<(Cow<'a, str>, Json<'a>)>,
    pub caller: &'a Caller,
}

impl ToolStep {
    /// Asks, and goes on with the response.
    pub fn ask(
        asked: ApiRequest,
        then: impl FnOnce(ApiAnswer, FenceId) -> ToolStep + Send + 'static,
    ) -> ToolStep {
        ToolStep::Ask(Box::new(asked), ToolNext::new(then))
    }

    /// Ends with a text.
    pub fn text(text: impl Into<String>) -> ToolStep {
        ToolStep::Tell(ToolContent::text(text))
    }
}

impl ToolNext {
    pub fn new(then: impl FnOnce(ApiAnswer, FenceId) -> ToolStep + Send + 'static) -> ToolNext {
        ToolNext(Box::new(then))
    }

    /// The next step.
    pub fn run(self, answer: ApiAnswer, fence: FenceId) -> ToolStep {
        (self.0)(answer, fence)
    }
}

impl fmt::Debug for ToolNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolNext")
    }
}

impl ApiRequest {
    /// A request without a body. The segments of the path are those behind `/api/v1/`.
    pub fn new(method: &'static str, path: &[&str]) -> ApiRequest {
        ApiRequest {
            method,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            repeat_key: None,
        }
    }

    /// The same with a parameter.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> ApiRequest {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a body.
    pub fn json(mut self, body: Vec<u8>) -> ApiRequest {
        self.body = Some(body);
        self
    }
}

impl ApiAnswer {
    /// Whether the API refused.
    pub fn is_refused(&self) -> bool {
        self.status >= 400
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Json<'_> {
        read_own(&self.body, &self.texts).unwrap_or(Json::Null)
    }
}

impl ToolContent {
    /// One text.
    pub fn text(text: impl Into<String>) -> ToolContent {
        ToolContent {
            parts: vec![ContentPart::Text(text.into())],
            ..ToolContent::default()
        }
    }

    /// One text that says what went wrong and what to do.
    pub fn error(text: impl Into<String>) -> ToolContent {
        ToolContent {
            is_error: true,
            ..ToolContent::text(text)
        }
    }
}

impl ContentPart {
    /// About how many octets it has as JSON.
    pub fn octets(&self) -> usize {
        match self {
            ContentPart::Text(text) => text.len() + text.len() / 16 + 256,
            ContentPart::Image { octets, .. } => octets.len() / 3 * 4 + 128,
            ContentPart::Link { uri, .. } => uri.len() + 128,
        }
    }
}

impl<'a> ToolArguments<'a> {
    pub fn value(&self, name: &str) -> Option<&Json<'a>> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Json::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Json::Bool(on) => Some(*on),
            _ => None,
        }
    }

    /// The arguments of these names that are there, as parameters of a query. A list is one
    /// parameter with commas.
    pub fn query(&self, names: &[&str]) -> Vec<(String, String)> {
        let there = names.iter().filter_map(|name| {
            let value = parameter(self.value(name)?)?;
            Some(((*name).to_owned(), value))
        });
        there.collect()
    }

    /// The arguments of these names that are there, as an object.
    pub fn body(&self, names: &[&str]) -> Vec<u8> {
        let mut body = Vec::new();
        json::object(&mut body, |object| {
            for name in names {
                if let Some(value) = self.value(name) {
                    value.write(object.value(name));
                }
            }
        });
        body
    }
}

fn parameter(value: &Json<'_>) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone().into_owned()),
        Json::Number(digits) => Some((*digits).to_owned()),
        Json::Bool(on) => Some(on.to_string()),
        Json::List(items) => {
            let all: Vec<String> = items.iter().filter_map(parameter).collect();
            Some(all.join(","))
        }
        Json::Null | Json::Object(_) => None,
    }
}
