//! Replies of other servers: what is read, what is refused, and that no cut changes it.

#![allow(clippy::unwrap_used)]

use super::*;

/// Everything that the parser finds when the input comes in pieces of `n` octets.
fn in_pieces(input: &[u8], n: usize) -> Vec<ReplyStep> {
    let mut parser = ReplyParser::default();
    let (mut unread, mut found) = (Vec::new(), Vec::new());
    for piece in input.chunks(n) {
        unread.extend_from_slice(piece);
        loop {
            let (used, step) = parser.take(&unread);
            unread.drain(..used);
            match step {
                ReplyStep::Incomplete => break,
                ReplyStep::Bad(fault) => {
                    assert!(unread.is_empty());
                    found.push(ReplyStep::Bad(fault));
                    return found;
                }
                whole => found.push(whole),
            }
        }
        assert!(unread.len() < REPLY_LINE_BYTES_MAX);
    }
    found
}

/// `code enhanced text|text`, or the fault.
fn shown(input: &[u8]) -> Vec<String> {
    let whole = in_pieces(input, usize::MAX);
    for n in [1, 2, 3, 7, 100] {
        assert_eq!(in_pieces(input, n), whole, "cut by {n}");
    }
    whole
        .into_iter()
        .map(|step| match step {
            ReplyStep::Whole(reply) => {
                let enhanced = reply.enhanced.map(|(a, b, c)| format!(" {a}.{b}.{c}"));
                let enhanced = enhanced.unwrap_or_default();
                format!("{}{enhanced} {}", reply.code, reply.lines.join("|"))
            }
            ReplyStep::Bad(fault) => format!("{fault:?}"),
            ReplyStep::Incomplete => unreachable!(),
        })
        .collect()
}

#[test]
fn replies_are_read_as_the_rfc_has_them() {
    let cases: &[(&str, &[&str])] = &[
        ("220 mx.test ESMTP\r\n", &["220 mx.test ESMTP"]),
        ("250\r\n", &["250 "]),
        ("250 \r\n", &["250 "]),
        ("250-a\r\n250-b\r\n250 c\r\n", &["250 a|b|c"]),
        ("250-a\r\n250\r\n", &["250 a|"]),
        ("250 2.1.5 Ok\r\n354 go\r\n", &["250 2.1.5 Ok", "354 go"]),
        (
            "550-5.1.1 No such\r\n550 5.1.1 user\r\n",
            &["550 5.1.1 No such|user"],
        ),
        // The class of the enhanced code is that of the code, or it does not count.
        ("450 5.1.1 x\r\n", &["450 x"]),
        ("354 3.0.0 x\r\n", &["354 3.0.0 x"]),
        ("550 5.1 x\r\n", &["550 5.1 x"]),
        ("550 5.1.1.1 x\r\n", &["550 5.1.1.1 x"]),
        ("550 5.1.1000 x\r\n", &["550 5.1.1000 x"]),
        ("550 5.123.999\r\n", &["550 5.123.999 "]),
        ("550 5..1 x\r\n", &["550 5..1 x"]),
        ("550 j\u{f6}rg\x00\x1b[1m\t.\r\n", &["550 j\u{f6}rg??[1m?."]),
        ("", &[]),
        ("250 incomplete", &[]),
        ("250-a\r\n", &[]),
    ];
    for (input, expected) in cases {
        assert_eq!(shown(input.as_bytes()), *expected, "{input:?}");
    }
    assert_eq!(shown(b"250 \xff\r\n"), ["250 \u{fffd}"]);
}

#[test]
fn what_is_no_reply_is_refused() {
    let cases: &[(&str, &str)] = &[
        ("HTTP/1.1 200 OK\r\n", "NoCode"),
        ("25\r\n", "NoCode"),
        ("\r\n", "NoCode"),
        ("\n", "LineEnd"),
        ("150 x\r\n", "NoCode"),
        ("650 x\r\n", "NoCode"),
        ("260 x\r\n", "NoCode"),
        ("2500 x\r\n", "NoCode"),
        ("250_x\r\n", "NoCode"),
        ("250 x\n", "LineEnd"),
        ("250 x\r250 y\r\n", "LineEnd"),
        ("250 x\r\r\n", "LineEnd"),
        ("250-x\r\n251 y\r\n", "CodeChanged"),
        ("250-x\r\n550 y\r\n", "CodeChanged"),
    ];
    for (input, fault) in cases {
        assert_eq!(shown(input.as_bytes()), [*fault], "{input:?}");
        let behind = format!("220 ok\r\n{input}250 never read\r\n");
        assert_eq!(shown(behind.as_bytes()), ["220 ok", *fault], "{input:?}");
    }
    let mut parser = ReplyParser::default();
    assert_eq!(parser.take(b"x\r\n").1, ReplyStep::Bad(ReplyFault::NoCode));
    let again = parser.take(b"250 ok\r\n");
    assert_eq!(again, (8, ReplyStep::Bad(ReplyFault::NoCode)));
}

#[test]
fn a_reply_has_bounds() {
    let line = |n: usize| format!("250 {}\r\n", "x".repeat(n - 6));
    assert_eq!(shown(line(1000).as_bytes()).len(), 1);
    assert_eq!(shown(line(1001).as_bytes()), ["LineTooLong"]);
    assert_eq!(shown(&b"2".repeat(100_000)), ["LineTooLong"]);
    let lines = |n: usize| format!("{}250 x\r\n", "250-x\r\n".repeat(n - 1));
    assert_eq!(shown(lines(100).as_bytes()).len(), 1);
    assert_eq!(shown(lines(101).as_bytes()), ["TooManyLines"]);
    // A reply that never ends is over at its bound.
    let mut parser = ReplyParser::default();
    let mut fed = 0;
    while parser.take(b"250-x\r\n").1 == ReplyStep::Incomplete {
        assert!(parser.is_inside());
        fed += 1;
    }
    assert_eq!(fed, REPLY_LINES_MAX);
}

#[test]
fn a_line_is_searched_once() {
    let mut parser = ReplyParser::default();
    let line = [&b"250 "[..], &b"x".repeat(900)].concat();
    for n in 0..line.len() {
        assert_eq!(parser.take(&line[..n]), (0, ReplyStep::Incomplete));
        assert_eq!(parser.searched, n);
    }
}

#[test]
fn the_text_of_a_reply_is_one_line() {
    let mut parser = ReplyParser::default();
    let (_, step) = parser.take("550-5.7.1 no \r\n550-\r\n550 j\u{f6}rg\r\n".as_bytes());
    let ReplyStep::Whole(reply) = step else {
        panic!("{step:?}");
    };
    let expected = RemoteReply {
        code: 550,
        enhanced: Some((5, 7, 1)),
        text: "no j\u{f6}rg".into(),
    };
    assert_eq!(reply.report(), expected);
    assert_eq!((reply.class(), reply.is_positive()), (5, false));
    // A long one is cut at a character.
    let long = ServerReply {
        code: 550,
        enhanced: None,
        lines: ["x", &"\u{20ac}".repeat(300), &"\u{20ac}".repeat(300)]
            .map(str::to_owned)
            .to_vec(),
    };
    assert_eq!(long.report().text.len(), REMOTE_TEXT_MAX - 1);
}
