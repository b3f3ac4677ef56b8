//! Sending a message. Texts that end in header fields are checked for control characters by
//! the table, by field, before anything composes them.

use super::codes::{self, ErrorCode};
use super::fields::FieldKind::{
    Addresses, AnyObject, AttachmentId, Base64, Flag, HeaderFields, Id, InboxName, Labels, Line,
    List, MediaType, Object, Objects, OneOf, Text, Time,
};
use super::fields::{ANY, BodyTable, FieldRow, TextBound, TextMax, characters, fields, sometimes};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::{Problem, sentence};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use super::values::Values;
use crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
use crate::call::{
    ApprovalId, Draft, DraftAttachment, DraftPurpose, EntryId, InboxRef, Intake, Route, SendStatus,
    SendTrial, StoredAttachment, ThreadId, TrialRecipient, TrialVerdict, UploadId, Written,
    parse_attachment_id,
};
use crate::http::wire::response::Response;
use crate::mail::write::markdown::SOURCE_MAX;

pub(super) const NEW_ATTACHMENT: BodyTable = BodyTable {
    name: "NewAttachment",
    says: "A file to send with a message: its octets, the id of an upload, or an attachment of a \
           stored message.",
    optional: false,
    example: "",
    fields: fields! {
        upload_id: optional Id(UploadId::PREFIX), r#""upl_01Hq7Zk3VdX""#,
            "An upload, in place of `content`. Its name and its media type hold where none is given.";
        content_type: optional MediaType, r#""text/plain""#,
            "Its media type; without it, what the ending of its name says.";
        content: optional Base64, r#""SGVsbG8=""#,
            "Its octets in base64; needed where there is neither `upload_id` nor `from_message`.";
        from_message: optional Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#,
            "A message whose attachment `id` it is, in place of `content`. Its name and its media \
             type hold where none is given. The key needs `messages:read` for it.";
        id: optional AttachmentId, r#""att_2""#, "The attachment of `from_message`.";
        from_inbox: optional InboxName, r#""inb_01Hq7Zk3VdX""#,
            "The inbox that has `from_message`; without it, the one that sends.";
        filename: optional Line(characters(NAME_CHARACTERS_MAX)), r#""hello.txt""#, "Its name.";
        content_id: optional Line(characters(NAME_CHARACTERS_MAX)), r#""hello""#,
            "Its Content-ID, by which HTML names it, here as `cid:hello`.";
        inline: optional Flag, "true",
            "Whether it is meant to be shown within the text; without it, what has a `content_id` \
             is.";
    },
};

const NEW_MESSAGE: BodyTable = BodyTable {
    name: "NewMessage",
    says: "A message to send. At least one of `to`, `cc` and `bcc` names a recipient.",
    optional: false,
    example: r#"{"to":["Ann <ann@example.com>"],"subject":"Hello","text":"Hello, Ann."}"#,
    fields: fields! {
        to: optional Addresses, r#"["Ann <ann@example.com>"]"#, "Recipients.";
        cc: optional Addresses, "[]", "Recipients of a copy.";
        bcc: optional Addresses, "[]", "Recipients that no recipient sees.";
        reply_to: optional Addresses, "[]", "Where answers go.";
        subject: optional Line(characters(SUBJECT_CHARACTERS_MAX)), r#""Hello""#, "The subject.";
        text: optional Text(ANY), r#""Hello, Ann.""#, "The text.";
        html: optional Text(ANY), r#""<p>Hello, Ann.</p>""#, "The same as HTML.";
        markdown: optional Text(MARKDOWN), r#""Hello, **Ann**.""#,
            "The same as Markdown (CommonMark with tables), in place of `text` and `html`: it makes \
             both. HTML in it is shown as it is written.";
        headers: optional HeaderFields, r#"{"X-Ticket":"17"}"#, "Header fields `X-*` and `List-*`.";
        attachments: optional Objects(&NEW_ATTACHMENT), "[]", "Files.";
        labels: optional Labels, r#"["outreach"]"#, "Labels of the copy in Sent.";
        expires_at: optional Time, r#""2030-02-01T12:00:00Z""#,
            "When your copy ends; a recipient outside that has not got it by then is given up.";
        send_at: optional Time, r#""2030-01-31T12:00:00Z""#,
            "When it leaves, at most a year ahead; a time up to a minute ago is now. Until then it \
             stands in Drafts with the label `$Scheduled`; deleting it cancels it.";
        metadata: optional AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object. It comes back in the copy in Sent, in the queue, in events about the \
             message, and as `in_reply_to_metadata` in what answers it; no recipient sees it.";
    },
};

/// What the response to a send is made of.
struct Sent {
    entry: Option<EntryId>,
    conversation: Option<ThreadId>,
    message_id: String,
    status: SendStatus,
}

static SENT: Shape<Sent> = shape! {
    "Sent", "A message that was accepted and is on the disk.";
    id: or_null Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The copy in Sent, or the draft."
        => |slot, sent| slot.shown_or_null(sent.entry);
    message_id: always Text(ANY), r#""<1@agents.example>""#, "Its Message-ID."
        => |slot, sent| slot.text(&sent.message_id);
    thread_id: or_null Id(ThreadId::PREFIX), r#""thr_01Hq7Zk3VdX""#, "Its conversation."
        => |slot, sent| slot.shown_or_null(sent.conversation);
    status: always OneOf(SendStatus::NAMES), r#""delivered""#,
        "`delivered` when every recipient is local and has it; `queued` when some wait; `held` \
         when it waits for an approval; `scheduled` when it waits for its time; `draft` where the inbox or its organization makes drafts \
         of what it sends."
        => |slot, sent| slot.text(sent.status.name());
    approval: always Id(ApprovalId::PREFIX), r#""apr_01Hq7Zk3VdX""#,
        "The approval that it waits for."
        => |slot, sent| slot.shown_or_null(approval_of(sent)),
        if |sent| approval_of(sent).is_some();
};

fn approval_of(sent: &Sent) -> Option<ApprovalId> {
    match sent.status {
        SendStatus::Held(approval) => Some(approval),
        _ => None,
    }
}

static TRIAL_RECIPIENT: Shape<(TrialVerdict, TrialRecipient)> = shape! {
    "TrialRecipient", "What would become of a message for one recipient.";
    address: always Text(ANY), r#""ann@example.com""#, "The address."
        => |slot, row| slot.text(&row.1.address);
    decision: always OneOf(TrialVerdict::NAMES), r#""send""#,
        "For this recipient alone; one that is refused keeps the whole message."
        => |slot, row| slot.text(of_recipient(row).name());
    reason: or_null Text(ANY), "null", "Why it is refused, as the code of the error."
        => |slot, row| slot.text_or_null(why(row).map(|why| why.0));
    fix: or_null Text(ANY), "null", "What to do."
        => |slot, row| slot.text_or_null(why(row).map(|why| sentence(why.1)).as_deref());
    rule: always Text(ANY), r#""flt_01Hq7Zk3VdX""#, "The rule that refuses it."
        => |slot, row| slot.text_or_null(rule(row)), if |row| rule(row).is_some();
};

static TRIAL: Shape<SendTrial> = shape! {
    "SendTrial", "What would become of a message. Nothing was sent, stored or counted.";
    decision: always OneOf(TrialVerdict::NAMES), r#""send""#,
        "`send`: it would leave; `hold`: it would wait for an approval; `draft`: the inbox makes \
         drafts of what it sends; `refuse`: it would be refused."
        => |slot, trial| slot.text(trial.verdict.name());
    recipients: always List(&Object(&TRIAL_RECIPIENT)), "[]", "Each recipient."
        => |mut slot, trial| {
            let rows: Vec<_> = (trial.recipients.iter())
                .map(|recipient| (trial.verdict, recipient.clone()))
                .collect();
            TRIAL_RECIPIENT.write_list(slot.octets(), &rows);
        };
};

fn of_recipient((whole, recipient): &(TrialVerdict, TrialRecipient)) -> TrialVerdict {
    match (whole, &recipient.refused) {
        (TrialVerdict::Refuse, None) => TrialVerdict::Send,
        (whole, _) => *whole,
    }
}

/// The code and the remedy of a recipient that is refused.
fn why(row: &(TrialVerdict, TrialRecipient)) -> Option<(&'static str, &'static str)> {
    match (row.0, &row.1.refused) {
        (TrialVerdict::OverBudget, _) => Some((
            codes::BUDGET_EXCEEDED.word,
            "send it again on the next day (UTC)",
        )),
        (_, Some((reason, _))) => Some((reason.code(), reason.fix())),
        (_, None) => None,
    }
}

fn rule(row: &(TrialVerdict, TrialRecipient)) -> Option<&str> {
    row.1.refused.as_ref()?.1.as_deref()
}

pub(super) const DRY_RUN: FieldRow = sometimes(
    "dry_run",
    Flag,
    "true",
    "Whether to say only what would become of the message, for each recipient (200).",
);

/// A message that was accepted, or tried.
pub(super) const SENT_OR_TRIED: &[Gives] = &[
    Gives {
        status: 202,
        says: "The message was accepted.",
        content: ResponseContent::One(&SENT),
    },
    Gives {
        status: 200,
        says: "What would become of it, with `dry_run`.",
        content: ResponseContent::One(&TRIAL),
    },
];

/// Why a message is not accepted.
pub(super) const SEND_ERRORS: &[&ErrorCode] = &[
    codes::INVALID_HEADER_VALUE,
    codes::NOT_SUPPORTED,
    codes::NO_SUCH_RECIPIENT,
    codes::STRAY_OCTETS,
    codes::MAIL_LOOP,
    codes::SENDER_NOT_ALLOWED,
    codes::DOMAIN_NOT_VERIFIED,
    codes::SEND_OFF,
    codes::ORG_PAUSED,
    codes::SEND_BLOCKED,
    codes::SUPPRESSED,
    codes::RECEIVE_BLOCKED,
    codes::POLICY_CHANGED,
    codes::BUDGET_EXCEEDED,
    codes::LOOP_SUSPECTED,
    codes::RELAY_DENIED,
    codes::OVER_QUOTA,
    codes::LIMIT_REACHED,
    codes::TOO_LARGE,
    codes::NO_SPACE,
];

/// Why an answer is not accepted.
pub(super) const ANSWER_ERRORS: &[&ErrorCode] = &answer_errors();

const fn answer_errors() -> [&'static ErrorCode; SEND_ERRORS.len() + 1] {
    let mut all = [codes::CONFLICT; SEND_ERRORS.len() + 1];
    let mut n = 0;
    while n < SEND_ERRORS.len() {
        all[n] = SEND_ERRORS[n];
        n += 1;
    }
    all
}

pub(crate) static SEND: Operation = Operation {
    id: "messages.send",
    summary: "Send a message",
    says: "Sends a message from the inbox. It is answered when the message is on the disk: local \
           recipients have it then, others are queued. With `send_at` it is answered in the same \
           way, and leaves at that time; policy is asked again then. The body may be up to 35 MiB; \
           a large file is better uploaded first.",
    query: &[DRY_RUN],
    takes: Takes::Message(&NEW_MESSAGE),
    gives: SENT_OR_TRIED,
    errors: SEND_ERRORS,
    run: send,
};

fn send(request: &mut RouteRequest<'_>) -> RouteResult {
    let draft = Draft {
        to: request.body.addresses("to"),
        reply_to: request.body.addresses("reply_to"),
        subject: request.body.text("subject").unwrap_or_default(),
        ..said(request)?
    };
    if draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() {
        return Err(Problem::invalid(
            "to",
            "must name somebody, unless cc or bcc do",
        ));
    }
    compose(request, draft)
}

/// The fields that every message to compose has.
pub(super) fn said(request: &mut RouteRequest<'_>) -> Result<Draft, Box<Problem>> {
    let inbox = request.inbox()?;
    let body = &mut request.body;
    let files = attachments(body.objects("attachments"), &inbox, false)?;
    Ok(Draft {
        cc: body.addresses("cc"),
        bcc: body.addresses("bcc"),
        text: body.text("text"),
        html: body.text("html"),
        markdown: body.text("markdown"),
        headers: body.members("headers"),
        attachments: files,
        labels: body.texts("labels").unwrap_or_default(),
        metadata: body.text("metadata"),
        ..Draft::default()
    })
}

/// The files of a request for `inbox`. Each brings octets or names a file; an `id` alone is a file
/// that a draft has already.
pub(super) fn attachments(
    rows: Vec<Values>,
    inbox: &InboxRef,
    of_draft: bool,
) -> Result<Vec<DraftAttachment>, Box<Problem>> {
    let files = rows.into_iter().enumerate();
    files
        .map(|(at, row)| attachment(row, inbox, of_draft, &format!("attachments[{at}]")))
        .collect()
}

fn attachment(
    mut row: Values,
    inbox: &InboxRef,
    of_draft: bool,
    place: &str,
) -> Result<DraftAttachment, Box<Problem>> {
    let wrong = |name: &str, why: &str| Problem::invalid(&format!("{place}.{name}"), why);
    let content = row.text("content");
    let upload = row.text("upload_id").map(|text| {
        UploadId::parse(&text).ok_or_else(|| wrong("upload_id", "must be the id of an upload"))
    });
    let upload = upload.transpose()?;
    let message = row.text("from_message").map(|text| {
        EntryId::parse(&text).ok_or_else(|| wrong("from_message", "must be the id of a message"))
    });
    let message = message.transpose()?;
    let id = row.text("id");
    let from_inbox = row.inbox("from_inbox");
    match (id.is_some(), content.is_some(), upload.is_some()) {
        (false, _, _) if message.is_some() => return Err(wrong("id", NO_ID)),
        (_, _, _) if from_inbox.is_some() && message.is_none() => {
            return Err(wrong("from_message", NO_MESSAGE));
        }
        (true, _, _) if message.is_none() && !of_draft => {
            return Err(wrong("from_message", NO_MESSAGE));
        }
        (false, false, false) => return Err(wrong("content", "is missing")),
        (false, true, true) => return Err(wrong("upload_id", "cannot stand beside `content`")),
        (true, true, _) => return Err(wrong("content", "cannot stand beside `id`")),
        (true, _, true) => return Err(wrong("upload_id", "cannot stand beside `id`")),
        _ => {}
    }
    let part = id.map(|id| {
        let owner = if message.is_some() {
            "that message"
        } else {
            "the draft"
        };
        let why = format!("must be the id of an attachment of {owner}");
        parse_attachment_id(&id).ok_or_else(|| wrong("id", &why))
    });
    let part = part.transpose()?;
    let stored = message.zip(part).map(|(message, part)| StoredAttachment {
        inbox: from_inbox.unwrap_or_else(|| inbox.clone()),
        message,
        part,
    });
    Ok(DraftAttachment {
        part: part.filter(|_| stored.is_none()),
        filename: row.text("filename").unwrap_or_default(),
        content_type: row.text("content_type").unwrap_or_default(),
        upload,
        stored,
        content: content.unwrap_or_default(),
        content_id: row.text("content_id"),
        inline: row.flag("inline"),
    })
}

const NO_ID: &str = "is missing: it names the attachment of `from_message`";
const NO_MESSAGE: &str = "is missing: it names the message that has the attachment";

/// Has a message composed.
pub(super) fn compose(request: &mut RouteRequest<'_>, mut draft: Draft) -> RouteResult {
    draft.send_at = request.body.time("send_at");
    draft.expires_at = request.body.time("expires_at");
    if request.parameters.flag("dry_run") == Some(true) {
        draft.purpose = DraftPurpose::Try;
    }
    // A trial has no effect that a second one could repeat.
    let idempotency = match draft.purpose {
        DraftPurpose::Try => None,
        DraftPurpose::Send | DraftPurpose::Keep => request.idempotency(keep_sent),
    };
    let route = Route::Compose {
        inbox: request.inbox()?,
        draft: Box::new(draft),
        idempotency,
    };
    Ok(RouteStep::Send(Box::new(Intake {
        route,
        octets: Vec::new(),
        charge: None,
    })))
}

/// 200 for a message that was tried out.
pub(crate) fn tried(trial: &SendTrial) -> Response {
    TRIAL.response(200, trial)
}

/// 202 for a message that has been committed.
pub(crate) fn sent(written: &Written) -> Option<Response> {
    let Written::Delivered {
        entry,
        thread,
        message_id,
        status,
        ..
    } = written
    else {
        return None;
    };
    let sent = Sent {
        entry: *entry,
        conversation: *thread,
        message_id: message_id.clone(),
        status: *status,
    };
    Some(SENT.response(202, &sent))
}

/// What is kept of it for a replay.
pub(super) fn keep_sent(written: &Written) -> Vec<u8> {
    sent(written).map(Response::keep).unwrap_or_default()
}

/// A text in Markdown.
pub(super) const MARKDOWN: TextBound = TextBound {
    min: 0,
    max: TextMax::Octets(SOURCE_MAX),
};
/// Characters of a subject: one line of RFC 5322 section 2.1.1, and more folds anyway.
pub(super) const SUBJECT_CHARACTERS_MAX: usize = 998;
/// Characters of a file name or a Content-ID.
pub(super) const NAME_CHARACTERS_MAX: usize = 255;
