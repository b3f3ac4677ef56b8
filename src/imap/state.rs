//! What a session is in and what it waits for: plain enums, each variant named for that.

use crate::call::{Access, Charge, MailboxRow, Refusal, Selected, UidSet};
use crate::engine::sasl::SaslWait;
use crate::imap::append::Appending;
use crate::imap::retrieve::Retrieval;
use crate::imap::search::Searching;
use crate::imap::select::Open;
use crate::imap::store::Storing;
use crate::imap::table::{IN, OPEN, OUT};
use crate::imap::tell::Telling;
use crate::imap::types::{List, Pattern, StatusItem};

/// Every time that matters to a session, in monotonic milliseconds.
#[derive(Debug, Default)]
pub(in crate::imap) struct Clock {
    /// Login must be done by then.
    pub(in crate::imap) login_by: u64,
    /// When the client was last heard of.
    pub(in crate::imap) active: u64,
    /// When its key ends.
    pub(in crate::imap) expires: Option<u64>,
    /// The deadline that was asked for.
    pub(in crate::imap) told: Option<u64>,
    /// When the rate of commands is level again, in microseconds.
    pub(in crate::imap) rate_us: u64,
}

/// The states of RFC 3501 section 3.
#[derive(Debug)]
pub(in crate::imap) enum Stage {
    /// Waits for LOGIN.
    NotAuthenticated,
    /// Waits for SELECT.
    Authenticated(Access),
    /// Waits for anything about the open mailbox.
    Selected(Access, Box<Open>),
    /// Waits for the end.
    Logout,
}

impl Stage {
    pub(in crate::imap) fn bit(&self) -> u8 {
        match self {
            Stage::NotAuthenticated => OUT,
            Stage::Authenticated(_) => IN,
            Stage::Selected(..) => OPEN,
            Stage::Logout => 0,
        }
    }

    pub(in crate::imap) fn name(&self) -> &'static str {
        match self {
            Stage::NotAuthenticated => "not-authenticated",
            Stage::Authenticated(_) => "authenticated",
            Stage::Selected(..) => "selected",
            Stage::Logout => "logout",
        }
    }
}

/// What the session waits for.
#[derive(Debug)]
pub(in crate::imap) enum Waits {
    /// A command.
    Command,
    /// TLS, after STARTTLS.
    Tls,
    /// The response to a SASL challenge.
    Sasl(SaslWait),
    /// The octets of an APPEND, and the line end behind them.
    Message(Box<Appending>),
    /// DONE, and events. Nothing is written while `blocked`: the last of it has not gone.
    Done { blocked: bool, still_at: u64 },
    /// The answer to a call.
    Reply(Job),
    /// The output to go out.
    Drain(Flow),
    /// A time.
    Delay { until: u64, then: Delayed },
}

/// What a call was made for.
#[derive(Debug)]
pub(in crate::imap) enum Job {
    /// LOGIN, AUTHENTICATE.
    Login,
    /// SELECT, EXAMINE.
    Select { read_write: bool, condstore: bool },
    /// SELECT, when there is something new to claim.
    Claim {
        selected: Box<Selected>,
        condstore: bool,
    },
    /// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: what to say when it is done.
    Change(&'static str),
    /// LIST.
    List(Box<List>),
    /// LIST of subscribed names: the mailboxes are there, the names are not.
    ListNames(Box<List>, Vec<MailboxRow>),
    /// LSUB.
    Lsub(Pattern),
    /// STATUS.
    Status(Vec<StatusItem>),
    /// APPEND: parse.
    Append(Charge),
    /// CLOSE.
    Close,
    /// EXPUNGE, UID EXPUNGE.
    Expunge,
    /// SEARCH.
    Search(Box<Searching>),
    /// FETCH.
    Retrieve(Box<Retrieval>),
    /// STORE.
    Store(Box<Storing>),
    /// COPY, MOVE.
    Copy { remove: bool },
    /// The end of any command, or IDLE: comparing the view with the store.
    Compare(Box<Telling>),
    /// The same: the flags that others changed.
    Flags(Box<Telling>),
}

/// What goes on when the output has gone.
#[derive(Debug)]
pub(in crate::imap) enum Flow {
    /// FETCH.
    Retrieve(Box<Retrieval>),
    /// FETCH of UIDs alone: these are still to be written.
    Uids(UidSet),
    /// SEARCH, with the answer half written.
    Search(Box<Searching>),
    /// STORE, with the answer half written.
    Store(Box<Storing>),
    /// The end of a command.
    Tell(Box<Telling>),
}

/// What a delay ends in.
#[derive(Debug)]
pub(in crate::imap) enum Delayed {
    /// A wrong key is answered.
    Login(Refusal),
    /// The next command is read.
    Rate,
}
