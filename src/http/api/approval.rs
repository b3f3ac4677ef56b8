//! Approvals: held mail is listed, read, approved and declined, by keys with `approve`.

use super::codes;
use super::fields::FieldKind::{Id, Line, List, OneOf, Text, Time};
use super::fields::{ANY, BodyTable, characters, fields, octets, sometimes};
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, ApprovalEdit, ApprovalId, ApprovalRead, ApprovalRow, ApprovalStatus, ApprovalWrite,
    EntryId, InboxId, Intake, KeyId, Route, Written,
};
use crate::http::wire::response::Response;

static APPROVAL: Shape<ApprovalRow> = shape! {
    "Approval", "A message that waits for a decision, or the decision. It is kept for a month.";
    id: always Id(ApprovalId::PREFIX), r#""apr_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    status: always OneOf(ApprovalStatus::NAMES), r#""held""#,
        "`held` until somebody decides; `expired` counts as declined."
        => |slot, row| slot.text(row.status.name());
    inbox_id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "The inbox that sends."
        => |slot, row| slot.shown(row.inbox);
    message_id: always Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#,
        "The message: in Drafts, and in Sent when it has left."
        => |slot, row| slot.shown(row.message);
    to: always List(&Text(ANY)), r#"["ann@example.com"]"#,
        "Every recipient, those of cc and bcc included."
        => |slot, row| slot.texts(&row.to);
    subject: always Text(ANY), r#""Hello""#, "The subject, decoded, as it was held."
        => |slot, row| slot.text(&row.subject);
    text: or_null Text(ANY), r#""Hello, Ann.""#,
        "The text of the message; only where one approval is read, null when the message is gone."
        => |slot, row| slot.text_or_null(row.content.as_ref().map(|c| c.text.as_str())),
        if |row| row.content.is_some();
    html: or_null Text(ANY), "null", "Its HTML part, likewise."
        => |slot, row| slot.text_or_null(row.content.as_ref().and_then(|c| c.html.as_deref())),
        if |row| row.content.is_some();
    sha256: always Text(ANY),
        r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#,
        "SHA-256 of the octets of the message, as its `raw` gives them; of what has left, when it has."
        => |slot, row| slot.text(&hex(&row.sha256));
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was held."
        => |slot, row| slot.time(row.created_at);
    expires_at: always Time, r#""2026-02-03T12:00:00.000Z""#, "When it counts as declined."
        => |slot, row| slot.time(row.expires_at);
    decided_by: or_null Id(KeyId::PREFIX), "null",
        "The key that has decided; null for the operator, or when nobody has."
        => |slot, row| slot.shown_or_null(row.decided_by);
    decided_at: or_null Time, "null", "When it was decided."
        => |slot, row| slot.time_or_null(row.decided_at);
    reason: or_null Text(ANY), "null", "Why it was declined: your words, `expired` or `deleted`."
        => |slot, row| slot.text_or_null(row.reason.as_deref());
    send_at: always Time, r#""2030-01-31T12:00:00.000Z""#,
        "When it leaves, if it is approved before; absent when that is at once."
        => |slot, row| slot.time_or_null(row.send_at),
        if |row| row.send_at.is_some();
};

const APPROVE_BODY: BodyTable = BodyTable {
    name: "ApprovalEdit",
    says: "What leaves instead of what was held. Without any field the message leaves as it is.",
    optional: true,
    example: r#"{"subject":"Hello"}"#,
    fields: fields! {
        subject: optional Line(characters(998)), r#""Hello""#, "Another subject.";
        text: optional Text(ANY), r#""Hello, Ann.""#,
            "Another text. Without `html` the HTML part goes.";
        html: optional Text(ANY), r#""<p>Hello, Ann.</p>""#,
            "Another HTML part. Without `text` the plain text goes.";
        sha256: optional Line(octets(64)),
            r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#,
            "The hash that you were shown: another message is 409.";
    },
};

const DECLINE_BODY: BodyTable = BodyTable {
    name: "ApprovalDecline",
    says: "Why the message does not leave.",
    optional: true,
    example: r#"{"reason":"wrong price"}"#,
    fields: fields! {
        reason: optional Line(octets(1000)), r#""wrong price""#, "Your reason.";
    },
};

const DECIDED: &[Gives] = &[Gives {
    status: 200,
    says: "The approval with the decision.",
    content: ResponseContent::One(&APPROVAL),
}];

pub(crate) static LIST: Operation = Operation {
    id: "approvals.list",
    summary: "List approvals",
    says: "Lists held mail and decisions of the inboxes that the key may see, oldest first, \
           without their texts.",
    query: &[
        LIMIT,
        CURSOR,
        sometimes(
            "status",
            OneOf(ApprovalStatus::NAMES),
            r#""held""#,
            "Only those of this status.",
        ),
    ],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of approvals.",
        content: ResponseContent::Page(&APPROVAL),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let status = request.parameters.text("status");
    let call = ApprovalRead::List {
        status: status.and_then(|name| ApprovalStatus::named(&name)),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Approvals { rows, next } => Some(APPROVAL.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static READ: Operation = Operation {
    id: "approvals.read",
    summary: "Read an approval",
    says: "Reads one approval with the texts of its message.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The approval.",
        content: ResponseContent::One(&APPROVAL),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let approval = request.id(0, "approval", ApprovalId::parse)?;
    Ok(RouteStep::Read(
        Box::new(ApprovalRead::Get { approval }.into()),
        |answer, _, _| match answer {
            Answer::Approvals { rows, .. } => Some(APPROVAL.response(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) static APPROVE: Operation = Operation {
    id: "approvals.approve",
    summary: "Approve a held message",
    says: "Lets a held message leave, as it is or with other words. It moves to Sent. It is \
           decided once; policy is asked again, and a refusal leaves it held.",
    query: &[],
    takes: Takes::Message(&APPROVE_BODY),
    gives: DECIDED,
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::NO_SUCH_RECIPIENT,
        codes::DOMAIN_NOT_VERIFIED,
        codes::SEND_OFF,
        codes::ORG_PAUSED,
        codes::SEND_BLOCKED,
        codes::SUPPRESSED,
        codes::RECEIVE_BLOCKED,
        codes::POLICY_CHANGED,
        codes::RELAY_DENIED,
        codes::OVER_QUOTA,
        codes::CONFLICT,
        codes::LIMIT_REACHED,
        codes::TOO_LARGE,
        codes::NO_SPACE,
    ],
    run: approve,
};

fn approve(request: &mut RouteRequest<'_>) -> RouteResult {
    let approval = request.id(0, "approval", ApprovalId::parse)?;
    let body = &mut request.body;
    let edit = ApprovalEdit {
        subject: body.text("subject"),
        text: body.text("text"),
        html: body.text("html"),
    };
    let sha256 = match body.text("sha256") {
        None => None,
        Some(text) => match octets_of(&text) {
            Some(sha256) => Some(sha256),
            None => return Err(Problem::invalid("sha256", "must be 64 hexadecimal digits")),
        },
    };
    let intake = Intake {
        route: Route::Approve {
            approval,
            edit: Box::new(edit),
            sha256,
            idempotency: request.idempotency(keep),
        },
        octets: Vec::new(),
        charge: None,
    };
    Ok(RouteStep::Accept(Box::new(intake), |written, _| {
        decided(written)
    }))
}

pub(crate) static DECLINE: Operation = Operation {
    id: "approvals.decline",
    summary: "Decline a held message",
    says: "Keeps a held message from leaving: it stays in Drafts with the label `$Declined`. It \
           is decided once.",
    query: &[],
    takes: Takes::Json(&DECLINE_BODY),
    gives: DECIDED,
    errors: &[codes::INVALID_HEADER_VALUE, codes::CONFLICT],
    run: decline,
};

fn decline(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = ApprovalWrite::Decline {
        approval: request.id(0, "approval", ApprovalId::parse)?,
        reason: request.body.text("reason"),
        idempotency: request.idempotency(keep),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        decided(written)
    }))
}

fn decided(written: &Written) -> Option<Response> {
    match written {
        Written::Approval(row) => Some(APPROVAL.response(200, row)),
        _ => None,
    }
}

/// What is kept of it for a replay.
fn keep(written: &Written) -> Vec<u8> {
    decided(written).map_or_else(Vec::new, Response::keep)
}

fn hex(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(octets)
}

fn octets_of(text: &str) -> Option<[u8; 32]> {
    let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    octets.ok()?.try_into().ok()
}
