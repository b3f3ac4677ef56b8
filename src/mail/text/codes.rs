//! One-time codes in a text: digits or capitals near words such as code, OTP or verification.
//!
//! This is guesswork on hostile text: the codes are shown beside it, and the server never acts on
//! them. The numbers that could be codes are collected first. If there are any, the words that
//! announce codes are collected. Each is one pass over a bounded text. A number is scored by the
//! words within its reach.

use memchr::memmem;

use crate::mail::unicode;

/// One-time codes of a text, likeliest first, at most [`CODES_MAX`].
pub fn codes(text: &str) -> Vec<String> {
    let text = unicode::prefix(text, TEXT_MAX);
    let mut candidates: Vec<(CodeCandidate, String)> = Vec::new();
    let mut at = 0;
    while let Some(token) = CodeCandidate::next(text, at) {
        at = token.end;
        if let Some(code) = token.code(text) {
            candidates.push((token, code));
            if candidates.len() == CANDIDATES_MAX {
                break;
            }
        }
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let words = announcements(text);
    let mut found: Vec<(i32, String)> = Vec::new();
    for (token, code) in candidates {
        let score = token.score(text, &code, &words);
        match found.iter_mut().find(|(_, known)| *known == code) {
            Some(known) => known.0 = known.0.max(score),
            None if score > 0 => found.push((score, code)),
            None => {}
        }
    }
    found.sort_by_key(|(score, _)| -score);
    found.truncate(CODES_MAX);
    found.into_iter().map(|(_, code)| code).collect()
}

/// Codes of a message: words of the subject count for the text below it.
pub(crate) fn codes_in_mail(subject: &str, text: &str) -> Vec<String> {
    let text = unicode::prefix(text, TEXT_MAX - SUBJECT_MAX);
    let subject = unicode::prefix(subject, SUBJECT_MAX - 1);
    // Without an early exit the compiler tests many octets at a time.
    let has_digit = |s: &str| {
        s.bytes()
            .fold(false, |found, b| found | b.is_ascii_digit() | (b == b'-'))
    };
    if !has_digit(text) && !has_digit(subject) {
        return Vec::new();
    }
    codes(&format!("{subject}\n{text}"))
}

/// A word that announces a code, and its weight.
#[derive(Clone, Copy)]
struct Announcement {
    start: usize,
    end: usize,
    weight: i32,
}

/// All announcing words of a text, in order.
fn announcements(text: &str) -> Vec<Announcement> {
    let lower = text.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let mut words = Vec::new();
    for &(word, weight) in KEYWORDS {
        if !word.is_ascii() && lower.is_ascii() {
            continue;
        }
        for start in memmem::find_iter(bytes, word).take(WORDS_MAX) {
            let end = start + word.len();
            let joins = |at: Option<usize>| {
                at.and_then(|at| bytes.get(at))
                    .is_some_and(u8::is_ascii_alphanumeric)
            };
            // "pin" is also in "spinning".
            let is_part = word.is_ascii()
                && word.len() <= 3
                && (joins(start.checked_sub(1)) || joins(Some(end)));
            let is_other = word == "code" && is_other_code(lower.get(..start).unwrap_or(""));
            if !is_part && !is_other {
                words.push(Announcement { start, end, weight });
            }
        }
    }
    words.sort_unstable_by_key(|word| word.start);
    words
}

/// Whether the word before "code" gives it another meaning: "zip code", "promo code".
fn is_other_code(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    let start = before.len().saturating_sub(LONGEST_OTHER + 1);
    let tail = before.as_bytes().get(start..).unwrap_or(b"");
    let last = tail
        .rsplit(|b| !b.is_ascii_alphanumeric())
        .next()
        .unwrap_or(b"");
    OTHER_CODES.iter().any(|other| last == other.as_bytes())
}

/// A run of letters, digits and single hyphens.
#[derive(Clone, Copy)]
struct CodeCandidate {
    start: usize,
    end: usize,
    digits: usize,
    uppers: usize,
    lowers: usize,
    hyphens: usize,
}

impl CodeCandidate {
    /// The first token at or after `from` that has a digit or a hyphen. A token without either is
    /// never a code, and most words have neither, so whole blocks of text are passed over.
    fn next(text: &str, from: usize) -> Option<CodeCandidate> {
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
        // "123 456": two halves of one number.
        let half = token.end - token.start;
        let second = bytes.get(token.end + 1..token.end + 1 + half);
        if (3..=4).contains(&half)
            && token.digits == half
            && bytes.get(token.end) == Some(&b' ')
            && second.is_some_and(|s| s.iter().all(u8::is_ascii_digit))
            && !bytes
                .get(token.end + 1 + half)
                .is_some_and(u8::is_ascii_alphanumeric)
        {
            token.digits += half;
            token.end += 1 + half;
        }
        token
    }

    /// The code that this may be, in the form in which it is typed.
    fn code(&self, text: &str) -> Option<String> {
        let n = self.end - self.start;
        if !(4..=16).contains(&n) || self.lowers > 0 || (self.digits == 0 && self.hyphens == 0) {
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
        let groups: Vec<&str> = token.split(['-', ' ']).collect();
        let is_number = |s: &&str| s.bytes().all(|b| b.is_ascii_digit());
        if self.uppers == 0 {
            let even = groups.len() == 1
                || groups
                    .iter()
                    .all(|g| Some(g.len()) == groups.first().map(|f| f.len()));
            let code: String = token.chars().filter(char::is_ascii_digit).collect();
            return (even && groups.len() <= 3 && (4..=8).contains(&code.len())).then_some(code);
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

    /// How likely this is a code, by the words around it. Without such words the score is at most
    /// zero.
    fn score(&self, text: &str, code: &str, words: &[Announcement]) -> i32 {
        let alone = is_alone(text, self.start, self.end);
        let reach = if alone { REACH_ALONE } else { REACH_BEFORE };
        if !alone && self.follows_other_word(text) {
            return 0;
        }
        let from = words.partition_point(|word| word.start + reach < self.start);
        let near = words
            .get(from..)
            .unwrap_or(&[])
            .iter()
            .take_while(|word| word.start < self.end + REACH_AFTER)
            .map(|word| {
                let distance = if word.start >= self.end {
                    word.start - self.end + 20
                } else {
                    self.start.saturating_sub(word.end)
                };
                (
                    word.weight - i32::try_from(distance / 4).unwrap_or(0),
                    distance,
                )
            });
        let (mut score, distance) = near.max().unwrap_or((0, 0));
        if score <= 0 {
            return 0;
        }
        let is_year = code.len() == 4 && (code.starts_with("19") || code.starts_with("20"));
        score += if alone { 40 } else { 0 };
        score += if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
            20
        } else {
            0
        };
        score -= if is_year && !alone && distance > ADJACENT {
            70
        } else {
            0
        };
        score
    }

    /// "order 123456", "invoice no. 4711"
    fn follows_other_word(&self, text: &str) -> bool {
        let start = self.start.saturating_sub(LONGEST_OTHER + 3);
        let before = text.as_bytes().get(start..self.start).unwrap_or(b"");
        let mut words = before
            .rsplit(|b| !b.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        words.next().is_some_and(|word| {
            NOT_CODES
                .iter()
                .any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
        })
    }
}

/// Whether the line has no letter or digit outside this range.
fn is_alone(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let is_end = |b: &u8| *b == b'\n' || *b == b'\r';
    let is_text = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    let before = bytes
        .get(start.saturating_sub(LINE_MARGIN)..start)
        .unwrap_or(b"");
    let before = before.rsplit(is_end).next().unwrap_or(b"");
    let after = bytes
        .get(end..bytes.len().min(end + LINE_MARGIN))
        .unwrap_or(b"");
    let after = after.split(is_end).next().unwrap_or(b"");
    let is_short = before.len() < LINE_MARGIN && after.len() < LINE_MARGIN;
    is_short && !before.iter().any(is_text) && !after.iter().any(is_text)
}

fn is_currency_before(text: &str, at: usize) -> bool {
    text.get(..at)
        .and_then(|head| head.chars().next_back())
        .is_some_and(|c| matches!(c, '€' | '£' | '¥' | '₹' | '₽' | '₩'))
}

/// Codes of one message.
pub const CODES_MAX: usize = 5;
/// A mail with a code has it near its start.
const TEXT_MAX: usize = 16 * 1024;
const SUBJECT_MAX: usize = 1_024;
/// Numbers whose surroundings are read.
const CANDIDATES_MAX: usize = 64;
/// Occurrences of one announcing word that are collected.
const WORDS_MAX: usize = 200;
const REACH_BEFORE: usize = 100;
/// A code that stands alone in its line is announced a sentence before.
const REACH_ALONE: usize = 260;
const REACH_AFTER: usize = 60;
/// "code is ", "PIN: "
const ADJACENT: usize = 8;
/// White space and marks around a code that stands alone.
const LINE_MARGIN: usize = 60;
/// The length of the longest word below.
const LONGEST_OTHER: usize = 12;
/// In lower case, each with its weight. A word of up to three letters counts only as a whole word.
#[rustfmt::skip]
const KEYWORDS: &[(&str, i32)] = &[
    ("code", 60), ("otp", 60), ("pin", 45), ("one-time", 60), ("one time", 60), ("verif", 45), ("2fa", 50),
    ("two-factor", 50), ("authentic", 40), ("security", 30), ("token", 35), ("confirm", 35), ("login", 30),
    ("log in", 30), ("sign in", 30), ("sign-in", 30), ("temporary password", 45), ("codigo", 60), ("codice", 60),
    ("kode", 60), ("kod", 45), ("koodi", 60), ("tan", 30), ("einmalpasswort", 60), ("código", 60),
    ("bestätigung", 40), ("doğrulama", 45), ("код", 60), ("Код", 60), ("КОД", 60), ("κωδικ", 60), ("Κωδικ", 60),
    ("验证码", 60), ("驗證碼", 60), ("校验码", 60), ("認証", 60), ("確認コード", 60), ("コード", 50), ("인증", 60),
    ("رمز", 60), ("קוד", 60),
];
/// The word directly before a number that gives the number another meaning.
#[rustfmt::skip]
const NOT_CODES: &[&str] = &[
    "order", "invoice", "ticket", "zip", "room", "case", "ref", "reference", "phone", "tel", "ext", "version",
    "rfc", "iso", "suite", "flight", "copyright", "since", "box", "tracking", "account", "bestellung",
    "rechnung",
];
/// The word before "code" that gives it another meaning.
#[rustfmt::skip]
const OTHER_CODES: &[&str] = &[
    "zip", "postal", "post", "promo", "promotion", "discount", "coupon", "voucher", "gift", "referral",
    "country", "area", "error", "status", "source", "dress", "bar", "exit", "sort", "swift", "color",
];

/// Octets that are tested at once for a digit or a hyphen.
const BLOCK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_words_say_so() {
        for (text, expected) in [
            ("Your verification code is 123456.", &["123456"][..]),
            ("123456 is your Acme code", &["123456"]),
            (
                "Use this code to sign in:\n\n  4821\n\nIt expires in 2024.",
                &["4821"],
            ),
            ("Your one-time passcode: 123 456", &["123456"]),
            ("code: 123-456", &["123456"]),
            ("G-123456 is your Google verification code.", &["123456"]),
            ("Enter the code below\nA1B2C3", &["A1B2C3"]),
            ("Your device code is WDJB-MJHT", &["WDJB-MJHT"]),
            ("OTP 99887766 valid 10 minutes", &["99887766"]),
            ("Ihr Bestätigungscode lautet 774411", &["774411"]),
            ("Tu código es 445566", &["445566"]),
            ("您的验证码是：735512，5分钟内有效", &["735512"]),
            ("認証コード: 664422", &["664422"]),
            ("Ваш код: 5521", &["5521"]),
            ("Your PIN is 1984", &["1984"]),
            ("Invoice 123456 over $1,234.00", &[]),
            ("Order #123456 was shipped on 2024-01-02", &[]),
            ("Meet at 1600 Amphitheatre, zip code 94043", &[]),
            ("Use promo code SAVE20 now", &[]),
            ("Call +1 555 123 4567 to confirm", &[]),
            ("https://x.test/verify/123456?code=654321", &[]),
            ("Copyright 2024 Acme", &[]),
            ("hello world", &[]),
            ("", &[]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        assert_eq!(
            codes_in_mail("Your login code", "Hi,\n\n482193\n\nBye"),
            ["482193"]
        );
    }

    #[test]
    fn hostile_text_costs_no_more_than_its_length() {
        for text in [
            "123456 ".repeat(200_000),
            "code ".repeat(200_000),
            "A-".repeat(500_000),
            "\u{e9}1".repeat(100_000),
        ] {
            assert!(codes(&text).len() <= CODES_MAX);
        }
        for n in 0..200 {
            let _ = codes(&format!("{}code 123456 {}", "é".repeat(n), "ü".repeat(n)));
        }
    }

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
