//! Address lists of header fields: display names, groups, comments, obsolete routes.
//!
//! Headers of real mail must be read leniently, so [`walk`] takes any octets and yields the
//! mailboxes that it finds; each mailbox says whether it obeyed the grammar (`strict`). The walk is
//! one loop over tokens with a mode. It has no recursion and never goes back. For the sender of a
//! submission a lenient reading is unsafe: [`parse_single_from`] accepts exactly one From field
//! with exactly one strict mailbox.

use std::fmt;

use super::address::Address;
use super::address_token::{AddressToken, AddressTokens};
use super::charset::Charset;
use super::word;
use crate::mail::Bounds;

/// One mailbox of a header, decoded. The parts are as written: they may be no valid [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailbox {
    /// Display name with encoded words decoded and controls dropped.
    pub name: Option<String>,
    /// Local part without quotes.
    pub local: String,
    /// Domain as written; empty if there is none.
    pub domain: String,
}

impl Mailbox {
    /// The address, if the parts make a valid one.
    pub fn address(&self) -> Option<Address> {
        Address::from_parts(self.local.clone(), &self.domain).ok()
    }

    fn of(raw: &RawMailbox<'_>, fallback: Option<Charset>) -> Mailbox {
        Mailbox {
            name: (raw.name.map(|name| word::decode_with(name, fallback)))
                .filter(|name| !name.is_empty()),
            local: clean(raw.local),
            domain: clean(raw.domain),
        }
    }
}

/// The addr-spec alone, for showing and comparing. A mailbox that is no valid address is written as
/// it stood.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None if self.domain.is_empty() => f.write_str(&self.local),
            None => write!(f, "{}@{}", self.local, self.domain),
        }
    }
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressEntry {
    /// A mailbox by itself.
    Mailbox(Mailbox),
    /// `name: a@b, c@d;`
    Group {
        /// The group's name, decoded.
        name: String,
        /// May be empty, as in `undisclosed-recipients:;`.
        members: Vec<Mailbox>,
    },
}

/// The entries of a field's body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressList {
    /// In the order of the field.
    pub entries: Vec<AddressEntry>,
    /// The field had more addresses than the bound.
    pub truncated: bool,
}

impl AddressList {
    /// Every mailbox, members of groups included.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.entries.iter().flat_map(|entry| match entry {
            AddressEntry::Mailbox(mailbox) => std::slice::from_ref(mailbox),
            AddressEntry::Group { members, .. } => members.as_slice(),
        })
    }
}

/// Reads an address field's body, folded or not, up to the bound of addresses.
pub fn parse_list(body: &[u8], bounds: &Bounds) -> AddressList {
    parse_list_with(body, bounds, None)
}

/// As [`parse_list`]; raw octets that are no UTF-8 are of the `fallback`, if there is one.
pub(crate) fn parse_list_with(
    body: &[u8],
    bounds: &Bounds,
    fallback: Option<Charset>,
) -> AddressList {
    let mut list = AddressList::default();
    let mut n = 0;
    let mut in_group = false;
    walk_with(body, fallback, &mut |raw| {
        match raw {
            RawEntry::GroupStart(name) => {
                in_group = true;
                list.entries.push(AddressEntry::Group {
                    name: word::decode_with(name, fallback),
                    members: Vec::new(),
                });
            }
            RawEntry::GroupEnd => in_group = false,
            RawEntry::Mailbox(raw) => {
                let mailbox = Mailbox::of(&raw, fallback);
                match list.entries.last_mut() {
                    Some(AddressEntry::Group { members, .. }) if in_group => members.push(mailbox),
                    _ => list.entries.push(AddressEntry::Mailbox(mailbox)),
                }
            }
        }
        n += 1;
        list.truncated = n >= bounds.addresses;
        !list.truncated
    });
    list
}

/// Reads a text that is one mailbox (RFC 5322 section 3.4) and nothing else, as a request names a
/// recipient: `None` where a word would be left over, or where another address could be meant.
/// Beside the strict grammar it takes a comment in front, and white space within the brackets.
pub(crate) fn parse_mailbox(text: &str) -> Option<Mailbox> {
    let mut walker = AddressWalker {
        strict: true,
        ..AddressWalker::default()
    };
    let mut tokens = AddressTokens::new(text.as_bytes(), None);
    let mut found = None;
    // A dot of a display name may stand anywhere, one of a local part between two words.
    let (mut is_behind_word, mut has_odd_dot) = (false, false);
    loop {
        let token = tokens.next();
        walker.strict &= std::mem::replace(&mut tokens.clean, true);
        match token {
            AddressToken::Comment if walker.is_at_start() => continue,
            // A further entry, a group or a route.
            AddressToken::Special(b',' | b';' | b':') => return None,
            AddressToken::Special(b'@') if has_odd_dot || !is_behind_word => return None,
            AddressToken::Special(b'.') => has_odd_dot |= !is_behind_word,
            AddressToken::Special(b'<') => has_odd_dot = false,
            _ => {}
        }
        is_behind_word = matches!(token, AddressToken::Atom | AddressToken::Quoted);
        let space = tokens.space && !walker.is_beside_bracket(token);
        walker.take(token, &tokens.text, space, &mut |raw| {
            if let RawEntry::Mailbox(raw) = raw
                && raw.strict
                && !raw.domain.is_empty()
            {
                found = Some(Mailbox::of(&raw, None));
            }
            true
        });
        if token == AddressToken::End {
            return found;
        }
    }
}

/// The place of the first mailbox in a list beside which words are left over, so that it may not be
/// the one that is meant. It is lenient in all else, as mail clients need it.
pub(crate) fn find_rest(body: &[u8]) -> Option<usize> {
    let (mut found, mut at) = (None, 0);
    walk(body, &mut |raw| {
        if let RawEntry::Mailbox(raw) = raw {
            found = raw.has_rest.then_some(at);
            at += 1;
        }
        found.is_none()
    });
    found
}

/// The reason why the From of a submission is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromError {
    /// A group: it does not name one sender.
    Group,
    /// Not a valid address, or readable in two ways.
    Malformed,
    /// There is no From field, or none with an address.
    Missing,
    /// More than one From field.
    SeveralFields,
    /// More than one address in it.
    SeveralMailboxes,
}

impl fmt::Display for FromError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FromError::Group => "the From field holds a group",
            FromError::Malformed => "the From field is not a valid address",
            FromError::Missing => "there is no From address",
            FromError::SeveralFields => "there is more than one From field",
            FromError::SeveralMailboxes => "the From field holds more than one address",
        })
    }
}

impl std::error::Error for FromError {}

/// The one author of a submission, from the bodies of all its From fields.
///
/// # Errors
/// Any other form than one field with one mailbox that every parser reads in the same way.
pub fn parse_single_from<'a>(
    bodies: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Address, FromError> {
    let mut bodies = bodies.into_iter();
    let body = bodies.next().ok_or(FromError::Missing)?;
    if bodies.next().is_some() {
        return Err(FromError::SeveralFields);
    }
    let mut found: Result<Address, FromError> = Err(FromError::Missing);
    walk(body, &mut |raw| {
        found = match raw {
            RawEntry::GroupStart(_) | RawEntry::GroupEnd => Err(FromError::Group),
            RawEntry::Mailbox(_) if found.is_ok() => Err(FromError::SeveralMailboxes),
            RawEntry::Mailbox(raw) if raw.strict && raw.route.is_none() => strict_address(&raw),
            RawEntry::Mailbox(_) => Err(FromError::Malformed),
        };
        // An empty entry ("a@b,") yields nothing, so only a further mailbox can follow a good one.
        found.is_ok()
    });
    found
}

fn strict_address(raw: &RawMailbox<'_>) -> Result<Address, FromError> {
    let local = std::str::from_utf8(raw.local).map_err(|_| FromError::Malformed)?;
    let domain = std::str::from_utf8(raw.domain).map_err(|_| FromError::Malformed)?;
    Address::from_parts(local.to_owned(), domain).map_err(|_| FromError::Malformed)
}

fn clean(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// An entry that [`walk`] yields, borrowed from its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawEntry<'a> {
    /// The start of a group, with its name.
    GroupStart(&'a [u8]),
    /// The end of a group, also if the `;` is missing.
    GroupEnd,
    /// A mailbox.
    Mailbox(RawMailbox<'a>),
}

/// A mailbox without quotes, comments and folds, encoded words as they are. ENVELOPE shows this
/// form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawMailbox<'a> {
    /// The phrase before the address, or the comment beside it.
    pub name: Option<&'a [u8]>,
    /// Obsolete source route, `@a,@b`.
    pub route: Option<&'a [u8]>,
    /// Local part.
    pub local: &'a [u8],
    /// Domain, a literal in its brackets; empty if there is none.
    pub domain: &'a [u8],
    /// It obeys the grammar: nothing was skipped, and no comment or space is inside the address.
    pub strict: bool,
    /// Words stand beside the address that are no name of it: another address may be meant.
    pub has_rest: bool,
}

/// Goes through the body of an address field once; it stops when `each` returns false.
pub(crate) fn walk(body: &[u8], each: &mut dyn FnMut(RawEntry<'_>) -> bool) {
    walk_with(body, None, each);
}

/// As [`walk`]; raw octets that are no UTF-8 are of that charset, if there is one.
pub(crate) fn walk_with(
    body: &[u8],
    charset: Option<Charset>,
    each: &mut dyn FnMut(RawEntry<'_>) -> bool,
) {
    let mut walker = AddressWalker {
        strict: true,
        ..AddressWalker::default()
    };
    let mut tokens = AddressTokens::new(body, charset);
    let mut go_on = true;
    while go_on {
        let token = tokens.next();
        walker.strict &= tokens.clean;
        go_on = walker.take(token, &tokens.text, tokens.space, each);
        tokens.clean = true;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum WalkMode {
    /// Words that are a display name, or a local part if an `@` follows.
    #[default]
    Phrase,
    /// The domain of an address without angle brackets.
    Domain,
    /// After `<`.
    AngleLocal,
    /// After `<@`.
    AngleRoute,
    /// After the `@` in angle brackets.
    AngleDomain,
    /// After a complete address.
    After,
    /// After something unreadable, up to the next separator.
    Skip,
}

#[derive(Default)]
struct AddressWalker {
    mode: WalkMode,
    in_group: bool,
    strict: bool,
    has_rest: bool,
    /// The last word ended with a dot, so the next word belongs to the same run.
    dotted: bool,
    /// White space inside the run: valid in a name, but not strict in a local part.
    spaced: bool,
    /// An address in angle brackets is complete.
    is_angled: bool,
    phrase: Vec<u8>,
    /// How much of `phrase` stands before the last run of words joined by dots.
    before_run: usize,
    run: Vec<u8>,
    comment: Vec<u8>,
    route: Vec<u8>,
    domain: Vec<u8>,
}

impl AddressWalker {
    /// One token; false ends the walk.
    fn take(
        &mut self,
        token: AddressToken,
        text: &[u8],
        space: bool,
        each: &mut dyn FnMut(RawEntry<'_>) -> bool,
    ) -> bool {
        match token {
            AddressToken::End => {
                if self.finish(each) && self.in_group {
                    each(RawEntry::GroupEnd);
                }
                return false;
            }
            AddressToken::Special(b',') if self.mode != WalkMode::AngleRoute => {
                return self.finish(each);
            }
            AddressToken::Special(b';') => {
                self.strict &= self.in_group;
                let go_on = self.finish(each);
                return go_on && (!std::mem::take(&mut self.in_group) || each(RawEntry::GroupEnd));
            }
            AddressToken::Comment => {
                self.strict &= matches!(
                    self.mode,
                    WalkMode::Phrase | WalkMode::Domain | WalkMode::After
                );
                // A comment inside the address is read, but programs do not agree on it.
                self.strict &= self.mode != WalkMode::Phrase || self.run.is_empty() || !self.dotted;
                if !matches!(
                    self.mode,
                    WalkMode::AngleLocal | WalkMode::AngleRoute | WalkMode::AngleDomain
                ) {
                    // A comment beside an address is a name; a comment inside one is dropped.
                    self.comment.clear();
                    self.comment.extend_from_slice(text);
                }
                return true;
            }
            _ => {}
        }
        match self.mode {
            WalkMode::Phrase => return self.phrase_token(token, text, space, each),
            WalkMode::Domain => self.domain_token(token, text, space),
            WalkMode::AngleLocal | WalkMode::AngleRoute | WalkMode::AngleDomain => {
                self.angle_token(token, text, space)
            }
            WalkMode::After => {
                self.strict = false;
                self.has_rest = true;
                self.is_angled = true;
                self.mode = WalkMode::Skip;
            }
            WalkMode::Skip if token == AddressToken::Special(b'<') && !self.is_angled => {
                self.all_was_name();
            }
            WalkMode::Skip => {}
        }
        true
    }

    /// Nothing of an entry has come.
    fn is_at_start(&self) -> bool {
        self.mode == WalkMode::Phrase && self.phrase.is_empty()
    }

    /// Whether a token stands behind the opening bracket of an address, or is the closing one.
    fn is_beside_bracket(&self, token: AddressToken) -> bool {
        match self.mode {
            WalkMode::AngleLocal => self.run.is_empty(),
            WalkMode::AngleDomain => token == AddressToken::Special(b'>'),
            _ => false,
        }
    }

    /// `a@b.test <a@b.test>`: a display name that needed quotes.
    fn all_was_name(&mut self) {
        self.strict = false;
        self.has_rest = false;
        if !self.domain.is_empty() {
            if !self.phrase.is_empty() {
                self.phrase.push(b' ');
            }
            self.phrase.append(&mut self.run);
            self.phrase.push(b'@');
            self.phrase.append(&mut self.domain);
        }
        self.run.clear();
        self.dotted = false;
        self.mode = WalkMode::AngleLocal;
    }

    fn phrase_token(
        &mut self,
        token: AddressToken,
        text: &[u8],
        space: bool,
        each: &mut dyn FnMut(RawEntry<'_>) -> bool,
    ) -> bool {
        match token {
            AddressToken::Atom | AddressToken::Quoted | AddressToken::Literal => {
                let dotted = std::mem::take(&mut self.dotted);
                if dotted {
                    self.spaced |= space;
                } else {
                    self.run.clear();
                    self.spaced = false;
                    self.before_run = self.phrase.len();
                }
                if space && !self.phrase.is_empty() {
                    self.phrase.push(b' ');
                }
                self.phrase.extend_from_slice(text);
                self.run.extend_from_slice(text);
            }
            AddressToken::Special(b'.') => {
                self.phrase.push(b'.');
                self.run.push(b'.');
                self.spaced |= space;
                self.dotted = true;
            }
            AddressToken::Special(b'@') if !self.run.is_empty() => {
                self.strict &=
                    !space && !self.spaced && self.before_run == 0 && self.comment.is_empty();
                self.has_rest |= self.before_run > 0;
                self.phrase.truncate(self.before_run);
                self.dotted = false;
                self.mode = WalkMode::Domain;
            }
            AddressToken::Special(b'<') => {
                self.run.clear();
                self.dotted = false;
                self.mode = WalkMode::AngleLocal;
            }
            AddressToken::Special(b':') if !self.in_group => {
                self.in_group = true;
                let go_on = each(RawEntry::GroupStart(&self.phrase));
                self.clear();
                return go_on;
            }
            // A sign in a display name that needed quotes.
            AddressToken::Special(b) => {
                self.strict = false;
                self.phrase.push(b);
                self.before_run = self.phrase.len();
                self.run.clear();
                self.dotted = false;
            }
            AddressToken::Comment | AddressToken::End => {}
        }
        true
    }

    fn domain_token(&mut self, token: AddressToken, text: &[u8], space: bool) {
        match token {
            AddressToken::Atom | AddressToken::Literal
                if self.domain.is_empty() || self.domain.ends_with(b".") =>
            {
                self.strict &= !space && self.comment.is_empty();
                self.domain.extend_from_slice(text);
            }
            AddressToken::Special(b'.') => {
                self.strict &= !space;
                self.domain.push(b'.');
            }
            AddressToken::Special(b'<') => self.all_was_name(),
            _ => {
                self.strict = false;
                self.has_rest = true;
                self.mode = WalkMode::Skip;
            }
        }
    }

    fn angle_token(&mut self, token: AddressToken, text: &[u8], space: bool) {
        self.strict &= !space;
        let part = match self.mode {
            WalkMode::AngleLocal => &mut self.run,
            WalkMode::AngleRoute => &mut self.route,
            _ => &mut self.domain,
        };
        match (self.mode, token) {
            (_, AddressToken::Special(b'>')) => self.mode = WalkMode::After,
            // `<<a@b>>`, and `<mailto:a@b>`.
            (WalkMode::AngleLocal, AddressToken::Special(b'<')) if part.is_empty() => {
                self.strict = false;
            }
            (WalkMode::AngleLocal, AddressToken::Special(b':')) if !part.is_empty() => {
                self.strict = false;
                part.clear();
            }
            (WalkMode::AngleLocal, AddressToken::Special(b'@')) if part.is_empty() => {
                self.route.push(b'@');
                self.mode = WalkMode::AngleRoute;
            }
            (WalkMode::AngleLocal, AddressToken::Special(b'@')) => {
                self.mode = WalkMode::AngleDomain
            }
            (WalkMode::AngleRoute, AddressToken::Special(b':')) => self.mode = WalkMode::AngleLocal,
            (WalkMode::AngleRoute, AddressToken::Special(b @ (b'@' | b',' | b'.'))) => part.push(b),
            (_, AddressToken::Special(b'.')) => part.push(b'.'),
            (_, AddressToken::Atom | AddressToken::Quoted | AddressToken::Literal) => {
                let joined =
                    part.is_empty() || part.ends_with(b".") || self.mode == WalkMode::AngleRoute;
                if !joined {
                    self.strict = false;
                    part.push(b' ');
                }
                part.extend_from_slice(text);
            }
            _ => {
                self.strict = false;
                self.mode = WalkMode::Skip;
            }
        }
    }

    /// The end of an entry: yields the entry, if there is one.
    fn finish(&mut self, each: &mut dyn FnMut(RawEntry<'_>) -> bool) -> bool {
        let complete = matches!(self.mode, WalkMode::Domain | WalkMode::After);
        if self.mode == WalkMode::Phrase && self.before_run > 0 {
            // Several words and no address: a name without one.
            self.run.clear();
        } else if self.mode == WalkMode::Phrase {
            self.phrase.clear();
        }
        let name = if self.phrase.is_empty() {
            &self.comment
        } else {
            &self.phrase
        };
        let mut go_on = true;
        // A comment alone is no address (RFC 5322 section 3.4).
        if !(self.run.is_empty() && self.phrase.is_empty() && self.domain.is_empty()) {
            go_on = each(RawEntry::Mailbox(RawMailbox {
                name: (!name.is_empty()).then_some(name.as_slice()),
                route: (!self.route.is_empty()).then_some(self.route.as_slice()),
                local: &self.run,
                domain: &self.domain,
                strict: self.strict && complete,
                has_rest: self.has_rest,
            }));
        }
        self.clear();
        go_on
    }

    fn clear(&mut self) {
        self.mode = WalkMode::Phrase;
        self.strict = true;
        self.has_rest = false;
        self.dotted = false;
        self.spaced = false;
        self.is_angled = false;
        self.before_run = 0;
        for part in [
            &mut self.phrase,
            &mut self.run,
            &mut self.comment,
            &mut self.route,
            &mut self.domain,
        ] {
            part.clear();
        }
    }
}
