//! Mail in the shapes that programs write: list, opened message, event and SEARCH show the same.

use super::*;
use SearchKey::{Header, SentBefore, SentSince, Text};

/// What the surfaces show of a message.
struct Shown {
    row: MessageView,
    content: Box<MessageContent>,
    uid: u32,
}

impl World {
    /// Delivers a message, and checks that list, opened message and event agree.
    fn show(&mut self, octets: &[u8]) -> Shown {
        let decided = self.receive("bob@a.test", octets).unwrap();
        let (_, events) = self.deliver(&decided);
        let Change::Arrived(arrived) = &events[0].change else {
            panic!()
        };
        let bob = self.bob.clone();
        let id = arrived.state.id;
        let rows = self.list(&bob, MessageFilter::default());
        let row = rows.into_iter().find(|row| row.state.id == id).unwrap();
        assert_eq!(row.summary, arrived.summary);
        assert_eq!(row.message_id, arrived.message_id);
        let answer = self.answer(Ask::of(
            &bob,
            MessageRead::Get {
                inbox: InboxRef::Id(bob.inbox.unwrap()),
                id,
                ask: Default::default(),
            },
        ));
        let Answer::Message(opened) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(opened.summary, row.summary);
        assert_eq!(opened.message_id, row.message_id);
        Shown {
            uid: row.state.uid,
            content: opened.content.unwrap(),
            row: (*row).clone(),
        }
    }

    fn finds(&mut self, shown: &Shown, key: SearchKey) -> bool {
        let found = self.search(SearchKey::And(vec![
            SearchKey::Uids(UidSet::one(shown.uid)),
            key.clone(),
        ]));
        found == shown.uid.to_string()
    }
}

fn header(shown: &Shown, name: &str) -> String {
    let mut fields = shown.content.headers.iter();
    let field = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
fn from_is_an_address_that_can_be_answered() {
    let mut world = world();
    for (from, name, address) in [
        ("Smith, John <john@x.test>", "John", "john@x.test"),
        ("Example, Inc. <info@x.test>", "Inc.", "info@x.test"),
        (
            "=?utf-8?Q?Dupont,_Andr=C3=A9?= <andre@x.test>",
            "Dupont, André",
            "andre@x.test",
        ),
        (
            "=?utf-8?Q?ann@x.test?= <real@y.test>",
            "ann@x.test",
            "real@y.test",
        ),
        ("=?utf-8?Q?Who?_W=C3=A9?= <w@x.test>", "Who? Wé", "w@x.test"),
        ("Smith; John <john@x.test>", "John", "john@x.test"),
        ("<<john@x.test>>", "", "john@x.test"),
        ("\"Smith, John <john@x.test>", "John", "john@x.test"),
        ("a@b.test or so <c@d.test>", "a@b.test", "c@d.test"),
        ("Team: Ann <ann@x.test>;", "Ann", "ann@x.test"),
        ("Smith", "", "Smith"),
        ("(foo)", "", ""),
        (
            "=?ISO-2022-JP?B?GyRCRURDZhsoQg==?= =?ISO-2022-JP?B?GyRCQkBPOhsoQg==?= <t@x.test>",
            "田中太郎",
            "t@x.test",
        ),
    ] {
        let shown = world.show(format!("From: {from}\r\n\r\nb\r\n").as_bytes());
        let shown_from = &shown.row.summary.from;
        assert_eq!(
            (&*shown_from.name, &*shown_from.address),
            (name, address),
            "{from}"
        );
        for text in [name, address] {
            assert!(
                world.finds(&shown, Header("from".into(), text.into())),
                "{from} {text}"
            );
        }
        let filter = MessageFilter {
            from: Some(address.into()),
            ..MessageFilter::default()
        };
        let bob = world.bob.clone();
        let listed = world.list(&bob, filter);
        assert!(listed.iter().any(|row| row.state.id == shown.row.state.id));
    }
}

#[test]
fn words_are_shown_and_found_decoded() {
    let mut world = world();
    for (head, subject) in [
        (
            &b"Subject: =?UTF-8?Q?Are_you_there?_Caf=C3=A9?="[..],
            "Are you there? Café",
        ),
        (
            b"Subject: =?cp932?B?ie+LY4LNi+CXapP6gsWCt4FC?=",
            "会議は金曜日です。",
        ),
        (
            b"Subject: =?ISO-2022-JP?B?GyRCMnE1REZ8RHgkTiQqQ04kaSQ7GyhC?=\r\n =?ISO-2022-JP?B?GyRCQmhGczJzGyhC?=",
            "会議日程のお知らせ第二回",
        ),
        (b"Subject: \x1b$B2q5D\x1b(B\x1b$B$O\x1b(B", "会議は"),
        (b"Subject: =?iso-8859-1?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"Subject: Gr\xfc\xdfe", "Grüße"),
        // Raw octets have the charset of the body.
        (
            b"Subject: \xf0\xd2\xc9\xd7\xc5\xd4\r\nContent-Type: text/plain; charset=koi8-r",
            "Привет",
        ),
        (
            b"Content-Type: text/html; charset*=''windows-1251\r\nSubject: \xcf\xf0\xe8\xe2\xe5\xf2",
            "Привет",
        ),
        (
            b"Subject: \xc4\xe3\xba\xc3\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=gb2312\r\n\r\nx\r\n--b--\r\nX: y",
            "你好",
        ),
        (
            "Subject: Grüße\r\nContent-Type: text/plain; charset=koi8-r".as_bytes(),
            "Grüße",
        ),
    ] {
        let shown = world.show(&[head, b"\r\n\r\nbody\r\n"].concat());
        assert_eq!(shown.row.summary.subject, subject);
        assert_eq!(header(&shown, "subject"), subject);
        assert!(world.finds(&shown, Header("subject".into(), subject.into())), "{subject}");
        assert!(world.finds(&shown, Text(subject.into())), "{subject}");
    }
}

#[test]
fn names_in_raw_octets_have_the_charset_of_the_body() {
    let mut world = world();
    for (charset, octets, name) in [
        ("windows-1251", &b"\xc8\xe2\xe0\xed"[..], "Иван"),
        ("koi8-r", b"\xe9\xd7\xc1\xce", "Иван"),
        ("gb2312", b"\xc4\xe3\xba\xc3", "你好"),
        ("shift_jis", b"\x95\x5c\x8e\xa6", "表示"),
        ("big5", b"\xa5\x5c\xb3\x5c", "功許"),
        ("iso-8859-1", b"Andr\xe9", "André"),
        ("utf-8", b"Andr\xe9", "André"),
        ("koi8-r", "Иван".as_bytes(), "Иван"),
        ("iso-2022-jp", b"\x1b$B2q5D\x1b(B", "会議"),
    ] {
        let head = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/plain; charset={charset}\r\n\r\nx\r\n--b\r\n\
             Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\""
        );
        let raw = [
            b"From: ",
            octets,
            b" <ivan@x.test>\r\nTo: \"",
            octets,
            b"\" <bob@a.test>\r\n",
            head.as_bytes(),
            octets,
            b".pdf\"\r\n\r\n%PDF\r\n--b--\r\n",
        ]
        .concat();
        let shown = world.show(&raw);
        let summary = &shown.row.summary;
        assert_eq!(
            (&*summary.from.name, &*summary.from.address),
            (name, "ivan@x.test"),
            "{charset}"
        );
        assert_eq!(
            (&*summary.to[0].name, &*summary.to[0].address),
            (name, "bob@a.test")
        );
        let filename = &shown.content.attachments[0].filename;
        assert_eq!(*filename, format!("{name}.pdf"), "{charset}");
        for field in ["from", "to"] {
            assert!(
                world.finds(&shown, Header(field.into(), name.into())),
                "{charset}"
            );
        }
    }
}

#[test]
fn texts_are_shown_and_found_decoded() {
    let mut world = world();
    for (charset, octets, text) in [
        ("cp932", &b"\x89\xef\x8bc\x82\xcd"[..], "会議は"),
        ("ANSI_X3.4-1968", "Größe: 5 GB".as_bytes(), "Größe: 5 GB"),
        ("utf-7", b"Gr+APwA3w-e +IBM 1+-1", "Grüße – 1+1"),
        ("iso-2022-jp", b"\x1b$B2q5D\x1b(B\x1b$B$O\x1b(B", "会議は"),
        ("us-ascii", b"\x1b$B2q5D\x1b(B\x1b$B$O\x1b(B", "会議は"),
        ("utf-8", b"\x1b$B2q5D\x1b(B\x1b$B$O\x1b(B", "会議は"),
        ("iso-8859-1", "Grüße".as_bytes(), "Grüße"),
        ("gb2312", "会议定于星期五".as_bytes(), "会议定于星期五"),
        ("win-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
        ("hz-gb-2312", b"~{<:Ky2;NpJ)~}", "己所不勿施"),
        ("ibm850", b"\x84", "ä"),
        ("no-such", b"Gr\xfc\xdfe", "Grüße"),
    ] {
        for encoding in ["8bit", "base64"] {
            let mut raw = format!(
                "From: a@x.test\r\nContent-Type: text/plain; charset={charset}\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n"
            )
            .into_bytes();
            match encoding {
                "base64" => raw.extend(data_encoding::BASE64.encode(octets).bytes()),
                _ => raw.extend_from_slice(octets),
            }
            raw.extend_from_slice(b"\r\n");
            let shown = world.show(&raw);
            assert_eq!(shown.content.text.trim(), text, "{charset} {encoding}");
            assert!(
                world.finds(&shown, Text(text.into())),
                "{charset} {encoding}"
            );
        }
    }
}

#[test]
fn answers_join_whatever_their_ids_lack() {
    let plan = "Message-ID: plan@x.test\r\n";
    for (first, second) in [
        (plan, "In-Reply-To: <plan@x.test>\r\n"),
        (
            plan,
            "References: <other@x.test>\r\n\t<plan@\r\n x.test>\r\n",
        ),
        (plan, "In-Reply-To: plan@x.test\r\n"),
        (plan, "References: other@x.test, < plan@x.test >\r\n"),
        (
            "Message-ID: <plan@x.test>\r\n",
            "In-Reply-To: plan@x.test\r\n",
        ),
        (
            "Message-ID: < plan@x.test>\r\n",
            "References: plan@x.test\r\n",
        ),
        (
            "Message-ID:\r\n <plan@x.\r\n\ttest>\r\n",
            "In-Reply-To: <plan@x.test>\r\n",
        ),
        (
            "Message-ID: <plan@x.test>\r\n",
            "References: =?utf-8?q?=3Cplan=40x=2Etest=3E?=\r\n",
        ),
    ] {
        for turned in [false, true] {
            let mut world = world();
            let mut shown: Vec<Shown> = Vec::new();
            let mut both = [first, second];
            if turned {
                both.reverse();
            }
            for ids in both {
                shown.push(world.show(format!("From: a@x.test\r\n{ids}\r\nx\r\n").as_bytes()));
            }
            assert_eq!(
                shown[0].row.thread, shown[1].row.thread,
                "{first} {second} {turned}"
            );
            let parent = &shown[usize::from(turned)];
            assert_eq!(parent.row.message_id, "<plan@x.test>", "{first}");
        }
    }
    let mut world = world();
    let message = "From: a@x.test\r\nIn-Reply-To: Your message of Monday\r\n\r\nx\r\n";
    let (one, two) = (
        world.show(message.as_bytes()),
        world.show(message.as_bytes()),
    );
    assert_ne!(one.row.thread, two.row.thread);
}

#[test]
fn dates_are_shown_and_searched_alike() {
    let mut world = world();
    let day = |at: i64| at.div_euclid(86_400) * 86_400;
    for (date, unix_s) in [
        ("Thu, 14 Aug 2025 14:15:52 +02:00", Some(1_755_173_752)),
        ("Thu, 14 Aug 2025 14:15:52 GMT+0200", Some(1_755_173_752)),
        ("Thu, 14 Aug 2025 14:15:52+0200", Some(1_755_173_752)),
        ("2025-08-14T14:15:52+02:00", Some(1_755_173_752)),
        ("Tue Jul 24 18:55:07 2007", Some(1_185_303_307)),
        ("Tue Jul 24 18:55:07 2007 +0200", Some(1_185_296_107)),
        ("Tue, 24 Jul 2007 18:55:07 +99:99", None),
        ("yesterday", None),
    ] {
        let shown = world.show(format!("From: a@x.test\r\nDate: {date}\r\n\r\nx\r\n").as_bytes());
        assert_eq!(shown.row.summary.date, unix_s, "{date}");
        assert_eq!(header(&shown, "date"), date);
        for sent in [1_755_173_752, 1_185_303_307].map(day) {
            let is_that_day = unix_s.is_some_and(|at| day(at) == sent);
            let key = SearchKey::And(vec![SentSince(sent), SentBefore(sent + 86_400)]);
            assert_eq!(world.finds(&shown, key), is_that_day, "{date} {sent}");
        }
    }
}

#[test]
fn parts_whose_type_is_not_whole_are_files_or_text() {
    let mut world = world();
    let part = |head: &str, body: &str| {
        format!(
            "From: a@x.test\r\nContent-Type: multipart/mixed; boundary*=us-ascii''%3D_b\r\n\r\n\
             --=_b\r\n\r\nSee the file.\r\n--=_b\r\n{head}\r\n\r\n{body}\r\n--=_b--\r\n"
        )
    };
    for (head, body, names) in [
        (
            "Content-Type: application;\r\n name=\"x.pdf\"\r\nContent-Transfer-Encoding: base64",
            "JVBERi0xLjQgc21hbGw=",
            &["x.pdf application/octet-stream"][..],
        ),
        (
            "Content-Type: ; name=\"export.zip\"",
            "PK",
            &["export.zip application/octet-stream"],
        ),
        (
            "Content-Type:\r\nContent-Disposition: attachment; filename=a.bin",
            "%PDF",
            &["a.bin application/octet-stream"],
        ),
        (
            "Content-Type: ;\r\nContent-Transfer-Encoding: base64",
            "JVBERi0x",
            &["attachment-1 application/octet-stream"],
        ),
        ("Content-Type: text; charset=utf-8", "more", &[]),
    ] {
        let shown = world.show(part(head, body).as_bytes());
        let found: Vec<String> = (shown.content.attachments.iter())
            .map(|file| format!("{} {}", file.filename, file.content_type))
            .collect();
        assert_eq!(found, names, "{head}");
        assert_eq!(
            shown.row.summary.has_attachments,
            !names.is_empty(),
            "{head}"
        );
        assert!(!shown.content.text.contains("PDF") && !shown.content.text.contains("PK"));
        assert!(shown.content.text.starts_with("See the file."), "{head}");
    }
    let koi8 =
        b"From: a@x.test\r\nContent-Type: text; charset=koi8-r\r\n\r\n\xf0\xd2\xc9\xd7\xc5\xd4\r\n";
    assert_eq!(world.show(koi8).content.text.trim(), "Привет");
}

#[test]
fn headers_over_a_bound_are_kept_and_say_so() {
    let mut world = world();
    let to: Vec<String> = (0..3_000)
        .map(|n| format!("Name {n} <u{n}@x.test>"))
        .collect();
    let long = "x".repeat(70_000);
    let ids: Vec<String> = (0..9_000).map(|n| format!("<{n}@x.test>")).collect();
    for (name, fields, is_truncated) in [
        ("plain", "To: a@x.test\r\n".to_owned(), false),
        ("addresses", format!("To: {}\r\n", to.join(",\r\n ")), true),
        (
            "copies",
            "To: a@x.test\r\n".repeat(900) + &"Cc: b@x.test\r\n".repeat(200),
            true,
        ),
        ("fields", "X: y\r\n".repeat(1_500), true),
        ("field", format!("X: {long}\r\n"), true),
        (
            "block",
            format!("X: {}\r\n", "y".repeat(60_000)).repeat(6),
            true,
        ),
        (
            "references",
            format!("References: {}\r\n", ids.join("\r\n ")),
            true,
        ),
        (
            "type",
            format!("Content-Type: text/plain; x=\"{long}\"\r\n"),
            true,
        ),
    ] {
        let raw = format!("From: a@x.test\r\nSubject: {name}\r\n{fields}\r\nbody of it\r\n");
        let shown = world.show(raw.as_bytes());
        assert_eq!(shown.content.truncated, is_truncated, "{name}");
        assert_eq!(shown.row.summary.subject, name);
        assert_eq!(shown.content.text.trim(), "body of it", "{name}");
        let headers = &shown.content.headers;
        let octets: usize = headers
            .iter()
            .map(|(name, text)| name.len() + text.len())
            .sum();
        assert!(headers.len() <= 1_020 && octets <= 400_000, "{name}");
        assert_eq!(shown.row.summary.from.address, "a@x.test");
        let bob = world.bob.clone();
        let mailbox = world.select(&bob, "INBOX").mailbox.id;
        let answer = world.answer(Ask::of(
            &bob,
            EntryRead::Fetch {
                mailbox,
                uids: UidSet::one(shown.uid),
                digest: true,
                octets: Octets::UpTo(1 << 20),
                changed_since: 0,
            },
        ));
        let Answer::Entries { rows, .. } = answer else {
            panic!("{answer:?}")
        };
        let octets = rows[0].octets.as_ref().unwrap();
        assert!(octets.ends_with(raw.as_bytes()), "{name}");
    }
    // What stands behind a flood is read.
    for flood in [
        "X: y\r\n".repeat(1_500),
        format!("X: {}\r\n", "y".repeat(60_000)).repeat(6),
        format!("Cc: {}\r\n", to.join(",\r\n ").repeat(4)),
    ] {
        let late = "Subject: late\r\nFrom: a@x.test\r\nMessage-ID: <late@x.test>\r\n\r\nx\r\n";
        let shown = world.show(format!("{flood}{late}").as_bytes());
        assert!(shown.content.truncated);
        assert_eq!(shown.row.summary.subject, "late");
        assert_eq!(shown.row.summary.from.address, "a@x.test");
        assert_eq!(shown.row.message_id, "<late@x.test>");
    }
    // The newest of too many references count.
    let parent = world.show(b"From: a@x.test\r\nMessage-ID: <8999@x.test>\r\n\r\nx\r\n");
    let raw = format!(
        "From: a@x.test\r\nReferences: {}\r\n\r\nx\r\n",
        ids.join(" ")
    );
    let answer = world.show(raw.as_bytes());
    assert_eq!(answer.row.thread, parent.row.thread);
    // No address is made by the cut.
    let shown =
        world.show(format!("From: a@x.test\r\nTo: {}\r\n\r\nx\r\n", to.join(", ")).as_bytes());
    assert!(shown.content.truncated);
    assert_eq!(shown.row.summary.to.len(), 100);
}
