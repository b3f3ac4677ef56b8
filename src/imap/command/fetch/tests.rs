//! The answers of FETCH as text, and where they stop.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
use super::FetchCommand;
use super::item::FetchItems;
use super::render::*;
use super::structure::tests::{NESTED, PREFIX, assert_well_formed, row};
use crate::call::{EntryRow, Octets};
use crate::imap::table::Command;

fn items(text: &str) -> FetchItems {
    let line = format!("t FETCH 1 {text}\r\n");
    let command = Command::parse(line.as_bytes()).unwrap();
    command.into_args::<FetchCommand>().unwrap().items
}

/// Pages of so many octets, and no other bound.
fn pages(page_bytes: u32) -> RenderBounds {
    RenderBounds {
        page_bytes,
        output_bytes: usize::MAX,
        work: usize::MAX,
    }
}

/// With the octets at hand, and with none at hand in pages of any size, and with stops
/// wherever there can be one: the same answer.
fn answer(text: &str, row: &EntryRow, told: Told) -> String {
    let items = items(text);
    let mut out = Vec::new();
    let mut rendering = Rendering::default();
    assert_eq!(
        rendering.go(&items, (3, row, told), &mut pages(9), &mut out),
        Progress::Done
    );
    assert_well_formed(out.strip_suffix(b"\r\n").unwrap());
    let octets = row.octets.clone().unwrap();
    let bare = EntryRow {
        octets: None,
        ..row.clone()
    };
    for (row, page) in [(row, 9), (&bare, 1), (&bare, 7), (&bare, 100_000)] {
        for (output_bytes, work) in [(usize::MAX, usize::MAX), (0, usize::MAX), (usize::MAX, 1)] {
            let (mut whole, mut rendering) = (Vec::new(), Rendering::default());
            loop {
                let mut piece = Vec::new();
                let mut bounds = RenderBounds {
                    page_bytes: page,
                    output_bytes,
                    work,
                };
                let progress = rendering.go(&items, (3, row, told), &mut bounds, &mut piece);
                if let Progress::Read { offset, len } = progress {
                    assert!(len <= page);
                    let page = &octets[offset as usize..(offset + len) as usize];
                    rendering.feed(page, &mut piece).unwrap();
                }
                whole.extend(piece);
                if progress == Progress::Done {
                    break;
                }
            }
            assert_eq!(rendering, Rendering::default());
            assert_eq!(whole, out, "{text} page {page}");
        }
    }
    String::from_utf8(out).unwrap()
}

/// The octets that one `go` has written at most, and how often it was called.
fn largest_piece(text: &str, row: &EntryRow, bounds: RenderBounds) -> (usize, usize) {
    let (items, mut rendering) = (items(text), Rendering::default());
    let (mut most, mut calls) = (0, 0);
    loop {
        let mut piece = Vec::new();
        let asked = (1, row, Told::default());
        let progress = rendering.go(&items, asked, &mut bounds.clone(), &mut piece);
        (most, calls) = (most.max(piece.len()), calls + 1);
        if progress == Progress::Done {
            return (most, calls);
        }
    }
}

#[test]
fn an_answer_stops_between_items_and_inside_one() {
    let long = format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(20_000));
    let bounds = RenderBounds {
        output_bytes: 64 << 10,
        ..pages(256 << 10)
    };
    // 64 partials of a message that came whole with its row.
    let partials: Vec<String> = (0..64)
        .map(|n| format!("BODY.PEEK[]<{n}.262144>"))
        .collect();
    let text = format!("({})", partials.join(" "));
    let (most, calls) = largest_piece(&text, &row(&long), bounds);
    assert!(most <= (128 << 10) + 100, "{most}");
    assert!(calls > 64, "{calls}");
    // A structure with parameters that are longer in the answer than in the message.
    let part = format!(
        "--b\r\nContent-Type: a/b{}\r\n\r\n\r\n",
        "; a=\"\\\"\"".repeat(60)
    );
    let many = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        part.repeat(900)
    );
    let (most, calls) = largest_piece("(BODYSTRUCTURE BODY)", &row(&many), bounds);
    assert!(most <= (64 << 10) + 4096 && calls > 5, "{most} {calls}");
    // An envelope of many addresses.
    let list = "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\" <a@x.test>,\r\n ".repeat(160);
    let fields: String = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]
        .map(|name| format!("{name}: {list}b@x.test\r\n"))
        .concat();
    let bounds = RenderBounds {
        output_bytes: 1000,
        ..bounds
    };
    let (most, calls) = largest_piece("ENVELOPE", &row(&format!("{fields}\r\n")), bounds);
    assert!(most <= 16 << 10 && calls >= 6, "{most} {calls}");
}

#[test]
fn a_header_is_filtered_in_slices() {
    let names: Vec<String> = (0..100).map(|n| format!("a{n}")).collect();
    let text = format!("BODY.PEEK[HEADER.FIELDS ({})]", names.join(" "));
    let row = row(&format!("{}\r\n", "a:\r\n".repeat(60_000)));
    let bounds = RenderBounds {
        work: 250_000,
        ..pages(1)
    };
    let (_, calls) = largest_piece(&text, &row, bounds);
    // 60,000 fields, each compared with 100 names.
    assert!((60..200).contains(&calls), "{calls}");
    // Many items about one header.
    let each: Vec<String> = (0..60)
        .map(|n| format!("BODY.PEEK[HEADER.FIELDS (x{n})]"))
        .collect();
    let (_, calls) = largest_piece(&format!("({})", each.join(" ")), &row, bounds);
    assert!(calls > 60, "{calls}");
}

#[test]
fn rows_are_answered() {
    let row = row(NESTED);
    let header = format!("{PREFIX}From: A <a@x.test>\r\n\r\n");
    let none = Told::default();
    let all = Told {
        recent: true,
        uid: true,
        flags: true,
        modseq: true,
    };
    for (text, told, expected) in [
        ("UID", none, "UID 7".to_owned()),
        (
            "(UID FLAGS)",
            all,
            "UID 7 FLAGS (\\Seen \\Recent a) MODSEQ (12)".to_owned(),
        ),
        (
            "BODY.PEEK[1]",
            all,
            "BODY[1] {8}\r\none\r\ntwo UID 7 FLAGS (\\Seen \\Recent a) MODSEQ (12)".to_owned(),
        ),
        (
            "(INTERNALDATE RFC822.SIZE)",
            none,
            format!(
                "INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" RFC822.SIZE {}",
                row.size
            ),
        ),
        (
            "BODY[1]<4.2>",
            none,
            "BODY[1]<4> {2}\r\n\ntw".replace("\ntw", "\nt"),
        ),
        ("BODY[1]<99.2>", none, "BODY[1]<99> {0}\r\n".to_owned()),
        (
            "BODY[1]<4.4294967295>",
            none,
            "BODY[1]<4> {4}\r\n\ntwo".to_owned(),
        ),
        ("BODY[4]", none, "BODY[4] NIL".to_owned()),
        (
            "BODY[1.HEADER.FIELDS (From)]",
            none,
            "BODY[1.HEADER.FIELDS (From)] NIL".to_owned(),
        ),
        (
            "BODY[HEADER.FIELDS (return-path FROM \"x(\")]",
            none,
            format!(
                "BODY[HEADER.FIELDS (return-path FROM \"x(\")] {{{}}}\r\n{header}",
                header.len()
            ),
        ),
        (
            "BODY[HEADER.FIELDS (X)]",
            none,
            "BODY[HEADER.FIELDS (X)] {2}\r\n\r\n".to_owned(),
        ),
        (
            "BODY.PEEK[2.HEADER.FIELDS.NOT (Content-Type Subject)]<0.6>",
            none,
            "BODY[2.HEADER.FIELDS.NOT (Content-Type Subject)]<0> {6}\r\nFrom: ".to_owned(),
        ),
        ("(BODY[2.1.MIME] RFC822.HEADER)", none, {
            let octets = row.octets.clone().unwrap();
            let header = &octets[..(row.prefix_len + row.header_len) as usize];
            let header = String::from_utf8_lossy(header);
            format!(
                "BODY[2.1.MIME] {{2}}\r\n\r\n RFC822.HEADER {{{}}}\r\n{header}",
                header.len()
            )
        }),
    ] {
        assert_eq!(
            answer(text, &row, told),
            format!("* 3 FETCH ({expected})\r\n"),
            "{text}"
        );
    }
    for text in [
        "RFC822",
        "BODY[]",
        "BODY[TEXT]",
        "RFC822.TEXT",
        "FULL",
        "(BODYSTRUCTURE BODY[] ENVELOPE BODY[2])",
    ] {
        answer(text, &row, all);
    }
}

#[test]
fn a_header_alone_is_at_hand() {
    let whole = row(NESTED);
    let header_len = (whole.prefix_len + whole.header_len) as usize;
    let bare = EntryRow {
        octets: whole
            .octets
            .as_ref()
            .map(|octets| octets[..header_len].to_vec()),
        ..whole
    };
    let items = items("(BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (From)])");
    assert_eq!(items.needs(9).octets, Octets::Header);
    let mut out = Vec::new();
    let asked = (1, &bare, Told::default());
    let done = Rendering::default().go(&items, asked, &mut pages(9), &mut out);
    assert_eq!(done, Progress::Done);
}

#[test]
fn what_is_needed() {
    for (text, digest, octets, seen) in [
        (
            "(FLAGS UID INTERNALDATE RFC822.SIZE MODSEQ)",
            false,
            Octets::No,
            false,
        ),
        ("ALL", true, Octets::No, false),
        ("BODYSTRUCTURE", true, Octets::No, false),
        ("BODY.PEEK[]", false, Octets::UpTo(9), false),
        ("RFC822.HEADER", false, Octets::Header, false),
        (
            "(BODY[HEADER] BODY.PEEK[TEXT])",
            false,
            Octets::UpTo(9),
            true,
        ),
        (
            "(BODY.PEEK[TEXT] BODY[HEADER])",
            false,
            Octets::UpTo(9),
            true,
        ),
        ("BODY.PEEK[1.MIME]", true, Octets::UpTo(9), false),
        ("RFC822", false, Octets::UpTo(9), true),
    ] {
        let items = items(text);
        assert_eq!(items.needs(9), Needs { digest, octets }, "{text}");
        assert_eq!(items.marks_seen(), seen, "{text}");
    }
}

#[test]
fn a_message_that_went_away_is_noticed() {
    let bare = EntryRow {
        octets: None,
        ..row(NESTED)
    };
    let (mut out, mut rendering) = (Vec::new(), Rendering::default());
    let asked = (1, &bare, Told::default());
    let progress = rendering.go(&items("BODY[]"), asked, &mut pages(9), &mut out);
    assert_eq!(progress, Progress::Read { offset: 0, len: 9 });
    assert_eq!(rendering.feed(b"", &mut out), Err(MissingOctets));
}

#[test]
fn states_alone() {
    let row = row("\r\n");
    let mut out = Vec::new();
    state(
        &mut out,
        4,
        &row.state,
        Told {
            uid: true,
            flags: true,
            ..Told::default()
        },
    );
    state(
        &mut out,
        5,
        &row.state,
        Told {
            flags: true,
            modseq: true,
            ..Told::default()
        },
    );
    uid(&mut out, 6, 9);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "* 4 FETCH (UID 7 FLAGS (\\Seen a))\r\n* 5 FETCH (FLAGS (\\Seen a) MODSEQ (12))\r\n\
         * 6 FETCH (UID 9)\r\n"
    );
}
