//! Nothing that a peer sends takes more than eight times its own size in memory: a row is a door
//! and a shape of input. The allocator counts; no clock is read.
//!
//! The memory of SQLite is not counted: its cache has a bound of its own.

mod rig;

use std::net::{IpAddr, Ipv4Addr};

use peak_alloc::PeakAlloc;
use postern::testing::call::{
    Ask, Call, Envelope, InboxId, Intake, Limits, Listener, Recipient, Reply, Route, Scopes,
};
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::{Digest, analyse};
use postern::testing::mail::text::links::links;
use postern::testing::mail::text::needles::Needles;
use postern::testing::mail::text::search::searchable;
use postern::testing::mail::text::{attachments, extracted_of, text_of};
use rig::Rig;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What comes before the input, and the input.
struct Shape {
    before: String,
    input: String,
}

type Row = (&'static str, Listener, fn(&str) -> Shape);

fn shape(before: impl Into<String>, input: impl Into<String>) -> Shape {
    Shape {
        before: before.into(),
        input: input.into(),
    }
}

const ROWS: &[Row] = &[
    ("a message of text", Listener::Mx, |_| {
        mail("Subject: x\r\n\r\n", &"0123456789\r\n".repeat(200_000), "")
    }),
    ("a message of empty lines", Listener::Mx, |_| {
        mail("Subject: x\r\n\r\n", &"\r\n".repeat(500_000), "")
    }),
    ("a message of dots", Listener::Mx, |_| {
        mail("Subject: x\r\n\r\n", &"..\r\n".repeat(250_000), "")
    }),
    ("a message of header fields", Listener::Mx, |_| {
        mail("", &"a:\r\n".repeat(250_000), "\r\nx\r\n")
    }),
    ("a message of parts", Listener::Mx, |_| {
        mail(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n",
            &"--a\r\n\r\n".repeat(150_000),
            "--a--\r\n",
        )
    }),
    ("a message of addresses", Listener::Mx, |_| {
        mail("To: ", &"a@b,\r\n ".repeat(150_000), "a@b\r\n\r\nx\r\n")
    }),
    ("a message of references", Listener::Mx, |_| {
        mail(
            "References: ",
            &"<a@b>\r\n ".repeat(130_000),
            "\r\n\r\nx\r\n",
        )
    }),
    ("a message of parameters", Listener::Mx, |_| {
        mail(
            "Content-Type: a/b",
            &";a=b\r\n ".repeat(150_000),
            "\r\n\r\nx\r\n",
        )
    }),
    ("a message of attached messages", Listener::Mx, |_| {
        mail(
            "",
            &"Content-Type: message/rfc822\r\n\r\n".repeat(30_000),
            "\r\nx\r\n",
        )
    }),
    ("a message of nested parts", Listener::Mx, |_| {
        let part = |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        mail("", &(0..15_000).map(part).collect::<String>(), "\r\nx\r\n")
    }),
    ("a message of encoded words", Listener::Mx, |_| {
        mail(
            "Subject: ",
            &"=?utf-8?Q?=C3=A4?=\r\n ".repeat(45_000),
            "\r\n\r\nx\r\n",
        )
    }),
    ("a message of hidden octets", Listener::Mx, |_| {
        let head = "Content-Type: text/plain; charset=iso-8859-5\r\n\
                    Content-Transfer-Encoding: quoted-printable\r\n\r\n";
        mail(
            head,
            &"=FF=FF=FF=FF=FF=FF=FF=FF=FF=FF\r\n".repeat(30_000),
            "",
        )
    }),
    ("a message of tags", Listener::Mx, |_| {
        let head = "Content-Type: text/html\r\n\r\n";
        mail(head, &"<b><i><a href=x>\r\n".repeat(60_000), "")
    }),
    ("a message of Received", Listener::Mx, |_| {
        mail("", &"Received: a\r\n".repeat(80_000), "\r\nx\r\n")
    }),
    ("chunks of one octet", Listener::Mx, |_| {
        shape(
            ENVELOPE,
            format!("{}BDAT 0 LAST\r\n", "BDAT 1\r\nx".repeat(50_000)),
        )
    }),
    ("recipients with parameters", Listener::Submissions, |key| {
        let long = "x".repeat(900);
        let rcpt = |n| format!("RCPT TO:<a{n}@else.test> ORCPT=rfc822;{long}\r\n");
        let rcpts: String = (0..200).map(rcpt).collect();
        shape(format!("{}MAIL FROM:<bot@x.test>\r\n", login(key)), rcpts)
    }),
    ("an append", Listener::Imaps, |key| {
        let text = "0123456789\r\n".repeat(200_000);
        let append = format!("2 APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len());
        shape(format!("1 LOGIN bot@x.test {key}\r\n"), append)
    }),
    ("a literal", Listener::Imaps, |key| {
        imap(
            key,
            format!("NOOP {{65000+}}\r\n{}\r\n", "x".repeat(65_000)),
        )
    }),
    ("half of a command", Listener::Imaps, |key| {
        imap(key, format!("NOOP {}", "x".repeat(60_000)))
    }),
    ("keys of a search", Listener::Imaps, |key| {
        imap(key, format!("SEARCH {}1\r\n", "ALL ".repeat(16_000)))
    }),
    ("alternatives of a search", Listener::Imaps, |key| {
        imap(key, format!("SEARCH {}1\r\n", "OR 1 ".repeat(13_000)))
    }),
    ("texts of a search", Listener::Imaps, |key| {
        imap(key, format!("SEARCH {}1\r\n", "TEXT a ".repeat(9_000)))
    }),
    ("negations of a search", Listener::Imaps, |key| {
        imap(key, format!("SEARCH {}1\r\n", "NOT ".repeat(16_000)))
    }),
    ("a set of a search", Listener::Imaps, |key| {
        imap(key, format!("SEARCH {}1\r\n", "9,".repeat(32_000)))
    }),
    ("a set of a fetch", Listener::Imaps, |key| {
        imap(key, format!("FETCH {}1 FLAGS\r\n", "9,".repeat(32_000)))
    }),
    ("a set of UIDs", Listener::Imaps, |key| {
        imap(
            key,
            format!("UID FETCH {}1 FLAGS\r\n", "9:1,".repeat(16_000)),
        )
    }),
    ("items of a fetch", Listener::Imaps, |key| {
        imap(key, format!("FETCH 1 ({}UID)\r\n", "UID ".repeat(16_000)))
    }),
    ("sections of a fetch", Listener::Imaps, |key| {
        imap(key, format!("FETCH 1 ({}UID)\r\n", "BODY[] ".repeat(9_000)))
    }),
    ("fields of a fetch", Listener::Imaps, |key| {
        let names = "a ".repeat(30_000);
        imap(key, format!("FETCH 1 BODY[HEADER.FIELDS ({names}a)]\r\n"))
    }),
    ("parts of a section", Listener::Imaps, |key| {
        imap(key, format!("FETCH 1 BODY[{}1]\r\n", "1.".repeat(32_000)))
    }),
    ("keywords of a store", Listener::Imaps, |key| {
        imap(key, format!("STORE 1 FLAGS ({}a)\r\n", "a ".repeat(32_000)))
    }),
    ("items of a status", Listener::Imaps, |key| {
        imap(
            key,
            format!("STATUS INBOX ({}UIDNEXT)\r\n", "UNSEEN ".repeat(9_000)),
        )
    }),
    ("patterns of a list", Listener::Imaps, |key| {
        imap(key, format!("LIST \"\" ({}a)\r\n", "a ".repeat(30_000)))
    }),
    ("fields of ID", Listener::Imaps, |key| {
        imap(
            key,
            format!("ID ({}\"a\" \"b\")\r\n", "\"a\" NIL ".repeat(7_000)),
        )
    }),
    ("capabilities of ENABLE", Listener::Imaps, |key| {
        imap(key, format!("ENABLE {}a\r\n", "a ".repeat(32_000)))
    }),
    ("header fields of a request", Listener::Https, |_| {
        shape(
            "",
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000)),
        )
    }),
    ("a query of a request", Listener::Https, |key| {
        let query = "a=b&".repeat(2_000);
        let auth = format!("Host: mx.test\r\nAuthorization: Bearer {key}\r\n");
        shape(
            "",
            format!("GET /api/v1/inboxes?{query} HTTP/1.1\r\n{auth}\r\n"),
        )
    }),
    ("chunks of a body", Listener::Https, |key| {
        let chunks = format!("{}0\r\n\r\n", "1\r\n \r\n".repeat(100_000));
        post(key, "Transfer-Encoding: chunked", &chunks)
    }),
    ("JSON of empty objects", Listener::Https, |key| {
        json(key, format!("{{\"x\":[{}{{}}]}}", "{},".repeat(300_000)))
    }),
    ("JSON of numbers in lists", Listener::Https, |key| {
        let list = format!("[{}0],", "0,".repeat(9_000));
        json(key, format!("{{\"x\":[{}0]}}", list.repeat(50)))
    }),
    ("JSON of deep lists", Listener::Https, |key| {
        let deep = format!("{}{},", "[".repeat(28), "]".repeat(28));
        json(key, format!("{{\"x\":[{}0]}}", deep.repeat(9_000)))
    }),
    ("JSON of small fields", Listener::Https, |key| {
        let fields: String = (0..9_900).map(|n| format!("\"{n}\":0,")).collect();
        json(key, format!("{{{fields}\"x\":0}}"))
    }),
    ("JSON of escapes", Listener::Https, |key| {
        let list = "\"\\n\",".repeat(9_900);
        json(key, format!("{{\"x\":[{list}0]}}"))
    }),
    ("recipients of a request", Listener::Https, |key| {
        json(
            key,
            format!("{{\"to\":[{}\"a@b\"]}}", "\"a@b\",".repeat(9_900)),
        )
    }),
    ("header fields of a send", Listener::Https, |key| {
        let fields: String = (0..9_900).map(|n| format!("\"X-{n}\":\"\",")).collect();
        let to = "\"to\":[\"bot@x.test\"]";
        json(
            key,
            format!("{{{to},\"headers\":{{{fields}\"X-A\":\"\"}}}}"),
        )
    }),
    ("attachments of a send", Listener::Https, |key| {
        let empty = "{\"filename\":\"\",\"content\":\"\"},";
        let to = "\"to\":[\"bot@x.test\"]";
        let list = empty.repeat(9_000);
        let last = empty.trim_end_matches(',');
        json(key, format!("{{{to},\"attachments\":[{list}{last}]}}"))
    }),
    (
        "as many values as its length allows",
        Listener::Https,
        |key| {
            json(
                key,
                format!("{{\"x\":[{}0]}}", wide("[0],", 2).repeat(9_900)),
            )
        },
    ),
    (
        "as many texts as its length allows",
        Listener::Https,
        |key| {
            json(
                key,
                format!("{{\"x\":[{}0]}}", wide("\"\\n\",", 1).repeat(9_900)),
            )
        },
    ),
    (
        "as many fields as its length allows",
        Listener::Https,
        |key| {
            let fields: String = (0..9_900)
                .map(|n| wide(&format!("\"{n}\":0,"), 2))
                .collect();
            json(key, format!("{{{fields}\"x\":0}}"))
        },
    ),
    (
        "as many header fields as its length allows",
        Listener::Https,
        |key| {
            let fields: String = (0..9_900)
                .map(|n| wide(&format!("\"X-{n}\":\"\","), 2))
                .collect();
            let to = "\"to\":[\"bot@x.test\"]";
            json(
                key,
                format!("{{{to},\"headers\":{{{fields}\"X-A\":\"\"}}}}"),
            )
        },
    ),
    (
        "as many attachments as its length allows",
        Listener::Https,
        |key| {
            let empty = "{\"filename\":\"\",\"content\":\"\"}";
            let to = "\"to\":[\"bot@x.test\"]";
            let list = wide(&format!("{empty},"), 5).repeat(9_000);
            json(key, format!("{{{to},\"attachments\":[{list}{empty}]}}"))
        },
    ),
    (
        "as many labels as its length allows",
        Listener::Https,
        |key| {
            let to = "\"to\":[\"bot@x.test\"]";
            let list: String = (0..9_900).map(|n| wide(&format!("\"{n}\","), 1)).collect();
            json(key, format!("{{{to},\"labels\":[{list}\"x\"]}}"))
        },
    ),
    (
        "as many recipients as a message may have",
        Listener::Https,
        |key| {
            json(
                key,
                format!("{{\"to\":[{}\"a@b\"]}}", "\"a@b\",".repeat(199)),
            )
        },
    ),
    ("a large attachment", Listener::Https, |key| {
        let content = "QUJD".repeat(500_000);
        let to = "\"to\":[\"bot@x.test\"]";
        let file = format!("{{\"filename\":\"a\",\"content\":\"{content}\"}}");
        json(key, format!("{{{to},\"attachments\":[{file}]}}"))
    }),
    ("a text of line ends", Listener::Https, |key| {
        let to = "\"to\":[\"bot@x.test\"]";
        json(
            key,
            format!("{{{to},\"text\":\"{}\"}}", "\\n".repeat(500_000)),
        )
    }),
    ("a text of control characters", Listener::Https, |key| {
        let to = "\"to\":[\"bot@x.test\"]";
        json(
            key,
            format!("{{{to},\"text\":\"{}\"}}", "\u{7f}".repeat(1_000_000)),
        )
    }),
    ("a page of tags", Listener::Https, |key| {
        let to = "\"to\":[\"bot@x.test\"]";
        json(
            key,
            format!("{{{to},\"html\":\"{}\"}}", "<b>".repeat(300_000)),
        )
    }),
];

const ENVELOPE: &str = "EHLO c\r\nMAIL FROM:<a@else.test>\r\nRCPT TO:<bot@x.test>\r\n";

fn mail(head: &str, middle: &str, tail: &str) -> Shape {
    let data = format!("{ENVELOPE}DATA\r\n");
    shape(data, format!("{head}{middle}{tail}.\r\n"))
}

fn login(key: &str) -> String {
    let plain = format!("\0bot@x.test\0{key}");
    let plain = data_encoding::BASE64.encode(plain.as_bytes());
    format!("EHLO c\r\nAUTH PLAIN {plain}\r\n")
}

fn imap(key: &str, command: String) -> Shape {
    let before = format!("1 LOGIN bot@x.test {key}\r\n2 SELECT INBOX\r\n");
    shape(before, format!("3 {command}"))
}

/// An item of a body, so wide that the body may have it with so many names and values.
fn wide(item: &str, values: usize) -> String {
    format!("{item:width$}", width = 16 * values)
}

fn post(key: &str, framing: &str, body: &str) -> Shape {
    let auth = format!("Host: mx.test\r\nAuthorization: Bearer {key}\r\n");
    let line = "POST /api/v1/inboxes/bot@x.test/messages HTTP/1.1\r\n";
    shape(format!("{line}{auth}{framing}\r\n\r\n"), body)
}

fn json(key: &str, body: String) -> Shape {
    post(key, &format!("Content-Length: {}", body.len()), &body)
}

/// A message that is opened and searched: its header, and what its body repeats.
const OPENED: &[(&str, &str, &str)] = &[
    ("text of empty lines", "", "\r\n"),
    ("text of short lines", "", "x\n"),
    ("lines like headers", "", ":\n"),
    ("quoted lines", "", "> a\n"),
    ("codes", "", "code 123456\n"),
    ("addresses of links", "", "http://a.b\n"),
    (
        "upper half of a code page",
        "Content-Type: text/plain; charset=ibm437\r\n",
        "\u{7f}\u{e9}",
    ),
    (
        "a page of a code page",
        "Content-Type: text/html; charset=windows-1251\r\n",
        "\u{e9}",
    ),
    (
        "UTF-7",
        "Content-Type: text/html; charset=utf-7\r\n",
        "+AGE-",
    ),
    (
        "octets that are no UTF-7",
        "Content-Type: text/html; charset=utf-7\r\n",
        "\u{e9}",
    ),
    (
        "a page in a slow charset",
        "Content-Type: text/html; charset=gb18030\r\n",
        "\u{e9}\u{e9}",
    ),
    (
        "tags not closed",
        "Content-Type: text/html\r\n",
        "<b><i><div><p>",
    ),
    ("paragraphs", "Content-Type: text/html\r\n", "<p>x"),
    ("items of lists", "Content-Type: text/html\r\n", "<ul><li>x"),
    (
        "links of a page",
        "Content-Type: text/html\r\n",
        "<a href=http://a.b/>x</a>",
    ),
    ("tables", "Content-Type: text/html\r\n", "<table><tr><td>"),
    (
        "style sheets",
        "Content-Type: text/html\r\n",
        "<style>.a{color:red}</style>",
    ),
    ("selectors", "Content-Type: text/html\r\n\r\n<style>", ".a,"),
    (
        "attachments",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "--b\r\nContent-Type: a/b\r\n\r\nx\r\n",
    ),
    ("a header", "", "Subject: x y z\r\n"),
];

/// How many times its size a message takes when it is opened and searched.
fn opened((_, header, piece): &(&str, &str, &str), len: usize) -> f64 {
    let mut raw = header.as_bytes().to_vec();
    if !piece.starts_with("Subject") {
        raw.extend_from_slice(b"\r\n");
    }
    let octets: Vec<u8> = match piece.chars().all(|c| u32::from(c) < 256) {
        true => piece.chars().map(|c| c as u8).collect(),
        false => piece.as_bytes().to_vec(),
    };
    raw.extend(octets.iter().copied().cycle().take(len));
    let held = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let Ok(found) = analyse(&raw, &Bounds::default()) else {
        panic!("the message is in no loop");
    };
    let Some(digest) = Digest::open(&found.digest) else {
        panic!("a fresh digest opens");
    };
    let body = text_of(&raw, &digest);
    let found_links = links(&body.text, &body.links);
    let extracted = extracted_of("subject", &body).into_owned();
    let rows = attachments(&raw, &digest).count();
    drop((body, found_links, extracted, rows));
    let words: Vec<String> = (0..190).map(|n| format!("absent \u{e9} {n}")).collect();
    let mut needles = Needles::new(words.iter().map(String::as_str));
    let mut hits = needles.no_hits();
    for chunk in searchable(&raw, &digest) {
        needles.find(&chunk.text, &mut hits);
    }
    let taken = ALLOCATED.peak_usage().saturating_sub(held);
    taken.saturating_sub(FREE_OPENED) as f64 / raw.len() as f64
}

/// The octets of memory that each request takes which waits for a message, its connection with it.
fn waiting(query: &str) -> usize {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("first");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let line =
        format!("GET /api/v1/inboxes/bot@x.test/messages/wait?timeout=300{query} HTTP/1.1\r\n");
    let request = format!("{line}Host: mx.test\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut wait_in = |n: u8| {
        let id = rig.open(Listener::Https, IpAddr::V4(Ipv4Addr::new(127, 0, 1, n)));
        rig.send(id, request.as_bytes(), usize::MAX);
        let said = rig.take(id);
        assert!(said.is_empty(), "it waits: {}", said.escape_ascii());
    };
    // The first ones also fill what all share.
    (0..WAITS).for_each(&mut wait_in);
    let held = ALLOCATED.current_usage();
    (WAITS..2 * WAITS).for_each(&mut wait_in);
    ALLOCATED.current_usage().saturating_sub(held) / usize::from(WAITS)
}

/// The octets of memory that each WebSocket with one subscription takes, its connection with it.
fn socket() -> usize {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("first");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let mut open = |n: u8| {
        let id = rig.open(Listener::Https, IpAddr::V4(Ipv4Addr::new(127, 0, 1, n)));
        rig.send(id, handshake(&key).as_bytes(), usize::MAX);
        let message = r#"{"op":"subscribe","id":"a","inbox":"bot@x.test"}"#;
        rig.send(id, &frame(message), usize::MAX);
        let said = String::from_utf8_lossy(&rig.take(id)).into_owned();
        assert!(said.contains("\"subscribed\""), "{said}");
    };
    (0..WAITS).for_each(&mut open);
    let held = ALLOCATED.current_usage();
    (WAITS..2 * WAITS).for_each(&mut open);
    ALLOCATED.current_usage().saturating_sub(held) / usize::from(WAITS)
}

/// How a client asks for events that stops to read them: what it sends, by its number and key.
type Request = fn(u8, &str) -> Vec<u8>;

/// With the octets that it may take in front of usual events, and of long ones.
const STALLED: &[(&str, Request, [usize; 2])] = &[
    (
        "a stream",
        |_, key| stream("", key),
        [STALLED_MAX, LONG_MAX],
    ),
    (
        "a WebSocket",
        |_, key| subscribe("", key),
        [STALLED_MAX, LONG_MAX],
    ),
    (
        "a stream of a group",
        |n, key| stream(&format!("?group=g{n}"), key),
        [CLAIM_MAX, LONG_MAX],
    ),
    (
        "a WebSocket of a group",
        |n, key| subscribe(&format!(r#","group":"g{n}""#), key),
        [CLAIM_MAX, LONG_MAX],
    ),
];

fn stream(query: &str, key: &str) -> Vec<u8> {
    let head = format!("GET /api/v1/events{query} HTTP/1.1\r\nHost: mx.test\r\n");
    format!("{head}Authorization: Bearer {key}\r\n\r\n").into_bytes()
}

fn subscribe(fields: &str, key: &str) -> Vec<u8> {
    let message = frame(&format!(r#"{{"op":"subscribe","id":"a"{fields}}}"#));
    [handshake(key).as_bytes(), &message].concat()
}

/// The octets of memory that each client takes that has read at once and then stops, while messages
/// come whose To is `to`; and those that are left of it when its time is over.
fn stalled(request: Request, to: &str) -> (usize, usize) {
    let limits = Limits {
        inbox_receives_per_minute: 1000,
        ..Limits::default()
    };
    let time_ms = limits.stream_stall_s * 1000;
    let mut rig = Rig::new(7, limits);
    let org = rig.make_org("first");
    let inbox = rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let mut clients = Vec::new();
    for n in 0..WAITS {
        let id = rig.open(Listener::Https, IpAddr::V4(Ipv4Addr::new(127, 0, 1, n)));
        rig.send(id, &request(n, &key), usize::MAX);
        clients.push(id);
    }
    for _ in 0..20 {
        deliver(&mut rig, inbox, "bot@x.test");
        for id in &clients {
            let said = rig.take(*id);
            let said = String::from_utf8_lossy(&said);
            assert!(said.contains("message.received"), "{said}");
        }
    }
    for id in &clients {
        rig.reads(*id, false);
    }
    let held = ALLOCATED.current_usage();
    deliver(&mut rig, inbox, "bot@x.test");
    for _ in 0..80 {
        deliver(&mut rig, inbox, to);
    }
    // It takes the first of them at once, and a little more. A reader of a group claims many then.
    for id in &clients {
        rig.reads_some(*id, 2000);
        assert_eq!(rig.take(*id).len(), 2000);
    }
    let taken = ALLOCATED.current_usage().saturating_sub(held);
    rig.wait(time_ms);
    assert!(clients.iter().all(|id| rig.conns[id].is_closed()));
    let left = ALLOCATED.current_usage().saturating_sub(held);
    (taken / usize::from(WAITS), left / usize::from(WAITS))
}

/// A message comes in.
fn deliver(rig: &mut Rig, inbox: InboxId, to: &str) {
    let recipient = Recipient {
        address: "bot@x.test".into(),
        inbox: Some(inbox),
        org: None,
        notify: 0,
        orcpt: None,
    };
    let envelope = Envelope {
        reverse_path: Some("ann@else.test".into()),
        recipients: vec![recipient],
        ..Envelope::default()
    };
    let text = "0123456789 ".repeat(40);
    let octets = format!("From: ann@else.test\r\nTo: {to}\r\nSubject: {text}\r\n\r\n{text}\r\n");
    let route = Route::Inbound {
        envelope,
        received: b"Received: by mx.test\r\n".to_vec(),
        helo: "mx.else.test".into(),
    };
    let intake = Box::new(Intake {
        route,
        charge: None,
        octets: octets.into_bytes(),
    });
    let reply = rig.call(Ask::anonymous(Call::Accept(intake)));
    assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
}

fn handshake(key: &str) -> String {
    format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: mx.test\r\nAuthorization: Bearer {key}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A short message of a client; a mask of zeros leaves its text as it is.
fn frame(text: &str) -> Vec<u8> {
    let len = text.len().min(125) as u8;
    [&[0x81, 0x80 | len, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[test]
fn nothing_takes_more_than_eight_times_its_size() {
    let mut wrong = Vec::new();
    for (name, query, most) in [
        ("a wait", "&from=@ann.test", WAITING),
        (
            "a wait with a long filter",
            &*format!("&subject={}", "a".repeat(4096)),
            WAITING + 8 * 4096,
        ),
    ] {
        let taken = waiting(query);
        println!("{name}: {taken} octets each");
        if taken > most {
            wrong.push(format!("{name}: {taken} octets"));
        }
    }
    let taken = socket();
    println!("a WebSocket: {taken} octets each");
    if taken > WAITING {
        wrong.push(format!("a WebSocket: {taken} octets"));
    }
    let many: Vec<String> = (0..200)
        .map(|n| format!("{} <a{n}@x.test>", "a".repeat(1000)))
        .collect();
    let many = many.join(",\r\n ");
    for (name, request, most) in STALLED {
        for (to, most) in ["bot@x.test", &many].into_iter().zip(most) {
            let (taken, left) = stalled(*request, to);
            println!("{name} that stalls: {taken} octets, {left} later");
            if taken > *most || left > LEFT_MAX {
                wrong.push(format!("{name} that stalls: {taken} octets, {left} later"));
            }
        }
    }
    // One test has all, because the allocator counts for the whole process.
    for row in OPENED {
        for len in [64 * 1024, 512 * 1024, 3 << 20] {
            let times = opened(row, len);
            println!("{} opened: {len} octets, {times:.1} times", row.0);
            if times > OPENED_TIMES {
                wrong.push(format!("{} opened, {len} octets: {times:.1} times", row.0));
            }
        }
    }
    for (name, listener, shape) in ROWS {
        let limits = Limits::default();
        let mut rig = Rig::new(7, limits);
        let org = rig.make_org("first");
        rig.make_inbox(org, "bot@x.test", None);
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let Shape { before, input } = shape(&key);
        let id = rig.open(*listener, IpAddr::V4(Ipv4Addr::LOCALHOST));
        rig.wait(1000);
        for line in before.split_inclusive('\n') {
            rig.send(id, line.as_bytes(), usize::MAX);
        }
        drop(rig.take(id));
        let mut said = Vec::new();
        let held = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        for piece in input.as_bytes().chunks(PIECE) {
            rig.send(id, piece, PIECE);
            said = rig.take(id);
        }
        let taken = ALLOCATED.peak_usage().saturating_sub(held);
        let times = taken.saturating_sub(FREE) as f64 / input.len() as f64;
        let said: String = said.escape_ascii().take(90).map(char::from).collect();
        println!(
            "{name}: {} octets took {taken}: {times:.1} {said}",
            input.len()
        );
        if times > 8.0 {
            wrong.push(format!("{name}: {times:.1} times"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The client sends pieces of this size: a worker reads 64 KiB at once.
const PIECE: usize = 16 * 1024;
/// The worst is a page without tags in which each octet becomes three: the tokenizer gathers its
/// one text beside the source and the text that is written. All others stay below seven.
const OPENED_TIMES: f64 = 12.0;
/// What an opened message takes, however small: the lines of a text, and a piece of decoded text.
const FREE_OPENED: usize = 384 * 1024;
/// Requests that wait at once, twice: a key has 16 at most.
const WAITS: u8 = 8;
/// What a request takes that waits, its connection with it.
const WAITING: usize = 4 * 1024;
/// What any request takes, however small.
const FREE: usize = 128 * 1024;
/// What a client costs that has stopped in front of usual events.
const STALLED_MAX: usize = 12 * 1024;
/// The same for a reader of a group, which has a claim of 32 of them in a buffer.
const CLAIM_MAX: usize = 96 * 1024;
/// The same in front of events of 85 KiB: one of them, in a buffer of at most twice its size.
const LONG_MAX: usize = 192 * 1024;
/// What is left of it when it was cut off.
const LEFT_MAX: usize = 1024;
