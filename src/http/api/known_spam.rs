//! The list of known spam of the server, which only the operator changes and sees.

use super::codes;
use super::fields::FieldKind::{Label, List, Number, Object, Plain, Text, Time};
use super::fields::{ANY, BodyTable, FieldRow, fields, octets, sometimes};
use super::inbox::COUNT;
use super::operation::{CURSOR, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, KNOWN_SPAM_SOURCE_BYTES_MAX, KnownSpamDeletion, KnownSpamImported, KnownSpamRead,
    KnownSpamSource, KnownSpamWrite, RefusedLine, Written,
};
use crate::http::wire::response::Response;

const NEW_ENTRIES: BodyTable = BodyTable {
    name: "NewSpamSignatures",
    says: "Entries of the list of known spam.",
    optional: false,
    example: r#"{"source":"feed","entries":"link https://win.example/claim\n"}"#,
    fields: fields! {
        source: required Label(KNOWN_SPAM_SOURCE_BYTES_MAX), r#""feed""#,
            "The name of the list that they come from.";
        entries: required Text(ANY), r#""link https://win.example/claim\n""#,
            "At most 500 lines, each `body`, `link` or `attachment` and SHA-256 in hexadecimal \
             digits. In place of the hash of a link, the link may stand there. `#` begins a comment.";
    },
};

const LINE: super::fields::FieldKind = Number {
    min: 1,
    max: u64::MAX,
};

static REFUSED: Shape<RefusedLine> = shape! {
    "RefusedSpamSignature", "A line that is no entry.";
    line: always LINE, "3", "Its number in `entries`, from 1."
        => |slot, refused| slot.number(refused.line as u64);
    why: always Text(ANY), r#""has no hash""#, "What is wrong with it."
        => |slot, refused| slot.text(refused.why);
};

static IMPORTED: Shape<KnownSpamImported> = shape! {
    "SpamSignatureImport", "What became of the lines of an import.";
    added: always COUNT, "1", "How many entries are new in the source."
        => |slot, done| slot.number(done.fresh.len() as u64);
    present: always COUNT, "0", "How many it had."
        => |slot, done| slot.number(done.present as u64);
    refused: always List(&Object(&REFUSED)), "[]", "The lines that are none, in their order."
        => |mut slot, done| REFUSED.write_list(slot.octets(), &done.refused);
    imported_at: always Time, r#""2026-01-31T12:00:00.000Z""#,
        "The stamp of these entries, for `before` of a deletion. Each import of a source has a later one."
        => |slot, done| slot.time(done.imported_at);
};

static SOURCE: Shape<KnownSpamSource> = shape! {
    "SpamSignatureSource", "A source of the list of known spam.";
    source: always Text(ANY), r#""feed""#, "Its name."
        => |slot, row| slot.text(&row.name);
    bodies: always COUNT, "1", "Its hashes of texts."
        => |slot, row| slot.number(row.entries[0]);
    links: always COUNT, "0", "Its hashes of links."
        => |slot, row| slot.number(row.entries[1]);
    attachments: always COUNT, "0", "Its hashes of files."
        => |slot, row| slot.number(row.entries[2]);
    imported_at: always Time, r#""2026-01-31T12:00:00.000Z""#, "The stamp of its last import."
        => |slot, row| slot.time(row.imported_at);
};

static DELETED: Shape<KnownSpamDeletion> = shape! {
    "SpamSignatureDeletion", "What was deleted.";
    deleted: always COUNT, "1", "How many entries."
        => |slot, done| slot.number(done.deleted);
};

const SOURCE_NAME: FieldRow = sometimes(
    "source",
    Plain(octets(KNOWN_SPAM_SOURCE_BYTES_MAX)),
    r#""feed""#,
    "Only entries of this source; without it, of all.",
);
const BEFORE: FieldRow = sometimes(
    "before",
    Time,
    r#""2026-01-31T12:00:00.000Z""#,
    "Only entries whose last import has an earlier stamp.",
);

pub(crate) static IMPORT: Operation = Operation {
    id: "spam_signatures.import",
    summary: "Add known spam",
    says: "Adds entries to the list of known spam of the server. They hold from the next message on. \
           A line that is no entry is told and does not hold up the others. An entry that the source \
           has gets the stamp of this import.",
    query: &[],
    takes: Takes::Json(&NEW_ENTRIES),
    gives: &[Gives {
        status: 200,
        says: "What became of the lines.",
        content: ResponseContent::One(&IMPORTED),
    }],
    errors: &[codes::LIMIT_REACHED],
    run: import,
};

fn import(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = KnownSpamWrite::Import {
        source: request.body.text("source").unwrap_or_default(),
        text: request.body.text("entries").unwrap_or_default(),
        idempotency: request
            .idempotency(|written| imported(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        imported(written)
    }))
}

fn imported(written: &Written) -> Option<Response> {
    match written {
        Written::KnownSpamImported(done) => Some(IMPORTED.response(200, done)),
        _ => None,
    }
}

pub(crate) static LIST: Operation = Operation {
    id: "spam_signatures.list",
    summary: "List the sources of known spam",
    says: "Lists the sources of the list of known spam with the numbers of their entries, by name: \
           one page, as there are at most 50.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The sources.",
        content: ResponseContent::Page(&SOURCE),
    }],
    errors: &[],
    run: |request| {
        request.one_page();
        Ok(RouteStep::Read(
            Box::new(KnownSpamRead::Sources.into()),
            |answer, _, _| match answer {
                Answer::KnownSpam(rows) => Some(SOURCE.page(&rows, None)),
                _ => None,
            },
        ))
    },
};

pub(crate) static DELETE: Operation = Operation {
    id: "spam_signatures.delete",
    summary: "Delete known spam",
    says: "Deletes entries of the list of known spam, all of them or some. To replace a source, \
           import its new entries, and then delete those before the stamp of the first import.",
    query: &[SOURCE_NAME, BEFORE],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "What was deleted.",
        content: ResponseContent::One(&DELETED),
    }],
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let deletion = KnownSpamDeletion {
        source: request.parameters.text("source"),
        before: request.parameters.time("before"),
        ..KnownSpamDeletion::default()
    };
    let call = KnownSpamWrite::Delete(Box::new(deletion));
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::KnownSpamDeleted(done) => Some(DELETED.response(200, done)),
            _ => None,
        },
    ))
}
