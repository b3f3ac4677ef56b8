//! Reading a conversation.

use super::arguments::{CHARS, CURSOR, INBOX, LIMIT, MAX_CHARS, READS};
use super::found::FoundJson;
use super::letter::{address, row, sender, time};
use super::problem::refused;
use super::which::in_inbox;
use crate::call::{Scopes, ThreadId};
use crate::http::api::fields::FieldKind::Id;
use crate::http::api::fields::required;
use crate::http::mcp::fence::Fence;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, FenceId, Tool, ToolStep};

pub(super) static READ_THREAD: Tool = Tool {
    name: "read_thread",
    title: "Read a conversation",
    says: "Reads a conversation, oldest message first, each without quoted history. Long ones are cut to \
           share max_chars; read_message has the rest.",
    arguments: &[
        INBOX,
        required("thread", Id(ThreadId::PREFIX), "", "thread_id of a message"),
        LIMIT,
        CURSOR,
        MAX_CHARS,
    ],
    hints: READS,
    need: Scopes::MESSAGES_READ,
    run: |arguments| {
        let thread = arguments.text("thread").unwrap_or_default().to_owned();
        let max_chars = arguments.number("max_chars").unwrap_or(CHARS);
        let limit = arguments.number("limit").unwrap_or(ROWS);
        let cursor = arguments.query(&["cursor"]);
        in_inbox(arguments, move |inbox| {
            let mut asked = ApiRequest::new("GET", &["inboxes", inbox, "threads", &thread])
                .with("view", "full")
                .with("limit", limit.to_string())
                .with("max_chars", max_chars.to_string());
            asked.query.extend(cursor);
            let max_chars = usize::try_from(max_chars).unwrap_or(usize::MAX);
            ToolStep::ask(asked, move |answer, fence| show(&answer, fence, max_chars))
        })
    },
};

fn show(answer: &ApiAnswer, fence: FenceId, max_chars: usize) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let thread = FoundJson(&body);
    let messages = thread.list("messages");
    let texts: Vec<&str> = messages
        .iter()
        .map(|message| message.text("extracted_text"))
        .collect();
    let room = share(&texts, max_chars);
    let mut out = format!(
        "Thread {} in inbox {}: {} messages, {} unread.\n",
        thread.text("id"),
        thread.text("inbox_id"),
        thread.text("message_count"),
        thread.text("unread_count"),
    );
    for (at, (message, text)) in messages.iter().zip(&texts).enumerate() {
        let cut = match text.chars().nth(room) {
            Some(_) => ", cut",
            None => "",
        };
        out.push_str(&format!(
            "{}. {}; sender {}{cut}\n",
            at + 1,
            row(*message, false),
            sender(*message)
        ));
    }
    if !thread.at("next_cursor").is_null() {
        out.push_str(&format!("More: cursor={}\n", thread.text("next_cursor")));
    }
    Fence::new(fence).around(&mut out, |fenced| {
        fenced.field("Subject", thread.text("subject"), LINE_MAX);
        for (at, (message, text)) in messages.iter().zip(&texts).enumerate() {
            fenced.gap();
            let from = address(message.at("from"));
            fenced.line(
                &format!("{}. From: {from}, {}", at + 1, time(message.text("date"))),
                LINE_MAX,
            );
            for file in message.list("attachments").into_iter().take(FILES_MAX) {
                let (id, name) = (file.text("id"), file.text("filename"));
                fenced.line(&format!("Attachment {id}: {name}"), LINE_MAX);
            }
            let end = text
                .char_indices()
                .nth(room)
                .map_or(text.len(), |(end, _)| end);
            fenced.text(text.get(..end).unwrap_or(text));
        }
    });
    ToolStep::text(out)
}

/// How many characters of each text are shown, so that all together are at most `max_chars`: short
/// texts leave their room to the long ones.
fn share(texts: &[&str], max_chars: usize) -> usize {
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.chars().count()).collect();
    lengths.sort_unstable();
    let (mut left, mut others) = (max_chars, lengths.len());
    for length in lengths {
        let each = left / others.max(1);
        if length > each {
            return each;
        }
        left -= length;
        others -= 1;
    }
    max_chars
}

/// Messages of a page without `limit`, files of one, characters of a line.
const ROWS: u64 = 10;
const FILES_MAX: usize = 10;
const LINE_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn short_texts_leave_their_room() {
        let text = |n: usize| "é".repeat(n);
        let (a, b, c) = (text(10), text(100), text(1000));
        assert_eq!(share(&[&a, &b, &c], 200), 95);
        assert_eq!(share(&[&c, &c], 200), 100);
        assert_eq!(share(&[&a, &b], 200), 200);
        assert_eq!(share(&[&a, &a, &a], 2), 0);
        assert_eq!(share(&[], 200), 200);
    }
}
