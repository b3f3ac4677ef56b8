//! What was used, day by day, and the limits.

use super::codes;
use super::fields::FieldKind::{InboxName, List, Number, Object, Text};
use super::fields::{ANY, FieldRow, sometimes};
use super::inbox::COUNT;
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{Answer, OrgRead, UsageDay, UsageDays, UsageLimits};
use crate::mail::time::push_rfc3339;

const DAYS: FieldRow = sometimes(
    "days",
    Number {
        min: 1,
        max: DAYS_MAX,
    },
    "7",
    "How many days, today with them.",
)
.or("30");
const INBOX: FieldRow = sometimes(
    "inbox",
    InboxName,
    r#""inb_01Hq7Zk3VdX""#,
    "Only what this inbox has used; a key that is bound to inboxes must name one of them.",
);

static DAY: Shape<UsageDay> = shape! {
    "UsageDay", "What was used on one day.";
    day: always Text(ANY), r#""2026-01-31""#, "The day, in UTC."
        => |slot, day| slot.text(&date_of(day.day));
    sent: always COUNT, "7", "Messages that were sent, also those that wait."
        => |slot, day| slot.number(day.sent);
    received: always COUNT, "12", "Messages that have come in."
        => |slot, day| slot.number(day.received);
    requests: or_null COUNT, "340",
        "Requests with a key of the organization; null for an inbox. A crash of the server can lose \
         those of its last minutes."
        => |slot, day| slot.number_or_null(day.requests);
    events: always COUNT, "61", "Events of the log."
        => |slot, day| slot.number(day.events);
    stored_bytes: or_null COUNT, "148480",
        "Octets that were stored at the end of the day, with what rows cost on disk; today, those \
         of now. Null where it is not known."
        => |slot, day| slot.number_or_null(day.stored_bytes);
};

static HELD: Shape<UsageLimits> = shape! {
    "UsageLimits", "The limits that hold for what is counted; null where there is none of its kind.";
    sends_per_day: always COUNT, "10000", "Messages that may be sent in a day."
        => |slot, limits| slot.number(limits.sends_per_day);
    stored_bytes: always COUNT, "107374182400", "Octets that may be stored."
        => |slot, limits| slot.number(limits.stored_bytes);
    requests_per_minute: or_null COUNT, "12000", "Requests of all keys in a minute."
        => |slot, limits| slot.number_or_null(limits.requests_per_minute);
    receives_per_minute: or_null COUNT, "null", "Messages that the inbox may receive in a minute."
        => |slot, limits| slot.number_or_null(limits.receives_per_minute);
    new_recipients_per_day: or_null COUNT, "null",
        "Addresses outside that the inbox may write to in a day for the first time in a while."
        => |slot, limits| slot.number_or_null(limits.new_recipients_per_day);
};

static REPORT: Shape<UsageDays> = shape! {
    "UsageReport", "What was used, day by day, and the limits.";
    data: always List(&Object(&DAY)), "[]", "One row for each day, today first."
        => |mut slot, report| DAY.write_list(slot.octets(), &report.rows);
    limits: always Object(&HELD), "{}", "What there may be."
        => |mut slot, report| HELD.write(slot.octets(), &report.limits);
};

pub(crate) static READ: Operation = Operation {
    id: "usage.read",
    summary: "Read what was used",
    says: "Says what the organization, or one of its inboxes, has used on each of the last days in \
           UTC, and which limits hold. Days are kept for 90 days.",
    query: &[DAYS, INBOX],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A row for each day, and the limits.",
        content: ResponseContent::One(&REPORT),
    }],
    errors: &[codes::NOT_FOUND, codes::KEY_BOUND],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let days = request.parameters.number("days").unwrap_or_default();
    let call = OrgRead::UsageByDay {
        inbox: request.parameters.inbox("inbox"),
        days: u32::try_from(days.clamp(1, DAYS_MAX)).unwrap_or(1),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::UsageDays(report) => Some(REPORT.response(200, &report)),
            _ => None,
        },
    ))
}

/// A day as `2026-01-31`.
fn date_of(day: i64) -> String {
    let mut text = Vec::with_capacity(24);
    push_rfc3339(&mut text, day.saturating_mul(86_400_000));
    text.truncate(10);
    String::from_utf8(text).unwrap_or_default()
}

/// Days that are kept.
const DAYS_MAX: u64 = 90;
