//! Import: a slice of the messages of another mailbox. Each is taken as APPEND takes one: parsed,
//! not judged, and answered by nothing.
//!
//! One message that cannot be taken is refused alone. The rule: **a message of which the inbox
//! knows the id is not stored again**, so a request that is repeated adds nothing.

use std::sync::Arc;

use super::plan::{Delivery, Placement};
use super::{IntakeStep, compose, decide, parse};
use crate::call::{
    Answer, Arrival, Charge, ImportId, ImportItem, ImportOutcome, InboxId, InboxRef, Need, Refusal,
    Request, Scopes, Written,
};
use crate::crypto::sha256_parts;
use crate::pace;
use crate::service::context::ReadContext;
use crate::service::{Service, policy};

/// A slice of an import on its way to the writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportSlice {
    /// The inbox.
    pub inbox: InboxId,
    /// One for each message, in their order.
    pub steps: Vec<ImportStep>,
    /// The charge of the request on the budget of memory.
    pub charge: Option<Arc<Charge>>,
}

/// What is left to do for a message of a slice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImportStep {
    /// The writer stores it.
    Deliver(Box<Delivery>),
    /// Nothing.
    Settled(ImportOutcome),
}

impl ImportSlice {
    /// What it needs of its caller. The writer checks it again.
    pub const NEED: Need = Need::Inboxes(Scopes::MESSAGES_WRITE);

    /// Octets that it adds to its transaction.
    pub fn octets(&self) -> usize {
        let octets = self.steps.iter().map(|step| match step {
            ImportStep::Deliver(delivery) => delivery.plan.body.len(),
            ImportStep::Settled(_) => 0,
        });
        octets.sum()
    }
}

/// Parses a slice. What is alone goes the way of every message, in pieces where it is large.
pub(super) fn import(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    (inbox, messages): (&InboxRef, Vec<ImportItem>),
    charge: Option<Arc<Charge>>,
) -> Result<IntakeStep, Refusal> {
    policy::check_space(service)?;
    let inbox = policy::find_inbox(context.store, request.caller.access()?, inbox)?;
    let mut steps = Vec::with_capacity(messages.len());
    for message in messages {
        steps.push(match step(service, context, request, inbox, message) {
            Ok(step) => step,
            Err(why) if why.is_of_message() => ImportStep::Settled(ImportOutcome::Refused(why)),
            Err(why) => return Err(why),
        });
    }
    let is_settled = |step: &ImportStep| matches!(step, ImportStep::Settled(_));
    if steps.iter().all(is_settled) {
        let settled = steps.into_iter().filter_map(|step| match step {
            ImportStep::Settled(outcome) => Some(outcome),
            ImportStep::Deliver(_) => None,
        });
        return Ok(IntakeStep::Tried(Answer::Imported(settled.collect())));
    }
    if steps.len() == 1
        && let Some(ImportStep::Deliver(mut delivery)) = steps.pop()
    {
        delivery.charge = charge;
        return Ok(IntakeStep::Deliver(delivery));
    }
    Ok(IntakeStep::Import(Box::new(ImportSlice {
        inbox,
        steps,
        charge,
    })))
}

fn step(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    inbox: InboxId,
    message: ImportItem,
) -> Result<ImportStep, Refusal> {
    const PRESENT: ImportStep = ImportStep::Settled(ImportOutcome::Present);
    let given = message
        .id
        .as_deref()
        .map(|id| id_of([b"id", id.as_bytes()]));
    if let Some(id) = &given
        && context.store.is_imported(inbox, id)?
    {
        return Ok(PRESENT);
    }
    let Some(raw) = message.raw else {
        return Ok(ImportStep::Settled(ImportOutcome::Absent));
    };
    let octets = compose::decode(0, &raw).map_err(|_| Refusal::Invalid {
        field: "raw",
        why: "is not base64".into(),
    })?;
    drop(raw);
    let id = match given {
        Some(id) => id,
        None => {
            pace::spend(octets.len());
            let id = id_of([message.mailbox.as_bytes(), &octets]);
            if context.store.is_imported(inbox, &id)? {
                return Ok(PRESENT);
            }
            id
        }
    };
    let placement = Placement {
        id: None,
        inbox,
        mailbox: message.mailbox,
        prefix: Vec::new(),
        flags: message.flags,
        keywords: message.keywords,
        kind: Arrival::Appended,
        received_at: message.received_at,
        ruled: None,
        spam: None,
    };
    let parsed = parse::append(context, request.caller.access()?, placement, octets)?;
    let mut delivery = decide::decide(service, context, request, parsed)?;
    delivery.plan.import = Some(id);
    Ok(ImportStep::Deliver(Box::new(delivery)))
}

fn id_of([kind, of]: [&[u8]; 2]) -> ImportId {
    let hash = sha256_parts([kind, b"\0", of]);
    let (half, _) = hash.split_at(16);
    ImportId(half.try_into().unwrap_or_default())
}

/// The outcome of a message that the writer has placed.
pub fn outcome_of(written: &Written) -> Option<ImportOutcome> {
    match written {
        Written::Delivered {
            entry: Some(entry), ..
        } => Some(ImportOutcome::Imported(*entry)),
        Written::Present => Some(ImportOutcome::Present),
        _ => None,
    }
}
