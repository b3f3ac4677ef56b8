//! XML as far as mail programs use it to configure themselves: escaped text on its way out, and the
//! text of a few elements on its way in.
//!
//! It is no parser of XML. It finds the first element of a name and gives its text. A document
//! with a type declaration is refused, so no entity is ever expanded but the five of XML 1.0
//! section 4.6 and characters by number. The rule: **each octet is looked at once, and no text is
//! longer than its bound.**

use memchr::{memchr, memmem};

/// Why a document was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum XmlFault {
    /// It is not UTF-8, has a type declaration, or an element or a comment without an end.
    Malformed,
    /// It has more tags than are looked at, or a text that is too long.
    TooLarge,
}

/// The text of the first element of each of these names, without its prefix and in the order of the
/// names; `None` where there is none, or where the element has elements in it.
///
/// # Errors
/// The document is malformed or too large.
pub fn first_texts<const N: usize>(
    octets: &[u8],
    names: [&str; N],
) -> Result<[Option<String>; N], XmlFault> {
    let text = core::str::from_utf8(octets).map_err(|_| XmlFault::Malformed)?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = [const { None }; N];
    // The element that has just begun, if its text is wanted.
    let mut open: Option<usize> = None;
    let mut tags = 0;
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        tags += 1;
        if tags > TAGS_MAX {
            return Err(XmlFault::TooLarge);
        }
        let (before, markup) = rest.split_at(at);
        if let Some(comment) = markup.strip_prefix("<!--") {
            rest = after(comment, "-->")?;
            open = None;
        } else if let Some(instruction) = markup.strip_prefix("<?") {
            rest = after(instruction, "?>")?;
            open = None;
        } else if markup.starts_with("<!") {
            return Err(XmlFault::Malformed);
        } else if let Some(end) = markup.strip_prefix("</") {
            rest = after(end, ">")?;
            if let Some(slot) = open.take().and_then(|at| found.get_mut(at)) {
                *slot = Some(unescape(before.trim())?);
            }
        } else {
            let tag = markup.strip_prefix('<').unwrap_or(markup);
            let end = tag_end(tag).ok_or(XmlFault::Malformed)?;
            let (inside, behind) = tag.split_at(end);
            rest = behind.strip_prefix('>').unwrap_or(behind);
            let name = inside
                .split(|c: char| c.is_ascii_whitespace() || c == '/')
                .next()
                .unwrap_or_default();
            let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
            let wanted = names.iter().position(|wanted| *wanted == local);
            open = wanted.filter(|at| {
                let is_new = found.get(*at).is_some_and(Option::is_none);
                is_new && !inside.ends_with('/')
            });
        }
    }
    Ok(found)
}

/// What follows `end`.
fn after<'t>(text: &'t str, end: &str) -> Result<&'t str, XmlFault> {
    let at = memmem::find(text.as_bytes(), end.as_bytes()).ok_or(XmlFault::Malformed)?;
    Ok(text.get(at + end.len()..).unwrap_or_default())
}

/// Where a tag ends: a `>` inside of quotes does not end it.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> Result<String, XmlFault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(XmlFault::TooLarge);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, reference)) = rest.split_once('&') {
        out.push_str(plain);
        let (name, behind) = reference.split_once(';').ok_or(XmlFault::Malformed)?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => by_number(name).ok_or(XmlFault::Malformed)?,
        });
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// The character of `#65` or `#x41`.
fn by_number(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
}

/// Writes a text into a document or into a quoted attribute. What XML 1.0 section 2.2 does not
/// allow as a character is left out.
pub fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

/// Writes `<name>text</name>`.
pub fn element(out: &mut String, name: &str, text: &str) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
    escape(out, text);
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

/// Tags, comments and instructions of one document: a request of Outlook has eight.
const TAGS_MAX: usize = 200;

/// Octets of the text of one element: an address has at most 254 (RFC 5321 section 4.5.3.1.3).
const TEXT_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<[Option<String>; 2], XmlFault> {
        first_texts(text.as_bytes(), ["EMailAddress", "Schema"])
    }

    #[test]
    fn texts_are_found() {
        for (text, address) in [
            ("<EMailAddress>a@b</EMailAddress>", Some("a@b")),
            (
                "\u{feff}<?xml version=\"1.0\"?><x:EMailAddress a='>'>\n a@b \n</x:EMailAddress>",
                Some("a@b"),
            ),
            (
                "<R><EMailAddress/><EMailAddress>c</EMailAddress></R>",
                Some("c"),
            ),
            (
                "<EMailAddress>a</EMailAddress><EMailAddress>b</EMailAddress>",
                Some("a"),
            ),
            (
                "<EMailAddress>&lt;&amp;&#65;&#x42;&apos;</EMailAddress>",
                Some("<&AB'"),
            ),
            ("<EMailAddress><b>a</b></EMailAddress>", None),
            ("<!-- <EMailAddress>a</EMailAddress> --><x></x>", None),
            ("<emailaddress>a</emailaddress>", None),
            ("", None),
            ("no document", None),
        ] {
            assert_eq!(read(text).unwrap()[0].as_deref(), address, "{text}");
        }
        let both = read("<R><Schema>s</Schema><EMailAddress>a</EMailAddress></R>").unwrap();
        assert_eq!(both, [Some("a".to_owned()), Some("s".to_owned())]);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for (text, fault) in [
            (
                "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(),
                XmlFault::Malformed,
            ),
            (
                "<EMailAddress>&b;</EMailAddress>".to_owned(),
                XmlFault::Malformed,
            ),
            (
                "<EMailAddress>&#xd800;</EMailAddress>".to_owned(),
                XmlFault::Malformed,
            ),
            (
                "<EMailAddress>&#+65;</EMailAddress>".to_owned(),
                XmlFault::Malformed,
            ),
            (
                "<EMailAddress>a&b</EMailAddress>".to_owned(),
                XmlFault::Malformed,
            ),
            ("<![CDATA[a]]>".to_owned(), XmlFault::Malformed),
            ("<!-- no end".to_owned(), XmlFault::Malformed),
            ("<a b=\">".to_owned(), XmlFault::Malformed),
            ("<a>".repeat(201), XmlFault::TooLarge),
            (
                format!("<EMailAddress>{}</EMailAddress>", "a".repeat(1025)),
                XmlFault::TooLarge,
            ),
        ] {
            assert_eq!(read(&text), Err(fault), "{text}");
        }
        assert_eq!(first_texts(b"<a>\xff</a>", ["a"]), Err(XmlFault::Malformed));
    }

    #[test]
    fn texts_cannot_leave_their_element() {
        let mut out = String::new();
        element(&mut out, "a", "</a><b x=\"'&\u{1}\r\n\u{ffff}ü");
        assert_eq!(out, "<a>&lt;/a&gt;&lt;b x=&quot;&apos;&amp;  ü</a>");
        let back = first_texts(out.as_bytes(), ["a"]).unwrap();
        assert_eq!(back[0].as_deref(), Some("</a><b x=\"'&  ü"));
    }
}
