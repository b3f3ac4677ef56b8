//! A plan: the message to store, and the effects of its delivery. Only the service reads it.

use std::sync::Arc;

use super::subject::SubjectKeys;
use crate::call::{
    ApprovedMail, Arrival, BodyId, Caller, Charge, Decision, EntryId, Flags, Idempotency, ImportId,
    InboxId, Need, NewUpload, OrgId, OutboundId, Recipient, Refusal, SenderAuth, Signature,
    SpamReport, Summary, ThreadId, UpstreamMessage,
};
use crate::service::access::receives::SendingParty;
use crate::service::outbound::failure::DeliveryFailure;
use crate::service::rules::RuledEntry;
use crate::store::{ArrivingBody, HeldEnvelope};

/// The decision about a message. The writer carries it out after checking again what may have
/// changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Octets to store: with the fields that this server has put in front, without those that it
    /// has removed.
    pub body: Vec<u8>,
    /// Length of the header block of `body`, blank line included.
    pub header_len: u32,
    /// Envelope and structure of `body`.
    pub digest: Vec<u8>,
    /// The signature of `body`, for searches.
    pub signature: Signature,
    /// The grams of each prefix of an entry, with the inbox.
    pub prefix_grams: Vec<(InboxId, Vec<u16>)>,
    /// The summary that events and lists show.
    pub summary: Summary,
    /// `Message-ID` with its angle brackets; empty when there is none.
    pub message_id: String,
    /// Message-IDs of References and In-Reply-To, oldest first, bounded.
    pub references: Vec<String>,
    /// The conversation in its own inbox of the message that it answers or hands on, where a
    /// request has named that message.
    pub joins: Option<ThreadId>,
    /// The subject by which it may join a conversation, or be joined.
    pub subject: SubjectKeys,
    /// The inbox that sends it; `None` for mail from outside and for APPEND.
    pub sender: Option<InboxId>,
    /// The party that pays for what the inboxes receive.
    pub party: SendingParty,
    /// What is known of the sender.
    pub auth: SenderAuth,
    /// The hashes under which an inbox remembers how mail of the author was judged.
    pub author: Vec<i64>,
    /// The SMTP envelope's options, for the jobs of recipients outside.
    pub reverse_path: Option<String>,
    /// `RET=` (RFC 3461): `Some(true)` is FULL.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
    /// The recipients of a message that an inbox sends, for policy.
    pub recipients: Vec<Recipient>,
    /// An inbox answers with it (In-Reply-To).
    pub is_answer: bool,
    /// What policy makes of it. The writer asks policy again.
    pub decision: Decision,
    /// The client's own JSON, for its copy.
    pub metadata: Option<String>,
    /// When its copy ends, unix milliseconds; no recipient is tried after that.
    pub expires_at: Option<i64>,
    /// The entry of the sender that a notification of this server is about.
    pub answers: Option<EntryId>,
    /// What a message that waits in Drafts needs to leave later.
    pub waits: Option<WaitingPlan>,
    /// Why a message that has waited in Drafts goes on.
    pub released: Option<Released>,
    /// The draft that the sender's entry was: it leaves Drafts, or is stored there again.
    pub draft: Option<TakenDraft>,
    /// The effects of the delivery, in this order. The writer carries out every effect, or refuses
    /// the message.
    pub effects: Vec<Effect>,
    /// The id of an imported message: it is stored once.
    pub import: Option<ImportId>,
    /// Where a message of an account elsewhere comes from: it is stored once.
    pub upstream: Option<Box<UpstreamMessage>>,
    /// The octets are a file, and no message: it is stored to be attached.
    pub upload: Option<NewUpload>,
    /// What the message reports about mail that has left.
    pub reports: Vec<ReturnedReport>,
}

/// What is kept of a message that waits in Drafts, besides its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingPlan {
    /// For what it waits.
    pub until: WaitsFor,
    /// The envelope.
    pub envelope: HeldEnvelope,
    /// SHA-256 of the octets of the entry.
    pub sha256: [u8; 32],
}

/// For what a message waits in Drafts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitsFor {
    /// A decision; then for this time, if its sender has named one (unix milliseconds).
    Decision(Option<i64>),
    /// This time, unix milliseconds.
    Time(i64),
}

/// Why a message that has waited in Drafts goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Released {
    /// It is approved.
    Approved(ApprovedMail),
    /// Its time has come: the entry.
    Scheduled(EntryId),
}

/// A draft whose entry is stored again, with the same id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenDraft {
    /// Its entry.
    pub entry: EntryId,
    /// The body that the reader has seen.
    pub body: BodyId,
    /// The client's own JSON, where it changes.
    pub metadata: Option<Option<String>>,
}

/// A message that is decided on, on its way to the writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The plan.
    pub plan: Plan,
    /// What the message needs of its caller. The writer checks it again.
    pub need: Need,
    /// The `Idempotency-Key` of the request, or `X-Idempotency-Key` of the message.
    pub idempotency: Option<Idempotency>,
    /// The charge of the message on the budget of memory: given back after the commit.
    pub charge: Option<Arc<Charge>>,
    /// The organization of the first recipient. It pays for the mail of a peer without a key.
    pub receiver: Option<OrgId>,
    /// What is stored already of a large message.
    pub pieces: Option<StoredPieces>,
    /// Why a reader has refused it. It is here for the answer that is kept for its request.
    pub refused: Option<Refusal>,
}

impl Delivery {
    /// Of a request that was carried out before and is refused now.
    pub fn repeated(
        idempotency: Idempotency,
        (need, party): (Need, SendingParty),
        refused: Refusal,
    ) -> Delivery {
        Delivery {
            plan: Plan::empty(party),
            need,
            idempotency: Some(idempotency),
            charge: None,
            receiver: None,
            pieces: None,
            refused: Some(refused),
        }
    }
}

/// The part of a large message that is stored in earlier groups. Nothing names it yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredPieces {
    /// The organizations that will have the message, each with a body of its own.
    pub orgs: Vec<OrgId>,
    /// The bodies that are begun, in the order of `orgs`. All but the last have all their octets.
    pub bodies: Vec<ArrivingBody>,
    /// Octets that the last of them has.
    pub octets: usize,
}

/// One effect of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Stores an entry in a mailbox.
    Place(Placement),
    /// Queues the message for a recipient outside.
    Queue(Recipient),
}

/// One entry that a delivery stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The id of the entry; `None` is a new one.
    pub id: Option<EntryId>,
    /// The inbox.
    pub inbox: InboxId,
    /// Mailbox name.
    pub mailbox: String,
    /// Octets in front of the body, this entry's own.
    pub prefix: Vec<u8>,
    /// Flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
    /// The kind of the event.
    pub kind: Arrival,
    /// Internal date, unix milliseconds; `None` is the time of the commit.
    pub received_at: Option<i64>,
    /// What the rules of its inbox have done, where the server has rules.
    pub ruled: Option<Box<RuledEntry>>,
    /// What the filter says of the message in this inbox.
    pub spam: Option<Box<SpamReport>>,
}

impl Plan {
    /// What an organization knows of the sender.
    pub(super) fn auth_in(&self, caller: &Caller, org: OrgId) -> SenderAuth {
        let is_own = caller.key().is_some_and(|access| access.org == org);
        match self.auth {
            SenderAuth::Client if !is_own => SenderAuth::Neighbour,
            auth => auth,
        }
    }

    /// A plan without a message: what is not said otherwise of one that this server writes.
    pub(in crate::service) fn empty(party: SendingParty) -> Plan {
        Plan {
            body: Vec::new(),
            header_len: 0,
            digest: Vec::new(),
            signature: Signature::default(),
            prefix_grams: Vec::new(),
            summary: Summary::default(),
            message_id: String::new(),
            references: Vec::new(),
            joins: None,
            subject: SubjectKeys::default(),
            sender: None,
            party,
            auth: SenderAuth::Unknown,
            author: Vec::new(),
            reverse_path: None,
            ret_full: None,
            envid: None,
            recipients: Vec::new(),
            is_answer: false,
            decision: Decision::Send,
            metadata: None,
            expires_at: None,
            answers: None,
            waits: None,
            released: None,
            draft: None,
            import: None,
            upstream: None,
            upload: None,
            effects: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Whether the plan only keeps a draft.
    pub fn keeps_draft(&self) -> bool {
        self.sender.is_none() && self.decision == Decision::Draft
    }

    /// The entries that the plan stores.
    pub fn placements(&self) -> impl Iterator<Item = &Placement> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Place(placement) => Some(placement),
            Effect::Queue(_) => None,
        })
    }

    /// The inboxes that receive the message, each once. The copy of the sender and an appended
    /// entry are not received.
    pub fn receivers(&self) -> impl Iterator<Item = InboxId> {
        let received = |placement: &&Placement| placement.kind == Arrival::Received;
        self.placements().filter(received).map(|p| p.inbox)
    }

    /// The recipients outside that the plan queues for.
    pub fn queued(&self) -> impl Iterator<Item = &Recipient> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Queue(recipient) => Some(recipient),
            Effect::Place(_) => None,
        })
    }
}

/// What a message that came by a return path reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedReport {
    /// The row of the recipient that it is about.
    pub row: OutboundId,
    /// The inbox that has sent it.
    pub inbox: InboxId,
    /// What has happened.
    pub what: ReportedEnd,
    /// In the words of the other server.
    pub told: DeliveryFailure,
}

/// What has happened to a message that another server had taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportedEnd {
    /// It did not arrive.
    Failed,
    /// It is late.
    Delayed,
    /// Its reader complains.
    Complaint,
}

/// Octets of a subject in lists, events and approvals: a line of RFC 5322.
pub(super) const SUBJECT_BYTES: usize = 998;
