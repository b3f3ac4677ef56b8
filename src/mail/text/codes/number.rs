//! The numbers of a text that could be codes: runs of letters, digits and hyphens, groups of
//! digits, and digits that are spaced one by one.
//!
//! Only the form counts here and the characters that touch it: no money, no phone number, no part
//! of an address. `label` reads the words around it.

use memchr::memmem;

/// A run of letters, digits and single hyphens.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodeCandidate {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    digits: usize,
    uppers: usize,
    lowers: usize,
    hyphens: usize,
}

impl CodeCandidate {
    /// The first token at or after `from` that has a digit or a hyphen. A token without either is
    /// never a code, and most words have neither, so whole blocks of text are passed over.
    pub fn next(text: &str, from: usize) -> Option<CodeCandidate> {
        let bytes = text.as_bytes();
        let is_sign = |b: u8| b.is_ascii_digit() | (b == b'-');
        let mut at = from;
        loop {
            let rest = bytes.get(at..)?;
            // Without an early exit the compiler tests many octets at a time.
            let block = rest.get(..BLOCK).unwrap_or(rest);
            if !block.iter().fold(false, |found, b| found | is_sign(*b)) {
                if block.is_empty() {
                    return None;
                }
                at += block.len();
                continue;
            }
            at += block.iter().position(|b| is_sign(*b))?;
            let is_word = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphanumeric);
            let joins = at > from && is_word(at - 1) && is_word(at + 1);
            if !is_word(at) && !joins {
                // A hyphen that joins nothing.
                at += 1;
                continue;
            }
            let mut start = at;
            loop {
                if start > from && is_word(start - 1) {
                    start -= 1;
                } else if start >= from + 2
                    && bytes.get(start - 1) == Some(&b'-')
                    && is_word(start)
                    && is_word(start - 2)
                {
                    start -= 2;
                } else {
                    return Some(CodeCandidate::at(text, start));
                }
            }
        }
    }

    fn at(text: &str, start: usize) -> CodeCandidate {
        let bytes = text.as_bytes();
        let mut token = CodeCandidate {
            start,
            end: start,
            digits: 0,
            uppers: 0,
            lowers: 0,
            hyphens: 0,
        };
        while let Some(b) = bytes.get(token.end) {
            match b {
                b'0'..=b'9' => token.digits += 1,
                b'A'..=b'Z' => token.uppers += 1,
                b'a'..=b'z' => token.lowers += 1,
                b'-' if bytes
                    .get(token.end + 1)
                    .is_some_and(u8::is_ascii_alphanumeric) =>
                {
                    token.hyphens += 1
                }
                _ => break,
            }
            token.end += 1;
        }
        if token.digits == token.end - token.start {
            token.join_groups(bytes);
        }
        token
    }

    /// Takes the groups that belong to a first group of digits: "123 456", "12 34 56", and single
    /// digits as in "1 2 3 4 5 6".
    fn join_groups(&mut self, bytes: &[u8]) {
        let size = self.digits;
        if size > 4 {
            return;
        }
        let (mut end, mut groups) = (self.end, 1);
        let mut gap = GroupGap::default();
        while groups <= SINGLES_MAX
            && let Some((next, here)) = GroupGap::read(bytes, end, size == 1)
            && (groups == 1 || here == gap)
        {
            let digits = bytes.get(next..).unwrap_or(b"");
            let n = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            if n == 0 {
                break;
            }
            let goes_on = digits.get(n).is_some_and(u8::is_ascii_alphanumeric);
            if n != size || goes_on {
                // A longer list of other numbers.
                return;
            }
            gap = here;
            end = next + n;
            groups += 1;
        }
        let is_list =
            size == 1 && gap.lines && is_rising(bytes.get(self.start..end).unwrap_or(b""));
        let is_code = match size {
            1 => (4..=8).contains(&groups) && !is_list,
            2 => groups == 3,
            3 | 4 => groups == 2,
            _ => false,
        };
        if is_code {
            self.digits = size * groups;
            self.end = end;
        }
    }

    /// The code that this may be, in the form in which it is typed.
    pub fn code(&self, text: &str) -> Option<String> {
        let n = self.end - self.start;
        let spaced = n > self.digits + self.uppers + self.lowers + self.hyphens;
        let is_word = self.digits == 0 && (self.hyphens == 0 || self.lowers > 0);
        if n < 4 || (n > CODE_BYTES_MAX && !spaced) || is_word {
            return None;
        }
        let bytes = text.as_bytes();
        let before = self
            .start
            .checked_sub(1)
            .and_then(|i| bytes.get(i))
            .copied()
            .unwrap_or(b' ');
        let (after, beyond) = (
            bytes.get(self.end).copied().unwrap_or(b' '),
            bytes.get(self.end + 1).copied().unwrap_or(b' '),
        );
        // Money, fractions, phone numbers, parts of addresses and links.
        let joined = b"$/.@_&=+,?%~\\".contains(&before)
            || (before == b'#' && self.digits == n)
            || before >= 0x80 && is_currency_before(text, self.start);
        let goes_on = b"/@_%=&".contains(&after)
            || (b".,:".contains(&after) && beyond.is_ascii_digit())
            || (after == b'-' && beyond.is_ascii_alphanumeric());
        // Groups of digits beside groups of digits are a phone or card number.
        let two_before = self
            .start
            .checked_sub(2)
            .and_then(|i| bytes.get(i))
            .copied();
        let grouped = (before == b' '
            && two_before.is_some_and(|b| b.is_ascii_digit() || b == b')'))
            || (after == b' ' && beyond.is_ascii_digit());
        if joined || goes_on || grouped || before == b'-' {
            return None;
        }
        let token = text.get(self.start..self.end)?;
        if spaced {
            return Some(token.chars().filter(char::is_ascii_digit).collect());
        }
        if in_address(bytes, self.start, self.end) {
            return None;
        }
        let groups: Vec<&str> = token.split('-').collect();
        let is_number = |s: &&str| s.bytes().all(|b| b.is_ascii_digit());
        if self.lowers > 0 {
            return self.mixed_code(token, &groups);
        }
        if self.uppers == 0 {
            // "05-06-24" is a date.
            let is_date = groups.len() == 3;
            if groups.len() >= 4 && groups.iter().all(|g| g.len() == 1) {
                return Some(token.replace('-', "")).filter(|code| code.len() <= 8);
            }
            let even = groups.len() == 1
                || groups
                    .iter()
                    .all(|g| Some(g.len()) == groups.first().map(|f| f.len()));
            let code: String = token.chars().filter(char::is_ascii_digit).collect();
            let is_code = even && groups.len() <= 2 && !is_date && (4..=8).contains(&code.len());
            return is_code.then_some(code);
        }
        // "G-123456": the letter names the sender, the digits are typed.
        if let [one, number] = groups.as_slice()
            && one.len() <= 2
            && is_number(number)
            && (4..=8).contains(&number.len())
        {
            return Some((*number).to_owned());
        }
        let even = groups.len() <= 4 && groups.iter().all(|g| (3..=5).contains(&g.len()));
        let single = groups.len() == 1 && (5..=10).contains(&n) && self.digits > 0;
        (single || (groups.len() > 1 && even)).then(|| token.to_owned())
    }

    /// A code with small letters: "x7k9p2", "k3f9-77qa". Words with a number, such as "24h" and
    /// "10th", are shorter or have one digit.
    fn mixed_code(&self, token: &str, groups: &[&str]) -> Option<String> {
        let n = token.len();
        let even = groups.len() == 1
            || (groups.len() <= 3 && groups.iter().all(|g| (3..=6).contains(&g.len())));
        let is_code = self.digits >= 2 && (5..=14).contains(&n) && even;
        let is_version = token.starts_with(['v', 'V']) && self.digits == n - 1;
        let starts = token.bytes().take_while(u8::is_ascii_digit).count();
        // "250ml", "2024th"
        let is_measure = groups.len() == 1 && starts == self.digits && self.lowers <= 3;
        (is_code && !is_measure && !is_version).then(|| token.to_owned())
    }

    /// Whether it has small letters, so that only words directly beside it make it a code.
    pub fn is_mixed(&self) -> bool {
        self.lowers > 0
    }
}

/// What stands between two groups of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct GroupGap {
    /// A mark between them, 0 without one.
    mark: u8,
    /// Each stands in a line of its own.
    lines: bool,
}

impl GroupGap {
    /// Reads one from `at`, with the place behind it. `wide` takes more than one space.
    fn read(bytes: &[u8], at: usize, wide: bool) -> Option<(usize, GroupGap)> {
        let mut gap = GroupGap::default();
        for (n, b) in bytes.get(at..)?.iter().take(GAP_MAX).enumerate() {
            match b {
                b' ' if wide || n == 0 => {}
                b'\n' | b'\t' if wide => gap.lines |= *b == b'\n',
                b'|' | b'-' if wide && gap.mark == 0 => gap.mark = *b,
                b'0'..=b'9' if n > 0 => return Some((at + n, gap)),
                _ => return None,
            }
        }
        None
    }
}

/// Whether the digits of a list count up: 1, 2, 3.
fn is_rising(list: &[u8]) -> bool {
    let digits: Vec<u8> = list.iter().copied().filter(u8::is_ascii_digit).collect();
    digits
        .windows(2)
        .all(|two| matches!(two, [a, b] if *b == *a + 1))
}

/// Whether a place is within the address of a page or of a person.
fn in_address(bytes: &[u8], start: usize, end: usize) -> bool {
    let ends = |b: &u8| b.is_ascii_whitespace() || *b >= 0x80 || b"<>\"()[]".contains(b);
    let from = start.saturating_sub(ADDRESS_LOOKED_AT);
    let before = bytes.get(from..start).unwrap_or(b"");
    let before = before.rsplit(ends).next().unwrap_or(b"");
    let after = bytes.get(end..).unwrap_or(b"");
    let after = after.get(..ADDRESS_LOOKED_AT).unwrap_or(after);
    let after = after.split(ends).next().unwrap_or(b"");
    let is_url = |run: &[u8]| {
        memmem::find(run, b"://").is_some()
            || run
                .get(..4)
                .is_some_and(|head| head.eq_ignore_ascii_case(b"www."))
            || run
                .get(..7)
                .is_some_and(|head| head.eq_ignore_ascii_case(b"mailto:"))
    };
    is_url(before) || before.contains(&b'@') || after.contains(&b'@')
}

/// Whether the line has no letter or digit outside this range.
pub(super) fn is_alone(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let from = start.saturating_sub(LINE_MARGIN);
    let before = bytes.get(from..start).unwrap_or(b"");
    let before = match memchr::memrchr(b'\n', before) {
        Some(at) => from + at + 1,
        None if from == 0 => 0,
        None => return false,
    };
    let after = bytes
        .get(end..bytes.len().min(end + LINE_MARGIN))
        .unwrap_or(b"");
    let after = match memchr::memchr(b'\n', after) {
        Some(at) => end + at,
        None if after.len() < LINE_MARGIN => bytes.len(),
        None => return false,
    };
    let is_bare = |range| {
        let side = text.get(range).unwrap_or("a");
        !side.chars().any(char::is_alphanumeric)
    };
    is_bare(before..start) && is_bare(end..after)
}

fn is_currency_before(text: &str, at: usize) -> bool {
    text.get(..at)
        .and_then(|head| head.chars().next_back())
        .is_some_and(|c| {
            matches!(
                c,
                '€' | '£'
                    | '¥'
                    | '￥'
                    | '₹'
                    | '₽'
                    | '₩'
                    | '₺'
                    | '₫'
                    | '฿'
                    | '₴'
                    | '₦'
                    | '₱'
            )
        })
}

/// Octets of the longest code, with its hyphens.
const CODE_BYTES_MAX: usize = 16;
/// Single digits of one code.
const SINGLES_MAX: usize = 9;
/// Octets between two digits of one code.
const GAP_MAX: usize = 8;
/// Octets on each side in which an address is recognised.
const ADDRESS_LOOKED_AT: usize = 512;
/// White space and marks around a code that stands alone.
const LINE_MARGIN: usize = 60;
/// Octets that are tested at once for a digit or a hyphen.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Passing over words changes no token: the plain way is to read every word.
    #[test]
    fn tokens_are_the_same_as_when_every_word_is_read() {
        let plain = |text: &str| {
            let (mut at, mut all) = (0, Vec::new());
            while let Some(offset) = (text.as_bytes().get(at..))
                .and_then(|rest| rest.iter().position(u8::is_ascii_alphanumeric))
            {
                let token = CodeCandidate::at(text, at + offset);
                at = token.end;
                if token.digits + token.hyphens > 0 {
                    all.push((token.start, token.end));
                }
            }
            all
        };
        let fast = |text: &str| {
            let (mut at, mut all) = (0, Vec::new());
            while let Some(token) = CodeCandidate::next(text, at) {
                at = token.end;
                if token.digits + token.hyphens > 0 {
                    all.push((token.start, token.end));
                }
            }
            all
        };
        let mut random = crate::crypto::Random::seeded(5);
        let signs = [
            "a", "B", "7", "12", "-", "-", " ", " ", ".", "\u{e9}", "word ", "482 913 ",
        ];
        for _ in 0..20_000 {
            let text: String = (0..1 + random.u64() % 90)
                .map(|_| signs[random.u64() as usize % signs.len()])
                .collect();
            assert_eq!(fast(&text), plain(&text), "{text:?}");
        }
    }
}
