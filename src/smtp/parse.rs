//! One command line and its arguments, borrowed from the read buffer.
//!
//! Not here: whether a command may come now (`server`), what an address means (the service).
//! Anything ambiguous is refused, not repaired: source routes, bare line ends, control
//! octets, doubled parameters. Addresses are parsed by `mail::address`, as everywhere.

use crate::mail::Address;

/// Every verb that has an answer of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Verb {
    Auth,
    Bdat,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Vrfy,
    /// A request line of HTTP: a browser that was lured here (ALPACA).
    Http,
    /// Not a command of ours.
    Unknown,
}

/// What is wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyntaxError {
    /// The text between the angle brackets is not an address.
    Address,
    /// An argument is missing, superfluous or not what it should be.
    Argument,
    /// A control octet, or octets that are not UTF-8.
    Control,
    /// A line that ends in LF without CR.
    LineEnd,
    /// A parameter that we do not know (RFC 5321 section 4.1.1.11).
    Parameter,
    /// A source route.
    Route,
    /// UTF-8 in an address without SMTPUTF8 (RFC 6531 section 3.2).
    Utf8,
    /// A known parameter with a wrong value.
    Value,
}

/// MAIL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mail {
    /// `None` is `<>`.
    pub reverse_path: Option<Address>,
    /// SIZE=
    pub size: Option<u64>,
    /// BODY=8BITMIME
    pub eight_bit: bool,
    /// SMTPUTF8
    pub smtputf8: bool,
    /// RET=: FULL is `true`.
    pub ret_full: Option<bool>,
    /// ENVID=, decoded.
    pub envid: Option<String>,
}

/// RCPT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rcpt {
    /// The forward-path.
    pub address: Address,
    /// NOTIFY= as bits: 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY.
    pub notify: u8,
    /// ORCPT=, decoded, its type in front.
    pub orcpt: Option<String>,
}

/// BDAT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Octets that follow the line.
    pub size: u64,
    /// The message ends with them.
    pub last: bool,
}

/// Reads a line that ends in LF: its verb, and the rest without blanks around it.
///
/// # Errors
/// `LineEnd` and `Control`.
pub fn command(line: &[u8]) -> Result<(Verb, &str), SyntaxError> {
    let text = text(line)?;
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let verb = VERBS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map_or(Verb::Unknown, |(_, verb)| *verb);
    Ok((verb, rest.trim_matches(' ')))
}

/// A line without its CRLF and without blanks at its end.
///
/// # Errors
/// As [`command`].
pub fn text(line: &[u8]) -> Result<&str, SyntaxError> {
    let line = line.strip_suffix(b"\r\n").ok_or(SyntaxError::LineEnd)?;
    let text = core::str::from_utf8(line).map_err(|_| SyntaxError::Control)?;
    let text = text.trim_end_matches([' ', '\t']);
    match text.bytes().any(|b| b.is_ascii_control()) {
        true => Err(SyntaxError::Control),
        false => Ok(text),
    }
}

/// The name of EHLO or HELO: anything that can stand in a Received field as one word. More
/// is not asked (RFC 5321 section 4.1.4: a name that does not verify is no reason to refuse).
///
/// # Errors
/// `Argument`.
pub fn hello(args: &str) -> Result<&str, SyntaxError> {
    let plain = |b: u8| b.is_ascii_graphic() && !b"()<>@,;\"\\".contains(&b);
    let fits = !args.is_empty() && args.len() <= NAME_MAX && args.bytes().all(plain);
    fits.then_some(args).ok_or(SyntaxError::Argument)
}

/// The arguments of MAIL: `FROM:<path>` and parameters.
///
/// # Errors
/// Every [`SyntaxError`] that an argument can have.
pub fn mail(args: &str) -> Result<Mail, SyntaxError> {
    let (path, parameters) = path(args, "FROM:")?;
    let mut mail = Mail::default();
    let mut given = Given(0);
    for (name, value) in parameter_list(parameters)? {
        let known = given.first(name, &MAIL_PARAMETERS)?;
        match (known, value) {
            ("SIZE", Some(v)) => mail.size = Some(number(v)?),
            ("BODY", Some(v)) if v.eq_ignore_ascii_case("8BITMIME") => mail.eight_bit = true,
            ("BODY", Some(v)) if v.eq_ignore_ascii_case("7BIT") => mail.eight_bit = false,
            ("SMTPUTF8", None) => mail.smtputf8 = true,
            ("RET", Some(v)) if v.eq_ignore_ascii_case("FULL") => mail.ret_full = Some(true),
            ("RET", Some(v)) if v.eq_ignore_ascii_case("HDRS") => mail.ret_full = Some(false),
            ("ENVID", Some(v)) if v.len() <= ENVID_MAX => mail.envid = Some(xtext(v)?),
            // RFC 4954 section 5: understood, and believed by nobody.
            ("AUTH", Some(v)) if v.len() <= ORCPT_MAX => {
                xtext(v)?;
            }
            _ => return Err(SyntaxError::Value),
        }
    }
    mail.reverse_path = match path {
        "" => None,
        path => Some(address(path, mail.smtputf8)?),
    };
    Ok(mail)
}

/// The arguments of RCPT: `TO:<path>` and parameters. `host` completes `<postmaster>`, which
/// needs no domain (RFC 5321 section 4.5.1).
///
/// # Errors
/// As [`mail`].
pub fn rcpt(args: &str, smtputf8: bool, host: &str) -> Result<Rcpt, SyntaxError> {
    let (path, parameters) = path(args, "TO:")?;
    let mut notify = 0;
    let mut orcpt = None;
    let mut given = Given(0);
    for (name, value) in parameter_list(parameters)? {
        match (given.first(name, &RCPT_PARAMETERS)?, value) {
            ("NOTIFY", Some(v)) => notify = notify_bits(v)?,
            ("ORCPT", Some(v)) if v.len() <= ORCPT_MAX => orcpt = Some(original(v)?),
            _ => return Err(SyntaxError::Value),
        }
    }
    let address = match path.eq_ignore_ascii_case("postmaster") {
        true => address(&format!("postmaster@{host}"), false)?,
        false => address(path, smtputf8)?,
    };
    Ok(Rcpt {
        address,
        notify,
        orcpt,
    })
}

/// The arguments of BDAT. A number too large for us is an error as much as none: where the
/// chunk ends cannot be known then.
///
/// # Errors
/// `Argument`.
pub fn bdat(args: &str) -> Result<Chunk, SyntaxError> {
    let (size, rest) = args.split_once(' ').unwrap_or((args, ""));
    let last = match rest.trim_matches(' ') {
        "" => false,
        word if word.eq_ignore_ascii_case("LAST") => true,
        _ => return Err(SyntaxError::Argument),
    };
    let size = number(size).map_err(|_| SyntaxError::Argument)?;
    Ok(Chunk { size, last })
}

/// Takes `<path>` off the front of `FROM:<path> parameters`. Blanks behind the colon are
/// tolerated, as many clients write them; an address without brackets is not.
fn path<'a>(args: &'a str, keyword: &str) -> Result<(&'a str, &'a str), SyntaxError> {
    let rest = match args.split_at_checked(keyword.len()) {
        Some((word, rest)) if word.eq_ignore_ascii_case(keyword) => rest.trim_start_matches(' '),
        _ => return Err(SyntaxError::Argument),
    };
    let inner = rest.strip_prefix('<').ok_or(SyntaxError::Argument)?;
    let end = path_end(inner).ok_or(SyntaxError::Argument)?;
    let (path, rest) = inner.split_at(end);
    let parameters = rest.strip_prefix('>').unwrap_or(rest);
    match parameters.bytes().next() {
        None | Some(b' ') => Ok((path, parameters)),
        Some(_) => Err(SyntaxError::Argument),
    }
}

/// Where the closing bracket is: a `>` inside a quoted local part is not it.
fn path_end(inner: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    inner.bytes().position(|b| {
        if escaped {
            escaped = false;
            return false;
        }
        match b {
            b'"' => quoted = !quoted,
            b'\\' => escaped = quoted,
            b'>' => return !quoted,
            _ => {}
        }
        false
    })
}

fn address(path: &str, smtputf8: bool) -> Result<Address, SyntaxError> {
    if path.starts_with('@') {
        return Err(SyntaxError::Route);
    }
    if !path.is_ascii() && !smtputf8 {
        return Err(SyntaxError::Utf8);
    }
    Address::parse(path).map_err(|_| SyntaxError::Address)
}

type Parameter<'a> = (&'a str, Option<&'a str>);

/// Splits `KEY=value` pairs. The line's bound bounds them.
fn parameter_list(text: &str) -> Result<impl Iterator<Item = Parameter<'_>>, SyntaxError> {
    let graphic = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !graphic {
        return Err(SyntaxError::Value);
    }
    Ok(text
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        }))
}

/// Which parameters of a table have been given, as bits.
struct Given(u32);

impl Given {
    /// The table's own spelling of `name`, the first time.
    fn first(&mut self, name: &str, table: &[&'static str]) -> Result<&'static str, SyntaxError> {
        let found = table
            .iter()
            .enumerate()
            .find(|(_, known)| known.eq_ignore_ascii_case(name));
        let (index, known) = found.ok_or(SyntaxError::Parameter)?;
        let bit = 1 << index;
        if self.0 & bit != 0 {
            return Err(SyntaxError::Value);
        }
        self.0 |= bit;
        Ok(known)
    }
}

fn number(text: &str) -> Result<u64, SyntaxError> {
    let digits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    match digits {
        true => text.parse().map_err(|_| SyntaxError::Value),
        false => Err(SyntaxError::Value),
    }
}

/// Decodes xtext (RFC 3461 section 4); what comes out must be text without control octets,
/// since it will be written into reports.
fn xtext(text: &str) -> Result<String, SyntaxError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        octets.push(match byte {
            b'+' => {
                let (high, low) = (left.next().and_then(hex), left.next().and_then(hex));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(SyntaxError::Value);
                };
                high * 16 + low
            }
            b'=' => return Err(SyntaxError::Value),
            byte if byte.is_ascii_graphic() => byte,
            _ => return Err(SyntaxError::Value),
        });
    }
    let text = String::from_utf8(octets).map_err(|_| SyntaxError::Value)?;
    match text.is_empty() || text.chars().any(char::is_control) {
        true => Err(SyntaxError::Value),
        false => Ok(text),
    }
}

/// A digit of xtext: upper case only.
fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn notify_bits(value: &str) -> Result<u8, SyntaxError> {
    let mut bits = 0u8;
    for word in value.split(',') {
        let known = NOTIFY.iter().find(|(n, _)| n.eq_ignore_ascii_case(word));
        match known {
            Some((_, bit)) if bits & bit == 0 => bits |= bit,
            _ => return Err(SyntaxError::Value),
        }
    }
    // NEVER stands alone (RFC 3461 section 4.1).
    match bits & 1 != 0 && bits != 1 {
        true => Err(SyntaxError::Value),
        false => Ok(bits),
    }
}

/// `type;xtext`
fn original(value: &str) -> Result<String, SyntaxError> {
    let (kind, rest) = value.split_once(';').ok_or(SyntaxError::Value)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if kind.is_empty() || !kind.bytes().all(plain) {
        return Err(SyntaxError::Value);
    }
    Ok(format!("{kind};{}", xtext(rest)?))
}

const VERBS: [(&str, Verb); 25] = [
    ("AUTH", Verb::Auth),
    ("BDAT", Verb::Bdat),
    ("DATA", Verb::Data),
    ("EHLO", Verb::Ehlo),
    ("EXPN", Verb::Expn),
    ("HELO", Verb::Helo),
    ("HELP", Verb::Help),
    ("MAIL", Verb::Mail),
    ("NOOP", Verb::Noop),
    ("QUIT", Verb::Quit),
    ("RCPT", Verb::Rcpt),
    ("RSET", Verb::Rset),
    ("STARTTLS", Verb::StartTls),
    ("VRFY", Verb::Vrfy),
    ("CONNECT", Verb::Http),
    ("DELETE", Verb::Http),
    ("GET", Verb::Http),
    ("HEAD", Verb::Http),
    ("HOST:", Verb::Http),
    ("OPTIONS", Verb::Http),
    ("PATCH", Verb::Http),
    ("POST", Verb::Http),
    ("PRI", Verb::Http),
    ("PUT", Verb::Http),
    ("TRACE", Verb::Http),
];

const MAIL_PARAMETERS: [&str; 6] = ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"];
const RCPT_PARAMETERS: [&str; 2] = ["NOTIFY", "ORCPT"];
const NOTIFY: [(&str, u8); 4] = [("NEVER", 1), ("SUCCESS", 2), ("FAILURE", 4), ("DELAY", 8)];

/// RFC 5321 section 4.5.3.1.2: a domain.
const NAME_MAX: usize = 255;
/// RFC 3461 section 4.4.
const ENVID_MAX: usize = 100;
/// RFC 3461 section 4.2.
const ORCPT_MAX: usize = 500;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn lines() {
        type Line<'a> = Result<(Verb, &'a str), SyntaxError>;
        let cases: [(&[u8], Line<'_>); 14] = [
            (b"QUIT\r\n", Ok((Verb::Quit, ""))),
            (b"qUiT  \t\r\n", Ok((Verb::Quit, ""))),
            (b"NOOP  x y \r\n", Ok((Verb::Noop, "x y"))),
            (b"STARTTLS\r\n", Ok((Verb::StartTls, ""))),
            (b"GET / HTTP/1.1\r\n", Ok((Verb::Http, "/ HTTP/1.1"))),
            (b"QUITX\r\n", Ok((Verb::Unknown, ""))),
            (b"\r\n", Ok((Verb::Unknown, ""))),
            (b" QUIT\r\n", Ok((Verb::Unknown, "QUIT"))),
            (b"QUIT\n", Err(SyntaxError::LineEnd)),
            (b"\n", Err(SyntaxError::LineEnd)),
            (b"QUIT\r\r\n", Err(SyntaxError::Control)),
            (b"NO\0OP\r\n", Err(SyntaxError::Control)),
            (b"NOOP\tx\r\n", Err(SyntaxError::Control)),
            (b"NOOP \xff\r\n", Err(SyntaxError::Control)),
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
            assert_eq!(hello(bad), Err(SyntaxError::Argument), "{bad}");
        }
    }

    fn from(args: &str) -> Result<String, SyntaxError> {
        mail(args).map(|m| m.reverse_path.map_or("<>".into(), |a| a.to_string()))
    }

    #[test]
    fn paths() {
        use SyntaxError::{Address, Argument, Route, Utf8};
        let cases: [(&str, Result<&str, SyntaxError>); 30] = [
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
            Ok(Mail {
                reverse_path: None,
                size: Some(12),
                eight_bit: true,
                smtputf8: true,
                ret_full: Some(false),
                envid: Some("a+b".into()),
            })
        );
        use SyntaxError::{Parameter, Value};
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
        assert_eq!(read("SIZE=1"), Err(SyntaxError::Parameter));
    }

    #[test]
    fn chunks() {
        let chunk = |size, last| Ok(Chunk { size, last });
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
            assert_eq!(bdat(bad), Err(SyntaxError::Argument), "{bad}");
        }
    }
}
