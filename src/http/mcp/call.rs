//! One call of a tool, from its first step to its result.

use data_encoding::BASE64;

use super::era::Era;
use super::reply::{self, RpcError, RpcId};
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
        }
    }

    /// A step of the tool.
    pub fn take(mut self: Box<Self>, step: ToolStep) -> CallStep {
        match step {
            ToolStep::Tell(content) => CallStep::Respond(self.result(&content)),
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
        let answer = ApiAnswer {
            status: response.status,
            media_type: match response.kind {
                MediaType::Json => "application/json".to_owned(),
                MediaType::Octets(kind) => kind,
                _ => String::new(),
            },
            body: response.body.whole().into_owned(),
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
            json::list(o.value("content"), parts, write_part);
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
