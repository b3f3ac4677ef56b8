//! Accounts as plain data: inboxes, keys, domains, organizations, and the requests to create or
//! change them. `http/api` makes JSON from these.

use super::{
    DomainId, Flags, InboxId, InboxRef, KeyId, OrgId, ReceiveDefault, RecordType, Refusal, Scopes,
    Secret, SendMode, UpstreamPatch, UpstreamRow,
};

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
    /// When it ends, unix milliseconds; `Some(None)`: it does not end by itself.
    pub expires_at: Option<Option<i64>>,
}

impl MessagePatch {
    /// The system flags that it sets, or those that it takes away.
    pub fn flags(&self, wanted: bool) -> Flags {
        [(self.seen, Flags::SEEN), (self.flagged, Flags::FLAGGED)]
            .into_iter()
            .filter(|(given, _)| *given == Some(wanted))
            .fold(Flags::NONE, |all, (_, flag)| all.with(flag))
    }
}

/// An inbox to create.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewInbox {
    /// Local part (own domain) or its beginning (shared domain).
    pub username: Option<String>,
    /// An own domain; `None` is the shared one.
    pub domain: Option<String>,
    /// Shown as the sender's name.
    pub display_name: Option<String>,
    /// The parent; makes the inbox a sub-agent.
    pub parent: Option<InboxRef>,
    /// The client's own id. A second request with the same id gets the same inbox.
    pub client_id: Option<String>,
    /// The client's own data: a JSON object as text, up to 4 KiB.
    pub metadata: Option<String>,
    /// What happens to mail that it sends; `None` is what its parent has, or direct.
    pub send_mode: Option<SendMode>,
    /// What happens to mail of senders that it does not know; `None` is [`ReceiveDefault::Allow`].
    pub receive_default: Option<ReceiveDefault>,
    /// When it ends with everything in it, unix milliseconds.
    pub expires_at: Option<i64>,
    /// How it differs from other inboxes; what is not given is that of its parent.
    pub bounds: InboxBoundsPatch,
    /// The account elsewhere that it is.
    pub upstream: Option<Box<UpstreamPatch>>,
}

/// A change of an inbox. The outer `Option` is "given", the inner one "not null".
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InboxPatch {
    /// Shown as the sender's name.
    pub display_name: Option<Option<String>>,
    /// Another parent.
    pub parent: Option<Option<InboxRef>>,
    /// JSON object as text.
    pub metadata: Option<Option<String>>,
    /// What happens to mail that it sends.
    pub send_mode: Option<SendMode>,
    /// What happens to mail of senders that it does not know.
    pub receive_default: Option<ReceiveDefault>,
    /// When it ends with everything in it, unix milliseconds.
    pub expires_at: Option<Option<i64>>,
    /// How long it keeps mail, and its limits.
    pub bounds: InboxBoundsPatch,
    /// Its account elsewhere.
    pub upstream: Option<Box<UpstreamPatch>>,
}

/// A change of what an inbox keeps and may do. The outer `Option` is "given", the inner one "not
/// null".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxBoundsPatch {
    /// Days for which it keeps a message.
    pub retention_days: Option<Option<u32>>,
    /// Octets that it may store.
    pub quota_bytes: Option<Option<u64>>,
    /// `limits` is null: it has none of its own any more.
    pub clears_limits: bool,
    /// Messages that it may send in a day.
    pub sends_per_day: Option<Option<u32>>,
    /// Addresses outside that it may write to in a day for the first time in a while.
    pub new_recipients_per_day: Option<Option<u32>>,
    /// Messages that it may receive in a minute.
    pub receives_per_minute: Option<Option<u32>>,
    /// IMAP sessions that it may have.
    pub imap_sessions: Option<Option<u32>>,
}

/// The limits that one inbox has of its own, each stricter than that of every inbox; `None` is
/// that one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxLimits {
    /// Messages that it may send in a day.
    pub sends_per_day: Option<u32>,
    /// Addresses outside that it may write to in a day for the first time in a while.
    pub new_recipients_per_day: Option<u32>,
    /// Messages that it may receive in a minute.
    pub receives_per_minute: Option<u32>,
    /// IMAP sessions that it may have.
    pub imap_sessions: Option<u32>,
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
    /// What happens to mail that it sends. The mode of the organization may be stricter.
    pub send_mode: SendMode,
    /// What happens to mail of senders that it does not know.
    pub receive_default: ReceiveDefault,
    /// When it ends with everything in it, unix milliseconds.
    pub expires_at: Option<i64>,
    /// Days for which it keeps a message; that of its organization may be less.
    pub retention_days: Option<u32>,
    /// Octets that it may store, where that is less than any inbox may.
    pub quota_bytes: Option<u64>,
    /// Limits of its own.
    pub limits: InboxLimits,
    /// Its account elsewhere. The store does not fill it in.
    pub upstream: Option<Box<UpstreamRow>>,
}

/// A key to create.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewKey {
    /// A name for people.
    pub label: Option<String>,
    /// Its scopes.
    pub scopes: Scopes,
    /// The inboxes that it is bound to; `None` binds it to those of the key that makes it.
    pub inboxes: Option<Vec<InboxRef>>,
    /// Whether it also covers the inboxes under those, present and future; `None` is what the key
    /// that makes it does for `inboxes: None`, and otherwise no.
    pub subtree: Option<bool>,
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
    /// A name for people.
    pub label: Option<String>,
    /// Its scopes.
    pub scopes: Scopes,
    /// The inboxes that it is bound to; `None` is all.
    pub inboxes: Option<Vec<InboxId>>,
    /// Whether it also covers the inboxes under those.
    pub subtree: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub expires_at: Option<i64>,
    /// Unix milliseconds. The row of a revoked key is kept.
    pub revoked_at: Option<i64>,
}

/// A domain as clients name it.
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
    /// The value of its ownership record behind `postern-verify=`.
    pub token: String,
    /// When it was proven, in unix milliseconds; `None` while it waits for a proof.
    pub verified_at: Option<i64>,
    /// The inbox that gets mail for names at it that no inbox has.
    pub catch_all: Option<InboxId>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// A domain with the records that its owner publishes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainView {
    /// The domain.
    pub row: DomainRow,
    /// It is the shared domain, which only the operator sees.
    pub is_shared: bool,
    /// The records.
    pub records: Vec<DomainRecord>,
    /// When the DNS was last asked for them, in unix milliseconds.
    pub checked_at: Option<i64>,
}

/// A record that the owner of a domain publishes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainRecord {
    /// What it is for.
    pub purpose: RecordPurpose,
    /// Its type.
    pub kind: RecordType,
    /// Its name, absolute, without a final dot.
    pub name: String,
    /// What it says; TXT as one string.
    pub value: String,
    /// Whether the domain does not work without it.
    pub required: bool,
    /// What the DNS has, as of the last check.
    pub status: RecordStatus,
    /// What was seen at its name; `None` before a check, and when the DNS gave no answer.
    pub found: Option<Vec<String>>,
    /// What to do, in a sentence; `None` when nothing is to be done.
    pub fix: Option<String>,
}

/// What a record of a domain is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordPurpose {
    /// It proves whose the domain is.
    Ownership,
    /// Mail comes here.
    Mx,
    /// Mail may leave from here.
    Spf,
    /// A key by which signatures are checked.
    Dkim,
    /// What becomes of mail that only says that it is from here.
    Dmarc,
    /// Mail programs find the server.
    Autoconfig,
    /// Other servers insist on TLS.
    MtaSts,
    /// Other servers report on TLS.
    TlsRpt,
}

impl RecordPurpose {
    /// Their names, in the order of the variants.
    pub const NAMES: &'static [&'static str] = &[
        "ownership",
        "mx",
        "spf",
        "dkim",
        "dmarc",
        "autoconfig",
        "mta_sts",
        "tls_rpt",
    ];

    /// Its name for clients.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// What the DNS has in place of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordStatus {
    /// It is there.
    Ok,
    /// Nothing is there.
    Missing,
    /// Something else is there.
    Differs,
    /// It was not asked for, or there was no answer.
    Unknown,
}

impl RecordStatus {
    /// Their names, in the order of the variants.
    pub const NAMES: &'static [&'static str] = &["ok", "missing", "differs", "unknown"];

    /// Its name for clients.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// An organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrgRow {
    /// Its id.
    pub id: OrgId,
    /// A name for people.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// The least strict mode of its inboxes.
    pub send_mode: SendMode,
    /// Since when all sending is stopped, in unix milliseconds; `None`: mail leaves.
    pub paused_at: Option<i64>,
    /// Days for which its inboxes keep a message; `None` is for ever.
    pub retention_days: Option<u32>,
}

/// A change of the policy of an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OrgPatch {
    /// The least strict mode of its inboxes.
    pub send_mode: Option<SendMode>,
    /// Whether all sending is stopped.
    pub paused: Option<bool>,
    /// Days for which its inboxes keep a message; `Some(None)` is for ever.
    pub retention_days: Option<Option<u32>>,
}

/// A domain to create.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewDomain {
    /// Its name, in any case, in Unicode or punycode.
    pub name: String,
    /// The operator says that it belongs to the organization: no proof is waited for.
    pub trusted: bool,
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
    /// Octets of the messages.
    pub bytes: u64,
    /// The same with what all rows cost on disk, as the quota counts it; `None` for a key that may
    /// not see all of them.
    pub stored_bytes: Option<u64>,
    /// Recipients queued for outside; `None` for a key that may not see all of them.
    pub outbound: Option<u64>,
    /// Messages sent in the current UTC day; `None` likewise.
    pub sent_today: Option<u64>,
    /// What is left of budgets.
    pub left: BudgetsLeft,
    /// The log's head.
    pub head: u64,
    /// The addresses of the inboxes that the key is bound to; `None` for a key that is not bound.
    pub addresses: Option<Vec<String>>,
}

/// What is left of the budgets of the current UTC day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BudgetsLeft {
    /// Messages of the organization; `None` for a key that may not see all of them.
    pub org_sends: Option<u64>,
    /// Messages of the key; `None` where it may send as much as its organization.
    pub key_sends: Option<u64>,
    /// Messages of one inbox; `None` where none is asked about.
    pub inbox_sends: Option<u64>,
    /// New addresses outside of that inbox.
    pub inbox_new_recipients: Option<u64>,
    /// When the budgets begin anew, unix milliseconds.
    pub renews_at: i64,
}

/// The position of a list that takes more than one slice, because its key sees a part of the rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlicedList<T> {
    /// The rows of the page so far.
    pub rows: Vec<T>,
    /// The last row that was looked at, by its id.
    pub after: i64,
    /// Rows of the page.
    pub limit: usize,
    /// How much was looked at.
    pub looked: u64,
}

/// The position of an export of credentials that takes more than one slice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CredentialsProgress {
    /// The last inbox that was looked at, by its id.
    pub after: i64,
    /// The inboxes that need a key, the next one last.
    pub found: Vec<InboxRow>,
    /// All of them are found.
    pub is_found: bool,
    /// The keys that are made.
    pub made: Vec<(InboxRow, KeyRow, Secret)>,
    /// They are taken back, for this reason.
    pub undo: Option<ExportEnd>,
}

/// Why the keys of an export are taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExportEnd {
    /// It was refused on its way.
    Refused(Refusal),
    /// Another request with its `Idempotency-Key` was carried out meanwhile.
    Repeated,
}

/// What an inbox or an organization has done on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageDay {
    /// The day, UTC, counted from 1970.
    pub day: i64,
    /// Messages that were sent, also those that wait.
    pub sent: u64,
    /// Messages that have come in.
    pub received: u64,
    /// Requests over HTTP; `None` for an inbox.
    pub requests: Option<u64>,
    /// Rows of the log.
    pub events: u64,
    /// Octets that were stored at its end; `None` where it is not known.
    pub stored_bytes: Option<u64>,
}

/// Days, the newest first, and the limits of what is counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageDays {
    /// One row for each day.
    pub rows: Vec<UsageDay>,
    /// The limits.
    pub limits: UsageLimits,
}

/// The limits that hold for what is counted; `None` where there is none of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageLimits {
    /// Messages sent in a day.
    pub sends_per_day: u64,
    /// Octets stored.
    pub stored_bytes: u64,
    /// Requests of all keys in a minute.
    pub requests_per_minute: Option<u64>,
    /// Messages received in a minute.
    pub receives_per_minute: Option<u64>,
    /// New addresses outside in a day.
    pub new_recipients_per_day: Option<u64>,
}
