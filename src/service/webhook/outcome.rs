//! What becomes of an answer: the row of its delivery, the place of the endpoint in the log, the
//! next attempt, and the end of an endpoint that is gone or has failed for too long.

use super::due::DueDelivery;
use super::state::HookState;
use crate::call::{
    ADDRESS_NOT_ALLOWED, Change, DeliveryId, DeliveryRow, DeliveryStatus, DisabledReason,
    DisabledWebhook, FAILING_MS, HOOK_ATTEMPTS_KEPT, HookAnswer, HookAttempt, Metric, OrgId,
    UidSet, WebhookId,
};
use crate::service::context::WriteContext;
use crate::store::{Error, NewEvent};

/// Stores an attempt that has ended.
pub fn record(
    context: &mut WriteContext<'_>,
    state: &mut HookState,
    (id, due): (WebhookId, &DueDelivery),
    (answer, duration_ms): (HookAnswer, u64),
) -> Result<(), Error> {
    let (store, now) = (context.store, context.now.unix_ms);
    let retries = &context.service.webhooks.settings.retry_ms;
    let Some(endpoint) = state.endpoints.get_mut(&id) else {
        return Ok(());
    };
    let seq = due.event.seq;
    let mut row = due.row.clone().unwrap_or_else(|| DeliveryRow {
        org: due.event.org,
        id: DeliveryId(i64::try_from(seq).unwrap_or(i64::MAX)),
        kind: due.kind,
        status: DeliveryStatus::Pending,
        attempts: Vec::new(),
        tries: 0,
        next_attempt_at: None,
    });
    if due.row.is_none()
        && let Some(before) = store.delivery(id, row.id)?
    {
        // It is sent again, since a time.
        row.attempts = before.attempts;
    }
    let is_success = answer.is_success();
    let is_gone = answer.status() == Some(410);
    let is_refused = matches!(&answer, HookAnswer::Error(why) if why == ADDRESS_NOT_ALLOWED);
    context.shared.metrics.count(Metric::WebhookAttempts);
    if !is_success {
        context.shared.metrics.count(Metric::WebhookAttemptsFailed);
    }
    row.attempts.push(HookAttempt {
        at: now,
        duration_ms,
        answer,
    });
    let over = row.attempts.len().saturating_sub(HOOK_ATTEMPTS_KEPT);
    row.attempts.drain(..over);
    row.tries = row.tries.saturating_add(1);
    let step = usize::try_from(row.tries).unwrap_or(usize::MAX) - 1;
    let wait = retries
        .get(step)
        .filter(|_| !is_success && !is_gone && !is_refused);
    (row.status, row.next_attempt_at) = match wait {
        _ if is_success => (DeliveryStatus::Delivered, None),
        Some(ms) => {
            let at = now.saturating_add(jittered(*ms, context.random.u64()));
            (DeliveryStatus::Pending, Some(at))
        }
        None => (DeliveryStatus::Failed, None),
    };
    endpoint.has_pending |= row.status == DeliveryStatus::Pending;
    store.put_delivery(id, &row)?;
    if due.row.is_none() && due.after == endpoint.seq {
        endpoint.seq = seq;
        endpoint.scanned = endpoint.scanned.max(seq);
        store.move_webhook(id, seq)?;
    }
    let failing_since = match is_success {
        true => None,
        false => Some(endpoint.failing_since.unwrap_or(now)),
    };
    if failing_since != endpoint.failing_since {
        endpoint.failing_since = failing_since;
        state.failing = match failing_since {
            Some(_) => state.failing + 1,
            None => state.failing.saturating_sub(1),
        };
        store.set_webhook_failing(id, failing_since)?;
    }
    let has_failed_for = failing_since.map_or(0, |since| now.saturating_sub(since));
    let org = endpoint.org;
    match () {
        () if is_gone => disable(context, state, (org, id), DisabledReason::Gone),
        () if has_failed_for >= FAILING_MS => {
            disable(context, state, (org, id), DisabledReason::Failing)
        }
        () => Ok(()),
    }
}

/// A delivery whose event the log does not keep any more is given up.
pub fn expire(
    context: &WriteContext<'_>,
    webhook: WebhookId,
    mut row: DeliveryRow,
) -> Result<(), Error> {
    row.status = DeliveryStatus::Failed;
    row.next_attempt_at = None;
    context.store.put_delivery(webhook, &row)
}

fn disable(
    context: &mut WriteContext<'_>,
    state: &mut HookState,
    (org, id): (OrgId, WebhookId),
    reason: DisabledReason,
) -> Result<(), Error> {
    state.remove(id);
    let Some(mut hook) = context.store.webhook(org, id)? else {
        return Ok(());
    };
    hook.row.is_enabled = false;
    hook.row.disabled_reason = Some(reason);
    context.store.update_webhook(&hook)?;
    state.disabled.insert((org, id));
    let note = DisabledWebhook {
        webhook: id,
        url: hook.row.url,
        reason,
    };
    let new = NewEvent {
        inbox: None,
        mailbox: None,
        uids: UidSet::new(),
        change: Change::WebhookDisabled(Box::new(note)),
    };
    let (store, now) = (context.store, context.now);
    store.append_event(now, org, None, new, context.events)?;
    log::info!("webhook={id} disabled reason={}", reason.name());
    Ok(())
}

/// A time of the schedule, 20 % more or less, so that what has failed together does not come back
/// together. `random` is any number.
fn jittered(ms: u64, random: u64) -> i64 {
    let fifth = ms / 5;
    let jitter = random % fifth.saturating_mul(2).saturating_add(1);
    i64::try_from(ms.saturating_sub(fifth).saturating_add(jitter)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_jittered_by_a_fifth() {
        for ms in [0, 1, 5000, 86_400_000] {
            for random in [0, 1, 77_777, u64::MAX] {
                let at = jittered(ms, random);
                let ms = i64::try_from(ms).unwrap_or_default();
                assert!((ms - ms / 5..=ms + ms / 5).contains(&at), "{ms} {at}");
            }
        }
    }
}
