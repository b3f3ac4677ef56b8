//! Writing of response lines: every octet that a session sends is written here.
//!
//! A [`ResponseLine`] is one line in the making. Its methods are the only way to add octets to
//! it, and none of them lets a text from outside become syntax: `put` takes text of the source
//! alone, a string is quoted if it is printable ASCII and a literal otherwise, an atom is
//! checked, and the text of a status response has no octet outside printable ASCII. So no
//! subject, file name, address or refusal can begin a line of its own.
//!
//! Not the decision which line is due (`command`, `view::tell`). A test of this folder refuses
//! any other file of `imap` that adds octets to the output.

use crate::call::{Countable, Flags, Noun, Refusal, UidSet};
use crate::imap::wire::Condition;
use crate::imap::wire::lexer::is_atom;
use crate::imap::wire::syntax::SyntaxError;
use crate::mail::time;
use crate::mail::utf7::utf7_encode;

/// `tag OK text`. `text` may begin with a response code in brackets.
pub fn tagged(out: &mut Vec<u8>, tag: &str, condition: Condition, text: &str) {
    let mut line = ResponseLine::tagged(out, tag);
    line.put(condition.word()).text(text);
    line.end();
}

/// `* text`, whole: `untagged(out, "OK Still here")`, `untagged(out, "BYE ...")`.
pub fn untagged(out: &mut Vec<u8>, text: &str) {
    let mut line = ResponseLine::untagged(out);
    line.text(text);
    line.end();
}

/// `* n EXISTS` and other lines of a number and a word.
pub fn counted(out: &mut Vec<u8>, n: u64, word: &'static str) {
    let mut line = ResponseLine::untagged(out);
    line.number(n).put(" ").put(word);
    line.end();
}

/// `+ text`; an empty text is the `+ ` of SASL.
pub fn continuation(out: &mut Vec<u8>, text: &str) {
    let mut line = ResponseLine::resume(out);
    line.put("+ ").text(text);
    line.end();
}

/// The answer to a line that is not a command; `tag` is `*` if the line has no tag.
pub fn syntax_error(out: &mut Vec<u8>, tag: &str, error: SyntaxError) {
    let (condition, code, words) = error.words();
    let mut line = ResponseLine::tagged(out, tag);
    line.put(condition.word()).put(code);
    line.put(if code.is_empty() { "" } else { " " }).put(words);
    line.end();
}

/// Response code and words of a refusal as one text.
pub fn refusal_text(refusal: &Refusal) -> String {
    let (code, mut words) = refusal_words(refusal);
    // Names of fields and of things that are counted begin with a small letter.
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    [code, " ", &words].concat()
}

/// As [`refusal_text`], for APPEND, COPY and MOVE: the client may create the mailbox and then
/// try again (RFC 3501 section 7.1, TRYCREATE).
pub fn target_refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound(Noun::Mailbox) => "[TRYCREATE] No such mailbox".to_owned(),
        refusal => refusal_text(refusal),
    }
}

/// Response code and words of every refusal (RFC 3501, RFC 5530, RFC 9051 section 7.1). The
/// match is exhaustive: the compiler asks for the words of a new refusal.
fn refusal_words(refusal: &Refusal) -> (&'static str, String) {
    let later = |ms: &u64| {
        let seconds = ms.div_ceil(1000).max(1);
        format!("Too many; try again in {seconds} s")
    };
    match refusal {
        Refusal::BadCredentials { .. } => (
            "[AUTHENTICATIONFAILED]",
            "Wrong inbox address or key".to_owned(),
        ),
        Refusal::LoginLimited { retry_ms, .. } => {
            let seconds = retry_ms.div_ceil(1000).max(1);
            let text = format!("Wrong key, too many from your address; try again in {seconds} s");
            ("[LIMIT]", text)
        }
        Refusal::MissingScope(scope) => (
            "[NOPERM]",
            format!("This key lacks the scope {}", scope.first_name()),
        ),
        Refusal::KeyExpired => ("[EXPIRED]", "The key has expired".to_owned()),
        Refusal::OrgDeleted => (
            "[NONEXISTENT]",
            "The organization has been deleted".to_owned(),
        ),
        Refusal::OperatorElsewhere => (
            "[AUTHENTICATIONFAILED]",
            "Wrong inbox address or key".to_owned(),
        ),
        Refusal::KeyBound => ("[NOPERM]", "This key is bound to other inboxes".to_owned()),
        Refusal::Loosens { field } => (
            "[NOPERM]",
            format!("This key is bound to inboxes and may not loosen {field}"),
        ),
        Refusal::DomainNotVerified { domain } => {
            ("[NOPERM]", format!("The domain {domain} is not verified"))
        }
        Refusal::NotFound(noun) => ("[NONEXISTENT]", format!("No such {}", noun.name())),
        Refusal::Exists(noun) => (
            "[ALREADYEXISTS]",
            format!("That {} is there already", noun.name()),
        ),
        Refusal::RelayDenied => ("[CANNOT]", "Not a local address".to_owned()),
        Refusal::NoSuchInbox | Refusal::NoSuchRecipient { .. } => {
            ("[NONEXISTENT]", "No such inbox".to_owned())
        }
        Refusal::SenderNotAllowed => (
            "[NOPERM]",
            "This key may not send as that address".to_owned(),
        ),
        Refusal::BadFrom(fault) => ("[CANNOT]", format!("From: {}", fault.reason())),
        Refusal::BadAddress { field, .. } => ("[CANNOT]", format!("{field}: not an address")),
        Refusal::InvalidPlace { field, why } => ("[CANNOT]", format!("{field}: {why}")),
        Refusal::Invalid { field, why } => ("[CANNOT]", format!("{field}: {why}")),
        Refusal::TooBig { what, max } => ("[TOOBIG]", format!("{}: at most {max}", what.name())),
        Refusal::Loop => ("[CANNOT]", "Too many Received fields".to_owned()),
        Refusal::DmarcPolicy { domain } => ("[CANNOT]", format!("{domain} refuses the message")),
        Refusal::StrayOctets => ("[CANNOT]", "The message has a NUL".to_owned()),
        Refusal::OverQuota { of, max } => (
            "[OVERQUOTA]",
            format!(
                "The {} is full: at most {max} octets; delete messages",
                of.name()
            ),
        ),
        Refusal::Policy(refusal) => ("[NOPERM]", refusal.reason.says().to_owned()),
        Refusal::RateLimited { retry_ms, .. } => ("[LIMIT]", later(retry_ms)),
        Refusal::Limit { what, max } => {
            let advice = match what {
                Countable::Messages => ", delete some or move them elsewhere first",
                Countable::Keywords => ", remove some first",
                Countable::MailboxKeywords => {
                    ", use one of them, or take one away from all messages first"
                }
                _ => "",
            };
            let text = format!("{}: at most {max}{advice}", what.name());
            ("[LIMIT]", text)
        }
        Refusal::IdempotencyConflict => (
            "[CANNOT]",
            "The idempotency key was used with another request".to_owned(),
        ),
        Refusal::Conflict(reason) => ("[CANNOT]", reason.reason().to_owned()),
        Refusal::Expired { .. } => ("[UNAVAILABLE]", "No longer kept".to_owned()),
        Refusal::SearchDeadline => ("[LIMIT]", "The search took too long".to_owned()),
        Refusal::MemoryShort => ("[LIMIT]", "Too much mail is under way".to_owned()),
        Refusal::NoSpace => ("[LIMIT]", "The disk is full".to_owned()),
        Refusal::Internal => ("[UNAVAILABLE]", "Our fault; try again later".to_owned()),
        Refusal::Damaged => (
            "[SERVERBUG]",
            "A stored message is damaged and left out; the server's log names it".to_owned(),
        ),
        Refusal::Stopping => ("[UNAVAILABLE]", "The server is stopping".to_owned()),
    }
}

/// One line of a response, in the making. It is complete after [`ResponseLine::end`]; a line
/// that is longer than the output may hold goes on later with [`ResponseLine::resume`].
#[derive(Debug)]
pub struct ResponseLine<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> ResponseLine<'o> {
    /// Begins with `* `.
    pub fn untagged(out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* ");
        ResponseLine { out }
    }

    /// Begins with the tag of the command.
    pub fn tagged(out: &'o mut Vec<u8>, tag: &str) -> Self {
        let mut line = ResponseLine { out };
        line.text(tag).put(" ");
        line
    }

    /// Goes on with a line whose beginning has been written already.
    pub fn resume(out: &'o mut Vec<u8>) -> Self {
        ResponseLine { out }
    }

    /// Octets in the output.
    pub fn output_bytes(&self) -> usize {
        self.out.len()
    }

    /// The CRLF.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    /// Syntax: text of the source, never of a client or a message.
    pub fn put(&mut self, syntax: &'static str) -> &mut Self {
        debug_assert!(!syntax.bytes().any(|b| b.is_ascii_control()));
        self.out.extend_from_slice(syntax.as_bytes());
        self
    }

    /// Text of a status response: printable ASCII stays, every other octet becomes `?`.
    pub fn text(&mut self, words: &str) -> &mut Self {
        self.out.extend(words.bytes().map(|b| match b {
            b' '..=b'~' => b,
            _ => b'?',
        }));
        self
    }

    /// A number.
    pub fn number(&mut self, n: u64) -> &mut Self {
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
        self.out
            .extend_from_slice(digits.get(at..).unwrap_or_default());
        self
    }

    /// A string: quoted if it is short printable ASCII, a literal otherwise. IMAP has no NUL
    /// even in literals (RFC 3501 section 9, CHAR8): it becomes `?`.
    pub fn string(&mut self, octets: &[u8]) -> &mut Self {
        let is_quotable =
            octets.len() <= QUOTED_BYTES && octets.iter().all(|b| matches!(b, b' '..=b'~'));
        if !is_quotable {
            self.literal_head(octets.len());
            if memchr::memchr(0, octets).is_none() {
                self.out.extend_from_slice(octets);
            } else {
                self.out
                    .extend(octets.iter().map(|&b| if b == 0 { b'?' } else { b }));
            }
            return self;
        }
        self.out.push(b'"');
        let mut rest = octets;
        while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
            let (plain, special) = rest.split_at(at);
            self.out.extend_from_slice(plain);
            self.out.push(b'\\');
            self.out.extend(special.first());
            rest = special.get(1..).unwrap_or_default();
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
        self
    }

    /// A string, or NIL.
    pub fn nstring(&mut self, octets: Option<&[u8]>) -> &mut Self {
        match octets {
            Some(octets) => self.string(octets),
            None => self.put("NIL"),
        }
    }

    /// An atom if the octets are one, a string otherwise.
    pub fn astring(&mut self, octets: &[u8]) -> &mut Self {
        let is_special = |b: &u8| matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\');
        let is_atom = !octets.is_empty()
            && octets.len() <= QUOTED_BYTES
            && octets
                .iter()
                .all(|b| b.is_ascii_graphic() && !is_special(b))
            && !octets.eq_ignore_ascii_case(b"NIL");
        if !is_atom {
            return self.string(octets);
        }
        self.out.extend_from_slice(octets);
        self
    }

    /// A mailbox name in modified UTF-7.
    pub fn mailbox(&mut self, name: &str) -> &mut Self {
        self.astring(utf7_encode(name).as_bytes())
    }

    /// The name of a header field in the name of a section: as it is if it is made of letters,
    /// digits, `-`, `_` and `.`. A `]` may stand in an astring, but clients look for it to
    /// find the end of the section.
    pub fn field_name(&mut self, name: &str) -> &mut Self {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !name.bytes().all(is_plain) {
            return self.string(name.as_bytes());
        }
        self.out.extend_from_slice(name.as_bytes());
        self
    }

    /// `{n}` and CRLF: [`ResponseLine::literal_octets`] has to follow with `n` octets in all.
    pub fn literal_head(&mut self, n: usize) -> &mut Self {
        self.put("{").number(n as u64);
        self.out.extend_from_slice(b"}\r\n");
        self
    }

    /// Octets of a literal that has been announced, as they are.
    pub fn literal_octets(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }

    /// `1:3,7`. The empty set has no form in IMAP: the caller does not write it.
    pub fn set(&mut self, set: &UidSet) -> &mut Self {
        self.ranges(set.ranges())
    }

    /// As [`ResponseLine::set`], in the order given.
    pub fn ranges(&mut self, ranges: &[(u32, u32)]) -> &mut Self {
        for (i, &(low, high)) in ranges.iter().enumerate() {
            if i > 0 {
                self.put(",");
            }
            self.number(u64::from(low));
            if low != high {
                self.put(":").number(u64::from(high));
            }
        }
        self
    }

    /// `(\Seen \Recent label)`. Keywords are atoms by the rules of STORE and of the API; a
    /// keyword that is not an atom is left out.
    pub fn flags(&mut self, flags: Flags, recent: bool, keywords: &[String]) -> &mut Self {
        self.flag_list(flags, recent, keywords, "")
    }

    /// Every system flag, the keywords in use, and `last` if it is not empty.
    pub fn all_flags(&mut self, keywords: &[String], last: &'static str) -> &mut Self {
        let every = Flags::NAMES
            .iter()
            .fold(Flags::NONE, |all, (_, flag)| all.with(*flag));
        self.flag_list(every, false, keywords, last)
    }

    fn flag_list(
        &mut self,
        flags: Flags,
        recent: bool,
        keywords: &[String],
        last: &'static str,
    ) -> &mut Self {
        let system = Flags::NAMES.iter().filter(|(_, bit)| flags.has(*bit));
        let words = system
            .map(|(name, _)| *name)
            .chain(recent.then_some("\\Recent"))
            .chain(
                keywords
                    .iter()
                    .map(String::as_str)
                    .filter(|k| is_keyword(k)),
            )
            .chain(Some(last).filter(|last| !last.is_empty()));
        self.put("(");
        for (i, word) in words.enumerate() {
            if i > 0 {
                self.put(" ");
            }
            self.out.extend_from_slice(word.as_bytes());
        }
        self.put(")")
    }

    /// `"17-Jul-1996 09:44:25 +0000"`, from unix milliseconds; a year outside 1 to 9999
    /// becomes the nearest of them.
    pub fn internal_date(&mut self, unix_ms: i64) -> &mut Self {
        self.put("\"");
        time::push_imap_date_time(self.out, unix_ms);
        self.put("\"")
    }
}

fn is_keyword(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_atom)
}

/// Octets of a quoted string; a longer one is a literal, which spares the line buffer of the
/// client.
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

    fn part(write: impl FnOnce(&mut ResponseLine<'_>)) -> String {
        written(|out| write(&mut ResponseLine::resume(out)))
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
            let got = part(|line| {
                line.string(octets);
            });
            assert_eq!(got, expected);
        }
        let long = part(|line| {
            line.string(&[b'x'; 1001]);
        });
        assert!(long.starts_with("{1001}\r\n"));
        let nil = part(|line| {
            line.nstring(None);
        });
        assert_eq!(nil, "NIL");
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
            let got = part(|line| {
                line.mailbox(name);
            });
            assert_eq!(got, expected);
        }
        for (name, expected) in [("From", "From"), ("x(", "\"x(\""), ("a]", "\"a]\"")] {
            let got = part(|line| {
                line.field_name(name);
            });
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_text_stays_on_its_line() {
        let evil = Refusal::Invalid {
            field: "x",
            why: "a\r\n* BYE ü\0".to_owned(),
        };
        let no = |refusal: &Refusal| {
            written(|out| tagged(out, "t", Condition::No, &refusal_text(refusal)))
        };
        assert_eq!(no(&evil), "t NO [CANNOT] X: a??* BYE ???\r\n");
        let missing = Refusal::NotFound(Noun::Mailbox);
        assert_eq!(
            written(|out| tagged(out, "t", Condition::No, &target_refusal_text(&missing))),
            "t NO [TRYCREATE] No such mailbox\r\n"
        );
        assert_eq!(no(&missing), "t NO [NONEXISTENT] No such mailbox\r\n");
        assert_eq!(target_refusal_text(&evil), refusal_text(&evil));
        assert_eq!(
            written(|out| tagged(out, "t", Condition::Ok, "[X] y")),
            "t OK [X] y\r\n"
        );
        assert_eq!(
            written(|out| tagged(out, "t\r\n*", Condition::Bad, "a\nb\r\0")),
            "t??* BAD a?b??\r\n"
        );
        assert_eq!(
            written(|out| syntax_error(out, "*", SyntaxError::Tag)),
            "* BAD A tag is missing\r\n"
        );
        assert_eq!(
            written(|out| syntax_error(out, "t", SyntaxError::Charset)),
            "t NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset; UTF-8 is best\r\n"
        );
        assert_eq!(written(|out| untagged(out, "BYE a\r\nb")), "* BYE a??b\r\n");
        assert_eq!(written(|out| continuation(out, "")), "+ \r\n");
        assert_eq!(
            written(|out| continuation(out, "\r\nx")),
            "+ ??x\r\n",
            "a continuation is a line, too"
        );
        assert_eq!(written(|out| counted(out, 3, "EXISTS")), "* 3 EXISTS\r\n");
    }

    #[test]
    fn numbers_dates_and_flags() {
        for n in [0, 7, 10, 4_294_967_295, u64::MAX] {
            let got = part(|line| {
                line.number(n);
            });
            assert_eq!(got, n.to_string());
        }
        for (ms, expected) in [
            (837_596_665_123, "\"17-Jul-1996 09:44:25 +0000\""),
            (0, "\"01-Jan-1970 00:00:00 +0000\""),
            (-1, "\"31-Dec-1969 23:59:59 +0000\""),
            (i64::MAX, "\"31-Dec-9999 23:59:59 +0000\""),
            (i64::MIN, "\"01-Jan-0001 00:00:00 +0000\""),
        ] {
            let got = part(|line| {
                line.internal_date(ms);
            });
            assert_eq!(got, expected);
        }
        let labels = ["a".to_owned(), "b c".to_owned(), "d)\r\n".to_owned()];
        let some = part(|line| {
            line.flags(Flags::SEEN.with(Flags::DRAFT), true, &labels);
        });
        assert_eq!(some, "(\\Seen \\Draft \\Recent a)");
        let none = part(|line| {
            line.flags(Flags::NONE, false, &[]);
        });
        assert_eq!(none, "()");
        let all = part(|line| {
            line.all_flags(&labels, "\\*");
        });
        assert!(all.starts_with("(\\") && all.ends_with(" a \\*)"), "{all}");
        let uids = UidSet::from_ranges([(1, 3), (7, 7)]);
        let set = part(|line| {
            line.set(&uids);
        });
        assert_eq!(set, "1:3,7");
    }

    #[test]
    fn every_text_of_a_refusal_is_a_sentence() {
        let limit = |what| Refusal::Limit { what, max: 5 };
        for refusal in [
            Refusal::KeyExpired,
            Refusal::OrgDeleted,
            Refusal::IdempotencyConflict,
            limit(Countable::Sessions),
            limit(Countable::Keywords),
            Refusal::TooBig {
                what: crate::call::Bounded::MessageOctets,
                max: 5,
            },
            Refusal::Invalid {
                field: "mailbox",
                why: "is too long".into(),
            },
            Refusal::Conflict(crate::call::ConflictReason::MailboxBelowItself),
        ] {
            let text = refusal_text(&refusal);
            let (code, words) = text.split_once("] ").unwrap();
            assert!(code.starts_with('['), "{text}");
            assert!(
                words.starts_with(|c: char| c.is_ascii_uppercase()),
                "{text}"
            );
        }
    }
}
