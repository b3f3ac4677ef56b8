//! Accounts as plain data: inboxes, keys, domains, organizations, the queue to outside, and
//! what clients ask to be made or changed. JSON shapes are made from these in `http/json.rs`.

use super::{DomainId, EntryId, InboxId, InboxRef, KeyId, OrgId, OutboundId, Scopes};

/// A change of a message over REST.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessagePatch {
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to take away.
    pub remove_labels: Vec<String>,
    /// `\Seen`.
    pub seen: Option<bool>,
    /// `\Flagged`.
    pub flagged: Option<bool>,
    /// The mailbox to move it to.
    pub folder: Option<String>,
}

/// An inbox to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewInbox {
    /// Local part (own domain) or its beginning (shared domain).
    pub username: Option<String>,
    /// An own domain; `None` is the shared one.
    pub domain: Option<String>,
    /// Shown as the sender's name.
    pub display_name: Option<String>,
    /// Makes it a sub-agent.
    pub parent: Option<InboxRef>,
    /// The same id gets the same inbox.
    pub client_id: Option<String>,
    /// The client's own, a JSON object as text, up to 4 KiB.
    pub metadata: Option<String>,
}

/// A change of an inbox; the outer `Option` is "given", the inner one "not null".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InboxPatch {
    /// Shown as the sender's name.
    pub display_name: Option<Option<String>>,
    /// Another place in the tree.
    pub parent: Option<Option<InboxRef>>,
    /// JSON object as text.
    pub metadata: Option<Option<String>>,
}

/// An inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboxRow {
    /// Its id.
    pub id: InboxId,
    /// Its address.
    pub address: String,
    /// Shown as the sender's name.
    pub display_name: Option<String>,
    /// The inbox above.
    pub parent: Option<InboxId>,
    /// The client's own id for it.
    pub client_id: Option<String>,
    /// JSON object as text.
    pub metadata: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Octets stored.
    pub bytes: u64,
    /// Messages stored.
    pub messages: u64,
}

/// A key to be made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewKey {
    /// For people.
    pub label: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// Binds it to these.
    pub inboxes: Option<Vec<InboxRef>>,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
}

/// A key, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// The public part of its text, `ap_sk_…` up to the secret.
    pub public: String,
    /// For people.
    pub label: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
    /// What it is bound to.
    pub inboxes: Option<Vec<InboxId>>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds; a revoked key is kept for the record.
    pub revoked_at: Option<i64>,
}

/// A domain named as clients do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainRef {
    /// `dom_…`
    Id(DomainId),
    /// Its name, any case.
    Name(String),
}

/// A domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainRow {
    /// Its id.
    pub id: DomainId,
    /// Punycode, lower case.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// An organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrgRow {
    /// Its id.
    pub id: OrgId,
    /// For people.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// Counters of an organization.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsageRow {
    /// Its name.
    pub org_name: String,
    /// Inboxes.
    pub inboxes: u64,
    /// Messages stored.
    pub messages: u64,
    /// Octets stored.
    pub bytes: u64,
    /// Recipients queued for outside; `None` for a key that may not see all of them.
    pub outbound: Option<u64>,
    /// Messages sent in the current UTC day; `None` likewise.
    pub sent_today: Option<u64>,
    /// The log's head.
    pub head: u64,
}

/// One recipient outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundRow {
    /// Its id.
    pub id: OutboundId,
    /// The sending inbox.
    pub inbox: InboxId,
    /// The copy in Sent.
    pub message: Option<EntryId>,
    /// Forward-path.
    pub recipient: String,
    /// `queued` until delivery exists.
    pub status: &'static str,
    /// Tries so far.
    pub attempts: u32,
    /// When the next try is due, unix milliseconds.
    pub due_at: i64,
    /// Unix milliseconds.
    pub created_at: i64,
}
