//! Unicode as far as mail needs it: folding for comparison, invisible characters, clean lines and
//! names.
//!
//! Folding is upper case, then lower case, then NFC. It makes `Straße`, `STRASSE` and `ſtrasse`
//! equal, as full case folding does, and needs only the tables of the standard library and of
//! `idna`.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Text folded for a comparison without regard to case and composition. It is at most four times as
/// long.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // Scripts without case, and Cyrillic in lower case: most of all text that is not Latin,
            // without the tables.
            'а'..='я' | '\u{2E80}'..='\u{A63F}' | '\u{AC00}'..='\u{D7A3}' => folded.push(c),
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    match nfc(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// Text in lower case by the rules of Unicode, character by character, for a comparison that keeps
/// composition. A final sigma is an ordinary one, as no letter knows what stands behind it.
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if c.is_ascii() => lower.push(c.to_ascii_lowercase()),
            'ς' => lower.push('σ'),
            'а'..='я' | '\u{2E80}'..='\u{A63F}' | '\u{AC00}'..='\u{D7A3}' => lower.push(c),
            c => lower.extend(c.to_lowercase()),
        }
    }
    lower
}

/// The text in Normalization Form C.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// Whether a character takes no space on a screen, so that it can carry text that a person does not
/// see: zero-width characters, bidirectional controls, invisible operators, variation selectors of
/// the supplement, tag characters.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether an invisible character is no sign of hidden content. Spaces without width, joiners,
/// direction marks and fillers are common in ordinary text and in what pads a preheader; only tag
/// characters and the supplement of variation selectors spell out a text.
pub fn is_harmless(c: char) -> bool {
    is_invisible(c) && !matches!(c, '\u{E0000}'..='\u{E0FFF}')
}

/// What text for a reader does with a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Leave it out: a control, a soft hyphen, a joiner with nothing to join.
    Drop,
    /// Leave it out and report hidden content.
    Hide,
    /// Show it.
    Keep,
}

/// How `c` after `before` is treated. Joiners and direction marks belong to many scripts and stay
/// inside them; line feeds and tabs stay.
pub fn visibility(before: Option<char>, c: char) -> Visibility {
    match c {
        ' '..='~' | '\n' | '\t' => Visibility::Keep,
        '\u{200C}'..='\u{200F}'
            if before.is_some_and(|b| !b.is_ascii() && !is_invisible(b) && !b.is_whitespace()) =>
        {
            Visibility::Keep
        }
        // Ideographs of Japanese names have variants.
        '\u{E0100}'..='\u{E01EF}'
            if before.is_some_and(
                |b| matches!(b, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}'),
            ) =>
        {
            Visibility::Keep
        }
        '\u{E0061}'..='\u{E007F}' if before.is_some_and(|b| is_in_flag(b, c)) => Visibility::Keep,
        c if is_harmless(c) || c.is_control() => Visibility::Drop,
        c if is_invisible(c) => Visibility::Hide,
        _ => Visibility::Keep,
    }
}

/// Whether a tag character follows another in the flag of England, Scotland or Wales.
fn is_in_flag(before: char, c: char) -> bool {
    let ascii = |c: char| match c {
        '\u{1F3F4}' => '!',
        '\u{E007F}' => '.',
        c => char::from_u32(u32::from(c).wrapping_sub(0xE_0000)).unwrap_or(' '),
    };
    let pair = [ascii(before), ascii(c)];
    ["!gbeng.", "!gbsct.", "!gbwls."].iter().any(|flag| {
        flag.chars()
            .zip(flag.chars().skip(1))
            .any(|(a, b)| [a, b] == pair)
    })
}

/// One line of clean text: controls and invisible characters dropped, runs of white space made one
/// space, at most `chars_max` characters.
pub fn one_line(text: &str, chars_max: usize) -> String {
    if text.len() <= chars_max && is_clean_line(text.as_bytes()) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len().min(chars_max.saturating_mul(2)));
    let mut n = 0;
    let mut gap = false;
    for c in text.chars() {
        if !c.is_ascii_graphic() {
            if c.is_whitespace() {
                gap = n > 0;
                continue;
            }
            if c.is_control() || (is_invisible(c) && c != '\u{200D}') {
                continue;
            }
        }
        if n + usize::from(gap) >= chars_max {
            break;
        }
        if gap {
            line.push(' ');
            n += 1;
            gap = false;
        }
        line.push(c);
        n += 1;
    }
    line
}

/// Whether a text is a clean line already: visible ASCII with single spaces between. The compiler
/// tests many octets at a time.
fn is_clean_line(text: &[u8]) -> bool {
    let is_visible = text
        .iter()
        .fold(true, |all, b| all & (b' '..=b'~').contains(b));
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    let has_gap = pairs.fold(false, |has, (a, b)| has | (*a == b' ' && *b == b' '));
    is_visible && !has_gap && text.first() != Some(&b' ') && text.last() != Some(&b' ')
}

/// The longest prefix of at most `bytes_max` octets that ends between two characters.
pub fn prefix(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// The longest suffix of at most `bytes_max` octets that begins between two characters.
pub fn suffix(text: &str, bytes_max: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or("")
}

/// A file name without folders, controls and invisible characters, of at most 255 octets.
pub fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or("");
    let clean: String = last
        .chars()
        .filter(|&c| !c.is_control() && !is_invisible(c))
        .collect();
    let clean = clean.trim();
    let clean = if clean.chars().all(|c| c == '.') {
        ""
    } else {
        clean
    };
    prefix(clean, FILE_NAME_MAX).to_owned()
}

/// The longest name that common file systems take.
const FILE_NAME_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_makes_equal_what_differs_in_case_only() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("e\u{301}cole", "ÉCOLE"),
            ("abc", "ABC"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("a"), fold("ä"));
    }

    #[test]
    fn the_short_way_is_the_long_one() {
        let ranges = ['а'..='я', '\u{2E80}'..='\u{A63F}', '\u{AC00}'..='\u{D7A3}'];
        for c in ranges.into_iter().flatten() {
            assert!(
                c.to_uppercase().flat_map(char::to_lowercase).eq([c]),
                "{c:?}"
            );
        }
    }

    #[test]
    fn lines_are_clean_and_short() {
        assert_eq!(one_line(" a\r\n\tb\u{200b}\u{e0041}c\0 ", 10), "a bc");
        for text in [
            "", "a", "a b", " a", "a ", "a  b", "a\tb", "\u{e9} a", "~ !",
        ] {
            let long = format!("{text}{}", "x".repeat(20));
            assert_eq!(
                one_line(text, 20),
                one_line(&long, 1_000)
                    .replace(&"x".repeat(20), "")
                    .trim_end(),
                "{text:?}"
            );
        }
        assert_eq!(one_line("aaaa bbbb", 5), "aaaa");
        assert_eq!(one_line("aaaa bbbb", 6), "aaaa b");
        assert_eq!(prefix("aé", 2), "a");
    }
}
