//! The table of commands: in which states each may be given, and its hazards.
//!
//! Rows are commands, columns are what goes wrong when they are forgotten (RFC 3501 sections
//! 6 and 7.4.1, and the scopes of a key).

use crate::imap::types::Command;

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug)]
pub(in crate::imap) enum Denied {
    /// It cannot be given now.
    Bad(&'static str),
    /// It may not.
    No(&'static str),
}

/// A row of the table of commands.
#[derive(Clone, Copy, Debug)]
pub(in crate::imap) struct Row {
    pub(in crate::imap) name: &'static str,
    /// In which states it may be given.
    pub(in crate::imap) stages: u8,
    pub(in crate::imap) flags: u8,
    /// What to say when it has succeeded and there is nothing else to say.
    pub(in crate::imap) done: &'static str,
}

impl Row {
    pub(in crate::imap) fn may_expunge(&self) -> bool {
        self.flags & EXPUNGE != 0
    }
}

/// The table of commands.
pub(in crate::imap) fn row(command: &Command<'_>) -> Row {
    use Command::*;
    const ANY: u8 = OUT | IN | OPEN;
    const AUTH: u8 = IN | OPEN;
    let uid = |uid: bool| if uid { EXPUNGE } else { 0 };
    let (name, stages, flags, done) = match command {
        Capability => ("CAPABILITY", ANY, EXPUNGE, "Capability done"),
        Noop => ("NOOP", ANY, EXPUNGE, "Noop done"),
        Logout => ("LOGOUT", ANY, 0, "Logged out"),
        StartTls => ("STARTTLS", OUT, 0, "Begin TLS"),
        Login { .. } => ("LOGIN", OUT, 0, "Logged in"),
        Authenticate { .. } => ("AUTHENTICATE", OUT, 0, "Logged in"),
        Enable(_) => ("ENABLE", AUTH, EXPUNGE, "Enabled"),
        Id(_) => ("ID", ANY, EXPUNGE, "ID done"),
        Namespace => ("NAMESPACE", AUTH, EXPUNGE, "Namespace done"),
        Select { .. } => ("SELECT", AUTH, 0, "Selected"),
        Create { .. } => ("CREATE", AUTH, EXPUNGE | WRITE, "Created"),
        Delete(_) => ("DELETE", AUTH, EXPUNGE | WRITE, "Deleted"),
        Rename { .. } => ("RENAME", AUTH, EXPUNGE | WRITE, "Renamed"),
        Subscribe(_) => ("SUBSCRIBE", AUTH, EXPUNGE | WRITE, "Subscribed"),
        Unsubscribe(_) => ("UNSUBSCRIBE", AUTH, EXPUNGE | WRITE, "Unsubscribed"),
        List(_) => ("LIST", AUTH, EXPUNGE, "List done"),
        Lsub { .. } => ("LSUB", AUTH, EXPUNGE, "Lsub done"),
        Status { .. } => ("STATUS", AUTH, EXPUNGE, "Status done"),
        Append { .. } => ("APPEND", AUTH, EXPUNGE | WRITE, "Appended"),
        Check => ("CHECK", OPEN, EXPUNGE, "Check done"),
        Close => ("CLOSE", OPEN, 0, "Closed"),
        Unselect => ("UNSELECT", OPEN, 0, "Unselected"),
        Expunge(_) => ("EXPUNGE", OPEN, EXPUNGE | WRITE | CHANGES, "Expunged"),
        Search(search) => ("SEARCH", OPEN, uid(search.uid), "Search done"),
        Fetch(fetch) => ("FETCH", OPEN, uid(fetch.uid), "Fetch done"),
        Store(store) => (
            "STORE",
            OPEN,
            uid(store.uid) | WRITE | CHANGES,
            "Store done",
        ),
        Copy { remove: false, .. } => ("COPY", OPEN, EXPUNGE | WRITE, "Copied"),
        Copy { remove: true, .. } => ("MOVE", OPEN, EXPUNGE | WRITE | CHANGES, "Moved"),
        Idle => ("IDLE", AUTH, EXPUNGE, "Idle done"),
    };
    Row {
        name,
        stages,
        flags,
        done,
    }
}

/// Not logged in.
pub(in crate::imap) const OUT: u8 = 1;
/// Logged in, no mailbox open.
pub(in crate::imap) const IN: u8 = 2;
/// A mailbox is open.
pub(in crate::imap) const OPEN: u8 = 4;

/// EXPUNGE may be told at its end: every command but FETCH, STORE and SEARCH by sequence
/// number (RFC 3501 section 7.4.1), and those that end the view.
pub(in crate::imap) const EXPUNGE: u8 = 1;
/// Needs the scope messages:write.
pub(in crate::imap) const WRITE: u8 = 2;
/// Needs the mailbox open read-write.
pub(in crate::imap) const CHANGES: u8 = 4;
