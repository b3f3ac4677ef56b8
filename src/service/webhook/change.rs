//! Webhooks as their owners see and change them.

use super::state::{sealing_owner, wanted};
use crate::call::bounds::{METADATA_BYTES_MAX, PAGE_ROWS_MAX, check_keyword};
use crate::call::{
    Access, Answer, Countable, DeliveryId, DeliveryStatus, HookAnswer, HookName, HookTest, InboxId,
    InboxRef, NewWebhook, Noun, OLD_SECRET_MS, OrgId, RedeliverProgress, Refusal, RemoteUrl,
    Scopes, Secret, Topic, WebhookId, WebhookPatch, WebhookRow, Written, require, sender_filter,
};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::field::invalid;
use crate::service::policy::find_inbox;
use crate::store::{Store, StoredWebhook};

const NONE: Refusal = Refusal::NotFound(Noun::Webhook);

/// Makes a webhook, of an inbox where `place` names one. It gets the events from now on.
pub fn create(
    context: &mut WriteContext<'_>,
    access: &Access,
    (place, new): (Option<&InboxRef>, &NewWebhook),
) -> Result<Written, Refusal> {
    let (store, limits) = (context.store, &context.shared.limits);
    let place = place_of(store, access, place)?;
    let all = store.webhooks(access.org)?;
    let of_place = place.map(|_| {
        let there = all.iter().filter(|hook| hook.row.inbox == place);
        (there.count(), limits.inbox_webhooks)
    });
    for (count, max) in [(all.len(), limits.webhooks)].into_iter().chain(of_place) {
        if count >= max {
            return Err(Refusal::Limit {
                what: Countable::Webhooks,
                max: max as u64,
            });
        }
    }
    let id = WebhookId(store.new_id(context.now));
    let inbox = match &new.inbox {
        Some(inbox) => Some(find_inbox(store, access, inbox)?),
        None => place,
    };
    check_place(place, inbox)?;
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
        is_of_inbox: place.is_some(),
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

/// The inbox whose webhooks are meant; `None` is all of the organization.
fn place_of(
    store: &Store,
    access: &Access,
    place: Option<&InboxRef>,
) -> Result<Option<InboxId>, Refusal> {
    place
        .map(|inbox| find_inbox(store, access, inbox))
        .transpose()
}

/// A webhook of an inbox stays one of it: a key that manages it may see no other.
fn check_place(place: Option<InboxId>, inbox: Option<InboxId>) -> Result<(), Refusal> {
    match place.is_none() || place == inbox {
        true => Ok(()),
        false => Err(invalid("inbox", "is not the inbox of the path")),
    }
}

fn find(store: &Store, access: &Access, name: &HookName) -> Result<StoredWebhook, Refusal> {
    let place = place_of(store, access, name.place.as_ref())?;
    let hook = store.webhook(access.org, name.id)?;
    hook.filter(|hook| place.is_none() || hook.row.inbox == place)
        .ok_or(NONE)
}

/// Changes a webhook. `enabled: true` revives one that was disabled: what has waited is sent.
pub fn patch(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &HookName,
    patch: &WebhookPatch,
) -> Result<Written, Refusal> {
    let (store, id) = (context.store, name.id);
    let mut hook = find(store, access, name)?;
    let place = place_of(store, access, name.place.as_ref())?;
    let row = &mut hook.row;
    if let Some(inbox) = &patch.inbox {
        row.inbox = match inbox {
            Some(inbox) => Some(find_inbox(store, access, inbox)?),
            None => None,
        };
        check_place(place, row.inbox)?;
        hook.is_of_inbox &= place.is_some();
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
                store.put_delivery(id, &pending)?;
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
    name: &HookName,
) -> Result<Written, Refusal> {
    find(context.store, access, name)?;
    let id = name.id;
    context.store.delete_webhook(access.org, id)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Changed)
}

/// An inbox is deleted: its webhooks end with it. One of the organization that wants its events
/// alone stays, and is told of its end.
pub fn end_with_inbox(
    context: &WriteContext<'_>,
    org: OrgId,
    inbox: InboxId,
) -> Result<(), Refusal> {
    for hook in context.store.webhooks(org)? {
        if hook.is_of_inbox && hook.row.inbox == Some(inbox) {
            context.store.delete_webhook(org, hook.row.id)?;
            context.service.webhooks.changes(org, hook.row.id);
        }
    }
    Ok(())
}

/// Makes a new secret. The old one signs too for a day.
pub fn rotate(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &HookName,
) -> Result<Written, Refusal> {
    let mut hook = find(context.store, access, name)?;
    let id = name.id;
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
    name: &HookName,
) -> Result<(), Refusal> {
    find(context.store, access, name).map(drop)
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
    (name, delivery): (&HookName, DeliveryId),
) -> Result<Written, Refusal> {
    find(context.store, access, name)?;
    let id = name.id;
    let found = context.store.delivery(id, delivery)?;
    let mut row = found.ok_or(Refusal::NotFound(Noun::WebhookDelivery))?;
    row.status = DeliveryStatus::Pending;
    row.tries = 0;
    row.next_attempt_at = Some(context.now.unix_ms);
    context.store.put_delivery(id, &row)?;
    context.service.webhooks.changes(access.org, id);
    Ok(Written::Delivery(Box::new(row)))
}

/// Goes back in the log to a time. Every event since that the webhook wants is sent, in order, also
/// where it was not sent before: the webhook is younger, was disabled, or wanted something else. A
/// slice counts a page of the log; `Err` is how far it has come.
pub fn redeliver_since(
    context: &mut WriteContext<'_>,
    access: &Access,
    (name, since): (&HookName, i64),
    progress: Option<RedeliverProgress>,
) -> Result<Result<Written, RedeliverProgress>, Refusal> {
    let (store, id, org) = (context.store, name.id, access.org);
    let mut hook = find(store, access, name)?;
    let mut progress = match progress {
        Some(progress) => progress,
        None => {
            let start = store.log_at(org, since)?.saturating_sub(1);
            RedeliverProgress {
                start,
                scanned: start,
                count: 0,
            }
        }
    };
    if progress.scanned < hook.seq {
        let page = store.events_after(org, Topic::Org(org), progress.scanned, usize::MAX)?;
        let page = page.ok_or(NONE)?;
        let (filter, shown) = wanted(&hook);
        let events = page.events.iter().filter(|event| event.seq <= hook.seq);
        let again = events.filter(|event| filter.admit(event, &shown).is_some());
        progress.count = progress.count.saturating_add(again.count() as u64);
        progress.scanned = page.scanned_to;
        if progress.scanned < hook.seq {
            return Ok(Err(progress));
        }
    }
    if progress.start < hook.seq {
        hook.seq = progress.start;
        store.update_webhook(&hook)?;
        store.end_pending_after(id, progress.start)?;
        context.service.webhooks.changes(org, id);
    }
    Ok(Ok(Written::Redelivering(progress.count)))
}

/// Lists the webhooks of an inbox, or all of the organization.
pub fn list(store: &Store, access: &Access, place: Option<&InboxRef>) -> Result<Answer, Refusal> {
    let place = place_of(store, access, place)?;
    let rows = store.webhooks(access.org)?.into_iter();
    let rows = rows
        .map(|hook| hook.row)
        .filter(|row| place.is_none() || row.inbox == place);
    Ok(Answer::Webhooks(rows.collect()))
}

/// Reads one webhook.
pub fn read(store: &Store, access: &Access, name: &HookName) -> Result<Answer, Refusal> {
    find(store, access, name).map(|hook| Answer::Webhooks(vec![hook.row]))
}

/// Lists deliveries, the newest first: a page.
pub fn deliveries(
    context: &ReadContext<'_>,
    access: &Access,
    (name, status): (&HookName, Option<DeliveryStatus>),
    (cursor, limit): (Option<DeliveryId>, usize),
) -> Result<Answer, Refusal> {
    find(context.store, access, name)?;
    let before = cursor.map_or(i64::MAX, |cursor| cursor.0);
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut rows = context
        .store
        .deliveries(name.id, status, before, limit + 1)?;
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows
        .last()
        .filter(|_| is_more)
        .map(|row| row.id.to_string());
    Ok(Answer::Deliveries { rows, next })
}
