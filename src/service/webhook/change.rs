//! Webhooks as their owners see and change them.

use super::state::sealing_owner;
use crate::call::bounds::{METADATA_BYTES_MAX, PAGE_ROWS_MAX, check_keyword};
use crate::call::{
    Access, Answer, Countable, DeliveryId, DeliveryStatus, HookAnswer, HookTest, NewWebhook, Noun,
    OLD_SECRET_MS, Refusal, RemoteUrl, Scopes, Secret, WebhookId, WebhookPatch, WebhookRow,
    Written, require, sender_filter,
};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::field::invalid;
use crate::service::policy::find_inbox;
use crate::store::{Store, StoredWebhook};

const NONE: Refusal = Refusal::NotFound(Noun::Webhook);

/// Makes a webhook. It gets the events from now on.
pub fn create(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewWebhook,
) -> Result<Written, Refusal> {
    let store = context.store;
    let max = context.shared.limits.webhooks;
    if store.webhooks(access.org)?.len() >= max {
        return Err(Refusal::Limit {
            what: Countable::Webhooks,
            max: max as u64,
        });
    }
    let id = WebhookId(store.new_id(context.now));
    let inbox = match &new.inbox {
        Some(inbox) => Some(find_inbox(store, access, inbox)?),
        None => None,
    };
    let row = WebhookRow {
        id,
        url: new.url.clone(),
        kinds: new.kinds.clone(),
        inbox,
        from: new.from.clone(),
        label: new.label.clone(),
        verdict: new.verdict,
        is_full: new.is_full,
        metadata: new.metadata.clone(),
        is_enabled: true,
        disabled_reason: None,
        created_at: context.now.unix_ms,
    };
    let row = checked(context, access, row)?;
    let (secret, sealed) = make_secret(context, id)?;
    let hook = StoredWebhook {
        row,
        org: access.org,
        is_open: access.scopes.allow(Scopes::MESSAGES_READ),
        secret: sealed,
        old_secret: None,
        seq: store.log_head(access.org)?,
        failing_since: None,
    };
    store.insert_webhook(&hook)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Webhook(Box::new(hook.row), Some(secret)))
}

/// Checks what an owner wants, for the key that wants it: who may not read messages gets no
/// content of them by a webhook.
fn checked(
    context: &WriteContext<'_>,
    access: &Access,
    mut row: WebhookRow,
) -> Result<WebhookRow, Refusal> {
    let rules = &context.service.webhooks.settings.rules;
    RemoteUrl::parse(&row.url, rules).map_err(|why| invalid("url", why))?;
    if row.is_full || row.from.is_some() {
        require(access.scopes, Scopes::MESSAGES_READ)?;
    }
    if let Some(from) = &row.from {
        let wanted = sender_filter(from);
        row.from = Some(wanted.ok_or_else(|| invalid("from", "is no address and no domain"))?);
    }
    if let Some(label) = &row.label {
        check_keyword(label).map_err(|why| invalid("label", &why))?;
    }
    if row
        .metadata
        .as_ref()
        .is_some_and(|json| json.len() > METADATA_BYTES_MAX)
    {
        return Err(invalid("metadata", "is too long"));
    }
    row.kinds.sort_by_key(|kind| *kind as u32);
    row.kinds.dedup();
    Ok(row)
}

/// A new secret, as its owner sees it and as it is stored.
fn make_secret(
    context: &mut WriteContext<'_>,
    id: WebhookId,
) -> Result<(Secret, Vec<u8>), Refusal> {
    let octets: [u8; 32] = context.random.array();
    let sealed = context
        .service
        .sealing()
        .seal(context.random, &sealing_owner(id), &octets)
        .map_err(|_| Refusal::Internal)?;
    // Standard Webhooks: the secret is base64 behind a prefix.
    let mut text = String::from("whsec_");
    text.push_str(&data_encoding::BASE64.encode(&octets));
    Ok((Secret::new(text.into_bytes()), sealed))
}

fn find(store: &Store, access: &Access, id: WebhookId) -> Result<StoredWebhook, Refusal> {
    store.webhook(access.org, id)?.ok_or(NONE)
}

/// Changes a webhook. `enabled: true` revives one that was disabled: what has waited is sent.
pub fn patch(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: WebhookId,
    patch: &WebhookPatch,
) -> Result<Written, Refusal> {
    let store = context.store;
    let mut hook = find(store, access, id)?;
    let row = &mut hook.row;
    if let Some(inbox) = &patch.inbox {
        row.inbox = match inbox {
            Some(inbox) => Some(find_inbox(store, access, inbox)?),
            None => None,
        };
    }
    let WebhookPatch {
        url,
        kinds,
        inbox: _,
        from,
        label,
        verdict,
        is_full,
        metadata,
        is_enabled,
    } = patch.clone();
    row.url = url.unwrap_or(core::mem::take(&mut row.url));
    row.kinds = kinds.unwrap_or(core::mem::take(&mut row.kinds));
    row.from = from.unwrap_or(row.from.take());
    row.label = label.unwrap_or(row.label.take());
    row.verdict = verdict.unwrap_or(row.verdict);
    row.is_full = is_full.unwrap_or(row.is_full);
    row.metadata = metadata.unwrap_or(row.metadata.take());
    hook.row = checked(context, access, hook.row)?;
    // A key without `messages:read` must not lead content elsewhere.
    hook.is_open = access.scopes.allow(Scopes::MESSAGES_READ);
    if let Some(is_enabled) = is_enabled {
        let is_revived = is_enabled && !hook.row.is_enabled;
        hook.row.is_enabled = is_enabled;
        if is_enabled {
            hook.row.disabled_reason = None;
        }
        if is_revived {
            hook.failing_since = None;
            if let Some(mut pending) = store.pending_delivery(id)? {
                pending.tries = 0;
                pending.next_attempt_at = Some(context.now.unix_ms);
                store.put_delivery((access.org, id), &pending)?;
            }
        }
    }
    store.update_webhook(&hook)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Webhook(Box::new(hook.row), None))
}

/// Deletes a webhook with its deliveries.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: WebhookId,
) -> Result<Written, Refusal> {
    find(context.store, access, id)?;
    context.store.delete_webhook(access.org, id)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Changed)
}

/// Makes a new secret. The old one signs too for a day.
pub fn rotate(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: WebhookId,
) -> Result<Written, Refusal> {
    let mut hook = find(context.store, access, id)?;
    let (secret, sealed) = make_secret(context, id)?;
    let until = context.now.unix_ms.saturating_add(OLD_SECRET_MS);
    hook.old_secret = Some((core::mem::replace(&mut hook.secret, sealed), until));
    context.store.update_webhook(&hook)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Webhook(Box::new(hook.row), Some(secret)))
}

/// Whether a webhook can be tried.
pub fn check_test(
    context: &WriteContext<'_>,
    access: &Access,
    id: WebhookId,
) -> Result<(), Refusal> {
    find(context.store, access, id).map(drop)
}

/// The answer to a test where this process sends nothing: it is not the server.
pub fn nothing_sent() -> Written {
    let why = "webhooks are not sent from here".to_owned();
    Written::WebhookTested(Box::new(HookTest {
        answer: HookAnswer::Error(why),
        duration_ms: 0,
    }))
}

/// Has one delivery sent again: it goes before the log.
pub fn redeliver(
    context: &mut WriteContext<'_>,
    access: &Access,
    (id, delivery): (WebhookId, DeliveryId),
) -> Result<Written, Refusal> {
    find(context.store, access, id)?;
    let found = context.store.delivery(id, delivery)?;
    let mut row = found.ok_or(Refusal::NotFound(Noun::WebhookDelivery))?;
    row.status = DeliveryStatus::Pending;
    row.tries = 0;
    row.next_attempt_at = Some(context.now.unix_ms);
    context.store.put_delivery((access.org, id), &row)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Delivery(Box::new(row)))
}

/// Goes back in the log to a time. Everything since is sent again, in order.
pub fn redeliver_since(
    context: &mut WriteContext<'_>,
    access: &Access,
    (id, since): (WebhookId, i64),
) -> Result<Written, Refusal> {
    let store = context.store;
    let mut hook = find(store, access, id)?;
    let start = store.log_at(access.org, since)?.saturating_sub(1);
    let count = store.deliveries_after(id, start)?;
    if start < hook.seq {
        hook.seq = start;
        store.update_webhook(&hook)?;
        store.end_pending_after(id, start)?;
        context.service.webhooks.changes(access.org, id);
    }
    Ok(Written::Redelivering(count))
}

/// Lists the webhooks of an organization.
pub fn list(store: &Store, access: &Access) -> Result<Answer, Refusal> {
    let rows = store.webhooks(access.org)?.into_iter();
    Ok(Answer::Webhooks(rows.map(|hook| hook.row).collect()))
}

/// Reads one webhook.
pub fn read(store: &Store, access: &Access, id: WebhookId) -> Result<Answer, Refusal> {
    find(store, access, id).map(|hook| Answer::Webhooks(vec![hook.row]))
}

/// Lists deliveries, the newest first: a page.
pub fn deliveries(
    context: &ReadContext<'_>,
    access: &Access,
    (id, status): (WebhookId, Option<DeliveryStatus>),
    (cursor, limit): (Option<DeliveryId>, usize),
) -> Result<Answer, Refusal> {
    find(context.store, access, id)?;
    let before = cursor.map_or(i64::MAX, |cursor| cursor.0);
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut rows = context.store.deliveries(id, status, before, limit + 1)?;
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows
        .last()
        .filter(|_| is_more)
        .map(|row| row.id.to_string());
    Ok(Answer::Deliveries { rows, next })
}
