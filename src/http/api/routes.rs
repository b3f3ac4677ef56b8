//! The API as a table: method, path, what the key must hold, how it is answered, and the
//! operation, which describes itself.
//!
//! A row without a declared need does not compile. The service checks scopes again in every
//! call: the table decides which error a client sees first, and the service keeps it out.

use std::sync::LazyLock;

use super::codes::{self, ErrorCode};
use super::import::ImportBatch;
use super::operation::{Operation, Takes};
use super::problems::Problem;
use super::values::Values;
use super::{
    answer, approval, audit, autoconfig, batch, credentials, domain, draft, event, event_group,
    export, filter_rule, folder, health, import, inbox, inbox_webhook, key, known_spam, list, me,
    message, org, outbound, rule, send, spam_check, spam_settings, suppression, thread, upload,
    usage, wait, webhook,
};
use crate::call::{
    Access, Answer, Call, Caller, EntryId, Idempotency, InboxRef, Intake, Need, Now, Render,
    RepeatKey, Scopes, Secret, Shared, Written,
};
use crate::http::pages;
use crate::http::stream;
use crate::http::wire::head::UpgradeFields;
use crate::http::wire::response::Response;
use crate::http::wire::target::{Query, inbox_ref};

/// One route.
#[derive(Debug)]
pub(crate) struct RouteRow {
    /// `*` is any.
    pub method: &'static str,
    /// `{name}` stands for one segment.
    pub path: &'static str,
    pub need: RouteNeed,
    pub stage: RouteStage,
}

/// How a route is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RouteStage {
    /// With one response.
    Answered(&'static Operation),
    /// With a stream that lasts as long as its connection.
    Lasting(&'static Operation),
    /// With a WebSocket, for as long as its connection lasts.
    Socket(&'static Operation),
    /// With one response, which may come after minutes.
    Awaited(&'static Operation),
    /// With JSON-RPC, which has methods of its own; such a path stands in no table of the API.
    Rpc,
}

impl RouteRow {
    /// The operation of the route; JSON-RPC has its own.
    pub const fn operation(&self) -> Option<&'static Operation> {
        match self.stage {
            RouteStage::Answered(operation)
            | RouteStage::Lasting(operation)
            | RouteStage::Socket(operation)
            | RouteStage::Awaited(operation) => Some(operation),
            RouteStage::Rpc => None,
        }
    }

    /// Every code that it can give, in the order of their statuses.
    pub fn errors(&self) -> Vec<&'static ErrorCode> {
        let Some(operation) = self.operation() else {
            return Vec::new();
        };
        let mut all = codes::OF_ANY_REQUEST.to_vec();
        if self.need != RouteNeed::Nothing {
            all.extend([codes::UNAUTHORIZED, codes::TOO_MANY_FAILURES]);
        }
        if !matches!(self.need, RouteNeed::Nothing | RouteNeed::Key) {
            all.push(codes::MISSING_SCOPE);
        }
        if let RouteNeed::OrgAdmin | RouteNeed::Organization(_) = self.need {
            all.push(codes::KEY_BOUND);
        }
        if self.path.contains('{') {
            all.push(codes::NOT_FOUND);
        }
        if !operation.query.is_empty() || self.method == "POST" {
            all.push(codes::INVALID_FIELD);
        }
        match operation.takes {
            Takes::Nothing => all.push(codes::UNEXPECTED_BODY),
            Takes::Xml | Takes::Octets | Takes::MessageOctets => all.push(codes::BODY_TOO_LARGE),
            Takes::Json(_) | Takes::Message(_) => all.extend([
                codes::INVALID_JSON,
                codes::INVALID_FIELD,
                codes::BODY_TOO_LARGE,
                codes::UNSUPPORTED_MEDIA_TYPE,
            ]),
        }
        if self.method == "POST" {
            all.push(codes::IDEMPOTENCY_CONFLICT);
        }
        all.extend(operation.errors);
        // Stable: within a status the order above stays.
        all.sort_by_key(|code| code.status);
        let mut known: Vec<&'static ErrorCode> = Vec::with_capacity(all.len());
        for code in all {
            if !known.contains(&code) {
                known.push(code);
            }
        }
        known
    }

    /// Whether its response lasts as long as its connection.
    pub const fn is_lasting(&self) -> bool {
        matches!(self.stage, RouteStage::Lasting(_))
    }

    /// Whether it relies on the check of its key for longer than a moment.
    pub const fn relies_on_login(&self) -> bool {
        matches!(
            self.stage,
            RouteStage::Lasting(_)
                | RouteStage::Socket(_)
                | RouteStage::Awaited(_)
                | RouteStage::Rpc
        )
    }

    /// Whether it is answered with JSON-RPC.
    pub const fn is_rpc(&self) -> bool {
        matches!(self.stage, RouteStage::Rpc)
    }

    /// Whether it is answered with a WebSocket.
    pub const fn is_socket(&self) -> bool {
        matches!(self.stage, RouteStage::Socket(_))
    }
}

/// The key that a route needs. A row that needs a scope says whether it concerns inboxes or the
/// organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RouteNeed {
    /// Nothing at all.
    Nothing,
    /// Nothing on a loopback address, elsewhere the operator's token.
    Near,
    /// Any key.
    Key,
    /// A key with this. One that is bound to inboxes reaches only what it sees.
    Inboxes(Scopes),
    /// A key with this that is bound to no inbox.
    Organization(Scopes),
    /// `admin` of the organization that the path names, or the operator's token.
    OrgAdmin,
    /// The operator's token, without an organization.
    Operator,
    /// The operator's token.
    AnyOperator,
}

impl RouteNeed {
    /// The need of a caller that has a key.
    pub fn of_key(self) -> Need {
        match self {
            RouteNeed::Nothing => Need::Nothing,
            RouteNeed::Key => Need::Key,
            RouteNeed::Inboxes(scope) => Need::Inboxes(scope),
            RouteNeed::Organization(scope) => Need::Organization(scope),
            RouteNeed::OrgAdmin => Need::OrgAdmin,
            RouteNeed::Operator => Need::Operator,
            RouteNeed::Near | RouteNeed::AnyOperator => Need::AnyOperator,
        }
    }
}

/// A request, as the functions of the table see it.
#[derive(Debug)]
pub(crate) struct RouteRequest<'a> {
    pub caller: &'a Caller,
    pub now: Now,
    /// The segments of the path in place of the `{name}`s, in order.
    pub places: &'a [String],
    pub query: &'a Query,
    /// The query, read by the table of the operation.
    pub parameters: Values,
    /// The body, read by the table of the operation.
    pub body: Values,
    /// The body as it came, for an operation that reads it itself.
    pub octets: &'a [u8],
    /// Content-Type, where there is one.
    pub content_type: Option<&'a str>,
    /// `Idempotency-Key`, with the fingerprint of this request.
    pub idempotency: Option<(RepeatKey, [u8; 32])>,
    pub last_event_id: Option<&'a str>,
    /// The fields of a request for another protocol; HEAD asks for none.
    pub upgrade: Option<&'a UpgradeFields>,
    pub host: Option<&'a str>,
    pub secret: Option<&'a Secret>,
    pub shared: &'a Shared,
}

/// The next step of the engine for a request.
#[derive(Debug)]
pub(crate) enum RouteStep {
    /// Answer at once.
    Respond(Response),
    /// One call that reads, and how its answer is shown.
    Read(Box<Call>, ShowAnswer),
    /// One call that writes, and how its result is shown.
    Write(Box<Call>, ShowWritten),
    /// Messages of another mailbox, in slices.
    Import(Box<ImportBatch>),
    /// A message that comes in, and how its result is shown.
    Accept(Box<Intake>, ShowWritten),
    /// A file: the intake gets the body as its octets.
    Upload(Box<Intake>, ShowWritten),
    /// A message that is only judged: the intake gets the body as its octets.
    Check(Box<Intake>, ShowAnswer),
    /// A message that is sent, or only tried.
    Send(Box<Intake>),
    /// The octets of a message, in pages.
    Raw(InboxRef, EntryId),
    /// The decoded octets of one of its parts, in pages.
    Part(InboxRef, EntryId, usize),
    /// Every inbox as CSV, in pages, with the key of the request.
    Export(Secret),
    /// An event stream.
    Stream(Box<stream::Wanted>),
    /// A WebSocket of a key, with the proof that its handshake was read.
    Socket(Access, String),
    /// A message, as soon as one is there.
    Wait(Box<stream::MessageWait>),
    /// A page of the log.
    Log(Box<stream::PolledPage>),
}

/// Makes a response of an answer; `None` when it is not the answer to this route's call.
pub(crate) type ShowAnswer = fn(Answer, &Caller, &Shared) -> Option<Response>;
/// The same for a call that writes.
pub(crate) type ShowWritten = fn(&Written, &Shared) -> Option<Response>;

impl RouteRequest<'_> {
    /// The access of the caller. Routes that need a key always have it.
    pub fn access(&self) -> Result<Access, Box<Problem>> {
        let access = self.caller.key().cloned();
        access.ok_or_else(|| Problem::unauthorized("A key is needed here."))
    }

    /// `{inbox}`, which is always the first.
    pub fn inbox(&self) -> Result<InboxRef, Box<Problem>> {
        self.id(0, "inbox", inbox_ref)
    }

    /// Takes `limit` and `cursor` of a list that is one page whatever they say.
    pub fn one_page(&mut self) {
        self.parameters.limit();
        self.parameters.text("cursor");
    }

    /// The `at`th `{name}` by its parser; a text that does not parse is not found.
    pub fn id<T>(
        &self,
        at: usize,
        noun: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Box<Problem>> {
        let text = self.places.get(at).map_or("", String::as_str);
        parse(text).ok_or_else(|| Problem::no_id(noun, text))
    }

    /// The idempotency of this request, with the function that keeps its answer.
    pub fn idempotency(&self, render: fn(&Written) -> Vec<u8>) -> Option<Idempotency> {
        let (key, fingerprint) = self.idempotency.clone()?;
        Some(Idempotency {
            key,
            fingerprint,
            render: Render(render),
        })
    }
}

/// The result of the function of a route.
pub(crate) type RouteResult = Result<RouteStep, Box<Problem>>;

/// 204 after a deletion.
pub(crate) fn gone(written: &Written, _shared: &Shared) -> Option<Response> {
    matches!(written, Written::Changed).then(Response::nothing)
}

/// The result of a search in the table.
#[derive(Debug)]
pub(crate) enum Match {
    Found(&'static RouteRow, Vec<String>),
    /// The path exists with these methods.
    Methods(String),
    None,
}

/// Whether a path is answered also while the server stops: by it, clients say what they have.
pub(crate) fn is_for_drain(segments: &[String]) -> bool {
    segments == ["api", "v1", "events", "ack"]
}

/// Looks a request up. HEAD is GET.
pub(crate) fn find(method: &str, segments: &[String]) -> Match {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let rows = split_rows(segments.len());
    let mut methods: Vec<&str> = Vec::new();
    let mut path = None;
    for split in rows {
        let row = split.row;
        if !split.fits(segments) {
            continue;
        }
        // The first path that fits is the one that is meant: a PATCH of `messages/batch` is a
        // wrong method, and no PATCH of a message.
        if *path.get_or_insert(row.path) != row.path {
            continue;
        }
        if row.method == wanted {
            return Match::Found(row, split.places(segments));
        }
        methods.push(row.method);
        if row.method == "GET" {
            methods.push("HEAD");
        }
    }
    if methods.is_empty() {
        return Match::None;
    }
    methods.push("OPTIONS");
    methods.dedup();
    Match::Methods(methods.join(", "))
}

/// A row with the segments of its path.
#[derive(Debug)]
struct SplitRow {
    row: &'static RouteRow,
    parts: Vec<&'static str>,
}

/// The rows whose paths have so many segments, in the order of the table.
fn split_rows(segments: usize) -> &'static [SplitRow] {
    static BY_SEGMENTS: LazyLock<Vec<Vec<SplitRow>>> = LazyLock::new(|| {
        let mut all: Vec<Vec<SplitRow>> = Vec::new();
        for row in ROUTES {
            let parts: Vec<&str> = row.path.split('/').skip(1).collect();
            while all.len() <= parts.len() {
                all.push(Vec::new());
            }
            if let Some(of_length) = all.get_mut(parts.len()) {
                of_length.push(SplitRow { row, parts });
            }
        }
        all
    });
    BY_SEGMENTS.get(segments).map_or(&[], Vec::as_slice)
}

impl SplitRow {
    /// Whether the path of a request is one of this row. Paths differ most at their end. Mail
    /// programs write that of autodiscover in any case (MS-OXDSCLI section 3.1.5).
    fn fits(&self, segments: &[String]) -> bool {
        let mut pairs = self.parts.iter().zip(segments).rev();
        let has_case = self.parts.first() != Some(&"autodiscover");
        pairs.all(|(part, segment)| match part.starts_with('{') {
            true => !segment.is_empty(),
            false => part == segment || (!has_case && part.eq_ignore_ascii_case(segment)),
        })
    }

    /// The segments in place of the `{name}`s.
    fn places(&self, segments: &[String]) -> Vec<String> {
        let pairs = self.parts.iter().zip(segments);
        let named = pairs.filter(|(part, _)| part.starts_with('{'));
        named.map(|(_, segment)| segment.clone()).collect()
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $need:ident $stage:expr;)*) => {
        /// Every route, the more literal path before the less literal one.
        pub(crate) static ROUTES: &[RouteRow] = &[$(RouteRow {
            method: stringify!($method),
            path: $path,
            need: $need,
            stage: $stage,
        },)*];
    };
}

use RouteNeed::{AnyOperator, Inboxes, Key, Near, Nothing, Operator, OrgAdmin, Organization};
use RouteStage::{Answered, Awaited, Lasting, Socket};

const MAIL_READ: RouteNeed = Inboxes(Scopes::MESSAGES_READ);
const MAIL_WRITE: RouteNeed = Inboxes(Scopes::MESSAGES_WRITE);
const MAIL_READ_WRITE: RouteNeed =
    Inboxes(Scopes(Scopes::MESSAGES_READ.0 | Scopes::MESSAGES_WRITE.0));
const INBOX_READ: RouteNeed = Inboxes(Scopes::INBOXES_READ);
const INBOX_WRITE: RouteNeed = Inboxes(Scopes::INBOXES_WRITE);
const EVENTS: RouteNeed = Inboxes(Scopes::EVENTS_READ);
const DOMAINS: RouteNeed = Organization(Scopes::DOMAINS_WRITE);
const APPROVE: RouteNeed = Inboxes(Scopes::APPROVE);
const KEYS: RouteNeed = Inboxes(Scopes::KEYS_WRITE);
const RULES: RouteNeed = Inboxes(Scopes::RULES_WRITE);
const ADMIN: RouteNeed = Organization(Scopes::ADMIN);
const RULE_TRIAL: RouteNeed = Inboxes(Scopes::RULES_WRITE.and(Scopes::MESSAGES_READ));
const ORG_RULE_TRIAL: RouteNeed = Organization(Scopes::RULES_WRITE.and(Scopes::MESSAGES_READ));
const ORG_RULES: RouteNeed = Organization(Scopes::RULES_WRITE);
const WEBHOOKS: RouteNeed = Organization(Scopes::WEBHOOKS_WRITE);
const INBOX_WEBHOOKS: RouteNeed = Inboxes(Scopes::WEBHOOKS_WRITE);
const SUPPRESSIONS: RouteNeed = Organization(Scopes::RULES_WRITE);

routes! {
    GET "/healthz" Nothing Answered(&health::ALIVE);
    GET "/readyz" Nothing Answered(&health::READY);
    GET "/metrics" Near Answered(&health::METRICS);
    GET "/api/v1/openapi.json" Nothing Answered(&pages::OPENAPI);
    GET "/api/v1/docs" Nothing Answered(&pages::DOCS);

    GET "/.well-known/autoconfig/mail/config-v1.1.xml" Nothing Answered(&autoconfig::WELL_KNOWN);
    GET "/mail/config-v1.1.xml" Nothing Answered(&autoconfig::AT_HOST);
    POST "/autodiscover/autodiscover.xml" Nothing Answered(&autoconfig::AUTODISCOVER);

    GET "/api/v1/me" Key Answered(&me::READ);
    GET "/api/v1/usage" Key Answered(&usage::READ);
    GET "/api/v1/audit" ADMIN Answered(&audit::LIST);
    POST "/api/v1/keys" KEYS Answered(&key::CREATE);
    GET "/api/v1/keys" KEYS Answered(&key::LIST);
    GET "/api/v1/keys/{key}" KEYS Answered(&key::READ);
    DELETE "/api/v1/keys/{key}" KEYS Answered(&key::REVOKE);
    POST "/api/v1/domains" DOMAINS Answered(&domain::CREATE);
    GET "/api/v1/domains" DOMAINS Answered(&domain::LIST);
    GET "/api/v1/domains/{domain}" DOMAINS Answered(&domain::READ);
    PATCH "/api/v1/domains/{domain}" DOMAINS Answered(&domain::PATCH);
    DELETE "/api/v1/domains/{domain}" DOMAINS Answered(&domain::DELETE);
    GET "/api/v1/domains/{domain}/dns-records" DOMAINS Answered(&domain::RECORDS);
    POST "/api/v1/domains/{domain}/verify" DOMAINS Answered(&domain::VERIFY);
    POST "/api/v1/domains/{domain}/rotate-dkim" DOMAINS Answered(&domain::ROTATE);
    POST "/api/v1/domains/{domain}/trust" AnyOperator Answered(&domain::TRUST);
    POST "/api/v1/orgs" Operator Answered(&org::CREATE);
    GET "/api/v1/orgs" Operator Answered(&org::LIST);
    GET "/api/v1/orgs/{org}" Key Answered(&org::READ);
    PATCH "/api/v1/orgs/{org}" OrgAdmin Answered(&org::PATCH);
    POST "/api/v1/orgs/{org}/pause" OrgAdmin Answered(&org::PAUSE);
    POST "/api/v1/orgs/{org}/resume" OrgAdmin Answered(&org::RESUME);
    DELETE "/api/v1/orgs/{org}" Operator Answered(&org::DELETE);

    POST "/api/v1/inboxes" INBOX_WRITE Answered(&inbox::CREATE);
    GET "/api/v1/inboxes" INBOX_READ Answered(&inbox::LIST);
    GET "/api/v1/inboxes/credentials/export" INBOX_READ Answered(&credentials::EXPORT);
    POST "/api/v1/inboxes/credentials/export" KEYS Answered(&credentials::MAKE);
    GET "/api/v1/inboxes/{inbox}" INBOX_READ Answered(&inbox::READ);
    PATCH "/api/v1/inboxes/{inbox}" INBOX_WRITE Answered(&inbox::PATCH);
    DELETE "/api/v1/inboxes/{inbox}" INBOX_WRITE Answered(&inbox::DELETE);
    GET "/api/v1/inboxes/{inbox}/mobileconfig" INBOX_READ Answered(&autoconfig::PROFILE);

    POST "/api/v1/inboxes/{inbox}/messages" MAIL_WRITE Answered(&send::SEND);
    GET "/api/v1/inboxes/{inbox}/messages" MAIL_READ Answered(&list::LIST_OF_INBOX);
    GET "/api/v1/inboxes/{inbox}/export" MAIL_READ Answered(&export::EXPORT);
    POST "/api/v1/inboxes/{inbox}/import" MAIL_WRITE Answered(&import::IMPORT);
    GET "/api/v1/inboxes/{inbox}/messages/wait" MAIL_READ Awaited(&wait::WAIT);
    POST "/api/v1/inboxes/{inbox}/messages/batch" MAIL_WRITE Answered(&batch::BATCH);
    GET "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_READ Answered(&message::READ);
    PATCH "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_WRITE Answered(&message::PATCH);
    DELETE "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_WRITE Answered(&message::DELETE);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/admit" MAIL_WRITE Answered(&message::ADMIT);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/spam" MAIL_WRITE Answered(&spam_settings::SPAM_MESSAGE);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/not-spam" MAIL_WRITE Answered(&spam_settings::NOT_SPAM_MESSAGE);
    GET "/api/v1/inboxes/{inbox}/spam" RULES Answered(&spam_settings::READ_SETTINGS);
    PUT "/api/v1/inboxes/{inbox}/spam" RULES Answered(&spam_settings::SET);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/reply" MAIL_READ_WRITE Answered(&answer::REPLY);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/reply-all" MAIL_READ_WRITE Answered(&answer::REPLY_ALL);
    POST "/api/v1/inboxes/{inbox}/messages/{id}/forward" MAIL_READ_WRITE Answered(&answer::FORWARD);
    GET "/api/v1/inboxes/{inbox}/messages/{id}/raw" MAIL_READ Answered(&message::RAW);
    GET "/api/v1/inboxes/{inbox}/messages/{id}/attachments/{att}" MAIL_READ
        Answered(&message::ATTACHMENT_OCTETS);
    POST "/api/v1/inboxes/{inbox}/drafts" MAIL_WRITE Answered(&draft::CREATE);
    GET "/api/v1/inboxes/{inbox}/drafts" MAIL_READ Answered(&draft::LIST);
    GET "/api/v1/inboxes/{inbox}/drafts/{id}" MAIL_READ Answered(&draft::READ);
    PATCH "/api/v1/inboxes/{inbox}/drafts/{id}" MAIL_WRITE Answered(&draft::PATCH);
    DELETE "/api/v1/inboxes/{inbox}/drafts/{id}" MAIL_WRITE Answered(&draft::DELETE);
    POST "/api/v1/inboxes/{inbox}/drafts/{id}/send" MAIL_READ_WRITE Answered(&draft::SEND);
    GET "/api/v1/messages" MAIL_READ Answered(&list::LIST_OF_ALL);
    GET "/api/v1/inboxes/{inbox}/threads" MAIL_READ Answered(&thread::LIST);
    GET "/api/v1/inboxes/{inbox}/threads/{thread}" MAIL_READ Answered(&thread::READ);
    GET "/api/v1/inboxes/{inbox}/folders" MAIL_READ Answered(&folder::LIST);
    POST "/api/v1/inboxes/{inbox}/folders" MAIL_WRITE Answered(&folder::CREATE);
    PATCH "/api/v1/inboxes/{inbox}/folders/{folder}" MAIL_WRITE Answered(&folder::RENAME);
    DELETE "/api/v1/inboxes/{inbox}/folders/{folder}" MAIL_WRITE Answered(&folder::DELETE);
    POST "/api/v1/inboxes/{inbox}/rules/test" RULE_TRIAL Answered(&rule::TRY);
    POST "/api/v1/inboxes/{inbox}/rules" RULES Answered(&rule::CREATE);
    GET "/api/v1/inboxes/{inbox}/rules" RULES Answered(&rule::LIST);
    GET "/api/v1/inboxes/{inbox}/rules/{rule}" RULES Answered(&rule::READ);
    PATCH "/api/v1/inboxes/{inbox}/rules/{rule}" RULES Answered(&rule::PATCH);
    DELETE "/api/v1/inboxes/{inbox}/rules/{rule}" RULES Answered(&rule::DELETE);
    POST "/api/v1/rules/test" ORG_RULE_TRIAL Answered(&rule::TRY_OF_ALL);
    POST "/api/v1/rules" ORG_RULES Answered(&rule::CREATE_OF_ALL);
    GET "/api/v1/rules" ORG_RULES Answered(&rule::LIST_OF_ALL);
    GET "/api/v1/rules/{rule}" ORG_RULES Answered(&rule::READ_OF_ALL);
    PATCH "/api/v1/rules/{rule}" ORG_RULES Answered(&rule::PATCH_OF_ALL);
    DELETE "/api/v1/rules/{rule}" ORG_RULES Answered(&rule::DELETE_OF_ALL);
    GET "/api/v1/approvals" APPROVE Answered(&approval::LIST);
    GET "/api/v1/approvals/{approval}" APPROVE Answered(&approval::READ);
    POST "/api/v1/approvals/{approval}/approve" APPROVE Answered(&approval::APPROVE);
    POST "/api/v1/approvals/{approval}/decline" APPROVE Answered(&approval::DECLINE);
    GET "/api/v1/outbound" MAIL_READ Answered(&outbound::LIST);
    POST "/api/v1/filter-rules" RULES Answered(&filter_rule::CREATE);
    GET "/api/v1/filter-rules" RULES Answered(&filter_rule::LIST);
    GET "/api/v1/filter-rules/{filter_rule}" RULES Answered(&filter_rule::READ);
    DELETE "/api/v1/filter-rules/{filter_rule}" RULES Answered(&filter_rule::DELETE);
    POST "/api/v1/suppressions" SUPPRESSIONS Answered(&suppression::CREATE);
    GET "/api/v1/suppressions" SUPPRESSIONS Answered(&suppression::LIST);
    GET "/api/v1/suppressions/{suppression}" SUPPRESSIONS Answered(&suppression::READ);
    DELETE "/api/v1/suppressions/{suppression}" SUPPRESSIONS Answered(&suppression::DELETE);
    GET "/api/v1/outbound/{outbound}" MAIL_READ Answered(&outbound::READ);
    POST "/api/v1/outbound/{outbound}/retry" MAIL_WRITE Answered(&outbound::RETRY);
    POST "/api/v1/outbound/{outbound}/cancel" MAIL_WRITE Answered(&outbound::CANCEL);

    DELETE "/api/v1/spam/learned" ADMIN Answered(&spam_settings::FORGET);
    POST "/api/v1/spam/signatures" Operator Answered(&known_spam::IMPORT);
    GET "/api/v1/spam/signatures" Operator Answered(&known_spam::LIST);
    DELETE "/api/v1/spam/signatures" Operator Answered(&known_spam::DELETE);
    POST "/api/v1/spam/check" MAIL_READ Answered(&spam_check::CHECK);
    POST "/api/v1/uploads" MAIL_WRITE Answered(&upload::CREATE);
    GET "/api/v1/uploads/{upload}" MAIL_WRITE Answered(&upload::READ);
    DELETE "/api/v1/uploads/{upload}" MAIL_WRITE Answered(&upload::DELETE);

    GET "/api/v1/events" EVENTS Lasting(&event::ALL);
    POST "/api/v1/events/ticket" EVENTS Answered(&event::MAKE_TICKET);
    GET "/api/v1/events/log" EVENTS Answered(&event::LOG);
    POST "/api/v1/events/ack" EVENTS Answered(&event_group::ACKNOWLEDGE);
    GET "/api/v1/events/groups" EVENTS Answered(&event_group::LIST);
    GET "/api/v1/events/groups/{group}" EVENTS Answered(&event_group::READ);
    DELETE "/api/v1/events/groups/{group}" EVENTS Answered(&event_group::DELETE);
    POST "/api/v1/events/groups/{group}/replay" EVENTS Answered(&event_group::REPLAY_ALL);
    GET "/api/v1/inboxes/{inbox}/events" EVENTS Lasting(&event::ONE);
    GET "/api/v1/inboxes/{inbox}/watch" EVENTS Lasting(&event::TREE);
    GET "/api/v1/ws" EVENTS Socket(&event::SOCKET);

    POST "/api/v1/webhooks" WEBHOOKS Answered(&webhook::CREATE);
    GET "/api/v1/webhooks" WEBHOOKS Answered(&webhook::LIST);
    GET "/api/v1/webhooks/{webhook}" WEBHOOKS Answered(&webhook::READ);
    PATCH "/api/v1/webhooks/{webhook}" WEBHOOKS Answered(&webhook::PATCH);
    DELETE "/api/v1/webhooks/{webhook}" WEBHOOKS Answered(&webhook::DELETE);
    POST "/api/v1/webhooks/{webhook}/rotate-secret" WEBHOOKS Answered(&webhook::ROTATE);
    POST "/api/v1/webhooks/{webhook}/test" WEBHOOKS Answered(&webhook::TEST);
    GET "/api/v1/webhooks/{webhook}/deliveries" WEBHOOKS Answered(&webhook::DELIVERIES);
    POST "/api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver" WEBHOOKS
        Answered(&webhook::REDELIVER);
    POST "/api/v1/webhooks/{webhook}/redeliver" WEBHOOKS Answered(&webhook::REDELIVER_SINCE);
    POST "/api/v1/inboxes/{inbox}/webhooks" INBOX_WEBHOOKS Answered(&inbox_webhook::CREATE);
    GET "/api/v1/inboxes/{inbox}/webhooks" INBOX_WEBHOOKS Answered(&inbox_webhook::LIST);
    GET "/api/v1/inboxes/{inbox}/webhooks/{webhook}" INBOX_WEBHOOKS
        Answered(&inbox_webhook::READ);
    PATCH "/api/v1/inboxes/{inbox}/webhooks/{webhook}" INBOX_WEBHOOKS
        Answered(&inbox_webhook::PATCH);
    DELETE "/api/v1/inboxes/{inbox}/webhooks/{webhook}" INBOX_WEBHOOKS
        Answered(&inbox_webhook::DELETE);
    POST "/api/v1/inboxes/{inbox}/webhooks/{webhook}/rotate-secret" INBOX_WEBHOOKS
        Answered(&inbox_webhook::ROTATE);
    POST "/api/v1/inboxes/{inbox}/webhooks/{webhook}/test" INBOX_WEBHOOKS
        Answered(&inbox_webhook::TEST);
    GET "/api/v1/inboxes/{inbox}/webhooks/{webhook}/deliveries" INBOX_WEBHOOKS
        Answered(&inbox_webhook::DELIVERIES);
    POST "/api/v1/inboxes/{inbox}/webhooks/{webhook}/deliveries/{delivery}/redeliver"
        INBOX_WEBHOOKS Answered(&inbox_webhook::REDELIVER);
    POST "/api/v1/inboxes/{inbox}/webhooks/{webhook}/redeliver" INBOX_WEBHOOKS
        Answered(&inbox_webhook::REDELIVER_SINCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(method: &str, path: &str) -> Match {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        find(method, &segments)
    }

    #[test]
    fn rows_are_found() {
        for row in ROUTES.iter().filter(|row| row.operation().is_some()) {
            let path = row.path.replace(['{', '}'], "");
            match look(row.method, &path) {
                Match::Found(found, _) => assert_eq!(found.path, row.path),
                other => panic!("{path}: {other:?}"),
            }
        }
        assert!(matches!(look("HEAD", "/api/v1/me"), Match::Found(..)));
        assert!(matches!(look("GET", "/api/v1/me/"), Match::None));
        assert!(matches!(look("GET", "/api/v1/inboxes/"), Match::None));
        assert!(matches!(look("GET", "/api/v1"), Match::None));
        assert!(matches!(look("GET", "//api/v1/me"), Match::None));
        match look("PATCH", "/api/v1/inboxes/a@b/messages/batch") {
            Match::Methods(methods) => assert_eq!(methods, "POST, OPTIONS"),
            other => panic!("{other:?}"),
        }
        match look("PUT", "/api/v1/inboxes/a@b") {
            Match::Methods(all) => assert_eq!(all, "GET, HEAD, PATCH, DELETE, OPTIONS"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_row_of_the_api_needs_something() {
        for row in ROUTES {
            assert_eq!(
                row.need == Nothing,
                matches!(
                    row.path,
                    "/healthz"
                        | "/readyz"
                        | "/api/v1/openapi.json"
                        | "/api/v1/docs"
                        | "/.well-known/autoconfig/mail/config-v1.1.xml"
                        | "/mail/config-v1.1.xml"
                        | "/autodiscover/autodiscover.xml"
                ),
                "{}",
                row.path
            );
        }
    }
}
