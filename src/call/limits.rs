//! Every limit that the configuration can change, with its default and its reason.
//!
//! Beside each limit stands the metric that counts its hits, or `pace` for a limit that no peer can
//! hit. The configuration refuses a limit of 0: no limit means "off" or "reject all".

use serde::Deserialize;

use super::metric::Metric;

macro_rules! limits {
    ($($(#[doc = $doc:literal])* $name:ident: $ty:ty = $value:expr => $hit:ident;)*) => {
        /// The limits, with their defaults.
        #[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $doc])* pub $name: $ty,)*
            /// No limit any more: a line of a message may be as long as the message. A
            /// configuration that still names it is read, and the value counts for nothing.
            pub smtp_text_line_bytes: Option<u64>,
        }

        impl Default for Limits {
            fn default() -> Self {
                Limits { $($name: $value,)* smtp_text_line_bytes: None }
            }
        }

        impl Limits {
            /// Name, value and reason of every limit, for the configuration and for the test that
            /// no default is 0.
            pub fn rows(&self) -> Vec<(&'static str, u64, &'static str)> {
                vec![$((stringify!($name), self.$name as u64, concat!($($doc),*)),)*]
            }

            /// The metric that counts the hits of each limit; `None` for a pace.
            pub const HITS: &[(&str, Option<Metric>)] =
                &[$((stringify!($name), hit!($hit)),)*];
        }
    };
}

macro_rules! hit {
    (pace) => {
        None
    };
    ($metric:ident) => {
        Some(Metric::$metric)
    };
}

limits! {
    /// Octets of one message, whole: the size that large providers accept.
    message_bytes: usize = 25 << 20 => RejectedSize;
    /// Octets that all messages on their way in may hold together; over it 452, NO [LIMIT], 503;
    /// at most half of the memory. Long answers over HTTP may hold a quarter as much, apart.
    intake_bytes: usize = 256 << 20 => RejectedMemory;
    /// Mebibytes of memory for the process, lowered to three quarters of what its control group
    /// or the machine has. At 80 % new connections are refused except over plain HTTP, and each
    /// refusal closes old connections without a login; at 95 % those are closed at once.
    memory_mb: usize = 1 << 20 => RefusedForMemory;
    /// Octets stored in one inbox: its mail, and what its rows cost on disk.
    inbox_bytes: u64 = 10 << 30 => RejectedQuota;
    /// Octets stored in one organization: ten full inboxes, or 10 MiB in each of ten thousand.
    org_bytes: u64 = 100 << 30 => RejectedQuota;
    /// Connections to other mail servers at once, also those that are not answered: a great number
    /// of dead domains must not use all of it. Lowered to half the descriptors.
    outbound_connections: usize = 12_000 => OutboundLimited;
    /// Connections to the servers of accounts elsewhere at once, a descriptor each; lowered to a
    /// quarter of them. An account that finds no place waits for its turn.
    upstream_connections: usize = 4_000 => UpstreamLimited;
    /// Connections in all; lowered to the descriptors that the process may open, less 256.
    connections: usize = 16_000 => RefusedGlobal;
    /// Connections of one address (IPv4 /32, IPv6 /64) on port 25.
    mx_connections_per_ip: usize = 20 => RefusedPerAddress;
    /// Connections of one address on each submission port.
    submission_connections_per_ip: usize = 50 => RefusedPerAddress;
    /// Connections of one address on every other listener, each.
    connections_per_ip: usize = 64 => RefusedPerAddress;
    /// New connections of one address in a minute, HTTP apart.
    connects_per_minute: usize = 120 => RefusedRate;
    /// New HTTP connections of one address in a minute: many clients make one for each request.
    http_connects_per_minute: usize = 1200 => RefusedRate;
    /// Seconds for a TLS handshake.
    handshake_s: u64 = 10 => HandshakesFailed;
    /// Handshakes under way on one worker; more wait in the accept queue or are dropped.
    handshakes_per_worker: usize = 256 => HandshakesFailed;
    /// Seconds that a peer may leave our output unread before it is cut off (SSE: 30).
    stall_s: u64 = 120 => Stalled;
    /// Seconds that a stop waits for clients to leave.
    drain_s: u64 = 5 => pace;
    /// Hundredths of `connections` from which the server is under stress: connections without a
    /// login get less time, and the oldest of them are closed when nearly all are taken.
    stress_percent: usize = 80 => pace;
    /// Wrong SMTP commands without a login under stress.
    stress_errors: usize = 1 => TooManyErrors;
    /// SMTP commands without a login and without a message in between, under stress.
    stress_junk: usize = 1 => TooManyErrors;
    /// Seconds to wait for an SMTP command without a login under stress.
    stress_command_s: u64 = 10 => TimedOut;

    /// Octets of an SMTP command line with its CRLF.
    smtp_line_bytes: usize = 2048 => TooLong;
    /// Octets of an AUTH line or response.
    smtp_auth_line_bytes: usize = 12_288 => TooLong;
    /// Recipients of a message on port 25.
    mx_recipients: usize = 100 => RateLimited;
    /// Recipients of a submission.
    submission_recipients: usize = 200 => RateLimited;
    /// Messages on one connection.
    smtp_messages: usize = 100 => RateLimited;
    /// Wrong SMTP commands before goodbye; from half of it each answer waits a second.
    smtp_errors: usize = 10 => TooManyErrors;
    /// NOOP, RSET, VRFY and the like without a message in between.
    smtp_junk: usize = 30 => TooManyErrors;
    /// Seconds to wait for a command on port 25.
    mx_command_s: u64 = 60 => TimedOut;
    /// Seconds to wait for a command of an authenticated client (RFC 5321 section 4.5.3.2.7).
    submission_command_s: u64 = 300 => TimedOut;
    /// Octets a second that DATA must bring after its first minute.
    data_bytes_per_s: u64 = 500 => TimedOut;
    /// Milliseconds to wait on port 25 for a peer that sends before the greeting.
    mx_greet_ms: u64 = 500 => SyntaxErrors;
    /// Received fields before a message is in a loop.
    received_hops: usize = 50 => RejectedLoop;
    /// Milliseconds that a wrong recipient waits for its answer when all so far were unknown.
    unknown_recipient_ms: u64 = 5000 => RejectedUnknown;
    /// Seconds for which the first try of an unknown sender is put off, if `[inbound] greylist` is
    /// on. A mail server tries again after some minutes.
    greylist_s: u64 = 60 => Greylisted;
    /// Messages that one address may send in a minute on port 25.
    mx_messages_per_minute: usize = 300 => RateLimited;
    /// Octets of messages that one address may send in a minute on port 25.
    mx_bytes_per_minute: usize = 500 << 20 => RateLimited;
    /// Messages that one inbox may send in a day.
    inbox_sends_per_day: usize = 1000 => RateLimited;
    /// Messages that one organization may send in a day.
    org_sends_per_day: usize = 10_000 => RateLimited;
    /// Messages that one key may send in a day. As many as its organization may is no bound of its
    /// own, and costs nothing to keep.
    key_sends_per_day: usize = 10_000 => RateLimited;
    /// Addresses outside that one inbox may write to in a day and has not written to in 90 days: a
    /// stolen key must not reach a long list of people. An inbox remembers 5,000 addresses.
    inbox_new_recipients_per_day: usize = 2000 => RateLimited;
    /// Recipients that one address may name in a minute on port 25 without a message for them, in
    /// bursts of five times as many. Each costs a look-up; a message gives them back.
    mx_recipients_per_minute: usize = 600 => RateLimited;
    /// Messages that one inbox may receive in a minute, in bursts of ten times as many. A sender
    /// may hold as much of a burst as is left free: alone it gets half, so others find room.
    inbox_receives_per_minute: usize = 60 => RateLimited;

    /// Seconds until login.
    imap_login_s: u64 = 60 => TimedOut;
    /// Octets of a command before login.
    imap_login_bytes: usize = 8192 => TooLong;
    /// Octets of a command line after login.
    imap_line_bytes: usize = 65_536 => TooLong;
    /// Octets of a literal that is not a message.
    imap_literal_bytes: usize = 65_536 => TooLong;
    /// Octets of all literals of a command that are not messages.
    imap_literals_bytes: usize = 262_144 => TooLong;
    /// Literals of a command.
    imap_literals: usize = 100 => TooLong;
    /// Wrong commands before goodbye, before login.
    imap_login_errors: usize = 3 => TooManyErrors;
    /// Wrong commands before goodbye, after login.
    imap_errors: usize = 20 => TooManyErrors;
    /// Minutes of silence before autologout (RFC 3501 section 5.4: at least 30).
    imap_idle_min: u64 = 30 => TimedOut;
    /// Seconds between two `* OK Still here` of IDLE.
    imap_still_here_s: u64 = 240 => pace;
    /// IMAP sessions of one inbox.
    imap_sessions_per_inbox: usize = 16 => SessionsLimited;
    /// IMAP sessions of one organization, and never more than three quarters of `connections`: one
    /// for each agent of a large fleet, and the others can still log in.
    imap_sessions_per_org: usize = 12_000 => SessionsLimited;
    /// Commands of one session in a minute.
    imap_commands_per_minute: usize = 2000 => RateLimited;
    /// Messages of a mailbox. What a client must know of one, such as its UIDs, stays small.
    mailbox_messages: u64 = 1_000_000 => RejectedQuota;
    /// Keywords of a message: enough for labels, and few enough for a small row.
    message_keywords: usize = 64 => RejectedQuota;
    /// Different keywords of a mailbox: SELECT names each.
    mailbox_keywords: usize = 256 => RejectedQuota;
    /// Messages of a command over many that one call changes or copies before other calls have
    /// their turn: some milliseconds of work.
    slice_rows: usize = 300 => pace;
    /// Mailboxes of an inbox.
    mailboxes: usize = 1000 => RejectedQuota;
    /// Octets of a mailbox name.
    mailbox_name_bytes: usize = 255 => RejectedQuota;
    /// Levels of a mailbox name.
    mailbox_depth: usize = 10 => RejectedQuota;
    /// Seconds that a search may take.
    search_s: u64 = 10 => SearchesCut;
    /// Milliseconds of one slice of a search.
    search_slice_ms: u64 = 5 => pace;
    /// Searches of one inbox at once.
    searches_per_inbox: usize = 4 => pace;

    /// Octets of an HTTP request line and its header together.
    http_head_bytes: usize = 32_768 => TooLong;
    /// Octets of a request line.
    http_line_bytes: usize = 8192 => TooLong;
    /// Header fields of a request.
    http_fields: usize = 64 => TooLong;
    /// Octets of a JSON body.
    http_body_bytes: usize = 1 << 20 => TooLong;
    /// Octets of a JSON body that may carry attachments (base64 of 25 MiB).
    http_send_bytes: usize = 35 << 20 => TooLong;
    /// Objects in one list of a body: messages to import, attachments. A list is held in memory
    /// whole.
    http_list_items: usize = 1000 => RateLimited;
    /// Seconds until the header is complete.
    http_head_s: u64 = 10 => TimedOut;
    /// Seconds that an idle connection is kept.
    http_keep_alive_s: u64 = 75 => TimedOut;
    /// Requests of a key in a minute; they may come all at once.
    http_requests_per_minute: usize = 1000 => RateLimited;
    /// Requests of all keys of an organization in a minute, together: those of twelve keys at their
    /// full rate, or of twelve thousand agents that ask each minute. They may come all at once.
    org_requests_per_minute: usize = 12_000 => RateLimited;
    /// Requests without a key of one address in a minute.
    http_anonymous_per_minute: usize = 60 => RateLimited;
    /// Event streams of one key.
    streams_per_key: usize = 16 => SessionsLimited;
    /// Event streams of one organization.
    streams_per_org: usize = 1000 => SessionsLimited;
    /// Subscriptions of one WebSocket: each event is compared with each of them.
    socket_subscriptions: usize = 32 => SessionsLimited;
    /// Octets of a message from a client over WebSocket, all its fragments together: a subscription
    /// with a hundred inboxes has a tenth of it.
    socket_message_bytes: usize = 64 << 10 => TooLong;
    /// Seconds from the first octet of such a message to its last.
    socket_message_s: u64 = 30 => TimedOut;
    /// Pings of a client over WebSocket within ten seconds: each is answered.
    socket_pings: usize = 10 => RateLimited;
    /// Tickets of one key that are not spent: a page takes one right before it connects, and they
    /// end after 30 seconds.
    tickets_per_key: usize = 100 => SessionsLimited;
    /// Consumer groups of an organization: one for each kind of worker, and a mistake in a name
    /// must not fill the disk.
    event_groups: usize = 100 => RejectedQuota;
    /// Events that one reader of a group holds: more would wait in its memory while another could
    /// take them.
    group_leases: usize = 100 => pace;
    /// Events of a group that are leased or wait: with so many, the group reads no further in the
    /// log until some are acknowledged.
    group_pending: usize = 2000 => GroupsHeldBack;
    /// Events of a group that are set aside: with so many, the next are not set aside, and come
    /// again until they are acknowledged.
    group_poisoned: usize = 1000 => GroupsHeldBack;
    /// Seconds between two heartbeats of an event stream.
    heartbeat_s: u64 = 15 => pace;
    /// Seconds without progress before a stream is closed.
    stream_stall_s: u64 = 30 => Stalled;

    /// Wrong keys of one address in a minute.
    login_failures_per_minute: usize = 10 => LoginsLimited;
    /// Wrong keys of one address in a day.
    login_failures_per_day: usize = 50 => LoginsLimited;
    /// Milliseconds that the answer to a wrong key waits at most.
    login_delay_ms: u64 = 15_000 => pace;
    /// Tries on one connection.
    login_tries: usize = 3 => TooManyErrors;

    /// Questions to the DNS that wait for their answers, each caller counted: those of ten thousand
    /// domains whose servers are silent, and room for the others.
    dns_questions: usize = 16_384 => DnsRefused;
    /// Seconds that a question may take, whatever the servers do.
    dns_question_s: u64 = 20 => DnsTimeouts;
    /// Records of an answer that are used, five times as many of TXT. A mail server of many
    /// addresses needs a handful.
    dns_records: usize = 20 => DnsCut;
    /// CNAMEs that are followed for one question.
    dns_links: usize = 8 => DnsCut;
    /// Octets of answers that are kept.
    dns_cache_bytes: usize = 16 << 20 => pace;

    /// Days that the log is kept.
    event_days: u64 = 7 => pace;
    /// Days that the audit is kept.
    audit_days: u64 = 90 => pace;
    /// Inboxes of an organization.
    inboxes: usize = 100_000 => RejectedQuota;
    /// Keys of an organization.
    keys: usize = 100_000 => RejectedQuota;
    /// Octets of the answers that are kept for `Idempotency-Key` in an organization: those of a day
    /// with 100,000 messages. Without room, a request with a key is refused.
    org_kept_bytes: u64 = 128 << 20 => RejectedQuota;
    /// Messages of an organization that wait for an approval: a person reads each.
    org_held: usize = 10_000 => RejectedQuota;
    /// Answers between two addresses within 10 minutes: people write fewer. With one more a loop is
    /// suspected, and the next are refused for 10 minutes.
    pair_answers: usize = 20 => RejectedLoop;
    /// Messages of an organization that wait for the time that their senders have named.
    org_scheduled: usize = 10_000 => RejectedQuota;
    /// Hours after which a held message counts as declined.
    approval_hours: usize = 72 => pace;
    /// Domains of an organization.
    domains: usize = 100 => RejectedQuota;
    /// Transactions of one connection to another server: a connection for ever would keep to one of
    /// many hosts.
    outbound_transactions: usize = 100 => pace;
    /// Filter rules of an organization, with those of its inboxes.
    filter_rules: usize = 10_000 => RejectedQuota;
    /// Answers of rules that an inbox writes in a UTC day.
    inbox_auto_replies_per_day: usize = 100 => RateLimited;
    /// Rules of an inbox, and of an organization: each is asked about each message.
    rules: usize = 100 => RejectedQuota;
    /// Octets that the compiled patterns of the rules of an inbox may take, and those of the rules
    /// of an organization: a hundred usual ones.
    rule_pattern_bytes: usize = 1 << 20 => RejectedQuota;
    /// Entries of the list of known spam of the server, each by each of its sources: 800 KB of
    /// memory.
    known_spam_entries: usize = 100_000 => RejectedQuota;
    /// Webhooks of an organization: one message makes as many requests.
    webhooks: usize = 20 => RejectedQuota;
    /// Those of one inbox, of all: the key of one inbox must not use up what the others have.
    inbox_webhooks: usize = 5 => RejectedQuota;
    /// Webhooks one behind the other, each caused by a request that answers the one before: an
    /// agent that asks another is three deep. Up to 254.
    webhook_depth: usize = 8 => RejectedLoop;
    /// Suppressed addresses of an organization. A bounce that finds no room suppresses nothing.
    suppressions: usize = 50_000 => RejectedQuota;
    /// Files that one key has uploaded and that have not gone: a message names a few. Their octets
    /// count in the quota of the organization.
    uploads_per_key: usize = 1000 => RejectedQuota;
    /// Inboxes of an organization that live elsewhere: each may have a connection of its own.
    upstream_accounts: usize = 1000 => RejectedQuota;
    /// Octets of bodies in one page of a reader.
    page_bytes: usize = 262_144 => pace;
}

/// The limits that `--no-limits` lifts: rates, budgets, lock-outs and limits of connections, but
/// never the bounds of the parsers.
impl Limits {
    /// Lowers the limits to what the process may have: descriptors for so many connections, of
    /// which those that it makes itself have a part, and so many mebibytes of memory.
    pub fn lower_to(&mut self, descriptors: usize, memory_mb: usize) {
        let lower = |limit: &mut usize, most: usize| *limit = most.max(1).min(*limit);
        lower(&mut self.connections, descriptors);
        lower(&mut self.outbound_connections, descriptors / 2);
        lower(&mut self.upstream_connections, descriptors / 4);
        lower(&mut self.memory_mb, memory_mb);
    }

    /// Octets of the largest file that fits into a message. In one, 57 octets are a line of 78
    /// (RFC 2045 section 6.8).
    pub fn upload_bytes(&self) -> usize {
        self.message_bytes.saturating_sub(BARE_MESSAGE_BYTES) / 78 * 57
    }

    /// Lifts these limits, for benches and tests on a loopback address.
    pub fn lift(&mut self) {
        const MANY: usize = 1 << 40;
        for field in [
            &mut self.mx_connections_per_ip,
            &mut self.submission_connections_per_ip,
            &mut self.connections_per_ip,
            &mut self.connects_per_minute,
            &mut self.http_connects_per_minute,
            &mut self.handshakes_per_worker,
            &mut self.smtp_messages,
            &mut self.mx_messages_per_minute,
            &mut self.mx_bytes_per_minute,
            &mut self.inbox_sends_per_day,
            &mut self.org_sends_per_day,
            &mut self.key_sends_per_day,
            &mut self.pair_answers,
            &mut self.inbox_new_recipients_per_day,
            &mut self.inbox_auto_replies_per_day,
            &mut self.mx_recipients_per_minute,
            &mut self.inbox_receives_per_minute,
            &mut self.imap_sessions_per_inbox,
            &mut self.imap_sessions_per_org,
            &mut self.imap_commands_per_minute,
            &mut self.http_requests_per_minute,
            &mut self.org_requests_per_minute,
            &mut self.http_anonymous_per_minute,
            &mut self.streams_per_key,
            &mut self.streams_per_org,
            &mut self.login_failures_per_minute,
            &mut self.login_failures_per_day,
        ] {
            *field = MANY;
        }
        self.connections = 1 << 20;
        self.inbox_bytes = 1 << 50;
        self.org_bytes = 1 << 50;
        self.org_kept_bytes = 1 << 50;
        self.mx_greet_ms = 1;
        self.login_delay_ms = 0;
    }
}

/// What a short message has beside its file: header, text, boundaries and the fields of its parts.
const BARE_MESSAGE_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_lower_the_limits_of_connections() {
        let mut limits = Limits::default();
        limits.lower_to(1 << 20, usize::MAX);
        assert_eq!(limits, Limits::default());
        limits.lower_to(400, 512);
        assert_eq!(limits.connections, 400);
        assert_eq!(limits.outbound_connections, 200);
        assert_eq!(limits.upstream_connections, 100);
        assert_eq!(limits.memory_mb, 512);
        limits.lower_to(2, 512);
        assert_eq!(limits.outbound_connections, 1);
        assert_eq!(limits.upstream_connections, 1);
    }

    #[test]
    fn no_default_is_zero() {
        for (name, value, reason) in Limits::default().rows() {
            assert!(value > 0 && !reason.is_empty(), "{name}");
        }
    }
}
