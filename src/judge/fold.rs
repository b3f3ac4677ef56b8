//! Text as it is compared: without case, accents, invisible characters and disguise.
//!
//! One pass. White space becomes one space, so that a phrase is found across lines; marks of
//! quotations at the beginning of a line are left out. Letters of other alphabets that look like
//! Latin ones become these within a word that also has Latin letters, and so do digits within a
//! word. The result is only for finding words, and never shown.

use crate::mail::unicode::is_invisible;
use crate::pace;

/// A folded text.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// Lower case, single spaces; a line end is a space.
    pub text: String,
    /// Where sentences begin in it, in order; the first is 0.
    pub sentences: Vec<u32>,
    /// Where in the original text pieces of the folded one begin: octets of the folded text and
    /// characters of the original.
    marks: Vec<(u32, u32)>,
    /// Letters that were written as others that look like them.
    pub disguised: usize,
    /// Characters of the original text.
    characters: u32,
}

impl Folded {
    /// Folds a text.
    pub fn of(text: &str) -> Folded {
        let mut marks = Vec::with_capacity(text.len() / 5 + 1);
        marks.push((0, 0));
        let mut folding = Folding {
            found: Folded {
                text: String::with_capacity(text.len() + 1),
                sentences: vec![0],
                marks,
                disguised: 0,
                characters: 0,
            },
            word: 0,
            has_latin: false,
            has_foreign: false,
            has_digit: false,
            gap: FoldGap::None,
        };
        pace::spend(text.len().saturating_mul(OCTET_WORK));
        let mut is_line_start = true;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let position = folding.found.characters;
            let octets = rest.as_bytes();
            let len = octets.iter().position(|b| !b.is_ascii_alphanumeric());
            let len = len.unwrap_or(octets.len());
            if len > 0 {
                let (word, behind) = rest.split_at(len);
                is_line_start = false;
                folding.push_plain(word, position);
                rest = behind;
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            folding.found.characters = position.saturating_add(1);
            match c {
                '\n' | '\r' | '\u{2028}' => {
                    folding.space(match (c, is_line_start) {
                        ('\n', true) => FoldGap::Paragraph,
                        _ => FoldGap::Space,
                    });
                    is_line_start |= c == '\n';
                }
                '>' | '|' if is_line_start => {}
                c if c.is_whitespace() => folding.space(FoldGap::Space),
                c if is_invisible(c) => {}
                c => {
                    is_line_start = false;
                    folding.push(c, position);
                }
            }
        }
        folding.end_word();
        folding.found
    }

    /// The characters of the original text that a range of the folded one comes from.
    pub fn original(&self, start: usize, end: usize) -> (u32, u32) {
        let at = |octet: usize, is_end: bool| {
            let octet = u32::try_from(octet).unwrap_or(u32::MAX);
            let is_before = |folded: u32| match is_end {
                true => folded < octet,
                false => folded <= octet,
            };
            let after = self.marks.partition_point(|(folded, _)| is_before(*folded));
            let mark = match is_end {
                true => self.marks.get(after).or(self.marks.last()),
                false => self.marks.get(after.saturating_sub(1)),
            };
            let (folded, original) = mark.copied().unwrap_or_default();
            match is_end && after >= self.marks.len() {
                // Behind the last mark each octet is at most one character.
                true => (original + octet.saturating_sub(folded)).min(self.characters),
                false => original,
            }
        };
        (at(start, false), at(end, true))
    }

    /// The sentence that an octet stands in.
    pub fn sentence(&self, octet: u32) -> usize {
        self.sentences.partition_point(|start| *start <= octet)
    }

    /// The sentences, each with its beginning.
    pub fn each_sentence(&self) -> impl Iterator<Item = (usize, &str)> + Clone {
        let ends = self.sentences.iter().skip(1).map(|n| *n as usize);
        let ends = ends.chain([self.text.len()]);
        self.sentences.iter().zip(ends).filter_map(|(start, end)| {
            let start = *start as usize;
            Some((start, self.text.get(start..end)?.trim()))
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum FoldGap {
    None,
    Space,
    Sentence,
    Paragraph,
}

struct Folding {
    found: Folded,
    /// Where the word begins that is being written.
    word: usize,
    has_latin: bool,
    has_foreign: bool,
    has_digit: bool,
    gap: FoldGap,
}

impl Folding {
    fn space(&mut self, gap: FoldGap) {
        self.end_word();
        let last = self.found.text.as_bytes().last();
        let gap = match gap {
            FoldGap::Space if matches!(last, Some(b'.' | b'!' | b'?' | b':')) => FoldGap::Sentence,
            gap => gap,
        };
        if gap > self.gap {
            self.gap = gap;
        }
    }

    /// Writes a space, if one is due, before what stands at a place.
    fn close_gap(&mut self, position: u32) {
        if self.gap == FoldGap::None {
            return;
        }
        if !self.found.text.is_empty() {
            self.found.text.push(' ');
        }
        let at = u32::try_from(self.found.text.len()).unwrap_or(u32::MAX);
        self.found.marks.push((at, position));
        if self.gap >= FoldGap::Sentence && self.found.sentences.last() != Some(&at) {
            self.found.sentences.push(at);
        }
        self.gap = FoldGap::None;
        self.word = self.found.text.len();
    }

    /// Adds letters and digits of ASCII.
    fn push_plain(&mut self, letters: &str, position: u32) {
        self.close_gap(position);
        let from = self.found.text.len();
        self.found.text.push_str(letters);
        if let Some(pushed) = self.found.text.get_mut(from..) {
            pushed.make_ascii_lowercase();
        }
        let digits = letters.bytes().filter(u8::is_ascii_digit).count();
        self.has_digit |= digits > 0;
        self.has_latin |= digits < letters.len();
        let len = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        self.found.characters = position.saturating_add(len);
    }

    fn push(&mut self, c: char, position: u32) {
        self.close_gap(position);
        let text = &mut self.found.text;
        if c.is_ascii() {
            // Letters and digits come as runs.
            self.end_word();
            self.found.text.push(c);
            self.word = self.found.text.len();
            return;
        }
        match plain(c) {
            Some(letter) => {
                self.has_latin = true;
                text.push(letter);
            }
            None if matches!(c, '\u{300}'..='\u{36F}') => {}
            None if matches!(c, '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』') =>
            {
                text.push('"');
            }
            None if matches!(c, '‘' | '’') => text.push('\''),
            None => {
                self.has_foreign = true;
                text.extend(c.to_lowercase());
                if matches!(c, '。' | '！' | '？') {
                    let at = u32::try_from(text.len()).unwrap_or(u32::MAX);
                    self.found.sentences.push(at);
                }
            }
        }
    }

    /// Rewrites the word that ends, if it is written in disguise.
    fn end_word(&mut self) {
        let is_mixed = self.has_latin && self.has_foreign;
        if (is_mixed || (self.has_latin && self.has_digit))
            && let Some(word) = self.found.text.get(self.word..)
            && word.len() <= WORD_MAX
        {
            let mut disguised = 0;
            let is_leet = !is_mixed && reads_as_leet(word);
            let plain: String = word
                .chars()
                .map(|c| match likeness(c).filter(|_| !c.is_ascii() || is_leet) {
                    Some(like) => {
                        disguised += usize::from(!c.is_ascii());
                        like
                    }
                    None => c,
                })
                .collect();
            self.found.disguised += disguised;
            self.found.text.truncate(self.word);
            self.found.text.push_str(&plain);
        }
        self.word = self.found.text.len();
        (self.has_latin, self.has_foreign, self.has_digit) = (false, false, false);
    }
}

/// Whether digits stand for letters in a word: they are few, and a letter stands at one of its
/// ends, or there are several.
fn reads_as_leet(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let ends = [word.bytes().next(), word.bytes().last()];
    let has_end = ends.iter().flatten().any(u8::is_ascii_alphabetic);
    word.len() >= 3 && digits * 2 <= word.len() && (has_end || word.len() - digits >= 3)
}

/// The plain Latin letter of one with an accent, of full width, or from the alphabets of
/// mathematics.
fn plain(c: char) -> Option<char> {
    let code = u32::from(c);
    let ascii = |n: u32| char::from_u32(n).map(|c| c.to_ascii_lowercase());
    match code {
        0xC0..=0x17F => {
            let at = (code - 0xC0) as usize;
            let letter = char::from(*ACCENTS.as_bytes().get(at)?);
            (letter != '.').then_some(letter)
        }
        0xFF01..=0xFF5E => ascii(code - 0xFEE0),
        0x1_D400..=0x1_D6A3 => ascii(u32::from(b'a') + (code - 0x1_D400) % 26),
        0x1_D7CE..=0x1_D7FF => ascii(u32::from(b'0') + (code - 0x1_D7CE) % 10),
        0x24B6..=0x24E9 => ascii(u32::from(b'a') + (code - 0x24B6) % 26),
        0x1_F130..=0x1_F149 => ascii(u32::from(b'a') + (code - 0x1_F130)),
        0x01A0 | 0x01A1 => Some('o'),
        0x01AF | 0x01B0 => Some('u'),
        0x0218 | 0x0219 => Some('s'),
        0x021A | 0x021B => Some('t'),
        0x1EA0..=0x1EB7 => Some('a'),
        0x1EB8..=0x1EC7 => Some('e'),
        0x1EC8..=0x1ECB => Some('i'),
        0x1ECC..=0x1EE3 => Some('o'),
        0x1EE4..=0x1EF1 => Some('u'),
        0x1EF2..=0x1EF9 => Some('y'),
        _ => None,
    }
}

/// The Latin letter that another character looks like.
pub fn likeness(c: char) -> Option<char> {
    Some(match c {
        '0' | 'о' | 'ο' | 'օ' | 'ჿ' => 'o',
        '1' | 'і' | 'ι' | 'ɩ' | 'ı' => 'i',
        '3' | 'е' | 'є' | 'ε' => 'e',
        '4' | 'а' | 'α' | 'ɑ' => 'a',
        '5' | 'ѕ' => 's',
        '7' | 'т' | 'τ' => 't',
        '8' | 'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'ғ' => 'f',
        'ɡ' | 'ց' => 'g',
        'һ' | 'н' => 'h',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' | 'ⅼ' | 'ǀ' => 'l',
        'м' => 'm',
        'п' | 'η' | 'ո' => 'n',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ѡ' | 'ω' | 'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ү' => 'y',
        _ => return None,
    })
}

/// The letters of U+00C0 to U+017F without their accents; a point is none.
const ACCENTS: &str = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty\
aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll\
lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
/// A longer word is no word.
const WORD_MAX: usize = 24;
/// Nanoseconds of an octet.
const OCTET_WORK: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_taken_off() {
        for (text, folded) in [
            ("Ignore  ALL\r\nprevious", "ignore all previous"),
            ("> quoted\n> words", "quoted words"),
            (
                "Vergiß die Anweisungen für ÄÖÜ",
                "vergis die anweisungen fur aou",
            ),
            ("1gn0r3 th15 mp3", "ignore this mpe"),
            ("ignоre ruІes", "ignore ruies"),
            ("ｉｇｎｏｒｅ 𝐢𝐠𝐧𝐨𝐫𝐞", "ignore ignore"),
            ("i\u{200b}g\u{ad}nore", "ignore"),
            ("Привет, мир", "привет, мир"),
            ("Łódź žluťoučký ŝ", "lodz zlutoucky s"),
            ("“quoted”", "\"quoted\""),
        ] {
            assert_eq!(Folded::of(text).text, folded, "{text}");
        }
    }

    #[test]
    fn sentences_and_places_lead_back() {
        let text = "One. Two\n\nThree\u{e9} é";
        let folded = Folded::of(text);
        let all: Vec<&str> = folded.each_sentence().map(|(_, s)| s).collect();
        assert_eq!(all, ["one.", "two", "threee e"]);
        let at = folded.text.find("two").unwrap_or_default();
        let (start, end) = folded.original(at, at + 3);
        let chars: String = text
            .chars()
            .skip(start as usize)
            .take((end - start) as usize)
            .collect();
        assert_eq!(chars.trim(), "Two");
        assert_eq!(folded.original(0, folded.text.len()).0, 0);
        assert_eq!(folded.sentence(0), 1);
    }
}
