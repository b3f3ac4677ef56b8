//! Patterns of LIST and LSUB against names of mailboxes (RFC 3501 section 6.3.8).
//!
//! A pattern is matched as a set of positions in it, kept as bits. The time is the product of
//! two bounded lengths over 64, for every combination of wildcards.

use crate::imap::wire::name::Pattern;

/// A pattern, prepared for the comparison with many names.
pub(crate) struct Matcher {
    /// For each octet, the positions of the pattern that have it.
    literal: Vec<Bits>,
    /// Positions that are `*`.
    star: Bits,
    /// Positions that are `%`.
    percent: Bits,
    len: usize,
    /// The same in capitals: `inb%` finds INBOX (RFC 3501 section 5.1).
    capitals: Option<Box<Matcher>>,
}

/// A bit for each position, and one behind the last.
type Bits = [u64; WORDS];

impl Matcher {
    pub(crate) fn new(pattern: &Pattern) -> Self {
        let capitals = pattern.0.to_ascii_uppercase();
        Matcher {
            capitals: (capitals != pattern.0).then(|| Box::new(Matcher::exact(&capitals))),
            ..Matcher::exact(&pattern.0)
        }
    }

    fn exact(pattern: &str) -> Self {
        let mut this = Matcher {
            literal: vec![[0; WORDS]; 256],
            star: [0; WORDS],
            percent: [0; WORDS],
            len: 0,
            capitals: None,
        };
        let mut before = 0;
        for &octet in pattern.as_bytes().iter().take(PATTERN_BYTES) {
            // Two adjacent wildcards mean the wider of them.
            match (before, octet) {
                (b'*', b'*' | b'%') | (b'%', b'%') => continue,
                (b'%', b'*') => {
                    let at = this.len.saturating_sub(1);
                    clear(&mut this.percent, at);
                    set(&mut this.star, at);
                    before = b'*';
                    continue;
                }
                (_, b'*') => set(&mut this.star, this.len),
                (_, b'%') => set(&mut this.percent, this.len),
                _ => {
                    if let Some(bits) = this.literal.get_mut(usize::from(octet)) {
                        set(bits, this.len);
                    }
                }
            }
            before = octet;
            this.len += 1;
        }
        this
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        if name == "INBOX" && self.capitals.as_ref().is_some_and(|m| m.matches(name)) {
            return true;
        }
        let words = self.len / 64 + 1;
        let mut here: Bits = [0; WORDS];
        set(&mut here, 0);
        self.skip_wildcards(&mut here, words);
        for &octet in name.as_bytes() {
            let Some(literal) = self.literal.get(usize::from(octet)) else {
                return false;
            };
            let (mut carry, mut any) = (0, 0);
            let tables = literal.iter().zip(self.star.iter().zip(&self.percent));
            for (word, (literal, (star, percent))) in here.iter_mut().zip(tables).take(words) {
                let moved = *word & literal;
                let stays = if octet == b'/' { *star } else { star | percent };
                *word = (moved << 1) | carry | (*word & stays);
                carry = moved >> 63;
                any |= *word;
            }
            if any == 0 {
                return false;
            }
            self.skip_wildcards(&mut here, words);
        }
        here.get(self.len / 64)
            .is_some_and(|word| word >> (self.len % 64) & 1 == 1)
    }

    /// A wildcard also stands for no octet. Wildcards are never adjacent, so one step is enough.
    fn skip_wildcards(&self, here: &mut Bits, words: usize) {
        let mut carry = 0;
        let wild = self.star.iter().zip(&self.percent);
        for (word, (star, percent)) in here.iter_mut().zip(wild).take(words) {
            let wild = *word & (star | percent);
            *word |= (wild << 1) | carry;
            carry = wild >> 63;
        }
    }
}

fn set(bits: &mut Bits, at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

fn clear(bits: &mut Bits, at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word &= !(1 << (at % 64));
    }
}

/// Octets of a pattern; a longer one can match no name.
const PATTERN_BYTES: usize = 512;
const WORDS: usize = PATTERN_BYTES / 64 + 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// The plain algorithm, exponential in the worst case.
    fn obvious(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| obvious(rest, &name[n..])),
            Some((b'%', rest)) => (0..=name.len())
                .take_while(|n| *n == 0 || name[n - 1] != b'/')
                .any(|n| obvious(rest, &name[n..])),
            Some((c, rest)) => name.first() == Some(c) && obvious(rest, &name[1..]),
        }
    }

    #[test]
    fn matches_as_the_obvious_way_does() {
        let mut x = 7u32;
        let mut next = move |n: u32| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) % n
        };
        for _ in 0..20_000 {
            let text = |alphabet: &[u8], n: u32, next: &mut dyn FnMut(u32) -> u32| -> String {
                (0..n)
                    .map(|_| alphabet[next(alphabet.len() as u32) as usize] as char)
                    .collect()
            };
            let n = next(9);
            let pattern = text(b"ab/*%", n, &mut next);
            let n = next(9);
            let name = text(b"ab/", n, &mut next);
            let found = Matcher::new(&Pattern(pattern.clone())).matches(&name);
            assert_eq!(
                found,
                obvious(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        let long = "a".repeat(200);
        let hard = Pattern("*a%".repeat(170));
        assert!(Matcher::new(&hard).matches(&long));
        assert!(!Matcher::new(&hard).matches(&"b".repeat(255)));
        let exact = Matcher::new(&Pattern("a".repeat(64)));
        assert!(exact.matches(&"a".repeat(64)) && !exact.matches(&"a".repeat(63)));
        assert!(Matcher::new(&Pattern("inb%".into())).matches("INBOX"));
        assert!(!Matcher::new(&Pattern("sen%".into())).matches("Sent"));
    }
}
