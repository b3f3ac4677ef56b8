//! Threads of an inbox: listed, and read with their messages.

use std::sync::Arc;

use super::address::ADDRESS;
use super::codes;
use super::fields::FieldKind::{self, Flag, Id, List, Number, Object, Text, Time};
use super::fields::{ANY, FieldRow};
use super::list::{FOLDER, FROM, LABEL, SINCE, SUBJECT, TO, UNREAD, UNTIL, listed_ask};
use super::message::{FORMAT, MAX_CHARS, MESSAGE, VIEW};
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, EntryId, InboxId, MessageFilter, MessageRead, MessageView, ThreadId, ThreadView,
};

static THREAD: Shape<ThreadView> = shape! {
    "Thread", "A conversation in an inbox. Of one with more than 500 messages the newest 500 count.";
    id: always Id(ThreadId::PREFIX), r#""thr_01Hq7Zk3VdX""#,
        "Its id, the `thread_id` of its messages; it never changes."
        => |slot, view| slot.shown(view.id);
    inbox_id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "The inbox that it is in."
        => |slot, view| slot.shown(view.inbox);
    subject: always Text(ANY), r#""Hello""#, "The subject of its oldest message."
        => |slot, view| slot.text(&view.subject);
    participants: always List(&Object(&ADDRESS)), "[]",
        "Who is in From, To and Cc of its messages, each once, the newest first; at most 50."
        => |mut slot, view| ADDRESS.write_list(slot.octets(), &view.participants);
    message_count: always COUNTED, "3", "How many messages it has."
        => |slot, view| slot.number(u64::from(view.messages));
    unread_count: always COUNTED, "1", "How many of them have not been seen."
        => |slot, view| slot.number(u64::from(view.unread));
    labels: always List(&Text(ANY)), r#"["urgent"]"#, "The labels of its messages, at most 50."
        => |slot, view| slot.texts(&view.labels);
    folders: always List(&Text(ANY)), r#"["INBOX","Sent"]"#,
        "The folders that its messages are in, at most 50."
        => |slot, view| slot.texts(&view.folders);
    preview: always Text(ANY), r#""Hello, here is the report.""#,
        "The beginning of the text of its newest message."
        => |slot, view| slot.text(&view.preview);
    has_attachments: always Flag, "true", "Whether one of its messages has an attachment."
        => |slot, view| slot.flag(view.has_attachments);
    first_message_at: always Time, r#""2026-01-31T12:00:00.000Z""#,
        "When its oldest message was received."
        => |slot, view| slot.time(view.first_at);
    last_message_at: always Time, r#""2026-01-31T12:00:01.000Z""#,
        "When its newest message was received."
        => |slot, view| slot.time(view.last_at);
    last_message_id: always Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#,
        "The `id` of its newest message."
        => |slot, view| slot.shown(view.last);
};

/// A count of messages.
const COUNTED: FieldKind = Number { min: 0, max: 500 };

/// A thread with a page of its messages.
struct OpenedThread {
    thread: ThreadView,
    rows: Vec<Arc<MessageView>>,
    next: Option<String>,
}

static OPENED: Shape<OpenedThread> = shape! {
    "OpenedThread", "A conversation with a page of its messages.";
    ..THREAD of |object, opened| THREAD.write_fields(object, &opened.thread);
    messages: always List(&Object(&MESSAGE)), "[]",
        "A page of its messages, oldest first; without their content in `view=summary`."
        => |mut slot, opened| {
            MESSAGE.write_list(slot.octets(), opened.rows.iter().map(|row| &**row))
        };
    next_cursor: or_null Text(ANY), "null",
        "The `cursor` of the next page of messages; null on the last."
        => |slot, opened| slot.text_or_null(opened.next.as_deref());
};

const IN_FOLDER: FieldRow = FieldRow {
    says: "A folder by its name; `all` is every one. Messages in Trash and Junk count only where \
           this names them.",
    ..FOLDER
};

const WITH_UNREAD: FieldRow = FieldRow {
    says: "Only threads with a message that has not been read, or that has.",
    ..UNREAD
};

pub(crate) static LIST: Operation = Operation {
    id: "threads.list",
    summary: "List threads",
    says: "Lists the conversations of the inbox, the newest activity first. One is listed when a \
           message of it meets every filter. Messages in Trash and Junk do not count, unless \
           `folder` names them. A page may end early when its rows are large or the list has \
           looked at very many messages; `next_cursor` then goes on.",
    query: &[
        LIMIT,
        CURSOR,
        IN_FOLDER,
        LABEL,
        WITH_UNREAD,
        FROM,
        TO,
        SUBJECT,
        SINCE,
        UNTIL,
    ],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of threads.",
        content: ResponseContent::Page(&THREAD),
    }],
    errors: &[codes::NOT_FOUND, codes::SEARCH_DEADLINE],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let query = &mut request.parameters;
    let filter = MessageFilter {
        folder: query.text("folder"),
        label: query.text("label"),
        seen: query.flag("unread").map(|unread| !unread),
        from: query.text("from"),
        to: query.text("to"),
        subject: query.text("subject"),
        since: query.time("since"),
        until: query.time("until"),
        ..MessageFilter::default()
    };
    let call = MessageRead::Threads {
        inbox,
        filter: Box::new(filter),
        cursor: query.text("cursor"),
        limit: query.limit(),
        progress: Box::default(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Threads { rows, next } => Some(THREAD.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

/// `view` of a thread.
const MESSAGE_VIEW: FieldRow = FieldRow {
    says: "`full` is with the content of each message, as one message has it; a page then ends early \
           when its texts are long.",
    ..VIEW.or("\"summary\"")
};

pub(crate) static READ: Operation = Operation {
    id: "threads.read",
    summary: "Read a thread",
    says: "Reads a conversation with a page of its messages, oldest first. A thread whose messages \
           are all in Trash and Junk is shown with them.",
    query: &[LIMIT, CURSOR, IN_FOLDER, MESSAGE_VIEW, FORMAT, MAX_CHARS],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The thread.",
        content: ResponseContent::One(&OPENED),
    }],
    errors: &[codes::NOT_FOUND, codes::SEARCH_DEADLINE],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let id = request.id(1, "thread", ThreadId::parse)?;
    let query = &mut request.parameters;
    let ask = listed_ask(query, "thread")?;
    let call = MessageRead::Thread {
        inbox,
        id,
        folder: query.text("folder"),
        ask,
        cursor: query.text("cursor"),
        limit: query.limit(),
        progress: Box::default(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Thread { thread, rows, next } => {
                let opened = OpenedThread {
                    thread: *thread,
                    rows,
                    next,
                };
                Some(OPENED.response(200, &opened))
            }
            _ => None,
        },
    ))
}
