//! The new part of a reply: its text without quoted history and signature.
//!
//! This is guesswork on hostile text, so the server never acts on it: it is shown beside the text.
//! Text is cut only where history or a signature follows. In doubt it stays. A forward keeps what
//! it forwards. One pass over the lines finds where history begins (`history`, `signature`); a
//! second one keeps the quoted lines that the author answers. Both are linear.

mod history;
mod signature;
mod words;

use std::borrow::Cow;

use history::{Lines, MailKind};

use crate::mail::unicode::fold;
use crate::pace;

/// The text without quoted history and signature; the whole text if nothing else is left. A forward
/// keeps what it forwards, which for some clients only the subject tells from a reply. Quoted lines
/// that are answered below stay.
pub fn extracted_text<'a>(subject: &str, text: &'a str) -> Cow<'a, str> {
    let lines = Lines::of(text);
    let mail = MailKind::of(subject);
    let mut kept = ReplyBuilder::new(&lines);
    let mut in_signature = false;
    let mut at = 0;
    while at < lines.len() {
        let first = lines.first_octet(at);
        if first == 0 || !(lines.may_begin(at) || signature::may_be_of_device(&lines, at)) {
            kept.own(at, in_signature);
            at += 1;
            continue;
        }
        if first != b'>' {
            pace::spend(LOOK_WORK);
        }
        if first == b'>' {
            kept.quoted(at, in_signature);
        } else if history::starts_forward(&lines, at) {
            kept.rest(at);
            break;
        } else if history::starts_history(&lines, at, mail) {
            if mail == MailKind::Forward {
                kept.rest(at);
            } else {
                kept.cut(at);
                kept.drop_rules();
            }
            break;
        } else if let Some(n) = history::attribution(&lines, at) {
            kept.cut(at);
            kept.drop_last(n - 1);
            // A quotation with marks may have an answer below it. Without marks, all text that
            // follows is history.
            if !lines.is_quoted_below(at) {
                break;
            }
        } else if !in_signature && signature::starts(&lines, at, mail) {
            in_signature = true;
            kept.cut(at);
        } else if signature::is_of_device(&lines, at, mail) {
            kept.cut(at);
        } else {
            kept.own(at, in_signature);
        }
        at += 1;
    }
    kept.finish(text)
}

/// Whether the first prefix of a subject says that the message is a reply.
pub(crate) fn is_reply(subject: &str) -> bool {
    MailKind::of(subject) == MailKind::Reply
}

/// Whether it says that the message was forwarded.
pub(crate) fn is_forward(subject: &str) -> bool {
    MailKind::of(subject) == MailKind::Forward
}

/// What a subject is about: without the prefixes of replies and forwards, at most
/// [`SUBJECT_PREFIXES_MAX`] of them, without case, and with one space for each run of white space.
pub(crate) fn base_subject(subject: &str) -> String {
    let mut rest = subject;
    for _ in 0..SUBJECT_PREFIXES_MAX {
        match MailKind::and_rest(rest) {
            (MailKind::Unknown, _) => break,
            (_, behind) => rest = behind,
        }
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    fold(&words.join(" "))
}

/// Prefixes of a subject that are taken off.
const SUBJECT_PREFIXES_MAX: usize = 20;

/// The text without the addresses of links that have words, for previews and codes.
pub fn without_addresses(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(n) = memchr::memchr(b'<', text.as_bytes().get(at..).unwrap_or(b"")) {
        let start = at + n;
        at = start + 1;
        let tail = text.get(at..).unwrap_or("");
        if !tail.starts_with("http://") && !tail.starts_with("https://") {
            continue;
        }
        let end = memchr::memchr2(b'>', b'\n', tail.as_bytes());
        let Some(end) = end.filter(|end| tail.as_bytes().get(*end) == Some(&b'>')) else {
            continue;
        };
        let head = text.get(copied..start).unwrap_or("");
        let line = head.rsplit('\n').next().unwrap_or("");
        at += end + 1;
        if line.chars().any(char::is_alphanumeric) {
            out.push_str(head.trim_end_matches(' '));
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    Cow::Owned(out)
}

/// A line that may stay.
#[derive(Clone, Copy)]
struct Kept {
    at: u32,
    is_quoted: bool,
}

impl Kept {
    fn own(at: usize) -> Kept {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        Kept {
            at,
            is_quoted: false,
        }
    }

    fn line<'a>(self, lines: &Lines<'a>) -> &'a str {
        lines.get(self.at as usize).unwrap_or("")
    }
}

/// The lines that stay. Nothing is collected before the first line that may go: most texts have
/// none.
struct ReplyBuilder<'l, 'a> {
    all: &'l Lines<'a>,
    lines: Vec<Kept>,
    is_cut: bool,
    has_quotes: bool,
}

impl<'l, 'a> ReplyBuilder<'l, 'a> {
    fn new(all: &'l Lines<'a>) -> ReplyBuilder<'l, 'a> {
        ReplyBuilder {
            all,
            lines: Vec::new(),
            is_cut: false,
            has_quotes: false,
        }
    }

    fn own(&mut self, at: usize, is_signature: bool) {
        if self.is_cut && !is_signature {
            self.lines.push(Kept::own(at));
        }
    }

    fn quoted(&mut self, at: usize, is_signature: bool) {
        self.cut(at);
        if !is_signature {
            self.has_quotes = true;
            self.lines.push(Kept {
                is_quoted: true,
                ..Kept::own(at)
            });
        }
    }

    /// A line may go. The first time, all lines above it stay.
    fn cut(&mut self, at: usize) {
        if !self.is_cut {
            self.is_cut = true;
            self.lines.reserve_exact(self.all.len());
            self.lines.extend((0..at).map(Kept::own));
        }
    }

    /// Everything from a line on stays: it is forwarded.
    fn rest(&mut self, at: usize) {
        if !self.is_cut {
            return;
        }
        self.choose_quotes();
        self.lines.extend((at..self.all.len()).map(Kept::own));
    }

    /// Takes back lines that were the first lines of "On ... wrote".
    fn drop_last(&mut self, n: usize) {
        let left = self.lines.len().saturating_sub(n);
        self.lines.truncate(left);
    }

    /// Takes back the rule that a client draws above a header block.
    fn drop_rules(&mut self) {
        while let Some(last) = self.lines.last() {
            let line = last.line(self.all).trim();
            let is_rule = line.len() >= 3
                && line
                    .chars()
                    .all(|c| matches!(c, '_' | '-' | '=' | '*' | '─' | '—' | ' '));
            if last.is_quoted || !(line.is_empty() || is_rule) {
                break;
            }
            self.lines.pop();
        }
    }

    /// Drops the quoted lines without an answer. A quoted line directly above an answer between
    /// quoted lines stays, with the lines before it that a client wrapped.
    fn choose_quotes(&mut self) {
        if !self.has_quotes {
            return;
        }
        self.has_quotes = false;
        let last_quote = self
            .lines
            .iter()
            .rposition(|kept| kept.is_quoted)
            .unwrap_or(0);
        let mut stays = vec![false; self.lines.len()];
        // The last quoted line with words, and whether a blank line follows it.
        let mut above: Option<(usize, bool)> = None;
        let mut answers = 0;
        for (at, kept) in self.lines.iter().enumerate() {
            let line = kept.line(self.all);
            let words = line.trim_start_matches(['>', ' ', '\t']).trim_end();
            if kept.is_quoted {
                if !words.is_empty() {
                    above = Some((at, false));
                }
                continue;
            }
            if words.is_empty() {
                above = above.map(|(quote, _)| (quote, true));
                continue;
            }
            let Some((quote, has_gap)) = above.take() else {
                continue;
            };
            answers += 1;
            let asks = self
                .lines
                .get(quote)
                .is_some_and(|kept| kept.line(self.all).trim_end().ends_with(['?', '？', '؟']));
            let is_between = at < last_quote;
            let is_answer = is_between || (answers > 1 && (asks || !has_gap)) || (asks && !has_gap);
            if is_answer {
                self.mark_question(quote, &mut stays);
            }
        }
        let mut stays = stays.into_iter();
        self.lines
            .retain(|kept| stays.next().unwrap_or(false) || !kept.is_quoted);
    }

    fn mark_question(&self, quote: usize, stays: &mut [bool]) {
        let mut at = quote;
        for _ in 0..QUESTION_LINES_MAX {
            if let Some(slot) = stays.get_mut(at) {
                *slot = true;
            }
            let words = |n: usize| {
                self.lines
                    .get(n)
                    .filter(|kept| kept.is_quoted)
                    .map_or("", |kept| {
                        kept.line(self.all)
                            .trim_start_matches(['>', ' '])
                            .trim_end()
                    })
            };
            let (Some(before), here) = (at.checked_sub(1).map(words), words(at)) else {
                return;
            };
            let is_wrapped = before.len() >= WRAPPED_MIN
                && !before.ends_with(['.', '!', '?', ':', '。', '？', '！'])
                && !here.starts_with(|c: char| c.is_uppercase() || c == '-' || c == '*');
            if !is_wrapped {
                return;
            }
            at -= 1;
        }
    }

    fn finish(mut self, text: &'a str) -> Cow<'a, str> {
        if !self.is_cut {
            return Cow::Borrowed(text.trim());
        }
        self.choose_quotes();
        let mut extracted = String::with_capacity(text.len());
        for kept in &self.lines {
            let line = kept.line(self.all);
            if !extracted.is_empty() {
                extracted.push('\n');
            }
            if !(extracted.is_empty() && line.trim().is_empty()) {
                extracted.push_str(line);
            }
        }
        extracted.truncate(extracted.trim_end().len());
        if extracted.is_empty() {
            return Cow::Borrowed(text.trim());
        }
        let blank = extracted.len() - extracted.trim_start().len();
        extracted.drain(..blank);
        Cow::Owned(extracted)
    }
}

/// Nanoseconds of a line of which it is asked in full what begins at it.
const LOOK_WORK: usize = 1_000;
/// Lines of one question that a client wrapped.
const QUESTION_LINES_MAX: usize = 4;
/// A shorter line was not wrapped.
const WRAPPED_MIN: usize = 50;
