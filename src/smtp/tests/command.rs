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
        assert_eq!(hello(good).as_deref(), Ok(good));
    }
    for (odd, kept) in [
        ("a b", "a?b"),
        ("(x)", "?x?"),
        ("a@b", "a?b"),
        ("x;y", "x?y"),
        ("<x>", "?x?"),
        ("P\u{e9}t\u{e9}r-PC", "P?t?r-PC"),
        (&"\u{fc}".repeat(256), &"?".repeat(255)),
    ] {
        assert_eq!(hello(odd).as_deref(), Ok(kept), "{odd}");
    }
    assert_eq!(hello(""), Err(CommandError::Argument));
}

fn from(args: &str) -> Result<String, CommandError> {
    let read = mail(args, SenderOf::Client);
    read.map(|m| m.reverse_path.unwrap_or("<>".into()))
}

#[test]
fn paths_of_clients() {
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
        ("FROM:<\"a@x.test>", Err(Address)),
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
    let to = |args| {
        rcpt(args, (false, SenderOf::Outside), "mx.test").map(|read| read.address.to_string())
    };
    assert_eq!(to("TO:<PostMaster>").unwrap(), "postmaster@mx.test");
    assert_eq!(to("TO:<>"), Err(Address));
    assert_eq!(to("to:<a@x.test>").unwrap(), "a@x.test");
}

#[test]
fn mail_parameters() {
    let mail = |args: &str| mail(args, SenderOf::Outside);
    let all = "FROM:<> size=0012 BODY=8bitmime SMTPUTF8 AUTH=a+2Bb";
    assert_eq!(
        mail(all),
        Ok(MailCommand {
            reverse_path: None,
            size: Some(12),
            eight_bit: true,
            smtputf8: true,
            ..MailCommand::default()
        })
    );
    use CommandError::{Parameter, Value};
    let long = format!("AUTH={}", "x".repeat(501));
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
        ("AUTH=", Value),
        ("AUTH=a+2", Value),
        ("AUTH=a+2b", Value),
        ("AUTH=a=b", Value),
        ("AUTH=+FF", Value),
        ("AUTH=+C2+85", Value),
        (&long, Value),
        ("AUTH=a+20b+0A", Value),
        ("RET=FULL", Parameter),
        ("ENVID=x", Parameter),
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

/// On port 25 DSN is not offered, so its parameters are unknown (RFC 3461 section 4).
#[test]
fn rcpt_parameters() {
    let read = |p: &str| {
        rcpt(
            &format!("TO:<a@x.test> {p}"),
            (false, SenderOf::Outside),
            "h",
        )
    };
    for parameter in ["NOTIFY=NEVER", "ORCPT=rfc822;a@x.test", "SIZE=1", "X"] {
        assert_eq!(read(parameter), Err(CommandError::Parameter), "{parameter}");
    }
    assert_eq!(read("X=\u{e4}"), Err(CommandError::Value));
    assert!(read(" ").is_ok());
}

/// RFC 3461 sections 4.1 to 4.4.
#[test]
fn report_parameters_of_a_client() {
    use CommandError::{Parameter, Value};
    let read = |p: &str| {
        let read = rcpt(
            &format!("TO:<a@x.test> {p}"),
            (false, SenderOf::Client),
            "h",
        )?;
        Ok((read.notify, read.orcpt))
    };
    let long = format!("ORCPT=rfc822;{}", "x".repeat(500));
    for (parameter, expected) in [
        ("", Ok((0, None))),
        ("NOTIFY=never", Ok((1, None))),
        ("NOTIFY=SUCCESS,failure,DELAY", Ok((14, None))),
        ("NOTIFY=DELAY,DELAY", Ok((8, None))),
        (
            "ORCPT=rfc822;o+2Bc@y.test",
            Ok((0, Some("rfc822;o+c@y.test".to_owned()))),
        ),
        ("NOTIFY=NEVER,SUCCESS", Err(Value)),
        ("NOTIFY=", Err(Value)),
        ("NOTIFY=SUCCESS,", Err(Value)),
        ("NOTIFY=MAYBE", Err(Value)),
        ("NOTIFY", Err(Value)),
        ("NOTIFY=DELAY NOTIFY=DELAY", Err(Value)),
        ("ORCPT=rfc822", Err(Value)),
        ("ORCPT=;a@x.test", Err(Value)),
        ("ORCPT=rfc822;", Err(Value)),
        ("ORCPT=rf(c;a@x.test", Err(Value)),
        ("ORCPT=rfc822;a+0D+0Ab", Err(Value)),
        ("ORCPT=rfc822;a=b", Err(Value)),
        (&long, Err(Value)),
        ("RET=FULL", Err(Parameter)),
    ] {
        assert_eq!(read(parameter), expected, "{parameter}");
    }
    let read = |p: &str| {
        let read = mail(&format!("FROM:<a@x.test> {p}"), SenderOf::Client)?;
        Ok((read.ret_full, read.envid))
    };
    let long = format!("ENVID={}", "x".repeat(101));
    for (parameter, expected) in [
        ("RET=full", Ok((Some(true), None))),
        (
            "RET=HDRS ENVID=a+3Db",
            Ok((Some(false), Some("a=b".to_owned()))),
        ),
        ("RET=", Err(Value)),
        ("RET=ALL", Err(Value)),
        ("RET=FULL RET=FULL", Err(Value)),
        ("ENVID=", Err(Value)),
        ("ENVID=a+0Ab", Err(Value)),
        (&long, Err(Value)),
        ("NOTIFY=NEVER", Err(Parameter)),
    ] {
        assert_eq!(read(parameter), expected, "{parameter}");
    }
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
