//! Every change with its public type, what ends with it, and the keys that may see it.

use super::*;

#[test]
fn every_change_has_its_type_and_its_ends() {
    use EventKind::*;
    let rows = [
        (
            arrived(Arrival::Received, "a@b.test", 0, &[]),
            Some(MessageReceived),
            None,
        ),
        (
            arrived(Arrival::Sent, "a@b.test", 0, &[]),
            Some(MessageSent),
            None,
        ),
        (
            arrived(Arrival::Appended, "a@b.test", 0, &[]),
            Some(MessageUpdated),
            None,
        ),
        (
            arrived(Arrival::Copied, "a@b.test", 0, &[]),
            Some(MessageUpdated),
            None,
        ),
        (Change::Copied(bulk(&[])), Some(MessageUpdated), None),
        (Change::Flagged(bulk(&[])), Some(MessageUpdated), None),
        (expunged(None), Some(MessageDeleted), None),
        (expunged(Some(MailboxId(4))), None, None),
        (Change::MailboxCreated { name: name() }, None, None),
        (
            Change::MailboxRenamed {
                from: name(),
                to: name(),
            },
            None,
            None,
        ),
        (
            Change::MailboxDeleted { name: name() },
            None,
            Some(SessionEnd::Mailbox(MailboxId(3))),
        ),
        (Change::InboxCreated, Some(InboxCreated), None),
        (Change::InboxUpdated, Some(InboxUpdated), None),
        (moved(&[9]), Some(InboxUpdated), None),
        (
            Change::InboxDeleted,
            Some(InboxDeleted),
            Some(SessionEnd::Inbox(InboxId(5))),
        ),
        (
            Change::KeyRevoked { key: KeyId(2) },
            None,
            Some(SessionEnd::Key(KeyId(2))),
        ),
    ];
    for (change, kind, ends) in rows {
        let event = event(change);
        assert_eq!(event.meaning().kind, kind, "{event:?}");
        assert_eq!(event.ends(), ends, "{event:?}");
    }
}

#[test]
fn every_name_is_of_one_type() {
    for kind in EventKind::ALL {
        assert_eq!(EventKind::named(kind.name()), Some(*kind));
        let others = EventKind::ALL.iter().filter(|other| *other != kind);
        let set = others.fold(KindSet::default(), |set, other| set.with(*other));
        assert!(!set.has(*kind) && set.with(*kind).has(*kind));
    }
    assert_eq!(EventKind::named("message.read"), None);
    assert_eq!(EventKind::named("Ready"), None);
}

#[test]
fn a_bound_key_sees_its_inboxes_and_its_own_end() {
    let ours = event(Change::InboxUpdated);
    let own_end = Event {
        change: Change::KeyRevoked { key: KeyId(1) },
        ..revoked()
    };
    for (inboxes, sees_inbox, sees_other_key) in [
        (None, true, true),
        (Some(vec![InboxId(4), InboxId(5)]), true, false),
        (Some(vec![InboxId(7)]), false, false),
        (Some(vec![]), false, false),
    ] {
        let access = access(inboxes);
        assert_eq!(ours.is_visible_to(&access), sees_inbox, "{access:?}");
        assert_eq!(
            revoked().is_visible_to(&access),
            sees_other_key,
            "{access:?}"
        );
        assert!(own_end.is_visible_to(&access), "{access:?}");
    }
}

#[test]
fn an_event_belongs_to_its_inbox_and_every_tree_above() {
    let topics: Vec<Topic> = event(Change::InboxDeleted).topics().collect();
    assert_eq!(
        topics,
        [
            Topic::Org(OrgId(1)),
            Topic::Inbox(InboxId(5)),
            Topic::Tree(InboxId(5)),
            Topic::Tree(InboxId(7)),
            Topic::Tree(InboxId(8)),
        ]
    );
    let topics: Vec<Topic> = revoked().topics().collect();
    assert_eq!(topics, [Topic::Org(OrgId(1)), Topic::Key(KeyId(2))]);
}

fn moved(from: &[i64]) -> Change {
    let from = from.iter().map(|id| InboxId(*id)).collect();
    Change::InboxMoved { from }
}

#[test]
fn a_move_belongs_to_the_old_and_the_new_trees() {
    let moved = event(moved(&[9, 8]));
    let trees: Vec<i64> = moved
        .topics()
        .filter_map(|topic| match topic {
            Topic::Tree(inbox) => Some(inbox.0),
            _ => None,
        })
        .collect();
    // A tree that it stays in is told twice of; a watcher is given an event once all the same.
    assert_eq!(trees, [5, 7, 8, 9, 8]);
    for (root, is_covered, has_left) in [
        (5, true, false),
        (7, true, false),
        (8, true, false),
        (9, false, true),
        (6, false, false),
    ] {
        let access = access_to_tree(root);
        assert_eq!(moved.is_covered_by(&access), is_covered, "{root}");
        assert_eq!(moved.has_left(&access), has_left, "{root}");
        assert_eq!(moved.is_visible_to(&access), is_covered || has_left);
        assert_eq!(
            moved.ends_session_in(InboxId(5), &access),
            !is_covered,
            "{root}"
        );
    }
}
