//! Approvals as plain data: mail that waits for a decision, and what was decided.

use super::{ApprovalId, EntryId, InboxId, KeyId};

/// The state of an approval.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ApprovalStatus {
    /// The message waits.
    Held,
    /// It has left.
    Approved,
    /// It does not leave.
    Declined,
    /// No decision came in time: as declined.
    Expired,
}

impl ApprovalStatus {
    /// All of them.
    pub const ALL: [ApprovalStatus; 4] = [
        ApprovalStatus::Held,
        ApprovalStatus::Approved,
        ApprovalStatus::Declined,
        ApprovalStatus::Expired,
    ];
    /// Their names, in order.
    pub const NAMES: &'static [&'static str] = &["held", "approved", "declined", "expired"];

    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            ApprovalStatus::Held => "held",
            ApprovalStatus::Approved => "approved",
            ApprovalStatus::Declined => "declined",
            ApprovalStatus::Expired => "expired",
        }
    }

    /// The one that has this name.
    pub fn named(name: &str) -> Option<ApprovalStatus> {
        (ApprovalStatus::ALL.into_iter()).find(|status| status.name() == name)
    }
}

/// An approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalRow {
    /// Its id.
    pub id: ApprovalId,
    /// Its state.
    pub status: ApprovalStatus,
    /// The inbox that sends.
    pub inbox: InboxId,
    /// The message, in Drafts or in Sent.
    pub message: EntryId,
    /// The recipients of the envelope, those of Bcc included.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The texts; `None` in lists, and when the message is gone.
    pub content: Option<ApprovalContent>,
    /// SHA-256 of the octets of the message, as a download of it has them.
    pub sha256: [u8; 32],
    /// Unix milliseconds.
    pub created_at: i64,
    /// When it counts as declined, in unix milliseconds.
    pub expires_at: i64,
    /// The key that has decided; `None` is the operator, or no decision.
    pub decided_by: Option<KeyId>,
    /// Unix milliseconds.
    pub decided_at: Option<i64>,
    /// Why it was declined.
    pub reason: Option<String>,
    /// When it leaves, if it is approved before, unix milliseconds; `None` is at once.
    pub send_at: Option<i64>,
}

impl ApprovalRow {
    /// The `reason` of one that ended because its message was deleted.
    pub const DELETED: &str = "deleted";
}

/// The texts of a message that is to be decided on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApprovalContent {
    /// As a reader sees it.
    pub text: String,
    /// The HTML part as it stands in the message.
    pub html: Option<String>,
}

/// What a decision changes in the message before it leaves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApprovalEdit {
    /// Another subject.
    pub subject: Option<String>,
    /// Another text. Without `html` the HTML part goes.
    pub text: Option<String>,
    /// Another HTML part. Without `text` the plain text goes.
    pub html: Option<String>,
}

impl ApprovalEdit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.subject.is_none() && self.text.is_none() && self.html.is_none()
    }
}

/// A message that was approved, on its way to the writer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovedMail {
    /// The approval.
    pub approval: ApprovalId,
    /// The hash of the octets that the decision was made over.
    pub shown: [u8; 32],
    /// The hash of the octets that leave.
    pub sha256: [u8; 32],
    /// The subject with which they leave, decoded.
    pub subject: String,
}

/// What an event tells of an approval, for one recipient of its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalChange {
    /// The approval.
    pub approval: ApprovalId,
    /// Its new state.
    pub status: ApprovalStatus,
    /// The message.
    pub message: EntryId,
    /// The recipient.
    pub recipient: String,
    /// The subject of the message.
    pub subject: String,
    /// Why it was declined; `expired` when no decision came.
    pub reason: Option<String>,
    /// The sender's own JSON object.
    pub metadata: Option<String>,
}
