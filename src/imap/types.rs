//! What a client can say, after parsing: [`Command`] and what is in it.
//!
//! Not the grammar (`parse`) and not what is done about it (`server`). What outlives the
//! line that it came in (fetch items, search programs, sets, names) is owned; only what is
//! used at once (login, tags, mechanisms) borrows. Everything here is already within its
//! bounds: names are canonical, sets and lists are counted, numbers fit.

use std::borrow::Cow;

use crate::call::{FlagChange, Flags, SearchKey, UidSet};

/// A command with its tag, as `parse::command` gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tagged<'a> {
    /// What the client calls this command; 1 to 64 octets, safe to write back.
    pub tag: &'a str,
    /// What it wants.
    pub command: Command<'a>,
}

/// One command (RFC 3501 section 6 and the extensions that we offer).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// CAPABILITY
    Capability,
    /// NOOP
    Noop,
    /// LOGOUT
    Logout,
    /// STARTTLS
    StartTls,
    /// LOGIN
    Login {
        /// The inbox address, as the client wrote it.
        user: Cow<'a, [u8]>,
        /// The key.
        password: Hidden<'a>,
    },
    /// AUTHENTICATE
    Authenticate {
        /// `PLAIN` and such, as written.
        mechanism: &'a str,
        /// SASL-IR (RFC 4959), base64 not yet decoded.
        initial: Option<Hidden<'a>>,
    },
    /// ENABLE (RFC 5161), with the names as written.
    Enable(Vec<&'a str>),
    /// ID (RFC 2971)
    Id(Vec<IdPair<'a>>),
    /// NAMESPACE (RFC 2342)
    Namespace,
    /// SELECT, or EXAMINE if `read_only`.
    Select {
        /// Which.
        mailbox: MailboxName,
        /// EXAMINE.
        read_only: bool,
        /// `(CONDSTORE)` was given (RFC 7162 section 3.1.8).
        condstore: bool,
    },
    /// CREATE; `special` are the attributes of `(USE (...))` (RFC 6154), as written.
    Create {
        /// Which; a `/` at its end has been taken off.
        mailbox: MailboxName,
        /// For `NO [USEATTR]`: we do not offer CREATE-SPECIAL-USE.
        special: Vec<&'a str>,
    },
    /// DELETE
    Delete(MailboxName),
    /// RENAME
    Rename {
        /// Old name.
        from: MailboxName,
        /// New name; a `/` at its end has been taken off.
        to: MailboxName,
    },
    /// SUBSCRIBE
    Subscribe(MailboxName),
    /// UNSUBSCRIBE
    Unsubscribe(MailboxName),
    /// LIST, plain or extended (RFC 5258, RFC 5819).
    List(List),
    /// LSUB
    Lsub {
        /// Reference and pattern, put together and decoded.
        pattern: Pattern,
    },
    /// STATUS
    Status {
        /// Which.
        mailbox: MailboxName,
        /// In the order asked, each once, at least one.
        items: Vec<StatusItem>,
    },
    /// APPEND up to its message literal, whose octets follow (see `frame::Step::Message`).
    Append {
        /// Where to.
        mailbox: MailboxName,
        /// Flags and keywords to set.
        flags: FlagList,
        /// INTERNALDATE, unix milliseconds.
        received_at: Option<i64>,
        /// Octets of the message.
        size: u64,
    },
    /// CHECK
    Check,
    /// CLOSE
    Close,
    /// UNSELECT (RFC 3691)
    Unselect,
    /// EXPUNGE, or UID EXPUNGE (RFC 4315) with a set of UIDs.
    Expunge(Option<SequenceSet>),
    /// SEARCH and UID SEARCH
    Search(Search),
    /// FETCH and UID FETCH
    Fetch(Fetch),
    /// STORE and UID STORE
    Store(Store),
    /// COPY, MOVE (RFC 6851) and their UID forms.
    Copy {
        /// `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        to: MailboxName,
        /// MOVE.
        remove: bool,
    },
    /// IDLE (RFC 2177); ends with a line `DONE` that is no command.
    Idle,
}

/// A field of ID and its value.
pub type IdPair<'a> = (Cow<'a, [u8]>, Option<Cow<'a, [u8]>>);

/// A secret on its way from the client; does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<'a>(pub Cow<'a, [u8]>);

impl core::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hidden(..)")
    }
}

/// A mailbox name in its one spelling: UTF-8, `/` between levels, the first level `INBOX` in
/// capitals, no empty level, no control character, no wildcard, at most 255 octets and 10
/// levels. Made by `parse` alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MailboxName(pub(in crate::imap) String);

impl MailboxName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a call.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Reference and mailbox pattern of LIST and LSUB as one text: UTF-8 with the wildcards `*`
/// and `%`; `INBOX` as first level in capitals. At most 512 octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(pub String);

/// LIST with everything that RFC 5258 and 5819 let it say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// Each with the reference in front; one unless extended. An empty one (`LIST "" ""`)
    /// asks for the hierarchy delimiter.
    pub patterns: Vec<Pattern>,
    /// The extended syntax was used: `\NonExistent`, `\Subscribed` and CHILDINFO make sense.
    pub extended: bool,
    /// Selection option SUBSCRIBED.
    pub only_subscribed: bool,
    /// Selection option RECURSIVEMATCH.
    pub recursive_match: bool,
    /// Selection option SPECIAL-USE (RFC 6154).
    pub only_special: bool,
    /// RETURN (SUBSCRIBED), or implied by the selection option.
    pub return_subscribed: bool,
    /// RETURN (CHILDREN).
    pub return_children: bool,
    /// RETURN (SPECIAL-USE), or implied by the selection option.
    pub return_special: bool,
    /// RETURN (STATUS (...)); empty when not asked.
    pub return_status: Vec<StatusItem>,
}

/// What STATUS can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    /// APPENDLIMIT (RFC 7889)
    AppendLimit,
    /// DELETED (RFC 9051)
    Deleted,
    /// HIGHESTMODSEQ (RFC 7162)
    HighestModSeq,
    /// MESSAGES
    Messages,
    /// RECENT
    Recent,
    /// SIZE (RFC 8438)
    Size,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
}

impl StatusItem {
    /// Every one with its name.
    pub const NAMES: [(&'static str, StatusItem); 9] = [
        ("MESSAGES", StatusItem::Messages),
        ("RECENT", StatusItem::Recent),
        ("UIDNEXT", StatusItem::UidNext),
        ("UIDVALIDITY", StatusItem::UidValidity),
        ("UNSEEN", StatusItem::Unseen),
        ("HIGHESTMODSEQ", StatusItem::HighestModSeq),
        ("SIZE", StatusItem::Size),
        ("DELETED", StatusItem::Deleted),
        ("APPENDLIMIT", StatusItem::AppendLimit),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|row| row.1 == self)
            .map_or("", |row| row.0)
    }
}

/// Flags of STORE and APPEND. `\Recent` is dropped: no client can set it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlagList {
    /// System flags.
    pub flags: Flags,
    /// Keywords: atoms of up to 64 octets, each once (without case), in the order given.
    pub keywords: Vec<String>,
}

/// A sequence set (RFC 3501 section 9) as ranges in the order given, at most 1,000; 0 stands
/// for `*`, which is no valid number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SequenceSet(pub(in crate::imap) Vec<(u32, u32)>);

impl SequenceSet {
    /// The numbers, with `*` as `largest`: the largest UID or the number of messages. Empty
    /// if `largest` is 0 (no messages) and only `*` was given; `9:*` includes `largest` even
    /// if it is below 9. Numbers above `largest` are kept.
    pub fn resolve(&self, largest: u32) -> UidSet {
        let star = |n: u32| if n == 0 { largest } else { n };
        UidSet::from_ranges(
            self.0
                .iter()
                .map(|&(a, b)| (star(a), star(b)))
                .filter(|&(a, b)| a != 0 || b != 0)
                .map(|(a, b)| (a.max(1), b.max(1))),
        )
    }

    /// The largest number named, not counting `*`: a sequence number above the number of
    /// messages is the client's error (RFC 3501 section 9, `seq-number`).
    pub fn largest_named(&self) -> u32 {
        self.0.iter().map(|&(a, b)| a.max(b)).max().unwrap_or(0)
    }
}

/// FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// UID FETCH: `set` is of UIDs, and `items` has [`FetchItem::Uid`].
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// What of them, macros written out.
    pub items: FetchItems,
    /// `(CHANGEDSINCE n)` (RFC 7162 section 3.1.4.1); `items` has [`FetchItem::ModSeq`] then.
    pub changed_since: Option<u64>,
}

/// What FETCH asks of each message, in the order that it is answered; at most 64.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FetchItems(pub Vec<FetchItem>);

/// One thing that FETCH can ask for.
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
    /// How the answer names it.
    pub label: SectionLabel,
    /// Part numbers; empty is the message itself. At most 50, none is 0.
    pub path: Vec<u32>,
    /// What of the part.
    pub of: SectionText,
    /// `<offset.length>`.
    pub partial: Option<(u32, u32)>,
    /// Does not set `\Seen`.
    pub peek: bool,
}

/// How the answer to a section is named.
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

/// What of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionText {
    /// All of the message, or the body of the part.
    Whole,
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS (...)`, or `HEADER.FIELDS.NOT (...)` with `not`.
    HeaderFields {
        /// All but these.
        not: bool,
        /// Field names as written: printable ASCII without colon, 1 to 100 of them.
        names: Vec<String>,
    },
    /// `TEXT`
    Text,
    /// `MIME`: the header of the part itself.
    Mime,
}

/// STORE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    /// `set` is of UIDs.
    pub uid: bool,
    /// Which messages.
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)` (RFC 7162 section 3.1.3).
    pub unchanged_since: Option<u64>,
    /// Add, remove or replace.
    pub how: FlagChange,
    /// `.SILENT`
    pub silent: bool,
    /// Which flags.
    pub flags: FlagList,
}

/// SEARCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// UID SEARCH: answers are UIDs.
    pub uid: bool,
    /// RETURN (...) (RFC 4731): the answer is ESEARCH.
    pub returns: Option<Returns>,
    /// What is looked for.
    pub program: SearchProgram,
}

/// What ESEARCH answers with. `RETURN ()` is given as `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Returns {
    /// MIN
    pub min: bool,
    /// MAX
    pub max: bool,
    /// ALL
    pub all: bool,
    /// COUNT
    pub count: bool,
}

/// A search in postfix order, so that neither parsing nor resolving it recurses; at most 200
/// keys, nested at most 32 deep.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchProgram {
    pub(in crate::imap) ops: Vec<SearchOp>,
    /// A MODSEQ key is in it: the answer has the highest MODSEQ found, and CONDSTORE is on.
    pub modseq: bool,
}

/// One step of a [`SearchProgram`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::imap) enum SearchOp {
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

/// What only the session can turn into UIDs.
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

/// What is wrong with a line, and in which words the client hears it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyntaxError {
    /// APPEND without a message literal.
    AppendWithoutMessage,
    /// A character that cannot be there.
    Character,
    /// CHARSET is neither UTF-8 nor US-ASCII, or a text is not UTF-8.
    Charset,
    /// A date or date-time that is none.
    Date,
    /// More nested than allowed.
    Depth,
    /// Fetch items that do not exist.
    FetchItem,
    /// A system flag that does not exist.
    Flag,
    /// A keyword longer than 64 octets.
    KeywordTooLong,
    /// A line that ends in LF alone.
    LineEnd,
    /// A command line over the bound.
    LineTooLong,
    /// A `{n}` that is malformed.
    Literal,
    /// A literal where none may be before login.
    LiteralBeforeLogin,
    /// A literal over the bound, or all of them together.
    LiteralTooLong,
    /// An empty mailbox name, an empty level, a control character, a wildcard, not modified UTF-7.
    MailboxName,
    /// A mailbox name of too many octets or levels.
    MailboxNameTooLong,
    /// Something is missing.
    Missing,
    /// A search text over the bound.
    NeedleTooLong,
    /// A number that is none, or too large.
    Number,
    /// An option or parameter that does not exist.
    Option,
    /// More keys, ranges, items or names than allowed.
    TooMany,
    /// Something behind the end of the command.
    Trailing,
    /// A search key that does not exist.
    SearchKey,
    /// A BODY[section] that is none.
    Section,
    /// A sequence set that is none.
    SequenceSet,
    /// A status item that does not exist.
    StatusItem,
    /// No tag, or one with characters that a tag cannot have.
    Tag,
    /// No such command.
    UnknownCommand,
}

impl SyntaxError {
    /// `true` for `BAD`, `false` for `NO`; then code (with its brackets, or empty) and text.
    pub const fn words(self) -> (bool, &'static str, &'static str) {
        use SyntaxError::*;
        match self {
            AppendWithoutMessage => (true, "", "APPEND needs a message literal"),
            Character => (true, "", "Unexpected character"),
            Charset => (
                false,
                "[BADCHARSET (US-ASCII UTF-8)]",
                "Only US-ASCII and UTF-8",
            ),
            Date => (true, "", "Not a date"),
            Depth => (true, "", "Nested too deep"),
            FetchItem => (true, "", "Unknown fetch item"),
            Flag => (true, "", "Unknown system flag"),
            KeywordTooLong => (false, "[LIMIT]", "A keyword has at most 64 octets"),
            LineEnd => (true, "", "A line ends with CRLF"),
            LineTooLong => (true, "[TOOBIG]", "Line too long"),
            Literal => (true, "", "Malformed literal"),
            LiteralBeforeLogin => (true, "", "No such literal before login"),
            LiteralTooLong => (true, "[TOOBIG]", "Literal too long"),
            MailboxName => (false, "[CANNOT]", "Not a mailbox name"),
            MailboxNameTooLong => (false, "[LIMIT]", "Mailbox name too long or too deep"),
            Missing => (true, "", "Something is missing"),
            NeedleTooLong => (false, "[LIMIT]", "A search text has at most 256 octets"),
            Number => (true, "", "Not a number in range"),
            Option => (true, "", "Unknown option"),
            TooMany => (true, "[LIMIT]", "Too many of them"),
            Trailing => (true, "", "Something behind the end of the command"),
            SearchKey => (true, "", "Unknown search key"),
            Section => (true, "", "Not a section"),
            SequenceSet => (true, "", "Not a sequence set"),
            StatusItem => (true, "", "Unknown status item"),
            Tag => (true, "", "A tag is missing"),
            UnknownCommand => (true, "", "Unknown command"),
        }
    }
}

/// A line that is no command, with its tag as far as it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault<'a> {
    /// `None`: answer untagged (`* BAD`).
    pub tag: Option<&'a str>,
    /// What is wrong.
    pub error: SyntaxError,
}
