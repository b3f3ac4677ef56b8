//! Shapes of accounts in JSON: inboxes, keys, domains, organizations, `/me`.
//!
//! Pure functions from rows to responses. A secret is in exactly two of them, and only when
//! the caller has it in its hand.

use crate::call::{Access, DomainRow, InboxRow, KeyRow, OrgRow, Secret, Shared, UsageRow};
use crate::http::wire::json::{self, Object};
use crate::http::wire::response::Response;

/// Writes `{"data":[…],"next_cursor":…}`.
pub(crate) fn page<T>(
    rows: &[T],
    next: Option<&str>,
    mut write: impl FnMut(&mut Object<'_>, &T),
) -> Response {
    let mut body = Vec::new();
    json::object(&mut body, |o| {
        json::list(o.value("data"), rows, |out, row| {
            json::object(out, |o| write(o, row));
        });
        o.text_or_null("next_cursor", next);
    });
    Response::json(200, body)
}

fn one(status: u16, write: impl FnOnce(&mut Object<'_>)) -> Response {
    let mut body = Vec::new();
    json::object(&mut body, write);
    Response::json(status, body)
}

pub(crate) fn inboxes(rows: &[InboxRow], next: Option<&str>) -> Response {
    page(rows, next, inbox)
}

pub(crate) fn one_inbox(status: u16, row: &InboxRow) -> Response {
    one(status, |o| inbox(o, row))
}

fn inbox(o: &mut Object<'_>, row: &InboxRow) {
    o.shown("id", row.id);
    o.text("address", &row.address);
    o.text_or_null("display_name", row.display_name.as_deref());
    o.shown_or_null("parent", row.parent);
    o.text_or_null("client_id", row.client_id.as_deref());
    o.raw_or_null("metadata", row.metadata.as_deref());
    o.time("created_at", row.created_at);
    o.number("messages", row.messages);
    o.number("bytes", row.bytes);
}

pub(crate) fn keys(rows: &[KeyRow], next: Option<&str>) -> Response {
    page(rows, next, key)
}

pub(crate) fn one_key(row: &KeyRow) -> Response {
    one(200, |o| key(o, row))
}

/// A key that has just been made. Without its secret this is what a replay says.
pub(crate) fn new_key(row: &KeyRow, secret: Option<&Secret>) -> Response {
    one(201, |o| {
        key(o, row);
        shown_once(o, secret);
    })
}

fn key(o: &mut Object<'_>, row: &KeyRow) {
    o.shown("id", row.id);
    o.text("prefix", &row.public);
    o.text_or_null("label", row.label.as_deref());
    o.texts("scopes", row.scopes.names());
    match &row.inboxes {
        Some(bound) => o.texts("inboxes", bound.iter().map(ToString::to_string)),
        None => o.null("inboxes"),
    }
    o.time("created_at", row.created_at);
    o.time_or_null("expires_at", row.expires_at);
    o.time_or_null("revoked_at", row.revoked_at);
}

fn shown_once(o: &mut Object<'_>, secret: Option<&Secret>) {
    match secret {
        Some(secret) => o.text("key", &String::from_utf8_lossy(secret.expose())),
        None => {
            o.null("key");
            o.text(
                "note",
                "The key was shown in the first answer to this Idempotency-Key and is not repeated.",
            );
        }
    }
}

pub(crate) fn domains(rows: &[DomainRow]) -> Response {
    page(rows, None, domain)
}

pub(crate) fn one_domain(status: u16, row: &DomainRow) -> Response {
    one(status, |o| domain(o, row))
}

fn domain(o: &mut Object<'_>, row: &DomainRow) {
    o.shown("id", row.id);
    o.text("name", &row.name);
    o.time("created_at", row.created_at);
}

pub(crate) fn orgs(rows: &[OrgRow]) -> Response {
    page(rows, None, org)
}

/// An organization with its first key.
pub(crate) fn new_org(row: &OrgRow, first: &KeyRow, secret: Option<&Secret>) -> Response {
    one(201, |o| {
        org(o, row);
        o.shown("key_id", first.id);
        shown_once(o, secret);
    })
}

fn org(o: &mut Object<'_>, row: &OrgRow) {
    o.shown("id", row.id);
    o.text("name", &row.name);
    o.time("created_at", row.created_at);
}

/// Who the key is, what it may do, what it has used and what holds for it.
pub(crate) fn me(usage: &UsageRow, access: &Access, shared: &Shared) -> Response {
    let limits = &shared.limits;
    one(200, |o| {
        o.object("org", |o| {
            o.shown("id", access.org);
            o.text("name", &usage.org_name);
        });
        o.object("key", |o| {
            o.shown("id", access.key);
            o.texts("scopes", access.scopes.names());
            match &access.inboxes {
                Some(bound) => o.texts("inboxes", bound.iter().map(ToString::to_string)),
                None => o.null("inboxes"),
            }
            o.time_or_null("expires_at", access.expires_at);
        });
        o.object("usage", |o| {
            o.number("inboxes", usage.inboxes);
            o.number("messages", usage.messages);
            o.number("bytes", usage.bytes);
            o.number_or_null("outbound", usage.outbound);
            o.number_or_null("sent_today", usage.sent_today);
            o.number("seq", usage.head);
        });
        o.object("limits", |o| {
            o.number("message_bytes", limits.message_bytes as u64);
            o.number("inbox_bytes", limits.inbox_bytes);
            o.number("inboxes", limits.inboxes as u64);
            o.number("keys", limits.keys as u64);
            o.number("domains", limits.domains as u64);
            o.number("inbox_sends_per_day", limits.inbox_sends_per_day as u64);
            o.number("org_sends_per_day", limits.org_sends_per_day as u64);
            o.number(
                "requests_per_minute",
                limits.http_requests_per_minute as u64,
            );
            o.number("streams_per_key", limits.streams_per_key as u64);
            o.number("streams_per_org", limits.streams_per_org as u64);
            o.number("event_days", limits.event_days);
        });
    })
}
