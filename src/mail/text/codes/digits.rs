//! Digits, letters, spaces and hyphens of other scripts in the form in which a code is typed.
//!
//! It is no transliteration: words stay as they are. Only characters that can stand in a code or
//! between its groups become ASCII.

use std::borrow::Cow;

use crate::mail::unicode;

/// The text with every digit in ASCII, so that `４８２９` and `٤٨٢٩` are `4829`. Text without such
/// characters is not copied.
pub(super) fn with_ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let (mut copied, mut has_marks) = (0, false);
    let mut next = 0;
    while let Some(at) = next_beyond_ascii(text.as_bytes(), next) {
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else {
            break;
        };
        next = at + c.len_utf8();
        has_marks |= ('\u{300}'..='\u{36F}').contains(&c);
        if let Some(plain) = in_ascii(c) {
            out.push_str(text.get(copied..at).unwrap_or(""));
            out.push(plain);
            copied = at + c.len_utf8();
        }
    }
    let text = if copied == 0 {
        Cow::Borrowed(text)
    } else {
        out.push_str(text.get(copied..).unwrap_or(""));
        Cow::Owned(out)
    };
    if !has_marks {
        return text;
    }
    // Words of the tables are composed.
    Cow::Owned(unicode::nfc(&text).into_owned())
}

/// The first octet at or behind `from` that is not ASCII. Whole blocks are passed over.
fn next_beyond_ascii(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(from..)?;
        let block = rest.get(..BLOCK).unwrap_or(rest);
        if block.is_empty() {
            return None;
        }
        if !block.is_ascii() {
            return block.iter().position(|b| !b.is_ascii()).map(|at| from + at);
        }
        from += block.len();
    }
}

/// Octets that are tested at once.
const BLOCK: usize = 64;

/// Whether a character of another script is a digit or a hyphen here.
pub(super) fn in_ascii(c: char) -> Option<char> {
    let digit = |zero: u32| char::from_digit((u32::from(c) - zero) % 10, 10);
    match c {
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6F0}'..='\u{6F9}' => digit(0x6F0),
        '\u{7C0}'..='\u{7C9}' => digit(0x7C0),
        '\u{966}'..='\u{96F}' => digit(0x966),
        '\u{9E6}'..='\u{9EF}' => digit(0x9E6),
        '\u{A66}'..='\u{A6F}' => digit(0xA66),
        '\u{AE6}'..='\u{AEF}' => digit(0xAE6),
        '\u{B66}'..='\u{B6F}' => digit(0xB66),
        '\u{BE6}'..='\u{BEF}' => digit(0xBE6),
        '\u{C66}'..='\u{C6F}' => digit(0xC66),
        '\u{CE6}'..='\u{CEF}' => digit(0xCE6),
        '\u{D66}'..='\u{D6F}' => digit(0xD66),
        '\u{E50}'..='\u{E59}' => digit(0xE50),
        '\u{ED0}'..='\u{ED9}' => digit(0xED0),
        '\u{F20}'..='\u{F29}' => digit(0xF20),
        '\u{1040}'..='\u{1049}' => digit(0x1040),
        '\u{17E0}'..='\u{17E9}' => digit(0x17E0),
        '\u{1D7CE}'..='\u{1D7FF}' => digit(0x1D7CE),
        // Full width, as Chinese and Japanese text has it.
        '\u{FF10}'..='\u{FF1A}'
        | '\u{FF21}'..='\u{FF3A}'
        | '\u{FF41}'..='\u{FF5A}'
        | '\u{FF03}'
        | '\u{FF0B}'
        | '\u{FF0D}' => char::from_u32(u32::from(c) - 0xFEE0),
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Some(' '),
        '\u{2010}'..='\u{2013}' | '\u{2212}' => Some('-'),
        _ => None,
    }
}

/// Whether the text has a digit or a hyphen of any script. It is wrong in one direction only: some
/// letters count too. Without an early exit the compiler tests many octets at a time.
pub(super) fn may_have_digits(text: &str) -> bool {
    let (plain, other) = text.bytes().fold((false, false), |(plain, other), b| {
        (
            plain | b.is_ascii_digit() | (b == b'-'),
            other | (b >= 0x80),
        )
    });
    plain || (other && text.chars().any(|c| !c.is_ascii() && in_ascii(c).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_become_ascii() {
        for (text, plain) in [
            ("４８２９", "4829"),
            ("٤٨٢٩١٣", "482913"),
            ("۴۸۲۹", "4829"),
            ("४८२९", "4829"),
            ("๔๘๒๙", "4829"),
            ("Ａ１：", "A1:"),
            ("123\u{a0}456", "123 456"),
            ("123\u{2011}456", "123-456"),
            ("e\u{301}1", "é1"),
            ("код 1", "код 1"),
        ] {
            assert_eq!(with_ascii_digits(text), plain);
            assert!(may_have_digits(text), "{text}");
        }
        assert!(!may_have_digits("кодを") && !may_have_digits("code"));
        assert!(matches!(with_ascii_digits("код 1"), Cow::Borrowed(_)));
    }
}
