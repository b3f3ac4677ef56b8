//! What attackers send (reliability.md H01, H04, H05, H18), as tables: every case is one
//! request that must be refused, with a good one behind it that must never be interpreted,
//! cut in three ways that must change nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Server;
use super::route::{Need, ROUTES, Takes};
use crate::call::{
    Access, Answer, Budget, Call, Change, ConnId, Door, EntryId, Event, Grant, House, InboxId,
    InboxRow, KeyId, Limits, Metrics, Now, Opening, OrgId, PublicDoors, Refusal, Reply, Scopes,
    Topic, UidSet,
};
use crate::engine::{Input, Output};

/// A session without a product: calls are answered by a function.
struct Drive {
    server: Server,
    house: Arc<House>,
    now: Now,
    unread: Vec<u8>,
    said: Vec<u8>,
    calls: Vec<Call>,
    watch: Vec<Topic>,
    deadline: Option<Now>,
    held: bool,
    reads: bool,
    more: bool,
    closed: bool,
    scopes: Scopes,
    answer: fn(&Call) -> Reply,
}

impl Drive {
    fn new(limits: Limits) -> Drive {
        Drive::from(limits, IpAddr::from([10, 0, 0, 1]))
    }

    fn from(limits: Limits, peer: IpAddr) -> Drive {
        let house = Arc::new(House {
            host: "mx.test".into(),
            intake: Budget::new(limits.intake_bytes),
            limits,
            metrics: Metrics::default(),
            doors: PublicDoors::default(),
        });
        let opening = Opening {
            conn: ConnId(1),
            peer: SocketAddr::new(peer, 40_000),
            door: Door::Https,
            seed: 7,
            house: house.clone(),
        };
        let mut drive = Drive {
            server: Server::new(opening),
            house,
            now: Now {
                mono_ms: 1_000_000,
                unix_ms: 1_767_225_600_000,
            },
            unread: Vec::new(),
            said: Vec::new(),
            calls: Vec::new(),
            watch: Vec::new(),
            deadline: None,
            held: false,
            reads: true,
            more: false,
            closed: false,
            scopes: Scopes::ADMIN,
            answer: |_| Reply::Refused(Refusal::Internal),
        };
        drive.tell(Input::Open);
        drive
    }

    fn tell(&mut self, input: Input<'_>) -> usize {
        if self.closed {
            return 0;
        }
        let mut out = Output::default();
        let used = self.server.handle(self.now, input, &mut out);
        self.said.append(&mut out.bytes);
        self.closed |= out.close;
        self.more |= out.more;
        self.held = out.hold.unwrap_or(self.held);
        self.deadline = out.deadline.unwrap_or(self.deadline);
        if let Some(watch) = out.watch {
            self.watch = watch;
        }
        if let Some(call) = out.call.take() {
            let reply = match &call {
                Call::Authenticate { secret, .. } if secret.expose() == b"good" => {
                    Reply::Answer(Answer::Authenticated(access(self.scopes)))
                }
                Call::Authenticate { .. } => {
                    Reply::Refused(Refusal::BadCredentials { delay_ms: 0 })
                }
                call => (self.answer)(call),
            };
            self.calls.push(call);
            self.tell(Input::Reply(reply));
        }
        used
    }

    fn settle(&mut self) {
        loop {
            if self.reads && core::mem::take(&mut self.more) {
                self.tell(Input::Drained);
                continue;
            }
            if self.held || self.closed || self.unread.is_empty() {
                return;
            }
            let kept = core::mem::take(&mut self.unread);
            let used = self.tell(Input::Bytes(&kept));
            self.unread = kept[used..].to_vec();
            if used == 0 && !self.more {
                return;
            }
        }
    }

    fn send(&mut self, bytes: &[u8], cut: usize) -> &mut Self {
        for part in bytes.chunks(cut.max(1)) {
            if !self.closed {
                self.unread.extend_from_slice(part);
                self.settle();
            }
        }
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now.plus_ms(ms);
        while let Some(due) = self.deadline.filter(|due| *due <= end && !self.closed) {
            self.now = due;
            self.deadline = None;
            self.tell(Input::Deadline);
            self.settle();
        }
        self.now = end;
        self
    }

    fn event(&mut self, seq: u64, change: Change) {
        let event = event(seq, change);
        if event.topics().any(|topic| self.watch.contains(&topic)) {
            self.tell(Input::Event(&event));
            self.settle();
        }
    }

    fn take(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.said)).unwrap()
    }
}

fn access(scopes: Scopes) -> Access {
    Access(Arc::new(Grant {
        org: OrgId(1),
        key: KeyId(1),
        scopes,
        inboxes: None,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}

fn event(seq: u64, change: Change) -> Event {
    Event {
        org: OrgId(1),
        seq,
        at: 1_767_225_600_000,
        inbox: Some(Arc::new(crate::call::InboxPath {
            id: InboxId(5),
            address: "a@x.test".into(),
            ancestors: Vec::new(),
        })),
        mailbox: None,
        uids: UidSet::new(),
        change,
        origin: ConnId(0),
    }
}

/// Sends `bad` with a good request behind it in three ways; the one response there is.
fn refused(bad: &[u8]) -> String {
    let mut text = bad.to_vec();
    text.extend_from_slice(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut first: Option<String> = None;
    for cut in [text.len(), 1, 7] {
        let mut drive = Drive::new(Limits::default());
        drive.send(&text, cut).wait(120_000);
        let shown = String::from_utf8_lossy(&text[..text.len().min(120)]).into_owned();
        assert!(drive.closed, "not closed: {shown:?}");
        let said = drive.take();
        assert_eq!(
            said.matches("\r\nDate: ").count(),
            1,
            "{shown:?} said {said}"
        );
        assert!(said.starts_with("HTTP/1.1 4"), "{shown:?} said {said}");
        assert!(
            said.contains("\r\nConnection: close\r\n"),
            "{shown:?} said {said}"
        );
        match &first {
            None => first = Some(said),
            Some(first) => assert_eq!(*first, said, "cut {cut}: {shown:?}"),
        }
    }
    first.unwrap()
}

#[test]
fn what_could_be_framed_in_two_ways_is_refused() {
    let mut cases = 0;
    let mut check = |text: String, status: &str| {
        cases += 1;
        let said = refused(text.as_bytes());
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status} ")),
            "{text:?} said {said}"
        );
    };
    // Whole fields that no request may have, on each kind of route.
    let lines = [
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: 0x3",
        "Content-Length: 3 3",
        "Content-Length: 3;",
        "Content-Length: 3.0",
        "Content-Length: 1e1",
        "Content-Length:",
        "Content-Length: ",
        "Content-Length: three",
        "Content-Length: 18446744073709551616",
        "Content-Length: 99999999999999999999999999",
        "Content-Length: \u{663}",
        "Content-Length : 3",
        "Content-Length\t: 3",
        " Content-Length: 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding:",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\n ",
        "Transfer-Encoding:\r\n chunked",
        "X: a\r\n b",
        "X: a\r\n\tb",
        "X : a",
        "X\t: a",
        "X",
        ": a",
        "X\u{0}: a",
        "X: a\u{0}",
        "X: a\u{1b}b",
        "X: a\rb",
        "X: a\r\rb",
        "X: a\nContent-Length: 3",
        "X: a\n",
        "X(: a",
        "X\u{e9}: a",
        "Host: b",
        "Host: a/b",
        "Authorization: Bearer a\r\nAuthorization: Bearer a",
        "Content-Type: application/json\r\nContent-Type: application/json",
        "Idempotency-Key: a\r\nIdempotency-Key: b",
        "Idempotency-Key: \u{e9}",
        "Last-Event-ID: 1\r\nLast-Event-ID: 2",
    ];
    for line in lines {
        for start in ["GET /healthz", "POST /api/v1/keys", "GET /api/v1/events"] {
            check(
                format!("{start} HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"),
                "400",
            );
        }
    }
    for line in ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"] {
        check(
            format!("POST /api/v1/keys HTTP/1.0\r\nHost: a\r\n{line}\r\n\r\n0\r\n\r\n"),
            "400",
        );
    }
    // Request lines.
    for line in [
        "GET  /healthz HTTP/1.1",
        "GET /healthz  HTTP/1.1",
        " GET /healthz HTTP/1.1",
        "GET /healthz HTTP/1.1 ",
        "GET\t/healthz HTTP/1.1",
        "GET /healthz",
        "GET /healthz HTTP/1",
        "GET /healthz HTTP/2.0",
        "GET /healthz HTTP/1.2",
        "GET /healthz http/1.1",
        "GET /healthz HTTP/1.1x",
        "GET /healthz HTTP/01.1",
        "G(T /healthz HTTP/1.1",
        "GET healthz HTTP/1.1",
        "GET http://b/healthz HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET * HTTP/1.1",
        "GET /health\u{0}z HTTP/1.1",
        "GET /health\u{7f}z HTTP/1.1",
        "GET /healthz#x HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /%0a HTTP/1.1",
        "GET /%ff HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /?a=%0d%0a HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "EHLO mx.test",
        "\u{16}\u{3}\u{1}\u{2}",
        "\u{0}",
        "{\"a\":1}",
        "\r\r\nGET / HTTP/1.1",
        "\r\n\r\nGET / HTTP/1.1",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        check(format!("{line}\r\nHost: a\r\n\r\n"), "400");
    }
    check("GET /healthz HTTP/1.1\r\n\r\n".into(), "400");
    check("GET /healthz HTTP/1.1\nHost: a\n\n".into(), "400");
    check("GET /healthz HTTP/1.1\r\nHost: a\r\n\n".into(), "400");
    check(
        "GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n".into(),
        "400",
    );
    check(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n".into(),
        "417",
    );
    println!("{cases} cases");
    assert!(cases > 200);
}

#[test]
fn bodies_that_are_not_what_they_say() {
    let head = "POST /api/v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for body in [
        "+3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3;x\ny\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "g\r\n",
        "\r\n",
        "-1\r\n",
        "0\r\nbroken\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "0000000000000000000003\r\nabc\r\n",
    ] {
        let said = refused(format!("{head}{body}").as_bytes());
        assert!(said.starts_with("HTTP/1.1 400 "), "{body:?} said {said}");
    }
    let said = refused(format!("{head}{:x}\r\n", (1 << 20) + 1).as_bytes());
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    let flood = format!(
        "{head}{}",
        "4000\r\n".to_owned() + &"a".repeat(0x4000) + "\r\n"
    );
    let flood = flood + &("4000\r\n".to_owned() + &"a".repeat(0x4000) + "\r\n").repeat(70);
    let mut drive = Drive::new(Limits::default());
    drive.send(flood.as_bytes(), 65_536);
    assert!(drive.closed && drive.take().starts_with("HTTP/1.1 413 "));
}

#[test]
fn what_is_too_big() {
    let get = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let long = "a".repeat(8200);
    for (text, status) in [
        (get(&format!("/{long}"), ""), "414"),
        (get(&format!("/?{}", "a".repeat(1_000_000)), ""), "414"),
        ("G".repeat(9000), "414"),
        (get("/healthz", &format!("X: {long}\r\n")), "431"),
        (
            get("/healthz", &format!("X: {}\r\n", "a".repeat(1_000_000))),
            "431",
        ),
        (
            get("/healthz", &"X: aaaaaaaaaaaaaaaa\r\n".repeat(64)),
            "431",
        ),
        (get("/healthz", &"X: a\r\n".repeat(10_000)), "431"),
        (
            get(
                "/healthz",
                &format!("X: {}\r\n", "a".repeat(1000)).repeat(40),
            ),
            "431",
        ),
    ] {
        let said = refused(text.as_bytes());
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    for (length, path, status) in [
        ("10737418240", "/api/v1/keys", "413"),
        ("1048577", "/api/v1/inboxes", "413"),
        ("9223372036854775807", "/api/v1/keys", "413"),
        ("36700161", "/api/v1/inboxes/a@b/messages", "413"),
    ] {
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        let said = refused(text.as_bytes());
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
    let coded = "POST /api/v1/keys HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
    for (line, status) in [
        ("Content-Encoding: gzip", "415"),
        ("Content-Encoding: identity, gzip", "415"),
        ("Content-Type: text/plain", "415"),
        ("Content-Type: application/json; charset=utf-16", "415"),
        ("Content-Type: application/x-www-form-urlencoded", "415"),
    ] {
        let said = refused(format!("{coded}{line}\r\n\r\n{{}}").as_bytes());
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    }
}

#[test]
fn slow_peers_are_cut_off() {
    let mut drive = Drive::new(Limits::default());
    drive.wait(9_999);
    assert!(!drive.closed);
    drive.wait(1);
    assert!(drive.closed && drive.said.is_empty());

    // One octet a second does not keep a head alive.
    let mut drive = Drive::new(Limits::default());
    for byte in b"GET / HTTP/1.1\r\n" {
        drive.send(&[*byte], 1).wait(1000);
    }
    assert!(drive.closed && drive.take().starts_with("HTTP/1.1 408 "));

    let head = "POST /api/v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\
        Content-Length: 100000\r\n\r\n";
    let mut drive = Drive::new(Limits::default());
    drive.send(head.as_bytes(), 1);
    for _ in 0..40 {
        drive.send(b"x", 1).wait(1000);
    }
    assert!(drive.closed && drive.take().starts_with("HTTP/1.1 408 "));

    // Idle between requests: 75 s, without a word.
    let mut drive = Drive::new(Limits::default());
    drive.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 100);
    drive.take();
    drive.wait(74_999);
    assert!(!drive.closed);
    drive.wait(1);
    assert!(drive.closed && drive.said.is_empty());
}

#[test]
fn good_requests_follow_each_other() {
    let text = "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n\
        OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n\
        PUT /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.0\r\n\r\nGET /healthz";
    for cut in [text.len(), 1, 7] {
        let mut drive = Drive::new(Limits::default());
        drive.send(text.as_bytes(), cut);
        let said = drive.take();
        let statuses: Vec<&str> = said
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &said[at + 9..at + 12])
            .collect();
        assert_eq!(statuses, ["200", "200", "204", "404", "405", "200"]);
        assert!(drive.closed);
        assert!(!said.contains("Access-Control"));
    }
}

/// Every row × {no key, no bearer token, garbage, too small a scope}: generated, so that a
/// new row is in it by being in the table (reliability.md H14).
#[test]
fn every_route_keeps_its_door() {
    for row in ROUTES {
        let path = row
            .path
            .replace("{inbox}", "inb_00000000001")
            .replace("{id}", "msg_00000000001")
            .replace("{att}", "att_1")
            .replace("{key}", "key_00000000001")
            .replace("{domain}", "dom_00000000001")
            .replace("{org}", "org_00000000001");
        let body = match row.takes {
            Takes::Nothing => "",
            Takes::Json | Takes::Message => "Content-Length: 2\r\n",
        };
        let text = |authorization: &str| {
            let end = if body.is_empty() { "" } else { "{}" };
            format!(
                "{} {path} HTTP/1.1\r\nHost: a\r\n{authorization}{body}\r\n{end}",
                row.method
            )
        };
        if row.need == Need::Nothing {
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
            Need::Nothing | Need::Key => Scopes::NONE,
            Need::Near => Scopes::ADMIN,
            Need::Scope(scope) => scope,
            Need::Operator => Scopes::OPERATOR,
        };
        let all = Scopes::ADMIN.0 - 1;
        let implied = if enough == Scopes::EVENTS_READ {
            Scopes::MESSAGES_READ.0
        } else {
            0
        };
        let less = Scopes(all & !enough.0 & !implied);
        if row.need != Need::Key {
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

#[test]
fn a_key_is_asked_for_once_it_is_watched() {
    let ask = "GET /api/v1/inboxes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n\r\n";
    let logins = |drive: &Drive| {
        let logins = drive
            .calls
            .iter()
            .filter(|c| matches!(c, Call::Authenticate { .. }));
        logins.count()
    };
    let mut drive = Drive::new(Limits::default());
    for _ in 0..5 {
        drive.send(ask.as_bytes(), 1000);
    }
    assert_eq!(logins(&drive), 2);
    assert_eq!(drive.watch, [Topic::Key(KeyId(1))]);
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
fn requests_without_a_key_are_counted() {
    let mut limits = Limits::default();
    limits.http_anonymous_per_minute = 3;
    let mut drive = Drive::new(limits);
    for _ in 0..4 {
        drive.send(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n", 100);
    }
    let said = drive.take();
    assert_eq!(said.matches("HTTP/1.1 401").count(), 3);
    assert_eq!(said.matches("HTTP/1.1 429").count(), 1);
    assert!(said.contains("Retry-After: 60") && said.contains("RateLimit-Limit: 3"));
    drive.wait(60_000);
    drive.send(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n", 100);
    assert!(drive.take().starts_with("HTTP/1.1 401"));
}

#[test]
fn counters_are_for_neighbours() {
    let ask = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n";
    let mut near = Drive::from(Limits::default(), IpAddr::from([127, 0, 0, 1]));
    let said = near.send(ask, 100).take();
    assert!(said.contains("\npostern_http_requests_total 1\n"), "{said}");
    let mut far = Drive::new(Limits::default());
    assert!(far.send(ask, 100).take().starts_with("HTTP/1.1 401 "));
}

fn log_of(call: &Call) -> Reply {
    const HEAD: u64 = 1000;
    match call {
        Call::OpenStream { .. } => Reply::Answer(Answer::Done),
        Call::LogState { .. } => Reply::Answer(Answer::LogState {
            head: HEAD,
            oldest: 101,
            epoch: 1,
        }),
        Call::FindInbox { .. } => Reply::Answer(Answer::Inboxes {
            rows: vec![InboxRow {
                id: InboxId(5),
                address: "a@x.test".into(),
                display_name: None,
                parent: None,
                client_id: None,
                metadata: None,
                created_at: 0,
                bytes: 0,
                messages: 0,
            }],
            next: None,
        }),
        Call::EventsAfter { after, limit, .. } => {
            let events: Vec<Event> = (*after + 1..=HEAD)
                .take(*limit)
                .map(|seq| event(seq, Change::InboxUpdated))
                .collect();
            let scanned_to = events.last().map_or(HEAD, |e| e.seq);
            Reply::Answer(Answer::Events {
                events,
                scanned_to,
                head: HEAD,
                oldest: 101,
            })
        }
        _ => Reply::Refused(Refusal::Internal),
    }
}

fn stream(fields: &str, path: &str) -> Drive {
    let mut drive = Drive::new(Limits::default());
    drive.answer = log_of;
    let text = format!(
        "GET /api/v1/{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n{fields}\r\n"
    );
    drive.send(text.as_bytes(), 1000);
    drive
}

/// The numbers of the frames that have a type.
fn numbers(said: &str) -> Vec<u64> {
    said.split("\n\n")
        .filter(|frame| frame.contains("event: inbox.updated"))
        .map(|frame| {
            let line = frame.lines().find_map(|l| l.strip_prefix("id: "));
            line.unwrap().parse().unwrap()
        })
        .collect()
}

#[test]
fn a_replay_has_every_number_once() {
    for from in [100, 101, 500, 999, 1000] {
        let said = stream(&format!("Last-Event-ID: {from}\r\n"), "events").take();
        assert_eq!(numbers(&said), (from + 1..=1000).collect::<Vec<_>>());
        assert!(!said.contains("event: reset") && !said.contains("event: ready"));
    }
    for from in ["0", "99", "1001", "9223372036854775807"] {
        let said = stream(&format!("Last-Event-ID: {from}\r\n"), "events?since=500").take();
        let body = said.split_once("\r\n\r\n").unwrap().1;
        let first = body.split("\n\n").nth(1).unwrap();
        assert!(
            first.starts_with("id: 100\nevent: reset\ndata: {\"seq\":101,"),
            "{first}"
        );
        assert_eq!(numbers(&said), (101..=1000).collect::<Vec<_>>());
    }
    for bad in [
        "-1",
        "+1",
        "1x",
        "0x1",
        "9223372036854775808",
        "99999999999999999999",
        "a b",
    ] {
        let said = stream(&format!("Last-Event-ID: {bad}\r\n"), "events").take();
        assert!(said.starts_with("HTTP/1.1 400 "), "{bad}: {said}");
    }
}

#[test]
fn a_slow_reader_costs_a_cursor() {
    let mut drive = stream("", "events");
    assert!(drive.take().contains("id: 1000\nevent: ready\n"));
    drive.reads = false;
    for seq in 1001..4000 {
        drive.event(seq, Change::InboxUpdated);
    }
    assert!(
        drive.said.len() < crate::engine::HIGH_WATER + 1024,
        "{}",
        drive.said.len()
    );
    let calls = drive.calls.len();
    drive.reads = true;
    drive.settle();
    // It asked the log for what it has not written.
    assert!(matches!(&drive.calls[calls], Call::EventsAfter { after, .. } if *after > 1000));
}

#[test]
fn a_stream_breathes_and_ends() {
    let mut drive = stream("", "inboxes/a@x.test/events");
    drive.take();
    drive.wait(15_000);
    assert_eq!(drive.take(), ": heartbeat\n\n");
    drive.event(1001, Change::MailboxCreated { name: "x".into() });
    assert_eq!(drive.take(), "");
    drive.wait(15_000);
    assert_eq!(drive.take(), ": heartbeat\nid: 1001\n\n");
    drive.tell(Input::Shutdown);
    let said = drive.take();
    assert!(
        said.starts_with("id: 1001\nevent: closing\ndata: {\"time\":"),
        "{said}"
    );
    assert!(drive.closed);

    let mut drive = stream("", "inboxes/a@x.test/watch?type=message.received");
    drive.take();
    drive.event(1001, Change::InboxDeleted);
    assert!(drive.closed && drive.take().is_empty());

    let mut drive = stream("", "events");
    drive.take();
    drive.event(1001, Change::KeyRevoked { key: KeyId(2) });
    assert!(!drive.closed);
    drive.event(1002, Change::KeyRevoked { key: KeyId(1) });
    assert!(drive.closed);
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
