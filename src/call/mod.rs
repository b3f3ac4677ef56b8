//! The shared vocabulary: calls and replies, ids, events, limits, time. Plain data; it uses nothing
//! else of this crate.
//!
//! A protocol and the service meet only here. A [`Call`] that writes is answered by
//! [`Reply::Written`], which holds a [`Receipt`]. So an engine can say `250`, `OK` or `201` only
//! with a receipt, and only a commit makes one.

mod access;
mod account;
mod approval;
mod arrival_pace;
mod audit;
mod authentication;
mod batch;
pub mod bounds;
mod budget;
mod caller;
mod dns;
mod draft;
mod event;
mod event_group;
mod filter_rule;
mod gather;
mod host_name;
mod idempotency;
mod ids;
mod import;
mod inbound;
mod intake;
mod known_spam;
mod limits;
mod listeners;
mod look;
mod matches;
mod message;
mod metric;
mod need;
mod network;
mod noun;
mod outbound;
mod outbound_settings;
mod outgoing;
mod public_address;
mod rates;
mod read;
mod recent_marks;
mod refusal;
mod remote_url;
mod reply;
mod request;
mod request_id;
mod rule;
mod server_label;
mod share;
mod shared;
mod signature;
mod spam;
mod thread;
mod uid_queue;
mod uid_set;
mod upload;
mod upstream;
mod upstream_push;
mod upstream_sync;
mod upstream_token;
mod upstream_wakes;
mod walk;
mod webhook;
mod webhook_call;
mod write;

use std::sync::Arc;

pub use access::{Access, Grant, MadeTicket, Scopes, Secret};
pub use account::*;
pub use approval::{
    ApprovalChange, ApprovalContent, ApprovalEdit, ApprovalRow, ApprovalStatus, ApprovedMail,
};
pub use arrival_pace::ArrivalPace;
pub use audit::{AuditAction, AuditFilter, AuditRead, AuditRow, AuditTarget};
pub use authentication::{AuthResult, Authentication};
pub use batch::{BatchProgress, BatchRow, Deletion, MessageBatch};
pub use budget::{Budget, Charge, Holders, LONG_ANSWER_BYTES, LOOK_MS, MemoryShortage};
pub use caller::Caller;
pub use dns::{
    DNS_LABEL_MAX, DNS_NAME_MAX, DnsAnswer, DnsError, Mx, NoResolver, Question, RecordType,
    Records, Resolve, Srv,
};
pub use draft::{
    AnswerWay, AnsweredMessage, Draft, DraftAct, DraftAddress, DraftAttachment, DraftPatch,
    DraftPurpose, StoredAttachment,
};
pub use event::{
    Arrived, BULK_DETAIL_BYTES_MAX, BULK_MESSAGES_MAX, Bulk, Change, DisabledReason,
    DisabledWebhook, Event, EventFilter, EventKind, EventReach, EventSight, ExpiryReason,
    FailureClass, InboxPath, InboxSet, KindSet, MessageDetail, OutboundNews, PriorityLevel,
    SessionEnd, Topic, Verdict, is_from, sender_filter,
};
pub use event_group::{
    ClaimedEvents, EVENT_GROUP_NAME_BYTES, EventGroupId, EventGroupView, GROUP_DELIVERIES_MAX,
    GROUP_LEASE_S, GROUP_LEASE_S_MAX, GROUP_PREFETCH_MAX, GroupClaim, GroupReset, GroupStart,
    GroupTerms, LeasedEvent, PoisonedEvent, is_group_name,
};
pub use filter_rule::{
    FilterAction, FilterDirection, FilterRuleRow, MatchType, NewFilterRule, SuppressionReason,
    SuppressionRow, candidates,
};
pub use gather::{GatheredKeys, ListKey};
pub use idempotency::{Idempotency, Render, RepeatKey};
pub use ids::{
    ApprovalId, AuditId, BodyId, ConnId, DeliveryId, DomainId, EntryId, EventId, FilterRuleId,
    InboxId, KeyId, MailboxId, OrgId, OutboundId, RuleId, SuppressionId, ThreadId, UploadId,
    WebhookId, attachment_id, parse_attachment_id,
};
pub use import::{ImportId, ImportItem, ImportOutcome};
pub use inbound::{DmarcMode, FilterSwitch, InboundPolicy, ReceiveDefault};
pub use intake::{Intake, Route};
pub use known_spam::*;
pub use limits::Limits;
pub use listeners::{Listeners, Listening};
pub use look::Look;
pub use matches::Matches;
pub use message::*;
pub use metric::{METRICS, Metric, Metrics};
pub use need::{Need, require};
pub use network::{Network, OperatorFrom};
pub use noun::{Bounded, ConflictReason, Countable, FromFault, Noun};
pub use outbound::*;
pub use outbound_settings::*;
pub use outgoing::{
    Decision, PolicyReason, PolicyRefusal, RefusedRecipient, SendMode, SendStatus, SendTrial,
    TrialRecipient, TrialVerdict,
};
pub use public_address::is_public;
pub use rates::{LIFTED, NETWORKS_MAX, Payer, Rates, RequestRates, clear_if_full};
pub use read::{
    ApprovalRead, DomainRead, EntryRead, EventGroupRead, EventRead, FilterRuleRead, InboxRead,
    KeyRead, KnownSpamRead, MailboxRead, MessageRead, OrgRead, OutboundRead, PIECE_MAX, Read,
    RuleRead, SuppressionRead, UploadRead,
};
pub use recent_marks::RecentMarks;
pub use refusal::{Allowance, Rate, Refusal};
pub use remote_url::*;
pub use reply::{Answer, Receipt, Reply, Written};
pub use request::{Ask, Call, Request};
pub use request_id::{RequestId, spread};
pub use rule::*;
pub use server_label::{HELD_LABEL, SCHEDULED_LABEL, check_label, is_server_label};
pub use share::{Share, ShareOwner, SharePart};
pub use shared::{PublicEndpoints, RaisedGauge, Shared};
pub use signature::{
    ATTACHMENT_GRAM, CODE_GRAM, DatedBlock, FIRST_FACT_GRAM, GramQuery, ReceivedBody, Signature,
    SignatureWalk, SignedFacts, UnsignedBody,
};
pub use spam::{
    Forgetting, INJECTION_SPANS_MAX, InjectionPlace, InjectionReport, InjectionSpan, RULE_HITS_MAX,
    RULE_ID_BYTES_MAX, RuleHit, SCORE_MAX, SPAM_DEFAULT, SUSPICIOUS_DEFAULT, Score,
    ShownSpamSettings, SpamPolicy, SpamReport, SpamSettings, WEIGHTS_MAX, WHY_BYTES_MAX,
};
pub use thread::{
    THREAD_LABELS_MAX, THREAD_MESSAGES_MAX, THREAD_PARTICIPANTS_MAX, ThreadProgress, ThreadView,
};
pub use uid_queue::UidQueue;
pub use uid_set::UidSet;
pub use upload::{NewUpload, UploadRow};
pub use upstream::{
    NewUpstreamOAuth, NewUpstreamSmtp, UpstreamOAuthRow, UpstreamPatch, UpstreamRow,
    UpstreamSettings, UpstreamSmtpRow, UpstreamState,
};
pub use upstream_push::*;
pub use upstream_sync::*;
pub use upstream_token::{TOKEN_BYTES_MAX, TokenDial, TokenDialer, TokenGrant, TokenOutcome};
pub use upstream_wakes::UpstreamWakes;
pub use walk::{BulkProgress, MailboxWalk, RecentCount, WalkStart};
pub use webhook::*;
pub use webhook_call::*;
pub use write::{
    ApprovalWrite, DomainWrite, EntryWrite, EventGroupWrite, FilterRuleWrite, InboxWrite, KeyWrite,
    KnownSpamWrite, MailboxWrite, MessageWrite, OrgWrite, OutboundWrite, RuleWrite,
    SuppressionWrite, UploadWrite, UpstreamWrite, Write,
};

/// The time. The owner of a clock reads it once a turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Now {
    /// Monotonic milliseconds: timers and durations.
    pub mono_ms: u64,
    /// Unix milliseconds: header fields and rows.
    pub unix_ms: i64,
}

impl Now {
    /// `ms` later, on both clocks.
    pub fn plus_ms(self, ms: u64) -> Now {
        Now {
            mono_ms: self.mono_ms.saturating_add(ms),
            unix_ms: self
                .unix_ms
                .saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)),
        }
    }
}

/// The listener by which a connection came in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Listener {
    /// Port 25: inbound mail, STARTTLS offered, no AUTH.
    Mx,
    /// Port 587: submission, STARTTLS required before AUTH.
    Submission,
    /// Port 465: submission, implicit TLS.
    Submissions,
    /// Port 143: IMAP with STARTTLS.
    Imap,
    /// Port 993: IMAP, implicit TLS.
    Imaps,
    /// Plain HTTP, on a loopback address only.
    Http,
    /// HTTPS.
    Https,
}

impl Listener {
    /// Its name in the `listen` table of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Listener::Mx => "mx",
            Listener::Submission => "submission",
            Listener::Submissions => "submissions",
            Listener::Imap => "imap",
            Listener::Imaps => "imaps",
            Listener::Http => "http",
            Listener::Https => "https",
        }
    }

    /// Whether TLS comes before the first octet of the protocol.
    pub const fn implicit_tls(self) -> bool {
        matches!(
            self,
            Listener::Submissions | Listener::Imaps | Listener::Https
        )
    }
}

/// The data that an engine gets when its connection begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its id.
    pub conn: ConnId,
    /// The peer's address.
    pub peer: core::net::SocketAddr,
    /// The listener.
    pub listener: Listener,
    /// Randomness for this session (boundaries, `retry:`), so that a test can repeat it.
    pub seed: u64,
    /// What all connections share.
    pub shared: Arc<Shared>,
}
