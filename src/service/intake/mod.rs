//! The one way in. A message from SMTP, REST or APPEND passes the same stages, and its sender
//! is answered once, after the commit.
//!
//! ```text
//!   reader                    outside              reader                     writer
//!   Parse ─► Parsed ─► asks? ── yes ─► waits ─► finding ─► Decide ─► Plan ─► Deliver ─► answer
//!                        └───── no ─────────────────────────┘
//! ```
//!
//! A message that waits for something outside holds no thread: the reader keeps it by the id
//! of its lookup. A plan is a list of effects. The writer carries out each of them in one
//! transaction, or refuses the message.

mod compose;
mod decide;
mod deliver;
mod lookup;
mod parse;
pub(in crate::service) mod plan;

use crate::call::{Idempotency, Intake, Need, Refusal, Request};
use crate::service::Service;
use crate::service::access::login;
use crate::service::context::ReadContext;

pub(in crate::service) use decide::name;
pub use deliver::deliver;
pub(in crate::service) use lookup::LOOKUP_MS;
pub use lookup::{Finding, LookupId, Lookups};
pub use parse::ParsedMessage;
pub use plan::Plan;

/// Where a message stands.
#[derive(Debug)]
pub enum IntakeStage {
    /// It has just come.
    Parse(Box<Intake>),
    /// What it waited for is here.
    Found(Box<ParsedMessage>, Finding),
}

/// What a reader's turn on a message ends in.
#[derive(Debug)]
pub enum IntakeStep {
    /// It is decided.
    Deliver(Box<Delivery>),
    /// It waits for something outside.
    Wait(Box<ParsedMessage>),
}

/// A decided message on its way to the writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// What is to be stored.
    pub plan: Plan,
    /// What it needs of its caller, checked again by the writer.
    pub need: Need,
    /// The `Idempotency-Key` of the request, or `X-Idempotency-Key` of the message.
    pub idempotency: Option<Idempotency>,
}

/// Takes a message as far as it goes without waiting. `id` names the lookup, if one is asked
/// for.
pub fn advance(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    stage: IntakeStage,
    id: LookupId,
) -> Result<IntakeStep, Refusal> {
    let caller = &request.caller;
    let parsed = match stage {
        IntakeStage::Parse(intake) => {
            login::admit(service, caller, intake.need(), true, context.now)?;
            let parsed = Box::new(parse::parse(service, context, request, *intake)?);
            match &service.lookups {
                Some(lookups) if lookups.ask(id, &parsed) => return Ok(IntakeStep::Wait(parsed)),
                _ => parsed,
            }
        }
        IntakeStage::Found(mut parsed, finding) => {
            login::admit(service, caller, parsed.need, false, context.now)?;
            if let Some(lookups) = &service.lookups {
                lookups.found(&mut parsed, finding)?;
            }
            parsed
        }
    };
    decide::decide(context, caller, *parsed).map(|delivery| IntakeStep::Deliver(Box::new(delivery)))
}
