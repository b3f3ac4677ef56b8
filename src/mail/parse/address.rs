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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

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
}
