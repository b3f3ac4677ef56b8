//! The words of webhooks: what an owner sees of them, and what the service and the engine of a
//! connection say to each other.
//!
//! An endpoint is a place in the log of its organization, so an event waits without a row of its
//! own. The service decides what is sent, when, and where a connection goes ([`HookDial`]). The
//! engine asks for one delivery after the other (`WebhookWrite::Next`), writes and signs it, and
//! reports the answer ([`HookReport`]).
//!
//! ```text
//! dial ─► connected ─► Next ─► Send ─► POST ─► answer ─► Next + report ─► … ─► Quit ─► closed
//!   └──── could not be made, or was lost ──────────────► Lost
//! ```

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use core::net::SocketAddr;
use std::sync::Arc;

use super::event::words;
use super::{
    Access, DeliveryId, DisabledReason, Event, EventId, EventKind, InboxId, InboxRef, OrgId,
    RemoteRules, RemoteUrl, Secret, Verdict, WebhookId,
};

words! {
    /// What has become of a delivery.
    DeliveryStatus {
        /// It is tried again.
        Pending = "pending",
        /// It was answered with 2xx.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}

/// A webhook, as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookRow {
    pub id: WebhookId,
    pub url: String,
    /// Events of these types; none is all.
    pub kinds: Vec<EventKind>,
    pub inbox: Option<InboxId>,
    /// An address or a domain in lower case.
    pub from: Option<String>,
    pub label: Option<String>,
    pub verdict: Option<Verdict>,
    /// The message object goes with an event of one message.
    pub is_full: bool,
    /// The owner's own JSON object.
    pub metadata: Option<String>,
    pub is_enabled: bool,
    pub disabled_reason: Option<DisabledReason>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// A webhook to make.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewWebhook {
    pub url: String,
    pub kinds: Vec<EventKind>,
    pub inbox: Option<InboxRef>,
    /// As the owner wrote it.
    pub from: Option<String>,
    pub label: Option<String>,
    pub verdict: Option<Verdict>,
    pub is_full: bool,
    pub metadata: Option<String>,
}

/// A change of a webhook: what is absent stays, and an inner `None` clears.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookPatch {
    pub url: Option<String>,
    pub kinds: Option<Vec<EventKind>>,
    pub inbox: Option<Option<InboxRef>>,
    pub from: Option<Option<String>>,
    pub label: Option<Option<String>>,
    pub verdict: Option<Option<Verdict>>,
    pub is_full: Option<bool>,
    pub metadata: Option<Option<String>>,
    pub is_enabled: Option<bool>,
}

/// A delivery that has been tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRow {
    /// The organization of the webhook and of the event.
    pub org: OrgId,
    /// The number of the event, so it is unique for its webhook.
    pub id: DeliveryId,
    pub kind: EventKind,
    pub status: DeliveryStatus,
    /// The newest [`HOOK_ATTEMPTS_KEPT`], oldest first.
    pub attempts: Vec<HookAttempt>,
    /// Attempts since it was begun, or begun again.
    pub tries: u32,
    /// Unix milliseconds; only of one that is pending.
    pub next_attempt_at: Option<i64>,
}

impl DeliveryRow {
    /// The id of its event.
    pub fn event(&self) -> EventId {
        EventId {
            org: self.org,
            seq: u64::try_from(self.id.0).unwrap_or(0),
        }
    }
}

/// One attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookAttempt {
    /// When it ended, unix milliseconds.
    pub at: i64,
    pub duration_ms: u64,
    pub answer: HookAnswer,
}

/// What an endpoint has answered, or why it did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HookAnswer {
    /// Its status, and the start of its body: at most [`HOOK_RESPONSE_BYTES_MAX`] octets.
    Status(u16, String),
    /// A sentence. It is [`ADDRESS_NOT_ALLOWED`] where the address may not be connected to.
    Error(String),
}

impl HookAnswer {
    pub const fn status(&self) -> Option<u16> {
        match self {
            HookAnswer::Status(status, _) => Some(*status),
            HookAnswer::Error(_) => None,
        }
    }

    /// Any 2xx; a redirect is a failure (Standard Webhooks).
    pub fn is_success(&self) -> bool {
        matches!(self, HookAnswer::Status(200..=299, _))
    }
}

/// How webhooks are sent: the table `webhooks` of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookSettings {
    /// Where they may go.
    pub rules: RemoteRules,
    /// Milliseconds before each next attempt. Behind the last a delivery is given up.
    pub retry_ms: Vec<u64>,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        const MINUTE: u64 = 60_000;
        const HOUR: u64 = 60 * MINUTE;
        WebhookSettings {
            rules: RemoteRules::default(),
            retry_ms: vec![
                5000,
                MINUTE,
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                14 * HOUR,
                20 * HOUR,
                24 * HOUR,
            ],
        }
    }
}

/// One connection to an endpoint, from its look-up to its end. The number is never used again while
/// the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HookRoute(pub u64);

/// A connection that is to be made to an endpoint.
#[derive(Clone, Debug)]
pub struct HookDial {
    pub route: HookRoute,
    pub url: RemoteUrl,
    /// The addresses that were checked; no other is connected to.
    pub addresses: Vec<SocketAddr>,
    /// When its time began, monotonic milliseconds, and how much it has for the connect, TLS and
    /// one exchange.
    pub began_ms: u64,
    pub limit_ms: u64,
}

/// Where a [`HookDial`] goes. `serve` implements it with the hub of the net, a test by itself.
pub trait HookDialer: core::fmt::Debug + Send + Sync {
    /// Makes a connection with an engine of the protocol. It must not wait. What becomes of it
    /// comes back as a call of the engine.
    fn dial(&self, dial: HookDial);
}

/// The answer to `WebhookWrite::Next`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextDelivery {
    Send(Box<HookDelivery>),
    /// Nothing is due. The service has forgotten the connection.
    Quit,
}

/// One request to an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookDelivery {
    pub content: HookContent,
    /// The keys that sign it, the newest first: two for a day after a rotation.
    pub keys: Vec<Secret>,
    /// What is shown of the event.
    pub access: Access,
    /// The message object goes with it.
    pub is_full: bool,
}

/// What is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HookContent {
    /// An event, and the kind by which it was let through.
    Event(EventKind, Arc<Event>),
    /// A test of a webhook: its number among the tests.
    Test(WebhookId, u64),
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookReport {
    pub answer: HookAnswer,
    pub duration_ms: u64,
    /// Nothing of an answer has come, on a connection that had served before: the endpoint has
    /// closed it, and the request is made again at once.
    pub is_stale: bool,
}

/// A test that has been answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HookTest {
    pub answer: HookAnswer,
    pub duration_ms: u64,
}

/// The error of a name that leads to an address that is not allowed.
pub const ADDRESS_NOT_ALLOWED: &str = "address_not_allowed";

/// Octets that are kept of the body of an answer.
pub const HOOK_RESPONSE_BYTES_MAX: usize = 512;

/// Attempts that a row keeps.
pub const HOOK_ATTEMPTS_KEPT: usize = 20;

/// Milliseconds without one success after which an endpoint is disabled: 120 hours.
pub const FAILING_MS: i64 = 120 * 3_600_000;

/// Milliseconds for which an old secret signs beside the new one.
pub const OLD_SECRET_MS: i64 = 24 * 3_600_000;

/// Milliseconds of an exchange in all, from the dial on.
pub const HOOK_LIMIT_MS: u64 = 15_000;
