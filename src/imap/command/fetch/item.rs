//! The items of FETCH (RFC 3501 section 6.4.5): their types and their grammar.
//!
//! Not their answers (`render`, `structure`).

use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// The items of FETCH, in the order of the answer; at most 64.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FetchItems(pub Vec<FetchItem>);

/// An item of FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchItem {
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `MODSEQ`: enables CONDSTORE for the session (RFC 7162 section 3.1).
    ModSeq,
    /// `RFC822.SIZE`
    Size,
    /// `UID`
    Uid,
    /// `BODY[...]`, `BODY.PEEK[...]`, `RFC822`, `RFC822.HEADER`, `RFC822.TEXT`.
    Section(Section),
}

/// Octets of a message or of a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its name in the answer.
    pub label: SectionLabel,
    /// Part numbers; empty is the message itself. At most [`PATH_MAX`], none is 0.
    pub path: Vec<u32>,
    /// The text of the part.
    pub of: SectionText,
    /// `<offset.length>`.
    pub partial: Option<(u32, u32)>,
    /// Does not set `\Seen`.
    pub peek: bool,
}

/// The name of a section in the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionLabel {
    /// `BODY[...]`
    Body,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}

/// A text of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionText {
    /// All of the message, or the body of the part.
    Whole,
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS (...)`, or `HEADER.FIELDS.NOT (...)` with `not`.
    HeaderFields {
        /// All fields but these.
        not: bool,
        /// Field names as written: printable ASCII without colon, 1 to 100 of them.
        names: Vec<String>,
    },
    /// `TEXT`
    Text,
    /// `MIME`: the header of the part itself.
    Mime,
}

/// The items of one FETCH, with macros written out.
pub(super) fn items(lexer: &mut Lexer<'_>) -> Parsed<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};

    if !lexer.eat(b'(') {
        let name = lexer.item_name()?;
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
        let name = lexer.item_name()?;
        let item = item(lexer, name)?;
        if let FetchItem::Section(section) = &item
            && let SectionText::HeaderFields { names: more, .. } = &section.of
        {
            names += more.len();
            if names > FIELD_NAMES_MAX {
                return Err(SyntaxError::TooMany);
            }
        }
        // An item that is named twice is answered once.
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
    // A text follows at the beginning, or behind a number and a dot.
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
    let name = lexer.item_name().map_err(|_| SyntaxError::Section)?;
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

/// Items of one FETCH; a client that asks for each header field apart stays below.
const ITEMS_MAX: usize = 64;
/// The numbers of a part: a leaf in as many messages as are opened (`mail::Bounds::mime_depth`) has
/// one more.
const PATH_MAX: usize = 51;
/// Field names of all sections together: each is compared with every field of every message.
/// A client that asks for many asks for some forty.
const FIELD_NAMES_MAX: usize = 100;
/// A longer name matches no field that is stored.
const FIELD_NAME_BYTES: usize = 128;
