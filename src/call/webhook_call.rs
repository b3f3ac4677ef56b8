//! The calls of webhooks: what owners ask and change, and what the engines of connections say.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use super::{
    ConnId, DeliveryId, DeliveryStatus, HookReport, HookRoute, Idempotency, InboxRef, Need,
    NewWebhook, Scopes, WebhookId, WebhookPatch,
};

/// Whose webhooks: those of an inbox, or all of the organization.
pub type HookPlace = Option<InboxRef>;

/// A webhook, as its owner names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookName {
    /// One of an inbox is found only there, and in the organization.
    pub place: HookPlace,
    pub id: WebhookId,
}

/// How far the log was counted for a `WebhookWrite::RedeliverSince`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RedeliverProgress {
    /// The webhook goes back behind this event.
    pub start: u64,
    /// Events up to this one were looked at.
    pub scanned: u64,
    /// So many of them are sent again.
    pub count: u64,
}

/// Reads of webhooks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebhookRead {
    /// Answer: `Webhooks`; an organization has few, so they are one page.
    List { place: HookPlace },
    /// Answer: `Webhooks` with one.
    Get { hook: HookName },
    /// Newest first. Answer: `Deliveries`.
    Deliveries {
        hook: HookName,
        status: Option<DeliveryStatus>,
        cursor: Option<DeliveryId>,
        limit: usize,
    },
}

impl WebhookRead {
    /// Whose webhooks it is about.
    pub const fn place(&self) -> &HookPlace {
        match self {
            WebhookRead::List { place } => place,
            WebhookRead::Get { hook } | WebhookRead::Deliveries { hook, .. } => &hook.place,
        }
    }
}

/// A key that is bound to inboxes may manage the webhooks of one.
pub(super) const fn need_of_webhooks(place: &HookPlace) -> Need {
    match place {
        Some(_) => Need::Inboxes(Scopes::WEBHOOKS_WRITE),
        None => Need::Organization(Scopes::WEBHOOKS_WRITE),
    }
}

/// Changes of webhooks. `Next` and `Lost` are calls of the engine of a connection that a
/// [`super::HookDial`] has asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebhookWrite {
    /// Written: `Webhook` with its secret.
    Create {
        place: HookPlace,
        new: Box<NewWebhook>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Webhook`.
    Patch {
        hook: HookName,
        patch: Box<WebhookPatch>,
    },
    /// Written: `Changed`.
    Delete { hook: HookName },
    /// A new secret; the old one signs for another day. Written: `Webhook` with its secret.
    Rotate {
        hook: HookName,
        idempotency: Option<Idempotency>,
    },
    /// Sends one event of the type `webhook.test` now. Written: `WebhookTested`.
    Test { hook: HookName },
    /// Has one delivery sent again. Written: `Delivery`.
    Redeliver {
        hook: HookName,
        delivery: DeliveryId,
        idempotency: Option<Idempotency>,
    },
    /// Goes back in the log to a time, unix milliseconds. What is sent again is counted in slices.
    /// Written: `Redelivering`.
    RedeliverSince {
        hook: HookName,
        since: i64,
        /// What the slices before have counted.
        progress: Option<RedeliverProgress>,
        idempotency: Option<Idempotency>,
    },
    /// Stores what became of the last delivery, and claims the next. While nothing is due, the
    /// answer waits for a bounded time. Written: `NextDelivery`.
    Next {
        route: HookRoute,
        report: Option<Box<HookReport>>,
        is_last: bool,
    },
    /// The connection could not be made, or has ended otherwise. Written: `Changed`.
    Lost {
        route: HookRoute,
        report: Box<HookReport>,
    },
}

impl WebhookWrite {
    /// The connection whose engine makes the call.
    pub const fn route(&self) -> Option<HookRoute> {
        match self {
            WebhookWrite::Next { route, .. } | WebhookWrite::Lost { route, .. } => Some(*route),
            _ => None,
        }
    }

    /// What its caller must be allowed.
    pub const fn need(&self) -> Need {
        match self {
            WebhookWrite::Next { .. } | WebhookWrite::Lost { .. } => Need::Server,
            WebhookWrite::Create { place, .. } => need_of_webhooks(place),
            WebhookWrite::Patch { hook, .. }
            | WebhookWrite::Delete { hook }
            | WebhookWrite::Rotate { hook, .. }
            | WebhookWrite::Test { hook }
            | WebhookWrite::Redeliver { hook, .. }
            | WebhookWrite::RedeliverSince { hook, .. } => need_of_webhooks(&hook.place),
        }
    }

    pub fn idempotency(&self) -> Option<&Idempotency> {
        match self {
            WebhookWrite::Create { idempotency, .. }
            | WebhookWrite::Rotate { idempotency, .. }
            | WebhookWrite::Redeliver { idempotency, .. }
            | WebhookWrite::RedeliverSince { idempotency, .. } => idempotency.as_ref(),
            WebhookWrite::Patch { .. }
            | WebhookWrite::Delete { .. }
            | WebhookWrite::Test { .. }
            | WebhookWrite::Next { .. }
            | WebhookWrite::Lost { .. } => None,
        }
    }
}

/// A call of a connection that waits for the next turn of the runner.
pub type HookCall = (ConnId, WebhookWrite);
