//! Command lines and their arguments, good and bad.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn lines() {
    type CommandParts<'a> = Result<(Verb, &'a str), CommandError>;
    let cases: [(&[u8], CommandParts<'_>); 14] = [
        (b"QUIT\r\n", Ok((Verb::Quit, ""))),
        (b"qUiT  \t\r\n", Ok((Verb::Quit, ""))),
        (b"NOOP  x y \r\n", Ok((Verb::Noop, "x y"))),
        (b"STARTTLS\r\n", Ok((Verb::StartTls, ""))),
        (b"GET / HTTP/1.1\r\n", Ok((Verb::Http, "/ HTTP/1.1"))),
        (b"QUITX\r\n", Ok((Verb::Unknown, ""))),
        (b"\r\n", Ok((Verb::Unknown, ""))),
        (b" QUIT\r\n", Ok((Verb::Unknown, "QUIT"))),
        (b"QUIT\n", Err(CommandError::LineEnd)),
        (b"\n", Err(CommandError::LineEnd)),
        (b"QUIT\r\r\n", Err(CommandError::Control)),
        (b"NO\0OP\r\n", Err(CommandError::Control)),
        (b"NOOP\tx\r\n", Err(CommandError::Control)),
        (b"NOOP \xff\r\n", Err(CommandError::Control)),
    ];
    for (line, expected) in cases {
        assert_eq!(command(line), expected, "{}", line.escape_ascii());
    }
}

#[test]
fn names() {
    for good in ["x", "a.b-c_d", "[192.0.2.1]", "[IPv6:::1]"] {
        assert_eq!(hello(good), Ok(good));
    }
    let long = "x".repeat(256);
    for bad in ["", "a b", "(x)", "a@b", "x;y", "<x>", "\u{fc}", &long] {
        assert_eq!(hello(bad), Err(CommandError::Argument), "{bad}");
    }
}

fn from(args: &str) -> Result<String, CommandError> {
    mail(args).map(|m| m.reverse_path.map_or("<>".into(), |a| a.to_string()))
}

#[test]
fn paths() {
    use CommandError::{Address, Argument, Route, Utf8};
    let cases: [(&str, Result<&str, CommandError>); 30] = [
        ("FROM:<>", Ok("<>")),
        ("from:<a@x.test>", Ok("a@x.test")),
        ("FROM:  <a@x.test>", Ok("a@x.test")),
        ("FROM:<\"a b\"@x.test>", Ok("\"a b\"@x.test")),
        ("FROM:<\"a>b\"@x.test>", Ok("\"a>b\"@x.test")),
        ("FROM:<\"a\\\">b\"@x.test>", Ok("\"a\\\">b\"@x.test")),
        ("FROM:<\"a@b\"@x.test>", Ok("\"a@b\"@x.test")),
        ("FROM:<a%b@x.test>", Ok("a%b@x.test")),
        ("FROM:<a!b@x.test>", Ok("a!b@x.test")),
        ("FROM:<a@[192.0.2.1]>", Ok("a@[192.0.2.1]")),
        ("FROM:<a@[IPv6:2001:db8::1]>", Ok("a@[IPv6:2001:db8::1]")),
        ("", Err(Argument)),
        ("FROM:", Err(Argument)),
        ("FROM", Err(Argument)),
        ("FROM <a@x.test>", Err(Argument)),
        ("TO:<a@x.test>", Err(Argument)),
        ("FROM:a@x.test", Err(Argument)),
        ("FROM:<a@x.test", Err(Argument)),
        ("FROM:<a@x.test>x", Err(Argument)),
        ("FROM:<a@x.test>SIZE=1", Err(Argument)),
        ("FROM:<\"a@x.test>", Err(Argument)),
        ("FROM:<@x.test:a@y.test>", Err(Route)),
        ("FROM:<@x.test,@y.test:a@z.test>", Err(Route)),
        ("FROM:<a>", Err(Address)),
        ("FROM:< a@x.test>", Err(Address)),
        ("FROM:<a@b@x.test>", Err(Address)),
        ("FROM:<<a@x.test>>", Err(Argument)),
        ("FROM:<a@x.test.>", Err(Address)),
        ("FROM:<a(c)@x.test>", Err(Address)),
        ("FROM:<\u{e4}@x.test>", Err(Utf8)),
    ];
    for (args, expected) in cases {
        assert_eq!(from(args), expected.map(str::to_owned), "{args}");
    }
    assert_eq!(
        from("FROM:<\u{e4}@x.test> SMTPUTF8").unwrap(),
        "\u{e4}@x.test"
    );
    let to = |args| rcpt(args, false, "mx.test").map(|r| r.address.to_string());
    assert_eq!(to("TO:<PostMaster>").unwrap(), "postmaster@mx.test");
    assert_eq!(to("TO:<>"), Err(Address));
    assert_eq!(to("to:<a@x.test>").unwrap(), "a@x.test");
}

#[test]
fn mail_parameters() {
    let all = "FROM:<> size=0012 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=<>";
    assert_eq!(
        mail(all),
        Ok(MailCommand {
            reverse_path: None,
            size: Some(12),
            eight_bit: true,
            smtputf8: true,
            ret_full: Some(false),
            envid: Some("a+b".into()),
        })
    );
    use CommandError::{Parameter, Value};
    let long = format!("ENVID={}", "x".repeat(101));
    let cases = [
        ("SIZE=", Value),
        ("SIZE", Value),
        ("SIZE=-1", Value),
        ("SIZE=+1", Value),
        ("SIZE=99999999999999999999", Value),
        ("SIZE=1 SIZE=1", Value),
        ("BODY=BINARYMIME", Value),
        ("BODY", Value),
        ("SMTPUTF8=1", Value),
        ("RET=ALL", Value),
        ("ENVID=", Value),
        ("ENVID=a+0D+0AX", Value),
        ("ENVID=a+2", Value),
        ("ENVID=a+2b", Value),
        ("ENVID=a=b", Value),
        ("ENVID=+FF", Value),
        ("ENVID=+C2+85", Value),
        (&long, Value),
        ("AUTH=a+20b+0A", Value),
        ("NOTIFY=NEVER", Parameter),
        ("XFOO", Parameter),
        ("=", Parameter),
        ("X=\u{e4}", Value),
    ];
    for (parameter, error) in cases {
        let args = format!("FROM:<> {parameter}");
        assert_eq!(mail(&args), Err(error), "{args}");
    }
}

#[test]
fn rcpt_parameters() {
    let read =
        |p: &str| rcpt(&format!("TO:<a@x.test> {p}"), false, "h").map(|r| (r.notify, r.orcpt));
    assert_eq!(read("NOTIFY=NEVER"), Ok((1, None)));
    assert_eq!(read("NOTIFY=success,DELAY"), Ok((10, None)));
    assert_eq!(
        read("ORCPT=rfc822;a+2Bb@x.test notify=FAILURE"),
        Ok((4, Some("rfc822;a+b@x.test".into())))
    );
    for bad in [
        "NOTIFY=",
        "NOTIFY",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=DELAY,DELAY",
        "NOTIFY=DELAY,",
        "ORCPT=a@x.test",
        "ORCPT=;a",
        "ORCPT=rfc822;",
        "ORCPT=rfc822;a+0A",
        "ORCPT=r f;a",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert_eq!(read("SIZE=1"), Err(CommandError::Parameter));
}

#[test]
fn chunks() {
    let chunk = |size, last| Ok(BdatChunk { size, last });
    assert_eq!(bdat("0"), chunk(0, false));
    assert_eq!(bdat("12 last"), chunk(12, true));
    assert_eq!(bdat("12   LAST"), chunk(12, true));
    for bad in [
        "",
        "-1",
        "+1",
        "x",
        "1 2",
        "1 LAST LAST",
        "LAST",
        "18446744073709551616",
        "0x10",
    ] {
        assert_eq!(bdat(bad), Err(CommandError::Argument), "{bad}");
    }
}
