//! The transfer encodings of mail that we write: base64, quoted-printable, percent encoding.
//!
//! It is the inverse of `parse::transfer` and `parse::param`. Every line is short enough for every
//! relay.

use crate::pace;

/// Appends base64 in lines of 76 characters, each with CRLF.
pub(crate) fn encode_base64(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len() / 57 * 78 + 80);
    for line in octets.chunks(LINE_OCTETS) {
        pace::spend(LINE_OCTETS * 2);
        let mut text = [0_u8; 76];
        let n = data_encoding::BASE64.encode_len(line.len());
        if let Some(text) = text.get_mut(..n) {
            data_encoding::BASE64.encode_mut(line, text);
            out.extend_from_slice(text);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends quoted-printable text in lines of at most 76 characters. CRLF stays a line break; a bare
/// CR or LF is escaped.
pub fn encode_quoted(text: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        let next = text.get(at + 1).copied();
        if b == b'\r' && next == Some(b'\n') {
            pace::spend(column * 4 + 4);
            out.extend_from_slice(b"\r\n");
            column = 0;
            at += 2;
            continue;
        }
        let line_ends = matches!(next, None | Some(b'\r'));
        let plain =
            matches!(b, b'!'..=b'<' | b'>'..=b'~') || (matches!(b, b' ' | b'\t') && !line_ends);
        let cost = if plain { 1 } else { 3 };
        if column + cost > QUOTED_LINE_MAX {
            pace::spend(QUOTED_LINE_MAX * 4);
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        // Some relays change a dot or "From " at the start of a line; escaped, both are safe.
        let risky = column == 0
            && (b == b'.'
                || (b == b'F' && text.get(at..).is_some_and(|t| t.starts_with(b"From "))));
        if plain && !risky {
            out.push(b);
            column += 1;
        } else {
            out.push(b'=');
            out.extend([upper_hex(b >> 4), upper_hex(b)].map(|c| c as u8));
            column += 3;
        }
        at += 1;
    }
}

/// Percent encoding of RFC 8187 and RFC 2231.
pub(crate) fn percent_encode(text: &str, out: &mut String) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(super::encode::upper_hex(b >> 4));
            out.push(super::encode::upper_hex(b));
        }
    }
}

/// The digit of the low four bits.
pub(crate) fn upper_hex(nibble: u8) -> char {
    char::from_digit(u32::from(nibble & 15), 16).map_or('0', |c| c.to_ascii_uppercase())
}

/// 57 octets make a line of 76 characters (RFC 2045 section 6.8).
const LINE_OCTETS: usize = 57;
/// 76 with the `=` of a soft break (RFC 2045 section 6.7 rule 5).
const QUOTED_LINE_MAX: usize = 75;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parse::transfer::{Encoding, decode};

    #[test]
    fn what_is_encoded_comes_back_in_short_lines() {
        let all: Vec<u8> = (0..=255_u8).cycle().take(2_000).collect();
        let umlauts = "ö".repeat(300);
        let texts: [&[u8]; 6] = [
            b"",
            b"a",
            b"trailing space \r\nFrom x\r\n.\r\n",
            b"\r\n\r\n",
            umlauts.as_bytes(),
            &all,
        ];
        for text in texts {
            let (mut base64, mut quoted) = (Vec::new(), Vec::new());
            encode_base64(text, &mut base64);
            encode_quoted(text, &mut quoted);
            assert_eq!(&*decode(Encoding::Base64, &base64), text);
            assert_eq!(&*decode(Encoding::QuotedPrintable, &quoted), text);
            for encoded in [base64, quoted] {
                assert!(encoded.is_ascii());
                assert!(encoded.split(|&b| b == b'\n').all(|line| line.len() <= 77
                    && line.trim_ascii() != b"."
                    && !line.starts_with(b"From ")));
            }
        }
    }
}
