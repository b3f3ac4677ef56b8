//! The grammar of a command on a complete frame (see `frame`), borrowed where that is enough.
//!
//! Not what a command means, nor whether it is allowed now. Nothing here recurses, every
//! list has its bound, and each octet is looked at a fixed number of times, so that parsing
//! is linear in the frame, which is bounded itself. `lexer` has the words, `mailbox` the
//! names, `search` and `fetch` the two big commands.

use std::borrow::Cow;

use super::fetch::item as fetch;
use super::search::program as search;
use crate::imap::frame;
use crate::imap::types::{
    Command, Fault, Hidden, List, MailboxName, StatusItem, SyntaxError, Tagged,
};
use crate::imap::wire::lexer::{Lexer, Parsed};
use crate::imap::wire::name as mailbox;
use crate::imap::wire::name::{mailbox, new_mailbox};

/// The command in `line`: everything that a [`frame::Frame`] gave, its CRLF included.
pub fn command(line: &[u8]) -> Result<Tagged<'_>, Fault<'_>> {
    let Some(tag) = frame::tag(line) else {
        return Err(Fault {
            tag: None,
            error: SyntaxError::Tag,
        });
    };
    let mut lexer = Lexer::new(line, tag.len());
    let parsed = verb(&mut lexer).and_then(|command| lexer.end().map(|()| command));
    match parsed {
        Ok(command) => Ok(Tagged { tag, command }),
        Err(error) => Err(Fault {
            tag: Some(tag),
            error,
        }),
    }
}

/// What reads the arguments of a command, from behind its verb to before its CRLF.
type Rule = for<'a> fn(&mut Lexer<'a>) -> Parsed<Command<'a>>;

/// Every command, the frequent ones first.
const RULES: &[(&str, Rule)] = &[
    ("UID", uid),
    ("FETCH", |lexer| {
        fetch::fetch(lexer, false).map(Command::Fetch)
    }),
    ("NOOP", |_| Ok(Command::Noop)),
    ("IDLE", |_| Ok(Command::Idle)),
    ("STORE", |lexer| {
        fetch::store(lexer, false).map(Command::Store)
    }),
    ("SEARCH", |lexer| {
        search::search(lexer, false).map(Command::Search)
    }),
    ("APPEND", append),
    ("SELECT", |lexer| select(lexer, false)),
    ("STATUS", status),
    ("LIST", list),
    ("LOGIN", login),
    ("LOGOUT", |_| Ok(Command::Logout)),
    ("AUTHENTICATE", authenticate),
    ("CAPABILITY", |_| Ok(Command::Capability)),
    ("CHECK", |_| Ok(Command::Check)),
    ("CLOSE", |_| Ok(Command::Close)),
    ("COPY", |lexer| copy(lexer, false, false)),
    ("CREATE", create),
    ("DELETE", |lexer| one_mailbox(lexer).map(Command::Delete)),
    ("ENABLE", enable),
    ("EXAMINE", |lexer| select(lexer, true)),
    ("EXPUNGE", |_| Ok(Command::Expunge(None))),
    ("ID", id),
    ("LSUB", lsub),
    ("MOVE", |lexer| copy(lexer, false, true)),
    ("NAMESPACE", |_| Ok(Command::Namespace)),
    ("RENAME", rename),
    ("STARTTLS", |_| Ok(Command::StartTls)),
    ("SUBSCRIBE", |lexer| {
        one_mailbox(lexer).map(Command::Subscribe)
    }),
    ("UNSELECT", |_| Ok(Command::Unselect)),
    ("UNSUBSCRIBE", |lexer| {
        one_mailbox(lexer).map(Command::Unsubscribe)
    }),
];

/// What UID can stand in front of.
const UID_RULES: &[(&str, Rule)] = &[
    ("FETCH", |lexer| {
        fetch::fetch(lexer, true).map(Command::Fetch)
    }),
    ("STORE", |lexer| {
        fetch::store(lexer, true).map(Command::Store)
    }),
    ("SEARCH", |lexer| {
        search::search(lexer, true).map(Command::Search)
    }),
    ("COPY", |lexer| copy(lexer, true, false)),
    ("MOVE", |lexer| copy(lexer, true, true)),
    ("EXPUNGE", |lexer| {
        lexer.space()?;
        Ok(Command::Expunge(Some(lexer.sequence_set()?)))
    }),
];

fn verb<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    by_name(lexer, RULES)
}

fn uid<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    by_name(lexer, UID_RULES)
}

fn by_name<'a>(lexer: &mut Lexer<'a>, rules: &[(&str, Rule)]) -> Parsed<Command<'a>> {
    lexer.space()?;
    let name = lexer.atom()?;
    let rule = rules.iter().find(|row| row.0.eq_ignore_ascii_case(name));
    match rule {
        Some((_, rule)) => rule(lexer),
        None => Err(SyntaxError::UnknownCommand),
    }
}

fn one_mailbox(lexer: &mut Lexer<'_>) -> Parsed<MailboxName> {
    lexer.space()?;
    mailbox(lexer)
}

fn login<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    lexer.space()?;
    let user = lexer.astring()?;
    lexer.space()?;
    let password = Hidden(lexer.astring()?);
    Ok(Command::Login { user, password })
}

fn authenticate<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    lexer.space()?;
    let mechanism = lexer.atom()?;
    let mut initial = None;
    if lexer.eat(b' ') {
        let base64 =
            lexer.word(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))?;
        initial = Some(Hidden(Cow::Borrowed(base64.as_bytes())));
    }
    Ok(Command::Authenticate { mechanism, initial })
}

fn enable<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let mut names = Vec::new();
    lexer.space()?;
    loop {
        names.push(lexer.atom()?);
        if names.len() > ENABLE_MAX {
            return Err(SyntaxError::TooMany);
        }
        if !lexer.eat(b' ') {
            return Ok(Command::Enable(names));
        }
    }
}

fn id<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let mut pairs = Vec::new();
    lexer.space()?;
    if !lexer.eat(b'(') {
        return match lexer.nstring()? {
            None => Ok(Command::Id(pairs)),
            Some(_) => Err(SyntaxError::Character),
        };
    }
    if lexer.eat(b')') {
        return Ok(Command::Id(pairs));
    }
    loop {
        let field = lexer.string()?;
        lexer.space()?;
        let value = lexer.nstring()?;
        // RFC 2971 section 3.3 has all three bounds.
        if pairs.len() == 30 || field.len() > 30 || value.as_ref().is_some_and(|v| v.len() > 1024) {
            return Err(SyntaxError::TooMany);
        }
        pairs.push((field, value));
        if lexer.eat(b')') {
            return Ok(Command::Id(pairs));
        }
        lexer.space()?;
    }
}

fn select<'a>(lexer: &mut Lexer<'a>, read_only: bool) -> Parsed<Command<'a>> {
    let mailbox = one_mailbox(lexer)?;
    let mut condstore = false;
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        // QRESYNC has to be refused with BAD while it is not enabled (RFC 7162 section 3.2.5).
        if !lexer.atom()?.eq_ignore_ascii_case("CONDSTORE") {
            return Err(SyntaxError::Option);
        }
        condstore = true;
        lexer.expect(b')')?;
    }
    Ok(Command::Select {
        mailbox,
        read_only,
        condstore,
    })
}

fn create<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    lexer.space()?;
    let mailbox = new_mailbox(lexer)?;
    let mut special = Vec::new();
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        if !lexer.atom()?.eq_ignore_ascii_case("USE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        lexer.expect(b'(')?;
        while !lexer.eat(b')') {
            if !special.is_empty() {
                lexer.space()?;
            }
            lexer.expect(b'\\')?;
            special.push(lexer.atom()?);
            if special.len() > SPECIAL_MAX {
                return Err(SyntaxError::TooMany);
            }
        }
        lexer.expect(b')')?;
    }
    Ok(Command::Create { mailbox, special })
}

fn rename<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let from = one_mailbox(lexer)?;
    lexer.space()?;
    let to = new_mailbox(lexer)?;
    Ok(Command::Rename { from, to })
}

fn lsub<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    lexer.space()?;
    let reference = lexer.astring()?;
    lexer.space()?;
    let text = mailbox::pattern_text(lexer)?;
    let pattern = mailbox::pattern(&reference, &text)?;
    Ok(Command::Lsub { pattern })
}

fn list<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let mut list = List::default();
    lexer.space()?;
    if lexer.eat(b'(') {
        list.extended = true;
        while !lexer.eat(b')') {
            list_selection(lexer, &mut list)?;
            lexer.eat(b' ');
        }
        // RFC 5258 section 3: RECURSIVEMATCH modifies another one.
        if list.recursive_match && !list.only_subscribed && !list.only_special {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
    }
    let reference = lexer.astring()?;
    lexer.space()?;
    if lexer.eat(b'(') {
        list.extended = true;
        loop {
            let text = mailbox::pattern_text(lexer)?;
            list.patterns.push(mailbox::pattern(&reference, &text)?);
            if list.patterns.len() > PATTERNS_MAX {
                return Err(SyntaxError::TooMany);
            }
            if lexer.eat(b')') {
                break;
            }
            lexer.space()?;
        }
    } else {
        let text = mailbox::pattern_text(lexer)?;
        list.patterns.push(mailbox::pattern(&reference, &text)?);
    }
    if lexer.eat(b' ') {
        list.extended = true;
        if !lexer.atom()?.eq_ignore_ascii_case("RETURN") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        lexer.expect(b'(')?;
        while !lexer.eat(b')') {
            list_return(lexer, &mut list)?;
            lexer.eat(b' ');
        }
    }
    Ok(Command::List(list))
}

fn list_selection(lexer: &mut Lexer<'_>, list: &mut List) -> Parsed<()> {
    let option = lexer.atom()?;
    let is = |name: &str| option.eq_ignore_ascii_case(name);
    match () {
        () if is("SUBSCRIBED") => {
            list.only_subscribed = true;
            list.return_subscribed = true;
        }
        () if is("SPECIAL-USE") => {
            list.only_special = true;
            list.return_special = true;
        }
        () if is("RECURSIVEMATCH") => list.recursive_match = true,
        // There are no mailboxes elsewhere.
        () if is("REMOTE") => {}
        () => return Err(SyntaxError::Option),
    }
    Ok(())
}

fn list_return(lexer: &mut Lexer<'_>, list: &mut List) -> Parsed<()> {
    let option = lexer.atom()?;
    let is = |name: &str| option.eq_ignore_ascii_case(name);
    match () {
        () if is("SUBSCRIBED") => list.return_subscribed = true,
        () if is("CHILDREN") => list.return_children = true,
        () if is("SPECIAL-USE") => list.return_special = true,
        () if is("STATUS") => {
            lexer.space()?;
            list.return_status = status_items(lexer)?;
        }
        () => return Err(SyntaxError::Option),
    }
    Ok(())
}

fn status<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let mailbox = one_mailbox(lexer)?;
    lexer.space()?;
    let items = status_items(lexer)?;
    Ok(Command::Status { mailbox, items })
}

fn status_items(lexer: &mut Lexer<'_>) -> Parsed<Vec<StatusItem>> {
    lexer.expect(b'(')?;
    let mut items = Vec::new();
    loop {
        let name = lexer.atom()?;
        let known = StatusItem::NAMES
            .iter()
            .find(|row| row.0.eq_ignore_ascii_case(name));
        let Some(&(_, item)) = known else {
            return Err(SyntaxError::StatusItem);
        };
        if !items.contains(&item) {
            items.push(item);
        }
        if lexer.eat(b')') {
            return Ok(items);
        }
        lexer.space()?;
    }
}

/// Up to and including the announcement of the message; the CRLF behind it is part of that.
fn append<'a>(lexer: &mut Lexer<'a>) -> Parsed<Command<'a>> {
    let mailbox = one_mailbox(lexer)?;
    lexer.space()?;
    let flags = if lexer.peek() == Some(b'(') {
        let flags = lexer.flag_list()?;
        lexer.space()?;
        flags
    } else {
        Default::default()
    };
    let mut received_at = None;
    if lexer.peek() == Some(b'"') {
        received_at = Some(lexer.date_time()?);
        lexer.space()?;
    }
    if lexer.peek() != Some(b'{') {
        return Err(SyntaxError::AppendWithoutMessage);
    }
    let size = lexer.announced()?;
    Ok(Command::Append {
        mailbox,
        flags,
        received_at,
        size,
    })
}

fn copy<'a>(lexer: &mut Lexer<'a>, uid: bool, remove: bool) -> Parsed<Command<'a>> {
    lexer.space()?;
    let set = lexer.sequence_set()?;
    let to = one_mailbox(lexer)?;
    Ok(Command::Copy {
        uid,
        set,
        to,
        remove,
    })
}

/// Names in one ENABLE; there is one that we know.
const ENABLE_MAX: usize = 32;
/// Attributes of CREATE (USE ...); RFC 6154 has seven.
const SPECIAL_MAX: usize = 8;
/// Patterns of one LIST: each is held against every mailbox.
const PATTERNS_MAX: usize = 16;
