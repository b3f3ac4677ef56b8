//! FETCH and STORE (RFC 3501 sections 6.4.5 and 6.4.6, RFC 7162).

use crate::call::FlagChange;
use crate::imap::types::{
    Fetch, FetchItem, FetchItems, FlagList, Section, SectionLabel, SectionText, Store, SyntaxError,
};
use crate::imap::wire::lexer::{Lexer, Parsed};

/// FETCH and UID FETCH, behind the verb.
pub(in crate::imap) fn fetch(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Fetch> {
    lexer.space()?;
    let set = lexer.sequence_set()?;
    lexer.space()?;
    let mut items = items(lexer)?;
    let mut changed_since = None;
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        // VANISHED belongs to QRESYNC, which is not offered.
        if !lexer.atom()?.eq_ignore_ascii_case("CHANGEDSINCE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        changed_since = Some(lexer.number64()?);
        lexer.expect(b')')?;
    }
    for (wanted, item) in [
        (uid, FetchItem::Uid),
        (changed_since.is_some(), FetchItem::ModSeq),
    ] {
        if wanted && !items.contains(&item) {
            items.insert(0, item);
        }
    }
    Ok(Fetch {
        uid,
        set,
        items: FetchItems(items),
        changed_since,
    })
}

fn items(lexer: &mut Lexer<'_>) -> Parsed<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};

    if !lexer.eat(b'(') {
        let name = item_name(lexer)?;
        let is = |macro_name: &str| name.eq_ignore_ascii_case(macro_name);
        return match () {
            () if is("FAST") => Ok(vec![Flags, InternalDate, Size]),
            () if is("ALL") => Ok(vec![Flags, InternalDate, Size, Envelope]),
            () if is("FULL") => Ok(vec![Flags, InternalDate, Size, Envelope, Body]),
            () => Ok(vec![item(lexer, name)?]),
        };
    }
    let (mut items, mut names) = (Vec::new(), 0);
    loop {
        let name = item_name(lexer)?;
        let item = item(lexer, name)?;
        if let FetchItem::Section(section) = &item
            && let SectionText::HeaderFields { names: more, .. } = &section.of
        {
            names += more.len();
            if names > FIELD_NAMES_MAX {
                return Err(SyntaxError::TooMany);
            }
        }
        // Said twice is answered once.
        if !items.contains(&item) {
            if items.len() == ITEMS_MAX {
                return Err(SyntaxError::TooMany);
            }
            items.push(item);
        }
        if lexer.eat(b')') {
            return Ok(items);
        }
        lexer.space()?;
    }
}

fn item_name<'a>(lexer: &mut Lexer<'a>) -> Parsed<&'a str> {
    lexer.word(|b| b.is_ascii_alphanumeric() || b == b'.')
}

/// One item, behind its name.
fn item(lexer: &mut Lexer<'_>, name: &str) -> Parsed<FetchItem> {
    let plain = |label, of, peek| {
        FetchItem::Section(Section {
            label,
            path: Vec::new(),
            of,
            partial: None,
            peek,
        })
    };
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    Ok(match () {
        () if is("FLAGS") => FetchItem::Flags,
        () if is("UID") => FetchItem::Uid,
        () if is("BODY") && lexer.peek() == Some(b'[') => section(lexer, false)?,
        () if is("BODY.PEEK") => section(lexer, true)?,
        () if is("BODY") => FetchItem::Body,
        () if is("BODYSTRUCTURE") => FetchItem::BodyStructure,
        () if is("ENVELOPE") => FetchItem::Envelope,
        () if is("INTERNALDATE") => FetchItem::InternalDate,
        () if is("MODSEQ") => FetchItem::ModSeq,
        () if is("RFC822.SIZE") => FetchItem::Size,
        () if is("RFC822") => plain(SectionLabel::Rfc822, SectionText::Whole, false),
        () if is("RFC822.HEADER") => plain(SectionLabel::Rfc822Header, SectionText::Header, true),
        () if is("RFC822.TEXT") => plain(SectionLabel::Rfc822Text, SectionText::Text, false),
        () => return Err(SyntaxError::FetchItem),
    })
}

/// `[1.2.HEADER.FIELDS (From)]<0.100>`
fn section(lexer: &mut Lexer<'_>, peek: bool) -> Parsed<FetchItem> {
    lexer.expect(b'[')?;
    let mut path = Vec::new();
    let mut of = SectionText::Whole;
    // A text follows at once, or behind a number and a dot.
    let mut text_may_follow = true;
    while text_may_follow && lexer.is_digit() {
        let number = lexer.number()?;
        if number == 0 || path.len() == PATH_MAX {
            return Err(SyntaxError::Section);
        }
        path.push(number);
        text_may_follow = lexer.eat(b'.');
    }
    let wants_text = text_may_follow && !(path.is_empty() && lexer.peek() == Some(b']'));
    if wants_text {
        of = section_text(lexer, !path.is_empty())?;
    }
    lexer.expect(b']').map_err(|_| SyntaxError::Section)?;
    let mut partial = None;
    if lexer.eat(b'<') {
        let offset = lexer.number()?;
        lexer.expect(b'.')?;
        let len = lexer.number()?;
        lexer.expect(b'>')?;
        if len == 0 {
            return Err(SyntaxError::Number);
        }
        partial = Some((offset, len));
    }
    Ok(FetchItem::Section(Section {
        label: SectionLabel::Body,
        path,
        of,
        partial,
        peek,
    }))
}

fn section_text(lexer: &mut Lexer<'_>, of_part: bool) -> Parsed<SectionText> {
    let name = item_name(lexer).map_err(|_| SyntaxError::Section)?;
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let not = is("HEADER.FIELDS.NOT");
    Ok(match () {
        () if is("HEADER") => SectionText::Header,
        () if is("TEXT") => SectionText::Text,
        () if is("MIME") && of_part => SectionText::Mime,
        () if not || is("HEADER.FIELDS") => {
            lexer.space()?;
            SectionText::HeaderFields {
                not,
                names: field_names(lexer)?,
            }
        }
        () => return Err(SyntaxError::Section),
    })
}

fn field_names(lexer: &mut Lexer<'_>) -> Parsed<Vec<String>> {
    lexer.expect(b'(')?;
    let mut names: Vec<String> = Vec::new();
    loop {
        let name = lexer.astring()?;
        // RFC 5322 section 3.6.8: printable US-ASCII without colon. It comes back in the answer.
        let is_name = (1..=FIELD_NAME_BYTES).contains(&name.len())
            && name.iter().all(|&b| b.is_ascii_graphic() && b != b':');
        match core::str::from_utf8(&name) {
            Ok(name) if is_name => names.push(name.to_owned()),
            _ => return Err(SyntaxError::Section),
        }
        if names.len() > FIELD_NAMES_MAX {
            return Err(SyntaxError::TooMany);
        }
        if lexer.eat(b')') {
            return Ok(names);
        }
        lexer.space()?;
    }
}

/// STORE and UID STORE, behind the verb.
pub(in crate::imap) fn store(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Store> {
    lexer.space()?;
    let set = lexer.sequence_set()?;
    lexer.space()?;
    let mut unchanged_since = None;
    if lexer.eat(b'(') {
        if !lexer.atom()?.eq_ignore_ascii_case("UNCHANGEDSINCE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        unchanged_since = Some(lexer.number64()?);
        lexer.expect(b')')?;
        lexer.space()?;
    }
    let how = if lexer.eat(b'+') {
        FlagChange::Add
    } else if lexer.eat(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    let name = item_name(lexer)?;
    let silent = name.eq_ignore_ascii_case("FLAGS.SILENT");
    if !silent && !name.eq_ignore_ascii_case("FLAGS") {
        return Err(SyntaxError::Option);
    }
    lexer.space()?;
    let flags = if lexer.peek() == Some(b'(') {
        lexer.flag_list()?
    } else {
        let mut flags = FlagList::default();
        lexer.flag(&mut flags)?;
        while lexer.eat(b' ') {
            lexer.flag(&mut flags)?;
        }
        flags
    };
    Ok(Store {
        uid,
        set,
        unchanged_since,
        how,
        silent,
        flags,
    })
}

/// Items of one FETCH; a client that asks for each header field by itself stays below.
const ITEMS_MAX: usize = 64;
/// As deep as parts go.
const PATH_MAX: usize = 50;
/// Field names of all sections together: each is held against every field of every message.
/// An exhaustive client asks for some forty.
const FIELD_NAMES_MAX: usize = 100;
/// Longer names match nothing that we store.
const FIELD_NAME_BYTES: usize = 128;
