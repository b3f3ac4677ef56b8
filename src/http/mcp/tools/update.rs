//! Changing messages: labels, flags, folder, deletion.

use super::arguments::INBOX;
use super::found::FoundJson;
use super::problem::refused;
use super::which::in_inbox;
use crate::call::Scopes;
use crate::http::api::fields::FieldKind::{Flag, FolderName, Ids, Labels};
use crate::http::api::fields::{required, sometimes};
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, Tool, ToolContent, ToolHints, ToolStep};
use crate::http::wire::json;
use crate::mail::unicode::one_line;

pub(super) static UPDATE_MESSAGES: Tool = Tool {
    name: "update_messages",
    title: "Change or delete messages",
    says: "Changes up to 100 messages: labels, seen, flagged, folder; or deletes them (to Trash).",
    arguments: &[
        INBOX,
        required("ids", Ids(IDS_MAX), "", ""),
        sometimes("add_labels", Labels, "", ""),
        sometimes("remove_labels", Labels, "", ""),
        sometimes("seen", Flag, "", ""),
        sometimes("flagged", Flag, "", ""),
        sometimes("folder", FolderName, "", "to move to"),
        sometimes("delete", Flag, "", ""),
        sometimes("permanent", Flag, "", "with delete: for good"),
    ],
    hints: ToolHints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: false,
    },
    need: Scopes::MESSAGES_WRITE,
    run: |arguments| {
        let body = arguments.body(&[
            "ids",
            "add_labels",
            "remove_labels",
            "seen",
            "flagged",
            "folder",
            "delete",
            "permanent",
        ]);
        in_inbox(arguments, move |inbox| {
            let asked = ApiRequest::new("POST", &["inboxes", inbox, "messages", "batch"]);
            ToolStep::ask(asked.json(body), |answer, _| show(&answer))
        })
    },
};

fn show(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let rows = FoundJson(&body).list("data");
    let failed: Vec<FoundJson<'_>> = rows.iter().copied().filter(|row| !row.flag("ok")).collect();
    let done = rows.len() - failed.len();
    let mut text = format!("{done} of {} messages changed.\n", rows.len());
    for row in &failed {
        let error = row.at("error");
        let [message, hint] = ["message", "hint"].map(|name| error.text(name));
        text.push_str(&format!(
            "- {}: {message} {hint}\n",
            one_line(row.text("id"), ID_MAX)
        ));
    }
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        object.number("changed", done as u64);
        json::list(object.value("failed"), &failed, |out, row| {
            json::object(out, |object| {
                object.text("id", row.text("id"));
                object.text("code", row.at("error").text("code"));
            });
        });
    });
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        is_error: done == 0,
        ..ToolContent::text(text)
    })
}

/// Messages of one call: each may have a line in the answer.
const IDS_MAX: usize = 100;
/// Characters of an id of the caller that is shown again.
const ID_MAX: usize = 40;
