//! Mailbox names and LIST patterns: from modified UTF-7 to the one spelling that calls use.
//!
//! A name that is not canonical is refused and not repaired, since no mailbox can have it. RFC
//! 3501 makes three exceptions: INBOX in any case is INBOX (section 5.1), a `/` at the end of
//! a name to be created is taken off (section 6.3.3), and a pattern that cannot be decoded is
//! not an error but matches nothing.

use std::borrow::Cow;

use super::lexer::{Lexer, is_atom};
use super::syntax::{Parsed, SyntaxError};
use crate::mail::utf7::utf7_decode;

/// A mailbox name in its one spelling: UTF-8, `/` between levels, the first level `INBOX` in
/// capitals, no empty level, no control character, no wildcard, at most 255 octets and 10
/// levels.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MailboxName(pub(crate) String);

impl MailboxName {
    /// A space and the name of a mailbox that may exist.
    pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        lexer.space()?;
        canonical(&lexer.astring()?)
    }

    /// A space and the name of a mailbox to be created.
    pub(crate) fn parse_new(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        lexer.space()?;
        let raw = lexer.astring()?;
        canonical(raw.strip_suffix(b"/").unwrap_or(&raw))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, for a call.
    pub fn into_string(self) -> String {
        self.0
    }
}

fn canonical(raw: &[u8]) -> Parsed<MailboxName> {
    // An octet of the decoded name comes from one to four encoded octets.
    if raw.len() > 4 * NAME_BYTES {
        return Err(SyntaxError::MailboxNameTooLong);
    }
    let mut name = utf7_decode(raw).ok_or(SyntaxError::MailboxName)?;
    upper_inbox(&mut name);
    if name.len() > NAME_BYTES || name.split('/').count() > DEPTH {
        return Err(SyntaxError::MailboxNameTooLong);
    }
    let is_bad = |c: char| c.is_control() || matches!(c, '%' | '*' | '\u{2028}' | '\u{2029}');
    let is_bad_level = |level: &str| matches!(level, "" | "." | "..");
    if name.chars().any(is_bad) || name.split('/').any(is_bad_level) {
        return Err(SyntaxError::MailboxName);
    }
    Ok(MailboxName(name))
}

/// Writes the first level in capitals if it is INBOX in any case. Otherwise there would be two
/// mailboxes of that name.
fn upper_inbox(name: &mut str) {
    let level = name.split('/').next().unwrap_or_default().len();
    if let Some(first) = name.get_mut(..level)
        && first.eq_ignore_ascii_case("INBOX")
    {
        first.make_ascii_uppercase();
    }
}

/// Reference and mailbox pattern of LIST and LSUB as one text: UTF-8 with the wildcards `*`
/// and `%`; `INBOX` as first level in capitals. At most 512 octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(pub String);

impl Pattern {
    /// The pattern behind its reference. An empty pattern stays empty (`LIST "" ""`).
    pub(crate) fn parse(lexer: &mut Lexer<'_>, reference: &[u8]) -> Parsed<Self> {
        let pattern = list_mailbox(lexer)?;
        if pattern.is_empty() {
            return Ok(Pattern(String::new()));
        }
        if reference.len() + pattern.len() > PATTERN_BYTES {
            return Err(SyntaxError::MailboxNameTooLong);
        }
        let raw = [reference, &pattern].concat();
        let mut text = match utf7_decode(&raw) {
            Some(text) => text,
            None => String::from_utf8_lossy(&raw).into_owned(),
        };
        upper_inbox(&mut text);
        Ok(Pattern(text))
    }
}

/// `list-mailbox`: an atom with wildcards, or a string.
fn list_mailbox<'a>(lexer: &mut Lexer<'a>) -> Parsed<Cow<'a, [u8]>> {
    match lexer.peek() {
        Some(b'"' | b'{') => lexer.string(),
        _ => Ok(Cow::Borrowed(
            lexer
                .word(|b| is_atom(b) || matches!(b, b'%' | b'*' | b']'))?
                .as_bytes(),
        )),
    }
}

/// Octets of a name, decoded.
const NAME_BYTES: usize = 255;
/// Levels of a name.
const DEPTH: usize = 10;
/// Octets of reference and pattern: two names.
const PATTERN_BYTES: usize = 512;
