//! Where the engine of a connection is between the login and the end (`sync.rs`).

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SyncStep {
    /// The login.
    Hello,
    List,
    /// The service's answer to the list of mailboxes.
    Folders,
    Open,
    /// The service's answer to what was opened.
    Opened,
    /// The service's answer to the question what the server is to be told.
    NextChange,
    /// A change that was made here.
    Push,
    /// The service's answer to what came of it.
    Pushed,
    /// What has changed since the last time.
    Changes,
    /// The service's answer to the question which messages are known.
    Known,
    /// The state of known messages.
    State,
    /// The service's answer to the state of messages.
    Told,
    /// The service's answer to the end of a comparison.
    Compared,
    Scan,
    /// The service's answer to a renumbered mailbox.
    Match,
    Fetch,
    /// The service's answer to a message.
    Accept,
    /// The service's answer to what was passed over.
    Pass,
    /// The service's answer to the end of a round.
    Round,
    /// The service's answer to the question what is gone.
    Gone,
    OpenArchive,
    /// Messages that are gone are searched for in the archive.
    Find,
    Idle,
    /// News have come soon after others: a moment goes by. Nothing is read meanwhile.
    Pause {
        has_changed: bool,
    },
    /// LOGOUT.
    Leave,
    /// The service's answer to the end.
    End,
    Closed,
}

impl SyncStep {
    /// Whether a call is out.
    pub(super) fn is_of_service(self) -> bool {
        matches!(
            self,
            SyncStep::Folders
                | SyncStep::Opened
                | SyncStep::Match
                | SyncStep::Accept
                | SyncStep::Pass
                | SyncStep::NextChange
                | SyncStep::Pushed
                | SyncStep::Known
                | SyncStep::Told
                | SyncStep::Compared
                | SyncStep::Round
                | SyncStep::Gone
                | SyncStep::End
        )
    }
}
