//! Lists of messages: of one inbox, and of all inboxes of a key, with the same filters.

use std::sync::Arc;

use super::codes::{self, ErrorCode};
use super::fields::FieldKind::{Flag, Id, InboxNames, Keyword, Plain, SearchWords, SomeOf, Time};
use super::fields::{ANY, FieldRow, sometimes};
use super::message::{FORMAT, MAX_CHARS, MESSAGE, VIEW, content_ask};
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::values::Values;
use crate::call::bounds::SEARCH_WORDS_MAX;
use crate::call::{
    Answer, ContentAsk, ContentView, MessageFilter, MessageRead, MessageView, ThreadId, Verdict,
};
use crate::http::stream::INBOXES_MAX;
use crate::http::wire::response::Response;

const INBOX: FieldRow = sometimes(
    "inbox",
    InboxNames,
    r#""inb_01Hq7Zk3VdX""#,
    "Only messages of these inboxes, at most 100; one that is not there is 404.",
);
pub(super) const FOLDER: FieldRow = sometimes(
    "folder",
    Plain(ANY),
    r#""INBOX""#,
    "A folder by its name; `all` is every one.",
);
pub(super) const LABEL: FieldRow = sometimes(
    "label",
    Keyword,
    r#""urgent""#,
    "Only messages with this label.",
);
const SEEN: FieldRow = sometimes(
    "seen",
    Flag,
    "false",
    "Only messages that have been read, or only those that have not.",
);
pub(super) const UNREAD: FieldRow = sometimes(
    "unread",
    Flag,
    "true",
    "The same as `seen`, the other way round: `unread=true` is `seen=false`.",
);
pub(super) const FROM: FieldRow = sometimes(
    "from",
    Plain(ANY),
    r#""ann@""#,
    "Text within the names and addresses of From.",
);
pub(super) const TO: FieldRow = sometimes(
    "to",
    Plain(ANY),
    r#""bob@""#,
    "Text within the names and addresses of To and Cc.",
);
pub(super) const SUBJECT: FieldRow = sometimes(
    "subject",
    Plain(ANY),
    r#""report""#,
    "Text within the subject.",
);
const Q: FieldRow = sometimes(
    "q",
    SearchWords(SEARCH_WORDS_MAX),
    r#""report january""#,
    "What to look for, at most 10 words or phrases in quotation marks, all of which a message must \
     have in its subject, in names and addresses of From, To and Cc, or in its text. `from:`, \
     `to:`, `subject:`, `label:`, `in:` a folder, `has:attachment`, `is:unread`, `is:read`, \
     `is:flagged`, `after:2026-01-31`, `before:2026-02-28` (days of UTC), `larger:100k`, \
     `smaller:2m` and `thread:` narrow it; `-` in front of any of them excludes. Case does not \
     matter.",
);
pub(super) const SINCE: FieldRow = sometimes(
    "since",
    Time,
    r#""2026-01-01T00:00:00Z""#,
    "Received at this time or later.",
);
pub(super) const UNTIL: FieldRow = sometimes(
    "until",
    Time,
    r#""2026-02-01T00:00:00Z""#,
    "Received before this time.",
);
const HAS_ATTACHMENTS: FieldRow = sometimes(
    "has_attachments",
    Flag,
    "true",
    "Only messages with an attachment, or without.",
);
const HAS_ATTACHMENT: FieldRow = sometimes(
    "has_attachment",
    Flag,
    "true",
    "The same as `has_attachments`.",
);
const VERDICT: FieldRow = sometimes(
    "verdict",
    SomeOf(Verdict::NAMES),
    r#""clean""#,
    "Only messages with one of these verdicts. A message that was not judged has none.",
);
const SPAM: FieldRow = sometimes(
    "spam",
    SomeOf(Verdict::NAMES),
    r#""clean""#,
    "The same as `verdict`.",
);
const HAS_CODE: FieldRow = sometimes(
    "has_code",
    Flag,
    "true",
    "Only messages with a one-time code, or without.",
);
const THREAD: FieldRow = sometimes(
    "thread",
    Id(ThreadId::PREFIX),
    r#""thr_01Hq7Zk3VdX""#,
    "Only this conversation.",
);

/// `view` of a list, which is short without it.
const LIST_VIEW: FieldRow = FieldRow {
    says: "Without it a row has what is known without a look into the message. `summary` adds \
           `attachments`, `links`, `codes_found`, `hidden_content`, `chars` and `tokens_estimate`; \
           `full` adds all of the content, as one message has it. Both read each message, and a page \
           then ends early when its texts are long.",
    ..VIEW
};

/// The query of a list over all inboxes.
const IN_ALL: &[FieldRow] = &[
    INBOX,
    LIMIT,
    CURSOR,
    FOLDER,
    LABEL,
    SEEN,
    UNREAD,
    FROM,
    TO,
    SUBJECT,
    Q,
    SINCE,
    UNTIL,
    HAS_ATTACHMENTS,
    HAS_ATTACHMENT,
    VERDICT,
    SPAM,
    THREAD,
    HAS_CODE,
    LIST_VIEW,
    FORMAT,
    MAX_CHARS,
];
/// The query of a list of one inbox: the path names it.
const IN_INBOX: &[FieldRow] = match IN_ALL {
    [_, rest @ ..] => rest,
    [] => &[],
};

const LIST_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "A page of messages.",
    content: ResponseContent::Page(&MESSAGE),
}];

const LIST_ERRORS: &[&ErrorCode] = &[codes::NOT_FOUND, codes::SEARCH_DEADLINE];

pub(crate) static LIST_OF_INBOX: Operation = Operation {
    id: "messages.list",
    summary: "List and search messages",
    says: "Lists messages without their content, newest first. Without `folder` these are those \
           that have arrived: in INBOX and your own folders, not in Sent, Drafts, Trash and Junk. \
           With `q` it is a search of every folder but Trash and Junk, by the time of receipt, \
           newest first, and each message has a `snippet`. A page is full or the last one; one \
           whose rows are large, and a list with other filters that has looked at very many \
           messages, may end early, and `next_cursor` then goes on. A page without a message is the last one.",
    query: IN_INBOX,
    takes: Takes::Nothing,
    gives: LIST_GIVES,
    errors: LIST_ERRORS,
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MessageRead::List {
        inbox: request.inbox()?,
        filter: Box::new(filter(&mut request.parameters)?),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
        progress: Box::default(),
    };
    page(&mut request.parameters, call)
}

pub(crate) static LIST_OF_ALL: Operation = Operation {
    id: "messages.list_all",
    summary: "List and search messages of all inboxes",
    says: "Lists the messages of every inbox that the key may see, or of those that `inbox` names, \
           with the filters and in the order of the list of one inbox. `inbox_id` says where each \
           is.",
    query: IN_ALL,
    takes: Takes::Nothing,
    gives: LIST_GIVES,
    errors: LIST_ERRORS,
    run: list_all,
};

fn list_all(request: &mut RouteRequest<'_>) -> RouteResult {
    let inboxes = request.parameters.inboxes("inbox").unwrap_or_default();
    if inboxes.len() > INBOXES_MAX {
        let why = format!("may name at most {INBOXES_MAX} inboxes");
        return Err(Problem::invalid("inbox", &why));
    }
    let call = MessageRead::ListAll {
        inboxes,
        filter: Box::new(filter(&mut request.parameters)?),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
        progress: Box::default(),
    };
    page(&mut request.parameters, call)
}

/// A page of a list, with the content of its messages if the query wants it.
fn page(query: &mut Values, mut call: MessageRead) -> RouteResult {
    if let Some(ask) = listed_ask(query, "list")?
        && let MessageRead::List { limit, filter, .. } | MessageRead::ListAll { limit, filter, .. } =
            &mut call
    {
        let rows = match filter.q {
            // A search is carried out once for the page.
            Some(_) => *limit,
            None => core::mem::replace(limit, 1),
        };
        call = MessageRead::Opened {
            list: Box::new(call),
            ask,
            limit: rows,
            so_far: Box::default(),
        };
    }
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Messages { rows, next } => Some(page_of(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

/// The response of a page of messages.
pub(super) fn page_of(rows: &[Arc<MessageView>], next: Option<&str>) -> Response {
    MESSAGE.page_with(rows, next, write_row)
}

/// Writes a row, as it was written before if it is one that is shown again.
fn write_row(out: &mut Vec<u8>, row: &Arc<MessageView>) {
    if let Some(octets) = row.written.octets() {
        return out.extend_from_slice(octets);
    }
    let begin = out.len();
    MESSAGE.write(out, row);
    // Someone else holds a row that is shown again.
    if Arc::strong_count(row) > 1 && row.content.is_none() {
        row.written.keep(out.get(begin..).unwrap_or_default());
    }
}

/// What is wanted of the content of messages that are listed; `None` is nothing. `place` is the
/// word for what lists them.
pub(super) fn listed_ask(
    query: &mut Values,
    place: &str,
) -> Result<Option<ContentAsk>, Box<Problem>> {
    let view = query.text("view");
    let mut ask = content_ask(query, false);
    if view.as_deref() == Some("full") {
        return Ok(Some(ask));
    }
    ask.view = ContentView::Summary;
    let name = match (ask.is_markdown, ask.max_chars) {
        (true, _) => "format",
        (false, Some(_)) => "max_chars",
        (false, None) => return Ok(view.is_some().then_some(ask)),
    };
    let why = format!("needs `view=full` in a {place}");
    Err(Problem::invalid(name, &why))
}

fn filter(query: &mut Values) -> Result<MessageFilter, Box<Problem>> {
    let (seen, unread) = (query.flag("seen"), query.flag("unread"));
    let has_attachments = query.flag("has_attachments");
    let has_attachment = query.flag("has_attachment");
    let verdict = query.words("verdict", Verdict::named);
    let verdicts = either(
        ("verdict", verdict),
        ("spam", query.words("spam", Verdict::named)),
    )?;
    Ok(MessageFilter {
        folder: query.text("folder"),
        label: query.text("label"),
        seen: either(("seen", seen), ("unread", unread.map(|unread| !unread)))?,
        from: query.text("from"),
        to: query.text("to"),
        subject: query.text("subject"),
        q: query.text("q"),
        since: query.time("since"),
        until: query.time("until"),
        has_attachments: either(
            ("has_attachments", has_attachments),
            ("has_attachment", has_attachment),
        )?,
        thread: query.conversation("thread"),
        has_code: query.flag("has_code"),
        verdicts: verdicts.unwrap_or_default(),
        sender: None,
    })
}

/// The value of a parameter that has two names.
fn either<T>(
    (name, value): (&str, Option<T>),
    (other, other_value): (&str, Option<T>),
) -> Result<Option<T>, Box<Problem>> {
    match (value, other_value) {
        (Some(_), Some(_)) => {
            let why = format!("says the same as `{name}`: give only one of them");
            Err(Problem::invalid(other, &why))
        }
        (value, other_value) => Ok(value.or(other_value)),
    }
}
