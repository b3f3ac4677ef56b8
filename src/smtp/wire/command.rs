//! One command line and its arguments, borrowed from the read buffer.
//!
//! Not here: whether a command may come now (`server`), the paths (`path`), and what an address
//! means (the service). Ambiguous input is refused, not repaired: bare line ends, control octets,
//! doubled parameters. The parameters of delivery reports (RFC 3461) are known to clients that log
//! in, and unknown on port 25, where EHLO does not offer DSN.

use super::path::{self, PathError};
use crate::mail::Address;

/// Every verb with a reply of its own.
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
    /// A request line of HTTP: an attacker has sent a browser here (ALPACA).
    Http,
    /// Any other word.
    Unknown,
}

/// Why a command line is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// The text between the angle brackets is not an address.
    Address,
    /// An argument is missing, superfluous or wrong.
    Argument,
    /// A control octet, or octets that are not UTF-8.
    Control,
    /// A line that ends in LF without CR.
    LineEnd,
    /// An unknown parameter (RFC 5321 section 4.1.1.11).
    Parameter,
    /// A source route.
    Route,
    /// UTF-8 in an address without SMTPUTF8 (RFC 6531 section 3.2).
    Utf8,
    /// A known parameter with a wrong value.
    Value,
}

impl From<PathError> for CommandError {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Address => CommandError::Address,
            PathError::Argument => CommandError::Argument,
            PathError::Route => CommandError::Route,
            PathError::Utf8 => CommandError::Utf8,
        }
    }
}

/// The arguments of MAIL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailCommand {
    /// `None` is `<>`.
    pub reverse_path: Option<String>,
    /// SIZE=
    pub size: Option<u64>,
    /// BODY=8BITMIME
    pub eight_bit: bool,
    /// SMTPUTF8
    pub smtputf8: bool,
    /// RET= (RFC 3461 section 4.3): `Some(true)` is FULL.
    pub ret_full: Option<bool>,
    /// ENVID= (RFC 3461 section 4.4), decoded.
    pub envid: Option<String>,
}

/// The arguments of RCPT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RcptCommand {
    /// The recipient.
    pub address: Address,
    /// NOTIFY= (RFC 3461 section 4.1) as bits: 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; 0 not given.
    pub notify: u8,
    /// ORCPT= (RFC 3461 section 4.2), decoded: type, semicolon, address.
    pub orcpt: Option<String>,
}

/// The arguments of BDAT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BdatChunk {
    /// Octets that follow the command line.
    pub size: u64,
    /// LAST: the message ends with this chunk.
    pub last: bool,
}

/// Reads a line that ends in LF: its verb, and the rest without blanks around it.
///
/// # Errors
/// `LineEnd` and `Control`.
pub fn command(line: &[u8]) -> Result<(Verb, &str), CommandError> {
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
pub fn text(line: &[u8]) -> Result<&str, CommandError> {
    let line = line.strip_suffix(b"\r\n").ok_or(CommandError::LineEnd)?;
    let text = core::str::from_utf8(line).map_err(|_| CommandError::Control)?;
    let text = text.trim_end_matches([' ', '\t']);
    match text.bytes().any(|b| b.is_ascii_control()) {
        true => Err(CommandError::Control),
        false => Ok(text),
    }
}

/// The name of EHLO or HELO, as one word that may stand in a Received field. RFC 5321 section
/// 4.1.4 does not allow to refuse a name that cannot be verified, and clients send the names of
/// their machines as they are. So a character that cannot stand there becomes `?`.
///
/// # Errors
/// `Argument`: there is no name.
pub fn hello(args: &str) -> Result<String, CommandError> {
    let plain = |c: char| c.is_ascii_graphic() && !"()<>@,;\"\\".contains(c);
    let name: String = args.chars().take(NAME_MAX).collect();
    match name.is_empty() {
        true => Err(CommandError::Argument),
        false => Ok(name.replace(|c| !plain(c), "?")),
    }
}

/// Who gives the sender of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SenderOf {
    /// Another server: the sender is kept as it came.
    Outside,
    /// A client that has logged in: the sender is an address of this server.
    Client,
}

/// The arguments of MAIL: `FROM:<path>` and parameters.
///
/// # Errors
/// Every [`CommandError`] that an argument can have.
pub fn mail(args: &str, sender: SenderOf) -> Result<MailCommand, CommandError> {
    let (path, parameters) = path::split(args, "FROM:")?;
    let mut mail = MailCommand::default();
    let mut given = GivenParameters(0);
    for (name, value) in parameter_list(parameters)? {
        let known = match sender {
            SenderOf::Outside => given.first(name, &MAIL_PARAMETERS)?,
            SenderOf::Client => given.first(name, &CLIENT_MAIL_PARAMETERS)?,
        };
        match (known, value) {
            ("SIZE", Some(v)) => mail.size = Some(number(v)?),
            ("BODY", Some(v)) if v.eq_ignore_ascii_case("8BITMIME") => mail.eight_bit = true,
            ("BODY", Some(v)) if v.eq_ignore_ascii_case("7BIT") => mail.eight_bit = false,
            ("SMTPUTF8", None) => mail.smtputf8 = true,
            // RFC 4954 section 5: parsed, and then ignored.
            ("AUTH", Some(v)) if v.len() <= AUTH_VALUE_MAX => drop(xtext(v)?),
            ("RET", Some(v)) if v.eq_ignore_ascii_case("FULL") => mail.ret_full = Some(true),
            ("RET", Some(v)) if v.eq_ignore_ascii_case("HDRS") => mail.ret_full = Some(false),
            ("ENVID", Some(v)) if v.len() <= ENVID_MAX => mail.envid = Some(xtext(v)?),
            _ => return Err(CommandError::Value),
        }
    }
    mail.reverse_path = match (path, sender) {
        ("", _) => None,
        (path, SenderOf::Outside) => Some(path::sender(path)?),
        (path, SenderOf::Client) => Some(path::address(path, mail.smtputf8)?.to_string()),
    };
    Ok(mail)
}

/// The arguments of RCPT: `TO:<path>`, and the parameters of a client. `host` completes
/// `<postmaster>`, which needs no domain (RFC 5321 section 4.5.1).
///
/// # Errors
/// As [`mail`].
pub fn rcpt(
    args: &str,
    (smtputf8, sender): (bool, SenderOf),
    host: &str,
) -> Result<RcptCommand, CommandError> {
    let (path, parameters) = path::split(args, "TO:")?;
    let (mut notify, mut orcpt) = (0, None);
    let mut given = GivenParameters(0);
    for (name, value) in parameter_list(parameters)? {
        let known = match sender {
            SenderOf::Outside => return Err(CommandError::Parameter),
            SenderOf::Client => given.first(name, &CLIENT_RCPT_PARAMETERS)?,
        };
        match (known, value) {
            ("NOTIFY", Some(v)) => notify = read_notify(v)?,
            ("ORCPT", Some(v)) if v.len() <= ORCPT_MAX => orcpt = Some(read_orcpt(v)?),
            _ => return Err(CommandError::Value),
        }
    }
    Ok(RcptCommand {
        address: match path.eq_ignore_ascii_case("postmaster") {
            true => path::address(&format!("postmaster@{host}"), false)?,
            false => path::address(path, smtputf8)?,
        },
        notify,
        orcpt,
    })
}

/// `NEVER`, or a list of the others.
fn read_notify(text: &str) -> Result<u8, CommandError> {
    let mut bits = 0;
    for word in text.split(',') {
        let known = NOTIFY
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word));
        bits |= known.ok_or(CommandError::Value)?.1;
    }
    match bits & 1 != 0 && bits != 1 {
        true => Err(CommandError::Value),
        false => Ok(bits),
    }
}

/// The type of an address, which is an atom, and the address in xtext.
fn read_orcpt(text: &str) -> Result<String, CommandError> {
    let (kind, address) = text.split_once(';').ok_or(CommandError::Value)?;
    if !is_atom(kind) {
        return Err(CommandError::Value);
    }
    Ok(format!("{kind};{}", xtext(address)?))
}

/// Whether a text is the type of an address (RFC 3461 section 4.2).
pub fn is_atom(kind: &str) -> bool {
    let is_one = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
    !kind.is_empty() && kind.bytes().all(is_one)
}

/// The arguments of BDAT. A number that is missing or too large is an error: the end of the
/// chunk is unknown then.
///
/// # Errors
/// `Argument`.
pub fn bdat(args: &str) -> Result<BdatChunk, CommandError> {
    let (size, rest) = args.split_once(' ').unwrap_or((args, ""));
    let last = match rest.trim_matches(' ') {
        "" => false,
        word if word.eq_ignore_ascii_case("LAST") => true,
        _ => return Err(CommandError::Argument),
    };
    let size = number(size).map_err(|_| CommandError::Argument)?;
    Ok(BdatChunk { size, last })
}

type Parameter<'a> = (&'a str, Option<&'a str>);

/// Splits `KEY=value` pairs. The bound of the line bounds their number.
fn parameter_list(text: &str) -> Result<impl Iterator<Item = Parameter<'_>>, CommandError> {
    let graphic = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !graphic {
        return Err(CommandError::Value);
    }
    Ok(text
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        }))
}

/// The parameters of a table that have come so far, as bits.
struct GivenParameters(u32);

impl GivenParameters {
    /// The spelling of `name` in the table. A second time is an error.
    fn first(&mut self, name: &str, table: &[&'static str]) -> Result<&'static str, CommandError> {
        let found = table
            .iter()
            .enumerate()
            .find(|(_, known)| known.eq_ignore_ascii_case(name));
        let (index, known) = found.ok_or(CommandError::Parameter)?;
        let bit = 1 << index;
        if self.0 & bit != 0 {
            return Err(CommandError::Value);
        }
        self.0 |= bit;
        Ok(known)
    }
}

fn number(text: &str) -> Result<u64, CommandError> {
    let digits = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
    match digits {
        true => text.parse().map_err(|_| CommandError::Value),
        false => Err(CommandError::Value),
    }
}

/// Decodes xtext (RFC 3461 section 4). It must be text without control characters.
fn xtext(text: &str) -> Result<String, CommandError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        octets.push(match byte {
            b'+' => {
                let (high, low) = (left.next().and_then(hex), left.next().and_then(hex));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(CommandError::Value);
                };
                high * 16 + low
            }
            b'=' => return Err(CommandError::Value),
            byte if byte.is_ascii_graphic() => byte,
            _ => return Err(CommandError::Value),
        });
    }
    let text = String::from_utf8(octets).map_err(|_| CommandError::Value)?;
    match text.is_empty() || text.chars().any(char::is_control) {
        true => Err(CommandError::Value),
        false => Ok(text),
    }
}

/// A hexadecimal digit of xtext, in upper case only.
fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
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

const MAIL_PARAMETERS: [&str; 4] = ["SIZE", "BODY", "SMTPUTF8", "AUTH"];
const CLIENT_MAIL_PARAMETERS: [&str; 6] = ["SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"];
const CLIENT_RCPT_PARAMETERS: [&str; 2] = ["NOTIFY", "ORCPT"];
const NOTIFY: [(&str, u8); 4] = [("NEVER", 1), ("SUCCESS", 2), ("FAILURE", 4), ("DELAY", 8)];

/// RFC 5321 section 4.5.3.1.2: a domain.
const NAME_MAX: usize = 255;
/// RFC 3461 section 4.4.
const ENVID_MAX: usize = 100;
/// RFC 3461 section 4.2.
const ORCPT_MAX: usize = 500;
/// RFC 4954 section 5.
const AUTH_VALUE_MAX: usize = 500;

#[cfg(test)]
#[path = "../tests/command.rs"]
mod tests;
