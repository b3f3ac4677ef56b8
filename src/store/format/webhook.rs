//! The stored encodings of webhooks: what one wants, and its attempts. It is a part of `format.rs`,
//! whose rule holds here too: a version is never changed, and every version is read for ever.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Form;
use crate::call::{
    DisabledReason, DisabledWebhook, EventKind, HookAnswer, HookAttempt, InboxId, Verdict,
    WebhookId, WebhookRow,
};
use crate::store::Error;

const SPEC: Form = Form {
    what: "webhook",
    version: 2,
};

const ATTEMPTS: Form = Form {
    what: "webhook attempts",
    version: 1,
};

/// Version 1 of `webhook.spec`. Types and verdicts are their names in the API.
#[derive(Serialize, Deserialize)]
struct StoredSpec<'a> {
    kinds: Vec<Cow<'a, str>>,
    inbox: Option<i64>,
    from: Option<Cow<'a, str>>,
    label: Option<Cow<'a, str>>,
    verdict: Option<Cow<'a, str>>,
    is_full: bool,
    /// The content of messages is shown.
    is_open: bool,
}

/// Version 2 of `webhook.spec`: whether it was made as one of its inbox, and version 1.
#[derive(Serialize, Deserialize)]
struct StoredSpec2<'a>(bool, StoredSpec<'a>);

/// Version 1 of `webhook_delivery.attempts` is a list of these.
#[derive(Serialize, Deserialize)]
struct StoredHookAttempt<'a> {
    at: i64,
    duration_ms: u64,
    status: Option<u16>,
    /// The start of the answer, or the error.
    text: Cow<'a, str>,
}

/// The octets of what a webhook wants. `is_open`: the content of messages is shown. `is_of_inbox`:
/// it ends with its inbox.
pub(in crate::store) fn encode_spec(
    row: &WebhookRow,
    (is_open, is_of_inbox): (bool, bool),
) -> Result<Vec<u8>, Error> {
    let spec = StoredSpec {
        kinds: row.kinds.iter().map(|kind| kind.name().into()).collect(),
        inbox: row.inbox.map(|inbox| inbox.0),
        from: row.from.as_deref().map(Cow::from),
        label: row.label.as_deref().map(Cow::from),
        verdict: row.verdict.map(|verdict| verdict.name().into()),
        is_full: row.is_full,
        is_open,
    };
    SPEC.encode(&StoredSpec2(is_of_inbox, spec))
}

/// Reads [`encode_spec`] into a row. Gives its flags.
pub(in crate::store) fn decode_spec(
    octets: &[u8],
    row: &mut WebhookRow,
) -> Result<(bool, bool), Error> {
    let StoredSpec2(is_of_inbox, spec) = match SPEC.open(octets)? {
        (1, rest) => StoredSpec2(false, SPEC.decode(rest)?),
        (_, rest) => SPEC.decode(rest)?,
    };
    let kinds = spec.kinds.iter().map(|name| EventKind::named(name));
    row.kinds = kinds.collect::<Option<_>>().ok_or(SPEC_FAULT)?;
    row.inbox = spec.inbox.map(InboxId);
    row.from = spec.from.map(Cow::into_owned);
    row.label = spec.label.map(Cow::into_owned);
    row.verdict = match spec.verdict {
        None => None,
        Some(name) => Some(Verdict::named(&name).ok_or(SPEC_FAULT)?),
    };
    row.is_full = spec.is_full;
    Ok((spec.is_open, is_of_inbox))
}

/// The octets of attempts.
pub(in crate::store) fn encode_attempts(attempts: &[HookAttempt]) -> Result<Vec<u8>, Error> {
    let stored = |attempt: &HookAttempt| -> StoredHookAttempt<'static> {
        let (status, text) = match &attempt.answer {
            HookAnswer::Status(status, text) => (Some(*status), text),
            HookAnswer::Error(text) => (None, text),
        };
        StoredHookAttempt {
            at: attempt.at,
            duration_ms: attempt.duration_ms,
            status,
            text: text.clone().into(),
        }
    };
    let all: Vec<StoredHookAttempt<'_>> = attempts.iter().map(stored).collect();
    ATTEMPTS.encode(&all)
}

/// Reads [`encode_attempts`].
pub(in crate::store) fn decode_attempts(octets: &[u8]) -> Result<Vec<HookAttempt>, Error> {
    let (_, rest) = ATTEMPTS.open(octets)?;
    let all: Vec<StoredHookAttempt<'_>> = ATTEMPTS.decode(rest)?;
    let load = |stored: StoredHookAttempt<'_>| HookAttempt {
        at: stored.at,
        duration_ms: stored.duration_ms,
        answer: match stored.status {
            Some(status) => HookAnswer::Status(status, stored.text.into_owned()),
            None => HookAnswer::Error(stored.text.into_owned()),
        },
    };
    Ok(all.into_iter().map(load).collect())
}

const SPEC_FAULT: Error = Error::Corrupt("webhook");

/// Of version 15 of `event.detail`: a webhook that was disabled.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredDisabled<'a> {
    webhook: i64,
    url: Cow<'a, str>,
    is_gone: bool,
}

pub(super) fn store_disabled(note: &DisabledWebhook) -> StoredDisabled<'_> {
    StoredDisabled {
        webhook: note.webhook.0,
        url: note.url.as_str().into(),
        is_gone: note.reason == DisabledReason::Gone,
    }
}

pub(super) fn load_disabled(stored: StoredDisabled<'_>) -> DisabledWebhook {
    DisabledWebhook {
        webhook: WebhookId(stored.webhook),
        url: stored.url.into_owned(),
        reason: match stored.is_gone {
            true => DisabledReason::Gone,
            false => DisabledReason::Failing,
        },
    }
}
