//! Names of hosts in requests, as far as the text alone tells.

use super::{DNS_LABEL_MAX, DNS_NAME_MAX};

/// Whether a name without a final dot has the length and the labels of one (RFC 1123 section 2.1):
/// letters, digits, hyphens that are not at an end, and what `is_extra` allows too.
pub fn is_host_name(name: &str, is_extra: fn(u8) -> bool) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || is_extra(b);
        (1..=DNS_LABEL_MAX).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= DNS_NAME_MAX && name.split('.').all(is_label)
}

/// Whether the last label is a number, decimal or with `0x`: some programs read such a name as an
/// address (the WHATWG URL standard, "ends in a number").
pub fn ends_in_number(name: &str) -> bool {
    let last = last_label(name);
    let is_decimal = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    let digits = last.strip_prefix("0x");
    is_decimal || digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a name in lower case is never public: it has one label, or such a top.
pub fn is_private_name(name: &str) -> bool {
    !name.contains('.') || PRIVATE_TOPS.contains(&last_label(name))
}

fn last_label(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// Tops of names that are never public (RFC 6761, RFC 6762, RFC 8375, RFC 7686, and what ICANN
/// keeps for private use).
const PRIVATE_TOPS: [&str; 7] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "arpa",
    "onion",
];
