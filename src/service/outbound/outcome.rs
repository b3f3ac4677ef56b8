//! What became of an attempt, as rows: the state and the history of the recipient, and the event
//! that tells it, in one savepoint.
//!
//! It asks for what follows from an end: the notification of the sender (`notice.rs`), and the
//! suppression of an address that does not exist (`suppress.rs`).

use super::failure::{DeliveryFailure, Lasting};
use super::notice::notify;
use super::schedule;
use super::suppress::{is_no_address, suppress};
use crate::call::{
    ATTEMPTS_KEPT, Change, EventKind, FailureClass, HISTORY_BYTES, InboxId, Metric, OrgId,
    OutboundAttempt, OutboundNews, OutboundSettings, OutboundStatus, OutboundTls, Refusal, Report,
    SuppressionReason, TransactionOutcome, UidSet,
};
use crate::mail::write::dsn::DsnAction;
use crate::service::context::WriteContext;
use crate::store::{ENDED_KEPT_MS, NewEvent, OutboundRecord};

/// Stores what a report tells of the attempt that it is about. Gives when the recipient is due
/// again, if it is.
pub fn reported(
    context: &mut WriteContext<'_>,
    settings: &OutboundSettings,
    row: OutboundRecord,
    report: &Report,
    random: u64,
) -> Result<Option<i64>, Refusal> {
    let failure = DeliveryFailure::reported(report);
    match report.outcome {
        TransactionOutcome::Delivered => {
            // RFC 3461 section 5.2.2: a host that knows DSN confirms the delivery itself.
            if !report.has_dsn {
                notify(context, &row, DsnAction::Relayed, &failure)?;
            }
            delivered(context, row, &failure).map(|()| None)
        }
        TransactionOutcome::Deferred | TransactionOutcome::Bounced => {
            failed(context, settings, row, &failure, random)
        }
    }
}

fn delivered(
    context: &mut WriteContext<'_>,
    mut row: OutboundRecord,
    told: &DeliveryFailure,
) -> Result<(), Refusal> {
    row.status = OutboundStatus::Delivered;
    remember(context, &mut row, told, TransactionOutcome::Delivered);
    context.store.end_outbound(&row, gone_at(context))?;
    context.shared.metrics.count(Metric::OutboundDelivered);
    tell(context, &row, EventKind::MessageDelivered, told, None)
}

/// Stores a failure: the recipient is due again by the schedule, or given up. Gives when it is due.
pub fn failed(
    context: &mut WriteContext<'_>,
    settings: &OutboundSettings,
    mut row: OutboundRecord,
    failure: &DeliveryFailure,
    random: u64,
) -> Result<Option<i64>, Refusal> {
    if failure.lasting == Lasting::Permanent {
        if is_no_address(failure) {
            suppress(context, &row, SuppressionReason::Bounce, failure)?;
        }
        remember(context, &mut row, failure, TransactionOutcome::Bounced);
        return failed_for_good(context, row, OutboundStatus::Bounced, failure).map(|()| None);
    }
    row.status = OutboundStatus::Deferred;
    row.due_at = schedule::next_attempt(settings, context.now.unix_ms, row.attempts, random);
    remember(context, &mut row, failure, TransactionOutcome::Deferred);
    context.store.defer_outbound(&row)?;
    context.shared.metrics.count(Metric::OutboundDeferred);
    let class = Some(FailureClass::Soft);
    tell(context, &row, EventKind::MessageDeferred, failure, class)?;
    Ok(Some(row.due_at))
}

/// A recipient that has failed for a while is due now: another host is tried.
pub fn failed_once(
    context: &mut WriteContext<'_>,
    mut row: OutboundRecord,
    failure: &DeliveryFailure,
) -> Result<(), Refusal> {
    row.status = OutboundStatus::Deferred;
    row.due_at = context.now.unix_ms;
    remember(context, &mut row, failure, TransactionOutcome::Deferred);
    Ok(context.store.defer_outbound(&row)?)
}

/// An attempt of which nothing was sent is as if it had not been begun.
pub fn undone(context: &mut WriteContext<'_>, mut row: OutboundRecord) -> Result<(), Refusal> {
    row.attempts = row.attempts.saturating_sub(1);
    row.status = match row.attempts {
        0 => OutboundStatus::Queued,
        _ => OutboundStatus::Deferred,
    };
    row.due_at = context.now.unix_ms;
    Ok(context.store.defer_outbound(&row)?)
}

/// An attempt whose process has ended: the other server may have the message.
pub fn interrupted(context: &mut WriteContext<'_>, row: OutboundRecord) -> Result<(), Refusal> {
    let why = "this server ended during the attempt; the other server may have the message";
    let failure = DeliveryFailure::of(Lasting::Temporary, (4, 3, 0), why.to_owned());
    failed_once(context, row, &failure)
}

/// A recipient that has waited for too long is given up. The last failure is its reason.
pub fn expired(context: &mut WriteContext<'_>, row: OutboundRecord) -> Result<(), Refusal> {
    let last = row.history.last();
    let failure = DeliveryFailure {
        lasting: Lasting::Permanent,
        host: last.map(|last| last.host.clone()).unwrap_or_default(),
        address: last.and_then(|last| last.address),
        tls: last.map_or(OutboundTls::None, |last| last.tls),
        code: last.and_then(|last| last.code),
        // RFC 3463 section 3.5: delivery time expired.
        enhanced: Some((4, 4, 7)),
        text: match last {
            Some(last) => format!(
                "given up after its time; the last answer was: {}",
                last.text
            ),
            None => "given up after its time, without an attempt".to_owned(),
        },
        is_of_recipient: false,
    };
    context.shared.metrics.count(Metric::OutboundExpired);
    failed_for_good(context, row, OutboundStatus::Expired, &failure)
}

/// A recipient waits for long: its sender is told, once.
pub fn late(context: &mut WriteContext<'_>, row: &OutboundRecord) -> Result<(), Refusal> {
    let last = row.history.last();
    let failure = DeliveryFailure {
        host: last.map(|last| last.host.clone()).unwrap_or_default(),
        code: last.and_then(|last| last.code),
        enhanced: last.and_then(|last| last.enhanced).or(Some((4, 4, 0))),
        ..DeliveryFailure::of(
            Lasting::Temporary,
            (4, 4, 0),
            match last {
                Some(last) => last.text.clone(),
                None => "it was not tried yet".to_owned(),
            },
        )
    };
    notify(context, row, DsnAction::Delayed, &failure)
}

/// The end of a recipient that did not get the message: the notification of its sender, its state
/// and its event.
fn failed_for_good(
    context: &mut WriteContext<'_>,
    mut row: OutboundRecord,
    status: OutboundStatus,
    failure: &DeliveryFailure,
) -> Result<(), Refusal> {
    notify(context, &row, DsnAction::Failed, failure)?;
    row.status = status;
    context.store.end_outbound(&row, gone_at(context))?;
    context.shared.metrics.count(Metric::OutboundBounced);
    let class = class_of(status, failure);
    tell(
        context,
        &row,
        EventKind::MessageBounced,
        failure,
        Some(class),
    )
}

/// A recipient that its sender has taken back.
pub fn cancelled(context: &mut WriteContext<'_>, mut row: OutboundRecord) -> Result<(), Refusal> {
    row.status = OutboundStatus::Cancelled;
    context.store.end_outbound(&row, gone_at(context))?;
    let failure = DeliveryFailure {
        enhanced: None,
        ..DeliveryFailure::of(Lasting::Permanent, (0, 0, 0), "cancelled".to_owned())
    };
    tell(context, &row, EventKind::MessageRejected, &failure, None)
}

/// Hard is an address that does not exist or a server that takes nothing; policy is a refusal of
/// this message; the rest may pass another time.
pub fn class_of(status: OutboundStatus, failure: &DeliveryFailure) -> FailureClass {
    match (status, failure.enhanced, failure.code) {
        (OutboundStatus::Expired, ..) => FailureClass::Soft,
        (_, Some((5, 7, _)), _) => FailureClass::Policy,
        (_, Some((5, 2, 2)) | Some((5, 3 | 6, _)), _) => FailureClass::Soft,
        (_, Some((5, ..)), _) | (_, None, Some(550 | 551 | 553 | 521 | 556)) => FailureClass::Hard,
        _ => FailureClass::Soft,
    }
}

/// When the row of a recipient that ends now goes.
pub fn gone_at(context: &WriteContext<'_>) -> i64 {
    context.now.unix_ms.saturating_add(ENDED_KEPT_MS)
}

/// Adds an attempt to the history, which keeps its bounds: attempts in the middle lose their text,
/// then go.
pub fn remember(
    context: &WriteContext<'_>,
    row: &mut OutboundRecord,
    told: &DeliveryFailure,
    outcome: TransactionOutcome,
) {
    let history = &mut row.history;
    history.push(told.attempt(context.now.unix_ms, outcome));
    while history.len() > ATTEMPTS_KEPT || (size(history) > HISTORY_BYTES && history.len() > 2) {
        let end = history.len().saturating_sub(1);
        let is_many = history.len() > ATTEMPTS_KEPT;
        let middle = history.get_mut(1..end).unwrap_or_default();
        match middle.iter_mut().find(|attempt| !attempt.text.is_empty()) {
            Some(told) if !is_many => told.text.clear(),
            _ => drop(history.remove(1)),
        }
    }
}

/// About how many octets a history has when it is stored.
fn size(history: &[OutboundAttempt]) -> usize {
    let sizes = history
        .iter()
        .map(|a| ATTEMPT_BYTES + a.host.len() + a.text.len());
    sizes.sum()
}

/// Writes the event of a recipient. An inbox that is gone has no event.
pub fn tell(
    context: &mut WriteContext<'_>,
    row: &OutboundRecord,
    kind: EventKind,
    told: &DeliveryFailure,
    class: Option<FailureClass>,
) -> Result<(), Refusal> {
    let Some(path) = path_of(context, row.org, row.inbox)? else {
        return Ok(());
    };
    let news = OutboundNews {
        kind,
        message: row.entry,
        recipient: row.envelope.recipient.clone(),
        outbound: row.id,
        reason: told.text.clone(),
        class,
        code: told.code,
        enhanced: told.enhanced,
        host: told.host.clone(),
        metadata: row.metadata.clone(),
    };
    let event = NewEvent {
        inbox: Some(path),
        mailbox: None,
        uids: UidSet::default(),
        change: Change::Outbound(Box::new(news)),
    };
    context.behind(row.depth, |context| {
        let (store, now) = (context.store, context.now);
        store.append_event(now, row.org, None, event, context.events)
    })?;
    Ok(())
}

fn path_of(
    context: &WriteContext<'_>,
    org: OrgId,
    inbox: InboxId,
) -> Result<Option<std::sync::Arc<crate::call::InboxPath>>, Refusal> {
    if context.service.has_ended(org) {
        return Ok(None);
    }
    Ok(context.store.place_of(org, inbox)?.map(|place| place.path))
}

/// Octets that an attempt has in the history besides its host and its text.
const ATTEMPT_BYTES: usize = 40;
