//! Calls for the executor of logins and short look-ups. Each takes a few microseconds, and none
//! waits behind a search.
//!
//! To add a call: add a variant here, with its row in `need`, and its arm in the service. The crate
//! does not compile until both exist.

// The line above a variant explains it; its fields need no more than their names.
#![allow(missing_docs)]

use super::{EventReach, InboxRef, Listener, Need, Scopes, Secret};

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
    /// Makes a ticket for an event stream. Answer: `Ticket`.
    MakeTicket,
    /// Checks a ticket; one that is spent is good no more. Answer: `Authenticated`.
    UseTicket { ticket: Secret, spends: bool },
    /// Takes a lease for an event stream. One that `reads_group` gives its leases of events back
    /// when its connection ends. Answer: `Done`.
    OpenStream { reads_group: bool },
    /// Finds an inbox whose mail is waited for, and takes the lease of a stream for that. Answer:
    /// `Waits`.
    OpenWait { inbox: InboxRef },
    /// Ends one lease of the streams that the connection holds. Answer: `Done`.
    CloseStream {
        /// The subscription, when it reads a consumer group: what it holds is free.
        reader: Option<u32>,
    },
    /// Ends the leases of streams that the connection holds. Answer: `Done`.
    CloseWait,
    /// Checks a reverse-path (submission: it is an inbox of the key) and the space on the disk.
    /// Answer: `Done`.
    Sender {
        reverse_path: Option<String>,
        size: Option<u64>,
    },
    /// Checks that a forward-path is deliverable, and that policy lets the sender `from`, the
    /// reverse-path, write to it. Answer: `Recipient`.
    Recipient {
        /// The reverse-path; `None` is the null path.
        from: Option<String>,
        address: String,
    },
    /// The inboxes of an event stream or of its filter, which needs only `events:read`; one that
    /// the key does not see, or that lies outside `within` the first, refuses all. Answer:
    /// `Inboxes` in the order that was asked for, of which only the ids may be shown.
    FindInboxes {
        inboxes: Vec<InboxRef>,
        within: EventReach,
    },
    /// The head, the oldest number and the epoch of the log. Answer: `LogState`.
    LogState,
    /// The number of the first event at or after a time. Answer: `LogState` with the number before
    /// it as `head`.
    LogAt { unix_ms: i64 },
    /// Checks that the server can take mail: it is not stopping, and the disk has space. Answer:
    /// `Done`.
    Ready,
}

impl Look {
    /// What the call needs of its caller.
    pub fn need(&self) -> Need {
        match self {
            Look::Authenticate { .. } | Look::UseTicket { .. } | Look::Ready => Need::Nothing,
            Look::Sender { .. } | Look::Recipient { .. } => {
                Need::AnonymousOr(Scopes::MESSAGES_WRITE)
            }
            Look::OpenWait { .. } | Look::CloseWait => Need::Inboxes(Scopes::MESSAGES_READ),
            Look::MakeTicket
            | Look::OpenStream { .. }
            | Look::CloseStream { .. }
            | Look::FindInboxes { .. }
            | Look::LogState
            | Look::LogAt { .. } => Need::Inboxes(Scopes::EVENTS_READ),
        }
    }
}
