//! Parsers take time in proportion to their input: eight times the input takes about eight
//! times the time. Quadratic code would take sixty-four times; the bound lies between, because
//! a machine may be busy. A row is a name, a parser and a shape of input.

use std::hint::black_box;
use std::time::{Duration, Instant};

use postern::testing::call::Limits;
use postern::testing::imap::testing::{Command, Frame, FrameBounds};
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::{Digest, analyse};
use postern::testing::mail::parse::address_list::parse_list;
use postern::testing::mail::parse::charset::decode;
use postern::testing::mail::parse::date::parse as parse_date;
use postern::testing::mail::parse::header::{Headers, message_ids};
use postern::testing::mail::text::{attachments, markdown_of, text_of};

type Row = (&'static str, fn(&[u8]), fn(usize) -> String);

const ROWS: &[Row] = &[
    ("escapes in a quoted string", imap, |n| {
        format!("t LOGIN \"{}\" x\r\n", "\\\"".repeat(n))
    }),
    ("a sequence set", imap, |n| {
        format!("t FETCH {} FLAGS\r\n", "9,".repeat(n))
    }),
    ("keys of a search", imap, |n| {
        format!("t SEARCH {}1\r\n", "OR 1 ".repeat(n))
    }),
    ("items of a fetch", imap, |n| {
        format!("t FETCH 1 ({}\r\n", "UID ".repeat(n))
    }),
    ("flags of a store", imap, |n| {
        format!("t STORE 1 FLAGS ({}\r\n", "a ".repeat(n))
    }),
    ("options of a list", imap, |n| {
        format!("t LIST ({}\r\n", "REMOTE ".repeat(n))
    }),
    ("levels of a name", imap, |n| {
        format!("t CREATE {}x\r\n", "a/".repeat(n))
    }),
    ("parentheses in a frame", imap_frame, |n| {
        format!("t NOOP {}\r\n", "()".repeat(n))
    }),
    ("a body of one line", mail, |n| {
        format!("Subject: x\n\n{}", "word ".repeat(n))
    }),
    ("dashes in a multipart", mail, |n| {
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}",
            "--b-\n".repeat(n)
        )
    }),
    ("padding in base64", mail, |n| {
        let padding = "QQ==".repeat(n);
        format!("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n{padding}")
    }),
    ("escapes in quoted-printable", mail, |n| {
        format!(
            "Content-Transfer-Encoding: quoted-printable\n\n{}",
            "=4=".repeat(n)
        )
    }),
    ("marks of flowed quotations", mail, |n| {
        format!(
            "Content-Type: text/plain; format=flowed\n\n{}",
            ">> \n".repeat(n)
        )
    }),
    ("pictures that a page names", mail, |n| {
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n{}\n\
             --b\nContent-Type: image/png\nContent-ID: <x>\n\nx\n--b--",
            "cid:".repeat(n)
        )
    }),
    ("messages within messages", mail, |n| {
        "Content-Type: message/rfc822\n\n".repeat(n / 8)
    }),
    ("literals of a frame", imap_frame, |n| {
        format!("t SEARCH {}\r\n", "{1+}\r\n(".repeat(n))
    }),
    ("heads of encoded words", header, |n| "=?a?q?".repeat(n)),
    ("question marks in an encoded word", header, |n| {
        format!("=?a?q?{}", "?=x??".repeat(n))
    }),
    ("encoded words", header, |n| "=?utf-7?q?+-?= ".repeat(n)),
    ("ids without brackets", header, |n| "a@b <c@ ".repeat(n)),
    ("spaces of a date", header, |n| " ,(a)".repeat(n)),
    ("brackets of addresses", address, |n| "<a> < ".repeat(n)),
    ("quotes without an end", address, |n| "\"\\\"(".repeat(n)),
    ("words in an address", address, |n| {
        "=?a?q?<b> ?=,".repeat(n)
    }),
    ("marks in a page", mail, |n| {
        format!("Content-Type: text/html\n\n{}", "<b>a<i>b</b>".repeat(n))
    }),
    ("code in a page", mail, |n| {
        format!(
            "Content-Type: text/html\n\n<code>{}",
            "`a</code><code>".repeat(n)
        )
    }),
    ("a long fence in a page", mail, |n| {
        format!("Content-Type: text/html\n\n<pre>{}", "```\n".repeat(n))
    }),
    ("rows of a table", mail, |n| {
        let rows = "<tr><td>a<td>b|".repeat(n);
        format!("Content-Type: text/html\n\n<table>{rows}")
    }),
    ("tables in a table", mail, |n| {
        format!(
            "Content-Type: text/html\n\n{}",
            "<table><tr><td>a<td>b".repeat(n)
        )
    }),
    ("lists in a list", mail, |n| {
        format!("Content-Type: text/html\n\n{}", "<ul><li>a".repeat(n))
    }),
    ("links in a page", mail, |n| {
        let links = "<a href=http://e.test/>a<p>b</a>".repeat(n);
        format!("Content-Type: text/html\n\n{links}")
    }),
    ("escapes in an address", address, |n| "\x1b$B".repeat(n)),
    ("escapes of a text", charset, |n| {
        "\x1b$B\x1b(B\x0e".repeat(n)
    }),
];

fn header(value: &[u8]) {
    let raw = [b"X:", value, b"\r\n\r\n"].concat();
    if let Some(field) = Headers::parse(&raw).first("X") {
        black_box((
            field.decoded(),
            message_ids(field.value),
            parse_date(field.value),
        ));
    }
}

fn address(value: &[u8]) {
    let bounds = Bounds {
        addresses: usize::MAX,
        ..Bounds::default()
    };
    black_box(parse_list(value, &bounds));
}

fn charset(octets: &[u8]) {
    black_box(decode(Some(b"iso-2022-jp"), octets));
}

fn imap(line: &[u8]) {
    let _ = black_box(Command::parse(line));
}

/// Everything that a delivery and a client that opens the message ask of it.
fn mail(raw: &[u8]) {
    if let Ok(found) = analyse(raw, &Bounds::default())
        && let Some(digest) = Digest::open(&found.digest)
    {
        black_box(text_of(raw, &digest));
        black_box(markdown_of(raw, &digest));
        black_box(attachments(raw, &digest).count());
    }
}

fn imap_frame(line: &[u8]) {
    let bounds = FrameBounds {
        line_bytes: usize::MAX,
        literals: usize::MAX,
        literals_bytes: usize::MAX,
        depth: usize::MAX,
        ..FrameBounds::after_login(&Limits::default())
    };
    black_box(Frame::default().step(line, &bounds));
}

#[test]
fn no_parser_is_worse_than_linear() {
    for (name, parser, shape) in ROWS {
        let inputs = [shape(8_000), shape(64_000)];
        let mut best = [Duration::MAX; 2];
        // The best of a few runs, and of many while the machine is busy: noise
        // only ever adds.
        for round in 1..=ROUNDS_MAX {
            for (input, best) in inputs.iter().zip(&mut best) {
                let start = Instant::now();
                parser(input.as_bytes());
                *best = start.elapsed().max(Duration::from_micros(20)).min(*best);
            }
            if round >= ROUNDS && best[1] < best[0] * 24 {
                break;
            }
        }
        let [one, eight] = best;
        assert!(eight < one * 24, "{name}: {one:?}, then {eight:?}");
    }
}

const ROUNDS: u32 = 7;
const ROUNDS_MAX: u32 = 500;
