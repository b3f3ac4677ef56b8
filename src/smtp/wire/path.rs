//! The paths of MAIL and RCPT: where a path ends in its line, and the envelope sender of mail from
//! outside.
//!
//! Mailing services write the recipient into the sender (VERP, SRS, BATV), machines are called
//! `build_host`, and carriers have given out `a..b@` for years. A refused sender is a lost message,
//! and its server can do nothing about it. So the sender of mail from outside need not be a valid
//! [`Address`]: it is kept as it came. The rule is that it is printable, that it has an `@` outside
//! quotes with something on both sides, and that it can stand in `Return-Path: <...>` and be read
//! again. The sender of a client is another matter: it is an address of this server, and strict.

use crate::mail::Address;
use crate::mail::unicode::is_invisible;

/// Why a path is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PathError {
    /// The text between the angle brackets is not an address.
    Address,
    /// There is no path in angle brackets.
    Argument,
    /// A source route.
    Route,
    /// UTF-8 in an address without SMTPUTF8 (RFC 6531 section 3.2).
    Utf8,
}

/// Splits `FROM:<path> parameters` into the path and the parameters. Blanks behind the colon
/// are allowed, since many clients write them. An address without brackets is not.
///
/// # Errors
/// `Argument`.
pub(super) fn split<'a>(args: &'a str, keyword: &str) -> Result<(&'a str, &'a str), PathError> {
    let rest = match args.split_at_checked(keyword.len()) {
        Some((word, rest)) if word.eq_ignore_ascii_case(keyword) => rest.trim_start_matches(' '),
        _ => return Err(PathError::Argument),
    };
    let inner = rest.strip_prefix('<').ok_or(PathError::Argument)?;
    // A quote that is never closed is a character like others.
    let end = path_end(inner).or_else(|| inner.find('>'));
    let (path, rest) = inner.split_at(end.ok_or(PathError::Argument)?);
    let parameters = rest.strip_prefix('>').unwrap_or(rest);
    match parameters.bytes().next() {
        None | Some(b' ') => Ok((path, parameters)),
        Some(_) => Err(PathError::Argument),
    }
}

/// The position of the closing bracket. A `>` in a quoted local part does not close.
fn path_end(inner: &str) -> Option<usize> {
    unquoted(inner).find(|(_, b)| *b == b'>').map(|(at, _)| at)
}

/// The octets outside quotes with their positions; the quotes themselves are left out.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut quoted = false;
    let mut escaped = false;
    text.bytes().enumerate().filter(move |(_, b)| {
        if escaped {
            escaped = false;
            return false;
        }
        match b {
            b'"' => quoted = !quoted,
            b'\\' => escaped = quoted,
            _ => return !quoted,
        }
        false
    })
}

/// An address of this server, or of a recipient.
///
/// # Errors
/// `Address`, `Route` and `Utf8`.
pub(super) fn address(path: &str, smtputf8: bool) -> Result<Address, PathError> {
    if path.starts_with('@') {
        return Err(PathError::Route);
    }
    if !path.is_ascii() && !smtputf8 {
        return Err(PathError::Utf8);
    }
    Address::parse(path).map_err(|_| PathError::Address)
}

/// The envelope sender of mail from outside, as it came. A source route is left out (RFC 5321
/// section 4.1.1.3), and a local part that could break the Return-Path line is quoted. UTF-8 is
/// taken without SMTPUTF8 too, as Postfix takes it.
///
/// # Errors
/// `Address`.
pub(super) fn sender(path: &str) -> Result<String, PathError> {
    let path = path.trim_matches(' ');
    let path = match path.strip_prefix('@') {
        Some(route) => behind_route(route).ok_or(PathError::Address)?,
        None => path,
    };
    let is_printable = |c: char| {
        c == ' ' || !(c.is_control() || c.is_whitespace() || is_invisible(c) || c == '\u{FFFD}')
    };
    let at = match has_open_quote(path) {
        true => path.rfind('@'),
        false => unquoted(path)
            .filter(|(_, b)| *b == b'@')
            .last()
            .map(|(at, _)| at),
    };
    let (local, domain) = at
        .and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?)))
        .ok_or(PathError::Address)?;
    if local.is_empty() || !is_host(domain) || !path.chars().all(is_printable) {
        return Err(PathError::Address);
    }
    match is_quoted(local) || local.chars().all(is_plain) {
        true => Ok(path.to_owned()),
        false => Ok(format!("{}@{domain}", quote(local))),
    }
}

/// The address behind `a,@b:`, the rest of a source route.
fn behind_route(route: &str) -> Option<&str> {
    let mut in_literal = false;
    let colon = route.bytes().position(|b| {
        match b {
            b'[' => in_literal = true,
            b']' => in_literal = false,
            _ => {}
        }
        b == b':' && !in_literal
    })?;
    route.get(colon + 1..)
}

/// Whether the last quote is not closed.
fn has_open_quote(text: &str) -> bool {
    // A closed text gets a quote of its own as its last unquoted octet, an open one loses it.
    let probe = format!("{text} ");
    unquoted(&probe)
        .last()
        .is_none_or(|(at, _)| at != text.len())
}

/// A host name as real mail has it (with `_`, in UTF-8, with a dot at its end), or anything in
/// brackets.
fn is_host(domain: &str) -> bool {
    let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
    let inner = literal.unwrap_or(domain);
    let is_name = |c: char| {
        !matches!(
            c,
            ' ' | '(' | ')' | '<' | '>' | '@' | ',' | ';' | '"' | '\\' | '[' | ']'
        )
    };
    !inner.is_empty()
        && inner
            .chars()
            .all(|c| is_name(c) && (c != ':' || literal.is_some()))
}

/// One quoted string (RFC 5321 section 4.1.2).
fn is_quoted(local: &str) -> bool {
    let inner = local.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
    let Some(inner) = inner else { return false };
    let mut escaped = false;
    for b in inner.bytes() {
        if b == b'"' && !escaped {
            return false;
        }
        escaped = b == b'\\' && !escaped;
    }
    !escaped
}

/// A character that needs no quotes. Dots may stand anywhere.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

/// The local part as one quoted string. Quotes inside that are closed are taken off before:
/// `a."b c"` and `"a.b c"` are one name (RFC 5322 section 4.4).
fn quote(local: &str) -> String {
    let mut quoted = String::with_capacity(local.len() + 2);
    quoted.push('"');
    let is_open = has_open_quote(local);
    let mut chars = local.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '"' if !is_open => continue,
            '\\' if !is_open => chars.next().unwrap_or(c),
            c => c,
        };
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "../tests/path.rs"]
mod tests;
