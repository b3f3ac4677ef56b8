//! The stage of intake that asks about the senders of mail from outside, and how long it waits.

use std::sync::Arc;

use super::inquiry::{Inquirer, Inquiry, LookupId, TellAnswered};
use super::lookup::{Finding, Lookups};
use super::parsed::{LOOKUP_MS, ParsedMessage};
use crate::call::{Refusal, Resolve};
use crate::mail::Headers;
use crate::mail::auth::SenderCheck;

/// The stage.
pub struct SenderLookups(Arc<Inquirer>);

impl core::fmt::Debug for SenderLookups {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SenderLookups({:?})", self.0.resolver)
    }
}

impl SenderLookups {
    /// A stage that asks `resolver`.
    pub fn new(resolver: Arc<dyn Resolve>) -> SenderLookups {
        SenderLookups(Inquirer::new(resolver))
    }

    /// Says how the reader of a message is told. Until then messages wait for their time-out.
    pub fn tell_with(&self, tell: TellAnswered) {
        *self.0.teller() = Some(tell);
    }

    /// No reader is told from now on: the readers end, and `tell` would keep their queues open.
    pub fn end(&self) {
        *self.0.teller() = None;
    }
}

impl Lookups for SenderLookups {
    fn start(&self, id: LookupId, parsed: &mut ParsedMessage) -> bool {
        let Some(arrival) = parsed.arrival() else {
            return false;
        };
        let headers = Headers::parse(arrival.header);
        let path = parsed.envelope.reverse_path.as_deref();
        let check = SenderCheck::new(&headers, arrival.address, path, arrival.helo);
        let (inquiry, waits) = Inquiry::begin(&self.0, id, check);
        parsed.inquiry = Some(inquiry);
        parsed.lookup_ms = SILENT_MS;
        waits
    }

    fn apply(
        &self,
        id: LookupId,
        parsed: &mut ParsedMessage,
        finding: Finding,
    ) -> Result<bool, Refusal> {
        // The answers are in the inquiry. What is missing when the time is over is a temporary
        // error.
        let has_more = finding == Finding::TimedOut && parsed.lookup_ms == SILENT_MS;
        let inquiry = parsed.inquiry.as_ref().filter(|_| has_more);
        if !inquiry.is_some_and(|inquiry| inquiry.waits_on(id)) {
            return Ok(false);
        }
        parsed.lookup_ms = LOOKUP_MS.saturating_sub(SILENT_MS);
        Ok(true)
    }
}

/// Milliseconds after which a message does not wait on when none of its answers has come: where the
/// resolver is out of reach, mail has to flow. A resolver that works gives most answers in a tenth
/// of this.
const SILENT_MS: u64 = 1_000;
