//! A parsed message: the message between its parsing and its judgement. Plain data.

use core::net::IpAddr;
use std::sync::Arc;

use super::inquiry::Inquiry;
use super::plan::{Placement, TakenDraft};
use crate::call::{
    ApprovedMail, Charge, EntryId, Envelope, Flags, Idempotency, InboxId, Need, NewUpload, OrgId,
    RefusedRecipient, Scopes, SenderAuth, ThreadId, UpstreamMessage,
};
use crate::mail::Headers;
use crate::mail::auth::Judgement;
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
    /// The questions about its sender, of mail from outside, when there is a resolver.
    pub(super) inquiry: Option<Arc<Inquiry>>,
    /// Milliseconds that it waits for its lookups.
    pub lookup_ms: u64,
}

impl ParsedMessage {
    /// A message that came by this route, without a key of its request, a charge, and questions.
    pub(super) fn new(
        way: WayIn,
        body: Vec<u8>,
        analysis: Analysis,
        envelope: Envelope,
    ) -> ParsedMessage {
        ParsedMessage {
            way,
            body,
            analysis,
            envelope,
            idempotency: None,
            charge: None,
            inquiry: None,
            lookup_ms: LOOKUP_MS,
        }
    }

    /// What the message needs of its caller: the same as its [`crate::call::Intake`] did.
    pub fn need(&self) -> Need {
        match self.way {
            WayIn::Inbound(_) => Need::Nothing,
            WayIn::Elsewhere(_) => Need::Server,
            WayIn::Approved { .. } => Need::Inboxes(Scopes::APPROVE),
            WayIn::Send { .. } | WayIn::Keep { .. } | WayIn::Append(_) | WayIn::Upload(_) => {
                Need::Inboxes(Scopes::MESSAGES_WRITE)
            }
        }
    }

    /// Mail from outside as it came, and from where.
    pub(super) fn arrival(&self) -> Option<ArrivedMail<'_>> {
        let WayIn::Inbound(origin) = &self.way else {
            return None;
        };
        let end = Headers::parse(&self.body).body_start();
        let (header, body) = self.body.split_at(end.min(self.body.len()));
        Some(ArrivedMail {
            header: match &origin.changed_header {
                Some(header) => header,
                None => header.get(origin.ours..).unwrap_or_default(),
            },
            body,
            address: origin.address,
            helo: &origin.helo,
        })
    }

    /// What the checks say of the sender of mail from outside; `None` when nothing was asked.
    pub(super) fn judge(&self, now_s: i64) -> Option<Judgement> {
        let arrival = self.arrival()?;
        let inquiry = self.inquiry.as_ref()?;
        inquiry.judge(arrival.header, arrival.body, now_s)
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
    Inbound(Origin),
    /// From an account elsewhere.
    Elsewhere(Box<UpstreamMessage>),
    /// From an inbox of this server, which gets a copy.
    Send {
        inbox: InboxId,
        /// Recipients that only the sender's copy names.
        hidden: Vec<String>,
        /// Labels of the copy.
        labels: Vec<String>,
        /// When it leaves, unix milliseconds; `None` is now.
        send_at: Option<i64>,
        /// When the copy ends, unix milliseconds.
        expires_at: Option<i64>,
        /// The client's own JSON.
        metadata: Option<String>,
        /// The conversation of the message that it answers or hands on.
        joins: Option<ThreadId>,
        /// It is not sent: its client asks what would become of it.
        trial: Option<Trial>,
        /// The draft that it was.
        draft: Option<TakenDraft>,
        /// What is known of its author: a rule hands on what others have written.
        auth: SenderAuth,
    },
    /// Kept as a draft.
    Keep {
        inbox: InboxId,
        /// Hidden recipients, as the octets in front of the entry name them.
        prefix: Vec<u8>,
        flags: Flags,
        labels: Vec<String>,
        /// The conversation of the message that it answers or hands on.
        joins: Option<ThreadId>,
        /// The client's own JSON, of a new draft.
        metadata: Option<String>,
        /// The draft that it was.
        draft: Option<TakenDraft>,
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
        /// What is known of its author.
        auth: SenderAuth,
        /// When it leaves, unix milliseconds; `None` is now.
        send_at: Option<i64>,
    },
    /// APPEND: the entry to make.
    Append(Placement),
    /// A file that is no message.
    Upload(NewUpload),
}

/// What is known of a message that is tried before it is judged.
#[derive(Debug)]
pub(super) struct Trial {
    /// Recipients whose inbox is full.
    pub full: Vec<RefusedRecipient>,
}

impl WayIn {
    /// Where a message of an account elsewhere comes from.
    pub(super) fn upstream(&self) -> Option<Box<UpstreamMessage>> {
        match self {
            WayIn::Elsewhere(from) => Some(from.clone()),
            _ => None,
        }
    }

    /// The conversation that the request names.
    pub(super) fn joins(&self) -> Option<ThreadId> {
        match self {
            WayIn::Send { joins, .. } | WayIn::Keep { joins, .. } => *joins,
            WayIn::Inbound(_)
            | WayIn::Elsewhere(_)
            | WayIn::Approved { .. }
            | WayIn::Append(_)
            | WayIn::Upload(_) => None,
        }
    }
}

/// Where mail from outside came from, and what was changed in it.
#[derive(Debug)]
pub(super) struct Origin {
    /// The address of the peer.
    pub address: IpAddr,
    /// The name of EHLO or HELO.
    pub helo: String,
    /// Octets of the fields that this server has put in front.
    pub ours: usize,
    /// The header block as it came, when fields were taken out of it: its signatures cover them.
    pub changed_header: Option<Vec<u8>>,
}

/// Mail from outside as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivedMail<'a> {
    /// The header block, without the fields of this server.
    pub header: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// The address of the peer.
    pub address: IpAddr,
    /// The name of EHLO or HELO.
    pub helo: &'a str,
}

/// Milliseconds that a message waits for its lookups in all: RFC 7208 section 4.6.4 asks for it. A
/// mail server waits longer for the answer to DATA (RFC 5321 section 4.5.3.2.6), and the reader
/// carries out other work in the meantime.
pub(super) const LOOKUP_MS: u64 = 20_000;
