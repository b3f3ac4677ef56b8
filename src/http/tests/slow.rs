//! Clients that do not read: how much of a long answer the server holds for them.

#![allow(clippy::unwrap_used)]

use super::drive::Drive;
use crate::call::*;
use crate::engine::HIGH_WATER;

const PAGE: usize = 64 << 10;

fn drive(answer: fn(&Call) -> Reply) -> Drive {
    let mut drive = Drive::new(Limits {
        page_bytes: PAGE,
        ..Limits::default()
    });
    drive.answer = answer;
    drive.reads = false;
    drive
}

fn ask(drive: &mut Drive, method: &str, path: &str) {
    ask_with(drive, method, path, "");
}

fn ask_with(drive: &mut Drive, method: &str, path: &str, fields: &str) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n{fields}\r\n"
    );
    drive.send(request.as_bytes(), usize::MAX);
}

/// Reads all that is left: the length that was announced, and the body.
fn read(drive: &mut Drive) -> (usize, String) {
    drive.reads = true;
    drive.settle();
    let said = drive.take();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    (length.unwrap().parse().unwrap(), body.to_owned())
}

const MESSAGE: &str = "/api/v1/inboxes/inb_00000000001/messages/msg_00000000001";

fn source(encoding: &'static str) -> Reply {
    Reply::Answer(Answer::Part(Box::new(PartSource {
        of: OctetsOf {
            inbox: InboxId(1),
            body: BodyId(1),
            prefix: Vec::new(),
        },
        offset: 1000,
        len: 2_000_000,
        encoding,
        content_type: "a/b".into(),
        filename: "a".into(),
        octets: None,
    })))
}

/// Octets of a part of lines of `YWJj`, which are `abc`.
fn octets(call: &Call) -> Reply {
    let Call::Read(Read::Entry(EntryRead::Octets { offset, len, .. })) = call else {
        return Reply::Refused(Refusal::Internal);
    };
    assert!(*len as usize <= PAGE && (1000..2_001_000).contains(offset));
    let octets = (*offset - 1000..).take(*len as usize);
    let octets = octets.map(|at| b"YWJj\n"[at as usize % 5]);
    Reply::Answer(Answer::Octets(octets.collect()))
}

fn encoded(call: &Call) -> Reply {
    match call {
        Call::Read(Read::Message(MessageRead::FindPart { .. })) => source("base64"),
        call => octets(call),
    }
}

fn plain(call: &Call) -> Reply {
    match call {
        Call::Read(Read::Message(MessageRead::FindPart { .. })) => source("8bit"),
        call => octets(call),
    }
}

#[test]
fn an_attachment_that_is_not_read_holds_a_page() {
    let pages = 2_000_000usize.div_ceil(PAGE);
    for (answer, size, passes) in [
        (encoded as fn(&Call) -> Reply, 1_200_000, 2),
        (plain, 2_000_000, 1),
    ] {
        let mut client = drive(answer);
        ask(&mut client, "GET", &format!("{MESSAGE}/attachments/att_1"));
        assert!(
            client.unsent_bytes() <= PAGE + 1000,
            "{}",
            client.unsent_bytes()
        );
        let is_octets = |call: &&Call| matches!(call, Call::Read(Read::Entry(_)));
        // The pass that counts holds nothing; then one page is read.
        let asked = client.calls.iter().filter(is_octets).count();
        assert_eq!(asked, pages * (passes - 1) + 1);
        let (length, body) = read(&mut client);
        assert_eq!((length, body.len()), (size, size));
        assert!(body.starts_with(if passes == 2 { "abcabc" } else { "YWJj\nYWJj" }));
        let asked = client.calls.iter().filter(is_octets).count();
        assert_eq!(asked, pages * passes);
        ask(&mut client, "HEAD", &format!("{MESSAGE}/attachments/att_1"));
        assert_eq!(read(&mut client), (size, String::new()));
    }
}

#[test]
fn a_range_reads_the_pages_that_it_needs() {
    for (answer, size, counted) in [
        (
            encoded as fn(&Call) -> Reply,
            1_200_000,
            2_000_000usize.div_ceil(PAGE),
        ),
        (plain, 2_000_000, 0),
    ] {
        for (range, want) in [
            ("1199990-1199999", 1_199_990..1_200_000),
            ("0-0", 0..1),
            ("600001-600003", 600_001..600_004),
        ] {
            let mut client = drive(answer);
            let path = format!("{MESSAGE}/attachments/att_1");
            ask_with(
                &mut client,
                "GET",
                &path,
                &format!("Range: bytes={range}\r\n"),
            );
            client.reads = true;
            client.settle();
            let said = client.take();
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(
                head.starts_with("HTTP/1.1 206 Partial Content\r\n"),
                "{head}"
            );
            assert!(
                head.contains(&format!("Content-Range: bytes {range}/{size}\r\n")),
                "{head}"
            );
            let whole = if counted > 0 { "abc" } else { "YWJj\n" };
            let octets = want.map(|at: usize| whole.as_bytes()[at % whole.len()] as char);
            assert_eq!(body, octets.collect::<String>());
            let is_octets = |call: &&Call| matches!(call, Call::Read(Read::Entry(_)));
            let asked = client.calls.iter().filter(is_octets).count();
            // From the nearest of 64 places, which may lie one page before one of them.
            let most = counted + if counted > 0 { 2 + counted / 64 + 1 } else { 2 };
            assert!(asked <= most, "{range}: {asked} of {most}");
        }
    }
}

#[test]
fn a_message_that_goes_while_it_is_counted_is_not_found() {
    let mut client = drive(|call| match call {
        Call::Read(Read::Message(MessageRead::FindPart { .. })) => source("base64"),
        Call::Read(Read::Entry(EntryRead::Octets { offset, .. })) if *offset > 500_000 => {
            Reply::Refused(Refusal::NotFound(Noun::Message))
        }
        call => octets(call),
    });
    client.reads = true;
    ask(&mut client, "GET", &format!("{MESSAGE}/attachments/att_1"));
    assert!(client.take().starts_with("HTTP/1.1 404 "));
    assert!(!client.closed);
}

/// An opened message of long texts, each of which is twice as long as JSON.
fn opened(_: &Call) -> Reply {
    let content = MessageContent {
        text: "\"".repeat(1 << 20),
        extracted_text: "\n".repeat(1 << 20),
        html: Some("\\".repeat(4 << 20)),
        ..MessageContent::default()
    };
    Reply::Answer(Answer::Message(Box::new(MessageView {
        written: Default::default(),
        inbox: InboxId(1),
        folder: "INBOX".into(),
        state: EntryState {
            uid: 1,
            id: EntryId(1),
            modseq: 1,
            flags: Flags::NONE,
            keywords: Vec::new(),
        },
        thread: ThreadId(1),
        arrival: Arrival::Received,
        is_outbound: false,
        auth: SenderAuth::Unknown,
        spam: None,
        received_at: 0,
        size: 1,
        message_id: String::new(),
        summary: Summary::default(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        metadata: None,
        in_reply_to_metadata: None,
        snippet: None,
        expires_at: None,
        content: Some(Box::new(content)),
    })))
}

#[test]
fn an_opened_message_goes_out_in_pieces() {
    let mut client = drive(opened);
    ask(&mut client, "GET", MESSAGE);
    assert!(client.unsent_bytes() <= 2 * HIGH_WATER + 1000);
    let (length, body) = read(&mut client);
    assert_eq!(length, body.len());
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(value["text"], "\"".repeat(1 << 20));
    assert_eq!(value["extracted_text"], "\n".repeat(1 << 20));
    assert_eq!(value["html"], "\\".repeat(4 << 20));
    assert_eq!(value["folder"], "INBOX");
}

#[test]
fn a_page_of_the_api_holds_a_piece() {
    for path in ["/api/v1/openapi.json", "/api/v1/docs"] {
        let mut client = drive(|_| Reply::Refused(Refusal::Internal));
        ask(&mut client, "GET", path);
        assert!(client.unsent_bytes() <= HIGH_WATER + 1000, "{path}");
        let (length, body) = read(&mut client);
        assert_eq!(length, body.len());
        assert!(length > HIGH_WATER && body.ends_with(['\n', '>']), "{path}");
    }
}

/// The octets of no page can be read.
fn unreadable(call: &Call) -> Reply {
    match call {
        Call::Read(Read::Message(MessageRead::FindPart { .. })) => match source("8bit") {
            Reply::Answer(Answer::Part(mut part)) => {
                part.len = 900_000;
                Reply::Answer(Answer::Part(part))
            }
            other => other,
        },
        _ => Reply::Refused(Refusal::Internal),
    }
}

/// Each page has nothing in it.
fn empty(call: &Call) -> Reply {
    match call {
        Call::Read(Read::Entry(_)) => Reply::Answer(Answer::Octets(Vec::new())),
        call => unreadable(call),
    }
}

/// The octets of the first page can be read.
fn broken(call: &Call) -> Reply {
    match call {
        Call::Read(Read::Entry(EntryRead::Octets { offset: 1000, .. })) => octets(call),
        call => unreadable(call),
    }
}

#[test]
fn an_attachment_that_cannot_be_read_has_a_status_until_octets_are_sent() {
    for answer in [unreadable as fn(&Call) -> Reply, empty] {
        let mut client = drive(answer);
        client.reads = true;
        ask(&mut client, "GET", &format!("{MESSAGE}/attachments/att_1"));
        let said = client.take();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        assert!(!client.closed);
    }
    let mut client = drive(broken);
    client.reads = true;
    ask(&mut client, "GET", &format!("{MESSAGE}/attachments/att_1"));
    let said = client.take();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(client.closed);
}

#[test]
fn a_call_of_mcp_says_that_an_attachment_cannot_be_read() {
    let arguments = r#"{"inbox":"inb_00000000001","id":"msg_00000000001","att":"att_1"}"#;
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_attachment","arguments":{arguments}}}}}"#
    );
    let length = call.len();
    for answer in [unreadable as fn(&Call) -> Reply, empty, broken] {
        let mut client = drive(answer);
        client.reads = true;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nAccept: */*\r\n\
             Content-Length: {length}\r\n\r\n{call}"
        );
        client.send(request.as_bytes(), usize::MAX);
        let said = client.take();
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        assert!(said.contains("Not done: "), "{said}");
        assert!(!client.closed);
        ask(&mut client, "GET", "/api/v1/nothing");
        assert!(client.take().starts_with("HTTP/1.1 404 "));
    }
}
