//! The octets of IMAP: where a command ends, the words of its grammar, and how a response is
//! written.
//!
//! Not the commands themselves (`command`). Nothing here knows a session.

pub mod flag_list;
pub mod frame;
pub mod lexer;
pub mod name;
pub mod respond;
pub mod sequence;
pub mod syntax;

/// The result of a command (RFC 3501 section 7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// The command succeeded.
    Ok,
    /// The command failed.
    No,
    /// The client made a mistake.
    Bad,
}

impl Condition {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Condition::Ok => "OK ",
            Condition::No => "NO ",
            Condition::Bad => "BAD ",
        }
    }
}
