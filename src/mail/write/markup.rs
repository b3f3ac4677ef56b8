//! What text becomes in HTML that we write, and which links may stand in it.
//!
//! It is no sanitizer of HTML. The rule: text is escaped, and a URL has one of the named schemes.

use pulldown_cmark::LinkType;

/// Where a link leads; `None` when it is none that a mail may have.
pub(super) fn link_target(link_type: LinkType, url: &str) -> Option<String> {
    let url = url.trim();
    match link_type {
        LinkType::Email if !url.contains(char::is_control) => Some(format!("mailto:{url}")),
        _ => has_scheme(url, &["http", "https", "mailto"]).then(|| url.to_owned()),
    }
}

/// Whether a URL has one of these schemes, and no octet by which a browser would read another.
pub(super) fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = url.trim().split_once(':') else {
        return false;
    };
    let is_known = schemes
        .iter()
        .any(|known| known.eq_ignore_ascii_case(scheme));
    is_known && !rest.is_empty() && !url.contains(char::is_control)
}

/// Whether a tag is a line break.
pub(super) fn is_break(tag: &str) -> bool {
    let inner = tag.trim_start_matches('<').trim_end_matches('>');
    (inner.trim_end_matches('/').trim()).eq_ignore_ascii_case("br")
}

/// Text as the content of an element or an attribute.
pub(super) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\0']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        out.push_str(match from.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            Some(b'\'') => "&#39;",
            _ => "\u{fffd}",
        });
        rest = from.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Cells of all tables: rows that are shorter than their header are filled up by the parser.
pub(super) const CELLS_MAX: usize = 100_000;
