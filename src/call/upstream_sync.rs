//! The words between the sync of a mailbox that lives elsewhere and the connection to its server.
//!
//! The sync gives one order after the other ([`UpstreamOrder`]), and the connection tells what came
//! of it ([`UpstreamOutcome`]). The connection knows the protocol and no state of ours; the sync
//! knows the state and no protocol. Names of mailboxes are the octets that the server uses.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use core::net::SocketAddr;
use std::sync::Arc;

use super::{FlagDifference, Flags, InboxId, InboxPath, OrgId, Secret, UidSet, UpstreamFolderId};

/// When TLS begins on a connection to an upstream server. There is none without it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamTls {
    /// Before the first octet.
    Implicit,
    /// By STARTTLS, before anything of the account is said.
    StartTls,
}

/// How a connection logs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamLogin {
    /// AUTHENTICATE PLAIN, or LOGIN.
    Password { user: String, password: Secret },
    /// OAUTHBEARER (RFC 7628), or XOAUTH2.
    Token { user: String, token: Secret },
}

/// What the connection does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamOrder {
    /// Asks for the mailboxes. Outcome: `Listed`.
    List,
    /// Opens a mailbox. Outcome: `Opened`.
    Open { name: Vec<u8> },
    /// Asks which messages there are from this UID on, up to `last` where it is given. Outcome:
    /// `Scanned`.
    Scan { first: u32, last: Option<u32> },
    /// Asks for the flags of these messages; those that are gone have no row. Outcome: `Scanned`.
    State { uids: UidSet },
    /// Asks for the flags of the messages up to a UID that have changed after a MODSEQ, and which
    /// of them are gone: for a server with QRESYNC (RFC 7162). Outcome: `Scanned`.
    Changes { last: u32, since: u64 },
    /// Fetches one message. Outcome: `Message` or `Absent`.
    Fetch { uid: u32 },
    /// Sets and clears flags and keywords. Outcome: `Flagged`.
    Flag {
        uids: UidSet,
        change: FlagDifference,
    },
    /// Moves messages to another mailbox. Outcome: `Moved`.
    Move { uids: UidSet, to: Vec<u8> },
    /// Copies them there. Outcome: `Copied`.
    Copy { uids: UidSet, to: Vec<u8> },
    /// Deletes messages for good; on a server without UIDPLUS they are only marked as deleted,
    /// since EXPUNGE would take what others have marked. Outcome: `Done`.
    Expunge { uids: UidSet },
    /// Asks which of these Message-IDs messages of the open mailbox have. Outcome: `Found`.
    Find { message_ids: Vec<String> },
    /// Waits for news of the open mailbox. Outcome: `Woken`.
    Idle,
    /// Ends the connection.
    Leave,
}

/// What came of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamOutcome {
    /// At most [`REMOTE_FOLDERS_MAX`].
    Listed(Vec<RemoteFolder>),
    Opened(OpenedFolder),
    /// Ascending by UID, at most [`SCAN_MAX`]. `is_whole`: there are no more in the range.
    Scanned {
        messages: Vec<RemoteMessage>,
        is_whole: bool,
        /// The UIDs that the server calls gone.
        vanished: UidSet,
        /// The largest MODSEQ that it has told.
        modseq: Option<u64>,
    },
    Message {
        /// Flags and time as they are now, where the server said them.
        row: Option<Box<RemoteMessage>>,
        octets: Vec<u8>,
    },
    /// The message is gone, or it is larger than what is taken.
    Absent {
        is_too_large: bool,
    },
    Done,
    /// Of messages whose flags were to change: those that are not there, and those that have not
    /// taken the change.
    Flagged {
        missing: UidSet,
        refused: UidSet,
    },
    /// Whether the mailbox has each.
    Found(Vec<bool>),
    /// With COPYUID: the UIDVALIDITY of the target, UIDs in the source and in the target.
    Moved {
        placed: Option<(u32, UidSet, UidSet)>,
    },
    /// The same.
    Copied {
        placed: Option<(u32, UidSet, UidSet)>,
    },
    /// Something has come, or may have. `has_changed`: messages that were there have other flags,
    /// or are gone.
    Woken {
        has_changed: bool,
    },
    /// The server said no, in its words.
    Refused {
        text: String,
        is_missing: bool,
    },
}

/// Mailboxes of one account that are looked at.
pub const REMOTE_FOLDERS_MAX: usize = 1_000;
/// Messages of one `Scanned`.
pub const SCAN_MAX: usize = 500;

/// What an upstream mailbox is for (RFC 6154).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RemoteUse {
    Inbox,
    Archive,
    Drafts,
    Junk,
    Sent,
    Trash,
    /// Every message of the account, whatever other mailboxes it is in.
    All,
}

impl RemoteUse {
    /// The use that an attribute of LIST in capitals names; also those of XLIST.
    pub fn of(attribute: &[u8]) -> Option<RemoteUse> {
        Some(match attribute {
            b"\\INBOX" => RemoteUse::Inbox,
            b"\\ALL" => RemoteUse::All,
            b"\\ARCHIVE" => RemoteUse::Archive,
            b"\\DRAFTS" => RemoteUse::Drafts,
            b"\\JUNK" | b"\\SPAM" => RemoteUse::Junk,
            b"\\SENT" => RemoteUse::Sent,
            b"\\TRASH" => RemoteUse::Trash,
            _ => return None,
        })
    }

    /// The use that a name means on servers that tell none: its last level, without case.
    pub fn guess(name: &[u8], delimiter: Option<u8>) -> Option<RemoteUse> {
        let last = match delimiter {
            Some(delimiter) => name.rsplit(|b| *b == delimiter).next()?,
            None => name,
        };
        let known: [(&[u8], RemoteUse); 10] = [
            (b"INBOX", RemoteUse::Inbox),
            (b"Archive", RemoteUse::Archive),
            (b"Drafts", RemoteUse::Drafts),
            (b"Junk", RemoteUse::Junk),
            (b"Junk E-mail", RemoteUse::Junk),
            (b"Spam", RemoteUse::Junk),
            (b"Sent", RemoteUse::Sent),
            (b"Sent Items", RemoteUse::Sent),
            (b"Trash", RemoteUse::Trash),
            (b"Deleted Items", RemoteUse::Trash),
        ];
        let found = known
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(last));
        // An INBOX below another mailbox is a name like any other.
        let purpose = found.map(|(_, purpose)| *purpose)?;
        (purpose != RemoteUse::Inbox || last.len() == name.len()).then_some(purpose)
    }
}

/// A mailbox of an upstream server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteFolder {
    pub name: Vec<u8>,
    /// What parts the levels of its name.
    pub delimiter: Option<u8>,
    pub purpose: Option<RemoteUse>,
    pub is_selectable: bool,
}

/// An upstream mailbox that is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenedFolder {
    /// Never 0.
    pub uidvalidity: u32,
    /// Some servers do not say it.
    pub uidnext: Option<u32>,
    /// How many messages it has.
    pub exists: u32,
    /// Where the server keeps MODSEQs (RFC 7162).
    pub highest_modseq: Option<u64>,
}

/// The state of a message on an upstream server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteMessage {
    pub uid: u32,
    pub flags: Flags,
    /// Keywords that are keywords here too.
    pub keywords: Vec<String>,
    pub size: Option<u64>,
    /// INTERNALDATE, unix milliseconds.
    pub received_at: Option<i64>,
    pub modseq: Option<u64>,
    /// With its angle brackets.
    pub message_id: Option<String>,
}

/// Why a connection to an upstream server has ended before its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UpstreamLoss {
    /// It could not be made, or was closed. The words of the system, or ours.
    Closed(String),
    /// No whole response in time.
    TimedOut,
    /// STARTTLS is not offered or was refused, or the handshake has failed.
    Tls(String),
    /// The server refuses the name or the secret, in its words.
    Login(String),
    /// The server offers no way to log in that we may use.
    NoWayToLogIn,
    /// The server ends the session, or takes none now; its words.
    Refused(String),
    /// A response that is none, or one that answers nothing. It says which.
    BadResponse(&'static str),
}

/// An account: its inbox, and the organization of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UpstreamAccount {
    pub org: OrgId,
    pub inbox: InboxId,
}

/// A mailbox that is kept the same here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedFolder {
    pub id: UpstreamFolderId,
    /// The octets that the server uses.
    pub name: Vec<u8>,
    pub purpose: RemoteUse,
}

/// The mailboxes of an account that are looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedFolders {
    /// INBOX first.
    pub kept: Vec<SyncedFolder>,
    /// The one that has what is filed away: it is searched, and nothing of it is fetched.
    pub archive: Option<Vec<u8>>,
}

/// A message that is gone from the mailbox of its account in which it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoneMessage {
    /// The row of `upstream_message`.
    pub message: i64,
    /// With its angle brackets.
    pub message_id: String,
}

/// What a server said of a mailbox before the state of all its messages was compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ComparedAt {
    pub modseq: u64,
    pub uidnext: Option<u32>,
    pub exists: u32,
}

/// How far a mailbox has been fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchedUpTo {
    /// All messages up to this UID are here, or were passed over. `None`: it is seen for the first
    /// time, and the server has not said its next UID: what is there now is old.
    pub last_uid: Option<u32>,
    /// Messages behind it may be here already, or old: the server has given new UIDs, or the
    /// account has got the mailbox later.
    pub is_renumbered: bool,
    /// When the state of its messages was compared last, on a server with MODSEQs.
    pub compared: Option<ComparedAt>,
}

/// A message of an account on its way in: where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamMessage {
    pub account: UpstreamAccount,
    pub folder: UpstreamFolderId,
    pub purpose: RemoteUse,
    pub uidvalidity: u32,
    /// Its state there.
    pub row: RemoteMessage,
}

/// A connection that is to be made to the server of an account.
#[derive(Clone, Debug)]
pub struct UpstreamDial {
    pub account: UpstreamAccount,
    /// The inbox and the inboxes above it, for the question who listens.
    pub path: Arc<InboxPath>,
    /// The name of the host: for the certificate.
    pub host: String,
    /// In the order in which they are tried.
    pub addresses: Vec<SocketAddr>,
    pub tls: UpstreamTls,
    pub login: UpstreamLogin,
}

/// Where an [`UpstreamDial`] goes. `serve` implements it with the hub of the net.
pub trait UpstreamDialer: core::fmt::Debug + Send + Sync {
    /// Makes a connection with an engine of the protocol. It must not wait. Its end comes back as
    /// [`super::UpstreamWrite::Ended`].
    fn dial(&self, dial: UpstreamDial);
}
