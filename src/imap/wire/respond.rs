//! Writing: lines, strings, flags, dates, codes, and the words for every refusal.
//!
//! Each function appends to the output. The rule: nothing that a stranger wrote reaches the
//! peer as syntax. A string is quoted if it is printable ASCII, else a literal; a line of
//! text has no octet outside printable ASCII; an atom is checked. So no subject, file name
//! or address can begin a line of our answers.

use crate::call::{Flags, Receipt, Refusal, UidSet};
use crate::imap::types::{Fault, SyntaxError};
use crate::mail::time;
use crate::mail::utf7::utf7_encode;

/// `tag OK text`. `text` may begin with a code in brackets. For what has changed nothing;
/// [`done`] is for what has.
pub fn ok(out: &mut Vec<u8>, tag: &str, text: &str) {
    tagged(out, tag, "OK", "", text);
}

/// `tag OK text` for a command that changed something: only a commit makes a receipt.
pub fn done(out: &mut Vec<u8>, tag: &str, _committed: Receipt, text: &str) {
    tagged(out, tag, "OK", "", text);
}

/// `tag NO code text`; `code` has its brackets or is empty.
pub fn no(out: &mut Vec<u8>, tag: &str, code: &str, text: &str) {
    tagged(out, tag, "NO", code, text);
}

/// `tag BAD text`
pub fn bad(out: &mut Vec<u8>, tag: &str, text: &str) {
    tagged(out, tag, "BAD", "", text);
}

fn tagged(out: &mut Vec<u8>, tag: &str, condition: &str, code: &str, words: &str) {
    out.extend_from_slice(tag.as_bytes());
    out.push(b' ');
    out.extend_from_slice(condition.as_bytes());
    if !code.is_empty() {
        out.push(b' ');
        out.extend_from_slice(code.as_bytes());
    }
    out.push(b' ');
    text(out, words);
    out.extend_from_slice(b"\r\n");
}

/// `* text`, whole: `untagged(out, "OK Still here")`, `untagged(out, "BYE ...")`.
pub fn untagged(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(b"* ");
    text(out, line);
    out.extend_from_slice(b"\r\n");
}

/// `* n EXISTS` and its like.
pub fn counted(out: &mut Vec<u8>, n: u64, word: &str) {
    out.extend_from_slice(b"* ");
    number(out, n);
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `+ text`; an empty text is the `+ ` of SASL.
pub fn continuation(out: &mut Vec<u8>, words: &str) {
    out.extend_from_slice(b"+ ");
    text(out, words);
    out.extend_from_slice(b"\r\n");
}

/// The answer to a line that is no command.
pub fn fault(out: &mut Vec<u8>, fault: &Fault<'_>) {
    syntax_error(out, fault.tag, fault.error);
}

/// As [`fault`], for what `frame` has refused.
pub fn syntax_error(out: &mut Vec<u8>, tag: Option<&str>, error: SyntaxError) {
    let (bad, code, words) = error.words();
    let condition = if bad { "BAD" } else { "NO" };
    tagged(out, tag.unwrap_or("*"), condition, code, words);
}

/// The answer to a refused call. `makes` is for APPEND, COPY and MOVE, whose mailbox the
/// client may create and then try again (RFC 3501 section 7.1, TRYCREATE).
pub fn refused(out: &mut Vec<u8>, tag: &str, refusal: &Refusal, makes: bool) {
    let (code, words) = match refusal {
        Refusal::NotFound("mailbox") if makes => {
            ("[TRYCREATE]", "No such mailbox; create it first".to_owned())
        }
        _ => refusal_words(refusal),
    };
    no(out, tag, code, &words);
}

/// Code and words of every refusal (RFC 3501, RFC 5530, RFC 9051 section 7.1). It matches
/// exhaustively: a new refusal has to say something here.
pub fn refusal_words(refusal: &Refusal) -> (&'static str, String) {
    let later = |ms: &u64| {
        let seconds = ms.div_ceil(1000).max(1);
        format!("Too many; try again in {seconds} s")
    };
    match refusal {
        Refusal::BadCredentials { .. } => (
            "[AUTHENTICATIONFAILED]",
            "Wrong inbox address or key".to_owned(),
        ),
        Refusal::LoginLimited { retry_ms } => ("[LIMIT]", later(retry_ms)),
        Refusal::MissingScope(scope) => ("[NOPERM]", format!("This key lacks the scope {scope}")),
        Refusal::NotFound(what) => ("[NONEXISTENT]", format!("No such {what}")),
        Refusal::Exists(what) => ("[ALREADYEXISTS]", format!("That {what} is there already")),
        Refusal::RelayDenied => ("[CANNOT]", "Not a local address".to_owned()),
        Refusal::NoSuchInbox | Refusal::NoSuchRecipient { .. } => {
            ("[NONEXISTENT]", "No such inbox".to_owned())
        }
        Refusal::SenderNotAllowed => (
            "[NOPERM]",
            "This key may not send as that address".to_owned(),
        ),
        Refusal::BadFrom(why) => ("[CANNOT]", format!("From: {why}")),
        Refusal::InvalidPlace { field, why } => ("[CANNOT]", format!("{field}: {why}")),
        Refusal::Invalid { field, why } => ("[CANNOT]", format!("{field}: {why}")),
        Refusal::TooBig { what, max } => ("[TOOBIG]", format!("{what}: at most {max}")),
        Refusal::Loop => ("[CANNOT]", "Too many Received fields".to_owned()),
        Refusal::StrayOctets => (
            "[CANNOT]",
            "The message has a bare CR, a bare LF or a NUL".to_owned(),
        ),
        Refusal::OverQuota => ("[OVERQUOTA]", "The inbox is full".to_owned()),
        Refusal::RateLimited { retry_ms, .. } => ("[LIMIT]", later(retry_ms)),
        Refusal::Limit { what, max } => ("[LIMIT]", format!("{what}: at most {max}")),
        Refusal::IdempotencyConflict(why) | Refusal::Conflict(why) => {
            ("[CANNOT]", (*why).to_owned())
        }
        Refusal::Expired { .. } => ("[UNAVAILABLE]", "No longer kept".to_owned()),
        Refusal::SearchDeadline => ("[LIMIT]", "The search took too long".to_owned()),
        Refusal::NoSpace => ("[LIMIT]", "The disk is full".to_owned()),
        Refusal::Internal => ("[UNAVAILABLE]", "Our fault; try again later".to_owned()),
        Refusal::Stopping => ("[UNAVAILABLE]", "The server is stopping".to_owned()),
    }
}

/// Text of a line: printable ASCII as it is, everything else as `?`.
pub fn text(out: &mut Vec<u8>, words: &str) {
    out.extend(words.bytes().map(|b| match b {
        b' '..=b'~' => b,
        _ => b'?',
    }));
}

/// A string: quoted if that is safe, else a literal. IMAP has no NUL even in literals
/// (RFC 3501 section 9, CHAR8): it becomes `?`.
pub fn string(out: &mut Vec<u8>, octets: &[u8]) {
    let is_quotable =
        octets.len() <= QUOTED_BYTES && octets.iter().all(|b| matches!(b, b' '..=b'~'));
    if !is_quotable {
        literal_head(out, octets.len());
        if memchr::memchr(0, octets).is_none() {
            out.extend_from_slice(octets);
        } else {
            out.extend(octets.iter().map(|&b| if b == 0 { b'?' } else { b }));
        }
        return;
    }
    out.push(b'"');
    let mut rest = octets;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend(special.first());
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// `{n}` and CRLF: `n` octets have to follow.
pub fn literal_head(out: &mut Vec<u8>, n: usize) {
    out.push(b'{');
    number(out, n as u64);
    out.extend_from_slice(b"}\r\n");
}

/// A string, or NIL.
pub fn nstring(out: &mut Vec<u8>, octets: Option<&[u8]>) {
    match octets {
        Some(octets) => string(out, octets),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// As an atom where it is one, else as a string.
pub fn astring(out: &mut Vec<u8>, octets: &[u8]) {
    let is_special = |b: &u8| matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\');
    let is_atom = !octets.is_empty()
        && octets.len() <= QUOTED_BYTES
        && octets
            .iter()
            .all(|b| b.is_ascii_graphic() && !is_special(b))
        && !octets.eq_ignore_ascii_case(b"NIL");
    if is_atom {
        out.extend_from_slice(octets);
    } else {
        string(out, octets);
    }
}

/// A mailbox name in modified UTF-7.
pub fn mailbox(out: &mut Vec<u8>, name: &str) {
    astring(out, utf7_encode(name).as_bytes());
}

/// A number.
pub fn number(out: &mut Vec<u8>, n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut left = n;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
        at -= 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// `1:3,7`. The empty set has no form in IMAP: the caller does not write it.
pub fn set(out: &mut Vec<u8>, set: &UidSet) {
    for (i, &(low, high)) in set.ranges().iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        number(out, u64::from(low));
        if low != high {
            out.push(b':');
            number(out, u64::from(high));
        }
    }
}

/// `(\Seen \Recent label)`. Keywords are atoms by decisions.md 13; one that is none is left out.
pub fn flags(out: &mut Vec<u8>, flags: Flags, recent: bool, keywords: &[String]) {
    out.push(b'(');
    let empty = out.len();
    let mut flag = |name: &[u8]| {
        if out.len() > empty {
            out.push(b' ');
        }
        out.extend_from_slice(name);
    };
    for (name, bit) in Flags::NAMES {
        if flags.has(bit) {
            flag(name.as_bytes());
        }
    }
    if recent {
        flag(b"\\Recent");
    }
    for keyword in keywords.iter().filter(|keyword| is_keyword(keyword)) {
        flag(keyword.as_bytes());
    }
    out.push(b')');
}

fn is_keyword(text: &str) -> bool {
    let is_special = |b: u8| matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !is_special(b))
}

/// `"17-Jul-1996 09:44:25 +0000"`, from unix milliseconds; years outside 1 to 9999 become the
/// nearest of them.
pub fn internal_date(out: &mut Vec<u8>, unix_ms: i64) {
    out.push(b'"');
    time::push_imap_date_time(out, unix_ms);
    out.push(b'"');
}

/// Octets of a quoted string; above, a literal is easier on everybody's line buffer.
const QUOTED_BYTES: usize = 1_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_quoted_only_if_safe() {
        for (octets, expected) in [
            (&b"plain"[..], "\"plain\""),
            (b"", "\"\""),
            (b"a\"b\\c", "\"a\\\"b\\\\c\""),
            (b"a\r\n* BYE", "{8}\r\na\r\n* BYE"),
            (b"a\0b", "{3}\r\na?b"),
            ("ü".as_bytes(), "{2}\r\nü"),
            (b"\x7f", "{1}\r\n\x7f"),
            (b"\t", "{1}\r\n\t"),
            (b"{3}", "\"{3}\""),
        ] {
            assert_eq!(written(|out| string(out, octets)), expected);
        }
        assert!(written(|out| string(out, &[b'x'; 1001])).starts_with("{1001}\r\n"));
        assert_eq!(written(|out| nstring(out, None)), "NIL");
        for (name, expected) in [
            ("INBOX", "INBOX"),
            ("a b", "\"a b\""),
            ("Entwürfe", "Entw&APw-rfe"),
            ("a&b", "a&-b"),
            ("nil", "\"nil\""),
            ("", "\"\""),
            ("a\"(", "\"a\\\"(\""),
            ("a\r\n", "a&AA0ACg-"),
        ] {
            assert_eq!(written(|out| mailbox(out, name)), expected);
        }
    }

    #[test]
    fn lines_have_one_line() {
        let evil = Refusal::Invalid {
            field: "x",
            why: "a\r\n* BYE ü\0".to_owned(),
        };
        assert_eq!(
            written(|out| refused(out, "t", &evil, false)),
            "t NO [CANNOT] x: a??* BYE ???\r\n"
        );
        let gone = Refusal::NotFound("mailbox");
        assert_eq!(
            written(|out| refused(out, "t", &gone, true)),
            "t NO [TRYCREATE] No such mailbox; create it first\r\n"
        );
        assert_eq!(
            written(|out| refused(out, "t", &gone, false)),
            "t NO [NONEXISTENT] No such mailbox\r\n"
        );
        assert_eq!(written(|out| ok(out, "t", "[X] y")), "t OK [X] y\r\n");
        assert_eq!(
            written(|out| syntax_error(out, None, SyntaxError::Tag)),
            "* BAD A tag is missing\r\n"
        );
        assert_eq!(
            written(|out| syntax_error(out, Some("t"), SyntaxError::Charset)),
            "t NO [BADCHARSET (US-ASCII UTF-8)] Only US-ASCII and UTF-8\r\n"
        );
        assert_eq!(written(|out| continuation(out, "")), "+ \r\n");
        assert_eq!(written(|out| counted(out, 3, "EXISTS")), "* 3 EXISTS\r\n");
    }

    #[test]
    fn numbers_dates_and_flags() {
        for n in [0, 7, 10, 4_294_967_295, u64::MAX] {
            assert_eq!(written(|out| number(out, n)), n.to_string());
        }
        for (ms, expected) in [
            (837_596_665_123, "\"17-Jul-1996 09:44:25 +0000\""),
            (0, "\"01-Jan-1970 00:00:00 +0000\""),
            (-1, "\"31-Dec-1969 23:59:59 +0000\""),
            (i64::MAX, "\"31-Dec-9999 23:59:59 +0000\""),
            (i64::MIN, "\"01-Jan-0001 00:00:00 +0000\""),
        ] {
            assert_eq!(written(|out| internal_date(out, ms)), expected);
        }
        let labels = ["a".to_owned(), "b c".to_owned(), "d)\r\n".to_owned()];
        assert_eq!(
            written(|out| flags(out, Flags::SEEN.with(Flags::DRAFT), true, &labels)),
            "(\\Seen \\Draft \\Recent a)"
        );
        assert_eq!(written(|out| flags(out, Flags::NONE, false, &[])), "()");
        let uids = UidSet::from_ranges([(1, 3), (7, 7)]);
        assert_eq!(written(|out| set(out, &uids)), "1:3,7");
    }
}
