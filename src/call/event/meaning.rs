//! The meaning of a log row outside the store: its public type, the facts that a filter
//! compares, the sessions that it ends, the keys that may see it. One match names every
//! [`Change`]: a new one does not compile until all of this is said of it.
//!
//! There is no JSON here: `http/stream/show.rs` has the shapes.

use super::{Change, Event, EventKind, Verdict};
use crate::call::{
    Access, ApprovalStatus, Arrival, EntryState, EventId, InboxId, InboxPath, KeyId, MailboxId,
    MessageDetail, OrgId, Scopes, Topic,
};

/// The meaning of one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meaning<'a> {
    /// Its public type. A row without one only moves cursors.
    pub kind: Option<EventKind>,
    /// The facts that a filter compares.
    pub facts: Facts<'a>,
    /// What has ended with it.
    pub ends: Option<SessionEnd>,
}

/// The facts of an event that a filter compares. A filter that asks for a fact that the event
/// does not have holds the event back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts<'a> {
    /// The address in From.
    pub from: Option<&'a str>,
    /// The priority that the sender gave: below, at or above 0.
    pub priority: Option<i8>,
    /// The judgement of the filter on the message.
    pub verdict: Option<Verdict>,
    /// The messages, with their labels.
    pub messages: &'a [EntryState],
    /// More of those that have come into INBOX. One that a filter asks for is enough.
    pub details: &'a [MessageDetail],
}

/// Something that has ended, and with it the sessions that depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SessionEnd {
    /// A key: every session that has logged in with it, every stream that it opened.
    Key(KeyId),
    /// An inbox: every IMAP session that has logged in to it, every stream of it.
    Inbox(InboxId),
    /// An organization: everything of all its keys.
    Org(OrgId),
    /// A mailbox: every IMAP session that has selected it.
    Mailbox(MailboxId),
}

impl Change {
    /// The inboxes that a moved one was under before, its parent first; else none.
    pub fn left(&self) -> &[InboxId] {
        match self {
            Change::InboxMoved { from } => from,
            _ => &[],
        }
    }
}

/// What a key sees of an event that it may see. Keys with the same sight are shown the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct EventSight {
    /// What stands in mail, and who wrote it: with `messages:read`.
    pub shows_mail: bool,
    /// The address of the inbox: with `messages:read` or `inboxes:read`.
    pub shows_addresses: bool,
    /// [`Event::has_left`]: not where the inbox is now.
    pub has_left: bool,
}

impl Event {
    /// Its id outside its organization.
    pub fn id(&self) -> EventId {
        EventId {
            org: self.org,
            seq: self.seq,
        }
    }

    /// What this event means outside the store.
    pub fn meaning(&self) -> Meaning<'_> {
        let unseen = Facts::default();
        let row = |kind, facts, ends| Meaning { kind, facts, ends };
        match &self.change {
            Change::Arrived(arrived) => {
                let kind = match arrived.kind {
                    Arrival::Received => EventKind::MessageReceived,
                    Arrival::Sent => EventKind::MessageSent,
                    Arrival::Appended | Arrival::Copied => EventKind::MessageUpdated,
                };
                let facts = Facts {
                    from: Some(&arrived.summary.from.address),
                    priority: Some(arrived.summary.priority),
                    verdict: arrived.spam.as_ref().map(|report| report.verdict),
                    messages: core::slice::from_ref(&arrived.state),
                    details: &[],
                };
                row(Some(kind), facts, None)
            }
            Change::Copied(bulk) | Change::Flagged(bulk) => {
                let facts = Facts {
                    messages: &bulk.messages,
                    details: &bulk.details,
                    ..Facts::default()
                };
                row(Some(EventKind::MessageUpdated), facts, None)
            }
            // A MOVE is two rows. The row of the target mailbox tells where the messages are,
            // so the row of the source mailbox has no public type.
            Change::Expunged { moved_to, .. } => {
                let kind = match moved_to {
                    None => Some(EventKind::MessageDeleted),
                    Some(_) => None,
                };
                row(kind, unseen, None)
            }
            Change::MailboxCreated { .. } | Change::MailboxRenamed { .. } => {
                row(None, unseen, None)
            }
            Change::MailboxDeleted { .. } => {
                row(None, unseen, self.mailbox.map(SessionEnd::Mailbox))
            }
            Change::Approval(change) => {
                let kind = match change.status {
                    ApprovalStatus::Held => EventKind::MessageHeld,
                    ApprovalStatus::Approved => EventKind::MessageApproved,
                    ApprovalStatus::Declined | ApprovalStatus::Expired => {
                        EventKind::MessageDeclined
                    }
                };
                row(Some(kind), unseen, None)
            }
            Change::InboxCreated => row(Some(EventKind::InboxCreated), unseen, None),
            Change::InboxUpdated | Change::InboxMoved { .. } => {
                row(Some(EventKind::InboxUpdated), unseen, None)
            }
            Change::InboxDeleted => {
                let ends = self.inbox.as_deref().map(|path| SessionEnd::Inbox(path.id));
                row(Some(EventKind::InboxDeleted), unseen, ends)
            }
            Change::KeyRevoked { key } => row(None, unseen, Some(SessionEnd::Key(*key))),
            Change::DomainVerified { .. } => row(Some(EventKind::DomainVerified), unseen, None),
            Change::OrgDeleted => row(None, unseen, Some(SessionEnd::Org(self.org))),
            Change::WebhookDisabled(_) => row(Some(EventKind::WebhookDisabled), unseen, None),
            Change::GroupReady { .. } | Change::Acknowledged { .. } => row(None, unseen, None),
            Change::Outbound(news) => row(Some(news.kind), unseen, None),
            Change::AutoReplied { .. } => row(Some(EventKind::MessageAutoReplied), unseen, None),
        }
    }

    /// What has ended with this event.
    pub fn ends(&self) -> Option<SessionEnd> {
        self.meaning().ends
    }

    /// Whether this event ends every session of a key; `None` is the operator, which no event
    /// ends.
    pub fn ends_key(&self, key: Option<KeyId>) -> bool {
        key.is_some_and(|key| self.ends() == Some(SessionEnd::Key(key)))
    }

    /// Whether a stream of `access` that was told all up to `told`, and asked to leave, ends with
    /// this event: its client has all of it, or its key has ended.
    pub fn lets_leave(&self, access: &Access, told: u64) -> bool {
        match self.change {
            Change::Acknowledged { key, upto } => key == access.key && upto >= told,
            _ => self.ends_access(access),
        }
    }

    /// Whether this event ends every session of a caller: its key or its organization has ended.
    pub fn ends_access(&self, access: &Access) -> bool {
        self.ends_key(access.key) || self.ends() == Some(SessionEnd::Org(access.org))
    }

    /// Whether a key of the same organization may see this event. A key that is bound to
    /// inboxes sees the rows of the inboxes that it covered when they were written, their leaving,
    /// and the end of itself.
    pub fn is_visible_to(&self, access: &Access) -> bool {
        match self.inbox.as_deref() {
            Some(_) => self.is_covered_by(access) || self.has_left(access),
            None => !access.is_bound() || self.ends_access(access),
        }
    }

    /// Whether a key covers the inbox of this event, as the tree was behind it.
    pub fn is_covered_by(&self, access: &Access) -> bool {
        self.inbox
            .as_deref()
            .is_some_and(|path| access.sees(path.id, &path.ancestors))
    }

    /// Whether the inbox was moved from where a key covered it to where it does not.
    pub fn has_left(&self, access: &Access) -> bool {
        let left = self.change.left();
        let covered = |path: &InboxPath| access.sees(path.id, left);
        !left.is_empty()
            && !self.is_covered_by(access)
            && self.inbox.as_deref().is_some_and(covered)
    }

    /// What `access` sees of this event.
    pub fn sight(&self, access: &Access) -> EventSight {
        let shows_mail = access.scopes.allow(Scopes::MESSAGES_READ);
        EventSight {
            shows_mail,
            shows_addresses: shows_mail || access.scopes.allow(Scopes::INBOXES_READ),
            has_left: self.has_left(access),
        }
    }

    /// Whether a session of `access` in `inbox` ends with this event: the inbox was deleted, or
    /// moved to where the key does not see it.
    pub fn ends_session_in(&self, inbox: InboxId, access: &Access) -> bool {
        let is_own = self.inbox.as_deref().is_some_and(|path| path.id == inbox);
        match &self.change {
            Change::InboxDeleted => is_own,
            Change::InboxMoved { .. } => is_own && !self.is_covered_by(access),
            _ => false,
        }
    }

    /// Every topic that this event belongs to.
    pub fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        let inbox = self.inbox.as_deref();
        let end = match self.ends() {
            Some(SessionEnd::Key(key)) => Some(Topic::Key(key)),
            Some(SessionEnd::Org(org)) => Some(Topic::OrgEnd(org)),
            Some(SessionEnd::Inbox(_) | SessionEnd::Mailbox(_)) | None => None,
        };
        let (first, inbox) = match self.change {
            Change::GroupReady { conn, .. } => (Topic::Reader(conn), None),
            // Every stream of a key watches the end of that key.
            Change::Acknowledged { key, .. } => {
                (key.map_or(Topic::OrgEnd(self.org), Topic::Key), None)
            }
            _ => (Topic::Org(self.org), inbox),
        };
        [
            Some(first),
            inbox.map(|path| Topic::Inbox(path.id)),
            inbox.map(|path| Topic::Tree(path.id)),
            end,
        ]
        .into_iter()
        .flatten()
        .chain(
            inbox
                .into_iter()
                .flat_map(|path| path.ancestors.iter().map(|id| Topic::Tree(*id))),
        )
        .chain(self.change.left().iter().map(|id| Topic::Tree(*id)))
    }
}
