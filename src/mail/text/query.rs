//! The words of a search in the API, the parameter `q`: a pure parser from text to terms.
//!
//! ```text
//! query  = *space [ term *( 1*space term ) ] *space
//! term   = [ "-" ] ( operator ":" value / value )
//! value  = word / DQUOTE *( any character but DQUOTE ) DQUOTE
//! ```
//!
//! A word ends at white space. An operator is one of [`OPERATORS`], in any case; what looks like
//! another one is a word. A term with `-` in front must not match. Nothing of the text becomes the
//! syntax of another language: a term is compared with messages and not put into a statement.

use core::fmt;

use crate::call::bounds::SEARCH_WORDS_MAX;
use crate::mail::time::day_of_date;

/// A condition on a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QueryTerm {
    /// A text in the subject, in names or addresses of From, To and Cc, or in the text as shown.
    Anywhere(String),
    /// A text in a name or an address of From.
    From(String),
    /// A text in a name or an address of To or Cc.
    To(String),
    /// A text in the subject.
    Subject(String),
    /// Has this label.
    Label(String),
    /// Is in this folder.
    In(String),
    /// Has an attachment.
    HasAttachment,
    /// Has been read, or (`false`) has not.
    Seen(bool),
    /// Is flagged.
    Flagged,
    /// Received on this UTC day or later: the unix day.
    After(i64),
    /// Received before this UTC day.
    Before(i64),
    /// Has more octets than this.
    Larger(u64),
    /// Has fewer octets than this.
    Smaller(u64),
    /// Is in the conversation with this id, in its public form.
    Thread(String),
}

/// A term, and whether it must not match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryPart {
    /// The term.
    pub term: QueryTerm,
    /// `-` stands before it.
    pub is_not: bool,
}

/// Why a text is no query, in words for its author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

/// The names that may stand before a colon.
pub const OPERATORS: [&str; 12] = [
    "from", "to", "subject", "label", "in", "has", "is", "after", "before", "larger", "smaller",
    "thread",
];

/// Reads a query of at most [`SEARCH_WORDS_MAX`] terms. One without a term is that of every
/// message.
///
/// # Errors
/// The text is no query; the error says where, and what could stand there.
pub fn parse(text: &str) -> Result<Vec<QueryPart>, QueryError> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if parts.len() == TERMS_MAX {
            return Err(error(format!("must have at most {TERMS_MAX} words")));
        }
        let (part, left) = part(rest)?;
        parts.push(part);
        rest = left.trim_start();
    }
    Ok(parts)
}

/// The first term of a text that begins with one, and what stands behind it.
fn part(text: &str) -> Result<(QueryPart, &str), QueryError> {
    let (is_not, rest) = match text.strip_prefix('-') {
        // A dash alone, or one before another, is a word.
        Some(rest) if !rest.starts_with(['-', ' ']) && !rest.trim_start().is_empty() => {
            (!rest.starts_with(char::is_whitespace), rest)
        }
        _ => (false, text),
    };
    let rest = if is_not { rest } else { text };
    let name = rest
        .find([':', '"'])
        .and_then(|at| rest.split_at_checked(at));
    let operator = name.and_then(|(name, value)| {
        let known = OPERATORS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        Some((*known?, value.strip_prefix(':')?))
    });
    let (term, left) = match operator {
        Some((operator, value)) => {
            let (value, left) = value_of(value)?;
            (term_of(operator, value)?, left)
        }
        None => {
            let (value, left) = value_of(rest)?;
            (QueryTerm::Anywhere(text_of("a phrase", value)?), left)
        }
    };
    Ok((QueryPart { term, is_not }, left))
}

/// A word or a phrase, and what stands behind it.
fn value_of(text: &str) -> Result<(&str, &str), QueryError> {
    let Some(phrase) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok(text.split_at_checked(end).unwrap_or((text, "")));
    };
    let Some((phrase, left)) = phrase.split_once('"') else {
        return Err(error("has a quotation mark without its second one"));
    };
    if !left.is_empty() && !left.starts_with(char::is_whitespace) {
        return Err(error(
            "has text right behind a quotation mark: put a space between",
        ));
    }
    Ok((phrase, left))
}

fn term_of(operator: &str, value: &str) -> Result<QueryTerm, QueryError> {
    let text = || text_of(operator, value);
    let is = |other: &str| value.eq_ignore_ascii_case(other);
    Ok(match operator {
        "from" => QueryTerm::From(text()?),
        "to" => QueryTerm::To(text()?),
        "subject" => QueryTerm::Subject(text()?),
        "label" => QueryTerm::Label(text()?),
        "in" => QueryTerm::In(text()?),
        "thread" => QueryTerm::Thread(text()?),
        "has" if is("attachment") => QueryTerm::HasAttachment,
        "has" => return Err(error("takes only attachment behind has:")),
        "is" if is("unread") => QueryTerm::Seen(false),
        "is" if is("read") => QueryTerm::Seen(true),
        "is" if is("flagged") => QueryTerm::Flagged,
        "is" => return Err(error("takes unread, read or flagged behind is:")),
        "after" => QueryTerm::After(day_of(operator, value)?),
        "before" => QueryTerm::Before(day_of(operator, value)?),
        "larger" => QueryTerm::Larger(octets_of(operator, value)?),
        _ => QueryTerm::Smaller(octets_of(operator, value)?),
    })
}

fn text_of(what: &str, value: &str) -> Result<String, QueryError> {
    if value.is_empty() {
        let what = match what {
            "a phrase" => what.to_owned(),
            operator => format!("{operator}:"),
        };
        return Err(error(format!("has nothing in {what}")));
    }
    Ok(value.to_owned())
}

/// The unix day of `2026-01-31`.
fn day_of(operator: &str, value: &str) -> Result<i64, QueryError> {
    let wrong = || error(format!("takes a day such as 2026-01-31 behind {operator}:"));
    let octets = value.as_bytes();
    let is_form = octets.len() == 10
        && (octets.iter().enumerate()).all(|(at, octet)| match at {
            4 | 7 => *octet == b'-',
            _ => octet.is_ascii_digit(),
        });
    let number = |from: usize, to: usize| value.get(from..to).and_then(|n| n.parse::<i64>().ok());
    let date = (number(0, 4), number(5, 7), number(8, 10));
    let (Some(year), Some(month), Some(day)) = date else {
        return Err(wrong());
    };
    let unix_day = day_of_date(year, month, day);
    unix_day.filter(|_| is_form).ok_or_else(wrong)
}

/// Octets: a number, with `k` for 1,024 or `m` for 1,048,576.
fn octets_of(operator: &str, value: &str) -> Result<u64, QueryError> {
    let (digits, unit) = match value.as_bytes().last() {
        Some(b'k' | b'K') => (value.get(..value.len() - 1), 1 << 10),
        Some(b'm' | b'M') => (value.get(..value.len() - 1), 1 << 20),
        _ => (Some(value), 1),
    };
    let digits = digits.filter(|text| {
        (1..=12).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit())
    });
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| {
            error(format!(
                "takes octets such as 5000, 100k or 2m behind {operator}:"
            ))
        })
}

fn error(what: impl Into<String>) -> QueryError {
    QueryError(what.into())
}

/// Terms of one query.
const TERMS_MAX: usize = SEARCH_WORDS_MAX;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A query as its terms, each as the debugger shows it.
    fn shown(text: &str) -> String {
        match parse(text) {
            Ok(parts) => (parts.iter())
                .map(|part| format!("{}{:?}", if part.is_not { "-" } else { "" }, part.term))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("! {error}"),
        }
    }

    #[test]
    fn queries_have_terms() {
        for (text, want) in [
            ("", ""),
            ("  \t ", ""),
            ("report", r#"Anywhere("report")"#),
            ("two words", r#"Anywhere("two") Anywhere("words")"#),
            (r#""two words""#, r#"Anywhere("two words")"#),
            (
                r#"-"two words" x"#,
                r#"-Anywhere("two words") Anywhere("x")"#,
            ),
            ("-draft", r#"-Anywhere("draft")"#),
            ("- x", r#"Anywhere("-") Anywhere("x")"#),
            ("--x", r#"Anywhere("--x")"#),
            ("-", r#"Anywhere("-")"#),
            ("a-b", r#"Anywhere("a-b")"#),
            ("from:ann@x.test", r#"From("ann@x.test")"#),
            ("FROM:Ann", r#"From("Ann")"#),
            (r#"from:"Ann Lee" -to:bob"#, r#"From("Ann Lee") -To("bob")"#),
            (r#"subject:"q: 3""#, r#"Subject("q: 3")"#),
            ("label:urgent in:Sent", r#"Label("urgent") In("Sent")"#),
            (r#"in:"my folder/x""#, r#"In("my folder/x")"#),
            ("has:attachment", "HasAttachment"),
            ("-has:Attachment", "-HasAttachment"),
            (
                "is:unread is:READ is:flagged",
                "Seen(false) Seen(true) Flagged",
            ),
            ("after:1970-01-02", "After(1)"),
            ("before:2000-02-29", "Before(11016)"),
            ("larger:5", "Larger(5)"),
            ("larger:2k smaller:1M", "Larger(2048) Smaller(1048576)"),
            ("thread:thr_1", r#"Thread("thr_1")"#),
            ("foo:bar", r#"Anywhere("foo:bar")"#),
            ("http://x.test/a", r#"Anywhere("http://x.test/a")"#),
            ("12:30", r#"Anywhere("12:30")"#),
            (
                "OR AND NOT *",
                r#"Anywhere("OR") Anywhere("AND") Anywhere("NOT") Anywhere("*")"#,
            ),
            ("(a'b)", r#"Anywhere("(a'b)")"#),
            ("日本語\u{3000}é", r#"Anywhere("日本語") Anywhere("é")"#),
            (r#"a"b"#, r#"Anywhere("a\"b")"#),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused_in_words() {
        let many = "x ".repeat(TERMS_MAX + 1);
        for text in [
            r#"""#,
            r#"a "b"#,
            r#""a"b"#,
            r#""""#,
            r#"from:"""#,
            "from:",
            "from: ann",
            "-subject:",
            "has:files",
            "has:",
            "is:new",
            "after:yesterday",
            "after:2026-02-29",
            "after:2026-2-1",
            "after:2026-00-10",
            "before:",
            "before:+026-01-01",
            "larger:",
            "larger:k",
            "larger:-1",
            "larger:1g",
            "larger:99999999999999999999",
            &many,
        ] {
            assert!(shown(text).starts_with("! "), "{text}: {}", shown(text));
        }
        assert_eq!(parse(&"x ".repeat(TERMS_MAX)).unwrap().len(), TERMS_MAX);
    }
}
