//! The words of a text, one after the other, in one pass.
//!
//! A word is in lower case, its runs of digits are one `0`, and it has at most [`WORD_MAX`] octets.
//! Scripts without spaces give their pairs of characters. Addresses of pages are left out, since
//! the links of a message are tokens of their own; each mail address is the word `@`.

/// LearnedReader of a word; what is longer is cut. The longest usual words of German are shorter.
pub(super) const WORD_MAX: usize = 40;

/// LearnedReader of the shortest address of a page or mailbox that is looked for.
const LINK_MIN: usize = 6;

/// Calls `found` with each word of the text.
pub(super) fn each_word(text: &str, mut found: impl FnMut(&[u8])) {
    for chunk in text.split_ascii_whitespace() {
        let octets = chunk.as_bytes();
        if plain_word(octets, &mut found) {
            continue;
        }
        if octets.len() >= LINK_MIN {
            if is_link(octets) {
                continue;
            }
            if is_address(octets) {
                found(b"@");
                continue;
            }
        }
        let mut word = Word::default();
        if chunk.is_ascii() {
            for (at, octet) in octets.iter().enumerate() {
                word.take_ascii(*octet, octets.get(at + 1).copied(), &mut found);
            }
        } else {
            let mut chars = chunk.chars().peekable();
            while let Some(c) = chars.next() {
                word.take(c, chars.peek().copied(), &mut found);
            }
        }
        word.end(&mut found);
    }
}

/// Most of all chunks: only letters of ASCII, with at most one sign behind them that ends a word.
fn plain_word(chunk: &[u8], found: &mut impl FnMut(&[u8])) -> bool {
    let letters = match chunk.split_last() {
        Some((b',' | b'.' | b';' | b':' | b'?' | b')', letters)) => letters,
        _ => chunk,
    };
    let mut octets = [0; WORD_MAX];
    let Some(word) = octets.get_mut(..letters.len()) else {
        return false;
    };
    let mut is_plain = !letters.is_empty();
    for (place, octet) in word.iter_mut().zip(letters) {
        *place = octet | 0x20;
        is_plain &= octet.is_ascii_alphabetic();
    }
    if is_plain {
        found(word);
    }
    is_plain
}

fn is_link(chunk: &[u8]) -> bool {
    memchr::memchr_iter(b':', chunk).any(|at| chunk.get(at..at + 3) == Some(b"://"))
        || chunk
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"www."))
}

fn is_address(chunk: &[u8]) -> bool {
    memchr::memchr(b'@', chunk).is_some_and(|at| {
        at > 0 && memchr::memchr(b'.', chunk.get(at..).unwrap_or_default()).is_some()
    })
}

/// What a word is made of.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum WordRun {
    #[default]
    None,
    Letters,
    /// Marks that tell something: `$`, `!` and the like.
    Marks,
}

/// A word that is being read.
struct Word {
    octets: [u8; WORD_MAX],
    len: usize,
    run: WordRun,
    is_behind_digit: bool,
    /// The character before, of a script without spaces.
    ideograph: Option<char>,
}

impl Default for Word {
    fn default() -> Self {
        Word {
            octets: [0; WORD_MAX],
            len: 0,
            run: WordRun::None,
            is_behind_digit: false,
            ideograph: None,
        }
    }
}

impl Word {
    fn take_ascii(&mut self, octet: u8, next: Option<u8>, found: &mut impl FnMut(&[u8])) {
        match octet {
            b'a'..=b'z' => self.letter(octet, found),
            b'A'..=b'Z' => self.letter(octet | 0x20, found),
            b'0'..=b'9' => self.digit(found),
            b'$' | b'!' | b'%' => self.mark(&[octet], found),
            b'\'' | b'-'
                if self.run == WordRun::Letters
                    && next.is_some_and(|n| n.is_ascii_alphanumeric()) =>
            {
                self.push(&[octet]);
                self.is_behind_digit = false;
            }
            _ => self.end(found),
        }
    }

    fn take(&mut self, c: char, next: Option<char>, found: &mut impl FnMut(&[u8])) {
        if c.is_ascii() {
            let next = next.map(|n| if n.is_alphanumeric() { b'a' } else { b' ' });
            return self.take_ascii(c as u8, next, found);
        }
        if is_unspaced(c) {
            return self.ideograph(c, found);
        }
        if matches!(c, '£' | '€' | '¥' | '！' | '％') {
            let mut octets = [0; 4];
            return self.mark(c.encode_utf8(&mut octets).as_bytes(), found);
        }
        if c.is_numeric() {
            return self.digit(found);
        }
        if c == '’' && self.run == WordRun::Letters && next.is_some_and(char::is_alphanumeric) {
            return self.push(b"'");
        }
        if !c.is_alphanumeric() && !is_joining(c) {
            return self.end(found);
        }
        self.begin(WordRun::Letters, found);
        self.is_behind_digit = false;
        for c in c.to_lowercase() {
            let mut octets = [0; 4];
            self.push(c.encode_utf8(&mut octets).as_bytes());
        }
    }

    fn letter(&mut self, octet: u8, found: &mut impl FnMut(&[u8])) {
        self.begin(WordRun::Letters, found);
        self.push(&[octet]);
        self.is_behind_digit = false;
    }

    fn digit(&mut self, found: &mut impl FnMut(&[u8])) {
        self.begin(WordRun::Letters, found);
        if !self.is_behind_digit {
            self.push(b"0");
        }
        self.is_behind_digit = true;
    }

    /// Of a run of the same mark at most three count.
    fn mark(&mut self, octets: &[u8], found: &mut impl FnMut(&[u8])) {
        self.begin(WordRun::Marks, found);
        if self.len < 3 * octets.len() {
            self.push(octets);
        }
    }

    fn ideograph(&mut self, c: char, found: &mut impl FnMut(&[u8])) {
        if let Some(before) = self.ideograph {
            let mut pair = [0; 8];
            let len = before.encode_utf8(&mut pair).len();
            let rest = pair.get_mut(len..).unwrap_or_default();
            let len = len + c.encode_utf8(rest).len();
            found(pair.get(..len).unwrap_or_default());
        } else {
            self.end(found);
        }
        self.ideograph = Some(c);
    }

    fn begin(&mut self, run: WordRun, found: &mut impl FnMut(&[u8])) {
        if self.run != run {
            self.end(found);
            self.run = run;
        }
    }

    fn push(&mut self, octets: &[u8]) {
        if let Some(place) = self.octets.get_mut(self.len..self.len + octets.len()) {
            place.copy_from_slice(octets);
            self.len += octets.len();
        }
    }

    fn end(&mut self, found: &mut impl FnMut(&[u8])) {
        if self.len > 0 {
            found(self.octets.get(..self.len).unwrap_or_default());
        }
        self.len = 0;
        self.run = WordRun::None;
        self.is_behind_digit = false;
        self.ideograph = None;
    }
}

/// Scripts that are written without spaces between words: Thai, Kana, ideographs and, since its
/// words carry endings, Hangul.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3ffff}')
}

/// Signs that belong to the letter before them (Indic vowels, Arabic and combining marks).
fn is_joining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}' | '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each_word(text, |word| {
            all.push(String::from_utf8_lossy(word).into_owned())
        });
        all
    }

    #[test]
    fn words_are_lower_case_without_their_numbers() {
        assert_eq!(
            words("Order #4711: it's RE-SENT, 20% off!!!!! $500 now"),
            [
                "order", "0", "it's", "re-sent", "0", "%", "off", "!!!", "$", "0", "now"
            ]
        );
        assert_eq!(
            words("ÜBER straße І’m don’t"),
            ["über", "straße", "і'm", "don't"]
        );
    }

    #[test]
    fn links_and_addresses_are_no_words() {
        assert_eq!(
            words(
                "see https://a.example/x?y (http://b.example) www.c.example mail to bob@x.example"
            ),
            ["see", "mail", "to", "@"]
        );
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(words("一緒に abc"), ["一緒", "緒に", "abc"]);
        assert_eq!(words("x漢字y"), ["x", "漢字", "y"]);
    }

    #[test]
    fn a_word_is_cut_at_its_bound() {
        let long = "a".repeat(100_000);
        assert_eq!(words(&long), ["a".repeat(WORD_MAX)]);
        let long = "ü".repeat(100_000);
        assert_eq!(words(&long), ["ü".repeat(WORD_MAX / 2)]);
        assert_eq!(words("9'9'9"), ["0'0'0"]);
    }
}
