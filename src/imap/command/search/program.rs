//! Search keys (RFC 3501 section 6.4.4, RFC 7162 section 3.1.5): their grammar, as a program
//! in postfix order.
//!
//! The stack of open groups is explicit and bounded, so nested keys of a client are not nested
//! calls of functions. A text is of the charset that CHARSET names, else UTF-8. SORT and THREAD
//! (RFC 5256) have the same keys.

use crate::call::{Flags, SearchKey, UidSet};
use crate::imap::wire::lexer::{Lexer, is_atom};
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::{Parsed, SyntaxError};
use crate::mail::parse::charset::{self, Charset};

/// A search in postfix order, so that neither parsing nor resolving it recurses; at most 200
/// keys, nested at most 32 deep.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchProgram {
    ops: Vec<SearchOp>,
    /// It has a MODSEQ key: the answer has the highest MODSEQ found, and CONDSTORE is on.
    pub modseq: bool,
    /// The charset of the texts; `None` is UTF-8.
    charset: Option<Charset>,
}

/// One step of a [`SearchProgram`].
#[derive(Clone, PartialEq, Eq, Debug)]
enum SearchOp {
    /// Pushes a key that needs nothing of the session.
    Key(SearchKey),
    /// Pushes the messages with these sequence numbers.
    Numbers(SequenceSet),
    /// Pushes the messages with these UIDs.
    Uids(SequenceSet),
    /// Pushes the messages that are `\Recent` here.
    Recent,
    /// Negates the top.
    Not,
    /// Either of the top two.
    Or,
    /// All of the top so many.
    And(usize),
}

/// A set that only the session can turn into UIDs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unresolved<'a> {
    /// Sequence numbers, as this client counts.
    Numbers(&'a SequenceSet),
    /// UIDs; only `*` needs the session.
    Uids(&'a SequenceSet),
    /// `\Recent` to this session.
    Recent,
}

impl SearchProgram {
    /// The keys up to the end of the command, from behind a space; before them CHARSET, if it
    /// is there. `ahead` is the name of the first key if it has been read already.
    pub(crate) fn parse<'a>(lexer: &mut Lexer<'a>, mut ahead: Option<&'a str>) -> Parsed<Self> {
        let mut program = SearchProgram::default();
        if ahead == Some("CHARSET") {
            lexer.space()?;
            let name = lexer.astring()?;
            program.charset = charset::named(Some(&name));
            let is_known = program.charset.is_some() || charset::is_ascii_name(&name);
            // An octet NUL cannot be sent, and these have one in nearly all text.
            if !is_known || program.charset.is_some_and(Charset::is_wide) {
                return Err(SyntaxError::Charset);
            }
            lexer.space()?;
            ahead = key_name(lexer)?;
        }
        keys(lexer, ahead, &mut program)?;
        Ok(program)
    }

    /// The key for a call, with sets resolved by the session.
    pub fn into_key(self, mut resolve: impl FnMut(Unresolved<'_>) -> UidSet) -> SearchKey {
        let mut stack: Vec<SearchKey> = Vec::with_capacity(self.ops.len());
        for op in self.ops {
            let key = match op {
                SearchOp::Key(key) => key,
                SearchOp::Numbers(set) => SearchKey::Uids(resolve(Unresolved::Numbers(&set))),
                SearchOp::Uids(set) => SearchKey::Uids(resolve(Unresolved::Uids(&set))),
                SearchOp::Recent => SearchKey::Uids(resolve(Unresolved::Recent)),
                SearchOp::Not => SearchKey::Not(Box::new(stack.pop().unwrap_or(SearchKey::All))),
                SearchOp::Or => {
                    let right = stack.pop().unwrap_or(SearchKey::All);
                    let left = stack.pop().unwrap_or(SearchKey::All);
                    SearchKey::Or(Box::new(left), Box::new(right))
                }
                SearchOp::And(n) => {
                    let from = stack.len().saturating_sub(n);
                    let mut keys = stack.split_off(from);
                    match keys.pop() {
                        Some(only) if keys.is_empty() => only,
                        Some(last) => {
                            keys.push(last);
                            SearchKey::And(keys)
                        }
                        None => SearchKey::All,
                    }
                }
            };
            stack.push(key);
        }
        stack.pop().unwrap_or(SearchKey::All)
    }
}

/// A group that waits for keys.
#[derive(Clone, Copy)]
enum OpenGroup {
    /// The command itself, or parentheses, with so many keys.
    Group(usize),
    /// NOT
    Not,
    /// OR, with its first key or without.
    Or(bool),
}

/// All keys. `ahead` is the name of the first if it has been read already.
fn keys<'a>(
    lexer: &mut Lexer<'a>,
    mut ahead: Option<&'a str>,
    program: &mut SearchProgram,
) -> Parsed<()> {
    let mut stack = vec![OpenGroup::Group(0)];
    let mut count = 0;
    loop {
        // One key, or the beginning of one.
        let name = match ahead.take() {
            Some(name) => Some(name),
            None => key_name(lexer)?,
        };
        let opened = match name {
            Some("NOT") => Some(OpenGroup::Not),
            Some("OR") => Some(OpenGroup::Or(false)),
            None if lexer.eat(b'(') => Some(OpenGroup::Group(0)),
            _ => None,
        };
        if let Some(open) = opened {
            if stack.len() > DEPTH {
                return Err(SyntaxError::Depth);
            }
            if name.is_some() {
                lexer.space()?;
            }
            stack.push(open);
            continue;
        }
        count += 1;
        if count > KEYS_MAX {
            return Err(SyntaxError::TooMany);
        }
        match name {
            Some(name) => key(lexer, name, program)?,
            None => {
                let set = SequenceSet::parse(lexer).map_err(|error| match error {
                    SyntaxError::TooMany => error,
                    _ => SyntaxError::SearchKey,
                })?;
                program.ops.push(SearchOp::Numbers(set));
            }
        }
        if close(lexer, &mut stack, program)? {
            return Ok(());
        }
    }
}

/// A key is complete: closes what it completes. `true` at the end of the command.
fn close(
    lexer: &mut Lexer<'_>,
    stack: &mut Vec<OpenGroup>,
    program: &mut SearchProgram,
) -> Parsed<bool> {
    while let Some(open) = stack.pop() {
        match open {
            OpenGroup::Not => program.ops.push(SearchOp::Not),
            OpenGroup::Or(true) => program.ops.push(SearchOp::Or),
            OpenGroup::Or(false) => {
                lexer.space()?;
                stack.push(OpenGroup::Or(true));
                return Ok(false);
            }
            OpenGroup::Group(keys) => {
                if lexer.eat(b' ') {
                    stack.push(OpenGroup::Group(keys + 1));
                    return Ok(false);
                }
                if stack.is_empty() {
                    lexer.end()?;
                } else {
                    lexer.expect(b')')?;
                }
                if keys > 0 {
                    program.ops.push(SearchOp::And(keys + 1));
                }
            }
        }
    }
    Ok(true)
}

/// The name of a key as its table spells it; `None` if the next octet is not a letter.
pub(super) fn key_name<'a>(lexer: &mut Lexer<'a>) -> Parsed<Option<&'a str>> {
    if !lexer.peek().is_some_and(|b| b.is_ascii_alphabetic()) {
        return Ok(None);
    }
    let word = lexer.atom()?;
    KEYS.iter()
        .find(|name| name.eq_ignore_ascii_case(word))
        .map(|&name| Some(name))
        .ok_or(SyntaxError::SearchKey)
}

/// One key that is not NOT, OR or a group, behind its name.
fn key(lexer: &mut Lexer<'_>, name: &str, program: &mut SearchProgram) -> Parsed<()> {
    if let Some((_, key)) = FLAG_KEYS.iter().find(|row| row.0 == name) {
        program.ops.push(SearchOp::Key(key.clone()));
        return Ok(());
    }
    let ops = &mut program.ops;
    match name {
        "RECENT" => ops.push(SearchOp::Recent),
        "OLD" => ops.extend([SearchOp::Recent, SearchOp::Not]),
        "NEW" => ops.extend([
            SearchOp::Recent,
            SearchOp::Key(SearchKey::Lacks(Flags::SEEN)),
            SearchOp::And(2),
        ]),
        "UID" => {
            lexer.space()?;
            ops.push(SearchOp::Uids(SequenceSet::parse(lexer)?));
        }
        "MODSEQ" => {
            program.modseq = true;
            ops.push(SearchOp::Key(mod_sequence(lexer)?));
        }
        "RETURN" | "CHARSET" => return Err(SyntaxError::SearchKey),
        _ => ops.push(SearchOp::Key(argument_key(lexer, name, program.charset)?)),
    }
    Ok(())
}

/// A key with a text, a date, a size or a keyword.
fn argument_key(lexer: &mut Lexer<'_>, name: &str, charset: Option<Charset>) -> Parsed<SearchKey> {
    let text = |lexer: &mut Lexer<'_>| text(lexer, charset);
    use SearchKey::{
        And, Before, Body, Header, Keyword, Larger, Not, SentBefore, SentSince, Since, Smaller,
        Text,
    };
    lexer.space()?;
    Ok(match name {
        "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => Header(name.to_owned(), text(lexer)?),
        "BODY" => Body(text(lexer)?),
        "TEXT" => Text(text(lexer)?),
        "HEADER" => {
            let field = text(lexer)?;
            lexer.space()?;
            Header(field, text(lexer)?)
        }
        "KEYWORD" => Keyword(lexer.word(is_atom)?.to_owned()),
        "UNKEYWORD" => Not(Box::new(Keyword(lexer.word(is_atom)?.to_owned()))),
        "LARGER" => Larger(lexer.number()?),
        "SMALLER" => Smaller(lexer.number()?),
        "BEFORE" => Before(lexer.date()? * DAY_MS),
        "SINCE" => Since(lexer.date()? * DAY_MS),
        "ON" => {
            let day = lexer.date()?;
            And(vec![Since(day * DAY_MS), Before((day + 1) * DAY_MS)])
        }
        "SENTBEFORE" => SentBefore(lexer.date()? * DAY_S),
        "SENTSINCE" => SentSince(lexer.date()? * DAY_S),
        "SENTON" => {
            let day = lexer.date()?;
            And(vec![SentSince(day * DAY_S), SentBefore((day + 1) * DAY_S)])
        }
        _ => return Err(SyntaxError::SearchKey),
    })
}

/// `MODSEQ ["entry" type] n` (RFC 7162 section 3.1.5). Single flags have no MODSEQ here, so
/// the entry is read and not used, as the RFC allows.
fn mod_sequence(lexer: &mut Lexer<'_>) -> Parsed<SearchKey> {
    lexer.space()?;
    if lexer.peek() == Some(b'"') {
        lexer.string()?;
        lexer.space()?;
        let of = lexer.atom()?;
        if !["all", "priv", "shared"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(of))
        {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
    }
    lexer.number64().map(SearchKey::ModSeq)
}

fn text(lexer: &mut Lexer<'_>, charset: Option<Charset>) -> Parsed<String> {
    let raw = lexer.astring()?;
    if raw.len() > NEEDLE_BYTES {
        return Err(SyntaxError::NeedleTooLong);
    }
    let Some(charset) = charset.filter(|charset| *charset != Charset::UTF_8) else {
        return String::from_utf8(raw.into_owned()).map_err(|_| SyntaxError::Charset);
    };
    let text = charset.decode(&raw).into_owned();
    // The text in UTF-8 is the one that a search costs.
    match text.len() > NEEDLE_BYTES {
        true => Err(SyntaxError::NeedleTooLong),
        false => Ok(text),
    }
}

/// Every name that a key can begin with.
const KEYS: &[&str] = &[
    "ALL",
    "ANSWERED",
    "BCC",
    "BEFORE",
    "BODY",
    "CC",
    "CHARSET",
    "DELETED",
    "DRAFT",
    "FLAGGED",
    "FROM",
    "HEADER",
    "KEYWORD",
    "LARGER",
    "MODSEQ",
    "NEW",
    "NOT",
    "OLD",
    "ON",
    "OR",
    "RECENT",
    "RETURN",
    "SEEN",
    "SENTBEFORE",
    "SENTON",
    "SENTSINCE",
    "SINCE",
    "SMALLER",
    "SUBJECT",
    "TEXT",
    "TO",
    "UID",
    "UNANSWERED",
    "UNDELETED",
    "UNDRAFT",
    "UNFLAGGED",
    "UNKEYWORD",
    "UNSEEN",
];

const FLAG_KEYS: [(&str, SearchKey); 11] = [
    ("ALL", SearchKey::All),
    ("ANSWERED", SearchKey::Has(Flags::ANSWERED)),
    ("DELETED", SearchKey::Has(Flags::DELETED)),
    ("DRAFT", SearchKey::Has(Flags::DRAFT)),
    ("FLAGGED", SearchKey::Has(Flags::FLAGGED)),
    ("SEEN", SearchKey::Has(Flags::SEEN)),
    ("UNANSWERED", SearchKey::Lacks(Flags::ANSWERED)),
    ("UNDELETED", SearchKey::Lacks(Flags::DELETED)),
    ("UNDRAFT", SearchKey::Lacks(Flags::DRAFT)),
    ("UNFLAGGED", SearchKey::Lacks(Flags::FLAGGED)),
    ("UNSEEN", SearchKey::Lacks(Flags::SEEN)),
];

/// NOT, OR and parentheses, nested.
const DEPTH: usize = 32;
/// Keys of one search.
const KEYS_MAX: usize = 200;
/// Octets of a search text: a search costs this length times the length of the mail.
const NEEDLE_BYTES: usize = 256;
const DAY_S: i64 = 86_400;
const DAY_MS: i64 = DAY_S * 1_000;
