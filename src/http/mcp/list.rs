//! The lists of tools and of forms of resources, as a client gets them.

use std::sync::LazyLock;

use super::resource::ResourceTemplate;
use super::tool::Tool;
use super::tools::{TOOLS, input};
use crate::call::Scopes;
use crate::http::wire::json;

/// Writes the tools that a caller with these scopes may call, in their order.
pub(crate) fn tools(out: &mut Vec<u8>, scopes: Scopes) {
    static WRITTEN: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| TOOLS.iter().map(|tool| written(tool)).collect());
    let all = TOOLS.iter().zip(&*WRITTEN);
    let seen = all.filter(|(tool, _)| scopes.allow(tool.need));
    json::list(out, seen, |out, (_, written)| {
        out.extend_from_slice(written)
    });
}

fn written(tool: &Tool) -> Vec<u8> {
    let mut out = Vec::new();
    json::object(&mut out, |o| {
        o.text("name", tool.name);
        o.text("title", tool.title);
        o.text("description", tool.says);
        input::write(o.value("inputSchema"), tool.arguments);
        o.object("annotations", |o| {
            o.flag("readOnlyHint", tool.hints.read_only);
            o.flag("destructiveHint", tool.hints.destructive);
            o.flag("idempotentHint", tool.hints.idempotent);
            o.flag("openWorldHint", tool.hints.open_world);
        });
        if tool.hints.read_only {
            // A client that cuts answers at 25,000 tokens leaves these whole.
            o.object("_meta", |o| {
                o.number("anthropic/maxResultSizeChars", ANSWER_CHARS_MAX);
            });
        }
    });
    out
}

/// Writes the forms of URIs.
pub(crate) fn templates<'a>(
    out: &mut Vec<u8>,
    templates: impl IntoIterator<Item = &'a ResourceTemplate>,
) {
    json::list(out, templates, |out, template| {
        json::object(out, |o| {
            o.text("uriTemplate", template.uri);
            o.text("name", template.name);
            o.text("description", template.says);
            if let Some(media_type) = template.media_type {
                o.text("mimeType", media_type);
            }
        });
    });
}

/// Characters of the longest answer that a model can ask for.
const ANSWER_CHARS_MAX: u64 = 100_000;
