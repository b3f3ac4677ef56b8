//! The shared vocabulary: what an engine asks of the product and what comes back, ids,
//! events, limits, time. Plain data; it uses nothing else of this crate.
//!
//! A protocol and the product meet only here. A [`Call`] that writes is answered by
//! [`Reply::Written`], which holds a [`Receipt`]: an engine can say `250`, `OK` or `201` only
//! with a receipt in its hand, and only a commit makes one.

mod access;
mod account;
pub mod bounds;
mod event;
mod ids;
mod limits;
mod message;
mod metric;
mod network;
mod recent;
mod set;

use std::sync::Arc;

pub use access::{Access, Grant, Scopes, Secret};
pub use account::*;
pub use event::{
    Arrived, BULK_MESSAGES_MAX, Bulk, Change, Event, EventFilter, EventKind, Facts, InboxPath,
    InboxSet, KindSet, Meaning, PriorityLevel, SessionEnd, Topic, Verdict,
};
pub use ids::{
    BodyId, ConnId, DomainId, EntryId, InboxId, KeyId, MailboxId, OrgId, OutboundId, ThreadId,
    attachment_id, parse_attachment_id,
};
pub use limits::{Budget, Charge, Limits};
pub use message::*;
pub use metric::{METRICS, Metric, Metrics};
pub use network::Network;
pub use recent::RecentMarks;
pub use set::UidSet;

/// The time, read once a turn by whoever owns a clock.
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

/// Which listener a connection came in by.
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

/// What a connection knows when it begins; given to an engine at construction.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its number.
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

/// What all connections of a server share; nothing in it changes but counters and marks.
#[derive(Debug)]
pub struct Shared {
    /// The server's own name, in greetings and Received.
    pub host: String,
    /// Limits.
    pub limits: Limits,
    /// Counters.
    pub metrics: Metrics,
    /// Memory for messages on their way in.
    pub intake: Budget,
    /// Memory for long answers that wait to be read.
    pub outgoing: Budget,
    /// Which messages are nobody's `\Recent` any more.
    pub recent_marks: RecentMarks,
    /// What `GET /inboxes/credentials/export` tells clients to connect to.
    pub endpoints: PublicEndpoints,
}

impl Shared {
    /// A house with nothing in it yet; its budgets follow from its limits.
    pub fn new(host: &str, limits: Limits, endpoints: PublicEndpoints) -> Self {
        Shared {
            host: host.into(),
            metrics: Metrics::default(),
            intake: Budget::intake(&limits),
            outgoing: Budget::outgoing(&limits),
            recent_marks: RecentMarks::default(),
            endpoints,
            limits,
        }
    }

    /// Whether so many connections are open that strangers get less patience.
    pub fn is_stressed(&self) -> bool {
        let open = self.metrics.value(Metric::ConnectionsOpen);
        let most = self.limits.connections as u64;
        open.saturating_mul(100) > most.saturating_mul(self.limits.stress_percent as u64)
    }
}

/// Host names and ports as clients outside are to use them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicEndpoints {
    /// IMAP host.
    pub imap_host: String,
    /// IMAP port, implicit TLS.
    pub imap_port: u16,
    /// SMTP host.
    pub smtp_host: String,
    /// SMTP port, implicit TLS.
    pub smtp_port: u16,
}

/// A call with what the threads need to know about where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The connection to answer; `ConnId(0)` is the server itself.
    pub conn: ConnId,
    /// Its address, for the failure limiter and rates.
    pub peer: core::net::IpAddr,
    /// When the worker took it.
    pub now: Now,
    /// What is asked.
    pub call: Call,
}

/// What an engine asks of the product. [`Call::queue`] says which thread answers it.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    // ---- who ----
    /// Checks a key; `user` is the inbox address that SMTP and IMAP log in with. Takes a
    /// lease of the session limit for IMAP. Answer: `Authenticated`.
    Authenticate {
        listener: Listener,
        user: Option<String>,
        secret: Secret,
    },
    /// Takes a lease for an event stream. Answer: `Done`.
    OpenStream { access: Access },
    /// The connection is gone: leases end, searches of it are dropped. No reply.
    Hangup,

    // ---- messages in ----
    /// May this reverse-path be used (submission: an inbox of the key; both: is there disk)?
    /// Answer: `Done`.
    Sender {
        access: Option<Access>,
        reverse_path: Option<String>,
        size: Option<u64>,
    },
    /// Is this forward-path deliverable? Answer: `Recipient`.
    Recipient {
        access: Option<Access>,
        address: String,
    },
    /// Parse, judge, decide (reader). Answer: `Classified`.
    Classify { intake: Box<Intake> },
    /// Store what was decided (writer). Written: `Delivered`.
    Deliver { plan: Box<Plan>, once: Option<Once> },

    // ---- IMAP: mailboxes ----
    /// Every mailbox of the inbox, with counters if asked. Answer: `Mailboxes`.
    Mailboxes { access: Access, counts: bool },
    /// One mailbox with its counters. Answer: `Mailboxes` with one row.
    Status { access: Access, mailbox: String },
    /// Opens one: everything that a client is told of it. Answer: `Selected`.
    Select { access: Access, mailbox: String },
    /// Moves the `\Recent` watermark of a mailbox to its last UID: what was new to this
    /// session is not to the next. Only where SELECT found something new, so that opening a
    /// mailbox is otherwise no write. Written: `Recent` with the watermark as it was.
    ClaimRecent { access: Access, mailbox: MailboxId },
    /// CREATE, with missing parents. Written: `Changed`.
    CreateMailbox { access: Access, mailbox: String },
    /// DELETE. Written: `Changed`.
    DeleteMailbox { access: Access, mailbox: String },
    /// RENAME; of INBOX: its messages move (RFC 3501 section 6.3.5). Written: `Changed`.
    RenameMailbox {
        access: Access,
        from: String,
        to: String,
    },
    /// SUBSCRIBE and UNSUBSCRIBE. Written: `Changed`.
    Subscribe {
        access: Access,
        mailbox: String,
        on: bool,
    },
    /// Names that are subscribed, whether or not a mailbox is there. Answer: `Names`.
    Subscribed { access: Access },

    // ---- IMAP: entries ----
    /// A page of entries in UID order: as many of `uids` as fit the page. Answer: `Entries`.
    Fetch {
        access: Access,
        mailbox: MailboxId,
        uids: UidSet,
        digest: bool,
        octets: Octets,
        changed_since: u64,
    },
    /// `len` octets from `offset` of a message. Answer: `Octets`.
    ReadOctets {
        access: Access,
        of: OctetsOf,
        offset: u32,
        len: u32,
    },
    /// What happened in a mailbox after `since`: new and changed entries, UIDs that are gone,
    /// UIDs that are there. Answer: `Changes`.
    Changes {
        access: Access,
        mailbox: MailboxId,
        since: u64,
    },
    /// STORE. Written: `Flagged`.
    SetFlags {
        access: Access,
        mailbox: MailboxId,
        uids: UidSet,
        how: FlagChange,
        flags: Flags,
        keywords: Vec<String>,
        unchanged_since: Option<u64>,
    },
    /// EXPUNGE of what has `\Deleted` (among `uids`, if given). Written: `Expunged`.
    Expunge {
        access: Access,
        mailbox: MailboxId,
        uids: Option<UidSet>,
    },
    /// COPY, or MOVE with `remove`. Written: `Copied`.
    Copy {
        access: Access,
        mailbox: MailboxId,
        uids: UidSet,
        to: String,
        remove: bool,
    },
    /// SEARCH in slices. Answer: `Found`.
    Search {
        access: Access,
        mailbox: MailboxId,
        within: UidSet,
        key: Arc<SearchKey>,
        progress: Box<SearchProgress>,
    },

    // ---- REST: messages ----
    /// A page, newest first, in slices, each of which moves `cursor`. Answer: `Messages`.
    ListMessages {
        access: Access,
        inbox: InboxRef,
        filter: Box<MessageFilter>,
        cursor: Option<String>,
        limit: usize,
        progress: Box<ListProgress>,
    },
    /// One, opened; texts cut to `max_chars`. Answer: `Message`.
    ReadMessage {
        access: Access,
        inbox: InboxRef,
        id: EntryId,
        max_chars: Option<usize>,
    },
    /// Its size and where to read it. Answer: `Sized`.
    FindOctets {
        access: Access,
        inbox: InboxRef,
        id: EntryId,
    },
    /// One decoded part, whole (at most a message). Answer: `Part`.
    ReadPart {
        access: Access,
        inbox: InboxRef,
        id: EntryId,
        part: usize,
    },
    /// Labels, seen, flagged, folder. Written: `Message`.
    PatchMessage {
        access: Access,
        inbox: InboxRef,
        id: EntryId,
        patch: Box<MessagePatch>,
    },
    /// To Trash, or for good. Written: `Changed`.
    DeleteMessage {
        access: Access,
        inbox: InboxRef,
        id: EntryId,
        permanent: bool,
    },

    // ---- accounts ----
    /// Written: `Inbox`.
    CreateInbox {
        access: Access,
        new: Box<NewInbox>,
        once: Option<Once>,
    },
    /// Answer: `Inboxes`.
    ListInboxes {
        access: Access,
        parent: Option<InboxRef>,
        cursor: Option<String>,
        limit: usize,
    },
    /// Answer: `Inboxes` with one.
    ReadInbox { access: Access, inbox: InboxRef },
    /// The same for an event stream, which needs only `events:read`. Answer: `Inboxes` with
    /// one, of which nothing but the id is to be shown.
    FindInbox { access: Access, inbox: InboxRef },
    /// Written: `Inbox`.
    PatchInbox {
        access: Access,
        inbox: InboxRef,
        patch: Box<InboxPatch>,
    },
    /// With all in it. Written: `Changed`.
    DeleteInbox { access: Access, inbox: InboxRef },
    /// One new key for each inbox that the key may see. Written: `Minted`.
    MintCredentials { access: Access, once: Option<Once> },
    /// Written: `Key` with the secret, once.
    CreateKey {
        access: Access,
        new: Box<NewKey>,
        once: Option<Once>,
    },
    /// Answer: `Keys`.
    ListKeys {
        access: Access,
        cursor: Option<String>,
        limit: usize,
    },
    /// Answer: `Keys` with one.
    ReadKey { access: Access, key: KeyId },
    /// Ends a key and its sessions. Written: `Changed`.
    RevokeKey { access: Access, key: KeyId },
    /// Written: `Domain`.
    CreateDomain {
        access: Access,
        name: String,
        once: Option<Once>,
    },
    /// Answer: `Domains`.
    ListDomains { access: Access },
    /// Written: `Changed`; refused while an inbox uses it.
    DeleteDomain { access: Access, domain: DomainRef },
    /// Operator. Written: `Org` with a first key.
    CreateOrg {
        access: Access,
        name: String,
        once: Option<Once>,
    },
    /// Operator. Answer: `Orgs`.
    ListOrgs { access: Access },
    /// Operator. Written: `Changed`.
    DeleteOrg { access: Access, org: OrgId },
    /// Usage of the organization. Answer: `Usage`.
    Usage { access: Access },
    /// The queue to outside. Answer: `Outbound`.
    ListOutbound {
        access: Access,
        cursor: Option<String>,
        limit: usize,
    },

    // ---- events ----
    /// The log's head, oldest number and epoch. Answer: `LogState`.
    LogState { access: Access },
    /// The number of the first event at or after a time. Answer: `LogState` whose `head` is
    /// the number before it.
    LogAt { access: Access, unix_ms: i64 },
    /// Up to `limit` rows after `after` that concern `topic`. Answer: `Events`.
    EventsAfter {
        access: Access,
        topic: Topic,
        after: u64,
        limit: usize,
    },
    /// Is the server able to take mail: writer alive, disk above its mark? Answer: `Done`.
    Ready,
    /// An HTTP request without a key, which its address has a rate for. Answer: `Done`.
    Stranger,
}

/// Which thread answers a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// The one writer.
    Writer,
    /// The reader for logins and short look-ups, never behind a search.
    Lookup,
    /// A reader for everything else that only reads.
    Reader,
}

impl Call {
    /// Which thread answers this.
    pub fn queue(&self) -> Queue {
        use Call::*;
        match self {
            Authenticate { .. }
            | OpenStream { .. }
            | Hangup
            | Sender { .. }
            | Recipient { .. }
            | LogState { .. }
            | LogAt { .. }
            | FindInbox { .. }
            | Ready
            | Stranger => Queue::Lookup,
            Deliver { .. }
            | ClaimRecent { .. }
            | CreateMailbox { .. }
            | DeleteMailbox { .. }
            | RenameMailbox { .. }
            | Subscribe { .. }
            | SetFlags { .. }
            | Expunge { .. }
            | Copy { .. }
            | PatchMessage { .. }
            | DeleteMessage { .. }
            | CreateInbox { .. }
            | PatchInbox { .. }
            | DeleteInbox { .. }
            | MintCredentials { .. }
            | CreateKey { .. }
            | RevokeKey { .. }
            | CreateDomain { .. }
            | DeleteDomain { .. }
            | CreateOrg { .. }
            | DeleteOrg { .. } => Queue::Writer,
            Classify { .. }
            | Mailboxes { .. }
            | Status { .. }
            | Select { .. }
            | Subscribed { .. }
            | Fetch { .. }
            | ReadOctets { .. }
            | Changes { .. }
            | Search { .. }
            | ListMessages { .. }
            | ReadMessage { .. }
            | FindOctets { .. }
            | ReadPart { .. }
            | ListInboxes { .. }
            | ReadInbox { .. }
            | ListKeys { .. }
            | ReadKey { .. }
            | ListDomains { .. }
            | ListOrgs { .. }
            | Usage { .. }
            | ListOutbound { .. }
            | EventsAfter { .. } => Queue::Reader,
        }
    }
}

/// `Idempotency-Key`: the first call with a key is carried out and its answer kept 24 hours
/// in the same transaction; the same key and fingerprint get that answer again
/// (`Written::Again`), another fingerprint is `Refusal::IdempotencyConflict`.
#[derive(Clone)]
pub struct Once {
    /// As the client sent it, 1–255 octets.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
    /// Makes the octets to keep from what was done. A plain function, so that the service
    /// keeps an answer without knowing its protocol.
    pub render: fn(&Written) -> Vec<u8>,
}

impl PartialEq for Once {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.fingerprint == other.fingerprint
    }
}

impl Eq for Once {}

impl core::fmt::Debug for Once {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Once({})", self.key)
    }
}

/// The answer to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// No, and that is correct.
    Refused(Refusal),
    /// What was read.
    Answer(Answer),
    /// What was done, and the proof that it is on disk.
    Written(Written, Receipt),
}

/// The proof of a commit. It has no public constructor: `store` makes it when COMMIT has
/// returned, and nobody else can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt(());

impl Receipt {
    /// Only for the function in `store` that has just committed (`protocol-tests/tidy.rs`
    /// holds that it is named nowhere else).
    pub(crate) const fn after_commit() -> Self {
        Receipt(())
    }
}

/// What a call that only reads gives.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Done,
    Authenticated(Access),
    Recipient {
        inbox: Option<InboxId>,
    },
    Classified(Box<Plan>),
    Mailboxes(Vec<MailboxRow>),
    Names(Vec<String>),
    Selected(Box<Selected>),
    /// `more` is the part of the asked set that did not fit the page.
    Entries {
        rows: Vec<EntryRow>,
        more: UidSet,
    },
    Octets(Vec<u8>),
    /// `rows` are entries with a MODSEQ above the asked one; `gone` UIDs that were expunged
    /// since; `uids` all that are there; `as_of` the log's head.
    Changes {
        rows: Vec<EntryState>,
        gone: UidSet,
        uids: UidSet,
        as_of: u64,
    },
    Found {
        uids: UidSet,
        modseq: u64,
    },
    Messages {
        rows: Vec<MessageView>,
        next: Option<String>,
    },
    Message(Box<MessageView>),
    /// `of` is for `Call::ReadOctets`.
    Sized {
        size: u32,
        of: OctetsOf,
    },
    Part {
        octets: Vec<u8>,
        content_type: String,
        filename: String,
        inline: bool,
    },
    Inboxes {
        rows: Vec<InboxRow>,
        next: Option<String>,
    },
    Keys {
        rows: Vec<KeyRow>,
        next: Option<String>,
    },
    Domains(Vec<DomainRow>),
    Orgs(Vec<OrgRow>),
    Usage(Box<UsageRow>),
    Outbound {
        rows: Vec<OutboundRow>,
        next: Option<String>,
    },
    LogState {
        head: u64,
        oldest: u64,
        epoch: u64,
    },
    /// Every row up to `scanned_to` has been looked at; `oldest` is the first that is kept.
    Events {
        events: Vec<Event>,
        scanned_to: u64,
        head: u64,
        oldest: u64,
    },
}

/// What a call that writes did.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    Changed,
    Recent {
        above: u32,
    },
    /// `entry`, also the id of `250 Ok: queued as`, is the Sent copy, the appended entry or
    /// the first delivered one; `placed` is (UIDVALIDITY, UID) of it.
    Delivered {
        entry: Option<EntryId>,
        thread: Option<ThreadId>,
        message_id: String,
        placed: Option<(u32, u32)>,
        outbound: usize,
    },
    /// `modified` failed `UNCHANGEDSINCE`.
    Flagged {
        rows: Vec<EntryState>,
        modified: UidSet,
    },
    Expunged {
        uids: UidSet,
        modseq: u64,
    },
    /// UIDs in the source, and those that they got in the target, in the same order.
    Copied {
        uidvalidity: u32,
        from: UidSet,
        to: UidSet,
        expunged: UidSet,
        modseq: u64,
    },
    Message(Box<MessageView>),
    Inbox {
        row: Box<InboxRow>,
        existed: bool,
    },
    Minted(Vec<(InboxRow, KeyRow, Secret)>),
    Key(Box<KeyRow>, Secret),
    Domain(DomainRow),
    Org(OrgRow, Box<KeyRow>, Secret),
    /// The same `Idempotency-Key` and body as before: the octets that `Once::render` made.
    Again(Vec<u8>),
}

/// Why not. Closed: a new reason does not compile until every protocol has its words.
// Fields are named for what they are; the line above each variant says the rest.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Wrong user or key; answer after `delay_ms`.
    BadCredentials { delay_ms: u64 },
    /// Too many failures from this address.
    LoginLimited { retry_ms: u64 },
    /// The key is good but lacks a scope; which one is named.
    MissingScope(&'static str),
    /// Not there, or not yours: `what` is `inbox`, `message`, `mailbox`, `key` ...
    NotFound(&'static str),
    /// It is there already; `what` as above.
    Exists(&'static str),
    /// The address is not local and the sender may not relay.
    RelayDenied,
    /// No such local recipient.
    NoSuchInbox,
    /// The same for a recipient of a draft: where it stands (`to[3]`), and the address.
    NoSuchRecipient { field: String, address: String },
    /// The key may not send as this address.
    SenderNotAllowed,
    /// From is missing, double or a group.
    BadFrom(&'static str),
    /// A field of the request is wrong: name and what is expected.
    Invalid { field: &'static str, why: String },
    /// Something inside a field of a draft is wrong: where (`attachments[0].content`), and
    /// what is expected.
    InvalidPlace { field: String, why: String },
    /// The message breaks a bound: which.
    TooBig { what: &'static str, max: u64 },
    /// Too many Received fields.
    Loop,
    /// Bare CR, bare LF or NUL.
    StrayOctets,
    /// The inbox is full.
    OverQuota,
    /// A rate or a budget is used up.
    RateLimited { retry_ms: u64 },
    /// Too many sessions, streams, mailboxes ...: `what`, and how many there may be.
    Limit { what: &'static str, max: u64 },
    /// The same key with another body, or still under way.
    IdempotencyConflict(&'static str),
    /// It cannot be done in this state (mailbox has children, INBOX, parent cycle ...).
    Conflict(&'static str),
    /// The cursor is older than what is kept.
    Expired { oldest: u64 },
    /// The search took too long.
    SearchDeadline,
    /// The disk is too full to take mail.
    NoSpace,
    /// Our fault; the log has the reason.
    Internal,
    /// The server is stopping.
    Stopping,
}
