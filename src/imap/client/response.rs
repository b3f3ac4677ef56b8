//! What a response of another server says (RFC 3501 section 7, RFC 9051 section 7).
//!
//! The grammar is read with patience: items of FETCH in any order, items that are not known, NIL at
//! any place, a text that is missing. What cannot be read is [`UpstreamSaid::Other`]; the dialogue
//! decides whether it can do without it.

use super::super::wire::lexer::{Lexer, is_atom};
use super::super::wire::sequence::SequenceSet;
use super::super::wire::syntax::{Parsed, SyntaxError};
use super::reader::{INLINE_MAX, UpstreamResponse};
use crate::call::{Flags, PermanentFlags, RemoteFolder, RemoteMessage, RemoteUse, UidSet};

/// One response, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamSaid {
    /// `+`: the server waits for the rest of a command, or idles.
    Continue(Vec<u8>),
    /// The result of the command with this tag.
    Tagged(Vec<u8>, UpstreamStatus),
    /// `* OK`, `* NO`, `* BAD`.
    Status(UpstreamStatus),
    /// The greeting of a session that is logged in already.
    PreAuth,
    /// The server ends the session; its words.
    Bye(String),
    /// The words of CAPABILITY, in capitals.
    Capability(Vec<String>),
    /// A row of LIST.
    Folder(RemoteFolder),
    /// What a search has found; whether it is anything.
    Searched(bool),
    /// So many messages are there.
    Exists(u32),
    /// The message with this sequence number is gone.
    Expunged(u32),
    /// These UIDs are gone (RFC 7162). `is_earlier`: since before the mailbox was opened, or asked.
    Vanished {
        /// At most as many ranges as a line holds.
        uids: UidSet,
        /// The code that says so stands there.
        is_earlier: bool,
    },
    /// What is told of a message.
    Fetched(Box<FetchedItems>),
    /// Anything else, or nothing that can be read.
    Other,
}

/// A result, and what stands in its brackets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamStatus {
    pub is_ok: bool,
    pub code: UpstreamCode,
    /// The whole text, for people: printable ASCII, at most 200 octets.
    pub text: String,
}

/// A response code (RFC 3501 section 7.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamCode {
    None,
    UidValidity(u32),
    UidNext(u32),
    HighestModSeq(u64),
    Capability(Vec<String>),
    Permanent(PermanentFlags),
    ReadOnly,
    /// RFC 4315: UIDVALIDITY of the target, the UIDs here, the UIDs there.
    CopyUid(u32, UidSet, UidSet),
    /// The name or password is wrong (RFC 5530), and not the server unable.
    AuthenticationFailed,
    /// RFC 5530: the mailbox is not there.
    Missing,
    Other,
}

/// The items of one FETCH response. It may be about a message that was not asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FetchedItems {
    pub uid: Option<u32>,
    pub flags: Option<(Flags, Vec<String>)>,
    pub size: Option<u64>,
    /// INTERNALDATE, unix milliseconds.
    pub received_at: Option<i64>,
    pub modseq: Option<u64>,
    /// What BODY[HEADER.FIELDS (MESSAGE-ID)] has.
    pub message_id: Option<String>,
    /// BODY[]: the octets; `None` also where they were dropped.
    pub body: Option<Vec<u8>>,
    /// BODY[] stands there, as NIL or dropped.
    pub has_no_body: bool,
}

impl FetchedItems {
    /// The row of a message, if its UID is known.
    pub fn row(&self) -> Option<RemoteMessage> {
        let uid = self.uid.filter(|uid| *uid > 0)?;
        let (flags, keywords) = self.flags.clone()?;
        Some(RemoteMessage {
            uid,
            flags,
            keywords,
            size: self.size,
            received_at: self.received_at,
            modseq: self.modseq,
            message_id: self.message_id.clone(),
        })
    }
}

/// Reads a response.
pub fn read(response: UpstreamResponse) -> UpstreamSaid {
    let UpstreamResponse { text, message, .. } = response;
    // A response without its end: its first words may still be those of a result.
    let is_cut = response.is_cut;
    let (first, rest) = split_word(&text);
    match first {
        b"+" => UpstreamSaid::Continue(rest.to_vec()),
        b"*" => {
            if is_cut && !is_status(rest) {
                return UpstreamSaid::Other;
            }
            untagged(&text, text.len() - rest.len(), rest, message)
        }
        tag => match status(rest) {
            Some(status) => UpstreamSaid::Tagged(tag.to_vec(), status),
            None => UpstreamSaid::Other,
        },
    }
}

fn is_status(rest: &[u8]) -> bool {
    let (word, _) = split_word(rest);
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn untagged(text: &[u8], at: usize, rest: &[u8], message: Option<Vec<u8>>) -> UpstreamSaid {
    let (word, behind) = split_word(rest);
    if let Some(number) = number(word) {
        let (verb, items) = split_word(behind);
        return match verb.to_ascii_uppercase().as_slice() {
            b"EXISTS" => UpstreamSaid::Exists(number),
            b"EXPUNGE" => UpstreamSaid::Expunged(number),
            b"FETCH" => {
                let mut lexer = Lexer::new(text, text.len() - items.len());
                match fetched(&mut lexer, message) {
                    Ok(items) => UpstreamSaid::Fetched(Box::new(items)),
                    Err(_) => UpstreamSaid::Other,
                }
            }
            _ => UpstreamSaid::Other,
        };
    }
    let said = match word.to_ascii_uppercase().as_slice() {
        b"OK" | b"NO" | b"BAD" => status(rest).map(UpstreamSaid::Status),
        b"PREAUTH" => Some(UpstreamSaid::PreAuth),
        b"BYE" => Some(UpstreamSaid::Bye(shown(behind))),
        b"CAPABILITY" => Some(UpstreamSaid::Capability(words(behind))),
        b"LIST" | b"XLIST" => {
            let from = at + (rest.len() - behind.len());
            folder(&mut Lexer::new(text, from))
                .ok()
                .map(UpstreamSaid::Folder)
        }
        b"VANISHED" => vanished(behind),
        b"SEARCH" => Some(UpstreamSaid::Searched(
            number(split_word(behind).0).is_some(),
        )),
        _ => None,
    };
    said.unwrap_or(UpstreamSaid::Other)
}

/// `OK [CODE …] text`; the text, and even the space before it, may be missing.
fn status(rest: &[u8]) -> Option<UpstreamStatus> {
    let (word, behind) = split_word(rest);
    let is_ok = match word.to_ascii_uppercase().as_slice() {
        b"OK" => true,
        b"NO" | b"BAD" => false,
        _ => return None,
    };
    Some(UpstreamStatus {
        is_ok,
        code: code(behind),
        text: shown(behind),
    })
}

fn code(text: &[u8]) -> UpstreamCode {
    let Some(inner) = text.strip_prefix(b"[") else {
        return UpstreamCode::None;
    };
    let end = memchr::memchr(b']', inner).unwrap_or(inner.len());
    let (name, value) = split_word(inner.get(..end).unwrap_or(inner));
    let found = match name.to_ascii_uppercase().as_slice() {
        b"UIDVALIDITY" => number(value).map(UpstreamCode::UidValidity),
        b"UIDNEXT" => number(value).map(UpstreamCode::UidNext),
        b"HIGHESTMODSEQ" => number64(value).map(UpstreamCode::HighestModSeq),
        b"CAPABILITY" => Some(UpstreamCode::Capability(words(value))),
        b"COPYUID" => copied(value),
        b"READ-ONLY" => Some(UpstreamCode::ReadOnly),
        b"PERMANENTFLAGS" => permanent(value),
        b"AUTHENTICATIONFAILED" | b"AUTHORIZATIONFAILED" | b"EXPIRED" => {
            Some(UpstreamCode::AuthenticationFailed)
        }
        b"NONEXISTENT" | b"TRYCREATE" => Some(UpstreamCode::Missing),
        _ => None,
    };
    found.unwrap_or(UpstreamCode::Other)
}

fn copied(value: &[u8]) -> Option<UpstreamCode> {
    let mut parts = value.split(|b| *b == b' ').filter(|part| !part.is_empty());
    let uidvalidity = number(parts.next()?)?;
    let (from, to) = (uids(parts.next()?)?, uids(parts.next()?)?);
    Some(UpstreamCode::CopyUid(uidvalidity, from, to))
}

/// `(\Seen $Work \*)`.
fn permanent(value: &[u8]) -> Option<UpstreamCode> {
    let (flags, keywords) = flags(&mut Lexer::new(value, 0)).ok()?;
    Some(UpstreamCode::Permanent(PermanentFlags {
        is_read_only: false,
        flags,
        keywords,
        takes_any: memchr::memmem::find(value, b"\\*").is_some(),
    }))
}

/// `(EARLIER) 1:5,7` or `1:5,7`.
fn vanished(value: &[u8]) -> Option<UpstreamSaid> {
    let (first, rest) = split_word(value);
    let is_earlier = first.eq_ignore_ascii_case(b"(EARLIER)");
    let uids = uids(if is_earlier { rest } else { first })?;
    Some(UpstreamSaid::Vanished { uids, is_earlier })
}

fn uids(text: &[u8]) -> Option<UidSet> {
    let mut lexer = Lexer::new(text, 0);
    let set = SequenceSet::parse(&mut lexer).ok()?;
    lexer.end().ok()?;
    Some(set.resolve(0))
}

/// `(\HasNoChildren \Sent) "/" name`, with whatever follows.
fn folder(lexer: &mut Lexer<'_>) -> Parsed<RemoteFolder> {
    let mut purpose = None;
    let mut is_selectable = true;
    lexer.expect(b'(')?;
    while !lexer.eat(b')') {
        if lexer.eat(b' ') {
            continue;
        }
        let name = lexer.take_while(|b| !matches!(b, b' ' | b')' | b'\r' | b'\n'));
        match name.to_ascii_uppercase().as_slice() {
            b"" => return Err(SyntaxError::Missing),
            b"\\NOSELECT" | b"\\NONEXISTENT" => is_selectable = false,
            name => purpose = purpose.or(RemoteUse::of(name)),
        }
    }
    lexer.space()?;
    let delimiter = lexer.nstring()?.and_then(|text| text.first().copied());
    lexer.space()?;
    let name = match lexer.peek() {
        Some(b'"' | b'{') => lexer.string()?.into_owned(),
        // Servers write names that are no atoms, too.
        _ => lexer
            .take_while(|b| !matches!(b, b' ' | b'\r' | b'\n'))
            .to_vec(),
    };
    if name.is_empty() || name.len() > REMOTE_NAME_MAX {
        return Err(SyntaxError::MailboxName);
    }
    if name.eq_ignore_ascii_case(b"INBOX") {
        purpose = Some(RemoteUse::Inbox);
    }
    Ok(RemoteFolder {
        name,
        delimiter,
        purpose,
        is_selectable,
    })
}

/// `(item value item value …)`, in any order.
fn fetched(lexer: &mut Lexer<'_>, mut message: Option<Vec<u8>>) -> Parsed<FetchedItems> {
    let mut items = FetchedItems::default();
    lexer.expect(b'(')?;
    loop {
        while lexer.eat(b' ') {}
        if lexer.eat(b')') || lexer.peek().is_none() {
            return Ok(items);
        }
        let name = item_name(lexer)?;
        while lexer.eat(b' ') {}
        match name.as_str() {
            "UID" => items.uid = Some(lexer.number()?),
            "RFC822.SIZE" => items.size = value(lexer)?.and_then(|text| number64(&text)),
            "INTERNALDATE" => items.received_at = value(lexer)?.and_then(|text| date(&text)),
            "MODSEQ" => {
                lexer.expect(b'(')?;
                items.modseq = Some(lexer.number64()?);
                lexer.expect(b')')?;
            }
            "FLAGS" => items.flags = Some(flags(lexer)?),
            "BODY[]" | "RFC822" => {
                items.body = body(lexer, &mut message)?;
                items.has_no_body = items.body.is_none();
            }
            name if name.starts_with("BODY[HEADER") => {
                items.message_id = value(lexer)?.and_then(|text| message_id(&text));
            }
            _ => skip(lexer)?,
        }
    }
}

/// `UID`, `BODY[HEADER.FIELDS (MESSAGE-ID)]`, `BODY[]<0>` (as `BODY[]`), in capitals.
fn item_name(lexer: &mut Lexer<'_>) -> Parsed<String> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let mut name = lexer.word(is_name)?.to_ascii_uppercase();
    if lexer.eat(b'[') {
        let section = lexer.take_while(|b| !matches!(b, b']' | b'\r' | b'\n'));
        lexer.expect(b']')?;
        let section = String::from_utf8_lossy(section).to_ascii_uppercase();
        name = format!("{name}[{section}]");
        if lexer.eat(b'<') {
            lexer.take_while(|b| b.is_ascii_digit() || b == b'.');
            lexer.expect(b'>')?;
        }
    }
    Ok(name)
}

/// The octets of a body, of which those of a long literal are apart.
fn body(lexer: &mut Lexer<'_>, message: &mut Option<Vec<u8>>) -> Parsed<Option<Vec<u8>>> {
    lexer.eat(b'~');
    if lexer.peek() != Some(b'{') {
        return value(lexer);
    }
    let size = lexer.announced()?;
    if size > INLINE_MAX {
        return Ok(message.take().filter(|octets| octets.len() as u64 == size));
    }
    let size = usize::try_from(size).map_err(|_| SyntaxError::Literal)?;
    match lexer.octets(size) {
        octets if octets.len() == size => Ok(Some(octets.to_vec())),
        _ => Err(SyntaxError::Literal),
    }
}

/// A string, a number or NIL; a list is skipped and counts as NIL.
fn value(lexer: &mut Lexer<'_>) -> Parsed<Option<Vec<u8>>> {
    match lexer.peek() {
        Some(b'"') => Ok(Some(lexer.string()?.into_owned())),
        Some(b'{') => literal(lexer).map(Some),
        Some(b'(' | b'~') => skip(lexer).map(|()| None),
        _ => {
            let word = lexer.word(is_atom)?;
            let is_nil = word.eq_ignore_ascii_case("NIL");
            Ok((!is_nil).then(|| word.as_bytes().to_vec()))
        }
    }
}

/// The octets of a short literal; a long one counts as empty.
fn literal(lexer: &mut Lexer<'_>) -> Parsed<Vec<u8>> {
    let size = lexer.announced()?;
    if size > INLINE_MAX {
        return Ok(Vec::new());
    }
    let size = usize::try_from(size).map_err(|_| SyntaxError::Literal)?;
    Ok(lexer.octets(size).to_vec())
}

/// Goes past one value of any kind.
fn skip(lexer: &mut Lexer<'_>) -> Parsed<()> {
    let mut depth = 0usize;
    loop {
        match lexer.peek() {
            None => return Err(SyntaxError::Missing),
            Some(b'(') => {
                lexer.eat(b'(');
                depth += 1;
            }
            Some(b')') if depth > 0 => {
                lexer.eat(b')');
                depth -= 1;
            }
            Some(b' ') if depth > 0 => {
                lexer.eat(b' ');
                continue;
            }
            Some(b'"') => {
                lexer.string()?;
            }
            Some(b'{') => {
                literal(lexer)?;
            }
            Some(b'~') => {
                lexer.eat(b'~');
                continue;
            }
            Some(_) => {
                let is_plain = |b: u8| !matches!(b, b' ' | b'(' | b')' | b'"' | b'{' | b'\r');
                if lexer.take_while(is_plain).is_empty() {
                    return Err(SyntaxError::Character);
                }
                // `BODY[TEXT "x"]<0>` and the like go on without a space.
                if depth == 0 && !matches!(lexer.peek(), None | Some(b' ' | b')')) {
                    continue;
                }
            }
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

/// A list of flags. Keywords that are no keywords here, and those over the bound, are left out.
fn flags(lexer: &mut Lexer<'_>) -> Parsed<(Flags, Vec<String>)> {
    let mut flags = Flags::NONE;
    let mut keywords: Vec<String> = Vec::new();
    if lexer.peek() != Some(b'(') {
        return value(lexer).map(|_| (flags, keywords));
    }
    lexer.expect(b'(')?;
    loop {
        if lexer.eat(b')') {
            return Ok((flags, keywords));
        }
        if lexer.eat(b' ') {
            continue;
        }
        let word = lexer.take_while(|b| !matches!(b, b' ' | b')' | b'\r' | b'\n'));
        if word.is_empty() {
            return Err(SyntaxError::Flag);
        }
        let is_it = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
        if let Some((_, flag)) = Flags::NAMES.iter().find(|(name, _)| is_it(name)) {
            flags = flags.with(*flag);
        } else if word.iter().all(|b| is_atom(*b))
            && word.len() <= KEYWORD_MAX
            && keywords.len() < KEYWORDS_MAX
        {
            keywords.push(String::from_utf8_lossy(word).into_owned());
        }
    }
}

/// `17-Jul-1996 02:44:25 -0700` as unix milliseconds.
fn date(text: &[u8]) -> Option<i64> {
    let quoted = [b"\"", text, b"\""].concat();
    Lexer::new(&quoted, 0).date_time().ok()
}

/// The value of the field Message-ID: what stands in the first pair of angle brackets.
fn message_id(header: &[u8]) -> Option<String> {
    let from = memchr::memchr(b'<', header)?;
    let rest = header.get(from..)?;
    let to = memchr::memchr(b'>', rest)?;
    let id = core::str::from_utf8(rest.get(..=to)?).ok()?;
    let is_plain = id.len() <= MESSAGE_ID_MAX && !id.contains(|c: char| c.is_control());
    is_plain.then(|| id.to_owned())
}

/// The first word, and what stands behind its space.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(at) => text
            .split_at_checked(at)
            .map_or((text, &[][..]), |(word, rest)| {
                (word, rest.get(1..).unwrap_or_default())
            }),
        None => (text, &[]),
    }
}

fn words(text: &[u8]) -> Vec<String> {
    let words = text.split(|b| *b == b' ').filter(|word| !word.is_empty());
    words
        .take(CAPABILITIES_MAX)
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
        .collect()
}

fn number(text: &[u8]) -> Option<u32> {
    u32::try_from(number64(text)?).ok()
}

fn number64(text: &[u8]) -> Option<u64> {
    let mut lexer = Lexer::new(text, 0);
    let number = lexer.number64().ok()?;
    lexer.end().ok().map(|()| number)
}

/// The words of a server, for people and logs.
fn shown(text: &[u8]) -> String {
    let printable = |b: &u8| match *b {
        b if b.is_ascii_graphic() || b == b' ' => char::from(b),
        _ => '?',
    };
    text.iter().take(SHOWN_MAX).map(printable).collect()
}

/// Octets of the name of a mailbox of another server.
const REMOTE_NAME_MAX: usize = 1024;
/// Octets of a keyword, and keywords of a message, that are taken over.
const KEYWORD_MAX: usize = 64;
const KEYWORDS_MAX: usize = 64;
/// RFC 5322 section 2.1.1: a line has at most 998 octets.
const MESSAGE_ID_MAX: usize = 998;
/// Servers offer about forty.
const CAPABILITIES_MAX: usize = 256;
/// Octets that are kept of the words of a server.
const SHOWN_MAX: usize = 200;
