//! Errors of syntax, and the words of their answers.
//!
//! Not the grammar (`lexer` and the files of `command`): this is the list of its complaints.

use super::Condition;

/// The result of a grammar rule.
pub type Parsed<T> = Result<T, SyntaxError>;

/// An error in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyntaxError {
    /// APPEND without a message literal.
    AppendWithoutMessage,
    /// A character at a place where the grammar does not allow it.
    Character,
    /// CHARSET names none that is known here, or a text is not UTF-8.
    Charset,
    /// Not a date or date-time.
    Date,
    /// More nested than allowed.
    Depth,
    /// A fetch item that does not exist.
    FetchItem,
    /// A system flag that does not exist.
    Flag,
    /// A keyword longer than 64 octets.
    KeywordTooLong,
    /// A line that ends in LF alone.
    LineEnd,
    /// A command line over the bound.
    LineTooLong,
    /// A malformed `{n}`.
    Literal,
    /// A literal in a command that may not have one before login.
    LiteralBeforeLogin,
    /// One literal, or all literals together, over the bound.
    LiteralTooLong,
    /// An empty mailbox name, an empty level, a control character, a wildcard, not modified UTF-7.
    MailboxName,
    /// A mailbox name of too many octets or levels.
    MailboxNameTooLong,
    /// An argument is missing.
    Missing,
    /// A search text over the bound.
    NeedleTooLong,
    /// Not a number, or a number that is too large.
    Number,
    /// An option or parameter that does not exist.
    Option,
    /// More keys, ranges, items or names than allowed.
    TooMany,
    /// Octets after the end of the command.
    Trailing,
    /// A search key that does not exist.
    SearchKey,
    /// A `BODY[section]` that does not exist.
    Section,
    /// Not a sequence set.
    SequenceSet,
    /// A status item that does not exist.
    StatusItem,
    /// The tag is missing, or has characters that a tag cannot have.
    Tag,
    /// A tag over its bound.
    TagTooLong,
    /// A command that does not exist.
    UnknownCommand,
}

impl SyntaxError {
    /// `NO` or `BAD`, the response code (with its brackets, or empty) and the text.
    pub const fn words(self) -> (Condition, &'static str, &'static str) {
        use Condition::{Bad, No};
        use SyntaxError::*;
        match self {
            AppendWithoutMessage => (Bad, "", "APPEND needs a message literal"),
            Character => (Bad, "", "Unexpected character"),
            Charset => (
                No,
                "[BADCHARSET (US-ASCII UTF-8)]",
                "Unknown charset; UTF-8 is best",
            ),
            Date => (Bad, "", "Not a date"),
            Depth => (Bad, "", "Nested too deep"),
            FetchItem => (Bad, "", "Unknown fetch item"),
            Flag => (Bad, "", "Unknown system flag"),
            KeywordTooLong => (No, "[LIMIT]", "A keyword has at most 64 octets"),
            LineEnd => (Bad, "", "A line ends with CRLF"),
            LineTooLong => (Bad, "[TOOBIG]", "Line too long"),
            Literal => (Bad, "", "Malformed literal"),
            LiteralBeforeLogin => (Bad, "", "No such literal before login"),
            LiteralTooLong => (Bad, "[TOOBIG]", "Literal too long"),
            MailboxName => (No, "[CANNOT]", "Not a mailbox name"),
            MailboxNameTooLong => (No, "[LIMIT]", "Mailbox name too long or too deep"),
            Missing => (Bad, "", "Something is missing"),
            NeedleTooLong => (No, "[LIMIT]", "A search text has at most 256 octets"),
            Number => (Bad, "", "Not a number in range"),
            Option => (Bad, "", "Unknown option"),
            TooMany => (Bad, "[LIMIT]", "Too many of them"),
            Trailing => (Bad, "", "Something behind the end of the command"),
            SearchKey => (Bad, "", "Unknown search key"),
            Section => (Bad, "", "Not a section"),
            SequenceSet => (Bad, "", "Not a sequence set"),
            StatusItem => (Bad, "", "Unknown status item"),
            Tag => (Bad, "", "A tag is missing"),
            TagTooLong => (Bad, "[TOOBIG]", "A tag has at most 64 octets"),
            UnknownCommand => (Bad, "", "Unknown command"),
        }
    }

    /// Whether a bound was exceeded, which the metrics count apart.
    pub(crate) const fn is_bound(self) -> bool {
        matches!(
            self,
            SyntaxError::Depth
                | SyntaxError::KeywordTooLong
                | SyntaxError::LineTooLong
                | SyntaxError::LiteralTooLong
                | SyntaxError::MailboxNameTooLong
                | SyntaxError::NeedleTooLong
                | SyntaxError::TagTooLong
                | SyntaxError::TooMany
        )
    }
}

/// A line that is not a command, with its tag as far as it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntaxFault<'a> {
    /// `None`: the answer is untagged (`* BAD`).
    pub tag: Option<&'a str>,
    /// The error.
    pub error: SyntaxError,
}
