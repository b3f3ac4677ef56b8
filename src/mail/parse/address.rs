//! One address: the parser that SMTP, REST, rules and IMAP share.
//!
//! An [`Address`] exists only if it is valid, and writing it gives text that parses to the same
//! value. A text that can be read in two ways (comments, routes, `a@b@c`, a trailing dot, a host
//! that looks like an IP address) is rejected and never repaired: in other servers such repairs
//! have been security holes. Lists of header addresses must be read leniently; they are in
//! `address_list`.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::mail::unicode::{fold, is_invisible, nfc};

/// An RFC 5321 mailbox: a local part without its quoting and a domain in lower case, punycode or
/// literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local: String,
    domain: String,
}

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressError {
    /// The domain is not one: bad label, bad punycode, trailing dot, all digits.
    Domain,
    /// The text is empty.
    Empty,
    /// `[...]` that is neither an IPv4 address nor an `IPv6:` address.
    Literal,
    /// The local part is neither a dot-atom nor a quoted string.
    LocalPart,
    /// There is no `@` after the local part.
    NoAt,
    /// Over 64 octets of local part, 255 of domain, 320 in all (RFC 5321 section 4.5.3.1).
    TooLong,
}

/// The predicate of a sentence about the text: "`to` has no @".
impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::Domain => "has no valid domain after the @",
            AddressError::Empty => "is empty",
            AddressError::Literal => "has a literal in it that is no IP address",
            AddressError::LocalPart => "has no valid name before the @",
            AddressError::NoAt => "has no @",
            AddressError::TooLong => "is too long",
        })
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// Reads an addr-spec: no display name, no angle brackets, no white space around it.
    ///
    /// # Errors
    /// See [`AddressError`]; an ambiguous text is an error.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        // A quoted pair doubles an octet of the local part, so the text may be somewhat longer than
        // the value. The limit on the value is checked below.
        if text.len() > LOCAL_MAX * 2 + 2 + 1 + DOMAIN_TEXT_MAX {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = if text.starts_with('"') {
            split_quoted(text)?
        } else {
            let (local, domain) = text.split_once('@').ok_or(AddressError::NoAt)?;
            if !is_dot_atom(local) {
                return Err(AddressError::LocalPart);
            }
            (local.to_owned(), domain)
        };
        Address::from_parts(local, domain)
    }

    /// An address of an unquoted local part and a domain, as header parsing gives them.
    ///
    /// # Errors
    /// As [`Address::parse`].
    pub(crate) fn from_parts(local: String, domain: &str) -> Result<Address, AddressError> {
        if local.is_empty() || local.chars().any(|c| !is_local(c)) {
            return Err(AddressError::LocalPart);
        }
        let domain = parse_domain(domain)?;
        let address = Address { local, domain };
        let local_bytes = address.local_bytes();
        if local_bytes > LOCAL_MAX
            || address.domain.len() > DOMAIN_MAX
            || local_bytes + 1 + address.domain.len() > ADDRESS_MAX
        {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }

    /// The local part without quotes and backslashes.
    pub(crate) fn local(&self) -> &str {
        &self.local
    }

    /// The domain in lower case and ASCII, or a literal in brackets.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The key under which an address is unique: case folded, NFC, punycode. It is written like an
    /// address.
    pub fn canonical(&self) -> String {
        let local = fold(&nfc(&self.local));
        Address {
            local,
            domain: self.domain.clone(),
        }
        .to_string()
    }

    /// `user@d` for `user+tag@d`; `None` if there is no tag, or nothing before the tag.
    pub fn without_plus(&self) -> Option<Address> {
        match self.local.split_once('+') {
            Some((user, _)) if !user.is_empty() => Some(Address {
                local: user.to_owned(),
                domain: self.domain.clone(),
            }),
            _ => None,
        }
    }

    /// Whether the address can be written without SMTPUTF8. The domain is always ASCII.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
    }

    /// Whether the domain is an IP address in brackets.
    pub fn is_literal(&self) -> bool {
        self.domain.starts_with('[')
    }

    fn local_bytes(&self) -> usize {
        if is_dot_atom(&self.local) {
            self.local.len()
        } else {
            let escaped = self
                .local
                .bytes()
                .filter(|&b| b == b'"' || b == b'\\')
                .count();
            self.local.len() + escaped + 2
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if is_dot_atom(&self.local) {
            f.write_str(&self.local)?;
        } else {
            f.write_char('"')?;
            for c in self.local.chars() {
                if c == '"' || c == '\\' {
                    f.write_char('\\')?;
                }
                f.write_char(c)?;
            }
            f.write_char('"')?;
        }
        f.write_char('@')?;
        f.write_str(&self.domain)
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        Address::parse(text)
    }
}

/// A domain name in lower case and punycode, or an address literal in one spelling.
///
/// # Errors
/// [`AddressError::Domain`], [`AddressError::Literal`] or [`AddressError::TooLong`].
pub(crate) fn parse_domain(text: &str) -> Result<String, AddressError> {
    if text.len() > DOMAIN_TEXT_MAX {
        return Err(AddressError::TooLong);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return parse_literal(rest.strip_suffix(']').ok_or(AddressError::Literal)?);
    }
    if text.is_ascii() && !has_ace_label(text) {
        return parse_ldh(text.to_ascii_lowercase());
    }
    // Only the case and the composition of a label may change on the way to ASCII. The other
    // mappings of UTS 46 (full-width letters, ideographic dots, ligatures) are repairs that make
    // two texts one address.
    let folded: String = nfc(text).chars().flat_map(char::to_lowercase).collect();
    let ascii = Uts46::new()
        .to_ascii(
            folded.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Allow,
            DnsLength::Verify,
        )
        .map_err(|_| AddressError::Domain)?
        .into_owned();
    let (unicode, valid) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    if valid.is_err() || !same_labels(&folded, &unicode, &ascii) {
        return Err(AddressError::Domain);
    }
    parse_ldh(ascii)
}

fn has_ace_label(text: &str) -> bool {
    text.split('.').any(|label| {
        label
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("xn--"))
    })
}

/// Whether each label as typed is the U-label or the A-label of the result, so that nothing was
/// mapped in between.
fn same_labels(typed: &str, unicode: &str, ascii: &str) -> bool {
    let n = typed.split('.').count();
    n == unicode.split('.').count()
        && n == ascii.split('.').count()
        && typed
            .split('.')
            .zip(unicode.split('.').zip(ascii.split('.')))
            .all(|(label, (u, a))| label == u || label == a)
}

fn parse_ldh(name: String) -> Result<String, AddressError> {
    if name.len() > DOMAIN_MAX {
        return Err(AddressError::TooLong);
    }
    let mut last_is_number = false;
    for label in name.split('.') {
        let bytes = label.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            return Err(AddressError::Domain);
        };
        if bytes.len() > LABEL_MAX
            || !first.is_ascii_alphanumeric()
            || !last.is_ascii_alphanumeric()
            || !bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        {
            return Err(AddressError::Domain);
        }
        last_is_number = bytes.iter().all(u8::is_ascii_digit);
    }
    // A last label of digits is an IPv4 address to some resolvers and a name to others.
    if last_is_number {
        Err(AddressError::Domain)
    } else {
        Ok(name)
    }
}

fn parse_literal(inner: &str) -> Result<String, AddressError> {
    if let Ok(v4) = inner.parse::<Ipv4Addr>() {
        return Ok(format!("[{v4}]"));
    }
    let (tag, v6) = inner.split_at_checked(5).ok_or(AddressError::Literal)?;
    match v6.parse::<Ipv6Addr>() {
        Ok(v6) if tag.eq_ignore_ascii_case("ipv6:") => Ok(format!("[IPv6:{v6}]")),
        _ => Err(AddressError::Literal),
    }
}

/// Takes a quoted local part off the front; the domain follows its `@`.
fn split_quoted(text: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = text.get(at + 1..).unwrap_or("");
                let domain = rest.strip_prefix('@').ok_or(AddressError::NoAt)?;
                return Ok((local, domain));
            }
            '\\' => match chars.next() {
                Some((_, quoted @ ' '..='~')) => local.push(quoted),
                _ => return Err(AddressError::LocalPart),
            },
            c => local.push(c),
        }
    }
    Err(AddressError::LocalPart)
}

fn is_dot_atom(local: &str) -> bool {
    !local.is_empty()
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5322 section 3.2.3 with RFC 6532 section 3.2.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && is_local(c))
}

/// Whether a local part may contain this character, quoted or not. It may contain neither controls,
/// nor white space other than the ASCII space, nor invisible characters.
fn is_local(c: char) -> bool {
    c == ' ' || !(c.is_control() || c.is_whitespace() || is_invisible(c) || c == '\u{FFFD}')
}

/// RFC 5321 section 4.5.3.1.1.
const LOCAL_MAX: usize = 64;
/// RFC 5321 section 4.5.3.1.2.
const DOMAIN_MAX: usize = 255;
/// 64 + 1 + 255, from the two limits above.
const ADDRESS_MAX: usize = 320;
/// RFC 1035 section 2.3.4.
const LABEL_MAX: usize = 63;
/// A domain of 255 octets in punycode may be longer in UTF-8. This bounds the work; the name is
/// bounded by `DOMAIN_MAX`.
const DOMAIN_TEXT_MAX: usize = 1_000;
