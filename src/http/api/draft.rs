//! Drafts: the messages of the Drafts folder, the same that a mail client sees there. They are
//! made, changed and sent here; they are read as every message is (`message.rs`).

use super::codes;
use super::fields::FieldKind::{
    Addresses, AnyObject, AttachmentId, Base64, Flag, HeaderFields, Id, InboxName, Labels, Line,
    MediaType, Objects, Text, Time,
};
use super::fields::{ANY, BodyTable, characters, fields, sometimes};
use super::list::page_of;
use super::message::{MESSAGE, MESSAGE_STATE, changed};
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::send::{
    ANSWER_ERRORS, DRY_RUN, MARKDOWN, NAME_CHARACTERS_MAX, NEW_ATTACHMENT, SENT_OR_TRIED,
    SUBJECT_CHARACTERS_MAX, attachments, keep_sent, said,
};
use crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
use crate::call::{
    Answer, AnswerWay, AnsweredMessage, Draft, DraftAct, DraftPatch, DraftPurpose, EntryId, Intake,
    MessageFilter, MessageRead, MessageWrite, Route, UploadId, Written,
};
use crate::http::wire::response::Response;

const NEW_DRAFT: BodyTable = BodyTable {
    name: "NewDraft",
    says: "A draft. Every field may come later.",
    optional: false,
    example: r#"{"to":["ann@example.com"],"subject":"Hello","text":"Hello, Ann."}"#,
    fields: fields! {
        to: optional Addresses, r#"["Ann <ann@example.com>"]"#, "Recipients.";
        cc: optional Addresses, "[]", "Recipients of a copy.";
        bcc: optional Addresses, "[]", "Recipients that no recipient sees.";
        reply_to: optional Addresses, "[]", "Where answers go.";
        subject: optional Line(characters(SUBJECT_CHARACTERS_MAX)), r#""Hello""#, "The subject.";
        text: optional Text(ANY), r#""Hello, Ann.""#, "The text.";
        html: optional Text(ANY), r#""<p>Hello, Ann.</p>""#, "The same as HTML.";
        markdown: optional Text(MARKDOWN), r#""Hello, **Ann**.""#,
            "The same as Markdown, in place of `text` and `html`.";
        headers: optional HeaderFields, r#"{"X-Ticket":"17"}"#, "Header fields `X-*` and `List-*`.";
        attachments: optional Objects(&NEW_ATTACHMENT), "[]", "Files.";
        labels: optional Labels, r#"["outreach"]"#, "Its labels; the copy in Sent keeps them.";
        metadata: optional AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object, as for a message that is sent.";
        in_reply_to: optional Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#,
            "The message of the inbox that it answers: it stands in that conversation, and gets its \
             recipients and its subject where it names none. The key needs `messages:read` for it.";
    },
};

const DRAFT_ATTACHMENT: BodyTable = BodyTable {
    name: "DraftAttachment",
    says: "A file of a draft: one that it has, by its `id`, or a new one with `content`, `upload_id` or \
           `from_message`.",
    optional: false,
    example: "",
    fields: fields! {
        id: optional AttachmentId, r#""att_2""#,
            "An attachment of the draft, which stays as it is; with `from_message` one of that message.";
        upload_id: optional Id(UploadId::PREFIX), r#""upl_01Hq7Zk3VdX""#, "An upload.";
        from_message: optional Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#,
            "A message whose attachment it is to get. The key needs `messages:read` for it.";
        from_inbox: optional InboxName, r#""inb_01Hq7Zk3VdX""#,
            "The inbox that has `from_message`; without it, that of the draft.";
        content_type: optional MediaType, r#""text/plain""#,
            "Its media type; without it, what the ending of its name says.";
        content: optional Base64, r#""SGVsbG8=""#, "Its octets in base64.";
        filename: optional Line(characters(NAME_CHARACTERS_MAX)), r#""hello.txt""#, "Its name.";
        content_id: optional Line(characters(NAME_CHARACTERS_MAX)), r#""hello""#,
            "Its Content-ID, by which HTML names it.";
        inline: optional Flag, "true", "Whether it is meant to be shown within the text.";
    },
};

const DRAFT_PATCH: BodyTable = BodyTable {
    name: "DraftPatch",
    says: "A change of a draft. What is left out stays as it is, also what a mail client has put \
           there.",
    optional: false,
    example: r#"{"subject":"Hello again"}"#,
    fields: fields! {
        to: optional Addresses, r#"["Ann <ann@example.com>"]"#, "All recipients that it then has.";
        cc: optional Addresses, "[]", "All recipients of a copy.";
        bcc: optional Addresses, "[]", "All hidden recipients.";
        reply_to: optional Addresses, "[]", "Where answers go.";
        subject: optional Line(characters(SUBJECT_CHARACTERS_MAX)), r#""Hello again""#, "The subject.";
        text: clearable Text(ANY), r#""Hello, Ann.""#,
            "The text. Given without `html` it is the whole content, and the HTML of the draft \
             goes; null takes the text away and leaves the HTML.";
        html: clearable Text(ANY), "null",
            "The HTML. Given without `text` it is the whole content, and the text of the draft \
             goes; null takes the HTML away and leaves the text.";
        markdown: optional Text(MARKDOWN), r#""Hello, **Ann**.""#,
            "Text and HTML as Markdown, in place of both.";
        headers: optional HeaderFields, r#"{"X-Ticket":"17"}"#,
            "Header fields `X-*` and `List-*`, which replace those of the same names.";
        attachments: optional Objects(&DRAFT_ATTACHMENT), r#"[{"id":"att_2"}]"#,
            "All files that it then has; an empty list takes them away.";
        labels: optional Labels, r#"["outreach"]"#, "All labels that it then has.";
        metadata: clearable AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object; null takes it away.";
    },
};

const DRAFT_SEND: BodyTable = BodyTable {
    name: "DraftSend",
    says: "When the draft leaves. Without a body it leaves now.",
    optional: true,
    example: r#"{"send_at":"2030-01-31T12:00:00Z"}"#,
    fields: fields! {
        send_at: optional Time, r#""2030-01-31T12:00:00Z""#,
            "When it leaves, as for a new message.";
    },
};

pub(crate) static CREATE: Operation = Operation {
    id: "drafts.create",
    summary: "Make a draft",
    says: "Stores a message in the Drafts folder. Nothing is sent, no recipient is looked up and no \
           budget is spent.",
    query: &[],
    takes: Takes::Message(&NEW_DRAFT),
    gives: &[Gives {
        status: 201,
        says: "The draft, without its content. A key without `messages:read` is told its state \
               only.",
        content: ResponseContent::Either(&MESSAGE, &MESSAGE_STATE),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::NOT_SUPPORTED,
        codes::MISSING_SCOPE,
        codes::CONFLICT,
        codes::OVER_QUOTA,
        codes::LIMIT_REACHED,
        codes::TOO_LARGE,
        codes::NO_SPACE,
    ],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let answered = match request.body.text("in_reply_to") {
        None => None,
        Some(text) => match EntryId::parse(&text) {
            Some(id) => Some(AnsweredMessage {
                id,
                way: AnswerWay::Reply,
            }),
            None => {
                let why = "must be the id of a message";
                return Err(Problem::invalid("in_reply_to", why));
            }
        },
    };
    let draft = Draft {
        to: request.body.addresses("to"),
        reply_to: request.body.addresses("reply_to"),
        subject: request.body.text("subject").unwrap_or_default(),
        about: answered,
        purpose: DraftPurpose::Keep,
        ..said(request)?
    };
    let route = Route::Compose {
        inbox: request.inbox()?,
        draft: Box::new(draft),
        idempotency: request
            .idempotency(|written| made(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Accept(intake(route), |written, _| made(written)))
}

fn made(written: &Written) -> Option<Response> {
    let mut response = changed(written)?;
    response.status = 201;
    Some(response)
}

fn intake(route: Route) -> Box<Intake> {
    Box::new(Intake {
        route,
        octets: Vec::new(),
        charge: None,
    })
}

pub(crate) static LIST: Operation = Operation {
    id: "drafts.list",
    summary: "List drafts",
    says: "Lists the messages of the Drafts folder, newest first, also those that wait there: held \
           mail has the label `$Held`, scheduled mail `$Scheduled`.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of drafts.",
        content: ResponseContent::Page(&MESSAGE),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MessageRead::List {
        inbox: request.inbox()?,
        filter: Box::new(MessageFilter {
            folder: Some(MessageFilter::DRAFTS.to_owned()),
            ..MessageFilter::default()
        }),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
        progress: Box::default(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Messages { rows, next } => Some(page_of(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "drafts.read",
    summary: "Read a draft",
    says: "Reads one draft with its content. What stands in another folder is no draft.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The draft.",
        content: ResponseContent::One(&MESSAGE),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MessageRead::Draft {
        inbox: request.inbox()?,
        id: request.id(1, "message", EntryId::parse)?,
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Message(view) => Some(super::message::opened(*view)),
            _ => None,
        },
    ))
}

pub(crate) static PATCH: Operation = Operation {
    id: "drafts.patch",
    summary: "Change a draft",
    says: "Changes a draft. Its id stays; in IMAP it is a new message in place of the old one. A \
           message that is held or scheduled cannot be changed.",
    query: &[],
    takes: Takes::Message(&DRAFT_PATCH),
    gives: &[Gives {
        status: 200,
        says: "The draft as it is now, without its content. A key without `messages:read` is told \
               its state only.",
        content: ResponseContent::Either(&MESSAGE, &MESSAGE_STATE),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::NOT_SUPPORTED,
        codes::CONFLICT,
        codes::OVER_QUOTA,
        codes::LIMIT_REACHED,
        codes::TOO_LARGE,
        codes::NO_SPACE,
    ],
    run: patch,
};

fn patch(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let body = &mut request.body;
    let files = body.given_objects("attachments");
    let patch = DraftPatch {
        to: body.given_addresses("to"),
        cc: body.given_addresses("cc"),
        bcc: body.given_addresses("bcc"),
        reply_to: body.given_addresses("reply_to"),
        subject: body.text("subject"),
        text: body.clearable_text("text"),
        html: body.clearable_text("html"),
        markdown: body.text("markdown"),
        headers: body.members("headers"),
        attachments: (files.map(|rows| attachments(rows, &inbox, true))).transpose()?,
        labels: body.texts("labels"),
        metadata: body.clearable_text("metadata"),
    };
    let route = Route::Draft {
        inbox,
        id: request.id(1, "message", EntryId::parse)?,
        act: Box::new(DraftAct::Change(Box::new(patch))),
        idempotency: None,
    };
    Ok(RouteStep::Accept(intake(route), |written, _| {
        changed(written)
    }))
}

pub(crate) static DELETE: Operation = Operation {
    id: "drafts.delete",
    summary: "Delete a draft",
    says: "Moves a draft to Trash, or deletes it for good. Held or scheduled mail is cancelled by \
           it.",
    query: &[sometimes("permanent", Flag, "true", "Delete it for good.").or("false")],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MessageWrite::DeleteDraft {
        inbox: request.inbox()?,
        id: request.id(1, "message", EntryId::parse)?,
        permanent: request.parameters.flag("permanent").unwrap_or(false),
    };
    Ok(RouteStep::Write(Box::new(call.into()), gone))
}

pub(crate) static SEND: Operation = Operation {
    id: "drafts.send",
    summary: "Send a draft",
    says: "Sends a draft, also one that a mail client has written. It is answered like a send, and \
           the message moves from Drafts to Sent with its id. Policy is that of a send. A draft \
           without a recipient is refused, and so is a message that is held or scheduled already.",
    query: &[DRY_RUN],
    takes: Takes::Json(&DRAFT_SEND),
    gives: SENT_OR_TRIED,
    errors: ANSWER_ERRORS,
    run: send,
};

fn send(request: &mut RouteRequest<'_>) -> RouteResult {
    let is_trial = request.parameters.flag("dry_run").unwrap_or(false);
    let act = DraftAct::Send {
        send_at: request.body.time("send_at"),
        is_trial,
    };
    let route = Route::Draft {
        inbox: request.inbox()?,
        id: request.id(1, "message", EntryId::parse)?,
        act: Box::new(act),
        idempotency: match is_trial {
            true => None,
            false => request.idempotency(keep_sent),
        },
    };
    Ok(RouteStep::Send(intake(route)))
}
