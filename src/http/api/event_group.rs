//! Consumer groups over REST: acknowledging what a reader was given, and looking at groups. Reading
//! a group is a matter of the streams and the log (`event.rs`).

use super::codes;
use super::fields::FieldKind::{EventNumbers, List, Object, OneOf, Text};
use super::fields::{ANY, BodyTable, FieldRow, fields, octets, sometimes};
use super::inbox::COUNT;
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, EVENT_GROUP_NAME_BYTES, EventGroupRead, EventGroupView, EventGroupWrite, EventKind,
    GROUP_LEASE_S_MAX, GROUP_PREFETCH_MAX, PoisonedEvent, Written, is_group_name,
};
use crate::http::stream::{GROUP_NAME_RULE, GROUP_ORDER};
use crate::http::wire::response::Response;

/// `?group=` of the streams and of the log.
pub(super) const GROUP: FieldRow = sometimes(
    "group",
    super::fields::FieldKind::Plain(octets(EVENT_GROUP_NAME_BYTES)),
    r#""workers""#,
    "Read as a member of this consumer group. It is made with the first use of its name, begins now \
     or where `since` says, and keeps its own cursor: each event goes to one of its readers, and \
     comes again until `POST /api/v1/events/ack`. All its readers ask for the same events.",
);
pub(super) const LEASE_S: FieldRow = sometimes(
    "lease_s",
    super::fields::FieldKind::Number {
        min: 1,
        max: GROUP_LEASE_S_MAX,
    },
    "60",
    "Only with `group`: the seconds after which an event that was not acknowledged goes to another \
     reader.",
);
pub(super) const ORDER: FieldRow = sometimes(
    "order",
    OneOf(&[GROUP_ORDER]),
    r#""inbox""#,
    "Only with `group`: no event of an inbox goes out while an earlier one of it is not \
     acknowledged.",
);

pub(super) const PREFETCH: FieldRow = sometimes(
    "prefetch",
    super::fields::FieldKind::Number {
        min: 1,
        max: GROUP_PREFETCH_MAX,
    },
    "4",
    "Only with `group`: how many events you hold at once that you have not acknowledged; at most \
     100, which is the default. The others are left to other readers. A lease runs from the moment \
     at which an event is sent, so ask for no more than you work on.",
);

const ACK: BodyTable = BodyTable {
    name: "EventAck",
    says: "An event that is done.",
    optional: false,
    example: r#"{"group":"workers","id":1234}"#,
    fields: fields! {
        group: optional Text(octets(EVENT_GROUP_NAME_BYTES)), r#""workers""#,
            "The consumer group. Without it you say that you have all events up to `id`, and that you read no \
             more of the streams of this key that have told `closing`: the server need not wait for them.";
        id: required COUNT, "1234", "The number of the event.";
    },
};

const REPLAY: BodyTable = BodyTable {
    name: "EventReplay",
    says: "Which events come again.",
    optional: true,
    example: r#"{"ids":[1234]}"#,
    fields: fields! {
        ids: optional EventNumbers(REPLAYED_MAX), "[1234]",
            "The numbers of events that were set aside; without them, all of the group.";
    },
};
/// Events that one request has come again by their numbers.
const REPLAYED_MAX: usize = 1000;

static POISONED: Shape<PoisonedEvent> = shape! {
    "PoisonedEvent", "An event that was set aside: it was given to a reader ten times and never acknowledged.";
    seq: always COUNT, "1234", "Its number."
        => |slot, event| slot.number(event.seq);
    type: always OneOf(EventKind::NAMES), r#""message.received""#, "Its type."
        => |slot, event| slot.text(event.kind.name());
    deliveries: always COUNT, "10", "How often it was given to a reader."
        => |slot, event| slot.number(u64::from(event.deliveries));
};

static VIEW: Shape<EventGroupView> = shape! {
    "EventGroup", "A consumer group.";
    name: always Text(ANY), r#""workers""#, "Its name."
        => |slot, group| slot.text(&group.name);
    seq: always COUNT, "1234", "Every event up to this number was given to a reader, or is not for the group."
        => |slot, group| slot.number(group.seq);
    pending: always COUNT, "3", "Those of them that are not acknowledged, without what is set aside."
        => |slot, group| slot.number(group.pending);
    readers: always COUNT, "2", "The streams that read it now."
        => |slot, group| slot.number(group.readers);
    poisoned: always List(&Object(&POISONED)), "[]", "What is set aside."
        => |mut slot, group| POISONED.write_list(slot.octets(), &group.poisoned);
};

static REPLAYED: Shape<u64> = shape! {
    "EventReplayed", "What comes again.";
    count: always COUNT, "1", "How many events."
        => |slot, count| slot.number(*count);
};

pub(crate) static ACKNOWLEDGE: Operation = Operation {
    id: "events.ack",
    summary: "Acknowledge an event",
    says: "Says that an event of a consumer group is done, so that no reader is given it again. It \
           is about this event alone. One that no reader holds, because its time is over or its \
           stream has ended, is 409: it comes again. One that was acknowledged before is 204, \
           and so is one up to the place of the group that was never for it. It is answered also while the server stops, when every other request is 503. Then the answer to \
           `closing` is its `id` without a group: the streams of the key that were told no more end, and \
           the server waits for them no longer. At any other time that changes nothing.",
    query: &[],
    takes: Takes::Json(&ACK),
    gives: &[Gives {
        status: 204,
        says: "It is done.",
        content: ResponseContent::Nothing,
    }],
    errors: &[codes::CONFLICT, codes::NOT_FOUND],
    run: acknowledge,
};

fn acknowledge(request: &mut RouteRequest<'_>) -> RouteResult {
    let seq = request.body.number("id").unwrap_or_default();
    let idempotency = request.idempotency(|_| Response::nothing().keep());
    let call = match request.body.text("group") {
        Some(name) if is_group_name(&name) => EventGroupWrite::Acknowledge {
            name,
            seq,
            idempotency,
        },
        Some(_) => return Err(Problem::invalid("group", GROUP_NAME_RULE)),
        None => EventGroupWrite::AcknowledgeAll { seq, idempotency },
    };
    Ok(RouteStep::Write(Box::new(call.into()), gone))
}

pub(crate) static LIST: Operation = Operation {
    id: "events.groups",
    summary: "List consumer groups",
    says: "Lists the consumer groups of the organization by name: one page, as there are at most \
           100. A key that is bound to inboxes sees those of keys with the same inboxes.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The groups.",
        content: ResponseContent::Page(&VIEW),
    }],
    errors: &[],
    run: |request| {
        request.one_page();
        Ok(RouteStep::Read(
            Box::new(EventGroupRead::List.into()),
            |answer, _, _| match answer {
                Answer::EventGroups(rows) => Some(VIEW.page(&rows, None)),
                _ => None,
            },
        ))
    },
};

pub(crate) static READ: Operation = Operation {
    id: "events.group",
    summary: "Read a consumer group",
    says: "Reads one consumer group with what is set aside.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The group.",
        content: ResponseContent::One(&VIEW),
    }],
    errors: &[],
    run: |request| {
        let name = request.id(0, "consumer group", named)?;
        Ok(RouteStep::Read(
            Box::new(EventGroupRead::Get { name }.into()),
            |answer, _, _| match answer {
                Answer::EventGroups(rows) => Some(VIEW.response(200, rows.first()?)),
                _ => None,
            },
        ))
    },
};

pub(crate) static DELETE: Operation = Operation {
    id: "events.delete_group",
    summary: "Delete a consumer group",
    says: "Deletes a consumer group with its cursor and all that waits in it. The streams that read \
           it end with the reason `group_deleted`.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: |request| {
        let name = request.id(0, "consumer group", named)?;
        let call = EventGroupWrite::Delete { name };
        Ok(RouteStep::Write(Box::new(call.into()), gone))
    },
};

pub(crate) static REPLAY_ALL: Operation = Operation {
    id: "events.replay",
    summary: "Replay what a consumer group has set aside",
    says: "Has events that were set aside come again, as if no reader had been given them. Other \
           numbers are passed over.",
    query: &[],
    takes: Takes::Json(&REPLAY),
    gives: &[Gives {
        status: 202,
        says: "How many come again.",
        content: ResponseContent::One(&REPLAYED),
    }],
    errors: &[],
    run: replay,
};

fn replay(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = EventGroupWrite::Replay {
        name: request.id(0, "consumer group", named)?,
        seqs: request.body.numbers("ids"),
        idempotency: request
            .idempotency(|written| replayed(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        replayed(written)
    }))
}

fn replayed(written: &Written) -> Option<Response> {
    match written {
        Written::Replayed(count) => Some(REPLAYED.response(202, count)),
        _ => None,
    }
}

fn named(text: &str) -> Option<String> {
    is_group_name(text).then(|| text.to_owned())
}
