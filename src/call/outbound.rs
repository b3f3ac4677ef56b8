//! The words between the queue of outbound mail and the engines that deliver it to other servers.
//!
//! The service owns the routes: it looks up hosts and addresses, says when a connection is made and
//! to where ([`OutboundDial`]), and what goes over it. The engine of that connection speaks SMTP:
//! it asks for one recipient after the other ([`super::OutboundWrite::Next`]), reads the octets
//! ([`super::OutboundRead::Piece`]) and reports what the other server said ([`Report`]). It decides
//! nothing about retries, other hosts or bounces.
//!
//! ```text
//! dial ─► connected ─► Next ─► Transaction ─► Piece … ─► Next + Report ─► … ─► None ─► QUIT
//!   └──────── could not be made, or was lost ─────────────► Lost
//! ```
//!
//! A connection that a dial has asked for ends with one call: `Next` that is answered without a
//! transaction and without a time to hold, or `Lost`.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use core::net::{IpAddr, SocketAddr};

use super::{DomainId, EntryId, InboxId, InboxRef, OrgId, OutboundId, Secret};

/// One connection of a route, from its dial to its end. The number is never used again while the
/// process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RouteId(pub u64);

/// The right to send to one recipient: the attempt with this number of this row. A report with an
/// older number changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OutboundLease {
    pub id: OutboundId,
    pub attempt: u32,
}

/// One message for one recipient. Its attempt is on disk before the engine sees it. Every
/// recipient has its own return path, so a transaction has one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundTransaction {
    pub lease: OutboundLease,
    pub org: OrgId,
    /// MAIL FROM; `None` is the null path.
    pub reverse_path: Option<String>,
    /// RCPT TO. It and `reverse_path` are ASCII unless the message needs SMTPUTF8 for them
    /// (RFC 6531 section 3.4).
    pub recipient: String,
    /// The keys that sign it.
    pub keys: Option<DkimKeySet>,
    /// Octets of the message without conversion: those of all pieces together.
    pub size: u64,
    /// The body has octets of 0x80 or more: 8BITMIME (RFC 6152), or conversion to 7 bits.
    pub has_8bit: bool,
    /// The header has octets of 0x80 or more: SMTPUTF8, or encoded headers.
    pub has_utf8_header: bool,
    /// `NOTIFY=` (RFC 3461) as bits: 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; 0 not given.
    pub notify: u8,
    /// `ORCPT=`, decoded.
    pub orcpt: Option<String>,
    /// `RET=` (RFC 3461): whether the whole message comes back.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
}

/// The keys that sign a message with DKIM: those of a domain that were made at one time. They are
/// chosen once for an attempt, so that all pieces of its message are of the same octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DkimKeySet {
    pub domain: DomainId,
    /// When they were made, unix milliseconds.
    pub made_at: i64,
}

/// What a host needs that lacks an extension. `Default` is no conversion.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Conversion {
    /// Bodies go as quoted-printable or base64: the host lacks 8BITMIME.
    pub seven_bit: bool,
    /// Header fields go as encoded words (RFC 2047): the host lacks SMTPUTF8.
    pub encoded_header: bool,
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub lease: OutboundLease,
    pub outcome: TransactionOutcome,
    /// The host by its name, and the address to which the connection was made.
    pub host: String,
    pub address: IpAddr,
    pub tls: OutboundTls,
    /// The last reply that decides it; `None` when none came.
    pub reply: Option<RemoteReply>,
    /// Where there is no reply: what happened, in one sentence. At most [`REMOTE_TEXT_MAX`] octets.
    pub why: String,
    /// `reply` is the reply to RCPT.
    pub is_of_recipient: bool,
    /// The host knows DSN (RFC 3461): it tells the sender what becomes of the message.
    pub has_dsn: bool,
}

/// What became of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransactionOutcome {
    /// The other server has taken the message for the recipient (2xx to the end of data).
    Delivered,
    /// Not now (4xx, or no reply).
    Deferred,
    /// Never (5xx), or the host cannot take this message at all.
    Bounced,
}

/// TLS of a connection to another server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutboundTls {
    None,
    /// Encrypted, to a peer that is not known.
    Unverified,
    /// The certificate is trusted and names the host.
    Verified,
}

impl OutboundTls {
    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            OutboundTls::None => "none",
            OutboundTls::Unverified => "unverified",
            OutboundTls::Verified => "verified",
        }
    }
}

/// A reply of another server. It is input from outside: bounded, and without control octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteReply {
    /// 200 to 599.
    pub code: u16,
    /// Class, subject, detail (RFC 3463), when the text begins with one of the same class.
    pub enhanced: Option<(u8, u16, u16)>,
    /// Its text without the enhanced code, lines joined by a space. At most [`REMOTE_TEXT_MAX`]
    /// octets of UTF-8; other octets are shown as `?`.
    pub text: String,
}

/// Octets that are kept of the text of a reply: two lines of RFC 5321 section 4.5.3.1.5.
pub const REMOTE_TEXT_MAX: usize = 1024;

/// How far a connection had come when it was lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutboundStage {
    /// TCP.
    Connect,
    /// The TLS handshake, and STARTTLS before it.
    Tls,
    Greeting,
    /// EHLO or HELO.
    Hello,
    Auth,
    /// Between two transactions, or before MAIL of one was answered: nothing can have been taken.
    Idle,
    /// From the reply to MAIL to the last octet of the message: nothing was taken.
    Envelope,
    /// After the last octet of the message, without a reply: the other server may have it.
    End,
}

/// Why a connection is of no use, or was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LostWhy {
    /// It could not be made, or was closed or reset. The words of the system, or ours.
    Closed(String),
    /// No reply in time.
    TimedOut,
    /// The handshake failed, STARTTLS was refused, or the certificate must verify and does not.
    Tls(String),
    /// TLS is required and the host does not offer it.
    TlsNotOffered,
    /// The greeting, EHLO, STARTTLS or AUTH was answered with a failure.
    Reply(RemoteReply),
    /// A reply that is none: outside of the grammar, or over its bounds. It says which.
    BadReply(&'static str),
    /// The peer is this server: its greeting has our own name.
    Ourselves,
    /// This server stops.
    Stopping,
}

/// The end of a connection that was not the answer to `Next`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundLoss {
    pub stage: OutboundStage,
    pub why: LostWhy,
    pub tls: OutboundTls,
    /// The transaction that was under way. It has no [`Report`].
    pub lease: Option<OutboundLease>,
}

impl OutboundLoss {
    /// Whether the host has refused the login for good (RFC 4954 section 6).
    pub fn is_refused_login(&self) -> bool {
        let is_final = matches!(&self.why, LostWhy::Reply(reply) if reply.code / 100 == 5);
        self.stage == OutboundStage::Auth && is_final
    }
}

/// The answer to [`super::OutboundWrite::Next`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextTransaction {
    Send(Box<OutboundTransaction>),
    /// Nothing is due. The service has forgotten the connection: QUIT.
    Quit,
}

/// A connection that is to be made to another server.
#[derive(Clone, Debug)]
pub struct OutboundDial {
    pub route: RouteId,
    /// The name of the host: for the certificate, and for reports. An address literal for a
    /// recipient `@[192.0.2.1]`.
    pub host: String,
    pub address: SocketAddr,
    /// The address to connect from; `None` leaves it to the system.
    pub bind: Option<IpAddr>,
    pub tls: OutboundTlsPolicy,
    /// Who logs in at a smarthost. Never sent without verified TLS, except to a loopback address
    /// with [`OutboundTlsPolicy::Never`].
    pub login: Option<OutboundLogin>,
    /// It is the server of an account elsewhere: other authorities may be trusted.
    pub is_account: bool,
    /// The argument of EHLO.
    pub helo: String,
    pub timeouts: OutboundTimeouts,
}

/// The account at a smarthost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundLogin {
    pub user: String,
    /// A password, or an access token.
    pub secret: Secret,
    /// The secret is an access token: OAUTHBEARER (RFC 7628), or XOAUTH2.
    pub is_token: bool,
}

/// What TLS a connection needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutboundTlsPolicy {
    /// In clear text: a second try after TLS has failed, or a smarthost on a loopback address.
    Never,
    /// STARTTLS where it is offered; a certificate that does not verify is used too (RFC 7435).
    Opportunistic,
    /// STARTTLS, with a certificate that does not need to verify.
    Required,
    /// STARTTLS with a certificate that verifies.
    RequiredVerified,
    /// TLS from the first octet, with a certificate that verifies.
    ImplicitVerified,
}

/// How long a reply may take, milliseconds (RFC 5321 section 4.5.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboundTimeouts {
    pub connect_ms: u64,
    /// The greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET.
    pub command_ms: u64,
    /// The reply to DATA and to the final dot, and the write of each block.
    pub data_ms: u64,
}

/// Where an [`OutboundDial`] goes. `serve` implements it with the hub of the net, a transcript with
/// the rig.
pub trait OutboundDialer: core::fmt::Debug + Send + Sync {
    /// Makes a connection with an engine of the protocol. It must not wait. What becomes of it
    /// comes back as a call of the engine.
    fn dial(&self, dial: OutboundDial);
}

/// The state of a recipient outside. The number is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutboundStatus {
    /// Waits for an approval.
    Held = 0,
    /// Waits for the time that its sender has named.
    Scheduled = 1,
    /// Waits for its first attempt.
    Queued = 2,
    /// Waits for another attempt.
    Deferred = 3,
    /// An attempt is under way.
    Sending = 4,
    /// The recipient's server has taken it.
    Delivered = 5,
    /// The recipient's server has refused it, or there is no such server.
    Bounced = 6,
    /// Its sender has taken it back.
    Cancelled = 7,
    /// It was given up after its time.
    Expired = 8,
}

impl OutboundStatus {
    /// All of them, by their number.
    pub const ALL: [OutboundStatus; 9] = [
        OutboundStatus::Held,
        OutboundStatus::Scheduled,
        OutboundStatus::Queued,
        OutboundStatus::Deferred,
        OutboundStatus::Sending,
        OutboundStatus::Delivered,
        OutboundStatus::Bounced,
        OutboundStatus::Cancelled,
        OutboundStatus::Expired,
    ];
    /// Their names in the API, in the same order.
    pub const NAMES: &'static [&'static str] = &[
        "held",
        "scheduled",
        "queued",
        "deferred",
        "sending",
        "delivered",
        "bounced",
        "cancelled",
        "expired",
    ];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<OutboundStatus> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Self::ALL.get(at).copied()
    }

    /// The number that is stored.
    pub const fn stored(self) -> i64 {
        self as i64
    }

    /// The one with this number.
    pub fn load(stored: i64) -> Option<OutboundStatus> {
        Self::ALL.get(usize::try_from(stored).ok()?).copied()
    }

    /// Whether the queue sends it when it is due.
    pub const fn is_waiting(self) -> bool {
        matches!(self, OutboundStatus::Queued | OutboundStatus::Deferred)
    }

    /// Whether a time says when it is due.
    pub const fn has_due_time(self) -> bool {
        self.is_waiting() || matches!(self, OutboundStatus::Scheduled)
    }

    /// Whether its message stands in Drafts until a decision or its time.
    pub const fn is_in_drafts(self) -> bool {
        matches!(self, OutboundStatus::Held | OutboundStatus::Scheduled)
    }

    /// Whether nothing more happens to it.
    pub const fn is_finished(self) -> bool {
        self as u8 >= OutboundStatus::Delivered as u8
    }
}

/// An attempt that has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundAttempt {
    /// When it ended, unix milliseconds.
    pub at: i64,
    /// The host and the address; empty when none was found.
    pub host: String,
    pub address: Option<IpAddr>,
    pub tls: OutboundTls,
    pub code: Option<u16>,
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of the reply, or what happened. At most [`ATTEMPT_TEXT_MAX`] octets.
    pub text: String,
    pub outcome: TransactionOutcome,
}

/// Octets that the history of a recipient keeps of a reply.
pub const ATTEMPT_TEXT_MAX: usize = 256;

/// Attempts that the history of a recipient keeps: more than three days have.
pub const ATTEMPTS_KEPT: usize = 40;

/// Octets of the hosts and texts that the history of a recipient keeps. Over it, attempts in the
/// middle lose their text first.
pub const HISTORY_BYTES: usize = 2048;

/// One recipient outside, as the API shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundRow {
    pub id: OutboundId,
    /// The sending inbox.
    pub inbox: InboxId,
    /// The copy in Sent.
    pub message: Option<EntryId>,
    /// Forward-path.
    pub recipient: String,
    pub status: OutboundStatus,
    /// Attempts begun so far.
    pub attempts: u32,
    /// When it is tried next, unix milliseconds; `None` when it is not due by time.
    pub next_attempt_at: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// When it is given up, unix milliseconds.
    pub expires_at: i64,
    /// The sender's own JSON object.
    pub metadata: Option<String>,
    /// The attempts that have ended, oldest first.
    pub history: Vec<OutboundAttempt>,
}

/// Which recipients a list has; `Default` is all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboundFilter {
    pub status: Option<OutboundStatus>,
    pub inbox: Option<InboxRef>,
    /// Compared without case.
    pub recipient: Option<String>,
    /// ASCII, lower case.
    pub domain: Option<String>,
}
