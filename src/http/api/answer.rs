//! Answering a message and handing it on. Each is a send: it is composed, judged and answered in
//! the same way (`send.rs`). What the other message gives, the service takes from it.

use super::fields::FieldKind::{Addresses, AnyObject, HeaderFields, Labels, Objects, Text, Time};
use super::fields::{ANY, BodyTable, fields};
use super::operation::{Operation, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult};
use super::send;
use super::send::{DRY_RUN, MARKDOWN, NEW_ATTACHMENT, SENT_OR_TRIED, compose, said};
use crate::call::bounds::MESSAGE_METADATA_BYTES_MAX;
use crate::call::{AnswerWay, AnsweredMessage, Draft, EntryId};

const NEW_REPLY: BodyTable = BodyTable {
    name: "NewReply",
    says: "An answer. Its recipients, its subject and its place in the conversation come from the \
           message that it answers. The text of that message is not quoted.",
    optional: false,
    example: r#"{"text":"Thank you, Ann."}"#,
    fields: fields! {
        cc: optional Addresses, "[]", "More recipients of a copy.";
        bcc: optional Addresses, "[]", "Recipients that no recipient sees.";
        text: optional Text(ANY), r#""Thank you, Ann.""#, "The text.";
        html: optional Text(ANY), r#""<p>Thank you, Ann.</p>""#, "The same as HTML.";
        markdown: optional Text(MARKDOWN), r#""Thank you, **Ann**.""#,
            "The same as Markdown, in place of `text` and `html`.";
        headers: optional HeaderFields, r#"{"X-Ticket":"17"}"#, "Header fields `X-*` and `List-*`.";
        attachments: optional Objects(&NEW_ATTACHMENT), "[]", "Files.";
        labels: optional Labels, r#"["outreach"]"#, "Labels of the copy in Sent.";
        send_at: optional Time, r#""2030-01-31T12:00:00Z""#, "When it leaves, as for a new message.";
        expires_at: optional Time, r#""2030-02-01T12:00:00Z""#,
            "When your copy ends, as for a new message.";
        metadata: optional AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object, as for a new message.";
    },
};

const NEW_FORWARD: BodyTable = BodyTable {
    name: "NewForward",
    says: "A message that is handed on: your own words, then its header fields and its text. Its \
           attachments go with it, before those that you add.",
    optional: false,
    example: r#"{"to":["ann@example.com"],"text":"See below."}"#,
    fields: fields! {
        to: required Addresses, r#"["ann@example.com"]"#, "Recipients.";
        cc: optional Addresses, "[]", "Recipients of a copy.";
        bcc: optional Addresses, "[]", "Recipients that no recipient sees.";
        text: optional Text(ANY), r#""See below.""#, "Your own words.";
        html: optional Text(ANY), r#""<p>See below.</p>""#, "The same as HTML.";
        markdown: optional Text(MARKDOWN), r#""See **below**.""#,
            "The same as Markdown, in place of `text` and `html`.";
        headers: optional HeaderFields, r#"{"X-Ticket":"17"}"#, "Header fields `X-*` and `List-*`.";
        attachments: optional Objects(&NEW_ATTACHMENT), "[]", "More files.";
        labels: optional Labels, r#"["outreach"]"#, "Labels of the copy in Sent.";
        send_at: optional Time, r#""2030-01-31T12:00:00Z""#, "When it leaves, as for a new message.";
        expires_at: optional Time, r#""2030-02-01T12:00:00Z""#,
            "When your copy ends, as for a new message.";
        metadata: optional AnyObject(MESSAGE_METADATA_BYTES_MAX), r#"{"run":7}"#,
            "Your own object, as for a new message.";
    },
};

pub(crate) static REPLY: Operation = Operation {
    id: "messages.reply",
    summary: "Answer a message",
    says: "Sends an answer to Reply-To of a message, or to its From. An answer to a message that \
           the inbox has sent itself goes to the recipients of that. The subject has `Re: ` once, \
           and the answer joins the conversation.",
    query: &[DRY_RUN],
    takes: Takes::Message(&NEW_REPLY),
    gives: SENT_OR_TRIED,
    errors: send::ANSWER_ERRORS,
    run: |request| about(request, AnswerWay::Reply),
};

pub(crate) static REPLY_ALL: Operation = Operation {
    id: "messages.reply_all",
    summary: "Answer everybody",
    says: "Sends an answer like `reply`, with a copy to all others in To and Cc of the message. The \
           inbox itself and its `+tag` addresses are left out, and no address stands twice.",
    query: &[DRY_RUN],
    takes: Takes::Message(&NEW_REPLY),
    gives: SENT_OR_TRIED,
    errors: send::ANSWER_ERRORS,
    run: |request| about(request, AnswerWay::ReplyAll),
};

pub(crate) static FORWARD: Operation = Operation {
    id: "messages.forward",
    summary: "Hand a message on",
    says: "Sends a message on to others, with its attachments and with `Fwd: ` once in its subject.",
    query: &[DRY_RUN],
    takes: Takes::Message(&NEW_FORWARD),
    gives: SENT_OR_TRIED,
    errors: send::SEND_ERRORS,
    run: |request| about(request, AnswerWay::Forward),
};

fn about(request: &mut RouteRequest<'_>, way: AnswerWay) -> RouteResult {
    let id = request.id(1, "message", EntryId::parse)?;
    let draft = Draft {
        to: match way {
            AnswerWay::Forward => request.body.addresses("to"),
            AnswerWay::Reply | AnswerWay::ReplyAll => Vec::new(),
        },
        about: Some(AnsweredMessage { id, way }),
        ..said(request)?
    };
    if way == AnswerWay::Forward && draft.to.is_empty() {
        return Err(Problem::invalid("to", "must name a recipient"));
    }
    compose(request, draft)
}
