//! Authentication: every route of the table against every kind of wrong key, how often a key is
//! checked, and which routes need no key.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::net::IpAddr;

use super::drive::Drive;
use crate::call::{Call, Change, EntryId, KeyId, Limits, Look, Scopes, Topic};
use crate::http::api::operation::Takes;
use crate::http::api::routes::{ROUTES, RouteNeed, RouteRow};

/// Every row with no key, another scheme, a wrong key and too small a scope. It is generated, so
/// that a new row of the table is tested by being there.
#[test]
fn every_route_asks_for_its_key() {
    for row in ROUTES {
        let Some(operation) = row.operation() else {
            continue;
        };
        let path = path_of(row);
        let body = match operation.takes.table() {
            None => "",
            Some(_) => "Content-Length: 2\r\n",
        };
        let text = |authorization: &str| {
            let end = if body.is_empty() { "" } else { "{}" };
            format!(
                "{} {path} HTTP/1.1\r\nHost: a\r\n{authorization}{body}\r\n{end}",
                row.method
            )
        };
        if row.need == RouteNeed::Nothing {
            continue;
        }
        for authorization in [
            "",
            "Authorization: Basic YTpi\r\n",
            "Authorization: Bearer no\r\n",
        ] {
            let mut drive = Drive::new(Limits::default());
            let said = drive.send(text(authorization).as_bytes(), 7).take();
            assert!(
                said.starts_with("HTTP/1.1 401 "),
                "{} {path}: {said}",
                row.method
            );
            assert!(said.contains("\r\nWWW-Authenticate: Bearer"), "{said}");
        }
        let enough = match row.need {
            RouteNeed::Nothing | RouteNeed::Key => Scopes::NONE,
            RouteNeed::OrgAdmin => Scopes::ADMIN,
            RouteNeed::Inboxes(scope) | RouteNeed::Organization(scope) => scope,
            RouteNeed::Near | RouteNeed::Operator | RouteNeed::AnyOperator => Scopes::OPERATOR,
        };
        let all = (Scopes::ADMIN.0 - 1) | Scopes::APPROVE.0;
        let implied = if enough == Scopes::EVENTS_READ {
            Scopes::MESSAGES_READ.0
        } else {
            0
        };
        let less = Scopes(all & !enough.0 & !implied);
        if row.need != RouteNeed::Key {
            let mut drive = Drive::new(Limits::default());
            drive.scopes = less;
            let said = drive
                .send(text("Authorization: Bearer good\r\n").as_bytes(), 7)
                .take();
            assert!(
                said.starts_with("HTTP/1.1 403 "),
                "{} {path}: {said}",
                row.method
            );
            assert!(said.contains("missing_scope"), "{said}");
        }
        let mut drive = Drive::new(Limits::default());
        drive.scopes = enough;
        let said = drive
            .send(text("Authorization: Bearer good\r\n").as_bytes(), 7)
            .take();
        assert!(
            !said.starts_with("HTTP/1.1 401 "),
            "{} {path}: {said}",
            row.method
        );
        assert!(
            !said.starts_with("HTTP/1.1 403 "),
            "{} {path}: {said}",
            row.method
        );
    }
}

fn path_of(row: &RouteRow) -> String {
    row.path
        .replace("{inbox}", "inb_00000000001")
        .replace("{id}", "msg_00000000001")
        .replace("{att}", "att_1")
        .replace("{key}", "key_00000000001")
        .replace("{domain}", "dom_00000000001")
        .replace("{folder}", "Archive")
        .replace("{thread}", "thr_00000000001")
        .replace("{approval}", "apr_00000000001")
        .replace("{rule}", "rul_00000000001")
        .replace("{filter_rule}", "flt_00000000001")
        .replace("{suppression}", "sup_00000000001")
        .replace("{webhook}", "whk_00000000001")
        .replace("{delivery}", "dlv_00000000001")
        .replace("{upload}", "upl_00000000001")
        .replace("{group}", "workers")
        .replace("{org}", "org_00000000001")
        .replace("{outbound}", "out_00000000001")
}

/// Asks for a route with the example of its body, as a key with every scope.
fn ask(row: &RouteRow, bound: bool) -> Drive {
    let takes = row.operation().map(|operation| operation.takes);
    let body = match takes {
        Some(Takes::Octets | Takes::MessageOctets) => Some("octets"),
        takes => takes.and_then(Takes::table).map(|table| table.example),
    };
    let fields = body.map_or(String::new(), |body| {
        let length = body.len();
        format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
    });
    let text = format!(
        "{} {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n{fields}\r\n{}",
        row.method,
        path_of(row),
        body.unwrap_or_default(),
    );
    let mut drive = Drive::new(Limits::default());
    drive.scopes = Scopes::ADMIN.and(Scopes::OPERATOR);
    drive.bound = bound;
    drive.send(text.as_bytes(), 1000);
    drive
}

fn built() -> impl Iterator<Item = &'static RouteRow> {
    ROUTES.iter().filter(|row| row.operation().is_some())
}

/// The row of a route says which error a client sees first, and `need` beside the call keeps it
/// out. The two are written apart and say the same.
#[test]
fn a_route_and_its_call_need_the_same() {
    for row in built() {
        let drive = ask(row, false);
        let call = drive.calls.iter().find_map(|call| match call {
            Call::Look(Look::Authenticate { .. }) => None,
            Call::Look(call) => Some(call.need()),
            Call::Read(call) => Some(call.need()),
            Call::Write(call) => Some(call.need()),
            Call::Accept(intake) => Some(intake.need()),
            Call::Hangup => None,
        });
        match call {
            Some(need) => assert_eq!(need, row.need.of_key(), "{} {}", row.method, row.path),
            // These are answered without the product; a WebSocket asks it when it subscribes.
            None => assert!(
                matches!(row.need, RouteNeed::Nothing | RouteNeed::Near) || row.is_socket(),
                "{} {}",
                row.method,
                row.path
            ),
        }
    }
}

#[test]
fn a_bound_key_is_refused_at_what_is_the_organizations() {
    for row in built() {
        let said = ask(row, true).take();
        let is_refused = said.starts_with("HTTP/1.1 403 ") && said.contains("\"key_bound\"");
        let is_organizations = matches!(row.need, RouteNeed::OrgAdmin | RouteNeed::Organization(_));
        assert_eq!(
            is_refused, is_organizations,
            "{} {}: {said}",
            row.method, row.path
        );
    }
}

#[test]
fn a_key_is_asked_for_once_it_is_watched() {
    let ask = "GET /api/v1/inboxes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\r\n";
    let logins = |drive: &Drive| {
        let logins = drive
            .calls
            .iter()
            .filter(|c| matches!(c, Call::Look(Look::Authenticate { .. })));
        logins.count()
    };
    let mut drive = Drive::new(Limits::default());
    for _ in 0..5 {
        drive.send(ask.as_bytes(), 1000);
    }
    assert_eq!(logins(&drive), 2);
    let ends = [Topic::Key(KeyId(1)), Topic::OrgEnd(crate::call::OrgId(1))];
    assert_eq!(drive.watch, ends);
    drive.event(1, Change::KeyRevoked { key: KeyId(1) });
    drive.send(ask.as_bytes(), 1000);
    assert_eq!(logins(&drive), 3);
    let other = ask.replace("good", "bad");
    for _ in 0..3 {
        drive.send(other.as_bytes(), 1000);
    }
    // Three wrong keys are enough for one connection.
    assert!(drive.closed);
}

#[test]
fn counters_are_for_neighbours() {
    let ask =
        b"GET /metrics HTTP/1.1\r\nHost: localhost:8080\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n";
    let mut near = Drive::from(Limits::default(), IpAddr::from([127, 0, 0, 1]));
    let said = near.send(ask, 100).take();
    assert!(said.contains("\npostern_http_requests_total 1\n"), "{said}");
    let mut far = Drive::new(Limits::default());
    assert!(far.send(ask, 100).take().starts_with("HTTP/1.1 401 "));
}

#[test]
fn ids_that_do_not_parse_are_not_there() {
    let path = format!("/api/v1/inboxes/inb_00000000001/messages/{}", EntryId(7));
    for bad in [
        "/api/v1/inboxes/nobody".to_owned(),
        "/api/v1/inboxes/inb_!".to_owned(),
        format!("{path}/attachments/x"),
        format!("{path}/attachments/att_01"),
        "/api/v1/inboxes/a@b/messages/17".to_owned(),
        "/api/v1/keys/key_1".to_owned(),
    ] {
        let mut drive = Drive::new(Limits::default());
        let text = format!("GET {bad} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\r\n");
        let said = drive.send(text.as_bytes(), 1000).take();
        assert!(said.starts_with("HTTP/1.1 404 "), "{bad}: {said}");
        assert!(!drive.closed);
    }
}
