//! The tokens of an address list: atoms, quoted strings, comments, literals and signs.
//!
//! It knows no addresses; `address_list` makes them. An encoded word is one piece of a token, with
//! all that is in it, and so is a raw run of ISO-2022. Each octet is looked at a fixed number of
//! times.

use super::charset::Charset;
use super::word::EncodedWord;

/// A kind of token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressToken {
    /// A word outside quotes.
    Atom,
    /// A comment with what is in it.
    Comment,
    /// The end of the list.
    End,
    /// `[...]`, with its brackets.
    Literal,
    /// A quoted string without its quotes.
    Quoted,
    /// A sign.
    Special(u8),
}

/// A cursor over the octets of a list.
pub(super) struct AddressTokens<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The octets of the last token, without its delimiters.
    pub text: Vec<u8>,
    /// White space stood before the token.
    pub space: bool,
    /// Nothing in the token was dropped or missing.
    pub clean: bool,
    /// How often a delimiter without its end may still be passed over.
    passes_left: u8,
    /// The charset of raw octets.
    charset: Option<Charset>,
}

impl<'a> AddressTokens<'a> {
    /// The tokens of a field's body, whose raw octets are of that charset if they are no UTF-8.
    pub fn new(bytes: &'a [u8], charset: Option<Charset>) -> AddressTokens<'a> {
        AddressTokens {
            bytes,
            at: 0,
            text: Vec::new(),
            space: false,
            clean: true,
            passes_left: PASSES_MAX,
            charset: charset.filter(|_| std::str::from_utf8(bytes).is_err()),
        }
    }

    /// The next token; its octets are in `text`.
    pub fn next(&mut self) -> AddressToken {
        self.text.clear();
        self.space = false;
        while let Some(&b) = self.bytes.get(self.at) {
            self.at += 1;
            match b {
                b' ' | b'\t' | b'\r' | b'\n' => self.space = true,
                b'"' | b'(' => {
                    let start = self.at;
                    let (is_closed, token) = match b {
                        b'"' => (self.delimited(b'"'), AddressToken::Quoted),
                        _ => (self.comment(), AddressToken::Comment),
                    };
                    if is_closed || self.passes_left == 0 {
                        return token;
                    }
                    // Its end is missing: the address behind it must not be lost.
                    self.passes_left -= 1;
                    self.text.clear();
                    self.at = start;
                }
                b'[' => {
                    self.text.push(b'[');
                    self.delimited(b']');
                    self.text.push(b']');
                    return AddressToken::Literal;
                }
                b'<' | b'>' | b'@' | b',' | b';' | b':' | b'.' | b')' | b']' => {
                    return AddressToken::Special(b);
                }
                b'\\' => {
                    self.clean = false;
                    if let Some(&escaped) = self.bytes.get(self.at) {
                        self.at += 1;
                        self.atom(escaped);
                    }
                    return AddressToken::Atom;
                }
                _ => {
                    self.atom(b);
                    return AddressToken::Atom;
                }
            }
        }
        AddressToken::End
    }

    fn atom(&mut self, first: u8) {
        self.piece(first, is_word_in_phrase);
        while let Some(&b) = self.bytes.get(self.at) {
            if b" \t\r\n\"([<>@,;:.)]\\".contains(&b) {
                return;
            }
            self.at += 1;
            self.piece(b, is_word_in_phrase);
        }
    }

    /// An octet that has just been passed, or the encoded word or the run of ISO-2022 that begins
    /// with it. Such a word is one piece, with all that is in it, if it `is_taken`.
    fn piece(&mut self, b: u8, is_taken: fn(&[u8]) -> bool) {
        let next = self.bytes.get(self.at);
        let start = self.at - 1;
        if b == b'=' && next == Some(&b'?') {
            let rest = self.bytes.get(start..).unwrap_or(b"");
            let word = EncodedWord::parse(rest).and_then(|word| rest.get(..word.bytes));
            if let Some(word) = word.filter(|word| is_taken(word)) {
                self.at = start + word.len();
                self.clean &= !word.iter().any(|b| b" \t\r\n\"(),:;<>@[\\]".contains(b));
                let is_kept = |b: &u8| *b >= b' ' && *b != 0x7f;
                self.text.extend(word.iter().copied().filter(is_kept));
                return;
            }
        } else if b == 0x1b && next == Some(&b'$') {
            let rest = self.bytes.get(start..).unwrap_or(b"");
            let rest = rest.get(..RUN_MAX).unwrap_or(rest);
            // Back to ASCII, which each line must do before its end.
            let back = memchr::memmem::find(rest, b"\x1b(").map(|at| at + 3);
            if let Some(run) = back.and_then(|end| rest.get(..end))
                && !run.contains(&b'\n')
            {
                self.at = start + run.len();
                self.clean = false;
                self.text.extend_from_slice(run);
                return;
            }
        }
        self.push(b);
        // The second octet of a character is no sign.
        if let Some(charset) = self.charset
            && charset.is_lead(b)
            && let Some(&second) = next.filter(|second| **second >= 0x40)
        {
            self.at += 1;
            self.clean = false;
            self.push(second);
        }
    }

    /// Up to the closing delimiter, which a backslash escapes; false if there is none.
    fn delimited(&mut self, end: u8) -> bool {
        while let Some(&b) = self.bytes.get(self.at) {
            self.at += 1;
            if b == end {
                return true;
            }
            if b == b'\\' {
                if let Some(&escaped) = self.bytes.get(self.at) {
                    self.at += 1;
                    self.push(escaped);
                }
            } else if b != b'\r' && b != b'\n' {
                self.piece(b, is_word_alone);
            }
        }
        self.clean = false;
        false
    }

    /// Up to the end of a comment; false if there is none.
    fn comment(&mut self) -> bool {
        let mut depth = 1_usize;
        while let Some(&b) = self.bytes.get(self.at) {
            self.at += 1;
            match b {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return true;
                    }
                }
                b'\\' => {
                    if let Some(&escaped) = self.bytes.get(self.at) {
                        self.at += 1;
                        self.push(escaped);
                    }
                    continue;
                }
                b'\r' | b'\n' => continue,
                _ => {
                    self.piece(b, is_word_alone);
                    continue;
                }
            }
            self.push(b);
        }
        self.clean = false;
        false
    }

    fn push(&mut self, b: u8) {
        if b < b' ' && b != b'\t' || b == 0x7f {
            self.clean = false;
        } else {
            self.text.push(b);
        }
    }
}

/// Whether a word outside quotes is a word with all that is in it. With brackets and white space it
/// is rather an address.
fn is_word_in_phrase(word: &[u8]) -> bool {
    let has = |set: &[u8]| word.iter().any(|b| set.contains(b));
    !(has(b"<>") && has(b" \t\r\n"))
}

/// Whether a word within quotes or a comment has nothing that could be another address.
fn is_word_alone(word: &[u8]) -> bool {
    !word.iter().any(|b| b" \t\r\n<>@".contains(b))
}

/// A quote or a comment without its end is passed over so often. Each time costs one look at the
/// rest of the field.
const PASSES_MAX: u8 = 4;
/// Octets of a raw run of ISO-2022; more than a line has.
const RUN_MAX: usize = 512;
