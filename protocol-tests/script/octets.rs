//! Octets as a transcript writes them.

use super::Fault;

/// The octets of a text: `\r \n \t \0 \\ \xNN` stand for one each.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b != b'\\' {
            bytes.push(b);
            continue;
        }
        match rest.next() {
            Some(b'r') => bytes.push(b'\r'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'0') => bytes.push(0),
            Some(b'x') => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                let hex = std::str::from_utf8(&hex).map_err(|e| e.to_string())?;
                bytes.push(u8::from_str_radix(hex, 16).map_err(|e| e.to_string())?);
            }
            // A backslash before anything else is itself: `\Seen` needs no escape.
            Some(b'\\') => bytes.push(b'\\'),
            Some(other) => bytes.extend([b'\\', other]),
            None => bytes.push(b'\\'),
        }
    }
    Ok(bytes)
}

/// What is not printable is shown as it would be written in a transcript.
pub(super) fn escape(line: &[u8]) -> String {
    let mut text = String::new();
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push('\t'),
                c if (c as u32) < 32 || c == '\u{7f}' => text += &format!("\\x{:02x}", c as u32),
                c => text.push(c),
            }
        }
        for b in chunk.invalid() {
            text += &format!("\\x{b:02x}");
        }
    }
    text
}

/// A part of a text with variables.
pub(super) enum Token<'a> {
    Text(&'a str),
    Var(&'a str),
}

/// `$name` and `$name(..)` are variables where the name begins with a small letter.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(at) = rest[from..].find('$') {
        let at = from + at;
        let name = &rest[at + 1..];
        let mut end = name
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
            .unwrap_or(name.len());
        if end == 0 || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            from = at + 1;
            continue;
        }
        if name[end..].starts_with('(') {
            end = name.find(')').map_or(name.len(), |i| i + 1);
        }
        if at > 0 {
            found.push(Token::Text(&rest[..at]));
        }
        found.push(Token::Var(&name[..end]));
        rest = &name[end..];
        from = 0;
    }
    if !rest.is_empty() {
        found.push(Token::Text(rest));
    }
    found
}
