//! The syntax of an SPF record (RFC 7208 sections 4.6, 5, 6 and 12). All of it is read before any
//! of it counts: an error anywhere is an error of the whole record.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::expand::MacroText;
use crate::call::AuthResult;

/// A record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct SpfRecord {
    pub directives: Vec<Directive>,
    pub redirect: Option<MacroText>,
}

/// One mechanism, and the result when it matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Directive {
    pub result: AuthResult,
    pub mechanism: Mechanism,
}

/// What is asked of the address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Mechanism {
    All,
    Include(MacroText),
    A(Option<MacroText>, Prefixes),
    Mx(Option<MacroText>, Prefixes),
    Ptr(Option<MacroText>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(MacroText),
}

/// How many bits of an address must be equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Prefixes {
    pub v4: u8,
    pub v6: u8,
}

/// Whether a TXT record is one of SPF (RFC 7208 section 4.5).
pub(super) fn is_spf(text: &[u8]) -> bool {
    let version = text.get(..VERSION.len()).unwrap_or_default();
    version.eq_ignore_ascii_case(VERSION) && matches!(text.get(VERSION.len()), None | Some(b' '))
}

/// Reads a record; `None` when it is wrong.
pub(super) fn parse(text: &[u8]) -> Option<SpfRecord> {
    let text = core::str::from_utf8(text).ok().filter(|t| t.is_ascii())?;
    let mut record = SpfRecord::default();
    let mut has_explanation = false;
    for term in text
        .get(VERSION.len()..)?
        .split(' ')
        .filter(|t| !t.is_empty())
    {
        if let Some((name, value)) = modifier(term) {
            if name.eq_ignore_ascii_case("redirect") {
                let target = MacroText::domain(value)?;
                if record.redirect.replace(target).is_some() {
                    return None;
                }
            } else if name.eq_ignore_ascii_case("exp") {
                // The explanation is not fetched. It would be text of the sender in our reply.
                MacroText::domain(value)?;
                if core::mem::replace(&mut has_explanation, true) {
                    return None;
                }
            } else {
                MacroText::text(value)?;
            }
        } else {
            record.directives.push(directive(term)?);
        }
    }
    Some(record)
}

/// `name=value`, when a term is one.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && (name.bytes()).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_name.then_some((name, value))
}

fn directive(term: &str) -> Option<Directive> {
    let (result, rest) = match term.as_bytes().first()? {
        b'+' => (AuthResult::Pass, term.get(1..)?),
        b'-' => (AuthResult::Fail, term.get(1..)?),
        b'~' => (AuthResult::SoftFail, term.get(1..)?),
        b'?' => (AuthResult::Neutral, term.get(1..)?),
        _ => (AuthResult::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let value = after.strip_prefix(':');
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if after.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(MacroText::domain(value?)?),
        "exists" => Mechanism::Exists(MacroText::domain(value?)?),
        "ptr" if after.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(MacroText::domain(value?)?)),
        "a" => {
            let (domain, prefixes) = domain_and_prefixes(after)?;
            Mechanism::A(domain, prefixes)
        }
        "mx" => {
            let (domain, prefixes) = domain_and_prefixes(after)?;
            Mechanism::Mx(domain, prefixes)
        }
        "ip4" => {
            let (address, bits) = address_and_bits(value?, 32)?;
            Mechanism::Ip4(address.parse().ok()?, bits)
        }
        "ip6" => {
            let (address, bits) = address_and_bits(value?, 128)?;
            Mechanism::Ip6(address.parse().ok()?, bits)
        }
        _ => return None,
    };
    Some(Directive { result, mechanism })
}

/// `[":" domain-spec] [dual-cidr-length]`.
fn domain_and_prefixes(after: &str) -> Option<(Option<MacroText>, Prefixes)> {
    let mut prefixes = Prefixes { v4: 32, v6: 128 };
    let mut rest = after;
    if let Some((before, digits)) = rest.rsplit_once("//")
        && is_digits(digits)
    {
        prefixes.v6 = bits(digits, 128)?;
        rest = before;
    }
    if let Some((before, digits)) = rest.rsplit_once('/')
        && is_digits(digits)
    {
        prefixes.v4 = bits(digits, 32)?;
        rest = before;
    }
    let domain = match rest {
        "" => None,
        _ => Some(MacroText::domain(rest.strip_prefix(':')?)?),
    };
    Some((domain, prefixes))
}

fn address_and_bits(value: &str, max: u8) -> Option<(&str, u8)> {
    match value.split_once('/') {
        Some((address, digits)) => Some((address, bits(digits, max)?)),
        None => Some((value, max)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number of bits without leading zeros.
fn bits(digits: &str, max: u8) -> Option<u8> {
    let is_number = is_digits(digits) && (digits == "0" || !digits.starts_with('0'));
    let number: u8 = is_number.then(|| digits.parse().ok())??;
    (number <= max).then_some(number)
}

const VERSION: &[u8] = b"v=spf1";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn terms_and_what_is_none() {
        let record = parse(b"v=spf1  +A/24//64 -mx:x.%{d} ?ip4:192.0.2.0/0 ~all x-y=%%z ").unwrap();
        let results: Vec<_> = record.directives.iter().map(|d| d.result).collect();
        assert_eq!(
            results,
            [
                AuthResult::Pass,
                AuthResult::Fail,
                AuthResult::Neutral,
                AuthResult::SoftFail
            ]
        );
        assert_eq!(
            record.directives[0].mechanism,
            Mechanism::A(None, Prefixes { v4: 24, v6: 64 })
        );
        for wrong in [
            "a/33",
            "a//129",
            "a/01",
            "a/",
            "a:",
            "a:x",
            "all:",
            "all.",
            "include",
            "include:x",
            "ip4:1.2.3",
            "ip4",
            "ip4:1.2.3.4/",
            "ip6:1.2.3.4",
            "ptr:",
            "foo",
            "-foo=x",
            "x=%",
            "exists",
            "redirect=a.b redirect=a.b",
            "exp=a.b exp=a.b",
            "a:x.1",
            "a:x.-a",
            "\ta",
            "redirect=",
            "a:%{x}.b.c",
            "a:%{d0}",
            "a:%{d",
            "include:%{c}.a",
        ] {
            let text = format!("v=spf1 {wrong}");
            assert_eq!(parse(text.as_bytes()), None, "{wrong}");
        }
        assert!(is_spf(b"V=SPF1") && is_spf(b"v=spf1 a") && !is_spf(b"v=spf10"));
        assert!(!is_spf(b"v=spf") && !is_spf(b"v=spf1\ta"));
    }
}
