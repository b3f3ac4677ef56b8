//! Import of messages from another mailbox, many in one request. It says how a request becomes
//! slices and what became of each message; the service takes the messages in as APPEND does.
//!
//! The rule: what a message is refused for is told beside it, and the others are imported. A fault
//! of the request or of the server ends the request; what was imported until then is found there
//! when it is repeated.

use std::sync::Arc;

use super::codes;
use super::fields::FieldKind::{
    Base64, FolderName, Id, LabelLines, List, Number, Object, Objects, OneOf, SomeOf, Text, Time,
};
use super::fields::{ANY, BodyTable, fields, octets};
use super::message::{FLAGS, flag_of};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::refused::refused;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use super::values::Values;
use crate::call::{
    Charge, EntryId, Flags, INBOX, ImportItem, ImportOutcome, InboxRef, Intake, Limits, Refusal,
    Route,
};
use crate::http::wire::response::Response;

const IMPORT_ITEM: BodyTable = BodyTable {
    name: "NewImport",
    says: "A message to import.",
    optional: false,
    example: "",
    fields: fields! {
        raw: optional Base64, r#""RnJvbTogYUBiLnRlc3QNCg0KSGk=""#,
            "Its octets in base64, as they are to be stored. Without it the answer only says \
             whether the message was imported already.";
        import_id: optional Text(octets(IMPORT_ID_BYTES_MAX)), r#""inbox.mbox:17""#,
            "Your name for it: an inbox imports each name once, for ever. Without it the octets \
             and the folder are the name.";
        folder: optional FolderName, r#""Archive""#, "The folder that it goes to, which is there."
            or "\"INBOX\"";
        flags: optional SomeOf(&FLAGS), r#"["seen"]"#, "Its system flags." or "[]";
        labels: optional LabelLines, r#"["urgent"]"#,
            "Its labels; one that is none refuses the message alone.";
        received_at: optional Time, r#""2020-01-31T12:00:00Z""#,
            "When it was received; now where it is left out.";
    },
};

const NEW_IMPORTS: BodyTable = BodyTable {
    name: "NewImports",
    says: "Messages to import.",
    optional: false,
    example: r#"{"messages":[{"raw":"RnJvbTogYUBiLnRlc3QNCg0KSGk=","flags":["seen"]}]}"#,
    fields: fields! {
        messages: required Objects(&IMPORT_ITEM), "[]",
            "The messages. They get their places in the folders in this order.";
    },
};

/// A refusal of one message.
struct ImportFault {
    code: &'static str,
    message: String,
    hint: String,
}

static FAULT: Shape<ImportFault> = shape! {
    "ImportError", "Why a message is not imported.";
    code: always Text(ANY), r#""stray_octets""#, "A code of the table of errors."
        => |slot, fault| slot.text(fault.code);
    message: always Text(ANY), r#""The message has a NUL in it.""#, "What is wrong."
        => |slot, fault| slot.text(&fault.message);
    hint: always Text(ANY), r#""Remove it.""#, "What to do."
        => |slot, fault| slot.text(&fault.hint);
};

/// What became of one message.
struct ImportedMessage {
    status: &'static str,
    id: Option<EntryId>,
    fault: Option<ImportFault>,
}

const STATUSES: [&str; 4] = ["imported", "present", "absent", "refused"];

static IMPORTED: Shape<ImportedMessage> = shape! {
    "ImportedMessage", "What became of a message of an import.";
    status: always OneOf(&STATUSES), r#""imported""#,
        "`imported`: it is on the disk; `present`: it was imported before; `absent`: it was not, and \
         `raw` was left out; `refused`: `error` says why."
        => |slot, one| slot.text(one.status);
    id: or_null Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The message that was made."
        => |slot, one| slot.shown_or_null(one.id);
    error: always Object(&FAULT), "{}", "Why it is refused."
        => |mut slot, one| {
            if let Some(fault) = &one.fault {
                FAULT.write(slot.octets(), fault);
            }
        }, if |one| one.fault.is_some();
};

const COUNT: super::fields::FieldKind = Number {
    min: 0,
    max: u64::MAX,
};

static REPORT: Shape<Vec<ImportedMessage>> = shape! {
    "ImportReport", "What became of the messages of an import.";
    imported: always COUNT, "1", "How many are new." => |slot, all| slot.number(count(all, 0));
    present: always COUNT, "0", "How many were imported before."
        => |slot, all| slot.number(count(all, 1));
    absent: always COUNT, "0", "How many were only asked for, and are not there."
        => |slot, all| slot.number(count(all, 2));
    refused: always COUNT, "0", "How many are refused."
        => |slot, all| slot.number(count(all, 3));
    messages: always List(&Object(&IMPORTED)), "[]", "Each, in the order of the request."
        => |mut slot, all| IMPORTED.write_list(slot.octets(), all);
};

fn count(all: &[ImportedMessage], at: usize) -> u64 {
    let status = STATUSES.get(at).copied().unwrap_or_default();
    all.iter().filter(|one| one.status == status).count() as u64
}

pub(crate) static IMPORT: Operation = Operation {
    id: "messages.import",
    summary: "Import messages",
    says: "Stores messages of another mailbox with their flags, labels and dates, in one request as \
           many as a list and 35 MiB hold. The octets stay as they are. Nothing is judged, sent or \
           answered. A message that is refused does not hold up the others. A request that is \
           repeated, also after a crash, imports nothing twice, so it needs no Idempotency-Key.",
    query: &[],
    takes: Takes::Message(&NEW_IMPORTS),
    gives: &[Gives {
        status: 200,
        says: "What became of each message.",
        content: ResponseContent::One(&REPORT),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::LIMIT_REACHED,
        codes::NO_SPACE,
    ],
    run: import,
};

fn import(request: &mut RouteRequest<'_>) -> RouteResult {
    let objects = request.body.objects("messages");
    if objects.is_empty() {
        return Err(Problem::invalid(
            "messages",
            "must have at least one message",
        ));
    }
    let mut messages = Vec::with_capacity(objects.len());
    for (at, object) in objects.into_iter().enumerate() {
        let message = item(object);
        if message.raw.is_none() && message.id.is_none() {
            let place = format!("messages[{at}]");
            return Err(Problem::invalid(&place, "must have raw or import_id"));
        }
        messages.push(message);
    }
    Ok(RouteStep::Import(Box::new(ImportBatch {
        inbox: request.inbox()?,
        outcomes: Vec::with_capacity(messages.len()),
        left: messages.into_iter(),
        is_single: false,
        charge: None,
    })))
}

fn item(mut object: Values) -> ImportItem {
    let flags = object.texts("flags").unwrap_or_default();
    let flags = flags
        .iter()
        .fold(Flags::NONE, |all, name| all.with(flag_of(name)));
    ImportItem {
        raw: object.text("raw"),
        id: object.text("import_id"),
        mailbox: object.text("folder").unwrap_or_else(|| INBOX.to_owned()),
        flags,
        keywords: object.texts("labels").unwrap_or_default(),
        received_at: object.time("received_at"),
    }
}

/// An import while its slices are carried out, one call each.
#[derive(Debug)]
pub(crate) struct ImportBatch {
    inbox: InboxRef,
    left: std::vec::IntoIter<ImportItem>,
    outcomes: Vec<ImportOutcome>,
    /// The slice that is out has one message.
    is_single: bool,
    /// The charge of the body on the budget of memory.
    pub charge: Option<Arc<Charge>>,
}

impl ImportBatch {
    /// The next slice; `None` when all is done.
    pub fn slice(&mut self) -> Option<Intake> {
        let mut messages = Vec::new();
        let mut octets = 0usize;
        while let Some(next) = self.left.as_slice().first() {
            octets = octets.saturating_add(next.raw.as_ref().map_or(0, String::len));
            let is_full = octets > SLICE_OCTETS || messages.len() == SLICE_MESSAGES;
            if is_full && !messages.is_empty() {
                break;
            }
            messages.extend(self.left.next());
        }
        if messages.is_empty() {
            return None;
        }
        self.is_single = messages.len() == 1;
        Some(Intake {
            route: Route::Import {
                inbox: self.inbox.clone(),
                messages,
            },
            octets: Vec::new(),
            charge: self.charge.clone(),
        })
    }

    /// Takes what became of a slice.
    pub fn take(&mut self, outcomes: Vec<ImportOutcome>) {
        self.outcomes.extend(outcomes);
    }

    /// Takes the refusal of a slice, if it is about the one message in it.
    pub fn refuse(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        match self.is_single && refusal.is_of_message() {
            true => {
                self.outcomes.push(ImportOutcome::Refused(refusal));
                Ok(())
            }
            false => Err(refusal),
        }
    }

    /// The response when all is done.
    pub fn report(&self, limits: &Limits) -> Response {
        let all: Vec<ImportedMessage> = self.outcomes.iter().map(|o| shown(o, limits)).collect();
        REPORT.response(200, &all)
    }
}

fn shown(outcome: &ImportOutcome, limits: &Limits) -> ImportedMessage {
    let (at, id, fault) = match outcome {
        ImportOutcome::Imported(id) => (0, Some(*id), None),
        ImportOutcome::Present => (1, None, None),
        ImportOutcome::Absent => (2, None, None),
        ImportOutcome::Refused(Refusal::StrayOctets) => {
            let fault = ImportFault {
                code: codes::STRAY_OCTETS.word,
                message: "The message has a NUL in it.".to_owned(),
                hint: "IMAP cannot carry a NUL: take it out.".to_owned(),
            };
            (3, None, Some(fault))
        }
        ImportOutcome::Refused(refusal) => (3, None, Some(fault_of(&refused(refusal, limits)))),
    };
    ImportedMessage {
        status: STATUSES.get(at).copied().unwrap_or_default(),
        id,
        fault,
    }
}

fn fault_of(problem: &Problem) -> ImportFault {
    ImportFault {
        code: problem.code.word,
        message: problem.message.clone().into_owned(),
        hint: problem.hint.clone().into_owned(),
    }
}

/// Messages of one call: some milliseconds of work, so that calls of others have their turn, and
/// enough that a commit is shared by many.
const SLICE_MESSAGES: usize = 64;
/// Characters of base64 of one call: 1 MiB of octets. A larger message is alone in its call, and is
/// stored in pieces.
const SLICE_OCTETS: usize = (1 << 20) / 3 * 4;
/// The longest id of an importer.
const IMPORT_ID_BYTES_MAX: usize = 255;
