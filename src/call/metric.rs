//! Counters for `/metrics`: a closed set of names, so that no peer can make a new label.
//!
//! They are relaxed atomics behind one `Arc`. Engines share only these counters, and no decision
//! depends on them.

use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $name:ident = $kind:literal $text:literal;)*) => {
        /// One counter or gauge.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Metric { $($(#[doc = $doc])* $name,)* }

        /// Prometheus name, type and help of every metric, in the order of [`Metric`].
        pub const METRICS: &[(&str, &str, &str)] = &[$(($text, $kind, concat!($($doc),*)),)*];
    };
}

metrics! {
    /// Connections accepted.
    Connections = "counter" "postern_connections_total";
    /// Connections open now.
    ConnectionsOpen = "gauge" "postern_connections_open";
    /// Connections refused at accept because their address has too many.
    RefusedPerAddress = "counter" "postern_connections_refused_per_address_total";
    /// Connections refused at accept because the server has too many.
    RefusedGlobal = "counter" "postern_connections_refused_global_total";
    /// Connections refused at accept because their address opens too many a minute.
    RefusedRate = "counter" "postern_connections_refused_rate_total";
    /// Connections refused at accept because memory is nearly full.
    RefusedForMemory = "counter" "postern_connections_refused_memory_total";
    /// Anonymous resident memory of the process, octets.
    Memory = "gauge" "postern_memory_bytes";
    /// Connections without a login closed to make room for others.
    Evicted = "counter" "postern_connections_evicted_total";
    /// accept() failures for want of descriptors or memory.
    AcceptErrors = "counter" "postern_accept_errors_total";
    /// Outgoing connections begun.
    Dials = "counter" "postern_dials_total";
    /// Outgoing connections open now.
    DialsOpen = "gauge" "postern_dials_open";
    /// Outgoing connections that could not be made.
    DialsFailed = "counter" "postern_dials_failed_total";
    /// TLS handshakes completed.
    Handshakes = "counter" "postern_tls_handshakes_total";
    /// TLS handshakes failed or timed out.
    HandshakesFailed = "counter" "postern_tls_handshakes_failed_total";
    /// Certificates that could not be reloaded; the old ones are still served.
    CertificatesFailed = "counter" "postern_certificate_reloads_failed_total";
    /// The time at which the served certificate expires, in seconds since 1970.
    CertificateEnds = "gauge" "postern_certificate_ends_seconds";
    /// Turns of one connection on a worker that took more than 5 ms.
    LongTurns = "counter" "postern_long_turns_total";
    /// The longest of them so far, microseconds.
    LongestTurn = "gauge" "postern_longest_turn_microseconds";
    /// Connections closed after a panic in an engine (should be 0).
    Panics = "counter" "postern_panics_total";
    /// Connections closed because the peer did not read.
    Stalled = "counter" "postern_stalled_total";
    /// Connections closed because the peer was silent for too long.
    TimedOut = "counter" "postern_timed_out_total";
    /// Secrets that do not open with the key of the data folder: they have to be given again.
    SecretsLost = "gauge" "postern_secrets_lost";
    /// Logins that succeeded.
    Logins = "counter" "postern_logins_total";
    /// Logins that failed.
    LoginsFailed = "counter" "postern_logins_failed_total";
    /// Logins refused because of earlier failures.
    LoginsLimited = "counter" "postern_logins_limited_total";
    /// Messages received over SMTP or REST and committed.
    Messages = "counter" "postern_messages_total";
    /// Entries appended over IMAP.
    Appends = "counter" "postern_appends_total";
    /// Messages that have ended by themselves: their time was over, or their inbox keeps no older
    /// ones.
    MessagesExpired = "counter" "postern_messages_expired_total";
    /// Inboxes that have ended by themselves.
    InboxesExpired = "counter" "postern_inboxes_expired_total";
    /// Messages rejected: too large.
    RejectedSize = "counter" "postern_rejected_size_total";
    /// Messages rejected: bare CR, LF or NUL.
    RejectedOctets = "counter" "postern_rejected_octets_total";
    /// Messages kept whose header or structure was read only up to a bound.
    MessagesTruncated = "counter" "postern_messages_truncated_total";
    /// Messages rejected: too many hops. Requests rejected: too many webhooks before them.
    RejectedLoop = "counter" "postern_rejected_loop_total";
    /// Messages rejected: DMARC fails and the policy of the domain is `reject`.
    RejectedDmarc = "counter" "postern_rejected_dmarc_total";
    /// Messages put into Junk: DMARC fails and the policy of the domain is `quarantine`.
    QuarantinedDmarc = "counter" "postern_quarantined_dmarc_total";
    /// Recipients refused: relaying.
    RejectedRelay = "counter" "postern_rejected_relay_total";
    /// Recipients refused: unknown.
    RejectedUnknown = "counter" "postern_rejected_unknown_total";
    /// Commands or messages refused: over quota or budget.
    RejectedQuota = "counter" "postern_rejected_quota_total";
    /// Refused for want of memory in a budget or in the sender's share of it.
    RejectedMemory = "counter" "postern_rejected_memory_total";
    /// Arriving messages whose memory went to others because they came slowest.
    ArrivalsRevoked = "counter" "postern_arrivals_revoked_total";
    /// Refused for want of disk space.
    RejectedDisk = "counter" "postern_rejected_disk_total";
    /// Messages or recipients refused by the sender's policy.
    RejectedPolicy = "counter" "postern_rejected_policy_total";
    /// Requests refused by a rate limit.
    RateLimited = "counter" "postern_rate_limited_total";
    /// Messages put into Junk because the inbox does not know their sender.
    Screened = "counter" "postern_screened_total";
    /// Answers that rules have sent.
    AutoReplies = "counter" "postern_auto_replies_total";
    /// Rules that have matched a message, or failed for it.
    RulesMatched = "counter" "postern_rules_matched_total";
    /// Rules that have failed for a message, wholly or in part.
    RulesFailed = "counter" "postern_rules_failed_total";
    /// Entries of received mail that the filter has judged clean.
    JudgedClean = "counter" "postern_judged_clean_total";
    /// Entries of received mail that the filter has judged suspicious.
    JudgedSuspicious = "counter" "postern_judged_suspicious_total";
    /// Entries of received mail that the filter has judged spam.
    JudgedSpam = "counter" "postern_judged_spam_total";
    /// Messages refused because the filter of every recipient takes them for spam.
    RejectedSpam = "counter" "postern_rejected_spam_total";
    /// Messages that went on without a report because the filter failed (should be 0).
    FilterFailed = "counter" "postern_filter_failed_total";
    /// Messages that were taken for spam or for wanted, and that the filter has not learned: their
    /// sender or the organization has taught enough for a day, or they could not be read.
    LessonsPassed = "counter" "postern_lessons_passed_total";
    /// First tries of unknown senders that were put off.
    Greylisted = "counter" "postern_greylisted_total";
    /// Lines, literals or requests over a protocol's bound.
    TooLong = "counter" "postern_too_long_total";
    /// Syntax errors of peers.
    SyntaxErrors = "counter" "postern_syntax_errors_total";
    /// Connections closed after too many errors.
    TooManyErrors = "counter" "postern_too_many_errors_total";
    /// Sessions refused because the inbox or key has too many.
    SessionsLimited = "counter" "postern_sessions_limited_total";
    /// Claims of readers of consumer groups that a bound of the group has held back.
    GroupsHeldBack = "counter" "postern_groups_held_back_total";
    /// IMAP commands.
    ImapCommands = "counter" "postern_imap_commands_total";
    /// SMTP commands.
    SmtpCommands = "counter" "postern_smtp_commands_total";
    /// HTTP requests.
    HttpRequests = "counter" "postern_http_requests_total";
    /// Event streams, and requests that wait for a message, that connections hold now.
    Streams = "gauge" "postern_streams_open";
    /// Subscriptions of them that the service holds now; the same number, but for those that begin
    /// or end.
    Subscriptions = "gauge" "postern_subscriptions_open";
    /// Events written to the log.
    Events = "counter" "postern_events_total";
    /// Transactions committed.
    Commits = "counter" "postern_commits_total";
    /// Calls in those transactions.
    CommittedCalls = "counter" "postern_committed_calls_total";
    /// Transactions that failed.
    CommitsFailed = "counter" "postern_commits_failed_total";
    /// Answers refused, and messages left out of one, because what is stored is damaged.
    Damaged = "counter" "postern_damaged_total";
    /// Searches ended by their deadline.
    SearchesCut = "counter" "postern_searches_cut_total";
    /// Calls waiting for the writer.
    WriterQueue = "gauge" "postern_writer_queue";
    /// Calls waiting for a reader.
    ReaderQueue = "gauge" "postern_reader_queue";
    /// Times that a reader stopped inside a task because it was the turn of another.
    ReadsInterrupted = "counter" "postern_reads_interrupted_total";
    /// Times that a reader worked for more than 5 ms without looking whose turn it is.
    LongSlices = "counter" "postern_long_slices_total";
    /// The longest of them so far, microseconds.
    LongestSlice = "gauge" "postern_longest_slice_microseconds";
    /// Groups of the writer that took more than 50 ms, with their commit.
    LongGroups = "counter" "postern_long_groups_total";
    /// The longest of them so far, microseconds.
    LongestGroup = "gauge" "postern_longest_group_microseconds";
    /// Transactions begun with other servers.
    OutboundTransactions = "counter" "postern_outbound_transactions_total";
    /// Replies of other servers that were none: wrong form, too long, out of turn.
    OutboundBadReplies = "counter" "postern_outbound_bad_replies_total";
    /// Connections to other servers that were given up because a reply did not come in time.
    OutboundTimedOut = "counter" "postern_outbound_timed_out_total";
    /// Questions to the DNS that parts of the server asked.
    DnsQuestions = "counter" "postern_dns_questions_total";
    /// Questions that the cache answered.
    DnsCached = "counter" "postern_dns_cached_total";
    /// Queries sent to name servers.
    DnsQueries = "counter" "postern_dns_queries_total";
    /// Queries of these that went over TCP.
    DnsTcp = "counter" "postern_dns_tcp_queries_total";
    /// Queries that no answer came to in time.
    DnsTimeouts = "counter" "postern_dns_timeouts_total";
    /// Questions that ended in a temporary failure.
    DnsFailed = "counter" "postern_dns_failed_total";
    /// Packets that match no query.
    DnsDropped = "counter" "postern_dns_dropped_total";
    /// Questions refused because too many wait.
    DnsRefused = "counter" "postern_dns_refused_total";
    /// Answers with more records or CNAMEs than are used.
    DnsCut = "counter" "postern_dns_cut_total";
    /// Recipients queued for outbound delivery.
    OutboundQueued = "counter" "postern_outbound_queued_total";
    /// Scheduled messages that have left.
    ScheduledSent = "counter" "postern_scheduled_sent_total";
    /// Recipients whose server has taken the message.
    OutboundDelivered = "counter" "postern_outbound_delivered_total";
    /// Attempts that are to be repeated.
    OutboundDeferred = "counter" "postern_outbound_deferred_total";
    /// Recipients that were given up.
    OutboundBounced = "counter" "postern_outbound_bounced_total";
    /// Recipients that were given up because their time was over.
    OutboundExpired = "counter" "postern_outbound_expired_total";
    /// Connections to other servers that are made or open.
    OutboundConnections = "gauge" "postern_outbound_connections";
    /// Domains and smarthosts that mail goes to now, or that rest.
    OutboundRoutes = "gauge" "postern_outbound_routes";
    /// Times that mail waited because all connections to other servers were in use.
    OutboundLimited = "counter" "postern_outbound_limited_total";
    /// Requests to webhooks that have ended.
    WebhookAttempts = "counter" "postern_webhook_attempts_total";
    /// Those of them without a 2xx answer.
    WebhookAttemptsFailed = "counter" "postern_webhook_attempts_failed_total";
    /// Webhooks that are enabled.
    WebhooksEnabled = "gauge" "postern_webhooks_enabled";
    /// Enabled webhooks that have failed since their last success.
    WebhooksFailing = "gauge" "postern_webhooks_failing";
    /// Enabled webhooks that wait until an event is sent to them again.
    WebhooksWaiting = "gauge" "postern_webhooks_waiting";
    /// Webhooks that were disabled because they failed for too long or are gone.
    WebhooksDisabled = "gauge" "postern_webhooks_disabled";
    /// Connections to the servers of accounts elsewhere that are made or open.
    UpstreamConnections = "gauge" "postern_upstream_connections";
    /// Times that an account elsewhere found no place for its connection.
    UpstreamLimited = "counter" "postern_upstream_limited_total";
}

/// All counters of one server.
#[derive(Debug)]
pub struct Metrics([AtomicU64; METRICS.len()]);

impl Default for Metrics {
    fn default() -> Self {
        Metrics(core::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Metrics {
    /// Counts one.
    pub fn count(&self, metric: Metric) {
        self.add(metric, 1);
    }

    /// Counts `n`.
    pub fn add(&self, metric: Metric, n: u64) {
        self.0[metric as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// Lowers a gauge.
    pub fn sub(&self, metric: Metric, n: u64) {
        self.0[metric as usize].fetch_sub(n, Ordering::Relaxed);
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, n: u64) {
        self.0[metric as usize].store(n, Ordering::Relaxed);
    }

    /// Raises a gauge to `n` if it is lower.
    pub fn raise(&self, metric: Metric, n: u64) {
        self.0[metric as usize].fetch_max(n, Ordering::Relaxed);
    }

    /// Reads one.
    pub fn value(&self, metric: Metric) -> u64 {
        self.0[metric as usize].load(Ordering::Relaxed)
    }

    /// Every metric with its value: name, type, help, value.
    pub fn all(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str, &'static str, u64)> + '_ {
        METRICS
            .iter()
            .zip(&self.0)
            .map(|(&(name, kind, help), v)| (name, kind, help, v.load(Ordering::Relaxed)))
    }
}
