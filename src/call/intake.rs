//! A message that comes in, by any route.

use std::sync::Arc;

use super::{
    ApprovalEdit, ApprovalId, Charge, Draft, DraftAct, DraftAttachment, EntryId, Envelope, Flags,
    Idempotency, ImportItem, InboxId, InboxRef, Need, NewUpload, OrgId, Render, Scopes, SharePart,
    UpstreamMessage,
};

/// The route by which a message comes in. Every message of the store has come by one of these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// From outside, over port 25.
    Inbound {
        /// SMTP envelope.
        envelope: Envelope,
        /// The Received field to put in front, complete with its CRLF.
        received: Vec<u8>,
        /// The name of EHLO or HELO.
        helo: String,
    },
    /// From a client that logged in, over SMTP.
    Submission {
        /// SMTP envelope.
        envelope: Envelope,
        /// The Received field to put in front, complete with its CRLF.
        received: Vec<u8>,
        /// Makes the octets to keep when the message has an `X-Idempotency-Key`.
        render: Render,
    },
    /// From REST: `octets` is empty, and the service composes them.
    Compose {
        /// The sending inbox.
        inbox: InboxRef,
        /// The message to compose.
        draft: Box<Draft>,
        /// The `Idempotency-Key` of the request.
        idempotency: Option<Idempotency>,
    },
    /// From REST: a draft that is changed or sent. The service reads its octets.
    Draft {
        /// Its inbox.
        inbox: InboxRef,
        /// Its entry.
        id: EntryId,
        /// What is done with it.
        act: Box<DraftAct>,
        /// The `Idempotency-Key` of the request.
        idempotency: Option<Idempotency>,
    },
    /// A held message that is approved: the service reads its octets, with these changes. With
    /// `sha256` its octets must be those that have it.
    Approve {
        /// The approval.
        approval: ApprovalId,
        /// The changes.
        edit: Box<ApprovalEdit>,
        /// The hash of the octets that were shown.
        sha256: Option<[u8; 32]>,
        /// The `Idempotency-Key` of the request.
        idempotency: Option<Idempotency>,
    },
    /// Messages of another mailbox, over REST: as many APPENDs, in their order.
    Import {
        /// The inbox.
        inbox: InboxRef,
        /// The messages. `octets` of the intake is empty.
        messages: Vec<ImportItem>,
    },
    /// From REST: a file that messages are to name. `octets` are its own, and no message.
    Upload {
        /// What is said of it.
        new: NewUpload,
        /// The `Idempotency-Key` of the request.
        idempotency: Option<Idempotency>,
    },
    /// From REST: a message that is only judged. Nothing of it is kept.
    Check {
        /// The inbox by whose settings it is judged.
        inbox: Option<InboxRef>,
    },
    /// From the server of an account elsewhere: judged by the filter and the rules, where it is
    /// new mail.
    Upstream(Box<UpstreamMessage>),
    /// IMAP APPEND: parsed, not judged.
    Append {
        /// The inbox of the session.
        inbox: InboxId,
        /// Mailbox name, decoded.
        mailbox: String,
        /// Flags to set.
        flags: Flags,
        /// Keywords to set.
        keywords: Vec<String>,
        /// INTERNALDATE, unix milliseconds; `None` is now.
        received_at: Option<i64>,
    },
}

/// A message that comes in: its route, and its octets as they came. The caller of the request is
/// the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intake {
    /// The route.
    pub route: Route,
    /// RFC 5322 octets, CRLF line ends, dots unstuffed.
    pub octets: Vec<u8>,
    /// The charge of the message on the budget of memory. It goes with the message to its commit,
    /// whether its connection waits or has gone.
    pub charge: Option<Arc<Charge>>,
}

impl Intake {
    /// What the message needs of its caller.
    pub fn need(&self) -> Need {
        match &self.route {
            Route::Inbound { .. } => Need::Nothing,
            Route::Upstream(_) => Need::Server,
            Route::Approve { .. } => Need::Inboxes(Scopes::APPROVE),
            Route::Draft { act, .. } => match **act {
                DraftAct::Change(ref patch) => {
                    needs_of_files(patch.attachments.as_deref().unwrap_or_default())
                }
                // A trial or a refusal names its recipients.
                DraftAct::Send { .. } => Need::Inboxes(READ_AND_WRITE),
            },
            // It names addresses and hands text on that the key could not read otherwise.
            Route::Compose { draft, .. } if draft.about.is_some() => Need::Inboxes(READ_AND_WRITE),
            Route::Compose { draft, .. } => needs_of_files(&draft.attachments),
            Route::Check { .. } => Need::Inboxes(Scopes::MESSAGES_READ),
            Route::Submission { .. }
            | Route::Import { .. }
            | Route::Upload { .. }
            | Route::Append { .. } => Need::Inboxes(Scopes::MESSAGES_WRITE),
        }
    }

    /// The inbox that the message names, as the part of its share.
    pub fn named(&self) -> Option<SharePart> {
        match &self.route {
            Route::Compose { inbox, .. }
            | Route::Draft { inbox, .. }
            | Route::Import { inbox, .. } => Some(inbox.into()),
            Route::Append { inbox, .. } => Some(SharePart::Inbox(*inbox)),
            Route::Check { inbox } => inbox.as_ref().map(SharePart::from),
            Route::Inbound { .. }
            | Route::Submission { .. }
            | Route::Upload { .. }
            | Route::Approve { .. } => None,
            Route::Upstream(from) => Some(SharePart::Inbox(from.account.inbox)),
        }
    }

    /// The organization of the first recipient.
    pub fn receiver(&self) -> Option<OrgId> {
        match &self.route {
            Route::Inbound { envelope, .. } | Route::Submission { envelope, .. } => {
                envelope.receiver()
            }
            Route::Upstream(from) => Some(from.account.org),
            Route::Compose { .. }
            | Route::Draft { .. }
            | Route::Approve { .. }
            | Route::Import { .. }
            | Route::Upload { .. }
            | Route::Check { .. }
            | Route::Append { .. } => None,
        }
    }

    /// The `Idempotency-Key` of the request, where it came with one.
    pub fn idempotency(&self) -> Option<&Idempotency> {
        match &self.route {
            Route::Compose { idempotency, .. }
            | Route::Draft { idempotency, .. }
            | Route::Upload { idempotency, .. }
            | Route::Approve { idempotency, .. } => idempotency.as_ref(),
            Route::Inbound { .. }
            | Route::Upstream(_)
            | Route::Submission { .. }
            | Route::Import { .. }
            | Route::Check { .. }
            | Route::Append { .. } => None,
        }
    }
}

/// What a message with these files needs: who attaches a file of a stored message can read it.
fn needs_of_files(files: &[DraftAttachment]) -> Need {
    match files.iter().any(|file| file.stored.is_some()) {
        true => Need::Inboxes(READ_AND_WRITE),
        false => Need::Inboxes(Scopes::MESSAGES_WRITE),
    }
}

const READ_AND_WRITE: Scopes = Scopes(Scopes::MESSAGES_READ.0 | Scopes::MESSAGES_WRITE.0);
