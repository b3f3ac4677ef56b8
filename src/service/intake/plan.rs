//! A plan: the message to store, and the effects of its delivery. Only the service knows it.

use crate::call::{Arrival, Flags, InboxId, Recipient, Summary};

/// What was decided about a message. The writer carries it out after checking again what may
/// have changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Octets to store, with the fields that we put in front and without those that we took
    /// out.
    pub body: Vec<u8>,
    /// Length of the header block of `body`, blank line included.
    pub header_len: u32,
    /// Envelope and structure of `body`.
    pub digest: Vec<u8>,
    /// What events and lists show.
    pub summary: Summary,
    /// `Message-ID` with its angle brackets; empty when there is none.
    pub message_id: String,
    /// Message-IDs of References and In-Reply-To, oldest first, bounded.
    pub references: Vec<String>,
    /// The inbox that sends it; `None` for mail from outside and for APPEND.
    pub sender: Option<InboxId>,
    /// The SMTP envelope's options, for the jobs of recipients outside.
    pub reverse_path: Option<String>,
    /// `RET=` (RFC 3461): `Some(true)` is FULL.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
    /// What the delivery does, in this order. The writer carries out every effect, or refuses
    /// the message.
    pub effects: Vec<Effect>,
}

/// One thing that a delivery does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Makes an entry in a mailbox.
    Place(Placement),
    /// Queues the message for a recipient outside.
    Queue(Recipient),
}

/// One entry that a delivery makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// Where.
    pub inbox: InboxId,
    /// Mailbox name.
    pub mailbox: String,
    /// Octets in front of the body, this entry's own.
    pub prefix: Vec<u8>,
    /// Flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
    /// The event that it makes.
    pub kind: Arrival,
    /// Internal date, unix milliseconds; `None` is the time of the commit.
    pub received_at: Option<i64>,
}

impl Plan {
    /// The entries that it makes.
    pub fn placements(&self) -> impl Iterator<Item = &Placement> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Place(placement) => Some(placement),
            Effect::Queue(_) => None,
        })
    }

    /// The recipients outside that it queues for.
    pub fn queued(&self) -> impl Iterator<Item = &Recipient> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Queue(recipient) => Some(recipient),
            Effect::Place(_) => None,
        })
    }
}
