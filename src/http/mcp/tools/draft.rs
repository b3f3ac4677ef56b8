//! Drafts: made and changed. `send` sends them.

use super::arguments::INBOX;
use super::found::FoundJson;
use super::problem::refused;
use super::send::{ATTACHMENTS, BCC, CC, MARKDOWN, SUBJECT, TEXT, TO};
use super::which::in_inbox;
use crate::call::{EntryId, Scopes};
use crate::http::api::fields::FieldKind::Id;
use crate::http::api::fields::sometimes;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, Tool, ToolContent, ToolHints, ToolStep};
use crate::http::wire::json;

pub(super) static DRAFT: Tool = Tool {
    name: "draft",
    title: "Write a draft",
    says: "Makes a draft, or changes the one with `id`. Nothing is sent; send with `draft` sends it.",
    arguments: &[
        INBOX,
        sometimes("id", Id(EntryId::PREFIX), "", "the draft to change"),
        TO,
        CC,
        BCC,
        SUBJECT,
        TEXT,
        MARKDOWN,
        sometimes(
            "in_reply_to",
            Id(EntryId::PREFIX),
            "",
            "the message that it answers",
        ),
        ATTACHMENTS,
    ],
    hints: ToolHints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: false,
    },
    need: Scopes::MESSAGES_WRITE,
    run: |arguments| {
        let id = arguments.text("id").map(str::to_owned);
        let body = arguments.body(&[
            "to",
            "cc",
            "bcc",
            "subject",
            "text",
            "markdown",
            "in_reply_to",
            "attachments",
        ]);
        in_inbox(arguments, move |inbox| {
            let asked = match &id {
                Some(id) => ApiRequest::new("PATCH", &["inboxes", inbox, "drafts", id]),
                None => ApiRequest::new("POST", &["inboxes", inbox, "drafts"]),
            };
            ToolStep::ask(asked.json(body), |answer, _| show(&answer))
        })
    },
};

fn show(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let id = FoundJson(&body).text("id");
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        object.text("id", id);
        object.text("status", "draft");
    });
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        ..ToolContent::text(format!(
            "Draft {id} is stored. To send it: send with draft={id}.\n"
        ))
    })
}
