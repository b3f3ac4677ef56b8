//! Hostile requests, as tables: doubtful framing, slow heads and bodies, heads and bodies over
//! their bounds. Every case is one request that must be refused, with a good one behind it that
//! must never be interpreted, cut in three ways that must change nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::drive::Drive;
use crate::call::{Answer, Call, Limits, Look, Reply};

/// Sends `bad` with a good request behind it in three ways, and gives the only response.
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
fn a_login_answered_as_for_a_stranger_is_none() {
    let mut drive = Drive::new(Limits::default());
    drive.login = Some(Reply::Answer(Answer::Done));
    drive.send(
        b"POST /api/v1/keys HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\
          Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n",
        1000,
    );
    let said = drive.take();
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(matches!(
        drive.calls[..],
        [Call::Look(Look::Authenticate { .. })]
    ));
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
    for line in FIELDS {
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
    for line in REQUEST_LINES {
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

    // A connection that is idle between requests ends after 75 s without a response.
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

/// Fields that no request may have.
const FIELDS: &[&str] = &[
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

/// Request lines that are not valid.
const REQUEST_LINES: &[&str] = &[
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
];
