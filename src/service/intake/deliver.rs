//! Deliver: the writer carries out the effects of a plan, in the one transaction that the answer
//! waits for.
//!
//! The octets of a large message are stored before, in pieces that nothing names yet.
//!
//! It does not judge again. It checks what may have changed since a reader decided: deleted inboxes
//! and mailboxes, quota, rates of receiving, budgets of sending. It refuses the whole message or
//! nothing. The rule: what it can check it checks before it writes the first row, because a message
//! has no savepoint of its own, and a later refusal makes its group run again.

use std::borrow::Cow;

use super::beside::{body_of, note_fetched, note_metadata, note_origin};
use super::correspondents::note_correspondents;
use super::enqueue::{content_of, enqueue};
use super::full;
use super::handed::{DeliverySteps, SendingInbox, send_planned, tell_of_reply};
use super::plan::{
    Delivery, Effect, Placement, Plan, Released, StoredPieces, TakenDraft, WaitingPlan, WaitsFor,
};
use super::ruled::{RuledTarget, asked_again, count_hits, find_target, is_moved};
use super::stored::{StoredEntry, count_delivery, delivered};
use super::thread::thread_of;
use super::upload;
use crate::call::{
    Access, ApprovalId, ApprovalRow, Arrival, Arrived, BodyId, Caller, Change, Decision, EntryId,
    EntryState, INBOX, InboxId, Metric, Noun, OrgId, OutboundStatus, PriorityLevel, ReceivedBody,
    Refusal, SenderAuth, SpecialUse, ThreadId, UidSet, Written,
};
use crate::service::context::WriteContext;
use crate::service::mail::message;
use crate::service::outgoing::OutgoingMail;
use crate::service::outgoing::approval::{self, HeldMail};
use crate::service::outgoing::budget::{self, Spending};
use crate::service::outgoing::drafts;
use crate::service::outgoing::schedule;
use crate::service::outgoing::velocity;
use crate::service::{outgoing, policy};
use crate::store::{
    CHUNK_BYTES, ENDED_KEPT_MS, InboxPlace, NewBody, NewEntry, NewEvent, OutboundRecord,
    StoredScheduled,
};

/// A placement with its inbox and mailbox as they are now.
struct PlacementTarget<'p> {
    placement: &'p Placement,
    place: InboxPlace,
    to: RuledTarget<'p>,
}

/// Carries out every effect: stores bodies (one for each organization), entries, conversations and
/// events, and a row for each recipient outside.
pub fn deliver(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    delivery: &Delivery,
) -> Result<Written, Refusal> {
    let rules = &context.service.rules;
    rules.begin_delivery();
    let done = deliver_one(context, caller, delivery);
    rules.end_delivery(done.is_ok());
    done
}

fn deliver_one(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    delivery: &Delivery,
) -> Result<Written, Refusal> {
    if let Some(refused) = &delivery.refused {
        return Err(refused.clone());
    }
    let again = asked_again(context, &delivery.plan)?;
    let plan = again.as_ref().unwrap_or(&delivery.plan);
    let targets = check(context, caller, plan)?;
    if delivery.pieces.is_some() {
        policy::check_space(context.service)?;
    }
    if let (Some(id), Some(target)) = (&plan.import, targets.first())
        && !(context.store).note_import(target.place.org, target.placement.inbox, id)?
    {
        return Ok(Written::Present);
    }
    if !note_fetched(context, plan)? {
        return Ok(Written::Present);
    }
    if let Some(sender) = plan.sender {
        ask_policy(context, caller.access()?, (plan, sender))?;
    }
    let bodies = store_bodies(context, caller, (plan, delivery.pieces.as_ref()), &targets)?;
    if let Some(new) = &plan.upload {
        let body = body_of(&bodies, caller.access()?.org)?;
        return upload::keep(context, caller, new, (body, plan.body.len()));
    }
    let receivers: Vec<(InboxId, u64)> = receivers_of(plan, &targets).collect();
    let mut targets = targets.into_iter();
    let mut best: Option<StoredEntry> = None;
    let mut threads = Vec::new();
    let mut queued = 0;
    let mut content = None;
    if let (Some(_), Some(sender)) = (&plan.released, plan.sender) {
        // Its conversation is known as long as the draft is there.
        thread_of(context, plan, sender, &mut threads)?;
    }
    if let Some(draft) = &plan.draft {
        take_draft(context, caller, (plan, draft), &mut threads)?;
    }
    let TakenOut { decided, mut rows } = take_out(context, caller, plan)?;
    for effect in &plan.effects {
        match effect {
            Effect::Place(_) => {
                let target = targets.next().ok_or(Refusal::Internal)?;
                let body = body_of(&bodies, target.place.org)?;
                let stored = place(context, caller, plan, (target, body), &mut threads)?;
                // The answer names the sender's copy, or else the first entry.
                let is_better = best
                    .as_ref()
                    .is_none_or(|b| stored.kind == Arrival::Sent && b.kind != Arrival::Sent);
                if is_better {
                    best = Some(stored);
                }
            }
            Effect::Queue(recipient) => {
                let org = caller.access()?.org;
                let copy = best.as_ref().filter(|b| b.kind != Arrival::Received);
                let entry = copy.map(|copy| copy.entry);
                let content = *content.get_or_insert_with(|| content_of(plan));
                let is_waiting = |row: &OutboundRecord| row.envelope.recipient == recipient.address;
                let row = rows
                    .iter()
                    .position(is_waiting)
                    .map(|at| rows.swap_remove(at));
                enqueue(
                    context,
                    plan,
                    (org, entry),
                    (body_of(&bodies, org)?, content),
                    // Its octets stay as long as a recipient waits, whatever the sender deletes.
                    (recipient, if queued == 0 { plan.body.len() } else { 0 }),
                    row.as_ref(),
                )?;
                queued += 1;
            }
        }
    }
    if plan.decision == Decision::Send && plan.sender.is_some() && plan.waits.is_none() {
        note_correspondents(context, caller, plan)?;
    }
    count_answer(context, caller, plan, best.as_ref())?;
    if !context.is_again {
        let kind = best.as_ref().map(|stored| stored.kind);
        count_delivery(context, plan, (receivers, kind, queued));
    }
    end_rows(context, rows)?;
    let mut held = None;
    if let (Some(waits), Some(stored)) = (&plan.waits, &best) {
        held = wait(context, caller, (waits, plan.released.is_some()), stored)?;
    }
    if let Some(decided) = decided {
        return Ok(Written::Approval(Box::new(decided)));
    }
    if let (true, Some(stored)) = (plan.keeps_draft(), &best) {
        return message::state_of(context, caller.access()?, (stored.inbox, stored.entry));
    }
    Ok(delivered(plan, best.as_ref(), (held, queued)))
}

/// Places a message in one inbox, behind what its rules send because of it.
fn place(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
    (mut target, body): (PlacementTarget<'_>, BodyId),
    threads: &mut Vec<(InboxId, ThreadId)>,
) -> Result<StoredEntry, Refusal> {
    let (org, inbox) = (target.place.org, target.placement.inbox);
    let auth = plan.auth_in(caller, org);
    let thread = thread_of(context, plan, inbox, threads)?;
    if let Some(ruled) = &mut target.to.ruled {
        let from = SendingInbox {
            org,
            inbox,
            thread,
            auth,
            steps: STEPS,
        };
        send_planned(context, plan, from, ruled)?;
    }
    let at = (org, Some(inbox), target.placement.kind);
    store_entry(context, plan, target, (body, thread, auth))
        .map_err(|refusal| full::told(context.store, caller, plan, at, refusal))
}

/// Ends the rows of recipients whose addresses are of this server by now.
fn end_rows(context: &WriteContext<'_>, rows: Vec<OutboundRecord>) -> Result<(), Refusal> {
    for mut row in rows {
        row.status = OutboundStatus::Delivered;
        let gone_at = context.now.unix_ms.saturating_add(ENDED_KEPT_MS);
        context.store.end_outbound(&row, gone_at)?;
    }
    Ok(())
}

/// Asks policy again, and charges the budgets of the sender.
fn ask_policy(
    context: &WriteContext<'_>,
    access: &Access,
    (plan, sender): (&Plan, InboxId),
) -> Result<(), Refusal> {
    judge_again(context, plan, (access.org, sender))?;
    if counts_as_answer(plan) {
        velocity::check(context, sender, &plan.recipients)?;
    }
    // A message that has waited was charged when it was accepted.
    if plan.decision == Decision::Draft || plan.released.is_some() {
        return Ok(());
    }
    let limits = &context.shared.limits;
    let spending = Spending::of(access, sender, &plan.recipients);
    budget::charge(limits, context.store, context.now, &spending)
        .inspect_err(|_| context.shared.metrics.count(Metric::RateLimited))
}

/// Counts an answer.
fn count_answer(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
    stored: Option<&StoredEntry>,
) -> Result<(), Refusal> {
    let Some(sender) = plan.sender.filter(|_| counts_as_answer(plan)) else {
        return Ok(());
    };
    let (org, entry) = (caller.access()?.org, stored.map(|stored| stored.entry));
    velocity::count(context, (org, sender), &plan.recipients, entry)
}

/// Whether a message is counted as an answer: one that has waited was counted before.
fn counts_as_answer(plan: &Plan) -> bool {
    plan.is_answer && plan.released.is_none() && plan.decision != Decision::Draft
}

/// Stores a message that this server itself has written, in a transaction of the queue. `false`,
/// with nothing written, when the inbox does not take it: it is full, or gone.
pub fn deliver_own(context: &mut WriteContext<'_>, delivery: &Delivery) -> Result<bool, Refusal> {
    let (plan, caller) = (&delivery.plan, &Caller::System);
    match check_all(context, caller, plan) {
        Ok(()) => deliver(context, caller, delivery).map(|_| true),
        Err(refusal) if refusal.is_over_quota() => Ok(false),
        Err(
            Refusal::Limit { .. }
            | Refusal::RateLimited { .. }
            | Refusal::NoSuchInbox
            | Refusal::NotFound(_),
        ) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Checks all that may refuse a plan, before its first row is written.
pub(super) fn check_all(
    context: &WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
) -> Result<(), Refusal> {
    let targets = check(context, caller, plan)?;
    let keepers = keepers(caller, plan, &targets)?;
    check_before_pieces(context, caller, plan, (&targets, &keepers))
}

/// Takes a draft out of its place: the same entry goes to Sent, or to Drafts again. Its
/// conversation is known as long as the draft is there, so it is looked up first.
fn take_draft(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    (plan, draft): (&Plan, &TakenDraft),
    threads: &mut Vec<(InboxId, ThreadId)>,
) -> Result<(), Refusal> {
    let own = plan.placements().find(|own| own.id == Some(draft.entry));
    let own = own.ok_or(Refusal::Internal)?;
    let place = (caller.access()?.org, own.inbox);
    thread_of(context, plan, own.inbox, threads)?;
    let to = match own.kind {
        Arrival::Sent => SpecialUse::Sent,
        _ => SpecialUse::Drafts,
    };
    drafts::take_out(context, place, (draft, &plan.message_id), to)
}

/// What a message that has waited leaves behind in Drafts.
#[derive(Default)]
struct TakenOut {
    /// The decision on it.
    decided: Option<ApprovalRow>,
    /// Its recipients outside, which are in the queue already.
    rows: Vec<OutboundRecord>,
}

/// Takes a message that has waited out of Drafts. It goes to Sent, or waits on for its time.
fn take_out(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
) -> Result<TakenOut, Refusal> {
    let Some(released) = &plan.released else {
        return Ok(TakenOut::default());
    };
    let access = caller.access()?;
    let (decided, entry) = match released {
        Released::Approved(mail) => {
            let to = match plan.waits {
                Some(_) => SpecialUse::Drafts,
                None => SpecialUse::Sent,
            };
            let row = approval::approve(context, access, (mail, &plan.recipients, to))?.row;
            let entry = row.message;
            (Some(row), entry)
        }
        Released::Scheduled(entry) => {
            schedule::take_out(context, access.org, *entry)?;
            (None, *entry)
        }
    };
    let rows = context.store.waiting_outbound(access.org, entry)?;
    Ok(TakenOut { decided, rows })
}

/// Stores for what a message waits. Gives the approval, if it waits for one.
fn wait(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    (waits, is_approved): (&WaitingPlan, bool),
    stored: &StoredEntry,
) -> Result<Option<ApprovalId>, Refusal> {
    let (org, envelope) = (caller.access()?.org, waits.envelope.clone());
    match waits.until {
        WaitsFor::Decision(send_at) => {
            let mail = HeldMail {
                org,
                inbox: stored.inbox,
                entry: stored.entry,
                envelope,
                sha256: waits.sha256,
                send_at,
            };
            approval::hold(context, mail).map(Some)
        }
        WaitsFor::Time(send_at) => {
            let mail = StoredScheduled {
                entry: stored.entry,
                org,
                inbox: stored.inbox,
                envelope,
                sha256: waits.sha256,
                is_approved,
                send_at,
                due_at: send_at,
            };
            schedule::schedule(context, &mail).map(|()| None)
        }
    }
}

/// Asks policy again: a pause or a mode may have been set, or the domain may have gone to another
/// organization, since the reader looked.
fn judge_again(
    context: &WriteContext<'_>,
    plan: &Plan,
    (org, inbox): (OrgId, InboxId),
) -> Result<(), Refusal> {
    let mail = OutgoingMail {
        org,
        inbox,
        recipients: &plan.recipients,
    };
    if plan.released.is_some() {
        return outgoing::judge_approved(context.service, context.store, &mail);
    }
    match outgoing::judge(context.service, context.store, &mail)? {
        decision if decision == plan.decision => Ok(()),
        // Its effects are those of another decision.
        _ => Err(outgoing::changed(&mail)),
    }
}

/// Stores a piece of a large message, before anything names it. `None` when there is nothing to
/// store apart: the message is small, or all of it is stored. Then [`deliver`] places it.
///
/// What [`deliver`] checks is checked before the first piece too, and the space on the disk, so
/// that a message without a place costs nothing.
pub fn store_piece(
    context: &WriteContext<'_>,
    caller: &Caller,
    delivery: &Delivery,
) -> Result<Option<StoredPieces>, Refusal> {
    let plan = &delivery.plan;
    if plan.body.len() <= PIECE_BYTES {
        return Ok(None);
    }
    let mut pieces = match &delivery.pieces {
        Some(pieces) => pieces.clone(),
        None => {
            let targets = check(context, caller, plan)?;
            policy::check_space(context.service)?;
            let keepers = keepers(caller, plan, &targets)?;
            check_before_pieces(context, caller, plan, (&targets, &keepers))?;
            StoredPieces {
                orgs: keepers.into_iter().map(|(org, _)| org).collect(),
                ..StoredPieces::default()
            }
        }
    };
    if pieces.bodies.is_empty() || pieces.octets >= plan.body.len() {
        let Some(org) = pieces.orgs.get(pieces.bodies.len()) else {
            return Ok(None);
        };
        let body = new_body(plan, &[]);
        let begun = context.store.begin_body(context.now, *org, &body)?;
        pieces.bodies.push(begun);
        pieces.octets = 0;
    }
    let body = pieces.bodies.last().ok_or(Refusal::Internal)?;
    let piece = (pieces.octets, PIECE_BYTES);
    context.store.put_piece(body.id, &plan.body, piece)?;
    pieces.octets = pieces.octets.saturating_add(PIECE_BYTES);
    Ok(Some(pieces))
}

/// Checks what may have changed since a reader decided. Gives where the message goes.
fn check<'p>(
    context: &WriteContext<'_>,
    caller: &Caller,
    plan: &'p Plan,
) -> Result<Vec<PlacementTarget<'p>>, Refusal> {
    let targets = find_targets(context, plan)?;
    for target in &targets {
        check_owner(caller.key(), target)?;
    }
    check_quota(context, caller, plan, &targets)?;
    if plan.upload.is_some() {
        upload::check_room(context, caller)?;
    }
    if !context.is_again {
        let receivers = receivers_of(plan, &targets);
        policy::check_receive(context.service, context.now, receivers, plan.party)?;
    }
    Ok(targets)
}

/// The inboxes that receive the message, each with the rate of its own.
fn receivers_of(
    plan: &Plan,
    targets: &[PlacementTarget<'_>],
) -> impl Iterator<Item = (InboxId, u64)> {
    plan.receivers().map(|inbox| {
        let place = targets.iter().find(|target| target.place.path.id == inbox);
        let own = place.map_or(u64::MAX, |target| target.place.bounds.receives_per_minute);
        (inbox, own)
    })
}

/// Checks that the copy of the sender and an appended entry go to an inbox of the caller. The plan
/// is not trusted for that.
fn check_owner(sender: Option<&Access>, target: &PlacementTarget<'_>) -> Result<(), Refusal> {
    let is_own = match target.placement.kind {
        Arrival::Sent | Arrival::Appended => true,
        Arrival::Received | Arrival::Copied => false,
    };
    let allowed = sender.is_some_and(|access| {
        let path = &target.place.path;
        access.org == target.place.org && access.sees(path.id, &path.ancestors)
    });
    if is_own && !allowed {
        return Err(Refusal::NotFound(Noun::Inbox));
    }
    Ok(())
}

/// Finds the inbox and mailbox of each placement.
fn find_targets<'p>(
    context: &WriteContext<'_>,
    plan: &'p Plan,
) -> Result<Vec<PlacementTarget<'p>>, Refusal> {
    let mut targets = Vec::with_capacity(plan.effects.len());
    for placement in plan.placements() {
        let place = context
            .store
            .place(placement.inbox)?
            .ok_or(Refusal::NoSuchInbox)?;
        let (org, inbox) = (place.org, placement.inbox);
        let mut mailbox = context
            .store
            .mailbox_named(org, inbox, &placement.mailbox)?;
        let special = match (placement.kind, plan.sender) {
            (Arrival::Sent, _) => Some(SpecialUse::Sent),
            (Arrival::Appended, Some(_)) => Some(SpecialUse::Drafts),
            // Where a rule moves it, `find_target` finds another place.
            (Arrival::Received, _) if placement.mailbox != INBOX && !is_moved(placement) => {
                Some(SpecialUse::Junk)
            }
            _ => None,
        };
        if let (None, Some(special)) = (&mailbox, special) {
            // The mailbox was renamed after the reader had decided.
            mailbox = context.store.mailbox_special(org, inbox, special)?;
        }
        let to = find_target(context.store, org, placement, mailbox)?;
        targets.push(PlacementTarget {
            placement,
            place,
            to: to.ok_or(Refusal::NotFound(Noun::Mailbox))?,
        });
    }
    Ok(targets)
}

/// Checks that every inbox keeps within its quota with all that this message puts there. If
/// one does not, no inbox gets the message, and the sender's retry finds out which recipient
/// it is (DECISIONS.md, "Quota").
fn check_quota(
    context: &WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
    targets: &[PlacementTarget<'_>],
) -> Result<(), Refusal> {
    let mut full = None;
    for target in targets {
        let max = (context.shared.limits.inbox_bytes).min(target.place.bounds.quota_bytes);
        let inbox = target.place.path.id;
        let same = || (targets.iter()).filter(|other| other.place.path.id == inbox);
        let mut left = 0;
        for other in same() {
            left += left_by(context, other)?;
        }
        let new: u64 = same()
            .map(|other| (other.placement.prefix.len() + plan.body.len()) as u64)
            .sum();
        if (target.place.stored.saturating_sub(left)).saturating_add(new) > max {
            let of = Noun::Inbox;
            let at = (target.place.org, Some(inbox), target.placement.kind);
            let refusal = Refusal::OverQuota { of, max };
            let refusal = full::told(context.store, caller, plan, at, refusal);
            full::add(&mut full, refusal)?;
            continue;
        }
        let same = targets
            .iter()
            .filter(|other| other.to.mailbox.id == target.to.mailbox.id);
        let more = u32::try_from(same.count()).unwrap_or(u32::MAX);
        policy::check_messages(&context.shared.limits, target.to.mailbox.messages, more)?;
    }
    full.map_or(Ok(()), |full| Err(Refusal::Policy(full)))
}

/// Octets that a message which has waited leaves in Drafts: it is not counted twice.
fn left_by(context: &WriteContext<'_>, target: &PlacementTarget<'_>) -> Result<u64, Refusal> {
    let Some(id) = target.placement.id else {
        return Ok(0);
    };
    let (org, inbox) = (target.place.org, target.placement.inbox);
    let entry = context.store.entry(org, inbox, id)?;
    Ok(entry.map_or(0, |entry| {
        u64::from(entry.body_size) + entry.prefix.len() as u64
    }))
}

/// Checks what the store checks when a message is placed, so that no piece of a large message is
/// stored in vain: the quota of each organization, and the keywords of each mailbox.
fn check_before_pieces(
    context: &WriteContext<'_>,
    caller: &Caller,
    plan: &Plan,
    (targets, keepers): (&[PlacementTarget<'_>], &[(OrgId, usize)]),
) -> Result<(), Refusal> {
    let max = context.shared.limits.org_bytes;
    for (org, names) in keepers {
        let own = targets.iter().filter(|target| target.place.org == *org);
        let entries = own.clone().count();
        let prefixes: usize = own.map(|target| target.placement.prefix.len()).sum();
        // The first recipient outside keeps the octets of the message too.
        let copies = entries + usize::from(*names > entries);
        let new = plan.body.len().saturating_mul(copies) + prefixes;
        let mut stored = context.store.org_stored(*org)?;
        for target in targets.iter().filter(|target| target.place.org == *org) {
            stored = stored.saturating_sub(left_by(context, target)?);
        }
        if stored.saturating_add(new as u64) > max {
            let of = Noun::Organization;
            let at = (*org, None, Arrival::Received);
            let refusal = Refusal::OverQuota { of, max };
            return Err(full::told(context.store, caller, plan, at, refusal));
        }
    }
    for target in targets {
        let keywords = target.to.keywords;
        if !keywords.is_empty() && target.to.makes.is_none() {
            context
                .store
                .check_keywords(target.to.mailbox.id, keywords)?;
        }
    }
    Ok(())
}

/// The organizations that keep the message, and how many entries and jobs of each name its body.
fn keepers(
    caller: &Caller,
    plan: &Plan,
    targets: &[PlacementTarget<'_>],
) -> Result<Vec<(OrgId, usize)>, Refusal> {
    let mut refs: Vec<(OrgId, usize)> = Vec::new();
    let mut refer = |org: OrgId, n: usize| match refs.iter_mut().find(|(known, _)| *known == org) {
        Some((_, refs)) => *refs += n,
        None => refs.push((org, n)),
    };
    for target in targets {
        refer(target.place.org, 1);
    }
    let queued = plan.queued().count() + usize::from(plan.upload.is_some());
    if queued > 0 {
        refer(caller.access()?.org, queued);
    }
    Ok(refs)
}

/// Stores the body, once for each organization that keeps it, or places the one that has arrived
/// in pieces.
fn store_bodies(
    context: &WriteContext<'_>,
    caller: &Caller,
    (plan, pieces): (&Plan, Option<&StoredPieces>),
    targets: &[PlacementTarget<'_>],
) -> Result<Vec<(OrgId, BodyId)>, Refusal> {
    let arrived = pieces.into_iter().flat_map(|pieces| &pieces.bodies);
    let keepers = keepers(caller, plan, targets)?;
    keepers
        .into_iter()
        .map(|(org, refs)| {
            let refs = u32::try_from(refs).unwrap_or(u32::MAX);
            let own = targets.iter().filter(|target| target.place.org == org);
            let inboxes: Vec<InboxId> = own.map(|target| target.place.path.id).collect();
            let body = new_body(plan, &inboxes);
            let at = (org, None, Arrival::Received);
            let told = |fault: Refusal| full::told(context.store, caller, plan, at, fault);
            let id = match arrived.clone().find(|arrived| arrived.org == org) {
                Some(arrived) => {
                    (context.store.place_body(arrived, refs, &body))
                        .map_err(|fault| told(fault.into()))?;
                    arrived.id
                }
                None => (context.store.put_body(context.now, org, refs, &body))
                    .map_err(|fault| told(fault.into()))?,
            };
            sign(context, plan, (org, id), targets)?;
            Ok((org, id))
        })
        .collect()
}

/// Puts a body into the index of each inbox that gets it, with what its entries there have in front
/// of it.
fn sign(
    context: &WriteContext<'_>,
    plan: &Plan,
    (org, body): (OrgId, BodyId),
    targets: &[PlacementTarget<'_>],
) -> Result<(), Refusal> {
    let mut known = Vec::new();
    for target in targets.iter().filter(|target| target.place.org == org) {
        let inbox = target.place.path.id;
        let received_at = received_at(context, target.placement);
        if known.contains(&(inbox, received_at)) {
            continue;
        }
        known.push((inbox, received_at));
        let mut signature = Cow::Borrowed(&plan.signature);
        for (_, grams) in plan.prefix_grams.iter().filter(|(of, _)| *of == inbox) {
            signature.to_mut().add_all(grams);
        }
        let body = ReceivedBody { received_at, body };
        context.store.sign(context.now, inbox, body, &signature)?;
    }
    Ok(())
}

/// When an inbox receives a message: unix milliseconds.
fn received_at(context: &WriteContext<'_>, placement: &Placement) -> i64 {
    placement.received_at.unwrap_or(context.now.unix_ms)
}

fn new_body<'a>(plan: &'a Plan, inboxes: &'a [InboxId]) -> NewBody<'a> {
    NewBody {
        octets: &plan.body,
        header_len: plan.header_len,
        message_id: &plan.message_id,
        references: &plan.references,
        inboxes,
        noted: (plan.sender).map(|sender| (sender, plan.subject.noted.as_slice())),
        digest: &plan.digest,
        summary: &plan.summary,
    }
}

fn store_entry(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    target: PlacementTarget<'_>,
    (body, thread, auth): (BodyId, ThreadId, SenderAuth),
) -> Result<StoredEntry, Refusal> {
    let (store, now) = (context.store, context.now);
    let PlacementTarget {
        placement,
        place,
        mut to,
    } = target;
    to.make(context, &place, placement)?;
    let RuledTarget {
        mailbox,
        keywords,
        ruled,
        ..
    } = to;
    let stamp = store.next_seq(place.org, now)?;
    let new = NewEntry {
        id: placement.id.unwrap_or_else(|| EntryId(store.new_id(now))),
        body,
        body_size: u32::try_from(plan.body.len()).unwrap_or(u32::MAX),
        prefix: &placement.prefix,
        digest_len: plan.digest.len(),
        thread,
        flags: placement.flags,
        keywords,
        arrival: placement.kind,
        auth,
        received_at: received_at(context, placement),
        spam: placement.spam.as_deref(),
    };
    let uid = store.add_entry(&mailbox, stamp.seq, &new)?;
    let at = (place.org, placement.inbox);
    note_origin(context, plan, placement, new.id)?;
    let in_reply_to_metadata = note_metadata(context, plan, placement, (at, new.id))?;
    let mut summary = plan.summary.clone();
    let mut rules = Vec::new();
    let mut auto_reply = None;
    if let Some(ruled) = ruled {
        count_hits(context, place.org, &ruled)?;
        summary.priority = (ruled.priority).map_or(summary.priority, PriorityLevel::stored);
        rules = ruled.notes;
        auto_reply = ruled.auto_reply.map(Box::new);
    }
    let arrived = Arrived {
        kind: placement.kind,
        state: EntryState {
            uid,
            id: new.id,
            modseq: stamp.seq,
            flags: placement.flags,
            keywords: keywords.to_vec(),
        },
        thread,
        folder: mailbox.name,
        size: new
            .body_size
            .saturating_add(u32::try_from(placement.prefix.len()).unwrap_or(u32::MAX)),
        message_id: plan.message_id.clone(),
        summary,
        auth,
        in_reply_to_metadata,
        rules,
        spam: placement.spam.clone(),
        auto_reply: auto_reply.clone(),
    };
    let event = NewEvent {
        inbox: Some(place.path.clone()),
        mailbox: Some(mailbox.id),
        uids: UidSet::one(uid),
        change: Change::Arrived(Box::new(arrived)),
    };
    store.put_event(stamp, context.origin, event, context.events)?;
    if let Some(note) = auto_reply {
        tell_of_reply(context, place, (new.id, note))?;
    }
    Ok(StoredEntry {
        inbox: placement.inbox,
        entry: new.id,
        thread,
        kind: placement.kind,
        placed: (mailbox.uidvalidity, uid),
    })
}

/// How mail that rules send is delivered.
const STEPS: DeliverySteps = DeliverySteps {
    check: check_all,
    deliver,
};

/// Octets of a large message that one group stores: some milliseconds of work. A message of at most
/// this size is stored with everything else.
pub const PIECE_BYTES: usize = 4 * CHUNK_BYTES;
