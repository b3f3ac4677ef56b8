//! Inboxes: listed and made.

use super::arguments::{CURSOR, LIMIT, READS};
use super::found::FoundJson;
use super::letter::time;
use super::problem::refused;
use crate::call::{Scopes, bounds};
use crate::http::api::fields::FieldKind::{DomainName, InboxName, Label, Line, Time};
use crate::http::api::fields::{octets, sometimes};
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, Tool, ToolContent, ToolHints, ToolStep};
use crate::http::wire::json::{self, Object};
use crate::mail::unicode::one_line;

pub(super) static LIST_INBOXES: Tool = Tool {
    name: "list_inboxes",
    title: "List inboxes",
    says: "Lists the inboxes that you may use: id, address, name, how many messages.",
    arguments: &[
        sometimes("parent", InboxName, "", "only its sub-agents"),
        LIMIT,
        CURSOR,
    ],
    hints: READS,
    need: Scopes::INBOXES_READ,
    run: |arguments| {
        let mut asked = ApiRequest::new("GET", &["inboxes"]);
        asked.query = arguments.query(&["parent", "cursor"]);
        let rows = arguments.number("limit").unwrap_or(ROWS);
        ToolStep::ask(asked.with("limit", rows.to_string()), |answer, _| {
            listed(&answer)
        })
    },
};

fn listed(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let page = FoundJson(&body);
    let rows = page.list("data");
    let mut text = String::new();
    for row in &rows {
        text.push_str(&line(*row));
    }
    if rows.is_empty() {
        text.push_str("No inbox. create_inbox makes one.\n");
    }
    let next = page.text("next_cursor");
    if !next.is_empty() {
        text.push_str(&format!("More: cursor={next}\n"));
    }
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        json::list(object.value("inboxes"), &rows, |out, row| {
            json::object(out, |object| fields(object, *row));
        });
        if !next.is_empty() {
            object.text("next_cursor", next);
        }
    });
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        ..ToolContent::text(text)
    })
}

/// An inbox in one line.
fn line(inbox: FoundJson<'_>) -> String {
    let mut line = format!("{} {}", inbox.text("id"), inbox.text("address"));
    let name = inbox.text("display_name");
    if !name.is_empty() {
        line.push_str(&format!(" ({})", one_line(name, NAME_MAX)));
    }
    if let Some(messages) = inbox.number("messages") {
        line.push_str(&format!(", {messages} messages"));
    }
    match inbox.text("send_mode") {
        "hold" => line.push_str(", sending waits for approval"),
        "draft" => line.push_str(", sending makes drafts"),
        "off" => line.push_str(", cannot send"),
        _ => {}
    }
    if !inbox.at("expires_at").is_null() {
        line.push_str(&format!(", ends at {}", time(inbox.text("expires_at"))));
    }
    line.push('\n');
    line
}

/// The same for programs.
fn fields(object: &mut Object<'_>, inbox: FoundJson<'_>) {
    for name in [
        "id",
        "address",
        "display_name",
        "parent",
        "send_mode",
        "expires_at",
    ] {
        if !inbox.at(name).is_null() {
            object.text(name, inbox.text(name));
        }
    }
    if let Some(messages) = inbox.number("messages") {
        object.number("messages", messages);
    }
}

pub(super) static CREATE_INBOX: Tool = Tool {
    name: "create_inbox",
    title: "Make an inbox",
    says: "Makes an inbox with an address of its own. With the same client_id again it gives the one that \
           exists.",
    arguments: &[
        sometimes(
            "username",
            Line(octets(LOCAL_PART_BYTES_MAX)),
            "",
            "before the @",
        ),
        sometimes("domain", DomainName, "", "an own one"),
        sometimes(
            "display_name",
            Line(octets(bounds::LABEL_BYTES_MAX)),
            "",
            "",
        ),
        sometimes("parent", InboxName, "", "makes it its sub-agent"),
        sometimes("client_id", Label(bounds::CLIENT_ID_BYTES_MAX), "", ""),
        sometimes("expires_at", Time, "", "it ends then, with its mail"),
    ],
    hints: ToolHints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: false,
    },
    need: Scopes::INBOXES_WRITE,
    run: |arguments| {
        let body = arguments.body(&[
            "username",
            "domain",
            "display_name",
            "parent",
            "client_id",
            "expires_at",
        ]);
        ToolStep::ask(
            ApiRequest::new("POST", &["inboxes"]).json(body),
            |answer, _| made(&answer),
        )
    },
};

fn made(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let inbox = FoundJson(&body);
    let what = match answer.status {
        EXISTED => "It exists already",
        _ => "Made",
    };
    let mut structured = Vec::new();
    json::object(&mut structured, |object| fields(object, inbox));
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        ..ToolContent::text(format!("{what}: {}", line(inbox)))
    })
}

/// Rows of a page without `limit`, characters of a name.
const ROWS: u64 = 25;
const NAME_MAX: usize = 100;
/// The status for a `client_id` that has an inbox.
const EXISTED: u16 = 200;
/// RFC 5321 section 4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
