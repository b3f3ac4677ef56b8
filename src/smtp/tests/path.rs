//! Envelope senders of real mail, and the Return-Path line that each of them makes.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::mail::Headers;
use crate::mail::parse::address_list::parse_list;

fn from(args: &str) -> Result<String, PathError> {
    sender(split(args, "FROM:")?.0)
}

#[test]
fn senders_are_kept_as_they_came() {
    let long = format!("{}=a.example@em.test", "v".repeat(1_900));
    for path in [
        "bounces+1234567-ab12-someone.with.a.rather.long.name=a-company.example-more@em1234.test",
        "SRS0=HHH=TT=example.org=alice@fwd.test",
        "prvs=1234567890=user@x.test",
        "msprvs1=17890abc=bounces-1@x.test",
        "a#b$c!d%e&f'g*h/i?j^k`l{m|n}o~p@x.test",
        "0101018f-1a2b-3c4d-5e6f-abcdefabcdef-000000@amazonses.test",
        "root@build_host.example.test",
        "a..b@carrier.test",
        "ab.@carrier.test",
        ".ab@carrier.test",
        "...@carrier.test",
        "a@-x-.test",
        "a@x..test",
        "a@x.test.",
        "a@123",
        "a@X.Test",
        "\"a b\"@x.test",
        "\"\"@x.test",
        "\"a>b\"@x.test",
        "\"a<b\"@x.test",
        "\"a\\\"@b\"@x.test",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@[300.1.1.1]",
        "\u{e4}\u{f6}@\u{fc}.test",
        "\u{7528}\u{6237}@\u{4f8b}.test",
        &long,
    ] {
        assert_eq!(from(&format!("FROM:<{path}>")).as_deref(), Ok(path));
        assert_eq!(from(&format!("FROM: <{path}> SIZE=9")).as_deref(), Ok(path));
    }
}

#[test]
fn names_that_would_break_a_line_are_quoted() {
    for (path, kept) in [
        ("a@b@x.test", "\"a@b\"@x.test"),
        ("a b@x.test", "\"a b\"@x.test"),
        (" a@x.test ", "a@x.test"),
        ("a<b@x.test", "\"a<b\"@x.test"),
        ("a(c)@x.test", "\"a(c)\"@x.test"),
        ("a,b;c:d@x.test", "\"a,b;c:d\"@x.test"),
        ("a\\b@x.test", "\"ab\"@x.test"),
        ("a.\"b c\".d@x.test", "\"a.b c.d\"@x.test"),
        ("o\"neil@x.test", "\"o\\\"neil\"@x.test"),
        ("@a.test,@b.test:c@x.test", "c@x.test"),
        ("@[IPv6:::1]:c@x.test", "c@x.test"),
    ] {
        assert_eq!(
            from(&format!("FROM:<{path}>")).as_deref(),
            Ok(kept),
            "{path}"
        );
    }
}

#[test]
fn no_address_is_no_sender() {
    for path in [
        "a",
        " ",
        "@x.test",
        "a@",
        "@",
        "@x.test:",
        "@x.test:a",
        "\"a@x.test\"",
        "a@x y",
        "a@x<y",
        "a@x:25",
        "a@[]",
        "a@[x]y",
        "a\u{200b}@x.test",
        "a\u{85}@x.test",
        "a\u{2028}b@x.test",
        "a@x\u{202e}.test",
        "\u{fffd}@x.test",
    ] {
        let read = from(&format!("FROM:<{path}>"));
        assert_eq!(read, Err(PathError::Address), "{path:?}");
    }
    for args in [
        "FROM:<a@x.test",
        "FROM:a@x.test",
        "FROM:<<a@x.test>>",
        "FROM:<a@x.test>y",
    ] {
        assert_eq!(from(args), Err(PathError::Argument), "{args}");
    }
}

/// Whatever is taken makes one Return-Path field, with one mailbox in it.
#[test]
fn the_line_is_never_broken() {
    const SET: [&str; 11] = ["a", "@", "\"", "\\", "<", ">", " ", ".", ",", ":", "("];
    let mut taken = 0;
    for n in 0..SET.len().pow(5) {
        let mut left = n;
        let odd: String = (0..5)
            .map(|_| {
                let word = SET[left % SET.len()];
                left /= SET.len();
                word
            })
            .collect();
        for args in [format!("FROM:<{odd}@x.test>"), format!("FROM:<{odd}>")] {
            let Ok(path) = from(&args) else { continue };
            taken += 1;
            let line = format!("Return-Path: <{path}>\r\n");
            let headers = Headers::parse(line.as_bytes());
            assert_eq!(headers.fields().count(), 1, "{args}");
            let value = headers.first("Return-Path").unwrap().value.to_vec();
            let list = parse_list(&value, &crate::mail::Bounds::default());
            let mut found = list.mailboxes();
            let (one, more) = (found.next(), found.next());
            assert!(more.is_none(), "{args} gives {line}");
            let Some(one) = one else {
                // A mailbox without a name is no mailbox in a list.
                assert!(path.starts_with("\"\"@"), "{args} gives {line}");
                continue;
            };
            let domain = path.rsplit_once('@').unwrap().1;
            assert_eq!(one.domain, domain, "{args} gives {line}");
        }
    }
    assert!(taken > 1_000);
}
