//! The key of a request: what it is, what it may do, what its organization has used, which limits
//! hold, and where mail programs connect.

use super::codes;
use super::fields::FieldKind::{Flag, Id, InboxName, List, Object, Scopes, Text, Time};
use super::fields::{ANY, FieldRow, sometimes};
use super::inbox::COUNT;
use super::key::bound_inboxes;
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, BudgetsLeft, Caller, InboxId, KeyId, Limits, OrgId, OrgRead, PublicEndpoints, UsageRow,
};

/// What the response is made of.
struct Me {
    caller: Caller,
    usage: UsageRow,
    limits: Limits,
    endpoints: PublicEndpoints,
}

const INBOX: FieldRow = sometimes(
    "inbox",
    InboxName,
    r#""inb_01Hq7Zk3VdX""#,
    "The inbox whose budgets `left` is to say; a key that is bound to one inbox need not name it.",
);

/// The operator has no organization and no key: clients see the ids that no row has.
const NO_ORG: OrgId = OrgId(0);
const NO_KEY: KeyId = KeyId(0);

fn key_of(caller: &Caller) -> Option<KeyId> {
    caller.key()?.key
}

static ME_ORG: Shape<Me> = shape! {
    "MyOrganization", "The organization of the key.";
    id: always Id(OrgId::PREFIX), r#""org_01Hq7Zk3VdX""#, "Its id."
        => |slot, me| slot.shown(me.caller.org().unwrap_or(NO_ORG));
    name: always Text(ANY), r#""Example Inc.""#, "A name for people."
        => |slot, me| slot.text(&me.usage.org_name);
};

static ME_KEY: Shape<Me> = shape! {
    "MyKey", "The key of the request.";
    id: always Id(KeyId::PREFIX), r#""key_01Hq7Zk3VdX""#, "Its id."
        => |slot, me| slot.shown(key_of(&me.caller).unwrap_or(NO_KEY));
    scopes: always Scopes, r#"["messages:read","messages:write"]"#, "What it may do."
        => |slot, me| slot.texts(me.caller.scopes().names());
    inboxes: or_null List(&Id(InboxId::PREFIX)), r#"["inb_01Hq7Zk3VdX"]"#,
        "The inboxes that it is bound to; null when it sees all of the organization."
        => |slot, me| match me.caller.key() {
            Some(access) => bound_inboxes(slot, access.inboxes.as_deref()),
            None => bound_inboxes(slot, Some(&[])),
        };
    addresses: or_null List(&Text(ANY)), r#"["support@agents.example"]"#,
        "The addresses of these inboxes, in their order; null when it sees all of the organization."
        => |slot, me| match &me.usage.addresses {
            Some(addresses) => slot.texts(addresses),
            None => slot.null(),
        };
    subtree: always Flag, "false", "Whether it also covers the sub-agents of these inboxes."
        => |slot, me| slot.flag(me.caller.key().is_some_and(|access| access.subtree));
    expires_at: or_null Time, r#""2030-01-31T12:00:00.000Z""#, "When it ends."
        => |slot, me| slot.time_or_null(me.caller.key().and_then(|access| access.expires_at));
};

static USAGE: Shape<UsageRow> = shape! {
    "Usage", "What the organization has used.";
    inboxes: always COUNT, "3", "How many inboxes there are."
        => |slot, usage| slot.number(usage.inboxes);
    messages: always COUNT, "42", "How many messages are stored."
        => |slot, usage| slot.number(usage.messages);
    bytes: always COUNT, "129024", "How many octets they take."
        => |slot, usage| slot.number(usage.bytes);
    stored_bytes: or_null COUNT, "148480",
        "The same with what their rows cost on disk, which `org_bytes` limits; null for a key that \
         may not see all of them."
        => |slot, usage| slot.number_or_null(usage.stored_bytes);
    outbound: or_null COUNT, "0",
        "How many recipients outside are waiting; null for a key that may not see all of them."
        => |slot, usage| slot.number_or_null(usage.outbound);
    sent_today: or_null COUNT, "7",
        "How many messages were sent in this UTC day; null for a key that may not see all of them."
        => |slot, usage| slot.number_or_null(usage.sent_today);
    seq: always COUNT, "1234", "The number of the newest event of the log."
        => |slot, usage| slot.number(usage.head);
};

static LEFT: Shape<BudgetsLeft> = shape! {
    "BudgetsLeft", "What is left of the budgets of this UTC day, each named as its limit.";
    org_sends_per_day: or_null COUNT, "9993",
        "Messages of the organization; null for a key that may not see all of them."
        => |slot, left| slot.number_or_null(left.org_sends);
    key_sends_per_day: or_null COUNT, "null",
        "Messages of the key; null where it may send as many as its organization."
        => |slot, left| slot.number_or_null(left.key_sends);
    inbox_sends_per_day: or_null COUNT, "993",
        "Messages of the inbox; null where none is named and the key is not bound to one."
        => |slot, left| slot.number_or_null(left.inbox_sends);
    inbox_new_recipients_per_day: or_null COUNT, "2000",
        "Addresses outside that the inbox has not written to in 90 days; null likewise."
        => |slot, left| slot.number_or_null(left.inbox_new_recipients);
    renews_at: always Time, r#""2030-02-01T00:00:00.000Z""#, "When they begin anew."
        => |slot, left| slot.time(left.renews_at);
};

static ENDPOINTS: Shape<PublicEndpoints> = shape! {
    "Endpoints", "Where mail programs connect; a port of 0 is not offered.";
    imap_host: always Text(ANY), r#""mail.agents.example""#, "The host of IMAP."
        => |slot, ends| slot.text(&ends.imap_host);
    imap_port: always COUNT, "993", "IMAP with TLS from the first octet."
        => |slot, ends| slot.number(ends.imap_port.into());
    imap_starttls_port: always COUNT, "0", "IMAP with STARTTLS."
        => |slot, ends| slot.number(ends.imap_starttls_port.into());
    smtp_host: always Text(ANY), r#""mail.agents.example""#, "The host of SMTP."
        => |slot, ends| slot.text(&ends.smtp_host);
    smtp_port: always COUNT, "465", "Submission with TLS from the first octet."
        => |slot, ends| slot.number(ends.smtp_port.into());
    smtp_starttls_port: always COUNT, "587", "Submission with STARTTLS."
        => |slot, ends| slot.number(ends.smtp_starttls_port.into());
};

static LIMITS: Shape<Limits> = shape! {
    "Limits", "The limits that hold for the organization.";
    message_bytes: always COUNT, "26214400", "Octets of one message."
        => |slot, limits| slot.number(limits.message_bytes as u64);
    inbox_bytes: always COUNT, "10737418240", "Octets stored in one inbox."
        => |slot, limits| slot.number(limits.inbox_bytes);
    org_bytes: always COUNT, "107374182400", "Octets stored in the organization."
        => |slot, limits| slot.number(limits.org_bytes);
    inboxes: always COUNT, "1000", "Inboxes of the organization."
        => |slot, limits| slot.number(limits.inboxes as u64);
    keys: always COUNT, "1000", "Keys that are not revoked."
        => |slot, limits| slot.number(limits.keys as u64);
    domains: always COUNT, "100", "Own domains."
        => |slot, limits| slot.number(limits.domains as u64);
    inbox_sends_per_day: always COUNT, "1000", "Messages that one inbox may send in a day."
        => |slot, limits| slot.number(limits.inbox_sends_per_day as u64);
    org_sends_per_day: always COUNT, "10000", "Messages that the organization may send in a day."
        => |slot, limits| slot.number(limits.org_sends_per_day as u64);
    key_sends_per_day: always COUNT, "10000", "Messages that one key may send in a day."
        => |slot, limits| slot.number(limits.key_sends_per_day as u64);
    inbox_new_recipients_per_day: always COUNT, "2000",
        "Addresses outside that one inbox may write to in a day and has not written to in 90 days."
        => |slot, limits| slot.number(limits.inbox_new_recipients_per_day as u64);
    requests_per_minute: always COUNT, "1000", "Requests of one key in a minute."
        => |slot, limits| slot.number(limits.http_requests_per_minute as u64);
    streams_per_key: always COUNT, "16", "Event streams of one key."
        => |slot, limits| slot.number(limits.streams_per_key as u64);
    streams_per_org: always COUNT, "1000", "Event streams of the organization."
        => |slot, limits| slot.number(limits.streams_per_org as u64);
    event_days: always COUNT, "7", "Days for which the log keeps an event."
        => |slot, limits| slot.number(limits.event_days);
};

static ME: Shape<Me> = shape! {
    "Me", "The key of the request, its organization, usage and limits.";
    org: always Object(&ME_ORG), "{}", "The organization."
        => |mut slot, me| ME_ORG.write(slot.octets(), me);
    key: always Object(&ME_KEY), "{}", "The key."
        => |mut slot, me| ME_KEY.write(slot.octets(), me);
    usage: always Object(&USAGE), "{}", "What has been used."
        => |mut slot, me| USAGE.write(slot.octets(), &me.usage);
    left: always Object(&LEFT), "{}", "What is left of the budgets of this day."
        => |mut slot, me| LEFT.write(slot.octets(), &me.usage.left);
    limits: always Object(&LIMITS), "{}", "What there may be."
        => |mut slot, me| LIMITS.write(slot.octets(), &me.limits);
    endpoints: always Object(&ENDPOINTS), "{}", "Where mail programs connect."
        => |mut slot, me| ENDPOINTS.write(slot.octets(), &me.endpoints);
};

pub(crate) static READ: Operation = Operation {
    id: "me.read",
    summary: "Read your own key",
    says: "Says which key this is, what it may do, what has been used, what is left of the budgets of \
           this day, which limits hold, and where mail programs connect.",
    query: &[INBOX],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The key, its organization, usage, budgets, limits and endpoints.",
        content: ResponseContent::One(&ME),
    }],
    errors: &[codes::NOT_FOUND],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.parameters.inbox("inbox");
    Ok(RouteStep::Read(
        Box::new(OrgRead::Usage { inbox }.into()),
        |answer, caller, shared| match answer {
            Answer::Usage(usage) => {
                let me = Me {
                    caller: caller.clone(),
                    usage: *usage,
                    limits: shared.limits.clone(),
                    endpoints: shared.endpoints.clone(),
                };
                Some(ME.response(200, &me))
            }
            _ => None,
        },
    ))
}
