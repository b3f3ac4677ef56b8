//! The event of COPY and MOVE: what it tells of messages that come into INBOX, and its bound.

use super::*;

/// Delivers `n` messages to Junk, each with a summary of about `octets`.
fn fill_junk(store: &Store, n: usize, octets: usize) {
    let junk = named(store, "Junk").1;
    for _ in 0..n {
        let summary = Summary {
            subject: "x".repeat(octets),
            ..Summary::default()
        };
        let body = NewBody {
            noted: None,
            octets: b"a\r\n",
            header_len: 0,
            references: &[],
            inboxes: &[],
            message_id: "",
            digest: b"d",
            summary: &summary,
        };
        let body = store.put_body(NOW, ORG, 1, &body).unwrap();
        let received = ReceivedBody {
            received_at: NOW.unix_ms,
            body,
        };
        let signature = Signature::default();
        store.sign(NOW, INBOX, received, &signature).unwrap();
        let stamp = store.next_seq(ORG, NOW).unwrap();
        let entry = NewEntry {
            id: EntryId(store.new_id(NOW)),
            body,
            body_size: 3,
            prefix: b"",
            digest_len: 0,
            thread: ThreadId(9),
            flags: Flags::NONE,
            keywords: &[],
            arrival: Arrival::Received,
            auth: SenderAuth::SpoofedLocal,
            received_at: NOW.unix_ms,
            spam: None,
        };
        store.add_entry(&junk, stamp.seq, &entry).unwrap();
    }
}

/// Copies or moves all of Junk; gives the change of the event of the target.
fn put(store: &Store, target: &str, remove: bool) -> Bulk {
    let ((place, junk), (_, target)) = (named(store, "Junk"), named(store, target));
    let mut events = Vec::new();
    let all = UidSet::from(1..=u32::MAX);
    let how = (remove, u64::MAX);
    let boxes = (&place, &junk, &target);
    store
        .copy((NOW, ME), boxes, &all, how, &mut events)
        .unwrap();
    match events.remove(0).change {
        Change::Copied(bulk) => bulk,
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_that_come_into_inbox_are_told_up_to_a_bound() {
    let store = world();
    store.begin().unwrap();
    fill_junk(&store, 120, 900);
    let elsewhere = put(&store, "Drafts", false);
    assert_eq!((elsewhere.messages.len(), elsewhere.count), (100, 120));
    assert!(elsewhere.details.is_empty());
    let bulk = put(&store, "INBOX", true);
    assert_eq!((bulk.messages.len(), bulk.count), (100, 120));
    let told = bulk.details.len();
    assert!((60..=BULK_DETAIL_BYTES_MAX / 900).contains(&told), "{told}");
    let first = &bulk.details[0];
    assert_eq!((first.thread, first.size), (ThreadId(9), 3));
    assert_eq!(first.auth, SenderAuth::SpoofedLocal, "a move keeps it");
    assert_eq!(first.summary.subject.len(), 900);

    fill_junk(&store, 2, 10);
    let bulk = put(&store, "INBOX", false);
    assert_eq!((bulk.messages.len(), bulk.details.len()), (2, 2));
    store.commit().unwrap();
}
