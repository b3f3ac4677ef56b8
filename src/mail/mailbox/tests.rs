//! Tables of files of mail: what is read out of them, and that what is written comes back.

#![allow(clippy::unwrap_used)]

use super::maildir;
use super::marks::{self, Marks};
use super::mbox::{self, MboxFormat, MboxItem, MboxReader};
use crate::call::Flags;

/// Every item of a file that comes in pieces of `step` octets.
fn read(format: MboxFormat, file: &[u8], step: usize, max: usize) -> Vec<MboxItem> {
    let mut reader = MboxReader::new(format, max);
    let mut all = Vec::new();
    for piece in file.chunks(step) {
        reader.take(piece);
        while let Some(item) = reader.next(false) {
            all.push(item);
        }
    }
    while let Some(item) = reader.next(true) {
        all.push(item);
    }
    assert_eq!(reader.place(), file.len() as u64);
    assert_eq!(reader.next(true), None);
    all
}

fn octets(items: &[MboxItem]) -> Vec<String> {
    let shown = items.iter().map(|item| match item {
        MboxItem::Message(message) => String::from_utf8_lossy(&message.octets).into_owned(),
        MboxItem::TooBig { at, size } => format!("too big: {size} at {at}"),
        MboxItem::Stray { at, size } => format!("stray: {size} at {at}"),
    });
    shown.collect()
}

const DATE: &str = "From a@b.test Thu Jan  1 00:00:10 1970\n";

fn check(format: MboxFormat, file: &str, wanted: &[&str]) {
    for step in [1, 2, 3, 7, 64, 1000, 1 << 20] {
        let items = read(format, file.as_bytes(), step, 4096);
        assert_eq!(octets(&items), wanted, "{file:?} in {step}");
    }
}

#[test]
fn messages_are_told_apart() {
    let rd = MboxFormat::Rd;
    check(rd, "", &[]);
    check(rd, "\n\r\n", &[]);
    check(rd, "no mail\n", &["stray: 8 at 0"]);
    check(
        rd,
        "no mail\n\nFrom x\nA: b\n",
        &["stray: 9 at 0", "A: b\n"],
    );
    check(rd, &format!("{DATE}A: b\n\nc\n"), &["A: b\n\nc\n"]);
    // Without an end of line, with one, with the empty line behind it.
    for end in ["", "\n", "\n\n"] {
        let file = format!("{DATE}A: b\n\nc{end}");
        let wanted = if end.is_empty() {
            "A: b\n\nc"
        } else {
            "A: b\n\nc\n"
        };
        check(rd, &file, &[wanted]);
    }
    check(
        rd,
        &format!("{DATE}A: b\n\nc\n\n{DATE}D: e\n\n\n\n"),
        &["A: b\n\nc\n", "D: e\n\n\n"],
    );
    // Lines of CRLF.
    check(
        rd,
        "From x\r\nA: b\r\n\r\nc\r\n\r\nFrom y\r\nA: d\r\n\r\n",
        &["A: b\r\n\r\nc\r\n", "A: d\r\n"],
    );
    // A line of text that begins with From is no message; one with a time is, also without an
    // empty line before it.
    check(
        rd,
        &format!("{DATE}A: b\n\nFrom here on\nit is text\n"),
        &["A: b\n\nFrom here on\nit is text\n"],
    );
    check(
        rd,
        &format!("{DATE}A: b\n\nc\n{DATE}D: e\n"),
        &["A: b\n\nc\n", "D: e\n"],
    );
    check(
        rd,
        &format!("{DATE}A: b\n\nc\nFrom x\nD: e\n"),
        &["A: b\n\nc\nFrom x\nD: e\n"],
    );
    // An empty message, and a file that ends with a line of its own.
    check(rd, &format!("{DATE}\n{DATE}"), &["", ""]);
    // A line that is too long for a `From ` line.
    let long = format!("{DATE}A: b\n\nFrom {} 10:00 2020\nA: b\n", "x".repeat(2000));
    check(rd, &long, &[&long[DATE.len()..]]);
}

#[test]
fn quotes_are_taken_off_as_the_format_says() {
    let file = format!("{DATE}A: b\n\n>From x\n>>From y\n> From z\n>Fromage\n");
    let body = |lines: &str| format!("A: b\n\n{lines}> From z\n>Fromage\n");
    check(MboxFormat::Rd, &file, &[&body("From x\n>From y\n")]);
    check(MboxFormat::O, &file, &[&body("From x\n>>From y\n")]);
    check(MboxFormat::Cl2, &file, &[&body(">From x\n>>From y\n")]);
}

#[test]
fn lengths_count_where_a_message_follows() {
    let body = format!("one\n\n{DATE}A: no\n\ntwo\n");
    let message = format!("Content-Length: {}\n\n{body}", body.len());
    for end in ["", "\n", "\n\n"] {
        check(
            MboxFormat::Cl2,
            &format!("{DATE}{message}{end}"),
            &[&message],
        );
    }
    let file = format!("{DATE}{message}\n{DATE}A: b\n\nc\n");
    check(MboxFormat::Cl2, &file, &[&message, "A: b\n\nc\n"]);
    // Other formats know nothing of it: a sender could have written it.
    let apart = format!("Content-Length: {}\n\none\n", body.len());
    check(
        MboxFormat::Rd,
        &file,
        &[&apart, "A: no\n\ntwo\n", "A: b\n\nc\n"],
    );
    // A wrong one is not believed, also after many of them.
    for length in ["2", "9", "99999999999999999999", "-1", "4000", "300"] {
        let wrong = format!("Content-Length: {length}\n\none\n");
        let file = format!("{DATE}{wrong}\n{DATE}A: b\n\nc\n");
        check(MboxFormat::Cl2, &file, &[&wrong, "A: b\n\nc\n"]);
        let many = format!("{DATE}{wrong}\n").repeat(40);
        check(MboxFormat::Cl2, &many, &vec![&*wrong; 40]);
    }
    // The last line of the body has no end of its own.
    let bare = "Content-Length: 3\n\none";
    check(
        MboxFormat::Cl2,
        &format!("{DATE}{bare}\n\n{DATE}A: b\n"),
        &[bare, "A: b\n"],
    );
}

#[test]
fn a_large_message_is_passed_over() {
    let file = format!("{DATE}A: b\n\n{}\n{DATE}A: c\n", "x".repeat(5000));
    let size = file.len() - 2 * DATE.len() - 5;
    let wanted = format!("too big: {size} at 0");
    check(MboxFormat::Rd, &file, &[&wanted, "A: c\n"]);
    check(MboxFormat::Cl2, &file, &[&wanted, "A: c\n"]);
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let marks = Marks {
        flags: Flags::SEEN.with(Flags::FLAGGED).with(Flags::DRAFT),
        labels: vec!["urgent".into(), "$Important".into()],
        received_at: Some(1_700_000_000_123),
    };
    let bodies: [&[u8]; 12] = [
        b"",
        b"A: b\r\n\r\nc\r\n",
        b"A: b\r\n\r\nc",
        b"A: b\r\n\r\nc\n\n\n",
        b"A: b\n\nc\rd\r\r\n",
        b"\r\n\r\n",
        b"From x\r\n>From y\r\n>>From z\r\nFrom",
        b"no header\r\nat all",
        b"X-Postern-Received: 2026-01-01T00:00:00Z; octets=3; at=1-2\nStatus: RO\nX-Status: \nX-Keywords: \nabc",
        b"Status: RO\r\nContent-Length: 9999\r\n\r\nc\r\n",
        b" folded\r\nA: b\r\n\r\n\xff\xfe\r\n",
        b"A: b\r\n\r\nFrom a@b Thu Jan  1 00:00:10 1970\r\nA: c\r\n",
    ];
    for line_feeds in [false, true] {
        let mut file = Vec::new();
        for body in bodies {
            mbox::write(&mut file, body.to_vec(), (&marks, "7-19"), line_feeds);
        }
        for step in [1, 13, 1 << 20] {
            let items = read(MboxFormat::Rd, &file, step, 4096);
            assert_eq!(items.len(), bodies.len());
            for (item, body) in items.into_iter().zip(bodies) {
                let MboxItem::Message(message) = item else {
                    panic!("{item:?}");
                };
                let fallback = Marks::default();
                assert_eq!(
                    mbox::postmark_time(&message.from_line),
                    Some(1_700_000_000_000)
                );
                assert_eq!(marks::own(&message.octets).unwrap().place, "7-19");
                let (octets, found) = marks::read(message.octets, fallback);
                assert_eq!(octets, body);
                assert_eq!(found, marks);
            }
        }
    }
}

#[test]
fn fields_of_other_programs_are_read() {
    let read = |header: &str| {
        let octets = format!("{header}\n\nbody\n").into_bytes();
        let (octets, marks) = marks::read(octets, Marks::default());
        assert_eq!(
            octets,
            format!("{header}\n\nbody\n")
                .replace('\n', "\r\n")
                .into_bytes()
        );
        let flags = Flags::NAMES.iter().filter(|(_, f)| marks.flags.has(*f));
        let flags: String = flags.map(|(name, _)| *name).collect();
        (
            flags,
            marks.labels.join(" "),
            marks.received_at.unwrap_or(-1),
        )
    };
    let wanted = |flags: &str, labels: &str, at| (flags.to_owned(), labels.to_owned(), at);
    for (header, flags, labels, at) in [
        ("A: b", "", "", -1),
        ("Status: RO", "\\Seen", "", -1),
        (
            "Status: O\nX-Status: AFTD",
            "\\Answered\\Flagged\\Deleted\\Draft",
            "",
            -1,
        ),
        ("X-Keywords: a b  c\n d", "", "a b c d", -1),
        (
            "X-Mozilla-Status: 0007",
            "\\Answered\\Flagged\\Seen",
            "",
            -1,
        ),
        ("X-Mozilla-Status: zz", "", "", -1),
        (
            "X-Gmail-Labels: Inbox,Unread,Starred,\"My Work\"",
            "\\Flagged",
            "My_Work",
            -1,
        ),
        ("X-Gmail-Labels: Sent,Opened,a(b", "\\Seen", "a_b", -1),
        ("Date: Thu, 1 Jan 1970 00:00:07 +0000", "", "", 7_000),
        (
            "Received: a; Thu, 1 Jan 1970 00:00:09 +0000\nReceived: b; x\nDate: Thu, 1 Jan 1970 00:00:07 +0000",
            "",
            "",
            9_000,
        ),
    ] {
        assert_eq!(read(header), wanted(flags, labels, at), "{header}");
    }
    // The time of the file counts before those of the header.
    let file = Marks {
        received_at: Some(5),
        ..Marks::default()
    };
    let dated = b"Date: Thu, 1 Jan 1970 00:00:07 +0000\r\n\r\n".to_vec();
    assert_eq!(marks::read(dated, file).1.received_at, Some(5));
}

#[test]
fn what_a_server_keeps_in_a_file_is_no_mail() {
    let data = "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n";
    for (octets, is_data) in [
        (format!("{data}X-IMAP: 1 2\n\ntext\n"), true),
        (format!("{data}X-IMAPbase: 1 2\n\ntext\n"), true),
        (format!("{data}\ntext\n"), false),
        ("Subject: a\nX-IMAPbase: 1 2\n\ntext\n".to_owned(), false),
    ] {
        assert_eq!(
            marks::is_folder_data(octets.as_bytes()),
            is_data,
            "{octets}"
        );
    }
}

#[test]
fn times_of_postmarks_are_read() {
    for (line, at) in [
        ("From a@b.test Thu Jan  1 00:00:10 1970", Some(10_000)),
        ("From - Thu Jan 01 00:00:10 1970", Some(10_000)),
        ("From 1234@xxx Thu Jan 01 00:00:10 +0000 1970", Some(10_000)),
        (
            "From MAILER-DAEMON Thu Jan  1 01:00:10 1970 +0100",
            Some(10_000),
        ),
        ("From a@b.test", None),
        ("From ", None),
        ("x", None),
    ] {
        assert_eq!(mbox::postmark_time(line.as_bytes()), at, "{line}");
    }
}

#[test]
fn names_of_maildir_have_flags_and_folders() {
    let keywords = maildir::read_keywords("0 one\n1 two\n25 last\n26 none\nx y\n");
    for (name, flags, labels) in [
        ("1.a.host", "", ""),
        ("1.a.host:2,", "", ""),
        ("1.a.host:2,FRS", "\\Answered\\Flagged\\Seen", ""),
        ("1.a.host,S=5,W=6:2,DTaz", "\\Deleted\\Draft", "one last"),
        ("1.a.host;2,S", "\\Seen", ""),
        ("1.a.host!2,S", "\\Seen", ""),
        ("1.a.host:1,S", "", ""),
        ("1.a.host:2,cS?\u{e9}", "\\Seen", ""),
    ] {
        let marks = maildir::marks_of(name, &keywords);
        let shown = Flags::NAMES.iter().filter(|(_, f)| marks.flags.has(*f));
        assert_eq!(shown.map(|(n, _)| *n).collect::<String>(), flags, "{name}");
        assert_eq!(marks.labels.join(" "), labels, "{name}");
    }
    for (mailbox, folder) in [
        ("INBOX", ""),
        ("Archive/2026", ".Archive.2026"),
        ("Entwürfe", ".Entw&APw-rfe"),
        ("a.b/c&d", ".a&AC4-b.c&-d"),
        ("..", ".&AC4-&AC4-"),
    ] {
        assert_eq!(maildir::folder_of(mailbox), folder);
        if !folder.is_empty() {
            assert_eq!(maildir::mailbox_of(folder).unwrap(), mailbox);
        }
    }
    for none in ["cur", ".", "..", ".a..b", "./a", ".a//b"] {
        assert_eq!(maildir::mailbox_of(none), None, "{none}");
    }
    let flags = Flags::SEEN.with(Flags::DRAFT);
    let name = maildir::name_of("1.2.x", 4, flags, "ab");
    assert_eq!(name, "1.2.x,S=4,W=4:2,DSab");
    assert_eq!(maildir::marks_of(&name, &keywords).flags, flags);
    let unique = maildir::unique_of(17_123, "7-19", "msg_1");
    assert_eq!(unique, "17.P7-19Mmsg_1.postern");
    assert_eq!(
        maildir::place_of(&format!("{unique},S=1,W=1:2,S")),
        Some((7, 19))
    );
    assert_eq!(maildir::place_of("17.M1P2.host:2,S"), None);
    // Octets whose length is named stay; others get CRLF.
    assert_eq!(maildir::octets_of(&name, b"a\nb\n".to_vec()), b"a\nb\n");
    assert_eq!(
        maildir::octets_of("1.2.x,S=4:2,", b"a\nb\n".to_vec()),
        b"a\r\nb\r\n"
    );
    assert_eq!(maildir::octets_of("x", b"a\rb\r\n".to_vec()), b"a\rb\r\n");
}

/// Files of every kind of line, in every order: the pieces of a file change nothing, and what is
/// written comes back.
#[test]
fn made_files_are_read_the_same_in_pieces() {
    const LINES: [&str; 18] = [
        "From a@b.test Thu Jan  1 00:00:10 1970\n",
        "From x\n",
        "From here on\n",
        "From a Thu Jan  1 00:00:10 1970",
        ">From a\n",
        ">>From a\r\n",
        "\n",
        "\r\n",
        "A: b\n",
        "A: b\r\n",
        "Content-Length: 7\n",
        "Content-Length: 40\r\n",
        "Content-Length: 0\n",
        "text",
        "text\n",
        "\r",
        "F",
        "X-Postern-Received: 1970-01-01T00:00:10.000Z; octets=2; at=1-2\n",
    ];
    let mut state = 7u64;
    let mut random = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % n
    };
    for _ in 0..3000 {
        let lines = random(14) + 1;
        let file: String = (0..lines).map(|_| LINES[random(LINES.len())]).collect();
        for format in [MboxFormat::Rd, MboxFormat::O, MboxFormat::Cl2] {
            let whole = read(format, file.as_bytes(), file.len(), 60);
            for step in [1, 2, 5, 11] {
                assert_eq!(
                    read(format, file.as_bytes(), step, 60),
                    whole,
                    "{file:?} {format:?}"
                );
            }
        }
        let mut written = Vec::new();
        for line_feeds in [false, true] {
            let marks = (&Marks::default(), "1-2");
            mbox::write(&mut written, file.clone().into_bytes(), marks, line_feeds);
        }
        let items = read(MboxFormat::Rd, &written, 1 << 20, 1 << 20);
        assert_eq!(items.len(), 2, "{file:?}");
        for item in items {
            let MboxItem::Message(message) = item else {
                panic!("{item:?}");
            };
            assert_eq!(marks::own(&message.octets).unwrap().octets, file.as_bytes());
        }
    }
}
