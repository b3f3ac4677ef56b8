//! The calls of webhooks: what owners ask and change, and what the engines of connections say.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use super::{
    ConnId, DeliveryId, DeliveryStatus, HookReport, HookRoute, Idempotency, NewWebhook, WebhookId,
    WebhookPatch,
};

/// Reads of webhooks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebhookRead {
    /// Answer: `Webhooks`; an organization has few, so they are one page.
    List,
    /// Answer: `Webhooks` with one.
    Get { id: WebhookId },
    /// Newest first. Answer: `Deliveries`.
    Deliveries {
        id: WebhookId,
        status: Option<DeliveryStatus>,
        cursor: Option<DeliveryId>,
        limit: usize,
    },
}

/// Changes of webhooks. `Next` and `Lost` are calls of the engine of a connection that a
/// [`super::HookDial`] has asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebhookWrite {
    /// Written: `Webhook` with its secret.
    Create {
        new: Box<NewWebhook>,
        idempotency: Option<Idempotency>,
    },
    /// Written: `Webhook`.
    Patch {
        id: WebhookId,
        patch: Box<WebhookPatch>,
    },
    /// Written: `Changed`.
    Delete { id: WebhookId },
    /// A new secret; the old one signs for another day. Written: `Webhook` with its secret.
    Rotate {
        id: WebhookId,
        idempotency: Option<Idempotency>,
    },
    /// Sends one event of the type `webhook.test` now. Written: `WebhookTested`.
    Test { id: WebhookId },
    /// Has one delivery sent again. Written: `Delivery`.
    Redeliver {
        id: WebhookId,
        delivery: DeliveryId,
        idempotency: Option<Idempotency>,
    },
    /// Goes back in the log to a time, unix milliseconds. Written: `Redelivering`.
    RedeliverSince {
        id: WebhookId,
        since: i64,
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
