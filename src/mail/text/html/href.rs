//! The address of a link as a browser reads it from its attribute.
//!
//! White space around it and line ends and tabs within are removed (WHATWG URL, section 4.4).
//! Characters that would end an address in a text are written in percent form.

use super::URL_MAX;

/// The address of a link that leads to the web or to an address of mail.
pub fn address(href: &[u8]) -> Option<String> {
    let href = href.get(..HREF_MAX).unwrap_or(href);
    let href = String::from_utf8_lossy(href);
    let href = href.trim_matches(|c: char| c <= ' ');
    let is = |scheme: &str| {
        href.as_bytes()
            .iter()
            .filter(|b| !matches!(b, b'\t' | b'\r' | b'\n'))
            .take(scheme.len())
            .map(u8::to_ascii_lowercase)
            .eq(scheme.bytes())
    };
    if !is("http://") && !is("https://") && !is("mailto:") {
        return None;
    }
    let mut url = String::with_capacity(href.len());
    for c in href.chars() {
        match c {
            '\t' | '\r' | '\n' => {}
            c if c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"') => {
                let mut octets = [0; 4];
                for b in c.encode_utf8(&mut octets).bytes() {
                    url.push('%');
                    url.push(hex(b >> 4));
                    url.push(hex(b & 15));
                }
            }
            c => url.push(c),
        }
    }
    let has_host = url.find("://").is_none_or(|at| url.len() > at + 3);
    if let Some(rest) = url.get(7..).filter(|_| is("mailto:")) {
        url = format!("mailto:{rest}");
    }
    (has_host && url.len() <= URL_MAX).then_some(url)
}

fn hex(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

/// Octets of an attribute that are looked at; an address with line ends is longer than itself.
const HREF_MAX: usize = URL_MAX + 512;
