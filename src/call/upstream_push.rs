//! What the server of an account is told of changes that were made here.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use super::{Flags, UidSet};

/// A mailbox of an account as it is stored here. The number is that of its row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UpstreamFolderId(pub i64);

/// What a server keeps of flags in the open mailbox (PERMANENTFLAGS of RFC 3501 section 7.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PermanentFlags {
    /// Nothing can be changed.
    pub is_read_only: bool,
    pub flags: Flags,
    pub keywords: Vec<String>,
    /// It takes keywords that it does not name.
    pub takes_any: bool,
}

impl Default for PermanentFlags {
    /// What holds when a server does not say it.
    fn default() -> PermanentFlags {
        let all = Flags::NAMES.iter().map(|(_, flag)| *flag);
        PermanentFlags {
            is_read_only: false,
            flags: all.fold(Flags::NONE, Flags::with),
            keywords: Vec::new(),
            takes_any: false,
        }
    }
}

impl PermanentFlags {
    /// Whether it keeps a keyword.
    pub fn keep(&self, word: &str) -> bool {
        let is_it = |known: &String| known.eq_ignore_ascii_case(word);
        self.takes_any || self.keywords.iter().any(is_it)
    }
}

/// A change of flags that several messages have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct FlagDifference {
    pub add: Flags,
    pub remove: Flags,
    pub add_words: Vec<String>,
    pub remove_words: Vec<String>,
}

impl FlagDifference {
    /// Whether a message with these flags and keywords has the change.
    pub fn is_in(&self, flags: Flags, words: &[String]) -> bool {
        let has = |word: &String| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        self.add.without(flags) == Flags::NONE
            && self.remove.without(flags) == self.remove
            && self.add_words.iter().all(has)
            && !self.remove_words.iter().any(has)
    }
}

/// What a server is told of messages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PushedChange {
    Flags(FlagDifference),
    /// They were deleted here.
    Deletion,
    /// They were moved here to the mailbox of this use.
    Move {
        folder: UpstreamFolderId,
        name: Vec<u8>,
    },
}

/// Messages of the open mailbox that have one change in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamPush {
    /// UIDs there: at most [`PUSH_RANGES_MAX`] ranges.
    pub uids: UidSet,
    pub change: PushedChange,
}

/// What a server has made of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushOutcome {
    Refused,
    Done,
    /// Flags have changed, but for messages that are not there, and for those that have not taken
    /// the change.
    Flagged {
        missing: UidSet,
        refused: UidSet,
    },
    /// Where the messages are now, if it says so: UIDVALIDITY of the target, UIDs here and there.
    Moved(Option<(u32, UidSet, UidSet)>),
    /// The same of copies. The originals are still to be deleted.
    Copied(Option<(u32, UidSet, UidSet)>),
}

/// Ranges of one set in a command: servers take lines of 8 KiB (RFC 7162 section 4).
pub const PUSH_RANGES_MAX: usize = 300;
