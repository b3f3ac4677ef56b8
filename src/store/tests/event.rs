//! Pages of the log: bounded in octets and not in rows alone.

#![allow(clippy::unwrap_used)]

use super::*;

/// Rows of EXPUNGE of every second of so many messages, in a mailbox of `inbox`.
fn log_expunges(store: &Store, inbox: InboxId, rows: u32, uids: u32) {
    let path = InboxPath {
        id: inbox,
        address: "bot@x.test".into(),
        ancestors: vec![],
    };
    let every_second: UidSet = (0..uids).map(|n| n * 2 + 1).collect();
    store.begin().unwrap();
    for _ in 0..rows {
        let change = Change::Expunged {
            messages: vec![EntryId(1)],
            count: uids,
            moved_to: None,
            folder: "INBOX".into(),
            reason: None,
        };
        let new = NewEvent {
            inbox: Some(path.clone().into()),
            mailbox: Some(MailboxId(1)),
            uids: every_second.clone(),
            change,
        };
        (store.append_event(NOW, ORG, None, new, &mut Vec::new())).unwrap();
    }
    store.commit().unwrap();
}

#[test]
fn a_page_of_rows_with_many_ranges_is_short() {
    let store = world();
    log_expunges(&store, INBOX, 12, 60_000);
    log_expunges(&store, InboxId(77), 12, 60_000);
    for topic in [
        Topic::Org(ORG),
        Topic::Inbox(INBOX),
        Topic::Tree(InboxId(99)),
        Topic::Tree(INBOX),
    ] {
        let (mut after, mut pages, mut most, mut found) = (0, 0, 0, 0);
        loop {
            let page = store.events_after(ORG, topic, after, 500).unwrap().unwrap();
            let ranges = page.events.iter().map(|event| event.uids.ranges().len());
            most = most.max(ranges.sum::<usize>());
            found += page.events.len();
            if page.scanned_to <= after {
                break;
            }
            (after, pages) = (page.scanned_to, pages + 1);
        }
        let wanted = match topic {
            Topic::Org(_) => 24,
            Topic::Tree(id) if id != INBOX => 0,
            _ => 12,
        };
        assert_eq!((found, after), (wanted, 24), "{topic:?}");
        // A row has 120 KB, so three of them fill a page.
        assert!(most <= 180_000 && pages >= 4, "{topic:?} {most} {pages}");
    }
}

#[test]
fn a_row_longer_than_a_page_is_a_page() {
    let store = world();
    log_expunges(&store, INBOX, 3, 300_000);
    for after in 0..3 {
        let page = store.events_after(ORG, Topic::Org(ORG), after, 500);
        let page = page.unwrap().unwrap();
        assert_eq!((page.events.len(), page.scanned_to), (1, after + 1));
    }
}
