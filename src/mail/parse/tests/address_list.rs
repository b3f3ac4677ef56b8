//! Lists as real mail has them, and the one author of a submission.

use crate::mail::Bounds;
use crate::mail::parse::address_list::{
    FromError, RawEntry, find_rest, parse_list, parse_mailbox, parse_single_from, walk,
};

/// Each entry as `name|route|local|domain|strict`, groups as `{name` and `}`.
fn walked(body: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    let text = |b: Option<&[u8]>| {
        b.map(|b| String::from_utf8_lossy(b).into_owned())
            .unwrap_or_default()
    };
    walk(body, &mut |raw| {
        seen.push(match raw {
            RawEntry::GroupStart(name) => format!("{{{}", text(Some(name))),
            RawEntry::GroupEnd => "}".to_owned(),
            RawEntry::Mailbox(m) => format!(
                "{}|{}|{}|{}|{}",
                text(m.name),
                text(m.route),
                text(Some(m.local)),
                text(Some(m.domain)),
                if m.strict { "" } else { "loose" },
            ),
        });
        true
    });
    seen
}

#[test]
fn lists_are_read_as_people_write_them() {
    let cases: &[(&str, &[&str])] = &[
        ("a@b.test", &["||a|b.test|"]),
        (" <a@b.test> ", &["||a|b.test|"]),
        (
            "Ann <a@b.test>, Bob <c@d.test>",
            &["Ann||a|b.test|", "Bob||c|d.test|"],
        ),
        ("\"Doe, Ann\" <a@b>", &["Doe, Ann||a|b|"]),
        ("John Q. Public <a@b>", &["John Q. Public||a|b|"]),
        ("\"a\\\"b\" <a@b>", &["a\"b||a|b|"]),
        ("=?utf-8?q?A?= <a@b>", &["=?utf-8?q?A?=||a|b|"]),
        ("a@b (Ann (nested) B)", &["Ann (nested) B||a|b|"]),
        ("Ann\r\n <a@b>", &["Ann||a|b|"]),
        ("\"a@b\"@c", &["||a@b|c|"]),
        ("\"x@victim.test\" <a@b>", &["x@victim.test||a|b|"]),
        ("<@r1,@r2:a@b>", &["|@r1,@r2|a|b|"]),
        ("a@[1.2.3.4]", &["||a|[1.2.3.4]|"]),
        ("a.b.c@d.e", &["||a.b.c|d.e|"]),
        (
            "friends: a@b, Bob <c@d>;",
            &["{friends", "||a|b|", "Bob||c|d|", "}"],
        ),
        (
            "undisclosed-recipients:;",
            &["{undisclosed-recipients", "}"],
        ),
        ("g: a@b", &["{g", "||a|b|", "}"]),
        ("g:;, x@y", &["{g", "}", "||x|y|"]),
        (",,a@b,,", &["||a|b|"]),
        ("a", &["||a||loose"]),
        ("Ann B", &["Ann B||||loose"]),
        ("a@b <c@d>", &["a@b||c|d|loose"]),
        ("Ann a@b", &["Ann||a|b|loose"]),
        ("a@b@c", &["||a|b|loose"]),
        ("a@b c@d", &["||a|b|loose"]),
        ("<a@b> junk, c@d", &["||a|b|loose", "||c|d|"]),
        ("<a@b", &["||a|b|loose"]),
        ("<a@b, c@d>", &["||a|b|loose", "||c|d|loose"]),
        ("< a @ b >", &["||a|b|loose"]),
        ("a(c)@b", &["c||a|b|loose"]),
        ("a@(c)b", &["c||a|b|loose"]),
        ("<a(c)@b>", &["||a|b|loose"]),
        ("a . b@c", &["||a.b|c|loose"]),
        ("\"unclosed <a@b>", &["unclosed||a|b|loose"]),
        ("(unclosed a@b", &["unclosed||a|b|loose"]),
        ("a\0b@c", &["||ab|c|loose"]),
        ("<>", &[]),
        ("", &[]),
        ("@,<@>:;\\", &["{", "}"]),
    ];
    for (body, expected) in cases {
        let seen = walked(body.as_bytes());
        if body.starts_with("@,") {
            continue; // it must only not panic
        }
        assert_eq!(seen, *expected, "{body:?}");
    }
}

#[test]
fn names_that_needed_quotes_lose_no_address() {
    let cases: &[(&str, &[&str])] = &[
        // A comment is no address.
        ("(foo)", &[]),
        ("(foo), a@b", &["||a|b|"]),
        ("group: (foo);", &["{group", "}"]),
        (
            "group: (foo) a@b (bar);",
            &["{group", "bar||a|b|loose", "}"],
        ),
        // Display names that needed quotes.
        (
            "Smith, John <john@x.test>",
            &["||Smith||loose", "John||john|x.test|"],
        ),
        (
            "=?utf-8?Q?Dupont,_Andr=C3=A9?= <a@b>",
            &["=?utf-8?Q?Dupont,_Andr=C3=A9?=||a|b|loose"],
        ),
        (
            "=?utf-8?Q?Dupont, Andr=C3=A9?= <a@b>, c@d",
            &["=?utf-8?Q?Dupont, Andr=C3=A9?=||a|b|loose", "||c|d|"],
        ),
        (
            "=?utf-8?Q?a@b.test?= <c@d>",
            &["=?utf-8?Q?a@b.test?=||c|d|loose"],
        ),
        (
            "=?utf-8?Q?Caf=C3=A9_(x);_\"y\":?= =?utf-8?Q?<z>?= <c@d>",
            &["=?utf-8?Q?Caf=C3=A9_(x);_\"y\":?= =?utf-8?Q?<z>?=||c|d|loose"],
        ),
        (
            "\"=?utf-8?Q?Say_\"hi\"?=\" <a@b>",
            &["=?utf-8?Q?Say_\"hi\"?=||a|b|loose"],
        ),
        ("a@b (=?utf-8?Q?x)y?=)", &["=?utf-8?Q?x)y?=||a|b|loose"]),
        (
            "=?utf-8?Q?x <a@b>, y?= <c@d>",
            &["=?utf-8?Q?x||a|b|", "y?=||c|d|"],
        ),
        (
            "\"=?utf-8?Q?x\" <a@b>, \"y?=\" <c@d>",
            &["=?utf-8?Q?x||a|b|", "y?=||c|d|"],
        ),
        ("<<a@b>>", &["||a|b|loose"]),
        ("Ann <<a@b>>, c@d", &["Ann||a|b|loose", "||c|d|"]),
        ("<mailto:a@b>", &["||a|b|loose"]),
        ("Ann; a@b", &["||Ann||loose", "||a|b|"]),
        ("Smith; Ann <a@b>", &["||Smith||loose", "Ann||a|b|"]),
        ("Sales @ Acme Inc <a@b>", &["Sales@Acme||a|b|loose"]),
        ("a@b.test or so <c@d>", &["a@b.test||c|d|loose"]),
        ("@twitter <a@b>", &["@twitter||a|b|loose"]),
        ("x) > y <a@b>", &["x)> y||a|b|loose"]),
        ("\\\"Q\\\" Ann <a@b>", &["\"Q\" Ann||a|b|loose"]),
        ("<a@b> <c@d>", &["||a|b|loose"]),
        ("\x1b$B<,@\x1b(B <a@b>", &["\x1b$B<,@\x1b(B||a|b|loose"]),
    ];
    for (body, expected) in cases {
        assert_eq!(walked(body.as_bytes()), *expected, "{body:?}");
    }
}

#[test]
fn names_are_decoded_and_groups_kept() {
    let bounds = Bounds::default();
    let list = parse_list(
        b"=?utf-8?b?SsO2cmc=?= <a@b>, G: x@y, z@w;, last@one",
        &bounds,
    );
    assert_eq!(list.entries.len(), 3);
    assert_eq!(list.mailboxes().count(), 4);
    assert_eq!(
        list.mailboxes().next().unwrap().name.as_deref(),
        Some("Jörg")
    );
    assert!(!list.truncated);
    let many = "a@b,".repeat(5_000);
    let list = parse_list(many.as_bytes(), &bounds);
    assert!(list.truncated);
    assert_eq!(list.entries.len(), bounds.addresses);
}

#[test]
fn characters_of_two_octets_hold_no_signs() {
    use crate::mail::parse::address_list::parse_list_with;
    use crate::mail::parse::charset::named;
    // The second octets are `\\` and `@`.
    for (label, body, name) in [
        ("shift_jis", &b"\x95\x5c\x8e\xa6 <a@b.test>"[..], "表示"),
        ("big5", b"\"\xa5\x5c\xb3\x5c\" <a@b.test>", "功許"),
        ("big5", b"a@b.test (\xa4@)", "一"),
        ("gbk", b"\x81\x40\xc4\xe3 <a@b.test>", "丂你"),
    ] {
        let charset = named(Some(label.as_bytes()));
        let list = parse_list_with(body, &Bounds::default(), charset);
        let found: Vec<_> = list.mailboxes().collect();
        assert_eq!(found.len(), 1, "{label}");
        assert_eq!(found[0].name.as_deref(), Some(name));
        assert_eq!(found[0].to_string(), "a@b.test");
        // Without the charset there is the same author or none.
        let from = parse_single_from([body]);
        assert!(from.is_err() || from.is_ok_and(|from| from.to_string() == "a@b.test"));
    }
}

#[test]
fn a_recipient_of_a_request_is_one_mailbox_and_nothing_else() {
    for (text, name, address) in [
        ("a@b.test", None, "a@b.test"),
        (" Ann <a@b.test> ", Some("Ann"), "a@b.test"),
        ("Ann < a@b.test >", Some("Ann"), "a@b.test"),
        ("Ann Q. Smith <a@b.test>", Some("Ann Q. Smith"), "a@b.test"),
        ("\"Smith, Ann\" <a@b.test>", Some("Smith, Ann"), "a@b.test"),
        ("\"c@d.test\" <a@b.test>", Some("c@d.test"), "a@b.test"),
        ("=?utf-8?q?J=C3=B6rg?= <a@b.test>", Some("Jörg"), "a@b.test"),
        ("Jörg <a@b.test>", Some("Jörg"), "a@b.test"),
        (
            "=?utf-8?q?Dr._J=C3=B6rg?= <a@b.test>",
            Some("Dr. Jörg"),
            "a@b.test",
        ),
        (
            "Well... Ann Jr. <a.b@b.test>",
            Some("Well... Ann Jr."),
            "a.b@b.test",
        ),
        ("a@b.test (Ann)", Some("Ann"), "a@b.test"),
        ("(work) a@b.test", None, "a@b.test"),
        ("Ann (work) <a@b.test> (now)", Some("Ann"), "a@b.test"),
        ("\"john smith\"@b.test", None, "\"john smith\"@b.test"),
        ("<\"a@x\"@b.test>", None, "\"a@x\"@b.test"),
    ] {
        let mailbox = parse_mailbox(text).unwrap_or_else(|| panic!("{text:?}"));
        assert_eq!(mailbox.name.as_deref(), name, "{text:?}");
        assert_eq!(mailbox.to_string(), address, "{text:?}");
    }
    for text in [
        "",
        "Ann",
        "Ann Smith",
        "john smith@b.test",
        "c@d.test a@b.test",
        "a@b.test c@d.test",
        "c@d.test@a@b.test",
        "a@b.test@c.test",
        "a@b.test <c@d.test>",
        "<a@b.test> <c@d.test>",
        "<a@b.test> Ann",
        "Ann <a@b.test>x",
        "a@b.test, c@d.test",
        "a@b.test,",
        ",a@b.test",
        "a@b.test;",
        "Smith, Ann <a@b.test>",
        "g: a@b.test;",
        "<@r.test:a@b.test>",
        "<mailto:a@b.test>",
        "mailto:a@b.test",
        "<<a@b.test>>",
        "<a@b.test",
        "a@b.test>",
        "Ann <>",
        "<a b@c.test>",
        "<a@b .test>",
        "a @b.test",
        "a@ b.test",
        "a@b. test",
        "ann\"x\"@b.test",
        "\"Ann <a@b.test>",
        "(work a@b.test",
        "a@b.test (work",
        "a(x)@b.test",
        "\\a@b.test",
        ".a@b.test",
        "a.@b.test",
        "a..c@b.test",
        "Ann <.a@b.test>",
        "Ann <a..c@b.test>",
        "@b.test",
    ] {
        assert_eq!(parse_mailbox(text), None, "{text:?}");
    }
}

#[test]
fn words_beside_an_address_are_found() {
    for (list, at) in [
        ("a@b.test, Ann <a@b.test>", None),
        ("a@b.test <c@d.test>, Ann (x) <a@b.test> (y)", None),
        ("Smith, Ann <a@b.test>", None),
        ("g: a@b.test, c@d.test;", None),
        ("=?utf-8?q?x=2C_y?= <a@b.test>", None),
        ("a @ b.test", None),
        ("john smith@b.test", Some(0)),
        ("a@b.test, john smith@b.test", Some(1)),
        ("a@b.test c@d.test", Some(0)),
        ("a@b.test@c.test", Some(0)),
        ("g: a@b.test, <a@b.test> c@d.test;", Some(1)),
    ] {
        assert_eq!(find_rest(list.as_bytes()), at, "{list:?}");
    }
}

#[test]
fn a_submission_has_one_author() {
    use FromError::*;
    let cases: &[(&[&str], Result<&str, FromError>)] = &[
        (&["a@b.test"], Ok("a@b.test")),
        (&["Ann <A@B.test>"], Ok("A@b.test")),
        (&["a@b.test (Ann)"], Ok("a@b.test")),
        (&["\"v@victim.test\" <a@b.test>"], Ok("a@b.test")),
        (&["\"a\"@b.test"], Ok("a@b.test")),
        (&["=?utf-8?q?x?= <a@b.test>"], Ok("a@b.test")),
        (&[], Err(Missing)),
        (&[""], Err(Missing)),
        (&["<>"], Err(Missing)),
        (&["a@b.test", "a@b.test"], Err(SeveralFields)),
        (&["a@b.test, c@d.test"], Err(SeveralMailboxes)),
        (&["a@b.test, a@b.test"], Err(SeveralMailboxes)),
        (&["g: a@b.test;"], Err(Group)),
        (&["g:;"], Err(Group)),
        (&["a@b.test, g:;"], Err(Group)),
        (&["a@b.test <c@d.test>"], Err(Malformed)),
        (&["<a@b.test> <c@d.test>"], Err(Malformed)),
        (&["<a@b.test> c@d.test"], Err(Malformed)),
        (&["<@r:a@b.test>"], Err(Malformed)),
        (&["a@b.test@c.test"], Err(Malformed)),
        (&["a(x)@b.test"], Err(Malformed)),
        (&["<a@b.test"], Err(Malformed)),
        (&["\"Ann <a@b.test>"], Err(Malformed)),
        (&["Ann"], Err(Malformed)),
        (&["a @b.test"], Err(Malformed)),
        (&["a@b.test;"], Err(Malformed)),
        (&["a@b\0.test"], Err(Malformed)),
        (&["a@b_c.test"], Err(Malformed)),
        (&["Smith, John <a@b.test>"], Err(Malformed)),
        (&["=?utf-8?Q?Smith,_John?= <a@b.test>"], Err(Malformed)),
        (&["=?utf-8?Q?x?_y?= <a@b.test>"], Ok("a@b.test")),
        (&["<<a@b.test>>"], Err(Malformed)),
        (&["(Ann)"], Err(Missing)),
        (&["\\x <a@b.test>"], Err(Malformed)),
        (&["a@b.test x <c@d.test>"], Err(Malformed)),
    ];
    for (bodies, expected) in cases {
        let from = parse_single_from(bodies.iter().map(|b| b.as_bytes()));
        assert_eq!(
            from.map(|a| a.to_string()),
            expected.map(str::to_owned),
            "{bodies:?}"
        );
    }
}

#[test]
fn deep_comments_and_long_lists_cost_no_more_than_their_length() {
    for body in [
        "(".repeat(1 << 20),
        ")(".repeat(1 << 19),
        "<".repeat(1 << 20),
        "\"\\".repeat(1 << 19),
        "a:".repeat(1 << 19),
        "=?a?q?".repeat(1 << 18),
        "=?a?q?b?=c".repeat(1 << 17),
        "\x1b$".repeat(1 << 19),
        "((\"".repeat(1 << 19),
    ] {
        walked(body.as_bytes());
    }
}
