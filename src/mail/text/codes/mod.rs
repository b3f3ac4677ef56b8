//! One-time codes in a text, each with the words by which it was found.
//!
//! This is guesswork on hostile text: the codes are shown beside it, and the server never acts on
//! them. The numbers that could be codes are collected first (`number`). If there are any, the
//! words that announce codes are collected (`label`). Each is one pass over a bounded text. A
//! number is a code if such a word announces it: in the same sentence, or before it where it
//! stands alone in its line. Another word directly before the number ("order", "flight") gives it
//! another meaning.

mod digits;
mod label;
mod number;
mod words;

use std::ops::Range;

use label::{Label, LabelSense};
use number::CodeCandidate;
use words::WordKind;

use crate::mail::text::reply;
use crate::mail::unicode::{self, fold};
use crate::pace;

/// A code and the reason to think so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundCode {
    /// As it is typed: digits of all scripts in ASCII, groups of digits without their spaces.
    pub code: String,
    /// The words of the text that announce it, in one line of at most 100 characters.
    pub words: String,
}

/// One-time codes of a text, likeliest first, at most [`CODES_MAX`]. The code that the text calls
/// the code comes first, and a backup code last.
pub fn find(text: &str) -> Vec<FoundCode> {
    let text = digits::with_ascii_digits(unicode::prefix(text, TEXT_MAX));
    pace::spend(text.len() * OCTET_WORK);
    let candidates = candidates(&text);
    if candidates.is_empty() {
        return Vec::new();
    }
    let labels = label::labels(&text, &neighbourhoods(&text, &candidates));
    if labels.is_empty() {
        return Vec::new();
    }
    let reader = CodeReader {
        text: &text,
        labels,
        candidates,
    };
    reader.rank()
}

/// The numbers of a text that may be codes.
fn candidates(text: &str) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut at = 0;
    while let Some(token) = CodeCandidate::next(text, at) {
        pace::spend(CANDIDATE_WORK);
        at = token.end;
        if let Some(code) = token.code(text) {
            let is_alone = number::is_alone(text, token.start, token.end);
            candidates.push(Candidate {
                token,
                code,
                is_alone,
            });
            if candidates.len() == CANDIDATES_MAX {
                break;
            }
        }
    }
    candidates
}

/// Where a word may stand that announces one of the numbers, in order and apart: most texts have
/// few numbers, and their words are not looked for elsewhere.
fn neighbourhoods(text: &str, candidates: &[Candidate]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for Candidate { token, .. } in candidates {
        let start = token.start.saturating_sub(REACH_ALONE + WORD_ROOM);
        let start = unicode::prefix(text, start).len();
        let end = (token.end + REACH_AFTER_ALONE + WORD_ROOM).min(text.len());
        let end = unicode::prefix(text, end).len();
        match all.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => all.push(start..end),
        }
    }
    all
}

/// Codes of a message: words of the subject count for the text below it, but for a reply, whose
/// subject is older than its text.
pub fn find_in_mail(subject: &str, text: &str) -> Vec<FoundCode> {
    let text = unicode::prefix(text, TEXT_MAX - SUBJECT_MAX);
    if !may_be_in_mail(subject, text) {
        return Vec::new();
    }
    find(&format!("{}\n\n{text}", own_subject(subject)))
}

/// Whether a message may have a code whose text is this one, or some lines of it. Most mail has
/// none for this reason alone: its text has no digit, and its subject no number of this form.
pub fn may_be_in_mail(subject: &str, text: &str) -> bool {
    if digits::may_have_digits(text) {
        return true;
    }
    let subject = own_subject(subject);
    digits::may_have_digits(subject)
        && !candidates(&digits::with_ascii_digits(&format!("{subject}\n\n"))).is_empty()
}

/// The subject, where it is as new as the text below it.
fn own_subject(subject: &str) -> &str {
    match reply::is_reply(subject) {
        true => "",
        false => unicode::prefix(subject, SUBJECT_MAX - 2),
    }
}

/// A number that may be a code.
struct Candidate {
    token: CodeCandidate,
    code: String,
    is_alone: bool,
}

/// Why a number is a code.
struct Announced {
    /// The words stand in its sentence or directly above it. Others count only if no number has
    /// such words.
    is_close: bool,
    /// The text says that it no longer works.
    is_former: bool,
    score: i32,
    words: String,
}

struct CodeReader<'a> {
    text: &'a str,
    labels: Vec<Label>,
    candidates: Vec<Candidate>,
}

impl CodeReader<'_> {
    fn rank(&self) -> Vec<FoundCode> {
        let mut found: Vec<(Announced, &str)> = Vec::new();
        for (at, candidate) in self.candidates.iter().enumerate() {
            let known = found.iter().position(|(_, code)| *code == candidate.code);
            if known.is_some_and(|n| found.get(n).is_some_and(|(why, _)| why.is_close)) {
                continue;
            }
            let Some(why) = self.announced(at) else {
                continue;
            };
            if found.len() >= FOUND_MAX {
                break;
            }
            match known.and_then(|n| found.get_mut(n)) {
                Some(slot) if why.score > slot.0.score => slot.0 = why,
                Some(_) => {}
                None => found.push((why, candidate.code.as_str())),
            }
        }
        if found.iter().any(|(why, _)| why.is_close) {
            found.retain(|(why, _)| why.is_close);
        }
        if found.iter().any(|(why, _)| !why.is_former) {
            found.retain(|(why, _)| !why.is_former);
        }
        found.sort_by_key(|(why, _)| -why.score);
        found.truncate(CODES_MAX);
        let found = found.into_iter().map(|(why, code)| FoundCode {
            code: code.to_owned(),
            words: why.words,
        });
        found.collect()
    }

    /// Why a number is a code, if it is one.
    fn announced(&self, at: usize) -> Option<Announced> {
        let candidate = self.candidates.get(at)?;
        let (start, end) = (candidate.token.start, candidate.token.end);
        let after = self.labels.partition_point(|label| label.start < start);
        let (before, behind) = self.labels.split_at_checked(after)?;
        let is_near = before.last().is_some_and(|l| l.end + REACH_ALONE >= start)
            || behind
                .first()
                .is_some_and(|l| l.start <= end + REACH_AFTER_ALONE);
        if !is_near
            || label::is_named_otherwise(self.text, start, before)
            || label::is_measured(self.text, end)
            || (!candidate.is_alone && label::is_postcode(self.text, start, end))
        {
            return None;
        }
        let ahead = self.before(at, candidate, before)?;
        let best = [
            ahead,
            self.behind(at, candidate, behind),
            self.entered(candidate),
        ]
        .into_iter()
        .flatten()
        .max_by_key(|why| (why.is_close, why.score))?;
        self.judge(candidate, best)
    }

    /// What the words before a number say; `None` if they give it another meaning.
    fn before(
        &self,
        at: usize,
        candidate: &Candidate,
        labels: &[Label],
    ) -> Option<Option<Announced>> {
        let start = candidate.token.start;
        let mut best: Option<Announced> = None;
        let near = labels.iter().rev().filter(|label| label.end <= start);
        for label in near.take(LABELS_READ) {
            let distance = start - label.end;
            if distance > REACH_ALONE {
                break;
            }
            let gap = self.text.get(label.end..start)?;
            let sense = label.sense(self.text);
            if sense == LabelSense::Nothing {
                continue;
            }
            let is_broken = distance > REACH_FAR || label::has_break(gap);
            let between = self.between(at, label);
            if sense == LabelSense::Other {
                let is_its_name = between == Between::Nothing
                    && (!is_broken || candidate.is_alone)
                    && distance <= REACH_ALONE / 2;
                if is_its_name && best.is_none() {
                    return None;
                }
                break;
            }
            let is_weak = label.kind == WordKind::Weak;
            let is_apart = || label::has_own_name(gap) || self.is_time(candidate, gap);
            let near = i32::try_from(distance / 4).unwrap_or(0);
            let in_sentence = !is_broken
                && distance <= REACH_BEFORE
                && between == Between::Nothing
                && !is_apart();
            let score = if in_sentence && !is_weak && self.fits(candidate, distance) {
                Some((true, label.weight + 20 - near))
            } else if candidate.is_alone
                && between != Between::Text
                && !label::has_own_name(gap)
                && self.fits(candidate, distance)
                && (!is_weak || (5..=8).contains(&candidate.code.len()))
            {
                Some((!is_weak, label.weight + 20 - near / 2))
            } else if between == Between::Nothing
                && distance <= REACH_FAR
                && !is_apart()
                && !is_weak
                && candidate.code.len() >= 6
                && self.fits(candidate, distance)
            {
                Some((false, label.weight - near))
            } else {
                None
            };
            if let Some((is_close, score)) = score
                && best
                    .as_ref()
                    .is_none_or(|b| (is_close, score) > (b.is_close, b.score))
            {
                let words = self.words(at, label, in_sentence.then_some(start));
                best = Some(Announced {
                    is_close,
                    is_former: false,
                    score,
                    words,
                });
            }
        }
        Some(best)
    }

    /// The words around a label, from behind the number before it: up to a place, or to the end of
    /// the sentence.
    fn words(&self, at: usize, label: &Label, until: Option<usize>) -> String {
        let above = self.candidates.get(..at).unwrap_or(&[]).iter().rev();
        let mut above = above.filter(|other| other.token.end <= label.start);
        let floor = above.next().map_or(0, |other| other.token.end);
        let before = |end| label::sentence_before(self.text, floor, label.start, end);
        if let Some(end) = until {
            return before(end);
        }
        let rest = label::sentence_after(self.text, label.start, label.end);
        let words = format!("{} {rest}", before(label.start));
        words.trim().to_owned()
    }

    /// What the words behind a number say: "123456 is your code".
    fn behind(&self, at: usize, candidate: &Candidate, labels: &[Label]) -> Option<Announced> {
        let end = candidate.token.end;
        for label in labels.iter().take(LABELS_READ) {
            let distance = label.start - end.min(label.start);
            let gap = self.text.get(end..label.start)?;
            if distance > REACH_AFTER_ALONE || self.has_between(at + 1, end, label.start) {
                return None;
            }
            if label.kind == WordKind::Weak || label.sense(self.text) != LabelSense::Code {
                continue;
            }
            let near = i32::try_from(distance / 4).unwrap_or(0);
            let words = || label::sentence_after(self.text, end, label.end);
            if !self.fits(candidate, distance) {
                return None;
            }
            if !label::has_break(gap) && distance <= REACH_AFTER && !gap.contains('\n') {
                let is_close = self.is_at_start(candidate.token.start)
                    || self.is_entered(candidate.token.start);
                return Some(Announced {
                    is_close,
                    is_former: false,
                    score: label.weight + if is_close { 10 } else { -20 } - near,
                    words: words(),
                });
            }
            if candidate.is_alone {
                return Some(Announced {
                    is_close: true,
                    is_former: false,
                    score: label.weight - near / 2,
                    words: words(),
                });
            }
            return None;
        }
        None
    }

    /// "Enter 123456 to sign in" names no code.
    fn entered(&self, candidate: &Candidate) -> Option<Announced> {
        let (start, end) = (candidate.token.start, candidate.token.end);
        let is_code =
            candidate.code.len() == 6 && candidate.code.bytes().all(|b| b.is_ascii_digit());
        if !is_code || !self.is_entered(start) {
            return None;
        }
        let words = label::sentence_before(self.text, 0, start, start);
        let rest = label::sentence_after(self.text, end, end);
        Some(Announced {
            is_close: true,
            is_former: false,
            score: 35,
            words: format!("{words} {rest}").trim().to_owned(),
        })
    }

    /// The last doubts, and what makes one code likelier than another.
    fn judge(&self, candidate: &Candidate, mut why: Announced) -> Option<Announced> {
        let (start, end) = (candidate.token.start, candidate.token.end);
        let sentence = fold(&why.words);
        let has_letters = candidate.code.bytes().any(|b| b.is_ascii_alphabetic());
        let is_proof = label::PROOF.is_in(&sentence);
        if has_letters {
            let around = fold(label::around(self.text, start, end, SALES_LOOKED_AT));
            let booking = || label::TRAVEL.is_in(&around);
            if (!is_proof && label::SALES.is_in(&around))
                || (!["verif", "login", "sign"]
                    .iter()
                    .any(|word| sentence.contains(word))
                    && booking())
            {
                return None;
            }
        }
        why.score += if is_proof { 15 } else { 0 };
        why.score += if candidate.is_alone { 20 } else { 0 };
        why.score += if candidate.code.len() == 6 { 10 } else { 0 };
        let direct = sentence_without_backup(&sentence);
        why.score -= if direct { 0 } else { 200 };
        let near = fold(label::around(self.text, start, end, FORMER_LOOKED_AT));
        why.is_former = label::FORMER.is_in(&sentence) || near.contains("no longer");
        Some(why)
    }

    /// What stands between a label and the number `at`.
    fn between(&self, at: usize, label: &Label) -> Between {
        let mut all = self
            .candidates
            .get(..at)
            .unwrap_or(&[])
            .iter()
            .rev()
            .take_while(|other| other.token.start >= label.end)
            .filter(|other| !other.token.is_mixed())
            .peekable();
        if all.peek().is_none() {
            Between::Nothing
        } else if all.all(|other| other.is_alone) {
            Between::Codes
        } else {
            Between::Text
        }
    }

    fn has_between(&self, from: usize, start: usize, end: usize) -> bool {
        let behind = self.candidates.get(from..).unwrap_or(&[]).iter();
        behind
            .take_while(|other| other.token.start < end)
            .any(|other| other.token.start >= start && !other.token.is_mixed())
    }

    /// Whether a number may be a year or a day and stands too far from the word to be the code, or
    /// has small letters and does not stand directly beside it.
    fn fits(&self, candidate: &Candidate, distance: usize) -> bool {
        let code = candidate.code.as_bytes();
        let is_century = code.starts_with(b"19") || code.starts_with(b"20");
        let is_day = code.len() == 8
            && code
                .get(4..6)
                .is_some_and(|month| month <= b"12".as_slice() && month > b"00".as_slice());
        let is_date = is_century && (code.len() == 4 || is_day);
        let near = if candidate.is_alone {
            REACH_FAR
        } else {
            ADJACENT
        };
        !(is_date || candidate.token.is_mixed()) || distance <= near
    }

    /// Whether words of validity stand between: "the code is valid until 1830".
    fn is_time(&self, candidate: &Candidate, gap: &str) -> bool {
        !candidate.is_alone && label::VALIDITY.is_in(&fold(gap))
    }

    /// Whether a number begins its sentence or its line.
    fn is_at_start(&self, start: usize) -> bool {
        let head = label::tail_of(self.text, start, 48);
        let bare = head.trim_end_matches([' ', '*', '"', '\'', '(', '【', '「', '[', '“', '_']);
        bare.is_empty()
            || bare.ends_with([
                '\n', '.', '!', '?', ':', ']', '】', '」', '>', '-', '–', '—', '|', '•', '。',
                '！', '，',
            ])
    }

    /// Whether a word asks to type the number.
    fn is_entered(&self, start: usize) -> bool {
        let head = fold(label::tail_of(self.text, start, 48));
        let head = head.trim_end_matches([' ', '*', '"', '\'', ':', '「', '“']);
        let word = |n: usize| words::ENTER.contains(&label::last_words(head, n));
        word(1)
            || word(2)
            || words::ENTER
                .iter()
                .any(|w| !w.is_ascii() && head.ends_with(w))
    }
}

/// What stands between a label and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// No other number.
    Nothing,
    /// Only numbers that stand alone in their lines: a list of codes.
    Codes,
    /// Another number within text.
    Text,
}

fn sentence_without_backup(sentence: &str) -> bool {
    !label::BACKUP.is_in(sentence)
}

/// Nanoseconds of an octet of the text, and of a number in it.
const OCTET_WORK: usize = 10;
const CANDIDATE_WORK: usize = 500;
/// Codes of one message.
pub const CODES_MAX: usize = 5;
/// A mail with a code has it near its start.
const TEXT_MAX: usize = 16 * 1024;
const SUBJECT_MAX: usize = 1_024;
/// Numbers whose surroundings are read.
const CANDIDATES_MAX: usize = 64;
/// Codes that are compared. A text of numbers costs no more than a mail.
const FOUND_MAX: usize = 16;
/// Labels on each side of a number that are read.
const LABELS_READ: usize = 4;
/// Octets between a word and its number in one sentence; characters of other scripts have up to
/// three.
const REACH_BEFORE: usize = 90;
/// The same where a sentence ends between them.
const REACH_FAR: usize = 140;
/// A code that stands alone in its line is announced some sentences before.
const REACH_ALONE: usize = 400;
const REACH_AFTER: usize = 70;
/// Octets of an announcing word with what stands beside it.
const WORD_ROOM: usize = 64;
const REACH_AFTER_ALONE: usize = 160;
/// "code is ", "PIN: "
const ADJACENT: usize = 10;
/// Octets on each side in which words of trade are looked for.
const SALES_LOOKED_AT: usize = 100;
const FORMER_LOOKED_AT: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        find(text).into_iter().map(|found| found.code).collect()
    }

    #[test]
    fn a_text_without_digits_is_not_searched_for_the_number_of_its_subject() {
        for (subject, may) in [
            ("Message 999 of the bench", false),
            ("Hello", false),
            ("Your code is 482913", true),
            ("Re: Your code is 482913", false),
            ("Your code is ４８２９１３", true),
            ("Your device code is WDJB-MJHT", true),
        ] {
            for text in ["", "Enter it to sign in.\n\nYour code\n"] {
                assert_eq!(may_be_in_mail(subject, text), may, "{subject}");
                let all = find(&format!("{}\n\n{text}", own_subject(subject)));
                assert_eq!(find_in_mail(subject, text), all, "{subject}");
            }
            assert!(may_be_in_mail(subject, "It is 1234."));
        }
    }

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
        for (text, expected) in [
            (
                "Backup code 118822\nLogin code: 771204",
                ["771204", "118822"],
            ),
            (
                "Your recovery code: 118822\nYour code: 771204\n",
                ["771204", "118822"],
            ),
            (
                "Reservecode 118822, je code is 771204",
                ["771204", "118822"],
            ),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        let found = find_in_mail("Your login code", "Hi,\n\n482193\n\nBye");
        let found: Vec<_> = found.iter().map(|f| (&*f.code, &*f.words)).collect();
        assert_eq!(found, [("482193", "Your login code")]);
    }

    #[test]
    fn hostile_text_costs_no_more_than_its_length() {
        for text in [
            "123456 ".repeat(200_000),
            "code ".repeat(200_000),
            "A-".repeat(500_000),
            "\u{e9}1".repeat(100_000),
            "1 ".repeat(200_000),
            "код 482913 ".repeat(100_000),
            "https://x.test/".repeat(40_000) + " code 123456",
        ] {
            assert!(codes(&text).len() <= CODES_MAX);
        }
        for n in 0..200 {
            let _ = codes(&format!("{}code 123456 {}", "é".repeat(n), "ü".repeat(n)));
        }
    }
}
