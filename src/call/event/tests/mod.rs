//! Tests of the meaning of events and of filters, over events of every kind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod filter;
mod meaning;

use std::sync::Arc;

use super::*;
use crate::call::{Access, Flags, Grant, NamedAddress, Scopes};

/// An event of the inbox 5 under 7, whose address is `address`.
fn event_at(address: &str, change: Change) -> Event {
    Event {
        org: OrgId(1),
        depth: 0,
        seq: 9,
        at: 0,
        inbox: Some(Arc::new(InboxPath {
            id: InboxId(5),
            address: address.to_owned(),
            ancestors: vec![InboxId(7), InboxId(8)],
        })),
        mailbox: Some(MailboxId(3)),
        uids: UidSet::new(),
        change,
        origin: Some(ConnId(0)),
    }
}

fn event(change: Change) -> Event {
    event_at("bot@x.test", change)
}

/// The end of key 2, an event of no inbox.
fn revoked() -> Event {
    let change = Change::KeyRevoked { key: KeyId(2) };
    Event {
        inbox: None,
        mailbox: None,
        ..event(change)
    }
}

fn state(labels: &[&str]) -> EntryState {
    EntryState {
        uid: 1,
        id: EntryId(1),
        modseq: 9,
        flags: Flags::default(),
        keywords: labels.iter().map(|label| (*label).to_owned()).collect(),
    }
}

fn arrived(kind: Arrival, from: &str, priority: i8, labels: &[&str]) -> Change {
    let summary = Summary {
        from: NamedAddress {
            name: String::new(),
            address: from.to_owned(),
        },
        priority,
        ..Summary::default()
    };
    Change::Arrived(Box::new(Arrived {
        kind,
        state: state(labels),
        thread: ThreadId(1),
        folder: "INBOX".to_owned(),
        size: 1,
        message_id: String::new(),
        summary,
        auth: SenderAuth::Unknown,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    }))
}

fn bulk(labels: &[&[&str]]) -> Bulk {
    Bulk {
        messages: labels.iter().map(|labels| state(labels)).collect(),
        count: 2,
        folder: "INBOX".to_owned(),
        details: Vec::new(),
    }
}

fn expunged(moved_to: Option<MailboxId>) -> Change {
    Change::Expunged {
        messages: vec![EntryId(1)],
        count: 1,
        moved_to,
        folder: "INBOX".to_owned(),
        reason: None,
    }
}

fn name() -> String {
    "box".to_owned()
}

/// Key 1, bound to `inboxes`.
fn access(inboxes: Option<Vec<InboxId>>) -> Access {
    Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(1)),
        scopes: Scopes::EVENTS_READ,
        inboxes,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}

/// Key 1, bound to an inbox and those under it.
fn access_to_tree(root: i64) -> Access {
    let Access(grant) = access(Some(vec![InboxId(root)]));
    Access(Arc::new(Grant {
        subtree: true,
        ..Grant::clone(&grant)
    }))
}
