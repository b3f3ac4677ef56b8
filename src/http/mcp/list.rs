//! The lists of tools and of forms of resources, as a client gets them.

use super::resource::ResourceTemplate;
use super::tool::Tool;
use super::tools::input;
use crate::http::wire::json;

/// Writes the tools in their order.
pub(crate) fn tools<'a>(out: &mut Vec<u8>, tools: impl IntoIterator<Item = &'a &'static Tool>) {
    json::list(out, tools, |out, tool| {
        json::object(out, |o| {
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
    });
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
