//! One change of many messages. The change itself is that of one message (`message.rs`).

use super::codes;
use super::fields::FieldKind::{Flag, FolderName, Ids, Labels, List, Object, Text};
use super::fields::{ANY, BodyTable, fields};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::refused::refused;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::bounds::BATCH_IDS_MAX;
use crate::call::{
    BatchRow, Deletion, Limits, MessageBatch, MessagePatch, MessageWrite, Refusal, Written,
};
use crate::http::wire::json;
use crate::http::wire::response::Response;

const MESSAGE_BATCH: BodyTable = BodyTable {
    name: "MessageBatch",
    says: "A change of many messages of an inbox. What is left out stays.",
    optional: false,
    example: r#"{"ids":["msg_00000000001","msg_00000000002"],"seen":true}"#,
    fields: fields! {
        ids: required Ids(BATCH_IDS_MAX), r#"["msg_01Hq7Zk3VdX"]"#,
            "The messages by their ids, at most 1,000. An unknown id has an error of its own.";
        add_labels: optional Labels, r#"["urgent"]"#, "Labels to add.";
        remove_labels: optional Labels, r#"["later"]"#, "Labels to take away.";
        seen: optional Flag, "true", "Whether they have been read.";
        flagged: optional Flag, "false", "Whether they are marked as important.";
        folder: optional FolderName, r#""Archive""#, "The folder to move them to.";
        delete: optional Flag, "true", "Move them to Trash.";
        permanent: optional Flag, "true", "With `delete`: delete them for good.";
    },
};

/// Why one message was not changed.
static ROW_ERROR: Shape<Refusal> = shape! {
    "BatchError", "Why a message of a batch was not changed.";
    code: always Text(ANY), r#""not_found""#, "As in the error of a response."
        => |slot, refusal| slot.text(problem(refusal).code.word);
    message: always Text(ANY), r#""There is no such message.""#, "What is wrong."
        => |slot, refusal| slot.text(&problem(refusal).message);
    hint: always Text(ANY), r#""Check the id.""#, "What to do."
        => |slot, refusal| slot.text(&problem(refusal).hint);
};

static ROW: Shape<BatchRow> = shape! {
    "BatchRow", "What became of one message of a batch.";
    id: always Text(ANY), r#""msg_01Hq7Zk3VdX""#, "Its id, as the request has it."
        => |slot, row| slot.text(&row.id);
    ok: always Flag, "true", "Whether it is changed. Only then there is no `error`."
        => |slot, row| slot.flag(row.refusal.is_none());
    error: always Object(&ROW_ERROR), "null", "Why it is as it was."
        => error, if |row| row.refusal.is_some();
};

static RESULT: Shape<Vec<BatchRow>> = shape! {
    "BatchResult", "What became of the messages of a batch.";
    data: always List(&Object(&ROW)), "[]", "One row for each id, in the order of the request."
        => |mut slot, rows| ROW.write_list(slot.octets(), rows);
};

fn error(mut slot: json::ValueSlot<'_>, row: &BatchRow) {
    match &row.refusal {
        Some(refusal) => ROW_ERROR.write(slot.octets(), refusal),
        None => slot.null(),
    }
}

/// The words of a refusal. Those of messages name no limit of the configuration.
fn problem(refusal: &Refusal) -> Box<Problem> {
    refused(refusal, &Limits::default())
}

pub(crate) static BATCH: Operation = Operation {
    id: "messages.batch",
    summary: "Change many messages",
    says: "Changes labels and flags of many messages, moves them to another folder, or deletes them. \
           Each id has its own row in the answer, in the order of the request. A message that cannot \
           be changed stays as it was and keeps none of the others from it.",
    query: &[],
    takes: Takes::Json(&MESSAGE_BATCH),
    gives: &[Gives {
        status: 200,
        says: "What became of each message.",
        content: ResponseContent::One(&RESULT),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::NOT_FOUND,
        codes::LIMIT_REACHED,
    ],
    run: batch,
};

fn batch(request: &mut RouteRequest<'_>) -> RouteResult {
    let body = &mut request.body;
    let patch = MessagePatch {
        add_labels: body.texts("add_labels").unwrap_or_default(),
        remove_labels: body.texts("remove_labels").unwrap_or_default(),
        seen: body.flag("seen"),
        flagged: body.flag("flagged"),
        folder: body.text("folder"),
        expires_at: None,
    };
    let (delete, permanent) = (body.flag("delete"), body.flag("permanent"));
    let ids = body.texts("ids").unwrap_or_default();
    let is_deleted = delete == Some(true);
    if permanent == Some(true) && !is_deleted {
        return Err(Problem::invalid("permanent", "needs `delete`"));
    }
    if is_deleted && patch != MessagePatch::default() {
        let why = "cannot stand beside another change: what is deleted has none";
        return Err(Problem::invalid("delete", why));
    }
    if !is_deleted && patch == MessagePatch::default() {
        let why =
            "are named without a change: give labels, `seen`, `flagged`, `folder` or `delete`";
        return Err(Problem::invalid("ids", why));
    }
    let batch = MessageBatch {
        ids,
        patch,
        delete: is_deleted.then_some(match permanent {
            Some(true) => Deletion::Permanent,
            _ => Deletion::ToTrash,
        }),
    };
    let call = MessageWrite::Batch {
        inbox: request.inbox()?,
        batch: batch.into(),
        progress: Box::default(),
        idempotency: request
            .idempotency(|written| changed(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        changed(written)
    }))
}

fn changed(written: &Written) -> Option<Response> {
    match written {
        Written::Batch(rows) => Some(RESULT.response(200, rows)),
        _ => None,
    }
}
