//! Macros of SPF (RFC 7208 section 7): texts with values of the check in them.

use core::net::IpAddr;
use std::borrow::Cow;

/// A text with macros, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MacroText(Vec<MacroPart>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum MacroPart {
    Literal(String),
    Macro(Macro),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Macro {
    letter: u8,
    is_escaped: bool,
    /// Parts to keep from the right; 0 is all.
    keep: usize,
    is_reversed: bool,
    delimiters: Vec<u8>,
}

/// The values of the macros.
#[derive(Clone, Copy, Debug)]
pub(super) struct MacroValues<'a> {
    pub local: &'a str,
    pub sender_domain: &'a str,
    /// The domain whose record is read.
    pub domain: &'a str,
    pub address: IpAddr,
    pub helo: &'a str,
    /// The name of the address that was confirmed; see [`MacroText::needs_name`].
    pub name: &'a str,
}

impl MacroText {
    /// A `macro-string`; `None` when it is none.
    pub fn text(text: &str) -> Option<MacroText> {
        let mut parts: Vec<MacroPart> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            if first != b'%' {
                let end = rest.find('%').unwrap_or(rest.len());
                let (plain, after) = rest.split_at(end);
                if !plain.bytes().all(|b| b.is_ascii_graphic()) {
                    return None;
                }
                literal.push_str(plain);
                rest = after;
                continue;
            }
            match rest.as_bytes().get(1)? {
                b'%' => literal.push('%'),
                b'_' => literal.push(' '),
                b'-' => literal.push_str("%20"),
                b'{' => {
                    let (inner, after) = rest.get(2..)?.split_once('}')?;
                    if !literal.is_empty() {
                        parts.push(MacroPart::Literal(core::mem::take(&mut literal)));
                    }
                    parts.push(MacroPart::Macro(Macro::parse(inner)?));
                    rest = after;
                    continue;
                }
                _ => return None,
            }
            rest = rest.get(2..)?;
        }
        if !literal.is_empty() {
            parts.push(MacroPart::Literal(literal));
        }
        Some(MacroText(parts))
    }

    /// A `domain-spec`: it ends in a macro or in a top label.
    pub fn domain(text: &str) -> Option<MacroText> {
        let found = MacroText::text(text)?;
        let is_macro = text.ends_with('}') && matches!(found.0.last(), Some(MacroPart::Macro(_)))
            || ["%%", "%_", "%-"].iter().any(|end| text.ends_with(end));
        if !is_macro {
            let bare = text.strip_suffix('.').unwrap_or(text);
            let label = bare.rsplit_once('.')?.1.as_bytes();
            let is_label = label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
                && !label.iter().all(u8::is_ascii_digit)
                && !label.starts_with(b"-")
                && !label.ends_with(b"-");
            if !is_label {
                return None;
            }
        }
        Some(found)
    }

    /// Whether it has the macro `p`, whose value takes questions.
    pub fn needs_name(&self) -> bool {
        let is_name =
            |part: &MacroPart| matches!(part, MacroPart::Macro(found) if found.letter == b'p');
        self.0.iter().any(is_name)
    }

    /// The domain name that it stands for. Labels are taken off a long one from the left (RFC 7208
    /// section 7.3).
    pub fn expand(&self, values: &MacroValues<'_>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                MacroPart::Literal(text) => out.push_str(text),
                MacroPart::Macro(found) => found.expand(values, &mut out),
            }
            // Only the end counts.
            let surplus = out.len().saturating_sub(EXPANDED_MAX);
            if surplus > 0 {
                let cut = (surplus..=out.len()).find(|at| out.is_char_boundary(*at));
                out.drain(..cut.unwrap_or(out.len()));
            }
        }
        let bare = out.strip_suffix('.').unwrap_or(&out);
        let mut name = bare;
        while name.len() > NAME_MAX {
            match name.split_once('.') {
                Some((_, rest)) => name = rest,
                None => break,
            }
        }
        name.to_owned()
    }
}

impl Macro {
    fn parse(inner: &str) -> Option<Macro> {
        let (&letter, rest) = inner.as_bytes().split_first()?;
        let lower = letter.to_ascii_lowercase();
        // The letters c, r and t have a meaning in explanations only, which are not fetched.
        if !b"slodiphv".contains(&lower) {
            return None;
        }
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = rest.split_at(digits);
        let keep = match number {
            [] => 0,
            _ => {
                let add = |sum: usize, digit: &u8| {
                    sum.saturating_mul(10)
                        .saturating_add(usize::from(digit.saturating_sub(b'0')))
                };
                let keep = number.iter().fold(0usize, add);
                (keep > 0).then_some(keep)?
            }
        };
        let is_reversed = matches!(rest.first(), Some(b'r' | b'R'));
        let delimiters = rest.get(usize::from(is_reversed)..)?;
        if !delimiters.iter().all(|b| b".-+,/_=".contains(b)) {
            return None;
        }
        Some(Macro {
            letter: lower,
            is_escaped: letter.is_ascii_uppercase(),
            keep,
            is_reversed,
            delimiters: match delimiters {
                [] => vec![b'.'],
                _ => delimiters.to_vec(),
            },
        })
    }

    fn expand(&self, values: &MacroValues<'_>, out: &mut String) {
        let value: Cow<'_, str> = match self.letter {
            b's' => format!("{}@{}", values.local, values.sender_domain).into(),
            b'l' => values.local.into(),
            b'o' => values.sender_domain.into(),
            b'd' => values.domain.into(),
            b'i' => address_text(values.address).into(),
            b'p' => values.name.into(),
            b'h' => values.helo.into(),
            _ => match values.address {
                IpAddr::V4(_) => "in-addr".into(),
                IpAddr::V6(_) => "ip6".into(),
            },
        };
        let is_delimiter = |c: char| u8::try_from(c).is_ok_and(|b| self.delimiters.contains(&b));
        let mut parts: Vec<&str> = value.split(is_delimiter).collect();
        if self.is_reversed {
            parts.reverse();
        }
        let from = match self.keep {
            0 => 0,
            keep => parts.len().saturating_sub(keep),
        };
        let joined = parts.get(from..).unwrap_or_default().join(".");
        if !self.is_escaped {
            out.push_str(&joined);
            return;
        }
        for byte in joined.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte));
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
    }
}

/// The address as the macro `i` has it: an IPv6 address as its 32 digits with dots.
fn address_text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let digits = v6
                .octets()
                .map(|octet| format!("{:x}.{:x}", octet >> 4, octet & 15));
            digits.join(".")
        }
    }
}

/// Octets of a name (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 253;
/// Octets of a text that are kept while it grows.
const EXPANDED_MAX: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn expand(text: &str, address: &str) -> String {
        MacroText::text(text).unwrap().expand(&MacroValues {
            local: "strong-bad",
            sender_domain: "email.example.com",
            domain: "email.example.com",
            address: address.parse().unwrap(),
            helo: "mx.example.com",
            name: "mx.example.org",
        })
    }

    /// RFC 7208 section 7.4.
    #[test]
    fn the_examples_of_the_rfc() {
        for (text, expected) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            (
                "%{ir}.%{v}._spf.%{d2}",
                "3.2.0.192.in-addr._spf.example.com",
            ),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{h}.%{p}", "mx.example.com.mx.example.org"),
            ("%{S}", "strong-bad%40email.example.com"),
            ("a%%b%_c%-d", "a%b c%20d"),
        ] {
            assert_eq!(expand(text, "192.0.2.3"), expected, "{text}");
        }
        assert_eq!(
            expand("%{ir}.%{v}", "2001:db8::cb01"),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6"
        );
        let long = expand(&"%{s}.".repeat(3_000), "192.0.2.3");
        assert!(long.len() <= NAME_MAX && long.ends_with(".example.com"));
    }
}
