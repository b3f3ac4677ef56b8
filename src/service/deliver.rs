//! Storing what Classify decided: the one way in for SMTP, REST and APPEND.
//!
//! It does not judge again. What may have changed since is checked here, inside the
//! transaction: inboxes and mailboxes that are gone, quota, send budgets. A refusal is of the
//! whole message; the savepoint takes everything back.

use super::context::{WriteContext, need};
use super::policy;
use crate::call::{
    Arrival, Arrived, Change, EntryId, EntryState, InboxId, Metric, OrgId, Placement, Plan,
    Refusal, Route, Scopes, ThreadId, UidSet, Written,
};
use crate::store::{Body, JobPayload, Mailbox, NewEntry, NewEvent, NewJob, Place, SmtpJob};

/// A placement whose inbox is still there.
struct Target<'p> {
    placement: &'p Placement,
    place: Place,
    mailbox: Mailbox,
}

/// The entry that the answer names.
struct Stored {
    inbox: InboxId,
    entry: EntryId,
    thread: ThreadId,
    kind: Arrival,
    placed: (u32, u32),
}

/// Stores a message: bodies (one for each organization), entries, conversations, events and
/// the recipients outside.
pub fn deliver(context: &mut WriteContext<'_>, plan: &Plan) -> Result<Written, Refusal> {
    let sender = match &plan.route {
        Route::Inbound { .. } => None,
        Route::Submission { access, .. }
        | Route::Compose { access, .. }
        | Route::Append { access, .. } => {
            need(access, Scopes::MESSAGES_WRITE)?;
            Some(access)
        }
    };
    let targets = targets(context, plan)?;
    // The sender's own placement must be the sender's, whatever the plan says.
    for target in &targets {
        let own = matches!(target.placement.kind, Arrival::Sent | Arrival::Appended);
        let allowed = sender.is_some_and(|access| {
            access.org == target.place.org && access.sees(target.place.path.id)
        });
        if own && !allowed {
            return Err(Refusal::NotFound("inbox"));
        }
    }
    check_quota(context, plan, &targets)?;
    let is_sending = matches!(plan.route, Route::Submission { .. } | Route::Compose { .. });
    if is_sending && let Some(sent) = targets.iter().find(|t| t.placement.kind == Arrival::Sent) {
        let limits = &context.shared.limits;
        let (org, inbox) = (sent.place.org, sent.place.path.id);
        policy::charge_sends(limits, context.store, context.now, org, inbox, 1)
            .inspect_err(|_| context.shared.metrics.count(Metric::RateLimited))?;
    }
    let stored = store_all(context, plan, targets, is_sending)?;
    let metrics = &context.shared.metrics;
    match plan.route {
        Route::Append { .. } => metrics.count(Metric::Appends),
        _ => metrics.count(Metric::Messages),
    }
    metrics.add(Metric::OutboundQueued, plan.outbound.len() as u64);
    Ok(Written::Delivered {
        entry: Some(stored.entry),
        thread: Some(stored.thread),
        message_id: plan.message_id.clone(),
        placed: Some(stored.placed),
        outbound: plan.outbound.len(),
    })
}

/// Where each placement goes now.
fn targets<'p>(context: &WriteContext<'_>, plan: &'p Plan) -> Result<Vec<Target<'p>>, Refusal> {
    let mut targets = Vec::with_capacity(plan.placements.len());
    for placement in &plan.placements {
        let place = context
            .store
            .place(placement.inbox)?
            .ok_or(Refusal::NoSuchInbox)?;
        let (org, inbox) = (place.org, placement.inbox);
        let mut mailbox = context
            .store
            .mailbox_named(org, inbox, &placement.mailbox)?;
        if mailbox.is_none() && placement.kind == Arrival::Sent {
            // Renamed between Classify and now.
            let sent = crate::call::SpecialUse::Sent;
            mailbox = context.store.mailbox_special(org, inbox, sent)?;
        }
        targets.push(Target {
            placement,
            place,
            mailbox: mailbox.ok_or(Refusal::NotFound("mailbox"))?,
        });
    }
    Ok(targets)
}

/// Every inbox keeps within its quota with all that this message puts there; else none
/// gets it, so that the sender's retry can find out which recipient it is (decisions.md 10).
fn check_quota(
    context: &WriteContext<'_>,
    plan: &Plan,
    targets: &[Target<'_>],
) -> Result<(), Refusal> {
    let max = context.shared.limits.inbox_bytes;
    for target in targets {
        let inbox = target.place.path.id;
        let new: u64 = targets
            .iter()
            .filter(|other| other.place.path.id == inbox)
            .map(|other| (other.placement.prefix.len() + plan.body.len()) as u64)
            .sum();
        if target.place.bytes.saturating_add(new) > max {
            context.shared.metrics.count(Metric::RejectedQuota);
            return Err(Refusal::OverQuota);
        }
    }
    Ok(())
}

fn store_all(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    targets: Vec<Target<'_>>,
    is_local: bool,
) -> Result<Stored, Refusal> {
    let (store, now) = (context.store, context.now);
    let body = Body {
        octets: &plan.body,
        header_len: plan.header_len,
        message_id: &plan.message_id,
        digest: &plan.digest,
        summary: &plan.summary,
    };
    let sender = targets
        .iter()
        .find(|t| t.placement.kind == Arrival::Sent)
        .map(|t| t.place.org);
    let mut bodies: Vec<(OrgId, crate::call::BodyId)> = Vec::new();
    for target in &targets {
        let org = target.place.org;
        if bodies.iter().any(|(known, _)| *known == org) {
            continue;
        }
        let mut refs = targets.iter().filter(|t| t.place.org == org).count();
        if sender == Some(org) {
            refs += plan.outbound.len();
        }
        let refs = u32::try_from(refs).unwrap_or(u32::MAX);
        bodies.push((org, store.put_body(now, org, refs, &body)?));
    }
    let mut first: Option<Stored> = None;
    for target in targets {
        let org = target.place.org;
        let (_, body) = bodies
            .iter()
            .find(|(known, _)| *known == org)
            .ok_or(Refusal::Internal)?;
        let stored = store_one(context, plan, target, *body, is_local)?;
        let is_better = first
            .as_ref()
            .is_none_or(|known| stored.kind == Arrival::Sent && known.kind != Arrival::Sent);
        if is_better {
            first = Some(stored);
        }
    }
    let stored = first.ok_or(Refusal::NoSuchInbox)?;
    if let Some(org) = sender
        && let Some((_, body)) = bodies.iter().find(|(known, _)| *known == org)
    {
        queue(context, plan, &stored, org, *body)?;
    }
    Ok(stored)
}

fn store_one(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    target: Target<'_>,
    body: crate::call::BodyId,
    is_local: bool,
) -> Result<Stored, Refusal> {
    let (store, now) = (context.store, context.now);
    let Target {
        placement,
        place,
        mailbox,
    } = target;
    let inbox = place.path.id;
    let thread = store.thread_for(now, inbox, &plan.message_id, &plan.references)?;
    let stamp = store.next_seq(place.org, now)?;
    let new = NewEntry {
        id: EntryId(store.mint_id(now)),
        body,
        body_size: u32::try_from(plan.body.len()).unwrap_or(u32::MAX),
        prefix: &placement.prefix,
        thread,
        flags: placement.flags,
        keywords: &placement.keywords,
        arrival: placement.kind,
        local: is_local,
        received_at: placement.received_at.unwrap_or(now.unix_ms),
    };
    let uid = store.add_entry(&mailbox, stamp.seq, &new)?;
    let arrived = Arrived {
        kind: placement.kind,
        state: EntryState {
            uid,
            id: new.id,
            modseq: stamp.seq,
            flags: placement.flags,
            keywords: placement.keywords.clone(),
        },
        thread,
        folder: mailbox.name,
        size: new
            .body_size
            .saturating_add(u32::try_from(placement.prefix.len()).unwrap_or(u32::MAX)),
        message_id: plan.message_id.clone(),
        summary: plan.summary.clone(),
        local: is_local,
    };
    let event = NewEvent {
        inbox: Some(place.path),
        mailbox: Some(mailbox.id),
        uids: UidSet::one(uid),
        change: Change::Arrived(Box::new(arrived)),
    };
    store.put_event(stamp, context.origin, event, context.events)?;
    Ok(Stored {
        inbox,
        entry: new.id,
        thread,
        kind: placement.kind,
        placed: (mailbox.uidvalidity, uid),
    })
}

/// Recipients outside, each a row: they stay queued and visible until delivery exists.
fn queue(
    context: &WriteContext<'_>,
    plan: &Plan,
    sent: &Stored,
    org: OrgId,
    body: crate::call::BodyId,
) -> Result<(), Refusal> {
    let (reverse_path, ret_full, envid) = match &plan.route {
        Route::Submission { envelope, .. } => (
            envelope.reverse_path.as_deref(),
            envelope.ret_full,
            envelope.envid.as_deref(),
        ),
        _ => (Some(plan.summary.from.address.as_str()), None, None),
    };
    for recipient in &plan.outbound {
        let job = SmtpJob {
            reverse_path: reverse_path.map(str::to_owned),
            recipient: recipient.address.clone(),
            notify: recipient.notify,
            orcpt: recipient.orcpt.clone(),
            ret_full,
            envid: envid.map(str::to_owned),
        };
        let job = NewJob {
            org,
            inbox: Some(sent.inbox),
            subject: &job.domain(),
            entry: Some(sent.entry),
            body: Some(body),
            payload: JobPayload::Smtp(job),
            due_at: context.now.unix_ms,
        };
        context.store.enqueue(context.now, &job)?;
    }
    Ok(())
}
