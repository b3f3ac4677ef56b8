//! The API as a table: method, path, what the key must hold, what kind of body, which
//! parameters, and the function that turns a request into what is asked of the product.
//!
//! A row without a declared need does not compile. The service checks scopes again in every
//! call: the table is what a client is told first, not what keeps it out.

use super::problems::Problem;
use super::{account, credentials, health, message};
use crate::call::{
    Access, Answer, Call, Draft, EntryId, InboxRef, Once, Scopes, Secret, Shared, Written,
};
use crate::http::stream;
use crate::http::wire::response::Response;
use crate::http::wire::target::{Query, inbox_ref};

/// One route.
#[derive(Debug)]
pub(crate) struct RouteRow {
    pub method: &'static str,
    /// `{name}` stands for one segment.
    pub path: &'static str,
    pub need: Need,
    pub takes: Takes,
    /// The query parameters that it knows.
    pub params: &'static [&'static str],
    pub run: fn(&RouteRequest<'_>) -> Result<RouteStep, Box<Problem>>,
}

/// What the caller must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Nothing at all.
    Nothing,
    /// Nothing on a loopback address, elsewhere `admin` or the operator's token.
    Near,
    /// Any key.
    Key,
    /// A key with this.
    Scope(Scopes),
    /// The operator's token.
    Operator,
}

impl Need {
    /// The scope that is lacking, if one is.
    pub fn lacks(self, access: &Access) -> Option<&'static str> {
        let held = access.scopes;
        match self {
            Need::Nothing | Need::Key => None,
            Need::Near if held.allow(Scopes::ADMIN) || held.allow(Scopes::OPERATOR) => None,
            Need::Near => Some("admin"),
            Need::Scope(scope) if held.allow(scope) => None,
            Need::Scope(scope) => Some(scope.names().next().unwrap_or("admin")),
            Need::Operator if held.allow(Scopes::OPERATOR) => None,
            Need::Operator => Some("operator"),
        }
    }
}

/// What a body may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takes {
    Nothing,
    /// JSON up to `Limits::http_body_bytes`.
    Json,
    /// JSON with attachments, up to `Limits::http_send_bytes`.
    Message,
}

/// A request, as the functions of the table see it.
#[derive(Debug)]
pub(crate) struct RouteRequest<'a> {
    pub access: Option<&'a Access>,
    /// What stood in place of the `{name}`s, in order.
    pub places: &'a [String],
    pub query: &'a Query,
    pub body: &'a [u8],
    /// `Idempotency-Key`, with the fingerprint of this request.
    pub once: Option<(String, [u8; 32])>,
    pub last_event_id: Option<&'a str>,
    pub secret: Option<&'a Secret>,
    pub shared: &'a Shared,
}

/// What the engine does for a request.
#[derive(Debug)]
pub(crate) enum RouteStep {
    /// Answer at once.
    Respond(Response),
    /// One call that reads, and how its answer is shown.
    Read(Box<Call>, ShowAnswer),
    /// One call that writes, and how what it did is shown.
    Write(Box<Call>, ShowWritten),
    /// Compose, classify, deliver.
    Send(InboxRef, Box<Draft>, Option<Once>),
    /// The octets of a message, in pages.
    Raw(InboxRef, EntryId),
    /// Every inbox as CSV, in pages, with the key of the request.
    Export(Secret),
    /// An event stream.
    Stream(Box<stream::Wanted>),
    /// A page of the log.
    Log(Box<stream::PolledPage>),
}

/// Makes a response of an answer; `None` when it is not the answer to this route's call.
pub(crate) type ShowAnswer = fn(Answer, &Access, &Shared) -> Option<Response>;
/// The same for a call that writes.
pub(crate) type ShowWritten = fn(&Written, &Shared) -> Option<Response>;

impl RouteRequest<'_> {
    /// Who asks. Every row but those that need nothing has it.
    pub fn access(&self) -> Result<Access, Box<Problem>> {
        let access = self.access.cloned();
        access.ok_or_else(|| Problem::unauthorized("A key is needed here."))
    }

    /// `{inbox}`, which is always the first.
    pub fn inbox(&self) -> Result<InboxRef, Box<Problem>> {
        self.id(0, "inbox", inbox_ref)
    }

    /// The `at`th `{name}` by its parser; what does not parse cannot be there.
    pub fn id<T>(
        &self,
        at: usize,
        noun: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Box<Problem>> {
        let text = self.places.get(at).map_or("", String::as_str);
        parse(text).ok_or_else(|| Problem::no_id(noun, text))
    }

    /// The idempotency of this request, with what keeps its answer.
    pub fn once(&self, render: fn(&Written) -> Vec<u8>) -> Option<Once> {
        let (key, fingerprint) = self.once.clone()?;
        Some(Once {
            key,
            fingerprint,
            render,
        })
    }
}

/// What the table has for a method and a path.
#[derive(Debug)]
pub(crate) enum Match {
    RouteRow(&'static RouteRow, Vec<String>),
    /// The path is there with these methods.
    Methods(String),
    /// The contract has it and this server does not do it yet.
    Later,
    None,
}

/// Looks a request up. HEAD is GET.
pub(crate) fn find(method: &str, segments: &[String]) -> Match {
    let wanted = if method == "HEAD" { "GET" } else { method };
    let is_later = |(later, path): &(&str, &str)| {
        (*later == "*" || *later == wanted) && places(path, segments).is_some()
    };
    if LATER.iter().any(is_later) {
        return Match::Later;
    }
    let mut methods: Vec<&str> = Vec::new();
    for row in ROUTES {
        let Some(places) = places(row.path, segments) else {
            continue;
        };
        if row.method == wanted {
            return Match::RouteRow(row, places);
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

fn places(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut places = Vec::new();
    let mut left = segments.iter();
    for part in pattern.split('/').skip(1) {
        let segment = left.next()?;
        if part.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            places.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    left.next().is_none().then_some(places)
}

macro_rules! routes {
    ($($method:ident $path:literal $need:expr, $takes:ident, [$($param:literal)*], $run:path;)*) => {
        /// Every route, the more literal before the less.
        pub(crate) const ROUTES: &[RouteRow] = &[$(RouteRow {
            method: stringify!($method),
            path: $path,
            need: $need,
            takes: Takes::$takes,
            params: &[$($param),*],
            run: $run,
        },)*];
    };
}

use Need::{Key, Near, Nothing, Operator, Scope};

const MAIL_READ: Need = Scope(Scopes::MESSAGES_READ);
const MAIL_WRITE: Need = Scope(Scopes::MESSAGES_WRITE);
const INBOX_READ: Need = Scope(Scopes::INBOXES_READ);
const INBOX_WRITE: Need = Scope(Scopes::INBOXES_WRITE);
const EVENTS: Need = Scope(Scopes::EVENTS_READ);
const DOMAINS: Need = Scope(Scopes::DOMAINS_WRITE);
const KEYS: Need = Scope(Scopes::KEYS_WRITE);

routes! {
    GET "/healthz" Nothing, Nothing, [], health::healthz;
    GET "/readyz" Nothing, Nothing, [], health::readyz;
    GET "/metrics" Near, Nothing, [], health::metrics;

    GET "/api/v1/me" Key, Nothing, [], account::me;
    POST "/api/v1/keys" KEYS, Json, [], account::create_key;
    GET "/api/v1/keys" KEYS, Nothing, ["limit" "cursor"], account::list_keys;
    GET "/api/v1/keys/{key}" KEYS, Nothing, [], account::read_key;
    DELETE "/api/v1/keys/{key}" KEYS, Nothing, [], account::revoke_key;
    POST "/api/v1/domains" DOMAINS, Json, [], account::create_domain;
    GET "/api/v1/domains" DOMAINS, Nothing, ["limit" "cursor"], account::list_domains;
    DELETE "/api/v1/domains/{domain}" DOMAINS, Nothing, [], account::delete_domain;
    POST "/api/v1/orgs" Operator, Json, [], account::create_org;
    GET "/api/v1/orgs" Operator, Nothing, ["limit" "cursor"], account::list_orgs;
    DELETE "/api/v1/orgs/{org}" Operator, Nothing, [], account::delete_org;

    POST "/api/v1/inboxes" INBOX_WRITE, Json, [], account::create_inbox;
    GET "/api/v1/inboxes" INBOX_READ, Nothing, ["limit" "cursor" "parent"], account::list_inboxes;
    GET "/api/v1/inboxes/credentials/export" INBOX_READ, Nothing, [], credentials::export;
    POST "/api/v1/inboxes/credentials/export" KEYS, Json, [], credentials::mint;
    GET "/api/v1/inboxes/{inbox}" INBOX_READ, Nothing, [], account::read_inbox;
    PATCH "/api/v1/inboxes/{inbox}" INBOX_WRITE, Json, [], account::patch_inbox;
    DELETE "/api/v1/inboxes/{inbox}" INBOX_WRITE, Nothing, [], account::delete_inbox;

    POST "/api/v1/inboxes/{inbox}/messages" MAIL_WRITE, Message, [], message::send;
    GET "/api/v1/inboxes/{inbox}/messages" MAIL_READ, Nothing,
        ["limit" "cursor" "folder" "label" "unread" "from" "to" "subject" "q" "since" "until"
         "has_attachment" "spam" "thread"], message::list;
    GET "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_READ, Nothing, ["max_chars"], message::read;
    PATCH "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_WRITE, Json, [], message::patch;
    DELETE "/api/v1/inboxes/{inbox}/messages/{id}" MAIL_WRITE, Nothing, ["permanent"],
        message::delete;
    GET "/api/v1/inboxes/{inbox}/messages/{id}/raw" MAIL_READ, Nothing, [], message::raw;
    GET "/api/v1/inboxes/{inbox}/messages/{id}/attachments/{att}" MAIL_READ, Nothing, [],
        message::attachment;
    GET "/api/v1/outbound" MAIL_READ, Nothing, ["limit" "cursor"], message::outbound;

    GET "/api/v1/events" EVENTS, Nothing,
        ["since" "inbox" "type" "from" "label" "priority" "verdict"], stream::all;
    GET "/api/v1/events/log" EVENTS, Nothing,
        ["after" "cursor" "limit" "inbox" "type" "from" "label" "priority" "verdict"], stream::log;
    GET "/api/v1/inboxes/{inbox}/events" EVENTS, Nothing,
        ["since" "inbox" "type" "from" "label" "priority" "verdict"], stream::one;
    GET "/api/v1/inboxes/{inbox}/watch" EVENTS, Nothing,
        ["since" "inbox" "type" "from" "label" "priority" "verdict"], stream::tree;
}

/// What the contract has and this server does not do yet, by method (`*` is any) and path.
/// It is looked at first: `messages/wait` is no id of a message.
const LATER: &[(&str, &str)] = &[
    ("*", "/api/v1/inboxes/{inbox}/messages/wait"),
    ("*", "/api/v1/inboxes/{inbox}/messages/batch"),
    ("*", "/api/v1/inboxes/{inbox}/messages/{id}/reply"),
    ("*", "/api/v1/inboxes/{inbox}/messages/{id}/reply-all"),
    ("*", "/api/v1/inboxes/{inbox}/messages/{id}/forward"),
    ("*", "/api/v1/inboxes/{inbox}/messages/{id}/spam"),
    ("*", "/api/v1/inboxes/{inbox}/messages/{id}/not-spam"),
    ("*", "/api/v1/inboxes/{inbox}/threads"),
    ("*", "/api/v1/inboxes/{inbox}/threads/{id}"),
    ("*", "/api/v1/inboxes/{inbox}/drafts"),
    ("*", "/api/v1/inboxes/{inbox}/drafts/{id}"),
    ("*", "/api/v1/inboxes/{inbox}/drafts/{id}/send"),
    ("*", "/api/v1/inboxes/{inbox}/rules"),
    ("*", "/api/v1/inboxes/{inbox}/rules/test"),
    ("*", "/api/v1/inboxes/{inbox}/rules/{id}"),
    ("*", "/api/v1/inboxes/{inbox}/spam"),
    ("*", "/api/v1/inboxes/{inbox}/webhooks"),
    ("*", "/api/v1/inboxes/{inbox}/webhooks/{id}"),
    ("*", "/api/v1/filter-rules"),
    ("*", "/api/v1/filter-rules/{id}"),
    ("*", "/api/v1/spam/check"),
    ("*", "/api/v1/uploads"),
    ("*", "/api/v1/uploads/{id}"),
    ("*", "/api/v1/ws"),
    ("*", "/api/v1/webhooks"),
    ("*", "/api/v1/webhooks/{id}"),
    ("*", "/api/v1/webhooks/{id}/test"),
    ("*", "/api/v1/webhooks/{id}/deliveries"),
    ("*", "/api/v1/webhooks/{id}/deliveries/{id}/redeliver"),
    ("*", "/api/v1/outbound/{id}/retry"),
    ("*", "/api/v1/outbound/{id}/cancel"),
    ("*", "/api/v1/suppressions"),
    ("*", "/api/v1/suppressions/{id}"),
    ("GET", "/api/v1/domains/{domain}"),
    ("*", "/api/v1/domains/{domain}/dns-records"),
    ("*", "/api/v1/domains/{domain}/verify"),
    ("*", "/api/v1/usage"),
    ("*", "/api/v1/openapi.json"),
];

/// Parameters that may be there more than once.
pub(crate) const REPEATABLE: &[&str] = &["inbox", "type"];

#[cfg(test)]
mod tests {
    use super::*;

    fn look(method: &str, path: &str) -> Match {
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        find(method, &segments)
    }

    #[test]
    fn rows_are_found() {
        for row in ROUTES {
            let path = row.path.replace(['{', '}'], "");
            match look(row.method, &path) {
                Match::RouteRow(found, _) => assert_eq!(found.path, row.path),
                other => panic!("{path}: {other:?}"),
            }
        }
        assert!(matches!(look("HEAD", "/api/v1/me"), Match::RouteRow(..)));
        assert!(matches!(look("GET", "/api/v1/me/"), Match::None));
        assert!(matches!(look("GET", "/api/v1/inboxes/"), Match::None));
        assert!(matches!(look("GET", "/api/v1"), Match::None));
        assert!(matches!(look("GET", "//api/v1/me"), Match::None));
        for (method, path) in [
            ("GET", "/api/v1/inboxes/a@b/messages/wait"),
            ("POST", "/api/v1/inboxes/a@b/messages/batch"),
            ("POST", "/api/v1/inboxes/a@b/messages/msg_1/reply-all"),
            ("GET", "/api/v1/domains/dom_1"),
            ("GET", "/api/v1/openapi.json"),
        ] {
            assert!(matches!(look(method, path), Match::Later), "{path}");
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
                matches!(row.path, "/healthz" | "/readyz"),
                "{}",
                row.path
            );
        }
    }
}
