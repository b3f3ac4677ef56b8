//! The charset that a page names itself: a byte order mark, or `meta` in its first kilobyte.
//!
//! It follows the prescan of the HTML standard (section 13.2.3.2) and knows no charset: it gives
//! the label, which `parse::charset` looks up as it does that of a header.

use crate::mail::parse::charset;

/// The label by which the octets of a text are read. That of the header counts if it is known,
/// then a byte order mark, then what a page says.
pub fn label_of<'a>(header: Option<&'a [u8]>, is_page: bool, octets: &'a [u8]) -> Option<&'a [u8]> {
    if !is_page || charset::named(header).is_some() {
        return header;
    }
    match octets {
        [0xef, 0xbb, 0xbf, ..] => return Some(b"utf-8"),
        [0xfe, 0xff, ..] => return Some(b"utf-16be"),
        [0xff, 0xfe, ..] => return Some(b"utf-16le"),
        _ => {}
    }
    let beginning = octets.get(..PRESCAN).unwrap_or(octets);
    let Some(label) = declared(beginning).or_else(|| in_meta(beginning)) else {
        return header;
    };
    // Octets in which a `meta` can be read are no UTF-16.
    let lower = label.get(..6).unwrap_or(b"");
    if lower.eq_ignore_ascii_case(b"utf-16") || lower.eq_ignore_ascii_case(b"utf-32") {
        return Some(b"utf-8");
    }
    charset::named(Some(label)).map_or(header, |_| Some(label))
}

/// `<?xml … encoding="…"?>`
fn declared(octets: &[u8]) -> Option<&[u8]> {
    let rest = octets.strip_prefix(b"<?xml")?;
    let rest = rest.get(..memchr::memchr(b'>', rest)?)?;
    let at = memchr::memmem::find(rest, b"encoding")? + b"encoding".len();
    value(rest.get(at..)?)
}

/// The charset of the first `meta` that has one.
fn in_meta(octets: &[u8]) -> Option<&[u8]> {
    let mut rest = octets;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at..)?;
        if rest.starts_with(b"<!--") {
            let end = memchr::memmem::find(rest.get(2..)?, b"-->")?;
            rest = rest.get(end + 5..)?;
            continue;
        }
        let is_meta = rest.get(1..5)?.eq_ignore_ascii_case(b"meta")
            && rest
                .get(5)
                .is_some_and(|b| b.is_ascii_whitespace() || *b == b'/');
        rest = rest.get(if is_meta { 5 } else { 1 }..)?;
        if !is_meta {
            continue;
        }
        let (label, len) = meta(rest);
        if label.is_some() {
            return label;
        }
        rest = rest.get(len..)?;
    }
    None
}

/// The charset in the attributes of one `meta`, and the octets of these.
fn meta(tag: &[u8]) -> (Option<&[u8]>, usize) {
    let (mut label, mut content, mut is_type) = (None, None, false);
    let mut at = 0;
    while let Some(rest) = tag.get(at..) {
        let space = rest
            .iter()
            .take_while(|b| b.is_ascii_whitespace() || **b == b'/')
            .count();
        let rest = rest.get(space..).unwrap_or(b"");
        at += space;
        let len = rest
            .iter()
            .position(|b| matches!(b, b'=' | b'>' | b'/') || b.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let name = rest.get(..len).unwrap_or(b"");
        at += len;
        let rest = rest.get(len..).unwrap_or(b"");
        let space = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let Some(text) = rest.get(space..).and_then(|rest| rest.strip_prefix(b"=")) else {
            if rest.is_empty() || rest.starts_with(b">") {
                break;
            }
            at += usize::from(len == 0);
            continue;
        };
        let text_start = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let quoted = text.get(text_start..).unwrap_or(b"");
        let end = match quoted.first() {
            Some(quote @ (b'"' | b'\'')) => {
                let inner = quoted.get(1..).unwrap_or(b"");
                memchr::memchr(*quote, inner).map_or(quoted.len(), |end| end + 2)
            }
            _ => quoted
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'>')
                .unwrap_or(quoted.len()),
        };
        let text = unquoted(quoted.get(..end).unwrap_or(b""));
        at += space + 1 + text_start + end;
        if name.eq_ignore_ascii_case(b"charset") {
            label = Some(text);
        } else if name.eq_ignore_ascii_case(b"content") {
            content = Some(text);
        } else if name.eq_ignore_ascii_case(b"http-equiv") {
            is_type = text.eq_ignore_ascii_case(b"content-type");
        }
    }
    let named = content.filter(|_| is_type).and_then(in_content);
    (label.or(named).filter(|label| !label.is_empty()), at)
}

/// The charset in `text/html; charset=…`.
fn in_content(content: &[u8]) -> Option<&[u8]> {
    let at = content
        .windows(b"charset".len())
        .position(|window| window.eq_ignore_ascii_case(b"charset"))?;
    value(content.get(at + b"charset".len()..)?)
}

/// The value behind an equals sign, up to a space or semicolon.
fn value(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    if let Some(quote @ (b'"' | b'\'')) = text.first() {
        let inner = text.get(1..)?;
        return inner.get(..memchr::memchr(*quote, inner)?);
    }
    let end = text
        .iter()
        .position(|b| b.is_ascii_whitespace() || matches!(b, b';' | b'?'))
        .unwrap_or(text.len());
    text.get(..end)
}

fn unquoted(text: &[u8]) -> &[u8] {
    let Some(quote @ (b'"' | b'\'')) = text.first() else {
        return text;
    };
    let inner = text.get(1..).unwrap_or(b"");
    inner.strip_suffix(&[*quote]).unwrap_or(inner).trim_ascii()
}

const PRESCAN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_their_charset() {
        for (page, label) in [
            (r#"<meta charset="windows-1251">"#, "windows-1251"),
            ("<META CHARSET=koi8-r />", "koi8-r"),
            (
                r#"<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">"#,
                "windows-1251",
            ),
            (
                "<meta content='text/html;charset=\"gb2312\"' http-equiv=content-type>",
                "gb2312",
            ),
            ("<meta name=x content='charset=koi8-r'>", ""),
            ("<!-- <meta charset=koi8-r> --><meta charset=big5>", "big5"),
            ("<!--> <meta charset=big5>", "big5"),
            ("<metax charset=big5>", ""),
            ("<meta charset=utf-16>", "utf-8"),
            ("<meta charset=no-such>", ""),
            ("<meta charset = 'koi8-r'", "koi8-r"),
            ("<?xml version='1.0' encoding='koi8-r'?><p>", "koi8-r"),
            ("\u{feff}<meta charset=big5>", "utf-8"),
            ("<meta name=viewport><meta charset=big5>", "big5"),
            ("<meta", ""),
            ("<meta =", ""),
            ("<meta charset=", ""),
            ("text", ""),
        ] {
            let found = label_of(None, true, page.as_bytes()).unwrap_or(b"");
            assert_eq!(String::from_utf8_lossy(found), label, "{page}");
            let header: Option<&[u8]> = Some(b"utf-8");
            assert_eq!(label_of(header, true, page.as_bytes()), header);
            assert_eq!(label_of(None, false, page.as_bytes()), None);
        }
        let late = format!("{}<meta charset=big5>", " ".repeat(1_024));
        assert_eq!(label_of(None, true, late.as_bytes()), None);
        let unknown: Option<&[u8]> = Some(b"x-unknown");
        assert_eq!(
            label_of(unknown, true, b"<meta charset=big5>"),
            Some(&b"big5"[..])
        );
    }
}
