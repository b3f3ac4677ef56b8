//! A parsed message: the message between its parsing and its judgement. Plain data.

use std::sync::Arc;

use super::plan::Placement;
use crate::call::{
    ApprovedMail, Charge, EntryId, Envelope, Idempotency, InboxId, Need, OrgId, Scopes,
};
use crate::mail::digest::Analysis;

/// A message that is parsed and not yet judged.
#[derive(Debug)]
pub struct ParsedMessage {
    /// The route by which it came, and the data of that route.
    pub(super) way: WayIn,
    /// Octets to store: with the fields that this server has put in front, without those that it
    /// has removed.
    pub body: Vec<u8>,
    /// The result of parsing `body`.
    pub analysis: Analysis,
    /// Reverse-path and recipients; empty for APPEND.
    pub envelope: Envelope,
    /// The `Idempotency-Key` of the request, or `X-Idempotency-Key` of the message.
    pub idempotency: Option<Idempotency>,
    /// The charge of the message on the budget of memory.
    pub charge: Option<Arc<Charge>>,
}

impl ParsedMessage {
    /// What the message needs of its caller: the same as its [`crate::call::Intake`] did.
    pub fn need(&self) -> Need {
        match self.way {
            WayIn::Inbound => Need::Nothing,
            WayIn::Approved { .. } => Need::Inboxes(Scopes::APPROVE),
            WayIn::Send { .. } | WayIn::Append(_) => Need::Inboxes(Scopes::MESSAGES_WRITE),
        }
    }

    /// The organization of the first recipient.
    pub fn receiver(&self) -> Option<OrgId> {
        self.envelope.receiver()
    }
}

/// The route, and the data that it adds.
#[derive(Debug)]
pub(super) enum WayIn {
    /// From outside.
    Inbound,
    /// From an inbox of this server, which gets a copy.
    Send {
        inbox: InboxId,
        /// Recipients that only the sender's copy names.
        hidden: Vec<String>,
        /// Labels of the copy.
        labels: Vec<String>,
    },
    /// A held message that is approved.
    Approved {
        inbox: InboxId,
        /// The entry, which goes from Drafts to Sent.
        entry: EntryId,
        labels: Vec<String>,
        /// Octets of the entry in front of the body.
        prefix: Vec<u8>,
        mail: ApprovedMail,
    },
    /// APPEND: the entry to make.
    Append(Placement),
}
