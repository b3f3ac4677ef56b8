//! Mailbox names and LIST patterns: from modified UTF-7 to the one spelling that calls use.
//!
//! Parse, do not repair: a name that is not canonical is refused (it can name nothing that
//! exists), with three exceptions that RFC 3501 makes: INBOX in any case is INBOX (section
//! 5.1), a `/` at the end of a name to be made is taken off (section 6.3.3), and a pattern
//! that cannot be decoded is not wrong but matches nothing.

use super::lexer::{Lexer, Parsed, is_atom};
use crate::imap::types::{MailboxName, Pattern, SyntaxError};
use crate::mail::utf7::utf7_decode;

/// A mailbox that is there already, or not.
pub(in crate::imap) fn mailbox(lexer: &mut Lexer<'_>) -> Parsed<MailboxName> {
    name(&lexer.astring()?)
}

/// A mailbox to be made.
pub(in crate::imap) fn new_mailbox(lexer: &mut Lexer<'_>) -> Parsed<MailboxName> {
    let raw = lexer.astring()?;
    name(raw.strip_suffix(b"/").unwrap_or(&raw))
}

fn name(raw: &[u8]) -> Parsed<MailboxName> {
    // Each octet decoded has at least one, and at most 4, before.
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

/// The first level, if it is INBOX in any case, in capitals: else there would be two.
fn upper_inbox(name: &mut str) {
    let level = name.split('/').next().unwrap_or_default().len();
    if let Some(first) = name.get_mut(..level)
        && first.eq_ignore_ascii_case("INBOX")
    {
        first.make_ascii_uppercase();
    }
}

/// `list-mailbox`: an atom with wildcards, or a string.
pub(in crate::imap) fn pattern_text<'a>(
    lexer: &mut Lexer<'a>,
) -> Parsed<std::borrow::Cow<'a, [u8]>> {
    match lexer.peek() {
        Some(b'"' | b'{') => lexer.string(),
        _ => Ok(std::borrow::Cow::Borrowed(
            lexer
                .word(|b| is_atom(b) || matches!(b, b'%' | b'*' | b']'))?
                .as_bytes(),
        )),
    }
}

/// Reference and pattern, put together. An empty pattern stays empty (`LIST "" ""`).
pub(in crate::imap) fn pattern(reference: &[u8], pattern: &[u8]) -> Parsed<Pattern> {
    if pattern.is_empty() {
        return Ok(Pattern(String::new()));
    }
    if reference.len() + pattern.len() > PATTERN_BYTES {
        return Err(SyntaxError::MailboxNameTooLong);
    }
    let raw = [reference, pattern].concat();
    let mut text = match utf7_decode(&raw) {
        Some(text) => text,
        None => String::from_utf8_lossy(&raw).into_owned(),
    };
    upper_inbox(&mut text);
    Ok(Pattern(text))
}

/// Octets of a name, decoded.
const NAME_BYTES: usize = 255;
/// Levels of a name.
const DEPTH: usize = 10;
/// Octets of reference and pattern: two names.
const PATTERN_BYTES: usize = 512;
