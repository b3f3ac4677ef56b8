//! Waiting for a message.

use super::arguments::{CHARS, INBOX, READS};
use super::found::FoundJson;
use super::letter::{extras, facts, files, header};
use super::problem::refused;
use super::which::in_inbox;
use crate::call::bounds::WAIT_S_MAX;
use crate::call::{Scopes, ThreadId};
use crate::http::api::fields::FieldKind::{Flag, Id, Number, Text};
use crate::http::api::fields::{ANY, sometimes};
use crate::http::mcp::fence::Fence;
use crate::http::mcp::tool::{
    ApiAnswer, ApiRequest, ContentPart, FenceId, Tool, ToolContent, ToolStep,
};

pub(super) static WAIT_FOR_MESSAGE: Tool = Tool {
    name: "wait_for_message",
    title: "Wait for a message",
    says: "Waits for mail, such as a sign-in code, and gives it with its code. What came in the last 60 \
           seconds counts; `since` changes that.",
    arguments: &[
        INBOX,
        sometimes(
            "timeout",
            Number {
                min: 0,
                max: WAIT_S_MAX,
            },
            "",
            "seconds; default 25",
        ),
        sometimes("from", Text(ANY), "", "whole address or domain"),
        sometimes("to", Text(ANY), "", ""),
        sometimes("subject", Text(ANY), "", "part of it"),
        sometimes("since", Text(ANY), "", "RFC 3339 time, or 0 for all mail"),
        sometimes("has_code", Flag, "", ""),
        sometimes("thread", Id(ThreadId::PREFIX), "", ""),
    ],
    hints: READS,
    need: Scopes::MESSAGES_READ,
    run: |arguments| {
        let filters = arguments.query(&["from", "to", "subject", "since", "has_code", "thread"]);
        let timeout = arguments.number("timeout").unwrap_or(TIMEOUT_S);
        in_inbox(arguments, move |inbox| {
            let mut asked = ApiRequest::new("GET", &["inboxes", inbox, "messages", "wait"])
                .with("timeout", timeout.to_string());
            asked.query.extend(filters);
            ToolStep::ask(asked, move |answer, fence| show(&answer, fence, timeout))
        })
    },
};

fn show(answer: &ApiAnswer, fence: FenceId, timeout: u64) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    if answer.status == 204 {
        return ToolStep::text(format!(
            "No message came in {timeout} s. Call again to wait on, or look with list_messages \
             (folder=Junk too).\n"
        ));
    }
    let body = answer.json();
    let message = FoundJson(&body);
    let mut out = String::new();
    facts(&mut out, message);
    let text = message.text("extracted_text");
    let max = usize::try_from(CHARS).unwrap_or(usize::MAX);
    let end = text
        .char_indices()
        .nth(max)
        .map_or(text.len(), |(end, _)| end);
    if end < text.len() {
        out.push_str("It is long and cut: read_message has all of it.\n");
    }
    Fence::new(fence).around(&mut out, |fenced| {
        header(fenced, message);
        extras(fenced, message);
        fenced.gap();
        fenced.text(text.get(..end).unwrap_or(text));
    });
    let mut parts = vec![ContentPart::Text(out)];
    parts.extend(files(message));
    ToolStep::Tell(ToolContent {
        parts,
        ..ToolContent::default()
    })
}

/// Seconds without `timeout`: some clients give a call 30 seconds.
const TIMEOUT_S: u64 = 25;
