//! Reports of other servers about mail of ours, carried out: the row of the recipient, the event
//! and the suppression, in the transaction that stores the report.
//!
//! It reads no message: `report.rs` does. The rule: the row is changed once. A second report about
//! it is mail and nothing more, and no report is ever answered.

use super::failure::{DeliveryFailure, Lasting};
use super::outcome;
use super::suppress::{is_no_address, suppress};
use crate::call::{
    EventKind, FailureClass, Metric, OutboundAttempt, OutboundStatus, Refusal, SuppressionReason,
    TransactionOutcome,
};
use crate::service::context::WriteContext;
use crate::service::intake::plan::{ReportedEnd, ReturnedReport};
use crate::store::OutboundRecord;

/// Changes the row of a report and tells it, in the transaction that stores the message.
pub fn carry_out(context: &mut WriteContext<'_>, report: &ReturnedReport) -> Result<(), Refusal> {
    let Some(row) = context.store.outbound_of_any(report.row)? else {
        return Ok(());
    };
    if row.inbox != report.inbox || !is_first(&row, report.what) {
        return Ok(());
    }
    if !context.is_again && report.what != ReportedEnd::Delayed {
        context.shared.metrics.count(Metric::OutboundBounced);
    }
    let told = &report.told;
    match report.what {
        ReportedEnd::Failed => {
            if is_no_address(told) {
                suppress(context, &row, SuppressionReason::Bounce, told)?;
            }
            let class = outcome::class_of(OutboundStatus::Bounced, told);
            let ended = amend(context, row, told, OutboundStatus::Bounced)?;
            outcome::tell(
                context,
                &ended,
                EventKind::MessageBounced,
                told,
                Some(class),
            )
        }
        ReportedEnd::Complaint => {
            suppress(context, &row, SuppressionReason::Complaint, told)?;
            let (class, status) = (Some(FailureClass::Complaint), row.status);
            let row = amend(context, row, told, status)?;
            outcome::tell(context, &row, EventKind::MessageBounced, told, class)
        }
        ReportedEnd::Delayed => {
            let (class, status) = (Some(FailureClass::Soft), row.status);
            let row = amend(context, row, told, status)?;
            outcome::tell(context, &row, EventKind::MessageDeferred, told, class)
        }
    }
}

/// Whether a report says something new of a row. Behind the delivery its history has what reports
/// have told: one delay, and one end.
fn is_first(row: &OutboundRecord, what: ReportedEnd) -> bool {
    let behind = |attempt: &&OutboundAttempt| attempt.outcome != TransactionOutcome::Delivered;
    let is_delivered = row.status == OutboundStatus::Delivered;
    let told = row.history.iter().rev().take_while(behind);
    let mut told = told.filter(|_| is_delivered).map(|attempt| attempt.outcome);
    match what {
        // Another server has answered for it, while our attempt counts as under way: its reply to
        // the end of the message was lost.
        ReportedEnd::Failed if !is_delivered => !row.status.is_finished(),
        ReportedEnd::Complaint if !is_delivered => false,
        ReportedEnd::Failed | ReportedEnd::Complaint => {
            !told.any(|outcome| outcome == TransactionOutcome::Bounced)
        }
        ReportedEnd::Delayed => is_delivered && told.next().is_none(),
    }
}

/// Writes a row with what was told of it.
fn amend(
    context: &mut WriteContext<'_>,
    mut row: OutboundRecord,
    told: &DeliveryFailure,
    status: OutboundStatus,
) -> Result<OutboundRecord, Refusal> {
    let outcome = match told.lasting {
        Lasting::Temporary => TransactionOutcome::Deferred,
        Lasting::Permanent => TransactionOutcome::Bounced,
    };
    let is_finished = row.status.is_finished();
    row.status = status;
    outcome::remember(context, &mut row, told, outcome);
    match is_finished {
        true => context.store.amend_outbound(&row)?,
        false => context
            .store
            .end_outbound(&row, outcome::gone_at(context))?,
    }
    Ok(row)
}
