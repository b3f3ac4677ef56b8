//! Many phrases, found in one pass over a folded text.
//!
//! A phrase that begins with a letter or digit of ASCII begins a word, so it is looked for at the
//! beginnings of words alone. A phrase with another beginning is found wherever it stands. Most
//! words are left after a look at their first octets; where they are those of phrases, these are
//! compared one by one. No more than some tens begin alike, which a test of the lists holds.

use crate::pace;

/// A set of phrases.
#[derive(Debug)]
pub struct PhraseSet {
    phrases: Vec<&'static str>,
    /// The octets with which one may begin where no word does.
    openings: [bool; 256],
    /// Those with [`LONG`] octets or more.
    long: PhraseTable,
    /// Those with [`SHORT`] octets or more.
    short: PhraseTable,
    /// The few that are shorter.
    least: Vec<PhraseHead>,
}

/// Phrases by their first octets.
#[derive(Debug)]
struct PhraseTable {
    /// How far a [`PhraseHead`] is moved, so that the first octets stay.
    shift: u32,
    /// A bit for each number of first octets that a phrase has.
    known: Vec<u64>,
    /// Where in `heads` those of a bucket begin; the last is the end.
    starts: Vec<u16>,
    heads: Vec<PhraseHead>,
}

/// The first eight octets of a phrase, the first one highest.
#[derive(Debug, Clone, Copy)]
struct PhraseHead {
    octets: u64,
    /// Which of them the phrase has.
    mask: u64,
    phrase: u16,
}

/// A place where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhraseHit {
    /// Behind its last octet.
    pub end: u32,
    /// Its first octet.
    pub start: u32,
    /// Which one it is, in the order of the set.
    pub phrase: usize,
}

impl PhraseSet {
    /// A set of phrases that are not empty, at most 65,535.
    pub fn of(phrases: impl Iterator<Item = &'static str>) -> PhraseSet {
        let phrases: Vec<&str> = phrases.take(usize::from(u16::MAX)).collect();
        let mut openings = [false; 256];
        for first in phrases.iter().filter_map(|phrase| phrase.bytes().next()) {
            if let Some(opens) = openings.get_mut(usize::from(first)) {
                *opens = !first.is_ascii_alphanumeric();
            }
        }
        let (mut long, mut short, mut least) = (Vec::new(), Vec::new(), Vec::new());
        for (phrase, text) in (0u16..).zip(&phrases) {
            let of_length = match text.len() {
                LONG.. => &mut long,
                SHORT.. => &mut short,
                _ => &mut least,
            };
            let absent = HEAD.saturating_sub(text.len()) * 8;
            of_length.push(PhraseHead {
                octets: head_at(text.as_bytes()),
                mask: u64::MAX.checked_shl(absent as u32).unwrap_or_default(),
                phrase,
            });
        }
        PhraseSet {
            openings,
            long: PhraseTable::of(long, LONG),
            short: PhraseTable::of(short, SHORT),
            least,
            phrases,
        }
    }

    /// Calls `found` with each place where a phrase stands, in the order of their beginnings.
    pub fn each(&self, text: &str, mut found: impl FnMut(PhraseHit)) {
        pace::spend(text.len().saturating_mul(OCTET_WORK));
        let octets = text.as_bytes();
        let mut is_behind_word = false;
        for (at, octet) in octets.iter().enumerate() {
            let is_word = octet.is_ascii_alphanumeric();
            let may_open = match is_word {
                true => !is_behind_word,
                false => self.openings.get(usize::from(*octet)) == Some(&true),
            };
            is_behind_word = is_word;
            if may_open {
                self.each_at(octets, at, &mut found);
            }
        }
    }

    /// Finds the phrases that begin at a place.
    #[inline]
    fn each_at(&self, octets: &[u8], at: usize, found: &mut impl FnMut(PhraseHit)) {
        let rest = octets.get(at..).unwrap_or_default();
        let head = head_at(rest);
        for heads in [self.long.near(head), self.short.near(head), &self.least] {
            for near in heads.iter().filter(|near| head & near.mask == near.octets) {
                let phrase = self.phrases.get(usize::from(near.phrase));
                let Some(phrase) = phrase.filter(|text| rest.starts_with(text.as_bytes())) else {
                    continue;
                };
                found(PhraseHit {
                    end: u32::try_from(at + phrase.len()).unwrap_or(u32::MAX),
                    start: u32::try_from(at).unwrap_or(u32::MAX),
                    phrase: usize::from(near.phrase),
                });
            }
        }
    }

    /// Octets of memory.
    pub fn bytes(&self) -> usize {
        let tables = self.long.bytes() + self.short.bytes();
        tables + size_of_val(self.phrases.as_slice()) + self.openings.len()
    }

    /// How many phrases are compared at most at one place.
    #[cfg(test)]
    pub fn alike(&self) -> usize {
        let most = |table: &PhraseTable| {
            let sizes = table.starts.windows(2).map(|pair| pair[1] - pair[0]);
            usize::from(sizes.max().unwrap_or_default())
        };
        most(&self.long) + most(&self.short) + self.least.len()
    }
}

impl PhraseTable {
    /// A table of phrases, by as many first octets.
    fn of(mut heads: Vec<PhraseHead>, octets: usize) -> PhraseTable {
        let mut table = PhraseTable {
            shift: ((HEAD - octets) * 8) as u32,
            known: vec![0; NUMBERS / 64],
            starts: vec![0; BUCKETS + 1],
            heads: Vec::new(),
        };
        heads.sort_by_key(|head| table.bucket(table.number(head.octets)));
        for head in &heads {
            let number = table.number(head.octets);
            if let Some(word) = table.known.get_mut(number / 64) {
                *word |= 1 << (number % 64);
            }
            let behind = table.bucket(number) + 1;
            if let Some(count) = table.starts.get_mut(behind) {
                *count += 1;
            }
        }
        let mut before = 0;
        for start in &mut table.starts {
            before += *start;
            *start = before;
        }
        table.heads = heads;
        table
    }

    /// A number for the first octets of a text.
    #[inline]
    fn number(&self, head: u64) -> usize {
        ((head >> self.shift).wrapping_mul(SPREAD) >> (u64::BITS - NUMBER_BITS)) as usize
    }

    fn bucket(&self, number: usize) -> usize {
        number >> (NUMBER_BITS - BUCKET_BITS)
    }

    /// The phrases that may begin so: most texts are left here.
    #[inline]
    fn near(&self, head: u64) -> &[PhraseHead] {
        let number = self.number(head);
        let word = self.known.get(number / 64).copied().unwrap_or_default();
        if word >> (number % 64) & 1 == 0 {
            return &[];
        }
        let bucket = self.bucket(number);
        let (Some(start), Some(end)) = (self.starts.get(bucket), self.starts.get(bucket + 1))
        else {
            return &[];
        };
        let range = usize::from(*start)..usize::from(*end);
        self.heads.get(range).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        size_of_val(self.known.as_slice())
            + size_of_val(self.starts.as_slice())
            + size_of_val(self.heads.as_slice())
    }
}

/// The first octets of a text, the first one highest; zeros where it has none.
#[inline]
fn head_at(octets: &[u8]) -> u64 {
    if let Some(head) = octets.first_chunk::<HEAD>() {
        return u64::from_be_bytes(*head);
    }
    let mut head = [0; HEAD];
    if let Some(own) = head.get_mut(..octets.len()) {
        own.copy_from_slice(octets);
    }
    u64::from_be_bytes(head)
}

/// Octets of a [`PhraseHead`].
const HEAD: usize = 8;
/// First octets by which most words are told from phrases.
const LONG: usize = 6;
const SHORT: usize = 3;
const NUMBER_BITS: u32 = 16;
const NUMBERS: usize = 1 << NUMBER_BITS;
const BUCKET_BITS: u32 = 12;
const BUCKETS: usize = 1 << BUCKET_BITS;
/// An odd number with bits everywhere (the golden ratio), for a product that mixes.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Nanoseconds of an octet.
const OCTET_WORK: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_begin_words_and_are_told_by_their_ends() {
        let set = PhraseSet::of(["send", "end it", "it", "(8", "漢字", "字", "send"].into_iter());
        let all = |text: &str| -> Vec<usize> {
            let mut hits = Vec::new();
            set.each(text, |hit| hits.push(hit));
            hits.sort_unstable();
            hits.iter().map(|hit| hit.phrase).collect()
        };
        assert_eq!(all("send it"), [0, 6, 2]);
        assert_eq!(all("resend item"), [2]);
        assert_eq!(all("end it(8 ((8"), [1, 2, 3, 3]);
        assert_eq!(all("x漢字"), [4, 5]);
        assert!(all("").is_empty());
        let whole = PhraseSet::of(["a", "ab", "abcdefgh", "abcdefghi", "abc def"].into_iter());
        let mut found = Vec::new();
        whole.each("abcdefghij abc de", |hit| found.push((hit.phrase, hit.end)));
        found.sort_unstable();
        assert_eq!(found, [(0, 1), (0, 12), (1, 2), (1, 13), (2, 8), (3, 9)]);
    }
}
