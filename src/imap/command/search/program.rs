//! SEARCH (RFC 3501 section 6.4.4, RFC 4731, RFC 7162): keys to a program in postfix order.
//!
//! The stack of what is open is explicit and bounded, so no nesting of a client's reaches
//! ours. A text is UTF-8, whatever the charset says it is.

use crate::call::{Flags, SearchKey};
use crate::imap::types::{Returns, Search, SearchOp, SearchProgram, SyntaxError};
use crate::imap::wire::lexer::{Lexer, Parsed, is_atom};

/// SEARCH and UID SEARCH, behind the verb.
pub(in crate::imap) fn search(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Search> {
    lexer.space()?;
    let mut program = SearchProgram::default();
    let mut returns = None;
    let mut ahead = key_name(lexer)?;
    if ahead == Some("RETURN") {
        lexer.space()?;
        returns = Some(return_options(lexer)?);
        lexer.space()?;
        ahead = key_name(lexer)?;
    }
    if ahead == Some("CHARSET") {
        lexer.space()?;
        let charset = lexer.astring()?;
        if ![&b"UTF-8"[..], b"US-ASCII"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&charset))
        {
            return Err(SyntaxError::Charset);
        }
        lexer.space()?;
        ahead = key_name(lexer)?;
    }
    keys(lexer, ahead, &mut program)?;
    Ok(Search {
        uid,
        returns,
        program,
    })
}

fn return_options(lexer: &mut Lexer<'_>) -> Parsed<Returns> {
    lexer.expect(b'(')?;
    let mut returns = Returns::default();
    if lexer.eat(b')') {
        returns.all = true;
        return Ok(returns);
    }
    loop {
        let option = lexer.atom()?;
        let is = |name: &str| option.eq_ignore_ascii_case(name);
        match () {
            () if is("MIN") => returns.min = true,
            () if is("MAX") => returns.max = true,
            () if is("ALL") => returns.all = true,
            () if is("COUNT") => returns.count = true,
            // SAVE (RFC 5182) and the like: not offered.
            () => return Err(SyntaxError::Option),
        }
        if lexer.eat(b')') {
            return Ok(returns);
        }
        lexer.space()?;
    }
}

/// What waits for keys.
#[derive(Clone, Copy)]
enum Open {
    /// The command itself, or parentheses, with so many keys.
    Group(usize),
    /// NOT
    Not,
    /// OR, with its first key or without.
    Or(bool),
}

/// All keys. `ahead` is the name of the first where it has been read already.
fn keys<'a>(
    lexer: &mut Lexer<'a>,
    mut ahead: Option<&'a str>,
    program: &mut SearchProgram,
) -> Parsed<()> {
    let mut stack = vec![Open::Group(0)];
    let mut count = 0;
    loop {
        // One key, or the beginning of one.
        let name = match ahead.take() {
            Some(name) => Some(name),
            None => key_name(lexer)?,
        };
        let opened = match name {
            Some("NOT") => Some(Open::Not),
            Some("OR") => Some(Open::Or(false)),
            None if lexer.eat(b'(') => Some(Open::Group(0)),
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
                let set = lexer.sequence_set().map_err(|error| match error {
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
    stack: &mut Vec<Open>,
    program: &mut SearchProgram,
) -> Parsed<bool> {
    while let Some(open) = stack.pop() {
        match open {
            Open::Not => program.ops.push(SearchOp::Not),
            Open::Or(true) => program.ops.push(SearchOp::Or),
            Open::Or(false) => {
                lexer.space()?;
                stack.push(Open::Or(true));
                return Ok(false);
            }
            Open::Group(keys) => {
                if lexer.eat(b' ') {
                    stack.push(Open::Group(keys + 1));
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

/// The name of a key in its table's spelling; `None` if something else than a letter is next.
fn key_name<'a>(lexer: &mut Lexer<'a>) -> Parsed<Option<&'a str>> {
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
            ops.push(SearchOp::Uids(lexer.sequence_set()?));
        }
        "MODSEQ" => {
            program.modseq = true;
            ops.push(SearchOp::Key(mod_sequence(lexer)?));
        }
        "RETURN" | "CHARSET" => return Err(SyntaxError::SearchKey),
        _ => ops.push(SearchOp::Key(argument_key(lexer, name)?)),
    }
    Ok(())
}

/// A key with a text, a date, a size or a keyword.
fn argument_key(lexer: &mut Lexer<'_>, name: &str) -> Parsed<SearchKey> {
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

/// `MODSEQ ["entry" type] n` (RFC 7162 section 3.1.5). Flags have no numbers of their own
/// here, so the entry is read and disregarded, as the RFC allows.
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

fn text(lexer: &mut Lexer<'_>) -> Parsed<String> {
    let raw = lexer.astring()?;
    if raw.len() > NEEDLE_BYTES {
        return Err(SyntaxError::NeedleTooLong);
    }
    String::from_utf8(raw.into_owned()).map_err(|_| SyntaxError::Charset)
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

/// NOT, OR and parentheses within one another.
const DEPTH: usize = 32;
/// Keys of one search.
const KEYS_MAX: usize = 200;
/// Octets of a text that is looked for: a search costs its length times what is searched.
const NEEDLE_BYTES: usize = 256;
const DAY_S: i64 = 86_400;
const DAY_MS: i64 = DAY_S * 1_000;
