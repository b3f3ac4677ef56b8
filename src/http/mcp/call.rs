//! One call of a tool, from its first step to its result.

use data_encoding::BASE64;

use super::era::Era;
use super::reply::{self, RpcError, RpcId};
use super::resource::{ResourceAnswer, ResourceBody, ResourceContents};
use super::tool::{ApiAnswer, ApiRequest, ContentPart, FenceId, ToolContent, ToolNext, ToolStep};
use crate::http::wire::json;
use crate::http::wire::response::{MediaType, Response};

/// A call that is under way. One request of it at most is out.
#[derive(Debug)]
pub(crate) struct RpcCall {
    id: RpcId,
    era: Era,
    fence: FenceId,
    next: Option<ToolNext>,
    /// What the client knows its progress by, if it wants to be told.
    token: Option<RpcId>,
    /// Seconds that the client has been told of.
    seconds: u64,
    /// Requests so far.
    requests: usize,
    /// The resource that is read.
    uri: Option<Box<str>>,
}

/// How a call goes on.
#[derive(Debug)]
pub(crate) enum CallStep {
    Ask(Box<RpcCall>, Box<ApiRequest>),
    Respond(Response),
}

impl RpcCall {
    pub fn new(id: RpcId, era: Era, token: Option<RpcId>, fence: FenceId) -> RpcCall {
        RpcCall {
            id,
            era,
            fence,
            next: None,
            token,
            seconds: 0,
            requests: 0,
            uri: None,
        }
    }

    /// The same, which reads a resource.
    pub fn of_resource(mut self, uri: &str) -> RpcCall {
        self.uri = Some(uri.into());
        self
    }

    /// The same, which goes on so with a refusal.
    pub fn expect(mut self, next: ToolNext) -> RpcCall {
        self.next = Some(next);
        self
    }

    /// Octets of an attachment that it takes at most.
    pub fn octets_max(&self) -> usize {
        match self.uri {
            None => TOOL_OCTETS_MAX,
            Some(_) => RESOURCE_OCTETS_MAX,
        }
    }

    /// A step of the tool.
    pub fn take(mut self: Box<Self>, step: ToolStep) -> CallStep {
        match step {
            ToolStep::Tell(content) => CallStep::Respond(self.result(&content)),
            ToolStep::Give(answer) => CallStep::Respond(self.resources(&answer)),
            ToolStep::Ask(..) if self.requests == REQUESTS_MAX => {
                log::error!("a tool asks for more than {REQUESTS_MAX} requests");
                CallStep::Respond(RpcError::internal().response(Some(&self.id)))
            }
            ToolStep::Ask(request, next) => {
                self.requests += 1;
                self.next = Some(next);
                CallStep::Ask(self, request)
            }
        }
    }

    /// It has waited for so many seconds more: the notification, if the client wants one.
    pub fn progress(&mut self, seconds: u64) -> Option<Vec<u8>> {
        let token = self.token.as_ref()?;
        self.seconds = self.seconds.saturating_add(seconds);
        let mut body = Vec::with_capacity(128);
        json::object(&mut body, |o| {
            o.text("jsonrpc", "2.0");
            o.text("method", "notifications/progress");
            o.object("params", |o| {
                o.slot("progressToken").raw_or_null(Some(&token.0));
                o.number("progress", self.seconds);
                o.text("message", "No message yet.");
            });
        });
        Some(body)
    }

    /// The response to the request that is out.
    pub fn answer(mut self: Box<Self>, response: Response) -> CallStep {
        let Some(next) = self.next.take() else {
            return CallStep::Respond(RpcError::internal().response(Some(&self.id)));
        };
        let retry_after = response.header("Retry-After");
        let retry_after_s = retry_after.and_then(|seconds| seconds.parse().ok());
        let (body, texts) = response.body.into_parts();
        let answer = ApiAnswer {
            status: response.status,
            retry_after_s,
            media_type: match response.kind {
                MediaType::Json => "application/json".to_owned(),
                MediaType::Octets(kind) => kind,
                _ => String::new(),
            },
            body,
            texts,
        };
        let step = next.run(answer, self.fence);
        self.take(step)
    }

    fn result(&self, content: &ToolContent) -> Response {
        let is_known = |part: &&ContentPart| {
            self.era != Era::Oldest || !matches!(part, ContentPart::Link { .. })
        };
        let body = reply::result(&self.id, self.era, None, |o| {
            let parts = content.parts.iter().filter(is_known);
            let out = o.value("content");
            out.reserve(content.parts.iter().map(ContentPart::octets).sum());
            json::list(out, parts, write_part);
            if let Some(structured) = &content.structured
                && self.era != Era::Oldest
            {
                o.value("structuredContent").extend_from_slice(structured);
            }
            o.flag("isError", content.is_error);
        });
        Response::json(200, body)
    }
}

impl RpcCall {
    /// The response to a request about resources. None of it may be kept: mail comes at any time.
    fn resources(&self, answer: &ResourceAnswer) -> Response {
        let uri = self.uri.as_deref().unwrap_or_default();
        let error = match answer {
            ResourceAnswer::Contents(contents) => {
                let body = reply::result(&self.id, self.era, Some(0), |o| {
                    json::list(o.value("contents"), [contents], |out, contents| {
                        write_contents(out, uri, contents, self.era);
                    });
                });
                return Response::json(200, body);
            }
            ResourceAnswer::Page { rows, next } => {
                let body = reply::result(&self.id, self.era, Some(0), |o| {
                    json::list(o.value("resources"), rows, |out, row| {
                        json::object(out, |o| {
                            o.text("uri", &row.uri);
                            o.text("name", &row.name);
                            o.text("mimeType", "text/plain");
                        });
                    });
                    if let Some(next) = next {
                        o.text("nextCursor", next);
                    }
                });
                return Response::json(200, body);
            }
            ResourceAnswer::Missing => RpcError::missing(uri, self.era),
            ResourceAnswer::Wrong(words) => RpcError::params(words.clone()),
            ResourceAnswer::Refused { why, retry_after_s } => {
                RpcError::refused(why.clone(), *retry_after_s)
            }
        };
        error.response(Some(&self.id))
    }
}

fn write_contents(out: &mut Vec<u8>, uri: &str, contents: &ResourceContents, era: Era) {
    json::object(out, |o| {
        o.text("uri", uri);
        o.text("mimeType", contents.media_type);
        match &contents.body {
            ResourceBody::Text(text) => o.text("text", text),
            ResourceBody::Octets(octets) => {
                let out = o.value("blob");
                out.push(b'"');
                let begin = out.len();
                out.resize(begin + BASE64.encode_len(octets.len()), 0);
                if let Some(room) = out.get_mut(begin..) {
                    BASE64.encode_mut(octets, room);
                }
                out.push(b'"');
            }
        }
        if let Some(seq) = contents.seq.filter(|_| era != Era::Oldest) {
            o.object("_meta", |o| o.number(SEQ, seq));
        }
    });
}

fn write_part(out: &mut Vec<u8>, part: &ContentPart) {
    json::object(out, |o| match part {
        ContentPart::Text(text) => {
            o.text("type", "text");
            o.text("text", text);
        }
        ContentPart::Image { media_type, octets } => {
            o.text("type", "image");
            o.text("data", &BASE64.encode(octets));
            o.text("mimeType", media_type);
        }
        ContentPart::Link {
            uri,
            name,
            media_type,
            size,
        } => {
            o.text("type", "resource_link");
            o.text("uri", uri);
            o.text("name", name);
            if let Some(media_type) = media_type {
                o.text("mimeType", media_type);
            }
            if let Some(size) = size {
                o.number("size", *size);
            }
        }
    });
}

/// Requests of the API that one call makes at most. No tool needs more than two.
const REQUESTS_MAX: usize = 4;
/// Octets of the longest attachment that a tool gets; a model is shown no larger image.
const TOOL_OCTETS_MAX: usize = 1 << 20;
/// Octets of the longest attachment that is a resource. It is in memory three times for a moment,
/// in base64 and without.
const RESOURCE_OCTETS_MAX: usize = 4 << 20;
/// The entry of `_meta` with the number of the last event that is seen in a resource.
pub(crate) const SEQ: &str = "postern/seq";
