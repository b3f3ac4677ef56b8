//! Export of the messages of a folder with their octets: what `import.rs` takes in.

use super::fields::FieldKind::{Base64, FolderName, Id, List, OneOf, Text, Time};
use super::fields::{ANY, sometimes};
use super::inbox::COUNT;
use super::message::{FLAGS, flag_names};
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{Answer, EntryId, EntryRow, INBOX, MessageRead};

static EXPORTED: Shape<(String, EntryRow)> = shape! {
    "ExportedMessage", "A message of a folder with its octets.";
    id: always Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The message."
        => |slot, (_, row)| slot.shown_or_null(Some(row.state.id));
    cursor: always Text(ANY), r#""1-17""#,
        "The place behind it: an export that broke off goes on here, also with mail that is newer."
        => |slot, (place, _)| slot.text(place);
    flags: always List(&OneOf(&FLAGS)), r#"["seen"]"#, "Its system flags."
        => |slot, (_, row)| slot.texts(flag_names(row.state.flags));
    labels: always List(&Text(ANY)), "[]", "Its labels."
        => |slot, (_, row)| slot.texts(&row.state.keywords);
    received_at: always Time, r#""2020-01-31T12:00:00.000Z""#, "When it was received."
        => |slot, (_, row)| slot.time(row.received_at);
    size: always COUNT, "215", "How many octets it has."
        => |slot, (_, row)| slot.number(u64::from(row.size));
    raw: or_null Base64, r#""RnJvbTogYUBiLnRlc3QNCg0KSGk=""#,
        "Its octets in base64; null for one of more than 256 KiB: read its `raw` apart."
        => |slot, (_, row)| {
            let octets = row.octets.as_deref();
            slot.text_or_null(octets.map(|o| data_encoding::BASE64.encode(o)).as_deref());
        };
};

pub(crate) static EXPORT: Operation = Operation {
    id: "messages.export",
    summary: "Export messages",
    says: "Gives the messages of a folder with their octets, flags, labels and dates, in the order \
           of their UIDs. A page ends at 256 KiB of octets. The pages behind `next_cursor` end with \
           what was in the folder when the first was read.",
    query: &[
        sometimes("folder", FolderName, r#""Archive""#, "The folder.").or("\"INBOX\""),
        LIMIT,
        CURSOR,
    ],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of messages.",
        content: ResponseContent::Page(&EXPORTED),
    }],
    errors: &[],
    run: export,
};

fn export(request: &mut RouteRequest<'_>) -> RouteResult {
    let folder = request.parameters.text("folder");
    let call = MessageRead::Export {
        inbox: request.inbox()?,
        folder: folder.unwrap_or_else(|| INBOX.to_owned()),
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Exported(page) => Some(EXPORTED.page(&page.rows, page.next.as_deref())),
            _ => None,
        },
    ))
}
