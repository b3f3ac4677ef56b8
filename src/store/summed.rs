//! The columns that a checksum of a row covers, of the tables whose list is long. `sum.rs` says
//! which tables have checksums and how they are kept.
//!
//! The rule: **a list keeps its order**, because a checksum is over the values in that order.

pub(super) const APPROVAL: &[&str] = &[
    "id",
    "org",
    "inbox",
    "entry",
    "status",
    "envelope",
    "sha256",
    "created_at",
    "expires_at",
    "decided_at",
    "decided_by",
    "reason",
    "send_at",
];
pub(super) const ONCE: &[&str] = &["org", "key", "fingerprint", "answer", "at", "kept_ms"];
pub(super) const METADATA: &[&str] = &["entry", "org", "inbox", "message", "json", "answers"];
pub(super) const SCHEDULED: &[&str] = &[
    "entry", "org", "inbox", "envelope", "sha256", "approved", "send_at", "due_at",
];
pub(super) const UPLOAD: &[&str] = &[
    "id",
    "org",
    "key",
    "body",
    "size",
    "filename",
    "content_type",
    "created_at",
    "expires_at",
];
pub(super) const DKIM: &[&str] = &[
    "domain",
    "selector",
    "secret",
    "record",
    "state",
    "created_at",
    "ends_at",
];
pub(super) const KEY: &[&str] = &[
    "id",
    "org",
    "public",
    "hash",
    "label",
    "scopes",
    "bound",
    "subtree",
    "created_at",
    "expires_at",
    "revoked_at",
];
pub(super) const INBOX: &[&str] = &[
    "id",
    "org",
    "address",
    "domain",
    "display_name",
    "parent",
    "ancestors",
    "client_id",
    "metadata",
    "created_at",
    "send_mode",
    "receive_default",
    "expires_at",
    "retention_days",
    "quota_bytes",
    "sends_per_day",
    "new_recipients_per_day",
    "receives_per_minute",
    "imap_sessions",
];
pub(super) const MAILBOX: &[&str] = &[
    "id",
    "org",
    "inbox",
    "name",
    "special",
    "uidvalidity",
    "recent_above",
    "expunged_floor",
];
pub(super) const JOB: &[&str] = &[
    "id",
    "org",
    "inbox",
    "kind",
    "subject",
    "entry",
    "body",
    "payload",
    "state",
    "attempts",
    "due_at",
    "lease_until",
    "lease_by",
    "created_at",
];
pub(super) const OUTBOUND: &[&str] = &[
    "id",
    "org",
    "inbox",
    "entry",
    "body",
    "domain",
    "recipient",
    "envelope",
    "metadata",
    "content",
    "size",
    "status",
    "attempts",
    "due_at",
    "lease_by",
    "created_at",
    "expires_at",
    "sweep_at",
    "history",
];

pub(super) const FILTER_RULE: &[&str] = &[
    "id",
    "org",
    "inbox",
    "direction",
    "action",
    "match_type",
    "value",
    "created_at",
];
pub(super) const RULE: &[&str] = &[
    "id",
    "org",
    "inbox",
    "priority",
    "enabled",
    "stop",
    "name",
    "spec",
    "pattern_bytes",
    "created_at",
    "updated_at",
];
pub(super) const RULE_HIT: &[&str] = &["rule", "org", "hits", "last_at", "error", "error_at"];
pub(super) const WEBHOOK: &[&str] = &[
    "id",
    "org",
    "url",
    "spec",
    "metadata",
    "enabled",
    "reason",
    "secret",
    "old_secret",
    "old_until",
    "seq",
    "failing_since",
    "created_at",
];
pub(super) const WEBHOOK_DELIVERY: &[&str] = &[
    "webhook", "seq", "org", "kind", "status", "tries", "due_at", "attempts",
];
pub(super) const SUPPRESSION: &[&str] = &["id", "org", "address", "reason", "source", "created_at"];
pub(super) const AUDIT: &[&str] = &[
    "org",
    "id",
    "nth",
    "at",
    "action",
    "key",
    "target_kind",
    "target",
    "request_kind",
    "request",
];
pub(super) const USAGE_DAY: &[&str] = &[
    "inbox",
    "org",
    "day",
    "sent",
    "received",
    "requests",
    "events",
    "stored_bytes",
];
pub(super) const EVENT_GROUP: &[&str] = &["id", "org", "name", "terms", "bound", "seq"];

pub(super) const EVENT_PENDING: &[&str] = &["grp", "seq", "inbox", "kind", "deliveries"];

pub(super) const KNOWN_SPAM_SOURCE: &[&str] =
    &["id", "name", "bodies", "links", "attachments", "at"];
pub(super) const UPSTREAM: &[&str] = &[
    "inbox",
    "org",
    "host",
    "port",
    "tls",
    "user",
    "password",
    "smtp_host",
    "smtp_port",
    "smtp_tls",
    "smtp_user",
    "smtp_password",
    "version",
    "is_stopped",
    "state",
    "error",
    "since",
];
pub(super) const UPSTREAM_OAUTH: &[&str] = &[
    "inbox",
    "org",
    "token_url",
    "client_id",
    "client_secret",
    "refresh_token",
];
pub(super) const UPSTREAM_FOLDER: &[&str] = &[
    "id",
    "inbox",
    "org",
    "name",
    "uidvalidity",
    "last_uid",
    "begun_at",
    "compare_to",
];
pub(super) const UPSTREAM_MESSAGE: &[&str] = &[
    "id",
    "folder",
    "inbox",
    "org",
    "uidvalidity",
    "uid",
    "ident",
];
pub(super) const UPSTREAM_STATE: &[&str] = &[
    "message", "folder", "inbox", "org", "entry", "flags", "keywords", "is_gone",
];
pub(super) const UPSTREAM_COMPARED: &[&str] = &[
    "folder",
    "inbox",
    "org",
    "uidvalidity",
    "modseq",
    "uidnext",
    "messages",
];
pub(super) const UPSTREAM_CHANGE: &[&str] = &["message", "inbox", "org", "tries", "due_at"];
