//! A long text in pages: where a page begins and ends, how many characters the text has, and about
//! how many tokens a language model reads it as.
//!
//! Offsets and lengths count Unicode scalar values. The rule: pages that are joined are the text,
//! octet for octet. A page ends behind a paragraph, else a sentence or a line, else a word, if one
//! of them ends in its second half; else it ends between two characters of a reader. The cost is
//! linear in the text.

/// One page of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPage<'a> {
    /// Its characters.
    pub text: &'a str,
    /// Where the next page begins; `None` behind the last one.
    pub next_offset: Option<usize>,
}

/// The page of `text` from character `offset` on, of at most `chars_max` characters. Behind the end
/// of the text it is empty.
pub fn page(text: &str, offset: usize, chars_max: Option<usize>) -> TextPage<'_> {
    let rest = text.get(place(text, offset)..).unwrap_or("");
    let Some(chars_max) = chars_max else {
        return TextPage {
            text: rest,
            next_offset: None,
        };
    };
    let end = place(rest, chars_max.max(1));
    if end >= rest.len() {
        return TextPage {
            text: rest,
            next_offset: None,
        };
    }
    let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let cut = boundary(piece, behind.chars().next());
    let page = piece.get(..cut).unwrap_or(piece);
    TextPage {
        text: page,
        next_offset: Some(offset.saturating_add(page.chars().count())),
    }
}

/// Where character number `n` begins; the length of the text if it has fewer.
fn place(text: &str, n: usize) -> usize {
    if n >= text.len() {
        return text.len();
    }
    text.char_indices().nth(n).map_or(text.len(), |(at, _)| at)
}

/// Where a page that may have this piece ends. `next` is the character behind the piece. It is at
/// least one character.
fn boundary(piece: &str, next: Option<char>) -> usize {
    let half = piece.len() / 2;
    let (mut sentence, mut word) = (None, None);
    let mut ends = piece.char_indices().rev().peekable();
    let mut after = next;
    while let Some((at, c)) = ends.next() {
        let end = at + c.len_utf8();
        if end <= half {
            break;
        }
        let before = ends.peek().map(|(_, c)| *c);
        let is_space_next = after.is_some_and(char::is_whitespace);
        if c == '\n' && before == Some('\n') && after != Some('\n') {
            return end;
        }
        let ends_sentence = match c {
            '\n' => !is_space_next,
            ' ' => !is_space_next && before.is_some_and(|c| matches!(c, '.' | '!' | '?' | '…')),
            // Scripts without spaces.
            '。' | '！' | '？' | '।' | '۔' | '։' | '။' | '።' => {
                !after.is_some_and(|c| c.is_whitespace() || is_close(c))
            }
            _ => false,
        };
        if ends_sentence {
            sentence.get_or_insert(end);
        } else if c.is_whitespace() && !is_space_next {
            word.get_or_insert(end);
        }
        after = Some(c);
    }
    sentence
        .or(word)
        .unwrap_or_else(|| cluster_end(piece, next))
}

/// The last place in a piece where no character of a reader is divided, among the last few; its end
/// where there is none.
fn cluster_end(piece: &str, next: Option<char>) -> usize {
    let mut after = next;
    let mut flags = None;
    for (at, c) in piece.char_indices().rev().take(CLUSTER_CHARS_MAX) {
        let end = at + c.len_utf8();
        let divides = match after {
            Some('\n') if c == '\r' => true,
            // Two letters are one flag: whether these two are is counted from the beginning of the
            // run.
            Some(second) if is_flag_letter(c) && is_flag_letter(second) => {
                let run = flags.get_or_insert_with(|| {
                    let run = piece.get(..end).unwrap_or("").chars().rev();
                    run.take_while(|c| is_flag_letter(*c)).count()
                });
                let odd = *run % 2 == 1;
                *run = run.saturating_sub(1);
                odd
            }
            Some(second) => joins_before(second) || c == '\u{200D}',
            None => false,
        };
        if !divides {
            return end;
        }
        after = Some(c);
    }
    piece.len()
}

fn is_close(c: char) -> bool {
    matches!(c, '」' | '』' | '）' | '”' | '’' | '》' | '〉' | '】')
}

fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

/// Whether a character belongs to the one before it: the marks of common scripts, joiners,
/// variation selectors, colours of skin, tags. Not all of Unicode: a page that ends before another
/// mark is only less pretty.
fn joins_before(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}'
        | '\u{05BF}' | '\u{05C1}'..='\u{05C7}' | '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}'
        | '\u{0670}' | '\u{06D6}'..='\u{06DC}' | '\u{06DF}'..='\u{06E8}' | '\u{0900}'..='\u{0903}'
        | '\u{093A}'..='\u{094F}' | '\u{0981}'..='\u{0983}' | '\u{09BC}'..='\u{09CD}'
        | '\u{0A3C}'..='\u{0A4D}' | '\u{0ABC}'..='\u{0ACD}' | '\u{0B3C}'..='\u{0B4D}'
        | '\u{0BBE}'..='\u{0BCD}' | '\u{0C3E}'..='\u{0C4D}' | '\u{0CBC}'..='\u{0CCD}'
        | '\u{0D3B}'..='\u{0D4D}' | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}'
        | '\u{0EB1}' | '\u{0EB4}'..='\u{0EBC}' | '\u{0EC8}'..='\u{0ECE}' | '\u{1160}'..='\u{11FF}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{200C}' | '\u{200D}'
        | '\u{20D0}'..='\u{20FF}' | '\u{3099}' | '\u{309A}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FE20}'..='\u{FE2F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}'
        | '\u{E0100}'..='\u{E01EF}')
}

/// The characters of a text, and about how many tokens a language model reads it as.
///
/// Models divide text differently, so this is an estimate: a word of a script with letters is cut
/// into pieces of about four characters in English, and of two to three in scripts that models have
/// seen less of; an ideograph, a mark or an emoji is about one piece or more; digits go by threes;
/// a space goes with the word behind it.
pub fn measure(text: &str) -> (usize, usize) {
    if text.is_ascii() {
        let (pieces, rest) = text.as_bytes().as_chunks::<ASCII_PIECE>();
        let units: usize = pieces.iter().map(|piece| ascii_units(piece)).sum();
        let units = units + ascii_units(rest);
        return (text.len(), units.div_ceil(UNITS));
    }
    let (mut chars, mut units) = (0_usize, 0_usize);
    for c in text.chars() {
        chars += 1;
        units += match c {
            '\0'..='\x7f' => ascii_units(&[c as u8]),
            '\u{80}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => 6,
            // Greek and Cyrillic.
            '\u{370}'..='\u{52F}' => 5,
            // Armenian, Hebrew, Arabic.
            '\u{530}'..='\u{8FF}' => 6,
            // Scripts of India and of South East Asia, Georgian.
            '\u{900}'..='\u{10FF}' | '\u{1780}'..='\u{17FF}' => 8,
            // Kana, ideographs, Hangul.
            '\u{3000}'..='\u{9FFF}'
            | '\u{AC00}'..='\u{D7AF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FF00}'..='\u{FFEF}' => 12,
            '\u{1F000}'..='\u{1FAFF}' => 24,
            _ => 12,
        };
    }
    (chars, units.div_ceil(UNITS))
}

/// The measure of at most [`ASCII_PIECE`] ASCII characters: 12 of a control, less what others have
/// less. Without a branch, so that the compiler counts many of them at once.
fn ascii_units(piece: &[u8]) -> usize {
    let less = |is: bool, units: u8| 0_u8.wrapping_sub(u8::from(is)) & units;
    let units = piece.iter().map(|&b| {
        let sign = less(b.wrapping_sub(b'!') < 94, 4);
        let letter = less((b | b' ').wrapping_sub(b'a') < 26, 5);
        let digit = less(b.wrapping_sub(b'0') < 10, 4);
        let line = less((b == b'\n') | (b == b'\t') | (b == b'\r'), 8);
        let space = less(b == b' ', 12);
        12_u8.wrapping_sub(sign + letter + digit + line + space)
    });
    units.fold(0, u8::wrapping_add).into()
}

/// Twelfths of a token: the measure of a character in [`measure`].
const UNITS: usize = 12;
/// Characters that one character of a reader may consist of, as far as a page looks.
const CLUSTER_CHARS_MAX: usize = 32;
/// Characters of which the measure fits in an octet.
const ASCII_PIECE: usize = 16;
