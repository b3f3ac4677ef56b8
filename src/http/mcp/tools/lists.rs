//! Lists of messages: with filters, and by words.

use super::arguments::{CURSOR, INBOX, LIMIT, READS};
use super::found::FoundJson;
use super::letter::{row, row_words};
use super::problem::refused;
use crate::call::{Scopes, ThreadId, Verdict};
use crate::http::api::fields::FieldKind::{Flag, Id, OneOf, Text, Time};
use crate::http::api::fields::{ANY, required, sometimes};
use crate::http::mcp::fence::Fence;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, FenceId, Tool, ToolArguments, ToolStep};

pub(super) static LIST_MESSAGES: Tool = Tool {
    name: "list_messages",
    title: "List messages",
    says: "Lists mail, newest first: id, sender, subject, preview, verdict, unread. Without `folder`: \
           mail that has arrived. Nothing is marked as read.",
    arguments: &[
        INBOX,
        sometimes(
            "folder",
            Text(ANY),
            "",
            "INBOX, Sent, Drafts, Trash, Junk, your own, or all",
        ),
        sometimes("label", Text(ANY), "", ""),
        sometimes("unread", Flag, "", ""),
        sometimes("from", Text(ANY), "", "part of a name or address"),
        sometimes("to", Text(ANY), "", ""),
        sometimes("subject", Text(ANY), "", "part of it"),
        sometimes("since", Time, "", ""),
        sometimes("until", Time, "", ""),
        sometimes("has_attachment", Flag, "", ""),
        sometimes("verdict", OneOf(Verdict::NAMES), "", ""),
        sometimes("thread", Id(ThreadId::PREFIX), "", ""),
        LIMIT,
        CURSOR,
    ],
    hints: READS,
    need: Scopes::MESSAGES_READ,
    run: |arguments| {
        let filters = arguments.query(&[
            "folder",
            "label",
            "unread",
            "from",
            "to",
            "subject",
            "since",
            "until",
            "has_attachment",
            "verdict",
            "thread",
            "cursor",
        ]);
        list(arguments, filters)
    },
};

pub(super) static SEARCH: Tool = Tool {
    name: "search",
    title: "Search mail",
    says: "Full-text search of mail, newest first, with a snippet of each hit.",
    arguments: &[
        required(
            "q",
            Text(ANY),
            "",
            "words and \"phrases\"; from: to: subject: label: in:folder has:attachment is:unread \
             after:2026-01-31 before:… ; - excludes",
        ),
        INBOX,
        LIMIT,
        CURSOR,
    ],
    hints: READS,
    need: Scopes::MESSAGES_READ,
    run: |arguments| list(arguments, arguments.query(&["q", "cursor"])),
};

/// Asks for a page, of one inbox or of all, and shows it.
fn list(arguments: &ToolArguments<'_>, filters: Vec<(String, String)>) -> ToolStep {
    let inbox = arguments.text("inbox");
    let mut asked = match inbox {
        Some(inbox) => ApiRequest::new("GET", &["inboxes", inbox, "messages"]),
        None => ApiRequest::new("GET", &["messages"]),
    };
    asked.query = filters;
    let rows = arguments.number("limit").unwrap_or(ROWS);
    let names_inbox = inbox.is_none();
    let is_plain = asked.query.is_empty();
    ToolStep::ask(
        asked.with("limit", rows.to_string()),
        move |answer, fence| {
            if answer.is_refused() {
                return refused(&answer);
            }
            let more = "cursor";
            ToolStep::text(page(&answer, fence, more, (names_inbox, is_plain)))
        },
    )
}

/// The newest messages of an inbox, as a resource.
pub(in crate::http::mcp) fn newest(answer: &ApiAnswer, fence: FenceId) -> String {
    page(answer, fence, "list_messages, cursor", (false, true))
}

fn page(
    answer: &ApiAnswer,
    fence: FenceId,
    more: &str,
    (names_inbox, is_plain): (bool, bool),
) -> String {
    let body = answer.json();
    let page = FoundJson(&body);
    let rows = page.list("data");
    if rows.is_empty() {
        let where_else = match is_plain {
            true => " Sent, Drafts, Trash and Junk were not looked at; `folder` names them.",
            false => "",
        };
        return format!("No message.{where_else}\n");
    }
    let mut out = String::new();
    for (at, message) in rows.iter().enumerate() {
        out.push_str(&format!("{}. {}\n", at + 1, row(*message, names_inbox)));
    }
    if !page.at("next_cursor").is_null() {
        out.push_str(&format!("More: {more}={}\n", page.text("next_cursor")));
    }
    Fence::new(fence).around(&mut out, |fenced| {
        for (at, message) in rows.iter().enumerate() {
            row_words(fenced, at + 1, *message);
        }
    });
    out
}

/// Rows of a page without `limit`.
const ROWS: u64 = 10;
