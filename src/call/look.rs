//! Calls for the thread of logins and short look-ups: each is a few microseconds, and none
//! waits behind a search.
//!
//! To add a call: a variant here, with its row in `need`, and its arm in the service. Nothing
//! compiles until both are there.

// Fields are named for what they are; the line above each variant says the rest.
#![allow(missing_docs)]

use super::{InboxRef, Listener, Need, Scopes, Secret};

/// A short look-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// Checks a key. `user` is the inbox address that SMTP and IMAP log in with. Takes a
    /// lease of the session limit for IMAP. Answer: `Authenticated`.
    Authenticate {
        listener: Listener,
        user: Option<String>,
        secret: Secret,
    },
    /// Takes a lease for an event stream. Answer: `Done`.
    OpenStream,
    /// May this reverse-path be used (submission: an inbox of the key; both: is there room on
    /// the disk)? Answer: `Done`.
    Sender {
        reverse_path: Option<String>,
        size: Option<u64>,
    },
    /// Is this forward-path deliverable? Answer: `Recipient`.
    Recipient { address: String },
    /// The inbox of an event stream, which needs only `events:read`. Answer: `Inboxes` with
    /// one row, of which nothing but the id is to be shown.
    FindInbox { inbox: InboxRef },
    /// The log's head, oldest number and epoch. Answer: `LogState`.
    LogState,
    /// The number of the first event at or after a time. Answer: `LogState` whose `head` is
    /// the number before it.
    LogAt { unix_ms: i64 },
    /// Is the server able to take mail: writer alive, disk above its mark? Answer: `Done`.
    Ready,
    /// Takes a token of the rate of requests without a key of the caller's address.
    /// Answer: `Done`.
    AnonymousRate,
}

impl Look {
    /// What it needs of its caller.
    pub fn need(&self) -> Need {
        match self {
            Look::Authenticate { .. } | Look::Ready | Look::AnonymousRate => Need::Nothing,
            Look::Sender { .. } | Look::Recipient { .. } => {
                Need::AnonymousOr(Scopes::MESSAGES_WRITE)
            }
            Look::OpenStream | Look::FindInbox { .. } | Look::LogState | Look::LogAt { .. } => {
                Need::Scope(Scopes::EVENTS_READ)
            }
        }
    }

    /// Whether it is the first call of an HTTP request, which counts against the key's rate.
    pub fn begins_request(&self) -> bool {
        !matches!(self, Look::FindInbox { .. })
    }
}
