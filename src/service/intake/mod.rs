//! Intake: the stages of every message that comes in, by SMTP, REST or APPEND. Its sender is
//! answered once, after the commit.
//!
//! ```text
//!   reader                    outside              reader                     writer
//!   Parse ─► Parsed ─► lookup? ─ yes ─► waits ─► finding ─► Decide ─► Plan ─► Deliver ─► answer
//!                         └───── no ──────────────────────────┘
//! ```
//!
//! A message that waits for a lookup outside holds no thread: the reader keeps it under the id of
//! the lookup. A plan is a list of effects. The writer carries out all of them in one transaction,
//! or refuses the message.

mod again;
mod analyse;
mod answer;
mod approve;
mod beside;
mod check;
mod complete;
mod compose;
mod correspondents;
mod decide;
mod deliver;
mod draft;
mod elsewhere;
mod enqueue;
mod facts;
mod files;
mod filter;
mod full;
mod handed;
mod import;
mod index;
mod inquiry;
mod lesson;
mod lookup;
mod made;
mod named;
mod parse;
mod parsed;
pub(in crate::service) mod plan;
mod release;
mod ruled;
mod screen;
mod senders;
mod stored;
mod subject;
mod submitted;
mod thread;
mod treat;
mod trial;
mod upload;
mod waiting;

use crate::call::{Answer, Intake, Refusal, Request, Route};
use crate::service::access::admit::admit;
use crate::service::access::receives::SendingParty;
use crate::service::context::ReadContext;
use crate::service::{Service, repeated};

pub use again::read_again;
pub use complete::complete;
pub(in crate::service) use decide::{named_address, summary_of};
pub use deliver::{PIECE_BYTES, deliver_own, store_piece};
pub(in crate::service) use facts::author_key;
pub(in crate::service) use filter::{JUNK_KEYWORD, NOT_JUNK_KEYWORD, PHISHING_KEYWORD};
pub use import::{ImportSlice, ImportStep, outcome_of};
pub use index::sign_again;
pub use inquiry::LookupId;
pub use lesson::lesson_text;
pub use lookup::{Finding, Lookups};
pub use parsed::ParsedMessage;
use parsed::WayIn;
pub use plan::{Delivery, StoredPieces, TakenDraft};
pub use release::{Release, released};
pub use senders::SenderLookups;
pub use waiting::{WaitingMessage, WaitingMessages};

/// The stage of a message.
#[derive(Debug)]
pub enum IntakeStage {
    /// The message has just come in.
    Parse(Box<Intake>),
    /// The answer to its lookup has come.
    Found(Box<ParsedMessage>, Finding),
}

/// The result of a reader's turn on a message.
#[derive(Debug)]
pub enum IntakeStep {
    /// The message is decided on.
    Deliver(Box<Delivery>),
    /// The message waits for a lookup outside.
    Wait(Box<ParsedMessage>),
    /// Several messages of an import are decided on.
    Import(Box<ImportSlice>),
    /// There is nothing to write: it was a trial, or all of an import is there.
    Tried(Answer),
}

/// Takes a message through its stages until it is decided on or must wait. `id` names the lookup,
/// if one is started.
///
/// A refused request whose first sending was carried out goes to the writer, which gives the kept
/// answer again.
pub fn advance(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    stage: IntakeStage,
    id: LookupId,
) -> Result<IntakeStep, Refusal> {
    let repeats = match &stage {
        IntakeStage::Parse(intake) => intake.idempotency().cloned().zip(Some(intake.need())),
        IntakeStage::Found(..) => None,
    };
    let done = advance_once(service, context, request, stage, id);
    let (Err(refusal), Some((idempotency, need))) = (&done, repeats) else {
        return done;
    };
    let caller = &request.caller;
    let Some(key) = repeated::stored_key(caller, &idempotency) else {
        return done;
    };
    let at = (service, context.store, context.now);
    match repeated::kept_answer(at, caller, &key)? {
        Some(_) => {
            let party = SendingParty::of(caller, request.peer);
            let delivery = Delivery::repeated(idempotency, (need, party), refusal.clone());
            Ok(IntakeStep::Deliver(Box::new(delivery)))
        }
        None => done,
    }
}

fn advance_once(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    stage: IntakeStage,
    id: LookupId,
) -> Result<IntakeStep, Refusal> {
    let caller = &request.caller;
    let parsed = match stage {
        IntakeStage::Parse(mut intake) => {
            admit(service, caller, intake.need(), context.now)?;
            let mut charge = intake.charge.take();
            let is_made = matches!(intake.route, Route::Compose { .. } | Route::Draft { .. });
            if let Route::Import { inbox, messages } = intake.route {
                return import::import(service, context, request, (&inbox, messages), charge);
            }
            if let Route::Check { inbox } = &intake.route {
                let (access, inbox) = (caller.access()?, inbox.as_ref());
                let judged = check::check(service, context, access, inbox, &intake.octets);
                return judged.map(IntakeStep::Tried);
            }
            made::charge_parts(context, caller, &intake.route, &mut charge)?;
            let mut parsed = Box::new(parse::parse(service, context, request, *intake)?);
            if let WayIn::Send { trial: Some(_), .. } = parsed.way {
                return trial::try_out(service, context, caller, &parsed).map(IntakeStep::Tried);
            }
            if is_made {
                made::charge_octets(context, parsed.body.len(), &mut charge)?;
            }
            parsed.charge = charge;
            match &service.lookups {
                Some(lookups) if lookups.start(id, &mut parsed) => {
                    return Ok(IntakeStep::Wait(parsed));
                }
                _ => parsed,
            }
        }
        IntakeStage::Found(mut parsed, finding) => {
            admit(service, caller, parsed.need(), context.now)?;
            match &service.lookups {
                Some(lookups) if lookups.apply(id, &mut parsed, finding)? => {
                    return Ok(IntakeStep::Wait(parsed));
                }
                _ => parsed,
            }
        }
    };
    decide::decide(service, context, request, *parsed)
        .map(|delivery| IntakeStep::Deliver(Box::new(delivery)))
}
