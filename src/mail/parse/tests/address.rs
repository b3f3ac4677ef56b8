//! Odd addresses, lengths, canonical forms and plus tags.

use crate::mail::parse::address::Address;

/// A text and its written form; `None` is a refusal.
const ODD: &[(&str, Option<&str>)] = &[
    ("a@b", Some("a@b")),
    ("user@example.com", Some("user@example.com")),
    ("User@EXAMPLE.Com", Some("User@example.com")),
    ("first.last@example.com", Some("first.last@example.com")),
    ("user+tag@example.com", Some("user+tag@example.com")),
    (
        "!#$%&'*+-/=?^_`{|}~@x.test",
        Some("!#$%&'*+-/=?^_`{|}~@x.test"),
    ),
    ("a%b@x.test", Some("a%b@x.test")),
    ("a!b@x.test", Some("a!b@x.test")),
    ("\"quoted\"@x.test", Some("quoted@x.test")),
    ("\"a b\"@x.test", Some("\"a b\"@x.test")),
    ("\" \"@x.test", Some("\" \"@x.test")),
    ("\"a@b\"@x.test", Some("\"a@b\"@x.test")),
    ("\"a@b.com> \"@x.test", Some("\"a@b.com> \"@x.test")),
    ("\"a\\\"b\"@x.test", Some("\"a\\\"b\"@x.test")),
    ("\"a\\b\"@x.test", Some("ab@x.test")),
    ("\"a\\\\b\"@x.test", Some("\"a\\\\b\"@x.test")),
    ("\".a\"@x.test", Some("\".a\"@x.test")),
    ("\"a..b\"@x.test", Some("\"a..b\"@x.test")),
    ("\"a.b\"@x.test", Some("a.b@x.test")),
    ("jörg@x.test", Some("jörg@x.test")),
    ("用户@例子.测试", Some("用户@xn--fsqu00a.xn--0zwm56d")),
    ("a@bücher.example", Some("a@xn--bcher-kva.example")),
    ("a@BÜCHER.example", Some("a@xn--bcher-kva.example")),
    ("a@bu\u{308}cher.example", Some("a@xn--bcher-kva.example")),
    ("a@xn--bcher-kva.example", Some("a@xn--bcher-kva.example")),
    ("a@XN--BCHER-KVA.example", Some("a@xn--bcher-kva.example")),
    ("a@[127.0.0.1]", Some("a@[127.0.0.1]")),
    ("a@[IPv6:::1]", Some("a@[IPv6:::1]")),
    ("a@[ipv6:2001:DB8::1]", Some("a@[IPv6:2001:db8::1]")),
    ("a@x-y.test", Some("a@x-y.test")),
    ("a@1x.test", Some("a@1x.test")),
    ("a@x.t3st", Some("a@x.t3st")),
    ("a-@x.test", Some("a-@x.test")),
    ("-a@x.test", Some("-a@x.test")),
    ("+a@x.test", Some("+a@x.test")),
    ("=?utf-8?q?a?=@x.test", Some("=?utf-8?q?a?=@x.test")),
    ("postmaster@localhost", Some("postmaster@localhost")),
    ("a@a.a.a.a.a.a.a.a.a.a", Some("a@a.a.a.a.a.a.a.a.a.a")),
    ("", None),
    ("@", None),
    ("a", None),
    ("a@", None),
    ("@b", None),
    ("<>", None),
    ("<a@b>", None),
    ("a@b>", None),
    ("<a@b", None),
    ("Name <a@b>", None),
    ("a@b@c", None),
    ("a@b.com@c.com", None),
    ("@r1,@r2:a@b", None),
    ("@r1:a@b", None),
    ("a.@b", None),
    (".a@b", None),
    ("a..b@b", None),
    (".@b", None),
    ("a b@c", None),
    ("a @b", None),
    ("a@ b", None),
    (" a@b", None),
    ("a@b ", None),
    ("a@b.", None),
    ("a@.b", None),
    ("a@b..c", None),
    ("a@-b.c", None),
    ("a@b-.c", None),
    ("a@b_c.d", None),
    ("a@1.2.3.4", None),
    ("a@12345", None),
    ("a@x.1", None),
    ("a@[1.2.3]", None),
    ("a@[1.2.3.4", None),
    ("a@1.2.3.4]", None),
    ("a@[01.2.3.4]", None),
    ("a@[0x7f.0.0.1]", None),
    ("a@[2130706433]", None),
    ("a@[256.0.0.1]", None),
    ("a@[::1]", None),
    ("a@[IPv6:1.2.3.4]", None),
    ("a@[IPv6:::1%eth0]", None),
    ("a@[IPv6:]", None),
    ("a@[tag:content]", None),
    ("a@[]", None),
    ("a@[1.2.3.4].com", None),
    ("a@[é]", None),
    ("(c)a@b", None),
    ("a(c)@b", None),
    ("a@(c)b", None),
    ("a@b(c)", None),
    ("a,b@c", None),
    ("a@b,c@d", None),
    ("a;b@c", None),
    ("a:b@c", None),
    ("group:a@b;", None),
    ("a\\@b@c", None),
    ("a\\b@c", None),
    ("\"a\"b@c", None),
    ("a\"b\"@c", None),
    ("\"a\"@\"b\"", None),
    ("\"a@b", None),
    ("\"a\\", None),
    ("\"\\\r\"@b", None),
    ("\"\"@b", None),
    ("\"a\"", None),
    ("a@b\r\n", None),
    ("a\r\nRCPT TO:<x@y>@b", None),
    ("\"a\r\n\"@b", None),
    ("\"a\n\"@b", None),
    ("\"a\0\"@b", None),
    ("a\0@b", None),
    ("a@b\0.c", None),
    ("a\u{7f}@b", None),
    ("a\u{85}@b", None),
    ("a\u{a0}b@c", None),
    ("a\u{2028}b@c", None),
    ("a\u{200b}b@c", None),
    ("a\u{202e}b@c", None),
    ("a\u{e0041}b@c", None),
    ("\u{feff}a@b", None),
    ("a\u{fffd}@b", None),
    ("a＠b", None),
    ("a@b\u{3002}c", None),
    ("a@b\u{ff0e}c", None),
    ("a@ｂ.test", None),
    ("a@ﬁx.test", None),
    ("a@x\u{ad}y.test", None),
    ("a@x\u{200d}y.test", None),
    ("a@℀.test", None),
    ("a@xn--.test", None),
    ("a@xn--a.test", None),
    ("a@xn--a-.test", None),
    ("a@xn--999999999.test", None),
    ("a@exa mple.test", None),
    ("a@exa%mple.test", None),
    ("a@http://x.test", None),
    ("a@x.test/path", None),
    ("a@x.test:25", None),
    ("mailto:a@b", None),
];

#[test]
fn odd_addresses_are_read_exactly_or_refused() {
    assert!(ODD.len() >= 100);
    for (text, written) in ODD {
        let parsed = Address::parse(text).ok();
        assert_eq!(
            parsed.as_ref().map(Address::to_string).as_deref(),
            *written,
            "{text:?}"
        );
        if let Some(address) = parsed {
            assert_eq!(
                Address::parse(&address.to_string()).as_ref(),
                Ok(&address),
                "{text:?}"
            );
            let canonical = address.canonical();
            let again = Address::parse(&canonical).unwrap();
            assert_eq!(again.canonical(), canonical, "{text:?}");
        }
    }
}

#[test]
fn lengths_are_those_of_rfc_5321() {
    let local = "l".repeat(64);
    let label = "d".repeat(63);
    let domain = [label.as_str(), &label, &label, &"d".repeat(63)].join(".");
    assert_eq!(domain.len(), 255);
    assert!(Address::parse(&format!("{local}@{domain}")).is_ok());
    for (local, domain) in [
        ("l".repeat(65), "x.test".to_owned()),
        (local.clone(), format!("{domain}d")),
        (local.clone(), format!("{}.test", "d".repeat(64))),
        (format!("\"{}\"", " ".repeat(63)), "x.test".to_owned()),
        ("é".repeat(33), "x.test".to_owned()),
        ("l".repeat(1 << 20), "x.test".to_owned()),
        (local.clone(), "é".repeat(1 << 20)),
    ] {
        let text = format!("{local}@{domain}");
        assert!(Address::parse(&text).is_err(), "{}", text.len());
    }
    assert!(Address::parse(&format!("\"{}\"@x.test", " ".repeat(62))).is_ok());
}

#[test]
fn the_canonical_form_is_one_for_all_spellings() {
    for (a, b, same) in [
        ("A.B@X.Test", "a.b@x.test", true),
        ("\"a\"@x.test", "a@x.test", true),
        ("JÖRG@x.test", "jo\u{308}rg@x.test", true),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example", true),
        ("straße@x.test", "STRASSE@x.test", true),
        ("a.b@x.test", "ab@x.test", false),
        ("а@x.test", "a@x.test", false), // a Cyrillic letter is not the Latin one
        ("a@раypal.test", "a@paypal.test", false),
    ] {
        let (a, b) = (Address::parse(a).unwrap(), Address::parse(b).unwrap());
        assert_eq!(a.canonical() == b.canonical(), same, "{a} {b}");
    }
}

#[test]
fn plus_tags_come_off_once() {
    for (text, user) in [
        ("u+t@x.test", Some("u@x.test")),
        ("u+t+v@x.test", Some("u@x.test")),
        ("+t@x.test", None),
        ("u@x.test", None),
        ("\"u v+t\"@x.test", Some("\"u v\"@x.test")),
    ] {
        let without = Address::parse(text).unwrap().without_plus();
        assert_eq!(without.map(|a| a.to_string()).as_deref(), user, "{text}");
    }
}
