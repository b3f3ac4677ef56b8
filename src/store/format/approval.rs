//! The stored encodings of approvals: what a held message needs to leave, and what the log tells
//! of a decision. It is a part of `format.rs`, whose rule holds here too: a version is never
//! changed, and every version is read for ever.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Form;
use crate::call::{ApprovalChange, ApprovalId, ApprovalStatus, EntryId, Recipient};
use crate::store::Error;
use crate::store::approval::HeldEnvelope;

const HELD: Form = Form {
    what: "held envelope",
    version: 2,
};

/// Version 1 of `approval.envelope`.
#[derive(Serialize, Deserialize)]
struct StoredHeld<'a> {
    reverse_path: Option<Cow<'a, str>>,
    recipients: Vec<StoredRecipient<'a>>,
    ret_full: Option<bool>,
    envid: Option<Cow<'a, str>>,
    subject: Cow<'a, str>,
}

/// Version 2: the depth of its cause, and version 1.
#[derive(Serialize, Deserialize)]
struct StoredHeld2<'a>(u8, StoredHeld<'a>);

#[derive(Serialize, Deserialize)]
struct StoredRecipient<'a> {
    address: Cow<'a, str>,
    notify: u8,
    orcpt: Option<Cow<'a, str>>,
}

/// A part of version 6 of `event.detail`.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredApprovalChange<'a> {
    approval: i64,
    status: StoredStatus,
    message: i64,
    recipient: Cow<'a, str>,
    subject: Cow<'a, str>,
    reason: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
enum StoredStatus {
    Held,
    Approved,
    Declined,
    Expired,
}

/// Writes `approval.envelope`.
pub(in crate::store) fn encode_held(envelope: &HeldEnvelope) -> Result<Vec<u8>, Error> {
    let stored = StoredHeld {
        reverse_path: envelope.reverse_path.as_deref().map(Cow::from),
        recipients: (envelope.recipients.iter())
            .map(|recipient| StoredRecipient {
                address: Cow::from(&recipient.address),
                notify: recipient.notify,
                orcpt: recipient.orcpt.as_deref().map(Cow::from),
            })
            .collect(),
        ret_full: envelope.ret_full,
        envid: envelope.envid.as_deref().map(Cow::from),
        subject: Cow::from(&envelope.subject),
    };
    HELD.encode(&StoredHeld2(envelope.depth, stored))
}

/// Reads `approval.envelope`. Whether a recipient is local is not stored.
pub(in crate::store) fn decode_held(octets: &[u8]) -> Result<HeldEnvelope, Error> {
    let StoredHeld2(depth, stored) = match HELD.open(octets)? {
        (1, rest) => StoredHeld2(0, HELD.decode(rest)?),
        (_, rest) => HELD.decode(rest)?,
    };
    Ok(HeldEnvelope {
        reverse_path: stored.reverse_path.map(Cow::into_owned),
        recipients: (stored.recipients.into_iter())
            .map(|recipient| Recipient {
                address: recipient.address.into_owned(),
                inbox: None,
                org: None,
                notify: recipient.notify,
                orcpt: recipient.orcpt.map(Cow::into_owned),
            })
            .collect(),
        ret_full: stored.ret_full,
        envid: stored.envid.map(Cow::into_owned),
        subject: stored.subject.into_owned(),
        depth,
    })
}

/// The stored form of what the log tells.
pub(super) fn store_approval_change(change: &ApprovalChange) -> StoredApprovalChange<'_> {
    StoredApprovalChange {
        approval: change.approval.0,
        status: match change.status {
            ApprovalStatus::Held => StoredStatus::Held,
            ApprovalStatus::Approved => StoredStatus::Approved,
            ApprovalStatus::Declined => StoredStatus::Declined,
            ApprovalStatus::Expired => StoredStatus::Expired,
        },
        message: change.message.0,
        recipient: Cow::from(&change.recipient),
        subject: Cow::from(&change.subject),
        reason: change.reason.as_deref().map(Cow::from),
    }
}

/// The other way.
pub(super) fn load_approval_change(stored: StoredApprovalChange<'_>) -> ApprovalChange {
    ApprovalChange {
        approval: ApprovalId(stored.approval),
        status: match stored.status {
            StoredStatus::Held => ApprovalStatus::Held,
            StoredStatus::Approved => ApprovalStatus::Approved,
            StoredStatus::Declined => ApprovalStatus::Declined,
            StoredStatus::Expired => ApprovalStatus::Expired,
        },
        message: EntryId(stored.message),
        recipient: stored.recipient.into_owned(),
        subject: stored.subject.into_owned(),
        reason: stored.reason.map(Cow::into_owned),
        metadata: None,
    }
}
