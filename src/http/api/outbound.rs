//! The queue to outside: recipients that wait for delivery.

use super::fields::ANY;
use super::fields::FieldKind::{Id, OneOf, Text, Time};
use super::inbox::COUNT;
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{Answer, EntryId, InboxId, OutboundId, OutboundRead, OutboundRow};

static OUTBOUND: Shape<OutboundRow> = shape! {
    "Outbound", "One recipient outside that waits.";
    id: always Id(OutboundId::PREFIX), r#""out_01Hq7Zk3VdX""#, "Its id."
        => |slot, row| slot.shown(row.id);
    inbox_id: always Id(InboxId::PREFIX), r#""inb_01Hq7Zk3VdX""#, "The inbox that sent it."
        => |slot, row| slot.shown(row.inbox);
    message: or_null Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The copy in Sent."
        => |slot, row| slot.shown_or_null(row.message);
    recipient: always Text(ANY), r#""ann@example.com""#, "The address."
        => |slot, row| slot.text(&row.recipient);
    status: always OneOf(&["queued"]), r#""queued""#, "`queued` until delivery is built."
        => |slot, row| slot.text(row.status);
    attempts: always COUNT, "0", "How often it was tried."
        => |slot, row| slot.number(u64::from(row.attempts));
    next_attempt_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When the next try is due."
        => |slot, row| slot.time(row.due_at);
    created_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "When it was accepted."
        => |slot, row| slot.time(row.created_at);
};

pub(crate) static LIST: Operation = Operation {
    id: "outbound.list",
    summary: "List the queue to outside",
    says: "Lists the recipients outside this server that wait, of the inboxes that the key may \
           see.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of recipients.",
        content: ResponseContent::Page(&OUTBOUND),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = OutboundRead::List {
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Outbound { rows, next } => Some(OUTBOUND.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}
