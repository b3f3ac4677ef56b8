//! Lines and literals, before any grammar: where a command ends, and whether it is within
//! its bounds.
//!
//! A frame owns no octets: the session keeps what is unread, and a frame remembers how far
//! it has looked. A complete command is a prefix of the unread octets with its literals in
//! place, so that `parse` borrows from it. No literal is waited for, let alone stored, before its size has been held
//! against what is left of the command's budget. The message of APPEND is announced, not gathered.

use super::types::SyntaxError;
use crate::call::Limits;

/// What a command may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Octets of its lines together, CRLFs included, literals not.
    pub line_bytes: usize,
    /// Octets of one literal.
    pub literal_bytes: usize,
    /// Octets of all literals.
    pub literals_bytes: usize,
    /// How many literals.
    pub literals: usize,
    /// Parentheses within one another.
    pub depth: usize,
    /// Only LOGIN and AUTHENTICATE may have literals.
    pub before_login: bool,
}

impl Bounds {
    /// Until somebody has logged in.
    pub fn before_login(limits: &Limits) -> Self {
        Bounds {
            line_bytes: limits.imap_login_bytes,
            literal_bytes: LOGIN_LITERAL_BYTES,
            literals_bytes: 2 * LOGIN_LITERAL_BYTES,
            literals: 2,
            depth: LOGIN_DEPTH,
            before_login: true,
        }
    }

    /// From then on.
    pub fn after_login(limits: &Limits) -> Self {
        Bounds {
            line_bytes: limits.imap_line_bytes,
            literal_bytes: limits.imap_literal_bytes,
            literals_bytes: limits.imap_literals_bytes,
            literals: limits.imap_literals,
            depth: DEPTH,
            before_login: false,
        }
    }
}

/// What looking at the unread octets gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Not complete: use 0 and come again with more.
    More,
    /// A synchronizing literal that is within bounds begins: write a continuation, then call
    /// again, with the same octets if there are no more.
    Continue,
    /// A complete command: `unread[..len]`, its CRLF included. The frame begins anew.
    Command {
        /// Octets to use.
        len: usize,
    },
    /// An APPEND up to and including the announcement of its message: `parse::command` on
    /// `unread[..len]` gives `Command::Append`. Write a continuation if `sync`, take `size`
    /// octets, then a CRLF (with [`line`]). If refused and not `sync`, the octets come all
    /// the same. The frame begins anew.
    Message {
        /// Octets to use.
        len: usize,
        /// Octets of the message that follow.
        size: u64,
        /// The client waits for a continuation.
        sync: bool,
    },
    /// Swallowed the rest of a line that was refused: use `used`, nothing to say.
    Skip {
        /// Octets to use, at least 1.
        used: usize,
    },
    /// Refused: answer with [`tag`] of the unread octets and the error's words, then use
    /// `used`. If `fatal`, what follows cannot be told from commands: `* BYE` and close.
    Refused {
        /// Octets to use.
        used: usize,
        /// Why.
        error: SyntaxError,
        /// The stream cannot be followed any more.
        fatal: bool,
    },
}

/// How far a command has been looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    searched: usize,
}

impl Frame {
    /// Looks at all unread octets, from the first of the command.
    pub fn step(&mut self, unread: &[u8], bounds: &Bounds) -> Step {
        let _ = (unread, bounds, &mut self.searched);
        Step::More
    }
}

/// A line that is no command (`DONE`, a SASL response, what follows a message): its octets
/// without CRLF, and how many to use. `searched` starts at 0 and is the caller's to keep
/// until the line is there. `Err` when it is longer than `max` or ends in LF alone.
pub fn line<'a>(
    unread: &'a [u8],
    searched: &mut usize,
    max: usize,
) -> Result<Option<(&'a [u8], usize)>, SyntaxError> {
    let _ = (unread, searched, max);
    Ok(None)
}

/// The tag that a line begins with, if it is one, for answering a line that is otherwise
/// wrong. At most 64 octets.
pub fn tag(unread: &[u8]) -> Option<&str> {
    let _ = unread;
    None
}

/// A login name or key; honest ones are below 400 octets.
const LOGIN_LITERAL_BYTES: usize = 1024;
/// Nothing before login nests.
const LOGIN_DEPTH: usize = 16;
/// SEARCH is the one that nests, 32 deep.
const DEPTH: usize = 50;
