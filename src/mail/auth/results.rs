//! Authentication-Results (RFC 8601): the field of ours, and which fields of others claim to be
//! ours.

use core::fmt::Write as _;
use core::net::IpAddr;

use super::check::Judgement;
use crate::call::AuthResult;
use crate::mail::parse::address::parse_domain;
use crate::mail::parse::header::{Field, Headers};

/// What the field says beside the results.
#[derive(Clone, Copy, Debug)]
pub struct ResultsOf<'a> {
    /// The name of this server, `authserv-id`.
    pub host: &'a str,
    /// The address of the peer.
    pub address: IpAddr,
    /// The reverse path; `None` or empty is null.
    pub reverse_path: Option<&'a str>,
    /// The HELO name.
    pub helo: &'a str,
}

/// The field, with its CRLF.
pub fn write(of: ResultsOf<'_>, found: &Judgement) -> Vec<u8> {
    let mut field = format!("Authentication-Results: {};", of.host);
    let path = of.reverse_path.filter(|path| !path.is_empty());
    let (property, value) = match path {
        Some(path) => ("smtp.mailfrom", path),
        None => ("smtp.helo", of.helo),
    };
    let address = of.address.to_canonical();
    let _ = write!(field, "\r\n\tspf={} ", found.spf.name());
    let _ = write!(
        field,
        "{property}={} smtp.remote-ip={}",
        text(value),
        text(&address.to_string())
    );
    if found.dkim.is_empty() {
        field.push_str(";\r\n\tdkim=none");
    }
    for one in &found.dkim {
        let _ = write!(field, ";\r\n\tdkim={}", one.result.name());
        if !one.reason.is_empty() {
            let _ = write!(field, " reason=\"{}\"", one.reason);
        }
        if !one.domain.is_empty() {
            let _ = write!(field, " header.d={}", text(&one.domain));
        }
        if !one.selector.is_empty() {
            let _ = write!(field, " header.s={}", text(&one.selector));
        }
    }
    let _ = write!(field, ";\r\n\tdmarc={}", found.dmarc.result.name());
    if matches!(found.dmarc.result, AuthResult::Pass | AuthResult::Fail) {
        let _ = write!(field, " policy.dmarc={}", found.dmarc.policy.name());
    }
    if let [domain] = found.authors.domains.as_slice() {
        let _ = write!(field, " header.from={}", text(domain));
    }
    if found.arc.result != AuthResult::None {
        let _ = write!(
            field,
            ";\r\n\tarc={} (i={})",
            found.arc.result.name(),
            found.arc.sets
        );
    }
    field.push_str("\r\n");
    field.into_bytes()
}

/// A value as a token, or as a quoted string without controls.
fn text(value: &str) -> String {
    let is_token = !value.is_empty()
        && (value.bytes()).all(|b| b.is_ascii_alphanumeric() || b"-._@+!#$%&'*^`{|}~".contains(&b));
    if is_token && value.len() <= VALUE_BYTES_MAX {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in value.chars().filter(|c| !c.is_control()) {
        if quoted.len() >= VALUE_BYTES_MAX {
            break;
        }
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// The fields whose name `is_ours` says is of this server. The name is in lower case and punycode.
/// The sender has written such a field, so it is a lie.
pub fn claimed<'m, E>(
    headers: &Headers<'m>,
    mut is_ours: impl FnMut(&str) -> Result<bool, E>,
) -> Result<Vec<Field<'m>>, E> {
    let mut found = Vec::new();
    let fields = headers.beginning(NAME.as_bytes());
    for (at, field) in fields.filter(|field| field.is(NAME)).enumerate() {
        // Real mail has a few. Behind the bound none is asked about and none is kept.
        let is_lie = at >= ASKED_MAX
            || match authserv_id(field.value) {
                Some(name) => is_ours(&name)?,
                None => false,
            };
        if is_lie {
            found.push(field);
        }
    }
    Ok(found)
}

/// The name that a field claims: the first word, behind comments and before a version (RFC 8601
/// section 2.2).
fn authserv_id(value: &[u8]) -> Option<String> {
    let mut at = 0;
    let mut depth = 0usize;
    let mut name = Vec::new();
    let mut is_quoted = false;
    while let Some(&octet) = value.get(at) {
        at += 1;
        match octet {
            b'\\' if depth > 0 || is_quoted => {
                if is_quoted {
                    name.extend(value.get(at));
                }
                at += 1;
            }
            b'"' if depth == 0 && is_quoted => break,
            _ if is_quoted => name.push(octet),
            b'(' => {
                if !name.is_empty() {
                    break;
                }
                depth += 1;
            }
            b')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            b'"' if name.is_empty() => is_quoted = true,
            b' ' | b'\t' | b'\r' | b'\n' if name.is_empty() => {}
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'/' => break,
            octet => name.push(octet),
        }
        if name.len() > NAME_BYTES_MAX {
            return None;
        }
    }
    let name = String::from_utf8(name).ok()?;
    let name = name.trim().trim_end_matches('.');
    parse_domain(name).ok()
}

/// Fields whose name is asked about.
const ASKED_MAX: usize = 100;
const NAME: &str = "Authentication-Results";
/// Octets of a name that may be a domain, in UTF-8.
const NAME_BYTES_MAX: usize = 1_024;
/// Octets of one value.
const VALUE_BYTES_MAX: usize = 400;
