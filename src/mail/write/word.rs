//! Encoded words of header fields, written (RFC 2047). The inverse is `parse::word`.

use super::encode::upper_hex;

/// Text for an unstructured or phrase value: unchanged if it is plain ASCII, else encoded words of
/// at most 75 characters with single spaces between them, ready for [`super::field::fold`].
pub fn encode(text: &str) -> String {
    let long = text.split(' ').any(|run| run.len() > PLAIN_RUN_MAX);
    let outer_space = text.starts_with(' ') || text.ends_with(' ');
    if text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && !text.contains("=?")
        && !long
        && !outer_space
    {
        return text.to_owned();
    }
    encode_always(text)
}

/// As [`encode`], but in encoded words even if the text is plain.
pub(crate) fn encode_always(text: &str) -> String {
    let plain = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let quoted = plain * 2 > text.len();
    let mut out = String::with_capacity(text.len() * 2 + 16);
    let mut word = String::new();
    let mut octets: Vec<u8> = Vec::new();
    let mut buffer = [0_u8; 4];
    for c in text.chars() {
        let utf8 = c.encode_utf8(&mut buffer).as_bytes();
        if quoted {
            let cost: usize = utf8
                .iter()
                .map(|&b| if is_q_plain(b) || b == b' ' { 1 } else { 3 })
                .sum();
            if word.len() + cost > WORD_TEXT_MAX {
                push_word(&mut out, 'q', &word);
                word.clear();
            }
            for &b in utf8 {
                push_q(&mut word, b);
            }
        } else {
            if octets.len() + utf8.len() > WORD_TEXT_MAX / 4 * 3 {
                push_word(&mut out, 'b', &data_encoding::BASE64.encode(&octets));
                octets.clear();
            }
            octets.extend_from_slice(utf8);
        }
    }
    if quoted && !word.is_empty() {
        push_word(&mut out, 'q', &word);
    }
    if !quoted && !octets.is_empty() {
        push_word(&mut out, 'b', &data_encoding::BASE64.encode(&octets));
    }
    out
}

/// Whether an octet needs no escape in a phrase (RFC 2047 section 5 rule 3), the strictest of the
/// three places.
fn is_q_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'!' | b'*' | b'+' | b'-' | b'/')
}

fn push_q(word: &mut String, b: u8) {
    match b {
        b' ' => word.push('_'),
        b if is_q_plain(b) => word.push(char::from(b)),
        b => {
            word.push('=');
            word.push(upper_hex(b >> 4));
            word.push(upper_hex(b));
        }
    }
}

fn push_word(out: &mut String, encoding: char, text: &str) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str("=?utf-8?");
    out.push(encoding);
    out.push('?');
    out.push_str(text);
    out.push_str("?=");
}

/// A word has at most 75 characters and its line 76 (RFC 2047 section 2). Twelve are
/// `=?utf-8?q??=`, the name of the field takes some, and 48 is a multiple of four.
const WORD_TEXT_MAX: usize = 48;
/// A run without a space cannot be folded; a longer one is encoded, so that lines stay below 998
/// octets.
const PLAIN_RUN_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parse::word::decode;

    #[test]
    fn what_is_encoded_comes_back() {
        for text in [
            "plain",
            "Jörg",
            "日本語のとても長い件名です。日本語のとても長い件名です。",
            " outer ",
            "=?utf-8?q?x?=",
            "emoji 😀 and more 👩‍👩‍👧 text that is long enough to need a second word in the header field",
        ] {
            let encoded = encode(text);
            assert!(
                encoded.split(' ').all(|w| w.len() <= 75) || encoded == text,
                "{encoded}"
            );
            assert!(encoded.is_ascii());
            assert_eq!(decode(encoded.as_bytes()), text.trim(), "{encoded}");
        }
        let long = "x".repeat(5_000);
        assert!(encode(&long).split(' ').all(|w| w.len() <= 75));
        assert_eq!(decode(encode(&long).as_bytes()), long);
    }
}
