//! MCP at `POST /mcp`: the Model Context Protocol over the same calls as the API.
//!
//! Two eras of the protocol are served on one path. A request whose `params._meta` names a version
//! is modern (revision 2026-07-28): it stands for itself, and its header fields say what its body
//! says. `initialize` opens the legacy one (2025-11-25, 2025-06-18, 2025-03-26), which has no
//! session here.
//!
//! `message.rs` reads JSON-RPC, `header.rs` compares header fields with the body, `method.rs` has
//! the methods, `call.rs` carries a call of a tool from step to step, `reply.rs` writes what is
//! answered. `tool.rs` says what a tool is, `tools/` has them, `fence.rs` marks what others wrote.
//! `uri.rs` has the URIs of resources, `resource.rs` what is answered about them, `resources.rs`
//! how they are listed and read, `listen.rs` how a client hears of their changes. The rule:
//! nothing is checked here that the API checks; a tool asks the API, and so does a resource.

pub(crate) mod call;
pub(crate) mod era;
mod fence;
pub(crate) mod header;
mod list;
pub(crate) mod listen;
pub(crate) mod message;
pub(crate) mod method;
pub(crate) mod quiet;
mod reply;
mod resource;
mod resources;
pub(crate) mod tool;
mod tools;
mod uri;

use crate::http::api::routes::{RouteNeed, RouteRow, RouteStage};

/// Whether a call of this tool may be made again where its answer was lost. What is no tool does
/// nothing.
pub(crate) fn may_repeat(tool: &str) -> bool {
    let tool = tools::TOOLS.iter().find(|row| row.name == tool);
    tool.is_none_or(|tool| tool.hints.read_only || tool.hints.idempotent)
}

/// The path, as a segment.
pub(crate) const SEGMENT: &str = "mcp";

/// The row of the path. It stands in no table of the API, because JSON-RPC has methods of its own.
pub(crate) static ROW: RouteRow = RouteRow {
    method: "POST",
    path: "/mcp",
    need: RouteNeed::Key,
    stage: RouteStage::Rpc,
};
