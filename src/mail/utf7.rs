//! Modified UTF-7, in which IMAP4rev1 writes mailbox names (RFC 3501 section 5.1.3).
//!
//! Reading is strict: a name has one spelling. A second spelling is refused, so that two names on
//! the wire never mean one mailbox.

/// The text of a name; `None` if the name is not in canonical modified UTF-7.
pub fn utf7_decode(name: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        match b {
            b'&' => {
                let end = memchr::memchr(b'-', rest)?;
                let (shifted, after) = (rest.get(..end)?, rest.get(end + 1..)?);
                rest = after;
                if shifted.is_empty() {
                    text.push('&');
                } else {
                    decode_shifted(shifted, &mut text)?;
                }
            }
            b' '..=b'~' => text.push(char::from(b)),
            _ => return None,
        }
    }
    // The canonical spelling is the one that we write.
    (utf7_encode(&text).as_bytes() == name).then_some(text)
}

/// The name of a text.
pub fn utf7_encode(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 8);
    let mut octets: Vec<u8> = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut octets, &mut name);
            name.push(c);
            if c == '&' {
                name.push('-');
            }
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                octets.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut octets, &mut name);
    name
}

fn flush(octets: &mut Vec<u8>, name: &mut String) {
    if octets.is_empty() {
        return;
    }
    name.push('&');
    for c in data_encoding::BASE64_NOPAD.encode(octets).chars() {
        name.push(if c == '/' { ',' } else { c });
    }
    name.push('-');
    octets.clear();
}

fn decode_shifted(shifted: &[u8], text: &mut String) -> Option<()> {
    let base64: Vec<u8> = shifted
        .iter()
        .map(|&b| match b {
            b',' => b'/',
            b'/' => b'\0',
            b => b,
        })
        .collect();
    let octets = data_encoding::BASE64_NOPAD.decode(&base64).ok()?;
    let (pairs, odd) = octets.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    for c in char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))) {
        text.push(c.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for (name, text) in [
            ("INBOX", "INBOX"),
            ("a&-b", "a&b"),
            ("Entw&APw-rfe", "Entwürfe"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("&2D3eAA-", "😀"),
            ("&AAA-", "\0"),
            ("", ""),
        ] {
            assert_eq!(
                utf7_decode(name.as_bytes()).as_deref(),
                Some(text),
                "{name}"
            );
            assert_eq!(utf7_encode(text), name);
        }
        for name in [
            "&",
            "a&b",
            "&&-",
            "&AGEAYgBj-",
            "&Jjo!",
            "&U,BTFw-&ZeVnLIqe-",
            "&2D0-",
            "&3gDYPQ-",
            "&AP-",
            "&APx-",
            "&APw=-",
            "&U/BTFw-",
            "Entwürfe",
            "a\0",
            "a\r\n",
            "\u{7f}",
            "&APw",
            "&A-",
            "& -",
        ] {
            assert_eq!(utf7_decode(name.as_bytes()), None, "{name}");
        }
    }
}
