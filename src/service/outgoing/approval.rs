//! Approvals: listed, read, declined, expired; and what the writer does to a message that is held
//! or approved. The octets of an approved message come by `intake/approve.rs`.
//!
//! The rule: **a decision is made once, over exactly the octets that were shown.** The row of the
//! approval is in the transaction of the answer to the sender, and the decision is in that of the
//! message that leaves.

use std::sync::Arc;

use super::waiting::{relabel, take_out, waiting_entry};
use crate::call::{
    Access, Answer, ApprovalContent, ApprovalId, ApprovalRow, ApprovalStatus, ApprovedMail,
    ConflictReason, Countable, EntryId, HELD_LABEL, InboxId, Noun, Now, OrgId, OutboundStatus,
    Recipient, Refusal, SlicedList, SpecialUse, UidSet, Written,
};
use crate::mail::{Digest, text};
use crate::service::access::admit::sees;
use crate::service::account::page::{LIST_WORK, RowsLookedAt, list_slice};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::field::check_text;
use crate::service::mail::opened::OpenedMessage;
use crate::store::{HeldEnvelope, NewEvent, Store, StoredApproval};

/// The label of one that does not leave.
pub const DECLINED_LABEL: &str = "$Declined";

const NONE: Refusal = Refusal::NotFound(Noun::Approval);

/// An approval that the caller may see. One of another organization or inbox is not there.
pub fn find_approval(
    store: &Store,
    access: &Access,
    approval: ApprovalId,
) -> Result<StoredApproval, Refusal> {
    let found = store.approval(access.org, approval)?.ok_or(NONE)?;
    match sees(store, access, found.row.inbox)? {
        true => Ok(found),
        false => Err(NONE),
    }
}

/// Does a slice of a list of approvals, of one status or all.
pub fn list_approvals(
    store: &Store,
    access: &Access,
    status: Option<ApprovalStatus>,
    list: &mut SlicedList<ApprovalRow>,
) -> Result<Option<Answer>, Refusal> {
    let look = |after: i64| -> Result<RowsLookedAt<ApprovalRow>, Refusal> {
        let page = store.approvals(access.org, ApprovalId(after), LOOKED_ROWS)?;
        let (last, n) = (
            page.last().map_or(after, |found| found.row.id.0),
            page.len(),
        );
        let mut rows = Vec::with_capacity(n);
        for found in page {
            let is_wanted = status.is_none_or(|status| found.row.status == status);
            if is_wanted && sees(store, access, found.row.inbox)? {
                rows.push(found.row);
            }
        }
        Ok(RowsLookedAt {
            rows,
            last,
            is_end: n < LOOKED_ROWS,
            work: n as u64,
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, ApprovalId, look)?;
    Ok(page.map(|(rows, next)| Answer::Approvals { rows, next }))
}

/// Reads one approval with the texts of its message.
pub fn read_approval(
    context: &ReadContext<'_>,
    access: &Access,
    approval: ApprovalId,
) -> Result<Answer, Refusal> {
    let StoredApproval { mut row, org, .. } = find_approval(context.store, access, approval)?;
    let opened = OpenedMessage::read(context.store, (org, row.inbox), row.message)?;
    row.content = opened.and_then(|opened| {
        let digest = Digest::open(&opened.digest)?;
        let body = text::text_of(&opened.octets, &digest);
        Some(ApprovalContent {
            text: body.text,
            html: body.html,
        })
    });
    Ok(Answer::Approvals {
        rows: vec![row],
        next: None,
    })
}

/// A message that was stored in Drafts with its recipients, to be decided on.
pub struct HeldMail {
    /// The organization that sends.
    pub org: OrgId,
    /// The inbox that sends.
    pub inbox: InboxId,
    /// The entry in Drafts.
    pub entry: EntryId,
    /// The envelope.
    pub envelope: HeldEnvelope,
    /// SHA-256 of the octets of the entry.
    pub sha256: [u8; 32],
    /// When it leaves, if it is approved before, unix milliseconds.
    pub send_at: Option<i64>,
}

/// When a message that is held now counts as declined, unix milliseconds.
pub fn expires_at(context: &WriteContext<'_>) -> i64 {
    let hours = i64::try_from(context.shared.limits.approval_hours).unwrap_or(i64::MAX);
    (context.now.unix_ms).saturating_add(hours.saturating_mul(HOUR_MS))
}

/// Stores the approval of a message, and tells of it.
pub fn hold(context: &mut WriteContext<'_>, mail: HeldMail) -> Result<ApprovalId, Refusal> {
    let limits = &context.shared.limits;
    let max = limits.org_held as u64;
    if context.store.held_len(mail.org, max)? >= max {
        return Err(Refusal::Limit {
            what: Countable::HeldMessages,
            max,
        });
    }
    let now_ms = context.now.unix_ms;
    let id = ApprovalId(context.store.new_id(context.now));
    let approval = StoredApproval {
        row: ApprovalRow {
            id,
            status: ApprovalStatus::Held,
            inbox: mail.inbox,
            message: mail.entry,
            to: Vec::new(),
            subject: String::new(),
            content: None,
            sha256: mail.sha256,
            created_at: now_ms,
            expires_at: expires_at(context),
            decided_by: None,
            decided_at: None,
            reason: None,
            send_at: mail.send_at,
        },
        org: mail.org,
        envelope: mail.envelope,
    };
    context.store.insert_approval(&approval)?;
    tell(context, &approval)?;
    Ok(id)
}

/// Declines a message: it stays in Drafts.
pub fn decline(
    context: &mut WriteContext<'_>,
    access: &Access,
    approval: ApprovalId,
    reason: Option<&str>,
) -> Result<Written, Refusal> {
    if let Some(reason) = reason {
        check_text(reason, "reason", REASON_BYTES_MAX)?;
    }
    let mut found = find_approval(context.store, access, approval)?;
    check_open(&found.row, context.now)?;
    context.store.deepen(found.envelope.depth);
    found.row.status = ApprovalStatus::Declined;
    found.row.decided_by = access.key;
    found.row.reason = reason.map(str::to_owned);
    end(context, &mut found)?;
    Ok(Written::Approval(Box::new(found.row)))
}

/// Declines what has got no decision in time, some of it.
pub fn expire(context: &mut WriteContext<'_>) -> Result<(), Refusal> {
    for mut found in (context.store).expired_approvals(context.now, EXPIRED_AT_ONCE)? {
        found.row.status = ApprovalStatus::Expired;
        found.row.reason = Some("expired".to_owned());
        context.behind(found.envelope.depth, |context| end(context, &mut found))?;
    }
    Ok(())
}

/// Ends an approval without sending: the row, its recipients, the labels, the events.
fn end(context: &mut WriteContext<'_>, found: &mut StoredApproval) -> Result<(), Refusal> {
    found.row.decided_at = Some(context.now.unix_ms);
    if !context.store.decide_approval(found.org, &found.row)? {
        return Err(decided());
    }
    let (org, row) = (found.org, &found.row);
    let status = match row.status {
        ApprovalStatus::Expired => OutboundStatus::Expired,
        _ => OutboundStatus::Cancelled,
    };
    (context.store).end_recipients((org, context.now.unix_ms), row.message, status)?;
    if let Some(entry) = waiting_entry(context.store, (org, row.inbox), row.message)? {
        relabel(context, &entry, (HELD_LABEL, Some(DECLINED_LABEL)))?;
    }
    tell(context, found)
}

/// Checks that a message still waits for its decision.
pub fn check_open(row: &ApprovalRow, now: Now) -> Result<(), Refusal> {
    let reason = match row.status {
        ApprovalStatus::Held if row.expires_at > now.unix_ms => return Ok(()),
        ApprovalStatus::Held | ApprovalStatus::Expired => ConflictReason::ApprovalExpired,
        ApprovalStatus::Approved => ConflictReason::ApprovalApproved,
        // A person decides on each; without one, the message was deleted.
        ApprovalStatus::Declined if row.reason.as_deref() == Some(ApprovalRow::DELETED) => {
            ConflictReason::ApprovalWithoutMessage
        }
        ApprovalStatus::Declined => ConflictReason::ApprovalDeclined,
    };
    Err(Refusal::Conflict(reason))
}

/// The refusal of a decision that another was quicker with.
fn decided() -> Refusal {
    Refusal::Conflict(ConflictReason::ApprovalDecided)
}

/// Writes the decision and takes the message out of Drafts: it goes to the mailbox `to` with the
/// same id. Gives the approval as it is now.
///
/// # Errors
/// `Conflict` when it is decided, or when octets or recipients are others than those that the
/// reader has prepared.
pub fn approve(
    context: &mut WriteContext<'_>,
    access: &Access,
    (mail, recipients, to): (&ApprovedMail, &[Recipient], SpecialUse),
) -> Result<StoredApproval, Refusal> {
    let mut found = find_approval(context.store, access, mail.approval)?;
    check_open(&found.row, context.now)?;
    if found.row.sha256 != mail.shown {
        return Err(Refusal::Conflict(ConflictReason::ApprovalChanged));
    }
    // One that was taken back since must not get it.
    let addresses = found.envelope.recipients.iter().map(|to| &to.address);
    if !addresses.eq(recipients.iter().map(|to| &to.address)) {
        return Err(Refusal::Conflict(ConflictReason::RecipientsChanged));
    }
    let place = (found.org, found.row.inbox);
    let Some(entry) = waiting_entry(context.store, place, found.row.message)? else {
        return Err(Refusal::Conflict(ConflictReason::ApprovalWithoutMessage));
    };
    // What the decision has leave goes on from the cause of the message.
    context.store.deepen(found.envelope.depth);
    found.row.status = ApprovalStatus::Approved;
    found.row.decided_by = access.key;
    found.row.decided_at = Some(context.now.unix_ms);
    found.row.sha256 = mail.sha256;
    if !context.store.decide_approval(found.org, &found.row)? {
        return Err(decided());
    }
    if found.envelope.subject != mail.subject {
        found.envelope.subject.clone_from(&mail.subject);
        found.row.subject.clone_from(&mail.subject);
        context.store.set_held_envelope(&found)?;
    }
    take_out(context, place, &entry, to)?;
    tell(context, &found)?;
    Ok(found)
}

/// Writes an event for each recipient.
pub fn tell(context: &mut WriteContext<'_>, found: &StoredApproval) -> Result<(), Refusal> {
    let Some(path) = context.store.inbox_path(found.org, found.row.inbox)? else {
        return Ok(());
    };
    let path = Arc::new(path);
    let metadata = context.store.metadata_of(found.row.message)?;
    for recipient in &found.envelope.recipients {
        let new = NewEvent {
            inbox: Some(Arc::clone(&path)),
            mailbox: None,
            uids: UidSet::new(),
            change: found.change(&recipient.address, metadata.clone()),
        };
        (context.store).append_event(
            context.now,
            found.org,
            context.origin,
            new,
            context.events,
        )?;
    }
    Ok(())
}

/// Rows that one step of a list looks at.
const LOOKED_ROWS: usize = 100;
/// Octets of a reason.
const REASON_BYTES_MAX: usize = 1000;
/// Approvals that end at once: some milliseconds of work.
const EXPIRED_AT_ONCE: u32 = 16;
const HOUR_MS: i64 = 3_600_000;
