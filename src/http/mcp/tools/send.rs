//! Sending: a new message, an answer, a message that is handed on, a draft.

use super::arguments::INBOX;
use super::found::FoundJson;
use super::problem::{not_done, refused};
use super::which::in_inbox;
use crate::call::bounds::IDEMPOTENCY_KEY_BYTES_MAX;
use crate::call::{EntryId, RepeatKey, Scopes, UploadId};
use crate::http::api::fields::FieldKind::{
    Addresses, AnyObject, AttachmentId, Base64, Flag, Id, InboxName, Line, MediaType, Objects,
    Text, Time,
};
use crate::http::api::fields::{ANY, BodyTable, FieldRow, TextBound, octets, sometimes};
use crate::http::mcp::tool::{
    ApiAnswer, ApiRequest, Tool, ToolArguments, ToolContent, ToolHints, ToolStep,
};
use crate::http::wire::json;

/// A file to send.
const FILE: BodyTable = BodyTable {
    name: "File",
    says: "",
    optional: false,
    example: "",
    fields: &[
        sometimes("filename", Line(ANY), "", ""),
        sometimes("content_type", MediaType, "", ""),
        sometimes("content", Base64, "", "base64"),
        sometimes("upload_id", Id(UploadId::PREFIX), "", "in place of content"),
        sometimes(
            "from_message",
            Id(EntryId::PREFIX),
            "",
            "likewise: attachment `id` of this mail",
        ),
        sometimes("id", AttachmentId, "", "such as att_2"),
        sometimes("from_inbox", InboxName, "", "of that mail, if another"),
    ],
};

pub(super) const TO: FieldRow = sometimes("to", Addresses, "", "");
pub(super) const CC: FieldRow = sometimes("cc", Addresses, "", "");
pub(super) const BCC: FieldRow = sometimes("bcc", Addresses, "", "");
pub(super) const SUBJECT: FieldRow = sometimes("subject", Line(ANY), "", "");
pub(super) const TEXT: FieldRow = sometimes("text", Text(ANY), "", "");
pub(super) const MARKDOWN: FieldRow = sometimes(
    "markdown",
    Text(ANY),
    "",
    "in place of text: makes text and HTML",
);
pub(super) const ATTACHMENTS: FieldRow = sometimes("attachments", Objects(&FILE), "", "");

pub(super) static SEND: Tool = Tool {
    name: "send",
    title: "Send mail",
    says: "Sends a new message, a reply (reply_to_message), a forward (forward_message, with its \
           attachments) or a draft. Says sent, HELD for a person's approval, or refused and why. \
           The same message again within ten minutes is sent once, \
           unless it has another idempotency_key.",
    arguments: &[
        INBOX,
        TO,
        CC,
        BCC,
        SUBJECT,
        TEXT,
        MARKDOWN,
        sometimes(
            "reply_to_message",
            Id(EntryId::PREFIX),
            "",
            "answers its sender; without to and subject",
        ),
        sometimes("reply_all", Flag, "", "with reply_to_message"),
        sometimes("forward_message", Id(EntryId::PREFIX), "", ""),
        sometimes("draft", Id(EntryId::PREFIX), "", "alone, or with send_at"),
        ATTACHMENTS,
        sometimes("send_at", Time, "", "later"),
        sometimes(
            "metadata",
            AnyObject(METADATA_BYTES_MAX),
            "",
            "yours; comes back with answers",
        ),
        sometimes("dry_run", Flag, "", "only says what would happen"),
        sometimes("idempotency_key", Line(KEY), "", ""),
    ],
    hints: ToolHints {
        read_only: false,
        destructive: false,
        idempotent: true,
        open_world: true,
    },
    need: Scopes::MESSAGES_WRITE,
    run: send,
};

/// What the call sends.
enum SendWay {
    New,
    Reply(String),
    ReplyAll(String),
    Forward(String),
    Draft(String),
}

impl SendWay {
    /// The segments of its path behind those of the inbox.
    fn path(&self) -> Vec<&str> {
        match self {
            SendWay::New => vec!["messages"],
            SendWay::Reply(id) => vec!["messages", id, "reply"],
            SendWay::ReplyAll(id) => vec!["messages", id, "reply-all"],
            SendWay::Forward(id) => vec!["messages", id, "forward"],
            SendWay::Draft(id) => vec!["drafts", id, "send"],
        }
    }

    /// The arguments that its body has.
    fn fields(&self) -> &'static [&'static str] {
        match self {
            SendWay::New => &[
                "to",
                "cc",
                "bcc",
                "subject",
                "text",
                "markdown",
                "attachments",
                "send_at",
                "metadata",
            ],
            SendWay::Reply(_) | SendWay::ReplyAll(_) => &[
                "cc",
                "bcc",
                "text",
                "markdown",
                "attachments",
                "send_at",
                "metadata",
            ],
            SendWay::Forward(_) => &[
                "to",
                "cc",
                "bcc",
                "text",
                "markdown",
                "attachments",
                "send_at",
                "metadata",
            ],
            SendWay::Draft(_) => &["send_at"],
        }
    }
}

fn send(arguments: &ToolArguments<'_>) -> ToolStep {
    let way = match way(arguments) {
        Ok(way) => way,
        Err(wrong) => return wrong,
    };
    let fields = way.fields();
    let strange = MESSAGE_FIELDS
        .iter()
        .find(|field| !fields.contains(field) && arguments.value(field).is_some());
    if let Some(field) = strange {
        let why = format!(
            "`{field}` cannot stand there. A reply goes to its sender under its subject (cc adds \
             others), a forward has its own subject, and a draft is sent as it is."
        );
        return not_done(field, &why);
    }
    let body = arguments.body(fields);
    let dry_run = arguments.flag("dry_run") == Some(true);
    let key = match arguments.text("idempotency_key") {
        Some(key) => RepeatKey::Client(key.to_owned()),
        None => RepeatKey::Request,
    };
    in_inbox(arguments, move |inbox| {
        let mut path = vec!["inboxes", inbox];
        path.extend(way.path());
        let mut asked = ApiRequest::new("POST", &path).json(body);
        asked.repeat_key = Some(key);
        if dry_run {
            asked = asked.with("dry_run", "true");
        }
        ToolStep::ask(asked, move |answer, _| show(&answer))
    })
}

/// What the arguments send; an error where they name two things.
fn way(arguments: &ToolArguments<'_>) -> Result<SendWay, ToolStep> {
    let id = |name: &str| arguments.text(name).map(str::to_owned);
    let all = (id("reply_to_message"), id("forward_message"), id("draft"));
    let all_others = arguments.flag("reply_all") == Some(true);
    match all {
        (None, None, None) if all_others => {
            Err(not_done("reply_all", "`reply_all` needs reply_to_message."))
        }
        (None, None, None) => Ok(SendWay::New),
        (Some(id), None, None) if all_others => Ok(SendWay::ReplyAll(id)),
        (Some(id), None, None) => Ok(SendWay::Reply(id)),
        (None, Some(id), None) => Ok(SendWay::Forward(id)),
        (None, None, Some(id)) => Ok(SendWay::Draft(id)),
        _ => {
            let why = "Give only one of reply_to_message, forward_message and draft.";
            Err(not_done("reply_to_message", why))
        }
    }
}

/// What became of the message, and what to do.
fn show(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let sent = FoundJson(&body);
    if answer.status == TRIED {
        return tried(sent);
    }
    let id = sent.text("id");
    let what = match sent.text("status") {
        "delivered" => "Sent: every recipient has it.".to_owned(),
        "queued" => "Sent: it is on its way. A bounce would come to this inbox as mail.".to_owned(),
        "held" => format!(
            "HELD, not sent: it waits for a person's approval ({}). Do not send it again; tell your \
             user.",
            sent.text("approval")
        ),
        "scheduled" => format!("Scheduled: it leaves at its time. To cancel it, delete {id}."),
        "draft" => {
            "NOT sent: the inbox makes drafts of what it sends. Tell your user, who sends it."
                .to_owned()
        }
        other => format!("Accepted: {other}."),
    };
    let text = format!("{what}\nid {id}, thread {}\n", sent.text("thread_id"));
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        for name in ["status", "id", "thread_id", "message_id", "approval"] {
            if !sent.at(name).is_null() {
                object.text(name, sent.text(name));
            }
        }
    });
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        ..ToolContent::text(text)
    })
}

/// What would become of it.
fn tried(trial: FoundJson<'_>) -> ToolStep {
    let mut text = format!(
        "Nothing was sent. It would be: {}.\n",
        trial.text("decision")
    );
    for row in trial.list("recipients").into_iter().take(RECIPIENTS_MAX) {
        let [address, decision, reason, fix] =
            ["address", "decision", "reason", "fix"].map(|name| row.text(name));
        text.push_str(&format!("- {address}: {decision} {reason} {fix}\n"));
    }
    ToolStep::text(text)
}

/// An idempotency key, as in the field of the API.
const KEY: TextBound = octets(IDEMPOTENCY_KEY_BYTES_MAX);
/// The arguments that make a message.
const MESSAGE_FIELDS: &[&str] = &[
    "to",
    "cc",
    "bcc",
    "subject",
    "text",
    "markdown",
    "attachments",
    "metadata",
];
/// The status of an answer that says what would happen.
const TRIED: u16 = 200;
/// Recipients that are named.
const RECIPIENTS_MAX: usize = 20;
/// Octets of the caller's own object, as everywhere.
const METADATA_BYTES_MAX: usize = crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
